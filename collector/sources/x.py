"""X: hashtag search and lookups through tweepy, which builds the calls; httpx carries the bytes as received."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import httpx
import requests
import tweepy

from archive.errors import ExchangeError, Fatal, OutOfBudget, Retriable
from archive.models import Batch, Chat, Flaw, Platform, Problem, RawPage, Ref
from archive.times import Clock, from_text, to_text
from collector.sources.base import Limits, Plan, Purpose, Window
from collector.sources.x_errors import WHERE_TO_GET_A_KEY, check_lookup, check_search, decoded, error_of
from collector.sources.x_parse import parse_answer
from collector.sources.x_post import SNOWFLAKE_EPOCH_MS, as_object, listed, native_id
from collector.transport import exchange, kept_headers, require_safe_base, server_time

Dialect = Literal["legacy", "modern"]
Reach = Literal["recent", "all"]

OVERLAP_SECONDS = 600  # ids are not strictly in order within a moment, and X's index lags
_LOOKBACK = timedelta(days=7)
_INDEX_LAG = timedelta(seconds=30)  # X's own default end of a search
_PAGE_SIZES: Mapping[Reach, int] = {"recent": 100, "all": 500}
_QUERY_LENGTHS: Mapping[Reach, int] = {"recent": 512, "all": 1024}
_IDS_A_LOOKUP = 100
_PRICE_A_POST = 0.005  # US dollars, X's price list of 2026
_CLOCK_TOLERANCE_SECONDS = 60
_USAGE_WARNING = 0.9

# All public fields by X's API description 2.166 and 2.167. X drops an unknown name in silence and bills the answer,
# so tests hold these against the descriptions.
_TWEET_FIELDS = """
article attachments author_id card_uri community_id context_annotations conversation_id created_at display_text_range
edit_controls edit_history_tweet_ids entities geo id in_reply_to_user_id lang media_metadata note_tweet
paid_partnership possibly_sensitive public_metrics referenced_tweets reply_settings scopes source text withheld
"""
_TWEET_EXPANSIONS = """
article.cover_media article.media_entities attachments.media_keys attachments.media_source_tweet attachments.poll_ids
author_id edit_history_tweet_ids entities.mentions.username entities.note.mentions.username geo.place_id
in_reply_to_user_id referenced_tweets.id referenced_tweets.id.attachments.media_keys referenced_tweets.id.author_id
"""
_POST_FIELDS = """
article attachments card_uri community_id context_annotations conversation_id created_at display_text_range
edit_controls entities geo id lang media_metadata note_post paid_partnership possibly_sensitive public_metrics
reply_settings scopes source text withheld
"""
_POST_EXPANSIONS = """
article.cover_media article.media_entities attachments.media_keys attachments.media_source_tweet attachments.poll_ids
author_id edit_history_post_ids entities.mentions.username geo.place_id in_reply_to_user_id referenced_posts
"""
_USER_FIELDS = """
created_at description entities id is_identity_verified location name parody profile_banner_url profile_image_url
protected public_metrics subscription_type url username verified verified_followers_count verified_type withheld
"""
_LEGACY_USER_FIELDS = "affiliation most_recent_tweet_id pinned_tweet_id"
_MEDIA_FIELDS = "alt_text duration_ms height media_key preview_image_url public_metrics type url variants width"
_POLL_FIELDS = "duration_minutes end_datetime id options voting_status"
_PLACE_FIELDS = "contained_within country country_code full_name geo id name place_type"

_ANY_TIME = Window()
_EXPECTED = ("author_id", "conversation_id", "created_at", "public_metrics")


class _Caller(tweepy.Client):  # type: ignore[misc]  # tweepy ships no types
    """tweepy's routes and parameters; the request itself goes by our client and comes back as received."""

    def __init__(self, http: httpx.Client, base_url: str, token: str) -> None:
        super().__init__(token, return_type=requests.Response)  # tweepy hands this type back untouched
        self._http = http
        self._base_url = base_url

    def request(
        self,
        method: str,
        route: str,
        params: Mapping[str, Any] | None = None,
        json: object = None,
        user_auth: bool = False,
    ) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.bearer_token}"}
        return exchange(self._http, method, self._base_url + route, params=params, headers=headers, json=json)

    def _process_params(self, params: Mapping[str, Any], endpoint_parameters: Iterable[str]) -> dict[str, Any]:
        """Teaches tweepy the one parameter of the modern dialect that it does not know."""
        known: dict[str, Any] = super()._process_params(params, (*endpoint_parameters, "post.fields"))
        return known


