"""Who was in the room: hosts, newcomers and regulars of each session, and how many of the chat's sessions they saw.

A session counts where it was captured: where the archive holds posts of it. Seen is who posted.

- host: told in the settings, or found by the questions they asked (analysis/questions.py).
- newcomer: seen for the first time, where an earlier session of the chat was captured. Of the first captured session
  nobody can say who was new.
- regular: seen in at least three sessions, this one included, and in at least half of the last six before it.
- participant: everybody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

Role = Literal["host", "newcomer", "regular", "participant"]

_REGULAR_SESSIONS = 3
_WINDOW = 6
_OUTSIDE = "posted outside the sessions of this chat"


@dataclass(frozen=True, slots=True)
class Presence:
    """One author in one session. ``host`` is the reason to take them for a host. ``is_sitting``: see below.

    Posts of a chat outside its sessions are kept together in one more session, which is no sitting of the chat.
    """

    session: str
    author: str
    posts_count: int
    host: str | None = None
    is_sitting: bool = True


@dataclass(frozen=True, slots=True)
class Attendance:
    """One person in one session; ``sessions_count`` is of the chat's captured sessions up to this one."""

    session: str
    person: str
    role: Role
    posts_count: int
    sessions_count: int
    reason: str


@dataclass(slots=True)
class _Seen:
    """How often a person was seen, when last, and in which of the six sessions up to then (a bit each)."""

    count: int = 0
    last: int = 0
    recent: int = 0

    def count_recent(self, number: int) -> int:
        """In how many of the last six sessions before this number the person was seen."""
        return (self.recent << (number - self.last - 1) & (1 << _WINDOW) - 1).bit_count()

    def add(self, number: int) -> None:
        """Notes that the person was seen in this session."""
        self.recent = (self.recent << (number - self.last) | 1) & (1 << _WINDOW) - 1
        self.count, self.last = self.count + 1, number


def find_attendance(presences: Iterable[Presence], people: Mapping[str, str]) -> Iterator[Attendance]:
    """The attendance of one chat. ``presences`` come session by session in the order of time.

    One session and a few numbers for each person are in memory, however many posts there are.
    """
    seen: dict[str, _Seen] = {}
    number = 0
    for session, there in groupby(presences, key=lambda presence: presence.session):
        counts: dict[str, int] = {}
        hosts: dict[str, str] = {}
        is_sitting = True
        for presence in there:
            person = people.get(presence.author, presence.author)
            counts[person] = counts.get(person, 0) + presence.posts_count
            is_sitting = presence.is_sitting
            if presence.host:
                hosts[person] = min(hosts.get(person, presence.host), presence.host)
        for person in sorted(counts):
            before = seen.setdefault(person, _Seen()) if is_sitting else _Seen()
            role, reason = _judge(before, number) if is_sitting else ("participant", _OUTSIDE)
            if is_sitting:
                before.add(number)
            if person in hosts:
                role, reason = "host", hosts[person]
            yield Attendance(session, person, role, counts[person], max(before.count, 1), reason)
        number += is_sitting


def _judge(seen: _Seen, number: int) -> tuple[Role, str]:
    """The role of a person in the session with this number, from what was seen of them before it."""
    if not seen.count:
        if number == 0:
            return "participant", "no earlier session of this chat was captured"
        return "newcomer", f"not seen in {_say(number, 'earlier session')} of this chat that {_was(number)} captured"
    window = min(_WINDOW, number)
    recent = seen.count_recent(number)
    place = f"seen in {seen.count + 1} sessions of this chat so far, and in {recent} of the last {window} before this"
    is_regular = seen.count + 1 >= _REGULAR_SESSIONS and 2 * recent >= window
    return "regular" if is_regular else "participant", place


def _say(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _was(number: int) -> str:
    return "was" if number == 1 else "were"
