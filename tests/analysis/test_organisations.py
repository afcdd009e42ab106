from __future__ import annotations

import csv
from typing import Any

import pytest

from analysis.organisations import LIKELY, Match, Organisation, Register, find_organisations, load_register
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
SHIRE = Organisation("council:els", "Elmbridgeshire County Council", ("Elmbridgeshire",), "county", "England")
SEA: dict[str, Any] = {"short_names": ("Castleford-on-Sea",), "x_handle": "SeaCouncil"}
OLD = Organisation("council:old", "Castleford-on-Sea District Council", type="district", ended="2019-03-31", **SEA)
NEW = Organisation("council:sea", "Castleford-on-Sea Council", type="unitary", **SEA)
WELSH = Organisation("council:llan", "Llanfer County Council", ("Llanfer", "Sir Llanfêr"), "Welsh council", "Wales")
FENS = Organisation("council:fen", "East Fenwick District Council", ("East Fenwick",), "district", "England")
MARSH = Organisation("council:mar", "Marsh and Fenny Borough Council", ("Marsh and Fenny",), "district", "England")
TWIN = {"type": "district", "website": "twins.example.uk"}
ONE, TWO = Organisation("council:t1", "Ayby District Council", **TWIN), Organisation("council:t2", "Beeby DC", **TWIN)  # type: ignore[arg-type]
BODY = Organisation("body:w", "Wold Waste Authority", ("WoWA",), "waste authority", "England")
REGISTER = Register([OLD, NORTHMOOR, SHIRE, NEW, WELSH, FENS, MARSH, ONE, TWO, BODY])


def find(**profile: str) -> tuple[Match, ...]:
    platform = profile.pop("platform", "x")
    return find_organisations([SessionAuthor(id=f"{platform}:1", platform=platform, **profile)], REGISTER)


def matches(**profile: str) -> dict[str, float]:
    return {match.organisation: match.confidence for match in find(**profile)}


@pytest.mark.parametrize(
    ("profile", "organisation"),
    [
        ({"handle": "northmoorbc"}, "council:nor"),
        ({"handle": "NorthmoorLibs"}, "council:nor"),
        ({"name": "Northmoor Council"}, "council:nor"),
        ({"bio": "Digital officer at Northmoor Borough Council. Views my own."}, "council:nor"),
        ({"bio": "Comms @NorthmoorBC"}, "council:nor"),
        ({"bio": "I work for Elmbridgeshire County Council"}, "council:els"),
        ({"bio": "Head of comms, Elmbridgeshire CC"}, "council:els"),
        ({"bio": "ELMBRIDGESHIRE COUNTY COUNCIL’S web team"}, "council:els"),
        ({"bio": "Ex-BBC, press officer at Northmoor Council"}, "council:nor"),
        ({"bio": "Formerly a baker, now Northmoor Council"}, "council:nor"),
        ({"bio": "Views not those of my employer, Northmoor Council"}, "council:nor"),
        ({"bio": "Swyddog, Cyngor Sir Llanfer / Llanfer County Council"}, "council:llan"),
        ({"bio": "Cyngor Sir Llanfêr"}, "council:llan"),
        ({"bio": "Comms at Castleford Council"}, "council:sea"),
        ({"bio": "Planner at Marsh & Fenny Borough Council"}, "council:mar"),
        ({"bio": "Press: ann.bell@northmoor.gov.uk"}, "council:nor"),
        ({"bio": "Depot manager at WoWA"}, "body:w"),
        ({"url": "https://www.northmoor.example.uk/comms"}, "council:nor"),
        ({"url": "https://news.northmoor.gov.uk"}, "council:nor"),
        ({"platform": "bluesky", "handle": "ann.northmoor.example.uk"}, "council:nor"),
        ({"platform": "mastodon", "handle": "press@social.northmoor.example.uk"}, "council:nor"),
        ({"handle": "Northmoor", "bio": "The official account of the council. Monday to Friday"}, "council:nor"),
    ],
)
def test_councils_are_found_by_handle_name_profile_and_domain(profile: dict[str, str], organisation: str) -> None:
    found = matches(**profile)
    assert set(found) == {organisation}
    assert found[organisation] >= 0.7


