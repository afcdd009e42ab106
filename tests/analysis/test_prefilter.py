from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.patterns import load_rule_set, load_rules
from analysis.prefilter import Prefilter, find_needed
from analysis.sentences import split_sentences
from benchmarks.labelled import load_examples

NAMES = ("tips", "small_talk", "tones", "asking", "telling", "promotion")


@pytest.mark.parametrize(
    ("pattern", "text", "misses"),
    [
        (r"keep (?:it|them) short\b", "Please KEEP them short", "Keep it long"),
        (r"(?:avoid|steer clear)\b", "I'd steer clear", "I'd go"),
        (r"colou?rs?", "all colours", "all hues"),
        (r"(?:really )?helps?", "it helps", "it works"),
    ],
)
def test_a_pattern_is_tried_where_it_can_match_and_not_where_it_cannot(pattern: str, text: str, misses: str) -> None:
    prefilter = Prefilter([pattern])
    assert prefilter.find_candidates(text) == [0]
    assert prefilter.find_candidates(misses) == []


def test_a_pattern_that_needs_no_letters_is_always_tried() -> None:
    assert find_needed(r"\d+ ?%") is None
    assert Prefilter([r"\d+ ?%", "jargon"]).find_candidates("anything") == [0]


@pytest.mark.parametrize("name", NAMES)
def test_the_rules_find_the_same_with_and_without_it(name: str) -> None:
    rules = load_rules(name)
    for chat in load_examples()[::3]:
        for post in chat.rows.posts:
            for piece in split_sentences(post.text):
                plain = [(rule, match) for rule in rules if (match := rule.search(piece.text))]
                quick = load_rule_set(name).search(piece.text)
                assert [(r.name, m.span()) for r, m in quick] == [(r.name, m.span()) for r, m in plain], piece.text


@given(
    st.text(alphabet="abc dK", max_size=40), st.sampled_from(["abc", "a(?:bc|cb)d", "(?:ab|c)+ d", "a?bcd", "[ab]cd"])
)
def test_no_match_is_lost(text: str, pattern: str) -> None:
    if re.search(pattern, text, re.IGNORECASE):
        assert Prefilter([pattern]).find_candidates(text) == [0]
