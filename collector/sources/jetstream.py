"""Bluesky's Jetstream: one connection that hears every post of the network, for the hashtags of all chats.

The rules are those of bluesky-social/jetstream (docs/README.md): delivery at least once, an inclusive cursor in
microseconds, and a cursor older than what the server keeps is moved up without a word.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

import orjson
from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI, WebSocketException
from websockets.sync.client import ClientConnection, connect

from archive.errors import Fatal, Retriable, SettingsError
from archive.models import Batch, Platform, RawPage
from archive.times import Clock, to_text
from collector.sources.base import Channel, Heard
from collector.sources.bluesky_parse import parse_page
from collector.sources.bluesky_record import POST_TYPE
from collector.sources.jetstream_filter import JetstreamFilter, Memory
from collector.sources.jetstream_parse import time_of
from collector.transport import require_safe_base

JETSTREAM_URL = "wss://jetstream2.us-east.bsky.network/subscribe"

_OPEN_SECONDS = 10.0
_PAGE_SECONDS = 1.0
_PAGE_EVENTS = 200
_LIFE_SECONDS = 2.0
_STOP_SECONDS = 0.25
SILENCE_SECONDS = 60.0
"""Bluesky as a whole is never silent for so long."""
_BACK_MICROS = 5_000_000  # events come in almost, not quite, the order of their times
_GAP_MICROS = 60_000_000
_FIRST_MICROS = 10**15  # what is below is a sequence number, for Jetstream; it belongs to one of its hosts
_LARGEST_FRAME = 16 * 2**20  # a record may have a megabyte, and one that is refused would be sent again for ever
_QUEUED_FRAMES = 512


class JetstreamStream:
    """Bluesky's posts as they are written. Fulfils collector.sources.base.Stream.

    Remembers what it has heard of late over connections, since a deletion may come before its post. ``tick`` gives the
    world's seconds, and ``silence_seconds`` of them without an event end a connection.
    """

    platform: Platform = "bluesky"
    name = "jetstream"

    def __init__(
        self,
        clock: Clock,
        *,
        url: str = JETSTREAM_URL,
        silence_seconds: float = SILENCE_SECONDS,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._url = require_safe_stream(url, "[source.bluesky] jetstream")
        self._silence_seconds = silence_seconds
        self._tick = tick
        self._memory = Memory()
        self._last_cursor: str | None = None
        self._back_micros = _BACK_MICROS

    def listen(self, channels: Sequence[Channel], cursor: str | None, stop: threading.Event) -> Iterator[Heard]:
        """One connection, from a few seconds before ``cursor`` on; events already kept come again.

        A cursor that the server refuses is dropped: the stream goes on with what is new, and says that there is a gap.
        """
        asked = self._place_to_ask_for(cursor)
        url, connection = self._open(asked)
        with connection:
            place = _Place(cursor, asked, gap=cursor is not None and f"cursor={asked}" not in url)
            hearing = _Hearing(self, connection, JetstreamFilter(channels, self._memory), place, url)
            yield from hearing.run(stop)

    def parse(self, page: RawPage) -> Batch:
        return parse_page(page)

    def _place_to_ask_for(self, cursor: str | None) -> int | None:
        """A little before ``cursor``, in microseconds; None where that is no time.

        A connection that ended before it said anything new is followed by one that is asked for less of the old, or
        the same few events would come for ever.
        """
        self._back_micros = self._back_micros // 4 if cursor == self._last_cursor else _BACK_MICROS
        self._last_cursor = cursor
        if cursor is None or not cursor.isascii() or not cursor.isdecimal():
            return None
        micros = int(cursor) - self._back_micros
        return micros if _FIRST_MICROS <= micros < 2**63 else None

    def _open(self, asked: int | None) -> tuple[str, ClientConnection]:
        """A connection, and the address that it is open to: without the cursor where the server refused that."""
        plain = f"{self._url}?{urlencode({'wantedCollections': POST_TYPE})}"
        if asked is not None:
            url = f"{plain}&cursor={asked}"
            try:
                return url, self._connect(url)
            except Retriable as error:
                if error.status != 400:
                    raise
        return plain, self._connect(plain)

    def _connect(self, url: str) -> ClientConnection:
        host = urlsplit(url).netloc
        try:
            return connect(
                url, open_timeout=_OPEN_SECONDS, close_timeout=1, max_size=_LARGEST_FRAME, max_queue=_QUEUED_FRAMES
            )
        except InvalidStatus as error:
            status = error.response.status_code
            raise Retriable(f"{host} answers {status} to a listener", status=status) from error
        except InvalidURI as error:
            raise Fatal(f"{url!r} is not an address; mend [source.bluesky] jetstream in chats.toml") from error
        except TimeoutError as error:
            raise Retriable(f"{host} did not answer in time") from error
        except (OSError, EOFError, WebSocketException) as error:
            raise Retriable(f"{host} could not be reached ({type(error).__name__})") from error

    def now(self) -> str:
        """The present, as an archive time."""
        return to_text(self._clock())

    def tick(self) -> float:
        """The world's seconds."""
        return self._tick()

    def is_silent(self, since: float) -> bool:
        """Whether nothing has come for too long."""
        return self._tick() - since >= self._silence_seconds


