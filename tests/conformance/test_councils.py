"""How well councils are found, in lists of accounts and names that none of us wrote: the aims hold."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.quality_councils import score_councils

REAL_DATA = os.environ.get("CHATKEEP_REAL_DATA", "")

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(not REAL_DATA, reason="CHATKEEP_REAL_DATA does not name the folder with fixtures/councils"),
]


def test_councils_are_found_as_rightly_and_as_often_as_the_aims_say() -> None:
    aimed = [figure for figure in score_councils(Path(REAL_DATA) / "fixtures") if figure.aim]
    assert len(aimed) == 4
    assert [figure for figure in aimed if figure.value < float(figure.aim)] == []
