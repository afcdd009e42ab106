"""The site reads well: searches do what they promise, ready questions have fields, rows have names, CSV is safe."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from archive_sample import CHAT, SESSION, build_sample
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from site_sample import Site, Tags

from publish.chats_db import publish_chats
from publish.plugin.chart import build_chart
from publish.plugin.safe_csv import SafeCsv
from publish.serving import build_site
from publish.spreadsheet import BOM

SEARCHED = ("bins are late again", "recycling at last", "plain english for residents", "english, plain and simple")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("reading")
    archive = build_sample(folder / "archive.db")
    for text in (
        "bins are late again",
        "recycling at last",
        "plain english for residents",
        "english, plain and simple",
    ):
        archive.post("x:1003", text, 50)
    advert = archive.post("x:6666", "Buy likes", 51)
    archive.insert("post_links", post=advert, url="https://likes.example/buy")
    archive.conn.close()
    publish_chats(folder / "archive.db", folder / "chats.db", at="2025-10-09T14:00:00.000Z")
    with asyncio.Runner() as runner:
        yield Site(build_site(folder / "chats.db"), runner)


def _count(site: Site, search: str, rest: str = "") -> int:
    answer = site.ask(f"/chats/posts.json?_shape=array&_search={quote(search)}{rest}")
    assert answer.status_code == 200, answer.text
    return len(answer.json())


@pytest.mark.parametrize(
    ("search", "count"),
    [("bins OR recycling", 2), ('"plain english"', 1), ("plain english", 2), ("resid*", 1), ("bins NOT late", 0),
     ("@priya_elmbridge", 1), ("zzz", 0)],
)  # fmt: skip
@pytest.mark.parametrize("rest", ["", "&_searchmode=raw", f"&session={SESSION}"])
def test_a_search_finds_what_the_guide_for_organisers_promises(site: Site, search: str, count: int, rest: str) -> None:
    assert _count(site, search, rest) == count


def test_an_empty_search_box_is_no_search(site: Site) -> None:
    assert _count(site, "") == _count(site, "  ") == len(site.ask("/chats/posts.json?_shape=array").json()) > 40


@given(st.text(max_size=60))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_search_is_an_error(site: Site, search: str) -> None:
    for rest in ("", "&_searchmode=raw"):
        assert _count(site, search, rest) >= 0


def test_a_search_without_hits_says_what_to_try(site: Site) -> None:
    page = site.ask("/chats/posts?_search=zzz").text
    assert "No row matches the search “zzz”" in page
    assert "bins OR recycling" in page
    assert "<summary>How this table is made (SQL)</summary>" in page
    assert page.index("How this table is made") < page.index("CREATE TABLE")


def test_a_ready_question_has_a_title_fields_and_its_sql_folded(site: Site) -> None:
    page = site.ask(f"/chats/top_tips?chat={CHAT}").text
    assert "<title>Top tips by question · Chatkeep</title>" in page
    assert f'<option value="{CHAT}" selected>' in page
    assert 'value="Show"' in page
    assert page.index("<summary>The SQL behind this</summary>") < page.index("row_number()")
    for words in ("Custom SQL", "Query parameters", "Run SQL"):
        assert words not in page
    fields = [attributes for tag, attributes in Tags(page).found if tag in {"select", "input"} and "id" in attributes]
    named = {attributes.get("for") for tag, attributes in Tags(page).found if tag == "label"}
    assert {attributes["id"] for attributes in fields} <= named


def test_the_page_of_all_tables_names_them_in_words(site: Site) -> None:
    page = site.ask("/chats").text
    assert page.index("Ready questions") < page.index(">Evidence for tips</a>") < page.index("Ask in SQL")
    assert "11 hidden tables" not in page


def test_a_choice_that_is_not_there_stays_chosen(site: Site) -> None:
    page = site.ask("/chats/top_tips?chat=%3Cb%3E").text
    assert '<option value="&lt;b&gt;" selected>' in page
    assert "Nothing was found." in page


@pytest.mark.parametrize("author", ["@priya", "priya", "@Priya_Elmbridge", "raman", "PRIYA RAMAN"])
def test_an_author_is_found_by_a_part_of_a_handle_or_name(site: Site, author: str) -> None:
    rows = site.ask(f"/chats/posts_of_an_author.json?_shape=array&author={quote(author)}").json()
    assert {row["handle"] for row in rows} == {"priya_elmbridge"}


def test_own_sql_still_has_its_editor(site: Site) -> None:
    page = site.ask("/chats?sql=select+1").text
    assert "Run SQL" in page
    assert 'id="sql-editor"' in page


def _row(site: Site, table: str, where: str) -> str:
    (row, *_) = site.ask(f"/chats/{table}.json?_shape=array&{where}").json()
    return site.ask(f"/chats/{table}/{row['id']}").text


def test_a_row_is_named_by_its_author_and_words(site: Site) -> None:
    page = _row(site, "posts", "_search=looking&kind=post")
    assert "<title>Priya Raman: A1 Reply within the hour, even if only to say" in page
    assert f'<a href="/session/{SESSION}">9 October 2025, 13:00</a>' in page
    assert '<a href="/chats/authors/x~3A1002">Priya Raman</a>' in page
    assert re.search(r'<dt title="[^"]+">question</dt><dd dir="auto"><a href="/chats/questions/[^"]+">Q1\. What', page)
    assert "0 rows" not in page
    assert "<table" not in page


def test_a_row_of_a_hostile_author_stays_text(site: Site) -> None:
    page = _row(site, "posts", "handle__contains=script")
    assert not [tag for tag, _ in Tags(page).found if tag in {"script", "img"}]


def test_a_table_begins_with_what_people_read_and_ends_with_the_id(site: Site) -> None:
    page = site.ask("/chats/posts").text
    columns = [attributes["data-column"] for tag, attributes in Tags(page).found if tag == "th"]
    assert columns[:3] == ["local_time", "author", "text"]
    assert columns[-1] == "id"
    assert "posted at&nbsp;▼" in page
    assert "posted at&nbsp;▲" in site.ask("/chats/posts?_sort=posted_at").text
    assert re.search(r'<td class="col-local_time[^>]+><a href="/chats/posts/\w+">2025-', page)


def test_the_session_page_shows_answers_in_their_own_words_and_no_adverts(site: Site) -> None:
    page = site.ask(f"/session/{SESSION}").text
    best = re.findall(r'<ol class="answers">.*?</ol>', page, re.DOTALL)
    assert best
    assert not [answers for answers in best if ">A1" in answers]
    assert '<a href="https://checklist.example/day" rel="noopener nofollow ugc">checklist.example/day</a>' in page
    assert "likes.example" not in page
    for path in ("/chats/links", "/chats/shared_links"):
        table = site.ask(path).text
        assert 0 < table.index("checklist.example/day") < table.index('href="https://likes.example'), path
    assert "replies without the hashtag and deleted posts cannot be found by searching" in page
    assert re.findall(r"<summary>(\d+ more good answers?)</summary>", page) == [
        "1 more good answer",
        "5 more good answers",
    ]


def test_tips_are_counted_apart_from_concerns(site: Site) -> None:
    page = site.ask(f"/session/{SESSION}").text
    shown = dict(re.findall(r"<dt>([^<]+)</dt><dd><a href=\"[^\"]+\">(\d+)</a>", page))
    (total,) = [row["tip_count"] for row in site.ask(f"/chats/sessions.json?_shape=array&id={SESSION}").json()]
    assert int(shown["Tips"]) + int(shown["Concerns, questions"]) == total
    assert shown["Concerns, questions"] == "1"
    for link in re.findall(r'href="(/chats/tips\?[^"]*kind__in[^"]*)"', page):
        assert site.ask(link.replace("&amp;", "&")).status_code == 200


def test_home_leaves_empty_tables_out_and_dates_what_has_no_session(tmp_path: Path) -> None:
    archive = build_sample(tmp_path / "archive.db")
    for table in ("author_organisations", "organisations"):
        archive.conn.execute(f"DELETE FROM {table}")
    archive.chat("imported", "#imported")
    archive.post("x:1003", "First", 0, "", "imported")
    archive.post("x:1003", "Last", 60 * 24 * 40, "", "imported")
    archive.conn.close()
    publish_chats(tmp_path / "archive.db", tmp_path / "chats.db", at="2025-10-09T14:00:00.000Z")
    with asyncio.Runner() as runner:
        page = Site(build_site(tmp_path / "chats.db"), runner).ask("/").text
    assert "/chats/organisations" not in page
    assert "/chats/participants" in page
    assert "9 October 2025 to 18 November 2025" in page
    assert page.count("#imported") == 1


def test_the_csv_of_the_site_is_safe_for_a_spreadsheet(site: Site) -> None:
    text = site.ask("/chats/posts.csv?_stream=on").content.decode()
    assert text.startswith(BOM + "id,")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix(BOM), newline="")))
    assert len(rows) == len(site.ask("/chats/posts.json?_shape=array&_size=max").json())
    assert '\'=HYPERLINK("https://evil.example","free")' in {row["text"] for row in rows}
    assert all(re.fullmatch(r"\d+", row["like_count"]) for row in rows)
    assert all(re.match(r"\d{4}-", row["local_time"]) for row in rows)
    assert site.ask("/chats/top_tips.csv").text.startswith(BOM + "session,")
    assert not site.ask("/chats/posts.json").text.startswith(BOM)


@given(st.lists(st.lists(st.text(alphabet='a1"=\n\r,é-'), min_size=1, max_size=3), max_size=5), st.integers(1, 7))
def test_csv_cut_anywhere_gives_the_same_rows(rows: list[list[str]], size: int) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    body = out.getvalue().encode()
    whole = SafeCsv().feed(body, last=True)
    table = SafeCsv()
    cut = [table.feed(body[place : place + size], last=False) for place in range(0, len(body), size)]
    assert b"".join([*cut, table.feed(b"", last=True)]) == whole
    read = list(csv.reader(io.StringIO(whole.decode().removeprefix(BOM), newline="")))
    assert [len(row) for row in read] == [len(row) for row in csv.reader(io.StringIO(out.getvalue(), newline=""))]


@pytest.mark.parametrize(
    ("start", "end", "labels"),
    [
        ("2025-10-09 02:00", "2025-10-09 02:45", ["02:00", "02:10", "02:20", "02:30", "02:40"]),
        ("2025-10-09 13:00", "2025-10-09 14:00", ["13:00", "13:10", "13:20", "13:30", "13:40", "13:50", "14:00"]),
        ("2025-10-09 13:07", "2025-10-09 13:27", ["13:10", "13:15", "13:20", "13:25"]),
        ("2025-10-09 13:07", "2025-10-10 13:07",
         ["18:00", "00:00", "06:00", "12:00"]),
        ("2025-10-09 13:00", "2025-10-11 13:00",
         ["10 Oct 00:00", "10 Oct 12:00", "11 Oct 00:00", "11 Oct 12:00"]),
    ],
)  # fmt: skip
def test_the_axis_reads_round_times(start: str, end: str, labels: list[str]) -> None:
    chart = build_chart([(start, "X", 1)], [], start, end)
    assert chart is not None
    assert [mark.label for mark in chart.ticks] == labels


def test_the_axis_of_many_years_has_few_times() -> None:
    chart = build_chart([("2007-01-01 00:00", "X", 1)], [], "2007-01-01 00:00", "2025-01-01 00:00")
    assert chart is not None
    assert 2 <= len(chart.ticks) <= 7
