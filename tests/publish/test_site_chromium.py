"""The site in a real browser: nothing in the console, nothing from elsewhere, nothing cut off on a phone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from archive_sample import FICTIONAL, SESSION, build_sample

from publish.chats_db import publish_chats

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
_REQUIRED = os.environ.get("CHATKEEP_REQUIRE_CHROMIUM") == "1"
pytestmark = [
    pytest.mark.chromium,
    pytest.mark.skipif(
        not CHROMIUM.exists() and not _REQUIRED, reason="Chromium is not installed: apt-get install chromium"
    ),
]
sync_api = pytest.importorskip("playwright.sync_api") if not _REQUIRED else __import__("playwright.sync_api").sync_api

OURS = ["/", f"/session/{SESSION}", "/session/elmbridgevale-all"]
READ = ["/chats/posts", "/chats/posts?_search=zzz", "/chats/tips", "/chats/top_tips", "/chats/participants",
        "/chats/posts_of_an_author?author=priya", "/chats/authors/x~3A1002", f"/chats/sessions/{SESSION}"]  # fmt: skip
DATASETTES = ["/chats", "/chats/posts", "/chats/posts?_search=reply", "/chats/tips", "/chats/top_tips",
              "/chats?sql=select+1"]  # fmt: skip

_CHILD = """
import sys
from pathlib import Path
from publish.serving import serve_site
serve_site(Path(sys.argv[1]), port=0, on_ready=lambda address: print(address, flush=True))
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("chromium")
    build_sample(folder / "archive.db").conn.close()
    publish_chats(folder / "archive.db", folder / "chats.db", at="2025-10-09T14:00:00.000Z")
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(folder / "chats.db")], stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert child.stdout is not None
    yield child.stdout.readline().strip().rstrip("/")
    child.terminate()
    child.communicate(timeout=20)


class Browser:
    """A browser that notes what it should not see: console errors, and requests to other hosts."""

    def __init__(self, context: sync_api.BrowserContext, address: str) -> None:
        self.complaints: list[str] = []
        self._address = address
        self.page = context.pages[0] if context.pages else context.new_page()
        self.page.on("console", self._note_console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("request", self._note_request)
        self.page.on("dialog", self._note_dialog)

    def _note_console(self, message: sync_api.ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"console: {message.text}")

    def _note_request(self, request: sync_api.Request) -> None:
        if not request.url.startswith((self._address, "data:")):
            self.complaints.append(f"request: {request.url}")

    def _note_dialog(self, dialog: sync_api.Dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def open(self, path: str) -> sync_api.Page:
        self.page.goto(self._address + path, wait_until="load")
        return self.page


@pytest.fixture(scope="module")
def playwright() -> Iterator[sync_api.Playwright]:
    with sync_api.sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def context(
    playwright: sync_api.Playwright, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[sync_api.BrowserContext]:
    opened = playwright.chromium.launch_persistent_context(
        tmp_path_factory.mktemp("profile"),
        executable_path=CHROMIUM,
        args=FLAGS,
        viewport={"width": 1200, "height": 900},
    )
    yield opened
    opened.close()


@pytest.fixture
def browser(context: sync_api.BrowserContext, address: str) -> Iterator[Browser]:
    made = Browser(context, address)
    made.page.set_viewport_size({"width": 1200, "height": 900})
    yield made
    made.page.close()
    if not context.pages:
        context.new_page()


@pytest.mark.parametrize("path", sorted({*OURS, *READ, *DATASETTES}))
def test_a_page_opens_without_a_complaint(browser: Browser, path: str) -> None:
    page = browser.open(path)
    assert page.locator("h1").count() == 1
    assert browser.complaints == []


@pytest.mark.parametrize("path", [*OURS, *READ])
def test_nothing_is_wider_than_a_phone(browser: Browser, path: str) -> None:
    browser.page.set_viewport_size({"width": 360, "height": 740})
    page = browser.open(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    beyond = page.evaluate(
        "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > 361"
        " && !e.closest('.scroll, .facet-results, thead')).map(e => e.outerHTML.slice(0, 80))"
    )
    assert beyond == []


def test_a_table_on_a_phone_names_its_fields_and_leaves_out_what_few_need(browser: Browser) -> None:
    browser.page.set_viewport_size({"width": 360, "height": 740})
    page = browser.open("/chats/posts?_search=sorry")
    cell = page.locator("td.col-text").first
    assert cell.is_visible()
    assert cell.evaluate("e => getComputedStyle(e, ':before').content") == '"text"'
    assert page.locator("td.col-lang").count() > 0
    assert not page.locator("td.col-lang").first.is_visible()


def test_the_names_of_questions_stand_clear_of_the_scale(browser: Browser) -> None:
    for width in (360, 1200):
        browser.page.set_viewport_size({"width": width, "height": 740})
        page = browser.open(f"/session/{SESSION}")
        boxes = page.evaluate(
            "[...document.querySelectorAll('svg.bars text')].map(e => e.getBoundingClientRect().toJSON())"
        )
        shown = [box for box in boxes if box["width"]]
        assert len(shown) > 5
        for place, one in enumerate(shown):
            for other in shown[place + 1 :]:
                apart = (
                    one["right"] <= other["left"]
                    or other["right"] <= one["left"]
                    or one["bottom"] <= other["top"] + 2
                    or other["bottom"] <= one["top"] + 2
                )
                assert apart, (width, one, other)


def test_a_visitor_finds_the_way_from_home_to_a_post(browser: Browser) -> None:
    page = browser.open("/")
    assert page.locator(".notice").inner_text() == FICTIONAL
    page.get_by_role("link", name="9 October 2025, 13:00").click()
    assert "9 October 2025" in page.get_by_role("heading", level=1).inner_text()
    assert page.locator("svg.bars rect").count() > 20
    page.get_by_text("The numbers as a table").click()
    assert page.locator("figure table").is_visible()
    page.get_by_label("Search this session").fill("sorry")
    page.get_by_role("button", name="Search").click()
    assert "2 rows" in page.locator("main").inner_text()
    page.locator("td.type-pk a").first.click()
    assert "sorry" in page.locator("main").inner_text()
    assert browser.complaints == []


def test_the_keyboard_reaches_the_content_first(browser: Browser) -> None:
    page = browser.open(f"/session/{SESSION}")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_texts_stand_out_from_their_ground(browser: Browser) -> None:
    """WCAG AA asks for 4.5 to 1, and 3 to 1 for large letters."""
    for path in [*OURS, *READ]:
        page = browser.open(path)
        assert page.evaluate(_CONTRAST) == [], path


def test_the_sql_editor_works_under_the_policy(browser: Browser) -> None:
    page = browser.open("/chats?sql=select+1")
    assert page.locator(".CodeMirror").count() == 1
    page.get_by_role("button", name="Format SQL").click()
    assert browser.complaints == []


_CONTRAST = """() => {
  const channel = (v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const read = (text) => text.match(/[\\d.]+/g).map(Number);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const colour = read(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const weak = [];
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.getClientRects().length) continue;
    const style = getComputedStyle(e);
    const fore = e.closest("svg") ? style.fill : style.color;
    const [a, b] = [light(read(fore)), light(ground(e))].sort((x, y) => y - x);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    if ((a + 0.05) / (b + 0.05) < (large ? 3 : 4.5)) weak.push(e.outerHTML.slice(0, 100));
  }
  return weak;
}"""
