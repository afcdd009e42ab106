"""Walks hashtags on Mastodon and the servers that speak its API, and looks up single posts there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Literal
from urllib.parse import quote, urlsplit

import httpx

from archive.errors import ExchangeError, Fatal, Retriable, SettingsError, Skippable
from archive.models import Batch, Chat, Platform, Problem, RawPage
from archive.times import Clock, from_text, normalise, to_text
from collector.sources.base import Limits, Plan, Purpose, Window
from collector.sources.mastodon_parse import ids_of, is_post, load_items, order, parse_page, time_of_id, without_private
from collector.transport import exchange, kept_headers, require_safe_base, server_time, sound_wait

_PAGE_SIZE = 40  # Mastodon's most for a timeline
_POSTS_A_CALL = 20  # Mastodon's most for /statuses?id[]=; beyond it answers 422
# Ids are given when a transaction starts, so they become visible out of order; caches lag behind too.
_OVERLAP = timedelta(minutes=10)
# A post that another server delivers late is filed under its arrival: a window is walked so far beyond its end.
_LATE_ARRIVAL = timedelta(days=1)
_WRONG_CLOCK = timedelta(minutes=5)
_ANY_TIME = Window()
_NO_TOKENS: Mapping[str, str] = MappingProxyType({})


def token_variable(server: str, servers_count: int) -> str:
    """The environment variable that holds the token for a server: MASTODON_TOKEN where it is the only one."""
    if servers_count == 1:
        return "MASTODON_TOKEN"
    return "MASTODON_TOKEN_" + re.sub(r"[^A-Z0-9]", "_", urlsplit(server).netloc.upper())


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a walk stands. ``up``: above ``id`` (min_id); ``down``: below ``id`` (max_id), or from the top if ""."""

    direction: Literal["up", "down"]
    id: str

    def to_cursor(self) -> str:
        return json.dumps({"go": self.direction, "from": self.id})

    def parameters(self) -> dict[str, str]:
        if self.direction == "up":
            return {"min_id": self.id}
        return {"max_id": self.id} if self.id else {}


