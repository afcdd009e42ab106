"""What a platform says how many posts there were, beside what the archive holds of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.coverage_walks import find_tags, shift_back
from archive.models import PLATFORM_NAMES, Chat, Session
from archive.times import from_text, shift


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """From ``starts_at`` (inclusive) to ``ends_at`` (exclusive) the platform counts ``told_count`` posts of a query.

    ``held_count``: posts under the query's hashtags in the archive, without reposts, since searches leave these out.
    Deleted ones count as held: the platform may have counted them before.
    """

    platform: str
    query: str
    starts_at: str
    ends_at: str
    told_count: int
    held_count: int
    seen_at: str

    @property
    def seconds(self) -> float:
        """How long a time the count is of."""
        return (from_text(self.ends_at) - from_text(self.starts_at)).total_seconds()


def load_told(conn: sqlite3.Connection, chat: Chat, session: Session) -> list[Told]:
    """The counts that touch a session, each with what the archive holds, by time; a query without hashtags is left out.

    Platforms count by the time that they give a post, which is created_at.
    """
    rows = conn.execute(
        'SELECT platform, "query", starts_at, ends_at, posts_count, seen_at FROM counts'
        " WHERE chat = ? AND starts_at < ? AND ends_at > ? ORDER BY starts_at, ends_at, platform, query",
        (chat.slug, shift(session.ends_at, minutes=1), shift_back(session.starts_at, minutes=1)),
    ).fetchall()
    rows = [row for row in rows if find_tags(row[1])]
    if not rows:
        return []
    held = _load_held(conn, min(row[2] for row in rows), max(row[3] for row in rows))
    return [
        Told(
            platform=platform, query=query, starts_at=starts, ends_at=ends, told_count=count, seen_at=seen,
            held_count=_count_held(held.get(platform, {}), find_tags(query), starts, ends),
        )
        for platform, query, starts, ends, count, seen in rows
    ]  # fmt: skip


_Held = dict[str, tuple[set[str], set[str]]]  # post: when its wordings were created, its hashtags


def _load_held(conn: sqlite3.Connection, starts_at: str, ends_at: str) -> dict[str, _Held]:
    """By platform the posts of this time. posted_at, which has an index, is never later than created_at.

    Every wording counts: X gives each edit a time of its own, and counts by the latest.
    """
    held: dict[str, _Held] = {}
    for platform, post, created_at, edited_at, tag in conn.execute(
        "SELECT p.platform, p.id, coalesce(v.fields ->> 'created_at', p.created_at), v.edited_at, t.tag FROM posts p"
        " JOIN post_tags t ON t.post = p.id LEFT JOIN post_versions v ON v.post = p.id"
        " WHERE p.posted_at >= ? AND p.posted_at < ? AND p.kind <> 'repost'",
        (shift_back(starts_at, days=1), ends_at),
    ):
        times, tags = held.setdefault(platform, {}).setdefault(post, (set(), set()))
        times.update(time for time in (created_at, edited_at) if time is not None)
        tags.add(tag)
    return held


def _count_held(held: _Held, tags: frozenset[str], starts_at: str, ends_at: str) -> int:
    return sum(any(starts_at <= time < ends_at for time in times) and bool(own & tags) for times, own in held.values())


def find_shortfall(told: Sequence[Told], start: str, end: str) -> str | None:
    """Why the counts say that posts of this minute are missing, in words; None where they do not.

    Of each query the finest count speaks: an hour's total says nothing of a minute that has its own.
    """
    touching = [one for one in told if one.starts_at < end and one.ends_at > start]
    finest: dict[str, float] = {}
    for one in touching:
        finest[one.query] = min(finest.get(one.query, one.seconds), one.seconds)
    for one in touching:
        if one.seconds == finest[one.query] and one.told_count > one.held_count:
            where = "in this minute" if one.seconds <= 60 else f"in the {one.seconds / 60:.0f} minutes round it"
            posts = "post" if one.told_count == 1 else "posts"
            name = PLATFORM_NAMES[one.platform]
            return f"{name} counts {one.told_count:,} {posts} {where}, the archive holds {one.held_count:,}"
    return None
