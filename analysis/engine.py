"""All that can be said of one session: every step of the analysis in its order, pure and deterministic."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from analysis.coverage import CoverWalk, Minute, build_coverage
from analysis.coverage_counts import Told
from analysis.decided import Decided, Judged
from analysis.explaining import render_score
from analysis.languages import count_unread
from analysis.people import find_people
from analysis.proposals import TipProposal
from analysis.ranking import Model, load_model
from analysis.reading import Reading, read_session
from analysis.recap import Quotable, RecapLine, build_recap, find_quotation
from analysis.rows import SessionRows
from analysis.rulings import TipState
from analysis.support import Evidence, find_chains, join_chain
from analysis.themes import Theme, ThemeTip
from analysis.theming import build_themes
from analysis.threads import Threads
from analysis.tips import find_tips
from archive.decisions import Decision

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
class Who:
    """Author ids that are one person, and the organisation of each author, where either is known."""

    people: Mapping[str, str]
    organisations: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Findings:
    """All that was found in one session. ``fallen``: as in Decided. ``unread``: posts by language without rules."""

    rows: SessionRows
    threads: Threads
    tips: tuple[Tip, ...]
    themes: tuple[Theme, ...]
    coverage: tuple[Minute, ...] = ()
    fallen: Mapping[str, str] = field(default_factory=dict)
    recap: tuple[RecapLine, ...] = ()
    unread: Mapping[str, int] = field(default_factory=dict)


def analyse_session(
    given: SessionRows | Reading,
    walks: Sequence[CoverWalk] = (),
    who: Who | None = None,
    told: Sequence[Told] = (),
    now: str | None = None,
    decisions: Sequence[Decision] = (),
    model: Model | None = None,
) -> Findings:
    """All that can be said of one session. Pure: the same rows give the same findings, however they were ordered.

    ``given`` are its rows, or what was already read of them.
    """
    reading = given if isinstance(given, Reading) else read_session(given)
    rows = reading.rows
    decided = Decided(reading, decisions)
    threads = reading.threads
    who = who or Who({person.author: person.id for person in find_people(rows.authors.values())}, {})
    judged = propose(reading, decided, model)
    tips = [_build_tip(reading, one, decided, who, model or load_model()) for one in judged]
    themes = build_themes(reading, _list_theme_tips(reading, zip(tips, judged, strict=True), who), decisions)
    theme_of = {tip: theme.id for theme in themes for tip in theme.tips}
    known = {theme.id for theme in themes}
    tips = [
        replace(tip, theme=one.pick_theme(theme_of.get(tip.id), known)) for tip, one in zip(tips, judged, strict=True)
    ]
    posts = ((post.platform, post.posted_at) for post in rows.posts)
    coverage = build_coverage(rows.session, walks, rows.chat.hashtags, posts, told, now)
    return Findings(
        rows, threads, tuple(tips), themes, tuple(coverage), decided.fallen,
        recap=build_recap(_list_quotables(reading, tips, who), threads.questions),
        unread=count_unread(post for post in rows.posts if post.id not in reading.posts),
    )  # fmt: skip


def _list_theme_tips(reading: Reading, tips: Iterable[tuple[Tip, Judged]], who: Who) -> list[ThemeTip]:
    """What themes need to know of the tips that they are built from."""
    authors = {post.id: post.author for post in reading.rows.posts}
    return [
        ThemeTip(
            id=tip.id, post=tip.proposal.post, text=tip.proposal.text, score=tip.proposal.score,
            person=who.people.get(authors[tip.proposal.post], authors[tip.proposal.post]),
            support_count=tip.support_count, question=tip.proposal.question,
            placed=one.ruling.theme if one.ruling else None,
        )
        for tip, one in tips
        if one.is_themed
    ]  # fmt: skip


def _list_quotables(reading: Reading, tips: Sequence[Tip], who: Who) -> list[Quotable]:
    """What a recap may quote: the author's own words of every tip that nobody rejected."""
    posts = {post.id: post for post in reading.rows.posts}
    return [
        Quotable(
            tip=tip.id, post=post.id, person=who.people.get(post.author, post.author), posted_at=post.posted_at,
            kind=tip.proposal.kind, words=find_quotation(tip.proposal, reading.cleaned[post.id]),
            score=tip.proposal.score, support_count=tip.support_count, question=tip.proposal.question,
            is_accepted=tip.state == "accepted",
        )
        for tip in tips
        if tip.state != "rejected" and tip.proposal.kind != "question" and (post := posts[tip.proposal.post])
    ]  # fmt: skip


def _build_tip(reading: Reading, one: Judged, decided: Decided, who: Who, model: Model) -> Tip:
    """A tip with who stands behind it, and why it is shown."""
    proposal, supporters = one.proposal, reading.supporters
    evidence = supporters.join_evidence(proposal.post, one.evidence)
    if proposal.kind == "question":
        known = {shown.post for shown in evidence}
        evidence += tuple(shown for shown in supporters.list_answers(proposal.post) if shown.post not in known)
    return Tip(
        id=decided.name_tip(one, build_tip_id(reading.rows.session.id, proposal)),
        proposal=proposal,
        evidence=evidence,
        theme=None,
        support_count=supporters.count_people(proposal.post, evidence, who.people),
        organisation_count=supporters.count_organisations(proposal.post, evidence, who.organisations),
        repost_count=reading.reposts.get(proposal.post, 0),
        explanation=render_score(model.explain(proposal.kind, proposal.signals)),
        state=one.state,
        kept=one.kept,
    )


def build_tip_id(session: str, tip: TipProposal) -> str:
    """The tip's id: a digest of where it stands and what it is."""
    place = "\x1f".join((session, tip.post, str(tip.start), str(tip.end), tip.kind))
    return hashlib.sha256(place.encode()).hexdigest()[:20]


def propose(reading: Reading, decided: Decided, model: Model | None = None) -> list[Judged]:
    """The tips of the session in canonical order, each once, with the other parts of its thread and its repeats."""
    posts, cleaned = reading.rows.posts, reading.cleaned
    chains = find_chains(posts, cleaned)
    laid = decided.lay_over({post: find_tips(read, model) for post, read in reading.posts.items()})
    by_post = {post: _strongest(tips) for post, tips in laid.rest.items()}
    found: list[tuple[TipProposal, list[Evidence]]] = []
    for post in posts:
        chain = chains.get(post.id)
        if chain is None:
            found += [(proposal, []) for proposal in by_post.get(post.id, ())]
        elif chain[0] == post.id:
            found += join_chain([p for part in chain for p in by_post.get(part, ())], chain, cleaned)
    return decided.join(laid.tips, found)


def _strongest(tips: list[TipProposal]) -> list[TipProposal]:
    """As many tips as an author would read of one post, in their order: a pasted document has hundreds."""
    kept = set(sorted(range(len(tips)), key=lambda n: (-tips[n].score, n))[:_MOST_TIPS_A_POST])
    return [tip for n, tip in enumerate(tips) if n in kept]
