from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from archive.times import to_text
from chatkeep.app import App
from chatkeep.cli import run
from chatkeep.stage.bluesky import STAGE_HANDLE, STAGE_PASSWORD, build_bluesky
from chatkeep.stage.faults import Fault, Faults
from chatkeep.stage.feed import Feed, FeedAuthor, FeedPost
from chatkeep.stage.mastodon import build_mastodon
from chatkeep.stage.serving import serving
from chatkeep.stage.x import STAGE_TOKEN, build_x

ROOT = Path(__file__).parents[2]
NOW = datetime.now(UTC).replace(microsecond=0)
STARTS = NOW - timedelta(hours=3)
BUILDERS = {"x": build_x, "bluesky": build_bluesky, "mastodon": build_mastodon}
TEXTS = (
    "Q1: What gets people to read about bin days? #northmoor",
    "A1: Post the evening before, with a photo of the right bin. #northmoor",
    "A1 Don't use a poster as a picture without alt text. #northmoor",
)


class Staged:
    """Three platforms on loopback, chats.toml for them, and the command line in front."""

    def __init__(self, folder: Path, urls: dict[str, str], faults: dict[str, Faults]) -> None:
        self.folder, self.urls, self.faults = folder, urls, faults

    def chatkeep(self, *arguments: str) -> int:
        return run(["--data", str(self.folder / "data"), "--config", str(self.folder / "chats.toml"), *arguments])

    def write_settings(self) -> None:
        text = (
            f'[chat.northmoor]\ntitle = "Northmoor hour (fictional)"\nhosts = ["x:ann_x"]\n'
            f"[[chat.northmoor.session]]\nstarts = {STARTS:%Y-%m-%dT%H:%M:%S}Z\nminutes = 60\n"
            f'[source.x]\nbase_url = "{self.urls["x"]}"\n[source.bluesky]\nservice = "{self.urls["bluesky"]}"\n'
            f'[source.mastodon]\nservers = ["{self.urls["mastodon"]}"]\n'
        )
        (self.folder / "chats.toml").write_text(text)

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        conn = sqlite3.connect(self.folder / "data" / "archive.db")
        try:
            return conn.execute(sql).fetchall()
        finally:
            conn.close()


@pytest.fixture
def staged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Staged]:
    authors = tuple(FeedAuthor(key=p, platform=p, handle=f"ann_{p}", name="Ann") for p in BUILDERS)  # type: ignore[arg-type]  # the keys are the platforms
    posts = tuple(
        FeedPost(key=f"{p}{n}", author=p, at=to_text(STARTS + timedelta(minutes=5 * n)), text=text)
        for p in BUILDERS
        for n, text in enumerate(TEXTS)
    )
    feed, faults = Feed(authors=authors, posts=posts), {p: Faults() for p in BUILDERS}
    monkeypatch.setenv("X_BEARER_TOKEN", STAGE_TOKEN)
    monkeypatch.setenv("BLUESKY_HANDLE", STAGE_HANDLE)
    monkeypatch.setenv("BLUESKY_APP_PASSWORD", STAGE_PASSWORD)
    with ExitStack() as stack:
        urls = {
            p: stack.enter_context(serving(build(feed, lambda: datetime.now(UTC), faults[p])))
            for p, build in BUILDERS.items()
        }
        stage = Staged(tmp_path, urls, faults)
        stage.write_settings()
        yield stage


Capsys = pytest.CaptureFixture[str]


def test_the_whole_way_from_hashtag_to_guide(staged: Staged, capsys: Capsys) -> None:
    for command in (["check"], ["collect", "#NorthMoor"], ["analyse"], ["publish"], ["export", "northmoor", "guide"]):
        assert staged.chatkeep(*command) == 0, capsys.readouterr()
    assert staged.rows("SELECT platform, count(*) FROM posts GROUP BY 1") == [("bluesky", 3), ("mastodon", 3), ("x", 3)]
    guide = (staged.folder / "data" / "exports" / "northmoor-guide.md").read_text(encoding="utf-8")
    assert "Post the evening before" in guide
    capsys.readouterr()
    assert staged.chatkeep("status", "--json") == 0
    told = json.loads(capsys.readouterr().out)[0]
    assert told["chats"][0]["posts"] == 9
    assert {row["platform"]: row["complete"] for row in told["coverage"]} == {
        "X": 60, "Bluesky": 60, "Mastodon": 60,
    }  # fmt: skip


def test_collecting_again_adds_nothing_and_reading_again_changes_nothing(staged: Staged) -> None:
    assert staged.chatkeep("collect", "northmoor") == 0
    sql = "SELECT * FROM posts ORDER BY id"
    before = staged.rows(sql)
    assert staged.chatkeep("collect", "northmoor") == 0
    assert staged.chatkeep("parse") == 0
    assert staged.rows(sql) == before


