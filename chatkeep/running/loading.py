"""Reads the settings for the running collector, and notices when they change."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import httpx

from archive.errors import SettingsError
from archive.store import Archive
from archive.times import Clock, from_text
from chatkeep.app import App, save_chats
from chatkeep.running.ground import Ground
from chatkeep.sending import check_sending, load_urls
from chatkeep.settings import load_settings
from chatkeep.sources import build_sources, build_streams
from collector.lane import lanes_of

_AT_LEAST = timedelta(hours=1)  # the next sitting of a weekly chat comes into the settings by itself


class Loader:
    """Makes the ground from chats.toml and .env, and knows when they must be read again."""

    def __init__(self, app: App, http: httpx.Client, clock: Clock) -> None:
        self._app = app
        self._http = http
        self._clock = clock
        self._stamps: tuple[float | None, ...] = ()
        self._read_at: datetime | None = None

    def load(self, archive: Archive) -> Ground:
        """The settings as they stand, with their chats written into the archive. Raises SettingsError."""
        self._stamps, self._read_at = self._look_at_files(), self._clock()
        settings = load_settings(self._app.config, self._clock(), weekly_since=_last_weekly(archive))
        if not settings.sources:
            raise SettingsError(f"{settings.path} names no platform to look on; run `chatkeep init`, or add one")
        save_chats(archive, settings)
        sources = build_sources(settings, self._http, self._clock, self._app.data)
        return Ground(
            chats=settings.chats,
            sources=sources,
            lanes=tuple(lane for source in sources.values() for lane in lanes_of(source)),
            options=settings.options,
            streams=build_streams(settings, self._http, self._clock),
            addresses=load_urls(settings),
            problems=tuple(check_sending(settings)),
        )

    def is_stale(self) -> bool:
        """Whether a file changed, or an hour has passed, or the clock was set back."""
        if self._read_at is None or self._stamps != self._look_at_files():
            return True
        return not timedelta() <= self._clock() - self._read_at < _AT_LEAST

    def _look_at_files(self) -> tuple[float | None, ...]:
        return tuple(_stamp(path) for path in (self._app.config, self._app.config.parent / ".env"))


def _stamp(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def _last_weekly(archive: Archive) -> dict[str, datetime]:
    """By chat the latest sitting of its weekly rule that the archive knows: those missed since are made up for."""
    rows = archive.conn.execute("SELECT chat, max(starts_at) FROM sessions WHERE weekly GROUP BY chat").fetchall()
    return {chat: from_text(starts_at) for chat, starts_at in rows}
