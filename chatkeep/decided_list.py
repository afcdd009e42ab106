"""Who decided what and when, whether it is in force, and which decisions found nothing any more."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from archive.decisions import Decision, SubjectKind, find_current, load_decisions
from archive.local_times import local_moment
from archive.models import TIP_KIND_NAMES, Chat
from chatkeep.deciding import find_why_missing

_KINDS: tuple[SubjectKind, ...] = ("tip", "theme", "person", "organisation")
_MOST_SHOWN = 90  # characters of a tip in a line
_FIELDS = {"merged_into": "merged into", "same_as": "same person as", "different_from": "not the same person as"}


def list_decided(conn: sqlite3.Connection, path: Path, chat: Chat) -> list[dict[str, Any]]:
    """One row a decision in the order in which they were made; those on people where they posted in this chat."""
    decisions = [
        one
        for one in load_decisions(path, chat.slug)
        if one.chat or conn.execute(_POSTED, (one.subject, chat.slug)).fetchone()
    ]
    current = {id(one) for kind in _KINDS for one in find_current(decisions, kind).values()}
    return [_build_row(conn, one, decisions, in_force=id(one) in current) for one in decisions]


def render_decided(row: Mapping[str, Any], chat: Chat, now: str) -> str:
    """A row of list_decided() as a line for a person: when, who, what, of what, and what has become of it."""
    words = " ".join(str(row["of"]).split())
    shown = words if len(words) <= _MOST_SHOWN else f"{words[:_MOST_SHOWN].rstrip()}…"
    what = f"{row['what']} {row['id']}" + ("" if shown == row["id"] else f" “{shown}”")
    ends = "; ".join(filter(None, (row["now"], row["note"])))
    moment = local_moment(row["at"], chat.timezone, now)
    return f"{moment}  {row['by']}  {row['decided']}: {what}" + (f"  ({ends})" if ends else "")


_POSTED = "SELECT 1 FROM posts p JOIN chat_posts c ON c.post = p.id WHERE p.author = ? AND c.chat = ? LIMIT 1"


def _build_row(
    conn: sqlite3.Connection, decision: Decision, decisions: Sequence[Decision], *, in_force: bool
) -> dict[str, Any]:
    return {
        "at": decision.at,
        "by": decision.by,
        "what": decision.subject_kind if decision.chat else "author",
        "decided": _say(decision),
        "of": decision.anchor.get("text") or decision.anchor.get("label") or decision.subject,
        "now": _tell_now(conn, decision, decisions) if in_force else _tell_past(decision),
        "note": decision.note,
        "id": decision.subject,
    }


def _say(decision: Decision) -> str:
    if not decision.value:
        return f"{decision.field} taken back"
    if decision.field == "state":
        return decision.value
    value = TIP_KIND_NAMES.get(decision.value, decision.value) if decision.field == "kind" else decision.value
    return f"{_FIELDS.get(decision.field, decision.field)}: {value}"


def _tell_past(decision: Decision) -> str:
    return "decided anew since" if decision.value else ""


def _tell_now(conn: sqlite3.Connection, decision: Decision, decisions: Sequence[Decision]) -> str:
    """In force, or why it shows nowhere."""
    if decision.subject_kind == "tip":
        made = [one for one in decisions if one.subject_kind == "tip" and one.subject == decision.subject]
        why = find_why_missing(conn, decision.chat, made)
        return f"found nothing: {why}" if why else "in force"
    if decision.subject_kind == "theme" and decision.field != "merged_into":
        known = conn.execute("SELECT 1 FROM themes WHERE id = ?", (decision.subject,)).fetchone()
        return "in force" if known else "found nothing: no tips of this session speak of it"
    return "in force"
