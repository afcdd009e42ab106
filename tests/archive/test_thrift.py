"""What is not kept: pages that only repeat, and rows of walks that say what the one before them says."""

from __future__ import annotations

import pytest
from memory_archive import memory_archive

from archive.models import Author, Batch, Metrics, Post, RawPage, Ref
from archive.store import Archive, WalkPlace, prepare_page
from archive.walks import Walk, begin_walk

KEY = "northmoor|tag|x"


def walk(archive: Archive, covers: tuple[str | None, str | None], opened_at: str, key: str = KEY) -> Walk:
    return begin_walk(
        archive,
        Walk(
            id=0, chat="northmoor", platform="x", key=key, floor=None, top=None, cursor=None, not_before=None,
            opened_at=opened_at, covers_from=covers[0], covers_to=covers[1],
        ),
    )  # fmt: skip


def poll(archive: Archive, covers: tuple[str | None, str | None], opened_at: str, batch: Batch | None = None) -> bool:
    """One complete thrifty poll; whether its page was kept."""
    begun = walk(archive, covers, opened_at)
    page = RawPage(source="x", format="search", origin="x", fetched_at=opened_at, body=opened_at.encode())
    place = WalkPlace(begun.id, KEY, "northmoor", "x", None, done=True, thrifty=True)
    return archive.save_page(prepare_page(page), batch or Batch(), place).stored


def rows(archive: Archive) -> list[tuple[str, str, str, int]]:
    sql = "SELECT covers_from, covers_to, opened_at, repeats_count FROM walks WHERE status = 'done' ORDER BY id"
    return archive.conn.execute(sql).fetchall()


def at(minute: int) -> str:
    return f"2026-10-08T12:{minute:02d}:00.000Z"


def one_post(**more: object) -> Batch:
    fields: dict[str, object] = {
        "id": "x:1", "platform": "x", "author": "x:7", "native_ids": (Ref("1"),), "created_at": at(1), "text": "tip",
        "metrics": Metrics(likes=1),
    } | more  # fmt: skip
    return Batch(posts=[Post(**fields)], authors=[Author(id="x:7", platform="x", handle="ann")])  # type: ignore[arg-type]


def test_quiet_polls_without_a_moment_between_them_are_one_row() -> None:
    archive = memory_archive()
    for minute in range(5, 9):
        assert not poll(archive, (at(minute - 4), at(minute - 1)), at(minute))
    assert rows(archive) == [(at(1), at(7), at(8), 3)]


@pytest.mark.parametrize(
    "later",
    [
        ((at(20), at(29)), at(30)),  # nobody looked from minute 9 to 20
        ((at(2), at(8)), at(9)),  # it proves no later moment than the one before
        ((None, at(29)), at(30)),  # from when it proves something is not known
    ],
)
def test_a_walk_that_does_not_go_on_where_the_last_one_ended_keeps_its_row(
    later: tuple[tuple[str | None, str | None], str],
) -> None:
    archive = memory_archive()
    poll(archive, (at(1), at(9)), at(10))
    poll(archive, *later)
    assert len(rows(archive)) == 2


def test_a_poll_that_only_repeats_what_is_known_keeps_no_page() -> None:
    archive = memory_archive()
    assert poll(archive, (at(1), at(4)), at(5), one_post())
    assert not poll(archive, (at(3), at(5)), at(6), one_post())
    assert archive.conn.execute("SELECT count(*) FROM pages").fetchone() == (1,)


@pytest.mark.parametrize(
    "change",
    [
        {"text": "another tip"},
        {"metrics": Metrics(likes=2)},
        {"id": "x:2", "native_ids": (Ref("2"),)},
        {"lang": "cy"},
        {"edited_at": at(4)},
    ],
)
def test_a_page_with_anything_new_is_kept(change: dict[str, object]) -> None:
    archive = memory_archive()
    poll(archive, (at(1), at(4)), at(5), one_post())
    assert poll(archive, (at(3), at(5)), at(6), one_post(**change))


def test_a_page_that_brings_a_hidden_post_back_is_kept_and_shows_it() -> None:
    archive = memory_archive()
    poll(archive, (at(1), at(4)), at(5), one_post())
    archive.conn.execute("INSERT INTO tombstones VALUES ('x:1', ?, 'unavailable')", (at(5),))
    assert poll(archive, (at(3), at(5)), at(6), one_post())
    assert archive.conn.execute("SELECT count(*) FROM tombstones").fetchone() == (0,)
