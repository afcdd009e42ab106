"""What every command shares: where things lie, the clock, how to speak to a person, how to stop."""

from __future__ import annotations

import json
import signal
import sys
import traceback
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from filelock import FileLock, Timeout
from rich.console import Console
from rich.table import Table
from rich.text import Text

from archive.errors import ChatkeepError, Stopped, StorageError, TryLater
from archive.models import Chat
from archive.opening import storage_errors
from archive.store import Archive, open_archive
from archive.times import Clock, system_clock
from chatkeep import __version__
from chatkeep.settings import Settings, find_chat, load_settings
from collector.stopping import Stop


@dataclass(slots=True)
class App:
    """One run of the command line. Results go to ``out``, progress and remarks to ``remarks``."""

    config: Path
    data: Path
    clock: Clock = system_clock
    out: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True, markup=False, emoji=False))
    remarks: Console = field(
        default_factory=lambda: Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)
    )

    @property
    def archive_path(self) -> Path:
        """The file that holds everything, and is never served."""
        return self.data / "archive.db"

    @property
    def decisions_path(self) -> Path:
        """What people decided; never served either."""
        return self.data / "decisions.db"

    @property
    def chats_path(self) -> Path:
        """The published file for organisers."""
        return self.data / "chats.db"

    def load_settings(self) -> Settings:
        """The settings of chats.toml, read anew."""
        return load_settings(self.config, self.clock())

    @contextmanager
    def opened(self, command: str | None = None, clock: Clock | None = None) -> Iterator[Archive]:
        """The archive with the settings' chats written into it; ``command`` notes a run."""
        settings = self.load_settings()
        with open_archive(self.archive_path, clock or self.clock) as archive:
            save_chats(archive, settings)
            if command is None:
                yield archive
                return
            archive.start_run(command, __version__)
            try:
                yield archive
            except BaseException as error:
                stopped = isinstance(error, KeyboardInterrupt)
                code = Stopped.exit_code if stopped else getattr(error, "exit_code", 1)
                with suppress(
                    StorageError
                ):  # the disk may be full; the error that ended the command is the one to tell
                    archive.end_run(code)
                raise
            archive.end_run(0)

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Keeps other captures away from this archive; the lock dies with its process. Raises TryLater."""
        lock = FileLock(self.data / "collecting.lock", timeout=0)
        with storage_errors(self.archive_path):
            self.data.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire()
            except Timeout as error:
                words = f"another capture is writing to {self.archive_path}"
                raise TryLater(f"{words}: wait until it has ended, then run this again") from error
        try:
            yield
        finally:
            lock.release()

    def find_chat(self, archive: Archive, name: str) -> Chat:
        """The chat that a person means; raises UsageError with the known ones."""
        return find_chat(name, archive.load_chats())

    def say(self, text: str) -> None:
        """A line for a person; what came from elsewhere can neither colour it nor move the cursor."""
        self.out.print(Text(printable(text)))

    def show(self, rows: Sequence[Mapping[str, Any]], *, as_json: bool, title: str | None = None) -> None:
        """A table for a person, or JSON for a program."""
        if as_json:
            click.echo(json.dumps(list(rows), ensure_ascii=False, indent=2))
        elif rows:
            table = Table(title=Text(title) if title else None, title_justify="left", box=None, pad_edge=False)
            for name in rows[0]:
                table.add_column(name, justify="right" if isinstance(rows[0][name], int) else "left", overflow="fold")
            for row in rows:
                table.add_row(*(Text("" if value is None else printable(str(value))) for value in row.values()))
            self.out.print(table)


def save_chats(archive: Archive, settings: Settings) -> None:
    """Writes the settings' chats and sessions into the archive, where they differ."""
    known = archive.load_chats()
    for slug, chat in settings.chats.items():
        if _differs(known.get(slug), chat):
            archive.save_chat(chat)


def describe_error(error: BaseException) -> str:
    """An error in one line; what is none of ours is a bug, and says where."""
    if isinstance(error, ChatkeepError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    return (
        f"a bug in chatkeep {__version__}: {type(error).__name__}{where}; nothing captured is lost."
        " Please report this line (CHATKEEP_DEBUG=1 shows more)"
    )


def printable(text: str) -> str:
    """The text without what would steer a terminal: control characters other than line ends, and text direction."""
    return "".join("�" if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c not in "\n\u200d" else c for c in text)


def _differs(known: Chat | None, chat: Chat) -> bool:
    if known is None:
        return True
    plain = ("title", "hashtags", "hosts", "timezone", "description")
    return any(getattr(known, name) != getattr(chat, name) for name in plain) or chat.sessions != tuple(
        session for session in known.sessions if session in chat.sessions or not session.weekly
    )


@contextmanager
def stoppable() -> Iterator[Stop]:
    """An event that the first SIGINT or SIGTERM sets: work ends after its transaction; a second stops now."""
    stop = Stop()
    old = {
        number: signal.signal(number, lambda _number, _frame: stop.ask()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stop
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def is_terminal() -> bool:
    """Whether a person watches: progress is shown to them alone."""
    return sys.stderr.isatty()


pass_app = click.make_pass_decorator(App)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program instead of text.")
