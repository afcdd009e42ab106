from __future__ import annotations

import pytest

from archive.models import Problem
from archive.times import shift
from collector.watching import (
    BUDGET_KINDS,
    LIVE_KINDS,
    MACHINE_KINDS,
    BudgetFacts,
    LaneFacts,
    MachineFacts,
    SessionFacts,
    check_disk,
    find_budget_alarms,
    find_live_alarms,
    find_machine_alarms,
    find_problem_alarms,
)

STARTS = "2026-10-08T12:00:00.000Z"  # 13:00 in London


def at(minute: float) -> str:
    return shift(STARTS, minutes=minute)


def session(*lanes: LaneFacts) -> SessionFacts:
    return SessionFacts(
        id="northmoor-2026-10-08", chat="northmoor", hashtag="northmoor", starts_at=STARTS,
        ends_at="2026-10-08T13:00:00.000Z", lanes=lanes,
    )  # fmt: skip


def x(last: float | None = None, error: str | None = None, posts: int = 0, **more: object) -> LaneFacts:
    answered = None if last is None else at(last)
    return LaneFacts(lane="x", platform="x", last_answer_at=answered, last_error=error, posts_count=posts, **more)  # type: ignore[arg-type]  # a test's short cut


def server(name: str, last: float, posts: int = 0) -> LaneFacts:
    url = f"https://{name}.example"
    return LaneFacts(lane=url, platform="mastodon", server=url, last_answer_at=at(last), posts_count=posts)


def test_a_platform_silent_for_three_minutes_is_an_error_with_since_when_why_and_what_to_do() -> None:
    facts = session(x(5, "X answers 503"), server("a", 8))
    (alarm,) = find_live_alarms([facts], at(8))
    assert alarm.message == "#northmoor: X has not answered since 13:05: X answers 503"
    assert "chatkeep check" in alarm.remedy
    assert (alarm.level, alarm.chat, alarm.session, alarm.platform) == (
        "error", "northmoor", "northmoor-2026-10-08", "x",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("last", "now", "count"),
    [(5, 7.9, 0), (5, 8, 1), (None, 2.9, 0), (None, 3, 1), (-60, 2.9, 0), (-60, 3, 1), (5, 61, 0), (5, -1, 0)],
)
def test_silence_counts_in_the_session_alone_and_from_three_minutes_on(
    last: float | None, now: float, count: int
) -> None:
    assert len(find_live_alarms([session(x(last))], at(now))) == count


def test_a_platform_that_never_answered_is_said_to_be_so() -> None:
    (alarm,) = find_live_alarms([session(x())], at(4))
    assert "X has not answered at all" in alarm.message


def test_when_no_place_answers_the_connection_is_looked_at_first() -> None:
    alarms = find_live_alarms([session(x(5), server("a", 5))], at(9))
    assert len(alarms) == 2
    assert all("internet connection" in alarm.remedy for alarm in alarms)


def test_when_it_is_asked_again_is_said() -> None:
    (alarm,) = find_live_alarms([session(x(5, next_at=at(20)))], at(9))
    assert "asked again at 13:20" in alarm.remedy


def test_a_platform_left_alone_for_want_of_budget_is_not_called_silent() -> None:
    assert find_live_alarms([session(x(1, is_paused=True), server("a", 20, 50))], at(20)) == []


def test_a_server_that_answers_and_shows_nothing_while_others_do_is_a_warning() -> None:
    facts = session(server("shut", 11), server("open", 11, 6), x(11, posts=4))
    (alarm,) = find_live_alarms([facts], at(11))
    assert (alarm.kind, alarm.level) == ("empty", "warning")
    assert alarm.message.startswith("#northmoor: shut.example answers, and has shown no post since 13:00")


@pytest.mark.parametrize(("minute", "elsewhere", "own"), [(9.9, 10, 0), (11, 9, 0), (11, 50, 1)])
def test_nothing_shown_is_no_news_early_in_a_quiet_chat_or_where_one_was_shown(
    minute: float, elsewhere: int, own: int
) -> None:
    assert not find_live_alarms([session(server("a", minute, own), x(minute, posts=elsewhere))], at(minute))


def test_a_silent_server_is_not_called_empty_too() -> None:
    alarms = find_live_alarms([session(server("a", 1), x(20, posts=50))], at(20))
    assert [alarm.kind for alarm in alarms] == ["silent"]


def test_words_do_not_change_with_every_post() -> None:
    def said(minute: int, posts: int) -> str:
        return find_live_alarms([session(server("a", minute), x(minute, posts=posts))], at(minute))[0].message

    assert said(11, 12) == said(12, 57)


