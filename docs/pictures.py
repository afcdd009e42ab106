"""Takes the pictures of the docs: plays the demo, serves its site, and opens it in Chromium."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).parent / "images"
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
PAGES = {"overview": "/session/councilcommshour-2026-10-08", "home": "/"}


def main() -> None:
    """Writes docs/images/*.png; needs Chromium."""
    chromium = shutil.which("chromium") or sys.exit("Chromium is not installed: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder:
        chatkeep = [sys.executable, "-m", "chatkeep", "--data"]
        subprocess.run([*chatkeep, folder, "demo", "--no-serve"], check=True)
        command = [*chatkeep, f"{folder}/demo", "serve", "--port", "0"]
        site = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert site.stdout is not None
            url = next(word for word in site.stdout.readline().split() if word.startswith("http"))
            take(chromium, url.rstrip("/"))
        finally:
            site.terminate()
            site.wait()


def take(chromium: str, url: str) -> None:
    """One picture a page."""
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1100, "height": 1250})
        for name, path in PAGES.items():
            page.goto(url + path)
            page.screenshot(path=IMAGES / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
