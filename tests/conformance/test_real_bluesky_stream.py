"""Streams and conversations of Bluesky's own servers: the stream and the search tell of the same posts."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bluesky_network import Manifest, control, source_at, tag_plan, walk

from archive.errors import Retriable
from archive.models import AuthorState, Batch, Chat, Deletion, Post, Ref
from archive.projection import build_version
from archive.store import Archive
from archive.times import system_clock
from collector.retrying import Retrying
from collector.sources.base import Channel, Heard
from collector.sources.bluesky import BlueskySource
from collector.sources.jetstream import JetstreamStream
from collector.transport import build_client
from collector.walker import Walker

REAL_DATA = os.environ.get("CHATKEEP_REAL_DATA", "")

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(not REAL_DATA, reason="CHATKEEP_REAL_DATA does not name the folder with servers/bluesky"),
]

DEADLINE_SECONDS = 60.0
REPLIES = tuple(f"thread_reply_{number}" for number in range(1, 9))


@pytest.fixture
def source(network: Manifest, sessions_dir: Any) -> Iterator[BlueskySource]:
    with build_client("test") as http:
        yield source_at(network, sessions_dir, http)


class Listening:
    """Listens to the network's stream as a collector does, from an hour ago on, over every end of a connection."""

    def __init__(self, network: Manifest) -> None:
        self.stream = JetstreamStream(system_clock, url=network["urls"]["jetstream_v1"])
        self.channel = Channel("real", frozenset({network["tag"]}))
        self.cursor: str | None = str(int((datetime.now(UTC) - timedelta(hours=1)).timestamp() * 1_000_000))
        self.batches: list[Batch] = []

    def listen(self) -> Generator[Heard]:
        """One connection, from where the last one ended."""
        told = self.stream.listen([self.channel], self.cursor, threading.Event())
        assert isinstance(told, Generator)
        return told

    def until(self, uris: set[str]) -> None:
        """Listens until all these posts are known, and a little longer: until nothing came for a while."""
        ends_at = time.monotonic() + DEADLINE_SECONDS
        quiet = False
        while not (quiet and uris <= self.posts().keys()):
            assert time.monotonic() < ends_at, "not everything was heard"
            with closing(self.listen()) as told:
                for heard in told:
                    quiet = self.keep(heard)
                    if quiet and uris <= self.posts().keys():
                        break

    def keep(self, heard: Heard) -> bool:
        """Notes what was heard; True for a mere sign of life."""
        self.cursor = heard.cursor
        if heard.page is not None:
            self.batches.append(self.stream.parse(heard.page))
        return heard.page is None

    def posts(self) -> dict[str, list[Post]]:
        found: dict[str, list[Post]] = {}
        for batch in self.batches:
            for post in batch.posts:
                found.setdefault(post.native_ids[0].native_id, []).append(post)
        return found


def test_the_stream_and_the_search_tell_of_the_same_posts(network: Manifest, source: BlueskySource) -> None:
    _, searched, _ = walk(source, tag_plan(source, network))
    listening = Listening(network)
    listening.until(set(searched))
    assert [flaw for batch in listening.batches for flaw in batch.flaws] == []
    streamed = listening.posts()
    seeded = {seed["uri"]: name for name, seed in network["posts"].items()}
    more = {seeded.get(uri, uri) for uri in streamed.keys() - searched.keys()}
    # What is gone was once written; an erased account's events are gone from the stream as well.
    gone = {"deleted", "taken_down_post", "deactivated_post", "takendown_account_post", "erased_post", "blocker_post"}
    assert more <= gone
    assert {"deleted", "taken_down_post", "blocker_post"} <= more
    differing = {
        seeded.get(uri, uri) for uri, post in searched.items() if digest_of(post) not in map(digest_of, streamed[uri])
    }
    assert differing == {"mod_labelled"}, "the stream does not tell of a moderator's label"


def digest_of(post: Post) -> str:
    """What tells one wording of a post from another."""
    return build_version(post, 1, "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z").digest


