"""A scheduled capture on a clock that a test owns: staged platforms on loopback, the real runner, no waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from archive.models import Chat, Session
from archive.store import Archive, open_archive
from archive.times import Clock, to_text
from chatkeep.running.ground import Ground, Inline
from chatkeep.running.runner import Runner
from chatkeep.stage.bluesky import STAGE_HANDLE, STAGE_PASSWORD, build_bluesky
from chatkeep.stage.faults import Faults
from chatkeep.stage.feed import Feed, FeedAuthor, FeedPost
from chatkeep.stage.mastodon import build_mastodon
from chatkeep.stage.serving import serving
from chatkeep.stage.x import STAGE_TOKEN, build_x
from collector.lane import lanes_of
from collector.options import ChatOptions
from collector.sources.base import Source
from collector.sources.bluesky import BlueskySource
from collector.sources.mastodon import MastodonSource
from collector.sources.x import XSource
from collector.transport import build_client
from collector.trusted_clock import TrustedClock

STARTS = datetime(2026, 10, 8, 12, 0, tzinfo=UTC)
PLATFORMS = ("x", "bluesky", "mastodon")


class SimClock:
    """Stands still until it is moved; sleeping moves it."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def minutes(number: float) -> datetime:
    return STARTS + timedelta(minutes=number)


def feed_of(posts: Mapping[str, list[float]], **more: Any) -> Feed:
    """Posts by platform at minutes of the session; keys are ``x-0``, ``x-1``…"""
    authors = tuple(FeedAuthor(key=p, platform=p, handle=f"ann_{p}", name="Ann of Northmoor") for p in PLATFORMS)  # type: ignore[arg-type]
    listed = tuple(
        FeedPost(key=f"{p}-{n}", author=p, at=to_text(minutes(at)), text=f"Tip {n} for {p} #northmoor", **more)
        for p, times in posts.items()
        for n, at in enumerate(times)
    )
    return Feed(authors=authors, posts=listed)


def session_of(length: float = 60, name: str = "northmoor-2026-10-08", starts: datetime = STARTS) -> Session:
    ends = starts + timedelta(minutes=length)
    return Session(id=name, chat="northmoor", starts_at=to_text(starts), ends_at=to_text(ends))


def chat_of(*sessions: Session) -> Chat:
    return Chat(slug="northmoor", title="Northmoor hour (fictional)", hashtags=("northmoor",), sessions=sessions)


@dataclass(slots=True)
class Staged:
    """Three staged platforms over one feed, and the sources that ask them."""

    clock: SimClock
    faults: dict[str, Faults]
    sources: dict[str, Source]
    urls: dict[str, str]


class Hosts:
    """Three servers that outlive a stage: starting them takes longer than a whole history."""

    def __init__(self, stack: ExitStack) -> None:
        self.apps: dict[str, ASGIApp] = {}
        self.clock: Clock = SimClock(STARTS)
        self.urls = {name: stack.enter_context(serving(self._played(name), self._now)) for name in PLATFORMS}

    def _now(self) -> datetime:
        return self.clock()

    def _played(self, name: str) -> ASGIApp:
        async def play(scope: Any, receive: Any, send: Any) -> None:
            await self.apps[name](scope, receive, send)

        return play


@contextmanager
def staged(
    feed: Feed,
    clock: SimClock,
    sessions_dir: Path | None = None,
    trusted: TrustedClock | None = None,
    hosts: Hosts | None = None,
) -> Iterator[Staged]:
    """The stage and its sources; a hanging exchange is given up after a moment. ``trusted``: the collector's own
    clock, where that is not the stage's.
    """
    faults = {name: Faults() for name in PLATFORMS}
    build: dict[str, Callable[..., Any]] = {"x": build_x, "bluesky": build_bluesky, "mastodon": build_mastodon}
    with ExitStack() as stack:
        hosts = hosts or Hosts(stack)
        hosts.clock, urls = clock, hosts.urls
        hosts.apps = {name: build[name](feed, clock, faults[name]) for name in PLATFORMS}
        note = None if trusted is None else trusted.note
        http = stack.enter_context(build_client("test", read_seconds=0.4, on_response=note))
        seen = trusted or clock
        sources: dict[str, Source] = {
            "x": XSource(http, seen, base_url=urls["x"], bearer_token=STAGE_TOKEN),
            "bluesky": BlueskySource(
                http, seen, service=urls["bluesky"], handle=STAGE_HANDLE, app_password=STAGE_PASSWORD,
                sessions_dir=sessions_dir,
            ),
            "mastodon": MastodonSource(http, seen, servers=[urls["mastodon"]]),
        }  # fmt: skip
        yield Staged(clock, faults, sources, urls)


