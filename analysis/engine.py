"""Runs every step over a chat, session by session, and writes what was found in one transaction."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from analysis.coverage import CoverWalk, Minute, build_coverage, load_walks
from analysis.coverage_counts import Told, load_told
from analysis.duplicates import Echo, group_duplicates
from analysis.features import Context, find_wanted
from analysis.normalising import Cleaned, normalise
from analysis.organisations import Register, find_organisations, load_register
from analysis.outside import find_outside
from analysis.people import find_people
from analysis.repeats import join_repeats
from analysis.rows import SessionPost, SessionRows, load_authors, load_session
from analysis.support import Evidence, Supporters, find_chains, join_chain
from analysis.themes import Theme, find_themes
from analysis.threads import Threads, build_threads
from analysis.tips import TipProposal, find_tips
from archive.models import Chat, Session, TipKind

_MARKED = 0.9  # from this confidence on, a link rests on a mark


_MOST_TIPS_A_POST = 10


@dataclass(frozen=True, slots=True)
class Tip:
    """A tip as it is stored: its proposal, its evidence, and how many other people stand behind it."""

    id: str
    proposal: TipProposal
    evidence: tuple[Evidence, ...]
    theme: str | None
    support_count: int


@dataclass(frozen=True, slots=True)
class Findings:
    """All that was found in one session."""

    rows: SessionRows
    threads: Threads
    tips: tuple[Tip, ...]
    themes: tuple[Theme, ...]
    coverage: tuple[Minute, ...] = ()


@dataclass(slots=True)
class Analysed:
    """Counts of what an analysis found in a chat."""

    chat: str
    sessions: int = 0
    posts: int = 0
    questions: int = 0
    answers: int = 0
    tips: int = 0
    themes: int = 0
    organisations: int = 0
    kinds: dict[str, int] = field(default_factory=dict)


def analyse_chat(
    conn: sqlite3.Connection, chat: Chat, *, version: str, register: Register | None = None, now: str | None = None
) -> Analysed:
    """Rebuilds every finding of a chat. The same archive, version and ``now`` give the same rows.

    Reading and thinking happen before the write transaction, which is short. ``register`` is for tests. ``now`` is
    the present: what ends later is said to be not over yet; None takes every minute as over.
    """
    with _reading(conn):
        walks = load_walks(conn, chat)
        found = [
            analyse_session(rows, walks, told=load_told(conn, chat, rows.session), now=now)
            for rows in _load_sessions(conn, chat)
        ]
    counts = Analysed(chat.slug)
    conn.execute("BEGIN IMMEDIATE")
    try:
        _delete(conn, chat)
        for findings in found:
            _save(conn, findings, version)
            _count(counts, findings)
        counts.organisations = _save_people(conn, version, register or load_register())
        conn.execute("COMMIT")
    except BaseException:
        if conn.in_transaction:  # a full disk has rolled back already
            conn.execute("ROLLBACK")
        raise
    return counts


def analyse_session(
    rows: SessionRows,
    walks: Sequence[CoverWalk] = (),
    people: Mapping[str, str] | None = None,
    told: Sequence[Told] = (),
    now: str | None = None,
) -> Findings:
    """All that can be said of one session. Pure: the same rows give the same findings, however they were ordered."""
    tags = {tag.casefold() for tag in rows.chat.hashtags}
    cleaned = {post.id: normalise(post.text, tags) for post in rows.posts}
    echoes = group_duplicates(rows.posts, cleaned)
    threads = build_threads(rows, cleaned)
    supporters = Supporters(rows.posts, cleaned, echoes, threads.parents)
    if people is None:
        people = {person.author: person.id for person in find_people(rows.authors.values())}
    proposals = _propose(rows, cleaned, threads, echoes, supporters)
    themes = find_themes(
        rows.session.id, {p.post: cleaned[p.post].text for p, _ in proposals if p.kind != "question"}, tags
    )
    theme_of = {post: theme.id for theme in themes for post in theme.posts}
    tips = []
    for proposal, parts in proposals:
        evidence = supporters.join_evidence(proposal.post, parts)
        count = supporters.count_people(proposal.post, evidence, people)
        theme = theme_of.get(proposal.post) if proposal.kind != "question" else None
        tips.append(Tip(build_tip_id(rows.session.id, proposal), proposal, evidence, theme, count))
    posts = ((post.platform, post.posted_at) for post in rows.posts)
    coverage = build_coverage(rows.session, walks, rows.chat.hashtags, posts, told, now)
    return Findings(rows, threads, tuple(tips), themes, tuple(coverage))


def build_tip_id(session: str, tip: TipProposal) -> str:
    """The tip's id: a digest of where it stands and what it is."""
    place = "\x1f".join((session, tip.post, str(tip.start), str(tip.end), tip.kind))
    return hashlib.sha256(place.encode()).hexdigest()[:20]


