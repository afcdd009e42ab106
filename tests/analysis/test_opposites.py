from __future__ import annotations

import pytest
from made_up_chat import analyse, post

from analysis.opposites import may_repeat

OPPOSITE = [
    ("Always reply to trolls", "Never reply to trolls"),
    ("Use emoji in headlines", "Don't use emoji in headlines"),
    ("Post bin changes before 6pm", "Post bin changes after 6pm"),
    ("Use more hashtags in each post", "Use fewer hashtags in each post"),
    ("Do answer complaints yourself", "Don't answer complaints yourself"),
    ("When posts went up, complaints went down", "When posts went down, complaints went up"),
    ("Put it on Facebook first", "Put it on Nextdoor first"),
    (
        "Answer every complaint within 2 hours of its arrival here",
        "Answer every complaint within 24 hours of its arrival here",
    ),
    ("Answer complaints in public", "Answer complaints in private"),
    ("Turn comments on and answer each", "Turn comments off and answer none"),
]
SAME = [
    ("Use plain English in every post", "Use plain English in every post!"),
    ("Caption each film that you make", "Caption every film that you make"),
    ("Don't use jargon, residents will not read it", "Do not use jargon, residents won't read it"),
    ("Reply within the hour even to say that you don't know", "Reply within the hour even to say that you…"),
    ("Test each post on three residents before it goes out", "Test each post on 3 residents before it goes out"),
]


@pytest.mark.parametrize(("one", "other"), OPPOSITE)
def test_opposites_are_two_tips(one: str, other: str) -> None:
    assert not may_repeat(one, other)
    assert not may_repeat(other, one)


@pytest.mark.parametrize(("one", "other"), SAME)
def test_small_changes_say_the_same(one: str, other: str) -> None:
    assert may_repeat(one, other)
    assert may_repeat(other, one)


def test_a_warning_does_not_stand_behind_what_it_warns_of() -> None:
    one = post(10, "A1: Always reply to trolls on your own page #northmoorhour")
    other = post(11, "A1: Never reply to trolls on your own page #northmoorhour", "x:bob")
    found = {tip.proposal.post: (tip.proposal.kind, tip.support_count) for tip in analyse(one, other).tips}
    assert found == {one.id: ("do", 0), other.id: ("dont", 0)}


def test_who_quotes_a_tip_to_contradict_it_does_not_stand_behind_it() -> None:
    tip = post(10, "A1: Let crews post their own pictures from the road #northmoorhour")
    against = post(11, f"Terrible advice: RT @ann: {tip.text}", "x:bob")
    with_it = post(12, f"This! RT @ann: {tip.text}", "x:cat")
    (found,) = analyse(tip, against, with_it).tips
    assert (found.support_count, [one.post for one in found.evidence]) == (1, [with_it.id])
