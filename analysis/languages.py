"""Which language a post is in, and whether the English rules may read it: by what is told, script and small words."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from analysis.patterns import load_word_names, load_words, straighten
from analysis.rows import SessionPost
from analysis.sentences import split_sentences

UNKNOWN = "und"
"""The language of a text that is not English, where nobody can say which."""
OTHER_LANGUAGE = "another language"
"""What a language is called whose name is not known here."""

_NO_WORDS = re.compile(r"(?:https?://|www\.|[@＠#＃])\S+")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_PARTS = re.compile(r"\n+|\s[/|•]\s")
_UNTOLD = {"", "und", "zxx", "qme", "qst", "qht", "qam", "qct", "mul"}
_CODES = {"in": "id", "iw": "he", "nb": "no", "nn": "no", "fil": "tl"}  # the platforms' other words for the same
_ENOUGH = 4  # words: the language of less is anybody's guess
_TELLING = 2  # small words of one language
_SCRIPTS = {
    "BENGALI": "bn", "CJK": "zh", "DEVANAGARI": "hi", "GREEK": "el", "GUJARATI": "gu", "GURMUKHI": "pa",
    "HANGUL": "ko", "HEBREW": "he", "HIRAGANA": "ja", "KATAKANA": "ja", "TAMIL": "ta",
}  # fmt: skip
_CLEARLY = 3  # small words that make English of what was told to be something else
_READ = 1_000  # characters that tell it
_LATIN_SHARE = 0.7


def is_english(text: str, lang: str | None = None) -> bool:
    """Whether this text may be read as English: as a whole, or a part of it, where it is bilingual.

    ``lang`` is what the platform or the author's client says; it is often wrong on short posts, so that many small
    words of a language outvote it.
    """
    words = _read_words(text)
    if not words:
        return False
    if _is_whole_english(words, _fold(lang)):
        return True
    parts = [piece.text for part in _PARTS.split(text[:_READ]) for piece in split_sentences(part)]
    return len(parts) > 1 and any(_is_clearly_english(_read_words(part)) for part in parts)


def find_language(text: str, lang: str | None = None) -> str | None:
    """The language of a text as a code ("en", "cy", "und"); None for a text with too few words to tell."""
    words = _read_words(text)
    if is_english(text, lang):
        return "en"
    counts = _count_small_words(words)
    best = min(counts, key=lambda code: (-counts[code], code), default="")
    told = _fold(lang)
    if len(words) < _ENOUGH and (told in _UNTOLD or not counts.get(told)):
        return best if len(words) > 1 and counts.get(best) == len(words) else None
    if best and counts[best] >= _TELLING and counts[best] > counts.get(told, 0):
        return best
    return _find_by_script(words[0]) if told in _UNTOLD or told == "en" else told


def _find_by_script(word: str) -> str:
    """The language whose letters hardly any other uses."""
    return _SCRIPTS.get(unicodedata.name(word[0], "").split(" ")[0].split("-")[0], UNKNOWN)


def count_unread(posts: Iterable[SessionPost]) -> dict[str, int]:
    """How many of these posts are in each language that there are no rules for; reposts count for their originals."""
    found = (find_language(post.text, post.lang) for post in posts if not post.repost_of and post.kind != "repost")
    return dict(sorted(Counter(code for code in found if code not in (None, "en")).items()))


def name_language(code: str) -> str:
    """How a language is called in a sentence: "Welsh"."""
    if code not in load_word_names("language_names"):
        return OTHER_LANGUAGE
    return next(iter(load_words(f"language_names.{code}"))).replace("-", " ")


def _read_words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(straighten(_NO_WORDS.sub(" ", text[:_READ])))]


def _fold(lang: str | None) -> str:
    code = (lang or "").lower().replace("_", "-").split("-")[0]
    return _CODES.get(code, code)


def _is_whole_english(words: Sequence[str], told: str) -> bool:
    if not _is_latin(words):
        return False
    english = _count_english(words)
    other = max(_count_small_words(words).values(), default=0)
    guessed = len(words) < _ENOUGH and not other and told != "cy"
    if told in _UNTOLD or told == "en" or guessed:
        return english >= other if english or other >= _TELLING else True
    return english >= _CLEARLY and english > 2 * other


def _is_clearly_english(words: Sequence[str]) -> bool:
    english = _count_english(words)
    other = max(_count_small_words(words).values(), default=0)
    return len(words) >= _ENOUGH and english >= _TELLING and english > 2 * other


def _count_english(words: Sequence[str]) -> int:
    return sum(map(load_words("small_words.en").__contains__, words))


def _is_latin(words: Sequence[str]) -> bool:
    return sum(word[0] <= "ɏ" for word in words) >= _LATIN_SHARE * len(words)


def _count_small_words(words: Sequence[str]) -> Mapping[str, int]:
    """How many of the words are small words of each language but English; languages without any are left out."""
    known = _load_small_words()
    counts: dict[str, int] = {}
    for word in words:
        for code in known.get(word, ()):
            counts[code] = counts.get(code, 0) + 1
    return counts


@cache
def _load_small_words() -> Mapping[str, tuple[str, ...]]:
    """The languages of each small word, English left out: most posts hold none."""
    found: dict[str, tuple[str, ...]] = {}
    for code in load_word_names("small_words"):
        if code != "en":
            for word in load_words(f"small_words.{code}"):
                found[word] = (*found.get(word, ()), code)
    return found
