"""What the runner knows while it runs: lanes, jobs, wishes. Kept in memory; what must survive is in the archive."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from archive.jobs import Asked, JobState
from chatkeep.running.changes import Change
from collector.due import History, Job, Lane

_STREAM_ALIVE = timedelta(seconds=45)


@dataclass(slots=True)
class LaneState:
    """How a lane is doing. ``busy`` is the job it works on."""

    lane: Lane
    busy: Job | None = None
    fails: int = 0
    rests_until: datetime | None = None


@dataclass(slots=True)
class Standing:
    """How one chat stands on one lane: a server may answer for one and refuse another.

    ``trouble``: what went wrong last, None once it answers. ``is_broke``: the chat's own budget does not pay for the
    next request; ``is_refused``: the platform takes no more paid work. ``session``: whose budget it was.
    """

    answered_at: datetime | None = None
    trouble: str | None = None
    is_broke: bool = False
    is_refused: bool = False
    session: str | None = None


@dataclass(slots=True)
class StreamState:
    """A stream that is listened to, by its own name: for which chats with their hashtags, how to end it, since when
    it stands, when it was last heard.
    """

    name: str
    chats: tuple[tuple[str, tuple[str, ...]], ...]
    stop: threading.Event
    connected_at: datetime | None = None
    heard_at: datetime | None = None
    trouble: str | None = None


@dataclass(slots=True)
class Wish:
    """Something a person asked for, and what has come of it on each lane."""

    asked: Asked
    waiting: set[str]
    rows: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class State:
    """Shared by the loop and the lanes; hold ``lock`` while touching it.

    ``decided_place`` is the place of the last decision that was seen, None before the first look.
    """

    lanes: dict[str, LaneState] = field(default_factory=dict)
    jobs: dict[str, JobState] = field(default_factory=dict)
    polled_at: dict[tuple[str, str], datetime] = field(default_factory=dict)
    streams: dict[str, StreamState] = field(default_factory=dict)
    wishes: dict[str, Wish] = field(default_factory=dict)
    standings: dict[tuple[str, str], Standing] = field(default_factory=dict)
    changed: set[Change] = field(default_factory=set)
    decided_place: int | None = None
    found_at: datetime | None = None
    finding: bool = False
    found_seconds: float = 0.0
    published: frozenset[str] = frozenset()
    unfolding: bool = False
    lock: threading.RLock = field(default_factory=threading.RLock)

    def history(self, now: datetime) -> History:
        """What has happened, for due(). Give it back before the lanes change it: it shares their tables."""
        resting = {name: state.rests_until for name, state in self.lanes.items() if state.rests_until is not None}
        alive = frozenset(name for name, stream in self.streams.items() if self._proven(name, stream, now))
        return History(self.jobs, self.polled_at, resting, alive, self.published)

    def _proven(self, lane: str, stream: StreamState, now: datetime) -> bool:
        """Whether a stream is alive, and a poll has closed what lay before its connection."""
        if stream.heard_at is None or stream.connected_at is None or now - stream.heard_at > _STREAM_ALIVE:
            return False
        polled = [self.polled_at.get((chat, lane)) for chat, _ in stream.chats]
        return all(at is not None and at >= stream.connected_at for at in polled)

    def standing(self, chat: str, lane: str) -> Standing:
        """How the chat stands on the lane."""
        return self.standings.setdefault((chat, lane), Standing())

    def keep_lanes(self, lanes: Mapping[str, Lane]) -> None:
        """Takes up lanes that the settings name now, and lets go of those they name no longer."""
        for name, lane in lanes.items():
            if name in self.lanes:
                self.lanes[name].lane = lane
            else:
                self.lanes[name] = LaneState(lane)
        for name in set(self.lanes) - set(lanes):
            del self.lanes[name]
