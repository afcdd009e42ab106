"""The themes of a session as they are shown: found in its tips, with what people decided, and where they came up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from analysis.questions import Question
from analysis.reading import Reading
from analysis.theme_decisions import apply_theme_decisions
from analysis.theme_words import Vocabulary
from analysis.themes import Theme, ThemeTip, find_themes
from archive.decisions import Decision

_OFTEN = 2  # posts under a question: from there on it is no chance


def build_themes(reading: Reading, tips: Sequence[ThemeTip], decisions: Sequence[Decision] = ()) -> tuple[Theme, ...]:
    """The themes of these tips, which are neither rejected nor questions. Pure, whatever order they come in."""
    rows = reading.rows
    posts = [post for post in rows.posts if post.id in reading.posts]
    names = [name for author in rows.authors.values() for name in (author.name, author.handle) if name]
    vocabulary = Vocabulary(posts, reading.cleaned, rows.chat.hashtags, names + [post.handle or "" for post in posts])
    found = find_themes(rows.session.id, tips, vocabulary)
    themes = apply_theme_decisions(found, decisions, rows.session.id, tips, {post.id for post in rows.posts})
    names_of = {question.id: question for question in reading.threads.questions}
    return tuple(replace(theme, hint=find_hint(theme, tips, names_of)) for theme in themes)


def find_hint(theme: Theme, tips: Sequence[ThemeTip], questions: Mapping[str, Question]) -> str | None:
    """Where a theme came up beside the question that it mostly belongs to; None where it keeps to one."""
    own = set(theme.tips)
    places = {(tip.question, tip.post) for tip in tips if tip.id in own and tip.question in questions}
    counts = Counter(question for question, _ in places if question)
    order = sorted(counts, key=lambda one: (-counts[one], questions[one].number or 0, questions[one].part, one))
    others = sorted(
        (questions[one] for one in order[1:] if counts[one] >= _OFTEN),
        key=lambda one: (one.number or 0, one.part, one.id),
    )
    if not others:
        return None
    return f"mostly under {questions[order[0]].name}; also came up under {_join([one.name for one in others])}"


def _join(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
