"""Shared links are looked up after the sweeps, beside the capture, and each session's once for each time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from live_ground import feed_at, live
from simulation import STARTS, Simulation, feed_of, minutes, simulation

from archive.errors import StorageError
from archive.jobs import JobState
from archive.store import Archive
from chatkeep.running.ground import Work
from chatkeep.running.links import begin_links
from collector.due import LINKS, Job
from collector.unfolding import Unfolded

FEED = feed_of({"bluesky": [1.0, 30.0]})
HOUR, DAY = minutes(60) + timedelta(hours=1), minutes(60) + timedelta(hours=24)


def looked_up(life: Simulation, results: list[Unfolded | Exception] | None = None) -> list[tuple[str, float]]:
    """Lets the runner look up links by ``results`` in turn; gives the job and minute of each time."""
    times: list[tuple[str, float]] = []

    def unfold(archive: Archive, job: Job) -> Unfolded:
        life.runner.state.changed.clear()  # what is there afterwards comes of the links
        times.append((job.key, (life.clock() - minutes(0)).total_seconds() / 60))
        result = results.pop(0) if results else Unfolded(read_count=2, titled_count=1)
        if isinstance(result, Exception):
            raise result
        return result

    life.runner.unfold = unfold
    life.own = life.clock  # the loop looks again within moments
    return times


def events(life: Simulation) -> list[dict[str, object]]:
    return [facts for name, facts in life.events if name == "links"]


def test_links_are_looked_up_an_hour_and_a_day_after_the_session(tmp_path: Path) -> None:
    with simulation(FEED, tmp_path) as (life, _stage):
        times = looked_up(life)
        life.run_until(minutes(60) + timedelta(days=3))
        assert [(key.split("|")[1], round(at)) for key, at in times] == [("links 1 h", 120), ("links 24 h", 1500)]
        assert events(life)[0] == {
            "chat": "northmoor", "session": "northmoor-2026-10-08", "pages": 2, "titles": 1, "failed": 0, "done": True,
        }  # fmt: skip
        sweeps = life.archive.conn.execute("SELECT max(ended_at) FROM jobs WHERE kind = 'sweep'").fetchone()[0]
        links = life.archive.conn.execute("SELECT max(ended_at) FROM jobs WHERE kind = 'links'").fetchone()[0]
        assert links >= sweeps


def test_what_was_looked_up_is_remembered_over_a_restart_and_brought_to_the_site(tmp_path: Path) -> None:
    with simulation(FEED, tmp_path) as (life, _stage):
        looked_up(life)
        life.run_until(HOUR + timedelta(minutes=5))
        assert life.runner.state.changed
        life.restart()
        again = looked_up(life)
        life.run_until(DAY - timedelta(minutes=1))
        assert again == []


def test_links_that_are_left_are_gone_on_with_a_few_times(tmp_path: Path) -> None:
    with simulation(FEED, tmp_path) as (life, _stage):
        times = looked_up(life, [Unfolded(read_count=3, left_count=1)] * 20)
        life.run_until(HOUR + timedelta(hours=2))
        assert [round(at) for _, at in times] == [120, 125, 130, 135, 140, 145]


@pytest.mark.parametrize("error", [StorageError("the disk is full"), ValueError("a bug")])
def test_trouble_ends_neither_the_capture_nor_the_looking_up(error: Exception, tmp_path: Path) -> None:
    with simulation(FEED, tmp_path) as (life, _stage):
        times = looked_up(life, [error])
        if isinstance(error, StorageError):
            life.run_until(HOUR + timedelta(minutes=2))
            assert ("trouble", error.args[0]) in [(name, facts.get("why")) for name, facts in life.events]
        else:  # a thread of its own reports it; here it comes through
            with pytest.raises(ValueError, match="a bug"):
                life.run_until(HOUR + timedelta(minutes=2))
            life.run_until(HOUR + timedelta(minutes=2))
        assert len(times) == 2
        assert not life.runner.state.unfolding
        assert life.runner.state.jobs[f"northmoor-2026-10-08|links 1 h|{LINKS}"].state == "done"


def test_a_stop_leaves_the_links_due(tmp_path: Path) -> None:
    with simulation(FEED, tmp_path) as (life, _stage):
        stop: Callable[[], None] = life.runner.stop.set

        def unfold(archive: Archive, job: Job) -> Unfolded:
            stop()
            return Unfolded(read_count=1, left_count=3)

        life.runner.unfold = unfold
        life.run_until(HOUR + timedelta(minutes=2))
        state = life.runner.state.jobs[f"northmoor-2026-10-08|links 1 h|{LINKS}"]
        assert (state.state, state.not_before) == ("waiting", None)
        life.restart()
        assert looked_up(life) == []
        life.run_until(HOUR + timedelta(minutes=4))
        assert life.runner.state.jobs[f"northmoor-2026-10-08|links 1 h|{LINKS}"].state == "done"


def test_the_links_of_one_session_are_looked_up_at_a_time(tmp_path: Path) -> None:
    with simulation(FEED, tmp_path) as (life, _stage):
        begun: list[Work] = []

        class Later:
            def submit(self, lane: str, work: Work) -> None:
                assert lane == LINKS
                begun.append(work)

            def listen(self, name: str, work: Callable[[Archive, threading.Event], None]) -> threading.Event:
                return threading.Event()

        life.runner.executor = Later()
        jobs = [Job(f"s{n}|links 1 h|links", "links", "northmoor", LINKS, HOUR, f"s{n}") for n in range(2)]
        for job in jobs:
            begin_links(life.runner, job)
        assert len(begun) == 1
        begun[0](life.archive)
        begin_links(life.runner, jobs[1])
        assert len(begun) == 2
        assert life.runner.state.jobs[jobs[0].key] == JobState("done", 1, None, life.clock())


def test_a_run_looks_links_up_after_the_session_and_connects_to_nothing_private(tmp_path: Path) -> None:
    text = "Look at http://127.0.0.1/admin and http://10.0.0.1/router #northmoor"
    feed = feed_at(STARTS, {"mastodon": [5.0]}, mastodon_0={"text": text})
    with live(tmp_path / "live", feed, platforms=("mastodon",), minutes=5) as stage:
        stage.capture_rest()
        pages = stage.rows("SELECT url, state, why FROM link_pages ORDER BY url")
        assert pages == [
            ("http://10.0.0.1/router", "refused", "10.0.0.1 is not on the public internet"),
            ("http://127.0.0.1/admin", "refused", "127.0.0.1 is not on the public internet"),
        ]
        [event] = stage.children[-1].events("links")
        assert (event["pages"], event["titles"], event["done"]) == (2, 0, True)
        assert stage.count("SELECT count(*) FROM jobs WHERE kind = 'links' AND state = 'done'") == 1
