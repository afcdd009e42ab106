"""The staged PDS behaves as Bluesky's own was measured to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from chatkeep.stage.bluesky import STAGE_HANDLE, STAGE_PASSWORD, build_bluesky
from chatkeep.stage.faults import Fault, Faults
from chatkeep.stage.feed import Edit, Feed, FeedAuthor, FeedPost
from chatkeep.stage.serving import serving

NOW = datetime(2026, 10, 8, 14, 0, tzinfo=UTC)
ANN = FeedAuthor(
    key="ann", platform="bluesky", handle="ann.northmoor.test", name="Ann", labels=("!no-unauthenticated",)
)
BEN = FeedAuthor(key="ben", platform="bluesky", handle="ben.elmbridge.test", name="Ben")


def post(key: str, minute: int, text: str, author: str = "ann", **more: Any) -> FeedPost:
    return FeedPost(key=key, author=author, at=f"2026-10-08T12:{minute:02d}:00.000Z", text=text, **more)


FEED = Feed(
    (ANN, BEN),
    (
        post("q1", 0, "Q1 What works? #Northmoor", likes_count=4, lang="en"),
        post("a1", 5, "🎉 Short words, @ben.elmbridge.test! https://northmoor.example/a #northmoor", reply_to="q1"),
        post("trap", 6, "New offices #northmoorhousing"),
        post("bare", 7, "northmoor without a sign", author="ben"),
        post("wide", 8, "Croft ＃northmoor", author="ben", alt_text="a red square"),
        post("future", 9, "A clock gone wrong #northmoor", claims_at="2035-01-01T00:00:00.000Z"),
        post("past", 10, "An old diary #northmoor", claims_at="1999-12-31T23:59:59.000Z"),
        post("quote", 11, "Just so #northmoor", author="ben", quote_of="q1"),
        post("repost", 12, "RT #northmoor", author="ben", repost_of="q1"),
        post("edited", 13, "Frist #northmoor", edits=(Edit(at="2026-10-08T12:30:00.000Z", text="First #northmoor"),)),
        post("deleted", 14, "Oops #northmoor", deleted_at="2026-10-08T12:20:00.000Z"),
        post("late", 15, "Tomorrow #northmoor", arrives_at="2026-10-08T15:00:00.000Z"),
    ),
)


class StageClient:
    """A signed-in client of a stage whose clock a test can move."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.http = httpx.Client()
        self.session = self.post("com.atproto.server.createSession", STAGE_HANDLE, STAGE_PASSWORD).json()
        self.headers = {"authorization": f"Bearer {self.session['accessJwt']}"}

    def post(self, method: str, identifier: str = "", password: str = "", token: str = "") -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        credentials = {"identifier": identifier, "password": password} if identifier else None
        return self.http.post(f"{self.base}/xrpc/{method}", json=credentials, headers=headers)

    def query(self, method: str, **params: Any) -> httpx.Response:
        return self.http.get(f"{self.base}/xrpc/{method}", params=params, headers=self.headers)

    def search(self, query: str = "#northmoor", **params: Any) -> httpx.Response:
        return self.query("app.bsky.feed.searchPosts", q=query, sort="latest", **params)

    def texts(self, **params: Any) -> list[str]:
        return [view["record"]["text"] for view in self.search(**params).json()["posts"]]


class Hour:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@pytest.fixture
def hour() -> Hour:
    return Hour()


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def client(hour: Hour, faults: Faults) -> Iterator[StageClient]:
    with serving(build_bluesky(FEED, hour, faults, hidden_every=0)) as base:
        opened = StageClient(base)
        yield opened
        opened.http.close()


def test_a_search_finds_by_facet_alone_newest_first_by_the_earlier_of_claim_and_index(client: StageClient) -> None:
    assert client.texts() == [
        "First #northmoor",
        "Just so #northmoor",
        "A clock gone wrong #northmoor",
        "Croft ＃northmoor",
        "🎉 Short words, @ben.elmbridge.test! https://northmoor.example/a #northmoor",
        "Q1 What works? #Northmoor",
        "An old diary #northmoor",
    ]


def test_what_arrives_or_goes_shows_as_the_clock_says(client: StageClient, hour: Hour) -> None:
    hour.pass_by(hours=1, minutes=30)
    assert "Tomorrow #northmoor" in client.texts()
    hour.now = datetime(2026, 10, 8, 12, 16, tzinfo=UTC)
    assert "Oops #northmoor" in client.texts()


