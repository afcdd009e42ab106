"""How tables, rows and ready questions are shown: useful columns first, rows named by words, fields with choices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from datasette.utils import tilde_encode
from markupsafe import Markup, escape

from publish.plugin.linking import linked, outside_link
from publish.wording import shorten, web_url

DATABASE = "chats"
TABLE_OF = {
    "chat": "chats", "session": "sessions", "author": "authors", "question": "questions", "theme": "themes",
    "tip": "tips", "post": "posts", "reply_to": "posts", "quote_of": "posts", "repost_of": "posts",
    "organisation": "organisations", "person": "people", "link": "links",
}  # fmt: skip
_FIRST = {
    "chats": ("title", "hashtags", "session_count", "post_count", "people_count", "tip_count"),
    "sessions": ("title", "chat", "post_count", "people_count", "question_count", "tip_count"),
    "posts": ("local_time", "author", "text", "question", "tip_count"),
    "questions": ("number", "text", "local_time", "answer_count", "people_count", "session"),
    "answers": ("question", "shown", "author", "local_time"),
    "tips": ("kind", "text", "author", "question", "local_time", "support_count"),
    "tip_evidence": ("tip", "relation", "author", "local_time"),
    "themes": ("label", "terms", "post_count", "tip_count", "hint"),
    "recaps": ("question", "text", "author", "local_time"),
    "unread_languages": ("language", "post_count", "session"),
    "links": ("url", "title", "people_count", "shared_by", "local_time"),
    "examples": ("text", "author", "organisation", "link_title", "link_url", "question"),
    "participants": ("author", "handle", "platform", "role", "session_count", "post_count", "tip_count"),
    "authors": ("name", "handle", "platform", "organisation", "post_count", "tip_count"),
    "people": ("name", "accounts", "organisation", "session_count", "post_count", "tip_count"),
    "organisations": ("name", "type", "region", "author_count", "post_count"),
    "author_organisations": ("author", "organisation", "evidence"),
    "coverage": ("local_time", "platform", "state", "why"),
}
_WORDS_OF = ("label", "text", "name", "title", "evidence", "why", "relation")
_LINKED = ("text", "shown", "bio", "evidence", "context", "tip", "description")
_TITLE_LENGTH = 70
_LABEL_LENGTH = 80
_CELL_LENGTH = 600
_ADDRESS_LENGTH = 60
_MOST_CHOICES = 400


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a row page: its name in words, what it means, and its value as HTML."""

    name: str
    meaning: str
    value: Markup


@dataclass(frozen=True, slots=True)
class RowPage:
    """A row to read: who or what it is, and its fields; columns without a value are left out."""

    title: str
    fields: Sequence[Field]


@dataclass(frozen=True, slots=True)
class Choices:
    """What can be put into a field of a ready question. ``listed`` are (value, words); ``only``: nothing else can."""

    label: str
    hint: str
    listed: Sequence[tuple[str, str]]
    only: bool


def session_path(session: str) -> str:
    """Where a session's overview is."""
    return f"/session/{quote(session, safe='')}"


def table_path(table: str, **filters: object) -> str:
    """A table of Datasette, filtered to these values."""
    chosen = "&".join(f"{quote(name)}={quote(str(value), safe='')}" for name, value in filters.items())
    return f"/{DATABASE}/{table}" + (f"?{chosen}" if chosen else "")


def row_path(table: str, key: object) -> str:
    """One row's own page."""
    return f"/{DATABASE}/{table}/{tilde_encode(str(key))}"


def in_words(column: str) -> str:
    """``local time`` for local_time."""
    return column.replace("_", " ")


def is_main(column: str, table: str) -> bool:
    """Whether the column says what the row is about: these come first, and a phone shows no others."""
    return column in _FIRST.get(table, ())


def arranged(cells: Sequence[Mapping[str, Any]], table: str) -> list[Mapping[str, Any]]:
    """A table's columns, or a row's cells, with what people read first, and the row's own id last."""
    first = _FIRST.get(table, ())

    def place(numbered: tuple[int, Mapping[str, Any]]) -> tuple[int, int]:
        number, cell = numbered
        name = cell.get("column") or cell.get("name")
        if name in first:
            return first.index(name), 0
        return len(first) + (name in {"id", "Link"}), number

    return [cell for _, cell in sorted(enumerate(cells), key=place)]