@pytest.mark.parametrize(
    ("spent", "level", "words"),
    [
        (3999, None, ""),
        (4000, "warning", "$4.00 of $5.00 of the session's budget for X is spent"),
        (5000, "error", "X is no longer asked"),
    ],
)
def test_a_budget_warns_at_four_fifths_and_is_an_error_when_it_is_spent(
    spent: int, level: str | None, words: str
) -> None:
    alarms = find_budget_alarms([BudgetFacts(chat="northmoor", span="session", session="s", spent=spent, limit=5000)])
    assert [alarm.level for alarm in alarms] == ([level] if level else [])
    assert all(words in alarm.message for alarm in alarms)


def test_a_platform_that_refuses_paid_work_is_an_error_whatever_was_spent() -> None:
    (alarm,) = find_budget_alarms([BudgetFacts(chat="a", span="month", spent=0, limit=9, ended_why="402: no credits")])
    assert (alarm.level, "402: no credits" in alarm.message, "console" in alarm.remedy) == ("error", True, True)


def test_the_same_budget_keeps_its_key_when_it_goes_from_warning_to_error() -> None:
    budgets = [BudgetFacts(chat="a", span="month", spent=spent, limit=10) for spent in (8, 10)]
    one, other = find_budget_alarms(budgets)
    assert one.key == other.key


def test_a_failed_check_keeps_its_level_and_its_figures_make_it_no_other_alarm() -> None:
    problems = [Problem("x", f"{left} posts are left this month", "buy more.", "warning") for left in (900, 850)]
    one, other = find_problem_alarms(problems)
    assert one.key == other.key
    assert (one.level, one.platform, one.message, one.remedy) == (
        "warning", "x", "X: 900 posts are left this month", "Buy more",
    )  # fmt: skip


def test_a_problem_of_one_server_is_of_its_platform() -> None:
    (alarm,) = find_problem_alarms([Problem("Mastodon, a.example", "the feed is closed", "name another")])
    assert alarm.platform == "mastodon"


@pytest.mark.parametrize(
    ("free", "level"),
    [(1_000_000_000, None), (999_999_999, "warning"), (200_000_000, "warning"), (199_999_999, "error")],
)
def test_the_disk_warns_below_a_gigabyte_and_is_an_error_below_two_hundred_megabytes(
    free: int, level: str | None
) -> None:
    assert [problem.level for problem in check_disk("/data", free)] == ([level] if level else [])


def test_a_disk_that_fills_stays_one_alarm() -> None:
    alarms = [find_machine_alarms(MachineFacts(folder="d", free_bytes=free))[0] for free in (900_000_000, 10_000_000)]
    assert alarms[0].key == alarms[1].key
    assert "less than 50 MB" in alarms[1].message


@pytest.mark.parametrize(
    ("facts", "kind", "level"),
    [
        (MachineFacts(folder="d", locked_seconds=60), "locked", "error"),
        (MachineFacts(folder="d", settings_error="chats.toml, line 3: no time zone"), "settings", "error"),
        (MachineFacts(folder="d", skew_seconds=-3600), "clock", "error"),
        (MachineFacts(folder="d", skew_seconds=90), "clock", "warning"),
    ],
)
def test_what_is_wrong_with_the_machine_is_an_alarm(facts: MachineFacts, kind: str, level: str) -> None:
    (alarm,) = find_machine_alarms(facts)
    assert (alarm.kind, alarm.level) == (kind, level)
    assert kind in MACHINE_KINDS


def test_a_machine_in_order_raises_none() -> None:
    facts = MachineFacts(folder="d", free_bytes=10**12, locked_seconds=5, skew_seconds=1)
    assert find_machine_alarms(facts) == []


def test_every_alarm_is_one_line_with_a_remedy_and_of_the_kinds_that_are_named() -> None:
    found = [
        *find_live_alarms([session(x(5), server("a", 30), server("b", 30, 99))], at(30)),
        *find_budget_alarms([BudgetFacts(chat="a", span="month", spent=9, limit=9)]),
        *find_machine_alarms(
            MachineFacts(folder="d", free_bytes=0, locked_seconds=90, settings_error="e", skew_seconds=999)
        ),
    ]
    assert {alarm.kind for alarm in found} == LIVE_KINDS | BUDGET_KINDS | MACHINE_KINDS
    for alarm in found:
        assert "\n" not in alarm.message + alarm.remedy
        assert alarm.remedy
        assert alarm.key.partition("|")[0] == alarm.kind
