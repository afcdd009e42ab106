"""Saves what a page says of posts, inside the transaction that the caller holds.

Everything here gives the same rows whatever order the pages come in: versions are joined, never overwritten, and a
post is projected from its versions anew whenever one of them changes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from archive import authors, deletions, references
from archive.models import Batch, Metrics, Post
from archive.projection import Projection, Version, build_version, project

_COLUMNS = (
    *("id", "platform", "author", "created_at", "posted_at", "first_seen_at", "text", "html", "lang", "url", "kind"),
    *("visibility", "labels", "reply_to", "conversation", "quote_of", "repost_of", "edited_at", "sensitive"),
)
_INSERT_POST = f"INSERT INTO posts ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
_UPSERT_POST = f"""
{_INSERT_POST}
ON CONFLICT (id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])}
"""
_UPSERT_VERSION = """
INSERT INTO post_versions (post, digest, native_id, text, html, edited_at, first_observed_at, observed_at, page, fields)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (post, digest) DO UPDATE SET first_observed_at = excluded.first_observed_at,
  observed_at = excluded.observed_at, page = excluded.page, native_id = excluded.native_id, html = excluded.html,
  fields = excluded.fields
"""
_CHILDREN = ("post_tags", "post_links", "post_mentions", "post_media")


@dataclass(frozen=True, slots=True)
class PageContext:
    """What the rows of one page have in common. ``walk`` is a key; ``is_file``: it is of an archive file."""

    page: int
    chat: str
    walk: str
    platform: str
    server: str
    fetched_at: str
    is_file: bool

    def observed_at(self, post: Post) -> str:
        """When the wording was read: as the source says; an old file knows no better than the post's own time."""
        if post.observed_at is not None:
            return min(post.observed_at, self.fetched_at)
        return min(post.created_at, self.fetched_at) if self.is_file else self.fetched_at


@dataclass(frozen=True, slots=True)
class Saved:
    """``new``: ids of posts that the archive did not know. ``known``: how many it knew.

    ``stored``: whether the page was kept.
    """

    new: frozenset[str]
    known: int
    changed: int
    stored: bool = True


def save_batch(conn: sqlite3.Connection, batch: Batch, context: PageContext) -> Saved:
    """Writes posts, authors, sightings, counts, deletions and what became of accounts, of one page."""
    posts = batch.posts
    authors.save_authors(conn, batch, _author_times(posts, context), context.fetched_at)
    observed = _observed_versions(posts, context)
    stored = load_versions(conn, observed)
    touched = {post: joined for post, own in observed.items() if (joined := _joined(stored.get(post, {}), own))}
    _write_versions(conn, (version for versions in touched.values() for version in versions.values()))
    merged = {post: {**stored.get(post, {}), **versions} for post, versions in touched.items()}
    _write_posts(conn, {post: project(versions.values()) for post, versions in merged.items()}, set(stored))
    references.save_ids(conn, posts, context.platform)
    _reproject(conn, references.take_waiting(conn, posts, context.platform))
    _save_sightings(conn, posts, context)
    save_metrics(conn, posts, context)
    deletions.settle_waiting(conn, posts, context.platform)
    _end_unavailable(conn, posts, context)
    for deletion in batch.deletions:
        deletions.save_deletion(conn, context.platform, deletion, context.fetched_at)
    for state in batch.author_states:
        deletions.save_author_state(conn, context.platform, state, context.fetched_at)
    _save_platform_counts(conn, batch, context)
    new = frozenset(observed.keys() - stored.keys())
    return Saved(new, len(observed) - len(new), len(touched) - len(new))


def _author_times(posts: Iterable[Post], context: PageContext) -> dict[str, str]:
    """When each author of a post was read, at the latest."""
    times: dict[str, str] = {}
    for post in posts:
        times[post.author] = max(times.get(post.author, ""), context.observed_at(post))
    return times


