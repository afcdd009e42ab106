"""One person on several platforms, where the person says so in public: a profile that names the other account.

A claim of one profile is enough where nothing speaks against it. Where two accounts claim the same one, where a profile
names several of one platform, or where the account named is an organisation's and the profile a person's, only those
who name each other are joined.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from analysis.rows import SessionAuthor

_PROFILES = (
    ("x", re.compile(r"(?<![\w.])(?:www\.|mobile\.)?(?:twitter|x)\.com/@?(\w{1,20})(?![\w/])", re.IGNORECASE)),
    ("bluesky", re.compile(r"bsky\.app/profile/([\w.:\-]+)", re.IGNORECASE)),
    ("mastodon", re.compile(r"https?://([\w.\-]+\.\w+)/@(\w+)(?![\w@/])", re.IGNORECASE)),
)
_FEDIVERSE = re.compile(r"(?<![\w/])@(\w+)@([\w\-]+(?:\.[\w\-]+)+)")
# Any domain may be a handle where it is written as one; without the @ only Bluesky's own are sure.
_BLUESKY = re.compile(
    r"(?<![\w@.])(?:@((?:[\w\-]{1,63}\.){1,6}[a-z]{2,})|([\w\-]{1,63}\.bsky\.social))(?![\w@])", re.IGNORECASE
)
_X = re.compile(
    r"(?<![\w@.])(?:x/twitter|twitter/x|x|twitter)(?:\s+as)?\s?[:=(–—-]?\s?@(\w{1,20})(?![\w@]|\.\w)", re.IGNORECASE
)
_WRITTEN = (("mastodon", _FEDIVERSE), ("bluesky", _BLUESKY), ("x", _X))
# Between the last break and the account stands nothing but such words, or it is a colleague's, a team's, a partner's.
_OWN = """
    a a.k.a account active aka also am and as at available best bluesky bsky catch chat contact elsewhere fedi
    fediverse find follow from handle here i i'm im in is join link links mainly mastodon me mostly moved my new now
    on or over personal post posting posts profile reach same say see sky social tag talk there to too toot tooting
    toots tweet tweeting tweets twitter work x you'll youll you can will be
"""
_OWN_WORDS = frozenset(_OWN.split())
_NOBODYS = frozenset(("work", "my", "new", "from", "social", "at", "a"))  # alone they name nobody: "work @team"
_BREAK = re.compile(r"\.(?=\s|$)|[|;•·\n!?()\[\]]|\s[-–—]+\s|[–—]|[\u2190-\u2bff\U0001f000-\U0001faff]")
_WORD = re.compile(r"[\w'’.]+")
_LINK = re.compile(r"https?://\S*$")
_ACCOUNT = re.compile(r"https?://\S+|@\w+@[\w.-]+|@?(?:[\w-]+\.)+\w+|@\w+")
# An account with such a word is an organisation's, a team's or a chat's.
_BODY = re.compile(
    r"council|cyngor|borough|\bgov|gov\b|\bnhs|police|trust\b|\bltd|\bteam|team\b|official|university|college|school|"
    r"society|association|charity|foundation|institute|agency|company|studios?\b|\bnews\b|press\b|library|libraries|"
    r"museum|chat\b|hour\b|network\b|podcast|festival|club\b",
    re.IGNORECASE,
)
_WE = re.compile(r"\b(?:we|we're|our|us|official account|the account of|run by|tweets by the team)\b", re.IGNORECASE)


KEPT_PROFILES = 1 << 18
"""How many profiles are remembered from one look to the next."""


@dataclass(frozen=True, slots=True)
class Person:
    """One author of a person who has several. ``id`` is the first of the person's author ids."""

    id: str
    author: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a person decided of two authors: the same person, or not."""

    author: str
    other: str
    is_same: bool
    reason: str


@dataclass(frozen=True, slots=True)
class _Claim:
    """A profile that names another account as its owner's."""

    author: str
    other: str
    reason: str


