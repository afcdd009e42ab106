"""How well councils are found behind handles and profiles: precision and recall with their intervals.

Run ``python -m benchmarks.quality_councils FOLDER [--errors]``: FOLDER is the folder of fixtures with councils/ in it.

What is measured on what, and how independent it is:

- *accounts as shipped*: the handles of the fixtures. The register in data/ holds most of these very accounts, so this
  says that the register is read well, and no more.
- *handles alone*: the same handles with the register's accounts emptied: only what a handle itself says. The short
  forms of places in analysis/places.py were written by somebody who had seen this list.
- *names in a profile*: the spellings of mySociety's list, each in a sentence of our own. The register's short names
  come from the same list, so this too says how well they are read.
- *own handles*: accounts written down from memory of how councils name theirs, before the rules were; what they missed
  was then read while the rules grew.
- *own profiles*: people, councils and traps of our own writing with fictional names; the rules were built on one half
  and only scored on the other, but one person wrote both.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from analysis.organisations import LIKELY, Match, Register, find_organisations, load_register
from analysis.rows import SessionAuthor
from benchmarks.figures import Figure, find_wilson

_PROFILES = Path(__file__).with_name("council_profiles.csv")
_SAYS_COUNCIL = re.compile(r"council|cyngor|authority|comhairle|corporation", re.IGNORECASE)
# How the list of library accounts names councils where no other list does so.
_ALSO_CALLED = {
    "kingston upon hull city council": "khl", "middlesbrough council": "mdb", "blackpool council": "bpl",
    "enfield council": "enf", "wirral metropolitan borough council": "wrl", "barnet libraries": "bne",
    "neath port talbot libraries": "ntl", "london royal borough of greenwich": "gre", "tameside libraries": "tam",
    "herefordshire county council": "hef", "south tyneside metropolitan borough council": "sty",
    "wandsworth borough council": "wnd", "windsor and maidenhead borough council": "wnm",
    "newcastle upon tyne city council": "net",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """A profile and what is right for it: each element of ``right`` is met by any of its organisations."""

    author: SessionAuthor
    right: tuple[frozenset[str], ...]


def score_councils(folder: Path) -> list[Figure]:
    """The table's rows about councils. ``folder`` holds councils/ of the fixtures."""
    shipped = load_register()
    bare = empty_accounts(shipped)
    handles, named, own = _load_handles(folder, shipped), _load_names(folder, shipped), _load_own()
    traps = [case for half in ("build", "score") for case in own[half] if not case.right]
    sets: list[tuple[str, Register, list[Case], bool]] = [
        ("handles and profiles, accounts as shipped", shipped, [*handles, *own["build"], *own["score"]], True),
        ("handles and profiles, accounts emptied", bare, [*handles, *own["build"], *own["score"]], True),
        ("handles alone, accounts emptied", bare, [*handles, *traps], False),
        ("own handles, accounts emptied", bare, own["handles"], False),
        ("names in a profile, accounts emptied", bare, [*named, *traps], False),
        ("own profiles, built on", bare, own["build"], False),
        ("own profiles, only scored on", bare, own["score"], False),
        ("own profiles, only scored on, accounts as shipped", shipped, own["score"], False),
    ]
    return [figure for name, register, cases, is_aim in sets for figure in _score(name, register, cases, is_aim)]


def empty_accounts(register: Register) -> Register:
    """The register without any account on X, so that only names, profiles, websites and domains count."""
    return Register(replace(one, x_handle="", handles_of_library=()) for one in register.by_id.values())


def list_errors(folder: Path) -> Iterator[str]:
    """What is missed and what is wrongly found with the register's accounts emptied, a line each."""
    shipped = load_register()
    bare = empty_accounts(shipped)
    own = _load_own()
    cases = {"fixtures": _load_handles(folder, shipped), "names": _load_names(folder, shipped), **own}
    for name, some in cases.items():
        for case in some:
            found = _find(case, bare)
            missed = [right for right in case.right if not right & found]
            wrong = found - frozenset().union(*case.right)
            for kind, what in (("missed", missed), ("wrong", wrong)):
                if what:
                    author = case.author
                    yield f"{name}\t{kind}\t{author.handle}\t{author.name or ''}\t{author.bio or ''}\t{what}"


