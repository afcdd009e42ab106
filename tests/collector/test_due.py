from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.jobs import JobState
from archive.models import Chat, Session
from archive.times import from_text, to_text
from collector.due import CHECKS, LINKS, Due, History, Job, Lane, Watched, due, find_polls
from collector.options import ChatOptions
from collector.sources.base import Window

STARTS = datetime(2026, 10, 8, 12, 0, tzinfo=UTC)
ENDS = STARTS + timedelta(hours=1)
X = Lane("x", "x", poll_seconds=15.0, counts=True)
BLUESKY = Lane("bluesky", "bluesky", poll_seconds=15.0)
MASTODON = Lane("mastodon https://one.example", "mastodon", "https://one.example", poll_seconds=20.0, late=True)
LANES = (X, BLUESKY, MASTODON)


def session_at(starts: datetime, name: str = "northmoor-1", minutes: int = 60) -> Session:
    ends = starts + timedelta(minutes=minutes)
    return Session(id=name, chat="northmoor", starts_at=to_text(starts), ends_at=to_text(ends))


def watched(*sessions: Session, lanes: tuple[Lane, ...] = LANES, conversations: bool = True) -> Watched:
    chat = Chat(slug="northmoor", title="Northmoor hour", hashtags=("northmoor",), sessions=sessions)
    return Watched({"northmoor": chat}, lanes, {"northmoor": ChatOptions(conversations=conversations)})


ONE = watched(session_at(STARTS))
_BY_NAME = sorted(LANES, key=lambda lane: lane.name)


def kinds(jobs: tuple[Job, ...]) -> Counter[str]:
    return Counter(job.kind for job in jobs)


def test_long_before_a_session_nothing_is_due_and_the_next_look_is_within_a_day() -> None:
    now = STARTS - timedelta(days=9)
    assert due(now, ONE, History()).jobs == ()
    assert due(now, ONE, History()).next_at == now + timedelta(days=1)
    assert due(STARTS - timedelta(hours=30), ONE, History()).next_at == STARTS - timedelta(hours=24)


def test_checks_come_a_day_and_a_quarter_of_an_hour_before() -> None:
    day_before = due(STARTS - timedelta(hours=24), ONE, History())
    assert [(job.kind, job.lane) for job in day_before.jobs] == [("check", CHECKS)]
    assert day_before.next_at == STARTS - timedelta(minutes=15)
    done = History(jobs={day_before.jobs[0].key: JobState("done", ended_at=STARTS - timedelta(hours=24))})
    assert due(STARTS - timedelta(hours=20), ONE, done).jobs == ()
    assert kinds(due(STARTS - timedelta(minutes=15), ONE, done).jobs) == {"check": 1}


def test_started_between_the_checks_only_the_latest_is_made_up_for() -> None:
    jobs = due(STARTS - timedelta(minutes=10), ONE, History()).jobs
    assert [job.key for job in jobs] == [f"northmoor-1|check 15 min|{CHECKS}"]


def test_a_live_session_is_polled_by_each_platforms_rhythm() -> None:
    now = STARTS + timedelta(minutes=3)
    first = due(now, ONE, History())
    assert kinds(first.jobs)["live"] == 3
    assert [session.id for session in first.live] == ["northmoor-1"]
    polled = {("northmoor", lane.name): now for lane in LANES}
    after = due(now + timedelta(seconds=15), ONE, History(polled_at=polled))
    assert [job.lane for job in after.jobs if job.kind == "live"] == ["bluesky", "x"]
    assert after.next_at == now + timedelta(seconds=20)


def test_beside_a_healthy_stream_polls_are_rarer() -> None:
    now = STARTS + timedelta(minutes=3)
    polled = {("northmoor", "bluesky"): now}
    for seconds, expected in ((59, 0), (60, 1)):
        history = History(polled_at=polled, streamed=frozenset({"bluesky"}))
        jobs = due(now + timedelta(seconds=seconds), watched(session_at(STARTS), lanes=(BLUESKY,)), history).jobs
        assert kinds(jobs)["live"] == expected


