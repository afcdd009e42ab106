"""What the posts of a session speak of: the words and phrases that name things, and how people write them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise

from analysis.normalising import Cleaned
from analysis.nouns import find_base, find_least_weight, find_stems, read_words, weigh_nouns
from analysis.patterns import load_word_names, load_words
from analysis.rows import SessionPost

_TAGGED = re.compile(r"([#＃]?)\b([^\W\d_]{2,})")
_NAME_PART = re.compile(r"[^\W\d_]{3,}")
_LONG = 4  # letters of a word that stands in a chat's hashtag by no accident
_PHRASE_SHARE = 0.35  # of the places of the rarer word
_TELLING, _HARDLY = 10, 1  # what a place says of how a word is written
_PLURAL_SHARE = 0.25


class Vocabulary:
    """Tells the concepts of a session: nouns by their base ("bin"), phrases of two ("alt text").

    ``posts`` are those whose own words count, ``names`` what their authors are called.
    """

    def __init__(
        self,
        posts: Sequence[SessionPost],
        cleaned: Mapping[str, Cleaned],
        tags: Collection[str],
        names: Collection[str],
    ) -> None:
        read = [read_words(cleaned[post.id].text) for post in posts]
        self._read = {post.id: [word.casefold() for word in words] for post, words in zip(posts, read, strict=True)}
        self._authors = {post.id: post.author for post in posts}
        self._weights = weigh_nouns(self._read.values())
        self._tags = " ".join(sorted(tags)).casefold()
        self._forms = _count_forms(read)
        self._noun_of: dict[str, str] = {}
        self._concepts: dict[str, frozenset[str]] = {}
        self._written: dict[str, str] = {}
        self._left_out = _load_left_out() | _find_hashtags(posts) | self._find_names(names)
        self._nouns = {find_base(word) for word in self._forms if self._names_a_theme(word)} | set(_load_families())
        self._phrases = self._find_phrases()
        self._openings = {phrase.split(" ")[0] for phrase in self._phrases}
        self._shown = self._count_shown()

    def find_concepts(self, text: str) -> frozenset[str]:
        """The concepts of a text of this session."""
        found = self._concepts.get(text)
        if found is None:
            found = self._concepts[text] = frozenset(
                concept for concept, _, _ in self._walk([word.casefold() for word in read_words(text)])
            )
        return found

    def find_theme(self, concept: str) -> str:
        """What brings concepts together: the name of their list in words.toml, else the concept itself."""
        return _load_families().get(concept, concept)

    def render(self, concept: str) -> str:
        """The concept as people mostly write it; in the plural where they often do; empty for what nobody names."""
        forms = self._shown.get(concept)
        if not forms:
            return ""
        most = min(forms, key=lambda form: (-forms[form], form))
        plurals = [form for form in forms if form.casefold().endswith("s") and find_base(form.split()[-1]) != form]
        plural = min(plurals, key=lambda form: (-forms[form], form), default=most)
        return plural if forms[plural] >= _PLURAL_SHARE * forms[most] else most

    def _walk(self, words: Sequence[str]) -> Iterator[tuple[str, int, int]]:
        """(concept, its first word, the word after its last); a word inside a phrase does not count again."""
        at = 0
        while at < len(words):
            word = words[at]
            base = find_base(word)
            pair = f"{base} {find_base(words[at + 1])}" if base in self._openings and at + 1 < len(words) else ""
            if pair in self._phrases:
                yield pair, at, at + 2
                at += 1
            else:
                concept = self._noun_of.get(word)
                if concept is None:
                    concept = self._noun_of[word] = self._find_noun(word)
                if concept:
                    yield concept, at, at + 1
            at += 1

    def _find_noun(self, word: str) -> str:
        """The concept of a word in lower case; other forms of a word count where a list brings them together."""
        base = find_base(word)
        if not word[0].isalpha():
            return ""
        if base in self._nouns:
            return base.replace("-", " ")
        if word in load_words("themes.other"):
            return ""
        return next((find_base(stem) for stem in find_stems(word) if find_base(stem) in _load_families()), "")

    def _names_a_theme(self, word: str) -> bool:
        """Whether a word in lower case can name a theme by itself."""
        base = find_base(word)
        vague = _load_vague()
        in_tag = len(base) >= _LONG and base in self._tags
        return len(word) > 2 and not in_tag and word not in vague and base not in vague and self._is_noun(word)

    def _is_shown(self, word: str) -> bool:
        """Whether a concept may be called by this word: "captions", and not "caption", where that is an instruction."""
        listed = find_base(word) in _load_families() and word not in load_words("themes.other")
        return self._is_noun(word) or (listed and word not in load_words("instructions"))

    def _is_noun(self, word: str) -> bool:
        return not self._is_left_out(word) and self._weights[find_base(word)] >= find_least_weight(word)

    def _is_left_out(self, word: str) -> bool:
        return word in self._left_out or "'" in word or not word[0].isalpha()

    def _find_names(self, names: Collection[str]) -> set[str]:
        """The parts of authors' names that people write as names: "Rose", and not the rose."""
        parts = {part.casefold() for name in names for part in _NAME_PART.findall(name)}
        found = set()
        for part in parts & self._forms.keys():
            forms = self._forms[part]
            if 2 * sum(count for form, count in forms.items() if form[0].isupper()) > sum(forms.values()):
                found.add(part)
        return found

    def _find_phrases(self) -> frozenset[str]:
        """The pairs of words that more than one person uses, and that are no chance meeting."""
        words = {word for text in self._read.values() for word in text}
        leading, following = set(filter(self._may_lead, words)), set(filter(self._may_follow, words))
        places: dict[tuple[str, str], list[str]] = {}
        singles: Counter[str] = Counter()
        for post, text in self._read.items():
            bases = list(map(find_base, text))
            singles.update(set(bases))
            pairs = zip(pairwise(bases), pairwise(text), strict=True)
            for pair in {pair for pair, (one, other) in pairs if other in following and one in leading}:
                places.setdefault(pair, []).append(post)
        found = set(_load_families())
        for pair, posts in places.items():
            rarer = min(singles[part] for part in pair)
            if len(posts) >= _PHRASE_SHARE * rarer and len({self._authors[post] for post in posts}) > 1:
                found.add(" ".join(pair))
        return frozenset(pair for pair in found if " " in pair)

    def _may_lead(self, word: str) -> bool:
        """Whether a phrase may begin with it; "caption video" and "checking comments" say what to do."""
        if self._is_left_out(word):
            return False
        return word in load_words("themes.other") or not find_least_weight(word) or self._is_noun(word)

    def _may_follow(self, word: str) -> bool:
        """Whether a phrase may end in it."""
        return word not in load_words("themes.other") and self._is_noun(word)

    def _count_shown(self) -> dict[str, Counter[str]]:
        """How each concept is written, best where it stands for itself: "bin" in "bin posts" hardly tells."""
        shown: dict[str, Counter[str]] = {}
        for words in self._read.values():
            for concept, first, last in self._walk(words):
                low = words[first:last]
                if find_base(low[-1]) == concept.split(" ")[-1] and (last - first > 1 or self._is_shown(low[0])):
                    alone = last == len(words) or self._is_left_out(words[last])
                    written = " ".join(map(self._write, low))
                    shown.setdefault(concept, Counter())[written] += _TELLING if alone else _HARDLY
        return shown

    def _write(self, word: str) -> str:
        """A word in lower case as people write it within sentences: NHS, Facebook, bins."""
        if word not in self._written:
            forms = self._forms.get(word, Counter({word: 1}))
            self._written[word] = min(forms, key=lambda form: (-forms[form], form))
        return self._written[word]


