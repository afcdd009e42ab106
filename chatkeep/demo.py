"""Plays the fictional chat: staged platforms on loopback, the real collector in front of them, a clock that runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from archive.models import Chat
from archive.reference import reference_path
from archive.store import Archive
from archive.times import from_text, to_text
from chatkeep import __version__
from chatkeep.stage.bluesky import STAGE_HANDLE, STAGE_PASSWORD, build_bluesky
from chatkeep.stage.clock import StageClock
from chatkeep.stage.faults import Faults
from chatkeep.stage.mastodon import build_mastodon
from chatkeep.stage.script import Script, load_script
from chatkeep.stage.serving import serving
from chatkeep.stage.x import STAGE_TOKEN, build_x
from collector.lane import plan_conversations
from collector.recheck import recheck_posts
from collector.refs import Scope
from collector.retrying import Retrying
from collector.sources.base import Source, Window
from collector.sources.bluesky import BlueskySource
from collector.sources.mastodon import MastodonSource
from collector.sources.x import XSource
from collector.transport import build_client
from collector.walker import PageSaved, Walker

_LEAD_IN = timedelta(minutes=2)
_LOOKED_BACK = timedelta(hours=1)
_OVERRUN = timedelta(minutes=6)
_NEXT_MORNING = timedelta(hours=22)
# The world's seconds between two rounds of polls; at a session of half a minute that is some ninety rounds.
_POLL_SECONDS = 0.3


@dataclass(slots=True)
class Played:
    """What the demo saw go by; ``minute`` is of the session (0 to 59), ``question`` the latest one asked (0: none yet).

    ``new_by_question`` counts posts by the question that was the latest when they were captured. ``late_count`` posts
    came in the next morning; ``unreachable_count`` of the script's ``script_count`` posts never did: no search shows
    reposts, and posts without the hashtag come only with the conversations that they are in.
    """

    chat: Chat
    new_by_platform: dict[str, int] = field(default_factory=dict)
    new_by_minute: dict[int, int] = field(default_factory=dict)
    new_by_question: dict[int, int] = field(default_factory=dict)
    minute: int = 0
    question: int = 0
    phase: str = "the session"
    requests: int = 0
    late_count: int = 0
    unreachable_count: int = 0
    script_count: int = 0

    def add(self, saved: PageSaved) -> None:
        """Counts one page."""
        self.requests += 1
        new = [post for post in saved.batch.posts if post.id in saved.saved.new and post.primary]
        self.new_by_platform[saved.platform] = self.new_by_platform.get(saved.platform, 0) + len(new)
        self.new_by_question[self.question] = self.new_by_question.get(self.question, 0) + len(new)
        starts = from_text(self.chat.sessions[0].starts_at)
        for post in new:
            minute = int((from_text(post.created_at) - starts).total_seconds() // 60)
            self.new_by_minute[minute] = self.new_by_minute.get(minute, 0) + 1


@dataclass(slots=True)
class Stage:
    """The staged platforms while they run."""

    script: Script
    clock: StageClock
    sources: list[Source]


@contextmanager
def staged(script: Script, clock: StageClock) -> Iterator[Stage]:
    """Starts the three servers and the sources that look at them; all end with the block."""
    with ExitStack() as stack:
        bluesky, mastodon, x = (
            stack.enter_context(serving(app, clock))
            for app in (
                build_bluesky(script.feed, clock, Faults()),
                build_mastodon(script.feed, clock, Faults()),
                build_x(script.feed, clock, Faults()),
            )
        )
        http = stack.enter_context(build_client(__version__))
        yield Stage(
            script,
            clock,
            [
                XSource(http, clock, base_url=x, bearer_token=STAGE_TOKEN),
                BlueskySource(
                    http, clock, service=bluesky, handle=STAGE_HANDLE, app_password=STAGE_PASSWORD, sessions_dir=None
                ),
                MastodonSource(http, clock, servers=[mastodon]),
            ],
        )


def load_demo(seconds: float) -> tuple[Script, StageClock]:
    """The demo's script and a clock that plays its session in ``seconds``."""
    script = load_script(reference_path("demo_chat.json"))
    session = script.chat.sessions[0]
    start, end = from_text(session.starts_at) - _LEAD_IN, from_text(session.ends_at) + _OVERRUN
    return script, StageClock(start, (end - start).total_seconds() / seconds)


def play(
    stage: Stage, archive: Archive, stop: threading.Event, watch: Callable[[Played], None] = lambda _: None
) -> Played:
    """The whole capture: polls while the session runs, then what comes late, edits and deletions the next morning."""
    chat = stage.script.chat
    archive.save_chat(chat)
    played = Played(chat)
    walkers = [Walker(archive, source, Retrying(stop), stop, played.add) for source in stage.sources]
    session = chat.sessions[0]
    starts, ends = from_text(session.starts_at), from_text(session.ends_at)
    since = to_text(starts - _LOOKED_BACK)
    while stage.clock() < ends + _OVERRUN and not stop.is_set():
        for walker in walkers:
            for plan in walker.source.plans("tag", chat):
                walker.walk(chat, plan, since)
        _tell(stage, played, starts)
        watch(played)
        stop.wait(_POLL_SECONDS)
    if stop.is_set():
        return played
    stage.clock.set_on(ends + _NEXT_MORNING)
    played.phase = "the next morning: late answers, edits, deletions"
    watch(played)
    before = sum(played.new_by_platform.values())
    _sweep(archive, walkers, chat, starts)
    captured = sum(played.new_by_platform.values())
    played.late_count, played.script_count = captured - before, len(stage.script.feed.posts)
    played.unreachable_count = played.script_count - captured
    watch(played)
    return played


def _sweep(archive: Archive, walkers: list[Walker], chat: Chat, starts: datetime) -> None:
    """One whole walk of the time since an hour before the session, the conversations around it, then a look at every
    post that was captured.
    """
    window = Window(start=to_text(starts - _LOOKED_BACK))
    for walker in walkers:
        for plan in walker.source.plans("sweep", chat, window):
            walker.walk(chat, plan)
        for server in walker.source.servers:
            servers = walker.source.servers
            scope = Scope(chat.slug, walker.source.name, server=server, servers=servers, hosts=chat.hosts)
            for plan in plan_conversations(archive, walker.source, chat, scope):
                walker.walk(chat, plan)
        recheck_posts(archive, walker, chat)


def _tell(stage: Stage, played: Played, starts: datetime) -> None:
    now = stage.clock()
    played.minute = max(0, min(59, int((now - starts).total_seconds() // 60)))
    marks = (f"Q{number}" for number in range(1, 10))
    hosts = {host.partition(":")[2].lower() for host in played.chat.hosts}
    asked = [
        number
        for number, mark in enumerate(marks, 1)
        for post in stage.script.feed.posts
        if post.text.startswith(mark) and from_text(post.at) <= now
        and stage.script.feed.author_of(post).handle.lower() in hosts
    ]  # fmt: skip
    played.question = max(asked, default=0)


def remove_earlier(folder: Path) -> None:
    """Clears what an earlier demo left; only files that a demo makes."""
    for name in ("archive.db", "chats.db", "decisions.db"):
        for suffix in ("", "-wal", "-shm"):
            (folder / f"{name}{suffix}").unlink(missing_ok=True)
