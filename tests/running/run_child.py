"""`chatkeep run --log` in a process of its own, on a test's clock; kills itself at the SQL statement it is told."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

import archive.opening
from archive.errors import ChatkeepError
from chatkeep.app import App
from chatkeep.commands.run import run
from chatkeep.running import service
from chatkeep.stage.clock import StageClock


class Strike:
    """Kills this process at the SQL statement that it is told, whichever thread says it."""

    def __init__(self, statements: int) -> None:
        self.left = statements
        self._lock = threading.Lock()

    def count(self, _statement: str) -> None:
        with self._lock:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class FullDisk(sqlite3.Connection):
    """A database that cannot grow while a file stands at ``sign``."""

    sign = Path()

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if sql.startswith("BEGIN"):
            super().execute(f"PRAGMA max_page_count = {1 if self.sign.exists() else 2**30}")
        return super().execute(sql, *values)


def main() -> None:
    told = json.loads(sys.argv[1])
    arrange(told)
    app = App(config=Path(told["folder"]) / "chats.toml", data=Path(told["folder"]) / "data", clock=clock_of(told))
    try:
        run.main(["--log", *(["--once"] if told["once"] else [])], obj=app, standalone_mode=False)
    except ChatkeepError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    finally:
        sys.stderr.write(f"statements {told['statements'] - STRIKE.left}\n")


def clock_of(told: dict[str, Any]) -> StageClock:
    """The test's own clock: monotonic time is the same in every process of a machine."""
    passed = timedelta(seconds=(time.monotonic() - told["tick"]) * told["speed"])
    return StageClock(datetime.fromisoformat(told["now"]).astimezone(UTC) + passed, told["speed"])


def arrange(told: dict[str, Any]) -> None:
    """What the test does to this process: when it dies, how often its loop looks, what its disk does."""
    STRIKE.left = told["statements"]
    if told["seconds"] is not None:
        killer = threading.Timer(told["seconds"], os.kill, (os.getpid(), signal.SIGKILL))
        killer.daemon = True
        killer.start()
    service._LONGEST_PAUSE = timedelta(seconds=0.02)  # in the world's time, while the clock runs faster
    service.GOODBYE_SECONDS = told["goodbye_seconds"]
    archive.opening._BUSY_SECONDS = told["busy_seconds"]
    FullDisk.sign = Path(told["folder"]) / "disk-is-full"
    connect = sqlite3.connect

    def connect_traced(*args: Any, **more: Any) -> sqlite3.Connection:
        conn = connect(*args, **{**more, "factory": FullDisk})
        conn.set_trace_callback(STRIKE.count)
        return conn

    sqlite3.connect = connect_traced  # type: ignore[assignment]  # every connection is counted, also those to come


STRIKE = Strike(0)

if __name__ == "__main__":
    main()
