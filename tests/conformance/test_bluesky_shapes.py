"""The stage's answers have the shape of Bluesky's own, and every recorded page is read without losing a post."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from archive.models import Batch, RawPage
from chatkeep.stage.bluesky import STAGE_HANDLE, STAGE_PASSWORD, build_bluesky
from chatkeep.stage.faults import Faults
from chatkeep.stage.feed import Edit, Feed, FeedAuthor, FeedPost
from chatkeep.stage.serving import serving
from collector.sources.bluesky_parse import parse_page

REAL_DATA = os.environ.get("CHATKEEP_REAL_DATA", "")
RECORDED = Path(REAL_DATA) / "fixtures" / "bluesky" / "bskyr"

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(not REAL_DATA, reason="CHATKEEP_REAL_DATA does not name the folder of recorded answers"),
]

# Where Bluesky describes an object's kind by $type, shapes are compared kind by kind.
Shapes = dict[str, list[dict[str, set[str]]]]


def recorded_pages() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each recorded answer that holds posts: its method and its JSON."""
    for line in (RECORDED / "INDEX.jsonl").read_text().splitlines():
        entry = json.loads(line)
        method = entry["uri"].split("/xrpc/")[-1].split("?")[0]
        if method.startswith("app.bsky.feed.") and entry["status"] == 200:
            yield method, json.loads((RECORDED / Path(entry["file"]).name).read_text())


def post_views(value: Any) -> Iterator[dict[str, Any]]:
    """The post views anywhere in an answer, outermost ones alone."""
    if isinstance(value, dict) and {"uri", "cid", "author", "record", "indexedAt"} <= value.keys():
        if value["record"].get("$type") == "app.bsky.feed.post":
            yield value
    elif isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from post_views(child)


def note_shapes(value: Any, name: str, shapes: Shapes) -> None:
    """Notes the keys and types of each object, under its $type or else its place below the nearest one."""
    if isinstance(value, list):
        for item in value:
            note_shapes(item, name, shapes)
    elif isinstance(value, dict):
        name = str(value.get("$type", name))
        shapes.setdefault(name, []).append({key: {kind_of(child)} for key, child in value.items()})
        for key, child in value.items():
            # An author is the same kind of object in a view and in a quoted one, and bears no $type.
            note_shapes(child, key if key == "author" else f"{name}/{key}", shapes)


def kind_of(value: Any) -> str:
    """The JSON type of a value; booleans are no numbers."""
    names = {bool: "boolean", int: "number", float: "number", str: "text", list: "list", dict: "object"}
    return names.get(type(value), "null")


def differences(ours: Shapes, theirs: Shapes) -> list[str]:
    """Where our objects have a key, type or kind that theirs never has, or lack a key that theirs always have."""
    found = []
    for name, objects in ours.items():
        if name not in theirs:
            found.append(f"{name} does not occur in recorded answers")
            continue
        always = set.intersection(*(set(known) for known in theirs[name]))
        for one in objects:
            found += [f"{name} lacks {key}" for key in always - one.keys()]
            for key, kinds in one.items():
                known = set().union(*(other.get(key, set()) for other in theirs[name]))
                if not kinds <= known:
                    found.append(f"{name}.{key} is {kinds}, recorded: {known or 'absent'}")
    return sorted(set(found))


@pytest.fixture(scope="module")
def recorded() -> Shapes:
    """The shapes of all recorded post views, and of the answers that hold them."""
    shapes: Shapes = {}
    for method, answer in recorded_pages():
        if method in ("app.bsky.feed.searchPosts", "app.bsky.feed.getPosts"):
            note_shapes({key: value for key, value in answer.items() if key != "posts"}, method, shapes)
            shapes[method][-1]["posts"] = {kind_of(answer["posts"])}
        for view in post_views(answer):
            note_shapes(view, "view", shapes)
    for errors in ("repo_auth_cache__0_401.json", "r_post_errors__0_400.json"):
        note_shapes(json.loads((RECORDED / errors).read_text()), "error", shapes)
    return shapes


ANN = FeedAuthor(
    key="ann", platform="bluesky", handle="ann.northmoor.test", name="Ann", labels=("!no-unauthenticated",)
)
BEN = FeedAuthor(key="ben", platform="bluesky", handle="ben.elmbridge.test", name="Ben")


def entry(key: str, minute: int, text: str, author: str = "ann", **more: Any) -> FeedPost:
    return FeedPost(key=key, author=author, at=f"2026-10-08T12:{minute:02d}:00.000Z", text=text, **more)


FEED = Feed(
    (ANN, BEN),
    (
        entry("q1", 0, "Q1 #northmoor @ben.elmbridge.test https://northmoor.example", lang="en", alt_text=""),
        entry("a1", 1, "A1 #northmoor", "ben", reply_to="q1"),
        entry("quote", 2, "Just so #northmoor", "ben", quote_of="q1"),
        entry("both", 3, "Look #northmoor", "ben", quote_of="a1", alt_text="a chart"),
        entry("gone", 4, "Gone", deleted_at="2026-10-08T12:30:00.000Z"),
        entry("edited", 5, "Frist #northmoor", edits=(Edit(at="2026-10-08T12:30:00.000Z", text="First #northmoor"),)),
        *(entry(f"more{number}", 6, f"{number} #northmoor") for number in range(30)),
    ),
)


