"""Reads the rule files (*.rules): named groups of short patterns, one a line, so that rules can be read and argued.

A file holds macros (``name = pattern``, used as ``{name}``), groups (``[name] kind: what a reader is told``) and
under each group its patterns, one a line. ``#`` opens a comment line. Case does not matter unless a pattern says
``(?-i:…)``. A pattern starts where no word runs on to it; texts come with straight apostrophes.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

_GROUP = re.compile(r"\[(?P<name>[\w -]+)\]\s*(?P<kind>[\w -]+):\s*(?P<says>.+)")
_MACRO = re.compile(r"(?P<name>[a-z_]+) = (?P<pattern>.+)")
_USE = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class PatternRule:
    """One group of a rule file."""

    name: str
    kind: str
    says: str
    pattern: re.Pattern[str]


@cache
def load_rules(name: str) -> tuple[PatternRule, ...]:
    """The rules of ``analysis/<name>.rules`` in the order of the file."""
    return parse_rules(files("analysis").joinpath(f"{name}.rules").read_text(encoding="utf-8"))


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
            re.compile(_join(patterns), re.IGNORECASE),
        )
        for group, patterns in groups
    )


def straighten(text: str) -> str:
    """The text with straight apostrophes, every character in its place."""
    return text.replace("’", "'").replace("‘", "'")


def _join(patterns: list[str]) -> str:
    """One pattern of many; one that begins with a class of characters may stand within a word, "trolls🙃"."""
    anywhere = [pattern for pattern in patterns if pattern.startswith("[")]
    at_words = [pattern for pattern in patterns if not pattern.startswith("[")]
    parts = [r"(?<!\w)(?:" + "|".join(at_words) + ")"] if at_words else []
    return "|".join(parts + anywhere)


def _expand(pattern: str, macros: dict[str, str]) -> str:
    return _USE.sub(lambda use: macros[use[1]] if use[1] in macros else use[0], pattern)
