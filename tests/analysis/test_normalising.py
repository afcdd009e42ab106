from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.normalising import normalise

TAGS = {"northmoorhour"}


@pytest.mark.parametrize(
    ("posted", "clean"),
    [
        ("A1: Use plain English. https://t.co/x #northmoorhour", "Use plain English."),
        ("@ann @bob A.2) Reply fast #NorthmoorHour 1/3", "Reply fast"),
        ("#northmoorhour A3 - be human", "be human"),
        ("A1 We use #AltText on every picture #northmoorhour", "We use AltText on every picture"),
        ("A4: @NorthmoorLibrary has a list", "@NorthmoorLibrary has a list"),
        ("RT @ann: A1: Use plain English", "Use plain English"),
        ("Bins &amp; lorries &lt;3", "Bins & lorries <3"),
        ("🌟Q1🌟: What works? #northmoorhour", "What works?"),
        ("24/7 cover is hard", "24/7 cover is hard"),
        ("we post about #RoadWorks", "we post about RoadWorks"),
        ("first line\n\n  second   line", "first line\nsecond line"),
    ],
)
def test_noise_goes_and_words_stay(posted: str, clean: str) -> None:
    assert normalise(posted, TAGS).text == clean


def test_counters_say_which_part_of_how_many() -> None:
    assert normalise("A1 open one page 1/3 #northmoorhour", TAGS).counter == (1, 3)
    assert normalise("2/3: put the time in every post", TAGS).counter == (2, 3)
    assert normalise("24/7 cover is hard", TAGS).counter is None
    assert normalise("We meet 7/10", TAGS).counter == (7, 10)


def test_words_before_a_passed_on_post_are_told_from_it() -> None:
    cleaned = normalise("Yes to this! RT @ann: Use plain English", TAGS)
    assert cleaned.comment_end is not None
    assert cleaned.text[: cleaned.comment_end].strip() == "Yes to this!"
    assert cleaned.text[cleaned.comment_end :] == "Use plain English"
    assert normalise("Use plain English", TAGS).comment_end is None


def test_a_span_of_the_clean_text_finds_its_place_in_the_original() -> None:
    posted = "@ann A1: Bins &amp; lorries: use #PlainEnglish, please. #northmoorhour"
    cleaned = normalise(posted, TAGS)
    at = cleaned.text.index("use")
    start, end = cleaned.span(at, at + len("use PlainEnglish"))
    assert posted[start:end] == "use #PlainEnglish"
    assert posted.__getitem__(slice(*cleaned.span(0, 6))) == "Bins &amp;"


PIECES = st.sampled_from(
    [
        "A1: ",
        "@ann ",
        "#northmoorhour ",
        "https://t.co/abc ",
        "RT @bob: ",
        "use plain words ",
        "&amp; ",
        "1/3 ",
        "\n",
        "🌟 ",
    ]
)


@given(st.lists(st.one_of(PIECES, st.text(max_size=12)), max_size=12).map("".join))
def test_every_text_is_cleaned_and_every_span_lies_inside_it(text: str) -> None:
    cleaned = normalise(text, TAGS)
    for start in range(0, len(cleaned.text), 7):
        first, last = cleaned.span(start, len(cleaned.text))
        assert 0 <= first <= last <= len(text)
        if cleaned.text[start].isalnum():
            assert text[first] == cleaned.text[start]


def test_a_text_of_two_megabytes_is_read_in_part() -> None:
    assert len(normalise("Use plain English. " * 120_000, TAGS).text) <= 5_000
