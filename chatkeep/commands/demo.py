"""demo: the whole way from hashtag to guide with a fictional chat, without any account or key."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from types import TracebackType

import click
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from analysis.rebuild import analyse_chat
from archive.decisions import load_decisions
from archive.errors import Stopped
from archive.models import PLATFORM_NAMES, Chat
from archive.store import Archive, open_archive
from archive.times import to_text
from chatkeep import __version__
from chatkeep.app import App, is_terminal, pass_app, stoppable
from chatkeep.commands.findings import describe, found_row, write_file
from chatkeep.commands.site import announce
from chatkeep.demo import Played, load_demo, play, remove_earlier, staged
from publish.chats_db import publish_chats
from publish.exports import render_export

_BARS = " ▁▂▃▄▅▆▇█"


@click.command()
@click.option(
    "--seconds", default=25.0, show_default=True, type=click.FloatRange(2, 3600), help="How long the hour takes."
)
@click.option("--serve/--no-serve", default=True, show_default=True, help="Show the site at the end.")
@click.option(
    "--port", default=8001, show_default=True, type=click.IntRange(0, 65535), help="The site's port; 0: a free one."
)
@pass_app
def demo(app: App, *, seconds: float, serve: bool, port: int) -> None:
    """See everything at work with a fictional chat: no account, no key, nothing leaves this machine.

    Plays an hour of a chat on staged X, Bluesky and Mastodon servers, captures it, finds the tips, publishes the site
    and writes the guide. Its files lie in the folder demo beside your own archive and replace those of the last demo.
    """
    shown = App(config=app.config, data=app.data / "demo")
    shown.data.mkdir(parents=True, exist_ok=True)
    remove_earlier(shown.data)
    script, clock = load_demo(seconds)
    shown.clock = clock
    chat = script.chat
    app.say(f"{chat.title}\n{chat.description}\n")
    with stoppable() as stop, open_archive(shown.archive_path, clock) as archive:
        archive.start_run("demo", __version__)
        with staged(script, clock) as stage, _board(app) as watch:
            played = play(stage, archive, stop, watch)
        if stop.is_set():
            raise Stopped("stopped; nothing is left running, and the next demo starts anew")
        decisions = load_decisions(shown.decisions_path, chat.slug)
        analyse_chat(archive.conn, chat, version=__version__, decisions=decisions)
        publish_chats(shown.archive_path, shown.chats_path, at=to_text(clock()))
        guide = shown.data / "exports" / f"{chat.slug}-guide.md"
        write_file(guide, render_export(archive.conn, chat.slug, "guide", "md"))
        _summarise(app, archive, chat, played)
        archive.end_run(0)
    app.say(f"The archive: {shown.archive_path}\nThe guide:   {guide}")
    if serve:
        from publish.serving import serve_site  # noqa: PLC0415  # Datasette takes a second to load

        serve_site(shown.chats_path, port=port, on_ready=lambda url: announce(app, url))


def _summarise(app: App, archive: Archive, chat: Chat, played: Played) -> None:
    platforms = ", ".join(f"{PLATFORM_NAMES[name]} {count}" for name, count in sorted(played.new_by_platform.items()))
    gone = archive.conn.execute("SELECT count(*) FROM tombstones").fetchone()[0]
    edited = archive.conn.execute("SELECT count(*) FROM posts WHERE edited_at IS NOT NULL").fetchone()[0]
    app.say(
        f"Captured {sum(played.new_by_platform.values())} posts in {played.requests} requests: {platforms};"
        f" {played.late_count} of them came in the next morning.\n"
        f"Out of reach: {played.unreachable_count} of the {played.script_count} posts that were written for this chat."
        " No search shows reposts, a mistyped hashtag, or what was deleted before.\n"
        f"Edited since: {edited}. Deleted since, and not shown: {gone}.\n"
        f"Found: {describe(found_row(archive, chat))}.\n"
        "No person has reviewed the tips yet: they are proposals.",
    )


def _board(app: App) -> AbstractContextManager[_Board | _Lines]:
    return _Board(app) if is_terminal() else nullcontext(_Lines(app))


class _Lines:
    """Progress for a log: one line a question."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._last = ("", -1)

    def __call__(self, played: Played) -> None:
        if (played.phase, played.question) != self._last:
            self._last = (played.phase, played.question)
            counts = ", ".join(f"{PLATFORM_NAMES[name]} {count}" for name, count in played.new_by_platform.items())
            asked = f"Q{played.question}" if played.question else "before Q1"
            where = f"minute {played.minute}, {asked}" if played.phase == "the session" else played.phase
            self._app.remarks.print(f"{where}: {counts} posts")


class _Board(AbstractContextManager["_Board"]):
    """The live count by platform, question and minute for a person who watches."""

    def __init__(self, app: App) -> None:
        self._live = Live(console=app.remarks, refresh_per_second=8, transient=False)

    def __enter__(self) -> _Board:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def __call__(self, played: Played) -> None:
        self._live.update(_render_board(played))


def _render_board(played: Played) -> Group:
    table = Table(box=None, pad_edge=False)
    table.add_column("platform")
    table.add_column("posts", justify="right")
    for name, count in sorted(played.new_by_platform.items()):
        table.add_row(PLATFORM_NAMES[name], str(count))
    head = f"{played.phase}: minute {played.minute} of 60"
    asked = "   ".join(f"Q{n} {count}" if n else f"before Q1 {count}" for n, count in played.new_by_question.items())
    return Group(
        Text(head),
        table,
        Text("posts by question  " + asked),
        Text("posts by minute    " + render_minutes(played.new_by_minute)),
    )


def render_minutes(counts: dict[int, int]) -> str:
    """Sixty bars, one a minute of the session."""
    most = max(counts.values(), default=0)
    if not most:
        return ""
    steps = len(_BARS) - 1
    return "".join(_BARS[-(-counts.get(minute, 0) * steps // most)] for minute in range(60))


COMMANDS = (demo,)
