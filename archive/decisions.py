"""decisions.db: what people decided. A file of its own, append-only; the last decision on a thing wins."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from sqlite_utils import Database, Migrations

from archive.errors import StorageError
from archive.opening import open_database, storage_errors

SubjectKind = Literal["tip", "theme", "person", "organisation"]

migrations = Migrations("decisions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One ruling of a person on one field of one thing.

    ``subject`` is the thing's id when it was decided; ``anchor`` is what finds the thing again after a rebuild. ``at``
    is an archive time. An empty ``value`` takes an earlier decision back.
    """

    subject_kind: SubjectKind
    subject: str
    field: str
    value: str
    chat: str
    by: str
    at: str
    anchor: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    saw_version: str = ""
    note: str = ""
    id: str = ""


@migrations()
def m001_decisions(db: Database) -> None:
    """The decisions themselves, in the order in which they were made."""
    db.execute("""
        CREATE TABLE decisions (
          place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, subject_kind TEXT NOT NULL, subject TEXT NOT NULL,
          field TEXT NOT NULL, value TEXT NOT NULL, chat TEXT NOT NULL, anchor TEXT NOT NULL,
          saw_version TEXT NOT NULL, "by" TEXT NOT NULL, at TEXT NOT NULL, note TEXT NOT NULL
        ) STRICT
    """)
    db.execute("CREATE INDEX decisions_subject ON decisions(chat, subject_kind, subject, field)")


def open_decisions(path: Path) -> sqlite3.Connection:
    """Opens decisions.db, makes it where there is none. Raises StorageError in one line."""
    _check_ours(path)
    return open_database(path, migrations)


def _check_ours(path: Path) -> None:
    """Refuses what is no file of decisions, before a migration could write into it."""
    if not path.exists():
        return
    with storage_errors(path):
        try:
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as conn:
                tables = {name for (name,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
                sets = f"SELECT 1 FROM {migrations.migrations_table} WHERE migration_set = ?"
                ours = not tables or (
                    migrations.migrations_table in tables and conn.execute(sets, (migrations.name,)).fetchone()
                )
        except sqlite3.DatabaseError as error:
            if "not a database" not in str(error) and "malformed" not in str(error):
                raise
            ours = False
    if not ours:
        raise StorageError(f"{path} is no file of decisions of Chatkeep: put back your copy of it")


def add_decisions(conn: sqlite3.Connection, decisions: Iterable[Decision]) -> None:
    """Appends decisions, all or none; each gets an id where it has none."""
    rows = [
        (
            one.id or str(uuid.uuid4()), one.subject_kind, one.subject, one.field, one.value, one.chat,
            json.dumps(one.anchor, ensure_ascii=False, sort_keys=True), one.saw_version, one.by, one.at, one.note,
        )
        for one in decisions
    ]  # fmt: skip
    conn.execute("BEGIN IMMEDIATE")
    try:
        conn.executemany(
            'INSERT INTO decisions (id, subject_kind, subject, field, value, chat, anchor, saw_version, "by", at, note)'
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        conn.execute("COMMIT")
    finally:
        if conn.in_transaction:
            conn.execute("ROLLBACK")


def load_decisions(path: Path, chat: str | None = None) -> tuple[Decision, ...]:
    """The decisions on a chat, or all, in the order in which they were made; none where there is no file.

    Those on people and organisations belong to no chat and always come along.
    """
    if not path.exists():
        return ()
    with storage_errors(path):
        conn = open_decisions(path)
        try:
            rows = conn.execute(
                'SELECT subject_kind, subject, field, value, chat, "by", at, anchor, saw_version, note, id'
                " FROM decisions WHERE ?1 IS NULL OR chat IN (?1, '') ORDER BY place",
                (chat,),
            ).fetchall()
        finally:
            conn.close()
    return tuple(
        Decision(
            subject_kind=cast("SubjectKind", row[0]), subject=row[1], field=row[2], value=row[3], chat=row[4],
            by=row[5], at=row[6], anchor=json.loads(row[7]), saw_version=row[8], note=row[9], id=row[10],
        )
        for row in rows
    )  # fmt: skip


def find_decided_since(path: Path, place: int) -> tuple[int, frozenset[tuple[str, str]]]:
    """The place of the last decision, and what those after ``place`` are about: (chat, session).

    An empty session stands for all of the chat, an empty chat for all chats.
    """
    if not path.exists():
        return 0, frozenset()
    _check_ours(path)
    with storage_errors(path), closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as conn:
        (last,) = conn.execute("SELECT ifnull(max(place), 0) FROM decisions").fetchone()
        rows = conn.execute(
            "SELECT DISTINCT chat, ifnull(anchor ->> 'session', '') FROM decisions WHERE place > ?", (place,)
        ).fetchall()
    return last, frozenset((chat, session) for chat, session in rows)


def find_current(decisions: Sequence[Decision], kind: SubjectKind) -> dict[tuple[str, str], Decision]:
    """The decision in force for each (subject, field) of one kind; what was taken back is left out."""
    last = {(one.subject, one.field): one for one in decisions if one.subject_kind == kind}
    return {key: one for key, one in last.items() if one.value}
