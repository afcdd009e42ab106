"""Which sessions are analysed while the capture runs: those that changed and those that can still change."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from simulation import STARTS, chat_of, feed_of, minutes, session_of, simulation

from archive.decisions import Decision, add_decisions, open_decisions
from archive.models import Author, Batch, Chat, Post, RawPage, Ref
from archive.store import Archive, WalkPlace, open_archive, prepare_page
from archive.times import to_text
from archive.walks import Walk, begin_walk
from chatkeep.running import findings
from chatkeep.running.changes import find_changes, is_live, list_current
from chatkeep.running.findings import Files, find, find_sessions, note_decisions, wants_findings
from chatkeep.running.state import State

WEEK = 7 * 24 * 60
LAST, THIS = "northmoor-2026-10-01", "northmoor-2026-10-08"
FIRST_WEEK = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)
NOW = to_text(minutes(20))
TABLES = ("chat_posts", "questions", "answers", "tips", "tip_evidence", "themes", "coverage", "people", "recaps")


def weekly() -> Chat:
    return chat_of(session_of(name=LAST, starts=FIRST_WEEK), session_of(name=THIS))


def post_at(minute: float, text: str = "Post the evening before, with a photo. #northmoor", **more: Any) -> Post:
    return Post(
        id=f"x:{minute}", platform="x", author="x:1", native_ids=(Ref(str(minute)),), text=text, tags=("northmoor",),
        created_at=to_text(minutes(minute)), **more,
    )  # fmt: skip


def add(archive: Archive, posts: Iterable[Post]) -> None:
    walk = Walk(0, "northmoor", "x", "northmoor|tag|x", None, None, None, None, archive.now(), None, None)
    batch = Batch(posts=list(posts), authors=[Author(id="x:1", platform="x", handle="ann")])
    page = RawPage(source="x", format="search", origin="x", fetched_at=archive.now(), body=b"{}")
    place = WalkPlace(begin_walk(archive, walk).id, walk.key, "northmoor", "x", None)
    archive.save_page(prepare_page(page), batch, place)


def test_the_posts_of_a_page_say_whose_they_are_whatever_the_walk_was_made_for() -> None:
    late = post_at(-2 * 24 * 60)
    assert find_changes(weekly(), [post_at(5)], THIS, NOW) == {("northmoor", THIS)}
    assert find_changes(weekly(), [post_at(5), late], THIS, NOW) == {("northmoor", THIS), ("northmoor", LAST)}
    assert find_changes(weekly(), [late], None, NOW) == {("northmoor", LAST)}


def test_what_fits_no_session_concerns_them_all() -> None:
    assert find_changes(weekly(), [post_at(-10 * WEEK)], None, NOW) == {("northmoor", None)}
    assert find_changes(weekly(), [], None, NOW) == {("northmoor", None)}
    assert find_changes(chat_of(), [post_at(5)], None, NOW) == {("northmoor", None)}


def test_a_clock_that_is_ahead_moves_no_post_out_of_its_session() -> None:
    ahead = post_at(40 * WEEK)
    assert find_changes(weekly(), [ahead], None, NOW) == {("northmoor", THIS)}
    backdated = post_at(2 * WEEK, indexed_at=to_text(minutes(5)))
    assert find_changes(weekly(), [backdated], None, NOW) == {("northmoor", THIS)}


def test_a_session_is_current_from_its_lead_until_its_last_sweep_or_the_next_session() -> None:
    assert list_current(weekly(), NOW) == [THIS]
    assert list_current(weekly(), to_text(minutes(-3 * 24 * 60))) == [LAST]
    assert list_current(weekly(), to_text(minutes(3 * WEEK))) == []
    assert is_live(weekly(), NOW)
    assert not is_live(weekly(), to_text(minutes(90)))


def test_current_sessions_are_always_analysed_and_all_where_it_is_not_known_which_changed() -> None:
    assert find_sessions(weekly(), {("northmoor", LAST)}, NOW) == {LAST, THIS}
    assert find_sessions(weekly(), {("northmoor", THIS)}, NOW) == {THIS}
    assert find_sessions(weekly(), {("northmoor", THIS), ("northmoor", None)}, NOW) is None
    assert find_sessions(weekly(), {("northmoor", "gone")}, NOW) is None


def test_a_poll_marks_the_session_that_it_was_made_for(tmp_path: Path) -> None:
    with simulation(feed_of({"x": [1], "bluesky": [2], "mastodon": [3]}), tmp_path) as (played, _):
        played.run_until(minutes(10))
        assert played.runner.state.changed == {("northmoor", THIS)}


def contents(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(path)) as conn:
        return {table: conn.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3, 4").fetchall() for table in TABLES}


@pytest.fixture
def place(tmp_path: Path) -> Files:
    return Files(tmp_path / "chats.db", tmp_path / "decisions.db")


def silent(*_: object, **__: object) -> None:
    pass


def test_a_live_tick_gives_the_rows_of_a_whole_analysis_and_touches_no_other_session(
    tmp_path: Path, place: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_archive(tmp_path / "archive.db", lambda: minutes(20)) as archive:
        archive.save_chat(weekly())
        add(archive, [post_at(5 - WEEK), post_at(6)])
        state = State(changed={("northmoor", None)})
        find(archive, state, place, silent)
        add(archive, [post_at(7, "Never list all sixty streets. #northmoor")])
        analysed: list[object] = []
        real = findings.analyse_chat
        monkeypatch.setattr(
            findings, "analyse_chat", lambda *args, **more: (analysed.append(more["only"]), real(*args, **more))
        )
        state.changed = {("northmoor", THIS)}
        find(archive, state, place, silent)
        ticked = contents(archive.path)
        state.changed = {("northmoor", None)}
        find(archive, state, place, silent)
        assert analysed == [{THIS}, None]
        assert contents(archive.path) == ticked
    with closing(sqlite3.connect(place.chats)) as conn:
        assert conn.execute("SELECT session, count(*) FROM posts GROUP BY 1").fetchall() == [(LAST, 1), (THIS, 2)]


def decide(place: Files, chat: str = "northmoor", session: str = THIS, tip: str = "tip") -> None:
    with closing(open_decisions(place.decisions)) as conn:
        add_decisions(
            conn,
            [Decision(subject_kind="tip", subject=tip, field="state", value="accepted", chat=chat, by="ann", at=NOW,
                      anchor={"session": session} if session else {})],
        )  # fmt: skip


def test_what_people_decide_while_it_runs_is_found_and_what_was_decided_before_is_not_again(place: Files) -> None:
    state = State()
    note_decisions(state, place.decisions, ["northmoor"])
    assert (state.decided_place, state.changed) == (0, set())
    decide(place)
    state.decided_place = None
    note_decisions(state, place.decisions, ["northmoor"])
    assert (state.decided_place, state.changed) == (1, set())
    decide(place, session=LAST)
    decide(place, chat="elsewhere")
    note_decisions(state, place.decisions, ["northmoor"])
    assert (state.decided_place, state.changed) == (3, {("northmoor", LAST)})
    assert wants_findings(state, STARTS)


def test_a_decision_on_a_person_concerns_every_chat_and_one_of_many_every_session(place: Files) -> None:
    state = State(decided_place=0)
    decide(place, chat="", session="")
    note_decisions(state, place.decisions, ["northmoor", "elmbridge"])
    assert state.changed == {("northmoor", None), ("elmbridge", None)}
    state.changed = set()
    for number in range(20):
        decide(place, tip=f"tip{number}")
    note_decisions(state, place.decisions, ["northmoor", "elmbridge"])
    assert state.changed == {("northmoor", THIS), ("northmoor", None)}


def test_decisions_that_cannot_be_read_hold_nothing_up(place: Files) -> None:
    place.decisions.write_text("this is no database, and it is long enough to be looked at as one" * 9)
    state = State(decided_place=4)
    note_decisions(state, place.decisions, ["northmoor"])
    assert (state.decided_place, state.changed) == (4, set())


def test_what_could_not_be_analysed_is_tried_again(tmp_path: Path, place: Files) -> None:
    place.decisions.mkdir()
    with open_archive(tmp_path / "archive.db", lambda: minutes(20)) as archive:
        archive.save_chat(weekly())
        state = State(changed={("northmoor", THIS)}, finding=True)
        with pytest.raises(Exception, match="decisions"):
            find(archive, state, place, silent)
    assert (state.changed, state.finding) == ({("northmoor", THIS)}, False)


def test_a_run_tells_of_lost_decisions_before_the_findings_forget_them(tmp_path: Path, place: Files) -> None:
    told: list[tuple[str, dict[str, Any]]] = []
    with open_archive(tmp_path / "archive.db", lambda: minutes(20)) as archive:
        archive.save_chat(weekly())
        archive.conn.execute("INSERT INTO rankers VALUES ('northmoor', 20, '{}', 'old')")
        state = State(changed={("northmoor", None)})
        find(archive, state, place, lambda event, **more: told.append((event, more)))
    assert [event for event, _ in told] == ["decisions lost", "findings"]
    assert "is missing" in told[0][1]["why"]
    assert "`chatkeep analyse northmoor`" in told[0][1]["why"]
