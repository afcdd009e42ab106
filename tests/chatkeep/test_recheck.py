from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from archive.times import to_text
from chatkeep.cli import run
from chatkeep.stage.bluesky import STAGE_HANDLE, STAGE_PASSWORD, build_bluesky
from chatkeep.stage.faults import Faults
from chatkeep.stage.feed import Edit, Feed, FeedAuthor, FeedPost
from chatkeep.stage.mastodon import build_mastodon
from chatkeep.stage.serving import serving
from chatkeep.stage.x import STAGE_TOKEN, build_x

STARTS = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
BUILDERS = {"x": build_x, "bluesky": build_bluesky, "mastodon": build_mastodon}
Capsys = pytest.CaptureFixture[str]


class Desk:
    """A chat on a stage whose hour can be set on, with the command line in front of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = STARTS + timedelta(minutes=30)

    def chatkeep(self, *arguments: str) -> int:
        return run(["--data", str(self.folder / "data"), "--config", str(self.folder / "chats.toml"), *arguments])

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        conn = sqlite3.connect(self.folder / "data" / "archive.db")
        try:
            return conn.execute(sql).fetchall()
        finally:
            conn.close()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A post that stays, one that is edited and one that is deleted within the hour, on each platform."""
    authors = tuple(FeedAuthor(key=p, platform=p, handle=f"ann_{p}", name="Ann") for p in BUILDERS)  # type: ignore[arg-type]  # the keys are the platforms
    late = to_text(STARTS + timedelta(minutes=40))
    posts = tuple(
        FeedPost(
            key=f"{p}{n}", author=p, at=to_text(STARTS + timedelta(minutes=n)), text=f"{what} #northmoor",
            edits=(Edit(at=late, text="Mended #northmoor"),) if what == "Edited" else (),
            deleted_at=late if what == "Deleted" else None,
        )
        for p in BUILDERS
        for n, what in enumerate(("Stays", "Edited", "Deleted"), 1)
    )  # fmt: skip
    for name, value in (("X_BEARER_TOKEN", STAGE_TOKEN), ("BLUESKY_HANDLE", STAGE_HANDLE)):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BLUESKY_APP_PASSWORD", STAGE_PASSWORD)
    found = Desk(tmp_path)
    feed = Feed(authors=authors, posts=posts)
    with ExitStack() as stack:
        urls = {p: stack.enter_context(serving(b(feed, lambda: found.now, Faults()))) for p, b in BUILDERS.items()}
        (tmp_path / "chats.toml").write_text(
            f"[chat.northmoor]\n[[chat.northmoor.session]]\nstarts = {STARTS:%Y-%m-%dT%H:%M:%S}Z\n"
            f'[source.x]\nbase_url = "{urls["x"]}"\n[source.bluesky]\nservice = "{urls["bluesky"]}"\n'
            f'[source.mastodon]\nservers = ["{urls["mastodon"]}"]\n'
        )
        yield found


def test_recheck_sees_what_was_edited_and_deleted_and_keeps_every_wording(desk: Desk, capsys: Capsys) -> None:
    assert desk.chatkeep("collect", "northmoor") == 0
    assert desk.rows("SELECT count(*) FROM posts") == [(9,)]
    desk.now += timedelta(minutes=20)
    capsys.readouterr()
    assert desk.chatkeep("recheck", "northmoor", "--json") == 0
    assert {row["state"] for row in json.loads(capsys.readouterr().out)} == {"complete"}
    assert desk.rows("SELECT text, count(*) FROM posts GROUP BY 1 ORDER BY 1") == [
        ("Deleted #northmoor", 3), ("Mended #northmoor", 3), ("Stays #northmoor", 3),
    ]  # fmt: skip
    assert desk.rows("SELECT count(*) FROM post_versions WHERE text = 'Edited #northmoor'") == [(3,)]
    gone = desk.rows("SELECT platform, reason FROM tombstones JOIN posts ON posts.id = key ORDER BY 1")
    assert gone == [("bluesky", "unavailable"), ("mastodon", "unavailable"), ("x", "unavailable")]


def test_recheck_of_one_session_on_one_platform_asks_nothing_else(desk: Desk, capsys: Capsys) -> None:
    assert desk.chatkeep("collect", "northmoor") == 0
    capsys.readouterr()
    known = [row[0] for row in desk.rows("SELECT id FROM sessions")]
    assert desk.chatkeep("recheck", "northmoor", "--session", str(known[0]), "--source", "x") == 0
    said = capsys.readouterr().out
    assert "X: 0 new posts, 3 known" in said
    assert "Bluesky" not in said
    assert desk.chatkeep("recheck", "northmoor", "--session", "no such one") == 2
    assert "has no session 'no such one'" in capsys.readouterr().err


def test_a_recheck_that_finds_nothing_new_keeps_no_page(desk: Desk) -> None:
    assert desk.chatkeep("collect", "northmoor") == 0
    before = desk.rows("SELECT count(*) FROM pages")
    assert desk.chatkeep("recheck", "northmoor") == 0
    assert desk.rows("SELECT count(*) FROM pages") == before


def test_recheck_of_a_chat_without_posts_says_what_to_do(desk: Desk, capsys: Capsys) -> None:
    assert desk.chatkeep("recheck", "northmoor") == 0
    assert "capture it first with `chatkeep collect northmoor`" in capsys.readouterr().out
