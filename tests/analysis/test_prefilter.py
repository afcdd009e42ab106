from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.patterns import load_rule_set, load_rules
from analysis.prefilter import Prefilter, is_anchored
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
    assert Prefilter([r"\d+", "jargon"]).find_candidates("anything") == [0]


def test_a_pattern_that_stands_where_a_word_begins_is_tried_only_where_a_word_begins_so() -> None:
    prefilter = Prefilter([r"(?<!\w)(?:(?:we|i) \w+ it\b)"])
    assert prefilter.find_candidates("(We love it") == [0]
    assert prefilter.find_candidates("Awe is it") == []


def test_a_pattern_with_two_needs_is_tried_only_where_both_are_met() -> None:
    prefilter = Prefilter([r"reply\W+\w+ quickly"])
    assert prefilter.find_candidates("Reply: most quickly") == [0]
    assert prefilter.find_candidates("Reply: most slowly") == prefilter.find_candidates("Most quickly") == []


def test_some_of_the_patterns_can_be_asked_for_and_are_counted_from_the_first_of_these() -> None:
    assert Prefilter(["one", "two", "three"]).find_candidates("one two", first=1, count=2) == [0]


@pytest.mark.parametrize(
    ("pattern", "anchored"),
    [(r"^\W*yes", True), (r"(?<!\w)(?:^yes|^no)", True), (r"(?:^yes|no)", False), ("yes", False), ("", False)],
)
def test_a_pattern_is_anchored_where_each_of_its_branches_is(pattern: str, *, anchored: bool) -> None:
    assert is_anchored(pattern) == anchored


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
    st.text(alphabet="abc dKıİ\n-", max_size=40),
    st.sampled_from(
        [
            "abc", "a(?:bc|cb)d", "(?:ab|c)+ d", "a?bcd", "[ab]cd", r"(?<!\w)(?:a|bc d)\w*", r"(?<!\w)(?:a )*bc",
            r"(?<!\w)(?:[ab]c)?d\b", r"(?<!\w)(?:\s?a|^b+)c", r"(?<!\w)i", r"a\s+b.*c-d", r"(?<!\w)(?=a)[a-c]+ ?d",
        ]
    ),
)  # fmt: skip
def test_no_match_is_lost(text: str, pattern: str) -> None:
    if re.search(pattern, text, re.IGNORECASE):
        assert Prefilter([pattern]).find_candidates(text) == [0]
