"""From a post's publication to its row in the archive: `chatkeep run` as a process of its own, in real time.

A session that is live now, three staged platforms on the system's clock, posts appearing all the while; twice at the
same time, by polls alone in each platform's own rhythm, and with the streams of Bluesky (Jetstream) and Mastodon. The
archive is looked at every 20 ms through a second connection; what counts is from when the platform shows a post (X
shows one 30 seconds late, by its index) to when its row can be read.
"""

from __future__ import annotations

import math
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from archive.models import PLATFORM_NAMES, PLATFORMS, Platform
from archive.times import from_text, system_clock, to_text
from chatkeep.stage.bluesky import STAGE_HANDLE, STAGE_PASSWORD, build_bluesky
from chatkeep.stage.faults import Faults
from chatkeep.stage.feed import Feed, FeedAuthor, FeedPost
from chatkeep.stage.jetstream import build_jetstream
from chatkeep.stage.mastodon import build_mastodon
from chatkeep.stage.serving import serving
from chatkeep.stage.x import STAGE_TOKEN, build_x
from collector.sources.bluesky import BlueskySource
from collector.sources.mastodon import MastodonSource
from collector.sources.x import XSource
from collector.transport import build_client

ROOT = Path(__file__).parent.parent
_START_SECONDS = 8.0  # until the command listens and has polled once
_POSTING_SECONDS = 60.0
_POSTS = 60  # on each platform
_STREAMED: tuple[Platform, ...] = ("bluesky", "mastodon")
_X_LAG = timedelta(seconds=30)
_LOOK_SECONDS = 0.02
_MASTODON_TOKEN = "a-token-that-opens-nothing-but-the-stage"


def build_feed(begins: datetime, seed: int = 3) -> Feed:
    """Posts of one author a platform, that each becomes visible at a random moment of the time of posting."""
    chance = random.Random(seed)
    authors = tuple(FeedAuthor(key=p, platform=p, handle=f"ann_{p}", name="Ann of Northmoor") for p in PLATFORMS)
    posts = []
    for platform in PLATFORMS:
        for number in range(_POSTS):
            shown = begins + timedelta(seconds=chance.uniform(0, _POSTING_SECONDS))
            at = to_text(shown - _X_LAG if platform == "x" else shown)
            posts.append(
                FeedPost(key=f"{platform}-{number}", author=platform, at=at, text=f"{platform} {number} #northmoor")
            )
    return Feed(authors, tuple(posts))


@contextmanager
def running(feed: Feed, folder: Path, starts: datetime, *, streams: bool) -> Iterator[Path]:
    """The staged platforms and the command at work on them; gives the path of the archive."""
    with ExitStack() as stack:
        x = stack.enter_context(serving(build_x(feed, system_clock, Faults())))
        bluesky = stack.enter_context(serving(build_bluesky(feed, system_clock, Faults())))
        mastodon = stack.enter_context(serving(build_mastodon(feed, system_clock, Faults(), token=_MASTODON_TOKEN)))
        jetstream = stack.enter_context(serving(build_jetstream(feed, system_clock))).replace("http", "ws", 1)
        stream = f"stream = {str(streams).lower()}\n"
        (folder / "chats.toml").write_text(
            f"[chat.northmoor]\n[[chat.northmoor.session]]\nstarts = {starts:%Y-%m-%dT%H:%M:%SZ}\nminutes = 30\n"
            f'[source.x]\nbase_url = "{x}"\n[source.mastodon]\nservers = ["{mastodon}"]\n{stream}'
            f'[source.bluesky]\nservice = "{bluesky}"\njetstream = "{jetstream}/subscribe"\n'
            f"{stream}",
            encoding="utf-8",
        )
        command: list[str | Path] = [sys.executable, "-m", "chatkeep"]
        command += ["--data", folder / "data", "--config", folder / "chats.toml"]
        keys = {
            "X_BEARER_TOKEN": STAGE_TOKEN, "BLUESKY_HANDLE": STAGE_HANDLE, "BLUESKY_APP_PASSWORD": STAGE_PASSWORD,
            "MASTODON_TOKEN": _MASTODON_TOKEN,
        }  # fmt: skip
        log = stack.enter_context((folder / "log").open("wb"))
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **keys}
        process = subprocess.Popen([*command, "run", "--log"], env=environment, stdout=log, stderr=log)
        try:
            yield folder / "data" / "archive.db"
        finally:
            process.send_signal(signal.SIGTERM)
            if process.wait(timeout=20) != 130:
                raise SystemExit((folder / "log").read_text(errors="replace")[-2_000:])


