"""The recap of a session and its languages, on the page and in the guide."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from archive_sample import CHAT, SESSION, START, build_sample
from fern_hour import FIRST, SECOND, Hour
from site_sample import Site

from publish.chats_db import publish_chats
from publish.guide_markdown import render_guide_markdown
from publish.language_words import tell_languages
from publish.serving import build_site


@pytest.fixture
def hour(tmp_path: Path) -> Iterator[Hour]:
    made = Hour(tmp_path / "archive.db")
    made.sitting(FIRST)
    yield made
    made.conn.close()


def recap(hour: Hour, *posts: tuple[str, str, str], question: str | None = None, session: str = FIRST) -> None:
    for position, (post, tip, text) in enumerate(posts, 1):
        hour.insert("recaps", chat="fernhour", session=session, position=position, question=question, tip=tip,
                    post=post, text=text, version="1")  # fmt: skip


def test_a_guide_opens_with_quotations_of_their_authors_in_quotation_marks(hour: Hour) -> None:
    question = hour.ask(3, 5)
    post = hour.say("x:2", "A3: Post at *six*. Then rest. #fernhour", 6)
    tip = hour.advise(post, "Post at six. Then rest.", question=question)
    recap(hour, (post, tip, "Post at *six*."), question=question)
    document = render_guide_markdown(hour.guide())
    assert document.index("## In short") < document.index("## Get started")
    told = document.split("## In short")[1].split("##")[0]
    assert "- **Q3:** “Post at \\*six\\*.”\\\n  — Priya Raman (@priya_fern, X) · 13:06 · [see the post](" in told
    assert post in hour.guide().sources


def test_the_address_that_a_quotation_leads_to_stands_behind_its_marks(hour: Hour) -> None:
    post = hour.say("x:2", "Worth a look: https://cards.example/all #fernhour", 6)
    tip = hour.advise(post, "Worth a look: https://cards.example/all", "resource")
    recap(hour, (post, tip, "Worth a look: https://cards.example/all"))
    assert "- “Worth a look:” <https://cards.example/all>" in render_guide_markdown(hour.guide())


def test_a_guide_without_a_recap_has_no_such_section(hour: Hour) -> None:
    hour.answered("x:2", "Post at six.", 6, hour.ask(1, 5))
    assert "## In short" not in render_guide_markdown(hour.guide())


def test_no_quotation_is_left_of_a_post_or_a_tip_that_is_gone(hour: Hour) -> None:
    posts = [hour.say(f"x:{author}", f"Advice of {author} in full", 6) for author in (2, 3, 1327)]
    tips = [hour.advise(post, "Advice in full") for post in posts]
    part = hour.say("x:3", "the rest of it", 7)
    hour.evidence(tips[1], part, "part")
    recap(hour, *((post, tip, f"Quotation {at}.") for at, (post, tip) in enumerate(zip(posts, tips, strict=True))))
    whole = render_guide_markdown(hour.guide())
    assert [f"Quotation {at}." in whole for at in range(3)] == [True, True, True]
    hour.tombstone(posts[0])
    hour.tombstone(part)
    left = render_guide_markdown(hour.guide())
    assert [f"Quotation {at}." in left for at in range(3)] == [False, False, True]


def test_each_session_of_a_guide_has_a_recap_under_its_date(hour: Hour) -> None:
    hour.sitting(SECOND, "2026-11-12T13:00:00.000Z")
    for session, minute in ((FIRST, 6), (SECOND, 35 * 24 * 60 + 66)):
        post = hour.say("x:2", f"Advice {minute} in words", minute, session)
        tip = hour.advise(post, f"Advice {minute} in words", session=session)
        recap(hour, (post, tip, f"Advice {minute} in words."), session=session)
    told = render_guide_markdown(hour.guide()).split("## In short")[1].split("\n## ")[0]
    assert told.index("### Thursday 8 October 2026") < told.index("“Advice 6") < told.index("### Thursday 12 November")


def test_the_session_page_shows_the_recap_with_its_sources_and_says_what_is_not_read(tmp_path: Path) -> None:
    archive = build_sample(tmp_path / "archive.db")
    hostile = archive.post("x:6666", "A2 <script>alert(9)</script> quoted", 44)
    tip = archive.tip(hostile, "<script>alert(9)</script> quoted", "do")
    archive.insert("recaps", chat=CHAT, session=SESSION, position=90, question=None, tip=tip, post=hostile,
                   text="<script>alert(9)</script> quoted", version="1")  # fmt: skip
    gone = archive.post("x:1002", "A2 Something that was deleted later", 45)
    lost = archive.tip(gone, "Something that was deleted later", "do")
    archive.insert("recaps", chat=CHAT, session=SESSION, position=91, question=None, tip=lost, post=gone,
                   text="Something that was deleted later", version="1")  # fmt: skip
    archive.tombstone(gone)
    archive.conn.close()
    publish_chats(tmp_path / "archive.db", tmp_path / "chats.db", at=START)
    with asyncio.Runner() as runner:
        page = Site(build_site(tmp_path / "chats.db"), runner).ask(f"/session/{SESSION}").text
    told = page.split('<h2 id="recap">')[1].split("</section>")[0]
    assert "“Reply within the hour, even if only to say that you are looking into it.”" in told
    assert "Priya Raman" in told
    assert "https://posts.example/0" in told
    assert "&lt;script&gt;alert(9)" in told
    assert "<script>" not in told
    assert "deleted later" not in page
    assert "14 posts are in Welsh. Chatkeep proposes tips in English only so far; they are in the transcript." in page
    assert "mostly under Q1; also came up under Q2" in page


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"Welsh": 1}, "1 post is in Welsh. Chatkeep proposes tips in English only so far; it is in the transcript."),
        ({"another language": 1}, "1 post is in another language."),
        ({"another language": 3}, "3 posts are in other languages."),
        ({"Polish": 3, "Welsh": 9, "another language": 4}, "in other languages: 9 in Welsh, 3 in Polish and 4 in yet"),
        ({"Welsh": 1200}, "1,200 posts are in Welsh."),
    ],
)
def test_posts_in_other_languages_are_told_in_plain_words(counts: dict[str, int], said: str) -> None:
    assert said in (tell_languages(counts) or "")


def test_nothing_is_said_where_all_is_english() -> None:
    assert tell_languages({}) is None
