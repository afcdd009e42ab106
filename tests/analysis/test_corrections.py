from __future__ import annotations

from typing import Any, Literal

from analysis.corrections import correct_organisations, list_rulings
from analysis.organisations import Match
from archive.decisions import Decision

FOUND = (
    Match("x:1", "council:nor", "the display name says 'Northmoor Council'", 0.9),
    Match("x:1", "council:sea", "the profile text says 'Sea Council'", 0.5),
    Match("x:2", "council:nor", "the profile text says 'Northmoor Council'", 0.8),
)


def decide(kind: Literal["person", "organisation"], subject: str, field: str, value: str, **more: Any) -> Decision:
    return Decision(
        subject_kind=kind, subject=subject, field=field, value=value, chat="", by="Cat Vale",
        at=more.pop("at", "2026-10-09T08:00:00.000Z"), **more,
    )  # fmt: skip


def test_a_corrected_organisation_stands_alone_and_is_sure() -> None:
    ruled = correct_organisations(FOUND, [decide("organisation", "x:1", "organisation", "council:els")])
    assert ruled == (Match("x:1", "council:els", "corrected by Cat Vale on 2026-10-09", 1.0), FOUND[2])


def test_none_takes_away_what_the_rules_found_and_an_author_without_a_match_gets_one() -> None:
    none = decide("organisation", "x:1", "organisation", "none")
    ruled = correct_organisations(FOUND, [none, decide("organisation", "x:3", "organisation", "council:sea")])
    assert [(match.author, match.organisation) for match in ruled] == [("x:2", "council:nor"), ("x:3", "council:sea")]


def test_the_last_word_holds_and_an_empty_one_takes_it_back() -> None:
    first = decide("organisation", "x:1", "organisation", "council:els")
    later = decide("organisation", "x:1", "organisation", "council:sea")
    assert correct_organisations(FOUND, [first, later])[0].organisation == "council:sea"
    assert correct_organisations(FOUND, [first, decide("organisation", "x:1", "organisation", "")]) == FOUND


def test_decisions_on_other_things_change_nothing() -> None:
    other = [decide("person", "x:1", "same_as", "x:2"), decide("organisation", "x:1", "name", "council:els")]
    assert correct_organisations(FOUND, other) == FOUND


def test_of_two_authors_the_last_ruling_holds_whichever_was_the_subject() -> None:
    same = decide("person", "x:1", "same_as", "mastodon:ann")
    apart = decide("person", "mastodon:ann", "different_from", "x:1", at="2026-10-10T08:00:00.000Z")
    assert [(one.author, one.other, one.is_same) for one in list_rulings([same])] == [("mastodon:ann", "x:1", True)]
    (ruling,) = list_rulings([same, apart])
    assert (ruling.is_same, ruling.reason) == (False, "corrected by Cat Vale on 2026-10-10")
    assert list_rulings([apart, same])[0].is_same


def test_a_person_can_be_held_apart_from_several_and_all_is_taken_back_at_once() -> None:
    two = [decide("person", "x:1", "different_from", "x:2"), decide("person", "x:1", "different_from", "x:3")]
    assert len(list_rulings(two)) == 2
    assert list_rulings([*two, decide("person", "x:1", "different_from", "")]) == ()


def test_an_author_is_nobody_but_themselves() -> None:
    assert list_rulings([decide("person", "x:1", "same_as", "x:1")]) == ()
