"""Histories of paid walks: faults, kills, restarts, sessions and UTC days in any order, and never more than the budget.

Posts come in all the time; none is edited or deleted, since X bills a wording that nobody can read again.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory_archive import memory_archive
from starlette.types import ASGIApp, Receive, Scope, Send

from archive.ledger import load_spent
from archive.models import Chat, RawPage
from archive.store import Archive
from archive.times import to_text
from chatkeep.stage.faults import Fault, FaultKind, Faults
from chatkeep.stage.feed import Feed, FeedAuthor, FeedPost
from chatkeep.stage.serving import serving
from chatkeep.stage.x import STAGE_TOKEN, build_x
from chatkeep.stage.x_till import Till
from collector.options import Budget, ChatOptions
from collector.retrying import Retrying
from collector.sources.base import Plan, Purpose, Window
from collector.sources.x import XSource
from collector.spending import Spending
from collector.transport import build_client
from collector.walker import Walked, Walker

NORTHMOOR = Chat(slug="northmoor", title="", hashtags=("northmoor",))
SESSIONS = ("s1", "s2", "s3")
PURPOSES: tuple[Purpose, ...] = ("tag", "sweep", "thread", "quotes", "posts", "counts")
FAULTS: tuple[tuple[FaultKind, int], ...] = (
    ("cut", 0), ("truncate", 0), ("empty", 0), ("garble", 0), ("html", 503), ("status", 429), ("status", 402),
)  # fmt: skip


class Killed(BaseException):
    """The process ends here and now."""


class Hour:
    """A clock that moves when told to."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Switch:
    """One server for all histories; each puts its own X behind it."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


class MortalSource(XSource):
    """X's source in a process that is killed at its nth exchange, before it was sent or after it was answered."""

    dies_at: tuple[int, bool] | None = None

    def fetch(self, plan: Plan, cursor: str | None) -> RawPage:
        if self.dies_at is None:
            return super().fetch(plan, cursor)
        number, before = self.dies_at
        self.dies_at = (number - 1, before)
        if number == 0 and before:
            raise Killed
        page = super().fetch(plan, cursor)
        if number == 0:
            raise Killed
        return page


@dataclass(slots=True)
class Ground:
    """What a history plays on."""

    switch: Switch
    base: str
    http: httpx.Client


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    switch = Switch()
    with serving(switch) as base, build_client("test") as http:
        yield Ground(switch, base, http)


def feed_from(start: datetime) -> Feed:
    """A post each 20 minutes for five days, every fourth in a conversation, every seventh a quote."""
    return Feed(
        tuple(FeedAuthor(key=f"a{n}", platform="x", handle=f"a{n}_x", name="") for n in range(7)),
        tuple(
            FeedPost(
                key=f"p{n}", author=f"a{n % 7}", at=to_text(start + timedelta(minutes=20 * n)),
                text=f"Tip {n}" if n % 4 == 3 else f"Tip {n} #northmoor",
                reply_to=f"p{n - 1}" if n % 4 == 3 else None, quote_of=f"p{n - 2}" if n % 7 == 6 else None,
            )
            for n in range(360)
        ),
    )  # fmt: skip


