"""The best answers read alone, with full addresses; links that matter are told from adverts."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from archive_sample import SESSION, build_sample
from hypothesis import given
from hypothesis import strategies as st

from publish.chats_db import publish_chats
from publish.plugin.linking import linked
from publish.telling import expanded, told

TAGS = '["northmoorchat"]'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("A1: Reply within the hour #northmoorchat", "Reply within the hour"),
        ("#NorthmoorChat A1 Reply within the hour", "Reply within the hour"),
        ("A1 #NorthmoorChat: reply within the hour", "reply within the hour"),
        ("@NorthmoorTalk A1. Reply within the hour", "Reply within the hour"),
        ("Love the #NorthmoorChat crowd", "Love the #NorthmoorChat crowd"),
        ("Try it #northmoorchats", "Try it #northmoorchats"),
        ("A4 posters still work", "A4 posters still work"),
        ("A1 #northmoorchat", "A1 #northmoorchat"),
        ("Our page https://t.co/abc #northmoorchat", "Our page https://northmoor.example/page"),
        ("A1 Our van https://t.co/pic", "Our van"),
    ],
)
def test_an_answer_is_told_in_its_own_words(text: str, shown: str) -> None:
    links = (
        '[["https://t.co/abc", "https://northmoor.example/page"],'
        ' ["https://t.co/pic", "https://x.com/northmoor/status/17/photo/1"]]'
    )
    assert told(text, 1, TAGS, links) == shown


def test_an_address_that_is_not_of_the_web_stays_as_it_was_written() -> None:
    assert expanded("see https://t.co/a", '[["https://t.co/a", "javascript:alert(1)"]]') == "see https://t.co/a"
    assert expanded("see https://t.co/a", '[["https://t.co/a", null]]') == "see https://t.co/a"
    links = '[["https://t.co/a", "https://one.example/"], ["https://t.co/ab", "https://two.example/"]]'
    assert expanded("https://t.co/a, https://t.co/ab", links) == "https://one.example/, https://two.example/"


@given(st.text(), st.sampled_from(["[]", TAGS, '["("]']))
def test_every_text_can_be_told(text: str, tags: str) -> None:
    assert told(text, 1, tags, None) or not expanded(text, None)


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("See https://northmoor.example/a_(b), then (https://northmoor.example/c).",
         ["https://northmoor.example/a_(b)", "https://northmoor.example/c"]),
        ("HTTP://Northmoor.example!", ["HTTP://Northmoor.example"]),
        ("javascript:alert(1) www.northmoor.example https://", []),
        ("cut here https://northmoor.example/a-long-pa…", []),
        ('https://northmoor.example/"onmouseover="alert(1)', ["https://northmoor.example/"]),
    ],
)  # fmt: skip
def test_addresses_in_words_become_links(text: str, addresses: list[str]) -> None:
    page = str(linked(text))
    assert page.count("<a ") == len(addresses) == page.count('rel="noopener nofollow ugc"')
    for address in addresses:
        assert f'href="{address}"' in page


def test_what_is_no_address_stays_text() -> None:
    assert linked("<b>a & b</b> <script>") == "&lt;b&gt;a &amp; b&lt;/b&gt; &lt;script&gt;"


def _publish(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    archive = build_sample(folder / "archive.db")
    for author in ("x:6666", "x:1003", "bluesky:did:plc:gracefictional"):
        advert = archive.post(author, "Buy likes here", 33)
        archive.insert("post_links", post=advert, url="https://likes.example/buy")
    host = archive.post("x:1001", "Here is last month's guide", 34)
    archive.insert("post_links", post=host, url="https://t.example/2", expanded_url="https://northmoor.example/guide")
    (tip,) = archive.conn.execute("SELECT post FROM tips WHERE kind = 'resource'").fetchone()
    archive.insert("post_links", post=tip, url="https://checklist.example/day", expanded_url="https://full.example/day")
    publish_chats(folder / "archive.db", folder / "chats.db", at="2025-10-09T14:00:00.000Z")
    archive.conn.close()
    with closing(sqlite3.connect(folder / "chats.db")) as conn:
        return conn.execute(sql, {"session": SESSION}).fetchall()


def test_links_of_answers_tips_and_hosts_are_told_from_others(tmp_path: Path) -> None:
    found = _publish(tmp_path, "SELECT url, people_count, relevant_count FROM links WHERE session = :session")
    assert set(found) == {
        ("https://likes.example/buy", 3, 0), ("https://northmoor.example/guide", 1, 1),
        ("https://checklist.example/day", 1, 1), ("https://full.example/day", 1, 1),
    }  # fmt: skip


def test_published_tips_and_answers_show_full_addresses(tmp_path: Path) -> None:
    sql = (
        "SELECT a.text, a.shown, t.text FROM tips t JOIN answers a ON a.post = t.post"
        " WHERE t.kind = 'Resource' AND t.session = :session"
    )
    assert _publish(tmp_path, sql) == [
        (
            "A2 Our checklist for a bad day: https://checklist.example/day",
            "Our checklist for a bad day: https://full.example/day",
            "Our checklist for a bad day: https://full.example/day",
        )
    ]
