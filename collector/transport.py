"""The one way to the network: an httpx client with timeouts, and one exchange that fails in our words."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, wait
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx

from archive.errors import Fatal, Retriable, SettingsError

REQUEST_SECONDS = 120.0
"""How long one exchange may take from the first look for the host to the last byte, however it trickles."""
LARGEST_BODY = 64 * 2**20
"""What an answer may hold, unpacked. X's largest, 500 posts with all that belongs to them, is about 10 MB."""
LONGEST_WAIT_ASKED = 24 * 3600.0
"""No platform's limit lasts longer than a day; a server that asks for more errs."""

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_KEPT_HEADERS = ("content-type", "date", "retry-after", "api-version", "link", "server-timing")
_KEPT_PREFIXES = ("ratelimit-", "x-ratelimit-", "x-rate-limit-")
_PACKINGS = ("gzip", "deflate")
_OF_THE_WIRE = frozenset(
    {b"content-encoding", b"content-length", b"transfer-encoding"}
)  # they describe the packed body


def build_client(
    version: str,
    transport: httpx.BaseTransport | None = None,
    *,
    on_response: Callable[[httpx.Response], None] | None = None,
    read_seconds: float = 30.0,
) -> httpx.Client:
    """The client that every source shares. It follows no redirect: a token goes to its own server only.

    ``on_response`` sees every answer, before its body is read.
    """
    return httpx.Client(
        timeout=httpx.Timeout(read_seconds, connect=5.0),
        event_hooks={"response": [on_response] if on_response else []},
        follow_redirects=False,
        transport=transport,
        headers={
            "user-agent": f"chatkeep/{version} (keeps hashtag chats)",
            "accept-encoding": ", ".join(_PACKINGS),
        },
    )


def require_safe_base(base_url: str, setting: str) -> str:
    """The base URL without a trailing slash; https, or http on loopback alone. Raises SettingsError.

    What may hold a secret (a user name, a query) is refused and not repeated in the message.
    """
    if not {"@", "?", "#"}.isdisjoint(base_url):
        raise SettingsError(f"{setting} holds more than an address: take out user name, password and anything after ?")
    try:
        scheme, host = _scheme_and_host(base_url)
    except (ValueError, httpx.InvalidURL):
        raise SettingsError(f"{setting} is {base_url!r}, which is no address: write it like https://host") from None
    if host and (scheme == "https" or (scheme == "http" and host in _LOOPBACK)):
        return base_url.rstrip("/")
    raise SettingsError(f"{setting} is {base_url!r}: it must start with https:// so that your key stays secret")


def _scheme_and_host(address: str) -> tuple[str, str | None]:
    """Raises ValueError or httpx.InvalidURL for what is no address: the two libraries differ in what they refuse."""
    if any(letter.isspace() for letter in address):
        raise ValueError("an address has no spaces")
    httpx.URL(address)
    parts = urlsplit(address)
    _ = parts.port
    return parts.scheme, parts.hostname


def exchange(
    http: httpx.Client,
    method: str,
    url: str,
    *,
    params: httpx.QueryParams | Mapping[str, str | int] | None = None,
    headers: Mapping[str, str] | None = None,
    json: object = None,
) -> httpx.Response:
    """One request, whatever its status, its body unpacked; a broken connection, a time-out, a cut body, and an answer
    that is too slow or too large raise Retriable.
    """
    host = urlsplit(url).netloc
    ends_at = time.monotonic() + REQUEST_SECONDS

    def ask() -> httpx.Response:
        with http.stream(method, url, params=params, headers=headers, json=json) as response:
            return _read_whole(response, ends_at, host)

    try:
        response = _within_deadline(ask, host)
    except httpx.TimeoutException as error:
        sent = not isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout)
        raise Retriable(f"{host} did not answer in time", sent=sent) from error
    except httpx.ConnectError as error:
        raise Retriable(
            f"{host} could not be reached; see whether this computer is on the internet", sent=False
        ) from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as error:
        raise Fatal(f"{url!r} is not an address; mend it in chats.toml") from error
    except httpx.TransportError as error:
        raise Retriable(f"{host} broke off in the middle ({type(error).__name__})") from error
    except httpx.DecodingError as error:
        raise Retriable(f"{host} sent a damaged answer") from error
    if response.is_redirect:
        raise Fatal(
            f"{host} sends us elsewhere; give the server's own address in chats.toml", status=response.status_code
        )
    return response


