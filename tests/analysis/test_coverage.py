from __future__ import annotations

from collections import Counter
from typing import Any

from made_up_chat import END, START, northmoor

from analysis.coverage import CoverWalk, Minute, build_coverage
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
    assert {(row.state, row.why) for row in rows["bluesky"]} == {("unknown", "Bluesky was never asked")}
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
    assert (first.state, first.why) == ("partial", "not searched to the end: #northmoor")


def test_an_import_is_partial_until_a_capture_proves_more() -> None:
    assert states(walk(key="northmoor|import|twarc2|chat.jsonl", covers_from=None, covers_to=None)) == {"partial": 60}
    assert states(walk(key="northmoor|import|tags|chat.csv"), walk()) == {"complete": 60}


def test_keys_of_all_sources_are_understood() -> None:
    for key in (
        "northmoor|tag|bluesky/tag/bsky.example/#northmoorhour",
        "northmoor|tag|mastodon tag https://one.example #northmoorhour",
    ):
        assert states(walk(key=key)) == {"complete": 60}


def test_of_a_session_longer_than_a_day_only_minutes_with_posts_are_told() -> None:
    long = northmoor().sessions[0]
    long.ends_at = shift(START, days=40)
    rows = build_coverage(long, [], TAGS, [shift(START, days=3, seconds=12), shift(START, days=3, seconds=40)])
    assert [row.minute for row in rows if row.platform == "x"] == [shift(START, days=3)]
