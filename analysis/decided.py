"""Lays what people decided over what the rules propose: a decision finds its tip again, and always wins."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from analysis.anchors import Place, find_place, share_words
from analysis.membership import find_window
from analysis.normalising import Cleaned, normalise
from analysis.proposals import TipProposal
from analysis.reading import Reading
from analysis.repeats import Supported, join_repeats
from analysis.rulings import NO_QUESTION, Ruling, TipState, View, find_rulings
from analysis.support import Evidence
from archive.decisions import Decision
from archive.models import TIP_KINDS, TipKind

_SAME = 0.5  # share of the shorter span: from there on, two spans of one kind are one tip
_OPPOSITE: dict[TipKind, TipKind] = {"do": "dont", "dont": "do"}

Span = tuple[int, int]


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


@dataclass(slots=True)
class _Stand:
    """Where a ruling stands now. ``span`` is None where its words are not in the post; ``near``: the proposal that
    took their place. ``own``: the proposals that say the same. ``is_contradicted``: the post says the opposite by now.
    """

    ruling: Ruling
    view: View
    post: str
    span: Span | None = None
    near: TipProposal | None = None
    own: list[TipProposal] = field(default_factory=list)
    is_contradicted: bool = False

    @property
    def proposal(self) -> TipProposal | None:
        """What the rules say of it, the likest first."""
        return self.near or next((one for one in self.own if one.post == self.post), None)

    @property
    def place(self) -> Span | None:
        """From where to where it reaches in its post, None where its words are gone."""
        return (self.near.start, self.near.end) if self.near else self.span

    @property
    def key(self) -> tuple[object, ...]:
        """What no two tips share; a tip whose words are gone is like no other."""
        return (self.post, self.place, self.ruling.final_kind) if self.place else (self.ruling.subject,)

    @property
    def why_kept(self) -> str:
        """The reason where no rule proposes it."""
        doubt = "" if self.span else "; the post no longer has these words"
        return self.ruling.why_kept + ("; the post now seems to say the opposite" if self.is_contradicted else doubt)

    @property
    def parts(self) -> tuple[tuple[str, Place], ...]:
        """The other posts of its thread; none where the words are an earlier author's by now."""
        return self.view.parts if self.post == self.view.post else ()

    def takes(self, proposal: TipProposal) -> bool:
        """Whether this proposal says what was decided here."""
        return proposal is self.near or any(proposal is one for one in self.own)

    def falls_together(self, other: _Stand) -> bool:
        """Whether the two are one tip by now: the same words, or like each other after an edit or a late original."""
        if self.key == other.key:
            return True
        if (self.near and other.takes(self.near)) or (other.near and self.takes(other.near)):
            return True
        if self.view.post == other.view.post or self.post != other.post or not (self.place and other.place):
            return False
        return self.ruling.final_kind == other.ruling.final_kind and _share(self.place, other.place) >= _SAME


