from __future__ import annotations

import random

import pytest
from made_up_chat import post, rows_of

from analysis import duplicates, word_vectors
from analysis.duplicates import group_duplicates
from analysis.normalising import normalise
from analysis.rows import SessionPost

TIP = "A1: Post bin day changes the evening before, at six, when people put the bin out"


def echoes(*posts: SessionPost) -> dict[str, tuple[str, str]]:
    rows = rows_of(*posts)
    found = group_duplicates(rows.posts, {p.id: normalise(p.text, {"northmoorhour"}) for p in rows.posts})
    return {key: (echo.of, echo.relation) for key, echo in found.items()}


def test_the_earliest_represents_repeats_reposts_and_cut_short_copies() -> None:
    found = echoes(
        post(9, TIP + " #northmoorhour"),
        post(5, TIP),
        post(10, "RT @ann: " + TIP[:60].rsplit(" ", 1)[0] + " eve…", "x:bob"),
        post(11, "RT @ann: " + TIP, "x:cat"),
        post(12, "Yes! RT @ann: " + TIP, "x:dan"),
        post(13, "anything", "x:eve", repost_of="x:9", kind="repost"),
        post(14, "Something else about roadworks and their signs", "x:eve"),
    )
    assert found == {
        "x:9": ("x:5", "duplicate"),
        "x:10": ("x:5", "repost"),
        "x:11": ("x:5", "repost"),
        "x:12": ("x:5", "quote"),
        "x:13": ("x:5", "repost"),
    }


def test_groups_do_not_grow_by_chains() -> None:
    words = [f"word{n}" for n in range(20)]
    chain = [" ".join([*words[at:], *(f"other{n}" for n in range(at))]) for at in (0, 3, 6)]
    assert echoes(*(post(n, text) for n, text in enumerate(chain))) == {"x:1": ("x:0", "duplicate")}
    assert echoes(*(post(n, text) for n, text in enumerate(chain[1:]))) == {"x:1": ("x:0", "duplicate")}


def test_short_thanks_and_empty_posts_are_no_duplicates() -> None:
    assert echoes(post(1, "Thanks all!"), post(2, "Thanks all!"), post(3, ""), post(4, "🎉🎉🎉 🎉 🎉")) == {}
    assert echoes() == {}


def test_a_reply_to_a_post_outside_the_session_echoes_nothing() -> None:
    assert echoes(post(1, TIP, repost_of="x:elsewhere", kind="repost")) == {}


def test_blocking_finds_the_same_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(7)
    words = [f"word{n}" for n in range(300)]
    texts = [" ".join(chance.choices(words, k=14)) for _ in range(120)]
    texts += [text.replace(text.split()[3], "changed") for text in texts[:40]]
    posts = [post(n, text) for n, text in enumerate(texts)]
    whole = echoes(*posts)
    monkeypatch.setattr(duplicates, "_BLOCKING_ABOVE", 10)
    monkeypatch.setattr(word_vectors, "_ROWS", 16)
    assert echoes(*posts) == whole
    assert len(whole) >= 39
