"""Question marks of a chat, "Q1", "A.1:", "#Q2", "Question 3", "A1 & A2", read from a text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Role = Literal["question", "answer"]


@dataclass(frozen=True, slots=True)
class Mark:
    """``number`` and ``part`` ("a" of Q1a, else ""), and where in the text the mark stands."""

    role: Role
    number: int
    part: str
    start: int
    end: int


_NUMBER = r"(?P<number>\d{1,2}|!)[\ufe0f\u20e3]*(?:(?P<part>[a-eA-E](?![A-Za-z0-9]))|\s(?P<spaced>[a-e])(?=[).:]))?"
# After the number: the end, a space, punctuation, or a capital of the answer glued on ("A3I have found").
_AFTER = r"(?=$|[\s:.)\]\-–—,;/&+>|]|[A-Z][a-z' ])"
_MARK = re.compile(
    r"[\[(#]*(?:(?P<long>(?:(?:in\s+)?(?:answer|reply|response)\s+to|re|for)\s+q(?:uestion)?|question|answer|topic|ans)\s?[.#:\-]?\s?"
    r"|(?P<short>[qat])(?:[.#\-]\s?)?)" + _NUMBER + _AFTER,
    re.IGNORECASE,
)
# "A 1:" with a space is a mark only before punctuation: "a 5 minute film" is not.
_SPACED = re.compile(r"[\[(#]*(?P<short>[qat])\s" + _NUMBER + r"(?=\s?[:.)\]\-–—])", re.IGNORECASE)
_MORE = re.compile(
    r"\s?(?:&|and|/|,|\+)\s?[#]*[qa]?\.?(?P<number>\d{1,2}|(?=[a-e]\b))(?P<part>[a-e](?![a-z]))?(?=$|[\s:.)\]\-–—,;/&+])",
    re.IGNORECASE,
)
_TAIL = re.compile(r"[\])]*\s?[:.)\]\-–—;,>|]*\s*")
_INSIDE = re.compile(r"(?:(?<=[.!?]\s)|(?<=\n)|(?<=\s\|\s))(?P<short>A)" + _NUMBER + r"(?=\s?[:.)\-–—])")
# Shift held a moment too long: "A!" is "A1".
_SLIPS = {"!": "1"}
_MOST = 30  # no hour has more questions; "A55 closed" is a road


def parse_marks(text: str, at: int = 0) -> tuple[list[Mark], int]:
    """The marks that open ``text`` at ``at``, and where the words begin after them."""
    found = _MARK.match(text, at) or _SPACED.match(text, at)
    if found is None or not 0 < _read_number(found["number"]) <= _MOST:
        return [], at
    role = _read_role(found)
    number = _read_number(found["number"])
    marks = [Mark(role, number, (found["part"] or found["spaced"] or "").lower(), found.start(), found.end())]
    end = found.end()
    while more := _MORE.match(text, end):
        number = _read_number(more["number"]) if more["number"] else number
        marks.append(Mark(role, number, (more["part"] or "").lower(), more.start(), more.end()))
        end = more.end()
    return marks, _find_tail(text, end)


def parse_inner_marks(text: str, at: int) -> list[Mark]:
    """Answer marks that open a later sentence or line: one post answering two questions."""
    found = [
        Mark("answer", _read_number(m["number"]), (m["part"] or "").lower(), m.start(), _find_tail(text, m.end()))
        for m in _INSIDE.finditer(text, at)
    ]
    return [mark for mark in found if 0 < mark.number <= _MOST]


def _find_tail(text: str, at: int) -> int:
    """Where the words begin after a mark's own punctuation."""
    tail = _TAIL.match(text, at)
    return tail.end() if tail else at


def _read_number(text: str) -> int:
    return int(_SLIPS.get(text, text))


def _read_role(found: re.Match[str]) -> Role:
    groups = found.groupdict()
    word = (groups.get("long") or groups["short"]).lower()
    return "question" if word in {"q", "t", "question", "topic"} else "answer"
