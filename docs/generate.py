"""Writes the pages of docs/ that come from the code: the commands, and the tables of the published file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click

from chatkeep.cli import chatkeep

DOCS = Path(__file__).parent
METADATA = DOCS.parent / "datasette_metadata.json"
MARK = "<!-- Written by `make docs` from the code. Change it there. -->\n"


def render_commands() -> str:
    """docs/commands.md: the help of every command, as the command prints it."""
    return "".join([MARK, "\n# Every command\n", *_helps()])


def _helps() -> Iterator[str]:
    wide = {"max_content_width": 100, "terminal_width": 100, "help_option_names": ["-h", "--help"]}
    top = click.Context(chatkeep, info_name="chatkeep", **wide)
    yield f"\n```text\n{chatkeep.get_help(top)}\n```\n"
    for name in chatkeep.list_commands(top):
        command = chatkeep.commands[name]
        context = click.Context(command, info_name=name, parent=top, **wide)
        yield f"\n## {name}\n\n```text\n{command.get_help(context)}\n```\n"
        for part in command.list_commands(context) if isinstance(command, click.Group) else ():
            own = command.commands[part]
            inner = click.Context(own, info_name=part, parent=context, **wide)
            yield f"\n### {name} {part}\n\n```text\n{own.get_help(inner)}\n```\n"


def render_tables() -> str:
    """docs/tables.md: every table and column of chats.db, from datasette_metadata.json."""
    metadata = json.loads(METADATA.read_text(encoding="utf-8"))
    lines = [MARK, "# The published file, table by table\n"]
    for database in metadata["databases"].values():
        for name, table in database["tables"].items():
            lines += [f"\n## {name}: {table.get('title', name)}\n", f"\n{table.get('description', '')}\n"]
            lines += ["\n| column | what it holds |\n|---|---|\n"] if table.get("columns") else []
            lines += [f"| `{column}` | {text} |\n" for column, text in table.get("columns", {}).items()]
        lines += ["\n# Ready questions\n\n| query | what it answers |\n|---|---|\n"]
        lines += [f"| {q.get('title', n)} | {q.get('description', '')} |\n" for n, q in database["queries"].items()]
    return "".join(lines)


PAGES = {"commands.md": render_commands, "tables.md": render_tables}


def main() -> None:
    """Writes every generated page."""
    for name, render in PAGES.items():
        (DOCS / name).write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
