"""What the scheduled collector should do now, and when to look again: a pure function of time, settings and history.

So a restart at any moment picks up what is due, and a test plays a year with its own clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from archive.jobs import JobState
from archive.models import Chat, Platform, Session
from archive.times import from_text, to_text
from collector.options import DEFAULT_OPTIONS, ChatOptions
from collector.refs import bounds_of
from collector.sources.base import Window

JobKind = Literal["live", "asked", "check", "sweep", "counts", "thread", "recheck", "look back", "links"]
# live work goes before all else, what a person waits for before what nobody waits for
PRIORITY: Mapping[JobKind, int] = {
    "live": 0, "asked": 1, "check": 2, "sweep": 3, "counts": 4, "thread": 5, "recheck": 6, "look back": 7,
    "links": 8,
}  # fmt: skip

LEAD = timedelta(minutes=5)
"""How long before its start a session is live: greetings come early."""
OVERRUN = timedelta(minutes=10)
"""How long after its end a session stays live: the last answers, and a poll that proves the last minute."""
CHECKS = "checks"
"""The lane of checks, which ask all platforms at once."""
LINKS = "links"
"""The lane of shared links, which lead to no platform."""

_HOUR, _DAY, _WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
_MONTH = timedelta(days=30)
_CHECKED = (("24 h", -_DAY), ("15 min", timedelta(minutes=-15)))
_SWEPT = (("1 h", _HOUR), ("24 h", _DAY), ("7 days", _WEEK))
_THREADED = _SWEPT[:2]
_UNFOLDED = _SWEPT[:2]
_STREAMED_POLL_SECONDS = 60.0  # beside a healthy stream a poll only proves what was heard
_FORGOTTEN = timedelta(days=30)  # an older session is nobody's live chat: `collect --from` fetches it
_SETTLED = _WEEK + _DAY
_FARTHEST_LOOK = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Lane:
    """One server that is asked one thing at a time. ``name``: the platform, or ``mastodon <server>``.

    ``late``: posts can land below what was read (Mastodon's federation), so it is looked back at every hour.
    ``counts``: the platform tells how many posts there are.
    """

    name: str
    platform: Platform
    server: str = ""
    poll_seconds: float = 30.0
    late: bool = False
    counts: bool = False


@dataclass(frozen=True, slots=True)
class Watched:
    """The settings as the schedule needs them."""

    chats: Mapping[str, Chat]
    lanes: tuple[Lane, ...]
    options: Mapping[str, ChatOptions] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class History:
    """What has happened. ``polled_at`` is by (chat, lane); ``resting`` says until when a lane must not be asked;
    ``streamed`` are lanes whose stream is alive; ``published`` are chats that are on the site.
    """

    jobs: Mapping[str, JobState] = field(default_factory=dict)
    polled_at: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    resting: Mapping[str, datetime] = field(default_factory=dict)
    streamed: frozenset[str] = frozenset()
    published: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do on a lane. ``key`` is the same whenever it is asked for; ``window`` is what a sweep covers."""

    key: str
    kind: JobKind
    chat: str
    lane: str
    due_at: datetime
    session: str | None = None
    window: Window = Window()

    @property
    def rank(self) -> tuple[int, datetime, str]:
        """Jobs are done in this order."""
        return (PRIORITY[self.kind], self.due_at, self.key)


@dataclass(frozen=True, slots=True)
class Due:
    """``jobs`` are due now, the most urgent first. ``next_at`` is when to look again. ``live`` are sessions whose hour
    it is, ``settled`` those that will never need anything but a monthly look.
    """

    jobs: tuple[Job, ...]
    next_at: datetime
    live: tuple[Session, ...] = ()
    settled: tuple[str, ...] = ()


def due(now: datetime, watched: Watched, history: History) -> Due:
    """What should happen at ``now``. Pure."""
    agenda = _Agenda(now, watched, history)
    for chat in watched.chats.values():
        for session in chat.sessions:
            agenda.add_session(chat, session)
    jobs = sorted(agenda.jobs.values(), key=lambda job: job.rank)
    return Due(tuple(jobs), agenda.next_at, tuple(agenda.live), tuple(agenda.settled))


def find_polls(now: datetime, watched: Watched, history: History) -> tuple[Job, ...]:
    """The polls alone that are due now. Pure, and quick: other work asks after each page whether it must give way."""
    agenda = _Agenda(now, watched, history)
    begun_by, not_over_by = to_text(now + LEAD), to_text(now - OVERRUN)
    for chat in watched.chats.values():
        for session in chat.sessions:
            if not_over_by < session.ends_at and session.starts_at <= begun_by:
                agenda.add_polls(chat, session)
    return tuple(agenda.jobs.values())


def is_live(session: Session, now: datetime) -> bool:
    """Whether the session is polled at ``now``: from a little before its start to a little after its end."""
    return from_text(session.starts_at) - LEAD <= now < from_text(session.ends_at) + OVERRUN


class _Agenda:
    """Collects what is due, and the nearest moment at which something else will be."""

    def __init__(self, now: datetime, watched: Watched, history: History) -> None:
        self.now = now
        self.watched = watched
        self.history = history
        self.jobs: dict[str, Job] = {}
        self.live: list[Session] = []
        self.settled: list[str] = []
        self._pending: set[str | None] = set()
        self.next_at = now + _FARTHEST_LOOK

    def add_session(self, chat: Chat, session: Session) -> None:
        starts, ends = from_text(session.starts_at), from_text(session.ends_at)
        if starts - _DAY > self.now:
            return self._look_at(starts - _DAY)
        if f"{session.id}|settled" in self.history.jobs or ends + _FORGOTTEN < self.now:
            return self._add_monthly(chat, session, ends)
        if ends > self.now:
            self._add_latest(chat, session, "check", CHECKS, starts, _CHECKED)
        if starts - LEAD > self.now:
            return self._look_at(starts - LEAD)
        for lane in self.watched.lanes:
            self._add_lane(chat, session, lane, (starts, ends))
        self._add_links(chat, session, ends)
        if is_live(session, self.now):
            self.live.append(session)
            return self._look_at(ends + OVERRUN)
        return self._settle(session, ends)

    def add_polls(self, chat: Chat, session: Session) -> None:
        for lane in self.watched.lanes:
            self._add_poll(chat, session, lane)

    def _add_lane(self, chat: Chat, session: Session, lane: Lane, hour: tuple[datetime, datetime]) -> None:
        ends = hour[1]
        if is_live(session, self.now):
            self._add_poll(chat, session, lane)
        if lane.late:
            self._add_look_back(chat, session, lane, hour)
        if self.now < ends:
            return self._look_at(ends + _HOUR)
        for job in self._after(chat, lane):
            self._add_latest(chat, session, job[0], lane.name, ends, job[1])
        return self._add_monthly(chat, session, ends)

    def _after(self, chat: Chat, lane: Lane) -> Iterator[tuple[JobKind, Sequence[tuple[str, timedelta]]]]:
        """What is done on a lane after a session, and how long after its end."""
        yield "sweep", _SWEPT
        if lane.counts:
            yield "counts", _SWEPT[:1]
        if self._options(chat).conversations:
            yield "thread", _THREADED
        yield "recheck", _SWEPT

    def _add_links(self, chat: Chat, session: Session, ends: datetime) -> None:
        """Shared links are looked up once the sweeps that can be made now have brought the late ones."""
        swept = not any(job.kind == "sweep" and job.session == session.id for job in self.jobs.values())
        if swept and self.now >= ends and self._options(chat).unfold_links:
            self._add_latest(chat, session, "links", LINKS, ends, _UNFOLDED)

    def _options(self, chat: Chat) -> ChatOptions:
        return self.watched.options.get(chat.slug, DEFAULT_OPTIONS)

    def _add_poll(self, chat: Chat, session: Session, lane: Lane) -> None:
        """A poll, in the lane's own rhythm. A last poll in the future means that the clock was set back."""
        last = self.history.polled_at.get((chat.slug, lane.name))
        seconds = lane.poll_seconds
        if lane.name in self.history.streamed:
            seconds = max(seconds, _STREAMED_POLL_SECONDS)
        due_at = self.now if last is None or last > self.now else last + timedelta(seconds=seconds)
        self._add(Job(f"{chat.slug}|live|{lane.name}", "live", chat.slug, lane.name, due_at, session.id))

    def _add_latest(
        self,
        chat: Chat,
        session: Session,
        kind: JobKind,
        lane: str,
        base: datetime,
        times: Sequence[tuple[str, timedelta]],
    ) -> None:
        """The latest of several times that has come; one that was missed is made up for by the next."""
        come: tuple[str, timedelta] | None = None
        for name, offset in times:
            if base + offset <= self.now:
                come = (name, offset)
            else:
                self._look_at(base + offset)
        if come is None:
            return
        key = f"{session.id}|{kind} {come[0]}|{lane}"
        if not self._is_over(key):
            window = _window_of(chat, session, self.now) if kind in ("sweep", "counts") else Window()
            self._add(Job(key, kind, chat.slug, lane, base + come[1], session.id, window))

    def _add_look_back(self, chat: Chat, session: Session, lane: Lane, hour: tuple[datetime, datetime]) -> None:
        """Every hour for a day, then every day for a week; a sweep counts as one."""
        starts, ends = hour
        if self.now >= ends + _WEEK:
            return None
        key = f"{session.id}|look back|{lane.name}"
        keys = [key, *(f"{session.id}|sweep {name}|{lane.name}" for name, _ in _SWEPT)]
        times = [self.history.jobs[each].ended_at for each in keys if each in self.history.jobs]
        last = max((each for each in times if each is not None), default=starts)
        due_at = last + (_HOUR if last < ends + _DAY else _DAY)
        if due_at > self.now:
            return self._look_at(due_at)
        window = _window_of(chat, session, self.now)
        return self._add(Job(key, "look back", chat.slug, lane.name, due_at, session.id, window), again=True)

    def _add_monthly(self, chat: Chat, session: Session, ends: datetime) -> None:
        """A look at every post of a published session every 30 days: what was deleted since must leave the site."""
        if chat.slug not in self.history.published or ends + _WEEK > self.now:
            return
        for lane in self.watched.lanes:
            key = f"{session.id}|recheck monthly|{lane.name}"
            state = self.history.jobs.get(key)
            last = state.ended_at if state and state.ended_at else ends + _WEEK
            if last + _MONTH > self.now:
                self._look_at(last + _MONTH)
            else:
                self._add(Job(key, "recheck", chat.slug, lane.name, last + _MONTH, session.id), again=True)

    def _add(self, job: Job, *, again: bool = False) -> None:
        """Puts a job on the agenda if its time has come and it is not done; ``again``: it is done over and over."""
        if not again and self._is_over(job.key):
            return
        state = self.history.jobs.get(job.key)
        times = [job.due_at, self.history.resting.get(job.lane), state.not_before if state else None]
        at = max(time for time in times if time is not None)
        if not again:
            self._pending.add(job.session)
        if at > self.now:
            self._look_at(at)
        else:
            self.jobs.setdefault(job.key, job)

    def _is_over(self, key: str) -> bool:
        state = self.history.jobs.get(key)
        return state is not None and state.state != "waiting"

    def _look_at(self, moment: datetime) -> None:
        if moment > self.now:
            self.next_at = min(self.next_at, moment)

    def _settle(self, session: Session, ends: datetime) -> None:
        """Once its week is over and nothing of it is left to do, a session is settled."""
        if ends + _SETTLED > self.now:
            return self._look_at(ends + _SETTLED)
        return None if session.id in self._pending else self.settled.append(session.id)


def _window_of(chat: Chat, session: Session, now: datetime) -> Window:
    """What a sweep covers: from before the session to the present, not beyond its week or the chat's next session.

    As long as neither has come the window has no end, so that each sweep is one more look of the same walk.
    """
    opens, closes = bounds_of(chat, session)
    return Window(opens, closes if closes <= to_text(now) else None)
