"""Councils and other public bodies behind authors: from the register and what authors say of themselves in public."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from analysis.rows import SessionAuthor
from archive.reference import reference_path

HANDLE, DOMAIN, LIBRARY, NAME, SITE, BIO, BIO_HANDLE, ONE_OF_SEVERAL = 0.98, 0.97, 0.9, 0.9, 0.85, 0.8, 0.75, 0.6

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_MENTION = re.compile(r"@(\w+)")
# What makes a plain place name the council of that place.
_FORMS = (
    "{} council", "{} borough council", "{} city council", "{} county council", "{} district council",
    "{} metropolitan borough council", "{} london borough council", "{} county borough council", "{} bc", "{} cc",
    "{} dc", "{} mbc", "london borough of {}", "royal borough of {}", "lb {}", "lb of {}", "city of {} council",
    "{} city and district council", "cyngor {}", "cyngor sir {}",
)  # fmt: skip
_NOT_NOW = frozenset(
    ("ex", "former", "formerly", "previously", "once", "not", "against", "retired", "was", "past", "late")
)
_NOT_NOW_REACH = 3


@dataclass(frozen=True, slots=True)
class Organisation:
    """One row of the register."""

    id: str
    name: str
    short_names: tuple[str, ...] = ()
    type: str = ""
    nation: str = ""
    region: str = ""
    website: str = ""
    x_handle: str = ""
    library_handles: tuple[str, ...] = ()
    ended: str = ""

    @property
    def url(self) -> str | None:
        """Its website as a link."""
        return f"https://{self.website}" if self.website else None


@dataclass(frozen=True, slots=True)
class Match:
    """An author and an organisation, with what it rests on and how sure it is."""

    author: str
    organisation: str
    evidence: str
    confidence: float


class Register:
    """The organisations, indexed by what authors show of them. Those that still exist win what is shared."""

    def __init__(self, organisations: Iterable[Organisation]) -> None:
        self.by_id = {organisation.id: organisation for organisation in organisations}
        self.handles: dict[str, str] = {}
        self.libraries: dict[str, str] = {}
        self.sites: dict[str, str] = {}
        self.phrases: dict[tuple[str, ...], str] = {}
        shared: set[str] = set()
        for organisation in sorted(self.by_id.values(), key=lambda o: (bool(o.ended), o.id)):
            if organisation.x_handle:
                self.handles.setdefault(organisation.x_handle.casefold(), organisation.id)
            for handle in organisation.library_handles:
                self.libraries.setdefault(handle.casefold(), organisation.id)
            if organisation.website:
                taken = self.sites.setdefault(organisation.website, organisation.id)
                if taken != organisation.id and not organisation.ended:
                    shared.add(organisation.website)
            self._add_phrases(organisation)
        for site in shared:
            del self.sites[site]
        self.longest = max((len(phrase) for phrase in self.phrases), default=0)

    def _add_phrases(self, organisation: Organisation) -> None:
        self.phrases.setdefault(_words(organisation.name), organisation.id)
        for short in organisation.short_names:
            for form in _FORMS:
                if organisation.id.startswith("council:") and _fits(form, organisation):
                    self.phrases.setdefault(_words(form.format(short)), organisation.id)

    def find_named(self, text: str) -> Iterator[tuple[str, str]]:
        """(organisation, words) that a text names as a present one, the longest name at each place."""
        words = _words(text)
        at = 0
        while at < len(words):
            size = next((n for n in range(self.longest, 0, -1) if words[at : at + n] in self.phrases), 0)
            if size and not _NOT_NOW & set(words[max(0, at - _NOT_NOW_REACH) : at]):
                yield self.phrases[words[at : at + size]], " ".join(words[at : at + size])
            at += size or 1


@cache
def load_register(path: Path | None = None) -> Register:
    """The register that ships in data/councils.csv, or another file of its form."""
    with (path or reference_path("councils.csv")).open(encoding="utf-8", newline="") as file:
        return Register(_read_row(row) for row in csv.DictReader(file))


def find_organisations(authors: Iterable[SessionAuthor], register: Register) -> tuple[Match, ...]:
    """The best match of each author with each organisation, in the order of author and organisation."""
    best: dict[tuple[str, str], Match] = {}
    for author in authors:
        for match in _find_matches(author, register):
            key = (match.author, match.organisation)
            if key not in best or match.confidence > best[key].confidence:
                best[key] = match
    return tuple(best[key] for key in sorted(best))


def _find_matches(author: SessionAuthor, register: Register) -> Iterator[Match]:
    handle = (author.handle or "").casefold()
    yield from _find_by_handle(author, handle, register)
    site = re.sub(r"^https?://(?:www\.)?|[/?#].*$", "", (author.url or "").strip().casefold())
    if site in register.sites:
        yield Match(author.id, register.sites[site], f"the profile links to {site}", SITE)
    for organisation, words in register.find_named(author.name or ""):
        yield Match(author.id, organisation, f"the display name says '{words}'", NAME)
    bio = author.bio or ""
    named = dict(register.find_named(bio))
    for organisation, words in named.items():
        yield Match(
            author.id, organisation, f"the profile text says '{words}'", BIO if len(named) == 1 else ONE_OF_SEVERAL
        )
    for found in _MENTION.finditer(bio):
        organisation = register.handles.get(found[1].casefold(), "")
        before = set(_words(bio[: found.start()])[-_NOT_NOW_REACH:])
        if organisation and not before & _NOT_NOW:
            yield Match(author.id, organisation, f"the profile text names @{found[1]}", BIO_HANDLE)


def _find_by_handle(author: SessionAuthor, handle: str, register: Register) -> Iterator[Match]:
    if author.platform == "x" and handle in register.handles:
        yield Match(author.id, register.handles[handle], f"@{author.handle} is its account in the register", HANDLE)
    if author.platform == "x" and handle in register.libraries:
        said = f"@{author.handle} is the account of its library service in the register"
        yield Match(author.id, register.libraries[handle], said, LIBRARY)
    # On Bluesky a handle is a domain that its owner proved; on Mastodon the server is part of it.
    domain = (
        handle if author.platform == "bluesky" else handle.partition("@")[2] if author.platform == "mastodon" else ""
    )
    while domain.count(".") >= 1:
        if domain in register.sites:
            yield Match(author.id, register.sites[domain], f"the handle is under its domain {domain}", DOMAIN)
            return
        domain = domain.partition(".")[2]


def _fits(form: str, organisation: Organisation) -> bool:
    """Whether a form of the name can mean this kind of council: Leeds has no county council."""
    county = organisation.type == "county"
    if "county council" in form or form.endswith(" cc"):
        return (
            county
            or (form.endswith(" cc") and "city" in organisation.name.casefold())
            or "county council" in (organisation.name.casefold())
        )
    return not county or form == "{} council"


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.replace("’", "'") for word in _WORD.findall(text.casefold().replace("&", " and ")))


def _read_row(row: Mapping[str, str]) -> Organisation:
    return Organisation(
        id=row["id"], name=row["name"], short_names=tuple(filter(None, row["short_names"].split("|"))),
        type=row["type"], nation=row["nation"], region=row["region"], website=row["website"],
        x_handle=row["x_handle"], library_handles=tuple(filter(None, row["library_handles"].split("|"))),
        ended=row["ended"],
    )  # fmt: skip
