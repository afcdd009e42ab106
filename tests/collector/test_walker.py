from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory_archive import memory_archive

from archive.errors import ExchangeError, Fatal, OutOfBudget, Retriable, Skippable
from archive.models import Batch, Chat, Post, Problem, RawPage, Ref
from archive.store import Archive
from collector.retrying import Retrying
from collector.sources.base import Limits, Plan, Purpose, Window
from collector.walker import Walked, Walker

Answer = tuple[list[int], str | None] | ExchangeError


class ListedSource:
    """A platform whose answers are listed: by cursor, numbers of posts and the next cursor, or an error."""

    name = "x"
    servers = ("",)
    limits = Limits(page_size=2, order="newest_first", overlap_seconds=600)

    def __init__(self, answers: dict[str | None, list[Answer]]) -> None:
        self.answers = answers
        self.sees_from: str | None = None
        self.asked: list[tuple[str | None, Plan]] = []

    def plans(self, purpose: Purpose, chat: Chat, window: Window = Window(), refs: tuple[str, ...] = ()) -> list[Plan]:
        return [Plan(key="tag", purpose=purpose, query=chat.hashtags[0], window=window)]

    def fetch(self, plan: Plan, cursor: str | None) -> RawPage:
        self.asked.append((cursor, plan))
        queue = self.answers[cursor]
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(answer, ExchangeError):
            raise answer
        numbers, next_cursor = answer
        body = json.dumps(numbers).encode()
        return RawPage(
            source="x", format="search", origin="x", fetched_at="2026-10-08T13:00:00.000Z", body=body,
            next_cursor=next_cursor,
        )  # fmt: skip

    def parse(self, page: RawPage) -> Batch:
        numbers = json.loads(page.body)
        posts = [
            Post(
                id=f"x:{n}", platform="x", author="x:7", native_ids=(Ref(str(n)),), text=f"tip {n}",
                created_at="2026-10-08T12:05:00.000Z",
            )
            for n in numbers
        ]  # fmt: skip
        return Batch(posts=posts, top=str(max(numbers)) if numbers else None, rows=len(posts))

    def earliest(self, plan: Plan) -> str | None:
        return self.sees_from

    def floor_below(self, top: str) -> str:
        return str(int(top) - 10)

    def higher(self, one: str, other: str) -> str:
        return max(one, other, key=int)

    def check(self) -> list[Problem]:
        return []


@pytest.fixture
def walk(archive: Archive, chat: Chat) -> Callable[..., Walked]:
    def run(source: ListedSource, **more: Any) -> Walked:
        stop = more.pop("stop", threading.Event())
        walker = Walker(archive, source, Retrying(stop, more.pop("sleep", lambda _: None)), stop)
        return walker.walk(chat, source.plans("tag", chat, **more)[0], "2026-10-08T11:00:00.000Z")

    return run


def one(archive: Archive, sql: str) -> tuple[Any, ...]:
    row = archive.conn.execute(sql).fetchone()
    return tuple(row) if row else ()


def test_a_walk_that_reaches_its_end_is_done_and_moves_the_watermark(walk: Any, archive: Archive) -> None:
    result = walk(ListedSource({None: [([30, 29], "a")], "a": [([28], None)]}))
    assert (result.status, result.new_count, result.pages_count) == ("done", 3, 2)
    assert one(archive, "SELECT status, top, cursor FROM walks") == ("done", "30", None)


def test_the_next_walk_goes_down_to_the_watermark_less_the_overlap(walk: Any, archive: Archive) -> None:
    walk(ListedSource({None: [([30], None)]}))
    source = ListedSource({None: [([31, 30], None)]})
    result = walk(source)
    assert source.asked[0][1].floor == "20"
    assert (result.new_count, result.known_count) == (1, 1)


def test_an_empty_walk_keeps_the_watermark(walk: Any, archive: Archive) -> None:
    walk(ListedSource({None: [([30], None)]}))
    walk(ListedSource({None: [([], None)]}))
    source = ListedSource({None: [([31], None)]})
    walk(source)
    assert source.asked[0][1].floor == "20"


def test_a_broken_off_walk_resumes_at_its_page_and_does_not_move_the_watermark(walk: Any, archive: Archive) -> None:
    broken = walk(ListedSource({None: [([30], "a")], "a": [Retriable("down")]}))
    assert (broken.status, broken.new_count) == ("open", 1)
    source = ListedSource({"a": [([29], None)]})
    assert walk(source).status == "done"
    assert [cursor for cursor, _ in source.asked] == ["a"]
    assert one(archive, "SELECT count(*), min(status) FROM walks") == (1, "done")


def test_short_waits_are_retried_and_long_ones_are_left_for_later(walk: Any, archive: Archive) -> None:
    waits: list[float] = []
    source = ListedSource({None: [Retriable("slow down", after=7.0), ([1], None)]})
    assert walk(source, sleep=waits.append).status == "done"
    assert waits == [7.0]
    later = walk(ListedSource({None: [Retriable("come back", after=900.0)]}), sleep=waits.append)
    assert (later.status, later.not_before, waits) == ("open", "2026-10-08T14:15:00.000Z", [7.0])
    assert one(archive, "SELECT not_before, why FROM walks WHERE status = 'open'") == (
        "2026-10-08T14:15:00.000Z", "come back",
    )  # fmt: skip


