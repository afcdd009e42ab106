"""A small analysed chat of fictional people, and the command line in front of it, for tests of what people decide."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from archive.models import Author, Batch, Post, RawPage, Ref
from archive.store import WalkPlace, open_archive, prepare_page
from archive.times import shift
from archive.walks import Walk, begin_walk
from chatkeep.cli import run

START = "2026-10-08T12:00:00.000Z"
TEXTS = {
    "Q1: What would you tell a newcomer about bin days?": "NorthmoorHour",
    "A1: Post the evening before, with a photo of the right bin. Never list all sixty streets.": "ann_example",
    "A1: Don't use a poster as a picture without alt text.": "bob_example",
    "A1: We struggle with sign-off at weekends.": "cat_example",
    "A1: Use plain English in every post, and ask a resident to read it first.": "ann_example",
}


class Place:
    """A data folder with an analysed chat, and the command line in front of it."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.settings = folder / "chats.toml"
        self.settings.write_text(
            '[chat.northmoor]\ntitle = "Northmoor hour (fictional)"\nhosts = ["x:NorthmoorHour"]\n'
            f"[[chat.northmoor.session]]\nstarts = {START[:19]}Z\nminutes = 60\n"
        )
        with open_archive(self.data / "archive.db") as archive:
            posts = [
                Post(id=f"x:{n}", platform="x", author=f"x:{who}", native_ids=(Ref(str(n)),), tags=("northmoor",),
                     created_at=shift(START, minutes=5 + n), text=f"{text} #northmoor")
                for n, (text, who) in enumerate(TEXTS.items())
            ]  # fmt: skip
            authors = [Author(id=f"x:{who}", platform="x", handle=who) for who in dict.fromkeys(TEXTS.values())]
            authors.append(Author(id="bluesky:did:ann", platform="bluesky", handle="ann_example"))
            self.save(archive, Batch(posts=posts, authors=authors))
        assert self("analyse") == 0

    def save(self, archive: Any, batch: Batch) -> None:
        self("status")  # writes the chat of the settings into the archive
        key = f"northmoor|tag|{len(batch.posts)}"
        walk = begin_walk(archive, Walk(0, "northmoor", "x", key, None, None, None, None, archive.now(), None, None))
        page = RawPage(source="x", format="search", origin="x", fetched_at=archive.now(), body=b"{}")
        archive.save_page(prepare_page(page), batch, WalkPlace(walk.id, walk.key, "northmoor", "x", None))

    def __call__(self, *arguments: str) -> int:
        return run(["--data", str(self.data), "--config", str(self.settings), *arguments])

    def ask(self, sql: str, *values: object, name: str = "archive.db") -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.data / name, isolation_level=None)) as conn:
            return conn.execute(sql, values).fetchall()

    def tip(self, words: str) -> str:
        ((name,),) = self.ask("SELECT id FROM tips WHERE instr(text, ?)", words)
        return str(name)

    def stands(self, name: str) -> tuple[Any, ...]:
        ((*found,),) = self.ask("SELECT state, kind, text, kept FROM tips WHERE id = ?", name)
        return tuple(found)
