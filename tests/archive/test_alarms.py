from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory_archive import memory_archive

from archive.alarms import Alarm, Level, load_open_alarms, load_unsent, mark_sent, save_alarms
from archive.store import Archive, open_archive


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 10, 8, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def kept(tmp_path: Path, hands: Hands) -> Iterator[Archive]:
    with open_archive(tmp_path / "alarms.db", hands) as opened:
        yield opened


def alarm(key: str = "silent|x", level: Level = "error", message: str = "X has not answered") -> Alarm:
    return Alarm(key=key, kind=key.partition("|")[0], level=level, message=message, remedy="Run `chatkeep check`")


def keys(found: list) -> list[str]:  # type: ignore[type-arg]  # rows of either kind
    return [row.alarm.key for row in found]


def test_an_alarm_is_raised_once_and_ends_once(kept: Archive, hands: Hands) -> None:
    raised, ended = save_alarms(kept, [alarm()], {"silent"})
    assert (keys(raised), ended) == (["silent|x"], [])
    hands.move(seconds=10)
    assert save_alarms(kept, [alarm()], {"silent"}) == ([], [])
    raised, ended = save_alarms(kept, [], {"silent"})
    assert (raised, keys(ended)) == ([], ["silent|x"])
    assert ended[0].ended_at == "2026-10-08T12:00:10.000Z"
    assert load_open_alarms(kept.conn) == []


def test_alarms_of_other_kinds_stay(kept: Archive) -> None:
    save_alarms(kept, [alarm("disk|d"), alarm("silent|x")], {"disk", "silent"})
    save_alarms(kept, [], {"silent"})
    assert keys(load_open_alarms(kept.conn)) == ["disk|d"]


def test_nothing_is_written_while_nothing_changes_but_a_sign_of_life_a_minute(kept: Archive, hands: Hands) -> None:
    save_alarms(kept, [alarm()], {"silent"})
    before = kept.conn.total_changes
    hands.move(seconds=59)
    save_alarms(kept, [alarm()], {"silent"})
    assert kept.conn.total_changes == before
    hands.move(seconds=1)
    save_alarms(kept, [alarm()], {"silent"})
    assert load_open_alarms(kept.conn)[0].last_at == "2026-10-08T12:01:00.000Z"


def test_new_words_are_kept_and_are_no_new_alarm(kept: Archive) -> None:
    save_alarms(kept, [alarm()], {"silent"})
    assert save_alarms(kept, [alarm(message="X answers 503")], {"silent"}) == ([], [])
    assert load_open_alarms(kept.conn)[0].alarm.message == "X answers 503"


def test_a_warning_that_becomes_an_error_is_told_anew(kept: Archive) -> None:
    raised, _ = save_alarms(kept, [alarm("budget|a", "warning")], {"budget"})
    mark_sent(kept, raised)
    raised, ended = save_alarms(kept, [alarm("budget|a", "error")], {"budget"})
    assert (keys(raised), ended) == (["budget|a"], [])
    assert keys(load_unsent(kept.conn, kept.now())[0]) == ["budget|a"]


def test_what_comes_back_within_five_minutes_is_the_same_alarm_and_no_news(kept: Archive, hands: Hands) -> None:
    raised, _ = save_alarms(kept, [alarm()], {"silent"})
    mark_sent(kept, raised)
    for _ in range(10):
        hands.move(minutes=1)
        save_alarms(kept, [], {"silent"})
        hands.move(minutes=1)
        save_alarms(kept, [alarm()], {"silent"})
        assert load_unsent(kept.conn, kept.now()) == ([], [])
    assert kept.conn.execute("SELECT count(*) FROM alarms").fetchone() == (1,)


def test_an_end_is_told_when_it_has_held_for_five_minutes_and_once(kept: Archive, hands: Hands) -> None:
    raised, _ = save_alarms(kept, [alarm()], {"silent"})
    mark_sent(kept, raised)
    save_alarms(kept, [], {"silent"})
    assert load_unsent(kept.conn, kept.now()) == ([], [])
    hands.move(minutes=5)
    _, ended = load_unsent(kept.conn, kept.now())
    assert keys(ended) == ["silent|x"]
    mark_sent(kept, ended)
    hands.move(days=1)
    assert load_unsent(kept.conn, kept.now()) == ([], [])
    save_alarms(kept, [alarm()], {"silent"})
    assert kept.conn.execute("SELECT count(*) FROM alarms").fetchone() == (2,)


def test_an_alarm_that_ended_before_anybody_was_told_stays_untold(kept: Archive, hands: Hands) -> None:
    save_alarms(kept, [alarm()], {"silent"})
    save_alarms(kept, [], {"silent"})
    hands.move(hours=1)
    assert load_unsent(kept.conn, kept.now()) == ([], [])


def test_an_alarm_that_ends_while_its_message_is_under_way_is_told_to_be_over(kept: Archive, hands: Hands) -> None:
    raised, _ = save_alarms(kept, [alarm()], {"silent"})
    save_alarms(kept, [], {"silent"})
    hands.move(minutes=6)
    mark_sent(kept, raised)
    assert keys(load_unsent(kept.conn, kept.now())[1]) == ["silent|x"]


def test_a_clock_set_back_neither_hides_an_end_nor_tells_it_twice(kept: Archive, hands: Hands) -> None:
    raised, _ = save_alarms(kept, [alarm()], {"silent"})
    mark_sent(kept, raised)
    hands.move(hours=-1)
    save_alarms(kept, [], {"silent"})
    hands.move(hours=2)
    _, ended = load_unsent(kept.conn, kept.now())
    assert keys(ended) == ["silent|x"]
    hands.move(hours=-2)
    mark_sent(kept, ended)
    hands.move(hours=2)
    assert load_unsent(kept.conn, kept.now()) == ([], [])


@given(st.lists(st.sets(st.sampled_from("abcd")), max_size=12))
def test_whatever_comes_and_goes_the_open_rows_are_what_was_given_last(history: list[set[str]]) -> None:
    hands = Hands()
    with memory_archive() as kept:
        kept.clock = hands
        for given_keys in history:
            hands.move(minutes=3)
            before = set(keys(load_open_alarms(kept.conn)))
            raised, ended = save_alarms(kept, [alarm(f"silent|{key}") for key in sorted(given_keys)], {"silent"})
            now = {f"silent|{key}" for key in given_keys}
            assert set(keys(load_open_alarms(kept.conn))) == now
            assert (set(keys(raised)), set(keys(ended))) == (now - before, before - now)