def kept_headers(response: httpx.Response) -> dict[str, str]:
    """The headers worth keeping with a page: limits, version, dates. Never one that could hold a secret."""
    return {
        name: value
        for name, value in response.headers.items()
        if name in _KEPT_HEADERS or name.startswith(_KEPT_PREFIXES)
    }


def sound_wait(seconds: float | None) -> float | None:
    """Seconds that a server asked us to wait, between none and a day; None where that is no number."""
    if seconds is None or math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT_ASKED)


def server_time(response: httpx.Response) -> datetime | None:
    """The moment of the server's clock, by the Date of its answer; None where it tells none."""
    return date_of(response.headers)


def date_of(headers: Mapping[str, str]) -> datetime | None:
    """The moment that an answer's Date names; None where it names none."""
    try:
        moment = parsedate_to_datetime(headers.get("date", ""))
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):  # what the parser raises on dates that are none
        return None


def _within_deadline(ask: Callable[[], httpx.Response], host: str) -> httpx.Response:
    """What ``ask`` gives or raises, awaited for REQUEST_SECONDS and no longer.

    It runs beside us, since nothing else bounds a name that is looked up for ever or headers that trickle in. One that
    is given up ends with its client or with the process.
    """
    future: Future[httpx.Response] = Future()

    def run() -> None:
        try:
            future.set_result(ask())
        except BaseException as error:  # noqa: BLE001  # it is raised where the answer is awaited
            future.set_exception(error)

    threading.Thread(target=run, daemon=True, name="exchange").start()
    if not wait([future], REQUEST_SECONDS).done:
        raise _too_slow(host)
    return future.result()


def _read_whole(response: httpx.Response, ends_at: float, host: str) -> httpx.Response:
    """The answer with its body in memory. Nothing grows above LARGEST_BODY, whatever the packing hides."""
    packings = [each.strip().lower() for each in response.headers.get("content-encoding", "").split(",")]
    packings = [each for each in packings if each not in ("", "identity")]
    if len(packings) > 1 or not set(packings) <= set(_PACKINGS):  # each layer unpacks to a thousand times its size
        raise Retriable(f"{host} packed its answer in a way that we did not ask for")
    if isinstance(response.stream, httpx.SyncByteStream):
        response.stream = _Paced(response.stream, ends_at, host)
    body = bytearray()
    for part in response.iter_bytes():
        body += part
        if len(body) > LARGEST_BODY:
            raise Retriable(f"{host} sent too much: more than {LARGEST_BODY // 2**20} MB in one answer")
    # as bytes: a header may hold any letters, and httpx would take those of a text for ASCII
    headers = [(name, value) for name, value in response.headers.raw if name.lower() not in _OF_THE_WIRE]
    return httpx.Response(response.status_code, headers=headers, content=bytes(body), request=response.request)


class _Paced(httpx.SyncByteStream):
    """A body as it comes in, as long as it comes in time; packed parts that unpack to nothing count too."""

    def __init__(self, stream: httpx.SyncByteStream, ends_at: float, host: str) -> None:
        self._stream = stream
        self._ends_at = ends_at
        self._host = host

    def __iter__(self) -> Iterator[bytes]:
        for part in self._stream:
            if time.monotonic() > self._ends_at:
                raise _too_slow(self._host)
            yield part

    def close(self) -> None:
        self._stream.close()


def _too_slow(host: str) -> Retriable:
    return Retriable(f"{host} sent its answer too slowly")
