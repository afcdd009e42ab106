"""What the tests of archive files share: writing a file, and reading it to one batch."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from archive.models import Batch, Flaw, Post, RawPage
from collector.sources.base import FileSource

READ_AT = "2026-10-08T14:00:00.000Z"
EPOCH_MS = 1288834974657


def read_pages(source: FileSource, path: Path) -> list[RawPage]:
    return list(source.read(path, READ_AT))


def read_batch(source: FileSource, path: Path) -> Batch:
    """All pages of a file, each parsed alone as the archive would parse it again, as one batch."""
    whole = Batch()
    for page in read_pages(source, path):
        batch = source.parse(replace(page))
        whole.rows += batch.rows
        whole.posts += batch.posts
        whole.authors += batch.authors
        whole.flaws += batch.flaws
    return whole


def native_ids(batch: Batch) -> list[str]:
    return [post.id.removeprefix("x:") for post in primary(batch)]


def primary(batch: Batch) -> list[Post]:
    return [post for post in batch.posts if post.primary]


def lost(batch: Batch) -> list[Flaw]:
    """The flaws that stand for a row without a post."""
    return [flaw for flaw in batch.flaws if flaw.kind in ("unusable", "malformed", "cut")]


def repaired(batch: Batch) -> list[Flaw]:
    return [flaw for flaw in batch.flaws if flaw.kind == "repaired"]


def table(rows: Sequence[Mapping[str, str]], delimiter: str = ",") -> bytes:
    """Rows as CSV with the columns of the first."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode("utf-8", "surrogatepass")
