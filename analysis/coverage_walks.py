"""The walks of a chat as evidence: what each asked for, of whom, when, and over which time it went."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from archive.models import Chat, normalise_tag
from archive.times import from_text, shift, to_text

ASKING = ("tag", "sweep")
"""The purposes that can prove a minute. A stream (live) never does: nobody can tell what it left out."""
_TOLD = (*ASKING, "import")
_TAG = re.compile(r"#([^\s()/|#]+)")
_SERVER = re.compile(r"https?://\S+")
# A server's Date header has whole seconds, and its answer takes a while to come.
_CLOCK_TOLERANCE = timedelta(seconds=90)
_EVER = "0000"


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverWalk:
    """As much of a walk as coverage needs.

    ``clock_ahead_seconds``: by so much this machine's clock was ahead of the platform's when the walk began; its
    times are corrected by that already.
    """

    platform: str
    key: str
    status: str
    opened_at: str
    covers_from: str | None = None
    covers_to: str | None = None
    pages_count: int = 0
    posts_count: int = 0
    repeats_count: int = 0
    why: str | None = None
    clock_ahead_seconds: int = 0

    @property
    def purpose(self) -> str:
        """The purpose in the walk's key, chat|purpose|plan."""
        return self.key.split("|", 2)[1]

    @property
    def tags(self) -> frozenset[str]:
        """The hashtags that the plan names. One that names none is taken to prove nothing."""
        return find_tags(self.key.split("|", 2)[2])

    @property
    def server(self) -> str:
        """The server's address on Mastodon; "" on platforms that are one."""
        found = _SERVER.search(self.key.split("|", 2)[2]) if self.platform == "mastodon" else None
        return found[0] if found else ""

    @property
    def begins(self) -> str:
        """From when on the walk went over everything; a text below all times where that is as far as there is."""
        return self.covers_from or _EVER

    @property
    def ends(self) -> str:
        """Until when; never later than its beginning, since it cannot know what was still to come."""
        return min(self.covers_to or self.opened_at, self.opened_at)

    def touches(self, start: str, end: str) -> bool:
        """Whether it went, or was to go, over some of this time."""
        return self.begins < end and self.ends > start


def find_tags(query: str) -> frozenset[str]:
    """The hashtags that a query or a plan's key names, normalised."""
    return frozenset(normalise_tag(tag) for tag in _TAG.findall(query))


def load_walks(conn: sqlite3.Connection, chat: Chat) -> list[CoverWalk]:
    """The walks of a chat that can say something about minutes, in the order they were begun.

    Where the platform's own Date shows that our clock was ahead, a walk began earlier than it says, and proves less.
    """
    values = {"chat": chat.slug, **dict(_key_ranges(chat.slug, _TOLD))}
    ranges = " OR ".join(f"key >= :{name} AND key < :{name}s" for name in _TOLD)
    rows = conn.execute(
        "SELECT id, platform, key, status, opened_at, covers_from, covers_to, pages_count, posts_count, repeats_count,"
        f" why FROM walks WHERE chat = :chat AND ({ranges}) ORDER BY id",
        values,
    ).fetchall()
    ahead = _load_clock_errors(conn, [row[0] for row in rows if row[6] is not None])
    return [
        _corrected(
            CoverWalk(
                platform=row[1], key=row[2], status=row[3], opened_at=row[4], covers_from=row[5], covers_to=row[6],
                pages_count=row[7], posts_count=row[8], repeats_count=row[9], why=_what_happened(row[10]),
            ),
            ahead.get(row[0]),
        )
        for row in rows
    ]  # fmt: skip


def _what_happened(why: str | None) -> str | None:
    """The reason without its remedy, which is for whoever ran the capture and not for a report."""
    return None if why is None else why.partition("; ")[0]


def _key_ranges(chat: str, purposes: Iterable[str]) -> Iterator[tuple[str, str]]:
    for purpose in purposes:
        yield purpose, f"{chat}|{purpose}|"
        yield f"{purpose}s", f"{chat}|{purpose}|\U0010ffff"


def _load_clock_errors(conn: sqlite3.Connection, walks: list[int]) -> dict[int, timedelta]:
    """By how much our clock was ahead of the platform's Date when these walks began, or on a page of theirs, if it was.

    A walk begins before its first answer; of polls joined in one row only the pages tell, since its beginning moved on.
    """
    rows = conn.execute(
        "SELECT p.walk, p.headers, p.fetched_at, iif(w.repeats_count, p.fetched_at, w.opened_at)"
        " FROM pages p JOIN walks w ON w.id = p.walk WHERE p.id IN ("
        "SELECT min(id) FROM pages WHERE walk IN (SELECT value FROM json_each(:walks)) GROUP BY walk UNION ALL "
        "SELECT max(id) FROM pages WHERE walk IN (SELECT value FROM json_each(:walks)) GROUP BY walk)",
        {"walks": json.dumps(walks)},
    )
    ahead: dict[int, timedelta] = defaultdict(timedelta)
    for walk, headers, *ours in rows:
        theirs = _read_date(headers)
        if theirs is not None and (error := from_text(max(ours)) - theirs) > _CLOCK_TOLERANCE:
            ahead[walk] = max(ahead[walk], error)
    return dict(ahead)


def _read_date(headers: str) -> datetime | None:
    """The time in a page's Date header, None where there is none that can be read."""
    try:
        found = parsedate_to_datetime(json.loads(headers)["date"])
    except (KeyError, TypeError, ValueError):
        return None
    return found if found.tzinfo is not None else None


def _corrected(walk: CoverWalk, ahead: timedelta | None) -> CoverWalk:
    """The walk as the platform's clock has it. Where its end was asked for, the end stays, as far as it was over."""
    if not ahead:
        return walk
    opened_at = to_text(from_text(walk.opened_at) - ahead)
    told = walk.covers_to or walk.opened_at
    lag = from_text(walk.opened_at) - from_text(told)
    ends = min(told, to_text(from_text(opened_at) - min(lag, timedelta(minutes=5))))
    return replace(walk, opened_at=opened_at, covers_to=ends, clock_ahead_seconds=round(ahead.total_seconds()))


def select_walks(walks: Iterable[CoverWalk], starts_at: str, ends_at: str, horizon_days: int) -> list[CoverWalk]:
    """Those of a chat's walks that can say anything of one session; a year's worth would slow every step after this."""
    first, last = shift_back(starts_at, days=1), shift(ends_at, days=horizon_days)
    return [walk for walk in walks if walk.opened_at >= first and (walk.opened_at <= last or walk.begins <= last)]


def list_servers(walks: Iterable[CoverWalk], starts_at: str, ends_at: str, horizon_days: int) -> list[str]:
    """The servers of these walks that were asked for a session: opened round it, or going over some of it."""
    first, last = shift_back(starts_at, days=1), shift(ends_at, days=horizon_days)
    found = set()
    for walk in walks:
        # Polls that found nothing new are one row, whose opened_at is that of the last.
        opened_from = min(walk.begins, walk.opened_at) if walk.repeats_count else walk.opened_at
        if (opened_from <= last and walk.opened_at >= first) or walk.touches(starts_at, ends_at):
            found.add(walk.server)
    return sorted(found)


def shift_back(moment: str, **delta: float) -> str:
    """The archive time earlier by this much, as far back as there are years: posts that claim the year 1 occur."""
    try:
        return shift(moment, **{unit: -count for unit, count in delta.items()})
    except OverflowError:
        return _EVER