@pytest.fixture(scope="module")
def answers() -> Iterator[dict[str, Any]]:
    """The stage's answers by method."""
    app = build_bluesky(FEED, lambda: datetime(2026, 10, 8, 14, tzinfo=UTC), Faults())
    with serving(app) as base, httpx.Client(base_url=f"{base}/xrpc/") as http:
        wrong = http.post("com.atproto.server.createSession", json={"identifier": "x", "password": "y"})
        credentials = {"identifier": STAGE_HANDLE, "password": STAGE_PASSWORD}
        session = http.post("com.atproto.server.createSession", json=credentials).json()
        headers = {"authorization": f"Bearer {session['accessJwt']}"}
        search = [
            http.get("app.bsky.feed.searchPosts", params={"q": "#northmoor", "cursor": at}, headers=headers).json()
            for at in ("", "25")
        ]
        uris = [view["uri"] for view in search[0]["posts"]]
        posts = http.get("app.bsky.feed.getPosts", params={"uris": uris}, headers=headers).json()
        asked = {"uri": next(view["uri"] for view in search[0]["posts"] + search[1]["posts"] if is_first(view))}
        thread = http.get("app.bsky.feed.getPostThread", params=asked, headers=headers).json()
        quotes = http.get("app.bsky.feed.getQuotes", params=asked, headers=headers).json()
        yield {"search": search, "posts": posts, "thread": thread, "quotes": quotes, "error": wrong.json()}


def is_first(view: dict[str, Any]) -> bool:
    """Whether a view is of the post that others answer and quote."""
    return bool(view["record"]["text"].startswith("Q1"))


def test_the_stage_s_threads_and_quotes_have_the_recorded_shape(answers: dict[str, Any], recorded: Shapes) -> None:
    (real,) = [answer for method, answer in recorded_pages() if method == "app.bsky.feed.getPostThread"]
    thread = answers["thread"]["thread"]
    assert {key: kind_of(value) for key, value in thread.items()} == {
        key: kind_of(value) for key, value in real["thread"].items()
    }
    assert len(thread["replies"]) == 1
    (real,) = [answer for method, answer in recorded_pages() if method == "app.bsky.feed.getQuotes"]
    assert set(answers["quotes"]) <= set(real)
    assert len(answers["quotes"]["posts"]) == 1
    ours: Shapes = {}
    for view in post_views([thread, answers["quotes"]]):
        note_shapes(view, "view", ours)
    assert differences(ours, recorded) == []


def test_the_stage_s_searches_have_the_recorded_shape(answers: dict[str, Any], recorded: Shapes) -> None:
    ours: Shapes = {}
    for answer in answers["search"]:
        note_shapes(answer["posts"], "view", ours)
    assert len(ours["view"]) > 20
    assert {"app.bsky.embed.recordWithMedia#view", "app.bsky.richtext.facet#mention"} <= ours.keys()
    assert differences(ours, recorded) == []
    first, last = answers["search"]
    assert {key: {kind_of(value)} for key, value in first.items()} == recorded["app.bsky.feed.searchPosts"][0]
    assert set(last) == {"posts"}, "the last page has no cursor"


def test_the_stage_s_look_ups_have_the_recorded_shape(answers: dict[str, Any], recorded: Shapes) -> None:
    ours: Shapes = {}
    note_shapes(answers["posts"]["posts"], "view", ours)
    assert differences(ours, recorded) == []
    assert set(answers["posts"]) == set(recorded["app.bsky.feed.getPosts"][0])


def test_the_stage_s_errors_have_the_recorded_shape(answers: dict[str, Any], recorded: Shapes) -> None:
    ours: Shapes = {}
    note_shapes(answers["error"], "error", ours)
    assert differences(ours, recorded) == []
    assert answers["error"] == json.loads((RECORDED / "repo_auth_cache__0_401.json").read_text())


def test_a_strange_a_missing_and_a_mistyped_key_are_noticed(recorded: Shapes) -> None:
    for change, word in (({"extra": 1}, "extra"), ({"uri": None}, "uri"), ({"labels": "x"}, "labels")):
        ours: Shapes = {}
        view = {**next(view for _, answer in recorded_pages() for view in post_views(answer)), **change}
        note_shapes({key: value for key, value in view.items() if value is not None}, "view", ours)
        assert word in "".join(differences(ours, recorded))


def parse_recorded(views: list[dict[str, Any]]) -> Batch:
    body = json.dumps({"posts": views}).encode()
    return parse_page(
        RawPage(source="bluesky", format="search", origin="x", fetched_at="2025-06-01T00:00:00.000Z", body=body)
    )


def test_every_recorded_post_is_read_without_a_flaw() -> None:
    read = 0
    for method, answer in recorded_pages():
        views = list({view["uri"]: view for view in post_views(answer)}.values())
        batch = parse_recorded(views)
        primary = {post.native_ids[0].native_id: post for post in batch.posts if post.primary}
        assert set(primary) == {view["uri"] for view in views}, method
        assert batch.flaws == [], method
        for view in views:
            post = primary[view["uri"]]
            assert post.text == view["record"]["text"]
            assert (post.reply_to is not None) == ("reply" in view["record"])
            quotes_post = "/app.bsky.feed.post/" in json.dumps(view["record"].get("embed"))
            assert (post.quote_of is not None) == quotes_post
        read += len(views)
    assert read > 150
