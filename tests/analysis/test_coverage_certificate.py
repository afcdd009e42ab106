from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from coverage_ground import END, KEYS, START, Ground, http_date

from analysis.coverage_certificate import PlatformCertificate, build_certificate, build_certificates
from analysis.coverage_walks import load_walks
from analysis.rebuild import analyse_chat
from archive.models import Session
from archive.store import open_archive
from archive.times import shift

NOW = shift(END, days=8)


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    archive = open_archive(tmp_path / "archive.db")
    yield Ground(archive)
    archive.close()


def certified(ground: Ground, platform: str = "x", now: str = NOW) -> PlatformCertificate:
    certificate = build_certificate(ground.conn, ground.chat, ground.chat.sessions[0], now)
    return next(one for one in certificate.platforms if one.platform == platform)


def test_what_proves_is_summed_up_with_the_polls_that_found_nothing_new(ground: Ground) -> None:
    ground.walk(opened_at=shift(START, minutes=10), covers_to=shift(START, minutes=9), repeats_count=4)
    ground.walk(covers_from=shift(START, minutes=5))
    ground.walk(status="abandoned", why="the cursor came twice", opened_at=shift(END, minutes=3))
    ground.walk("bluesky", "live")
    found = certified(ground)
    assert (found.count("complete"), found.count("partial"), found.count("unknown")) == (60, 0, 0)
    proof = found.proof
    assert proof is not None
    assert (proof.walks_count, proof.repeats_count, proof.pages_count, proof.posts_count) == (2, 4, 6, 4)
    assert (proof.first_at, proof.last_at) == (shift(START, minutes=10), shift(END, hours=1))
    assert [(stop.status, stop.why) for stop in found.stops] == [("abandoned", "the cursor came twice")]
    assert certified(ground, "bluesky").proof is None


def test_equal_minutes_in_a_row_are_one_span(ground: Ground) -> None:
    ground.walk(covers_to=shift(START, minutes=20))
    ground.walk(covers_from=shift(START, minutes=30))
    spans = [(span.minutes_count, span.state) for span in certified(ground).spans]
    assert spans == [(20, "complete"), (10, "unknown"), (30, "complete")]


def test_posts_are_counted_fresh_with_late_ones_apart_and_deleted_ones_told(ground: Ground) -> None:
    for number, minute in enumerate((5, 6, 7, 90)):
        ground.post(f"x:{number}", minute)
    ground.insert("tombstones", key="x:2", seen_at=END, reason="deleted")
    found = certified(ground)
    assert (found.posts_count, found.late_count, found.gone_count) == (2, 1, 1)


def test_counts_are_held_against_posts_without_reposts_and_with_deleted_ones(ground: Ground) -> None:
    ground.walk()
    ground.post("x:1", 5.2)
    ground.post("x:2", 5.4)
    ground.post("x:3", 5.6, kind="repost")
    ground.post("x:4", 5.8, tags=("other",))
    ground.post("x:5", 7)
    ground.insert("tombstones", key="x:5", seen_at=END, reason="deleted")
    ground.count(5, 3)
    ground.count(6, 0)
    ground.count(7, 1)
    ground.count(8, 9, "from:someone")
    found = certified(ground)
    assert [(one.told_count, one.held_count) for one in found.told] == [(3, 2), (0, 0), (1, 1)]
    assert [(minute.minute, minute.why) for minute in found.minutes if minute.state != "complete"] == [
        (shift(START, minutes=5), "X counts 3 posts in this minute, the archive holds 2")
    ]


def test_listening_is_clipped_to_the_session_and_its_gaps_say_why(ground: Ground) -> None:
    ground.listened("bluesky", "jetstream", -5, 40, why="no sign of life", closed_at=shift(START, minutes=41))
    ground.listened("bluesky", "jetstream", 42, 90)
    ground.listened("bluesky", "jetstream", 200, 300)
    ground.listened("x", "x", 0, 60, kind="poll")
    (found,) = certified(ground, "bluesky").listened
    assert found.spans == ((START, shift(START, minutes=40)), (shift(START, minutes=42), END))
    assert found.gaps == ((shift(START, minutes=40), shift(START, minutes=42), "no sign of life"),)
    assert certified(ground, "bluesky").count("unknown") == 60


def test_sweeps_and_rechecks_are_told(ground: Ground) -> None:
    for hours in (1, 24):
        ground.walk("mastodon", "sweep", opened_at=shift(END, hours=hours))
    ground.walk("mastodon", "posts", "mastodon posts https://one.example 1+20", opened_at=shift(END, hours=2))
    ground.walk("mastodon", "posts", "mastodon posts https://one.example 1+19", opened_at=shift(END, days=30))
    found = certified(ground, "mastodon")
    assert [sweep.opened_at for sweep in found.sweeps] == [shift(END, hours=1), shift(END, hours=24)]
    assert found.servers == ("one.example",)
    assert found.rechecks is not None
    assert (found.rechecks.walks_count, found.rechecks.last_at) == (1, shift(END, hours=2))


