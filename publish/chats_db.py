"""Publishes archive.db as chats.db: for organisers, all text included, without what was deleted or withdrawn.

The file is changed in place and in one transaction, since Datasette keeps showing a replaced file's old rows. Only
rows that differ are written. Full text is kept without triggers: built at once where a table was empty, otherwise
row by row; and merged whole after every removal, because FTS5 keeps a deleted row's words until then (measured: not
even VACUUM removes them).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from archive.errors import StorageError
from archive.opening import storage_errors
from publish import chats_rows, links, telling, wording
from publish.chats_schema import TABLES, VERSION, Table

_BUSY_SECONDS = 30.0
_UNKNOWN_CHAT: dict[str, str] = {"zone": "UTC"}
_BY_NAME = {table.name: table for table in TABLES}


@dataclass(slots=True)
class Published:
    """What a publish did: how many rows each table holds now, how many were written, how many went away."""

    rows: dict[str, int] = field(default_factory=dict)
    written: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True)
class _Scope:
    """One session as the archive (``chat``, ``stored``) and as chats.db (``session``) name it."""

    chat: str
    stored: str
    session: str
    title: str
    zone: str
    hosts: str = "[]"
    hashtags: str = "[]"
    questions: str | None = None
    starts_at: str | None = None
    ends_at: str | None = None

    def parameters(self) -> dict[str, str | None]:
        date = wording.local_day(self.starts_at, self.zone) if self.starts_at else None
        return {
            "chat": self.chat, "stored": self.stored, "session": self.session, "title": self.title, "date": date,
            "zone": self.zone, "hosts": self.hosts, "hashtags": self.hashtags, "questions": self.questions,
            "starts_at": self.starts_at, "ends_at": self.ends_at,
        }  # fmt: skip


def publish_chats(
    archive_path: Path, chats_path: Path, *, at: str, sessions: Collection[str] | None = None
) -> Published:
    """Brings chats.db up to what archive.db says now; builds it where it is not there yet.

    ``at`` is the archive time shown as the time of publishing. ``sessions`` limits the work to those whose posts or
    findings changed, by their ids in the archive (a live session's tick); what was deleted goes from every session
    all the same. Raises StorageError.
    """
    if not archive_path.is_file():
        raise StorageError(f"there is no archive at {archive_path}: collect or import a chat first")
    with storage_errors(chats_path), closing(_connect(archive_path, chats_path)) as conn:
        publisher = _Publisher(conn)
        with _transaction(conn):
            publisher.publish(at, sessions)
        # Readers of the old state are given their time; what they hold up is done by the next publish.
        conn.execute("PRAGMA main.wal_checkpoint(TRUNCATE)").fetchall()
        return publisher.done


def _connect(archive_path: Path, chats_path: Path) -> sqlite3.Connection:
    chats_path.parent.mkdir(parents=True, exist_ok=True)
    conn = sqlite3.connect(chats_path, timeout=_BUSY_SECONDS, isolation_level=None, uri=True)
    try:
        _check_sound(conn, chats_path)
        conn.execute("PRAGMA journal_mode = WAL").fetchall()
        conn.execute("PRAGMA synchronous = NORMAL")
        conn.execute("PRAGMA secure_delete = ON").fetchall()
        wording.register(conn)
        telling.register(conn)
        links.register(conn)
        conn.execute("ATTACH ? AS archive", (f"file:{quote(str(archive_path.resolve()))}?mode=ro",))
    except sqlite3.Error:
        conn.close()
        raise
    return conn


def _check_sound(conn: sqlite3.Connection, chats_path: Path) -> None:
    try:
        conn.execute("SELECT count(*) FROM sqlite_master").fetchall()
    except sqlite3.DatabaseError as error:
        if "not a database" not in str(error) and "malformed" not in str(error):
            raise
        raise StorageError(
            f"{chats_path} is damaged: delete it and publish again, all that it holds is in the archive"
        ) from error


@contextmanager
def _transaction(conn: sqlite3.Connection) -> Iterator[None]:
    conn.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        conn.rollback()
        raise
    conn.commit()


class _Publisher:
    """One publish inside its transaction."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self._rebuild: set[str] = set()
        self._forget: set[str] = set()
        self.done = Published()

    def publish(self, at: str, sessions: Collection[str] | None) -> None:
        self._settle_schema()
        for statement in chats_rows.WORKING_TABLES:
            self._conn.execute(statement)
        for table in TABLES:
            self._conn.execute(f"CREATE TEMP TABLE fresh_{table.name} AS SELECT * FROM main.{table.name} WHERE 0")
            key = ", ".join(table.key)
            self._conn.execute(f"CREATE UNIQUE INDEX temp.fresh_{table.name}_key ON fresh_{table.name} ({key})")
        scopes = self._load_scopes()
        self._drop_sessions_other_than({scope.session for scope in scopes})
        for scope in self._changed(scopes, sessions):
            self._refresh_session(scope)
        for name, select in chats_rows.WHOLE_ROWS:
            self._refresh(_BY_NAME[name], select, {"at": at})
        self._settle_full_text()
        for table in TABLES:
            self.done.rows[table.name] = self._count(f"main.{table.name}")

    def _settle_schema(self) -> None:
        (version,) = self._conn.execute("PRAGMA user_version").fetchone()
        if version != VERSION:
            self._drop_everything()
            for table in TABLES:
                for statement in table.statements():
                    self._conn.execute(statement)
            self._conn.execute(f"PRAGMA user_version = {VERSION}")
        self._rebuild = {table.name for table in TABLES if table.searched and not self._count(f"main.{table.name}")}

    def _drop_everything(self) -> None:
        """Virtual tables first: they take their shadow tables with them."""
        made = "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        for condition in (" AND sql LIKE 'CREATE VIRTUAL%'", ""):
            for (name,) in self._conn.execute(made + condition).fetchall():
                self._conn.execute(f'DROP TABLE main."{name}"')

    def _load_scopes(self) -> list[_Scope]:
        """Every session that the settings name or that posts were sorted into, by chat and time."""
        chats = self._load_chat_settings()
        found = {
            (chat, stored): times
            for stored, chat, *times in self._conn.execute(
                "SELECT id, chat, starts_at, ends_at, questions FROM archive.sessions ORDER BY chat, starts_at, id"
            )
        }
        used = self._conn.execute("SELECT DISTINCT chat, session FROM archive.chat_posts ORDER BY 1, 2").fetchall()
        scopes = []
        for chat, stored in [*found, *(place for place in used if place not in found)]:
            settings = chats.get(chat, _UNKNOWN_CHAT)
            if (chat, stored) in found:
                starts_at, ends_at, questions = found[chat, stored]
                known = _Scope(chat, stored, stored, wording.session_title(starts_at, settings["zone"]), **settings)
                scopes.append(replace(known, questions=questions, starts_at=starts_at, ends_at=ends_at))
            else:
                others = any(known_chat == chat for known_chat, _ in found)
                scopes.append(self._implicit_scope(chat, stored, settings, has_sessions=others))
        return scopes

    def _load_chat_settings(self) -> dict[str, dict[str, str]]:
        listed = self._conn.execute("SELECT slug, timezone, hosts, hashtags FROM archive.chats")
        return {slug: {"zone": zone, "hosts": hosts, "hashtags": tags} for slug, zone, hosts, tags in listed}

    def _changed(self, scopes: list[_Scope], sessions: Collection[str] | None) -> list[_Scope]:
        if sessions is None:
            return scopes
        known = {row[0] for row in self._conn.execute("SELECT id FROM main.sessions")}
        touched = {row[0] for row in self._conn.execute(chats_rows.TOUCHED_BY_DELETION)}
        return [
            scope
            for scope in scopes
            if scope.stored in sessions or scope.session in touched or scope.session not in known
        ]

    def _implicit_scope(self, chat: str, stored: str, settings: Mapping[str, str], *, has_sessions: bool) -> _Scope:
        """Posts without a session that the settings know: their own span stands for its hours."""
        first, last = self._conn.execute(
            "SELECT min(p.posted_at), max(p.posted_at) FROM archive.chat_posts c JOIN archive.posts p ON p.id = c.post"
            " WHERE c.chat = ? AND c.session = ?",
            (chat, stored),
        ).fetchone()
        name = f"{chat}-{stored}" if stored and stored != chat else f"{chat}-all"
        title = "Posts outside sessions" if has_sessions else "All posts"
        return _Scope(chat, stored, name, title, **settings, starts_at=first, ends_at=last)

    def _drop_sessions_other_than(self, kept: set[str]) -> None:
        held = {row[0] for row in self._conn.execute("SELECT id FROM main.sessions")}
        for session in sorted(held - kept):
            for table in TABLES:
                if table.scope:
                    self._remove(table, {"session": session})

    def _refresh_session(self, scope: _Scope) -> None:
        parameters = scope.parameters()
        for name in chats_rows.WORKING_NAMES:
            self._conn.execute(f"DELETE FROM temp.{name}")
        for statement in chats_rows.PREPARE:
            self._conn.execute(statement, parameters)
        for name, select in chats_rows.SESSION_ROWS:
            self._refresh(_BY_NAME[name], select, parameters)

    def _refresh(self, table: Table, select: str, parameters: Mapping[str, Any]) -> None:
        """Makes the table, within its scope, what the SELECT gives; rows that are the same are not touched."""
        self._conn.execute(f"DELETE FROM temp.fresh_{table.name}")
        self._conn.execute(f"INSERT INTO temp.fresh_{table.name} {select}", parameters)
        kept = f"SELECT {', '.join(table.key)} FROM temp.fresh_{table.name}"
        reworded = self._take_out_of_full_text(table, parameters)
        self._remove(table, parameters, f"({', '.join(table.key)}) NOT IN ({kept})")
        written = self._conn.execute(
            f"INSERT INTO main.{table.name} SELECT * FROM (SELECT * FROM temp.fresh_{table.name}"
            f" EXCEPT SELECT * FROM main.{table.name} WHERE {_within(table)}) WHERE true"
            f" ON CONFLICT ({', '.join(table.key)}) DO UPDATE SET {self._assignments(table)}",
            parameters,
        ).rowcount
        self.done.written += written
        if reworded:
            self._conn.executemany(
                f"INSERT INTO main.{table.fts} (rowid, {table.searched})"
                f" SELECT rowid, {table.searched} FROM main.{table.name} WHERE id = ?",
                reworded,
            )

    def _take_out_of_full_text(self, table: Table, parameters: Mapping[str, Any]) -> list[tuple[str]]:
        """Takes rows whose words change out of the index; gives the ids to put in once the table is written."""
        if not table.searched or table.name in self._rebuild:
            return []
        column = table.searched
        taking = f"INSERT INTO main.{table.fts} ({table.fts}, rowid, {column}) SELECT 'delete', o.rowid, o.{column}"
        reworded = f"f.{column} IS NOT o.{column}"
        out = self._conn.execute(
            f"{taking} FROM main.{table.name} o LEFT JOIN temp.fresh_{table.name} f ON f.id = o.id"
            f" WHERE {_within(table, 'o.')} AND {reworded}",
            parameters,
        ).rowcount
        # A row may come over from another session: there it still stands under its old words.
        out += self._conn.execute(
            f"{taking} FROM temp.fresh_{table.name} f CROSS JOIN main.{table.name} o ON o.id = f.id"
            f" WHERE NOT {_within(table, 'o.')} AND {reworded}",
            parameters,
        ).rowcount
        if out:
            self._forget.add(table.name)
        return self._conn.execute(
            f"SELECT f.id FROM temp.fresh_{table.name} f LEFT JOIN main.{table.name} o ON o.id = f.id"
            f" WHERE o.id IS NULL OR o.{column} IS NOT f.{column}"
        ).fetchall()

    def _remove(self, table: Table, parameters: Mapping[str, Any], condition: str | None = None) -> None:
        """Deletes rows in the scope; without a condition all of them, and out of the full text too."""
        if condition is None and table.searched and table.name not in self._rebuild:
            self._conn.execute(f"DELETE FROM temp.fresh_{table.name}")
            self._take_out_of_full_text(table, parameters)
        self.done.removed += self._conn.execute(
            f"DELETE FROM main.{table.name} WHERE {_within(table)} AND {condition or 'true'}", parameters
        ).rowcount

    def _assignments(self, table: Table) -> str:
        columns = [row[1] for row in self._conn.execute(f"PRAGMA main.table_info({table.name})")]
        changing = [column for column in columns if column not in table.key] or list(table.key)
        return ", ".join(f"{column} = excluded.{column}" for column in changing)

    def _settle_full_text(self) -> None:
        for table in TABLES:
            if table.name in self._rebuild:
                self._conn.execute(f"INSERT INTO main.{table.fts} ({table.fts}) VALUES ('rebuild')")
            elif table.name in self._forget:
                self._conn.execute(f"INSERT INTO main.{table.fts} ({table.fts}) VALUES ('optimize')")

    def _count(self, table: str) -> int:
        (count,) = self._conn.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(count)


def _within(table: Table, alias: str = "") -> str:
    return f"{alias}{table.scope} = :session" if table.scope else "true"
