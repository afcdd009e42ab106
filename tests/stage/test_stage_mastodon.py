"""The staged Mastodon pages, limits and refuses as Mastodon does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from archive.times import shift
from chatkeep.stage.faults import Faults
from chatkeep.stage.feed import Edit, Feed, FeedAuthor, FeedPost
from chatkeep.stage.mastodon import build_mastodon
from chatkeep.stage.mastodon_shapes import Server, fold_tag
from chatkeep.stage.serving import serving

START = "2026-10-08T12:00:00.000Z"
HOST = "mastodon.stage.example"
TAG = "/api/v1/timelines/tag/northmoor"
AUTHORS = (
    FeedAuthor(key="ann", platform="mastodon", handle="ann", name="Ann <Northmoor>", bio="I love #Maps"),
    FeedAuthor(key="bob", platform="mastodon", handle="bob@social.example", name="Bob"),
    FeedAuthor(key="xan", platform="x", handle="xan", name="Xan"),
)


class Now:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 10, 9, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment


def post(key: str, minute: float, text: str = "Hello #northmoor", author: str = "ann", **more: Any) -> FeedPost:
    return FeedPost(key=key, author=author, at=shift(START, minutes=minute), text=text, **more)


@contextmanager
def staged(
    *posts: FeedPost, clock: Callable[[], datetime] | None = None, token: str | None = None
) -> Iterator[httpx.Client]:
    app = build_mastodon(Feed(AUTHORS, posts), clock or Now(), Faults(), host=HOST, token=token)
    with serving(app) as base, httpx.Client(base_url=base) as client:
        yield client


def ids(response: httpx.Response) -> list[int]:
    return [int(each["id"]) for each in response.json()]


@pytest.fixture(scope="module")
def fifty() -> Iterator[httpx.Client]:
    with staged(*(post(f"p{n}", n) for n in range(50))) as client:
        yield client


@pytest.mark.parametrize(
    ("limit", "count"), [("", 20), ("5", 5), ("40", 40), ("41", 40), ("0", 0), ("-5", 5), ("x", 0)]
)
def test_a_page_holds_as_many_posts_as_mastodon_gives(fifty: httpx.Client, limit: str, count: int) -> None:
    found = ids(fifty.get(TAG, params={"limit": limit}))
    assert len(found) == count
    assert found == sorted(found, reverse=True)


def test_min_id_gives_the_next_above_and_since_id_the_newest(fifty: httpx.Client) -> None:
    everything = sorted(ids(fifty.get(f"{TAG}?limit=40")) + ids(fifty.get(f"{TAG}?limit=40&min_id=0")))
    lowest, highest = everything[0], everything[-1]
    assert min(ids(fifty.get(f"{TAG}?limit=3&min_id={lowest}"))) == sorted(set(everything))[1]
    assert max(ids(fifty.get(f"{TAG}?limit=3&since_id={lowest}"))) == highest
    assert max(ids(fifty.get(f"{TAG}?limit=3&max_id={highest}"))) < highest
    assert ids(fifty.get(f"{TAG}?min_id={highest}")) == []


def test_link_header_keeps_what_mastodon_keeps_and_loses_what_it_loses(fifty: httpx.Client) -> None:
    response = fifty.get(f"{TAG}?limit=2&local=true&any[]=maps&none[]=cats&all[]=x&remote=false")
    newest, oldest = ids(response)
    address = f"{fifty.base_url}{TAG}".replace("//api", "/api")
    assert response.headers["link"] == (
        f'<{address}?limit=2&local=true&max_id={oldest}>; rel="next", '
        f'<{address}?limit=2&local=true&min_id={newest}>; rel="prev"'
    )
    assert "link" not in fifty.get(f"{TAG}?min_id={1 << 62}").headers


def test_an_unknown_hashtag_is_an_empty_page_and_an_unknown_path_a_404(fifty: httpx.Client) -> None:
    assert fifty.get("/api/v1/timelines/tag/nothing").json() == []
    assert fifty.get("/api/v1/elsewhere").status_code == 404


def test_accents_and_case_do_not_tell_hashtags_apart() -> None:
    with staged(post("a", 0, "#Qualitätskatzen"), post("b", 1, "#qualitatskatzen #Ｗｉｄｅ")) as client:
        assert len(client.get("/api/v1/timelines/tag/QUALITATSKATZEN").json()) == 2
        assert len(client.get("/api/v1/timelines/tag/wide").json()) == 1
    assert fold_tag("#Llŷn") == "llyn"


def test_further_tags_and_places_narrow_a_timeline_as_documented() -> None:
    posts = (
        post("a", 0, "#one #two"),
        post("b", 1, "#three", author="bob"),
        post("c", 2, "#one #four", alt_text="A map"),
    )
    with staged(*posts) as client:

        def count(query: str) -> int:
            return len(client.get(f"/api/v1/timelines/tag/one?{query}").json())

        assert count("") == 2
        assert count("any[]=three") == 3
        assert count("any[]=w&any[]=x&any[]=y&any[]=three") == 2  # the main tag takes one of the four places
        assert count("all[]=two") == 1
        assert count("all[]=never-seen") == 2  # an unknown name asks for nothing
        assert count("none[]=four") == 1
        assert count("only_media=true") == 1
        assert count("any[]=three&local=true") == 2
        assert count("any[]=three&remote=true") == 1
        assert count("any[]=three&remote=true&local=true") == 3


def test_only_public_posts_are_in_a_timeline_and_boosts_never() -> None:
    posts = (
        post("public", 0),
        post("unlisted", 1, visibility="unlisted"),
        post("private", 2, visibility="private"),
        post("boost", 3, repost_of="public"),
        post("on x", 4, author="xan"),
        post("deleted", 5, deleted_at=shift(START, minutes=6)),
        post("to come", 60 * 24),
    )
    server = Server(Feed(AUTHORS, posts), HOST)
    with staged(*posts) as client:
        assert ids(client.get(TAG)) == [server.id_of(posts[0])]
        assert [client.get(f"/api/v1/statuses/{server.id_of(each)}").status_code for each in posts] == [
            *(200, 200, 404, 200, 404, 404, 404)
        ]
        boost = client.get(f"/api/v1/statuses/{server.id_of(posts[3])}").json()
        assert boost["reblog"]["id"] == str(server.id_of(posts[0]))
        asked = httpx.QueryParams([("id[]", str(server.id_of(each))) for each in posts])
        assert len(client.get("/api/v1/statuses", params=asked).json()) == 3


def test_more_than_twenty_posts_cannot_be_asked_for_at_once(fifty: httpx.Client) -> None:
    params = httpx.QueryParams([("id[]", str(n)) for n in range(21)])
    assert fifty.get("/api/v1/statuses", params=params).status_code == 422


def test_a_delivered_post_is_filed_under_its_arrival_and_a_fetched_one_under_its_writing() -> None:
    late = shift(START, minutes=30)
    posts = (
        post("delivered", 0, author="bob", arrives_at=late),
        post("late-fetched", 1, author="bob", arrives_at=late),
        post("own", 10, claims_at="2035-01-01T00:00:00Z"),
    )
    now = Now()
    now.moment = datetime(2026, 10, 8, 12, 20, tzinfo=UTC)
    with staged(*posts, clock=now) as client:
        (own,) = client.get(TAG).json()
        assert own["created_at"] == "2035-01-01T00:00:00.000Z"
        now.moment += timedelta(hours=1)
        delivered, again, fetched = client.get(TAG).json()
        assert again["id"] == own["id"]
        assert int(delivered["id"]) > int(own["id"]) > int(fetched["id"])
        assert delivered["created_at"] == START
        assert delivered["uri"].startswith("https://social.example/users/bob/statuses/")


def test_a_post_has_the_same_uri_and_another_id_on_every_server() -> None:
    posts = (post("a", 0, author="bob"),)
    feed = Feed(AUTHORS, posts)
    here, there, home = Server(feed, HOST), Server(feed, "other.example"), Server(feed, "social.example")
    assert len({server.uri_of(posts[0]) for server in (here, there, home)}) == 1
    assert len({server.id_of(posts[0]) for server in (here, there, home)}) == 3
    assert home.uri_of(posts[0]).endswith(str(home.id_of(posts[0])))
    assert home.account(AUTHORS[1])["acct"] == "bob"


def test_an_edit_changes_text_tags_and_edited_at_alone() -> None:
    edited = post("a", 0, edits=(Edit(at=shift(START, minutes=5), text="Hello #elmbridgevale"),))
    now = Now()
    now.moment = datetime(2026, 10, 8, 12, 1, tzinfo=UTC)
    with staged(edited, clock=now) as client:
        (before,) = client.get(TAG).json()
        now.moment += timedelta(hours=1)
        assert client.get(TAG).json() == []
        (after,) = client.get("/api/v1/timelines/tag/elmbridgevale").json()
    assert (before["edited_at"], after["edited_at"]) == (None, "2026-10-08T12:05:00.000Z")
    assert {name for name in before if before[name] != after[name]} == {"content", "tags", "edited_at"}


def test_paging_is_limited_to_three_hundred_in_fifteen_minutes_of_the_clock() -> None:
    now = Now()
    now.moment = datetime(2026, 10, 8, 12, 1, 30, 70144, tzinfo=UTC)
    app = build_mastodon(Feed(AUTHORS, (post("a", 0),)), now, Faults())

    async def ask() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://stage") as client:
            for n in range(150):
                await client.get(f"{TAG}?min_id={n}")
            now.moment += timedelta(minutes=5)  # the plain limit of five minutes begins anew, that of paging does not
            for n in range(150):
                last = await client.get(f"{TAG}?max_id={n}")
            assert (last.status_code, last.headers["x-ratelimit-remaining"]) == (200, "0")
            refused = await client.get(f"{TAG}?since_id=1")
            assert (refused.status_code, refused.json()) == (429, {"error": "Too many requests"})
            assert refused.headers["x-ratelimit-reset"] == "2026-10-08T12:15:00.070144Z"
            assert "retry-after" not in refused.headers
            assert (await client.get(TAG)).status_code == 200
            now.moment = datetime(2026, 10, 8, 12, 15, tzinfo=UTC)
            assert (await client.get(f"{TAG}?since_id=1")).status_code == 200

    asyncio.run(ask())


def test_a_wrong_token_is_as_good_as_none_where_accounts_alone_may_read() -> None:
    with staged(post("a", 0), token="right") as client:
        for headers in ({}, {"authorization": "Bearer wrong"}):
            refused = client.get(TAG, headers=headers)
            assert refused.status_code == 422
            assert refused.json() == {"error": "This method requires an authenticated user"}
            assert client.get("/api/v1/accounts/verify_credentials", headers=headers).status_code == 401
        right = {"authorization": "Bearer right"}
        assert len(client.get(TAG, headers=right).json()) == 1
        assert client.get(TAG, headers=right).headers["cache-control"] == "private, no-store"
        assert client.get("/api/v1/accounts/verify_credentials", headers=right).json()["acct"] == "keeper"
        access = client.get("/api/v2/instance").json()["configuration"]["timelines_access"]
        assert access["hashtag_feeds"] == {"local": "authenticated", "remote": "authenticated"}


def test_html_is_escaped_and_marked_up_as_mastodon_does() -> None:
    writer = AUTHORS[0]
    server = Server(Feed(AUTHORS, ()), HOST)
    assert server.content("Bins & <bags>\n'Tue'\n\n\nNext", writer) == (
        "<p>Bins &amp; &lt;bags&gt;<br>&#39;Tue&#39;</p><p>Next</p>"
    )
    assert server.content("#Maps", writer) == (
        f'<p><a href="https://{HOST}/tags/maps" class="mention hashtag" rel="tag">#<span>Maps</span></a></p>'
    )
    assert server.content("Ask @bob@social.example. Or @nobody@x.example", writer) == (
        '<p>Ask <span class="h-card" translate="no"><a href="https://social.example/@bob" class="u-url mention">'
        "@<span>bob</span></a></span>. Or @nobody@x.example</p>"
    )
    assert server.content("See https://www.northmoor.example/bins/collection/2026?a=1&b=2.", writer) == (
        '<p>See <a href="https://www.northmoor.example/bins/collection/2026?a=1&amp;b=2" target="_blank" '
        'rel="nofollow noopener" translate="no"><span class="invisible">https://www.</span>'
        '<span class="ellipsis">northmoor.example/bins/collect</span>'
        '<span class="invisible">ion/2026?a=1&amp;b=2</span></a>.</p>'
    )
