from __future__ import annotations

import json

import pytest

from analysis.explaining import render_likeness, render_score, render_signal
from analysis.patterns import load_rules, parse_rules
from analysis.ranking import HEADS, SHOWN, USABLE, Model, load_model, parse_model, render_model
from archive.models import TIP_KINDS
from benchmarks.labelled import EXAMPLES, build_examples, load_example

SMALL = Model(
    bias=tuple(-1.0 for _ in HEADS),
    weights={"rule:dont": tuple(2.0 if head == "dont" else 0.0 for head in HEADS), "word:jargon": (0.5,) * len(HEADS)},
    thresholds=dict.fromkeys(HEADS, 0.5),
)


def test_a_model_reads_back_as_it_was_written() -> None:
    assert parse_model(render_model(SMALL, "a test")) == SMALL
    written = json.loads(render_model(SMALL, "a test"))
    assert list(written["heads"]["dont"]["weights"]) == ["rule:dont", "word:jargon"], "the strongest first"


def test_every_rule_has_a_coefficient_for_its_kind() -> None:
    model = load_model()
    for rule in load_rules("tips"):
        assert f"rule:{rule.name}" in model.weights, rule.name
    assert set(model.thresholds) == set(HEADS) == {USABLE, *TIP_KINDS}


def test_scores_are_told_from_where_they_are_shown() -> None:
    strict = Model(SMALL.bias, SMALL.weights, dict.fromkeys(HEADS, 0.9))
    loose = Model(SMALL.bias, SMALL.weights, dict.fromkeys(HEADS, 0.1))
    signals = {"rule:dont", "word:jargon"}
    assert strict.find_values(signals)["dont"] < SHOWN < loose.find_values(signals)["dont"]


def test_more_evidence_raises_a_score_and_unknown_signals_change_nothing() -> None:
    alone = SMALL.find_values({"rule:dont"})
    both = SMALL.find_values({"rule:dont", "word:jargon", "word:never seen"})
    assert 0 < alone["dont"] < both["dont"] < 1
    assert SMALL.find_values({"word:never seen"}) == SMALL.find_values(())


def test_an_explanation_adds_up_and_begins_with_what_weighs_most() -> None:
    score = SMALL.explain("dont", {"rule:dont", "word:jargon"})
    assert score.value == SMALL.find_values({"rule:dont", "word:jargon"})["dont"]
    assert [name for name, _ in score.parts] == ["rule:dont", "word:jargon"]
    assert render_score(score) == "0.82 (for: says what not to do; says 'jargon')"


def test_every_signal_of_the_shipped_model_is_said_in_words() -> None:
    for name in load_model().weights:
        said = render_signal(name)
        assert said
        assert "{}" not in said
        assert "_" not in said.partition("'")[0], f"{name} reads {said}"


def test_a_tip_that_no_rule_knows_says_which_words_it_is_like() -> None:
    assert render_likeness(SMALL, "dont", {"word:jargon"}) == "reads like a don't: 'jargon'"
    assert render_likeness(SMALL, "dont", {"place:reply"}) == "stands where a don't is likely"


def test_rule_files_are_read_with_macros_and_refuse_what_is_no_rule() -> None:
    (rule,) = parse_rules("who = (?:you|we)\n# a comment\n\n[should] do: says so\n  {who} should\n  x{2}\n")
    assert (rule.name, rule.kind, rule.says) == ("should", "do", "says so")
    assert rule.search("And WE should")
    assert not rule.search("hewe should")
    with pytest.raises(ValueError, match="line 1 is no rule"):
        parse_rules("  a pattern without a group")


@pytest.mark.parametrize("name", ["tips", "small_talk", "tones", "asking"])
def test_every_group_of_the_shipped_rules_is_named_once(name: str) -> None:
    names = [rule.name for rule in load_rules(name)]
    assert len(names) == len(set(names))
    assert all(rule.says for rule in load_rules(name))


def test_our_own_examples_can_all_be_read() -> None:
    for path in sorted(EXAMPLES.glob("*.tsv")):
        chat = load_example(path)
        assert len(chat.rows.posts) >= 100, path.name
        assert all(kinds <= set(TIP_KINDS) for kinds in chat.kinds.values()), path.name
        assert any(example.kinds for example in build_examples(chat)), path.name
