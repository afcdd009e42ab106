from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from deciding import Played, Rules
from made_up_chat import northmoor, post

from analysis.decided import read_span
from analysis.engine import Findings, Tip
from analysis.normalising import normalise
from archive.decisions import Decision
from archive.models import Session

Rule = Callable[[Rules], None]


@pytest.fixture
def swap(monkeypatch: pytest.MonkeyPatch) -> Rule:
    """Puts another version of the rules in force."""

    def put(rules: Rules) -> None:
        monkeypatch.setattr("analysis.engine.find_tips", lambda read, _model: rules.find(read.post.text, read.post.id))

    put(Rules())
    return put


def play(swap: Rule, *texts: str, **more: object) -> Played:
    """Posts of different people, the first in minute 10; their ids are x:10, x:11 …"""
    posts = [post(10 + n, text, f"x:author{n}") for n, text in enumerate(texts)]
    return Played(swap, {one.id: one for one in posts}, [])


def by_id(found: Findings) -> dict[str, Tip]:
    tips = {tip.id: tip for tip in found.tips}
    assert len(tips) == len(found.tips)
    return tips


def texts(found: Findings, state: str | None = None) -> list[str]:
    return [tip.proposal.text for tip in found.tips if state in (None, tip.state)]


BINS = "Post the evening before. Show the right bin. Never list all sixty streets."


def test_an_accepted_tip_keeps_its_id_its_words_and_its_kind(swap: Rule) -> None:
    chat = play(swap, BINS)
    name = chat.decide(chat.find("right bin"), state="accepted")
    tip = by_id(chat.look())[name]
    assert (tip.state, tip.kept, tip.proposal.text, tip.proposal.kind) == (
        "accepted",
        False,
        "Show the right bin.",
        "do",
    )
    assert tip.proposal.reason == "a rule"
    assert len(chat.look().tips) == 3


@pytest.mark.parametrize(
    "rules",
    [
        Rules(joins=2), Rules(joins=3, kinds={"dont": "do"}), Rules(kinds={"do": "dont"}), Rules(leaves_out="bin"),
        Rules(kinds={"do": "concern"}), Rules(leaves_out="e"), Rules(score=0.1),
    ],
    ids=str,
)  # fmt: skip
def test_no_version_of_the_rules_changes_or_doubles_what_was_accepted(swap: Rule, rules: Rules) -> None:
    chat = play(swap, BINS)
    name = chat.decide(chat.find("right bin"), state="accepted")
    swap(rules)
    found = chat.look()
    tip = by_id(found)[name]
    assert (tip.state, tip.proposal.text, tip.proposal.kind) == ("accepted", "Show the right bin.", "do")
    assert BINS[tip.proposal.start : tip.proposal.end] == "Show the right bin."
    assert sum("right bin" in text for text in texts(found)) == 1


def test_a_tip_that_no_rule_finds_any_more_says_who_kept_it(swap: Rule) -> None:
    chat = play(swap, BINS)
    accepted = chat.decide(chat.find("right bin"), "Ann", state="accepted")
    rejected = chat.decide(chat.find("sixty"), "Bob", state="rejected")
    named = chat.decide(chat.find("evening"), "Cat", kind="example")
    swap(Rules(leaves_out="e"))
    tips = by_id(chat.look())
    assert {name: (tip.kept, tip.proposal.reason) for name, tip in tips.items()} == {
        accepted: (True, "kept because Ann accepted it"),
        rejected: (True, "kept because Bob rejected it"),
        named: (True, "kept because Cat changed it"),
    }


def test_a_rejected_tip_stays_rejected_when_its_words_are_split_or_mostly_the_same(swap: Rule) -> None:
    chat = play(swap, "Thanks for a great hour. See you all.")
    swap(Rules(joins=2))
    name = chat.decide(chat.find("Thanks"), state="rejected")
    for rules in (Rules(), Rules(joins=2)):
        swap(rules)
        assert [(tip.id, tip.state) for tip in chat.look().tips] == [(name, "rejected")]


def test_a_longer_tip_round_rejected_words_is_proposed_again(swap: Rule) -> None:
    chat = play(swap, "Thanks! Post the evening before, with a photo of the right bin, on every channel.")
    chat.decide(chat.find("Thanks"), state="rejected")
    swap(Rules(joins=2))
    assert [tip.state for tip in chat.look().tips] == ["rejected", "proposed"]


def test_what_was_taken_back_is_the_rules_matter_again(swap: Rule) -> None:
    chat = play(swap, BINS)
    tip = chat.find("right bin")
    chat.decide(tip, state="accepted", kind="example", text="Our words")
    chat.take_back(tip)
    found = by_id(chat.look())[tip.id]
    assert (found.state, found.proposal.kind, found.proposal.text) == ("proposed", "do", "Show the right bin.")
    swap(Rules(leaves_out="bin"))
    assert tip.id not in by_id(chat.look())


