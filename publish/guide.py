"""The guide of a chat as a model: what its readers want first, with who said it and where it can be read."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from archive.models import PLATFORMS, Session
from publish import wording
from publish.findings import (
    Byline,
    ChatFindings,
    KeptPost,
    KeptQuestion,
    KeptTip,
    Minute,
    SessionFindings,
    load_findings,
    readable,
)

BEST_ANSWERS = 5
_ANSWERS_PER_PERSON = 2  # a chat is many voices; one prolific author would fill the list
_LEAST_TO_GROUP = 10
_SURE_ANSWER = 0.5  # below that, a post only fell into the minutes of a question, as adverts do
_SHORTENED = re.compile(r"https?://t\.co/")
_POST_ADDRESS = re.compile(r"https?://(?:www\.|mobile\.)?(?:x|twitter)\.com/[^/]+/status/\d+")
_RAREST_LAST = ("resource", "question", "do", "example", "dont", "concern")
_SECTIONS = (
    ("do", "Do"),
    ("dont", "Don't"),
    ("example", "Good examples"),
    ("concern", "Worries raised"),
    ("question", "Questions that people asked"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Somebody's words with their attribution. ``at`` is local to the chat; ``review`` is how a person ruled."""

    text: str
    by: Byline
    at: datetime | None
    url: str | None
    post: str
    support: tuple[str, ...] = ()
    review: str = "not yet reviewed"


@dataclass(frozen=True, slots=True)
class Group:
    """Tips that belong together; ``heading`` is None where a section has no groups."""

    heading: str | None
    tips: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """All tips of one kind. ``kind`` is a TipKind."""

    kind: str
    heading: str
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class GuideQuestion:
    """A question with its best answers, and how many there were; ``date`` where the chat had several sessions."""

    heading: str
    date: str | None
    best: tuple[Said, ...]
    answers_count: int
    people_count: int


@dataclass(frozen=True, slots=True)
class GuideLink:
    """An address that was offered as help, in the words of the first who did."""

    url: str
    title: str | None
    offered: Said
    people_count: int


@dataclass(frozen=True, slots=True)
class Participant:
    """One person with all their accounts in the chat."""

    name: str
    accounts: tuple[Byline, ...]
    organisation: str | None


