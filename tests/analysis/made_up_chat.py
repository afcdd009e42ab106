"""Builds sessions of an invented chat for the tests of the analysis: Northmoor hour, posts by minute."""

from __future__ import annotations

import re
from typing import Any

from analysis.engine import Findings, analyse_session
from analysis.features import Context
from analysis.languages import is_english
from analysis.normalising import normalise
from analysis.proposals import TipProposal
from analysis.questions import Question
from analysis.reading import read_post
from analysis.rows import SessionAuthor, SessionPost, SessionRows, build_rows
from analysis.tips import find_tips
from archive.models import Chat, Session
from archive.times import shift

START = "2026-10-08T12:00:00.000Z"
END = "2026-10-08T13:00:00.000Z"
HOST = "x:host"


def northmoor(*questions: str, hosts: tuple[str, ...] = ("x:NorthmoorHour",)) -> Chat:
    session = Session(id="northmoor-1", chat="northmoor", starts_at=START, ends_at=END, questions=questions)
    return Chat(slug="northmoor", title="Northmoor hour", hashtags=("northmoorhour",), hosts=hosts, sessions=(session,))


def post(minute: float, text: str, author: str = "x:ann", **more: Any) -> SessionPost:
    """A post at that minute of the hour; its id is its minute unless ``id`` says otherwise."""
    return SessionPost(
        id=more.pop("id", f"x:{minute:g}"),
        platform=more.pop("platform", "x"),
        author=author,
        handle=more.pop("handle", "NorthmoorHour" if author == HOST else author.partition(":")[2]),
        posted_at=shift(START, minutes=minute),
        text=text,
        links=more.pop("links", tuple(re.findall(r"https?://\S+", text))),
        **more,
    )


def rows_of(*posts: SessionPost, chat: Chat | None = None, authors: tuple[SessionAuthor, ...] = ()) -> SessionRows:
    chat = chat or northmoor()
    return build_rows(chat, chat.sessions[0], posts, authors)


def analyse(*posts: SessionPost, chat: Chat | None = None) -> Findings:
    return analyse_session(rows_of(*posts, chat=chat))


def tips_in(text: str, *, asked: Context | None = None, **more: Any) -> list[TipProposal]:
    """The tips of a single post, as an answer marked with its question unless ``asked`` says otherwise."""
    one = post(10, text, **more)
    marked = Context(Question("northmoor-1-q1", 1, "", None, "A question", None), link="marked")
    cleaned = normalise(text, {"northmoorhour"})
    return find_tips(read_post(one, cleaned, asked or marked)) if is_english(cleaned.text, one.lang) else []


def kinds_in(text: str, **more: Any) -> set[str]:
    return {tip.kind for tip in tips_in(text, **more)}
