"""Archive times as people of a chat read them: in the chat's own time zone."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from archive.times import from_text


def local_hour(text: str, timezone: str) -> str:
    """The local hour of an archive time, such as ``13:05``."""
    return f"{from_text(text).astimezone(ZoneInfo(timezone)):%H:%M}"


def local_day(text: str, timezone: str) -> str:
    """The local day and hour of an archive time, such as ``Thu 8 Oct 2026, 13:05``."""
    moment = from_text(text).astimezone(ZoneInfo(timezone))
    return f"{moment:%a} {moment.day} {moment:%b %Y, %H:%M}"


def local_moment(text: str, timezone: str, now: str) -> str:
    """The hour alone where the time lies on the local day of ``now``, else day and hour."""
    zone = ZoneInfo(timezone)
    same_day = from_text(text).astimezone(zone).date() == from_text(now).astimezone(zone).date()
    return local_hour(text, timezone) if same_day else local_day(text, timezone)
