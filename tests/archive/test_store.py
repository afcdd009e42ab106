from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory_archive import memory_archive

from archive.errors import StorageError
from archive.models import Author, Batch, Chat, Deletion, Flaw, Link, Metrics, Post, RawPage, Ref, Session
from archive.store import Archive, WalkPlace, open_archive, prepare_page
from archive.walks import Walk, begin_walk, load_open_walk
from collector.reparse import reparse

SERVER = "https://one.example"


def parse(page: RawPage) -> Batch:
    """A parser of the tests' own: a page is a list of posts as keyword arguments."""
    batch = Batch()
    for item in json.loads(page.body):
        refs = {name: Ref(*item.pop(name)) for name in ("reply_to", "quote_of") if name in item}
        metrics = Metrics(likes=item.pop("likes")) if "likes" in item else None
        handle = item.pop("handle", None)
        ids = tuple(Ref(*pair) for pair in item.pop("native_ids"))
        tags = tuple(item.pop("tags", ()))
        links = tuple(Link(url) for url in item.pop("links", ()))
        batch.posts.append(Post(**item, **refs, native_ids=ids, metrics=metrics, tags=tags, links=links))
        if handle:
            batch.authors.append(Author(id=item["author"], platform=item["platform"], handle=handle))
    batch.rows = len(batch.posts)
    return batch


def page_of(posts: list[dict[str, Any]], fetched_at: str = "2026-10-08T12:10:00.000Z", **more: Any) -> RawPage:
    body = json.dumps(posts).encode()
    return RawPage(source="test", format="posts", origin="one.example", fetched_at=fetched_at, body=body, **more)


def x_post(number: int, text: str = "Bin day photos work #northmoor", **more: Any) -> dict[str, Any]:
    return {
        "id": f"x:{number}", "platform": "x", "author": "x:7", "native_ids": [[str(number)]],
        "created_at": "2026-10-08T12:05:00.000Z", "text": text, **more,
    }  # fmt: skip


def place_in(archive: Archive, platform: str = "x") -> WalkPlace:
    key = f"northmoor|tag {platform}"
    walk = load_open_walk(archive, key) or begin_walk(
        archive, Walk(0, "northmoor", platform, key, None, None, None, None, archive.now(), None, None)
    )
    return WalkPlace(walk.id, key, "northmoor", platform, None)


def save(archive: Archive, page: RawPage, platform: str = "x") -> int:
    return len(archive.save_page(prepare_page(page), parse(page), place_in(archive, platform)).new)


def rows(archive: Archive, sql: str) -> list[tuple[Any, ...]]:
    return archive.conn.execute(sql).fetchall()


def test_a_page_its_posts_and_the_place_are_saved_together(archive: Archive) -> None:
    page = page_of([x_post(1, tags=["northmoor"], links=["https://example.org/"], likes=3, handle="ann")])
    page.next_cursor = "more"
    assert save(archive, page) == 1
    assert rows(archive, "SELECT text, kind, author FROM posts") == [("Bin day photos work #northmoor", "post", "x:7")]
    assert rows(archive, "SELECT cursor, pages_count, posts_count FROM walks") == [("more", 1, 1)]
    assert rows(archive, "SELECT likes FROM metrics") == [(3,)]
    assert rows(archive, "SELECT handle FROM authors") == [("ann",)]
    assert rows(archive, "SELECT post, walk FROM sightings") == [("x:1", "northmoor|tag x")]


def test_a_failure_while_saving_leaves_nothing_of_the_page(archive: Archive) -> None:
    broken = parse(page_of([x_post(1)]))
    broken.posts[0].kind = "sermon"  # type: ignore[assignment]  # the database refuses what the type forbids
    place = place_in(archive)
    with pytest.raises(sqlite3.IntegrityError):
        archive.save_page(prepare_page(page_of([x_post(1)])), broken, place)
    assert rows(archive, "SELECT (SELECT count(*) FROM pages), (SELECT count(*) FROM posts)") == [(0, 0)]
    assert save(archive, page_of([x_post(1)])) == 1


