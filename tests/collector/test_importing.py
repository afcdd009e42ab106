from __future__ import annotations

import gzip
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from analysis.rebuild import analyse_chat
from archive.errors import UsageError
from archive.models import Chat
from archive.store import Archive
from chatkeep.cli import run
from collector.importing import Imported, import_file
from collector.sources.files import find_format
from publish.chats_db import publish_chats
from publish.exports import EXPORTS, render_export

HOSTILE = (
    "<script>alert(1)</script> #northmoor",
    "nul \x00 inside #northmoor",
    "half a pair \ud83d alone #northmoor",
    '=HYPERLINK("http://evil.example") #northmoor',
    "\u202etxet desrever #northmoor",
    "A1: " + "always reply to residents " * 80_000 + "#northmoor",
)


def post(number: int, text: str = "A1: Put the date first. #northmoor", **more: Any) -> dict[str, Any]:
    return {
        "id": str(number), "author_id": "7", "text": text, "created_at": "2026-10-08T12:05:00.000Z",
        "conversation_id": str(number), "author": {"id": "7", "username": "ann", "name": "Ann"}, **more,
    }  # fmt: skip


def write(path: Path, posts: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in posts), encoding="utf-8")
    return path


def imported(archive: Archive, chat: Chat, path: Path) -> Imported:
    return import_file(archive, chat, path, find_format(path))


def test_every_row_is_accounted_for_and_named_by_its_line(archive: Archive, chat: Chat, tmp_path: Path) -> None:
    path = write(tmp_path / "chat.jsonl", [post(1), post(2), post(2)])
    path.write_text(path.read_text() + '{"id": "4", "te\n' + json.dumps({"id": "5"}) + "\n")
    account = imported(archive, chat, path)
    assert (account.rows_count, account.new_count, account.known_count, account.unusable_count) == (5, 2, 1, 2)
    lines = archive.conn.execute("SELECT line FROM problems ORDER BY line").fetchall()
    assert lines == [(4,), (5,)]


def test_importing_twice_changes_nothing_whatever_the_file_is_called(
    archive: Archive, chat: Chat, tmp_path: Path
) -> None:
    path = write(tmp_path / "chat.jsonl", [post(n) for n in range(1, 2_500)])
    assert imported(archive, chat, path).new_count == 2_499
    packed = tmp_path / "other.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    sql = "SELECT (SELECT count(*) FROM pages), (SELECT count(*) FROM post_versions), (SELECT count(*) FROM posts)"
    before = archive.conn.execute(sql).fetchone()
    again = imported(archive, chat, packed)
    assert (again.new_count, again.known_count) == (0, 2_499)
    assert archive.conn.execute(sql).fetchone() == before


def test_an_import_that_was_cut_off_goes_on_where_it_was(archive: Archive, chat: Chat, tmp_path: Path) -> None:
    path = write(tmp_path / "chat.jsonl", [post(n) for n in range(1, 2_500)])

    def stop(_: Imported) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_file(archive, chat, path, find_format(path), stop)
    account = imported(archive, chat, path)
    assert account.rows_count == 2_499
    assert archive.conn.execute("SELECT count(*) FROM posts").fetchone() == (2_499,)
    assert archive.conn.execute("SELECT status FROM walks").fetchall() == [("done",)]


def test_an_old_file_does_not_overwrite_what_was_captured_since(archive: Archive, chat: Chat, tmp_path: Path) -> None:
    newer = post(1, "Put the date first, then the street. #northmoor") | {
        "__twarc": {"retrieved_at": "2026-10-08T13:30:00+00:00"}
    }
    imported(archive, chat, write(tmp_path / "newer.jsonl", [newer]))
    imported(archive, chat, write(tmp_path / "older.jsonl", [post(1)]))
    assert archive.conn.execute("SELECT text FROM posts").fetchone() == (newer["text"],)
    assert archive.conn.execute("SELECT count(*) FROM post_versions").fetchone() == (2,)


def test_hostile_posts_go_through_the_whole_way(archive: Archive, chat: Chat, tmp_path: Path) -> None:
    posts = [post(n, text) for n, text in enumerate(HOSTILE, 1)]
    posts += [post(8, created_at="1970-01-01T00:00:00.000Z"), post(9, created_at="2035-01-01T00:00:00.000Z")]
    account = imported(archive, chat, write(tmp_path / "hostile.jsonl", posts))
    assert account.new_count == len(posts)
    analyse_chat(archive.conn, chat, version="test")
    published = publish_chats(archive.path, tmp_path / "chats.db", at=archive.now())
    assert published.rows["posts"] == len(posts)
    for what, form in EXPORTS:
        text = render_export(archive.conn, chat.slug, what, form)
        assert "\x00" not in text
        if form == "md":
            assert "<script>" not in text
    conn = sqlite3.connect(tmp_path / "chats.db")
    assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    conn.close()


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"name,age\nann,40\n",
        b"SQLite format 3\x00" + bytes(84),
    ],
)
def test_a_file_of_another_kind_gets_one_line_that_names_what_can_be_read(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "something"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        find_format(path)
    said = str(caught.value)
    assert len(said.splitlines()) == 1
    assert all(name in said for name in ("twarc2", "TAGS", "academictwitteR"))


def test_a_truncated_gzip_file_is_read_as_far_as_it_goes_and_says_so(tmp_path: Path, capsys: Any) -> None:
    whole = gzip.compress(
        write(tmp_path / "a.jsonl", [post(n, f"tip {n * 7919} #northmoor") for n in range(1, 3_000)]).read_bytes()
    )
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(whole[: len(whole) * 2 // 3])
    base = ["--data", str(tmp_path / "data"), "--config", str(tmp_path / "none.toml")]
    assert run([*base, "import", "northmoor", str(cut), "--new"]) == 5
    assert "Traceback" not in capsys.readouterr().err
    conn = sqlite3.connect(tmp_path / "data" / "archive.db")
    assert conn.execute("SELECT count(*) FROM posts").fetchone()[0] > 500
    conn.close()
