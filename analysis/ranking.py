"""The ranker: a logistic regression for each kind over the signals of a sentence, its coefficients in weights.json.

The coefficients that ship were learnt from examples that we wrote ourselves (data/examples) and hold no word of
anybody's post. ``analysis.learning`` fits them anew to what people decided.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files

from archive.models import TIP_KINDS

USABLE = "usable"
"""The head that says whether a sentence is of use to the author of a guide, whatever its kind: all but questions."""
HEADS = (USABLE, *TIP_KINDS)
SHOWN = 0.5


@dataclass(frozen=True, slots=True)
class Score:
    """``value`` is in 0..1. ``parts`` are the contributions by signal, strongest first."""

    value: float
    parts: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Model:
    """Coefficients by signal, one for each of HEADS in their order.

    ``thresholds`` by head are the probabilities from which on a sentence is shown; scores are told so that this is
    where 0.5 lies, whatever the head.
    """

    bias: tuple[float, ...]
    weights: Mapping[str, tuple[float, ...]]
    thresholds: Mapping[str, float]

    def find_values(self, signals: Collection[str]) -> dict[str, float]:
        """The score of one sentence by head, in 0..1, shown from SHOWN on. Exact sums: no order of signals matters."""
        rows = [self.bias, *filter(None, map(self.weights.get, signals))]
        return {
            head: _squash(math.fsum(column) - shift)
            for (head, shift), column in zip(self._shifts.items(), zip(*rows, strict=True), strict=True)
        }

    def explain(self, head: str, signals: Collection[str]) -> Score:
        """The score of one head with what made it."""
        at = HEADS.index(head)
        parts = [(name, row[at]) for name in signals if (row := self.weights.get(name))]
        total = math.fsum([self.bias[at], *(weight for _, weight in parts)])
        ordered = sorted(((n, w) for n, w in parts if w), key=lambda part: (-abs(part[1]), part[0]))
        return Score(_squash(total - self._shifts[head]), tuple(ordered))

    @cached_property
    def _shifts(self) -> dict[str, float]:
        return {head: math.log(self.thresholds[head] / (1 - self.thresholds[head])) for head in HEADS}


@cache
def load_model() -> Model:
    """The coefficients that ship with this version."""
    return parse_model(files("analysis").joinpath("weights.json").read_text(encoding="utf-8"))


def parse_model(text: str) -> Model:
    """Reads coefficients as render_model() writes them: by head, then by signal, zeros left out."""
    heads = json.loads(text)["heads"]
    names = sorted({name for head in heads.values() for name in head["weights"]})
    return Model(
        bias=tuple(heads[head]["bias"] for head in HEADS),
        weights={name: tuple(heads[head]["weights"].get(name, 0.0) for head in HEADS) for name in names},
        thresholds={head: heads[head]["threshold"] for head in HEADS},
    )


def render_model(model: Model, about: str) -> str:
    """The coefficients as JSON that can be read: the strongest first, one a line."""
    heads = {}
    for at, head in enumerate(HEADS):
        weights = {name: row[at] for name, row in model.weights.items() if row[at]}
        heads[head] = {
            "threshold": model.thresholds[head],
            "bias": model.bias[at],
            "weights": dict(sorted(weights.items(), key=lambda pair: (-abs(pair[1]), pair[0]))),
        }
    return json.dumps({"about": about, "heads": heads}, ensure_ascii=False, indent=0) + "\n"


def _squash(total: float) -> float:
    return round(1 / (1 + math.exp(-max(-30.0, min(30.0, total)))), 4)
