"""A capture on a machine whose clock is wrong, or jumps: nothing lost, and no minute claimed that has not happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from faithful import assert_coverage_is_true
from simulation import (
    PLATFORMS,
    SimClock,
    Simulation,
    captured,
    chat_of,
    feed_of,
    ground_of,
    minutes,
    session_of,
    shown,
    staged,
)

from analysis.coverage_certificate import build_certificates
from archive.store import open_archive
from archive.times import from_text, to_text
from chatkeep.stage.feed import Feed
from collector.trusted_clock import TrustedClock

FEED = feed_of({name: [float(n) for n in range(20)] for name in PLATFORMS})


@contextmanager
def wrong(feed: Feed, folder: Path, error: Callable[[datetime], timedelta], begins: float) -> Iterator[Simulation]:
    """A collector whose own clock is off by what ``error`` says at each true moment."""
    true = SimClock(minutes(begins))
    trusted = TrustedClock(lambda: true() + error(true()))
    with staged(feed, true, trusted=trusted) as stage, open_archive(folder / "archive.db", trusted) as archive:
        for source in stage.sources.values():  # as `run` does when it starts
            assert [problem for problem in source.check() if problem.level == "error"] == []
        ground = ground_of(stage, chat_of(session_of(20)), 30.0)
        yield Simulation(archive, true, ground, trusted)


ERRORS: dict[str, Callable[[datetime], timedelta]] = {
    "an hour ahead": lambda _: timedelta(hours=1),
    "an hour behind": lambda _: timedelta(hours=-1),
    "jumps ahead in mid-session": lambda now: timedelta(hours=1) if now > minutes(8) else timedelta(),
    "is set back in mid-session": lambda now: timedelta(hours=-1) if now > minutes(8) else timedelta(),
    "is put right in mid-session": lambda now: timedelta() if now > minutes(8) else timedelta(hours=1),
    "jumps to and fro": lambda now: timedelta(minutes=40) if now.minute % 6 < 3 else timedelta(minutes=-40),
}


@pytest.mark.parametrize("name", ERRORS)
def test_with_a_clock_that(name: str, tmp_path: Path) -> None:
    """…is wrong in this way, no post is lost, none is doubled, and the coverage is true at every moment."""
    with wrong(FEED, tmp_path, ERRORS[name], begins=-10) as life:
        for minute in range(-5, 40, 5):
            life.run_until(minutes(minute))
            _claims_only_what_happened(life)
        life.run_until(minutes(60 * 30))
        assert captured(life.archive) == shown(FEED, life.clock())
        assert_coverage_is_true(life, FEED, whole=True)


def _claims_only_what_happened(life: Simulation) -> None:
    chat = next(iter(life.archive.load_chats().values()))
    for certificate in build_certificates(life.archive.conn, chat, to_text(minutes(60 * 48))):
        for platform in certificate.platforms:
            for minute in platform.minutes:
                if minute.state == "complete":
                    assert from_text(minute.minute) + timedelta(minutes=1) <= life.clock(), (platform.platform, minute)


def test_posts_keep_their_true_times_though_the_clock_was_wrong(tmp_path: Path) -> None:
    with wrong(FEED, tmp_path, ERRORS["an hour behind"], begins=-10) as life:
        life.run_until(minutes(40))
        rows = life.archive.conn.execute("SELECT posted_at, created_at FROM posts").fetchall()
        assert rows
        assert [row for row in rows if row[0] != row[1]] == []
