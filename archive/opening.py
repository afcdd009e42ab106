"""Opens a database of ours: one at a time, migrated after a backup copy, its troubles told in one line."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock
from sqlite_utils import Database, Migrations

from archive.errors import StorageError

_BUSY_SECONDS = 30.0


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turns what SQLite and the disk say into one line for a person."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        text = str(error)
        if "locked" in text:
            raise StorageError(f"{path} is busy: another program is writing to it; try again in a minute") from error
        if text == "disk I/O error":
            raise StorageError(f"the disk that holds {path} cannot be read or written: check the disk") from error
        if text == "database or disk is full":
            raise StorageError(f"the disk that holds {path} is full: free some space and run this again") from error
        if "not a database" in text or "malformed" in text:
            raise StorageError(f"{path} is not a sound archive: put back your latest backup of it") from error
        if "readonly" in text or "unable to open" in text:
            raise StorageError(f"{path} cannot be written: check that the folder exists and is yours") from error
        raise
    except OSError as error:
        raise StorageError(f"{path} cannot be used: {error.strerror or error}") from error


def open_database(path: Path, migrations: Migrations) -> sqlite3.Connection:
    """A connection to a file that is up to date, made where there is none. Raises StorageError."""
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock", timeout=_BUSY_SECONDS):
            conn = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
            try:
                _prepare(conn, path, migrations)
            except BaseException:
                conn.close()
                raise
    return conn


def _prepare(conn: sqlite3.Connection, path: Path, migrations: Migrations) -> None:
    conn.execute("PRAGMA journal_mode = WAL")
    conn.execute("PRAGMA foreign_keys = ON")
    conn.execute("PRAGMA cache_size = -65536")  # 64 MB: ids arrive in no order, and every index is touched
    database = Database(conn)
    waiting = migrations.pending(database)
    if not waiting:
        return
    if migrations.applied(database):
        _back_up(conn, path.with_name(f"{path.name}.before-{waiting[0].name}"))
    conn.execute("BEGIN IMMEDIATE")
    try:
        migrations.apply(database)
        conn.execute("COMMIT")
    finally:
        if conn.in_transaction:
            conn.execute("ROLLBACK")


def _back_up(conn: sqlite3.Connection, copy: Path) -> None:
    target = sqlite3.connect(copy)
    try:
        conn.backup(target)
    finally:
        target.close()
