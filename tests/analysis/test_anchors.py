from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.anchors import CONTEXT, Place, ShownTip, build_anchor, find_place, share_words
from analysis.rulings import read_view

TEXT = "A1: Reply fast. Be human &amp; kind. Don’t delete complaints! #northmoorhour"


def place_of(words: str, text: str = TEXT) -> Place:
    at = text.index(words)
    return Place(words, text[max(0, at - CONTEXT) : at], text[at + len(words) :][:CONTEXT], at)


def found_in(text: str, place: Place) -> str | None:
    span = find_place(place, text)
    return text[slice(*span)] if span else None


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (TEXT, "Be human &amp; kind."),
        ("A1: REPLY FAST!!! be human & kind. Don't delete complaints", "be human & kind."),
        ("Reply fast.\n\nBe   human\n&amp; kind…\nDon't.", "Be   human\n&amp; kind…"),
        ("Always. Be human &amp; kind.", "Be human &amp; kind."),
        ("Be inhuman and kind.", None),
        ("", None),
    ],
)
def test_words_are_found_again_apart_from_case_spaces_marks_and_entities(now: str, words: str | None) -> None:
    assert found_in(now, place_of("Be human &amp; kind.")) == words


def test_apostrophes_of_every_make_are_one() -> None:
    place = place_of("Don’t delete complaints!")
    for written in ("Don't delete complaints!", "DON&#39;T delete complaints!", "don’t delete complaints!"):
        assert found_in(f"Yes. {written} Ever.", place) == written


def test_of_two_places_the_one_in_the_same_context_is_taken() -> None:
    text = "In posts: use alt text. In emails: use alt text. In letters: use alt text."
    second = text.index("use alt text. In letters")
    place = Place("use alt text", text[second - CONTEXT : second], text[second + 12 :][:CONTEXT], second)
    later = "Added since! " + text
    assert find_place(place, later) == (second + 13, second + 25)


def test_a_word_is_not_found_within_another_unless_it_was_cut_there() -> None:
    assert find_place(Place("post"), "Reposting is fine") is None
    assert find_place(Place("post", before="Re", after="ing"), "Reposting is fine") == (2, 6)


def test_words_alone_without_letters_are_found_exactly_or_not_at_all() -> None:
    assert find_place(Place("🎉🎉"), "Well done 🎉🎉") == (10, 12)
    assert find_place(Place("🎉🎉"), "Well done 🎉") is None
    assert find_place(Place("  "), "Well  done") is None


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("Use alt text on every image", "Always use alt text on every image", True),
        ("Use alt text", "Use alt text.", True),
        ("Reply fast.", "Reply fast and be human.", True),
        ("Reply fast.", "Reply to every resident who asks you on a Sunday", False),
        ("Use alt text", "Post at six in the evening", False),
        ("", "Post at six", False),
        ("Use", "Use", True),
    ],
)
def test_an_edited_sentence_shares_enough_words_with_what_it_was(one: str, other: str, shared: bool) -> None:
    assert (share_words(one, other) > 0) is shared


def test_an_anchor_quotes_the_post_exactly_and_can_be_read_back() -> None:
    start = TEXT.index("Be human")
    end = TEXT.index(" Don’t")
    tip = ShownTip("t", "northmoor-1", "x:1", "do", start, end, "Be human & kind.", 0.7, (("x:2", 0, 5), ("x:9", 0, 4)))
    anchor = build_anchor(tip, {"x:1": TEXT, "x:2": "Smile. Always."}, (4, 15))
    view = read_view(anchor)
    assert view is not None
    assert view.place == place_of("Be human &amp; kind.")
    assert view.parts == (("x:2", Place("Smile", "", ". Always.", 0)),)
    assert (view.post, view.session, view.kind, view.text, view.score) == ("x:1", "northmoor-1", "do", tip.text, 0.7)
    assert anchor["chosen"]["quotation"] == "Reply fast."


@pytest.mark.parametrize("broken", [{}, {"post": 3}, {"post": "x:1"}, {"post": "x:1", "kind": "poem"}])
def test_an_anchor_that_names_no_post_or_no_kind_is_no_view(broken: dict[str, object]) -> None:
    assert read_view(broken) is None


@given(st.text(max_size=80), st.data())
def test_an_unchanged_text_gives_every_span_back(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    tip = ShownTip("t", "s", "x:1", "do", start, end, "…")
    view = read_view(build_anchor(tip, {"x:1": text}))
    assert view is not None
    span = find_place(view.place, text)
    if text[start:end].strip():
        assert span is not None
        assert text[slice(*span)] == text[start:end]
    else:
        assert span is None


@given(st.text(max_size=60), st.text(max_size=60))
def test_whatever_the_texts_are_a_place_lies_within_and_sharing_is_mutual(words: str, text: str) -> None:
    span = find_place(Place(words), text)
    assert span is None or 0 <= span[0] < span[1] <= len(text)
    assert share_words(words, text) == share_words(text, words)
    assert 0 <= share_words(words, text) <= 1
