"""chatkeep decide: a person accepts, rejects and changes what was found, and finds it so at once and ever after."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from deciding_place import START, Place

from archive.decisions import Decision, add_decisions, load_decisions, open_decisions
from chatkeep import deciding
from chatkeep.commands import decide

ROOT = Path(__file__).parents[2]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def said(place: Place, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    capsys.readouterr()
    return lambda: "".join(capsys.readouterr())


Said = Callable[[], str]
PLAIN, ALT = "Use plain English", "alt text"


def test_what_is_accepted_is_seen_at_once_in_every_table_and_file(place: Place, said: Said) -> None:
    name = place.tip(PLAIN)
    assert place("decide", "tip", name, "accept", "--by", "Ann", "--note", "of course") == 0
    told = said()
    assert told.startswith("accepted: Do “Use plain English in every post")
    assert told.endswith(f"({name}); northmoor is analysed again\n")
    assert place.stands(name)[0] == "accepted"
    (made,) = load_decisions(place.data / "decisions.db")
    assert (made.by, made.note, made.field, made.value, made.chat) == (
        "Ann",
        "of course",
        "state",
        "accepted",
        "northmoor",
    )
    assert made.anchor["quotation"].startswith("Use plain English")
    assert made.saw_version
    assert place("publish") == 0
    assert place.ask("SELECT review FROM tips WHERE id = ?", name, name="chats.db") == [("accepted",)]
    assert place("export", "northmoor", "guide", "--output", "-") == 0
    assert "- [x] Use plain English" in said()


def test_a_rejected_tip_leaves_counts_and_site_and_can_be_taken_back(place: Place, said: Said) -> None:
    name = place.tip(PLAIN)
    before = place.ask("SELECT count(*) FROM tips")
    assert place("decide", "tip", name, "reject") == 0
    assert place.ask("SELECT count(*) FROM tips") == before
    assert place("publish") == 0
    assert place.ask("SELECT count(*) FROM tips WHERE id = ?", name, name="chats.db") == [(0,)]
    said()
    assert place("analyse", "--json") == 0
    assert json.loads(said())[0]["tips"] == before[0][0] - 1
    assert place("decide", "tip", name, "undo") == 0
    assert said().startswith("taken back: Do “Use plain")
    assert place.stands(name)[0] == "proposed"
    assert place("decide", "tip", name, "undo") == 0
    assert said().startswith("nothing was decided on: Do")


def test_kind_wording_and_words_of_the_post_are_decided_together(place: Place, said: Said) -> None:
    name = place.tip(PLAIN)
    assert place("decide", "tip", name[:8], "accept", "--kind", "example", "--span", "ask a RESIDENT to read") == 0
    assert place.stands(name)[:3] == ("accepted", "example", "ask a resident to read")
    assert place("decide", "tip", name, "accept", "--text", "Let a resident read it.") == 0
    assert place.stands(name)[:3] == ("accepted", "example", "Let a resident read it.")
    text = place.ask("SELECT text FROM posts WHERE id = 'x:4'")[0][0]
    start = text.index("plain English")
    assert place("decide", "tip", name, "undo") == 0
    assert place("decide", "tip", name, "accept", "--span", f"{start}:{start + 13}", "--question", "none") == 0
    assert place.stands(name)[2] == "plain English"
    assert place.ask("SELECT question FROM tips WHERE id = ?", name) == [(None,)]
    assert {one.field for one in load_decisions(place.data / "decisions.db")} == {
        "state", "kind", "span", "text", "question",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tip", "0123456789abcdef", "accept"), "there is no tip 0123456789abcdef now; `chatkeep decide next CHAT`"),
        (("tip", "", "accept"), "at least six of its characters are needed"),
        (("tip", "9752f", "accept"), "“9752f” is too little of an id: at least six of its characters are needed"),
        (("tip", "{}", "reject", "--text", "No."), "--text goes with accept alone"),
        (("tip", "{}", "accept", "--span", "9:2"), "the post has no such words; it says: A1: Use plain"),
        (("tip", "{}", "accept", "--span", "pigeons"), "the post has no such words"),
        (("tip", "{}", "accept", "--theme", "weather"), "the session has no theme weather"),
        (("tip", "{}", "accept", "--question", "q9"), "the session has no question q9; it has northmoor-2026-10-08"),
        (("tip", "{}", "accept", "--text", " "), "--text is empty"),
        (("tip", "{}", "undo", "--kind", "do"), "leave out --kind"),
        (("theme", "weather", "--pin"), "there is no theme weather now"),
        (("theme", "weather"), "say what to decide"),
        (("theme", "weather", "--merge-into", "weather"), "cannot be merged into itself"),
        (("author", "nobody", "--organisation", "none"), "knows no account nobody"),
        (("author", "ann_example", "--organisation", "none"), "say which: bluesky:ann_example, x:ann_example"),
        (("author", "x:ann_example"), "say what to decide"),
        (("author", "x:ann_example", "--same-as", "@X:ann_example"), "knows no account @X:ann_example"),
        (("author", "x:ann_example", "--same-as", "X:ann_example"), "is one account"),
        (("author", "x:ann_example", "--organisation", "council:atlantis"), "names no one organisation"),
        (
            ("author", "x:ann_example", "--organisation", "Leed City Council"),
            "these come near: council:lds (Leeds City Council)",
        ),
        (("author", "x:ann_example", "--organisation", "Bin Friends"), "not in the register; say one of the register"),
        (("author", "x:ann_example", "--same-as", "x:bob_example", "--new-organisation"), "goes with --organisation"),
        (("list", "weather"), "no chat 'weather'"),
    ],
)
def test_what_is_not_there_is_said_in_one_line_and_nothing_is_kept(
    place: Place, said: Said, arguments: tuple[str, ...], words: str
) -> None:
    name = place.tip(PLAIN)
    assert place("decide", *(argument.replace("{}", name) for argument in arguments)) == 2
    told = said()
    assert words in told
    assert len(told.strip().splitlines()) == 1
    assert load_decisions(place.data / "decisions.db") == ()


def test_the_login_decides_where_no_name_is_given(place: Place, monkeypatch: pytest.MonkeyPatch, said: Said) -> None:
    monkeypatch.setattr(deciding.getpass, "getuser", lambda: "frances")
    assert place("decide", "tip", place.tip(PLAIN), "accept") == 0
    assert load_decisions(place.data / "decisions.db")[0].by == "frances"

    def nobody() -> str:
        raise KeyError("no such user")

    monkeypatch.setattr(deciding.getpass, "getuser", nobody)
    said()
    assert place("decide", "tip", place.tip(PLAIN), "reject") == 2
    assert "say it with --by NAME" in said()


def test_next_lists_what_is_least_sure_first_without_what_was_decided(place: Place, said: Said) -> None:
    assert place("decide", "next", "#Northmoor") == 0
    lines = said().splitlines()
    assert len(lines) == place.ask("SELECT count(*) FROM tips")[0][0]
    assert any("Do  Use plain English" in line and line.endswith(")") for line in lines)
    assert place("decide", "tip", place.tip(PLAIN), "reject") == 0
    said()
    assert place("decide", "next", "northmoor", "--json", "--count", "2") == 0
    rows = json.loads(said())
    assert len(rows) == 2
    assert {"id", "kind", "text", "reason", "score", "session", "post"} == set(rows[0])
    assert place.tip(PLAIN) not in {row["id"] for row in rows}


def answer(monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
    """A person at a terminal."""
    monkeypatch.setattr(decide, "asks_a_person", lambda: True)
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in answers)))


def test_a_person_goes_through_tips_one_by_one(place: Place, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, "a", "maybe", "r", "k", "example", "s", "q")
    assert place("decide", "next", "northmoor", "--by", "Ann") == 0
    told = said()
    assert "why: " in told
    assert "3 decided, and northmoor is analysed again" in told
    states = place.ask("SELECT state, count(*) FROM tips GROUP BY state ORDER BY state")
    assert dict(states)["accepted"] == 2
    assert dict(states)["rejected"] == 1
    assert ("example",) in place.ask("SELECT kind FROM tips WHERE state = 'accepted'")


def test_who_breaks_off_loses_nothing(place: Place, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, "a")  # and the input ends
    assert place("decide", "next", "northmoor") == 130
    assert "1 decided, and northmoor is analysed again" in said()
    assert place.ask("SELECT count(*) FROM tips WHERE state = 'accepted'") == [(1,)]


def test_a_tip_that_changes_between_the_question_and_the_answer_is_decided_all_the_same(
    place: Place, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch)
    shown: list[str] = []

    def edit_meanwhile(_question: str, _choices: object) -> str:
        if shown:
            return "q"
        shown.append("one")
        place.ask("UPDATE posts SET text = 'Good evening! ' || text WHERE id <> 'x:0'")
        place("analyse")
        return "a"

    monkeypatch.setattr(decide, "_prompt", edit_meanwhile)
    before = {row[0] for row in place.ask("SELECT id FROM tips")}
    assert place("decide", "next", "northmoor") == 0
    ((name, text),) = place.ask("SELECT id, text FROM tips WHERE state = 'accepted'")
    assert name in before
    assert "Good evening" not in text


def test_a_decided_tip_that_is_shown_no_more_can_still_be_decided_on(place: Place, said: Said) -> None:
    name = place.tip(PLAIN)
    assert place("decide", "tip", name, "accept") == 0
    place.ask("INSERT INTO tombstones VALUES ('x:4', ?, 'unavailable')", START)
    assert place("analyse") == 0
    said()
    assert place("decide", "tip", name, "reject") == 0
    assert f"rejected: {name}; northmoor is analysed again, and it is not shown: its post was deleted" in said()
    assert place("decide", "tip", name, "accept", "--theme", "x") == 2
    place.ask("DELETE FROM tombstones")
    assert place("analyse") == 0
    assert place.stands(name)[0] == "rejected"


@pytest.mark.parametrize(
    ("seen", "post", "now"),
    [
        (PLAIN, "x:4", "Use plain English in every post"),
        ("without alt text", "x:2", "Never use posters as a picture without alt text."),
    ],
)
def test_an_id_that_the_site_shows_still_decides_on_what_the_tip_has_become(
    place: Place, said: Said, seen: str, post: str, now: str
) -> None:
    assert place("publish") == 0
    name = place.tip(seen)
    place.ask("UPDATE posts SET text = 'Good evening all! ' || text WHERE id = 'x:4'")
    place.ask("UPDATE posts SET text = 'A1: Never use posters as a picture without alt text.' WHERE id = 'x:2'")
    assert place("analyse") == 0
    assert place.ask("SELECT count(*) FROM tips WHERE id = ?", name) == [(0,)]
    said()
    assert place("decide", "tip", name, "accept") == 0
    assert f"({name}); it has changed since you saw it; northmoor is analysed and published again" in said()
    ((shown, text),) = place.ask("SELECT id, text FROM tips WHERE post = ?", post)
    assert shown == name
    assert text.startswith(now)


def test_the_list_says_who_decided_what_and_what_found_nothing(place: Place, said: Said) -> None:
    plain, alt = place.tip(PLAIN), place.tip(ALT)
    for name, ruling, by in ((plain, "accept", "Ann"), (alt, "accept", "Bob"), (alt, "reject", "Cat")):
        assert place("decide", "tip", name, ruling, "--by", by) == 0
    place.ask("INSERT INTO tombstones VALUES ('x:4', ?, 'deleted')", START)
    assert place("analyse") == 0
    said()
    assert place("decide", "list", "northmoor", "--json") == 0
    rows = json.loads(said())
    assert [(row["by"], row["decided"], row["now"]) for row in rows] == [
        ("Ann", "accepted", "found nothing: its post was deleted"),
        ("Bob", "accepted", "decided anew since"),
        ("Cat", "rejected", "in force"),
    ]
    assert place("decide", "list", "northmoor") == 0
    lines = said().splitlines()
    assert len(lines) == 3
    assert "Ann  accepted: tip" in lines[0]
    assert lines[2].endswith("(in force)")


def test_the_list_of_a_chat_in_which_nobody_decided_says_how_to_begin(place: Place, said: Said) -> None:
    assert place("decide", "list", "northmoor") == 0
    assert "`chatkeep decide next northmoor` begins" in said()


def test_a_decision_that_was_cut_off_before_the_analysis_is_found_by_the_next_one(place: Place) -> None:
    name = place.tip(PLAIN)
    script = (
        "import os, signal, sys\nfrom chatkeep import cli, deciding\n"
        "deciding.Desk.analyse = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "cli.run(sys.argv[1:])"
    )
    arguments = ["--data", str(place.data), "--config", str(place.settings), "decide", "tip", name, "accept"]
    killed = subprocess.run(
        [sys.executable, "-c", script, *arguments, "--by", "Ann"], cwd=ROOT, env=os.environ, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert place.stands(name)[0] == "proposed"
    assert len(load_decisions(place.data / "decisions.db")) == 1
    assert place("analyse") == 0
    assert place.stands(name)[0] == "accepted"


def test_an_authors_organisation_and_accounts_are_corrected_and_taken_back(place: Place, said: Said) -> None:
    assert place("decide", "author", "x:ann_example", "--organisation", "Bin Friends", "--new-organisation") == 0
    assert "decided on x:ann_example: Bin Friends; northmoor is analysed again" in said()
    assert place("decide", "author", "cat_example", "--same-as", "x:bob_example", "--not-same-as", "x:ann_example") == 0
    made = load_decisions(place.data / "decisions.db", "northmoor")
    assert [(one.subject_kind, one.subject, one.field, one.value, one.chat) for one in made] == [
        ("organisation", "x:ann_example", "organisation", "Bin Friends", ""),
        ("person", "x:cat_example", "same_as", "x:bob_example", ""),
        ("person", "x:cat_example", "different_from", "x:ann_example", ""),
    ]
    assert place.ask("SELECT count(DISTINCT id) FROM people WHERE author IN ('x:cat_example', 'x:bob_example')") == [
        (1,)
    ]
    said()
    assert place("decide", "list", "northmoor") == 0
    assert "same person as: x:bob_example: author x:cat_example" in said()
    assert place("decide", "author", "x:cat_example", "--undo") == 0
    assert place.ask("SELECT count(*) FROM people WHERE author = 'x:cat_example'") == [(0,)]


def test_an_organisation_that_nobody_has_named_is_asked_about_in_a_terminal(
    place: Place, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, "n")
    assert place("decide", "author", "x:ann_example", "--organisation", "Leed City Council") == 2
    assert "Leed City Council is not in the register" in said()
    assert load_decisions(place.data / "decisions.db") == ()
    answer(monkeypatch, "y")
    assert place("decide", "author", "x:ann_example", "--organisation", "Bin Friends") == 0
    answer(monkeypatch)  # once named it is known
    assert place("decide", "author", "x:bob_example", "--organisation", "Bin  Friends") == 0
    assert {one.value for one in load_decisions(place.data / "decisions.db")} == {"Bin Friends"}


def test_a_merger_that_would_close_a_circle_is_refused(place: Place, said: Said) -> None:
    for name in ("t1", "t2", "t3"):
        place.ask(
            "INSERT INTO themes VALUES (?1, 'northmoor', 'northmoor-2026-10-08', ?1, '[\"bin\"]', 1, 'x:1', NULL,"
            " 'words', 0, NULL, '1')",
            name,
        )
    with closing(open_decisions(place.data / "decisions.db")) as conn:
        add_decisions(conn, [merger("t1", "t2"), merger("t2", "t3")])
    said()
    assert place("decide", "theme", "t3", "--merge-into", "t1") == 2
    assert "t1 is merged into t3 already: take that back first" in said()
    assert len(load_decisions(place.data / "decisions.db")) == 2
    assert place("decide", "theme", "t2", "--merge-into", "t3") == 0


def merger(name: str, into: str) -> Decision:
    return Decision(
        subject_kind="theme", subject=name, field="merged_into", value=into, chat="northmoor", by="Ann", at=START,
        anchor={"session": "northmoor-2026-10-08", "label": name, "terms": [], "posts": []},
    )  # fmt: skip


def test_a_theme_is_named_and_pinned_and_taken_back(place: Place, said: Said) -> None:
    place.ask(
        "INSERT INTO themes VALUES ('t1', 'northmoor', 'northmoor-2026-10-08', 'bins', '[\"bin\"]', 1, 'x:1', NULL,"
        " 'words', 0, NULL, '1')"
    )
    place.ask("UPDATE tips SET theme = 't1' WHERE post = 'x:1'")
    assert place("decide", "theme", "t1", "--label", " Bin days ", "--pin") == 0
    made = load_decisions(place.data / "decisions.db")
    assert [(one.field, one.value) for one in made] == [("label", "Bin days"), ("pinned", "yes")]
    assert made[0].anchor == {
        "session": "northmoor-2026-10-08", "label": "bins", "terms": ["bin"], "posts": ["x:1"],
    }  # fmt: skip
    assert place.ask("SELECT label, pinned, named_by FROM themes WHERE id = 't1'") == [("Bin days", 1, "person")]
    assert "“Bin days”; northmoor is analysed again" in said()
    assert place("decide", "theme", "t1", "--undo") == 0
    assert place.ask("SELECT count(*) FROM themes WHERE id = 't1'") == [(0,)]
    assert "it is shown no more" in said()
