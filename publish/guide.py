"""The guide of a chat as a model: what its readers want first, with who said it and where it can be read."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

from publish import wording
from publish.findings import ChatFindings, SessionFindings, load_findings
from publish.guide_answers import build_questions
from publish.guide_links import build_links, find_advertisers
from publish.guide_model import Capture, Guide
from publish.guide_people import build_participants
from publish.guide_recap import build_recaps
from publish.guide_tips import build_sections, session_title, span
from publish.language_words import count_languages


def build_guide(conn: sqlite3.Connection, chat_slug: str) -> Guide:
    """The guide of everything that was said in a chat. Raises UsageError for an unknown or not yet analysed chat."""
    found = load_findings(conn, chat_slug)
    chat = found.chat
    held = [session for session in found.sessions if session.posts]
    posts = [post for session in held for post in session.posts]
    advertisers = find_advertisers(found, held)
    links = build_links(found, held, advertisers)
    sections, merged = build_sections(found, held, links, advertisers)
    questions = build_questions(found, held, advertisers)
    recaps = build_recaps(conn, found, held, advertisers)
    participants, unnamed, others = build_participants(found, held, advertisers)
    said = [tip for section in sections for tip in section.tips]
    said += [line for recap in recaps for _, line in recap.lines]
    said += [answer for question in questions for answer in question.best] + [link.offered for link in links]
    return Guide(
        title=chat.title,
        description=chat.description,
        hashtags=chat.hashtags,
        timezone=chat.timezone,
        hosts=_name_hosts(chat.hosts),
        dates=_list_dates(found, held),
        day=_find_day(found, held),
        recaps=recaps,
        sections=sections,
        questions=questions,
        links=links,
        participants=participants,
        unnamed_count=unnamed,
        others_count=others,
        posts_count=len(posts),
        merged_count=merged,
        languages=count_languages(posts),
        removed_count=found.removed_count,
        next_session=_find_next(found),
        captures=tuple(_build_capture(found, session) for session in held),
        sources=tuple(sorted(frozenset[str]().union(*(one.sources for one in said)))),
    )


def _list_dates(found: ChatFindings, held: Sequence[SessionFindings]) -> tuple[str, ...]:
    """The sittings; where none is known, from when to when the posts reach."""
    named = tuple(session_title(found, session) for session in held if session.session)
    if named or not held:
        return named
    first, last = (wording.local_day(moment, found.chat.timezone) for moment in _reach(held))
    return (first if first == last else f"{first} to {last}",)


def _find_day(found: ChatFindings, held: Sequence[SessionFindings]) -> date | None:
    """The day of the only sitting, or of all posts where no sitting is known."""
    if not held or len(held) > 1:
        return None
    only = held[0].session
    start, end = map(found.local, (only.starts_at, only.ends_at) if only else _reach(held))
    return start.date() if start and end and (only or start.date() == end.date()) else None


def _reach(held: Sequence[SessionFindings]) -> tuple[str, str]:
    times = [post.posted_at for session in held for post in session.posts]
    return min(times), max(times)


def _find_next(found: ChatFindings) -> str | None:
    """The first sitting that the settings know after the last one that holds posts."""
    held = [session.session.starts_at for session in found.sessions if session.session and session.posts]
    later = [session for session in found.chat.sessions if not held or session.starts_at > max(held)]
    return span(found, later[0].starts_at, later[0].ends_at) if later and held else None


def _name_hosts(hosts: Iterable[str]) -> tuple[str, ...]:
    named = (host.partition(":") for host in hosts)
    return tuple(f"@{handle.lstrip('@')} on {wording.platform_name(platform)}" for platform, _, handle in named)


def _build_capture(found: ChatFindings, session: SessionFindings) -> Capture:
    counts = Counter(post.by.platform for post in session.posts)
    return Capture(session_title(found, session), tuple(sorted(counts.items())), session.minutes)
