"""Finds where a ruling stands now: after other rules, after an edit, after an earlier original has come to light."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from analysis.anchors import Place, find_place, share_words
from analysis.membership import HORIZON_DAYS, LEAD_MINUTES, find_window
from analysis.proposals import TipProposal
from analysis.reading import Reading
from analysis.rulings import Ruling, View
from analysis.support import Evidence
from archive.models import TIP_KINDS, TipKind
from archive.times import shift

_SAME = 0.5  # share of the shorter span: from there on, two spans of one kind are one tip
_OPPOSITE: dict[TipKind, TipKind] = {"do": "dont", "dont": "do"}

Span = tuple[int, int]
Proposals = Mapping[str, Sequence[TipProposal]]
"""By post, before any is left out."""


@dataclass(slots=True)
class Stand:
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

    def falls_together(self, other: Stand) -> bool:
        """Whether the two are one tip by now: the same words, or like each other after an edit or a late original."""
        if self.key == other.key:
            return True
        if (self.near and other.takes(self.near)) or (other.near and self.takes(other.near)):
            return True
        if self.view.post == other.view.post or self.post != other.post or not (self.place and other.place):
            return False
        return self.ruling.final_kind == other.ruling.final_kind and _share(self.place, other.place) >= _SAME


class _Settled:
    """The rulings that stand so far, by their posts and by the proposals that say the same."""

    def __init__(self) -> None:
        self.stands: list[Stand] = []
        self._at: dict[object, list[int]] = {}

    def add(self, stand: Stand) -> None:
        """Takes in one more."""
        for key in self._list_keys(stand):
            self._at.setdefault(key, []).append(len(self.stands))
        self.stands.append(stand)

    def takes(self, proposal: TipProposal) -> bool:
        """Whether somebody decided on this proposal already."""
        return id(proposal) in self._at

    def find_rival(self, stand: Stand) -> Stand | None:
        """The first of them that is one tip with this by now."""
        near = sorted({at for key in self._list_keys(stand) for at in self._at.get(key, ())})
        return next((self.stands[at] for at in near if stand.falls_together(self.stands[at])), None)

    @staticmethod
    def _list_keys(stand: Stand) -> list[object]:
        return [stand.post, *(id(one) for one in (*stand.own, stand.near) if one)]


class Finder:
    """Finds the rulings of one session again.

    ``fallen``: those that by now are at one tip with another that was made later (subject: the later one's).
    """

    def __init__(self, reading: Reading, rulings: Sequence[Ruling]) -> None:
        self.fallen: dict[str, str] = {}
        self._reading = reading
        self._holding: dict[str, list[str]] = {}
        self._posts = {post.id: post for post in reading.rows.posts}
        self._places = {post: at for at, post in enumerate(self._posts)}
        self._rulings = [ruling for ruling in rulings if any(self._concerns(view) for view in ruling.views)]

    def find(self, found: Proposals) -> list[Stand]:
        """Where each ruling stands among these proposals."""
        stands = self._settle(found)
        taken = {id(proposal) for stand in stands for proposal in (*stand.own, stand.near)}
        for stand in stands:  # a tip that the rules now take for another kind is not shown twice
            if stand.proposal is None and (other := self._find_renamed(stand, found, taken)):
                stand.own.append(other)
                taken.add(id(other))
        return stands

    def rank(self, proposal: TipProposal) -> tuple[int, int, int, int]:
        """The canonical order of tips."""
        kind = TIP_KINDS.index(proposal.kind)
        return self._places[proposal.post], proposal.start, kind, proposal.end

    def find_parts(self, stand: Stand) -> list[Evidence]:
        """The other posts of its thread that are still there, with the words that belong to it."""
        parts = []
        for post, place in stand.parts:
            if post in self._posts:
                cleaned = self._reading.cleaned[post]
                whole = cleaned.span(0, len(cleaned.text))
                parts.append(Evidence(post, "part", *(find_place(place, self._posts[post].text) or whole)))
        return parts

    def _concerns(self, view: View) -> bool:
        """Whether the view's post is here, and belongs to no other session: sessions can overlap, or be set anew."""
        session = self._reading.rows.session.id
        if view.post not in self._posts or view.session == session:
            return view.post in self._posts
        holding = self._list_holding(view.post)
        return view.session not in holding and session == next(iter(holding), session)

    def _list_holding(self, post: str) -> list[str]:
        """The sessions that a post can belong to by its time, the earliest first."""
        if post not in self._holding:
            chat, at = self._reading.rows.chat, self._posts[post].posted_at
            opens, closes = shift(at, minutes=LEAD_MINUTES), shift(at, days=-HORIZON_DAYS)
            near = [one for one in chat.sessions if one.starts_at <= opens and one.ends_at >= closes]
            windows = [(one.starts_at, one.id, *find_window(chat, one)) for one in near]
            self._holding[post] = [name for _, name, opens, closes in sorted(windows) if opens <= at < closes]
        return self._holding[post]

    def _settle(self, found: Proposals) -> list[Stand]:
        """Where each ruling stands. Of several at one tip the one that was made last, which comes first."""
        located = [self._locate(ruling, found) for ruling in self._rulings]
        held = {id(one): at for at, stand in enumerate(located) if stand for one in stand.own}
        settled = _Settled()
        for at, ruling in enumerate(self._rulings):
            stand = located[at]
            if stand is None:
                earlier = {one for one, holder in held.items() if holder > at}
                stand = self._find_changed(ruling, found, earlier, settled)
            later = settled.find_rival(stand)
            if later is None:
                settled.add(stand)
            else:
                self.fallen[ruling.subject] = later.ruling.subject
        return settled.stands

    def _locate(self, ruling: Ruling, found: Proposals) -> Stand | None:
        """Its words in the present text: of the earlier original where there is one by now, else of the post itself."""
        for view in self._list_views(ruling):
            for post in self._list_homes(view.post):
                stand = Stand(ruling, view, post, find_place(view.place, self._posts[post].text))
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
        found: Proposals,
        held: Collection[int],
        settled: _Settled,
    ) -> Stand:
        """The proposal that an edit has put in place of its words, else nothing but what is anchored.

        ``held`` are proposals whose very words somebody decided on earlier: an edit elsewhere takes nothing from them.
        """
        views = self._list_views(ruling)
        for view in views:
            like = [one for one in _find_like(ruling, view, found.get(view.post, ())) if id(one) not in held]
            free = [one for one in like if not settled.takes(one)]
            if like:
                return Stand(ruling, view, view.post, near=(free or like)[0])
        return Stand(ruling, views[0], views[0].post)

    def _list_views(self, ruling: Ruling) -> list[View]:
        return [view for view in ruling.views if self._concerns(view)]

    def _list_homes(self, post: str) -> list[str]:
        """The post that represents its repeats, where an earlier one has come to light, and the post."""
        echo = self._reading.echoes.get(post)
        return [echo.of, post] if echo and echo.relation != "quote" and echo.of in self._posts else [post]

    def _find_renamed(self, stand: Stand, found: Proposals, taken: Collection[int]) -> TipProposal | None:
        """The proposal of these very words under another kind."""
        contrary = _find_contrary(stand, found)
        stand.is_contradicted = bool(contrary)
        for one in found.get(stand.post, ()):
            share = _find_share(stand.ruling, stand.span or (0, 0), one)
            if share > _SAME and id(one) not in taken and all(one is not other for other in contrary):
                return one
        return None

    def _find_own(self, stand: Stand, found: Proposals) -> list[TipProposal]:
        """The proposals that say the same words as the same kind, the likest first."""
        own: list[tuple[float, TipProposal]] = []
        for post, span in self._list_spans(stand):
            for one in found.get(post, ()):
                share = _find_share(stand.ruling, span, one)
                if one.kind in stand.ruling.kinds and share and all(one is not known for _, known in own):
                    own.append((share * (post == stand.post), one))
        ranked = sorted(own, key=lambda pair: (-pair[0], -pair[1].score, *self.rank(pair[1])))
        return [one for _, one in ranked]

    def _list_spans(self, stand: Stand) -> Iterator[tuple[str, Span]]:
        """Its span, those under which it was seen before, and those of the other parts of its thread."""
        for view in stand.ruling.views:
            span = find_place(view.place, self._posts[stand.post].text)
            if span and view.post in (stand.post, stand.view.post):
                yield stand.post, span
        for part in self.find_parts(stand):
            yield part.post, (part.start or 0, part.end or 0)


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


def _find_contrary(stand: Stand, found: Proposals) -> list[TipProposal]:
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
