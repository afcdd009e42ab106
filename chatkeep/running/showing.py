"""How a running capture is shown: a board for a person at a terminal, one JSON line an event for everything else."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from archive.models import PLATFORM_NAMES, Session
from archive.times import from_text, to_text
from chatkeep.app import App
from chatkeep.board import Board, BoardFacts, BoardLane, BoardProblem, BoardSession, Mood
from chatkeep.event_log import EventLog
from chatkeep.running.service import Service
from chatkeep.running.state import LaneState, Standing
from chatkeep.running.watch import SessionPosts
from collector.due import is_live

_REFRESH_SECONDS = 0.5
_RATE_MINUTES = 5
_SILENT = timedelta(minutes=3)
_COMING = 5

Tell = Callable[..., None]


@contextmanager
def showing(app: App, *, as_log: bool) -> Iterator[tuple[Tell, Callable[[Service], None]]]:
    """What to tell events to, and what to call with the service once it stands."""
    if as_log or not sys.stdout.isatty():
        secrets = app.load_settings().secrets.values()
        yield EventLog(sys.stdout.buffer, app.clock, list(secrets)).tell, lambda _service: None
        return
    drawer = _Drawer(app)
    try:
        yield drawer.note, drawer.start
    finally:
        drawer.end()


@dataclass(slots=True)
class _Drawer:
    """Draws the board from a thread of its own, so that it is alive while the loop waits."""

    app: App
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _rates: dict[tuple[str, str], deque[tuple[datetime, int]]] = field(default_factory=dict)

    def note(self, event: str, **facts: object) -> None:
        """Events are for logs; the board shows how things stand."""

    def start(self, service: Service) -> None:
        self._thread = threading.Thread(target=lambda: self._draw(service), name="board", daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join(2.0)

    def _draw(self, service: Service) -> None:
        with Board(self.app.out) as board:
            while not self._over.wait(_REFRESH_SECONDS):
                board.show(self.build_facts(service))
            board.show(self.build_facts(service))

    def build_facts(self, service: Service) -> BoardFacts:
        """How things stand now, from what the runner knows; the archive is not asked."""
        runner = service.runner
        now = runner.clock()
        with runner.state.lock:
            lanes = list(runner.state.lanes.values())
            sessions = [session for chat in runner.chats.values() for session in chat.sessions]
            busy = [f"{lane.busy.kind} of {lane.busy.chat}" for lane in lanes if lane.busy and lane.busy.kind != "live"]
            streamed = {name for name, stream in runner.state.streams.items() if stream.connected_at is not None}
        live = [session for session in sessions if is_live(session, now)]
        coming = sorted((s for s in sessions if from_text(s.starts_at) > now and s not in live), key=_start)[:_COMING]
        return BoardFacts(
            now=to_text(now),
            chats_count=len(runner.chats),
            live=tuple(self._session(service, session, (lanes, streamed), now) for session in live),
            coming=tuple(self._session(service, session, ([], streamed), now) for session in coming),
            problems=tuple(
                BoardProblem(level=kept.alarm.level, message=kept.alarm.message, remedy=kept.alarm.remedy)
                for kept in service.watch.open_alarms
            ),
            doing=", ".join(sorted(busy)) or None,
            next_at=to_text(service.agenda.next_at) if service.agenda is not None else None,
            is_stopping=runner.stop.is_set(),
        )

    def _session(
        self,
        service: Service,
        session: Session,
        known: tuple[list[LaneState], set[str]],
        now: datetime,
    ) -> BoardSession:
        lanes, streamed = known
        chat = service.runner.chats[session.chat]
        return BoardSession(
            hashtag=chat.hashtags[0],
            starts_at=session.starts_at,
            ends_at=session.ends_at,
            timezone=chat.timezone,
            posts_count=service.watch.posts.get(session.id, SessionPosts()).count,
            lanes=tuple(self._lane(service, session, (lane, streamed), now) for lane in lanes),
        )

    def _lane(
        self,
        service: Service,
        session: Session,
        known: tuple[LaneState, set[str]],
        now: datetime,
    ) -> BoardLane:
        lane, streamed = known
        name = lane.lane.name
        seen = service.watch.posts.get(session.id, SessionPosts()).by_place
        count = seen.get((lane.lane.platform, lane.lane.server), 0)
        standing = service.runner.state.standing(session.chat, name)
        polled = service.runner.state.polled_at.get((session.chat, name))
        next_at = lane.rests_until or (polled + timedelta(seconds=lane.lane.poll_seconds) if polled else None)
        spent = service.watch.spent.get(session.id) if lane.lane.platform == "x" else None
        return BoardLane(
            where=lane.lane.server.partition("://")[2] or PLATFORM_NAMES[lane.lane.platform],
            posts_count=count,
            rate=self._rate(session.chat, name, count, now),
            last_answer_at=to_text(standing.answered_at) if standing.answered_at else None,
            doing="listens" if name in streamed else "asks",
            next_at=None if name in streamed else to_text(next_at) if next_at else None,
            mood=_mood(standing, session, now),
            spent=spent[0] if spent else None,
            limit=spent[1] if spent else None,
        )

    def _rate(self, chat: str, lane: str, count: int, now: datetime) -> float | None:
        """Posts a minute over the last five; None until there is something to go by."""
        seen = self._rates.setdefault((chat, lane), deque())
        if not seen or now - seen[-1][0] >= timedelta(seconds=10):
            seen.append((now, count))
        while seen and now - seen[0][0] > timedelta(minutes=_RATE_MINUTES):
            seen.popleft()
        if len(seen) < 2 or now - seen[0][0] < timedelta(seconds=30):
            return None
        elapsed = (now - seen[0][0]).total_seconds() / 60
        return max(0.0, (count - seen[0][1]) / max(elapsed, 1 / 6))


def _start(session: Session) -> str:
    return session.starts_at


def _mood(standing: Standing, session: Session, now: datetime) -> Mood:
    if standing.is_broke or standing.is_refused:
        return "paused"
    if standing.trouble is not None:
        answered = standing.answered_at or from_text(session.starts_at)
        return "silent" if now - answered > _SILENT else "waiting"
    return "well" if standing.answered_at is not None else "waiting"
