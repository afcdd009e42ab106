"""The same tip in two posts of a session is one tip, and who says it again stands behind it."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.duplicates import find_pairs
from analysis.proposals import TipProposal
from analysis.support import Evidence

SAME_TIP = 0.75  # cosine: sentences are shorter than posts, and "say x, not y" shares its frame with many
_LEAST_WORDS = 2

Supported = tuple[TipProposal, list[Evidence]]


def join_repeats(found: Sequence[Supported], fixed: int = 0) -> list[Supported]:
    """The tips without those that an earlier one of their kind says, which become its evidence.

    ``found`` is in canonical order, so the earliest stays. Tips of one post, or of two questions, stay apart. The first
    ``fixed`` are decided: they stay whatever says the same, and others join them.
    """
    joined: dict[int, int] = {}
    for kind in dict.fromkeys(proposal.kind for proposal, _ in found):
        places = [
            at
            for at, (proposal, _) in enumerate(found)
            if proposal.kind == kind and len(proposal.text.split()) >= _LEAST_WORDS
        ]
        texts = [found[at][0].text.casefold() for at in places]
        for later, earlier, _ in find_pairs(texts, SAME_TIP):
            if places[later] >= fixed and _may_join(found[places[later]][0], found[places[earlier]][0]):
                joined[places[later]] = places[earlier]
    kept = {at: (proposal, list(evidence)) for at, (proposal, evidence) in enumerate(found) if at not in joined}
    for at, of in joined.items():
        proposal, evidence = found[at]
        kept[of][1].append(Evidence(proposal.post, "duplicate", proposal.start, proposal.end))
        kept[of][1].extend(Evidence(e.post, "duplicate", e.start, e.end) for e in evidence)
    return list(kept.values())


def _may_join(later: TipProposal, earlier: TipProposal) -> bool:
    return later.post != earlier.post and (later.question == earlier.question or not later.question)
