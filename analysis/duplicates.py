"""Near-duplicates: posts that say the same, grouped round the earliest one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from analysis.normalising import Cleaned
from analysis.opposites import may_repeat
from analysis.rows import SessionPost
from analysis.word_vectors import find_alike

SAME = 0.6  # cosine over TF-IDF of words and pairs of words: F1 .954 where it was measured
_LEAST_WORDS = 4  # "thank you all so much" says the same in every chat
_BLOCKING_ABOVE = 5_000
_RAREST = 50  # above, pairs must share a term that at most so many posts have
_PREFIX_WORDS = 5

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
    echoes = {
        post.id: Echo(post.id, str(post.repost_of), "repost", 1.0)
        for post in posts
        if post.repost_of in known and post.repost_of != post.id
    }
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
    for at, similar in enumerate(find_alike(texts, same, _RAREST if len(texts) > _BLOCKING_ABOVE else None)):
        best = max(
            ((value, -to) for to, value in similar if to not in echoing and may_repeat(texts[at], texts[to])),
            default=None,
        )
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
