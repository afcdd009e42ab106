"""One job on one lane: which plans it takes, walked one after the other, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from archive.errors import ExchangeError, Fatal, OutOfBudget
from archive.models import Chat, Session
from archive.store import Archive
from archive.times import from_text, shift, to_text
from collector.due import Job, Lane
from collector.refs import Scope, bounds_of, load_answered, load_conversations, load_known, load_quoted
from collector.sources.base import Plan, Source
from collector.walker import Walked, Walker

_LEAD_IN = {"days": -1}
_WITHOUT_SESSION = timedelta(days=7)
_AFTER_FATAL = timedelta(minutes=5)  # a person may have mended the key by then
_AFTER_BUDGET = timedelta(minutes=10)  # credits may have been bought, or the budget raised
_LONGEST_BACKOFF = timedelta(minutes=30)
_FIRST_BACKOFF_SECONDS = 5.0
_LIVE_BACKOFF = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job. ``error`` is what stood in the way; ``not_before``: what the platform asked to wait for.

    ``answered``: the platform gave at least one good answer. ``gave_way``: something more urgent came between.
    ``given_up``: it came to its end, and a guard or a refusal ended one of its walks early.
    """

    job: Job
    done: bool
    answered: bool
    new_count: int = 0
    why: str | None = None
    error: ExchangeError | None = None
    not_before: str | None = None
    gave_way: bool = False
    given_up: bool = False
    walked: tuple[Walked, ...] = ()


def lanes_of(source: Source) -> list[Lane]:
    """The lanes of a platform: one, or one a server."""
    return [
        Lane(
            name=f"{source.name} {server}" if server else source.name,
            platform=source.name,
            server=server,
            poll_seconds=source.limits.poll_seconds,
            late=source.limits.late,
            counts=source.limits.counts,
        )
        for server in source.servers
    ]


def first_look_back(session: Session | None, archive: Archive) -> str:
    """How far back a first walk goes: to the day before its session, else seven days."""
    if session is None:
        return to_text(archive.clock() - _WITHOUT_SESSION)
    return shift(session.starts_at, **_LEAD_IN)


def perform(archive: Archive, walker: Walker, lane: Lane, chat: Chat, job: Job) -> Outcome:
    """Walks every plan of the job, as far as it goes now."""
    session = next((each for each in chat.sessions if each.id == job.session), None)
    since = first_look_back(session, archive) if job.kind in ("live", "asked") else None
    results: list[Walked] = []
    for plan in _plans(archive, walker.source, lane, chat, job, session):
        if walker.stop.is_set() or (results and walker.gives_way()):
            return _outcome(job, results, finished=False)
        walked = walker.walk(chat, plan, since, job.session)
        if walked.status == "abandoned" and walked.pages_count == 0:
            walked = walker.walk(chat, plan, since, job.session)  # a refused place: once more, from the beginning
        results.append(walked)
        if _hopeless(walked.error):
            return _outcome(job, results, finished=False)
    return _outcome(job, results, finished=True)


def _plans(
    archive: Archive, source: Source, lane: Lane, chat: Chat, job: Job, session: Session | None
) -> Iterator[Plan]:
    scope = Scope(chat.slug, source.name, bounds_of(chat, session), lane.server, source.servers, chat.hosts)
    plans: list[Plan] = []
    if job.kind in ("live", "asked"):
        plans = source.plans("tag", chat, job.window)
    elif job.kind in ("sweep", "look back"):
        plans = source.plans("sweep", chat, job.window)
    elif job.kind == "counts":
        plans = source.plans("counts", chat, job.window)
    elif job.kind == "recheck":
        plans = source.plans("posts", chat, refs=load_known(archive.conn, scope))
    elif job.kind == "thread":
        plans = plan_conversations(archive, source, chat, scope)
    return iter([plan for plan in plans if plan.server == lane.server])


def plan_conversations(archive: Archive, source: Source, chat: Chat, scope: Scope) -> list[Plan]:
    """What is asked for the posts around a scope that do not bear the hashtag."""
    conn = archive.conn
    return [
        *source.plans("thread", chat, refs=load_conversations(conn, scope)),
        *source.plans("replies", chat, refs=load_answered(conn, scope)),
        *source.plans("quotes", chat, refs=load_quoted(conn, scope)),
    ]


def _hopeless(error: ExchangeError | None) -> bool:
    """Whether the lane's other plans would meet the same: a key, a purse, a server that is down."""
    return error is not None and not (isinstance(error, ExchangeError) and error.status in (400, 404, 410))


def _outcome(job: Job, results: Sequence[Walked], *, finished: bool) -> Outcome:
    open_ones = [walked for walked in results if walked.status == "open"]
    abandoned = any(walked.status == "abandoned" for walked in results)
    first = next(iter(open_ones), None)
    return Outcome(
        job=job,
        done=finished and not open_ones and not abandoned,
        given_up=finished and not open_ones and abandoned,
        answered=any(walked.pages_count or walked.status == "done" for walked in results),
        new_count=sum(walked.new_count for walked in results),
        why=first.why if first else next((w.why for w in results if w.why), None),
        error=first.error if first else None,
        not_before=max((w.not_before for w in open_ones if w.not_before), default=None),
        gave_way=not finished or any(w.error is None and w.not_before is None for w in open_ones),
        walked=tuple(results),
    )


def rest_after(outcome: Outcome, fails: int, now: datetime, chance: Callable[[], float]) -> datetime | None:
    """Until when to leave the lane alone, after ``fails`` failures in a row; None: it can be asked again.

    What the platform says counts; else the pause doubles, with a random part so that many do not come at once. A live
    session never waits longer than a minute for a server that may be back.
    """
    if outcome.error is None and outcome.not_before is None:
        return None
    if outcome.not_before is not None:
        return from_text(outcome.not_before)
    if isinstance(outcome.error, Fatal):
        return now + (_LIVE_BACKOFF if outcome.job.kind == "live" else _AFTER_FATAL)
    if isinstance(outcome.error, OutOfBudget):
        return now + _AFTER_BUDGET
    longest = _LIVE_BACKOFF if outcome.job.kind == "live" else _LONGEST_BACKOFF
    seconds = _FIRST_BACKOFF_SECONDS * 2 ** min(fails, 12) * (0.5 + chance() / 2)
    return now + min(timedelta(seconds=seconds), longest)
