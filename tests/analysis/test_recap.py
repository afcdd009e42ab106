from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_chat import HOST, analyse, post

from analysis.normalising import normalise
from analysis.proposals import TipProposal
from analysis.questions import Question
from analysis.recap import Quotable, RecapLine, build_recap, find_quotation
from archive.models import TIP_KINDS

QUESTIONS = [Question(f"q{n}", n, "", None, f"Question {n}", None) for n in (1, 2, 3)]
THINGS = (
    "lorries", "sandbags", "captions", "ballots", "potholes", "libraries", "gritters", "leaflets", "swans", "ferries",
    "orchards", "tramlines", "beacons", "kettles", "lanterns", "marquees", "pigeons", "turnstiles", "hedges", "wells",
)  # fmt: skip


def quotable(n: int, words: str | None = None, **more: Any) -> Quotable:
    thing = THINGS[n % len(THINGS)]
    facts: dict[str, Any] = {
        "tip": f"t{n:02d}", "post": f"p{n:02d}", "person": f"x:{n}", "posted_at": f"2026-10-08T12:{n:02d}:00.000Z",
        "kind": "do", "words": words or f"Always count {thing} before anybody mentions {thing[::-1]}.", "score": 0.7,
        "question": f"q{1 + n % 3}",
    }  # fmt: skip
    return Quotable(**facts | more)


def texts(lines: tuple[RecapLine, ...]) -> list[str]:
    return [line.text for line in lines]


def test_a_recap_goes_by_question_and_names_a_tip_and_a_post_for_each_quotation() -> None:
    tips = [quotable(n) for n in range(12)] + [quotable(12, question=None)]
    lines = build_recap(tips, reversed(QUESTIONS))
    places = [("q1", "q2", "q3", None).index(line.question) for line in lines]
    assert places == sorted(places)
    assert set(places) >= {0, 1, 2}
    known = {tip.tip: tip for tip in tips}
    for line in lines:
        assert line.post == known[line.tip].post
        assert line.text in known[line.tip].words


def test_an_hour_has_eight_to_fifteen_sentences_and_a_short_chat_what_it_has() -> None:
    assert len(build_recap([quotable(n) for n in range(3)], QUESTIONS)) == 3
    assert build_recap([], QUESTIONS) == ()
    assert len(build_recap([quotable(n) for n in range(20)], QUESTIONS)) == 8
    many = [quotable(n, f"Ask team {n} about {THINGS[n % 20]} on day {n * 7}.") for n in range(300)]
    assert len(build_recap(many, QUESTIONS)) == 15


def test_what_people_support_or_accepted_comes_before_what_rules_like() -> None:
    tips = [quotable(n, score=0.8) for n in range(20)]
    weak = [quotable(20, "Ring the school before the bus does.", score=0.6, support_count=6)]
    weak += [quotable(21, "Leave the last word to the wardens.", score=0.6, is_accepted=True)]
    assert {"t20", "t21"} <= {line.tip for line in build_recap(tips + weak, QUESTIONS)}


def test_nobody_speaks_twice_in_a_row_nor_more_than_twice() -> None:
    tips = [quotable(n, person="x:ann" if n < 8 else f"x:{n}", score=0.9 if n < 8 else 0.6) for n in range(16)]
    people = {tip.tip: tip.person for tip in tips}
    spoken = [people[line.tip] for line in build_recap(tips, QUESTIONS)]
    assert all(one != other for one, other in pairwise(spoken))
    assert spoken.count("x:ann") <= 2


def test_the_same_thing_is_said_once() -> None:
    twice = [quotable(n, f"Post bin day changes the evening before{'!' * n}", score=0.9) for n in range(5)]
    others = [quotable(n, score=0.6) for n in range(6, 16)]
    lines = build_recap(twice + others, QUESTIONS)
    assert sum("bin day" in line.text for line in lines) == 1


def test_all_kinds_have_their_turn() -> None:
    tips = [quotable(n, score=0.75) for n in range(15)]
    tips += [quotable(15 + n, kind=kind, score=0.7) for n, kind in enumerate(("dont", "example", "concern"))]
    kinds = {tip.tip: tip.kind for tip in tips}
    assert {kinds[line.tip] for line in build_recap(tips, QUESTIONS)} == {"do", "dont", "example", "concern"}


@pytest.mark.parametrize(
    ("words", "quoted"),
    [
        ("Reply once, with the fact. Then stop. And rest. Go home now.", "Reply once, with the fact. Then stop."),
        ("Ask the e.g. older residents first! They know.", "Ask the e.g. older residents first! They know."),
        ("Say it in plain words. " + "Word " * 80 + "end.", "Say it in plain words."),
        ("Say nothing at all " + "but words " * 60, None),
        ("Be human", None),
        ("The guide that we use:", None),
        ("When the mill flooded we learnt three things.", None),
    ],
)
def test_quotations_end_where_a_sentence_ends(words: str, quoted: str | None) -> None:
    assert texts(build_recap([quotable(1, words)], QUESTIONS)) == ([quoted] if quoted else [])


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 60))
def test_a_recap_is_the_same_in_whatever_order_tips_come_and_holds_its_rules(seed: int, count: int) -> None:
    chance = random.Random(seed)
    tips = [
        quotable(
            n, " ".join(chance.choice(THINGS) for _ in range(chance.randrange(1, 9))).capitalize() + ".",
            person=f"x:{chance.randrange(6)}", kind=chance.choice(TIP_KINDS[:5]), score=chance.random(),
            support_count=chance.randrange(4), question=chance.choice(["q1", "q2", "q3", None, "unknown"]),
            post=f"p{chance.randrange(40)}",
        )
        for n in range(count)
    ]  # fmt: skip
    lines = build_recap(tips, QUESTIONS)
    assert build_recap(chance.sample(tips, count), chance.sample(QUESTIONS, 3)) == lines
    known = {tip.tip: tip for tip in tips}
    people = [known[line.tip].person for line in lines]
    assert all(one != other for one, other in pairwise(people))
    assert len({line.post for line in lines}) == len(lines) <= 15
    assert all(known[line.tip].words.startswith(line.text) for line in lines)


def test_a_quotation_is_the_authors_own_words_with_the_link_they_lead_to() -> None:
    cleaned = normalise("A1: Worth a look: https://t.example/a #northmoorhour")
    span = cleaned.span(0, len("Worth a look:"))
    tip = TipProposal("p", "resource", *span, "Worth a look: https://t.example/a", 0.9, "")
    assert find_quotation(tip, cleaned) == "Worth a look: https://t.example/a"
    edited = TipProposal("p", "resource", *span, "Look at this page", 0.9, "")
    assert find_quotation(edited, cleaned) == "Worth a look:"
    longer = TipProposal("p", "resource", *span, "Worth a look: said somebody else", 0.9, "")
    assert find_quotation(longer, cleaned) == "Worth a look:"


def test_the_recap_of_a_session_quotes_its_posts() -> None:
    said = (
        "Post bin day changes the evening before, with a photo of the bin",
        "Don't list all sixty streets in one post",
        "We struggle with sign-off at weekends",
        "Name the gritters and thank them in public",
    )
    posts = [post(6 + n, f"A1: {text} #northmoorhour", f"x:p{n}") for n, text in enumerate(said)]
    found = analyse(post(5, "Q1: What works for bin day? #northmoorhour", HOST), *posts)
    assert len(found.recap) >= 3
    originals = {one.id: one.text for one in posts}
    for line in found.recap:
        assert line.text in originals[line.post]
        assert line.question == found.threads.questions[0].id
        assert line.tip in {tip.id for tip in found.tips if tip.proposal.post == line.post}
