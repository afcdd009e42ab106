from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from coverage_ground import END, START, TAG, Ground

from analysis.coverage_certificate import Certificate, build_certificates
from archive.models import Session
from archive.store import open_archive
from archive.times import shift
from publish.coverage_export import render_coverage_markdown
from publish.coverage_picture import render_coverage_picture
from publish.exports import render_export
from publish.plugin.overview import _coverage_words

NOW = shift(END, days=8)


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    archive = open_archive(tmp_path / "archive.db")
    yield Ground(archive)
    archive.close()


def page(ground: Ground, now: str = NOW) -> str:
    return render_coverage_markdown(ground.conn, ground.chat.slug, now)


def pictured(ground: Ground, now: str = NOW, width: int = 80, *, ascii_only: bool = False) -> str:
    certificates = build_certificates(ground.conn, ground.chat, now)
    return render_coverage_picture(certificates, width, ascii_only=ascii_only)


def test_the_page_says_in_plain_words_what_was_captured_where(ground: Ground) -> None:
    ground.walk()
    ground.walk("mastodon", covers_to=shift(START, minutes=45))
    ground.post("x:1", 5)
    ground.post("x:2", 70)
    text = page(ground)
    assert "Made on 16 October 2026, 14:00 by Chatkeep" in text
    assert "All times are local time (Europe/London)." in text
    assert "## Thursday 8 October 2026, 13:00 to 14:00" in text
    assert "Every minute of this session is complete on X." in text
    assert "Bluesky was not captured." in text
    assert "On Mastodon 45 of 60 minutes are complete and 15 unknown." in text
    assert "| X | 60 | 0 | 0 | 1 | 1 |" in text
    assert "  - 13:00 to 13:45 (45 minutes), complete on these servers: one.example" in text
    assert "  - 13:45 to 14:00 (15 minutes), unknown: Mastodon was asked, and no capture reaches this minute" in text
    assert "1 search reached the end, begun 8 October 2026, 15:00: 3 pages, 2 new posts." in text
    assert text.count("What people deleted before it was first asked for") == 1


def test_the_page_gives_the_evidence_and_what_stopped_the_work(ground: Ground) -> None:
    ground.walk(repeats_count=7)
    why = "the budget of this session is spent"
    ground.walk("x", "sweep", status="open", why=why, opened_at=shift(END, hours=24), covers_to=END)
    for hours in (1, 24, 168):
        ground.walk("mastodon", "sweep", opened_at=shift(END, hours=hours))
    ground.listened("bluesky", "jetstream", -5, 40, why="no sign of life")
    ground.listened("bluesky", "jetstream", 42, 70)
    ground.post("x:1", 5.2)
    ground.count(5, 2)
    text = page(ground)
    assert "7 more searches reached the end and found nothing new." in text
    assert f"A search begun 9 October 2026, 14:00 is not finished: {why}." in text
    assert "Searched again whole 1 hour, 24 hours and 7 days after the session." in text
    assert "Listened live 13:00 to 13:40 and 13:42 to 14:00; not 13:40 to 13:42 (no sign of life)." in text
    assert "13:05 to 13:06 (1 minute), partial: X counts 2 posts in this minute, the archive holds 1" in text
    assert "X itself counted 2 posts from 13:05 to 13:06, asked " in text
    assert "the archive holds 1 of that time, and fewer in 1 of 1 count." in text


def test_a_server_that_failed_is_named_beside_the_one_that_did_not(ground: Ground) -> None:
    ground.walk("mastodon")
    plan = f"mastodon tag https://two.example #{TAG}"
    ground.walk("mastodon", plan=plan, status="abandoned", why="25 pages in a row held no new post")
    text = page(ground)
    assert "complete on these servers: one.example; not on two.example: a capture ended early: 25 pages" in text
    assert (
        "A search on two.example begun 8 October 2026, 15:00 ended early: 25 pages in a row held no new post." in text
    )


def test_sessions_are_told_the_latest_first_and_those_to_come_are_left_out(ground: Ground) -> None:
    later = [
        Session(id=f"northmoor-{n}", chat="northmoor", starts_at=shift(START, days=n), ends_at=shift(END, days=n))
        for n in (7, 14)
    ]
    ground.chat.sessions = (*ground.chat.sessions, *later)
    ground.archive.save_chat(ground.chat)
    text = page(ground, shift(START, days=7, minutes=10))
    assert re.findall(r"^## Thursday (\d+)", text, re.MULTILINE) == ["15", "8"]
    assert "This session is still running: 50 minutes of it are yet to come." in text
    assert "13:10 to 14:00 (50 minutes), not over yet" in text.replace("15 October 2026, ", "")
    assert "No session of this chat has begun yet" in page(ground, shift(START, days=-1))


