"""Tombstones come out the same whatever order deletions, posts and returns are read in."""

from __future__ import annotations

import json
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from memory_archive import memory_archive

from archive.models import AuthorState, Batch, Count, Deletion, Post, RawPage, Ref
from archive.store import Archive, WalkPlace, prepare_page
from archive.walks import Walk, begin_walk, load_open_walk
from collector.reparse import reparse

SERVER = "https://one.example"
ANN = "mastodon:https://one.example/users/ann"


def parse(page: RawPage) -> Batch:
    """A parser of the tests' own: a page lists posts, deletions, states of accounts, and numbers of posts."""
    said = json.loads(page.body)
    batch = Batch(deletions=[Deletion(Ref(*ref), reason) for ref, reason in said.get("deletions", ())])
    batch.author_states = [AuthorState(*state) for state in said.get("states", ())]
    batch.counts = [Count("#northmoor", *count) for count in said.get("counts", ())]
    for item in said.get("posts", ()):
        ids = tuple(Ref(*ref) for ref in item.pop("native_ids"))
        batch.posts.append(Post(**item, native_ids=ids, created_at="2026-10-08T12:00:00.000Z", text="Tip"))
    return batch


def mastodon_post(number: int, **more: Any) -> dict[str, Any]:
    ids = [[str(number), SERVER]]
    return {"id": f"mastodon:u{number}", "platform": "mastodon", "author": ANN, "native_ids": ids, **more}


def x_post(number: int, *edits: int, **more: Any) -> dict[str, Any]:
    ids = [[str(number)], *([str(edit)] for edit in edits)]
    return {"id": f"x:{number}", "platform": "x", "author": "x:7", "native_ids": ids, **more}


def page_at(minute: int, first_line: int | None = None, **said: Any) -> RawPage:
    body = json.dumps(said).encode()
    fetched_at = f"2026-10-08T12:{minute:02d}:00.000Z"
    return RawPage(
        source="test", format="any", origin="one.example", fetched_at=fetched_at, body=body, server=SERVER,
        first_line=first_line,
    )  # fmt: skip


def save(archive: Archive, page: RawPage, platform: str = "mastodon") -> None:
    key = f"northmoor|tag {platform}"
    walk = load_open_walk(archive, key) or begin_walk(
        archive, Walk(0, "northmoor", platform, key, None, None, None, None, archive.now(), None, None)
    )
    archive.save_page(prepare_page(page), parse(page), WalkPlace(walk.id, key, "northmoor", platform, None))


def tombstones(archive: Archive) -> list[tuple[str, str, str]]:
    rows = archive.conn.execute("SELECT key, reason, substr(seen_at, 15, 2) FROM tombstones ORDER BY key")
    return [tuple(row) for row in rows]


def waiting(archive: Archive) -> list[tuple[str, str, str]]:
    rows = archive.conn.execute("SELECT native_id, reason, substr(seen_at, 15, 2) FROM open_deletions ORDER BY 1")
    return [tuple(row) for row in rows]


def test_a_delete_before_its_update_buries_the_post_when_it_comes(archive: Archive) -> None:
    save(archive, page_at(10, deletions=[[["1", SERVER], "deleted"]]))
    assert (tombstones(archive), waiting(archive)) == ([], [("1", "deleted", "10")])
    save(archive, page_at(11, posts=[mastodon_post(1), mastodon_post(2)]))
    assert (tombstones(archive), waiting(archive)) == ([("mastodon:u1", "deleted", "10")], [])
    save(archive, page_at(12, posts=[mastodon_post(1)]))
    assert tombstones(archive) == [("mastodon:u1", "deleted", "10")]


def test_a_delete_and_its_update_of_one_page_make_a_tombstone_too(archive: Archive) -> None:
    save(archive, page_at(10, posts=[mastodon_post(1)], deletions=[[["1", SERVER], "deleted"]]))
    assert tombstones(archive) == [("mastodon:u1", "deleted", "10")]


def test_the_same_id_of_another_server_is_another_post(archive: Archive) -> None:
    save(archive, page_at(10, deletions=[[["1", "https://two.example"], "deleted"]]))
    save(archive, page_at(11, posts=[mastodon_post(1)]))
    assert tombstones(archive) == []
    assert len(waiting(archive)) == 1


def test_what_waits_as_unavailable_hides_an_older_sight_alone(archive: Archive) -> None:
    save(archive, page_at(20, deletions=[[["1", SERVER], "unavailable"], [["2", SERVER], "unavailable"]]))
    save(archive, page_at(10, posts=[mastodon_post(1)]))
    save(archive, page_at(30, posts=[mastodon_post(2)]))
    assert (tombstones(archive), waiting(archive)) == ([("mastodon:u1", "unavailable", "20")], [])


def test_ids_that_hold_everywhere_wait_too_where_the_post_is_unknown_and_the_word_is_final(archive: Archive) -> None:
    save(archive, page_at(10, deletions=[[["1"], "deleted"], [["2"], "unavailable"], [["31"], "unavailable"]]), "x")
    assert waiting(archive) == [("1", "deleted", "10")]
    assert tombstones(archive) == [("x:2", "unavailable", "10"), ("x:31", "unavailable", "10")]
    save(archive, page_at(5, posts=[x_post(1), x_post(3, 31)]), "x")
    assert waiting(archive) == []
    assert tombstones(archive) == [
        ("x:1", "deleted", "10"), ("x:2", "unavailable", "10"), ("x:3", "unavailable", "10"),
    ]  # fmt: skip


