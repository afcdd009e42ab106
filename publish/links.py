"""Which of the links round somebody's words they are about, and when two links are one; for SQLite too."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from archive.addresses import is_of_platform, is_picture_of_platform, link_key, without_tracking


@dataclass(frozen=True, slots=True)
class Pointer:
    """A link of a post: as it stands there, where it leads, and whether the post is the one that the words are of.

    Otherwise it is a later part of the same thread.
    """

    written: str
    address: str
    is_own: bool = True


def choose_pointer(text: str, start: int, pointers: Iterable[Pointer]) -> Pointer | None:
    """The link that words beginning at ``start`` of a post's ``text`` are about; None where there is none.

    The first behind their beginning, else the nearest before, else one of the thread's later parts; a page before
    another post, and never a picture.
    """
    sound = [pointer for pointer in pointers if not is_picture_of_platform(pointer.address)]
    return min(sound, key=lambda pointer: _distance(text, start, pointer), default=None)


def _distance(text: str, start: int, pointer: Pointer) -> tuple[bool, bool, bool, int, str]:
    at = text.find(pointer.written) if pointer.is_own and pointer.written else -1
    at = len(text) if at < 0 else at  # on a card below the words
    return (is_of_platform(pointer.address), not pointer.is_own, at < start, abs(at - start), pointer.address)


def example_link(text: str, start: int, links: str) -> str | None:
    """The link_key of the link that an example is about. ``links`` is a JSON list of [written, address, own]."""
    pointers = [Pointer(written, address, bool(is_own)) for written, address, is_own in json.loads(links)]
    chosen = choose_pointer(text, start, pointers)
    return None if chosen is None else link_key(chosen.address)


def register(conn: sqlite3.Connection) -> None:
    """Gives the connection these functions under their own names."""
    conn.create_function("link_key", 1, link_key, deterministic=True)
    conn.create_function("without_tracking", 1, without_tracking, deterministic=True)
    conn.create_function("is_picture_of_platform", 1, is_picture_of_platform, deterministic=True)
    conn.create_function("example_link", 3, example_link, deterministic=True)
