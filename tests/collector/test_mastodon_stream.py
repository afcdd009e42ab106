"""The streams of a Mastodon server: what they say is what polls say, and their token stays where it belongs."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory_archive import memory_archive

from archive.errors import ExchangeError, Fatal, Retriable
from archive.models import Chat, Deletion, RawPage, Ref
from archive.store import Archive, WalkPlace, prepare_page
from archive.times import shift
from archive.walks import Walk, begin_walk, load_open_walk
from chatkeep.stage.faults import Fault, Faults
from chatkeep.stage.feed import Edit, Feed, FeedAuthor, FeedPost
from chatkeep.stage.mastodon import build_mastodon
from chatkeep.stage.mastodon_shapes import Access, Server
from chatkeep.stage.mastodon_stream import StreamFaults
from chatkeep.stage.serving import serving
from collector.sources.base import Channel, Heard
from collector.sources.mastodon import MastodonSource
from collector.sources.mastodon_answers import public_event
from collector.sources.mastodon_parse import parse_page
from collector.sources.mastodon_stream import MastodonStream
from collector.transport import build_client

START = "2026-10-08T12:00:00.000Z"
HOST = "mastodon.stage.example"
SERVER = "https://social.example"
TOKEN = "s3cret-of-social"
CHAT = Chat(slug="northmoor", title="Northmoor hour", hashtags=("northmoor",))
CHANNEL = Channel("northmoor", frozenset({"northmoor"}))
AUTHORS = (
    FeedAuthor(key="ann", platform="mastodon", handle="ann", name="Ann"),
    FeedAuthor(key="bob", platform="mastodon", handle="bob@far.example", name="Bob"),
)


def post(key: str, minute: float, text: str = "Hello #northmoor", **more: Any) -> FeedPost:
    return FeedPost(key=key, author=more.pop("author", "bob"), at=shift(START, minutes=minute), text=text, **more)


@dataclass
class Stage:
    """A served feed whose clock a test sets on."""

    base: str
    feed: Feed
    http: httpx.Client
    faults: Faults
    stream_faults: StreamFaults
    now: datetime = datetime(2026, 10, 8, 11, 59, tzinfo=UTC)

    def stream(self, **more: Any) -> MastodonStream:
        return MastodonStream(self.http, lambda: self.now, **{"server": self.base, "token": TOKEN, **more})

    def ids(self) -> dict[str, str]:
        server = Server(self.feed, HOST)
        return {each.key: f"mastodon:{server.uri_of(each)}" for each in self.feed.posts}


@contextmanager
def staged(*posts: FeedPost, streams: bool = True) -> Iterator[Stage]:
    holder: list[Stage] = []
    feed, faults, stream_faults = Feed(AUTHORS, posts), Faults(), StreamFaults()
    app = build_mastodon(
        feed,
        lambda: holder[0].now if holder else datetime(2026, 10, 8, 11, 59, tzinfo=UTC),
        faults,
        host=HOST,
        token=TOKEN,
        access=Access(streams=streams),
        stream_faults=stream_faults,
    )
    with build_client("test") as http, serving(app) as base:
        holder.append(Stage(base, feed, http, faults, stream_faults))
        yield holder[0]


def listen(
    stage: Stage, *channels: Channel, until: Callable[[list[Heard]], bool], stream: MastodonStream | None = None
) -> list[Heard]:
    """What is heard from the first sign of life on, while the clock of the stage moves on an hour."""
    stop, heard = threading.Event(), list[Heard]()
    listening = (stream or stage.stream()).listen(channels or (CHANNEL,), None, stop)
    try:
        assert next(listening) == Heard()
        stage.now += timedelta(hours=1)
        for each in listening:
            heard.append(each)
            if until(heard):
                break
    finally:
        stop.set()
        listening.close()  # type: ignore[attr-defined]  # listen() is a generator
    return heard


def pages_of(heard: list[Heard]) -> list[RawPage]:
    return [each.page for each in heard if each.page is not None]


def lines_of(pages: list[RawPage]) -> list[dict[str, Any]]:
    return [json.loads(line) for page in pages for line in page.body.splitlines()]


def said(heard: list[Heard]) -> list[str]:
    return [line["event"] for line in lines_of(pages_of(heard))]


def save(archive: Archive, page: RawPage) -> None:
    key = f"northmoor|{page.format}"
    walk = load_open_walk(archive, key) or begin_walk(
        archive, Walk(0, "northmoor", "mastodon", key, None, None, None, None, archive.now(), None, None)
    )
    place = WalkPlace(walk.id, key, "northmoor", "mastodon", None)
    archive.save_page(prepare_page(page), parse_page(page), place)


# -- what is heard


EVENTFUL = (
    post("plain", 1, reply_to="q", alt_text="A map"),
    post("q", 0.5, "Q1 What works? #northmoor https://northmoor.example/bins @bob@far.example", author="ann"),
    post("edited", 2, edits=(Edit(at=shift(START, minutes=5), text="Better #northmoor"),)),
    post("gone", 3, deleted_at=shift(START, minutes=9)),
    post("tagged later", 4, "Hello", edits=(Edit(at=shift(START, minutes=6), text="Hello #northmoor"),)),
    post("quote", 7, "This #northmoor", quote_of="plain"),
    post("unlisted", 8, visibility="unlisted"),
)


def test_every_event_under_the_hashtag_is_heard_and_kept_as_received() -> None:
    with staged(*EVENTFUL) as stage:
        heard = listen(stage, until=lambda heard: len(said(heard)) == 8)
        (page,) = pages_of(heard)
        assert said(heard) == ["update"] * 4 + ["status.update"] * 2 + ["update", "delete"]
        assert [each.cursor for each in heard] == [None] * len(heard)
        batch, ids = stage.stream().parse(page), stage.ids()
        assert {each.id for each in batch.posts} == {ids[key] for key in ids if key != "unlisted"}
        assert sorted(each.text for each in batch.posts if each.id == ids["edited"]) == [
            "Better #northmoor", "Hello #northmoor",
        ]  # fmt: skip
        gone = Server(stage.feed, HOST).id_of(stage.feed.by_key["gone"])
        assert batch.deletions == [Deletion(Ref(str(gone), stage.base), "deleted")]
        assert (page.source, page.format, page.server, batch.top, batch.flaws) == (
            "mastodon", "stream", stage.base, None, [],
        )  # fmt: skip
        assert all(isinstance(line["payload"], str) for line in lines_of([page]))
        assert TOKEN not in repr(page)


@pytest.mark.parametrize("stream_first", [True, False])
def test_a_post_of_stream_and_poll_is_one_post_with_one_version(stream_first: bool) -> None:
    lasting = [each for each in EVENTFUL if each.key in ("plain", "q", "quote")]
    with staged(*lasting) as stage, memory_archive() as archive:
        (streamed,) = pages_of(listen(stage, until=lambda heard: len(said(heard)) == 3))
        source = MastodonSource(stage.http, lambda: stage.now, servers=[stage.base], tokens={stage.base: TOKEN})
        polled = source.fetch(source.plans("tag", CHAT)[0], None)
        for page in [streamed, polled] if stream_first else [polled, streamed]:
            save(archive, page)
        counted = "SELECT (SELECT count(*) FROM posts), (SELECT count(*) FROM post_versions)"
        assert archive.conn.execute(counted).fetchall() == [(3, 3)]
        assert archive.conn.execute("SELECT count(DISTINCT walk) FROM sightings").fetchall() == [(2,)]


def test_each_chat_hears_its_own_hashtags_and_a_post_with_two_of_them_once_a_page() -> None:
    posts = [post("a", 1, "#northmoor #elmbridge"), post("b", 2, "#elmbridge"), post("c", 3, "#other")]
    both = Channel("both", frozenset({"northmoor", "elmbridge"}))
    with staged(*posts) as stage:
        heard = listen(stage, CHANNEL, both, until=lambda heard: len(pages_of(heard)) >= 2)
        ids = stage.ids()
        found: dict[str, list[str]] = {}
        for each in heard:
            if each.page is not None:
                found.setdefault(each.chat, []).extend(post.id for post in parse_page(each.page).posts)
        assert {chat: sorted(set(own)) for chat, own in found.items()} == {
            "northmoor": [ids["a"]], "both": sorted([ids["a"], ids["b"]]),
        }  # fmt: skip


def test_heartbeats_are_signs_of_life_and_silence_ends_the_connection() -> None:
    with staged() as stage:
        heard = listen(stage, until=lambda heard: len(heard) == 1)
        assert heard == [Heard()]
        with pytest.raises(Retriable, match="went silent"):
            listen(stage, until=lambda _: False, stream=stage.stream(silence_seconds=0.3))


def test_a_server_that_goes_silent_gives_no_sign_of_life() -> None:
    with staged(post("a", 1)) as stage:
        stage.stream_faults.silent = True
        with pytest.raises(Retriable, match="went silent"):
            listen(stage, until=lambda _: True, stream=stage.stream(silence_seconds=1.5))


def test_a_dropped_connection_hands_on_what_it_said_and_may_be_tried_again() -> None:
    posts = [post(f"p{n}", n) for n in range(5)]
    with staged(*posts) as stage:
        stage.stream_faults.drop_after = 2
        heard: list[Heard] = []
        with pytest.raises(Retriable, match="ended the stream"):
            listen(stage, until=lambda so_far: bool(heard.extend(so_far[-1:])))
        assert said(heard) == ["update"] * 2


def test_doubled_events_are_one_line_and_a_delete_before_its_update_buries_the_post() -> None:
    with staged(post("gone", 1, deleted_at=shift(START, minutes=2)), post("kept", 3)) as stage:
        stage.stream_faults.double = True
        stage.stream_faults.delete_first = True
        heard = listen(stage, until=lambda heard: len(said(heard)) >= 3)
        assert said(heard) == ["delete", "update", "update"]
        with memory_archive() as archive:
            (page,) = pages_of(heard)
            for line in page.body.splitlines():  # each in a page of its own, as a slower server would send them
                save(archive, _line_page(page, line))
            tombstones = archive.conn.execute("SELECT key, reason FROM tombstones").fetchall()
            assert tombstones == [(stage.ids()["gone"], "deleted")]
            assert archive.conn.execute("SELECT count(*) FROM open_deletions").fetchone() == (0,)


def _line_page(page: RawPage, line: bytes) -> RawPage:
    return RawPage(
        source="mastodon", format="stream", origin=HOST, fetched_at=page.fetched_at, body=line, server=page.server
    )


def test_stop_ends_the_listening_and_its_connections() -> None:
    with staged() as stage:
        stop = threading.Event()
        listening = stage.stream().listen((CHANNEL,), None, stop)
        next(listening)
        stop.set()
        assert list(listening) == []
        for thread in threading.enumerate():
            if thread.name.startswith("stream "):
                thread.join(timeout=10)
                assert not thread.is_alive()


def test_eight_hashtags_are_listened_to_and_none_costs_nothing() -> None:
    with staged(*(post(f"p{n}", n, f"#t{n}") for n in range(10))) as stage:
        many = Channel("many", frozenset(f"t{n}" for n in range(10)))
        heard = listen(stage, many, until=lambda heard: len(said(heard)) == 8)
        assert len(said(heard)) == 8
        assert list(stage.stream().listen((Channel("none", frozenset()),), None, threading.Event())) == []


# -- refusals and secrets


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (401, Fatal, "does not let our token listen; get a token"),
        (403, Fatal, "scope read"),
        (422, Fatal, "set MASTODON_TOKEN"),
        (302, Fatal, "sends us elsewhere"),
        (404, Retriable, "does not let us listen now"),
        (503, Retriable, "does not let us listen now"),
        (429, Retriable, "asks us to wait"),
    ],
)
def test_a_refusal_says_what_can_be_done(status: int, error: type[ExchangeError], words: str) -> None:
    with staged() as stage:
        stage.faults.add(Fault(kind="status", status=status, path="/streaming/", body=TOKEN.encode()))
        with pytest.raises(error, match=words) as caught:
            next(stage.stream().listen((CHANNEL,), None, threading.Event()))
        assert TOKEN not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_without_a_token_the_remedy_names_the_variable_of_the_server() -> None:
    with staged() as stage:
        stream = stage.stream(token=None, servers_count=2)
        with pytest.raises(Fatal, match=r"signed-in accounts alone listen.*set MASTODON_TOKEN_127_0_0_1_\d+$"):
            next(stream.listen((CHANNEL,), None, threading.Event()))


def test_a_server_without_streams_or_out_of_reach_is_worth_another_try() -> None:
    with staged(streams=False) as stage:
        with pytest.raises(Retriable):
            next(stage.stream().listen((CHANNEL,), None, threading.Event()))
        elsewhere = stage.stream(streaming_url="http://127.0.0.1:9")
        with pytest.raises(Retriable, match="could not be reached"):
            next(elsewhere.listen((CHANNEL,), None, threading.Event()))


def naming(address: object, seen: dict[str, str | None]) -> MastodonStream:
    """A stream of a server that names this streaming address; ``seen`` gathers who got which token."""

    def answer(request: httpx.Request) -> httpx.Response:
        seen[str(request.url.copy_with(query=None))] = request.headers.get("authorization")
        if request.url.path == "/api/v2/instance":
            return httpx.Response(200, json={"configuration": {"urls": {"streaming": address}}})
        return httpx.Response(200, content=b":)\n", headers={"content-type": "text/event-stream"})

    http = httpx.Client(transport=httpx.MockTransport(answer))
    return MastodonStream(http, lambda: datetime(2026, 10, 8, tzinfo=UTC), server=SERVER, token=TOKEN)


@pytest.mark.parametrize("address", ["wss://streaming.social.example", "https://streaming.social.example/", None, 5])
def test_the_token_goes_to_the_host_that_the_server_names(address: object) -> None:
    seen: dict[str, str | None] = {}
    with pytest.raises(Retriable, match="ended the stream"):
        list(naming(address, seen).listen((CHANNEL,), None, threading.Event()))
    host = "https://streaming.social.example" if isinstance(address, str) else SERVER
    assert seen == {
        f"{SERVER}/api/v2/instance": f"Bearer {TOKEN}", f"{host}/api/v1/streaming/hashtag": f"Bearer {TOKEN}",
    }  # fmt: skip


@pytest.mark.parametrize(
    "address", ["ws://social.example", "ws://127.0.0.1:4000", "wss://me@social.example", "x", "wss://", "file:///etc"]
)
def test_no_token_goes_to_an_address_that_is_not_safe(address: str) -> None:
    seen: dict[str, str | None] = {}
    with pytest.raises(Fatal, match="not safe"):
        list(naming(address, seen).listen((CHANNEL,), None, threading.Event()))
    assert list(seen) == [f"{SERVER}/api/v2/instance"]


# -- what may be kept


def status(**more: Any) -> dict[str, Any]:
    account = {"acct": "ann", "uri": f"{SERVER}/users/ann"}
    uri = f"{SERVER}/users/ann/statuses/1"
    return {"id": "1", "uri": uri, "created_at": START, "visibility": "public", "account": account, **more}


def test_what_is_not_public_is_cut_out_and_what_nobody_knows_is_named_alone() -> None:
    secret = "between us"
    private = status(visibility="private", content=secret)
    assert public_event("update", json.dumps(private)) is None
    assert public_event("filters_changed", "") is None
    quoting = status(quote={"state": "accepted", "quoted_status": private})
    events = [
        public_event("update", json.dumps(quoting)),
        public_event("conversation", json.dumps({"last_status": private})),
        public_event("update", secret),
        public_event("delete", "7"),
        public_event("update", json.dumps(status())),
    ]
    body = "\n".join(json.dumps(event) for event in events).encode()
    assert secret.encode() not in body
    page = RawPage(source="mastodon", format="stream", origin="x", fetched_at=START, body=body, server=SERVER)
    batch = parse_page(page)
    assert (len(batch.deletions), batch.rows, {each.id for each in batch.posts}) == (
        1, 5, {f"mastodon:{SERVER}/users/ann/statuses/1"},
    )  # fmt: skip
    assert [(flaw.kind, flaw.detail) for flaw in batch.flaws] == [
        ("unknown", "the stream's event conversation is not understood"),
        ("malformed", "an event of the stream that cannot be read"),
    ]


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda each: st.lists(each, max_size=3))


@given(st.sampled_from(["update", "status.update", "delete", "x", ""]), JSON.map(json.dumps) | st.text())
def test_nothing_that_a_stream_says_stops_the_reading(event: str, payload: str) -> None:
    said = public_event(event, payload)
    if said is not None:
        body = json.dumps(said).encode()
        page = RawPage(source="mastodon", format="stream", origin="x", fetched_at=START, body=body, server=SERVER)
        batch = parse_page(page)
        assert len(batch.posts) + len(batch.deletions) + len(batch.flaws) >= 1


@given(st.binary(max_size=200))
def test_no_stored_page_stops_the_reading(body: bytes) -> None:
    for form in ("stream", "thread"):
        page = RawPage(source="mastodon", format=form, origin="x", fetched_at=START, body=body, server=SERVER)
        parse_page(page)
