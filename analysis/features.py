"""What is known of a sentence besides the rules that it matches: its tone, its length, its post's place in the chat."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from analysis.chitchat import find_chitchat, find_small_talk
from analysis.instructions import find_instruction
from analysis.normalising import Cleaned
from analysis.patterns import load_rule_set, straighten
from analysis.questions import Question
from analysis.rows import SessionPost
from analysis.tip_rules import Hit
from archive.models import TIP_KINDS, TipKind

# A link to a post, a picture or a shortener says nothing about what it leads to.
_LEADS_NOWHERE = re.compile(
    r"^https?://(?:t\.co|bit\.ly|(?:[\w-]+\.)?(?:twitter|x)\.com|pic\.twitter\.com|bsky\.app)(?:/|$)", re.IGNORECASE
)
_HOST = re.compile(r"^https?://(?:www\.)?([^/?#]+)", re.IGNORECASE)
_QUOTED = re.compile(r"[\"“][^\"”]*[\"”]|(?<!\w)'[^']{8,}'(?!\w)")
_ASKING = re.compile(
    r"\b(?:how|what|which|who|where|when|why|do|does|did|is|are|can|could|would|should|have|has|any|anyone|curious|"
    r"wondering|tips on|advice on)\b",
    re.IGNORECASE,
)
# "Ask three residents: what did you take from it?" tells what to ask; "Share yours: what works?" does ask.
_ASKED_OF_OTHERS = re.compile(r"(?::|(?<=ask yourself)|(?<=ask yourselves)|(?<=ask them))\s[^:]*\?.*", re.IGNORECASE)
_ASKS_THE_CHAT = re.compile(
    r"^\W*(?:please\s+)?(?:share|tell (?:me|us)|help|name|give|describe|explain|let|answer me|post|list)\b",
    re.IGNORECASE,
)
_WHOLE_POST = frozenset(("roll-call", "housekeeping", "advert", "introduction", "sarcasm"))
_NO_FEATURES = frozenset(("continues", "rhetorical"))
_TINY, _SHORT, _LONG = 3, 6, 12  # words of a sentence
_POPULAR = 2  # reposts, as the platform counts them


@dataclass(frozen=True, slots=True)
class Context:
    """A post's place in the chat, as far as it says something about its worth as a tip.

    ``link`` is marked, linked or unlinked; ``wanted`` and ``tones`` are what the question asks for and how.
    ``parent_asks``: what it replies to or quotes is a participant's question. ``places``: where in the original text
    each question's own answer begins, for a post that answers several.
    """

    question: Question | None = None
    link: str = "unlinked"
    is_host: bool = False
    agreed_with: bool = False
    parent_asks: bool = False
    places: tuple[tuple[int, Question], ...] = ()
    wanted: frozenset[TipKind] = frozenset()
    tones: frozenset[str] = frozenset()


@lru_cache(maxsize=512)
def find_wanted(question: str) -> tuple[frozenset[TipKind], frozenset[str]]:
    """The kinds that a question asks for by its words ("what mistakes …": don'ts), and its tones (how, feelings …)."""
    text = straighten(question)
    names = {rule.name for rule, _ in load_rule_set("asking").search(text)}
    return frozenset(kind for kind in TIP_KINDS if kind in names), frozenset(names - set(TIP_KINDS))


def is_question(sentence: str) -> bool:
    """Whether a sentence really asks: not "right?", not "how are you?", not a question that it quotes."""
    text = _leave_out_quoted(sentence)
    if "?" not in text or len(re.findall(r"\w+", text)) < 4:
        return False
    return "rhetorical" not in find_tones(sentence) and bool(_ASKING.search(text))


def _leave_out_quoted(sentence: str) -> str:
    """The sentence without what others say in it: quotations, and the question that it advises to ask."""
    text = straighten(sentence)
    if "?" not in text:
        return text
    text = _QUOTED.sub("", text)
    if find_instruction(text) and not _ASKS_THE_CHAT.match(text):
        text = _ASKED_OF_OTHERS.sub("", text)
    return text


@lru_cache(maxsize=16_384)
def find_tones(sentence: str) -> frozenset[str]:
    """The tones of a sentence by name: wish, feeling, praise, negated …"""
    text = straighten(sentence)
    return frozenset(rule.name for rule, _ in load_rule_set("tones").search(text))


def find_lead(post: SessionPost) -> str | None:
    """The site that a post's first link leads to, where it says so: not a shortener, a picture or another post."""
    host = _HOST.match(find_address(post) or "")
    return host[1] if host else None


@lru_cache(maxsize=4_096)
def find_telling(sentence: str) -> frozenset[str]:
    """Whether a sentence only tells, shows a practice, or tells of a failure: tells, practised, failed."""
    text = straighten(sentence)
    return frozenset(rule.name for rule, _ in load_rule_set("telling").search(text))


def find_address(post: SessionPost) -> str | None:
    """The post's first link that says where it leads."""
    return next((link for link in post.links if _HOST.match(link) and not _LEADS_NOWHERE.match(link)), None)


def find_post_features(post: SessionPost, cleaned: Cleaned, context: Context) -> frozenset[str]:
    """The features that hold for every sentence of a post."""
    features = {context.link}
    features |= {small.kind for small in find_chitchat(cleaned) if small.kind in _WHOLE_POST}
    if context.link != "unlinked":
        features |= {f"wanted_{kind}" for kind in context.wanted} | context.tones
    tests = {
        "host": context.is_host,
        "agreed_with": context.agreed_with,
        "parent_asks": context.parent_asks,
        "reply": post.kind == "reply" or bool(post.reply_author),
        "quote": post.kind == "quote" or (cleaned.ends_in_link and not post.links),
        "reposted": post.reposts_count >= _POPULAR,
        "link_out": find_lead(post) is not None,
        "link_inside": cleaned.links_count > int(cleaned.ends_in_link),
        "link_last": cleaned.ends_in_link and not post.links,
    }
    return frozenset(features | {name for name, holds in tests.items() if holds})


def find_sentence_features(sentence: str, hits: Sequence[Hit]) -> set[str]:
    """The features of one sentence."""
    words = len(sentence.split())
    features = {small.kind for small in find_small_talk(sentence)} | find_tones(sentence) - _NO_FEATURES
    if any(hit.rule in {"worth", "if_you", "limit"} for hit in hits):
        features.discard("negated")
    tests = {
        "tiny": words < _TINY,
        "short": _TINY <= words < _SHORT,
        "long": words >= _LONG,
        "asking": "?" in _leave_out_quoted(sentence),
    }
    return features | {name for name, holds in tests.items() if holds}
