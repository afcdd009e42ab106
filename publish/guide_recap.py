"""The recap of each session as a guide opens with it: quotations, each with its author and its post."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Sequence

from publish.findings import ChatFindings, SessionFindings
from publish.guide_model import Recap, Said
from publish.guide_tips import session_title

_WORDS_AND_LINK = re.compile(r"(.*?)((?:\s+https?://\S+)?)", re.DOTALL)  # a quotation mark is no part of an address
_LINES = """
SELECT r.tip, r.post, r.text, q.number FROM recaps r LEFT JOIN questions q ON q.id = r.question
WHERE r.chat = ? ORDER BY r.session, r.position
"""


def build_recaps(
    conn: sqlite3.Connection, found: ChatFindings, held: Sequence[SessionFindings], advertisers: Collection[str]
) -> tuple[Recap, ...]:
    """The recaps of these sessions in their order, of posts and tips that stand; those who only sell are not quoted."""
    rows = conn.execute(_LINES, (found.chat.slug,)).fetchall()
    recaps = []
    for session in held:
        tips = {tip.id: tip for tip in session.tips}
        lines = tuple(
            (None if number is None else f"Q{number}", _quote(found, session, post, text))
            for tip, post, text, number in rows
            if tip in tips and post in session.by_id and session.by_id[post].by.person not in advertisers
        )
        if lines:
            recaps.append(Recap(session_title(found, session) if len(held) > 1 else None, lines))
    return tuple(recaps)


def _quote(found: ChatFindings, session: SessionFindings, post: str, text: str) -> Said:
    kept = session.by_id[post]
    words = _WORDS_AND_LINK.fullmatch(kept.expand(text))
    quoted = f"“{words[1]}”{words[2]}" if words else ""
    return Said(text=quoted, by=kept.by, at=found.local(kept.posted_at), url=kept.url, post=post, posts=(post,))
