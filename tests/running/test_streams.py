from __future__ import annotations

import signal
from datetime import timedelta
from pathlib import Path

import pytest
from live_ground import Child, Live, assert_archive_is_sound, assert_captured, feed_at, live, wait_until
from simulation import STARTS

BUSY = {"bluesky": [float(n) * 9 for n in range(130)]}


def finish(stage: Live, child: Child) -> None:
    child.process.send_signal(signal.SIGTERM)
    assert child.ended() == 130, child.said()
    stage.capture_rest()
    assert_captured(stage, whole=True)


def by_stream(child: Child) -> int:
    """How many posts the stream brought first."""
    return sum(event["new_posts"] for event in child.events("stream"))


@pytest.mark.parametrize(
    "faults", [{}, {"drop_every": 2, "doubles": True}, pytest.param({"refuse": (503, 400)}, marks=pytest.mark.soak)]
)
def test_stream_and_poll_meet_without_loss_or_doubles(faults: dict[str, object], tmp_path: Path) -> None:
    with live(tmp_path / "live", feed_at(STARTS, BUSY), platforms=("bluesky",)) as stage:
        for name, value in faults.items():
            setattr(stage.jetstream, name, value)
        child = stage.start()
        connections = 4 if "drop_every" in faults else 1
        child.wait_for(lambda: len(child.events("stream connected")) >= connections, "connections")
        child.wait_for(lambda: by_stream(child) and len(stage.texts()) >= 20, "posts by the stream")
        wait_until(lambda: stage.count("SELECT count(*) FROM sightings GROUP BY post HAVING count(*) > 1"), "a meeting")
        assert_archive_is_sound(stage)
        finish(stage, child)
        versions, posts = (stage.count(f"SELECT count(*) FROM {table}") for table in ("post_versions", "posts"))
        assert versions == posts


@pytest.mark.parametrize(
    "faults",
    [pytest.param({}, marks=pytest.mark.soak), {"drop_after": 1, "double": True}, {"delete_first": True}],
)
def test_streams_of_two_servers_and_their_polls_meet_without_loss_or_doubles(
    faults: dict[str, object], tmp_path: Path
) -> None:
    posts = {"mastodon": BUSY["bluesky"], "two": [each + 4 for each in BUSY["bluesky"]]}
    gone = {f"two_{n}": {"deleted_at": "2026-10-08T12:03:00.000Z"} for n in (15, 16)}
    with live(tmp_path / "live", feed_at(STARTS, posts, **gone), platforms=("mastodon",)) as stage:
        for name, value in faults.items():
            for server in stage.mastodon_streams.values():
                setattr(server, name, value)
        child = stage.start()
        connections = 3 if "drop_after" in faults else 1
        for lane in (f"mastodon {server}" for server in stage.servers):
            child.wait_for(
                lambda lane=lane: sum(e["lane"] == lane for e in child.events("stream connected")) >= connections,
                "connections",
            )
        child.wait_for(lambda: by_stream(child) and stage.clock() > STARTS + timedelta(minutes=4))
        assert_archive_is_sound(stage)
        finish(stage, child)
        shown = stage.rows("SELECT text FROM posts WHERE id NOT IN (SELECT key FROM tombstones)")
        assert {text for (text,) in shown} == stage.shown()


def test_a_deletion_that_comes_before_its_post_is_believed(tmp_path: Path) -> None:
    gone = {f"bluesky_{n}": {"deleted_at": "2026-10-08T12:04:00.000Z"} for n in (20, 21, 22)}
    feed = feed_at(STARTS, BUSY, **gone)
    with live(tmp_path / "live", feed, platforms=("bluesky",)) as stage:
        stage.jetstream.deletes_first = True
        child = stage.start()
        child.wait_for(lambda: by_stream(child) >= 4 and stage.clock() > STARTS + timedelta(minutes=5))
        finish(stage, child)
        shown = stage.rows("SELECT text FROM posts WHERE id NOT IN (SELECT key FROM tombstones)")
        assert {text for (text,) in shown} == stage.shown()


def test_polls_carry_on_while_the_stream_is_silent(tmp_path: Path) -> None:
    with live(tmp_path / "live", feed_at(STARTS, BUSY), platforms=("bluesky",)) as stage:
        child = stage.start()
        child.wait_for(lambda: by_stream(child) >= 2)
        stage.jetstream.silent = True
        heard = by_stream(child)
        known = stage.texts()
        child.wait_for(lambda: len(stage.texts()) >= len(known) + 20, "posts by polls")
        assert by_stream(child) <= heard + 2  # what was under way
        stage.jetstream.silent = False
        child.wait_for(lambda: by_stream(child) > heard + 2, "posts by the stream")
        finish(stage, child)


def test_a_cursor_that_was_moved_up_leaves_a_gap_that_is_told_and_filled(tmp_path: Path) -> None:
    lookback = timedelta(minutes=1)
    with live(tmp_path / "live", feed_at(STARTS, BUSY), platforms=("bluesky",), lookback=lookback) as stage:
        child = stage.start()
        child.wait_for(lambda: stage.count("SELECT count(*) FROM walks WHERE key LIKE '%jetstream' AND cursor <> ''"))
        child.process.kill()
        child.ended()
        killed_at = stage.clock()
        wait_until(lambda: stage.clock() > killed_at + timedelta(minutes=4))
        again = stage.start()
        gaps = "SELECT count(*) FROM problems WHERE kind = 'gap' AND platform = 'bluesky' AND resolved_at IS NOT NULL"
        again.wait_for(lambda: stage.count(gaps) == 1, "a gap")
        between = {
            post.text
            for post in stage.feed.posts
            if f"{killed_at:%Y-%m-%dT%H:%M:%S}" < post.at < f"{killed_at + timedelta(minutes=3):%Y-%m-%dT%H:%M:%S}"
        }
        again.wait_for(lambda: between <= stage.texts(), "what lies between")
        assert len(between) > 10
        finish(stage, again)
