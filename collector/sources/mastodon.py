"""Walks hashtags on Mastodon and the servers that speak its API, and looks up single posts there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Literal
from urllib.parse import quote

import httpx

from archive.errors import Retriable, Skippable
from archive.models import Batch, Chat, Platform, Problem, RawPage
from archive.times import Clock, from_text, normalise, to_text
from collector.sources.base import Limits, Plan, Purpose, Window
from collector.sources.mastodon_answers import (
    ids_of,
    is_post,
    load_items,
    load_thread,
    order,
    public_thread,
    without_private,
)
from collector.sources.mastodon_check import check_server
from collector.sources.mastodon_parse import parse_page, time_of_id
from collector.sources.mastodon_server import MastodonServers, host_of_server, json_of, safe_server
from collector.transport import kept_headers

_PAGE_SIZE = 40  # Mastodon's most for a timeline
_POSTS_A_CALL = 20  # Mastodon's most for /statuses?id[]=; beyond it answers 422
# Ids are given when a transaction starts, so they become visible out of order; caches lag behind too. Both take
# seconds, and an hourly look back reads what takes longer. Ten minutes of a busy chat would not fit one page.
_OVERLAP = timedelta(minutes=5)
# A post that another server delivers late is filed under its arrival: a window is walked so far beyond its end.
_LATE_ARRIVAL = timedelta(days=1)
_ANY_TIME = Window()
_NO_TOKENS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a walk stands. ``up``: above ``id`` (min_id); ``down``: below ``id`` (max_id), or from the top if ""."""

    direction: Literal["up", "down"]
    id: str

    def to_cursor(self) -> str:
        return json.dumps({"go": self.direction, "from": self.id})

    def parameters(self) -> dict[str, str]:
        if self.direction == "up":
            return {"min_id": self.id}
        return {"max_id": self.id} if self.id else {}


