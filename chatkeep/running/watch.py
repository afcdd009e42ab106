"""What the running collector tells people: the checks before a session, and alarms while it can still be helped."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from archive.alarms import KeptAlarm, load_open_alarms, save_alarms
from archive.errors import ChatkeepError
from archive.ledger import load_spent
from archive.models import Problem, Session
from archive.store import Archive
from archive.times import to_text
from chatkeep.app import App
from chatkeep.folder_checks import check_place, find_existing
from chatkeep.running.runner import Runner
from chatkeep.running.state import LaneState, Standing
from chatkeep.sending import AlarmSender
from collector.due import CHECKS, Due, Job
from collector.options import DEFAULT_OPTIONS
from collector.trusted_clock import TrustedClock
from collector.watching import (
    BUDGET_KINDS,
    LIVE_KINDS,
    MACHINE_KINDS,
    BudgetFacts,
    LaneFacts,
    MachineFacts,
    SessionFacts,
    find_budget_alarms,
    find_live_alarms,
    find_machine_alarms,
    find_problem_alarms,
)

_BETWEEN = timedelta(seconds=15)
_FIRST_ANSWERS = timedelta(minutes=3)
_CHECKED_AGAIN = timedelta(minutes=5)
_CHECKED_NEAR = timedelta(hours=1)
_CHECKED_FAR = timedelta(days=1)
_NEAR = timedelta(hours=26)
_WEEK = timedelta(days=7)


@dataclass(slots=True)
class Watch:
    """Looks at the runner's state and the machine, keeps the alarms, and hands them to whoever sends them.

    ``spent`` is by session what it has cost and may cost, in tenths of a cent; ``posts`` those of live sessions.
    """

    app: App
    runner: Runner
    clock: TrustedClock
    settings_trouble: str | None = None
    storage_trouble_since: datetime | None = None
    open_alarms: list[KeptAlarm] = field(default_factory=list)
    spent: dict[str, tuple[int, int]] = field(default_factory=dict)
    posts: dict[str, SessionPosts] = field(default_factory=dict)
    _looked_at: datetime | None = None
    _checked_at: datetime | None = None
    _finished_at: datetime | None = None
    _begun_at: datetime | None = None
    _sender: AlarmSender | None = None
    _addresses: dict[str, str] = field(default_factory=dict)

    def check(self, archive: Archive, job: Job) -> None:
        """What `chatkeep check` looks at, a day and a quarter of an hour before a session, as alarms."""
        problems = self._check_all(archive)
        words = [f"{problem.where}: {problem.message}" for problem in problems]
        self.runner.tell("check", chat=job.chat, session=job.session, problems=words)
        self.runner.wake()

    def _check_all(self, archive: Archive) -> list[Problem]:
        problems = [*check_place(self.app.data), *self.runner.ground.problems]
        for source in self.runner.ground.sources.values():
            problems += source.check()
        self._tell_alarms(*save_alarms(archive, find_problem_alarms(problems), {"check"}))
        self._checked_at = self._finished_at = self.runner.clock()
        return problems

    def _check_again(self) -> None:
        """A check at the start, and every hour while a session is near: the platforms tell whether our clock is right.

        What a check found is looked at more often, so that an alarm ends when it was mended.
        """
        now = self.runner.clock()
        soon = to_text(now + _NEAR)
        is_near = any(to_text(now) <= s.starts_at <= soon for chat in self.runner.chats.values() for s in chat.sessions)
        open_ones = any(kept.alarm.kind == "check" for kept in self.open_alarms)
        pause = _CHECKED_AGAIN if open_ones else _CHECKED_NEAR if is_near else _CHECKED_FAR
        if self._checked_at is None or not timedelta() <= now - self._checked_at < pause:
            self._checked_at = now
            self.runner.executor.submit(CHECKS, self._recheck)

    def _recheck(self, archive: Archive) -> None:
        now = self.runner.clock()
        if self._finished_at is None or now - self._finished_at > _BETWEEN:  # a session's own check may have just been
            self._check_all(archive)
            self.runner.wake()

    def look(self, archive: Archive, agenda: Due) -> None:
        """Alarms raised and over, every quarter of a minute; sends what is new."""
        now = self.runner.clock()
        if self._looked_at is not None and timedelta() <= now - self._looked_at < _BETWEEN:
            return
        alarms = find_live_alarms(self._sessions(archive, agenda), to_text(now))
        alarms += find_budget_alarms(self._budgets(archive, now))
        alarms += find_machine_alarms(self._machine(now))
        raised, ended = save_alarms(archive, alarms, LIVE_KINDS | BUDGET_KINDS | MACHINE_KINDS)
        self._looked_at = now  # not before: what could not be written is tried with the next look
        self._tell_alarms(raised, ended)
        self.open_alarms = load_open_alarms(archive.conn)
        self._check_again()
        self._send(archive)

    def _tell_alarms(self, raised: Sequence[KeptAlarm], ended: Sequence[KeptAlarm]) -> None:
        for alarm in (kept.alarm for kept in raised):
            self.runner.tell("alarm", chat=alarm.chat, level=alarm.level, why=alarm.message, remedy=alarm.remedy)
        for kept in ended:
            self.runner.tell("alarm over", chat=kept.alarm.chat, why=kept.alarm.message)

    def note_storage(self, error: ChatkeepError | None) -> None:
        """The archive could not be written since now, or can be again."""
        if error is None:
            self.storage_trouble_since = None
        elif self.storage_trouble_since is None:
            self.storage_trouble_since = self.runner.clock()

    def end(self, archive: Archive) -> None:
        """Gives a message under way a moment."""
        if self._sender is not None:
            self._sender.close(archive, 2.0)

    def _send(self, archive: Archive) -> None:
        addresses = dict(self.runner.ground.addresses)
        if addresses != self._addresses or self._sender is None:
            self._addresses, self._sender = addresses, AlarmSender(addresses, self.runner.stop)
        for problem in self._sender.look(archive):
            self.runner.tell("alarm not sent", to=problem.where, why=problem.message, remedy=problem.remedy)

    def _sessions(self, archive: Archive, agenda: Due) -> list[SessionFacts]:
        return [
            SessionFacts(
                id=session.id, chat=session.chat, hashtag=self.runner.chats[session.chat].hashtags[0],
                starts_at=session.starts_at, ends_at=session.ends_at,
                timezone=self.runner.chats[session.chat].timezone,
                lanes=tuple(self._lanes(archive, session)),
            )
            for session in agenda.live
        ]  # fmt: skip

    def _lanes(self, archive: Archive, session: Session) -> Iterator[LaneFacts]:
        self.posts[session.id] = posts = load_session_posts(archive, session)
        with self.runner.state.lock:
            states = list(self.runner.state.lanes.values())
        now = self.runner.clock()
        if self._begun_at is None:
            self._begun_at = now
        is_new = now - self._begun_at < _FIRST_ANSWERS
        for state in states:
            standing = self.runner.state.standing(session.chat, state.lane.name)
            facts = _lane_facts(state, standing, posts.by_place.get((state.lane.platform, state.lane.server), 0))
            # started in mid-session, it has had no time to be answered yet
            yield replace(facts, is_paused=True) if is_new and standing.answered_at is None else facts

    def _budgets(self, archive: Archive, now: datetime) -> Iterator[BudgetFacts]:
        """The budgets of chats that have a session within a week, where X is asked."""
        if "x" not in self.runner.ground.sources:
            return
        for chat in self.runner.chats.values():
            near = [s for s in chat.sessions if to_text(now - _WEEK) <= s.ends_at and s.starts_at <= to_text(now)]
            budget = self.runner.ground.options.get(chat.slug, DEFAULT_OPTIONS).budget
            with self.runner.state.lock:
                standing = replace(self.runner.state.standing(chat.slug, "x"))
            for session in near:
                spent = load_spent(archive.conn, chat.slug, session=session.id)
                self.spent[session.id] = (spent, budget.session)
                yield BudgetFacts(
                    chat=chat.slug,
                    span="session",
                    spent=spent,
                    limit=budget.session,
                    session=session.id,
                    refused_why=standing.trouble if standing.is_broke and standing.session == session.id else None,
                )
            if near:
                spent = load_spent(archive.conn, chat.slug, month=to_text(now)[:7])
                yield BudgetFacts(
                    chat=chat.slug,
                    span="month",
                    spent=spent,
                    limit=budget.month,
                    ended_why=standing.trouble if standing.is_refused else None,
                )

    def _machine(self, now: datetime) -> MachineFacts:
        since = self.storage_trouble_since
        return MachineFacts(
            folder=str(self.app.data.absolute()),
            free_bytes=shutil.disk_usage(find_existing(self.app.data.absolute())).free,
            locked_seconds=None if since is None else (now - since).total_seconds(),
            settings_error=self.settings_trouble,
            skew_seconds=-self.clock.offset.total_seconds(),
        )


def _lane_facts(state: LaneState, standing: Standing, posts: int) -> LaneFacts:
    return LaneFacts(
        lane=state.lane.name,
        platform=state.lane.platform,
        server=state.lane.server,
        last_answer_at=None if standing.answered_at is None else to_text(standing.answered_at),
        last_error=standing.trouble,
        next_at=None if state.rests_until is None else to_text(state.rests_until),
        posts_count=posts,
        is_paused=standing.is_broke or standing.is_refused,
    )


@dataclass(frozen=True, slots=True)
class SessionPosts:
    """How many posts of a session's hour there are, and how many each platform and server showed, by those two."""

    count: int = 0
    by_place: Mapping[tuple[str, str], int] = field(default_factory=dict)


def load_session_posts(archive: Archive, session: Session) -> SessionPosts:
    """The posts of a session's hour, by where they were seen."""
    rows = archive.conn.execute(
        # the hour's posts first, which have an index: a chat's sightings grow with its years
        "SELECT DISTINCT p.platform, s.server, p.id FROM posts AS p CROSS JOIN sightings AS s ON s.post = p.id"
        " WHERE p.posted_at >= ? AND p.posted_at < ? AND s.chat = ?",
        (session.starts_at, session.ends_at, session.chat),
    ).fetchall()
    places = Counter((platform, server if platform == "mastodon" else "") for platform, server, _ in rows)
    return SessionPosts(len({post for _, _, post in rows}), places)
