"""Walks over the staged Mastodon find every post, whatever goes wrong; secrets stay where they belong."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from archive.errors import ExchangeError, Fatal, Retriable, SettingsError, Skippable
from archive.models import Batch, Chat, Deletion, RawPage, Ref
from archive.times import from_text, shift, to_text
from chatkeep.stage.faults import Fault, FaultKind, Faults
from chatkeep.stage.feed import Feed, FeedAuthor, FeedPost
from chatkeep.stage.mastodon import build_mastodon
from chatkeep.stage.mastodon_shapes import Server
from chatkeep.stage.serving import serving
from collector.sources.base import Plan, Window
from collector.sources.mastodon import MastodonSource
from collector.sources.mastodon_server import token_variable
from collector.transport import build_client

START = "2026-10-08T12:00:00.000Z"
NOW = datetime(2026, 10, 9, 9, 0, tzinfo=UTC)
SERVER = "https://social.example"
TOKEN = "s3cret-of-social"
AUTHORS = (
    FeedAuthor(key="ann", platform="mastodon", handle="ann", name="Ann"),
    FeedAuthor(key="bob", platform="mastodon", handle="bob@far.example", name="Bob"),
)
CHAT = Chat(slug="northmoor", title="Northmoor hour", hashtags=("northmoor",))


def post(key: str, minute: float, text: str = "Hello #northmoor", author: str = "bob", **more: Any) -> FeedPost:
    return FeedPost(key=key, author=author, at=shift(START, minutes=minute), text=f"{key}: {text}", **more)


@dataclass
class Stage:
    """A served feed with its faults, its clock and a source that asks it."""

    base: str
    feed: Feed
    faults: Faults
    http: httpx.Client
    now: datetime = NOW
    token: str | None = None

    def clock(self) -> datetime:
        return self.now

    def source(self) -> MastodonSource:
        tokens = {self.base: self.token} if self.token else {}
        return MastodonSource(self.http, self.clock, servers=[self.base], tokens=tokens)

    def plan(self, window: Window = Window(), floor: str | None = None) -> Plan:
        (plan,) = self.source().plans("tag", CHAT, window)
        return Plan(key=plan.key, purpose="tag", query=plan.query, server=plan.server, window=window, floor=floor)

    def visible(self) -> set[str]:
        """What a complete walk must find: each public, tagged, unboosted post that is shown now."""
        server = Server(self.feed, "mastodon.stage.example")
        return {
            f"mastodon:{server.uri_of(each)}"
            for each in self.feed.posts
            if each.shown(self.now) and each.visibility == "public" and "#northmoor" in each.text and not each.repost_of
        }


@contextmanager
def staged(*posts: FeedPost, token: str | None = None, now: datetime = NOW) -> Iterator[Stage]:
    feed, faults = Feed(AUTHORS, posts), Faults()
    stage: Stage | None = None
    with build_client("test") as http:
        app = build_mastodon(feed, lambda: stage.clock() if stage else now, faults, token=token)
        with serving(app) as base:
            stage = Stage(base, feed, faults, http, now, token)
            yield stage


@dataclass
class Walked:
    """What a walk brought home."""

    pages: list[RawPage] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    cursors: list[str | None] = field(default_factory=list)

    @property
    def posts(self) -> set[str]:
        return {each.id for batch in self.batches for each in batch.posts}

    def top(self, source: MastodonSource) -> str:
        top = ""
        for batch in self.batches:
            top = source.higher(top, batch.top) if batch.top else top
        return top


def walk(source: MastodonSource, plan: Plan, cursor: str | None = None) -> Walked:
    walked = Walked()
    for _ in range(60):
        walked.cursors.append(cursor)
        page = source.fetch(plan, cursor)
        walked.pages.append(page)
        walked.batches.append(source.parse(page))
        cursor = page.next_cursor
        if cursor is None:
            return walked
        assert cursor not in walked.cursors
    raise AssertionError("a walk without end")


def many() -> list[FeedPost]:
    """A busy chat: 95 tagged posts and what must not be found."""
    tagged = [post(f"p{n}", n / 2, author="ann" if n % 3 else "bob") for n in range(95)]
    late = post("late", 3, arrives_at=shift(START, minutes=20))
    fetched = post("far-fetched", 1, arrives_at=shift(START, minutes=40))
    return [
        *tagged, late, fetched,
        post("unlisted", 5, visibility="unlisted"), post("private", 5, visibility="private"),
        post("boost", 6, repost_of="p1"), post("untagged", 7, text="Hello"), post("future", 60 * 24 * 9),
        post("deleted", 8, deleted_at=shift(START, minutes=9)),
    ]  # fmt: skip


def answering(*answers: httpx.Response | Callable[[httpx.Request], httpx.Response], **options: Any) -> MastodonSource:
    """A source whose servers give these answers, one after the other; the last for ever."""
    queue = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        following = queue.pop(0) if len(queue) > 1 else queue[0]
        return following(request) if callable(following) else following

    http = httpx.Client(transport=httpx.MockTransport(answer))
    return MastodonSource(http, lambda: NOW, **{"servers": [SERVER], **options})


def status(native_id: str, **more: Any) -> dict[str, Any]:
    account = {"acct": "ann", "uri": f"{SERVER}/users/ann", "url": f"{SERVER}/@ann"}
    return {
        "id": native_id, "uri": f"{SERVER}/users/ann/statuses/{native_id}", "created_at": START,
        "visibility": "public", "content": "<p>Hello</p>", "account": account, "tags": [], **more,
    }  # fmt: skip


def snowflake(moment: str) -> str:
    return str(int(from_text(moment).timestamp() * 1000) << 16)


PLAN = Plan(key="k", purpose="tag", query="northmoor", server=SERVER)

# -- walks


def test_a_full_walk_finds_exactly_the_visible_posts() -> None:
    with staged(*many()) as stage:
        walked = walk(stage.source(), stage.plan())
        assert walked.posts == stage.visible()
        assert len(walked.posts) == 97
        assert not [flaw for batch in walked.batches for flaw in batch.flaws]


def test_a_walk_resumed_at_any_cursor_finds_what_an_unbroken_one_finds() -> None:
    with staged(*many()) as stage:
        whole = walk(stage.source(), stage.plan())
        assert len(whole.cursors) > 3
        for n, cursor in enumerate(whole.cursors):
            before = {each.id for batch in whole.batches[:n] for each in batch.posts}
            assert before | walk(stage.source(), stage.plan(), cursor).posts == stage.visible()


def test_a_late_delivery_is_found_by_the_next_walk_above_the_floor() -> None:
    with staged(*many(), post("delivered", 2, arrives_at=shift(START, minutes=90))) as stage:
        stage.now = from_text(START) + timedelta(minutes=60)
        first = walk(source := stage.source(), stage.plan())
        stage.now += timedelta(hours=1)
        second = walk(source, stage.plan(floor=source.floor_below(first.top(source))))
        assert second.posts - first.posts == stage.visible() - first.posts
        assert len(second.posts - first.posts) == 1
        # One page of the newest reaches below the five minutes of the overlap (the old top is of minute 47).
        assert len(second.pages) == 1


def test_a_poll_of_a_busy_chat_is_one_request() -> None:
    with staged(*(post(f"p{n}", n / 5, author="ann") for n in range(300))) as stage:
        stage.now = from_text(START) + timedelta(minutes=40)
        top = walk(source := stage.source(), stage.plan()).top(source)
        stage.now += timedelta(seconds=20)
        second = walk(source, stage.plan(floor=source.floor_below(top)))
        assert len(second.pages) == 1
        assert second.top(source) > top


def test_a_post_fetched_below_the_cursor_is_found_by_a_walk_over_its_window() -> None:
    with staged(*many()) as stage:
        stage.now = from_text(START) + timedelta(minutes=30)
        source = stage.source()
        first = walk(source, stage.plan())
        stage.now += timedelta(hours=1)
        forward = walk(source, stage.plan(floor=source.floor_below(first.top(source))))
        missed = stage.visible() - first.posts - forward.posts
        assert len(missed) == 1
        window = Window(START, shift(START, minutes=60))
        assert missed <= walk(source, stage.plan(window)).posts == stage.visible()


def test_a_window_keeps_late_deliveries_and_stops_beyond_them() -> None:
    busy = [post(f"d{n}", n * 10) for n in range(6 * 24 * 3)]
    delivered = post("delivered", 90, arrives_at=shift(START, hours=20))
    with staged(*busy, delivered, now=NOW + timedelta(days=9)) as stage:
        window = Window(shift(START, hours=1), shift(START, hours=2))
        walked = walk(stage.source(), stage.plan(window))
        server = Server(stage.feed, "mastodon.stage.example")
        wanted = {f"mastodon:{server.uri_of(each)}" for each in [*busy[6:12], delivered]}
        assert wanted <= walked.posts
        assert f"mastodon:{server.uri_of(busy[0])}" not in walked.posts
        assert len(walked.pages) <= 5


def test_a_post_whose_id_is_a_little_older_than_its_time_is_in_the_window() -> None:
    early = status(snowflake(shift(START, seconds=-1)), created_at=START)

    def server(request: httpx.Request) -> httpx.Response:
        above = int(early["id"]) > int(request.url.params.get("min_id", 0))
        return httpx.Response(200, json=[early] if above and "min_id" in request.url.params else [])

    plan = Plan(key="k", purpose="tag", query="x", server=SERVER, window=Window(START, shift(START, hours=1)))
    assert len(walk(answering(server), plan).posts) == 1


def test_a_quiet_hashtag_costs_one_request_where_a_floor_is_known() -> None:
    with staged(post("a", 0)) as stage:
        source = stage.source()
        top = walk(source, stage.plan()).top(source)
        assert len(walk(source, stage.plan(floor=top)).pages) == 1


def test_an_unknown_hashtag_ends_at_once_with_nothing() -> None:
    with staged(post("a", 0, text="Hello")) as stage:
        walked = walk(stage.source(), stage.plan())
        assert (walked.posts, len(walked.pages)) == (set(), 2)
        assert all(batch.top is None for batch in walked.batches)


def test_short_pages_do_not_end_a_walk() -> None:
    ids = [snowflake(shift(START, minutes=n)) for n in range(5)]

    def one_by_one(request: httpx.Request) -> httpx.Response:
        above = [each for each in ids if int(each) > int(request.url.params["min_id"])]
        return httpx.Response(200, json=[status(each) for each in above[:1]])

    assert len(walk(answering(one_by_one), PLAN).posts) == 5


def test_a_post_that_is_not_public_moves_the_walk_on_but_is_never_seen() -> None:
    ids = [snowflake(shift(START, minutes=n)) for n in range(4)]
    private = status(ids[0], visibility="private", content="<p>between us</p>")
    boost = status(ids[1], reblog=status("9", visibility="direct", content="<p>between us</p>"))
    quote = {"state": "accepted", "quoted_status": status("8", visibility="private", content="<p>between us</p>")}
    pages = [[private], [boost], [status(ids[2], quote=quote)], [status(ids[3], visibility=None)], []]
    walked = walk(answering(*(httpx.Response(200, json=each) for each in pages)), PLAN)
    assert b"between us" not in b"".join(page.body for page in walked.pages)
    assert len(walked.posts) == 1
    assert len(walked.pages) == 5
    assert not [flaw for batch in walked.batches for flaw in batch.flaws]


def test_a_public_page_is_kept_byte_for_byte() -> None:
    body = b'[ {"id":"5", "visibility":"public","uri":"u"} ]\n'
    assert answering(httpx.Response(200, content=body)).fetch(PLAN, None).body == body


# -- servers with other ids


def ulid(moment: str) -> str:
    alphabet, number, text = "0123456789ABCDEFGHJKMNPQRSTVWXYZ", int(from_text(moment).timestamp() * 1000), ""
    for _ in range(10):
        text, number = alphabet[number % 32] + text, number // 32
    return text + "0" * 16


class UlidServer:
    """Answers as GoToSocial does: ids are ULIDs of the time of writing, compared as texts."""

    def __init__(self, count: int) -> None:
        self.ids = [ulid(shift(START, minutes=n)) for n in range(count)]
        self.asked: list[httpx.QueryParams] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        params = request.url.params
        self.asked.append(params)
        inside = [each for each in self.ids if params.get("min_id", "") < each < params.get("max_id", "~")]
        page = inside[:40] if "min_id" in params else inside[-40:]
        times = {each: shift(START, minutes=n) for n, each in enumerate(self.ids)}
        return httpx.Response(200, json=[status(each, created_at=times[each]) for each in reversed(page)])


@pytest.mark.parametrize("start", [None, START])
def test_ids_that_are_no_numbers_are_walked_down_to_the_start(start: str | None) -> None:
    server = UlidServer(130)
    walked = walk(answering(server), Plan(key="k", purpose="tag", query="x", server=SERVER, window=Window(start)))
    assert len(walked.posts) == 130


def test_a_downward_walk_stops_below_its_window_or_floor() -> None:
    server = UlidServer(500)
    source = answering(server)
    late = Window(shift(START, minutes=400), None)
    walked = walk(source, Plan(key="k", purpose="tag", query="x", server=SERVER, window=late))
    assert {f"mastodon:{SERVER}/users/ann/statuses/{each}" for each in server.ids[400:]} <= walked.posts
    assert len(walked.posts) < 200
    top = walked.top(source)
    assert top == server.ids[-1]
    server.ids += [ulid(shift(START, minutes=n)) for n in range(500, 560)]
    again = walk(source, Plan(key="k", purpose="tag", query="x", server=SERVER, floor=source.floor_below(top)))
    assert len(again.posts - walked.posts) == 60
    assert "min_id" not in server.asked[-1]


def test_a_downward_walk_resumes_where_it_stopped() -> None:
    server = UlidServer(130)
    source = answering(server)
    whole = walk(source, PLAN)
    for n, cursor in enumerate(whole.cursors):
        before = {each.id for batch in whole.batches[:n] for each in batch.posts}
        assert before | walk(source, PLAN, cursor).posts == whole.posts


def test_a_server_deaf_to_min_id_is_walked_downward() -> None:
    ids = [snowflake(shift(START, minutes=n)) for n in range(90)]

    def deaf(request: httpx.Request) -> httpx.Response:
        below = [each for each in ids if int(each) < int(request.url.params.get("max_id", 1 << 63))]
        return httpx.Response(200, json=[status(each) for each in below[-40:][::-1]])

    assert len(walk(answering(deaf), PLAN).posts) == 90


def test_numbers_of_another_epoch_do_not_end_a_window_early() -> None:
    ids = [str((600_000_000 << 30) + n) for n in range(60)]  # as Takahe counts: far beyond today, if read as Mastodon's

    def server(request: httpx.Request) -> httpx.Response:
        above = [each for each in ids if int(each) > int(request.url.params["min_id"])]
        return httpx.Response(200, json=[status(each) for each in above[:40][::-1]])

    plan = Plan(key="k", purpose="tag", query="x", server=SERVER, window=Window(START, shift(START, hours=1)))
    assert len(walk(answering(server), plan).posts) == 60


def test_a_server_deaf_to_every_bound_repeats_its_cursor_so_that_the_walker_can_stop() -> None:
    source = answering(httpx.Response(200, json=[status("01B"), status("01A")]))
    first = source.fetch(PLAN, None).next_cursor
    second = source.fetch(PLAN, first).next_cursor
    third = source.fetch(PLAN, second).next_cursor
    assert second is not None
    assert second == third


def test_positions_are_compared_by_length_first_and_floors_lie_five_minutes_below() -> None:
    source = answering(httpx.Response(200))
    assert source.higher("99", "100") == "100"
    assert source.higher("01J", "01K") == "01K"
    assert source.floor_below("01K") == "01K"
    assert source.floor_below("5") == "0"
    assert source.floor_below(snowflake(START)) == snowflake(shift(START, minutes=-5))


# -- plans and lookups


def test_each_server_and_hashtag_is_a_walk_of_its_own_with_a_stable_key() -> None:
    source = answering(httpx.Response(200), servers=["https://A.example/", "https://b.example", "https://a.example"])
    chat = Chat(slug="c", title="C", hashtags=("northmoor", "elmbridge"))
    plans = source.plans("tag", chat)
    assert [plan.server for plan in plans] == ["https://a.example"] * 2 + ["https://b.example"] * 2
    windowed = source.plans("tag", chat, Window(START, None))
    keys = {plan.key for plan in [*plans, *windowed]}
    assert len(keys) == 8
    assert keys == {plan.key for plan in [*source.plans("tag", chat), *source.plans("tag", chat, Window(START, None))]}


def test_hashtags_of_any_script_are_asked_for_in_the_path() -> None:
    seen: list[bytes] = []

    def note(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.raw_path)
        return httpx.Response(200, json=[])

    answering(note).fetch(Plan(key="k", purpose="tag", query="llŷn/x?", server=SERVER), None)
    assert seen[0].startswith(b"/api/v1/timelines/tag/ll%C5%B7n%2Fx%3F?")


def test_lookups_find_what_is_visible_and_name_what_is_missing() -> None:
    posts = [post(f"p{n}", n) for n in range(44)] + [post("gone", 50, deleted_at=shift(START, minutes=51))]
    with staged(*posts) as stage:
        server = Server(stage.feed, "mastodon.stage.example")
        refs = tuple(f"{stage.base} {server.id_of(each)}" for each in posts)
        plans = stage.source().plans("posts", CHAT, refs=refs + refs[:1])
        assert [len(plan.refs) for plan in plans] == [20, 20, 5]
        batches = [stage.source().parse(stage.source().fetch(plan, None)) for plan in plans]
        gone = Ref(str(server.id_of(posts[-1])), stage.base)
        assert sum(len(batch.posts) for batch in batches) == 44
        assert [ref for batch in batches for ref in batch.missing] == [gone]
        assert [each for batch in batches for each in batch.deletions] == [Deletion(gone, "unavailable")]
        assert all(batch.top is None for batch in batches)


def test_refs_of_several_servers_go_to_their_own() -> None:
    source = answering(httpx.Response(200))
    plans = source.plans("posts", CHAT, refs=("https://a.example 1", "https://b.example 2", "https://a.example 3"))
    assert {(plan.server, plan.refs) for plan in plans} == {
        ("https://a.example", ("1", "3")), ("https://b.example", ("2",)),
    }  # fmt: skip


# -- what goes wrong


@pytest.mark.parametrize("kind", ["cut", "truncate", "garble", "empty", "html", "status"])
def test_a_fault_is_worth_another_try_and_the_next_try_loses_nothing(kind: FaultKind) -> None:
    with staged(*many()) as stage:
        source, plan, cursor, found = stage.source(), stage.plan(), None, set[str]()
        for _ in range(10):
            stage.faults.add(Fault(kind=kind, status=200 if kind == "html" else 500))
            with pytest.raises(Retriable):
                source.fetch(plan, cursor)
            page = source.fetch(plan, cursor)
            found |= {each.id for each in source.parse(page).posts}
            cursor = page.next_cursor
            if cursor is None:
                break
        assert found == stage.visible()


RESETS = [
    ({"x-ratelimit-reset": "2026-10-09T09:05:00.070144Z"}, 300.0, 302.0),
    ({"x-ratelimit-reset": str(int(NOW.timestamp()) + 60)}, 60.0, 60.0),
    ({"x-ratelimit-reset": "2026-10-09T08:00:00.000001Z"}, 0.0, 0.0),
    ({"x-ratelimit-reset": "1000000001"}, 0.0, 0.0),
    ({"retry-after": "30"}, 30.0, 30.0),
    ({"retry-after": "9" * 12}, 86_400.0, 86_400.0),
    ({"retry-after": "9" * 40}, 86_400.0, 86_400.0),
    ({"x-ratelimit-reset": "9999-12-31T23:59:59Z"}, 86_400.0, 86_400.0),
    ({"x-ratelimit-reset": "0001-01-01T00:00:00Z"}, 0.0, 0.0),
]


@pytest.mark.parametrize(("headers", "least", "most"), RESETS)
def test_a_limit_says_how_long_to_wait_and_never_less_than_nothing(
    headers: dict[str, str], least: float, most: float
) -> None:
    with staged(post("a", 0)) as stage:
        stage.faults.add(Fault(kind="status", status=429, headers=headers, body=b'{"error":"Too many requests"}'))
        with pytest.raises(Retriable) as caught:
            stage.source().fetch(stage.plan(), None)
        assert caught.value.after is not None
        assert least <= caught.value.after <= most


@pytest.mark.parametrize(
    "said", ["", "soon", "9999-99-99T00:00:00Z", "-5", "1e30", "nan", "1e999", "Fri, 09 Oct 2026 10:00:00 GMT"]
)
def test_a_limit_that_says_no_time_leaves_the_wait_to_the_retry_rule(said: str) -> None:
    source = answering(httpx.Response(429, headers={"x-ratelimit-reset": said} if said else {}))
    with pytest.raises(Retriable) as caught:
        source.fetch(PLAN, None)
    assert caught.value.after is None


def test_a_server_that_shows_hashtags_to_accounts_alone_names_the_variable_and_where_to_get_a_token() -> None:
    with staged(post("a", 0), token="right") as stage:
        stage.token = None
        with pytest.raises(Fatal, match=r"signed-in accounts only.*set MASTODON_TOKEN$") as caught:
            stage.source().fetch(stage.plan(), None)
        assert f"{stage.base}/settings/applications" in str(caught.value)
        stage.token = "wrong"
        with pytest.raises(Fatal, match="does not accept our token"):
            stage.source().fetch(stage.plan(), None)
        stage.token = "right"
        assert walk(stage.source(), stage.plan()).posts == stage.visible()


def test_a_refusal_in_other_words_means_the_same_where_we_have_no_token() -> None:
    refusal = httpx.Response(422, json={"error": "Mae angen cyfrif"})
    with pytest.raises(Fatal, match="signed-in accounts only"):
        answering(refusal).fetch(PLAN, None)
    with pytest.raises(Skippable):
        answering(refusal, tokens={SERVER: TOKEN}).fetch(PLAN, None)


def test_with_several_servers_the_variable_names_the_host() -> None:
    assert token_variable("https://one.example", 1) == "MASTODON_TOKEN"
    assert token_variable("https://my-council.social", 2) == "MASTODON_TOKEN_MY_COUNCIL_SOCIAL"
    source = answering(httpx.Response(401), servers=[SERVER, "https://other.example"])
    with pytest.raises(Fatal, match=r"set MASTODON_TOKEN_SOCIAL_EXAMPLE$"):
        source.fetch(PLAN, None)


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (httpx.Response(403, json={"error": "This action is outside the authorized scopes"}), Fatal),
        (httpx.Response(404, html="<h1>Not here</h1>"), Fatal),
        (httpx.Response(301, headers={"location": "https://elsewhere.example"}), Fatal),
        (httpx.Response(404, json={"error": "Not Found"}), Skippable),
        (httpx.Response(400, json={"error": "Bad"}), Skippable),
        (httpx.Response(502, html="<h1>Bad gateway</h1>"), Retriable),
        (httpx.Response(204), Retriable),
        (httpx.Response(200, json={"error": "odd"}), Retriable),
        (httpx.Response(200, json=[{"visibility": "public"}]), Retriable),
        (httpx.Response(200, content=b"[" * 200_000), Retriable),
        (httpx.Response(200, content=b"[" + b"9" * 10_000 + b"]"), Retriable),
    ],
)
def test_an_answer_that_is_no_page_says_what_can_be_done(response: httpx.Response, error: type[ExchangeError]) -> None:
    with pytest.raises(error) as caught:
        answering(response).fetch(PLAN, None)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "items",
    [[5, None, "x"], [{}], [{"id": "1"}], [{"uri": "https://far.example/1"}], {"uri": "social.example"}, {"a": []}, 5],
)
def test_a_list_without_a_single_post_is_worth_another_try_in_walks_and_look_ups(items: Any) -> None:
    source = answering(httpx.Response(200, json=items))
    (lookup,) = source.plans("posts", CHAT, refs=(f"{SERVER} 1",))
    for plan, cursor in ((PLAN, None), (PLAN, '{"go": "down", "from": "9"}'), (lookup, None)):
        with pytest.raises(Retriable):
            source.fetch(plan, cursor)


def test_an_odd_item_among_posts_stops_no_page() -> None:
    source = answering(httpx.Response(200, json=[5, status(snowflake(START)), {}]))
    page = source.fetch(PLAN, None)
    assert page.next_cursor is not None
    assert len(source.parse(page).posts) == 1


def test_a_strange_cursor_starts_the_walk_anew() -> None:
    with staged(post("a", 0)) as stage:
        for cursor in ("", "{", "[]", "null", '{"go":"up"}'):
            assert walk(stage.source(), stage.plan(), cursor).posts == stage.visible()


# -- secrets


def test_a_token_goes_to_its_own_server_alone_and_into_no_page() -> None:
    seen: dict[str, str | None] = {}

    def note(request: httpx.Request) -> httpx.Response:
        seen[request.url.host] = request.headers.get("authorization")
        return httpx.Response(200, json=[], headers={"x-ratelimit-limit": "300", "set-cookie": f"a={TOKEN}"})

    source = answering(note, servers=[SERVER, "https://other.example"], tokens={f"{SERVER}/": f" {TOKEN}\n"})
    pages = [source.fetch(plan, None) for plan in source.plans("tag", CHAT)]
    pages += [source.fetch(plan, None) for plan in source.plans("posts", CHAT, refs=("https://third.example 1",))]
    assert seen == {"social.example": f"Bearer {TOKEN}", "other.example": None, "third.example": None}
    assert all(TOKEN not in repr(page) for page in pages)


@pytest.mark.parametrize("code", [0, 200, 400, 401, 403, 404, 422, 429, 500])
def test_no_error_tells_the_token(code: int) -> None:
    def echo(request: httpx.Request) -> httpx.Response:
        if code == 0:
            raise httpx.ConnectError("refused", request=request)
        return httpx.Response(code, json={"error": request.headers["authorization"]})

    with pytest.raises(ExchangeError) as caught:
        answering(echo, tokens={SERVER: TOKEN}).fetch(PLAN, None)
    assert TOKEN not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("token", ["two words", "snow\N{SNOWMAN}man", "a\nb", "", "  "])
def test_a_token_that_cannot_be_sent_is_named_and_not_shown(token: str) -> None:
    with pytest.raises(SettingsError, match="MASTODON_TOKEN is not a token") as caught:
        answering(httpx.Response(200), tokens={SERVER: token})
    assert not token.strip() or token not in str(caught.value)


@pytest.mark.parametrize("server", ["http://social.example", "social.example", "https://me:pw@social.example"])
def test_a_server_must_be_a_plain_https_address(server: str) -> None:
    with pytest.raises(SettingsError):
        answering(httpx.Response(200), servers=[server])


# -- check


def checked(answers: dict[str, httpx.Response], **options: Any) -> list[tuple[str, str, str]]:
    def route(request: httpx.Request) -> httpx.Response:
        response = answers.get(request.url.path, httpx.Response(404, json={"error": "Not Found"}))
        response.headers.setdefault("date", f"{NOW:%a, %d %b %Y %H:%M:%S} GMT")
        return response

    return [(each.message, each.remedy, each.level) for each in answering(route, **options).check()]


def instance(**access: str) -> dict[str, httpx.Response]:
    feeds = {"configuration": {"timelines_access": {"hashtag_feeds": access}}} if access else {"domain": "x"}
    return {"/api/v2/instance": httpx.Response(200, json=feeds), PROBE: httpx.Response(200, json=[])}


PROBE = "/api/v1/timelines/tag/mastodon"
OPEN = instance(local="public", remote="public")
CREDENTIALS = "/api/v1/accounts/verify_credentials"


def test_a_healthy_server_gives_no_problem() -> None:
    assert checked(OPEN) == []
    assert checked(instance()) == []
    assert checked({PROBE: httpx.Response(200, json=[])}) == []  # no word about itself, as on old servers
    with_token = {**OPEN, CREDENTIALS: httpx.Response(403, json={"error": "outside the authorized scopes"})}
    assert checked(with_token, tokens={SERVER: TOKEN}) == []


def test_each_fault_of_a_server_is_a_problem_with_its_remedy() -> None:
    wants_user = httpx.Response(422, json={"error": "This method requires an authenticated user"})
    web_page = httpx.Response(404, html="<h1>Hello</h1>")
    invalid = {**OPEN, CREDENTIALS: httpx.Response(401, json={"error": "The access token is invalid"})}
    for problems, message, remedy in [
        (checked(instance(local="public", remote="authenticated")), "signed-in accounts only", "set MASTODON_TOKEN"),
        (checked({**instance(), PROBE: wants_user}), "signed-in accounts only", "settings/applications"),
        (checked(invalid, tokens={SERVER: TOKEN}), "does not accept our token", "set MASTODON_TOKEN"),
        (checked(instance(local="disabled", remote="disabled")), "switched hashtag pages off", "another server"),
        (checked(instance(local="public", remote="disabled")), "other servers' posts out", "another server"),
        (checked({"/api/v2/instance": web_page, PROBE: web_page}), "does not look like a Mastodon", "mend its address"),
        (checked({"/api/v2/instance": httpx.Response(200, html="<p>")}), "does not look like a Mastodon", "mend"),
        (checked({"/api/v2/instance": httpx.Response(500)}), "in trouble", "try again later"),
    ]:
        ((found, advice, _),) = problems
        assert message in found
        assert remedy in advice


def test_a_wrong_clock_is_a_warning() -> None:
    answer = httpx.Response(200, json={"domain": "x"}, headers={"date": "Fri, 09 Oct 2026 12:00:00 GMT"})
    problems = checked({"/api/v2/instance": answer, PROBE: httpx.Response(200, json=[])})
    assert [(level, "180 minutes" in message) for message, _, level in problems] == [("warning", True)]


def test_a_server_that_is_down_is_a_problem_and_the_others_are_checked_all_the_same() -> None:
    with staged(post("a", 0), now=datetime.now(UTC)) as stage:
        source = MastodonSource(stage.http, stage.clock, servers=["http://127.0.0.1:9", stage.base])
        (problem,) = source.check()
    assert "could not be reached" in problem.message
    assert problem.level == "error"
    assert "127.0.0.1:9" in problem.where


def test_a_page_says_where_when_and_how_it_was_fetched() -> None:
    answer = httpx.Response(200, json=[], headers={"x-ratelimit-remaining": "299", "set-cookie": "a=b"})
    page = answering(answer).fetch(PLAN, None)
    assert (page.source, page.format, page.origin, page.server) == ("mastodon", "tag", "social.example", SERVER)
    assert page.fetched_at == to_text(NOW)
    assert page.url == f"{SERVER}/api/v1/timelines/tag/northmoor?min_id=0&limit=40"
    assert page.headers["x-ratelimit-remaining"] == "299"
    assert "set-cookie" not in page.headers
    assert json.loads(page.next_cursor or "") == {"go": "down", "from": ""}
