"""Bluesky as a source: hashtag searches, look-ups and conversations, signed in through the account's own server."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import httpx

from archive.errors import Fatal, Retriable, Skippable
from archive.models import Batch, Chat, Platform, Problem, RawPage
from archive.times import Clock, normalise, shift, to_text
from collector.sources.base import Limits, Plan, Purpose, Window
from collector.sources.bluesky_account import (
    SIGN_IN_REMEDY,
    BlueskyAccount,
    error_name,
    host_of,
    read_answer,
)
from collector.sources.bluesky_parse import find_oldest, is_post_view, parse_page
from collector.sources.bluesky_record import POST_URI, decode_object
from collector.transport import exchange, kept_headers, require_safe_base, server_time

_SEARCH = "app.bsky.feed.searchPosts"
_POSTS = "app.bsky.feed.getPosts"
_THREAD = "app.bsky.feed.getPostThread"
_QUOTES = "app.bsky.feed.getQuotes"
_PAGE_SIZE = 100  # the most that searchPosts gives (400 above)
_URIS_A_CALL = 25  # the most that getPosts takes (400 above)
# A search gives at most 10,000 hits by cursor, hidden ones counted: the walk goes over to a new time slice just before.
_PAGES_A_SLICE = 99
# A cap that nobody announced would end a long slice without a word, so one that ends beyond here is looked at again.
_PAGES_TO_TRUST = 50
_OVERLAP_SECONDS = 600
_LAG_SECONDS = 60  # Bluesky publishes no figure for its search; posts are seen within seconds
_POLL_SECONDS = 15.0  # far below the 3,000 requests that five minutes allow, whatever the number of hashtags
# Each step down a thread is two steps into its JSON, which no parser follows for ever; Bluesky's most is 1,000.
_THREAD_DEPTH = 200
_AFRESH = "afresh"  # the place of a list of quotes whose cursor was refused
_CLOCK_TOLERANCE_SECONDS = 120
_ALWAYS = Window()


class BlueskySource:
    """Bluesky, searched as the account that BLUESKY_HANDLE names. Fulfils collector.sources.base.Source."""

    name: Platform = "bluesky"
    servers = ("",)
    # No cap_per_query: time slices go past Bluesky's 10,000.
    limits = Limits(
        page_size=_PAGE_SIZE,
        order="newest_first",
        overlap_seconds=_OVERLAP_SECONDS,
        lag_seconds=_LAG_SECONDS,
        poll_seconds=_POLL_SECONDS,
    )

    def __init__(
        self,
        http: httpx.Client,
        clock: Clock,
        *,
        service: str = "https://bsky.social",
        handle: str | None,
        app_password: str | None,
        sessions_dir: Path | None,
    ) -> None:
        self._http = http
        self._clock = clock
        self._service = require_safe_base(service, "[source.bluesky] service")
        self._account = BlueskyAccount(http, clock, self._service, (handle, app_password), sessions_dir)

    def plans(self, purpose: Purpose, chat: Chat, window: Window = _ALWAYS, refs: tuple[str, ...] = ()) -> list[Plan]:
        """One plan a hashtag, one for every 25 posts to look up, or one a post whose thread or quotes are asked for.

        What is no post's address is left out. The service is no part of a key: whichever server asks, one search of
        all Bluesky answers. Bluesky tells no counts.
        """
        start = f"bluesky/{purpose}"
        if purpose == "counts":
            return []
        uris = sorted({ref for ref in refs if POST_URI.fullmatch(ref)})
        if purpose == "posts":
            groups = [tuple(uris[i : i + _URIS_A_CALL]) for i in range(0, len(uris), _URIS_A_CALL)]
            return [Plan(key=f"{start}/{_digest(group)}", purpose=purpose, refs=group) for group in groups]
        if purpose == "replies":  # a thread holds what answers any of its posts
            purpose = "thread"
        if purpose in ("thread", "quotes"):
            return [Plan(key=f"{start}/{uri}", purpose=purpose, refs=(uri,)) for uri in uris]
        times = f"/{window.start or ''}..{window.end or ''}" if window != _ALWAYS else ""
        queries = [f"#{tag}" for tag in chat.hashtags]
        return [Plan(key=f"{start}/{query}{times}", purpose=purpose, query=query, window=window) for query in queries]

    def fetch(self, plan: Plan, cursor: str | None) -> RawPage:
        if plan.purpose == "posts":
            response = self._account.ask(_POSTS, httpx.QueryParams({"uris": list(plan.refs)}))
            self._read_views(response)
            return self._page("posts", response, None)
        if plan.purpose == "thread":
            return self._fetch_thread(plan)
        if plan.purpose == "quotes":
            return self._fetch_quotes(plan, None if cursor == _AFRESH else cursor)
        place = _Place.read(cursor) or _Place(until=plan.window.end)
        response = self._account.ask(_SEARCH, _search_params(plan, place))
        if place.cursor is not None and _is_refused(response):
            # All else in this request was accepted a page ago, so the cursor is what is refused.
            return self._page("error", response, place.sliced().text())
        views, platform_cursor = self._read_views(response)
        oldest = find_oldest(views, to_text(self._clock())) or place.oldest
        following = place.after(platform_cursor, oldest)
        return self._page("search", response, following.text() if following else None)

    def _fetch_thread(self, plan: Plan) -> RawPage:
        params: dict[str, str | int] = {"uri": plan.refs[0], "depth": _THREAD_DEPTH, "parentHeight": _THREAD_DEPTH}
        response = self._account.ask(_THREAD, httpx.QueryParams(params))
        if not (_is_refused(response) and error_name(response) == "NotFound"):
            answer = read_answer(response, self._clock)
            if not isinstance(answer.get("thread"), dict):
                raise Retriable(f"{host_of(response)} sent an answer without a thread", status=response.status_code)
        return self._page("thread", response, None)

    def _fetch_quotes(self, plan: Plan, cursor: str | None) -> RawPage:
        params: dict[str, str | int] = {"uri": plan.refs[0], "limit": _page_size(plan)}
        if cursor is not None:
            params["cursor"] = cursor
        response = self._account.ask(_QUOTES, httpx.QueryParams(params))
        if cursor is not None and _is_refused(response):
            return self._page("error", response, _AFRESH)
        _, platform_cursor = self._read_views(response)
        return self._page("quotes", response, platform_cursor)

    def parse(self, page: RawPage) -> Batch:
        return parse_page(page)

    def earliest(self, plan: Plan) -> str | None:
        return None

    def floor_below(self, top: str) -> str:
        return shift(top, seconds=-_OVERLAP_SECONDS)

    def higher(self, one: str, other: str) -> str:
        return max(one, other)

    def check(self) -> list[Problem]:
        problems = self._check_reachable()
        if not self._account.complete:
            message = "BLUESKY_HANDLE or BLUESKY_APP_PASSWORD is not set, and Bluesky is searched signed in only"
            return [*problems, Problem("bluesky", message, SIGN_IN_REMEDY)]
        if any(problem.level == "error" for problem in problems):
            return problems
        return problems + self._check_account()

    def _check_reachable(self) -> list[Problem]:
        try:
            url = f"{self._service}/xrpc/com.atproto.server.describeServer"
            response = exchange(self._http, "GET", url)
            read_answer(response, self._clock)
        except Retriable as error:
            remedy = f"try again in a while; if it stays so, look at [source.bluesky] service ({self._service})"
            return [Problem("bluesky", str(error), remedy)]
        except (Fatal, Skippable) as error:
            return [Problem("bluesky", str(error), "mend [source.bluesky] service in chats.toml")]
        return self._check_clock(response)

    def _check_clock(self, response: httpx.Response) -> list[Problem]:
        theirs = server_time(response)
        if theirs is None:
            return []
        seconds = (self._clock() - theirs).total_seconds()
        if abs(seconds) <= _CLOCK_TOLERANCE_SECONDS:
            return []
        message = f"this machine's clock is {abs(seconds) / 60:.0f} minutes {'ahead' if seconds > 0 else 'behind'}"
        return [Problem("bluesky", message, "set the clock by the network (NTP): sessions go by it", "warning")]

    def _check_account(self) -> list[Problem]:
        try:
            read_answer(self._account.ask("com.atproto.server.getSession"), self._clock)
        except Fatal as error:
            return [Problem("bluesky", str(error), SIGN_IN_REMEDY)]
        except (Retriable, Skippable) as error:
            return [Problem("bluesky", f"could not sign in: {error}", "try again in five minutes", "warning")]
        return []

    def _read_views(self, response: httpx.Response) -> tuple[list[object], str | None]:
        """The views and the platform's cursor of a good answer; a page of no posts list is worth another try."""
        answer = read_answer(response, self._clock)
        views, cursor = answer.get("posts"), answer.get("cursor")
        if not isinstance(views, list) or not isinstance(cursor, str | None):
            raise Retriable(f"{host_of(response)} sent an answer without a list of posts", status=response.status_code)
        if views and not any(map(is_post_view, views)):
            message = f"{host_of(response)} sent a list without a post that can be understood"
            raise Retriable(message, status=response.status_code)
        return views, cursor or None

    def _page(self, page_format: str, response: httpx.Response, next_cursor: str | None) -> RawPage:
        return RawPage(
            source=self.name,
            format=page_format,
            origin=host_of(response),
            fetched_at=to_text(self._clock()),
            body=response.content,
            url=str(response.request.url),
            http_status=response.status_code,
            headers=kept_headers(response),
            next_cursor=next_cursor,
        )


