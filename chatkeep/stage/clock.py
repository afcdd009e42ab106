"""A clock for the stage: it runs faster than the world, and can be set on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta


class StageClock:
    """Starts at ``start`` and runs ``speed`` times as fast as the world; safe to read from any thread.

    ``tick`` gives the world's seconds; a test injects its own.
    """

    def __init__(self, start: datetime, speed: float, tick: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._tick = tick
        self._speed = speed
        self._start = start
        self._begun = tick()

    def __call__(self) -> datetime:
        with self._lock:
            return self._start + timedelta(seconds=(self._tick() - self._begun) * self._speed)

    def set_on(self, moment: datetime) -> None:
        """Goes on from ``moment``; never backwards."""
        now = self()
        with self._lock:
            self._start, self._begun = max(now, moment), self._tick()
