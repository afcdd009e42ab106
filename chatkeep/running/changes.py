"""Which sessions a change concerns: those are analysed again, the others of the chat are left as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from analysis.membership import HORIZON_DAYS, LEAD_MINUTES, find_window
from archive.models import Chat, Post, Session
from archive.times import shift

Change = tuple[str, str | None]
"""A chat and one of its sessions; None stands for all of them."""


def find_changes(chat: Chat, posts: Iterable[Post], session: str | None, now: str) -> set[Change]:
    """The sessions that posts of one page can belong to, with the one that the walk was made for.

    A poll of this week finds late answers to the last: its posts say whose they are. What fits nowhere concerns all.
    """
    times = {min(filter(None, (post.created_at, post.indexed_at, now))) for post in posts}
    found = {one.id for one in _list_near(chat, times) if _holds(chat, one, times)}
    found |= {session} if session is not None else set()
    return {(chat.slug, one) for one in found} or {(chat.slug, None)}


def list_current(chat: Chat, now: str) -> list[str]:
    """The sessions that can still get posts: what is proven of them changes with the minute."""
    return [one.id for one in _list_near(chat, {now}) if _holds(chat, one, {now})]


def is_live(chat: Chat, now: str) -> bool:
    """Whether one of its sessions sits."""
    return any(one.starts_at <= now <= one.ends_at for one in chat.sessions)


def _list_near(chat: Chat, times: set[str]) -> Iterator[Session]:
    """The sessions that are worth a closer look: a weekly chat has hundreds."""
    if not times:
        return
    first, last = shift(min(times), days=-HORIZON_DAYS), shift(max(times), minutes=LEAD_MINUTES)
    for session in chat.sessions:
        if first <= session.ends_at and session.starts_at <= last:
            yield session


def _holds(chat: Chat, session: Session, times: set[str]) -> bool:
    opens, closes = find_window(chat, session)
    return any(opens <= time < closes for time in times)
