"""Near-duplicates: posts that say the same, grouped round the earliest one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from analysis.normalising import Cleaned
from analysis.rows import SessionPost

SAME = 0.6  # cosine over TF-IDF of words and pairs of words: F1 .954 where it was measured
_LEAST_WORDS = 4  # "thank you all so much" says the same in every chat
_BLOCKING_ABOVE = 5_000
_RAREST = 50  # above, pairs must share a term that at most so many posts have
_ROWS = 1_000  # rows compared at a time: bounds memory
_PREFIX_WORDS = 5
_ANY_WORD = r"(?u)\b\w+\b"  # one letter too: "plan b"

Relation = Literal["duplicate", "repost", "quote"]


@dataclass(frozen=True, slots=True)
class Echo:
    """A post that says again what ``of`` said first. ``similarity`` is 1.0 where the platform itself links them."""

    post: str
    of: str
    relation: Relation
    similarity: float


def group_duplicates(posts: Sequence[SessionPost], cleaned: Mapping[str, Cleaned]) -> dict[str, Echo]:
    """The posts that echo an earlier one, by id. ``posts`` are in canonical order, so the earliest represents.

    Every echo was compared with the post that represents it, so groups do not grow by chains.
    """
    known = {post.id for post in posts}
    echoes = {p.id: Echo(p.id, str(p.repost_of), "repost", 1.0) for p in posts if p.repost_of in known - {p.id}}
    compared = [
        post for post in posts if post.id not in echoes and len(find_core(cleaned[post.id]).split()) >= _LEAST_WORDS
    ]
    for at, to, similarity in find_pairs([find_core(cleaned[post.id]) for post in compared]):
        post = compared[at]
        echoes[post.id] = Echo(post.id, compared[to].id, _find_relation(post, cleaned[post.id]), similarity)
    return {post: _resolve(echo, echoes) for post, echo in echoes.items()}


def find_core(cleaned: Cleaned) -> str:
    """What a post passes on: the words after "RT @ann:" where there are any, else all its words."""
    return cleaned.text[cleaned.comment_end or 0 :].casefold()


def _find_relation(post: SessionPost, cleaned: Cleaned) -> Relation:
    if cleaned.comment_end:
        return "quote"
    return "repost" if cleaned.comment_end == 0 or post.kind == "repost" else "duplicate"


def _resolve(echo: Echo, echoes: Mapping[str, Echo]) -> Echo:
    """The echo of the post that represents the group: a repost of a repeat counts for the first."""
    of, seen = echo.of, {echo.post}
    while of in echoes and of not in seen:
        seen.add(of)
        of = echoes[of].of
    return echo if of == echo.of else Echo(echo.post, of, echo.relation, echo.similarity)


def find_pairs(texts: Sequence[str], same: float = SAME) -> Iterator[tuple[int, int, float]]:
    """(echo, representative, similarity) by position: each text against the earlier ones that represent."""
    if len(texts) < 2:
        return
    beginnings = _Beginnings()
    echoing: set[int] = set()
    for at, similar in enumerate(_find_similar(texts, same)):
        best = max(((value, -to) for to, value in similar if to not in echoing), default=None)
        whole = beginnings.find(texts[at])
        if best is not None:
            echoing.add(at)
            yield at, -best[1], round(best[0], 4)
        elif whole is not None:
            echoing.add(at)
            yield at, whole, 1.0
        else:
            beginnings.add(at, texts[at])


class _Beginnings:
    """Finds the whole of a text that was cut short: "use plain english and avoid…"."""

    def __init__(self) -> None:
        self._by_words: dict[tuple[str, ...], list[tuple[int, str]]] = {}

    def add(self, at: int, text: str) -> None:
        words = text.split()
        if len(words) > _PREFIX_WORDS:
            self._by_words.setdefault(tuple(words[:_PREFIX_WORDS]), []).append((at, " ".join(words)))

    def find(self, text: str) -> int | None:
        cut = text.rstrip()
        if not cut.endswith(("…", "...")):
            return None
        words = cut.rstrip("….").split()[:-1]  # the last word may be cut in half
        beginning = " ".join(words)
        for at, whole in self._by_words.get(tuple(words[:_PREFIX_WORDS]), ()):
            if whole.startswith(beginning):
                return at
        return None


def _find_similar(texts: Sequence[str], same: float) -> Iterator[list[tuple[int, float]]]:
    """For each text the earlier ones that are similar enough, with the cosine."""
    # Here and not above: importing scikit-learn takes a second that most commands need not wait.
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415 - slow to import

    try:
        matrix = TfidfVectorizer(ngram_range=(1, 2), token_pattern=_ANY_WORD).fit_transform(texts).tocsr()
    except ValueError:  # no word in any text
        yield from ([] for _ in texts)
        return
    find_rows = _compare_blocked if len(texts) > _BLOCKING_ABOVE else _compare_all
    for first in range(0, len(texts), _ROWS):
        rows = find_rows(matrix, first, min(first + _ROWS, len(texts)))
        rows.data[rows.data < same] = 0
        rows.eliminate_zeros()
        for offset in range(rows.shape[0]):
            start, end = rows.indptr[offset], rows.indptr[offset + 1]
            yield [
                (int(to), float(value))
                for to, value in zip(rows.indices[start:end], rows.data[start:end], strict=True)
                if to < first + offset
            ]


def _compare_all(matrix: Any, first: int, last: int) -> Any:
    """The cosines of some rows with all rows before the last."""
    return (matrix[first:last] @ matrix[:last].T).tocsr()


def _compare_blocked(matrix: Any, first: int, last: int) -> Any:
    """The same where the texts share a rare term: near-duplicates do, and common words alone cost the most."""
    import numpy as np  # noqa: PLC0415 - slow to import
    from scipy.sparse import csr_matrix  # noqa: PLC0415 - slow to import

    counts = np.bincount(matrix.indices, minlength=matrix.shape[1])
    rare = np.flatnonzero((counts >= 2) & (counts <= _RAREST))
    near = (matrix[first:last][:, rare] @ matrix[:last][:, rare].T).tocoo()
    earlier = near.col < near.row + first
    rows, columns = near.row[earlier], near.col[earlier]
    if not len(rows):
        return csr_matrix((last - first, last))
    values = np.asarray(matrix[rows + first].multiply(matrix[columns]).sum(axis=1)).ravel()
    return csr_matrix((values, (rows, columns)), shape=(last - first, last))
