"""Mastodon's posts and its HTML are read whatever a server sends; one bad item never costs a page."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.models import Author, Batch, Flaw, Link, Media, Mention, Metrics, Post, RawPage, Ref
from archive.times import from_text
from chatkeep.stage.feed import Feed, FeedAuthor
from chatkeep.stage.mastodon_shapes import Server
from collector.sources.mastodon_html import parse_content
from collector.sources.mastodon_parse import parse_page

SERVER = "https://social.example"
FETCHED = "2026-10-09T09:00:00.000Z"
WRITTEN = "2026-10-08T12:00:00.123Z"
NATIVE = str(int(from_text(WRITTEN).timestamp() * 1000) << 16)


def account(**more: Any) -> dict[str, Any]:
    return {
        "acct": "bob@far.example", "username": "bob", "display_name": "Bob", "note": "<p>I draw <b>maps</b></p>",
        "uri": "https://far.example/users/bob", "url": "https://far.example/@bob", "followers_count": 3, **more,
    }  # fmt: skip


def status(**more: Any) -> dict[str, Any]:
    return {
        "id": NATIVE, "uri": "https://far.example/users/bob/statuses/7", "url": "https://far.example/@bob/7",
        "created_at": WRITTEN, "visibility": "public", "content": "<p>Hello</p>", "account": account(), **more,
    }  # fmt: skip


def parse(*items: Any, **page: Any) -> Batch:
    body = page.pop("body", None) or json.dumps(items).encode()
    fields = {"format": "tag", "server": SERVER, "fetched_at": FETCHED, **page}
    return parse_page(RawPage(source="mastodon", origin="social.example", body=body, **fields))


def only(**more: Any) -> Post:
    (post,) = parse(status(**more)).posts
    return post


def text(source: str) -> str:
    return parse_content(source).text


# -- posts


def test_a_post_is_read_whole() -> None:
    content = (
        '<p>Ask <a href="https://far.example/@cy" class="u-url mention">@<span>cy</span></a> '
        'of <a href="https://social.example/tags/x" class="mention hashtag" rel="tag">#<span>Northmoor</span></a></p>'
    )
    batch = parse(
        status(
            content=content,
            language="en",
            sensitive=False,
            edited_at="2026-10-08T13:00:00Z",
            tags=[{"name": "northmoor"}],
            mentions=[{"acct": "cy@far.example", "url": "https://far.example/@cy"}],
            media_attachments=[
                {"type": "gifv", "url": "https://m.example/1", "description": "A dog"},
                {"type": "unknown", "url": None, "remote_url": "https://m.example/2", "description": None},
                {"type": "image", "url": None},
            ],
            card={"url": "https://northmoor.example/bins"},
            favourites_count=1,
            reblogs_count=2,
            replies_count=3,
            quotes_count=4,
        )
    )
    assert batch.posts == [
        Post(
            id="mastodon:https://far.example/users/bob/statuses/7",
            platform="mastodon",
            author="mastodon:https://far.example/users/bob",
            native_ids=(Ref(NATIVE, SERVER),),
            created_at=WRITTEN,
            indexed_at=WRITTEN,
            text="Ask @cy@far.example of #Northmoor",
            html=content,
            edited_at="2026-10-08T13:00:00.000Z",
            lang="en",
            url="https://far.example/@bob/7",
            sensitive=False,
            tags=("northmoor",),
            links=(Link("https://northmoor.example/bins"),),
            mentions=(Mention("cy@far.example"),),
            media=(Media("https://m.example/1", "video", "A dog"), Media("https://m.example/2", "other")),
            metrics=Metrics(likes=1, reposts=2, replies=3, quotes=4),
        )
    ]
    assert batch.authors == [
        Author(
            id="mastodon:https://far.example/users/bob",
            platform="mastodon",
            handle="bob@far.example",
            name="Bob",
            bio="I draw maps",
            url="https://far.example/@bob",
            followers_count=3,
        )
    ]
    assert (batch.flaws, batch.rows, batch.top) == ([], 1, NATIVE)


def test_what_a_server_does_not_say_is_absent_and_never_nothing() -> None:
    post = only(language="", edited_at=None, url=None)
    assert (post.lang, post.edited_at, post.metrics, post.sensitive, post.reply_to) == (None,) * 5
    assert post.url == "https://far.example/users/bob/statuses/7"
    (author,) = parse(status(account={"acct": "x", "display_name": "", "note": "<p></p>"})).authors
    assert (author.name, author.bio, author.url, author.followers_count) == (None,) * 4


@pytest.mark.parametrize(
    ("changes", "author", "handle"),
    [
        ({"acct": "bob"}, "https://far.example/users/bob", "bob@far.example"),
        ({"acct": "bob", "uri": None}, "https://far.example/users/bob", "bob@far.example"),
        ({"acct": "bob", "uri": None, "url": None}, "https://far.example/users/bob", "bob@social.example"),
        ({"acct": None}, "https://far.example/users/bob", "bob@far.example"),
        ({"acct": "bob@Other.example"}, "https://far.example/users/bob", "bob@Other.example"),
        (
            {"uri": "http://localhost:3000/ap/users/5", "acct": "b"},
            "http://localhost:3000/ap/users/5",
            "b@localhost:3000",
        ),
    ],
)
def test_an_author_is_known_by_actor_uri_and_always_shown_with_a_host(
    changes: dict[str, Any], author: str, handle: str
) -> None:
    batch = parse(status(account=account(**changes)))
    assert [(each.id, each.handle) for each in batch.authors] == [(f"mastodon:{author}", handle)]
    assert batch.posts[0].author == f"mastodon:{author}"


def test_without_an_actor_uri_the_author_is_known_by_page_where_the_post_names_none() -> None:
    uri = "https://bridge.example/r/https://blog.example/1"
    (post,) = parse(status(uri=uri, account=account(uri=None))).posts
    assert post.author == "mastodon:https://far.example/@bob"


def test_replies_quotes_and_boosts_refer_to_the_servers_own_ids() -> None:
    quoted, boosted = status(id="5", uri="https://far.example/5"), status(id="6", uri="https://far.example/6")
    assert only(in_reply_to_id="4").reply_to == Ref("4", SERVER)
    assert only(in_reply_to_id="4").kind == "reply"
    assert only(in_reply_to_account_id="9").kind == "reply"  # to a post that is gone
    batch = parse(status(quote={"state": "accepted", "quoted_status": quoted}))
    assert [(post.kind, post.quote_of, post.primary) for post in batch.posts] == [
        ("post", None, False),
        ("quote", Ref("5", SERVER), True),
    ]
    assert only(quote={"state": "accepted", "quoted_status_id": "5"}).quote_of == Ref("5", SERVER)
    assert parse(status(quote=quoted)).posts[1].quote_of == Ref("5", SERVER)
    batch = parse(status(reblog=boosted))
    assert [(post.kind, post.repost_of) for post in batch.posts] == [("post", None), ("repost", Ref("6", SERVER))]


@pytest.mark.parametrize("state", ["revoked", "pending", "rejected", "deleted", "unauthorized"])
def test_a_quotation_that_its_author_did_not_allow_is_none(state: str) -> None:
    post = only(quote={"state": state, "quoted_status": status(id="5", uri="u:5")})
    assert (post.kind, post.quote_of) == ("post", None)


def test_a_post_that_stands_on_the_page_itself_counts_as_an_answer_though_quoted_too() -> None:
    quoted = status(id="5", uri="https://far.example/5")
    quoting = status(quote={"state": "accepted", "quoted_status": quoted})
    for items in ([quoted, quoting], [quoting, quoted]):
        assert all(post.primary for post in parse(*items).posts)


def test_the_line_that_names_a_quoted_post_is_no_wording_of_the_author() -> None:
    content = '<p class="quote-inline">RE: <a href="https://far.example/5">far.example/5</a></p><p>Well said</p>'
    assert only(content=content, quote={"state": "accepted", "quoted_status_id": "5"}).text == "Well said"
    assert only(content=content).text == "RE: https://far.example/5\n\nWell said"
    inline = '<p>So true<span class="quote-inline"><br><br>RE: <a href="x"><span>y</span></a></span>!</p>'
    assert only(content=inline, quote={"state": "accepted", "quoted_status_id": "5"}).text == "So true!"


def test_a_content_warning_stands_before_the_text() -> None:
    assert only(spoiler_text="bins <3").text == "CW: bins <3\n\nHello"
    assert only(spoiler_text="bins", content="").text == "CW: bins"
    assert only(spoiler_text=" ").text == "Hello"


def test_both_spellings_of_a_hashtag_are_kept() -> None:
    content = '<p><a href="https://x.example/t" class="mention hashtag" rel="tag">#<span>Llŷn</span></a></p>'
    assert only(content=content, tags=[{"name": "llyn"}, {"name": "Bins"}]).tags == ("llyn", "bins", "llŷn")


def test_labels_say_what_an_account_says_of_itself() -> None:
    (author,) = parse(status(account=account(bot=True, noindex=True, group=False, limited="yes"))).authors
    assert author.labels == ("bot", "noindex")


# -- times


def test_the_id_tells_when_a_late_post_arrived() -> None:
    post = only(created_at="2026-10-08T11:00:00.000Z")
    assert (post.created_at, post.indexed_at) == ("2026-10-08T11:00:00.000Z", WRITTEN)


def test_a_claim_of_the_future_is_kept_beside_the_time_of_arrival() -> None:
    post = only(created_at="2035-01-01T00:00:00Z")
    assert (post.created_at, post.indexed_at) == ("2035-01-01T00:00:00.000Z", WRITTEN)
    assert only(id="01K6ZW", created_at="2035-01-01T00:00:00Z").indexed_at == FETCHED


def test_the_random_milliseconds_of_a_fetched_post_do_not_make_it_older() -> None:
    assert only(created_at="2026-10-08T12:00:00.900Z").indexed_at == "2026-10-08T12:00:00.900Z"


@pytest.mark.parametrize("native", ["01K6ZWABC", "5", str(600_000_000 << 30), "1" * 19, "1" * 40, "٣"])
def test_ids_of_another_kind_tell_no_time(native: str) -> None:
    assert only(id=native).indexed_at is None


@pytest.mark.parametrize("claimed", ["", "yesterday", "0000-00-00", None, 5, "99999-01-01T00:00:00Z"])
def test_an_unreadable_time_is_mended_from_the_id_or_the_fetching(claimed: Any) -> None:
    batch = parse(status(created_at=claimed))
    assert batch.posts[0].created_at == WRITTEN
    assert "repaired" in {flaw.kind for flaw in batch.flaws}
    assert parse(status(created_at=claimed, id="x")).posts[0].created_at == FETCHED


# -- what is odd


@pytest.mark.parametrize(
    "item",
    [None, 5, "x", [], {}, {"id": NATIVE}, status(id=None), status(uri=None, url=None), status(visibility="private"),
     status(visibility=None), status(uri="urn:1", account=None), status(uri="urn:1", account=5),
     status(id=1e300), status(id=True)],
)  # fmt: skip
def test_an_unusable_item_is_listed_and_the_others_are_kept(item: Any) -> None:
    good = status(id="9", uri="https://far.example/9")
    batch = parse(item, good)
    assert [post.id for post in batch.posts] == ["mastodon:https://far.example/9"]
    assert [flaw.kind for flaw in batch.flaws if flaw.kind != "unknown"] == ["unusable"]
    assert batch.rows == 2


@pytest.mark.parametrize(
    "body", [b"", b"[", b"null", b"{}", b'{"error":"x"}', b"\xff", b"[" * 100_000, "[]".encode("utf-16")]
)
def test_a_page_that_is_no_list_is_malformed_and_names_nothing_missing(body: bytes) -> None:
    batch = parse(body=body or b" ", format="posts", url=f"{SERVER}/api/v1/statuses?id%5B%5D=1")
    assert [flaw.kind for flaw in batch.flaws] == ["malformed"]
    assert (batch.posts, batch.missing, batch.deletions) == ([], [], [])


def test_one_post_alone_is_read_too() -> None:
    assert len(parse(body=json.dumps(status()).encode()).posts) == 1


def test_what_no_parser_understands_is_listed_once_a_page() -> None:
    batch = parse(status(mood="glad"), status(id="9", uri="u:9", mood="sad", language=5, replies_count="many"))
    assert batch.flaws == [
        Flaw("unknown", "status.mood is not understood"),
        Flaw("unknown", "status.language is of type int"),
        Flaw("unknown", "status.replies_count is of type str"),
    ]
    assert len(batch.posts) == 2


def test_numbers_no_database_can_hold_and_broken_texts_are_mended() -> None:
    post = only(favourites_count=2**64, content="<p>a\x00b \ud800 &#xD800;</p>", language="e\x00n")
    assert post.metrics is None
    assert post.text == "ab \ufffd \ufffd"
    assert post.lang == "en"


def test_posts_nested_without_end_are_read_to_a_depth() -> None:
    nested = status(id="1", uri="u:1")
    for n in range(2, 50):
        nested = status(id=str(n), uri=f"u:{n}", quote={"state": "accepted", "quoted_status": nested})
    assert len(parse(nested).posts) == 4


def test_missing_posts_are_those_asked_for_and_not_answered() -> None:
    url = f"{SERVER}/api/v1/statuses?id%5B%5D={NATIVE}&id%5B%5D=8&id[]=9"
    batch = parse(status(), status(id="9", visibility="odd"), format="posts", url=url)
    assert batch.missing == [Ref("8", SERVER)]
    assert [(each.ref.native_id, each.reason) for each in batch.deletions] == [("8", "unavailable")]
    assert batch.top is None


SPANS = (
    '<a href="https://www.north.example/a/b"><span class="invisible">https://www.</span>'
    '<span class="ellipsis">north.example/a</span><span class="invisible">/b</span></a>'
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    max_leaves=8,
)
FIELDS = sorted({*status(), "quote", "reblog", "tags", "mentions", "media_attachments", "card", "edited_at"})


@given(st.dictionaries(st.sampled_from(FIELDS), JSON), st.dictionaries(st.sampled_from(sorted(account())), JSON))
def test_no_value_anywhere_stops_the_reading(changes: dict[str, Any], of_account: dict[str, Any]) -> None:
    item = status(**{"account": account(**of_account), **changes})
    batch = parse(item, status(id="9", uri="https://far.example/9"))
    assert "mastodon:https://far.example/9" in {post.id for post in batch.posts}
    assert batch.rows == 2
    for post in batch.posts:
        json.dumps([post.id, post.text, post.url, post.tags], ensure_ascii=False).encode()


@given(st.binary(max_size=200) | JSON.map(lambda each: json.dumps(each).encode()))
def test_no_body_stops_the_reading(body: bytes) -> None:
    batch = parse(body=body or b" ")
    assert not batch.posts


# -- HTML as text


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("<p>One</p><p>Two<br>Three<br />Four</p>", "One\n\nTwo\nThree\nFour"),
        ("no markup at all", "no markup at all"),
        ("<p>Tom &amp; Jerry &lt;3 &#39;x&#39; &nbsp;</p>", "Tom & Jerry <3 'x'"),
        ("<p>3 < 4 and 5 > 2</p>", "3 < 4 and 5 > 2"),
        ("<ul><li><p>one</p></li><li>two</li></ul><p>after</p>", "- one\n\n- two\n\nafter"),
        ("<blockquote><p>Said</p></blockquote><pre><code>a\n  b</code></pre>", "Said\n\na\n  b"),
        ("<p>a<!-- <b>no</b> -->b<!-- x</p>", "ab<!-- x"),
        ("<P>LOUD</P><h1>Head</h1>x", "LOUD\n\nHead\n\nx"),
        ("<p>unclosed <b>bold", "unclosed bold"),
        ('<p title="a>b">x</p>', "x"),
        ('<p title="broken>kept</p>', "kept"),
        ("<!DOCTYPE html>x<?php y?>z</ p>", "xz"),
        ("a<script>alert(1)</script>b<style>p{}</style>c<SCRIPT>d", "abc"),
        ("", ""),
    ],
)  # fmt: skip
def test_html_reads_as_it_looks(source: str, wanted: str) -> None:
    assert text(source) == wanted


@pytest.mark.parametrize(
    ("anchor", "wanted"),
    [
        (SPANS, "https://www.north.example/a/b"),
        ('<a href="https://north.example/long/way">north.example/lon…</a>', "https://north.example/long/way"),
        ('<a href="https://north.example/a?b=1&amp;c=2">https://north.example/a?b=1&amp;c=2</a>', "https://north.example/a?b=1&c=2"),
        ('<a href="https://north.example/guide">our guide</a>', "our guide (https://north.example/guide)"),
        ('<a href="https://north.example/guide">guide</a>', "guide (https://north.example/guide)"),
        ('<a href="https://north.example/"><img src="x"></a>', "https://north.example/"),
        ("<a href='https://north.example/q'>https://north.example/q</a>", "https://north.example/q"),
        ('<a href="javascript:alert(1)">press</a>', "press"),
        ('<a href=" JavaScript:alert(1)">press</a>', "press"),
        ("<a>press</a>", "press"),
        ('<a href="https://bad.example/x">good.example</a>', "good.example (https://bad.example/x)"),
        ('<a class="mention hashtag" href="https://x.example/tags/a">#<span>Maps</span></a>', "#Maps"),
        ('<a rel="tag" href="https://x.example/tags/a">#Maps</a>', "#Maps"),
        ('<a class="u-url mention" href="https://x.example/@ann">@<span>ann</span></a>', "@ann@x.example"),
        ('<a class="u-url mention" href="https://x.example/@ann">@ann@y.example</a>', "@ann@y.example"),
        ('<a class="mention" href="https://[broken">@ann</a>', "@ann"),
    ],
)  # fmt: skip
def test_links_read_as_their_address_and_tags_and_mentions_as_written(anchor: str, wanted: str) -> None:
    assert text(f"<p>See {anchor}.</p>") == f"See {wanted}."


def test_links_are_listed_once_and_scripts_never() -> None:
    source = '<a href="https://a.example">x</a><a href="javascript:x">y</a><a href="https://a.example">z</a><a href="http://b.example">'
    assert only(content=source).links == (Link("https://a.example"), Link("http://b.example"))


@pytest.mark.parametrize(
    "piece", ["<b>", '<a href="', "<", "<!--", "<div>", '<a "', "<script>x", "\n", "<li>", "<a ", "&"]
)
def test_hostile_html_of_half_a_megabyte_is_read_in_one_pass(piece: str) -> None:
    big = '<p class="quote-inline">' + piece * (500_000 // len(piece))
    assert len(parse_content(big, without_quote=True).text) <= len(big)


# A full-width hash sign comes back as the plain one by which Mastodon shows it.
LETTERS = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="＃")
PLAIN = st.text(LETTERS | st.sampled_from("\n <>&\"'#@/.:"), max_size=60)
WORDS = st.text(st.characters(categories=["L", "N", "P"], exclude_characters="<>&-"), max_size=12)
ELEMENTS = st.sampled_from(["p", "b", "span", "em", "ul", "li", "blockquote", "pre", "div", "h2", "ruby", "x-y"])


def element(tag: str, mark: str, parts: list[str]) -> str:
    return f"""<{tag} class="{mark}" data-x='>'>{"".join(parts)}</{tag}><br/>"""


MARKUP = st.recursive(
    WORDS,
    lambda inner: st.builds(
        element, ELEMENTS, st.sampled_from(["", "mention", "invisible", "quote-inline"]), st.lists(inner, max_size=4)
    ),
    max_leaves=12,
)


def settled(plain: str) -> str:
    """White space as any reading settles it."""
    lines = "\n".join(line.rstrip() for line in plain.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", lines).strip()


@given(PLAIN)
def test_escaped_text_comes_back_as_it_was(plain: str) -> None:
    assert text(f"<p>{html.escape(plain)}</p>") == settled(plain)


@given(PLAIN)
def test_what_the_stage_writes_is_read_back(plain: str) -> None:
    ann = FeedAuthor(key="ann", platform="mastodon", handle="ann", name="Ann")
    content = Server(Feed((ann,), ()), "mastodon.stage.example").content(plain, ann)
    assert text(content) == settled(plain)


@given(MARKUP)
def test_no_tag_is_left_and_no_word_lost(markup: str) -> None:
    found = text(markup)
    assert "<" not in found
    words = re.sub(r"</?[a-z0-9-]+( class=\"[a-z-]*\" data-x='>'|/)?>", "", markup)
    assert re.sub(r"\s", "", words) == re.sub(r"\s|-", "", found)


@given(st.text() | st.text("<>/\"'=&;!- apscritbr#\n"))
def test_no_html_stops_the_reading(source: str) -> None:
    for without_quote in (False, True):
        content = parse_content(source, without_quote=without_quote)
        assert content.text == content.text.strip()
        content.text.encode()
        assert "\x00" not in content.text
        assert all(link.lower().startswith(("http://", "https://")) for link in content.links)


@pytest.mark.parametrize("count", [10**30, 2**63, -1, 1.5, True, "3"])
def test_a_count_that_no_database_holds_is_absent_and_told_once(count: object) -> None:
    posts = [
        status(
            id=native, uri=f"https://far.example/{native}", replies_count=count, account=account(followers_count=count)
        )
        for native in ("1", "2")
    ]
    batch = parse(*posts)
    assert [post.metrics and post.metrics.replies for post in batch.posts] == [None, None]
    assert batch.authors[0].followers_count is None
    assert [flaw.kind for flaw in batch.flaws] == ["unknown", "unknown"]
    assert {flaw.detail.split()[0] for flaw in batch.flaws} == {
        "status.account.followers_count",
        "status.replies_count",
    }
