from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_chat import HOST, northmoor

from analysis.everybody import find_everybody, find_who, save_everybody
from analysis.organisations import Organisation, Register
from analysis.rebuild import analyse_chat
from analysis.rows import SessionAuthor, build_rows
from archive.authors import save_authors
from archive.decisions import Decision
from archive.models import Author, Batch, Chat, Session
from archive.store import Archive, open_archive
from archive.times import shift

REGISTER = Register(
    [
        Organisation("council:nor", "Northmoor Borough Council", ("Northmoor",), "unitary", "England", "North East"),
        Organisation("council:els", "Elmbridgeshire County Council", ("Elmbridgeshire",), "county", "England"),
    ]
)
TABLES = ("people", "organisations", "author_organisations", "attendance")
AT = "2026-10-08T12:00:00.000Z"


def put_author(conn: sqlite3.Connection, author: str, bio: str | None = None, handle: str | None = None) -> None:
    platform, _, name = author.partition(":")
    conn.execute(
        "INSERT INTO authors (id, platform, handle, bio, labels, first_seen_at, last_seen_at, fields_seen)"
        " VALUES (?, ?, ?, ?, '[]', ?, ?, '{}') ON CONFLICT (id) DO UPDATE SET bio = excluded.bio",
        (author, platform, handle or name, bio, AT, AT),
    )


def put_presence(conn: sqlite3.Connection, session: str, author: str, host: str | None = None) -> None:
    conn.execute(
        "INSERT INTO session_authors VALUES ('northmoor', ?, ?, 1, ?, '1')"
        " ON CONFLICT DO UPDATE SET posts_count = posts_count + 1",
        (session, author, host),
    )


