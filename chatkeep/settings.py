"""Settings: chats.toml in the working folder, secrets from the environment or a .env beside it."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import dotenv_values

from archive.errors import SettingsError, UsageError
from archive.models import Chat, normalise_tag
from chatkeep.sessions import Sitting, build_sessions, end_of, occurrences
from collector.options import Budget, ChatOptions

_SWITCHES = frozenset({"conversations", "unfold_links"})
_CHAT_KEYS = _SWITCHES | {"title", "hashtags", "hosts", "timezone", "description", "session", "budget"}
_BUDGET_KEYS = frozenset({"session", "month"})
_LARGEST_BUDGET = 1_000_000  # dollars
_SESSION_KEYS = frozenset({"starts", "ends", "every", "minutes", "questions", "id"})
_YEARS = range(2006, 2101)  # the first hashtag chats are of 2007
_KEYS = ("X_BEARER_TOKEN", "BLUESKY_HANDLE", "BLUESKY_APP_PASSWORD")
_NOWHERE: Mapping[str, datetime] = {}
_SOURCES: Mapping[str, frozenset[str]] = {
    "bluesky": frozenset({"service", "jetstream", "stream"}),
    "mastodon": frozenset({"servers", "stream"}),
    "x": frozenset({"base_url", "search", "dialect"}),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What chats.toml says. ``sources`` holds each platform's table; a platform that is not named is not asked.

    ``options`` are by chat: its budget, and what is fetched around its hashtag.
    """

    path: Path
    chats: Mapping[str, Chat] = field(default_factory=dict)
    sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    options: Mapping[str, ChatOptions] = field(default_factory=dict)
    alarms: tuple[str, ...] = ()
    """The names of the variables that hold the addresses to send alarms to; their values are among the secrets."""


