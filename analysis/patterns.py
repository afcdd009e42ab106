"""Reads the rule files (*.rules): named groups of short patterns, one a line, so that rules can be read and argued.

A file holds macros (``name = pattern``, used as ``{name}``), groups (``[name] kind: what a reader is told``) and
under each group its patterns, one a line. ``#`` opens a comment line. Case does not matter unless a pattern says
``(?-i:…)``. A pattern starts where no word runs on to it; texts come with straight apostrophes.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from analysis.prefilter import Prefilter, is_anchored

_GROUP = re.compile(r"\[(?P<name>[\w -]+)\]\s*(?P<kind>[\w -]+):\s*(?P<says>.+)")
_MACRO = re.compile(r"(?P<name>[a-z_]+) = (?P<pattern>.+)")
_USE = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class PatternRule:
    """One group of a rule file; ``lines`` are its patterns in their order."""

    name: str
    kind: str
    says: str
    lines: tuple[re.Pattern[str], ...]

    def search(self, text: str) -> re.Match[str] | None:
        """The earliest match, of the first line that has it."""
        return _find_earliest(text, self.lines)


class RuleSet:
    """The rules of a file, tried together: most texts are out of the question for most lines at a glance.

    ``prefilter`` knows their lines from the number ``first`` on.
    """

    def __init__(self, rules: Sequence[PatternRule], prefilter: Prefilter, first: int = 0) -> None:
        lines = [(rule, line) for rule in rules for line in rule.lines]
        self._searches = [(rule, line.match if is_anchored(line.pattern) else line.search) for rule, line in lines]
        self._prefilter, self._first = prefilter, first

    def search(self, text: str) -> list[tuple[PatternRule, re.Match[str]]]:
        """The rules that match, in their order, each with what PatternRule.search() gives."""
        found: dict[str, tuple[PatternRule, re.Match[str]]] = {}
        for at in self._prefilter.find_candidates(text, self._first, len(self._searches)):
            rule, search = self._searches[at]
            match = search(text)
            if match and (rule.name not in found or match.start() < found[rule.name][1].start()):
                found[rule.name] = rule, match
        return list(found.values())


@cache
def load_rules(name: str) -> tuple[PatternRule, ...]:
    """The rules of ``analysis/<name>.rules`` in the order of the file."""
    return parse_rules(files("analysis").joinpath(f"{name}.rules").read_text(encoding="utf-8"))


@cache
def load_rule_set(name: str) -> RuleSet:
    """The rules of a file, to be tried together."""
    prefilter, places = _load_prefilter()
    return RuleSet(load_rules(name), prefilter, places[name])


@cache
def _load_prefilter() -> tuple[Prefilter, dict[str, int]]:
    """One filter for the lines of all rule files, so that a text is glanced at once, and where each file's begin."""
    places: dict[str, int] = {}
    lines: list[str] = []
    for file in sorted(one.name for one in files("analysis").iterdir() if one.name.endswith(".rules")):
        name = file.removesuffix(".rules")
        places[name] = len(lines)
        lines += [line.pattern for rule in load_rules(name) for line in rule.lines]
    return Prefilter(lines), places


@cache
def load_words(name: str) -> frozenset[str]:
    """A list of ``analysis/words.toml`` by its name; those of a table by ``table.name``."""
    found = _load_word_file()
    for part in name.split("."):
        found = found[part]
    return frozenset(str(found).split())


@cache
def load_word_names(table: str) -> tuple[str, ...]:
    """The names in a table of ``analysis/words.toml``."""
    return tuple(_load_word_file()[table])


@cache
def _load_word_file() -> Any:
    return tomllib.loads(files("analysis").joinpath("words.toml").read_text(encoding="utf-8"))


def parse_rules(text: str) -> tuple[PatternRule, ...]:
    """The rules in a text. Raises ValueError for a line that is none."""
    macros: dict[str, str] = {}
    groups: list[tuple[re.Match[str], list[str]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if group := _GROUP.fullmatch(stripped):
            groups.append((group, []))
        elif (macro := _MACRO.fullmatch(line)) and not line.startswith(" "):
            macros[macro["name"]] = _expand(macro["pattern"].strip(), macros)
        elif groups and line.startswith(" "):
            groups[-1][1].append(_expand(stripped, macros))
        else:
            raise ValueError(f"line {number} is no rule: {stripped[:40]}")
    return tuple(
        PatternRule(
            group["name"],
            group["kind"],
            group["says"],
            tuple(re.compile(_begin(pattern), re.IGNORECASE) for pattern in patterns),
        )
        for group, patterns in groups
    )


def straighten(text: str) -> str:
    """The text with straight apostrophes, every character in its place."""
    return text.replace("’", "'").replace("‘", "'")


def _begin(pattern: str) -> str:
    """The pattern, starting where no word runs on to it; a class of characters may stand within one, "trolls🙃"."""
    return pattern if pattern.startswith("[") else rf"(?<!\w)(?:{pattern})"


def _find_earliest(text: str, lines: Iterable[re.Pattern[str]]) -> re.Match[str] | None:
    found = [match for line in lines if (match := line.search(text))]
    return min(found, key=lambda match: match.start(), default=None)


def _expand(pattern: str, macros: dict[str, str]) -> str:
    return _USE.sub(lambda use: macros[use[1]] if use[1] in macros else use[0], pattern)
