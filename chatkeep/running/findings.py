"""Findings while the capture runs: analysis and publishing, now and then and never in the way of capture."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from analysis.rebuild import analyse_chat
from archive.opening import storage_errors
from archive.store import Archive
from archive.times import to_text
from chatkeep import __version__
from chatkeep.running.state import State
from publish.chats_db import publish_chats

LANE = "findings"
_AT_LEAST = timedelta(minutes=1)
_SHARE = 10  # a live session is analysed for at most a tenth of the time


def wants_findings(state: State, now: datetime) -> bool:
    """Whether something changed, and the last analysis lies far enough back for its size."""
    with state.lock:
        if state.finding or not state.changed:
            return False
        pause = max(_AT_LEAST, timedelta(seconds=_SHARE * state.found_seconds))
        return state.found_at is None or not timedelta() <= now - state.found_at < pause


def find(archive: Archive, state: State, chats_path: Path, tell: Callable[..., None]) -> None:
    """Analyses the chats that changed, and publishes. What fails is tried again with the next change."""
    with state.lock:
        changed, state.changed = state.changed, set()
    begun = time.monotonic()
    try:
        chats = archive.load_chats()
        with storage_errors(archive.path):
            for slug in sorted(changed & set(chats)):
                analyse_chat(archive.conn, chats[slug], version=__version__, now=archive.now())
        publish_chats(archive.path, chats_path, at=to_text(archive.clock()))
        tell("findings", chats=sorted(changed))
    except BaseException:
        with state.lock:
            state.changed |= changed
        raise
    finally:
        with state.lock:
            state.finding, state.found_at = False, archive.clock()
            state.found_seconds = time.monotonic() - begun
            state.published = load_published(chats_path)


def load_published(chats_path: Path) -> frozenset[str]:
    """The chats that the published file holds; none where there is no such file yet."""
    if not chats_path.exists():
        return frozenset()
    try:
        with closing(sqlite3.connect(f"{chats_path.absolute().as_uri()}?mode=ro", uri=True)) as conn:
            return frozenset(row[0] for row in conn.execute("SELECT DISTINCT chat FROM sessions"))
    except sqlite3.Error:  # being rebuilt, or of another version: publishing tells what is wrong with it
        return frozenset()
