"""BlueskySource over the stage: whole walks, look-ups, every fault in its own words, checks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from bluesky_ground import NORTHMOOR, NOW, SMALL, Ground, Hour, found, moment, standing_on, tag_plan, walk

from archive.errors import Fatal, Retriable, Skippable
from archive.models import Ref
from archive.times import shift
from chatkeep.stage.bluesky import STAGE_HANDLE, STAGE_PASSWORD
from chatkeep.stage.faults import Fault
from collector.sources.base import Window
from collector.sources.bluesky import BlueskySource
from collector.transport import build_client


@pytest.fixture
def hour() -> Hour:
    return Hour()


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    with standing_on(Hour(), tmp_path) as opened:
        yield opened


# Walks


def test_a_walk_over_short_pages_finds_every_post_of_the_tag_and_no_other(ground: Ground) -> None:
    source = ground.source()
    pages, batches = walk(source, tag_plan(source))
    texts = [post.text for post in found(batches).values()]
    assert sorted(texts) == sorted(
        [post.text for post in SMALL.posts if post.key not in ("p300", "p302")] + ["First #northmoor"]
    )
    assert [batch.rows for batch in batches] == [89, 89, 67]
    assert [page.format for page in pages] == ["search"] * 3
    assert not any(batch.flaws for batch in batches)


def test_the_top_is_the_newest_sort_time_and_ignores_a_date_in_the_future(ground: Ground) -> None:
    source = ground.source()
    _, batches = walk(source, tag_plan(source))
    assert max(batch.top for batch in batches if batch.top) == moment(304)
    assert source.higher(moment(1), moment(2)) == moment(2)
    assert source.floor_below(moment(600)) == moment(0)


def test_a_floor_and_a_window_bound_the_search(ground: Ground) -> None:
    source = ground.source()
    _, above = walk(source, tag_plan(source, floor=moment(230)))
    assert len(found(above)) == 10 + 4
    _, between = walk(source, tag_plan(source, Window(moment(10), moment(20))))
    assert sorted(post.created_at for post in found(between).values()) == [moment(number) for number in range(10, 20)]
    _, both = walk(source, tag_plan(source, Window(moment(0), moment(20)), floor=moment(15)))
    assert len(found(both)) == 5


def test_each_hashtag_has_its_plan_with_a_lasting_key(ground: Ground) -> None:
    source = ground.source()
    plans = source.plans("tag", NORTHMOOR)
    assert [plan.query for plan in plans] == ["#northmoor", "#nmhour"]
    windowed = source.plans("tag", NORTHMOOR, Window(moment(0), moment(60)))
    assert len({plan.key for plan in plans + windowed}) == 4
    assert [plan.key for plan in plans] == [plan.key for plan in ground.source().plans("tag", NORTHMOOR)]


def test_a_refused_cursor_is_kept_as_evidence_and_the_walk_goes_on_by_time(ground: Ground) -> None:
    source = ground.source()
    plan = tag_plan(source)
    first = source.fetch(plan, None)
    refusal = b'{"error":"InvalidRequest","message":"Invalid cursor format"}'
    ground.faults.add(Fault(kind="status", status=400, body=refusal, path="searchPosts"))
    refused = source.fetch(plan, first.next_cursor)
    assert (refused.format, refused.http_status, refused.body) == ("error", 400, refusal)
    assert [flaw.kind for flaw in source.parse(refused).flaws] == ["repaired"]
    batches, cursor = [source.parse(first)], refused.next_cursor
    assert cursor is not None
    oldest = min(post.created_at for post in batches[0].posts)
    assert json.loads(cursor)["until"] == shift(oldest, milliseconds=1)
    while cursor:
        page = source.fetch(plan, cursor)
        batches.append(source.parse(page))
        cursor = page.next_cursor
    assert len(found(batches)) == 245


def test_a_refused_request_without_a_cursor_is_skipped(ground: Ground) -> None:
    ground.faults.add(Fault(kind="status", status=400, body=b'{"error":"BadRequest","message":"no"}', path="search"))
    source = ground.source()
    with pytest.raises(Skippable, match="no"):
        source.fetch(tag_plan(source), None)


def test_an_unreadable_cursor_starts_the_walk_again(ground: Ground) -> None:
    source = ground.source()
    assert source.fetch(tag_plan(source), "rubbish").body == source.fetch(tag_plan(source), None).body


# Look-ups


def test_look_ups_go_by_25_and_name_what_is_missing(ground: Ground) -> None:
    source = ground.source()
    ids = sorted(found(walk(source, tag_plan(source))[1]))
    refs = tuple(post_id.removeprefix("bluesky:") for post_id in ids)
    ground.hour.pass_by(hours=1, minutes=30)
    plans = source.plans("posts", NORTHMOOR, refs=(*refs, "no address"))
    assert [len(plan.refs) for plan in plans] == [25] * 9 + [20]
    batches = [source.parse(source.fetch(plan, None)) for plan in plans]
    assert len(found(batches)) == len(refs) - 1
    missing = [ref for batch in batches for ref in batch.missing]
    assert len(missing) == 1
    deletions = [deletion for batch in batches for deletion in batch.deletions]
    assert [(deletion.ref, deletion.reason) for deletion in deletions] == [(missing[0], "unavailable")]


# Faults


@pytest.mark.parametrize("kind", ["cut", "truncate", "garble", "empty"])
def test_a_spoilt_answer_is_worth_another_try(ground: Ground, kind: Any) -> None:
    source = ground.source()
    plan = tag_plan(source)
    source.fetch(plan, None)
    ground.faults.add(Fault(kind=kind, path="searchPosts"))
    with pytest.raises(Retriable, match=r"broke off|cut short"):
        source.fetch(plan, None)
    assert source.fetch(plan, None).http_status == 200


@pytest.mark.parametrize("fault", [Fault(kind="status", status=502), Fault(kind="html", status=200)])
def test_a_server_out_of_order_is_worth_another_try(ground: Ground, fault: Fault) -> None:
    ground.faults.add(fault)
    source = ground.source()
    with pytest.raises(Retriable):
        source.fetch(tag_plan(source), None)


@pytest.mark.parametrize(
    ("headers", "after"),
    [
        ({"retry-after": "288"}, 288.0),
        ({"ratelimit-reset": str(int(NOW.timestamp()) + 30)}, 30.0),
        ({"retry-after": "soon", "ratelimit-reset": str(int(NOW.timestamp()) + 30)}, 30.0),
        ({"ratelimit-reset": str(int(NOW.timestamp()) - 30)}, 0.0),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "99999999999999"}, 86_400.0),
        ({"ratelimit-reset": "1e30"}, 86_400.0),
        ({"retry-after": "nan", "ratelimit-reset": "inf"}, None),
        ({}, None),
    ],
)
def test_a_limit_says_how_long_to_wait(ground: Ground, headers: dict[str, str], after: float | None) -> None:
    ground.faults.add(Fault(kind="status", status=429, headers=headers, path="searchPosts"))
    source = ground.source()
    with pytest.raises(Retriable) as caught:
        source.fetch(tag_plan(source), None)
    assert caught.value.after == after


def answering(answer: dict[str, Any]) -> BlueskySource:
    """A source whose server signs everyone in and gives this answer to every question."""
    tokens = {"accessJwt": "a", "refreshJwt": "b"}
    http = build_client("test", httpx.MockTransport(lambda _: httpx.Response(200, json=tokens | answer)))
    return BlueskySource(http, Hour(), handle="ann.northmoor.test", app_password="k", sessions_dir=None)


URI = "at://did:plc:anncouncil/app.bsky.feed.post/3kone"
VIEW = {"uri": URI, "record": {"text": "Hello", "createdAt": moment(1)}, "indexedAt": moment(1)}


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"posts": None},
        {"posts": {"0": VIEW}},
        {"posts": [5, None, "x"]},
        {"posts": [{}]},
        {"posts": [{"uri": URI}]},
        {"posts": [VIEW], "cursor": 5},
        {"posts": [], "cursor": {"next": 1}},
    ],
)
def test_an_answer_that_is_none_is_worth_another_try_in_walks_and_look_ups(answer: dict[str, Any]) -> None:
    source = answering(answer)
    for plan in (tag_plan(source), *source.plans("posts", NORTHMOOR, refs=(URI,))):
        with pytest.raises(Retriable):
            source.fetch(plan, None)


def test_an_odd_item_among_posts_stops_no_page() -> None:
    source = answering({"posts": [5, VIEW, {}], "cursor": "next"})
    page = source.fetch(tag_plan(source), None)
    batch = source.parse(page)
    assert page.next_cursor is not None
    assert [len(batch.posts), len(batch.flaws) >= 2] == [1, True]


@pytest.mark.parametrize("status", [403, 404])
def test_a_forbidding_web_page_names_the_service_setting(ground: Ground, status: int) -> None:
    ground.faults.add(Fault(kind="html", status=status, path="searchPosts"))
    source = ground.source()
    with pytest.raises(Fatal, match=r"\[source.bluesky\] service"):
        source.fetch(tag_plan(source), None)


def test_an_answer_of_json_that_is_no_list_of_posts_is_worth_another_try(hour: Hour) -> None:
    transport = httpx.MockTransport(
        lambda _: httpx.Response(200, json={"accessJwt": "a", "refreshJwt": "b", "posts": "none"})
    )
    with build_client("t", transport) as http:
        source = BlueskySource(http, hour, handle="ann", app_password="x", sessions_dir=None)
        with pytest.raises(Retriable, match="list of posts"):
            source.fetch(tag_plan(source), None)


# Checks


def clock_at(*, minutes: float) -> Callable[[], datetime]:
    return lambda: datetime.now(UTC) + timedelta(minutes=minutes)


def checked(ground: Ground, **settings: Any) -> list[tuple[str, str]]:
    given = {"handle": STAGE_HANDLE, "app_password": STAGE_PASSWORD, "service": ground.base, **settings}
    clock = given.pop("clock", clock_at(minutes=0))
    problems = BlueskySource(ground.http, clock, sessions_dir=None, **given).check()
    assert all(problem.remedy for problem in problems)
    return [(problem.level, problem.message) for problem in problems]


def test_a_check_finds_nothing_where_all_is_well(ground: Ground) -> None:
    assert checked(ground) == []


def test_a_check_names_missing_and_wrong_credentials(ground: Ground) -> None:
    ((level, message),) = checked(ground, handle=None)
    assert (level, "BLUESKY_HANDLE" in message) == ("error", True)
    ((level, message),) = checked(ground, app_password="wrong")
    assert (level, "BLUESKY_APP_PASSWORD" in message) == ("error", True)


def test_a_check_says_when_the_service_cannot_be_reached(ground: Ground) -> None:
    ((level, message),) = checked(ground, service="http://127.0.0.1:9")
    assert (level, "could not be reached" in message) == ("error", True)
    ground.faults.add(Fault(kind="html", status=404))
    ((level, message),) = checked(ground)
    assert (level, "service" in message) == ("error", True)


@pytest.mark.parametrize(("minutes", "word"), [(10, "ahead"), (-10, "behind")])
def test_a_check_notices_a_clock_that_is_off(ground: Ground, minutes: float, word: str) -> None:
    ((level, message),) = checked(ground, clock=clock_at(minutes=minutes))
    assert (level, f"10 minutes {word}" in message) == ("warning", True)


def test_look_ups_are_read_from_the_page_s_own_address(ground: Ground) -> None:
    source = ground.source()
    uri = "at://did:plc:nobody/app.bsky.feed.post/3kaa"
    (plan,) = source.plans("posts", NORTHMOOR, refs=(uri,))
    assert source.parse(source.fetch(plan, None)).missing == [Ref(uri)]
