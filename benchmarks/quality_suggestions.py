"""SemEval-2019 Task 9 A: which sentences of a forum are suggestions. Trained in the run, never shipped."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from analysis.features import Context
from analysis.learning import Example, learn_model
from analysis.normalising import normalise
from analysis.ranking import HEADS, SHOWN, USABLE, Model, load_model
from analysis.rows import SessionPost
from analysis.signals import read_sentences
from benchmarks.figures import Figure, build_f1

_STRENGTH = 10.0


def score_suggestions(folder: Path) -> Iterator[Figure]:
    """The table's rows. ``folder`` holds suggestion/ of the fixtures."""
    place = folder / "suggestion" / "semeval2019_task9"
    training, trial = _read(place / "V1.4_Training.csv"), _read(place / "SubtaskA_Trial_Test_Labeled.csv")
    shipped = load_model()
    yield _score("SemEval-2019 A trial, as shipped, do or dont: F1", shipped, trial, ("do", "dont"))
    nothing = Model((0.0,) * len(HEADS), {}, dict.fromkeys(HEADS, 0.5))
    examples = [Example(signals, frozenset(("do",) if wanted else ())) for signals, wanted in training]
    yield _score(
        "SemEval-2019 A trial, trained on its training data",
        learn_model(examples, _STRENGTH, nothing),
        trial,
        (USABLE,),
    )


def _score(name: str, model: Model, sentences: list[tuple[frozenset[str], bool]], heads: tuple[str, ...]) -> Figure:
    right = extra = missed = 0
    for signals, wanted in sentences:
        values = model.find_values(signals)
        found = any(values[head] >= SHOWN for head in heads)
        right += found and wanted
        extra += found and not wanted
        missed += wanted and not found
    return build_f1(name, right, extra, missed, "reported")


def _read(path: Path) -> list[tuple[frozenset[str], bool]]:
    """The signals of each entry, all its sentences together, and whether it suggests something."""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        return [(_find_signals(row[1]), row[2].strip() == "1") for row in csv.reader(file) if len(row) > 2]


def _find_signals(text: str) -> frozenset[str]:
    post = SessionPost(id="1", platform="x", author="1", posted_at="", text=text)
    sentences = read_sentences(post, normalise(text), Context())
    return frozenset[str]().union(*(sentence.signals for sentence in sentences))
