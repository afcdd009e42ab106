"""Coverage against a model world: whenever it says complete, nothing that was shown by then is missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_chat import START, northmoor

from analysis.coverage import CoverWalk, Minute, build_coverage
from archive.models import Session
from archive.times import shift

TAGS = ("northmoorhour", "northmoor")
MINUTES = 8
SESSION = Session(
    id="northmoor-1", chat=northmoor().slug, starts_at=START, ends_at=shift(START, minutes=MINUTES), questions=()
)
SERVERS = ("https://a.example", "https://b.example")
PLACES = (("x", ""), ("bluesky", ""), *(("mastodon", server) for server in SERVERS))


def at(seconds: float) -> str:
    return shift(START, seconds=seconds)


@dataclass(frozen=True)
class WorldPost:
    """Posted at one moment, shown under its hashtag by one platform's server from another moment on."""

    place: tuple[str, str]
    tag: str
    posted: float
    shown: float


@dataclass(frozen=True)
class WorldWalk:
    """A walk as it went in the world. ``took``: which share of what it should have returned it did, before its end."""

    place: tuple[str, str]
    purpose: str
    tags: tuple[str, ...]
    status: str
    opened: float
    since: float | None
    until: float | None
    took: float = 1.0
    repeats: int = 0

    def returned(self, posts: Sequence[WorldPost]) -> set[WorldPost]:
        until = self.opened if self.until is None else min(self.until, self.opened)
        fitting = [
            post
            for post in sorted(posts, key=lambda post: -post.posted)
            if post.place == self.place and post.tag in self.tags and post.shown <= self.opened
            and (self.since is None or post.posted >= self.since) and post.posted < until
        ]  # fmt: skip
        return set(fitting if self.status == "done" else fitting[: int(len(fitting) * self.took)])

    def row(self) -> CoverWalk:
        platform, server = self.place
        names = " OR ".join(f"#{tag}" for tag in self.tags)
        plan = {
            "x": f"tag|x|({names}) -is:retweet",
            "bluesky": f"bluesky/{self.purpose}/{names}",
            "mastodon": f"mastodon {self.purpose} {server} {names}",
        }[platform]
        return CoverWalk(
            platform=platform, key=f"northmoor|{self.purpose}|{plan}", status=self.status, opened_at=at(self.opened),
            covers_from=None if self.since is None else at(self.since),
            covers_to=None if self.until is None else at(self.until), pages_count=1, repeats_count=self.repeats,
        )  # fmt: skip


SECONDS = st.integers(-2, MINUTES * 2 + 6).map(lambda n: n * 30.0)
PURPOSES = ("tag", "tag", "sweep", "live", "thread")


@dataclass(frozen=True)
class History:
    """What was posted in one small world, and the walks that went over it, of one platform alone."""

    posts: tuple[WorldPost, ...]
    walks: tuple[WorldWalk, ...]
    tags: tuple[str, ...]


@st.composite
def histories(draw: st.DrawFn) -> History:
    """One platform, one or two servers and hashtags: few enough that minutes are often proven, or nearly."""
    platform = draw(st.sampled_from(("x", "bluesky", "mastodon")))
    places = st.sampled_from([place for place in PLACES if place[0] == platform][: draw(st.integers(1, 2))])
    tags = draw(st.sampled_from((TAGS, TAGS[:1], TAGS[:1])))

    def walk() -> WorldWalk:
        own = tags if platform == "x" and draw(st.booleans()) else (draw(st.sampled_from(tags)),)
        return WorldWalk(
            place=draw(places), purpose=draw(st.sampled_from(PURPOSES)), tags=own, opened=draw(SECONDS),
            status=draw(st.sampled_from(("done", "done", "done", "abandoned", "open"))),
            since=draw(st.none() | SECONDS), until=draw(st.none() | SECONDS), took=draw(st.sampled_from((0, 0.5, 1))),
        )  # fmt: skip

    def post() -> WorldPost:
        posted = draw(st.integers(-2, MINUTES * 4 + 2)) * 15.0
        return WorldPost(
            draw(places), draw(st.sampled_from(tags)), posted, posted + draw(st.sampled_from((0, 30, 900)))
        )

    walks = tuple(walk() for _ in range(draw(st.integers(1, 8))))
    return History(tuple(post() for _ in range(draw(st.integers(1, 20)))), walks, tags)


