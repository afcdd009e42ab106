"""The staged Mastodon streams, threads and keeps people out as Mastodon does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from archive.times import from_text, shift
from chatkeep.stage.faults import Faults
from chatkeep.stage.feed import Edit, Feed, FeedAuthor, FeedPost
from chatkeep.stage.mastodon import build_mastodon
from chatkeep.stage.mastodon_shapes import Access, Server
from chatkeep.stage.mastodon_stream import StreamFaults, events_of
from chatkeep.stage.serving import serving

START = "2026-10-08T12:00:00.000Z"
HOST = "mastodon.stage.example"
TAG = "/api/v1/timelines/tag/northmoor"
STREAM = "/api/v1/streaming/hashtag"
BEARER = {"authorization": "Bearer right"}
AUTHORS = (
    FeedAuthor(key="ann", platform="mastodon", handle="ann", name="Ann"),
    FeedAuthor(key="bob", platform="mastodon", handle="bob@far.example", name="Bob"),
)


def post(key: str, minute: float, text: str = "Hello #northmoor", author: str = "bob", **more: Any) -> FeedPost:
    return FeedPost(key=key, author=author, at=shift(START, minutes=minute), text=text, **more)


@dataclass
class Stage:
    client: httpx.Client
    feed: Feed
    faults: StreamFaults
    now: datetime


@contextmanager
def staged(*posts: FeedPost, token: str | None = "right", **access: Any) -> Iterator[Stage]:
    feed, faults, holder = Feed(AUTHORS, posts), StreamFaults(), list[Stage]()
    app = build_mastodon(
        feed,
        lambda: holder[0].now if holder else from_text(START),
        Faults(),
        host=HOST,
        token=token,
        access=Access(**access) if access else None,
        stream_faults=faults,
    )
    with serving(app) as base, httpx.Client(base_url=base) as client:
        holder.append(Stage(client, feed, faults, from_text(START)))
        yield holder[0]


def heard(stage: Stage, count: int, minutes: float = 60) -> list[str]:
    """The first lines that a connection gives, once the clock is set on after its greeting."""
    found: list[str] = []
    with stage.client.stream("GET", STREAM, params={"tag": "Northmoor"}, headers=BEARER) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        for line in response.iter_lines():
            if not found:
                stage.now += timedelta(minutes=minutes)
            found.append(line)
            if len(found) == count:
                break
    return found


def names(stage: Stage) -> list[tuple[str, str]]:
    events = events_of(Server(stage.feed, HOST), "northmoor", stage.faults)
    return [(event.name, event.post.key) for event in events]


def test_a_stream_greets_sends_events_and_beats_each_fifteen_seconds() -> None:
    with staged(post("past", -1), post("a", 1)) as stage:
        lines = heard(stage, 5)
        assert (lines[0], lines[1], lines[3], lines[4]) == (":)", "event: update", "", ":thump")
        streamed = json.loads(lines[2].removeprefix("data: "))
        (fresh, _) = stage.client.get(TAG, headers=BEARER).json()
        assert streamed == {name: fresh[name] for name in streamed}
        assert fresh.keys() - streamed.keys() == {"favourited", "reblogged", "muted", "bookmarked", "filtered"}


def test_a_reconnect_replays_nothing() -> None:
    with staged(post("a", 1)) as stage:
        assert "event: update" in heard(stage, 4)
        assert heard(stage, 2, minutes=1) == [":)", ":thump"]


def test_the_stream_tells_of_arrivals_edits_and_deletions_in_their_order() -> None:
    posts = (
        post("edited", 1, edits=(Edit(at=shift(START, minutes=9), text="Now #northmoor"),)),
        post("tag added", 2, "Hello", edits=(Edit(at=shift(START, minutes=8), text="Hello #northmoor"),)),
        post("tag gone", 3, edits=(Edit(at=shift(START, minutes=7), text="Hello"),)),
        post("gone", 4, deleted_at=shift(START, minutes=6)),
        post("never here", 4, arrivals={HOST: None}),
        post("late", 4, arrivals={HOST: shift(START, minutes=30)}),
        post("old fetched", -600, arrivals={HOST: shift(START, minutes=31)}),
        post("unlisted", 5, visibility="unlisted"),
        post("boost", 5, repost_of="late"),
    )
    with staged(*posts) as stage:
        assert names(stage) == [
            ("update", "edited"), ("update", "tag gone"), ("update", "gone"), ("delete", "gone"),
            ("status.update", "tag added"), ("status.update", "edited"), ("update", "late"),
        ]  # fmt: skip
        stage.faults.delete_first = True
        gone = [event for event in names(stage) if event[1] == "gone"]
        assert gone == [("delete", "gone"), ("update", "gone")]


def test_faults_drop_double_and_silence_a_stream() -> None:
    with staged(*(post(f"p{n}", n + 1) for n in range(4))) as stage:
        stage.faults.drop_after, stage.faults.double = 2, True
        assert heard(stage, 99).count("event: update") == 4
        stage.now = from_text(START)
        stage.faults.silent = True
        headers = {"timeout": httpx.Timeout(5, read=0.3)}
        with (
            stage.client.stream("GET", STREAM, params={"tag": "northmoor"}, headers=BEARER, **headers) as response,  # type: ignore[arg-type]  # mypy takes the timeout for any argument
            pytest.raises(httpx.ReadTimeout),
        ):
            list(response.iter_lines())


@pytest.mark.parametrize(
    ("headers", "access", "status"),
    [
        ({}, {}, 401),
        ({"authorization": "Bearer wrong"}, {}, 401),
        (BEARER, {"scope": "write"}, 401),
        (BEARER, {"streams": False}, 404),
    ],
)
def test_a_stream_is_for_signed_in_users_alone(headers: dict[str, str], access: dict[str, Any], status: int) -> None:
    with staged(**access) as stage:
        response = stage.client.get(STREAM, params={"tag": "northmoor"}, headers=headers)
        assert response.status_code == status
        assert list(response.json()) == ["error"]
        assert stage.client.get(STREAM, headers=BEARER).status_code in (400, 401, 404)


@pytest.mark.parametrize(
    ("access", "anonymous", "only_local", "bearer"),
    [
        ({"local": "public"}, 2, 1, 2),
        ({"remote": "authenticated"}, 422, 1, 2),
        ({"local": "authenticated"}, 422, 422, 2),
        ({"remote": "disabled"}, 422, 1, 1),
        ({"local": "disabled", "remote": "disabled"}, 422, 422, 0),
        ({"closed": True}, 401, 401, 2),
        ({"scope": "write"}, 2, 1, 403),
    ],
)
def test_hashtags_are_shown_to_whom_the_settings_let(
    access: dict[str, Any], anonymous: int, only_local: int, bearer: int
) -> None:
    def ask(**more: Any) -> int:
        response = stage.client.get(TAG, **more)
        return len(response.json()) if response.status_code == 200 else response.status_code

    with staged(post("own", -2, author="ann"), post("far", -1), **access) as stage:
        assert (ask(), ask(params={"local": "true"}), ask(headers=BEARER)) == (anonymous, only_local, bearer)
        told = stage.client.get("/api/v2/instance")
        assert told.status_code == 200
        feeds = told.json()["configuration"]["timelines_access"]["hashtag_feeds"]
        assert feeds == {"local": access.get("local", "public"), "remote": access.get("remote", "public")}


def test_an_older_server_says_nothing_of_access_and_names_its_streaming_host() -> None:
    with staged(told=False) as stage:
        configuration = stage.client.get("/api/v2/instance").json()["configuration"]
        assert "timelines_access" not in configuration
        assert configuration["urls"]["streaming"] == f"ws://{stage.client.base_url.netloc.decode()}"


def test_a_post_arrives_at_each_server_at_its_own_time_or_never() -> None:
    late = shift(START, minutes=30)
    posts = (post("a", -1, arrivals={"one.example": late, "two.example": None}),)
    feed = Feed(AUTHORS, posts)
    now = from_text(START)
    servers = [Server(feed, host) for host in ("one.example", "two.example", HOST)]
    assert [server.shows(posts[0], now) for server in servers] == [False, False, True]
    assert [server.shows(posts[0], now + timedelta(hours=1)) for server in servers] == [True, False, True]
    ids = [server.id_of(posts[0]) >> 16 for server in servers]
    moments = [datetime.fromtimestamp(each / 1000, UTC) for each in ids]
    assert moments[0] - moments[2] == timedelta(minutes=31)


def test_a_thread_is_what_is_above_and_what_is_below_as_far_as_it_can_be_seen() -> None:
    posts = (
        post("top", -9), post("mid", -8, reply_to="top"), post("asked", -7, reply_to="mid"),
        post("first", -6, reply_to="asked"), post("second", -5, reply_to="asked"),
        post("under first", -4, reply_to="first"), post("private", -3, reply_to="asked", visibility="private"),
        *(post(f"n{n}", -2, reply_to="second") for n in range(70)),
    )  # fmt: skip
    with staged(*posts, token=None) as stage:
        server = Server(stage.feed, HOST)
        keys = {str(server.id_of(each)): each.key for each in posts}
        ids = {key: native_id for native_id, key in keys.items()}
        answer = stage.client.get(f"/api/v1/statuses/{ids['asked']}/context").json()
        assert [keys[each["id"]] for each in answer["ancestors"]] == ["top", "mid"]
        below = [keys[each["id"]] for each in answer["descendants"]]
        assert below[:3] == ["first", "under first", "second"]
        assert len(below) == 60
        for native_id in (ids["private"], "1"):
            missing = stage.client.get(f"/api/v1/statuses/{native_id}/context")
            assert (missing.status_code, missing.json()) == (404, {"error": "Not Found"})
