"""What a person decided is what is published: accepted tips first and ticked, rejected ones nowhere."""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fern_hour import CHAT, FIRST, Hour

from publish.chats_db import publish_chats
from publish.findings import load_findings
from publish.guide_markdown import render_guide_markdown
from publish.posts_export import render_posts_csv

AT = "2026-10-08T14:00:00.000Z"


@pytest.fixture
def hour(tmp_path: Path) -> Iterator[Hour]:
    archive = Hour(tmp_path / "archive.db")
    archive.sitting(FIRST)
    yield archive
    archive.conn.close()


def published(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    publish_chats(folder / "archive.db", folder / "chats.db", at=AT)
    with closing(sqlite3.connect(folder / "chats.db")) as conn:
        return conn.execute(sql).fetchall()


def entry(document: str, words: str) -> str:
    (line,) = (line for line in document.splitlines() if line.startswith("- [") and words in line)
    return line


def test_a_rejected_tip_is_in_no_table_no_count_and_no_file(hour: Hour, tmp_path: Path) -> None:
    question = hour.ask(1, 5)
    post = hour.answered("x:2", "Cheap likes for everybody", 6, question)
    hour.answered("x:3", "Post the evening before", 7, question)
    hour.conn.execute("UPDATE tips SET state = 'rejected' WHERE post = ?", (post,))
    assert published(tmp_path, "SELECT text, review FROM tips") == [("Post the evening before", "not yet reviewed")]
    assert published(tmp_path, "SELECT tip_count FROM sessions") == [(1,)]
    assert published(tmp_path, "SELECT sum(tip_count) FROM posts") == [(1,)]
    assert published(tmp_path, "SELECT sum(tip_count) FROM participants") == [(1,)]
    assert [tip.text for tip in load_findings(hour.conn, CHAT).sessions[0].tips] == ["Post the evening before"]
    assert "- [ ] Cheap likes" not in render_guide_markdown(hour.guide())
    rows = csv.DictReader(io.StringIO(render_posts_csv(hour.conn, CHAT).lstrip("\ufeff")))
    assert [row["tips"] for row in rows] == ["0", "0", "1"]


def test_an_accepted_tip_says_so_and_goes_with_its_rejection(hour: Hour, tmp_path: Path) -> None:
    hour.advise(hour.say("x:2", "Post at six.", 6), "Post at six.", id="tip-a", state="accepted")
    sql = "SELECT id, review FROM tips"
    assert published(tmp_path, sql) == [("tip-a", "accepted")]
    hour.conn.execute("UPDATE tips SET state = 'rejected'")
    assert published(tmp_path, sql) == []


def test_accepted_tips_stand_first_in_the_guide_and_are_ticked(hour: Hour) -> None:
    for n, state in enumerate(("proposed", "accepted", "proposed")):
        hour.advise(hour.say("x:2", f"Advice {n}", 6 + n), f"Advice {n}", score=0.9 - n / 10, state=state)
    guide = hour.guide()
    assert [tip.text for tip in guide.sections[0].tips] == ["Advice 1", "Advice 0", "Advice 2"]
    document = render_guide_markdown(guide)
    assert entry(document, "Advice 1").startswith("- [x] ")
    assert entry(document, "Advice 0").startswith("- [ ] ")
    assert "An x is there where a person has accepted the entry" in document
    assert "1 of these 3 has been reviewed." in document


def test_a_persons_own_wording_is_what_the_guide_says(hour: Hour) -> None:
    hour.advise(hour.say("x:2", "A1: erm, six-ish??", 6), "Post at six.", state="accepted")
    assert entry(render_guide_markdown(hour.guide()), "Post at six.") == "- [x] Post at six.\\"


def test_an_accepted_tip_of_an_advertiser_or_a_host_is_shown_all_the_same(hour: Hour) -> None:
    spam = hour.say("x:9", "Likes now https://likes.example.net #win #love #fernhour", 8)
    own = hour.say("x:1", "What do you do on Sundays?", 9)
    for post, text, kind in ((spam, "Likes now", "do"), (own, "What do you do on Sundays?", "question")):
        hour.advise(post, text, kind)
    assert hour.guide().sections == ()
    hour.conn.execute("UPDATE tips SET state = 'accepted'")
    assert [section.tips[0].text for section in hour.guide().sections] == ["Likes now", "What do you do on Sundays?"]


def test_the_best_answer_is_the_accepted_one_and_ticked_where_it_says_just_that(hour: Hour) -> None:
    question = hour.ask(1, 5)
    hour.answered("x:3", "Show the right bin", 6, question, score=0.9)
    post = hour.answered("x:2", "Post the evening before", 7, question, score=0.5)
    hour.conn.execute("UPDATE tips SET state = 'accepted' WHERE post = ?", (post,))
    best = hour.guide().questions[0].best
    assert [(said.text, said.review) for said in best] == [
        ("Post the evening before", "accepted"), ("Show the right bin", "not yet reviewed"),
    ]  # fmt: skip


def test_an_accepted_resource_stands_under_the_links_in_its_accepted_words_and_a_second_one_beside(hour: Hour) -> None:
    for n, author in enumerate(("x:3", "x:2")):
        post = hour.say(author, f"Our list {n}: https://lists.example/bins and “Bins of old”", 6 + n)
        hour.insert("post_links", post=post, url="https://lists.example/bins")
        hour.advise(post, f"The list {n} of bins", "resource", score=0.8 - n / 10)
    hour.advise(post, "Read Bins of old", "resource", state="accepted", score=0.3)
    hour.conn.execute("UPDATE tips SET state = 'accepted' WHERE text = 'The list 1 of bins'")
    guide = hour.guide()
    (link,) = guide.links
    assert (link.offered.text, link.offered.review, link.people_count) == ("The list 1 of bins", "accepted", 2)
    assert [(tip.text, tip.review) for tip in guide.sections[0].tips] == [
        ("Read Bins of old", "accepted"), ("The list 0 of bins", "not yet reviewed"),
    ]  # fmt: skip


def test_equal_words_of_which_one_was_accepted_are_one_accepted_entry(hour: Hour) -> None:
    for n, state in enumerate(("proposed", "accepted")):
        hour.advise(hour.say(f"x:{n + 2}", "Reply once.", 6 + n), "Reply once.", state=state, score=0.9 - n / 10)
    (section,) = hour.guide().sections
    assert [(said.review, len(said.also)) for said in section.tips] == [("accepted", 1)]
