"""How the staged X counts posts: in buckets of a minute, an hour or a day, a month of them a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from chatkeep.stage.x_objects import EPOCH_MS, Dialect, Version
from chatkeep.stage.x_text import Json

GRANULARITIES = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
DAYS_A_PAGE = 31


def moment_of(native: int) -> datetime:
    """The moment at which X gave out an id, to the millisecond."""
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=(native >> 22) + EPOCH_MS)


def count_posts(
    versions: Iterable[Version], start: datetime, end: datetime, granularity: timedelta, dialect: Dialect
) -> Json:
    """``data`` and ``meta`` of a page of counts: every bucket from ``start`` to ``end``, the empty ones too."""
    word = "post" if dialect == "modern" else "tweet"
    posts = Counter(_floor(moment_of(int(version.id)), granularity) for version in versions)
    rows = []
    at = _floor(start, granularity)
    while at < end:
        until = at + granularity
        rows.append({"start": _text(max(at, start)), "end": _text(min(until, end)), f"{word}_count": posts[at]})
        at = until
    answer: Json = {"data": rows} if rows else {}
    return answer | {"meta": {f"total_{word}_count": posts.total()}}


def _floor(moment: datetime, granularity: timedelta) -> datetime:
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return day + (moment - day) // granularity * granularity


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"
