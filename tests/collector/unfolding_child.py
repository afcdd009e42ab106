"""Unfolds links in a process that kills itself at the SQL statement it is told; for test_unfolding_kill.py."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from page_ground import PUBLIC, Loopback, Web

from archive.store import open_archive
from collector.page_requests import build_page_client
from collector.public_addresses import PublicTransport
from collector.unfolding import POLITE, unfold_links


def main() -> None:
    told = json.loads(sys.argv[1])
    left = told["statements"]

    def count(_statement: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    transport = PublicTransport(Loopback(Web(port=told["port"])), lambda *_: [PUBLIC])
    now = datetime(2026, 10, 8, 14, 0, tzinfo=UTC)
    with build_page_client("test", 5.0, transport) as http, open_archive(Path(told["archive"]), lambda: now) as archive:
        archive.conn.set_trace_callback(count)
        chat = archive.load_chats()["northmoor"]
        unfold_links(archive, http, chat, chat.sessions[0], threading.Event(), replace(POLITE, pause_seconds=0.0))
    sys.stdout.write(str(told["statements"] - left))


if __name__ == "__main__":
    main()
