from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from made_up_chat import END, START, northmoor

from analysis.coverage import NOT_OVER, CoverWalk, Minute, build_coverage
from analysis.coverage_counts import Told
from archive.times import shift

SESSION = northmoor().sessions[0]
TAGS = ("northmoorhour",)


def walk(**more: Any) -> CoverWalk:
    values: dict[str, Any] = {
        "platform": "x",
        "key": "northmoor|tag|x|#northmoorhour",
        "status": "done",
        "opened_at": shift(END, hours=1),
        "covers_from": shift(START, hours=-1),
        "covers_to": shift(END, minutes=55),
        "pages_count": 3,
    }
    return CoverWalk(**values | more)


def cover(*walks: CoverWalk) -> dict[str, list[Minute]]:
    rows: dict[str, list[Minute]] = {}
    for minute in build_coverage(SESSION, walks, TAGS):
        rows.setdefault(minute.platform, []).append(minute)
    return rows


def states(*walks: CoverWalk) -> Counter[str]:
    return Counter(minute.state for minute in cover(*walks)["x"])


def test_a_finished_walk_that_began_afterwards_proves_every_minute() -> None:
    assert states(walk()) == {"complete": 60}


def test_a_platform_without_a_walk_was_never_asked() -> None:
    rows = cover(walk())
    told = {(row.state, row.why) for row in rows["bluesky"]}
    assert told == {("unknown", "Bluesky was never asked about this session")}
    assert [row.minute for row in rows["bluesky"]][:2] == [START, shift(START, minutes=1)]


def test_a_walk_during_the_session_proves_only_what_was_over() -> None:
    during = walk(opened_at=shift(START, minutes=30, seconds=20), covers_to=shift(START, minutes=30))
    found = states(during)
    assert found["complete"] == 30
    assert found["partial"] + found["unknown"] == 30


def test_what_was_still_to_come_is_not_proved_by_a_walk_without_an_end() -> None:
    assert states(walk(opened_at=shift(START, minutes=30, seconds=20), covers_to=None))["complete"] == 30


def test_open_and_abandoned_walks_are_partial_and_say_why() -> None:
    assert states(walk(status="open")) == {"partial": 60}
    stopped = cover(walk(status="abandoned", why="the cursor came twice"))["x"][0]
    assert stopped.state == "partial"
    assert "the cursor came twice" in stopped.why
    assert states(walk(status="open", pages_count=0)) == {"unknown": 60}


def test_a_done_walk_beats_an_open_one() -> None:
    assert states(walk(status="open"), walk()) == {"complete": 60}


def test_a_walk_that_does_not_reach_back_leaves_the_beginning_unknown() -> None:
    assert states(walk(covers_from=shift(START, minutes=15))) == {"complete": 45, "unknown": 15}


def test_every_hashtag_must_have_been_searched() -> None:
    rows = build_coverage(SESSION, [walk()], ("northmoorhour", "northmoor"))
    first = next(row for row in rows if row.platform == "x")
    why = "searched to the end for #northmoorhour; not for #northmoor: never asked about this session"
    assert (first.state, first.why) == ("partial", why)


def test_an_import_is_partial_until_a_capture_proves_more() -> None:
    assert states(walk(key="northmoor|import|twarc2|chat.jsonl", covers_from=None, covers_to=None)) == {"partial": 60}
    assert states(walk(key="northmoor|import|tags|chat.csv"), walk()) == {"complete": 60}


@pytest.mark.parametrize(
    ("platform", "plan"),
    [
        ("x", "tag|x|(#northmoorhour) -is:retweet"),
        ("x", "tag|x|(#a OR #northmoorhour) -is:retweet|2026-10-08T11:00:00.000Z..2026-10-08T14:00:00.000Z"),
        ("bluesky", "bluesky/tag/#northmoorhour"),
        ("bluesky", "bluesky/sweep/#northmoorhour/2026-10-08T11:00:00.000Z..2026-10-08T14:00:00.000Z"),
        ("mastodon", "mastodon tag https://one.example #northmoorhour"),
        ("mastodon", "mastodon sweep https://one.example #northmoorhour 2026-10-08T11:00:00.000Z/"),
    ],
)
def test_keys_of_all_sources_are_understood(platform: str, plan: str) -> None:
    found = cover(walk(platform=platform, key=f"northmoor|sweep|{plan}"))[platform]
    assert {minute.state for minute in found} == {"complete"}