def test_a_clock_that_was_set_back_does_not_silence_the_polls() -> None:
    now = STARTS + timedelta(minutes=3)
    history = History(polled_at={("northmoor", "x"): now + timedelta(hours=1)})
    assert "x" in [job.lane for job in due(now, ONE, history).jobs if job.kind == "live"]


def test_a_lane_that_was_told_to_wait_is_left_alone_until_then() -> None:
    now = STARTS + timedelta(minutes=3)
    history = History(resting={"x": now + timedelta(minutes=14)})
    assert "x" not in [job.lane for job in due(now, ONE, history).jobs]
    assert "x" in [job.lane for job in due(now + timedelta(minutes=14), ONE, history).jobs]


def test_polling_begins_before_the_start_and_goes_on_after_the_end() -> None:
    for minutes, expected in ((-6, 0), (-5, 3), (0, 3), (69, 3), (70, 0)):
        jobs = due(STARTS + timedelta(minutes=minutes), ONE, History()).jobs
        assert kinds(jobs)["live"] == expected, minutes


def test_after_a_session_come_sweeps_conversations_counts_and_rechecks() -> None:
    jobs = due(ENDS + timedelta(hours=1), ONE, History()).jobs
    assert kinds(jobs) == {"sweep": 3, "thread": 3, "recheck": 3, "counts": 1, "look back": 1}
    sweep = next(job for job in jobs if job.kind == "sweep")
    assert sweep.window == Window(to_text(STARTS - timedelta(hours=1)), None)
    assert [job.kind for job in jobs][:4] == ["sweep", "sweep", "sweep", "counts"]


def test_a_sweep_that_was_missed_is_made_up_for_by_the_later_one() -> None:
    jobs = due(ENDS + timedelta(days=3), ONE, History()).jobs
    assert [job.key for job in jobs if job.kind == "sweep" and job.lane == "x"] == ["northmoor-1|sweep 24 h|x"]
    week = due(ENDS + timedelta(days=12), ONE, History()).jobs
    until = {job.window.end for job in week if job.kind == "sweep"}
    assert until == {to_text(ENDS + timedelta(days=7))}
    assert {job.key.split("|")[1] for job in week} == {
        "sweep 7 days", "recheck 7 days", "thread 24 h", "counts 1 h",
    }  # fmt: skip


def test_conversations_are_switched_off_by_their_setting() -> None:
    jobs = due(ENDS + timedelta(hours=1), watched(session_at(STARTS), conversations=False), History()).jobs
    assert "thread" not in kinds(jobs)


def swept(name: str, ended_at: datetime, lanes: tuple[Lane, ...] = LANES) -> dict[str, JobState]:
    return {f"northmoor-1|sweep {name}|{lane.name}": JobState("done", ended_at=ended_at) for lane in lanes}


def test_links_are_looked_up_after_the_sweeps_of_the_hour_and_of_the_day() -> None:
    hour, day = ENDS + timedelta(hours=1), ENDS + timedelta(hours=24)
    assert "links" not in kinds(due(hour, ONE, History()).jobs)
    assert "links" not in kinds(due(hour, ONE, History(jobs=swept("1 h", hour, LANES[:2]))).jobs)
    jobs = swept("1 h", hour)
    [links] = [job for job in due(hour, ONE, History(jobs=jobs)).jobs if job.kind == "links"]
    assert (links.key, links.lane, links.due_at) == ("northmoor-1|links 1 h|links", LINKS, hour)
    jobs[links.key] = JobState("done", ended_at=hour)
    assert "links" not in kinds(due(day - timedelta(minutes=1), ONE, History(jobs=jobs)).jobs)
    jobs |= swept("24 h", day)
    assert "northmoor-1|links 24 h|links" in {job.key for job in due(day, ONE, History(jobs=jobs)).jobs}


