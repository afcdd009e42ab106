"""Speed and growth of the analysis over invented posts: posts a CPU-second, a live tick, memory, exponents.

Run ``python benchmarks/bench_analysis.py``; ``--large`` takes the archive of 1,000,000 posts and the session of 50,000
too, which takes minutes.
"""

from __future__ import annotations

import math
import random
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from analysis.rebuild import analyse_chat
from archive.models import Chat, Session
from archive.store import Archive, open_archive
from archive.times import shift
from benchmarks.labelled import load_examples

_SESSION_POSTS = 2_000
_START = "2020-01-02T13:00:00.000Z"
_AUTHORS = 400
_SIZES = (10, 20, 40)  # sessions of 2,000 posts
_LARGE = 500
_CHUNK = 5_000


@dataclass(frozen=True)
class Timed:
    """How long it took: CPU seconds, and the process's peak memory in MB since it began."""

    seconds: float
    peak: float


def build_archive(path: Path, sessions: int, posts: int = _SESSION_POSTS) -> tuple[Archive, Chat]:
    """An archive of one chat: so many weekly sessions of so many posts, in words of the examples mixed anew."""
    held = tuple(
        Session(
            id=f"s{n}", chat="bench", starts_at=shift(_START, days=7 * n), ends_at=shift(_START, days=7 * n, hours=1)
        )
        for n in range(sessions)
    )
    chat = Chat(slug="bench", title="Bench", hashtags=("benchchat",), hosts=("x:host",), sessions=held)
    archive = open_archive(path)
    archive.save_chat(chat)
    with archive.transaction() as conn:
        conn.executemany(
            "INSERT INTO authors (id, platform, handle, labels, first_seen_at, last_seen_at, fields_seen)"
            " VALUES (?, 'x', ?, '[]', ?, ?, '{}')",
            ((f"x:{n}", "host" if n == 0 else f"person{n}", _START, _START) for n in range(_AUTHORS)),
        )
    rows: list[tuple[str, str, str, str]] = []
    for session in held:
        rows += _invent(session, posts)
        if len(rows) >= _CHUNK:
            _insert(archive, rows)
            rows = []
    _insert(archive, rows)
    return archive, chat


def _invent(session: Session, count: int) -> Iterator[tuple[str, str, str, str]]:
    """(id, author, time, text) of a session's posts: ten questions of the host, answers and talk of the others."""
    chance = random.Random(session.id)
    words = _list_words()
    for n in range(count):
        at = shift(session.starts_at, seconds=n * 3600 // count)
        if n % (count // 10) == 0:
            text, author = f"Q{1 + n * 10 // count}: What works best for {chance.choice(words)}? #benchchat", "x:0"
        else:
            text, author = _mix(chance, words), f"x:{chance.randrange(1, _AUTHORS)}"
            text = f"A{1 + n * 10 // count}: {text} #benchchat" if chance.random() < 0.5 else f"{text} #benchchat"
        yield f"x:{session.id}-{n}", author, at, text


def _mix(chance: random.Random, words: list[str]) -> str:
    """A post of the examples with a fifth of its words swapped: as varied as real ones, and no repeats."""
    said = chance.choice(_POSTS).split()
    return " ".join(chance.choice(words) if chance.random() < 0.2 else word for word in said)


_POSTS = [post.text for chat in load_examples() for post in chat.rows.posts if len(post.text.split()) > 2]


def _list_words() -> list[str]:
    return sorted({word for text in _POSTS for word in text.split() if word.isalpha() and len(word) > 3})


def _insert(archive: Archive, rows: list[tuple[str, str, str, str]]) -> None:
    with archive.transaction() as conn:
        conn.executemany(
            "INSERT INTO posts (id, platform, author, created_at, posted_at, first_seen_at, text, kind, visibility,"
            " labels) VALUES (?1, 'x', ?2, ?3, ?3, ?3, ?4, 'post', 'public', '[]')",
            rows,
        )
        conn.executemany("INSERT INTO post_tags VALUES (?, 'benchchat')", ((row[0],) for row in rows))


def measure(conn: sqlite3.Connection, chat: Chat, only: list[str] | None = None) -> Timed:
    """One analysis of the chat, or of some sessions of it."""
    begun = time.process_time()
    analyse_chat(conn, chat, version="bench", only=only)
    seconds = time.process_time() - begun
    return Timed(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    """Measures and prints."""
    large = "--large" in sys.argv
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        archive, chat = build_archive(place / "warm.db", 1)
        measure(archive.conn, chat)  # loads what is loaded once
        _tell_sizes(place, (*_SIZES, _LARGE) if large else _SIZES)
        for posts in (5_000, *((50_000,) if large else ())):
            archive, chat = build_archive(place / f"one-{posts}.db", 1, posts)
            took = measure(archive.conn, chat)
            say(f"one session of {posts:,} posts: {took.seconds:.2f} CPU-s, {posts / took.seconds:,.0f} posts/CPU-s,"
                f" peak memory so far {took.peak:.0f} MB")  # fmt: skip


def _tell_sizes(place: Path, sizes: tuple[int, ...]) -> None:
    last: tuple[int, float] | None = None
    for sessions in sizes:
        archive, chat = build_archive(place / f"{sessions}.db", sessions)
        took, posts = measure(archive.conn, chat), sessions * _SESSION_POSTS
        tick = measure(archive.conn, chat, [chat.sessions[-1].id])
        grown = f", exponent {math.log(took.seconds / last[1]) / math.log(posts / last[0]):.2f}" if last else ""
        last = posts, took.seconds
        say(f"{posts:,} posts in sessions of {_SESSION_POSTS:,}: {took.seconds:.2f} CPU-s,"
            f" {posts / took.seconds:,.0f} posts/CPU-s{grown}; a live tick of one session {tick.seconds:.2f} CPU-s;"
            f" peak memory so far {took.peak:.0f} MB")  # fmt: skip
        archive.close()


def say(line: str) -> None:
    """Prints a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
