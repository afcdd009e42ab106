"""A cleaned text in the pieces that can each hold a tip: sentences, lines, and items of a numbered list."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

# "1) reply fast 2) be human", "- one\n- two", "• one"; at least two of them make a list.
_ITEM = re.compile(
    r"(?:(?<=\s)|(?<=^)|(?<=[:;,.]))(?:\(?[1-9][).]\)?(?=\s?\D)|[1-9]️?⃣|[•▪✅✔👉➡⭐]️?|(?<=\n)[-*–](?=\s))\s*"
)
_END = re.compile(r"(?:[.!?…]+[\"'”’)\]]*(?=\s+\S)|\n+|\s[|•]\s)\s*")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|mr|mrs|ms|dr|st|no|approx|ex|govt|dept|inc|esp|incl)|\b[A-Z])\.$", re.IGNORECASE
)
# A sentence that somebody quotes ends within the sentence that quotes it: 'we say "Get out. Now." and stop'.
_QUOTATION = re.compile(r"“[^”\n]{1,300}”|(?<![\w\"])\"[^\"\n]{1,300}\"(?!\w)")
_GOES_ON = re.compile(r"[a-z;,:)–—]")
_ENOUGH = re.compile(r"[^\W_][\W_]*[^\W_]")  # two letters or digits


@dataclass(frozen=True, slots=True)
class Piece:
    """``text[start:end]`` of the cleaned text; ``item`` is True for an item of a list."""

    text: str
    start: int
    end: int
    item: bool = False


def split_sentences(text: str) -> list[Piece]:
    """The pieces in order, without the space and the list marks around them."""
    items = list(_ITEM.finditer(text))
    if len(items) < 2:
        return _split_plain(text, 0, len(text))
    pieces = _split_plain(text, 0, items[0].start())
    for number, item in enumerate(items):
        end = items[number + 1].start() if number + 1 < len(items) else len(text)
        trimmed = _trim(text, item.end(), end, item=True)
        if trimmed:
            pieces.append(trimmed)
    return pieces


def _split_plain(text: str, start: int, end: int) -> list[Piece]:
    pieces: list[Piece] = []
    at = start
    quotations = [quotation.span() for quotation in _QUOTATION.finditer(text, start, end)]
    for found in _END.finditer(text, start, end):
        if found[0].startswith(".") and "\n" not in found[0] and _is_abbreviation(text, at, found):
            continue
        if _is_quoted(text, found, quotations):
            continue
        trimmed = _trim(text, at, found.end())
        if trimmed:
            pieces.append(trimmed)
            at = found.end()
    last = _trim(text, at, end)
    return [*pieces, last] if last else pieces


def _is_quoted(text: str, found: re.Match[str], quotations: Sequence[tuple[int, int]]) -> bool:
    """Whether an end of a sentence stands in a quotation that a longer sentence goes on from, or within one."""
    for first, last in quotations:
        if first < found.start() < last:
            at_end = not any(char.isalnum() for char in text[found.start() : last])
            return not at_end or bool(_GOES_ON.match(text[last:].lstrip()[:1]))
    return False


def _is_abbreviation(text: str, at: int, found: re.Match[str]) -> bool:
    return bool(_ABBREVIATION.search(text[at : found.start() + 1])) and not found[0].startswith("..")


def _trim(text: str, start: int, end: int, *, item: bool = False) -> Piece | None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    while end > start and text[end - 1] in "|• ":
        end -= 1
    words = text[start:end]
    return Piece(words, start, end, item) if _ENOUGH.search(words) else None
