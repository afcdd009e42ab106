"""People, organisations and attendance over all chats: what holds beyond one session, found again after each analysis.

All of it is a pure function of who was there, their profiles, the register and the decisions. Only rows that changed
are written: of a hundred thousand authors few change between two looks at a live session.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.attendance import Presence, find_attendance
from analysis.corrections import correct_organisations, list_rulings
from analysis.engine import Findings, Who
from analysis.organisations import LIKELY, Match, Organisation, Register, find_organisations
from analysis.people import find_people
from analysis.rows import SessionRows, load_authors
from archive.decisions import Decision

Rows = dict[tuple[Any, ...], tuple[Any, ...]]

_AUTHORS = "SELECT DISTINCT author FROM session_authors"
# A session that is no row of sessions holds the posts outside them all.
_PRESENCES = """
SELECT a.session, a.author, a.posts_count, a.host, s.id IS NOT NULL FROM session_authors a
LEFT JOIN sessions s ON s.id = a.session AND s.chat = a.chat
WHERE a.chat = ? ORDER BY s.starts_at, a.session, a.author
"""


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of findings: its columns, how many of them are its key, and whether the first is an author's id."""

    name: str
    columns: tuple[str, ...]
    key_count: int
    is_of_authors: bool = False


_PEOPLE = _Table("people", ("author", "id", "reason", "version"), 1, True)
_ORGANISATIONS = _Table("organisations", ("id", "name", "type", "nation", "region", "url", "version"), 1)
_MATCHES = _Table("author_organisations", ("author", "organisation", "evidence", "confidence", "version"), 2, True)
_ATTENDANCE = _Table(
    "attendance",
    ("chat", "session", "person", "role", "posts_count", "sessions_count", "reason", "version"),
    3,
)


@dataclass(frozen=True, slots=True)
class Everybody:
    """The people with several accounts, and the organisations of authors, as they are stored."""

    people: Rows
    organisations: Rows
    matches: Rows


def find_everybody(
    conn: sqlite3.Connection, version: str, register: Register, decisions: Sequence[Decision] = ()
) -> Everybody:
    """People and organisations of everybody in any chat: both hold over chats, so they are found for all at once."""
    authors = load_authors(conn, [row[0] for row in conn.execute(_AUTHORS)])
    matches = correct_organisations(find_organisations(authors, register), decisions)
    known = {author.id for author in authors}
    matches = tuple(match for match in matches if match.author in known)
    named = sorted({match.organisation for match in matches})
    return Everybody(
        people={
            (person.author,): (person.id, person.reason, version)
            for person in find_people(authors, list_rulings(decisions))
        },
        organisations={(one,): (*_describe(one, register), version) for one in named},
        matches={(m.author, m.organisation): (m.evidence, m.confidence, version) for m in matches},
    )


def find_who(rows: SessionRows, register: Register, decisions: Sequence[Decision] = ()) -> Who:
    """Who is one person in a session, and the organisation that each author most likely belongs to.

    Only the session's own authors count, so that its findings rest on nothing outside it.
    """
    authors = rows.authors.values()
    best: dict[str, Match] = {}
    for match in correct_organisations(find_organisations(authors, register), decisions):
        if match.confidence >= LIKELY and match.confidence > (
            best[match.author].confidence if match.author in best else 0
        ):
            best[match.author] = match
    return Who(
        {person.author: person.id for person in find_people(authors, list_rulings(decisions))},
        {author: match.organisation for author, match in best.items()},
    )


def save_presences(conn: sqlite3.Connection, found: Findings, version: str) -> None:
    """Who posted how often in a session, and who hosted it; inside the transaction that replaces the session's rows."""
    chat, session = found.rows.chat.slug, found.rows.session.id
    counts = Counter(post.author for post in found.rows.posts)
    conn.executemany(
        "INSERT INTO session_authors VALUES (?, ?, ?, ?, ?, ?)",
        (
            (chat, session, author, count, found.threads.hosts.get(author), version)
            for author, count in sorted(counts.items())
        ),
    )


def save_everybody(conn: sqlite3.Connection, chat: str, found: Everybody, version: str) -> None:
    """Writes what changed, and the attendance of the chat; of all chats where somebody became somebody else."""
    _upsert(conn, _ORGANISATIONS, found.organisations)
    _upsert(conn, _MATCHES, found.matches)
    _delete_others(conn, _MATCHES, found.matches)
    _delete_others(conn, _ORGANISATIONS, found.organisations)
    chats = [chat]
    if _upsert(conn, _PEOPLE, found.people) + _delete_others(conn, _PEOPLE, found.people):
        chats = [row[0] for row in conn.execute("SELECT chat FROM session_authors UNION SELECT chat FROM attendance")]
        chats = sorted({chat, *chats})
    people = {author: row[0] for (author,), row in found.people.items()}
    for one in chats:
        rows = _find_attendance(conn, one, people, version)
        _upsert(conn, _ATTENDANCE, rows, "chat = ?", (one,))
        _delete_others(conn, _ATTENDANCE, rows, "chat = ?", (one,))


def _find_attendance(conn: sqlite3.Connection, chat: str, people: Mapping[str, str], version: str) -> Rows:
    presences = (Presence(*row[:4], bool(row[4])) for row in conn.execute(_PRESENCES, (chat,)))
    return {
        (chat, one.session, one.person): (one.role, one.posts_count, one.sessions_count, one.reason, version)
        for one in find_attendance(presences, people)
    }


def _describe(organisation: str, register: Register) -> tuple[str | None, ...]:
    """An organisation's columns; one that a person named and the register does not know has its name alone."""
    one = register.by_id.get(organisation) or Organisation(organisation, organisation)
    return (one.name, one.type or None, one.nation or None, one.region or None, one.url)


def _load(conn: sqlite3.Connection, table: _Table, where: str, values: Sequence[Any]) -> Rows:
    at = table.key_count
    rows = conn.execute(f"SELECT {', '.join(table.columns)} FROM {table.name} WHERE {where}", values)
    return {row[:at]: row[at:] for row in rows}


def _upsert(
    conn: sqlite3.Connection, table: _Table, rows: Rows, where: str = "true", values: Sequence[Any] = ()
) -> int:
    """Writes the rows that are not there as they should be; how many. Who is no author any more is left out."""
    had = _load(conn, table, where, values)
    changed = [(*key, *row) for key, row in rows.items() if had.get(key) != row]
    keys, others = table.columns[: table.key_count], table.columns[table.key_count :]
    marks = ", ".join(f"?{n}" for n in range(1, len(table.columns) + 1))
    conn.executemany(
        f"INSERT INTO {table.name} ({', '.join(table.columns)}) SELECT {marks}"
        f" WHERE {'EXISTS (SELECT 1 FROM authors WHERE id = ?1)' if table.is_of_authors else 'true'}"
        f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {', '.join(f'{one} = excluded.{one}' for one in others)}",
        changed,
    )
    return len(changed)


def _delete_others(
    conn: sqlite3.Connection, table: _Table, rows: Rows, where: str = "true", values: Sequence[Any] = ()
) -> int:
    """Deletes the rows that nothing stands for any more; how many."""
    gone = [key for key in _load(conn, table, where, values) if key not in rows]
    keys = " AND ".join(f"{one} = ?" for one in table.columns[: table.key_count])
    conn.executemany(f"DELETE FROM {table.name} WHERE {keys}", gone)
    return len(gone)