@dataclass(frozen=True, slots=True)
class _Place:
    """How far a hashtag's walk has got: its time slice, and there the platform's cursor, pages so far, oldest time."""

    cursor: str | None = None
    until: str | None = None
    pages: int = 0
    oldest: str | None = None

    @classmethod
    def read(cls, text: str | None) -> _Place | None:
        """The place that text() wrote; None is the start, and so is anything else."""
        stored = decode_object((text or "").encode("utf-8", "replace"))
        cursor, pages = stored.get("cursor"), stored.get("pages")
        if not stored or not isinstance(pages, int):
            return None
        return cls(
            cursor=cursor if isinstance(cursor, str) else None,
            until=normalise(stored.get("until")),
            pages=pages,
            oldest=normalise(stored.get("oldest")),
        )

    def text(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"), sort_keys=True)

    def after(self, cursor: str | None, oldest: str | None) -> _Place | None:
        """The next place, when a page ended with the platform's ``cursor``; None where the walk is complete."""
        reached = replace(self, cursor=cursor, pages=self.pages + 1, oldest=oldest)
        stuck = cursor is not None and cursor == self.cursor
        if oldest is not None and (reached.pages >= _PAGES_A_SLICE or stuck):
            return reached.sliced()
        if cursor is None and oldest is not None and reached.pages >= _PAGES_TO_TRUST:
            return reached.sliced()
        return reached if cursor is not None else None

    def sliced(self) -> _Place:
        """The next time slice: down from the oldest post seen, one millisecond generous so as to lose nothing."""
        if self.oldest is None:
            return _Place(until=self.until)
        until = shift(self.oldest, milliseconds=1)
        if self.until is not None and until >= self.until:
            # The whole slice lies within one millisecond: the only way on is below it.
            until = shift(self.until, milliseconds=-1)
        return _Place(until=until)


def _search_params(plan: Plan, place: _Place) -> httpx.QueryParams:
    params: dict[str, str | int] = {"q": plan.query, "sort": "latest", "limit": _page_size(plan)}
    starts = [time for time in (plan.window.start, plan.floor) if time]
    if starts:
        params["since"] = max(starts)
    if place.until:
        params["until"] = place.until
    if place.cursor:
        params["cursor"] = place.cursor
    return httpx.QueryParams(params)


def _page_size(plan: Plan) -> int:
    return _PAGE_SIZE if plan.page_size is None else max(1, min(plan.page_size, _PAGE_SIZE))


def _is_refused(response: httpx.Response) -> bool:
    return response.status_code == httpx.codes.BAD_REQUEST and error_name(response) is not None


def _digest(refs: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(refs).encode()).hexdigest()[:16]
