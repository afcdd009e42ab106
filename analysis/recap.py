"""A recap of a session in words: the strongest and most diverse of its tips, by question, each quoted from its post."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from analysis.decided import read_span
from analysis.normalising import Cleaned
from analysis.nouns import find_base, read_words
from analysis.patterns import load_words
from analysis.proposals import TipProposal
from analysis.questions import Question
from analysis.sentences import split_sentences
from analysis.standing import leans
from archive.models import TIP_KINDS, TipKind

_LINK = re.compile(r"\s+https?://\S+")
# "We learnt three things." and the like: what follows is the tip.
_ANNOUNCES = re.compile(
    r"\b(?:two|three|four|five|six|seven|\d+|some|a few|these|following) (?:\w+ )?"
    r"(?:things?|tips?|rules?|ways?|lessons?|points?|steps?|reasons?|ideas?)\W*$",
    re.IGNORECASE,
)
_FEWEST, _MOST = 8, 15  # sentences of an hour's recap
_TIPS_A_SENTENCE = 6  # a session with more to say has a longer recap
_SENTENCES_A_QUOTATION = 2
_LONGEST, _SHORTEST_WORDS = 320, 4  # characters of a quotation; words below which it says nothing by itself
_A_PERSON = 2  # quotations
_MOST_ALIKE = 60  # tips of one kind under one question that a recap picks from
_SAME = 0.75  # of the shorter one's words: from there on, two say the same
# What counts beside a tip's own score, from 0 to 1: several who agree are worth more than any wording.
_ACCEPTED, _SUPPORTED, _LEANS, _LIKE, _SAME_QUESTION, _SAME_KIND = 0.3, 0.2, 0.3, 0.7, 0.12, 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotable:
    """A tip that a recap may quote. ``words`` are its author's own; ``question`` is the one that it answers."""

    tip: str
    post: str
    person: str
    posted_at: str
    kind: TipKind
    words: str
    score: float
    support_count: int = 0
    question: str | None = None
    is_accepted: bool = False


@dataclass(frozen=True, slots=True)
class RecapLine:
    """One quotation of a recap: whole sentences of one tip, and where they stand."""

    question: str | None
    tip: str
    post: str
    text: str


@dataclass(slots=True)
class _Candidate:
    """``likeness`` is how much of it the likest of those chosen says, ``asked`` and ``kinds`` how many of these share
    its question and its kind.
    """

    tip: Quotable
    text: str
    sentences: int
    words: frozenset[str]
    worth: float
    likeness: float = 0.0
    asked: int = 0
    kinds: int = 0

    @property
    def gain(self) -> float:
        """Its worth, less what was said already, and less for a question and a kind that had their turn."""
        return self.worth - _LIKE * self.likeness - _SAME_QUESTION * self.asked - _SAME_KIND * self.kinds

    def note(self, other: _Candidate) -> None:
        """Notes that the other was chosen."""
        self.likeness = max(self.likeness, _find_likeness(self, other))
        self.asked += self.tip.question == other.tip.question
        self.kinds += self.tip.kind == other.tip.kind


def build_recap(tips: Iterable[Quotable], questions: Iterable[Question]) -> tuple[RecapLine, ...]:
    """The recap of these tips, by question, then what answers none. Pure, whatever their order.

    The next quotation is the one of most worth that says something new (maximal marginal relevance).
    """
    candidates = _list_best([one for tip in tips if (one := _build_candidate(tip))])
    enough = min(max(math.ceil(len(candidates) / _TIPS_A_SENTENCE), _FEWEST), _MOST)
    chosen = _choose(candidates, enough)
    ordered = sorted(
        questions, key=lambda one: (one.number is None, one.number or 0, one.part, one.asked_at or "", one.id)
    )
    places = {question.id: at for at, question in enumerate(ordered)}
    return tuple(
        RecapLine(one.tip.question, one.tip.tip, one.tip.post, one.text) for one in _put_in_order(chosen, places)
    )


