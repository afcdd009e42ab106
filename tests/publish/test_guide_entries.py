"""What stands in a guide's lists: equal words once, threads whole, no adverts, and marks that do not drown the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fern_hour import FIRST, QUESTION, SECOND, Hour

from publish.guide_markdown import render_guide_markdown
from publish.guide_model import Group, Section

LONG = "What gets people to read the small print about bins, floods, closures and elections before it is far too late?"


@pytest.fixture
def hour(tmp_path: Path) -> Iterator[Hour]:
    archive = Hour(tmp_path / "archive.db")
    archive.sitting(FIRST)
    yield archive
    archive.conn.close()


def link_to(hour: Hour, post: str, url: str) -> None:
    hour.insert("post_links", post=post, url=url)


def test_the_lack_of_review_is_said_once_at_the_head_and_at_each_section_and_by_a_box(hour: Hour) -> None:
    question = hour.ask(1, 5)
    for n in range(3):
        hour.answered("x:2", f"Advice number {n}", 6 + n, question)
    document = render_guide_markdown(hour.guide())
    assert document.count("not yet reviewed") == 1
    assert document.count("None of these has been reviewed yet.") == len(["Do", "best answers"])
    # Two of Priya's three may be among the best answers.
    assert document.count("- [ ] ") == 3 + 2


def test_what_a_person_reviewed_is_ticked_and_counted(hour: Hour) -> None:
    question = hour.ask(1, 5)
    for n in range(3):
        hour.answered("x:2", f"Advice number {n}", 6 + n, question)
    guide = hour.guide()
    (section,) = guide.sections
    kept, *rest = section.tips
    group = Group(None, (replace(kept, review="kept"), *rest))
    document = render_guide_markdown(replace(guide, sections=(Section("do", "Do", (group,)),)))
    assert f"- [x] {kept.text}" in document
    assert "1 of these 3 has been reviewed." in document
    assert "only what is ticked has been reviewed" in document


def test_the_same_words_of_two_people_are_one_entry_that_names_both(hour: Hour) -> None:
    question = hour.ask(1, 5)
    for author, minute, text in (("x:3", 8, "reply once - then stop"), ("x:2", 6, "Reply once. Then stop!")):
        hour.answered(author, text, minute, question)
    guide = hour.guide()
    (section,) = guide.sections
    (tip,) = section.tips
    assert (tip.text, tip.by.name, [voice.by.name for voice in tip.also]) == (
        "Reply once. Then stop!",
        "Priya Raman",
        ["Tomos Bevan"],
    )
    assert len(guide.sources) == 2
    (answer,) = guide.questions[0].best
    assert (answer.by.name, [voice.by.name for voice in answer.also]) == ("Priya Raman", ["Tomos Bevan"])
    document = render_guide_markdown(guide)
    assert re.search(r"— Priya Raman .*· 13:06 · \[see the post\]\(\S+\)\\\n  — Tomos Bevan .*· 13:08 ·", document)
    assert "1 thing to do" in document
    assert "The same words stand once, so the site may count a few more." in document


def test_the_same_words_are_kept_apart_where_they_answer_other_questions(hour: Hour) -> None:
    hour.answered("x:2", "Repeat it.", 6, hour.ask(1, 5))
    other = hour.ask(2, 20, "And floods?")
    hour.advise(hour.say("x:3", "A2: Repeat it.", 21), "Repeat it.", question=other)
    (section,) = hour.guide().sections
    assert [tip.by.name for tip in section.tips] == ["Priya Raman", "Tomos Bevan"]
    assert hour.guide().merged_count == 0


def test_one_person_on_two_platforms_is_named_once_and_whoever_is_named_is_no_support(hour: Hour) -> None:
    question = hour.ask(1, 5)
    first = hour.answered("x:2", "Post at six.", 6, question)
    hour.answered("bluesky:did:plc:priya", "Post at six!", 7, question)
    again = hour.answered("x:3", "post at six", 8, question)
    for post, other, relation in ((first, again, "duplicate"), (again, hour.say("x:9", "Yes", 9), "agreement")):
        (tip,) = [row[0] for row in hour.conn.execute("SELECT id FROM tips WHERE post = ?", (post,))]
        hour.evidence(tip, other, relation)
    document = render_guide_markdown(hour.guide()).split("## The questions")[0]
    assert document.count("— Priya Raman") == document.count("— Tomos Bevan") == 1
    assert document.count("also said or shared by 1 other") == 1


def test_a_thread_stands_whole_and_without_its_numbers(hour: Hour) -> None:
    question = hour.ask(1, 5)
    texts = ("A1 1/3: Open one page. #fernhour", "2/3 Put the time in. #fernhour", "(3/3) Say what comes. #fernhour")
    posts = [hour.say("x:2", text, 6 + n) for n, text in enumerate(texts)]
    hour.say("x:3", "A1 1/3: Of somebody else", 7)
    for post in posts:
        hour.answer(question, post)
    hour.advise(posts[1], "Put the time in.", question=question)
    guide = hour.guide()
    (answer,) = guide.questions[0].best
    assert answer.text == "Open one page.\nPut the time in.\nSay what comes."
    assert answer.post == posts[0]
    assert set(posts) <= set(guide.sources)
    shown = render_guide_markdown(guide).split("## The questions")[1]
    assert "- [ ] Open one page.\\\n  Put the time in.\\\n  Say what comes.\\\n" in shown
    assert "· from 3 posts" in shown


def test_numbers_that_do_not_follow_each_other_make_no_thread(hour: Hour) -> None:
    question = hour.ask(1, 5)
    for n, text in enumerate(("A1: Open 1/3 of it", "A1: Then 3/3 of it")):
        hour.answer(question, hour.say("x:2", text, 6 + n))
    assert [answer.text for answer in hour.guide().questions[0].best] == ["Open 1/3 of it", "Then 3/3 of it"]


def test_long_questions_stand_whole_in_every_heading(hour: Hour) -> None:
    first, second = hour.ask(1, 5, LONG), hour.ask(2, 20, "And floods?")
    for n in range(6):
        hour.answered("x:2", f"Bin advice {n}", 6 + n, first)
        hour.advise(hour.say("x:3", f"A2: Flood {n}", 21 + n), f"Flood advice {n}", question=second)
    document = render_guide_markdown(hour.guide())
    assert f"#### Q1. {LONG}\n" in document
    assert f"### Q1. {LONG}\n" in document.split("## The questions")[1]
    assert "…" not in document


def test_an_advert_under_hashtags_of_its_own_is_neither_tip_nor_link_nor_participant(hour: Hour) -> None:
    hour.answered("x:2", "Post at six.", 6, hour.ask(1, 5))
    post = hour.say("x:9", "Likes now https://likes.example.net #win #love #fernhour", 8)
    link_to(hour, post, "https://likes.example.net")
    hour.advise(post, "Likes now", "resource")
    document = render_guide_markdown(hour.guide())
    assert "likes" not in document.casefold()
    assert "1 other account said hello, shared, cheered or advertised" in document


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ("", "A1: The list https://l.example.org #one #two #fernhour"),
        ("", "The list https://l.example.org #plainwords #fernhour"),
        ("Hello from Tomos", "The list https://l.example.org #one #two #fernhour"),
        ("", "The list https://l.example.org #bins #floods #fernhour"),
    ],
)
def test_somebody_who_answers_or_says_more_is_no_advertiser(hour: Hour, more: str, text: str) -> None:
    question = hour.ask(1, 5)
    hour.say("x:1327", "Hello #bins #floods", 3)
    post = hour.say("x:3", text, 8)
    link_to(hour, post, "https://l.example.org")
    hour.advise(post, "The list", "resource")
    if text.startswith("A1"):
        hour.answer(question, post)
    if more:
        hour.say("x:3", more, 4)
    assert [one.url for one in hour.guide().links] == ["https://l.example.org"]


def test_links_are_those_of_answers_too_where_their_author_gave_more_than_links(hour: Hour) -> None:
    question = hour.ask(1, 5)
    for author, url in (("x:2", "https://two.example.org"), ("x:3", "https://three.example.org")):
        post = hour.say(author, f"A1: {url}", 6)
        link_to(hour, post, url)
        hour.answer(question, post)
    hour.say("x:2", "And I would add: ask first.", 9)
    assert [one.url for one in hour.guide().links] == ["https://two.example.org"]


def test_links_stand_by_how_many_people_offer_them_then_by_score(hour: Hour) -> None:
    for author, name, score in (("x:2", "low", 0.5), ("x:2", "zenith", 0.9), ("x:2", "two", 0.4), ("x:3", "two", 0.3)):
        post = hour.say(author, f"See https://{name}.example.org", 6)
        link_to(hour, post, f"https://{name}.example.org")
        hour.advise(post, f"See {name}", "resource", score=score)
    assert [one.url.split("/")[2].split(".")[0] for one in hour.guide().links] == ["two", "zenith", "low"]


def test_the_short_address_of_a_picture_behind_a_short_link_is_not_offered(hour: Hour) -> None:
    post = hour.say("x:2", "The guide https://t.co/guide #fernhour https://t.co/picture", 6)
    link_to(hour, post, "https://t.co/guide")
    link_to(hour, post, "https://t.co/picture")
    hour.advise(post, "The guide", "resource")
    assert [one.url for one in hour.guide().links] == ["https://t.co/guide"]
    assert "t.co/picture" not in render_guide_markdown(hour.guide())


def test_an_advert_is_no_answer_even_where_there_is_no_other(hour: Hour) -> None:
    post = hour.say("x:9", "Likes now https://likes.example.net #win #love #fernhour", 8)
    link_to(hour, post, "https://likes.example.net")
    hour.answer(hour.ask(1, 5), post, 0.4)
    assert hour.guide().questions[0].best == ()


def test_what_is_recommended_without_an_address_has_its_place(hour: Hour) -> None:
    hour.advise(hour.say("x:2", "I am reading “Bins of old”.", 6), "I am reading “Bins of old”.", "resource")
    assert "## Also recommended" in render_guide_markdown(hour.guide())


def test_a_host_with_one_name_on_several_platforms_is_one_host_and_is_thanked_by_name(hour: Hour) -> None:
    hour.conn.execute("""UPDATE chats SET hosts = '["x:FernHour", "bluesky:fern.example"]'""")
    hour.author("bluesky:did:plc:fern", "bluesky", "fern.example", "Fern hour")
    hour.answered("x:2", "Post at six.", 7, hour.ask(1, 5))
    hour.say("bluesky:did:plc:fern", "Welcome", 1)
    hour.conn.execute("UPDATE authors SET name = 'Yew hour' WHERE name = 'Fern hour'")
    document = render_guide_markdown(hour.guide())
    assert "- Yew hour, host (@FernHour on X, @fern.example on Bluesky)\n- Priya" in document
    assert "Thank you to Yew hour for hosting, and to the one person who took part." in document


def test_an_organisation_that_is_sure_stands_beside_the_name(hour: Hour) -> None:
    hour.answered("x:2", "Post at six.", 6, hour.ask(1, 5))
    hour.insert("organisations", id="northmoor", name="Northmoor Borough Council", version="1")
    hour.insert(
        "author_organisations", author="x:2", organisation="northmoor", evidence="bio", confidence=0.9, version="1"
    )
    assert "— Priya Raman (@priya_fern, X), Northmoor Borough Council · 13:06" in render_guide_markdown(hour.guide())


def test_posts_without_names_say_so_once_and_their_authors_are_only_counted(hour: Hour) -> None:
    for number in (1327, 1328):
        hour.author(f"x:{number + 5}", "x", None, None)
        post = hour.say(f"x:{number + 5}", f"Advice of {number}", 6)
        hour.advise(post, f"Advice of {number}")
    document = render_guide_markdown(hour.guide())
    assert "The posts came without names: authors are shown by their number." in document
    assert "— author 1332 · 13:06 · [see the post]" in document
    people = document.split("## Who took part")[1]
    assert "2 people asked, answered or gave a tip; their names are not in the posts." in people
    assert "author 13" not in people


def test_posts_in_other_languages_are_counted_and_the_limit_is_said(hour: Hour) -> None:
    hour.answered("x:2", "Post at six.", 6, hour.ask(1, 5))
    assert "in English only" not in render_guide_markdown(hour.guide())
    hour.say("x:3", "Mae'r biniau yn cael eu casglu ar ddydd Mawrth #fernhour", 7, lang="cy")
    hour.say("x:3", "Bore da #fernhour", 7, lang="cy")
    assert (
        "2 posts are in Welsh. Chatkeep proposes tips in English only so far; they are in the transcript."
    ) in render_guide_markdown(hour.guide())


def test_entries_of_the_day_give_the_time_and_others_their_date(hour: Hour) -> None:
    question = hour.ask(1, 5)
    hour.answered("x:2", "Post at six.", 6, question)
    hour.answered("x:3", "Slept on it.", 20 * 60, question)
    document = render_guide_markdown(hour.guide())
    assert "(@priya_fern, X) · 13:06 ·" in document
    assert "(@tomos_fern, X) · 9 Oct 2026, 09:00 ·" in document


def test_entries_of_several_sessions_or_days_give_their_date(hour: Hour) -> None:
    hour.sitting(SECOND, "2026-11-12T13:00:00.000Z")
    for session, minute in ((FIRST, 6), (SECOND, 35 * 24 * 60 + 66)):
        hour.advise(hour.say("x:2", f"Advice {minute}", minute, session), f"Advice {minute}", session=session)
    document = render_guide_markdown(hour.guide())
    assert "· 8 Oct 2026, 13:06 ·" in document
    assert "· 12 Nov 2026, 13:06 ·" in document


def test_entries_of_a_file_that_spans_days_give_their_date(hour: Hour) -> None:
    for minute in (6, 24 * 60 + 6):
        hour.advise(hour.say("x:2", f"Advice {minute}", minute, ""), f"Advice {minute}", session="")
    assert "· 8 Oct 2026, 13:06 ·" in render_guide_markdown(hour.guide())


def test_a_guide_without_tips_still_shows_what_was_answered(hour: Hour) -> None:
    hour.answer(hour.ask(1, 5), hour.say("x:2", "A1: Hard to say.", 6))
    document = render_guide_markdown(hour.guide())
    assert "No tips were found. Inside: 1 question with the best answers." in document
    assert "The words of the posts, as they were written. It has not been reviewed yet." in document
    assert f"### Q1. {QUESTION}\n\n1 answer from 1 person.\n\n- [ ] Hard to say." in document


def test_numbers_and_hashtags_behind_a_box_carry_no_backslash(hour: Hour) -> None:
    hour.conn.execute("UPDATE chats SET title = '#fernhour'")
    post = hour.say("x:2", "x", 6)
    hour.advise(post, "#plainwords first\n#second line")
    hour.advise(post, "1) Ask 2) Wait")
    document = render_guide_markdown(hour.guide())
    assert document.startswith("# #fernhour: guide\n")
    assert "- [ ] #plainwords first\\\n  \\#second line\\\n" in document
    assert "- [ ] 1) Ask 2) Wait\\\n" in document
