"""What every test shares: no network but loopback, no touch of a person's own files, an archive of its own."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from archive.models import Chat, Session
from archive.store import Archive, open_archive

settings.register_profile("quick", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("soak", deadline=None, max_examples=3_000, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

_real_connect = socket.socket.connect
_real_getaddrinfo = socket.getaddrinfo
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def _guarded_connect(self: socket.socket, address: Any) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in _LOOPBACK:
        raise RuntimeError(f"a test tried to reach {address[0]}: only loopback is allowed")
    _real_connect(self, address)


def _guarded_getaddrinfo(host: Any, *more: Any, **named: Any) -> Any:
    """Asks no name server: names are looked up in no test, spellings of addresses need none."""
    if host in (None, "", *_LOOPBACK) or not str(host)[-1:].isalpha():
        return _real_getaddrinfo(host, *more, **named)
    raise socket.gaierror(socket.EAI_NONAME, f"a test tried to look up {host}")


@pytest.fixture(autouse=True)
def _only_loopback_and_no_own_files(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setattr(socket.socket, "connect", _guarded_connect)
    monkeypatch.setattr(socket, "getaddrinfo", _guarded_getaddrinfo)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    for name in ("CHATKEEP_DATA", "X_BEARER_TOKEN", "BLUESKY_HANDLE", "BLUESKY_APP_PASSWORD", "MASTODON_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The soak runs with `make soak` alone, and takes every Hypothesis test along."""
    long = "soak" in (config.getoption("-m") or "")
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.histories)
        if not long and item.get_closest_marker("soak"):
            item.add_marker(pytest.mark.skip(reason="a long version: it runs with `make soak`"))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are counted, not spelled: packed ones hold the time, and every worker must find the same cases."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture
def clock() -> Callable[[], datetime]:
    """A clock that stands still an hour after the session."""
    return lambda: datetime(2026, 10, 8, 14, 0, tzinfo=UTC)


@pytest.fixture
def chat() -> Chat:
    """A fictional chat of one session."""
    session = Session(
        id="northmoor-2026-10-08",
        chat="northmoor",
        starts_at="2026-10-08T12:00:00.000Z",
        ends_at="2026-10-08T13:00:00.000Z",
    )
    return Chat(slug="northmoor", title="Northmoor hour (fictional)", hashtags=("northmoor",), sessions=(session,))


@pytest.fixture
def archive(tmp_path: Path, clock: Callable[[], datetime], chat: Chat) -> Iterator[Archive]:
    """A fresh archive that knows the chat."""
    with open_archive(tmp_path / "archive.db", clock) as opened:
        opened.save_chat(chat)
        yield opened
