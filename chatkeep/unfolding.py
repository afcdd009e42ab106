"""Shared links looked up for a command or the running capture: which sessions' they are, and the line about them."""

from __future__ import annotations

import threading
import time
from dataclasses import fields, replace

from archive.models import Chat, Session
from archive.store import Archive
from chatkeep import __version__
from collector.page_requests import build_page_client
from collector.refs import bounds_of
from collector.sources.base import Window
from collector.unfolding import POLITE, Manners, Unfolded, unfold_links


def unfold_session(
    archive: Archive, chat: Chat, session: str | None, stop: threading.Event, manners: Manners = POLITE
) -> Unfolded:
    """Looks up the links of one session by its id, or of all the chat's posts where it has no sessions."""
    named = next((each for each in chat.sessions if each.id == session), None)
    with build_page_client(__version__, manners.request_seconds) as http:
        return unfold_links(archive, http, chat, named, stop, manners)


def unfold_window(archive: Archive, chat: Chat, window: Window, stop: threading.Event) -> Unfolded:
    """Looks up the links of every session that a capture of this window touched, the latest first."""
    ends_at = time.monotonic() + POLITE.total_seconds
    done = Unfolded()
    touched = [session.id for session in find_touched(chat, window, archive.now())] if chat.sessions else [None]
    for session in touched:
        left = ends_at - time.monotonic()
        if stop.is_set() or left <= 0:
            break
        one = unfold_session(archive, chat, session, stop, replace(POLITE, total_seconds=left))
        done = Unfolded(*(getattr(done, each.name) + getattr(one, each.name) for each in fields(Unfolded)))
    return done


def find_touched(chat: Chat, window: Window, now: str) -> list[Session]:
    """The sessions whose posts a capture of this window may have brought, the latest first."""
    start, end = window.start or "0000", window.end or now
    touched = [s for s in chat.sessions if bounds_of(chat, s)[0] < end and start < bounds_of(chat, s)[1]]
    return sorted(touched, key=lambda session: (session.starts_at, session.id), reverse=True)


def render_unfolded(done: Unfolded) -> str | None:
    """What came of it in one line; None where there was nothing to do."""
    if not done.asked_count and not done.left_count and not done.waiting_count:
        return None
    parts = [f"looked up {done.asked_count} links that people shared: {done.titled_count} have a title"]
    if done.failed_count:
        parts.append(f"{done.failed_count} did not answer as pages do, and are tried again later")
    if done.refused_count:
        parts.append(f"{done.refused_count} lead to what is not on the public internet")
    if done.waiting_count:
        parts.append(f"{done.waiting_count} wait for another time")
    if done.left_count:
        parts.append(f"{done.left_count} are left for the next time")
    return "; ".join(parts)
