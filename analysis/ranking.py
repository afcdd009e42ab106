"""The ranker: a logistic regression over rule and context features, its coefficients readable in weights.json."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from archive.models import TipKind


@dataclass(frozen=True, slots=True)
class Weights:
    """Coefficients by name. ``rules`` hold for the rule's own kind, ``context`` by kind."""

    threshold: float
    bias: Mapping[str, float]
    second_rule_share: float
    rules: Mapping[str, float]
    context: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Score:
    """``value`` is in 0..1. ``parts`` are the contributions by feature name, strongest first."""

    value: float
    parts: tuple[tuple[str, float], ...]

    def render_text(self) -> str:
        """The score in words, for a reader who asks why."""
        ups = [name for name, weight in self.parts if weight > 0]
        downs = [name for name, weight in self.parts if weight < 0]
        said = [f"for: {', '.join(ups)}"] if ups else []
        said += [f"against: {', '.join(downs)}"] if downs else []
        return f"{self.value:.2f} ({'; '.join(said)})" if said else f"{self.value:.2f}"


@cache
def load_weights() -> Weights:
    """The coefficients that ship with this version."""
    found = json.loads(files("analysis").joinpath("weights.json").read_text(encoding="utf-8"))
    return Weights(found["threshold"], found["bias"], found["second_rule_share"], found["rules"], found["context"])


def find_score(kind: TipKind, rules: Iterable[str], context: Iterable[str], weights: Weights | None = None) -> Score:
    """Scores one proposal. The strongest rule counts whole and each further one by a falling share.

    Two rules that fire on the same words are not two pieces of evidence; hence the share.
    """
    weights = weights or load_weights()
    parts: list[tuple[str, float]] = []
    share = 1.0
    for name, weight in sorted(((r, weights.rules[r]) for r in set(rules)), key=lambda pair: (-pair[1], pair[0])):
        parts.append((name, round(weight * share, 4)))
        share *= weights.second_rule_share
    for name in sorted(set(context)):
        weight = weights.context.get(name, {}).get(kind, 0.0)
        if weight:
            parts.append((name, weight))
    total = weights.bias[kind] + sum(weight for _, weight in parts)
    ordered = sorted(parts, key=lambda part: (-abs(part[1]), part[0]))
    return Score(round(1 / (1 + math.exp(-total)), 4), tuple(ordered))