def contents(conn: sqlite3.Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {table: sorted(conn.execute(f"SELECT * FROM {table}").fetchall(), key=repr) for table in TABLES}


def look(
    conn: sqlite3.Connection, changed: Collection[str] | None = None, decisions: Sequence[Decision] = ()
) -> dict[str, list[tuple[Any, ...]]]:
    found = find_everybody(conn, "1", REGISTER, decisions)
    conn.execute("BEGIN IMMEDIATE")
    save_everybody(conn, "northmoor", found, "1", changed)
    conn.execute("COMMIT")
    return contents(conn)


def decide(kind: Any, subject: str, field: str, value: str) -> Decision:
    return Decision(subject_kind=kind, subject=subject, field=field, value=value, chat="", by="Cat", at=AT)


@pytest.fixture
def ground(archive: Archive) -> sqlite3.Connection:
    return weeks_of(archive).conn


def weeks_of(archive: Archive) -> Archive:
    """An archive with a chat that met four times."""
    sessions = tuple(
        Session(
            id=f"northmoor-{n}",
            chat="northmoor",
            starts_at=shift(AT, days=7 * n),
            ends_at=shift(AT, days=7 * n, minutes=60),
        )
        for n in range(4)
    )
    archive.save_chat(
        Chat(
            slug="northmoor", title="Northmoor hour", hashtags=("northmoorhour",), hosts=("x:host",), sessions=sessions
        )
    )  # fmt: skip
    return archive


def put_post(conn: sqlite3.Connection, week: int, minute: int, author: str, text: str) -> None:
    put_author(conn, author)
    at = shift(AT, days=7 * week, minutes=minute)
    conn.execute(
        "INSERT INTO posts (id, platform, author, created_at, posted_at, first_seen_at, text, kind, visibility, labels)"
        " VALUES (?, 'x', ?, ?, ?, ?, ?, 'post', 'public', '[]')",
        (f"x:{week}-{minute}", author, at, at, at, text),
    )
    conn.execute("INSERT INTO post_tags VALUES (?, 'northmoorhour')", (f"x:{week}-{minute}",))


def test_a_correction_survives_every_look_and_its_end_brings_back_what_the_rules_find(
    ground: sqlite3.Connection,
) -> None:
    put_author(ground, "x:ann", "Comms at Northmoor Council")
    put_presence(ground, "northmoor-0", "x:ann")
    ruled = [decide("organisation", "x:ann", "organisation", "council:els")]
    for _ in range(2):
        found = look(ground, decisions=ruled)
        assert found["author_organisations"] == [("x:ann", "council:els", "corrected by Cat on 2026-10-08", 1.0, "1")]
        assert [row[1] for row in found["organisations"]] == ["Elmbridgeshire County Council"]
    assert [row[1] for row in look(ground)["author_organisations"]] == ["council:nor"]


def test_an_organisation_that_the_register_does_not_know_has_the_name_that_a_person_gave(
    ground: sqlite3.Connection,
) -> None:
    put_author(ground, "x:ann")
    put_presence(ground, "northmoor-0", "x:ann")
    found = look(ground, decisions=[decide("organisation", "x:ann", "organisation", "Northmoor Housing")])
    assert found["organisations"] == [("Northmoor Housing", "Northmoor Housing", None, None, None, None, "1")]


def test_authors_whom_a_person_joined_are_one_in_the_attendance(ground: sqlite3.Connection) -> None:
    for author in ("x:ann", "bluesky:annie"):
        put_author(ground, author)
    put_presence(ground, "northmoor-0", "x:ann")
    put_presence(ground, "northmoor-1", "bluesky:annie")
    assert [row[3] for row in look(ground)["attendance"]] == ["participant", "newcomer"]
    found = look(ground, (), [decide("person", "x:ann", "same_as", "bluesky:annie")])
    assert {row[2] for row in found["attendance"]} == {"bluesky:annie"}
    assert [row[3] for row in found["attendance"]] == ["participant", "participant"]


def test_a_decision_on_an_author_who_is_gone_is_left_out(ground: sqlite3.Connection) -> None:
    assert (
        look(ground, decisions=[decide("organisation", "x:gone", "organisation", "council:nor")])["organisations"] == []
    )


def test_the_likeliest_organisation_of_each_author_of_a_session_is_known(ground: sqlite3.Connection) -> None:
    ann = SessionAuthor(id="x:ann", platform="x", name="Northmoor Council", bio="Also Elmbridgeshire County Council")
    bob = SessionAuthor(id="x:bob", platform="x", bio="Bees")
    rows = build_rows(northmoor(), northmoor().sessions[0], (), (ann, bob))
    assert find_who(rows, REGISTER).organisations == {"x:ann": "council:nor"}
    ruled = [decide("organisation", "x:bob", "organisation", "council:els")]
    assert find_who(rows, REGISTER, ruled).organisations == {"x:ann": "council:nor", "x:bob": "council:els"}


EDITS = st.lists(
    st.tuples(
        st.sampled_from(["x:ann", "x:bob", "bluesky:ann", "mastodon:bob@social.example"]),
        st.sampled_from([
            None, "Northmoor Council", "Bluesky: @ann", "Also @bob@social.example", "Elmbridgeshire CC", "X: @ann"
        ]),
        st.sets(st.sampled_from(["northmoor-0", "northmoor-1", "northmoor-2", "northmoor-3", "northmoor-all"])),
        st.booleans(),
    ),
    min_size=1,
    max_size=6,
)  # fmt: skip


@given(EDITS)
@settings(deadline=None, max_examples=60)
def test_a_look_at_what_changed_gives_what_a_look_at_everything_gives(edits: list[Any]) -> None:
    with TemporaryDirectory() as folder, open_archive(Path(folder) / "archive.db") as archive:
        conn = weeks_of(archive).conn
        for author, bio, sessions, is_leaving in edits:
            put_author(conn, author, bio)
            for session in sorted(sessions):
                if is_leaving:
                    conn.execute("DELETE FROM session_authors WHERE session = ? AND author = ?", (session, author))
                else:
                    put_presence(
                        conn, session, author, "named as a host in the settings" if author == "x:bob" else None
                    )
            told = look(conn, sessions)
            assert told == look(conn, None)


def test_a_session_captured_late_makes_newcomers_of_those_first_seen_after_it(ground: sqlite3.Connection) -> None:
    for author, session in (("x:ann", "northmoor-2"), ("x:bob", "northmoor-0")):
        put_author(ground, author)
        put_presence(ground, session, author)
        found = look(ground, {session})
    assert {row[2]: row[3] for row in found["attendance"]} == {"x:ann": "newcomer", "x:bob": "participant"}


def test_a_number_learnt_for_a_handle_takes_what_was_found_of_the_handle_along(archive: Archive) -> None:
    with archive.transaction() as conn:
        put_author(conn, "x:@northmoorbc", "Northmoor Council", "northmoorbc")
        put_author(conn, "x:9", handle="NorthmoorBC")
        put_presence(conn, "northmoor-0", "x:@northmoorbc", "asked Q1, Q2 first")
        put_presence(conn, "northmoor-0", "x:9")
    look(archive.conn)
    with archive.transaction() as conn:
        save_authors(conn, Batch(authors=[Author(id="x:9", platform="x", handle="NorthmoorBC")]), {}, AT)
    assert [row[0] for row in archive.conn.execute("SELECT id FROM authors")] == ["x:9"]
    kept = archive.conn.execute("SELECT author, posts_count, host FROM session_authors").fetchall()
    assert kept == [("x:9", 2, "asked Q1, Q2 first")]


def test_an_analysis_tells_hosts_newcomers_and_regulars_and_one_of_a_single_session_says_the_same(
    archive: Archive,
) -> None:
    weeks_of(archive)
    with archive.transaction() as conn:
        for week in range(3):
            put_post(conn, week, 3, HOST, "Welcome all #northmoorhour")
            put_post(conn, week, 9, "x:ann", "Hello from the depot #northmoorhour")
        put_post(conn, 2, 11, "x:zoe", "First time here #northmoorhour")
    (chat,) = archive.load_chats().values()
    analyse_chat(archive.conn, chat, version="1", register=REGISTER)
    whole = contents(archive.conn)
    third = {row[2]: row[3] for row in whole["attendance"] if row[1] == "northmoor-2"}
    assert third == {HOST: "host", "x:ann": "regular", "x:zoe": "newcomer"}
    analyse_chat(archive.conn, chat, version="1", register=REGISTER, only={"northmoor-2"})
    assert contents(archive.conn) == whole
