"""The rules that propose tips: instructions by their verb, everything else by the patterns of tips.rules."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import cast

from analysis.instructions import find_instruction
from analysis.patterns import load_rule_set, straighten
from archive.models import TipKind

# "We test every post and don't publish …": what a practice leaves out.
_LIMIT = re.compile(r"\b(?:and|but) (?:then |also )?(?:we |i )?(?:don't|do not|never|avoid|won't)\b", re.IGNORECASE)
# "I don't think you should stop using it" warns of nothing, nor does "How do I get them to stop?".
_DENIED = re.compile(
    r"\b(?:(?:don't|do not|didn't|doesn't|wouldn't|can't|cannot) (?:\w+ )?"
    r"(?:think|believe|say|mean|see why|agree|suggest)"
    r"|not (?:saying|suggesting|sure))\b[^.!?]{0,40}\b(?:stop|avoid|never|ban|drop|quit|ditch)",
    re.IGNORECASE,
)
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
    for one, match in load_rule_set("tips").search(text):
        if match[0].strip():
            words = " ".join(match[0].split())[:60].strip(" ,;:–—-")
            hits.append(Hit(one.name, cast("TipKind", one.kind), one.says, words))
    if _DENIED.search(text) or text.rstrip().endswith("?"):
        hits = [hit for hit in hits if hit.kind != "dont"]
    return _read_limit(text, hits)


def _read_limit(text: str, hits: list[Hit]) -> list[Hit]:
    """The hits where a practice is put forward with its limit: one practice, and no warning."""
    practice = next((hit for hit in hits if hit.rule == "practice"), None)
    opening = practice.words if practice else ""
    if not practice or not text.lstrip().startswith(opening) or not _LIMIT.search(text, len(opening)):
        return hits
    limited = Hit("limit", "do", "puts forward their own practice and its limit", opening)
    return [limited, *(hit for hit in hits if hit.kind != "dont" and hit is not practice)]
