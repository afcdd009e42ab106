"""Which links of a session to look up: each page once however it is spelt, those that most people shared first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from archive.addresses import (
    LONGEST_ADDRESS,
    choose_address,
    is_of_platform,
    link_key,
    site_of,
    without_tracking,
)
from archive.link_pages import LinkPage, load_link_pages, load_waiting
from archive.models import Chat, Session
from archive.store import Archive
from archive.times import shift
from collector.refs import bounds_of

MOST_TRIES = 3
_AGAIN_AFTER_HOURS = 1

_SHARED = """
SELECT coalesce(l.expanded_url, l.url), p.author, min(p.posted_at)
FROM posts AS p JOIN post_links AS l ON l.post = p.id
WHERE p.posted_at >= ?2 AND p.posted_at < ?3
  AND EXISTS (SELECT 1 FROM sightings AS s WHERE s.post = p.id AND s.chat = ?1)
  AND p.id NOT IN (SELECT key FROM tombstones) AND p.author NOT IN (SELECT key FROM tombstones)
  AND (p.repost_of IS NULL OR p.repost_of NOT IN (SELECT key FROM tombstones))
GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class SharedLink:
    """A page that posts link to: the address to ask for, and every spelling of it in the posts."""

    address: str
    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """``wanted`` are to be asked for now, in this order. ``known`` are new spellings of what was looked up before;
    ``waiting_count`` others wait for another time: they failed a moment ago, or their host asked us to wait.
    """

    wanted: tuple[SharedLink, ...] = ()
    known: tuple[LinkPage, ...] = ()
    waiting_count: int = 0


@dataclass(slots=True)
class _Sharing:
    urls: set[str] = field(default_factory=set)
    authors: set[str] = field(default_factory=set)
    first_at: str = "9999"


def choose_links(archive: Archive, chat: Chat, session: Session | None, most: int) -> Choice:
    """The links of a session's posts, or of all the chat's, that stand to be looked up; of ``most`` pages in all."""
    shared = _rank(archive.conn.execute(_SHARED, (chat.slug, *bounds_of(chat, session))).fetchall())[:most]
    known = load_link_pages(archive.conn, sorted({url for one in shared for url in one.urls}))
    now = archive.now()
    resting = {site_of(url) for url, _ in load_waiting(archive.conn, now)}
    wanted: list[SharedLink] = []
    spelt: list[LinkPage] = []
    waiting = 0
    for link in shared:
        pages = [known[url] for url in link.urls if url in known]
        settled = next((page for page in pages if page.state != "failed"), None)
        if settled is not None:
            spelt += [replace(settled, url=url) for url in link.urls if url not in known]
        elif max((page.tries_count for page in pages), default=0) >= MOST_TRIES:
            continue
        elif site_of(link.address) in resting or any(_is_too_early(page, now) for page in pages):
            waiting += 1
        else:
            wanted.append(link)
    return Choice(tuple(wanted), tuple(spelt), waiting)


def _rank(rows: Iterable[Sequence[str]]) -> list[SharedLink]:
    """The pages that (address, author, first time) rows link to: of most people first, then the earliest."""
    sharing: dict[str, _Sharing] = {}
    for url, author, posted_at in rows:
        if site_of(url) is None or len(url) > LONGEST_ADDRESS or is_of_platform(url):
            continue
        one = sharing.setdefault(link_key(url), _Sharing())
        one.urls.add(url)
        one.authors.add(author)
        one.first_at = min(one.first_at, posted_at)
    ranked = sorted(sharing.items(), key=lambda item: (-len(item[1].authors), item[1].first_at, item[0]))
    return [SharedLink(without_tracking(choose_address(one.urls)), tuple(sorted(one.urls))) for _, one in ranked]


def _is_too_early(page: LinkPage, now: str) -> bool:
    again = page.not_before or shift(page.fetched_at or "1970-01-01", hours=_AGAIN_AFTER_HOURS)
    return again > now
