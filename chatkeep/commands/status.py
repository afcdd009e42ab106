"""status: is it working, what is captured, what is open, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from analysis.coverage_certificate import build_certificates
from archive.alarms import KeptAlarm
from archive.errors import SettingsError
from archive.ledger import load_spent
from archive.local_times import local_moment
from archive.models import PLATFORM_NAMES, Chat
from archive.opening import storage_errors
from archive.store import Archive, open_archive
from chatkeep.app import App, json_option, pass_app
from chatkeep.commands.findings import count_rows
from chatkeep.settings import Settings
from chatkeep.state import (
    SessionState,
    State,
    is_collecting,
    is_working,
    load_gaps,
    load_state,
    render_verdict,
)
from collector.options import DEFAULT_OPTIONS
from publish.coverage_picture import render_coverage_picture

_JOBS_SHOWN = 20
_SESSIONS_DRAWN = 3


@click.command()
@click.argument("chat", required=False)
@json_option
@pass_app
def status(app: App, chat: str | None, *, as_json: bool) -> None:
    """Say whether the capture works, in the first line; then sessions, problems, open work and what each minute proves.

    It can be asked at any time, also while `chatkeep run` is at work. With CHAT it tells of that chat alone.
    """
    settings, broken = _read_settings(app)
    with _opened(app, broken) as archive, storage_errors(app.archive_path):
        chats = [app.find_chat(archive, chat)] if chat else list(archive.load_chats().values())
        count = len(chats) if chat else len(settings.chats) or len(chats)
        watched = set(settings.chats) or {each.slug for each in chats}
        state = load_state(archive.conn, chats, archive.now(), is_collecting(app.data), count, watched)
        told = _tell(archive, (chats, settings), state)
        picture = _draw_coverage(app, archive, chats[0]) if chat and not as_json else None
    if as_json:
        app.show([told], as_json=True)
    else:
        app.say(render_verdict(state))
        _show_alarms(app, state)
        _show_tables(app, chats, told, state, picture)
    if broken is not None:
        raise broken


def _read_settings(app: App) -> tuple[Settings, SettingsError | None]:
    """The settings, or none and what is wrong with them: the archive can be asked all the same."""
    try:
        return app.load_settings(), None
    except SettingsError as error:
        return Settings(app.config), error


@contextmanager
def _opened(app: App, broken: SettingsError | None) -> Iterator[Archive]:
    if broken is None:
        with app.opened() as archive:
            yield archive
    elif not app.archive_path.exists():
        raise broken
    else:
        with open_archive(app.archive_path, app.clock) as archive:
            yield archive


def _tell(archive: Archive, asked: tuple[Sequence[Chat], Settings], state: State) -> dict[str, Any]:
    """Everything that status knows, for a program: times as the archive writes them, money in US dollars."""
    run, (chats, settings) = state.run, asked
    return {
        "verdict": render_verdict(state),
        "working": is_working(state),
        "run": {
            "alive": run.is_alive, "started_at": run.started_at, "last_alive_at": run.last_alive_at,
            "ended_at": run.ended_at, "next_at": run.next_at, "doing": run.doing, "other": run.other,
        },
        "sessions": [
            {"session": s.id, "chat": s.chat, "state": s.state, "starts": s.starts_at, "ends": s.ends_at,
             "posts": s.posts_count}
            for s in state.sessions
        ],
        "alarms": [_alarm_row(kept) for kept in state.alarms],
        "chats": [_chat_row(archive, chat) for chat in chats],
        "unfinished": [row for chat in chats for row in _open_walks(archive, chat)],
        "waiting": [row for chat in chats for row in _waiting_jobs(archive, chat)],
        "spending": _spending_rows(archive, settings, state),
        "gaps": _gap_rows(archive, state),
        "coverage": _coverage_rows(archive, chats),
        "problems": [row for chat in chats for row in _problems(archive, chat)],
    }  # fmt: skip


def _show_alarms(app: App, state: State) -> None:
    """Each alarm in two lines; of a capture that is not running they are what it knew when it ended."""
    if not state.alarms:
        return
    app.say("\nProblems" if is_working(state) else "\nProblems when the capture last looked")
    zones = {session.chat: session.timezone for session in state.sessions}
    for kept in state.alarms:
        zone = zones.get(kept.alarm.chat or "", next(iter(zones.values()), "Europe/London"))
        since = local_moment(kept.raised_at, zone, state.now)
        app.say(f"  {kept.alarm.level}, since {since}: {kept.alarm.message}.\n    {kept.alarm.remedy}.")


def _show_tables(app: App, chats: Sequence[Chat], told: dict[str, Any], state: State, picture: str | None) -> None:
    now = state.now

    def show(name: str, title: str | None = None, times: Sequence[str] = ()) -> None:
        rows = [_in_local_time(row, chats, now, times) for row in told[name]]
        app.show(rows, as_json=False, title=f"\n{title}" if title else None)

    app.show([_session_row(session, now) for session in state.sessions], as_json=False, title="\nSessions")
    show("chats", "Chats")
    _show_coverage(app, told["coverage"], picture)
    show("gaps", "Times when nobody listened", ("from", "to"))
    show("unfinished", "Not finished", ("begun", "not before"))
    more = len(told["waiting"]) - _JOBS_SHOWN
    told = {**told, "waiting": told["waiting"][:_JOBS_SHOWN]}
    show("waiting", f"To be tried again{f' (and {more} more)' if more > 0 else ''}", ("due", "not before"))
    told = {**told, "spending": [_in_dollars(row) for row in told["spending"]]}
    show("spending", "Spent or set aside on X so far")
    show("problems", "What could not be read")


def _in_dollars(row: dict[str, Any]) -> dict[str, Any]:
    return {name: f"${value:.2f}" if isinstance(value, float) else value for name, value in row.items()}


def _session_row(session: SessionState, now: str) -> dict[str, Any]:
    begun, ended = (local_moment(text, session.timezone, now) for text in (session.starts_at, session.ends_at))
    return {
        "session": session.id,
        "when": f"{begun} to {ended.rpartition(' ')[2]}",
        "state": session.state,
        "posts": session.posts_count,
    }


def _show_coverage(app: App, rows: Sequence[dict[str, Any]], picture: str | None) -> None:
    """What the minutes of each session prove: of one chat as a picture, of several as a table."""
    if picture:
        app.say(f"\n{picture}")
    elif rows:
        app.show(rows, as_json=False, title="\nMinutes of each session: what the capture proves")


def _draw_coverage(app: App, archive: Archive, chat: Chat) -> str | None:
    """The picture of the latest sessions, in the letters that this output can show; None where none has begun."""
    certificates = build_certificates(archive.conn, chat, archive.now(), most=_SESSIONS_DRAWN)
    if not certificates:
        return None
    try:
        "█▒".encode(app.out.encoding)
    except (UnicodeEncodeError, LookupError):
        return render_coverage_picture(certificates, min(app.out.width, 100), ascii_only=True)
    return render_coverage_picture(certificates, min(app.out.width, 100))


def _coverage_rows(archive: Archive, chats: Sequence[Chat]) -> list[dict[str, Any]]:
    """Per session and platform, how many minutes are complete, partial and unknown; judged now, not when analysed."""
    return [
        {
            "session": certificate.session.id,
            "platform": PLATFORM_NAMES[one.platform],
            "complete": one.count("complete"),
            "partial": one.count("partial"),
            "unknown": one.count("unknown"),
            "why not complete": next((span.why for span in one.spans if span.state != "complete"), None),
        }
        for chat in chats
        for certificate in build_certificates(archive.conn, chat, archive.now(), most=_SESSIONS_DRAWN)
        for one in certificate.platforms
    ]


def _in_local_time(row: dict[str, Any], chats: Sequence[Chat], now: str, columns: Sequence[str]) -> dict[str, Any]:
    """The row for a person: times in the chat's own zone, and no chat beside its session, which names it."""
    zone = next((chat.timezone for chat in chats if chat.slug == row.get("chat")), "Europe/London")
    return {
        name: local_moment(value, zone, now) if name in columns and value is not None else value
        for name, value in row.items()
        if name != "chat" or not row.get("session")
    }


