"""How posts and tips become something said in a guide: readable words, whose they are, and the same words once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from publish.findings import Byline, ChatFindings, KeptPost, KeptTip, SessionFindings
from publish.guide_model import ACCEPTED, NOT_REVIEWED, Said, Voice
from publish.guide_words import readable

_NUMBERED = re.compile(r"(?<![\w/.])(\d{1,2})\s?/\s?(\d{1,2}|n|x)(?![\w/])", re.IGNORECASE)
_EDITS = {  # as analysis ends the reason of what a person accepted, and as a guide says it
    "the post no longer has these words": "the post was edited since, and no longer has these words",
    "the post now seems to say the opposite": "the post was edited since, and now seems to say the opposite",
}
_MARK_STANDS_IN = 40  # characters at the start, after whom the post addresses and what it answers


def say(
    found: ChatFindings,
    posts: Sequence[KeptPost],
    number: int | None,
    tip: KeptTip | None = None,
    support: tuple[Byline, ...] = (),
) -> Said:
    """The words of these posts of one author, or of the tip in them; the first is the one to link to."""
    first = posts[0]
    tags, threaded = found.chat.hashtags, len(posts) > 1
    if tip is not None:
        words = readable(first.expand(tip.text), number, tags) or tip.text
    else:
        words = "\n".join(
            readable(post.expand(post.text), number, tags, in_thread=threaded) or post.text for post in posts
        )
    return Said(
        text=words, by=first.by, at=found.local(first.posted_at), url=first.url, post=first.id,
        posts=tuple(post.id for post in posts), support=support,
        review=ACCEPTED if tip and tip.is_accepted else NOT_REVIEWED, edit=_tell_edit(tip) if tip else "",
    )  # fmt: skip


def _tell_edit(tip: KeptTip) -> str:
    return next((words for ending, words in _EDITS.items() if tip.is_accepted and tip.reason.endswith(ending)), "")


def say_once(same: Iterable[Said]) -> Said:
    """One entry for equal words: of who said them first, naming the others who did."""
    first, *others = sorted(same, key=lambda said: (said.at is None, str(said.at), said.post))
    named = {first.by.person}
    also = []
    support = {by.person: by for by in first.support}
    for other in others:
        support.update((by.person, by) for by in other.support)
        if other.by.person not in named:
            named.add(other.by.person)
            also.append(Voice(other.by, other.at, other.url, other.post))
    review = max((said.review for said in (first, *others)), key=lambda one: one != NOT_REVIEWED)
    pointer = next((said.pointer for said in (first, *others) if said.pointer), None)
    return replace(first, also=tuple(also), support=tuple(support.values()), review=review, pointer=pointer)


def is_host(found: ChatFindings, by: Byline) -> bool:
    """Whether the settings name this account as a host."""
    account = f"{by.platform}:{by.handle or ''}".casefold()
    return any(host.replace(":@", ":").casefold() == account for host in found.chat.hosts)


def find_threads(session: SessionFindings) -> dict[str, tuple[str, ...]]:
    """For each post that is one part of several, all the parts in order: as its author numbered them (1/3, 2/3)."""
    open_threads: dict[tuple[str, str], list[str]] = {}
    threads: list[list[str]] = []
    for post in session.posts:
        found = _NUMBERED.search(post.text[:_MARK_STANDS_IN]) or _NUMBERED.search(post.text[-12:])
        if found is None or post.kind == "repost":
            continue
        number, key = int(found[1]), (post.by.author, found[2].casefold())
        if number == 1:
            open_threads[key] = [post.id]
            threads.append(open_threads[key])
        elif len(open_threads.get(key, ())) == number - 1:
            open_threads[key].append(post.id)
    return {part: tuple(parts) for parts in threads if len(parts) > 1 for part in parts}
