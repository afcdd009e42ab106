"""Tells at a glance which of many patterns can match a text: by four letters that each of their matches must hold.

Most patterns match few sentences, and to try each on every sentence was most of the analysis's time. What a pattern
needs is read off its own parse tree, so that a pattern and its filter cannot drift apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from re import _constants as code  # type: ignore[attr-defined]  # the only way to a pattern's own parse tree
from re import _parser as parser  # type: ignore[attr-defined]  # the same
from typing import Any

_LENGTHS = (4, 3)  # letters of a gram: the longer the rarer
_REPEATS = (code.MAX_REPEAT, code.MIN_REPEAT, code.POSSESSIVE_REPEAT)


class Prefilter:
    """Candidates among some patterns by their numbers."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._always = 0
        self._grams: dict[str, int] = {}
        for number, pattern in enumerate(patterns):
            needed = find_needed(pattern)
            if needed is None:
                self._always |= 1 << number
            for gram in needed or ():
                self._grams[gram] = self._grams.get(gram, 0) | 1 << number

    def find_candidates(self, text: str) -> list[int]:
        """The numbers of the patterns that may match the text, in rising order."""
        folded, found, grams = text.casefold(), self._always, self._grams
        for length in _LENGTHS:
            for at in range(len(folded) - length + 1):
                gram = folded[at : at + length]
                if gram in grams:
                    found |= grams[gram]
        return [at for at in range(found.bit_length()) if found >> at & 1]


def find_needed(pattern: str) -> frozenset[str] | None:
    """Short texts of which every match of the pattern holds one, or None where there are none."""
    runs = _find_runs(parser.parse(pattern, re.IGNORECASE))
    if runs is None:
        return None
    grams = {_shorten(run) for run in runs}
    return frozenset(grams)


def _find_runs(tree: Iterable[tuple[Any, Any]]) -> frozenset[str] | None:
    """The best texts of which each match holds one: the longest run of plain letters in a row, or of each branch."""
    best: frozenset[str] | None = None
    run = ""
    for operation, detail in [*tree, (None, None)]:
        if operation is code.LITERAL:
            run += chr(detail).casefold()
            continue
        best, run = _better(best, frozenset((run,)) if run else None), ""
        best = _better(best, _find_inner(operation, detail))
    return best if best and min(map(len, best)) >= min(_LENGTHS) else None


def _find_inner(operation: Any, detail: Any) -> frozenset[str] | None:
    if operation is code.SUBPATTERN:
        return _find_runs(detail[-1])
    if operation in _REPEATS and detail[0] >= 1:
        return _find_runs(detail[-1])
    if operation is code.BRANCH:
        branches = [_find_runs(branch) for branch in detail[1]]
        return None if None in branches else frozenset().union(*(branch for branch in branches if branch))
    return None


def _better(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    """The choice that lets fewer texts through: the longer its shortest text, and the fewer they are."""
    if not one or not other:
        return one or other
    return max(one, other, key=lambda texts: (min(len(text) for text in texts), -len(texts)))


def _shorten(run: str) -> str:
    """The part of a text that is looked for."""
    length = next(length for length in _LENGTHS if len(run) >= length)
    return min((run[at : at + length] for at in range(len(run) - length + 1)), key=_commonness)


def _commonness(gram: str) -> tuple[int, str]:
    """The fewer of a gram's characters are among the commonest, the rarer it is taken to be."""
    return sum(char in " etaoinshr" for char in gram), gram