def test_edits_deletions_and_news_of_accounts_are_heard(network: Manifest) -> None:
    listening = Listening(network)
    seeded = network["posts"]
    listening.until({seeded["edited"]["uri"], seeded["deleted"]["uri"]})
    wordings = [post.text for post in listening.posts()[seeded["edited"]["uri"]]]
    assert [text.split()[1] for text in wordings] == ["d’origine", "modifié"]
    deletions = [deletion for batch in listening.batches for deletion in batch.deletions]
    assert Deletion(Ref(seeded["deleted"]["uri"]), "deleted") in deletions
    states = {state.author: state for batch in listening.batches for state in batch.author_states}
    reasons = {"deactivated": "unavailable", "takendown_account": "unavailable", "erased": "deleted"}
    for name, reason in reasons.items():
        post = next(seed for key, seed in seeded.items() if key == f"{name}_post")
        author = f"bluesky:{post['uri'].split('/')[2]}"
        assert states[author] == AuthorState(author, reason)  # type: ignore[arg-type]  # mypy widens the literals


def test_a_dropped_socket_loses_and_doubles_nothing(network: Manifest) -> None:
    listening = Listening(network)
    listening.until({network["posts"]["thread_root"]["uri"]})
    emitted: set[str] = set()

    def listen_through_a_drop() -> None:
        for number, heard in enumerate(listening.listen()):
            listening.keep(heard)
            if number == 0:
                emitted.update(post["uri"] for post in control(network, "emit", n=3))
                assert control(network, "drop-jetstream") == {"dropped": 1}
                emitted.update(post["uri"] for post in control(network, "emit", n=2))

    for _ in range(4):
        with pytest.raises(Retriable, match="ended the connection"):
            listen_through_a_drop()
    listening.until(emitted)
    assert len(emitted) == 20
    assert emitted <= listening.posts().keys()
    for uri in emitted:
        assert len({digest_of(post) for post in listening.posts()[uri]}) == 1


def test_a_thread_holds_the_replies_without_a_hashtag(network: Manifest, source: BlueskySource) -> None:
    names = {seed["uri"]: name for name, seed in network["posts"].items()}

    def thread_of(name: str) -> tuple[set[str], Batch]:
        (plan,) = source.plans("thread", Chat(slug="r", title="r", hashtags=()), refs=(network["posts"][name]["uri"],))
        batch = source.parse(source.fetch(plan, None))
        assert batch.flaws == []
        return {names[post.native_ids[0].native_id] for post in batch.posts if post.primary}, batch

    whole, batch = thread_of("thread_root")
    assert whole == {"thread_root", "thread_branch", *REPLIES}
    assert [names[ref.native_id] for ref in batch.missing] == ["thread_blocked_reply"]
    assert batch.deletions == []
    assert thread_of("thread_reply_4")[0] == {"thread_root", *REPLIES}
    orphan, batch = thread_of("reply_to_deleted")
    assert orphan == {"reply_to_deleted"}
    assert batch.deletions == [Deletion(Ref(network["posts"]["thread_deleted_reply"]["uri"]), "unavailable")]
    for name in ("deleted", "taken_down_post", "deactivated_post"):
        _, batch = thread_of(name)
        assert batch.deletions == [Deletion(Ref(network["posts"][name]["uri"]), "unavailable")]


def test_quotes_are_found_with_and_without_a_hashtag(network: Manifest, source: BlueskySource) -> None:
    names = {seed["uri"]: name for name, seed in network["posts"].items()}
    for quoted, quotes in (("thread_root", {"quote_1", "quote_2"}), ("deleted", set())):
        (plan,) = source.plans(
            "quotes", Chat(slug="r", title="r", hashtags=()), refs=(network["posts"][quoted]["uri"],)
        )
        _, posts, _ = walk(source, plan)
        assert {names[uri] for uri in posts} == quotes


def test_a_walk_through_faults_ends_with_every_post(network: Manifest, sessions_dir: Any, archive: Archive) -> None:
    with build_client("test") as http:
        _, everything, _ = walk((direct := source_at(network, sessions_dir, http)), tag_plan(direct, network))
        source = source_at(network, sessions_dir, http, "faulty_pds")
        plan = tag_plan(source, network)
        retrying = Retrying(threading.Event(), sleep=lambda _: None)
        kinds = [{"status": 429, "retryAfter": 2}, {"status": 502}, {"cut": True}, {"hangMs": 1500}]
        control(network, "faults", faults=kinds)
        chat = next(iter(archive.load_chats().values()))
        walker = Walker(archive, source, retrying)
        walked = walker.walk(chat, plan)
        control(network, "faults", faults=[])
        walked = walker.walk(chat, plan) if walked.status == "open" else walked
    assert walked.status == "done"
    stored = archive.conn.execute("SELECT count(DISTINCT post) FROM sightings").fetchone()[0]
    assert stored == len(everything)
