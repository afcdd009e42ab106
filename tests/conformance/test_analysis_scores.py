"""How well tips and answers are found on labelled sessions of a real chat; prints the table that the aims refer to."""

from __future__ import annotations

import csv
import os
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from analysis.engine import Findings, analyse_session
from analysis.rows import SessionPost, SessionRows, build_rows
from archive.models import TIP_KINDS, Chat, Session
from archive.times import normalise

BUILT_WITH = ("2021-01-08", "2021-01-22", "2021-02-05")
ONLY_SCORED = ("2021-03-05", "2021-04-02")
USABLE = frozenset(TIP_KINDS) - {"question"}
NAIVE_BEST = 0.66  # the naive rule "an A1-style mark means usable" scores .57 to .63 here

pytestmark = pytest.mark.conformance


@dataclass
class Tally:
    """Right, wrong and missed by kind."""

    right: Counter[str] = field(default_factory=Counter)
    extra: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, found: bool, wanted: bool) -> None:
        self.right[kind] += found and wanted
        self.extra[kind] += found and not wanted
        self.missed[kind] += wanted and not found

    def precision(self, kind: str) -> float:
        return self.right[kind] / max(1, self.right[kind] + self.extra[kind])

    def recall(self, kind: str) -> float:
        return self.right[kind] / max(1, self.right[kind] + self.missed[kind])

    def f1(self, kind: str) -> float:
        return 2 * self.right[kind] / max(1, 2 * self.right[kind] + self.extra[kind] + self.missed[kind])

    def render(self, title: str) -> list[str]:
        answers = self.right["right question"] + self.missed["right question"]
        rows = [
            f"{kind:<22} {self.precision(kind):9.3f} {self.recall(kind):7.3f} {self.f1(kind):6.3f}"
            f" {self.right[kind] + self.missed[kind]:4d}"
            for kind in ("usable", *TIP_KINDS)
        ]
        return [
            f"{title + ' (posts)':<22} precision  recall     F1    n",
            *rows,
            f"{'right question':<22} {'':9} {self.recall('right question'):7.3f} {'':6} {answers:4d}",
        ]


def real_data() -> Path:
    folder = os.environ.get("CHATKEEP_REAL_DATA")
    if not folder:
        pytest.skip("CHATKEEP_REAL_DATA names no folder with labelled chats")
    for place in (Path(folder), Path(folder).parent):
        if (place / "labels").is_dir():
            return place
    pytest.skip("CHATKEEP_REAL_DATA has no labels beside it")


def read_rows(path: Path, *separator: str) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=separator[0] if separator else ","))


def load_chat(folder: Path, date: str) -> SessionRows:
    """One session as its export gives it: author numbers without handles, hosts unknown, replies without a target."""
    (path,) = folder.rglob(f"archives/chat/ngsschat_{date}.csv")
    posts = [
        SessionPost(
            id=row["id"],
            platform="x",
            author=row["author_id"],
            posted_at=normalise(row["created_at"]) or "",
            text=row["text"],
            kind="post" if row["in_reply_to_user_id"] in {"", "NA"} else "reply",
            reply_author=None if row["in_reply_to_user_id"] in {"", "NA"} else row["in_reply_to_user_id"],
            conversation=row["conversation_id"],
        )
        for row in read_rows(path)
    ]
    times = sorted(post.posted_at for post in posts)
    session = Session(id=date, chat="ngsschat", starts_at=times[0], ends_at=times[-1])
    return build_rows(Chat(slug="ngsschat", title="A real chat", hashtags=("ngsschat",)), session, posts)


def found_by_post(findings: Findings) -> tuple[dict[str, set[str]], dict[str, str]]:
    """The kinds and the question value of each post, in the labels' own terms."""
    kinds: dict[str, set[str]] = {}
    values: dict[str, str] = {}
    numbers = {question.id: question.number for question in findings.threads.questions}
    for tip in findings.tips:
        kinds.setdefault(tip.proposal.post, set()).add(tip.proposal.kind)
    for post, answers in findings.threads.by_post.items():
        values[post] = f"A{numbers[max(answers, key=lambda answer: answer.confidence).question]}"
    for question in findings.threads.questions:
        for post in filter(None, (question.post, *question.repeats)):
            kinds[post] = {"question"}
            values[post] = f"Q{question.number}"
    return kinds, values


def score(folder: Path, dates: Iterable[str]) -> Tally:
    tally = Tally()
    for date in dates:
        findings = analyse_session(load_chat(folder, date))
        kinds, values = found_by_post(findings)
        for label in read_rows(folder / "labels" / f"ngsschat_{date}.tsv", "\t"):
            wanted = set(filter(None, label["kinds"].split(",")))
            disputed = set(filter(None, label["disputed"].split(",")))
            found = kinds.get(label["id"], set())
            for kind in TIP_KINDS:
                if kind not in disputed:
                    tally.add(kind, kind in found, kind in wanted)
            if wanted & USABLE or not disputed & USABLE:
                tally.add("usable", bool(found & USABLE), bool(wanted & USABLE))
            if label["question"].startswith("A"):
                tally.add("right question", values.get(label["id"]) == label["question"], True)
    return tally


def test_tips_on_sessions_that_were_only_scored_beat_the_naive_rule_clearly(capsys: pytest.CaptureFixture[str]) -> None:
    folder = real_data()
    tallies = {"built with": score(folder, BUILT_WITH), "only scored": score(folder, ONLY_SCORED)}
    with capsys.disabled():
        sys.stdout.write(
            "\n".join(line for name, tally in tallies.items() for line in ["", *tally.render(name)]) + "\n"
        )
    scored = tallies["only scored"]
    assert scored.f1("usable") > NAIVE_BEST
    assert scored.recall("right question") > 0.8
