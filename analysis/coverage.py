"""What each minute of a session proves, platform by platform: complete, partial or unknown, and why.

A minute is complete when every hashtag, on every server that was asked for the session, was walked to the end over the
whole of it by walks that began after it was over. Streams, counts and imports never prove: they only say more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Literal
from urllib.parse import urlsplit

from analysis.coverage_counts import Told, find_shortfall
from analysis.coverage_walks import ASKING, CoverWalk, list_servers, load_walks, select_walks
from analysis.membership import HORIZON_DAYS
from archive.models import PLATFORM_NAMES, PLATFORMS, Session, normalise_tag
from archive.times import from_text, shift, to_text

__all__ = ["NOT_OVER", "CoverWalk", "Minute", "build_coverage", "load_walks"]

State = Literal["complete", "partial", "unknown"]
NOT_OVER = "not over yet"
_LONGEST_MINUTES = 24 * 60  # of a longer session only the minutes that hold posts are told
_MOST_REASONS = 3
_SOON_MINUTES = 5  # longer than the lag of any platform


@dataclass(frozen=True, slots=True)
class Minute:
    """One row of coverage. ``minute`` is the time at which it starts."""

    platform: str
    minute: str
    state: State
    why: str


@dataclass(frozen=True, slots=True)
class _Unit:
    """One hashtag on one server: the least that must be walked whole."""

    server: str
    tag: str


@dataclass(slots=True)
class _Ground:
    """What is known of one platform round a session. ``held``: the minutes of which it holds posts."""

    platform: str
    units: dict[_Unit, list[CoverWalk]]
    imported: bool
    held: set[str]
    told: list[Told]
    now: str | None


def build_coverage(
    session: Session,
    walks: Sequence[CoverWalk],
    hashtags: Sequence[str] = (),
    posts: Iterable[tuple[str, str]] = (),
    told: Sequence[Told] = (),
    now: str | None = None,
) -> list[Minute]:
    """A row for every platform and minute of the session, in that order.

    ``posts`` are the session's, each as (platform, posted_at); of a session longer than a day only their minutes are
    told. ``now``: minutes that end later are unknown, "not over yet"; None takes every minute as over.
    """
    held: dict[str, set[str]] = {platform: set() for platform in PLATFORMS}
    for platform, posted_at in posts:
        held[platform].add(f"{posted_at[:16]}:00.000Z")
    minutes = list_minutes(session, set().union(*held.values()))
    walks = select_walks(walks, session.starts_at, session.ends_at, HORIZON_DAYS)
    found = []
    for platform in PLATFORMS:
        ground = _find_ground(platform, session, walks, hashtags)
        ground.held, ground.now = held[platform], now
        ground.told = [one for one in told if one.platform == platform]
        found += [Minute(platform, start, *_judge(ground, start, end)) for start, end in minutes]
    return found


def list_minutes(session: Session, post_minutes: Iterable[str] = ()) -> list[tuple[str, str]]:
    """The session's minutes, each with its start and its end; whole minutes of the clock from that of its start."""
    first = from_text(f"{session.starts_at[:16]}:00.000Z")
    length = from_text(session.ends_at) - from_text(session.starts_at)
    count = max(1, -int(-length.total_seconds() // 60))
    if count > _LONGEST_MINUTES:
        return [(minute, shift(minute, minutes=1)) for minute in sorted(post_minutes)]
    marks = [to_text(first + timedelta(minutes=n)) for n in range(count + 1)]
    return list(pairwise(marks))


def _find_ground(platform: str, session: Session, walks: Iterable[CoverWalk], hashtags: Iterable[str]) -> _Ground:
    """The walks of a platform that can say something of this session, by server and hashtag."""
    own = [walk for walk in walks if walk.platform == platform]
    asking = [walk for walk in own if walk.purpose in ASKING]
    servers = [""]
    if platform == "mastodon":
        servers = list_servers(asking, session.starts_at, session.ends_at, HORIZON_DAYS)
    tags = dict.fromkeys(normalise_tag(tag) for tag in hashtags)
    units: dict[_Unit, list[CoverWalk]] = {_Unit(server, tag): [] for server in servers for tag in tags}
    last = shift(session.ends_at, minutes=1)
    for walk in asking:
        # What ended before the session, or asked for a later time alone, says nothing of it.
        if walk.opened_at > session.starts_at and walk.begins < last:
            for tag in walk.tags:
                units.get(_Unit(walk.server, tag), []).append(walk)
    imported = any(walk.purpose == "import" and walk.pages_count and walk.opened_at > session.starts_at for walk in own)
    return _Ground(platform, units, imported, set(), [], None)


def _judge(ground: _Ground, start: str, end: str) -> tuple[State, str]:
    if ground.now is not None and end > ground.now:
        return "unknown", NOT_OVER
    failing = {unit: walks for unit, walks in ground.units.items() if not _proves(walks, start, end)}
    proven = [unit for unit in ground.units if unit not in failing]
    if proven and not failing:
        short = find_shortfall(ground.told, start, end)
        return ("partial", short) if short else ("complete", _complete_words(ground))
    reasons = {unit: _find_reason(walks, start, end) for unit, walks in failing.items()}
    if proven:
        return "partial", _mixed_words(ground, proven, reasons)
    return _judge_unproven(ground, start, reasons)


def _judge_unproven(ground: _Ground, start: str, reasons: Mapping[_Unit, tuple[State, str]]) -> tuple[State, str]:
    """The state of a minute that nothing proves: partial where something of it is known."""
    words = _join_reasons(ground, reasons)
    if any(state == "partial" for state, _ in reasons.values()):
        return "partial", words
    if ground.imported:
        return "partial", "posts were imported from a file; nobody can tell what the file left out"
    if start in ground.held:
        return "partial", f"posts of this minute are here, and nothing proves that they are all: {words}"
    return "unknown", words


def _proves(walks: Sequence[CoverWalk], start: str, end: str) -> bool:
    """Whether finished walks that began when the minute was over reach over all of it, alone or joined."""
    proving = [walk for walk in walks if walk.status == "done" and walk.opened_at >= end and walk.touches(start, end)]
    reached = start
    for walk in sorted(proving, key=lambda walk: walk.begins):
        if walk.begins > reached:
            return False
        reached = max(reached, walk.ends)
    return bool(proving) and reached >= end


def _find_reason(walks: Sequence[CoverWalk], start: str, end: str) -> tuple[State, str]:
    """Why one hashtag on one server is not proven for a minute, and whether something of it is known."""
    if not walks:
        return "unknown", "never asked about this session"
    touching = [walk for walk in walks if walk.opened_at > start and walk.touches(start, end)]
    done = [walk for walk in touching if walk.status == "done"]
    unfinished = [walk for walk in touching if walk.status != "done"]
    state: State = "partial" if done or any(walk.pages_count for walk in unfinished) else "unknown"
    if unfinished:
        last = max(unfinished, key=lambda walk: walk.opened_at)
        return state, _unfinished_words(last)
    later = [walk for walk in done if walk.opened_at >= end]
    if later and all(walk.ends < end and walk.opened_at < shift(end, minutes=_SOON_MINUTES) for walk in later):
        return state, "asked so soon after this minute that its last posts may not have shown yet"
    if later:
        return state, "only a part of this minute was searched"
    if done:
        return state, "asked while this minute was still running, and not afterwards"
    # A walk that got nowhere at all tells best why nothing is known.
    stuck = [walk for walk in walks if walk.status != "done" and walk.why and walk.opened_at > start]
    words = f"; {_unfinished_words(stuck[-1])}" if stuck else ""
    return "unknown", f"asked, and no capture reaches this minute{words}"


def _unfinished_words(walk: CoverWalk) -> str:
    if walk.status == "abandoned":
        return f"a capture ended early: {walk.why or 'no reason known'}"
    return f"a capture is not finished: {walk.why}" if walk.why else "a capture is not finished"


def _complete_words(ground: _Ground) -> str:
    if ground.platform == "mastodon":
        return f"complete on these servers: {', '.join(_hosts(ground.units))}"
    return "searched to the end after this minute was over"


def _mixed_words(ground: _Ground, proven: Sequence[_Unit], reasons: Mapping[_Unit, tuple[State, str]]) -> str:
    """What is proven and what not, both by name."""
    whole = [host for host in _hosts(proven) if host not in _hosts(reasons)]
    told = _join_reasons(ground, reasons)
    if ground.platform == "mastodon" and whole:
        return f"complete on these servers: {', '.join(whole)}; not on {told}"
    tags = [unit.tag for unit in proven if unit.server in {other.server for other in reasons}]
    return f"searched to the end for {', '.join(f'#{tag}' for tag in dict.fromkeys(tags))}; not for {told}"


def _join_reasons(ground: _Ground, reasons: Mapping[_Unit, tuple[State, str]]) -> str:
    """The reasons, each once, with the servers and hashtags that it holds for where there are several of those."""
    if not reasons:
        return f"{PLATFORM_NAMES[ground.platform]} was never asked about this session"
    grouped: dict[str, list[str]] = {}
    for unit, (_, words) in reasons.items():
        grouped.setdefault(words, []).append(_label(ground, unit))
    if len(grouped) == 1 and len(reasons) == len(ground.units):
        return _whole_words(ground, next(iter(grouped)))
    told = [f"{', '.join(dict.fromkeys(labels))}: {words}" for words, labels in list(grouped.items())[:_MOST_REASONS]]
    more = [f"and {len(grouped) - _MOST_REASONS} more"] if len(grouped) > _MOST_REASONS else []
    return "; ".join(told + more)


def _whole_words(ground: _Ground, words: str) -> str:
    """A reason that holds for all of a platform, as a sentence about it."""
    name = PLATFORM_NAMES[ground.platform]
    if words.startswith(("never asked", "asked")):
        return f"{name} was {words}"
    return words


def _label(ground: _Ground, unit: _Unit) -> str:
    several = len({other.tag for other in ground.units}) > 1
    if ground.platform != "mastodon":
        return f"#{unit.tag}"
    return f"{_host(unit.server)} (#{unit.tag})" if several else _host(unit.server)


def _hosts(units: Iterable[_Unit]) -> list[str]:
    return sorted({_host(unit.server) for unit in units})


def _host(server: str) -> str:
    return urlsplit(server).netloc or server


def list_asked_servers(session: Session, walks: Iterable[CoverWalk]) -> Iterator[str]:
    """The Mastodon servers that this session's coverage speaks of, by host name."""
    asking = [walk for walk in walks if walk.platform == "mastodon" and walk.purpose in ASKING]
    for server in list_servers(asking, session.starts_at, session.ends_at, HORIZON_DAYS):
        yield _host(server)
