"""When a chat sits: sessions given with their times, and the occurrences of a weekly chat."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from archive.models import Session
from archive.times import to_text

_EVERY = re.compile(r"^\s*(mon|tue|wed|thu|fri|sat|sun)[a-z]*\s+(\d{1,2})[:.](\d{2})\s*$", re.IGNORECASE)
_LONGEST_MISSED_DAYS = 60  # what was missed longer ago is nobody's live chat
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def parse_every(text: str) -> tuple[int, time]:
    """The weekday (Monday is 0) and local time of ``Thu 13:00``. Raises ValueError."""
    match = _EVERY.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not a weekday and a time such as 'Thu 13:00'")
    return _DAYS.index(match[1].lower()), time(int(match[2]), int(match[3]))


def occurrences(
    every: str, minutes: int, zone: ZoneInfo, now: datetime, since: datetime | None = None
) -> list[tuple[datetime, datetime]]:
    """The latest sitting that has begun and the next one; the local hour holds through clock changes.

    With ``since`` also those between it and now: a collector that was off makes up for what it missed.
    """
    weekday, at = parse_every(every)
    today = now.astimezone(zone).date()
    found = []
    back = 7 if since is None else max(7, min((now - since).days + 7, _LONGEST_MISSED_DAYS))
    for days in range(-back, 8):
        day = today + timedelta(days=days)
        if day.weekday() == weekday:
            start = datetime.combine(day, at, zone)
            found.append((start, end_of(start, minutes)))
    begun = [pair for pair in found if pair[0] <= now]
    coming = [pair for pair in found if pair[0] > now]
    missed = [pair for pair in begun[:-1] if since is not None and pair[0] > since]
    return missed + begun[-1:] + coming[:1]


def end_of(start: datetime, minutes: int) -> datetime:
    """So many minutes later as they pass, also where the clocks change meanwhile."""
    return (start.astimezone(UTC) + timedelta(minutes=minutes)).astimezone(start.tzinfo)


@dataclass(frozen=True, slots=True)
class Sitting:
    """One sitting as the settings give it. ``id`` is None where they name none."""

    starts: datetime
    ends: datetime
    questions: tuple[str, ...] = ()
    id: str | None = None
    weekly: bool = False


def build_sessions(chat: str, zone: ZoneInfo, sittings: Sequence[Sitting]) -> tuple[Session, ...]:
    """Sessions with stable ids: the given one, else chat and local day.

    Of several on one day the first that is listed has the plain id, so that adding one later renames none.
    """
    sessions: dict[str, Session] = {}
    for sitting in sittings:
        local = sitting.starts.astimezone(zone)
        plain = f"{chat}-{local:%Y-%m-%d}"
        name = sitting.id or (plain if plain not in sessions else f"{plain}-{local:%H%M}")
        sessions[name] = Session(
            id=name, chat=chat, starts_at=to_text(sitting.starts), ends_at=to_text(sitting.ends),
            questions=sitting.questions, weekly=sitting.weekly,
        )  # fmt: skip
    return tuple(sorted(sessions.values(), key=lambda session: session.starts_at))
