"""Promotion and spam: posts that use the chat to sell, and authors who post nothing else. They give no tips."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from analysis.chitchat import find_chitchat
from analysis.normalising import Cleaned
from analysis.patterns import load_rule_set, straighten
from analysis.rows import SessionPost

_EMOJI = re.compile(r"[\U0001F300-\U0001FAFF\u2600-\u27BF\u2B50]")
_SHOUTED = re.compile(r"\b[A-Z]{4,}\b")
_MANY_EMOJI, _MANY_SHOUTED, _STRANGE_TAGS = 3, 2, 2
_ENOUGH = 3  # points; words that only sell are two, so that they alone condemn nobody
_TAKES_PART = 2  # more points needed where the post answers a question or speaks to somebody


def find_promotions(
    posts: Sequence[SessionPost], cleaned: Mapping[str, Cleaned], hosts: Collection[str]
) -> dict[str, str]:
    """The posts that promote, each with the reason. A host's announcements are none.

    Who posts only what promotes, or only links with nothing to anybody beside it, promotes with every post.
    """
    people: dict[str, set[str]] = {}
    for post in posts:
        for tag in post.tags or _read_tags(post.text):
            people.setdefault(tag.casefold(), set()).add(post.author)
    found: dict[str, str] = {}
    silent: dict[str, list[SessionPost]] = {}
    for post in posts:
        if post.author in hosts or post.is_host:
            continue
        strange = sum(len(people[tag.casefold()]) == 1 for tag in set(post.tags or _read_tags(post.text)))
        reason = _find_reason(post, cleaned[post.id], strange)
        if reason:
            found[post.id] = reason
        silent.setdefault(post.author, []).append(post)
    for own in silent.values():
        sells = sum(post.id in found for post in own)
        if sells * 2 >= len(own) and not any(_takes_part(post, cleaned[post.id]) for post in own):
            found |= {post.id: "its author posts nothing but promotion" for post in own if post.id not in found}
    return {post.id: found[post.id] for post in posts if post.id in found}


def find_promoters(posts: Sequence[SessionPost], promotions: Collection[str]) -> frozenset[str]:
    """The authors all of whose posts promote: their links are worth nobody's time."""
    counts = Counter(post.author for post in posts)
    selling = Counter(post.author for post in posts if post.id in promotions)
    return frozenset(author for author, count in selling.items() if count == counts[author])


def _find_reason(post: SessionPost, cleaned: Cleaned, strange_tags: int) -> str:
    linked = bool(post.links) or cleaned.links_count > 0
    if not linked and _takes_part(post, cleaned):
        return ""
    text = straighten(post.text)
    words = [match[0] for _, match in load_rule_set("promotion").search(text) if match[0].strip()]
    adverts = [small for small in find_chitchat(cleaned) if small.kind == "advert"]
    if not words and not (adverts and post.links):
        return ""
    points = 2 * len(words) + len(adverts)
    points += linked
    points += len(_EMOJI.findall(text)) >= _MANY_EMOJI
    points += len(_SHOUTED.findall(text)) >= _MANY_SHOUTED
    points += strange_tags >= _STRANGE_TAGS
    if points < _ENOUGH + _TAKES_PART * _takes_part(post, cleaned):
        return ""
    return f"promotes: '{' '.join((words or [adverts[0].words])[0].split())}'"


def _takes_part(post: SessionPost, cleaned: Cleaned) -> bool:
    """Whether a post speaks to the chat: it is marked as an answer, or replies to somebody."""
    return bool(cleaned.marks) or post.kind == "reply" or bool(post.reply_to)


def _read_tags(text: str) -> list[str]:
    return re.findall(r"#(\w+)", text)
