"""Spending: before each request that costs money its worst case is reserved, or the request is not made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from archive import ledger
from archive.errors import ExchangeError, Fatal, OutOfBudget, Retriable
from archive.models import PLATFORM_NAMES
from archive.store import Archive
from archive.walks import Walk
from collector.options import DEFAULT_OPTIONS, Budget, ChatOptions
from collector.sources.base import Plan, Source

# Rechecks of old sessions and conversations must never use up what a live session will need.
_LATER_LOOKS = ("posts", "thread", "quotes")


@runtime_checkable
class Priced(Protocol):
    """What a source has that charges for its answers; money is in tenths of a US cent."""

    def worst_case(self, plan: Plan) -> int:
        """The most that one request of this plan can cost."""

    def within(self, plan: Plan, tenth_cents: int) -> Plan | None:
        """The plan, asking for no more than this can pay; None where even the smallest request can cost more."""


class Spending:
    """What one source may spend for each chat. ``options`` are by chat; a chat without has the default budget."""

    def __init__(self, archive: Archive, source: Source, options: Mapping[str, ChatOptions]) -> None:
        self._archive = archive
        self._source = source
        self._options = options

    def reserve(self, plan: Plan, walk: Walk) -> tuple[Plan, int | None]:
        """The plan that fits the budgets of the walk's chat and session, and its reservation.

        The plan as it is and None where the platform charges nothing. Raises OutOfBudget.
        """
        source = self._source
        if not isinstance(source, Priced):
            return plan, None
        fitting: list[Plan] = []

        def choose(left: int) -> int | None:
            fitted = _fitted(source, plan, left)
            if fitted is None:
                return None
            fitting.append(fitted)
            return source.worst_case(fitted)

        budget = self._options.get(walk.chat, DEFAULT_OPTIONS).budget
        if plan.purpose in _LATER_LOOKS:
            budget = Budget(budget.session // 2, budget.month // 2)
        claim = ledger.Claim(walk.platform, walk.chat, walk.session, walk.id, budget.session, budget.month)
        account = ledger.reserve(self._archive, claim, choose)
        if account.reservation is None:
            raise OutOfBudget(_refusal(plan, walk, budget, account))
        return fitting[-1], account.reservation

    def release(self, reservation: int) -> None:
        """Gives back a reservation whose request cost nothing."""
        ledger.release(self._archive, reservation)

    @staticmethod
    def costs_nothing(error: ExchangeError) -> bool:
        """Whether a failed exchange is surely not billed: it was refused, or never left this machine.

        X bills what it returns; a 200 whose body was cut on the way or cannot be read was returned.
        """
        if error.status is not None:
            return error.status != 200
        return isinstance(error, Fatal) or (isinstance(error, Retriable) and not error.sent)


def _fitted(source: Priced, plan: Plan, left: int) -> Plan | None:
    """A request takes half of what is left where that is enough, so that one lost answer leaves room for another."""
    return source.within(plan, left // 2) or source.within(plan, left)


def _refusal(plan: Plan, walk: Walk, budget: Budget, account: ledger.Account) -> str:
    platform = PLATFORM_NAMES[walk.platform]
    by_session = walk.session is not None and budget.session - account.session_spent <= account.left
    spent, limit = (account.session_spent, budget.session) if by_session else (account.month_spent, budget.month)
    which, wait = ("session", "leave this session as it is") if by_session else ("month", "wait for the next month")
    if plan.purpose in _LATER_LOOKS:
        return (
            f"{walk.chat}: {dollars(spent)} are spent or reserved on {platform} of {dollars(limit)}, the half of this"
            f" {which}'s budget that looks at known posts may use; the rest is kept for capturing new ones. Raise"
            f" budget's {which} under [chat.{walk.chat}] in chats.toml, or {wait}"
        )
    return (
        f"{walk.chat}: {dollars(spent)} of {dollars(limit)} for this {which} on {platform} are spent or reserved, and"
        f" the next request could cost more than is left; raise budget's {which} under [chat.{walk.chat}] in"
        f" chats.toml, or {wait}"
    )


def dollars(tenth_cents: int) -> str:
    """Money for a person: $4.93, and $0.005 where cents do not tell it."""
    return f"${tenth_cents / 1000:,.3f}" if tenth_cents % 10 else f"${tenth_cents / 1000:,.2f}"
