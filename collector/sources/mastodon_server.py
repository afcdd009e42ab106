"""One exchange with a server that speaks Mastodon's API: its token, its limits, and its refusals in our words."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import httpx

from archive.errors import ExchangeError, Fatal, Retriable, SettingsError, Skippable
from archive.times import Clock, from_text, normalise
from collector.transport import exchange, require_safe_base, sound_wait


def token_variable(server: str, servers_count: int) -> str:
    """The environment variable that holds the token for a server: MASTODON_TOKEN where it is the only one."""
    if servers_count == 1:
        return "MASTODON_TOKEN"
    return "MASTODON_TOKEN_" + re.sub(r"[^A-Z0-9]", "_", urlsplit(server).netloc.upper())


def safe_server(server: str) -> str:
    """The base URL in its one spelling; https, or http on loopback. Raises SettingsError."""
    parts = urlsplit(require_safe_base(server, "a server in [source.mastodon]"))
    return parts._replace(netloc=parts.netloc.lower()).geturl()


def host_of_server(server: str) -> str:
    """The host (and port) that a person knows the server by."""
    return urlsplit(server).netloc


def json_of(response: httpx.Response) -> object:
    """What the answer says; None where it is no JSON."""
    try:
        answer: object = json.loads(response.content)
    except (ValueError, RecursionError):
        return None
    return answer


class MastodonServers:
    """The servers that are asked, and the user tokens for them. Nothing here changes: any thread may use it."""

    def __init__(
        self, http: httpx.Client, clock: Clock, servers: Sequence[str], tokens: Mapping[str, str], count: int = 0
    ) -> None:
        self.http = http
        self.clock = clock
        self.names = tuple(dict.fromkeys(safe_server(server) for server in servers))
        self._count = count or len(self.names)
        self._tokens = {safe_server(server): self._safe_token(server, token) for server, token in tokens.items()}

    def _safe_token(self, server: str, token: str) -> str:
        token = token.strip()
        if not (token.isascii() and token.isprintable() and " " not in token and token):
            variable = token_variable(safe_server(server), self._count)
            raise SettingsError(f"{variable} is not a token: copy it again, without spaces or line breaks")
        return token

    def has_token(self, server: str) -> bool:
        """Whether there is a user token for the server."""
        return server in self._tokens

    def authorization(self, server: str) -> dict[str, str]:
        """The header that carries the server's token: for that server's own eyes."""
        return {"authorization": f"Bearer {self._tokens[server]}"} if server in self._tokens else {}

    def ask(self, server: str, path: str, parameters: httpx.QueryParams | None = None) -> httpx.Response:
        """The answer, whatever its status. Raises Retriable where there is none."""
        headers = {"accept": "application/json", **self.authorization(server)}
        return exchange(self.http, "GET", server + path, params=parameters, headers=headers)

    def fetch(self, server: str, path: str, parameters: httpx.QueryParams | None = None) -> httpx.Response:
        """The answer with status 200; any other raises what refusal() gives."""
        response = self.ask(server, path, parameters)
        if response.status_code != 200:
            raise self.refusal(server, response)
        return response

    def refusal(self, server: str, response: httpx.Response) -> ExchangeError:
        """A status other than 200 in our words. The server's own words are left out: they might echo the token."""
        host, status = host_of_server(server), response.status_code
        if status == 429:
            return Retriable(f"{host} asks us to wait", after=self._wait(response), status=status)
        if status >= 500 or status in (204, 408):
            return Retriable(f"{host} is in trouble ({status})", status=status)
        if status == 401 or (status == 422 and self._wants_user(server, response)):
            return Fatal(f"{self.credential_fault(server)}; {self.credential_remedy(server)}", status=status)
        if status == 403:
            fault = "does not let our token read posts (403)" if server in self._tokens else "refuses us (403)"
            return Fatal(f"{host} {fault}; {self.credential_remedy(server)}", status=status)
        if status in (404, 410) and json_of(response) is None:
            message = f"{host} does not look like a Mastodon server; mend its address in chats.toml"
            return Fatal(message, status=status)
        return Skippable(f"{host} does not answer this request ({status})", status=status)

    def _wants_user(self, server: str, response: httpx.Response) -> bool:
        return server not in self._tokens or b"authenticated user" in response.content

    def credential_fault(self, server: str) -> str:
        """What is wrong where a server wants a token, or a better one."""
        if server in self._tokens:
            return f"{host_of_server(server)} does not accept our token"
        return f"{host_of_server(server)} shows this to signed-in accounts only"

    def credential_remedy(self, server: str) -> str:
        """Where to get a token, and the variable that it belongs in."""
        return (
            f"get a token at {server}/settings/applications (Preferences > Development > New application, "
            f"scope read) and set {token_variable(server, self._count)}"
        )

    def _wait(self, response: httpx.Response) -> float | None:
        """Seconds until the limit ends: Mastodon says when in ISO 8601, others in Unix seconds or seconds from now."""
        said = response.headers.get("x-ratelimit-reset") or response.headers.get("retry-after") or ""
        moment = normalise(said) if "-" in said else None
        now = self.clock()
        if moment is not None:
            return sound_wait((from_text(moment) - now).total_seconds() + 1)  # its milliseconds are cut off
        if not re.fullmatch(r"\d{1,300}(\.\d+)?", said):
            return None
        seconds = float(said)
        return sound_wait(seconds - now.timestamp() if seconds > 10**9 else seconds)
