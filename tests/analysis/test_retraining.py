from __future__ import annotations

import json
from dataclasses import replace

import pytest
from made_up_chat import HOST, northmoor, post
from test_engine import add

from analysis.anchors import ShownTip, build_anchor
from analysis.explaining import render_signal
from analysis.ranking import HEADS, load_model
from analysis.rebuild import analyse_chat
from analysis.retraining import LEAST_DECISIONS, Lessons, load_ranker, save_ranker
from archive.decisions import Decision
from archive.models import Chat
from archive.store import Archive

_THINGS = (
    "planning", "library", "bins", "parking", "schools", "roads", "parks", "housing", "elections", "budget", "weather",
    "flooding", "museums", "markets", "pools", "buses", "licences", "allotments", "cycling", "recycling", "theatres",
    "registrars", "foster care", "cemeteries",
)  # fmt: skip
BISCUITS = [f"A1: Bring biscuits whenever the {thing} team meets you #northmoorhour" for thing in _THINGS]
CAPTIONS = [f"A1: Caption each film that the {thing} colleagues make #northmoorhour" for thing in _THINGS]
LATE = "A1: Bring biscuits whenever somebody from payroll visits #northmoorhour"


@pytest.fixture
def hour(archive: Archive) -> Chat:
    chat = northmoor()
    archive.save_chat(chat)
    posts = [post(5, "Q1: What one tip would you give? #northmoorhour", HOST)]
    posts += [post(6 + at, text, f"x:a{at}") for at, text in enumerate([*BISCUITS, *CAPTIONS])]
    add(archive, *posts, post(58, LATE, "x:late"))
    return chat


def load_tips(archive: Archive) -> dict[str, tuple[str, str, int, int, str, float]]:
    rows = archive.conn.execute('SELECT post, id, "start", "end", text, score FROM tips WHERE kind = ?', ("do",))
    return {row[0]: (row[1], "do", row[2], row[3], row[4], row[5]) for row in rows.fetchall()}


def decide(archive: Archive, count: int) -> list[Decision]:
    """An author who rejects every biscuit and accepts every caption, ``count`` tips of each at most."""
    texts = dict(archive.conn.execute("SELECT id, text FROM posts").fetchall())
    made: list[Decision] = []
    taken = {"Bring": 0, "Caption": 0}
    for name, (tip, kind, start, end, text, score) in sorted(load_tips(archive).items()):
        word = text.split()[0]
        if word not in taken or taken[word] == count or texts[name] == LATE:
            continue
        taken[word] += 1
        shown = ShownTip(tip, "northmoor-1", name, kind, start, end, text, score)  # type: ignore[arg-type]  # a kind
        value = "accepted" if word == "Caption" else "rejected"
        made.append(
            Decision(
                subject_kind="tip", subject=tip, field="state", value=value, chat="northmoor", by="ann",
                at="2026-10-09T09:00:00.000Z", anchor=build_anchor(shown, texts), id=str(len(made)),
            )
        )  # fmt: skip
    return made


def late_score(archive: Archive) -> float:
    found = [tip[5] for name, tip in load_tips(archive).items() if name == "x:58"]
    return found[0] if found else 0.0


def test_a_ranker_learns_from_the_decisions_of_its_chat(archive: Archive, hour: Chat) -> None:
    analyse_chat(archive.conn, hour, version="1")
    before = late_score(archive)
    decisions = decide(archive, LEAST_DECISIONS)
    analyse_chat(archive.conn, hour, version="1", decisions=decisions)
    assert late_score(archive) < before - 0.1, "what is like the rejected ones sinks"
    states = dict(archive.conn.execute("SELECT state, count(*) FROM tips GROUP BY state").fetchall())
    assert states["accepted"] == states["rejected"] == LEAST_DECISIONS, "what a person decided is never touched"


def test_too_few_decisions_teach_nothing(archive: Archive, hour: Chat) -> None:
    analyse_chat(archive.conn, hour, version="1")
    before = late_score(archive)
    analyse_chat(archive.conn, hour, version="1", decisions=decide(archive, LEAST_DECISIONS // 2 - 1))
    assert late_score(archive) == before
    assert archive.conn.execute("SELECT count(*) FROM rankers").fetchone() == (0,)


def test_what_was_learnt_can_be_read(archive: Archive, hour: Chat) -> None:
    analyse_chat(archive.conn, hour, version="1")
    analyse_chat(archive.conn, hour, version="1", decisions=decide(archive, LEAST_DECISIONS))
    ((count, text),) = archive.conn.execute("SELECT decisions_count, weights FROM rankers").fetchall()
    changes = json.loads(text)["do"]["weights"]
    assert count == 2 * LEAST_DECISIONS
    assert changes["word:biscuits"] < 0 < changes["word:caption"]
    assert render_signal("word:biscuits") == "says 'biscuits'"


def test_a_look_at_another_session_uses_what_was_learnt_before(archive: Archive, hour: Chat) -> None:
    analyse_chat(archive.conn, hour, version="1")
    decisions = decide(archive, LEAST_DECISIONS)
    analyse_chat(archive.conn, hour, version="1", decisions=decisions)
    learnt = archive.conn.execute("SELECT * FROM rankers").fetchall()
    analyse_chat(archive.conn, hour, version="1", decisions=decisions, only=["another"])
    assert archive.conn.execute("SELECT * FROM rankers").fetchall() == learnt
    analyse_chat(archive.conn, hour, version="1", decisions=decisions, only=["northmoor-1"])
    assert archive.conn.execute("SELECT * FROM rankers").fetchall() == learnt


def test_decisions_that_are_taken_back_are_unlearnt(archive: Archive, hour: Chat) -> None:
    analyse_chat(archive.conn, hour, version="1")
    before = late_score(archive)
    decisions = decide(archive, LEAST_DECISIONS)
    analyse_chat(archive.conn, hour, version="1", decisions=decisions)
    analyse_chat(archive.conn, hour, version="1")
    assert late_score(archive) == before
    assert load_model().weights, "the shipped coefficients stay"


def test_a_stored_ranker_is_the_one_that_was_learnt(archive: Archive, hour: Chat) -> None:
    shipped = load_model()
    gone, changed = sorted(shipped.weights)[:2]
    weights = {name: row for name, row in shipped.weights.items() if name != gone}
    weights |= {changed: tuple(weight + 0.5 for weight in shipped.weights[changed]), "word:new": (0.25,) * len(HEADS)}
    learnt = replace(shipped, bias=tuple(bias - 0.1 for bias in shipped.bias), weights=weights)
    save_ranker(archive.conn, hour, learnt, Lessons(decisions_count=20), "made of this")
    stored = load_ranker(archive.conn, hour, "made of this")
    assert stored is not None
    for signals in ({gone}, {changed}, {"word:new"}, {gone, changed, "rule:instruction"}):
        assert stored.find_values(signals) == learnt.find_values(signals)
    assert load_ranker(archive.conn, hour, "made of that") is None
