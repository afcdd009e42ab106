"""The ranker of a chat: the shipped one, moved by what people decided on the chat's tips."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from analysis.decided import Judged
from analysis.learning import Example, adapt_model
from analysis.ranking import HEADS, Model, load_model
from analysis.reading import Reading
from archive.decisions import Decision
from archive.models import Chat

LEAST_DECISIONS = 16
"""Decided tips from which on the ranker learns. Measured: with 16 it already serves the session at hand better."""
# How much a large change costs; chosen on examples of our own and the sessions that rules were built with.
_STRENGTH = 3.0


@dataclass(slots=True)
class Lessons:
    """What a chat's decisions teach: the judged sentences, and the signals of those that nobody judged."""

    examples: list[Example] = field(default_factory=list)
    undecided: list[frozenset[str]] = field(default_factory=list)
    decisions_count: int = 0

    def add(self, reading: Reading, judged: Iterable[Judged]) -> None:
        """Takes in one session."""
        ruled = [one for one in judged if one.ruling is not None and one.proposal.post in reading.posts]
        kinds: dict[tuple[str, int], set[str]] = {}
        for one in ruled:
            for at in _find_sentences(reading, one):
                own = kinds.setdefault((one.proposal.post, at), set())
                if one.state != "rejected":
                    own.add(one.proposal.kind)
        self.decisions_count += len(ruled)
        for post, read in reading.posts.items():
            for at, sentence in enumerate(read.sentences):
                if (post, at) in kinds:
                    self.examples.append(Example(sentence.signals, frozenset(kinds[post, at])))
                else:
                    self.undecided.append(sentence.signals)

    def build_model(self) -> Model:
        """The model of the chat; the shipped one itself where too little was decided."""
        if self.decisions_count < LEAST_DECISIONS:
            return load_model()
        return adapt_model(load_model(), self.examples, self.undecided, _STRENGTH)


def can_learn(decisions: Sequence[Decision]) -> bool:
    """Whether enough tips were decided on for anything to be learnt."""
    return len({one.subject for one in decisions if one.subject_kind == "tip"}) >= LEAST_DECISIONS


def find_decided_sessions(decisions: Sequence[Decision]) -> frozenset[str]:
    """The sessions whose tips people decided on."""
    return frozenset(str(one.anchor.get("session", "")) for one in decisions if one.subject_kind == "tip")


def save_ranker(conn: sqlite3.Connection, chat: Chat, model: Model, lessons: Lessons, made_of: str) -> None:
    """Stores the coefficients that the decisions changed, readable as JSON, inside the caller's transaction."""
    conn.execute("DELETE FROM rankers WHERE chat = ?", (chat.slug,))
    if model is not load_model():
        text = json.dumps(_list_changes(model), ensure_ascii=False, sort_keys=True)
        conn.execute("INSERT INTO rankers VALUES (?, ?, ?, ?)", (chat.slug, lessons.decisions_count, text, made_of))


def load_ranker(conn: sqlite3.Connection, chat: Chat, made_of: str) -> Model | None:
    """The stored model of a chat, None where it was made of other decisions or by another version."""
    row = conn.execute("SELECT weights FROM rankers WHERE chat = ? AND version = ?", (chat.slug, made_of)).fetchone()
    if row is None:
        return None
    changes, model = json.loads(row[0]), load_model()
    weights = dict(model.weights)
    for name in sorted({name for change in changes.values() for name in change["weights"]}):
        own = list(weights.get(name, (0.0,) * len(HEADS)))
        for at, head in enumerate(HEADS):
            own[at] = changes[head]["weights"].get(name, own[at])
        weights[name] = tuple(own)
    return replace(model, bias=tuple(changes[head]["bias"] for head in HEADS), weights=weights)


def build_fingerprint(version: str, decisions: Sequence[Decision]) -> str:
    """What a ranker was made of: the version, and the decisions on tips."""
    ids = "\x1f".join(one.id for one in decisions if one.subject_kind == "tip")
    return f"{version}+{hashlib.sha256(ids.encode()).hexdigest()[:16]}"


def _list_changes(model: Model) -> dict[str, dict[str, object]]:
    shipped, nothing = load_model(), (0.0,) * len(HEADS)
    return {
        head: {
            "bias": model.bias[at],
            "weights": {
                name: model.weights.get(name, nothing)[at]
                for name in {*model.weights, *shipped.weights}
                if model.weights.get(name, nothing)[at] != shipped.weights.get(name, nothing)[at]
            },
        }
        for at, head in enumerate(HEADS)
    }


def _find_sentences(reading: Reading, one: Judged) -> list[int]:
    """The sentences of the tip's post that its span touches."""
    read = reading.posts[one.proposal.post]
    places = [read.find_place(sentence) for sentence in read.sentences]
    return [at for at, (start, end) in enumerate(places) if min(end, one.proposal.end) > max(start, one.proposal.start)]
