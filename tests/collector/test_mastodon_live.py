"""Live walks and sweeps over one Mastodon server lose nothing that it shows, at one request a poll."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from hypothesis import given
from hypothesis import strategies as st
from memory_archive import memory_archive

from archive.models import Chat
from archive.store import Archive
from archive.times import to_text
from collector.retrying import Retrying
from collector.sources.base import Plan, Window
from collector.sources.mastodon import MastodonSource
from collector.walker import Walked, Walker

SERVER = "https://social.example"
CHAT = Chat(slug="northmoor", title="Northmoor hour", hashtags=("northmoor",))
START = datetime(2026, 10, 8, 12, tzinfo=UTC)
OVERLAP = (MastodonSource.limits.overlap_seconds * 1000) << 16


def id_at(moment: datetime, number: int) -> int:
    return (int(moment.timestamp() * 1000) << 16) + number


@dataclass
class Timeline:
    """A server with one hashtag, paged as Mastodon pages; after ``works`` more requests it is in trouble."""

    ids: set[int] = field(default_factory=set)
    now: datetime = START
    asked: list[str] = field(default_factory=list)
    works: int | None = None
    most: int = 40
    given: int = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.works == 0:
            return httpx.Response(503)
        self.works = None if self.works is None else self.works - 1
        self.asked.append(str(request.url))
        params = request.url.params
        low, high = int(params.get("min_id", -1)), int(params.get("max_id", 1 << 80))
        inside = sorted(each for each in self.ids if low < each < high)
        limit = min(self.most, int(params["limit"]))
        page = inside[:limit] if "min_id" in params else inside[-limit:]
        return httpx.Response(200, json=[self._status(each) for each in page[::-1]])

    def _status(self, native_id: int) -> dict[str, Any]:
        account = {"acct": "ann", "uri": f"{SERVER}/users/ann"}
        return {
            "id": str(native_id), "uri": f"{SERVER}/users/ann/statuses/{native_id}", "content": "<p>Tip</p>",
            "created_at": to_text(START), "visibility": "public", "account": account, "tags": [],
        }  # fmt: skip

    def add(self, count: int, minutes_ago: float = 0) -> None:
        """New posts, filed under the present, or (as fetched ones are) under an earlier time."""
        for _ in range(count):
            self.given += 1
            self.ids.add(id_at(self.now - timedelta(minutes=minutes_ago), self.given))


@dataclass
class Ground:
    """A timeline and the real walker over it."""

    archive: Archive
    server: Timeline = field(default_factory=Timeline)

    def __post_init__(self) -> None:
        stop = threading.Event()
        http = httpx.Client(transport=httpx.MockTransport(self.server))
        self.source = MastodonSource(http, lambda: self.server.now, servers=[SERVER])
        self.walker = Walker(self.archive, self.source, Retrying(stop, lambda _: None), stop)
        self.archive.clock = lambda: self.server.now

    def poll(self) -> Walked:
        (plan,) = self.source.plans("tag", CHAT)
        return self.walker.walk(CHAT, plan, since=to_text(START - timedelta(hours=1)))

    def sweep(self) -> Walked:
        window = Window(to_text(START - timedelta(days=2)), to_text(self.server.now + timedelta(days=1)))
        (plan,) = self.source.plans("sweep", CHAT, window)
        return self.walker.walk(CHAT, plan)

    def kept(self) -> set[int]:
        return {int(row[0]) for row in self.archive.conn.execute("SELECT native_id FROM post_ids")}

    def floor(self) -> int | None:
        row = self.archive.conn.execute(
            "SELECT top FROM walks WHERE status = 'done' AND key LIKE '%|tag|%' ORDER BY id DESC LIMIT 1"
        ).fetchone()
        return None if row is None or row[0] is None else int(row[0]) - OVERLAP


def test_a_poll_costs_one_request_where_something_is_new_and_where_nothing_is() -> None:
    with memory_archive() as archive:
        ground = Ground(archive)
        ground.server.add(3)
        ground.poll()
        for new in (0, 1, 30, 0):
            ground.server.now += timedelta(seconds=20)
            ground.server.add(new)
            before = len(ground.server.asked)
            assert ground.poll().status == "done"
            assert len(ground.server.asked) == before + 1
            assert ground.kept() == ground.server.ids
        assert ground.server.asked[-1] == f"{SERVER}/api/v1/timelines/tag/northmoor?limit=40"


def test_a_burst_is_walked_down_to_the_floor_and_no_further() -> None:
    with memory_archive() as archive:
        ground = Ground(archive)
        for _ in range(12):
            ground.server.add(20)
            ground.server.now += timedelta(minutes=5)
        ground.poll()
        before = len(ground.server.asked)
        ground.server.add(70)
        ground.poll()
        assert ground.kept() == ground.server.ids
        assert len(ground.server.asked) - before == 3  # 70 new and the 40 of the overlap


def test_short_pages_do_not_end_a_poll_before_what_was_seen_last() -> None:
    with memory_archive() as archive:
        ground = Ground(archive)
        ground.server.add(1)
        ground.poll()
        ground.server.now += timedelta(minutes=1)
        ground.server.add(10)
        ground.server.most = 3
        assert ground.poll().pages_count == 4
        assert ground.kept() == ground.server.ids


def test_a_walk_broken_off_goes_on_at_its_page_and_what_came_meanwhile_is_for_the_next() -> None:
    with memory_archive() as archive:
        ground = Ground(archive)
        ground.server.add(1)
        ground.poll()
        ground.server.now += timedelta(hours=1)
        ground.server.add(100)
        ground.server.works = 1
        assert ground.poll().status == "open"
        ground.server.works = None
        ground.server.now += timedelta(minutes=30)
        ground.server.add(5)
        assert ground.poll().status == "done"
        assert len(ground.server.ids - ground.kept()) == 5
        ground.poll()
        assert ground.kept() == ground.server.ids


def test_a_sweep_has_a_walk_of_its_own_and_a_floor_never_shortens_it() -> None:
    with memory_archive() as archive:
        ground = Ground(archive)
        window = Window(to_text(START), None)
        (tag,) = ground.source.plans("tag", CHAT, window)
        (sweep,) = ground.source.plans("sweep", CHAT, window)
        assert (sweep.key.startswith(f"mastodon sweep {SERVER} #northmoor"), sweep.key != tag.key) == (True, True)
        ground.server.add(1, minutes_ago=-5)
        plan = Plan(sweep.key, "sweep", query="northmoor", server=SERVER, window=window, floor=str(1 << 70))
        page = ground.source.fetch(plan, None)
        assert "min_id" in page.url
        assert (page.format, len(ground.source.parse(page).posts)) == ("tag", 1)


def test_a_plan_may_ask_for_less_than_a_whole_page() -> None:
    with memory_archive() as archive:
        ground = Ground(archive)
        for size, limit in ((None, 40), (7, 7), (400, 40), (0, 40)):
            page = ground.source.fetch(Plan("k", "tag", query="x", server=SERVER, page_size=size), None)
            assert re.search(r"limit=(\d+)", page.url)[1] == str(limit)  # type: ignore[index]  # it is there


Step = tuple[str, int, float, int | None]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["poll", "poll", "poll", "sweep"]),
        st.sampled_from([0, 0, 1, 3, 39, 40, 45]),
        st.sampled_from([0, 0.3, 4, 15, 90]),
        st.sampled_from([None, None, None, 0, 1, 2]),
    ),
    min_size=1,
    max_size=6,
)
LATE = st.lists(st.sampled_from([0.1, 5, 9.9, 11, 60, 1000]), max_size=2)


@given(STEPS, st.data())
def test_polls_and_sweeps_lose_nothing_that_the_server_shows(steps: list[Step], data: st.DataObject) -> None:
    with memory_archive() as archive:
        ground = Ground(archive)
        for action, new, minutes, works in steps:
            ground.server.now += timedelta(minutes=minutes)
            ground.server.add(new)
            for minutes_ago in data.draw(LATE):
                ground.server.add(1, minutes_ago)
            if ground.server.ids and data.draw(st.booleans()):
                gone = data.draw(st.sampled_from([1, 20, 40]))
                ground.server.ids -= set(sorted(ground.server.ids)[-gone:])
            ground.server.works = works
            _act_and_look(ground, action)
        ground.server.works = None
        ground.server.now += timedelta(minutes=1)
        for _ in range(2):  # the first may go on where a walk was broken off
            assert ground.poll().status == "done"
        assert ground.sweep().status == "done"
        assert ground.server.ids <= ground.kept()


def _act_and_look(ground: Ground, action: str) -> None:
    floor, asked, shown = ground.floor(), len(ground.server.asked), set(ground.server.ids)
    # One that goes on at its page leaves what came above it or late to the next.
    key = {"poll": "%|tag|%", "sweep": "%|sweep|%"}[action]
    is_fresh = not ground.archive.conn.execute(
        "SELECT 1 FROM walks WHERE status = 'open' AND key LIKE ?", [key]
    ).fetchone()
    result = ground.poll() if action == "poll" else ground.sweep()
    if result.status != "done" or not is_fresh:
        return
    if action == "sweep":
        assert shown <= ground.kept()
    elif floor is not None:
        assert {each for each in shown if each > floor} <= ground.kept()
        meets_old = not shown or min(shown) <= floor + OVERLAP
        if len([each for each in shown if each > floor]) < 40 and meets_old:
            assert len(ground.server.asked) - asked <= 1


def test_servers_are_asked_side_by_side_without_getting_into_each_others_way() -> None:
    timelines = {f"https://s{n}.example": Timeline() for n in range(4)}
    for n, timeline in enumerate(timelines.values()):
        timeline.add(100 + n)

    def route(request: httpx.Request) -> httpx.Response:
        return timelines[f"https://{request.url.host}"](request)

    with httpx.Client(transport=httpx.MockTransport(route)) as http:
        source = MastodonSource(http, lambda: START + timedelta(hours=1), servers=list(timelines))
        found: dict[str, set[str]] = {}

        def walk(plan: Plan) -> None:
            cursor, ids = None, set[str]()
            for _ in range(10):
                page = source.fetch(plan, cursor)
                ids |= {post.native_ids[0].native_id for post in source.parse(page).posts}
                cursor = page.next_cursor
                if cursor is None:
                    break
            found[plan.server] = ids

        lanes = [threading.Thread(target=walk, args=(plan,)) for plan in source.plans("tag", CHAT)]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join(timeout=60)
    assert {server: len(ids) for server, ids in found.items()} == dict(zip(timelines, range(100, 104), strict=True))
    assert source.limits.poll_seconds == 20.0
