"""chats.db is what archive.db says now: in place, in one transaction, and without what is gone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from archive_sample import CHAT, HOSTILE, NEXT_SESSION, SESSION, SampleArchive, build_empty, build_sample
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import StorageError
from publish import chats_db
from publish.chats_db import Published, publish_chats
from publish.chats_schema import TABLES
from publish.wording import post_url, question_title, shorten, web_url

AT = "2025-10-09T14:00:00.000Z"
LATER = "2025-10-09T15:00:00.000Z"


class Place:
    """An archive and what is published from it."""

    def __init__(self, folder: Path) -> None:
        self.archive_path = folder / "archive.db"
        self.chats_path = folder / "chats.db"
        self.archive = build_sample(self.archive_path)

    def publish(self, at: str = AT, sessions: tuple[str, ...] | None = None) -> Published:
        return publish_chats(self.archive_path, self.chats_path, at=at, sessions=sessions)

    def ask(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.chats_path)) as conn:
            return conn.execute(sql, values).fetchall()

    def find(self, words: str, table: str = "posts") -> list[str]:
        sql = f"SELECT text FROM {table} WHERE rowid IN (SELECT rowid FROM {table}_fts WHERE {table}_fts MATCH ?)"
        return [text for (text,) in self.ask(sql, words)]

    def check_index(self) -> None:
        """Raises where the full text and its table no longer agree."""
        with closing(sqlite3.connect(self.chats_path)) as conn:
            for table in ("posts", "tips"):
                conn.execute(f"INSERT INTO {table}_fts({table}_fts, rank) VALUES ('integrity-check', 1)")

    def bytes_on_disk(self) -> bytes:
        return b"".join(path.read_bytes() for path in sorted(self.chats_path.parent.glob("chats.db*")))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.archive.conn.close()


def test_every_table_is_filled_and_no_reference_dangles(place: Place) -> None:
    done = place.publish()
    assert {name for name, count in done.rows.items() if not count} == set()
    assert place.ask("PRAGMA foreign_key_check") == []
    assert place.ask("PRAGMA integrity_check") == [("ok",)]
    place.check_index()


def test_an_empty_archive_gives_empty_tables(tmp_path: Path) -> None:
    build_empty(tmp_path / "archive.db")
    done = publish_chats(tmp_path / "archive.db", tmp_path / "chats.db", at=AT)
    assert {name: count for name, count in done.rows.items() if count} == {"published": 1}


def test_an_archive_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no archive at"):
        publish_chats(tmp_path / "archive.db", tmp_path / "chats.db", at=AT)


def test_a_damaged_file_names_its_remedy(place: Place) -> None:
    place.chats_path.write_bytes(b"this was never a database" * 100)
    with pytest.raises(StorageError, match="delete it and publish again"):
        place.publish()


def test_times_are_shown_on_the_chats_own_clock(place: Place) -> None:
    place.publish()
    (row,) = place.ask("SELECT local_time, minute, posted_at FROM posts WHERE text LIKE 'A1 Reply%'")
    assert row == ("2025-10-09 13:03:00", "2025-10-09 13:03", "2025-10-09T12:03:00.000Z")
    titles = [title for (title,) in place.ask("SELECT title FROM sessions WHERE chat = ? ORDER BY starts_at", CHAT)]
    assert titles == ["9 October 2025, 13:00", "13 November 2025, 13:00"]


def test_posts_without_a_session_form_one_of_their_own(place: Place) -> None:
    place.publish()
    (row,) = place.ask("SELECT id, title, post_count FROM sessions WHERE chat = 'elmbridgevale'")
    assert row == ("elmbridgevale-all", "All posts", 3)


def test_a_post_of_two_chats_is_counted_in_both(place: Place) -> None:
    post = place.archive.post("x:1002", "A word to both chats", 12)
    place.archive.insert("chat_posts", chat="elmbridgevale", session="", post=post, why="tagged", version="1")
    place.publish()
    assert set(place.ask("SELECT session FROM posts WHERE post = ?", post)) == {(SESSION,), ("elmbridgevale-all",)}


def test_best_answers_hold_no_reposts(place: Place) -> None:
    place.publish()
    assert place.ask("SELECT DISTINCT rank FROM answers WHERE kind = 'repost'") == [(None,)]
    ranks = [rank for (rank,) in place.ask("SELECT rank FROM answers WHERE question_number = 1 ORDER BY rank")]
    assert ranks == [None, 1, 2, 3, 4]


def test_tips_read_in_words_and_say_that_nobody_reviewed_them(place: Place) -> None:
    place.publish()
    kinds = {kind for (kind,) in place.ask("SELECT kind FROM tips")}
    assert kinds == {"Do", "Don't", "Good example", "Resource", "Concern"}
    assert place.ask("SELECT DISTINCT review FROM tips") == [("not yet reviewed",)]


def test_only_addresses_of_the_web_become_links(place: Place) -> None:
    place.publish()
    assert place.ask("SELECT url FROM links") == [("https://checklist.example/day",)]
    for table in ("posts", "tips", "answers", "authors", "questions"):
        assert place.ask(f"SELECT url FROM {table} WHERE url NOT LIKE 'http%'") == []


def test_control_characters_are_left_out_and_long_texts_are_whole(place: Place) -> None:
    place.archive.post("x:1002", "m" * 2_000_000, 40)
    place.publish()
    assert place.ask("SELECT text FROM posts WHERE text LIKE 'A2 Before%'") == [("A2 Beforeafter, and a bell too",)]
    assert place.ask("SELECT max(length(text)) FROM posts") == [(2_000_000,)]
    assert place.ask("SELECT 1 FROM posts WHERE text = ?", HOSTILE["long"]) == [(1,)]


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "javascript://evil.example/%0aalert(1)", " JavaScript:alert(1)", "data:text/html,x",
        "ftp://files.example/x", "//evil.example", "https://", "http://[broken", "https://a b.example/", "", None,
        "https://evil.example:99999999/",
    ],
)  # fmt: skip
def test_what_is_no_address_of_the_web_is_none(url: str | None) -> None:
    assert web_url(url) is None


def test_search_finds_posts_and_tips_by_their_stem(place: Place) -> None:
    place.publish()
    assert any("Reply within the hour" in text for text in place.find("replying"))
    assert place.find("replying", "tips")


def test_publishing_again_changes_nothing_but_the_time(place: Place) -> None:
    place.publish()
    before = place.ask("SELECT * FROM posts ORDER BY id")
    again = place.publish(LATER)
    assert (again.written, again.removed) == (1, 0)
    assert place.ask("SELECT * FROM posts ORDER BY id") == before
    assert place.ask("SELECT at FROM published") == [(LATER,)]


def test_new_posts_are_added_in_place_and_can_be_found(place: Place) -> None:
    place.publish()
    inode = place.chats_path.stat().st_ino
    place.archive.post("x:1002", "A brand new word: zephyr", 50)
    place.publish(LATER)
    assert place.chats_path.stat().st_ino == inode
    assert place.find("zephyr") == ["A brand new word: zephyr"]
    place.check_index()


def test_a_reader_that_stays_open_sees_the_new_rows(place: Place) -> None:
    place.publish()
    with closing(sqlite3.connect(place.chats_path)) as reader:
        before = reader.execute("SELECT count(*) FROM posts").fetchone()[0]
        place.archive.post("x:1002", "Another", 51)
        place.publish(LATER)
        assert reader.execute("SELECT count(*) FROM posts").fetchone()[0] == before + 1


def test_an_edited_post_is_found_by_its_new_words_alone(place: Place) -> None:
    post = place.archive.post("x:1002", "The old wording said marmalade", 52)
    place.publish()
    place.archive.conn.execute("UPDATE posts SET text = 'The new wording says honey' WHERE id = ?", (post,))
    place.publish(LATER)
    assert place.find("marmalade") == []
    assert place.find("honey") == ["The new wording says honey"]
    assert b"marmalade" not in place.bytes_on_disk()
    place.check_index()


@pytest.mark.parametrize("reason", ["deleted", "unavailable", "erased"])
def test_a_post_that_is_gone_leaves_every_table_and_index(place: Place, reason: str) -> None:
    words = "Our secret ingredient is quixotic patience"
    post = place.archive.post("bluesky:did:plc:gracefictional", words, 53)
    question = place.archive.question(9, words, post)
    answer = place.archive.post("x:1002", f"RT: {words}", 54, kind="repost", repost_of=post)
    place.archive.post("x:1003", "Quite so", 55, kind="reply", reply_to=post)
    place.archive.answer(question, answer)
    place.archive.tip(post, words)
    thread = place.archive.post("x:1002", "1/2 First this", 56)
    tip = place.archive.tip(thread, f"First this, then {words}")
    place.archive.evidence(tip, post, "part")
    place.archive.insert("post_links", post=post, url="https://quixotic.example/")
    place.publish()
    assert len(place.find("quixotic")) == 2
    assert b"quixotic" in place.bytes_on_disk()
    place.archive.tombstone(post, reason)
    place.publish(LATER)
    assert place.find("quixotic") == []
    assert place.find("quixotic", "tips") == []
    assert b"uixotic" not in place.bytes_on_disk()
    assert place.ask("SELECT text FROM questions WHERE number = 9") == [
        ("The post that asked this question is no longer there.",)
    ]
    assert place.ask("PRAGMA foreign_key_check") == []
    place.check_index()


def test_one_session_can_be_published_alone(place: Place) -> None:
    place.publish()
    place.archive.post("x:1002", "In the live one: heron", 50)
    place.archive.post("x:1003", "In the other: magpie", 900, "", "elmbridgevale")
    place.publish(LATER, sessions=(SESSION,))
    assert place.find("heron")
    assert not place.find("magpie")
    place.publish(LATER)
    assert place.find("magpie")


def test_what_was_deleted_goes_from_sessions_that_are_not_published_too(place: Place) -> None:
    gone = place.archive.post("x:1002", "Gone from everywhere: ptarmigan", 12)
    repost = place.archive.post("x:1003", "RT: Gone from everywhere: ptarmigan", 13, kind="repost", repost_of=gone)
    place.archive.post("x:1003", "Well said", 14, NEXT_SESSION, kind="reply", reply_to=gone)
    place.publish()
    assert len(place.ask("SELECT 1 FROM posts WHERE text || ifnull(context, '') LIKE '%ptarmigan%'")) == 3
    place.archive.tombstone(gone)
    place.publish(LATER, sessions=("some-live-session",))
    assert b"ptarmigan" not in place.bytes_on_disk()
    assert place.ask("SELECT 1 FROM posts WHERE post IN (?, ?)", gone, repost) == []
    place.check_index()


def test_a_deleted_post_does_not_hide_the_author_of_the_same_number(place: Place) -> None:
    place.archive.tombstone("x:1002")
    place.publish()
    assert place.ask("SELECT count(*) > 0 FROM posts WHERE author = 'x:1002'") == [(1,)]


def test_a_post_that_comes_back_is_published_again(place: Place) -> None:
    post = place.archive.post("x:1002", "Hidden for a while: pelican", 57)
    place.archive.tombstone(post, "unavailable")
    place.publish()
    assert place.find("pelican") == []
    place.archive.conn.execute("DELETE FROM tombstones")
    place.publish(LATER)
    assert place.find("pelican") == ["Hidden for a while: pelican"]


def test_a_post_outside_every_session_is_not_published(place: Place) -> None:
    place.archive.post("x:1002", "Nothing to do with it", 10, session=None)
    place.publish()
    assert place.ask("SELECT 1 FROM posts WHERE text LIKE 'Nothing to do%'") == []


def test_a_session_that_is_given_up_takes_its_rows_along(place: Place) -> None:
    place.publish()
    for table in ("chat_posts", "questions", "answers", "tips", "tip_evidence", "themes", "coverage"):
        place.archive.conn.execute(f"DELETE FROM {table}")
    place.archive.conn.execute("DELETE FROM sessions WHERE id = ?", (SESSION,))
    done = place.publish(LATER)
    assert [row[0] for row in place.ask("SELECT id FROM sessions")] == [NEXT_SESSION]
    assert {name for name, count in done.rows.items() if count} == {"chats", "sessions", "published"}
    assert place.find("reply") == []
    assert b"looking into it" not in place.bytes_on_disk()


@pytest.mark.parametrize(("before", "after"), [(SESSION, NEXT_SESSION), (NEXT_SESSION, SESSION)])
def test_a_tip_that_moves_to_another_session_is_found_by_its_new_words_alone(
    place: Place, before: str, after: str
) -> None:
    post = place.archive.post("x:1002", "Moved", 11, session=before)
    tip = place.archive.tip(post, "Before the move: walrus", id="moving", session=before)
    place.publish()
    other = place.archive.post("x:1002", "Moved", 11, session=after)
    place.archive.conn.execute(
        "UPDATE tips SET session = ?, post = ?, text = 'After the move: narwhal' WHERE id = ?", (after, other, tip)
    )
    place.publish(LATER)
    assert place.find("walrus", "tips") == []
    assert place.find("narwhal", "tips") == ["After the move: narwhal"]
    place.check_index()


def test_references_to_what_is_not_there_are_left_empty(place: Place) -> None:
    archive = place.archive
    archive.conn.execute("PRAGMA foreign_keys = OFF")
    post = archive.post("x:1002", "A reply to nowhere", 13, kind="reply", reply_to="x:404", quote_of="x:405")
    archive.tip(post, "A tip of no question", question="nowhere", theme="nowhere")
    archive.answer("nowhere", post)
    archive.post("x:1002", "In a chat that nobody knows", 14, "lost-session", "lostchat")
    archive.insert("author_organisations", author="x:1003", organisation="nowhere", evidence="", confidence=1.0,
                   version="1")  # fmt: skip
    place.publish()
    assert place.ask("PRAGMA foreign_key_check") == []
    assert place.ask("SELECT question, theme FROM tips WHERE text = 'A tip of no question'") == [(None, None)]
    assert place.ask("SELECT title FROM chats WHERE id = 'lostchat'") == [("lostchat",)]


def test_another_version_of_the_tables_is_built_anew(place: Place) -> None:
    place.publish()
    with closing(sqlite3.connect(place.chats_path, isolation_level=None)) as conn:
        conn.execute("DROP TABLE themes")
        conn.execute("CREATE TABLE leftover (id)")
        conn.execute("PRAGMA user_version = 9999")
    done = place.publish(LATER)
    assert done.rows["themes"] == 1
    kept = {name for (name,) in place.ask("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert "leftover" not in kept
    assert {table.name for table in TABLES} < kept
    assert place.find("reply")


def test_a_publish_that_fails_leaves_the_old_state(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.publish()
    before = place.ask("SELECT count(*) FROM posts")
    place.archive.post("x:1002", "Never published", 58)
    monkeypatch.setattr(chats_db.chats_rows, "WHOLE_ROWS", (("chats", "SELECT broken"),))
    with pytest.raises(sqlite3.OperationalError):
        place.publish(LATER)
    assert place.ask("SELECT count(*) FROM posts") == before
    assert place.ask("SELECT at FROM published") == [(AT,)]


def test_the_log_is_folded_into_the_file_while_a_reader_stays(place: Place) -> None:
    place.publish()
    with closing(sqlite3.connect(place.chats_path)) as reader:
        assert reader.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        place.archive.post("x:1002", "Another", 51)
        place.publish(LATER)
        assert place.chats_path.with_name("chats.db-wal").stat().st_size == 0


def test_a_year_that_no_clock_shows_stops_nothing(tmp_path: Path) -> None:
    archive = SampleArchive(tmp_path / "archive.db")
    archive.chat("oldchat", "Old chat")
    archive.session("old", "oldchat", "9999-12-31T22:59:00.000Z", minutes=1)
    archive.author("x:1", "x", "one", "One")
    archive.post("x:1", "At the end of time", 0, "old", "oldchat", posted_at="9999-12-31T23:59:59.999Z")
    archive.post("x:1", "Before clocks", 0, "old", "oldchat", posted_at="0001-01-01T00:00:00.000Z")
    archive.conn.execute("UPDATE chats SET timezone = 'Atlantis/Capital'")
    archive.conn.close()
    assert publish_chats(tmp_path / "archive.db", tmp_path / "chats.db", at=AT).rows["posts"] == 2


def test_a_post_without_an_address_gets_one_from_its_id() -> None:
    assert post_url(None, "x:123") == "https://x.com/i/web/status/123"
    bluesky = post_url("", "bluesky:at://did:plc:abc/app.bsky.feed.post/3k")
    assert bluesky == "https://bsky.app/profile/did:plc:abc/post/3k"
    assert post_url("javascript:1", "mastodon:https://social.example/s/1") == "https://social.example/s/1"
    assert post_url(None, "x:<script>") is None


def test_questions_are_named_without_their_mark() -> None:
    assert question_title(1, "Q1: What works?") == "Q1. What works?"
    assert question_title(2, "#Q2 – And what does not?") == "Q2. And what does not?"
    assert question_title(None, "Quite a question?") == "Quite a question?"


@given(st.text())
def test_shortened_texts_stand_on_one_line_and_keep_their_length(text: str) -> None:
    short = shorten(text, 40)
    assert len(short) <= 41
    assert len(short.splitlines()) <= 1
