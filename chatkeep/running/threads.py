"""A thread for each lane and each stream, each with its own connection to the archive; SQLite lets one write at a time.

They are daemons: an exchange that hangs must not keep the process from ending, and what a transaction had not committed
is as if it had not begun.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path

from archive.errors import ChatkeepError
from archive.opening import storage_errors
from archive.store import Archive, open_archive
from archive.times import Clock
from chatkeep.running.ground import Work

GOODBYE_SECONDS = 5.0
"""How long the end waits for transactions."""
_AFTER_TROUBLE_SECONDS = 1.0
_LONGEST_AFTER_TROUBLE_SECONDS = 15.0


class LaneThreads:
    """Fulfils Executor. ``on_error`` is told what no work may raise; ``run`` names the run whose pages these are."""

    def __init__(
        self, path: Path, clock: Clock, run: int | None, on_error: Callable[[str, BaseException], None]
    ) -> None:
        self._path = path
        self._clock = clock
        self._run = run
        self._on_error = on_error
        self._queues: dict[str, queue.SimpleQueue[Work | None]] = {}
        self._threads: list[threading.Thread] = []
        self._stops: list[threading.Event] = []
        self._over = threading.Event()

    def submit(self, lane: str, work: Work) -> None:
        """Lets the lane's thread do this after what it is doing."""
        if lane not in self._queues:
            waiting: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
            self._queues[lane] = waiting
            self._start(lane, lambda archive: self._work_through(lane, waiting, archive))
        self._queues[lane].put(work)

    def listen(self, name: str, work: Callable[[Archive, threading.Event], None]) -> threading.Event:
        """Starts a thread that listens until the event is set."""
        stop = threading.Event()
        self._stops.append(stop)
        self._start(name, lambda archive: self._listen_through(name, work, (archive, stop)), stop)
        return stop

    def end(self, patience: float) -> None:
        """Asks all to end, and gives transactions so many seconds; what hangs dies with the process."""
        self._over.set()
        for stop in self._stops:
            stop.set()
        for waiting in self._queues.values():
            waiting.put(None)
        ends_at = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(0.0, ends_at - time.monotonic()))

    def _listen_through(
        self, name: str, work: Callable[[Archive, threading.Event], None], given: tuple[Archive, threading.Event]
    ) -> None:
        """Trouble with the disk or the archive is for the caller, which begins anew; all else is told here."""
        try:
            with storage_errors(self._path):
                work(*given)
        except ChatkeepError:
            raise
        except Exception as error:  # noqa: BLE001  # the top of a thread: it is reported, and polls go on
            self._on_error(name, error)

    def _start(self, name: str, work: Callable[[Archive], None], stop: threading.Event | None = None) -> None:
        def run() -> None:
            pause = _AFTER_TROUBLE_SECONDS
            while not self._over.is_set() and (stop is None or not stop.is_set()):
                try:
                    with open_archive(self._path, self._clock) as archive:
                        archive.run = self._run
                        work(archive)
                    return
                except ChatkeepError as error:  # a full disk or a busy archive: the next second may be better
                    self._on_error(name, error)
                    self._over.wait(pause)
                    pause = min(2 * pause, _LONGEST_AFTER_TROUBLE_SECONDS)

        thread = threading.Thread(target=run, name=name, daemon=True)
        self._threads = [each for each in self._threads if each.is_alive()]
        self._threads.append(thread)
        thread.start()

    def _work_through(self, lane: str, waiting: queue.SimpleQueue[Work | None], archive: Archive) -> None:
        while (work := waiting.get()) is not None:
            self._guarded(lane, lambda work=work: work(archive))  # type: ignore[misc]  # mypy cannot infer a lambda's default

    def _guarded(self, name: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001  # the top of a thread: it is reported, and the lane lives on
            self._on_error(name, error)
