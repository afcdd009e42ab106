"""Walks: one pass over a query from top to floor; one open walk a key; done only when complete."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archive.store import Archive  # the store joins walks


@dataclass(slots=True)
class Walk:
    """One row of walks. ``covers_from`` and ``covers_to`` are the times that the walk proves once it is done.

    ``session`` is the one that the walk was made for, where one was meant: its budget pays; else the month's alone.
    """

    id: int
    chat: str
    platform: str
    key: str
    floor: str | None
    top: str | None
    cursor: str | None
    not_before: str | None
    opened_at: str
    covers_from: str | None
    covers_to: str | None
    session: str | None = None


_COLUMNS = "id, chat, platform, key, floor, top, cursor, not_before, opened_at, covers_from, covers_to, session"


def load_open_walk(archive: Archive, key: str) -> Walk | None:
    """The walk of this key that was begun and not ended."""
    row = archive.conn.execute(f"SELECT {_COLUMNS} FROM walks WHERE key = ? AND status = 'open'", (key,)).fetchone()
    return None if row is None else Walk(*row)


def load_last_done(archive: Archive, key: str) -> Walk | None:
    """The latest complete walk of this key that saw a top: its top is the watermark."""
    row = archive.conn.execute(
        f"SELECT {_COLUMNS} FROM walks WHERE key = ? AND status = 'done' ORDER BY id DESC LIMIT 1", (key,)
    ).fetchone()
    return None if row is None else Walk(*row)


def begin_walk(archive: Archive, walk: Walk) -> Walk:
    """Writes a new open walk and gives it its id; where another process has begun one of this key, gives that."""
    with archive.transaction() as conn:
        if (begun := load_open_walk(archive, walk.key)) is not None:
            return begun
        row = conn.execute(
            "INSERT INTO walks (chat, platform, key, floor, top, status, opened_at, covers_from, covers_to, session)"
            " VALUES (?, ?, ?, ?, ?, 'open', ?, ?, ?, ?)",
            (
                walk.chat, walk.platform, walk.key, walk.floor, walk.top, walk.opened_at,
                walk.covers_from, walk.covers_to, walk.session,
            ),
        )  # fmt: skip
    walk.id = int(row.lastrowid or 0)
    return walk


def close_walk(archive: Archive, walk: Walk, status: str, why: str | None = None) -> None:
    """Ends a walk: done when it reached its end, abandoned (with why) when a guard stopped it."""
    with archive.transaction() as conn:
        conn.execute(
            "UPDATE walks SET status = ?, why = ?, closed_at = ?, not_before = NULL WHERE id = ?",
            (status, why, archive.now(), walk.id),
        )


def defer_walk(archive: Archive, walk: Walk, not_before: str | None, why: str) -> None:
    """Leaves a walk open with the reason, and the time before which another try is useless."""
    with archive.transaction() as conn:
        conn.execute("UPDATE walks SET not_before = ?, why = ? WHERE id = ?", (not_before, why, walk.id))


def asked_before(archive: Archive, walk: Walk, cursor: str) -> bool:
    """Whether this walk has asked with this cursor already, in this run or an earlier one."""
    row = archive.conn.execute(
        "SELECT 1 FROM pages WHERE walk = ? AND cursor = ? LIMIT 1", (walk.id, cursor)
    ).fetchone()
    return row is not None


def correct_walk(archive: Archive, walk: Walk, opened_at: str, covers_to: str | None) -> None:
    """Puts right when a walk began, where the platform's own time shows that our clock was ahead."""
    walk.opened_at, walk.covers_to = opened_at, covers_to
    with archive.transaction() as conn:
        conn.execute("UPDATE walks SET opened_at = ?, covers_to = ? WHERE id = ?", (opened_at, covers_to, walk.id))


def join_walk(conn: sqlite3.Connection, walk: int) -> None:
    """Joins a finished walk that kept no page to the finished one before it, where no moment lies between them.

    What the two prove together is what the joined row says: everything up to the later end, as of the later look. A
    quiet hour of polls is then one row. Call it in the transaction that finished the walk.
    """
    key, covers_from, covers_to, opened_at, closed_at, top, pages = conn.execute(
        "SELECT key, covers_from, covers_to, opened_at, closed_at, top, pages_count FROM walks WHERE id = ?", (walk,)
    ).fetchone()
    before = conn.execute(
        "SELECT id, covers_from, covers_to, opened_at FROM walks WHERE key = ? AND status = 'done' AND id < ?"
        " ORDER BY id DESC LIMIT 1",
        (key, walk),
    ).fetchone()
    if pages or before is None or not _adjoins(before[1:], (covers_from, covers_to, opened_at)):
        return
    conn.execute(
        "UPDATE walks SET covers_to = ?, opened_at = ?, closed_at = ?, top = coalesce(?, top),"
        " repeats_count = repeats_count + 1 WHERE id = ?",
        (covers_to, opened_at, closed_at, top, before[0]),
    )
    conn.execute("UPDATE reservations SET walk = ? WHERE walk = ?", (before[0], walk))
    conn.execute("DELETE FROM walks WHERE id = ?", (walk,))


def _adjoins(before: tuple[str | None, str | None, str], after: tuple[str | None, str | None, str]) -> bool:
    """Whether the later walk begins inside what the earlier one proves, and ends later."""
    (first, ended, opened), (begins, ends, looked) = before, after
    if (first, ended, begins, ends) == (None, None, None, None):
        return True  # neither speaks of a time: both looked at known posts
    if None in (first, ended, begins, ends):
        return False
    return str(first) <= str(begins) <= str(ended) <= str(ends) and opened <= looked
