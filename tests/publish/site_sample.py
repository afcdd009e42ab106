"""What tests of the site share: a site that answers requests, and the tags of a page."""

from __future__ import annotations

import asyncio
from html.parser import HTMLParser

import httpx
from datasette.app import Datasette


class Site:
    """A site under test: ask() answers one request. ``host`` is the Host header; no proxy in between."""

    def __init__(self, datasette: Datasette, runner: asyncio.Runner) -> None:
        self._app = datasette.app()
        self._runner = runner

    def ask(self, path: str, *, host: str = "localhost", **headers: str) -> httpx.Response:
        return self._runner.run(self._ask(path, {"host": host, **headers}))

    async def _ask(self, path: str, headers: dict[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(app=self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get(path, headers=headers)


class Tags(HTMLParser):
    """The tags of a page with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