def test_an_edit_gives_a_new_cid_at_the_same_address(client: StageClient, hour: Hour) -> None:
    after = client.search().json()["posts"][0]
    hour.now = datetime(2026, 10, 8, 12, 25, tzinfo=UTC)
    before = client.search().json()["posts"][0]
    assert (before["record"]["text"], after["record"]["text"]) == ("Frist #northmoor", "First #northmoor")
    assert before["uri"] == after["uri"]
    assert before["cid"] != after["cid"]


def test_since_and_until_bound_the_sort_time(client: StageClient) -> None:
    window = {"since": "2026-10-08T12:05:00Z", "until": "2026-10-08T12:09:00.000Z"}
    assert len(client.texts(**window)) == 2
    assert client.texts(until="2000-01-01") == ["An old diary #northmoor"]


def test_facets_count_utf8_bytes(client: StageClient) -> None:
    record = next(view["record"] for view in client.search().json()["posts"] if "🎉" in view["record"]["text"])
    marked = [
        record["text"].encode()[facet["index"]["byteStart"] : facet["index"]["byteEnd"]].decode()
        for facet in record["facets"]
    ]
    assert marked == ["@ben.elmbridge.test", "https://northmoor.example/a", "#northmoor"]


def test_a_quoted_post_comes_along_and_counts(client: StageClient) -> None:
    views = client.search().json()["posts"]
    quote = next(view for view in views if view["record"]["text"].startswith("Just so"))
    assert quote["embed"]["record"]["value"]["text"] == "Q1 What works? #Northmoor"
    question = next(view for view in views if view["record"]["text"].startswith("Q1"))
    counts = {name: question[name] for name in ("likeCount", "repostCount", "replyCount", "quoteCount")}
    assert counts == {"likeCount": 4, "repostCount": 1, "replyCount": 1, "quoteCount": 1}


def test_look_ups_leave_out_what_is_gone(client: StageClient, hour: Hour) -> None:
    hour.now = datetime(2026, 10, 8, 12, 16, tzinfo=UTC)
    uris = [view["uri"] for view in client.search().json()["posts"]]
    hour.now = NOW
    found = client.query("app.bsky.feed.getPosts", uris=uris).json()["posts"]
    assert len(found) == len(uris) - 1


@pytest.mark.parametrize(
    ("params", "status", "error"),
    [
        ({"limit": 101}, 400, "InvalidRequest"),
        ({"limit": 0}, 400, "InvalidRequest"),
        ({"limit": "x"}, 400, "InvalidRequest"),
        ({"query": ""}, 400, "InvalidRequest"),
        ({"cursor": "abc"}, 400, "BadRequest"),
        ({"cursor": "10001"}, 400, "BadRequest"),
        ({"cursor": "9950", "limit": 100}, 502, "InternalServerError"),
        ({"since": "soon"}, 400, "BadRequest"),
    ],
)
def test_a_bad_search_is_refused_in_bluesky_s_words(
    client: StageClient, params: dict[str, Any], status: int, error: str
) -> None:
    response = client.search(**params)
    assert (response.status_code, response.json()["error"]) == (status, error)
    assert set(response.json()) == {"error", "message"}


def test_more_than_25_look_ups_are_refused(client: StageClient) -> None:
    assert client.query("app.bsky.feed.getPosts", uris=["at://did:plc:a/b/c"] * 26).status_code == 400


def test_hidden_hits_make_pages_short_and_the_cursor_goes_on(hour: Hour, faults: Faults) -> None:
    with serving(build_bluesky(FEED, hour, faults, hidden_every=3)) as base:
        client = StageClient(base)
        pages, cursor = [], ""
        while cursor is not None:
            answer = client.search(limit=3, cursor=cursor).json()
            pages.append(len(answer["posts"]))
            cursor = answer.get("cursor")
        client.http.close()
    assert pages == [2, 2, 2, 1]


def test_a_search_ends_without_a_word_at_its_10000th_hit(hour: Hour, faults: Faults) -> None:
    many = tuple(post(str(number), 0, "again #northmoor") for number in range(10_001))
    with serving(build_bluesky(Feed((ANN,), many), hour, faults, hidden_every=0)) as base:
        client = StageClient(base)
        assert client.search(limit=100, cursor="9800").json()["cursor"] == "9900"
        assert set(client.search(limit=100, cursor="9900").json()) == {"posts"}
        client.http.close()


def test_no_search_without_a_good_token(client: StageClient, hour: Hour) -> None:
    good = client.headers
    outcomes = []
    for headers in ({}, {"authorization": "Bearer worn"}, {"authorization": "Basic worn"}):
        client.headers = headers
        outcomes.append((client.search().status_code, client.search().json()["error"]))
    assert outcomes == [(401, "AuthMissing"), (400, "InvalidToken"), (400, "InvalidToken")]
    client.headers = good
    hour.pass_by(hours=3)
    assert client.search().json()["error"] == "ExpiredToken"


