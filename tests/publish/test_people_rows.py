from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from archive_sample import CHAT, SESSION, SampleArchive, build_sample

from publish.chats_db import publish_chats

LENA = "mastodon:https://social.example/users/lena"


class Place:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.archive: SampleArchive = build_sample(folder / "archive.db")

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Publishes, and asks what was published."""
        publish_chats(self.folder / "archive.db", self.folder / "chats.db", at="2025-10-10T00:00:00.000Z")
        with closing(sqlite3.connect(self.folder / "chats.db")) as conn:
            return conn.execute(sql).fetchall()

    def attend(self, person: str, role: str, sessions_count: int, reason: str) -> None:
        self.archive.insert(
            "attendance", chat=CHAT, session=SESSION, person=person, role=role, posts_count=1,
            sessions_count=sessions_count, reason=reason, version="1",
        )  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.archive.conn.close()


def test_participants_have_their_role_with_its_reason_and_the_sessions_seen(place: Place) -> None:
    place.attend("person-lena", "regular", 5, "seen in 5 sessions")
    place.attend("x:1002", "newcomer", 1, "not seen in 3 earlier sessions")
    sql = "SELECT author, role, session_count, role_reason FROM participants"
    found = {row[0]: row[1:] for row in place.ask(f"{sql} WHERE session = '{SESSION}'")}
    assert found[LENA] == ("regular", 5, "seen in 5 sessions")
    assert found["x:1002"] == ("newcomer", 1, "not seen in 3 earlier sessions")
    assert found["x:1001"][0] == "host"
    assert found["bluesky:did:plc:tomosfictional"] == ("participant", 1, None)


def test_a_person_has_one_row_with_all_accounts_and_the_nation_and_region_of_the_organisation(place: Place) -> None:
    place.archive.insert("people", id="person-lena", author="x:1002", reason="each names the other", version="1")
    (row,) = place.ask(
        "SELECT name, accounts, account_count, organisation, organisation_type, nation, region, session_count"
        " FROM people WHERE id = 'person-lena'"
    )
    accounts = {"@priya_elmbridge on X", "@lena@social.example on Mastodon"}
    assert (row[0], set(row[1].split(", "))) == ("Priya Raman", accounts)
    assert row[2:] == (2, "elmbridge-vale", "district", "England", "South West", 1)
    people, persons = place.ask("SELECT count(*), (SELECT count(DISTINCT person) FROM participants) FROM people")[0]
    assert people == persons


def test_a_lead_is_listed_with_its_confidence_and_is_nobodys_organisation(place: Place) -> None:
    sql = "UPDATE author_organisations SET confidence = 0.5 WHERE author = 'x:1002'"
    place.archive.conn.execute(sql)
    assert place.ask("SELECT count(*) FROM participants WHERE organisation IS NOT NULL") == [(0,)]
    assert place.ask("SELECT count(*) FROM people WHERE organisation IS NOT NULL") == [(0,)]
    assert place.ask("SELECT organisation, confidence FROM author_organisations") == [("elmbridge-vale", 0.5)]
    assert place.ask("SELECT name, author_count FROM organisations") == [("Elmbridge Vale Council", 0)]
