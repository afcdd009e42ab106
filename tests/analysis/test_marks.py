from __future__ import annotations

import pytest

from analysis.marks import parse_inner_marks, parse_led_in_mark, parse_marks


def named(text: str) -> list[str]:
    return [f"{mark.role[0].upper()}{mark.number}{mark.part}" for mark in parse_marks(text)[0]]


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("Q1 What works?", ["Q1"]),
        ("Q.1 What works?", ["Q1"]),
        ("Q1: What works?", ["Q1"]),
        ("#Q1 What works?", ["Q1"]),
        ("Question 1: What works?", ["Q1"]),
        ("Question two: What works?", ["Q2"]),
        ("T1: What works?", ["Q1"]),
        ("[Q3] What works?", ["Q3"]),
        ("🌟 Q4 🌟 What works?", ["Q4"]),
        ("**Q5** What works?", ["Q5"]),
        ("Q1a What works?", ["Q1a"]),
        ("A1 photos", ["A1"]),
        ("A.1 photos", ["A1"]),
        ("A1. photos", ["A1"]),
        ("A 1: photos", ["A1"]),
        ("a1) photos", ["A1"]),
        ("A1b - photos", ["A1b"]),
        ("A3I have found photos work", ["A3"]),
        ("A!. photos", ["A1"]),
        ("A1 & A2: photos", ["A1", "A2"]),
        ("A3a&b: photos", ["A3a", "A3b"]),
        ("Answer to Q2: photos", ["A2"]),
        ("In reply to Q2, photos", ["A2"]),
        ("a 5 minute film", []),
        ("A55 closed at Northmoor", []),
        ("At 9 the bins go out", []),
        ("Quality first", []),
        ("Q0: nothing", []),
    ],
)
def test_marks_are_read_in_all_their_spellings(text: str, marks: list[str]) -> None:
    assert named(text) == marks


def test_a_second_mark_inside_a_post_counts_at_the_start_of_a_sentence_only() -> None:
    assert [mark.number for mark in parse_inner_marks("Photos work. A2: reply fast", 3)] == [2]
    assert not parse_inner_marks("we print on A4: it is cheap", 3)


def test_a_led_in_question_is_found() -> None:
    assert [mark.number for mark in parse_led_in_mark("Ready everybody? Q2: what works?")] == [2]
    assert [mark.number for mark in parse_led_in_mark("Here comes question three: what works?")] == [3]
    assert not parse_led_in_mark("We loved the FAQ 2 page")