class MastodonSource:
    """Several servers' hashtag timelines. A post's server-local ids are written ``<server> <id>`` where refs are
    asked for. ``tokens`` are user tokens by server; each goes to its own server only.
    """

    name: Platform = "mastodon"
    limits = Limits(
        page_size=_PAGE_SIZE,
        order="none",  # first walks and windows go up, what goes on from a complete walk goes down
        overlap_seconds=int(_OVERLAP.total_seconds()),
        lag_seconds=60,  # answers without a token come from a cache that may be 45 s old
        poll_seconds=20.0,
        late=True,  # other servers' posts are filed under their writing when they are fetched by address
    )

    def __init__(
        self, http: httpx.Client, clock: Clock, *, servers: Sequence[str], tokens: Mapping[str, str] = _NO_TOKENS
    ) -> None:
        self._clock = clock
        self._servers = MastodonServers(http, clock, servers, tokens)

    @property
    def servers(self) -> tuple[str, ...]:
        return self._servers.names

    def plans(self, purpose: Purpose, chat: Chat, window: Window = _ANY_TIME, refs: tuple[str, ...] = ()) -> list[Plan]:
        """Quotes and counts have none: nothing public lists the quotes of a post, or says how many posts there are."""
        if purpose == "posts":
            return self._lookups(refs)
        if purpose in ("thread", "replies"):
            return self._threads(refs)
        if purpose in ("quotes", "counts"):
            return []
        span = f" {window.start or ''}/{window.end or ''}" if window != _ANY_TIME else ""
        return [
            Plan(
                key=f"mastodon {purpose} {server} #{tag}{span}",
                purpose=purpose,
                query=tag,
                server=server,
                window=window,
            )
            for server in self._servers.names
            for tag in chat.hashtags
        ]

    def _lookups(self, refs: tuple[str, ...]) -> list[Plan]:
        by_server: dict[str, list[str]] = {}
        for server, native_id in _split_refs(refs):
            by_server.setdefault(server, []).append(native_id)
        plans = []
        for server, ids in by_server.items():
            for start in range(0, len(ids), _POSTS_A_CALL):
                some = tuple(ids[start : start + _POSTS_A_CALL])
                key = f"mastodon posts {server} {some[0]}+{len(some)}"
                plans.append(Plan(key=key, purpose="posts", server=server, refs=some))
        return plans

    def _threads(self, refs: tuple[str, ...]) -> list[Plan]:
        return [
            Plan(key=f"mastodon thread {server} {native_id}", purpose="thread", server=server, refs=(native_id,))
            for server, native_id in _split_refs(refs)
        ]

    def fetch(self, plan: Plan, cursor: str | None) -> RawPage:
        """One exchange. Posts that are not public are cut out of the answer before anything else sees it."""
        if plan.purpose == "thread":
            return self._fetch_thread(plan)
        if plan.purpose == "posts":
            parameters = httpx.QueryParams([("id[]", native_id) for native_id in plan.refs])
            response, items = self._ask(plan.server, "/api/v1/statuses", parameters)
            return self._page(plan, response, _public_body(response, items), None)
        place = _read_cursor(cursor) or self._start(plan)
        parameters = httpx.QueryParams({**place.parameters(), "limit": str(_limit(plan))})
        response, items = self._ask(plan.server, f"/api/v1/timelines/tag/{quote(plan.query, safe='')}", parameters)
        following = self._next(plan, place, items, is_first=cursor is None)
        return self._page(plan, response, _public_body(response, items), following)

    def _fetch_thread(self, plan: Plan) -> RawPage:
        """What a post answers and what answers it, in one answer of at most 100 posts (with a token of 4,096).

        404 is a page as well: the post is gone, hidden or not public any more, which no other try would change.
        """
        response = self._servers.ask(plan.server, f"/api/v1/statuses/{quote(plan.refs[0], safe='')}/context")
        if response.status_code in (404, 410):
            if json_of(response) is None:  # a web page: such a server has no threads, which says nothing of the post
                raise Skippable(f"{host_of_server(plan.server)} shows no threads", status=response.status_code)
            return self._page(plan, response, response.content, None)
        if response.status_code != 200:
            raise self._servers.refusal(plan.server, response)
        thread = load_thread(response.content)
        if thread is None:
            raise _unreadable(plan.server)
        public = public_thread(thread)
        return self._page(plan, response, response.content if public == thread else json.dumps(public).encode(), None)

    def parse(self, page: RawPage) -> Batch:
        return parse_page(page)

    def earliest(self, plan: Plan) -> str | None:
        return None

    def floor_below(self, top: str) -> str:
        """Five minutes below a number. Of other ids the same: a walk downward reads a whole page below its floor."""
        if not _is_number(top):
            return top
        return str(max(0, int(top) - _id_width(_OVERLAP)))

    def higher(self, one: str, other: str) -> str:
        return max(one, other, key=order)

    def check(self) -> list[Problem]:
        return [problem for server in self._servers.names for problem in check_server(self._servers, server)]

    # -- the walk

    def _start(self, plan: Plan) -> _Place:
        if _floor(plan) is not None:
            return _Place("down", "")
        if plan.window.start is None:
            return _Place("up", "0")
        start = from_text(plan.window.start) - _OVERLAP
        return _Place("up", str(max(0, _id_width(start - datetime.fromtimestamp(0, UTC)))))

    def _next(self, plan: Plan, place: _Place, items: list[object], *, is_first: bool) -> str | None:
        """The cursor after this page; None where the walk is complete.

        A walk that goes on from a complete one goes down from the top, since what is new mostly fits one page; a first
        walk and one over a window go up from a time. Upward the end is an empty page, since short ones occur. Ids that
        are no numbers, or a server that does not know min_id, cannot be walked upward from a time: then the walk goes
        down from the top.
        """
        ids = ids_of(items)
        if place.direction == "down":
            return self._next_down(plan, items, ids)
        if not ids:
            # An id made from a time means nothing to a server with other ids: look before believing the emptiness.
            return _Place("down", "").to_cursor() if is_first and _floor(plan) is None else None
        highest = max(ids, key=order)
        if not all(map(_is_number, ids)) or order(highest) <= order(place.id):
            return _Place("down", "").to_cursor()
        return None if self._beyond_window(plan, ids) else _Place("up", highest).to_cursor()

    def _next_down(self, plan: Plan, items: list[object], ids: list[str]) -> str | None:
        if not ids:
            return None
        lowest = min(ids, key=order)
        floor = _floor(plan)
        if floor is not None and _is_number(floor):
            is_last = order(lowest) <= order(floor) or (len(items) < _limit(plan) and _meets_old_top(lowest, floor))
        else:
            is_last = all(self._below(plan, item) for item in items if isinstance(item, dict))
        # Of a server deaf to max_id the cursor repeats itself: the walker ends such a walk as abandoned.
        return None if is_last else _Place("down", lowest).to_cursor()

    def _beyond_window(self, plan: Plan, ids: list[str]) -> bool:
        if plan.window.end is None:
            return False
        end = from_text(plan.window.end) + _LATE_ARRIVAL
        times = [time_of_id(native_id, self._clock()) for native_id in ids]
        return all(moment is not None and moment >= end for moment in times)

    def _below(self, plan: Plan, item: dict[str, object]) -> bool:
        """Whether a post lies wholly below what the plan asks for: by its id, else by its time."""
        floor = _floor(plan)
        if floor is not None:
            return all(order(native_id) <= order(floor) for native_id in ids_of([item]))
        created = normalise(item.get("created_at"))
        if plan.window.start is None or created is None:
            return False
        return from_text(created) < from_text(plan.window.start) - _OVERLAP

    # -- one exchange

    def _ask(self, server: str, path: str, parameters: httpx.QueryParams) -> tuple[httpx.Response, list[object]]:
        response = self._servers.fetch(server, path, parameters)
        items = load_items(response.content)
        if items is None:
            raise _unreadable(server)
        if items and not any(map(is_post, items)):
            message = f"{host_of_server(server)} sent a list without a post that can be understood"
            raise Retriable(message, status=200)
        return response, items

    def _page(self, plan: Plan, response: httpx.Response, body: bytes, following: str | None) -> RawPage:
        return RawPage(
            source=self.name,
            format="tag" if plan.purpose == "sweep" else plan.purpose,
            origin=host_of_server(plan.server),
            server=plan.server,
            url=str(response.request.url),
            http_status=response.status_code,
            headers=kept_headers(response),
            fetched_at=to_text(self._clock()),
            body=body,
            next_cursor=following,
        )


