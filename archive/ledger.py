"""What X costs: a reservation before each request, and a row for each thing that was billed, once a UTC day.

Whatever may have been billed counts as spent: what the ledger holds, and each reservation that is open, because its
answer has not come or never will. The functions that take ``conn`` work inside the caller's transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from archive.models import Billed
from archive.times import from_text, shift

CLOCK_SECONDS = 60
"""How far the platform's clock may be off ours: a bill within this of midnight may be of either day."""
ANSWER_SECONDS = 180
"""Later than this after it was sent a request is not billed: an exchange takes two minutes at most."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who wants to spend. ``session`` None: only the month's budget holds. Limits in tenths of a US cent."""

    platform: str
    chat: str
    session: str | None
    walk: int | None
    session_limit: int
    month_limit: int


@dataclass(frozen=True, slots=True)
class Account:
    """What one claim finds: spent of the session's and of the month's budget, open reservations included.

    ``left`` is what the next request may cost. ``reservation`` is None where it does not fit.
    """

    session_spent: int
    month_spent: int
    left: int
    reservation: int | None = None


class _Archive(Protocol):
    """What this module needs of archive.store.Archive, which itself settles pages here."""

    def now(self) -> str: ...

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]: ...


def reserve(archive: _Archive, claim: Claim, choose: Callable[[int], int | None]) -> Account:
    """Reserves what ``choose`` wants of what is left (tenths of a US cent; None: nothing fits).

    What is spent is read in the transaction that writes the reservation, so two processes never overspend together.
    """
    now = archive.now()
    # near the end of a month a request may be billed in either: both must be able to pay, and settle() lets both pay
    months = {day[:7] for day in _days(now, shift(now, seconds=ANSWER_SECONDS))}
    with archive.transaction() as conn:
        account = _load_account(conn, claim, months)
        wanted = choose(account.left) if account.left > 0 else None
        if wanted is None or wanted > account.left:
            return account
        row = conn.execute(
            "INSERT INTO reservations (at, day, platform, chat, session, walk, tenth_cents, state)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, 'open')",
            (now, now[:10], claim.platform, claim.chat, claim.session, claim.walk, wanted * len(months)),
        )
    return Account(account.session_spent, account.month_spent, account.left, row.lastrowid)


def _load_account(conn: sqlite3.Connection, claim: Claim, months: set[str]) -> Account:
    month_spent = max(load_spent(conn, claim.chat, month=month) for month in months)
    left = claim.month_limit - month_spent
    if claim.session is None:
        return Account(0, month_spent, left // len(months))
    session_spent = load_spent(conn, claim.chat, session=claim.session)
    return Account(session_spent, month_spent, min(left, claim.session_limit - session_spent) // len(months))


def load_spent(conn: sqlite3.Connection, chat: str, *, session: str | None = None, month: str | None = None) -> int:
    """What a chat has spent, in tenths of a US cent, open reservations included.

    ``session`` and ``month`` (``2026-10``) narrow it. An open reservation from near a month's end counts in both.
    """
    first, last = ("", "~") if month is None else (f"{month}-01", f"{month}-31")
    ledger = conn.execute(
        "SELECT coalesce(sum(tenth_cents), 0) FROM ledger WHERE chat = ? AND day BETWEEN ? AND ?"
        " AND (? IS NULL OR session = ?)",
        (chat, first, last, session, session),
    ).fetchone()[0]
    since, until = ("", "~") if month is None else _month_of_requests(month)
    reserved = conn.execute(
        "SELECT coalesce(sum(tenth_cents), 0) FROM reservations WHERE chat = ? AND state = 'open'"
        " AND at BETWEEN ? AND ? AND (? IS NULL OR session = ?)",
        (chat, since, until, session, session),
    ).fetchone()[0]
    return int(ledger) + int(reserved)


def _month_of_requests(month: str) -> tuple[str, str]:
    """When a request was sent that may be billed in a month."""
    first = from_text(f"{month}-01T00:00:00.000Z")
    following = (first + timedelta(days=31)).replace(day=1)
    return shift(first.isoformat(), seconds=-CLOCK_SECONDS - ANSWER_SECONDS), shift(
        following.isoformat(), seconds=CLOCK_SECONDS
    )


def settle(
    conn: sqlite3.Connection, reservation: int, billed: Iterable[Billed], fetched_at: str, done: int | None
) -> None:
    """Puts what a page brought in the place of its reservation; ``done`` is the walk that ends with this page.

    A resource that has its row for the day costs nothing more. Where the request may have been billed on either side
    of midnight it takes the first of the days that has no row yet, which is right whichever it was; between two
    months it takes both, since each month has a budget of its own.
    """
    row = conn.execute("SELECT at, platform, chat, session FROM reservations WHERE id = ?", (reservation,)).fetchone()
    at, *owner = row
    conn.execute("UPDATE reservations SET state = 'settled' WHERE id = ?", (reservation,))
    items = list(billed)
    days = _days(at, fetched_at)
    for item in items:
        for day in days:
            if _bill(conn, day, owner, item, reservation) and days[0][:7] == days[-1][:7]:
                break
    if done is not None and not any(item.kind == "request" for item in items):
        release_walk(conn, done, fetched_at)


def _bill(conn: sqlite3.Connection, day: str, owner: list[str | None], item: Billed, reservation: int) -> bool:
    """Whether a resource was new on this day."""
    platform, chat, session = owner
    # each request costs, also two of the same at one moment
    resource = f"{item.resource} {reservation}" if item.kind == "request" else item.resource
    row = conn.execute(
        "INSERT INTO ledger (day, platform, kind, resource, tenth_cents, chat, session) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (day, platform, kind, resource) DO NOTHING",
        (day, platform, item.kind, resource, item.tenth_cents, chat, session),
    )
    return row.rowcount > 0


def release(archive: _Archive, reservation: int) -> None:
    """Gives back a reservation whose request cannot have cost anything."""
    with archive.transaction() as conn:
        conn.execute("UPDATE reservations SET state = 'released' WHERE id = ? AND state = 'open'", (reservation,))


def release_walk(conn: sqlite3.Connection, walk: int, fetched_at: str) -> None:
    """Gives back the unanswered requests of a walk that is complete and ended on their UTC day.

    The walk has read again all that they can have billed, and on one day that is billed once. Of another day, or near
    midnight, nobody knows, so they stay spent. What vanished in between is not seen again: X names no rule for it.
    """
    rows = conn.execute("SELECT id, at FROM reservations WHERE walk = ? AND state = 'open'", (walk,)).fetchall()
    for reservation, at in rows:
        if len(_days(at, max(fetched_at, shift(at, seconds=ANSWER_SECONDS)))) == 1:
            conn.execute("UPDATE reservations SET state = 'released' WHERE id = ?", (reservation,))


def _days(one: str, other: str) -> list[str]:
    """The UTC days on which what happened between two times may have been billed, first to last."""
    first = from_text(min(one, other)) - timedelta(seconds=CLOCK_SECONDS)
    last = from_text(max(one, other)) + timedelta(seconds=CLOCK_SECONDS)
    count = (last.date() - first.date()).days
    return [f"{first + timedelta(days=number):%Y-%m-%d}" for number in range(count + 1)]
