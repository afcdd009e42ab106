"""Alarms as the archive keeps them: one open row a key, from the moment it is raised until it is over."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from archive.store import Archive
from archive.times import from_text, shift

_REFRESH_SECONDS = 60
_SETTLING_MINUTES = 5

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something that a person should know now. ``key`` is stable while it lasts; ``kind`` is its first part.

    ``message`` says in one line what happened and to which chat, ``remedy`` what to do now; neither holds a secret.
    An error costs posts, or soon will; a warning may.
    """

    key: str
    kind: str
    level: Level
    message: str
    remedy: str
    chat: str | None = None
    session: str | None = None
    platform: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAlarm:
    """One row of alarms. ``sent_at`` is when its latest news (raised, or over) was sent; None: nobody was told."""

    id: int
    alarm: Alarm
    raised_at: str
    last_at: str
    ended_at: str | None = None
    sent_at: str | None = None


_COLUMNS = (
    "id, key, kind, level, message, remedy, chat, session, platform, raised_at, last_at, ended_at, sent_at FROM alarms"
)


def save_alarms(
    archive: Archive, alarms: Sequence[Alarm], kinds: Collection[str]
) -> tuple[list[KeptAlarm], list[KeptAlarm]]:
    """Brings the open alarms of ``kinds`` up to date with what holds now; gives those raised and those over.

    ``alarms`` are all that hold now of these kinds; alarms of other kinds stay as they are. A warning that becomes an
    error counts as raised. One that comes back within five minutes goes on in its old row, as the same alarm. Writes
    nothing while nothing changes, but for ``last_at`` once a minute. Raises StorageError.
    """
    now = archive.now()
    given: dict[str, Alarm] = {}
    for alarm in alarms:
        given.setdefault(alarm.key, alarm)
    known = {kept.alarm.key: kept for kept in load_open_alarms(archive.conn) if kept.alarm.kind in kinds}
    fresh = [alarm for key, alarm in given.items() if key not in known]
    over = [kept for key, kept in known.items() if key not in given]
    changed = [(known[key], alarm) for key, alarm in given.items() if key in known and _differs(known[key], alarm, now)]
    if not (fresh or over or changed):
        return [], []
    with archive.transaction() as conn:
        for kept, alarm in changed:
            _refresh(conn, kept, alarm, now)
        ids = [_raise(conn, alarm, now) for alarm in fresh]
        # never before the news of it was sent, also where the clock was set back
        conn.executemany("UPDATE alarms SET ended_at = ? WHERE id = ?", [(_end(kept, now), kept.id) for kept in over])
    ids += [kept.id for kept, alarm in changed if _escalates(kept, alarm)]
    return _load_by_id(archive.conn, ids), _load_by_id(archive.conn, [kept.id for kept in over])


def load_open_alarms(conn: sqlite3.Connection) -> list[KeptAlarm]:
    """The alarms that hold now, errors first, the oldest first."""
    return _load(conn, "WHERE ended_at IS NULL ORDER BY level, raised_at, id")


def load_unsent(conn: sqlite3.Connection, now: str) -> tuple[list[KeptAlarm], list[KeptAlarm]]:
    """What nobody was told yet: alarms raised, and those over of which somebody was told that they were raised.

    An end is told when it has held for five minutes, so that what comes and goes makes no storm of messages.
    """
    raised = _load(conn, "WHERE ended_at IS NULL AND sent_at IS NULL ORDER BY level, raised_at, id")
    settled = (shift(now, minutes=-_SETTLING_MINUTES),)
    ended = _load(conn, "WHERE sent_at <= ended_at AND ended_at <= ? ORDER BY ended_at, id", settled)
    return raised, ended


def mark_sent(archive: Archive, sent: Iterable[KeptAlarm]) -> None:
    """Notes that people were told of these alarms as they stood; what changed meanwhile is told later."""
    now, told = archive.now(), list(sent)
    raised = [(now, kept.id, kept.alarm.level) for kept in told if kept.ended_at is None]
    ended = [(_after(kept.ended_at, now), kept.id, kept.ended_at) for kept in told if kept.ended_at is not None]
    with archive.transaction() as conn:
        conn.executemany(
            "UPDATE alarms SET sent_at = min(?, coalesce(ended_at, '9')) WHERE id = ? AND level = ?", raised
        )
        conn.executemany("UPDATE alarms SET sent_at = ? WHERE id = ? AND ended_at = ?", ended)


def _after(ended_at: str, now: str) -> str:
    """Later than the end, also where the clock was set back meanwhile."""
    return max(now, shift(ended_at, milliseconds=1))


def _end(kept: KeptAlarm, now: str) -> str:
    return max(now, kept.sent_at or "")


def _differs(kept: KeptAlarm, alarm: Alarm, now: str) -> bool:
    age = abs((from_text(now) - from_text(kept.last_at)).total_seconds())
    return kept.alarm != alarm or age >= _REFRESH_SECONDS


def _escalates(kept: KeptAlarm, alarm: Alarm) -> bool:
    return (kept.alarm.level, alarm.level) == ("warning", "error")


def _refresh(conn: sqlite3.Connection, kept: KeptAlarm, alarm: Alarm, now: str) -> None:
    conn.execute(
        "UPDATE alarms SET level = ?, message = ?, remedy = ?, last_at = ?, sent_at = iif(?, NULL, sent_at)"
        " WHERE id = ?",
        (alarm.level, alarm.message, alarm.remedy, now, _escalates(kept, alarm), kept.id),
    )


def _raise(conn: sqlite3.Connection, alarm: Alarm, now: str) -> int:
    """The row of an alarm that was not open: the old one where it has only just ended, else a new one."""
    row = conn.execute(
        "UPDATE alarms SET ended_at = NULL, level = :level, message = :message, remedy = :remedy, last_at = :now,"
        " sent_at = iif(level = 'warning' AND :level = 'error', NULL, sent_at)"
        " WHERE id = (SELECT max(id) FROM alarms WHERE key = :key) AND ended_at > :settled"
        " AND coalesce(sent_at, '') <= ended_at RETURNING id",
        {
            "level": alarm.level, "message": alarm.message, "remedy": alarm.remedy, "now": now, "key": alarm.key,
            "settled": shift(now, minutes=-_SETTLING_MINUTES),
        },
    ).fetchone()  # fmt: skip
    if row is not None:
        return int(row[0])
    new = conn.execute(
        "INSERT INTO alarms (key, kind, level, chat, session, platform, message, remedy, raised_at, last_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            alarm.key, alarm.kind, alarm.level, alarm.chat, alarm.session, alarm.platform, alarm.message, alarm.remedy,
            now, now,
        ),
    )  # fmt: skip
    return int(new.lastrowid or 0)


def _load_by_id(conn: sqlite3.Connection, ids: Collection[int]) -> list[KeptAlarm]:
    where = "WHERE id IN (SELECT value FROM json_each(:ids)) ORDER BY level, raised_at, id"
    return _load(conn, where, {"ids": json.dumps(list(ids))})


def _load(conn: sqlite3.Connection, where: str, values: tuple[str, ...] | Mapping[str, str] = ()) -> list[KeptAlarm]:
    return [
        KeptAlarm(
            id=row[0],
            alarm=Alarm(
                key=row[1], kind=row[2], level=row[3], message=row[4], remedy=row[5], chat=row[6], session=row[7],
                platform=row[8],
            ),
            raised_at=row[9], last_at=row[10], ended_at=row[11], sent_at=row[12],
        )
        for row in conn.execute(f"SELECT {_COLUMNS} {where}", values).fetchall()
    ]  # fmt: skip
