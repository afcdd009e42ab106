"""analyse and export: what was found, and files for people."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import click
from rich.status import Status

from analysis.rebuild import analyse_chat
from archive.decisions import load_decisions
from archive.errors import StorageError, UsageError
from archive.models import TIP_KIND_NAMES, Chat
from archive.opening import storage_errors
from archive.store import Archive
from chatkeep import __version__
from chatkeep.app import App, is_terminal, json_option, pass_app
from chatkeep.lost_decisions import tell_lost
from publish.exports import EXPORTS, render_export

_WHATS = sorted({what for what, _ in EXPORTS})
_FORMATS = sorted({form for _, form in EXPORTS})


@click.command()
@click.argument("chat", required=False)
@json_option
@pass_app
def analyse(app: App, chat: str | None, *, as_json: bool) -> None:
    """Find questions, answers, tips, themes and people in CHAT, or in every chat.

    What was found before is built anew; the same archive gives the same findings. What people decided stays.
    """
    with app.opened("analyse") as archive:
        chats = [app.find_chat(archive, chat)] if chat else list(archive.load_chats().values())
        rows = []
        lost = tell_lost(archive.conn, app.decisions_path, {found.slug for found in chats})
        if lost:
            app.remarks.print(lost)
        for found in chats:
            watch = Status(f"reading {found.slug}…", console=app.remarks) if is_terminal() else nullcontext()
            with watch, storage_errors(app.archive_path):
                analyse_chat(
                    archive.conn, found, version=__version__, now=archive.now(),
                    decisions=load_decisions(app.decisions_path, found.slug),
                )  # fmt: skip
            rows.append(found_row(archive, found))
    if as_json:
        app.show(rows, as_json=True)
        return
    for row in rows:
        app.say(f"{row['chat']}: {describe(row)}")
    if not rows:
        app.say("There is no chat yet: `chatkeep init` sets one up.")


def found_row(archive: Archive, chat: Chat) -> dict[str, Any]:
    """What analysis found in one chat, in the words of the pages."""
    kinds = dict(
        archive.conn.execute(
            "SELECT kind, count(*) FROM tips WHERE chat = ? AND state <> 'rejected' GROUP BY kind", (chat.slug,)
        ).fetchall()
    )
    return {
        "chat": chat.slug,
        "posts": count_rows(archive, chat, "chat_posts", "count(DISTINCT post)"),
        "questions": count_rows(archive, chat, "questions"),
        "answers": archive.conn.execute(
            "SELECT count(DISTINCT answers.post) FROM answers JOIN questions ON questions.id = question WHERE chat = ?",
            (chat.slug,),
        ).fetchone()[0],
        "tips": sum(kinds.values()),
        **{TIP_KIND_NAMES[kind]: count for kind, count in sorted(kinds.items())},
        "themes": count_rows(archive, chat, "themes"),
    }


def describe(found: Mapping[str, Any]) -> str:
    """What found_row() counted, as a sentence."""
    kinds = ", ".join(f"{name} {found[name]}" for name in TIP_KIND_NAMES.values() if name in found)
    return (
        f"{found['posts']} posts; {found['questions']} questions with {found['answers']} answers;"
        f" {found['tips']} tips and other finds{f' ({kinds})' if kinds else ''}; {found['themes']} themes"
    )


def count_rows(archive: Archive, chat: Chat, table: str, what: str = "count(*)") -> int:
    """How many rows of a derived table belong to a chat."""
    row = archive.conn.execute(f"SELECT {what} FROM {table} WHERE chat = ?", (chat.slug,)).fetchone()
    return int(row[0])


@click.command()
@click.argument("chat")
@click.argument("what", type=click.Choice(_WHATS))
@click.option("--format", "format_", type=click.Choice(_FORMATS), default="md", show_default=True, help="Kind of file.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="Where to write; - prints it. Without it the file goes to the exports folder beside the archive.",
)
@pass_app
def export(app: App, chat: str, what: str, format_: str, output: Path | None) -> None:
    """Write a file for people from CHAT: the guide, the transcript, the posts, or the coverage.

    The guide holds the tips by kind and question with who said them and where; each is a proposal until a person has
    reviewed it. The coverage says what the capture proves, minute by minute: a page to attach to a report. CSV files
    open in Excel as they are.
    """
    if (what, format_) not in EXPORTS:
        forms = ", ".join(form for kind, form in sorted(EXPORTS) if kind == what)
        raise UsageError(f"the {what} cannot be written as {format_}; choose of: {forms}")
    with app.opened() as archive:
        found = app.find_chat(archive, chat)
        text = render_export(archive.conn, found.slug, what, format_)
    if output is not None and str(output) == "-":
        click.echo(text, nl=False)
        return
    path = output or app.data / "exports" / f"{found.slug}-{what}.{format_}"
    write_file(path, text)
    app.say(f"wrote {path}")


def write_file(path: Path, text: str) -> None:
    """Writes a whole file or none. Raises StorageError in one line."""
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8", newline="")
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise StorageError(
            f"{path} could not be written: {error.strerror}; choose another place with --output"
        ) from error


COMMANDS = (analyse, export)
