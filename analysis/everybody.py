"""People, organisations and attendance over all chats: what holds beyond one session, found again after each analysis.

All of it is a pure function of who was there, their profiles, the register and the decisions. Only rows that changed
are written: of a hundred thousand authors few change between two looks at a live session.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from analysis.attendance import Presence, find_attendance
from analysis.corrections import correct_organisations, list_rulings
from analysis.engine import Findings, Who
from analysis.organisations import KEPT_PROFILES, LIKELY, Match, Organisation, Register, find_organisations
from analysis.people import find_people
from analysis.rows import SessionAuthor, SessionRows
from archive.decisions import Decision

Rows = dict[tuple[Any, ...], tuple[Any, ...]]

_AUTHORS = """
SELECT id, platform, handle, name, bio, url FROM authors
WHERE EXISTS (SELECT 1 FROM session_authors WHERE author = authors.id) ORDER BY id
"""
# A session that is no row of sessions holds the posts outside them all.
_ORDER = """
SELECT id FROM sessions
WHERE chat = ?1 AND EXISTS (SELECT 1 FROM session_authors WHERE chat = ?1 AND session = sessions.id)
ORDER BY starts_at, id
"""
_PRESENCES = """
SELECT a.session, a.author, a.posts_count, a.host FROM session_authors a LEFT JOIN sessions s ON s.id = a.session
WHERE a.chat = ? {} ORDER BY s.starts_at, a.session, a.author
"""
_OF_SOME = "AND a.author IN (SELECT value FROM json_each(?))"


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
    authors = [_read_author(*row) for row in conn.execute(_AUTHORS)]
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


@lru_cache(maxsize=KEPT_PROFILES)
def _read_author(*row: str | None) -> SessionAuthor:
    """The author of a row; of a row that was read before the same object, whose profile need not be read again."""
    author, platform, handle, name, bio, url = row
    return SessionAuthor(id=author or "", platform=platform or "", handle=handle, name=name, bio=bio, url=url)


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


def save_everybody(
    conn: sqlite3.Connection, chat: str, found: Everybody, version: str, changed: Collection[str] | None = None
) -> None:
    """Writes what changed, and the attendance of the chat; ``changed`` are its sessions that did, None for all of them.

    Who became somebody else, by a new link between accounts, does so in all chats.
    """
    _upsert(conn, _ORGANISATIONS, found.organisations)
    _replace(conn, _MATCHES, found.matches)
    _delete_others(conn, _ORGANISATIONS, found.organisations)
    people = {author: row[0] for (author,), row in found.people.items()}
    before = dict(conn.execute("SELECT author, id FROM people").fetchall())
    _replace(conn, _PEOPLE, found.people)
    others = {author for author in {*people, *before} if people.get(author) != before.get(author)}
    presence = _Attendance(conn, version, people, before)
    for (one,) in conn.execute("SELECT DISTINCT chat FROM session_authors UNION SELECT ?", (chat,)).fetchall():
        if one != chat:
            presence.save_some(one, others)
        elif changed is None or not presence.is_at_end(chat, changed):
            presence.save_all(chat)
        else:
            presence.save_some(chat, others)
            presence.save_some(chat, presence.find_there(chat, changed) - others, changed)


class _Attendance:
    """Writes attendance: all of a chat, or the rows of the people whom a change touches, which comes to the same.

    The rows of others rest on nothing that changed, as long as no session was put in between those already counted.
    """

    def __init__(
        self, conn: sqlite3.Connection, version: str, people: Mapping[str, str], before: Mapping[str, str]
    ) -> None:
        self._conn, self._version, self._people, self._before = conn, version, people, before
        self._accounts: dict[str, set[str]] = {}
        for author, person in people.items():
            self._accounts.setdefault(person, set()).add(author)

    def is_at_end(self, chat: str, changed: Collection[str]) -> bool:
        """Whether the sessions counted so far are the same as now, but for changed ones after all others."""
        had = {row[0] for row in self._conn.execute("SELECT DISTINCT session FROM attendance WHERE chat = ?", (chat,))}
        order = self._load_order(chat)
        had &= {row[0] for row in self._conn.execute("SELECT id FROM sessions WHERE chat = ?", (chat,))}
        new = [session for session in order if session not in had]
        return had <= set(order) and set(new) <= set(changed) and order[len(order) - len(new) :] == new

    def find_there(self, chat: str, sessions: Collection[str]) -> set[str]:
        """The authors who are in these sessions, and those who were."""
        found = {
            row[0]
            for table, column in (("session_authors", "author"), ("attendance", "person"))
            for row in self._conn.execute(
                f"SELECT {column} FROM {table} WHERE chat = ? AND session IN (SELECT value FROM json_each(?))",
                (chat, json.dumps(sorted(sessions))),
            )
        }
        return found | {author for author, person in self._before.items() if person in found}

    def save_all(self, chat: str) -> None:
        """Writes the attendance of a whole chat."""
        rows = self._find(chat, self._conn.execute(_PRESENCES.format(""), (chat,)))
        _replace(self._conn, _ATTENDANCE, rows, "chat = ?", (chat,))

    def save_some(self, chat: str, authors: Collection[str], changed: Collection[str] | None = None) -> None:
        """Writes the attendance in one chat of the people that these authors are or were.

        With ``changed`` nothing is written of sessions before the first of these.
        """
        if not authors:
            return
        persons = {self._people.get(author, author) for author in authors}
        accounts = persons.union(authors, *(self._accounts.get(person, ()) for person in persons))
        persons |= {self._before.get(author, author) for author in accounts} | accounts
        order = self._load_order(chat)
        since = next((session for session in order if session in changed), None) if changed else None
        before = order[: order.index(since)] if since else []
        found = self._conn.execute(_PRESENCES.format(_OF_SOME), (chat, json.dumps(sorted(accounts))))
        _replace(
            self._conn,
            _ATTENDANCE,
            self._find(chat, found, since),
            "chat = ?1 AND person IN (SELECT value FROM json_each(?2))"
            " AND session NOT IN (SELECT value FROM json_each(?3))",
            (chat, json.dumps(sorted(persons)), json.dumps(before)),
        )

    def _find(self, chat: str, found: Iterable[tuple[Any, ...]], since: str | None = None) -> Rows:
        presences = (Presence(*row) for row in found)
        return {
            (chat, one.session, one.person): (
                one.role, one.posts_count, one.sessions_count, one.reason, self._version
            )
            for one in find_attendance(presences, self._people, self._load_order(chat), since)
        }  # fmt: skip

    def _load_order(self, chat: str) -> list[str]:
        return [row[0] for row in self._conn.execute(_ORDER, (chat,))]


def _describe(organisation: str, register: Register) -> tuple[str | None, ...]:
    """An organisation's columns; one that a person named and the register does not know has its name alone."""
    one = register.by_id.get(organisation) or Organisation(organisation, organisation)
    return (one.name, one.type or None, one.nation or None, one.region or None, one.url)