class Decided:
    """What people decided of the tips of one session.

    ``fallen``: rulings that by now are at one tip with another that was made later (subject: the later one's).
    """

    def __init__(self, reading: Reading, decisions: Sequence[Decision]) -> None:
        rulings = find_rulings(decisions)
        self.fallen: dict[str, str] = {}
        self._subjects = frozenset(ruling.subject for ruling in rulings)
        self._reading = reading
        self._tags = {tag.casefold() for tag in reading.rows.chat.hashtags}
        self._posts = {post.id: post for post in reading.rows.posts}
        self._places = {post: at for at, post in enumerate(self._posts)}
        self._rulings = [ruling for ruling in rulings if any(self._concerns(view) for view in ruling.views)]

    def lay_over(self, found: Mapping[str, Sequence[TipProposal]]) -> LaidOver:
        """Every ruling at its tip. ``found`` are the proposals by post, before any is left out."""
        stands = self._settle(found)
        taken = {id(proposal) for stand in stands for proposal in (*stand.own, stand.near)}
        for stand in stands:  # a tip that the rules now take for another kind is not shown twice
            if stand.proposal is None and (other := self._find_renamed(stand, found, taken)):
                stand.own.append(other)
                taken.add(id(other))
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
        return sorted(tips, key=lambda judged: self._rank(judged.proposal))

    def _rank(self, proposal: TipProposal) -> tuple[int, int, int, int]:
        """The canonical order of tips."""
        kind = TIP_KINDS.index(proposal.kind)
        return self._places[proposal.post], proposal.start, kind, proposal.end

    def _concerns(self, view: View) -> bool:
        """Whether the view's post is here, and belongs to no other session: sessions can overlap, or be set anew."""
        session, chat = self._reading.rows.session, self._reading.rows.chat
        if view.post not in self._posts:
            return False
        if view.session == session.id:
            return True
        at = self._posts[view.post].posted_at
        holding = [one.id for one in sorted(chat.sessions, key=lambda one: (one.starts_at, one.id))
                   if (window := find_window(chat, one))[0] <= at < window[1]]  # fmt: skip
        return view.session not in holding and session.id == next(iter(holding), session.id)

    def _settle(self, found: Mapping[str, Sequence[TipProposal]]) -> list[_Stand]:
        """Where each ruling stands. Of several at one tip the one that was made last, which comes first."""
        located = [self._locate(ruling, found) for ruling in self._rulings]
        held = {id(one): at for at, stand in enumerate(located) if stand for one in stand.own}
        stands: list[_Stand] = []
        for at, ruling in enumerate(self._rulings):
            earlier = {one for one, holder in held.items() if holder > at}
            stand = located[at] or self._find_changed(ruling, found, earlier, stands)
            later = next((other for other in stands if stand.falls_together(other)), None)
            if later is None:
                stands.append(stand)
            else:
                self.fallen[ruling.subject] = later.ruling.subject
        return stands

    def _locate(self, ruling: Ruling, found: Mapping[str, Sequence[TipProposal]]) -> _Stand | None:
        """Its words in the present text: of the earlier original where there is one by now, else of the post itself."""
        for view in self._list_views(ruling):
            for post in self._list_homes(view.post):
                stand = _Stand(ruling, view, post, find_place(view.place, self._posts[post].text))
                if stand.span and (post == view.post or not _find_contrary(stand, found)):
                    stand.own = self._find_own(stand, found)
                    return stand
                if post != view.post and (like := _find_like(ruling, view, found.get(post, ()))):
                    stand.near = like[0]
                    return stand
        return None

    def _find_changed(
        self,
        ruling: Ruling,
        found: Mapping[str, Sequence[TipProposal]],
        held: Collection[int],
        stands: Sequence[_Stand],
    ) -> _Stand:
        """The proposal that an edit has put in place of its words, else nothing but what is anchored.

        ``held`` are proposals whose very words somebody decided on earlier: an edit elsewhere takes nothing from them.
        """
        views = self._list_views(ruling)
        for view in views:
            like = [one for one in _find_like(ruling, view, found.get(view.post, ())) if id(one) not in held]
            free = [one for one in like if not any(other.takes(one) for other in stands)]
            if like:
                return _Stand(ruling, view, view.post, near=(free or like)[0])
        return _Stand(ruling, views[0], views[0].post)

    def _list_views(self, ruling: Ruling) -> list[View]:
        return [view for view in ruling.views if self._concerns(view)]

    def _list_homes(self, post: str) -> list[str]:
        """The post that represents its repeats, where an earlier one has come to light, and the post."""
        echo = self._reading.echoes.get(post)
        return [echo.of, post] if echo and echo.relation != "quote" and echo.of in self._posts else [post]

    def _find_renamed(
        self, stand: _Stand, found: Mapping[str, Sequence[TipProposal]], taken: Collection[int]
    ) -> TipProposal | None:
        """The proposal of these very words under another kind."""
        contrary = _find_contrary(stand, found)
        stand.is_contradicted = bool(contrary)
        for one in found.get(stand.post, ()):
            share = _find_share(stand.ruling, stand.span or (0, 0), one)
            if share > _SAME and id(one) not in taken and all(one is not other for other in contrary):
                return one
        return None

    def _find_own(self, stand: _Stand, found: Mapping[str, Sequence[TipProposal]]) -> list[TipProposal]:
        """The proposals that say the same words as the same kind, the likest first."""
        own: list[tuple[float, TipProposal]] = []
        for post, span in self._list_spans(stand):
            for one in found.get(post, ()):
                share = _find_share(stand.ruling, span, one)
                if one.kind in stand.ruling.kinds and share and all(one is not known for _, known in own):
                    own.append((share * (post == stand.post), one))
        ranked = sorted(own, key=lambda pair: (-pair[0], -pair[1].score, *self._rank(pair[1])))
        return [one for _, one in ranked]

    def _list_spans(self, stand: _Stand) -> Iterator[tuple[str, Span]]:
        """Its span, those under which it was seen before, and those of the other parts of its thread."""
        for view in stand.ruling.views:
            span = find_place(view.place, self._posts[stand.post].text)
            if span and view.post in (stand.post, stand.view.post):
                yield stand.post, span
        for part in self._find_parts(stand):
            yield part.post, (part.start or 0, part.end or 0)

    def _find_parts(self, stand: _Stand) -> list[Evidence]:
        """The other posts of its thread that are still there, with the words that belong to it."""
        parts = []
        for post, place in stand.parts:
            if post in self._posts:
                cleaned = self._reading.cleaned[post]
                whole = cleaned.span(0, len(cleaned.text))
                parts.append(Evidence(post, "part", *(find_place(place, self._posts[post].text) or whole)))
        return parts

    def _build(self, stand: _Stand) -> Judged:
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
        return Judged(final, self._find_parts(stand), seen, ruling, kept=proposal is None)

    def _find_question(self, ruling: Ruling, seen: TipProposal) -> str | None:
        if ruling.question == NO_QUESTION:
            return None
        known = any(question.id == ruling.question for question in self._reading.threads.questions)
        return ruling.question if known else seen.question

    def _read_words(self, stand: _Stand) -> str:
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


