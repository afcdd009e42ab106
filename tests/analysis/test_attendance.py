from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.attendance import Attendance, Presence, find_attendance


def attend(*sessions: str, people: Mapping[str, str] | None = None, since: str | None = None) -> list[Attendance]:
    """Sessions s0, s1 …, each as the names of who posted; a star marks a host."""
    order = [f"s{n}" for n in range(len(sessions))]
    presences = [
        Presence(f"s{n}", name.strip("*"), 2, "asked Q1, Q2 first" if "*" in name else None)
        for n, names in enumerate(sessions)
        for name in sorted(names.split())
    ]
    return list(find_attendance(presences, people or {}, order, since))


def roles(found: Sequence[Attendance], session: str) -> dict[str, str]:
    return {one.person: one.role for one in found if one.session == session}


def test_of_the_first_captured_session_nobody_is_called_new() -> None:
    (ann,) = attend("ann")
    assert (ann.role, ann.sessions_count) == ("participant", 1)
    assert ann.reason == "no earlier session of this chat was captured"


def test_who_is_first_seen_after_an_earlier_session_is_a_newcomer_once() -> None:
    found = attend("ann", "ann bob", "bob")
    assert roles(found, "s1") == {"ann": "participant", "bob": "newcomer"}
    assert roles(found, "s2") == {"bob": "participant"}
    bob = next(one for one in found if one.person == "bob")
    assert bob.reason == "not seen in 1 earlier session of this chat that was captured"


def test_three_sessions_and_half_of_the_last_six_make_a_regular() -> None:
    assert roles(attend("ann", "ann", "ann"), "s2") == {"ann": "regular"}
    assert roles(attend("ann", "ann", "bob", "bob", "ann"), "s4") == {"ann": "regular"}
    sparse = attend("ann", "ann", *["bob"] * 5, "ann")
    assert roles(sparse, "s7") == {"ann": "participant"}
    assert sparse[-1].reason == "seen in 3 sessions of this chat so far, and in 1 of the last 6 before this"


def test_a_host_is_a_host_however_often_seen() -> None:
    found = attend("*ann", "*ann bob", "*ann")
    assert [one.role for one in found if one.person == "ann"] == ["host"] * 3
    assert found[-1].sessions_count == 3
    assert found[-1].reason == "asked Q1, Q2 first"


def test_accounts_of_one_person_are_seen_as_one() -> None:
    found = attend("ann", "annsky ann", people={"ann": "ann", "annsky": "ann"})
    assert [(one.session, one.person, one.posts_count) for one in found] == [("s0", "ann", 2), ("s1", "ann", 4)]
    assert found[-1].role == "participant"


def test_posts_outside_the_sessions_are_no_sitting() -> None:
    outside = [Presence("all", "ann", 3), Presence("s0", "ann", 1), Presence("s0", "bob", 1)]
    found = list(find_attendance(outside, {}, ["s0"]))
    assert [(one.session, one.person, one.role, one.sessions_count) for one in found] == [
        ("all", "ann", "participant", 1), ("s0", "ann", "participant", 1), ("s0", "bob", "participant", 1)
    ]  # fmt: skip
    assert found[0].reason == "posted outside the sessions of this chat"


@pytest.mark.parametrize("since", range(4))
def test_what_is_told_from_a_session_on_is_what_the_whole_would_say(since: int) -> None:
    sessions = ("ann bob", "bob", "ann cat", "ann bob cat")
    whole = [one for one in attend(*sessions) if one.session >= f"s{since}"]
    assert attend(*sessions, since=f"s{since}") == whole


@given(st.lists(st.sets(st.sampled_from("abcdef"), min_size=1), min_size=1, max_size=14))
def test_the_roles_are_those_that_counting_by_hand_gives(there: list[set[str]]) -> None:
    found = attend(*(" ".join(sorted(names)) for names in there))
    for one in found:
        number = int(one.session[1:])
        before = [n for n in range(number) if one.person in there[n]]
        window = range(max(0, number - 6), number)
        assert one.sessions_count == len(before) + 1
        is_regular = len(before) >= 2 and 2 * len([n for n in window if n in before]) >= len(window)
        is_new = number > 0 and not before
        assert one.role == ("newcomer" if is_new else "regular" if is_regular else "participant")
