"""Writes the archive of one small fictional chat for the tests of exports, a row at a time."""

from __future__ import annotations

import json
from pathlib import Path

from archive_sample import SampleArchive

from archive.times import shift
from publish.guide import build_guide
from publish.guide_model import Guide

CHAT = "fernhour"
FIRST, SECOND = "fernhour-2026-10-08", "fernhour-2026-11-12"
START = "2026-10-08T12:00:00.000Z"
FICTIONAL = "This chat is fictional: all people and councils in it are invented."
QUESTION = "How do you tell people about bin days?"


class Hour(SampleArchive):
    """An archive of one small chat; posts are put into its first session."""

    def __init__(self, path: Path, description: str | None = FICTIONAL) -> None:
        super().__init__(path)
        self.insert(
            "chats", slug=CHAT, title="Fern hour", hashtags='["fernhour"]', hosts='["x:FernHour"]',
            timezone="Europe/London", description=description,
        )  # fmt: skip
        for account in (
            ("x:1", "x", "FernHour", "Fern hour"),
            ("x:2", "x", "priya_fern", "Priya Raman"),
            ("bluesky:did:plc:priya", "bluesky", "priya.example", "Priya Raman"),
            ("x:3", "x", "tomos_fern", "Tomos Bevan"),
            ("x:1327", "x", None, None),
            ("x:9", "x", "cheap_likes", "Cheap likes"),
        ):
            self.author(*account)
        for author in ("x:2", "bluesky:did:plc:priya"):
            self.insert("people", id="person-priya", author=author, version="1")

    def sitting(self, session: str, starts_at: str = START, questions: tuple[str, ...] = (QUESTION,)) -> None:
        self.insert(
            "sessions", id=session, chat=CHAT, starts_at=starts_at, ends_at=shift(starts_at, minutes=60),
            questions=json.dumps(questions),
        )  # fmt: skip

    def say(self, author: str, text: str, minute: float, session: str = FIRST, **more: object) -> str:
        at = shift(START, minutes=minute)
        post = self.post(author, text, 0, session, CHAT, **{"posted_at": at, **more})
        self.insert("sightings", post=post, walk="w", chat=CHAT, server="", first_at=at, last_at=at)
        return post

    def ask(self, number: int | None, minute: float, text: str = QUESTION, session: str = FIRST) -> str:
        post = self.say("x:1", f"Q{number}: {text} #fernhour", minute, session)
        name = f"{session}-q{number}-{minute}"
        self.insert(
            "questions", id=name, chat=CHAT, session=session, number=number, post=post,
            text=f"Q{number}: {text} #fernhour", asked_at=shift(START, minutes=minute), version="1",
        )  # fmt: skip
        return name

    def advise(self, post: str, text: str, kind: str = "do", question: str | None = None, **more: object) -> str:
        more = {"chat": CHAT, "session": FIRST, "score": 0.7, **more}
        return self.tip(post, text, kind, question, **more)

    def answered(self, author: str, text: str, minute: float, question: str, score: float = 0.7) -> str:
        post = self.say(author, f"A1: {text} #fernhour", minute)
        self.answer(question, post)
        self.advise(post, text, question=question, score=score)
        return post

    def guide(self) -> Guide:
        return build_guide(self.conn, CHAT)
