"""Which words of some texts name things: told from the small words around them, without a dictionary."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from analysis.patterns import load_words, straighten

_TOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|\d+|[^\w\s]|\n")
_OFTEN = 2  # times a pair of words must stand together
_SHARE = 0.5  # of the rarer word's places


def read_words(text: str) -> list[str]:
    """The words and marks of a text in lower case."""
    return _TOKEN.findall(straighten(text).casefold())


def find_others(texts: Iterable[Collection[str]]) -> frozenset[str]:
    """The words that these texts use as verbs or adjectives more than as nouns; ``texts`` come from read_words."""
    score: Counter[str] = Counter()
    verbs = load_words("instructions")
    for words in texts:
        for before, word, after in _walk(words):
            score[word] += _judge(before, after, is_verb=word in verbs)
    return frozenset(word for word, total in score.items() if total < _least(word))


def find_phrase(word: str, texts: Iterable[Collection[str]], left_out: Collection[str]) -> str:
    """The word with the neighbour that it mostly stands beside, "alt text", or the word alone."""
    beside: Counter[tuple[str, str]] = Counter()
    count = 0
    for words in texts:
        if word not in words:
            continue
        for before, here, after in _walk(words):
            if here != word:
                continue
            count += 1
            for pair in ((before, here), (here, after)):
                if all(part.isalpha() and part not in left_out for part in pair):
                    beside[pair] += 1
    best = min(beside, key=lambda pair: (-beside[pair], pair), default=None)
    if best is None or beside[best] < _OFTEN or beside[best] < _SHARE * count:
        return word
    return " ".join(best)


def _walk(words: Collection[str]) -> Iterator[tuple[str, str, str]]:
    """(word before, word, word after); a mark stands where a sentence begins or ends."""
    row = [".", *words, "."]
    for at in range(1, len(row) - 1):
        if row[at].isalpha():
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


def _least(word: str) -> int:
    """The evidence a word needs: one that looks like a form of a verb or an adverb more than others."""
    return 2 if word.endswith(("ing", "ed", "ly", "n't")) or word in load_words("instructions") else 0
