"""Whom and what a person means by a handle or the name of an organisation."""

from __future__ import annotations

import difflib
import json
import sqlite3
from collections.abc import Collection, Sequence

from analysis.corrections import NO_ORGANISATION
from analysis.register import Register, load_register
from archive.errors import UsageError
from archive.models import PLATFORMS

_MOST_NAMED = 5
_NEAR = 0.85  # of difflib's likeness: a letter or two astray


class UnknownOrganisation(UsageError):
    """A name that the register does not know, and that nobody has said is new."""


def find_author(conn: sqlite3.Connection, handle: str) -> str:
    """The id of the author that a person means: x:ann_example, @ann_example, or the author's own id."""
    wanted = handle.strip()
    if conn.execute("SELECT 1 FROM authors WHERE id = ?", (wanted,)).fetchone():
        return wanted
    platform, _, name = wanted.partition(":")
    if platform.casefold() not in PLATFORMS:
        platform, name = "", wanted
    rows = conn.execute(
        "SELECT id, platform, handle FROM authors WHERE handle = ?1 COLLATE NOCASE AND ?2 IN ('', platform)"
        " ORDER BY id",
        (name.strip().lstrip("@"), platform.casefold()),
    ).fetchall()
    if not rows:
        raise UsageError(
            f"the archive knows no account {handle}; say it as x:NAME, bluesky:NAME or mastodon:NAME@SERVER"
        )
    if len(rows) > 1:
        several = {f"{where}:{known}" for _, where, known in rows}
        named = sorted(several) if len(several) == len(rows) else [row[0] for row in rows]
        raise UsageError(f"{handle} can mean several accounts; say which: {', '.join(named)}")
    return str(rows[0][0])


def find_organisation(said: str, founded: Collection[str] = (), *, is_new: bool = False) -> str:
    """The id of an organisation of the register, none, or the name of another that people have said before.

    ``founded`` are those; a name that is neither is taken where ``is_new`` says so, else UnknownOrganisation.
    """
    wanted = " ".join(said.split())
    register = load_register()
    if wanted.casefold() == NO_ORGANISATION or wanted in register.by_id:
        return NO_ORGANISATION if wanted.casefold() == NO_ORGANISATION else wanted
    named = [one for one in register.by_id.values() if one.name.casefold() == wanted.casefold()]
    if len(named) == 1:
        return named[0].id
    alike = sorted(one.id for one in named) or _list_near(wanted, register)
    told = f"; these come near: {', '.join(alike[:_MOST_NAMED])}" if alike else ""
    if ":" in wanted or named:
        raise UsageError(f"{wanted} names no one organisation of the register{told}; or say none")
    if not is_new and wanted not in founded:
        raise UnknownOrganisation(f"{wanted} is not in the register{told}")
    return wanted


def _list_near(wanted: str, register: Register) -> list[str]:
    """Organisations of the register whose names hold this one or are spelt like it, as their ids and names."""
    names = {one.name.casefold(): one for one in register.by_id.values()}
    holding = sorted(name for name in names if wanted.casefold() in name)
    spelt = difflib.get_close_matches(wanted.casefold(), names, _MOST_NAMED, _NEAR)
    return [f"{names[name].id} ({names[name].name})" for name in dict.fromkeys([*spelt, *holding])]


def list_author_sessions(conn: sqlite3.Connection, authors: Sequence[str]) -> list[tuple[str, str]]:
    """The sessions, (chat, session), in which these authors posted."""
    rows = conn.execute(
        "SELECT DISTINCT c.chat, c.session FROM posts p JOIN chat_posts c ON c.post = p.id"
        " WHERE p.author IN (SELECT value FROM json_each(?)) ORDER BY 1, 2",
        (json.dumps(list(authors)),),
    )
    return [(chat, session) for chat, session in rows]
