from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from made_up_chat import END, START, northmoor

from analysis.membership import Candidate, find_members, find_window, is_near, propose_sessions, render_proposals
from archive.models import Chat, Session
from archive.times import shift

CHAT = northmoor()
SESSION = CHAT.sessions[0]


def candidate(minute: float, **more: Any) -> Candidate:
    return Candidate(
        id=more.pop("id", f"x:{minute:g}"),
        author=more.pop("author", "x:ann"),
        posted_at=shift(START, minutes=minute),
        **more,
    )


def tagged(minute: float, **more: Any) -> Candidate:
    return candidate(minute, tags=("northmoorhour",), **more)


def members(*candidates: Candidate, chat: Chat = CHAT, session: Session = SESSION) -> dict[str, str]:
    return {post: found.why for post, found in find_members(chat, session, candidates).items()}


def test_tagged_posts_of_the_hour_and_the_days_after_belong() -> None:
    assert members(tagged(-30), tagged(5), tagged(20 * 60), tagged(-90), tagged(9 * 24 * 60)) == {
        "x:-30": "tagged",
        "x:5": "tagged",
        "x:1200": "tagged",
    }


def test_a_slip_in_the_hashtag_belongs_when_a_participant_made_it_in_the_hour() -> None:
    slip = candidate(6, tags=("northmorhour",))
    assert members(tagged(5), slip) == {"x:5": "tagged", "x:6": "near tag"}
    assert members(tagged(5), replace(slip, author="x:stranger")) == {"x:5": "tagged"}
    assert members(tagged(5), replace(slip, posted_at=shift(END, minutes=30))) == {"x:5": "tagged"}


def test_near_means_one_slip_in_a_word_of_some_length() -> None:
    assert is_near("northmorhour", "northmoorhour")
    assert is_near("northmoorhuor", "northmoorhour")
    assert is_near("northmoorhours", "northmoorhour")
    assert not is_near("northmoorhour", "northmoorhour")
    assert not is_near("southmoorhour", "northmoorhour")
    assert not is_near("bin", "bins")


def test_replies_belong_at_any_depth_and_a_strangers_thread_does_not() -> None:
    found = members(
        tagged(5),
        candidate(6, reply_to="x:5"),
        candidate(7, reply_to="x:6"),
        candidate(8, conversation="x:5"),
        candidate(9, conversation="x:elsewhere"),
        tagged(10, conversation="x:elsewhere"),
    )
    assert found == {f"x:{n}": "in thread" for n in (6, 7, 8)} | {"x:5": "tagged", "x:10": "tagged"}


def test_a_host_belongs_in_the_hour_without_the_hashtag() -> None:
    assert members(candidate(5, is_host=True), candidate(-20, is_host=True)) == {"x:5": "host"}


def test_imported_posts_belong_and_keep_the_better_reason() -> None:
    assert members(candidate(5, imported=True), tagged(6, imported=True)) == {"x:5": "imported", "x:6": "tagged"}


def test_a_fetched_quote_of_a_session_post_belongs_within_the_horizon() -> None:
    quote = candidate(30, quote_of="x:5", quoting=True)
    assert members(tagged(5), quote) == {"x:5": "tagged", "x:30": "quote"}
    assert members(tagged(5), replace(quote, posted_at=shift(END, days=6))) == {"x:5": "tagged", "x:30": "quote"}
    assert members(tagged(5), replace(quote, posted_at=shift(END, days=8))) == {"x:5": "tagged"}


def test_a_quote_of_something_else_or_one_that_only_came_along_does_not_belong() -> None:
    assert members(tagged(5), candidate(30, quote_of="x:elsewhere", quoting=True)) == {"x:5": "tagged"}
    assert members(tagged(5), candidate(30, quote_of="x:5")) == {"x:5": "tagged"}
    quote, quote_of_it = (candidate(n, quote_of=of, quoting=True) for n, of in ((30, "x:5"), (31, "x:30")))
    assert members(tagged(5), quote_of_it, quote) == {"x:5": "tagged", "x:30": "quote"}


def test_a_quote_keeps_a_better_reason_and_comes_before_imported() -> None:
    found = members(
        tagged(5),
        tagged(6, quote_of="x:5", quoting=True),
        candidate(7, quote_of="x:5", quoting=True, reply_to="x:5"),
        candidate(8, quote_of="x:5", quoting=True, is_host=True),
        candidate(9, quote_of="x:5", quoting=True, imported=True),
        candidate(10, imported=True),
        candidate(11, quote_of="x:10", quoting=True),
    )
    assert found == {
        "x:5": "tagged", "x:6": "tagged", "x:7": "in thread", "x:8": "host", "x:9": "quote", "x:10": "imported",
        "x:11": "quote",
    }  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from((5, 6, 7, 8, 9)), st.sampled_from(("x:5", "x:6", "x:7", "x:x"))), max_size=8))
def test_which_quotes_belong_does_not_depend_on_their_order(quotes: list[tuple[int, str]]) -> None:
    posts = {minute: candidate(minute, quote_of=of, quoting=True) for minute, of in quotes if of != f"x:{minute}"}
    assert members(tagged(4), *posts.values()) == members(*reversed(posts.values()), tagged(4))


def test_a_late_answer_belongs_to_the_session_before_until_the_next_one_opens() -> None:
    later = Session(
        id="northmoor-2", chat="northmoor", starts_at=shift(START, days=3), ends_at=shift(END, days=3), questions=()
    )
    chat = replace(CHAT, sessions=(SESSION, later))
    late = tagged(3 * 24 * 60 - 61)
    early = tagged(3 * 24 * 60 - 59)
    assert set(members(late, early, chat=chat)) == {late.id}
    assert set(members(late, early, chat=chat, session=later)) == {early.id}


@given(st.lists(st.integers(1, 400), min_size=1, max_size=6, unique=True), st.integers(-600, 12_000))
def test_no_post_belongs_to_two_sessions_and_every_tagged_one_near_a_session_to_one(
    hours: list[int], minute: int
) -> None:
    sessions = tuple(
        Session(id=f"s{n}", chat="northmoor", starts_at=shift(START, hours=2 * n), ends_at=shift(END, hours=2 * n))
        for n in hours
    )
    chat = replace(CHAT, sessions=sessions)
    at = shift(START, minutes=minute)
    inside = [s.id for s in sessions for opens, closes in [find_window(chat, s)] if opens <= at < closes]
    assert len(inside) <= 1
    if any(s.starts_at <= at <= s.ends_at for s in sessions):
        assert len(inside) == 1


def test_bursts_propose_sessions_on_quarter_hours() -> None:
    chat_hour = [shift(START, minutes=n / 2) for n in range(3, 118)]
    week_later = [shift(START, days=7, minutes=n / 2) for n in range(1, 60)]
    stray = [shift(START, days=3), shift(START, days=3, hours=5)]
    found = propose_sessions(Counter([*week_later, *stray, *chat_hour]))
    assert [(starts, ends) for starts, ends, _ in found] == [
        (START, END),
        (shift(START, days=7), shift(START, days=7, minutes=30)),
    ]
    assert found[0][2] == len(chat_hour)
    assert propose_sessions({}) == []
    assert propose_sessions(Counter(stray)) == []


def test_proposed_sessions_are_rendered_in_the_chats_local_time() -> None:
    text = render_proposals(CHAT, [(START, END, 115)])
    assert "[[chat.northmoor.session]]  # 115 posts" in text
    assert "starts = 2026-10-08T13:00:00" in text
