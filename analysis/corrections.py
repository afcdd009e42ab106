"""What people ruled on who somebody is and where they work, laid over what the rules found. Pure.

Fields of decisions: ``organisation`` on an author (the id of an organisation of the register, a name that is not in it,
or ``none``); ``same_as`` and ``different_from`` on an author, with the id of another author.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from analysis.organisations import Match
from analysis.people import Ruling
from archive.decisions import Decision, find_current

NO_ORGANISATION = "none"


def correct_organisations(matches: Iterable[Match], decisions: Sequence[Decision]) -> tuple[Match, ...]:
    """The matches with those of a corrected author replaced by what was ruled: one organisation, or none."""
    ruled = {
        author: decision
        for (author, field), decision in find_current(decisions, "organisation").items()
        if field == "organisation"
    }
    kept = [match for match in matches if match.author not in ruled]
    kept += [
        Match(author, decision.value, say_who(decision), 1.0)
        for author, decision in ruled.items()
        if decision.value != NO_ORGANISATION
    ]
    return tuple(sorted(kept, key=lambda match: (match.author, match.organisation)))


def list_rulings(decisions: Sequence[Decision]) -> tuple[Ruling, ...]:
    """Which authors are one person and which are not, the last word on each two; in an order of their own.

    An empty value takes back what was ruled on its author in this field.
    """
    ruled: dict[tuple[str, str], Ruling] = {}
    for decision in decisions:
        if decision.subject_kind != "person" or decision.field not in {"same_as", "different_from"}:
            continue
        is_same = decision.field == "same_as"
        if not decision.value:
            mine = [key for key, one in ruled.items() if decision.subject in key and one.is_same == is_same]
            for key in mine:
                del ruled[key]
        elif decision.value != decision.subject:
            one, other = sorted((decision.subject, decision.value))
            ruled[one, other] = Ruling(one, other, is_same, say_who(decision))
    return tuple(ruled[key] for key in sorted(ruled))


def say_who(decision: Decision) -> str:
    """The evidence of what a person decided."""
    return f"corrected by {decision.by} on {decision.at[:10]}"