def test_the_same_page_twice_keeps_one_body_and_adds_no_post(archive: Archive) -> None:
    assert save(archive, page_of([x_post(1)])) == 1
    assert save(archive, page_of([x_post(1)], "2026-10-08T12:20:00.000Z")) == 0
    assert rows(archive, "SELECT count(*) FROM page_bodies") == [(1,)]
    assert rows(archive, "SELECT first_observed_at, observed_at FROM post_versions") == [
        ("2026-10-08T12:10:00.000Z", "2026-10-08T12:20:00.000Z")
    ]


def test_every_wording_is_kept_and_the_latest_edit_is_shown(archive: Archive) -> None:
    edited = x_post(1, "Second", edited_at="2026-10-08T12:08:00.000Z")
    save(archive, page_of([edited], "2026-10-08T12:10:00.000Z"))
    save(archive, page_of([x_post(1, "First")], "2026-10-08T12:11:00.000Z"))
    assert rows(archive, "SELECT text FROM posts") == [("Second",)]
    assert rows(archive, "SELECT text FROM post_versions ORDER BY text") == [("First",), ("Second",)]


def test_a_poorer_later_page_does_not_blank_what_is_known(archive: Archive) -> None:
    rich = x_post(1, lang="en", url="https://x.com/ann/status/1", reply_to=["5"], kind="reply")
    save(archive, page_of([rich]))
    save(archive, page_of([x_post(1)], "2026-10-08T12:30:00.000Z"))
    assert rows(archive, "SELECT lang, url, reply_to, kind FROM posts") == [
        ("en", "https://x.com/ann/status/1", "x:5", "reply")
    ]


def test_posts_written_by_a_handle_are_given_to_the_number_once_it_is_learnt(archive: Archive) -> None:
    save(archive, page_of([x_post(1, author="x:@ann", handle="Ann")]))
    save(archive, page_of([x_post(2, handle="Ann")]))
    save(archive, page_of([x_post(3, author="x:@ann", handle="Ann")]))
    assert rows(archive, "SELECT DISTINCT author FROM posts") == [("x:7",)]
    assert rows(archive, "SELECT id FROM authors") == [("x:7",)]


def test_a_reply_to_a_later_edit_finds_the_post_by_its_first_id(archive: Archive) -> None:
    save(archive, page_of([x_post(9, reply_to=["2"], kind="reply")]))
    save(archive, page_of([x_post(1, native_ids=[["1"], ["2"]])]))
    assert rows(archive, "SELECT reply_to FROM posts WHERE id = 'x:9'") == [("x:1",)]


def test_a_reference_of_one_server_waits_until_its_post_is_seen(archive: Archive) -> None:
    def toot(n: int, **more: Any) -> dict[str, Any]:
        return (
            x_post(n, id=f"mastodon:u{n}", platform="mastodon", author="mastodon:a", native_ids=[[str(n), SERVER]])
            | more
        )

    save(archive, page_of([toot(2, reply_to=["1", SERVER], kind="reply")]), "mastodon")
    assert rows(archive, "SELECT reply_to FROM posts") == [(None,)]
    save(archive, page_of([toot(1)]), "mastodon")
    assert rows(archive, "SELECT reply_to FROM posts WHERE id = 'mastodon:u2'") == [("mastodon:u1",)]
    assert rows(archive, "SELECT * FROM open_refs") == []


def test_counts_get_a_row_only_when_they_change(archive: Archive) -> None:
    for minute, likes in ((10, 3), (11, 3), (12, 4)):
        save(archive, page_of([x_post(1, likes=likes)], f"2026-10-08T12:{minute}:00.000Z"))
    assert rows(archive, "SELECT likes FROM metrics ORDER BY seen_at") == [(3,), (4,)]


