from __future__ import annotations

import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from live_ground import ROOT, Child, Live, feed_at, live, world_clock
from simulation import STARTS

from chatkeep.stage.faults import Fault

QUIET = {"x": [1.0], "bluesky": [1.0], "mastodon": [1.0], "two": [1.0]}
BUSY = {name: [float(n) * 9 for n in range(130)] for name in QUIET}
BEFORE_TIME_OUT_SECONDS = 20  # an exchange that hangs is given up after 30


def said_once(child: Child) -> str:
    """The one line on standard error."""
    lines = [line for line in child.said().splitlines() if line and not line.startswith("statements ")]
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_it_waits_ends_it_promptly(number: signal.Signals, tmp_path: Path) -> None:
    starts = world_clock() + timedelta(hours=3)
    with live(tmp_path / "live", feed_at(starts, QUIET), starts=starts, begins=-180, speed=1) as stage:
        child = stage.command("run", "--log")
        child.wait_for(lambda: child.events("check") and stage.count("SELECT count(*) FROM jobs WHERE state = 'done'"))
        child.process.send_signal(number)
        assert child.process.wait(BEFORE_TIME_OUT_SECONDS) == 130
        assert "goes on where it was" in said_once(child)
        assert stage.rows("SELECT ended_at FROM runs") != [(None,)]


def hanging(stage: Live, **more: float) -> Child:
    """A run of which every lane waits for an answer that never comes."""
    for faults in stage.faults.values():
        faults.add(Fault(kind="hang"), 9)
    child = stage.start(**more)
    child.wait_for(lambda: all(len(faults._queue) < 9 for faults in stage.faults.values()), "an exchange each")
    return child


def test_a_signal_while_exchanges_hang_ends_it_before_they_do(tmp_path: Path) -> None:
    with live(tmp_path / "live", feed_at(STARTS, QUIET), speed=1, begins=5) as stage:
        child = hanging(stage)
        child.process.send_signal(signal.SIGTERM)
        assert child.process.wait(BEFORE_TIME_OUT_SECONDS) == 130
        assert "goes on where it was" in said_once(child)
        for faults in stage.faults.values():
            faults.clear()
        again = stage.start()
        again.wait_for(lambda: len(stage.texts()) == len(QUIET), "a capture after it")
        assert stage.rows("PRAGMA integrity_check") == [("ok",)]


def test_a_second_signal_waits_for_nothing(tmp_path: Path) -> None:
    with live(tmp_path / "live", feed_at(STARTS, QUIET), speed=1, begins=5) as stage:
        child = hanging(stage, goodbye_seconds=600)
        child.process.send_signal(signal.SIGTERM)
        child.process.send_signal(signal.SIGINT)  # another number: two of one might come as one
        assert child.process.wait(BEFORE_TIME_OUT_SECONDS) == 130
        assert stage.rows("PRAGMA integrity_check") == [("ok",)]


def test_a_second_run_is_told_that_another_is_at_work(tmp_path: Path) -> None:
    with live(tmp_path / "live", feed_at(STARTS, QUIET)) as stage:
        child = stage.start()
        child.wait_for(stage.texts)
        second = stage.start()
        assert second.ended() == 4
        assert "another capture" in said_once(second)
        child.process.send_signal(signal.SIGTERM)
        assert child.ended() == 130
        third = stage.start(once=True)
        assert third.ended() == 0, third.said()


def test_a_run_over_the_archive_of_a_killed_one_ends_what_that_left_open(tmp_path: Path) -> None:
    with live(tmp_path / "live", feed_at(STARTS, BUSY)) as stage:
        child = stage.start()
        child.wait_for(lambda: stage.count("SELECT count(*) FROM intervals WHERE kind = 'stream'"), "a stream's beat")
        child.process.kill()
        child.ended()
        assert stage.count("SELECT count(*) FROM intervals WHERE closed_at IS NULL") > 0
        again = stage.start()
        again.wait_for(lambda: stage.count("SELECT count(*) FROM intervals WHERE run = 2"), "another interval")
        left = stage.rows("SELECT closed_at = last_alive_at, why FROM intervals WHERE run = 1")
        assert set(left) == {(1, "the collector was not running")}


def test_a_restart_in_a_session_raises_no_false_alarm(tmp_path: Path) -> None:
    with live(tmp_path / "live", feed_at(STARTS, BUSY), begins=8) as stage:
        child = stage.start()
        child.wait_for(lambda: stage.count("SELECT count(DISTINCT platform) FROM posts") == 3, "posts of all platforms")
        assert child.events("alarm") == []


RING_IN_ITS_OWN_WAIT = """
import sys
from chatkeep.running.service import Signals

wake, left, rung = Signals().wake, 0, 0

def ring(frame, event, argument):
    global left, rung
    frame.f_trace_opcodes = True
    left -= 1
    if left == 0:
        rung += 1
        sys.settrace(None)
        wake.set()
    return ring

for moment in range(1, 200):
    left = moment
    sys.settrace(ring)
    wake.clear()
    wake.set()
    wake.wait()
    sys.settrace(None)
assert rung > 20
"""


def test_a_signal_at_any_moment_of_the_wait_cannot_block_it() -> None:
    command = [sys.executable, "-c", RING_IN_ITS_OWN_WAIT]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


CHAT = """[chat.southmoor]
title = "Southmoor hour (fictional)"
hashtags = ["southmoor"]
[[chat.southmoor.session]]
starts = 2026-10-08T12:00:00Z
minutes = 20
"""


def test_settings_that_change_are_taken_up_and_broken_ones_are_told(tmp_path: Path) -> None:
    more = {f"bluesky_{n}": {"text": f"Tip {n} #southmoor"} for n in range(4)}
    with live(tmp_path / "live", feed_at(STARTS, BUSY, **more)) as stage:
        child = stage.start()
        child.wait_for(lambda: any("northmoor" in text for text in stage.texts()))
        stage.write_settings("[chat.southmoor\n")
        child.wait_for(lambda: open_alarms(stage) == 1, "an alarm")
        known = len(stage.texts())
        child.wait_for(lambda: len(stage.texts()) > known, "posts by the settings of before")
        stage.write_settings(CHAT)
        child.wait_for(lambda: sum("southmoor" in text for text in stage.texts()) == 4, "posts of the new chat")
        child.wait_for(lambda: open_alarms(stage) == 0, "the end of the alarm")
        assert [event["why"] for event in child.events("settings")][-1] == "taken up"


def open_alarms(stage: Live) -> int:
    return stage.count("SELECT count(*) FROM alarms WHERE kind = 'settings' AND ended_at IS NULL")
