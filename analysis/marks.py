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
# After the number: the end, no letter or digit, or a capital of the answer glued on ("A3I have found").
_AFTER = r"(?=$|\W|[A-Z][a-z' ])"
_ORDINALS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_LONG = r"(?:(?:in\s+)?(?:answer|reply|response)\s+to|re|for)\s+q(?:uestion)?|question|answer|topic|ans"
# Stars, emoji and brackets round a mark are decoration: "🌟 Q1 🌟".
_DECORATION = r"(?:[^\w\s@#&$£€\"“'‘]{1,6}\s?)?[\[(#*]{0,3}"
_MARK = re.compile(
    _DECORATION + rf"(?:(?P<long>{_LONG})\s?[.#:\-]?\s?|(?P<short>[qat])(?:[.#\-]\s?)?)" + _NUMBER + _AFTER,
    re.IGNORECASE,
)
# "A 1:" with a space is a mark only before punctuation: "a 5 minute film" is not.
_SPACED = re.compile(_DECORATION + r"(?P<short>[qat])\s" + _NUMBER + r"(?=\s?[:.)\]\-–—])", re.IGNORECASE)
_SPELT = re.compile(
    _DECORATION + r"(?P<long>question|q|answer)\s(?P<number>" + "|".join(_ORDINALS) + r")\b(?P<part>)(?P<spaced>)",
    re.IGNORECASE,
)
_MORE = re.compile(
    r"\s?(?:&|and|/|,|\+)\s?[#]*[qa]?\.?(?P<number>\d{1,2}|(?=[a-e]\b))(?P<part>[a-e](?![a-z]))?"
    r"(?=$|[\s:.)\]\-–—,;/&+])",
    re.IGNORECASE,
)
_TAIL = re.compile(r"[^\w\s@#&$£€\"“'‘]{0,6}\s?[:.)\]\-–—;,>|*]{0,4}\s*")
_INSIDE = re.compile(r"(?:(?<=[.!?]\s)|(?<=\n)|(?<=\s\|\s))(?P<short>A)" + _NUMBER + r"(?=\s?[:.,)\-–—])")
# "Here comes question 2: how …", "Ready? Q1: what …": a host leads in to the question.
_LED_IN = re.compile(
    r"(?<!\w)(?:question\s|q\.?\s?)(?P<number>\d{1,2}|" + "|".join(_ORDINALS) + r")(?P<part>[a-e])?"
    r"(?=\s?[:.)\-–—]|\s(?-i:[A-Z]))",
    re.IGNORECASE,
)
_LEAD_LENGTH = 120
# Shift held a moment too long: "A!" is "A1".
_SLIPS = {"!": "1"} | {word: str(number) for number, word in enumerate(_ORDINALS, 1)}
_MOST = 30  # no hour has more questions; "A55 closed" is a road


def parse_marks(text: str, at: int = 0) -> tuple[list[Mark], int]:
    """The marks that open ``text`` at ``at``, and where the words begin after them."""
    found = _MARK.match(text, at) or _SPACED.match(text, at) or _SPELT.match(text, at)
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


def parse_led_in_mark(text: str) -> list[Mark]:
    """The question mark that a lead-in comes before: "Ready? Q1: what …"; an empty list where there is none."""
    found = _LED_IN.search(text, 0, _LEAD_LENGTH)
    if found is None or not 0 < _read_number(found["number"]) <= _MOST:
        return []
    return [Mark("question", _read_number(found["number"]), (found["part"] or "").lower(), found.start(), found.end())]


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
    return int(_SLIPS.get(text.lower(), text))


def _read_role(found: re.Match[str]) -> Role:
    groups = found.groupdict()
    word = (groups.get("long") or groups["short"]).lower()
    return "question" if word in {"q", "t", "question", "topic"} else "answer"
