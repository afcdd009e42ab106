"""Runs staged apps on loopback: a port of the system's choosing, in a thread, ended cleanly."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import format_datetime

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from archive.times import Clock, system_clock

_START_DEADLINE_SECONDS = 20.0


def open_port() -> socket.socket:
    """A port of 127.0.0.1 that refuses every connection until serving() is given it: a server that is down."""
    # asyncio switches Nagle's algorithm off only where the protocol is named; with it every answer waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    return listener


@contextmanager
def serving(app: ASGIApp, clock: Clock = system_clock, listener: socket.socket | None = None) -> Iterator[str]:
    """Serves ``app`` on 127.0.0.1 and gives its base URL; nothing is left running afterwards.

    Answers carry the Date of ``clock``, so that a played hour looks real to whoever checks clocks. ``listener``: an
    open_port(), where its address was told before.
    """
    listener = listener or open_port()
    config = uvicorn.Config(
        _dated(app, clock),
        log_level="critical",
        access_log=False,
        lifespan="off",
        ws="websockets-sansio",
        date_header=False,
    )
    config.timeout_graceful_shutdown = 1
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        _wait_until_started(server, thread)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()


def _dated(app: ASGIApp, clock: Clock) -> ASGIApp:
    async def dated(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = format_datetime(clock(), usegmt=True).encode()
                message = {**message, "headers": [*message.get("headers", ()), (b"date", date)]}
            await send(message)

        await app(scope, receive, send_dated)

    return dated


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    pause = threading.Event()
    for _ in range(int(_START_DEADLINE_SECONDS / 0.01)):
        if server.started:
            return
        if not thread.is_alive():
            break
        pause.wait(0.01)
    raise RuntimeError("a staged server did not start")
