"""Coverage as a picture for the terminal: a line a platform, a character a minute. It needs no colour."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from analysis.coverage import NOT_OVER, Minute
from analysis.coverage_certificate import Certificate, PlatformCertificate
from archive.models import PLATFORM_NAMES
from publish.coverage_words import counted, told_session, told_time
from publish.wording import local_moment

_BLOCKS: Mapping[str, str] = {"complete": "█", "partial": "▒", "unknown": "·"}
_LETTERS: Mapping[str, str] = {"complete": "#", "partial": "+", "unknown": "."}
_NAME_WIDTH = 10
_COUNT_WIDTH = 10
_LEAST_CELLS = 10
_STEPS = (5, 10, 15, 30, 60, 120, 180, 360, 720)  # minutes between two marks of the clock
_MARK_WIDTH = 7  # 13:00 and room
_MOST_REASONS = 3


def render_coverage_picture(certificates: Sequence[Certificate], width: int = 80, *, ascii_only: bool = False) -> str:
    """The sessions in the given order, and a legend in words; no line is longer than ``width``, no newline at the end.

    ``ascii_only`` is for outputs that cannot encode block characters. Of a session too long for a line a character
    stands for several minutes, and is complete only where all of them are.
    """
    if not certificates:
        return "No session has begun yet."
    shapes = _LETTERS if ascii_only else _BLOCKS
    cells = max(_LEAST_CELLS, width - _NAME_WIDTH - _COUNT_WIDTH)
    parts = ["\n".join(_draw(certificate, cells, width, shapes)) for certificate in certificates]
    return "\n\n".join([*parts, "\n".join(_legend(width, shapes))])


def _legend(width: int, shapes: Mapping[str, str]) -> list[str]:
    shown = "   ".join(f"{shape} {state}" for state, shape in shapes.items())
    words = f"{shown}   (blank) not over yet. At the end of a line: minutes complete, of all."
    return textwrap.wrap(words, width)


def _draw(certificate: Certificate, cells: int, width: int, shapes: Mapping[str, str]) -> Iterator[str]:
    yield from textwrap.wrap(told_session(certificate), width)
    total = len(certificate.platforms[0].minutes)
    if not total:
        yield "No minute of it holds a post."
        return
    each = -(-total // cells)
    if each > 1:
        yield f"One character is {each} minutes."
    yield (" " * _NAME_WIDTH + _mark(certificate, each, cells)).rstrip()[:width]
    for one in certificate.platforms:
        line = "".join(_shape(one.minutes[at : at + each], shapes) for at in range(0, total, each))
        yield f"{PLATFORM_NAMES[one.platform]:{_NAME_WIDTH}}{line}  {one.count('complete')}/{total}"
    for one in certificate.platforms:
        yield from _reasons(certificate, one, width)


def _shape(minutes: Sequence[Minute], shapes: Mapping[str, str]) -> str:
    states = {minute.state for minute in minutes if minute.why != NOT_OVER}
    if not states:
        return " "
    return shapes[states.pop()] if len(states) == 1 else shapes["partial"]


def _mark(certificate: Certificate, each: int, cells: int) -> str:
    """The clock above the line, on the chat's own time."""
    minutes = certificate.platforms[0].minutes
    locals_ = [local_moment(minute.minute, certificate.chat.timezone) for minute in minutes]
    step = next((step for step in _STEPS if step // each >= _MARK_WIDTH), _STEPS[-1])
    marks = ""
    for at in range(0, len(minutes), each):
        place = at // each
        on_mark = [local for local in locals_[at : at + each] if local and (local.hour * 60 + local.minute) % step == 0]
        if (on_mark or not at) and place >= len(marks) + bool(marks) and place + 5 <= cells + _COUNT_WIDTH:
            first = on_mark[0] if on_mark else locals_[at]
            marks = marks.ljust(place) + (f"{first:%H:%M}" if first else "")
    return marks


def _reasons(certificate: Certificate, one: PlatformCertificate, width: int) -> Iterator[str]:
    """Why minutes are not complete, the longest spans first."""
    spans = [span for span in one.spans if span.state != "complete" and span.why != NOT_OVER]
    name = PLATFORM_NAMES[one.platform]
    for span in sorted(spans, key=lambda span: -span.minutes_count)[:_MOST_REASONS]:
        when = f"{told_time(span.starts_at, certificate)} to {told_time(span.ends_at, certificate)}"
        yield from textwrap.wrap(f"{name} {when} {span.state}: {span.why}", width, subsequent_indent="  ")
    if len(spans) > _MOST_REASONS:
        yield f"{name}: {counted(len(spans) - _MOST_REASONS, 'more time')} not complete; the export names them all"
