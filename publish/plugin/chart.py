"""The picture of a session: posts by minute and platform, with the questions marked, as numbers for an SVG.

Widths are percentages and heights pixels, so that the picture fits any screen and its letters keep their size.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from archive.models import PLATFORM_NAMES

HEIGHT = 150
_MOST_BARS = 120
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 360, 720, 1440, 10080, 43200)  # minutes
_TICKS = 7  # at most
_TICK_STEPS = (*_STEPS[:7], 120, 180, 360, 720, 1440, 2880, 7200, 10080, 20160, 43200)
_DAY = 1440


@dataclass(frozen=True, slots=True)
class Piece:
    """One platform's share of a bar."""

    platform: str
    y: float
    height: float
    count: int


@dataclass(slots=True)
class Bar:
    """One stretch of time; ``x`` and ``width`` in percent."""

    label: str
    x: float
    width: float
    total: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    pieces: list[Piece] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Mark:
    """A question, or a time on the axis; ``x`` in percent."""

    label: str
    x: float


@dataclass(frozen=True, slots=True)
class Chart:
    """All that the picture shows. ``step`` is how many minutes a bar stands for."""

    bars: Sequence[Bar]
    platforms: Sequence[str]
    questions: Sequence[Mark]
    ticks: Sequence[Mark]
    highest: int
    step: int


def build_chart(
    counts: Iterable[tuple[str, str, int]], questions: Iterable[tuple[str, str]], start: str, end: str
) -> Chart | None:
    """The chart from (minute, platform, posts) and (label, minute), all in local time; None where nothing was posted.

    Minutes look like ``2025-10-09 13:04``; ``end`` is exclusive unless something was posted in it.
    """
    read = [(moment, platform, count) for text, platform, count in counts if (moment := _moment(text))]
    first, last = _moment(start), _moment(end)
    if not read or first is None or last is None:
        return None
    last = max(last, max(moment for moment, _, _ in read) + timedelta(minutes=1), first + timedelta(minutes=1))
    span = (last - first).total_seconds() / 60
    step = next((step for step in _STEPS if span / step <= _MOST_BARS), _STEPS[-1])
    bars = _empty_bars(first, span, step)
    for moment, platform, count in read:
        place = int((moment - first).total_seconds() // 60 // step)
        if 0 <= place < len(bars):
            bars[place].counts[platform] = bars[place].counts.get(platform, 0) + count
            bars[place].total += count
    present = {platform for bar in bars for platform in bar.counts}
    platforms = [name for name in PLATFORM_NAMES.values() if name in present]
    platforms += sorted(present - set(platforms))
    highest = max(bar.total for bar in bars) or 1
    for bar in bars:
        bar.pieces = _stack(bar, platforms, highest)
    marks = [
        Mark(label, round((moment - first).total_seconds() / 60 / span * 100, 2))
        for label, text in questions
        if (moment := _moment(text)) and first <= moment <= last
    ]
    return Chart(bars, platforms, marks, _ticks(first, span), highest, step)


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text[:16])
    except ValueError:
        return None


def _empty_bars(first: datetime, span: float, step: int) -> list[Bar]:
    width = step / span * 100
    count = max(1, int(-(-span // step)))
    return [
        Bar(_label(first + timedelta(minutes=place * step), step), round(place * width, 3), round(width * 0.86, 3))
        for place in range(count)
    ]


def _label(moment: datetime, step: int) -> str:
    return f"{moment.day} {moment:%b %Y}" if step >= _DAY else f"{moment:%H:%M}"


def _stack(bar: Bar, platforms: Sequence[str], highest: int) -> list[Piece]:
    pieces, y = [], float(HEIGHT)
    for platform in platforms:
        count = bar.counts.get(platform, 0)
        if count:
            height = count / highest * HEIGHT
            y -= height
            pieces.append(Piece(platform, round(y, 2), round(height, 2), count))
    return pieces


def _ticks(first: datetime, span: float) -> list[Mark]:
    """Round times along the axis: whole five minutes of an hour, whole hours of a day, whole days."""
    step = next((step for step in _TICK_STEPS if span / step < _TICKS), _TICK_STEPS[-1])
    while span / step >= _TICKS:
        step *= 2
    midnight = first.replace(hour=0, minute=0)
    since = (first - midnight).total_seconds() / 60
    offset = -(-since // step) * step - since
    marks = []
    while offset <= span:
        marks.append(Mark(_tick_label(first + timedelta(minutes=offset), step, span), round(offset / span * 100, 2)))
        offset += step
    return marks


def _tick_label(moment: datetime, step: int, span: float) -> str:
    day = f"{moment.day} {moment:%b} " if span > _DAY else ""
    return _label(moment, step) if step >= _DAY else f"{day}{moment:%H:%M}"
