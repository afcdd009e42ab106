"""All that can be said of one session: every step of the analysis in its order, pure and deterministic."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from analysis.coverage import CoverWalk, Minute, build_coverage
from analysis.coverage_counts import Told
from analysis.duplicates import Echo, group_duplicates
from analysis.features import Context, find_wanted
from analysis.normalising import Cleaned, normalise
from analysis.people import find_people
from analysis.repeats import join_repeats
from analysis.rows import SessionPost, SessionRows
from analysis.support import Evidence, Supporters, find_chains, join_chain
from analysis.themes import Theme, find_themes
from analysis.threads import Threads, build_threads
from analysis.tips import TipProposal, find_tips
from archive.decisions import Decision
from archive.models import TipKind

TipState = Literal["proposed", "accepted", "rejected"]

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
    organisation_count: int = 0
    repost_count: int = 0
    explanation: str = ""
    state: TipState = "proposed"
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Findings:
    """All that was found in one session."""

    rows: SessionRows
    threads: Threads
    tips: tuple[Tip, ...]
    themes: tuple[Theme, ...]
    coverage: tuple[Minute, ...] = ()


def analyse_session(
    rows: SessionRows,
    walks: Sequence[CoverWalk] = (),
    people: Mapping[str, str] | None = None,
    told: Sequence[Told] = (),
    now: str | None = None,
    decisions: Sequence[Decision] = (),
) -> Findings:
    """All that can be said of one session. Pure: the same rows give the same findings, however they were ordered."""
    del decisions
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
