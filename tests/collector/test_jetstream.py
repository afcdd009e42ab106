"""JetstreamStream against a staged stream: nothing lost, whatever the connection does."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from jetstream_ground import account, identity

from archive.errors import Retriable, SettingsError
from archive.models import Batch, Post
from archive.times import Clock, from_text
from chatkeep.stage.bluesky_views import Views, did_of
from chatkeep.stage.feed import Edit, Feed, FeedAuthor, FeedPost
from chatkeep.stage.jetstream import StreamFaults, build_jetstream
from chatkeep.stage.serving import serving
from collector.sources.base import Channel, Heard
from collector.sources.jetstream import JetstreamStream

START = datetime(2026, 10, 8, 12, 0, tzinfo=UTC)
ANN = FeedAuthor(key="ann", platform="bluesky", handle="ann.test", name="Ann")
BEN = FeedAuthor(key="ben", platform="bluesky", handle="ben.test", name="Ben")
NORTHMOOR = Channel("northmoor", frozenset({"northmoor"}))
ELM = Channel("elm", frozenset({"elm"}))
DEADLINE_SECONDS = 60.0


class Hour:
    """A clock that moves when told to."""

    def __init__(self, minutes: float = 0) -> None:
        self.now = START + timedelta(minutes=minutes)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **delta: float) -> None:
        self.now += timedelta(**delta)


def entry(number: int, text: str = "", author: str = "ann", **more: Any) -> FeedPost:
    at = f"2026-10-08T12:{number // 60:02d}:{number % 60:02d}.000Z"
    return FeedPost(key=f"p{number}", author=author, at=at, text=text or f"Tip {number} #northmoor", **more)


HOUR = Feed(
    (ANN, BEN),
    (
        *(entry(number) for number in range(1, 241, 2)),
        *(entry(number, f"Other words {number} #elms", "ben") for number in range(2, 241, 2)),
        entry(300, "Both #elm #northmoor"),
        entry(310, "Frist #northmoor", edits=(Edit(at="2026-10-08T12:06:00.000Z", text="First #northmoor"),)),
        entry(320, "Oops #northmoor", "ben", deleted_at="2026-10-08T12:07:00.000Z"),
    ),
)
VIEWS = Views(HOUR)


def micros(minutes: float) -> str:
    return str(int((START + timedelta(minutes=minutes)).timestamp() * 1_000_000))


def uris(text: str) -> set[str]:
    """The posts of HOUR that bear a text."""
    return {VIEWS.uri_of(post) for post in HOUR.posts if text in post.text}


@contextmanager
def staged(clock: Clock, faults: StreamFaults | None = None, **more: Any) -> Iterator[JetstreamStream]:
    with serving(build_jetstream(more.pop("feed", HOUR), clock, faults, **more)) as base:
        yield JetstreamStream(clock, url=f"{base.replace('http', 'ws', 1)}/subscribe", silence_seconds=3.0)


@contextmanager
def hearing(stream: JetstreamStream, cursor: str | None, *channels: Channel) -> Iterator[Iterator[Heard]]:
    """What one connection tells, closed in the end."""
    with closing(stream.listen(channels, cursor, threading.Event())) as told:  # type: ignore[type-var]  # a generator
        yield told


class Listener:
    """Listens as a collector does: keeps what it is told, and goes on from the last cursor when a connection ends."""

    def __init__(self, stream: JetstreamStream, cursor: str | None, *channels: Channel) -> None:
        self.stream = stream
        self.cursor = cursor
        self.channels = channels or (NORTHMOOR,)
        self.heard: list[Heard] = []
        self.batches: list[tuple[str, Batch]] = []
        self.errors: list[Retriable] = []

    def until(self, *uris: str, deleted: str = "") -> None:
        """Listens until every one of these posts is known, and that one deleted."""
        ends_at = time.monotonic() + DEADLINE_SECONDS
        while not self.knows(set(uris), deleted):
            assert time.monotonic() < ends_at, "not everything was heard"
            try:
                with hearing(self.stream, self.cursor, *self.channels) as told:
                    for heard in told:
                        self.keep(heard)
                        if self.knows(set(uris), deleted) or time.monotonic() > ends_at:
                            break
            except Retriable as error:
                self.errors.append(error)

    def keep(self, heard: Heard) -> None:
        self.heard.append(heard)
        self.cursor = heard.cursor
        if heard.page is not None:
            assert heard.page.next_cursor == heard.cursor
            self.batches.append((heard.chat, self.stream.parse(heard.page)))

    def knows(self, wanted: set[str], deleted: str) -> bool:
        gone = {deletion.ref.native_id for _, batch in self.batches for deletion in batch.deletions}
        return wanted <= self.posts().keys() and (not deleted or deleted in gone)

    def posts(self, chat: str = "") -> dict[str, list[Post]]:
        """Every wording heard, by address."""
        found: dict[str, list[Post]] = {}
        for slug, batch in self.batches:
            for post in batch.posts if chat in ("", slug) else ():
                found.setdefault(post.native_ids[0].native_id, []).append(post)
        return found

    def gaps(self) -> list[str]:
        return [heard.gap_from for heard in self.heard if heard.gap_from]


def test_a_replay_from_a_cursor_hears_every_post_of_the_chat_and_no_other() -> None:
    with staged(Hour(minutes=30)) as stream:
        listener = Listener(stream, micros(0))
        listener.until(*uris("#northmoor"))
    assert set(listener.posts()) == uris("#northmoor")
    assert all(batch.flaws == [] for _, batch in listener.batches)
    assert listener.gaps() == []
    first = listener.heard[0]
    assert first.page is not None
    assert first.page.format == "jetstream"
    assert (first.page.source, first.page.http_status) == ("bluesky", 101)
    assert "wantedCollections=app.bsky.feed.post" in first.page.url


def test_a_page_is_bounded_and_the_cursor_goes_on_from_page_to_page() -> None:
    feed = Feed((ANN,), tuple(entry(number) for number in range(700)))
    with staged(Hour(minutes=30), feed=feed) as stream:
        listener = Listener(stream, micros(0))
        listener.until(*map(Views(feed).uri_of, feed.posts))
    sizes = [heard.page.body.count(b"\n") + 1 for heard in listener.heard if heard.page]
    assert max(sizes) <= 200
    cursors = [int(heard.cursor or 0) for heard in listener.heard]
    assert cursors == sorted(cursors)


def test_without_a_cursor_the_stream_tells_what_comes_now() -> None:
    hour = Hour(minutes=4.9)
    with staged(hour) as stream, hearing(stream, None, NORTHMOOR) as told:
        assert next(told) == Heard()  # a sign of life: the connection stands, and nothing has come
        hour.pass_by(seconds=10)
        heard = next(heard for heard in told if heard.page)
    assert heard.page is not None
    assert {post.text for post in stream.parse(heard.page).posts} == {"Both #elm #northmoor"}
    assert heard.cursor == micros(5)


def test_events_that_nobody_wants_move_the_cursor_too() -> None:
    with staged(Hour(minutes=30)) as stream, hearing(stream, micros(0), Channel("x", frozenset({"x"}))) as told:
        heard = next(told)
    assert heard == Heard(cursor=micros(7))


def test_one_connection_serves_many_chats_and_only_the_last_page_moves_the_cursor_on() -> None:
    with staged(Hour(minutes=30)) as stream, hearing(stream, micros(4.5), NORTHMOOR, ELM) as told:
        one, other = next(told), next(told)
    assert {one.chat, other.chat} == {"northmoor", "elm"}
    assert (one.cursor, other.cursor) == (micros(4.5), micros(7))
    assert [heard.page.next_cursor for heard in (one, other) if heard.page] == [micros(4.5), micros(7)]


def test_a_stream_that_drops_every_few_events_loses_nothing() -> None:
    with staged(Hour(minutes=30), StreamFaults(drop_every=20, doubles=True)) as stream:
        listener = Listener(stream, micros(0))
        listener.until(*uris("#northmoor"))
    assert set(listener.posts()) == uris("#northmoor")
    assert len(listener.errors) > 5
    assert "ended the connection" in str(listener.errors[0])


def test_a_stream_that_drops_before_it_says_anything_new_is_asked_for_less_of_the_old() -> None:
    with staged(Hour(minutes=30), StreamFaults(drop_every=4)) as stream:
        listener = Listener(stream, micros(3.8))
        listener.until(*uris("Both"))
    assert len(listener.errors) < 20


def test_edits_and_deletions_reach_the_chat() -> None:
    edited, gone = uris("Frist").pop(), uris("Oops").pop()
    with staged(Hour(minutes=30)) as stream:
        listener = Listener(stream, micros(5))
        listener.until(edited, deleted=gone)
    wordings = listener.posts()[edited]
    assert [post.text for post in wordings] == ["Frist #northmoor", "First #northmoor"]
    assert wordings[1].observed_at == "2026-10-08T12:06:00.000Z"


def test_a_delete_that_comes_before_its_post_still_deletes_it() -> None:
    gone = uris("Oops").pop()
    with staged(Hour(minutes=30), StreamFaults(deletes_first=True)) as stream:
        listener = Listener(stream, micros(6.9))
        listener.until(gone, deleted=gone)
    (batch,) = [batch for _, batch in listener.batches if batch.posts]
    assert [deletion.ref.native_id for deletion in batch.deletions] == [gone]


def test_news_of_an_account_reaches_the_chats_that_know_its_author() -> None:
    did = did_of(BEN)
    events = (account(did, active=False, status="deactivated"), identity("benjamin.test", did))
    timeless = [{key: value for key, value in event.items() if key != "time_us"} for event in events]
    news = [("2026-10-08T12:08:00.000Z", event) for event in timeless]
    known = Channel("northmoor", frozenset({"northmoor"}), frozenset({f"bluesky:{did}"}))
    with staged(Hour(minutes=30), also=news) as stream, hearing(stream, micros(7.5), known) as told:
        heard = next(heard for heard in told if heard.page)
    assert heard.page is not None
    batch = stream.parse(heard.page)
    assert [(state.author, state.reason) for state in batch.author_states] == [(f"bluesky:{did}", "unavailable")]
    assert [author.handle for author in batch.authors] == ["benjamin.test"]


def test_a_cursor_that_was_moved_up_is_told_once_as_a_gap() -> None:
    with staged(Hour(minutes=30), lookback=timedelta(minutes=27)) as stream:
        listener = Listener(stream, micros(0.5))
        listener.until(*uris("Both"))
    assert listener.gaps() == ["2026-10-08T12:00:30.000Z"]
    assert listener.heard[0].gap_from


def test_a_cursor_from_the_future_is_a_gap_from_what_comes() -> None:
    hour = Hour(minutes=4.9)
    with staged(hour) as stream, hearing(stream, micros(600), NORTHMOOR) as told:
        next(told)
        hour.pass_by(seconds=10)
        heard = next(heard for heard in told if heard.page)
    assert heard.gap_from == "2026-10-08T12:05:00.000Z"


@pytest.mark.parametrize("cursor", ["abc", "7", "٣", "9" * 30])
def test_a_cursor_that_is_none_is_not_sent_and_told_as_a_gap(cursor: str) -> None:
    hour = Hour(minutes=4.9)
    with staged(hour) as stream, hearing(stream, cursor, NORTHMOOR) as told:
        next(told)
        hour.pass_by(seconds=10)
        heard = next(heard for heard in told if heard.page)
    assert heard.gap_from == "2026-10-08T12:05:00.000Z"


def test_a_cursor_that_the_server_refuses_is_dropped_and_told_as_a_gap() -> None:
    hour = Hour(minutes=4.9)
    with staged(hour, StreamFaults(refuse=(400,))) as stream, hearing(stream, micros(3), NORTHMOOR) as told:
        next(told)
        hour.pass_by(seconds=10)
        heard = next(heard for heard in told if heard.page)
    assert heard.gap_from == "2026-10-08T12:03:00.000Z"


def test_a_refused_handshake_a_closed_port_and_silence_are_worth_another_try() -> None:
    faults = StreamFaults(refuse=(503, 400, 400))
    with staged(Hour(minutes=30), faults) as stream:
        for status in (503, 400):
            with pytest.raises(Retriable) as caught:
                next(stream.listen([NORTHMOOR], micros(0), threading.Event()))
            assert caught.value.status == status
        faults.silent = True
        with pytest.raises(Retriable, match="silent"):
            list(stream.listen([NORTHMOOR], micros(0), threading.Event()))
    with pytest.raises(Retriable, match="could not be reached"):
        next(stream.listen([NORTHMOOR], micros(0), threading.Event()))


def test_a_server_that_is_no_stream_is_worth_another_try() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stream = JetstreamStream(Hour(), url=f"ws://127.0.0.1:{listener.getsockname()[1]}/subscribe")

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"<html>no\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(Retriable):
            next(stream.listen([NORTHMOOR], None, threading.Event()))
        thread.join()


def test_a_stop_ends_the_stream_with_what_was_gathered() -> None:
    stop = threading.Event()
    with staged(Hour(minutes=30)) as stream:
        heard = []
        for each in stream.listen([NORTHMOOR], micros(0), stop):
            heard.append(each)
            stop.set()
    assert 1 <= len(heard) <= 2


def test_an_event_over_several_lines_stays_one_line_of_its_page() -> None:
    hour = Hour(minutes=30)
    with staged(hour) as stream, hearing(stream, micros(4.9), NORTHMOOR) as told:
        heard = next(heard for heard in told if heard.page)
    assert heard.page is not None
    assert heard.page.body.count(b"\n") + 1 == stream.parse(heard.page).rows


@pytest.mark.parametrize(
    "url",
    ["https://jetstream.example/subscribe", "ws://jetstream.example/subscribe", "jetstream.example", "wss://a@b/x",
     "wss://jetstream.example/subscribe?cursor=1", "wss://"],
)  # fmt: skip
def test_only_a_safe_address_of_a_stream_is_taken(url: str) -> None:
    with pytest.raises(SettingsError, match="jetstream"):
        JetstreamStream(Hour(), url=url)


def test_the_time_of_an_event_is_the_feed_s() -> None:
    (post,) = [post for post in HOUR.posts if post.text.startswith("Both")]
    with staged(Hour(minutes=30)) as stream:
        listener = Listener(stream, micros(4.9), ELM)
        listener.until(VIEWS.uri_of(post))
    (wording,) = listener.posts()[VIEWS.uri_of(post)]
    assert wording.indexed_at == wording.observed_at == post.at
    assert from_text(wording.created_at) == from_text(post.at)