def _propose(
    rows: SessionRows,
    cleaned: Mapping[str, Cleaned],
    threads: Threads,
    echoes: Mapping[str, Echo],
    supporters: Supporters,
) -> list[tuple[TipProposal, list[Evidence]]]:
    """The tips of the session in canonical order, each once, with the other parts of its thread and its repeats."""
    asked = {post for question in threads.questions for post in (question.post, *question.repeats)}
    chains = find_chains(rows.posts, cleaned)
    by_post: dict[str, list[TipProposal]] = {}
    for post in rows.posts:
        echo = echoes.get(post.id)
        if post.id in asked or post.id in threads.promotions or (echo and echo.relation != "quote"):
            continue
        # Of "Yes! RT @ann: …" only the comment is this author's; the rest is counted as ann's.
        own = _cut(cleaned[post.id]) if echo else cleaned[post.id]
        context = find_context(post, own, threads, supporters)
        by_post[post.id] = _strongest(find_tips(post, own, context))
    found: list[tuple[TipProposal, list[Evidence]]] = []
    for post in rows.posts:
        chain = chains.get(post.id)
        if chain is None:
            found += [(proposal, []) for proposal in by_post.get(post.id, ())]
        elif chain[0] == post.id:
            found += join_chain([p for part in chain for p in by_post.get(part, ())], chain, cleaned)
    return join_repeats(found)


def _strongest(tips: list[TipProposal]) -> list[TipProposal]:
    """As many tips as an author would read of one post, in their order: a pasted document has hundreds."""
    kept = set(sorted(range(len(tips)), key=lambda n: (-tips[n].score, n))[:_MOST_TIPS_A_POST])
    return [tip for n, tip in enumerate(tips) if n in kept]


def _cut(cleaned: Cleaned) -> Cleaned:
    """The author's own comment before somebody else's words."""
    end = cleaned.comment_end or 0
    pieces = tuple(piece for piece in cleaned.pieces if piece[0] < end)
    return Cleaned(cleaned.text[:end].rstrip(), pieces, cleaned.marks, cleaned.counter)


def find_context(post: SessionPost, cleaned: Cleaned, threads: Threads, supporters: Supporters) -> Context:
    """A post's place in the chat: the question it answers, how surely, who asked, who agreed."""
    question = threads.find_question(post.id)
    sure = max((answer.confidence for answer in threads.by_post.get(post.id, ())), default=0.0)
    wanted, tones = find_wanted(question.text) if question else (frozenset[TipKind](), frozenset[str]())
    return Context(
        question=question,
        link="marked" if sure >= _MARKED and cleaned.marks else "linked" if question else "unlinked",
        is_host=post.author in threads.hosts,
        agreed_with=supporters.is_agreed_with(post.id),
        wanted=wanted,
        tones=tones,
    )


@contextmanager
def _reading(conn: sqlite3.Connection) -> Iterator[None]:
    """One state of the archive for all that is read, beside a collector that goes on writing."""
    conn.execute("BEGIN")
    try:
        yield
    finally:
        conn.execute("ROLLBACK")


def _load_sessions(conn: sqlite3.Connection, chat: Chat) -> Iterator[SessionRows]:
    """The chat's sessions, and one more that holds the imported posts outside them all; without any, all posts."""
    for session in sorted(chat.sessions, key=lambda session: (session.starts_at, session.id)):
        yield load_session(conn, chat, session)
    outside = find_outside(conn, chat) if chat.sessions else None
    if outside is None or outside:
        nothing = Session(id=f"{chat.slug}-all", chat=chat.slug, starts_at="", ends_at="")
        rows = load_session(conn, chat, nothing, whole=True)
        posts = tuple(post for post in rows.posts if outside is None or post.id in outside)
        if posts:
            whole = Session(id=nothing.id, chat=chat.slug, starts_at=posts[0].posted_at, ends_at=posts[-1].posted_at)
            yield SessionRows(chat, whole, posts, rows.authors)