def test_no_secret_reaches_the_archive_or_the_screen(staged: Staged, capsys: Capsys) -> None:
    staged.chatkeep("collect", "northmoor")
    files = [path for path in (staged.folder / "data").rglob("*") if path.is_file() and ".sessions" not in path.parts]
    said = capsys.readouterr()
    for secret in (STAGE_TOKEN, STAGE_PASSWORD):
        assert secret not in said.out + said.err
        assert not [path for path in files if secret.encode() in path.read_bytes()]
    kept = list((staged.folder / "data" / ".sessions").iterdir())
    assert kept
    assert all(path.stat().st_mode & 0o077 == 0 for path in kept)


def test_a_wrong_key_names_its_variable_and_the_others_are_captured(
    staged: Staged, capsys: Capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("X_BEARER_TOKEN", "wrong")
    assert staged.chatkeep("collect", "northmoor") == 5
    assert "X_BEARER_TOKEN" in capsys.readouterr().err
    assert staged.rows("SELECT count(*) FROM posts") == [(6,)]
    assert staged.chatkeep("check") == 3
    assert "X_BEARER_TOKEN" in capsys.readouterr().out


def test_a_limit_leaves_the_walk_open_and_says_try_later(staged: Staged, capsys: Capsys) -> None:
    reset = str(int((NOW + timedelta(minutes=14)).timestamp()))
    headers = {"x-rate-limit-remaining": "0", "x-rate-limit-reset": reset}
    staged.faults["x"].add(Fault(kind="status", status=429, headers=headers))
    assert staged.chatkeep("collect", "northmoor", "--source", "x") == 4
    assert "same command again" in capsys.readouterr().err
    assert staged.rows("SELECT status FROM walks") == [("open",)]
    assert staged.chatkeep("collect", "northmoor", "--source", "x") == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["collect", "nothmoor"], 2, "known ones are: northmoor"),
        (["collect", "northmoor", "--from", "yesterday"], 2, "2026-10-08T13:00"),
        (["collect", "northmoor", "--to", "2026-10-08T13:00"], 2, "--from"),
        (["import", "northmoor", "missing.jsonl"], 2, "missing.jsonl"),
        (["import", "elsewhere", str(ROOT / "tests" / "conftest.py")], 2, "can be imported"),
        (["import", "elsewhere", "missing.jsonl", "--new"], 2, "missing.jsonl"),
        (["export", "northmoor", "guide", "--format", "csv"], 2, "choose of: md"),
        (["serve"], 2, "chatkeep publish"),
        (["init", "--hashtag", "a", "--title", "", "--starts", ""], 2, "exists already"),
        (["colect"], 2, "No such command"),
    ],
)
def test_a_mistake_is_answered_in_one_line(
    staged: Staged, capsys: Capsys, arguments: list[str], code: int, words: str
) -> None:
    assert staged.chatkeep(*arguments) == code
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said


def test_a_server_that_is_down_is_named_and_the_rest_goes_on(staged: Staged, capsys: Capsys) -> None:
    path = staged.folder / "chats.toml"
    path.write_text(path.read_text().replace(staged.urls["mastodon"], "http://127.0.0.1:9"))
    staged.faults["x"].clear()
    assert staged.chatkeep("check") == 3
    assert "127.0.0.1:9" in capsys.readouterr().out


def test_a_second_capture_of_the_same_archive_is_told_to_wait(staged: Staged, capsys: Capsys) -> None:
    app = App(config=staged.folder / "chats.toml", data=staged.folder / "data")
    with app.collecting():
        for command in (["collect", "northmoor"], ["parse"]):
            assert staged.chatkeep(*command) == 4
            assert "wait until it has ended" in capsys.readouterr().err
    assert staged.chatkeep("collect", "northmoor") == 0


def test_words_of_a_platform_cannot_break_or_steer_the_terminal(staged: Staged, capsys: Capsys) -> None:
    body = json.dumps({"errors": [{"message": "[/b] no \x1b[31m red [bold]"}]}).encode()
    staged.faults["x"].add(Fault(kind="status", status=400, body=body), 9)
    assert staged.chatkeep("collect", "northmoor", "--source", "x") in (3, 4, 5)
    said = capsys.readouterr()
    assert "[/b] no" in said.out
    assert "\x1b" not in said.out + said.err
    assert staged.chatkeep("status") == 0


def test_sigterm_cuts_off_an_exchange_that_hangs_and_keeps_the_place(staged: Staged) -> None:
    staged.faults["x"].add(Fault(kind="hang"))
    staged.write_settings()
    command = ["--config", str(staged.folder / "chats.toml"), "collect", "northmoor", "--source", "x"]
    process = started(staged.folder / "data", *command)
    wait_for_rows(staged.folder / "data" / "archive.db", "SELECT count(*) FROM walks", lambda count: count > 0)
    wait_until(lambda: not staged.faults["x"]._queue)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert "goes on where it was" in err
    assert staged.rows("SELECT status FROM walks") == [("open",)]


