"""Several chats on one collector: what ails one of them holds up none of the others."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from simulation import (
    PLATFORMS,
    SimClock,
    Simulation,
    chat_of,
    feed_of,
    ground_of,
    minutes,
    session_of,
    staged,
)

from archive.jobs import ask, load_answer
from archive.models import Chat, Session
from archive.store import Archive, open_archive
from archive.times import to_text
from chatkeep.running.ground import Ground
from collector.options import Budget, ChatOptions
from collector.spending import Spending

FEED = feed_of({name: [float(n) for n in range(12)] for name in PLATFORMS})


def with_budget(life: Simulation) -> None:
    """Lets the capture pay, as the service does."""

    def extras(archive: Archive, platform: str) -> dict[str, Any]:
        ground = life.runner.ground
        return {"spending": Spending(archive, ground.sources[platform], ground.options)}

    life.runner.walker_extras = extras


def other_chat(slug: str) -> Chat:
    sitting = session_of(12)
    own = Session(id=f"{slug}-1", chat=slug, starts_at=sitting.starts_at, ends_at=sitting.ends_at)
    return Chat(slug=slug, title=slug, hashtags=(slug,), sessions=(own,))


def joined(ground: Ground, chat: Chat, options: ChatOptions) -> Ground:
    return replace(
        ground, chats={**ground.chats, chat.slug: chat}, options={**ground.options, chat.slug: options}
    )  # fmt: skip


def test_a_chat_without_budget_stops_no_other_chat_on_x(tmp_path: Path) -> None:
    clock = SimClock(minutes(-6))
    with staged(FEED, clock) as stage, open_archive(tmp_path / "archive.db", clock) as archive:
        ground = joined(ground_of(stage, chat_of(session_of(12))), other_chat("afford"), ChatOptions(Budget(0, 0)))
        life = Simulation(archive, clock, ground)
        with_budget(life)
        life.run_until(minutes(20))
        count = archive.conn.execute("SELECT count(*) FROM posts WHERE platform = 'x'").fetchone()[0]
        told = [facts for name, facts in life.events if name == "live" and facts["chat"] == "afford"]
        assert count == 12
        assert archive.conn.execute("SELECT count(*) FROM reservations WHERE chat = 'afford'").fetchone() == (0,)
        assert [facts["lane"] for facts in told] == ["x"], "a trouble is told once, not at every poll"
        standing = life.runner.state.standing("afford", "x")
        assert (standing.is_broke, standing.is_refused) == (True, False)
        assert life.runner.state.standing("northmoor", "x").trouble is None


def test_a_budget_that_is_raised_is_used_at_the_next_poll(tmp_path: Path) -> None:
    clock = SimClock(minutes(-6))
    with staged(FEED, clock) as stage, open_archive(tmp_path / "archive.db", clock) as archive:
        poor = ground_of(stage, chat_of(session_of(12)), budget=Budget(0, 0))
        life = Simulation(archive, clock, poor)
        with_budget(life)
        life.run_until(minutes(8))
        assert archive.conn.execute("SELECT count(*) FROM posts WHERE platform = 'x'").fetchone() == (0,)
        life.runner.take_up(archive, replace(poor, options={"northmoor": ChatOptions()}))
        life.run_until(minutes(8) + timedelta(seconds=20))
        assert archive.conn.execute("SELECT count(*) FROM posts WHERE platform = 'x'").fetchone()[0] >= 7


def test_a_person_who_asks_for_a_lane_that_rests_is_answered_at_once(tmp_path: Path) -> None:
    clock = SimClock(minutes(2))
    with staged(FEED, clock) as stage, open_archive(tmp_path / "archive.db", clock) as archive:
        life = Simulation(archive, clock, ground_of(stage, chat_of(session_of(12))))
        life.runner.look(archive)
        life.runner.state.lanes["x"].rests_until = minutes(14)
        life.runner.state.standing("northmoor", "x").trouble = "X asks us to wait 720 seconds"
        key = ask(archive, "northmoor", {"start": None, "end": None, "only": "x", "session": None})
        life.runner.look(archive)
        rows = load_answer(archive.conn, key)
        assert rows is not None
        assert (rows[0]["state"], rows[0]["why"]) == (
            "goes on with a run after 2026-10-08 12:14 UTC", "X asks us to wait 720 seconds",
        )  # fmt: skip


def test_a_person_who_asks_for_a_chat_that_is_not_watched_is_answered(tmp_path: Path) -> None:
    clock = SimClock(minutes(2))
    with staged(FEED, clock) as stage, open_archive(tmp_path / "archive.db", clock) as archive:
        ground = ground_of(stage, chat_of(session_of(12)))
        life = Simulation(archive, clock, ground)
        life.runner.look(archive)
        archive.save_chat(replace(chat_of(session_of(12)), slug="imported", sessions=()))
        detail = {"start": to_text(minutes(0)), "end": to_text(minutes(2)), "only": None, "session": None}
        key = ask(archive, "imported", detail)
        life.run_until(minutes(4))
        rows = load_answer(archive.conn, key)
        assert rows is not None
        assert {row["platform"] for row in rows} == {"X", "Bluesky", "Mastodon"}
        assert {row["state"] for row in rows} == {"complete"}
        assert all(row["new posts"] + row["known"] >= 2 for row in rows), "two posts a platform"
