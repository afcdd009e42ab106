"""An archive in memory, for histories that need hundreds of them."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from sqlite_utils import Database

from archive.models import Chat
from archive.schema import migrations
from archive.store import Archive


def memory_archive() -> Archive:
    """Fresh, with the chat northmoor."""
    conn = sqlite3.connect(":memory:", isolation_level=None)
    conn.execute("PRAGMA foreign_keys = ON")
    migrations.apply(Database(conn))
    archive = Archive(Path(":memory:"), conn, lambda: datetime(2026, 10, 8, 14, tzinfo=UTC))
    archive.save_chat(Chat(slug="northmoor", title="", hashtags=("northmoor",)))
    return archive
