"""Imported posts that lie outside every known session: nobody should import a file and find nothing."""

from __future__ import annotations

import json
import sqlite3

from analysis.membership import find_window
from archive.models import Chat

# Counted by the database: an import must not take more memory for a larger file.
_OUTSIDE = """
FROM posts AS p WHERE p.id IN (SELECT post FROM sightings WHERE chat = :chat AND walk >= :import AND walk < :imports)
AND p.id NOT IN (SELECT key FROM tombstones) AND p.author NOT IN (SELECT key FROM tombstones)
AND NOT EXISTS (SELECT 1 FROM json_each(:windows) WHERE p.posted_at >= value ->> 0 AND p.posted_at < value ->> 1)
"""


def find_outside(conn: sqlite3.Connection, chat: Chat) -> set[str]:
    """The imported posts that no session's window holds."""
    return {post for (post,) in conn.execute(f"SELECT p.id {_OUTSIDE}", _values(chat))}


def count_outside(conn: sqlite3.Connection, chat: Chat) -> dict[str, int]:
    """How many of those posts each minute has, by the minute's archive time."""
    rows = conn.execute(
        f"SELECT substr(p.posted_at, 1, 16) || ':00.000Z' AS minute, count(*) {_OUTSIDE} GROUP BY minute", _values(chat)
    )
    return dict(rows.fetchall())


def _values(chat: Chat) -> dict[str, str]:
    key = f"{chat.slug}|import"
    windows = json.dumps([find_window(chat, session) for session in chat.sessions])
    return {"chat": chat.slug, "import": key, "imports": key + "\U0010ffff", "windows": windows}
