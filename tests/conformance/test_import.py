"""Archive files of the three kinds go in whole, each usable post accounted for; twice changes nothing."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import pytest

from archive.models import Chat
from archive.store import Archive
from collector.importing import Imported, import_file
from collector.sources.files import find_format

pytestmark = pytest.mark.conformance
REAL = os.environ.get("CHATKEEP_REAL_DATA")
FOLDER = Path(REAL or ".") / "fixtures" / "archives"
NOT_POSTS = ("users", "lists", "counts", "compliance", "empty")
FILES = (
    [
        path
        for pattern in ("twarc_v2/**/*.jsonl", "tags/**/*.csv", "chat/*.csv")
        for path in sorted(FOLDER.glob(pattern))
        if not any(word in path.stem for word in NOT_POSTS)
    ]
    if REAL
    else []
)
TABLES = ("posts", "post_versions", "authors", "post_ids", "post_tags", "post_links", "metrics", "pages", "problems")


def counts(archive: Archive) -> list[int]:
    return [archive.conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES]


def imported(archive: Archive, chat: Chat, path: Path) -> Imported:
    return import_file(archive, chat, path, find_format(path))


@pytest.mark.skipif(REAL is None, reason="CHATKEEP_REAL_DATA names no folder of recorded data")
def test_there_are_files_to_import() -> None:
    assert len(FILES) > 20


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_real_file_goes_in_whole_and_a_second_time_changes_nothing(
    path: Path, archive: Archive, chat: Chat, tmp_path: Path
) -> None:
    first = imported(archive, chat, path)
    stored: Any = archive.conn.execute("SELECT count(*) FROM posts").fetchone()[0]
    assert stored == first.new_count + first.along_count > 0
    before = counts(archive)
    again = imported(archive, chat, path)
    assert (again.new_count, again.rows_count) == (0, first.rows_count)
    assert counts(archive) == before
    packed = tmp_path / f"{path.name}.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert imported(archive, chat, packed).new_count == 0
    assert counts(archive) == before
