"""When we were really listening: intervals that end by themselves when two beats are missed, as in a laptop's sleep."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from archive.store import Archive
from archive.times import from_text


@dataclass(frozen=True, slots=True)
class Listening:
    """Which lane or stream, how (poll or stream), and how many seconds may pass between two signs of life."""

    platform: str
    key: str
    kind: str
    beat_seconds: float


def beat(archive: Archive, listening: Listening) -> None:
    """A sign of life: goes on with the open interval, or closes one that missed two beats and opens another."""
    now = archive.now()
    with archive.transaction() as conn:
        row = conn.execute(
            "SELECT id, last_alive_at FROM intervals WHERE key = ? AND kind = ? AND closed_at IS NULL"
            " ORDER BY opened_at DESC, id DESC LIMIT 1",
            (listening.key, listening.kind),
        ).fetchone()
        if row is not None:
            silent = (from_text(now) - from_text(row[1])).total_seconds()
            if 0 <= silent <= 2 * listening.beat_seconds:
                conn.execute("UPDATE intervals SET last_alive_at = ? WHERE id = ?", (now, row[0]))
                return
            why = f"no sign of life for {silent:.0f} seconds" if silent >= 0 else "the clock was set back"
            _close(conn, row[0], why)
        conn.execute(
            "INSERT INTO intervals (run, platform, key, kind, opened_at, last_alive_at) VALUES (?, ?, ?, ?, ?, ?)",
            (archive.run, listening.platform, listening.key, listening.kind, now, now),
        )


def close_interval(archive: Archive, key: str, kind: str, why: str) -> None:
    """Ends the open interval of a lane or stream at its last sign of life."""
    with archive.transaction() as conn:
        for (number,) in conn.execute(
            "SELECT id FROM intervals WHERE key = ? AND kind = ? AND closed_at IS NULL", (key, kind)
        ).fetchall():
            _close(conn, number, why)


def close_all(archive: Archive, why: str) -> None:
    """Ends what an earlier run left open: it is not listening any more."""
    with archive.transaction() as conn:
        for (number,) in conn.execute("SELECT id FROM intervals WHERE closed_at IS NULL").fetchall():
            _close(conn, number, why)


def _close(conn: sqlite3.Connection, number: int, why: str) -> None:
    conn.execute("UPDATE intervals SET closed_at = last_alive_at, why = ? WHERE id = ?", (why, number))
