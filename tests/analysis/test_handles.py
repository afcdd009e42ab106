from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.handles import HandleReader
from analysis.register import Organisation


def council(code: str, name: str, *short: str, kind: str = "district", ended: str = "") -> Organisation:
    return Organisation(f"council:{code}", name, short, kind, "England", ended=ended)


READER = HandleReader(
    [
        council("nor", "Northmoor City Council", "Northmoor", kind="unitary"),
        council("elm", "Elmbridgeshire County Council", "Elmbridgeshire", kind="county"),
        council("fen", "East Fenwick District Council", "East Fenwick"),
        council("maf", "Marsh and Fenny Borough Council", "Marsh and Fenny"),
        council("ham", "London Borough of Hamley", "Hamley", kind="London borough"),
        council("wol", "Woldby Metropolitan Borough Council", "Woldby", kind="metropolitan borough"),
        council("wom", "Woldmouth Borough Council", "Woldmouth"),
        council("read", "Reading Borough Council", "Reading", kind="unitary"),
        council("wel", "Llanfer County Council", "Llanfer", "Sir Llanfêr", kind="Welsh council"),
        council("oak", "North Oakshire Council", "North Oakshire", kind="unitary"),
        council("oko", "North Oakshire County Council", "North Oakshire", kind="county", ended="2023-04-01"),
        Organisation("council:roca", "Ridge of Oaks Combined Authority", ("Ridge of Oaks",), "combined authority"),
        Organisation("body:wold", "Wold Waste Authority", (), "waste authority"),
    ]
)


@pytest.mark.parametrize(
    ("handle", "code"),
    [
        ("NorthmoorCouncil", "nor"), ("northmoorcc", "nor"), ("Northmoor_CC", "nor"), ("NorthmoorCC_News", "nor"),
        ("northmoorcitycouncil", "nor"), ("NorthmoorCouncilHelp", "nor"), ("MyNorthmoor", "nor"),
        ("elmbridgeshirecc", "elm"), ("ElmbridgeshireCC", "elm"), ("ElmbrCouncil", "elm"), ("elmbridgelibs", "elm"),
        ("EastFenwickDC", "fen"), ("efenwickcouncil", "fen"), ("EastFenwick", "fen"), ("EastFenCouncil", "fen"),
        ("MarshFennyBC", "maf"), ("MarshandFenny", "maf"), ("MarshCouncil", "maf"),
        ("LBofHamley", "ham"), ("LBHamley", "ham"), ("lb_hamley", "ham"), ("HamleyLibraries", "ham"),
        ("WoldbyMBC", "wol"), ("woldbycouncil", "wol"), ("ReadingCouncil", "read"), ("reading_libraries", "read"),
        ("CyngorLlanfer", "wel"), ("CyngorSirLlanfer", "wel"), ("NOakshireCouncil", "oak"), ("RidgeofOaksCA", "roca"),
    ],
)  # fmt: skip
def test_a_handle_is_taken_apart_into_a_place_and_what_makes_it_a_councils(handle: str, code: str) -> None:
    found = READER.read(handle)
    assert [reading.organisation for reading in found] == [f"council:{code}"], handle
    assert found[0].confidence >= 0.6


@pytest.mark.parametrize(
    "handle",
    [
        "Northmoor", "elmbridgeshire", "Hamley", "MyReading", "reading", "NorthmoorFC", "NorthmoorPolice",
        "ElmbridgeshireLive", "NorthmoorNews", "VisitNorthmoor", "YourNorthmoor", "NorthmoorBC", "EastFenwickCC",
        "elmbridgeshiredc", "ElmbridgeshireCCC", "WoldCouncil", "JaneNorthmoorCC", "ArtsCouncil", "TheCouncil",
        "council", "cc", "LBC", "lboro", "NorthmoorLibDems", "LawLibrary", "CityofNorthmoor", "",
    ],
)  # fmt: skip
def test_a_place_a_club_or_another_kind_of_council_is_nobodys_account(handle: str) -> None:
    assert [one for one in READER.read(handle) if one.confidence >= 0.6] == []


def test_the_letters_tell_a_council_that_ended_from_the_one_that_followed() -> None:
    assert [one.organisation for one in READER.read("NorthOakshireCC")] == ["council:oko"]
    assert [one.organisation for one in READER.read("NorthOakshireCouncil")] == ["council:oak"]


def test_what_could_be_two_councils_is_said_of_each_with_little_confidence() -> None:
    green, grove = (council(name[-1], f"Abbey {name} Council", f"Abbey {name}") for name in ("Green", "Grove"))
    both = HandleReader([green, grove])
    assert both.read("AbbeyCouncil") == ()
    same = HandleReader(
        [council("a", "Eastby Council", "Eastby"), council("b", "Eastby Town Borough Council", "Eastby")]
    )
    assert {(one.organisation, one.confidence < 0.6) for one in same.read("EastbyCouncil")} == {
        ("council:a", True), ("council:b", True)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("host", "code"),
    [("northmoor.gov.uk", "nor"), ("news.northmoor.gov.uk", "nor"), ("east-fenwick.gov.uk", "fen"),
     ("elmbridgeshirecc.gov.uk", "elm"), ("llanfer.gov.wales", "wel"), ("sirllanfer.llyw.cymru", "wel")],
)  # fmt: skip
def test_a_public_address_says_whose_it_is(host: str, code: str) -> None:
    assert [one.organisation for one in READER.read_site(host)] == [f"council:{code}"]


@pytest.mark.parametrize("host", ["www.gov.uk", "gov.uk", "northmoor.com", "northmoor.gov.uk.example", "assets.gov.uk"])
def test_other_addresses_say_nothing(host: str) -> None:
    assert READER.read_site(host) == ()


@given(st.text(max_size=40))
def test_any_text_can_be_read_as_a_handle(handle: str) -> None:
    assert all(0 < one.confidence <= 1 for one in READER.read(handle))
