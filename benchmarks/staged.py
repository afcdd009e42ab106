"""A scheduled capture of one staged session on its own clock: the real runner over loopback HTTP, without waits."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from archive.models import PLATFORMS, Chat, Platform, Session
from archive.store import Archive, open_archive
from archive.times import to_text
from chatkeep.running.ground import Ground, Inline
from chatkeep.running.runner import Runner
from chatkeep.stage.bluesky import STAGE_HANDLE, STAGE_PASSWORD, build_bluesky
from chatkeep.stage.faults import Faults
from chatkeep.stage.feed import Feed, FeedAuthor, FeedPost
from chatkeep.stage.mastodon import build_mastodon
from chatkeep.stage.serving import serving
from chatkeep.stage.x import STAGE_TOKEN, build_x
from collector.lane import lanes_of
from collector.options import Budget, ChatOptions
from collector.sources.base import Source
from collector.sources.bluesky import BlueskySource
from collector.sources.mastodon import MastodonSource
from collector.sources.x import XSource
from collector.spending import Spending
from collector.transport import build_client

STARTS = datetime(2026, 10, 8, 12, 0, tzinfo=UTC)
MINUTES = 60
_LATE_SHARE = 0.05  # of the posts come in the week after
_TEXT = "bins flooding library plain english captions alt text reply early residents team story road consult"
_WORDS = _TEXT.split()


class SimClock:
    """Stands still until it is moved; sleeping moves it."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Passes the time."""
        self.now += timedelta(seconds=seconds)


def build_feed(posts_an_hour: int, seed: int = 5) -> Feed:
    """A chat of so many posts an hour on each platform: one in five answers another, one in twenty quotes one, one in
    ten of the answers leaves the hashtag out, and a few come in the week after.
    """
    chance = random.Random(seed)
    people = max(4, posts_an_hour // 4)
    authors = tuple(
        FeedAuthor(key=f"{p}{n}", platform=p, handle=f"person{n}_{p}", name=f"Person {n}")
        for p in PLATFORMS
        for n in range(people)
    )
    posts = []
    for platform in PLATFORMS:
        moments = sorted(_moment(chance) for _ in range(posts_an_hour))
        posts += [_post(platform, number, at, people, chance) for number, at in enumerate(moments)]
    return Feed(authors, tuple(posts))


def _moment(chance: random.Random) -> datetime:
    if chance.random() < _LATE_SHARE:
        return STARTS + timedelta(minutes=MINUTES, hours=chance.expovariate(1 / 12) % 150)
    return STARTS + timedelta(minutes=chance.uniform(0, MINUTES))


def _post(platform: Platform, number: int, at: datetime, people: int, chance: random.Random) -> FeedPost:
    kind = chance.random()
    earlier = f"{platform}-{chance.randrange(number)}" if number else None
    reply = earlier if kind < 0.2 else None
    text = " ".join(chance.choices(_WORDS, k=chance.randint(6, 20)))
    return FeedPost(
        key=f"{platform}-{number}", author=f"{platform}{chance.randrange(people)}", at=to_text(at),
        text=f"{number}: {text}" if reply and chance.random() < 0.1 else f"{number}: {text} #northmoor",
        reply_to=reply, quote_of=earlier if 0.2 <= kind < 0.25 else None, likes_count=chance.randrange(5),
    )  # fmt: skip


@dataclass(slots=True)
class Life:
    """A collector at work on a simulated clock."""

    archive: Archive
    clock: SimClock
    runner: Runner

    def run_until(self, end: datetime) -> None:
        """Looks whenever it is told to, until ``end``."""
        while self.clock() < end:
            agenda = self.runner.look(self.archive)
            if agenda.jobs:
                agenda = self.runner.look(self.archive)
            self.clock.now = max(self.clock() + timedelta(seconds=1), min(agenda.next_at, end))


@contextmanager
def staged_life(feed: Feed, folder: Path, on_request: Callable[[Life, httpx.Request], None]) -> Iterator[Life]:
    """The collector half an hour before a session on three staged platforms; each request is told ``on_request``."""
    clock = SimClock(STARTS - timedelta(minutes=30))
    lives: list[Life] = []
    session = Session(
        id="northmoor-2026-10-08", chat="northmoor", starts_at=to_text(STARTS),
        ends_at=to_text(STARTS + timedelta(minutes=MINUTES)),
    )  # fmt: skip
    chat = Chat(slug="northmoor", title="Northmoor hour (fictional)", hashtags=("northmoor",), sessions=(session,))
    builders: Mapping[str, Callable[..., Any]] = {"x": build_x, "bluesky": build_bluesky, "mastodon": build_mastodon}
    with ExitStack() as stack:
        urls = {
            name: stack.enter_context(serving(build(feed, clock, Faults()), clock)) for name, build in builders.items()
        }
        http = stack.enter_context(build_client("benchmark"))
        http.event_hooks["request"].append(lambda request: on_request(lives[0], request))
        sources: dict[str, Source] = {
            "x": XSource(http, clock, base_url=urls["x"], bearer_token=STAGE_TOKEN),
            "bluesky": BlueskySource(
                http, clock, service=urls["bluesky"], handle=STAGE_HANDLE, app_password=STAGE_PASSWORD,
                sessions_dir=None,
            ),
            "mastodon": MastodonSource(http, clock, servers=[urls["mastodon"]]),
        }  # fmt: skip
        archive = stack.enter_context(open_archive(folder / "archive.db", clock))
        archive.save_chat(chat)
        lanes = tuple(lane for source in sources.values() for lane in lanes_of(source))
        options = {chat.slug: ChatOptions(Budget(50_000, 200_000))}
        runner = Runner(
            Ground({chat.slug: chat}, sources, lanes, options), Inline(archive), clock, threading.Event(),
            sleep=clock.sleep, chance=lambda: 0.5,
            walker_extras=lambda archive, platform: {"spending": Spending(archive, sources[platform], options)},
        )  # fmt: skip
        runner.take_up(archive, runner.ground)
        lives.append(Life(archive, clock, runner))
        yield lives[0]
