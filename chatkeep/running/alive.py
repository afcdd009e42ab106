"""Whether a scheduled collector is at work on this archive: its lock is held, and it gave a sign of life."""

from __future__ import annotations

import sqlite3
from datetime import timedelta

from archive.store import storage_errors
from archive.times import from_text
from chatkeep.app import App

SILENCE = timedelta(minutes=3)
"""The running collector gives a sign of life at least once a minute."""


def is_run_alive(app: App) -> bool:
    """Whether the process that holds the lock is a scheduled collector that gave a sign of life lately."""
    if not app.archive_path.exists():
        return False
    with storage_errors(app.archive_path):
        conn = sqlite3.connect(f"{app.archive_path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            row = conn.execute(
                "SELECT last_alive_at FROM runs WHERE command = 'run' AND ended_at IS NULL ORDER BY id DESC LIMIT 1"
            ).fetchone()
        finally:
            conn.close()
    return row is not None and row[0] is not None and abs(app.clock() - from_text(row[0])) < SILENCE
