"""One line of the table of quality: a measure with its n and the interval that it can be trusted within."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

_T = TypeVar("_T")
_Z = 1.959964  # of a 95 % interval
_SAMPLES = 1_000


class Figure(NamedTuple):
    """``low`` and ``high`` are the 95 % interval of ``value``; ``n`` is what it was counted over."""

    measure: str
    value: float
    n: int
    low: float
    high: float
    aim: str


def find_wilson(hits: int, n: int) -> tuple[float, float]:
    """The 95 % Wilson interval of a share."""
    if not n:
        return 0.0, 1.0
    share = hits / n
    middle = (share + _Z * _Z / (2 * n)) / (1 + _Z * _Z / n)
    half = _Z / (1 + _Z * _Z / n) * (share * (1 - share) / n + _Z * _Z / (4 * n * n)) ** 0.5
    return middle - half, middle + half


def find_bootstrap(units: Sequence[_T], measure: Callable[[Sequence[_T]], float]) -> tuple[float, float]:
    """The 95 % interval of a measure over units, by drawing them again: the same draws in every run."""
    chance = random.Random(20261124)
    values = sorted(measure(chance.choices(units, k=len(units))) for _ in range(_SAMPLES)) if units else [0.0]
    return values[int(0.025 * (len(values) - 1))], values[int(0.975 * (len(values) - 1))]


def build_f1(measure: str, right: int, extra: int, missed: int, aim: str) -> Figure:
    """F1 of counts. Its interval is Wilson's of F1 as the share right / (right + half of all errors)."""
    whole = right + (extra + missed) / 2
    low, high = find_wilson(right, round(whole))
    return Figure(measure, right / whole if whole else 0.0, right + missed, low, high, aim)
