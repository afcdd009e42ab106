"""An archive whose posts share links, and a clock that a test moves."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx

from archive.models import Chat, Session
from archive.store import Archive, open_archive
from archive.times import shift
from collector.shared_links import SharedLink, choose_links
from collector.unfolding import POLITE, Manners, Unfolded, unfold_links

AT = "2026-10-08T12:10:00.000Z"
QUICK = replace(POLITE, pause_seconds=0.0)


class Shared:
    """An archive whose posts share links, and a clock that a test moves."""

    def __init__(self, path: Path, chat: Chat) -> None:
        self.now = datetime(2026, 10, 8, 14, 0, tzinfo=UTC)
        self.chat = chat
        self.archive: Archive = open_archive(path, lambda: self.now)
        self.archive.save_chat(chat)
        self._number = 0

    def share(self, *urls: str, author: str = "ann", minute: float = 0, **more: object) -> str:
        self._number += 1
        post, at = f"x:{self._number}", shift(AT, minutes=minute)
        row = {
            "id": post, "platform": "x", "author": f"x:{author}", "created_at": at, "posted_at": at,
            "first_seen_at": at, "text": "Look", "kind": "post", "visibility": "public", "labels": "[]", **more,
        }  # fmt: skip
        with self.archive.transaction() as conn:
            conn.execute(
                "INSERT OR IGNORE INTO authors (id, platform, labels, first_seen_at, last_seen_at, fields_seen)"
                " VALUES (?, 'x', '[]', ?, ?, '{}')",
                (f"x:{author}", at, at),
            )
            conn.execute(
                f"INSERT INTO posts ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", tuple(row.values())
            )
            conn.executemany(
                "INSERT INTO post_links (post, url, expanded_url) VALUES (?, ?, ?)",
                [(post, f"https://t.co/{self._number}{place}", url) for place, url in enumerate(urls)],
            )
            conn.execute(
                "INSERT INTO sightings (post, walk, chat, server, first_at, last_at) VALUES (?, 'w', ?, '', ?, ?)",
                (post, self.chat.slug, at, at),
            )
        return post

    @property
    def session(self) -> Session:
        return self.chat.sessions[0]

    def wanted(self, most: int = 200) -> tuple[SharedLink, ...]:
        return choose_links(self.archive, self.chat, self.session, most).wanted

    def unfold(self, http: httpx.Client, manners: Manners = QUICK, stop: threading.Event | None = None) -> Unfolded:
        return unfold_links(self.archive, http, self.chat, self.session, stop or threading.Event(), manners)

    def pages(self, columns: str = "state, final_url, title, domain") -> dict[str, tuple[object, ...]]:
        rows = self.archive.conn.execute(f"SELECT url, {columns} FROM link_pages ORDER BY url").fetchall()
        return {row[0]: row[1:] for row in rows}
