"""Threads and quotes of known posts, asked of a staged Bluesky and read whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from bluesky_ground import ANN, NORTHMOOR, Ground, Hour, entry, found, moment, walk

from archive.errors import Retriable, Skippable
from archive.models import Deletion, RawPage, Ref
from chatkeep.stage.bluesky import build_bluesky
from chatkeep.stage.bluesky_views import Views
from chatkeep.stage.faults import Fault, Faults
from chatkeep.stage.feed import Feed
from chatkeep.stage.serving import serving
from collector.sources.base import Plan, Window
from collector.sources.bluesky import BlueskySource
from collector.sources.bluesky_parse import parse_page

TALK = Feed(
    (ANN,),
    (
        entry(0, "Q1 #northmoor"),
        entry(1, "A1 without a sign", reply_to="p0"),
        entry(2, "And then?", reply_to="p1"),
        entry(3, "Gone", reply_to="p0", deleted_at=moment(4)),
        entry(5, "To what is gone", reply_to="p3"),
        *(entry(number, f"Just so {number}", quote_of="p0") for number in range(10, 160)),
    ),
)
URI = {post.key: Views(TALK).uri_of(post) for post in TALK.posts}


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    faults, hour = Faults(), Hour()
    with serving(build_bluesky(TALK, hour, faults)) as base:
        standing = Ground(base, hour, faults, tmp_path)
        yield standing
        standing.http.close()


def plan_for(source: BlueskySource, purpose: Any, key: str) -> Plan:
    (plan,) = source.plans(purpose, NORTHMOOR, refs=(URI[key],))
    return plan


def test_each_purpose_has_its_plans_with_keys_that_stay(ground: Ground) -> None:
    source = ground.source()
    refs = (URI["p1"], URI["p0"], URI["p1"], "no address")
    for purpose in ("thread", "quotes"):
        plans = source.plans(purpose, NORTHMOOR, refs=refs)
        assert {plan.key for plan in plans} == {f"bluesky/{purpose}/{URI[key]}" for key in ("p0", "p1")}
        assert all(plan.refs == (plan.key.removeprefix(f"bluesky/{purpose}/"),) for plan in plans)
    window = Window("2026-10-08T12:00:00.000Z", "2026-10-08T13:00:00.000Z")
    sweep = source.plans("sweep", NORTHMOOR, window)[0]
    assert (sweep.key, sweep.query, sweep.window) == (
        "bluesky/sweep/#northmoor/2026-10-08T12:00:00.000Z..2026-10-08T13:00:00.000Z", "#northmoor", window,
    )  # fmt: skip
    assert source.plans("counts", NORTHMOOR, window) == []
    assert source.limits.poll_seconds == 15.0


def test_a_sweep_searches_its_window_whole(ground: Ground) -> None:
    source = ground.source()
    sweep = source.plans("sweep", NORTHMOOR, Window(moment(0), moment(1)))[0]
    assert set(found(walk(source, sweep)[1])) == {f"bluesky:{URI['p0']}"}


def test_a_thread_holds_what_came_before_and_after_a_post(ground: Ground) -> None:
    source = ground.source()
    (page,), (batch,) = walk(source, plan_for(source, "thread", "p1"))
    assert (page.format, page.next_cursor, batch.flaws, batch.top) == ("thread", None, [], None)
    assert {post.native_ids[0].native_id for post in batch.posts} == {URI[key] for key in ("p0", "p1", "p2")}
    assert all(post.primary for post in batch.posts)
    (_,), (root,) = walk(source, plan_for(source, "thread", "p0"))
    assert {post.text for post in root.posts} == {"Q1 #northmoor", "A1 without a sign", "And then?"}


def test_what_a_thread_shows_as_gone_is_unavailable(ground: Ground) -> None:
    source = ground.source()
    _, (batch,) = walk(source, plan_for(source, "thread", "p5"))
    assert [post.text for post in batch.posts] == ["To what is gone"]
    assert batch.deletions == [Deletion(Ref(URI["p3"]), "unavailable")]


def test_a_thread_whose_post_is_gone_is_a_page_that_says_so(ground: Ground) -> None:
    source = ground.source()
    page = source.fetch(plan_for(source, "thread", "p3"), None)
    batch = source.parse(page)
    assert (page.http_status, page.next_cursor) == (400, None)
    assert batch.deletions == [Deletion(Ref(URI["p3"]), "unavailable")]
    assert (batch.missing, batch.flaws, batch.posts) == ([Ref(URI["p3"])], [], [])


def test_other_answers_to_a_thread_are_no_pages(ground: Ground) -> None:
    source = ground.source()
    plan = plan_for(source, "thread", "p0")
    source.fetch(plan, None)
    body = json.dumps({"error": "InvalidRequest", "message": "no"}).encode()
    ground.faults.add(Fault(kind="status", status=400, body=body, path="getPostThread"))
    with pytest.raises(Skippable):
        source.fetch(plan, None)
    ground.faults.add(Fault(kind="status", status=200, body=b'{"posts":[]}', path="getPostThread"))
    with pytest.raises(Retriable, match="thread"):
        source.fetch(plan, None)


def test_quotes_come_in_pages_to_the_last(ground: Ground) -> None:
    source = ground.source()
    pages, batches = walk(source, plan_for(source, "quotes", "p0"))
    assert [page.format for page in pages] == ["quotes", "quotes"]
    assert {post.text for post in found(batches).values()} == {f"Just so {number}" for number in range(10, 160)}
    assert {post.quote_of for post in found(batches).values()} == {Ref(URI["p0"])}
    assert [batch.top for batch in batches] == [None, None]


def test_a_refused_place_in_a_list_of_quotes_is_gone_round_from_the_start(ground: Ground) -> None:
    source = ground.source()
    plan = plan_for(source, "quotes", "p0")
    refused = source.fetch(plan, "999999")
    assert (refused.format, refused.http_status) == ("error", 400)
    assert [flaw.kind for flaw in source.parse(refused).flaws] == ["repaired"]
    assert source.parse(source.fetch(plan, refused.next_cursor)).rows == 100


@pytest.mark.parametrize(("size", "asked"), [(None, "100"), (10, "10"), (500, "100"), (0, "1")])
def test_a_plan_may_ask_for_less(ground: Ground, size: int | None, asked: str) -> None:
    source = ground.source()
    for plan in (plan_for(source, "quotes", "p0"), source.plans("tag", NORTHMOOR)[0]):
        small = Plan(key=plan.key, purpose=plan.purpose, query=plan.query, refs=plan.refs, page_size=size)
        page = source.fetch(small, None)
        assert httpx.URL(page.url).params["limit"] == asked


def thread_page(thread: Any) -> RawPage:
    return RawPage(
        source="bluesky", format="thread", origin="bsky.example", fetched_at="2026-10-08T14:00:00.000Z",
        body=json.dumps({"thread": thread}).encode(),
        url="https://bsky.example/xrpc/app.bsky.feed.getPostThread?uri=at%3A%2F%2Fdid%3Aplc%3Aa%2Fapp.bsky.feed.post%2F1",
    )  # fmt: skip


def node(kind: str, rkey: str, **more: Any) -> dict[str, Any]:
    return {
        "$type": f"app.bsky.feed.defs#{kind}", "uri": f"at://did:plc:a/app.bsky.feed.post/{rkey}", **more
    }  # fmt: skip


def test_a_blocked_post_is_missing_and_not_gone() -> None:
    batch = parse_page(thread_page(node("blockedPost", "1", blocked=True, author={"did": "did:plc:a"})))
    assert (batch.missing, batch.deletions, batch.flaws) == ([Ref("at://did:plc:a/app.bsky.feed.post/1")], [], [])


def test_what_a_thread_may_hold_one_day_is_a_flaw() -> None:
    for odd in (node("foldedPost", "1"), {"post": {}}, {}, node("notFoundPost", "1", uri="at://x")):
        assert [flaw.kind for flaw in parse_page(thread_page(odd)).flaws] == ["unknown"]
    assert [flaw.kind for flaw in parse_page(thread_page(None)).flaws] == ["malformed"]


def test_a_deep_thread_is_read_to_its_end() -> None:
    deep: dict[str, Any] = {}
    for number in range(200, 0, -1):
        record = {"$type": "app.bsky.feed.post", "text": str(number), "createdAt": "2026-10-08T12:00:00.000Z"}
        view = {"uri": f"at://did:plc:a/app.bsky.feed.post/{number}", "record": record, "author": {"did": "did:plc:a"}}
        deep = node("threadViewPost", str(number), post=view, replies=[deep] if deep else [])
    batch = parse_page(thread_page(deep))
    assert [post.text for post in batch.posts] == [str(number) for number in range(1, 201)]
