"""Jetstream on the stage: a feed's events as Bluesky streams them, with faults on request.

Behaves as version 1 of /subscribe (bluesky-social/jetstream, docs/README.md); what a collector does not use is left
out: compression with a dictionary, requireHello, the newer endpoint.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket, WebSocketDisconnect

from archive.times import Clock, from_text
from chatkeep.stage.bluesky_views import Json, Views, cid_of, did_of, indexed_at, record_key
from chatkeep.stage.feed import Feed, FeedPost

_POST = "app.bsky.feed.post"
_REPOST = "app.bsky.feed.repost"
_LOOKBACK = timedelta(hours=36)  # what Jetstream keeps by default
_LOOK_SECONDS = 0.005
_FIRST_MICROS = 10**15  # what is below is a sequence number
_LARGEST = 2**63

Operation = Literal["create", "update", "delete"]


@dataclass(slots=True)
class StreamFaults:
    """What the stream does wrong; a test may change it while the stage runs.

    ``refuse``: statuses for the next handshakes. ``drop_every``: a connection ends after so many events. ``doubles``:
    each event comes twice. ``deletes_first``: of a post that is deleted, the deletion comes before the post.
    ``silent``: connections stay open and say nothing. ``cut``: connections end once, those that are open now.
    """

    refuse: tuple[int, ...] = ()
    drop_every: int | None = None
    doubles: bool = False
    deletes_first: bool = False
    silent: bool = False
    cuts_count: int = 0

    def cut(self) -> None:
        """Ends the connections that are open now."""
        self.cuts_count += 1

    def take_refusal(self) -> int | None:
        """The status that the next handshake meets."""
        if not self.refuse:
            return None
        status, *rest = self.refuse
        self.refuse = tuple(rest)
        return status


@dataclass(frozen=True, slots=True)
class _Event:
    """``shown_at``: when it is sent, in microseconds; ``micros``: when it is said to have happened."""

    shown_at: int
    micros: int
    body: Json

    @property
    def collection(self) -> str | None:
        commit = self.body.get("commit")
        return str(commit["collection"]) if isinstance(commit, dict) else None


def build_jetstream(
    feed: Feed,
    clock: Clock,
    faults: StreamFaults | None = None,
    *,
    also: Sequence[tuple[str, Json]] = (),
    lookback: timedelta = _LOOKBACK,
) -> ASGIApp:
    """A server that streams what happens in ``feed`` as ``clock`` goes on, from ``/subscribe``.

    ``also``: events that no feed expresses, such as those of accounts: an archive time, and the event without its
    time. A cursor older than ``lookback`` is moved up without a word.
    """
    stage = _Stage(feed, clock, faults or StreamFaults(), also, lookback)
    return Starlette(routes=[WebSocketRoute("/subscribe", stage.subscribe)])


class _Stage:
    def __init__(
        self, feed: Feed, clock: Clock, faults: StreamFaults, also: Iterable[tuple[str, Json]], lookback: timedelta
    ) -> None:
        self._clock = clock
        self._faults = faults
        self._lookback = int(lookback.total_seconds() * 1_000_000)
        views = Views(feed)
        moments = [(_micros(at), "", body) for at, body in also]
        for post in feed.on("bluesky"):
            moments += [(micros, post.key, body) for micros, body in _commits(feed, views, post)]
        self._events = _numbered(sorted(moments, key=lambda moment: moment[:2]))
        self._swapped = _deletes_first(self._events)

    async def subscribe(self, socket: WebSocket) -> None:
        """One listener, until it goes or a fault ends it."""
        params = socket.query_params
        status = self._faults.take_refusal()
        cursor = params.get("cursor", "")
        if status is None and cursor and not cursor.isdecimal():
            status = 400
        if status is not None:
            text = "subscribe: invalid cursor\n" if status == 400 else "try again later\n"
            await socket.send_denial_response(PlainTextResponse(text, status_code=status))
            return
        await socket.accept()
        sender = asyncio.ensure_future(
            self._send(socket, params.getlist("wantedCollections"), int(cursor) if cursor else None)
        )
        try:
            while not sender.done():
                listening = asyncio.ensure_future(socket.receive())
                await asyncio.wait({sender, listening}, return_when=asyncio.FIRST_COMPLETED)
                if listening.done() and listening.result()["type"] == "websocket.disconnect":
                    break
                listening.cancel()
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    async def _send(self, socket: WebSocket, wanted: list[str], cursor: int | None) -> None:
        events = self._swapped if self._faults.deletes_first else self._events
        at, cuts, sent = self._start(events, cursor), self._faults.cuts_count, 0
        while True:
            now = self._now()
            while at < len(events) and events[at].shown_at <= now and not self._faults.silent:
                event, at = events[at], at + 1
                if not _wants(wanted, event.collection):
                    continue
                for _ in range(2 if self._faults.doubles else 1):
                    await _send_text(socket, event)
                sent += 1
                if self._faults.drop_every is not None and sent >= self._faults.drop_every:
                    await socket.close(1011)
                    return
            if self._faults.cuts_count > cuts:
                await socket.close(1011)
                return
            await asyncio.sleep(_LOOK_SECONDS)

    def _start(self, events: list[_Event], cursor: int | None) -> int:
        """The first event to send: inclusive of the cursor; without one, or with one to come, what comes next."""
        now = self._now()
        live = next((n for n, event in enumerate(events) if event.shown_at > now), len(events))
        if cursor is None:
            return live
        if cursor < _FIRST_MICROS:
            return min(max(0, cursor - 1), live)
        floor = max(cursor, now - self._lookback)
        return min(next((n for n, event in enumerate(events) if event.micros >= floor), live), live)

    def _now(self) -> int:
        return _to_micros(self._clock())


async def _send_text(socket: WebSocket, event: _Event) -> None:
    try:
        await socket.send_text(json.dumps(event.body, ensure_ascii=False, separators=(",", ":")))
    except RuntimeError as error:  # what Starlette raises where the connection has ended
        raise WebSocketDisconnect(1006) from error


def _commits(feed: Feed, views: Views, post: FeedPost) -> Iterable[tuple[int, Json]]:
    """What happens to one post: created when it arrives, updated with each edit, deleted."""
    arrives, deleted = _micros(indexed_at(post)), _micros(post.deleted_at) if post.deleted_at else _LARGEST
    moments: list[tuple[int, Operation]] = [(arrives, "create")]
    moments += [(at, "update") for edit in post.edits if arrives < (at := _micros(edit.at)) < deleted]
    if post.deleted_at and deleted > arrives:
        moments.append((deleted, "delete"))
    for micros, operation in moments:
        yield micros, _commit(feed, views, post, operation, micros)


def _commit(feed: Feed, views: Views, post: FeedPost, operation: Operation, micros: int) -> Json:
    commit: Json = {
        "rev": _rev(micros),
        "operation": operation,
        "collection": _REPOST if post.repost_of else _POST,
        "rkey": record_key(post),
    }
    if operation != "delete":
        now = from_text("1970-01-01T00:00:00Z") + timedelta(microseconds=micros)
        commit |= {"record": _record(feed, views, post, now), "cid": cid_of(post, now)}
    return {"did": did_of(feed.author_of(post)), "kind": "commit", "commit": commit}


def _record(feed: Feed, views: Views, post: FeedPost, now: datetime) -> Json:
    if post.repost_of in feed.by_key:
        original = feed.by_key[post.repost_of]
        subject = {"uri": views.uri_of(original), "cid": cid_of(original, now)}
        return {"$type": _REPOST, "createdAt": post.at, "subject": subject}
    return views.render_record(post, now)


def _rev(micros: int) -> str:
    """A revision: like Bluesky's it has 13 letters whose order is the order of time."""
    letters = "234567abcdefghijklmnopqrstuvwxyz"
    return "".join(letters[(micros << 10 >> shift) & 31] for shift in range(60, -1, -5))