def test_unavailable_ends_with_a_later_sighting_and_deleted_does_not(archive: Archive) -> None:
    save(archive, page_of([x_post(1), x_post(2)]))
    gone = page_of([], "2026-10-08T12:20:00.000Z")
    batch = Batch(deletions=[Deletion(Ref("1"), "unavailable"), Deletion(Ref("2"), "deleted")])
    archive.save_page(prepare_page(gone), batch, place_in(archive))
    assert rows(archive, "SELECT key, reason FROM tombstones ORDER BY key") == [
        ("x:1", "unavailable"), ("x:2", "deleted"),
    ]  # fmt: skip
    save(archive, page_of([x_post(1), x_post(2)], "2026-10-08T12:30:00.000Z"))
    assert rows(archive, "SELECT key FROM tombstones") == [("x:2",)]


def test_text_that_sqlite_cannot_keep_is_mended(archive: Archive) -> None:
    save(archive, page_of([x_post(1, "a\x00b \ud800 😀", links=["https://example.org/\udfff\x00"])]))
    assert rows(archive, "SELECT text FROM posts") == [("ab � 😀",)]
    assert rows(archive, "SELECT url FROM post_links") == [("https://example.org/�",)]


def test_html_is_sanitised_before_it_is_kept(archive: Archive) -> None:
    save(archive, page_of([x_post(1, html='<p onclick="x()">Hi<script>alert(1)</script></p>')]))
    assert rows(archive, "SELECT html FROM posts") == [("<p>Hi</p>",)]


def test_what_could_not_be_read_is_listed_with_its_line(archive: Archive) -> None:
    page = page_of([])
    flaw = Flaw("unusable", "no text", line=7)
    archive.save_page(prepare_page(page), Batch(flaws=[flaw]), place_in(archive))
    assert rows(archive, "SELECT kind, detail, line, chat FROM problems") == [("unusable", "no text", 7, "northmoor")]


def test_a_time_claimed_in_the_future_is_taken_as_the_time_of_arrival(archive: Archive) -> None:
    save(archive, page_of([x_post(1, created_at="2035-01-01T00:00:00.000Z")]))
    assert rows(archive, "SELECT created_at, posted_at FROM posts") == [
        ("2035-01-01T00:00:00.000Z", "2026-10-08T12:10:00.000Z")
    ]


PROJECTED = (
    "SELECT * FROM posts ORDER BY id",
    "SELECT post, digest, text, edited_at, first_observed_at, observed_at FROM post_versions ORDER BY 1, 2",
    "SELECT * FROM post_ids ORDER BY 1, 2, 3",
    "SELECT * FROM post_tags ORDER BY 1, 2",
    "SELECT * FROM sightings ORDER BY 1, 2",
    "SELECT id, handle, first_seen_at, last_seen_at FROM authors ORDER BY id",
)


def snapshot(archive: Archive) -> list[list[tuple[Any, ...]]]:
    return [rows(archive, sql) for sql in PROJECTED]


@st.composite
def histories(draw: st.DrawFn) -> list[RawPage]:
    """Pages of a few X posts: edits, edit ids, replies, handles and numbers, poorer and richer sights."""
    pages = []
    for n in range(draw(st.integers(1, 6))):
        posts = []
        for number in draw(st.lists(st.integers(1, 4), min_size=1, max_size=4, unique=True)):
            edits = draw(st.integers(0, 2))
            more: dict[str, Any] = {"native_ids": [[str(number)], *([f"{number}{e}"] for e in range(edits))]}
            if edits:
                more["edited_at"] = f"2026-10-08T12:0{edits}:00.000Z"
            if draw(st.booleans()):
                more |= {"reply_to": [draw(st.sampled_from(["1", "20", "31"]))], "kind": "reply"}
            if draw(st.booleans()):
                more |= {"author": "x:@ann", "handle": "ann"}
            elif draw(st.booleans()):
                more |= {"handle": "ann"}
            posts.append(x_post(number, draw(st.sampled_from(["one", "two", "three"])), tags=["northmoor"], **more))
        pages.append(page_of(posts, f"2026-10-08T12:1{n}:00.000Z"))
    return pages


