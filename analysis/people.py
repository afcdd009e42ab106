"""One person on several platforms, where the person says so in public: a profile that names the other account."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from analysis.rows import SessionAuthor

_PROFILES = (
    ("x", re.compile(r"(?<![\w.])(?:www\.|mobile\.)?(?:twitter|x)\.com/@?(\w{1,20})(?![\w/])", re.IGNORECASE)),
    ("bluesky", re.compile(r"bsky\.app/profile/([\w.:\-]+)", re.IGNORECASE)),
)
_MASTODON_URL = re.compile(r"https?://([\w.\-]+\.\w+)/@(\w+)(?![\w@/])", re.IGNORECASE)
_FEDIVERSE = re.compile(r"(?<![\w/])@(\w+)@([\w\-]+(?:\.[\w\-]+)+)")
# Any domain may be a handle where it is written as one; without the @ only Bluesky's own are sure.
_BLUESKY = re.compile(
    r"(?<![\w@.])(?:@((?:[\w\-]{1,63}\.){1,6}[a-z]{2,})|([\w\-]{1,63}\.bsky\.social))(?![\w@])", re.IGNORECASE
)
_X = re.compile(
    r"(?<![\w@.])(?:x/twitter|twitter/x|x|twitter)(?:\s+as)?\s?[:=(–—-]?\s?@(\w{1,20})(?![\w@]|\.\w)", re.IGNORECASE
)
# "Works with @bob@example.social" names somebody else: such a word since the last full stop or bar.
_SOMEBODY_ELSE = re.compile(
    r"\b(?:with|by|for|of|from|like|see|via|team|partner|married|mum|dad|wife|husband|thanks|h/t)\b[^.|;•\n]*$",
    re.IGNORECASE,
)
# "Bluesky: @ann.example" says whose it is, whatever the sentence before it was about.
_LABELLED = re.compile(r"\b(?:bluesky|bsky|mastodon|fediverse|fedi)\s?[:=(–—-]\s?$|🦋\s?$|🐘\s?$", re.IGNORECASE)
_COMPANY = re.compile(
    r"\b(?:with|like|see|team|partner|married|mum|dad|wife|husband|thanks|h/t)\b[^.|;•\n]*$", re.IGNORECASE
)
_PLAIN_SITES = frozenset(("bsky.social", "mastodon.social", "linktr.ee", "gov.uk"))


@dataclass(frozen=True, slots=True)
class Person:
    """One author of a person who has several. ``id`` is the first of the person's author ids."""

    id: str
    author: str
    reason: str


def find_people(authors: Iterable[SessionAuthor]) -> tuple[Person, ...]:
    """The people with more than one account, a row an account; authors that stand alone are left out."""
    known = sorted(authors, key=lambda author: author.id)
    by_handle = {(a.platform, a.handle.casefold()): a for a in known if a.handle}
    by_handle |= {("bluesky", a.id.removeprefix("bluesky:").casefold()): a for a in known if a.platform == "bluesky"}
    sites = _list_sites(known)
    reasons: dict[str, list[str]] = {}
    leader = {author.id: author.id for author in known}
    for author in known:
        for other, reason in _find_claims(author, by_handle, sites):
            _join(leader, author.id, other.id)
            for one in (author.id, other.id):
                reasons.setdefault(one, []).append(reason)
    groups: dict[str, list[str]] = {}
    for author in known:
        groups.setdefault(_find_leader(leader, author.id), []).append(author.id)
    return tuple(
        Person(min(group), member, "; ".join(dict.fromkeys(reasons[member])))
        for _, group in sorted(groups.items())
        if len(group) > 1
        for member in group
    )


def _find_claims(
    author: SessionAuthor, by_handle: Mapping[tuple[str, str], SessionAuthor], sites: Mapping[str, SessionAuthor]
) -> Iterable[tuple[SessionAuthor, str]]:
    """The accounts that a profile says are its own."""
    for platform, handle, said in _find_named_accounts(author):
        other = by_handle.get((platform, handle.casefold()))
        if other is not None and other.platform != author.platform:
            yield other, f"the {author.platform} profile of @{author.handle or author.id} names {said}"
    handle = (author.handle or "").casefold()
    owner = sites.get(handle) if author.platform == "bluesky" else None
    if owner is not None:
        yield owner, f"@{author.handle} on Bluesky is the website of @{owner.handle or owner.id} on {owner.platform}"


def _find_named_accounts(author: SessionAuthor) -> Iterable[tuple[str, str, str]]:
    """(platform, handle, as written) of every account that the profile names as its owner's."""
    text = f"{author.bio or ''} {author.url or ''}"
    for platform, pattern in _PROFILES:
        for found in pattern.finditer(text):
            yield platform, found[1], found[0]
    for found in _MASTODON_URL.finditer(text):
        yield "mastodon", f"{found[2]}@{found[1]}", found[0]
    bio = author.bio or ""
    for platform, pattern in (("mastodon", _FEDIVERSE), ("bluesky", _BLUESKY), ("x", _X)):
        for found in pattern.finditer(bio):
            if _is_own(bio[: found.start()], labelled=platform == "x"):
                handle = f"{found[1]}@{found[2]}" if platform == "mastodon" else next(filter(None, found.groups()))
                yield platform, handle, found[0]


def _is_own(before: str, *, labelled: bool) -> bool:
    """Whether an account named after these words is the profile's owner's, not a colleague's or a partner's."""
    if labelled or _LABELLED.search(before):
        return not _COMPANY.search(before)
    return not _SOMEBODY_ELSE.search(before)


def _list_sites(authors: Iterable[SessionAuthor]) -> dict[str, SessionAuthor]:
    """The websites that exactly one other account gives as its own, for handles that are a verified domain."""
    found: dict[str, list[SessionAuthor]] = {}
    for author in authors:
        host = re.sub(r"^https?://(?:www\.)?|/.*$", "", (author.url or "").strip().casefold())
        if host and host not in _PLAIN_SITES and author.platform != "bluesky":
            found.setdefault(host, []).append(author)
    return {host: owners[0] for host, owners in found.items() if len(owners) == 1}


def _find_leader(leader: dict[str, str], one: str) -> str:
    while leader[one] != one:
        leader[one] = leader[leader[one]]
        one = leader[one]
    return one


def _join(leader: dict[str, str], one: str, other: str) -> None:
    first, second = sorted((_find_leader(leader, one), _find_leader(leader, other)))
    leader[second] = first