def test_a_lane_that_must_wait_for_long_holds_up_no_links() -> None:
    hour = ENDS + timedelta(hours=1)
    history = History(jobs=swept("1 h", hour, LANES[1:]), resting={"x": hour + timedelta(hours=5)})
    assert "links" in kinds(due(hour, ONE, history).jobs)


def test_a_session_is_not_settled_while_its_links_wait() -> None:
    now = ENDS + timedelta(days=9)
    done = {job.key: JobState("done", ended_at=now) for job in due(now, ONE, History()).jobs}
    assert due(now, ONE, History(jobs=done)).settled == ()
    done["northmoor-1|links 24 h|links"] = JobState("done", ended_at=now)
    assert due(now, ONE, History(jobs=done)).settled == ("northmoor-1",)


def test_looking_up_links_is_switched_off_by_its_setting() -> None:
    setup = replace(ONE, options={"northmoor": ChatOptions(unfold_links=False)})
    hour = ENDS + timedelta(hours=1)
    assert "links" not in kinds(due(hour, setup, History(jobs=swept("1 h", hour))).jobs)


def test_where_posts_arrive_late_it_is_looked_back_every_hour_then_every_day() -> None:
    setup = watched(session_at(STARTS), lanes=(MASTODON,))
    key = f"northmoor-1|look back|{MASTODON.name}"

    def next_look(last: datetime, now: datetime) -> bool:
        history = History(jobs={key: JobState("done", ended_at=last)})
        return "look back" in kinds(due(now, setup, history).jobs)

    hour = timedelta(hours=1)
    assert "look back" in kinds(due(STARTS + hour, setup, History()).jobs)
    assert not next_look(ENDS, ENDS + timedelta(minutes=59))
    assert next_look(ENDS, ENDS + hour)
    assert not next_look(ENDS + timedelta(days=2), ENDS + timedelta(days=2, hours=23))
    assert next_look(ENDS + timedelta(days=2), ENDS + timedelta(days=3))
    assert not next_look(ENDS + timedelta(days=2), ENDS + timedelta(days=7))
    assert "look back" not in kinds(due(ENDS + hour, watched(session_at(STARTS), lanes=(X,)), History()).jobs)


def test_a_published_session_is_rechecked_every_month() -> None:
    settled = {"northmoor-1|settled": JobState("done", ended_at=ENDS + timedelta(days=8))}
    now = ENDS + timedelta(days=37)
    assert due(now, ONE, History(jobs=settled)).jobs == ()
    published = History(jobs=settled, published=frozenset({"northmoor"}))
    jobs = due(now, ONE, published).jobs
    assert [(job.kind, job.lane) for job in jobs] == [("recheck", lane.name) for lane in _BY_NAME]
    done = {**settled, **{job.key: JobState("done", ended_at=now) for job in jobs}}
    later = replace(published, jobs=done)
    assert due(now + timedelta(days=29), ONE, later).jobs == ()
    assert kinds(due(now + timedelta(days=30), ONE, later).jobs) == {"recheck": 3}


def test_an_old_session_that_was_never_captured_is_nobodys_live_chat() -> None:
    assert due(ENDS + timedelta(days=31), ONE, History()).jobs == ()


def test_live_work_goes_before_sweeps_of_an_earlier_session() -> None:
    earlier = session_at(STARTS - timedelta(days=1), "northmoor-0")
    jobs = due(STARTS + timedelta(minutes=5), watched(earlier, session_at(STARTS)), History()).jobs
    x = [job.kind for job in jobs if job.lane == "x"]
    assert x[0] == "live"
    assert "sweep" in x[1:]


def test_overlapping_sessions_of_one_chat_are_polled_once() -> None:
    both = watched(session_at(STARTS), session_at(STARTS + timedelta(minutes=30), "northmoor-2"))
    agenda = due(STARTS + timedelta(minutes=40), both, History())
    assert kinds(agenda.jobs)["live"] == 3
    assert len(agenda.live) == 2


