"""The register of councils and other public bodies, and the words by which people name them."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from analysis.places import list_places, split_plainly, split_words
from analysis.stating import Text
from archive.reference import reference_path

_NO_CITY_IN_ITS_NAME = frozenset(("colchester", "doncaster", "milton keynes", "southend on sea", "southend", "wrexham"))
"""Made cities since the register's names were written."""
_TOO_SHORT = frozenset(("BCP", "MK", "NPT", "RCT", "GLA"))
"""Letters that mean much else: they count with "Council" behind them."""
_EVERYWHERE = frozenset(("of", "on", "for", "and", "in", "the", "city", "england", "housing", "service", "transport"))
_METROPOLITAN = (
    "{} mbc", "{} mdc", "{} metropolitan borough council", "{} metropolitan district council",
    "{} metropolitan council", "{} borough council", "{} bc",
)  # fmt: skip
_LONDON = ("london borough of {}", "{} london borough council", "lb {}", "lb of {}", "{} borough council", "{} lbc")
_ROYAL = ("royal borough of {}", "rb of {}", "royal borough {}")
_CITY = ("{} city council", "{} cc", "city of {} council", "{} city and district council", "city council of {}")
_COUNTY = ("{} county council", "{} cc")
_WELSH = (
    "cyngor {}", "cyngor sir {}", "cyngor dinas {}", "cyngor bwrdeistref sirol {}", "{} cbc",
    "{} county borough council", "{} county council",
)  # fmt: skip
_BOROUGH = ("{} borough council", "{} bc", "borough council of {}")
_DISTRICT = ("{} district council", "{} dc")
_COMBINED = ("{} combined authority", "{} mayoral combined authority", "{} ca", "{} mca", "{} cca")
_PARK = ("{} npa",)


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
    handles_of_library: tuple[str, ...] = ()
    ended: str = ""
    gss: str = ""

    @property
    def url(self) -> str | None:
        """Its website as a link."""
        return f"https://{self.website}" if self.website else None

    @property
    def is_council(self) -> bool:
        """Whether it is the council of a place, not a combined authority or another public body."""
        return self.id.startswith("council:") and self.type not in {"combined authority", "regional authority"}


