"""Findings while the capture runs: analysis and publishing, now and then and never in the way of capture."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from analysis.rebuild import analyse_chat
from analysis.retraining import LEAST_DECISIONS
from archive.decisions import find_decided_since, load_decisions
from archive.errors import StorageError
from archive.models import Chat
from archive.opening import storage_errors
from archive.store import Archive
from archive.times import to_text
from chatkeep import __version__
from chatkeep.lost_decisions import tell_lost
from chatkeep.running.changes import Change, is_live, list_current
from chatkeep.running.state import State
from publish.chats_db import publish_chats

LANE = "findings"
_AT_LEAST = timedelta(minutes=1)
_SHARE = 10  # a live session is analysed for at most a tenth of the time


@dataclass(frozen=True, slots=True)
class Files:
    """Where findings are published, and where people's decisions lie."""

    chats: Path
    decisions: Path


def note_decisions(state: State, path: Path, chats: Collection[str]) -> None:
    """Notes what people decided since the last look; what was decided before the first is in the findings already."""
    since = state.decided_place
    try:
        last, decided = find_decided_since(path, since or 0)
        changes: set[Change] = {
            (slug, session or None) for chat, session in decided for slug in chats if chat in ("", slug)
        }
        if since is not None and changes:
            changes |= {(slug, None) for slug in {chat for chat, _ in changes} if _is_learning(path, slug)}
    except StorageError:
        return  # the next analysis meets it too, and tells; capture is not held up by it
    with state.lock:
        state.changed |= changes if since is not None else set()
        state.decided_place = last


def _is_learning(path: Path, chat: str) -> bool:
    """Whether the chat's ranker learns from its decisions, so that each of them matters to every session."""
    tips = {one.subject for one in load_decisions(path, chat) if one.subject_kind == "tip"}
    return len(tips) >= LEAST_DECISIONS


def wants_findings(state: State, now: datetime) -> bool:
    """Whether something changed, and the last analysis lies far enough back for its size."""
    with state.lock:
        if state.finding or not state.changed:
            return False
        pause = max(_AT_LEAST, timedelta(seconds=_SHARE * state.found_seconds))
        return state.found_at is None or not timedelta() <= now - state.found_at < pause


def find(archive: Archive, state: State, files: Files, tell: Callable[..., None]) -> None:
    """Analyses the sessions that changed, and publishes. What fails is tried again with the next change."""
    with state.lock:
        changed, state.changed = state.changed, set()
    begun = time.monotonic()
    try:
        lost = tell_lost(archive.conn, files.decisions, {chat for chat, _ in changed})
        if lost:
            tell("decisions lost", why=lost.removeprefix("warning: "))
        sessions = _analyse(archive, changed, files.decisions)
        publish_chats(archive.path, files.chats, at=to_text(archive.clock()), sessions=sessions)
        tell("findings", chats=sorted({chat for chat, _ in changed}))
    except BaseException:
        with state.lock:
            state.changed |= changed
        raise
    finally:
        with state.lock:
            state.finding, state.found_at = False, archive.clock()
            state.found_seconds = time.monotonic() - begun
            state.published = load_published(files.chats)


def _analyse(archive: Archive, changed: Collection[Change], decisions_path: Path) -> set[str] | None:
    """Analyses what changed; gives the sessions to publish, None for all.

    While a chat sits only what changed is published: its people can matter to other sessions, which the looks after
    the session bring in line.
    """
    chats, now = archive.load_chats(), archive.now()
    published: set[str] | None = set()
    for slug in sorted({chat for chat, _ in changed} & set(chats)):
        decisions = load_decisions(decisions_path, slug)
        only = find_sessions(chats[slug], changed, now)
        with storage_errors(archive.path):
            analyse_chat(archive.conn, chats[slug], version=__version__, now=now, decisions=decisions, only=only)
        alone = only is not None and is_live(chats[slug], now)
        published = published | (only or set()) if alone and published is not None else None
    return published


def find_sessions(chat: Chat, changed: Iterable[Change], now: str) -> set[str] | None:
    """The sessions of the chat to analyse; None for all. Those that can still get posts are always among them."""
    known = {session.id for session in chat.sessions}
    sessions = {session for slug, session in changed if slug == chat.slug}
    named = {session for session in sessions if session is not None}
    return named | set(list_current(chat, now)) if sessions == named and named <= known else None


def load_published(chats_path: Path) -> frozenset[str]:
    """The chats that the published file holds; none where there is no such file yet."""
    if not chats_path.exists():
        return frozenset()
    try:
        with closing(sqlite3.connect(f"{chats_path.absolute().as_uri()}?mode=ro", uri=True)) as conn:
            return frozenset(row[0] for row in conn.execute("SELECT DISTINCT chat FROM sessions"))
    except sqlite3.Error:  # being rebuilt, or of another version: publishing tells what is wrong with it
        return frozenset()
