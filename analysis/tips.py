"""Tips: spans of posts that advise, warn, give an example, point to something, name a concern or ask."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from analysis.features import (
    Context,
    find_address,
    find_lead,
    find_post_features,
    find_sentence_features,
    find_telling,
    find_tones,
    is_question,
)
from analysis.languages import is_english
from analysis.normalising import Cleaned
from analysis.ranking import Weights, find_score, load_weights
from analysis.rows import SessionPost
from analysis.sentences import Piece, split_sentences
from analysis.standing import is_fragment, widen
from analysis.tip_rules import Hit, find_hits
from archive.models import TIP_KINDS, TipKind

_OPENS_ANEW = frozenset(("instruction", "dont", "avoid"))
_ONLY_WITH_LINK = frozenset(("pointer",))
_ONLY_WHERE_WANTED = frozenset(("names",))  # a name points to something where the question asked for tools or reading
_OWN_PRACTICE = frozenset(("practice", "limit", "gerund", "found", "benefit"))
_LINK_AFTER = re.compile(r"\s*https?://\S+")
_FAINT = 0.62  # what a further kind of the same sentence needs, beside a surer one


@dataclass(frozen=True, slots=True)
class TipProposal:
    """A tip before it is joined with others: ``start`` and ``end`` in the original text, ``text`` cleaned."""

    post: str
    kind: TipKind
    start: int
    end: int
    text: str
    score: float
    reason: str
    question: str | None = None
    hits: tuple[Hit, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class _Found:
    score: float
    hits: tuple[Hit, ...]


@dataclass(slots=True)
class _Span:
    kind: TipKind
    first: int
    last: int
    best: _Found


def find_tips(
    post: SessionPost, cleaned: Cleaned, context: Context, weights: Weights | None = None
) -> list[TipProposal]:
    """The tips of one post, in the order of the text. Texts that are not English give none."""
    if post.repost_of or not is_english(cleaned.text, post.lang):
        return []
    reader = _Reader(post, cleaned, context, weights or load_weights())
    return [reader.build_proposal(span) for span in reader.find_spans()]


class _Reader:
    """Reads one post sentence by sentence."""

    def __init__(self, post: SessionPost, cleaned: Cleaned, context: Context, weights: Weights) -> None:
        self.post = post
        self.cleaned = cleaned
        self.context = context
        self.weights = weights
        self.pieces = split_sentences(cleaned.text)
        self.features = find_post_features(post, cleaned, context)
        self.lead = find_lead(post)

    def find_spans(self) -> list[_Span]:
        """The spans of all kinds in the order of the text."""
        found = [self._score(at, self._find_hits(at)) for at in range(len(self.pieces))]
        if self.context.link == "marked" and self.pieces and not any(found):
            longest = max(range(len(self.pieces)), key=lambda at: (len(self.pieces[at].text), -at))
            found[longest] = self._score(longest, self._find_wanted(longest))
        spans = [span for kind in TIP_KINDS for span in self._widen(_join(kind, found, self.pieces), found)]
        return sorted(spans, key=lambda span: (span.first, TIP_KINDS.index(span.kind)))

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
        own = all(hit.rule in _OWN_PRACTICE for hit in span.best.hits)
        return own and not self.pieces[span.last].item and any(piece.item for piece in following)

    def _find_hits(self, at: int) -> list[Hit]:
        sentence = self.pieces[at].text
        left_out = set() if self.lead else set(_ONLY_WITH_LINK)
        left_out |= set() if "resource" in self.context.wanted else _ONLY_WHERE_WANTED
        hits = [hit for hit in find_hits(sentence) if hit.rule not in left_out]
        if self.lead and at == len(self.pieces) - 1:
            hits.append(Hit("link", "resource", "gives a link", self.lead))
        if is_question(sentence):
            hits.append(Hit("asks", "question", "asks", sentence[-60:]))
        if any(hit.rule in _OWN_PRACTICE for hit in hits) and self._failed(at):
            hits = [hit for hit in hits if hit.rule not in _OWN_PRACTICE]
        return hits

    def _failed(self, at: int) -> bool:
        """Whether the sentence or the next says that it came to nothing: no practice to follow, or a joke."""
        return any("failed" in find_telling(piece.text) for piece in self.pieces[at : at + 2])

    def _find_wanted(self, at: int) -> list[Hit]:
        """An answer counts as what its question asked for, though no rule knows its words: "Plain English, always"."""
        text = self.pieces[at].text
        if "?" in text or len(text.split()) < 2 or self.context.question is None:
            return []
        told = find_telling(text)
        says = f"answers {self.context.question.name}, which asks for this"
        kinds: tuple[TipKind, ...] = ("do", "concern", "dont")
        # "We have a church bell" tells, and advises nothing, whatever was asked.
        no_advice = self._failed(at) or ("tells" in told and "practised" not in told)
        wanted = self.context.wanted - ({"do", "dont"} if no_advice else set())
        found = [Hit(f"asked_{kind}", kind, says, "") for kind in kinds if kind in wanted]
        if no_advice:
            return found[:1]
        if not found and "asked_how" in self.context.tones:
            found = [Hit("asked_how", "do", f"answers {self.context.question.name}, which asks how it is done", "")]
        return found[:1]

    def _score(self, at: int, hits: Sequence[Hit]) -> dict[TipKind, _Found]:
        """The kinds that one sentence reaches the threshold for."""
        if not hits:
            return {}
        features = self.features | find_sentence_features(self.pieces[at].text, hits)
        found: dict[TipKind, _Found] = {}
        for kind in dict.fromkeys(hit.kind for hit in hits):
            own = tuple(hit for hit in hits if hit.kind == kind)
            score = find_score(kind, (hit.rule for hit in own), features, self.weights).value
            if score >= self.weights.threshold:
                found[kind] = _Found(score, own)
        best = max((one.score for one in found.values()), default=0.0)
        return {kind: one for kind, one in found.items() if one.score == best or one.score >= _FAINT}

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
            reason=render_reason(span.best.hits, self.context, self.weights),
            question=self.context.question.id if self.context.question else None,
            hits=span.best.hits,
        )


def _join(kind: TipKind, found: Sequence[Mapping[TipKind, _Found]], pieces: Sequence[Piece]) -> list[_Span]:
    """Spans of one kind: neighbours join unless each could stand alone; a sentence that only explains is taken in."""
    spans: list[_Span] = []
    for at, kinds in enumerate(found):
        last = spans[-1] if spans else None
        own = kinds.get(kind)
        if last is None or last.last != at - 1 or pieces[at].item:
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


def render_reason(hits: Iterable[Hit], context: Context, weights: Weights | None = None) -> str:
    """Why this is shown, in one readable line: the rules with the words they matched, and the post's place."""
    rules = (weights or load_weights()).rules
    ordered = sorted(hits, key=lambda hit: (-rules[hit.rule], hit.rule))
    said = [f"{hit.says}: '{hit.words}'" if hit.words else hit.says for hit in ordered[:2]]
    if context.link == "marked" and context.question and not any("which asks" in part for part in said):
        said.append(f"answers {context.question.name}")
    return "; ".join(said)
