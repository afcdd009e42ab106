"""Who was in the room: hosts, newcomers and regulars of each session, and how many of the chat's sessions they saw.

A session counts where it was captured: where the archive holds posts of it. Seen is who posted.

- host: told in the settings, or found by the questions they asked (analysis/questions.py).
- newcomer: seen for the first time, where an earlier session of the chat was captured. Of the first captured session
  nobody can say who was new.
- regular: seen in at least three sessions, this one included, and in at least half of the last six before it.
- participant: everybody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

Role = Literal["host", "newcomer", "regular", "participant"]

_REGULAR_SESSIONS = 3
_WINDOW = 6
_OUTSIDE = "posted outside the sessions of this chat"


@dataclass(frozen=True, slots=True)
class Presence:
    """One author in one session. ``host`` is the reason to take them for a host."""

    session: str
    author: str
    posts_count: int
    host: str | None = None


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


def find_attendance(
    presences: Iterable[Presence], people: Mapping[str, str], order: Sequence[str], since: str | None = None
) -> Iterator[Attendance]:
    """The attendance of those whose presences these are, in one chat. They come session by session in order of time.

    ``order`` is the captured sessions of the chat in the order of time. Posts outside its sessions are kept together in
    a session that is not among them. What came before the session ``since`` is counted and not told. One session and a
    few numbers for each person are in memory at a time.
    """
    first = order.index(since) if since in order else 0
    numbers = {session: number for number, session in enumerate(order)}
    seen: dict[str, _Seen] = {}
    for session, there in groupby(presences, key=lambda presence: presence.session):
        counts: dict[str, int] = {}
        hosts: dict[str, str] = {}
        for presence in there:
            person = people.get(presence.author, presence.author)
            counts[person] = counts.get(person, 0) + presence.posts_count
            if presence.host:
                hosts[person] = min(hosts.get(person, presence.host), presence.host)
        number = numbers.get(session)
        if number is not None and number < first:
            for person in counts:
                seen.setdefault(person, _Seen()).add(number)
            continue
        for person in sorted(counts):
            role, reason, sessions_count = _place(seen.setdefault(person, _Seen()), number)
            if person in hosts:
                role, reason = "host", hosts[person]
            yield Attendance(session, person, role, counts[person], sessions_count, reason)


def _place(seen: _Seen, number: int | None) -> tuple[Role, str, int]:
    """A person's role in a session and the sessions seen so far, and the note that they were seen in this one."""
    if number is None:
        return "participant", _OUTSIDE, 1
    role, reason = _judge(seen, number)
    seen.add(number)
    return role, reason, seen.count


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
