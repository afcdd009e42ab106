"""The site answers on every page without an error, lets only this machine in, and never passes on what posts carry."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from archive_sample import CHAT, FICTIONAL, NEXT_SESSION, SESSION, build_empty, build_sample
from datasette.app import Datasette
from site_sample import Site, Tags

from archive.errors import SettingsError, StorageError, UsageError
from archive.reference import reference_path
from publish.chats_db import publish_chats
from publish.chats_schema import TABLES
from publish.plugin.chart import build_chart
from publish.plugin.guard import OWN_POLICY
from publish.serving import build_site, serve_site

AT = "2025-10-09T14:00:00.000Z"
QUERIES = (
    "top_tips", "shared_links", "who_took_part", "busiest_minutes", "unanswered_questions", "posts_of_an_author",
)  # fmt: skip
_ADDRESSES = {"href", "src", "action", "formaction", "xlink:href"}


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


def _publish(folder: Path, build: Callable[[Path], Any]) -> Path:
    build(folder / "archive.db")
    publish_chats(folder / "archive.db", folder / "chats.db", at=AT)
    return folder / "chats.db"


def _build_full(path: Path) -> None:
    archive = build_sample(path)
    archive.post("x:6666", "<b>" * 700_000, 44)
    archive.conn.close()


@pytest.fixture(scope="module")
def chats_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _publish(tmp_path_factory.mktemp("sample"), _build_full)


@pytest.fixture(scope="module")
def sample(chats_path: Path, runner: asyncio.Runner) -> Site:
    return Site(build_site(chats_path), runner)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory, runner: asyncio.Runner) -> Site:
    return Site(build_site(_publish(tmp_path_factory.mktemp("empty"), build_empty)), runner)


@pytest.fixture(params=["sample", "empty"])
def site(request: pytest.FixtureRequest) -> Site:
    made: Site = request.getfixturevalue(request.param)
    return made


def _table_pages() -> list[str]:
    pages = []
    for table in TABLES:
        place = f"/chats/{table.name}"
        pages += [place, f"{place}.json", f"{place}.json?_shape=array&_labels=on", f"{place}.csv?_stream=on"]
        pages += [f"{place}?_sort={table.key[0]}", f"{place}?{table.key[0]}__contains=x", f"{place}?_size=5"]
        if table.searched:
            pages += [f"{place}?_search=reply", f"{place}?_search=%22%27%20AND%20%28", f"{place}?_search=x&_facet=kind"]
    return pages


PAGES = [
    "/", "/.json", "/chats", "/chats.json", "/chats?sql=select+1", "/chats.json?sql=select+1", "/robots.txt",
    "/chats/posts?_facet=platform&_facet=session&_facet=role", "/chats/posts?_facet_date=posted_at",
    "/chats/tips?_where=score+%3E+0.5", "/-/metadata", "/-/versions", "/-/databases.json", "/-/plugins",
    "/chatkeep/site.css", "/chatkeep/menus.js", "/chatkeep/editor.js",
    *_table_pages(),
    *(f"/chats/{query}{rest}" for query in QUERIES for rest in (
        "", ".json", ".csv", f"?chat={CHAT}", f"?chat=nobody&session={SESSION}&author=@priya_elmbridge",
    )),
]  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_every_page_answers_on_a_full_and_on_an_empty_archive(site: Site, path: str) -> None:
    answer = site.ask(path)
    assert answer.status_code == 200, answer.text[:400]


def test_every_row_page_answers(sample: Site) -> None:
    seen = 0
    for table in TABLES:
        rows = sample.ask(f"/chats/{table.name}?_size=max").text
        links = re.findall(rf'href="(/chats/{table.name}/[^"?]+)"', rows)
        for link in sorted(set(links))[:12]:
            assert sample.ask(link).status_code == 200, link
            seen += 1
    assert seen > 80


@pytest.mark.parametrize("path", ["/nothing", "/chats/nothing", "/chats/posts/nothing", "/session/nothing",
                                  "/session/%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E", "/session/%ff%00",
                                  "/chats/posts.json?_sort=nothing", "/nothing.json", "/chats.db"])  # fmt: skip
def test_what_is_not_there_is_said_plainly(site: Site, path: str, capsys: pytest.CaptureFixture[str]) -> None:
    answer = site.ask(path)
    assert answer.status_code in {400, 403, 404}
    assert "<script>alert" not in answer.text
    assert capsys.readouterr() == ("", "")


def test_every_session_has_its_overview(sample: Site) -> None:
    for session in (SESSION, NEXT_SESSION, "elmbridgevale-all"):
        assert sample.ask(f"/session/{session}").status_code == 200


def test_the_overview_tells_the_session(sample: Site) -> None:
    page = sample.ask(f"/session/{SESSION}").text
    for expected in (
        "Northmoor communicators&#39; chat", "13:00 to 14:00", "Hosted by @NorthmoorTalk on X", "Explore all 47 posts",
        "What one thing would you tell a council that is new", "Reply within the hour", "Nobody answered",
        "Bluesky:</strong> complete for all 60 minutes.", "read the post", "not yet reviewed", "Priya Raman",
        "X:</strong> complete for 50 of 60 minutes; partial for 10 minutes (between 13:10 and 13:19): the walk was cut",
        "Mastodon:</strong> unknown for all 60 minutes", "replying, complaints, tone", "Elmbridge Vale Council",
        "2025-10-10 09:00", "The numbers as a table",
    ):  # fmt: skip
        assert expected in page, expected


def test_best_answers_leave_reposts_out(sample: Site) -> None:
    assert "RT @priya_elmbridge" not in sample.ask(f"/session/{SESSION}").text


@pytest.mark.parametrize("path", ["/", f"/session/{SESSION}", "/chats", "/chats/posts", "/chats/top_tips", "/nothing"])
def test_a_fictional_chat_is_called_so_on_every_page(sample: Site, path: str) -> None:
    assert FICTIONAL in sample.ask(path).text


def test_a_chat_that_is_real_carries_no_banner(sample: Site) -> None:
    assert 'role="note"' not in sample.ask("/session/elmbridgevale-all").text


def test_the_home_page_lists_chats_and_sessions_first(sample: Site) -> None:
    page = sample.ask("/").text
    assert page.index(f"/session/{SESSION}") < page.index("Ask the archive") < page.index("Explore the tables")


def test_the_home_page_of_an_empty_archive_says_what_to_do(empty: Site) -> None:
    assert "Nothing has been published yet" in empty.ask("/").text


HOSTILE_PAGES = [
    "/", f"/session/{SESSION}", "/chats/posts", "/chats/posts?_search=alert", "/chats/tips", "/chats/answers",
    "/chats/authors", "/chats/participants", "/chats/links", "/chats/top_tips", "/chats/posts_of_an_author?author=x",
    "/chats/who_took_part", "/chats/shared_links", "/chats/posts?_facet=author",
    "/chats/posts?handle=%3Cscript%3Ealert(6)%3C/script%3E", "/chats/posts?_search=%3Cscript%3Ealert(1)%3C/script%3E",
]  # fmt: skip


@pytest.mark.parametrize("path", HOSTILE_PAGES)
def test_hostile_posts_stay_text(sample: Site, path: str) -> None:
    page = sample.ask(path).text
    tags = Tags(page).found
    assert "<script>alert" not in page
    assert not [
        attributes for tag, attributes in tags if tag == "img" or any(name.startswith("on") for name in attributes)
    ]
    for tag, attributes in tags:
        for name in _ADDRESSES & attributes.keys():
            address = (attributes[name] or "").strip()
            assert urlsplit(address).scheme in {"", "http", "https"}, (tag, address)


def test_links_to_elsewhere_are_marked_as_strangers(sample: Site) -> None:
    for path in (f"/session/{SESSION}", "/chats/posts", "/chats/tips", "/chats/links", "/chats/top_tips"):
        outside = [
            attributes
            for tag, attributes in Tags(sample.ask(path).text).found
            if tag == "a" and urlsplit(attributes.get("href") or "").netloc not in {"", "localhost"}
        ]
        assert len(outside) > 1, path
        for attributes in outside:
            if attributes["href"] != "https://datasette.io/":
                assert attributes["rel"] == "noopener nofollow ugc"


def test_a_text_of_two_megabytes_is_cut_on_pages_of_many(sample: Site) -> None:
    for path in (f"/session/{SESSION}", "/chats/posts", "/chats/answers", "/chats/tips"):
        assert len(sample.ask(path).content) < 600_000, path


@pytest.mark.parametrize("path", ["/", f"/session/{SESSION}", "/chats/posts", "/chats/posts.json", "/nothing",
                                  "/chatkeep/site.css"])  # fmt: skip
def test_every_answer_carries_the_security_headers(sample: Site, path: str) -> None:
    headers = sample.ask(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "noindex" in headers["x-robots-tag"]
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self' 'unsafe-inline'" not in policy
    assert "http" not in policy


@pytest.mark.parametrize("path", [f"/session/{SESSION}", "/session/nothing", "/nothing", "/"])
def test_pages_of_ours_need_no_script_and_no_inline_style(sample: Site, path: str) -> None:
    answer = sample.ask(path)
    assert answer.headers["content-security-policy"] == OWN_POLICY
    tags = Tags(answer.text).found
    assert not [tag for tag, attributes in tags if tag in {"script", "style"} or "style" in attributes]


@pytest.mark.parametrize("path", [f"/session/{SESSION}", "/session/nothing", "/"])
def test_pages_of_ours_have_their_headings_in_order(site: Site, path: str) -> None:
    page = site.ask(path).text
    tags = Tags(page).found
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert dict(tags)["html"] == {"lang": "en-GB"}
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = {attributes.get("for") for tag, attributes in tags if tag == "label"}
    fields = [attributes for tag, attributes in tags if tag == "input" and attributes.get("type") != "hidden"]
    assert {attributes["id"] for attributes in fields} <= named


@pytest.mark.parametrize("host", ["localhost", "localhost:8001", "127.0.0.1:8001", "[::1]:8001", "LOCALHOST"])
def test_names_of_this_machine_are_let_in(sample: Site, host: str) -> None:
    assert sample.ask("/", host=host).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:8001", "localhost.evil.example", "127.0.0.1.evil.example",
        "localhost:8001@evil.example", "", "192.168.1.5", "0.0.0.0",
    ],
)  # fmt: skip
def test_any_other_host_is_refused(sample: Site, host: str) -> None:
    answer = sample.ask("/chats/posts.json", host=host)
    assert answer.status_code == 403
    assert answer.text.startswith("Chatkeep answers on this computer alone")
    assert answer.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("header", ["X-Forwarded-For", "x-forwarded-host", "X-Forwarded-Proto", "Forwarded",
                                    "X-Real-IP", "Via"])  # fmt: skip
def test_a_request_that_was_forwarded_is_refused(sample: Site, header: str) -> None:
    assert sample.ask("/", **{header: "127.0.0.1"}).status_code == 403


def test_the_site_shows_what_was_published_a_moment_ago(tmp_path: Path, runner: asyncio.Runner) -> None:
    archive = build_sample(tmp_path / "archive.db")
    chats_path = tmp_path / "chats.db"
    publish_chats(tmp_path / "archive.db", chats_path, at=AT)
    site = Site(build_site(chats_path), runner)
    assert "albatross" not in site.ask("/chats/posts").text
    post = archive.post("x:1002", "Straight away: albatross", 59)
    publish_chats(tmp_path / "archive.db", chats_path, at=AT)
    assert "Straight away: albatross</td>" in site.ask("/chats/posts?_search=albatross").text
    archive.tombstone(post)
    publish_chats(tmp_path / "archive.db", chats_path, at=AT)
    archive.conn.close()
    assert "Straight away" not in site.ask("/chats/posts?_search=albatross").text


def test_datasette_alone_serves_the_file_with_its_metadata(chats_path: Path, runner: asyncio.Runner) -> None:
    metadata = json.loads(reference_path("datasette_metadata.json").read_text(encoding="utf-8"))
    plain = Site(Datasette([str(chats_path)], metadata=metadata), runner)
    assert plain.ask("/", host="anything.example").status_code == 200
    assert "Every public post of every session" in plain.ask("/chats/posts?_search=reply").text
    assert "Priya Raman" in plain.ask("/chats/posts").text
    for query in QUERIES:
        assert plain.ask(f"/chats/{query}").status_code == 200
    assert plain.ask(f"/session/{SESSION}").status_code == 404


def test_the_download_of_the_file_is_off(sample: Site) -> None:
    assert sample.ask("/chats.db").status_code in {403, 404}


def test_a_crash_is_told_without_its_insides(
    chats_path: Path, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site = Site(build_site(chats_path), runner)
    monkeypatch.setattr("publish.plugin.site.load_overview", lambda *_: 1 / 0)
    answer = site.ask(f"/session/{SESSION}")
    assert answer.status_code == 500
    assert "division" not in answer.text
    assert "Priya" not in "".join(capsys.readouterr())


def test_a_query_without_end_is_stopped_and_told_so(sample: Site, capsys: pytest.CaptureFixture[str]) -> None:
    endless = "with recursive n(i) as (select 1 union all select i %2B 1 from n) select count(*) from n"
    answer = sample.ask(f"/chats?_timelimit=20&sql={endless}")
    assert answer.status_code == 400
    assert "took too long" in answer.text
    assert capsys.readouterr() == ("", "")


def test_nothing_to_serve_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="run chatkeep publish first"):
        build_site(tmp_path / "chats.db")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_listening_beyond_this_machine_is_refused(chats_path: Path, host: str) -> None:
    with pytest.raises(SettingsError, match="stays on this computer"):
        serve_site(chats_path, host=host)


def test_a_port_that_is_taken_proposes_another(chats_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match="--port"):
            serve_site(chats_path, port=port)


_CHILD = """
import sys
from pathlib import Path
from publish.serving import serve_site
serve_site(Path(sys.argv[1]), port=0, on_ready=lambda address: print(address, flush=True))
print("ended", flush=True)
"""


@contextlib.contextmanager
def _serving(chats_path: Path) -> Iterator[SimpleNamespace]:
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(chats_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    try:
        assert child.stdout is not None
        yield SimpleNamespace(child=child, address=child.stdout.readline().strip())
    finally:
        if child.poll() is None:
            child.kill()
        child.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_cleanly(chats_path: Path, number: signal.Signals) -> None:
    with _serving(chats_path) as server:
        # A browser keeps its connection open; that must not hold the end up.
        with httpx.Client(base_url=server.address, trust_env=False) as browser:
            assert browser.get("/").status_code == 200
            started = time.monotonic()
            server.child.send_signal(number)
            out, errors = server.child.communicate(timeout=20)
        assert (out.strip(), server.child.returncode) == ("ended", 0)
        assert errors == ""
        assert time.monotonic() - started < 20
        with pytest.raises(httpx.ConnectError):
            httpx.get(server.address, trust_env=False)


def test_a_chart_holds_every_post_and_every_question() -> None:
    counts = [("2025-10-09 13:00", "X", 2), ("2025-10-09 13:59", "X", 1), ("2025-10-09 13:00", "Bluesky", 3)]
    chart = build_chart(
        counts, [("Q1", "2025-10-09 13:30"), ("Q9", "2025-10-10 09:00")], "2025-10-09 13:00", "2025-10-09 14:00"
    )
    assert chart is not None
    assert (len(chart.bars), chart.step, chart.highest) == (60, 1, 5)
    assert sum(bar.total for bar in chart.bars) == 6
    assert [piece.platform for piece in chart.bars[0].pieces] == ["X", "Bluesky"]
    assert chart.bars[0].pieces[-1].y == 0
    assert [(mark.label, mark.x) for mark in chart.questions] == [("Q1", 50.0)]


def test_a_chart_of_years_has_few_bars() -> None:
    chart = build_chart(
        [("2014-01-01 00:00", "X", 1), ("2025-01-01 00:00", "X", 1)], [], "2014-01-01 00:00", "2025-01-01 00:00"
    )
    assert chart is not None
    assert len(chart.bars) <= 140
    assert sum(bar.total for bar in chart.bars) == 2


def test_nothing_posted_gives_no_chart() -> None:
    assert build_chart([], [("Q1", "2025-10-09 13:30")], "2025-10-09 13:00", "2025-10-09 14:00") is None
    assert build_chart([("someday", "X", 1)], [], "2025-10-09 13:00", "2025-10-09 14:00") is None
