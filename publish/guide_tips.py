"""The sections of a guide: each kind of tip, grouped by question where there are many, each wording once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from publish import wording
from publish.findings import ChatFindings, KeptTip, SessionFindings
from publish.guide_links import find_pointer
from publish.guide_model import Group, GuideLink, Said, Section
from publish.guide_saying import is_host, say, say_once
from publish.guide_words import fold

LONGEST_QUESTION = 500  # a post's length on most platforms: headings show questions whole
_LEAST_TO_GROUP = 10
_RAREST_LAST = ("resource", "question", "do", "example", "dont", "concern")
_SECTIONS = (
    ("do", "Do"),
    ("dont", "Don't"),
    ("example", "Good examples"),
    ("concern", "Worries and problems"),
    ("question", "Questions that people asked"),
    ("resource", "Also recommended"),
)


@dataclass(frozen=True, slots=True)
class _Entry:
    """Tips of one wording: the surest of them, and what is said."""

    tip: KeptTip
    said: Said


def build_sections(
    found: ChatFindings, held: Sequence[SessionFindings], links: Sequence[GuideLink], advertisers: Collection[str]
) -> tuple[tuple[Section, ...], int]:
    """The sections that hold anything, and how many tips stand under the words of another.

    ``links`` are the addresses that the guide lists: the resources of their posts stand there.
    """
    own = [(session, _own_tips(found, session, advertisers)) for session in held]
    by_session = [(session, _entries(found, session, tips)) for session, tips in own]
    merged = sum(len(tips) for _, tips in own) - sum(len(entries) for _, entries in by_session)
    sections = []
    for kind, heading in _SECTIONS:
        ordered = [
            (session, entry)
            for session, entries in by_session
            for entry in entries
            if entry.tip.kind == kind and not (kind == "resource" and _is_listed(entry, links))
        ]
        if ordered:
            sections.append(Section(kind, heading, _group(found, ordered, several=len(held) > 1)))
    return tuple(sections), merged


def _is_listed(entry: _Entry, links: Sequence[GuideLink]) -> bool:
    """Whether the links hold it: what a person accepted in the words that they accepted, the rest by its post."""
    offered = [link.offered for link in links if link.offered.post == entry.tip.post.id]
    return any(not entry.tip.is_accepted or fold(one.text) == fold(entry.said.text) for one in offered)


def question_heading(label: str, text: str) -> str:
    """``Q3. How do you make posts accessible?``, whole."""
    return f"{label}. {wording.shorten(text, LONGEST_QUESTION)}"


def _entries(found: ChatFindings, session: SessionFindings, tips: Sequence[KeptTip]) -> list[_Entry]:
    """Each wording that answers a question under one heading: that of its surest kind, the rarer of two as sure."""
    same: dict[tuple[int | None, str], list[tuple[KeptTip, Said]]] = {}
    for tip in tips:
        parts = [session.by_id[part] for part in tip.parts if part in session.by_id]
        posts = parts if tip.post in parts else [tip.post]
        said = say(found, posts, tip.question, tip, tip.supporters)
        if tip.kind == "example":
            said = replace(said, pointer=find_pointer(tip, posts))
        same.setdefault((tip.question, fold(said.text)), []).append((tip, said))
    entries = [
        _Entry(max((tip for tip, _ in rows), key=_rank), say_once(said for _, said in rows)) for rows in same.values()
    ]
    return sorted(entries, key=_order)


def _order(entry: _Entry) -> tuple[bool, float, str]:
    """What a person accepted stands first, then the best."""
    return (not entry.tip.is_accepted, -entry.tip.score, entry.tip.id)


def _own_tips(found: ChatFindings, session: SessionFindings, advertisers: Collection[str]) -> list[KeptTip]:
    return [
        tip
        for tip in session.tips
        if tip.is_accepted or (tip.post.by.person not in advertisers and not _is_hosts_question(found, session, tip))
    ]


def _rank(tip: KeptTip) -> tuple[bool, float, int]:
    return (tip.is_accepted, tip.score, _RAREST_LAST.index(tip.kind))


def _is_hosts_question(found: ChatFindings, session: SessionFindings, tip: KeptTip) -> bool:
    """The host's own questions have a part of their own in the guide."""
    if tip.kind != "question":
        return False
    return is_host(found, tip.post.by) or any(tip.post.id in question.posts for question in session.questions)


def _group(
    found: ChatFindings, ordered: Sequence[tuple[SessionFindings, _Entry]], *, several: bool
) -> tuple[Group, ...]:
    """A short list stays whole, best first; a long one is grouped by the question that was answered."""
    if len(ordered) <= _LEAST_TO_GROUP:
        best = sorted((entry for _, entry in ordered), key=_order)
        return (Group(None, tuple(entry.said for entry in best)),)
    groups = []
    for session, rows in groupby(ordered, key=lambda row: row[0]):
        entries = [entry for _, entry in rows]
        titles = {q.number: question_heading(q.label, q.text) for q in session.questions if q.number is not None}
        for number in [*titles, None]:
            inside = [e.said for e in entries if (e.tip.question if e.tip.question in titles else None) == number]
            if inside:
                heading = titles[number] if number is not None else "Said beside the questions"
                heading = f"{heading} ({session_title(found, session)})" if several else heading
                groups.append(Group(heading, tuple(inside)))
    return tuple(groups) if len(groups) > 1 else (Group(None, groups[0].tips),)


def session_title(found: ChatFindings, session: SessionFindings) -> str:
    """``Thursday 8 October 2026, 13:00 to 14:00``; posts outside sessions say so."""
    if session.session is not None:
        return span(found, session.session.starts_at, session.session.ends_at)
    return "Posts outside sessions" if found.chat.sessions else "All posts"


def span(found: ChatFindings, starts_at: str, ends_at: str) -> str:
    """From when to when, on the chat's own clock."""
    start, end = found.local(starts_at), found.local(ends_at)
    if start is None or end is None:
        return f"{starts_at} to {ends_at}"
    last = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%A} {end.day} {end:%B %Y}, {end:%H:%M}"
    return f"{start:%A} {start.day} {start:%B %Y}, {start:%H:%M} to {last}"
