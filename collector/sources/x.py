"""X: hashtag search and lookups through tweepy, which builds the calls; httpx carries the bytes as received."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

import httpx
import requests
import tweepy

from archive.errors import ExchangeError, Fatal, OutOfBudget, Retriable
from archive.models import Batch, Chat, Flaw, Platform, Problem, RawPage
from archive.times import Clock, from_text, to_text
from collector.sources.base import Limits, Plan, Purpose, Window
from collector.sources.x_answers import check_fields, find_billed, find_unanswered, parse_counts, url_params
from collector.sources.x_errors import (
    WHERE_TO_GET_A_KEY,
    check_counts,
    check_lookup,
    check_search,
    decoded,
    error_of,
    refuses_token,
)
from collector.sources.x_fields import PRICE_OF_A_POST, PRICE_OF_ALL_COUNTS, Dialect, build_fields, worst_of_a_post
from collector.sources.x_parse import parse_answer
from collector.sources.x_post import as_object, native_id
from collector.sources.x_queries import (
    FIRST_POST,
    build_queries,
    build_ref_queries,
    first_id,
    id_before,
    id_time,
    whole_second,
)
from collector.transport import exchange, kept_headers, require_safe_base, server_time

Reach = Literal["recent", "all"]

OVERLAP_SECONDS = 180  # ids are not strictly in order within a moment, and X's index lags; sweeps read the rest
_LOOKBACK = timedelta(days=7)
_INDEX_LAG = timedelta(seconds=30)  # X's own default end of a search
_PAGE_SIZES: Mapping[Reach, int] = {"recent": 100, "all": 500}
_SMALLEST_PAGE = 10  # of a search
_QUERY_LENGTHS: Mapping[Reach, int] = {"recent": 512, "all": 1024}
_IDS_A_LOOKUP = 100
_RELATIONS: Mapping[Purpose, str] = {
    "thread": "conversation_id", "replies": "in_reply_to_tweet_id", "quotes": "quotes_of_tweet_id",
}  # fmt: skip
_CLOCK_TOLERANCE_SECONDS = 60
_USAGE_WARNING = 0.9

_ANY_TIME = Window()


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
        """Teaches tweepy what it does not know: the modern dialect, and that recent counts come in pages too."""
        known: dict[str, Any] = super()._process_params(params, (*endpoint_parameters, "post.fields", "next_token"))
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
        self._dialect: Dialect = dialect
        self._caller = _Caller(http, require_safe_base(base_url, "base_url under [source.x]"), self._token)
        self.limits = Limits(
            page_size=_PAGE_SIZES[search or "recent"],
            order="newest_first",
            overlap_seconds=OVERLAP_SECONDS,
            price=PRICE_OF_A_POST / 1000,
            lag_seconds=60,
            poll_seconds=15.0,
            counts=True,
        )

    def plans(self, purpose: Purpose, chat: Chat, window: Window = _ANY_TIME, refs: tuple[str, ...] = ()) -> list[Plan]:
        """For threads ``refs`` are the ids of the posts that began them. A search for a conversation does not give
        its first post, so that is looked up, by plans without a query.
        """
        longest = _QUERY_LENGTHS[self._search or "recent"]
        bounds = f"|{window.start or ''}..{window.end or ''}" if window != _ANY_TIME else ""
        if purpose in _RELATIONS:
            queries = build_ref_queries(_RELATIONS[purpose], refs, longest)
            why: Purpose = "quotes" if purpose == "quotes" else "thread"
            found = [
                Plan(key=f"{purpose}|x|{_digest(ids)}{bounds}", purpose=why, query=query, window=window, refs=ids)
                for query, ids in queries
            ]
            return [*found, *(_lookup_plans(purpose, "roots", refs) if purpose == "thread" else ())]
        if purpose == "posts":
            return _lookup_plans(purpose, "posts", refs)
        return [
            Plan(key=f"{purpose}|x|{query}{bounds}", purpose=purpose, query=query, window=window)
            for query in build_queries(chat.hashtags, longest)
        ]

    def worst_case(self, plan: Plan) -> int:
        """The most that one request of this plan can cost, in tenths of a US cent."""
        if plan.purpose == "counts":
            return PRICE_OF_ALL_COUNTS  # of the two prices the higher: a walk goes on where it began
        return self._page_size(plan) * worst_of_a_post(self._dialect, "search" if plan.query else "lookup")

    def within(self, plan: Plan, tenth_cents: int) -> Plan | None:
        """The plan with pages that cost this at most (tenths of a US cent); None where no page is small enough."""
        if plan.purpose == "counts":
            return plan if self.worst_case(plan) <= tenth_cents else None
        size = min(
            self._page_size(plan), tenth_cents // worst_of_a_post(self._dialect, "search" if plan.query else "lookup")
        )
        return replace(plan, page_size=size) if size >= (_SMALLEST_PAGE if plan.query else 1) else None

    def _page_size(self, plan: Plan, reach: Reach | None = None) -> int:
        """How many posts a request asks for."""
        if not plan.query:
            return min(len(plan.refs), plan.page_size or _IDS_A_LOOKUP, _IDS_A_LOOKUP)
        most = _PAGE_SIZES[reach or self._reach(plan)]
        return max(min(plan.page_size or most, most), _SMALLEST_PAGE)

    def fetch(self, plan: Plan, cursor: str | None) -> RawPage:
        self._require_token()
        place = json.loads(cursor) if cursor else None
        if not plan.query:
            return self._look_up(plan, place["from"] if place else 0)
        place = place or self._beginning(plan)
        if plan.purpose == "counts":
            return self._page("counts", self._ask_counts(plan.query, place), place)
        return self._page("search", self._ask(plan, place), place)

    def _look_up(self, plan: Plan, first: int) -> RawPage:
        ids = plan.refs[first : first + self._page_size(plan)]
        response = self._caller.get_tweets(list(ids), **build_fields(self._dialect, "lookup"))
        page = self._page("posts", response, None)
        rest = first + len(ids)
        if rest < len(plan.refs):
            page.next_cursor = json.dumps({"from": rest})
        return page

    def parse(self, page: RawPage) -> Batch:
        try:
            answer = json.loads(page.body.decode())
        except (ValueError, RecursionError):
            return Batch(flaws=[Flaw("malformed", "this page of X holds no JSON")])
        if page.http_status != 200:
            return Batch(flaws=[Flaw("unknown", "X refused the place to go on from, so the search began anew")])
        if page.format == "counts":
            return parse_counts(answer, page)
        batch = parse_answer(answer)
        batch.billed = find_billed(as_object(answer))
        if page.format == "posts":
            batch.top = None
            batch.missing += find_unanswered(page.url, batch)
        elif not url_params(page.url).get("next_token"):
            batch.flaws += check_fields(as_object(answer))
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
        start = _start_of(plan)
        return "all" if start is not None and start < self._clock() - _LOOKBACK else "recent"

    def _bounds(self, plan: Plan, reach: Reach) -> dict[str, str]:
        """The ends of the search: as ids where there is a floor, else as times; X refuses a mixture.

        Recent search refuses a beginning that is too old, so there it is left out: X then begins where it can.
        """
        now = self._clock()
        start = _start_of(plan)
        end = from_text(plan.window.end) if plan.window.end else None
        if reach == "all":  # left to itself it begins 30 days ago, and it refuses a time before X's first post
            start = max(start or FIRST_POST, FIRST_POST)
        elif start is not None and start < now - _LOOKBACK + timedelta(minutes=1):
            start = None
        by_id = plan.floor is not None
        bounds: dict[str, str] = {}
        if start is not None:
            bounds["since_id" if by_id else "start_time"] = id_before(start) if by_id else whole_second(start)
        if end is not None and end < now - _INDEX_LAG:
            bounds["until_id" if by_id else "end_time"] = first_id(end) if by_id else whole_second(end, up=True)
        return bounds

    def _ask(self, plan: Plan, place: dict[str, Any]) -> httpx.Response:
        reach: Reach = place["reach"]
        fields = build_fields(self._dialect)
        if reach == "all":
            # with these X gives 100 posts a page instead of 500, and nothing here reads them
            name = "tweet_fields" if "tweet_fields" in fields else "post_fields"
            fields[name] = [each for each in fields[name] if each != "context_annotations"]
        search = self._caller.search_all_tweets if reach == "all" else self._caller.search_recent_tweets
        response: httpx.Response = search(
            plan.query,
            max_results=self._page_size(plan, reach),
            sort_order="recency",
            next_token=place["next"],
            **place["bounds"],
            **fields,
        )
        return response

    def _ask_counts(self, query: str, place: dict[str, Any]) -> httpx.Response:
        count = self._caller.get_all_tweets_count if place["reach"] == "all" else self._caller.get_recent_tweets_count
        response: httpx.Response = count(query, granularity="minute", next_token=place["next"], **place["bounds"])
        return response

    def _page(self, name: str, response: httpx.Response, place: dict[str, Any] | None) -> RawPage:
        """The page as received, or the error that it is.

        Where X no longer takes the place to go on from, its refusal is a page whose cursor begins anew between the
        same ends. To try that place again would help never; to begin here would be a second exchange; and to give the
        walk up would leave the time before it unproved. The number in the cursor keeps the second pass apart from the
        first, whose places may all come again; a walk that gets nowhere so is stopped by the walker's guards.
        """
        if place is not None and place["next"] and refuses_token(response):
            return self._raw(name, response, {**place, "next": None, "anew": place.get("anew", 0) + 1})
        error = error_of(response, self._clock(), self._token)
        if error is not None:
            raise error
        answer = decoded(response)
        {"posts": check_lookup, "counts": check_counts, "search": check_search}[name](answer)
        token = as_object(answer.get("meta")).get("next_token")
        return self._raw(name, response, {**place, "next": token} if place is not None and token else None)

    def _raw(self, name: str, response: httpx.Response, place: dict[str, Any] | None) -> RawPage:
        return RawPage(
            source=self.name,
            format=name,
            origin=response.url.host,
            fetched_at=to_text(self._clock()),
            body=response.content,
            url=str(response.url.copy_with(userinfo=b"")),
            http_status=response.status_code,
            headers=kept_headers(response),
            next_cursor=json.dumps(place, sort_keys=True) if place else None,
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


def _lookup_plans(purpose: Purpose, name: str, refs: tuple[str, ...]) -> list[Plan]:
    ids = [ref for ref in dict.fromkeys(refs) if native_id(ref)]
    packs = [tuple(ids[at : at + _IDS_A_LOOKUP]) for at in range(0, len(ids), _IDS_A_LOOKUP)]
    return [Plan(key=f"{name}|x|{_digest(pack)}", purpose=purpose, refs=pack) for pack in packs]


def _digest(ids: tuple[str, ...]) -> str:
    return hashlib.blake2b(",".join(ids).encode(), digest_size=8).hexdigest()


def _start_of(plan: Plan) -> datetime | None:
    """From when on a plan asks: its window, its floor, and no earlier than the posts that it asks about."""
    oldest = min(plan.refs, key=int, default=None)
    start = from_text(plan.window.start) if plan.window.start else None
    return max((m for m in (start, id_time(plan.floor), id_time(oldest)) if m is not None), default=None)


def _check_usage(answer: Mapping[str, Any]) -> list[Problem]:
    data = as_object(answer.get("data"))
    used, cap = native_id(data.get("project_usage")), native_id(data.get("project_cap"))
    if used is None or cap is None or int(cap) == 0 or int(used) < _USAGE_WARNING * int(cap):
        return []
    message = f"{int(used):,} of the {int(cap):,} posts that X sells you a month are used"
    remedy = f"collect less until the count begins anew on day {data.get('cap_reset_day', '?')}, or raise the cap"
    return [Problem("X", message, f"{remedy} at https://console.x.com", "warning")]
