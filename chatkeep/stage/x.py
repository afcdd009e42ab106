"""A loopback X: search, counts, lookup and usage of API v2, with its limits, errors, dialects and prices."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from archive.times import Clock, from_text
from chatkeep.stage.faults import Faults, FaultyApp
from chatkeep.stage.feed import Feed
from chatkeep.stage.x_counts import DAYS_A_PAGE, GRANULARITIES, count_posts, moment_of
from chatkeep.stage.x_objects import Asked, Dialect, Version, World, id_at, not_found, problem_host
from chatkeep.stage.x_query import BadQuery, Matches, parse_query
from chatkeep.stage.x_text import Json
from chatkeep.stage.x_till import Till

STAGE_TOKEN = "a-key-that-opens-nothing-but-the-stage"  # noqa: S105 - the stage is on loopback and holds no secret

_WINDOW = timedelta(minutes=15)
_INDEX_LAG = timedelta(seconds=30)
_NEWEST_END = timedelta(seconds=10)
_FIRST_DAY = from_text("2006-03-21T00:00:00Z")  # of X's first post
_FULL_ARCHIVE_DEFAULT = timedelta(days=30)
_TOKEN_PREFIX = "b26v89c19zqg8o3f"  # noqa: S105 - how X's paging tokens begin
_ID = re.compile(r"[0-9]{1,19}")
_MONTHLY_CAP = 3_000_000

_SHOWING = frozenset(
    {"tweet.fields", "post.fields", "expansions", "user.fields", "media.fields", "poll.fields", "place.fields"}
)
_BOUNDED = frozenset({"query", "next_token", "pagination_token", "since_id", "until_id", "start_time", "end_time"})
_SEARCHING = _BOUNDED | {"max_results", "sort_order"}
_COUNTING = _BOUNDED | {"granularity", "search_count.fields"}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One route with its limits: requests in 15 minutes, posts a page, characters of a query, days back, and whether
    it takes one request a second alone.
    """

    name: str
    requests_limit: int
    most_results: int = 0
    longest_query: int = 0
    recent_days: int | None = None
    one_a_second: bool = False


