"""A staged Bluesky for the tests of its source: a feed, a clock that moves, a client that notes what is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from archive.models import Batch, Chat, Post, RawPage
from archive.times import to_text
from chatkeep.stage.bluesky import STAGE_HANDLE, STAGE_PASSWORD, build_bluesky
from chatkeep.stage.faults import Faults
from chatkeep.stage.feed import Edit, Feed, FeedAuthor, FeedPost
from chatkeep.stage.serving import serving
from collector.sources.base import Plan, Window
from collector.sources.bluesky import BlueskySource
from collector.transport import build_client

NOW = datetime(2026, 10, 8, 14, 0, tzinfo=UTC)
ALWAYS = Window()
NORTHMOOR = Chat(slug="northmoor", title="Northmoor hour (fictional)", hashtags=("northmoor", "nmhour"))
ANN = FeedAuthor(key="ann", platform="bluesky", handle="ann.northmoor.test", name="Ann")


def moment(number: int) -> str:
    return to_text(datetime(2026, 10, 8, 12, tzinfo=UTC) + timedelta(seconds=number))


def entry(number: int, text: str | None = None, **more: Any) -> FeedPost:
    wording = text or f"Tip {number} #northmoor"
    return FeedPost(key=f"p{number}", author="ann", at=moment(number), text=wording, **more)


SMALL = Feed(
    (ANN,),
    (
        *(entry(number) for number in range(240)),
        entry(300, "Not ours #northmoorhousing"),
        entry(301, "Wide ＃northmoor"),
        entry(302, "Frist #northmoor", edits=(Edit(at=moment(320), text="First #northmoor"),)),
        entry(303, "Gone #northmoor", deleted_at="2026-10-08T15:00:00.000Z"),
        entry(304, "Ahead of time #northmoor", claims_at="2035-01-01T00:00:00.000Z"),
        entry(305, "Long ago #northmoor", claims_at="1999-12-31T23:59:59.000Z"),
    ),
)


class Hour:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **delta: float) -> None:
        self.now += timedelta(**delta)


class Ground:
    """A staged server, and sources that ask it over a client that notes what was asked."""

    def __init__(self, base: str, hour: Hour, faults: Faults, sessions_dir: Path) -> None:
        self.base = base
        self.hour = hour
        self.faults = faults
        self.sessions_dir = sessions_dir
        self.asked: list[str] = []
        self.http = build_client("test")
        self.http.event_hooks["request"] = [lambda request: self.asked.append(request.url.path.rsplit(".", 1)[-1])]

    def source(self, password: str | None = STAGE_PASSWORD, handle: str | None = STAGE_HANDLE) -> BlueskySource:
        return BlueskySource(
            self.http,
            self.hour,
            service=self.base,
            handle=handle,
            app_password=password,
            sessions_dir=self.sessions_dir,
        )


@contextmanager
def standing_on(hour: Hour, folder: Path) -> Iterator[Ground]:
    """The ground with SMALL on the stage; sessions are kept below ``folder``."""
    faults = Faults()
    with serving(build_bluesky(SMALL, hour, faults)) as base:
        ground = Ground(base, hour, faults, folder / "sessions")
        yield ground
        ground.http.close()


def tag_plan(source: BlueskySource, window: Window = ALWAYS, floor: str | None = None) -> Plan:
    """The plan of the chat's first hashtag."""
    plan = source.plans("tag", NORTHMOOR, window)[0]
    return Plan(key=plan.key, purpose="tag", query=plan.query, window=plan.window, floor=floor)


def walk(source: BlueskySource, plan: Plan) -> tuple[list[RawPage], list[Batch]]:
    """All pages to the last, and what each holds."""
    pages: list[RawPage] = []
    batches: list[Batch] = []
    cursor: str | None = None
    while not pages or cursor is not None:
        page = source.fetch(plan, cursor)
        pages.append(page)
        batches.append(source.parse(page))
        cursor = page.next_cursor
        assert len(pages) < 400, "the walk does not end"
    return pages, batches


def found(batches: list[Batch]) -> dict[str, Post]:
    """The posts that were searched for, by id."""
    return {post.id: post for batch in batches for post in batch.posts if post.primary}
