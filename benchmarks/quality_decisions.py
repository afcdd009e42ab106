"""What the ranker learns: an author decides on the uncertain tips of a session, as its annotators would."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from analysis.anchors import ShownTip, build_anchor
from analysis.decided import Decided, Judged
from analysis.engine import propose
from analysis.ranking import USABLE
from analysis.reading import Reading, read_session
from analysis.retraining import Lessons
from archive.decisions import Decision
from archive.models import TIP_KINDS
from benchmarks.figures import Figure, build_f1
from benchmarks.labelled import LabelledChat
from benchmarks.quality_tips import Tally, score_found, total

COUNTS = (16, 64)
_AT = "2026-11-24T12:00:00.000Z"
_USABLE_KINDS = frozenset(TIP_KINDS) - {"question"}


def score_decisions(chats: Sequence[LabelledChat]) -> Iterator[Figure]:
    """The table's rows: the session as its author then sees it, and the posts on which nobody decided."""
    before = [_play(chat, 0) for chat in chats]
    yield _sum("usable F1 before any decision", [tallies for tallies, _ in before], None, "")
    for count in COUNTS:
        after = [_play(chat, count) for chat in chats]
        aim = "+.03" if count == max(COUNTS) else "rising"
        yield _sum(f"usable F1 after {count} decisions, as shown", [one for one, _ in after], None, aim)
        decided = [posts for _, posts in after]
        yield _sum(f"usable F1 of the posts left undecided by {count}, before", [one for one, _ in before], decided, "")
        yield _sum(f"usable F1 of the posts left undecided by {count}, after", [one for one, _ in after], decided, "")


def _sum(
    name: str, chats: Sequence[Sequence[tuple[str, Tally]]], left_out: Sequence[Collection[str]] | None, aim: str
) -> Figure:
    nothing: Sequence[Collection[str]] = [()] * len(chats)
    whole = total(
        (post, tally)
        for tallies, out in zip(chats, left_out or nothing, strict=True)
        for post, tally in tallies
        if post not in out
    )
    return build_f1(name, whole.right[USABLE], whole.extra[USABLE], whole.missed[USABLE], aim)


def _play(chat: LabelledChat, count: int) -> tuple[list[tuple[str, Tally]], frozenset[str]]:
    """(the session's tallies after so many decisions, the posts that were decided on)."""
    reading = read_session(chat.rows)
    decisions = _decide(chat, reading, count)
    lessons = Lessons()
    lessons.add(reading, propose(reading, Decided(reading, decisions)))
    judged = propose(reading, Decided(reading, decisions), lessons.build_model())
    shown = [one for one in judged if one.state != "rejected"]
    return list(score_found(chat, reading, shown)), frozenset(str(one.anchor["post"]) for one in decisions)


def _decide(chat: LabelledChat, reading: Reading, count: int) -> list[Decision]:
    """The decisions of an author who begins with what is most uncertain, and rules as the annotators did."""
    proposed = propose(reading, Decided(reading, ()))
    waiting = [one for one in proposed if one.proposal.kind != "question" and one.proposal.post in chat.kinds]
    waiting.sort(key=lambda one: (abs(one.proposal.score - 0.5), one.proposal.post, one.proposal.start))
    texts = {post.id: post.text for post in chat.rows.posts}
    made: list[Decision] = []
    for one in waiting[:count]:
        for field, value in _rule(one, chat).items():
            made.append(_build(f"{len(made)}", one, chat.name, texts, (field, value)))
    return made


def _rule(one: Judged, chat: LabelledChat) -> dict[str, str]:
    wanted = chat.kinds[one.proposal.post]
    if one.proposal.kind in wanted:
        return {"state": "accepted"}
    others = sorted(wanted & _USABLE_KINDS, key=TIP_KINDS.index)
    return {"kind": others[0], "state": "accepted"} if others else {"state": "rejected"}


def _build(name: str, one: Judged, session: str, texts: dict[str, str], ruling: tuple[str, str]) -> Decision:
    tip = one.proposal
    shown = ShownTip(f"{tip.post}-{tip.start}-{tip.kind}", session, tip.post, tip.kind, tip.start, tip.end, tip.text)
    return Decision(
        subject_kind="tip", subject=shown.id, field=ruling[0], value=ruling[1], chat="", by="an annotator", at=_AT,
        anchor=build_anchor(shown, texts), id=name,
    )  # fmt: skip
