"""Findings as they stand in the archive, for a person who decides on them: with all that anchors a decision."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from analysis.anchors import ShownTip, build_anchor
from analysis.ranking import SHOWN
from analysis.rulings import TipState
from archive.models import TipKind

_TIPS = 'SELECT id, chat, session, post, "start", "end", kind, text, score, reason, state, version FROM tips'
_PARTS = """
SELECT post, coalesce("start", 0), coalesce("end", 0) FROM tip_evidence WHERE tip = ? AND relation = 'part'
ORDER BY position
"""
_POSTS_OF_THEME = "SELECT DISTINCT post FROM tips WHERE theme = ? ORDER BY post"


@dataclass(frozen=True, slots=True)
class StoredTip:
    """A tip in the archive: as it was shown, and how it came about."""

    shown: ShownTip
    chat: str
    reason: str
    state: TipState
    version: str


def load_tip(conn: sqlite3.Connection, name: str) -> StoredTip | None:
    """The tip with this id, None where there is none now."""
    rows = _load_tips(conn, " WHERE id = ?", (name,))
    return rows[0] if rows else None


def find_tip_ids(conn: sqlite3.Connection, beginning: str, most: int = 3) -> list[str]:
    """The ids of tips that begin so, at most that many."""
    rows = conn.execute(
        "SELECT id FROM tips WHERE substr(id, 1, length(?1)) = ?1 ORDER BY id LIMIT ?2", (beginning, most)
    )
    return [row[0] for row in rows]


def list_uncertain(conn: sqlite3.Connection, chat: str, most: int) -> list[StoredTip]:
    """The tips that nobody decided on and that the ranker is least sure of: nearest to where a tip is shown at all."""
    rows = conn.execute("SELECT id, score FROM tips WHERE chat = ? AND state = 'proposed' AND NOT kept", (chat,))
    sureness = sorted((round(abs(score - SHOWN), 6), name) for name, score in rows)
    return [tip for _, name in sureness[:most] if (tip := load_tip(conn, name))]


def load_tip_anchor(conn: sqlite3.Connection, tip: ShownTip, span: tuple[int, int] | None = None) -> dict[str, Any]:
    """The anchor of a decision on this tip; ``span`` is one that a person chose in its post's text."""
    return build_anchor(tip, load_texts(conn, (tip.post, *(post for post, _, _ in tip.parts))), span)


def load_texts(conn: sqlite3.Connection, posts: Iterable[str]) -> Mapping[str, str]:
    """The present texts of these posts by id."""
    rows = conn.execute(
        "SELECT id, text FROM posts WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(list(posts)),)
    )
    return dict(rows.fetchall())


def load_theme_anchor(conn: sqlite3.Connection, name: str, into: str | None = None) -> dict[str, Any] | None:
    """The anchor of a decision on a theme, None where there is no such theme; ``into``: the one it is put into."""
    row = conn.execute("SELECT session, label, terms FROM themes WHERE id = ?", (name,)).fetchone()
    if row is None:
        return None
    session, label, terms = row
    posts = [post for (post,) in conn.execute(_POSTS_OF_THEME, (name,))]
    anchor: dict[str, Any] = {"session": session, "label": label, "terms": json.loads(terms), "posts": posts}
    target = load_theme_anchor(conn, into) if into else None
    return anchor | ({"into": target} if target else {})


def _load_tips(conn: sqlite3.Connection, where: str, values: tuple[str, ...]) -> list[StoredTip]:
    found = []
    for name, chat, session, post, start, end, kind, text, score, reason, state, version in conn.execute(
        _TIPS + where, values
    ).fetchall():
        parts = tuple(conn.execute(_PARTS, (name,)).fetchall())
        shown = ShownTip(name, session, post, cast("TipKind", kind), start, end, text, score, parts)
        found.append(StoredTip(shown, chat, reason, cast("TipState", state), version))
    return found
