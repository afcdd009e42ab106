"""Themes of a session: the things that several people's tips speak of, named in the words that people used."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from analysis.theme_words import Vocabulary

_FEWEST, _MOST = 4, 20
_LEAST_POSTS, _LEAST_PEOPLE = 3, 2
_LEAST_PEOPLE_A_WORD = 3  # for a word that is in no list and no phrase
_LABEL_WORDS, _TERMS = 3, 10
_SHARED = 0.5  # of the smaller theme's tips: from there on two are one
_MOST_SHARE, _SMALL = 0.2, 6  # a single word in more tips than that says what the chat is about, not a theme
_EVEN, _OFTEN = 0.85, 8  # a word spread like that over the questions is the chat's own word


@dataclass(frozen=True, slots=True, kw_only=True)
class ThemeTip:
    """What themes need to know of a tip.

    ``person`` is who said it, ``placed`` the theme that a person put it in.
    """

    id: str
    post: str
    person: str
    text: str
    score: float = 0.0
    support_count: int = 0
    question: str | None = None
    placed: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """``terms`` are its strongest words; ``posts`` and ``tips`` are all of its, ``post`` and ``tip`` stand for it."""

    id: str
    label: str
    terms: tuple[str, ...]
    posts: tuple[str, ...]
    post: str | None
    tips: tuple[str, ...] = ()
    tip: str | None = None
    named_by: Literal["words", "person"] = "words"
    pinned: bool = False
    hint: str | None = None


@dataclass(slots=True)
class _Group:
    """The concepts of one theme in the making, its tips, and the posts of those that spoke of it at first (``core``).

    ``beside`` are concepts that mostly go with it: they may stand in its name, and bring it no tips.
    """

    key: str
    concepts: list[str]
    rows: Collection[int]
    core: frozenset[str]
    beside: list[str] = field(default_factory=list)


def find_themes(session: str, tips: Sequence[ThemeTip], vocabulary: Vocabulary) -> tuple[Theme, ...]:
    """The themes of these tips, the largest first; a tip has one theme or none, and few tips have none at all.

    Pure, whatever order the tips come in.
    """
    ordered = sorted(tips, key=lambda tip: tip.id)
    spoken = [vocabulary.find_concepts(tip.text) for tip in ordered]
    groups = _choose(ordered, spoken, vocabulary)
    themes = [_build_theme(session, group, ordered, spoken, vocabulary) for group in groups]
    return tuple(sorted(themes, key=lambda theme: (-len(theme.tips), theme.id)))


def _choose(tips: Sequence[ThemeTip], spoken: Sequence[Collection[str]], vocabulary: Vocabulary) -> list[_Group]:
    """The groups that most people's tips speak of, with their tips; what mostly goes with one of them joins it."""
    chosen: list[_Group] = []
    most = min(max(round(math.sqrt(len(tips) / 2)), _FEWEST), _MOST)
    tries = 2 * most
    for group in _list_candidates(tips, spoken, vocabulary):
        near = next((one for one in chosen if len(group.core & one.core) > _SHARED * len(group.core)), None)
        if near:
            near.beside += group.concepts
        elif len(chosen) < most and tries:
            tries -= 1
            chosen.append(group)
            if len(chosen) == most:  # a theme that loses its tips to others leaves room for the next
                _share_out(chosen, tips, spoken)
    _share_out(chosen, tips, spoken)
    return chosen


def _list_candidates(
    tips: Sequence[ThemeTip], spoken: Sequence[Collection[str]], vocabulary: Vocabulary
) -> list[_Group]:
    concepts: dict[str, set[str]] = {}
    rows: dict[str, set[int]] = {}
    for row, said in enumerate(spoken):
        for concept in said:
            if vocabulary.render(concept):
                key = vocabulary.find_theme(concept)
                concepts.setdefault(key, set()).add(concept)
                rows.setdefault(key, set()).add(row)
    answers = Counter(tip.question for tip in tips if tip.question)
    found = []
    for key in sorted(rows):
        single = concepts[key] == {key} and " " not in key
        if _is_carried(rows[key], tips, single=single) and not (single and _is_general(rows[key], tips, answers)):
            found.append(_Group(key, sorted(concepts[key]), rows[key], frozenset(tips[row].post for row in rows[key])))
    return sorted(found, key=lambda one: (-_count_people(one.rows, tips), -len(one.core), one.key))


def _is_carried(rows: Collection[int], tips: Sequence[ThemeTip], *, single: bool = False) -> bool:
    posts = {tips[row].post for row in rows}
    least = _LEAST_PEOPLE_A_WORD if single else _LEAST_PEOPLE
    return len(posts) >= _LEAST_POSTS and _count_people(rows, tips) >= least


