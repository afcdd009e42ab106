"""Builds the platforms' sources from the settings; a platform that chats.toml does not name is not asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from archive.errors import SettingsError, UsageError
from archive.times import Clock
from chatkeep.settings import Settings
from collector.sources.base import FileSource, Source, Stream
from collector.sources.bluesky import BlueskySource
from collector.sources.files import FILE_SOURCES
from collector.sources.jetstream import JETSTREAM_URL, JetstreamStream
from collector.sources.mastodon import MastodonSource
from collector.sources.mastodon_server import safe_server
from collector.sources.mastodon_stream import MastodonStream
from collector.sources.x import XSource
from collector.transport import require_safe_base


def build_sources(settings: Settings, http: httpx.Client, clock: Clock, data: Path) -> dict[str, Source]:
    """The sources that chats.toml names, by platform. Raises SettingsError for an unsafe address."""
    builders = {"x": _build_x, "bluesky": _build_bluesky, "mastodon": _build_mastodon}
    return {name: builders[name](settings, http, clock, data) for name in builders if name in settings.sources}


def build_streams(settings: Settings, http: httpx.Client, clock: Clock) -> dict[str, Stream]:
    """The streams to listen to while a session is live, by the lane whose polls prove what they say.

    Raises SettingsError for an unsafe address.
    """
    streams: dict[str, Stream] = {}
    bluesky = settings.sources.get("bluesky", {"stream": False})
    if bluesky.get("stream", True):
        streams["bluesky"] = JetstreamStream(clock, url=bluesky.get("jetstream", JETSTREAM_URL))
    if settings.sources.get("mastodon", {"stream": False}).get("stream", True):
        servers = _mastodon_servers(settings)
        for server, token in _mastodon_tokens(settings, servers).items():  # without a token no server streams
            stream = MastodonStream(http, clock, server=server, token=token, servers_count=len(servers))
            streams[f"mastodon {safe_server(server)}"] = stream
    return streams


def _mastodon_servers(settings: Settings) -> list[str]:
    given = settings.sources["mastodon"].get("servers", ["https://mastodon.social"])
    return [require_safe_base(server, "a server under [source.mastodon]") for server in given]


def choose_sources(sources: Mapping[str, Source], only: str | None, settings: Settings) -> list[Source]:
    """All sources, or the one that a person names."""
    if only is None and not sources:
        raise SettingsError(
            f"{settings.path} names no platform to look on; add [source.bluesky], [source.mastodon] or [source.x]"
        )
    if only is not None and only not in sources:
        raise UsageError(f"{settings.path} has no [source.{only}]; add it, or choose of: {', '.join(sources)}")
    return [source for name, source in sources.items() if only in (None, name)]


def build_parsers(http: httpx.Client, clock: Clock) -> dict[str, Source | FileSource]:
    """Every source that can read stored pages, whether its platform is set up or not."""
    platforms: list[Source] = [
        BlueskySource(http, clock, handle=None, app_password=None, sessions_dir=None),
        MastodonSource(http, clock, servers=()),
        XSource(http, clock, bearer_token=None),
    ]
    return {**{source.name: source for source in platforms}, **FILE_SOURCES}


def _build_bluesky(settings: Settings, http: httpx.Client, clock: Clock, data: Path) -> Source:
    service = settings.sources["bluesky"].get("service", "https://bsky.social")
    return BlueskySource(
        http,
        clock,
        service=require_safe_base(service, "service under [source.bluesky]"),
        handle=settings.secrets.get("BLUESKY_HANDLE"),
        app_password=settings.secrets.get("BLUESKY_APP_PASSWORD"),
        sessions_dir=data / ".sessions",
    )


def _build_mastodon(settings: Settings, http: httpx.Client, clock: Clock, _data: Path) -> Source:
    servers = _mastodon_servers(settings)
    return MastodonSource(http, clock, servers=servers, tokens=_mastodon_tokens(settings, servers))


def _mastodon_tokens(settings: Settings, servers: list[str]) -> dict[str, str]:
    tokens = {}
    for server in servers:
        host = re.sub(r"[.\-:]", "_", urlsplit(server).netloc).upper()
        if token := settings.secrets.get(f"MASTODON_TOKEN_{host}"):
            tokens[server] = token
    if len(servers) == 1 and (token := settings.secrets.get("MASTODON_TOKEN")):
        tokens.setdefault(servers[0], token)
    return tokens


def _build_x(settings: Settings, http: httpx.Client, clock: Clock, _data: Path) -> Source:
    table = settings.sources["x"]
    for key, values in (("search", ("recent", "all")), ("dialect", ("legacy", "modern"))):
        if table.get(key) not in (None, *values):
            raise SettingsError(f"{settings.path}: {key} under [source.x] must be one of {', '.join(values)}")
    return XSource(
        http,
        clock,
        base_url=require_safe_base(table.get("base_url", "https://api.x.com"), "base_url under [source.x]"),
        bearer_token=settings.secrets.get("X_BEARER_TOKEN"),
        search=table.get("search"),
        dialect=table.get("dialect", "legacy"),
    )
