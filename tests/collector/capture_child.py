"""A short capture in a process of its own, which kills itself at the SQL statement it is told; for test_kill.py."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from archive.models import Chat
from archive.store import open_archive
from chatkeep.stage.bluesky import STAGE_HANDLE, STAGE_PASSWORD
from chatkeep.stage.x import STAGE_TOKEN
from collector.retrying import Retrying
from collector.sources.bluesky import BlueskySource
from collector.sources.mastodon import MastodonSource
from collector.sources.x import XSource
from collector.transport import build_client
from collector.walker import Walker


def main() -> None:
    told = json.loads(sys.argv[1])
    moment = datetime.fromisoformat(told["now"]).astimezone(UTC)
    chat = Chat(slug="northmoor", title="Northmoor hour (fictional)", hashtags=("northmoor",))
    left = told["statements"]

    def count(_statement: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    with build_client("test") as http, open_archive(Path(told["archive"]), lambda: moment) as archive:
        archive.conn.set_trace_callback(count)
        archive.save_chat(chat)
        for source in (
            XSource(http, lambda: moment, base_url=told["x"], bearer_token=STAGE_TOKEN),
            BlueskySource(
                http, lambda: moment, service=told["bluesky"], handle=STAGE_HANDLE, app_password=STAGE_PASSWORD,
                sessions_dir=Path(told["archive"]).parent / ".sessions",
            ),
            MastodonSource(http, lambda: moment, servers=[told["mastodon"]]),
        ):  # fmt: skip
            walker = Walker(archive, source, Retrying(threading.Event()))
            for plan in source.plans("tag", chat):
                result = walker.walk(chat, plan, told["since"])
                assert result.status == "done", result
    sys.stdout.write(str(told["statements"] - left))


if __name__ == "__main__":
    main()