def test_an_account_that_is_away_comes_back_and_a_deleted_one_never_does(archive: Archive) -> None:
    save(archive, page_at(10, states=[[ANN, "unavailable"], ["mastodon:bob", "deleted"]]))
    assert tombstones(archive) == [("mastodon:bob", "deleted", "10"), (ANN, "unavailable", "10")]
    save(archive, page_at(11, states=[[ANN, None], ["mastodon:bob", None]]))
    assert tombstones(archive) == [("mastodon:bob", "deleted", "10")]
    save(archive, page_at(9, states=[[ANN, "unavailable"]]))
    assert tombstones(archive) == [("mastodon:bob", "deleted", "10")]


def test_an_account_that_posts_is_there_but_a_post_carried_along_or_an_old_file_proves_nothing(
    archive: Archive,
) -> None:
    save(archive, page_at(10, states=[[ANN, "unavailable"]]))
    save(archive, page_at(11, posts=[mastodon_post(1, primary=False)]))
    save(archive, page_at(12, posts=[mastodon_post(2)], first_line=1))
    save(archive, page_at(9, posts=[mastodon_post(3)]))
    assert [key for key, _, _ in tombstones(archive)] == [ANN]
    save(archive, page_at(13, posts=[mastodon_post(3)]))
    assert tombstones(archive) == []
    save(archive, page_at(12, states=[[ANN, "unavailable"]]))
    assert tombstones(archive) == []


def test_of_two_counts_of_one_time_the_later_holds(archive: Archive) -> None:
    span = ["2026-10-08T12:00:00.000Z", "2026-10-08T13:00:00.000Z"]
    for minute, number in ((10, 3), (30, 5), (20, 9)):
        save(archive, page_at(minute, counts=[[*span, number]]))
    rows = archive.conn.execute('SELECT "query", posts_count, substr(seen_at, 15, 2) FROM counts').fetchall()
    assert rows == [("#northmoor", 5, "30")]


PROJECTED = (
    "SELECT * FROM tombstones ORDER BY 1",
    "SELECT * FROM open_deletions ORDER BY 1, 2, 3",
    "SELECT * FROM counts ORDER BY 1, 2, 3, 4",
    "SELECT * FROM posts ORDER BY id",
    "SELECT * FROM post_ids ORDER BY 1, 2, 3",
)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[RawPage, str]]:
    """Pages of two platforms that show posts, take them away, and tell of accounts and numbers."""
    pages = []
    reasons = st.sampled_from(["deleted", "unavailable"])
    for minute in draw(st.lists(st.integers(10, 59), min_size=1, max_size=7, unique=True)):
        platform = draw(st.sampled_from(["mastodon", "x"]))
        numbers = st.lists(st.integers(1, 3), max_size=3, unique=True)
        shown = draw(numbers)
        said: dict[str, Any] = {}
        if platform == "x":
            said["posts"] = [x_post(n, *([n + 10] if draw(st.booleans()) else [])) for n in shown]
            ids = [[[str(n + draw(st.sampled_from([0, 10])))], draw(reasons)] for n in draw(numbers)]
            author = "x:7"
        else:
            said["posts"] = [mastodon_post(n) for n in shown]
            ids = [[[str(n), SERVER], draw(reasons)] for n in draw(numbers)]
            author = ANN
        said["deletions"] = ids
        said["states"] = draw(st.lists(st.tuples(st.just(author), st.sampled_from(["unavailable", None])), max_size=1))
        span = ["2026-10-08T12:00:00.000Z", "2026-10-08T13:00:00.000Z"]
        said["counts"] = draw(st.lists(st.tuples(*map(st.just, span), st.integers(0, 3)), max_size=1))
        pages.append((page_at(minute, **said), platform))
    return pages


def _snapshot(archive: Archive) -> list[list[tuple[Any, ...]]]:
    return [archive.conn.execute(sql).fetchall() for sql in PROJECTED]


def _played(pages: list[tuple[RawPage, str]]) -> list[list[tuple[Any, ...]]]:
    with memory_archive() as archive:
        for page, platform in pages:
            save(archive, page, platform)
        return _snapshot(archive)


@given(histories(), st.randoms(use_true_random=False))
def test_the_same_pages_in_any_order_leave_the_same_tombstones(
    pages: list[tuple[RawPage, str]], chance: random.Random
) -> None:
    assert _played(pages) == _played(chance.sample(pages, len(pages)))


@given(histories())
def test_reading_the_stored_pages_again_leaves_the_same_tombstones(pages: list[tuple[RawPage, str]]) -> None:
    with memory_archive() as archive:
        for page, platform in pages:
            save(archive, page, platform)
        before = _snapshot(archive)
        reparse(archive, {"test": parse})
        assert _snapshot(archive) == before