def find_people(authors: Iterable[SessionAuthor], rulings: Sequence[Ruling] = ()) -> tuple[Person, ...]:
    """The people with more than one account, a row an account; authors that stand alone are left out.

    What a person ruled comes first: authors held apart are never joined, whatever their profiles say.
    """
    known = {author.id: author for author in sorted(authors, key=lambda author: author.id)}
    groups = _Groups(rulings, known)
    claims = _find_claims(known)
    mutual = {(claim.author, claim.other) for claim in claims}
    by_author = _count(claims, lambda claim: (claim.author, known[claim.other].platform))
    by_other = _count(claims, lambda claim: (claim.other, known[claim.author].platform))
    for claim in claims:
        author, other = known[claim.author], known[claim.other]
        is_mutual = (other.id, author.id) in mutual
        is_only = by_author[author.id, other.platform] == 1 and by_other[other.id, author.platform] == 1
        if is_mutual or (is_only and (not is_body(other) or is_body(author))):
            groups.join(claim.author, claim.other, claim.reason)
    return groups.list_people()


def is_body(author: SessionAuthor) -> bool:
    """Whether an account looks like an organisation's, a team's or a chat's: no single person's."""
    shown = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", f"{author.handle or ''} {author.name or ''}".replace("_", " "))
    return bool(_BODY.search(shown) or _WE.search(author.bio or ""))


class _Groups:
    """Authors joined to people, with the reasons, in an order that does not matter."""

    def __init__(self, rulings: Sequence[Ruling], known: Mapping[str, SessionAuthor]) -> None:
        self._leader = {author: author for author in known}
        self._reasons: dict[str, list[str]] = {}
        here = [ruling for ruling in rulings if ruling.author in known and ruling.other in known]
        self._apart = [(ruling.author, ruling.other) for ruling in here if not ruling.is_same]
        for ruling in here:
            if ruling.is_same:
                self.join(ruling.author, ruling.other, ruling.reason)

    def join(self, one: str, other: str, reason: str) -> None:
        """Makes two authors one person, unless somebody ruled that their owners are two."""
        first, second = sorted((self._find(one), self._find(other)))
        together = {first, second}
        if any({self._find(a), self._find(b)} == together for a, b in self._apart if first != second):
            return
        self._leader[second] = first
        for author in (one, other):
            self._reasons.setdefault(author, []).append(reason)

    def list_people(self) -> tuple[Person, ...]:
        """A row for each author of each person with several."""
        members: dict[str, list[str]] = {}
        for author in self._reasons:
            members.setdefault(self._find(author), []).append(author)
        return tuple(
            Person(min(group), member, "; ".join(dict.fromkeys(self._reasons[member])))
            for group in sorted(sorted(group) for group in members.values())
            if len(group) > 1
            for member in group
        )

    def _find(self, one: str) -> str:
        while self._leader[one] != one:
            self._leader[one] = self._leader[self._leader[one]]
            one = self._leader[one]
        return one


def _find_claims(known: Mapping[str, SessionAuthor]) -> list[_Claim]:
    """Each claim of a profile on the account of another platform once, with its first reason."""
    named = {a.id: found for a in known.values() if (found := _find_named_accounts(a.bio or "", a.url or ""))}
    wanted = {(platform, handle.casefold()) for found in named.values() for platform, handle, _ in found}
    by_handle = _find_by_handle(known.values(), wanted)
    claims: dict[tuple[str, str], _Claim] = {}
    for author in (known[one] for one in named):
        for platform, handle, said in named[author.id]:
            other = by_handle.get((platform, handle.casefold()))
            if other is not None and other.platform != author.platform:
                reason = f"the {author.platform} profile of @{author.handle or author.id} names {said}"
                claims.setdefault((author.id, other.id), _Claim(author.id, other.id, reason))
    for claim in _find_domains(known.values()):
        claims.setdefault((claim.author, claim.other), claim)
    return [claims[key] for key in sorted(claims)]


def _find_by_handle(
    authors: Iterable[SessionAuthor], wanted: Collection[tuple[str, str]]
) -> dict[tuple[str, str], SessionAuthor]:
    """The authors that go by these (platform, handle in small letters); on Bluesky by their own id as well."""
    found: dict[tuple[str, str], SessionAuthor] = {}
    for author in authors if wanted else ():
        names = [(author.handle or "").casefold()]
        if author.platform == "bluesky":
            names.insert(0, author.id.removeprefix("bluesky:").casefold())
        found |= {(author.platform, name): author for name in names if (author.platform, name) in wanted}
    return found


