"""Notices that decisions.db is not what it was: not readable, or without what the findings say people decided."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

from archive.decisions import load_decisions
from archive.errors import StorageError
from archive.models import Problem

_DECIDED = """
SELECT chat, max(counted) FROM (
  SELECT chat, count(*) AS counted FROM tips WHERE state <> 'proposed' GROUP BY chat
  UNION ALL SELECT chat, decisions_count FROM rankers
) WHERE counted GROUP BY chat ORDER BY chat
"""


def find_lost(conn: sqlite3.Connection, path: Path) -> dict[str, int]:
    """How many tips were decided, by chat, where the findings know of some and the file of decisions of none."""
    found = dict(conn.execute(_DECIDED).fetchall())
    held = {one.chat for one in load_decisions(path)} if found else set()
    return {chat: count for chat, count in found.items() if chat not in held}


def tell_lost(conn: sqlite3.Connection, path: Path, chats: Collection[str]) -> str | None:
    """What to tell a person before the findings of these chats are built anew; None where nothing is amiss."""
    lost = {chat: count for chat, count in find_lost(conn, path).items() if chat in chats}
    return f"warning: {_describe(lost, path)}. {_say_remedy(lost)}." if lost else None


def check_decisions(archive_path: Path, path: Path) -> list[Problem]:
    """Problems of the file of decisions, which need not exist while nobody has decided anything."""
    try:
        load_decisions(path)
        lost = _look_up(archive_path, path)
    except StorageError as error:
        return [Problem("decisions", str(error), "Until then the findings cannot be built anew")]
    return [Problem("decisions", _describe(lost, path), _say_remedy(lost))] if lost else []


def _look_up(archive_path: Path, path: Path) -> dict[str, int]:
    if not archive_path.exists():
        return {}
    try:
        with closing(sqlite3.connect(f"{archive_path.absolute().as_uri()}?mode=ro", uri=True)) as conn:
            return find_lost(conn, path)
    except sqlite3.Error:  # damaged, or of an earlier version: whoever opens it for work tells that
        return {}


def _describe(lost: dict[str, int], path: Path) -> str:
    count = sum(lost.values())
    tips = "1 decided tip was" if count == 1 else f"{count} decided tips were"
    return f"{tips} found before in {', '.join(lost)}, and {path} {'has none now' if path.exists() else 'is missing'}"


def _say_remedy(lost: dict[str, int]) -> str:
    again = " and ".join(f"`chatkeep analyse {chat}`" for chat in lost)
    return f"Put your copy of the file back, then run {again}"
