"""Writes findings to archive.db: a session's rows replace those it had."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable
from typing import Any

from analysis.engine import Findings
from archive.models import Chat

_OF_TIPS = "DELETE FROM tip_evidence WHERE tip IN (SELECT id FROM tips WHERE {})"
_OF_QUESTIONS = "DELETE FROM answers WHERE question IN (SELECT id FROM questions WHERE {})"
_NAMED = "id IN (SELECT value FROM json_each(?))"
_INSERT_NAMED = """
INSERT INTO {table} VALUES ({marks}) ON CONFLICT (id) DO UPDATE SET {columns}
"""
# What others refer to by its id: for each row that goes, the database looks through all that could refer to it, of all
# sessions. So those that are found again stay, and only change.
_REFERRED_TO = {
    "themes": ("id", "chat", "session", "label", "terms", "post_count", "post", "tip", "named_by", "pinned", "hint",
               "version"),
    "questions": ("id", "chat", "session", "number", "post", "text", "asked_at", "version"),
}  # fmt: skip
# Those that refer to others first.
_TABLES = ("recaps", "tips", "themes", "questions", "coverage", "session_authors", "unread_languages", "chat_posts")


def save_findings(conn: sqlite3.Connection, found: Findings, version: str) -> None:
    """Replaces the rows of one session, inside the caller's transaction."""
    chat, session = found.rows.chat.slug, found.rows.session.id
    named = [*(theme.id for theme in found.themes), *(question.id for question in found.threads.questions)]
    _delete(conn, "chat = ? AND session = ?", (chat, session), kept=named)
    _save_threads(conn, found, version)
    _save_named(
        conn,
        "themes",
        (
            (
                t.id, chat, session, t.label, json.dumps(t.terms, ensure_ascii=False), len(t.posts), t.post, t.tip,
                t.named_by, t.pinned, t.hint, version,
            )
            for t in found.themes
        ),
    )  # fmt: skip
    _save_tips(conn, found, version)
    conn.executemany(
        "INSERT INTO recaps VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (chat, session, position, line.question, line.tip, line.post, line.text, version)
            for position, line in enumerate(found.recap, 1)
        ),
    )
    conn.executemany(
        "INSERT INTO unread_languages VALUES (?, ?, ?, ?, ?)",
        ((chat, session, lang, count, version) for lang, count in found.unread.items()),
    )
    conn.executemany(
        "INSERT INTO coverage VALUES (?, ?, ?, ?, ?, ?, ?)",
        ((chat, session, m.platform, m.minute, m.state, m.why, version) for m in found.coverage),
    )


def delete_others(conn: sqlite3.Connection, chat: Chat, kept: Collection[str]) -> None:
    """Deletes the findings of sessions that the chat no longer has."""
    had = [row[0] for row in conn.execute("SELECT DISTINCT session FROM chat_posts WHERE chat = ?", (chat.slug,))]
    had += [row[0] for row in conn.execute("SELECT DISTINCT session FROM coverage WHERE chat = ?", (chat.slug,))]
    for session in sorted(set(had) - set(kept)):
        _delete(conn, "chat = ? AND session = ?", (chat.slug, session))


def _delete(conn: sqlite3.Connection, where: str, values: tuple[str, ...], kept: Collection[str] = ()) -> None:
    """Deletes a session's rows but for the themes and questions that are kept."""
    conn.execute(_OF_TIPS.format(where), values)
    conn.execute(_OF_QUESTIONS.format(where), values)
    for table in _TABLES:
        if table in _REFERRED_TO:
            conn.execute(f"DELETE FROM {table} WHERE {where} AND NOT {_NAMED}", (*values, json.dumps(list(kept))))
        else:
            conn.execute(f"DELETE FROM {table} WHERE {where}", values)


def _save_named(conn: sqlite3.Connection, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Writes rows that others refer to, or changes those that are there."""
    names = _REFERRED_TO[table]
    columns = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
    sql = _INSERT_NAMED.format(table=table, marks=", ".join("?" * len(names)), columns=columns)
    conn.executemany(sql, rows)


def _save_threads(conn: sqlite3.Connection, found: Findings, version: str) -> None:
    chat, session = found.rows.chat.slug, found.rows.session.id
    conn.executemany(
        "INSERT INTO chat_posts VALUES (?, ?, ?, ?, ?)",
        ((chat, session, post.id, post.why, version) for post in found.rows.posts),
    )
    _save_named(
        conn,
        "questions",
        ((q.id, chat, session, q.number, q.post, q.text, q.asked_at, version) for q in found.threads.questions),
    )
    conn.executemany(
        "INSERT INTO answers VALUES (?, ?, ?, ?, ?)",
        ((a.question, a.post, a.reason, a.confidence, version) for a in found.threads.answers),
    )


def _save_tips(conn: sqlite3.Connection, found: Findings, version: str) -> None:
    chat, session = found.rows.chat.slug, found.rows.session.id
    # A decided tip keeps its id when its post comes under another session, whose rows may be rebuilt later.
    named = (json.dumps([tip.id for tip in found.tips if tip.state != "proposed" or tip.kept]),)
    for delete in (_OF_TIPS.format(_NAMED), f"DELETE FROM tips WHERE {_NAMED}"):
        conn.execute(delete, named)
    conn.executemany(
        f"INSERT INTO tips VALUES ({', '.join('?' * 19)})",
        (
            (
                tip.id, chat, session, tip.proposal.post, tip.proposal.start, tip.proposal.end, tip.proposal.kind,
                tip.proposal.text, tip.proposal.score, tip.proposal.reason, tip.explanation, tip.proposal.question,
                tip.theme, tip.support_count, tip.organisation_count, tip.repost_count, tip.state, tip.kept, version,
            )
            for tip in found.tips
        ),
    )  # fmt: skip
    conn.executemany(
        "INSERT INTO tip_evidence VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            (tip.id, evidence.post, evidence.start, evidence.end, position, evidence.relation, version)
            for tip in found.tips
            for position, evidence in enumerate(tip.evidence)
        ),
    )
