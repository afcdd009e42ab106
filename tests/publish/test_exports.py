"""All exports alike: nothing hostile becomes markup, and what cannot be made is said in one line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from archive_sample import HOSTILE, build_sample
from fern_hour import CHAT, Hour
from markdown_it import MarkdownIt

from archive.errors import UsageError
from publish.exports import render_export


@pytest.fixture
def hour(tmp_path: Path) -> Iterator[Hour]:
    archive = Hour(tmp_path / "archive.db")
    yield archive
    archive.conn.close()


def test_hostile_posts_titles_and_names_reach_no_export_as_markup(tmp_path: Path) -> None:
    archive = build_sample(tmp_path / "archive.db")
    for (slug,) in archive.conn.execute("SELECT slug FROM chats").fetchall():
        for what in ("guide", "transcript", "posts"):
            document = render_export(archive.conn, slug, what, "md")
            rendered = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(document)
            tags = {tag.lower() for tag in re.findall(r"<\s*/?\s*([A-Za-z!?][\w-]*)", rendered)}
            assert tags <= {
                *("h1", "h2", "h3", "h4", "h5", "p", "ul", "li", "a", "em", "strong", "br", "blockquote"),
                *("table", "thead", "tbody", "tr", "th", "td"),
            }
            assert all(re.match("https?://", url) for url in re.findall(r'(?:href|src)="([^"]*)"', rendered))
    assert "alert('one')" in HOSTILE["script"]
    archive.conn.close()


def test_what_does_not_exist_is_answered_with_what_does(hour: Hour) -> None:
    with pytest.raises(UsageError, match=r"guide \(md\), transcript \(csv, md\), posts \(csv, md\)"):
        render_export(hour.conn, CHAT, "guide", "pdf")
    with pytest.raises(UsageError, match="has no chat 'elsewhere'; it has fernhour"):
        render_export(hour.conn, "elsewhere", "guide", "md")


def test_posts_that_were_never_analysed_ask_for_it(hour: Hour) -> None:
    hour.say("x:2", "Hello", 6)
    hour.conn.execute("DELETE FROM chat_posts")
    with pytest.raises(UsageError, match="chatkeep analyse fernhour"):
        hour.guide()