def test_it_is_fresh_whatever_an_old_analysis_says(ground: Ground) -> None:
    ground.insert(
        "coverage", chat="northmoor", session="northmoor-1", platform="x", minute=START, state="complete", why="old",
        version="0",
    )  # fmt: skip
    assert "Every minute" not in page(ground)
    ground.walk()
    assert "Every minute of this session is complete on X." in page(ground)


def test_words_of_others_in_reasons_stay_words(ground: Ground) -> None:
    ground.walk(status="abandoned", why="<script>alert(1)</script> | [x](javascript:1)")
    text = page(ground)
    assert "<script>" not in text.replace("\\<script", "")
    assert "[x](" not in text


def test_export_dispatches_on_it(ground: Ground) -> None:
    ground.walk()
    assert "# Northmoor hour: what was captured" in render_export(ground.conn, "northmoor", "coverage", "md")


def test_the_picture_has_a_character_a_minute_and_reads_without_colour(ground: Ground) -> None:
    ground.walk(covers_to=shift(START, minutes=40))
    ground.walk(status="open", why="X asks us to wait", covers_from=shift(START, minutes=40), covers_to=END)
    lines = pictured(ground).splitlines()
    assert lines[0] == "Thursday 8 October 2026, 13:00 to 14:00"
    assert lines[1].split() == ["13:00", "13:10", "13:20", "13:30", "13:40", "13:50"]
    assert lines[2] == f"X         {'█' * 40}{'▒' * 20}  40/60"
    assert lines[3] == f"Bluesky   {'·' * 60}  0/60"
    assert lines[1].index("13:40") == lines[2].index("▒")
    assert "X 13:40 to 14:00 partial: a capture is not finished: X asks us to wait" in lines
    assert "█ complete   ▒ partial   · unknown" in lines[-2]
    plain = pictured(ground, ascii_only=True)
    assert plain.isascii()
    assert f"X         {'#' * 40}{'+' * 20}" in plain


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("minutes", [1, 30, 60, 90, 600, 1440])
def test_no_line_of_the_picture_is_longer_than_the_terminal(ground: Ground, width: int, minutes: int) -> None:
    ground.chat.sessions[0].ends_at = shift(START, minutes=minutes)
    ground.walk(status="abandoned", why="word " * 60, covers_to=shift(START, days=2), opened_at=shift(START, days=3))
    text = pictured(ground, width=width)
    assert max(map(len, text.splitlines())) <= width
    assert f"0/{minutes}" in text


def test_of_a_long_session_a_character_is_complete_only_where_all_its_minutes_are(ground: Ground) -> None:
    ground.chat.sessions[0].ends_at = shift(START, minutes=120)
    ground.walk(opened_at=shift(START, hours=5), covers_to=shift(START, minutes=61))
    lines = pictured(ground).splitlines()
    assert lines[1] == "One character is 2 minutes."
    assert lines[3] == f"X         {'█' * 30}▒{'·' * 29}  61/120"


def test_minutes_to_come_are_blank(ground: Ground) -> None:
    ground.walk(opened_at=shift(START, minutes=20), covers_to=shift(START, minutes=20))
    lines = pictured(ground, shift(START, minutes=30)).splitlines()
    assert lines[2] == f"X         {'█' * 20}{'·' * 10}{' ' * 30}  20/60"


def test_without_a_session_the_picture_says_so() -> None:
    nothing: list[Certificate] = []
    assert render_coverage_picture(nothing) == "No session has begun yet."


def test_the_overview_of_a_session_names_the_commonest_reasons_and_counts_the_rest() -> None:
    at = "2026-10-08 13:05"
    rows = [{"state": "partial", "why": f"reason {n}", "minutes": 9 - n, "first": at, "last": at} for n in range(6)]
    _, state, words = _coverage_words("X", rows)
    assert state == "partial"
    assert words.endswith("partial for 6 minutes (13:05): reason 3; not complete for 9 more, for other reasons.")
