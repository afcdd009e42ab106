"""A guide lists each page once, however its address was written, and says of an example where it can be seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fern_hour import Hour

from publish.guide_markdown import render_guide_markdown

BINS = "https://www.fern.example/bins"


@pytest.fixture
def hour(tmp_path: Path) -> Iterator[Hour]:
    made = Hour(tmp_path / "archive.db")
    made.sitting("fernhour-2026-10-08")
    yield made
    made.conn.close()


def recommend(hour: Hour, author: str, url: str, minute: float, expanded: str | None = None) -> str:
    post = hour.say(author, f"Our guide to bins is here: {url}", minute)
    hour.insert("post_links", post=post, url=url, expanded_url=expanded)
    hour.advise(post, "Our guide to bins is here", "resource")
    return post


def tell(hour: Hour, text: str, link: str, minute: float = 5, **more: object) -> str:
    post = hour.say("x:2", f"{text} {link}", minute, **more)
    hour.insert("post_links", post=post, url=link)
    return post


def look_up(hour: Hour, url: str, final_url: str | None = None, title: str | None = None) -> None:
    hour.insert("link_pages", url=url, final_url=final_url, title=title, state="read")


def test_one_page_is_listed_once_with_its_title_and_all_who_offered_it(hour: Hour) -> None:
    recommend(hour, "x:2", "https://t.co/a", 5, f"{BINS}?utm_source=mail")
    recommend(hour, "x:3", "https://t.co/b", 6)
    recommend(hour, "x:1327", "http://fern.example/bins/", 7)
    look_up(hour, "https://t.co/b", BINS, "Bins & boxes")
    [listed] = hour.guide().links
    assert (listed.url, listed.title, listed.people_count) == (BINS, "Bins & boxes", 3)
    page = render_guide_markdown(hour.guide())
    assert "Titles are those that the pages give themselves" in page
    assert f"[Bins & boxes]({BINS})\\\n  Our guide to bins is here:\\\n" in page  # the address is not said twice


def test_a_short_address_whose_page_is_known_is_a_link_like_any_other(hour: Hour) -> None:
    post = hour.say("x:2", "Start with plain words https://t.co/a", 5)
    hour.insert("post_links", post=post, url="https://t.co/a")
    hour.advise(post, "Start with plain words")
    hour.say("x:2", "Good morning everybody", 1)
    assert hour.guide().links == ()  # it may as well be a picture
    look_up(hour, "https://t.co/a", BINS)
    assert [one.url for one in hour.guide().links] == [BINS]


def test_a_short_address_that_turns_out_to_be_a_picture_is_none(hour: Hour) -> None:
    recommend(hour, "x:2", "https://t.co/a", 5)
    look_up(hour, "https://t.co/a", "https://x.com/priya_fern/status/1/photo/1")
    assert hour.guide().links == ()


def test_where_no_title_is_known_the_addresses_are_said_not_to_have_been_opened(hour: Hour) -> None:
    recommend(hour, "x:2", BINS, 5)
    assert "The addresses have not been opened." in render_guide_markdown(hour.guide())


def test_a_good_example_says_who_what_and_where(hour: Hour) -> None:
    hour.insert("organisations", id="fern", name="Fern Valley Council", version="1")
    hour.insert("author_organisations", author="x:2", organisation="fern", evidence="bio", confidence=0.9, version="1")
    post = tell(hour, "We text residents the evening before", "https://t.co/a", url="https://posts.example/1")
    hour.advise(post, "We text residents the evening before", "example")
    look_up(hour, "https://t.co/a", BINS, "Bins [by] text")
    page = render_guide_markdown(hour.guide())
    section = page[page.index("## Good examples") :]
    assert (
        "- [ ] We text residents the evening before\\\n"
        f"  See [Bins \\[by\\] text]({BINS}) (fern.example)\\\n"
        "  — Priya Raman (@priya_fern, X), Fern Valley Council · 13:05 · [see the post](https://posts.example/1)"
    ) in section


def test_an_example_without_a_title_shows_the_address_and_one_without_a_link_none(hour: Hour) -> None:
    hour.advise(tell(hour, "We text residents", BINS), "We text residents", "example")
    hour.advise(hour.say("x:3", "We film the lorry", 6), "We film the lorry", "example")
    page = render_guide_markdown(hour.guide())
    assert f"We text residents\\\n  See <{BINS}>\\\n" in page
    assert "We film the lorry\\\n  — Tomos Bevan" in page


def test_the_same_example_told_twice_keeps_the_link_that_one_of_them_has(hour: Hour) -> None:
    hour.advise(hour.say("x:3", "We text residents", 5), "We text residents", "example")
    hour.advise(tell(hour, "We text residents", BINS, 6), "We text residents", "example")
    [section] = [section for section in hour.guide().sections if section.kind == "example"]
    [told] = section.tips
    assert told.pointer is not None
    assert told.pointer.address == BINS


def test_other_kinds_of_tips_have_no_such_line(hour: Hour) -> None:
    hour.advise(tell(hour, "Text your residents", BINS), "Text your residents")
    assert "See " not in render_guide_markdown(hour.guide()).partition("## Useful links")[0]