def _score(name: str, register: Register, cases: Iterable[Case], is_aim: bool) -> Iterator[Figure]:
    found_count = right_count = met_count = wanted_count = 0
    for case in cases:
        found = _find(case, register)
        found_count += len(found)
        right_count += len(found & frozenset().union(*case.right))
        wanted_count += len(case.right)
        met_count += sum(bool(right & found) for right in case.right)
    for what, hits, n, aim in (
        ("precision", right_count, found_count, ".97"), ("recall", met_count, wanted_count, ".85"),
    ):  # fmt: skip
        yield Figure(
            f"councils, {name}: {what}", hits / n if n else 0.0, n, *find_wilson(hits, n), aim if is_aim else ""
        )


def _find(case: Case, register: Register) -> frozenset[str]:
    matches: tuple[Match, ...] = find_organisations([case.author], register)
    return frozenset(match.organisation for match in matches if match.confidence >= LIKELY)


def _load_handles(folder: Path, register: Register) -> list[Case]:
    """The accounts of councils and of their libraries; several names of one account are all right."""
    named, by_gss = _load_codes(folder, register), {o.gss: o.id for o in register.by_id.values() if o.gss}
    right: dict[str, set[str]] = {}
    written: dict[str, str] = {}
    with (folder / "councils" / "council_twitter_handles_derived.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            handle = row["twitter"].casefold()
            if not handle:
                continue
            known = by_gss.get(row["gss"]) or named.get(_plain(row["name"]))
            written.setdefault(handle, row["twitter"])
            right.setdefault(handle, set()).update([known] if known else [])
    later = _load_later(folder)
    for ids in right.values():
        ids.update(*(later.get(one, ()) for one in tuple(ids)))
    return [
        Case(SessionAuthor(id=f"x:{handle}", platform="x", handle=written[handle]), (frozenset(ids),) if ids else ())
        for handle, ids in right.items()
    ]


def _load_names(folder: Path, register: Register) -> list[Case]:
    """Each spelling of a council's name that says that it is one, in the profile of a person who works there."""
    codes: dict[str, set[str]] = {}
    with (folder / "councils" / "mysociety" / "lookup_name_to_registry.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            known = f"council:{row['local-authority-code'].casefold()}"
            if known in register.by_id and _SAYS_COUNCIL.search(row["la-name"]):
                codes.setdefault(row["la-name"], set()).add(known)
    return [
        Case(
            SessionAuthor(id=f"x:{n}", platform="x", handle=f"person{n}", bio=f"Comms officer at {name}. Views mine"),
            (frozenset(ids),),
        )
        for n, (name, ids) in enumerate(sorted(codes.items()))
    ]


def _load_later(folder: Path) -> dict[str, set[str]]:
    """The councils that took over from those that ended, and their accounts with them."""
    with (folder / "councils" / "mysociety" / "uk_local_authorities.csv").open(encoding="utf-8", newline="") as file:
        return {
            f"council:{row['local-authority-code'].casefold()}": {
                f"council:{code.strip().casefold()}" for code in re.split(r"[,|;/ ]+", row["replaced-by"]) if code
            }
            for row in csv.DictReader(file)
            if row["replaced-by"]
        }


def _load_codes(folder: Path, register: Register) -> dict[str, str]:
    named = {_plain(one.name): one.id for one in register.by_id.values()}
    named |= {name: f"council:{code}" for name, code in _ALSO_CALLED.items()}
    with (folder / "councils" / "mysociety" / "lookup_name_to_registry.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            known = f"council:{row['local-authority-code'].casefold()}"
            if known in register.by_id:
                named.setdefault(_plain(row["la-name"]), known)
    return named


def _load_own() -> dict[str, list[Case]]:
    halves: dict[str, list[Case]] = {"build": [], "score": [], "handles": []}
    with _PROFILES.open(encoding="utf-8", newline="") as file:
        for n, row in enumerate(csv.DictReader(file)):
            author = SessionAuthor(
                id=f"{row['platform']}:{n}", platform=row["platform"], handle=row["handle"],
                name=row["name"] or None, bio=row["bio"] or None, url=row["url"] or None,
            )  # fmt: skip
            right = tuple(frozenset((one,)) for one in row["organisations"].split("|") if one)
            halves[row["half"]].append(Case(author, right))
    return halves


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace("&", "and").split())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--errors", action="store_true")
    asked = parser.parse_args()
    for one in score_councils(asked.folder):
        print(f"{one.measure:72} {one.value:.3f}  n={one.n:<5} {one.low:.3f}-{one.high:.3f}  {one.aim}")
    if asked.errors:
        print(*list_errors(asked.folder), sep="\n")
