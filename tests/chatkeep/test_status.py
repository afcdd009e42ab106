from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st
from memory_archive import memory_archive

from archive.alarms import Alarm, save_alarms
from archive.models import Chat, Session
from archive.store import Archive, open_archive
from archive.times import shift, to_text
from chatkeep import __version__
from chatkeep.app import App
from chatkeep.cli import run
from chatkeep.commands import status as command
from chatkeep.state import SessionState, is_collecting, load_gaps, load_state, render_verdict

NOW = "2026-10-08T12:24:00.000Z"  # 13:24 in London
LIVE = Session(id="a-1", chat="a", starts_at="2026-10-08T12:00:00.000Z", ends_at="2026-10-08T13:00:00.000Z")
NEXT = Session(id="a-2", chat="a", starts_at="2026-10-15T12:00:00.000Z", ends_at="2026-10-15T13:00:00.000Z")
OVER = Session(id="a-0", chat="a", starts_at="2026-10-01T12:00:00.000Z", ends_at="2026-10-01T13:00:00.000Z")


class Desk:
    """An archive at a moment, and what the first line of status says of it."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.chat = Chat(slug="a", title="A", hashtags=("lgadigital",))

    def sits(self, *sessions: Session) -> None:
        self.chat.sessions = sessions
        self.archive.save_chat(self.chat)

    def ran(self, last_alive_at: str | None, ended_at: str | None = None, what: str = "run") -> None:
        with self.archive.transaction() as conn:
            conn.execute(
                "INSERT INTO runs (command, version, started_at, last_alive_at, ended_at) VALUES (?, '1', ?, ?, ?)",
                (what, "2026-10-08T10:00:00.000Z" if what == "run" else NOW, last_alive_at, ended_at),
            )

    def alarm(self, *messages: str) -> None:
        alarms = [
            Alarm(key=words, kind="silent", level="error", message=words, remedy="Run `chatkeep check`", chat="a")
            for words in messages
        ]
        save_alarms(self.archive, alarms, {"silent"})

    def says(self, *, held: bool | None) -> str:
        return render_verdict(load_state(self.archive.conn, [self.chat], NOW, held, 2))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_archive(tmp_path / "archive.db", lambda: datetime.fromisoformat(NOW)) as archive:
        yield Desk(archive)


def test_a_live_session_that_is_captured_says_working_until_when_and_how_many(desk: Desk) -> None:
    desk.sits(OVER, LIVE, NEXT)
    desk.ran("2026-10-08T12:23:30.000Z")
    words = "Working: 2 chats are watched; #lgadigital is live until 14:00, 0 posts so far."
    assert desk.says(held=True) == words


def test_between_sessions_the_next_one_is_named(desk: Desk) -> None:
    desk.sits(OVER, NEXT)
    desk.ran(NOW)
    assert desk.says(held=True) == "Working: 2 chats are watched; #lgadigital is next, on Thu 15 Oct, 13:00."


def test_problems_stand_in_the_first_line(desk: Desk) -> None:
    desk.sits(LIVE)
    desk.ran(NOW)
    desk.alarm("#lgadigital: X has not answered since 13:05", "b.example is silent")
    said = desk.says(held=True)
    assert said.startswith("Working, with 2 problems: #lgadigital: X has not answered since 13:05 (and 1 more, below)")


def test_a_capture_that_was_killed_in_a_session_says_since_when_what_is_lost_and_how_to_start_it(desk: Desk) -> None:
    desk.sits(LIVE)
    desk.ran("2026-10-08T11:58:00.000Z")
    assert desk.says(held=False) == (
        "Not running: the capture (`chatkeep run`) was last alive at 12:58;"
        " the session of #lgadigital at 13:00 is not being captured. Start it with `chatkeep run`."
    )


def test_a_capture_that_was_ended_says_when_and_names_the_next_session(desk: Desk) -> None:
    desk.sits(NEXT)
    desk.ran("2026-10-08T11:58:00.000Z", "2026-10-08T11:58:10.000Z")
    said = desk.says(held=False)
    assert "ended at 12:58; #lgadigital is next, on Thu 15 Oct, 13:00. Start `chatkeep run` before it." in said


def test_a_capture_that_hangs_is_not_called_working(desk: Desk) -> None:
    desk.sits(LIVE)
    desk.ran("2026-10-08T11:58:00.000Z")
    said = desk.says(held=True)
    assert said.startswith("Not working: `chatkeep run` is there and has given no sign of life since 12:58.")
    assert "is not being captured" in said


def test_where_locks_cannot_be_tried_the_signs_of_life_decide(desk: Desk) -> None:
    desk.sits(LIVE)
    desk.ran(NOW)
    assert desk.says(held=None).startswith("Working")
    desk.archive.conn.execute("UPDATE runs SET last_alive_at = ?", (shift(NOW, minutes=-9),))
    assert desk.says(held=None).startswith("Not running")


def test_a_single_capture_is_not_taken_for_the_scheduled_one(desk: Desk) -> None:
    desk.sits(LIVE)
    desk.ran("2026-10-08T11:58:00.000Z")
    desk.ran(None, what="collect")
    assert desk.says(held=True).startswith("Not running: only `chatkeep collect` is at work now;")


def test_a_killed_collect_does_not_hide_the_capture_that_runs(desk: Desk) -> None:
    desk.sits(LIVE)
    desk.ran(NOW)
    desk.ran(None, what="collect")
    assert desk.says(held=True).startswith("Working")


def test_without_a_plan_the_state_of_the_captures_is_said(desk: Desk) -> None:
    desk.sits()
    assert desk.says(held=False).endswith("was never started here; nothing is captured yet.")
    with desk.archive.transaction() as conn:
        conn.execute(
            "INSERT INTO walks (chat, platform, key, status, opened_at) VALUES ('a', 'x', 'a|tag|#a', 'open', ?)",
            (NOW,),
        )
    assert "1 capture not finished" in desk.says(held=False)


def test_the_lock_tells_whether_a_capture_is_alive(tmp_path: Path) -> None:
    assert is_collecting(tmp_path / "nowhere") is False
    app = App(config=tmp_path / "chats.toml", data=tmp_path)
    with app.collecting():
        assert is_collecting(tmp_path) is True
    assert is_collecting(tmp_path) is False


def state_of(session: Session) -> SessionState:
    return SessionState(
        id=session.id, chat="a", hashtag="a", timezone="Europe/London", starts_at=session.starts_at,
        ends_at=session.ends_at, state="over", posts_count=0,
    )  # fmt: skip


def at(minute: float) -> str:
    return shift(LIVE.starts_at, minutes=minute)


def listened(desk: Desk, *spans: tuple[float, float], why: str | None = None) -> None:
    """One stream that was alive from minute to minute of the live session."""
    with desk.archive.transaction() as conn:
        conn.executemany(
            "INSERT INTO intervals (platform, key, kind, opened_at, last_alive_at, closed_at, why)"
            " VALUES ('bluesky', 'jetstream', 'stream', ?, ?, ?, ?)",
            [(at(start), at(end), at(end), why) for start, end in spans],
        )


def test_a_time_between_two_connections_is_a_gap_with_its_reason(desk: Desk) -> None:
    listened(desk, (-5, 20), why="the connection broke")
    listened(desk, (30, 59.5))
    (gap,) = load_gaps(desk.archive.conn, state_of(LIVE), at(60))
    assert (gap.platform, gap.key) == ("bluesky", "jetstream")
    assert (gap.start, gap.end, gap.why) == (at(20), at(30), "the connection broke")


@given(st.lists(st.tuples(st.integers(-10, 70), st.integers(1, 40)), min_size=1, max_size=8))
def test_gaps_are_the_minutes_that_no_span_covers(pairs: list[tuple[int, int]]) -> None:
    with memory_archive() as archive:
        listened(Desk(archive), *((start, start + length) for start, length in pairs))
        gaps = load_gaps(archive.conn, state_of(LIVE), at(60))
    inside = [(start, start + length) for start, length in pairs if start < 60 and start + length > 0]
    for minute in range(60):
        covered = any(start <= minute < end for start, end in inside)
        # a minute with a listened minute on either side is too short to be told
        alone = any(start <= minute - 1 < end for start, end in inside) or minute == 0
        alone = alone and (any(start <= minute + 1 < end for start, end in inside) or minute == 59)
        told = any(gap.start <= at(minute + 0.5) <= gap.end for gap in gaps)
        assert told == (bool(inside) and not covered and not alone)


@contextmanager
def collected_elsewhere(data: Path) -> Iterator[None]:
    lock = FileLock(data / "collecting.lock")
    with lock:
        yield


def settled(tmp_path: Path) -> list[str]:
    config = tmp_path / "chats.toml"
    starts = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    config.write_text(f"[chat.northmoor]\n[[chat.northmoor.session]]\nstarts = {starts}\n", encoding="utf-8")
    return ["--data", str(tmp_path / "data"), "--config", str(config)]


def test_status_answers_beside_a_running_capture_that_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = settled(tmp_path)
    assert run([*base, "status"]) == 0
    assert capsys.readouterr().out.startswith("Not running: ")
    with open_archive(tmp_path / "data" / "archive.db") as archive, collected_elsewhere(tmp_path / "data"):
        archive.start_run("run", __version__)
        with archive.transaction() as conn:
            conn.execute("UPDATE runs SET last_alive_at = ?", (archive.now(),))
        save_alarms(
            archive,
            [Alarm(key="disk|d", kind="disk", level="warning", message="the disk is nearly full", remedy="Free space")],
            {"disk"},
        )
        with archive.transaction() as conn:  # a write that is not finished
            conn.execute("UPDATE runs SET doing = 'polling'")
            assert run([*base, "status"]) == 0
        said = capsys.readouterr().out
        assert said.startswith("Working, with 1 problem: the disk is nearly full.\n")
        assert "warning, since " in said
        assert "Free space." in said


def test_status_in_json_tells_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = settled(tmp_path)
    run([*base, "status", "northmoor"])
    capsys.readouterr()
    with open_archive(tmp_path / "data" / "archive.db") as archive, archive.transaction() as conn:
        conn.execute(
            "INSERT INTO jobs (key, kind, chat, lane, due_at, state, tries_count)"
            " VALUES ('k', 'sweep', 'northmoor', 'x', ?, 'waiting', 0)",
            (to_text(datetime.now(UTC)),),
        )
    assert run([*base, "status", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert told["verdict"].startswith("Not running")
    assert told["working"] is False
    assert told["sessions"][0]["state"] == "live"
    assert told["waiting"][0]["what"] == "sweep"
    assert run([*base, "status"]) == 0
    assert "To be tried again" in capsys.readouterr().out


def test_every_column_that_is_told_in_local_time_is_there() -> None:
    row = command._in_local_time({"chat": "a", "begun": NOW, "not before": None}, [], NOW, ("begun", "not before"))
    assert row == {"chat": "a", "begun": "13:24", "not before": None}


def test_an_archive_that_cannot_be_read_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = settled(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "archive.db").write_bytes(b"not a database, long enough to be read as one" * 99)
    assert run([*base, "status"]) == 6
    assert "backup" in capsys.readouterr().err


def test_status_answers_though_the_settings_are_broken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = tmp_path / "chats.toml"
    settings.write_text("[chat.a]\n")
    arguments = ["--data", str(tmp_path / "data"), "--config", str(settings), "status"]
    assert run(arguments) == 0
    capsys.readouterr()
    settings.write_text("[chat.a]\noops = [\n")
    assert run(arguments) == 3
    told = capsys.readouterr()
    assert told.out.startswith("Not running:")
    assert "chats.toml" in told.err


def test_a_chat_that_the_settings_name_no_longer_is_neither_live_nor_next(desk: Desk) -> None:
    desk.sits(OVER, LIVE, NEXT)
    chats = list(desk.archive.load_chats().values())
    state = load_state(desk.archive.conn, chats, NOW, False, 1, {"another"})
    assert [session.state for session in state.sessions] == ["over"]
