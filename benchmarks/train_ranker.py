"""Learns analysis/weights.json from our own examples, beginning with hand-set coefficients; `make weights` runs it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from analysis.learning import Example, learn_model  # noqa: E402 - the path comes first
from analysis.patterns import load_rules  # noqa: E402 - the path comes first
from analysis.ranking import HEADS, USABLE, Model, render_model  # noqa: E402 - the path comes first
from archive.models import TIP_KINDS  # noqa: E402 - the path comes first
from benchmarks.labelled import LabelledChat, build_examples, load_examples  # noqa: E402 - the path comes first

STRENGTH = 30.0
# Where precision and recall balance, on examples left out of the learning and on the sessions rules were built with.
THRESHOLDS = {
    USABLE: 0.37, "do": 0.37, "dont": 0.32, "example": 0.40, "resource": 0.50, "concern": 0.42, "question": 0.45,
}  # fmt: skip
ABOUT = (
    "Coefficients of the ranker: a logistic regression for each head over the signals of a sentence. `make weights`"
    " learns them from the examples in data/examples, all of our own writing, beginning with hand-set ones for the"
    " names of our rules. No word of anybody's post is in here."
)
_PLAIN, _PLAIN_COUNTS = "plain_", 2  # chats that were called to collect advice are what this is made for
_SHARE_OF_USE = 0.7  # of a kind's coefficient, for whether a sentence is of use at all
_BIAS_OF_USE = -1.3
_KIND_OF_RULE: Mapping[str, str] = {
    "instruction": "do", "instruction_after": "do", "limit": "do", "link": "resource", "asks": "question",
}  # fmt: skip
_ASKED = {
    "asked_do": ("do", "do"), "asked_dont": ("dont", "dont"), "asked_concern": ("concern", "concern"),
    "asked_how": ("asked_how", "do"),
}  # fmt: skip
_WHOLE_POST = frozenset(("roll-call", "housekeeping", "advert", "introduction", "sarcasm"))
_PLACES = frozenset(
    ("marked", "linked", "unlinked", "host", "agreed_with", "reposted", "link_out", "link_inside", "link_last")
)


def build_prior() -> Model:
    """The coefficients set by hand, as a model to begin with."""
    hand = json.loads((HERE / "hand_weights.json").read_text(encoding="utf-8"))
    weights: dict[str, list[float]] = {}
    kinds = {rule.name: rule.kind for rule in load_rules("tips")} | dict(_KIND_OF_RULE)
    for rule, weight in hand["rules"].items():
        if rule in kinds:
            _add(weights, f"rule:{rule}", {kinds[rule]: weight})
    for asked, (name, kind) in _ASKED.items():
        _add(weights, f"nothing but:{name}", {kind: hand["rules"][asked]})
    for name, by_kind in hand["context"].items():
        for group in _find_groups(name):
            _add(weights, f"{group}:{name}", by_kind)
    bias = [_BIAS_OF_USE if head == USABLE else hand["bias"][head] for head in HEADS]
    return Model(tuple(bias), {name: tuple(row) for name, row in weights.items()}, THRESHOLDS)


def learn(chats: list[LabelledChat], examples: Mapping[str, list[Example]] | None = None) -> Model:
    """The model that these chats teach."""
    found = [
        example
        for chat in chats
        for example in (examples or {}).get(chat.name) or build_examples(chat)
        for _ in range(_PLAIN_COUNTS if chat.name.startswith(_PLAIN) else 1)
    ]
    return learn_model(found, STRENGTH, build_prior())


def main() -> None:
    """Learns and writes."""
    model = learn(load_examples())
    target = HERE.parent / "analysis" / "weights.json"
    target.write_text(render_model(model, ABOUT), encoding="utf-8")
    sys.stdout.write(f"learnt {len(model.weights)} coefficients\n")


def _add(weights: dict[str, list[float]], name: str, by_kind: Mapping[str, Any]) -> None:
    row = weights.setdefault(name, [0.0] * len(HEADS))
    for kind, weight in by_kind.items():
        row[HEADS.index(kind)] = weight
    of_use = [weight for kind, weight in by_kind.items() if kind != "question"]
    if of_use:
        shared = of_use[0] if len(of_use) == 1 else sum(of_use) / (len(TIP_KINDS) - 1)
        row[HEADS.index(USABLE)] = round(_SHARE_OF_USE * shared, 3)


def _find_groups(name: str) -> tuple[str, ...]:
    if name in _WHOLE_POST:
        return ("place", "tone")
    return ("place",) if name in _PLACES or name.startswith(("wanted_", "asked_")) else ("tone",)


if __name__ == "__main__":
    main()
