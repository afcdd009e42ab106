"""Threads, several servers over one feed, and what check() says of servers that keep people out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from memory_archive import memory_archive

from archive.errors import Fatal, Retriable, Skippable
from archive.models import Chat, Deletion, Problem, RawPage, Ref
from archive.store import Archive, WalkPlace, prepare_page
from archive.times import shift
from archive.walks import Walk, begin_walk, load_open_walk
from chatkeep.stage.faults import Faults
from chatkeep.stage.feed import Feed, FeedAuthor, FeedPost
from chatkeep.stage.mastodon import build_mastodon
from chatkeep.stage.mastodon_shapes import Access, Server
from chatkeep.stage.serving import serving
from collector.sources.base import Plan
from collector.sources.mastodon import MastodonSource
from collector.transport import build_client

START = "2026-10-08T12:00:00.000Z"
NOW = datetime(2026, 10, 9, 9, 0, tzinfo=UTC)
SERVER = "https://social.example"
HOSTS = ("one.example", "two.example", "three.example")
CHAT = Chat(slug="northmoor", title="Northmoor hour", hashtags=("northmoor",))
TOKEN = "s3cret"
AUTHORS = tuple(
    FeedAuthor(key=key, platform="mastodon", handle=f"{key}@{host}", name=key.title())
    for key, host in zip(("ann", "bob", "cy"), HOSTS, strict=True)
)


def post(key: str, minute: float, text: str = "Hello #northmoor", **more: Any) -> FeedPost:
    return FeedPost(key=key, author=more.pop("author", "ann"), at=shift(START, minutes=minute), text=text, **more)


@contextmanager
def staged(*posts: FeedPost, hosts: tuple[str, ...] = HOSTS[:1], **more: Any) -> Iterator[tuple[MastodonSource, Feed]]:
    """A source over one staged server a host, all of them showing the same feed."""
    feed = Feed(AUTHORS, posts)
    with ExitStack() as stack:
        http = stack.enter_context(build_client("test"))
        apps = [build_mastodon(feed, lambda: NOW, Faults(), host=host, **more) for host in hosts]
        bases = [stack.enter_context(serving(app, lambda: NOW)) for app in apps]
        token = more.get("token")
        yield (
            MastodonSource(http, lambda: NOW, servers=bases, tokens=dict.fromkeys(bases, token) if token else {}),
            feed,
        )


def answering(response: httpx.Response) -> MastodonSource:
    http = httpx.Client(transport=httpx.MockTransport(lambda _: response))
    return MastodonSource(http, lambda: NOW, servers=[SERVER])


def thread_of(source: MastodonSource, native_id: object = 1) -> Plan:
    server = source.plans("tag", CHAT)[0].server
    (plan,) = source.plans("thread", CHAT, refs=(f"{server} {native_id}",) * 2)
    return plan


def walked(source: MastodonSource, plan: Plan) -> list[RawPage]:
    pages = [source.fetch(plan, None)]
    while (cursor := pages[-1].next_cursor) is not None:
        pages.append(source.fetch(plan, cursor))
    return pages


# -- threads


def test_a_thread_holds_what_a_post_answers_and_what_answers_it_without_what_is_private() -> None:
    posts = (
        post("question", 0),
        post("answer", 1, "No tag", reply_to="question"),
        post("more", 2, "No tag", reply_to="answer"),
        post("quiet", 3, "No tag", reply_to="answer", visibility="unlisted"),
        post("private", 4, "No tag", reply_to="answer", visibility="private"),
        post("elsewhere", 5, "No tag"),
    )
    with staged(*posts) as (source, feed):
        server = Server(feed, HOSTS[0])
        plan = thread_of(source, server.id_of(posts[1]))
        page = source.fetch(plan, None)
        batch = source.parse(page)
        assert plan.key == f"mastodon thread {plan.server} {server.id_of(posts[1])}"
        assert [each.id for each in batch.posts] == [f"mastodon:{server.uri_of(posts[n])}" for n in (0, 2, 3)]
        assert all(each.primary for each in batch.posts)
        assert batch.posts[1].reply_to == Ref(str(server.id_of(posts[1])), plan.server)
        assert (page.format, page.next_cursor, batch.top, batch.flaws) == ("thread", None, None, [])


def item(native_id: str, **more: Any) -> dict[str, Any]:
    account = {"acct": "ann", "uri": f"{SERVER}/users/ann"}
    uri = f"{SERVER}/users/ann/statuses/{native_id}"
    return {"id": native_id, "uri": uri, "created_at": START, "visibility": "public", "account": account, **more}


def test_private_posts_never_leave_the_answer_and_unknown_parts_are_named_alone() -> None:
    private = item("2", visibility="private", content="between us")
    answer = {"ancestors": [private], "descendants": [item("3"), private], "references": [private]}
    source = answering(httpx.Response(200, json=answer))
    page = source.fetch(thread_of(source), None)
    assert b"between us" not in page.body
    batch = source.parse(page)
    assert [each.native_ids[0].native_id for each in batch.posts] == ["3"]
    assert [flaw.detail for flaw in batch.flaws] == ["context.references is not understood"]


def test_a_public_thread_is_kept_byte_for_byte() -> None:
    body = json.dumps({"descendants": [item("3")], "ancestors": []}, indent=1).encode()
    source = answering(httpx.Response(200, content=body))
    assert source.fetch(thread_of(source), None).body == body


@pytest.mark.parametrize("status", [404, 410])
def test_a_thread_that_is_gone_is_a_page_that_says_so(status: int) -> None:
    source = answering(httpx.Response(status, json={"error": "Record not found"}))
    page = source.fetch(thread_of(source, 77), None)
    batch = source.parse(page)
    assert (page.http_status, page.next_cursor) == (status, None)
    assert batch.missing == [Ref("77", SERVER)]
    assert batch.deletions == [Deletion(Ref("77", SERVER), "unavailable")]


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (httpx.Response(404, html="<h1>Not here</h1>"), Skippable),
        (httpx.Response(401, json={"error": "no"}), Fatal),
        (httpx.Response(500), Retriable),
        (httpx.Response(200, json=[]), Retriable),
        (httpx.Response(200, json={"ancestors": []}), Retriable),
        (httpx.Response(200, json={"ancestors": [5], "descendants": []}), Retriable),
        (httpx.Response(200, content=b'{"ancestors": ['), Retriable),
    ],
)
def test_an_answer_that_is_no_thread_says_what_can_be_done(response: httpx.Response, error: type[Exception]) -> None:
    source = answering(response)
    with pytest.raises(error):
        source.fetch(thread_of(source), None)


def test_nothing_public_tells_quotes_or_counts() -> None:
    source = answering(httpx.Response(200))
    assert source.plans("quotes", CHAT, refs=(f"{SERVER} 1",)) == source.plans("counts", CHAT) == []


# -- several servers


def save(archive: Archive, plan: Plan, source: MastodonSource, page: RawPage) -> None:
    walk = load_open_walk(archive, plan.key) or begin_walk(
        archive, Walk(0, "northmoor", "mastodon", plan.key, None, None, None, None, archive.now(), None, None)
    )
    place = WalkPlace(walk.id, plan.key, "northmoor", "mastodon", None)
    archive.save_page(prepare_page(page), source.parse(page), place)


def test_servers_make_one_union_by_address_and_each_sighting_names_its_server() -> None:
    posts = (
        post("everywhere", 0),
        post("missing on two", 1, arrivals={HOSTS[1]: None}),
        post("on three alone", 2, author="cy", arrivals={HOSTS[0]: None, HOSTS[1]: None}),
        post("late on two", 3, arrivals={HOSTS[1]: shift(START, hours=2)}),
        post("not yet", 4, arrivals=dict.fromkeys(HOSTS, shift(START, hours=50))),
    )
    with staged(*posts, hosts=HOSTS) as (source, feed), memory_archive() as archive:
        for plan in source.plans("tag", CHAT):
            for page in walked(source, plan):
                save(archive, plan, source, page)
        uris = [f"mastodon:{Server(feed, HOSTS[0]).uri_of(each)}" for each in posts]
        seen = archive.conn.execute("SELECT post, count(DISTINCT server) FROM sightings GROUP BY post").fetchall()
        assert dict(seen) == dict(zip(uris[:4], (3, 2, 1, 3), strict=True))
        assert archive.conn.execute("SELECT count(*) FROM posts").fetchone() == (4,)
        assert archive.conn.execute("SELECT count(*) FROM post_ids").fetchone() == (9,)


# -- check


def checked(token: str | None = None, **access: Any) -> list[Problem]:
    with staged(post("a", 0), token=token, access=Access(**access)) as (source, _):
        return source.check()


def test_an_open_server_is_no_problem_whether_or_not_it_streams() -> None:
    assert checked() == checked(told=False) == checked(streams=False) == checked(TOKEN) == []
    assert checked(TOKEN, local="authenticated", remote="authenticated", closed=True) == []
    assert checked(TOKEN, scope="read:statuses") == []


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("part", ["local", "remote"])
def test_a_server_that_wants_a_user_token_is_named_with_the_remedy(part: str, told: bool) -> None:
    (problem,) = checked(told=told, **{part: "authenticated"})
    assert "signed-in accounts only" in problem.message
    assert problem.remedy.endswith("set MASTODON_TOKEN")
    assert checked(TOKEN, told=told, **{part: "authenticated"}) == []


def test_a_server_that_answers_nobody_without_a_token_is_found_though_it_calls_itself_open() -> None:
    (problem,) = checked(closed=True)
    assert "signed-in accounts only" in problem.message
    assert checked(TOKEN, closed=True) == []


def test_hashtag_pages_that_are_switched_off_are_an_error_and_half_of_them_a_warning() -> None:
    (problem,) = checked(TOKEN, local="disabled", remote="disabled")
    assert (problem.level, "switched hashtag pages off" in problem.message) == ("error", True)
    for part, words in (("local", "its own posts out"), ("remote", "other servers' posts out")):
        (problem,) = checked(TOKEN, **{part: "disabled"})
        assert (problem.level, words in problem.message, "another server" in problem.remedy) == ("warning", True, True)
        warning, error = checked(**{part: "disabled"})  # for the anonymous the rest is closed too
        assert (warning.level, error.level, "signed-in accounts only" in error.message) == ("warning", "error", True)


def test_a_token_that_may_not_read_posts_is_found() -> None:
    (problem,) = checked(TOKEN, scope="write")
    assert "does not let our token read posts" in problem.message
    assert "scope read" in problem.remedy


def test_a_wrong_token_is_found_where_hashtags_are_open_to_all() -> None:
    with staged(post("a", 0), token="right", access=Access()) as (source, _):
        server = source.plans("tag", CHAT)[0].server
        with build_client("test") as http:
            (problem,) = MastodonSource(http, lambda: NOW, servers=[server], tokens={server: "wrong"}).check()
    assert "does not accept our token" in problem.message


def test_paging_beyond_the_limit_is_told_with_the_time_to_wait() -> None:
    with staged(post("a", 0)) as (source, _):
        plan = source.plans("tag", CHAT)[0]
        with pytest.raises(Retriable, match="asks us to wait") as caught:
            [source.fetch(plan, None) for _ in range(301)]
        assert caught.value.after is not None
        assert 0 < caught.value.after <= timedelta(minutes=15).total_seconds() + 1
