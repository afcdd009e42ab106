"""Councils and other public bodies behind authors: from the register and what authors say of themselves in public.

Evidence is what an author shows of an employer, and no more: the words that name it. Nothing else is inferred.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from operator import attrgetter

from analysis.handles import CLIPPED, HandleReader, Reading
from analysis.register import Organisation, Register, load_register
from analysis.rows import SessionAuthor
from analysis.stating import Text, find_word, read_text, says_so, speaks_of_abroad

__all__ = ["KEPT_PROFILES", "LIKELY", "Match", "Organisation", "Register", "find_organisations", "load_register"]

LIKELY = 0.6
"""From this confidence on, a match is shown as an author's organisation; below, it is a lead for a person to judge."""

HANDLE, DOMAIN, LIBRARY, NAME, SITE, BIO, BIO_HANDLE, OFFICIAL = 0.98, 0.97, 0.9, 0.9, 0.85, 0.8, 0.75, 0.7
SHORT_NAME, ONE_OF_SEVERAL, BESIDE_ITS_OWN, UNSURE = 0.7, 0.6, 0.5, 0.4

_MENTION = re.compile(r"(?<![\w.])@(\w+(?:[.-]\w+)*)(?![\w@])")
_PUBLIC_SITE = re.compile(r"(?:[\w.+-]+@)?((?:[\w-]+\.)+(?:gov\.(?:uk|wales|scot)|llyw\.cymru))\b", re.IGNORECASE)
_SHARED_SITES = frozenset(("gov.uk", "gov.wales", "bsky.social", "com", "co.uk", "org.uk"))
# What a CC, a BC or a DC is as well, where the profile speaks of it.
_CLUB = re.compile(
    r"cricket|cycl|boxing|bowl|badminton|basketball|danc|football|rugby|canoe|camera|chess|athlet|swim|golf|wicket|"
    r"batsm|batter|\bclub\b|boat|church",
    re.IGNORECASE,
)
_KIND_LETTERS = re.compile(r"(?:^|\W)(?:cc|bc|dc|c)$", re.IGNORECASE)
_PRETENCE = re.compile(
    r"parody|unofficial|spoof|not (?:the )?(?:official|real)|not affiliated|satir|fan account", re.IGNORECASE
)
_OFFICIAL = re.compile(
    r"\bofficial\b[^.]*\bcouncil\b|\byour (?:local )?council\b|\bfrom the council\b|\bwe(?:'re| are) (?:the|your)"
    r"(?: local)? (?:borough |city |county |district )?council\b|\bthe council'?s (?:official|news|account)",
    re.IGNORECASE,
)
KEPT_PROFILES = 1 << 18
"""How many profiles are remembered from one look to the next."""


@dataclass(frozen=True, slots=True)
class Match:
    """An author and an organisation, with what it rests on and how sure it is."""

    author: str
    organisation: str
    evidence: str
    confidence: float


def find_organisations(authors: Iterable[SessionAuthor], register: Register) -> tuple[Match, ...]:
    """The best match of each author with each organisation, in the order of author and organisation."""
    reader = _build_reader(register)
    found = [match for author in authors for match in reader.read(author)]
    return tuple(sorted(found, key=attrgetter("author", "organisation")))


@lru_cache(maxsize=4)
def _build_reader(register: Register) -> _ProfileReader:
    return _ProfileReader(register)


