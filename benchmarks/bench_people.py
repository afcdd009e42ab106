"""What a live tick costs for people, organisations and attendance in an archive of many authors.

Run ``python benchmarks/bench_people.py [AUTHORS] [SESSIONS]``. Everybody is fictional. The first look reads every
profile; the second is that of a tick, after two profiles and one session changed.
"""

from __future__ import annotations

import random
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from analysis.everybody import find_everybody, save_everybody
from analysis.organisations import load_register
from archive.store import open_archive

_AT = "2026-10-08T12:00:00.000Z"
_BIOS = (
    "Comms officer at {} City Council. Views mine, RT no endorsement. Dad, cyclist, terrible cook",
    "Head of digital @{}Council | #localgov | bluesky: @person{}.bsky.example | she/her",
    "I like trains, {} and strong tea. Once won a marrow competition. Opinions my own, mostly about marrows.",
    "Freelance photographer. Former press officer. Clients include two councils. https://photos{}.example/work",
    "Reader, writer, gardener. Loves {} and the sea",
    "", "", "",
)  # fmt: skip
_PLACES = ("Leeds", "Bristol", "Cardiff", "Dundee", "Nowhere", "Exeter", "Elsewhere")


def main(authors_count: int, sessions_count: int) -> None:
    """Prints the seconds of the first look and of one after a tick, and the memory."""
    with tempfile.TemporaryDirectory() as folder:
        conn = open_archive(Path(folder) / "archive.db").conn
        _fill(conn, authors_count, sessions_count)
        rows = conn.execute("SELECT count(*) FROM session_authors").fetchone()[0]
        print(f"{authors_count:,} authors, {rows:,} of them in {sessions_count:,} sessions")
        _look(conn, "first look, every profile read")
        conn.execute("UPDATE authors SET bio = 'Now at Exeter City Council' WHERE id IN ('x:5', 'x:6')")
        last = f"chat-{sessions_count - 1}"
        conn.execute("UPDATE session_authors SET posts_count = 9 WHERE session = ? AND author < 'x:2'", (last,))
        _look(conn, "after a tick: two profiles and a session changed", (last,))
    print(f"memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def _look(conn: sqlite3.Connection, what: str, changed: tuple[str, ...] | None = None) -> None:
    begun = time.process_time()
    found = find_everybody(conn, "1", load_register())
    read = time.process_time()
    conn.execute("BEGIN IMMEDIATE")
    save_everybody(conn, "chat", found, "1", changed)
    conn.execute("COMMIT")
    done = time.process_time()
    print(f"{what}: {done - begun:.2f} CPU-s (reading {read - begun:.2f}, writing {done - read:.2f})")


def _fill(conn: sqlite3.Connection, authors_count: int, sessions_count: int) -> None:
    chance = random.Random(5)
    conn.execute("BEGIN")
    conn.execute("INSERT INTO chats VALUES ('chat', 'Chat', '[]', '[]', 'UTC', NULL)")
    conn.executemany(
        "INSERT INTO authors (id, platform, handle, name, bio, url, labels, first_seen_at, last_seen_at, fields_seen)"
        f" VALUES (?, ?, ?, ?, ?, ?, '[]', '{_AT}', '{_AT}', '{{}}')",
        _write_authors(chance, authors_count),
    )
    ids = [row[0] for row in conn.execute("SELECT id FROM authors ORDER BY id")]
    for n in range(sessions_count):
        day = f"20{10 + n // 336:02d}-{n // 28 % 12 + 1:02d}-{n % 28 + 1:02d}T12:00:00.000Z"
        conn.execute("INSERT INTO sessions VALUES (?, 'chat', ?, ?, '[]', 0)", (f"chat-{n}", day, day))
        there = {*chance.sample(ids, 2 * len(ids) // sessions_count), *ids[:100]}
        conn.executemany(
            "INSERT INTO session_authors VALUES ('chat', ?, ?, ?, NULL, '1')",
            ((f"chat-{n}", author, chance.randint(1, 20)) for author in sorted(there)),
        )
    conn.execute("COMMIT")


def _write_authors(chance: random.Random, count: int) -> Iterator[tuple[str, ...]]:
    for n in range(count):
        platform = "bluesky" if n % 5 == 0 else "x"
        handle = f"person{n}.bsky.example" if platform == "bluesky" else f"person{n}"
        bio = chance.choice(_BIOS).replace("{}", chance.choice(_PLACES), 1).replace("{}", str(n // 5 * 5))
        yield f"{platform}:{n}", platform, handle, f"Person {n}", bio, f"https://example.com/{n}" if n % 3 else ""


if __name__ == "__main__":
    main(*(int(one) for one in sys.argv[1:]) if len(sys.argv) > 2 else (100_000, 500))
