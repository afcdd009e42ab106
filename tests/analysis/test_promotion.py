from __future__ import annotations

import pytest
from made_up_chat import HOST, analyse, post

from analysis.engine import Findings
from analysis.promotion import find_promoters

Q1 = post(5, "Q1: How do you tell residents about bin days? #northmoorhour", HOST)
A1 = post(6, "A1: Post the evening before, with a photo of the right bin #northmoorhour", "x:bob")


def tipped(found: Findings) -> set[str]:
    return {tip.proposal.post for tip in found.tips}


@pytest.mark.parametrize(
    "text",
    [
        "💰💰💰 5K REAL FOLLOWERS tonight 👉 https://grow.example/now #rich #happy #northmoorhour",
        "Tired of planning posts by hand? CalendarChum writes them while you sleep https://chum.example #northmoorhour",
        "Start your free trial today, limited time offer https://chum.example/trial #northmoorhour",
        "Book a demo of our platform and boost your engagement https://chum.example/demo #northmoorhour",
        "Win a holiday! Enter now https://prize.example #northmoorhour",
        "30% off our planner this week, DM us for a code https://chum.example #northmoorhour",
    ],
)
def test_a_promotion_gives_no_tip_and_answers_nothing(text: str) -> None:
    advert = post(7, text, "x:seller")
    found = analyse(Q1, A1, advert)
    assert tipped(found) == {"x:6"}
    assert "x:7" in found.threads.promotions
    assert "x:7" not in found.threads.by_post


def test_all_posts_of_an_author_who_only_promotes_are_promotion() -> None:
    found = analyse(
        Q1,
        A1,
        post(7, "20% off our planner this week https://chum.example/offer #northmoorhour", "x:seller"),
        post(8, "A guide to planning a year of posts: https://chum.example/guide #northmoorhour", "x:seller"),
    )
    assert tipped(found) == {"x:6"}
    assert found.threads.promotions["x:8"] == "its author posts nothing but promotion"
    assert find_promoters(found.rows.posts, found.threads.promotions) == {"x:seller"}


def test_somebody_who_takes_part_may_offer_a_link() -> None:
    found = analyse(
        Q1,
        post(7, "A1: This checklist is free to copy: https://cards.example/bins #northmoorhour", "x:gill"),
        post(8, "20% off our workshop this week https://cards.example/shop #northmoorhour", "x:gill"),
        post(9, "A1: We ran a prize draw for the survey and answers doubled https://n.example #northmoorhour", "x:dan"),
    )
    assert set(found.threads.promotions) == {"x:8"}
    assert tipped(found) == {"x:7", "x:9"}
    assert not find_promoters(found.rows.posts, found.threads.promotions)


def test_a_host_who_announces_and_followers_talked_about_are_no_promotion() -> None:
    found = analyse(
        post(1, "Sign up today for our free webinar, seats are going fast https://hour.example", HOST),
        post(7, "We got 200 new followers last week from one photo of the gritter", "x:pete"),
    )
    assert not found.threads.promotions
