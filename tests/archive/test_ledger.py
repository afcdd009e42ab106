"""The ledger: what may have been billed counts as spent, what was billed is billed once a UTC day."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from archive.jobs import settle_session
from archive.ledger import Account, Claim, load_spent, release, reserve, settle
from archive.models import Billed, Chat
from archive.store import Archive, open_archive

CHAT = Chat(slug="northmoor", title="", hashtags=("northmoor",))


class Hour:
    """A clock that a test sets."""

    now = datetime(2026, 10, 8, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def hour() -> Hour:
    return Hour()


@pytest.fixture
def ledger(tmp_path: Path, hour: Hour) -> Iterator[Archive]:
    with open_archive(tmp_path / "archive.db", hour) as archive:
        archive.save_chat(CHAT)
        archive.conn.execute(
            "INSERT INTO walks (id, chat, platform, key, status, opened_at)"
            " VALUES (1, 'northmoor', 'x', 'k', 'open', '2026-10-08T12:00:00.000Z')"
        )
        yield archive


def claim(session: str | None = "s1", session_limit: int = 1000, month_limit: int = 2000) -> Claim:
    return Claim("x", "northmoor", session, 1, session_limit, month_limit)


def take(archive: Archive, money: int, who: Claim | None = None) -> Account:
    return reserve(archive, who or claim(), lambda left: money if money <= left else None)


def taken(archive: Archive, money: int, who: Claim | None = None) -> int:
    reservation = take(archive, money, who).reservation
    assert reservation is not None
    return reservation


def posts(*numbers: int) -> list[Billed]:
    return [Billed("post", str(number), 5) for number in numbers]


def settled(archive: Archive, reservation: int, billed: list[Billed], at: str, done: int | None = None) -> None:
    with archive.transaction() as conn:
        settle(conn, reservation, billed, at, done)


def rows(archive: Archive) -> list[tuple[str, str]]:
    return archive.conn.execute("SELECT day, resource FROM ledger ORDER BY day, resource").fetchall()


def spent(archive: Archive, **narrow: str) -> int:
    return load_spent(archive.conn, "northmoor", **narrow)


NOON = "2026-10-08T12:00:01.000Z"


def test_an_open_reservation_is_spent_until_its_page_settles_it(ledger: Archive) -> None:
    reservation = taken(ledger, 600)
    assert spent(ledger, session="s1") == 600
    settled(ledger, reservation, posts(1, 2), NOON)
    assert spent(ledger, session="s1") == 10
    assert spent(ledger, month="2026-10") == 10
    assert spent(ledger, month="2026-09") == spent(ledger, session="s2") == 0


def test_what_was_billed_on_a_day_is_not_billed_again_on_it(ledger: Archive, hour: Hour) -> None:
    settled(ledger, taken(ledger, 100), posts(1, 2), NOON)
    settled(ledger, taken(ledger, 100), posts(2, 3), NOON)
    assert spent(ledger) == 15
    hour.now = datetime(2026, 10, 9, 12, tzinfo=UTC)
    settled(ledger, taken(ledger, 100), posts(1), "2026-10-09T12:00:01.000Z")
    assert spent(ledger) == 20


def test_the_session_and_the_month_both_hold(ledger: Archive, hour: Hour) -> None:
    assert take(ledger, 1001).reservation is None
    taken(ledger, 1000)
    account = take(ledger, 1)
    assert (account.reservation, account.session_spent, account.left) == (None, 1000, 0)
    taken(ledger, 1000, claim("s2"))
    assert take(ledger, 1, claim("s3")).reservation is None
    assert take(ledger, 1, claim(None)).month_spent == 2000
    hour.now = datetime(2026, 11, 8, 12, tzinfo=UTC)
    assert take(ledger, 1, claim("s1")).reservation is None
    taken(ledger, 1000, claim("s3"))


def test_a_released_reservation_is_free_and_a_settled_one_stays(ledger: Archive) -> None:
    one, two = taken(ledger, 100), taken(ledger, 200)
    release(ledger, one)
    settled(ledger, two, posts(1), NOON)
    release(ledger, two)
    assert spent(ledger) == 5


def test_a_session_that_is_over_keeps_open_reservations_alone(ledger: Archive) -> None:
    settled(ledger, taken(ledger, 100), posts(1), NOON)
    release(ledger, taken(ledger, 100))
    lost = taken(ledger, 100)
    settle_session(ledger, "northmoor", "s1")
    assert [row[0] for row in ledger.conn.execute("SELECT id FROM reservations")] == [lost]
    assert spent(ledger) == 105


def test_a_complete_walk_frees_what_it_asked_in_vain_on_its_day(ledger: Archive) -> None:
    taken(ledger, 100)
    settled(ledger, taken(ledger, 100), posts(1), NOON, done=1)
    assert spent(ledger) == 5


def test_what_was_asked_in_vain_on_another_day_stays_spent(ledger: Archive, hour: Hour) -> None:
    taken(ledger, 100)
    hour.now = datetime(2026, 10, 9, 12, tzinfo=UTC)
    settled(ledger, taken(ledger, 100), posts(1), "2026-10-09T12:00:01.000Z", done=1)
    assert spent(ledger) == 105


def test_what_was_asked_in_vain_near_midnight_stays_spent(ledger: Archive, hour: Hour) -> None:
    hour.now = datetime(2026, 10, 8, 23, 57, tzinfo=UTC)
    taken(ledger, 100)
    settled(ledger, taken(ledger, 100), posts(1), "2026-10-08T23:57:01.000Z", done=1)
    assert spent(ledger) == 105


def test_counts_are_billed_by_the_request_so_a_complete_walk_frees_none(ledger: Archive) -> None:
    taken(ledger, 10)
    settled(ledger, taken(ledger, 10), [Billed("request", "u", 5)], NOON, done=1)
    assert spent(ledger) == 15


def test_round_midnight_each_reading_takes_the_first_day_that_is_open(ledger: Archive, hour: Hour) -> None:
    hour.now = datetime(2026, 10, 8, 23, 59, 59, tzinfo=UTC)
    for _ in range(3):
        settled(ledger, taken(ledger, 100), posts(1), "2026-10-09T00:00:01.000Z")
    assert rows(ledger) == [("2026-10-08", "1"), ("2026-10-09", "1")]
    settled(ledger, taken(ledger, 100), posts(2), "2026-10-08T23:59:59.500Z")
    assert rows(ledger)[1:2] == [("2026-10-08", "2")]


def test_between_two_months_both_pay_and_both_must_be_able_to(ledger: Archive, hour: Hour) -> None:
    hour.now = datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC)
    reservation = taken(ledger, 100)
    assert spent(ledger, month="2026-10") == spent(ledger, month="2026-11") == 200
    settled(ledger, reservation, posts(1), "2026-11-01T00:00:01.000Z")
    assert rows(ledger) == [("2026-10-31", "1"), ("2026-11-01", "1")]
    hour.now = datetime(2026, 10, 15, tzinfo=UTC)
    taken(ledger, 1995, claim(None))
    hour.now = datetime(2026, 10, 31, 23, 58, tzinfo=UTC)
    assert take(ledger, 100, claim("s2")).left == 0


def test_a_clock_that_went_back_during_a_request_bills_one_day(ledger: Archive, hour: Hour) -> None:
    settled(ledger, taken(ledger, 100), posts(1), "2026-10-06T12:00:00.000Z")
    assert rows(ledger) == [("2026-10-06", "1")]


def test_two_processes_never_overspend_together(ledger: Archive, hour: Hour) -> None:
    got: list[int] = []

    def spend() -> None:
        with open_archive(ledger.path, hour) as mine:
            while (account := take(mine, 30)).reservation is not None:
                got.append(account.reservation)

    threads = [threading.Thread(target=spend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == len(set(got)) == 33
    assert spent(ledger) == 990


def test_just_before_midnight_the_platforms_clock_may_be_past_it(ledger: Archive, hour: Hour) -> None:
    hour.now = datetime(2026, 10, 8, 23, 59, 30, tzinfo=UTC)
    for _ in range(2):
        settled(ledger, taken(ledger, 100), posts(1), "2026-10-08T23:59:31.000Z")
    assert rows(ledger) == [("2026-10-08", "1"), ("2026-10-09", "1")]
