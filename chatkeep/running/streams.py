"""Keeps the streams listening while a session is live, and ends them after it."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import datetime
from functools import partial

from archive.errors import ExchangeError
from archive.models import Session
from archive.store import Archive
from chatkeep.running.runner import Runner
from chatkeep.running.state import StreamState
from collector.listening import HeardPage, Listener, close_stream_walks


def keep_streams(runner: Runner, live: Iterable[Session]) -> None:
    """Starts, changes and ends streams, so that each listens for exactly the chats that are live."""
    names = sorted({session.chat for session in live} & set(runner.chats))
    chats = tuple((name, runner.chats[name].hashtags) for name in names)  # a new hashtag is listened to as well
    streams, state = runner.ground.streams, runner.state
    for lane in sorted(set(streams) | set(state.streams)):
        listening = state.streams.get(lane)
        wanted = chats if lane in streams else ()
        if listening is not None and listening.chats != wanted:
            listening.stop.set()
            ended = tuple({name for name, _ in listening.chats} - {name for name, _ in wanted})
            with state.lock:
                del state.streams[lane]
            runner.executor.submit(lane, partial(close_stream_walks, stream=listening.name, chats=ended))
        if wanted and lane not in state.streams:
            _start(runner, lane, wanted)


def _start(runner: Runner, lane: str, chats: tuple[tuple[str, tuple[str, ...]], ...]) -> None:
    stream = runner.ground.streams[lane]
    state = StreamState(stream.name, chats, threading.Event())
    with runner.state.lock:
        runner.state.streams[lane] = state
    watch = _Watch(runner, lane, state)

    def work(archive: Archive, stop: threading.Event) -> None:
        listened = [runner.chats[chat] for chat, _ in chats if chat in runner.chats]
        Listener(
            archive, stream, listened, stop, on_page=watch.note_page, on_connect=watch.note_connection,
            on_alive=watch.note_life, on_trouble=watch.note_trouble,
        ).run()  # fmt: skip

    state.stop = runner.executor.listen(stream.name, work)


class _Watch:
    """Notes in the runner's state what a listener sees."""

    def __init__(self, runner: Runner, lane: str, state: StreamState) -> None:
        self._runner = runner
        self._lane = lane
        self._state = state

    def note_page(self, heard: HeardPage) -> None:
        """New posts that a stream brought."""
        state = self._runner.state
        with state.lock:
            if heard.saved.new or heard.saved.changed:
                self._runner.note_changes(heard.chat, heard.batch.posts, None)
        if heard.saved.new:
            self._runner.tell("stream", chat=heard.chat, lane=self._lane, new_posts=len(heard.saved.new))

    def note_connection(self) -> None:
        """A connection stands: until a poll has closed what lies before it, it proves nothing."""
        with self._runner.state.lock:
            self._state.connected_at = self._runner.clock()
            self._state.trouble = None
        self._runner.tell("stream connected", lane=self._lane)
        self._runner.wake()

    def note_life(self, at: datetime) -> None:
        """The stream was heard."""
        self._state.heard_at = at

    def note_trouble(self, error: ExchangeError) -> None:
        """The connection ended; polls go on in their own rhythm meanwhile."""
        with self._runner.state.lock:
            self._state.connected_at, self._state.trouble = None, str(error)
        self._runner.tell("stream ended", lane=self._lane, why=str(error))
        self._runner.wake()
