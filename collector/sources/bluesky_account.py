"""Signing in to Bluesky: one session kept over processes, since sign-ins are few and a refresh token works once."""

from __future__ import annotations

import json
import math
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from filelock import FileLock, Timeout

from archive.errors import Fatal, Retriable, Skippable, StorageError
from archive.times import Clock
from collector.sources.bluesky_record import JsonObject, clean, decode_object
from collector.transport import exchange, sound_wait

SIGN_IN_REMEDY = (
    "make an app password at https://bsky.app/settings/app-passwords and set BLUESKY_HANDLE and BLUESKY_APP_PASSWORD"
)
_WRONG_SERVICE = "is [source.bluesky] service in chats.toml the address of the account's own server?"
_TOKEN_ERRORS = frozenset({"ExpiredToken", "InvalidToken"})
_LOCK_SECONDS = 60.0


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """What a session is: the access token lives about two hours, the refresh token works once."""

    access: str
    refresh: str


class BlueskyAccount:
    """The account that searches: asks the PDS, and signs in or renews the session where that is needed."""

    def __init__(
        self,
        http: httpx.Client,
        clock: Clock,
        service: str,
        credentials: tuple[str | None, str | None],
        sessions_dir: Path | None,
    ) -> None:
        self.service = service
        self._http = http
        self._clock = clock
        handle, password = credentials
        self._handle = (handle or "").strip().removeprefix("@").lower()
        self._password = (password or "").strip()
        self._path = sessions_dir and sessions_dir / _session_name(service, self._handle)
        self._tokens: Tokens | None = None

    @property
    def complete(self) -> bool:
        """Whether there is both a handle and a password."""
        return bool(self._handle and self._password)

    def ask(self, method: str, params: httpx.QueryParams | None = None) -> httpx.Response:
        """The answer to one query, whatever its status; a refused session is renewed first, by the cheapest way."""
        if not self.complete:
            raise Fatal(f"Bluesky is searched signed in, and no account is named: {SIGN_IN_REMEDY}")
        stored = self._tokens or self._load()
        tokens = stored or self._renewed(None, anew=True)
        response = self._send(method, params, tokens)
        for anew in (False, True) if stored else ():
            if not _refuses_token(response):
                break
            tokens = self._renewed(tokens, anew=anew)
            response = self._send(method, params, tokens)
        if _refuses_token(response):
            raise Fatal(
                f"{host_of(response)} refuses the account that BLUESKY_HANDLE names: {SIGN_IN_REMEDY}",
                status=response.status_code,
            )
        self._tokens = tokens
        return response

    def _send(self, method: str, params: httpx.QueryParams | None, tokens: Tokens) -> httpx.Response:
        url = f"{self.service}/xrpc/{method}"
        return exchange(self._http, "GET", url, params=params, headers=_bearer(tokens.access))

    def _renewed(self, stale: Tokens | None, *, anew: bool) -> Tokens:
        """Tokens better than ``stale``: another process's where it was quicker, else our own."""
        with self._lock():
            stored = self._load()
            if stored is not None and stored != stale:
                return stored
            refreshed = None if anew or stale is None else self._refresh(stale)
            tokens = refreshed or self._sign_in()
            self._save(tokens)
            return tokens

    def _refresh(self, stale: Tokens) -> Tokens | None:
        url = f"{self.service}/xrpc/com.atproto.server.refreshSession"
        response = exchange(self._http, "POST", url, headers=_bearer(stale.refresh))
        if response.status_code in (400, 401):
            return None
        return _tokens_of(read_answer(response, self._clock), response)

    def _sign_in(self) -> Tokens:
        url = f"{self.service}/xrpc/com.atproto.server.createSession"
        credentials = {"identifier": self._handle, "password": self._password}
        response = exchange(self._http, "POST", url, json=credentials)
        if response.status_code in (400, 401) and error_name(response):
            raise Fatal(
                f"{host_of(response)} does not accept BLUESKY_HANDLE with BLUESKY_APP_PASSWORD "
                f"({error_name(response)}): {SIGN_IN_REMEDY}",
                status=response.status_code,
            )
        return _tokens_of(read_answer(response, self._clock), response)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Holds off other processes for the one exchange that renews: both using one refresh token would lose it."""
        if self._path is None:
            yield
            return
        self._make_folder(self._path.parent)
        try:
            with FileLock(f"{self._path}.lock", timeout=_LOCK_SECONDS, mode=0o600):
                yield
        except Timeout as error:
            raise Retriable("another Chatkeep is signing in to Bluesky and does not come to an end") from error

    def _make_folder(self, folder: Path) -> None:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        except OSError as error:
            raise StorageError(f"the folder {folder} for Bluesky's session cannot be made: {error.strerror}") from error

    def _load(self) -> Tokens | None:
        if self._path is None:
            return None
        try:
            stored = decode_object(self._path.read_bytes())
        except OSError:
            return None
        access, refresh = stored.get("access"), stored.get("refresh")
        return Tokens(access, refresh) if isinstance(access, str) and isinstance(refresh, str) else None

    def _save(self, tokens: Tokens) -> None:
        if self._path is None:
            return
        try:
            # mkstemp makes the file readable by its owner alone; the rename keeps a reader from half a file.
            descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=".bluesky-")
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(asdict(tokens), file)
            Path(name).replace(self._path)
        except OSError as error:
            raise StorageError(f"Bluesky's session cannot be kept in {self._path}: {error.strerror}") from error


def read_answer(response: httpx.Response, clock: Clock) -> JsonObject:
    """The JSON object of a good answer; every other answer raises as what it means."""
    host, status = host_of(response), response.status_code
    if status == httpx.codes.OK:
        answer = decode_object(response.content)
        if not answer:
            raise Retriable(f"{host} sent an answer that is cut short or is no JSON", status=status)
        return answer
    if status == httpx.codes.TOO_MANY_REQUESTS:
        raise Retriable(
            f"{host} asks us to wait before the next request", after=wait_asked(response, clock), status=429
        )
    if status in (403, 404, 501):
        raise Fatal(f"{host} answers {status} ({said(response)}): {_WRONG_SERVICE}", status=status)
    if status >= 500 or error_name(response) is None:
        raise Retriable(f"{host} answers {status}, not as Bluesky does; it may be out of order", status=status)
    raise Skippable(f"{host} refuses this request: {said(response)}", status=status)


def wait_asked(response: httpx.Response, clock: Clock) -> float | None:
    """The seconds that a 429 asks us to wait: Retry-After, else until the limit's window ends; None if unreadable."""
    for header, moment in (("retry-after", 0.0), ("ratelimit-reset", clock().timestamp())):
        try:
            seconds = float(response.headers.get(header, "")) - moment
        except ValueError:
            continue
        if math.isfinite(seconds):
            return sound_wait(seconds)
    return None


