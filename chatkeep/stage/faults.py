"""Faults on request: what a staged server does wrong with its next requests, in the order they were asked for."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FaultKind = Literal["status", "html", "cut", "hang", "truncate", "empty", "garble"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One wrong answer. ``path`` restricts it to requests whose path contains the text.

    status: ``status`` with ``headers`` and ``body`` as given. html: ``status`` with a web page.
    cut: the connection ends in mid-body. hang: no answer at all until the stage stops. truncate: half of the right
    body, as if whole. empty: 200 with no body. garble: the right body in a wrong encoding (UTF-16).
    """

    kind: FaultKind
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    path: str = ""


class Faults:
    """A queue of faults for one server; thread-safe, since tests add from outside the server's thread."""

    def __init__(self) -> None:
        self._queue: deque[Fault] = deque()
        self._lock = threading.Lock()

    def add(self, fault: Fault, times: int = 1) -> None:
        """Lets the next ``times`` requests that match go wrong so."""
        with self._lock:
            self._queue.extend([fault] * times)

    def clear(self) -> None:
        """Forgets what has not happened yet."""
        with self._lock:
            self._queue.clear()

    def take(self, path: str) -> Fault | None:
        """The fault that the request for ``path`` meets, removed from the queue."""
        with self._lock:
            for fault in self._queue:
                if fault.path in path:
                    self._queue.remove(fault)
                    return fault
        return None


class FaultyApp:
    """ASGI middleware that lets requests go wrong as ``faults`` says."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self.app = app
        self.faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self.faults.take(scope["path"]) if scope["type"] == "http" else None
        if fault is None:
            await self.app(scope, receive, send)
        elif fault.kind == "hang":
            await _until_disconnected(receive)
        elif fault.kind in ("status", "html", "empty"):
            await _plain_answer(fault)(scope, receive, send)
        else:
            await self.app(scope, receive, _spoiling(fault, send))


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        await asyncio.sleep(0)


def _plain_answer(fault: Fault) -> Response:
    if fault.kind == "html":
        return HTMLResponse("<html><body>Request forbidden</body></html>", status_code=fault.status)
    status = 200 if fault.kind == "empty" else fault.status
    return Response(fault.body, status_code=status, headers=fault.headers)


def _spoiling(fault: Fault, send: Send) -> Callable[[Message], Awaitable[None]]:
    """A send() that gathers the right answer and passes on a spoilt one."""
    start: Message = {}
    body = bytearray()

    async def spoilt(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
            return
        body.extend(message.get("body", b""))
        if message.get("more_body"):
            return
        await _send_spoilt(fault, start, bytes(body), send)

    return spoilt


async def _send_spoilt(fault: Fault, start: Message, body: bytes, send: Send) -> None:
    half = body[: len(body) // 2]
    sent = body.decode("utf-8", "replace").encode("utf-16") if fault.kind == "garble" else half
    length = len(body) if fault.kind == "cut" else len(sent)
    headers = [pair for pair in start["headers"] if pair[0] != b"content-length"]
    headers.append((b"content-length", str(length).encode()))
    await send({**start, "headers": headers})
    await send({"type": "http.response.body", "body": sent, "more_body": fault.kind == "cut"})
    if fault.kind == "cut":
        raise ConnectionResetError("the stage cuts this connection on request")