def _count_forms(texts: Collection[Sequence[str]]) -> dict[str, Counter[str]]:
    """How each word is written; whoever shouts says nothing of it, and where a sentence begins all have capitals."""
    forms: dict[str, Counter[str]] = {}
    uses: Counter[tuple[str, bool]] = Counter()
    for words in texts:
        letters = [word for word in words if word[0].isalpha()]
        if 2 * sum(word.isupper() and len(word) > 1 for word in letters) > len(letters):
            continue
        befores = zip([".", *words], words, strict=False)
        uses.update((word, before[0].isalnum()) for before, word in befores if word[0].isalpha())
    for (word, within), count in uses.items():
        form = word if within or (word.isupper() and len(word) > 1) else word.casefold()
        forms.setdefault(word.casefold(), Counter())[form] += count * (_TELLING if within else _HARDLY)
    return forms


def _find_hashtags(posts: Sequence[SessionPost]) -> set[str]:
    """The words that mostly stand as hashtags: labels of their own, not what is spoken of."""
    tagged: Counter[str] = Counter()
    bare: Counter[str] = Counter()
    for post in posts:
        for sign, word in _TAGGED.findall(post.text):
            (tagged if sign else bare)[word.casefold()] += 1
    return {word for word, count in tagged.items() if count > bare[word]}


@cache
def _load_left_out() -> frozenset[str]:
    """The words that are no part of any theme's name."""
    return load_words("themes_leave_out") | load_words("small_words.en") | load_words("themes.small")


@cache
def _load_vague() -> frozenset[str]:
    """The words that name no theme by themselves."""
    return load_words("themes.vague") | load_words("themes.other")


@cache
def _load_families() -> Mapping[str, str]:
    """The theme of each word and phrase that words.toml brings together."""
    return {
        " ".join(find_base(part) for part in word.split("-")): name
        for name in load_word_names("same_theme")
        for word in load_words(f"same_theme.{name}")
    }
