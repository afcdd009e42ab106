"""XSource over the stage: whole walks, resumed walks, edits, both dialects, and every fault in its own words."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from archive.errors import ExchangeError, Fatal, OutOfBudget, Retriable, SettingsError, Skippable
from archive.models import Batch, Chat, Post, RawPage, Ref
from archive.store import open_archive
from archive.times import to_text
from chatkeep.stage.faults import Fault, Faults
from chatkeep.stage.feed import Edit, Feed, FeedAuthor, FeedPost
from chatkeep.stage.serving import serving
from chatkeep.stage.x import STAGE_TOKEN, build_x
from chatkeep.stage.x_objects import id_at
from collector.retrying import Retrying
from collector.sources.base import Plan, Window
from collector.sources.x import XSource
from collector.sources.x_queries import build_queries
from collector.transport import build_client
from collector.walker import Walker

START = datetime(2026, 10, 8, 12, 0, tzinfo=UTC)
NORTHMOOR = Chat(slug="northmoor", title="Northmoor hour (fictional)", hashtags=("northmoor", "nmhour"))
ANN = FeedAuthor(key="ann", platform="x", handle="AnnNorthmoor", name="Ann", followers_count=12)
BEN = FeedAuthor(key="ben", platform="x", handle="BenElmbridge", name="Ben")


def second(number: float) -> str:
    return to_text(START + timedelta(seconds=number))


def entry(number: int, text: str | None = None, **more: Any) -> FeedPost:
    wording = text or f"Tip {number} & more #northmoor"
    return FeedPost(key=f"p{number}", author=more.pop("author", "ann"), at=second(number), text=wording, **more)


FEED = Feed(
    (ANN, BEN),
    (
        *(entry(number) for number in range(230)),
        entry(300, "Frist #northmoor", edits=(Edit(at=second(900), text="First #northmoor"),)),
        entry(310, "Gone #northmoor", deleted_at=second(5000)),
        entry(320, "I agree @AnnNorthmoor #nmhour", author="ben", reply_to="p5"),
        entry(
            330, "See this https://elmbridgevale.example/bins #northmoor", author="ben", quote_of="p6", alt_text="A bin"
        ),
        entry(340, "", author="ben", repost_of="p7"),
        entry(350, "Short words. " * 30 + "#northmoor"),
        entry(360, "Not ours #northmoorhousing"),
    ),
)


class Hour:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now = START + timedelta(hours=1)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **delta: float) -> None:
        self.now += timedelta(**delta)


class Ground:
    """A staged X, and sources that ask it over a client that notes what was asked."""

    def __init__(self, base: str, hour: Hour, faults: Faults) -> None:
        self.base = base
        self.hour = hour
        self.faults = faults
        self.asked: list[httpx.URL] = []
        self.http = build_client("test")
        self.http.event_hooks["request"] = [lambda request: self.asked.append(request.url)]

    def source(self, token: str | None = STAGE_TOKEN, **more: Any) -> XSource:
        return XSource(self.http, self.hour, base_url=self.base, bearer_token=token, **more)

    def params(self, number: int = -1) -> dict[str, str]:
        """The parameters of a request, each once."""
        return {name: values[0] for name, values in parse_qs(self.asked[number].query.decode()).items()}


@pytest.fixture
def ground() -> Iterator[Ground]:
    hour, faults = Hour(), Faults()
    with serving(build_x(FEED, hour, faults)) as base:
        ground = Ground(base, hour, faults)
        yield ground
        ground.http.close()


def tag_plan(source: XSource, **more: Any) -> Plan:
    (plan,) = source.plans("tag", NORTHMOOR, Window(**{name: more.pop(name, None) for name in ("start", "end")}))
    return Plan(**{name: getattr(plan, name) for name in plan.__slots__} | more)


def walk(source: XSource, plan: Plan, cursor: str | None = None) -> list[tuple[RawPage, Batch]]:
    pages: list[tuple[RawPage, Batch]] = []
    while True:
        page = source.fetch(plan, cursor)
        pages.append((page, source.parse(page)))
        cursor = page.next_cursor
        if cursor is None:
            return pages


def found(pages: list[tuple[RawPage, Batch]]) -> list[Post]:
    return [post for _, batch in pages for post in batch.posts if post.primary]


def texts(posts: list[Post]) -> set[str]:
    return {post.text for post in posts}


def error_from(ground: Ground, fault: Fault, **more: Any) -> ExchangeError:
    ground.faults.add(fault)
    source = ground.source(**more)
    with pytest.raises(ExchangeError) as caught:
        source.fetch(tag_plan(source), None)
    return caught.value


def test_a_whole_walk_finds_every_post_of_the_tag_once(ground: Ground) -> None:
    source = ground.source()
    pages = walk(source, tag_plan(source))
    posts = found(pages)
    assert len(pages) == 3
    assert len(posts) == len({post.id for post in posts}) == 235
    assert [flaw for _, batch in pages for flaw in batch.flaws] == []
    assert {"First #northmoor", "Gone #northmoor", "Tip 0 & more #northmoor"} <= texts(posts)
    assert not [post for post in posts if post.kind == "repost" or "housing" in post.text]
    assert [page.source for page, _ in pages] == ["x"] * 3
    assert [page.format for page, _ in pages] == ["search"] * 3


def test_the_first_page_holds_the_top_and_positions_are_numbers(ground: Ground) -> None:
    source = ground.source()
    tops = [batch.top or "" for _, batch in walk(source, tag_plan(source))]
    assert sorted(tops, key=int, reverse=True) == tops
    assert source.higher("999", "1000") == "1000"
    overlapped = source.floor_below(tops[0])
    assert (int(tops[0]) >> 22) - (int(overlapped) >> 22) == 180_000


def test_a_walk_resumes_at_every_cursor(ground: Ground) -> None:
    source = ground.source()
    plan = tag_plan(source)
    pages = walk(source, plan)
    whole = [post.id for post in found(pages)]
    done = 0
    for page, batch in pages[:-1]:
        done += sum(post.primary for post in batch.posts)
        rest = [post.id for post in found(walk(ground.source(), plan, page.next_cursor))]
        assert whole[:done] + rest == whole


def test_a_resumed_walk_keeps_its_ends_although_the_hour_has_moved_on(ground: Ground) -> None:
    source = ground.source()
    floor = str(id_at(START + timedelta(seconds=10)))
    plan = tag_plan(source, floor=floor)
    first = source.fetch(plan, None)
    before = ground.params()
    ground.hour.pass_by(days=6, hours=23)
    source.fetch(plan, first.next_cursor)
    after = ground.params()
    assert {name: after[name] for name in ("since_id", "query", "max_results")} == {
        name: before[name] for name in ("since_id", "query", "max_results")
    }
    assert "next_token" in after


def test_a_floor_stops_the_walk_with_the_overlap_included(ground: Ground) -> None:
    source = ground.source()
    floor = str(id_at(START + timedelta(seconds=200)))
    posts = found(walk(source, tag_plan(source, floor=floor)))
    assert "Tip 200 & more #northmoor" in texts(posts)
    assert "Tip 199 & more #northmoor" not in texts(posts)
    assert int(ground.params()["since_id"]) < int(floor)
    assert "start_time" not in ground.params()


def test_a_window_is_searched_from_its_first_to_before_its_last_second(ground: Ground) -> None:
    source = ground.source()
    posts = found(walk(source, tag_plan(source, start=second(10), end=second(20))))
    assert texts(posts) == {f"Tip {number} & more #northmoor" for number in range(10, 20)}


def test_floor_and_window_together_are_asked_for_as_ids_alone(ground: Ground) -> None:
    source = ground.source()
    plan = tag_plan(source, start=second(10), end=second(20), floor=str(id_at(START + timedelta(seconds=15))))
    assert texts(found(walk(source, plan))) == {f"Tip {number} & more #northmoor" for number in range(15, 20)}
    assert {"since_id", "until_id"} <= ground.params().keys()
    assert not {"start_time", "end_time"} & ground.params().keys()


def test_a_window_that_has_not_ended_is_searched_up_to_now(ground: Ground) -> None:
    source = ground.source()
    plan = tag_plan(source, start=second(0), end=to_text(ground.hour.now + timedelta(hours=1)))
    assert len(found(walk(source, plan))) == 235
    assert "end_time" not in ground.params()


def test_an_old_window_or_floor_goes_to_the_full_archive(ground: Ground) -> None:
    ground.hour.pass_by(days=400)
    source = ground.source()
    for plan in (tag_plan(source, start=second(0), end=second(20)), tag_plan(source, floor=str(id_at(START)))):
        ground.hour.pass_by(seconds=1)
        assert "Tip 5 & more #northmoor" in texts(found(walk(source, plan)))
        assert {url.path for url in ground.asked} == {"/2/tweets/search/all"}
        assert ground.params()["max_results"] == "500"


def test_recent_search_leaves_out_a_beginning_that_x_would_refuse(ground: Ground) -> None:
    ground.hour.pass_by(days=6, hours=23, minutes=2)
    source = ground.source(search="recent")
    for plan in (tag_plan(source, start=second(0)), tag_plan(source, floor=str(id_at(START)))):
        assert "Tip 229 & more #northmoor" in texts(found(walk(source, plan)))
        assert not {"since_id", "start_time"} & ground.params().keys()


def test_the_full_archive_begins_at_the_beginning(ground: Ground) -> None:
    ground.hour.pass_by(days=400)
    source = ground.source(search="all")
    assert source.earliest(Plan(key="any", purpose="tag")) is None
    assert len(found(walk(source, tag_plan(source)))) == 234
    assert ground.params()["start_time"] == "2006-03-22T00:00:00Z"


def test_walks_into_an_archive_overlap_and_keep_each_post_once(ground: Ground, tmp_path: Path) -> None:
    ground.hour.now = START + timedelta(seconds=200)
    with open_archive(tmp_path / "archive.db", ground.hour) as archive:
        archive.save_chat(NORTHMOOR)
        stop = threading.Event()
        walker = Walker(archive, ground.source(), Retrying(stop), stop)
        plan = tag_plan(ground.source())
        first = walker.walk(NORTHMOOR, plan)
        ground.hour.pass_by(minutes=20)
        second_walk = walker.walk(NORTHMOOR, plan)
        assert (first.status, second_walk.status) == ("done", "done")
        assert first.new_count == 170  # X shows nothing of the last half minute
        assert second_walk.known_count >= 170
        kept = archive.conn.execute("SELECT count(*) FROM posts JOIN sightings ON post = posts.id").fetchone()[0]
    assert kept == 235
    assert "since_id" in ground.params()


def test_an_edit_keeps_the_post_and_gives_both_ids(ground: Ground) -> None:
    source = ground.source()
    ground.hour.now = START + timedelta(seconds=600)
    before = next(post for post in found(walk(source, tag_plan(source))) if "Frist" in post.text)
    ground.hour.pass_by(minutes=30)
    after = next(post for post in found(walk(source, tag_plan(source))) if "First" in post.text)
    assert after.id == before.id
    assert after.created_at == before.created_at
    assert before.edited_at is None
    assert after.edited_at == second(900)
    assert after.native_ids[0].native_id == before.native_ids[0].native_id


def test_a_recheck_tells_edits_counts_and_what_is_gone(ground: Ground) -> None:
    source = ground.source()
    ids = tuple(post.native_ids[0].native_id for post in found(walk(source, tag_plan(source))))
    gone = next(post for post in found(walk(source, tag_plan(source))) if "Gone" in post.text)
    ground.hour.pass_by(hours=1)
    plans = source.plans("posts", NORTHMOOR, refs=ids)
    assert [len(plan.refs) for plan in plans] == [100, 100, 35]
    batches = [source.parse(source.fetch(plan, None)) for plan in plans]
    assert sum(post.primary for batch in batches for post in batch.posts) == 234
    assert [each.ref for batch in batches for each in batch.deletions] == [gone.native_ids[0]]
    assert {batch.top for batch in batches} == {None}
    assert [ref for batch in batches for ref in batch.missing] == []


def test_ids_that_a_lookup_leaves_unanswered_are_missing(ground: Ground) -> None:
    url = "https://api.x.com/2/tweets?ids=5%2C6&tweet.fields=id"
    body = b'{"data": [{"id": "5", "text": "a", "author_id": "1", "created_at": "2026-10-08T12:00:00.000Z"}]}'
    page = RawPage(source="x", format="posts", origin="api.x.com", fetched_at=second(0), body=body, url=url)
    assert ground.source().parse(page).missing == [Ref("6")]


def test_both_dialects_read_to_the_same_posts(ground: Ground) -> None:
    legacy, modern = ground.source(), ground.source(dialect="modern")
    old = walk(legacy, tag_plan(legacy))
    new = walk(modern, tag_plan(modern))
    assert b"referenced_tweets" in old[0][0].body
    assert b"referenced_posts" in new[0][0].body
    assert found(old) == found(new)
    for (_, batch), (_, other) in zip(old, new, strict=True):
        assert {post.id for post in batch.posts} == {post.id for post in other.posts}
        assert sorted(batch.authors, key=lambda author: author.id) == sorted(
            other.authors, key=lambda author: author.id
        )
    assert [batch.flaws for _, batch in new] == [[], [], []]


def test_the_dialects_are_never_mixed_and_every_name_reaches_the_wire(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="tweepy"):
        for dialect, own, other in (
            ("legacy", "tweet.fields", "post.fields"),
            ("modern", "post.fields", "tweet.fields"),
        ):
            source = ground.source(dialect=dialect)
            source.fetch(tag_plan(source), None)
            assert own in ground.params()
            assert other not in ground.params()
            assert ground.params()["sort_order"] == "recency"
            assert {
                "user.fields",
                "media.fields",
                "poll.fields",
                "place.fields",
                "expansions",
            } <= ground.params().keys()
    assert caplog.records == []


def test_a_field_that_was_asked_for_and_did_not_come_is_told_on_the_first_page(ground: Ground) -> None:
    source = ground.source()
    page = source.fetch(tag_plan(source), None)
    answer = json.loads(page.body)
    for row in answer["data"]:
        del row["conversation_id"]
    page.body = json.dumps(answer).encode()
    assert [flaw.detail for flaw in source.parse(page).flaws] == ["X did not send conversation_id, which was asked for"]
    page.url += "&next_token=b26"
    assert source.parse(page).flaws == []


def test_an_answer_without_data_is_an_empty_page_that_may_go_on(ground: Ground) -> None:
    body = b'{"meta": {"result_count": 0, "next_token": "b26v89c19zqg8o3f1"}}'
    ground.faults.add(Fault(kind="status", status=200, body=body))
    source = ground.source()
    page = source.fetch(tag_plan(source), None)
    assert source.parse(page) == Batch()
    assert json.loads(page.next_cursor or "")["next"] == "b26v89c19zqg8o3f1"


def test_parse_is_repeatable_and_needs_only_the_page(ground: Ground) -> None:
    source = ground.source()
    page = source.fetch(tag_plan(source), None)
    assert source.parse(page) == ground.source(token=None).parse(page)


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe{", b"[" * 100_000, b"null"])
def test_a_stored_page_that_holds_no_answer_is_a_flaw(ground: Ground, body: bytes) -> None:
    page = RawPage(source="x", format="search", origin="api.x.com", fetched_at=second(0), body=body)
    assert [flaw.kind for flaw in ground.source().parse(page).flaws] in (["malformed"], ["unusable"])


CREDITS = b'{"title":"CreditsDepleted","detail":"no credits","type":"https://api.twitter.com/2/problems/credits"}'
CAPPED = (
    b'{"title":"UsageCapExceeded","period":"Monthly","scope":"Product","detail":"Usage cap exceeded: Monthly",'
    b'"type":"https://api.twitter.com/2/problems/usage-capped"}'
)
CODE_88 = b'{"errors":[{"code":88,"message":"Rate limit exceeded"}]}'


def limit(remaining: str | None, reset: datetime | str | None, body: bytes = CODE_88) -> Fault:
    headers = {} if remaining is None else {"x-rate-limit-remaining": remaining}
    if reset is not None:
        headers["x-rate-limit-reset"] = str(int(reset.timestamp())) if isinstance(reset, datetime) else reset
    return Fault(kind="status", status=429, headers=headers, body=body)


def test_no_credits_and_a_used_up_month_stop_paid_work(ground: Ground) -> None:
    for fault in (Fault(kind="status", status=402, body=CREDITS), Fault(kind="status", status=402, body=b"")):
        error = error_from(ground, fault)
        assert isinstance(error, OutOfBudget)
        assert "credits" in str(error)
    for body in (CAPPED, b'{"title":"UsageCapExceeded"}', CAPPED.replace(b"UsageCapExceeded", b"Usage cap")):
        error = error_from(ground, limit("39999", None, body))
        assert isinstance(error, OutOfBudget)
        assert "monthly" in str(error)


@pytest.mark.parametrize(
    ("remaining", "offset", "after"),
    [
        ("0", 300, 301.0),
        ("0", -300, 1.0),
        ("0", None, 60.0),
        (None, None, 60.0),
        (None, 30, 31.0),
        ("4", 300, 2.0),
        ("0", 10**6, 910.0),
        ("0", 10**10, 910.0),
    ],
)
def test_a_rate_limit_says_how_long_to_wait(
    ground: Ground, remaining: str | None, offset: int | None, after: float
) -> None:
    reset = None if offset is None else ground.hour.now + timedelta(seconds=offset)
    error = error_from(ground, limit(remaining, reset))
    assert isinstance(error, Retriable)
    assert (error.after, error.status) == (after, 429)


def test_headers_that_are_no_numbers_count_as_absent(ground: Ground) -> None:
    error = error_from(ground, limit("many", "soon"))
    assert isinstance(error, Retriable)
    assert error.after == 60.0


def test_the_real_limit_of_the_stage_is_met_and_passes(ground: Ground) -> None:
    source = ground.source()
    plan = source.plans("posts", NORTHMOOR, refs=("5",))[0]
    problem = b'{"title":"Too Many Requests","detail":"Too Many Requests","type":"about:blank","status":429}'
    ground.faults.add(limit("0", ground.hour.now + timedelta(seconds=20), problem))
    with pytest.raises(Retriable):
        source.fetch(plan, None)
    assert source.parse(source.fetch(plan, None)).rows == 0


def test_a_wrong_key_says_which_variable_and_where_to_get_one(ground: Ground) -> None:
    source = ground.source(token="wrong")
    with pytest.raises(Fatal) as caught:
        source.fetch(tag_plan(source), None)
    assert "X_BEARER_TOKEN" in str(caught.value)
    assert "Keys and tokens" in str(caught.value)


def test_an_app_without_access_is_told_so(ground: Ground) -> None:
    body = (
        b'{"title":"Client Forbidden","detail":"not enrolled","type":"https://api.x.com/2/problems/client-forbidden"}'
    )
    error = error_from(ground, Fault(kind="status", status=403, body=body))
    assert isinstance(error, Fatal)
    assert "not enrolled" in str(error)
    assert "X_BEARER_TOKEN" in str(error)


@pytest.mark.parametrize("token", [None, "", "  ", "käy", "two words", "line\nbreak"])
def test_without_a_usable_key_nothing_is_asked(ground: Ground, token: str | None) -> None:
    source = ground.source(token=token)
    with pytest.raises(Fatal, match="X_BEARER_TOKEN"):
        source.fetch(tag_plan(source), None)
    assert ground.asked == []
    assert [problem.where for problem in source.check()] == ["X"]


def test_a_request_that_x_refuses_is_skipped_with_its_reason(ground: Ground) -> None:
    source = ground.source()
    with pytest.raises(Skippable, match="opening bracket"):
        source.fetch(Plan(key="k", purpose="tag", query="#a)"), None)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="status", status=500),
        Fault(kind="status", status=503, body=b'{"title":"Service Unavailable"}'),
        Fault(kind="html", status=502),
        Fault(kind="html", status=403),
        Fault(kind="html", status=200),
        Fault(kind="cut"),
        Fault(kind="truncate"),
        Fault(kind="empty"),
        Fault(kind="garble"),
        Fault(kind="status", status=200, body=b"[]"),
        Fault(kind="status", status=200, body=b'{"hello": 1}'),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status}",
)
def test_what_passes_is_worth_another_try_and_the_next_answer_is_whole(ground: Ground, fault: Fault) -> None:
    error = error_from(ground, fault)
    assert isinstance(error, Retriable)
    source = ground.source()
    assert len(found(walk(source, tag_plan(source)))) == 235


def test_a_silent_server_is_a_time_out(ground: Ground) -> None:
    ground.http.timeout = httpx.Timeout(0.2)
    error = error_from(ground, Fault(kind="hang"))
    assert isinstance(error, Retriable)
    assert "in time" in str(error)


def test_a_redirect_is_not_followed_with_the_key(ground: Ground) -> None:
    away = Fault(kind="status", status=302, headers={"location": "https://elsewhere.example/"})
    assert isinstance(error_from(ground, away), Fatal)
    assert len(ground.asked) == 1


def test_the_key_is_in_no_page_and_no_error(ground: Ground) -> None:
    source = ground.source()
    page = source.fetch(tag_plan(source), None)
    assert STAGE_TOKEN not in repr(page)
    assert STAGE_TOKEN not in repr(page.headers)
    echo = Fault(kind="status", status=401, body=json.dumps({"detail": f"bad token {STAGE_TOKEN}"}).encode())
    assert STAGE_TOKEN not in str(error_from(ground, echo))
    assert STAGE_TOKEN not in repr(source.check())


def test_the_key_goes_only_over_a_safe_address() -> None:
    with build_client("test") as http, pytest.raises(SettingsError, match="https"):
        XSource(http, Hour(), base_url="http://api.x.com", bearer_token="k")


def test_the_page_keeps_the_limits_and_the_version(ground: Ground) -> None:
    source = ground.source()
    page = source.fetch(tag_plan(source), None)
    assert page.headers["x-rate-limit-limit"] == "450"
    assert page.headers["api-version"] == "2.166"
    assert page.origin == "127.0.0.1"
    assert page.server == ""


def test_queries_find_every_tag_once_and_keep_within_the_length() -> None:
    tags = [f"northmoor{number:03}" for number in range(120)]
    queries = build_queries(tags, 512)
    assert len(queries) > 1
    assert all(len(query) <= 512 for query in queries)
    assert [tag for query in queries for tag in tags if f"#{tag} " in query or f"#{tag})" in query] == tags
    assert build_queries(["a", "b", "a"], 512) == ["(#a OR #b) -is:retweet"]


def test_plans_have_keys_that_stay_the_same_and_tell_queries_and_windows_apart(ground: Ground) -> None:
    source = ground.source()
    one = source.plans("tag", NORTHMOOR)
    ground.hour.pass_by(days=30)
    assert source.plans("tag", NORTHMOOR) == one
    windowed = source.plans("tag", NORTHMOOR, Window(start=second(0)))
    lookups = source.plans("posts", NORTHMOOR, refs=("5", "6", "5", "x", "")) + source.plans(
        "posts", NORTHMOOR, refs=("7",)
    )
    assert [plan.refs for plan in lookups] == [("5", "6"), ("7",)]
    keys = [plan.key for plan in (*one, *windowed, *lookups)]
    assert len(set(keys)) == len(keys)


def mocked(answer: httpx.Response, clock: Hour) -> XSource:
    http = build_client("test", httpx.MockTransport(lambda _: answer))
    return XSource(http, clock, bearer_token="k")


POST = {"id": "1577000000000000000", "text": "Hello #northmoor", "author_id": "7"}
DOWN = {"title": "Service Unavailable", "message": "backend down"}
NO_ANSWERS: list[dict[str, Any]] = [
    {"errors": [DOWN]},
    {"data": 5},
    {"data": {}},
    {"data": [5, None, "x"], "meta": {"result_count": 3}},
    {"data": [{}], "meta": {"result_count": 1}},
    {"data": [{"id": "5"}], "meta": {"result_count": 1}},
    {"data": POST, "meta": {"result_count": 1}},
    {"meta": {}},
    {"meta": 5},
]


@pytest.mark.parametrize(
    "answer",
    [
        *NO_ANSWERS,
        {"data": [POST]},
        {"data": [POST], "meta": {"result_count": "1"}},
        {"data": [POST], "meta": {"result_count": 1, "next_token": 5}},
        {"meta": {"result_count": 7}},
        {"data": [], "meta": {"result_count": False}},
        {"meta": {"result_count": 0}, "errors": [DOWN]},
    ],
)
def test_a_search_answer_that_is_none_is_worth_another_try(answer: dict[str, Any]) -> None:
    source = mocked(httpx.Response(200, json=answer), Hour())
    with pytest.raises(Retriable, match="X sent an answer that cannot be understood"):
        source.fetch(tag_plan(source), None)


@pytest.mark.parametrize("answer", NO_ANSWERS)
def test_a_lookup_answer_that_is_none_is_worth_another_try(answer: dict[str, Any]) -> None:
    source = mocked(httpx.Response(200, json=answer), Hour())
    with pytest.raises(Retriable, match="X sent an answer that cannot be understood"):
        source.fetch(source.plans("posts", NORTHMOOR, refs=("5",))[0], None)


@pytest.mark.parametrize(
    ("answer", "posts"),
    [
        ({"meta": {"result_count": 0}}, 0),
        ({"data": [], "meta": {"result_count": 0}}, 0),
        ({"data": [POST], "meta": {"result_count": 1}}, 1),
        ({"data": [POST], "meta": {"result_count": 1}, "errors": [DOWN]}, 1),
        ({"data": [5, POST, {}], "meta": {"result_count": 3, "next_token": "t"}}, 1),
    ],
)
def test_a_search_answer_that_tells_its_count_is_a_page(answer: dict[str, Any], posts: int) -> None:
    source = mocked(httpx.Response(200, json=answer), Hour())
    page = source.fetch(tag_plan(source), None)
    batch = source.parse(page)
    assert len(batch.posts) == posts
    assert (page.next_cursor is not None) == ("next_token" in answer["meta"])
    assert batch.rows == posts + sum(flaw.kind == "unusable" for flaw in batch.flaws)


def test_a_lookup_of_posts_that_are_all_gone_is_a_page() -> None:
    gone = {"resource_type": "tweet", "resource_id": "5", "type": "https://api.x.com/2/problems/resource-not-found"}
    source = mocked(httpx.Response(200, json={"errors": [gone]}), Hour())
    batch = source.parse(source.fetch(source.plans("posts", NORTHMOOR, refs=("5",))[0], None))
    assert [deletion.ref for deletion in batch.deletions] == [Ref("5")]


def test_check_finds_nothing_to_say_where_all_is_well(ground: Ground) -> None:
    hour = Hour()
    usage = {"data": {"project_usage": "10", "project_cap": "3000000", "cap_reset_day": 8}}
    fine = httpx.Response(200, json=usage, headers={"date": "Thu, 08 Oct 2026 13:00:20 GMT"})
    assert mocked(fine, hour).check() == []


def test_check_spends_nothing(ground: Ground) -> None:
    ground.source().check()
    assert [url.path for url in ground.asked] == ["/2/usage/tweets"]


def test_check_tells_a_clock_that_is_off_and_a_cap_that_is_near() -> None:
    usage = {"data": {"project_usage": "2900000", "project_cap": "3000000", "cap_reset_day": 8}}
    answer = httpx.Response(200, json=usage, headers={"date": "Thu, 08 Oct 2026 12:50:00 GMT"})
    clock, cap = mocked(answer, Hour()).check()
    assert (clock.level, cap.level) == ("warning", "warning")
    assert "600 seconds" in clock.message
    assert "2,900,000" in cap.message


@pytest.mark.parametrize(
    ("answer", "level", "word"),
    [
        (httpx.Response(401, json={"title": "Unauthorized"}), "error", "X_BEARER_TOKEN"),
        (httpx.Response(402, content=CREDITS), "error", "credits"),
        (httpx.Response(503), "error", "503"),
        (httpx.Response(404, json={"title": "Not Found"}), "warning", "404"),
    ],
)
def test_check_gives_each_trouble_its_remedy(answer: httpx.Response, level: str, word: str) -> None:
    (problem,) = mocked(answer, Hour()).check()
    assert problem.level == level
    assert word in problem.message
    assert problem.remedy


def test_check_says_when_x_cannot_be_reached() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no way", request=request)

    http = build_client("test", httpx.MockTransport(refuse))
    (problem,) = XSource(http, Hour(), bearer_token="k").check()
    assert "could not be reached" in problem.message
