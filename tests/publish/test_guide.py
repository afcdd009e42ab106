"""The guide: in the order its readers want, every tip with who said it, and nothing that may not be shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fern_hour import CHAT, FICTIONAL, FIRST, QUESTION, SECOND, START, Hour

from archive.times import shift
from publish.exports import EXPORTS, render_export
from publish.guide_markdown import render_guide_markdown
from publish.guide_words import readable


@pytest.fixture
def hour(tmp_path: Path) -> Iterator[Hour]:
    archive = Hour(tmp_path / "archive.db")
    yield archive
    archive.conn.close()


def headings(document: str) -> list[str]:
    return re.findall(r"^(#+ .*)$", document, re.MULTILINE)


def part(document: str, heading: str) -> str:
    """What stands under a heading, up to the next one of its level or above."""
    level = len(heading.split(maxsplit=1)[0])
    after = document.split(heading + "\n", 1)[1]
    return re.split(rf"^#{{1,{level}}} ", after, maxsplit=1, flags=re.MULTILINE)[0]


def test_the_parts_come_in_the_order_of_a_recap_and_guide(hour: Hour) -> None:
    hour.sitting(FIRST)
    hour.sitting(SECOND, "2026-11-12T13:00:00.000Z")
    question = hour.ask(1, 5)
    post = hour.answered("x:2", "Post the evening before.", 6, question)
    for kind in ("dont", "example", "concern", "question"):
        hour.advise(post, f"A thing to file under {kind}", kind, question)
    hour.insert("post_links", post=post, url="https://guides.example.org/bins")
    assert [heading for heading in headings(render_guide_markdown(hour.guide())) if heading.count("#") <= 3] == [
        "# Fern hour: guide",
        "## Get started",
        "### Do",
        "### Don't",
        "## Good examples",
        "## Worries and problems",
        "## Questions that people asked",
        "## The questions and the best answers",
        f"### Q1. {QUESTION}",
        "## Useful links",
        "## Who took part",
        "## Thank you",
        "## What this guide rests on",
    ]


def test_the_description_stands_at_the_top_so_that_fiction_says_so_first(hour: Hour) -> None:
    assert render_guide_markdown(hour.guide()).splitlines()[:3] == ["# Fern hour: guide", "", f"> {FICTIONAL}"]


def test_the_head_gives_date_in_local_time_hashtag_hosts_and_how_it_was_made(hour: Hour) -> None:
    hour.sitting(FIRST)
    hour.answered("x:2", "Post the evening before.", 6, hour.ask(1, 5))
    head = render_guide_markdown(hour.guide()).split("## ")[0]
    assert "**Date:** Thursday 8 October 2026, 13:00 to 14:00 (Europe/London time)" in head
    assert "**Hashtag:** #fernhour" in head
    assert "@FernHour on X" in head
    assert "Chatkeep made this guide from 2 posts." in head
    assert "**It can be wrong, and no person has reviewed any of it yet.**" in head
    assert "An empty box before an entry means: not yet reviewed." in head


def test_a_tip_has_its_attribution_its_link_its_support_and_its_mark(hour: Hour) -> None:
    hour.sitting(FIRST)
    question = hour.ask(1, 5)
    post = hour.say("x:2", "A1: Post the evening before. #fernhour", 6, url="https://x.example/7")
    tip = hour.advise(post, "Post the evening before.", question=question)
    for place, (author, relation) in enumerate((("x:3", "repost"), ("x:1327", "agreement"), ("x:9", "duplicate"))):
        hour.evidence(tip, hour.say(author, "RT this", 7 + place), relation, place)
    assert (
        part(render_guide_markdown(hour.guide()), "### Do")
        .strip()
        .endswith(
            "- [ ] Post the evening before.\\\n"
            "  — Priya Raman (@priya_fern, X) · 13:06 · [see the post](https://x.example/7)"
            " · also said or shared by 3 others"
        )
    )


def test_a_person_who_repeats_themselves_elsewhere_is_no_support(hour: Hour) -> None:
    post = hour.say("x:2", "Post the evening before.", 6)
    tip = hour.advise(post, "Post the evening before.")
    hour.evidence(tip, hour.say("bluesky:did:plc:priya", "Post the evening before.", 7), "duplicate")
    assert "also said" not in render_guide_markdown(hour.guide())


def test_an_author_without_a_handle_is_named_by_their_number(hour: Hour) -> None:
    post = hour.say("x:1327", "Post the evening before.", 6)
    hour.advise(post, "Post the evening before.")
    hour.advise(hour.say("x:2", "Put the lid first.", 7), "Put the lid first.")
    assert "— author 1327 (X) · 13:06" in render_guide_markdown(hour.guide())
    people = part(render_guide_markdown(hour.guide()), "## Who took part")
    assert "1 person more asked, answered or gave a tip; their names are not in the posts." in people
    assert "1327" not in people


def test_best_answers_leave_out_reposts_and_repeats_and_give_nobody_more_than_two(hour: Hour) -> None:
    hour.sitting(FIRST)
    question = hour.ask(1, 5)
    posts = [hour.answered("x:2", f"Wording number {n} of Priya.", 6 + n, question, score=0.9) for n in range(4)]
    hour.answered("x:3", "The words of Tomos.", 20, question, score=0.5)
    repost = hour.say("x:1327", "RT @priya_fern: A1: Wording number 0", 21, kind="repost", repost_of=posts[0])
    hour.answer(question, repost)
    repeat = hour.answered("x:9", "Copied words.", 22, question, score=0.99)
    hour.evidence(hour.advise(posts[0], "Wording", score=0.2), repeat, "duplicate")
    (asked,) = hour.guide().questions
    assert [answer.text for answer in asked.best] == [
        "Wording number 0 of Priya.",
        "Wording number 1 of Priya.",
        "The words of Tomos.",
    ]
    assert (asked.answers_count, asked.people_count) == (6, 4)


def test_answers_in_which_no_tip_was_found_are_shown_without_their_reposts(hour: Hour) -> None:
    hour.sitting(FIRST)
    question = hour.ask(1, 5)
    post = hour.say("x:2", "A1: Hard to say.", 6)
    hour.answer(question, hour.say("x:3", "RT @priya_fern: A1: Hard to say.", 6, kind="repost", repost_of=post), 1.0)
    hour.answer(question, post)
    (asked,) = hour.guide().questions
    assert [answer.by.name for answer in asked.best] == ["Priya Raman"]


def test_a_question_asked_on_three_platforms_is_one_question(hour: Hour) -> None:
    hour.sitting(FIRST)
    for minute in (5, 6, 7):
        hour.answered("x:2", f"Answer of minute {minute}", minute + 1, hour.ask(1, minute))
    (asked,) = hour.guide().questions
    assert asked.heading == f"Q1. {QUESTION}"
    assert asked.answers_count == 3


def test_a_question_nobody_answered_says_so(hour: Hour) -> None:
    hour.sitting(FIRST)
    hour.ask(1, 5)
    assert "Nobody answered this one." in render_guide_markdown(hour.guide())


def test_many_tips_are_grouped_by_question_and_few_are_not(hour: Hour) -> None:
    hour.sitting(FIRST, questions=(QUESTION, "And floods?"))
    first, second = hour.ask(1, 5), hour.ask(2, 20, "And floods?")
    for n in range(6):
        hour.answered("x:2", f"Bin advice {n}", 6 + n, first)
    hour.advise(hour.say("x:3", "A2: Sandbags", 21), "Sandbags", question=second)
    assert "####" not in part(render_guide_markdown(hour.guide()), "### Do")
    for n in range(6):
        post = hour.say("x:3", f"A2: Flood advice {n}", 21 + n)
        hour.advise(post, f"Flood advice {n}", question=second)
    hour.advise(hour.say("x:3", "Beside", 40), "Advice beside the questions")
    grouped = headings(part(render_guide_markdown(hour.guide()), "### Do"))
    assert grouped == [f"#### Q1. {QUESTION}", "#### Q2. And floods?", "#### Said beside the questions"]


def test_one_wording_stands_under_one_heading(hour: Hour) -> None:
    post = hour.say("x:2", "We post the evening before.", 6)
    hour.advise(post, "We post the evening before.", "do", score=0.6)
    hour.advise(post, "We post the evening before.", "example", score=0.8)
    guide = hour.guide()
    assert guide.section("do") is None
    assert guide.section("example") is not None


def test_the_hosts_questions_are_not_listed_as_questions_that_people_asked(hour: Hour) -> None:
    hour.sitting(FIRST)
    hour.ask(1, 5)
    posts = [row[0] for row in hour.conn.execute("SELECT id FROM posts")]
    hour.advise(posts[0], QUESTION, "question")
    hour.advise(hour.say("x:3", "What about 60 streets?", 8), "What about 60 streets?", "question")
    section = hour.guide().section("question")
    assert section is not None
    assert [tip.text for group in section.groups for tip in group.tips] == ["What about 60 streets?"]


def test_useful_links_are_those_of_tips_once_each_without_adverts_and_scripts(hour: Hour) -> None:
    for author, minute in (("x:2", 6), ("x:3", 9)):
        post = hour.say(author, "A1: Our list: https://t.co/a", minute)
        hour.advise(post, "Our list", "resource")
        hour.insert("post_links", post=post, url="https://t.co/a", expanded_url="https://words.example.org/list")
        hour.insert("post_links", post=post, url="javascript:alert(1)")
        hour.insert("post_links", post=post, url="https://x.com/priya_fern/status/77")
    hour.insert("link_pages", url="https://words.example.org/list", title="The list", domain="words.example.org")
    spam = hour.say("x:9", "Cheap! https://followers.example.net", 7)
    hour.insert("post_links", post=spam, url="https://followers.example.net")
    links = part(render_guide_markdown(hour.guide()), "## Useful links")
    assert re.findall(r"^- \[ \] (.*)\\$", links, re.MULTILINE) == ["[The list](https://words.example.org/list)"]
    assert "— Priya Raman" in links
    assert "also offered by 1 other" in links


def test_links_that_only_t_co_knows_are_listed_where_the_post_offers_a_resource(hour: Hour) -> None:
    for kind in ("do", "resource"):
        post = hour.say("x:2", f"A {kind}: https://t.co/{kind}", 6)
        hour.advise(post, f"A {kind}", kind)
        hour.insert("post_links", post=post, url=f"https://t.co/{kind}")
    assert [link.url for link in hour.guide().links] == ["https://t.co/resource"]


def test_a_chat_without_known_sessions_is_dated_by_its_posts(hour: Hour) -> None:
    hour.say("x:2", "Hello", 6, session="")
    assert hour.guide().dates == ("8 October 2026",)
    hour.say("x:2", "Hello again", 24 * 60 * 30, session="")
    assert hour.guide().dates == ("8 October 2026 to 7 November 2026",)


def test_shortened_addresses_are_written_in_full_and_those_of_pictures_left_out(hour: Hour) -> None:
    post = hour.say("x:2", "See https://t.co/a and the photo https://t.co/b", 6)
    hour.advise(post, "See https://t.co/a and the photo https://t.co/b")
    hour.insert("post_links", post=post, url="https://t.co/a", expanded_url="https://words.example.org/list")
    hour.insert("post_links", post=post, url="https://t.co/b", expanded_url="https://x.com/priya_fern/status/1/photo/1")
    for what in ("guide", "transcript", "posts"):
        document = render_export(hour.conn, CHAT, what, "md")
        assert "See <https://words.example.org/list> and the photo" in document
        assert "t.co" not in document


def test_a_post_that_only_fell_into_a_questions_minutes_makes_nobody_a_participant(hour: Hour) -> None:
    question = hour.ask(1, 5)
    hour.answer(question, hour.say("x:9", "10K followers, cheap", 8), 0.4)
    assert [person.name for person in hour.guide().participants] == ["Fern hour"]


def test_who_took_part_names_people_once_with_their_accounts_and_only_counts_bystanders(hour: Hour) -> None:
    question = hour.ask(1, 5)
    hour.answered("x:2", "Post the evening before.", 6, question)
    hour.answered("bluesky:did:plc:priya", "And again at six.", 7, question)
    hour.say("x:9", "10K followers, cheap", 8)
    people = part(render_guide_markdown(hour.guide()), "## Who took part")
    assert people.strip().splitlines() == [
        "- Fern hour, host (@FernHour on X)",
        "- Priya Raman (@priya\\_fern on X, @priya.example on Bluesky)".replace("\\_", "_"),
        "",
        "1 other account said hello, shared, cheered or advertised; the transcript has them all.",
    ]


def test_an_organisation_is_named_only_where_it_is_sure(hour: Hour) -> None:
    question = hour.ask(1, 5)
    for author, confidence in (("x:2", 0.95), ("x:3", 0.4)):
        hour.answered(author, "Advice", 6, question)
        hour.insert("organisations", id=author, name=f"Council of {author}", version="1")
        hour.insert("author_organisations", author=author, organisation=author, confidence=confidence, version="1")
    people = part(render_guide_markdown(hour.guide()), "## Who took part")
    assert "Priya Raman, Council of x:2 (" in people
    assert "Council of x:3" not in people


def test_the_next_chat_is_told_when_the_settings_know_it(hour: Hour) -> None:
    hour.sitting(FIRST)
    hour.answered("x:2", "Advice", 6, hour.ask(1, 5))
    assert "Next chat" not in render_guide_markdown(hour.guide())
    hour.sitting(SECOND, "2026-11-12T13:00:00.000Z")
    assert "**Next chat:** Thursday 12 November 2026, 13:00 to 14:00" in render_guide_markdown(hour.guide())


def test_coverage_says_in_plain_words_what_was_captured_and_what_was_not(hour: Hour) -> None:
    hour.sitting(FIRST)
    hour.say("x:2", "Hello", 6)
    hour.say("bluesky:did:plc:priya", "Hello", 6)
    for minute in range(60):
        state, why = ("partial", "the walk was cut off") if 10 <= minute < 14 else ("complete", "one walk")
        hour.insert(
            "coverage", chat=CHAT, session=FIRST, platform="x", minute=shift(START, minutes=minute), state=state,
            why=why, version="1",
        )  # fmt: skip
        hour.insert(
            "coverage", chat=CHAT, session=FIRST, platform="mastodon", minute=shift(START, minutes=minute),
            state="unknown", why="no server was asked", version="1",
        )  # fmt: skip
    rests = part(render_guide_markdown(hour.guide()), "## What this guide rests on")
    assert "**X:** 1 post. 56 of 60 minutes captured whole. 4 minutes captured in part (the walk was cut off)." in rests
    assert "**Bluesky:** 1 post. Whether anything is missing is unknown." in rests
    assert "**Mastodon:** 0 posts. Not known throughout (no server was asked)." in rests


@pytest.mark.parametrize("gone", ["post", "author"])
def test_nothing_of_a_post_that_is_gone_is_shown_and_its_loss_is_counted(hour: Hour, gone: str) -> None:
    question = hour.ask(1, 5)
    post = hour.answered("x:2", "Withdrawn words.", 6, question)
    hour.say("x:3", "RT @priya_fern: Withdrawn words.", 7, kind="repost", repost_of=post)
    hour.tombstone(post if gone == "post" else "x:2")
    for what, export_format in EXPORTS:
        assert "Withdrawn words" not in render_export(hour.conn, CHAT, what, export_format)
    assert "1 captured post was deleted or withdrawn since" in render_guide_markdown(hour.guide())


def test_a_tip_with_a_part_that_is_gone_is_gone(hour: Hour) -> None:
    first, second = hour.say("x:2", "First half", 6), hour.say("x:2", "second half", 7)
    tip = hour.advise(first, "First half second half")
    hour.evidence(tip, first, "part", 0)
    hour.evidence(tip, second, "part", 1)
    assert hour.guide().sections
    hour.tombstone(second, "unavailable")
    assert not hour.guide().sections


def test_the_words_of_a_question_whose_post_is_gone_are_the_announced_ones(hour: Hour) -> None:
    hour.sitting(FIRST)
    hour.answered("x:2", "Advice", 6, hour.ask(1, 5, "Something else entirely?"))
    assert hour.guide().questions[0].heading == "Q1. Something else entirely?"
    hour.tombstone(hour.conn.execute("SELECT post FROM questions").fetchone()[0])
    assert hour.guide().questions[0].heading == f"Q1. {QUESTION}"
    hour.conn.execute("UPDATE sessions SET questions = '[]'")
    assert not hour.guide().questions


def test_sources_are_the_posts_that_the_guide_rests_on(hour: Hour) -> None:
    question = hour.ask(1, 5)
    post = hour.answered("x:2", "Advice", 6, question)
    hour.say("x:9", "Cheap likes", 7)
    assert hour.guide().sources == (post,)


def test_posts_without_tips_sessions_or_analysis_of_questions_still_make_a_guide(hour: Hour) -> None:
    hour.say("x:2", "Hello", 6, session="")
    document = render_guide_markdown(hour.guide())
    assert "It found no tips in them" in document
    assert "## Get started" not in document
    assert "## What this guide rests on" in document


def test_a_chat_without_posts_says_that_there_is_nothing_yet(hour: Hour) -> None:
    assert "No posts of this chat have been captured yet" in render_guide_markdown(hour.guide())
    for what, export_format in EXPORTS:
        assert render_export(hour.conn, CHAT, what, export_format)


def test_several_sessions_keep_their_questions_apart(hour: Hour) -> None:
    hour.sitting(FIRST)
    hour.sitting(SECOND, "2026-11-12T13:00:00.000Z", ("What is new?",))
    hour.answered("x:2", "October advice", 6, hour.ask(1, 5))
    minute = 35 * 24 * 60 + 65
    late = hour.ask(1, minute, "What is new?", SECOND)
    post = hour.say("x:3", "A1: November advice", minute + 1, SECOND)
    hour.answer(late, post)
    hour.advise(post, "November advice", question=late, session=SECOND)
    document = render_guide_markdown(hour.guide())
    assert "**Dates:** Thursday 8 October 2026, 13:00 to 14:00; Thursday 12 November 2026, 13:00 to 14:00" in document
    answers = part(document, "## The questions and the best answers")
    assert headings(answers) == [
        "### Thursday 8 October 2026, 13:00 to 14:00",
        f"#### Q1. {QUESTION}",
        "### Thursday 12 November 2026, 13:00 to 14:00",
        "#### Q1. What is new?",
    ]
    assert "November advice" in part(document, "#### Q1. What is new?")


@pytest.mark.parametrize(
    ("text", "number", "words"),
    [
        ("A1: Post at six. #fernhour", 1, "Post at six."),
        ("A.1 1) One 2) Two #fernhour #FernHour", 1, "1) One 2) Two"),
        ("Q1: from us: use a map", 1, "from us: use a map"),
        ("@leah_fern Don't list them all.", None, "Don't list them all."),
        ("A40 is shut till Friday", 4, "A40 is shut till Friday"),
        ("A4 paper works best", 4, "A4 paper works best"),
        ("A2: said under the wrong number", 1, "A2: said under the wrong number"),
        ("#fernhour is where I learnt it", 1, "#fernhour is where I learnt it"),
        ("@everyone", None, "@everyone"),
        ("@fernpress has a guide to this", None, "@fernpress has a guide to this"),
        ("1/3: First, look. #fernhour", None, "First, look."),
        ("1/3 of our bins are brown", None, "1/3 of our bins are brown"),
        ("A2 1/3: First, look.", 2, "First, look."),
        ("1) Only look", None, "Only look"),
        ("1) Look 2) Wait", None, "1) Look 2) Wait"),
        ("24/7: we answer", None, "24/7: we answer"),
        ("A1: @leah_fern Look first", 1, "Look first"),
        ("a1: look first", 1, "look first"),
        ("A3I have looked", 3, "I have looked"),
        ("A!. Look first", 1, "Look first"),
        ("Answer 1: look first", 1, "look first"),
        ("A12: look first", 1, "A12: look first"),
        ("#fernhour A1: Look first", 1, "Look first"),
        ("#FernHour — here is the map", 1, "here is the map"),
        ("Look. #fernhour https://a.example/1", 1, "Look. https://a.example/1"),
        ("Look. #fernhour #bins", 1, "Look. #bins"),
    ],
)
def test_words_are_freed_of_marks_but_of_nothing_they_say(text: str, number: int | None, words: str) -> None:
    assert readable(text, number, ("fernhour",)) == words