def test_kind_words_span_and_question_are_as_decided(swap: Rule) -> None:
    chat = play(swap, BINS)
    chat.posts["x:9"] = post(9, "Q1: What would you tell a newcomer?", "x:host", handle="NorthmoorHour")
    chat.chat = northmoor("What would you tell a newcomer?")
    evening, bins, sixty = (chat.find(words) for words in ("evening", "right bin", "sixty"))
    start = BINS.index("right bin")
    chat.decide(evening, text="Post at six.", kind="example", question="northmoor-1-q1")
    chat.decide(bins, "ann", (start, start + 9))
    chat.decide(sixty, state="accepted", question="none")
    for rules in (Rules(), Rules(joins=3), Rules(leaves_out="e")):
        swap(rules)
        tips = by_id(chat.look())
        assert (tips[evening.id].proposal.text, tips[evening.id].proposal.kind) == ("Post at six.", "example")
        assert tips[evening.id].proposal.question == "northmoor-1-q1"
        assert (tips[bins.id].proposal.text, tips[bins.id].proposal.start) == ("right bin", start)
        assert tips[sixty.id].proposal.question is None
        assert len([tip for tip in tips.values() if tip.proposal.post == "x:10"]) == 3


def test_a_chosen_span_in_another_sentence_leaves_no_second_tip_where_it_was(swap: Rule) -> None:
    chat = play(swap, BINS)
    start = BINS.index("Show")
    name = chat.decide(chat.find("evening"), "ann", (start, start + 19), state="accepted")
    found = by_id(chat.look())
    assert found[name].proposal.text == "Show the right bin."
    assert sorted(texts(chat.look())) == ["Never list all sixty streets.", "Show the right bin."]


def test_a_span_without_its_own_anchor_is_counted_off_from_the_words_that_were_seen(swap: Rule) -> None:
    chat = play(swap, BINS)
    tip = chat.find("right bin")
    start = BINS.index("right bin")
    chat.decide(tip, state="accepted")
    chat.decisions[-1] = replace(chat.decisions[-1], field="span", value=f"{start}:{start + 9}")
    chat.edit("x:10", "Good evening! " + BINS)
    assert by_id(chat.look())[tip.id].proposal.text == "right bin"


@pytest.mark.parametrize(
    ("now", "words"),
    [
        ("A long preface. " + BINS, "Show the right bin."),
        (BINS.upper().replace(". ", ".\n\n"), "Show the right bin."),
        ("Post the evening before. Always show the right bin. Never list streets.", "Always show the right bin."),
        ("Post the evening before. Show people the right bin! Never list streets.", "Show people the right bin!"),
    ],
)
def test_an_edited_post_keeps_its_decided_tip_in_its_present_words(swap: Rule, now: str, words: str) -> None:
    chat = play(swap, BINS)
    name = chat.decide(chat.find("right bin"), state="accepted")
    chat.edit("x:10", now)
    tip = by_id(chat.look())[name]
    assert (tip.state, tip.kept) == ("accepted", False)
    assert sum("right bin" in text.casefold() for text in texts(chat.look())) == 1
    assert tip.proposal.text.casefold() in (words.casefold(), "show the right bin.")


def test_words_that_an_edit_took_away_are_kept_and_said_to_be_gone(swap: Rule) -> None:
    chat = play(swap, BINS)
    name = chat.decide(chat.find("right bin"), state="accepted")
    chat.edit("x:10", "We opened a library on Monday.")
    tip = by_id(chat.look())[name]
    assert (tip.kept, tip.proposal.text) == (True, "Show the right bin.")
    assert tip.proposal.reason == "kept because ann accepted it; the post no longer has these words"
    chat.edit("x:10", BINS)
    assert not by_id(chat.look())[name].kept


def test_an_edit_into_the_opposite_is_not_taken_for_what_was_accepted(swap: Rule) -> None:
    chat = play(swap, "Use alt text on every image.")
    name = chat.decide(chat.find("alt text"), state="accepted")
    chat.edit("x:10", "Don't use alt text on every image.")
    tips = by_id(chat.look())
    assert tips[name].kept
    assert tips[name].proposal.reason.endswith("the post now seems to say the opposite")
    assert [tip.proposal.kind for tip in tips.values()] == ["dont", "do"]


