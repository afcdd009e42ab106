"""Lays what people decided over what the rules propose: a decision finds its tip again, and always wins."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from analysis.anchors import Place
from analysis.found_again import Finder, Proposals, Stand
from analysis.normalising import Cleaned, normalise
from analysis.proposals import TipProposal
from analysis.reading import Reading
from analysis.repeats import Supported, join_repeats
from analysis.rulings import NO_QUESTION, Ruling, TipState, find_rulings
from analysis.support import Evidence
from archive.decisions import Decision


@dataclass(frozen=True, slots=True)
class Judged:
    """A tip with what people decided of it. ``seen`` is what the rules know of it: by that its repeats are found."""

    proposal: TipProposal
    evidence: list[Evidence]
    seen: TipProposal
    ruling: Ruling | None = None
    kept: bool = False

    @property
    def state(self) -> TipState:
        """How a person ruled."""
        return self.ruling.state if self.ruling else "proposed"

    @property
    def is_themed(self) -> bool:
        """Whether themes are built from it: questions ask for no theme, and what was rejected has none."""
        return self.proposal.kind != "question" and self.state != "rejected"

    def pick_theme(self, found: str | None, known: Collection[str]) -> str | None:
        """Its theme: what a person decided where that is still one of the ``known``, else what was found."""
        decided = self.ruling.theme if self.ruling else None
        return decided if decided in known else found if self.is_themed else None


@dataclass(slots=True)
class LaidOver:
    """The decided tips in canonical order, and the proposals by post that nobody decided on."""

    tips: list[Judged]
    rest: dict[str, list[TipProposal]]


class Decided:
    """What people decided of the tips of one session.

    ``fallen``: rulings that by now are at one tip with another that was made later (subject: the later one's).
    """

    def __init__(self, reading: Reading, decisions: Sequence[Decision]) -> None:
        rulings = find_rulings(decisions)
        self._subjects = frozenset(ruling.subject for ruling in rulings)
        self._reading = reading
        self._tags = {tag.casefold() for tag in reading.rows.chat.hashtags}
        self._posts = {post.id for post in reading.rows.posts}
        self._finder = Finder(reading, rulings)
        self.fallen = self._finder.fallen

    def lay_over(self, found: Proposals) -> LaidOver:
        """Every ruling at its tip."""
        stands = self._finder.find(found)
        taken = {id(proposal) for stand in stands for proposal in (*stand.own, stand.near)}
        rest = {post: [one for one in own if id(one) not in taken] for post, own in found.items()}
        return LaidOver(self._sort(map(self._build, stands)), rest)

    def join(self, tips: Sequence[Judged], found: Sequence[Supported]) -> list[Judged]:
        """All tips in canonical order. Repeats of a decided tip stand behind it; no decided tip is anybody's repeat."""
        decided = [(judged.seen, judged.evidence) for judged in tips]
        joined = join_repeats([*decided, *found], fixed=len(decided))
        own = [replace(judged, evidence=evidence) for judged, (_, evidence) in zip(tips, joined, strict=False)]
        return self._sort([*own, *(Judged(one, evidence, one) for one, evidence in joined[len(own) :])])

    def name_tip(self, judged: Judged, name: str) -> str:
        """The id of a tip: what was decided keeps the one that the decision named, and nothing else bears that."""
        if judged.ruling:
            return judged.ruling.subject
        while name in self._subjects:
            name = hashlib.sha256(name.encode()).hexdigest()[: len(name)]
        return name

    def _sort(self, tips: Iterable[Judged]) -> list[Judged]:
        return sorted(tips, key=lambda judged: self._finder.rank(judged.proposal))

    def _build(self, stand: Stand) -> Judged:
        ruling, proposal = stand.ruling, stand.proposal
        question = self._reading.threads.find_question(stand.post)
        span = stand.place or (0, 0)
        seen = proposal or TipProposal(
            stand.post, stand.view.kind, *span, text="", score=stand.view.score,
            reason=stand.why_kept, question=question.id if question else None,
        )  # fmt: skip
        words = self._read_words(stand)
        final = replace(
            seen, post=stand.post, kind=ruling.final_kind, start=span[0], end=span[1], text=ruling.text or words,
            question=self._find_question(ruling, seen),
        )  # fmt: skip
        seen = seen if proposal else replace(seen, text=words)
        return Judged(final, self._finder.find_parts(stand), seen, ruling, kept=proposal is None)

    def _find_question(self, ruling: Ruling, seen: TipProposal) -> str | None:
        if ruling.question == NO_QUESTION:
            return None
        known = any(question.id == ruling.question for question in self._reading.threads.questions)
        return ruling.question if known else seen.question

    def _read_words(self, stand: Stand) -> str:
        """The words that people saw or chose; never those of a part that is gone."""
        view, standing = stand.view, [place for post, place in stand.parts if post in self._posts]
        if not view.is_chosen and not stand.near and view.text and len(standing) == len(view.parts):
            return view.text
        if stand.near:
            words = stand.near.text
        elif stand.span and (view.is_chosen or not view.text):
            words = read_span(self._reading.cleaned[stand.post], *stand.span)
        else:
            words = self._clean(view.place)
        words = words or " ".join(view.place.quotation.split())  # a link alone reads as nothing
        return " ".join([words, *(part for part in map(self._clean, standing) if part and part in view.text)])

    def _clean(self, place: Place) -> str:
        return " ".join(normalise(place.quotation, self._tags).text.split())


def read_span(cleaned: Cleaned, start: int, end: int) -> str:
    """The words for reading that stand between two places of the original text."""
    ends = [*(piece[0] for piece in cleaned.pieces[1:]), len(cleaned.text)]
    words = []
    for (begins, first, last), until in zip(cleaned.pieces, ends, strict=False):  # a text may be cleaned to nothing
        piece = cleaned.text[begins:until]
        if len(piece) == last - first:
            piece = piece[max(0, start - first) : max(0, end - first)]
        elif first < start or last > end:
            piece = ""
        words.append(piece)
    return " ".join("".join(words).split())