class Best:
    """Keys and the organisations that they mean: those of the lowest rank, and the living before the ended."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, tuple[int, bool]]] = {}

    def add(self, key: str, rank: int, organisation: Organisation) -> None:
        """Takes ``key`` as a name of an organisation."""
        known = self._found.setdefault(key, {})
        known[organisation.id] = min(known.get(organisation.id, (rank, True)), (rank, bool(organisation.ended)))

    def find(self, key: str, fits: Callable[[str], bool] | None = None) -> tuple[str, ...]:
        """The organisations that a key means, of those that fit: none, one, or several where it is ambiguous."""
        known = self._found.get(key)
        if not known:
            return ()
        fitting = {one: place for one, place in known.items() if fits is None or fits(one)}
        best = min(fitting.values(), default=None)
        return tuple(sorted(one for one, place in fitting.items() if place == best))

    def __contains__(self, key: str) -> bool:
        return key in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)


class Register:
    """The organisations, indexed by what authors show of them. Those that still exist win what is shared."""

    def __init__(self, organisations: Iterable[Organisation]) -> None:
        self.by_id = {organisation.id: organisation for organisation in organisations}
        self.handles: dict[str, str] = {}
        self.libraries: dict[str, str] = {}
        self.sites: dict[str, tuple[str, ...]] = {}
        self.phrases = Best()
        self.acronyms: dict[str, str] = {}
        for organisation in sorted(self.by_id.values(), key=lambda o: (bool(o.ended), o.id)):
            if organisation.x_handle:
                self.handles.setdefault(organisation.x_handle.casefold(), organisation.id)
            for handle in organisation.handles_of_library:
                self.libraries.setdefault(handle.casefold(), organisation.id)
            if organisation.website and not (organisation.ended and organisation.website in self.sites):
                self.sites[organisation.website] = (*self.sites.get(organisation.website, ()), organisation.id)
            self._add_phrases(organisation)
        self.first_words: dict[str, tuple[int, ...]] = {}
        for phrase in self.phrases:
            words = phrase.split()
            sizes = self.first_words.get(words[0], ())
            if len(words) not in sizes:
                self.first_words[words[0]] = tuple(sorted((*sizes, len(words)), reverse=True))

        self._anchors = _find_anchors([phrase.split() for phrase in self.phrases])

    def _add_phrases(self, organisation: Organisation) -> None:
        self.phrases.add(" ".join(split_words(organisation.name)), 0, organisation)
        forms = list_forms(organisation)
        for rank, place in list_places(organisation.name, organisation.short_names) if forms else ():
            named = " ".join(place)
            for form in forms:
                self.phrases.add(form.format(named), rank + 1, organisation)
            if named in _NO_CITY_IN_ITS_NAME:
                self.phrases.add(f"{named} city council", rank + 1, organisation)
        for short in organisation.short_names:
            if organisation.id.startswith("body:") or "council" in short.casefold() or is_acronym(short):
                self.phrases.add(" ".join(split_words(short)), 1, organisation)
            if is_acronym(short):
                self.acronyms[short.casefold()] = short

    def may_name(self, raw: str) -> bool:
        """Whether a text holds a word that every name of an organisation has one of: most profiles hold none."""
        return not self._anchors.isdisjoint(split_plainly(raw))

    def find_named(self, text: Text) -> Iterator[tuple[tuple[str, ...], int, int]]:
        """(organisations, first word, word after the last) that a text names, the longest name at each place.

        Several organisations where the name can mean each of them.
        """
        words = [word.text for word in text.words]
        at = 0
        while at < len(words):
            for size in self.first_words.get(words[at], ()):
                found = self.phrases.find(" ".join(words[at : at + size])) if at + size <= len(words) else ()
                whole = all(word.gap != "." for word in text.words[at + 1 : at + size])
                # "Ons" is Dutch for our: letters count as they are written.
                written = self.acronyms.get(words[at]) if size == 1 else None
                if found and whole and written in {None, text.write(at, at + size)}:
                    yield found, at, at + size
                    at += size - 1
                    break
            at += 1


def _find_anchors(phrases: Sequence[Sequence[str]]) -> frozenset[str]:
    """A few words of which each phrase has one, the most frequent first: council, cc, cyngor, authority …"""
    anchors: set[str] = set()
    left = list(phrases)
    while left:
        counts = Counter(word for phrase in left for word in set(phrase) - _EVERYWHERE or phrase)
        word = min(counts, key=lambda one: (-counts[one], one))
        anchors.add(word)
        left = [phrase for phrase in left if word not in phrase]
    return frozenset(anchors)


def is_acronym(name: str) -> bool:
    """Whether a short name is made of letters: RBWM, TfL, BathNES. BCP and MK are too short to stand alone."""
    return name.isalnum() and sum(letter.isupper() for letter in name) >= 2 and name not in _TOO_SHORT


def list_forms(organisation: Organisation) -> tuple[str, ...]:
    """What makes the name of a place that of its council: Leeds has no county council."""
    name = organisation.name.casefold()
    if organisation.type == "combined authority":
        return _COMBINED
    if organisation.type == "national park authority":
        return _PARK
    if not organisation.is_council:
        return ()
    forms = ["{} council", "{} councils", "{} local authority", "council of {}"]
    kinds = (
        (organisation.type == "metropolitan borough", _METROPOLITAN),
        (organisation.type == "London borough", _LONDON),
        (organisation.type == "Welsh council", _WELSH),
        ("royal" in name, _ROYAL),
        ("city" in name, _CITY),
        ("county council" in name or organisation.type == "county", _COUNTY),
        ("borough" in name, _BOROUGH),
        ("district" in name, _DISTRICT),
        (organisation.type == "unitary" and not re.search("city|county|district", name), _BOROUGH),
    )
    for is_so, more in kinds:
        forms += more if is_so else ()
    return tuple(dict.fromkeys(forms))


@cache
def load_register(path: Path | None = None) -> Register:
    """The register that ships in data/councils.csv, or another file of its form."""
    with (path or reference_path("councils.csv")).open(encoding="utf-8", newline="") as file:
        return Register(_read_row(row) for row in csv.DictReader(file))


def _read_row(row: Mapping[str, str]) -> Organisation:
    return Organisation(
        id=row["id"], name=row["name"], short_names=tuple(filter(None, row["short_names"].split("|"))),
        type=row["type"], nation=row["nation"], region=row["region"], website=row["website"],
        x_handle=row["x_handle"], handles_of_library=tuple(filter(None, row["library_handles"].split("|"))),
        ended=row["ended"], gss=row["gss"],
    )  # fmt: skip
