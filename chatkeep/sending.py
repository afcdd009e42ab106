"""Alarms sent where the settings say, by apprise: email, Teams, Slack and others; an optional extra.

The addresses hold secrets: they come from the environment or .env, and only their names are ever shown.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

from archive.alarms import KeptAlarm, load_open_alarms, load_unsent, mark_sent
from archive.models import Problem
from archive.store import Archive
from chatkeep.app import printable
from chatkeep.settings import Settings

_BETWEEN = timedelta(minutes=1)
_LONGEST_BETWEEN = timedelta(hours=1)
_LISTED = 20  # alarms in one message; more are counted
_SUBJECT_LETTERS = 78  # longer subjects are cut by mail programs
_LINE_LETTERS = 400
_INSTALL = "run `pip install 'chatkeep[alarms]'`"
_TEST = ("Chatkeep: a test message", "Alarms of Chatkeep will arrive here. Nothing is wrong.")


def load_urls(settings: Settings) -> dict[str, str]:
    """The addresses that [alarms] names, by name; a name without a value is left out (check_sending() tells)."""
    return {name: settings.secrets[name] for name in settings.alarms if name in settings.secrets}


def check_sending(settings: Settings) -> list[Problem]:
    """What keeps alarms from being sent; sends nothing. Warnings: a capture works without."""
    if not settings.alarms:
        return []
    remedy = f"write it into {settings.path.parent / '.env'} as NAME=address, or set it in the environment"
    found = [
        Problem(name, "[alarms] names this, and it has no value", remedy, "warning")
        for name in settings.alarms
        if name not in settings.secrets
    ]
    return found + _check_urls(load_urls(settings))


def send_alarms(
    urls: Mapping[str, str], raised: Sequence[KeptAlarm], ended: Sequence[KeptAlarm], stop: threading.Event
) -> list[Problem]:
    """One message to each of ``urls`` (by name) for what is new and what is over; a problem for each that failed.

    Waits for the network, seconds for each address: never call it inside a transaction. Never raises for a failure.
    """
    return _send(urls, _subject(raised, ended), _body(raised, ended), stop) if raised or ended else []


def send_test(urls: Mapping[str, str], stop: threading.Event) -> list[Problem]:
    """A message that says nothing is wrong, to each of ``urls``."""
    return _send(urls, *_TEST, stop)


@dataclass(slots=True)
class _Recipient:
    """One address, the news that wait for it (by alarm), and when it may be written to again.

    ``missed``: alarms that ended before this address could be told of them; their end is no news to it either.
    """

    name: str
    url: str = field(repr=False)
    waiting: dict[int, KeptAlarm] = field(default_factory=dict)
    missed: set[int] = field(default_factory=set)
    next_at: datetime | None = None
    failures_count: int = 0

    def take(self, news: Sequence[KeptAlarm]) -> None:
        """News to tell, unless they end what it never heard of."""
        for kept in news:
            if kept.ended_at is not None and kept.id in self.missed:
                self.missed.remove(kept.id)
            else:
                self.waiting[kept.id] = kept

    def drop_over(self, open_ids: set[int]) -> None:
        """What waits to be told and has ended meanwhile is told no more."""
        over = {key for key, kept in self.waiting.items() if kept.ended_at is None and key not in open_ids}
        self.missed |= over
        for key in over:
            del self.waiting[key]

    def is_due(self, now: datetime) -> bool:
        """Also when the clock was set back, so that nobody waits for an hour that comes twice."""
        return bool(self.waiting) and (self.next_at is None or not now < self.next_at <= now + _LONGEST_BETWEEN)


class AlarmSender:
    """Sends the alarms of an archive in a thread of its own, at most one message a minute to an address.

    Call look() from the thread that owns the archive, outside transactions, every few seconds; it never waits. What
    could not be sent is tried again after two minutes, then four… up to an hour. An alarm counts as sent when one
    address has it; what the others still lack is known until the program ends.
    """

    def __init__(self, urls: Mapping[str, str], stop: threading.Event) -> None:
        self._recipients = [_Recipient(name, url) for name, url in urls.items()]
        self._stop = stop
        self._thread: threading.Thread | None = None
        self._problems: list[Problem] = []
        self._sent: list[KeptAlarm] = []
        self._taken: set[tuple[int, str]] = set()

    def look(self, archive: Archive) -> list[Problem]:
        """Notes what was sent, begins to send what is new, and gives the failures since the last look."""
        if not self._recipients or (self._thread is not None and self._thread.is_alive()):
            return []
        if self._sent:
            mark_sent(archive, self._sent)
            self._sent = []
        self._take(archive)
        now = archive.clock()
        due = [recipient for recipient in self._recipients if recipient.is_due(now)]
        problems, self._problems = self._problems, []
        if due and not self._stop.is_set():
            self._thread = threading.Thread(target=self._send, args=(due, now), name="alarms", daemon=True)
            self._thread.start()
        return problems

    def close(self, archive: Archive, seconds: float) -> list[Problem]:
        """The last look, once the capture was asked to stop: waits at most ``seconds`` for a message under way."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self.look(archive)

    def _take(self, archive: Archive) -> None:
        """Hands what the archive has to tell to every address, once."""
        raised, ended = load_unsent(archive.conn, archive.now())
        unsent = {(kept.id, kept.ended_at or kept.alarm.level): kept for kept in (*raised, *ended)}
        news = [kept for mark, kept in unsent.items() if mark not in self._taken]
        self._taken = set(unsent)
        open_ids = {kept.id for kept in load_open_alarms(archive.conn)}
        for recipient in self._recipients:
            recipient.drop_over(open_ids)
            recipient.take(news)

    def _send(self, due: Sequence[_Recipient], now: datetime) -> None:
        """In the thread: the archive's owner reads what comes of it when the thread has ended."""
        for recipient in due:
            news = list(recipient.waiting.values())
            raised, ended = [k for k in news if k.ended_at is None], [k for k in news if k.ended_at is not None]
            if self._stop.is_set():
                return
            # from here on it is sent or has failed, so that what is noted is true
            problems = send_alarms({recipient.name: recipient.url}, raised, ended, threading.Event())
            recipient.failures_count = recipient.failures_count + 1 if problems else 0
            recipient.next_at = now + min(_BETWEEN * 2 ** min(recipient.failures_count, 10), _LONGEST_BETWEEN)
            self._problems += problems
            if not problems:
                recipient.waiting.clear()
                self._sent += news