def test_a_platform_that_is_down_is_asked_five_times_and_the_walk_stays_open(walk: Any) -> None:
    source = ListedSource({None: [Retriable("down")]})
    assert walk(source).status == "open"
    assert len(source.asked) == 5


@pytest.mark.parametrize("error", [Fatal("wrong key"), OutOfBudget("no credits")])
def test_what_only_a_person_can_mend_is_not_asked_again(walk: Any, archive: Archive, error: ExchangeError) -> None:
    source = ListedSource({None: [error]})
    result = walk(source)
    assert (result.status, result.error, len(source.asked)) == ("open", error, 1)


def test_a_request_that_never_will_work_abandons_its_walk(walk: Any, archive: Archive) -> None:
    assert walk(ListedSource({None: [Skippable("bad query")]})).status == "abandoned"
    assert one(archive, "SELECT status, why FROM walks") == ("abandoned", "bad query")


def test_a_repeated_cursor_abandons_the_walk(walk: Any, archive: Archive) -> None:
    result = walk(ListedSource({None: [([1], "a")], "a": [([2], "b")], "b": [([3], "a")]}))
    assert result.status == "abandoned"
    assert "cursor" in one(archive, "SELECT why FROM walks")[0]


def test_a_repeated_cursor_is_noticed_after_a_restart_too(walk: Any, archive: Archive) -> None:
    walk(ListedSource({None: [([1], "a")], "a": [([2], "b")], "b": [Retriable("down")]}))
    assert walk(ListedSource({"b": [([3], "a")]})).status == "abandoned"


def test_fresh_cursors_without_any_new_post_end_in_a_guard(walk: Any) -> None:
    answers: dict[str | None, list[Answer]] = {str(n): [([1], str(n + 1))] for n in range(100)}
    answers[None] = [([1], "0")]
    result = walk(ListedSource(answers))
    assert result.status == "abandoned"
    assert result.pages_count < 50


def test_empty_and_short_pages_do_not_end_a_walk(walk: Any) -> None:
    result = walk(ListedSource({None: [([], "a")], "a": [([5], "b")], "b": [([], "c")], "c": [([4], None)]}))
    assert (result.status, result.new_count) == ("done", 2)


def test_asked_to_stop_a_walk_ends_after_its_page_and_stays_open(walk: Any, archive: Archive) -> None:
    stop = threading.Event()

    class Stopping(ListedSource):
        def fetch(self, plan: Plan, cursor: str | None) -> RawPage:
            stop.set()
            return super().fetch(plan, cursor)

    result = walk(Stopping({None: [([2], "a")], "a": [([1], None)]}), stop=stop)
    assert (result.status, result.pages_count) == ("open", 1)
    assert one(archive, "SELECT cursor FROM walks") == ("a",)


def test_a_wait_ends_at_once_when_asked_to_stop(archive: Archive, chat: Chat) -> None:
    stop = threading.Event()
    source = ListedSource({None: [Retriable("slow", after=50.0)]})
    walker = Walker(archive, source, Retrying(stop), stop)
    thread = threading.Timer(0.05, stop.set)
    thread.start()
    result = walker.walk(chat, source.plans("tag", chat)[0], None)
    thread.join()
    assert result.status == "open"
    assert len(source.asked) <= 2


def test_what_a_complete_walk_proves_joins_on_to_the_walk_before(walk: Any, archive: Archive) -> None:
    walk(ListedSource({None: [([30], None)]}))
    walk(ListedSource({None: [([31], None)]}))
    spans = archive.conn.execute("SELECT covers_from, covers_to FROM walks ORDER BY id").fetchall()
    assert spans[0] == ("2026-10-08T11:00:00.000Z", "2026-10-08T14:00:00.000Z")
    assert spans[1][0] <= spans[0][1]


def test_a_walk_proves_nothing_of_the_time_that_its_platform_does_not_search(walk: Any, archive: Archive) -> None:
    source = ListedSource({None: [([30], None)]})
    source.sees_from = "2026-10-08T13:30:00.000Z"
    walk(source)
    assert one(archive, "SELECT covers_from FROM walks") == ("2026-10-08T13:30:00.000Z",)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=8), st.sets(st.integers(0, 8), max_size=4))
def test_whatever_page_fails_going_on_finds_every_post(sizes: list[int], failing: set[int]) -> None:
    answers: dict[str | None, list[Answer]] = {}
    for n, size in enumerate(sizes):
        page: Answer = ([n * 10 + i for i in range(size)], str(n + 1) if n + 1 < len(sizes) else None)
        answers[str(n) if n else None] = [*([Retriable("down")] * 5 * (n in failing)), page]
    source = ListedSource(answers)
    chat = Chat(slug="northmoor", title="", hashtags=("northmoor",))
    with memory_archive() as archive:
        stop = threading.Event()
        walker = Walker(archive, source, Retrying(stop, lambda _: None), stop)
        plan = source.plans("tag", chat)[0]
        statuses = [walker.walk(chat, plan).status for _ in range(len(failing & set(range(len(sizes)))) + 1)]
        assert statuses[-1] == "done"
        assert one(archive, "SELECT count(*) FROM posts") == (sum(sizes),)