def ground_of(
    stage: Staged, chat: Chat, poll_seconds: float | None = None, *, late: bool = True, **options: Any
) -> Ground:
    """The settings of one chat on the stage. ``late``: Mastodon is looked back on every hour."""
    lanes = [lane for source in stage.sources.values() for lane in lanes_of(source)]
    lanes = [replace(lane, late=lane.late and late) for lane in lanes]
    if poll_seconds is not None:
        lanes = [replace(lane, poll_seconds=poll_seconds) for lane in lanes]
    return Ground({chat.slug: chat}, stage.sources, tuple(lanes), {chat.slug: ChatOptions(**options)})


@dataclass(slots=True)
class Simulation:
    """A collector at work on a clock of its own. ``events`` is what it told."""

    archive: Archive
    clock: SimClock
    ground: Ground
    own: Clock | None = None
    runner: Runner = field(init=False)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """As if the process had ended and begun anew: what is not in the archive is forgotten."""
        from archive.jobs import load_jobs

        for chat in self.ground.chats.values():
            self.archive.save_chat(chat)
        self.runner = Runner(
            self.ground, Inline(self.archive), self.own or self.clock, threading.Event(), sleep=self.clock.sleep,
            tell=lambda name, **facts: self.events.append((name, facts)), chance=lambda: 0.5,
        )  # fmt: skip
        self.runner.state.jobs = load_jobs(self.archive.conn)
        self.runner.take_up(self.archive, self.ground)

    def run_until(self, end: datetime, before_look: Callable[[datetime], None] = lambda _: None) -> None:
        """Looks whenever it is told to, until ``end``."""
        while self.clock() < end:
            before_look(self.clock())
            agenda = self.runner.look(self.archive)
            if agenda.jobs:
                agenda = self.runner.look(self.archive)
            pause = min(agenda.next_at - self.runner.clock(), timedelta(seconds=30) if self.own else timedelta(days=1))
            self.clock.now = max(self.clock() + timedelta(seconds=1), min(self.clock() + pause, end))


@contextmanager
def simulation(
    feed: Feed,
    path: Path,
    *,
    length: float = 60,
    begins: float = -30,
    poll_seconds: float | None = None,
    hosts: Hosts | None = None,
    **options: Any,
) -> Iterator[tuple[Simulation, Staged]]:
    """A collector that is started ``begins`` minutes after the start of a session of ``length`` minutes."""
    clock = SimClock(minutes(begins))
    with staged(feed, clock, hosts=hosts) as stage, open_archive(path / "archive.db", clock) as archive:
        ground = ground_of(stage, chat_of(session_of(length)), poll_seconds, **options)
        yield Simulation(archive, clock, ground), stage


def captured(archive: Archive) -> dict[str, set[str]]:
    """The texts of the posts that the archive holds, by platform."""
    found: dict[str, set[str]] = {}
    for platform, text in archive.conn.execute("SELECT platform, text FROM posts"):
        assert text not in found.setdefault(platform, set()), "a post is there twice"
        found[platform].add(text)
    return found


def shown(feed: Feed, now: datetime) -> dict[str, set[str]]:
    """The texts that the stage shows at ``now``, by platform."""
    found: dict[str, set[str]] = {}
    for post in feed.posts:
        if post.shown(now):
            found.setdefault(feed.author_of(post).platform, set()).add(post.text_at(now))
    return found
