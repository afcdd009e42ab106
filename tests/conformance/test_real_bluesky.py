"""Collects a hashtag from Bluesky's own servers on loopback and finds exactly what their manifest promises."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from bluesky_network import BULK_POSTS, Manifest, control, source_at, tag_plan, walk

from archive.errors import Fatal, Retriable
from archive.models import Author, Chat, Link, Mention, Post, Ref
from archive.times import system_clock, to_text
from chatkeep.stage.bluesky import STAGE_HANDLE, STAGE_PASSWORD, build_bluesky
from chatkeep.stage.faults import Faults
from chatkeep.stage.feed import Feed
from chatkeep.stage.serving import serving
from collector.sources.base import Plan, Window
from collector.sources.bluesky import BlueskySource
from collector.transport import build_client

REAL_DATA = os.environ.get("CHATKEEP_REAL_DATA", "")

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(not REAL_DATA, reason="CHATKEEP_REAL_DATA does not name the folder with servers/bluesky"),
]

FOUND = (
    "facet_ascii", "facet_case", "facet_emoji", "fullwidth", "multi", "tags_field", "link", "image_alt", "self_label",
    "mod_labelled", "no_lang", "future_created", "old_created", "no_unauthenticated_author", "thread_root",
    "thread_reply_4", "reply_to_deleted", "quote_1", "quote_with_media", "edited",
)  # fmt: skip
GONE = ("deleted", "taken_down_post", "deactivated_post", "erased_post", "takendown_account_post", "blocker_post")


@pytest.fixture
def source(network: Manifest, sessions_dir: Path) -> Iterator[BlueskySource]:
    with build_client("test") as http:
        yield source_at(network, sessions_dir, http)


def test_a_walk_finds_exactly_the_promised_posts(network: Manifest, source: BlueskySource) -> None:
    pages, posts, authors = walk(source, tag_plan(source, network))
    seeded = {name: seed["uri"] for name, seed in network["posts"].items()}
    assert {name for name, uri in seeded.items() if uri in posts} == set(FOUND)
    bulk = [post for uri, post in posts.items() if uri not in seeded.values()]
    numbers = [int(match[1]) for post in bulk if (match := re.match(r"(\d+)\. ", post.text))]
    assert sorted(numbers) == list(range(1, BULK_POSTS + 1))
    assert len(posts) == BULK_POSTS + len(FOUND) == 270
    assert all(network["tag"] in post.tags for post in posts.values())
    assert any(source.parse(page).rows < 100 and page.next_cursor for page in pages), "no page was short"
    check_odd_posts(network, {name: posts[seeded[name]] for name in FOUND}, authors)


def check_odd_posts(network: Manifest, posts: dict[str, Post], authors: dict[str, Author]) -> None:
    """Each seeded post shows the one thing it was made for."""
    tag, seeded = network["tag"], network["posts"]
    for name in ("facet_emoji", "fullwidth", "tags_field", "facet_case"):
        assert posts[name].tags == (tag,)
    assert set(posts["multi"].tags) == {tag, "education"}
    bob = network["accounts"]["bob"]
    assert posts["multi"].mentions == (Mention(bob["handle"], f"bluesky:{bob['did']}"),)
    assert posts["link"].links == (Link("https://example.org/a?x=1"),)
    assert [media.alt_text is None for media in posts["image_alt"].media] == [False]
    assert [media.alt_text is None for media in posts["quote_with_media"].media] == [True]
    assert posts["self_label"].labels == ("graphic-media",)
    assert posts["mod_labelled"].labels == ("spam",)
    assert authors[posts["no_unauthenticated_author"].author].labels == ("!no-unauthenticated",)
    assert posts["no_lang"].lang is None
    assert posts["future_created"].created_at == "2035-01-01T00:00:00.000Z"
    assert posts["old_created"].created_at == "1999-12-31T23:59:59.000Z"
    assert posts["thread_reply_4"].reply_to == Ref(seeded["thread_reply_3"]["uri"])
    assert posts["thread_reply_4"].conversation == Ref(seeded["thread_root"]["uri"])
    assert posts["reply_to_deleted"].reply_to == Ref(seeded["thread_deleted_reply"]["uri"])
    assert posts["quote_1"].quote_of == Ref(seeded["thread_root"]["uri"])
    assert posts["quote_with_media"].quote_of == Ref(seeded["quote_1"]["uri"])
    metrics = posts["thread_root"].metrics
    assert metrics is not None
    assert (metrics.likes, metrics.reposts) == (3, 2)
    dan = network["accounts"]["dan"]
    assert authors[f"bluesky:{dan['did']}"].handle == dan["handle"] == "daniel.test"


def test_a_window_bounds_the_search(network: Manifest, source: BlueskySource) -> None:
    _, posts, _ = walk(source, tag_plan(source, network))
    times = sorted(min(post.created_at, post.indexed_at or post.created_at) for post in posts.values())
    window = Window(times[50], times[60])
    _, inside, _ = walk(source, tag_plan(source, network, window))
    assert sorted(post.created_at for post in inside.values()) == times[50:60]


def test_a_floor_brings_what_is_new_since(network: Manifest, source: BlueskySource) -> None:
    plan = tag_plan(source, network)
    top = to_text(system_clock() + timedelta(milliseconds=1))
    emitted = {post["uri"] for post in control(network, "emit", n=3)}
    later = Plan(key=plan.key, purpose="tag", query=plan.query, floor=top)
    _, posts, _ = walk(source, later)
    assert set(posts) == emitted
    overlapping = Plan(key=plan.key, purpose="tag", query=plan.query, floor=source.floor_below(top))
    assert emitted < set(walk(source, overlapping)[1])


def test_look_ups_find_what_stands_and_miss_what_is_gone(network: Manifest, source: BlueskySource) -> None:
    chat = Chat(slug="real", title="A real network", hashtags=(network["tag"],))
    refs = tuple(network["posts"][name]["uri"] for name in FOUND + GONE)
    plans = source.plans("posts", chat, refs=refs)
    assert [len(plan.refs) for plan in plans] == [25, 1]
    batches = [source.parse(source.fetch(plan, None)) for plan in plans]
    missing = {ref.native_id for batch in batches for ref in batch.missing}
    assert missing == {network["posts"][name]["uri"] for name in GONE}
    texts = [post.text for batch in batches for post in batch.posts if post.primary]
    assert len(texts) == len(FOUND)


def test_a_refused_cursor_is_gone_round(network: Manifest, source: BlueskySource) -> None:
    plan = tag_plan(source, network)
    _, everything, _ = walk(source, plan)
    first = source.fetch(plan, None)
    assert first.next_cursor is not None
    assert '"cursor":"100"' in first.next_cursor
    refused = source.fetch(plan, first.next_cursor.replace('"100"', '"10001"'))
    assert (refused.format, refused.http_status) == ("error", 400)
    posts = {post.native_ids[0].native_id for post in source.parse(first).posts if post.primary}
    cursor = refused.next_cursor
    while cursor is not None:
        page = source.fetch(plan, cursor)
        posts |= {post.native_ids[0].native_id for post in source.parse(page).posts if post.primary}
        cursor = page.next_cursor
    assert posts == set(everything)


def test_a_check_is_content_and_a_wrong_password_is_named(network: Manifest, source: BlueskySource) -> None:
    assert source.check() == []
    with build_client("test") as http:
        wrong = BlueskySource(
            http, system_clock, service=network["urls"]["pds"], handle="collector.test", app_password="wrong",
            sessions_dir=None,
        )  # fmt: skip
        assert [("BLUESKY_APP_PASSWORD" in problem.message) for problem in wrong.check()] == [True]


def test_an_expired_session_is_renewed_by_the_real_server(network: Manifest, tmp_path: Path) -> None:
    with build_client("test") as http:
        source = source_at(network, tmp_path, http)
        plan = tag_plan(source, network)
        source.fetch(plan, None)
        (file,) = tmp_path.glob("*.json")
        stored = file.read_text()
        # A refresh token is no access token: the server refuses it as it would an expired one.
        refresh = stored.split('"refresh": "')[1].split('"')[0]
        file.write_text(f'{{"access": "{refresh}", "refresh": "{refresh}"}}')
        asked: list[str] = []
        http.event_hooks["request"] = [lambda request: asked.append(request.url.path.rsplit(".", 1)[-1])]
        assert source_at(network, tmp_path, http).fetch(plan, None).format == "search"
    assert asked == ["searchPosts", "refreshSession", "searchPosts"]


def test_faults_before_the_real_server_are_named(network: Manifest, sessions_dir: Path) -> None:
    with build_client("test") as http:
        source = source_at(network, sessions_dir, http, "faulty_pds")
        plan = tag_plan(source, network)
        source.fetch(plan, None)
        page = "<html><body>Request forbidden by administrative rules.</body></html>"
        faults = [{"status": 429, "retryAfter": 7}, {"status": 502}, {"cut": True}, {"status": 403, "html": page}]
        control(network, "faults", faults=faults)
        waits = []
        for _ in range(3):
            with pytest.raises(Retriable) as caught:
                source.fetch(plan, None)
            waits.append(caught.value.after)
        assert waits == [7.0, None, None]
        with pytest.raises(Fatal, match="service"):
            source.fetch(plan, None)
        assert len(walk(source, plan)[1]) >= 270


def test_the_stage_signs_in_with_no_key_that_the_real_server_lacks(network: Manifest) -> None:
    def session(base: str, handle: str, password: str) -> dict[str, Any]:
        url = f"{base}/xrpc/com.atproto.server.createSession"
        answer: dict[str, Any] = httpx.post(url, json={"identifier": handle, "password": password}).json()
        return answer

    collector = network["accounts"]["collector"]
    real = session(network["urls"]["pds"], collector["handle"], collector["app_password"])
    with serving(build_bluesky(Feed((), ()), system_clock, Faults())) as base:
        staged = session(base, STAGE_HANDLE, STAGE_PASSWORD)
    assert {key: type(value) for key, value in staged.items()}.items() <= {
        key: type(value) for key, value in real.items()
    }.items()