def test_a_broken_settings_file_stops_every_command_with_its_line(staged: Staged, capsys: Capsys) -> None:
    (staged.folder / "chats.toml").write_text("[chat.a]\ntitle = \n")
    for command in (["collect", "a"], ["check"], ["status"], ["publish"]):
        assert staged.chatkeep(*command) == 3
        assert "line 2" in capsys.readouterr().err


def test_init_writes_settings_that_work_and_a_file_for_keys_that_others_cannot_read(
    tmp_path: Path, capsys: Capsys
) -> None:
    config = tmp_path / "chats.toml"
    base = ["--data", str(tmp_path / "data"), "--config", str(config)]
    arguments = ["--hashtag", "#LGA Digital", "--title", 'The "hour"', "--starts", "2026-11-26 13:00"]
    assert run([*base, "init", *arguments, "--platforms", "bluesky x"]) == 0
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    capsys.readouterr()
    assert run([*base, "status", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)[0]["chats"][0]
    assert (told["chat"], told["sessions"]) == ("lgadigital", 1)


def test_a_disk_that_fills_up_while_analysing_is_said_in_one_line(
    staged: Staged, capsys: Capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill_up(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("chatkeep.commands.findings.analyse_chat", fill_up)
    assert staged.chatkeep("analyse") == 6
    assert "free some space" in capsys.readouterr().err


def test_a_mistyped_file_starts_no_chat(staged: Staged) -> None:
    assert staged.chatkeep("import", "elsewhere", "missing.jsonl", "--new") == 2
    assert staged.chatkeep("status") == 0
    assert staged.rows("SELECT slug FROM chats") == [("northmoor",)]


def test_a_file_for_an_unknown_chat_is_answered_with_the_way_to_start_it(staged: Staged, capsys: Capsys) -> None:
    path = staged.folder / "chat.csv"
    path.write_text("id_str,from_user,text,created_at\n860296438823227392,ann,Hi,Fri May 05 00:53:49 +0000 2017\n")
    assert staged.chatkeep("import", "elsewhere", str(path)) == 2
    assert "--new" in capsys.readouterr().err
    assert staged.chatkeep("import", "elsewhere", str(path), "--new") == 0
    assert "1 new posts" in capsys.readouterr().out


def test_an_answer_that_is_not_understood_is_asked_for_again(tmp_path: Path) -> None:
    typed = "#LGA digital\nLGA\nnext thursday\n2026-11-26 13:00\nmyspace\nbluesky, x\n"
    command = [sys.executable, "-m", "chatkeep", "init"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, input=typed, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    written = (tmp_path / "chats.toml").read_text()
    assert "starts = 2026-11-26T13:00:00" in written
    assert "[source.x]" in written


def test_an_empty_archive_is_published_and_exported_without_an_error(staged: Staged) -> None:
    for command in (["analyse"], ["publish"], ["export", "northmoor", "guide"], ["export", "northmoor", "transcript"]):
        assert staged.chatkeep(*command) == 0


def started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "chatkeep", "--data", str(folder), *arguments]
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_the_demo_runs_to_its_end_and_says_what_it_found(tmp_path: Path) -> None:
    process = started(tmp_path, "demo", "--no-serve", "--seconds", "5")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "fictional" in out
    assert "Captured 2" in out
    assert "Out of reach" in out
    guide = next((tmp_path / "demo" / "exports").glob("*.md")).read_text(encoding="utf-8")
    assert "fictional" in guide.splitlines()[0]


def test_ctrl_c_ends_the_demo_and_leaves_a_whole_archive(tmp_path: Path) -> None:
    process = started(tmp_path, "demo", "--no-serve", "--seconds", "60")
    wait_for_posts(tmp_path / "demo" / "archive.db", lambda count: count > 5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "nothing is left running" in err
    assert "Traceback" not in err
    conn = sqlite3.connect(tmp_path / "demo" / "archive.db")
    assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    conn.close()


def wait_for_posts(path: Path, enough: Callable[[int], bool]) -> None:
    wait_for_rows(path, "SELECT count(*) FROM posts", enough)


def wait_for_rows(path: Path, sql: str, enough: Callable[[int], bool]) -> None:
    """Until the archive of another process holds enough."""

    def holds() -> bool:
        try:
            conn = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
            try:
                return enough(conn.execute(sql).fetchone()[0])
            finally:
                conn.close()
        except sqlite3.OperationalError:
            return False

    wait_until(holds)


def wait_until(come: Callable[[], bool]) -> None:
    """A deadline guards against hanging."""
    deadline = datetime.now(UTC) + timedelta(seconds=60)
    while datetime.now(UTC) < deadline:
        if come():
            return
    raise AssertionError("what the test waits for did not come")
