"""Imported posts that lie outside every known session: nobody should import a file and find nothing."""

from __future__ import annotations

import sqlite3

from analysis.membership import Candidate, find_window, list_candidates
from archive.models import Chat


def find_outside(conn: sqlite3.Connection, chat: Chat) -> list[Candidate]:
    """The imported posts that no session's window holds, in order of time."""
    windows = [find_window(chat, session) for session in chat.sessions]
    outside = [
        candidate
        for candidate in list_candidates(conn, chat, None)
        if candidate.imported and not any(opens <= candidate.posted_at < closes for opens, closes in windows)
    ]
    return sorted(outside, key=lambda candidate: (candidate.posted_at, candidate.id))


def load_times_outside_sessions(conn: sqlite3.Connection, chat: Chat) -> list[str]:
    """When those posts were posted."""
    return [candidate.posted_at for candidate in find_outside(conn, chat)]
