"""Near-duplicates: posts of real sessions said again in the ways in which people do, and found or not."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from analysis.duplicates import Echo, group_duplicates
from analysis.normalising import normalise
from analysis.rows import SessionPost
from archive.times import shift
from benchmarks.figures import Figure, build_f1, find_wilson
from benchmarks.labelled import LabelledChat

_LEAST_WORDS = 8
_CUT_AT = 140  # characters of a repost by hand in the years of 140
_LIGHT = {
    "great": "good", "use": "using", "students": "pupils", "help": "helps", "really": "very", "and": "&",
    "need": "have", "people": "folk", "make": "makes", "think": "believe", "because": "as", "with": "w/",
    "you": "u", "are": "r",
}  # fmt: skip


def score_duplicates(chats: Sequence[LabelledChat]) -> list[Figure]:
    """The table's rows."""
    right = extra = missed = 0
    counts: dict[str, list[int]] = {}
    for chat in chats:
        posts, made = _mix(chat)
        tags = set(chat.rows.chat.hashtags)
        cleaned = {post.id: normalise(post.text, tags) for post in posts}
        plain = group_duplicates(chat.rows.posts, cleaned)
        echoes = group_duplicates(posts, cleaned)
        for name, post, of in made:
            hit = post in echoes and echoes[post].of == of
            counts.setdefault(name, []).append(hit)
            right += hit
            missed += not hit
            extra += post in echoes and not hit
        extra += sum(post not in {p for _, p, _ in made} and post not in plain for post in echoes)
    figures = [build_f1("near-duplicates, all ways together: F1", right, extra, missed, ".95")]
    for name, hits in counts.items():
        aim = ".97" if name == "truncated repost" else ""
        share = sum(hits) / len(hits)
        figures.append(
            Figure(f"near-duplicates, {name}: recall", share, len(hits), *find_wilson(sum(hits), len(hits)), aim)
        )
    return figures


def _mix(chat: LabelledChat) -> tuple[list[SessionPost], list[tuple[str, str, str]]]:
    """The posts of a session with others that say some of them again, and (way, post, what it says again)."""
    chance = random.Random(chat.name)
    tags = set(chat.rows.chat.hashtags)
    cleaned = {post.id: normalise(post.text, tags) for post in chat.rows.posts}
    echoes = group_duplicates(chat.rows.posts, cleaned)
    long = [
        post for post in chat.rows.posts
        if len(cleaned[post.id].words) >= _LEAST_WORDS and post.id not in echoes and post.id not in _represent(echoes)
    ]  # fmt: skip
    made, posts = [], list(chat.rows.posts)
    for at, post in enumerate(long):
        name, change = _WAYS[at % len(_WAYS)]
        again = replace(
            post, id=f"{post.id}-again", author=f"{post.author}-again", kind="post", reply_to=None, reply_author=None,
            posted_at=shift(post.posted_at, minutes=chance.randint(1, 30)), text=change(post.text, chance),
        )  # fmt: skip
        posts.append(again)
        made.append((name, again.id, post.id))
    return sorted(posts, key=lambda post: (post.posted_at, post.id)), made


def _represent(echoes: Mapping[str, Echo]) -> set[str]:
    return {echo.of for echo in echoes.values()}


def _cut(text: str, _: random.Random) -> str:
    whole = f"RT @someone: {text}"
    return whole if len(whole) <= _CUT_AT else f"{whole[: _CUT_AT - 1]}…"


def _reword(text: str, chance: random.Random) -> str:
    words = text.split()
    places = [at for at, word in enumerate(words) if word.lower() in _LIGHT][:2]
    for at in places:
        words[at] = _LIGHT[words[at].lower()]
    if len(places) < 2 and len(words) > _LEAST_WORDS:
        del words[chance.randrange(1, len(words) - 1)]
    return " ".join(words)


def _comment(text: str, chance: random.Random) -> str:
    said = chance.choice(("This!", "So true.", "Agree with all of this", "Yes, every word"))
    return f"{said} RT @someone: {text}"


def _retag(text: str, chance: random.Random) -> str:
    without = " ".join(word for word in text.split() if not word.startswith(("#", "http")))
    return f"{without} #{chance.choice(('commshour', 'tips', 'edchat'))} https://t.co/{chance.randrange(10**9)}"


_WAYS: tuple[tuple[str, Callable[[str, random.Random], str]], ...] = (
    ("truncated repost", _cut),
    ("repost with a comment", _comment),
    ("other tags or links", _retag),
    ("light rewording", _reword),
    ("the same words", lambda text, _: text),
)
