from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_chat import HOST, post, rows_of

from analysis.engine import Findings, analyse_session
from analysis.rows import SessionPost
from analysis.theme_decisions import apply_theme_decisions, build_theme_anchor
from analysis.themes import Theme, ThemeTip
from archive.decisions import Decision

SESSION = "s"
POSTS = tuple(f"p{n:02d}" for n in range(12))
TIPS = tuple(ThemeTip(id=f"t{n:02d}", post=f"p{n:02d}", person=f"x:{n}", text="") for n in range(12))


def theme(name: str, numbers: Sequence[int], *terms: str) -> Theme:
    return Theme(
        id=f"theme-{name}", label=name, terms=(name, *terms), posts=tuple(f"p{n:02d}" for n in numbers),
        post=f"p{numbers[0]:02d}", tips=tuple(f"t{n:02d}" for n in numbers), tip=f"t{numbers[0]:02d}",
    )  # fmt: skip


SNOW = theme("snow", (0, 1, 2, 3), "gritters", "roads")
BINS = theme("bins", (4, 5, 6), "lids")
FLOODS = theme("floods", (7, 8, 9), "rivers")


def decide(about: Theme, field: str, value: str, *, into: Theme | None = None, session: str = SESSION) -> Decision:
    return Decision(
        subject_kind="theme", subject=about.id, field=field, value=value, chat="northmoor", by="Ann",
        at="2026-10-09T09:00:00.000Z", anchor=build_theme_anchor(about, session, into),
    )  # fmt: skip


def lay(themes: Sequence[Theme], *decisions: Decision, **more: Any) -> dict[str, Theme]:
    found = apply_theme_decisions(themes, decisions, SESSION, more.get("tips", TIPS), more.get("posts", POSTS))
    assert len({one.id for one in found}) == len(found)
    placed = [tip for one in found for tip in one.tips]
    assert len(placed) == len(set(placed))
    return {one.id: one for one in found}


def test_without_decisions_nothing_changes() -> None:
    assert set(lay([SNOW, BINS, FLOODS]).values()) == {SNOW, BINS, FLOODS}


def test_a_renamed_theme_keeps_its_name_and_id_when_rules_build_it_anew() -> None:
    changed = theme("gritters", (0, 1, 2, 10), "snow", "roads")
    found = lay([changed, BINS], decide(SNOW, "label", "Winter roads"))
    kept = found[SNOW.id]
    assert (kept.label, kept.named_by, kept.pinned) == ("Winter roads", "person", False)
    assert kept.posts == changed.posts
    assert changed.id not in found
    assert found[BINS.id] == BINS


def test_a_pinned_theme_keeps_the_name_under_which_it_was_pinned() -> None:
    changed = theme("gritters", (0, 1, 2, 3), "snow", "roads")
    kept = lay([changed], decide(SNOW, "pinned", "yes"))[SNOW.id]
    assert (kept.label, kept.named_by, kept.pinned) == ("snow", "words", True)


def test_a_decided_theme_that_nothing_resembles_lives_on_from_the_posts_that_are_left() -> None:
    found = lay([BINS], decide(SNOW, "label", "Winter roads"), posts=[one for one in POSTS if one != "p01"])
    kept = found[SNOW.id]
    assert (kept.label, kept.named_by) == ("Winter roads", "person")
    assert kept.posts == ("p00", "p02", "p03")
    assert kept.tips == ("t00", "t02", "t03")
    assert kept.tip in kept.tips
    assert kept.terms == SNOW.terms


def test_a_decided_theme_without_any_post_is_gone_until_one_comes_back() -> None:
    decision = decide(SNOW, "label", "Winter roads")
    assert SNOW.id not in lay([BINS], decision, posts=BINS.posts, tips=TIPS[4:7])
    assert SNOW.id in lay([BINS], decision)


def test_what_lives_on_takes_its_tips_from_themes_that_nobody_decided_on() -> None:
    others = theme("weather", (0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11))
    found = lay([others], decide(SNOW, "label", "Winter roads"))
    assert found[SNOW.id].tips == SNOW.tips
    assert set(found[others.id].tips) == set(others.tips) - set(SNOW.tips)
    assert set(found[others.id].posts) == set(others.posts) - set(SNOW.posts)


def test_merged_themes_stay_merged_though_both_are_found_again() -> None:
    merged = lay([SNOW, BINS, FLOODS], decide(SNOW, "merged_into", FLOODS.id, into=FLOODS))
    assert set(merged) == {BINS.id, FLOODS.id}
    assert merged[FLOODS.id].label == "floods"
    assert merged[FLOODS.id].posts == tuple(sorted(SNOW.posts + FLOODS.posts))
    assert {"floods", "snow"} <= set(merged[FLOODS.id].terms)
    anew = lay(
        [theme("gritters", (0, 1, 2), "snow"), theme("rivers", (7, 8, 9), "floods")],
        decide(SNOW, "merged_into", FLOODS.id, into=FLOODS),
    )
    assert set(anew) == {FLOODS.id}
    assert len(anew[FLOODS.id].tips) == 6


def test_a_merger_holds_when_only_one_of_the_two_is_found_again() -> None:
    decision = decide(SNOW, "merged_into", FLOODS.id, into=FLOODS)
    assert lay([FLOODS], decision)[FLOODS.id].posts == tuple(sorted(SNOW.posts + FLOODS.posts))
    alone = lay([SNOW], decision)
    assert set(alone) == {FLOODS.id}
    assert set(alone[FLOODS.id].tips) == {*SNOW.tips, *FLOODS.tips}


