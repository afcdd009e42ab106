"""Learns the ranker's coefficients: a logistic regression that stays near the ones it began with.

Without a beginning it is plain ridge regression; beginning with the coefficients that ship, it learns from a person's
decisions only what they contradict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from analysis.ranking import HEADS, USABLE, Model

WORDS = ("word:", "first:")
_WORD_VALUE = 0.5  # a word weighs half of a rule or a place: there are many, and each says little
_LEAST_EXAMPLES_OF_A_WORD = 3
_UNDECIDED_WEIGHT = 2.0  # measured: below, what was judged pulls up all that was not
_NEGLIGIBLE = 0.005
_ROUNDS = 400
_GOOD_ENOUGH = 1e-7  # share of the loss: below, no coefficient changes by what can be seen


@dataclass(frozen=True, slots=True)
class Example:
    """A sentence that somebody judged: its signals, and the kinds of tip that it is."""

    signals: frozenset[str]
    kinds: frozenset[str]

    def holds(self, head: str) -> bool:
        """Whether the example is positive for a head."""
        return bool(self.kinds - {"question"}) if head == USABLE else head in self.kinds


def learn_model(examples: Sequence[Example], strength: float, prior: Model) -> Model:
    """Coefficients from many examples. ``strength`` is how much it costs to leave the ones of ``prior``."""
    counts = Counter(name for example in examples for name in example.signals)
    often = [name for name, count in counts.items() if count >= _LEAST_EXAMPLES_OF_A_WORD]
    return _move(prior, examples, sorted({*often, *(name for name in counts if not name.startswith(WORDS))}), strength)


def adapt_model(
    model: Model, examples: Sequence[Example], undecided: Sequence[frozenset[str]], strength: float
) -> Model:
    """The model moved by examples; only signals that it knows or that the examples show twice take part.

    ``undecided`` are the signals of the sentences that nobody judged: they hold the model where it was. People judge
    what is proposed, which is more often right than what is not; without the rest, the model would take all for good.
    """
    seen = Counter(name for example in examples for name in example.signals)
    names = sorted(name for name, count in seen.items() if name in model.weights or count > 1)
    return _move(model, examples, names, strength, undecided)


def _move(
    model: Model,
    examples: Sequence[Example],
    names: Sequence[str],
    strength: float,
    undecided: Sequence[frozenset[str]] = (),
) -> Model:
    # Here and not above: importing scipy takes half a second that most commands need not wait.
    import numpy as np  # noqa: PLC0415 - slow to import
    from scipy.sparse import diags  # noqa: PLC0415 - slow to import

    everything = [*(example.signals for example in examples), *undecided]
    known = sorted({*model.weights, *names})
    nothing = (0.0,) * len(HEADS)
    ones = _build_matrix(everything, known)
    offsets = ones @ np.array([model.weights.get(name, nothing) for name in known]) + np.array(model.bias)
    places = {name: at for at, name in enumerate(known)}
    matrix = ones[:, [places[name] for name in names]] @ diags([_value(name) for name in names])
    heavy = np.array([1.0] * len(examples) + [_UNDECIDED_WEIGHT] * len(undecided))
    bias, moved = list(model.bias), {name: list(model.weights.get(name, nothing)) for name in names}
    for at, head in enumerate(HEADS):
        target = np.append([float(example.holds(head)) for example in examples], _squash(offsets[len(examples) :, at]))
        change, shift = _fit(matrix, target, offsets[:, at], heavy, strength)
        bias[at] = round(bias[at] + shift, 4)
        for column, name in enumerate(names):
            moved[name][at] += float(change[column]) * _value(name)
    weights = dict(model.weights) | {name: tuple(_round(value) for value in row) for name, row in moved.items()}
    return replace(model, bias=tuple(bias), weights={name: row for name, row in weights.items() if any(row)})


def _build_matrix(everything: Sequence[frozenset[str]], known: Sequence[str]) -> Any:
    """A row for each sentence, with a one for each signal that it has."""
    from scipy.sparse import csr_matrix  # noqa: PLC0415 - slow to import

    columns = {name: at for at, name in enumerate(known)}
    rows = [sorted(columns[name] for name in signals if name in columns) for signals in everything]
    ends = [0, *accumulate(len(row) for row in rows)]
    indices = [column for row in rows for column in row]
    return csr_matrix(([1.0] * len(indices), indices, ends), shape=(len(rows), len(known)))


def _fit(matrix: Any, target: Any, begun: Any, heavy: Any, strength: float) -> tuple[Any, float]:
    """The change of each coefficient and of the bias that fits the labels best for its cost."""
    import numpy as np  # noqa: PLC0415 - slow to import
    from scipy.optimize import minimize  # noqa: PLC0415 - slow to import
    from scipy.special import expit  # noqa: PLC0415 - slow to import

    cost = np.full(matrix.shape[1] + 1, strength)

    def measure(changes: Any) -> tuple[float, Any]:
        totals = begun + matrix @ changes[:-1] + changes[-1]
        loss = heavy @ (np.logaddexp(0.0, totals) - target * totals) + 0.5 * cost @ changes**2
        error = heavy * (expit(totals) - target)
        return float(loss), np.append(matrix.T @ error, error.sum()) + cost * changes

    start, options = np.zeros(matrix.shape[1] + 1), {"maxiter": _ROUNDS, "ftol": _GOOD_ENOUGH}
    found = minimize(measure, start, jac=True, method="L-BFGS-B", options=options).x
    return found[:-1], float(found[-1])


def _squash(totals: Any) -> Any:
    from scipy.special import expit  # noqa: PLC0415 - slow to import

    return expit(totals)


def _value(name: str) -> float:
    return _WORD_VALUE if name.startswith(WORDS) else 1.0


def _round(value: float) -> float:
    return 0.0 if abs(value) < _NEGLIGIBLE else round(value, 3)
