"""What a session on X will cost: its posts and authors, read again and again, each billed once a UTC day. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from archive.models import Session
from archive.times import from_text, to_text
from collector.sources.x_fields import PRICE_OF_A_POST, PRICE_OF_A_USER

_SWEEPS = (("1 hour", timedelta(hours=1)), ("24 hours", timedelta(days=1)), ("7 days", timedelta(days=7)))
_MONTH = timedelta(days=30)
_POSTS_A_PAGE = 100
_POSTS_A_QUERY = 11  # as many ids as a query of 512 characters holds
_QUERIES_OF_A_POST = 2  # its conversation and its quotes

Group = Literal["tagged", "around"]


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many posts, and how many people who wrote them."""

    posts_count: int
    authors_count: int

    @property
    def tenth_cents(self) -> int:
        """What reading them costs on a UTC day, in tenths of a US cent."""
        return self.posts_count * PRICE_OF_A_POST + self.authors_count * PRICE_OF_A_USER


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that the collector does for a session: what it reads, and what of it is billed (tenths of a cent).

    ``week`` is False for what comes after the week that the session's budget pays for.
    """

    what: str
    at: str
    posts_count: int
    authors_count: int
    requests_count: int
    tenth_cents: int
    week: bool = True


def build_forecast(session: Session, tagged: Crowd, around: Crowd | None, poll_seconds: float) -> list[Step]:
    """Every step from the live capture to the first monthly recheck, in order.

    ``around`` are the posts without the hashtag, in conversations and quotes; None where they are not fetched.
    """
    groups: dict[Group, Crowd] = {"tagged": tagged}
    if around is not None:
        groups["around"] = around
    paid: set[tuple[str, Group]] = set()
    steps = []
    for what, at, read, requests in _readings(session, groups, poll_seconds):
        due = [group for group in read if (f"{at:%Y-%m-%d}", group) not in paid]
        paid |= {(f"{at:%Y-%m-%d}", group) for group in due}
        steps.append(
            Step(
                what=what,
                at=to_text(at),
                posts_count=sum(groups[group].posts_count for group in read),
                authors_count=sum(groups[group].authors_count for group in read),
                requests_count=requests,
                tenth_cents=sum(groups[group].tenth_cents for group in due),
                week=not what.startswith("monthly"),
            )
        )
    return steps


_Reading = tuple[str, datetime, tuple[Group, ...], int]


def _readings(session: Session, groups: dict[Group, Crowd], poll_seconds: float) -> Iterator[_Reading]:
    starts, ends = from_text(session.starts_at), from_text(session.ends_at)
    tagged = groups["tagged"].posts_count
    everything: tuple[Group, ...] = tuple(groups)
    lookups = _pages(sum(crowd.posts_count for crowd in groups.values()))
    yield "live capture", ends, ("tagged",), max(round((ends - starts).total_seconds() / poll_seconds), _pages(tagged))
    first = True
    for name, later in _SWEEPS:
        yield f"sweep after {name}", ends + later, ("tagged",), _pages(tagged)
        if first and "around" in groups:
            queries = math.ceil(tagged / _POSTS_A_QUERY) * _QUERIES_OF_A_POST + _pages(tagged)
            yield "conversations and quotes", ends + later, everything, queries
        first = False
        yield f"recheck after {name}", ends + later, everything, lookups
    yield "monthly recheck, each", ends + _MONTH, everything, lookups


def _pages(posts: int) -> int:
    return max(math.ceil(posts / _POSTS_A_PAGE), 1)
