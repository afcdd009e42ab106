"""What exports are made from: a chat's posts and what analysis derived from them, read from archive.db.

Nothing that was erased, deleted, withdrawn or is unavailable comes out of here: no post, no repost of it, no finding
that rests on it.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from archive.addresses import without_tracking
from archive.errors import UsageError
from archive.models import Chat, Session
from publish import wording
from publish.guide_words import readable

_NO_SUPPORT = frozenset(("part", "answer"))  # a post of its own thread, and the answer to a question
_STANDS = """
  p.visibility IN ('public', 'unlisted') AND p.id NOT IN (SELECT key FROM tombstones)
  AND p.author NOT IN (SELECT key FROM tombstones)
  AND (p.repost_of IS NULL OR p.repost_of NOT IN (SELECT key FROM tombstones))
  AND NOT EXISTS (SELECT 1 FROM posts o JOIN tombstones t ON t.key = o.author WHERE o.id = p.repost_of)
"""
_POSTS = f"""
SELECT p.id, p.platform, p.author, a.name, a.handle, coalesce(h.id, p.author), p.posted_at, p.text, p.kind, p.url,
  p.lang, p.reply_to, p.quote_of, p.repost_of, p.edited_at
FROM chat_posts c JOIN posts p ON p.id = c.post LEFT JOIN authors a ON a.id = p.author
LEFT JOIN people h ON h.author = p.author
WHERE c.chat = ? AND c.session = ? AND {_STANDS} ORDER BY p.posted_at, p.id
"""
_LINKS = """
SELECT l.post, coalesce(l.expanded_url, iif(l.url GLOB 'http*://t.co/*', g.final_url, NULL), l.url), g.title, l.url,
  g.final_url
FROM chat_posts c JOIN post_links l ON l.post = c.post
LEFT JOIN link_pages g ON g.url = coalesce(l.expanded_url, l.url)
WHERE c.chat = ? AND c.session = ? ORDER BY l.post, l.url
"""
_ALT_TEXTS = """
SELECT m.post, m.alt_text FROM chat_posts c JOIN post_media m ON m.post = c.post
WHERE c.chat = ? AND c.session = ? AND m.alt_text IS NOT NULL ORDER BY m.post, m.position
"""
_COUNTS = """
SELECT m.post, max(m.likes), max(m.reposts), max(m.replies) FROM chat_posts c JOIN metrics m ON m.post = c.post
WHERE c.chat = ? AND c.session = ?
  AND m.seen_at = (SELECT max(seen_at) FROM metrics WHERE post = m.post) GROUP BY m.post
