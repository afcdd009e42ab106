"""Jobs of the scheduled collector: what was tried, what is done, and what another command has asked for."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from archive.store import Archive
from archive.times import from_text, shift, to_text

State = Literal["waiting", "done", "dropped"]
_WAITS_DAYS = 7


@dataclass(frozen=True, slots=True)
class JobState:
    """What is known of a job that was tried: waiting (``not_before``), done or dropped (``ended_at``)."""

    state: State
    tries_count: int = 0
    not_before: datetime | None = None
    ended_at: datetime | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """One row of jobs, as it is to be written. Times are archive texts."""

    key: str
    kind: str
    chat: str
    lane: str
    due_at: str
    session: str | None = None
    state: State = "waiting"
    tries_count: int = 0
    not_before: str | None = None
    ended_at: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asked the running collector for; ``detail`` holds ``start``, ``end`` and ``only`` (may be None)."""

    key: str
    chat: str
    at: str
    detail: Mapping[str, str | None]


def load_jobs(conn: sqlite3.Connection) -> dict[str, JobState]:
    """Every job that was tried, by key."""
    rows = conn.execute(
        "SELECT key, state, tries_count, not_before, ended_at, why FROM jobs WHERE kind <> 'asked'"
    ).fetchall()
    return {
        key: JobState(state, tries, _moment(not_before), _moment(ended_at), why)
        for key, state, tries, not_before, ended_at, why in rows
    }


def save_job(archive: Archive, row: JobRow) -> JobState:
    """Writes how a job stands now."""
    with archive.transaction() as conn:
        conn.execute(
            "INSERT INTO jobs (key, kind, chat, session, lane, due_at, state, tries_count, not_before, ended_at, why)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET state = excluded.state,"
            " due_at = excluded.due_at, tries_count = excluded.tries_count, not_before = excluded.not_before,"
            " ended_at = excluded.ended_at, why = excluded.why",
            (
                row.key, row.kind, row.chat, row.session, row.lane, row.due_at, row.state, row.tries_count,
                row.not_before, row.ended_at, row.why,
            ),
        )  # fmt: skip
    return JobState(row.state, row.tries_count, _moment(row.not_before), _moment(row.ended_at), row.why)


def settle_session(archive: Archive, chat: str, session: str) -> JobState:
    """Notes that nothing of a session is left to do, and lets go of its single jobs; the monthly look stays.

    Of its chat's reservations only those stay that are open.
    A walk of the session that never came to its end is given up: nothing will go on with it. Deletions that have
    waited for their posts for more than a week wait no longer: they were of posts that are nobody's matter.
    """
    now = archive.now()
    with archive.transaction() as conn:
        conn.execute(
            "DELETE FROM open_deletions WHERE reason <> 'back' AND seen_at < ?", (shift(now, days=-_WAITS_DAYS),)
        )
        conn.execute(
            "UPDATE walks SET status = 'abandoned', closed_at = ?, why = coalesce(why, 'its week was over')"
            " WHERE session = ? AND status = 'open' AND key NOT LIKE '%|live|%'",
            (now, session),
        )
        conn.execute("DELETE FROM jobs WHERE session = ? AND key NOT LIKE '%|recheck monthly|%'", (session,))
        # each poll of X was one: what they cost is in the ledger, and those whose answer never came stay spent
        conn.execute("DELETE FROM reservations WHERE chat = ? AND state <> 'open'", (chat,))
        conn.execute(
            "INSERT INTO jobs (key, kind, chat, session, lane, due_at, state, tries_count, ended_at)"
            " VALUES (?, 'settled', ?, ?, '', ?, 'done', 0, ?)",
            (f"{session}|settled", chat, session, now, now),
        )
    return JobState("done", 0, None, from_text(now))


def ask(archive: Archive, chat: str, detail: Mapping[str, str | None]) -> str:
    """Leaves a wish for the running collector and gives its key."""
    key = f"asked|{uuid.uuid4()}"
    with archive.transaction() as conn:
        conn.execute(
            "INSERT INTO jobs (key, kind, chat, lane, due_at, state, tries_count, detail)"
            " VALUES (?, 'asked', ?, '', ?, 'waiting', 0, ?)",
            (key, chat, archive.now(), json.dumps(dict(detail))),
        )
    return key


def load_asked(conn: sqlite3.Connection) -> list[Asked]:
    """The wishes that wait, oldest first."""
    rows = conn.execute(
        # their keys begin so, and the primary key finds them: every look asks, and old jobs grow in number
        "SELECT key, chat, due_at, detail FROM jobs WHERE key >= 'asked|' AND key < 'asked}' AND kind = 'asked'"
        " AND state = 'waiting' ORDER BY due_at, key"
    )
    return [Asked(key, chat, at, json.loads(detail)) for key, chat, at, detail in rows.fetchall()]


def answer(archive: Archive, key: str, results: list[dict[str, Any]]) -> None:
    """Says what came of a wish; ``results`` is what the asking command prints."""
    with archive.transaction() as conn:
        conn.execute(
            "UPDATE jobs SET state = 'done', ended_at = ?, why = ? WHERE key = ?",
            (archive.now(), json.dumps(results), key),
        )


def load_answer(conn: sqlite3.Connection, key: str) -> list[dict[str, Any]] | None:
    """What came of a wish, or None while it waits."""
    row = conn.execute("SELECT state, why FROM jobs WHERE key = ?", (key,)).fetchone()
    if row is None or row[0] == "waiting":
        return None
    found: list[dict[str, Any]] = json.loads(row[1] or "[]")
    return found


def withdraw(archive: Archive, key: str) -> None:
    """Takes a wish back, or its answer away once it was read."""
    with archive.transaction() as conn:
        conn.execute("DELETE FROM jobs WHERE key = ?", (key,))


def _moment(text: str | None) -> datetime | None:
    return None if text is None else from_text(text)


def text_of(moment: datetime | None) -> str | None:
    """The archive time of a moment that may be missing."""
    return None if moment is None else to_text(moment)
