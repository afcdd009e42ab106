"""The guard at the door: who may ask, and the security headers that every answer carries.

Reading without a login is for this machine alone. A page elsewhere can make a browser ask us under a name of its own,
and behind a proxy every request comes from loopback: so the Host must be a name of this machine, and a request that
was forwarded is refused.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_OWN_HOST = re.compile(rb"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?", re.IGNORECASE)
_FORWARDED = frozenset(
    {
        *(b"forwarded", b"x-real-ip", b"via", b"x-client-ip", b"x-original-host", b"cf-connecting-ip"),
        *(b"true-client-ip", b"fly-client-ip", b"x-envoy-external-address", b"tailscale-user-login"),
        b"ngrok-auth-user-email",
    }
)
_OWN_ORIGIN = re.compile(rb"https?://" + _OWN_HOST.pattern, re.IGNORECASE)
_REFUSAL = b"Chatkeep answers on this computer alone: open it as http://localhost, without a proxy in between.\n"

# The only inline script that is left in Datasette's own pages, allowed by what it says; the others are files of ours.
_FACET_SCRIPTS = ("DATASETTE_ALLOW_FACET = true;", "DATASETTE_ALLOW_FACET = false;")


def _source_of(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


OWN_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""For pages of ours: no script at all, no style but our file."""

DATASETTE_POLICY = (
    "default-src 'none'; script-src 'self' "
    + " ".join(map(_source_of, _FACET_SCRIPTS))
    + "; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; font-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""For Datasette's own pages: they carry inline styles, and one inline script."""

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-robots-tag", b"noindex, nofollow"),
)


def is_from_here(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a request was sent to a name of this machine and came without a proxy."""
    hosts = []
    for name, value in headers:
        lowered = name.lower()
        if lowered in _FORWARDED or lowered.startswith(b"x-forwarded"):
            return False
        if lowered == b"host":
            hosts.append(value)
    return len(hosts) == 1 and _OWN_HOST.fullmatch(hosts[0]) is not None


def is_asked_by_us(scope: Scope) -> bool:
    """Whether no page elsewhere is asking: a person may follow a link to a page here, and nothing more.

    Browsers say where a request comes from in Origin and Sec-Fetch-Site (W3C Fetch Metadata); other programs do not.
    """
    headers = {name.lower(): value for name, value in scope["headers"]}
    origin = headers.get(b"origin")
    if origin is not None and not _OWN_ORIGIN.fullmatch(origin):
        return False
    if headers.get(b"sec-fetch-site") not in (b"cross-site", b"same-site"):
        return True
    follows_a_link = headers.get(b"sec-fetch-mode") == b"navigate" and headers.get(b"sec-fetch-dest") == b"document"
    return follows_a_link and b"sql=" not in scope.get("query_string", b"")


def guard(app: App) -> App:
    """The ASGI application behind the guard."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                policy = OWN_POLICY if scope["path"] == "/" else DATASETTE_POLICY
                message = {**message, "headers": _with_safety(message.get("headers", []), policy)}
            await send(message)

        if not is_from_here(scope["headers"]) or not is_asked_by_us(scope):
            await _refuse(send_safely, 403, _REFUSAL)
        elif scope["method"] not in ("GET", "HEAD"):
            await _refuse(send_safely, 405, b"This site is for reading: nothing can be sent to it.\n")
        else:
            await app(scope, receive, send_safely)

    return guarded


def _with_safety(headers: Iterable[tuple[bytes, bytes]], policy: str) -> list[tuple[bytes, bytes]]:
    kept = list(headers)
    present = {name.lower() for name, _ in kept}
    wanted = (*_HEADERS, (b"content-security-policy", policy.encode()))
    return kept + [(name, value) for name, value in wanted if name not in present]


async def _refuse(send: Send, status: int, words: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(words)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": words})
