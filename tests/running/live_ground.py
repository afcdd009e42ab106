"""A live session on the stage, and real processes that capture it: the clock runs, and is the same in all of them."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlsplit

from faithful import assert_coverage_is_true
from simulation import PLATFORMS, STARTS, Simulation

from archive.store import open_archive
from archive.times import to_text
from chatkeep.stage.bluesky import STAGE_HANDLE, STAGE_PASSWORD, build_bluesky
from chatkeep.stage.clock import StageClock
from chatkeep.stage.faults import Faults
from chatkeep.stage.feed import Feed, FeedAuthor, FeedPost
from chatkeep.stage.jetstream import StreamFaults, build_jetstream
from chatkeep.stage.mastodon import build_mastodon
from chatkeep.stage.mastodon_stream import StreamFaults as MastodonStreamFaults
from chatkeep.stage.serving import open_port, serving
from chatkeep.stage.x import STAGE_TOKEN, build_x
from chatkeep.stage.x_till import Till

ROOT = Path(__file__).parents[2]
CHILD = Path(__file__).with_name("run_child.py")
HOSTS = ("one.stage.example", "two.stage.example")
TOKEN = "stage-mastodon-token"
DEADLINE_SECONDS = 90.0
AUTHORS = (
    FeedAuthor(key="x", platform="x", handle="ann_x", name="Ann of Northmoor"),
    FeedAuthor(key="bluesky", platform="bluesky", handle="ann_bluesky", name="Ann of Northmoor"),
    FeedAuthor(key="mastodon", platform="mastodon", handle=f"ann@{HOSTS[0]}", name="Ann of Northmoor"),
    FeedAuthor(key="two", platform="mastodon", handle=f"bob@{HOSTS[1]}", name="Bob of Northmoor"),
)


def feed_at(starts: datetime, seconds: Mapping[str, list[float]], **more: Mapping[str, Any]) -> Feed:
    """Posts by author at seconds from ``starts``; keys are ``x-0``, ``x-1``…, and ``more`` is by key with _ for -."""
    posts = tuple(
        FeedPost(
            key=f"{author}-{n}", author=author, at=to_text(starts + timedelta(seconds=at)),
            **{"text": f"Tip {n} of {author} #northmoor", **more.get(f"{author}_{n}", {})},
        )
        for author, times in seconds.items()
        for n, at in enumerate(times)
    )  # fmt: skip
    return Feed(authors=AUTHORS, posts=posts)


def wait_until(come: Callable[[], object], what: str = "what the test waits for") -> None:
    """Until it has come; the deadline only guards against hanging."""
    pause, ends_at = threading.Event(), time.monotonic() + DEADLINE_SECONDS
    while not come():
        assert time.monotonic() < ends_at, f"{what} did not come"
        pause.wait(0.02)


@dataclass(slots=True)
class Child:
    """A process at work; what it tells goes to files, so that nothing blocks it."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """What it told, whole lines only."""
        lines = self.out.read_text(encoding="utf-8").split("\n")[:-1]
        return [event for line in lines if (event := json.loads(line)) and name in (None, event["event"])]

    def wait_for(self, come: Callable[[], object], what: str = "what the test waits for") -> None:
        """Until it has come, while the process lives."""

        def has_come() -> object:
            found = come()
            assert found or self.process.poll() is None, (self.process.poll(), self.said())
            return found

        wait_until(has_come, what)

    def ended(self) -> int:
        """Its exit code, once it has ended."""
        return self.process.wait(DEADLINE_SECONDS)

    def said(self) -> str:
        """What stands on its standard error."""
        return self.err.read_text(encoding="utf-8")

    def end(self) -> None:
        """Ends it, if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@dataclass(slots=True)