def require_safe_stream(url: str, setting: str) -> str:
    """The stream's address without a trailing slash; wss, or ws on loopback alone. Raises SettingsError."""
    scheme, mark, rest = url.partition("://")
    if not mark or scheme not in ("ws", "wss"):
        raise SettingsError(f"{setting} is {url!r}: write it like {JETSTREAM_URL}")
    safe = require_safe_base(("https" if scheme == "wss" else "http") + mark + rest, setting)
    return scheme + mark + safe.partition("://")[2]


@dataclass(slots=True)
class _Place:
    """Where the stream stands: the cursor that is safe to go on from, and whether something was left out before it.

    ``told``: the cursor of the last thing yielded, behind which everything is with the caller. ``asked``: what the
    server was asked to begin with.
    """

    told: str | None
    asked: int | None
    gap: bool
    first: int | None = None
    missing_from: int | None = None

    def note_first(self, micros: int) -> None:
        """Looks at the first event: one that is much later than asked for, or earlier, tells of a moved cursor."""
        self.first = micros
        is_ahead = self.asked is not None and micros < self.asked
        self.gap = self.gap or is_ahead or (self.asked is not None and micros - self.asked > _GAP_MICROS)
        known = None if self.asked is None or is_ahead else int(self.told or 0)
        self.missing_from = micros if known is None else min(known, micros)
        if is_ahead or self.asked is None:
            self.told = None  # it never was a place of this stream

    def gap_from(self) -> str | None:
        """From when on something may be missing, told once."""
        if not self.gap or self.missing_from is None:
            return None
        self.gap = False
        return time_of(self.missing_from)

    def reached(self, latest: int | None) -> str | None:
        """The cursor after an event of this time. It never goes back to what comes again from before the cursor."""
        if latest is None:
            return self.told
        return str(max(latest, int(self.told or 0)))


@dataclass(slots=True)
class _Hearing:
    """One connection while it lasts: gathers what the chats want and yields it in pages."""

    stream: JetstreamStream
    connection: ClientConnection
    filter: JetstreamFilter
    place: _Place
    url: str
    wanted: dict[str, list[bytes]] = field(default_factory=dict)
    wanted_count: int = 0
    latest: bytes = b""

    def run(self, stop: threading.Event) -> Iterator[Heard]:
        """Until ``stop`` is set. What was gathered is yielded also when the connection ends."""
        told_at = heard_at = self.stream.tick()
        while not stop.is_set():
            try:
                frame = self.connection.recv(timeout=_STOP_SECONDS, decode=False)
            except TimeoutError:
                if self.stream.is_silent(heard_at):
                    raise Retriable(f"{self._host()} has fallen silent") from None
            except ConnectionClosed as error:
                yield from self._told()
                raise Retriable(f"{self._host()} ended the connection ({_reason(error)})") from error
            else:
                heard_at = self.stream.tick()
                self._take(frame)
            if self._is_due(self.stream.tick() - told_at):
                yield from self._told()
                told_at = self.stream.tick()
        yield from self._told()

    def _take(self, frame: bytes) -> None:
        self.latest = frame
        if self.place.first is None and (micros := _time_us(frame)) is not None:
            self.place.note_first(micros)
        for chat, event in self.filter.take(frame):
            self.wanted.setdefault(chat, []).append(event)
            self.wanted_count += 1

    def _is_due(self, seconds: float) -> bool:
        if self.wanted:
            return seconds >= _PAGE_SECONDS or self.wanted_count >= _PAGE_EVENTS
        return seconds >= _LIFE_SECONDS

    def _told(self) -> Iterator[Heard]:
        """A page for each chat, or a sign of life. Only the last one moves the cursor on: each page is saved in a
        transaction of its own, and a kill between two must not lose the second.
        """
        reached = self.place.reached(_time_us(self.latest) if self.latest else None)
        gap_from = self.place.gap_from()
        chats, self.wanted, self.wanted_count, self.latest = list(self.wanted.items()), {}, 0, b""
        for number, (chat, events) in enumerate(chats, 1):
            cursor = reached if number == len(chats) else self.place.told
            yield Heard(chat, self._page(events, cursor), cursor, gap_from)
        if not chats:
            yield Heard(cursor=reached, gap_from=gap_from)
        self.place.told = reached

    def _page(self, events: list[bytes], cursor: str | None) -> RawPage:
        return RawPage(
            source="bluesky",
            format="jetstream",
            origin=self._host(),
            fetched_at=self.stream.now(),
            body=b"\n".join(map(_in_one_line, events)),
            url=self.url,
            http_status=101,
            next_cursor=cursor,
        )

    def _host(self) -> str:
        return urlsplit(self.url).netloc


def _in_one_line(event: bytes) -> bytes:
    """The event as received; JSON may hold a line break between its parts, where a space means the same."""
    return event.replace(b"\r", b" ").replace(b"\n", b" ")


def _time_us(frame: bytes) -> int | None:
    try:
        event = orjson.loads(frame)
    except orjson.JSONDecodeError:
        return None
    micros = event.get("time_us") if isinstance(event, dict) else None
    return micros if type(micros) is int and _FIRST_MICROS <= micros < 2**63 else None


def _reason(error: ConnectionClosed) -> str:
    return f"code {error.rcvd.code}" if error.rcvd is not None else "cut off"
