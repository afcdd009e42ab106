"""Writes what a scheduled capture leaves in the archive, a row at a time, for the tests of the certificate."""

from __future__ import annotations

import json
from typing import Any

from archive.models import Chat, Session
from archive.store import Archive
from archive.times import from_text, shift

START = "2026-10-08T12:00:00.000Z"
END = "2026-10-08T13:00:00.000Z"
TAG = "northmoorhour"
QUERY = f"(#{TAG}) -is:retweet"
KEYS = {
    "x": f"tag|x|{QUERY}",
    "bluesky": f"bluesky/tag/#{TAG}",
    "mastodon": f"mastodon tag https://one.example #{TAG}",
}


class Ground:
    """The archive of the invented chat, whose one session is the hour from START to END."""

    def __init__(self, archive: Archive) -> None:
        self.archive, self.conn = archive, archive.conn
        session = Session(id="northmoor-1", chat="northmoor", starts_at=START, ends_at=END)
        self.chat = Chat(slug="northmoor", title="Northmoor hour", hashtags=(TAG,), sessions=(session,))
        archive.save_chat(self.chat)

    def insert(self, table: str, **row: Any) -> int:
        names = ", ".join(f'"{name}"' for name in row)
        with self.archive.transaction() as conn:
            done = conn.execute(
                f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(row))})", tuple(row.values())
            )
        return int(done.lastrowid or 0)

    def walk(self, platform: str = "x", purpose: str = "tag", plan: str | None = None, **more: Any) -> int:
        values: dict[str, Any] = {
            "status": "done", "opened_at": shift(END, hours=1), "covers_from": shift(START, hours=-1),
            "covers_to": shift(END, minutes=55), "pages_count": 3, "posts_count": 2,
        }  # fmt: skip
        key = f"{self.chat.slug}|{purpose}|{plan or KEYS[platform]}"
        return self.insert("walks", chat=self.chat.slug, platform=platform, key=key, **values | more)

    def page(self, walk: int, fetched_at: str, date: str | None) -> None:
        with self.archive.transaction() as conn:
            conn.execute("INSERT OR IGNORE INTO page_bodies VALUES ('none', x'')")
        self.insert(
            "pages", walk=walk, platform="x", source="x", format="search", origin="x", server="", url="",
            http_status=200, headers=json.dumps({"date": date} if date else {}), fetched_at=fetched_at, sha256="none",
        )  # fmt: skip

    def listened(self, platform: str, key: str, opened: float, alive: float, kind: str = "stream", **more: Any) -> None:
        """From minute ``opened`` to minute ``alive`` of the session."""
        self.insert(
            "intervals", platform=platform, key=key, kind=kind, opened_at=shift(START, minutes=opened),
            last_alive_at=shift(START, minutes=alive), **more,
        )  # fmt: skip

    def post(self, post: str, minute: float, *, tags: tuple[str, ...] = (TAG,), kind: str = "post") -> None:
        platform, at = post.partition(":")[0], shift(START, minutes=minute)
        author = f"{platform}:ann"
        with self.archive.transaction() as conn:
            conn.execute(
                "INSERT OR IGNORE INTO authors (id, platform, labels, first_seen_at, last_seen_at, fields_seen)"
                " VALUES (?, ?, '[]', ?, ?, '{}')",
                (author, platform, at, at),
            )
        self.insert(
            "posts", id=post, platform=platform, author=author, created_at=at, posted_at=at, first_seen_at=at, text="",
            kind=kind, visibility="public", labels="[]",
        )  # fmt: skip
        for tag in tags:
            self.insert("post_tags", post=post, tag=tag)
        self.insert(
            "sightings", post=post, walk=f"{self.chat.slug}|tag|{KEYS[platform]}", chat=self.chat.slug, server="",
            first_at=at, last_at=at,
        )  # fmt: skip

    def count(self, minute: int, posts: int, query: str = QUERY) -> None:
        self.insert(
            "counts", chat=self.chat.slug, platform="x", query=query, starts_at=shift(START, minutes=minute),
            ends_at=shift(START, minutes=minute + 1), posts_count=posts, seen_at=shift(END, minutes=5),
        )  # fmt: skip


def http_date(moment: str) -> str:
    """The time as servers write it in their Date header."""
    return f"{from_text(moment):%a, %d %b %Y %H:%M:%S GMT}"
