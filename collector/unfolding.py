"""Unfolds the links that people shared: each is followed to its page, whose address, site and title are kept.

As a program does that shows previews: one request of an address that a person passed on, and robots.txt is not read,
which speaks to those who follow links from page to page. A host is asked one thing at a time, with a pause between, and
one that asks us to wait is left alone.
"""

from __future__ import annotations

import queue
import re
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import httpx

from archive.addresses import is_of_platform, site_of, without_tracking
from archive.errors import ExchangeError, Skippable
from archive.link_pages import LinkPage, LinkState, save_link_pages
from archive.models import Chat, Session
from archive.store import Archive
from archive.times import to_text
from collector.page_requests import PageAnswer, fetch_page
from collector.page_titles import parse_title
from collector.shared_links import SharedLink, choose_links

_LOOK_SECONDS = 0.05
_SAVED_AT_ONCE = 5
# of where a redirect leads, without its scheme
_ASKS_TO_SIGN_IN = re.compile(
    r"(?:accounts|auth|consent|login|signin|sso)\.|[^/]*/(?:[^?#]*/)?(?:authwall|captcha|checkpoint|log-?in|sign-?in|sso)"
    r"(?:[/.?#]|$)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Manners:
    """How much is asked for, and how fast. The seconds of a request count from its beginning to its end; those of a
    pause from the end of one request to a host to the beginning of the next.
    """

    most_links: int = 200
    most_redirects: int = 5
    at_once: int = 6
    pause_seconds: float = 1.0
    request_seconds: float = 10.0
    total_seconds: float = 300.0


POLITE = Manners()


@dataclass(slots=True)
class Unfolded:
    """How many links were looked up and what came of them.

    ``waiting_count`` wait for another time, since they failed a moment ago or their host asked us to wait;
    ``left_count`` were not come to before the time was up.
    """

    read_count: int = 0
    titled_count: int = 0
    failed_count: int = 0
    refused_count: int = 0
    waiting_count: int = 0
    left_count: int = 0

    @property
    def asked_count(self) -> int:
        """How many were looked up."""
        return self.read_count + self.failed_count + self.refused_count


@dataclass(slots=True)
class _Errand:
    """One link on its way: the address to ask next, after how many redirects."""

    link: SharedLink
    address: str
    hops_count: int = 0
    began_at: float = 0.0

    @property
    def host(self) -> str:
        return (urlsplit(self.address).hostname or "").lower()


def unfold_links(
    archive: Archive,
    http: httpx.Client,
    chat: Chat,
    session: Session | None,
    stop: threading.Event,
    manners: Manners = POLITE,
) -> Unfolded:
    """Looks up the links of a session that stand to be looked up, until all are, time is up, or ``stop`` is set.

    What was found is written a few pages at a time; what a kill cuts off is looked up the next time.
    """
    choice = choose_links(archive, chat, session, manners.most_links)
    if choice.known:
        save_link_pages(archive, choice.known)
    round_ = _Round(archive, http, stop, manners, [_Errand(link, link.address) for link in choice.wanted])
    round_.done.waiting_count = choice.waiting_count
    return round_.run()


class _Round:
    """The errands of one session. One thread decides and writes; each request has a thread of its own."""

    def __init__(
        self,
        archive: Archive,
        http: httpx.Client,
        stop: threading.Event,
        manners: Manners,
        errands: list[_Errand],
    ) -> None:
        self._archive = archive
        self._http = http
        self._stop = stop
        self._manners = manners
        self._pending = errands
        self._flying: dict[int, _Errand] = {}
        self._free_at: dict[str, float] = {}
        self._answers: queue.SimpleQueue[tuple[int, PageAnswer | BaseException]] = queue.SimpleQueue()
        self._unsaved: list[LinkPage] = []
        self._number = 0
        self.done = Unfolded()

    def run(self) -> Unfolded:
        """All errands, as far as there is time."""
        ends_at = time.monotonic() + self._manners.total_seconds
        try:
            while (self._pending or self._flying) and not self._stop.is_set() and time.monotonic() < ends_at:
                self._send_off()
                self._take_answer()
                self._give_up_slow()
                if len(self._unsaved) >= _SAVED_AT_ONCE:
                    self._save()
        finally:
            self._save()
        self.done.left_count = len(self._pending) + len(self._flying)
        return self.done

    def _send_off(self) -> None:
        """Begins what may begin: of each host one request, after its pause."""
        busy = {errand.host for errand in self._flying.values()}
        for errand in list(self._pending):
            if len(self._flying) >= self._manners.at_once:
                return
            if errand.host in busy or self._free_at.get(errand.host, 0.0) > time.monotonic():
                continue
            busy.add(errand.host)
            self._pending.remove(errand)
            self._number += 1
            errand.began_at = time.monotonic()
            self._flying[self._number] = errand
            threading.Thread(target=self._ask, args=(self._number, errand.address), daemon=True, name="page").start()

    def _ask(self, number: int, address: str) -> None:
        """On a thread of its own, which nothing waits for once the answer is late."""
        try:
            answer: PageAnswer | BaseException = fetch_page(
                self._http, address, self._manners.request_seconds, self._archive.clock
            )
        except BaseException as error:  # noqa: BLE001  # it is raised where the answer is taken
            answer = error
        self._answers.put((number, answer))

    def _take_answer(self) -> None:
        try:
            number, answer = self._answers.get(timeout=_LOOK_SECONDS)
        except queue.Empty:
            return
        errand = self._flying.pop(number, None)
        if errand is None:  # it was given up
            return
        self._free_at[errand.host] = time.monotonic() + self._manners.pause_seconds
        if isinstance(answer, BaseException):
            self._fail(errand, answer)
        elif answer.location is not None:
            self._follow(errand, answer.location)
        elif answer.wait_seconds is not None:
            self._leave_alone(errand, answer.wait_seconds)
        elif 200 <= answer.status < 300:
            self._settle(errand, "read", title=parse_title(answer.start, answer.content_type))
        else:
            self._settle(errand, "failed", why=f"it answered {answer.status}")

    def _give_up_slow(self) -> None:
        began_before = time.monotonic() - self._manners.request_seconds
        for number, errand in list(self._flying.items()):
            if errand.began_at < began_before:
                del self._flying[number]
                self._free_at[errand.host] = time.monotonic() + self._manners.pause_seconds
                self._settle(errand, "failed", why="it did not answer in time")

    def _fail(self, errand: _Errand, error: BaseException) -> None:
        if not isinstance(error, ExchangeError):
            raise error
        self._settle(errand, "refused" if isinstance(error, Skippable) else "failed", why=str(error))

    def _follow(self, errand: _Errand, location: str) -> None:
        """Where a redirect leads, unless that is no page to look at; then its address is all that is kept."""
        if is_of_platform(location):
            errand.address = location
            self._settle(errand, "read", why="it leads to a platform's own post or picture")
        elif _ASKS_TO_SIGN_IN.match(location.partition("://")[2]):
            self._settle(errand, "read", why="it asks visitors to sign in or to agree")
        elif errand.hops_count >= self._manners.most_redirects:
            self._settle(errand, "failed", why=f"it leads on more than {self._manners.most_redirects} times")
        else:
            self._pending.insert(0, _Errand(errand.link, location, errand.hops_count + 1))

    def _leave_alone(self, errand: _Errand, seconds: float) -> None:
        """A host that was asked too often is not asked again in this round; what else leads there was not tried."""
        until = to_text(self._archive.clock() + timedelta(seconds=seconds))
        self._settle(errand, "failed", why=f"{errand.host} asked us to wait until {until}", not_before=until)
        left = [other for other in self._pending if other.host == errand.host]
        self.done.waiting_count += len(left)
        self._pending = [other for other in self._pending if other.host != errand.host]

    def _settle(self, errand: _Errand, state: LinkState, **more: str | None) -> None:
        """What became of a link, under every spelling that posts have of it."""
        final = None if state == "refused" else without_tracking(errand.address)
        domain = None if final is None else site_of(final)
        pages = [
            LinkPage(url=url, state=state, final_url=final, domain=domain, **more)  # type: ignore[arg-type]  # by name
            for url in errand.link.urls
        ]
        self._unsaved += pages
        self.done.read_count += state == "read"
        self.done.failed_count += state == "failed"
        self.done.refused_count += state == "refused"
        self.done.titled_count += more.get("title") is not None

    def _save(self) -> None:
        if self._unsaved:
            save_link_pages(self._archive, self._unsaved)
            self._unsaved = []
