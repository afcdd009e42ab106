"""Themes of a session: TF-IDF and non-negative matrix factorisation, each with what it is about and its best post."""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.nouns import find_others, find_phrase, read_words
from analysis.patterns import load_words

_LEAST_POSTS = 8  # four themes of two posts each
_FEWEST, _MOST = 4, 20
_LABEL_WORDS, _TERMS = 3, 10
_ROUNDS = 300
_THEME_WORD = r"(?u)\b[^\W\d_]{3,}\b"


@dataclass(frozen=True, slots=True)
class Theme:
    """``terms`` are the strongest words, ``posts`` all its posts, ``post`` the one that stands for it."""

    id: str
    label: str
    terms: tuple[str, ...]
    posts: tuple[str, ...]
    post: str


def find_themes(session: str, texts: Mapping[str, str], stop_words: Collection[str] = ()) -> tuple[Theme, ...]:
    """The themes of these cleaned texts by post id, the largest first; none where there are too few posts.

    ``stop_words`` are words that say nothing here: the chat's hashtags, its hosts' names.
    """
    ids = sorted(texts)
    if len(ids) < _LEAST_POSTS:
        return ()
    read = [read_words(texts[post]) for post in ids]
    left_out = _list_left_out(stop_words) | find_others(read)
    found = _factorise([texts[post] for post in ids], left_out)
    if found is None:
        return ()
    weights, components, words = found
    members: dict[int, list[int]] = {}
    for row in range(len(ids)):
        best = int(weights[row].argmax())
        if weights[row, best] > 0:
            members.setdefault(best, []).append(row)
    themes = []
    for number, rows in sorted(members.items()):
        if len(rows) >= 2:
            terms = _find_terms(components[number], words)
            label = _find_label(terms, [read[row] for row in rows], _list_left_out(stop_words))
            themes.append(_build_theme(session, label, terms, rows, weights[:, number], ids))
    unique = {theme.id: theme for theme in themes}
    return tuple(sorted(unique.values(), key=lambda theme: (-len(theme.posts), theme.id)))


def _list_left_out(stop_words: Collection[str]) -> frozenset[str]:
    """The words that no theme is about."""
    # Here and not above: importing scikit-learn takes a second that most commands need not wait.
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS  # noqa: PLC0415 - slow to import

    return frozenset(ENGLISH_STOP_WORDS) | load_words("themes_leave_out") | frozenset(stop_words)


def _factorise(texts: Sequence[str], left_out: Collection[str]) -> tuple[Any, Any, Sequence[str]] | None:
    """Posts by themes, themes by words, and the words; None where the texts share no words."""
    # Here and not above: importing scikit-learn takes a second that most commands need not wait.
    from sklearn.decomposition import NMF  # noqa: PLC0415 - slow to import
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415 - slow to import
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415 - slow to import

    count = min(max(round(math.sqrt(len(texts) / 2)), _FEWEST), _MOST)
    vectorizer = TfidfVectorizer(
        min_df=2, max_df=0.5, sublinear_tf=True, token_pattern=_THEME_WORD,
        stop_words=sorted({part for word in left_out for part in word.split("'")}),
    )  # fmt: skip
    try:
        matrix = vectorizer.fit_transform(texts)
    except ValueError:  # nothing but stop words, or nothing said twice
        return None
    count = min(count, *matrix.shape)
    model = NMF(n_components=count, init="nndsvd", random_state=0, max_iter=_ROUNDS, tol=1e-3)
    with warnings.catch_warnings():
        # An organiser can do nothing about rounds that do not suffice, or a rounding error in the measure of error.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        shares = model.fit_transform(matrix)
    # Rounded, so that the last bits of a processor's arithmetic decide no tie.
    return shares.round(6), model.components_.round(6), vectorizer.get_feature_names_out()


def _find_terms(component: Any, words: Sequence[str]) -> tuple[str, ...]:
    order = sorted(range(len(words)), key=lambda at: (-component[at], words[at]))
    return tuple(str(words[at]) for at in order[:_TERMS] if component[at] > 0)


def _find_label(terms: Sequence[str], texts: Sequence[Sequence[str]], left_out: Collection[str]) -> str:
    """The strongest terms, each in the phrase that people mostly used: "alt text, captions, plain english"."""
    phrases: list[str] = []
    for term in terms:
        phrase = find_phrase(term, texts, left_out)
        if len(phrases) < _LABEL_WORDS and not {part for one in phrases for part in one.split()} & set(phrase.split()):
            phrases.append(phrase)
    return ", ".join(phrases)


def _build_theme(
    session: str, label: str, terms: tuple[str, ...], rows: Sequence[int], weights: Any, ids: Sequence[str]
) -> Theme:
    best = min(rows, key=lambda row: (-weights[row], ids[row]))
    digest = hashlib.sha256(f"{session}\x1f{label}".encode()).hexdigest()[:12]
    return Theme(f"{session}-theme-{digest}", label, terms, tuple(ids[row] for row in rows), ids[best])
