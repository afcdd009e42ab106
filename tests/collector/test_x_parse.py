"""What is read from X's objects: both dialects, twarc2's flattened form, and whatever else may come."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.models import Batch, Link, Media, Mention, Metrics, Post, Ref
from collector.sources.x_parse import (
    Includes,
    Reader,
    parse_answer,
    parse_flattened,
    parse_tweet,
    parse_user,
    snowflake_time,
)

# 2026-10-08T12:00:05.250Z and the ids around it, in X's own arithmetic
FIRST = str((1791460805250 - 1288834974657) << 22)
SECOND = str((1791460925000 - 1288834974657) << 22)

POST: dict[str, Any] = {
    "id": FIRST,
    "text": "Bins &amp; roads &lt;3 #Northmoor @PriyaNorthmoor https://t.co/aaa https://t.co/pic",
    "author_id": "77",
    "created_at": "2026-10-08T12:00:05.000Z",
    "conversation_id": FIRST,
    "edit_history_tweet_ids": [FIRST],
    "lang": "en",
    "possibly_sensitive": False,
    "public_metrics": {
        "retweet_count": 3,
        "reply_count": 1,
        "like_count": 9,
        "quote_count": 2,
        "bookmark_count": 1,
        "impression_count": 400,
    },
    "attachments": {"media_keys": ["3_5"]},
    "entities": {
        "hashtags": [{"start": 23, "end": 33, "tag": "Northmoor"}],
        "mentions": [{"start": 34, "end": 49, "username": "PriyaNorthmoor", "id": "78"}],
        "urls": [
            {"start": 50, "end": 66, "url": "https://t.co/aaa", "expanded_url": "https://northmoor.example/bins?x=1"},
            {
                "start": 67,
                "end": 83,
                "url": "https://t.co/pic",
                "expanded_url": f"https://x.com/AnnNorthmoor/status/{FIRST}/photo/1",
                "media_key": "3_5",
            },
        ],
    },
}
ANN = {
    "id": "77",
    "username": "AnnNorthmoor",
    "name": "Ann & Co",
    "description": "Comms at Northmoor https://t.co/site",
    "entities": {
        "description": {"urls": [{"url": "https://t.co/site", "expanded_url": "https://northmoor.example"}]},
        "url": {"urls": [{"url": "https://t.co/x"}]},
    },
    "protected": False,
    "public_metrics": {"followers_count": 812, "following_count": 1, "tweet_count": 5, "listed_count": 0},
}
PICTURE = {"media_key": "3_5", "type": "photo", "url": "https://pbs.example/p.jpg", "alt_text": "A green bin"}
ANSWER: dict[str, Any] = {
    "data": [POST],
    "includes": {"users": [ANN], "media": [PICTURE]},
    "meta": {"newest_id": FIRST, "oldest_id": FIRST, "result_count": 1},
}


def changed(**changes: Any) -> dict[str, Any]:
    """The post with other fields; None takes a field away."""
    post = copy.deepcopy(POST) | changes
    return {name: value for name, value in post.items() if value is not None}


def only(batch: Batch) -> Post:
    assert batch.flaws == []
    assert len(batch.posts) == 1
    return batch.posts[0]


def modern(answer: dict[str, Any]) -> dict[str, Any]:
    """The same answer in the words of the modern dialect."""
    words = {
        "edit_history_tweet_ids": "edit_history_post_ids",
        "referenced_tweets": "referenced_posts",
        "note_tweet": "note_post",
        "retweet_count": "repost_count",
        "tweets": "posts",
        "tweet_count": "post_count",
    }
    text = json.dumps(answer)
    for old, new in words.items():
        text = text.replace(f'"{old}":', f'"{new}":')
    result: dict[str, Any] = json.loads(text)
    return result


def test_a_post_is_read_whole() -> None:
    post = only(parse_answer(ANSWER))
    assert post == Post(
        id=f"x:{FIRST}",
        platform="x",
        author="x:77",
        native_ids=(Ref(FIRST),),
        created_at="2026-10-08T12:00:05.000Z",
        text="Bins & roads <3 #Northmoor @PriyaNorthmoor https://t.co/aaa https://t.co/pic",
        lang="en",
        url=f"https://x.com/AnnNorthmoor/status/{FIRST}",
        sensitive=False,
        conversation=Ref(FIRST),
        tags=("northmoor",),
        links=(Link("https://t.co/aaa", "https://northmoor.example/bins?x=1"),),
        mentions=(Mention("PriyaNorthmoor", "x:78"),),
        media=(Media("https://pbs.example/p.jpg", "image", "A green bin"),),
        metrics=Metrics(likes=9, reposts=3, replies=1, quotes=2, views=400),
    )


def test_a_user_is_read_with_the_addresses_in_the_bio_written_out() -> None:
    author = parse_user(ANN)
    assert (author.id, author.handle, author.name) == ("x:77", "AnnNorthmoor", "Ann & Co")
    assert author.bio == "Comms at Northmoor https://northmoor.example"
    assert author.followers_count == 812
    assert author.url == "https://x.com/AnnNorthmoor"


def test_both_dialects_give_the_same_posts_and_authors() -> None:
    reply = changed(
        id=SECOND,
        edit_history_tweet_ids=[FIRST, SECOND],
        referenced_tweets=[{"type": "replied_to", "id": "5"}],
        note_tweet={"text": "long " * 90, "entities": {"hashtags": [{"tag": "Late"}]}},
    )
    answer = copy.deepcopy(ANSWER)
    answer["data"].append(reply)
    answer["includes"]["tweets"] = [changed(id="999999999999999", edit_history_tweet_ids=None)]
    assert parse_answer(answer) == parse_answer(modern(answer))
    assert len(parse_answer(answer).posts) == 3


def test_a_post_without_a_known_handle_leaves_its_address_to_those_who_know_it() -> None:
    post = only(parse_answer({"data": POST, "meta": {}}))
    assert post.url is None  # a page builds the address from the id


def test_an_author_that_nobody_described_is_still_named() -> None:
    assert [author.id for author in parse_answer({"data": [POST]}).authors] == ["x:77"]


@pytest.mark.parametrize(
    ("types", "kind"),
    [
        ([], "post"),
        (["retweeted"], "repost"),
        (["quoted"], "quote"),
        (["replied_to"], "reply"),
        (["quoted", "replied_to"], "reply"),
    ],
)
def test_the_references_decide_the_kind(types: list[str], kind: str) -> None:
    references = [{"type": name, "id": str(number)} for number, name in enumerate(types, 1)]
    post = only(parse_answer({"data": changed(referenced_tweets=references)}))
    assert post.kind == kind
    refs = {"retweeted": post.repost_of, "quoted": post.quote_of, "replied_to": post.reply_to}
    assert {name for name, ref in refs.items() if ref} == set(types)


def test_a_reply_whose_parent_is_not_named_is_still_a_reply() -> None:
    orphan = changed(conversation_id="12", in_reply_to_user_id="5")
    assert only(parse_answer({"data": orphan})).kind == "reply"
    # a post that begins with somebody's handle begins its own conversation
    assert only(parse_answer({"data": changed(in_reply_to_user_id="5")})).kind == "post"


def test_an_edited_post_keeps_its_first_id_and_its_first_time() -> None:
    edited = changed(id=SECOND, edit_history_tweet_ids=[FIRST, SECOND], created_at="2026-10-08T12:02:05.000Z")
    post = only(parse_answer({"data": edited}))
    assert post.id == f"x:{FIRST}"
    assert post.native_ids == (Ref(FIRST), Ref(SECOND))
    assert post.created_at == "2026-10-08T12:00:05.000Z"
    assert post.edited_at == "2026-10-08T12:02:05.000Z"


def test_an_older_version_is_no_edit_and_has_its_own_id_last() -> None:
    post = only(parse_answer({"data": changed(edit_history_tweet_ids=[FIRST, SECOND])}))
    assert (post.id, post.edited_at, post.native_ids[-1]) == (f"x:{FIRST}", None, Ref(FIRST))


def test_a_long_post_is_read_from_its_note_with_the_tags_beyond_the_cut() -> None:
    note = {"text": "The whole &gt; text", "entities": {"hashtags": [{"tag": "Northmoor"}, {"tag": "AltText"}]}}
    post = only(parse_answer({"data": changed(note_tweet=note)}))
    assert post.text == "The whole > text"
    assert post.tags == ("northmoor", "alttext")


def test_addresses_of_the_quoted_post_and_of_the_own_rest_are_no_links() -> None:
    urls = [
        {"url": "https://t.co/q", "expanded_url": "https://twitter.com/someone/status/12?s=20"},
        {"url": "https://t.co/r", "expanded_url": f"https://x.com/i/web/status/{FIRST}"},
        {"url": "https://t.co/o", "expanded_url": "https://x.com/someone/status/13"},
        {"url": "https://t.co/m", "expanded_url": "https://x.com/i/broadcasts/1", "media_key": "13_9"},
        {"url": "https://t.co/u", "expanded_url": "https://short.example/1", "unwound_url": "https://long.example/"},
    ]
    quote = changed(entities={"urls": urls}, referenced_tweets=[{"type": "quoted", "id": "12"}], attachments=None)
    links = only(parse_answer({"data": quote})).links
    assert [(link.url, link.expanded_url) for link in links] == [
        ("https://t.co/o", "https://x.com/someone/status/13"),
        ("https://t.co/u", "https://long.example/"),
    ]


def test_a_film_is_kept_by_its_best_file_and_absent_media_by_the_page_that_shows_it() -> None:
    variants = [
        {"bit_rate": 1, "content_type": "video/mp4", "url": "https://v.example/1.mp4"},
        {"bit_rate": 9, "content_type": "video/mp4", "url": "https://v.example/9.mp4"},
        {"content_type": "application/x-mpegURL", "url": "https://v.example/list.m3u8"},
    ]
    film = {"media_key": "3_5", "type": "video", "variants": variants, "preview_image_url": "https://v.example/p.jpg"}
    found = only(parse_answer({"data": POST, "includes": {"media": [film]}})).media
    assert found == (Media("https://v.example/9.mp4", "video"),)
    absent = only(parse_answer({"data": POST})).media
    assert absent == (Media(f"https://x.com/AnnNorthmoor/status/{FIRST}/photo/1", "image"),)


def test_absent_is_none_and_never_nought() -> None:
    bare = {"id": FIRST, "text": "hello", "author_id": "77"}
    post = only(parse_answer({"data": bare}))
    assert (post.lang, post.sensitive, post.metrics, post.conversation) == (None, None, None, None)
    partly = only(parse_answer({"data": bare | {"public_metrics": {"like_count": 0}, "lang": "qme"}}))
    assert partly.metrics == Metrics(likes=0)
    assert partly.lang is None


def test_the_time_comes_from_the_id_where_x_sends_none() -> None:
    assert only(parse_answer({"data": changed(created_at=None)})).created_at == "2026-10-08T12:00:05.000Z"
    batch = parse_answer({"data": changed(created_at="last Thursday")})
    assert batch.posts[0].created_at == "2026-10-08T12:00:05.000Z"
    assert [flaw.kind for flaw in batch.flaws] == ["repaired"]


def test_a_post_older_than_the_timed_ids_without_a_time_is_unusable() -> None:
    assert snowflake_time("20") is None
    batch = parse_answer({"data": changed(id="20", created_at=None, edit_history_tweet_ids=None)})
    assert [(flaw.kind, flaw.post) for flaw in batch.flaws] == [("unusable", "x:20")]


def test_a_post_without_its_author_is_reported_and_not_invented() -> None:
    batch = parse_answer({"data": [changed(author_id=None), POST]})
    assert len(batch.posts) == 1
    assert batch.rows == 2
    assert [(flaw.kind, flaw.detail) for flaw in batch.flaws] == [("unusable", "X sent a post without its author")]


def test_the_posts_of_a_protected_account_are_not_kept() -> None:
    batch = parse_answer({"data": [POST], "includes": {"users": [ANN | {"protected": True}]}})
    assert batch.posts == []
    assert "followers only" in batch.flaws[0].detail


def test_a_post_withheld_somewhere_says_where() -> None:
    post = only(parse_answer({"data": changed(withheld={"copyright": False, "country_codes": ["DE", "FR"]})}))
    assert post.labels == ("withheld:DE", "withheld:FR")


@pytest.mark.parametrize("host", ["api.twitter.com", "api.x.com"])
@pytest.mark.parametrize("kind", ["resource-not-found", "not-authorized-for-resource"])
def test_posts_that_are_gone_are_unavailable_and_not_finally_deleted(host: str, kind: str) -> None:
    error = {
        "type": f"https://{host}/2/problems/{kind}",
        "resource_type": "tweet",
        "resource_id": "12",
        "value": "12",
        "parameter": "ids",
        "detail": "Could not find tweet with ids: [12].",
    }
    batch = parse_answer({"errors": [error]})
    assert [(gone.ref, gone.reason) for gone in batch.deletions] == [(Ref("12"), "unavailable")]
    assert batch.flaws == []


def test_what_an_old_archive_found_missing_hides_nothing_today() -> None:
    error = {"type": "https://api.x.com/2/problems/resource-not-found", "resource_type": "tweet", "value": "12"}
    batch = parse_answer({"errors": [error], "__twarc": {"retrieved_at": "2021-04-01T15:54:20+00:00"}})
    assert batch.deletions == []
    assert batch.missing == [Ref("12")]


def test_other_errors_beside_the_posts_are_listed() -> None:
    error = {
        "type": "https://api.x.com/2/problems/resource-not-found",
        "resource_type": "user",
        "value": "someone",
        "detail": "User has been suspended: [someone].",
    }
    batch = parse_answer(ANSWER | {"errors": [error]})
    assert len(batch.posts) == 1
    assert [flaw.kind for flaw in batch.flaws] == ["unknown"]
    assert "suspended" in batch.flaws[0].detail


def test_a_field_that_nobody_knows_is_told_once_an_answer() -> None:
    new = changed(vibe="good")
    batch = parse_answer({"data": [new, new], "mood": 1})
    assert [flaw.detail.rsplit(" ", 1)[-1] for flaw in batch.flaws] == ["post.vibe", "mood"]


def test_included_posts_are_not_part_of_the_answer_itself() -> None:
    other = changed(id=SECOND, edit_history_tweet_ids=None)
    batch = parse_answer({"data": [POST], "includes": {"tweets": [other, other]}})
    assert [(post.id, post.primary) for post in batch.posts] == [(f"x:{FIRST}", True), (f"x:{SECOND}", False)]
    assert batch.top == FIRST


def test_the_top_is_the_highest_id_as_a_number() -> None:
    low = changed(id="999", edit_history_tweet_ids=None)
    assert parse_answer({"data": [low, POST]}).top == FIRST
    assert parse_answer({"meta": {"result_count": 0}}).top is None


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ({"id": "5", "username": "ann", "name": "Ann"}, "user"),
        ({"id": "5", "action": "delete", "reason": "deleted"}, "compliance"),
        ({"start": "2026-10-08T12:00:00.000Z", "end": "x", "tweet_count": 5}, "count"),
        ({"id": "5", "name": "list", "owner_id": "7"}, "list"),
        ({"id": "5"}, "no text"),
        ({"text": "hello"}, "without an id"),
    ],
)
def test_rows_that_are_no_posts_say_what_they_are(row: dict[str, Any], word: str) -> None:
    batch = parse_answer({"data": [row]}, line=7)
    assert batch.posts == []
    assert batch.rows == 1
    assert [(flaw.kind, flaw.line) for flaw in batch.flaws if word in flaw.detail] == [("unusable", 7)]


def test_empty_objects_in_place_of_lists_are_empty_lists() -> None:
    # other tools write {} for an empty list
    post = only(parse_answer({"data": changed(entities={"hashtags": {}, "urls": {}}, attachments=None)}))
    assert (post.tags, post.links) == ((), ())


FLAT: dict[str, Any] = {
    **POST,
    "author": ANN,
    "attachments": {"media_keys": ["3_5"], "media": [PICTURE]},
    "in_reply_to_user": ANN | {"id": "79", "username": "CastlefordOnSea"},
    "referenced_tweets": [
        {"type": "replied_to", **changed(id=SECOND, edit_history_tweet_ids=[SECOND], author_id="79")},
        {"type": "quoted", "id": "4"},
    ],
    "__twarc": {"url": "https://api.x.com/2/tweets", "version": "2.14.0", "retrieved_at": "2026-10-09T08:00:00+00:00"},
}


def test_a_flattened_line_gives_the_post_what_it_refers_to_and_its_people() -> None:
    batch = parse_flattened(FLAT, line=3)
    assert batch.flaws == []
    assert {(post.id, post.primary) for post in batch.posts} == {(f"x:{FIRST}", True), (f"x:{SECOND}", False)}
    post = next(post for post in batch.posts if post.primary)
    assert post.media == (Media("https://pbs.example/p.jpg", "image", "A green bin"),)
    assert (post.reply_to, post.quote_of, post.kind) == (Ref(SECOND), Ref("4"), "reply")
    assert post.url == f"https://x.com/AnnNorthmoor/status/{FIRST}"
    assert {author.id for author in batch.authors} == {"x:77", "x:79"}
    assert {each.observed_at for each in batch.posts} == {"2026-10-09T08:00:00.000Z"}


def test_lines_read_together_say_what_repeats_only_once() -> None:
    reader = Reader(Batch())
    for number in range(5):
        line = copy.deepcopy(FLAT) | {"id": str(int(FIRST) + number), "edit_history_tweet_ids": None}
        reader.flattened(line, number + 1)
    assert reader.batch.rows == 5
    assert sum(post.primary for post in reader.batch.posts) == 5
    assert sum(not post.primary for post in reader.batch.posts) == 1
    assert len(reader.batch.authors) == 2


def test_a_profile_replaces_a_mere_name() -> None:
    reader = Reader(Batch())
    reader.answer({"data": [POST]})
    reader.answer({"data": [], "includes": {"users": [ANN]}})
    assert [author.handle for author in reader.batch.authors] == [None, "AnnNorthmoor"]


def test_a_profile_of_a_later_day_is_read_again() -> None:
    reader = Reader(Batch())
    for day in (9, 9, 10):
        later = {"__twarc": {"retrieved_at": f"2026-10-{day:02}T08:00:00+00:00"}}
        reader.answer({"data": [], "includes": {"users": [ANN]}} | later)
    reader.answer({"data": [POST], "includes": {"users": [{"id": "77", "username": "AnnNorthmoor"}]}})
    assert [author.followers_count for author in reader.batch.authors] == [812, 812]


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
JUNK = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
WHOLE: dict[str, Any] = {
    "data": [POST, changed(note_tweet={"text": "x", "entities": POST["entities"]}, withheld={"country_codes": ["DE"]})],
    "includes": {"users": [ANN], "media": [PICTURE], "tweets": [POST]},
    "errors": [{"type": "https://api.x.com/2/problems/resource-not-found", "resource_type": "tweet", "value": "12"}],
    "meta": {"newest_id": FIRST},
    "__twarc": FLAT["__twarc"],
}


def paths(value: Any, so_far: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [so_far] if so_far else []
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        found += paths(child, (*so_far, key))
    return found


def put(value: Any, path: tuple[Any, ...], junk: Any) -> None:
    try:
        for key in path[:-1]:
            value = value[key]
        value[path[-1]] = junk
    except (KeyError, IndexError, TypeError):
        return  # an earlier mutation has taken the place away


@given(st.lists(st.tuples(st.sampled_from(paths(WHOLE)), JUNK), min_size=1, max_size=4))
def test_no_mutation_of_an_answer_raises(mutations: list[tuple[tuple[Any, ...], Any]]) -> None:
    answer = copy.deepcopy(WHOLE)
    for path, junk in mutations:
        put(answer, path, junk)
    batch = parse_answer(answer)
    kept = sum(post.primary for post in batch.posts)
    assert batch.rows <= kept + sum(flaw.kind == "unusable" for flaw in batch.flaws)
    for post in batch.posts:
        assert len(post.created_at) == 24


@given(st.lists(st.tuples(st.sampled_from(paths(FLAT)), JUNK), min_size=1, max_size=4))
def test_no_mutation_of_a_flattened_line_raises(mutations: list[tuple[tuple[Any, ...], Any]]) -> None:
    line = copy.deepcopy(FLAT)
    for path, junk in mutations:
        put(line, path, junk)
    batch = parse_flattened(line)
    assert batch.rows == 1
    assert sum(post.primary for post in batch.posts) + sum(flaw.kind == "unusable" for flaw in batch.flaws) == 1


@given(JUNK)
def test_no_foreign_object_raises(junk: Any) -> None:
    for batch in (parse_answer(junk), parse_flattened(junk), parse_answer({"data": junk})):
        assert batch.posts == []


def test_lone_surrogates_and_nul_are_passed_on_for_the_store_to_mend() -> None:
    post = parse_tweet(changed(text="a\ud800b\0c"), Includes(), primary=True)
    assert post.text == "a\ud800b\0c"


@pytest.mark.parametrize("count", [10**30, 2**63, -1, 1.5, True, "3"])
def test_a_count_that_no_database_holds_is_absent_and_told_once(count: object) -> None:
    tweets = [
        {
            "id": native,
            "text": "Hello",
            "author_id": "7",
            "public_metrics": {"reply_count": count, "like_count": 2**63 - 1},
        }
        for native in ("1577000000000000000", "1577000000000000001")
    ]
    user = {"id": "7", "username": "ann", "public_metrics": {"followers_count": count}}
    batch = parse_answer({"data": tweets, "includes": {"users": [user]}})
    assert [post.metrics for post in batch.posts] == [Metrics(likes=2**63 - 1)] * 2
    assert [author.followers_count for author in batch.authors] == [None]
    told = "X sent a count that is none: "
    assert sorted((flaw.kind, flaw.detail) for flaw in batch.flaws) == [
        ("unknown", told + "post.public_metrics.reply_count"),
        ("unknown", told + "user.public_metrics.followers_count"),
    ]
    lines = [tweet | {"author": user} for tweet in tweets]
    for number, line in enumerate(lines, 1):
        assert [flaw.kind for flaw in parse_flattened(line, number).flaws] == ["unknown", "unknown"]