@pytest.mark.parametrize("tag", ["नमस्ते", "café_2026", "C"])
def test_hashtags_of_every_script_are_found_in_keys(tag: str) -> None:
    one = walk(key=f"northmoor|tag|tag|x|(#{tag} OR #other) -is:retweet")
    assert {row.state for row in build_coverage(SESSION, [one], (tag,)) if row.platform == "x"} == {"complete"}


@pytest.mark.parametrize("purpose", ["live", "posts", "thread", "quotes", "counts"])
def test_a_stream_and_walks_for_known_posts_prove_nothing(purpose: str) -> None:
    assert states(walk(key=f"northmoor|{purpose}|x #northmoorhour")) == {"unknown": 60}


def test_a_longer_hashtag_does_not_stand_for_a_shorter_one() -> None:
    assert states(walk(key="northmoor|tag|x|(#northmoorhour2) -is:retweet")) == {"unknown": 60}


def test_a_walk_that_names_no_hashtag_proves_nothing() -> None:
    assert states(walk(key="northmoor|tag|tag|x|from:someone")) == {"unknown": 60}


def masto(server: str, **more: Any) -> CoverWalk:
    return walk(platform="mastodon", key=f"northmoor|tag|mastodon tag https://{server} #northmoorhour", **more)


def why_of(platform: str, *walks: CoverWalk) -> set[tuple[str, str]]:
    return {(row.state, row.why) for row in cover(*walks)[platform]}


def test_complete_on_mastodon_names_the_servers() -> None:
    assert why_of("mastodon", masto("b.example"), masto("a.example")) == {
        ("complete", "complete on these servers: a.example, b.example")
    }


def test_a_server_that_was_not_walked_to_the_end_makes_the_minute_partial_and_both_are_named() -> None:
    gone = masto("b.example", status="open", pages_count=0, why="b.example is in trouble (503)")
    why = "complete on these servers: a.example; not on b.example: a capture is not finished: b.example is in trouble"
    assert why_of("mastodon", masto("a.example"), gone) == {("partial", f"{why} (503)")}


def test_a_server_asked_long_before_or_after_the_session_is_not_asked_for_it() -> None:
    early = masto("b.example", opened_at=shift(START, days=-2), covers_from=shift(START, days=-3), covers_to=None)
    late = masto("c.example", opened_at=shift(END, days=20), covers_from=shift(END, days=13))
    assert why_of("mastodon", masto("a.example"), early, late) == {("complete", "complete on these servers: a.example")}
    backfill = masto("c.example", opened_at=shift(END, days=20), status="abandoned", why="cursor")
    assert {state for state, _ in why_of("mastodon", masto("a.example"), backfill)} == {"partial"}


def test_walks_that_join_prove_together_and_a_gap_of_a_moment_is_seen() -> None:
    middle = shift(START, minutes=20, seconds=30)
    first, second = walk(covers_to=middle), walk(covers_from=middle)
    assert states(first, second) == {"complete": 60}
    late = walk(covers_from=shift(middle, milliseconds=1))
    found = cover(first, late)["x"]
    assert [row.minute for row in found if row.state != "complete"] == [shift(START, minutes=20)]
    assert found[20].why == "only a part of this minute was searched"


def test_a_part_that_was_asked_for_before_the_minute_was_over_does_not_join() -> None:
    middle = shift(START, minutes=20, seconds=30)
    during = walk(opened_at=middle, covers_to=middle)
    found = cover(during, walk(covers_from=middle))["x"]
    assert [row.state for row in found[19:22]] == ["complete", "partial", "complete"]


def test_merged_polls_prove_as_one_walk() -> None:
    assert states(walk(opened_at=shift(END, minutes=2), covers_to=shift(END, minutes=1), repeats_count=120)) == {
        "complete": 60
    }