def error_name(response: httpx.Response) -> str | None:
    """Bluesky's name for what is wrong (ExpiredToken, BadRequest); None where the body is not Bluesky's."""
    name = decode_object(response.content).get("error")
    return clean(name)[:60] if isinstance(name, str) and name else None


def said(response: httpx.Response) -> str:
    """Bluesky's own words for what is wrong, short, without anything long enough to be a token."""
    message = decode_object(response.content).get("message")
    text = clean(message) if isinstance(message, str) and message else error_name(response) or "no reason given"
    return re.sub(r"[\w.~+/=-]{40,}", "…", text)[:200]


def host_of(response: httpx.Response) -> str:
    """The server that answered, as a person knows it."""
    return response.url.netloc.decode("ascii", "replace")


def _refuses_token(response: httpx.Response) -> bool:
    if response.status_code == httpx.codes.UNAUTHORIZED:
        return True
    return response.status_code == httpx.codes.BAD_REQUEST and error_name(response) in _TOKEN_ERRORS


def _tokens_of(answer: JsonObject, response: httpx.Response) -> Tokens:
    access, refresh = answer.get("accessJwt"), answer.get("refreshJwt")
    if not isinstance(access, str) or not isinstance(refresh, str):
        raise Retriable(f"{host_of(response)} signed us in without giving a session")
    return Tokens(access, refresh)


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def _session_name(service: str, handle: str) -> str:
    """The session's file name; a port or an odd handle must not reach the file system as it stands."""
    host = urlsplit(service).netloc
    return "bluesky-" + re.sub(r"[^A-Za-z0-9._-]", "_", f"{host}-{handle}") + ".json"
