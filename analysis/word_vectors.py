"""Texts as weighted words and pairs of words, and which earlier ones each is like: TF-IDF and its cosine, exactly.

The weights are those of scikit-learn's TfidfVectorizer. Here terms of one text alone are left out, since no two texts
share them, and only those pairs are compared that share enough of their rarer terms to be alike at all.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from scipy.sparse import csr_matrix

_WORD = re.compile(r"\w+")  # one letter too: "plan b"
_ROWS = 500  # texts compared at a time: bounds memory
_ROUNDING = 1e-9

Alike = list[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class _Weighed:
    """A row for each text, of length 1 with the terms left out: ``counts`` are the texts that each term is in."""

    matrix: csr_matrix
    counts: np.ndarray[Any, Any]


def find_alike(texts: Sequence[str], same: float, rarest: int | None = None) -> Iterator[Alike]:
    """For each text the earlier ones that are at least so like it, with the cosine.

    With ``rarest`` only texts are compared that share a term that at most so many texts have.
    """
    weighed = _weigh(texts)
    leading, rest = _lead_by_rare(weighed, rarest) if rarest else _lead_by_weight(weighed, same)
    matrix = weighed.matrix
    columns = (leading if rarest else matrix).T.tocsr()
    for first in range(0, len(texts), _ROWS):
        last = min(first + _ROWS, len(texts))
        yield from _compare(matrix, leading[first:last] @ columns, rest, first, same)


def _compare(matrix: Any, near: Any, rest: Any, first: int, same: float) -> Iterator[Alike]:
    """Compares some texts from ``first`` on with the earlier ones that they share leading terms with."""
    import numpy as np  # noqa: PLC0415 - slow to import

    found = near.tocoo()
    rows = found.row + first
    hopeful = (found.col < rows) & (found.data + rest[rows] >= same - _ROUNDING)
    rows, columns = rows[hopeful], found.col[hopeful]
    values = np.asarray(matrix[rows].multiply(matrix[columns]).sum(axis=1)).ravel()
    alike: list[Alike] = [[] for _ in range(near.shape[0])]
    for row, column, value in zip(rows.tolist(), columns.tolist(), values.tolist(), strict=True):
        if value >= same:
            alike[row - first].append((column, value))
    yield from alike


def _lead_by_weight(weighed: _Weighed, same: float) -> tuple[Any, Any]:
    """The rows without their commonest terms, as many as cannot make two texts alike, and the length of what is left
    out: beyond what the leading terms say, that is the most that two texts can be alike.
    """
    import numpy as np  # noqa: PLC0415 - slow to import

    matrix, leading = weighed.matrix, weighed.matrix.copy()
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    order = np.lexsort((-weighed.counts[matrix.indices], rows))
    squares = np.cumsum(matrix.data[order] ** 2)
    before = np.concatenate(([0.0], squares))[matrix.indptr[:-1]]
    small = squares - before[rows[order]] < (same - _ROUNDING) ** 2
    left_out = order[small]
    leading.data[left_out] = 0
    leading.eliminate_zeros()
    return leading, np.sqrt(np.bincount(rows[left_out], matrix.data[left_out] ** 2, minlength=matrix.shape[0]))


def _lead_by_rare(weighed: _Weighed, rarest: int) -> tuple[Any, Any]:
    """The rows with their rare terms alone; whatever shares one is compared."""
    import numpy as np  # noqa: PLC0415 - slow to import

    rare = np.flatnonzero(weighed.counts <= rarest)
    return weighed.matrix[:, rare], np.ones(weighed.matrix.shape[0])


def _weigh(texts: Sequence[str]) -> _Weighed:
    import numpy as np  # noqa: PLC0415 - slow to import
    from scipy.sparse import csr_matrix  # noqa: PLC0415 - slow to import

    words, rows = _number_words(texts)
    together = rows[:-1] == rows[1:]
    pairs = words[:-1][together] * (words.max(initial=0) + 1) + words[1:][together]
    names, numbers = np.unique(pairs, return_inverse=True)
    terms = np.concatenate((words, numbers + words.max(initial=-1) + 1))
    width = int(words.max(initial=-1)) + 1 + len(names)
    shape = len(texts), width
    matrix = csr_matrix((np.ones(len(terms)), (np.concatenate((rows, rows[:-1][together])), terms)), shape=shape)
    counts = np.bincount(matrix.indices, minlength=width)
    matrix.data *= (np.log((1 + len(texts)) / (1 + counts)) + 1)[matrix.indices]
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    matrix.data /= np.repeat(lengths, np.diff(matrix.indptr))
    shared = np.flatnonzero(counts > 1)
    return _Weighed(matrix[:, shared], counts[shared])


def _number_words(texts: Sequence[str]) -> tuple[Any, Any]:
    """The words of all texts as numbers, and the text that each is in."""
    import numpy as np  # noqa: PLC0415 - slow to import

    known: defaultdict[str, int] = defaultdict()
    known.default_factory = known.__len__
    words = [[known[word] for word in _WORD.findall(text)] for text in texts]
    lengths = np.fromiter(map(len, words), np.int64, len(words))
    numbers = np.fromiter((number for text in words for number in text), np.int64, int(lengths.sum()))
    return numbers, np.repeat(np.arange(len(texts)), lengths)
