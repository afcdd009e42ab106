"""`chatkeep run`: everything put together, and the loop that looks, waits for the next look, and ends when asked."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
from apscheduler.schedulers.background import BackgroundScheduler

from archive.errors import ChatkeepError, SettingsError, Stopped
from archive.intervals import close_all
from archive.jobs import load_jobs
from archive.opening import storage_errors
from archive.store import Archive
from archive.times import to_text
from chatkeep import __version__
from chatkeep.app import App, describe_error
from chatkeep.running.findings import LANE, Files, find, load_published, note_decisions, wants_findings
from chatkeep.running.ground import Executor
from chatkeep.running.loading import Loader
from chatkeep.running.runner import Runner
from chatkeep.running.streams import keep_streams
from chatkeep.running.threads import GOODBYE_SECONDS, LaneThreads
from chatkeep.running.watch import Watch
from chatkeep.unfolding import unfold_session
from collector.due import Due
from collector.spending import Spending
from collector.transport import build_client
from collector.trusted_clock import TrustedClock

_LONGEST_PAUSE = timedelta(seconds=5)  # for wishes of other commands, changed settings, a machine that slept
_BEAT = timedelta(seconds=30)


class Bell:
    """Wakes the one who waits. Unlike an Event it may be rung by a signal handler that interrupts its own wait:

    an Event would be locked then, and the handler would wait for ever for the code that it interrupts.
    """

    def __init__(self) -> None:
        self._rings: queue.SimpleQueue[None] = queue.SimpleQueue()

    def set(self) -> None:
        """Rings."""
        self._rings.put(None)

    def clear(self) -> None:
        """Forgets what rang."""
        with suppress(queue.Empty):
            while True:
                self._rings.get_nowait()

    def wait(self) -> None:
        """Until it rings, or at once where it rang since it was cleared."""
        self._rings.get()


@dataclass(slots=True)
class Signals:
    """How the loop is woken and ended."""

    stop: threading.Event = field(default_factory=threading.Event)
    wake: Bell = field(default_factory=Bell)

    def ask(self) -> None:
        """Asks to stop; a second time it stops now."""
        if self.stop.is_set():
            raise KeyboardInterrupt
        self.stop.set()
        self.wake.set()


def serve(
    app: App, signals: Signals, tell: Callable[..., None], *, once: bool, on_ready: Callable[[Service], None]
) -> None:
    """Watches every chat of the settings until asked to stop; with ``once`` until nothing is due."""
    clock = TrustedClock(app.clock)
    with build_client(__version__, on_response=clock.note) as http, app.opened("run", clock) as archive:
        close_all(archive, "the collector was not running")
        threads = LaneThreads(
            app.archive_path,
            clock,
            archive.run,
            lambda name, error: tell("trouble", lane=name, why=describe_error(error)),
        )
        service = build_service(app, archive, http, clock, (threads, signals, tell))
        on_ready(service)
        tell("started", chats=sorted(service.runner.ground.chats))
        patience = GOODBYE_SECONDS
        try:
            service.loop(once=once)
        except KeyboardInterrupt:
            patience = 0.0  # asked a second time: nothing is waited for
            raise
        finally:
            threads.end(patience)
            service.watch.end(archive)
            close_all(archive, "the collector was stopped")
            tell("stopped")
        if signals.stop.is_set():
            raise Stopped("stopped; the archive is whole, and `chatkeep run` goes on where it was")


def build_service(
    app: App,
    archive: Archive,
    http: httpx.Client,
    clock: TrustedClock,
    hands: tuple[Executor, Signals, Callable[..., None]],
) -> Service:
    """The service over an open archive; raises SettingsError where the settings cannot be read at the start."""
    executor, signals, tell = hands
    loader = Loader(app, http, clock)
    ground = loader.load(archive)
    runner = Runner(ground, executor, clock, signals.stop, tell=tell, wake=signals.wake.set)
    watch = Watch(app, runner, clock)
    runner.check = watch.check
    runner.walker_extras = lambda archive, platform: {
        "spending": Spending(archive, runner.ground.sources[platform], runner.ground.options)
    }
    runner.unfold = lambda archive, job: unfold_session(archive, runner.known[job.chat], job.session, signals.stop)
    runner.state.jobs = load_jobs(archive.conn)
    runner.state.published = load_published(app.chats_path)
    return Service(app, archive, runner, loader, watch, signals, tell)


@dataclass(slots=True)
class Service:
    """The loop. One look is complete in itself; the wait between two looks is held by APScheduler."""

    app: App
    archive: Archive
    runner: Runner
    loader: Loader
    watch: Watch
    signals: Signals
    tell: Callable[..., None]
    beaten_at: datetime | None = None
    agenda: Due | None = None
    taken_up: bool = False

    def loop(self, *, once: bool) -> None:
        """Looks until asked to stop, or once until nothing is due and nothing is being done."""
        scheduler = BackgroundScheduler(timezone=UTC)
        scheduler.start()
        try:
            while True:
                self.signals.wake.clear()
                if self.signals.stop.is_set():  # looked at after the bell, or a signal in between would be lost
                    return None
                next_at = self.look(listening=not once)
                if once and self._is_idle():
                    return self._find_rest()
                pause = max(timedelta(0), min(next_at - self.runner.clock(), _LONGEST_PAUSE))
                scheduler.add_job(
                    self.signals.wake.set, "date", run_date=datetime.now(UTC) + pause, id="look",
                    replace_existing=True, misfire_grace_time=None,
                )  # fmt: skip
                self.signals.wake.wait()
        finally:
            scheduler.shutdown(wait=False)

    def look(self, *, listening: bool = True) -> datetime:
        """Everything that is due is begun; gives the time of the next look. Trouble is told and ends nothing."""
        try:
            with storage_errors(self.archive.path):
                next_at = self._look(listening=listening)
        except ChatkeepError as error:
            self.watch.note_storage(error)
            self.tell("trouble", why=str(error))
            return self.runner.clock() + _BEAT
        self.watch.note_storage(None)
        return next_at

    def _look(self, *, listening: bool) -> datetime:
        self._take_up()
        self.agenda = agenda = self.runner.look(self.archive)
        now = self.runner.clock()
        keep_streams(self.runner, agenda.live if listening else ())
        note_decisions(self.runner.state, self.app.decisions_path, self.runner.known)
        if wants_findings(self.runner.state, now):
            with self.runner.state.lock:
                self.runner.state.finding = True
            self.runner.executor.submit(LANE, self._find)
        self.watch.look(self.archive, agenda)
        self._beat(agenda, now)
        return agenda.next_at

    @property
    def _files(self) -> Files:
        return Files(self.app.chats_path, self.app.decisions_path)

    def _find(self, archive: Archive) -> None:
        try:
            find(archive, self.runner.state, self._files, self.tell)
        finally:
            self.signals.wake.set()

    def _find_rest(self) -> None:
        """What changed since the last analysis is found before a short run ends."""
        if self.runner.state.changed:
            find(self.archive, self.runner.state, self._files, self.tell)

    def _take_up(self) -> None:
        """Takes up settings that were changed; ones that cannot be read are told, and the old ones stay."""
        if self.taken_up and not self.loader.is_stale():
            return
        try:
            ground = self.loader.load(self.archive)
            self.watch.settings_trouble = None
        except SettingsError as error:
            self.watch.settings_trouble = str(error)
            self.tell("settings", why=f"{error}; the settings of before stay in force")
            return
        if self.taken_up:
            self.tell("settings", why="taken up", chats=sorted(ground.chats))
        self.runner.take_up(self.archive, ground)
        self.taken_up = True

    def _is_idle(self) -> bool:
        state = self.runner.state
        with state.lock:
            busy = any(lane.busy for lane in state.lanes.values()) or state.finding or bool(state.wishes)
        due_now = self.agenda is not None and any(job.kind != "live" for job in self.agenda.jobs)
        return not busy and not due_now

    def _beat(self, agenda: Due, now: datetime) -> None:
        """A sign of life for `status`, at most twice a minute."""
        if self.beaten_at is not None and timedelta() <= now - self.beaten_at < _BEAT:
            return
        live = ", ".join(sorted({session.chat for session in agenda.live}))
        self.archive.beat(to_text(agenda.next_at), f"live: {live}" if live else "waiting")
        self.beaten_at = now  # not before: a beat that fails is tried with the next look, which tells how things stand
