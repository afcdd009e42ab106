"""Which words of some texts name things: told from the small words around them, without a dictionary."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from analysis.patterns import load_words, straighten

# "easy-read" and "don't" are one word; handles and addresses are none.
_TOKEN = re.compile(r"[^\W\d_]+(?:[-'][^\W\d_]+)*|\d+|[^\w\s]|\n")
_HANDLE = re.compile(r"[@＠][\w.]+(?:@[\w.\-]+)?|(?:https?://|www\.)\S+")
_SIBILANT_PLURAL = re.compile(r"(?:s|x|z|ch|sh)es$")
_ENDINGS = ("ing", "ed", "er", "es", "s", "d")


def read_words(text: str) -> list[str]:
    """The words and marks of a text as they are written, with a mark where a handle or an address stands."""
    return _TOKEN.findall(straighten(_HANDLE.sub("@", text)))


@lru_cache(maxsize=50_000)
def find_base(word: str) -> str:
    """The word in the singular, in lower case: "Policies" and "policy" have one base."""
    word = word.casefold()
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and _SIBILANT_PLURAL.search(word):
        return word[:-2]
    plural = len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is", "'s"))
    return word[:-1] if plural else word


@lru_cache(maxsize=50_000)
def find_stems(word: str) -> tuple[str, ...]:
    """What a word in lower case may be a form of: "planned" of "plan" and "planne"."""
    stems: list[str] = []
    for ending in _ENDINGS:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 2:
            stems += [stem, stem + "e"] + ([stem[:-1]] if stem[-1] == stem[-2] else [])
    return tuple(dict.fromkeys(stems))


def weigh_nouns(texts: Iterable[Sequence[str]]) -> Counter[str]:
    """How much speaks for each word, by its base, being used as a noun; ``texts`` come from read_words."""
    weight: Counter[str] = Counter()
    for text in texts:
        for before, word, after in _walk(text):
            weight[find_base(word)] += _judge(before, after, is_verb=word in load_words("instructions"))
    return weight


@lru_cache(maxsize=50_000)
def find_least_weight(word: str) -> int:
    """What must speak for a word in lower case: more where it looks like a form of a verb or an adverb."""
    verbs = load_words("instructions")
    doubtful = word.endswith(("ing", "ed", "ly")) or word in verbs or any(stem in verbs for stem in find_stems(word))
    return 2 if doubtful else 1


def _walk(words: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """(word before, word, word after) in lower case; a mark stands where a sentence begins or ends."""
    row = [".", *(word.casefold() for word in words), "."]
    for at in range(1, len(row) - 1):
        if row[at][0].isalpha():
            yield row[at - 1], row[at], row[at + 1]


def _judge(before: str, after: str, *, is_verb: bool) -> int:
    small = load_words("around_nouns.before"), load_words("around_nouns.after")
    ends = not after[:1].isalnum() or after in small[1]
    if before in load_words("around_nouns.subject"):
        return -2
    if before in load_words("around_nouns.quality"):
        return -1
    if before in small[0]:
        return 2 if ends else 0
    opens = not before[:1].isalnum()
    if is_verb and (opens or after in small[0]):
        return -2
    return 1 if ends and not opens and not is_verb else 0