def test_a_poll_within_the_platforms_lag_does_not_prove_the_last_minute() -> None:
    soon = cover(walk(opened_at=shift(END, seconds=10), covers_to=shift(END, seconds=-50)))["x"]
    assert [row.state for row in soon] == ["complete"] * 59 + ["partial"]
    assert soon[-1].why == "X was asked so soon after this minute that its last posts may not have shown yet"


def test_what_stopped_the_work_is_the_reason() -> None:
    broke = walk(status="open", pages_count=0, why="the budget of this session is spent")
    assert why_of("x", broke) == {("unknown", "a capture is not finished: the budget of this session is spent")}


def test_minutes_to_come_are_not_over_yet() -> None:
    now = shift(START, minutes=30, seconds=30)
    running = walk(opened_at=shift(START, minutes=30), covers_to=shift(START, minutes=29))
    rows = [row for row in build_coverage(SESSION, [running], TAGS, now=now) if row.platform == "x"]
    assert [row.state for row in rows] == ["complete"] * 29 + ["unknown"] * 31
    assert {row.why for row in rows[30:]} == {NOT_OVER}
    assert rows[29].why == "X was asked, and no capture reaches this minute"


def told(minute: int, says: int, holds: int, minutes: int = 1) -> Told:
    return Told(
        platform="x", query="(#northmoorhour) -is:retweet", starts_at=shift(START, minutes=minute),
        ends_at=shift(START, minutes=minute + minutes), told_count=says, held_count=holds, seen_at=END,
    )  # fmt: skip


def test_a_count_above_what_is_held_makes_a_proven_minute_partial_and_never_the_other_way() -> None:
    rows = build_coverage(SESSION, [walk()], TAGS, told=[told(5, 12, 10), told(6, 3, 3), told(7, 1, 2)])
    found = {row.minute: row for row in rows if row.platform == "x" and row.state != "complete"}
    assert list(found) == [shift(START, minutes=5)]
    assert found[shift(START, minutes=5)].why == "X counts 12 posts in this minute, the archive holds 10"
    assert {row.state for row in build_coverage(SESSION, [], TAGS, told=[told(5, 10, 10)])} == {"unknown"}


def test_the_count_of_a_minute_speaks_before_that_of_its_hour() -> None:
    fine = [told(n, 2, 2) for n in range(30)]
    rows = [r for r in build_coverage(SESSION, [walk()], TAGS, told=[told(0, 99, 98, 60), *fine]) if r.platform == "x"]
    assert [row.state for row in rows] == ["complete"] * 30 + ["partial"] * 30
    assert rows[-1].why == "X counts 99 posts in the 60 minutes round it, the archive holds 98"


def test_a_file_imported_before_the_session_says_nothing_of_it() -> None:
    file = walk(
        key="northmoor|import|tags|chat.csv", covers_from=None, covers_to=None, opened_at=shift(START, hours=-1)
    )
    assert states(file) == {"unknown": 60}


def test_posts_that_nothing_proves_make_a_minute_partial() -> None:
    rows = build_coverage(SESSION, [], TAGS, [("bluesky", shift(START, minutes=4, seconds=9))])
    (known,) = [row for row in rows if row.state != "unknown"]
    assert (known.platform, known.minute, known.state) == ("bluesky", shift(START, minutes=4), "partial")


def test_of_a_session_longer_than_a_day_only_minutes_with_posts_are_told() -> None:
    long = northmoor().sessions[0]
    long.ends_at = shift(START, days=40)
    rows = build_coverage(
        long, [], TAGS, [("x", shift(START, days=3, seconds=12)), ("x", shift(START, days=3, seconds=40))]
    )
    assert [row.minute for row in rows if row.platform == "x"] == [shift(START, days=3)]


def test_a_post_that_claims_the_first_day_of_all_is_no_trouble() -> None:
    first = "0001-01-01T00:00:00.000Z"
    ever = replace(SESSION, starts_at=first, ends_at=START)
    rows = build_coverage(ever, [masto("a.example", covers_from=None)], TAGS, [("mastodon", first)])
    assert [row.minute for row in rows if row.platform == "mastodon" and row.state == "complete"] == [first]
