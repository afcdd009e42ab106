"""Whether two like texts can say the same: not where one denies what the other says, or names other numbers."""

from __future__ import annotations

import re
from functools import cache

from analysis.patterns import load_word_names, load_words, straighten

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|\d+(?:[.:,]\d+)*")
_SHORT = 8  # words: of so few, one other word is another tip
_CONTENT = 4  # letters of a word that carries meaning
_SAME_BEGINNING = 4  # letters by which forms of one word are told: caption, captions


def may_repeat(one: str, other: str) -> bool:
    """Whether either may say the other again; ``one`` and ``other`` are alike already."""
    mine, theirs = _read(one), _read(other)
    shorter = min((one, other), key=len)
    if shorter.rstrip().endswith(("…", "...")) and set(_read(shorter)[:-1]) <= set(mine) & set(theirs):
        return True  # cut short, and all that is left is there
    only_mine, only_theirs = set(mine) - set(theirs), set(theirs) - set(mine)
    if _count_denials(mine) != _count_denials(theirs):
        return False
    if {word for word in only_mine if word[0].isdigit()} and {word for word in only_theirs if word[0].isdigit()}:
        return False
    if any(_are_opposite(a, b) for a in only_mine for b in only_theirs) or _list_poles(mine) != _list_poles(theirs):
        return False
    return len(mine) > _SHORT or len(theirs) > _SHORT or not _names_another(only_mine, only_theirs)


def _read(text: str) -> list[str]:
    return _WORD.findall(straighten(text).casefold())


def _count_denials(words: list[str]) -> int:
    denials = load_words("denials")
    return sum(word in denials or word.endswith("n't") for word in words)


def _are_opposite(one: str, other: str) -> bool:
    return any({one, other} <= pair and one != other for pair in _load_pairs())


def _list_poles(words: list[str]) -> list[str]:
    """The words with an opposite that both stand in the text, in their order: "posts up, complaints down"."""
    there = set(words)
    poles = {word for pair in _load_pairs() if pair <= there for word in pair}
    return [word for word in words if word in poles]


def _names_another(mine: set[str], theirs: set[str]) -> bool:
    """Whether each of two short texts has a word of meaning that the other has in no form."""

    def has_own(own: set[str], others: set[str]) -> bool:
        beginnings = {word[:_SAME_BEGINNING] for word in others}
        return any(_means_something(word) and word[:_SAME_BEGINNING] not in beginnings for word in own)

    return has_own(mine, theirs) and has_own(theirs, mine)


def _means_something(word: str) -> bool:
    small = word in load_words("small_words.en") or word in load_words("denials") or word.endswith("n't")
    return len(word) >= _CONTENT and not small and word not in {"each", "every", "will"}


@cache
def _load_pairs() -> list[frozenset[str]]:
    return [load_words(f"opposites.{name}") for name in load_word_names("opposites")]
