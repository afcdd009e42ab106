"""A simulated year of ten weekly chats: the real runner and archive on a clock of its own, over a feed in memory.

Two platforms, one of them looked back at as Mastodon is, 30 posts a session on each, polled every five minutes of it
(their own rhythm is 15 to 20 seconds: that would take an hour here). All else is as in earnest: weekly rules read from
a chats.toml, sweeps, look backs, conversations, rechecks, and from the third month on a published site with its monthly
looks. SQLite's cache is held at 8 MB, so that what grows would show.
"""

from __future__ import annotations

import itertools
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
from memory import resident_mb
from memory_source import MemorySource, Weeks
from staged import SimClock

from archive.models import Platform
from archive.store import Archive, open_archive
from chatkeep.app import App
from chatkeep.running.ground import Ground, Inline
from chatkeep.running.loading import Loader
from chatkeep.running.runner import Runner
from chatkeep.sessions import occurrences
from collector.due import Due, Watched, due
from collector.lane import lanes_of

_BEGINS = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
_POLL_SECONDS = 300.0
_POSTS_A_PLATFORM = 30
_ASKED: tuple[Platform, ...] = ("bluesky", "mastodon")
_RULES = {f"chat{n}": f"{('Mon', 'Tue', 'Wed', 'Thu', 'Fri')[n % 5]} {12 + 2 * (n // 5)}:00" for n in range(10)}
_MONTH = timedelta(days=30)
_PUBLISHED_FROM = 2 * _MONTH
_WASTE = {
    "open walks": "SELECT count(*) FROM walks WHERE status = 'open'",
    "walks that were given up": "SELECT count(*) FROM walks WHERE status = 'abandoned'",
    "waiting jobs": "SELECT count(*) FROM jobs WHERE state = 'waiting'",
    "empty intervals": "SELECT count(*) FROM intervals WHERE opened_at = last_alive_at AND closed_at NOT NULL",
    "reservations": "SELECT count(*) FROM reservations",
    "problems": "SELECT count(*) FROM problems",
}
_COUNTED = ("walks", "pages", "jobs", "intervals", "sightings", "metrics", "post_versions")


@dataclass(slots=True)
class Year:
    """The collector at work, and what was seen of it, by month: megabytes, and milliseconds to find out
    what is due; ``spent`` is CPU seconds and requests up to then.
    """

    archive: Archive
    clock: SimClock
    loader: Loader
    runner: Runner
    sources: dict[str, MemorySource]
    looks: int = 0
    take_ups: int = 0
    months: list[tuple[float, float]] = field(default_factory=list)
    spent: list[tuple[float, int]] = field(default_factory=list)

    def live_until(self, end: datetime) -> None:
        """As the service's loop does: takes up the settings when they are an hour old, looks, waits."""
        while self.clock() < end:
            if self.clock() >= _BEGINS + _MONTH * (len(self.months) + 1):
                self.note_month()
            if self.loader.is_stale():
                self.take_up()
            agenda = self._look()
            if agenda.jobs:
                agenda = self._look()  # whoever ends a job wakes the loop
            self.clock.now = max(self.clock() + timedelta(seconds=1), min(agenda.next_at, end))
        self.note_month()

    def _look(self) -> Due:
        self.looks += 1
        return self.runner.look(self.archive)

    def fetched(self) -> int:
        """How many requests were made."""
        return sum(source.fetched for source in self.sources.values())

    def take_up(self) -> None:
        """Reads chats.toml anew, with the sources in memory in the place of the platforms."""
        self.take_ups += 1
        self.runner.take_up(self.archive, self.ground())

    def ground(self) -> Ground:
        """The settings as they stand."""
        lanes = tuple(lane for source in self.sources.values() for lane in lanes_of(source))
        return replace(self.loader.load(self.archive), sources=self.sources, lanes=lanes, streams={})

    def note_month(self) -> None:
        """Measures memory, and how long it takes to find out what is due."""
        watched = Watched(self.runner.chats, self.runner.ground.lanes, self.runner.ground.options)
        began = time.perf_counter()
        for _ in range(20):
            due(self.clock(), watched, self.runner.state.history(self.clock()))
        milliseconds = (time.perf_counter() - began) * 50
        self.months.append((resident_mb(), milliseconds))
        self.spent.append((time.process_time(), self.fetched()))
        if self.clock() >= _BEGINS + _PUBLISHED_FROM:
            self.runner.state.published = frozenset(_RULES)


