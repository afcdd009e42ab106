from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from archive.times import shift
from chatkeep.board import Board, BoardFacts, BoardLane, BoardProblem, BoardSession, render_board

NOW = "2026-10-08T12:30:00.000Z"
LANES = (
    BoardLane(
        where="X", posts_count=1061, rate=2.44, last_answer_at=shift(NOW, seconds=-12), doing="asks",
        next_at=shift(NOW, seconds=18), spent=4210, limit=5000,
    ),
    BoardLane(where="Bluesky", posts_count=48, last_answer_at=NOW, doing="listening"),
    BoardLane(
        where="social.example", last_answer_at=shift(NOW, minutes=-6), next_at=shift(NOW, minutes=7), mood="silent"
    ),
    BoardLane(where="new.example", mood="waiting"),
)  # fmt: skip
LIVE = BoardSession(
    hashtag="lgadigital", starts_at="2026-10-08T12:00:00.000Z", ends_at="2026-10-08T13:00:00.000Z", posts_count=1109,
    lanes=LANES,
)  # fmt: skip
NEXT = BoardSession(hashtag="camp", starts_at="2026-10-15T12:00:00.000Z", ends_at="2026-10-15T13:00:00.000Z")
PROBLEM = BoardProblem(level="error", message="X has not answered since 13:05", remedy="Run `chatkeep check`")


def drawn(facts: BoardFacts, width: int = 80) -> list[str]:
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(render_board(facts))
    return console.export_text().splitlines()


def line_with(lines: list[str], words: str) -> str:
    return next(line for line in lines if words in line)


def test_a_live_session_shows_each_platform_with_posts_rate_answer_next_and_budget() -> None:
    lines = drawn(BoardFacts(now=NOW, chats_count=2, live=(LIVE,)))
    assert "2 chats watched, 1 live" in lines[0]
    head = line_with(lines, "#lgadigital")
    assert "live until 14:00" in head
    assert "1,109 posts" in head
    assert head.count("━") == head.count("─") == 10  # half of the hour
    row = line_with(lines, "● X")
    assert row.split()[2:] == ["1,061", "2.4", "12", "s", "ago", "asks", "in", "18", "s", "$4.21", "of", "$5"]
    assert line_with(lines, "● Bluesky").split()[2:] == ["48", "–", "now", "listening"]


def test_what_is_silent_has_a_mark_of_its_own_and_says_when_it_is_asked_again() -> None:
    row = line_with(drawn(BoardFacts(now=NOW, chats_count=1, live=(LIVE,))), "social.example")
    assert row.startswith("✗")
    assert "6 min ago" in row
    assert "asks at 13:37" in row


def test_what_never_answered_says_never() -> None:
    assert "never" in line_with(drawn(BoardFacts(now=NOW, chats_count=1, live=(LIVE,))), "new.example")


def test_problems_stand_on_top_with_what_to_do() -> None:
    lines = drawn(BoardFacts(now=NOW, chats_count=1, live=(LIVE,), problems=(PROBLEM,)))
    assert lines[0].endswith("1 problem")
    assert lines[2].startswith("✗ X has not answered since 13:05.")
    assert "Run `chatkeep check`." in lines[3]


def test_many_problems_and_sessions_are_counted_not_listed() -> None:
    lines = drawn(BoardFacts(now=NOW, chats_count=1, problems=(PROBLEM,) * 30, coming=(NEXT,) * 30))
    assert len(lines) < 30
    assert line_with(lines, "and 25 more: chatkeep status lists them")
    assert [line.strip() for line in lines].count("and 25 more") == 1


def test_between_sessions_the_next_ones_are_named_in_the_chats_own_time() -> None:
    lines = drawn(BoardFacts(now=NOW, chats_count=1, coming=(NEXT,), next_at=shift(NOW, minutes=50)))
    assert line_with(lines, "#camp").split() == ["#camp", "Thu", "15", "Oct,", "13:00", "in", "6", "days"]
    assert lines[-1] == "Next look in 50 min"


texts = st.text(st.characters(), max_size=60)


@given(
    words=texts, width=st.sampled_from([80, 60, 200]), count=st.integers(0, 10**9),
    minutes=st.integers(-(10**6), 10**6),
)  # fmt: skip
def test_whatever_the_facts_no_line_is_wider_than_the_terminal(
    words: str, width: int, count: int, minutes: int
) -> None:
    moment = shift(NOW, minutes=minutes)
    lane = BoardLane(
        where=words, posts_count=count, rate=float(count), last_answer_at=moment, doing=words, next_at=moment,
        spent=count, limit=count,
    )  # fmt: skip
    session = BoardSession(hashtag=words, starts_at=moment, ends_at=NOW, posts_count=count, lanes=(lane,))
    problem = BoardProblem(level="warning", message=words, remedy=words)
    facts = BoardFacts(now=NOW, chats_count=count, live=(session,), coming=(session,), problems=(problem,), doing=words)
    console = Console(width=width, file=io.StringIO(), record=True)
    for line in console.render_lines(render_board(facts), pad=False):
        assert sum(segment.cell_length for segment in line) <= width
        assert not [c for segment in line for c in segment.text if c in "\x1b\r\x07\u202e"]


class Ticks:
    """Seconds that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def screen() -> Console:
    return Console(width=80, file=io.StringIO(), force_terminal=True)


def test_the_board_is_drawn_at_most_twice_a_second_and_not_at_all_when_nothing_changed(screen: Console) -> None:
    ticks = Ticks()
    shown = []
    with Board(screen, ticks) as board:
        for tenth in range(30):
            ticks.now = tenth / 10
            shown.append(board.show(BoardFacts(now=shift(NOW, seconds=tenth / 10), chats_count=tenth // 15)))
        assert sum(shown) == 4  # each new second, and the new count when its half second is over
        ticks.now = 99
        assert board.show(BoardFacts(now=shift(NOW, seconds=2), chats_count=1)) is False


def test_a_person_who_stops_sees_at_once_that_it_was_heard(screen: Console) -> None:
    with Board(screen, Ticks()) as board:
        board.show(BoardFacts(now=NOW, chats_count=1))
        assert board.show(BoardFacts(now=NOW, chats_count=1, is_stopping=True))
    assert "stopping…" in screen.file.getvalue()  # type: ignore[attr-defined]  # the StringIO above
