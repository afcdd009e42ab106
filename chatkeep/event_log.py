"""What a capture does, as one JSON line an event: for journald, Docker, and whoever reads logs with a program."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any, BinaryIO

from archive.times import Clock, to_text

# what some readers take for the end of a line, what steers a terminal, and halves of a character that UTF-8 lacks
_UNSAFE = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_SHORTEST_SECRET = 6  # a shorter text would be found in innocent words
_HIDDEN = "[hidden]"


class EventLog:
    """Writes ``{"at", "event", …}`` to a binary stream, such as ``sys.stdout.buffer``; safe to share between threads.

    ``secrets`` are values that must not appear, wherever they come from. A reader that has gone is no error: the log
    falls silent. On a full disk lines are lost, and it goes on when there is room.
    """

    def __init__(self, stream: BinaryIO, clock: Clock, secrets: Collection[str] = ()) -> None:
        self._stream: BinaryIO | None = stream
        self._clock = clock
        # the longest first: one secret may be a part of another
        self._secrets = sorted((s for s in secrets if len(s) >= _SHORTEST_SECRET), key=len, reverse=True)
        self._lock = threading.Lock()

    def tell(self, event: str, **facts: Any) -> None:
        """One line. Facts that are None are left out; of what JSON does not know the text is written. Never raises."""
        known = {name: value for name, value in facts.items() if value is not None}
        line = self._render({"at": to_text(self._clock()), "event": event, **known})
        with self._lock:
            if self._stream is None:
                return
            try:
                self._stream.write(line)
                self._stream.flush()
            except (BrokenPipeError, ValueError):
                self._fall_silent(self._stream)
            except OSError:
                pass

    def _render(self, row: Mapping[str, Any]) -> bytes:
        text = json.dumps(self._clean(row), ensure_ascii=False)
        return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text).encode() + b"\n"

    def _clean(self, value: Any, depth: int = 0) -> Any:
        """The value as JSON knows it and without secrets; what lies very deep becomes text."""
        if value is None or isinstance(value, bool | int):
            return value
        if depth < 8 and isinstance(value, Mapping):
            return {self._hide(str(key)): self._clean(item, depth + 1) for key, item in value.items()}
        if depth < 8 and isinstance(value, list | tuple | set | frozenset):
            return [self._clean(item, depth + 1) for item in value]
        if isinstance(value, float) and value - value == 0:  # JSON has no infinity
            return value
        return self._hide(str(value))

    def _hide(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return text

    def _fall_silent(self, stream: BinaryIO) -> None:
        """Nobody reads: what waits in the buffer goes nowhere, so that the end of the program is quiet too."""
        self._stream = None
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            try:
                os.dup2(nowhere, stream.fileno())
            finally:
                os.close(nowhere)
