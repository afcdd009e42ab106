"""What people decided of tips, read from their decisions: one ruling a tip, with every view of it that they had."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from analysis.anchors import Place
from archive.decisions import Decision, find_current
from archive.models import TIP_KINDS, TipKind

TipState = Literal["proposed", "accepted", "rejected"]
FIELDS = ("state", "kind", "text", "span", "theme", "question")
NO_QUESTION = "none"
"""The value of the field question that says: it answers none."""
_SPAN = re.compile(r"\d{1,9}:\d{1,9}")
_DID = {"accepted": "accepted", "rejected": "rejected", "proposed": "changed"}


@dataclass(frozen=True, slots=True)
class View:
    """A tip as somebody saw it who decided on it. ``is_chosen``: the place is the span that they chose for it."""

    post: str
    session: str
    kind: TipKind
    text: str
    place: Place
    score: float = 0.5
    parts: tuple[tuple[str, Place], ...] = ()
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class Ruling:
    """All that is in force on one tip. ``views``: a chosen span first, then the latest.

    ``by`` is who accepted or rejected it, else who changed it last.
    """

    subject: str
    state: TipState
    by: str
    views: tuple[View, ...]
    kind: TipKind | None = None
    text: str | None = None
    theme: str | None = None
    question: str | None = None

    @property
    def final_kind(self) -> TipKind:
        """The kind that a person gave it, else the one that they saw."""
        return self.kind or self.views[0].kind

    @property
    def kinds(self) -> frozenset[TipKind]:
        """Every kind under which it was seen, and the one it has now."""
        return frozenset((self.final_kind, *(view.kind for view in self.views)))

    @property
    def why_kept(self) -> str:
        """The reason for a tip that no rule proposes any more."""
        return f"kept because {self.by} {_DID[self.state]} it"


def find_rulings(decisions: Sequence[Decision]) -> tuple[Ruling, ...]:
    """The rulings in force, what was decided last first. A decision with a value that means nothing counts as none."""
    fields: dict[str, dict[str, Decision]] = {}
    for (subject, name), decision in find_current(decisions, "tip").items():
        if _means_something(name, decision.value):
            fields.setdefault(subject, {})[name] = decision
    made: dict[str, list[Decision]] = {subject: [] for subject in fields}
    last: dict[str, int] = {}
    for at, decision in enumerate(decisions):
        if decision.subject_kind == "tip" and decision.subject in made and decision.value:
            made[decision.subject].append(decision)
            if fields[decision.subject].get(decision.field) is decision:
                last[decision.subject] = at
    rulings = (
        _build_ruling(s, fields[s], made[s], decisions[last[s]].by) for s in sorted(fields, key=lambda s: -last[s])
    )
    return tuple(ruling for ruling in rulings if ruling.views)


def _means_something(name: str, value: str) -> bool:
    if name == "state":
        return value in ("accepted", "rejected")
    if name == "kind":
        return value in TIP_KINDS
    return bool(_SPAN.fullmatch(value)) if name == "span" else name in FIELDS and bool(value.strip())


def _build_ruling(subject: str, fields: Mapping[str, Decision], made: Sequence[Decision], by: str) -> Ruling:
    values = {name: decision.value for name, decision in fields.items()}
    chosen = _read_chosen(fields["span"]) if "span" in fields else None
    seen = [view for decision in reversed(made) if (view := read_view(decision.anchor))]
    return Ruling(
        subject=subject,
        state=cast("TipState", values.get("state", "proposed")),
        by=fields["state"].by if "state" in fields else by,
        views=tuple(dict.fromkeys(([chosen] if chosen else []) + seen)),
        kind=cast("TipKind | None", values.get("kind")),
        text=values.get("text"),
        theme=values.get("theme"),
        question=values.get("question"),
    )


def read_view(anchor: Mapping[str, Any]) -> View | None:
    """The view that an anchor stores; None where it names no post, or no kind of tip."""
    if not isinstance(anchor.get("post"), str) or anchor.get("kind") not in TIP_KINDS:
        return None
    score = anchor.get("score")
    return View(
        post=anchor["post"],
        session=_text(anchor.get("session")),
        kind=cast("TipKind", anchor["kind"]),
        text=_text(anchor.get("text")),
        place=_read_place(anchor),
        score=float(score) if isinstance(score, int | float) else 0.5,
        parts=tuple(_read_parts(anchor.get("parts"))),
    )


def _read_chosen(decision: Decision) -> View | None:
    """The view of a chosen span: as stored beside what was seen, or counted off from it where only that is stored."""
    seen, stored = read_view(decision.anchor), decision.anchor.get("chosen")
    if seen is None:
        return None
    start, end = (int(number) for number in decision.value.split(":"))
    place = _read_place(stored) if isinstance(stored, Mapping) else _cut(seen.place, start, end)
    return View(seen.post, seen.session, seen.kind, "", place, seen.score, is_chosen=True) if place else None


def _cut(seen: Place, start: int, end: int) -> Place | None:
    """A span of the text round a place, None where the anchor does not reach so far."""
    text, first = seen.before + seen.quotation + seen.after, seen.start - len(seen.before)
    if not first <= start < end <= first + len(text):
        return None
    return Place(text[start - first : end - first], text[: start - first], text[end - first :], start)


def _read_place(stored: Mapping[str, Any]) -> Place:
    start = stored.get("start")
    return Place(
        _text(stored.get("quotation")),
        _text(stored.get("before")),
        _text(stored.get("after")),
        start if isinstance(start, int) else 0,
    )


def _read_parts(stored: object) -> Iterator[tuple[str, Place]]:
    for part in stored if isinstance(stored, list) else ():
        if isinstance(part, Mapping) and isinstance(part.get("post"), str):
            yield part["post"], _read_place(part)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
