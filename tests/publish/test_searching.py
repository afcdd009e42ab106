"""The search boxes understand what organisers type, and no text at all is an error."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publish.plugin.searching import read_search

TEXTS = (
    "bins are late", "recycling at last", "plain english for residents", "english, plain and simple",
    "a resident wrote", "we don't promise", "#NorthmoorChat hello", "thanks @priya_elmbridge",
)  # fmt: skip


@pytest.fixture(scope="module")
def index() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", check_same_thread=False)) as conn:
        conn.execute("CREATE VIRTUAL TABLE words USING FTS5 (text, tokenize='porter unicode61')")
        conn.executemany("INSERT INTO words VALUES (?)", [(text,) for text in TEXTS])
        yield conn


def _find(index: sqlite3.Connection, text: str) -> list[str]:
    rows = index.execute("SELECT text FROM words WHERE words MATCH ? ORDER BY rowid", (read_search(text),))
    return [row[0] for row in rows]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("bins OR recycling", (0, 1)), ('"plain english"', (2,)), ("“plain english”", (2,)), ("plain english", (2, 3)),
        ("resid*", (2, 4)), ('"plain engl"*', (2,)), ('"for resid*"', (2,)), ("don't", (5,)), ("don’t", (5,)),
        ("#NorthmoorChat", (6,)), ("@priya_elmbridge", (7,)), ("plain NOT simple", (2,)), ("bins AND late", (0,)),
        ("bins or recycling", ()), ("OR bins", ()), ("bins OR", ()), ("bins OR ! ", ()), ("late bins !!!", (0,)),
        ("plain AND OR NOT", ()), ('"plain english', (2,)), ("", ()), ("  ", ()), ("🎉 ** ()", ()), ("text:bins", ()),
        ("(bins)", (0,)), ("bins\0late", (0,)), ("^plain", (2, 3)), ("NEAR(bins late)", ()),
    ],
)  # fmt: skip
def test_a_search_finds_what_it_means(index: sqlite3.Connection, text: str, places: tuple[int, ...]) -> None:
    assert _find(index, text) == [TEXTS[place] for place in places]


@given(
    st.one_of(
        st.text(),
        st.lists(
            st.sampled_from(["OR", "AND", "NOT", '"', "*", "(", ")", ":", "^", "-", "+", "bins", "'", "\0", " "])
        ).map(" ".join),
    )
)
def test_no_text_at_all_is_an_error(index: sqlite3.Connection, text: str) -> None:
    _find(index, text)


def test_a_search_of_a_thousand_words_is_no_error(index: sqlite3.Connection) -> None:
    assert _find(index, " OR ".join(["bins"] * 1000)) == ["bins are late"]
    assert _find(index, " NOT ".join(["bins"] * 1000)) == []
    assert _find(index, "bins " * 1000) == ["bins are late"]
