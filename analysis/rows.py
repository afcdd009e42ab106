"""The rows that every step of the analysis reads: plain dataclasses, and how they are loaded from archive.db."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from analysis.membership import Candidate, find_members, list_candidates
from archive.models import Chat, Session

_CHUNK = 500  # ids in one IN (…): well under SQLite's limit of bound values


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPost:
    """One post as the analysis sees it.

    ``posted_at`` is an archive text, so text order is time order. ``reply_to``, ``quote_of`` and ``repost_of`` are
    post ids. ``reply_author`` is who was replied to, where only that is known. ``links`` are expanded where the
    platform says what they lead to. ``why`` is the reason for membership. ``reposts_count`` is the platform's word.
    """

    id: str
    platform: str
    author: str
    posted_at: str
    text: str
    handle: str | None = None
    lang: str | None = None
    kind: str = "post"
    url: str | None = None
    reply_to: str | None = None
    reply_author: str | None = None
    conversation: str | None = None
    quote_of: str | None = None
    repost_of: str | None = None
    tags: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    alt_texts: tuple[str, ...] = ()
    is_host: bool = False
    reposts_count: int = 0
    why: str = "tagged"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionAuthor:
    """What an author says of themselves in public."""

    id: str
    platform: str
    handle: str | None = None
    name: str | None = None
    bio: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class SessionRows:
    """A session with its posts in canonical order, (posted_at, id), and their authors by id."""

    chat: Chat
    session: Session
    posts: tuple[SessionPost, ...]
    authors: Mapping[str, SessionAuthor] = field(default_factory=dict)


def build_rows(
    chat: Chat, session: Session, posts: Iterable[SessionPost], authors: Iterable[SessionAuthor] = ()
) -> SessionRows:
    """The rows in canonical order, whatever order they came in; hosts named in the chat's settings are marked."""
    known = {author.id: author for author in sorted(authors, key=lambda author: author.id)}
    hosts = {host.casefold() for host in chat.hosts}
    marked = [post if post.is_host else replace(post, is_host=_is_host(post, known, hosts)) for post in posts]
    return SessionRows(chat, session, tuple(sorted(marked, key=lambda post: (post.posted_at, post.id))), known)


def load_session(conn: sqlite3.Connection, chat: Chat, session: Session, *, whole: bool = False) -> SessionRows:
    """The posts of one session, without those that are deleted, erased or unavailable.

    ``whole`` takes every post of the chat, whenever it was posted: the implicit session of a chat without any.
    """
    members = find_members(chat, session, list_candidates(conn, chat, None if whole else session), whole=whole)
    posts = _load_posts(conn, members)
    return build_rows(chat, session, posts, load_authors(conn, {post.author for post in posts}))


def load_authors(conn: sqlite3.Connection, ids: Iterable[str] | None = None) -> list[SessionAuthor]:
    """The authors with these ids, or everyone in the archive, in the order of their ids."""
    sql = "SELECT id, platform, handle, name, bio, url FROM authors"
    if ids is None:
        rows = conn.execute(sql + " ORDER BY id").fetchall()
    else:
        rows = _load_in(conn, sql + " WHERE id IN ({})", sorted(ids))
    return [SessionAuthor(id=r[0], platform=r[1], handle=r[2], name=r[3], bio=r[4], url=r[5]) for r in rows]


def _is_host(post: SessionPost, authors: Mapping[str, SessionAuthor], hosts: set[str]) -> bool:
    handle = post.handle or (authors[post.author].handle if post.author in authors else None)
    return bool(handle) and f"{post.platform}:{handle}".casefold() in hosts


def _load_posts(conn: sqlite3.Connection, members: Mapping[str, Candidate]) -> list[SessionPost]:
    ids = sorted(members)
    tags = _load_lists(conn, "SELECT post, tag FROM post_tags WHERE post IN ({}) ORDER BY post, tag", ids)
    links = _load_lists(
        conn, "SELECT post, coalesce(expanded_url, url) FROM post_links WHERE post IN ({}) ORDER BY post, url", ids
    )
    alts = _load_lists(
        conn,
        "SELECT post, alt_text FROM post_media WHERE alt_text IS NOT NULL AND post IN ({}) ORDER BY post, position",
        ids,
    )
    mentions = _load_mentions(conn, ids)
    counts = dict(_load_in(conn, "SELECT post, max(reposts) FROM metrics WHERE post IN ({}) GROUP BY post", ids))
    rows = _load_in(
        conn,
        "SELECT p.id, p.platform, p.author, p.posted_at, p.text, a.handle, p.lang, p.kind, p.url, p.reply_to,"
        " p.conversation, p.quote_of, p.repost_of, parent.author FROM posts p JOIN authors a ON a.id = p.author"
        " LEFT JOIN posts parent ON parent.id = p.reply_to WHERE p.id IN ({})",
        ids,
    )
    return [
        SessionPost(
            id=r[0], platform=r[1], author=r[2], posted_at=r[3], text=r[4], handle=r[5], lang=r[6], kind=r[7],
            url=r[8], reply_to=r[9], conversation=r[10], quote_of=r[11], repost_of=r[12],
            reply_author=r[13] or _addressee(r[4], mentions.get(r[0], {})),
            tags=tuple(tags.get(r[0], ())), links=tuple(links.get(r[0], ())),
            mentions=tuple(mentions.get(r[0], {})), alt_texts=tuple(alts.get(r[0], ())),
            reposts_count=counts.get(r[0]) or 0, why=members[r[0]].why,
        )
        for r in rows
    ]  # fmt: skip


def _addressee(text: str, mentions: Mapping[str, str | None]) -> str | None:
    """The author whose handle opens the text: whom a reply is to, where the post replied to is not known."""
    first = text.split(maxsplit=1)[0] if text.startswith("@") else ""
    return next((author for handle, author in mentions.items() if handle.casefold() == first[1:].casefold()), None)


def _load_mentions(conn: sqlite3.Connection, ids: list[str]) -> dict[str, dict[str, str | None]]:
    found: dict[str, dict[str, str | None]] = {}
    sql = "SELECT post, handle, author FROM post_mentions WHERE post IN ({}) ORDER BY post, handle"
    for post, handle, author in _load_in(conn, sql, ids):
        found.setdefault(post, {})[handle] = author
    return found


def _load_lists(conn: sqlite3.Connection, sql: str, ids: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for post, value in _load_in(conn, sql, ids):
        found.setdefault(post, []).append(value)
    return found


def _load_in(conn: sqlite3.Connection, sql: str, ids: list[str]) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for at in range(0, len(ids), _CHUNK):
        chunk = ids[at : at + _CHUNK]
        rows.extend(conn.execute(sql.format(",".join("?" * len(chunk))), chunk).fetchall())
    return rows
