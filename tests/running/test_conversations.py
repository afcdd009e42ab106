"""Whole conversations: what belongs to a session without bearing its hashtag, and why it is here."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from simulation import PLATFORMS, captured, minutes, simulation

from analysis.rebuild import analyse_chat
from archive.store import Archive
from archive.times import to_text
from chatkeep.stage.feed import Feed, FeedAuthor, FeedPost

TAGGED = "Q1 What works? #northmoor"
REPLY, DEEPER, QUOTE, PRIVATE = "Being kind works", "And being quick", "This is the chat to follow", "Between us: no"


def conversation() -> Feed:
    """On each platform a tagged question, a reply without the tag, a reply to that, a quote, and a private reply."""
    authors = tuple(
        FeedAuthor(key=f"{p}-{who}", platform=p, handle=f"{who}_{p}", name=who.title())  # type: ignore[arg-type]
        for p in PLATFORMS
        for who in ("host", "ann", "ben")
    )
    posts = []
    for p in PLATFORMS:
        told = [
            (f"{p}-q", "host", 1, TAGGED, {}),
            (f"{p}-reply", "ann", 2, REPLY, {"reply_to": f"{p}-q"}),
            (f"{p}-deeper", "ben", 3, DEEPER, {"reply_to": f"{p}-reply"}),
            (f"{p}-quote", "ben", 4, QUOTE, {"quote_of": f"{p}-q"}),
        ]
        if p == "mastodon":
            told.append((f"{p}-private", "ann", 5, PRIVATE, {"reply_to": f"{p}-q", "visibility": "private"}))
        posts += [
            FeedPost(key=key, author=f"{p}-{who}", at=to_text(minutes(at)), text=text, **more)  # type: ignore[arg-type]
            for key, who, at, text, more in told
        ]
    return Feed(authors=authors, posts=tuple(posts))


def reasons(archive: Archive) -> set[tuple[str, str, str]]:
    """Platform, text and why a post belongs to the session."""
    chat = next(iter(archive.load_chats().values()))
    analyse_chat(archive.conn, chat, version="test", now=archive.now())
    return set(
        archive.conn.execute(
            "SELECT platform, text, why FROM chat_posts JOIN posts ON posts.id = chat_posts.post"
        ).fetchall()
    )


def test_replies_and_quotes_without_the_hashtag_come_in_and_say_why(tmp_path: Path) -> None:
    with simulation(conversation(), tmp_path, length=20, poll_seconds=60) as (life, _stage):
        life.run_until(minutes(40))
        assert captured(life.archive) == {name: {TAGGED} for name in PLATFORMS}
        life.run_until(minutes(60 * 26))
        found = reasons(life.archive)
    quotes = {row for row in found if row[1].startswith(QUOTE)}  # X adds the address of what is quoted
    assert found - quotes == {
        (name, text, why)
        for name in PLATFORMS
        for text, why in ((TAGGED, "tagged"), (REPLY, "in thread"), (DEEPER, "in thread"))
    }
    # Mastodon has no public list of a post's quotes
    assert {(platform, why) for platform, _, why in quotes} == {("x", "quote"), ("bluesky", "quote")}


def test_the_setting_switches_conversations_off(tmp_path: Path) -> None:
    with simulation(conversation(), tmp_path, length=20, poll_seconds=60, conversations=False) as (life, _stage):
        life.run_until(minutes(60 * 26))
        assert captured(life.archive) == {name: {TAGGED} for name in PLATFORMS}


@pytest.mark.parametrize("days", [8])
def test_nothing_that_is_not_public_is_ever_stored(tmp_path: Path, days: int) -> None:
    with simulation(conversation(), tmp_path, length=20, poll_seconds=60) as (life, _stage):
        life.run_until(minutes(0) + timedelta(days=days))
        life.archive.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert PRIVATE.encode() not in (tmp_path / "archive.db").read_bytes()


def stranger_thread() -> Feed:
    """A stranger's conversation with many answers; one of them bears the hashtag and is answered in its turn."""
    people = ("stranger", "ann", "ben", "host")
    authors = tuple(
        FeedAuthor(key=f"{p}-{who}", platform=p, handle=f"{who}_{p}", name=who.title())  # type: ignore[arg-type]
        for p in ("x", "bluesky")
        for who in people
    )
    posts = []
    for p in ("x", "bluesky"):
        told = [
            (f"{p}-viral", "stranger", 1, "Look at this cat", {}),
            (f"{p}-reply", "ann", 3, "A tip for cats #northmoor", {"reply_to": f"{p}-viral"}),
            (f"{p}-below", "ben", 4, "Thank you for the tip", {"reply_to": f"{p}-reply"}),
            *((f"{p}-noise{n}", "stranger", 2, f"Cats, number {n}", {"reply_to": f"{p}-viral"}) for n in range(5)),
            (f"{p}-opening", "host", 5, "Welcome all", {}),
            (f"{p}-first", "host", 6, "Q1 What works? #northmoor", {"reply_to": f"{p}-opening"}),
            (f"{p}-answer", "ben", 7, "Being kind works", {"reply_to": f"{p}-opening"}),
        ]
        posts += [
            FeedPost(key=key, author=f"{p}-{who}", at=to_text(minutes(at)), text=text, **more)  # type: ignore[arg-type]
            for key, who, at, text, more in told
        ]
    return Feed(authors=authors, posts=tuple(posts))


def test_a_strangers_conversation_is_not_taken_whole_and_a_hosts_is(tmp_path: Path) -> None:
    with simulation(stranger_thread(), tmp_path, length=20, poll_seconds=60) as (life, _stage):
        chat = replace(next(iter(life.ground.chats.values())), hosts=("x:host_x", "bluesky:host_bluesky"))
        life.ground = replace(life.ground, chats={chat.slug: chat})
        life.restart()
        life.run_until(minutes(60 * 26))
        found = captured(life.archive)
    for texts in found.values():
        assert {text for text in texts if text.startswith("Cats, number")} == set()
        assert {"A tip for cats #northmoor", "Thank you for the tip"} <= texts
        assert {"Welcome all", "Q1 What works? #northmoor", "Being kind works"} <= texts
