"""datasette_metadata.json and the published file name the same things."""

from __future__ import annotations

import copy
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from archive_sample import build_empty, build_sample

from archive.reference import reference_path
from publish.chats_db import publish_chats
from publish.metadata import check_metadata


@pytest.fixture(scope="module")
def metadata() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(reference_path("datasette_metadata.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module", params=[build_sample, build_empty], ids=["sample", "empty"])
def chats_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("metadata")
    build: Callable[[Path], object] = request.param
    build(folder / "archive.db")
    publish_chats(folder / "archive.db", folder / "chats.db", at="2025-10-09T14:00:00.000Z")
    return folder / "chats.db"


def test_metadata_and_file_name_the_same(metadata: dict[str, Any], chats_path: Path) -> None:
    assert check_metadata(metadata, chats_path) == []


def test_what_one_side_lacks_is_reported(metadata: dict[str, Any], chats_path: Path) -> None:
    changed = copy.deepcopy(metadata)
    tables = changed["databases"]["chats"]["tables"]
    tables["tweets"] = tables.pop("posts")
    del tables["tips"]["columns"]["kind"]
    tables["tips"]["columns"]["colour"] = "Its colour"
    tables["tips"]["facets"].append("shape")
    tables["tips"]["sort_desc"] = "beauty"
    del tables["links"]["description"]
    changed["databases"]["chats"]["queries"]["who_took_part"]["sql"] = "select nonsense from posts"
    problems = "\n".join(check_metadata(changed, chats_path))
    for expected in (
        "table tweets: described, but not in the database", "table posts: in the database, but not described",
        "table tips: column kind is in the database", "table tips: column colour is described",
        "table tips: facets names shape", "table tips: sort_desc names beauty", "table links: has no description",
        "query who_took_part: does not run: no such column: nonsense",
    ):  # fmt: skip
        assert expected in problems


def test_a_file_without_the_database_is_reported(chats_path: Path) -> None:
    assert check_metadata({}, chats_path) == ["the metadata has no database chats"]


def test_the_questions_that_people_ask_are_there(metadata: dict[str, Any]) -> None:
    titles = [query["title"] for query in metadata["databases"]["chats"]["queries"].values()]
    assert titles == [
        "Top tips by question", "Links people shared", "Who took part", "The busiest minutes",
        "Questions nobody answered", "Posts of an author",
    ]  # fmt: skip


def _answers(chats_path: Path, sql: str, **given: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(chats_path)) as conn:
        return conn.execute(sql, {"chat": "", "session": "", "author": "", **given}).fetchall()


def test_an_empty_field_of_a_query_means_all(metadata: dict[str, Any], tmp_path: Path) -> None:
    build_sample(tmp_path / "archive.db")
    chats_path = tmp_path / "chats.db"
    publish_chats(tmp_path / "archive.db", chats_path, at="2025-10-09T14:00:00.000Z")
    queries = metadata["databases"]["chats"]["queries"]
    for name, query in queries.items():
        found = _answers(chats_path, query["sql"])
        assert found, name
        assert len(_answers(chats_path, query["sql"], chat="#NorthmoorChat ")) <= len(found)
        assert _answers(chats_path, query["sql"], chat="no such chat") == []
    by_author = queries["posts_of_an_author"]["sql"]
    assert {row[2] for row in _answers(chats_path, by_author, author="@Priya_Elmbridge")} == {"priya_elmbridge"}
    assert {row[1] for row in _answers(chats_path, by_author, author="lena")} == {"Lena Fischer"}
    assert {row[2] for row in _answers(chats_path, queries["unanswered_questions"]["sql"])} == {
        "Which example from another council do you admire?"
    }
