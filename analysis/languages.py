"""Whether the English rules may read a text: by the language given, the script and the small words."""

from __future__ import annotations

import re
from functools import cache

from analysis.patterns import load_word_names, load_words

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_UNTOLD = {"", "und", "zxx", "qme", "qst", "qht", "qam", "qct", "mul"}


def is_english(text: str, lang: str | None = None) -> bool:
    """Whether this text may be read as English.

    ``lang`` is what the platform or the author's client says; it is often wrong on short posts, so that many small
    words of a language outvote it.
    """
    words = [word.lower().replace("’", "'") for word in _WORD.findall(text)]
    if not words:
        return False
    latin = sum(word[0] <= "ɏ" for word in words)
    if latin < 0.7 * len(words):
        return False
    english = sum(word in load_words("small_words.en") for word in words)
    foreign = [word for word in words if word in _load_foreign()]
    other = max((sum(word in small for word in foreign) for small in _load_others()), default=0) if foreign else 0
    told = (lang or "").lower().split("-")[0]
    if told in _UNTOLD or told == "en":
        return english >= other if english or other >= 2 else True
    return english >= 3 and english > 2 * other


@cache
def _load_others() -> tuple[frozenset[str], ...]:
    return tuple(load_words(f"small_words.{name}") for name in load_word_names("small_words") if name != "en")


@cache
def _load_foreign() -> frozenset[str]:
    """The small words of all languages but English together: most posts hold none."""
    return frozenset[str]().union(*_load_others())
