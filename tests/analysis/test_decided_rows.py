"""Decisions in the archive: rows that are rebuilt session by session are those of a fresh analysis."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_chat import START, northmoor

from analysis.rebuild import analyse_chat
from analysis.shown import list_uncertain, load_tip, load_tip_anchor
from archive.decisions import Decision, add_decisions, load_decisions, open_decisions
from archive.models import Author, Batch, Chat, Post, RawPage, Ref, Session
from archive.store import Archive, WalkPlace, open_archive, prepare_page
from archive.times import shift
from archive.walks import Walk, begin_walk

TABLES = (
    "chat_posts", "questions", "answers", "tips", "tip_evidence", "themes", "recaps", "coverage", "people", "rankers",
)  # fmt: skip
LATER = Session(
    id="northmoor-2", chat="northmoor", starts_at=shift(START, days=7), ends_at=shift(START, days=7, minutes=60)
)
SENTENCES = (
    "Post the evening before, with a photo of the right bin.", "Never list all sixty streets.",
    "Use plain English in every post.", "We struggle with sign-off at weekends.",
    "Don't delete complaints.", "Reply within the hour, even if only to say that you are looking into it.",
)  # fmt: skip


@dataclass(slots=True)
class Ground:
    """An archive, the decisions beside it, and the chat of two sessions."""

    archive: Archive
    decisions: Path
    chat: Chat = field(default_factory=lambda: replace(northmoor(), sessions=(*northmoor().sessions, LATER)))
    pages: int = 0

    def say(self, name: str, text: str, minute: float, days: int = 0) -> str:
        """A post arrives, or its present wording; gives its session."""
        self.pages += 1
        key = f"northmoor|tag|{self.pages}"
        walk = Walk(0, "northmoor", "x", key, None, None, None, None, self.archive.now(), None, None)
        post = Post(
            id=name, platform="x", author=f"x:{name}", native_ids=(Ref(name),), tags=("northmoorhour",),
            created_at=shift(START, days=days, minutes=minute), text=text,
            edited_at=shift(START, days=9, minutes=self.pages),
        )  # fmt: skip
        batch = Batch(posts=[post], authors=[Author(id=post.author, platform="x", handle=name[2:])])
        page = RawPage(source="x", format="search", origin="x", fetched_at=self.archive.now(), body=b"%d" % self.pages)
        place = WalkPlace(begin_walk(self.archive, walk).id, key, "northmoor", "x", None)
        self.archive.save_page(prepare_page(page), batch, place)
        return "northmoor-2" if days else "northmoor-1"

    def analyse(self, *only: str) -> None:
        analyse_chat(
            self.archive.conn, self.chat, version="1", decisions=load_decisions(self.decisions, "northmoor"),
            only=only or None,
        )  # fmt: skip

    def decide(self, tip: str, name: str, value: str) -> str:
        """A person decides on a tip as it is shown; gives its session."""
        stored = load_tip(self.archive.conn, tip)
        assert stored is not None
        anchor = load_tip_anchor(self.archive.conn, stored.shown)
        with closing(open_decisions(self.decisions)) as conn:
            made = Decision(subject_kind="tip", subject=tip, field=name, value=value, chat="northmoor", by="ann", at="",
                            anchor=anchor)  # fmt: skip
            add_decisions(conn, [made])
        return stored.shown.session

    def tips(self) -> list[tuple[Any, ...]]:
        rows = self.archive.conn.execute("SELECT id, session, post, state, kind, kept FROM tips ORDER BY id")
        return rows.fetchall()

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        return {table: sorted(map(repr, self.archive.conn.execute(f"SELECT * FROM {table}"))) for table in TABLES}


@contextmanager
def ground_in(folder: Path) -> Iterator[Ground]:
    with open_archive(folder / "archive.db", lambda: datetime(2026, 10, 20, tzinfo=UTC)) as archive:
        made = Ground(archive, folder / "decisions.db")
        archive.save_chat(made.chat)
        yield made


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    with ground_in(tmp_path) as made:
        yield made


def test_a_decided_tip_goes_with_its_post_to_a_session_that_is_set_anew(ground: Ground) -> None:
    ground.say("x:1", SENTENCES[2] + " #northmoorhour", 10)
    ground.analyse()
    ((name, *_),) = ground.tips()
    ground.decide(name, "state", "accepted")
    renamed = replace(ground.chat.sessions[0], id="northmoor-autumn")
    ground.chat = replace(ground.chat, sessions=(renamed, LATER))
    ground.archive.save_chat(ground.chat)
    ground.analyse("northmoor-autumn", "northmoor-2")
    assert ground.tips() == [(name, "northmoor-autumn", "x:1", "accepted", "do", 0)]
    ground.chat = replace(ground.chat, sessions=())
    ground.archive.save_chat(ground.chat)
    ground.analyse()
    assert ground.tips() == [(name, "northmoor-all", "x:1", "accepted", "do", 0)]


def test_rejected_tips_are_not_offered_to_decide_again(ground: Ground) -> None:
    ground.say("x:1", SENTENCES[2] + " #northmoorhour", 10)
    ground.analyse()
    (offered,) = list_uncertain(ground.archive.conn, "northmoor", 5)
    ground.decide(offered.shown.id, "state", "rejected")
    ground.analyse()
    assert list_uncertain(ground.archive.conn, "northmoor", 5) == []


STEPS = st.one_of(
    st.tuples(st.just("say"), st.integers(1, 5), st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=3),
              st.integers(0, 50), st.sampled_from([0, 7])),
    st.tuples(st.just("delete"), st.integers(1, 5)),
    st.tuples(st.just("decide"), st.integers(0, 9), st.sampled_from(
        [("state", "accepted"), ("state", "rejected"), ("kind", "example"), ("text", "In our words"), ("state", "")])),
)  # fmt: skip


def play(ground: Ground, steps: list[tuple[Any, ...]]) -> None:
    """Plays the steps; after each only the session that it concerns is analysed."""
    placed: dict[int, tuple[int, int]] = {}
    for what, number, *more in steps:
        if what == "say":
            sentences, minute, days = more
            placed.setdefault(number, (minute, days))
            ground.analyse(ground.say(f"x:{number}", " ".join(sentences) + " #northmoorhour", *placed[number]))
        elif what == "delete":
            ground.archive.conn.execute("INSERT OR IGNORE INTO tombstones VALUES (?, '', 'deleted')", (f"x:{number}",))
            ground.analyse("northmoor-1", "northmoor-2")
        elif tips := ground.tips():
            ground.analyse(ground.decide(tips[number % len(tips)][0], *more[0]))


@settings(max_examples=20)
@given(st.lists(STEPS, max_size=10))
def test_rows_that_were_rebuilt_bit_by_bit_are_those_of_a_fresh_analysis(steps: list[tuple[Any, ...]]) -> None:
    with TemporaryDirectory() as folder, ground_in(Path(folder)) as ground:
        ground.analyse()
        play(ground, steps)
        bit_by_bit = ground.rows()
        copy = sqlite3.connect(Path(folder) / "fresh.db")
        ground.archive.conn.backup(copy)
        copy.close()
        with open_archive(Path(folder) / "fresh.db", lambda: datetime(2026, 10, 20, tzinfo=UTC)) as fresh:
            fresh.conn.execute("PRAGMA foreign_keys = OFF")
            for table in (*TABLES, "answers", "author_organisations", "organisations", "attendance", "session_authors"):
                fresh.conn.execute(f"DELETE FROM {table}")
            fresh.conn.execute("PRAGMA foreign_keys = ON")
            ground.archive = fresh
            ground.analyse()
            assert ground.rows() == bit_by_bit
