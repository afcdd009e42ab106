"""The words of a post without platform noise, with every span traceable to the text as it was posted."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from analysis.marks import Mark, parse_inner_marks, parse_led_in_mark, parse_marks
from analysis.patterns import load_words

LONGEST = 5_000  # characters that are read; a post has 300 to 500, a pasted book none that we need

_URL = re.compile(r"(?:https?://|www\.|pic\.twitter\.com/|t\.co/)\S+", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|#39|nbsp);")
_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&nbsp;": " "}
_HASHTAG = re.compile(r"(?<![\w&/])[#＃](\w+)")
_MENTION = re.compile(r"\.?@[\w.]+(?:@[\w.\-]+)?[:,]?$")
_TAG_TOKEN = re.compile(r"[(\[]?[#＃]\w+[.,!:;)\]]*$")
_COUNTER = re.compile(r"[(\[]?(\d{1,2})\s?(?:/|of)\s?(\d{1,2})?[)\].:]?$")
_SPACES = re.compile(r"[^\S\n]*\n\s*|[^\S\n]{2,}|[^\S\n ]")  # but for a space alone, which stays as it is
_QUOTED = re.compile(r"(?:^|\s)(?:[\"“'])?(?:RT|QT|MT|HT)\s*:?\s*@[\w.]+(?:@[\w.\-]+)?\s?:?\s*")
_TOKEN = re.compile(r"\S+")
_BLANK = " \n"


@dataclass(frozen=True)
class Cleaned:
    """A text for reading and its way back.

    ``pieces`` are (start in text, start in original, end in original), in order. ``comment_end`` is where somebody
    else's words begin ("Yes! RT @ann: …"), or None. ``counter`` is (2, 3) of "2/3", (2, 0) of "2/".
    """

    text: str
    pieces: tuple[tuple[int, int, int], ...]
    marks: tuple[Mark, ...] = ()
    counter: tuple[int, int] | None = None
    comment_end: int | None = None
    links_count: int = 0
    tags_count: int = 0
    ends_in_link: bool = False

    @cached_property
    def words(self) -> list[str]:
        """The words in lower case, without punctuation around them."""
        return re.findall(r"[^\W_]+(?:['’][^\W_]+)*", self.text.lower())

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where ``text[start:end]`` stands in the original."""
        if not self.pieces or end <= start:
            return (0, 0)
        return self._place(start)[0], self._place(end - 1)[1]

    def _place(self, at: int) -> tuple[int, int]:
        number = max(0, bisect_right(self._starts, at) - 1)
        begins, first, last = self.pieces[number]
        ends = self._starts[number + 1] if number + 1 < len(self._starts) else len(self.text)
        if last - first != ends - begins:  # one character instead of several
            return (first, last)
        return first + at - begins, first + at - begins + 1

    @cached_property
    def _starts(self) -> list[int]:
        return [piece[0] for piece in self.pieces]


def normalise(text: str, chat_tags: Collection[str] = ()) -> Cleaned:
    """Cleans one post: mark, mentions at the start, links, hashtag noise and counters go; nothing else changes."""
    if len(text) > LONGEST:
        text = text[:LONGEST].rpartition(" ")[0] or text[:LONGEST]  # half a word, or half a link, says what it does not
    comment_end = _find_comment_end(text)
    cuts: list[tuple[int, int, str]] = [(m.start(), m.end(), "") for m in _URL.finditer(text)]
    links_count = len(cuts)
    counter, marks, opening = _read_opening(text, cuts)
    counter = _read_ending(text, opening, cuts) or counter
    inner = parse_inner_marks(text, opening)
    marks += inner or ([] if marks else parse_led_in_mark(text))
    cuts.extend((mark.start, mark.end, "") for mark in inner)
    tags = list(_HASHTAG.finditer(text))
    for tag in tags:
        own = tag[1].casefold() in chat_tags
        cuts.append((tag.start(), tag.end() if own else tag.start() + 1, ""))
    cuts.extend((m.start(), m.end(), _ENTITIES[m[0]]) for m in _ENTITY.finditer(text))
    quoted = _QUOTED.search(text) if comment_end is not None else None
    if quoted:
        cuts.append((quoted.start(), quoted.end(), "\n" if quoted.start() > 0 else ""))
    cuts.extend((m.start(), m.end(), "\n" if "\n" in m[0] else " ") for m in _SPACES.finditer(text))
    clean, pieces = _apply(text, cuts)
    at = _locate(pieces, comment_end) if comment_end is not None else None
    return Cleaned(
        clean, pieces, tuple(marks), counter, at, links_count, len(tags), bool(_ends_in_link(text, links_count))
    )


def _ends_in_link(text: str, links_count: int) -> bool:
    return bool(links_count) and bool(_URL.match((text.split() or [""])[-1]))


def _find_comment_end(text: str) -> int | None:
    """Where the words of another begin: after "RT @ann:", wherever it stands."""
    found = _QUOTED.search(text)
    return found.end() if found else None