@pytest.mark.parametrize(
    "profile",
    [
        {"name": "Northmoor"},
        {"bio": "I love Northmoor and its moors"},
        {"bio": "Formerly Northmoor Council, now gardening"},
        {"bio": "Previously BBC, Northmoor Council and Elmbridgeshire County Council"},
        {"bio": "ex-Northmoor Borough Council"},
        {"bio": "Northmoor Council (2001-2014). Gardener"},
        {"bio": "Northmoor Council alumna"},
        {"bio": "Not Northmoor Council!"},
        {"bio": "Teacher. Views not those of Northmoor Council"},
        {"bio": "Tweets do not represent the views of Northmoor Council"},
        {"bio": "Previously @NorthmoorBC"},
        {"bio": "For bins follow @NorthmoorBC"},
        {"bio": "Clients include the BBC, Northmoor Council and a zoo"},
        {"bio": "Reporter covering Northmoor Council"},
        {"bio": "Campaigning against Northmoor Council's cuts"},
        {"bio": "My husband works at Northmoor Council"},
        {"bio": "Northmoor Council for Voluntary Service"},
        {"bio": "Northmoor Town Council"},
        {"bio": "Northmoor Council, Massachusetts"},
        {"bio": "Northmoor City Council"},
        {"name": "Northmoor Council Watch"},
        {"name": "Northmoor Council (parody)"},
        {"name": "Elmbridgeshire CC", "bio": "Cricket on Sundays"},
        {"handle": "ElmbridgeshireCC", "bio": "Cricket on Sundays"},
        {"handle": "NorthmoorFC"},
        {"handle": "NorthmoorCouncilTenants"},
        {"url": "https://www.gov.uk/browse"},
        {"url": "https://blog.example/northmoor.example.uk"},
        {"bio": "wowa, what a place"},
        {},
    ],
)
def test_a_place_a_former_job_or_somebody_elses_council_is_no_match(profile: dict[str, str]) -> None:
    assert matches(**profile) == {}


def test_an_account_in_the_register_counts_as_that_on_its_own_platform_alone() -> None:
    assert matches(platform="x", handle="NorthmoorBC")["council:nor"] == 0.98
    assert matches(platform="bluesky", handle="northmoorbc.bsky.social")["council:nor"] < 0.7
    assert matches(platform="mastodon", handle="NorthmoorBC@any.example")["council:nor"] < 0.7


def test_two_councils_in_a_profile_make_each_less_sure() -> None:
    found = matches(bio="Northmoor Council and Elmbridgeshire County Council")
    assert found == {"council:nor": 0.6, "council:els": 0.6}


def test_what_a_council_names_beside_itself_is_a_lead_only() -> None:
    found = matches(name="Northmoor Council", bio="Shared with Elmbridgeshire. Also Elmbridgeshire County Council")
    assert found["council:nor"] >= LIKELY > found["council:els"]


def test_a_website_that_two_share_is_a_lead_to_both() -> None:
    found = find(url="https://twins.example.uk")
    assert {match.organisation for match in found} == {"council:t1", "council:t2"}
    assert all(match.confidence < LIKELY and "which several share" in match.evidence for match in found)


def test_the_council_that_still_exists_wins_a_shared_account() -> None:
    assert set(matches(handle="SeaCouncil")) == {"council:sea"}


def test_each_match_says_what_it_rests_on() -> None:
    assert find(handle="NorthmoorBC", bio="The account of Northmoor Council") == (
        Match("x:1", "council:nor", "@NorthmoorBC is its account in the register", 0.98),
    )
    (told,) = find(bio="Ann. Comms at Northmoor   Borough Council")
    assert told.evidence == "the profile text says 'Northmoor Borough Council'"


def test_evidence_holds_the_name_of_the_organisation_and_nothing_else_of_the_profile() -> None:
    (told,) = find(bio="UNISON rep, Methodist, Labour, at Northmoor Council. Diabetic")
    assert told.evidence == "the profile text says 'Northmoor Council'"


def test_a_profile_that_changed_is_read_again() -> None:
    assert set(matches(bio="Northmoor Council")) == {"council:nor"}
    assert set(matches(bio="Elmbridgeshire County Council")) == {"council:els"}


def test_the_shipped_register_is_sound() -> None:
    with reference_path("councils.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 400
    assert len({row["id"] for row in rows}) == len(rows)
    assert rows == sorted(rows, key=lambda row: (row["name"].casefold(), row["id"]))
    assert {row["nation"] for row in rows} == {"England", "Wales", "Scotland", "Northern Ireland", ""}
    assert all("@" not in row["x_handle"] and "/" not in row["website"] for row in rows)
    assert not any("\ufffd" in value or "ï" in value for row in rows for value in row.values())
    register = load_register()
    assert register.phrases.find("leeds city council") == ("council:lds",)
    assert all(row["website"] for row in rows if row["id"].startswith("council:") and row["gss"] and not row["ended"]
               and row["type"] in {"Scottish council", "Welsh council"})  # fmt: skip