class XSource:
    """X's search for hashtags and its lookup of posts, for an app that signs in with a bearer token.

    ``search`` None asks recent search (7 days) where that reaches, and the full archive where the window or the
    place to go on from is older. ``dialect`` is what we ask in; answers in both are read.
    """

    name: Platform = "x"
    servers = ("",)

    def __init__(
        self,
        http: httpx.Client,
        clock: Clock,
        *,
        base_url: str = "https://api.x.com",
        bearer_token: str | None,
        search: Reach | None = None,
        dialect: Dialect = "legacy",
    ) -> None:
        self._clock = clock
        self._token = (bearer_token or "").strip()
        self._search = search
        self._fields = _fields(dialect)
        self._caller = _Caller(http, require_safe_base(base_url, "base_url under [source.x]"), self._token)
        self.limits = Limits(
            page_size=_PAGE_SIZES[search or "recent"],
            order="newest_first",
            overlap_seconds=OVERLAP_SECONDS,
            price=_PRICE_A_POST,
            lag_seconds=60,
        )

    def plans(self, purpose: Purpose, chat: Chat, window: Window = _ANY_TIME, refs: tuple[str, ...] = ()) -> list[Plan]:
        if purpose == "posts":
            ids = [ref for ref in dict.fromkeys(refs) if native_id(ref)]
            return [_lookup_plan(ids[at : at + _IDS_A_LOOKUP]) for at in range(0, len(ids), _IDS_A_LOOKUP)]
        longest = _QUERY_LENGTHS[self._search or "recent"]
        bounds = f"|{window.start or ''}..{window.end or ''}" if window != _ANY_TIME else ""
        return [
            Plan(key=f"tag|x|{query}{bounds}", purpose="tag", query=query, window=window)
            for query in build_queries(chat.hashtags, longest)
        ]

    def fetch(self, plan: Plan, cursor: str | None) -> RawPage:
        self._require_token()
        if plan.purpose == "posts":
            response = self._caller.get_tweets(list(plan.refs), **self._fields)
            return self._page("posts", response, None)
        place = json.loads(cursor) if cursor else self._beginning(plan)
        return self._page("search", self._ask(plan.query, place), place)

    def parse(self, page: RawPage) -> Batch:
        try:
            answer = json.loads(page.body.decode())
        except (ValueError, RecursionError):
            return Batch(flaws=[Flaw("malformed", "this page of X holds no JSON")])
        batch = parse_answer(answer)
        if page.format == "posts":
            batch.top = None
            batch.missing += _unanswered(page.url, batch)
        elif not _url_params(page.url).get("next_token"):
            batch.flaws += _check_fields(as_object(answer))
        return batch

    def earliest(self, plan: Plan) -> str | None:
        return None if self._reach(plan) == "all" else to_text(self._clock() - _LOOKBACK)

    def floor_below(self, top: str) -> str:
        return str(max((int(top) >> 22) - OVERLAP_SECONDS * 1000, 0) << 22)

    def higher(self, one: str, other: str) -> str:
        return max(one, other, key=int)

    def check(self) -> list[Problem]:
        try:
            self._require_token()
            response = self._caller.request("GET", "/2/usage/tweets", {"days": 1})
            error = error_of(response, self._clock(), self._token)
            if error is not None:
                raise error
            return [*self._check_clock(response), *_check_usage(decoded(response))]
        except (Fatal, OutOfBudget) as why:
            message, _, remedy = str(why).partition("; ")
            return [Problem("X", message, remedy)]
        except Retriable as why:
            return [Problem("X", str(why), "try again in a few minutes; if it lasts, look at base_url in chats.toml")]
        except ExchangeError as why:
            return [Problem("X", str(why), "the usage of your account could not be read", "warning")]

    def _require_token(self) -> None:
        if not self._token:
            raise Fatal(f"X needs X_BEARER_TOKEN, which is not set; {WHERE_TO_GET_A_KEY}")
        if not (self._token.isascii() and self._token.isprintable()) or " " in self._token:
            raise Fatal(f"X_BEARER_TOKEN holds characters that no key has; {WHERE_TO_GET_A_KEY}")

    def _beginning(self, plan: Plan) -> dict[str, Any]:
        """Where a search begins. It goes into every cursor: X wants the same ends with each of its tokens, and
        what ends are right changes with the hour.
        """
        reach = self._reach(plan)
        return {"reach": reach, "bounds": self._bounds(plan, reach), "next": None}

    def _reach(self, plan: Plan) -> Reach:
        """Recent search where it reaches back far enough; a floor tells how far just as a window does."""
        if self._search:
            return self._search
        earliest = [moment for moment in (_start_of(plan.window), _id_time(plan.floor)) if moment is not None]
        return "all" if earliest and max(earliest) < self._clock() - _LOOKBACK else "recent"

    def _bounds(self, plan: Plan, reach: Reach) -> dict[str, str]:
        """The ends of the search: as ids where there is a floor, else as times; X refuses a mixture.

        Recent search refuses a beginning that is too old, so there it is left out: X then begins where it can.
        """
        now = self._clock()
        start = max((m for m in (_start_of(plan.window), _id_time(plan.floor)) if m is not None), default=None)
        end = from_text(plan.window.end) if plan.window.end else None
        if reach == "all":  # left to itself it begins 30 days ago, and it refuses a time before X's first post
            start = max(start or _FIRST_POST, _FIRST_POST)
        elif start is not None and start < now - _LOOKBACK + timedelta(minutes=1):
            start = None
        by_id = plan.floor is not None
        bounds: dict[str, str] = {}
        if start is not None:
            bounds["since_id" if by_id else "start_time"] = _before(start) if by_id else _second(start)
        if end is not None and end < now - _INDEX_LAG:
            bounds["until_id" if by_id else "end_time"] = _first_id(end) if by_id else _second(end, up=True)
        return bounds

    def _ask(self, query: str, place: dict[str, Any]) -> httpx.Response:
        reach: Reach = place["reach"]
        fields = dict(self._fields)
        if reach == "all":
            # with these X gives 100 posts a page instead of 500, and nothing here reads them
            name = "tweet_fields" if "tweet_fields" in fields else "post_fields"
            fields[name] = [each for each in fields[name] if each != "context_annotations"]
        search = self._caller.search_all_tweets if reach == "all" else self._caller.search_recent_tweets
        response: httpx.Response = search(
            query,
            max_results=_PAGE_SIZES[reach],
            sort_order="recency",
            next_token=place["next"],
            **place["bounds"],
            **fields,
        )
        return response

    def _page(self, name: str, response: httpx.Response, place: dict[str, Any] | None) -> RawPage:
        """The page as received, or the error that it is."""
        error = error_of(response, self._clock(), self._token)
        if error is not None:
            raise error
        answer = decoded(response)
        check_lookup(answer) if place is None else check_search(answer)
        token = as_object(answer.get("meta")).get("next_token")
        more = place is not None and bool(token)
        return RawPage(
            source=self.name,
            format=name,
            origin=response.url.host,
            fetched_at=to_text(self._clock()),
            body=response.content,
            url=str(response.url.copy_with(userinfo=b"")),
            http_status=response.status_code,
            headers=kept_headers(response),
            next_cursor=json.dumps({**(place or {}), "next": token}, sort_keys=True) if more else None,
        )

    def _check_clock(self, response: httpx.Response) -> list[Problem]:
        theirs = server_time(response)
        if theirs is None:
            return []
        off = abs((self._clock() - theirs).total_seconds())
        if off <= _CLOCK_TOLERANCE_SECONDS:
            return []
        remedy = "let the machine set its clock by itself; searches and waits go by it"
        return [Problem("X", f"this machine's clock is {off:.0f} seconds off X's", remedy, "warning")]


