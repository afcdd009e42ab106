"""The small conversions that published rows need, given to SQLite as functions: local times, names, safe links."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from analysis.languages import name_language
from archive.models import PLATFORM_NAMES, TIP_KIND_NAMES
from archive.times import from_text

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_QUESTION_MARK = re.compile(r"^\s*#?(?:q|question)\W{0,2}\d{1,2}\b[\s:.)\-–—]*", re.IGNORECASE)
_TITLE_LENGTH = 90
_CONTEXT_LENGTH = 300


def clean(text: str | None) -> str | None:
    """The text without control characters: SQLite, CSV readers and terminals each end or mangle it at one."""
    return None if text is None else _UNPRINTABLE.sub("", text)


def digest(*parts: object) -> str:
    """A short stable id for a published row: the first 64 bits of a hash, enough for a million rows."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:16]


def shorten(text: str, length: int = _TITLE_LENGTH) -> str:
    """The text on one line, cut at a word where it is longer than ``length``."""
    line = " ".join(text[: length * 8].split())
    if len(line) <= length:
        return line
    cut = line[:length]
    return (cut.rsplit(" ", 1)[0] if " " in cut[length // 2 :] else cut).rstrip(" ,;:") + "…"


@lru_cache(maxsize=64)
def zone_named(name: str) -> tzinfo:
    """The time zone, or UTC where this machine does not know the name."""
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        return UTC


def local_moment(moment: str, zone: str) -> datetime | None:
    """An archive time on the chat's own clock, None where it is outside what clocks can show."""
    try:
        return from_text(moment).astimezone(zone_named(zone))
    except (ValueError, OverflowError):
        return None


def local_time(moment: str | None, zone: str) -> str | None:
    """``2025-10-09 13:04:31`` on the chat's own clock; what cannot be read stays as it is."""
    local = local_moment(moment, zone) if moment else None
    return moment if local is None else f"{local:%Y-%m-%d %H:%M:%S}"


def local_minute(moment: str | None, zone: str) -> str | None:
    """``2025-10-09 13:04`` on the chat's own clock."""
    shown = local_time(moment, zone)
    return shown[:16] if shown else shown


def local_day(moment: str, zone: str) -> str:
    """``9 October 2025``."""
    local = local_moment(moment, zone)
    return moment[:10] if local is None else f"{local.day} {local:%B %Y}"


def day_in_words(local: str) -> str:
    """``9 October 2025`` for a local time such as ``2025-10-09 13:04``; what cannot be read stays as it is."""
    try:
        day = datetime.fromisoformat(local[:10])
    except ValueError:
        return local
    return f"{day.day} {day:%B %Y}"


def session_title(starts_at: str, zone: str) -> str:
    """``9 October 2025, 13:00``."""
    local = local_moment(starts_at, zone)
    return starts_at if local is None else f"{local_day(starts_at, zone)}, {local:%H:%M}"


def web_url(url: str | None) -> str | None:
    """The address if it is one of the web, else None: nothing else ever becomes a link."""
    if not url:
        return None
    address = url.strip()
    try:
        parts = urlsplit(address)
        port_is_sound = parts.port is None or parts.port > 0
    except ValueError:
        return None
    sound = parts.scheme in {"http", "https"} and parts.netloc and port_is_sound and not re.search(r"\s", address)
    return _UNPRINTABLE.sub("", address) if sound else None


def domain(url: str | None) -> str | None:
    """The site that an address belongs to, without www."""
    safe = web_url(url)
    return (urlsplit(safe).hostname or "").removeprefix("www.") or None if safe else None


def post_url(url: str | None, post: str) -> str | None:
    """Where the post can be read: the platform's own address, else one built from the id alone."""
    known = web_url(url)
    if known:
        return known
    platform, _, native = post.partition(":")
    if platform == "x" and native.isdigit():
        return f"https://x.com/i/web/status/{native}"
    bluesky = re.fullmatch(r"at://(did:[\w:.\-]+)/app\.bsky\.feed\.post/([\w.\-~]+)", native)
    if platform == "bluesky" and bluesky:
        return f"https://bsky.app/profile/{bluesky[1]}/post/{bluesky[2]}"
    return web_url(native) if platform == "mastodon" else None


def author_name(name: str | None, handle: str | None, author: str) -> str:
    """What to call an author: their name, else their handle, else their number."""
    shown = " ".join((clean(name) or "").split()) or clean(handle)
    return shown or f"author {author.partition(':')[2] or author}"


def post_title(handle: str | None, author: str, text: str) -> str:
    """What names a post in other tables."""
    return f"{'@' + handle if handle else author_name(None, None, author)}: {shorten(clean(text) or '', 60)}"


def question_text(text: str) -> str:
    """A question without the mark (Q1:) that it was posted with."""
    return _QUESTION_MARK.sub("", clean(text) or "", count=1).strip() or text


def question_title(number: int | None, text: str) -> str:
    """``Q1. What one tip would you give?``"""
    title = shorten(question_text(text))
    return title if number is None else f"Q{number}. {title}"


def announced(questions: str | None, number: int | None) -> str | None:
    """The question of this number as the chat's settings announced it."""
    known = _texts(questions)
    return known[number - 1] if number and 0 < number <= len(known) else None


def context(handle: str | None, text: str) -> str:
    """The post that a reply or quote speaks about, in brief."""
    return f"{'@' + handle if handle else 'Somebody'}: {shorten(clean(text) or '', _CONTEXT_LENGTH)}"


@lru_cache(maxsize=256)
def _texts(listed: str | None) -> tuple[str, ...]:
    try:
        found = json.loads(listed or "[]")
    except ValueError:
        return ()
    return tuple(str(item) for item in found) if isinstance(found, list) else ()


def hashtags(listed: str) -> str:
    """``#one, #two``."""
    return ", ".join(f"#{tag}" for tag in _texts(listed))


def hosts(listed: str) -> str:
    """``@one on X, @two on Bluesky``."""
    named = [host.partition(":") for host in _texts(listed)]
    return ", ".join(f"@{handle.lstrip('@')} on {platform_name(platform)}" for platform, _, handle in named)


def is_host(listed: str, platform: str, handle: str | None) -> bool:
    """Whether the chat's settings name this account as a host."""
    account = f"{platform}:{(handle or '').lstrip('@')}".casefold()
    return any(host.replace(":@", ":").casefold() == account for host in _texts(listed))


def joined(listed: str) -> str:
    """A JSON list as words with commas."""
    return ", ".join(_texts(listed))


def platform_name(platform: str) -> str:
    """``X`` for x."""
    return PLATFORM_NAMES.get(platform, platform)


def tip_kind(kind: str) -> str:
    """``Don't`` for dont."""
    return TIP_KIND_NAMES.get(kind, kind)


def language_name(code: str) -> str:
    """``Welsh`` for cy."""
    return name_language(code)


_FUNCTIONS: tuple[Callable[..., str | int | None], ...] = (
    announced, author_name, clean, context, digest, domain, hashtags, hosts, is_host, joined, language_name,
    local_minute, local_time, platform_name, post_title, post_url, question_text, question_title, tip_kind, web_url,
)  # fmt: skip


def register(conn: sqlite3.Connection) -> None:
    """Gives the connection these functions under their own names."""
    for function in _FUNCTIONS:
        conn.create_function(function.__name__, -1, function, deterministic=True)


def complete_where(platform: str) -> str:
    """What complete means on a platform (by either of its names), where it is less than it sounds.

    No Mastodon server sees all of a hashtag, and X's search has left out reposts since May 2026.
    """
    limits = {"mastodon": " on the servers that were asked", "x": ", reposts left out"}
    return limits.get(platform.lower(), "")
