"""Pages that only repeat what the archive holds: a live poll overlaps the last one, and most say nothing new.

Such a page is not kept, since keeping forty copies of each post would be waste and prove nothing more.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

import orjson

from archive.authors import known_values
from archive.models import Batch, Post
from archive.projection import build_version, project
from archive.saving import PageContext, counts_of, load_last_metrics, load_versions

# Purposes that say the same of why a post is here: it stood under the hashtag, or it is known and was looked up.
_UNDER_THE_TAG = ("tag", "sweep", "live")
_ALIKE = dict.fromkeys(_UNDER_THE_TAG, _UNDER_THE_TAG) | {
    "posts": (*_UNDER_THE_TAG, "posts", "thread", "quotes", "import")
}


def only_repeats(conn: sqlite3.Connection, batch: Batch, context: PageContext) -> bool:
    """Whether everything on the page is in the archive as the latest that is known.

    Then leaving it out changes no row but the times of the last look. Anything odd on the page keeps it.
    """
    if any((batch.deletions, batch.missing, batch.flaws, batch.author_states, batch.counts)):
        return False
    posts = {post.id: post for post in batch.posts}
    if len(posts) != len(batch.posts):
        return False
    return (
        _wordings_known(conn, posts.values(), context)
        and _counts_known(conn, posts.values())
        and _authors_known(conn, batch)
        and _sighted(conn, posts.values(), context)
    )


def _wordings_known(conn: sqlite3.Connection, posts: Iterable[Post], context: PageContext) -> bool:
    listed = list(posts)
    stored = load_versions(conn, [post.id for post in listed])
    for post in listed:
        own = build_version(post, context.page, context.fetched_at, context.observed_at(post))
        versions = stored.get(post.id)
        if versions is None or project(versions.values()).current.digest != own.digest:
            return False
    return True


def _counts_known(conn: sqlite3.Connection, posts: Iterable[Post]) -> bool:
    told = {post.id: post.metrics for post in posts if post.metrics is not None}
    last = load_last_metrics(conn, set(told))
    return all(post in last and last[post][1] == counts_of(metrics) for post, metrics in told.items())


def _authors_known(conn: sqlite3.Connection, batch: Batch) -> bool:
    rows = conn.execute(
        "SELECT authors.id, fields_seen FROM json_each(?) CROSS JOIN authors ON authors.id = value",
        [json.dumps([author.id for author in batch.authors])],
    )
    seen = {author: orjson.loads(fields) for author, fields in rows}
    for author in batch.authors:
        fields = seen.get(author.id)
        if fields is None or any(fields.get(n, [None, None])[1] != v for n, v in known_values(author).items()):
            return False
    return True


def _sighted(conn: sqlite3.Connection, posts: Iterable[Post], context: PageContext) -> bool:
    """Whether such a walk has seen the posts on this server before, and none of them is thought to be unavailable."""
    primary = json.dumps([post.id for post in posts if post.primary])
    purpose = context.walk.split("|")[1] if "|" in context.walk else ""
    alike = _ALIKE.get(purpose, (purpose,))
    unseen = conn.execute(
        "SELECT 1 FROM json_each(?1) AS p WHERE NOT EXISTS (SELECT 1 FROM sightings AS s WHERE s.post = p.value"
        " AND s.chat = ?2 AND s.server = ?3 AND EXISTS (SELECT 1 FROM json_each(?4) AS a"
        " WHERE s.walk >= ?2 || '|' || a.value || '|' AND s.walk < ?2 || '|' || a.value || '}')) LIMIT 1",
        (primary, context.chat, context.server, json.dumps(alike)),
    ).fetchone()
    gone = conn.execute(
        "SELECT 1 FROM json_each(?) AS p JOIN tombstones ON tombstones.key = p.value LIMIT 1", (primary,)
    ).fetchone()
    return unseen is None and gone is None
