"""Listens to a Mastodon server's hashtag streams (server-sent events): what is new within a second, proved by polls."""

from __future__ import annotations

import json
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

import httpx
from httpx_sse import SSEError, connect_sse

from archive.errors import ExchangeError, Fatal, Retriable, SettingsError
from archive.models import Batch, Platform, RawPage
from archive.times import Clock, to_text
from collector.sources.base import Channel, Heard
from collector.sources.mastodon_answers import JsonObject, public_event
from collector.sources.mastodon_parse import parse_page
from collector.sources.mastodon_server import MastodonServers, host_of_server, json_of, safe_server
from collector.transport import require_safe_base

MOST_TAGS = 8
"""How many hashtags of one server are listened to, each by a connection; further ones are polled only."""
SILENCE_SECONDS = 45.0
"""Three heartbeats of the server (one each 15 s) that did not come."""

_PATH = "/api/v1/streaming/hashtag"
_PAGE_SECONDS = 1.0
_PAGE_EVENTS = 100
_CONNECT_SECONDS = 10.0
_MOST_WAITING = 1_000  # beyond it a connection waits for us
_LARGEST_EVENT = 8 * 2**20
_REFUSED = (401, 403, 422)


class MastodonStream:
    """One server's streams. At most eight hashtags are listened to: the first ones in the order of the channels.

    A user token is needed since Mastodon 4.2. It goes to the server itself, or to the streaming host that the server
    names. Nothing is replayed after a reconnect, so there is no cursor: polls fill the gap. A sign of life is given
    when every connection has said something since the last one, which is each 15 s at the latest.
    """

    platform: Platform = "mastodon"

    def __init__(
        self,
        http: httpx.Client,
        clock: Clock,
        *,
        server: str,
        token: str | None,
        streaming_url: str | None = None,
        servers_count: int = 1,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self._http = http
        self._clock = clock
        self._server = safe_server(server)
        tokens = {self._server: token} if token else {}
        self._servers = MastodonServers(http, clock, [self._server], tokens, servers_count)
        self._host: str | None = None if streaming_url is None else self._safe_host(streaming_url)
        self._silence_seconds = silence_seconds
        self.name = f"stream {self._server}"

    def listen(self, channels: Sequence[Channel], cursor: str | None, stop: threading.Event) -> Iterator[Heard]:
        """``cursor`` means nothing here."""
        tags = list(dict.fromkeys(tag for channel in channels for tag in sorted(channel.tags)))[:MOST_TAGS]
        if not tags:
            return
        host = self._streaming_host()
        waiting: queue.Queue[_Event | Exception] = queue.Queue(_MOST_WAITING)
        connections = [self._connect(host, tag, waiting) for tag in tags]
        try:
            yield from self._heard(channels, connections, waiting, stop)
        finally:
            for connection in connections:
                connection.close()

    def parse(self, page: RawPage) -> Batch:
        return parse_page(page)

    def _heard(
        self,
        channels: Sequence[Channel],
        connections: Sequence[_Connection],
        waiting: queue.Queue[_Event | Exception],
        stop: threading.Event,
    ) -> Iterator[Heard]:
        quiet = _Quiet(connections, self._silence_seconds)
        while not stop.is_set():
            events, error = _gather(waiting)
            for channel in channels:
                own = [event for event in events if event.tag in channel.tags]
                if own:
                    yield Heard(chat=channel.chat, page=self._page(own))
            if error is not None:
                raise error
            if quiet.is_over():
                yield Heard()
            if quiet.is_too_long():
                raise Retriable(f"{host_of_server(self._server)} went silent while we listened")

    def _page(self, events: Sequence[_Event]) -> RawPage:
        # A post with two of the hashtags comes by two connections.
        lines = dict.fromkeys(json.dumps(event.said) for event in events)
        tags = sorted({event.tag for event in events})
        return RawPage(
            source="mastodon", format="stream", origin=host_of_server(self._server), server=self._server,
            url=f"{self._host}{_PATH}?{urlencode([('tag', tag) for tag in tags])}",
            fetched_at=to_text(self._clock()), body="\n".join(lines).encode(),
        )  # fmt: skip

    # -- the connection

    def _connect(self, host: str, tag: str, waiting: queue.Queue[_Event | Exception]) -> _Connection:
        headers = {**self._servers.authorization(self._server), "accept-encoding": "identity"}
        request = _Request(f"{host}{_PATH}", tag, headers, self._silence_seconds)
        connection = _Connection(self._http, request, waiting, self._refusal)
        threading.Thread(target=connection.run, daemon=True, name=f"{self.name} #{tag}").start()
        return connection

    def _streaming_host(self) -> str:
        """Where the server streams, by its own word; the server itself where it says nothing."""
        if self._host is None:
            response = self._servers.ask(self._server, "/api/v2/instance")
            if response.status_code == 429 or response.status_code >= 500:
                raise self._servers.refusal(self._server, response)
            named: object = json_of(response)
            for name in ("configuration", "urls", "streaming"):
                named = named.get(name) if isinstance(named, dict) else None
            self._host = self._safe_host(named) if isinstance(named, str) and named else self._server
        return self._host

    def _safe_host(self, named: str) -> str:
        scheme, separator, rest = named.partition("://")
        address = {"wss": "https", "ws": "http"}.get(scheme.lower(), scheme.lower()) + separator + rest
        try:
            base = require_safe_base(address, "the streaming address")
        except SettingsError:
            base = ""
        # A server of the internet has no business to send our token to a port of this computer.
        if not base or (base.startswith("http:") and self._server.startswith("https:")):
            host = host_of_server(self._server)
            raise Fatal(f"{host} names a streaming address that is not safe; it is polled only, until {host} mends it")
        return base

    def _refusal(self, response: httpx.Response) -> ExchangeError:
        host, status = host_of_server(self._server), response.status_code
        if status in _REFUSED:
            has_token = self._servers.has_token(self._server)
            fault = "does not let our token listen" if has_token else "lets signed-in accounts alone listen"
            return Fatal(f"{host} {fault}; {self._servers.credential_remedy(self._server)}", status=status)
        if response.is_redirect:
            return Fatal(
                f"{host} sends us elsewhere to listen; it is polled only, until {host} mends it", status=status
            )
        if status == 429:
            return self._servers.refusal(self._server, httpx.Response(status, headers=response.headers))
        return Retriable(f"{host} does not let us listen now ({status})", status=status)


@dataclass(frozen=True, slots=True)
class _Event:
    tag: str
    said: JsonObject


@dataclass(frozen=True, slots=True)
class _Request:
    url: str
    tag: str
    headers: dict[str, str] = field(repr=False)
    silence_seconds: float


class _Connection:
    """One hashtag's stream, read in a thread of its own. ``beats`` counts the signs of life."""

    def __init__(
        self,
        http: httpx.Client,
        request: _Request,
        waiting: queue.Queue[_Event | Exception],
        refusal: Callable[[httpx.Response], ExchangeError],
    ) -> None:
        self._http = http
        self._request = request
        self._waiting = waiting
        self._refusal = refusal
        self._closed = threading.Event()
        self._response: httpx.Response | None = None
        self._unread = 0
        self.beats = 0

    def run(self) -> None:
        """Reads until the connection ends; then, or when it fails, the reason is handed on."""
        host = urlsplit(self._request.url).netloc
        try:
            self._read()
            error: Exception = Retriable(f"{host} ended the stream")
        except httpx.TimeoutException:
            error = Retriable(f"{host} went silent while we listened")
        except httpx.ConnectError:
            error = Retriable(f"{host} could not be reached; see whether this computer is on the internet")
        except (httpx.HTTPError, SSEError, OSError) as failure:
            error = Retriable(f"{host} broke off the stream ({type(failure).__name__})")
        except Exception as failure:  # noqa: BLE001  # it is raised where the stream is heard
            error = failure
        self._hand_on(error)

    def close(self) -> None:
        """Ends the connection at once: a read that waits for the network is woken by shutting down its socket."""
        self._closed.set()
        stream = self._response.extensions.get("network_stream") if self._response else None
        raw = stream.get_extra_info("socket") if stream is not None else None
        if isinstance(raw, socket.socket):
            try:
                raw.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it ended by itself

    def _read(self) -> None:
        request = self._request
        timeout = httpx.Timeout(_CONNECT_SECONDS, read=request.silence_seconds)
        with connect_sse(
            self._http, "GET", request.url, params={"tag": request.tag}, headers=dict(request.headers), timeout=timeout
        ) as source:
            self._response = source.response
            if self._closed.is_set():
                return
            if source.response.status_code != 200:
                raise self._refusal(source.response)
            self.beats += 1
            if isinstance(source.response.stream, httpx.SyncByteStream):
                source.response.stream = _Tapped(source.response.stream, self._note_bytes)
            for event in source.iter_sse():
                self._unread = 0
                said = public_event(event.event, event.data)
                if said is not None:
                    self._hand_on(_Event(request.tag, said))

    def _note_bytes(self, count: int) -> None:
        self.beats += 1
        self._unread += count
        if self._unread > _LARGEST_EVENT:
            raise Retriable(f"{urlsplit(self._request.url).netloc} sent an event too large for any post")

    def _hand_on(self, message: _Event | Exception) -> None:
        while not self._closed.is_set():
            try:
                self._waiting.put(message, timeout=_PAGE_SECONDS)
            except queue.Full:
                continue
            return


class _Tapped(httpx.SyncByteStream):
    """A body that tells of each part: heartbeats are comments, which no reader of events shows."""

    def __init__(self, stream: httpx.SyncByteStream, note: Callable[[int], None]) -> None:
        self._stream = stream
        self._note = note

    def __iter__(self) -> Iterator[bytes]:
        for part in self._stream:
            self._note(len(part))
            yield part

    def close(self) -> None:
        self._stream.close()


class _Quiet:
    """Watches the connections: whether all spoke since the last time, and whether one is silent for too long."""

    def __init__(self, connections: Sequence[_Connection], most_seconds: float) -> None:
        self._connections = connections
        self._most_seconds = most_seconds
        self._told = [0] * len(connections)
        self._beats = [0] * len(connections)
        self._spoke_at = [time.monotonic()] * len(connections)

    def is_over(self) -> bool:
        """Whether every connection spoke since this was true before."""
        now = time.monotonic()
        for n, connection in enumerate(self._connections):
            if connection.beats != self._beats[n]:
                self._beats[n], self._spoke_at[n] = connection.beats, now
        if any(beats == told for beats, told in zip(self._beats, self._told, strict=True)):
            return False
        self._told = list(self._beats)
        return True

    def is_too_long(self) -> bool:
        """Whether some connection said nothing for so long that it is taken for dead."""
        return time.monotonic() - min(self._spoke_at) > self._most_seconds


def _gather(waiting: queue.Queue[_Event | Exception]) -> tuple[list[_Event], Exception | None]:
    """What comes within a second, or a hundred events; and the error that ended a connection."""
    events: list[_Event] = []
    ends_at = time.monotonic() + _PAGE_SECONDS
    while len(events) < _PAGE_EVENTS and (left := ends_at - time.monotonic()) > 0:
        try:
            message = waiting.get(timeout=left)
        except queue.Empty:
            break
        if isinstance(message, Exception):
            return events, message
        events.append(message)
    return events, None