class MastodonSource:
    """Several servers' hashtag timelines. A post's server-local ids are written ``<server> <id>`` where refs are
    asked for. ``tokens`` are user tokens by server; each goes to its own server only.
    """

    name: Platform = "mastodon"
    limits = Limits(
        page_size=_PAGE_SIZE,
        order="oldest_first",
        overlap_seconds=int(_OVERLAP.total_seconds()),
        lag_seconds=60,  # answers without a token come from a cache that may be 45 s old
    )

    def __init__(
        self, http: httpx.Client, clock: Clock, *, servers: Sequence[str], tokens: Mapping[str, str] = _NO_TOKENS
    ) -> None:
        self._http = http
        self._clock = clock
        self._servers = list(dict.fromkeys(_safe_server(server) for server in servers))
        self._tokens = {_safe_server(server): self._safe_token(server, token) for server, token in tokens.items()}

    @property
    def servers(self) -> tuple[str, ...]:
        return tuple(self._servers)

    def _safe_token(self, server: str, token: str) -> str:
        token = token.strip()
        if not (token.isascii() and token.isprintable() and " " not in token and token):
            variable = token_variable(_safe_server(server), len(self._servers))
            raise SettingsError(f"{variable} is not a token: copy it again, without spaces or line breaks")
        return token

    def plans(self, purpose: Purpose, chat: Chat, window: Window = _ANY_TIME, refs: tuple[str, ...] = ()) -> list[Plan]:
        if purpose == "posts":
            return self._lookups(refs)
        span = f" {window.start or ''}/{window.end or ''}" if window != _ANY_TIME else ""
        return [
            Plan(key=f"mastodon tag {server} #{tag}{span}", purpose="tag", query=tag, server=server, window=window)
            for server in self._servers
            for tag in chat.hashtags
        ]

    def _lookups(self, refs: tuple[str, ...]) -> list[Plan]:
        by_server: dict[str, list[str]] = {}
        for ref in dict.fromkeys(refs):
            server, _, native_id = ref.rpartition(" ")
            by_server.setdefault(_safe_server(server), []).append(native_id)
        plans = []
        for server, ids in by_server.items():
            for start in range(0, len(ids), _POSTS_A_CALL):
                some = tuple(ids[start : start + _POSTS_A_CALL])
                key = f"mastodon posts {server} {some[0]}+{len(some)}"
                plans.append(Plan(key=key, purpose="posts", server=server, refs=some))
        return plans

    def fetch(self, plan: Plan, cursor: str | None) -> RawPage:
        """One exchange. Posts that are not public are cut out of the answer before anything else sees it."""
        if plan.purpose == "posts":
            parameters = httpx.QueryParams([("id[]", native_id) for native_id in plan.refs])
            response, items = self._ask(plan.server, "/api/v1/statuses", parameters)
            return self._page(plan, response, items, None)
        place = _read_cursor(cursor) or self._start(plan)
        parameters = httpx.QueryParams({**place.parameters(), "limit": str(_PAGE_SIZE)})
        response, items = self._ask(plan.server, f"/api/v1/timelines/tag/{quote(plan.query, safe='')}", parameters)
        following = self._next(plan, place, items, is_first=cursor is None)
        return self._page(plan, response, items, following)

    def parse(self, page: RawPage) -> Batch:
        return parse_page(page)

    def earliest(self, plan: Plan) -> str | None:
        return None

    def floor_below(self, top: str) -> str:
        """Ten minutes below a number. Of other ids the same: a walk downward reads at least a page below its floor."""
        if not _is_number(top):
            return top
        return str(max(0, int(top) - _id_width(_OVERLAP)))

    def higher(self, one: str, other: str) -> str:
        return max(one, other, key=order)

    def check(self) -> list[Problem]:
        return [problem for server in self._servers for problem in self._check_server(server)]

    # -- the walk

    def _start(self, plan: Plan) -> _Place:
        if plan.floor is not None:
            return _Place("up", plan.floor) if _is_number(plan.floor) else _Place("down", "")
        if plan.window.start is None:
            return _Place("up", "0")
        start = from_text(plan.window.start) - _OVERLAP
        return _Place("up", str(max(0, _id_width(start - datetime.fromtimestamp(0, UTC)))))

    def _next(self, plan: Plan, place: _Place, items: list[object], *, is_first: bool) -> str | None:
        """The cursor after this page; None where the walk is complete.

        Upward the end is an empty page, since short ones occur. Ids that are no numbers, or a server that does not
        know min_id, cannot be walked upward from a time: then the walk goes down from the top.
        """
        ids = ids_of(items)
        if place.direction == "down":
            return self._next_down(plan, items, ids)
        if not ids:
            # An id made from a time means nothing to a server with other ids: look before believing the emptiness.
            return _Place("down", "").to_cursor() if is_first and plan.floor is None else None
        highest = max(ids, key=order)
        if not all(map(_is_number, ids)) or order(highest) <= order(place.id):
            return _Place("down", "").to_cursor()
        return None if self._beyond_window(plan, ids) else _Place("up", highest).to_cursor()

    def _next_down(self, plan: Plan, items: list[object], ids: list[str]) -> str | None:
        if not ids or all(self._below(plan, item) for item in items if isinstance(item, dict)):
            return None
        # Of a server deaf to max_id the cursor repeats itself: the walker ends such a walk as abandoned.
        return _Place("down", min(ids, key=order)).to_cursor()

    def _beyond_window(self, plan: Plan, ids: list[str]) -> bool:
        if plan.window.end is None:
            return False
        end = from_text(plan.window.end) + _LATE_ARRIVAL
        times = [time_of_id(native_id, self._clock()) for native_id in ids]
        return all(moment is not None and moment >= end for moment in times)

    def _below(self, plan: Plan, item: dict[str, object]) -> bool:
        """Whether a post lies wholly below what the plan asks for: by its id, else by its time."""
        if plan.floor is not None:
            return all(order(native_id) <= order(plan.floor) for native_id in ids_of([item]))
        created = normalise(item.get("created_at"))
        if plan.window.start is None or created is None:
            return False
        return from_text(created) < from_text(plan.window.start) - _OVERLAP

    # -- one exchange

    def _ask(self, server: str, path: str, parameters: httpx.QueryParams) -> tuple[httpx.Response, list[object]]:
        response = self._send(server, path, parameters)
        items = load_items(response.content)
        if items is None:
            raise Retriable(f"{_host(server)} sent an answer that cannot be read: cut off, or not JSON", status=200)
        if items and not any(map(is_post, items)):
            raise Retriable(f"{_host(server)} sent a list without a post that can be understood", status=200)
        return response, items

    def _send(self, server: str, path: str, parameters: httpx.QueryParams | None = None) -> httpx.Response:
        headers = {"accept": "application/json"}
        if server in self._tokens:
            headers["authorization"] = f"Bearer {self._tokens[server]}"
        response = exchange(self._http, "GET", server + path, params=parameters, headers=headers)
        if response.status_code != 200:
            raise self._refusal(server, response)
        return response

    def _page(self, plan: Plan, response: httpx.Response, items: list[object], following: str | None) -> RawPage:
        public = without_private(items)
        body = response.content if public == items else json.dumps(public).encode()
        return RawPage(
            source=self.name,
            format=plan.purpose,
            origin=_host(plan.server),
            server=plan.server,
            url=str(response.request.url),
            http_status=response.status_code,
            headers=kept_headers(response),
            fetched_at=to_text(self._clock()),
            body=body,
            next_cursor=following,
        )

    def _refusal(self, server: str, response: httpx.Response) -> ExchangeError:
        """A status other than 200 in our words. The server's own words are left out: they might echo the token."""
        host, status = _host(server), response.status_code
        if status == 429:
            return Retriable(f"{host} asks us to wait", after=self._wait(response), status=status)
        if status >= 500 or status in (204, 408):
            return Retriable(f"{host} is in trouble ({status})", status=status)
        if status == 401 or (status == 422 and self._wants_user(server, response)):
            return Fatal(f"{self._credential_fault(server)}; {self._credential_remedy(server)}", status=status)
        if status == 403:
            return Fatal(f"{host} refuses us (403); {self._credential_remedy(server)}", status=status)
        if status in (404, 410) and _json_of(response) is None:
            message = f"{host} does not look like a Mastodon server; mend its address in chats.toml"
            return Fatal(message, status=status)
        return Skippable(f"{host} does not answer this request ({status})", status=status)

    def _wants_user(self, server: str, response: httpx.Response) -> bool:
        return server not in self._tokens or b"authenticated user" in response.content

    def _credential_fault(self, server: str) -> str:
        if server in self._tokens:
            return f"{_host(server)} does not accept our token"
        return f"{_host(server)} shows this to signed-in accounts only"

    def _credential_remedy(self, server: str) -> str:
        variable = token_variable(server, len(self._servers))
        return (
            f"get a token at {server}/settings/applications (Preferences > Development > New application, "
            f"scope read) and set {variable}"
        )

    def _wait(self, response: httpx.Response) -> float | None:
        """Seconds until the limit ends: Mastodon says when in ISO 8601, others in Unix seconds or seconds from now."""
        said = response.headers.get("x-ratelimit-reset") or response.headers.get("retry-after") or ""
        moment = normalise(said) if "-" in said else None
        now = self._clock()
        if moment is not None:
            return sound_wait((from_text(moment) - now).total_seconds() + 1)  # its milliseconds are cut off
        if not re.fullmatch(r"\d{1,300}(\.\d+)?", said):
            return None
        seconds = float(said)
        return sound_wait(seconds - now.timestamp() if seconds > 10**9 else seconds)

    # -- check

    def _check_server(self, server: str) -> list[Problem]:
        problems: list[Problem] = []
        try:
            access, clock_problem = self._look_at_instance(server)
            problems.extend(clock_problem)
            self._try_token(server)
            if access is None:
                path = "/api/v1/timelines/tag/mastodon"
                self._ask(server, path, httpx.QueryParams({"limit": "1"}))
            else:
                problems.extend(self._check_access(server, access))
        except ExchangeError as error:
            problems.append(self._problem_of(server, error))
        return problems

    def _problem_of(self, server: str, error: ExchangeError) -> Problem:
        message, _, remedy = str(error).partition("; ")
        usual = "try again later; if it stays so, check the address in chats.toml"
        return Problem(where=f"Mastodon, {_host(server)}", message=message, remedy=remedy or usual)

    def _look_at_instance(self, server: str) -> tuple[dict[str, object] | None, list[Problem]]:
        """Who may read hashtags there, by its own word (Mastodon 4.5 and later), and whether our clock is right."""
        try:
            response = self._send(server, "/api/v2/instance")
        except (Skippable, Fatal) as error:
            if error.status in (404, 410):  # Mastodon before 4.0, Takahe: the timeline itself will tell
                return None, []
            raise
        answer = _json_of(response)
        if not isinstance(answer, dict):
            raise Fatal(f"{_host(server)} does not look like a Mastodon server; mend its address in chats.toml")
        found: object = answer
        for name in ("configuration", "timelines_access", "hashtag_feeds"):
            found = found.get(name) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else None, self._check_clock(server, response)

    def _check_clock(self, server: str, response: httpx.Response) -> list[Problem]:
        theirs = server_time(response)
        if theirs is None:
            return []
        off = abs(self._clock() - theirs)
        if off < _WRONG_CLOCK:
            return []
        message = f"this computer's clock and the server's differ by {round(off.total_seconds() / 60)} minutes"
        return [Problem(f"Mastodon, {_host(server)}", message, "set the clock, best by the internet", "warning")]

    def _try_token(self, server: str) -> None:
        """Mastodon treats an unknown token as none on public pages, so only this call tells that it is wrong."""
        if server not in self._tokens:
            return
        try:
            self._send(server, "/api/v1/accounts/verify_credentials")
        except (Fatal, Skippable) as error:
            # 403: it lacks a scope that reading hashtags does not need.
            if error.status not in (403, 404):
                raise

    def _check_access(self, server: str, access: dict[str, object]) -> list[Problem]:
        where, host = f"Mastodon, {_host(server)}", _host(server)
        elsewhere = "ask another server in chats.toml as well"
        if access.get("local") == access.get("remote") == "disabled":
            return [Problem(where, f"{host} has switched hashtag pages off", elsewhere)]
        if "authenticated" in access.values() and server not in self._tokens:
            return [Problem(where, self._credential_fault(server), self._credential_remedy(server))]
        if "disabled" in access.values():
            part = "other servers'" if access.get("remote") == "disabled" else "its own"
            return [Problem(where, f"{host} leaves {part} posts out of hashtag pages", elsewhere, "warning")]
        return []


def _json_of(response: httpx.Response) -> object:
    try:
        answer: object = json.loads(response.content)
    except (ValueError, RecursionError):
        return None
    return answer


def _safe_server(server: str) -> str:
    parts = urlsplit(require_safe_base(server, "a server in [source.mastodon]"))
    return parts._replace(netloc=parts.netloc.lower()).geturl()


def _read_cursor(cursor: str | None) -> _Place | None:
    """The place that a cursor names; None starts the walk anew, which loses nothing."""
    try:
        found = json.loads(cursor or "{}")
        direction: Literal["up", "down"] = "down" if found["go"] == "down" else "up"
        return _Place(direction, str(found["from"]))
    except (ValueError, KeyError, TypeError):
        return None


def _is_number(native_id: str) -> bool:
    return native_id.isascii() and native_id.isdecimal() and len(native_id) < 40


def _id_width(span: timedelta) -> int:
    """How far ids move in a span of time: they are Unix milliseconds << 16."""
    return (span // timedelta(milliseconds=1)) << 16


def _host(server: str) -> str:
    return urlsplit(server).netloc
