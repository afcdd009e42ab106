"""Histories of a chat that people decide in while rules, posts and the order of arrival change under them."""

from __future__ import annotations

import pytest
from deciding import Played, Rules
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from made_up_chat import HOST, northmoor, post

from analysis.engine import Findings, Tip
from analysis.normalising import normalise
from analysis.rulings import Ruling, find_rulings

QUESTION = post(1, "Q1: What do you tell a newcomer? #northmoorhour", HOST)
SENTENCES = (
    "Post the evening before.", "Show the right bin on a photo.", "Never list all sixty streets.",
    "Be human &amp; kind.",
    "We answer every resident within the hour.", "Use alt text on every image for everybody.", "Reply fast.", "A1:",
    "What works for you?", "1/2", "Thanks! 🎉", "#northmoorhour",
)  # fmt: skip
WORDINGS = st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=4).map(" ".join)
RULES = st.builds(
    Rules,
    joins=st.integers(1, 3),
    leaves_out=st.sampled_from(["", "bin", "e", "all", "Reply"]),
    kinds=st.sampled_from([None, {"do": "dont"}, {"dont": "concern"}, {"do": "example", "example": "do"}]),
    score=st.sampled_from([0.2, 0.6]),
)
EDITS = st.sampled_from(["Also: {}", "{} Always.", "Don't {}", "SHOUT", "backwards", "every other word", "new", "&"])
IDS = st.integers(0, 5)


def edited(text: str, how: str) -> str:
    sentences = text.split(". ")
    return {
        "SHOUT": text.upper(), "backwards": ". ".join(reversed(sentences)), "new": "We opened a library on Monday.",
        "every other word": " ".join(text.split()[::2]), "&": text.replace("&amp;", "&").replace(" ", "  "),
    }.get(how, how.format(text))  # fmt: skip


