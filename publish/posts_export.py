"""The posts of a chat as a plain list, by time: a table to sort and count in, and one to read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from publish import wording
from publish.findings import ChatFindings, KeptPost, KeptQuestion, SessionFindings, load_findings
from publish.guide_tips import session_title
from publish.markdown import escape_line, escape_lines, link
from publish.spreadsheet import Cell, write_csv

_COLUMNS = (
    *("session", "local_time", "name", "handle", "platform", "text", "role", "question", "kind", "tips"),
    *("likes", "reposts", "replies", "links", "pictures", "language", "in_reply_to", "quote_of", "repost_of"),
    *("edited_at", "url", "posted_at", "post", "author", "person"),
)


def render_posts_csv(conn: sqlite3.Connection, chat_slug: str) -> str:
    """Every post that stands, a row each. Raises UsageError for an unknown or not yet analysed chat."""
    found = load_findings(conn, chat_slug)
    return write_csv(_COLUMNS, (row for session in found.sessions for row in _rows(found, session)))


def render_posts_markdown(conn: sqlite3.Connection, chat_slug: str) -> str:
    """Every post that stands, as a table a session."""
    found = load_findings(conn, chat_slug)
    parts = [f"# {escape_line(found.chat.title)}: posts"]
    if found.chat.description:
        parts.append("\n>\n".join(f"> {line}" for line in escape_lines(found.chat.description)))
    held = [session for session in found.sessions if session.posts]
    if not held:
        parts.append("No posts of this chat have been captured yet.")
    for session in held:
        parts.append(f"## {escape_line(session_title(found, session))}")
        parts.append(f"{len(session.posts):,} {'post' if len(session.posts) == 1 else 'posts'}, by time.")
        parts.append("\n".join(_table(found, session)))
    return "\n\n".join(parts) + "\n"


def _table(found: ChatFindings, session: SessionFindings) -> Iterator[str]:
    asked = session.question_of()
    yield "| When | Who | What | Role |"
    yield "| --- | --- | --- | --- |"
    for post in session.posts:
        local = found.local(post.posted_at)
        when = link(f"{local:%Y-%m-%d %H:%M:%S}" if local else post.posted_at, post.url)
        edited = " (edited)" if post.edited_at else ""
        role = " ".join(part for part in _role(post, asked.get(post.id)) if part)
        cells = (when + edited, escape_line(post.by.shown), escape_line(post.expand(post.text)), role)
        yield f"| {' | '.join(cells)} |"


def _role(post: KeptPost, question: KeptQuestion | None) -> tuple[str, str]:
    """Question or answer and to which; for the rest what kind of post it is."""
    if question is None:
        return ("", "" if post.kind == "post" else post.kind)
    return ("question" if post.id in question.posts else "answer", question.label)


def _rows(found: ChatFindings, session: SessionFindings) -> Iterator[tuple[Cell, ...]]:
    title = session_title(found, session)
    asked = session.question_of()
    tips: dict[str, int] = {}
    for tip in session.tips:
        tips[tip.post.id] = tips.get(tip.post.id, 0) + 1
    for post in session.posts:
        question = asked.get(post.id)
        role = _role(post, question)[0] if question else "other"
        yield (
            title,
            found.local(post.posted_at) or post.posted_at,
            wording.author_name(post.by.name, post.by.handle, post.by.author),
            post.by.handle,
            wording.platform_name(post.by.platform),
            post.text,
            role,
            question.label if question else None,
            post.kind,
            tips.get(post.id, 0),
            post.likes,
            post.reposts,
            post.replies,
            "\n".join(one.url for one in post.links),
            "\n".join(post.alt_texts),
            post.lang,
            post.reply_to,
            post.quote_of,
            post.repost_of,
            (found.local(post.edited_at) or post.edited_at) if post.edited_at else None,
            post.url,
            post.posted_at,
            post.id,
            post.by.author,
            post.by.person,
        )