def _read_opening(text: str, cuts: list[tuple[int, int, str]]) -> tuple[tuple[int, int] | None, list[Mark], int]:
    """Cuts mentions, hashtags, the counter and the mark that open the text; says where the words begin."""
    counter: tuple[int, int] | None = None
    marks: list[Mark] = []
    at = 0
    while token := _TOKEN.search(text, at):
        here = token.start()
        if passed_on := _QUOTED.match(text, here):
            at = passed_on.end()
            continue
        if not marks:
            marks, after = parse_marks(text, here)
            if marks:
                cuts.append((here, after, ""))
                at = after
                continue
        if found := _COUNTER.match(token[0]):
            counter = int(found[1]), int(found[2] or 0)
            # "1)" counts items, "24/7" is a phrase: a counter says which part of how many
            if not _is_counter(*counter):
                counter = None
                break
        elif _MENTION.match(token[0]):
            # after the mark, or before its verb, a mention belongs to the sentence
            if marks or _reads_on(text, token.end()):
                break
        elif not _TAG_TOKEN.match(token[0]) or (_TAG_TOKEN.match(token[0]) and _reads_on(text, token.end())):
            break
        at = token.end()
        cuts.append((here, at, ""))
    return counter, marks, at


def _reads_on(text: str, at: int) -> bool:
    """Whether a hashtag at the start is the subject of its sentence ("#PlainEnglish is …"), not noise."""
    following = _TOKEN.search(text, at)
    return following is not None and following[0].lower() in load_words("finite")


def _is_counter(part: int, of: int) -> bool:
    return 0 < part <= 25 and (of == 0 or part <= of <= 25)


def _read_ending(text: str, opening: int, cuts: list[tuple[int, int, str]]) -> tuple[int, int] | None:
    """Cuts the hashtags, links and the counter that close the text."""
    counter = None
    for token in reversed(list(_TOKEN.finditer(text, opening))):
        found = _COUNTER.match(token[0])
        if found and "/" in token[0] and _is_counter(int(found[1]), int(found[2] or 0)):
            counter = counter or (int(found[1]), int(found[2] or 0))
        elif (not _TAG_TOKEN.match(token[0]) and not _URL.match(token[0])) or (
            _TAG_TOKEN.match(token[0]) and _is_object(text, token.start())
        ):
            return counter
        cuts.append((token.start(), token.end(), ""))
    return counter


_LINKING = re.compile(
    r"\b(?:the|a|an|our|your|my|of|to|on|in|with|use|using|for|called|via|and|at|by|from|about|like|than)\s*$",
    re.IGNORECASE,
)


def _is_object(text: str, at: int) -> bool:
    """Whether the words before a last hashtag need it: "we use #PlainEnglish"."""
    return bool(_LINKING.search(text, max(0, at - 12), at))


def _apply(text: str, cuts: list[tuple[int, int, str]]) -> tuple[str, tuple[tuple[int, int, int], ...]]:
    """The text without its cuts, and the pieces that it is made of; overlapping cuts count once, the longest first."""
    out: list[str] = []
    pieces: list[tuple[int, int, int]] = []
    length = at = 0
    spaced = True  # as at the end of a line: no space may follow

    def add(words: str, first: int, last: int) -> None:
        nonlocal length, spaced
        if spaced and words[0] in _BLANK:
            words, first = words[1:], first + 1
        if words:
            pieces.append((length, first, last))
            out.append(words)
            length += len(words)
            spaced = words[-1] in _BLANK

    for first, last, instead in sorted(cuts, key=_order):
        if last <= at:
            continue
        if first > at:
            add(text[at:first], at, first)
        if instead:
            add(instead, max(first, at), last)
        at = last
    if at < len(text):
        add(text[at:], at, len(text))
    clean = "".join(out).rstrip()
    return clean, cut_pieces(pieces, length, len(clean))


def _order(cut: tuple[int, int, str]) -> tuple[int, int]:
    return cut[0], -cut[1]


def cut_pieces(pieces: Sequence[tuple[int, int, int]], whole: int, length: int) -> tuple[tuple[int, int, int], ...]:
    """The pieces of a cleaned text of the length ``whole`` that is cut to ``length``."""
    kept = [piece for piece in pieces if piece[0] < length]
    if kept and whole > length:
        begins, first, last = kept[-1]
        ends = pieces[len(kept)][0] if len(kept) < len(pieces) else whole
        kept[-1] = begins, first, last - max(0, ends - length)
    return tuple(kept)


def _locate(pieces: tuple[tuple[int, int, int], ...], original: int) -> int:
    """Where in the cleaned text the words stand that follow ``original``."""
    for begins, first, last in pieces:
        if last > original:
            return begins + max(0, original - first)
    return pieces[-1][0] + pieces[-1][2] - pieces[-1][1] if pieces else 0