def _alarm_row(kept: KeptAlarm) -> dict[str, Any]:
    alarm = kept.alarm
    return {
        "level": alarm.level, "kind": alarm.kind, "chat": alarm.chat, "session": alarm.session,
        "platform": alarm.platform, "since": kept.raised_at, "sent_at": kept.sent_at, "message": alarm.message,
        "remedy": alarm.remedy,
    }  # fmt: skip


def _chat_row(archive: Archive, chat: Chat) -> dict[str, Any]:
    sighted = dict(
        archive.conn.execute(
            "SELECT platform, count(DISTINCT post) FROM sightings JOIN posts ON posts.id = post WHERE chat = ?"
            " GROUP BY platform",
            (chat.slug,),
        ).fetchall()
    )
    return {
        "chat": chat.slug,
        "sessions": len(chat.sessions),
        "posts": sum(sighted.values()),
        **{name: sighted.get(platform, 0) for platform, name in PLATFORM_NAMES.items()},
        "tips": count_rows(archive, chat, "tips", "count(nullif(state, 'rejected'))"),
        "problems": archive.conn.execute(
            "SELECT count(*) FROM problems WHERE chat = ? AND resolved_at IS NULL AND kind <> 'repaired'", (chat.slug,)
        ).fetchone()[0],
    }


