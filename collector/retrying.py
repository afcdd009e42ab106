"""The one place that retries: full jitter, short waits only, and every wait ends at once when asked to stop.

tenacity rather than stamina, which is built on it: stamina waits in time.sleep(), which no event can end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import tenacity

from archive.errors import Retriable
from collector.stopping import Stop

LONGEST_WAIT_SECONDS = 60.0
_ATTEMPTS = 5

T = TypeVar("T")


class Retrying:
    """Calls an exchange again while it raises Retriable, up to ``attempts`` times in all.

    A wait longer than a minute is not for here: the error is raised and its ``after`` says when to come back.
    ``sleep`` is injected by tests; the default waits on ``stop``.
    """

    def __init__(
        self, stop: threading.Event, sleep: Callable[[float], None] | None = None, attempts: int = _ATTEMPTS
    ) -> None:
        self._stop = stop
        self._attempts = attempts
        self._sleep = sleep or tenacity.sleep_using_event(stop)
        self._backoff = tenacity.wait_random_exponential(multiplier=1, max=LONGEST_WAIT_SECONDS)

    def __call__(self, exchange: Callable[[], T]) -> T:
        """The result of ``exchange``, or its last error."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_short),
            wait=self._wait,
            stop=tenacity.stop_after_attempt(self._attempts) | tenacity.stop_when_event_set(self._stop),
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(self._cut_off_when_stopped(exchange))

    def _cut_off_when_stopped(self, exchange: Callable[[], T]) -> Callable[[], T]:
        stop = self._stop
        if not isinstance(stop, Stop):
            return exchange

        def guarded() -> T:
            with stop.exchanging():
                return exchange()

        return guarded

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, Retriable) and error.after is not None:
            return error.after
        return self._backoff(state)


def _is_short(error: BaseException) -> bool:
    return isinstance(error, Retriable) and (error.after is None or error.after <= LONGEST_WAIT_SECONDS)
