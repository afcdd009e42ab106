"""Tells at a glance which of many patterns can match a text: by what their matches begin with, and what they must hold.

Most patterns match few sentences, and to try each on every sentence was most of the analysis's time. What a pattern
needs is read off its own parse tree, so that a pattern and its filter cannot drift apart. Each word of a text says once
and for all which needs it meets; a text meets what its words do.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from re import _constants as code  # type: ignore[attr-defined]  # the only way to a pattern's own parse tree
from re import _parser as parser  # type: ignore[attr-defined]  # the same
from typing import Any

_LONGEST = 4  # letters that are looked for: the longer the rarer
_MOST_HELD = 3  # needs of one pattern that are looked for, besides what it begins with
_MOST_TEXTS = 32  # alternatives of one need; more say too little
_KNOWN_WORDS, _KNOWN_TEXTS = 65_536, 1_024  # several sets of rules are tried on a text one after the other
_REPEATS = (code.MAX_REPEAT, code.MIN_REPEAT, code.POSSESSIVE_REPEAT)
_NO_WIDTH = (code.AT, code.ASSERT, code.ASSERT_NOT)
_BEGINNINGS = (code.AT_BEGINNING, code.AT_BEGINNING_STRING)
_WORD_STARTS = re.compile(r"(?<!\w)\S")

Texts = frozenset[str]
"""Short texts in lower case, of which one is needed; a space stands for whatever separates words."""
_ANYTHING: Texts = frozenset(("",))


class Prefilter:
    """Candidates among some patterns by their numbers."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._count = len(patterns)
        self._opening: dict[str, int] = {}
        self._held: dict[str, int] = {}
        self._always = 0
        for number, pattern in enumerate(patterns):
            tree = parser.parse(pattern, re.IGNORECASE)
            self._add(self._opening, find_openings(tree), 1 << number)
            held = find_held(tree)
            for place in range(_MOST_HELD):
                texts = held[place] if place < len(held) else None
                self._add(self._held, texts, 1 << (place + 1) * self._count + number)
        self._read_word = lru_cache(maxsize=_KNOWN_WORDS)(self._find_met)
        self._read = lru_cache(maxsize=_KNOWN_TEXTS)(self._find_all)

    def find_candidates(self, text: str, first: int = 0, count: int | None = None) -> list[int]:
        """The numbers of the patterns that may match the text, in rising order.

        Of ``count`` patterns from ``first`` on, where these alone are asked for; they are then counted from there.
        """
        return _list_bits(self._read(text) >> first & (1 << (self._count if count is None else count)) - 1)

    def _find_all(self, text: str) -> int:
        """The patterns that may match, a bit each."""
        met, read_word = self._always, self._read_word
        for word in _fold(text).split():
            met |= read_word(word)
        found = met
        for place in range(1, _MOST_HELD + 1):
            found &= met >> place * self._count
        return found

    def _add(self, needs: dict[str, int], texts: Collection[str] | None, bit: int) -> None:
        """Notes a need; what a pattern does not need, every text meets."""
        if texts is None:
            self._always |= bit
        for text in texts or ():
            needs[text] = needs.get(text, 0) | bit

    def _find_met(self, word: str) -> int:
        """The needs that a word meets, a bit each."""
        met, padded = 0, f" {word} "
        starts = {start.start() + 1 for start in _WORD_STARTS.finditer(word)}
        for length in range(1, _LONGEST + 1):
            for at in range(len(padded) - length + 1):
                part = padded[at : at + length]
                met |= self._held.get(part, 0)
                if at in starts:
                    met |= self._opening.get(part, 0)
        return met


def is_anchored(pattern: str) -> bool:
    """Whether a pattern matches at the beginning of a text or not at all."""
    return _is_anchored(parser.parse(pattern, re.IGNORECASE))


def _is_anchored(tree: Iterable[tuple[Any, Any]]) -> bool:
    for operation, detail in tree:
        if operation is code.AT and detail in _BEGINNINGS:
            return True
        if operation is code.SUBPATTERN:
            return _is_anchored(detail[-1])
        if operation is code.BRANCH:
            return all(_is_anchored(branch) for branch in detail[1])
        if operation not in _NO_WIDTH:
            return False
    return False


def find_openings(tree: Sequence[tuple[Any, Any]]) -> Texts | None:
    """What a match begins with, for a pattern that matches only where a word begins; None where that is anything."""
    if not tree or not _stands_before_word(*tree[0]):
        return None
    ended, going = _find_beginnings(tree)
    found = {text[: text.find(" ") + 1] or text for text in ended | going}
    return None if "" in found or " " in found else frozenset(found)


def _stands_before_word(operation: Any, detail: Any) -> bool:
    """Whether this tells that no word runs on to what follows."""
    if operation is not code.ASSERT_NOT or detail[0] != -1:
        return False
    return list(detail[1]) == [(code.IN, [(code.CATEGORY, code.CATEGORY_WORD)])]


def _find_beginnings(tree: Iterable[tuple[Any, Any]]) -> tuple[set[str], set[str]]:
    """The beginnings of what a part of a pattern matches: those that are all we can tell, and those that may go on."""
    ended: set[str] = set()
    going = {""}
    for operation, detail in tree:
        own = _find_own_beginnings(operation, detail)
        if own is None:
            return ended | going, set()
        ended |= {(text + more)[:_LONGEST] for text in going for more in own[0]}
        longer = {text + more for text in going for more in own[1]}
        ended |= {text[:_LONGEST] for text in longer if len(text) >= _LONGEST}
        going = {text for text in longer if len(text) < _LONGEST}
    return ended, going


