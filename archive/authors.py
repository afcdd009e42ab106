"""Authors: one row each, every field as last seen; handles that stand for a number until it is learnt."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from archive.models import Author, Batch
from archive.projection import storable

_FIELDS = ("handle", "name", "bio", "url", "followers_count", "labels")
_UPSERT = """
INSERT INTO authors (id, platform, handle, name, bio, url, followers_count, labels, first_seen_at, last_seen_at,
  fields_seen)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET handle = excluded.handle, name = excluded.name, bio = excluded.bio, url = excluded.url,
  followers_count = excluded.followers_count, labels = excluded.labels, first_seen_at = excluded.first_seen_at,
  last_seen_at = excluded.last_seen_at, fields_seen = excluded.fields_seen
"""


def save_authors(conn: sqlite3.Connection, batch: Batch, observed: Mapping[str, str], fetched_at: str) -> None:
    """Joins what a page says of authors with what is known; each field keeps its latest sight.

    ``observed`` gives for the authors of posts when they were read, where that is older than the page.
    """
    sights: dict[str, dict[str, list[Any]]] = {}
    spans: dict[str, tuple[str, str]] = {}
    for author in [*batch.authors, *_mere_authors(batch)]:
        author_id = storable(author.id)
        at = observed.get(author.id, fetched_at)
        fields = sights.setdefault(author_id, {})
        for name, value in known_values(author).items():
            _join(fields, name, [at, value])
        first, last = spans.get(author_id, (at, at))
        spans[author_id] = (min(first, at), max(last, at))
    for author_id, first, last, stored in _load_known(conn, sights):
        for name, sight in stored.items():
            _join(sights[author_id], name, sight)
        spans[author_id] = (min(first, spans[author_id][0]), max(last, spans[author_id][1]))
    conn.executemany(_UPSERT, (_row(author_id, fields, spans[author_id]) for author_id, fields in sights.items()))
    _merge_handles(conn, sights)


def _mere_authors(batch: Batch) -> Iterable[Author]:
    """Authors of whom a page shows posts and nothing else."""
    described = {author.id for author in batch.authors}
    return [Author(id=post.author, platform=post.platform) for post in batch.posts if post.author not in described]


def known_values(author: Author) -> dict[str, Any]:
    """What one sight of an author says, as it is stored; what it leaves open is left out."""
    found = {
        name: storable(value) if isinstance(value, str) else value
        for name in ("handle", "name", "bio", "url", "followers_count")
        if (value := getattr(author, name)) is not None
    }
    if author.labels:
        found["labels"] = sorted(author.labels)
    return found


def _join(fields: dict[str, list[Any]], name: str, sight: list[Any]) -> None:
    """Later sights win; of two at the same moment one wins always, whichever came first."""
    known = fields.get(name)
    if known is None or sight[0] > known[0] or (sight[0] == known[0] and repr(sight[1]) > repr(known[1])):
        fields[name] = sight


def _load_known(conn: sqlite3.Connection, ids: Iterable[str]) -> list[tuple[str, str, str, dict[str, list[Any]]]]:
    rows = conn.execute(
        "SELECT authors.id, first_seen_at, last_seen_at, fields_seen"
        " FROM json_each(?) CROSS JOIN authors ON authors.id = value",
        [json.dumps(list(ids))],
    )
    return [(author, first, last, orjson.loads(seen)) for author, first, last, seen in rows]


def _row(author_id: str, fields: dict[str, list[Any]], span: tuple[str, str]) -> tuple[Any, ...]:
    values = {name: fields[name][1] if name in fields else None for name in _FIELDS}
    values["labels"] = json.dumps(values["labels"]) if values["labels"] else "[]"
    platform = author_id.partition(":")[0]
    return (author_id, platform, *values.values(), *span, orjson.dumps(fields).decode())


def _merge_handles(conn: sqlite3.Connection, sights: Mapping[str, dict[str, list[Any]]]) -> None:
    """Gives the posts of ``x:@handle`` to the number that turned out to be theirs."""
    numbers = {
        f"x:@{str(fields['handle'][1]).lower()}": author_id
        for author_id, fields in sights.items()
        if author_id.startswith("x:") and not author_id.startswith("x:@") and "handle" in fields
    }
    known = conn.execute(
        "SELECT authors.id FROM json_each(?) CROSS JOIN authors ON authors.id = value", [json.dumps(list(numbers))]
    )
    pairs = [(numbers[handle], handle) for (handle,) in known.fetchall()]
    named = resolve_authors(conn, [author_id for author_id in sights if author_id.startswith("x:@")])
    pairs += [(author_id, handle) for handle, author_id in named.items() if handle != author_id]
    conn.executemany("UPDATE posts SET author = ? WHERE author = ?", pairs)
    conn.executemany("UPDATE post_mentions SET author = ? WHERE author = ?", pairs)
    _merge_findings(conn, pairs)
    conn.executemany("DELETE FROM authors WHERE id = ?", [(handle,) for _, handle in pairs])


def _merge_findings(conn: sqlite3.Connection, pairs: list[tuple[str, str]]) -> None:
    """What was found of an author follows the posts; people and organisations are found again by the next analysis."""
    conn.executemany(
        "INSERT INTO session_authors SELECT chat, session, ?, posts_count, host, version FROM session_authors"
        " WHERE author = ? ON CONFLICT DO UPDATE SET posts_count = posts_count + excluded.posts_count,"
        " host = coalesce(min(host, excluded.host), host, excluded.host)",
        pairs,
    )
    for table in ("session_authors", "people", "author_organisations"):
        conn.executemany(f"DELETE FROM {table} WHERE author = ?", [(handle,) for _, handle in pairs])


def resolve_authors(conn: sqlite3.Connection, ids: Iterable[str]) -> dict[str, str]:
    """The author row behind each id; a handle whose number is known gives the number's row."""
    resolved = {author_id: storable(author_id) for author_id in ids}
    handles = {author_id[3:]: author_id for author_id in resolved if author_id.startswith("x:@")}
    rows = conn.execute(
        "SELECT value, authors.id FROM json_each(?)"
        " CROSS JOIN authors ON platform = 'x' AND handle = value COLLATE NOCASE"
        " WHERE authors.id NOT LIKE 'x:@%' ORDER BY last_seen_at, authors.id",
        [json.dumps(list(handles))],
    )
    for handle, author_id in rows:
        resolved[handles[handle]] = author_id
    return resolved
