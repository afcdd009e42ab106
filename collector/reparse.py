"""Reads the stored pages again: posts, authors, counts, sightings and problems are rebuilt from what was received."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from archive.errors import StorageError
from archive.models import Batch, RawPage
from archive.store import Archive, WalkPlace, save_parsed

Parse = Callable[[RawPage], Batch]

# Findings rest on posts: they go first, and `analyse` builds them again.
_FINDINGS = (
    *("recaps", "tip_evidence", "tips", "themes", "answers", "questions", "chat_posts", "people"),
    *("author_organisations", "organisations", "coverage", "attendance", "session_authors", "unread_languages"),
)
_READ_FROM_PAGES = (
    *("metrics", "sightings", "post_media", "post_mentions", "post_links", "post_tags", "open_refs", "post_ids"),
    *("post_versions", "posts", "authors", "counts", "open_deletions"),
)


@dataclass(slots=True)
class Reparsed:
    """How much was read again."""

    pages_count: int = 0
    posts_count: int = 0


def reparse(
    archive: Archive, parsers: Mapping[str, Parse], on_page: Callable[[int], None] = lambda _: None
) -> Reparsed:
    """Rebuilds everything that is read from pages, in the order they were fetched, in one transaction.

    Until it commits, readers see the rows of before; a kill leaves them untouched. Raises StorageError for pages that
    no parser knows.
    """
    done = Reparsed()
    with archive.transaction() as conn:
        for table in (*_FINDINGS, *_READ_FROM_PAGES):
            conn.execute(f"DELETE FROM {table}")
        conn.execute("DELETE FROM problems WHERE page IS NOT NULL")
        conn.execute("DELETE FROM tombstones WHERE reason <> 'erased'")
        for page, place, raw in _stored_pages(conn):
            parse = parsers.get(raw.source)
            if parse is None:
                raise StorageError(
                    f"{archive.path} holds pages of {raw.source!r}, which this version cannot read:"
                    " nothing was changed; install the version of chatkeep that stored them, or a newer one"
                )
            save_parsed(conn, page, raw, parse(raw), place)
            done.pages_count += 1
            on_page(done.pages_count)
        done.posts_count = conn.execute("SELECT count(*) FROM posts").fetchone()[0]
    return done


def _stored_pages(conn: sqlite3.Connection) -> Iterator[tuple[int, WalkPlace, RawPage]]:
    order = conn.execute("SELECT id FROM pages ORDER BY fetched_at, id").fetchall()
    for (page,) in order:
        row = conn.execute(
            "SELECT walks.id, walks.key, walks.chat, pages.platform, pages.cursor, source, format, origin, fetched_at,"
            " body, url, server, http_status, headers, first_line, next_cursor FROM pages"
            " JOIN walks ON walks.id = pages.walk JOIN page_bodies ON page_bodies.sha256 = pages.sha256"
            " WHERE pages.id = ?",
            (page,),
        ).fetchone()
        walk, key, chat, platform, cursor, source, form, origin, fetched_at, body, url, server, status, headers = row[
            :14
        ]
        place = WalkPlace(walk=walk, key=key, chat=chat, platform=platform, cursor=cursor)
        yield page, place, RawPage(
            source=source, format=form, origin=origin, fetched_at=fetched_at, body=zlib.decompress(body), url=url,
            server=server, http_status=status, headers=json.loads(headers), first_line=row[14], next_cursor=row[15],
        )  # fmt: skip
