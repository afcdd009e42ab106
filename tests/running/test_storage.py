from __future__ import annotations

import random
import resource
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from faithful import assert_coverage_is_true
from live_ground import Child, Live, assert_captured, feed_at, live, wait_until
from simulation import PLATFORMS, STARTS, Simulation, captured, feed_of, minutes, shown, simulation

from archive.errors import ChatkeepError, StorageError
from archive.store import Archive
from chatkeep.running.ground import Inline, Work

BUSY = {name: [float(n) * 9 for n in range(130)] for name in ("x", "bluesky", "mastodon", "two")}


def go_on_and_finish(stage: Live, child: Child) -> None:
    """After the trouble: every place shows new posts, the stream too; the hour ends, and all is there."""
    known, since = stage.texts(), stage.clock()
    wanted = {post.text for post in stage.feed.posts if post.at > f"{since:%Y-%m-%dT%H:%M:%S}"}
    for author in BUSY:
        of_author = {text for text in wanted if text.split()[3] == author}
        child.wait_for(lambda of_author=of_author: of_author & stage.texts(), f"a new post of {author}")
    heard = len(child.events("stream"))
    child.wait_for(lambda: len(child.events("stream")) > heard, "a post by the stream")
    assert known <= stage.texts()
    child.process.send_signal(signal.SIGTERM)
    assert child.ended() == 130, child.said()
    stage.capture_rest()
    assert_captured(stage, whole=True)


def started(stage: Live, **more: float) -> Child:
    """A capture that has shown posts of all, and listens."""
    child = stage.start(**more)
    child.wait_for(lambda: child.events("stream") and stage.count("SELECT count(DISTINCT author) FROM posts") == 4)
    return child


def troubles(child: Child) -> set[str]:
    """The lanes that told of trouble; "" is the loop."""
    return {event.get("lane", "") for event in child.events("trouble")}


def let_pass(stage: Live, **time: float) -> None:
    """A fault lasts so long on the stage's clock."""
    until = stage.clock() + timedelta(**time)
    wait_until(lambda: stage.clock() >= until)


def test_a_full_disk_that_is_free_again_costs_no_post(tmp_path: Path) -> None:
    with live(tmp_path / "live", feed_at(STARTS, BUSY)) as stage:
        child = started(stage)
        sign = stage.folder / "disk-is-full"
        sign.touch()
        child.wait_for(lambda: {"x", "bluesky", "jetstream"} <= troubles(child), "trouble of lanes and stream")
        let_pass(stage, minutes=1)
        assert all("is full" in event["why"] for event in child.events("trouble"))
        sign.unlink()
        go_on_and_finish(stage, child)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits another process")
def test_a_disk_that_refuses_every_write_for_a_while_costs_no_post(tmp_path: Path) -> None:
    with live(tmp_path / "live", feed_at(STARTS, BUSY)) as stage:
        child = started(stage)
        _, most = resource.prlimit(child.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(child.process.pid, resource.RLIMIT_FSIZE, (0, most))
        let_pass(stage, minutes=2)
        resource.prlimit(child.process.pid, resource.RLIMIT_FSIZE, (most, most))
        go_on_and_finish(stage, child)


def test_an_archive_locked_by_a_long_writer_costs_no_post_and_is_told(tmp_path: Path) -> None:
    with live(tmp_path / "live", feed_at(STARTS, BUSY)) as stage:
        child = started(stage, busy_seconds=0.3)
        with closing(sqlite3.connect(stage.path, timeout=60, isolation_level=None)) as writer:
            writer.execute("BEGIN EXCLUSIVE")
            child.wait_for(lambda: {"x", "bluesky", "jetstream", ""} <= troubles(child), "trouble of all")
            let_pass(stage, minutes=3)
            writer.execute("ROLLBACK")
        child.wait_for(lambda: stage.count("SELECT count(*) FROM alarms WHERE kind = 'locked'"), "an alarm")
        child.wait_for(lambda: stage.count("SELECT count(*) FROM alarms WHERE ended_at IS NULL") == 0, "its end")
        assert any("is busy" in event["why"] for event in child.events("trouble"))
        go_on_and_finish(stage, child)


def test_a_long_reader_stands_in_nobody_s_way(tmp_path: Path) -> None:
    with live(tmp_path / "live", feed_at(STARTS, BUSY)) as stage:
        child = started(stage)
        with closing(sqlite3.connect(stage.path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            held = reader.execute("SELECT count(*) FROM posts").fetchone()
            let_pass(stage, minutes=3)
            assert reader.execute("SELECT count(*) FROM posts").fetchone() == held
            assert stage.count("SELECT count(*) FROM posts") > held[0]
            assert troubles(child) == set()
            go_on_and_finish(stage, child)


class Faltering(Archive):
    """An archive whose transactions fail when ``falters`` says so: before their first word, or at their end."""

    falters: Callable[[], bool] = staticmethod(lambda: False)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        if self.falters():
            raise StorageError("the disk is full: before the first word")
        with super().transaction() as conn:
            yield conn
            if self.falters():
                raise StorageError("the disk is full: at the end")


class Guarded(Inline):
    """Does everything at once, and like a lane's thread lives on when work raises."""

    def submit(self, lane: str, work: Work) -> None:
        try:
            super().submit(lane, work)
        except ChatkeepError:
            assert lane == "checks", "a lane's own work tells its trouble itself"


@pytest.mark.parametrize("seed", range(6))
def test_whichever_transaction_fails_no_lane_is_left_and_no_post_lost(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    feed = feed_of({platform: [float(n) for n in range(20)] for platform in PLATFORMS})
    with simulation(feed, tmp_path, length=20, poll_seconds=60, begins=-6) as (calm, _stage):
        archive = Faltering(calm.archive.path, calm.archive.conn, calm.clock)
        life = Simulation(archive, calm.clock, calm.ground)
        life.runner.executor = Guarded(archive)
        life.run_until(minutes(2))
        archive.falters = lambda: chance.random() < 0.2
        life.run_until(minutes(120))
        archive.falters = lambda: False
        life.run_until(minutes(60 * 26))
        assert any(name == "trouble" for name, _ in life.events)
        assert captured(archive) == shown(feed, life.clock())
        assert_coverage_is_true(life, feed, whole=True)
