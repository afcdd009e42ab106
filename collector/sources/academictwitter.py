"""Reads posts that academictwitteR fetched and R saved as CSV: one row a post, authors by number alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from archive.models import Author, Batch, Platform, Post, PostKind, RawPage, Ref
from collector.sources.csv_rows import Row, Unusable, parse_table, read_table, recognises_table
from collector.sources.x_rows import (
    author_of,
    links_in,
    mentions_in,
    reposted_handle,
    sound_id,
    tags_in,
    text_of,
    time_of,
)

_NEEDED = frozenset({"id", "text", "author_id"})
_COLUMNS = _NEEDED | {
    *("created_at", "conversation_id", "in_reply_to_user_id"),
    *("lang", "possibly_sensitive", "source"),
}
_OF_TWARC_CSV = b"__twarc.retrieved_at"
_FLAGS = {"true": True, "false": False}


class AcademicTwitter:
    """academictwitteR's plain columns. twarc-csv has them too, beside others that we would lose: it is not for us."""

    name = "academictwitter"
    platform: Platform = "x"
    id_columns: tuple[str, ...] = ("id",)

    def recognises(self, path: Path, head: bytes) -> bool:
        return recognises_table(head, self) and _OF_TWARC_CSV not in head

    def read(self, path: Path, fetched_at: str) -> Iterator[RawPage]:
        return read_table(path, fetched_at, self)

    def parse(self, page: RawPage) -> Batch:
        return parse_table(page, self)

    def has_posts(self, columns: Collection[str]) -> bool:
        return _NEEDED.issubset(columns)

    def known_columns(self) -> Collection[str]:
        return _COLUMNS

    def read_row(self, row: Row) -> tuple[Post, Author]:
        native = sound_id(row, "id", rounded=row.rounded)
        if native is None:
            told = row.values.get("id")
            raise Unusable(f"a spreadsheet damaged the id {told!r}"[:200] if told else "this row has no id")
        number = sound_id(row, "author_id", rounded=row.rounded)
        if number is None and "author_id" in row.values:
            raise Unusable("a spreadsheet damaged the author's number")
        text = text_of(row)
        written_at = time_of(row, native)
        conversation = sound_id(row, "conversation_id", rounded=row.rounded)
        author = Author(id=author_of(number, None), platform="x")
        post = Post(
            id="x:" + native,
            platform="x",
            author=author.id,
            native_ids=(Ref(native),),
            created_at=written_at,
            observed_at=written_at,  # the file does not say when it was read: any sight with a time goes before it
            text=text,
            lang=row.values.get("lang"),
            kind=_kind(row, text),
            conversation=Ref(conversation) if conversation else None,
            sensitive=_FLAGS.get(row.values.get("possibly_sensitive", "").lower()),
            tags=tags_in(text),
            links=links_in(text),
            mentions=mentions_in(text),
        )
        return post, author


def _kind(row: Row, text: str) -> PostKind:
    """The file does not say which post is repeated or answered, only that one is."""
    if reposted_handle(text):
        return "repost"
    return "reply" if "in_reply_to_user_id" in row.values else "post"
