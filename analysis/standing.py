"""Widens a span until it can be read alone: with the sentence that it leans on, or that its colon leads to."""

from __future__ import annotations

import re
from collections.abc import Sequence

from analysis.chitchat import find_small_talk
from analysis.patterns import straighten
from analysis.sentences import Piece

_SHORT = 4  # words: such a piece says too little to stand without what "it" is
_ENOUGH = 6  # words that a short piece grows to
_LONGEST = 420  # characters: a tip is no essay
_STEPS = 3
_POLITE = 0.8  # small talk that is surely so

_CONNECTS = re.compile(r"^\W*(?:and|but|or|so|then|also|otherwise|plus|which|because|instead)\b", re.IGNORECASE)
_LEANS = re.compile(
    r"^\W*(?:(?:and|but|so|then|also|just|please|always|never)\s+)*(?:"
    r"(?:it|it's|its|that|that's|they|they're|them|these|those|he|she|ours|theirs|mine|both|neither|the rest)\b"
    r"|(?:for|in|with|without|after|before|until|by|on|of) (?:it|them|that|this|those|these|the rest|the others|then)\b"
    r"|never (?:on|in|with|at|from|to|about)\b"
    r"|if (?:so|not)\b"
    r"|[\w'-]+ (?:[\w'-]+ )?(?:it|them|both|these|those|him|her)\b"
    r"|(?:[\w'-]+ ){0,2}[\w'-]+:$"
    r"|[^,;:.]{1,40}\b(?:is|was|are|were) the (?:same|opposite|reverse)\b)",
    re.IGNORECASE,
)
# "It helps to …", "It's about …", "that you", "it is worth …": a pronoun that stands for nothing before it.
_EMPTY = re.compile(
    r"^\W*(?:and |but |so )*(?:it (?:also |really |often |always )*(?:helps?|pays|takes|costs|works best)\b"
    r"|it(?:'s| is) (?:\w+ ){0,3}(?:to|that|how|all about|about|better|worth)\b|those (?:who|that|of)\b|make it\b|"
    r"that (?:\w+ ){1,3}(?:is|are|was)\b|keep it\b|(?:they|he|she) who\b)",
    re.IGNORECASE,
)


def leans(text: str) -> bool:
    """Whether a sentence needs the one before it: "Print it", "Never on the resident", "They fell by half"."""
    straight = straighten(text)
    return bool(_LEANS.match(straight)) and not _EMPTY.match(straight)


def connects(text: str) -> bool:
    """Whether a sentence goes on from the one before by its first word: "And say that …"."""
    return bool(_CONNECTS.match(text))


def widen(pieces: Sequence[Piece], first: int, last: int, *, joins: bool = True) -> tuple[int, int]:
    """The first and last piece of the span that can be read alone, or as nearly so as the post allows.

    ``joins`` says whether a bare "And …" may take in the sentence before it.
    """
    if pieces[first].item:
        return first, last
    for _ in range(_STEPS):
        text = pieces[first].text
        needed = leans(text) or (joins and connects(text))
        if not needed or first == 0 or not _can_take(pieces, first - 1, last):
            break
        first -= 1
    while last + 1 < len(pieces) and not pieces[last + 1].item and not _is_too_long(pieces, first, last + 1):
        words = len(" ".join(piece.text for piece in pieces[first : last + 1]).split())
        begs = leans(pieces[first].text) and words < _ENOUGH
        if not begs and not pieces[last].text.endswith(":"):
            break
        last += 1
    return first, last


def is_fragment(text: str) -> bool:
    """Whether a text is too little to be read alone."""
    return len(text.split()) <= _SHORT and leans(text)


def _can_take(pieces: Sequence[Piece], first: int, last: int) -> bool:
    """Whether the sentence before belongs to what follows: no greeting, no item of a list."""
    before = pieces[first]
    small = find_small_talk(before.text)
    polite = bool(small) and small[0].weight >= _POLITE
    return not before.item and not polite and not _is_too_long(pieces, first, last)


def _is_too_long(pieces: Sequence[Piece], first: int, last: int) -> bool:
    return pieces[last].end - pieces[first].start > _LONGEST