class Live:
    """A stage, its clock, its settings and the processes started over it."""

    folder: Path
    feed: Feed
    clock: StageClock
    speed: float
    starts: datetime
    minutes: int
    faults: dict[str, Faults] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)
    servers: list[str] = field(default_factory=list)
    jetstream: StreamFaults = field(default_factory=StreamFaults)
    mastodon_streams: dict[str, MastodonStreamFaults] = field(default_factory=dict)
    till: Till = field(default_factory=Till)
    ports: dict[str, socket.socket] = field(default_factory=dict)
    children: list[Child] = field(default_factory=list)
    streams: bool = True
    budget: int = 5  # dollars a session, as without a word in the settings
    platforms: tuple[str, ...] = PLATFORMS
    stack: ExitStack = field(default_factory=ExitStack)

    @property
    def path(self) -> Path:
        return self.folder / "data" / "archive.db"

    def write_settings(self, more: str = "") -> None:
        """chats.toml as it is to stand; a new modification time is sure."""
        platforms = [name for name in ("x", "bluesky") if name in self.urls]
        lines = {
            "x": f'[source.x]\nbase_url = "{self.urls.get("x")}"\n',
            "bluesky": f'[source.bluesky]\nservice = "{self.urls.get("bluesky")}"\n'
            + (f'jetstream = "{self.urls["jetstream"]}"\n' if "jetstream" in self.urls else "stream = false\n"),
        }
        mastodon = f"[source.mastodon]\nservers = {json.dumps(self.servers)}\nstream = {str(self.streams).lower()}\n"
        text = (
            '[chat.northmoor]\ntitle = "Northmoor hour (fictional)"\n'
            f"budget = {{ session = {self.budget}, month = {4 * self.budget} }}\n[[chat.northmoor.session]]\n"
            f"starts = {self.starts:%Y-%m-%dT%H:%M:%S}Z\nminutes = {self.minutes}\n{more}"
            + "".join(lines[name] for name in platforms)
            + (mastodon if self.servers else "")
        )
        write_anew(self.folder / "chats.toml", text)

    def environment(self) -> dict[str, str]:
        """The secrets of the stage, and where the code is."""
        tokens = {f"MASTODON_TOKEN_{urlsplit(url).netloc.replace('.', '_').replace(':', '_')}": TOKEN
                  for url in self.servers}  # fmt: skip
        keys = {"X_BEARER_TOKEN": STAGE_TOKEN, "BLUESKY_HANDLE": STAGE_HANDLE, "BLUESKY_APP_PASSWORD": STAGE_PASSWORD}
        return {**os.environ, **keys, **tokens, "PYTHONPATH": str(ROOT)}

    def start(self, *, once: bool = False, **more: float) -> Child:
        """`chatkeep run --log` on this clock. ``more``: ``statements``, ``seconds`` of the world until it is killed;
        ``busy_seconds`` that it waits for a locked archive, ``goodbye_seconds`` for its threads.
        """
        told = {
            "folder": str(self.folder), "now": to_text(self.clock()), "tick": time.monotonic(), "speed": self.speed,
            "once": once, "statements": 0, "seconds": None, "busy_seconds": 30, "goodbye_seconds": 5, **more,
        }  # fmt: skip
        return self.spawn([sys.executable, str(CHILD), json.dumps(told)])

    def command(self, *arguments: str) -> Child:
        """The real command line, on the world's clock."""
        base = ["--data", str(self.folder / "data"), "--config", str(self.folder / "chats.toml")]
        return self.spawn([sys.executable, "-m", "chatkeep", *base, *arguments])

    def spawn(self, command: list[str]) -> Child:
        number = len(self.children)
        out, err = (self.folder / f"{number}.{name}" for name in ("out", "err"))
        with out.open("wb") as to_out, err.open("wb") as to_err:
            process = subprocess.Popen(
                command, cwd=self.folder, env=self.environment(), stdout=to_out, stderr=to_err, stdin=subprocess.DEVNULL
            )
        self.children.append(Child(process, out, err))
        return self.children[-1]

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """What the archive holds; nothing where there is none yet."""
        if not self.path.exists():
            return []
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=30)) as conn:
            if conn.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
                return []  # it is being made at this moment, in one transaction
            return conn.execute(sql, values).fetchall()

    def count(self, sql: str, *values: object) -> int:
        found = self.rows(sql, *values)
        return int(found[0][0]) if found else 0

    def texts(self) -> set[str]:
        return {row[0] for row in self.rows("SELECT text FROM posts")}

    def shown(self) -> set[str]:
        """The texts that the stage shows now."""
        now = self.clock()
        return {post.text_at(now) for post in self.feed.posts if post.shown(now)}

    def capture_rest(self) -> None:
        """Lets the hour after the session come, and whoever runs with `--once` do what is due."""
        self.clock.set_on(self.starts + timedelta(minutes=self.minutes) + timedelta(hours=1, minutes=2))
        child = self.start(once=True)
        assert child.ended() == 0, child.said()

    def serve_mastodon(self, host: str) -> None:
        """Lets one of the two servers answer from now on."""
        app = build_mastodon(
            self.feed, self.clock, self.faults[host], host=host, token=TOKEN, stream_faults=self.mastodon_streams[host]
        )
        self.stack.enter_context(serving(app, self.clock, self.ports[host]))


