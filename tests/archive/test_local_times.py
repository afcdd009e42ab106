from __future__ import annotations

import pytest

from archive.local_times import local_hour, local_moment


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2026-10-08T12:05:00.000Z", "13:05"),
        ("2026-10-07T23:30:00.000Z", "00:30"),  # the same local day, another day in UTC
        ("2026-10-07T12:05:00.000Z", "Wed 7 Oct, 13:05"),
        ("2026-12-24T12:05:00.000Z", "Thu 24 Dec, 12:05"),
        ("2014-10-09T12:00:00.000Z", "Thu 9 Oct 2014, 13:00"),
    ],
)
def test_a_time_is_as_short_as_it_is_clear(text: str, words: str) -> None:
    assert local_moment(text, "Europe/London", "2026-10-08T12:24:00.000Z") == words


def test_the_hour_is_the_chats_own() -> None:
    assert local_hour("2026-10-08T12:05:00.000Z", "Asia/Kolkata") == "17:35"
