"""What is said of posts in languages that no tips are proposed in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from analysis.languages import OTHER_LANGUAGE, find_language, name_language
from publish.findings import KeptPost


def count_languages(posts: Iterable[KeptPost]) -> dict[str, int]:
    """How many of these posts are in each language other than English, by its name; reposts are left out."""
    codes = (find_language(post.text, post.lang) for post in posts if post.kind != "repost")
    return dict(Counter(name_language(code) for code in codes if code not in (None, "en")))


def tell_languages(counts: Mapping[str, int]) -> str | None:
    """``14 posts are in Welsh. Chatkeep proposes tips in English only so far; they are in the transcript.``

    ``counts`` are posts by the name of their language. None where there are none.
    """
    total = sum(counts.values())
    if not total:
        return None
    ordered = sorted(counts, key=lambda name: (name == OTHER_LANGUAGE, -counts[name], name))
    posts = "1 post is" if total == 1 else f"{total:,} posts are"
    if len(ordered) == 1:
        told = f"{posts} in {_name(ordered[0], total, 'other languages')}"
    else:
        parts = [f"{counts[name]:,} in {_name(name, counts[name], 'yet others')}" for name in ordered]
        told = f"{posts} in other languages: {', '.join(parts[:-1])} and {parts[-1]}"
    where = "it is" if total == 1 else "they are"
    return f"{told}. Chatkeep proposes tips in English only so far; {where} in the transcript."


def _name(name: str, count: int, several: str) -> str:
    return several if name == OTHER_LANGUAGE and count > 1 else name
