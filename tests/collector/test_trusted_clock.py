from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
from hypothesis import given
from hypothesis import strategies as st

from collector.trusted_clock import TrustedClock

TRUE = datetime(2026, 10, 8, 12, 0, tzinfo=UTC)


class Own:
    def __init__(self, off: timedelta = timedelta()) -> None:
        self.true = TRUE
        self.off = off

    def __call__(self) -> datetime:
        return self.true + self.off


def answer(at: datetime, host: str = "one.example", **headers: str) -> httpx.Response:
    dated = {"date": format_datetime(at.replace(microsecond=0), usegmt=True), **headers}
    return httpx.Response(200, headers=dated, request=httpx.Request("GET", f"https://{host}/"))


def test_a_clock_that_agrees_is_left_alone() -> None:
    clock = TrustedClock(Own(timedelta(seconds=40)))
    for _ in range(3):
        clock.note(answer(TRUE))
    assert clock() == TRUE + timedelta(seconds=40)
    assert clock.offset == timedelta()


def test_two_answers_in_a_row_put_a_wrong_clock_right() -> None:
    clock = TrustedClock(Own(timedelta(hours=1)))
    clock.note(answer(TRUE))
    assert clock.offset == timedelta()
    clock.note(answer(TRUE))
    assert clock() == TRUE
    assert clock.offset == timedelta(hours=-1)


def test_a_clock_that_is_set_right_is_believed_again() -> None:
    own = Own(timedelta(hours=-1))
    clock = TrustedClock(own)
    for _ in range(3):
        clock.note(answer(TRUE))
    assert clock() == TRUE
    own.off = timedelta()
    for _ in range(2):
        clock.note(answer(TRUE))
    assert clock() == TRUE
    assert clock.offset == timedelta()


def test_an_old_answer_of_a_cache_and_one_without_a_date_tell_nothing() -> None:
    clock = TrustedClock(Own())
    for _ in range(4):
        clock.note(answer(TRUE - timedelta(hours=3), age="10800"))
        clock.note(httpx.Response(200, headers={"date": "soon"}, request=httpx.Request("GET", "https://one.example/")))
    assert clock() == TRUE


def test_one_server_with_a_wrong_clock_does_not_outvote_two_that_are_right() -> None:
    clock = TrustedClock(Own())
    for _ in range(3):
        clock.note(answer(TRUE + timedelta(hours=2), "wrong.example"))
        clock.note(answer(TRUE, "one.example"))
        clock.note(answer(TRUE, "two.example"))
    assert clock() == TRUE


@given(st.integers(-86_400, 86_400), st.lists(st.sampled_from(["one.example", "two.example"]), min_size=4, max_size=12))
def test_however_wrong_the_clock_is_it_ends_near_the_platforms_time(seconds: int, hosts: list[str]) -> None:
    clock = TrustedClock(Own(timedelta(seconds=seconds)))
    for host in hosts:
        clock.note(answer(TRUE, host))
    if max(hosts.count("one.example"), hosts.count("two.example")) >= 2:
        assert abs(clock() - TRUE) <= timedelta(seconds=91)