class Refused(Exception):
    """An answer other than 200, in the words of X's problem documents."""

    def __init__(self, status: int, body: Json, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(body.get("title"))
        self.status = status
        self.body = body
        self.headers = headers or {}


@dataclass(slots=True)
class _Spent:
    opened_at: datetime
    requests: int = 0
    answered_at: datetime | None = None


@dataclass(slots=True)
class Stage:
    """What the staged X remembers between requests: how much was asked, and which posts it sold."""

    feed: Feed
    clock: Clock
    token: str
    spent: dict[str, _Spent] = field(default_factory=dict)
    sold: int = 0
    till: Till = field(default_factory=Till)
    counts_in: Dialect = "legacy"

    def answer(self, endpoint: Endpoint, request: Request, build: Callable[[Request, datetime], Json]) -> Response:
        """The JSON of ``build`` with the rate-limit headers, or the problem that stands in its way."""
        now = self.clock()
        headers = {"api-version": "2.166"}
        try:
            self._check_token(request)
            headers |= self._spend(endpoint, now)
            body = build(request, now)
        except Refused as refused:
            return JSONResponse(refused.body, refused.status, {**headers, **refused.headers})
        if endpoint.name.endswith("counts"):
            self.till.charge_count(endpoint.name, now)
        elif endpoint.name != "usage":
            self.sold += len(body.get("data", ()))
            self.till.charge_answer(body, now)
        return JSONResponse(body, headers=headers)

    def _check_token(self, request: Request) -> None:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            raise Refused(
                401, {"title": "Unauthorized", "type": "about:blank", "status": 401, "detail": "Unauthorized"}
            )

    def _spend(self, endpoint: Endpoint, now: datetime) -> dict[str, str]:
        spent = self.spent.get(endpoint.name)
        if spent is None or now >= spent.opened_at + _WINDOW or now < spent.opened_at:
            spent = self.spent[endpoint.name] = _Spent(now)
        spent.requests += 1
        headers = {
            "x-rate-limit-limit": str(endpoint.requests_limit),
            "x-rate-limit-remaining": str(max(endpoint.requests_limit - spent.requests, 0)),
            "x-rate-limit-reset": str(int((spent.opened_at + _WINDOW).timestamp())),
        }
        if spent.requests > endpoint.requests_limit or (endpoint.one_a_second and _is_within_a_second(spent, now)):
            body = {"title": "Too Many Requests", "detail": "Too Many Requests", "type": "about:blank", "status": 429}
            raise Refused(429, body, headers)
        spent.answered_at = now
        return headers


def _is_within_a_second(spent: _Spent, now: datetime) -> bool:
    return spent.answered_at is not None and timedelta() <= now - spent.answered_at < timedelta(seconds=1)


def build_x(
    feed: Feed,
    clock: Clock,
    faults: Faults,
    *,
    token: str = STAGE_TOKEN,
    recent_days: int = 7,
    till: Till | None = None,
    counts_in: Dialect = "legacy",
) -> ASGIApp:
    """The staged X for ``feed`` at the time of ``clock``; ``faults`` go wrong as they are asked for.

    ``till`` takes down what the answers cost. ``counts_in``: the dialect of counts, which no request names.
    """
    stage = Stage(feed, clock, token, till=till or Till(), counts_in=counts_in)
    recent = Endpoint("recent", 450, 100, 512, recent_days)
    archive = Endpoint("all", 300, 500, 1024, one_a_second=True)
    recent_counts = Endpoint("recent counts", 300, 0, 512, recent_days)
    all_counts = Endpoint("all counts", 300, 0, 1024)
    lookup, usage = Endpoint("lookup", 3500), Endpoint("usage", 50)

    def route(path: str, endpoint: Endpoint, build: Callable[[Stage, Endpoint, Request, datetime], Json]) -> Route:
        async def answer(request: Request) -> Response:
            return stage.answer(endpoint, request, lambda asked, now: build(stage, endpoint, asked, now))

        return Route(path, answer)

    routes = [
        route("/2/tweets/search/recent", recent, _search),
        route("/2/tweets/search/all", archive, _search),
        route("/2/tweets/counts/recent", recent_counts, _count),
        route("/2/tweets/counts/all", all_counts, _count),
        route("/2/tweets", lookup, _look_up),
        route("/2/usage/tweets", usage, _usage),
    ]
    return FaultyApp(Starlette(routes=routes), faults)


def _search(stage: Stage, endpoint: Endpoint, request: Request, now: datetime) -> Json:
    params = dict(request.query_params)
    _check_names(params, _SEARCHING | _SHOWING)
    size = _page_size(params, endpoint)
    lowest, highest = _ends(params, endpoint, now)
    world = World(stage.feed, now)
    found = _matching(world, params, endpoint, (lowest, _below(params, highest)))
    page = found[:size]
    return world.answer(page, _asked(params)) | {"meta": _meta(page, more=len(found) > size)}


def _count(stage: Stage, endpoint: Endpoint, request: Request, now: datetime) -> Json:
    params = dict(request.query_params)
    _check_names(params, _COUNTING)
    granularity = GRANULARITIES.get(params.get("granularity", "hour"))
    if granularity is None:
        value = params["granularity"]
        raise _invalid("granularity", value, f"The `granularity` query parameter value [{value}] is not one of")
    lowest, highest = _ends(params, endpoint, now)
    below = _below(params, highest)
    above = lowest
    if endpoint.recent_days is None:
        above = max(lowest, id_at(moment_of(below) - timedelta(days=DAYS_A_PAGE)))
    found = _matching(World(stage.feed, now), params, endpoint, (above, below))
    answer = count_posts(found, moment_of(above), moment_of(below), granularity, stage.counts_in)
    if above > lowest:
        answer["meta"]["next_token"] = _token_for(str(above))
    return answer


def _below(params: Mapping[str, str], highest: int) -> int:
    """The id below which a page begins."""
    token = params.get("next_token") or params.get("pagination_token")
    return min(highest, _place_of(token)) if token else highest


def _matching(world: World, params: Mapping[str, str], endpoint: Endpoint, ends: tuple[int, int]) -> list[Version]:
    matches = _query(params.get("query", ""), endpoint)
    return [
        version
        for version in world.current()
        if ends[0] <= int(version.id) < ends[1] and not version.post.repost_of and matches(world.searched(version))
    ]


def _query(query: str, endpoint: Endpoint) -> Matches:
    message = "There were errors processing your request: "
    if len(query) > endpoint.longest_query:
        message += f"Rule must be no longer than {endpoint.longest_query} characters"
        raise _invalid("query", query, message)
    try:
        return parse_query(query)
    except BadQuery as why:
        raise _invalid("query", query, f"{message}{why}") from why


def _look_up(stage: Stage, _endpoint: Endpoint, request: Request, now: datetime) -> Json:
    params = dict(request.query_params)
    _check_names(params, _SHOWING | {"ids"})
    ids = [native for native in params.get("ids", "").split(",") if native]
    if not 1 <= len(ids) <= 100:
        raise _invalid("ids", params.get("ids", ""), f"size must be between 1 and 100, but was {len(ids)}")
    for native in ids:
        if not _ID.fullmatch(native):
            raise _invalid("ids", native, f"The `ids` query parameter value [{native}] is not valid")
    world, asked = World(stage.feed, now), _asked(params)
    found = {native: world.by_id(native) for native in dict.fromkeys(ids)}
    answer = world.answer([version for version in found.values() if version], asked)
    gone = [not_found(native, "ids", asked.dialect) for native, version in found.items() if version is None]
    return answer | ({"errors": [*answer.get("errors", ()), *gone]} if gone else {})


def _usage(stage: Stage, _endpoint: Endpoint, _request: Request, now: datetime) -> Json:
    return {
        "data": {
            "project_id": "1000001",
            "project_usage": str(stage.sold),
            "project_cap": str(_MONTHLY_CAP),
            "cap_reset_day": 1,
            "daily_project_usage": {
                "project_id": "1000001",
                "usage": [{"date": f"{now:%Y-%m-%d}T00:00:00.000Z", "usage": str(stage.sold)}],
            },
        }
    }


def _check_names(params: Mapping[str, str], known: frozenset[str]) -> None:
    for name in params:
        if name not in known:
            listed = ",".join(sorted(known))
            raise _invalid(name, params[name], f"The query parameter [{name}] is not one of [{listed}]")


def _page_size(params: Mapping[str, str], endpoint: Endpoint) -> int:
    value = params.get("max_results", "10")
    if not _ID.fullmatch(value) or not 10 <= int(value) <= endpoint.most_results:
        message = f"The `max_results` query parameter value [{value}] is not between 10 and {endpoint.most_results}"
        raise _invalid("max_results", value, message)
    return int(value)


def _ends(params: Mapping[str, str], endpoint: Endpoint, now: datetime) -> tuple[int, int]:
    """The lowest id that the search may give and the lowest above it, after X's checks of the ends."""
    by_id = [name for name in ("since_id", "until_id") if name in params]
    by_time = [name for name in ("start_time", "end_time") if name in params]
    if by_id and by_time:
        message = f"Invalid use of '{by_id[0]}' in conjunction with '{by_time[0]}'"
        raise _invalid(by_id[0], params[by_id[0]], message)
    days = endpoint.recent_days
    since = _FIRST_DAY if days is None else now - timedelta(days=days)
    earliest = id_at(since)
    end = _time_id(params, "end_time") if "end_time" in params else id_at(now - _INDEX_LAG)
    if end > id_at(now - _NEWEST_END):
        message = "'end_time' must be a minimum of 10 seconds prior to the request time"
        raise _invalid("end_time", params["end_time"], message)
    default = end - (int(_FULL_ARCHIVE_DEFAULT.total_seconds() * 1000) << 22) if days is None else earliest
    start = _time_id(params, "start_time") if "start_time" in params else default
    if "since_id" in params:
        start = _number(params, "since_id") + 1
    if start < earliest:
        name = "since_id" if "since_id" in params else "start_time"
        raise _invalid(name, params[name], f"'{name}' must be on or after {since:%Y-%m-%dT%H:%MZ}")
    if "until_id" in params:
        end = min(_number(params, "until_id"), end)
    if end < start and by_time:
        raise _invalid(by_time[0], params[by_time[0]], "'start_time' must be before 'end_time'")
    return start, end


def _time_id(params: Mapping[str, str], name: str) -> int:
    value = params[name]
    try:
        moment = from_text(value)
    except ValueError as why:
        message = f"The `{name}` query parameter value [{value}] is not a valid RFC3339 timestamp"
        raise _invalid(name, value, message) from why
    return id_at(moment.replace(microsecond=0))


def _number(params: Mapping[str, str], name: str) -> int:
    value = params[name]
    if not _ID.fullmatch(value):
        raise _invalid(name, value, f"The `{name}` query parameter value [{value}] does not match ^[0-9]{{1,19}}$")
    return int(value)


def _asked(params: Mapping[str, str]) -> Asked:
    """What to show. A field of the other dialect is dropped in silence, as X does."""

    def names(parameter: str) -> frozenset[str]:
        return frozenset(params.get(parameter, "").split(",")) - {""}

    dialect: Dialect = "modern" if "post.fields" in params else "legacy"
    modern = dialect == "modern"
    fields = names("post.fields") - _NO_MODERN_FIELDS if modern else names("tweet.fields") - _MODERN_WORDS
    return Asked(
        dialect=dialect,
        post_fields=fields,
        expansions=names("expansions") - (_LEGACY_WORDS if modern else _MODERN_WORDS),
        user_fields=names("user.fields"),
        media_fields=names("media.fields"),
    )


_LEGACY_WORDS = frozenset(
    {"note_tweet", "referenced_tweets", "referenced_tweets.id", "referenced_tweets.id.author_id"}
) | {"edit_history_tweet_ids"}
_MODERN_WORDS = frozenset({"note_post", "referenced_posts", "edit_history_post_ids"})
# the modern dialect has authors, references and edits as expansions alone
_NO_MODERN_FIELDS = (_LEGACY_WORDS | _MODERN_WORDS | {"author_id", "in_reply_to_user_id"}) - {"note_post"}


def _meta(page: list[Version], *, more: bool) -> Json:
    if not page:
        return {"result_count": 0}
    meta: Json = {"newest_id": page[0].id, "oldest_id": page[-1].id, "result_count": len(page)}
    return meta | ({"next_token": _token_for(page[-1].id)} if more else {})


def _token_for(native: str) -> str:
    return f"{_TOKEN_PREFIX}{int(native):x}"


def _place_of(token: str) -> int:
    place = token.removeprefix(_TOKEN_PREFIX)
    if place == token or not re.fullmatch("[0-9a-f]{1,16}", place):
        raise _invalid("next_token", token, f"The `next_token` query parameter value [{token}] is not valid")
    return int(place, 16)


def _invalid(parameter: str, value: str, message: str) -> Refused:
    body = {
        "errors": [{"parameters": {parameter: [value]}, "message": message}],
        "title": "Invalid Request",
        "detail": "One or more parameters to your request was invalid.",
        "type": f"{problem_host('legacy')}/invalid-request",
    }
    return Refused(400, body)