def test_two_decided_sentences_that_an_edit_makes_one_are_one_tip_and_the_last_decision_wins(swap: Rule) -> None:
    chat = play(swap, "Reply fast to people. Reply warmly to people.")
    first = chat.decide(chat.find("fast"), state="accepted")
    second = chat.decide(chat.find("warmly"), state="rejected")
    chat.edit("x:10", "Reply warmly and fast to people.")
    found = chat.look()
    assert [(tip.id, tip.state) for tip in found.tips] == [(second, "rejected")]
    assert found.fallen == {first: second}
    chat.decide(found.tips[0], "bob", state="accepted")
    assert [(tip.id, tip.state) for tip in chat.look().tips] == [(second, "accepted")]


LATE = "Use alt text on every image that you post for residents. It helps everybody."


def test_a_decision_goes_over_to_an_earlier_original_that_arrives_late_and_back_when_that_goes(swap: Rule) -> None:
    chat = play(swap, LATE)
    name = chat.decide(chat.find("alt text"), state="accepted")
    chat.posts["x:2"] = post(2, LATE.replace(" that you post", ""), "x:early")
    found = by_id(chat.look())
    assert (found[name].proposal.post, found[name].state) == ("x:2", "accepted")
    assert [(e.post, e.relation) for e in found[name].evidence] == [("x:10", "duplicate")]
    assert sum("alt text" in text for text in texts(chat.look())) == 1
    del chat.posts["x:2"]
    assert by_id(chat.look())[name].proposal.post == "x:10"


def test_a_decided_tip_that_the_late_original_does_not_hold_stays_with_its_post(swap: Rule) -> None:
    chat = play(swap, LATE + " Ask your web team first.")
    name = chat.decide(chat.find("web team"), state="accepted")
    chat.posts["x:2"] = post(2, LATE, "x:early")
    tip = by_id(chat.look())[name]
    assert (tip.proposal.post, tip.proposal.text, tip.kept) == ("x:10", "Ask your web team first.", True)


def test_decisions_on_two_repeats_of_a_late_original_are_one_and_the_last_wins(swap: Rule) -> None:
    chat = play(swap, LATE, "Post at six in the evening, with a photo.")
    kept = chat.decide(chat.find("alt text"), state="accepted")
    chat.edit("x:11", LATE.replace("helps", "serves"))
    chat.posts["x:11"] = replace(chat.posts["x:11"], id="x:11")
    chat.decisions[:0] = [
        replace(one, subject="other", anchor={**one.anchor, "post": "x:11"}) for one in chat.decisions
    ]
    chat.posts["x:2"] = post(2, LATE, "x:early")
    found = chat.look()
    assert found.fallen == {"other": kept}
    assert [tip.id for tip in found.tips if "alt text" in tip.proposal.text] == [kept]


def test_a_deleted_posts_tip_goes_whatever_was_decided(swap: Rule) -> None:
    chat = play(swap, BINS, LATE)
    name = chat.decide(chat.find("right bin"), state="accepted")
    del chat.posts["x:10"]
    assert name not in by_id(chat.look())


def test_a_repeat_in_another_post_stands_behind_a_decided_tip_and_two_decided_ones_stay_two(swap: Rule) -> None:
    chat = play(
        swap, "Show the right bin on the photo. We meet on Monday.", "Parking is free. Show the right bin on the photo."
    )
    later = chat.look()
    assert [(e.post, e.relation) for tip in later.tips for e in tip.evidence] == [("x:11", "duplicate")]
    swap(Rules(leaves_out="Monday"))
    first = chat.decide(chat.find("right bin"), state="rejected")
    assert [tip.id for tip in chat.look().tips if "right bin" in tip.proposal.text] == [first]
    del chat.posts["x:10"]
    second = chat.decide(chat.find("right bin"), state="accepted")
    chat.posts["x:10"] = post(10, "Show the right bin on the photo. We meet on Monday.", "x:author0")
    found = by_id(chat.look())
    assert (found[first].state, found[second].state) == ("rejected", "accepted")


def test_decided_tips_are_beside_the_ten_of_a_post(swap: Rule) -> None:
    chat = play(swap, " ".join(f"Take step number {number}." for number in range(10)))
    names = {chat.decide(tip, state="accepted") for tip in chat.look().tips}
    chat.edit("x:10", chat.posts["x:10"].text + " Begin early. End late.")
    assert names < set(by_id(chat.look()))
    assert len(chat.look().tips) == 12


THREAD = ("1/3 Plan the week. #northmoorhour", "2/3 Walk to every depot. #northmoorhour", "3/3 Tell everyone about it.")


def thread(swap: Rule) -> Played:
    chat = play(swap, *THREAD)
    chat.posts = {name: replace(one, author="x:ann") for name, one in chat.posts.items()}
    return chat


