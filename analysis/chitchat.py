"""What a chat says besides its subject: greetings, thanks, applause, adverts, housekeeping, jokes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from analysis.normalising import Cleaned
from analysis.patterns import load_rule_set, straighten

_MANY_TAGS = 6  # a post that wants to be found everywhere belongs to no chat
_WEIGHTS = {"sure": 0.9, "likely": 0.8, "faint": 0.5}
_AGREEING_WORDS = 8
_AGAINST = re.compile(
    r"\b(?:terrible|awful|bad|worst|dreadful|poor|dangerous|silly|stupid|wrong|useless)"
    r" (?:advice|idea|tip|take|plan|move)\b"
    r"|\b(?:nonsense|rubbish|disagree|codswallop|baloney|nope|untrue)\b"
    r"|\b(?:don't|do not|cannot|can't) agree\b(?! more)"
    r"|\bnot (?:true|so sure|sure about|any ?more|convinced|helpful)\b"
    r"|^\W*(?:no|wrong|please don't)\b(?=[\s,.!:]*$)|[👎🙄]",
    re.IGNORECASE,
)
_LONGEST = 1_500  # characters: small talk is at the start or short


@dataclass(frozen=True, slots=True)
class Chitchat:
    """What kind of small talk a text is, with the words that say so; ``weight`` 0..1 says how surely."""

    kind: str
    words: str
    weight: float


def find_chitchat(cleaned: Cleaned) -> tuple[Chitchat, ...]:
    """The small talk in a post, surest first; empty for a post that keeps to the subject."""
    return find_small_talk(cleaned.text, cleaned.tags_count)


@lru_cache(maxsize=16_384)
def find_small_talk(text: str, tags_count: int = 0) -> tuple[Chitchat, ...]:
    """The same for a sentence or a text that is already clean."""
    straight = straighten(text[:_LONGEST])
    found = []
    for rule, match in load_rule_set("small_talk").search(straight):
        if match[0].strip():
            found.append(Chitchat(rule.name, " ".join(match[0].split())[:60], _WEIGHTS[rule.kind]))
    if tags_count >= _MANY_TAGS:
        found.append(Chitchat("advert", f"{tags_count} hashtags", 1.0))
    return tuple(sorted(found, key=lambda small: -small.weight))


def is_disagreement(text: str) -> bool:
    """Whether a comment speaks against what it stands before: "Terrible advice: RT @ann …"."""
    return bool(_AGAINST.search(straighten(text)))


def is_agreement(cleaned: Cleaned) -> bool:
    """Whether the post only agrees: "This!", "+1", "Totally agree @ann"."""
    if len(cleaned.words) > _AGREEING_WORDS or "?" in cleaned.text:
        return False
    return any(small.kind == "applause" for small in find_chitchat(cleaned))