class _Reader:
    """Reads values out of chats.toml and says in which line a wrong one stands."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.lines = text.splitlines()

    def error(self, words: str, remedy: str, near: str = "") -> SettingsError:
        pattern = re.compile(rf"\b{re.escape(near)}\b") if near else None
        numbers = [n for n, line in enumerate(self.lines, 1) if pattern and pattern.search(line)]
        place = f"{self.path}, line {numbers[0]}" if numbers else str(self.path)
        return SettingsError(f"{place}: {words}; {remedy}")

    def known(self, table: Mapping[str, Any], keys: frozenset[str], where: str) -> None:
        for key in table:
            if key not in keys:
                raise self.error(f"{where} knows no {key!r}", f"it may have {', '.join(sorted(keys))}", key)

    def words(self, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
        value = table.get(key, [])
        if isinstance(value, str) or not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise self.error(f"{key} must be a list of texts", f'write {key} = ["…", "…"]', key)
        return tuple(value)

    def tables(self, table: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
            raise self.error(f"{key} must be a list of tables", f"write [[chat.NAME.{key}]] on a line of its own", key)
        return value

    def text(self, table: Mapping[str, Any], key: str, default: str | None = None) -> str | None:
        value = table.get(key, default)
        if value is not None and not isinstance(value, str):
            raise self.error(f"{key} must be a text", f'write {key} = "…"', key)
        return value


def load_settings(
    path: Path,
    now: datetime,
    environment: Mapping[str, str] | None = None,
    weekly_since: Mapping[str, datetime] = _NOWHERE,
) -> Settings:
    """Reads chats.toml; a file that is not there gives empty settings. Raises SettingsError with line and remedy.

    ``weekly_since`` names by chat the latest sitting of a weekly chat that is known: those after it are given too.
    """
    secrets = _load_secrets(path.parent, os.environ if environment is None else environment)
    if not path.exists():
        return Settings(path, secrets=secrets)
    text = _read(path)
    try:
        table = tomllib.loads(text, parse_float=Decimal)  # money is counted exactly
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(_syntax_message(path, str(error))) from error
    reader = _Reader(path, text)
    reader.known(table, frozenset({"chat", "source", "alarms"}), "chats.toml")
    tables = _table(reader, table, "chat")
    chats = [_read_chat(reader, slug, chat, (now, weekly_since.get(slug))) for slug, chat in tables.items()]
    _refuse_twins(reader, chats)
    alarms = _read_alarms(reader, table)
    if alarms:
        secrets = _load_secrets(path.parent, os.environ if environment is None else environment, alarms)
    options = {slug: _read_options(reader, chat) for slug, chat in tables.items()}
    sources = _read_sources(reader, table)
    return Settings(path, {chat.slug: chat for chat in chats}, sources, secrets, options, alarms)


def _refuse_twins(reader: _Reader, chats: Sequence[Chat]) -> None:
    owners: dict[str, str] = {}
    for chat in chats:
        for session in chat.sessions:
            if owners.setdefault(session.id, chat.slug) != chat.slug:
                words = f"the session id {session.id!r} stands in two chats"
                raise reader.error(words, "give each session an id of its own", session.id)
    slugs = [chat.slug.lower() for chat in chats]
    for slug in slugs:
        if slugs.count(slug) > 1:
            raise reader.error(f"two chats are called {slug!r}", "give each chat a name of its own", f"chat.{slug}")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8 text; save it as UTF-8 in your editor") from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error


def _syntax_message(path: Path, words: str) -> str:
    match = re.search(r"^(.*?) \(at line (\d+), column (\d+)\)$", words)
    if match is None:
        return f"{path} cannot be read to its end ({words}); compare it with the example in the documentation"
    return f"{path}, line {match[2]}: {match[1]}; mend this line (texts stand in quotes, lists in [ ])"


def _table(reader: _Reader, parent: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = parent.get(key, {})
    if not isinstance(value, dict) or not all(isinstance(v, dict) for v in value.values()):
        raise reader.error(f"{key} must be a table", f"write [{key}.name] on a line of its own", key)
    return value


def _read_chat(reader: _Reader, slug: str, table: Mapping[str, Any], times: tuple[datetime, datetime | None]) -> Chat:
    if not re.fullmatch(r"\w[\w-]{0,63}", slug):
        raise reader.error(f"{slug!r} cannot name a chat", "use letters, digits, - and _", slug)
    reader.known(table, _CHAT_KEYS, f"[chat.{slug}]")
    hashtags = _read_hashtags(reader, table)
    name = reader.text(table, "timezone", "Europe/London") or ""
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise reader.error(f"no time zone {name!r}", 'write one such as "Europe/London"', "timezone") from error
    return Chat(
        slug=slug,
        title=reader.text(table, "title", f"#{slug}") or slug,
        hashtags=hashtags or (normalise_tag(slug),),
        hosts=_read_hosts(reader, table),
        timezone=name,
        description=reader.text(table, "description"),
        sessions=build_sessions(slug, zone, _read_sittings(reader, table, zone, times)),
    )


def _read_options(reader: _Reader, table: Mapping[str, Any]) -> ChatOptions:
    budget = table.get("budget", {})
    if not isinstance(budget, dict):
        raise reader.error("budget must be a table", "write budget = { session = 5.00, month = 20.00 }", "budget")
    reader.known(budget, _BUDGET_KEYS, "budget")
    return ChatOptions(
        Budget(**{key: _tenth_cents(reader, key, value) for key, value in budget.items()}),
        conversations=_read_switch(reader, table, "conversations"),
        unfold_links=_read_switch(reader, table, "unfold_links"),
    )


def _read_switch(reader: _Reader, table: Mapping[str, Any], key: str) -> bool:
    """What is on unless the settings say otherwise."""
    value = table.get(key, True)
    if not isinstance(value, bool):
        raise reader.error(f"{key} must be true or false", f"write {key} = false", key)
    return value


def _tenth_cents(reader: _Reader, key: str, dollars: object) -> int:
    """US dollars as tenths of a cent, exactly."""
    if isinstance(dollars, int | Decimal) and not isinstance(dollars, bool):
        money = Decimal(dollars)
        if money.is_finite() and 0 <= money <= _LARGEST_BUDGET and (money * 1000) % 1 == 0:
            return int(money * 1000)
    words = f"{key} of a budget must be US dollars, from 0 to a million, to a tenth of a cent"
    raise reader.error(words, f"write {key} = 5.00", "budget")


def _read_hashtags(reader: _Reader, table: Mapping[str, Any]) -> tuple[str, ...]:
    """Letters of any script, digits and the underscore: what every platform takes for a hashtag."""
    tags = reader.words(table, "hashtags")
    for tag in tags:
        if not re.fullmatch(r"\w+", normalise_tag(tag)):
            raise reader.error(f"{tag!r} cannot be a hashtag", "write it without spaces and signs", "hashtags")
    return tuple(dict.fromkeys(normalise_tag(tag) for tag in tags))


def _read_hosts(reader: _Reader, table: Mapping[str, Any]) -> tuple[str, ...]:
    hosts = tuple(host.replace(":@", ":") for host in reader.words(table, "hosts"))
    for host in hosts:
        if not re.fullmatch(r"(x|bluesky|mastodon):\S+", host):
            remedy = 'name the platform too, such as "x:LGAcomms" or "bluesky:you.bsky.social"'
            raise reader.error(f"{host!r} is no account", remedy, "hosts")
    return hosts


def _read_sittings(
    reader: _Reader, table: Mapping[str, Any], zone: ZoneInfo, times: tuple[datetime, datetime | None]
) -> list[Sitting]:
    sittings = []
    for session in reader.tables(table, "session"):
        reader.known(session, _SESSION_KEYS, "[[chat.….session]]")
        questions, given = reader.words(session, "questions"), reader.text(session, "id")
        if "every" in session:
            hours = _weekly(reader, session, zone, times)
        else:
            hours = [(_moment(reader, session, "starts", zone), _end(reader, session, zone))]
        sittings += [Sitting(start, end, questions, given, "every" in session) for start, end in hours]
        if given and len(hours) > 1:
            raise reader.error("a weekly session has many sittings, and cannot have an id", "take the id out", "id")
    for sitting in sittings:
        if sitting.ends.astimezone(UTC) <= sitting.starts.astimezone(UTC):
            raise reader.error("a session ends before it starts", "mend its starts and ends", "ends")
    return sittings


def _weekly(
    reader: _Reader, session: Mapping[str, Any], zone: ZoneInfo, times: tuple[datetime, datetime | None]
) -> list[tuple[datetime, datetime]]:
    try:
        return occurrences(str(session["every"]), _minutes(reader, session), zone, *times)
    except ValueError as error:
        raise reader.error(str(error), 'write every = "Thu 13:00"', "every") from error


def _minutes(reader: _Reader, session: Mapping[str, Any]) -> int:
    minutes = session.get("minutes", 60)
    if type(minutes) is not int or not 1 <= minutes <= 24 * 60:
        raise reader.error("minutes must be a whole number from 1 to 1440", "write minutes = 60", "minutes")
    return minutes


def _end(reader: _Reader, session: Mapping[str, Any], zone: ZoneInfo) -> datetime:
    if "ends" in session:
        return _moment(reader, session, "ends", zone)
    return end_of(_moment(reader, session, "starts", zone), _minutes(reader, session))


def _moment(reader: _Reader, session: Mapping[str, Any], key: str, zone: ZoneInfo) -> datetime:
    value = session.get(key)
    if isinstance(value, datetime):
        if value.year not in _YEARS:
            raise reader.error(f"{key} lies in the year {value.year}", "mend the year", key)
        return value if value.tzinfo else value.replace(tzinfo=zone)
    kind = "a day without an hour" if isinstance(value, date) else "missing" if value is None else "not a time"
    raise reader.error(f"{key} of a session is {kind}", f"write {key} = 2026-10-08T13:00:00", key)


def _read_sources(reader: _Reader, table: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    sources = _table(reader, table, "source")
    for name, source in sources.items():
        if name not in _SOURCES:
            raise reader.error(f"no source {name!r}", f"there are {', '.join(sorted(_SOURCES))}", f"source.{name}")
        reader.known(source, _SOURCES[name], f"[source.{name}]")
        for key in source:
            if key == "servers" and not reader.words(source, key):
                raise reader.error("no server is named", 'write servers = ["https://mastodon.social"]', key)
            if key == "stream" and not isinstance(source[key], bool):
                raise reader.error("stream is neither true nor false", "write stream = false to listen to none", key)
            if key not in ("servers", "stream"):
                reader.text(source, key)
    return sources


def _read_alarms(reader: _Reader, table: Mapping[str, Any]) -> tuple[str, ...]:
    """Where alarms go: names of variables, since the addresses themselves hold secrets, which no message repeats."""
    alarms = table.get("alarms", {})
    remedy = 'write send_to = ["TEAMS_URL"], and the address itself as TEAMS_URL=… into .env'
    if not isinstance(alarms, dict):
        raise reader.error("alarms must be a table", "write [alarms] on a line of its own", "alarms")
    reader.known(alarms, frozenset({"send_to"}), "[alarms]")
    names = reader.words(alarms, "send_to")
    if not all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) for name in names):
        raise reader.error("send_to must hold names of variables, and no address", remedy, "send_to")
    if any(name in _KEYS or name.startswith("MASTODON_TOKEN") for name in names):
        raise reader.error("send_to names a key of a platform", remedy, "send_to")
    return tuple(dict.fromkeys(names))


def _load_secrets(folder: Path, environment: Mapping[str, str], alarms: Sequence[str] = ()) -> dict[str, str]:
    """Secrets by the names of design section 9, and those that [alarms] names; the environment goes before .env."""
    names = (*_KEYS, *alarms)
    try:
        filed = dotenv_values(folder / ".env")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{folder / '.env'} is not UTF-8 text; save it as UTF-8 in your editor") from error
    except OSError as error:
        raise SettingsError(f"{folder / '.env'} cannot be read: {error.strerror}") from error
    found = {key: value for key, value in filed.items() if value} | dict(environment)
    return {key: value for key, value in found.items() if value and (key in names or key.startswith("MASTODON_TOKEN"))}


def find_chat(name: str, chats: Mapping[str, Chat]) -> Chat:
    """The chat that a person means: with # or spaces or in capitals. Raises UsageError that lists the known ones."""
    wanted = normalise_tag("".join(name.split()))
    if wanted in chats:
        return chats[wanted]
    meant = [chat for chat in chats.values() if wanted in (chat.slug.lower(), *chat.hashtags)]
    if len(meant) == 1:
        return meant[0]
    if meant:
        several = ", ".join(chat.slug for chat in meant)
        raise UsageError(f"{name!r} can mean several chats; say which: {several}")
    if not chats:
        raise UsageError(f"no chat {name!r}: there are none yet; `chatkeep init` sets one up")
    known = ", ".join(sorted(chats))
    raise UsageError(f"no chat {name!r}; the known ones are: {known}. Add a new one to chats.toml")
