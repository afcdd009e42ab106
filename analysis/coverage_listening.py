"""When the collector was really listening to a platform: evidence in words, never a proof."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from archive.models import Session


@dataclass(frozen=True, slots=True)
class Listened:
    """One lane (a stream, or a platform's polls) and the times at which it was alive, clipped to the session.

    ``spans``: (from, to), in order and apart. ``gaps``: the times of the session between and round them, each with
    why the listening had ended where that is known.
    """

    platform: str
    lane: str
    kind: str
    spans: tuple[tuple[str, str], ...]
    gaps: tuple[tuple[str, str, str | None], ...] = ()


def load_intervals(conn: sqlite3.Connection, session: Session) -> list[Listened]:
    """The stored intervals that touch a session, one span each, whose gap (of no length) says why it ended.

    An interval counts until its last sign of life: of a laptop that slept the end was noticed later only.
    """
    rows = conn.execute(
        'SELECT platform, "key", kind, opened_at, last_alive_at, why FROM intervals'
        " WHERE opened_at < ? AND last_alive_at > ? ORDER BY platform, kind, key, opened_at, id",
        (session.ends_at, session.starts_at),
    )
    return [
        Listened(platform, lane, kind, ((opened, alive),), ((alive, alive, why),))
        for platform, lane, kind, opened, alive, why in rows
    ]


def find_listened(platform: str, session: Session, intervals: Iterable[Listened], now: str) -> Iterator[Listened]:
    """Each lane of the platform with its times within the session, as far as it has come, and the gaps."""
    ends_at = min(session.ends_at, now)
    lanes: dict[tuple[str, str], list[Listened]] = {}
    for one in intervals:
        if one.platform == platform:
            lanes.setdefault((one.kind, one.lane), []).append(one)
    for (kind, lane), own in sorted(lanes.items()):
        spans = _join([span for one in own for span in one.spans], session.starts_at, ends_at)
        ended = {alive: why for one in own for alive, _, why in one.gaps}
        if spans:
            gaps = _find_gaps(spans, ended, session.starts_at, ends_at)
            yield Listened(platform, lane, kind, tuple(spans), tuple(gaps))


def _join(spans: Iterable[tuple[str, str]], starts_at: str, ends_at: str) -> list[tuple[str, str]]:
    joined: list[tuple[str, str]] = []
    for opened, alive in sorted(spans):
        start, end = max(opened, starts_at), min(alive, ends_at)
        if start >= end:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _find_gaps(
    spans: Sequence[tuple[str, str]], ended: dict[str, str | None], starts_at: str, ends_at: str
) -> Iterator[tuple[str, str, str | None]]:
    reached = starts_at
    for start, end in spans:
        if start > reached:
            yield reached, start, ended.get(reached)
        reached = end
    if reached < ends_at:
        yield reached, ends_at, ended.get(reached)