def test_a_refresh_token_works_once(client: StageClient) -> None:
    method = "com.atproto.server.refreshSession"
    first = client.post(method, token=client.session["refreshJwt"])
    assert first.status_code == 200
    assert client.post(method, token=client.session["refreshJwt"]).json()["error"] == "ExpiredToken"
    assert client.post(method, token=first.json()["refreshJwt"]).status_code == 200


def test_the_31st_sign_in_in_five_minutes_must_wait_until_they_are_over(client: StageClient, hour: Hour) -> None:
    method = "com.atproto.server.createSession"
    statuses = [client.post(method, STAGE_HANDLE, "wrong").status_code for _ in range(29)]
    assert set(statuses) == {401}
    hour.pass_by(seconds=12)
    refused = client.post(method, STAGE_HANDLE, STAGE_PASSWORD)
    assert refused.status_code == 429
    assert refused.json() == {"error": "RateLimitExceeded", "message": "Rate Limit Exceeded"}
    assert refused.headers["retry-after"] == "288"
    assert refused.headers["ratelimit-policy"] == "30;w=300"
    hour.pass_by(seconds=288)
    assert client.post(method, STAGE_HANDLE, STAGE_PASSWORD).status_code == 200


def test_each_answer_says_how_much_of_the_limit_is_left(client: StageClient) -> None:
    first, second = client.search(), client.search()
    assert first.headers["ratelimit-policy"] == "3000;w=300"
    assert int(first.headers["ratelimit-remaining"]) - int(second.headers["ratelimit-remaining"]) == 1
    assert int(first.headers["ratelimit-reset"]) == int(NOW.timestamp()) + 300


def test_faults_happen_when_asked_for(client: StageClient, faults: Faults) -> None:
    faults.add(Fault(kind="html", status=403, path="searchPosts"))
    assert client.search().status_code == 403
    assert client.search().status_code == 200


def test_two_stages_give_the_same_addresses(hour: Hour) -> None:
    def addresses() -> list[str]:
        with serving(build_bluesky(FEED, hour, Faults(), hidden_every=0)) as base:
            client = StageClient(base)
            uris = [view["uri"] for view in client.search().json()["posts"]]
            client.http.close()
            return uris

    assert addresses() == addresses()


def test_an_unknown_method_is_not_implemented(client: StageClient, hour: Callable[[], datetime]) -> None:
    assert client.query("app.bsky.feed.searchPostsV2", q="x").status_code == 501


def test_a_thread_goes_up_to_the_root_and_down_to_the_last_reply(client: StageClient) -> None:
    uris = {view["record"]["text"]: view["uri"] for view in client.search(limit=100).json()["posts"]}
    reply = next(uri for text, uri in uris.items() if "Short words" in text)
    thread = client.query("app.bsky.feed.getPostThread", uri=reply).json()["thread"]
    assert thread["post"]["uri"] == reply
    assert thread["parent"]["post"]["record"]["text"].startswith("Q1")
    root = client.query("app.bsky.feed.getPostThread", uri=uris["Q1 What works? #Northmoor"], depth=1).json()["thread"]
    assert [below["post"]["uri"] for below in root["replies"]] == [reply]
    assert "replies" not in root["replies"][0]
    flat = client.query("app.bsky.feed.getPostThread", uri=reply, depth=0, parentHeight=0).json()["thread"]
    assert "parent" not in flat
    assert "replies" not in flat


def test_a_thread_of_what_is_gone_is_not_found(client: StageClient, hour: Hour) -> None:
    hour.now = datetime(2026, 10, 8, 12, 16, tzinfo=UTC)
    uri = next(view["uri"] for view in client.search().json()["posts"] if view["record"]["text"].startswith("Oops"))
    hour.now = NOW
    answer = client.query("app.bsky.feed.getPostThread", uri=uri)
    assert (answer.status_code, answer.json()["error"]) == (400, "NotFound")
    assert client.query("app.bsky.feed.getPostThread").status_code == 400
    assert client.query("app.bsky.feed.getPostThread", uri=uri, depth=1001).status_code == 400


def test_quotes_of_a_post_are_listed(client: StageClient) -> None:
    uri = next(view["uri"] for view in client.search().json()["posts"] if view["record"]["text"].startswith("Q1"))
    answer = client.query("app.bsky.feed.getQuotes", uri=uri).json()
    assert [view["record"]["text"] for view in answer["posts"]] == ["Just so #northmoor"]
    assert "cursor" not in answer
