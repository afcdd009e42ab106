"""Listens to a platform's stream and saves what it says: an accelerator beside the polls, never a proof.

The stream's place goes into the same transaction as its page. After every connection a poll closes what was missed
between, so that nothing rests on the stream alone.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from archive.errors import ExchangeError, Fatal, Retriable
from archive.intervals import Listening, beat, close_interval
from archive.models import Batch, Chat
from archive.saving import Saved
from archive.store import Archive, WalkPlace, prepare_page
from archive.walks import Walk, begin_walk, close_walk, load_open_walk
from collector.sources.base import Channel, Heard, Stream

BEAT_SECONDS = 15.0
_LONGEST_PAUSE_SECONDS = 60.0
_AFTER_FATAL_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class HeardPage:
    """Told to the watcher after each page of a stream."""

    platform: str
    chat: str
    batch: Batch
    saved: Saved


@dataclass(slots=True)
class Listener:
    """Keeps one stream connected while ``stop`` is not set. ``on_connect`` is called whenever a connection stands,
    since only a poll can tell what was said before; ``on_trouble`` with what ended it.
    """

    archive: Archive
    stream: Stream
    chats: Sequence[Chat]
    stop: threading.Event
    on_page: Callable[[HeardPage], None] = lambda _: None
    on_connect: Callable[[], None] = lambda: None
    on_alive: Callable[[datetime], None] = lambda _: None
    on_trouble: Callable[[ExchangeError], None] = lambda _: None
    pause: Callable[[float], object] | None = None
    _walks: dict[str, Walk] = field(default_factory=dict)
    _cursor: str | None = None
    _beaten_at: datetime | None = None

    def run(self) -> None:
        """Listens until ``stop`` is set, over as many connections as it takes."""
        self._walks = {chat.slug: self._walk_of(chat) for chat in self.chats}
        known = [walk.cursor for walk in self._walks.values()]
        self._cursor = min((c for c in known if c is not None), key=_order, default=None) if all(known) else None
        fails = 0
        while not self.stop.is_set():
            heard_any = self._connect()
            fails = 0 if heard_any else fails + 1
            if not self.stop.is_set():
                self._wait(min(2.0 ** min(fails, 10), _LONGEST_PAUSE_SECONDS) * random.random())  # noqa: S311  # spreads reconnects
        self._end()

    def _connect(self) -> bool:
        """One connection from beginning to end; whether anything was heard on it."""
        heard_any = False
        try:
            for heard in self.stream.listen(self._channels(), self._cursor, self.stop):
                if not heard_any:
                    heard_any = True
                    self.on_connect()
                self._take(heard)
        except Retriable as error:
            self.on_trouble(error)
        except Fatal as error:
            self.on_trouble(error)
            self._wait(_AFTER_FATAL_SECONDS)
        return heard_any

    def _take(self, heard: Heard) -> None:
        now = self.archive.clock()
        self.on_alive(now)
        if heard.gap_from is not None:
            self._note_gap(heard.gap_from)
        if heard.page is not None and heard.chat in self._walks:
            walk = self._walks[heard.chat]
            place = WalkPlace(walk=walk.id, key=walk.key, chat=walk.chat, platform=walk.platform, cursor=None)
            batch = self.stream.parse(heard.page)
            saved = self.archive.save_page(prepare_page(heard.page), batch, place)
            self.on_page(HeardPage(self.stream.platform, heard.chat, batch, saved))
        self._cursor = heard.cursor or self._cursor
        if self._beaten_at is None or abs((now - self._beaten_at).total_seconds()) >= BEAT_SECONDS:
            self._beat(now)

    def _beat(self, now: datetime) -> None:
        """A sign of life, and the place reached by then: nothing before it is of interest to any chat."""
        self._beaten_at = now
        beat(self.archive, Listening(self.stream.platform, self.stream.name, "stream", BEAT_SECONDS))
        if self._cursor is not None:
            with self.archive.transaction() as conn:
                conn.executemany(
                    "UPDATE walks SET cursor = ? WHERE id = ?",
                    [(self._cursor, walk.id) for walk in self._walks.values()],
                )

    def _note_gap(self, gap_from: str) -> None:
        """The stream could not go on where it was: noted, and a poll fills it by searching."""
        words = f"the stream of {self.stream.platform} began anew after {gap_from}; searches cover what lies between"
        with self.archive.transaction() as conn:
            conn.executemany(
                "INSERT INTO problems (at, chat, platform, kind, detail, resolved_at) VALUES (?, ?, ?, 'gap', ?, ?)",
                [(self.archive.now(), chat, self.stream.platform, words, self.archive.now()) for chat in self._walks],
            )

    def _walk_of(self, chat: Chat) -> Walk:
        key = f"{chat.slug}|live|{self.stream.name}"
        found = load_open_walk(self.archive, key)
        if found is not None:
            return found
        walk = Walk(
            id=0, chat=chat.slug, platform=self.stream.platform, key=key, floor=None, top=None, cursor=None,
            not_before=None, opened_at=self.archive.now(), covers_from=None, covers_to=None,
        )  # fmt: skip
        return begin_walk(self.archive, walk)

    def _channels(self) -> list[Channel]:
        authors = load_stream_authors(self.archive, [chat.slug for chat in self.chats], self.stream.platform)
        return [
            Channel(chat.slug, frozenset(chat.hashtags), authors.get(chat.slug, frozenset())) for chat in self.chats
        ]

    def _end(self) -> None:
        close_interval(self.archive, self.stream.name, "stream", "the session is over, or the collector was stopped")

    def _wait(self, seconds: float) -> None:
        if self.pause is not None:
            self.pause(seconds)
        else:
            self.stop.wait(seconds)


def close_stream_walks(archive: Archive, stream: str, chats: Sequence[str]) -> None:
    """Ends the stream's walks once no session of the chats is live: the next session begins at its own present."""
    for chat in chats:
        walk = load_open_walk(archive, f"{chat}|live|{stream}")
        if walk is not None:
            close_walk(archive, walk, "done", "the session is over")


def load_stream_authors(archive: Archive, chats: Sequence[str], platform: str) -> Mapping[str, frozenset[str]]:
    """The authors of whom the archive holds posts, by chat: what becomes of them and their posts is of interest."""
    found = {}
    for chat in chats:
        rows = archive.conn.execute(
            "SELECT DISTINCT posts.author FROM sightings JOIN posts ON posts.id = post WHERE chat = ? AND platform = ?",
            (chat, platform),
        )
        found[chat] = frozenset(row[0] for row in rows)
    return found


def _order(cursor: str) -> tuple[int, str]:
    """Cursors are numbers that grow; compared by length first, so that no number is too large."""
    return (len(cursor), cursor)
