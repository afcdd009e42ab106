"""What XSource is asked for beside the hashtag: sweeps, conversations, quotes, counts; what it costs; both dialects."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from archive.errors import Retriable, Skippable
from archive.models import Batch, Billed, Chat, Count, Post, RawPage
from archive.store import open_archive
from archive.times import to_text
from chatkeep.stage.faults import Fault, Faults
from chatkeep.stage.feed import Edit, Feed, FeedAuthor, FeedPost
from chatkeep.stage.serving import serving
from chatkeep.stage.x import STAGE_TOKEN, build_x
from chatkeep.stage.x_objects import id_at
from chatkeep.stage.x_till import Till
from collector.retrying import Retrying
from collector.sources.base import Plan, Window
from collector.sources.x import XSource
from collector.sources.x_queries import build_ref_queries
from collector.transport import build_client
from collector.walker import Walker

START = datetime(2026, 10, 8, 12, 0, tzinfo=UTC)
NORTHMOOR = Chat(slug="northmoor", title="Northmoor hour (fictional)", hashtags=("northmoor",))
DIALECTS = ("legacy", "modern")


def second(number: float) -> str:
    return to_text(START + timedelta(seconds=number))


def entry(key: str, at: float, text: str, **more: Any) -> FeedPost:
    return FeedPost(key=key, author=more.pop("author", "ann"), at=second(at), text=text, **more)


AUTHORS = tuple(FeedAuthor(key=key, platform="x", handle=f"{key}_x", name=key) for key in ("ann", "ben", "cat"))
FEED = Feed(
    AUTHORS,
    (
        entry("root", 0, "A question without the tag"),
        entry("q", 30, "Q1 Bins? #northmoor", reply_to="root"),
        entry("a", 60, "A1 The evening before #northmoor", author="ben", reply_to="q"),
        entry("n", 90, "I do that too, @ann_x @ben_x", author="cat", reply_to="a"),
        entry("quote", 120, "Worth reading", author="cat", quote_of="a"),
        entry("edited", 150, "Tpyo #northmoor", edits=(Edit(at=second(200), text="Typo #northmoor"),)),
        entry("long", 180, "Words, words. " * 30 + "#northmoor"),
        *(entry(f"m{n}", 240 + n, f"Tip {n} #northmoor", author="ben") for n in range(25)),
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
    """A staged X with its till, and sources that ask it over a client that notes what was asked."""

    def __init__(self, base: str, hour: Hour, faults: Faults, till: Till) -> None:
        self.base, self.hour, self.faults, self.till = base, hour, faults, till
        self.asked: list[httpx.URL] = []
        self.http = build_client("test")
        self.http.event_hooks["request"] = [lambda request: self.asked.append(request.url)]

    def source(self, **more: Any) -> XSource:
        return XSource(self.http, self.hour, base_url=self.base, bearer_token=STAGE_TOKEN, **more)

    def params(self, number: int = -1) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.asked[number].query.decode()).items()}

    def id_of(self, key: str) -> str:
        """The first id of a post of the feed."""
        at = FEED.by_key[key].at
        source = self.source()
        plan = Plan(key="any", purpose="sweep", query="Words OR Tip OR A1 OR Q1 OR question OR reading OR Typo")
        posts = [post for page in walk(source, plan) for post in page[1].posts if post.created_at == at]
        return posts[0].native_ids[0].native_id


@pytest.fixture
def ground() -> Iterator[Ground]:
    hour, faults, till = Hour(), Faults(), Till()
    with serving(build_x(FEED, hour, faults, till=till)) as base:
        ground = Ground(base, hour, faults, till)
        yield ground
        ground.http.close()


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


def starts(posts: list[Post]) -> set[str]:
    return {post.text.split(" ")[0] for post in posts if not post.text.startswith("Tip")}


HOUR = Window(second(0), second(3600))


def test_a_sweep_reads_its_whole_time_under_a_key_of_its_own(ground: Ground) -> None:
    source = ground.source()
    (sweep,) = source.plans("sweep", NORTHMOOR, HOUR)
    (tag,) = source.plans("tag", NORTHMOOR, HOUR)
    assert sweep.key.startswith("sweep|x|")
    assert replace(sweep, key="", purpose="tag") == replace(tag, key="")
    assert {post.id for post in found(walk(source, sweep))} == {post.id for post in found(walk(source, tag))}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_conversation_is_found_with_its_root_though_neither_has_the_tag(ground: Ground, dialect: Any) -> None:
    source = ground.source(dialect=dialect)
    search, roots = source.plans("thread", NORTHMOOR, refs=(ground.id_of("root"), "no id", ground.id_of("root")))
    assert search.query == f"(conversation_id:{ground.id_of('root')}) -is:retweet"
    assert starts(found(walk(source, search))) == {"Q1", "A1", "I"}
    (lookup,) = walk(source, roots)
    assert starts(found([lookup])) == {"A"}
    assert [flaw for page in walk(source, search) for flaw in page[1].flaws] == []
    assert search.key != roots.key


@pytest.mark.parametrize("dialect", DIALECTS)
def test_quotes_are_found_though_their_text_lacks_the_tag(ground: Ground, dialect: Any) -> None:
    source = ground.source(dialect=dialect)
    (plan,) = source.plans("quotes", NORTHMOOR, refs=(ground.id_of("a"), ground.id_of("q")))
    (post,) = found(walk(source, plan))
    assert (post.text.split(" ")[0], post.quote_of) == ("Worth", post.quote_of)
    assert post.quote_of is not None
    assert post.quote_of.native_id == ground.id_of("a")


@pytest.mark.parametrize("purpose", ["thread", "quotes", "sweep", "posts"])
def test_both_dialects_read_to_the_same_posts_whatever_for(ground: Ground, purpose: Any) -> None:
    ids = tuple(ground.id_of(key) for key in ("root", "q", "a", "edited", "long"))
    both = []
    for dialect in DIALECTS:
        source = ground.source(dialect=dialect)
        pages = [page for plan in source.plans(purpose, NORTHMOOR, HOUR, ids) for page in walk(source, plan)]
        assert [flaw for _, batch in pages for flaw in batch.flaws] == []
        both.append(found(pages))
    assert both[0]
    assert both[0] == both[1]


def test_an_edited_and_a_long_post_come_whole_and_under_their_first_id(ground: Ground) -> None:
    source = ground.source()
    first = ground.id_of("edited")
    (plan,) = source.plans("posts", NORTHMOOR, refs=(first, ground.id_of("long")))
    posts = source.parse(source.fetch(plan, None)).posts
    assert {post.id for post in posts if "po" in post.text} == {f"x:{first}"}
    assert any(post.text.endswith("#northmoor") and len(post.text) > 280 for post in posts)
    # a lookup of the latest version brings the older wordings along
    latest = [post for post in found(walk(source, source.plans("sweep", NORTHMOOR, HOUR)[0])) if "Typo" in post.text]
    (again,) = source.plans("posts", NORTHMOOR, refs=(latest[0].native_ids[-1].native_id,))
    texts = {post.text for post in source.parse(source.fetch(again, None)).posts}
    assert texts == {"Tpyo #northmoor", "Typo #northmoor"}


def test_old_conversations_and_quotes_are_looked_for_in_the_full_archive(ground: Ground) -> None:
    refs = (ground.id_of("root"), ground.id_of("a"))
    ground.hour.pass_by(days=30)
    source = ground.source()
    plans = [*source.plans("thread", NORTHMOOR, refs=refs), *source.plans("quotes", NORTHMOOR, refs=refs)]
    texts: set[str] = set()
    for plan in plans:
        ground.hour.pass_by(seconds=1)
        texts |= starts(found(walk(source, plan)))
    assert texts == {"Q1", "A1", "I", "A", "Worth"}
    assert [url.path for url in ground.asked[-3:]] == ["/2/tweets/search/all", "/2/tweets", "/2/tweets/search/all"]
    assert ground.params()["start_time"] == "2026-10-08T12:00:00Z"


def test_queries_for_many_posts_are_packed_and_new_posts_leave_the_full_ones_as_they_are() -> None:
    ids = [str(id_at(START) + number) for number in range(40)]
    packed = build_ref_queries("conversation_id", ids, 512)
    assert all(len(query) <= 512 for query, _ in packed)
    assert len(packed) == 4
    assert [native for _, group in packed for native in group] == ids
    more = build_ref_queries("conversation_id", [str(id_at(START) + 99), *reversed(ids)], 512)
    assert more[:3] == packed[:3]


@pytest.mark.parametrize("counts_in", DIALECTS)
def test_counts_are_read_by_the_minute_in_both_dialects(counts_in: Any) -> None:
    hour = Hour()
    with serving(build_x(FEED, hour, Faults(), counts_in=counts_in)) as base:
        ground = Ground(base, hour, Faults(), Till())
        source = ground.source()
        (plan,) = source.plans("counts", NORTHMOOR, HOUR)
        assert plan.key.startswith("counts|x|")
        ((page, batch),) = walk(source, plan)
        ground.http.close()
    assert f"{'post' if counts_in == 'modern' else 'tweet'}_count".encode() in page.body
    assert len(batch.counts) == batch.rows == 60
    assert batch.counts[0] == Count(plan.query, second(0), second(60), 1)
    assert sum(count.posts_count for count in batch.counts) == 29
    assert (batch.posts, batch.flaws, batch.top) == ([], [], None)
    assert [(each.kind, each.tenth_cents) for each in batch.billed] == [("request", 5)]


def test_counts_of_an_old_time_come_in_pages_from_the_full_archive(ground: Ground) -> None:
    ground.hour.pass_by(days=40)
    source = ground.source()
    (plan,) = source.plans("counts", NORTHMOOR, Window(second(-40 * 86400), second(3600)))
    pages = walk(source, plan)
    assert len(pages) == 2
    counts = [count for _, batch in pages for count in batch.counts]
    assert sum(count.posts_count for count in counts) == 29
    assert len({count.starts_at for count in counts}) == len(counts) == 40 * 1440 + 60
    billed = [each for _, batch in pages for each in batch.billed]
    assert [each.tenth_cents for each in billed] == [10, 10]
    assert len(set(billed)) == 2
    assert ground.till.billed_tenth_cents == 20


def test_counts_that_are_none_are_flaws_and_an_answer_without_counts_is_worth_another_try() -> None:
    told = {"start": second(0), "end": second(60)}
    rows = [told | {"tweet_count": 3}, told | {"tweet_count": -1}, {"tweet_count": 2}, 5]
    answers = [{"data": rows, "meta": {"total_tweet_count": 5}}, {"data": rows}, {"meta": {}}, {"errors": [{"a": 1}]}]
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=answers.pop(0)))
    with build_client("test", transport) as http:
        source = XSource(http, Hour(), bearer_token="k")
        (plan,) = source.plans("counts", NORTHMOOR, HOUR)
        batch = source.parse(source.fetch(plan, None))
        assert [count.posts_count for count in batch.counts] == [3]
        assert [flaw.kind for flaw in batch.flaws] == ["unusable", "unusable"]
        for _ in range(3):
            with pytest.raises(Retriable, match="cannot be understood"):
                source.fetch(plan, None)


@pytest.mark.parametrize(("asked", "sent"), [(40, "40"), (3, "10"), (4000, "100"), (None, "100")])
def test_a_smaller_page_is_asked_for_down_to_xs_smallest(ground: Ground, asked: int | None, sent: str) -> None:
    source = ground.source()
    (plan,) = source.plans("sweep", NORTHMOOR, HOUR)
    source.fetch(replace(plan, page_size=asked), None)
    assert ground.params()["max_results"] == sent


def test_a_lookup_that_may_not_ask_for_all_at_once_goes_on_where_it_was(ground: Ground) -> None:
    source = ground.source()
    ids = tuple(post.native_ids[-1].native_id for post in found(walk(source, source.plans("sweep", NORTHMOOR)[0])))
    (plan,) = source.plans("posts", NORTHMOOR, refs=ids)
    pages = walk(source, replace(plan, page_size=12))
    assert [len(found([page])) for page in pages] == [12, 12, 5]
    assert [ref for _, batch in pages for ref in batch.missing] == []
    assert pages[0][0].next_cursor == json.dumps({"from": 12})


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("purpose", ["tag", "sweep", "thread", "quotes", "posts", "counts"])
def test_what_a_page_says_is_billed_is_what_x_bills_and_never_above_the_worst_case(
    ground: Ground, dialect: Any, purpose: Any
) -> None:
    refs = tuple(ground.id_of(key) for key in ("root", "a", "edited"))
    source = ground.source(dialect=dialect)
    for plan in source.plans(purpose, NORTHMOOR, HOUR, refs):
        ground.hour.pass_by(days=1)
        before = ground.till.billed_tenth_cents
        small = source.within(plan, 900)
        assert small is not None
        batch = source.parse(source.fetch(small, None))
        cost = ground.till.billed_tenth_cents - before
        assert cost == sum(each.tenth_cents for each in batch.billed)
        assert 0 < cost <= source.worst_case(small) <= 900


def test_what_comes_along_is_billed_by_its_own_id_and_nothing_twice(ground: Ground) -> None:
    answer = {
        "data": [{"id": "5", "text": "a", "author_id": "1"}, {"id": "5", "text": "a", "author_id": "1"}],
        "includes": {"tweets": [{"id": "4"}, {"id": "5"}], "users": [{"id": "1"}, {"id": "1"}], "media": [{}]},
    }
    page = RawPage(
        source="x", format="search", origin="x", fetched_at=second(0), body=json.dumps(answer).encode(),
        url="https://api.x.com/2/tweets/search/recent?query=a",
    )  # fmt: skip
    assert ground.source().parse(page).billed == [
        Billed("post", "5", 5), Billed("post", "4", 5), Billed("user", "1", 10),
    ]  # fmt: skip


def test_what_could_cost_without_bound_is_not_asked_for(ground: Ground) -> None:
    for dialect in DIALECTS:
        source = ground.source(dialect=dialect)
        source.fetch(source.plans("tag", NORTHMOOR)[0], None)
        asked = ground.params()["expansions"]
        assert "mentions" not in asked
        assert "media_source" not in asked


def test_a_budget_that_is_too_small_for_the_smallest_page_fits_no_plan(ground: Ground) -> None:
    source = ground.source()
    (search,), (lookup,), (counts,) = (source.plans(p, NORTHMOOR, refs=("5", "6")) for p in ("tag", "posts", "counts"))
    assert source.worst_case(search) == 100 * 45
    sizes = [fitted and fitted.page_size for fitted in (source.within(search, money) for money in (449, 450, 10**6))]
    assert sizes == [None, 10, 100]
    assert [source.within(lookup, 39), source.within(counts, 9)] == [None, None]
    assert source.within(counts, 10) == counts
    assert (source.within(lookup, 40) or lookup).page_size == 1


def test_the_rhythm_of_polls_is_xs_own(ground: Ground) -> None:
    assert ground.source().limits.poll_seconds == 15.0


def token_refused(parameter: str = "next_token") -> Fault:
    errors = [{"parameters": {parameter: ["b26"]}, "message": f"The `{parameter}` query parameter value is not valid"}]
    body = {"errors": errors, "title": "Invalid Request", "type": "https://api.twitter.com/2/problems/invalid-request"}
    return Fault(kind="status", status=400, body=json.dumps(body).encode())


def test_a_place_that_x_no_longer_takes_begins_the_walk_anew_between_the_same_ends(
    ground: Ground, tmp_path: Path
) -> None:
    with open_archive(tmp_path / "archive.db", ground.hour) as archive:
        archive.save_chat(NORTHMOOR)
        ground.hour.pass_by(minutes=5)
        stop = threading.Event()
        walker = Walker(archive, ground.source(), Retrying(stop, lambda _: None), stop)
        plan = replace(ground.source().plans("sweep", NORTHMOOR, HOUR)[0], page_size=10)
        walker.on_page = lambda _: stop.set()
        assert walker.walk(NORTHMOOR, plan).status == "open"
        stop.clear()
        ground.hour.pass_by(hours=3)
        walker.on_page = lambda _: None
        ground.faults.add(token_refused())
        result = walker.walk(NORTHMOOR, plan)
        assert (result.status, result.pages_count) == ("done", 4)
        kept = archive.conn.execute("SELECT count(*) FROM sightings WHERE walk LIKE '%sweep%'").fetchone()[0]
        assert kept == 29
        told = archive.conn.execute("SELECT detail FROM problems").fetchall()
        assert told == [("X refused the place to go on from, so the search began anew",)]
    ends = {(ground.params(n)["start_time"], ground.params(n)["end_time"]) for n in range(len(ground.asked))}
    assert ends == {("2026-10-08T12:00:00Z", "2026-10-08T13:00:00Z")}


def test_a_place_that_is_refused_for_ever_ends_in_a_guard(ground: Ground, tmp_path: Path) -> None:
    with open_archive(tmp_path / "archive.db", ground.hour) as archive:
        archive.save_chat(NORTHMOOR)
        stop = threading.Event()
        walker = Walker(archive, ground.source(), Retrying(stop, lambda _: None), stop)
        walker.on_page = lambda saved: ground.faults.add(token_refused()) if saved.batch.posts else None
        plan = replace(ground.source().plans("sweep", NORTHMOOR, HOUR)[0], page_size=10)
        assert walker.walk(NORTHMOOR, plan).status == "abandoned"
    assert len(ground.asked) < 60


def test_another_refusal_with_a_place_is_what_it_was(ground: Ground) -> None:
    source = ground.source()
    plan = replace(source.plans("sweep", NORTHMOOR, HOUR)[0], page_size=10)
    cursor = source.fetch(plan, None).next_cursor
    ground.faults.add(token_refused("since_id"))
    with pytest.raises(Skippable):
        source.fetch(plan, cursor)
    ground.faults.add(token_refused())
    with pytest.raises(Skippable):
        source.fetch(plan, None)


def test_the_one_request_a_second_of_the_full_archive_is_lived_with(ground: Ground, tmp_path: Path) -> None:
    ground.hour.pass_by(days=30)
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        ground.hour.pass_by(seconds=seconds)

    with open_archive(tmp_path / "archive.db", ground.hour) as archive:
        archive.save_chat(NORTHMOOR)
        stop = threading.Event()
        walker = Walker(archive, ground.source(), Retrying(stop, sleep), stop)
        plan = replace(ground.source().plans("sweep", NORTHMOOR, HOUR)[0], page_size=10)
        result = walker.walk(NORTHMOOR, plan)
    assert (result.status, result.pages_count) == ("done", 3)
    assert waits == [2.0, 2.0]
