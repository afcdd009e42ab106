"""The live board of `chatkeep run` in a terminal: a calm page of what is captured, redrawn at most twice a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Literal

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from archive.local_times import local_hour, local_moment
from archive.times import from_text
from chatkeep.app import printable

_SECONDS_BETWEEN = 0.5
_BAR_CELLS = 20
_NEXT_SHOWN = 5
_PROBLEMS_SHOWN = 5

Mood = Literal["well", "waiting", "silent", "paused"]
_MARKS: dict[Mood, tuple[str, str]] = {  # a shape each: nobody must tell colours apart
    "well": ("●", "green"),
    "waiting": ("○", "yellow"),
    "silent": ("✗", "red"),
    "paused": ("‖", "yellow"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardLane:
    """One platform or server of a session. ``where``: X, Bluesky, or a host.

    ``doing``: what it does or will do, such as "listening" or "asks" (with ``next_at``: "asks in 12 s").
    ``rate``: posts a minute, lately. ``spent`` and ``limit`` are in tenths of a US cent; None: it costs nothing.
    """

    where: str
    posts_count: int = 0
    rate: float | None = None
    last_answer_at: str | None = None
    doing: str | None = None
    next_at: str | None = None
    mood: Mood = "well"
    spent: int | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSession:
    """A session on the board; ``hashtag`` has no #. The lanes of one that is next are not shown."""

    hashtag: str
    starts_at: str
    ends_at: str
    timezone: str = "Europe/London"
    posts_count: int = 0
    lanes: tuple[BoardLane, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardProblem:
    """An open alarm; ``level`` is error or warning."""

    level: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardFacts:
    """All that the board shows at one moment.

    ``doing``: work beside the live sessions, such as a sweep; ``next_at``: when the capture wakes up again.
    """

    now: str
    chats_count: int
    live: tuple[BoardSession, ...] = ()
    coming: tuple[BoardSession, ...] = ()
    problems: tuple[BoardProblem, ...] = ()
    doing: str | None = None
    next_at: str | None = None
    is_stopping: bool = False


def render_board(facts: BoardFacts) -> RenderableType:
    """The whole board; pure. Made for 80 columns; in fewer the names are cut."""
    parts: list[RenderableType] = [_head(facts), Rule(style="dim")]
    parts += [part for problem in facts.problems[:_PROBLEMS_SHOWN] for part in _problem(problem)]
    if (more := len(facts.problems) - _PROBLEMS_SHOWN) > 0:
        parts.append(_text(f"  and {more} more: chatkeep status lists them", "dim"))
    if facts.problems:
        parts.append(Text())
    has_cost = any(lane.spent is not None for session in facts.live for lane in session.lanes)
    for session in facts.live:
        parts += [_session(session, facts.now), _lanes(session, facts.now, has_cost=has_cost), Text()]
    if facts.coming:
        parts += [_coming(facts.coming, facts.now), Text()]
    parts.append(_foot(facts))
    return Group(*parts)


class Board(AbstractContextManager["Board"]):
    """The board on a terminal, for as long as it is entered. show() is for one thread, and cheap to call often."""

    def __init__(self, console: Console, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="ellipsis")
        self._monotonic = monotonic
        self._shown: BoardFacts | None = None
        self._shown_at: float | None = None

    def __enter__(self) -> Board:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, facts: BoardFacts) -> bool:
        """Draws the board, unless it says the same as before or was drawn less than half a second ago."""
        now = self._monotonic()
        if self._shown_at is not None and now - self._shown_at < _SECONDS_BETWEEN and not facts.is_stopping:
            return False
        if self._shown is not None and replace(facts, now=facts.now[:19]) == self._shown:
            return False
        self._shown, self._shown_at = replace(facts, now=facts.now[:19]), now
        self._live.update(render_board(facts), refresh=True)
        return True


def _head(facts: BoardFacts) -> Table:
    watched = f"{facts.chats_count} chat{'' if facts.chats_count == 1 else 's'} watched"
    state = f"{len(facts.live)} live" if facts.live else "none live"
    right = Text("stopping…", "yellow") if facts.is_stopping else Text("Ctrl-C stops", "dim")
    if facts.problems and not facts.is_stopping:
        count = len(facts.problems)
        right = Text(f"{count} problem{'' if count == 1 else 's'}", "bold red" if _has_error(facts) else "bold yellow")
    grid = Table.grid(expand=True)
    grid.add_column()
    grid.add_column(justify="right")
    left = Text.assemble(("Chatkeep", "bold"), (f"  {watched}, {state}", ""))
    grid.add_row(left, right)
    return grid


def _has_error(facts: BoardFacts) -> bool:
    return any(problem.level == "error" for problem in facts.problems)


