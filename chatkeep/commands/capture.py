"""collect, import and parse: posts come in, by the platforms' own protocols and from files."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import click
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.status import Status

from analysis.membership import propose_sessions, render_proposals
from analysis.outside import count_outside
from archive.errors import ChatkeepError, ExchangeError, Fatal, PartlyDone, Stopped, TryLater, UsageError
from archive.models import PLATFORM_NAMES, PLATFORMS, Chat, normalise_tag
from archive.store import Archive
from archive.times import shift, to_text
from chatkeep import __version__
from chatkeep.app import App, is_terminal, json_option, pass_app, stoppable
from chatkeep.settings import find_chat
from chatkeep.sources import build_parsers, build_sources, choose_sources
from collector.importing import Imported, import_file
from collector.reparse import reparse
from collector.retrying import Retrying
from collector.sources.base import Source, Window
from collector.sources.files import FILE_SOURCES, find_format
from collector.transport import build_client
from collector.walker import PageSaved, Walked, Walker

_LEAD_IN = {"days": -1}
_WITHOUT_SESSIONS = timedelta(days=7)


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
    has, and a little further. With --from and --to it captures that time whole, however old. Stopped or cut off, the
    same command goes on where it was.
    """
    settings = app.load_settings()
    with app.collecting(), app.opened("collect") as archive, stoppable() as stop, build_client(__version__) as http:
        found = app.find_chat(archive, chat)
        sources = choose_sources(build_sources(settings, http, app.clock, app.data), only, settings)
        window = _window(found, from_text_, to_text_)
        results = _walk_all(app, archive, sources, found, window, stop)
        rows = [_row(result) for result in results]
        if as_json:
            app.show(rows, as_json=True)
        for row in [] if as_json else rows:
            app.say(_sentence(row))
        if stop.is_set():
            raise Stopped("stopped; the archive is whole, and the same command goes on where it was")
        _raise_for(found, results)


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


def earliest(chat: Chat, archive: Archive) -> str:
    """How far back a first walk goes: a day before the latest session that has begun, else seven days."""
    begun = [session.starts_at for session in chat.sessions if session.starts_at <= archive.now()]
    return shift(max(begun), **_LEAD_IN) if begun else to_text(archive.clock() - _WITHOUT_SESSIONS)


def _walk_all(
    app: App, archive: Archive, sources: list[Source], chat: Chat, window: Window, stop: threading.Event
) -> list[Walked]:
    results = []
    since = None if window.start else earliest(chat, archive)
    with _watching(app) as watch:
        for source in sources:
            walker = Walker(archive, source, Retrying(stop), stop, watch)
            plans = source.plans("tag", chat, window)
            results += [walker.walk(chat, plan, since) for plan in plans if not stop.is_set()]
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


def _row(result: Walked) -> dict[str, Any]:
    states = {"done": "complete", "abandoned": "stopped early", "open": "goes on with the next run"}
    if isinstance(result.error, Fatal):
        states["open"] = "not done"
    elif result.not_before:
        states["open"] = f"goes on with a run after {result.not_before[:16].replace('T', ' ')} UTC"
    return {
        "platform": PLATFORM_NAMES[result.platform],
        "where": f" ({urlsplit(result.plan.server).netloc})" if result.plan.server else "",
        "pages": result.pages_count,
        "new posts": result.new_count,
        "known": result.known_count,
        "problems": result.flaws_count,
        "state": states[result.status],
        "why": result.why,
    }


def _sentence(row: dict[str, Any]) -> str:
    facts = f"{row['new posts']:,} new posts, {row['known']:,} known already"
    problems = f", {row['problems']:,} problems" if row["problems"] else ""
    why = f": {row['why']}" if row["why"] else ""
    return f"{row['platform']}{row['where']}: {facts}{problems}; {row['state']}{why}"


def _raise_for(chat: Chat, results: list[Walked]) -> None:
    """The exit code that tells a scheduler whether the same command is worth running again."""
    stopped = [result for result in results if result.status != "done"]
    if not stopped:
        return
    first = stopped[0]
    again = "mend that, and run" if isinstance(first.error, Fatal) else "run"
    where = f"#{chat.hashtags[0]} on {PLATFORM_NAMES[first.platform]}"
    words = f"{where}: {first.why}. To go on, {again} the same command again"
    if any(result.status == "done" for result in results):
        raise PartlyDone(f"{words}; the rest was captured")
    raise _error_class(first.error)(words)


def _error_class(error: ExchangeError | None) -> type[ChatkeepError]:
    if isinstance(error, Fatal):
        return Fatal
    return PartlyDone if error is None else TryLater


