"""Walks past what a search gives by cursor: caps, refused cursors and orders of other kinds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from bluesky_ground import ANN, Hour, found, moment, tag_plan, walk

from archive.times import to_text
from chatkeep.stage.bluesky import STAGE_HANDLE, STAGE_PASSWORD, build_bluesky
from chatkeep.stage.faults import Faults
from chatkeep.stage.feed import Feed, FeedPost
from chatkeep.stage.serving import serving
from collector.sources.bluesky import BlueskySource
from collector.transport import build_client


@pytest.fixture
def hour() -> Hour:
    return Hour()


def test_a_walk_past_the_10000_hits_of_a_search_loses_nothing(hour: Hour) -> None:
    # Three posts a millisecond, so that slices meet inside one; a stored search as long as this takes seconds.
    def at(number: int) -> str:
        return to_text(datetime(2026, 10, 1, tzinfo=UTC) + timedelta(milliseconds=number // 3))

    many = tuple(
        FeedPost(key=str(number), author="ann", at=at(number), text=f"{number} #northmoor") for number in range(10_250)
    )
    with serving(build_bluesky(Feed((ANN,), many), hour, Faults(), hidden_every=0)) as base, build_client("t") as http:
        source = BlueskySource(
            http, hour, service=base, handle=STAGE_HANDLE, app_password=STAGE_PASSWORD, sessions_dir=None
        )
        pages, batches = walk(source, tag_plan(source))
    assert len(found(batches)) == 10_250
    assert not any("cursor=9900" in page.url for page in pages), "the last page of a search is its edge: stay off it"


# Searches that behave as Bluesky's may one day


class Search:
    """A search of bare posts by sort time, with a cap of its own; ``answer`` is a handler for MockTransport."""

    def __init__(self, times: list[str], cap: int) -> None:
        self.times = times
        self.cap = cap
        self.asked: list[dict[str, str]] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("createSession"):
            return httpx.Response(200, json={"accessJwt": "a", "refreshJwt": "b"})
        params = {name: values[0] for name, values in parse_qs(request.url.query.decode()).items()}
        self.asked.append(params)
        start = int(params.get("cursor", "0"))
        return self.page([i for i, time in enumerate(self.times) if time < params.get("until", "~")], start)

    def page(self, hits: list[int], start: int) -> httpx.Response:
        views = [self.view(i) for i in hits[start : start + 100]]
        more = start + 100 < min(self.cap, len(hits))
        return httpx.Response(200, json={"posts": views, **({"cursor": str(start + 100)} if more else {})})

    def view(self, i: int) -> dict[str, Any]:
        record = {"text": "", "createdAt": self.times[i]}
        return {"uri": f"at://did:plc:a/app.bsky.feed.post/{i}", "record": record, "indexedAt": self.times[i]}


@contextmanager
def searching(hour: Hour, answer: Callable[[httpx.Request], httpx.Response]) -> Iterator[BlueskySource]:
    with build_client("t", httpx.MockTransport(answer)) as http:
        yield BlueskySource(http, hour, handle="ann", app_password="x", sessions_dir=None)


class Refusing(Search):
    """A search that accepts no cursor, so that the walk goes on by time alone."""

    def page(self, hits: list[int], start: int) -> httpx.Response:
        if start:
            return httpx.Response(400, json={"error": "BadRequest", "message": "no cursors"})
        return super().page(hits, start)


def seconds_down(count: int) -> list[str]:
    return [moment(-number) for number in range(count)]


def test_a_long_search_that_ends_without_a_word_is_looked_at_again(hour: Hour) -> None:
    search = Search(seconds_down(7_000), cap=6_000)
    with searching(hour, search.answer) as source:
        _, batches = walk(source, tag_plan(source))
    assert len(found(batches)) == 7_000


def test_a_search_that_gives_its_cursor_again_goes_on_by_time(hour: Hour) -> None:
    class Stuck(Search):
        def page(self, hits: list[int], start: int) -> httpx.Response:
            answer = json.loads(super().page(hits, start).content)
            return httpx.Response(200, json={**answer, "cursor": "100"} if "cursor" in answer else answer)

    search = Stuck(seconds_down(450), cap=10_000)
    with searching(hour, search.answer) as source:
        pages, batches = walk(source, tag_plan(source))
    assert len(found(batches)) == 450
    assert len(pages) < 10


def test_a_slice_within_one_millisecond_does_not_hold_the_walk_for_ever(hour: Hour) -> None:
    search = Refusing([moment(9)] * 150 + [moment(8)] * 20, cap=10_000)
    with searching(hour, search.answer) as source:
        _, batches = walk(source, tag_plan(source))
    assert {post.created_at for post in found(batches).values()} == {moment(9), moment(8)}


def test_posts_brought_from_elsewhere_are_sliced_by_what_they_claim(hour: Hour) -> None:
    class Moved(Refusing):
        def view(self, i: int) -> dict[str, Any]:
            return {**super().view(i), "indexedAt": moment(60)}

    with searching(hour, Moved(seconds_down(250), cap=10_000).answer) as source:
        _, batches = walk(source, tag_plan(source))
    assert len(found(batches)) == 250


def test_pages_in_an_unexpected_order_are_sliced_by_index_time(hour: Hour) -> None:
    """Were Bluesky to order by index time, one post dated 1999 must not end the walk at 1999."""

    class ByIndex(Refusing):
        def view(self, i: int) -> dict[str, Any]:
            claims = {5: moment(-100), 99: "1999-01-01T00:00:00.000Z"}
            shown = super().view(i)
            return {**shown, "record": {"text": "", "createdAt": claims.get(i, self.times[i])}}

    search = ByIndex(seconds_down(170), cap=10_000)
    with searching(hour, search.answer) as source:
        _, batches = walk(source, tag_plan(source))
    assert len(found(batches)) == 170


def test_an_empty_page_with_a_cursor_goes_on(hour: Hour) -> None:
    class Hiding(Search):
        def page(self, hits: list[int], start: int) -> httpx.Response:
            shown = super().page(hits, start)
            return shown if start else httpx.Response(200, json={"posts": [], "cursor": "100"})

    with searching(hour, Hiding(seconds_down(150), cap=10_000).answer) as source:
        pages, batches = walk(source, tag_plan(source))
    assert (len(pages), batches[0].top, len(found(batches))) == (2, None, 50)
