"""The archive itself: opened, migrated, written in short transactions."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self, overload

from archive.ledger import settle
from archive.models import Batch, Chat, RawPage, Session
from archive.opening import open_database, storage_errors
from archive.repeats import only_repeats
from archive.saving import PageContext, Saved, save_batch
from archive.schema import migrations
from archive.times import Clock, system_clock, to_text
from archive.walks import join_walk


@dataclass(frozen=True, slots=True)
class PreparedPage:
    """A page with its digest and compressed body, made outside the transaction (and, for bulk, in another thread)."""

    page: RawPage
    sha256: str
    packed: bytes


def prepare_page(page: RawPage) -> PreparedPage:
    """The page ready to be stored. Level 1: twice as fast as the default, a tenth larger on JSON."""
    return PreparedPage(page, hashlib.sha256(page.body).hexdigest(), zlib.compress(page.body, 1))


@dataclass(frozen=True, slots=True)
class WalkPlace:
    """Which walk a page belongs to, the cursor that asked for it, and where the walk stands once it is saved.

    ``thrifty``: a page that only repeats what the archive holds is not kept, and a walk without a page joins the one
    before it.
    ``reservation`` is the row of the ledger's reservations that pays for the page, where the platform has a price.
    """

    walk: int
    key: str
    chat: str
    platform: str
    cursor: str | None
    top: str | None = None
    done: bool = False
    thrifty: bool = False
    reservation: int | None = None


class Archive:
    """archive.db, open for reading and writing by one thread. Use open_archive() to get one."""

    def __init__(self, path: Path, conn: sqlite3.Connection, clock: Clock) -> None:
        self.path = path
        self.conn = conn
        self.clock = clock
        self.run: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the file."""
        self.conn.close()

    def now(self) -> str:
        """The present as an archive time."""
        return to_text(self.clock())

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One write transaction; foreign keys are checked at its end, so rows may come in any order."""
        with storage_errors(self.path):
            self.conn.execute("BEGIN IMMEDIATE")
            try:
                self.conn.execute("PRAGMA defer_foreign_keys = ON")
                yield self.conn
                self.conn.execute("COMMIT")
            finally:
                if self.conn.in_transaction:
                    self.conn.execute("ROLLBACK")

    def start_run(self, command: str, version: str) -> None:
        """Notes that a command began; pages saved from now on name it."""
        with self.transaction() as conn:
            row = conn.execute(
                "INSERT INTO runs (command, version, started_at) VALUES (?, ?, ?)", (command, version, self.now())
            )
            self.run = row.lastrowid

    def end_run(self, exit_code: int) -> None:
        """Notes how the command ended."""
        with self.transaction() as conn:
            conn.execute("UPDATE runs SET ended_at = ?, exit = ? WHERE id = ?", (self.now(), exit_code, self.run))

    def save_chat(self, chat: Chat) -> None:
        """Writes the chat and its sessions as the settings have them; of a weekly chat the past sittings stay."""
        with self.transaction() as conn:
            conn.execute(
                "INSERT INTO chats (slug, title, hashtags, hosts, timezone, description) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (slug) DO UPDATE SET title = excluded.title, hashtags = excluded.hashtags,"
                " hosts = excluded.hosts, timezone = excluded.timezone, description = excluded.description",
                (chat.slug, chat.title, _list(chat.hashtags), _list(chat.hosts), chat.timezone, chat.description),
            )
            conn.executemany(
                "INSERT INTO sessions (id, chat, starts_at, ends_at, questions, weekly) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET starts_at = excluded.starts_at, ends_at = excluded.ends_at,"
                " questions = excluded.questions, weekly = excluded.weekly",
                [(s.id, s.chat, s.starts_at, s.ends_at, _list(s.questions), s.weekly) for s in chat.sessions],
            )
            # past sittings of a weekly chat stay; what else the settings no longer name was a mistake
            conn.execute(
                "DELETE FROM sessions WHERE chat = ? AND id NOT IN (SELECT value FROM json_each(?))"
                " AND NOT (weekly AND ? AND starts_at < ?)",
                (
                    chat.slug, json.dumps([s.id for s in chat.sessions]), any(s.weekly for s in chat.sessions),
                    self.now(),
                ),
            )  # fmt: skip

    def load_chats(self) -> dict[str, Chat]:
        """Every chat that the archive knows, by slug, with its sessions in order of time."""
        chats: dict[str, Chat] = {}
        rows = self.conn.execute("SELECT slug, title, hashtags, hosts, timezone, description FROM chats ORDER BY slug")
        for slug, title, hashtags, hosts, timezone, description in rows.fetchall():
            sessions = tuple(
                Session(
                    id=i,
                    chat=slug,
                    starts_at=starts,
                    ends_at=ends,
                    questions=tuple(json.loads(questions)),
                    weekly=bool(weekly),
                )
                for i, starts, ends, questions, weekly in self.conn.execute(
                    "SELECT id, starts_at, ends_at, questions, weekly FROM sessions WHERE chat = ? ORDER BY starts_at",
                    (slug,),
                )
            )
            chats[slug] = Chat(
                slug=slug, title=title, hashtags=tuple(json.loads(hashtags)), hosts=tuple(json.loads(hosts)),
                timezone=timezone, description=description, sessions=sessions,
            )  # fmt: skip
        return chats

    @overload
    def save_page(self, prepared: PreparedPage, batch: Batch, place: WalkPlace) -> Saved: ...

    @overload
    def save_page(self, prepared: PreparedPage, batch: Batch, place: WalkPlace, *, once: bool) -> Saved | None: ...

    def save_page(self, prepared: PreparedPage, batch: Batch, place: WalkPlace, *, once: bool = False) -> Saved | None:
        """The raw page, the posts read from it and the place of the walk, in one transaction.

        ``once``: a page that was stored for this chat before is not stored again; the answer is None.
        """
        with self.transaction() as conn:
            if once and _has_page(conn, prepared, place):
                return None
            if place.thrifty and only_repeats(conn, batch, _context_of(0, prepared.page, place)):
                saved = Saved(frozenset(), len(batch.posts), 0, stored=False)
            else:
                page = _insert_page(conn, prepared, place, self.run)
                saved = save_parsed(conn, page, prepared.page, batch, place)
            conn.execute(
                "UPDATE walks SET cursor = ?, top = coalesce(?, top), pages_count = pages_count + ?,"
                " posts_count = posts_count + ?, status = iif(?, 'done', status), closed_at = iif(?, ?, NULL),"
                " not_before = NULL WHERE id = ?",
                (
                    prepared.page.next_cursor, place.top, saved.stored, len(saved.new), place.done, place.done,
                    self.now(), place.walk,
                ),
            )  # fmt: skip
            if place.reservation is not None:
                fetched_at = prepared.page.fetched_at
                settle(conn, place.reservation, batch.billed, fetched_at, place.walk if place.done else None)
            if place.done and place.thrifty:
                join_walk(conn, place.walk)
        return saved

    def beat(self, next_at: str, doing: str) -> None:
        """A sign of life of the scheduled collector: when it will look again, and what it is doing."""
        with self.transaction() as conn:
            conn.execute(
                "UPDATE runs SET last_alive_at = ?, next_at = ?, doing = ? WHERE id = ?",
                (self.now(), next_at, doing, self.run),
            )


def _has_page(conn: sqlite3.Connection, prepared: PreparedPage, place: WalkPlace) -> bool:
    """Whether this very page of a file was stored for this chat before, under whatever name.

    A page without a body tells of a fault of its file, so there the name and line count too.
    """
    page = prepared.page
    row = conn.execute(
        "SELECT 1 FROM pages JOIN walks ON walks.id = pages.walk WHERE sha256 = ? AND source = ? AND chat = ?"
        " AND (? OR (origin = ? AND first_line = ?))",
        (prepared.sha256, page.source, place.chat, bool(page.body), page.origin, page.first_line),
    ).fetchone()
    return row is not None


def save_parsed(conn: sqlite3.Connection, page: int, raw: RawPage, batch: Batch, place: WalkPlace) -> Saved:
    """What was understood of a stored page; the same on first sight and when pages are read again."""
    saved = save_batch(conn, batch, _context_of(page, raw, place))
    conn.executemany(
        "INSERT INTO problems (at, chat, platform, page, line, post, kind, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (raw.fetched_at, place.chat, place.platform, page, flaw.line, flaw.post, flaw.kind, flaw.detail)
            for flaw in batch.flaws
        ],
    )
    return saved


def _context_of(page: int, raw: RawPage, place: WalkPlace) -> PageContext:
    return PageContext(
        page=page, chat=place.chat, walk=place.key, platform=place.platform, server=raw.server,
        fetched_at=raw.fetched_at, is_file=raw.first_line is not None,
    )  # fmt: skip


def _insert_page(conn: sqlite3.Connection, prepared: PreparedPage, place: WalkPlace, run: int | None) -> int:
    page = prepared.page
    conn.execute("INSERT OR IGNORE INTO page_bodies (sha256, body) VALUES (?, ?)", (prepared.sha256, prepared.packed))
    row = conn.execute(
        "INSERT INTO pages (walk, run, platform, source, format, origin, server, first_line, url, http_status,"
        " headers, fetched_at, cursor, next_cursor, sha256) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            place.walk, run, place.platform, page.source, page.format, page.origin, page.server, page.first_line,
            page.url, page.http_status, json.dumps(page.headers), page.fetched_at, place.cursor, page.next_cursor,
            prepared.sha256,
        ),
    )  # fmt: skip
    return int(row.lastrowid or 0)


def _list(values: tuple[str, ...]) -> str:
    return json.dumps(list(values), ensure_ascii=False)


def open_archive(path: Path, clock: Clock = system_clock) -> Archive:
    """Opens archive.db, makes it where there is none, and brings an older one up to date after a backup copy."""
    return Archive(path, open_database(path, migrations), clock)
