"""How well tips and answers are found on labelled sessions of a real chat; `make quality` prints the whole table."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from analysis.ranking import USABLE
from benchmarks.labelled import load_real
from benchmarks.quality import BUILT_WITH, ONLY_SCORED, render
from benchmarks.quality_councils import score_councils
from benchmarks.quality_decisions import score_decisions
from benchmarks.quality_duplicates import score_duplicates
from benchmarks.quality_tips import RIGHT_QUESTION, Tally, score_chats, total

NAIVE_BEST = 0.66  # the naive rule "an A1-style mark means usable" scores .57 to .63 here

pytestmark = pytest.mark.conformance


@pytest.fixture(scope="module")
def folder() -> Path:
    named = os.environ.get("CHATKEEP_REAL_DATA")
    if not named:
        pytest.skip("CHATKEEP_REAL_DATA names no folder with labelled chats")
    for place in (Path(named), Path(named).parent):
        if (place / "labels").is_dir():
            return place
    pytest.skip("CHATKEEP_REAL_DATA has no labels beside it")


def score(folder: Path, dates: tuple[str, ...]) -> Tally:
    return total(score_chats(load_real(folder, date) for date in dates))


def test_tips_on_sessions_that_were_only_scored_beat_the_naive_rule_clearly(folder: Path) -> None:
    scored, built = score(folder, ONLY_SCORED), score(folder, BUILT_WITH)
    assert scored.f1(USABLE) > NAIVE_BEST
    assert built.f1(USABLE) > NAIVE_BEST
    assert scored.recall(RIGHT_QUESTION) > 0.9


def test_decisions_make_a_session_better_the_more_the_better(folder: Path) -> None:
    figures = {one.measure: one.value for one in score_decisions([load_real(folder, date) for date in ONLY_SCORED])}
    before = figures["usable F1 before any decision"]
    few, many = figures["usable F1 after 16 decisions, as shown"], figures["usable F1 after 64 decisions, as shown"]
    assert before < few < many
    assert many - before >= 0.03


def test_what_is_said_again_is_found(folder: Path) -> None:
    figures = score_duplicates([load_real(folder, date) for date in ONLY_SCORED])
    assert figures[0].value >= 0.95
    assert figures[1].value >= 0.97, "truncated reposts"


def test_councils_are_found_by_what_profiles_say(folder: Path) -> None:
    figures = [one for one in score_councils(folder / "fixtures") if one.aim]
    assert all(one.value >= float(one.aim) for one in figures), "\n".join(render([("councils", figures)]))
