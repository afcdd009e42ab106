"""Which words of some texts name things: told from the small words around them, without a dictionary."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from analysis.patterns import load_words, straighten

# "easy-read" and "don't" are one word; handles and addresses are none.
_TOKEN = re.compile(r"[^\W\d_]+(?:[-'][^\W\d_]+)*|\d+|[^\w\s]|\n")
_HANDLE = re.compile(r"[@＠][\w.]+(?:@[\w.\-]+)?|(?:https?://|www\.)\S+")
_SIBILANT_PLURAL = re.compile(r"(?:s|x|z|ch|sh)es$")
_ENDINGS = ("ing", "ed", "er", "es", "s", "d")
_MARK = "."
# What the words on either side of a word tell: one of the first four before it, the others after it.
_SUBJECT, _QUALITY, _LEADS_IN, _OPENS, _ENDS, _IN_FRONT = (1 << place for place in range(6))


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
    """How much speaks for each word, by its base, being used as a noun; ``texts`` come from read_words, in lower case.

    A mark stands where a sentence begins or ends.
    """
    uses: Counter[tuple[str, int]] = Counter()
    for text in texts:
        before = _MARK
        for word, after in zip(text, [*text[1:], _MARK], strict=True):
            if word[0].isalpha():
                uses[word, _judge_before(before) | _judge_after(after)] += 1
            before = word
    verbs = load_words("instructions")
    weight: Counter[str] = Counter()
    for (word, beside), count in uses.items():
        weight[find_base(word)] += count * _judge(beside, is_verb=word in verbs)
    return weight


@lru_cache(maxsize=50_000)
def find_least_weight(word: str) -> int:
    """What must speak for a word in lower case: more where it looks like a form of a verb or an adverb."""
    verbs = load_words("instructions")
    doubtful = word.endswith(("ing", "ed", "ly")) or word in verbs or any(stem in verbs for stem in find_stems(word))
    return 2 if doubtful else 1


@lru_cache(maxsize=50_000)
def _judge_before(word: str) -> int:
    """What the word before says, as flags."""
    for flag, name in ((_SUBJECT, "subject"), (_QUALITY, "quality"), (_LEADS_IN, "before")):
        if word in load_words(f"around_nouns.{name}"):
            return flag
    return 0 if word[:1].isalnum() else _OPENS


@lru_cache(maxsize=50_000)
def _judge_after(word: str) -> int:
    """What the word after says, as flags."""
    follows = word in load_words("around_nouns.after")
    small = _IN_FRONT if word in load_words("around_nouns.before") else 0
    return small | (_ENDS if follows or not word[:1].isalnum() else 0)


def _judge(beside: int, *, is_verb: bool) -> int:
    """How much the words beside it speak for a word being a noun."""
    ends = beside & _ENDS
    if beside & _SUBJECT:
        return -2
    if beside & _QUALITY:
        return -1
    if beside & _LEADS_IN:
        return 2 if ends else 0
    opens = beside & _OPENS
    if is_verb and (opens or beside & _IN_FRONT):
        return -2
    return 1 if ends and not opens and not is_verb else 0
