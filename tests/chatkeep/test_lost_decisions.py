"""A file of decisions that is gone, empty or another program's is noticed before what it held is forgotten."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from deciding_place import Place

PLAIN = "Use plain English"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("X_BEARER_TOKEN", "token")
    return Place(tmp_path)


def lose(place: Place) -> None:
    for path in place.data.glob("decisions.db*"):
        path.unlink()


def make_foreign(place: Place, sql: str = "CREATE TABLE decisions (id)") -> bytes:
    with closing(sqlite3.connect(place.data / "decisions.db")) as conn:
        conn.execute(sql)
        conn.commit()
    return (place.data / "decisions.db").read_bytes()


def find_problems(place: Place, capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    capsys.readouterr()
    place("check", "--json")
    return [row for row in json.loads(capsys.readouterr().out) if row["where"] == "decisions"]


def test_lost_decisions_are_told_in_one_line_and_the_work_is_done(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place("decide", "tip", place.tip(PLAIN), "accept") == 0
    copy = (place.data / "decisions.db").read_bytes()
    capsys.readouterr()
    assert place("analyse") == 0
    assert capsys.readouterr().err == ""
    lose(place)
    (problem,) = find_problems(place, capsys)
    assert "1 decided tip was found before in northmoor, and" in problem["problem"]
    assert problem["problem"].endswith("decisions.db is missing")
    assert problem["level"] == "error"
    assert place("analyse") == 0
    told = capsys.readouterr()
    (line,) = told.err.splitlines()
    assert line.startswith("warning: 1 decided tip was found before in northmoor")
    assert line.endswith("Put your copy of the file back, then run `chatkeep analyse northmoor`.")
    assert told.out.startswith("northmoor: 5 posts")
    (place.data / "decisions.db").write_bytes(copy)
    assert place("analyse") == 0
    assert place.stands(place.tip(PLAIN))[0] == "accepted"
    assert find_problems(place, capsys) == []


def test_a_file_that_was_begun_anew_is_noticed_as_well(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert place("decide", "tip", place.tip(PLAIN), "reject") == 0
    lose(place)
    assert place("decide", "author", "x:bob_example", "--organisation", "none") == 0
    assert "1 decided tip was found before in northmoor" in capsys.readouterr().err


def test_a_decision_that_was_taken_back_is_not_missed(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    name = place.tip(PLAIN)
    assert place("decide", "tip", name, "accept") == 0
    assert place("decide", "tip", name, "undo") == 0
    capsys.readouterr()
    assert place("analyse") == 0
    assert capsys.readouterr().err == ""
    assert find_problems(place, capsys) == []


@pytest.mark.parametrize("sql", ["CREATE TABLE decisions (id)", "CREATE TABLE recipes (id)"])
@pytest.mark.parametrize("command", [("analyse",), ("decide", "list", "northmoor"), ("decide", "next", "northmoor")])
def test_another_programs_file_is_refused_in_one_line_and_left_as_it_is(
    place: Place, capsys: pytest.CaptureFixture[str], sql: str, command: tuple[str, ...]
) -> None:
    before = make_foreign(place, sql)
    place.ask("UPDATE tips SET state = 'accepted'")
    capsys.readouterr()
    assert place(*command) == 6
    (line,) = capsys.readouterr().err.splitlines()
    assert "decisions.db is no file of decisions of Chatkeep: put back your copy of it" in line
    assert (place.data / "decisions.db").read_bytes() == before


def test_what_is_no_database_is_refused_and_check_names_it(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    (place.data / "decisions.db").write_bytes(b"a shopping list, " * 100)
    assert place("analyse") == 6
    (problem,) = find_problems(place, capsys)
    assert "is no file of decisions of Chatkeep" in problem["problem"]
    assert place("check") == 3
