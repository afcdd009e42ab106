"""How well tips and answers are found: right, wrong and missed against what annotators gave each post."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from analysis.decided import Decided, Judged
from analysis.engine import propose
from analysis.ranking import USABLE, Model
from analysis.reading import Reading, read_session
from archive.models import TIP_KINDS
from benchmarks.labelled import LabelledChat

RIGHT_QUESTION = "right question"
_USABLE_KINDS = frozenset(TIP_KINDS) - {"question"}


@dataclass
class Tally:
    """Right, wrong and missed by kind."""

    right: Counter[str] = field(default_factory=Counter)
    extra: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, *, found: bool, wanted: bool) -> None:
        """Counts one post."""
        self.right[kind] += found and wanted
        self.extra[kind] += found and not wanted
        self.missed[kind] += wanted and not found

    def count(self, kind: str) -> int:
        """How many posts the annotators gave this kind."""
        return self.right[kind] + self.missed[kind]

    def precision(self, kind: str) -> float:
        """Of what was found, the share that is right."""
        return self.right[kind] / max(1, self.right[kind] + self.extra[kind])

    def recall(self, kind: str) -> float:
        """Of what is there, the share that was found."""
        return self.right[kind] / max(1, self.count(kind))

    def f1(self, kind: str) -> float:
        """The harmonic mean of both."""
        return 2 * self.right[kind] / max(1, 2 * self.right[kind] + self.extra[kind] + self.missed[kind])

    def merged(self, other: Tally) -> Tally:
        """Both together."""
        return Tally(self.right + other.right, self.extra + other.extra, self.missed + other.missed)


def score_chats(chats: Iterable[LabelledChat], model: Model | None = None) -> list[tuple[str, Tally]]:
    """A tally for each post of the chats, so that intervals can be drawn by resampling posts."""
    return [one for chat in chats for one in _score(chat, model)]


def total(tallies: Iterable[tuple[str, Tally]]) -> Tally:
    """The sum of the tallies."""
    whole = Tally()
    for _, one in tallies:
        for counts, own in ((whole.right, one.right), (whole.extra, one.extra), (whole.missed, one.missed)):
            counts.update(own)
    return whole


def _score(chat: LabelledChat, model: Model | None) -> Iterable[tuple[str, Tally]]:
    reading = read_session(chat.rows)
    return score_found(chat, reading, propose(reading, Decided(reading, ()), model))


def score_found(chat: LabelledChat, reading: Reading, judged: Iterable[Judged]) -> Iterator[tuple[str, Tally]]:
    """A tally for each post of what was found, against what its annotators gave it."""
    kinds, values = find_by_post(reading, judged)
    for post, wanted in chat.kinds.items():
        tally, found, disputed = Tally(), kinds.get(post, set()), chat.disputed.get(post, frozenset())
        for kind in TIP_KINDS:
            if kind not in disputed:
                tally.add(kind, found=kind in found, wanted=kind in wanted)
        if wanted & _USABLE_KINDS or not disputed & _USABLE_KINDS:
            tally.add(USABLE, found=bool(found & _USABLE_KINDS), wanted=bool(wanted & _USABLE_KINDS))
        question = chat.questions[post]
        if question.startswith("A"):
            tally.add(RIGHT_QUESTION, found=values.get(post) == question, wanted=True)
        yield post, tally


def find_by_post(reading: Reading, judged: Iterable[Judged]) -> tuple[dict[str, set[str]], dict[str, str]]:
    """The kinds and the question value of each post, in the labels' own terms."""
    kinds: dict[str, set[str]] = {}
    values: dict[str, str] = {}
    numbers = {question.id: question.number for question in reading.threads.questions}
    for tip in judged:
        kinds.setdefault(tip.proposal.post, set()).add(tip.proposal.kind)
        for evidence in tip.evidence:
            if evidence.relation in {"part", "duplicate"} and evidence.start is not None:
                kinds.setdefault(evidence.post, set()).add(tip.proposal.kind)
    for post, answers in reading.threads.by_post.items():
        values[post] = f"A{numbers[max(answers, key=lambda answer: answer.confidence).question]}"
    for question in reading.threads.questions:
        for post in filter(None, (question.post, *question.repeats)):
            kinds[post] = {"question"}
            values[post] = f"Q{question.number}"
    return kinds, values
