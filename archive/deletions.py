"""Tombstones: what is gone, for good or for now, whatever order deletions, posts and returns are read in.

A deletion may come before its post: a stream sends it so, and Mastodon's ids say nothing until a page shows them. It
waits in open_deletions, with the last moment at which an account was said to be back (reason ``back``).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping

from archive import references
from archive.authors import resolve_authors
from archive.models import AuthorState, Deletion, Post

# Final beats passing; of two final ones the earlier is when it went, of two passing ones the later is what holds.
_OF_TWO = """
  seen_at = CASE
    WHEN reason = 'deleted' AND excluded.reason = 'deleted' THEN min(seen_at, excluded.seen_at)
    WHEN reason = excluded.reason THEN max(seen_at, excluded.seen_at)
    WHEN reason = 'unavailable' THEN excluded.seen_at
    ELSE seen_at END,
  reason = iif(reason = 'unavailable', excluded.reason, reason)
"""
_BURY = f"INSERT INTO tombstones (key, seen_at, reason) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET {_OF_TWO}"
_WAIT = f"""
INSERT INTO open_deletions (platform, server, native_id, seen_at, reason) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (platform, server, native_id) DO UPDATE SET {_OF_TWO}
"""
_POST_SEEN_LATER = "SELECT 1 FROM post_versions WHERE post = ? AND observed_at > ? LIMIT 1"
# The page must be later as well as the wording: an old file shows its posts on the day of its import.
_AUTHOR_SEEN_LATER = """
SELECT 1 FROM posts AS p CROSS JOIN sightings AS s ON s.post = p.id CROSS JOIN post_versions AS v ON v.post = p.id
WHERE p.author = ? AND s.last_at > ? AND v.observed_at > ? LIMIT 1
"""


def save_deletion(conn: sqlite3.Connection, platform: str, deletion: Deletion, seen_at: str) -> None:
    """A tombstone for the post, or a note that waits until a page shows which post was meant."""
    ref = deletion.ref
    post = references.canonical(conn, platform, ref)
    is_final = deletion.reason == "deleted"
    if post is None or (is_final and conn.execute("SELECT 1 FROM posts WHERE id = ?", (post,)).fetchone() is None):
        conn.execute(_WAIT, (platform, ref.server, ref.native_id, seen_at, deletion.reason))
    else:
        _bury_post(conn, post, seen_at, deletion.reason)


def settle_waiting(conn: sqlite3.Connection, posts: Iterable[Post], platform: str) -> None:
    """Makes tombstones of the deletions that waited for the ids of ``posts``."""
    refs = {(ref.server, ref.native_id) for post in posts for ref in post.native_ids}
    if refs and conn.execute("SELECT 1 FROM open_deletions LIMIT 1").fetchone():
        _settle(conn, refs, platform)
    # X gives each edit an id, and one may have been called unavailable before it was known whose it is.
    aliases = {f"{platform}:{ref.native_id}": post.id for post in posts for ref in post.native_ids if not ref.server}
    _move(conn, {alias: post for alias, post in aliases.items() if alias != post})


def _settle(conn: sqlite3.Connection, refs: Iterable[tuple[str, str]], platform: str) -> None:
    rows = conn.execute(
        "SELECT d.server, d.native_id, d.seen_at, d.reason, i.post FROM json_each(?) AS r"
        " CROSS JOIN open_deletions AS d ON d.platform = ? AND d.server = r.value ->> 0"
        " AND d.native_id = r.value ->> 1 AND d.reason <> 'back'"
        " CROSS JOIN post_ids AS i ON i.platform = d.platform AND i.server = d.server AND i.native_id = d.native_id",
        (json.dumps(sorted(refs)), platform),
    ).fetchall()
    for server, native_id, seen_at, reason, post in rows:
        _bury_post(conn, post, seen_at, reason)
        conn.execute(
            "DELETE FROM open_deletions WHERE platform = ? AND server = ? AND native_id = ?",
            (platform, server, native_id),
        )


def _move(conn: sqlite3.Connection, posts_of: Mapping[str, str]) -> None:
    if not posts_of:
        return
    rows = conn.execute(
        "SELECT t.key, t.seen_at, t.reason FROM json_each(?) AS r CROSS JOIN tombstones AS t ON t.key = r.value"
        " WHERE t.reason <> 'erased'",
        [json.dumps(list(posts_of))],
    ).fetchall()
    for alias, seen_at, reason in rows:
        conn.execute("DELETE FROM tombstones WHERE key = ?", (alias,))
        _bury_post(conn, posts_of[alias], seen_at, reason)


def _bury_post(conn: sqlite3.Connection, post: str, seen_at: str, reason: str) -> None:
    if reason == "unavailable" and conn.execute(_POST_SEEN_LATER, (post, seen_at)).fetchone():
        return
    conn.execute(_BURY, (post, seen_at, reason))


def end_unavailable(conn: sqlite3.Connection, shown: Mapping[str, str]) -> None:
    """``shown``: when each post was last read; a post that the platform shows again is available again."""
    conn.execute(
        "DELETE FROM tombstones WHERE key IN (SELECT t.key FROM json_each(?) AS seen CROSS JOIN tombstones AS t"
        " ON t.key = seen.key WHERE t.reason = 'unavailable' AND t.seen_at < seen.value)",
        [json.dumps(dict(shown))],
    )


def end_unavailable_authors(conn: sqlite3.Connection, shown: Mapping[str, str]) -> None:
    """``shown``: when each author's own post was last read; an account that posts is there."""
    resolved = resolve_authors(conn, shown)
    for author, observed_at in shown.items():
        _end(conn, [resolved[author]], observed_at)


def save_author_state(conn: sqlite3.Connection, platform: str, state: AuthorState, seen_at: str) -> None:
    """A tombstone for the whole account, or its end. A later sight of the account ends a passing one as well."""
    author = resolve_authors(conn, [state.author])[state.author]
    if state.reason is None:
        conn.execute(_WAIT, (platform, "", author, seen_at, "back"))
        _end(conn, [author], seen_at)
    elif state.reason == "deleted" or not _author_seen_later(conn, platform, author, seen_at):
        conn.execute(_BURY, (author, seen_at, state.reason))


def _author_seen_later(conn: sqlite3.Connection, platform: str, author: str, seen_at: str) -> bool:
    back = conn.execute(
        "SELECT 1 FROM open_deletions WHERE platform = ? AND server = '' AND native_id = ? AND reason = 'back'"
        " AND seen_at > ?",
        (platform, author, seen_at),
    ).fetchone()
    return bool(back or conn.execute(_AUTHOR_SEEN_LATER, (author, seen_at, seen_at)).fetchone())


def _end(conn: sqlite3.Connection, keys: Iterable[str], seen_at: str) -> None:
    conn.execute(
        "DELETE FROM tombstones WHERE reason = 'unavailable' AND seen_at < ?"
        " AND key IN (SELECT value FROM json_each(?))",
        (seen_at, json.dumps(list(keys))),
    )
