"""The transcript: every post once, in the order of the hour, with its conversation."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from archive_sample import build_sample
from fern_hour import CHAT, FICTIONAL, FIRST, QUESTION, START, Hour

from archive.times import shift
from publish.exports import render_export
from publish.findings import load_findings
from publish.transcript import build_transcripts, render_transcript_csv, render_transcript_markdown


@pytest.fixture
def hour(tmp_path: Path) -> Iterator[Hour]:
    archive = Hour(tmp_path / "archive.db")
    archive.sitting(FIRST)
    yield archive
    archive.conn.close()


def parts_of(hour: Hour) -> dict[str, list[tuple[int, str]]]:
    (transcript,) = build_transcripts(load_findings(hour.conn, CHAT))
    return {part.heading: [(turn.depth, turn.post.text) for turn in part.turns] for part in transcript.parts}


def test_posts_stand_in_the_part_of_their_question_else_where_they_fell(hour: Hour) -> None:
    hour.say("x:2", "Hello!", -5)
    first, second = hour.ask(1, 5), hour.ask(2, 20, "And floods?")
    hour.say("x:3", "A chatty aside", 10)
    hour.answer(first, hour.say("x:2", "Late answer to the first", 25))
    hour.answer(second, hour.say("x:3", "Next morning, on floods", 20 * 60))
    hour.say("x:2", "Thank you all", 90)
    parts = parts_of(hour)
    assert list(parts) == ["Before the first question", f"Q1. {QUESTION}", "Q2. And floods?", "After the session"]
    assert [text for _, text in parts["Before the first question"]] == ["Hello!"]
    assert [text for _, text in parts[f"Q1. {QUESTION}"]][1:] == ["A chatty aside", "Late answer to the first"]
    assert [text for _, text in parts["Q2. And floods?"]][1:] == ["Next morning, on floods"]
    assert [text for _, text in parts["After the session"]] == ["Thank you all"]


def test_replies_stand_indented_under_their_post_and_go_where_it_goes(hour: Hour) -> None:
    question = hour.ask(1, 5)
    hour.ask(2, 20, "And floods?")
    answer = hour.say("x:2", "The answer", 6)
    hour.answer(question, answer)
    hour.say("x:3", "Another", 7)
    reply = hour.say("x:3", "Why?", 30, kind="reply", reply_to=answer)
    hour.say("x:2", "Because.", 31, kind="reply", reply_to=reply)
    assert parts_of(hour)[f"Q1. {QUESTION}"][1:] == [(0, "The answer"), (1, "Why?"), (2, "Because."), (0, "Another")]
    document = render_transcript_markdown(hour.conn, CHAT)
    assert re.search(r"^  - .*\\\n    Why\?\n    - .*\\\n      Because\.$", document, re.MULTILINE)


def test_every_post_stands_exactly_once_even_in_a_circle_of_replies(hour: Hour) -> None:
    hour.ask(1, 5)
    one = hour.say("x:2", "one", 6, kind="reply")
    two = hour.say("x:3", "two", 7, kind="reply", reply_to=one)
    hour.conn.execute("UPDATE posts SET reply_to = ? WHERE id = ?", (two, one))
    own = hour.say("x:3", "self", 8, kind="reply")
    hour.conn.execute("UPDATE posts SET reply_to = id WHERE id = ?", (own,))
    for depth in range(3_000):
        own = hour.say("x:2", f"deep {depth}", 9, kind="reply", reply_to=own)
    told = [text for turns in parts_of(hour).values() for _, text in turns]
    assert len(told) == len(set(told)) == 1 + 3 + 3_000
    assert render_transcript_markdown(hour.conn, CHAT).count("deep 2999") == 1


def test_a_post_shows_local_time_link_edit_quote_repost_and_pictures(hour: Hour) -> None:
    post = hour.say(
        "x:2", "First line\n\nsecond line", 6, url="https://x.example/1", edited_at=shift(START, hours=24, minutes=6)
    )
    hour.insert("post_media", post=post, position=0, url="u", kind="image", alt_text="A bin\nwith a lid")
    hour.say("x:3", "So true", 7, kind="quote", quote_of=post)
    hour.say("x:1327", "RT @priya_fern: First line", 8, kind="repost", repost_of=post)
    document = render_transcript_markdown(hour.conn, CHAT)
    assert (
        "- **Priya Raman (@priya_fern, X)** · [13:06:00](https://x.example/1)"
        " · edited 9 Oct 2026, 13:06:00\\\n  First line\\\n  second line\\\n  _Picture:_ A bin with a lid\n"
    ) in document
    assert " · about Priya Raman (@priya_fern, X): “First line second line”\\\n  So true\n" in document
    assert re.search(r"^  - \*\*author 1327 \(X\)\*\* · \[.*\]\(.*\) · reposted it$", document, re.MULTILINE)


def test_the_head_says_what_it_is_and_what_was_left_out(hour: Hour) -> None:
    hour.say("x:2", "Hello", 6)
    hour.tombstone(hour.say("x:2", "Gone", 7))
    document = render_transcript_markdown(hour.conn, CHAT)
    assert document.startswith(f"# Fern hour: transcript\n\n> {FICTIONAL}\n")
    assert "1 post, in Europe/London time" in document
    assert "1 more that was deleted or withdrawn is left out." in document


def test_posts_without_questions_stand_by_time(hour: Hour) -> None:
    hour.say("x:2", "later", 9)
    hour.say("x:3", "earlier", 3)
    assert parts_of(hour) == {"Posts": [(0, "earlier"), (0, "later")]}


def test_the_table_has_the_order_of_the_document_and_keeps_ids(hour: Hour) -> None:
    question = hour.ask(1, 5)
    answer = hour.say("x:2", "=SUM(A1)", 6)
    hour.answer(question, answer)
    reply = hour.say("x:3", 'Why,\n"really"?', 7, kind="reply", reply_to=answer)
    rows = list(csv.DictReader(io.StringIO(render_transcript_csv(hour.conn, CHAT).removeprefix("\ufeff"), newline="")))
    assert [row["text"] for row in rows[1:]] == ["'=SUM(A1)", 'Why,\n"really"?']
    assert [row["question"] for row in rows] == ["Q1", "Q1", "Q1"]
    assert (rows[2]["post"], rows[2]["in_reply_to"], rows[2]["depth"]) == (reply, answer, "1")
    assert rows[1]["local_time"] == "2026-10-08 13:06:00"
    assert rows[1]["posted_at"] == "2026-10-08T12:06:00.000Z"


def test_what_hosts_post_on_every_platform_stands_once_with_its_links_and_replies(hour: Hour) -> None:
    hour.conn.execute("""UPDATE chats SET hosts = '["x:FernHour", "bluesky:fern.example"]'""")
    hour.author("bluesky:did:plc:fern", "bluesky", "fern.example", "Fern hour")
    question = hour.ask(1, 5)
    words = f"Q1: {QUESTION} #FernHour"
    copy = hour.say("bluesky:did:plc:fern", words, 6, url="https://bsky.example/1")
    again = hour.ask(1, 7)
    hour.conn.execute("UPDATE questions SET post = ? WHERE id = ?", (copy, again))
    reply = hour.say("x:3", "In which streets?", 8, kind="reply", reply_to=copy)
    for author, minute in (("x:1", 20), ("bluesky:did:plc:fern", 21)):
        hour.say(author, "Ten minutes left!", minute)
    for author in ("x:2", "bluesky:did:plc:priya"):
        hour.say(author, "Good question", 22)
    document = render_transcript_markdown(hour.conn, CHAT)
    assert re.search(
        r"- \*\*Fern hour\*\* · \[13:05:00 on X\]\(\S+\), "
        r"\[13:06:00 on Bluesky\]\(https://bsky.example/1\)\\\n  Q1: .*\n  - \*\*Tomos",
        document,
    )
    assert document.count("Ten minutes left!") == 1
    assert document.count("Good question") == 2
    rows = list(csv.DictReader(io.StringIO(render_transcript_csv(hour.conn, CHAT).removeprefix("\ufeff"), newline="")))
    assert {copy, reply} < {row["post"] for row in rows}
    assert (
        len(rows) == len({row["post"] for row in rows}) == hour.conn.execute("SELECT count(*) FROM posts").fetchone()[0]
    )
    assert question


def test_a_question_on_two_platforms_stands_once_even_where_no_host_is_named(hour: Hour) -> None:
    hour.conn.execute("UPDATE chats SET hosts = '[]'")
    hour.ask(1, 5)
    copy = hour.say("bluesky:did:plc:priya", f"Q1: {QUESTION} #fernhour", 6)
    hour.conn.execute("UPDATE questions SET post = ? WHERE id = ?", (copy, hour.ask(1, 7)))
    turns = parts_of(hour)[f"Q1. {QUESTION}"]
    assert len(turns) == 2  # the copy stands beside the first, the third is asked again on the same platform


def test_the_words_of_a_host_repeated_on_one_platform_stand_each_time(hour: Hour) -> None:
    hour.say("x:1", "Ten minutes left!", 10)
    hour.say("x:1", "Ten minutes left!", 30)
    assert len(parts_of(hour)["Posts"]) == 2


def test_the_table_gives_full_addresses_beside_the_short_ones(hour: Hour) -> None:
    post = hour.say("x:2", "See https://t.co/a", 6)
    hour.insert("post_links", post=post, url="https://t.co/a", expanded_url="https://guides.example.org/bins")
    (row,) = csv.DictReader(io.StringIO(render_transcript_csv(hour.conn, CHAT).removeprefix("\ufeff"), newline=""))
    assert (row["text"], row["links"]) == ("See https://t.co/a", "https://guides.example.org/bins")


def test_posts_without_names_say_so_at_the_head(hour: Hour) -> None:
    hour.say("x:1327", "Hello", 6)
    assert "authors are shown by their number" in render_transcript_markdown(hour.conn, CHAT)
    hour.say("x:2", "Hello", 7)
    assert "authors are shown by their number" not in render_transcript_markdown(hour.conn, CHAT)


def test_the_sample_keeps_every_post_that_stands(tmp_path: Path) -> None:
    archive = build_sample(tmp_path / "sample.db")
    for (slug,) in archive.conn.execute("SELECT slug FROM chats").fetchall():
        standing = sum(len(session.posts) for session in load_findings(archive.conn, slug).sessions)
        for what in ("transcript", "posts"):
            written = render_export(archive.conn, slug, what, "csv").removeprefix("\ufeff")
            assert len(list(csv.DictReader(io.StringIO(written, newline="")))) == standing > 0
    archive.conn.close()
