from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from live_ground import Child, Live, assert_archive_is_sound, feed_at, live, world_clock
from simulation import Simulation, feed_of, simulation

from archive.jobs import ask, load_answer
from archive.store import Archive
from archive.times import Clock
from chatkeep.running.ground import Inline, Work

POSTS = {name: [float(n) * 20 for n in range(12)] for name in ("x", "bluesky", "mastodon", "two")}


@pytest.fixture(scope="module")
def at_work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Live, Child]]:
    """A capture of a session that is live in the world's own time, beside which other commands are given."""
    starts = world_clock().replace(microsecond=0) - timedelta(minutes=10)
    folder = tmp_path_factory.mktemp("beside") / "live"
    with live(folder, feed_at(starts, POSTS), starts=starts, begins=10, speed=1, minutes=30) as stage:
        child = stage.start()
        child.wait_for(lambda: len(stage.texts()) == 48, "a first capture")
        child.wait_for(lambda: child.events("findings"), "first findings")
        yield stage, child
        assert child.process.poll() is None
        child.process.send_signal(signal.SIGTERM)
        assert child.ended() == 130, child.said()
        assert_archive_is_sound(stage)
        assert {event.get("why") for event in child.events("trouble")} == set()


def done(stage: Live, *arguments: str) -> str:
    """What a command prints, beside the capture."""
    command = stage.command(*arguments)
    assert command.ended() == 0, (command.said(), command.out.read_text(encoding="utf-8"))
    return command.out.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "places"),
    [
        ([], ["Bluesky", "Mastodon", "Mastodon", "X"]),
        (["--source", "mastodon"], ["Mastodon", "Mastodon"]),
        (["--from", "2026-01-01T00:00", "--source", "bluesky"], ["Bluesky"]),
    ],
)
def test_collect_is_done_by_the_capture_at_work(
    options: list[str], places: list[str], at_work: tuple[Live, Child]
) -> None:
    stage, child = at_work
    before = len(child.events("asked"))
    rows = json.loads(done(stage, "collect", "northmoor", "--json", *options))
    assert sorted(row["platform"] for row in rows) == places
    assert {row["state"] for row in rows} == {"complete"}
    assert "asked to do this now" in stage.children[-1].said()
    child.wait_for(lambda: len(child.events("asked")) == before + len(places), "an event for each place")
    assert stage.count("SELECT count(*) FROM jobs WHERE kind = 'asked'") == 0
    assert stage.count("SELECT count(*) FROM runs WHERE command = 'collect'") == 0


def test_collect_of_a_time_says_so_in_words(at_work: tuple[Live, Child]) -> None:
    stage, _ = at_work
    start, end = (f"{stage.starts + timedelta(minutes=n):%Y-%m-%dT%H:%M:%S}Z" for n in (-1, 2))
    said = done(stage, "collect", "northmoor", "--from", start, "--to", end)
    assert len(said.splitlines()) == 4, said
    assert "known already" in said, said


@pytest.mark.parametrize(
    "arguments",
    [["analyse"], ["publish"], ["export", "northmoor", "guide"], ["status"], ["export", "northmoor", "posts"]],
)
def test_other_commands_work_beside_it(arguments: list[str], at_work: tuple[Live, Child]) -> None:
    done(at_work[0], *arguments)


def test_status_says_that_it_works(at_work: tuple[Live, Child]) -> None:
    told = json.loads(done(at_work[0], "status", "--json"))[0]
    assert told["working"]
    assert told["run"]["alive"]


def test_a_file_is_imported_beside_it(at_work: tuple[Live, Child]) -> None:
    stage, _ = at_work
    path = stage.folder / "old.csv"
    path.write_text("id_str,from_user,text,created_at\n860296438823227392,ann,Hi,Fri May 05 00:53:49 +0000 2017\n")
    assert "1 new posts" in done(stage, "import", "northmoor", str(path))


def test_what_nobody_can_collect_is_refused_in_one_line(at_work: tuple[Live, Child]) -> None:
    command = at_work[0].command("collect", "nothmoor")
    assert command.ended() == 2
    assert "known ones are: northmoor" in command.said()


class Deferred(Inline):
    """Keeps the work of a lane until it is told to do it."""

    def __init__(self, archive: Archive) -> None:
        super().__init__(archive)
        self.waiting: dict[str, list[Work]] = {}

    def submit(self, lane: str, work: Work) -> None:
        self.waiting.setdefault(lane, []).append(work)

    def do(self, lane: str) -> None:
        for work in self.waiting.pop(lane, []):
            super().submit(lane, work)


def test_a_lane_that_ends_its_work_while_more_is_handed_out_does_nothing_twice(tmp_path: Path) -> None:
    with simulation(feed_of({"x": [1.0]}), tmp_path, begins=-1500) as (life, _stage):
        lanes = Deferred(life.archive)
        life.runner.executor = lanes
        everywhere = ask(life.archive, "northmoor", {"start": None, "end": None, "only": None, "session": None})
        life.runner.look(life.archive)
        mastodon = next(name for name in lanes.waiting if name.startswith("mastodon"))
        lanes.do("bluesky")
        earlier = {"start": None, "end": None, "only": "bluesky", "session": None}
        life.clock.now -= timedelta(minutes=1)  # it is the first in order
        ask(life.archive, "northmoor", earlier)
        life.clock.now += timedelta(minutes=1)
        life.runner.clock = ending(life, lanes, "x")
        life.runner.look(life.archive)
        assert "x" not in lanes.waiting
        life.runner.clock = life.clock
        lanes.do(mastodon)
        rows = load_answer(life.archive.conn, everywhere)
        assert rows is not None
        assert sorted(row["platform"] for row in rows) == ["Bluesky", "Mastodon", "X"]


def ending(life: Simulation, lanes: Deferred, lane: str) -> Clock:
    """A clock at whose second look a lane ends what it does."""
    looks = iter((False, True))

    def clock() -> datetime:
        if next(looks, False):
            lanes.do(lane)
        return life.clock()

    return clock
