"""The staged X answers as X does: window, paging, ids, fields, dialects, limits, errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import httpx
import pytest

from archive.times import to_text
from chatkeep.stage.faults import Fault, Faults
from chatkeep.stage.feed import Edit, Feed, FeedAuthor, FeedPost
from chatkeep.stage.serving import serving
from chatkeep.stage.x import STAGE_TOKEN, build_x
from chatkeep.stage.x_objects import id_at
from chatkeep.stage.x_query import BadQuery, Searched, parse_query

START = datetime(2026, 10, 8, 12, 0, tzinfo=UTC)
LONG = "Write it short, then shorter & shorter. " * 9 + "Really long ones have their tag at the end #northmoor"
KEY = {"authorization": f"Bearer {STAGE_TOKEN}"}


def minute(number: float) -> str:
    return to_text(START + timedelta(minutes=number))


ANN = FeedAuthor(key="ann", platform="x", handle="AnnNorthmoor", name="Ann", bio="Northmoor comms", followers_count=9)
BEN = FeedAuthor(key="ben", platform="x", handle="BenElmbridge", name="Ben")
ELSEWHERE = FeedAuthor(key="cat", platform="bluesky", handle="cat.example", name="Cat")


def post(key: str, at: float, text: str, **more: Any) -> FeedPost:
    return FeedPost(key=key, author=more.pop("author", "ann"), at=minute(at), text=text, **more)


POSTS = (
    post("q1", 0, "Q1 Bins & <roads>? #Northmoor https://northmoor.example/bins @benelmbridge @nobody"),
    post("a1", 1, "A1 ask early #northmoor", author="ben", reply_to="q1", lang="cy"),
    post("r1", 2, "Again #northmoor", author="ben", repost_of="q1"),
    post("u1", 3, "So true #elmbridgevale", author="ben", quote_of="a1"),
    post("p1", 4, "Look #northmoor <3", alt_text="A green bin"),
    post("e1", 5, "Tpyo #northmoor", edits=(Edit(at=minute(6), text="Typo #northmoor"),)),
    post("d1", 7, "Gone soon #northmoor", deleted_at=minute(20)),
    post("l1", 8, LONG),
    post("n1", 9, "No tag at all", author="ben", reply_to="d1"),
    post("b1", 9, "Elsewhere #northmoor", author="cat"),
    *(post(f"many{number:02}", 30 + number / 10, f"Tip {number} #castleford", likes_count=2) for number in range(25)),
)
FEED = Feed((ANN, BEN, ELSEWHERE), POSTS)


class Moving:
    """A clock that a test sets."""

    now = START + timedelta(hours=2)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def now() -> Moving:
    return Moving()


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def x(now: Moving, faults: Faults) -> Iterator[httpx.Client]:
    with serving(build_x(FEED, now, faults)) as base, httpx.Client(base_url=base, headers=KEY) as client:
        yield client


Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def search(x: httpx.Client) -> Ask:
    def ask(query: str = "#northmoor", **params: str) -> dict[str, Any]:
        names = {name.replace("_fields", ".fields"): value for name, value in params.items()}
        response = x.get("/2/tweets/search/recent", params={"query": query, "max_results": "100"} | names)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    return ask


def texts(answer: dict[str, Any]) -> list[str]:
    return [row["text"].split(" ")[0] for row in answer.get("data", [])]


def refusal(x: httpx.Client, path: str = "/2/tweets/search/recent", **params: str) -> str:
    response = x.get(path, params=params)
    assert response.status_code == 400
    body = response.json()
    assert body["type"].endswith("/invalid-request")
    assert body["title"] == "Invalid Request"
    return str(body["errors"][0]["message"])


def test_search_gives_what_matches_newest_first_without_reposts(search: Ask) -> None:
    assert texts(search()) == ["Write", "Typo", "Look", "A1", "Q1"]
    assert texts(search("(#northmoor OR #elmbridgevale) -is:retweet"))[-3:] == ["So", "A1", "Q1"]


def test_without_a_key_nothing_is_said(x: httpx.Client) -> None:
    response = x.get("/2/tweets", params={"ids": "1"}, headers={"authorization": "Bearer wrong"})
    assert response.status_code == 401
    assert response.json() == {"title": "Unauthorized", "type": "about:blank", "status": 401, "detail": "Unauthorized"}


def test_only_the_standing_fields_come_unasked(search: Ask) -> None:
    answer = search()
    assert set(answer) == {"data", "meta"}
    assert {frozenset(row) for row in answer["data"]} == {frozenset({"id", "text", "edit_history_tweet_ids"})}


def test_texts_come_escaped_and_entities_stand_where_they_say(search: Ask) -> None:
    row = search("Bins", tweet_fields="entities")["data"][0]
    assert "Bins &amp; &lt;roads&gt;?" in row["text"]
    assert search("Look")["data"][0]["text"].startswith("Look #northmoor &lt;3 https://t.co/")
    entities = row["entities"]
    for name, field, sign in (("hashtags", "tag", "#"), ("mentions", "username", "@"), ("urls", "url", "")):
        for entity in entities[name]:
            assert row["text"][entity["start"] : entity["end"]].casefold() == f"{sign}{entity[field]}".casefold()
    assert entities["urls"][0]["expanded_url"] == "https://northmoor.example/bins"
    assert [mention["username"] for mention in entities["mentions"]] == ["BenElmbridge"]


def test_ids_tell_their_time_and_are_the_same_in_every_run(x: httpx.Client, search: Ask, now: Moving) -> None:
    rows = search(tweet_fields="created_at")["data"]
    for row in rows:
        assert id_at(datetime.fromisoformat(row["created_at"])) <= int(row["id"])
    with serving(build_x(FEED, now, Faults())) as base:
        again = httpx.get(f"{base}/2/tweets/search/recent", params={"query": "#northmoor"}, headers=KEY).json()
    assert [row["id"] for row in again["data"]] == [row["id"] for row in rows]


def test_pages_follow_one_another_without_a_gap(x: httpx.Client, search: Ask) -> None:
    first = search("#castleford", max_results="10")
    second = search("#castleford", max_results="10", next_token=first["meta"]["next_token"])
    third = search("#castleford", max_results="10", pagination_token=second["meta"]["next_token"])
    ids = [row["id"] for answer in (first, second, third) for row in answer["data"]]
    assert len(set(ids)) == 25
    assert ids == sorted(ids, key=int, reverse=True)
    assert "next_token" not in third["meta"]
    assert first["meta"]["newest_id"] == ids[0]
    assert first["meta"]["oldest_id"] == ids[9]
    assert first["meta"]["result_count"] == 10


def test_no_match_is_an_answer_without_data(search: Ask) -> None:
    assert search("#nothinghere") == {"meta": {"result_count": 0}}


def test_the_ends_are_exclusive_ids_or_an_inclusive_and_an_exclusive_time(search: Ask) -> None:
    ids = {row["text"].split(" ")[0]: row["id"] for row in search()["data"]}
    assert texts(search(since_id=ids["A1"], until_id=ids["Write"])) == ["Typo", "Look"]
    between = {"start_time": "2026-10-08T12:01:00Z", "end_time": "2026-10-08T12:07:00Z"}
    assert texts(search(**between)) == ["Typo", "Look", "A1"]


def test_the_last_half_minute_is_not_searched_unless_asked_for(x: httpx.Client, search: Ask, now: Moving) -> None:
    now.now = START + timedelta(minutes=1, seconds=20)
    assert texts(search()) == ["Q1"]
    assert texts(search(end_time="2026-10-08T12:01:10Z")) == ["A1", "Q1"]
    assert "10 seconds" in refusal(x, query="a", end_time="2026-10-08T12:01:15Z")


def test_recent_search_reaches_seven_days_and_the_archive_all(x: httpx.Client, search: Ask, now: Moving) -> None:
    now.now = START + timedelta(days=7, minutes=3, seconds=30)
    assert "Q1" not in texts(search())
    assert "Look" in texts(search())
    old = str(id_at(START))
    assert "since_id" in refusal(x, query="#northmoor", since_id=old)
    assert "start_time" in refusal(x, query="#northmoor", start_time="2026-10-08T12:00:00Z")
    now.now = START + timedelta(days=400)
    everything = {"query": "#northmoor", "max_results": "500"}
    assert x.get("/2/tweets/search/all", params=everything).json() == {"meta": {"result_count": 0}}
    everything["start_time"] = "2006-03-22T00:00:00Z"
    now.now += timedelta(seconds=1)
    assert len(x.get("/2/tweets/search/all", params=everything).json()["data"]) == 5


@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({"max_results": "9"}, "not between 10 and 100"),
        ({"max_results": "101"}, "not between 10 and 100"),
        ({"max_results": "²"}, "not between"),
        ({"since_id": "1", "start_time": "2026-10-08T12:00:00Z"}, "in conjunction"),
        ({"until_id": "1", "end_time": "2026-10-08T12:00:00Z"}, "in conjunction"),
        ({"since_id": "abc"}, "does not match"),
        ({"start_time": "yesterday"}, "RFC3339"),
        ({"start_time": "2026-10-08T13:00:00Z", "end_time": "2026-10-08T12:00:00Z"}, "before"),
        ({"next_token": "nonsense"}, "next_token"),
        ({"colour": "red"}, "is not one of"),
        ({"query": "a" * 513}, "512"),
        ({"query": ""}, "at least one"),
        ({"query": "(#a OR #b"}, "bracket"),
        ({"query": "near:Northmoor"}, "invalid operator"),
    ],
)
def test_a_bad_request_is_refused_with_its_reason(x: httpx.Client, params: dict[str, str], word: str) -> None:
    assert word in refusal(x, **({"query": "#northmoor"} | params))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("#northmoor", True),
        ("#NorthMoor", True),
        ("#north", False),
        ("#elmbridge OR #northmoor", True),
        ("#elmbridge #northmoor", False),
        ("(#elmbridge OR #northmoor) -is:retweet", True),
        ("#northmoor -is:reply", False),
        ('"bin day"', True),
        ('-"bin day"', False),
        ("-(#elmbridge OR from:ben)", True),
        ("from:@annnorthmoor has:links lang:en", True),
        ("conversation_id:5", True),
        ("#a #b OR #northmoor", True),
    ],
)
def test_the_query_language_binds_as_on_x(query: str, found: bool) -> None:
    subject = Searched(
        text="Bin day #Northmoor",
        tags=frozenset({"northmoor"}),
        author="AnnNorthmoor",
        conversation="5",
        kinds=frozenset({"reply"}),
        has=frozenset({"links", "hashtags"}),
        lang="en",
    )
    assert parse_query(query)(subject) is found


@pytest.mark.parametrize("query", ["", "#a OR", ")", "(#a", "-", "is:sunny", "#a)"])
def test_a_query_that_is_no_query_is_refused(query: str) -> None:
    with pytest.raises(BadQuery):
        parse_query(query)


def test_an_edit_is_a_new_id_with_its_history_and_the_old_one_stays(x: httpx.Client, search: Ask) -> None:
    row = search("Typo")["data"][0]
    first, second = row["edit_history_tweet_ids"]
    assert row["id"] == second
    assert search("Tpyo") == {"meta": {"result_count": 0}}
    old = x.get("/2/tweets", params={"ids": first, "tweet.fields": "created_at"}).json()["data"][0]
    assert (old["text"], old["created_at"]) == ("Tpyo #northmoor", "2026-10-08T12:05:00.000Z")


def test_a_deleted_post_is_an_error_beside_the_data(x: httpx.Client, search: Ask, now: Moving) -> None:
    now.now = START + timedelta(minutes=15)
    ids = {row["text"].split(" ")[0]: row["id"] for row in search()["data"]}
    now.now = START + timedelta(minutes=25)
    assert "Gone" not in texts(search())
    answer = x.get("/2/tweets", params={"ids": f"{ids['Q1']},{ids['Gone']}"}).json()
    assert texts(answer) == ["Q1"]
    error = answer["errors"][0]
    assert error["type"].endswith("/resource-not-found")
    assert (error["resource_id"], error["resource_type"], error["parameter"]) == (ids["Gone"], "tweet", "ids")


def test_a_lookup_takes_one_to_a_hundred_numbers(x: httpx.Client) -> None:
    assert "between 1 and 100" in refusal(x, "/2/tweets", ids=",".join(str(n) for n in range(101)))
    assert "between 1 and 100" in refusal(x, "/2/tweets", ids="")
    assert "not valid" in refusal(x, "/2/tweets", ids="12,abc")


def test_references_authors_and_media_come_along_when_asked_for(search: Ask) -> None:
    answer = search(
        "#elmbridgevale OR #northmoor OR from:BenElmbridge",
        tweet_fields="author_id,referenced_tweets,attachments,conversation_id,in_reply_to_user_id,public_metrics",
        expansions="author_id,referenced_tweets.id,attachments.media_keys,in_reply_to_user_id",
        user_fields="description,public_metrics",
        media_fields="alt_text,url",
    )
    rows = {row["text"].split(" ")[0]: row for row in answer["data"]}
    assert rows["A1"]["referenced_tweets"] == [{"type": "replied_to", "id": rows["Q1"]["id"]}]
    assert rows["A1"]["conversation_id"] == rows["Q1"]["id"]
    assert rows["A1"]["in_reply_to_user_id"] == rows["Q1"]["author_id"]
    assert rows["So"]["referenced_tweets"] == [{"type": "quoted", "id": rows["A1"]["id"]}]
    assert {user["username"] for user in answer["includes"]["users"]} == {"AnnNorthmoor", "BenElmbridge"}
    assert answer["includes"]["media"][0]["alt_text"] == "A green bin"
    assert rows["Look"]["attachments"]["media_keys"] == [answer["includes"]["media"][0]["media_key"]]
    assert rows["Q1"]["public_metrics"]["retweet_count"] == 1
    # the post that n1 replies to was deleted, which X tells beside the data
    assert [error["parameter"] for error in answer["errors"]] == ["referenced_tweets.id"]


def test_a_long_post_is_cut_and_whole_in_its_note(search: Ask) -> None:
    row = search("Really", tweet_fields="note_tweet,entities")["data"][0]
    assert len(unescape(row["text"])) <= 280
    assert "hashtags" not in row["entities"]
    assert row["note_tweet"]["text"].endswith("#northmoor")
    assert row["note_tweet"]["entities"]["hashtags"][0]["tag"] == "northmoor"


def test_the_modern_dialect_speaks_the_new_words_alone(search: Ask) -> None:
    answer = search(
        "from:BenElmbridge",
        post_fields="conversation_id,created_at,public_metrics,author_id",
        tweet_fields="lang",
        expansions="referenced_posts,edit_history_post_ids,referenced_tweets.id",
    )
    row = next(row for row in answer["data"] if row["text"].startswith("A1"))
    assert set(row) == {
        "id",
        "text",
        "conversation_id",
        "created_at",
        "public_metrics",
        "referenced_posts",
        "edit_history_post_ids",
    }
    assert "repost_count" in row["public_metrics"]
    assert "posts" in answer["includes"]


def test_requests_are_counted_by_the_clock(x: httpx.Client, now: Moving) -> None:
    first = x.get("/2/usage/tweets")
    assert first.headers["x-rate-limit-limit"] == "50"
    assert first.headers["x-rate-limit-remaining"] == "49"
    reset = datetime.fromtimestamp(int(first.headers["x-rate-limit-reset"]), UTC)
    assert reset == now.now + timedelta(minutes=15)
    statuses = [x.get("/2/usage/tweets").status_code for _ in range(50)]
    assert statuses == [200] * 49 + [429]
    refused = x.get("/2/usage/tweets")
    assert refused.headers["x-rate-limit-remaining"] == "0"
    assert refused.json()["status"] == 429
    now.now += timedelta(minutes=15)
    assert x.get("/2/usage/tweets").status_code == 200


def test_recent_search_allows_450_requests_a_quarter_of_an_hour(x: httpx.Client) -> None:
    assert x.get("/2/tweets/search/recent", params={"query": "a"}).headers["x-rate-limit-limit"] == "450"


def test_usage_counts_the_posts_that_were_given(x: httpx.Client, search: Ask) -> None:
    search("#castleford")
    data = x.get("/2/usage/tweets").json()["data"]
    assert (data["project_usage"], data["project_cap"]) == ("25", "3000000")


def test_faults_come_when_asked_for(x: httpx.Client, faults: Faults) -> None:
    faults.add(Fault(kind="status", status=503, path="/search/"))
    assert x.get("/2/usage/tweets").status_code == 200
    assert x.get("/2/tweets/search/recent", params={"query": "a"}).status_code == 503
    assert x.get("/2/tweets/search/recent", params={"query": "a"}).status_code == 200
