"""Is it working? What the archive and the lock say of the capture, its sessions, alarms, waiting work and money."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from analysis.coverage_listening import find_listened, load_intervals
from archive.alarms import KeptAlarm, load_open_alarms
from archive.local_times import local_moment
from archive.models import PLATFORMS, Chat, Session
from archive.opening import storage_errors
from archive.times import shift

_STALE_MINUTES = 2  # a running capture notes twice a minute that it is alive, unless the disk refuses it
_SHORTEST_GAP_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """The latest `chatkeep run`. ``is_alive`` None: nobody can tell. ``other``: another command that captures now."""

    is_alive: bool | None
    started_at: str | None = None
    last_alive_at: str | None = None
    ended_at: str | None = None
    next_at: str | None = None
    doing: str | None = None
    other: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionState:
    """A session that is over, live or next; ``hashtag`` has no #."""

    id: str
    chat: str
    hashtag: str
    timezone: str
    starts_at: str
    ends_at: str
    state: str
    posts_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Everything that the first line of `status` rests on. ``unfinished_count``: captures begun and not ended."""

    now: str
    run: RunState
    chats_count: int
    sessions: tuple[SessionState, ...] = ()
    alarms: tuple[KeptAlarm, ...] = ()
    unfinished_count: int = 0
    posts_count: int = 0


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in a session in which one listener or poller was not at work, and why, where that is known."""

    platform: str
    key: str
    start: str
    end: str
    why: str | None


def is_collecting(data: Path) -> bool | None:
    """Whether a capture holds the lock of this archive; None where that cannot be tried."""
    path = data / "collecting.lock"
    if not path.exists():
        return False
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return True
    except OSError:
        return None
    lock.release()
    return False


def load_run(conn: sqlite3.Connection, is_held: bool | None, now: str) -> RunState:
    """What is known of the scheduled capture; ``is_held``: what is_collecting() said."""
    columns = "started_at, coalesce(last_alive_at, started_at), ended_at, next_at, doing FROM runs"
    row = conn.execute(f"SELECT {columns} WHERE command = 'run' ORDER BY id DESC LIMIT 1").fetchone()
    started, last, ended, next_at, doing = row or (None,) * 5
    other = _find_other(conn, started) if is_held else None
    # of a capture that was killed the row stays open; then the lock is held by what came after it
    is_gone = started is None or ended is not None or (other is not None and _is_stale(last, now))
    return RunState(
        is_alive=False if is_gone else is_held, started_at=started, last_alive_at=last, ended_at=ended,
        next_at=None if is_gone else next_at, doing=None if is_gone else doing, other=other if is_gone else None,
    )  # fmt: skip


def _find_other(conn: sqlite3.Connection, since: str | None) -> str | None:
    """The command that captures now, begun after the latest run."""
    row = conn.execute(
        "SELECT command FROM runs WHERE ended_at IS NULL AND command IN ('collect', 'parse', 'recheck')"
        " AND started_at > ? ORDER BY id DESC LIMIT 1",
        (since or "",),
    ).fetchone()
    return None if row is None else str(row[0])


def _is_stale(last_alive_at: str | None, now: str) -> bool:
    return (last_alive_at or "") < shift(now, minutes=-_STALE_MINUTES)


def load_sessions(conn: sqlite3.Connection, chat: Chat, now: str, *, is_watched: bool = True) -> list[SessionState]:
    """Of one chat the live sessions, the latest that is over and the next, in order of time.

    A chat that the settings name no longer is not captured, so none of its sessions is live or next.
    """
    live = [s for s in chat.sessions if s.starts_at <= now < s.ends_at and is_watched]
    over = [s for s in chat.sessions if s.ends_at <= now][-1:]
    coming = [s for s in chat.sessions if s.starts_at > now and is_watched][:1]
    return [
        _session(conn, chat, session, state)
        for state, sessions in (("over", over), ("live", live), ("next", coming))
        for session in sessions
    ]


def load_gaps(conn: sqlite3.Connection, session: SessionState, now: str) -> list[Gap]:
    """Times of more than a minute in a session at which a listener that we had was not at work, by listener."""
    sitting = Session(id=session.id, chat=session.chat, starts_at=session.starts_at, ends_at=session.ends_at)
    intervals = load_intervals(conn, sitting)
    return [
        Gap(listened.platform, listened.lane, start, end, why)
        for platform in PLATFORMS
        for listened in find_listened(platform, sitting, intervals, now)
        for start, end, why in listened.gaps
        if end > shift(start, seconds=_SHORTEST_GAP_SECONDS)
    ]


def load_state(
    conn: sqlite3.Connection,
    chats: Sequence[Chat],
    now: str,
    is_held: bool | None,
    watched_count: int,
    watched: Collection[str] | None = None,
) -> State:
    """Everything about ``chats``; alarms of the machine belong to all of them. ``watched``: those that the settings
    name; None: all.
    """
    slugs = {chat.slug for chat in chats}
    alarms = [kept for kept in load_open_alarms(conn) if kept.alarm.chat is None or kept.alarm.chat in slugs]
    unfinished = [
        row[0] for row in conn.execute("SELECT chat FROM walks WHERE status = 'open' AND key NOT LIKE '%|live|%'")
    ]
    return State(
        now=now,
        run=load_run(conn, is_held, now),
        chats_count=watched_count,
        sessions=tuple(
            session
            for chat in chats
            for session in load_sessions(conn, chat, now, is_watched=watched is None or chat.slug in watched)
        ),
        alarms=tuple(alarms),
        unfinished_count=sum(chat in slugs for chat in unfinished),
        posts_count=conn.execute("SELECT count(*) FROM (SELECT 1 FROM posts LIMIT 1)").fetchone()[0],
    )