def leads_to_row(column: str, table: str) -> bool:
    """Whether this cell opens the row: the time where there is one, else the first."""
    first = _FIRST.get(table, ("",))
    return column == ("local_time" if "local_time" in first else first[0])


def show_value(value: object, column: str, length: int | None = _CELL_LENGTH) -> Markup | None:
    """A cell as HTML: a row named by another is linked by its label, web addresses as a stranger's; else None."""
    if isinstance(value, Mapping) and column in TABLE_OF:
        label = shorten(str(value["label"] or value["value"]), _LABEL_LENGTH)
        path = session_path(value["value"]) if column == "session" else row_path(TABLE_OF[column], value["value"])
        return Markup('<a href="{}">{}</a>').format(path, label)
    if not isinstance(value, str):
        return None
    if address := web_url(value):
        return outside_link(address, shorten(address.partition("://")[2], _ADDRESS_LENGTH))
    if column in _LINKED and "://" in value:
        return linked(value if length is None or len(value) <= length else value[:length].rstrip() + "…")
    return None


async def describe_row(datasette: Any, table: str, row: Mapping[str, Any]) -> RowPage:
    """What the page of one row shows."""
    meanings = datasette.table_metadata(DATABASE, table).get("columns") or {}
    values: dict[str, Any] = {}
    for column in row.keys():  # noqa: SIM118 - sqlite3.Row walks over values
        labels = await datasette.expand_foreign_keys(DATABASE, table, column, [row[column]])
        label = labels.get((column, row[column]))
        values[column] = row[column] if label is None else {"value": row[column], "label": label}
    ordered = arranged([{"column": column} for column in values if row[column] not in {None, ""}], table)
    fields = [
        Field(in_words(name), meanings.get(name, ""), show_value(values[name], name, None) or escape(row[name]))
        for name in (cell["column"] for cell in ordered)
    ]
    return RowPage(_row_title(datasette, table, values), fields)


def _row_title(datasette: Any, table: str, values: Mapping[str, Any]) -> str:
    """Who, and the first words."""
    author = values.get("author")
    who = str(author["label"]) if isinstance(author, Mapping) else ""
    words = next((str(values[name]) for name in _WORDS_OF if isinstance(values.get(name), str) and values[name]), "")
    named = ": ".join(shorten(part, _TITLE_LENGTH) for part in (who, words) if part)
    return named or str(datasette.table_metadata(DATABASE, table).get("title") or table)


async def load_choices(database: Any, field: str, value: str) -> Choices:
    """How a ready question asks for one of its parameters. ``value`` stays choosable whatever it is."""
    if field == "chat":
        listed = await _pairs(database, "SELECT id, title FROM chats ORDER BY title, id")
        return Choices("Chat", "All chats", _with_given(listed, value), only=True)
    if field == "session":
        listed = await _pairs(
            database,
            "SELECT s.id, c.title || ', ' || s.title FROM sessions s JOIN chats c ON c.id = s.chat"
            " ORDER BY s.starts_at DESC, s.id",
        )
        return Choices("Session", "All sessions", _with_given(listed, value), only=True)
    if field == "author":
        listed = await _pairs(
            database,
            "SELECT ifnull('@' || handle, name), name || ' on ' || platform FROM authors ORDER BY post_count DESC, id",
        )
        return Choices("Author: a handle, a name or a part of it", "Everybody", listed, only=False)
    return Choices(in_words(field).capitalize(), "", [], only=False)


async def _pairs(database: Any, sql: str) -> list[tuple[str, str]]:
    rows = (await database.execute(f"{sql} LIMIT {_MOST_CHOICES}")).rows
    return [(row[0], row[1]) for row in rows]


def _with_given(listed: list[tuple[str, str]], value: str) -> list[tuple[str, str]]:
    return listed if not value or value in {known for known, _ in listed} else [*listed, (value, value)]
