from __future__ import annotations

import csv
from typing import Any

import pytest

from analysis.organisations import Match, Organisation, Register, find_organisations, load_register
from analysis.rows import SessionAuthor
from archive.reference import reference_path

NORTHMOOR = Organisation(
    "council:nor",
    "Northmoor Borough Council",
    ("Northmoor",),
    "unitary",
    "England",
    "North East",
    "northmoor.example.uk",
    "NorthmoorBC",
    ("NorthmoorLibs",),
)
SHIRE = Organisation("council:els", "Elmbridge Vale County Council", ("Elmbridge Vale",), "county", "England")
SEA: dict[str, Any] = {"short_names": ("Castleford-on-Sea",), "x_handle": "SeaCouncil"}
OLD = Organisation("council:old", "Castleford-on-Sea District Council", type="district", ended="2019-03-31", **SEA)
NEW = Organisation("council:sea", "Castleford-on-Sea Council", type="unitary", **SEA)
REGISTER = Register([OLD, NORTHMOOR, SHIRE, NEW])


def matches(**profile: str) -> dict[str, float]:
    platform = profile.pop("platform", "x")
    author = SessionAuthor(id=f"{platform}:1", platform=platform, **profile)
    return {match.organisation: match.confidence for match in find_organisations([author], REGISTER)}


@pytest.mark.parametrize(
    ("profile", "organisation"),
    [
        ({"handle": "northmoorbc"}, "council:nor"),
        ({"handle": "NorthmoorLibs"}, "council:nor"),
        ({"name": "Northmoor Council"}, "council:nor"),
        ({"bio": "Digital officer at Northmoor Borough Council. Views my own."}, "council:nor"),
        ({"bio": "Comms @NorthmoorBC"}, "council:nor"),
        ({"bio": "I work for Elmbridge Vale County Council"}, "council:els"),
        ({"url": "https://www.northmoor.example.uk/comms"}, "council:nor"),
        ({"platform": "bluesky", "handle": "ann.northmoor.example.uk"}, "council:nor"),
        ({"platform": "mastodon", "handle": "press@social.northmoor.example.uk"}, "council:nor"),
    ],
)
def test_councils_are_found_by_handle_name_profile_and_domain(profile: dict[str, str], organisation: str) -> None:
    found = matches(**profile)
    assert set(found) == {organisation}
    assert found[organisation] >= 0.75


@pytest.mark.parametrize(
    "profile",
    [
        {"name": "Northmoor"},
        {"bio": "I love Northmoor and its moors"},
        {"bio": "Formerly Northmoor Council, now gardening"},
        {"bio": "ex-Northmoor Borough Council"},
        {"bio": "Not Northmoor Council!"},
        {"bio": "Previously @NorthmoorBC"},
        {"platform": "bluesky", "handle": "northmoorbc.bsky.social"},
        {"platform": "mastodon", "handle": "NorthmoorBC"},
        {},
    ],
)
def test_a_place_a_former_job_or_a_foreign_handle_is_no_match(profile: dict[str, str]) -> None:
    assert matches(**profile) == {}


def test_two_councils_in_a_profile_make_each_less_sure() -> None:
    found = matches(bio="Northmoor Council and Elmbridge Vale County Council")
    assert found == {"council:nor": 0.6, "council:els": 0.6}


def test_the_council_that_still_exists_wins_a_shared_account() -> None:
    assert set(matches(handle="SeaCouncil")) == {"council:sea"}


def test_each_match_says_what_it_rests_on() -> None:
    author = SessionAuthor(id="x:1", platform="x", handle="NorthmoorBC", bio="The account of Northmoor Council")
    assert find_organisations([author], REGISTER) == (
        Match("x:1", "council:nor", "@NorthmoorBC is its account in the register", 0.98),
    )


def test_the_shipped_register_is_sound() -> None:
    with reference_path("councils.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 400
    assert len({row["id"] for row in rows}) == len(rows)
    assert rows == sorted(rows, key=lambda row: (row["name"].casefold(), row["id"]))
    assert {row["nation"] for row in rows} == {"England", "Wales", "Scotland", "Northern Ireland", ""}
    assert load_register().find_named("Leeds City Council")
    assert all("@" not in row["x_handle"] and "/" not in row["website"] for row in rows)
