"""A staged Mastodon server: hashtag timelines and posts of a feed, with Mastodon's paging, limits and errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from archive.times import Clock
from chatkeep.stage.faults import Faults, FaultyApp
from chatkeep.stage.feed import Feed, FeedAuthor, FeedPost, tags_of
from chatkeep.stage.mastodon_shapes import Access, Server, fold_tag
from chatkeep.stage.mastodon_stream import StreamFaults, stream_tag

_PAGING = frozenset({"max_id", "min_id", "since_id", "page"})
_LARGEST_PAGE = 40
_MOST_POSTS = 20
_READING = ("read", "read:statuses")
_KEPT_BY_LINK = ("limit", "local", "only_media")  # Mastodon's Link header loses any, all, none and remote


def build_mastodon(
    feed: Feed,
    clock: Clock,
    faults: Faults,
    *,
    host: str = "mastodon.stage.example",
    token: str | None = None,
    access: Access | None = None,
    stream_faults: StreamFaults | None = None,
) -> ASGIApp:
    """One server's app. Accounts whose handle names another host (user@host) are remote there, others its own.

    ``token`` signs its bearer in; without ``access`` hashtags can then be read by the bearer alone. A remote post
    appears at its arrival, under an id of that time; one whose key ends with "fetched" appears then under an id of its
    writing, below every cursor.
    """
    limited = Access(local="authenticated", remote="authenticated") if token is not None else Access()
    stage = _Stage(Server(feed, host), clock, token, access or limited, stream_faults or StreamFaults())
    routes = [
        Route("/api/v1/timelines/tag/{tag}", stage.timeline),
        Route("/api/v1/statuses", stage.posts),
        Route("/api/v1/statuses/{id}", stage.post),
        Route("/api/v1/statuses/{id}/context", stage.context),
        Route("/api/v1/streaming/hashtag", stage.stream),
        Route("/api/v2/instance", stage.instance),
        Route("/api/v1/accounts/verify_credentials", stage.own_account),
        Route("/{path:path}", stage.nothing),
    ]
    return FaultyApp(Starlette(routes=routes), faults)


@dataclass(slots=True)
class _Throttles:
    """Mastodon's limits in fixed windows: 300 requests in 5 minutes, and 300 in 15 for those that page."""

    counts: dict[tuple[str, int, int], int] = field(default_factory=dict)

    def take(self, who: str, *, is_paging: bool, now: datetime) -> tuple[bool, dict[str, str]]:
        """Counts one request; whether it is allowed, and the headers of the tightest limit that it meets."""
        seconds = int(now.timestamp())
        remaining, period = min(
            (300 - self._count(who, period, seconds // period), period)
            for period in ((300, 900) if is_paging else (300,))
        )
        reset = now.astimezone(UTC) + timedelta(seconds=period - seconds % period)
        return remaining >= 0, {
            "X-RateLimit-Limit": "300",
            "X-RateLimit-Remaining": str(max(0, remaining)),
            "X-RateLimit-Reset": f"{reset:%Y-%m-%dT%H:%M:%S.%f}Z",
        }

    def _count(self, who: str, period: int, window: int) -> int:
        key = (who, period, window)
        self.counts[key] = self.counts.get(key, 0) + 1
        return self.counts[key]


@dataclass(slots=True)
class _Stage:
    server: Server
    clock: Clock
    token: str | None
    access: Access
    stream_faults: StreamFaults
    throttles: _Throttles = field(default_factory=_Throttles)

    async def timeline(self, request: Request) -> Response:
        """A hashtag's public posts, newest first; boosts never."""
        query = request.query_params
        parts = {"local": _is_true(query.get("local")), "remote": _is_true(query.get("remote"))}
        if self.access.needs_user(**parts) and not self._signed_in(request):
            return self._answer(request, {"error": "This method requires an authenticated user"}, 422)
        if self._signed_in(request) and self.access.scope not in _READING:
            return self._answer(request, {"error": "This action is outside the authorized scopes"}, 403)
        now = self.clock()
        found = [post for post in self._shown(now) if post.visibility == "public" and self._matches(request, post, now)]
        by_id = {self.server.id_of(post): post for post in found}
        limit = min(abs(_number(query["limit"])), _LARGEST_PAGE) if query.get("limit") else 20
        ids = _page_of(sorted(by_id), limit, {name: _number(query[name]) for name in _PAGING if query.get(name)})
        page = [self.server.status(by_id[each], now, signed_in=self._signed_in(request)) for each in ids]
        links = {"Link": _link_header(request, ids)} if ids else {}
        return self._answer(request, page, headers=links)

    async def posts(self, request: Request) -> Response:
        """Several posts by id, less those that cannot be seen."""
        ids = request.query_params.getlist("id[]") + request.query_params.getlist("id")
        if len(ids) > _MOST_POSTS:
            return self._answer(request, {"error": "Too many posts were asked for"}, 422)
        now = self.clock()
        found = {str(self.server.id_of(post)): post for post in self._readable(now)}
        shapes = [
            self.server.status(found[each], now, signed_in=self._signed_in(request)) for each in ids if each in found
        ]
        return self._answer(request, shapes)

    async def post(self, request: Request) -> Response:
        """One post, or 404 where it is deleted, private or never was."""
        now = self.clock()
        for post in self._readable(now):
            if str(self.server.id_of(post)) == request.path_params["id"]:
                return self._answer(request, self.server.status(post, now, signed_in=self._signed_in(request)))
        return await self.nothing(request)

    async def context(self, request: Request) -> Response:
        """What a post answers, and what answers it: for the anonymous 40 posts upward and 60 downward."""
        now = self.clock()
        posts = {post.key: post for post in self._readable(now)}
        asked = [post for post in posts.values() if str(self.server.id_of(post)) == request.path_params["id"]]
        if not asked:
            return await self.nothing(request)
        up, down = (4_096, 4_096) if self._signed_in(request) else (40, 60)
        above = _ancestors(posts, asked[0])[-up:]
        below = _descendants(posts, asked[0].key)[:down]
        lists = {"ancestors": above, "descendants": below}
        shapes = {
            name: [self.server.status(each, now, signed_in=self._signed_in(request)) for each in some]
            for name, some in lists.items()
        }
        return self._answer(request, shapes)

    async def stream(self, request: Request) -> Response:
        """The stream of a hashtag: for signed-in users alone, and not limited."""
        if not self.access.streams:
            return JSONResponse({"error": "Not found"}, 404)
        if not self._signed_in(request) or self.access.scope not in _READING:
            given = "authorization" in request.headers
            return JSONResponse({"error": "Invalid access token" if given else "Missing access token"}, 401)
        tag = request.query_params.get("tag")
        if not tag:
            return JSONResponse({"error": "Missing tag name parameter"}, 400)
        lines = stream_tag(self.server, tag, self.clock, self.stream_faults)
        return StreamingResponse(lines, headers={"Cache-Control": "private, no-store"}, media_type="text/event-stream")

    async def instance(self, request: Request) -> Response:
        """The server about itself, which it tells anyone."""
        here = f"ws://{request.url.netloc}" if request.url.scheme == "http" else f"wss://{self.server.host}"
        shape = self.server.instance(self.access, self.access.streaming_url or here)
        return self._answer(request, shape, is_open=True)

    async def own_account(self, request: Request) -> Response:
        """The bearer's account, or 401."""
        if not self._signed_in(request):
            return self._answer(request, {"error": "The access token is invalid"}, 401)
        if self.access.scope != "read":
            return self._answer(request, {"error": "This action is outside the authorized scopes"}, 403)
        bearer = FeedAuthor(key="bearer", platform="mastodon", handle="keeper", name="Keeper")
        return self._answer(request, self.server.account(bearer))

    async def nothing(self, request: Request) -> Response:
        """Mastodon's 404."""
        return self._answer(request, {"error": "Not Found"}, 404)

    def _signed_in(self, request: Request) -> bool:
        return self.token is not None and request.headers.get("authorization") == f"Bearer {self.token}"

    def _shown(self, now: datetime) -> list[FeedPost]:
        return [
            post for post in self.server.feed.on("mastodon") if self.server.shows(post, now) and post.repost_of is None
        ]

    def _readable(self, now: datetime) -> list[FeedPost]:
        posts = (post for post in self.server.feed.on("mastodon") if self.server.shows(post, now))
        return [post for post in posts if post.visibility in ("public", "unlisted")]

    def _matches(self, request: Request, post: FeedPost, now: datetime) -> bool:
        tags, query = {fold_tag(tag) for tag in tags_of(post.text_at(now))}, request.query_params
        named = {name: [fold_tag(tag) for tag in query.getlist(f"{name}[]")[:4]] for name in ("any", "all", "none")}
        wanted = {fold_tag(request.path_params["tag"]), *named["any"][:3]}
        if not wanted & tags or not self._known(named["all"]) <= tags or set(named["none"]) & tags:
            return False
        local, remote = _is_true(query.get("local")), _is_true(query.get("remote"))
        is_local = self.server.is_local(self.server.feed.author_of(post))
        if self.access.hides(is_local=is_local) or local not in (remote, is_local):
            return False
        return post.alt_text is not None or not _is_true(query.get("only_media"))

    def _known(self, tags: list[str]) -> set[str]:
        """The tags that some post ever had: Mastodon drops the others from all[], so that they ask for nothing."""
        return {tag for tag in tags if any(tag in map(fold_tag, tags_of(each.text)) for each in self.server.feed.posts)}

    def _answer(
        self,
        request: Request,
        shape: object,
        status: int = 200,
        headers: dict[str, str] | None = None,
        *,
        is_open: bool = False,
    ) -> Response:
        client = request.client.host if request.client else ""
        who = "bearer" if self._signed_in(request) else client
        is_paging = not _PAGING.isdisjoint(request.query_params)
        allowed, limits = self.throttles.take(who, is_paging=is_paging, now=self.clock())
        if not allowed:
            return JSONResponse({"error": "Too many requests"}, 429, limits)
        if self.access.closed and not is_open and not self._signed_in(request):
            return JSONResponse({"error": "This API requires an authenticated user"}, 401, limits)
        cached = "public, max-age=15, stale-while-revalidate=30, stale-if-error=86400"
        caching = {"Cache-Control": "private, no-store" if self._signed_in(request) else cached}
        return JSONResponse(shape, status, {**(headers or {}), **limits, **caching})


def _ancestors(posts: Mapping[str, FeedPost], post: FeedPost) -> list[FeedPost]:
    """The posts above, the oldest first, as far as the chain can be seen."""
    found: list[FeedPost] = []
    parent = posts.get(post.reply_to or "")
    while parent is not None and parent not in found:
        found.insert(0, parent)
        parent = posts.get(parent.reply_to or "")
    return found


def _descendants(posts: Mapping[str, FeedPost], key: str) -> list[FeedPost]:
    """The posts below, each followed by its own answers."""
    return [
        each
        for post in posts.values()
        if post.reply_to == key and post.key != key
        for each in [post, *_descendants(posts, post.key)]
    ]


def _page_of(ids: list[int], limit: int, bounds: dict[str, int]) -> list[int]:
    """The ids of a page, newest first: with min_id those next above it, otherwise the newest."""
    above = bounds.get("min_id", bounds.get("since_id", -1))
    inside = [each for each in ids if above < each < bounds.get("max_id", 1 << 64)]
    chosen = inside[:limit] if "min_id" in bounds else inside[max(0, len(inside) - limit) :]
    return chosen[::-1]


def _link_header(request: Request, ids: list[int]) -> str:
    kept = {name: request.query_params[name] for name in _KEPT_BY_LINK if name in request.query_params}
    base = str(request.url.replace(query=""))
    bounds = (("next", "max_id", ids[-1]), ("prev", "min_id", ids[0]))
    return ", ".join(
        f'<{base}?{urlencode(sorted({**kept, name: str(value)}.items()))}>; rel="{rel}"' for rel, name, value in bounds
    )


def _number(text: str) -> int:
    """As Ruby reads a number: what is none is 0."""
    match = re.match(r"\s*[-+]?\d+", text)
    return int(match[0]) if match else 0


def _is_true(text: str | None) -> bool:
    return text is not None and text.lower() not in ("", "0", "f", "false", "off")