def _problem(problem: BoardProblem) -> list[RenderableType]:
    mark, style = ("✗", "bold red") if problem.level == "error" else ("!", "bold yellow")
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=1)
    grid.add_column(overflow="fold")
    grid.add_row(Text(mark, style), _text(f"{problem.message.rstrip('.')}."))
    grid.add_row("", _text(f"{problem.remedy.rstrip('.')}.", "dim"))
    return [grid]


def _session(session: BoardSession, now: str) -> Table:
    begun, whole = _seconds(session.starts_at, now), _seconds(session.starts_at, session.ends_at)
    filled = min(_BAR_CELLS, max(0, round(_BAR_CELLS * begun / max(whole, 1))))
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, justify="right", min_width=12)
    title = Text.assemble(
        (printable(f"#{session.hashtag}"), "bold"), f"  live until {local_hour(session.ends_at, session.timezone)}"
    )
    bar = Text.assemble(("━" * filled, "green"), ("─" * (_BAR_CELLS - filled), "bright_black"))
    grid.add_row(title, bar, Text(f"{session.posts_count:,} post{'' if session.posts_count == 1 else 's'}", "bold"))
    return grid


def _lanes(session: BoardSession, now: str, *, has_cost: bool) -> RenderableType:
    # fixed widths: a board whose columns move with every figure is not calm
    table = Table(box=None, pad_edge=False, expand=True, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("", width=1)
    table.add_column("where", no_wrap=True, overflow="ellipsis", ratio=1, min_width=8)
    table.add_column("posts", justify="right", no_wrap=True, width=6)
    table.add_column("/min", justify="right", no_wrap=True, width=5)
    table.add_column("answered", justify="right", no_wrap=True, width=10)
    table.add_column("", width=1)
    table.add_column("next", no_wrap=True, overflow="ellipsis", width=14)
    if has_cost:
        table.add_column("budget", justify="right", no_wrap=True, overflow="ellipsis", width=16)
    for lane in session.lanes:
        mark, style = _MARKS[lane.mood]
        row = [
            Text(mark, style),
            _text(lane.where, "" if lane.mood == "well" else style),
            Text(f"{lane.posts_count:,}"),
            Text("–" if lane.rate is None else f"{lane.rate:.1f}"),
            Text(_ago(lane.last_answer_at, now)),
            Text(),
            _text(_next(lane, session, now)),
        ]
        table.add_row(*row, *([_budget(lane)] if has_cost else []))
    return table


def _coming(sessions: Sequence[BoardSession], now: str) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, overflow="ellipsis", max_width=30)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    for session in sessions[:_NEXT_SHOWN]:
        moment = local_moment(session.starts_at, session.timezone, now)
        grid.add_row(
            _text(f"#{session.hashtag}", "bold"),
            Text(moment),
            Text(f"in {_span(_seconds(now, session.starts_at))}", "dim"),
        )
    if (more := len(sessions) - _NEXT_SHOWN) > 0:
        grid.add_row(Text(f"and {more} more", "dim"), "", "")
    return grid


def _foot(facts: BoardFacts) -> Text:
    if facts.doing:
        return _text(f"Now: {facts.doing}", "dim")
    if facts.next_at is not None and facts.next_at > facts.now:
        return Text(f"Next look in {_span(_seconds(facts.now, facts.next_at))}", "dim")
    return Text("Nothing else to do just now" if facts.live else "Nothing to do just now", "dim")


def _next(lane: BoardLane, session: BoardSession, now: str) -> str:
    if lane.next_at is None or lane.next_at <= now:
        return lane.doing or "–"
    seconds = _seconds(now, lane.next_at)
    when = f"in {_span(seconds)}" if seconds < 120 else f"at {local_hour(lane.next_at, session.timezone)}"
    return f"{lane.doing or 'asks'} {when}"


def _budget(lane: BoardLane) -> Text:
    if lane.spent is None:
        return Text("")
    spent = f"${lane.spent / 1000:.2f}"
    if lane.limit is None:
        return Text(spent)
    whole = f"{lane.limit / 1000:.2f}".removesuffix(".00")
    share = lane.spent / max(lane.limit, 1)
    style = "red" if share >= 1 else "yellow" if share >= 0.8 else ""
    return Text(f"{spent} of ${whole}", style)


def _ago(text: str | None, now: str) -> str:
    if text is None:
        return "never"
    seconds = _seconds(text, now)
    return "now" if seconds < 1 else f"{_span(seconds)} ago"


def _span(seconds: float) -> str:
    """A time as people say it: 12 s, 4 min, 3 h, 2 days."""
    for unit, name, limit in ((1, "s", 120), (60, "min", 7_200), (3_600, "h", 172_800)):
        if seconds < limit:
            return f"{max(0, int(seconds // unit))} {name}"
    return f"{int(seconds // 86_400)} days"


def _seconds(start: str, end: str) -> float:
    return (from_text(end) - from_text(start)).total_seconds()


def _text(words: str, style: str = "") -> Text:
    """Words that may come from elsewhere, in one line of safe characters."""
    return Text(" ".join(printable(words).split()), style)