def test_themes_merged_one_after_another_end_in_the_last() -> None:
    found = lay(
        [SNOW, BINS, FLOODS],
        decide(SNOW, "merged_into", BINS.id, into=BINS),
        decide(BINS, "merged_into", FLOODS.id, into=FLOODS),
    )
    assert set(found) == {FLOODS.id}
    assert len(found[FLOODS.id].tips) == 10


def test_a_circle_of_mergers_loses_no_theme() -> None:
    found = lay(
        [SNOW, BINS],
        decide(SNOW, "merged_into", BINS.id, into=BINS),
        decide(BINS, "merged_into", SNOW.id, into=SNOW),
        decide(FLOODS, "merged_into", FLOODS.id, into=FLOODS),
    )
    assert BINS.id in found
    assert set(found[BINS.id].tips) == {*SNOW.tips, *BINS.tips}


def test_the_last_decision_wins_and_an_empty_one_takes_back() -> None:
    first, second = decide(SNOW, "label", "Ice"), decide(SNOW, "label", "Winter roads")
    assert lay([SNOW], first, second)[SNOW.id].label == "Winter roads"
    assert lay([SNOW], first, second, decide(SNOW, "label", ""))[SNOW.id] == SNOW
    assert lay([], first, decide(SNOW, "label", "")) == {}


def test_decisions_of_other_sessions_and_broken_anchors_are_left_alone() -> None:
    broken = [
        replace(decide(SNOW, "label", "Ice"), anchor=anchor)
        for anchor in ({}, {"session": SESSION}, {"session": SESSION, "label": 7}, {"session": SESSION, "label": "x"})
    ]
    found = lay([SNOW, BINS], decide(SNOW, "label", "Ice", session="another"), *broken[:3])
    assert set(found.values()) == {SNOW, BINS}
    assert lay([BINS], broken[3]) == {BINS.id: BINS}


def test_a_tip_that_a_person_put_into_a_theme_stands_there() -> None:
    moved = [replace(tip, placed=BINS.id) if tip.id == "t00" else tip for tip in TIPS]
    found = lay([SNOW, BINS], tips=moved)
    assert "t00" in found[BINS.id].tips
    assert found[SNOW.id].tips == ("t01", "t02", "t03")
    assert found[SNOW.id].tip in found[SNOW.id].tips
    unknown = [replace(tip, placed="no such theme") for tip in TIPS]
    assert set(lay([SNOW, BINS], tips=unknown).values()) == {SNOW, BINS}


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6))
def test_decided_themes_survive_any_rebuild_whatever_order_themes_come_in(seed: int) -> None:
    chance = random.Random(seed)
    seen = [SNOW, BINS, FLOODS]
    decisions = []
    for _ in range(chance.randrange(1, 6)):
        about, other = chance.sample(seen, 2)
        field = chance.choice(("label", "pinned", "merged_into"))
        value = {"label": f"Name {chance.randrange(9)}", "pinned": "yes", "merged_into": other.id}[field]
        decisions.append(decide(about, field, value, into=other if field == "merged_into" else None))
    cut = sorted(chance.sample(range(1, 12), 2))
    numbers = chance.sample(range(12), 12)
    parts = [numbers[: cut[0]], numbers[cut[0] : cut[1]], numbers[cut[1] :]]
    built = [theme(f"new {n}", part, "roads") for n, part in enumerate(parts)]
    found = lay(built, *decisions)
    assert lay(chance.sample(built, 3), *decisions, tips=chance.sample(TIPS, 12)) == found
    merged = {one.subject for one in decisions if one.field == "merged_into"}
    for one in decisions:
        if one.field == "label" and one.subject not in merged:
            last = [other for other in decisions if other.subject == one.subject and other.field == "label"][-1]
            assert found[one.subject].label == last.value


PEOPLE = ("x:ann", "x:bob", "x:cat", "x:dan", "x:eve")
GRITTERS = (
    "Name the gritters in every post about snow",
    "Show the gritters at work, from the passenger seat",
    "Ask the gritters which roads are open before you post",
    "Let the gritters answer in their own words",
)


def hour(*more: SessionPost, decisions: Sequence[Decision] = (), texts: Sequence[str] = GRITTERS) -> Findings:
    said = [post(2 + n, f"A1: {text} #northmoorhour", PEOPLE[n % 5]) for n, text in enumerate(texts)]
    question = post(1, "Q1: How do you tell people about snow? #northmoorhour", HOST)
    return analyse_session(rows_of(question, *said, *more), decisions=decisions)


def test_a_renamed_theme_of_a_session_keeps_its_name_as_the_session_grows() -> None:
    before = hour()
    (found,) = before.themes
    decision = decide(found, "label", "The drivers", session="northmoor-1")
    late = [post(20 + n, f"A1: Thank the gritters by name, route {n} #northmoorhour", PEOPLE[n]) for n in range(3)]
    for after in (hour(decisions=[decision]), hour(*late, decisions=[decision])):
        (kept,) = after.themes
        assert (kept.id, kept.label) == (found.id, "The drivers")
        assert {tip.theme for tip in after.tips if tip.id in kept.tips} == {found.id}


def test_a_renamed_theme_of_a_session_outlives_the_rules_that_found_it() -> None:
    (found,) = hour().themes
    decision = decide(found, "label", "The drivers", session="northmoor-1")
    after = hour(texts=GRITTERS[:2], decisions=[decision])
    (kept,) = after.themes
    assert (kept.id, kept.label, len(kept.posts)) == (found.id, "The drivers", 2)
