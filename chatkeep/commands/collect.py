"""collect: one complete capture now, or the running collector asked for one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import click
from rich.status import Status

from archive.errors import Stopped, TryLater, UsageError
from archive.jobs import ask, load_answer, withdraw
from archive.models import PLATFORM_NAMES, PLATFORMS, Chat, Session
from archive.store import Archive
from archive.times import to_text
from chatkeep import __version__
from chatkeep.app import App, is_terminal, json_option, pass_app, stoppable
from chatkeep.settings import Settings
from chatkeep.sources import build_sources, choose_sources
from chatkeep.state import is_run_alive
from chatkeep.unfolding import render_unfolded, unfold_window
from chatkeep.walk_words import raise_for, row_of, sentence_of, shown
from collector.lane import first_look_back
from collector.options import DEFAULT_OPTIONS
from collector.retrying import Retrying
from collector.sources.base import Source, Window
from collector.spending import Spending
from collector.transport import build_client
from collector.trusted_clock import TrustedClock
from collector.walker import PageSaved, Walked, Walker

_LOOK_SECONDS = 0.3


@click.command()
@click.argument("chat")
@click.option("--from", "from_text_", metavar="TIME", help="The first moment, local time, such as 2026-10-08T13:00.")
@click.option("--to", "to_text_", metavar="TIME", help="The moment to stop before, local time.")
@click.option("--source", "only", type=click.Choice(PLATFORMS), help="Ask this platform alone.")
@json_option
@pass_app
def collect(
    app: App, chat: str, from_text_: str | None, to_text_: str | None, only: str | None, *, as_json: bool
) -> None:
    """Capture the posts of CHAT from every platform now.

    The first time it goes back to the day before the latest session (or seven days); later it goes back to what it
    has, and a little further. With --from and --to it captures that time whole, however old. Then the links that people
    shared are looked up. Stopped or cut off, the same command goes on where it was.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(app.collecting())
        except TryLater:
            if not is_run_alive(app.archive_path, to_text(app.clock())):
                raise
            found, rows = _ask_the_run(app, chat, (from_text_, to_text_), only)
        else:
            found, rows = _collect_here(app, chat, (from_text_, to_text_), only)
    if as_json:
        app.show([shown(row) for row in rows], as_json=True)
    for row in [] if as_json else rows:
        app.say(sentence_of(row))
    raise_for(found, rows)


def _collect_here(
    app: App, name: str, times: tuple[str | None, str | None], only: str | None
) -> tuple[Chat, list[dict[str, Any]]]:
    settings, clock = app.load_settings(), TrustedClock(app.clock)
    with (
        app.opened("collect", clock) as archive,
        stoppable() as stop,
        build_client(__version__, on_response=clock.note) as http,
    ):
        chat = app.find_chat(archive, name)
        sources = choose_sources(build_sources(settings, http, clock, app.data), only, settings)
        window = _window(chat, *times)
        rows = [row_of(result) for result in _walk_all(app, archive, sources, (chat, window, settings), stop)]
        if settings.options.get(chat.slug, DEFAULT_OPTIONS).unfold_links and not stop.is_set():
            _unfold(app, archive, chat, window, stop)
        if stop.is_set():
            raise Stopped("stopped; the archive is whole, and the same command goes on where it was")
        return chat, rows


def _unfold(app: App, archive: Archive, chat: Chat, window: Window, stop: threading.Event) -> None:
    """Looks up the links of what was captured, and says what came of it beside the results."""
    since = window.start or first_look_back(session_of(chat, window, archive.now()), archive)
    with Status("looking up links…", console=app.remarks) if is_terminal() else nullcontext():
        done = unfold_window(archive, chat, Window(since, window.end), stop)
    if words := render_unfolded(done):
        app.remarks.print(words)


def _ask_the_run(
    app: App, name: str, times: tuple[str | None, str | None], only: str | None
) -> tuple[Chat, list[dict[str, Any]]]:
    """Leaves the wish for the running collector, which alone may capture, and waits for its answer."""
    settings = app.load_settings()
    with app.opened() as archive, stoppable() as stop:
        chat = app.find_chat(archive, name)
        if only is not None and only not in settings.sources:
            raise UsageError(
                f"{settings.path} has no [source.{only}]; add it, or choose of: {', '.join(settings.sources)}"
            )
        window = _window(chat, *times)
        session = session_of(chat, window, archive.now())
        pays = session.id if session else None
        key = ask(archive, chat.slug, {"start": window.start, "end": window.end, "only": only, "session": pays})
        app.remarks.print("a scheduled capture is running: it was asked to do this now")
        while (rows := load_answer(archive.conn, key)) is None:
            if stop.wait(_LOOK_SECONDS) or not is_run_alive(app.archive_path, to_text(app.clock())):
                withdraw(archive, key)
                raise Stopped("stopped asking; the scheduled capture goes on with its own work")
        withdraw(archive, key)
        return chat, rows


def _window(chat: Chat, start: str | None, end: str | None) -> Window:
    zone = ZoneInfo(chat.timezone)
    window = Window(_moment(start, zone, "--from"), _moment(end, zone, "--to"))
    if window.end and not window.start:
        raise UsageError("--to needs --from: say where to start too")
    if window.start and window.end and window.start >= window.end:
        raise UsageError("--from must be before --to")
    return window


def _moment(text: str | None, zone: ZoneInfo, option: str) -> str | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise UsageError(f"{option} {text!r} is not a time; write it as 2026-10-08T13:00") from error
    return to_text(moment if moment.tzinfo else moment.replace(tzinfo=zone))


def session_of(chat: Chat, window: Window, now: str) -> Session | None:
    """The session whose budget pays: the latest that has begun by the end of the window."""
    until = min(window.end or now, now)
    begun = [session for session in chat.sessions if session.starts_at <= until]
    return max(begun, key=lambda session: session.starts_at, default=None)


def _walk_all(
    app: App,
    archive: Archive,
    sources: list[Source],
    wanted: tuple[Chat, Window, Settings],
    stop: threading.Event,
) -> list[Walked]:
    chat, window, settings = wanted
    results = []
    session = session_of(chat, window, archive.now())
    since = None if window.start else first_look_back(session, archive)
    pays = session.id if session else None
    with _watching(app) as watch:
        for source in sources:
            spending = Spending(archive, source, settings.options)
            walker = Walker(archive, source, Retrying(stop), stop, watch, spending=spending)
            plans = source.plans("tag", chat, window)
            results += [walker.walk(chat, plan, since, pays) for plan in plans if not stop.is_set()]
    return results


def _watching(app: App) -> AbstractContextManager[Callable[[PageSaved], None]]:
    """A line that counts posts while a person watches."""
    return _Counter(app) if is_terminal() else nullcontext(lambda _: None)


class _Counter(AbstractContextManager[Callable[[PageSaved], None]]):
    def __init__(self, app: App) -> None:
        self._status = Status("asking…", console=app.remarks)
        self._counts: dict[str, int] = {}

    def __enter__(self) -> Callable[[PageSaved], None]:
        self._status.start()
        return self._count

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def _count(self, saved: PageSaved) -> None:
        self._counts[saved.platform] = self._counts.get(saved.platform, 0) + len(saved.batch.posts)
        words = ", ".join(f"{PLATFORM_NAMES[name]} {count} posts" for name, count in self._counts.items())
        self._status.update(f"read {words}")


COMMANDS = (collect,)