def _observed_versions(posts: Iterable[Post], context: PageContext) -> dict[str, dict[str, Version]]:
    observed: dict[str, dict[str, Version]] = {}
    for post in posts:
        version = build_version(post, context.page, context.fetched_at, context.observed_at(post))
        own = observed.setdefault(post.id, {})
        twin = own.get(version.digest)
        own[version.digest] = version if twin is None else version.joined(twin)
    return observed


def _joined(stored: dict[str, Version], own: dict[str, Version]) -> dict[str, Version]:
    """Of ``own`` the versions that say something new, joined with their stored twins."""
    joined = {}
    for digest, version in own.items():
        twin = stored.get(digest)
        both = version if twin is None else version.joined(twin)
        if both != twin:
            joined[digest] = both
    return joined


def load_versions(conn: sqlite3.Connection, posts: Iterable[str]) -> dict[str, dict[str, Version]]:
    """The stored versions of posts, by post and digest; posts without one are left out."""
    rows = conn.execute(
        "SELECT post, digest, native_id, text, html, edited_at, first_observed_at, observed_at, page, fields"
        " FROM json_each(?) CROSS JOIN post_versions ON post = value",
        [json.dumps(list(posts))],
    )
    found: dict[str, dict[str, Version]] = {}
    for columns in rows:
        row = (*columns, orjson.loads(columns[-1]))
        version = Version(*row)
        found.setdefault(version.post, {})[version.digest] = version
    return found


def _write_versions(conn: sqlite3.Connection, versions: Iterable[Version]) -> None:
    conn.executemany(
        _UPSERT_VERSION,
        (
            (
                v.post, v.digest, v.native_id, v.text, v.html, v.edited_at,
                v.first_observed_at, v.observed_at, v.page, v.packed,
            )
            for v in versions
        ),
    )  # fmt: skip


def _write_posts(conn: sqlite3.Connection, projections: dict[str, Projection], known: set[str]) -> None:
    resolver = references.Resolver(conn, projections)
    writers = authors.resolve_authors(conn, {p.fields["author"] for p in projections.values()})
    rows = {post: _post_row(p, writers[p.fields["author"]], resolver) for post, p in projections.items()}
    conn.executemany(_INSERT_POST, (row for post, row in rows.items() if post not in known))
    conn.executemany(_UPSERT_POST, (row for post, row in rows.items() if post in known))
    old = [(post,) for post in projections if post in known]
    for table in _CHILDREN if old else ():
        conn.executemany(f"DELETE FROM {table} WHERE post = ?", old)
    _write_children(conn, projections)
    references.save_waiting(conn, resolver.unresolved)


def _post_row(projection: Projection, author: str, resolver: references.Resolver) -> tuple[Any, ...]:
    current, fields = projection.current, projection.fields
    platform = current.post.partition(":")[0]
    refs = [resolver.resolve(current.post, projection.ref(name)) for name in references.NAMES]
    sensitive = fields.get("sensitive")
    labels = json.dumps(fields["labels"]) if "labels" in fields else "[]"
    return (
        current.post, platform, author, projection.created_at, projection.posted_at, projection.first_seen_at,
        current.text, current.html, fields.get("lang"), fields.get("url"), fields["kind"],
        fields.get("visibility", "public"), labels, *refs, current.edited_at,
        None if sensitive is None else int(sensitive),
    )  # fmt: skip


def _write_children(conn: sqlite3.Connection, projections: dict[str, Projection]) -> None:
    items = [(post, projection.fields) for post, projection in projections.items()]
    conn.executemany(
        "INSERT OR IGNORE INTO post_tags (post, tag) VALUES (?, ?)",
        [(post, tag) for post, fields in items for tag in fields.get("tags", ())],
    )
    conn.executemany(
        "INSERT OR IGNORE INTO post_links (post, url, expanded_url) VALUES (?, ?, ?)",
        [(post, *link) for post, fields in items for link in fields.get("links", ())],
    )
    conn.executemany(
        "INSERT OR IGNORE INTO post_mentions (post, handle, author) VALUES (?, ?, ?)",
        [(post, *mention) for post, fields in items for mention in fields.get("mentions", ())],
    )
    conn.executemany(
        "INSERT OR IGNORE INTO post_media (post, position, url, kind, alt_text) VALUES (?, ?, ?, ?, ?)",
        [(post, n, *media) for post, fields in items for n, media in enumerate(fields.get("media", ()))],
    )


