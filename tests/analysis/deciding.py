"""Rules that a test swaps like versions of a program, and decisions made as a person makes them: on what is shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from made_up_chat import rows_of

from analysis.anchors import ShownTip, build_anchor
from analysis.engine import Findings, Tip, analyse_session
from analysis.normalising import normalise
from analysis.proposals import TipProposal
from analysis.rows import SessionPost
from archive.decisions import Decision, find_current
from archive.models import Chat, TipKind

_SENTENCE = re.compile(r"\S[^.!?\n]*[.!?]*")
_KINDS: tuple[tuple[str, TipKind], ...] = (
    (r"\b(?:don't|never|avoid)\b", "dont"), (r"\?$", "question"), (r"\bwe\b", "example"), (r"", "do"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rules:
    """A version of the rules: every sentence is a tip, or every so many together, but those that hold a word."""

    joins: int = 1
    leaves_out: str = ""
    kinds: Mapping[TipKind, TipKind] | None = None
    score: float = 0.6

    def find(self, text: str, post: str = "x:1") -> list[TipProposal]:
        cleaned = normalise(text, {"northmoorhour"})
        pieces = list(_SENTENCE.finditer(cleaned.text))
        found = []
        for at in range(0, len(pieces), self.joins):
            first, last = pieces[at], pieces[min(at + self.joins, len(pieces)) - 1]
            words = cleaned.text[first.start() : last.end()].strip()
            if not (self.leaves_out and self.leaves_out in words):
                found.append(self._propose(post, words, cleaned.span(first.start(), first.start() + len(words))))
        return found

    def _propose(self, post: str, words: str, span: tuple[int, int]) -> TipProposal:
        kind = next(kind for pattern, kind in _KINDS if re.search(pattern, words, re.IGNORECASE))
        kind = (self.kinds or {}).get(kind, kind)
        return TipProposal(post, kind, *span, text=" ".join(words.split()), score=self.score, reason="a rule")


@dataclass(slots=True)
class Played:
    """A chat of one session under some version of the rules, and what people decided in it."""

    swap: Callable[[Rules], None]
    posts: dict[str, SessionPost]
    decisions: list[Decision]
    chat: Chat | None = None

    def look(self, order: Sequence[str] | None = None) -> Findings:
        """What is shown now, whatever order the posts came in."""
        posts = [self.posts[post] for post in order or self.posts]
        return analyse_session(rows_of(*posts, chat=self.chat), decisions=self.decisions)

    def edit(self, post: str, text: str) -> None:
        self.posts[post] = replace(self.posts[post], text=text)

    def find(self, words: str) -> Tip:
        """The tip that is shown with these words in it."""
        (tip,) = (tip for tip in self.look().tips if words in tip.proposal.text)
        return tip

    def decide(self, tip: Tip, by: str = "ann", chosen: tuple[int, int] | None = None, /, **fields: str) -> str:
        """A person decides on what they see, or on a span that they chose; gives the id that they decided on."""
        texts = {post: one.text for post, one in self.posts.items()}
        anchor = build_anchor(shown(tip), texts, chosen)
        if chosen:
            fields = {**fields, "span": f"{chosen[0]}:{chosen[1]}"}
        for name, value in fields.items():
            number = len(self.decisions)
            self.decisions.append(
                Decision(
                    subject_kind="tip", subject=tip.id, field=name, value=value, chat="northmoor", by=by,
                    at=f"2026-10-09T12:{number // 60:02}:{number % 60:02}.000Z", anchor=anchor, id=str(number),
                )
            )  # fmt: skip
        return tip.id

    def take_back(self, tip: Tip, by: str = "ann") -> None:
        """A person takes back all that was decided of a tip."""
        in_force = {name for subject, name in find_current(self.decisions, "tip") if subject == tip.id}
        self.decide(tip, by, None, **dict.fromkeys(sorted(in_force), ""))


def shown(tip: Tip) -> ShownTip:
    """A tip as the archive stores it."""
    one = tip.proposal
    parts = tuple((e.post, e.start or 0, e.end or 0) for e in tip.evidence if e.relation == "part")
    return ShownTip(tip.id, "northmoor-1", one.post, one.kind, one.start, one.end, one.text, one.score, parts)
