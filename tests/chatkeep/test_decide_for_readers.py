"""What a person decided reaches the site and the guide at once, and says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from deciding_place import Place

PLAIN = "Use plain English"
Said = Callable[[], str]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def said(place: Place, capsys: pytest.CaptureFixture[str]) -> Said:
    capsys.readouterr()
    return lambda: "".join(capsys.readouterr())


def test_where_there_is_a_site_it_shows_a_decision_at_once(place: Place, said: Said) -> None:
    name = place.tip(PLAIN)
    assert place("publish") == 0
    said()
    assert place("decide", "tip", name, "accept") == 0
    assert said().endswith("northmoor is analysed and published again\n")
    assert place.ask("SELECT review FROM tips WHERE id = ?", name, name="chats.db") == [("accepted",)]
    assert place("decide", "tip", name, "reject") == 0
    assert place.ask("SELECT count(*) FROM tips WHERE id = ?", name, name="chats.db") == [(0,)]
    assert place("decide", "author", "x:ann_example", "--organisation", "none") == 0
    assert "northmoor is analysed and published again" in said()


def test_where_there_is_no_site_a_decision_makes_none(place: Place, said: Said) -> None:
    assert place("decide", "tip", place.tip(PLAIN), "accept") == 0
    assert "published" not in said()
    assert not (place.data / "chats.db").exists()


@pytest.mark.parametrize("more", [(), ("--text", "Write plainly.")])
def test_the_guide_says_that_an_edit_took_the_words_of_an_accepted_tip_away(
    place: Place, said: Said, more: tuple[str, ...]
) -> None:
    assert place("decide", "tip", place.tip(PLAIN), "accept", *more) == 0
    assert place("export", "northmoor", "guide", "--output", "-") == 0
    assert "edited since" not in said()
    place.ask("UPDATE posts SET text = 'A1: Sorry, I was wrong about this.' WHERE id = 'x:4'")
    assert place("analyse") == 0
    said()
    assert place("export", "northmoor", "guide", "--output", "-") == 0
    (entry,) = said().split("- [x] ")[1:]
    assert entry.startswith(more[1] if more else PLAIN)
    assert " · the post was edited since, and no longer has these words\n" in entry


@pytest.mark.parametrize("analysed", [True, False])
@pytest.mark.parametrize(
    ("key", "reason", "words"),
    [
        ("x:4", "deleted", "its post was deleted"),
        ("x:4", "unavailable", "its post is not available"),
        ("x:ann_example", "erased", "its post was deleted"),
    ],
)
def test_the_list_of_decisions_quotes_no_post_that_is_gone(
    place: Place, said: Said, key: str, reason: str, words: str, *, analysed: bool
) -> None:
    name = place.tip(PLAIN)
    assert place("decide", "tip", name, "accept", "--text", "Plain words, and a resident.") == 0
    assert place("decide", "tip", name, "reject") == 0
    assert place("decide", "list", "northmoor") == 0
    assert PLAIN in said()
    place.ask("INSERT INTO tombstones VALUES (?, '2026-10-08T12:30:00.000Z', ?)", key, reason)
    if analysed:
        assert place("analyse") == 0
    said()
    for more in ((), ("--json",)):
        assert place("decide", "list", "northmoor", *more) == 0
        told = said()
        assert name in told
        assert f"found nothing: {words}" in told
        assert "resident" not in told


def test_the_list_shows_line_breaks_as_spaces(place: Place, said: Said) -> None:
    assert place("decide", "tip", place.tip(PLAIN), "accept", "--text", "Write\nplainly.", "--note", "so\nthere") == 0
    said()
    assert place("decide", "list", "northmoor") == 0
    lines = said().splitlines()
    assert len(lines) == 2
    assert any("text: Write plainly.: tip" in line and line.endswith("; so there)") for line in lines)
