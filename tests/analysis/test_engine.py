from __future__ import annotations

import random
import sqlite3
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_chat import END, HOST, START, analyse, northmoor, post, rows_of

from analysis.engine import analyse_session
from analysis.organisations import Organisation, Register
from analysis.rebuild import Analysed, analyse_chat
from analysis.rows import SessionPost, build_rows, load_session
from archive.models import Chat
from archive.store import Archive
from archive.times import shift

REGISTER = Register([Organisation("council:nor", "Northmoor Borough Council", ("Northmoor",), "unitary", "England")])
TABLES = (
    "chat_posts", "questions", "answers", "tips", "tip_evidence", "themes", "people", "organisations",
    "author_organisations", "coverage", "recaps", "unread_languages",
)  # fmt: skip

HOUR = (
    post(1, "Welcome to #northmoorhour! Please introduce yourselves", HOST),
    post(2, "Hi all, Ann from Elmbridge Vale here #northmoorhour"),
    post(5, "Q1: What one tip would you give about bin day posts? #northmoorhour", HOST),
    post(6, "A1: Post the evening before, at six, with a photo of the right bin #northmoorhour"),
    post(7, "RT @ann: A1: Post the evening before, at six, with a photo of the right bin #northmoorhour", "x:bob"),
    post(8, "This! So true @ann", "x:cat", reply_to="x:6", kind="reply"),
    post(9, "A1 1/2: Don't list all sixty streets. #northmoorhour", "x:dan"),
    post(10, "2/2: Link to the postcode checker instead of the list #northmoorhour", "x:dan"),
    post(11, "A1: A template for road closures: https://resources.northmoor.example/roads #northmoorhour", "x:bob"),
    post(12, "A1: We struggle with sign-off at weekends #northmoorhour", "x:eve"),
    post(13, "How do you reach tenants who never read email, @ann? #northmoorhour", "x:eve"),
    post(55, "Thanks everybody, great chat! #northmoorhour", HOST),
)


def add(archive: Archive, *posts: SessionPost, bio: str | None = None) -> None:
    """Puts posts into the archive as the store would, tags and links with them."""
    with archive.transaction() as conn:
        for one in posts:
            conn.execute(
                "INSERT OR IGNORE INTO authors"
                " (id, platform, handle, bio, labels, first_seen_at, last_seen_at, fields_seen)"
                " VALUES (?, ?, ?, ?, '[]', ?, ?, '{}')",
                (one.author, one.platform, one.handle, bio, START, START),
            )
            columns: dict[str, Any] = {
                "id": one.id, "platform": one.platform, "author": one.author, "created_at": one.posted_at,
                "posted_at": one.posted_at, "first_seen_at": END, "text": one.text, "lang": one.lang,
                "kind": one.kind, "visibility": "public", "labels": "[]", "reply_to": one.reply_to,
                "conversation": one.conversation, "quote_of": one.quote_of, "repost_of": one.repost_of,
            }  # fmt: skip
            conn.execute(
                f"INSERT INTO posts ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
                list(columns.values()),
            )
            if "#northmoorhour" in one.text:
                conn.execute("INSERT INTO post_tags VALUES (?, 'northmoorhour')", (one.id,))
            conn.executemany("INSERT INTO post_links VALUES (?, ?, ?)", ((one.id, link, link) for link in one.links))


