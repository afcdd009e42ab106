"""Spending: nothing is asked that the budgets cannot pay, and what stops paid work keeps its place and says so."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from archive.errors import ExchangeError, Fatal, OutOfBudget, Retriable, Skippable
from archive.ledger import load_spent
from archive.models import Chat
from archive.store import Archive, open_archive
from archive.times import to_text
from archive.walks import load_open_walk
from chatkeep.stage.faults import Fault, Faults
from chatkeep.stage.feed import Feed, FeedAuthor, FeedPost
from chatkeep.stage.serving import serving
from chatkeep.stage.x import STAGE_TOKEN, build_x
from chatkeep.stage.x_till import Till
from collector.options import Budget, ChatOptions
from collector.reparse import reparse
from collector.retrying import Retrying
from collector.sources.base import Plan, Window
from collector.sources.mastodon import MastodonSource
from collector.sources.x import XSource
from collector.spending import Spending, dollars
from collector.transport import build_client, exchange
from collector.walker import Walked, Walker

START = datetime(2026, 10, 8, 12, 0, tzinfo=UTC)
NORTHMOOR = Chat(slug="northmoor", title="Northmoor hour (fictional)", hashtags=("northmoor",))
FEED = Feed(
    tuple(FeedAuthor(key=f"a{n}", platform="x", handle=f"a{n}_x", name="") for n in range(6)),
    tuple(
        FeedPost(key=f"p{n}", author=f"a{n % 6}", at=to_text(START + timedelta(seconds=n)), text=f"Tip {n} #northmoor")
        for n in range(60)
    ),
)
ALL_OF_IT = 60 * 5 + 6 * 10
HOUR = Window(to_text(START), to_text(START + timedelta(hours=1)))
CREDITS = b'{"title":"CreditsDepleted","detail":"no credits","type":"https://api.twitter.com/2/problems/credits"}'


class Hour:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now = START + timedelta(hours=2)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **delta: float) -> None:
        self.now += timedelta(**delta)


class Ground:
    """A staged X with a till, an archive, and a walker that pays."""

    def __init__(self, base: str, archive: Archive, hour: Hour) -> None:
        self.archive, self.hour = archive, hour
        self.faults, self.till = Faults(), Till()
        self.http = build_client("test")
        self.base = base

    def walk(self, budget: Budget, purpose: Any = "sweep", session: str | None = "s1", **more: Any) -> Walked:
        thrifty = more.pop("thrifty", False)
        source = XSource(self.http, self.hour, base_url=self.base, bearer_token=STAGE_TOKEN)
        stop = threading.Event()
        spending = Spending(self.archive, source, {"northmoor": ChatOptions(budget)})
        walker = Walker(self.archive, source, Retrying(stop, lambda _: None), stop, spending=spending, thrifty=thrifty)
        (plan,) = source.plans(purpose, NORTHMOOR, HOUR, **more)
        return walker.walk(NORTHMOOR, plan, session=session)

    @property
    def spent(self) -> int:
        return load_spent(self.archive.conn, "northmoor")


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    hour = Hour()
    with open_archive(tmp_path / "archive.db", hour) as archive:
        archive.save_chat(NORTHMOOR)
        ground = Ground("", archive, hour)
        with serving(build_x(FEED, hour, ground.faults, till=ground.till)) as base:
            ground.base = base
            yield ground
            ground.http.close()


def test_a_walk_within_its_budget_is_done_and_the_ledger_is_xs_own_bill(ground: Ground) -> None:
    assert ground.walk(Budget()).status == "done"
    assert ground.till.billed_tenth_cents == ground.spent == ALL_OF_IT
    owners = ground.archive.conn.execute("SELECT DISTINCT chat, session, day FROM ledger").fetchall()
    assert owners == [("northmoor", "s1", "2026-10-08")]
    assert ground.walk(Budget()).status == "done"
    assert ground.till.billed_tenth_cents == ground.spent == ALL_OF_IT


def test_the_next_utc_day_is_billed_again(ground: Ground) -> None:
    ground.walk(Budget())
    ground.hour.pass_by(days=1)
    ground.walk(Budget())
    assert ground.till.billed_tenth_cents == ground.spent == 2 * ALL_OF_IT


def test_a_page_that_is_not_kept_because_it_only_repeats_is_paid_for_all_the_same(ground: Ground) -> None:
    ground.walk(Budget(), "tag")
    ground.hour.pass_by(days=1)
    ground.faults.add(Fault(kind="cut"))
    assert ground.walk(Budget(), "tag", thrifty=True).status == "done"
    assert ground.archive.conn.execute("SELECT count(*) FROM walks").fetchone() == (1,)
    assert ground.till.billed_tenth_cents == ground.spent == 2 * ALL_OF_IT
    assert ground.archive.conn.execute("SELECT count(*) FROM reservations WHERE state = 'open'").fetchone() == (0,)


def test_pages_get_smaller_as_the_budget_does_and_the_walk_stops_before_it_is_overspent(ground: Ground) -> None:
    result = ground.walk(Budget(session=600))
    assert isinstance(result.error, OutOfBudget)
    assert (result.status, result.error.exit_code) == ("open", 4)
    assert ground.till.billed_tenth_cents == ground.spent <= 600
    assert 0 < result.new_count < 60
    words = str(result.error)
    assert all(each in words for each in ("northmoor", dollars(ground.spent), "$0.60", "session", "chats.toml"))
    assert "\n" not in words
    assert ground.walk(Budget(session=5_000)).status == "done"
    assert ground.archive.conn.execute("SELECT count(*) FROM posts").fetchone() == (60,)


def test_the_month_holds_over_all_sessions_and_begins_anew(ground: Ground) -> None:
    budget = Budget(session=5_000, month=900)
    assert ground.walk(budget).status == "done"
    ground.hour.pass_by(days=1)
    ground.walk(budget, session="s2")
    ground.hour.pass_by(days=1)
    result = ground.walk(budget, session="s3")
    assert "this month" in str(result.error)
    assert ground.till.billed_tenth_cents <= 900
    ground.hour.pass_by(days=30)
    assert ground.walk(budget, "posts", None, refs=("5",)).status == "done"


def test_a_budget_of_nothing_asks_nothing(ground: Ground) -> None:
    result = ground.walk(Budget(session=0))
    assert isinstance(result.error, OutOfBudget)
    assert ground.till.billed_tenth_cents == 0


@pytest.mark.parametrize(
    "fault",
    [Fault(kind="status", status=503), Fault(kind="html", status=502), Fault(kind="status", status=429)],
    ids=lambda fault: str(fault.status),
)
def test_a_refusal_costs_nothing(ground: Ground, fault: Fault) -> None:
    ground.faults.add(fault, times=20)
    result = ground.walk(Budget())
    assert (result.status, ground.spent) == ("open", 0)


@pytest.mark.parametrize("kind", ["cut", "truncate", "garble"])
def test_an_answer_that_was_lost_on_the_way_is_spent_until_the_walk_has_read_it_again(
    ground: Ground, kind: Any
) -> None:
    ground.faults.add(Fault(kind=kind), times=5)
    assert ground.walk(Budget()).status == "open"
    assert ground.spent >= ground.till.billed_tenth_cents > 0
    assert ground.spent > ALL_OF_IT
    ground.faults.clear()
    assert ground.walk(Budget(session=20_000)).status == "done"
    assert ground.till.billed_tenth_cents == ground.spent == ALL_OF_IT


def test_one_lost_answer_does_not_take_the_whole_budget(ground: Ground) -> None:
    ground.faults.add(Fault(kind="cut"))
    assert ground.walk(Budget(session=2_000)).status == "done"
    assert ground.spent == ALL_OF_IT


def test_a_request_that_never_left_costs_nothing(ground: Ground) -> None:
    ground.base = "http://127.0.0.1:9"
    result = ground.walk(Budget())
    assert (result.status, ground.spent) == ("open", 0)
    states = ground.archive.conn.execute("SELECT state, count(*) FROM reservations GROUP BY state").fetchall()
    assert states == [("released", 5)]


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        (Fault(kind="status", status=402, body=CREDITS), "credits"),
        (Fault(kind="status", status=429, body=b'{"title":"UsageCapExceeded"}'), "monthly"),
    ],
    ids=["402", "usage cap"],
)
def test_no_credits_and_a_usage_cap_stop_at_once_keep_the_place_and_say_so(
    ground: Ground, fault: Fault, word: str
) -> None:
    ground.walk(Budget(session=600))  # one page in, and open at a cursor
    cursor = ground.archive.conn.execute("SELECT cursor FROM walks").fetchone()
    requests = len(ground.till.resources)
    ground.faults.add(fault)
    result = ground.walk(Budget())
    assert isinstance(result.error, OutOfBudget)
    assert word in str(result.error)
    assert len(ground.till.resources) == requests
    assert ground.archive.conn.execute("SELECT cursor, status FROM walks").fetchone() == (*cursor, "open")
    assert ground.archive.conn.execute("SELECT why FROM walks").fetchone() == (str(result.error),)
    assert ground.spent == ground.till.billed_tenth_cents
    assert ground.walk(Budget()).status == "done"


def test_a_walk_is_paid_by_the_session_that_it_was_begun_for(ground: Ground) -> None:
    ground.walk(Budget(session=600), session="s1")
    walk = load_open_walk(ground.archive, ground.archive.conn.execute("SELECT key FROM walks").fetchone()[0])
    assert walk is not None
    assert walk.session == "s1"
    ground.walk(Budget(), session="s2")
    assert ground.archive.conn.execute("SELECT DISTINCT session FROM ledger").fetchall() == [("s1",)]


def test_counts_are_billed_by_the_request(ground: Ground) -> None:
    for _ in range(3):
        assert ground.walk(Budget(), "counts").status == "done"
        ground.hour.pass_by(seconds=1)
    assert ground.spent == ground.till.billed_tenth_cents == 15


def test_reading_stored_pages_again_never_touches_the_ledger(ground: Ground) -> None:
    ground.walk(Budget())
    before = ground.archive.conn.execute("SELECT * FROM ledger").fetchall()
    source = XSource(ground.http, ground.hour, bearer_token=None)
    reparse(ground.archive, {"x": source.parse})
    assert ground.archive.conn.execute("SELECT * FROM ledger").fetchall() == before


def test_a_platform_without_prices_reserves_nothing(ground: Ground) -> None:
    source = MastodonSource(ground.http, ground.hour, servers=())
    spending = Spending(ground.archive, source, {})
    plan = Plan(key="k", purpose="tag")
    assert spending.reserve(plan, None) == (plan, None)  # type: ignore[arg-type]  # no walk is looked at
    assert ground.spent == 0


@pytest.mark.parametrize(
    ("error", "free"),
    [
        (Retriable("503", status=503), True),
        (Retriable("cut"), False),
        (Retriable("unreadable", status=200), False),
        (Retriable("no connection", sent=False), True),
        (Skippable("400", status=400), True),
        (OutOfBudget("402", status=402), True),
        (Fatal("no key"), True),
    ],
)
def test_only_what_surely_was_not_billed_costs_nothing(error: ExchangeError, free: bool) -> None:
    assert Spending.costs_nothing(error) is free


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        (httpx.ConnectError, False),
        (httpx.ConnectTimeout, False),
        (httpx.PoolTimeout, False),
        (httpx.ReadTimeout, True),
        (httpx.WriteTimeout, True),
        (httpx.ReadError, True),
        (httpx.RemoteProtocolError, True),
    ],
)
def test_the_transport_tells_what_never_left(error: type[httpx.TransportError], sent: bool) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error("no", request=request)

    with build_client("test", httpx.MockTransport(fail)) as http, pytest.raises(Retriable) as caught:
        exchange(http, "GET", "https://x.example/")
    assert caught.value.sent is sent


def test_money_reads_as_money() -> None:
    assert [dollars(n) for n in (0, 5, 450, 5_000, 1_234_567)] == ["$0.00", "$0.005", "$0.45", "$5.00", "$1,234.567"]
