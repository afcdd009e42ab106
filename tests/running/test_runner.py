from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

from simulation import captured, feed_of, minutes, shown, simulation

from archive.times import to_text
from chatkeep.stage.feed import Feed, FeedAuthor, FeedPost

EVERY_MINUTE = [float(n) for n in range(60)]


def test_a_session_is_captured_whole_and_its_week_after_it(tmp_path: Path) -> None:
    late = [200.0, 3000.0]
    feed = feed_of({name: [*EVERY_MINUTE, *late] for name in ("x", "bluesky", "mastodon")})
    with simulation(feed, tmp_path) as (life, _stage):
        life.run_until(minutes(75))
        assert {name: len(texts) for name, texts in captured(life.archive).items()} == {
            "x": 60, "bluesky": 60, "mastodon": 60,
        }  # fmt: skip
        life.run_until(minutes(60) + timedelta(days=9))
        assert captured(life.archive) == shown(feed, life.clock())
        kept = Counter(row[0] for row in life.archive.conn.execute("SELECT kind FROM jobs"))
        assert kept == {"settled": 1}
        assert life.archive.conn.execute("SELECT count(*) FROM walks WHERE status = 'open'").fetchone() == (0,)


def test_a_poll_sees_a_post_within_its_rhythm(tmp_path: Path) -> None:
    feed = feed_of({name: [10.0] for name in ("x", "bluesky", "mastodon")})
    with simulation(feed, tmp_path) as (life, _stage):
        life.run_until(minutes(20))
        rows = life.archive.conn.execute("SELECT platform, first_seen_at FROM posts").fetchall()
        for platform, first_seen_at in rows:
            limit = {"x": 61, "bluesky": 31, "mastodon": 31}[platform]  # X shows a post 30 s late
            assert first_seen_at <= (minutes(10) + timedelta(seconds=limit)).isoformat(timespec="milliseconds").replace(
                "+00:00", "Z"
            )


def test_started_after_the_session_it_picks_up_what_is_due(tmp_path: Path) -> None:
    feed = feed_of(dict.fromkeys(("x", "bluesky", "mastodon"), EVERY_MINUTE))
    with simulation(feed, tmp_path, begins=60 * 30) as (life, _stage):
        life.run_until(minutes(60 * 31))
        assert captured(life.archive) == shown(feed, life.clock())


def test_a_restart_in_the_middle_loses_and_doubles_nothing(tmp_path: Path) -> None:
    feed = feed_of(dict.fromkeys(("x", "bluesky", "mastodon"), EVERY_MINUTE))
    with simulation(feed, tmp_path) as (life, _stage):
        for stop in (10, 11, 25, 59, 64, 130, 300):
            life.run_until(minutes(stop))
            life.restart()
        life.run_until(minutes(60 * 26))
        assert captured(life.archive) == shown(feed, life.clock())
        done = life.archive.conn.execute("SELECT key, tries_count FROM jobs WHERE state = 'done'").fetchall()
        assert {tries for key, tries in done if "look back" not in key} == {1}


def test_a_quiet_hour_leaves_no_waste(tmp_path: Path) -> None:
    feed = feed_of({name: [5.0] for name in ("x", "bluesky", "mastodon")})
    with simulation(feed, tmp_path) as (life, _stage):
        life.run_until(minutes(60 * 30))
        pages, walks = (
            life.archive.conn.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("pages", "walks")
        )
        assert pages < 30
        assert walks < 60
        polls = life.archive.conn.execute("SELECT sum(repeats_count) FROM walks WHERE key LIKE '%|tag|%'").fetchone()[0]
        assert polls > 400


def test_a_post_that_a_server_fetches_late_is_found_within_the_hour_though_its_id_is_old(tmp_path: Path) -> None:
    far = FeedAuthor(key="far", platform="mastodon", handle="far@elsewhere.example", name="Far")
    late = FeedPost(
        key="late-fetched", author="far", at=to_text(minutes(2)), text="Late #northmoor",
        arrives_at=to_text(minutes(55)),
    )  # fmt: skip
    usual = feed_of({"mastodon": EVERY_MINUTE})
    with simulation(Feed((*usual.authors, far), (*usual.posts, late)), tmp_path) as (life, _stage):
        life.run_until(minutes(59))
        assert "Late #northmoor" not in captured(life.archive)["mastodon"]
        life.run_until(minutes(65))
        assert "Late #northmoor" in captured(life.archive)["mastodon"]
