from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_chat import HOST, analyse, post

from analysis.languages import count_unread, find_language, is_english, name_language

WELSH = (
    "Mae'r biniau'n cael eu casglu ddydd Mawrth",
    "Peidiwch â rhoi'r ddwy iaith mewn un llun",
    "Rhowch y Gymraeg yn gyntaf ac yr un maint",
    "Cofiwch fesur y ddwy iaith ar wahân",
    "Does neb i gymryd drosodd gyda'r nos",
)
TEXTS = st.text(st.sampled_from("abc é ŵ.!?/\n#@ya'r’سহ🎉1") | st.characters(), max_size=80)


@pytest.mark.parametrize("text", WELSH)
@pytest.mark.parametrize("lang", [None, "cy", "und", "en", "de"])
def test_welsh_is_known_by_its_small_words_whatever_the_platform_says(text: str, lang: str | None) -> None:
    assert find_language(text, lang) == "cy"


@pytest.mark.parametrize(
    ("text", "lang", "language"),
    [
        ("Put the time in every update so that people know when it was sent", "nl", "en"),
        ("Alt text always", "tl", "en"),
        ("La mairie publie les horaires sur la page et dans les écoles", None, "fr"),
        ("Piszemy krótko: jeden obrazek, jedna data, jeden link", "pl", "pl"),
        ("সহজ ভাষায় লিখুন, ছোট বাক্যে", None, "bn"),
        ("نكتب الرسالة بالعربية أولًا", None, "und"),
        ("نكتب الرسالة بالعربية أولًا", "ar", "ar"),
        ("Skriv kort och enkelt varje gång", "sv-SE", "sv"),
        ("Tulis pendek saja setiap kali", "in", "id"),
    ],
)
def test_the_language_is_what_the_words_say_else_what_is_told(text: str, lang: str | None, language: str) -> None:
    assert find_language(text, lang) == language
    assert is_english(text, lang) == (language == "en")


@pytest.mark.parametrize("text", ["", "🎉🎉", "https://example.org/y/yn/mae", "#cymraeg @yn_y_mae", "12 15"])
def test_what_holds_no_words_is_in_no_language(text: str) -> None:
    assert find_language(text, "cy") is None


@pytest.mark.parametrize("lang", ["cy", "en", None])
@pytest.mark.parametrize("between", ["\n", " / ", ". ", " | "])
def test_a_post_in_two_languages_is_read_in_english(between: str, lang: str | None) -> None:
    welsh, english = "Rhowch y Gymraeg yn gyntaf", "Put the Welsh first and keep both of them at the same size"
    for text in (f"{welsh}{between}{english}", f"{english}{between}{welsh}"):
        assert is_english(text, lang)
        assert find_language(text, lang) == "en"


@given(TEXTS, st.sampled_from([None, "", "en", "cy", "cy-GB", "und", "xx", "é"]))
def test_english_is_what_is_read_and_nothing_else(text: str, lang: str | None) -> None:
    assert (find_language(text, lang) == "en") == is_english(text, lang)
    assert find_language(text, lang) != ""


def test_languages_have_names() -> None:
    assert [name_language(code) for code in ("cy", "gd", "und", "xx")] == [
        "Welsh", "Scottish Gaelic", "another language", "another language",
    ]  # fmt: skip


def test_posts_are_counted_by_language_without_reposts() -> None:
    posts = [post(n, text, lang="cy") for n, text in enumerate(WELSH)]
    posts += [post(20, "RT: " + WELSH[0], kind="repost", repost_of="x:0"), post(21, "Keep it short and plain")]
    posts += [post(22, "Piszemy krótko: jeden obrazek, jedna data", lang="pl"), post(23, "🎉", lang="cy")]
    assert count_unread(posts) == {"cy": 5, "pl": 1}


def test_welsh_answers_stand_under_their_question_are_counted_and_give_no_tips() -> None:
    question = post(1, "Q1: How do you write in two languages? #northmoorhour", HOST)
    marked = post(2, f"A1: {WELSH[2]} #northmoorhour", "x:cerys", lang="cy")
    reply = post(3, f"@NorthmoorHour {WELSH[1]}", "x:gwil", lang="cy", kind="reply", reply_to="x:1")
    both = post(4, f"A1: {WELSH[3]} / Count what you hear in each of them #northmoorhour", "x:nia", lang="cy")
    found = analyse(question, marked, reply, both)
    (asked,) = found.threads.questions
    assert {answer.post for answer in found.threads.answers if answer.question == asked.id} == {"x:2", "x:3", "x:4"}
    assert found.unread == {"cy": 2}
    assert {tip.proposal.post for tip in found.tips} == {"x:4"}
    assert {one.id for one in found.rows.posts} == {"x:1", "x:2", "x:3", "x:4"}
