"""Serves chats.db with Datasette and our pages, on this machine alone."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import quote

import uvicorn
from datasette.app import Datasette
from datasette.database import Database
from datasette.plugins import pm

from archive.errors import SettingsError, StorageError, UsageError
from archive.reference import reference_path
from publish.plugin import site
from publish.plugin.tables import DATABASE

_HERE = Path(__file__).parent
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_GOODBYE_SECONDS = 3
# Twice the longest post that was met; SQL such as zeroblob(1e9) would else take the machine's memory.
_LONGEST_VALUE = 5_000_000

# What was measured on a million posts: suggested facets take a table page from 31 to 1210 ms, and a facet limit above
# the SQL limit is ignored. No caching, since a page must show the post that was published a second ago.
_SETTINGS = {
    "suggest_facets": False,
    "sql_time_limit_ms": 3000,
    "facet_time_limit_ms": 2000,
    "allow_download": False,
    "default_page_size": 100,
    "max_returned_rows": 2000,
    "default_cache_ttl": 0,
    "truncate_cells_html": 600,
}


def build_site(chats_path: Path) -> Datasette:
    """Datasette over chats.db with our plugin, templates and settings. Raises StorageError where there is no file."""
    _require_published(chats_path)
    if not pm.has_plugin(site.NAME):
        pm.register(site, name=site.NAME)
    metadata = json.loads(reference_path("datasette_metadata.json").read_text(encoding="utf-8"))
    datasette = Datasette(
        [],
        metadata={**metadata, "plugins": {site.NAME: {}}},
        template_dir=str(_HERE / "templates"),
        static_mounts=[("chatkeep", str(_HERE / "static"))],
        settings=_SETTINGS,
    )
    datasette.remove_database("_memory")
    datasette.add_database(PublishedFile(datasette, path=str(chats_path), is_mutable=True), name=DATABASE)
    return datasette


class PublishedFile(Database):  # type: ignore[misc]  # Datasette ships no types
    """chats.db for reading alone, wherever it lies: Datasette's own way loses what follows a # or ? in a path, and
    with it that the file may only be read. No value may grow beyond what a post can be.
    """

    def connect(self, write: bool = False) -> sqlite3.Connection:  # noqa: ARG002  # Datasette's own signature
        conn = sqlite3.connect(f"file:{quote(self.path)}?mode=ro", uri=True, check_same_thread=False)
        conn.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
        self._all_file_connections.append(conn)
        return conn


def _require_published(chats_path: Path) -> None:
    """Raises StorageError where there is no file that chatkeep published."""
    if not chats_path.is_file():
        raise StorageError(f"there is nothing to serve at {chats_path} yet: run chatkeep publish first")
    try:
        with contextlib.closing(sqlite3.connect(f"file:{quote(str(chats_path))}?mode=ro", uri=True)) as conn:
            conn.execute("SELECT 1 FROM published")
    except sqlite3.DatabaseError as error:
        raise StorageError(f"{chats_path} was not published whole: run chatkeep publish again") from error


def serve_site(
    chats_path: Path, *, host: str = "127.0.0.1", port: int = 8001, on_ready: Callable[[str], None] | None = None
) -> None:
    """Serves until SIGINT or SIGTERM, then returns. ``on_ready`` is given the address once it answers.

    Port 0 takes any free port. Raises SettingsError for a host beyond this machine, UsageError for a port that is
    taken, StorageError where nothing was published.
    """
    if host not in _LOOPBACK:
        raise SettingsError(
            f"chatkeep serve stays on this computer and cannot listen on {host}: leave --host out, or use 127.0.0.1"
        )
    app = build_site(chats_path).app()
    with _listening(host, port) as listener:
        taken = listener.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        server = _Server(app, on_ready=lambda: on_ready(f"http://{shown}:{taken}/") if on_ready else None)
        with _stopping_at_signals(server):
            server.run(sockets=[listener])


class _Server(uvicorn.Server):
    """uvicorn that says when it answers and leaves signals to us: its own way ends the process by the signal."""

    def __init__(self, app: Any, on_ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,  # the guard must see forwarded headers, not have them applied
                ws="none",
                timeout_graceful_shutdown=_GOODBYE_SECONDS,
            )
        )
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def _stopping_at_signals(server: uvicorn.Server) -> Iterator[None]:
    """The first signal ends the server when its answers are sent, a second at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        server.force_exit = server.should_exit
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise UsageError(
            f"port {port} cannot be used ({error.strerror}): another program may be using it; "
            f"choose another, such as chatkeep serve --port {port + 1 if port < 65535 else 8002}"
        ) from error
    with listener:
        yield listener
