"""chatkeep cost: what a session costs before it is spent, beside the budget."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from archive.models import Session
from archive.times import to_text
from chatkeep.cli import run
from chatkeep.stage.faults import Fault, Faults
from chatkeep.stage.feed import Feed, FeedAuthor, FeedPost
from chatkeep.stage.serving import serving
from chatkeep.stage.x import STAGE_TOKEN, build_x
from chatkeep.stage.x_till import Till
from collector.forecast import Crowd, build_forecast

NOW = datetime.now(UTC).replace(microsecond=0)
STARTS = NOW - timedelta(hours=3)
FEED = Feed(
    tuple(FeedAuthor(key=f"a{n}", platform="x", handle=f"a{n}_x", name="") for n in range(5)),
    tuple(
        FeedPost(key=f"p{n}", author=f"a{n % 5}", at=to_text(STARTS + timedelta(minutes=n)), text=f"Tip {n} #northmoor")
        for n in range(60)
    ),
)


class Staged:
    """A staged X, chats.toml for it, and the command line in front."""

    def __init__(self, folder: Path, base: str, faults: Faults, till: Till) -> None:
        self.folder, self.base, self.faults, self.till = folder, base, faults, till

    def chatkeep(self, *arguments: str) -> int:
        return run(["--data", str(self.folder / "data"), "--config", str(self.folder / "chats.toml"), *arguments])

    def write(self, *, chat: str = "", starts: datetime | None = STARTS, sources: str | None = None) -> None:
        session = f"[[chat.northmoor.session]]\nstarts = {starts:%Y-%m-%dT%H:%M:%S}Z\n" if starts else ""
        text = f"[chat.northmoor]\n{chat}\n{session}"
        text += f'[source.x]\nbase_url = "{self.base}"\n[source.bluesky]\n' if sources is None else sources
        (self.folder / "chats.toml").write_text(text, encoding="utf-8")

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        conn = sqlite3.connect(self.folder / "data" / "archive.db")
        try:
            return conn.execute(sql).fetchall()
        finally:
            conn.close()


@pytest.fixture
def staged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Staged]:
    faults, till = Faults(), Till()
    monkeypatch.setenv("X_BEARER_TOKEN", STAGE_TOKEN)
    with serving(build_x(FEED, lambda: datetime.now(UTC), faults, till=till)) as base:
        staged = Staged(tmp_path, base, faults, till)
        staged.write()
        yield staged


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return rows


def test_the_posts_are_counted_by_x_and_the_question_is_paid_for_and_said(
    staged: Staged, capsys: pytest.CaptureFixture[str]
) -> None:
    assert staged.chatkeep("cost", "northmoor") == 0
    out = capsys.readouterr().out
    assert "60 posts on X, by X's own count. Asking cost $0.005." in out
    assert "of a budget of $5.00; $0.005 spent or reserved" in out
    assert "Bluesky costs nothing." in out
    assert staged.till.billed_tenth_cents == 5
    assert staged.rows("SELECT kind, tenth_cents, chat, session IS NOT NULL FROM ledger") == [
        ("request", 5, "northmoor", 1)
    ]


def test_a_program_gets_every_step_and_both_budgets(staged: Staged, capsys: pytest.CaptureFixture[str]) -> None:
    staged.write(chat="budget = { session = 0.10, month = 1.00 }\nconversations = false")
    assert staged.chatkeep("cost", "northmoor", "--json") == 0
    rows = printed(capsys)
    steps = {row["what"]: row for row in rows if "posts" in row}
    assert steps["live capture"] | {"at": ""} == {
        "platform": "X", "what": "live capture", "at": "", "posts": 60, "authors": 20, "requests": 240, "dollars": 0.5,
    }  # fmt: skip
    assert "conversations and quotes" not in steps
    session, month = (row for row in rows if "budget" in row)
    assert (session["budget"], session["spent"], month["budget"]) == (0.1, 0.005, 1.0)
    assert session["dollars"] == pytest.approx(sum(row["dollars"] for row in list(steps.values())[:-1]))
    assert rows[-1] == {"platform": "Bluesky", "dollars": 0.0}


def test_a_budget_that_is_too_small_is_said(staged: Staged, capsys: pytest.CaptureFixture[str]) -> None:
    staged.write(chat="budget = { session = 0.10 }")
    staged.chatkeep("cost", "northmoor")
    assert "the budget is too small for all of it" in capsys.readouterr().out


def test_an_old_session_is_counted_in_the_full_archive_for_a_cent(
    staged: Staged, capsys: pytest.CaptureFixture[str]
) -> None:
    staged.write(starts=NOW - timedelta(days=30))
    assert staged.chatkeep("cost", "northmoor") == 0
    assert "0 posts on X, by X's own count. Asking cost $0.01." in capsys.readouterr().out


def test_even_the_question_needs_a_budget(staged: Staged, capsys: pytest.CaptureFixture[str]) -> None:
    staged.write(chat="budget = { session = 0 }")
    assert staged.chatkeep("cost", "northmoor") == 4
    assert "northmoor: $0.00 of $0.00 for this session" in capsys.readouterr().err
    assert staged.till.billed_tenth_cents == 0


def test_no_credits_are_said_in_one_line(staged: Staged, capsys: pytest.CaptureFixture[str]) -> None:
    staged.faults.add(Fault(kind="status", status=402))
    assert staged.chatkeep("cost", "northmoor") == 4
    err = capsys.readouterr().err
    assert "credits" in err
    assert len(err.splitlines()) == 1


def test_what_the_archive_holds_makes_the_estimate_the_chats_own(
    staged: Staged, capsys: pytest.CaptureFixture[str]
) -> None:
    assert staged.chatkeep("collect", "northmoor") in (0, 5)
    capsys.readouterr()
    assert staged.chatkeep("cost", "northmoor", "--json") == 0
    live = printed(capsys)[0]
    assert live["posts"] == 60
    assert live["authors"] in (5, 10)  # an hour over midnight has its authors on two days


def test_before_the_first_session_the_archive_tells_or_nothing_does(
    staged: Staged, capsys: pytest.CaptureFixture[str]
) -> None:
    staged.write(starts=NOW + timedelta(days=2))
    assert staged.chatkeep("cost", "northmoor") == 2
    assert "no session has begun" in capsys.readouterr().err
    staged.chatkeep("collect", "northmoor")
    capsys.readouterr()
    assert staged.chatkeep("cost", "northmoor") == 0
    assert "by the busiest day that the archive holds." in capsys.readouterr().out
    assert staged.till.requests_count == 0


def test_without_x_nothing_costs_anything(staged: Staged, capsys: pytest.CaptureFixture[str]) -> None:
    staged.write(sources="[source.bluesky]\n[source.mastodon]\n")
    assert staged.chatkeep("cost", "northmoor") == 0
    assert capsys.readouterr().out == "Bluesky and Mastodon cost nothing.\n"
    staged.write(sources="")
    assert staged.chatkeep("cost", "northmoor") == 0
    assert "Nothing costs anything" in capsys.readouterr().out


def forecast(ends_at: str, around: Crowd | None = None) -> dict[str, int]:
    session = Session(id="s", chat="c", starts_at="2026-10-08T12:00:00.000Z", ends_at=ends_at)
    steps = build_forecast(session, Crowd(300, 60), around, 15.0)
    return {step.what: step.tenth_cents for step in steps}


def test_a_day_is_paid_once_whatever_is_read_on_it() -> None:
    costs = forecast("2026-10-08T13:00:00.000Z")
    assert costs["live capture"] == 300 * 5 + 60 * 10
    assert costs["sweep after 1 hour"] == costs["recheck after 1 hour"] == 0
    assert costs["sweep after 24 hours"] == costs["sweep after 7 days"] == 2100
    assert costs["recheck after 24 hours"] == 0
    assert costs["monthly recheck, each"] == 2100


def test_a_session_that_ends_near_midnight_pays_its_first_sweep_again() -> None:
    assert forecast("2026-10-08T23:30:00.000Z")["sweep after 1 hour"] == 2100


def test_conversations_are_read_after_an_hour_and_rechecked_with_the_rest() -> None:
    costs = forecast("2026-10-08T13:00:00.000Z", Crowd(100, 10))
    assert costs["conversations and quotes"] == 600
    assert costs["recheck after 24 hours"] == 600
    assert costs["monthly recheck, each"] == 2700
