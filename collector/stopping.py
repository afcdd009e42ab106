"""How a person stops work: waits end at once, an exchange is cut off, a transaction is finished."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from archive.errors import Stopped


class Stop(threading.Event):
    """Set when a person asks to stop.

    ask() is for a signal handler in the main thread: during an exchange with a platform it raises Stopped there, since
    nothing of the answer is stored yet; at other times the work looks at the event when its transaction is over.
    """

    def __init__(self) -> None:
        super().__init__()
        self._exchanging = False

    @contextmanager
    def exchanging(self) -> Iterator[None]:
        """While the work waits for a platform and holds nothing that could be lost."""
        self._exchanging = True
        try:
            yield
        finally:
            self._exchanging = False

    def ask(self) -> None:
        """Asks to stop; the second time it stops now, whatever is going on."""
        if self.is_set():
            raise KeyboardInterrupt
        self.set()
        if self._exchanging:
            raise Stopped("stopped")