class History:
    """Walks of one archive against one X, restarted as often as it is killed."""

    def __init__(self, ground: Ground, archive: Archive, start: datetime, budget: Budget) -> None:
        self.ground, self.archive, self.budget, self.start = ground, archive, budget, start
        self.hour, self.faults, self.till = Hour(start), Faults(), Till()
        archive.clock = self.hour
        ground.switch.app = build_x(feed_from(start - timedelta(hours=20)), self.hour, self.faults, till=self.till)

    def walk(self, session: str, purpose: Purpose, dies_at: tuple[int, bool] | None, budget: Budget) -> list[Walked]:
        source = MortalSource(self.ground.http, self.hour, base_url=self.ground.base, bearer_token=STAGE_TOKEN)
        source.dies_at = dies_at
        stop = threading.Event()
        spending = Spending(self.archive, source, {"northmoor": ChatOptions(budget)})
        walker = Walker(
            self.archive, source, Retrying(stop, lambda seconds: self.hour.pass_by(min(seconds, 5.0))), stop,
            spending=spending,
        )  # fmt: skip
        start = to_text(self.start - timedelta(hours=12 - 4 * SESSIONS.index(session)))
        refs = tuple(
            row[0]
            for row in self.archive.conn.execute("SELECT native_id FROM post_ids ORDER BY native_id DESC LIMIT 30")
        )
        plans = source.plans(purpose, NORTHMOOR, Window() if purpose == "tag" else Window(start), refs)
        try:
            return [walker.walk(NORTHMOOR, plan, start, session) for plan in plans]
        except Killed:
            return []

    def step(self, step: tuple[Any, ...]) -> None:
        kind, *rest = step
        if kind == "pass":
            self.hour.pass_by(rest[0])
        elif kind == "fault":
            (fault, status), times = rest
            body = b'{"title":"Too Many Requests"}' if status == 429 else b"{}" if status == 402 else b""
            self.faults.add(Fault(kind=fault, status=status or 200, body=body), times)
        else:
            self.walk(*rest, self.budget)
        self.check()

    def check(self) -> None:
        """The ledger is never below X's bill, and neither is above the budget."""
        months: Counter[str] = Counter()
        for day, money in self.till.by_day.items():
            months[day[:7]] += money
        conn = self.archive.conn
        assert self.till.billed_tenth_cents <= load_spent(conn, "northmoor")
        assert all(load_spent(conn, "northmoor", session=session) <= self.budget.session for session in SESSIONS)
        assert all(money <= self.budget.month for money in months.values())


walks = st.tuples(
    st.just("walk"), st.sampled_from(SESSIONS), st.sampled_from(PURPOSES),
    st.one_of(st.none(), st.tuples(st.integers(0, 2), st.booleans())),
)  # fmt: skip
passing = st.tuples(st.just("pass"), st.sampled_from([1, 15, 50, 900, 6 * 3600, 24 * 3600]))
faulty = st.tuples(st.just("fault"), st.sampled_from(FAULTS), st.integers(1, 6))
budgets = st.builds(Budget, st.integers(0, 3_000), st.integers(0, 6_000))
beginnings = st.sampled_from(
    [datetime(2026, 10, 8, 12, tzinfo=UTC)]
    + [datetime(2026, 10, day, 23, 59, second, tzinfo=UTC) for day in (8, 31) for second in (10, 57)]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(beginnings, budgets, st.lists(st.one_of(walks, walks, passing, faulty), min_size=1, max_size=14))
def test_whatever_happens_x_never_bills_more_than_the_budget(
    ground: Ground, start: datetime, budget: Budget, steps: list[tuple[Any, ...]]
) -> None:
    with memory_archive() as archive:
        history = History(ground, archive, start, budget)
        for step in steps:
            history.step(step)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(beginnings, st.lists(st.one_of(walks, passing, faulty), max_size=10))
def test_a_walk_that_its_budget_allows_is_completed_whatever_happened_before(
    ground: Ground, start: datetime, steps: list[tuple[Any, ...]]
) -> None:
    plenty = Budget(10**7, 10**7)
    with memory_archive() as archive:
        history = History(ground, archive, start, plenty)
        for step in steps:
            history.step(step)
        history.faults.clear()
        for session in SESSIONS:
            for purpose in PURPOSES:
                assert {walked.status for walked in history.walk(session, purpose, None, plenty)} <= {"done"}
        history.check()
        kept = archive.conn.execute(
            "SELECT count(*) FROM post_tags JOIN posts ON posts.id = post WHERE tag = 'northmoor' AND posted_at >= ?"
            " AND posted_at < ?",
            (to_text(start - timedelta(hours=12)), to_text(start - timedelta(minutes=1))),
        ).fetchone()
        assert kept == (27,)
