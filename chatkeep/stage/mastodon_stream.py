"""The staged Mastodon's stream of a hashtag (SSE), as its streaming server sends it, with faults on request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from archive.times import Clock, from_text
from chatkeep.stage.feed import FeedPost, tags_of
from chatkeep.stage.mastodon_shapes import Server, fold_tag

_HEARTBEAT = timedelta(seconds=15)
_TOO_OLD_TO_STREAM = timedelta(hours=6)  # a fetched post is streamed only while it is younger
_LOOK_SECONDS = 0.01


@dataclass(slots=True)
class StreamFaults:
    """What the streams of one server do wrong while a field says so; a test may change it at any time.

    ``drop_after``: a connection ends after so many events. ``double``: each event comes twice. ``delete_first``: of a
    post that is deleted later the delete comes first and its update after it. ``silent``: the connection stays, and
    nothing comes.
    """

    drop_after: int | None = None
    double: bool = False
    delete_first: bool = False
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens to a post at ``moment``; ``seen_at`` is the state in which it is shown."""

    moment: datetime
    name: str
    post: FeedPost
    seen_at: datetime


async def stream_tag(server: Server, tag: str, clock: Clock, faults: StreamFaults) -> AsyncIterator[str]:
    """The lines of one connection from now on: nothing of before is sent again."""
    begun = clock()  # before the greeting: whoever has read that may set the clock on
    waiting = [event for event in events_of(server, tag, faults) if event.moment > begun]
    beat_at, sent = begun + _HEARTBEAT, 0
    yield ":)\n"
    while True:
        now = clock()
        while waiting and waiting[0].moment <= now and not faults.silent:
            frame = _frame(server, waiting.pop(0))
            yield frame * 2 if faults.double else frame
            sent += 1
            if faults.drop_after is not None and sent >= faults.drop_after:
                return
        if now >= beat_at and not faults.silent:
            yield ":thump\n"
            beat_at = now + _HEARTBEAT
        await asyncio.sleep(_LOOK_SECONDS)


def events_of(server: Server, tag: str, faults: StreamFaults) -> list[Event]:
    """Everything that happens under a hashtag on this server, in the order it is sent."""
    wanted = fold_tag(tag)
    events = [event for post in server.feed.on("mastodon") for event in _events_of_post(server, post, wanted)]
    if faults.delete_first:
        gone = {event.post.key: event.moment for event in events if event.name == "delete"}
        events = [
            Event(gone[each.post.key], each.name, each.post, each.seen_at) if each.post.key in gone else each
            for each in events
        ]
        return sorted(events, key=lambda event: (event.moment, event.name != "delete"))
    return sorted(events, key=lambda event: event.moment)


def _events_of_post(server: Server, post: FeedPost, wanted: str) -> list[Event]:
    arrival = server.arrival_of(post)
    if arrival is None or post.visibility != "public" or post.repost_of is not None:
        return []
    arrived = from_text(arrival)
    gone = from_text(post.deleted_at) if post.deleted_at else None
    if gone is not None and gone <= arrived:
        return []
    too_old = post.key.endswith("fetched") and arrived - from_text(post.at) > _TOO_OLD_TO_STREAM
    events = [] if too_old or not _has_tag(post, arrived, wanted) else [Event(arrived, "update", post, arrived)]
    for edit in post.edits:
        moment = from_text(edit.at)
        if arrived < moment and (gone is None or moment < gone) and _has_tag(post, moment, wanted):
            events.append(Event(moment, "status.update", post, moment))
    if gone is not None and _has_tag(post, gone, wanted):
        events.append(Event(gone, "delete", post, gone))
    return events


def _has_tag(post: FeedPost, moment: datetime, wanted: str) -> bool:
    return wanted in map(fold_tag, tags_of(post.text_at(moment)))


def _frame(server: Server, event: Event) -> str:
    if event.name == "delete":
        payload = str(server.id_of(event.post))
    else:
        payload = json.dumps(server.status(event.post, event.seen_at), ensure_ascii=False)
    return f"event: {event.name}\ndata: {payload}\n\n"
