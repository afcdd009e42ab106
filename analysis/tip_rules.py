"""The rules that propose tips: instructions by their verb, everything else by the patterns of tips.rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from analysis.instructions import find_instruction
from analysis.patterns import load_rules, straighten
from archive.models import TipKind

LONGEST = 700  # characters of a sentence that the rules read: longer ones are lists of links, or mischief


@dataclass(frozen=True, slots=True)
class Hit:
    """One rule that matched, with the words it matched on."""

    rule: str
    kind: TipKind
    says: str
    words: str


def find_hits(sentence: str) -> list[Hit]:
    """The rules that one sentence matches."""
    text = straighten(sentence[:LONGEST])
    hits = []
    instruction = find_instruction(text)
    if instruction is not None:
        rule, words = instruction
        hits.append(Hit(rule, "do", "gives an instruction", words))
    for one in load_rules("tips"):
        match = one.pattern.search(text)
        if match and match[0].strip():
            words = " ".join(match[0].split())[:60].strip(" ,;:–—-")
            hits.append(Hit(one.name, cast("TipKind", one.kind), one.says, words))
    if any(hit.rule == "limit" for hit in hits):
        # "We test every post and don't publish …" puts a practice forward; its limit is no warning.
        hits = [hit for hit in hits if hit.kind != "dont"]
    return hits
