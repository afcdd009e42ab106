"""How walks went, in words: one line each, and the exit code that tells a scheduler what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from archive.errors import ChatkeepError, Fatal, PartlyDone, TryLater
from archive.models import PLATFORM_NAMES, Chat
from collector.walker import Walked


def row_of(result: Walked) -> dict[str, Any]:
    """A walk as a row of words and counts. ``_status`` and ``_error`` are for raise_for(), not for people."""
    states = {"done": "complete", "abandoned": "stopped early", "open": "goes on with the next run"}
    if isinstance(result.error, Fatal):
        states["open"] = "not done"
    elif result.not_before:
        states["open"] = f"goes on with a run after {result.not_before[:16].replace('T', ' ')} UTC"
    return {
        "platform": PLATFORM_NAMES[result.platform],
        "where": f" ({urlsplit(result.plan.server).netloc})" if result.plan.server else "",
        "pages": result.pages_count,
        "new posts": result.new_count,
        "known": result.known_count,
        "problems": result.flaws_count,
        "state": states[result.status],
        "why": result.why,
        "_status": result.status,
        "_error": None if result.error is None else "fatal" if isinstance(result.error, Fatal) else "later",
    }


def resting_row(platform: str, server: str, not_before: str, why: str) -> dict[str, Any]:
    """The row of a platform that was not asked, since it must not be asked yet."""
    return {
        "platform": PLATFORM_NAMES[platform],
        "where": f" ({urlsplit(server).netloc})" if server else "",
        "pages": 0,
        "new posts": 0,
        "known": 0,
        "problems": 0,
        "state": f"goes on with a run after {not_before[:16].replace('T', ' ')} UTC",
        "why": why,
        "_status": "open",
        "_error": "later",
    }


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """The row as people and programs see it."""
    return {name: value for name, value in row.items() if not name.startswith("_")}


def sentence_of(row: dict[str, Any]) -> str:
    """The row in one line."""
    facts = f"{row['new posts']:,} new posts, {row['known']:,} known already"
    problems = f", {row['problems']:,} problems" if row["problems"] else ""
    why = f": {row['why']}" if row["why"] else ""
    return f"{row['platform']}{row['where']}: {facts}{problems}; {row['state']}{why}"


def raise_for(chat: Chat, rows: Sequence[dict[str, Any]]) -> None:
    """The exit code that tells a scheduler whether the same command is worth running again."""
    stopped = [row for row in rows if row["_status"] != "done"]
    if not stopped:
        return
    first = stopped[0]
    again = "mend that, and run" if first["_error"] == "fatal" else "run"
    where = f"#{chat.hashtags[0]} on {first['platform']}"
    words = f"{where}: {first['why']}. To go on, {again} the same command again"
    if any(row["_status"] == "done" for row in rows):
        raise PartlyDone(f"{words}; the rest was captured")
    raise _error_class(first["_error"])(words)


def _error_class(error: str | None) -> type[ChatkeepError]:
    if error == "fatal":
        return Fatal
    return PartlyDone if error is None else TryLater