def test_a_decided_tip_of_a_thread_keeps_all_its_parts_as_one(swap: Rule) -> None:
    chat = thread(swap)
    name = chat.decide(chat.find("Plan"), state="accepted")
    swap(Rules(leaves_out="depot"))
    (tip,) = chat.look().tips
    assert (tip.id, tip.proposal.text) == (name, "Plan the week. Walk to every depot. Tell everyone about it.")
    assert [(e.post, e.relation) for e in tip.evidence] == [("x:11", "part"), ("x:12", "part")]


def test_the_words_of_a_deleted_part_are_shown_no_more(swap: Rule) -> None:
    chat = thread(swap)
    name = chat.decide(chat.find("Plan"), state="accepted")
    del chat.posts["x:11"]
    tip = by_id(chat.look())[name]
    assert tip.proposal.text == "Plan the week. Tell everyone about it."
    assert [e.post for e in tip.evidence] == ["x:12"]


def test_a_tip_keeps_its_decisions_when_its_post_comes_under_another_session(swap: Rule) -> None:
    chat = play(swap, BINS)
    name = chat.decide(chat.find("right bin"), state="accepted")
    old = northmoor()
    own = replace(old.sessions[0], id="northmoor-autumn")
    chat.chat = replace(old, sessions=(own,))
    assert by_id(chat.look())[name].state == "accepted"
    far = Session(id="northmoor-1", chat="northmoor", starts_at=own.starts_at, ends_at=own.ends_at)
    chat.chat = replace(old, sessions=(own, far))
    assert name not in by_id(chat.look()), "the session that it was decided in holds the post still"


def test_an_id_that_a_decision_holds_is_given_to_no_other_tip(swap: Rule) -> None:
    chat = play(swap, "Reply fast. Be human. Post late.")
    name = chat.decide(chat.find("Reply"), state="accepted")
    chat.edit("x:10", "Post late.. Be human. Reply fast.")
    found = by_id(chat.look())
    assert found[name].proposal.text == "Reply fast."
    assert len(found) == 3


@pytest.mark.parametrize(
    ("name", "value", "anchor"),
    [
        ("state", "maybe", None), ("kind", "poem", None), ("span", "9:2", None), ("span", "1:99999", None),
        ("colour", "red", None), ("state", "accepted", {}), ("state", "accepted", {"post": ["x:10"], "kind": 3}),
        ("state", "accepted", {"post": "x:10", "kind": "do", "parts": "none", "score": "high", "chosen": 4}),
        ("theme", "gone", None), ("question", "gone", None),
    ],
)  # fmt: skip
def test_a_decision_that_means_nothing_breaks_nothing(
    swap: Rule, name: str, value: str, anchor: dict[str, object] | None
) -> None:
    chat = play(swap, BINS)
    tip = chat.find("right bin")
    chat.decide(tip, state="accepted")
    made = chat.decisions.pop()
    chat.decisions.append(replace(made, field=name, value=value, anchor=made.anchor if anchor is None else anchor))
    assert set(texts(chat.look())) >= {"Post the evening before.", "Never list all sixty streets."}


def test_decisions_on_other_things_are_nobody_elses_business(swap: Rule) -> None:
    chat = play(swap, BINS)
    before = chat.look()
    chat.decisions.append(
        Decision(
            subject_kind="theme",
            subject=before.tips[0].id,
            field="state",
            value="rejected",
            chat="northmoor",
            by="ann",
            at="",
        )
    )
    assert chat.look() == before


@pytest.mark.parametrize(
    ("words", "read"),
    [
        ("Q &amp; A", "Q & A"), ("#northmoorhour", ""), ("plan   the", "plan the"), ("#bins", "bins"),
        ("A1: Ask", "Ask"), ("Ask for Q &amp; A and   plan   the #bins day", "Ask for Q & A and plan the bins day"),
    ],
)  # fmt: skip
def test_a_span_of_the_original_is_read_as_it_is_shown(words: str, read: str) -> None:
    text = "A1: Ask for Q &amp; A and   plan   the #bins day #northmoorhour"
    start = text.index(words)
    assert read_span(normalise(text, {"northmoorhour"}), start, start + len(words)) == read


def test_a_chosen_span_that_is_a_link_alone_is_shown_as_it_is(swap: Rule) -> None:
    text = "Read this: https://bins.example.org/list and more."
    chat = play(swap, text)
    start = text.index("https")
    name = chat.decide(chat.find("Read"), "ann", (start, start + 29))
    assert by_id(chat.look())[name].proposal.text == "https://bins.example.org/list"


def test_of_a_text_that_is_cleaned_to_nothing_nothing_is_read() -> None:
    assert read_span(normalise("A1:"), 0, 3) == ""
