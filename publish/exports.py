"""The exports that exist: what, in which format, and who makes it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping

from archive.errors import UsageError
from publish.coverage_export import render_coverage_markdown
from publish.guide import build_guide
from publish.guide_markdown import render_guide_markdown
from publish.posts_export import render_posts_csv, render_posts_markdown
from publish.transcript import render_transcript_csv, render_transcript_markdown


def render_guide_of_chat(conn: sqlite3.Connection, chat_slug: str) -> str:
    """The chat's guide as Markdown."""
    return render_guide_markdown(build_guide(conn, chat_slug))


EXPORTS: Mapping[tuple[str, str], Callable[[sqlite3.Connection, str], str]] = {
    ("guide", "md"): render_guide_of_chat,
    ("transcript", "md"): render_transcript_markdown,
    ("transcript", "csv"): render_transcript_csv,
    ("posts", "md"): render_posts_markdown,
    ("posts", "csv"): render_posts_csv,
    ("coverage", "md"): render_coverage_markdown,
}
"""By (what, format). A new export is one module and one line here."""


def render_export(conn: sqlite3.Connection, chat_slug: str, what: str, export_format: str) -> str:
    """The export as text; write it as UTF-8 with newline="" (a CSV brings its byte order mark and line ends).

    Raises UsageError where there is no such export or chat.
    """
    render = EXPORTS.get((what, export_format))
    if render is None:
        raise UsageError(f"there is no export {what} as {export_format}; there are {_known()}")
    return render(conn, chat_slug)


def _known() -> str:
    kinds = dict.fromkeys(what for what, _ in EXPORTS)
    return ", ".join(f"{what} ({', '.join(sorted(f for w, f in EXPORTS if w == what))})" for what in kinds)