def contents(conn: sqlite3.Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {table: conn.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3").fetchall() for table in TABLES}


def run(archive: Archive, chat: Chat) -> Analysed:
    return analyse_chat(archive.conn, chat, version="1", register=REGISTER)


@pytest.fixture
def hour(archive: Archive) -> Chat:
    chat = northmoor()
    archive.save_chat(chat)
    add(archive, *HOUR, bio="Comms at Northmoor Council")
    return chat


def test_a_session_is_understood_and_written(archive: Archive, hour: Chat) -> None:
    counts = run(archive, hour)
    found = contents(archive.conn)
    assert (counts.sessions, counts.posts, counts.questions) == (1, len(HOUR), 1)
    assert {row[2] for row in found["chat_posts"]} == {one.id for one in HOUR}
    assert found["questions"][0][:6] == (
        "northmoor-1-q1", "northmoor", "northmoor-1", 1, "x:5", "What one tip would you give about bin day posts?"
    )  # fmt: skip
    by_post = {(row[3], row[6]): row for row in found["tips"]}
    assert set(by_post) == {
        ("x:6", "do"), ("x:9", "dont"), ("x:10", "do"), ("x:11", "resource"), ("x:12", "concern"), ("x:13", "question"),
    }  # fmt: skip
    tip = by_post["x:6", "do"]
    assert tip[7] == "Post the evening before, at six, with a photo of the right bin"
    assert tip[11] == "northmoor-1-q1"
    assert [row[5] for row in found["tip_evidence"] if row[0] == tip[0]] == ["repost", "agreement"]
    assert tip[13] == 2
    assert counts.tips == len(found["tips"]) == sum(counts.kinds.values())
    assert {row[1] for row in found["author_organisations"]} == {"council:nor"}
    assert len(found["coverage"]) == 3 * 60


def test_a_numbered_thread_is_one_tip_of_a_kind_with_its_other_parts(archive: Archive, hour: Chat) -> None:
    run(archive, hour)
    rows = archive.conn.execute(
        "SELECT t.kind, t.post, e.post, e.relation FROM tips t JOIN tip_evidence e ON e.tip = t.id WHERE t.post IN"
        " ('x:9', 'x:10') ORDER BY t.kind DESC"
    ).fetchall()
    assert rows == [("dont", "x:9", "x:10", "part"), ("do", "x:10", "x:9", "part")]


def test_analysing_again_gives_the_same_rows(archive: Archive, hour: Chat) -> None:
    run(archive, hour)
    first = contents(archive.conn)
    run(archive, hour)
    assert contents(archive.conn) == first


def test_the_recap_and_the_languages_without_rules_are_written_and_go_with_their_session(
    archive: Archive, hour: Chat
) -> None:
    add(archive, post(14, "A1: Rhowch y Gymraeg yn gyntaf ac yr un maint #northmoorhour", "x:cerys", lang="cy"))
    run(archive, hour)
    found = contents(archive.conn)
    assert found["unread_languages"] == [("northmoor", "northmoor-1", "cy", 1, "1")]
    originals = {one.id: one.text for one in HOUR}
    assert [row[2] for row in found["recaps"]] == list(range(1, len(found["recaps"]) + 1))
    assert len(found["recaps"]) > 2
    assert all(row[6] in originals[row[5]] and row[4] in {tip[0] for tip in found["tips"]} for row in found["recaps"])
    run(archive, replace(hour, sessions=()))
    assert {row[1] for row in contents(archive.conn)["recaps"]} == {"northmoor-all"}


def test_another_chats_findings_stay(archive: Archive, hour: Chat) -> None:
    other = Chat(slug="elmbridge", title="", hashtags=("elmbridgehour",))
    archive.save_chat(other)
    run(archive, hour)
    run(archive, other)
    assert contents(archive.conn)["tips"]
    assert contents(archive.conn)["organisations"]


def test_a_failure_leaves_the_findings_of_its_session_as_they_were(
    archive: Archive, hour: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(archive, hour)
    before = contents(archive.conn)
    add(archive, post(20, "A1: Avoid jargon #northmoorhour", "x:gus"))

    def fail(*_: object) -> int:
        raise RuntimeError("the power went")

    monkeypatch.setattr("analysis.saving._save_tips", fail)
    with pytest.raises(RuntimeError, match="the power went"):
        run(archive, hour)
    assert contents(archive.conn) == before
    assert not archive.conn.in_transaction


def test_deleted_and_unavailable_posts_and_authors_are_left_out(archive: Archive, hour: Chat) -> None:
    archive.conn.execute("INSERT INTO tombstones VALUES ('x:6', ?, 'deleted'), ('x:eve', ?, 'unavailable')", (END, END))
    run(archive, hour)
    posts = {row[2] for row in contents(archive.conn)["chat_posts"]}
    hung_on_the_deleted_post = "x:8"
    assert posts == {one.id for one in HOUR} - {"x:6", "x:12", "x:13", hung_on_the_deleted_post}


def test_a_chat_without_sessions_is_one_session_of_all_its_posts(archive: Archive, hour: Chat) -> None:
    add(archive, post(90 * 24 * 60, "A1: Post in the evening, months later #northmoorhour", "x:late"))
    counts = run(archive, replace(hour, sessions=()))
    found = contents(archive.conn)
    assert counts.sessions == 1
    assert {row[1] for row in found["chat_posts"]} == {"northmoor-all"}
    assert "x:129600" in {row[2] for row in found["chat_posts"]}
    assert 0 < len(found["coverage"]) <= 3 * (len(HOUR) + 1)


def test_an_empty_chat_and_an_empty_session_find_nothing(archive: Archive) -> None:
    archive.save_chat(northmoor())
    assert run(archive, northmoor()).posts == 0
    assert run(archive, replace(northmoor(), sessions=())) == Analysed("northmoor")
    assert contents(archive.conn)["tips"] == []


def test_rows_are_loaded_with_their_reasons_and_in_order(archive: Archive, hour: Chat) -> None:
    add(archive, post(6.5, "No hashtag, but the same thread", "x:fay", reply_to="x:6", kind="reply"))
    rows = load_session(archive.conn, hour, hour.sessions[0])
    assert [one.posted_at for one in rows.posts] == sorted(one.posted_at for one in rows.posts)
    why = {one.id: one.why for one in rows.posts}
    assert (why["x:6.5"], why["x:8"], why["x:6"]) == ("in thread", "in thread", "tagged")
    assert next(one for one in rows.posts if one.id == "x:6.5").reply_author == "x:ann"
    assert {one.author for one in rows.posts if one.is_host} == {HOST}


def test_one_post_alone_is_enough() -> None:
    found = analyse(post(6, "Use plain English in every post #northmoorhour"))
    assert [tip.proposal.kind for tip in found.tips] == ["do"]
    assert not found.themes
    assert not found.threads.questions


def test_support_counts_people_once_and_not_the_author() -> None:
    tip = post(6, "A1: Post the evening before, at six, with a photo of the right bin")
    found = analyse(
        HOUR[2],
        tip,
        post(7, "RT @ann: " + tip.text, "x:bob"),
        post(8, "RT @ann: " + tip.text, "x:bob"),
        post(9, "Agreed!", "x:bob", reply_to="x:6", kind="reply"),
        post(10, tip.text, "x:ann"),
        post(11, "I see that differently in our valley", "x:cat", quote_of="x:6", kind="quote"),
    )
    (one,) = (one for one in found.tips if one.proposal.post == "x:6")
    assert one.support_count == 1
    assert [evidence.relation for evidence in one.evidence] == ["repost", "repost", "agreement", "duplicate"]


def test_a_comment_on_a_passed_on_post_is_the_commenters_own() -> None:
    tip = post(6, "A1: Post the evening before, at six, with a photo of the right bin")
    found = analyse(HOUR[2], tip, post(7, "Add the street names as text too! RT @ann: " + tip.text, "x:bob"))
    texts = {one.proposal.post: one.proposal.text for one in found.tips}
    assert texts == {"x:6": tip.text[4:], "x:7": "Add the street names as text too!"}


def test_tips_of_one_post_have_ids_of_their_own() -> None:
    found = analyse(HOUR[2], post(6, "A1: 1) Reply fast 2) Be human 3) Don't delete complaints"))
    assert len({tip.id for tip in found.tips}) == len(found.tips) == 3


MORE = (
    "A1: cards",
    "This!",
    "Q2: What would you avoid?",
    "A2: Avoid jargon",
    "",
    "🎉",
    "Peidiwch",
    "RT @ann: A1: cards",
)
TEXTS = st.sampled_from([*(one.text for one in HOUR), *MORE])
POSTS = st.builds(
    lambda minute, text, author, target: (minute, text, author, target),
    st.integers(0, 70),
    TEXTS,
    st.sampled_from(["x:ann", "x:bob", HOST]),
    st.none() | st.integers(0, 30),
)


@settings(max_examples=40)
@given(st.lists(POSTS, max_size=25), st.randoms(use_true_random=False))
def test_the_order_in_which_posts_arrive_changes_nothing(drawn: list[Any], chance: random.Random) -> None:
    posts = [
        post(minute, text, author, id=f"x:{n}", reply_to=None if target is None else f"x:{target}")
        for n, (minute, text, author, target) in enumerate(drawn)
    ]
    shuffled = chance.sample(posts, len(posts))
    assert analyse_session(rows_of(*posts)) == analyse_session(rows_of(*shuffled))


def test_two_thousand_posts_of_many_people_are_read_whole() -> None:
    chance = random.Random(11)
    words = [word for one in HOUR for word in one.text.split()]
    posts = [
        post(n / 40, f"A1: {' '.join(chance.choices(words, k=18))}", f"x:{n % 90}", id=f"x:{n}") for n in range(2_000)
    ]
    found = analyse(HOUR[2], *posts)
    assert Counter(answer.question for answer in found.threads.answers)["northmoor-1-q1"] >= 1_900
    assert found.tips


def test_hosts_named_in_the_settings_are_marked() -> None:
    rows = build_rows(northmoor(hosts=("bluesky:Host.example", "x:NorthmoorHour")), northmoor().sessions[0], HOUR)
    assert {one.author for one in rows.posts if one.is_host} == {HOST}
    assert shift(START, minutes=1) == rows.posts[0].posted_at


def test_a_sentence_that_two_people_say_is_one_tip_that_both_stand_behind() -> None:
    found = analyse(
        HOUR[2],
        post(6, "A1: Reply once, with the fact. Then stop. The answer is for everybody who reads along."),
        post(7, "RT @ann: A1: Reply once, with the fact. Then stop. < yes, I want this on a mug with a lid", "x:bob"),
        post(8, "Agreed!", "x:cat", reply_to="x:7", kind="reply"),
        post(9, "A1: Pin the house rules. Reply once, with the fact. Then stop.", "x:dan"),
    )
    (one,) = (tip for tip in found.tips if tip.proposal.text.startswith("Reply once"))
    assert one.proposal.post == "x:6"
    assert [(e.post, e.relation) for e in one.evidence] == [
        ("x:7", "duplicate"), ("x:9", "duplicate"), ("x:8", "agreement"),
    ]  # fmt: skip
    assert one.support_count == 3
    span = next(e for e in one.evidence if e.post == "x:9")
    text = "A1: Pin the house rules. Reply once, with the fact. Then stop."
    assert text[span.start : span.end] == "Reply once, with the fact. Then stop."


def test_the_same_words_for_two_questions_or_of_two_kinds_stay_apart() -> None:
    found = analyse(
        HOUR[2],
        post(6, "A1: Put the street name in the first line of the post"),
        post(20, "Q2: What one tip would you give about floods? #northmoorhour", HOST),
        post(
            21,
            "A2: Our rivers rise within half an hour, no village hall has signal then, and sandbags wait in the depot"
            " behind Mill Lane until somebody finds a key. Put the street name in the first line of the post.",
            "x:bob",
        ),
    )
    assert [tip.proposal.post for tip in found.tips] == ["x:6", "x:21"]


def test_a_post_gives_no_more_tips_than_an_author_would_read() -> None:
    lines = (f"Use plain words on page {n} of your site and ask {n} people to read it." for n in range(100))
    found = analyse(post(5, "Q1: What works?", HOST), post(6, "A1: " + " ".join(lines) + " #northmoorhour"))
    assert 1 <= len(found.tips) <= 10


def test_a_post_that_answers_two_questions_has_a_tip_for_each() -> None:
    first = post(5, "Q1: What is your best tip for planning? #northmoorhour", HOST)
    second = post(20, "Q2: How do you deal with complaints? #northmoorhour", HOST)
    both = post(25, "A1: Use a shared calendar for planning. A2: Always thank people for complaints. #northmoorhour")
    tips = [tip.proposal for tip in analyse(first, second, both).tips if tip.proposal.post == both.id]
    assert [(tip.question, tip.text) for tip in tips] == [
        ("northmoor-1-q1", "Use a shared calendar for planning."),
        ("northmoor-1-q2", "Always thank people for complaints."),
    ]
    assert [tip.reason.rpartition("; ")[2] for tip in tips] == ["answers Q1", "answers Q2"]