def test_a_clock_that_was_ahead_proves_nothing_of_the_time_to_come(ground: Ground) -> None:
    ours, theirs = shift(END, minutes=1), shift(START, minutes=1)
    ground.page(ground.walk(opened_at=ours, covers_to=shift(ours, seconds=-60)), ours, http_date(theirs))
    assert certified(ground).count("complete") == 0
    (walk,) = load_walks(ground.conn, ground.chat)
    assert (walk.opened_at, walk.covers_to, walk.clock_ahead_seconds) == (theirs, START, 3600)


def test_a_clock_that_was_put_right_before_the_first_page_is_noticed_by_the_walks_beginning(ground: Ground) -> None:
    theirs = shift(START, minutes=1)
    ground.page(ground.walk(opened_at=shift(END, minutes=1), covers_to=END), theirs, http_date(theirs))
    assert certified(ground).count("complete") == 0


def test_polls_that_were_joined_began_later_than_their_pages_and_prove_all_the_same(ground: Ground) -> None:
    first = shift(START, minutes=1)
    walk = ground.walk(opened_at=shift(END, minutes=2), covers_to=shift(END, minutes=1), repeats_count=99)
    ground.page(walk, first, http_date(first))
    assert certified(ground).count("complete") == 60


def test_a_clock_that_was_right_or_behind_changes_nothing(ground: Ground) -> None:
    for opened, date in ((END, END), (END, shift(END, hours=2)), (END, None)):
        walk = ground.walk(opened_at=shift(opened, minutes=5))
        ground.page(walk, shift(opened, minutes=5), http_date(shift(date, minutes=5)) if date else "yesterday")
    assert {walk.opened_at for walk in load_walks(ground.conn, ground.chat)} == {shift(END, minutes=5)}


def test_only_sessions_that_have_begun_are_certified_the_latest_first(ground: Ground) -> None:
    later = [
        Session(id=f"northmoor-{n}", chat="northmoor", starts_at=shift(START, days=n), ends_at=shift(END, days=n))
        for n in (7, 14)
    ]
    ground.chat.sessions = (*ground.chat.sessions, *later)
    found = build_certificates(ground.conn, ground.chat, shift(START, days=7, minutes=10))
    assert [certificate.session.id for certificate in found] == ["northmoor-7", "northmoor-1"]
    assert build_certificates(ground.conn, ground.chat, NOW, most=1)[0].session.id == "northmoor-7"
    assert sum(minute.why == "not over yet" for minute in found[0].platforms[0].minutes) == 50


def test_analysis_writes_the_same_judgement(ground: Ground) -> None:
    ground.walk(covers_to=shift(START, minutes=20))
    ground.walk("mastodon", status="open", why="one.example is in trouble (503)")
    ground.post("x:1", 3)
    ground.count(3, 2)
    analyse_chat(ground.conn, ground.chat, version="1", now=NOW)
    stored = ground.conn.execute("SELECT platform, minute, state, why FROM coverage ORDER BY minute").fetchall()
    certificate = build_certificate(ground.conn, ground.chat, ground.chat.sessions[0], NOW)
    fresh = [(m.platform, m.minute, m.state, m.why) for one in certificate.platforms for m in one.minutes]
    assert sorted(stored) == sorted(fresh)
    assert len(fresh) == 180


def test_quotes_are_found_by_the_walks_that_fetched_them(ground: Ground) -> None:
    ground.post("x:1", 3)
    ground.post("x:2", 30, tags=())
    with ground.archive.transaction() as conn:
        conn.execute("UPDATE posts SET quote_of = 'x:1' WHERE id = 'x:2'")
        conn.execute("UPDATE sightings SET walk = 'northmoor|quotes|quotes|x|1' WHERE post = 'x:2'")
    analyse_chat(ground.conn, ground.chat, version="1")
    assert ground.conn.execute("SELECT post, why FROM chat_posts ORDER BY post").fetchall() == [
        ("x:1", "tagged"), ("x:2", "quote"),
    ]  # fmt: skip


def test_another_chats_walks_and_purposes_do_not_count(ground: Ground) -> None:
    ground.insert(
        "walks", chat="northmoor", platform="x", key=f"northmoor|tagged|{KEYS['x']}", status="done", opened_at=NOW
    )
    assert load_walks(ground.conn, ground.chat) == []
