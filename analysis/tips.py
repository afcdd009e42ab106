"""Tips: spans of posts that advise, warn, give an example, point to something, name a concern or ask."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from analysis.explaining import render_likeness
from analysis.features import find_address, find_tones
from analysis.proposals import TipProposal
from analysis.questions import Question
from analysis.ranking import HEADS, SHOWN, USABLE, Model, load_model
from analysis.reading import PostReading
from analysis.sentences import Piece
from analysis.signals import OWN_PRACTICE, Sentence
from analysis.standing import is_fragment, widen
from analysis.tip_rules import Hit
from archive.models import TIP_KINDS, TipKind

_OPENS_ANEW = frozenset(("instruction", "dont", "avoid"))
_LINK_AFTER = re.compile(r"\s*https?://\S+")
_REASONS = 2
_ADVICE = frozenset(("do", "dont"))
_LEAST_OF_A_KIND = 0.15  # the score of the likeliest kind, where none is sure


@dataclass(frozen=True, slots=True)
class _Found:
    score: float
    hits: tuple[Hit, ...]
    signals: frozenset[str]


@dataclass(slots=True)
class _Span:
    kind: TipKind
    first: int
    last: int
    best: _Found


def find_tips(read: PostReading, model: Model | None = None) -> list[TipProposal]:
    """The tips of one post, in the order of the text."""
    judge = _Judge(read, model or load_model())
    return [judge.build_proposal(span) for span in judge.find_spans()]


class _Judge:
    """Judges one post sentence by sentence."""

    def __init__(self, read: PostReading, model: Model) -> None:
        self.post = read.post
        self.cleaned = read.cleaned
        self.context = read.context
        self.model = model
        self.sentences = read.sentences
        self.pieces = [sentence.piece for sentence in read.sentences]

    def find_spans(self) -> list[_Span]:
        """The spans of all kinds in the order of the text."""
        values = [self.model.find_values(sentence.signals) for sentence in self.sentences]
        found = [self._judge(sentence, own) for sentence, own in zip(self.sentences, values, strict=True)]
        if not any(set(kinds) - {"question"} for kinds in found):
            self._add_likeliest(found, values)
        breaks = self._list_breaks()
        spans = [span for kind in TIP_KINDS for span in self._widen(_join(kind, found, self.pieces, breaks), found)]
        return sorted(spans, key=lambda span: (span.first, TIP_KINDS.index(span.kind)))

    def _judge(self, sentence: Sentence, values: Mapping[str, float]) -> dict[TipKind, _Found]:
        """The kinds that one sentence reaches the threshold for."""
        return {
            kind: _find(sentence, kind, values[kind])
            for kind in TIP_KINDS
            if values[kind] >= SHOWN and not (kind in _ADVICE and _only_tells(sentence))
        }

    def _add_likeliest(self, found: list[dict[TipKind, _Found]], values: Sequence[Mapping[str, float]]) -> None:
        """An answer that is of use though no kind is sure: its best sentence, as the kind that is likeliest."""
        if not values or self.context.link == "unlinked":
            return
        at = max(range(len(values)), key=lambda place: (values[place][USABLE], -place))
        left_out = {"question", *(_ADVICE if _only_tells(self.sentences[at]) else ())}
        kinds = [kind for kind in TIP_KINDS if kind not in left_out]
        kind = max(kinds, key=lambda one: (values[at][one], -kinds.index(one)))
        if values[at][USABLE] >= SHOWN and values[at][kind] >= _LEAST_OF_A_KIND:
            found[at][kind] = _find(self.sentences[at], kind, values[at][USABLE])

    def _widen(self, spans: Sequence[_Span], found: Sequence[Mapping[TipKind, _Found]]) -> list[_Span]:
        """The spans of one kind so that each can be read alone; those that then share a sentence are one."""
        widened: list[_Span] = []
        for span in spans:
            if self._only_leads_in(span):
                continue
            before = found[span.first - 1] if span.first else {}
            # "Thank them. And don't name them": the don't is not helped by the do before it.
            joins = not ({"do", "dont"} - {span.kind}) & set(before)
            span.first, span.last = widen(self.pieces, span.first, span.last, joins=joins)
            text = self.cleaned.text[self.pieces[span.first].start : self.pieces[span.last].end]
            if is_fragment(text) and span.kind != "resource" and self.context.link != "marked":
                continue
            last = widened[-1] if widened else None
            if last and span.first <= last.last:
                last.last = max(last.last, span.last)
                last.best = max(last.best, span.best, key=lambda one: one.score)
            else:
                widened.append(span)
        return widened

    def _only_leads_in(self, span: _Span) -> bool:
        """Whether a span only announces the list after it: "I ask every team the same four things"."""
        following = self.pieces[span.last + 1 : span.last + 2]
        own = all(hit.rule in OWN_PRACTICE for hit in span.best.hits)
        return own and not self.pieces[span.last].item and any(piece.item for piece in following)

    def build_proposal(self, span: _Span) -> TipProposal:
        """The tip of a span, in the words of the post."""
        start, end = self.pieces[span.first].start, self.pieces[span.last].end
        first, last = self.cleaned.span(start, end)
        text = " ".join(self.cleaned.text[start:end].split())
        # What a colon leads to is the link: without it the words point nowhere.
        link = _LINK_AFTER.match(self.post.text, last) if text.endswith(":") else None
        address = find_address(self.post) if link else None
        if link and address:
            text, last = f"{text} {address}", link.end()
        return TipProposal(
            post=self.post.id,
            kind=span.kind,
            start=first,
            end=last,
            text=text,
            score=span.best.score,
            reason=self._render_reason(span, self._find_question(first)),
            question=question.id if (question := self._find_question(first)) else None,
            signals=span.best.signals,
        )

    def _find_question(self, at: int) -> Question | None:
        """The question that the words at a place of the original text answer."""
        begun = [question for start, question in self.context.places if start <= at]
        return begun[-1] if begun else self.context.question

    def _list_breaks(self) -> frozenset[int]:
        """The pieces that begin the answer to another question."""
        starts = [self.cleaned.span(piece.start, piece.end)[0] for piece in self.pieces]
        return frozenset(
            next((number for number, start in enumerate(starts) if start >= place), len(starts))
            for place, _ in self.context.places
        )

    def _render_reason(self, span: _Span, question: Question | None) -> str:
        """Why this is shown, in one readable line: the rules with the words they matched, and the post's place."""
        at = HEADS.index(span.kind)
        weights = {
            hit.rule: self.model.weights.get(f"rule:{hit.rule}", (0.0,) * len(HEADS))[at] for hit in span.best.hits
        }
        ordered = sorted(span.best.hits, key=lambda hit: (-weights[hit.rule], hit.rule))
        said = [f"{hit.says}: '{hit.words}'" if hit.words else hit.says for hit in ordered[:_REASONS]]
        said = said or [render_likeness(self.model, span.kind, span.best.signals)]
        if self.context.link == "marked" and question:
            said.append(f"answers {question.name}")
        return "; ".join(said)