class Deciding(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.chat = Played(self.swap, {QUESTION.id: QUESTION}, [], northmoor("What do you tell a newcomer?"))
        self.swap(Rules())
        self.arrived: list[str] = [QUESTION.id]

    def teardown(self) -> None:
        self.patch.undo()

    @rule(rules=RULES)
    def swap(self, rules: Rules) -> None:
        """Another version of the rules."""
        self.patch.setattr("analysis.engine.find_tips", lambda read, _model: rules.find(read.post.text, read.post.id))

    @rule(number=IDS, minute=st.integers(2, 50), text=WORDINGS, author=st.sampled_from(["x:ann", "x:bob"]))
    def arrive(self, number: int, minute: int, text: str, author: str) -> None:
        """A post arrives, perhaps an earlier original of another, or comes back after it was deleted."""
        name = f"x:{number}p"
        if name not in self.chat.posts:
            self.chat.posts[name] = post(minute, text, author, id=name)
            self.arrived.append(name)

    @precondition(lambda self: len(self.chat.posts) > 1)
    @rule(at=st.integers(0, 9), text=WORDINGS, minute=st.integers(2, 50))
    def arrive_again(self, at: int, text: str, minute: int) -> None:
        """Somebody says what another says, a little changed."""
        names = sorted(self.chat.posts)
        before = self.chat.posts[names[at % len(names)]]
        name = f"x:again{len(self.chat.posts)}"
        if name not in self.chat.posts:
            self.chat.posts[name] = post(minute, f"{before.text} {text.split('.', 1)[0]}.", "x:cat", id=name)
            self.arrived.append(name)

    @precondition(lambda self: len(self.chat.posts) > 1)
    @rule(at=st.integers(0, 9), how=EDITS)
    def edit(self, at: int, how: str) -> None:
        names = sorted(set(self.chat.posts) - {QUESTION.id})
        name = names[at % len(names)]
        self.chat.edit(name, edited(self.chat.posts[name].text, how))

    @precondition(lambda self: len(self.chat.posts) > 1)
    @rule(at=st.integers(0, 9))
    def delete(self, at: int) -> None:
        names = sorted(set(self.chat.posts) - {QUESTION.id})
        name = names[at % len(names)]
        del self.chat.posts[name]
        self.arrived.remove(name)

    def choose(self, at: int) -> Tip | None:
        tips = self.chat.look().tips
        return tips[at % len(tips)] if tips else None

    @rule(at=st.integers(0, 20), state=st.sampled_from(["accepted", "rejected"]), by=st.sampled_from(["ann", "bob"]))
    def judge(self, at: int, state: str, by: str) -> None:
        if tip := self.choose(at):
            self.chat.decide(tip, by, state=state)

    @rule(at=st.integers(0, 20), kind=st.sampled_from(["do", "dont", "example"]))
    def rename(self, at: int, kind: str) -> None:
        if tip := self.choose(at):
            self.chat.decide(tip, state="accepted", kind=kind)

    @rule(at=st.integers(0, 20))
    def reword(self, at: int) -> None:
        if tip := self.choose(at):
            self.chat.decide(tip, text="In our own words", question="none")

    @rule(at=st.integers(0, 20), first=st.integers(0, 30), length=st.integers(5, 40))
    def cut(self, at: int, first: int, length: int) -> None:
        tip = self.choose(at)
        text = self.chat.posts[tip.proposal.post].text if tip else ""
        if tip and text[first : first + length].strip():
            self.chat.decide(tip, "ann", (first, min(first + length, len(text))), state="accepted")

    @rule(at=st.integers(0, 20))
    def take_back(self, at: int) -> None:
        if tip := self.choose(at):
            self.chat.take_back(tip)

    @invariant()
    def what_was_decided_stands_once_and_in_every_order_of_arrival(self) -> None:
        found = self.chat.look()
        assert self.chat.look(self.arrived[::-1]) == found
        self.check_that_none_is_missing(found)
        self.check_that_none_is_doubled(found)
        self.check_that_it_is_what_was_decided(found)

    def check_that_none_is_missing(self, found: Findings) -> None:
        tips = {tip.id for tip in found.tips}
        order = [ruling.subject for ruling in self.rulings]
        for ruling in self.rulings:
            if any(view.post in self.chat.posts for view in ruling.views) and ruling.subject not in tips:
                winner = found.fallen[ruling.subject]
                assert winner in tips
                assert order.index(winner) < order.index(ruling.subject)
        assert {tip.id for tip in found.tips if tip.kept or tip.state != "proposed"} <= set(order)

    def check_that_none_is_doubled(self, found: Findings) -> None:
        assert len({tip.id for tip in found.tips}) == len(found.tips)
        places = [(one.post, one.start, one.end, one.kind) for one in (tip.proposal for tip in found.tips) if one.end]
        assert len(set(places)) == len(places)
        decided = {ruling.subject for ruling in self.rulings}
        for tip in found.tips:
            for other in found.tips:
                one, two = tip.proposal, other.proposal
                alike = (one.post, one.kind) == (two.post, two.kind) and one.end
                if tip.state == "accepted" and other.id not in decided and alike:
                    common = min(one.end, two.end) - max(one.start, two.start)
                    assert common < 0.5 * min(one.end - one.start, two.end - two.start)

    def check_that_it_is_what_was_decided(self, found: Findings) -> None:
        tips = {tip.id: tip for tip in found.tips}
        for ruling in self.rulings:
            tip = tips.get(ruling.subject)
            if tip is None:
                continue
            assert (tip.state, tip.proposal.kind) == (ruling.state, ruling.final_kind)
            if ruling.text:
                assert (tip.proposal.text, tip.proposal.question) == ("In our own words", None)
            elif not any(view.is_chosen for view in ruling.views):
                present = " ".join(normalise(self.chat.posts[tip.proposal.post].text, {"northmoorhour"}).text.split())
                assert tip.proposal.text in {view.text for view in ruling.views} or tip.proposal.text in present
                last = ruling.views[0]
                if tip.proposal.post == last.post and last.place.quotation in self.chat.posts[last.post].text:
                    assert tip.proposal.text == last.text or last.parts

    @property
    def rulings(self) -> tuple[Ruling, ...]:
        return find_rulings(self.chat.decisions)


# Each history is twenty analyses and more: a third of the profile's examples.
Deciding.TestCase.settings = settings(max_examples=settings().max_examples // 3, stateful_step_count=20)
TestDeciding = Deciding.TestCase
