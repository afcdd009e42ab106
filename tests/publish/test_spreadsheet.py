"""CSV that spreadsheets open unharmed: no formula, no lost row, no damaged id."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publish.spreadsheet import BOM, Cell, guard, write_csv

_NASTY = st.sampled_from(
    ["=1+1", "+", "-", "@", "\t", "\r", "\n", "\r\n", '"', "'", ",", ";", "\x00", "＝", " ", "\ufeff", "1", "e5", "x"]
)
TEXTS = st.one_of(
    st.lists(_NASTY, max_size=8).map("".join), st.text(max_size=40), st.text("0123456789/-:.e ", max_size=12)
)


def read_back(written: str) -> list[list[str]]:
    assert written.startswith(BOM)
    return list(csv.reader(io.StringIO(written.removeprefix(BOM), newline="")))


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=6))
def test_no_row_is_lost_and_no_cell_starts_a_formula(rows: list[tuple[str, str]]) -> None:
    written = write_csv(("one", "two"), rows)
    assert written.encode("utf-8").startswith(b"\xef\xbb\xbf")
    back = read_back(written)
    assert [len(row) for row in back] == [2] * (len(rows) + 1)
    for row in back:
        for cell in row:
            assert not re.match(r"[\s\ufeff\u200b]*[=+\-@\t\r\n＝＋－＠]", cell)


@given(TEXTS)
def test_every_text_comes_back_by_taking_one_apostrophe_off(text: str) -> None:
    (_, (cell,)) = read_back(write_csv(("text",), [(text,)]))
    kept = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "", text).replace("\r\n", "\n").replace("\r", "\n")
    assert cell.removeprefix("'") == kept


@pytest.mark.parametrize(
    "text",
    ["1971234567890123456", "007", "1e5", "12/10", "8 Oct", "Oct-8", "March 2026", "13:05", "£180", "TRUE", "1.5.26"],
)
def test_what_a_spreadsheet_would_convert_stays_text(text: str) -> None:
    assert guard(text) == "'" + text


@pytest.mark.parametrize(
    "text", ["x:1971234567890123456", "A1: 12 bins", "2026-10-08T12:05:48.000Z", "May I ask 2?", ""]
)
def test_ids_and_sentences_stay_as_they_are(text: str) -> None:
    assert guard(text) == text


def test_an_apostrophe_of_the_authors_own_is_doubled_so_that_one_can_be_taken_off() -> None:
    assert guard("'tis the bin day") == "''tis the bin day"


def test_absent_is_empty_and_counts_and_local_times_are_not_text() -> None:
    assert guard(None) == ""
    assert guard(0) == 0
    assert guard(datetime(2026, 10, 8, 13, 5, 48, tzinfo=UTC)) == "2026-10-08 13:05:48"


def test_a_text_too_long_for_a_cell_is_cut_and_says_so() -> None:
    cell: Cell = guard("bin " * 500_000)
    assert isinstance(cell, str)
    assert len(cell) < 32_767
    assert cell.endswith("the whole text is in the archive)")


def test_lone_surrogates_can_be_written_as_utf8() -> None:
    assert write_csv(("text",), [("\ud83d broken",)]).encode("utf-8")
