from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.learning import Example, adapt_model, learn_model
from analysis.ranking import HEADS, SHOWN, Model, load_model
from benchmarks.labelled import load_examples
from benchmarks.train_ranker import build_prior, learn

BASE = Model(
    bias=tuple(-2.0 for _ in HEADS),
    weights={"rule:instruction": tuple(2.0 if head in {"do", "usable"} else 0.0 for head in HEADS)},
    thresholds=dict.fromkeys(HEADS, 0.5),
)
GOOD = Example(frozenset(("rule:instruction", "word:captions")), frozenset(("do",)))
BAD = Example(frozenset(("rule:instruction", "word:biscuits")), frozenset())


def test_what_people_reject_sinks_and_what_they_accept_rises() -> None:
    model = adapt_model(BASE, [GOOD] * 10 + [BAD] * 10, [], 1.0)
    assert model.find_values(BAD.signals)["do"] < SHOWN < model.find_values(GOOD.signals)["do"]
    assert model.find_values(GOOD.signals)["concern"] < SHOWN


def test_what_nobody_judged_holds_the_model_where_it_was() -> None:
    undecided = [frozenset(("rule:instruction", f"word:{n}")) for n in range(100)]
    before = BASE.find_values(frozenset(("rule:instruction",)))["do"]
    free = adapt_model(BASE, [GOOD] * 20, [], 1.0).find_values(frozenset(("rule:instruction",)))["do"]
    held = adapt_model(BASE, [GOOD] * 20, undecided, 1.0).find_values(frozenset(("rule:instruction",)))["do"]
    assert abs(held - before) < abs(free - before) / 2


def test_a_costlier_change_is_a_smaller_one() -> None:
    cheap, dear = (adapt_model(BASE, [BAD] * 10, [], cost).find_values(BAD.signals)["do"] for cost in (0.5, 50.0))
    assert cheap < dear < BASE.find_values(BAD.signals)["do"]


def test_nothing_to_learn_from_changes_nothing() -> None:
    assert adapt_model(BASE, [], [], 1.0) == BASE


@settings(max_examples=25)
@given(st.permutations([GOOD, GOOD, GOOD, BAD, BAD, Example(frozenset(("word:x", "word:y")), frozenset(("concern",)))]))
def test_the_order_of_the_examples_changes_nothing(examples: list[Example]) -> None:
    assert adapt_model(BASE, examples, [], 2.0) == adapt_model(BASE, sorted(examples, key=repr), [], 2.0)


def test_a_word_that_is_seen_too_seldom_is_not_learnt() -> None:
    model = learn_model([GOOD, GOOD, BAD, BAD], 1.0, BASE)
    assert "word:captions" not in model.weights
    assert "word:captions" in learn_model([GOOD] * 3 + [BAD] * 3, 1.0, BASE).weights


def test_the_shipped_coefficients_are_what_the_examples_teach() -> None:
    learnt, shipped = learn(load_examples()), load_model()
    assert learnt.thresholds == shipped.thresholds
    for name, row in learnt.weights.items():
        assert shipped.weights.get(name, (0.0,) * len(HEADS)) == pytest.approx(row, abs=0.05), f"{name}: `make weights`"


def test_the_hand_set_coefficients_name_signals_that_exist() -> None:
    learnt = load_model()
    assert {name for name in build_prior().weights if name.startswith("rule:")} <= set(learnt.weights)