def _split_refs(refs: tuple[str, ...]) -> list[tuple[str, str]]:
    pairs = (ref.rpartition(" ") for ref in dict.fromkeys(refs))
    return [(safe_server(server), native_id) for server, _, native_id in pairs]


def _public_body(response: httpx.Response, items: list[object]) -> bytes:
    public = without_private(items)
    return response.content if public == items else json.dumps(public).encode()


def _unreadable(server: str) -> Retriable:
    return Retriable(f"{host_of_server(server)} sent an answer that cannot be read: cut off, or not JSON", status=200)


def _limit(plan: Plan) -> int:
    return max(1, min(plan.page_size or _PAGE_SIZE, _PAGE_SIZE))


def _floor(plan: Plan) -> str | None:
    """A sweep sees its time whole once more, whatever was seen before."""
    return None if plan.purpose == "sweep" else plan.floor


def _meets_old_top(lowest: str, floor: str) -> bool:
    """Whether a page reaches down to the top that ``floor`` lies below, so that all that is new is on it.

    Where there is nothing older than the overlap no page reaches the floor, and each poll would cost a second, empty
    answer. What a page that is short for another reason hides of the overlap, the next poll reads.
    """
    return floor != "0" and order(lowest) <= order(str(int(floor) + _id_width(_OVERLAP)))


def _read_cursor(cursor: str | None) -> _Place | None:
    """The place that a cursor names; None starts the walk anew, which loses nothing."""
    try:
        found = json.loads(cursor or "{}")
        direction: Literal["up", "down"] = "down" if found["go"] == "down" else "up"
        return _Place(direction, str(found["from"]))
    except (ValueError, KeyError, TypeError):
        return None


def _is_number(native_id: str) -> bool:
    return native_id.isascii() and native_id.isdecimal() and len(native_id) < 40


def _id_width(span: timedelta) -> int:
    """How far ids move in a span of time: they are Unix milliseconds << 16."""
    return (span // timedelta(milliseconds=1)) << 16