class Life:
    """A collector that does at once whatever is due, and is sometimes off; its history survives, not its memory."""

    def __init__(self, setup: Watched) -> None:
        self.setup = setup
        self.jobs: dict[str, JobState] = {}
        self.polled: dict[tuple[str, str], datetime] = {}
        self.done: list[tuple[datetime, Job]] = []
        self.looks = 0

    def look(self, now: datetime) -> datetime:
        """Looks again after everything it did, as a runner does that its lanes wake."""
        self.looks += 1
        history = History(self.jobs, self.polled)
        agenda = due(now, self.setup, history)
        assert agenda.next_at > now
        assert {*find_polls(now, self.setup, history)} == {job for job in agenda.jobs if job.kind == "live"}
        if agenda.jobs:
            self.do(now, agenda)
            agenda = due(now, self.setup, History(self.jobs, self.polled))
            assert {job.kind for job in agenda.jobs} <= {"links"}  # which wait for the sweeps
            self.do(now, agenda)
            agenda = due(now, self.setup, History(self.jobs, self.polled))
            assert agenda.jobs == ()
        for session in agenda.settled:
            self.jobs[f"{session}|settled"] = JobState("done", ended_at=now)
        return agenda.next_at

    def do(self, now: datetime, agenda: Due) -> None:
        for job in agenda.jobs:
            assert job.due_at <= now
            self.done.append((now, job))
            if job.kind == "live":
                self.polled[job.chat, job.lane] = now
            else:
                self.jobs[job.key] = JobState("done", ended_at=now)

    def live_until(self, now: datetime, end: datetime) -> datetime:
        while now < end:
            now = min(self.look(now), end)
        return now


@given(
    st.lists(st.tuples(st.integers(1, 3 * 24 * 60), st.integers(0, 2 * 24 * 60)), max_size=6),
    st.integers(-30 * 60, 12 * 60),
)
def test_whenever_it_runs_all_that_is_due_is_done_once_and_nothing_is_left(
    spells: list[tuple[int, int]], begins: int
) -> None:
    life = Life(ONE)
    now = STARTS + timedelta(minutes=begins)
    for on, off in spells:
        now = life.live_until(now, now + timedelta(minutes=on)) + timedelta(minutes=off)
        life.polled.clear()  # a restart forgets when it polled
    life.live_until(now, max(now, ENDS) + timedelta(days=16))
    ones = ("sweep", "thread", "recheck", "counts", "check", "links")
    single = Counter(job.key for _, job in life.done if job.kind in ones)
    assert set(single.values()) <= {1}
    assert {f"northmoor-1|sweep 7 days|{lane.name}" for lane in LANES} <= set(single)
    assert "northmoor-1|links 24 h|links" in single
    assert "northmoor-1|settled" in life.jobs
    for _, job in life.done:
        if job.kind == "live":
            assert from_text("2026-10-08T11:55:00Z") <= job.due_at < from_text("2026-10-08T13:10:00Z")


def test_looking_exactly_when_told_is_enough_and_not_more_often_than_needed() -> None:
    life = Life(ONE)
    life.live_until(STARTS - timedelta(days=2), ENDS + timedelta(days=9))
    polls = Counter(job.lane for _, job in life.done if job.kind == "live")
    assert polls == {"x": 300, "bluesky": 300, MASTODON.name: 225}
    assert life.looks < 300 + 225 + 120
    late = [now - job.due_at for now, job in life.done if job.kind in ("sweep", "check", "recheck", "thread", "links")]
    assert max(late) == timedelta(0)


@pytest.mark.parametrize("count", [520])
def test_years_of_settled_sessions_cost_next_to_nothing(count: int) -> None:
    sessions = tuple(session_at(STARTS - timedelta(weeks=n), f"northmoor-{n}") for n in range(count))
    jobs = {f"northmoor-{n}|settled": JobState("done", ended_at=STARTS) for n in range(1, count)}
    agenda = due(STARTS - timedelta(hours=1), watched(*sessions), History(jobs=jobs))
    assert [job.kind for job in agenda.jobs] == ["check"]
