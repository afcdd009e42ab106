"""Links that lead to one page are one row, and good examples are cards of who, what and where."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from archive_sample import CHAT, SESSION, SampleArchive, build_sample
from hypothesis import given
from hypothesis import strategies as st
from site_sample import Site

from publish.chats_db import publish_chats
from publish.links import Pointer, choose_pointer
from publish.serving import build_site

PRIYA, TOMOS, GRACE = "x:1002", "bluesky:did:plc:tomosfictional", "bluesky:did:plc:gracefictional"
LENA = "mastodon:https://social.example/users/lena"
BINS = "https://www.northmoor.example/bins"


class Place:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.archive: SampleArchive = build_sample(folder / "archive.db")
        self.archive.conn.execute("DELETE FROM tip_evidence")
        for table in ("tips", "post_links", "link_pages"):
            self.archive.conn.execute(f"DELETE FROM {table}")
        self._minute = 10.0

    def share(self, author: str, link: str, text: str = "Look", expanded: str | None = None, **more: object) -> str:
        self._minute += 0.5
        post = self.archive.post(author, f"{text} {link}", self._minute, **more)
        self.archive.insert("post_links", post=post, url=link, expanded_url=expanded)
        return post

    def page(self, url: str, final_url: str | None = None, title: str | None = None, state: str = "read") -> None:
        self.archive.insert("link_pages", url=url, final_url=final_url, title=title, state=state)

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        publish_chats(self.folder / "archive.db", self.folder / "chats.db", at="2025-10-09T14:00:00.000Z")
        with closing(sqlite3.connect(self.folder / "chats.db")) as conn:
            return conn.execute(sql).fetchall()

    def links(
        self, columns: str = "url, title, domain, people_count, post_count, shared_by"
    ) -> list[tuple[object, ...]]:
        return self.ask(f"SELECT {columns} FROM links WHERE session = '{SESSION}' ORDER BY url")

    def example(self, post: str, text: str, start: int = 0, **more: object) -> str:
        return self.archive.tip(post, text, "example", start=start, support_count=2, score=0.9, **more)

    def cards(self, columns: str) -> list[tuple[object, ...]]:
        return self.ask(f"SELECT {columns} FROM examples WHERE session = '{SESSION}' ORDER BY text")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.archive.conn.close()


def test_however_an_address_is_written_its_page_is_one_link(place: Place) -> None:
    place.share(PRIYA, "https://t.co/1", expanded="http://northmoor.example/bins/?utm_source=mail")
    place.share(TOMOS, "https://short.example/b")
    place.share(TOMOS, f"{BINS}?fbclid=1")
    place.share(GRACE, "https://t.co/2")
    place.page("https://short.example/b", BINS, "Bin days")
    place.page("https://t.co/2", "https://northmoor.example/bins", "Bin days")
    assert place.links() == [
        ("https://northmoor.example/bins", "Bin days", "northmoor.example", 3, 4,
         "@priya_elmbridge, @tomos.example.social, @grace.example.social"),
    ]  # fmt: skip


def test_what_leads_elsewhere_stays_apart(place: Place) -> None:
    for url in (BINS, f"{BINS}?id=1", f"{BINS}/brown", "https://other.example/bins"):
        place.share(PRIYA, url)
    assert len(place.links()) == 4


def test_a_person_on_two_platforms_is_named_and_counted_once(place: Place) -> None:
    place.archive.insert("people", id="person-priya", author=PRIYA, reason="a link in the profile", version="1")
    place.archive.insert("people", id="person-priya", author=GRACE, reason="a link in the profile", version="1")
    place.share(PRIYA, BINS)
    place.share(TOMOS, BINS)
    place.share(GRACE, BINS)
    assert place.links("people_count, post_count, shared_by") == [(2, 3, "@priya_elmbridge, @tomos.example.social")]


def test_a_link_that_could_not_be_looked_up_stands_as_far_as_it_is_known(place: Place) -> None:
    place.share(PRIYA, "https://t.co/1")
    place.share(PRIYA, "https://t.co/2")
    place.page("https://t.co/1", "https://northmoor.example/gone", state="failed")
    place.page("https://t.co/2", state="refused")
    assert place.links("url, title, domain") == [
        ("https://northmoor.example/gone", None, "northmoor.example"), ("https://t.co/2", None, "t.co"),
    ]  # fmt: skip


def test_pictures_of_the_platforms_are_no_links(place: Place) -> None:
    place.share(PRIYA, "https://t.co/1", expanded="https://x.com/priya_elmbridge/status/1/photo/1")
    place.share(PRIYA, "https://t.co/2")
    place.page("https://t.co/2", "https://pbs.twimg.com/media/a.jpg")
    place.share(PRIYA, "https://t.co/3", expanded="https://x.com/tomos/status/2")
    assert place.links("url") == [("https://x.com/tomos/status/2",)]


def test_short_addresses_of_old_archives_are_shown_in_full_once_they_are_known(place: Place) -> None:
    post = place.share(PRIYA, "https://t.co/1", "A1 We text people the evening before:")
    mastodon = place.share(LENA, "https://short.example/b", "A1 We post it:")
    for told in (post, mastodon):
        place.archive.answer(f"{SESSION}-q1", told)
    place.page("https://t.co/1", BINS)
    place.page("https://short.example/b", BINS)
    shown = {row[0] for row in place.ask("SELECT shown FROM answers")}
    assert f"We text people the evening before: {BINS}" in shown
    assert "We post it: https://short.example/b" in shown  # what a person wrote stays as it is


def test_a_good_example_is_a_card_of_who_what_and_where(place: Place) -> None:
    post = place.share(
        PRIYA, "https://t.co/1", "A2 We text residents the evening before", url="https://posts.example/9"
    )
    place.page("https://t.co/1", BINS, "Bin days by text")
    place.example(post, "We text residents the evening before", 3, question=f"{SESSION}-q2")
    columns = (
        "text, author, organisation, link_url, link_title, link_domain, question_number, support_count, url, tip = id"
    )
    assert place.cards(columns) == [
        ("We text residents the evening before", PRIYA, "elmbridge-vale", BINS, "Bin days by text", "northmoor.example",
         2, 2, "https://posts.example/9", 1),
    ]  # fmt: skip
    assert place.ask("SELECT count(*) FROM examples JOIN links ON links.id = examples.link") == [(1,)]


def test_other_kinds_are_no_cards_and_a_card_may_lead_nowhere(place: Place) -> None:
    post = place.archive.post(PRIYA, "We text residents", 20)
    place.archive.tip(post, "Text your residents", "do")
    place.example(post, "We text residents")
    assert place.cards("text, link_url, link_title, link_domain, link") == [
        ("We text residents", None, None, None, None)
    ]


def test_of_several_links_each_example_has_the_one_behind_its_own_words(place: Place) -> None:
    text = "1) We text people https://one.example 2) We film the lorry https://two.example"
    post = place.archive.post(PRIYA, text, 20)
    for url in ("https://one.example", "https://two.example"):
        place.archive.insert("post_links", post=post, url=url)
    place.example(post, "We film the lorry", text.index("We film"))
    place.example(post, "We text people", 3)
    assert place.cards("text, link_domain") == [
        ("We film the lorry", "two.example"), ("We text people", "one.example"),
    ]  # fmt: skip


def test_a_link_behind_the_words_goes_before_a_nearer_one_in_front_of_them() -> None:
    text = "https://one.example We film the lorry on its whole round https://two.example"
    links = [Pointer(url, url) for url in ("https://one.example", "https://two.example")]
    assert choose_pointer(text, text.index("We film"), links) == links[1]
    assert choose_pointer(text, text.index("We film"), links[:1]) == links[0]


def test_the_link_of_a_later_part_of_the_thread_belongs_to_the_card(place: Place) -> None:
    post = place.archive.post(PRIYA, "1/2 We text residents the evening before", 20)
    part = place.share(PRIYA, BINS, "2/2 All about it:")
    tip = place.example(post, "We text residents the evening before")
    place.archive.evidence(tip, part, "part")
    assert place.cards("link_domain") == [("northmoor.example",)]


def test_without_a_link_the_post_that_is_praised_is_where_it_can_be_seen(place: Place) -> None:
    praised = place.archive.post("x:1003", "Our new bin day texts are out", 20, url="https://posts.example/praised")
    post = place.archive.post(PRIYA, "Castleford does this so well", 21, kind="quote", quote_of=praised)
    place.example(post, "Castleford does this so well")
    assert place.cards("link_url, link_title, link_domain, link") == [
        ("https://posts.example/praised", "@castleford_sea: Our new bin day texts are out", "posts.example", None)
    ]
    place.archive.tombstone(praised)
    assert place.cards("link_url, link_title, link_domain, link") == [(None, None, None, None)]


def test_a_deleted_post_takes_its_card_and_its_links_along(place: Place) -> None:
    post = place.share(PRIYA, BINS)
    place.example(post, "We text residents")
    assert len(place.cards("id")) == len(place.links()) == 1
    place.archive.tombstone(post)
    assert place.cards("id") == place.links() == []


pointers = st.lists(
    st.builds(
        Pointer,
        st.sampled_from(["https://t.co/1", "https://t.co/2", "https://b.example/", ""]),
        st.sampled_from([BINS, "https://x.com/a/status/1", "https://x.com/a/status/1/photo/1", "https://b.example/"]),
        st.booleans(),
    ),
    max_size=5,
)


@given(st.text(max_size=30), st.integers(0, 40), pointers, st.randoms(use_true_random=False))
def test_the_link_of_an_example_does_not_depend_on_the_order_of_links(
    text: str, start: int, given_pointers: list[Pointer], chance: object
) -> None:
    chosen = choose_pointer(text, start, given_pointers)
    chance.shuffle(given_pointers)  # type: ignore[attr-defined]
    again = choose_pointer(text, start, given_pointers)
    assert (chosen and chosen.address) == (again and again.address)
    assert chosen is None or not chosen.address.endswith("/photo/1")
    pages = [pointer for pointer in given_pointers if "x.com" not in pointer.address]
    assert not pages or (chosen is not None and "x.com" not in chosen.address)


def test_the_page_of_a_session_shows_the_cards_and_what_they_lead_to(place: Place) -> None:
    for number in range(5):
        post = place.share(PRIYA, f"https://site{number}.example/", f"We did number {number}")
        place.page(f"https://site{number}.example/", title=f"Page {number} <script>alert(1)</script>")
        place.example(post, f"We did number {number} <b>boldly</b>")
    place.ask("SELECT 1")
    with asyncio.Runner() as runner:
        answer = Site(build_site(place.folder / "chats.db"), runner).ask(f"/session/{SESSION}")
    page = answer.text
    assert answer.status_code == 200
    section = page[page.index('<h2 id="examples">') : page.index('<h2 id="tips">') if 'id="tips"' in page else None]
    assert section.count("We did number") == 5
    assert "2 more good examples" in section
    assert "Elmbridge Vale Council" in section
    assert "&lt;script&gt;" in section
    assert "<script>alert" not in page
    assert "<b>boldly" not in page
    assert 'href="https://site0.example/" rel="noopener nofollow ugc"' in section
    assert 'href="#examples"' in page
    assert "Good example</span>" not in page  # not a second time among the tips


def test_a_link_of_another_session_is_not_mixed_in(place: Place) -> None:
    place.share(PRIYA, BINS)
    place.archive.conn.execute(
        "INSERT INTO chat_posts SELECT chat, 'northmoorchat-2025-11-13', post, why, version FROM chat_posts"
        " WHERE post IN (SELECT post FROM post_links)"
    )
    assert place.ask(f"SELECT count(*), count(DISTINCT id), sum(post_count) FROM links WHERE chat = '{CHAT}'") == [
        (2, 2, 2)
    ]
