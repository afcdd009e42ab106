from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_chat import HOST, analyse, post

from analysis.normalising import normalise
from analysis.rows import SessionPost
from analysis.theme_words import Vocabulary
from analysis.themes import Theme, ThemeTip, find_themes

PEOPLE = ("ann", "bob", "cat", "dan", "eve")
TALK = (
    "Write the alt text before you post the photo of the lorry.",
    "We write short alt text, and the photo comes last.",
    "They came late to the flood meeting at the shelter.",
    "The flood came at night and we opened the shelter.",
    "Your notice is urgent.",
    "Avoid the short notice; put the alt text under the photo.",
    "When they come to the shelter after a flood, say where the beds are.",
    "You should avoid a photo without alt text.",
    "A flood is no time for jokes at the shelter.",
    "We read the comments each night and hide the trolls.",
    "The trolls read our comments, so we write for the others.",
    "Read the comments twice before you answer the trolls.",
    "They come for the comments and stay for the trolls.",
)


def say(*texts: str, tags: tuple[str, ...] = (), names: tuple[str, ...] = ()) -> tuple[list[ThemeTip], Vocabulary]:
    """Each text as a tip and a post of its own, by five people in turn."""
    posts = [post(n, text, f"x:{PEOPLE[n % 5]}", id=f"x:{n:02d}") for n, text in enumerate(texts)]
    return list_tips(posts), read(posts, tags, names)


def list_tips(posts: list[SessionPost]) -> list[ThemeTip]:
    return [
        ThemeTip(id=f"tip-{p.id}", post=p.id, person=p.author, text=clean)
        for p in posts
        if (clean := normalise(p.text).text)
    ]


def read(posts: list[SessionPost], tags: tuple[str, ...] = (), names: tuple[str, ...] = ()) -> Vocabulary:
    return Vocabulary(posts, {p.id: normalise(p.text, tags) for p in posts}, tags, names)


def labels(*texts: str, **more: tuple[str, ...]) -> list[str]:
    return [theme.label for theme in find_themes("s", *say(*texts, **more))]


def test_a_theme_is_a_thing_that_several_peoples_tips_speak_of() -> None:
    tips, vocabulary = say(*TALK)
    themes = {theme.label: theme for theme in find_themes("s", tips, vocabulary)}
    assert set(themes) == {"alt text, photo", "flood, shelter", "comments, trolls"}
    texts = {tip.id: tip.text for tip in tips}
    for theme in themes.values():
        assert theme.tip in theme.tips
        assert theme.post in theme.posts
        assert len(theme.posts) >= 3
        assert all(any(word in texts[tip].lower() for word in _words(theme)) for tip in theme.tips)


def _words(theme: Theme) -> set[str]:
    return {word.rstrip("s") for term in theme.terms for word in term.lower().split()}


def test_labels_name_things_and_never_what_to_do() -> None:
    terms = {word for label in labels(*TALK) for word in label.replace(",", "").split()}
    assert terms
    assert not terms & {"write", "came", "come", "avoid", "read", "short", "late", "say", "hide", "urgent", "notice"}


def test_a_phrase_that_people_use_names_the_theme_rather_than_its_words() -> None:
    found = labels(
        "Test the hearing loop before every meeting",
        "Our hearing loop was switched off for a year",
        "Put the hearing loop on the event poster",
        "Ask who needs a hearing loop",
    )
    assert found == ["hearing loop"]


def test_singular_and_plural_are_one_thing_shown_as_people_mostly_say_it() -> None:
    found = labels(
        "Name the gritters in the post",
        "A gritter with a name got 4,000 likes",
        "Let the gritters answer for themselves",
        "Ask the gritters what they saw",
    )
    assert found == ["gritters"]


def test_a_thing_that_is_often_said_in_the_plural_is_named_so() -> None:
    found = labels(
        "Ask a gritter before you post",
        "Show the gritter at work",
        "Thank each gritter by name",
        "Put the gritters into the first line",
    )
    assert found == ["gritters"]


def test_names_and_acronyms_keep_the_capitals_that_people_give_them() -> None:
    found = labels(
        "Ask the NHS before you post about clinics",
        "We share what the NHS says, word for word",
        "Link to the nhs page and leave it there",
        "Tell the NHS what residents ask you",
        "Share it on Nextdoor first, residents read it",
        "A post on Nextdoor reached the whole estate",
        "We answer on Nextdoor within the hour",
    )
    assert found == ["NHS", "Nextdoor"]


def test_shouting_and_the_first_word_of_a_sentence_say_nothing_about_capitals() -> None:
    found = labels(
        "Gritters deserve a name",
        "GRITTERS FIRST, THEN THE FORECAST",
        "Show the gritters at work",
        "Gritters are the best photo that you have",
    )
    assert found == ["gritters"]