@dataclass(frozen=True, slots=True)
class Capture:
    """What was captured of one session. ``minutes`` is empty where nobody checked it."""

    title: str
    posts_by_platform: tuple[tuple[str, int], ...]
    minutes: tuple[Minute, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """The whole guide. ``sources`` are the ids of the posts it rests on: when one is withdrawn, it must change."""

    title: str
    description: str | None
    hashtags: tuple[str, ...]
    timezone: str
    hosts: tuple[str, ...]
    dates: tuple[str, ...]
    sections: tuple[Section, ...]
    questions: tuple[GuideQuestion, ...]
    links: tuple[GuideLink, ...]
    participants: tuple[Participant, ...]
    others_count: int
    posts_count: int
    removed_count: int
    next_session: str | None
    captures: tuple[Capture, ...]
    sources: tuple[str, ...]

    def section(self, kind: str) -> Section | None:
        """The section of this kind, or None where nothing of the kind was found."""
        return next((section for section in self.sections if section.kind == kind), None)


def build_guide(conn: sqlite3.Connection, chat_slug: str) -> Guide:
    """The guide of everything that was said in a chat. Raises UsageError for an unknown or not yet analysed chat."""
    found = load_findings(conn, chat_slug)
    chat = found.chat
    held = [session for session in found.sessions if session.posts]
    sections = _build_sections(found, held)
    questions = _build_questions(found, held)
    links = _build_links(found, held)
    participants, others = _build_participants(found, held)
    said = [tip for section in sections for group in section.groups for tip in group.tips]
    said += [answer for question in questions for answer in question.best] + [link.offered for link in links]
    return Guide(
        title=chat.title,
        description=chat.description,
        hashtags=chat.hashtags,
        timezone=chat.timezone,
        hosts=_name_hosts(chat.hosts),
        dates=_list_dates(found, held),
        sections=sections,
        questions=questions,
        links=links,
        participants=participants,
        others_count=others,
        posts_count=sum(len(session.posts) for session in held),
        removed_count=found.removed_count,
        next_session=_find_next(found),
        captures=tuple(_build_capture(found, session) for session in held),
        sources=tuple(sorted({one.post for one in said})),
    )


def session_title(found: ChatFindings, session: SessionFindings) -> str:
    """``Thursday 8 October 2026, 13:00 to 14:00``; posts outside sessions say so."""
    if session.session is not None:
        return _span(found, session.session)
    return "Posts outside sessions" if found.chat.sessions else "All posts"


def _span(found: ChatFindings, session: Session) -> str:
    start, end = found.local(session.starts_at), found.local(session.ends_at)
    if start is None or end is None:
        return f"{session.starts_at} to {session.ends_at}"
    last = f"{end:%H:%M}" if start.date() == end.date() else f"{_day(end)}, {end:%H:%M}"
    return f"{_day(start)}, {start:%H:%M} to {last}"


def _list_dates(found: ChatFindings, held: Sequence[SessionFindings]) -> tuple[str, ...]:
    """The sittings; where none is known, from when to when the posts reach."""
    named = tuple(session_title(found, session) for session in held if session.session)
    if named or not held:
        return named
    times = sorted(post.posted_at for session in held for post in session.posts)
    first, last = (wording.local_day(moment, found.chat.timezone) for moment in (times[0], times[-1]))
    return (first if first == last else f"{first} to {last}",)


def _day(moment: datetime) -> str:
    return f"{moment:%A} {moment.day} {moment:%B %Y}"


def _find_next(found: ChatFindings) -> str | None:
    """The first sitting that the settings know after the last one that holds posts."""
    held = [session.session.starts_at for session in found.sessions if session.session and session.posts]
    later = [session for session in found.chat.sessions if not held or session.starts_at > max(held)]
    return _span(found, later[0]) if later and held else None


def _name_hosts(hosts: Iterable[str]) -> tuple[str, ...]:
    named = (host.partition(":") for host in hosts)
    return tuple(f"@{handle.lstrip('@')} on {wording.platform_name(platform)}" for platform, _, handle in named)


def _say(found: ChatFindings, post: KeptPost, text: str, number: int | None, support: tuple[str, ...] = ()) -> Said:
    text = readable(post.expand(text), number, found.chat.hashtags) or text
    return Said(text=text, by=post.by, at=found.local(post.posted_at), url=post.url, post=post.id, support=support)


def _is_host(found: ChatFindings, by: Byline) -> bool:
    account = f"{by.platform}:{by.handle or ''}".casefold()
    return any(host.replace(":@", ":").casefold() == account for host in found.chat.hosts)


def _build_sections(found: ChatFindings, held: Sequence[SessionFindings]) -> tuple[Section, ...]:
    sections = []
    once = [(session, tip) for session in held for tip in _once(session.tips)]
    for kind, heading in _SECTIONS:
        ordered = [
            (session, tip) for session, tip in once if tip.kind == kind and not _is_hosts_question(found, session, tip)
        ]
        if ordered:
            sections.append(Section(kind, heading, _group(found, ordered, several=len(held) > 1)))
    return tuple(sections)


def _once(tips: Iterable[KeptTip]) -> list[KeptTip]:
    """Each wording under one heading: that of its surest kind, and of the rarer one where two are as sure."""
    best: dict[tuple[str, str], KeptTip] = {}
    for tip in tips:
        place = (tip.post.id, tip.text)
        if place not in best or _rank(tip) > _rank(best[place]):
            best[place] = tip
    return sorted(best.values(), key=lambda tip: (-tip.score, tip.id))


def _rank(tip: KeptTip) -> tuple[float, int]:
    return (tip.score, _RAREST_LAST.index(tip.kind))


def _is_hosts_question(found: ChatFindings, session: SessionFindings, tip: KeptTip) -> bool:
    """The host's own questions have a part of their own in the guide."""
    if tip.kind != "question":
        return False
    return _is_host(found, tip.post.by) or any(tip.post.id in question.posts for question in session.questions)


def _group(
    found: ChatFindings, ordered: Sequence[tuple[SessionFindings, KeptTip]], *, several: bool
) -> tuple[Group, ...]:
    """A short list stays whole, best first; a long one is grouped by the question that was answered."""
    if len(ordered) <= _LEAST_TO_GROUP:
        best = sorted((tip for _, tip in ordered), key=lambda tip: (-tip.score, tip.id))
        return (Group(None, tuple(_say_tip(found, tip) for tip in best)),)
    groups = []
    for session, rows in groupby(ordered, key=lambda row: row[0]):
        tips = [tip for _, tip in rows]
        titles = {q.number: wording.question_title(q.number, q.text) for q in session.questions}
        numbers = [number for number in titles if number is not None]
        for number in [*numbers, None]:
            inside = [tip for tip in tips if (tip.question if tip.question in numbers else None) == number]
            if inside:
                heading = titles[number] if number is not None else "Said beside the questions"
                heading = f"{heading} ({session_title(found, session)})" if several else heading
                groups.append(Group(heading, tuple(_say_tip(found, tip) for tip in inside)))
    return tuple(groups) if len(groups) > 1 else (Group(None, groups[0].tips),)


def _say_tip(found: ChatFindings, tip: KeptTip) -> Said:
    return _say(found, tip.post, tip.text, tip.question, tip.supporters)


def _build_questions(found: ChatFindings, held: Sequence[SessionFindings]) -> tuple[GuideQuestion, ...]:
    several = len(held) > 1
    return tuple(
        GuideQuestion(
            heading=f"{question.label}. {question.text}",
            date=session_title(found, session) if several else None,
            best=_find_best(found, session, question),
            answers_count=sum(session.by_id[post].kind != "repost" for post in question.answers),
            people_count=len({session.by_id[post].by.person for post in question.answers}),
        )
        for session in held
        for question in session.questions
    )


def _find_best(found: ChatFindings, session: SessionFindings, question: KeptQuestion) -> tuple[Said, ...]:
    """The answers that hold the best tips, without reposts and repeats, at most two a person."""
    tips: dict[str, KeptTip] = {}
    for tip in session.tips:  # best first, so the first of a post is its best
        if tip.kind != "question":
            tips.setdefault(tip.post.id, tip)
    repeats = {post for tip in session.tips for post in tip.repeats}
    posts = session.by_id
    answers = [posts[post] for post in question.answers if posts[post].kind != "repost" and post not in repeats]
    useful = [post for post in answers if post.id in tips] or answers
    ranked = sorted(
        useful,
        key=lambda post: (
            -(tips[post.id].score if post.id in tips else 0),
            -len(tips[post.id].supporters if post.id in tips else ()),
            -question.answers[post.id],
            post.posted_at,
            post.id,
        ),
    )
    best: list[KeptPost] = []
    told: Counter[str] = Counter()
    for post in ranked:
        if told[post.by.person] < _ANSWERS_PER_PERSON and len(best) < BEST_ANSWERS:
            told[post.by.person] += 1
            best.append(post)
    return tuple(
        _say(
            found,
            post,
            post.text,
            question.number,
            tips[post.id].supporters if post.id in tips else (),
        )
        for post in best
    )


def _build_links(found: ChatFindings, held: Sequence[SessionFindings]) -> tuple[GuideLink, ...]:
    """Addresses in posts that were found useful, as often as people offered them; adverts hold no tips.

    Old archives know many links only as t.co/…, which may as well be a picture: then the post must offer a resource.
    """
    offers: dict[str, list[tuple[KeptPost, str | None, int | None]]] = {}
    for session in held:
        useful = {tip.post.id for tip in session.tips if tip.kind != "question"}
        offering = {tip.post.id for tip in session.tips if tip.kind == "resource"}
        asked = session.question_of()
        for post in session.posts:
            if post.id not in useful or post.kind == "repost":
                continue
            number = asked[post.id].number if post.id in asked else None
            for one in post.links:
                address = wording.web_url(one.url)
                if not address or _POST_ADDRESS.match(address):
                    continue
                if post.id in offering or not _SHORTENED.match(address):
                    offers.setdefault(address.rstrip("/"), []).append((post, one.title, number))
    links = []
    for address, posts in offers.items():
        first, _, number = min(posts, key=lambda offer: (offer[0].posted_at, offer[0].id))
        title = next((title for _, title, _ in posts if title), None)
        said = _say(found, first, first.text, number)
        links.append(GuideLink(address, title, said, len({post.by.person for post, _, _ in posts})))
    return tuple(sorted(links, key=lambda one: (-one.people_count, one.offered.at is None, str(one.offered.at))))


def _build_participants(found: ChatFindings, held: Sequence[SessionFindings]) -> tuple[tuple[Participant, ...], int]:
    """Who asked, answered or gave a tip, by name; and how many others there were.

    The rest said hello, shared or advertised: naming them would put the spammer beside the experts.
    """
    accounts: dict[str, dict[str, Byline]] = {}
    active: set[str] = set()
    for session in held:
        useful = {tip.post.id for tip in session.tips}
        for question in session.questions:
            useful |= question.posts | {post for post, sure in question.answers.items() if sure >= _SURE_ANSWER}
        for post in session.posts:
            accounts.setdefault(post.by.person, {})[post.by.author] = post.by
            if _is_host(found, post.by) or (post.id in useful and post.kind != "repost"):
                active.add(post.by.person)
    people = []
    for person in active:
        own = sorted(accounts[person].values(), key=lambda by: (PLATFORMS.index(_known(by.platform)), by.author))
        name = next((by.name for by in own if by.name), None)
        shown = wording.author_name(name, own[0].handle, own[0].author)
        people.append(Participant(shown, tuple(own), next((by.organisation for by in own if by.organisation), None)))
    people.sort(key=lambda one: (one.name.casefold(), one.accounts[0].author))
    return tuple(people), len(accounts.keys() - active)


def _known(platform: str) -> str:
    return platform if platform in PLATFORMS else PLATFORMS[-1]


def _build_capture(found: ChatFindings, session: SessionFindings) -> Capture:
    counts = Counter(post.by.platform for post in session.posts)
    return Capture(session_title(found, session), tuple(sorted(counts.items())), session.minutes)
