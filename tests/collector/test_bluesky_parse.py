"""What BlueskySource reads of a page: every post or a flaw, whatever a post holds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.models import Batch, Link, Media, Mention, Metrics, Post, RawPage, Ref
from archive.times import normalise
from collector.sources.bluesky_parse import parse_page

DID = "did:plc:anncouncil"
URI = f"at://{DID}/app.bsky.feed.post/3kone"
FETCHED = "2026-10-08T14:00:00.000Z"


def record(text: str = "Short words #northmoor", **more: Any) -> dict[str, Any]:
    return {"$type": "app.bsky.feed.post", "createdAt": "2026-10-08T12:00:00.123456Z", "text": text, **more}


def view(uri: str = URI, **more: Any) -> dict[str, Any]:
    return {
        "uri": uri,
        "cid": "bafyreione",
        "author": {"did": uri.split("/")[2], "handle": "ann.northmoor.test", "displayName": "Ann", "labels": []},
        "record": record(),
        "indexedAt": "2026-10-08T12:00:01.000Z",
        "likeCount": 3,
        "repostCount": 0,
        "labels": [],
        **more,
    }


def page(views: Any, page_format: str = "search", url: str = "") -> RawPage:
    body = json.dumps({"posts": views}).encode()
    return RawPage(
        source="bluesky", format=page_format, origin="bsky.example", fetched_at=FETCHED, body=body, url=url
    )  # fmt: skip


def parsed(*views: Any) -> Batch:
    return parse_page(page(list(views)))


def one(view: dict[str, Any]) -> Post:
    batch = parsed(view)
    assert not batch.flaws
    return next(post for post in batch.posts if post.primary)


def facet(text: str, shown: str, kind: str, **feature: str) -> dict[str, Any]:
    start = len(text.encode()[: text.encode().index(shown.encode())])
    index = {"byteStart": start, "byteEnd": start + len(shown.encode())}
    return {"index": index, "features": [{"$type": f"app.bsky.richtext.facet#{kind}", **feature}]}


def test_a_post_is_read_with_its_author_and_counts() -> None:
    batch = parsed(view())
    (post,) = batch.posts
    assert post == Post(
        id=f"bluesky:{URI}",
        platform="bluesky",
        author=f"bluesky:{DID}",
        native_ids=(Ref(URI),),
        created_at="2026-10-08T12:00:00.123Z",
        indexed_at="2026-10-08T12:00:01.000Z",
        text="Short words #northmoor",
        url=f"https://bsky.app/profile/{DID}/post/3kone",
        metrics=Metrics(likes=3, reposts=0),
    )
    (author,) = batch.authors
    assert (author.id, author.handle, author.name, author.bio) == (
        f"bluesky:{DID}", "ann.northmoor.test", "Ann", None,
    )  # fmt: skip
    assert (batch.top, batch.rows) == ("2026-10-08T12:00:00.123Z", 1)


def test_tags_come_from_facets_and_the_tags_field_alone() -> None:
    text = "🎉👩‍💻 émojis #NorthMoor ＃wide #bare"
    facets = [facet(text, "#NorthMoor", "tag", tag="NorthMoor"), facet(text, "＃wide", "tag", tag="wide")]
    assert one(view(record=record(text, facets=facets, tags=["Hidden", "northmoor"]))).tags == (
        "hidden", "northmoor", "wide",
    )  # fmt: skip


def test_a_tag_without_a_value_is_read_from_the_bytes_it_marks() -> None:
    text = "🎉 #wide"
    assert one(view(record=record(text, facets=[facet(text, "#wide", "tag")]))).tags == ("wide",)


def test_links_come_from_facets_and_the_card_each_once() -> None:
    text = "See northmoor.example…"
    facets = [facet(text, "northmoor.example…", "link", uri="https://northmoor.example/a")]
    card = {"uri": "https://northmoor.example/a", "title": "A", "description": ""}
    embed = {"$type": "app.bsky.embed.external", "external": card}
    assert one(view(record=record(text, facets=facets, embed=embed))).links == (Link("https://northmoor.example/a"),)


def test_a_mention_has_the_handle_that_stands_in_the_text() -> None:
    text = "Ask 🎉 @ben.test"
    facets = [facet(text, "@ben.test", "mention", did="did:plc:ben")]
    assert one(view(record=record(text, facets=facets))).mentions == (Mention("ben.test", "bluesky:did:plc:ben"),)
    facets[0]["index"] = {"byteStart": 5, "byteEnd": 900}
    assert one(view(record=record(text, facets=facets))).mentions == (Mention("did:plc:ben", "bluesky:did:plc:ben"),)


@given(st.text(), st.text(), st.from_regex(r"[a-z][a-z0-9-]{0,20}\.test", fullmatch=True))
def test_byte_offsets_find_their_words_in_any_script(before: str, after: str, handle: str) -> None:
    text = f"{before}@{handle}{after}".replace("\0", " ").encode("utf-8", "replace").decode()
    start = len(before.encode("utf-8", "replace"))
    index = {"byteStart": start, "byteEnd": start + 1 + len(handle)}
    features = [{"$type": "app.bsky.richtext.facet#mention", "did": "did:plc:ben"}]
    post = parsed(view(record=record(text, facets=[{"index": index, "features": features}]))).posts[0]
    assert post.mentions == (Mention(handle, "bluesky:did:plc:ben"),)


def test_a_reply_names_its_parent_and_its_thread() -> None:
    parent, root = (f"at://did:plc:ben/app.bsky.feed.post/{key}" for key in ("parent", "root"))
    post = one(view(record=record(reply={"parent": {"uri": parent, "cid": "x"}, "root": {"uri": root, "cid": "x"}})))
    assert (post.kind, post.reply_to, post.conversation) == ("reply", Ref(parent), Ref(root))


QUOTED = "at://did:plc:ben/app.bsky.feed.post/3kq"
IMAGES = {
    "$type": "app.bsky.embed.images#view",
    "images": [
        {"thumb": "https://cdn.example/t", "fullsize": "https://cdn.example/1", "alt": "a red square"},
        {"thumb": "https://cdn.example/t", "fullsize": "https://cdn.example/2", "alt": ""},
    ],
}


def quoted_record(**more: Any) -> dict[str, Any]:
    return {
        "$type": "app.bsky.embed.record#viewRecord",
        "uri": QUOTED,
        "cid": "x",
        "author": {"did": "did:plc:ben", "handle": "ben.test"},
        "value": record("Quoted words"),
        "indexedAt": "2026-10-01T12:00:00.000Z",
        **more,
    }


def quote_view(quoted: dict[str, Any]) -> dict[str, Any]:
    embed = {"$type": "app.bsky.embed.record", "record": {"uri": QUOTED, "cid": "x"}}
    return view(record=record(embed=embed), embed={"$type": "app.bsky.embed.record#view", "record": quoted})


def test_a_quoted_post_comes_along_beside_the_answer() -> None:
    batch = parsed(quote_view(quoted_record(embeds=[IMAGES])))
    quoting, quoted = batch.posts
    assert (quoting.kind, quoting.quote_of, quoting.primary) == ("quote", Ref(QUOTED), True)
    assert (quoted.id, quoted.text, quoted.primary, len(quoted.media)) == (
        f"bluesky:{QUOTED}", "Quoted words", False, 2,
    )  # fmt: skip
    assert batch.top == quoting.created_at
    assert {author.handle for author in batch.authors} == {"ann.northmoor.test", "ben.test"}
    assert batch.rows == 1


def test_a_quote_with_an_image_keeps_both() -> None:
    record_part = {"$type": "app.bsky.embed.record", "record": {"uri": QUOTED, "cid": "x"}}
    embed = {
        "$type": "app.bsky.embed.recordWithMedia",
        "record": record_part,
        "media": {"$type": "app.bsky.embed.images"},
    }
    shown = {"$type": "app.bsky.embed.recordWithMedia#view", "record": {"record": quoted_record()}, "media": IMAGES}
    batch = parsed(view(record=record(embed=embed), embed=shown))
    assert [post.quote_of for post in batch.posts] == [Ref(QUOTED), None]
    assert batch.posts[0].media == (
        Media("https://cdn.example/1", "image", "a red square"),
        Media("https://cdn.example/2", "image", None),
    )
    assert not batch.flaws


def test_a_post_found_and_quoted_on_one_page_is_primary() -> None:
    found = view(QUOTED, record=record("Quoted words"))
    for views in ([quote_view(quoted_record()), found], [found, quote_view(quoted_record())]):
        batch = parsed(*views)
        assert len(batch.posts) == 2
        assert all(post.primary for post in batch.posts)


@pytest.mark.parametrize("kind", ["viewNotFound", "viewBlocked", "viewDetached"])
def test_a_quote_of_what_is_gone_still_names_it(kind: str) -> None:
    gone = {"$type": f"app.bsky.embed.record#{kind}", "uri": QUOTED}
    batch = parsed(quote_view(gone))
    assert [post.quote_of for post in batch.posts] == [Ref(QUOTED)]
    assert not batch.flaws


def test_a_video_is_media() -> None:
    shown = {"$type": "app.bsky.embed.video#view", "playlist": "https://video.example/p.m3u8", "alt": "a walk"}
    post = one(view(record=record(embed={"$type": "app.bsky.embed.video"}), embed=shown))
    assert post.media == (Media("https://video.example/p.m3u8", "video", "a walk"),)


def test_labels_of_self_and_moderation_belong_to_the_post_and_the_author_s_to_the_author() -> None:
    labelled = view(
        record=record(labels={"values": [{"val": "graphic-media"}]}),
        labels=[{"val": "graphic-media"}, {"val": "spam"}, {"val": "withdrawn", "neg": True}],
    )
    labelled["author"]["labels"] = [{"val": "!no-unauthenticated"}]
    batch = parsed(labelled)
    assert batch.posts[0].labels == ("graphic-media", "spam")
    assert batch.posts[0].sensitive is True
    assert batch.authors[0].labels == ("!no-unauthenticated",)


@pytest.mark.parametrize("claim", ["1999-12-31T23:59:59.000Z", "2035-01-01T00:00:00.000Z", "0001-01-01T00:00:00Z"])
def test_a_strange_claim_is_kept_and_a_future_one_does_not_lift_the_top(claim: str) -> None:
    batch = parsed(view(record={**record(), "createdAt": claim}))
    assert batch.posts[0].created_at == normalise(claim)
    assert batch.top is not None
    assert "1970" <= batch.top <= "2026-10-08T12:00:01.000Z"
    assert not batch.flaws


@pytest.mark.parametrize("claim", ["yesterday", "", None, 7, "2026-13-45T00:00:00Z"])
def test_a_claim_that_is_no_time_is_replaced_by_the_index_time(claim: Any) -> None:
    batch = parsed(view(record={**record(), "createdAt": claim}))
    assert batch.posts[0].created_at == "2026-10-08T12:00:01.000Z"
    assert [flaw.kind for flaw in batch.flaws] == ["repaired"]


def test_one_bad_view_costs_no_other() -> None:
    bad: list[Any] = [
        None, 7, "x", [], {}, view("at://did:plc:ann/app.bsky.feed.like/1"), view("not/an/address"), view(record=None),
        {"$type": "app.bsky.feed.defs#notFoundPost", "uri": URI, "notFound": True},
    ]  # fmt: skip
    batch = parsed(*bad, view())
    assert len(batch.posts) == 1
    assert [flaw.kind for flaw in batch.flaws] == ["unusable"] * len(bad)
    assert batch.rows == len(bad) + 1


def test_an_author_that_is_missing_or_unproven_is_known_by_the_address() -> None:
    batch = parsed(view(author=None))
    assert (batch.authors[0].id, batch.authors[0].handle) == (f"bluesky:{DID}", None)
    unproven = view()
    unproven["author"]["handle"] = "handle.invalid"
    assert parsed(unproven).authors[0].handle is None


def test_what_no_parser_understands_is_listed_and_the_post_kept() -> None:
    strange = {"index": {}, "features": [{"$type": "poll.example.facet#option"}]}
    batch = parsed(view(record=record(embed={"$type": "app.bsky.embed.hologram"}, facets=[strange])))
    assert len(batch.posts) == 1
    assert [(flaw.kind, flaw.post) for flaw in batch.flaws] == [("unknown", f"bluesky:{URI}")] * 2
    assert "hologram" in batch.flaws[1].detail


def test_a_shared_list_or_feed_is_known_and_no_quote() -> None:
    embed = {"$type": "app.bsky.embed.record", "record": {"uri": "at://did:plc:ben/app.bsky.graph.list/1", "cid": "x"}}
    assert one(view(record=record(embed=embed))).quote_of is None


def test_characters_that_no_database_holds_are_replaced_and_said_so() -> None:
    body = json.dumps({"posts": [view(record=record("a\x00b \ud800 c"))]}).encode()
    batch = parse_page(RawPage(source="bluesky", format="search", origin="x", fetched_at=FETCHED, body=body))
    assert batch.posts[0].text == "a b \ufffd c"
    assert [flaw.kind for flaw in batch.flaws] == ["repaired"]


def test_counts_that_are_no_counts_are_absent() -> None:
    odd = view(likeCount=True, repostCount=-1, replyCount=10**30, quoteCount=2**63)
    other = view(URI.replace("3kone", "3ktwo"), likeCount=1.5, repostCount=2**63 - 1, replyCount="4", quoteCount=None)
    batch = parsed(odd, other)
    assert [post.metrics for post in batch.posts] == [None, Metrics(reposts=2**63 - 1)]
    told = [f"{name}Count is no count" for name in ("like", "repost", "reply", "quote")]
    assert [(flaw.kind, flaw.detail) for flaw in batch.flaws] == [("unknown", each) for each in told]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"posts": {}}', b"\xff\xfe", b"[" * 100_000])
def test_a_page_that_cannot_be_read_is_malformed_and_no_error(body: bytes) -> None:
    batch = parse_page(RawPage(source="bluesky", format="search", origin="x", fetched_at=FETCHED, body=body))
    assert [flaw.kind for flaw in batch.flaws] == ["malformed"]


def test_an_empty_page_has_no_top() -> None:
    assert parsed() == Batch()


def test_asked_for_and_not_answered_is_missing_and_unavailable() -> None:
    gone = f"at://{DID}/app.bsky.feed.post/3kgone"
    url = f"https://bsky.example/xrpc/app.bsky.feed.getPosts?uris={URI}&uris={gone.replace(':', '%3A')}"
    batch = parse_page(page([view()], "posts", url))
    assert batch.missing == [Ref(gone)]
    assert [(deletion.ref, deletion.reason) for deletion in batch.deletions] == [(Ref(gone), "unavailable")]


RICH = view(
    record=record(
        "🎉 @ben.test https://northmoor.example #northmoor",
        facets=[facet("🎉 @ben.test", "@ben.test", "mention", did="did:plc:ben")],
        tags=["northmoor"],
        langs=["en"],
        reply={"parent": {"uri": QUOTED}, "root": {"uri": QUOTED}},
        embed={
            "$type": "app.bsky.embed.recordWithMedia",
            "record": {"record": {"uri": QUOTED}},
            "media": {"$type": "app.bsky.embed.external", "external": {"uri": "https://northmoor.example"}},
        },
        labels={"values": [{"val": "spam"}]},
    ),
    embed={
        "$type": "app.bsky.embed.recordWithMedia#view",
        "record": {"record": quoted_record(embeds=[IMAGES])},
        "media": IMAGES,
    },
)


def paths(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [above, *(path for key, child in children for path in paths(child, (*above, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], new)
    return copy


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("\ud800\0"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.tuples(st.sampled_from(paths(RICH)), anything), min_size=1, max_size=3))
def test_no_mutation_of_a_page_stops_the_parser(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    mutated: Any = RICH
    for path, new in changes:
        if path in paths(mutated):
            mutated = replaced(mutated, path, new)
    batch = parsed(mutated, view("at://did:plc:cat/app.bsky.feed.post/3kcat"))
    assert "bluesky:at://did:plc:cat/app.bsky.feed.post/3kcat" in {post.id for post in batch.posts}
    assert batch == parsed(mutated, view("at://did:plc:cat/app.bsky.feed.post/3kcat"))
    for held in [*batch.posts, *batch.authors, *batch.flaws]:
        text = repr(held)
        assert "\\x00" not in text
        assert "\\ud8" not in text
    assert all(normalise(post.created_at) == post.created_at for post in batch.posts)


@given(st.binary())
def test_no_bytes_stop_the_parser(body: bytes) -> None:
    for page_format in ("search", "posts", "error", "else"):
        parse_page(RawPage(source="bluesky", format=page_format, origin="x", fetched_at=FETCHED, body=body))
