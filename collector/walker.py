"""Walks: page after page from a source into the archive, one transaction each, until the walk is complete."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

from archive.errors import ExchangeError, Fatal, OutOfBudget, Retriable, Skippable, Stopped, StorageError
from archive.models import Batch, Chat, RawPage
from archive.saving import Saved
from archive.store import Archive, WalkPlace, prepare_page
from archive.times import from_text, shift, to_text
from archive.walks import (
    Walk,
    asked_before,
    begin_walk,
    close_walk,
    correct_walk,
    defer_walk,
    load_last_done,
    load_open_walk,
)
from collector.retrying import Retrying
from collector.sources.base import Plan, Source
from collector.spending import Spending
from collector.transport import date_of

# A source may answer with empty or known pages for a while (Bluesky drops blocked authors after the search);
# X has been seen to give fresh cursors for one post for ever.
_PAGES_WITHOUT_NEWS = 25
_MOST_PAGES = 5_000
# What a platform asks for beyond a day is a mistake, or a reason for a person to look.
_LONGEST_WAIT = timedelta(days=1)
_BETWEEN_SAVES_SECONDS = 2.0
_MOST_SAVES = 450  # a quarter of an hour, for a person to make room
_TOLERATED_CLOCK = timedelta(seconds=90)  # as in trusted_clock


@dataclass(frozen=True, slots=True)
class PageSaved:
    """Told to the watcher after each page: whose it was, what it held, what was new.

    ``session`` is the one that its walk was made for, None where none was meant.
    """

    platform: str
    chat: str
    plan: Plan
    batch: Batch
    saved: Saved
    session: str | None = None


@dataclass(slots=True)
class Walked:
    """How one walk went. ``status``: done, abandoned (a guard stopped it; ``why``), open (it goes on next time)."""

    plan: Plan
    platform: str
    status: str = "open"
    why: str | None = None
    error: ExchangeError | None = None
    pages_count: int = 0
    new_count: int = 0
    known_count: int = 0
    flaws_count: int = 0
    not_before: str | None = None


@dataclass(slots=True)
class Walker:
    """Walks the plans of one source into one archive.

    ``gives_way`` says after each page whether something more urgent waits: then the walk stays open and goes on later.
    ``thrifty``: pages that only repeat what is known are not kept. ``patient``: a walk that was told to wait is not
    asked before its time. ``on_trouble`` is told that a page waits in memory for the archive.
    """

    archive: Archive
    source: Source
    retrying: Retrying
    stop: threading.Event = field(default_factory=threading.Event)
    on_page: Callable[[PageSaved], None] = lambda _: None
    gives_way: Callable[[], bool] = lambda: False
    thrifty: bool = False
    patient: bool = False
    on_trouble: Callable[[StorageError], None] = lambda _: None
    spending: Spending | None = None

    def walk(self, chat: Chat, plan: Plan, since: str | None = None, session: str | None = None) -> Walked:
        """One complete pass, or as far as it goes: resumes the open walk of this plan, else opens one.

        ``since`` is how far back a plan without a window goes the first time; ``session`` whose budget pays.
        """
        walk = self._resume_or_open(chat, plan, since, session)
        result = Walked(plan, self.source.name)
        if self.patient and walk.not_before is not None and walk.not_before > self.archive.now():
            result.not_before, result.why = walk.not_before, "the platform asked us to wait"
            return result
        try:
            self._pages(chat, self._bounded(plan, walk, since), walk, result)
        except Retriable as error:
            self._defer(walk, result, error, error.after)
        except (OutOfBudget, Fatal) as error:
            self._defer(walk, result, error, None)
        except Stopped:
            result.why = "stopped"
        except Skippable as error:
            result.status, result.why, result.error = "abandoned", str(error), error
            close_walk(self.archive, walk, "abandoned", str(error))
        return result

    def _resume_or_open(self, chat: Chat, plan: Plan, since: str | None, session: str | None) -> Walk:
        key = f"{chat.slug}|{plan.purpose}|{plan.key}"
        if (walk := load_open_walk(self.archive, key)) is not None:
            return walk
        now = self.archive.now()
        last = None if plan.window.start else load_last_done(self.archive, key)
        top = last.top if last else None
        walk = Walk(
            id=0, chat=chat.slug, platform=self.source.name, key=key, cursor=None, not_before=None, opened_at=now,
            floor=self.source.floor_below(top) if top else None, top=top, covers_from=None,
            covers_to=min(filter(None, (plan.window.end, shift(now, seconds=-self.source.limits.lag_seconds)))),
            session=session,
        )  # fmt: skip
        if plan.purpose in ("tag", "sweep"):
            starts = self._starts(plan, last, since)
            earliest = self.source.earliest(self._bounded(plan, walk, since))
            walk.covers_from = max(filter(None, (starts, earliest)), default=None)
        else:
            walk.covers_to = None
        return begin_walk(self.archive, walk)

    def _starts(self, plan: Plan, last: Walk | None, since: str | None) -> str | None:
        """From when on a complete walk would prove something; None: as far back as the platform goes."""
        if plan.window.start or last is None:
            return plan.window.start or since
        if last.top is None or last.covers_to is None:
            return since
        limits = self.source.limits  # the floor is an overlap below the top, which may be a lag above covers_to
        return shift(last.covers_to, seconds=min(0, limits.lag_seconds - limits.overlap_seconds))

    def _bounded(self, plan: Plan, walk: Walk, since: str | None) -> Plan:
        if plan.window.start is None and walk.floor is None and since is not None:
            return replace(plan, window=replace(plan.window, start=since))
        return replace(plan, floor=walk.floor)

    def _pages(self, chat: Chat, plan: Plan, walk: Walk, result: Walked) -> None:
        """Fetches, parses and saves page after page; ends done, abandoned by a guard, or open when asked to stop."""
        cursor, seen, stale, used = walk.cursor, set[str](), 0, set[str]()
        while not self.stop.is_set():
            page, reservation = self.retrying(partial(self._fetch, plan, walk, cursor))
            self._believe(walk, page)
            batch = self.source.parse(page)
            ids = {post.id for post in batch.posts}
            stale = 0 if ids - seen else stale + 1
            seen |= ids
            self._save(chat, plan, walk, (cursor, page, batch), result, reservation)
            if page.next_cursor is None:
                result.status = "done"
                return
            used.add(cursor or "")
            if why := self._guard(walk, page.next_cursor, stale, result.pages_count, used):
                result.status, result.why = "abandoned", why
                close_walk(self.archive, walk, "abandoned", why)
                return
            cursor = page.next_cursor
            if self.gives_way():
                result.why = "it gives way to a live session"
                return

    def _fetch(self, plan: Plan, walk: Walk, cursor: str | None) -> tuple[RawPage, int | None]:
        """One attempt, paid for by a reservation of its own where the platform charges."""
        if self.spending is None:
            return self.source.fetch(plan, cursor), None
        fitted, reservation = self.spending.reserve(plan, walk)
        try:
            return self.source.fetch(fitted, cursor), reservation
        except ExchangeError as error:
            if reservation is not None and self.spending.costs_nothing(error):
                self.spending.release(reservation)
            raise

    def _believe(self, walk: Walk, page: RawPage) -> None:
        """A walk that by the platform's time began before we thought proves nothing of the time between.

        Later pages only make the platform's time later than the beginning, never earlier.
        """
        theirs = date_of(page.headers)
        if theirs is None or from_text(walk.opened_at) - theirs <= _TOLERATED_CLOCK:
            return
        ends = shift(to_text(theirs), seconds=-self.source.limits.lag_seconds)
        covers_to = None if walk.covers_to is None else min(walk.covers_to, ends)
        correct_walk(self.archive, walk, to_text(theirs), covers_to)

    def _save(
        self,
        chat: Chat,
        plan: Plan,
        walk: Walk,
        fetched: tuple[str | None, RawPage, Batch],
        result: Walked,
        reservation: int | None = None,
    ) -> None:
        cursor, page, batch = fetched
        if batch.top is not None:
            walk.top = batch.top if walk.top is None else self.source.higher(walk.top, batch.top)
        place = WalkPlace(
            walk=walk.id, key=walk.key, chat=walk.chat, platform=walk.platform, cursor=cursor, top=walk.top,
            done=page.next_cursor is None, thrifty=self.thrifty, reservation=reservation,
        )  # fmt: skip
        saved = self._save_patiently(page, batch, place)
        result.pages_count += 1
        result.new_count += len(saved.new)
        result.known_count += saved.known
        result.flaws_count += len(batch.flaws)
        self.on_page(PageSaved(self.source.name, chat.slug, plan, batch, saved, walk.session))

    def _save_patiently(self, page: RawPage, batch: Batch, place: WalkPlace) -> Saved:
        """A page that was paid for is held in memory while the archive cannot be written: asking again would reserve
        its worst case again, and a budget would be gone by the time that the disk has room.
        """
        prepared, tries = prepare_page(page), 0
        while True:
            try:
                return self.archive.save_page(prepared, batch, place)
            except StorageError as error:
                tries += 1
                if tries == 1 and place.reservation is not None:
                    self.on_trouble(error)
                if place.reservation is None or tries >= _MOST_SAVES or self.stop.wait(_BETWEEN_SAVES_SECONDS):
                    raise

    def _guard(self, walk: Walk, next_cursor: str, stale: int, pages: int, used: set[str]) -> str | None:
        if next_cursor in used or asked_before(self.archive, walk, next_cursor):
            return "the platform gave a cursor that this walk had used already"
        if stale >= _PAGES_WITHOUT_NEWS:
            return f"{stale} pages in a row held no new post"
        return f"more than {_MOST_PAGES} pages" if pages >= _MOST_PAGES else None

    def _defer(self, walk: Walk, result: Walked, error: ExchangeError, after: float | None) -> None:
        result.why, result.error = str(error), error
        if after is not None:
            result.not_before = to_text(self.archive.clock() + min(timedelta(seconds=after), _LONGEST_WAIT))
        defer_walk(self.archive, walk, result.not_before, str(error))
