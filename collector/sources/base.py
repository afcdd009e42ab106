"""The contract that every platform fulfils (design section 6): plan, fetch once, parse, check."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from archive.models import Batch, Chat, Platform, Problem, RawPage

Purpose = Literal["tag", "sweep", "posts", "thread", "replies", "quotes", "counts"]
"""Why a platform is asked: tag (what is new under the hashtags), sweep (a stated time once more, whole), posts (known
ones, for edits, deletions and counts), thread (the conversation that a post began), replies (the answers
to a post inside another conversation; their plans have the purpose thread), quotes (of a post), counts (how many
posts there are, where a platform tells).
"""
Order = Literal["newest_first", "oldest_first", "none"]


@dataclass(frozen=True, slots=True)
class Window:
    """From ``start`` (inclusive) to ``end`` (exclusive), archive times; None is open."""

    start: str | None = None
    end: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """One series of requests that serves a purpose. ``key`` is stable: server, query (a hashtag as #tag) and slice.

    ``refs`` are native ids to look up (purposes posts, thread, quotes). ``page_size`` asks for less than the
    platform's most, where a budget is short. ``floor`` is a position in the source's own order, set by the
    walker from the last complete walk less the overlap: fetch() must not go below it, and must reach it.
    """

    key: str
    purpose: Purpose
    query: str = ""
    server: str = ""
    window: Window = Window()
    refs: tuple[str, ...] = ()
    floor: str | None = None
    page_size: int | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What the platform allows. ``overlap_seconds`` is how far a new walk goes below the old top;
    ``price`` is US dollars a post; ``lag_seconds`` is how long the platform may take until a search shows a post;
    ``poll_seconds`` is the rhythm in which a live session is polled. ``late``: posts can land below what was read
    already. ``counts``: the platform tells how many posts a query has.
    """

    page_size: int
    order: Order
    overlap_seconds: int
    cap_per_query: int | None = None
    price: float = 0.0
    lag_seconds: int = 0
    poll_seconds: float = 30.0
    late: bool = False
    counts: bool = False


class Source(Protocol):
    """One platform. Holds credentials and an HTTP client, never the store, and keeps no place of its own."""

    name: Platform
    limits: Limits

    @property
    def servers(self) -> tuple[str, ...]:
        """The servers that are asked, each of which numbers posts in its own way; ("",) where ids hold everywhere."""

    def plans(self, purpose: Purpose, chat: Chat, window: Window = Window(), refs: tuple[str, ...] = ()) -> list[Plan]:
        """The independent plans that serve a purpose; pure. ``refs`` are (for posts) native ids, which are split
        into as many plans as the platform's limit a call asks for.
        """

    def fetch(self, plan: Plan, cursor: str | None) -> RawPage:
        """Exactly one exchange. No loop, sleep or retry. Raises Retriable, Skippable, Fatal or OutOfBudget."""

    def parse(self, page: RawPage) -> Batch:
        """What the page says; pure and deterministic. Never raises on what a platform may send: it lists flaws."""

    def earliest(self, plan: Plan) -> str | None:
        """The earliest moment that this plan can see now; None where the platform searches all its history."""

    def floor_below(self, top: str) -> str:
        """The position one overlap below ``top``."""

    def higher(self, one: str, other: str) -> str:
        """The higher of two positions in the source's own order."""

    def check(self) -> list[Problem]:
        """Credentials, clock and quota, with a remedy each, spending nothing where possible."""


@dataclass(frozen=True, slots=True)
class Channel:
    """What one chat wants of a stream: the posts under its hashtags (normalised), and what becomes of its authors.

    ``authors`` are author ids (``bluesky:did:…``) of whom the archive holds posts of this chat already.
    """

    chat: str
    tags: frozenset[str]
    authors: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Heard:
    """Something that a stream said for one chat. ``page.next_cursor`` is where the stream stands after it.

    ``page`` is None for a sign of life alone; then ``chat`` is empty and ``cursor`` may still have moved on.
    ``gap_from`` is set on the first message after a connection that could not go on where the cursor was: from there
    on something may be missing.
    """

    chat: str = ""
    page: RawPage | None = None
    cursor: str | None = None
    gap_from: str | None = None


class Stream(Protocol):
    """A platform's live connection: an accelerator, never a proof. Holds no store and keeps no place of its own."""

    platform: Platform
    name: str
    """The stable key of this stream, such as ``jetstream`` or ``stream https://mastodon.social``."""

    def listen(self, channels: Sequence[Channel], cursor: str | None, stop: threading.Event) -> Iterator[Heard]:
        """One connection, from ``cursor`` on where the platform can replay. Yields at least every few seconds, with
        pages of at most a second's worth; ends soon after ``stop`` is set. Raises Retriable when the connection ends
        or goes silent, Fatal where a person must act. Never waits before a reconnect: the caller does.
        """

    def parse(self, page: RawPage) -> Batch:
        """What the page says; the same function that reads it again later. Pure."""


class FileSource(Protocol):
    """One kind of archive file. Reads a file as pages of at most 1,000 rows, each of which parses alone."""

    name: str
    platform: Platform

    def recognises(self, path: Path, head: bytes) -> bool:
        """Whether ``head`` (the first 64 kB, decompressed) looks like this kind of file."""

    def read(self, path: Path, fetched_at: str) -> Iterator[RawPage]:
        """The file as pages in order, with ``first_line``; memory does not grow with the file."""

    def parse(self, page: RawPage) -> Batch:
        """What the page says; pure and deterministic. Every row is a post, or a flaw with its line."""