def _find_share(ruling: Ruling, span: Span, proposal: TipProposal) -> float:
    """How much of the two spans is the same, 0 where they are two tips.

    A rejected tip takes only what is mostly its own words: a longer sentence round it may be of use.
    """
    other = (proposal.start, proposal.end)
    if ruling.state == "rejected" and _count_common(span, other) < _SAME * (proposal.end - proposal.start):
        return 0.0
    return (
        _count_common(span, other)
        / max(span[1] - span[0], proposal.end - proposal.start)
        * (_share(span, other) >= _SAME)
    )


def _share(one: Span, other: Span) -> float:
    """How much of the shorter span the two have in common."""
    return _count_common(one, other) / max(1, min(one[1] - one[0], other[1] - other[0]))


def _count_common(one: Span, other: Span) -> int:
    return max(0, min(one[1], other[1]) - max(one[0], other[0]))


def _find_like(ruling: Ruling, view: View, proposals: Sequence[TipProposal]) -> list[TipProposal]:
    """The proposals that share enough words with what was seen, those of its kind and the likest first."""
    opposite = _OPPOSITE.get(ruling.final_kind)
    shares = [(share_words(view.place.quotation, one.text), one) for one in proposals]
    ranked = sorted(
        ((share, one) for share, one in shares if share and (one.kind in ruling.kinds or one.kind != opposite)),
        key=lambda pair: (pair[1].kind not in ruling.kinds, -pair[0], -pair[1].score, pair[1].start),
    )
    return [one for _, one in ranked]


def _find_contrary(stand: _Stand, found: Mapping[str, Sequence[TipProposal]]) -> list[TipProposal]:
    """The proposals that turn these words into their opposite: "use alt text" in "Don't use alt text"."""
    ruling, words = stand.ruling, stand.view.place.quotation
    opposite = _OPPOSITE.get(ruling.final_kind)
    if stand.span is None or opposite is None or opposite in ruling.kinds:
        return []
    return [
        one
        for one in found.get(stand.post, ())
        if one.kind == opposite and _find_share(ruling, stand.span, one) and 0 < share_words(words, one.text) < 1
    ]