class _ProfileReader:
    """Finds organisations in profiles, and remembers what it found: of many authors few change between two looks."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._handles = HandleReader(register.by_id.values())
        self._kept: dict[str, tuple[SessionAuthor, tuple[Match, ...]]] = {}

    def read(self, author: SessionAuthor) -> tuple[Match, ...]:
        """The matches of an author."""
        kept = self._kept.get(author.id)
        if kept is not None and (kept[0] is author or kept[0] == author):
            return kept[1]
        if len(self._kept) >= KEPT_PROFILES:
            self._kept.clear()
        handle, name, bio = author.handle or "", author.name or "", author.bio or ""
        best = _choose(self._find_own(author.platform, handle, name, bio), self._find_told(bio, author.url or ""))
        found = tuple(replace(match, author=author.id) for match in best)
        self._kept[author.id] = (author, found)
        return found

    def _find_own(self, platform: str, handle: str, name: str, bio: str) -> Iterator[Match]:
        """What the account itself is called: its handle, its proved domain, its name."""
        yield from self._find_by_handle(platform, handle)
        form = handle
        if platform == "bluesky":
            form = handle.removesuffix(".bsky.social") if handle.endswith(".bsky.social") else ""
        elif platform == "mastodon":
            form = handle.partition("@")[0]
        yield from self._find_by_form(form, f"{name} {bio}", on_x=platform == "x")
        if self._register.may_name(name) and not _PRETENCE.search(f"{name} {bio}"):
            for organisation, words in self._find_named(read_text(name), bio):
                yield Match("", organisation, f"the display name says '{words}'", NAME)
        if _OFFICIAL.search(bio) and not _PRETENCE.search(f"{name} {bio}"):
            for place in (form, name):
                for organisation in self._handles.find_place(place):
                    yield Match("", organisation, f"'{place}' is its place, and the profile speaks for it", OFFICIAL)

    def _find_by_handle(self, platform: str, handle: str) -> Iterator[Match]:
        plain = handle.casefold()
        if platform == "x" and plain in self._register.handles:
            said = f"@{handle} is its account in the register"
            yield Match("", self._register.handles[plain], said, HANDLE)
        if platform == "x" and plain in self._register.libraries:
            said = f"@{handle} is the account of its library service in the register"
            yield Match("", self._register.libraries[plain], said, LIBRARY)
        # On Bluesky a handle is a domain that its owner proved; on Mastodon the server is part of it.
        domain = plain if platform == "bluesky" else plain.partition("@")[2] if platform == "mastodon" else ""
        yield from self._find_by_site(domain, "the handle is under its domain", DOMAIN)

    def _find_by_form(self, handle: str, profile: str, *, on_x: bool) -> Iterator[Match]:
        readings = self._handles.read(handle) if handle else ()
        if not readings or _PRETENCE.search(profile) or speaks_of_abroad(profile):
            return
        for reading in readings:
            if not (_KIND_LETTERS.search(reading.mark) and _CLUB.search(profile)):
                yield self._say(reading, handle, reading.confidence if on_x else min(reading.confidence, CLIPPED))

    def _find_told(self, bio: str, url: str) -> Iterator[Match]:
        """What the profile's link and text say."""
        yield from self._find_by_site(_find_host(url), "the profile links to", SITE)
        if not ("@" in bio or "gov" in bio or "cymru" in bio or self._register.may_name(bio)):
            return
        text = read_text(bio)
        for organisation, words in self._find_named(text, bio):
            short = bool(_KIND_LETTERS.search(words)) or " " not in words
            yield Match("", organisation, f"the profile text says '{words}'", SHORT_NAME if short else BIO)
        for found in _MENTION.finditer(bio):
            if says_so(text, find_word(text, found.start()), find_word(text, found.end())):
                yield from self._find_mentioned(found[1])
        for found in _PUBLIC_SITE.finditer(bio):
            if says_so(text, find_word(text, found.start()), find_word(text, found.end())):
                yield from self._find_by_site(found[1].casefold(), "the profile text gives an address at", BIO)

    def _find_mentioned(self, handle: str) -> Iterator[Match]:
        plain = handle.casefold()
        known = self._register.handles.get(plain) or self._register.libraries.get(plain)
        if known:
            yield Match("", known, f"the profile text names @{handle}", BIO_HANDLE)
        elif "." in plain:
            yield from self._find_by_site(plain, f"the profile text names @{handle}, under", BIO_HANDLE)
        else:
            for reading in self._handles.read(handle):
                match = self._say(reading, handle, min(reading.confidence, CLIPPED))
                said = match.evidence.replace(" reads", ", which reads", 1)
                yield replace(match, evidence=f"the profile text names {said}")

    def _find_by_site(self, host: str, said: str, sure: float) -> Iterator[Match]:
        domain = host
        while "." in domain and domain not in _SHARED_SITES:
            known = self._register.sites.get(domain, ())
            if known:
                for organisation in known:
                    shared = "" if len(known) == 1 else ", which several share"
                    yield Match("", organisation, f"{said} {domain}{shared}", UNSURE if shared else sure)
                return
            domain = domain.partition(".")[2]
        for reading in self._handles.read_site(host):
            yield Match("", reading.organisation, f"{said} {host}", min(sure, reading.confidence))

    def _find_named(self, text: Text, profile: str) -> Iterator[tuple[str, str]]:
        """(organisation, words) that a text says its author belongs to now."""
        for organisations, at, to in self._register.find_named(text):
            words = text.write(at, to)
            is_club = _KIND_LETTERS.search(words) and _CLUB.search(profile)
            if len(organisations) == 1 and not is_club and says_so(text, at, to):
                yield organisations[0], words

    def _say(self, reading: Reading, handle: str, sure: float) -> Match:
        name = self._register.by_id[reading.organisation].name
        return Match("", reading.organisation, f"@{handle} reads as {name} ('{reading.place}', {reading.mark})", sure)


def _choose(own: Iterable[Match], told: Iterable[Match]) -> Iterator[Match]:
    """The best match with each organisation: less sure what is named beside the account's own, or beside others."""
    best = _find_best(own)
    is_account = any(match.confidence >= NAME for match in best.values())
    others = _find_best(told)
    sure = [match for match in others.values() if match.confidence >= LIKELY]
    for key, match in others.items():
        most = BESIDE_ITS_OWN if is_account and key not in best else ONE_OF_SEVERAL if len(sure) > 1 else 1.0
        less = replace(match, confidence=min(match.confidence, most))
        if key not in best or less.confidence > best[key].confidence:
            best[key] = less
    yield from best.values()


def _find_best(matches: Iterable[Match]) -> dict[str, Match]:
    best: dict[str, Match] = {}
    for match in matches:
        if match.organisation not in best or match.confidence > best[match.organisation].confidence:
            best[match.organisation] = match
    return best


def _find_host(url: str) -> str:
    return re.sub(r"^(?:https?://)?(?:www\.)?|[/?#:].*$", "", url.strip().casefold()) if url else ""