def build_queries(hashtags: Iterable[str], longest: int) -> list[str]:
    """Search queries that together find every hashtag once, none longer than ``longest`` characters.

    X leaves reposts out of search since May 2026; the operator keeps them out, and unpaid, should they return.
    """
    groups: list[list[str]] = []
    for tag in dict.fromkeys(hashtags):
        if groups and len(_query([*groups[-1], tag])) <= longest:
            groups[-1].append(tag)
        else:
            groups.append([tag])
    return [_query(group) for group in groups]


def _query(tags: list[str]) -> str:
    return f"({' OR '.join('#' + tag for tag in tags)}) -is:retweet"


def _lookup_plan(ids: list[str]) -> Plan:
    digest = hashlib.blake2b(",".join(ids).encode(), digest_size=8).hexdigest()
    return Plan(key=f"posts|x|{digest}", purpose="posts", refs=tuple(ids))


def _fields(dialect: Dialect) -> dict[str, list[str]]:
    """What to ask for, in tweepy's parameter names. The dialects must not be mixed: X then drops data in silence."""
    common = {"media_fields": _MEDIA_FIELDS, "poll_fields": _POLL_FIELDS, "place_fields": _PLACE_FIELDS}
    if dialect == "modern":
        own = {"post_fields": _POST_FIELDS, "expansions": _POST_EXPANSIONS, "user_fields": _USER_FIELDS}
    else:
        own = {
            "tweet_fields": _TWEET_FIELDS,
            "expansions": _TWEET_EXPANSIONS,
            "user_fields": f"{_USER_FIELDS} {_LEGACY_USER_FIELDS}",
        }
    return {name: names.split() for name, names in (own | common).items()}