def _reproject(conn: sqlite3.Connection, posts: Sequence[str]) -> None:
    """Builds posts anew whose references can be resolved now."""
    if posts:
        versions = load_versions(conn, posts)
        _write_posts(conn, {post: project(own.values()) for post, own in versions.items()}, set(versions))


def _save_sightings(conn: sqlite3.Connection, posts: Iterable[Post], context: PageContext) -> None:
    conn.executemany(
        "INSERT INTO sightings (post, walk, chat, server, first_at, last_at) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (chat, walk, server, post) DO UPDATE SET first_at = min(first_at, excluded.first_at),"
        " last_at = max(last_at, excluded.last_at)",
        {
            (post.id, context.walk, context.chat, context.server, context.fetched_at, context.fetched_at)
            for post in posts
            if post.primary
        },
    )


def save_metrics(conn: sqlite3.Connection, posts: Iterable[Post], context: PageContext) -> None:
    """A row of counts for each post whose counts differ from those last seen before."""
    seen = {(post.id, context.observed_at(post)): post.metrics for post in posts if post.metrics is not None}
    if not seen:
        return
    last = load_last_metrics(conn, {post for post, _ in seen})
    rows = [
        (post, at, *counts_of(metrics))
        for (post, at), metrics in seen.items()
        if (before := last.get(post)) is None or at < before[0] or counts_of(metrics) != before[1]
    ]
    conn.executemany(
        "INSERT INTO metrics (post, seen_at, likes, reposts, replies, quotes, views) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (post, seen_at) DO NOTHING",
        rows,
    )


def counts_of(metrics: Metrics) -> tuple[int | None, ...]:
    """The counts in the order of their columns."""
    return (metrics.likes, metrics.reposts, metrics.replies, metrics.quotes, metrics.views)


def load_last_metrics(conn: sqlite3.Connection, posts: set[str]) -> dict[str, tuple[str, tuple[int | None, ...]]]:
    """The latest counts of posts with their time: likes, reposts, replies, quotes, views."""
    rows = conn.execute(
        "SELECT post, max(seen_at), likes, reposts, replies, quotes, views"
        " FROM json_each(?) CROSS JOIN metrics ON post = value GROUP BY post",
        [json.dumps(list(posts))],
    )
    return {post: (seen_at, tuple(counts)) for post, seen_at, *counts in rows}


def _end_unavailable(conn: sqlite3.Connection, posts: Iterable[Post], context: PageContext) -> None:
    """A post that the platform shows again is available again, and so is its author; an old file proves nothing."""
    if context.is_file:
        return
    seen: dict[str, str] = {}
    for post in posts:  # a stream that replays shows how it was, not how it is
        seen[post.id] = max(seen.get(post.id, ""), context.observed_at(post))
    deletions.end_unavailable(conn, seen)
    deletions.end_unavailable_authors(conn, _author_times((post for post in posts if post.primary), context))


def _save_platform_counts(conn: sqlite3.Connection, batch: Batch, context: PageContext) -> None:
    """How many posts the platform says there are; the later word holds, of two at one moment the greater."""
    conn.executemany(
        "INSERT INTO counts (chat, platform, \"query\", starts_at, ends_at, posts_count, seen_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (chat, platform, \"query\", starts_at, ends_at)"
        " DO UPDATE SET posts_count = excluded.posts_count, seen_at = excluded.seen_at"
        " WHERE (excluded.seen_at, excluded.posts_count) > (seen_at, posts_count)",
        [
            (
                context.chat, context.platform, count.query, count.starts_at, count.ends_at, count.posts_count,
                context.fetched_at,
            )
            for count in batch.counts
        ],
    )  # fmt: skip