def _find_own_beginnings(operation: Any, detail: Any) -> tuple[set[str], set[str]] | None:
    texts = _find_texts(operation, detail)
    if texts is not None:
        return set(), set(texts)
    if operation is code.SUBPATTERN:
        return _find_beginnings(detail[-1])
    if operation is code.BRANCH:
        found = [_find_beginnings(branch) for branch in detail[1]]
        return set().union(*(ended for ended, _ in found)), set().union(*(going for _, going in found))
    if operation in _REPEATS:
        least, most, inner = detail
        ended, going = _find_beginnings(inner)
        none = {""} if least == 0 else set()
        return (ended, going | none) if most == 1 else (ended | going, none)
    return None


def find_held(tree: Iterable[tuple[Any, Any]]) -> tuple[Texts, ...]:
    """What every match of a pattern holds: of each of these one. The most telling come first."""
    found = _find_needs(tree)[1]
    needs = {frozenset(map(_shorten, need)) for need in found}
    needs |= {parts for need in found if all(parts := frozenset(map(_find_last_part, need)))}
    return tuple(sorted(needs, key=lambda need: (_tell(need), sorted(need)), reverse=True)[:_MOST_HELD])


def _find_needs(tree: Iterable[tuple[Any, Any]]) -> tuple[Texts | None, list[Texts]]:
    """All texts that a part of a pattern can match, where these are few; and what each of its matches holds."""
    needs: list[Texts] = []
    row, is_whole = _ANYTHING, True
    for operation, detail in tree:
        texts, own = _find_own_needs(operation, detail)
        if texts is not None and len(row) * len(texts) <= _MOST_TEXTS:
            row = frozenset(one + other for one in row for other in texts)
            continue
        is_whole = False
        needs += [*_keep(row), *(own if texts is None else ())]
        row = _ANYTHING if texts is None else texts
    needs += _keep(row)
    return (row if is_whole else None), needs


def _find_own_needs(operation: Any, detail: Any) -> tuple[Texts | None, list[Texts]]:
    if operation is code.SUBPATTERN:
        return _find_needs(detail[-1])
    if operation in _REPEATS:
        least, most, inner = detail
        texts, needs = _find_needs(inner)
        if most == 1 and texts is not None:
            return (texts if least else texts | _ANYTHING), []
        return None, needs if least else []
    if operation is code.BRANCH:
        return _find_branch_needs([_find_needs(branch) for branch in detail[1]])
    return _find_texts(operation, detail), []


def _find_branch_needs(branches: Sequence[tuple[Texts | None, list[Texts]]]) -> tuple[Texts | None, list[Texts]]:
    texts = frozenset[str]().union(*(own for own, _ in branches if own is not None))
    if all(own is not None for own, _ in branches) and len(texts) <= _MOST_TEXTS:
        return texts, []
    if not all(needs for _, needs in branches):
        return None, []
    return None, [frozenset[str]().union(*(max(needs, key=_tell) for _, needs in branches))]


def _find_texts(operation: Any, detail: Any) -> Texts | None:
    """All that one step of a pattern can match, where that can be listed."""
    if operation is code.LITERAL:
        return frozenset((_fold_letter(detail),))
    if operation in _NO_WIDTH:
        return _ANYTHING
    if operation is code.IN and all(kind is code.LITERAL for kind, _ in detail):
        return frozenset(_fold_letter(letter) for _, letter in detail)
    return None


def _keep(texts: Texts) -> list[Texts]:
    """The need for one of these texts, where each of them tells enough."""
    parts = map(_shorten, texts)
    return [texts] if all(len(part) > 1 or (part and not part.isalnum()) for part in parts) else []


def _tell(texts: Texts) -> tuple[int, int]:
    """How few texts meet a need: the fewer, the longer its shortest text, and the fewer there are."""
    return min(min(len(text), _LONGEST) for text in texts), -len(texts)


def _shorten(text: str) -> str:
    """The part of a text that is looked for: letters of one word, with the spaces at its ends."""
    spaces = [-1, *(at for at, char in enumerate(text) if char == " "), len(text)]
    words = [text[max(first, 0) : last + 1] for first, last in pairwise(spaces)]
    parts = [
        word[at : at + _LONGEST]
        for word in words
        if word.strip()
        for at in range(max(1, len(word) - _LONGEST + 1))
    ]  # fmt: skip
    return min(parts, key=lambda part: (-len(part), _commonness(part)), default="")


def _find_last_part(text: str) -> str:
    """What is looked for of a text's last word; empty where that is too little."""
    part = _shorten(text[text.rstrip().rfind(" ") :]) if " " in text.strip() else _shorten(text)
    return part if len(part) > 1 else ""


def _commonness(part: str) -> tuple[int, str]:
    """The fewer of its characters are among the commonest, the rarer a part of a word is taken to be."""
    return sum(char in " etaoinshr" for char in part), part


def _fold(text: str) -> str:
    """The text in the one case that patterns are told in; they take the dotted and the dotless i for an i."""
    folded = text.casefold()
    return folded if folded.isascii() else folded.replace("i\u0307", "i").replace("ı", "i")


def _fold_letter(letter: int) -> str:
    char = chr(letter)
    return " " if char.isspace() else _fold(char)


def _list_bits(number: int) -> list[int]:
    """The places of the bits that are set."""
    found = []
    while number:
        lowest = number & -number
        found.append(lowest.bit_length() - 1)
        number ^= lowest
    return found