"""
_ORGANISATIONS = """
SELECT o.author, max(o.confidence), g.name FROM author_organisations o JOIN organisations g ON g.id = o.organisation
WHERE o.confidence >= ? GROUP BY o.author
"""
_OWN_PICTURE = re.compile(r"^https?://(?:x|twitter)\.com/[^/]+/status/\d+/(?:photo|video)/\d+$")
_Value = TypeVar("_Value")
_SURE_ENOUGH = 0.8  # below that, an organisation is a guess that a guide should not print beside a person's name


@dataclass(frozen=True, slots=True, kw_only=True)
class Byline:
    """Who wrote a post. ``person`` is the same over the accounts of one human being; ``platform`` is x, bluesky…"""

    author: str
    person: str
    platform: str
    name: str | None = None
    handle: str | None = None
    organisation: str | None = None

    @property
    def shown(self) -> str:
        """``Dan Okafor (@DanOkafor, X)``, or what is known of that."""
        name = wording.author_name(self.name, self.handle, self.author)
        if not self.handle:
            return f"{name} ({wording.platform_name(self.platform)})"
        if name == self.handle:
            return f"@{self.handle} ({wording.platform_name(self.platform)})"
        return f"{name} (@{self.handle}, {wording.platform_name(self.platform)})"


@dataclass(frozen=True, slots=True)
class KeptLink:
    """Where a post links to, the title of the page where that is known, and the address as it stands in the post.

    ``final``: where it was found to lead in the end.
    """

    url: str
    title: str | None = None
    written: str = ""
    final: str | None = None

    @property
    def address(self) -> str:
        """Where it leads in the end, as far as that is known, without what only tells who passed it on."""
        return without_tracking(self.final or self.url)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPost:
    """One post that stands. ``url`` is where it can be read, None where nobody can say."""

    id: str
    by: Byline
    posted_at: str
    text: str
    kind: str
    url: str | None = None
    lang: str | None = None
    reply_to: str | None = None
    quote_of: str | None = None
    repost_of: str | None = None
    edited_at: str | None = None
    links: tuple[KeptLink, ...] = ()
    alt_texts: tuple[str, ...] = ()
    likes: int | None = None
    reposts: int | None = None
    replies: int | None = None

    def expand(self, text: str) -> str:
        """Words of this post with full addresses for shortened ones, and without those of its own pictures."""
        for link in self.links:
            if link.written and link.written != link.url:
                text = text.replace(link.written, "" if _OWN_PICTURE.search(link.url) else link.url)
        return text.strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptQuestion:
    """A numbered question with what answers it. ``posts`` asked it; ``answers`` maps a post to how sure that is."""

    number: int | None
    text: str
    asked_at: str | None
    posts: frozenset[str]
    answers: Mapping[str, float] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """``Q3``, or Question where it has no number."""
        return "Question" if self.number is None else f"Q{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptTip:
    """A finding whose posts all stand. ``supporters`` are other people who repeated, shared or backed it, once each;
    ``parts`` are the posts that its text was put together from, in order; ``is_accepted``: a person said yes to it;
    ``start``: where its words begin in its post; ``reason``: how it came about.
    """

    id: str
    post: KeptPost
    kind: str
    text: str
    score: float
    question: int | None
    supporters: tuple[Byline, ...] = ()
    parts: tuple[str, ...] = ()
    repeats: frozenset[str] = frozenset()
    is_accepted: bool = False
    start: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Minute:
    """What is known of one platform in one minute: state is complete, partial or unknown."""

    platform: str
    minute: str
    state: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFindings:
    """One session. ``session`` is None for posts that belong to no sitting that the settings name."""

    session: Session | None
    posts: tuple[KeptPost, ...]
    questions: tuple[KeptQuestion, ...]
    tips: tuple[KeptTip, ...]
    minutes: tuple[Minute, ...]
    by_id: dict[str, KeptPost] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_id", {post.id: post for post in self.posts})

    def question_of(self) -> dict[str, KeptQuestion]:
        """Which question each post asks or most surely answers."""
        found: dict[str, tuple[float, KeptQuestion]] = {}
        for question in self.questions:
            sure = {**question.answers, **dict.fromkeys(question.posts, 2.0)}
            for post, confidence in sure.items():
                if post not in found or confidence > found[post][0]:
                    found[post] = (confidence, question)
        return {post: question for post, (_, question) in found.items()}


@dataclass(frozen=True, slots=True)
class ChatFindings:
    """A chat with its sessions in order of time; ``removed_count``: posts seen once that may not be shown."""

    chat: Chat
    sessions: tuple[SessionFindings, ...]
    removed_count: int

    def local(self, moment: str) -> datetime | None:
        """An archive time on the chat's own clock."""
        return wording.local_moment(moment, self.chat.timezone)


def load_findings(conn: sqlite3.Connection, slug: str) -> ChatFindings:
    """Everything that a chat's exports show. Raises UsageError for an unknown or not yet analysed chat."""
    chat = load_chat(conn, slug)
    used = [row[0] for row in conn.execute("SELECT DISTINCT session FROM chat_posts WHERE chat = ?", (slug,))]
    (seen,) = conn.execute("SELECT count(DISTINCT post) FROM sightings WHERE chat = ?", (slug,)).fetchone()
    if seen and not used:
        raise UsageError(f"the posts of {slug} have not been analysed yet: run chatkeep analyse {slug} first")
    named = {session.id: session for session in chat.sessions}
    organisations = {row[0]: row[2] for row in conn.execute(_ORGANISATIONS, (_SURE_ENOUGH,))}
    places = [*named, *sorted(place for place in used if place not in named)]
    sessions = tuple(_load_session(conn, chat, place, named.get(place), organisations) for place in places)
    (removed,) = conn.execute(
        "SELECT count(DISTINCT s.post) FROM sightings s JOIN posts p ON p.id = s.post"
        " WHERE s.chat = ? AND (p.id IN (SELECT key FROM tombstones) OR p.author IN (SELECT key FROM tombstones))",
        (slug,),
    ).fetchone()
    return ChatFindings(chat, sessions, removed)


