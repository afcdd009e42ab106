"""Which post a platform's own id means: ids that hold everywhere, ids of one server, and ids not seen yet.

CROSS JOIN keeps SQLite from scanning the large table: it always looks up the few ids that were asked for.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping

from archive.models import Post, Ref
from archive.projection import Projection

NAMES = ("reply_to", "conversation", "quote_of", "repost_of")
_GLOBAL = {"x": "x:", "bluesky": "bluesky:"}


def load_posts_of(conn: sqlite3.Connection, platform: str, refs: Iterable[Ref]) -> dict[Ref, str]:
    """The posts that refs mean, of those whose ids are known."""
    pairs = json.dumps([[ref.server, ref.native_id] for ref in refs])
    rows = conn.execute(
        "SELECT i.server, i.native_id, i.post FROM json_each(?) AS r CROSS JOIN post_ids AS i ON i.platform = ?"
        " AND i.server = r.value ->> 0 AND i.native_id = r.value ->> 1",
        (pairs, platform),
    )
    return {Ref(server=server, native_id=native_id): post for server, native_id, post in rows}


def canonical(conn: sqlite3.Connection, platform: str, ref: Ref) -> str | None:
    """The id of the post that one ref means; None where only its own server could tell."""
    known = load_posts_of(conn, platform, [ref]).get(ref)
    if known is not None:
        return known
    return _GLOBAL[platform] + ref.native_id if platform in _GLOBAL else None


class Resolver:
    """Resolves the references of a set of projections with one look at the database a platform."""

    def __init__(self, conn: sqlite3.Connection, projections: Mapping[str, Projection]) -> None:
        wanted: dict[str, set[Ref]] = {}
        for post, projection in projections.items():
            refs = (projection.ref(name) for name in NAMES)
            wanted.setdefault(post.partition(":")[0], set()).update(ref for ref in refs if ref is not None)
        self._known = {platform: load_posts_of(conn, platform, refs) for platform, refs in wanted.items() if refs}
        self.unresolved: list[tuple[str, str, str, str]] = []

    def resolve(self, post: str, ref: Ref | None) -> str | None:
        """The id of the post that ``ref`` of ``post`` means; None where it is not known yet, which is noted."""
        if ref is None:
            return None
        platform = post.partition(":")[0]
        known = self._known[platform].get(ref)
        if known is None and platform in _GLOBAL:
            return _GLOBAL[platform] + ref.native_id
        if known is None:
            self.unresolved.append((platform, ref.server, ref.native_id, post))
        return known


def save_waiting(conn: sqlite3.Connection, unresolved: Iterable[tuple[str, str, str, str]]) -> None:
    """Notes references that wait for their post."""
    conn.executemany(
        "INSERT OR IGNORE INTO open_refs (platform, server, native_id, post) VALUES (?, ?, ?, ?)", unresolved
    )


def save_ids(conn: sqlite3.Connection, posts: Iterable[Post], platform: str) -> None:
    """Every id a page gave to its posts; the first post to own an id keeps it."""
    rows = {(platform, ref.server, ref.native_id, post.id) for post in posts for ref in post.native_ids}
    conn.executemany(
        "INSERT OR IGNORE INTO post_ids (platform, server, native_id, post) VALUES (?, ?, ?, ?)", sorted(rows)
    )
    renamed = [(post, f"{platform}:{native_id}") for _, _, native_id, post in rows if platform in _GLOBAL]
    for name in NAMES:
        conn.executemany(
            f"UPDATE posts SET {name} = ? WHERE {name} = ?", [pair for pair in renamed if pair[0] != pair[1]]
        )


def take_waiting(conn: sqlite3.Connection, posts: Iterable[Post], platform: str) -> list[str]:
    """The posts whose references to ``posts`` waited for them; they wait no longer."""
    local = [(ref.server, ref.native_id) for post in posts for ref in post.native_ids if ref.server]
    if not local:
        return []
    rows = conn.execute(
        "SELECT o.platform, o.server, o.native_id, o.post FROM json_each(?) AS r CROSS JOIN open_refs AS o"
        " ON o.platform = ? AND o.server = r.value ->> 0 AND o.native_id = r.value ->> 1",
        (json.dumps(local), platform),
    ).fetchall()
    conn.executemany("DELETE FROM open_refs WHERE platform = ? AND server = ? AND native_id = ? AND post = ?", rows)
    return sorted({row[3] for row in rows})
