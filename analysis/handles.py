"""Handles and web addresses that say which council they are of: KentCC, LeedsCC_News, MyDoncaster, boltonlibs.

A handle is taken apart into a place of the register and what makes it the account of a council: "council" itself, the
letters of its kind (CC of a county or city, BC of a borough), the word for a service that only councils run, or a name
that only administration has. A plain town or county makes nothing: it is the name of people, clubs and newspapers too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from analysis.places import fold, is_coined, list_clipped, list_initials, list_places, list_squashed, split_words
from analysis.register import Best, Organisation, is_acronym

PUBLIC_SITE, CLEAR, LIKELY_FORM, CLIPPED, UNSURE = 0.9, 0.75, 0.7, 0.65, 0.35

_TOPIC = re.compile(
    r"(?:news|press|info|online|comms|media|team|help|uk|gov|digital|jobs|careers|updates|alerts|services|customer|"
    r"contact|recycling|waste|highways|roads|planning|housing|parks|licensing|environment|business|events|culture|"
    r"archives|adoption|fostering|learning|transport|travel|parking|data|leader|social|web|connect|live|today|tweets|"
    r"people|now|\d+)+$"
)
_LIBRARY = re.compile(
    r"^library(?:of)?(?=[a-z]{4})|(?:public)?(?:librar(?:ies?|y)?|libs?)(?:team|service|online|uk|\d+)?$|publib$"
)
_MARKS: tuple[tuple[str, str], ...] = (
    ("citycouncil", "city"), ("countycouncil", "county"), ("boroughcouncil", "borough"), ("citycncl", "city"),
    ("districtcouncil", "district"), ("council", "any"), ("councl", "any"), ("cncl", "any"), ("mbc", "metropolitan"),
    ("mdc", "metropolitan"), ("cbc", "county borough"), ("borough", "borough"), ("district", "district"),
    ("boro", "borough"), ("gov", "any"), ("cityco", "city"), ("countyhall", "county"), ("cc", "cc"),
    ("bc", "borough"), ("dc", "district"), ("ca", "combined"),
    ("combinedauthority", "combined"), ("npa", "park"), ("authority", "any"), ("c", "any"),
)  # fmt: skip
_FRONTS: tuple[tuple[str, str], ...] = (
    ("londonboroughof", "london"), ("royalboroughof", "royal"), ("boroughof", "borough"), ("borough", "borough"),
    ("lbof", "london"), ("lbo", "london"), ("lb", "london"), ("rbof", "royal"), ("royal", "royal"),
    ("cityof", "city of"), ("city", "city of"), ("cyngor", "welsh"), ("cyngorsir", "welsh"), ("csir", "welsh"),
    ("cyngordinas", "welsh"),
)  # fmt: skip
_GREETINGS = ("my", "go", "contact", "ask", "the", "team")
_ALONE_WITH = frozenset(("my", "contact"))  # "Your Town" and "Visit Town" are newspapers and tourist boards
_MARKED = re.compile(
    r"coun|cncl|[bcd]c|boro|district|city|gov|author|npa|ca$|c$|^[lr]b|^royal|^c(?:yngor|sir)|^my|^go|^contact"
)
_PUBLIC_SITES = (".gov.uk", ".gov.wales", ".gov.scot", ".llyw.cymru")
_BODIES = (("developmentcorporation", "dc"), ("nationalparkauthority", "npa"), ("wasteauthority", "waste"),
           ("nationalparkauthority", "nationalpark"), ("combinedauthority", "ca"))  # fmt: skip
_MOST_INITIALS = 5
# A word of everyday speech or a family name as well: My Reading is a list of books.
_WORDS = """
    reading bath rugby hart bury barking eden craven boston lincoln preston mansfield kent warwick melton sutton
    barnet halton bolton winchester stafford ashford bedford bradford hastings down london york lancaster durham
    cornwall devon essex norfolk suffolk surrey dorset somerset
