"""The questions of a guide, each with its best answers: without reposts and repeats, threads whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from publish.findings import Byline, ChatFindings, KeptPost, KeptQuestion, KeptTip, SessionFindings
from publish.guide_model import ACCEPTED, GuideQuestion, Said
from publish.guide_saying import find_threads, say, say_once
from publish.guide_tips import question_heading, session_title
from publish.guide_words import fold

BEST_ANSWERS = 5
_ANSWERS_PER_PERSON = 2  # a chat is many voices; one prolific author would fill the list


def build_questions(
    found: ChatFindings, held: Sequence[SessionFindings], advertisers: frozenset[str]
) -> tuple[GuideQuestion, ...]:
    """Every question of the chat in order, with what was best said to it."""
    several = len(held) > 1
    return tuple(
        GuideQuestion(
            heading=question_heading(question.label, question.text),
            date=session_title(found, session) if several else None,
            best=_find_best(found, session, question, advertisers),
            answers_count=sum(session.by_id[post].kind != "repost" for post in question.answers),
            people_count=len({session.by_id[post].by.person for post in question.answers}),
        )
        for session in held
        for question in session.questions
    )


def _find_best(
    found: ChatFindings, session: SessionFindings, question: KeptQuestion, advertisers: frozenset[str]
) -> tuple[Said, ...]:
    """The answers that hold the best tips, at most two a person; of equal words the first, naming the others."""
    threads = find_threads(session)
    best: dict[str, list[Said]] = {}
    told: Counter[str] = Counter()
    shown: set[str] = set()
    tips = _tips_by_post(session)
    accepted = {(tip.post.id, fold(tip.text)) for tip in session.tips if tip.is_accepted}
    for post in _rank(session, question, tips, advertisers):
        if post.id in shown:
            continue
        parts = [session.by_id[part] for part in threads.get(post.id, (post.id,))]
        shown.update(part.id for part in parts)
        said = say(found, parts, question.number, support=_support(parts, tips))
        key = fold(said.text)
        if any((part.id, key) in accepted for part in parts):
            said = replace(said, review=ACCEPTED)
        if key in best:
            best[key].append(said)
        elif told[post.by.person] < _ANSWERS_PER_PERSON and len(best) < BEST_ANSWERS:
            told[post.by.person] += 1
            best[key] = [said]
    return tuple(say_once(same) for same in best.values())


def _tips_by_post(session: SessionFindings) -> dict[str, KeptTip]:
    tips: dict[str, KeptTip] = {}
    for tip in session.tips:  # accepted and best ones first, so the first of a post is its best
        if tip.kind != "question":
            tips.setdefault(tip.post.id, tip)
    return tips


def _support(parts: Iterable[KeptPost], tips: Mapping[str, KeptTip]) -> tuple[Byline, ...]:
    backing = {by.person: by for part in parts if part.id in tips for by in tips[part.id].supporters}
    return tuple(backing.values())


def _rank(
    session: SessionFindings, question: KeptQuestion, tips: Mapping[str, KeptTip], advertisers: frozenset[str]
) -> list[KeptPost]:
    repeats = {post for tip in session.tips for post in tip.repeats}
    answers = [
        post
        for post in (session.by_id[post] for post in question.answers)
        if post.kind != "repost" and post.id not in repeats and post.by.person not in advertisers
    ]
    return sorted(
        [post for post in answers if post.id in tips] or answers,
        key=lambda post: (
            not (post.id in tips and tips[post.id].is_accepted),
            -(tips[post.id].score if post.id in tips else 0),
            -len(tips[post.id].supporters if post.id in tips else ()),
            -question.answers[post.id],
            post.posted_at,
            post.id,
        ),
    )
