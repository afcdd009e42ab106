"""The command line looks up the links of what it captured, says so in one line, and leaves it where told to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from page_ground import Web, client_of, page, web_of

from archive.models import Chat, Session
from archive.times import to_text
from chatkeep import unfolding
from chatkeep.cli import run
from chatkeep.stage.faults import Faults
from chatkeep.stage.feed import Feed, FeedAuthor, FeedPost
from chatkeep.stage.mastodon import build_mastodon
from chatkeep.stage.serving import serving
from chatkeep.unfolding import find_touched, render_unfolded
from collector.sources.base import Window
from collector.unfolding import Unfolded

STARTS = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
Capsys = pytest.CaptureFixture[str]


@dataclass
class Desk:
    folder: Path
    url: str
    web: Web

    def write_settings(self, more: str = "") -> None:
        (self.folder / "chats.toml").write_text(
            f'[chat.northmoor]\ntitle = "Northmoor hour (fictional)"\n{more}\n[[chat.northmoor.session]]\n'
            f'starts = {STARTS:%Y-%m-%dT%H:%M:%S}Z\nminutes = 60\n[source.mastodon]\nservers = ["{self.url}"]\n'
        )

    def chatkeep(self, *arguments: str) -> int:
        return run(["--data", str(self.folder / "data"), "--config", str(self.folder / "chats.toml"), *arguments])

    def pages(self) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.folder / "data" / "archive.db")) as conn:
            return conn.execute("SELECT url, state, title FROM link_pages ORDER BY url").fetchall()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    author = FeedAuthor(key="ann", platform="mastodon", handle="ann", name="Ann of Northmoor")
    texts = ("A1 Look: http://news.northmoor.example/bins #northmoor", "A2 http://gone.northmoor.example/ #northmoor")
    posts = tuple(
        FeedPost(key=f"{n}", author="ann", at=to_text(STARTS + timedelta(minutes=n)), text=text)
        for n, text in enumerate(texts)
    )
    feed = Feed(authors=(author,), posts=posts)

    with web_of() as (web, _), serving(build_mastodon(feed, lambda: datetime.now(UTC), Faults())) as url:

        def build(version: str, seconds: float) -> httpx.Client:
            return client_of(web, seconds)

        monkeypatch.setattr(unfolding, "build_page_client", build)
        web.pages["news.northmoor.example/bins"] = page("Bin days in Northmoor")
        stage = Desk(tmp_path, url, web)
        stage.write_settings()
        yield stage


def test_collect_looks_up_links_and_says_how_many(desk: Desk, capsys: Capsys) -> None:
    assert desk.chatkeep("collect", "northmoor") == 0
    assert "looked up 2 links that people shared: 1 have a title; 1 did not answer" in capsys.readouterr().err
    assert desk.pages() == [
        ("http://gone.northmoor.example/", "failed", None),
        ("http://news.northmoor.example/bins", "read", "Bin days in Northmoor"),
    ]
    assert desk.chatkeep("collect", "northmoor") == 0
    assert desk.chatkeep("parse") == 0
    assert len(desk.web.asked) == 1
    assert len(desk.pages()) == 2


def test_where_it_is_switched_off_nothing_is_looked_up(desk: Desk, capsys: Capsys) -> None:
    desk.write_settings("unfold_links = false")
    assert desk.chatkeep("collect", "northmoor") == 0
    assert "looked up" not in capsys.readouterr().err
    assert desk.pages() == []
    assert desk.web.looked_up == []


def test_json_for_a_program_holds_the_walks_alone(desk: Desk, capsys: Capsys) -> None:
    assert desk.chatkeep("collect", "northmoor", "--json") == 0
    assert "looked up" not in capsys.readouterr().out


def chat_of(*days: int) -> Chat:
    sessions = tuple(
        Session(
            id=f"s{day}", chat="northmoor", starts_at=f"2026-10-{day:02}T12:00:00.000Z",
            ends_at=f"2026-10-{day:02}T13:00:00.000Z",
        )
        for day in days
    )  # fmt: skip
    return Chat(slug="northmoor", title="Northmoor hour", hashtags=("northmoor",), sessions=sessions)


def test_the_sessions_that_a_capture_touched_come_latest_first() -> None:
    chat, now = chat_of(1, 8, 15, 22), "2026-10-15T14:00:00.000Z"
    assert [s.id for s in find_touched(chat, Window("2026-10-14T12:00:00.000Z"), now)] == ["s15", "s8"]
    window = Window("2026-10-01T11:30:00.000Z", "2026-10-01T14:00:00.000Z")
    assert [s.id for s in find_touched(chat, window, now)] == ["s1"]
    assert [s.id for s in find_touched(chat, Window(), now)] == ["s15", "s8", "s1"]


def test_a_line_says_what_came_of_it_and_none_where_there_was_nothing() -> None:
    assert render_unfolded(Unfolded()) is None
    words = render_unfolded(Unfolded(5, 4, 3, 2, 1, 6))
    assert words is not None
    assert words.startswith("looked up 10 links that people shared: 4 have a title; 3 did not answer")
    assert words.endswith("1 wait for another time; 6 are left for the next time")
