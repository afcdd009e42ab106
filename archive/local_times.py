"""Archive times as people of a chat read them: in the chat's own time zone."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from archive.times import from_text


def local_hour(text: str, timezone: str) -> str:
    """The local hour of an archive time, such as ``13:05``."""
    return f"{from_text(text).astimezone(ZoneInfo(timezone)):%H:%M}"


def local_moment(text: str, timezone: str, now: str) -> str:
    """As short as it is clear: ``13:05`` on the local day of ``now``, ``Thu 8 Oct, 13:05`` in its year."""
    zone = ZoneInfo(timezone)
    moment, present = from_text(text).astimezone(zone), from_text(now).astimezone(zone)
    if moment.date() == present.date():
        return f"{moment:%H:%M}"
    year = "" if moment.year == present.year else f" {moment.year}"
    return f"{moment:%a} {moment.day} {moment:%b}{year}, {moment:%H:%M}"
