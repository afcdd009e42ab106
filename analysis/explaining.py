"""Says in words what the ranker weighed: why a sentence is shown, and what spoke for and against it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable
from functools import cache
from importlib.resources import files

from analysis.patterns import load_rules, load_words
from analysis.ranking import Model, Score
from archive.models import TIP_KIND_NAMES, TipKind

_KIND_NAMES: dict[str, str] = {str(kind): name for kind, name in TIP_KIND_NAMES.items()}
_MOST_SAID = 3
_WORDS_SHOWN = 2


def render_score(score: Score) -> str:
    """A score in words, for a reader who asks why: the number, what spoke for it, and what against."""
    ups = _list_said(name for name, weight in score.parts if weight > 0)
    downs = _list_said(name for name, weight in score.parts if weight < 0)
    said = [f"for: {'; '.join(ups)}"] if ups else []
    said += [f"against: {'; '.join(downs)}"] if downs else []
    return f"{score.value:.2f} ({'. '.join(said)})" if said else f"{score.value:.2f}"


def render_likeness(model: Model, kind: TipKind, signals: Collection[str]) -> str:
    """The reason for a tip that no rule knows: the words that such tips use."""
    parts = [name for name, weight in model.explain(kind, signals).parts if weight > 0]
    words = [name.partition(":")[2] for name in parts if name.startswith(("word:", "first:"))]
    shown = [word for word in dict.fromkeys(words) if _tells(word)][:_WORDS_SHOWN]
    quoted = " and ".join(f"'{word}'" for word in shown)
    name = TIP_KIND_NAMES[kind].lower()
    return f"reads like a {name}: {quoted}" if quoted else f"stands where a {name} is likely"


def _tells(words: str) -> bool:
    """Whether words say something to a reader: more than "the" or "and each"."""
    return bool(
        set(re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", words)) - load_words("small_words.en") - load_words("unsaid")
    )


def _list_said(names: Iterable[str]) -> list[str]:
    """The strongest signals in words, each once."""
    said: dict[str, None] = {}
    for name in names:
        said.setdefault(render_signal(name))
        if len(said) == _MOST_SAID:
            break
    return list(said)


@cache
def render_signal(name: str) -> str:
    """One signal in words."""
    group, _, rest = name.partition(":")
    phrases = _load_phrases()
    if name in phrases:
        return phrases[name]
    if group == "rule":
        return next((rule.says for rule in load_rules("tips") if rule.name == rest), rest)
    return phrases.get(group, "{}").replace("{}", _KIND_NAMES.get(rest, rest))


@cache
def _load_phrases() -> dict[str, str]:
    found = tomllib.loads(files("analysis").joinpath("signals.toml").read_text(encoding="utf-8"))["phrases"]
    return {str(name): str(phrase) for name, phrase in found.items()}