@given(histories(), st.randoms(use_true_random=False))
def test_the_same_pages_in_any_order_give_the_same_rows(pages: list[RawPage], chance: random.Random) -> None:
    shuffled = chance.sample(pages, len(pages))
    assert _played(pages) == _played(shuffled)


@given(histories(), st.randoms(use_true_random=False))
def test_reading_the_stored_pages_again_gives_identical_rows(pages: list[RawPage], chance: random.Random) -> None:
    with memory_archive() as archive:
        for page in chance.sample(pages, len(pages)):
            save(archive, page)
        before = snapshot(archive)
        reparse(archive, {"test": parse})
        assert snapshot(archive) == before


def _played(pages: list[RawPage]) -> list[list[tuple[Any, ...]]]:
    with memory_archive() as archive:
        for page in pages:
            save(archive, page)
        return snapshot(archive)


def test_processes_that_open_a_new_archive_together_all_succeed(tmp_path: Path) -> None:
    opening = f"open_archive(Path({str(tmp_path / 'a.db')!r})).close()"
    code = f"from pathlib import Path; from archive.store import open_archive; {opening}"
    started = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
    assert [process.wait(timeout=60) for process in started] == [0, 0, 0, 0]


def test_a_file_that_is_no_archive_is_named_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "archive.db"
    path.write_bytes(b"this is a letter, not a database" * 100)
    with pytest.raises(StorageError, match="not a sound archive"):
        open_archive(path)


def test_a_locked_archive_is_named_in_one_line(archive: Archive) -> None:
    other = sqlite3.connect(archive.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    archive.conn.execute("PRAGMA busy_timeout = 1")
    with pytest.raises(StorageError, match="busy"):
        archive.start_run("collect", "0")
    other.close()


def session_of(number: int, starts_at: str, *, weekly: bool = False) -> Session:
    return Session(
        id=f"northmoor-{number}",
        chat="northmoor",
        starts_at=starts_at,
        ends_at="2026-12-31T00:00:00.000Z",
        weekly=weekly,
    )


def test_a_session_that_the_settings_no_longer_name_goes_and_past_weekly_ones_stay(archive: Archive) -> None:
    def save_sessions(*sessions: Session) -> list[str]:
        archive.save_chat(Chat(slug="northmoor", title="", hashtags=("northmoor",), sessions=sessions))
        return [session.id for session in archive.load_chats()["northmoor"].sessions]

    past, coming = "2026-10-01T12:00:00.000Z", "2026-10-22T12:00:00.000Z"
    assert save_sessions(session_of(1, past)) == ["northmoor-1"]
    assert save_sessions(session_of(2, past, weekly=True)) == ["northmoor-2"]
    assert save_sessions(session_of(3, coming, weekly=True)) == ["northmoor-2", "northmoor-3"]
    assert save_sessions(session_of(4, coming, weekly=True)) == ["northmoor-2", "northmoor-4"]
    assert save_sessions(session_of(5, coming)) == ["northmoor-5"]


def test_a_page_of_a_file_is_stored_once_and_the_fault_of_each_file_is_told(archive: Archive) -> None:
    page = page_of([x_post(1)], first_line=1)
    place = place_in(archive)
    assert archive.save_page(prepare_page(page), parse(page), place, once=True) is not None
    assert archive.save_page(prepare_page(page), parse(page), place, once=True) is None
    for origin, stored in (("a.gz", True), ("a.gz", False), ("b.gz", True)):
        fault = RawPage(
            source="test", format="lines", origin=origin, fetched_at="2026-10-08T12:00:00.000Z", body=b"", first_line=9
        )
        batch = Batch(flaws=[Flaw("cut", "the file ends too early", line=9)])
        assert (archive.save_page(prepare_page(fault), batch, place, once=True) is not None) is stored


def test_two_that_begin_the_same_walk_get_one(archive: Archive) -> None:
    begun = place_in(archive)
    twin = Walk(0, "northmoor", "x", begun.key, None, None, None, None, archive.now(), None, None)
    assert begin_walk(archive, twin).id == begun.walk
