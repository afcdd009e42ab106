"""A clock that believes the platforms where this machine's own clock is wrong.

Sessions, order and coverage go by time; a laptop whose clock is an hour off would watch the wrong hour and claim
minutes that had not happened. Every answer tells its server's time.
"""

from __future__ import annotations

import threading
from collections import deque
from datetime import datetime, timedelta
from statistics import median

import httpx

from archive.times import Clock
from collector.transport import server_time

_TOLERATED = timedelta(seconds=90)  # a Date has whole seconds, and answers travel
_REMEMBERED = 3  # so that a clock that was set is believed after two answers
_AGREEING = 2  # one answer alone may come from a cache or a server that is itself wrong


class TrustedClock:
    """The present as the platforms have it, where at least two answers in a row say that ours is off.

    ``note`` hangs on the HTTP client; safe from any thread.
    """

    def __init__(self, own: Clock) -> None:
        self._own = own
        self._lock = threading.Lock()
        self._seen: dict[str, deque[float]] = {}
        self._offset = timedelta()

    def __call__(self) -> datetime:
        with self._lock:
            return self._own() + self._offset

    @property
    def offset(self) -> timedelta:
        """How far the platforms' time is ahead of this machine's; zero where they agree."""
        return self._offset

    def note(self, response: httpx.Response) -> None:
        """Learns from an answer. Answers from a cache, which say their age, tell nothing."""
        theirs = server_time(response)
        if theirs is None or response.headers.get("age", "0") != "0":
            return
        with self._lock:
            seen = self._seen.setdefault(response.url.host, deque(maxlen=_REMEMBERED))
            seen.append((theirs - self._own()).total_seconds())
            self._offset = self._judge()

    def _judge(self) -> timedelta:
        """The hosts' median, if most of them say that our clock is off."""
        hosts = [median(seen) for seen in self._seen.values() if len(seen) >= _AGREEING]
        off = [seconds for seconds in hosts if abs(seconds) > _TOLERATED.total_seconds()]
        if not off or 2 * len(off) <= len(hosts):
            return timedelta()
        return timedelta(seconds=round(median(off)))
