"""Who decided what and when, whether it is in force, and which decisions found nothing any more."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.shown import load_tip
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
    line = f"{moment}  {row['by']}  {row['decided']}: {what}" + (f"  ({ends})" if ends else "")
    return line.replace("\n", " ")


_GONE_STATES = ("was deleted", "is not available")
_STATE_OF_POST = """
SELECT CASE
  WHEN EXISTS (SELECT 1 FROM tombstones WHERE reason <> 'unavailable' AND key IN (
    ?1, (SELECT author FROM posts WHERE id = ?1))) THEN 'was deleted'
  WHEN NOT EXISTS (SELECT 1 FROM posts WHERE id = ?1 AND visibility IN ('public', 'unlisted')
    AND id NOT IN (SELECT key FROM tombstones) AND author NOT IN (SELECT key FROM tombstones))
    THEN 'is not available'
  ELSE 'stands' END
"""
_POSTED = "SELECT 1 FROM posts p JOIN chat_posts c ON c.post = p.id WHERE p.author = ? AND c.chat = ? LIMIT 1"


def _build_row(
    conn: sqlite3.Connection, decision: Decision, decisions: Sequence[Decision], *, in_force: bool
) -> dict[str, Any]:
    gone = _tell_gone(conn, decision)
    now = _tell_now(conn, decision, decisions) if in_force else _tell_past(decision)
    if gone and in_force and not _stands_elsewhere(conn, decision):
        now = f"found nothing: {gone}"
    elif gone:
        now = "; ".join(filter(None, (now, gone)))
    return {
        "at": decision.at,
        "by": decision.by,
        "what": decision.subject_kind if decision.chat else "author",
        "decided": decision.field if gone and decision.field == "text" and decision.value else _say(decision),
        "of": decision.subject if gone else _quote(decision),
        "now": now,
        "note": decision.note,
        "id": decision.subject,
    }


def _quote(decision: Decision) -> str:
    return str(decision.anchor.get("text") or decision.anchor.get("label") or decision.subject)


def _tell_gone(conn: sqlite3.Connection, decision: Decision) -> str | None:
    """Why the words of a decided tip may be quoted no more; None where all its posts stand."""
    if decision.subject_kind != "tip":
        return None
    parts = decision.anchor.get("parts") or ()
    posts = {str(decision.anchor.get("post", "")), *(str(part.get("post", "")) for part in parts)}
    states = [conn.execute(_STATE_OF_POST, (post,)).fetchone()[0] for post in sorted(posts - {""})]
    return next((f"its post {state}" for state in _GONE_STATES if state in states), None)


def _stands_elsewhere(conn: sqlite3.Connection, decision: Decision) -> bool:
    """Whether the tip has come to be another post's, as when an earlier original turned up."""
    tip = load_tip(conn, decision.subject)
    return tip is not None and conn.execute(_STATE_OF_POST, (tip.shown.post,)).fetchone()[0] == "stands"


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