def load_chat(conn: sqlite3.Connection, slug: str) -> Chat:
    """A chat with its sessions in order of time. Raises UsageError for one that the archive does not know."""
    row = conn.execute(
        "SELECT title, hashtags, hosts, timezone, description FROM chats WHERE slug = ?", (slug,)
    ).fetchone()
    if row is None:
        known = ", ".join(other for (other,) in conn.execute("SELECT slug FROM chats ORDER BY slug"))
        raise UsageError(f"this archive has no chat {slug!r}; it has {known or 'none yet'}")
    sessions = conn.execute(
        "SELECT id, starts_at, ends_at, questions FROM sessions WHERE chat = ? ORDER BY starts_at, id", (slug,)
    )
    return Chat(
        slug=slug,
        title=row[0],
        hashtags=tuple(json.loads(row[1])),
        hosts=tuple(json.loads(row[2])),
        timezone=row[3],
        description=row[4],
        sessions=tuple(
            Session(id=s[0], chat=slug, starts_at=s[1], ends_at=s[2], questions=tuple(json.loads(s[3])))
            for s in sessions
        ),
    )


def _load_session(
    conn: sqlite3.Connection, chat: Chat, stored: str, session: Session | None, organisations: Mapping[str, str]
) -> SessionFindings:
    place = (chat.slug, stored)
    posts = _load_posts(conn, place, organisations)
    by_id = {post.id: post for post in posts}
    minutes = conn.execute(
        "SELECT platform, minute, state, why FROM coverage WHERE chat = ? AND session = ? ORDER BY platform, minute",
        place,
    )
    return SessionFindings(
        session=session,
        posts=posts,
        questions=_load_questions(conn, chat, place, by_id),
        tips=_load_tips(conn, place, by_id),
        minutes=tuple(Minute(*row) for row in minutes),
    )


def _load_posts(
    conn: sqlite3.Connection, place: tuple[str, str], organisations: Mapping[str, str]
) -> tuple[KeptPost, ...]:
    links = _lists((post, KeptLink(*link)) for post, *link in conn.execute(_LINKS, place))
    alt_texts = _lists((post, alt) for post, alt in conn.execute(_ALT_TEXTS, place))
    counts = {post: rest for post, *rest in conn.execute(_COUNTS, place)}
    kept = []
    for row in conn.execute(_POSTS, place):
        id_, platform, author, name, handle, person, posted_at, text, kind, url, *rest = row
        likes, reposts, replies = counts.get(id_, (None, None, None))
        by = Byline(
            author=author, person=person, platform=platform, name=name, handle=handle,
            organisation=organisations.get(author),
        )  # fmt: skip
        lang, reply_to, quote_of, repost_of, edited_at = rest
        kept.append(
            KeptPost(
                id=id_, by=by, posted_at=posted_at, text=text, kind=kind, url=wording.post_url(url, id_), lang=lang,
                reply_to=reply_to, quote_of=quote_of, repost_of=repost_of, edited_at=edited_at,
                links=tuple(links.get(id_, ())), alt_texts=tuple(alt_texts.get(id_, ())),
                likes=likes, reposts=reposts, replies=replies,
            )
        )  # fmt: skip
    return tuple(kept)


