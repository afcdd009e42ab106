from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from archive.models import Platform
from archive.times import to_text
from chatkeep.stage.bluesky import build_bluesky
from chatkeep.stage.faults import Faults
from chatkeep.stage.feed import Feed, FeedAuthor, FeedPost
from chatkeep.stage.mastodon import build_mastodon
from chatkeep.stage.serving import serving
from chatkeep.stage.x import build_x

ROOT = Path(__file__).parents[2]
CHILD = Path(__file__).with_name("capture_child.py")
STARTS = datetime(2026, 10, 8, 12, 0, tzinfo=UTC)
NOW = STARTS + timedelta(hours=2)
PLATFORMS: tuple[Platform, ...] = ("x", "bluesky", "mastodon")
POSTS_EACH = 130


def long_feed() -> Feed:
    """Enough posts that every platform answers in several pages."""
    authors = tuple(FeedAuthor(key=p, platform=p, handle=f"ann_{p}", name="Ann of Northmoor") for p in PLATFORMS)
    posts = tuple(
        FeedPost(key=f"{p}-{n}", author=p, at=to_text(STARTS + timedelta(seconds=20 * n)), text=f"Tip {n} #northmoor")
        for p in PLATFORMS
        for n in range(POSTS_EACH)
    )
    return Feed(authors=authors, posts=posts)


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    feed = long_feed()
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(serving(build(feed, lambda: NOW, Faults())))
            for name, build in (("x", build_x), ("bluesky", build_bluesky), ("mastodon", build_mastodon))
        }


def capture(urls: dict[str, str], path: Path, statements: int = 0) -> subprocess.CompletedProcess[str]:
    told = {**urls, "archive": str(path), "now": to_text(NOW), "since": to_text(STARTS), "statements": statements}
    command = [sys.executable, str(CHILD), json.dumps(told)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def captured(path: Path) -> dict[str, int]:
    conn = sqlite3.connect(path)
    try:
        assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert conn.execute("PRAGMA foreign_key_check").fetchall() == []
        orphans = conn.execute("SELECT count(*) FROM posts WHERE id NOT IN (SELECT post FROM post_versions)")
        assert orphans.fetchone() == (0,)
        return dict(conn.execute("SELECT platform, count(*) FROM posts GROUP BY platform").fetchall())
    finally:
        conn.close()


@pytest.fixture(scope="module")
def whole(urls: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many statements an undisturbed capture takes."""
    path = tmp_path_factory.mktemp("whole") / "archive.db"
    done = capture(urls, path)
    assert done.returncode == 0, done.stderr
    assert captured(path) == dict.fromkeys(PLATFORMS, POSTS_EACH)
    return int(done.stdout)


def kill_often(urls: dict[str, str], path: Path, whole: int, times: int, seed: int) -> int:
    """Kills a capture at random statements, each time going on where it was; the count of real kills."""
    chance, killed = random.Random(seed), 0
    for _ in range(times):
        done = capture(urls, path, chance.randint(1, max(2, whole // 4)))
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        if done.returncode == 0:
            break
        killed += 1
    return killed


def play_killed(urls: dict[str, str], folder: Path, whole: int, times: int) -> None:
    killed, seed = 0, 0
    while killed < times:
        path = folder / f"{seed}" / "archive.db"
        killed += kill_often(urls, path, whole, times - killed, seed)
        done = capture(urls, path)
        assert done.returncode == 0, done.stderr
        assert captured(path) == dict.fromkeys(PLATFORMS, POSTS_EACH)
        seed += 1


def test_a_capture_killed_at_random_moments_loses_no_post(urls: dict[str, str], whole: int, tmp_path: Path) -> None:
    play_killed(urls, tmp_path, whole, 20)


@pytest.mark.soak
def test_a_capture_killed_hundreds_of_times_loses_no_post(urls: dict[str, str], whole: int, tmp_path: Path) -> None:
    play_killed(urls, tmp_path, whole, 200)
