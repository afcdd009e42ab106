"""The staged X: what it charges, its counts, its one request a second, and the relations that a query can ask for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from archive.times import to_text
from chatkeep.stage.faults import Faults
from chatkeep.stage.feed import Feed, FeedAuthor, FeedPost
from chatkeep.stage.serving import serving
from chatkeep.stage.x import STAGE_TOKEN, build_x
from chatkeep.stage.x_till import Till

START = datetime(2026, 10, 8, 12, 0, tzinfo=UTC)
KEY = {"authorization": f"Bearer {STAGE_TOKEN}"}


def post(key: str, at: float, text: str, **more: Any) -> FeedPost:
    return FeedPost(
        key=key, author=more.pop("author", "ann"), at=to_text(START + timedelta(minutes=at)), text=text, **more
    )


FEED = Feed(
    tuple(FeedAuthor(key=key, platform="x", handle=key, name=key) for key in ("ann", "ben")),
    (
        post("q", 0, "Q1 #northmoor"),
        post("a", 1, "A1 #northmoor", author="ben", reply_to="q"),
        post("n", 1.5, "No tag", author="ben", reply_to="a"),
        post("u", 3, "Quoting", quote_of="a"),
        post("r", 4, "Again #northmoor", author="ben", repost_of="q"),
    ),
)


class Moving:
    """A clock that a test sets."""

    now = START + timedelta(hours=2)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def now() -> Moving:
    return Moving()


@pytest.fixture
def till() -> Till:
    return Till()


@pytest.fixture
def x(now: Moving, till: Till) -> Iterator[httpx.Client]:
    with serving(build_x(FEED, now, Faults(), till=till)) as base, httpx.Client(base_url=base, headers=KEY) as client:
        yield client


def search(x: httpx.Client, query: str, where: str = "recent", **params: str) -> dict[str, Any]:
    answer: dict[str, Any] = x.get(f"/2/tweets/search/{where}", params={"query": query} | params).json()
    return answer


def test_posts_and_users_are_billed_once_a_utc_day_with_what_comes_along(
    x: httpx.Client, till: Till, now: Moving
) -> None:
    search(x, "A1")
    assert till.billed_tenth_cents == 5
    search(x, "A1", expansions="author_id,referenced_tweets.id,referenced_tweets.id.author_id")
    assert till.billed_tenth_cents == 10 + 20
    search(x, "#northmoor", expansions="author_id")
    assert till.billed_tenth_cents == 30
    now.now += timedelta(days=1)
    search(x, "A1", expansions="author_id")
    assert dict(till.by_day) == {"2026-10-08": 30, "2026-10-09": 15}


def test_empty_answers_and_refusals_are_free(x: httpx.Client, till: Till) -> None:
    search(x, "#nothing")
    search(x, "")
    x.get("/2/tweets", params={"ids": "1843"})
    x.get("/2/usage/tweets")
    assert till.billed_tenth_cents == 0


def test_counts_are_billed_by_the_request_the_archives_twice_as_dear(x: httpx.Client, till: Till) -> None:
    for where in ("recent", "recent", "all"):
        assert x.get(f"/2/tweets/counts/{where}", params={"query": "#nothing"}).status_code == 200
    assert till.billed_tenth_cents == 20


def test_counts_fill_every_bucket_and_leave_reposts_out(x: httpx.Client) -> None:
    ends = {"start_time": "2026-10-08T11:59:30Z", "end_time": "2026-10-08T12:03:00Z"}
    params = {"query": "#northmoor OR tag", "granularity": "minute"} | ends
    answer = x.get("/2/tweets/counts/recent", params=params).json()
    assert [(row["start"][14:19], row["end"][14:19], row["tweet_count"]) for row in answer["data"]] == [
        ("59:30", "00:00", 0), ("00:00", "01:00", 1), ("01:00", "02:00", 2), ("02:00", "03:00", 0),
    ]  # fmt: skip
    assert answer["meta"] == {"total_tweet_count": 3}


def test_counts_of_the_archive_come_in_pages_of_a_month(x: httpx.Client) -> None:
    params = {"query": "#northmoor", "start_time": "2026-08-01T00:00:00Z", "granularity": "day"}
    pages = []
    while True:
        pages.append(x.get("/2/tweets/counts/all", params=params).json())
        if "next_token" not in pages[-1]["meta"]:
            break
        params["next_token"] = pages[-1]["meta"]["next_token"]
    assert [page["meta"]["total_tweet_count"] for page in pages] == [2, 0, 0]
    starts = [row["start"] for page in reversed(pages) for row in page["data"]]
    assert starts == sorted(set(starts))
    assert starts[0] == "2026-08-01T00:00:00.000Z"


@pytest.mark.parametrize("params", [{"granularity": "week"}, {"max_results": "10"}, {"expansions": "author_id"}])
def test_counts_take_no_other_parameters(x: httpx.Client, params: dict[str, str]) -> None:
    assert x.get("/2/tweets/counts/recent", params={"query": "a"} | params).status_code == 400


def test_the_full_archive_answers_once_a_second(x: httpx.Client, now: Moving) -> None:
    assert "meta" in search(x, "#northmoor", "all")
    response = x.get("/2/tweets/search/all", params={"query": "#northmoor"})
    assert response.status_code == 429
    assert int(response.headers["x-rate-limit-remaining"]) > 0
    now.now += timedelta(seconds=1)
    assert "meta" in search(x, "#northmoor", "all")


def test_a_conversation_is_its_answers_without_the_post_that_began_it(x: httpx.Client) -> None:
    root = search(x, "Q1")["data"][0]["id"]
    answer = search(x, "A1")["data"][0]["id"]

    def words(query: str) -> list[str]:
        return [row["text"].split(" ")[0] for row in search(x, query).get("data", ())]

    assert words(f"conversation_id:{root}") == ["No", "A1"]
    assert words(f"(conversation_id:{root} OR quotes_of_tweet_id:{answer}) -is:retweet") == ["Quoting", "No", "A1"]
    assert words(f"in_reply_to_tweet_id:{answer}") == ["No"]
