"""Makes a person's decisions: each is kept with its anchor before anything else, then its sessions are analysed."""

from __future__ import annotations

import getpass
import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from analysis.anchors import Place, ShownTip, find_place
from analysis.rebuild import analyse_chat
from analysis.shown import StoredTip, load_texts, load_tip, load_tip_anchor
from archive.decisions import Decision, SubjectKind, add_decisions, find_current, load_decisions, open_decisions
from archive.errors import UsageError
from archive.models import TIP_KIND_NAMES, TIP_KINDS, TipKind
from archive.opening import storage_errors
from archive.store import Archive
from chatkeep import __version__
from chatkeep.app import App
from publish.chats_db import publish_chats

_KINDS: dict[str, TipKind] = {TIP_KIND_NAMES[kind]: kind for kind in TIP_KINDS}
_PUBLISHED = """
SELECT t.chat, t.kind, t.text, t.score, p.post FROM tips t JOIN posts p ON p.id = t.post WHERE t.id = ?
"""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is decided on: a tip or theme of a chat, or an author, who belongs to none. ``anchor`` finds it again."""

    kind: SubjectKind
    id: str
    chat: str = ""
    anchor: Mapping[str, Any] | None = None
    saw_version: str = ""


@dataclass(slots=True)
class Desk:
    """Where one person decides on the findings of an archive."""

    app: App
    archive: Archive
    by: str

    def decide(self, subject: Subject, fields: Mapping[str, str], note: str = "") -> None:
        """Keeps what was decided, all or none of it."""
        made = [
            Decision(
                subject_kind=subject.kind, subject=subject.id, field=name, value=value, chat=subject.chat, by=self.by,
                at=self.archive.now(), anchor=subject.anchor or {}, saw_version=subject.saw_version, note=note,
            )
            for name, value in fields.items()
        ]  # fmt: skip
        path = self.app.decisions_path
        with storage_errors(path), closing(open_decisions(path)) as conn:
            add_decisions(conn, made)

    def take_back(self, subject: Subject, note: str = "") -> int:
        """Takes back all that is in force on it; gives how many fields that were."""
        fields = {name: "" for kept, name in find_current(self.load(), subject.kind) if kept == subject.id}
        if fields:
            self.decide(subject, fields, note)
        return len(fields)

    def load(self, chat: str | None = None) -> tuple[Decision, ...]:
        """The decisions so far."""
        return load_decisions(self.app.decisions_path, chat)

    def analyse(self, sessions: Iterable[tuple[str, str]]) -> str:
        """Analyses these sessions, (chat, session), again, and publishes them where there is a site; says which."""
        chats = self.archive.load_chats()
        concerned: dict[str, set[str]] = {}
        for chat, session in sessions:
            concerned.setdefault(chat, set()).add(session)
        for slug in sorted(set(concerned) & set(chats)):
            with storage_errors(self.archive.path):
                analyse_chat(
                    self.archive.conn, chats[slug], version=__version__, now=self.archive.now(),
                    decisions=self.load(slug), only=concerned[slug],
                )  # fmt: skip
        if not self.app.chats_path.exists():
            return "analysed again"
        changed = {session for found in concerned.values() for session in found}
        publish_chats(self.archive.path, self.app.chats_path, at=self.archive.now(), sessions=changed)
        return "analysed and published again"


def name_decider(by: str | None) -> str:
    """Who decides: as told, else the name of the login. Raises UsageError where neither is known."""
    if by and by.strip():
        return by.strip()
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError) as error:
        raise UsageError("nobody knows who you are on this machine: say it with --by NAME") from error


def find_tip(desk: Desk, tip: StoredTip, span: tuple[int, int] | None = None) -> Subject:
    """The subject of a decision on a tip as it is shown; ``span`` is one that was chosen in its post's text."""
    anchor = load_tip_anchor(desk.archive.conn, tip.shown, span)
    return Subject("tip", tip.shown.id, tip.chat, anchor, tip.version)


def find_decided(desk: Desk, kind: SubjectKind, name: str) -> Subject | None:
    """The subject as it was decided on last: for one that is shown no more, and yet can be decided again."""
    made = [one for one in desk.load() if (one.subject_kind, one.subject) == (kind, name)]
    return Subject(kind, name, made[-1].chat, made[-1].anchor, made[-1].saw_version) if made else None


def find_published(desk: Desk, name: str) -> Subject | None:
    """The subject of a decision on a tip that the site shows still, though the findings have changed since.

    Its words say which tip that is by now.
    """
    path = desk.app.chats_path
    if not path.exists():
        return None
    with storage_errors(path), closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as site:
        row = site.execute(_PUBLISHED, (name,)).fetchone()
    if row is None or row[1] not in _KINDS:
        return None
    chat, kind, text, score, post = row
    session = desk.archive.conn.execute(
        "SELECT session FROM chat_posts WHERE chat = ? AND post = ? ORDER BY session", (chat, post)
    ).fetchone()
    present = load_texts(desk.archive.conn, [post]).get(post, "")
    start, end = find_place(Place(text), present) or (0, 0)
    shown = ShownTip(name, session[0] if session else "", post, _KINDS[kind], start, end, text, score)
    anchor = load_tip_anchor(desk.archive.conn, shown)
    return Subject("tip", name, chat, anchor | ({} if end else {"quotation": text}))


def find_why_missing(conn: sqlite3.Connection, chat: str, made: Sequence[Decision]) -> str | None:
    """Why what was decided of a tip shows nowhere; None where it does. ``made`` are the decisions on it."""
    if load_tip(conn, made[-1].subject):
        return None
    posts = {str(one.anchor.get("post", "")) for one in made}
    held = _find_posts(conn, "SELECT post FROM chat_posts WHERE chat = ? AND post = ?", chat, posts)
    if not held:
        gone = _find_posts(conn, "SELECT key FROM tombstones WHERE ? <> '' AND key = ?", chat, posts)
        return "its post was deleted" if gone else "its post is not among the chat's posts"
    others = conn.execute(
        "SELECT id FROM tips WHERE chat = ?1 AND (state <> 'proposed' OR kept) AND (post IN (SELECT value FROM"
        " json_each(?2)) OR id IN (SELECT tip FROM tip_evidence WHERE post IN (SELECT value FROM json_each(?2))))",
        (chat, json.dumps(sorted(held))),
    ).fetchall()
    if others:
        return f"another tip that was decided later says the same: {', '.join(sorted(row[0] for row in others))}"
    return f"{chat} has not been analysed since: run `chatkeep analyse {chat}`"


def _find_posts(conn: sqlite3.Connection, sql: str, chat: str, posts: Collection[str]) -> set[str]:
    return {post for post in posts if conn.execute(sql, (chat, post)).fetchone()}
