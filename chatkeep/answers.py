"""Answers that a person types: each is understood, or asked for again with an example."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from archive.models import PLATFORMS, normalise_tag


class Hashtag(click.ParamType[str]):
    """A hashtag in any spelling; gives its normalised form."""

    name = "hashtag"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        tag = normalise_tag("".join(str(value).split()))
        if not tag.replace("_", "").isalnum():
            self.fail(f"{value!r} cannot be a hashtag: letters and digits only, such as lgadigital", param, ctx)
        return tag


class LocalTime(click.ParamType[datetime | None]):
    """A moment in the chat's own time; gives None for an empty answer."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime | None:
        if isinstance(value, datetime) or value in (None, ""):
            return value or None
        try:
            return datetime.fromisoformat(str(value).strip())
        except ValueError:
            self.fail(f"{value!r} is not a time; write day and hour as 2026-11-26 13:00", param, ctx)


class Zone(click.ParamType[str]):
    """The name of a time zone."""

    name = "time zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return ZoneInfo(str(value)).key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.fail(f"no time zone {value!r}; write one such as Europe/London", param, ctx)


class Platforms(click.ParamType[tuple[str, ...]]):
    """Platforms by name, separated by commas or spaces; gives them as a tuple."""

    name = "platforms"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        names = tuple(dict.fromkeys(str(value).lower().replace(",", " ").split()))
        wrong = [name for name in names if name not in PLATFORMS]
        if wrong or not names:
            self.fail(f"write one or more of {', '.join(PLATFORMS)}", param, ctx)
        return names
