"""Writes findings to archive.db: a session's rows replace those it had."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection

from analysis.engine import Findings
from analysis.organisations import Register, find_organisations
from analysis.people import find_people
from analysis.rows import load_authors
from archive.models import Chat

_OF_TIPS = "DELETE FROM tip_evidence WHERE tip IN (SELECT id FROM tips WHERE {})"
_OF_QUESTIONS = "DELETE FROM answers WHERE question IN (SELECT id FROM questions WHERE {})"
# Those that refer to others first.
_TABLES = ("recaps", "tips", "themes", "questions", "coverage", "attendance", "unread_languages", "chat_posts")


def save_findings(conn: sqlite3.Connection, found: Findings, version: str) -> None:
    """Replaces the rows of one session, inside the caller's transaction."""
    chat, session = found.rows.chat.slug, found.rows.session.id
    _delete(conn, "chat = ? AND session = ?", (chat, session))
    _save_threads(conn, found, version)
    conn.executemany(
        f"INSERT INTO themes VALUES ({', '.join('?' * 12)})",
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


def _delete(conn: sqlite3.Connection, where: str, values: tuple[str, ...]) -> None:
    conn.execute(_OF_TIPS.format(where), values)
    conn.execute(_OF_QUESTIONS.format(where), values)
    for table in _TABLES:
        conn.execute(f"DELETE FROM {table} WHERE {where}", values)


def _save_threads(conn: sqlite3.Connection, found: Findings, version: str) -> None:
    chat, session = found.rows.chat.slug, found.rows.session.id
    conn.executemany(
        "INSERT INTO chat_posts VALUES (?, ?, ?, ?, ?)",
        ((chat, session, post.id, post.why, version) for post in found.rows.posts),
    )
    conn.executemany(
        "INSERT INTO questions VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        ((q.id, chat, session, q.number, q.post, q.text, q.asked_at, version) for q in found.threads.questions),
    )
    conn.executemany(
        "INSERT INTO answers VALUES (?, ?, ?, ?, ?)",
        ((a.question, a.post, a.reason, a.confidence, version) for a in found.threads.answers),
    )


def _save_tips(conn: sqlite3.Connection, found: Findings, version: str) -> None:
    chat, session = found.rows.chat.slug, found.rows.session.id
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


def save_people(conn: sqlite3.Connection, version: str, register: Register) -> int:
    """People and organisations of everybody in any chat: both hold over chats, so they are built for all at once."""
    ids = [
        row[0] for row in conn.execute("SELECT DISTINCT author FROM posts WHERE id IN (SELECT post FROM chat_posts)")
    ]
    authors = load_authors(conn, ids)
    for table in ("people", "author_organisations", "organisations"):
        conn.execute(f"DELETE FROM {table}")
    conn.executemany(
        "INSERT INTO people VALUES (?, ?, ?, ?)", ((p.id, p.author, p.reason, version) for p in find_people(authors))
    )
    matches = find_organisations(authors, register)
    named = sorted({match.organisation for match in matches})
    conn.executemany(
        "INSERT INTO organisations VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            (o.id, o.name, o.type or None, o.nation or None, o.region or None, o.url, version)
            for o in (register.by_id[one] for one in named)
        ),
    )
    conn.executemany(
        "INSERT INTO author_organisations VALUES (?, ?, ?, ?, ?)",
        ((m.author, m.organisation, m.evidence, m.confidence, version) for m in matches),
    )
    return len(named)
