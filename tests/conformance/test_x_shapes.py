"""X over real data: the staged answers have the shapes of recorded ones, and no recorded post is lost."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from archive.errors import Retriable
from archive.models import Batch, Chat
from archive.times import to_text
from chatkeep.stage.faults import Faults
from chatkeep.stage.feed import Edit, Feed, FeedAuthor, FeedPost
from chatkeep.stage.serving import serving
from chatkeep.stage.x import STAGE_TOKEN, build_x
from chatkeep.stage.x_objects import id_at
from collector.sources.base import Purpose, Window
from collector.sources.x import Reach, XSource
from collector.sources.x_fields import Dialect, Kind, build_fields
from collector.sources.x_parse import Reader, parse_answer, parse_flattened
from collector.transport import build_client

pytestmark = pytest.mark.conformance

DATA = os.environ.get("CHATKEEP_REAL_DATA")
if not DATA:
    pytest.skip("CHATKEEP_REAL_DATA does not name the folder of recorded answers", allow_module_level=True)
FIXTURES = Path(DATA) / "fixtures"
DESCRIPTIONS = FIXTURES.parent / "platforms"
needs_descriptions = pytest.mark.skipif(
    not (DESCRIPTIONS / "x-openapi-2.166.json").exists(), reason="X's own descriptions are not beside the recordings"
)

START = datetime(2026, 10, 8, 12, 0, tzinfo=UTC)
CHAT = Chat(slug="northmoor", title="Northmoor hour (fictional)", hashtags=("northmoor",))

Json = dict[str, Any]
Shape = dict[str, set[str]]


def at(second: int) -> str:
    return to_text(START + timedelta(seconds=second))


ANN = FeedAuthor(key="ann", platform="x", handle="AnnNorthmoor", name="Ann", bio="Comms", followers_count=9)
FEED = Feed(
    (ANN,),
    (
        FeedPost(key="q", author="ann", at=at(0), text="Q1 Bins & roads? #northmoor https://a.example @AnnNorthmoor"),
        FeedPost(key="a", author="ann", at=at(5), text="A1 early #northmoor", reply_to="q", alt_text="A bin"),
        FeedPost(key="c", author="ann", at=at(9), text="This #northmoor", quote_of="q"),
        FeedPost(key="d", author="ann", at=at(10), text="Gone #northmoor", deleted_at=at(60)),
        FeedPost(key="f", author="ann", at=at(12), text="So #northmoor", reply_to="d"),
        FeedPost(key="e", author="ann", at=at(15), text="Typpo #northmoor", edits=(Edit(at=at(20), text="Typo"),)),
        FeedPost(key="l", author="ann", at=at(25), text="Words. " * 60 + "#northmoor"),
        *(FeedPost(key=f"m{n}", author="ann", at=at(30 + n), text=f"{n} #northmoor") for n in range(120)),
    ),
)  # fmt: skip


def staged(dialect: Dialect) -> tuple[Json, Json, httpx.Headers]:
    """A search page and a lookup as our source gets them from the stage, and the headers of a page."""
    now = START + timedelta(hours=1)
    headers: list[httpx.Headers] = []
    with serving(build_x(FEED, lambda: now, Faults())) as base, build_client("test") as http:
        http.event_hooks["response"] = [lambda response: headers.append(response.headers)]
        source = XSource(http, lambda: now, base_url=base, bearer_token=STAGE_TOKEN, dialect=dialect)
        plan = source.plans("tag", CHAT)[0]
        first = source.fetch(plan, None)
        last = json.loads(source.fetch(plan, first.next_cursor).body)
        ids = (*(row["id"] for row in last["data"]), "1843")
        lookup = source.fetch(source.plans("posts", CHAT, refs=ids)[0], None)
        for name in ("includes", "errors"):
            last.setdefault(name, json.loads(first.body).get(name))
        last["meta"] = json.loads(first.body)["meta"]
        return last, json.loads(lookup.body), headers[0]


def shape_of(value: Any, path: str = "", found: Shape | None = None) -> Shape:
    """The types at each path of a value; list items share one path."""
    found = {} if found is None else found
    if isinstance(value, dict):
        for name, child in value.items():
            shape_of(child, f"{path}.{name}", found)
    elif isinstance(value, list):
        for child in value:
            shape_of(child, f"{path}[]", found)
    else:
        found.setdefault(path, set()).add("number" if isinstance(value, int | float) else type(value).__name__)
    return found


def lines_of(path: Path) -> Iterator[tuple[int, Any]]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield number, json.loads(line)
            except ValueError:
                continue  # one recording breaks off in its last line, and some have empty lines


def twarc_answers() -> Iterator[tuple[str, Any]]:
    for path in sorted((FIXTURES / "archives/twarc_v2").rglob("*.json*")):
        for number, row in lines_of(path):
            yield f"{path.name}:{number}", row


def recorded_pages() -> Iterator[Json]:
    """Recorded answers that hold posts, in one page each."""
    for _, row in twarc_answers():
        data = row.get("data")
        if isinstance(data, list) and data and "text" in data[0]:
            yield row
    yield from recorded_calls("/2/tweets/search/")
    yield from recorded_calls("/2/tweets?ids=")


def recorded_calls(uri: str) -> Iterator[Json]:
    for _, entry in lines_of(FIXTURES / "x_v2/INDEX.jsonl"):
        if uri in entry["uri"] and entry["status"] == 200 and entry["method"] == "GET":
            body = (FIXTURES / entry["file"]).read_bytes()
            answer = json.loads(body)
            if "data" in answer:
                yield answer


def recorded_shape() -> Shape:
    found: Shape = {}
    for page in recorded_pages():
        shape_of(page, "", found)
    return found


# In X's descriptions and on the wire today, but younger than every recording that may be shared.
YOUNGER = {
    ".public_metrics.bookmark_count",
    ".public_metrics.impression_count",
    ".public_metrics.like_count",
    ".display_text_range[]",
    ".note_tweet.text",
    ".note_tweet.entities.hashtags[].start",
    ".note_tweet.entities.hashtags[].end",
    ".note_tweet.entities.hashtags[].tag",
    ".verified_type",
}


def strange(answer: Json) -> dict[str, set[str]]:
    """The paths and types of an answer that no recording has and that are not too young for one."""
    recorded = recorded_shape()
    return {
        path: types
        for path, types in shape_of(answer).items()
        if not types <= recorded.get(path, set()) and not any(path.endswith(young) for young in YOUNGER)
    }


def test_a_staged_search_page_has_the_shape_of_recorded_ones() -> None:
    search, _, _ = staged("legacy")
    assert {"tweets", "users", "media"} == set(search["includes"])
    assert search["errors"]
    assert strange(search) == {}


def test_a_staged_lookup_has_the_shape_of_recorded_ones_and_its_errors_too() -> None:
    _, lookup, _ = staged("legacy")
    assert "1843" in [error["resource_id"] for error in lookup["errors"]]
    assert strange(lookup) == {}


def test_what_every_recorded_post_has_every_staged_post_has() -> None:
    asked_alike = [page for page in recorded_pages() if {"author_id", "edit_controls"} <= page["data"][0].keys()]
    assert asked_alike
    always = set.intersection(*({*row} for page in asked_alike for row in page["data"]))
    search, _, _ = staged("legacy")
    for row in search["data"]:
        assert always - {*row} <= {"source"}  # which newer recordings lack


def test_the_rate_limit_headers_are_the_recorded_ones() -> None:
    _, _, headers = staged("legacy")
    for _, entry in lines_of(FIXTURES / "x_v2/INDEX.jsonl"):
        if "/2/tweets/search/recent" in entry["uri"]:
            names = {name for name in entry["headers"] if name.startswith("x-rate-limit-")}
            assert names <= set(headers)
            assert entry["headers"]["x-rate-limit-limit"] == [headers["x-rate-limit-limit"]]
            return
    pytest.fail("no recorded search")


def description(version: str) -> Json:
    loaded: Json = json.loads((DESCRIPTIONS / f"x-openapi-{version}.json").read_text(encoding="utf-8"))
    return loaded


def parameters_of(described: Json, route: str) -> dict[str, Json]:
    shared = described["components"].get("parameters", {})
    listed = described["paths"][route]["get"]["parameters"]
    parameters = [shared[each["$ref"].rsplit("/", 1)[-1]] if "$ref" in each else each for each in listed]
    return {parameter["name"]: parameter["schema"] for parameter in parameters}


@needs_descriptions
@pytest.mark.parametrize(("version", "dialect"), [("2.166", "legacy"), ("2.167", "modern")])
@pytest.mark.parametrize("route", ["/2/tweets/search/recent", "/2/tweets/search/all", "/2/tweets"])
def test_every_field_we_ask_for_is_one_that_x_describes(version: str, dialect: Dialect, route: str) -> None:
    known = parameters_of(description(version), route)
    kind: Kind = "search" if "search" in route else "lookup"
    for name, asked in build_fields(dialect, kind).items():
        parameter = name if name == "expansions" else name.replace("_", ".")
        unknown = set(asked) - set(known[parameter]["items"]["enum"])
        assert unknown == set(), parameter


COUNTS_SCHEMAS = {"legacy": "Get2TweetsCounts{}Response", "modern": "GetPostsCounts{}Response"}


@needs_descriptions
@pytest.mark.parametrize(("version", "dialect"), [("2.166", "legacy"), ("2.167", "modern")])
@pytest.mark.parametrize(("reach", "route"), [("recent", "/2/tweets/counts/recent"), ("all", "/2/tweets/counts/all")])
def test_counts_are_asked_for_and_read_as_x_describes_them(
    version: str, dialect: Dialect, reach: Reach, route: str
) -> None:
    described = description(version)
    asked: list[httpx.URL] = []
    now = START + timedelta(hours=1)
    app = build_x(FEED, lambda: now, Faults(), counts_in=dialect)
    with serving(app) as base, build_client("test") as http:
        http.event_hooks["request"] = [lambda request: asked.append(request.url)]
        source = XSource(http, lambda: now, base_url=base, bearer_token=STAGE_TOKEN, dialect=dialect, search=reach)
        (plan,) = source.plans("counts", CHAT, Window(at(-60 * 86_400), at(600)))
        page = source.fetch(plan, None)
        if page.next_cursor:
            source.fetch(plan, page.next_cursor)
    assert {url.path for url in asked} == {route}
    assert {name for url in asked for name in url.params} <= set(parameters_of(described, route))
    answer = json.loads(page.body)
    name = COUNTS_SCHEMAS[dialect].format(reach.capitalize())
    assert undescribed(answer, property_names(described, described["components"]["schemas"][name])) == set()
    assert sum(count.posts_count for count in source.parse(page).counts) == 125


@needs_descriptions
@pytest.mark.parametrize(("version", "dialect"), [("2.166", "legacy"), ("2.167", "modern")])
@pytest.mark.parametrize("purpose", ["sweep", "thread", "quotes", "posts"])
def test_whatever_it_is_for_a_request_has_only_parameters_that_x_describes(
    version: str, dialect: Dialect, purpose: Purpose
) -> None:
    asked: list[httpx.URL] = []
    now = START + timedelta(hours=1)
    with serving(build_x(FEED, lambda: now, Faults())) as base, build_client("test") as http:
        http.event_hooks["request"] = [lambda request: asked.append(request.url)]
        source = XSource(http, lambda: now, base_url=base, bearer_token=STAGE_TOKEN, dialect=dialect)
        for plan in source.plans(purpose, CHAT, Window(at(0), at(600)), (str(id_at(START)),)):
            with suppress(Retriable):  # a lookup of a post that is not there
                source.fetch(plan, None)
    assert asked
    for url in asked:
        assert set(url.params) <= set(parameters_of(description(version), url.path))


def property_names(described: Json, schema: Json, seen: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The properties of a schema, references and compositions followed, as a tree; lists as their items."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        if name in seen:
            return {}
        return property_names(described, described["components"]["schemas"][name], seen | {name})
    found: dict[str, Any] = {}
    for part in (*schema.get("allOf", ()), *schema.get("oneOf", ()), *schema.get("anyOf", ())):
        found |= property_names(described, part, seen)
    if "items" in schema:
        found |= property_names(described, schema["items"], seen)
    for name, child in schema.get("properties", {}).items():
        found[name] = property_names(described, child, seen)
    return found


def undescribed(value: Any, known: dict[str, Any], path: str = "") -> set[str]:
    if isinstance(value, list):
        return {name for item in value for name in undescribed(item, known, path)}
    if not isinstance(value, dict):
        return set()
    found = {f"{path}.{name}" for name in value if name not in known}
    for name, child in value.items():
        found |= undescribed(child, known.get(name, {}), f"{path}.{name}")
    return found


@needs_descriptions
@pytest.mark.parametrize(("version", "dialect", "kind"), [("2.166", "legacy", "Tweet"), ("2.167", "modern", "Post")])
def test_every_staged_field_is_one_that_x_describes(version: str, dialect: Dialect, kind: str) -> None:
    described = description(version)
    schemas = described["components"]["schemas"]
    tree = {name: property_names(described, schemas[name]) for name in (kind, "User", "Expansions")}
    pictures = property_names(described, schemas["Photo" if "Photo" in schemas else "Media"])
    search, lookup, _ = staged(dialect)
    for answer in (search, lookup):
        assert undescribed(answer["data"], tree[kind]) == set()
        assert set(answer["includes"]) <= set(tree["Expansions"])
        assert undescribed(answer["includes"]["users"], tree["User"]) == set()
        assert undescribed(answer["includes"].get("tweets" if kind == "Tweet" else "posts", []), tree[kind]) == set()
        assert undescribed(answer["includes"].get("media", []), pictures) == set()


@needs_descriptions
def test_every_field_of_a_post_that_x_describes_is_one_that_the_parser_knows() -> None:
    for version, kind in (("2.166", "Tweet"), ("2.167", "Post")):
        described = description(version)
        fields = property_names(described, described["components"]["schemas"][kind])
        row = {"id": "5", "text": "a", "author_id": "1", "created_at": "2026-10-08T12:00:00.000Z"}
        batch = parse_answer({"data": [dict.fromkeys(fields) | row]})
        assert [flaw.detail for flaw in batch.flaws] == []


def accounted(batch: Batch, rows: int, where: str) -> int:
    """Asserts that each row is a post or an unusable flaw; gives the number of posts."""
    posts = sum(post.primary for post in batch.posts)
    unusable = sum(flaw.kind == "unusable" for flaw in batch.flaws)
    assert batch.rows == rows == posts + unusable, where
    assert not [flaw for flaw in batch.flaws if "do not read" in flaw.detail], where
    return posts


def test_no_post_of_a_recorded_search_or_lookup_is_lost() -> None:
    pages = [*recorded_calls("/2/tweets/search/"), *recorded_calls("/2/tweets?ids=")]
    assert len(pages) >= 6
    for page in pages:
        batch = parse_answer(page)
        posts = accounted(batch, len(page["data"]), "recorded call")
        with_author = [row for row in page["data"] if "author_id" in row]
        assert posts == len(with_author)


def test_no_post_of_a_twarc_file_is_lost() -> None:
    total = 0
    for where, row in twarc_answers():
        data = row.get("data")
        batch = parse_answer(row) if data is not None else parse_flattened(row)
        rows = 1 if not isinstance(data, list) else len(data)
        posts = accounted(batch, rows, where)
        items = data if isinstance(data, list) else [data or row]
        assert posts == sum("text" in item and "author_id" in item for item in items), where
        included = {item["id"] for item in row.get("includes", {}).get("tweets", [])}
        assert included <= {ref.native_id for post in batch.posts for ref in post.native_ids}, where
        total += posts
    assert total > 2_500


def test_no_post_of_a_page_dump_is_lost() -> None:
    files = sorted((FIXTURES / "archives/x_v2_pages").rglob("data_*.json"))
    assert files
    for path in files:
        rows = json.loads(path.read_text(encoding="utf-8"))
        beside = json.loads(path.with_name(path.name.replace("data_", "users_")).read_text(encoding="utf-8"))
        batch = parse_answer({"data": rows, "includes": beside})
        assert accounted(batch, len(rows), path.name) == len(rows)


def test_a_flattened_file_reads_to_the_posts_of_its_pages() -> None:
    for name in ("brexit", "kpop"):
        pages = Reader(Batch())
        for number, row in lines_of(FIXTURES / f"archives/twarc_v2/twarc-csv_testdata/{name}.jsonl"):
            pages.answer(row, number)
        flat = Reader(Batch())
        for number, row in lines_of(FIXTURES / f"archives/twarc_v2/flattened/{name}.jsonl"):
            flat.flattened(row, number)
        ours = {post.id: post for post in flat.batch.posts if post.primary}
        theirs = {post.id: post for post in pages.batch.posts if post.primary}
        assert ours == theirs
        assert {post.id for post in flat.batch.posts} == {post.id for post in pages.batch.posts}


def test_recorded_times_agree_with_their_ids() -> None:
    odd = 0
    for page in recorded_pages():
        for post in parse_answer(page).posts:
            told = datetime.fromisoformat(post.edited_at or post.created_at).timestamp()
            given = ((int(post.native_ids[-1].native_id) >> 22) + 1288834974657) // 1000
            odd += told != given
    assert odd <= 1  # one joint post of two authors was held back for weeks
