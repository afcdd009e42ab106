"""Histories of faults: any faults in any order, over any feed, and a capture that survives them all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from faithful import assert_coverage_is_true
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulation import PLATFORMS, Hosts, captured, minutes, shown, simulation
from test_faults import NAMES, OF_X, faults_of

from archive.times import to_text
from chatkeep.stage.feed import Edit, Feed, FeedAuthor, FeedPost

LENGTH = 6  # minutes of a session; polled once a minute
QUICK = [name for name in NAMES if name != "hangs"]  # a hanging exchange takes real time: it has tests of its own


@dataclass(frozen=True)
class Strike:
    """A platform does something wrong so many times from a minute on; ``kills``: the collector dies then as well."""

    at: float
    platform: str
    fault: str
    times: int
    kills: bool


strikes = st.builds(
    Strike,
    at=st.floats(-4, 90),
    platform=st.sampled_from(PLATFORMS),
    fault=st.sampled_from([*QUICK, *OF_X]),
    times=st.integers(1, 6),
    kills=st.booleans(),
)


@st.composite
def feeds(draw: st.DrawFn) -> Feed:
    """Posts of any times; some come late, some are edited, some are deleted."""
    authors = tuple(FeedAuthor(key=p, platform=p, handle=f"ann_{p}", name="Ann of Northmoor") for p in PLATFORMS)  # type: ignore[arg-type]
    posts = []
    for platform in PLATFORMS:
        for n in range(draw(st.integers(0, 12))):
            at = draw(st.floats(-30, LENGTH + 60))
            arrives = draw(st.none() | st.floats(at, at + 90)) if platform != "x" else None
            edited = draw(st.none() | st.floats(at + 1, at + 200))
            deleted = draw(st.none() | st.none() | st.none() | st.floats(at + 1, at + 600))
            text = f"Tip {n} for {platform} #northmoor"
            posts.append(
                FeedPost(
                    key=f"{platform}-{n}", author=platform, at=to_text(minutes(at)), text=text,
                    arrives_at=None if arrives is None else to_text(minutes(arrives)),
                    edits=() if edited is None else (Edit(at=to_text(minutes(edited)), text=f"{text} (edited)"),),
                    deleted_at=None if deleted is None else to_text(minutes(deleted)),
                )
            )  # fmt: skip
    return Feed(authors=authors, posts=tuple(posts))


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    with ExitStack() as stack:
        yield Hosts(stack)


def play(feed: Feed, plan: list[Strike], folder: Path, hosts: Hosts, *, late: bool) -> None:
    waiting = sorted(plan, key=lambda strike: strike.at)
    with simulation(feed, folder, length=LENGTH, begins=-6, poll_seconds=90, hosts=hosts, late=late) as (life, stage):

        def strike(now: datetime) -> None:
            while waiting and minutes(waiting[0].at) <= now:
                one = waiting.pop(0)
                known = OF_X[one.fault] if one.fault in OF_X else faults_of(one.fault, one.platform)
                platform = "x" if one.fault in OF_X else one.platform
                stage.faults[platform].add(known[0], one.times)
                if one.kills:
                    life.restart()

        life.run_until(minutes(LENGTH + 30), strike)
        assert_coverage_is_true(life, feed)
        life.run_until(minutes(LENGTH) + timedelta(days=8, hours=3), strike)
        for faults in stage.faults.values():
            faults.clear()
        held, expected = captured(life.archive), shown(feed, life.clock())
        for platform, texts in expected.items():
            lost = texts - held.get(platform, set())
            assert not lost, [post for post in feed.posts if post.text_at(life.clock()) in lost]
        assert_coverage_is_true(life, feed, whole=True)
        assert life.archive.conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert life.archive.conn.execute("PRAGMA foreign_key_check").fetchall() == []
        assert life.archive.conn.execute("SELECT count(*) FROM walks WHERE status = 'open'").fetchone() == (0,)


@settings(max_examples=100, suppress_health_check=list(HealthCheck), deadline=None)
@given(feeds(), st.lists(strikes, max_size=8), st.integers(0, 3))
def test_whatever_goes_wrong_nothing_that_is_still_shown_is_lost(
    hosts: Hosts, feed: Feed, plan: list[Strike], lateness: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        play(feed, plan, Path(folder), hosts, late=lateness == 1)  # looking back takes half of all requests


@pytest.mark.soak
@settings(max_examples=2_000, suppress_health_check=list(HealthCheck), deadline=None)
@given(feeds(), st.lists(strikes, max_size=20), st.integers(0, 1))
def test_thousands_of_histories_lose_nothing(hosts: Hosts, feed: Feed, plan: list[Strike], lateness: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        play(feed, plan, Path(folder), hosts, late=lateness == 1)