@click.command("import")
@click.argument("chat")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(FILE_SOURCES)),
    help="The kind of file, where the guess is wrong.",
)
@click.option("--new", is_flag=True, help="CHAT is new: start it with this name as its hashtag.")
@json_option
@pass_app
def import_(app: App, chat: str, files: tuple[Path, ...], format_: str | None, *, new: bool, as_json: bool) -> None:
    """Bring FILES that other tools made into the archive of CHAT.

    Reads twarc2 JSON lines (as collected, or flattened), TAGS sheets saved as CSV, and academictwitteR CSV; gzipped
    too. Every post is kept, whatever its hashtag. Importing a file twice changes nothing.
    """
    chosen = [(path, find_format(path, format_)) for path in files]
    with app.opened("import") as archive:
        found = _start_chat(app, archive, chat) if new else _known_chat(app, archive, chat)
        accounts = []
        for path, source in chosen:
            with _progress(app, path.name) as tell:
                accounts.append(import_file(archive, found, path, source, tell))
        outside = {} if as_json else count_outside(archive.conn, found)
    if as_json:
        app.show([_account_row(account) for account in accounts], as_json=True)
    else:
        for account in accounts:
            _explain(app, account)
        _propose_sessions(app, found, outside)
    useless = [account.path.name for account in accounts if account.new_count + account.known_count == 0]
    if useless:
        raise PartlyDone(
            f"no post was found in {', '.join(useless)}: is it the right kind of file? (--format says which)"
        )
    if any(account.cut_short for account in accounts):
        raise PartlyDone("a file ended in the middle; what could be read is in the archive")


def _start_chat(app: App, archive: Archive, name: str) -> Chat:
    tag = normalise_tag("".join(name.split()))
    chats = archive.load_chats()
    if any(tag in (chat.slug, *chat.hashtags) for chat in chats.values()):
        return find_chat(name, chats)
    if not tag.replace("_", "").isalnum():
        raise UsageError(f"{name!r} cannot be a hashtag: letters and digits only")
    chat = Chat(slug=tag, title=f"#{tag}", hashtags=(tag,))
    archive.save_chat(chat)
    app.remarks.print(f"started chat {tag}; describe it in chats.toml when you like")
    return chat


def _known_chat(app: App, archive: Archive, name: str) -> Chat:
    try:
        return app.find_chat(archive, name)
    except UsageError as error:
        raise UsageError(f"{error}, or start it from these files with --new") from error


def _progress(app: App, name: str) -> AbstractContextManager[Callable[[Imported], None]]:
    return _ImportProgress(app, name) if is_terminal() else nullcontext(lambda _: None)


class _ImportProgress(AbstractContextManager[Callable[[Imported], None]]):
    def __init__(self, app: App, name: str) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.fields[words]}"))
        self._progress = Progress(*columns, console=app.remarks, transient=True)
        self._task = self._progress.add_task(name, total=None, words="")

    def __enter__(self) -> Callable[[Imported], None]:
        self._progress.start()
        return lambda account: self._progress.update(self._task, words=f"{account.rows_count:,} rows read")

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def _account_row(account: Imported) -> dict[str, Any]:
    return {
        "file": account.path.name,
        "kind": account.format,
        "rows read": account.rows_count,
        "new posts": account.new_count,
        "already known": account.known_count,
        "came along in quotes and replies": account.along_count,
        "repaired": account.repaired_count,
        "not usable": account.unusable_count,
    }


def _explain(app: App, account: Imported) -> None:
    """The account of one file, in a sentence, with the first lines that could not be used."""
    row = _account_row(account)
    along = "came along in quotes and replies"
    facts = ", ".join(f"{value:,} {name}" for name, value in list(row.items())[2:] if value or name != along)
    app.say(f"{account.path.name} ({account.format}): {facts}")
    for reason, count in account.reasons.most_common(5):
        app.say(f"  not usable ({count:,}): {reason}")
    for flaw in account.examples:
        if flaw.line is not None:
            app.say(f"  {account.path.name}, line {flaw.line}: {flaw.detail}")
    if account.unusable_count > len(account.examples):
        app.say("  every line is listed in the archive's table problems")


def _propose_sessions(app: App, chat: Chat, outside: dict[str, int]) -> None:
    """Sessions that the posts outside the known ones suggest, as settings to paste."""
    proposals = propose_sessions(outside)
    if not outside:
        return
    count = sum(outside.values())
    app.say(f"{count:,} posts lie outside the sessions of {chat.slug}; they count as one session of their own.")
    if not proposals:
        return
    known = chat.slug in app.load_settings().chats
    where = f"paste this into {app.config}" + ("" if app.config.exists() else " (a new text file in this folder)")
    app.say(f"They look like these sessions. To keep them apart, {where}, then run `chatkeep analyse`:\n")
    if not known:
        app.say(f"[chat.{chat.slug}]\nhashtags = {json.dumps(list(chat.hashtags))}\n")
    app.say(render_proposals(chat, proposals))


@click.command()
@pass_app
def parse(app: App) -> None:
    """Read the stored pages again, after an update that understands more.

    Rebuilds posts, authors and counts from what the platforms sent. Nothing is fetched, nothing received is lost. Run
    `chatkeep analyse` and `chatkeep publish` after it.
    """
    with app.collecting(), app.opened("parse") as archive, build_client(__version__) as http:
        parsers = {name: source.parse for name, source in build_parsers(http, app.clock).items()}
        with Status("reading the stored pages again…", console=app.remarks) if is_terminal() else nullcontext():
            done = reparse(archive, parsers)
    app.say(f"read {done.pages_count} pages again: {done.posts_count} posts. Now run `chatkeep analyse`.")


COMMANDS = (collect, import_, parse)
