"""The one way to the network: an httpx client with timeouts, and one exchange that fails in our words."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx

from archive.errors import Fatal, Retriable, SettingsError

_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_KEPT_HEADERS = ("content-type", "date", "retry-after", "api-version", "link", "server-timing")
_KEPT_PREFIXES = ("ratelimit-", "x-ratelimit-", "x-rate-limit-")


def build_client(version: str, transport: httpx.BaseTransport | None = None) -> httpx.Client:
    """The client that every source shares. It follows no redirect: a token goes to its own server only."""
    return httpx.Client(
        timeout=_TIMEOUT,
        follow_redirects=False,
        transport=transport,
        headers={"user-agent": f"chatkeep/{version} (keeps hashtag chats)"},
    )


def require_safe_base(base_url: str, setting: str) -> str:
    """The base URL without a trailing slash; https, or http on loopback alone. Raises SettingsError."""
    parts = urlsplit(base_url)
    if parts.scheme == "https" and parts.hostname:
        return base_url.rstrip("/")
    if parts.scheme == "http" and parts.hostname in _LOOPBACK:
        return base_url.rstrip("/")
    raise SettingsError(f"{setting} is {base_url!r}: it must start with https:// so that your key stays secret")


def exchange(
    http: httpx.Client,
    method: str,
    url: str,
    *,
    params: httpx.QueryParams | Mapping[str, str | int] | None = None,
    headers: Mapping[str, str] | None = None,
    json: object = None,
) -> httpx.Response:
    """One request, whatever its status; a broken connection, a time-out or a cut body raises Retriable."""
    host = urlsplit(url).netloc
    try:
        response = http.request(method, url, params=params, headers=headers, json=json)
    except httpx.TimeoutException as error:
        raise Retriable(f"{host} did not answer in time") from error
    except httpx.ConnectError as error:
        raise Retriable(f"{host} could not be reached; is this computer on the internet?") from error
    except httpx.TransportError as error:
        raise Retriable(f"{host} broke off in the middle ({type(error).__name__})") from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise Fatal(f"{url!r} is not an address; mend it in chats.toml") from error
    except httpx.DecodingError as error:
        raise Retriable(f"{host} sent a damaged answer") from error
    if response.is_redirect:
        raise Fatal(
            f"{host} sends us elsewhere; give the server's own address in chats.toml", status=response.status_code
        )
    return response


def kept_headers(response: httpx.Response) -> dict[str, str]:
    """The headers worth keeping with a page: limits, version, dates. Never one that could hold a secret."""
    return {
        name: value
        for name, value in response.headers.items()
        if name in _KEPT_HEADERS or name.startswith(_KEPT_PREFIXES)
    }