@contextmanager
def live(
    folder: Path,
    feed: Feed,
    *,
    starts: datetime = STARTS,
    minutes: int = 20,
    speed: float = 30.0,
    begins: float = 0.0,
    platforms: tuple[str, ...] = PLATFORMS,
    down: tuple[str, ...] = (),
    stream: bool = True,
    lookback: timedelta = timedelta(hours=36),
    budget: int = 5,
) -> Iterator[Live]:
    """The stage with its clock at ``begins`` minutes of the session. ``down``: Mastodon hosts that do not answer."""
    clock = StageClock(starts + timedelta(minutes=begins), speed)
    (folder / "data").mkdir(parents=True)
    stage = Live(folder, feed, clock, speed, starts, minutes, streams=stream, platforms=platforms, budget=budget)
    with stage.stack as stack:
        stack.callback(lambda: [child.end() for child in stage.children])
        stage.faults = {name: Faults() for name in ("x", "bluesky", *HOSTS)}
        apps = {
            "x": lambda: build_x(feed, clock, stage.faults["x"], till=stage.till),
            "bluesky": lambda: build_bluesky(feed, clock, stage.faults["bluesky"]),
        }
        for name in [name for name in platforms if name in apps]:
            stage.urls[name] = stack.enter_context(serving(apps[name](), clock))
        if stream and "bluesky" in platforms:
            url = stack.enter_context(serving(build_jetstream(feed, clock, stage.jetstream, lookback=lookback), clock))
            stage.urls["jetstream"] = f"ws{url.removeprefix('http')}/subscribe"
        for host in HOSTS if "mastodon" in platforms else ():
            stage.mastodon_streams[host] = MastodonStreamFaults()
            stage.ports[host] = open_port()
            stack.callback(stage.ports[host].close)
            stage.servers.append(f"http://127.0.0.1:{stage.ports[host].getsockname()[1]}")
            if host not in down:
                stage.serve_mastodon(host)
        stage.write_settings()
        yield stage


def write_anew(path: Path, text: str) -> None:
    """Writes a file whole, as editors do, with a modification time that differs from the last."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    new = path.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    stamp = max(time.time_ns(), before + 1_000_000)
    os.utime(new, ns=(stamp, stamp))
    new.replace(path)


def assert_archive_is_sound(stage: Live) -> None:
    """Whole, nothing doubled, nothing half written, and X paid for within its budget."""
    assert stage.rows("PRAGMA integrity_check") == [("ok",)]
    assert stage.rows("PRAGMA foreign_key_check") == []
    assert stage.rows("SELECT id FROM posts WHERE id NOT IN (SELECT post FROM post_versions)") == []
    assert stage.rows("SELECT platform, text FROM posts GROUP BY 1, 2 HAVING count(*) > 1") == []
    assert stage.rows("SELECT post, text FROM post_versions GROUP BY 1, 2 HAVING count(*) > 1") == []
    assert stage.rows("SELECT key FROM walks WHERE status = 'open' GROUP BY 1 HAVING count(*) > 1") == []
    ledger = stage.count("SELECT coalesce(sum(tenth_cents), 0) FROM ledger")
    reserved = stage.count("SELECT coalesce(sum(tenth_cents), 0) FROM reservations WHERE state = 'open'")
    assert stage.till.billed_tenth_cents <= ledger + reserved <= stage.budget * 1_000


def assert_captured(stage: Live, *, whole: bool) -> None:
    """What the servers show is there, and the coverage says no more than is true; ``whole``: every minute of it."""
    assert_archive_is_sound(stage)
    with open_archive(stage.path, stage.clock) as opened:
        if opened.load_chats() and stage.clock() > stage.starts:  # before that there is nothing to claim
            seen = cast("Simulation", SimpleNamespace(archive=opened, clock=stage.clock))
            assert_coverage_is_true(seen, stage.feed, whole=whole, platforms=stage.platforms, late=timedelta(minutes=1))
    if whole:
        assert stage.shown() - stage.texts() == set()


def world_clock() -> datetime:
    return datetime.now(UTC)