@lru_cache(maxsize=KEPT_PROFILES)
def _find_named_accounts(bio: str, url: str) -> tuple[tuple[str, str, str], ...]:
    """(platform, handle, as written) of every account that a profile names as its owner's."""
    return tuple(_read_accounts(bio, url)) if "@" in bio or "/" in url or "/" in bio or "bsky" in bio.casefold() else ()


def _read_accounts(bio: str, url: str) -> Iterator[tuple[str, str, str]]:
    if "/" in url or "/" in bio:
        for platform, pattern in _PROFILES:
            for text in (url, bio):
                for found in pattern.finditer(text):
                    if text is url or _is_own(_LINK.sub("", text[: found.start()])):
                        yield platform, f"{found[2]}@{found[1]}" if platform == "mastodon" else found[1], found[0]
    if "@" in bio or "bsky" in bio.casefold():
        for platform, pattern in _WRITTEN:
            for found in pattern.finditer(bio):
                if _is_own(bio[: found.start()], labelled=platform == "x"):
                    handle = f"{found[1]}@{found[2]}" if platform == "mastodon" else next(filter(None, found.groups()))
                    yield platform, handle, found[0]


def _is_own(before: str, *, labelled: bool = False) -> bool:
    """Whether an account named after these words is the profile's owner's, not a colleague's or a partner's.

    "Comms at Northmoor, @northmoor@…" is the employer's; "Comms at Northmoor, Mastodon: @ann@…" is one's own.
    """
    clause = _ACCOUNT.sub("", _BREAK.split(before.rstrip(" :=(–—-"))[-1])
    parts = clause.split(",")
    last = _list_words(parts[-1])
    told = last if last or labelled else _list_words(clause)
    return all(word in _OWN_WORDS for word in told) and not (told and set(told) <= _NOBODYS)


def _list_words(text: str) -> list[str]:
    words = (word.casefold().replace("’", "'").strip(".'") for word in _WORD.findall(text))
    return [word for word in words if word]


def _find_domains(authors: Iterable[SessionAuthor]) -> Iterable[_Claim]:
    """What follows where a Bluesky handle, a proved domain, is the whole website of one other account.

    The domain of an employer is the website of many people: the names have to agree.
    """
    handles = {(a.handle or "").casefold(): a for a in authors if a.platform == "bluesky"}
    owners: dict[str, list[SessionAuthor]] = {}
    for author in authors:
        host = _find_site(author.url) if author.url and author.platform != "bluesky" else ""
        if host in handles:
            owners.setdefault(host, []).append(author)
    for host, found in sorted(owners.items()):
        author = handles[host]
        if len(found) == 1 and _is_named_alike(author, found[0], host):
            owner = found[0]
            said = f"@{author.handle} on Bluesky is the website of @{owner.handle or owner.id} on {owner.platform}"
            yield _Claim(author.id, owner.id, said)


def _find_site(url: str) -> str:
    """The host of a link to the first page of a site: a page on a shared site is nobody's domain."""
    found = re.fullmatch(r"(?:https?://)?(?:www\.)?([\w.-]+)/?", url.strip().casefold())
    return found[1] if found else ""


def _is_named_alike(one: SessionAuthor, other: SessionAuthor, host: str) -> bool:
    names = [re.sub(r"\W", "", (author.name or "").casefold()) for author in (one, other)]
    handle = re.sub(r"[\W_]", "", (other.handle or "").partition("@")[0].casefold())
    is_same_name = bool(names[0]) and names[0] == names[1]
    return is_same_name or handle == re.sub(r"\W", "", host.partition(".")[0])


def _count(claims: Iterable[_Claim], key: Callable[[_Claim], tuple[str, str]]) -> dict[tuple[str, str], int]:
    counts: dict[tuple[str, str], int] = {}
    for claim in claims:
        counts[key(claim)] = counts.get(key(claim), 0) + 1
    return counts