def _open_walks(archive: Archive, chat: Chat) -> list[dict[str, Any]]:
    rows = archive.conn.execute(
        "SELECT platform, opened_at, pages_count, not_before, why, key FROM walks WHERE chat = ? AND status = 'open'"
        " AND key NOT LIKE '%|live|%'",  # a stream's walk is open as long as it listens
        (chat.slug,),
    )
    return [
        {
            "chat": chat.slug,
            "what": _what(platform, key),
            "begun": opened_at,
            "pages": pages,
            "not before": not_before,
            "why": why,
        }
        for platform, opened_at, pages, not_before, why, key in rows
    ]


def _what(platform: str, key: str) -> str:
    """The unfinished work in words: an import is finished by importing its file again, the rest by capturing."""
    _, purpose, plan = key.split("|", 2)
    if purpose == "import":
        return f"import of {plan.partition('|')[2]}: import the file again"
    return f"{PLATFORM_NAMES[platform]}: `chatkeep run` goes on with it, or `chatkeep collect`"


def _waiting_jobs(archive: Archive, chat: Chat) -> list[dict[str, Any]]:
    rows = archive.conn.execute(
        "SELECT kind, session, lane, due_at, tries_count, not_before, why FROM jobs"
        " WHERE chat = ? AND state = 'waiting' ORDER BY due_at, key",
        (chat.slug,),
    )
    names = ("chat", "what", "session", "where", "due", "tries", "not before", "why")
    return [dict(zip(names, (chat.slug, *row), strict=True)) for row in rows]


def _spending_rows(archive: Archive, settings: Settings, state: State) -> list[dict[str, Any]]:
    """Of each chat that costs anything: this month (UTC), and the live or latest session, each with its budget."""
    latest = {session.chat: session.id for session in state.sessions if session.state != "next"}
    rows = []
    for chat in dict.fromkeys(session.chat for session in state.sessions):
        budget, session = settings.options.get(chat, DEFAULT_OPTIONS).budget, latest.get(chat)
        month = load_spent(archive.conn, chat, month=state.now[:7])
        own = load_spent(archive.conn, chat, session=session) if session else 0
        if month or own:
            rows.append(
                {
                    "chat": chat,
                    "this month": month / 1000,
                    "of": budget.month / 1000,
                    "session": session,
                    "this session": own / 1000,
                    "of its": budget.session / 1000,
                }
            )
    return rows


def _gap_rows(archive: Archive, state: State) -> list[dict[str, Any]]:
    return [
        {
            "chat": session.chat,
            "session": session.id,
            "platform": PLATFORM_NAMES.get(gap.platform, gap.platform),
            "listener": gap.key,
            "from": gap.start,
            "to": gap.end,
            "why": gap.why,
        }
        for session in state.sessions
        if session.state != "next"
        for gap in load_gaps(archive.conn, session, state.now)
    ]


def _problems(archive: Archive, chat: Chat) -> list[dict[str, Any]]:
    rows = archive.conn.execute(
        "SELECT kind, detail, count(*), min(line) FROM problems WHERE chat = ? AND resolved_at IS NULL"
        " GROUP BY kind, detail ORDER BY count(*) DESC LIMIT 20",
        (chat.slug,),
    )
    return [
        {"chat": chat.slug, "kind": kind, "detail": detail, "times": times, "first line": line}
        for kind, detail, times, line in rows
    ]


COMMANDS = (status,)
