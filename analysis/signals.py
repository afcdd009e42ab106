"""Everything that is known of each sentence of a post, by name: what the ranker weighs and a reader is told.

A signal is a text "group:name": ``rule:instruction``, ``place:marked``, ``tone:wish``, ``word:every week``. The groups
and how they read in words stand in signals.toml.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from analysis.features import (
    Context,
    find_lead,
    find_post_features,
    find_sentence_features,
    find_telling,
    is_question,
)
from analysis.normalising import Cleaned
from analysis.patterns import straighten
from analysis.rows import SessionPost
from analysis.sentences import Piece, split_sentences
from analysis.tip_rules import Hit, find_hits

_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|\d+|[?!:&%£$]|@|[^\w\s,.'\"()\-]")
_MENTION = re.compile(r"@\w+")
OWN_PRACTICE = frozenset(("practice", "limit", "gerund", "found", "benefit"))
_ONLY_WITH_LINK = frozenset(("pointer",))
_ONLY_WHERE_WANTED = frozenset(("names",))  # a name points to something where the question asked for tools or reading
_LENGTH_STEP, _LONGEST_STEP = 6, 7  # words of a post
_SHOUTED = re.compile(r"\b[A-Z]{4,}\b")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One piece of a post with the rules that matched it and its signals."""

    piece: Piece
    hits: tuple[Hit, ...]
    signals: frozenset[str]


def read_sentences(post: SessionPost, cleaned: Cleaned, context: Context) -> list[Sentence]:
    """The sentences of a post in their order."""
    return _Reader(post, cleaned, context).read()


def find_words(text: str) -> frozenset[str]:
    """The words of a sentence and their pairs, and those that open it, as signals; numbers and names are one each."""
    words = ["0" if word.isdigit() else word for word in _WORD.findall(_MENTION.sub("@", straighten(text).casefold()))]
    found = {f"word:{word}" for word in words} | {f"word:{a} {b}" for a, b in pairwise(words)}
    if words:
        found |= {f"first:{words[0]}", f"first:{' '.join(words[:2])}"}
    return frozenset(found)


class _Reader:
    """Reads one post sentence by sentence."""

    def __init__(self, post: SessionPost, cleaned: Cleaned, context: Context) -> None:
        self.post = post
        self.context = context
        self.cleaned = cleaned
        self.pieces = split_sentences(cleaned.text)
        self.lead = find_lead(post)
        self.hits = [tuple(self._find_hits(at)) for at in range(len(self.pieces))]

    def read(self) -> list[Sentence]:
        shared = frozenset(self._list_shared())
        return [
            Sentence(piece, self.hits[at], shared | frozenset(self._list_own(at)) | find_words(piece.text))
            for at, piece in enumerate(self.pieces)
        ]

    def _find_hits(self, at: int) -> list[Hit]:
        sentence = self.pieces[at].text
        left_out = set() if self.lead else set(_ONLY_WITH_LINK)
        left_out |= set() if "resource" in self.context.wanted else _ONLY_WHERE_WANTED
        hits = [hit for hit in find_hits(sentence) if hit.rule not in left_out]
        if self.lead and at == len(self.pieces) - 1:
            hits.append(Hit("link", "resource", "gives a link", self.lead))
        if is_question(sentence):
            hits.append(Hit("asks", "question", "asks", sentence[-60:]))
        if any(hit.rule in OWN_PRACTICE for hit in hits) and self._failed(at):
            hits = [hit for hit in hits if hit.rule not in OWN_PRACTICE]
        return hits

    def _failed(self, at: int) -> bool:
        """Whether the sentence or the next says that it came to nothing: no practice to follow, or a joke."""
        return any("failed" in find_telling(piece.text) for piece in self.pieces[at : at + 2])

    def _list_shared(self) -> Iterator[str]:
        """What holds for every sentence of the post."""
        for name in find_post_features(self.post, self.cleaned, self.context):
            yield f"place:{name}"
        words = len(self.cleaned.words)
        yield f"length:{min(words // _LENGTH_STEP, _LONGEST_STEP)}"
        for kind in {hit.kind for hits in self.hits for hit in hits}:
            yield f"post:{kind}"
        if self.context.link == "marked":
            for wanted in self.context.wanted | self.context.tones:
                yield f"wants:{wanted}"
                if not any(self.hits):
                    yield f"nothing but:{wanted}"

    def _list_own(self, at: int) -> Iterator[str]:
        """What holds for this sentence."""
        piece, hits = self.pieces[at], self.hits[at]
        for name in find_sentence_features(piece.text, hits):
            yield f"tone:{name}"
        for name in find_telling(piece.text):
            yield f"telling:{name}"
        for hit in hits:
            yield f"rule:{hit.rule}"
        for kind in {hit.kind for hit in hits}:
            yield f"kind:{kind}"
            yield f"{self.context.link}:{kind}"
        yield from self._list_neighbours(at)
        yield from self._list_looks(piece, at)

    def _list_neighbours(self, at: int) -> Iterator[str]:
        for name, beside in (("before", at - 1), ("after", at + 1)):
            if 0 <= beside < len(self.hits):
                for kind in {hit.kind for hit in self.hits[beside]}:
                    yield f"{name}:{kind}"

    def _list_looks(self, piece: Piece, at: int) -> Iterator[str]:
        last = len(self.pieces) - 1
        yield f"stands:{'alone' if not last else 'first' if not at else 'last' if at == last else 'between'}"
        tests = {
            "item": piece.item,
            "shouts": bool(_SHOUTED.search(piece.text)),
            "names": "@" in piece.text,
            "quotes": any(mark in piece.text for mark in '"“'),
            "link": at == last and (bool(self.post.links) or self.cleaned.links_count > 0),
        }
        for name in (name for name, holds in tests.items() if holds):
            yield f"has:{name}"
        if tests["link"] and self._praises(piece):
            yield "has:praised link"
        if tests["names"] and self._praises(piece):
            yield "has:praised name"

    def _praises(self, piece: Piece) -> bool:
        return bool(find_sentence_features(piece.text, ()) & {"praise", "applause"})
