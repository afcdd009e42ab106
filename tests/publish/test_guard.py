"""What the site refuses: pages elsewhere that ask through a browser, proxies, writing, and files that are not ours."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from archive_sample import build_sample

from archive.errors import StorageError
from publish.chats_db import publish_chats
from publish.serving import build_site

HUGE = "/chats.json?sql=select+length(zeroblob(60000000))"


def publish_to(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    build_sample(folder / "archive.db")
    publish_chats(folder / "archive.db", folder / "chats.db", at="2026-10-09T08:00:00.000Z")
    return folder / "chats.db"


def ask(path: Path, address: str, method: str = "GET", **headers: str) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app=build_site(path).app())
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, address, headers={"host": "localhost:8001", **headers})

    return asyncio.run(asked())


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish_to(tmp_path_factory.mktemp("site"))


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("/", {}, 200),
        ("/", {"Sec-Fetch-Site": "none"}, 200),
        ("/chats/posts.json", {"Sec-Fetch-Site": "same-origin"}, 200),
        ("/", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 200),
        ("/", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 403),
        ("/chats/posts.json", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ("/chats/posts.json", {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, 403),
        (
            "/chats?sql=select+1",
            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
            403,
        ),
        ("/", {"Origin": "https://evil.example"}, 403),
        ("/", {"Origin": "null"}, 403),
        ("/", {"Origin": "http://localhost:8001"}, 200),
        ("/", {"CF-Connecting-IP": "203.0.113.9"}, 403),
        ("/", {"Tailscale-User-Login": "ann@example.org"}, 403),
    ],
)
def test_only_a_person_on_this_machine_may_ask(
    published: Path, address: str, headers: dict[str, str], status: int
) -> None:
    assert ask(published, address, **headers).status_code == status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_sent_to_the_site(published: Path, method: str) -> None:
    assert ask(published, "/chats/posts", method).status_code == 405


def test_a_query_cannot_take_the_memory_of_the_machine(published: Path) -> None:
    answer = ask(published, HUGE)
    assert answer.status_code == 400
    assert "too big" in answer.text


@pytest.mark.parametrize("name", ["my #chat", "what?x", "100%25 sure", "plain"])
def test_a_folder_of_any_name_is_served_and_no_other_file_is_made(tmp_path: Path, name: str) -> None:
    path = publish_to(tmp_path / name)
    before = sorted(tmp_path.rglob("*"))
    assert ask(path, "/chats/posts.json").status_code == 200
    assert [
        entry for entry in sorted(tmp_path.rglob("*")) if entry not in before and "chats.db-" not in entry.name
    ] == []


@pytest.mark.parametrize("content", [b"", b"a letter, not a database"])
def test_a_file_that_was_not_published_whole_is_said_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "chats.db"
    path.write_bytes(content)
    with pytest.raises(StorageError, match="publish again"):
        build_site(path)