def build_year(folder: Path, archive: Archive, clock: SimClock, http: httpx.Client) -> Year:
    """The collector on the first day of its year."""
    tables = [
        f'[chat.{slug}]\nhashtags = ["{slug}tag"]\n[[chat.{slug}.session]]\nevery = "{rule}"\n'
        for slug, rule in _RULES.items()
    ]
    (folder / "chats.toml").write_text("[source.mastodon]\n" + "".join(tables), encoding="utf-8")
    far = _BEGINS + timedelta(days=420)
    zone = ZoneInfo("Europe/London")
    starts = {
        f"{slug}tag": sorted(
            {
                pair[0].astimezone(UTC)
                for n in range(62)
                for pair in occurrences(rule, 60, zone, _BEGINS + timedelta(weeks=n))
            }
        )
        for slug, rule in _RULES.items()
    }
    weeks = Weeks({tag: [s for s in listed if _BEGINS <= s < far] for tag, listed in starts.items()}, _POSTS_A_PLATFORM)
    sources: dict[str, MemorySource] = {name: MemorySource(name, weeks, clock, _POLL_SECONDS) for name in _ASKED}
    loader = Loader(App(folder / "chats.toml", folder, clock), http, clock)
    runner = Runner(
        Ground({}, sources, ()), Inline(archive), clock, threading.Event(), sleep=clock.sleep, chance=lambda: 0.5
    )
    return Year(archive, clock, loader, runner, sources)


def bench_year(days: int = 365, tell: Callable[[str], None] = print) -> None:
    """Plays the year and prints what it took and what it left."""
    tell((__doc__ or "").partition("\n\n")[2].strip())
    clock = SimClock(_BEGINS)
    with (
        tempfile.TemporaryDirectory() as name,
        httpx.Client() as http,
        open_archive(Path(name) / "archive.db", clock) as archive,
    ):
        archive.conn.execute("PRAGMA cache_size = -8192")
        archive.conn.execute("PRAGMA synchronous = OFF")  # the disk of this machine is not what is measured
        archive.start_run("run", "benchmark")
        year = build_year(Path(name), archive, clock, http)
        began, cpu = time.perf_counter(), time.process_time()
        year.live_until(_BEGINS + timedelta(days=days))
        tell(
            f"{days} days: {time.perf_counter() - began:.0f} seconds ({time.process_time() - cpu:.0f} of CPU),"
            f" {year.looks:,} looks, settings taken up {year.take_ups:,} times,"
            f" {year.fetched():,} requests"
        )
        _tell_growth(year, tell)
        _tell_waste(archive, tell)


def _tell_growth(year: Year, tell: Callable[[str], None]) -> None:
    (first, quick), (last, slow) = year.months[0], year.months[-1]
    tell(f"  memory: {first:.0f} MB after month 1, {last:.0f} MB after month {len(year.months)} (aim: flat)")
    tell(f"    by month: {' '.join(f'{mb:.0f}' for mb, _ in year.months)}")
    tell(f"  to find out what is due takes {quick:.2f} ms in month 1, {slow:.2f} ms at the end")
    costs = [1_000 * (b[0] - a[0]) / (b[1] - a[1]) for a, b in itertools.pairwise(year.spent) if b[1] > a[1]]
    tell(f"  CPU milliseconds a request, from month 2 on: {' '.join(f'{cost:.1f}' for cost in costs)} (aim: flat)")
    state = year.runner.state
    tell(f"  kept in memory: {len(state.jobs)} jobs, {len(state.polled_at)} polls, {len(state.wishes)} wishes")


def _tell_waste(archive: Archive, tell: Callable[[str], None]) -> None:
    conn = archive.conn
    archive.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    counts = {table: conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in (*_COUNTED, "posts")}
    sessions = conn.execute("SELECT count(*) FROM sessions WHERE starts_at < ?", (archive.now(),)).fetchone()[0]
    size = archive.path.stat().st_size
    posts = counts["posts"]
    tell(f"  {posts:,} posts of {sessions} sessions, {size / 1e6:.0f} MB: {size / posts:,.0f} bytes a post")
    tell("  rows a session: " + ", ".join(f"{table} {counts[table] / sessions:.1f}" for table in _COUNTED))
    for table, used in _largest(archive):
        tell(f"    {table:<32}{used / size:6.1%}")
    empty = _pages_without_news(archive)
    tell(f"  pages that say nothing new: {empty} of {counts['pages']} (aim: 0)")
    for name, query in _WASTE.items():
        tell(f"  {name}: {conn.execute(query).fetchone()[0]}")


def _largest(archive: Archive) -> list[tuple[str, int]]:
    rows = archive.conn.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC LIMIT 6")
    return [(str(name), int(used)) for name, used in rows]


def _pages_without_news(archive: Archive) -> int:
    """Pages that brought no post, no sighting, no wording and no count; all of them were fetched at different times."""
    return int(
        archive.conn.execute(
            "WITH told AS (SELECT first_at AS at FROM sightings UNION SELECT seen_at FROM metrics"
            " UNION SELECT first_observed_at FROM post_versions UNION SELECT seen_at FROM tombstones"
            " UNION SELECT seen_at FROM counts)"
            " SELECT count(*) FROM pages WHERE fetched_at NOT IN (SELECT at FROM told)"
        ).fetchone()[0]
    )
