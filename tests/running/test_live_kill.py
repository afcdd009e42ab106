from __future__ import annotations

import random
import signal
from pathlib import Path

import pytest
from live_ground import Live, assert_captured, feed_at, live
from simulation import STARTS

from chatkeep.stage.feed import Edit

EVERY = [float(n) * 9 for n in range(-4, 130)]
AUTHORS = ("x", "bluesky", "mastodon", "two")
STATEMENTS = (40, 2_500)


def kill_often(stage: Live, times: int, seed: int) -> int:
    """Kills the capture at random statements and at random times, while its session is live; the count of kills."""
    chance, killed = random.Random(seed), 0
    for number in range(times):
        if number % 2:
            child = stage.start(statements=chance.randint(*STATEMENTS), seconds=6)
        else:
            child = stage.start(seconds=chance.uniform(0.9, 3.0))
        assert child.ended() == -signal.SIGKILL, child.said()
        assert_captured(stage, whole=False)
        killed += 1
    return killed


def play_killed(folder: Path, kills: int, seed: int) -> None:
    feed = feed_at(
        STARTS,
        dict.fromkeys(AUTHORS, EVERY),
        bluesky_7={"deleted_at": "2026-10-08T12:04:00.000Z"},
        mastodon_9={"deleted_at": "2026-10-08T12:05:00.000Z"},
        two_20={"edits": (Edit(at="2026-10-08T12:06:00.000Z", text="Tip 20 of two, mended #northmoor"),)},
    )
    with live(folder, feed, minutes=20, begins=-1) as stage:
        kill_often(stage, kills, seed)
        stage.capture_rest()
        assert_captured(stage, whole=True)


def test_a_live_capture_killed_at_random_moments_loses_and_doubles_nothing(tmp_path: Path) -> None:
    play_killed(tmp_path / "live", 12, 1)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 27))
def test_a_live_capture_killed_hundreds_of_times_loses_and_doubles_nothing(seed: int, tmp_path: Path) -> None:
    play_killed(tmp_path / "live", 12, seed)
