"""Bluesky on the stage: a PDS that signs in, searches and looks up a feed's posts as the real one does."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from archive.models import normalise_tag
from archive.times import Clock, normalise
from chatkeep.stage.bluesky_views import Json, Shown, Views, search_tags
from chatkeep.stage.faults import Faults, FaultyApp
from chatkeep.stage.feed import Feed, FeedPost

STAGE_HANDLE = "collector.test"
STAGE_PASSWORD = "stage-app-password"  # noqa: S105  # the stage's only account; it opens nothing else
STAGE_DID = "did:plc:stagecollectorstagecolle"

_ACCESS_LIFE = timedelta(hours=2)
_REFRESH_LIFE = timedelta(days=90)
_WINDOW_SECONDS = 300
_REQUESTS_A_WINDOW = 3000
_SIGN_INS_A_WINDOW = 30
_DEEPEST_HIT = 10_000
_MOST_URIS = 25
_CREATE = "com.atproto.server.createSession"
_REFRESH = "com.atproto.server.refreshSession"


def build_bluesky(feed: Feed, clock: Clock, faults: Faults, *, hidden_every: int = 9) -> ASGIApp:
    """A PDS that shows ``feed`` as it stands at ``clock()``.

    Every ``hidden_every``-th hit of a search is one that Bluesky drops afterwards (a blocked or deactivated author):
    it takes a place in the page and is not shown, so pages are short. 0 hides none.
    """
    stage = _Stage(Views(feed), clock, hidden_every)
    queries = {
        "com.atproto.server.getSession": stage.answer_session,
        "app.bsky.feed.searchPosts": stage.search_posts,
        "app.bsky.feed.getPosts": stage.look_up_posts,
        "app.bsky.feed.getPostThread": stage.show_thread,
        "app.bsky.feed.getQuotes": stage.list_quotes,
    }
    routes = [
        Route("/xrpc/com.atproto.server.describeServer", stage.describe),
        Route(f"/xrpc/{_CREATE}", stage.create_session, methods=["POST"]),
        Route(f"/xrpc/{_REFRESH}", stage.refresh_session, methods=["POST"]),
        *(Route(f"/xrpc/{name}", endpoint) for name, endpoint in queries.items()),
        Route("/xrpc/{name}", stage.refuse_method, methods=["GET", "POST"]),
    ]
    return FaultyApp(Starlette(routes=routes, exception_handlers={_Refusal: _render_refusal}), faults)


class _Refusal(Exception):
    """An error answer in Bluesky's words."""

    def __init__(self, status: int, error: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.message = message
        self.headers = headers or {}


async def _render_refusal(_request: Request, exc: Exception) -> Response:
    if not isinstance(exc, _Refusal):
        raise exc
    body = {"error": exc.error, "message": exc.message}
    return JSONResponse(body, status_code=exc.status, headers=exc.headers)


@dataclass(slots=True)
class _Limit:
    """So many requests in a window that opens with the first one."""

    most: int
    used: int = 0
    ends_at: float = 0.0

    def count(self, now: datetime) -> dict[str, str]:
        """The rate-limit headers after one more request, which raises a 429 where it is one too many."""
        moment = now.timestamp()
        if not self.ends_at - _WINDOW_SECONDS <= moment < self.ends_at:
            self.used, self.ends_at = 0, moment + _WINDOW_SECONDS
        self.used += 1
        headers = {
            "ratelimit-limit": str(self.most),
            "ratelimit-remaining": str(max(0, self.most - self.used)),
            "ratelimit-reset": str(int(self.ends_at)),
            "ratelimit-policy": f"{self.most};w={_WINDOW_SECONDS}",
        }
        if self.used > self.most:
            headers["retry-after"] = str(max(1, int(self.ends_at - moment)))
            raise _Refusal(429, "RateLimitExceeded", "Rate Limit Exceeded", headers)
        return headers


class _Stage:
    """The state of one staged PDS: its sessions and its limits. Endpoints are async, so none runs beside another."""

    def __init__(self, views: Views, clock: Clock, hidden_every: int) -> None:
        self._views = views
        self._clock = clock
        self._hidden_every = hidden_every
        self._access: dict[str, datetime] = {}
        self._refresh: dict[str, datetime] = {}
        self._tokens_made = 0
        self._requests = _Limit(_REQUESTS_A_WINDOW)
        self._sign_ins = _Limit(_SIGN_INS_A_WINDOW)

    async def describe(self, _request: Request) -> Response:
        body = {"did": "did:web:stage.test", "availableUserDomains": [".test"], "inviteCodeRequired": True}
        return JSONResponse({**body, "links": {}, "contact": {}}, headers=self._requests.count(self._clock()))

    async def refuse_method(self, _request: Request) -> Response:
        raise _Refusal(501, "MethodNotImplemented", "Method Not Implemented")

    async def create_session(self, request: Request) -> Response:
        try:
            given = json.loads(await request.body())
        except ValueError:
            given = None
        for key in ("identifier", "password"):
            if not isinstance(given, dict) or not isinstance(given.get(key), str):
                raise _Refusal(400, "InvalidRequest", f'Missing required key "{key}" at $')
        headers = self._sign_ins.count(self._clock())
        if (given["identifier"], given["password"]) != (STAGE_HANDLE, STAGE_PASSWORD):
            raise _Refusal(401, "AuthenticationRequired", "Invalid identifier or password", headers)
        return JSONResponse(self._new_session(), headers=headers)

    async def refresh_session(self, request: Request) -> Response:
        headers = self._requests.count(self._clock())
        token = _bearer(request)
        _check_token(token, self._refresh, self._clock())
        # Bluesky accepts a used refresh token for a while longer; the stage is strict, since nobody may rely on that.
        self._refresh[token] = self._clock()
        return JSONResponse(self._new_session(), headers=headers)

    async def answer_session(self, request: Request) -> Response:
        headers = self._signed_in(request)
        return JSONResponse(_account(), headers=headers)

    async def search_posts(self, request: Request) -> Response:
        headers = self._signed_in(request)
        search = _Search.read(request)
        shown = self._views.shown_at(self._clock())
        hits = [post for time, post in shown.posts if search.finds(time, post, shown)]
        if search.by_likes:
            hits.sort(key=lambda post: post.likes_count + 2 * post.reposts_count, reverse=True)
        page, more = self._page(hits, search)
        body: Json = {"posts": [self._views.render_post(post, shown) for post in page]}
        if more and search.offset + search.limit < _DEEPEST_HIT:
            body["cursor"] = str(search.offset + search.limit)
        return JSONResponse(body, headers=headers)

    def _page(self, hits: list[FeedPost], search: _Search) -> tuple[list[FeedPost], bool]:
        """The hits in this page's places, and whether the page had no empty place at its end."""
        every = self._hidden_every
        page: list[FeedPost] = []
        for place in range(search.offset, search.offset + search.limit):
            index = place - (place + 1) // every if every else place
            if index >= len(hits):
                return page, False
            if not every or (place + 1) % every:
                page.append(hits[index])
        return page, True

    async def look_up_posts(self, request: Request) -> Response:
        headers = self._signed_in(request)
        method = "app.bsky.feed.getPosts"
        uris = request.query_params.getlist("uris")
        if not uris:
            raise _bad_params(method, 'Missing required key "uris"')
        if len(uris) > _MOST_URIS:
            raise _bad_params(method, f"array too big (maximum {_MOST_URIS}, got {len(uris)})")
        if wrong := next((uri for uri in uris if not uri.startswith("at://")), None):
            raise _bad_params(method, f'Invalid at-uri (got "{wrong}")')
        shown = self._views.shown_at(self._clock())
        asked = [self._views.by_uri[uri] for uri in dict.fromkeys(uris) if uri in self._views.by_uri]
        posts = [self._views.render_post(post, shown) for post in asked if post.shown(shown.now)]
        return JSONResponse({"posts": posts}, headers=headers)

    async def show_thread(self, request: Request) -> Response:
        headers = self._signed_in(request)
        uri = _required_uri(request, "app.bsky.feed.getPostThread")
        shown = self._views.shown_at(self._clock())
        post = self._views.by_uri.get(uri)
        if post is None or not post.shown(shown.now):
            raise _Refusal(400, "NotFound", f"Post not found: {uri}")
        depth, height = (_read_number(request, name, most) for name, most in (("depth", 6), ("parentHeight", 80)))
        return JSONResponse({"thread": self._views.render_thread(post, shown, depth, height)}, headers=headers)

    async def list_quotes(self, request: Request) -> Response:
        """Newest first; nobody knows the quotes of what is gone, and that is no error (measured)."""
        headers = self._signed_in(request)
        uri = _required_uri(request, "app.bsky.feed.getQuotes")
        shown = self._views.shown_at(self._clock())
        quoted = self._views.by_uri.get(uri)
        quotes = [post for _, post in shown.posts if quoted and post.quote_of == quoted.key]
        if quoted and not quoted.shown(shown.now):
            quotes = []
        limit = _read_limit(request.query_params.get("limit", "50"))
        offset = _read_cursor(request.query_params.get("cursor"), limit)
        page = quotes[offset : offset + limit]
        body: Json = {"uri": uri, "posts": [self._views.render_post(post, shown) for post in page]}
        if offset + limit < len(quotes):
            body["cursor"] = str(offset + limit)
        return JSONResponse(body, headers=headers)

    def _signed_in(self, request: Request) -> dict[str, str]:
        headers = self._requests.count(self._clock())
        _check_token(_bearer(request), self._access, self._clock())
        return headers

    def _new_session(self) -> Json:
        self._tokens_made += 1
        now = self._clock()
        access, refresh = (_token(kind, self._tokens_made) for kind in ("access", "refresh"))
        self._access[access] = now + _ACCESS_LIFE
        self._refresh[refresh] = now + _REFRESH_LIFE
        return {"accessJwt": access, "refreshJwt": refresh, **_account()}


@dataclass(frozen=True, slots=True)
class _Search:
    """The parameters of one searchPosts call that the stage understands."""

    tags: frozenset[str]
    words: tuple[str, ...]
    since: str | None
    until: str | None
    offset: int
    limit: int
    by_likes: bool

    @classmethod
    def read(cls, request: Request) -> _Search:
        """The call's parameters; the refusals are Bluesky's."""
        params = request.query_params
        query = params.get("q", "").split()
        if not query:
            raise _bad_params("app.bsky.feed.searchPosts", 'Missing required key "q"')
        tags = [part for part in query if part.startswith(("#", "＃"))] + params.getlist("tag")
        return cls(
            tags=frozenset(normalise_tag(tag) for tag in tags),
            words=tuple(part.lower() for part in query if not part.startswith(("#", "＃"))),
            since=_read_time(params.get("since"), "since"),
            until=_read_time(params.get("until"), "until"),
            limit=(limit := _read_limit(params.get("limit", "25"))),
            offset=_read_cursor(params.get("cursor"), limit),
            by_likes=params.get("sort") == "top",
        )

    def finds(self, time: str, post: FeedPost, shown: Shown) -> bool:
        """Whether the search finds the post by the wording that stands, in its window."""
        if (self.since is not None and time < self.since) or (self.until is not None and time >= self.until):
            return False
        text = post.text_at(shown.now)
        return self.tags <= search_tags(text) and all(word in text.lower() for word in self.words)


def _read_time(text: str | None, name: str) -> str | None:
    if not text:
        return None
    time = normalise(text)
    if time is None:
        raise _Refusal(400, "BadRequest", f"invalid Datetime for '{name}'")
    return time


def _read_limit(text: str) -> int:
    try:
        limit = int(text)
    except ValueError:
        raise _bad_params("app.bsky.feed.searchPosts", f'Expected integer value type (got "{text}")') from None
    if not 1 <= limit <= 100:
        bound = "small (minimum 1" if limit < 1 else "big (maximum 100"
        raise _bad_params("app.bsky.feed.searchPosts", f"integer too {bound}, got {limit})")
    return limit


def _read_number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isdecimal() or int(text) > 1000:
        raise _bad_params("app.bsky.feed.getPostThread", f'"{name}" is no number from 0 to 1000')
    return int(text)


def _required_uri(request: Request, method: str) -> str:
    uri = request.query_params.get("uri", "")
    if not uri.startswith("at://"):
        raise _bad_params(method, f'Invalid at-uri (got "{uri}")' if uri else 'Missing required key "uri"')
    return uri


def _read_cursor(text: str | None, limit: int) -> int:
    if not text:
        return 0
    if not text.isdecimal():
        raise _Refusal(400, "BadRequest", f"invalid value for 'cursor': {text}")
    if int(text) > _DEEPEST_HIT:
        raise _Refusal(400, "BadRequest", "invalid value for 'cursor' (can't paginate so deep)")
    if int(text) + limit > _DEEPEST_HIT:
        raise _Refusal(502, "InternalServerError", "disallowed size/offset parameters")
    return int(text)


def _bad_params(method: str, message: str) -> _Refusal:
    return _Refusal(400, "InvalidRequest", f"Invalid {method} params: {message}")


def _bearer(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if not kind:
        raise _Refusal(401, "AuthMissing", "Authentication Required")
    if kind != "Bearer":
        raise _Refusal(400, "InvalidToken", "Unexpected authorization type")
    return token


def _check_token(token: str, tokens: dict[str, datetime], now: datetime) -> None:
    if token not in tokens:
        raise _Refusal(400, "InvalidToken", "Token could not be verified")
    if tokens[token] <= now:
        raise _Refusal(400, "ExpiredToken", "Token has expired")


def _token(kind: str, number: int) -> str:
    return f"stage.{kind}." + hashlib.sha256(f"{kind} {number}".encode()).hexdigest()


def _account() -> Json:
    return {
        "did": STAGE_DID,
        "handle": STAGE_HANDLE,
        "email": "collector@stage.test",
        "emailConfirmed": False,
        "active": True,
    }