"""
_EVERYDAY = frozenset(_WORDS.split())
_HAS_LIBRARIES = frozenset(
    ("county", "unitary", "metropolitan borough", "London borough", "Scottish council", "Welsh council",
     "city corporation")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reading:
    """A council that a handle or an address names, the part that names its place, and how sure that is."""

    organisation: str
    place: str
    mark: str
    confidence: float


class HandleReader:
    """Takes handles apart, with the places of a register."""

    def __init__(self, organisations: Iterable[Organisation]) -> None:
        self._by_id = {one.id: one for one in organisations}
        self._places, self._clipped, self._initials, self._names = Best(), Best(), Best(), Best()
        self._coined: set[str] = set()
        for one in self._by_id.values():
            for initials in list_initials(split_words(one.name)):
                self._initials.add(initials, 0, one)
            for name in _list_names(one):
                self._names.add(name, 0, one)
            for rank, words in list_places(one.name, one.short_names) if _is_of_a_place(one) else ():
                for squashed in list_squashed(words):
                    self._places.add(squashed, rank, one)
                    is_larger = one.type in {"county", "combined authority"} and words[-2:] != ("city", "region")
                    if is_coined(words) and not is_larger:
                        self._coined.add(squashed)
                if rank == 0:
                    for clipped in list_clipped(words):
                        self._clipped.add(clipped, 0, one)
                    for initials in list_initials(words) if len(words) > 1 else ():
                        self._initials.add(initials, 1, one)

    def read(self, handle: str) -> tuple[Reading, ...]:
        """The council that a handle names; several where it could be each of them, with little confidence."""
        squashed = re.sub(r"[^a-z0-9]", "", fold(handle))
        if squashed in self._names:
            return tuple(_say(self._names.find(squashed), squashed, "its name", CLEAR))
        if squashed in self._coined:
            return tuple(_say(self._places.find(squashed), squashed, "a name that only administration has", CLIPPED))
        found = tuple(self._read_library(squashed)) if "lib" in squashed else ()
        bare = _TOPIC.sub("", squashed)
        is_marked = _MARKED.search(squashed) or _MARKED.search(bare) or len(bare) <= _MOST_INITIALS
        if found or not is_marked:
            return found
        return next(filter(None, self._read_marked(squashed, bare)), ())

    def read_site(self, host: str) -> tuple[Reading, ...]:
        """The council whose web address this is, or lies under: news.leeds.gov.uk."""
        for ending in _PUBLIC_SITES:
            if host.endswith(ending):
                label = host.removesuffix(ending).rpartition(".")[2].replace("-", "")
                named = tuple(self._find(label, host, "any", PUBLIC_SITE))
                return named or next(filter(None, self._read_marked(label, label)), ())
        return ()

    def find_place(self, name: str) -> tuple[str, ...]:
        """The council of a place that is named by nothing but its own name, where there is only one."""
        squashed = "".join(split_words(name.replace("_", " ")))
        found = self._places.find(squashed) if squashed in self._places else ()
        return found if len(found) == 1 else ()

    def _read_marked(self, squashed: str, bare: str) -> Iterator[tuple[Reading, ...]]:
        """What each way of taking it apart gives, the surest first. ``bare`` is it without the topic at its end."""
        for text in dict.fromkeys((squashed, bare)):
            yield from (
                tuple(self._find_any(text.removesuffix(mark), mark, kind))
                for mark, kind in _MARKS
                if text.endswith(mark) and len(text) > len(mark) + (7 if mark == "c" else 1)
            )
            yield from (
                tuple(self._find(text.removeprefix(front), front, kind, LIKELY_FORM))
                for front, kind in _FRONTS
                if text.startswith(front) and len(text) > len(front) + 2
            )
            for greeting in _GREETINGS:
                place = text.removeprefix(greeting)
                is_told = place in self._coined or (greeting in _ALONE_WITH and place not in _EVERYDAY)
                if place != text and is_told:
                    yield tuple(self._find(place, greeting, "any", CLIPPED))
        if len(bare) >= 5 or (len(bare) == 4 and (bare != squashed or bare[:2] in {"lb", "rb"})):
            yield tuple(self._find_initials(bare))

    def _read_library(self, squashed: str) -> Iterator[Reading]:
        place = _LIBRARY.sub("", squashed).removeprefix("ask")
        if place == squashed or len(place) < 2:
            return
        for index, least, sure in (
            (self._places, 2, LIKELY_FORM), (self._clipped, 4, CLIPPED), (self._initials, 3, CLIPPED),
        ):  # fmt: skip
            found = index.find(place, self._has_libraries) if len(place) >= least else ()
            if found:
                yield from _say(found, place, "libraries", sure)
                return

    def _has_libraries(self, organisation: str) -> bool:
        return self._by_id[organisation].type in _HAS_LIBRARIES

    def _find_any(self, place: str, mark: str, kind: str) -> Iterator[Reading]:
        is_said = "counc" in mark
        found = list(self._find(place, mark, kind, CLEAR if is_said else LIKELY_FORM))
        if not found and is_said and len(place) >= 3:
            found = list(self._find_initials(place, kind)) or list(self._find_initials(f"{place}c", kind))
        if not found and place not in self._places and len(place) >= (6 if not is_said else 3 if len(mark) > 7 else 4):
            found = list(self._find_in(self._clipped, place, mark, kind, CLIPPED))
        yield from found

    def _find(self, place: str, mark: str, kind: str, sure: float) -> Iterator[Reading]:
        yield from self._find_in(self._places, place, mark, kind, sure)

    def _find_in(self, index: Best, place: str, mark: str, kind: str, sure: float) -> Iterator[Reading]:
        found = index.find(place, lambda one: is_of_kind(self._by_id[one], kind))
        yield from _say(found, place, mark, sure)

    def _find_initials(self, letters: str, kind: str = "any") -> Iterator[Reading]:
        yield from self._find_in(self._initials, letters, "its initials", kind, CLIPPED)


def is_of_kind(organisation: Organisation, kind: str) -> bool:
    """Whether letters or words for a kind of council fit this one: Devon has a CC, Blaby a DC."""
    name, type_ = organisation.name.casefold(), organisation.type
    if kind == "any":
        return type_ not in {"combined authority", "national park authority"}
    if kind == "cc":
        return type_ == "county" or "county council" in name or "city" in name
    if kind == "city of":
        return name.startswith(kind)
    if kind == "borough":
        return "borough" in name or type_ in {"metropolitan borough", "London borough"}
    by_type = {
        "metropolitan": "metropolitan borough", "london": "London borough", "combined": "combined authority",
        "park": "national park authority", "welsh": "Welsh council",
    }  # fmt: skip
    return by_type[kind] == type_ if kind in by_type else kind in name


def _say(found: Iterable[str], place: str, mark: str, sure: float) -> Iterator[Reading]:
    ids = tuple(found)
    if len(ids) <= 3:
        yield from (Reading(one, place, mark, sure if len(ids) == 1 else UNSURE) for one in ids)


def _list_names(organisation: Organisation) -> Iterator[str]:
    """The name of a body that is no council, run together, and with the usual letters for what it is."""
    if not organisation.is_council:
        name = "".join(split_words(organisation.name))
        yield name
        for long, short in _BODIES:
            if name.endswith(long):
                yield name.removesuffix(long) + short
    if organisation.id.startswith("body:"):
        yield from (short.casefold() for short in organisation.short_names if is_acronym(short))


def _is_of_a_place(organisation: Organisation) -> bool:
    return organisation.id.startswith("council:") or organisation.type == "national park authority"
