"""Which posts to ask a platform for again: those of a session, by the ids that one server knows them by."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from archive.models import Chat, Session
from archive.times import shift

_LEAD_HOURS = 1
_HORIZON_DAYS = 7  # as far as the last sweep looks back


@dataclass(frozen=True, slots=True)
class Scope:
    """The posts of a chat on one platform, posted from ``bounds[0]`` (inclusive) to ``bounds[1]`` (exclusive).

    ``servers``: the servers that may be asked, where ids are of a server; ``server``: the one that is asked now.
    ``hosts`` are the chat's, as ``platform:handle``.
    """

    chat: str
    platform: str
    bounds: tuple[str, str] = ("0000", "9999")
    server: str = ""
    servers: Sequence[str] = ()
    hosts: Sequence[str] = ()


def bounds_of(chat: Chat, session: Session | None) -> tuple[str, str]:
    """The time whose posts are a session's matter: from an hour before it to a week after it, or to the hour before the
    chat's next session, whichever comes first. Without a session all times.
    """
    if session is None:
        return "0000", "9999"
    closes = shift(session.ends_at, days=_HORIZON_DAYS)
    later = [other.starts_at for other in chat.sessions if other.starts_at > session.starts_at]
    if later:
        closes = min(closes, max(session.ends_at, shift(min(later), hours=-_LEAD_HOURS)))
    return shift(session.starts_at, hours=-_LEAD_HOURS), closes


_OF_SCOPE = """
  SELECT p.id, p.reply_to, p.conversation, p.author, p.kind FROM posts AS p
  WHERE p.platform = ?2 AND p.posted_at >= ?3 AND p.posted_at < ?4
    AND EXISTS (SELECT 1 FROM sightings AS s WHERE s.post = p.id AND s.chat = ?1)
    AND p.id NOT IN (SELECT key FROM tombstones WHERE reason <> 'unavailable')
"""
# What came in because somebody asked for a conversation begins no conversation of its own.
_FOR_ITSELF = f"""
  SELECT w.*, authors.platform || ':' || authors.handle AS platform_handle
  FROM ({_OF_SCOPE}) AS w JOIN authors ON authors.id = w.author
  WHERE EXISTS (SELECT 1 FROM sightings AS s, json_each('["tag", "sweep", "live", "import"]') AS purpose
    WHERE s.post = w.id AND s.chat = ?1
    AND s.walk >= ?1 || '|' || purpose.value || '|' AND s.walk < ?1 || '|' || purpose.value || '}}')
"""
_LAST_COUNTS = "SELECT replies, quotes FROM metrics AS m WHERE m.post = o.id ORDER BY seen_at DESC LIMIT 1"


def load_known(conn: sqlite3.Connection, scope: Scope) -> tuple[str, ...]:
    """Every post of the scope that is not finally gone, as the source wants it named (purpose posts)."""
    rows = conn.execute(f"SELECT o.id FROM ({_OF_SCOPE}) AS o ORDER BY o.id", _values(scope)).fetchall()
    return _name(conn, scope, [row[0] for row in rows])


def load_conversations(conn: sqlite3.Connection, scope: Scope) -> tuple[str, ...]:
    """Where the scope's own conversations begin, each once (purpose thread): those that a known post began, and those
    that a host takes part in. What a stranger began is not taken whole for one reply with the hashtag.
    """
    own, _ = _load_threads(conn, scope)
    if not scope.server:
        return tuple(sorted(root.removeprefix(f"{scope.platform}:") for root in own))
    return _name(conn, scope, sorted(own))


def load_answered(conn: sqlite3.Connection, scope: Scope) -> tuple[str, ...]:
    """Replies in strangers' conversations that may have been answered themselves (purpose replies)."""
    _, inside = _load_threads(conn, scope)
    return _name(conn, scope, sorted(inside))


def _load_threads(conn: sqlite3.Connection, scope: Scope) -> tuple[set[str], set[str]]:
    """The beginnings of the scope's own conversations, and its replies inside others'.

    A post without an answer that answers nobody has none; where no count of replies is known, it may have one.
    """
    rows = conn.execute(
        "SELECT o.id, o.reply_to, o.conversation, o.kind, o.platform_handle,"
        f" (SELECT replies FROM ({_LAST_COUNTS})) FROM ({_FOR_ITSELF}) AS o",
        _values(scope),
    ).fetchall()
    parents = {post: parent for post, parent, *_ in rows}
    replies = {post for post, _, _, kind, *_ in rows if kind == "reply"}
    hosts = {host.casefold() for host in scope.hosts}
    own, inside = set[str](), set[str]()
    for post, _, conversation, _, handle, count in rows:
        root = _root_of(post, conversation, parents)
        if (root in parents and root not in replies) or (handle or "").casefold() in hosts:
            if post in replies or count is None or count > 0:
                own.add(root)
        elif count is None or count > 0:
            inside.add(post)
    return own, inside


def load_quoted(conn: sqlite3.Connection, scope: Scope) -> tuple[str, ...]:
    """The posts of the scope that were quoted, by the platform's own count (purpose quotes)."""
    rows = conn.execute(
        f"SELECT o.id FROM ({_FOR_ITSELF}) AS o WHERE (SELECT quotes FROM ({_LAST_COUNTS})) > 0 ORDER BY o.id",
        _values(scope),
    ).fetchall()
    return _name(conn, scope, [row[0] for row in rows])


def _values(scope: Scope) -> tuple[str, ...]:
    return (scope.chat, scope.platform, *scope.bounds)


def _root_of(post: str, conversation: str | None, parents: dict[str, str | None]) -> str:
    """The conversation's own post where the platform names it, else the uppermost post that is known."""
    if conversation is not None:
        return conversation
    seen = {post}
    while (parent := parents.get(post)) is not None and parent in parents and parent not in seen:
        post = parent
        seen.add(post)
    return post


def _name(conn: sqlite3.Connection, scope: Scope, posts: Iterable[str]) -> tuple[str, ...]:
    """The posts as their platform names them; where ids are of a server, those that this server is to be asked for."""
    prefix = f"{scope.platform}:"
    if not scope.server:
        return tuple(_newest_id(conn, prefix, post) for post in posts)
    named = [_on_server(conn, scope, post) for post in posts]
    return tuple(name for name in named if name is not None)


def _newest_id(conn: sqlite3.Connection, prefix: str, post: str) -> str:
    """The id of the latest edit: X gives each edit an id of its own."""
    row = conn.execute(
        "SELECT native_id FROM post_ids WHERE post = ? ORDER BY length(native_id) DESC, native_id DESC LIMIT 1", (post,)
    ).fetchone()
    return str(row[0]) if row else post.removeprefix(prefix)


def _on_server(conn: sqlite3.Connection, scope: Scope, post: str) -> str | None:
    """``server id`` where this server is the one to ask: the author's own has authority, else the first that knows it.

    Another server that does not show a post says nothing of what became of it.
    """
    known = dict(conn.execute("SELECT server, native_id FROM post_ids WHERE post = ? ORDER BY server", (post,)))
    asked = [server for server in known if server in scope.servers]
    home = urlsplit(post.partition(":")[2]).netloc
    own = [server for server in asked if urlsplit(server).netloc == home]
    if (own or asked)[:1] != [scope.server]:
        return None
    return f"{scope.server} {known[scope.server]}"