def _subject(raised: Sequence[KeptAlarm], ended: Sequence[KeptAlarm]) -> str:
    if len(raised) == 1 and not ended:
        words = raised[0].alarm.message
    elif len(ended) == 1 and not raised:
        words = f"over: {ended[0].alarm.message}"
    else:
        counts = ((len(raised), "new problem", "new problems"), (len(ended), "is over", "are over"))
        words = ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in counts if count)
    return _line(f"Chatkeep: {words}", _SUBJECT_LETTERS)


def _body(raised: Sequence[KeptAlarm], ended: Sequence[KeptAlarm]) -> str:
    parts = [f"{k.alarm.level.upper()}: {_line(k.alarm.message)}\nWhat to do: {_line(k.alarm.remedy)}" for k in raised]
    parts += [f"OVER: {_line(kept.alarm.message)}" for kept in ended]
    more = len(parts) - _LISTED
    return "\n\n".join(parts[:_LISTED] + [f"And {more} more: `chatkeep status` lists them."] * (more > 0))


def _line(text: str, letters: int = _LINE_LETTERS) -> str:
    """One line of a message: what came from elsewhere can neither break it nor make it long."""
    line = " ".join(printable(text).split())
    return line if len(line) <= letters else f"{line[: letters - 1].rstrip()}…"


def _send(urls: Mapping[str, str], subject: str, body: str, stop: threading.Event) -> list[Problem]:
    apprise = _load_apprise()
    if apprise is None:
        return [_missing()]
    found = []
    for name, url in urls.items():
        if stop.is_set():
            break
        if (why := _send_one(apprise, url, subject, body)) is not None:
            message = f"no message could be sent there: {why}"
            found.append(Problem(name, message, "try it with `chatkeep check --send-test`", "warning"))
    return found


def _send_one(apprise: ModuleType, url: str, subject: str, body: str) -> str | None:
    """Why a message did not arrive, without a word of the address; None: it was taken."""
    _heard.status = None
    try:
        service = _open(apprise, url)
        if service is None:
            return "its address is not understood"
        sent = bool(service.notify(title=subject, body=body, body_format=apprise.NotifyFormat.TEXT))
    except Exception as error:  # noqa: BLE001  # a plugin of others must not end a capture; its text may hold the address
        return f"{type(error).__name__} in apprise"
    if sent:
        return None
    return f"the service refused it (HTTP {_heard.status})" if _heard.status else "the service could not be reached"


class _Heard:
    """The HTTP status that apprise logged last, in whatever thread of its own: we send one message at a time."""

    status: str | None = None


_heard = _Heard()


def _muzzle(record: logging.LogRecord) -> bool:
    """A filter that takes the HTTP status from apprise's log and lets nothing through: its lines hold tokens."""
    if match := re.search(r"error=(\d{3})\b", record.getMessage()):
        _heard.status = match[1]
    return False


def _open(apprise: ModuleType, url: str) -> Any:
    """An apprise object for one address, or None. It writes nothing to disk, and its messages load no picture."""
    asset = apprise.AppriseAsset(
        async_mode=False, storage_mode="memory", image_url_mask=None, image_path_mask=None,
        app_id="Chatkeep", app_desc="Chatkeep", app_url="",
    )  # fmt: skip
    service = apprise.Apprise(asset=asset)
    return service if service.add(url) else None


def _check_urls(urls: Mapping[str, str]) -> list[Problem]:
    apprise = _load_apprise()
    if apprise is None:
        return [_missing()]
    remedy = "compare it with the examples in docs/operators.md; nothing may stand before or after the address"
    return [
        Problem(name, "this is not an address that alarms can be sent to", remedy, "warning")
        for name, url in urls.items()
        if _open(apprise, url) is None
    ]


def _missing() -> Problem:
    return Problem("[alarms]", "alarms cannot be sent, the extra for it is not installed", _INSTALL, "warning")


def _load_apprise() -> ModuleType | None:
    """Apprise, silenced: it and the library below it may name an address in what they log."""
    try:
        import apprise  # noqa: PLC0415  # an optional extra, and slow to load
    except ImportError:
        return None
    logger = logging.getLogger("apprise")
    if _muzzle not in logger.filters:
        logger.addFilter(_muzzle)
    logging.getLogger("urllib3").setLevel(logging.CRITICAL + 1)
    found: ModuleType = apprise
    return found