def _only_tells(sentence: Sentence) -> bool:
    """Whether a sentence tells how things are, or came to nothing: "We have a church bell" advises nothing."""
    told = {name.partition(":")[2] for name in sentence.signals if name.startswith("telling:")}
    advises = any(hit.kind in _ADVICE for hit in sentence.hits)
    return not advises and ("failed" in told or ("tells" in told and "practised" not in told))


def _find(sentence: Sentence, kind: TipKind, score: float) -> _Found:
    return _Found(score, tuple(hit for hit in sentence.hits if hit.kind == kind), sentence.signals)


def _join(
    kind: TipKind, found: Sequence[Mapping[TipKind, _Found]], pieces: Sequence[Piece], breaks: Collection[int] = ()
) -> list[_Span]:
    """Spans of one kind: neighbours join unless each could stand alone; a sentence that only explains is taken in."""
    spans: list[_Span] = []
    for at, kinds in enumerate(found):
        last = spans[-1] if spans else None
        own = kinds.get(kind)
        if last is None or last.last != at - 1 or pieces[at].item or at in breaks:
            last = None
        if own is None:
            if last and not kinds and "?" not in pieces[at].text and "continues" in find_tones(pieces[at].text):
                last.last = at
        elif last and not any(hit.rule in _OPENS_ANEW for hit in own.hits):
            last.last = at
            last.best = max(last.best, own, key=lambda one: one.score)
        else:
            spans.append(_Span(kind, at, at, own))
    return spans
