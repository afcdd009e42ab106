"""Checks datasette_metadata.json against a built chats.db: each must name exactly what the other holds."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

_DATABASE = "chats"
_COLUMN_SETTINGS = ("label_column", "sort", "sort_desc")
_COLUMN_LISTS = ("facets", "sortable_columns")
_PARAMETER = re.compile(r":(\w+)")


def check_metadata(metadata: Mapping[str, Any], db_path: Path) -> list[str]:
    """One line for each table, column or query that one side names and the other lacks; empty where all is well."""
    described = metadata.get("databases", {}).get(_DATABASE)
    if described is None:
        return [f"the metadata has no database {_DATABASE}"]
    with closing(sqlite3.connect(f"{db_path.resolve().as_uri()}?mode=ro", uri=True)) as conn:
        tables = _load_tables(conn)
        named = described.get("tables", {})
        found = [f"table {name}: described, but not in the database" for name in named if name not in tables]
        found += [f"table {name}: in the database, but not described" for name in tables if name not in named]
        for name in tables.keys() & named.keys():
            found += [f"table {name}: {problem}" for problem in _check_table(named[name], tables[name])]
        for name, query in described.get("queries", {}).items():
            found += [f"query {name}: {problem}" for problem in _check_query(conn, query)]
    return sorted(found)


def _load_tables(conn: sqlite3.Connection) -> dict[str, set[str]]:
    """Tables and their columns, without full-text tables and what belongs to them."""
    listed = conn.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
    virtual = {name for name, sql in listed if (sql or "").startswith("CREATE VIRTUAL")}
    inner = {name for name, _ in listed if any(name.startswith(f"{owner}_") for owner in virtual)}
    return {
        name: {row[1] for row in conn.execute(f'PRAGMA table_info("{name}")')}
        for name, _ in listed
        if name not in virtual | inner and not name.startswith("sqlite_")
    }


def _check_table(described: Mapping[str, Any], columns: set[str]) -> Iterable[str]:
    explained = described.get("columns", {})
    yield from (f"has no {needed}" for needed in ("title", "description") if not described.get(needed))
    yield from (f"column {name} is described, but not in the database" for name in explained if name not in columns)
    yield from (f"column {name} is in the database, but not described" for name in columns if not explained.get(name))
    used = [(setting, described[setting]) for setting in _COLUMN_SETTINGS if setting in described]
    used += [(setting, name) for setting in _COLUMN_LISTS for name in described.get(setting, ())]
    yield from (f"{setting} names {name}, which is not a column" for setting, name in used if name not in columns)


def _check_query(conn: sqlite3.Connection, query: Mapping[str, Any]) -> Iterable[str]:
    yield from (f"has no {needed}" for needed in ("title", "description", "sql") if not query.get(needed))
    sql = query.get("sql", "")
    try:
        conn.execute(f"EXPLAIN {sql}", dict.fromkeys(_PARAMETER.findall(sql), ""))
    except sqlite3.Error as error:
        yield f"does not run: {error}"
