"""The same archive, decisions and version give the same rows: in every process, and whatever order posts came in."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from analysis.engine import analyse_session
from analysis.rows import build_rows
from benchmarks.labelled import EXAMPLES, load_example

ROOT = Path(__file__).parents[2]
_DUMP = """
from analysis.engine import analyse_session
from benchmarks.labelled import EXAMPLES, load_example
for name in ("council_flood", "us_math"):
    found = analyse_session(load_example(EXAMPLES / f"{name}.tsv").rows)
    for tip in found.tips:
        one = tip.proposal
        print(tip.id, one.kind, one.text, one.score, one.reason, tip.explanation, tip.theme, tip.evidence)
    print(found.themes, found.recap, found.threads.answers, dict(found.unread))
"""


def dump(seed: str) -> str:
    """What another process with its own order of sets finds."""
    ran = subprocess.run(
        [sys.executable, "-c", _DUMP], cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True,
        text=True, check=True, timeout=120,
    )  # fmt: skip
    return ran.stdout


def test_two_processes_find_the_same() -> None:
    first = dump("1")
    assert "(for: " in first
    assert first == dump("2")


def test_the_order_of_arrival_changes_nothing_in_a_whole_session() -> None:
    rows = load_example(EXAMPLES / "housing_tenants.tsv").rows
    found = analyse_session(rows)
    for seed in range(3):
        posts = list(rows.posts)
        random.Random(seed).shuffle(posts)
        again = analyse_session(build_rows(rows.chat, rows.session, posts))
        assert again == replace(found, rows=again.rows)
