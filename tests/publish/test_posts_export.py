"""The list of posts: all that stand, once each, with what analysis says of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from fern_hour import CHAT, FICTIONAL, FIRST, Hour

from publish.posts_export import render_posts_csv, render_posts_markdown


@pytest.fixture
def hour(tmp_path: Path) -> Iterator[Hour]:
    archive = Hour(tmp_path / "archive.db")
    archive.sitting(FIRST)
    yield archive
    archive.conn.close()


def rows_of(hour: Hour) -> list[dict[str, str]]:
    written = render_posts_csv(hour.conn, CHAT)
    return list(csv.DictReader(io.StringIO(written.removeprefix("\ufeff"), newline="")))


def test_each_post_is_a_row_with_its_role_counts_links_and_pictures(hour: Hour) -> None:
    question = hour.ask(1, 5)
    post = hour.answered("x:2", "Post at six.", 6, question)
    hour.insert("post_links", post=post, url="https://t.co/a", expanded_url="https://guides.example.org/bins")
    hour.insert("post_media", post=post, position=0, url="u", kind="image", alt_text="A bin")
    hour.insert("metrics", post=post, seen_at="2026-10-09T00:00:00.000Z", likes=12, reposts=3)
    hour.say("bluesky:did:plc:priya", "Hello", 7)
    asked, answered, other = rows_of(hour)
    assert (asked["role"], asked["question"]) == ("question", "Q1")
    assert (answered["role"], answered["question"], answered["tips"]) == ("answer", "Q1", "1")
    assert (answered["likes"], answered["reposts"], answered["replies"]) == ("12", "3", "")
    assert (answered["links"], answered["pictures"]) == ("https://guides.example.org/bins", "A bin")
    assert (answered["name"], answered["handle"], answered["platform"]) == ("Priya Raman", "priya_fern", "X")
    assert (other["role"], other["question"]) == ("other", "")
    assert answered["person"] == other["person"] == "person-priya"


def test_ids_survive_a_spreadsheet_because_they_are_text(hour: Hour) -> None:
    hour.say("x:1327", "Hello", 6, id="x:1971234567890123456")
    (row,) = rows_of(hour)
    assert (row["post"], row["author"], row["name"], row["handle"]) == (
        "x:1971234567890123456",
        "x:1327",
        "author 1327",
        "",
    )


def test_rows_stand_by_time_and_nothing_that_was_withdrawn_among_them(hour: Hour) -> None:
    hour.say("x:2", "second", 9)
    hour.say("x:3", "first", 3)
    hour.tombstone(hour.say("x:3", "erased", 4), "erased")
    hour.say("x:3", "unlisted", 5, visibility="unlisted")
    assert [row["text"] for row in rows_of(hour)] == ["first", "unlisted", "second"]


def test_the_markdown_is_a_table_that_no_post_can_break(hour: Hour) -> None:
    hour.say("x:2", "one | two\n| --- |\n<b>three</b>", 6, url="https://x.example/1")
    document = render_posts_markdown(hour.conn, CHAT)
    assert document.startswith(f"# Fern hour: posts\n\n> {FICTIONAL}\n")
    assert document.splitlines()[-1] == (
        "| [2026-10-08 13:06:00](https://x.example/1) | Priya Raman (@priya_fern, X)"
        " | one \\| two \\| --- \\| \\<b\\>three\\</b\\> |  |"
    )


def test_posts_outside_sessions_are_listed_and_say_so(hour: Hour) -> None:
    hour.say("x:2", "Inside", 6)
    hour.say("x:2", "Outside", 9_000, session="")
    assert [row["session"] for row in rows_of(hour)] == [
        "Thursday 8 October 2026, 13:00 to 14:00",
        "Posts outside sessions",
    ]
