"""Starts and stops a real Bluesky network on loopback, as servers/bluesky/start.sh builds it."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from archive.models import Author, Chat, Post, RawPage
from archive.times import system_clock
from collector.sources.base import Plan, Window
from collector.sources.bluesky import BlueskySource

Manifest = dict[str, Any]

BULK_POSTS = 250

# The first start installs packages and compiles one (2 to 3 minutes measured); later ones take 14 to 49 s.
_INSTALL_SECONDS = 540.0
_START_SECONDS = 180.0
_STOP_SECONDS = 30.0
# Taken when this module is read: the tests give every test an empty HOME, where all would be installed again.
_INSTALLED_IN = Path(os.environ.get("BSKY_DEV_HOME") or Path.home() / ".cache" / "bsky-dev")


class CouldNotStart(Exception):
    """Why there is no network, in one line."""


@contextmanager
def running_network(start: Path, log: Path) -> Iterator[dict[str, Any]]:
    """The network's manifest while it runs; nothing is left running afterwards. Raises CouldNotStart."""
    if not start.is_file():
        raise CouldNotStart(f"there is no {start}")
    ports = _free_ports()
    env = {
        **os.environ,
        "BSKY_DEV_HOME": str(_INSTALLED_IN),
        "BSKY_DEV_PORT_BASE": str(ports),
        "BSKY_DEV_PG_PORT": str(ports + 10),
        "BSKY_DEV_POSTS": str(BULK_POSTS),
    }
    with log.open("wb") as errors:
        process = subprocess.Popen(
            ["bash", str(start)], stdout=subprocess.PIPE, stderr=errors, env=env, start_new_session=True
        )
    try:
        yield _read_manifest(process, log)
    finally:
        _stop(process)


def _read_manifest(process: subprocess.Popen[bytes], log: Path) -> dict[str, Any]:
    installed = any(_INSTALLED_IN.glob(".installed-*"))
    seconds = _START_SECONDS if installed else _INSTALL_SECONDS
    assert process.stdout is not None
    ends_at = time.monotonic() + seconds
    readable: list[Any] = []
    while not readable and time.monotonic() < ends_at:
        readable, _, _ = select.select([process.stdout], [], [], 1.0)
    line = process.stdout.readline() if readable else b""
    if not line:
        said = log.read_text(errors="replace").strip().splitlines()[-1:] or ["nothing was said"]
        why = f"it ended with {process.wait(_STOP_SECONDS)}" if readable else f"it was not ready in {seconds:.0f} s"
        raise CouldNotStart(f"{why}; last words: {said[0]}")
    manifest: dict[str, Any] = json.loads(line)
    return manifest


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(_STOP_SECONDS)
    finally:
        if process.stdout is not None:
            process.stdout.close()


def _free_ports() -> int:
    """The first of eleven free ports in a row: ten for the network, one for its database."""
    for base in range(21_000 + os.getpid() % 500 * 20, 32_000, 20):
        try:
            with ExitStack() as stack:
                for port in range(base, base + 11):
                    listener = stack.enter_context(socket.socket())
                    listener.bind(("127.0.0.1", port))
        except OSError:
            continue
        return base
    raise CouldNotStart("no eleven free ports in a row on 127.0.0.1")


def source_at(network: Manifest, sessions_dir: Path, http: httpx.Client, url: str = "pds") -> BlueskySource:
    collector = network["accounts"]["collector"]
    return BlueskySource(
        http, system_clock, service=network["urls"][url], handle=collector["handle"],
        app_password=collector["app_password"], sessions_dir=sessions_dir,
    )  # fmt: skip


def tag_plan(source: BlueskySource, network: Manifest, window: Window | None = None) -> Plan:
    chat = Chat(slug="real", title="A real network", hashtags=(network["tag"],))
    return source.plans("tag", chat, window or Window())[0]


def walk(source: BlueskySource, plan: Plan) -> tuple[list[RawPage], dict[str, Post], dict[str, Author]]:
    """All pages to the last, the posts found by address, and the authors."""
    pages: list[RawPage] = []
    posts: dict[str, Post] = {}
    authors: dict[str, Author] = {}
    cursor = None
    while not pages or cursor is not None:
        page = source.fetch(plan, cursor)
        batch = source.parse(page)
        assert batch.flaws == []
        posts.update({post.native_ids[0].native_id: post for post in batch.posts if post.primary})
        authors.update({author.id: author for author in batch.authors})
        pages.append(page)
        cursor = page.next_cursor
        assert len(pages) < 20, "the walk does not end"
    return pages, posts, authors


def control(network: Manifest, path: str, **body: Any) -> Any:
    return httpx.post(f"{network['urls']['control']}/{path}", json=body, timeout=60).json()