def _numbered(moments: Iterable[tuple[int, str, Json]]) -> list[_Event]:
    """The events in order; no two happen in the same microsecond."""
    events: list[_Event] = []
    for number, (at, _, body) in enumerate(moments, 1):
        micros = max(at, events[-1].micros + 1 if events else 0)
        head = {"did": body["did"], "time_us": micros, "cursor": number}
        events.append(_Event(micros, micros, head | body))
    return events


def _deletes_first(events: list[_Event]) -> list[_Event]:
    """The events with each post that is deleted right behind its deletion, its own time unchanged."""
    deletes = {key: n for n, event in enumerate(events) if (key := _key(event, "delete"))}
    swapped: list[_Event] = []
    late: dict[int, list[_Event]] = {}
    for n, event in enumerate(events):
        behind = deletes.get(_key(event, "create") or _key(event, "update") or ())
        if behind is not None:
            late.setdefault(behind, []).append(_Event(events[behind].shown_at, event.micros, event.body))
            continue
        swapped += [event, *late.pop(n, ())]
    return swapped


def _key(event: _Event, operation: Operation) -> tuple[object, ...] | None:
    commit = event.body.get("commit")
    if not isinstance(commit, dict) or commit["operation"] != operation:
        return None
    return (event.body["did"], commit["collection"], commit["rkey"])


def _wants(wanted: list[str], collection: str | None) -> bool:
    """Whether a filter lets an event through; news of accounts always passes."""
    if collection is None or not wanted:
        return True
    return any(collection.startswith(name[:-1]) if name.endswith(".*") else collection == name for name in wanted)


def _micros(text: str) -> int:
    return _to_micros(from_text(text))


def _to_micros(moment: datetime) -> int:
    return (moment - from_text("1970-01-01T00:00:00Z")) // timedelta(microseconds=1)
