"""Writes a post's text as X sends it: escaped, its addresses shortened, and the entities with their places in it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from archive.models import normalise_tag

Json = dict[str, Any]

MARKS = re.compile(
    r"(?P<link>https?://[^\s<>]*[^\s<>.,;:!?)'\"])|(?<![\w&/])[#＃](?P<tag>\w+)|(?<![\w@])@(?P<handle>\w{1,30})"
)
_NAMES = {"link": "urls", "tag": "hashtags", "handle": "mentions"}
_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def hashed(text: str) -> int:
    """A number for a text, the same in every run."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def letters(text: str, count: int) -> str:
    """``count`` letters for a text, the same in every run."""
    number, found = hashed(text), ""
    for _ in range(count):
        number, digit = divmod(number, len(_LETTERS))
        found += _LETTERS[digit]
    return found


@lru_cache(maxsize=50_000)
def tags_in(text: str) -> frozenset[str]:
    """The hashtags that a search finds a wording by."""
    return frozenset(normalise_tag(match["tag"]) for match in MARKS.finditer(text) if match["tag"])


def marks_in(text: str) -> set[str]:
    """Which of hashtags, links and mentions stand in a text, as X's ``has:`` calls them."""
    names = {"tag": "hashtags", "link": "links", "handle": "mentions"}
    return {names[match.lastgroup] for match in MARKS.finditer(text) if match.lastgroup}


def handles_in(text: str) -> list[str]:
    """The handles that a text names, folded, each once."""
    return list(dict.fromkeys(match["handle"].casefold() for match in MARKS.finditer(text) if match["handle"]))


def composed(source: str, tail: list[Json], accounts: Mapping[str, Json]) -> tuple[str, Json]:
    """The text and its entities, counted in characters of the escaped text as X does.

    ``tail`` are the addresses that X puts at the end; ``accounts`` the mention entities by folded handle, since X
    makes one only of an account that exists.
    """
    out, last = "", 0
    found: Json = {}
    for match in MARKS.finditer(source):
        out += _escape(source[last : match.start()])
        shown, entity = _entity(match, accounts)
        if entity is not None:
            name = _NAMES[match.lastgroup or ""]
            found.setdefault(name, []).append({"start": len(out), "end": len(out) + len(shown), **entity})
        out, last = out + shown, match.end()
    out += _escape(source[last:])
    for url in tail:
        out += " " if out else ""
        found.setdefault("urls", []).append({"start": len(out), "end": len(out) + len(url["url"]), **url})
        out += url["url"]
    return out, found


def short_url(expanded: str) -> Json:
    """The t.co address of a link, the same in every run, without its place."""
    bare = expanded.partition("://")[2].removeprefix("www.")
    return {
        "url": f"https://t.co/{letters(expanded, 10)}",
        "expanded_url": expanded,
        "display_url": bare if len(bare) <= 27 else bare[:26] + "…",
    }


def _entity(match: re.Match[str], accounts: Mapping[str, Json]) -> tuple[str, Json | None]:
    """How a link, tag or mention is shown, and what X says of it."""
    if match["link"]:
        url = short_url(match["link"])
        return url["url"], url
    if match["tag"]:
        return match[0], {"tag": match["tag"]}
    return match[0], accounts.get(match["handle"].casefold())


def length(text: str) -> int:
    """How long X finds a text: an escaped character counts as one."""
    return len(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
