"""The staged stream behaves as Jetstream's version 1 is written to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from archive.times import Clock
from chatkeep.stage.bluesky_views import Views, did_of
from chatkeep.stage.feed import Edit, Feed, FeedAuthor, FeedPost
from chatkeep.stage.jetstream import StreamFaults, build_jetstream
from chatkeep.stage.serving import serving

START = datetime(2026, 10, 8, 12, 0, tzinfo=UTC)
ANN = FeedAuthor(key="ann", platform="bluesky", handle="ann.test", name="Ann")


def entry(key: str, minute: int, text: str, **more: Any) -> FeedPost:
    return FeedPost(key=key, author="ann", at=f"2026-10-08T12:{minute:02d}:00.000Z", text=text, **more)


FEED = Feed(
    (ANN,),
    (
        entry("q1", 0, "Q1 #northmoor"),
        entry("edited", 1, "Frist #northmoor", edits=(Edit(at="2026-10-08T12:05:00.000Z", text="First #northmoor"),)),
        entry("repost", 2, "", repost_of="q1"),
        entry("gone", 3, "Oops #northmoor", deleted_at="2026-10-08T12:06:00.000Z"),
        entry("late", 4, "Late #northmoor", arrives_at="2026-10-08T12:20:00.000Z"),
    ),
)
KEYS = {Views(FEED).uri_of(post).rpartition("/")[2]: post.key for post in FEED.posts}
NEWS = ("2026-10-08T12:07:00.000Z", {"did": did_of(ANN), "kind": "account", "account": {"active": True}})


class Hour:
    """A clock that moves when told to."""

    def __init__(self, minutes: float) -> None:
        self.now = START + timedelta(minutes=minutes)

    def __call__(self) -> datetime:
        return self.now


@contextmanager
def staged(clock: Clock, faults: StreamFaults | None = None, **more: Any) -> Iterator[str]:
    app = build_jetstream(FEED, clock, faults, also=(NEWS,), **more)
    with serving(app) as base:
        yield f"{base.replace('http', 'ws', 1)}/subscribe?wantedCollections=app.bsky.feed.post"


def micros(minutes: float) -> int:
    return int((START + timedelta(minutes=minutes)).timestamp() * 1_000_000)


def events(connection: ClientConnection, count: int) -> list[dict[str, Any]]:
    return [json.loads(connection.recv(timeout=20)) for _ in range(count)]


def told(event: dict[str, Any]) -> tuple[str, str]:
    commit = event.get("commit")
    return (commit["operation"], KEYS[commit["rkey"]]) if commit else (event["kind"], "")


EVERYTHING = [
    *(("create", "q1"), ("create", "edited"), ("create", "gone"), ("update", "edited"), ("delete", "gone")),
    ("account", ""),
]


def test_a_cursor_replays_the_posts_edits_and_deletions_from_it_on() -> None:
    with staged(Hour(15)) as url:
        with connect(f"{url}&cursor={micros(0)}") as connection:
            heard = events(connection, 6)
        with connect(f"{url}&cursor={micros(5)}") as connection:
            assert [told(event) for event in events(connection, 3)] == EVERYTHING[3:]
        with connect(f"{url}&cursor=2") as connection:
            assert told(events(connection, 1)[0]) == ("create", "edited")
    assert [told(event) for event in heard] == EVERYTHING
    assert heard[0]["time_us"] == micros(0)
    assert heard[0]["commit"]["record"]["text"] == "Q1 #northmoor"
    assert heard[3]["commit"]["record"]["text"] == "First #northmoor"
    assert "record" not in heard[4]["commit"]
    revs = [event["commit"]["rev"] for event in heard[:5]]
    assert revs == sorted(set(revs))


def test_without_a_filter_reposts_come_too() -> None:
    with staged(Hour(15)) as url, connect(f"{url.partition('?')[0]}?cursor={micros(0)}") as connection:
        collections = [event["commit"]["collection"] for event in events(connection, 3)]
    assert collections[2] == "app.bsky.feed.repost"
    with staged(Hour(15)) as url, connect(f"{url[:-4]}*&cursor={micros(0)}") as connection:
        assert [told(event) for event in events(connection, 3)][2] == ("create", "repost")


def test_a_listener_without_a_cursor_or_with_one_to_come_hears_what_comes() -> None:
    for cursor in ("", f"&cursor={micros(9999)}"):
        hour = Hour(15)
        with staged(hour) as url, connect(url + cursor) as connection:
            connection.ping().wait(20)
            hour.now = START + timedelta(minutes=21)
            assert told(events(connection, 1)[0]) == ("create", "late")


def test_a_cursor_older_than_the_lookback_is_moved_up() -> None:
    with staged(Hour(15), lookback=timedelta(minutes=10.5)) as url, connect(f"{url}&cursor={micros(0)}") as connection:
        assert told(events(connection, 1)[0]) == ("update", "edited")


@pytest.mark.parametrize("cursor", ["abc", "-5", "1.5"])
def test_a_cursor_that_is_none_is_refused(cursor: str) -> None:
    with staged(Hour(15)) as url, pytest.raises(InvalidStatus) as caught, connect(f"{url}&cursor={cursor}"):
        pass
    assert caught.value.response.status_code == 400
    assert caught.value.response.body == b"subscribe: invalid cursor\n"


def test_faults_come_as_asked_for() -> None:
    faults = StreamFaults(refuse=(503,), doubles=True, drop_every=2)
    with staged(Hour(15), faults) as url:
        replay = f"{url}&cursor={micros(0)}"
        with pytest.raises(InvalidStatus) as caught, connect(replay):
            pass
        assert caught.value.response.status_code == 503
        with connect(replay) as connection:
            heard = [told(event) for event in events(connection, 4)]
            assert heard == [("create", "q1")] * 2 + [("create", "edited")] * 2
            with pytest.raises(ConnectionClosed):
                connection.recv(timeout=20)
        faults.doubles, faults.drop_every, faults.deletes_first = False, None, True
        with connect(replay) as connection:
            heard = [told(event) for event in events(connection, 6)]
            assert heard.index(("create", "gone")) == heard.index(("delete", "gone")) + 1
            faults.cut()
            with pytest.raises(ConnectionClosed):
                connection.recv(timeout=20)
        faults.silent = True
        with connect(replay) as connection, pytest.raises(TimeoutError):
            connection.recv(timeout=0.3)