def find_quotation(tip: TipProposal, cleaned: Cleaned) -> str:
    """The words of a tip as its author wrote them in its post, with the link that they lead to.

    Never those that a person gave it instead, nor those of the other posts of its thread.
    """
    words = read_span(cleaned, tip.start, tip.end)
    link = tip.text.removeprefix(words) if words else ""
    return words + link if _LINK.fullmatch(link) else words


def _build_candidate(tip: Quotable) -> _Candidate | None:
    """What a recap would quote of a tip: its first sentences, whole; None where they are too long or too short."""
    pieces = split_sentences(tip.words)
    text, sentences = "", 0
    for piece in pieces[:_SENTENCES_A_QUOTATION]:
        if piece.end - pieces[0].start > _LONGEST:
            break
        text, sentences = tip.words[pieces[0].start : piece.end], sentences + 1
    words = read_words(text)
    if sum(word[0].isalpha() for word in words) < _SHORTEST_WORDS or text.endswith(":") or _ANNOUNCES.search(text):
        return None
    worth = tip.score + _SUPPORTED * math.log2(1 + tip.support_count)
    worth += _ACCEPTED * tip.is_accepted - _LEANS * leans(pieces[0].text)
    return _Candidate(tip, text, sentences, _find_content(words), worth)


def _list_best(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """Those of most worth of each kind under each question: what stands behind them is never reached."""
    groups: dict[tuple[str | None, TipKind], list[_Candidate]] = {}
    for one in candidates:
        groups.setdefault((one.tip.question, one.tip.kind), []).append(one)
    return [
        one
        for group in groups.values()
        for one in sorted(group, key=lambda one: (-one.worth, one.tip.tip))[:_MOST_ALIKE]
    ]


def _find_content(words: Sequence[str]) -> frozenset[str]:
    small = load_words("themes.small")
    return frozenset(find_base(word) for word in words if word[0].isalnum() and word.casefold() not in small)


def _choose(candidates: Sequence[_Candidate], enough: int) -> list[_Candidate]:
    """Those that gain most, one after the other, up to so many sentences."""
    chosen: list[_Candidate] = []
    length = 0
    people: Counter[str] = Counter()
    while candidates and length < enough:
        best = max(candidates, key=lambda one: (round(one.gain, 9), one.tip.tip))
        chosen.append(best)
        length += best.sentences
        people[best.tip.person] += 1
        left = []
        for one in candidates:
            # Nobody is quoted too often, no post twice, nothing over the length.
            if people[one.tip.person] < _A_PERSON and one.tip.post != best.tip.post and length + one.sentences <= _MOST:
                one.note(best)
                if one.likeness < _SAME:
                    left.append(one)
        candidates = left
    return chosen


def _find_likeness(one: _Candidate, other: _Candidate) -> float:
    """The shared part of the shorter one's words."""
    fewer = min(len(one.words), len(other.words))
    return len(one.words & other.words) / fewer if fewer else 0.0


def _put_in_order(chosen: Sequence[_Candidate], places: Mapping[str, int]) -> list[_Candidate]:
    """By question; within one by kind, the strongest first, and never the same person twice in a row."""
    rest = sorted(
        chosen,
        key=lambda one: (
            places.get(one.tip.question or "", len(places)),
            TIP_KINDS.index(one.tip.kind),
            -one.worth,
            one.tip.posted_at,
            one.tip.tip,
        ),
    )
    ordered: list[_Candidate] = []
    while rest:
        here = rest[0].tip.question
        last = ordered[-1].tip.person if ordered else None
        following = [one for one in rest if one.tip.question == here]
        best = next((one for one in following if one.tip.person != last), None)
        if best is None:  # nobody else spoke of this question: it keeps one voice less
            rest = [one for one in rest if one is not following[0]]
            continue
        ordered.append(best)
        rest = [one for one in rest if one is not best]
    return ordered