def is_working(state: State) -> bool:
    """Whether the scheduled capture is at work: its lock is held, or cannot be tried, and it gives signs of life."""
    return _is_at_work(state.run, state.now)


def is_run_alive(path: Path, now: str) -> bool:
    """The same, asked by a command that met the lock of the archive at ``path``."""
    if not path.exists():
        return False
    with storage_errors(path), closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as conn:
        return _is_at_work(load_run(conn, is_held=True, now=now), now)


def _is_at_work(run: RunState, now: str) -> bool:
    return run.is_alive is not False and not _is_stale(run.last_alive_at, now)


def render_verdict(state: State) -> str:
    """The first line of `status`: is it working, and if not, what to do now."""
    if state.chats_count == 0:
        return "There is no chat yet: `chatkeep init` sets one up."
    if is_working(state):
        return _working(state)
    if state.run.is_alive:
        since = local_moment(state.run.last_alive_at or state.now, _zone(state), state.now)
        return (
            f"Not working: `chatkeep run` is there and has given no sign of life since {since}."
            f" {_at_stake(state)}End it and start it again; nothing captured is lost."
        )
    return f"Not running: {_last_heard(state)}{_what_now(state)}"


def _working(state: State) -> str:
    if state.alarms:
        count = len(state.alarms)
        more = f" (and {count - 1} more, below)" if count > 1 else ""
        return f"Working, with {_count(count, 'problem')}: {state.alarms[0].alarm.message}{more}."
    watched = f"{_count(state.chats_count, 'chat')} {'is' if state.chats_count == 1 else 'are'} watched"
    live = [session for session in state.sessions if session.state == "live"]
    coming = sorted((s for s in state.sessions if s.state == "next"), key=lambda s: s.starts_at)
    if len(live) == 1:
        until = local_moment(live[0].ends_at, live[0].timezone, state.now)
        return f"Working: {watched}; #{live[0].hashtag} is live until {until}, {_posts(live[0])} so far."
    if live:
        each = ", ".join(f"#{session.hashtag} with {_posts(session)}" for session in live)
        return f"Working: {watched}; {len(live)} sessions are live: {each} so far."
    if coming:
        return f"Working: {watched}; #{coming[0].hashtag} is next, {_when(coming[0], state.now)}."
    return f"Working: {watched}; no session is planned in chats.toml."


def _last_heard(state: State) -> str:
    run = state.run
    if run.other is not None:
        return f"only `chatkeep {run.other}` is at work now; "
    if run.started_at is None:
        return "the capture (`chatkeep run`) was never started here; "
    if run.ended_at is not None:
        return f"the capture (`chatkeep run`) ended at {local_moment(run.ended_at, _zone(state), state.now)}; "
    last = local_moment(run.last_alive_at or run.started_at, _zone(state), state.now)
    return f"the capture (`chatkeep run`) was last alive at {last}; "


def _what_now(state: State) -> str:
    if stake := _at_stake(state):
        return f"{stake}Start it with `chatkeep run`."
    coming = sorted((s for s in state.sessions if s.state == "next"), key=lambda s: s.starts_at)
    if coming:
        return f"#{coming[0].hashtag} is next, {_when(coming[0], state.now)}. Start `chatkeep run` before it."
    if state.unfinished_count:
        return f"{_count(state.unfinished_count, 'capture')} not finished yet: see below."
    return "every capture that was begun is complete." if state.posts_count else "nothing is captured yet."


def _at_stake(state: State) -> str:
    """What is being lost just now, as the rest of a sentence, or nothing."""
    live = [session for session in state.sessions if session.state == "live"]
    if not live:
        return ""
    names = ", ".join(f"#{s.hashtag} at {local_moment(s.starts_at, s.timezone, state.now)}" for s in live)
    return f"the session of {names} is not being captured. "


def _session(conn: sqlite3.Connection, chat: Chat, session: Session, state: str) -> SessionState:
    count = conn.execute(
        "SELECT count(*) FROM posts WHERE posted_at >= ? AND posted_at < ?"
        " AND EXISTS (SELECT 1 FROM sightings WHERE sightings.post = posts.id AND sightings.chat = ?)",
        (session.starts_at, session.ends_at, chat.slug),
    ).fetchone()[0]
    return SessionState(
        id=session.id, chat=chat.slug, hashtag=chat.hashtags[0], timezone=chat.timezone, starts_at=session.starts_at,
        ends_at=session.ends_at, state=state, posts_count=count,
    )  # fmt: skip


def _zone(state: State) -> str:
    return state.sessions[0].timezone if state.sessions else "Europe/London"


def _when(session: SessionState, now: str) -> str:
    moment = local_moment(session.starts_at, session.timezone, now)
    return f"on {moment}" if "," in moment else f"today at {moment}"


def _posts(session: SessionState) -> str:
    return _count(session.posts_count, "post")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
