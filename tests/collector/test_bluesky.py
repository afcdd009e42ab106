"""BlueskySource over the stage: whole walks, renewed sessions, every fault in its own words."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from archive.errors import ExchangeError, Fatal, Retriable, SettingsError, Skippable
from archive.models import Batch, Chat, Post, RawPage, Ref
from archive.times import shift, to_text
from chatkeep.stage.bluesky import STAGE_HANDLE, STAGE_PASSWORD, build_bluesky
from chatkeep.stage.faults import Fault, Faults
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


@pytest.fixture
def hour() -> Hour:
    return Hour()


@pytest.fixture
def ground(hour: Hour, tmp_path: Path) -> Iterator[Ground]:
    faults = Faults()
    with serving(build_bluesky(SMALL, hour, faults)) as base:
        opened = Ground(base, hour, faults, tmp_path / "sessions")
        yield opened
        opened.http.close()


def tag_plan(source: BlueskySource, window: Window = ALWAYS, floor: str | None = None) -> Plan:
    plan = source.plans("tag", NORTHMOOR, window)[0]
    return Plan(key=plan.key, purpose="tag", query=plan.query, window=plan.window, floor=floor)


def walk(source: BlueskySource, plan: Plan) -> tuple[list[RawPage], list[Batch]]:
    pages, batches, cursor = [], [], None
    while not pages or cursor is not None:
        page = source.fetch(plan, cursor)
        pages.append(page)
        batches.append(source.parse(page))
        cursor = page.next_cursor
        assert len(pages) < 400, "the walk does not end"
    return pages, batches


def found(batches: list[Batch]) -> dict[str, Post]:
    return {post.id: post for batch in batches for post in batch.posts if post.primary}


# Walks


def test_a_walk_over_short_pages_finds_every_post_of_the_tag_and_no_other(ground: Ground) -> None:
    source = ground.source()
    pages, batches = walk(source, tag_plan(source))
    texts = [post.text for post in found(batches).values()]
    assert sorted(texts) == sorted(
        [post.text for post in SMALL.posts if post.key not in ("p300", "p302")] + ["First #northmoor"]
    )
    assert [batch.rows for batch in batches] == [89, 89, 67]
    assert [page.format for page in pages] == ["search"] * 3
    assert not any(batch.flaws for batch in batches)


def test_the_top_is_the_newest_sort_time_and_ignores_a_date_in_the_future(ground: Ground) -> None:
    source = ground.source()
    _, batches = walk(source, tag_plan(source))
    assert max(batch.top for batch in batches if batch.top) == moment(304)
    assert source.higher(moment(1), moment(2)) == moment(2)
    assert source.floor_below(moment(600)) == moment(0)


def test_a_floor_and_a_window_bound_the_search(ground: Ground) -> None:
    source = ground.source()
    _, above = walk(source, tag_plan(source, floor=moment(230)))
    assert len(found(above)) == 10 + 4
    _, between = walk(source, tag_plan(source, Window(moment(10), moment(20))))
    assert sorted(post.created_at for post in found(between).values()) == [moment(number) for number in range(10, 20)]
    _, both = walk(source, tag_plan(source, Window(moment(0), moment(20)), floor=moment(15)))
    assert len(found(both)) == 5


def test_each_hashtag_has_its_plan_with_a_lasting_key(ground: Ground) -> None:
    source = ground.source()
    plans = source.plans("tag", NORTHMOOR)
    assert [plan.query for plan in plans] == ["#northmoor", "#nmhour"]
    windowed = source.plans("tag", NORTHMOOR, Window(moment(0), moment(60)))
    assert len({plan.key for plan in plans + windowed}) == 4
    assert [plan.key for plan in plans] == [plan.key for plan in ground.source().plans("tag", NORTHMOOR)]


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


def test_a_refused_cursor_is_kept_as_evidence_and_the_walk_goes_on_by_time(ground: Ground) -> None:
    source = ground.source()
    plan = tag_plan(source)
    first = source.fetch(plan, None)
    refusal = b'{"error":"InvalidRequest","message":"Invalid cursor format"}'
    ground.faults.add(Fault(kind="status", status=400, body=refusal, path="searchPosts"))
    refused = source.fetch(plan, first.next_cursor)
    assert (refused.format, refused.http_status, refused.body) == ("error", 400, refusal)
    assert [flaw.kind for flaw in source.parse(refused).flaws] == ["repaired"]
    batches, cursor = [source.parse(first)], refused.next_cursor
    assert cursor is not None
    oldest = min(post.created_at for post in batches[0].posts)
    assert json.loads(cursor)["until"] == shift(oldest, milliseconds=1)
    while cursor:
        page = source.fetch(plan, cursor)
        batches.append(source.parse(page))
        cursor = page.next_cursor
    assert len(found(batches)) == 245


def test_a_refused_request_without_a_cursor_is_skipped(ground: Ground) -> None:
    ground.faults.add(Fault(kind="status", status=400, body=b'{"error":"BadRequest","message":"no"}', path="search"))
    source = ground.source()
    with pytest.raises(Skippable, match="no"):
        source.fetch(tag_plan(source), None)


def test_an_unreadable_cursor_starts_the_walk_again(ground: Ground) -> None:
    source = ground.source()
    assert source.fetch(tag_plan(source), "rubbish").body == source.fetch(tag_plan(source), None).body


# Look-ups


def test_look_ups_go_by_25_and_name_what_is_missing(ground: Ground) -> None:
    source = ground.source()
    ids = sorted(found(walk(source, tag_plan(source))[1]))
    refs = tuple(post_id.removeprefix("bluesky:") for post_id in ids)
    ground.hour.pass_by(hours=1, minutes=30)
    plans = source.plans("posts", NORTHMOOR, refs=(*refs, "no address"))
    assert [len(plan.refs) for plan in plans] == [25] * 9 + [20]
    batches = [source.parse(source.fetch(plan, None)) for plan in plans]
    assert len(found(batches)) == len(refs) - 1
    missing = [ref for batch in batches for ref in batch.missing]
    assert len(missing) == 1
    deletions = [deletion for batch in batches for deletion in batch.deletions]
    assert [(deletion.ref, deletion.reason) for deletion in deletions] == [(missing[0], "unavailable")]


# Faults


@pytest.mark.parametrize("kind", ["cut", "truncate", "garble", "empty"])
def test_a_spoilt_answer_is_worth_another_try(ground: Ground, kind: Any) -> None:
    source = ground.source()
    plan = tag_plan(source)
    source.fetch(plan, None)
    ground.faults.add(Fault(kind=kind, path="searchPosts"))
    with pytest.raises(Retriable, match=r"broke off|cut short"):
        source.fetch(plan, None)
    assert source.fetch(plan, None).http_status == 200


@pytest.mark.parametrize("fault", [Fault(kind="status", status=502), Fault(kind="html", status=200)])
def test_a_server_out_of_order_is_worth_another_try(ground: Ground, fault: Fault) -> None:
    ground.faults.add(fault)
    source = ground.source()
    with pytest.raises(Retriable):
        source.fetch(tag_plan(source), None)


@pytest.mark.parametrize(
    ("headers", "after"),
    [
        ({"retry-after": "288"}, 288.0),
        ({"ratelimit-reset": str(int(NOW.timestamp()) + 30)}, 30.0),
        ({"retry-after": "soon", "ratelimit-reset": str(int(NOW.timestamp()) + 30)}, 30.0),
        ({"ratelimit-reset": str(int(NOW.timestamp()) - 30)}, 0.0),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "nan", "ratelimit-reset": "inf"}, None),
        ({}, None),
    ],
)
def test_a_limit_says_how_long_to_wait(ground: Ground, headers: dict[str, str], after: float | None) -> None:
    ground.faults.add(Fault(kind="status", status=429, headers=headers, path="searchPosts"))
    source = ground.source()
    with pytest.raises(Retriable) as caught:
        source.fetch(tag_plan(source), None)
    assert caught.value.after == after


@pytest.mark.parametrize("status", [403, 404])
def test_a_forbidding_web_page_names_the_service_setting(ground: Ground, status: int) -> None:
    ground.faults.add(Fault(kind="html", status=status, path="searchPosts"))
    source = ground.source()
    with pytest.raises(Fatal, match=r"\[source.bluesky\] service"):
        source.fetch(tag_plan(source), None)


def test_an_answer_of_json_that_is_no_list_of_posts_is_worth_another_try(hour: Hour) -> None:
    transport = httpx.MockTransport(
        lambda _: httpx.Response(200, json={"accessJwt": "a", "refreshJwt": "b", "posts": "none"})
    )
    with build_client("t", transport) as http:
        source = BlueskySource(http, hour, handle="ann", app_password="x", sessions_dir=None)
        with pytest.raises(Retriable, match="list of posts"):
            source.fetch(tag_plan(source), None)


# Sessions


def test_one_session_serves_many_walks_and_processes(ground: Ground) -> None:
    for _ in range(3):
        source = ground.source()
        source.fetch(tag_plan(source), None)
        source.fetch(tag_plan(source), None)
    assert ground.asked.count("createSession") == 1
    assert ground.asked.count("searchPosts") == 6


def test_the_session_file_is_the_owner_s_alone(ground: Ground) -> None:
    source = ground.source()
    source.fetch(tag_plan(source), None)
    (file,) = ground.sessions_dir.glob("*.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(ground.sessions_dir.stat().st_mode) == 0o700
    assert ":" not in file.name
    assert STAGE_PASSWORD not in file.read_text()


def test_an_expired_session_is_refreshed_once_without_a_sign_in(ground: Ground) -> None:
    source = ground.source()
    source.fetch(tag_plan(source), None)
    ground.hour.pass_by(hours=3)
    ground.asked.clear()
    assert source.fetch(tag_plan(source), None).format == "search"
    assert ground.asked == ["searchPosts", "refreshSession", "searchPosts"]
    assert ground.source().fetch(tag_plan(source), None).format == "search"
    assert ground.asked[3:] == ["searchPosts"]


def test_a_session_renewed_by_another_process_is_taken_over(ground: Ground) -> None:
    mine, other = ground.source(), ground.source()
    mine.fetch(tag_plan(mine), None)
    other.fetch(tag_plan(other), None)
    ground.hour.pass_by(hours=3)
    other.fetch(tag_plan(other), None)
    ground.asked.clear()
    mine.fetch(tag_plan(mine), None)
    assert ground.asked == ["searchPosts", "searchPosts"]


def test_a_session_that_cannot_be_refreshed_is_replaced_by_a_sign_in(ground: Ground) -> None:
    source = ground.source()
    source.fetch(tag_plan(source), None)
    ground.hour.pass_by(days=91)
    ground.asked.clear()
    source.fetch(tag_plan(source), None)
    assert ground.asked == ["searchPosts", "refreshSession", "createSession", "searchPosts"]


def test_a_refreshed_session_that_is_refused_leads_to_one_sign_in_and_then_to_an_end(ground: Ground) -> None:
    source = ground.source()
    source.fetch(tag_plan(source), None)
    ground.asked.clear()
    expired = Fault(kind="status", status=400, body=b'{"error":"ExpiredToken","message":"x"}', path="searchPosts")
    ground.faults.add(expired, times=2)
    source.fetch(tag_plan(source), None)
    assert ground.asked == [
        "searchPosts", "refreshSession", "searchPosts", "createSession", "searchPosts",
    ]  # fmt: skip
    ground.faults.add(expired, times=3)
    with pytest.raises(Fatal, match="BLUESKY_APP_PASSWORD"):
        source.fetch(tag_plan(source), None)


def test_a_damaged_session_file_leads_to_a_sign_in(ground: Ground) -> None:
    source = ground.source()
    source.fetch(tag_plan(source), None)
    (file,) = ground.sessions_dir.glob("*.json")
    file.write_bytes(b'{"access": "half')
    fresh = ground.source()
    assert fresh.fetch(tag_plan(fresh), None).format == "search"


def test_without_a_sessions_folder_nothing_is_written(ground: Ground) -> None:
    source = BlueskySource(
        ground.http, ground.hour, service=ground.base, handle="@Collector.test ", app_password=STAGE_PASSWORD,
        sessions_dir=None,
    )  # fmt: skip
    source.fetch(tag_plan(source), None)
    source.fetch(tag_plan(source), None)
    assert ground.asked.count("createSession") == 1
    assert not ground.sessions_dir.exists()


@pytest.mark.parametrize(("handle", "password"), [(None, None), ("", "x"), (STAGE_HANDLE, None)])
def test_missing_credentials_name_the_variables_and_where_to_get_them(
    ground: Ground, handle: str | None, password: str | None
) -> None:
    source = ground.source(password, handle)
    with pytest.raises(Fatal, match=r"app-passwords.*BLUESKY_HANDLE.*BLUESKY_APP_PASSWORD"):
        source.fetch(tag_plan(source), None)
    assert ground.asked == []


def test_wrong_credentials_name_the_variables_and_are_not_tried_again(ground: Ground) -> None:
    source = ground.source("not-the-password")
    with pytest.raises(Fatal, match="BLUESKY_APP_PASSWORD"):
        source.fetch(tag_plan(source), None)
    assert ground.asked == ["createSession"]


def test_no_secret_reaches_a_page_or_an_error(ground: Ground) -> None:
    source = ground.source()
    pages, _ = walk(source, tag_plan(source))
    (file,) = ground.sessions_dir.glob("*.json")
    secrets = [STAGE_PASSWORD, *json.loads(file.read_text()).values()]
    echo = json.dumps({"error": "BadRequest", "message": f"odd: {secrets[1]}"}).encode()
    errors = []
    for fault in (
        Fault(kind="status", status=400, body=echo, path="searchPosts"),
        Fault(kind="status", status=403, body=echo, path="searchPosts"),
        Fault(kind="status", status=502, body=echo, path="searchPosts"),
    ):
        ground.faults.add(fault)
        with pytest.raises(ExchangeError) as caught:
            source.fetch(tag_plan(source), None)
        errors.append(repr(caught.value))
    with pytest.raises(Fatal) as wrong:
        ground.source("wrong", "somebody.test").fetch(tag_plan(source), None)
    everything = "".join(map(repr, [*pages, *errors, wrong.value, source.plans("tag", NORTHMOOR)]))
    assert not [secret for secret in secrets if secret in everything]
    assert "authorization" not in everything.lower()


def test_a_key_is_not_sent_over_plain_http(hour: Hour) -> None:
    with build_client("t") as http, pytest.raises(SettingsError, match="https"):
        BlueskySource(http, hour, service="http://bsky.example", handle="a", app_password="b", sessions_dir=None)


# Checks


def clock_at(*, minutes: float) -> Callable[[], datetime]:
    return lambda: datetime.now(UTC) + timedelta(minutes=minutes)


def checked(ground: Ground, **settings: Any) -> list[tuple[str, str]]:
    given = {"handle": STAGE_HANDLE, "app_password": STAGE_PASSWORD, "service": ground.base, **settings}
    clock = given.pop("clock", clock_at(minutes=0))
    problems = BlueskySource(ground.http, clock, sessions_dir=None, **given).check()
    assert all(problem.remedy for problem in problems)
    return [(problem.level, problem.message) for problem in problems]


def test_a_check_finds_nothing_where_all_is_well(ground: Ground) -> None:
    assert checked(ground) == []


def test_a_check_names_missing_and_wrong_credentials(ground: Ground) -> None:
    ((level, message),) = checked(ground, handle=None)
    assert (level, "BLUESKY_HANDLE" in message) == ("error", True)
    ((level, message),) = checked(ground, app_password="wrong")
    assert (level, "BLUESKY_APP_PASSWORD" in message) == ("error", True)


def test_a_check_says_when_the_service_cannot_be_reached(ground: Ground) -> None:
    ((level, message),) = checked(ground, service="http://127.0.0.1:9")
    assert (level, "could not be reached" in message) == ("error", True)
    ground.faults.add(Fault(kind="html", status=404))
    ((level, message),) = checked(ground)
    assert (level, "service" in message) == ("error", True)


@pytest.mark.parametrize(("minutes", "word"), [(10, "ahead"), (-10, "behind")])
def test_a_check_notices_a_clock_that_is_off(ground: Ground, minutes: float, word: str) -> None:
    ((level, message),) = checked(ground, clock=clock_at(minutes=minutes))
    assert (level, f"10 minutes {word}" in message) == ("warning", True)


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


def test_look_ups_are_read_from_the_page_s_own_address(ground: Ground) -> None:
    source = ground.source()
    uri = "at://did:plc:nobody/app.bsky.feed.post/3kaa"
    (plan,) = source.plans("posts", NORTHMOOR, refs=(uri,))
    assert source.parse(source.fetch(plan, None)).missing == [Ref(uri)]
