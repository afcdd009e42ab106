"""A tip as rules and ranker propose it, before anybody stands behind it or decides on it."""

from __future__ import annotations

from dataclasses import dataclass, field

from archive.models import TipKind


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
    signals: frozenset[str] = field(default=frozenset(), compare=False)
