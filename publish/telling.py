"""What a post says on a page that shows the best of a chat: addresses in full, without marks that say nothing there."""

from __future__ import annotations

import json
import re
import sqlite3
from functools import lru_cache

from analysis.marks import parse_marks
from publish.wording import clean, web_url

_LONGEST = 5_000
_OWN_PICTURE = re.compile(r"https?://(?:x|twitter)\.com/[^/\s]+/status/\d+/(?:photo|video)/\d+")
_MENTIONS = re.compile(r"(?:[@＠][\w.-]+(?:@[\w.-]+)?[\s,:]+)+(?=\S)")


def expanded(text: str, links: str | None) -> str:
    """The text with full addresses for shortened ones, as far as the platform said where they lead.

    ``links`` is a JSON list of [as written, expanded] pairs. The address of a post's own picture is left out.
    """
    for written, full in sorted(_pairs(links), key=lambda pair: -len(pair[0])):
        text = text.replace(written, "" if _OWN_PICTURE.fullmatch(full) else full)
    return (clean(text) or "").strip()


def told(text: str, number: int | None, hashtags: str, links: str | None) -> str:
    """An answer's own words: without its mark (A1:), whom it addresses, and the chat's hashtag at either end.

    ``number`` is the question's. Cut where it is longer than any page shows.
    """
    whole = expanded(text[:_LONGEST], links)
    at_start, at_end = _tags_at_ends(hashtags)
    words = at_end.sub("", whole)
    for _ in range(2):  # the hashtag and the names stand before the mark, or behind it
        words = _MENTIONS.sub("", words, count=1) if _MENTIONS.match(words) else words
        words = at_start.sub("", words, count=1)
        marks, begins = parse_marks(words)
        words = words[begins:] if any(mark.number == number for mark in marks) else words
    return words.strip() or whole


@lru_cache(maxsize=256)
def _tags_at_ends(hashtags: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What finds the chat's hashtags where a text begins, and where it ends."""
    names = "|".join(re.escape(str(tag)) for tag in json.loads(hashtags)) or "(?!)"
    tag = rf"[#＃](?:{names})(?!\w)"
    return re.compile(rf"\A(?:{tag}[\s:,–—-]*)+", re.IGNORECASE), re.compile(rf"(?:\s+{tag})+\s*\Z", re.IGNORECASE)


def _pairs(links: str | None) -> list[tuple[str, str]]:
    found = json.loads(links) if links else []
    return [(written, safe) for written, full in found if written and full != written and (safe := web_url(full))]


def register(conn: sqlite3.Connection) -> None:
    """Gives the connection these functions under their own names."""
    conn.create_function("expanded", 2, expanded, deterministic=True)
    conn.create_function("told", 4, told, deterministic=True)