def watch_rows(path: Path, count: int, until: datetime) -> dict[str, datetime]:
    """When the row of each post could first be read, by its text; until all are there or time is up."""
    seen: dict[str, datetime] = {}
    last = 0
    while not path.exists() and system_clock() < until:
        time.sleep(_LOOK_SECONDS)
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as conn:
        while len(seen) < count and system_clock() < until:
            try:
                rows = conn.execute("SELECT rowid, text FROM posts WHERE rowid > ?", (last,)).fetchall()
            except sqlite3.OperationalError:  # the tables are being made
                rows = []
            for number, text in rows:
                seen[text] = system_clock()
                last = max(last, number)
            time.sleep(_LOOK_SECONDS)
    return seen


def measure(*, streams: bool) -> Mapping[Platform, list[float]]:
    """Seconds from when a platform showed a post to its row; infinite for one that never came."""
    starts = system_clock() - timedelta(minutes=1)
    begins = system_clock() + timedelta(seconds=_START_SECONDS)
    feed = build_feed(begins)
    until = begins + timedelta(seconds=_POSTING_SECONDS + 40)
    with tempfile.TemporaryDirectory() as name, running(feed, Path(name), starts, streams=streams) as path:
        seen = watch_rows(path, len(feed.posts), until)
    delays: dict[Platform, list[float]] = {platform: [] for platform in PLATFORMS}
    for post in feed.posts:
        platform = feed.author_of(post).platform
        shown = from_text(post.at) + (_X_LAG if platform == "x" else timedelta())
        delays[platform].append((seen[post.text] - shown).total_seconds() if post.text in seen else math.inf)
    return delays


def bench_latency(tell: Callable[[str], None] = print) -> None:
    """Prints p50 and p95 for each platform, beside the aim."""
    tell((__doc__ or "").partition("\n\n")[2].strip())
    with build_client("benchmark") as http:
        rhythms = {
            "x": XSource(http, system_clock, bearer_token=None).limits.poll_seconds,
            "bluesky": BlueskySource(
                http, system_clock, handle=None, app_password=None, sessions_dir=None
            ).limits.poll_seconds,
            "mastodon": MastodonSource(http, system_clock, servers=()).limits.poll_seconds,
        }
    with ThreadPoolExecutor() as pool:
        polled, streamed = (pool.submit(measure, streams=streams) for streams in (False, True))
    for platform, delays in polled.result().items():
        rhythm = rhythms[platform]
        tell(_line(platform, f"polled every {rhythm:.0f} s", delays, aim=rhythm + 1))
    for platform in _STREAMED:
        tell(_line(platform, "streamed", streamed.result()[platform], aim=2.0))


def _line(platform: Platform, way: str, delays: list[float], aim: float) -> str:
    ordered = sorted(delays)
    middle, high = (ordered[math.ceil(len(ordered) * share) - 1] for share in (0.5, 0.95))
    return (
        f"  {PLATFORM_NAMES[platform]:<9}{way:<18}p50 {middle:5.2f} s   p95 {high:5.2f} s"
        f"   longest {ordered[-1]:5.2f} s   of {len(ordered)} posts (aim: p95 under {aim:.0f} s)"
    )