def _load_questions(
    conn: sqlite3.Connection, chat: Chat, place: tuple[str, str], posts: Mapping[str, KeptPost]
) -> tuple[KeptQuestion, ...]:
    """The session's questions by number; one asked again, or on several platforms, is one question."""
    announced = next((session.questions for session in chat.sessions if session.id == place[1]), ())
    answers: dict[str, dict[str, float]] = {}
    for question, post, confidence in conn.execute(
        "SELECT a.question, a.post, a.confidence FROM answers a JOIN questions q ON q.id = a.question"
        " WHERE q.chat = ? AND q.session = ?",
        place,
    ):
        if post in posts:
            answers.setdefault(question, {})[post] = confidence
    found: dict[object, KeptQuestion] = {}
    for id_, number, post, text, asked_at in conn.execute(
        "SELECT id, number, post, text, asked_at FROM questions WHERE chat = ? AND session = ?"
        " ORDER BY number IS NULL, number, asked_at, id",
        place,
    ):
        words = _words(text, post, posts, number, announced)
        if words is None:
            continue
        own = KeptQuestion(
            number=number, text=readable(words, None, chat.hashtags), asked_at=asked_at,
            posts=frozenset({post} & posts.keys()), answers=answers.get(id_, {}),
        )  # fmt: skip
        key = id_ if number is None else number
        found[key] = _merge(found[key], own) if key in found else own
    return tuple(found.values())


def _words(
    text: str, post: str | None, posts: Mapping[str, KeptPost], number: int | None, announced: tuple[str, ...]
) -> str | None:
    """The question as announced where the post says just that with words around it, else as it was asked.

    Where the post is gone and nothing was announced there are no words that may be shown: None.
    """
    planned = announced[number - 1] if number and 0 < number <= len(announced) else None
    asked = wording.question_text(text) if post is None or post in posts else None
    if planned and (asked is None or planned.casefold() in asked.casefold()):
        return planned
    return asked


def _merge(first: KeptQuestion, again: KeptQuestion) -> KeptQuestion:
    return KeptQuestion(
        number=first.number, text=first.text, asked_at=first.asked_at or again.asked_at,
        posts=first.posts | again.posts, answers={**again.answers, **first.answers},
    )  # fmt: skip


def _load_tips(conn: sqlite3.Connection, place: tuple[str, str], posts: Mapping[str, KeptPost]) -> tuple[KeptTip, ...]:
    """The session's tips, accepted ones first, then the best; none that was rejected, or has a part that is gone."""
    evidence = _lists(
        (tip, (post, relation))
        for tip, post, relation in conn.execute(
            "SELECT e.tip, e.post, e.relation FROM tip_evidence e JOIN tips t ON t.id = e.tip"
            " WHERE t.chat = ? AND t.session = ? ORDER BY e.tip, e.position, e.post",
            place,
        )
    )
    kept = []
    for id_, post, kind, text, score, number, state, start, reason in conn.execute(
        'SELECT t.id, t.post, t.kind, t.text, t.score, q.number, t.state, t."start", t.reason FROM tips t'
        " LEFT JOIN questions q ON q.id = t.question WHERE t.chat = ? AND t.session = ? AND t.state <> 'rejected'"
        " ORDER BY t.state = 'accepted' DESC, t.score DESC, t.id",
        place,
    ):
        rows = evidence.get(id_, [])
        if post not in posts or any(relation == "part" and other not in posts for other, relation in rows):
            continue
        behind = [(other, relation) for other, relation in rows if other in posts and relation not in _NO_SUPPORT]
        standing = [(posts[other], relation) for other, relation in behind]
        own = posts[post]
        others = {other.by.person: other.by for other, _ in standing if other.by.person != own.by.person}
        repeats = {other.id for other, relation in standing if relation in {"duplicate", "repost"}} - {post}
        kept.append(
            KeptTip(
                id=id_, post=own, kind=kind, text=text, score=score, question=number,
                supporters=tuple(others.values()), repeats=frozenset(repeats), is_accepted=state == "accepted",
                start=start, reason=reason,
                parts=tuple(dict.fromkeys(other for other, relation in rows if relation == "part")),
            )
        )  # fmt: skip
    return tuple(kept)


def _lists(pairs: Iterable[tuple[str, _Value]]) -> dict[str, list[_Value]]:
    found: dict[str, list[_Value]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found
