"""Rebuilds the findings of a chat, one session at a time: read, think, and write in one short transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from analysis.coverage import load_walks
from analysis.coverage_counts import load_told
from analysis.decided import Decided
from analysis.engine import Findings, analyse_session, propose
from analysis.everybody import find_everybody, find_who, save_everybody, save_presences
from analysis.organisations import Register, load_register
from analysis.outside import find_outside
from analysis.ranking import Model
from analysis.reading import Reading, read_session
from analysis.retraining import Lessons, build_fingerprint, can_learn, find_decided_sessions, load_ranker, save_ranker
from analysis.rows import SessionRows, load_session
from analysis.saving import delete_others, save_findings
from archive.decisions import Decision
from archive.memory import no_search_for_cycles
from archive.models import Chat, Session


@dataclass(slots=True)
class Analysed:
    """Counts of what an analysis found in a chat."""

    chat: str
    sessions: int = 0
    posts: int = 0
    questions: int = 0
    answers: int = 0
    tips: int = 0
    themes: int = 0
    organisations: int = 0
    kinds: dict[str, int] = field(default_factory=dict)


def analyse_chat(
    conn: sqlite3.Connection,
    chat: Chat,
    *,
    version: str,
    register: Register | None = None,
    now: str | None = None,
    decisions: Sequence[Decision] = (),
    only: Collection[str] | None = None,
) -> Analysed:
    """Rebuilds the findings of a chat. The same archive, decisions, version and ``now`` give the same rows.

    Each session is read and thought about before its write transaction, which is short; one session is in memory at
    a time. ``register`` is for tests. ``now`` is the present: what ends later is said to be not over yet; None takes
    every minute as over. ``only`` limits the work to the sessions that changed.
    """
    counts, known = Analysed(chat.slug), register or load_register()
    with _reading(conn):
        walks = load_walks(conn, chat)
    model, read = _find_ranker(conn, chat, version, decisions, only)
    kept: set[str] = set()
    for session, whole, outside in _list_sessions(conn, chat):
        if only is not None and session.id not in only:
            kept.add(session.id)
            continue
        with no_search_for_cycles():
            with _reading(conn):
                reading = read.pop(session.id, None)
                rows = reading.rows if reading else _load(conn, chat, session, whole, outside)
                told = load_told(conn, chat, rows.session) if rows else ()
            if rows is None:
                continue
            kept.add(session.id)
            who = find_who(rows, known, decisions)
            findings = analyse_session(
                reading or rows, walks, who=who, told=told, now=now, decisions=decisions, model=model
            )
            with _writing(conn):
                save_findings(conn, findings, version)
                save_presences(conn, findings, version)
            _count(counts, findings)
    with _writing(conn):
        delete_others(conn, chat, kept)
    with _reading(conn):
        everybody = find_everybody(conn, version, known, decisions)
    with _writing(conn):
        save_everybody(conn, chat.slug, everybody, version, only)
    counts.organisations = len(everybody.organisations)
    return counts


def _find_ranker(
    conn: sqlite3.Connection,
    chat: Chat,
    version: str,
    decisions: Sequence[Decision],
    only: Collection[str] | None,
) -> tuple[Model, dict[str, Reading]]:
    """The ranker that the chat's decisions made, and what was read for it of the sessions that are looked at alone.

    It is made again unless only sessions without decisions changed.
    """
    made_of, decided = build_fingerprint(version, decisions), find_decided_sessions(decisions)
    if only is not None and not decided & set(only) and (stored := load_ranker(conn, chat, made_of)):
        return stored, {}
    lessons = Lessons()
    kept: dict[str, Reading] = {}
    for session, whole, outside in _list_sessions(conn, chat) if can_learn(decisions) else ():
        with _reading(conn):
            rows = _load(conn, chat, session, whole, outside) if session.id in decided else None
        if rows:
            reading = read_session(rows)
            lessons.add(reading, propose(reading, Decided(reading, decisions)))
            if only is not None and session.id in only:
                kept[session.id] = reading
    model = lessons.build_model()
    with _writing(conn):
        save_ranker(conn, chat, model, lessons, made_of)
    return model, kept


def _list_sessions(conn: sqlite3.Connection, chat: Chat) -> Iterator[tuple[Session, bool, set[str] | None]]:
    """(session, whether it takes every post, the posts it is limited to).

    The chat's sessions, and one more that holds the imported posts outside them all; without any, all posts.
    """
    for session in sorted(chat.sessions, key=lambda session: (session.starts_at, session.id)):
        yield session, False, None
    outside = find_outside(conn, chat) if chat.sessions else None
    if outside is None or outside:
        yield Session(id=f"{chat.slug}-all", chat=chat.slug, starts_at="", ends_at=""), True, outside


def _load(
    conn: sqlite3.Connection, chat: Chat, session: Session, whole: bool, outside: set[str] | None
) -> SessionRows | None:
    rows = load_session(conn, chat, session, whole=whole)
    if not whole:
        return rows
    posts = tuple(post for post in rows.posts if outside is None or post.id in outside)
    if not posts:
        return None
    spanned = Session(id=session.id, chat=chat.slug, starts_at=posts[0].posted_at, ends_at=posts[-1].posted_at)
    return SessionRows(chat, spanned, posts, rows.authors)


@contextmanager
def _reading(conn: sqlite3.Connection) -> Iterator[None]:
    """One state of the archive for all that is read, beside a collector that goes on writing."""
    conn.execute("BEGIN")
    try:
        yield
    finally:
        conn.execute("ROLLBACK")


@contextmanager
def _writing(conn: sqlite3.Connection) -> Iterator[None]:
    conn.execute("BEGIN IMMEDIATE")
    try:
        yield
        conn.execute("COMMIT")
    finally:
        if conn.in_transaction:  # a full disk has rolled back already
            conn.execute("ROLLBACK")


def _count(counts: Analysed, found: Findings) -> None:
    counts.sessions += 1
    counts.posts += len(found.rows.posts)
    counts.questions += len(found.threads.questions)
    counts.answers += len({answer.post for answer in found.threads.answers})
    shown = [tip for tip in found.tips if tip.state != "rejected"]
    counts.tips += len(shown)
    counts.themes += len(found.themes)
    for tip in shown:
        counts.kinds[tip.proposal.kind] = counts.kinds.get(tip.proposal.kind, 0) + 1