def _is_general(rows: Collection[int], tips: Sequence[ThemeTip], answers: Mapping[str, int]) -> bool:
    """Whether a word is everywhere: in many tips, or as often under one question as under another."""
    if len(rows) > max(_SMALL, _MOST_SHARE * len(tips)):
        return True
    uses = Counter(tips[row].question for row in rows if tips[row].question)
    if len(answers) < 3 or sum(uses.values()) < _OFTEN:
        return False
    shares = [uses[question] / count for question, count in sorted(answers.items()) if uses[question]]
    total = sum(shares)
    return -sum(share / total * math.log(share / total) for share in shares) > _EVEN * math.log(len(answers))


def _count_people(rows: Collection[int], tips: Sequence[ThemeTip]) -> int:
    return len({tips[row].person for row in rows})


def _share_out(groups: list[_Group], tips: Sequence[ThemeTip], spoken: Sequence[Collection[str]]) -> None:
    """Gives each tip to the theme that it speaks of most; a theme left with too few goes, and its tips to others."""
    while True:
        shares: dict[int, list[int]] = {at: [] for at in range(len(groups))}
        places: dict[str, list[int]] = {}
        for at, group in enumerate(groups):
            for concept in group.concepts:
                places.setdefault(concept, []).append(at)
        for row, said in enumerate(spoken):
            claims = Counter(at for concept in said for at in places.get(concept, ()))
            if claims:
                shares[min(claims, key=lambda at: (-claims[at], at))].append(row)
        for at, group in enumerate(groups):
            group.rows = shares[at]
        small = [group for group in groups if not _is_carried(group.rows, tips)]
        if not small:
            return
        groups.remove(min(small, key=lambda group: (len(group.rows), group.key)))


def _claim(group: _Group, said: Collection[str]) -> int:
    """Of how many of the theme's things a tip speaks."""
    return sum(concept in said for concept in group.concepts)


def _build_theme(
    session: str, group: _Group, tips: Sequence[ThemeTip], spoken: Sequence[Collection[str]], vocabulary: Vocabulary
) -> Theme:
    members = [tips[row] for row in group.rows]
    said = _count_posts(group.rows, tips, spoken)
    label = _find_label(group, said, vocabulary)
    best = max(
        group.rows,
        key=lambda row: (_claim(group, spoken[row]), tips[row].support_count, tips[row].score, tips[row].id),
    )
    digest = hashlib.sha256(f"{session}\x1f{group.key}".encode()).hexdigest()[:12]
    return Theme(
        id=f"{session}-theme-{digest}",
        label=", ".join(label),
        terms=_find_terms(group, label, said, vocabulary),
        posts=tuple(sorted({tip.post for tip in members})),
        post=tips[best].post,
        tips=tuple(tip.id for tip in members),
        tip=tips[best].id,
    )


def _find_label(group: _Group, said: Counter[str], vocabulary: Vocabulary) -> list[str]:
    """The things most spoken of, none of them twice: "alt text, captions"; one thing alone takes what goes with it."""
    most = max(said[concept] for concept in group.concepts)
    own = [concept for concept in group.concepts if said[concept] >= min(most, max(2, most / 4))]
    beside = [concept for concept in group.beside if said[concept] >= most / 2]
    label: list[str] = []
    for part, room in ((own, _LABEL_WORDS), (beside, _LABEL_WORDS - 1)):
        for concept in sorted(part, key=lambda one: (-said[one], one)):
            words = vocabulary.render(concept)
            if words and len(label) < room and not _repeats(words, label):
                label.append(words)
    return label


def _repeats(words: str, label: Sequence[str]) -> bool:
    """Whether a label says it already: "fund" beside "funding", "local plan" beside "plan"."""
    used = [part for one in label for part in one.casefold().split()]
    own = words.casefold().split()
    return any(first.startswith(other) or other.startswith(first) for first in own for other in used)


def _find_terms(group: _Group, label: Sequence[str], said: Counter[str], vocabulary: Vocabulary) -> tuple[str, ...]:
    """The label's words, the theme's other words, and what else two of its posts speak of."""
    own = group.concepts + group.beside
    ordered = sorted(own, key=lambda concept: (-said[concept], concept))
    others = [concept for concept, count in said.items() if count > 1 and concept not in own]
    ordered += sorted(others, key=lambda concept: (-said[concept], concept))
    terms = [*label, *(vocabulary.render(concept) for concept in ordered if said[concept])]
    return tuple(dict.fromkeys(filter(None, terms)))[:_TERMS]


def _count_posts(rows: Collection[int], tips: Sequence[ThemeTip], spoken: Sequence[Collection[str]]) -> Counter[str]:
    """In how many posts of these tips each concept stands."""
    return Counter(concept for concept, _ in {(one, tips[row].post) for row in rows for one in spoken[row]})
