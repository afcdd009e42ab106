"""Real archive files, against a plain reading of the same files that shares no code with ours."""

from __future__ import annotations

import csv
import gzip
import html
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from archive.errors import UsageError
from archive.models import Batch
from collector.sources import file_lines
from collector.sources.base import FileSource
from collector.sources.files import find_format

REAL_DATA = os.environ.get("CHATKEEP_REAL_DATA", "")
ARCHIVES = Path(REAL_DATA) / "fixtures" / "archives"
READ_AT = "2026-10-08T14:00:00.000Z"
ID_IN_ADDRESS = re.compile(r"/status(?:es)?/(\d+)$")

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(not REAL_DATA, reason="CHATKEEP_REAL_DATA does not name the folder with fixtures/archives"),
]


def files_under(*folders: str) -> list[Path]:
    """Every file of these folders; none where there is no real data."""
    found = (path for folder in folders for path in sorted((ARCHIVES / folder).rglob("*")) if path.is_file())
    return list(found) if REAL_DATA else []


def name_of(path: Path) -> str:
    return str(path.relative_to(ARCHIVES))


def holds_posts(path: Path) -> bool:
    return path.name not in {
        *("counts.jsonl", "lists.jsonl", "users.jsonl", "empty.json"),
        *("tweets_compliance.jsonl", "users_compliance.jsonl"),
    }


TWARC2 = [path for path in files_under("twarc_v2") if holds_posts(path)]
TAGS = files_under("tags")
CHATS = files_under("chat")


def read(source: FileSource, path: Path) -> Batch:
    whole = Batch()
    for page in source.read(path, READ_AT):
        batch = source.parse(replace(page))
        whole.rows += batch.rows
        whole.posts += batch.posts
        whole.flaws += batch.flaws
    return whole


def ids_of(batch: Batch) -> list[str]:
    """The id of each row as its file gives it: X's own id of the version, not the first of its history."""
    return [post.native_ids[-1].native_id for post in batch.posts if post.primary]


def objects_in(path: Path) -> Iterator[dict[str, Any]]:
    """Each line that is JSON, read by nothing but the json module."""
    for line in path.read_bytes().splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue


def plain_ids_of_twarc2(path: Path) -> list[str]:
    found = []
    for value in objects_in(path):
        data = value.get("data", value)
        found += [row["id"] for row in (data if isinstance(data, list) else [data])]
    return found


def plain_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def plain_ids_of_tags(path: Path) -> list[str]:
    """The ids as the addresses tell them."""
    return [found[1] for row in plain_rows(path) if (found := ID_IN_ADDRESS.search(row["status_url"] or ""))]


def plain_ids(path: Path) -> list[str]:
    if path in TWARC2:
        return plain_ids_of_twarc2(path)
    return plain_ids_of_tags(path) if path in TAGS else [row["id"] for row in plain_rows(path)]


@pytest.mark.parametrize("path", [*TWARC2, *TAGS, *CHATS], ids=name_of)
def test_every_usable_post_is_read_once_and_in_order(path: Path, tmp_path: Path) -> None:
    source = find_format(path)
    assert source.name == ("twarc2" if path in TWARC2 else "tags" if path in TAGS else "academictwitter")
    batch = read(source, path)
    assert ids_of(batch) == plain_ids(path)
    packed = tmp_path / "chat.gz"
    with path.open("rb") as plain, gzip.open(packed, "wb") as file:
        shutil.copyfileobj(plain, file)
    assert find_format(packed).name == source.name
    again = read(source, packed)
    assert (again.posts, again.flaws, again.rows) == (batch.posts, batch.flaws, batch.rows)


@pytest.mark.parametrize("path", [*TAGS, *CHATS], ids=name_of)
def test_small_pages_say_what_large_ones_say(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = find_format(path)
    whole = read(source, path)
    monkeypatch.setattr(file_lines, "MAX_ROWS", 7)
    small = read(source, path)
    assert (small.posts, small.flaws, small.rows) == (whole.posts, whole.flaws, whole.rows)


@pytest.mark.parametrize("path", TWARC2, ids=name_of)
def test_twarc2_texts_and_authors_are_those_of_the_file(path: Path) -> None:
    batch = read(find_format(path), path)
    rows = [
        row
        for value in objects_in(path)
        for data in [value.get("data", value)]
        for row in (data if isinstance(data, list) else [data])
    ]
    kept = [post for post in batch.posts if post.primary]
    for post, row in zip(kept, rows, strict=True):
        assert post.text == html.unescape(row.get("note_tweet", {}).get("text") or row["text"])
        assert post.author == f"x:{row['author_id']}"


def test_the_damaged_sheets_are_repaired_row_by_row() -> None:
    analysis, refine = (read(find_format(path), path) for path in TAGS if path.parent.name == "cometlanding_samples")
    repaired = [[flaw for flaw in batch.flaws if flaw.kind == "repaired"] for batch in (analysis, refine)]
    assert (analysis.rows, len(analysis.posts), len(repaired[0])) == (10, 10, 10)
    assert (refine.rows, len(refine.posts), len(repaired[1])) == (9, 8, 8)
    assert [(flaw.kind, flaw.line) for flaw in refine.flaws if flaw.kind != "repaired"] == [("unusable", 6)]
    assert not any("â€" in post.text or "Â" in post.text for post in (*analysis.posts, *refine.posts))
    assert all(post.author.startswith("x:") and "@" not in post.author for post in analysis.posts)


def test_sound_sheets_and_chats_are_read_without_a_flaw() -> None:
    for path in (*TAGS, *CHATS):
        if path.parent.name != "cometlanding_samples":
            assert read(find_format(path), path).flaws == []


def test_a_stream_that_was_cut_loses_its_last_line_alone() -> None:
    (path,) = (path for path in TWARC2 if path.name == "streaming_output_with_error.jsonl")
    batch = read(find_format(path), path)
    assert (batch.rows, len(ids_of(batch))) == (8, 7)
    assert [(flaw.kind, flaw.line) for flaw in batch.flaws if flaw.kind == "cut"] == [("cut", 8)]


@pytest.mark.parametrize(
    "path",
    [
        *(path for path in files_under("twarc_v2") if not holds_posts(path)),
        *files_under("mastodon_outbox", "rtweet", "snscrape", "twarc_csv", "twarc_v1", "x_archive", "x_web_graphql"),
    ],
    ids=name_of,
)
def test_files_of_other_kinds_are_refused_in_one_line(path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        find_format(path)
    assert "\n" not in str(caught.value)


def test_what_twarc_csv_made_of_a_file_has_the_posts_that_we_read() -> None:
    for made in files_under("twarc_csv"):
        path = ARCHIVES / "twarc_v2" / "flattened" / f"{made.stem}.jsonl"
        batch = read(find_format(path), path)
        by_twarc = {row["id"]: row for row in plain_rows(made)}
        posts = {post.native_ids[-1].native_id: post for post in batch.posts if post.primary}
        assert posts.keys() == by_twarc.keys()
        for native, row in by_twarc.items():
            post = posts[native]
            assert post.author == f"x:{row['author_id']}"
            assert (post.quote_of.native_id if post.quote_of else "") == row["referenced_tweets.quoted.id"]
            assert (post.repost_of.native_id if post.repost_of else "") == row["referenced_tweets.retweeted.id"]
            assert (post.reply_to.native_id if post.reply_to else "") == row["referenced_tweets.replied_to.id"]
            assert (post.conversation.native_id if post.conversation else "") == row["conversation_id"]
