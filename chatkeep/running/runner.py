"""The scheduled collector: looks what is due, lets the lanes do it, and notes what came of it.

Every look is complete in itself, so that a start at any time picks up what is due. The lanes work beside the loop; what
they find they note under the state's lock.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from archive.errors import ChatkeepError, ExchangeError, OutOfBudget
from archive.intervals import Listening, beat
from archive.jobs import JobRow, JobState, load_asked, save_job, settle_session, text_of
from archive.models import Chat, Post
from archive.opening import storage_errors
from archive.store import Archive
from archive.times import Clock, to_text
from chatkeep.running.changes import find_changes
from chatkeep.running.ground import Executor, Ground
from chatkeep.running.links import begin_links
from chatkeep.running.state import LaneState, State
from chatkeep.running.wishes import add_wishes, answer_rest, excuse_resting, finish_wish, wished_jobs
from collector.due import CHECKS, LINKS, PRIORITY, Due, Job, Watched, due, find_polls
from collector.lane import Outcome, perform, rest_after
from collector.retrying import Retrying
from collector.unfolding import Unfolded
from collector.walker import PageSaved, Walker

_ATTEMPTS = 3  # here and now; the schedule comes back for the rest, and others are not kept waiting
_MOST_TRIES = 6
_AFTER_GIVING_UP = timedelta(minutes=5)
_AFTER_STORAGE_TROUBLE = timedelta(seconds=15)
_CHECK_TAKES = timedelta(minutes=10)  # at the very most


@dataclass(slots=True)
class Runner:
    """Holds what a scheduled capture needs. ``tell`` takes events (a name and facts), ``wake`` ends the loop's wait,
    ``check`` performs the checks before a session, ``unfold`` looks up the links of one; ``sleep`` and ``chance`` are
    injected by tests. ``chats`` are those that the settings name, ``known`` all of the archive: a person may ask for an
    imported one too.
    """

    ground: Ground
    executor: Executor
    clock: Clock
    stop: threading.Event
    tell: Callable[..., None] = lambda *_args, **_facts: None
    wake: Callable[[], None] = lambda: None
    check: Callable[[Archive, Job], None] = lambda _archive, _job: None
    unfold: Callable[[Archive, Job], Unfolded] = lambda _archive, _job: Unfolded()
    sleep: Callable[[float], None] | None = None
    chance: Callable[[], float] = random.random
    walker_extras: Callable[[Archive, str], dict[str, Any]] = lambda _archive, _platform: {}
    state: State = field(default_factory=State)
    chats: dict[str, Chat] = field(default_factory=dict)
    known: dict[str, Chat] = field(default_factory=dict)

    def take_up(self, archive: Archive, ground: Ground) -> None:
        """Works by these settings from now on."""
        self.ground = ground
        self.known = archive.load_chats()
        self.chats = {slug: chat for slug, chat in self.known.items() if slug in ground.chats}
        with self.state.lock:
            self.state.keep_lanes({lane.name: lane for lane in ground.lanes})

    def look(self, archive: Archive) -> Due:
        """One look: everything that is due is begun, as far as its lane is free."""
        asked = load_asked(archive.conn)
        if any(wish.chat not in self.known for wish in asked):  # imported since
            self.known = archive.load_chats()
        with self.state.lock:
            add_wishes(self.state, asked, self.known)
            excuse_resting(self.state, self.clock())
            answer_rest(archive, self.state)
            now = self.clock()
            agenda = self._agenda(now)
            # a lane that is busy now may have done its job by the time it is begun: only the free ones are given work
            free = {CHECKS, LINKS, *(name for name, lane in self.state.lanes.items() if lane.busy is None)}
            wanted = [job for job in (*agenda.jobs, *wished_jobs(self.state)) if job.lane in free]
            jobs = sorted(wanted, key=lambda job: job.rank)
        for session in agenda.settled:
            chat = next(slug for slug, chat in self.chats.items() if any(s.id == session for s in chat.sessions))
            self.state.jobs[f"{session}|settled"] = settle_session(archive, chat, session)
            self._forget(session)
        self._begin(jobs)
        return agenda

    def _agenda(self, now: datetime) -> Due:
        return due(now, self._watched(), self.state.history(now))

    def _watched(self) -> Watched:
        return Watched(self.chats, self.ground.lanes, self.ground.options)

    def _forget(self, session: str) -> None:
        """A settled session's single jobs need no memory."""
        with self.state.lock:
            gone = [k for k in self.state.jobs if k.startswith(f"{session}|") and "|settled" not in k]
            for key in gone:
                if "|recheck monthly|" not in key:
                    del self.state.jobs[key]

    def _begin(self, jobs: Iterable[Job]) -> None:
        """The most urgent job of every lane that is free."""
        for job in jobs:
            if job.lane == CHECKS:
                self._begin_check(job)
                continue
            if job.lane == LINKS:
                begin_links(self, job)
                continue
            with self.state.lock:
                lane = self.state.lanes.get(job.lane)
                if lane is None or lane.busy is not None or self.stop.is_set() or _rests(lane, self.clock()):
                    continue
                lane.busy = job
            self.executor.submit(job.lane, lambda archive, job=job, lane=lane: self._work(archive, lane, job))  # type: ignore[misc]  # mypy cannot infer a lambda's defaults

    def _begin_check(self, job: Job) -> None:
        """Checks have a thread of their own: a platform that hangs there delays no capture."""
        with self.state.lock:  # should the archive not take its result, it is done again
            self.state.jobs[job.key] = JobState("waiting", 1, self.clock() + _CHECK_TAKES)
        self.executor.submit(CHECKS, lambda archive: self._check(archive, job))

    def _check(self, archive: Archive, job: Job) -> None:
        try:
            self.check(archive, job)
        finally:
            self.save_job(archive, job, JobState("done", 1, None, self.clock()))

    # -- on a lane's thread

    def _work(self, archive: Archive, lane: LaneState, job: Job) -> None:
        begun = self.clock()
        try:
            with storage_errors(archive.path):
                outcome = perform(archive, self._walker(archive, lane, job), lane.lane, self.known[job.chat], job)
                self._note(archive, lane, outcome, begun)
        except ChatkeepError as error:  # the disk, the archive, the settings: capture must go on when they are back
            self._note_trouble(lane, job, error)
        except BaseException:
            self._free(lane, self.clock() + _AFTER_STORAGE_TROUBLE)
            raise

    def _walker(self, archive: Archive, lane: LaneState, job: Job) -> Walker:
        source = self.ground.sources[lane.lane.platform]
        return Walker(
            archive,
            source,
            Retrying(self.stop, self.sleep, _ATTEMPTS),
            self.stop,
            self._on_page,
            gives_way=lambda: self._is_more_urgent(lane, job),
            thrifty=True,
            patient=True,
            on_trouble=lambda error: self._tell_trouble(lane, job, error),
            **self.walker_extras(archive, lane.lane.platform),
        )

    def _is_more_urgent(self, lane: LaneState, job: Job) -> bool:
        """Whether a live session waits for this lane while it does something that can wait."""
        if PRIORITY[job.kind] == 0:
            return False
        with self.state.lock:
            now = self.clock()
            polls = find_polls(now, self._watched(), self.state.history(now))
        return any(poll.lane == lane.lane.name for poll in polls)

    def note_changes(self, slug: str, posts: Iterable[Post], session: str | None) -> None:
        """Notes which sessions have something new; hold the state's lock."""
        chat = self.known.get(slug)
        self.state.changed |= find_changes(chat, posts, session, to_text(self.clock())) if chat else {(slug, None)}

    def _on_page(self, saved: PageSaved) -> None:
        """Notes that the lane, which is known by the plan's server, has answered."""
        name = f"{saved.platform} {saved.plan.server}" if saved.plan.server else saved.platform
        with self.state.lock:
            if saved.saved.new or saved.saved.changed:
                self.note_changes(saved.chat, saved.batch.posts, saved.session)
            standing = self.state.standing(saved.chat, name)
            standing.answered_at, standing.trouble = self.clock(), None
            standing.is_broke = standing.is_refused = False

    def _note(self, archive: Archive, lane: LaneState, outcome: Outcome, begun: datetime) -> None:
        job, now = outcome.job, self.clock()
        with self.state.lock:
            lane.fails = 0 if outcome.error is None else lane.fails + 1
            news = self._stand(outcome)
            rests = rest_after(outcome, lane.fails, now, self.chance)
        if job.kind == "asked":
            finish_wish(archive, self.state, job, outcome)
        elif job.kind != "live":
            self._save_outcome(archive, outcome, rests)
        if job.kind == "live" and outcome.answered:
            beat(archive, Listening(lane.lane.platform, lane.lane.name, "poll", self._beat_seconds(lane)))
        if news or not (job.kind == "live" and not outcome.new_count):
            self._tell(lane, outcome)
        with self.state.lock:
            if job.kind == "live":
                self.state.polled_at[job.chat, job.lane] = begun
            if job.kind not in ("live", "asked") and outcome.done:
                self.state.changed.add((job.chat, job.session))
        self._free(lane, rests if _concerns_lane(outcome) else None)

    def _stand(self, outcome: Outcome) -> bool:
        """Notes how the chat stands on the lane now; whether its trouble is news."""
        standing, error = self.state.standing(outcome.job.chat, outcome.job.lane), outcome.error
        before = standing.trouble
        standing.trouble = outcome.why if error is not None else None
        standing.is_broke = isinstance(error, OutOfBudget) and error.status is None
        standing.session = outcome.job.session
        standing.is_refused = isinstance(error, OutOfBudget) and error.status is not None
        return standing.trouble is not None and standing.trouble != before

    def _beat_seconds(self, lane: LaneState) -> float:
        return max(lane.lane.poll_seconds, 60.0)

    def _save_outcome(self, archive: Archive, outcome: Outcome, rests: datetime | None) -> None:
        job, now = outcome.job, self.clock()
        before = self.state.jobs.get(job.key, JobState("waiting"))
        tries = before.tries_count + 1
        if outcome.done:
            return self.save_job(archive, job, JobState("done", tries, None, now, outcome.why))
        if outcome.given_up:
            return self.save_job(archive, job, _after_giving_up(outcome, tries, now))
        waits = None if outcome.gave_way and outcome.error is None else rests
        return self.save_job(archive, job, JobState("waiting", tries, waits, before.ended_at, outcome.why))

    def save_job(self, archive: Archive, job: Job, stands: JobState) -> None:
        """Writes how a job stands now, and remembers it."""
        row = JobRow(
            key=job.key, kind=job.kind, chat=job.chat, lane=job.lane, due_at=to_text(job.due_at), session=job.session,
            state=stands.state, tries_count=stands.tries_count, not_before=text_of(stands.not_before),
            ended_at=text_of(stands.ended_at), why=stands.why,
        )  # fmt: skip
        saved = save_job(archive, row)
        with self.state.lock:
            self.state.jobs[job.key] = saved

    def _note_trouble(self, lane: LaneState, job: Job, error: ChatkeepError) -> None:
        """The archive itself could not be written: nothing is lost, and the lane tries again soon."""
        self._tell_trouble(lane, job, error)
        self._free(lane, self.clock() + _AFTER_STORAGE_TROUBLE)

    def _tell_trouble(self, lane: LaneState, job: Job, error: ChatkeepError) -> None:
        self.tell("trouble", chat=job.chat, lane=lane.lane.name, job=job.kind, why=str(error))
        with self.state.lock:
            self.state.standing(job.chat, lane.lane.name).trouble = str(error)

    def _free(self, lane: LaneState, rests_until: datetime | None) -> None:
        with self.state.lock:
            lane.busy, lane.rests_until = None, rests_until
        self.wake()

    def _tell(self, lane: LaneState, outcome: Outcome) -> None:
        """One event a job; polls that found nothing, or the trouble that was told before, are no event."""
        job = outcome.job
        pages = sum(walked.pages_count for walked in outcome.walked)
        facts: dict[str, Any] = {"lane": lane.lane.name, "session": job.session, "pages": pages}
        if outcome.why:
            facts["why"] = outcome.why
        self.tell(job.kind, chat=job.chat, new_posts=outcome.new_count, done=outcome.done, **facts)


def _after_giving_up(outcome: Outcome, tries: int, now: datetime) -> JobState:
    """A walk that was refused or ended early is tried again a few times; then its reason stands in the coverage."""
    most = _MOST_TRIES if outcome.job.kind in ("sweep", "look back") else 2
    if tries >= most:
        return JobState("dropped", tries, None, now, outcome.why)
    return JobState("waiting", tries, now + _AFTER_GIVING_UP * 2**tries, None, outcome.why)


def _rests(lane: LaneState, now: datetime) -> bool:
    return lane.rests_until is not None and lane.rests_until > now


def _concerns_lane(outcome: Outcome) -> bool:
    """Whether the trouble is the platform's, so that other jobs on the lane would meet it too."""
    if isinstance(outcome.error, OutOfBudget) and outcome.error.status is None:
        return False  # one chat's own budget is no other chat's matter
    if isinstance(outcome.error, ExchangeError):
        return outcome.error.status not in (400, 404, 410)
    return outcome.not_before is not None
