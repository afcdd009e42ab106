"""What finds a tip again after a rebuild: its post, the exact words that it stood for, and what stood around them."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archive.models import TipKind

CONTEXT = 30
"""Characters of the text that are kept before and after a quotation."""
_ENOUGH = 0.5  # share of the words that an edited sentence has in common with what it was
_LEAST_SHARED = 2
_APOSTROPHE = r"(?:['’]|&#39;|&apos;|&rsquo;)"
_WORD = re.compile(rf"&(?:amp|lt|gt|quot|nbsp);|([^\W_]+(?:{_APOSTROPHE}[^\W_]+)*)")
_OPENING, _CLOSING = "\"“‘'([", ".!?…\"”’')]"


@dataclass(frozen=True, slots=True)
class ShownTip:
    """A tip as a person saw it. ``start`` and ``end`` in its post's original text; ``parts`` of a thread likewise."""

    id: str
    session: str
    post: str
    kind: TipKind
    start: int
    end: int
    text: str
    score: float = 0.5
    parts: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Words of a post with what stood before and after them. ``start`` is where they stood then."""

    quotation: str
    before: str = ""
    after: str = ""
    start: int = 0


def build_anchor(tip: ShownTip, texts: Mapping[str, str], span: tuple[int, int] | None = None) -> dict[str, Any]:
    """The anchor of a decision on this tip, as JSON. ``texts`` holds the original texts by post.

    ``span`` is what a person chose instead of the tip's own span; it is anchored beside it, as ``chosen``.
    """
    anchor = {
        "post": tip.post,
        "session": tip.session,
        "kind": tip.kind,
        "text": tip.text,
        "score": tip.score,
        **_build_place(texts.get(tip.post, ""), tip.start, tip.end),
        "parts": [
            {"post": post, **_build_place(texts[post], start, end)} for post, start, end in tip.parts if post in texts
        ],
    }
    if span is not None:
        anchor["chosen"] = _build_place(texts.get(tip.post, ""), *span)
    return anchor


def _build_place(text: str, start: int, end: int) -> dict[str, Any]:
    return {
        "quotation": text[start:end],
        "before": text[max(0, start - CONTEXT) : start],
        "after": text[end : end + CONTEXT],
        "start": start,
    }


def find_place(place: Place, text: str) -> tuple[int, int] | None:
    """Where the words stand in the present text: exactly, else apart from case, spaces, punctuation and entities.

    Of several places the one in the most alike context, then the one nearest to where they stood.
    """
    if not place.quotation.strip():
        return None
    spans = list(_find_exactly(place, text)) or list(_find_words(place, text))
    return max(spans, key=lambda span: _rank(place, text, span), default=None)


def share_words(one: str, other: str) -> float:
    """How much of two wordings is the same, in 0..1: 1 where they have the same words, 0 where too few."""
    first, second = (Counter(word for word, _, _ in _read_words(text)) for text in (one, other))
    shared = (first & second).total()
    if shared < min(_LEAST_SHARED, first.total(), second.total()) or not shared:
        return 0.0
    share = 2 * shared / (first.total() + second.total())
    return share if share >= _ENOUGH else 0.0


def _find_exactly(place: Place, text: str) -> Iterator[tuple[int, int]]:
    words, at = place.quotation, text.find(place.quotation)
    while at >= 0:
        end = at + len(words)
        if not (_cuts(text, at, place.before[-1:]) or _cuts(text, end, place.after[:1])):
            yield at, end
        at = text.find(words, at + 1)


def _cuts(text: str, at: int, beside: str) -> bool:
    """Whether a word of the text would be cut in two here, though none was cut then."""
    return not beside.isalnum() and text[max(0, at - 1) : at].isalnum() and text[at : at + 1].isalnum()


def _find_words(place: Place, text: str) -> Iterator[tuple[int, int]]:
    wanted = [word for word, _, _ in _read_words(place.quotation)]
    words = _read_words(text)
    if not wanted:
        return
    for at in range(len(words) - len(wanted) + 1):
        found = words[at : at + len(wanted)]
        if [word for word, _, _ in found] == wanted:
            yield _take_in_marks(place.quotation, text, found[0][1], found[-1][2])


def _take_in_marks(quotation: str, text: str, start: int, end: int) -> tuple[int, int]:
    """The span with the full stop, or the quotation marks, where the quotation had such too."""
    while quotation[:1] in _OPENING and start > 0 and text[start - 1] in _OPENING:
        start -= 1
    while quotation[-1:] in _CLOSING and end < len(text) and text[end] in _CLOSING:
        end += 1
    return start, end


def _read_words(text: str) -> Sequence[tuple[str, int, int]]:
    """The words in their plainest form, with where they stand."""
    return [
        (unicodedata.normalize("NFKC", re.sub(_APOSTROPHE, "'", found[1])).casefold(), found.start(), found.end())
        for found in _WORD.finditer(text)
        if found[1]
    ]


def _rank(place: Place, text: str, span: tuple[int, int]) -> tuple[int, int, int]:
    start, end = span
    alike = _count_alike(place.before[::-1], text[:start][::-1]) + _count_alike(place.after, text[end:])
    return alike, -abs(start - place.start), -start


def _count_alike(one: str, other: str) -> int:
    """How many characters the two have in common at their beginning."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
