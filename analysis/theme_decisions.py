"""What people decided of themes, laid over those that were found: a name, a pin and a merger outlive every rebuild."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from analysis.themes import Theme, ThemeTip
from archive.decisions import Decision, find_current

_POSTS_COUNT, _ALIKE = 2, 0.3  # what shared posts count beside shared terms, and from where on two are one theme
_TERMS = 10


@dataclass(frozen=True, slots=True)
class _Anchor:
    """A theme as a person saw it."""

    label: str
    terms: tuple[str, ...]
    posts: tuple[str, ...]


@dataclass(slots=True)
class _Decided:
    """One theme that people decided on. ``merged_into`` is the theme that they put it into, by its id."""

    id: str
    anchor: _Anchor
    label: str | None = None
    pinned: bool = False
    merged_into: str | None = None
    theme: Theme | None = field(default=None, compare=False)


def build_theme_anchor(theme: Theme, session: str, into: Theme | None = None) -> dict[str, Any]:
    """What a decision on a theme stores to find it again; ``into`` is the theme that it is merged into."""
    anchor: dict[str, Any] = {
        "session": session, "label": theme.label, "terms": list(theme.terms), "posts": sorted(theme.posts),
    }  # fmt: skip
    return anchor | ({"into": build_theme_anchor(into, session)} if into else {})


def apply_theme_decisions(
    themes: Sequence[Theme],
    decisions: Sequence[Decision],
    session: str,
    tips: Sequence[ThemeTip],
    posts: Collection[str],
) -> tuple[Theme, ...]:
    """The themes of a session with what people decided of them; ``posts`` are those that still exist.

    A decided theme is found again by its posts and terms, and keeps its id, name and pin. One that nothing resembles
    any more lives on from its anchor. A tip that a person put into a theme stands there.
    """
    decided = _read_decided(decisions, session)
    rest = _match(themes, decided)
    standing = [one for one in decided if one.theme or _keep_alive(one, posts)]
    found = [*(one.theme for one in standing if one.theme), *rest]
    shared = _share_out(found, {one.id for one in standing}, tips)
    merged = _merge(shared, {one.id: one.merged_into for one in decided if one.merged_into})
    return tuple(sorted(merged, key=lambda theme: (-len(theme.tips), theme.id)))


def _read_decided(decisions: Sequence[Decision], session: str) -> list[_Decided]:
    """The decided themes of the session by id, each as it was last seen; and those that others were merged into."""
    current = find_current(decisions, "theme")
    order = {id(decision): at for at, decision in enumerate(decisions)}
    found: dict[str, _Decided] = {}
    targets: dict[str, _Anchor] = {}
    for (subject, name), decision in sorted(current.items(), key=lambda pair: order[id(pair[1])]):
        anchor = _read_anchor(decision.anchor)
        if anchor is None or decision.anchor.get("session") != session:
            continue
        one = found.setdefault(subject, _Decided(subject, anchor))
        one.anchor = anchor
        if name == "label":
            one.label = decision.value
        elif name == "pinned":
            one.pinned = decision.value == "yes"
        elif name == "merged_into" and not _closes_circle(found, subject, decision.value):
            one.merged_into = decision.value
            if target := _read_anchor(decision.anchor.get("into")):
                targets[decision.value] = target
    for subject, anchor in targets.items():
        found.setdefault(subject, _Decided(subject, anchor))
    return [found[subject] for subject in sorted(found)]


def _read_anchor(stored: object) -> _Anchor | None:
    """An anchor as it was stored; None for what is none."""
    if not isinstance(stored, Mapping) or not isinstance(stored.get("label"), str):
        return None
    lists = [stored.get(name) for name in ("terms", "posts")]
    terms, posts = (tuple(str(one) for one in listed) if isinstance(listed, list) else () for listed in lists)
    return _Anchor(stored["label"], terms, posts)


def _closes_circle(found: Mapping[str, _Decided], subject: str, into: str | None) -> bool:
    """Whether a theme would be merged into itself, by whatever way: the mergers that came before stand."""
    while into is not None:
        if into == subject:
            return True
        into = found[into].merged_into if into in found else None
    return False


def _match(themes: Sequence[Theme], decided: Sequence[_Decided]) -> list[Theme]:
    """Gives each decided theme the found one that it resembles most, the likest pairs first; gives back the rest."""
    pairs = sorted(
        (-_find_likeness(one, theme), one.id, theme.id, at, number)
        for at, one in enumerate(decided)
        for number, theme in enumerate(themes)
    )
    taken: set[int] = set()
    for likeness, _, _, at, number in pairs:
        if -likeness >= _ALIKE and number not in taken and decided[at].theme is None:
            taken.add(number)
            decided[at].theme = _name(themes[number], decided[at])
    return [theme for number, theme in enumerate(themes) if number not in taken]


def _find_likeness(one: _Decided, theme: Theme) -> float:
    """From 0 to 1 by shared posts and terms, and 1 more where it is built round the same thing as before."""
    posts = _find_overlap(one.anchor.posts, theme.posts)
    terms = _find_overlap(_fold(one.anchor.terms), _fold(theme.terms))
    return (_POSTS_COUNT * posts + terms) / (_POSTS_COUNT + 1) + (one.id == theme.id)


def _find_overlap(first: Iterable[str], second: Iterable[str]) -> float:
    one, other = set(first), set(second)
    return len(one & other) / len(one | other) if one | other else 0.0


def _fold(words: Iterable[str]) -> set[str]:
    return {word.casefold() for word in words}


def _name(theme: Theme, one: _Decided) -> Theme:
    """The theme under its decided id; a pinned one keeps the name under which it was pinned."""
    named = replace(theme, id=one.id, pinned=one.pinned, label=one.anchor.label if one.pinned else theme.label)
    return replace(named, label=one.label, named_by="person") if one.label else named


def _keep_alive(one: _Decided, posts: Collection[str]) -> bool:
    """Rebuilds a decided theme from its anchor; False where no post of it is left."""
    left = tuple(sorted(post for post in one.anchor.posts if post in posts))
    if not left:
        return False
    theme = Theme(id=one.id, label=one.anchor.label, terms=one.anchor.terms, posts=left, post=left[0])
    one.theme = _name(theme, one)
    return True


def _share_out(themes: Sequence[Theme], decided: Collection[str], tips: Sequence[ThemeTip]) -> list[Theme]:
    """Gives each tip one theme: where a person put it, where it was found, else the decided theme of its post.

    What lives on from an anchor takes the tips of its posts from themes that nobody decided on.
    """
    place: dict[str, str] = {}
    for theme in sorted(themes, key=lambda theme: (theme.id in decided, bool(theme.tips), theme.id)):
        for tip in tips:
            if tip.id in theme.tips or (not theme.tips and tip.post in theme.posts):
                place[tip.id] = theme.id
    known = {theme.id for theme in themes}
    place.update((tip.id, tip.placed) for tip in tips if tip.placed in known)
    shared = []
    for theme in themes:
        own = [tip for tip in tips if place.get(tip.id) == theme.id]
        if own or theme.id in decided:
            shared.append(_fill(theme, own, kept=theme.posts if not theme.tips else ()))
    return shared


def _fill(theme: Theme, tips: Sequence[ThemeTip], kept: Collection[str] = ()) -> Theme:
    """The theme with these tips; the one that stands for it stays where it is still there."""
    best = next((tip for tip in tips if tip.id == theme.tip), None) or max(tips, key=_rank, default=None)
    posts = tuple(sorted({*(tip.post for tip in tips), *kept}))
    return replace(
        theme,
        tips=tuple(sorted(tip.id for tip in tips)),
        posts=posts,
        tip=best.id if best else None,
        post=best.post if best else next(iter(posts), None),
    )


def _rank(tip: ThemeTip) -> tuple[int, float, str]:
    return tip.support_count, tip.score, tip.id


def _merge(themes: Sequence[Theme], into: Mapping[str, str]) -> list[Theme]:
    """Puts themes into those that a person merged them with; what has no such theme stands alone."""
    standing = {theme.id: theme for theme in themes}
    for subject in sorted(standing):
        target = _follow(subject, into, standing)
        if target == subject:
            continue
        own, other = standing[target], standing[subject]
        standing[target] = replace(
            own,
            tips=tuple(sorted({*own.tips, *other.tips})),
            posts=tuple(sorted({*own.posts, *other.posts})),
            terms=tuple(dict.fromkeys((*own.terms, *other.terms)))[:_TERMS],
        )
    return [standing[theme.id] for theme in themes if _follow(theme.id, into, standing) == theme.id]


def _follow(theme: str, into: Mapping[str, str], standing: Collection[str]) -> str:
    """The last standing theme on the way of mergers."""
    found = theme
    while theme in into:
        theme = into[theme]
        found = theme if theme in standing else found
    return found
