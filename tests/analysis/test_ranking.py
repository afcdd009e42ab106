from __future__ import annotations

import pytest

from analysis.features import find_post_features, find_sentence_features
from analysis.patterns import load_rules, parse_rules
from analysis.ranking import find_score, load_weights
from archive.models import TIP_KINDS


def test_every_rule_has_a_weight_and_every_weight_a_rule() -> None:
    weights = load_weights()
    named = {rule.name for rule in load_rules("tips")} | {
        "instruction",
        "instruction_after",
        "asks",
        "link",
        "asked_how",
        "limit",
    }
    named |= {f"asked_{kind}" for kind in ("do", "dont", "concern")}
    assert named == set(weights.rules)
    assert set(weights.bias) == set(TIP_KINDS)
    assert all(set(kinds) <= set(TIP_KINDS) for kinds in weights.context.values())


def test_every_context_weight_belongs_to_a_feature() -> None:
    known = {rule.name for name in ("small_talk", "tones", "asking") for rule in load_rules(name)}
    known |= {f"wanted_{kind}" for kind in TIP_KINDS}
    known |= {"marked", "linked", "unlinked", "host", "agreed_with", "reposted", "link_out", "link_inside", "link_last"}
    known |= {"tiny", "short", "long", "asking"}
    assert set(load_weights().context) <= known
    assert find_sentence_features("Yes", ()) <= known
    assert callable(find_post_features)


def test_more_evidence_never_lowers_a_score_and_the_sum_is_explained() -> None:
    one = find_score("do", ["instruction"], ["marked"])
    two = find_score("do", ["instruction", "helps"], ["marked"])
    assert 0 < one.value < two.value < 1
    total = load_weights().bias["do"] + sum(weight for _, weight in two.parts)
    assert (two.value > 0.5) == (total > 0)
    assert two.render_text().startswith(f"{two.value:.2f} (for: instruction")


def test_small_talk_counts_against() -> None:
    plain = find_score("do", ["should"], ["marked"])
    housekeeping = find_score("do", ["should"], ["marked", "housekeeping"])
    assert housekeeping.value < 0.5 < plain.value
    assert "against: housekeeping" in housekeeping.render_text()


def test_rule_files_are_read_with_macros_and_refuse_what_is_no_rule() -> None:
    (rule,) = parse_rules("who = (?:you|we)\n# a comment\n\n[should] do: says so\n  {who} should\n  x{2}\n")
    assert (rule.name, rule.kind, rule.says) == ("should", "do", "says so")
    assert rule.pattern.search("And WE should")
    assert not rule.pattern.search("hewe should")
    with pytest.raises(ValueError, match="line 1 is no rule"):
        parse_rules("  a pattern without a group")


@pytest.mark.parametrize("name", ["tips", "small_talk", "tones", "asking"])
def test_every_group_of_the_shipped_rules_is_named_once(name: str) -> None:
    names = [rule.name for rule in load_rules(name)]
    assert len(names) == len(set(names))
    assert all(rule.says for rule in load_rules(name))
