"""One look at one page, as a program that shows previews takes it: no cookies, no referrer, the first bytes alone."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import urljoin

import httpx

from archive.addresses import LONGEST_ADDRESS
from archive.errors import Retriable, Skippable
from archive.times import Clock
from collector.public_addresses import PublicTransport, check_address
from collector.transport import sound_wait

LARGEST_START = 256 * 1024
"""How much of a page is read, unpacked. Titles stand at its beginning."""

_CONNECT_SECONDS = 5.0
_WAIT_UNASKED = 3600.0  # a host that is asked too often and does not say for how long
_TOO_OFTEN = (429, 503)
_PAGES = ("text/html", "application/xhtml+xml")


@dataclass(frozen=True, slots=True)
class PageAnswer:
    """What a host answered. ``location`` is where it sends us instead; ``start`` the beginning of a page, unpacked;
    ``wait_seconds`` how long it wants to be left alone.
    """

    status: int
    location: str | None = None
    content_type: str = ""
    start: bytes = b""
    wait_seconds: float | None = None


def build_page_client(version: str, seconds: float, transport: httpx.BaseTransport | None = None) -> httpx.Client:
    """The client for pages: it connects to the public internet alone, past every proxy, and follows no redirect.

    A proxy would connect by name, and nobody would have checked to what.
    """
    return httpx.Client(
        transport=transport or PublicTransport(),
        timeout=httpx.Timeout(seconds, connect=_CONNECT_SECONDS),
        follow_redirects=False,
        trust_env=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        headers={
            "user-agent": f"chatkeep/{version} (keeps hashtag chats; looks up the titles of links that people shared)",
            "accept": "text/html, application/xhtml+xml;q=0.9, */*;q=0.1",
            "accept-encoding": "gzip",
        },
    )


def fetch_page(http: httpx.Client, address: str, seconds: float, clock: Clock) -> PageAnswer:
    """Exactly one request. Raises Skippable for what must not be asked, Retriable where no answer came.

    ``seconds`` bounds the reading; who calls bounds the rest, since nothing ends a name that is looked up for ever.
    """
    ends_at = time.monotonic() + seconds
    try:
        check_address(httpx.URL(address))
        with http.stream("GET", address) as response:
            return _read_answer(response, ends_at, clock)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise Skippable("it is no address of the web") from error
    except httpx.TimeoutException as error:
        raise Retriable("it did not answer in time") from error
    except httpx.HTTPError as error:
        raise Retriable(f"it could not be reached ({type(error).__name__})") from error
    except OSError as error:
        raise Retriable("it could not be reached", sent=False) from error


def _read_answer(response: httpx.Response, ends_at: float, clock: Clock) -> PageAnswer:
    status, headers = response.status_code, response.headers
    if status in (301, 302, 303, 307, 308):
        return PageAnswer(status, _location(response))
    if status in _TOO_OFTEN and (status == 429 or "retry-after" in headers):
        return PageAnswer(status, wait_seconds=_wait_of(headers.get("retry-after", ""), clock))
    content_type = headers.get("content-type", _PAGES[0])
    if not response.is_success or content_type.partition(";")[0].strip().lower() not in _PAGES:
        return PageAnswer(status, content_type=content_type)
    packing = headers.get("content-encoding", "").strip().lower()
    start = b"" if packing not in ("", "identity", "gzip", "x-gzip") else _read_start(response, packing, ends_at)
    return PageAnswer(status, content_type=content_type, start=start)


def _location(response: httpx.Response) -> str:
    """The address that a redirect names, whole. Raises Skippable where it names none that could be asked."""
    # as bytes: httpx takes the letters of a header for ASCII, and addresses hold others
    raw = next((value for name, value in response.headers.raw if name.lower() == b"location"), b"")
    try:
        address = urljoin(str(response.request.url), raw.decode("utf-8", "replace").strip())
    except ValueError:
        address = ""
    if not raw or not 0 < len(address) <= LONGEST_ADDRESS:
        raise Skippable("it leads on to no address")
    return address


def _wait_of(said: str, clock: Clock) -> float:
    """The seconds that Retry-After asks for, as a number or a date; an hour where it cannot be read."""
    try:
        seconds = float(said)
    except ValueError:
        try:
            moment = parsedate_to_datetime(said)
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
            seconds = (moment - clock()).total_seconds()
        except (ValueError, TypeError, IndexError, OverflowError):  # what the parser raises on dates that are none
            return _WAIT_UNASKED
    return sound_wait(seconds) or _WAIT_UNASKED


def _read_start(response: httpx.Response, packing: str, ends_at: float) -> bytes:
    """The first LARGEST_START bytes, unpacked, or what came in time, or the page's head alone: it holds the titles.

    Nothing in memory grows above that, whatever the packing hides.
    """
    start = bytearray()
    for part in _unpacked(response.iter_raw(), is_packed="gzip" in packing):
        start += part[: LARGEST_START - len(start)]
        head_ends = b"</head>" in start[-len(part) - len(b"</head") :].lower()
        if head_ends or len(start) >= LARGEST_START or time.monotonic() > ends_at:
            break
    return bytes(start)


def _unpacked(parts: Iterator[bytes], *, is_packed: bool) -> Iterator[bytes]:
    """The parts, unpacked a piece at a time. One that is damaged ends the page: its beginning was sound."""
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
    for part in parts:
        if not is_packed:
            yield part
            continue
        try:
            yield unpacker.decompress(part, LARGEST_START)
        except zlib.error:
            return