@st.composite
def world_posts(draw: st.DrawFn) -> WorldPost:
    posted = draw(st.integers(-60, MINUTES * 60 + 60).map(float))
    place, tag = draw(st.sampled_from(PLACES)), draw(st.sampled_from(TAGS))
    return WorldPost(place, tag, posted, posted + draw(st.sampled_from((0, 5, 70, 900))))


def judged(walks: Sequence[WorldWalk], tags: Sequence[str] = TAGS, now: float | None = None) -> list[Minute]:
    return build_coverage(SESSION, [walk.row() for walk in walks], tags, now=None if now is None else at(now))


def missing(rows: Sequence[Minute], walks: Sequence[WorldWalk], posts: Sequence[WorldPost]) -> list[WorldPost]:
    """Posts of complete minutes that a server which was asked had shown when the minute ended, and nobody returned.

    Whatever walk proves a minute began after it, so all that was shown by then must be there.
    """
    captured = set().union(*(walk.returned(posts) for walk in walks if walk.purpose in ("tag", "sweep")))
    asked = defaultdict(set)
    for walk in walks:
        if walk.purpose in ("tag", "sweep"):
            asked[walk.place[0]].add(walk.place)
    whole = {(row.platform, row.minute) for row in rows if row.state == "complete"}
    return [
        post
        for post in posts
        for minute in (post.posted // 60 * 60,)
        if post.place in asked[post.place[0]] and (post.place[0], at(minute)) in whole
        and post.shown <= minute + 60 and post not in captured
    ]  # fmt: skip


@given(histories())
@settings(max_examples=500)
def test_whatever_happened_nothing_that_was_shown_is_missing_from_a_complete_minute(history: History) -> None:
    rows = judged(history.walks, history.tags)
    assert missing(rows, history.walks, history.posts) == []
    asked = {walk.place[1] for walk in history.walks if walk.purpose in ("tag", "sweep")}
    for row in rows:
        if row.platform == "mastodon" and row.state == "complete":
            assert all(server.removeprefix("https://") in row.why for server in asked)


@given(histories(), st.data())
def test_the_order_of_the_walks_does_not_matter_and_one_more_done_walk_never_takes_a_proof_away(
    history: History, data: st.DataObject
) -> None:
    rows = judged(history.walks, history.tags)
    shuffled = judged(data.draw(st.permutations(history.walks)), history.tags)
    assert [row.state for row in shuffled] == [row.state for row in rows]
    for known in history.walks:
        again = replace(known, status="done", opened=data.draw(SECONDS))
        more = judged([*history.walks, again], history.tags)
        assert all(new.state == "complete" for old, new in zip(rows, more, strict=True) if old.state == "complete")


@given(
    st.floats(5, 300), st.sampled_from((0, 30, 60)), st.booleans(), st.integers(0, 200), st.lists(world_posts()),
)  # fmt: skip
def test_a_session_that_was_polled_to_the_end_and_once_afterwards_is_complete(
    rhythm: float, lag: int, merged: bool, late: int, posts: list[WorldPost]
) -> None:
    walks = [walk for place in PLACES for tag in TAGS for walk in _polled(place, tag, rhythm, lag, late)]
    shown = [_merge(walks, place, tag) for place in PLACES for tag in TAGS] if merged else walks
    rows = judged(shown, now=10_000)
    assert {row.state for row in rows} == {"complete"}
    assert missing(rows, walks, posts) == []


def _polled(place: tuple[str, str], tag: str, rhythm: float, lag: int, late: int) -> list[WorldWalk]:
    """Polls from before the session to the first that is a lag later than its end, each with the usual overlap."""
    walks: list[WorldWalk] = []
    opened = -100.0
    while not walks or walks[-1].opened < MINUTES * 60 + lag:
        since = None if not walks else (walks[-1].until or 0) - 600
        walks.append(WorldWalk(place, "tag", (tag,), "done", opened, since, opened - lag))
        opened += rhythm
    return [*walks, WorldWalk(place, "tag", (tag,), "done", opened + late, (walks[-1].until or 0) - 600, opened - lag)]


def _merge(walks: Sequence[WorldWalk], place: tuple[str, str], tag: str) -> WorldWalk:
    own = [walk for walk in walks if walk.place == place and walk.tags == (tag,)]
    return replace(own[0], opened=own[-1].opened, until=own[-1].until, repeats=len(own) - 1)
