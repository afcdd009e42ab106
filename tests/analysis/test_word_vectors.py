from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from analysis.word_vectors import find_alike

WORDS = st.sampled_from(["use", "plain", "english", "in", "every", "alt", "text", "b", "2"])
SENTENCES = st.lists(WORDS, max_size=8).map(" ".join)


@given(st.lists(SENTENCES, max_size=12), st.sampled_from([0.3, 0.6, 0.75]))
def test_what_is_alike_is_what_the_cosine_of_all_words_and_pairs_says(texts: list[str], same: float) -> None:
    found = [dict(alike) for alike in find_alike(texts, same)]
    assert len(found) == len(texts)
    if not any(texts):
        assert not any(found)
        return
    matrix = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b").fit_transform(texts)
    cosines = (matrix @ matrix.T).toarray()
    for row, alike in enumerate(found):
        for earlier in range(row):
            if abs(cosines[row, earlier] - same) > 1e-9:
                assert (earlier in alike) == (cosines[row, earlier] > same)
        for earlier, value in alike.items():
            assert earlier < row
            assert value == pytest.approx(cosines[row, earlier])


@given(st.lists(SENTENCES, max_size=12))
def test_with_rare_terms_alone_nothing_else_is_found(texts: list[str]) -> None:
    everything = list(find_alike(texts, 0.6))
    for some, own in zip(find_alike(texts, 0.6, rarest=2), everything, strict=True):
        assert set(dict(some)) <= set(dict(own))


def test_texts_without_words_are_like_nothing() -> None:
    assert list(find_alike(["", "!!!", "🎉"], 0.6)) == [[], [], []]
    assert list(find_alike([], 0.6)) == []
