"""What each minute of a session proves, platform by platform: complete, partial or unknown, and why."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from archive.models import PLATFORM_NAMES, PLATFORMS, Chat, Session
from archive.times import from_text, shift

_ASKING = frozenset(("tag", "live", "sweep", "backfill"))
_TAG = re.compile(r"#(\w+)")

State = Literal["complete", "partial", "unknown"]
_LONGEST_MINUTES = 24 * 60  # of a longer session only the minutes that hold posts are told


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverWalk:
    """As much of a walk as coverage needs."""

    platform: str
    key: str
    status: str
    opened_at: str
    covers_from: str | None = None
    covers_to: str | None = None
    pages_count: int = 0
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Minute:
    """One row of coverage. ``minute`` is the time at which it starts."""

    platform: str
    minute: str
    state: State
    why: str


def load_walks(conn: sqlite3.Connection, chat: Chat) -> list[CoverWalk]:
    """The walks of a chat that can say something about minutes: those that look for posts, not at known ones."""
    rows = conn.execute(
        "SELECT platform, key, status, opened_at, covers_from, covers_to, pages_count, why FROM walks"
        " WHERE chat = ? ORDER BY id",
        (chat.slug,),
    )
    walks = [
        CoverWalk(
            platform=r[0], key=r[1], status=r[2], opened_at=r[3], covers_from=r[4], covers_to=r[5], pages_count=r[6],
            why=r[7],
        )
        for r in rows
    ]  # fmt: skip
    return [walk for walk in walks if _purpose(walk) in _ASKING | {"import"}]


def build_coverage(
    session: Session, walks: Sequence[CoverWalk], hashtags: Sequence[str] = (), post_times: Iterable[str] = ()
) -> list[Minute]:
    """A row for every platform and minute of the session, in that order.

    A minute is complete when every one of the ``hashtags`` was searched. ``post_times`` name the minutes to tell
    where the session is longer than a day.
    """
    minutes = list(_list_minutes(session, post_times))
    found = []
    for platform in PLATFORMS:
        own = [walk for walk in walks if walk.platform == platform]
        found += [Minute(platform, minute, *_judge(platform, minute, own, hashtags)) for minute in minutes]
    return found


def _list_minutes(session: Session, post_times: Iterable[str]) -> Iterator[str]:
    start, end = from_text(session.starts_at), from_text(session.ends_at)
    count = max(1, -int(-(end - start).total_seconds() // 60))
    if count > _LONGEST_MINUTES:
        yield from sorted({f"{time[:16]}:00.000Z" for time in post_times})
        return
    first = f"{session.starts_at[:16]}:00.000Z"
    for offset in range(count):
        yield shift(first, minutes=offset)


def _judge(platform: str, minute: str, walks: Sequence[CoverWalk], hashtags: Sequence[str]) -> tuple[State, str]:
    name = PLATFORM_NAMES[platform]
    end = shift(minute, minutes=1)
    asking = [walk for walk in walks if _purpose(walk) != "import"]
    proving = [walk for walk in asking if walk.status == "done" and _covers(walk, minute, end)]
    missing = _find_missing(proving, hashtags)
    if proving and not missing:
        last = max(walk.opened_at for walk in proving)
        return "complete", f"a capture that began {last} went through {name} to the end"
    if proving:
        return "partial", f"not searched to the end: {', '.join(f'#{tag}' for tag in missing)}"
    if partly := _find_partly(asking, minute, end, name):
        return "partial", partly
    if any(walk.pages_count for walk in walks if _purpose(walk) == "import"):
        return "partial", "posts were imported from a file; nobody can tell what the file left out"
    return "unknown", f"{name} was asked, and no capture reaches this minute" if asking else f"{name} was never asked"


def _find_partly(asking: Sequence[CoverWalk], minute: str, end: str, name: str) -> str | None:
    """Why a minute is known in part, or None."""
    for walk in asking:
        if walk.status != "done" and walk.pages_count and _touches(walk, minute):
            ended = f"ended early: {walk.why or 'no reason known'}" if walk.status == "abandoned" else "is not finished"
            return f"the capture begun {walk.opened_at} {ended}"
    if any(walk.status == "done" and _touches(walk, minute) and walk.opened_at < end for walk in asking):
        return f"{name} was asked while this minute was still running, and not afterwards"
    return None


def _find_missing(proving: Sequence[CoverWalk], hashtags: Sequence[str]) -> list[str]:
    """The hashtags that none of these walks asked for; a walk that names none asked for all."""
    asked = [set(_TAG.findall(walk.key.casefold())) for walk in proving]
    return [tag for tag in hashtags if not any(not tags or tag.casefold() in tags for tags in asked)]


def _covers(walk: CoverWalk, start: str, end: str) -> bool:
    """Whether a finished walk proves a minute: it reaches over all of it, and began when it was over."""
    return _touches(walk, start) and walk.opened_at >= end and (walk.covers_to is None or walk.covers_to >= end)


def _touches(walk: CoverWalk, start: str) -> bool:
    after_start = walk.covers_from is None or walk.covers_from <= start
    return after_start and (walk.covers_to is None or walk.covers_to >= start) and walk.opened_at > start


def _purpose(walk: CoverWalk) -> str:
    """The purpose in a walk's key, chat|purpose|plan."""
    return walk.key.split("|", 2)[1]
