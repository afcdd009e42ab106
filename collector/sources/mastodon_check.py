"""Looks at Mastodon servers before a session: reachable, who may read hashtags there, our token, our clock."""

from __future__ import annotations

from datetime import timedelta

import httpx

from archive.errors import ExchangeError, Fatal, Retriable, Skippable
from archive.models import Problem
from collector.sources.mastodon_answers import load_items
from collector.sources.mastodon_server import MastodonServers, host_of_server, json_of
from collector.transport import server_time

_WRONG_CLOCK = timedelta(minutes=5)
_PROBE = "/api/v1/timelines/tag/mastodon"


def check_server(servers: MastodonServers, server: str) -> list[Problem]:
    """Each problem of one server with its remedy. That a server offers no streaming is none: it is polled."""
    problems: list[Problem] = []
    try:
        access, clock_problem = _look_at_instance(servers, server)
        problems.extend(clock_problem)
        _try_token(servers, server)
        closed = _check_access(servers, server, access)
        problems.extend(closed)
        # A server may keep its word about hashtags and still let nobody in, and a token may lack the right to read.
        if all(problem.level == "warning" for problem in closed):
            _try_hashtag(servers, server)
    except ExchangeError as error:
        problems.append(_problem_of(server, error))
    return problems


def _problem_of(server: str, error: ExchangeError) -> Problem:
    message, _, remedy = str(error).partition("; ")
    usual = "try again later; if it stays so, check the address in chats.toml"
    return Problem(where=f"Mastodon, {host_of_server(server)}", message=message, remedy=remedy or usual)


def _look_at_instance(servers: MastodonServers, server: str) -> tuple[dict[str, object], list[Problem]]:
    """Who may read hashtags there, by its own word (Mastodon 4.5 and later), and whether our clock is right."""
    try:
        response = servers.fetch(server, "/api/v2/instance")
    except (Skippable, Fatal) as error:
        if error.status in (404, 410):  # Mastodon before 4.0, Takahe: the timeline itself will tell
            return {}, []
        raise
    answer = json_of(response)
    if not isinstance(answer, dict):
        message = f"{host_of_server(server)} does not look like a Mastodon server; mend its address in chats.toml"
        raise Fatal(message)
    found: object = answer
    for name in ("configuration", "timelines_access", "hashtag_feeds"):
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}, _check_clock(servers, server, response)


def _check_clock(servers: MastodonServers, server: str, response: httpx.Response) -> list[Problem]:
    theirs = server_time(response)
    if theirs is None:
        return []
    off = abs(servers.clock() - theirs)
    if off < _WRONG_CLOCK:
        return []
    message = f"this computer's clock and the server's differ by {round(off.total_seconds() / 60)} minutes"
    where = f"Mastodon, {host_of_server(server)}"
    return [Problem(where, message, "set the clock, best by the internet", "warning")]


def _try_token(servers: MastodonServers, server: str) -> None:
    """Mastodon treats an unknown token as none on public pages, so only this call tells that it is wrong."""
    if not servers.has_token(server):
        return
    try:
        servers.fetch(server, "/api/v1/accounts/verify_credentials")
    except (Fatal, Skippable) as error:
        # 403: it lacks a scope that reading hashtags does not need.
        if error.status not in (403, 404):
            raise


def _check_access(servers: MastodonServers, server: str, access: dict[str, object]) -> list[Problem]:
    host = host_of_server(server)
    where, elsewhere = f"Mastodon, {host}", "ask another server in chats.toml as well"
    if access.get("local") == access.get("remote") == "disabled":
        return [Problem(where, f"{host} has switched hashtag pages off", elsewhere)]
    if "authenticated" in access.values() and not servers.has_token(server):
        return [Problem(where, servers.credential_fault(server), servers.credential_remedy(server))]
    if "disabled" in access.values():
        part = "other servers'" if access.get("remote") == "disabled" else "its own"
        return [Problem(where, f"{host} leaves {part} posts out of hashtag pages", elsewhere, "warning")]
    return []


def _try_hashtag(servers: MastodonServers, server: str) -> None:
    response = servers.fetch(server, _PROBE, httpx.QueryParams({"limit": "1"}))
    if load_items(response.content) is None:
        raise Retriable(f"{host_of_server(server)} sent an answer that cannot be read", status=response.status_code)
