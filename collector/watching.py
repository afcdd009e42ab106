"""What people must be told while it can still be helped: facts of the running capture in, alarms out. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from archive.alarms import Alarm
from archive.local_times import local_hour, local_moment
from archive.models import PLATFORM_NAMES, PLATFORMS, Platform, Problem
from archive.times import shift

LIVE_KINDS = frozenset({"silent", "empty"})
BUDGET_KINDS = frozenset({"budget"})
MACHINE_KINDS = frozenset({"disk", "locked", "settings", "clock"})

_SILENT_MINUTES = 3
_EMPTY_MINUTES = 10
_POSTS_ELSEWHERE = 10  # as many that a place which hears of the chat at all should have shown one of them
_BUDGET_WARNING = 0.8
_FREE_WARNING_BYTES = 1_000_000_000
_FREE_ERROR_BYTES = 200_000_000
_ROUND_MEGABYTES = 50  # so that a disk in use does not change the words at every look
_LOCKED_SECONDS = 60
_SKEW_WARNING_SECONDS = 60
_SKEW_ERROR_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneFacts:
    """What is known of one platform, or one Mastodon server, for one live session.

    ``lane``: its stable name. ``server``: its base URL where a platform has several. ``last_answer_at``: the last
    exchange that succeeded, of whatever session. ``last_error``: one line without secrets, of the latest attempt.
    ``next_at``: when it is asked again, where that is not at once. ``posts_count``: posts of this session it showed.
    ``is_paused``: it is left alone on purpose, such as for want of budget.
    """

    lane: str
    platform: Platform
    server: str = ""
    last_answer_at: str | None = None
    last_error: str | None = None
    next_at: str | None = None
    posts_count: int = 0
    is_paused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFacts:
    """One session and the lanes that capture it; times are archive texts, ``hashtag`` has no #."""

    id: str
    chat: str
    hashtag: str
    starts_at: str
    ends_at: str
    timezone: str = "Europe/London"
    lanes: tuple[LaneFacts, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetFacts:
    """One budget and what counts against it, open reservations included; in tenths of a US cent.

    ``session`` is the session's id for its budget, None for the month's. ``ended_why``: the platform itself refused
    paid work (402, usage cap), in one line. ``refused_why``: what is left does not pay for the next request, in one
    line with its remedy.
    """

    chat: str
    span: Literal["session", "month"]
    spent: int
    limit: int
    session: str | None = None
    platform: Platform = "x"
    ended_why: str | None = None
    refused_why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFacts:
    """What is known of the machine; None where it was not looked at. ``skew_seconds``: how far our clock is ahead.

    ``locked_seconds``: for how long the archive has refused to be written. ``settings_error``: the one line of the
    SettingsError, where chats.toml was changed and cannot be read.
    """

    folder: str
    free_bytes: int | None = None
    locked_seconds: float | None = None
    settings_error: str | None = None
    skew_seconds: float | None = None


def find_live_alarms(sessions: Iterable[SessionFacts], now: str) -> list[Alarm]:
    """The alarms of LIVE_KINDS: a lane of a live session that does not answer, or answers and shows nothing."""
    return [alarm for session in sessions for alarm in _watch_session(session, now)]


def find_budget_alarms(budgets: Iterable[BudgetFacts]) -> list[Alarm]:
    """The alarms of BUDGET_KINDS: a warning from 80 % on, an error when nothing is left or the platform says so."""
    return [alarm for budget in budgets if (alarm := _watch_budget(budget)) is not None]


def find_problem_alarms(problems: Iterable[Problem], kind: str = "check") -> list[Alarm]:
    """Each problem that a check found, as an alarm of ``kind`` and its level; figures in it do not make it another."""
    return [
        Alarm(
            key=f"{kind}|{problem.where}|{re.sub(r'[0-9]+', '#', problem.message)}",
            kind=kind,
            level=problem.level,
            message=f"{PLATFORM_NAMES.get(problem.where, problem.where)}: {problem.message.rstrip('.')}",
            remedy=_sentence(problem.remedy),
            platform=_platform(problem.where),
        )
        for problem in problems
    ]


def find_machine_alarms(facts: MachineFacts) -> list[Alarm]:
    """The alarms of MACHINE_KINDS: disk, archive, settings and clock."""
    found = [] if facts.free_bytes is None else find_problem_alarms(check_disk(facts.folder, facts.free_bytes), "disk")
    if facts.locked_seconds is not None and facts.locked_seconds >= _LOCKED_SECONDS:
        minutes = int(facts.locked_seconds // 60)
        message = f"another program has kept the archive in {facts.folder} locked for {_count(minutes, 'minute')}"
        remedy = "Close the program that has archive.db open: until then nothing new can be saved"
        found.append(Alarm(key="locked", kind="locked", level="error", message=message, remedy=remedy))
    if facts.settings_error is not None:
        message = f"the changed settings cannot be read, the old ones stay in force: {facts.settings_error}"
        remedy = "Mend that line of the settings; they are taken up within a minute"
        found.append(Alarm(key="settings", kind="settings", level="error", message=message, remedy=remedy))
    if facts.skew_seconds is not None and abs(facts.skew_seconds) >= _SKEW_WARNING_SECONDS:
        found.append(_watch_clock(facts.skew_seconds))
    return found


def check_disk(folder: str, free_bytes: int) -> list[Problem]:
    """Whether the disk has room: an error below 200 MB, a warning below 1 GB."""
    if free_bytes >= _FREE_WARNING_BYTES:
        return []
    steps = free_bytes // (_ROUND_MEGABYTES * 1_000_000) + 1
    message = f"the disk is nearly full, less than {steps * _ROUND_MEGABYTES} MB are free"
    level: Literal["error", "warning"] = "error" if free_bytes < _FREE_ERROR_BYTES else "warning"
    return [Problem(folder, message, "free some space now: on a full disk nothing can be captured", level)]


def _watch_session(session: SessionFacts, now: str) -> Iterator[Alarm]:
    if not session.starts_at <= now <= session.ends_at:
        return
    watched = [lane for lane in session.lanes if not lane.is_paused]
    silent = [lane for lane in watched if _is_silent(lane, session, now)]
    everywhere = len(silent) == len(watched) > 1
    yield from (_silent_alarm(lane, session, now, everywhere=everywhere) for lane in silent)
    if now < shift(session.starts_at, minutes=_EMPTY_MINUTES):
        return
    for lane in watched:
        elsewhere = sum(other.posts_count for other in session.lanes if other.lane != lane.lane)
        if lane not in silent and lane.posts_count == 0 and elsewhere >= _POSTS_ELSEWHERE:
            yield _empty_alarm(lane, session, elsewhere)


def _is_silent(lane: LaneFacts, session: SessionFacts, now: str) -> bool:
    """Three minutes without an answer, of which the session has run for three: what came before it counts too."""
    horizon = shift(now, minutes=-_SILENT_MINUTES)
    return session.starts_at <= horizon and (lane.last_answer_at or "") <= horizon


def _silent_alarm(lane: LaneFacts, session: SessionFacts, now: str, *, everywhere: bool) -> Alarm:
    since = "at all"
    if lane.last_answer_at is not None:
        since = f"since {local_moment(lane.last_answer_at, session.timezone, now)}"
    why = f": {lane.last_error.rstrip('.')}" if lane.last_error else ""
    remedy = "No place answers, so look at this machine's internet connection first" if everywhere else _look_at(lane)
    if lane.next_at is not None and lane.next_at > now:
        remedy += f"; it is asked again at {local_hour(lane.next_at, session.timezone)}"
    return Alarm(
        key=f"silent|{session.id}|{lane.lane}",
        kind="silent",
        level="error",
        message=f"#{session.hashtag}: {_name(lane)} has not answered {since}{why}",
        remedy=remedy,
        chat=session.chat,
        session=session.id,
        platform=lane.platform,
    )


def _look_at(lane: LaneFacts) -> str:
    what = "the server" if lane.server else f"{_name(lane)}'s status page"
    return f"Run `chatkeep check`, and look at {what} in a browser; posts missed now are fetched when it answers again"


def _empty_alarm(lane: LaneFacts, session: SessionFacts, elsewhere: int) -> Alarm:
    hour = local_hour(session.starts_at, session.timezone)
    return Alarm(
        key=f"empty|{session.id}|{lane.lane}",
        kind="empty",
        level="warning",
        # no figure of the moment: the words must not change with every post
        message=f"#{session.hashtag}: {_name(lane)} answers, and has shown no post since {hour}, while other places"
        f" have shown {_POSTS_ELSEWHERE if elsewhere < 100 else 100} or more",
        remedy="Run `chatkeep check`: a server may have closed its hashtag feeds. If nobody of the chat posts there,"
        " nothing is wrong",
        chat=session.chat,
        session=session.id,
        platform=lane.platform,
    )


def _watch_budget(budget: BudgetFacts) -> Alarm | None:
    if budget.refused_why is not None:
        return _refused_alarm(budget, budget.refused_why)
    if budget.ended_why is None and budget.spent < _BUDGET_WARNING * budget.limit:
        return None
    name = PLATFORM_NAMES[budget.platform]
    figures = f"{_dollars(budget.spent)} of {_dollars(budget.limit)}"
    message = f"{budget.chat}: {figures} of the {budget.span}'s budget for {name} is spent"
    is_over = budget.ended_why is not None or budget.spent >= budget.limit
    if budget.ended_why is not None:
        message = f"{budget.chat}: {name} takes no more paid work: {budget.ended_why.rstrip('.')}"
    elif is_over:
        message = f"{message}: {name} is no longer asked"
    remedy = f"Raise `{budget.span}` of the chat's budget in chats.toml, or let it rest: the place is kept"
    if budget.ended_why is not None:
        remedy = f"Look at credits and usage in {name}'s developer console; the place is kept"
    return Alarm(
        key=f"budget|{budget.chat}|{budget.session or budget.span}|{budget.platform}",
        kind="budget",
        level="error" if is_over else "warning",
        message=message,
        remedy=remedy,
        chat=budget.chat,
        session=budget.session,
        platform=budget.platform,
    )


def _refused_alarm(budget: BudgetFacts, why: str) -> Alarm:
    """The budget itself stops the capture, spent or too small from the start; the refusal says it all."""
    message, _, remedy = why.partition("; ")
    return Alarm(
        key=f"budget|{budget.chat}|{budget.session or budget.span}|{budget.platform}",
        kind="budget",
        level="error",
        message=message,
        remedy=_sentence(remedy) or "Raise the chat's budget in chats.toml",
        chat=budget.chat,
        session=budget.session,
        platform=budget.platform,
    )


def _watch_clock(skew: float) -> Alarm:
    way = "ahead" if skew > 0 else "behind"
    message = f"this machine's clock is {_count(round(abs(skew) / 60), 'minute')} {way}; sessions begin by it"
    remedy = "Let the machine set its clock by the internet"
    level: Literal["error", "warning"] = "error" if abs(skew) >= _SKEW_ERROR_SECONDS else "warning"
    return Alarm(key="clock", kind="clock", level=level, message=message, remedy=remedy)


def _name(lane: LaneFacts) -> str:
    return urlsplit(lane.server).netloc or PLATFORM_NAMES[lane.platform]


def _platform(where: str) -> str | None:
    """The platform that a check speaks of, in whatever way it names it (x, X, "Mastodon, social.example")."""
    return next((p for p in PLATFORMS if where.partition(",")[0] in (p, PLATFORM_NAMES[p])), None)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _dollars(tenth_cents: int) -> str:
    return f"${tenth_cents / 1000:.2f}"