def test_hashtags_handles_and_the_names_of_people_are_no_themes() -> None:
    found = labels(
        "Thank Rose for the lists, and use #LocalGovCamp",
        "What Rose said is right, see #LocalGovCamp and @campfire",
        "Ask Rose how she does it #LocalGovCamp @campfire",
        "I learnt it from Rose at @campfire #LocalGovCamp",
        names=("Rose Tyler",),
    )
    assert found == []


def test_the_chats_own_words_are_no_themes() -> None:
    texts = [f"Put the mill in the first line of the post number {n}" for n in range(4)]
    assert labels(*texts) == ["mill"]
    assert labels(*texts, tags=("millhour",)) == []


def test_words_of_one_list_make_one_theme_named_by_those_that_were_said() -> None:
    (found,) = labels(
        "Caption every video",
        "We test captions with people who need them",
        "Alt text says what the picture is for",
        "Good alt text is short",
    )
    assert set(found.split(", ")) == {"alt text", "captions"}


@pytest.mark.parametrize(
    "texts",
    [
        (),
        ("Name the gritters in the post",),
        ("Name the gritters", "Thank the gritters"),
        ("🎉 the of and",) * 20,
        tuple(f"different{letter}" for letter in "abcdefghijklmnopqrst"),
    ],
)
def test_few_tips_or_nothing_said_twice_make_no_theme(texts: tuple[str, ...]) -> None:
    assert labels(*texts) == []


def test_one_persons_favourite_word_is_no_theme() -> None:
    others = [post(n, text, f"x:{PEOPLE[n % 5]}", id=f"x:{n:02d}") for n, text in enumerate(TALK)]
    for people in (["ann"], ["ann", "bob"]):
        own = [
            post(
                20 + n, f"Ask the harbourmaster for leave number {n}", f"x:{people[n % len(people)]}", id=f"x:{20 + n}"
            )
            for n in range(4)
        ]
        found = find_themes("s", list_tips(others + own), read(others + own))
        assert not any("harbourmaster" in theme.label for theme in found)


def test_a_word_that_stands_in_every_other_tip_is_no_theme() -> None:
    things = ("tides", "boats", "ropes", "fish", "nets", "buoys", "sails")
    texts = [f"Tell the harbourmaster about {thing}" for thing in things]
    assert labels(*texts) == []


def test_a_tip_belongs_to_one_theme_and_few_tips_have_few_themes() -> None:
    tips, vocabulary = say(*TALK * 3)
    themes = find_themes("s", tips, vocabulary)
    assert len(themes) <= 4
    placed = [tip for theme in themes for tip in theme.tips]
    assert len(placed) == len(set(placed))
    assert len({theme.id for theme in themes}) == len(themes)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5))
def test_themes_are_the_same_in_whatever_order_tips_and_posts_come(seed: int, times: int) -> None:
    chance = random.Random(seed)
    texts = [chance.choice(TALK) for _ in range(8 * times)]
    posts = [post(n, text, f"x:{PEOPLE[chance.randrange(5)]}", id=f"x:{n:02d}") for n, text in enumerate(texts)]
    tips = list_tips(posts)
    found = find_themes("s", tips, read(posts))
    mixed = chance.sample(posts, len(posts))
    assert find_themes("s", chance.sample(tips, len(tips)), read(mixed)) == found


QUESTIONS = (
    post(1, "Q1: How do you tell people about snow? #northmoorhour", HOST),
    post(30, "Q2: What do you measure? #northmoorhour", HOST),
)
ANSWERS = (
    "Name the gritters in every post about snow",
    "Show the gritters at work, from the passenger seat",
    "Ask the gritters which roads are open before you post",
    "Let the gritters answer in their own words",
    "Count how many people thank the gritters by name",
    "Compare calls before and after the gritters post",
)


def test_a_theme_that_came_up_under_several_questions_says_so() -> None:
    said = [post(2 + n, f"A1: {text} #northmoorhour", f"x:{PEOPLE[n]}") for n, text in enumerate(ANSWERS[:4])]
    alone = analyse(*QUESTIONS, *said)
    assert [theme.hint for theme in alone.themes] == [None]
    more = [post(32 + n, f"A2: {text} #northmoorhour", f"x:{PEOPLE[n]}") for n, text in enumerate(ANSWERS[4:])]
    (theme,) = analyse(*QUESTIONS, *said, *more).themes
    assert theme.hint == "mostly under Q1; also came up under Q2"
    (once,) = analyse(*QUESTIONS, *said, more[0]).themes
    assert once.hint is None


def test_tips_carry_the_theme_that_lists_them() -> None:
    said = [post(2 + n, f"A1: {text} #northmoorhour", f"x:{PEOPLE[n]}") for n, text in enumerate(ANSWERS[:4])]
    found = analyse(*QUESTIONS, *said)
    (theme,) = found.themes
    assert {tip.id for tip in found.tips if tip.theme == theme.id} == set(theme.tips)
    assert len(theme.posts) == 4
