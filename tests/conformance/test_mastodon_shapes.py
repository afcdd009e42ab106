"""The staged Mastodon answers in the shapes of real servers, and every recorded post can be read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx_sse import EventSource

from archive.models import Batch, Chat, RawPage
from chatkeep.stage.faults import Faults
from chatkeep.stage.feed import Edit, Feed, FeedAuthor, FeedPost
from chatkeep.stage.mastodon import build_mastodon
from chatkeep.stage.mastodon_shapes import Server
from chatkeep.stage.serving import serving
from collector.sources.base import Plan, Purpose
from collector.sources.mastodon import MastodonSource
from collector.sources.mastodon_answers import public_event
from collector.sources.mastodon_parse import parse_page

pytestmark = pytest.mark.conformance

CHAT = Chat(slug="northmoor", title="Northmoor hour", hashtags=("northmoor",))
NOW = datetime(2026, 10, 9, 9, 0, tzinfo=UTC)
RECORDED_ON = datetime(2026, 8, 2, tzinfo=UTC)
# Shown to signed-in callers alone, or to the post's own author.
_PERSONAL = {"favourited", "reblogged", "muted", "bookmarked", "pinned", "filtered", "application"}
_STATUS = {"uri", "account", "visibility"}

Shape = dict[str, set[str]]


@pytest.fixture(scope="module")
def recorded() -> list[tuple[dict[str, Any], Any]]:
    """Each recorded GET that answered JSON: its line of the index, and the answer."""
    folder = os.environ.get("CHATKEEP_REAL_DATA")
    if not folder:
        pytest.skip("no real data here: CHATKEEP_REAL_DATA names no folder")
    root = next(path for path in (Path(folder), Path(folder) / "fixtures") if (path / "mastodon").is_dir())
    found = []
    for index in sorted(root.glob("mastodon/*/INDEX.jsonl")):
        for line in index.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            path = root / entry["file"]
            if path.suffix == ".json" and path.is_file() and path.stat().st_size:
                found.append((entry, json.loads(path.read_bytes())))
    assert len(found) > 1_000
    return found


def _statuses(answer: Any) -> Iterator[dict[str, Any]]:
    """Every status anywhere in an answer."""
    if isinstance(answer, dict):
        if answer.keys() >= _STATUS:
            yield answer
        for value in answer.values():
            yield from _statuses(value)
    elif isinstance(answer, list):
        for value in answer:
            yield from _statuses(value)


def _shape(value: Any, path: str = "", into: Shape | None = None) -> Shape:
    """The types at each path; items of a list share one path, and so do posts within posts."""
    into = {} if into is None else into
    into.setdefault(path, set()).add(type(value).__name__)
    if isinstance(value, dict):
        path = "post" if value.keys() >= _STATUS else path
        for name, each in value.items():
            _shape(each, f"{path}.{name}", into)
    elif isinstance(value, list):
        for each in value:
            _shape(each, f"{path}[]", into)
    return into


def _joined(shapes: Iterator[dict[str, Any]]) -> Shape:
    joined: Shape = {}
    for each in shapes:
        _shape(each, "", joined)
    return joined


def _feed() -> Feed:
    def author(key: str, handle: str) -> FeedAuthor:
        return FeedAuthor(
            key=key, platform="mastodon", handle=handle, name=key.title(), bio=f"{key} of #Northmoor", labels=("bot",)
        )

    def post(key: str, author: str, text: str, **more: Any) -> FeedPost:
        return FeedPost(key=key, author=author, at=f"2026-10-08T12:0{len(key)}:00.000Z", text=text, **more)

    posts = (
        post(
            "q",
            "ann",
            "Q1 What works? #northmoor\n\nSee https://www.northmoor.example/a/long/path/to/a/page",
            lang="en",
        ),
        post("aa", "bob", "A1 @ann@mastodon.stage.example maps! #northmoor", reply_to="q", alt_text="A map"),
        post("bbb", "ann", "This, from @bob@social.example #northmoor", quote_of="aa"),
        post("cccc", "bob", "first #northmoor", edits=(Edit(at="2026-10-08T12:30:00.000Z", text="second #northmoor"),)),
        post("ddddd", "ann", "", repost_of="aa"),
    )
    return Feed((author("ann", "ann"), author("bob", "bob@social.example")), posts)


@pytest.fixture(params=[None, "secret"], ids=["anonymous", "signed in"])
def stage(request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    app = build_mastodon(_feed(), lambda: NOW, Faults(), token=request.param)
    headers = {"authorization": f"Bearer {request.param}"} if request.param else {}
    with serving(app) as base, httpx.Client(base_url=base, headers=headers) as client:
        yield client


def test_staged_posts_have_the_keys_and_types_of_recorded_ones(recorded: Any, stage: httpx.Client) -> None:
    real = [each for _, answer in recorded for each in _statuses(answer)]
    newest = [each for each in real if "tagged_collections" in each and "content" in each]
    required = set.intersection(*(set(each) for each in newest)) - _PERSONAL
    known = _joined(iter(real))
    server = Server(_feed(), "mastodon.stage.example")
    ids = httpx.QueryParams([("id[]", str(server.id_of(post))) for post in _feed().posts])
    answers = [stage.get("/api/v1/timelines/tag/northmoor").json(), stage.get("/api/v1/statuses", params=ids).json()]
    assert [len(answer) for answer in answers] == [4, 5]
    for status in _statuses(answers):
        assert required <= status.keys()
        for path, types in _shape(status).items():
            assert types <= known[path], path


def test_signed_in_and_anonymous_answers_differ_as_recorded(recorded: Any, stage: httpx.Client) -> None:
    anonymous = {"favourited", "filtered"}.isdisjoint(stage.get("/api/v1/timelines/tag/northmoor").json()[0])
    assert anonymous == ("authorization" not in stage.headers)
    entry, answer = next(pair for pair in recorded if "get_timeline_hashtag_anonymous" in pair[0]["file"])
    assert all({"favourited", "filtered"}.isdisjoint(each) for each in answer), entry["file"]


def test_staged_server_describes_itself_in_the_recorded_shape(recorded: Any, stage: httpx.Client) -> None:
    real = _joined(answer for entry, answer in recorded if "/api/v2/instance" in entry["uri"])
    shape = _shape(stage.get("/api/v2/instance").json())
    assert {path: types for path, types in shape.items() if not types <= real.get(path, set())} == {}


def test_staged_account_and_errors_have_the_recorded_shape(recorded: Any, stage: httpx.Client) -> None:
    accounts = _joined(a for e, a in recorded if "verify_credentials" in e["uri"] and e["status"] == 200)
    errors = _joined(answer for entry, answer in recorded if entry["status"] in (401, 404))
    own = stage.get("/api/v1/accounts/verify_credentials")
    for path, types in _shape(own.json()).items():
        assert types <= (accounts if own.status_code == 200 else errors)[path], path
    missing = stage.get("/api/v1/statuses/1")
    assert (missing.status_code, missing.json()) == (404, {"error": "Not Found"})
    assert _shape(missing.json()) == {path: errors[path] for path in ("", ".error")}


def test_staged_headers_are_those_of_a_recorded_hashtag_page(recorded: Any, stage: httpx.Client) -> None:
    entry = next(e for e, _ in recorded if "timelines/tag" in e["uri"] and "link" in e["headers"])
    headers = stage.get("/api/v1/timelines/tag/northmoor?limit=2").headers
    assert {"link", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"} <= set(entry["headers"])
    assert set(entry["headers"]) <= set(headers)
    assert len(headers["x-ratelimit-reset"]) == len("2026-08-01T13:55:00.070144Z")


def _fetched(answer: Any) -> Batch:
    """The answer as the source keeps and reads it."""
    body = json.dumps(answer if isinstance(answer, list) else [answer]).encode()
    client = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=body)))
    source = MastodonSource(client, lambda: RECORDED_ON, servers=["https://recorded.example"])
    plan = Plan(key="k", purpose="tag", query="any", server="https://recorded.example")
    return source.parse(source.fetch(plan, None))


def test_every_recorded_public_post_is_read_and_no_other_kept(recorded: Any) -> None:
    read = 0
    for entry, answer in recorded:
        statuses = [answer] if isinstance(answer, dict) and "uri" in answer and "account" in answer else answer
        if not isinstance(statuses, list) or not statuses or "account" not in statuses[0] or "uri" not in statuses[0]:
            continue
        batch = _fetched(statuses)
        public = {
            f"mastodon:{each['uri']}"
            for each in statuses
            if each["visibility"] in ("public", "unlisted")
            and (each["reblog"] is None or each["reblog"]["visibility"] in ("public", "unlisted"))
        }
        assert {post.id for post in batch.posts if post.primary} == public, entry["file"]
        assert not batch.flaws, entry["file"]
        assert {post.author for post in batch.posts} <= {author.id for author in batch.authors}
        assert all("@" in (author.handle or "") for author in batch.authors)
        read += len(public)
    assert read > 900


def test_recorded_texts_hold_no_markup_and_all_their_tags(recorded: Any) -> None:
    posts = 0
    for _, answer in recorded:
        for status in _statuses(answer):
            if not status.get("content") or status["visibility"] != "public" or status["reblog"]:
                continue
            (post, *_) = _fetched(status).posts
            assert not any(mark in post.text for mark in ("</", "<p", "<br", "<span", "<a ", "&amp;", "&#39;"))
            assert {tag["name"].lower() for tag in status["tags"]} <= set(post.tags)
            posts += 1
    assert posts > 500


def _asked(purpose: Purpose, response: httpx.Response) -> tuple[MastodonSource, RawPage]:
    client = httpx.Client(transport=httpx.MockTransport(lambda _: response))
    source = MastodonSource(client, lambda: RECORDED_ON, servers=["https://recorded.example"])
    (plan,) = source.plans(purpose, CHAT, refs=("https://recorded.example 1",))
    return source, source.fetch(plan, None)


def test_every_recorded_thread_is_read_whole_and_the_staged_one_has_its_shape(
    recorded: Any, stage: httpx.Client
) -> None:
    threads = [answer for entry, answer in recorded if "/context" in entry["uri"] and entry["status"] == 200]
    assert len(threads) >= 8
    for answer in threads:
        source, page = _asked("thread", httpx.Response(200, json=answer))
        batch = source.parse(page)
        posts = [each for name in ("ancestors", "descendants") for each in answer[name]]
        public = {f"mastodon:{each['uri']}" for each in posts if each["visibility"] in ("public", "unlisted")}
        assert {post.id for post in batch.posts if post.primary} == public
        assert not batch.flaws
    native_id = Server(_feed(), "mastodon.stage.example").id_of(_feed().by_key["q"])
    own = stage.get(f"/api/v1/statuses/{native_id}/context").json()
    assert own.keys() == threads[0].keys()
    assert len(own["descendants"]) == 1


def test_events_of_recorded_streams_are_read_and_no_private_one_kept() -> None:
    folder = os.environ.get("CHATKEEP_REAL_DATA")
    if not folder:
        pytest.skip("no real data here: CHATKEEP_REAL_DATA names no folder")
    files = sorted(Path(folder).rglob("mastodon/mastodonpy/test_stream_*_200.txt"))
    streams = [path.read_bytes() for path in files if b"\nevent: " in path.read_bytes()]
    assert streams
    kept = 0
    for body in streams:
        response = httpx.Response(200, content=body, headers={"content-type": "text/event-stream"})
        said = [public_event(each.event, each.data) for each in EventSource(response).iter_sse()]
        lines = "\n".join(json.dumps(each) for each in said if each is not None).encode()
        page = RawPage(
            source="mastodon", format="stream", origin="recorded.example", server="https://recorded.example",
            fetched_at="2026-08-02T00:00:00.000Z", body=lines,
        )  # fmt: skip
        batch = parse_page(page)
        assert b'"visibility\\": \\"direct' not in lines
        assert b'"visibility\\":\\"direct' not in lines
        assert {flaw.detail.partition("'s event ")[0] for flaw in batch.flaws} <= {"the stream"}
        kept += len(batch.posts) + len(batch.deletions)
    assert kept > 0
