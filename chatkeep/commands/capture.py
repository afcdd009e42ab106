"""import and parse: posts come in from files, and stored pages are read again."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import click
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.status import Status

from analysis.membership import propose_sessions, render_proposals
from analysis.outside import count_outside
from archive.errors import PartlyDone, UsageError
from archive.models import Chat, normalise_tag
from archive.store import Archive
from chatkeep import __version__
from chatkeep.app import App, is_terminal, json_option, pass_app
from chatkeep.settings import find_chat
from chatkeep.sources import build_parsers
from collector.importing import Imported, import_file
from collector.reparse import reparse
from collector.sources.files import FILE_SOURCES, find_format
from collector.transport import build_client


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


COMMANDS = (import_, parse)
