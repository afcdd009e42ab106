"""Times as the archive writes them: UTC, ISO 8601 with Z and milliseconds, so that text order is time order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Gives the present as an aware datetime. Injected everywhere, so that a test or the demo plays its own hour."""


def system_clock() -> datetime:
    """The machine's present, in UTC."""
    return datetime.now(UTC)


def to_text(moment: datetime) -> str:
    """An aware datetime as ``2014-10-09T12:00:00.000Z``; a naive one is a bug and raises ValueError."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone cannot be stored")
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z".rjust(24, "0")


def from_text(text: str) -> datetime:
    """The aware datetime behind an ISO 8601 text; without an offset it is read as UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def normalise(text: object) -> str | None:
    """A platform's time in the archive's form, or None where it cannot be read as a time."""
    if not isinstance(text, str) or not text:
        return None
    try:
        return to_text(from_text(text))
    except (ValueError, OverflowError):
        return None


def shift(text: str, **delta: float) -> str:
    """The archive time ``text`` moved by a timedelta given in its keywords, e.g. ``minutes=-10``."""
    return to_text(from_text(text) + timedelta(**delta))
