"""How well the analysis does, in one table: `make quality` prints it. CHATKEEP_REAL_DATA names the labelled chats."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from analysis.ranking import USABLE
from benchmarks.figures import Figure, find_bootstrap, find_wilson
from benchmarks.labelled import load_examples, load_real
from benchmarks.quality_councils import score_councils
from benchmarks.quality_decisions import score_decisions
from benchmarks.quality_duplicates import score_duplicates
from benchmarks.quality_suggestions import score_suggestions
from benchmarks.quality_tips import RIGHT_QUESTION, Tally, score_chats, total
from benchmarks.train_ranker import learn

BUILT_WITH = ("2021-01-08", "2021-01-22", "2021-02-05")
ONLY_SCORED = ("2021-03-05", "2021-04-02")
_AIMS = {
    USABLE: ".80", "do": ".75", "resource": ".85", "question": ".88", "example": ".55", "concern": ".60",
    "dont": "reported", RIGHT_QUESTION: ".92",
}  # fmt: skip
_PARTS = 4


def list_figures(folder: Path) -> Iterator[tuple[str, list[Figure]]]:
    """The parts of the table, each with its heading. ``folder`` holds labels/ and fixtures/."""
    scored = [load_real(folder, date) for date in ONLY_SCORED]
    yield "Tips and answers, two real sessions that were only scored", list(_rate(score_chats(scored), _AIMS))
    yield (
        "The same, three real sessions that rules were built with",
        list(_rate(score_chats(load_real(folder, date) for date in BUILT_WITH), {})),
    )
    yield "The same, our own examples, each scored by a ranker that never saw it", list(_rate(_score_left_out(), {}))
    yield "Decisions, on the sessions that were only scored", list(score_decisions(scored))
    yield "Near-duplicates, posts of the scored sessions said again", score_duplicates(scored)
    yield "Suggestions in a forum", list(score_suggestions(folder / "fixtures"))
    yield "Councils", score_councils(folder / "fixtures")


def _rate(tallies: Sequence[tuple[str, Tally]], aims: dict[str, str]) -> Iterator[Figure]:
    whole = total(tallies)
    for kind in _AIMS:
        if kind == RIGHT_QUESTION:
            n = whole.count(kind)
            interval = find_wilson(whole.right[kind], n)
            yield Figure(kind, whole.recall(kind), n, *interval, aims.get(kind, ""))
        else:
            name = f"{kind} F1 (precision {whole.precision(kind):.2f}, recall {whole.recall(kind):.2f})"
            interval = find_bootstrap(tallies, lambda some, kind=kind: total(some).f1(kind))  # type: ignore[misc]  # bound
            yield Figure(name, whole.f1(kind), whole.count(kind), *interval, aims.get(kind, ""))


def _score_left_out() -> list[tuple[str, Tally]]:
    chats = load_examples()
    found: list[tuple[str, Tally]] = []
    for part in range(_PARTS):
        left_out = chats[part::_PARTS]
        found += score_chats(left_out, learn([chat for chat in chats if chat not in left_out]))
    return found


def render(parts: Iterable[tuple[str, Sequence[Figure]]]) -> Iterator[str]:
    """The table, a line a time: parts can take a while."""
    yield f"{'measure':<78} {'value':>6} {'n':>5}  {'95 % interval':<13} aim"
    for heading, figures in parts:
        yield ""
        yield heading
        for one in figures:
            yield f"  {one.measure:<76} {one.value:6.3f} {one.n:5d}  {one.low:.3f} – {one.high:.3f} {one.aim}"


def main() -> None:
    """Prints the table."""
    named = os.environ.get("CHATKEEP_REAL_DATA")
    if not named:
        sys.exit("CHATKEEP_REAL_DATA names no folder with labelled chats (labels/ and fixtures/): set it and run again")
    folder = Path(named) if (Path(named) / "labels").is_dir() else Path(named).parent
    for line in render(list_figures(folder)):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