def _delete(conn: sqlite3.Connection, chat: Chat) -> None:
    """The chat's old findings, those that refer to others first."""
    conn.execute("DELETE FROM tip_evidence WHERE tip IN (SELECT id FROM tips WHERE chat = ?)", (chat.slug,))
    conn.execute("DELETE FROM answers WHERE question IN (SELECT id FROM questions WHERE chat = ?)", (chat.slug,))
    for table in ("tips", "themes", "questions", "coverage", "chat_posts"):
        conn.execute(f"DELETE FROM {table} WHERE chat = ?", (chat.slug,))


def _save(conn: sqlite3.Connection, found: Findings, version: str) -> None:
    chat, session = found.rows.chat.slug, found.rows.session.id
    conn.executemany(
        "INSERT INTO chat_posts VALUES (?, ?, ?, ?, ?)",
        ((chat, session, post.id, post.why, version) for post in found.rows.posts),
    )
    conn.executemany(
        "INSERT INTO questions VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        ((q.id, chat, session, q.number, q.post, q.text, q.asked_at, version) for q in found.threads.questions),
    )
    conn.executemany(
        "INSERT INTO answers VALUES (?, ?, ?, ?, ?)",
        ((a.question, a.post, a.reason, a.confidence, version) for a in found.threads.answers),
    )
    conn.executemany(
        "INSERT INTO themes VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        ((t.id, chat, session, t.label, json.dumps(t.terms), len(t.posts), t.post, version) for t in found.themes),
    )
    _save_tips(conn, found, version)
    conn.executemany(
        "INSERT INTO coverage VALUES (?, ?, ?, ?, ?, ?, ?)",
        ((chat, session, m.platform, m.minute, m.state, m.why, version) for m in found.coverage),
    )


def _save_tips(conn: sqlite3.Connection, found: Findings, version: str) -> None:
    chat, session = found.rows.chat.slug, found.rows.session.id
    conn.executemany(
        "INSERT INTO tips VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                tip.id, chat, session, tip.proposal.post, tip.proposal.start, tip.proposal.end, tip.proposal.kind,
                tip.proposal.text, tip.proposal.score, tip.proposal.reason, tip.proposal.question, tip.theme,
                tip.support_count, version,
            )
            for tip in found.tips
        ),
    )  # fmt: skip
    conn.executemany(
        "INSERT INTO tip_evidence VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            (tip.id, evidence.post, evidence.start, evidence.end, position, evidence.relation, version)
            for tip in found.tips
            for position, evidence in enumerate(tip.evidence)
        ),
    )


def _save_people(conn: sqlite3.Connection, version: str, register: Register) -> int:
    """People and organisations of everybody in any chat: both hold over chats, so they are built for all at once."""
    ids = [
        row[0] for row in conn.execute("SELECT DISTINCT author FROM posts WHERE id IN (SELECT post FROM chat_posts)")
    ]
    authors = load_authors(conn, ids)
    for table in ("people", "author_organisations", "organisations"):
        conn.execute(f"DELETE FROM {table}")
    conn.executemany(
        "INSERT INTO people VALUES (?, ?, ?, ?)", ((p.id, p.author, p.reason, version) for p in find_people(authors))
    )
    matches = find_organisations(authors, register)
    named = sorted({match.organisation for match in matches})
    conn.executemany(
        "INSERT INTO organisations VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            (o.id, o.name, o.type or None, o.nation or None, o.region or None, o.url, version)
            for o in (register.by_id[one] for one in named)
        ),
    )
    conn.executemany(
        "INSERT INTO author_organisations VALUES (?, ?, ?, ?, ?)",
        ((m.author, m.organisation, m.evidence, m.confidence, version) for m in matches),
    )
    return len(named)


def _count(counts: Analysed, found: Findings) -> None:
    counts.sessions += 1
    counts.posts += len(found.rows.posts)
    counts.questions += len(found.threads.questions)
    counts.answers += len({answer.post for answer in found.threads.answers})
    counts.tips += len(found.tips)
    counts.themes += len(found.themes)
    for tip in found.tips:
        counts.kinds[tip.proposal.kind] = counts.kinds.get(tip.proposal.kind, 0) + 1
