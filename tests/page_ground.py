"""Sites with public-looking names and addresses that are served from loopback: for tests of what links lead to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from archive.errors import Retriable
from collector.page_requests import build_page_client
from collector.public_addresses import PublicTransport

PUBLIC = "93.184.215.14"
Serve = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers by host and path, as the test said."""

    web: Web

    def do_GET(self) -> None:
        host = self.headers.get("host", "")
        with self.web.lock:
            self.web.asked.append((host, self.path, {name.lower(): text for name, text in self.headers.items()}))
            self.web.at_work[host] = self.web.at_work.get(host, 0) + 1
            self.web.most_at_once[host] = max(self.web.most_at_once.get(host, 0), self.web.at_work[host])
        begun = time.monotonic()
        try:
            with suppress(OSError):  # who asked may have gone away
                self.web.pages.get(f"{host}{self.path}", not_there)(self)
        finally:
            with self.web.lock:
                self.web.at_work[host] -= 1
                self.web.times.setdefault(host, []).append((begun, time.monotonic()))

    def log_message(self, *args: object) -> None:
        """Says nothing."""

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@dataclass
class Web:
    """What the sites say, where their names lead, and what was asked: ``dialled`` are the addresses connected to.

    ``names`` holds for each host what each look-up in turn gives; the last one stays.
    """

    pages: dict[str, Serve] = field(default_factory=dict)
    names: dict[str, list[list[str]]] = field(default_factory=dict)
    looked_up: list[str] = field(default_factory=list)
    dialled: list[str] = field(default_factory=list)
    dead: set[str] = field(default_factory=set)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    at_work: dict[str, int] = field(default_factory=dict)
    most_at_once: dict[str, int] = field(default_factory=dict)
    times: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    port: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)

    def find(self, host: str, port: int) -> list[str]:
        """The injected resolver."""
        self.looked_up.append(host)
        if host not in self.names:
            if any(page.startswith(f"{host}/") for page in self.pages):
                return [PUBLIC]
            raise Retriable(f"no site is known by the name {host}", sent=False)
        answers = self.names[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def asked_paths(self, host: str) -> list[str]:
        return [path for name, path, _ in self.asked if name == host]


class Loopback(httpx.BaseTransport):
    """Connects to the loopback server instead of the address that it is told, which it notes."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._carry = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._web.dialled.append(request.url.host)
        if request.url.host in self._web.dead:
            raise httpx.ConnectError("refused")
        url = request.url.copy_with(scheme="http", host="127.0.0.1", port=self._web.port)
        return self._carry.handle_request(
            httpx.Request(request.method, url, headers=request.headers, extensions=request.extensions)
        )

    def close(self) -> None:
        self._carry.close()


def not_there(handler: Handler) -> None:
    handler.answer(404, b"<title>Not here</title>", content_type="text/html")


def page(title: str, **headers: str) -> Serve:
    body = f"<html><head><title>{title}</title></head><body>Words</body></html>".encode()
    return lambda handler: handler.answer(200, body, **{"content_type": "text/html; charset=utf-8", **headers})


def sent_to(location: str, status: int = 302) -> Serve:
    return lambda handler: handler.answer(status, location=location)


def hanging(handler: Handler) -> None:
    """Says nothing until the test is over."""
    handler.web.over.wait(30)


@contextmanager
def web_of(**pages: Serve) -> Iterator[tuple[Web, httpx.Client]]:
    """Sites and a client for them; ``pages`` are given by the test as web.pages["host/path"]."""
    web = Web(dict(pages))
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OwnHandler", (Handler,), {"web": web}))
    server.daemon_threads = True
    web.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        with client_of(web) as http:
            yield web, http
    finally:
        web.over.set()
        server.shutdown()
        server.server_close()
        thread.join(10)


def client_of(web: Web, seconds: float = 5.0) -> httpx.Client:
    return build_page_client("test", seconds, PublicTransport(Loopback(web), web.find))