def _start_of(window: Window) -> datetime | None:
    return from_text(window.start) if window.start else None


def _id_time(native: str | None) -> datetime | None:
    """When an id was given out; X's epoch for the ids before it."""
    if native is None:
        return None
    return _EPOCH + timedelta(milliseconds=int(native) >> 22)


_FIRST_POST = from_text("2006-03-22T00:00:00Z")
_EPOCH = from_text("1970-01-01T00:00:00Z") + timedelta(milliseconds=SNOWFLAKE_EPOCH_MS)


def _first_id(moment: datetime) -> str:
    """The lowest id of a moment."""
    return str(max((moment - _EPOCH) // timedelta(milliseconds=1), 0) << 22)


def _before(moment: datetime) -> str:
    """The id just below a moment's: since_id leaves the id itself out."""
    return str(max(int(_first_id(moment)) - 1, 1))


def _second(moment: datetime, *, up: bool = False) -> str:
    """A time as X takes it, in whole seconds; an end is rounded up so that its second is searched whole."""
    whole = moment.replace(microsecond=0)
    whole += timedelta(seconds=1) if up and moment.microsecond else timedelta()
    return f"{whole:%Y-%m-%dT%H:%M:%SZ}"


def _url_params(url: str) -> httpx.QueryParams:
    return httpx.URL(url).params


def _unanswered(url: str, batch: Batch) -> list[Ref]:
    """The ids of a lookup that came back neither as a post nor as gone."""
    answered = {ref.native_id for post in batch.posts for ref in post.native_ids}
    answered |= {deletion.ref.native_id for deletion in batch.deletions}
    return [Ref(native) for native in _url_params(url).get("ids", "").split(",") if native and native not in answered]


def _check_fields(answer: Mapping[str, Any]) -> list[Flaw]:
    """The fields that we asked for and no post of the first page has: X drops a renamed field in silence."""
    rows = listed(dict(answer), "data")
    absent = [name for name in _EXPECTED if rows and not any(row.get(name) is not None for row in rows)]
    if rows and not listed(as_object(answer.get("includes")), "users"):
        absent.append("includes.users")
    return [Flaw("unknown", f"X did not send {name}, which was asked for") for name in absent]


def _check_usage(answer: Mapping[str, Any]) -> list[Problem]:
    data = as_object(answer.get("data"))
    used, cap = native_id(data.get("project_usage")), native_id(data.get("project_cap"))
    if used is None or cap is None or int(cap) == 0 or int(used) < _USAGE_WARNING * int(cap):
        return []
    message = f"{int(used):,} of the {int(cap):,} posts that X sells you a month are used"
    remedy = f"collect less until the count begins anew on day {data.get('cap_reset_day', '?')}, or raise the cap"
    return [Problem("X", message, f"{remedy} at https://console.x.com", "warning")]
