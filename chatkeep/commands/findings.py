"""analyse, export and status: what was captured, what was found, and files for people."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import click
from rich.status import Status

from analysis.engine import analyse_chat
from archive.errors import StorageError, UsageError
from archive.models import PLATFORM_NAMES, TIP_KIND_NAMES, Chat
from archive.store import Archive, storage_errors
from chatkeep import __version__
from chatkeep.app import App, is_terminal, json_option, pass_app
from publish.exports import EXPORTS, render_export

_WHATS = sorted({what for what, _ in EXPORTS})
_FORMATS = sorted({form for _, form in EXPORTS})


@click.command()
@click.argument("chat", required=False)
@json_option
@pass_app
def analyse(app: App, chat: str | None, *, as_json: bool) -> None:
    """Find questions, answers, tips, themes and people in CHAT, or in every chat.

    What was found before is built anew; the same archive gives the same findings.
    """
    with app.opened("analyse") as archive:
        chats = [app.find_chat(archive, chat)] if chat else list(archive.load_chats().values())
        rows = []
        for found in chats:
            watch = Status(f"reading {found.slug}…", console=app.remarks) if is_terminal() else nullcontext()
            with watch, storage_errors(app.archive_path):
                analyse_chat(archive.conn, found, version=__version__)
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
    count = _counter(archive, chat)
    kinds = dict(
        archive.conn.execute("SELECT kind, count(*) FROM tips WHERE chat = ? GROUP BY kind", (chat.slug,)).fetchall()
    )
    return {
        "chat": chat.slug,
        "posts": count("chat_posts", "count(DISTINCT post)"),
        "questions": count("questions"),
        "answers": archive.conn.execute(
            "SELECT count(DISTINCT answers.post) FROM answers JOIN questions ON questions.id = question WHERE chat = ?",
            (chat.slug,),
        ).fetchone()[0],
        "tips": sum(kinds.values()),
        **{TIP_KIND_NAMES[kind]: count for kind, count in sorted(kinds.items())},
        "themes": count("themes"),
    }


def describe(found: Mapping[str, Any]) -> str:
    """What found_row() counted, as a sentence."""
    kinds = ", ".join(f"{name} {found[name]}" for name in TIP_KIND_NAMES.values() if name in found)
    return (
        f"{found['posts']} posts; {found['questions']} questions with {found['answers']} answers;"
        f" {found['tips']} tips and other finds{f' ({kinds})' if kinds else ''}; {found['themes']} themes"
    )


def _counter(archive: Archive, chat: Chat) -> Any:
    def count(table: str, what: str = "count(*)") -> int:
        row = archive.conn.execute(f"SELECT {what} FROM {table} WHERE chat = ?", (chat.slug,)).fetchone()
        return int(row[0])

    return count


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
    """Write a file for people from CHAT: the guide, the transcript, or the posts.

    The guide holds the tips by kind and question with who said them and where; each is a proposal until a person has
    reviewed it. CSV files open in Excel as they are.
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


@click.command()
@click.argument("chat", required=False)
@json_option
@pass_app
def status(app: App, chat: str | None, *, as_json: bool) -> None:
    """Show what the archive holds: sessions, captures that are not finished, and problems."""
    with app.opened() as archive:
        chats = [app.find_chat(archive, chat)] if chat else list(archive.load_chats().values())
        rows = [_status_row(archive, found) for found in chats]
        waiting = [row for found in chats for row in _open_walks(archive, found)]
        covered = [row for found in chats for row in coverage_rows(archive, found)]
        problems = [row for found in chats for row in _problems(archive, found)]
    if as_json:
        app.show([{"chats": rows, "unfinished": waiting, "coverage": covered, "problems": problems}], as_json=True)
        return
    app.say(_verdict(rows, waiting))
    app.show(rows, as_json=False)
    app.show(covered, as_json=False, title="\nMinutes of each session: what the capture proves")
    app.show(waiting, as_json=False, title="\nNot finished")
    app.show(problems, as_json=False, title="\nWhat could not be read")


def _verdict(rows: list[dict[str, Any]], waiting: list[dict[str, Any]]) -> str:
    if not rows:
        return "There is no chat yet: `chatkeep init` sets one up."
    if waiting:
        return f"{len(waiting)} captures are not finished yet."
    return "Every capture that was begun is complete." if any(row["posts"] for row in rows) else "Nothing captured yet."


def _status_row(archive: Archive, chat: Chat) -> dict[str, Any]:
    sighted = dict(
        archive.conn.execute(
            "SELECT platform, count(DISTINCT post) FROM sightings JOIN posts ON posts.id = post WHERE chat = ?"
            " GROUP BY platform",
            (chat.slug,),
        ).fetchall()
    )
    count = _counter(archive, chat)
    return {
        "chat": chat.slug,
        "sessions": len(chat.sessions),
        "posts": sum(sighted.values()),
        **{name: sighted.get(platform, 0) for platform, name in PLATFORM_NAMES.items()},
        "tips": count("tips"),
        "problems": archive.conn.execute(
            "SELECT count(*) FROM problems WHERE chat = ? AND resolved_at IS NULL AND kind <> 'repaired'", (chat.slug,)
        ).fetchone()[0],
    }


def _open_walks(archive: Archive, chat: Chat) -> list[dict[str, Any]]:
    rows = archive.conn.execute(
        "SELECT platform, opened_at, pages_count, not_before, why, key FROM walks WHERE chat = ? AND status = 'open'",
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
    """The unfinished work in words: an import is finished by importing its file again, the rest by collecting."""
    _, purpose, plan = key.split("|", 2)
    if purpose == "import":
        return f"import of {plan.partition('|')[2]}: import the file again"
    return f"{PLATFORM_NAMES[platform]}: run `chatkeep collect` again"


def coverage_rows(archive: Archive, chat: Chat) -> list[dict[str, Any]]:
    """Per session and platform, how many minutes are complete, partial and unknown."""
    rows = archive.conn.execute(
        "SELECT session, platform, sum(state = 'complete'), sum(state = 'partial'), sum(state = 'unknown'),"
        " min(iif(state = 'complete', NULL, why)) FROM coverage WHERE chat = ? AND minute <= ?"
        " GROUP BY session, platform ORDER BY session, platform",
        (chat.slug, archive.now()),
    )
    return [
        {
            "session": session,
            "platform": PLATFORM_NAMES[platform],
            "complete": complete,
            "partial": partial,
            "unknown": unknown,
            "why not complete": why,
        }
        for session, platform, complete, partial, unknown, why in rows
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


COMMANDS = (analyse, export, status)
