from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

from page_ground import Web, page, web_of
from shared_ground import Shared

from archive.models import Chat
from collector.unfolding import POLITE

ROOT = Path(__file__).parents[2]
CHILD = Path(__file__).with_name("unfolding_child.py")
LINKS = 23


def unfold(web: Web, path: Path, statements: int = 0) -> subprocess.CompletedProcess[str]:
    told = {"archive": str(path), "port": web.port, "statements": statements}
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    command = [sys.executable, str(CHILD), json.dumps(told)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def found(path: Path) -> set[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as conn:
        assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return set(conn.execute("SELECT url, state, title, tries_count FROM link_pages").fetchall())


def test_unfolding_killed_at_random_moments_keeps_what_was_written_and_asks_for_the_rest(
    tmp_path: Path, chat: Chat
) -> None:
    chance, killed = random.Random(4), 0
    with web_of() as (web, _):
        for number in range(LINKS):
            web.pages[f"site{number}.example/"] = page(f"Page {number}")
        for life in range(2):
            path = tmp_path / f"{life}.db"
            ground = Shared(path, chat)
            for number in range(LINKS):
                ground.share(f"http://site{number}.example/", minute=number)
            ground.archive.close()
            kept: set[tuple[object, ...]] = set()
            web.asked.clear()
            for _ in range(5):
                done = unfold(web, path, chance.randint(8, 30))
                assert done.returncode in (0, -signal.SIGKILL), done.stderr
                killed += done.returncode != 0
                assert kept <= found(path)
                kept = found(path)
            done = unfold(web, path)
            assert done.returncode == 0, done.stderr
            assert found(path) == {(f"http://site{n}.example/", "read", f"Page {n}", 1) for n in range(LINKS)}
            asked = Counter(host for host, *_ in web.asked)
            # a kill costs what is being asked and the few that are not written yet, and nothing that is
            assert sum(asked.values()) <= LINKS + 5 * (POLITE.at_once + 5)
    assert killed >= 6
