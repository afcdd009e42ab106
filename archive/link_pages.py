"""What became of the links that posts hold: the page behind each, or why it could not be looked at."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from archive.store import Archive

LinkState = Literal["read", "failed", "refused"]
_CHUNK = 500  # addresses in one IN (…): well under SQLite's limit of bound values


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPage:
    """One link. ``url`` is as posts have it, ``final_url`` where it led to, without tracking.

    ``read``: that page was seen, though it may have no title. ``failed``: it was not, this time; ``final_url`` is then
    how far we came. ``refused``: it is none that we ask for. ``why`` says what happened. ``not_before`` is until when
    its host asked us to wait; ``fetched_at`` the last try.
    """

    url: str
    state: LinkState
    final_url: str | None = None
    title: str | None = None
    domain: str | None = None
    why: str | None = None
    not_before: str | None = None
    tries_count: int = 0
    fetched_at: str | None = None


def load_link_pages(conn: sqlite3.Connection, urls: Sequence[str]) -> dict[str, LinkPage]:
    """What is known of these links."""
    found: dict[str, LinkPage] = {}
    for at in range(0, len(urls), _CHUNK):
        chunk = urls[at : at + _CHUNK]
        for row in conn.execute(
            "SELECT url, coalesce(state, 'read'), final_url, title, domain, why, not_before, tries_count, fetched_at"
            f" FROM link_pages WHERE url IN ({','.join('?' * len(chunk))})",
            chunk,
        ):
            found[row[0]] = LinkPage(
                url=row[0], state=row[1], final_url=row[2], title=row[3], domain=row[4], why=row[5],
                not_before=row[6], tries_count=row[7], fetched_at=row[8],
            )  # fmt: skip
    return found


def load_waiting(conn: sqlite3.Connection, now: str) -> list[tuple[str, str]]:
    """Addresses whose hosts asked us to leave them alone, and until when."""
    rows = conn.execute("SELECT coalesce(final_url, url), not_before FROM link_pages WHERE not_before > ?", (now,))
    return [(url, not_before) for url, not_before in rows.fetchall()]


def save_link_pages(archive: Archive, pages: Iterable[LinkPage]) -> None:
    """Writes what became of these links in one transaction; each is one more try."""
    now = archive.now()
    with archive.transaction() as conn:
        conn.executemany(
            "INSERT INTO link_pages (url, state, final_url, title, domain, why, not_before, tries_count, fetched_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?) ON CONFLICT (url) DO UPDATE SET state = excluded.state,"
            " final_url = coalesce(excluded.final_url, final_url), title = coalesce(excluded.title, title),"
            " domain = coalesce(excluded.domain, domain), why = excluded.why, not_before = excluded.not_before,"
            " tries_count = tries_count + 1, fetched_at = excluded.fetched_at",
            [(p.url, p.state, p.final_url, p.title, p.domain, p.why, p.not_before, now) for p in pages],
        )