def _replace(
    conn: sqlite3.Connection, table: _Table, rows: Rows, where: str = "true", values: Sequence[Any] = ()
) -> None:
    """Makes the table's rows these, and writes only what is not so already."""
    had = _load(conn, table, where, values)
    _upsert(conn, table, rows, had)
    _delete_others(conn, table, rows, had)


def _load(conn: sqlite3.Connection, table: _Table, where: str = "true", values: Sequence[Any] = ()) -> Rows:
    at = table.key_count
    rows = conn.execute(f"SELECT {', '.join(table.columns)} FROM {table.name} WHERE {where}", values)
    return {row[:at]: row[at:] for row in rows}


def _upsert(conn: sqlite3.Connection, table: _Table, rows: Rows, had: Rows | None = None) -> None:
    """Writes the rows that are not there as they should be. Who is no author any more is left out."""
    had = _load(conn, table) if had is None else had
    keys, others = table.columns[: table.key_count], table.columns[table.key_count :]
    marks = ", ".join(f"?{n}" for n in range(1, len(table.columns) + 1))
    conn.executemany(
        f"INSERT INTO {table.name} ({', '.join(table.columns)}) SELECT {marks}"
        f" WHERE {'EXISTS (SELECT 1 FROM authors WHERE id = ?1)' if table.is_of_authors else 'true'}"
        f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {', '.join(f'{one} = excluded.{one}' for one in others)}",
        ((*key, *row) for key, row in rows.items() if had.get(key) != row),
    )


def _delete_others(conn: sqlite3.Connection, table: _Table, rows: Rows, had: Rows | None = None) -> None:
    """Deletes the rows that nothing stands for any more."""
    had = _load(conn, table) if had is None else had
    keys = " AND ".join(f"{one} = ?" for one in table.columns[: table.key_count])
    conn.executemany(f"DELETE FROM {table.name} WHERE {keys}", (key for key in had if key not in rows))
