"""What the runner stands on: the settings of the moment as sources, lanes and streams, and the threads that work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from archive.models import Chat, Problem
from archive.store import Archive
from collector.due import Lane
from collector.options import ChatOptions
from collector.sources.base import Source, Stream

Work = Callable[[Archive], None]


@dataclass(frozen=True, slots=True)
class Ground:
    """One reading of the settings. ``streams`` are by the lane whose polls prove what they say; ``addresses`` are
    where alarms go, by the names of their variables: they hold secrets. ``problems`` stand in the settings.
    """

    chats: Mapping[str, Chat]
    sources: Mapping[str, Source]
    lanes: tuple[Lane, ...]
    options: Mapping[str, ChatOptions] = field(default_factory=dict)
    streams: Mapping[str, Stream] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict, repr=False)
    problems: tuple[Problem, ...] = ()


class Executor(Protocol):
    """Does work on lanes: one thing at a time on each, each with an archive of its own."""

    def submit(self, lane: str, work: Work) -> None:
        """Lets the lane do this when it is free; ``work`` never raises."""

    def listen(self, name: str, work: Callable[[Archive, threading.Event], None]) -> threading.Event:
        """Starts a listener that works until the event is set, which is given back."""


class Inline:
    """Does everything at once and in order, with one archive: for tests and simulations, which own the clock."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def submit(self, lane: str, work: Work) -> None:
        """Works here and now."""
        del lane
        work(self._archive)

    def listen(self, name: str, work: Callable[[Archive, threading.Event], None]) -> threading.Event:
        """Listens to nothing: a stream never ends by itself, and there is nobody else to poll meanwhile."""
        del name, work
        return threading.Event()
