"""Other people's words in Markdown: they stay words, and read as they were written."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from publish.markdown import autolink, escape_line, escape_lines, link

COMMONMARK = MarkdownIt("commonmark", {"html": True})
TABLES = MarkdownIt("gfm-like", {"html": True, "linkify": False})
BOTH = (COMMONMARK, TABLES)
_NASTY = st.sampled_from(
    [
        *(
            "# ",
            "## x",
            "<script>",
            "</p>",
            "<b onclick=x>",
            "<!--",
            "-->",
            "<?",
            "<![CDATA[",
            "&lt;",
            "&#60;",
            "&amp;",
        ),
        *("[a](javascript:x)", "![i](https://e.example/x)", "[x]: https://a.example", "[^1]:", "<javascript:x>"),
        *("https://e.example/_a_*b*", "https://e.example/?a=[x](y)", "HTTP://E.EXAMPLE/|", "www.x.example", "ftp://x"),
        *("|", "|---|", "---", "===", ":-:", "* ", "1. ", "12) ", "+ ", "> ", "- ", "    code", "\t", "`", "```", "~~"),
        *("_", "__", "*", "**", "\\", "\n", "\n\n", "\r", "\u2028", "\x00", "\x0b", "\u202e", "!", "#", "$", " ", "a"),
    ]
)
HOSTILE = st.one_of(st.lists(_NASTY, max_size=14).map("".join), st.text(max_size=60))


def tags_in(rendered: str) -> set[str]:
    return {tag.lower() for tag in re.findall(r"<\s*/?\s*([A-Za-z!?][\w-]*)", rendered)}


def links_in(rendered: str) -> list[str]:
    return re.findall(r'(?:href|src)="([^"]*)"', rendered)


@given(HOSTILE)
def test_hostile_words_in_a_list_make_nothing_but_words_and_web_links(text: str) -> None:
    for parser in BOTH:
        for words in (escape_line(text), "\\\n  ".join(escape_lines(text))):
            rendered = parser.render(f"- {words}\n- next\n")
            assert tags_in(rendered) <= {"ul", "li", "a", "br"}
            assert rendered.count("<li>") == 2
            assert all(re.match(r"https?://", url, re.IGNORECASE) for url in links_in(rendered))


@given(HOSTILE)
def test_hostile_words_leave_a_table_its_cells(text: str) -> None:
    words = escape_line(text)
    rendered = TABLES.render(f"| a | b |\n| --- | --- |\n| {words} | {words} |\n| c | d |\n")
    assert rendered.count("<td>") == 4
    assert rendered.count("<tr>") == 3


@given(HOSTILE)
def test_hostile_words_stay_inside_their_heading_and_link(text: str) -> None:
    for parser in BOTH:
        rendered = parser.render(f"# A {escape_line(text)}\n\n{link(text, 'https://e.example/a(b)')}\n")
        assert rendered.count("<h1>") == 1
        assert "https://e.example/a%28b%29" in links_in(rendered)
        assert tags_in(rendered) <= {"h1", "p", "a"}


@given(HOSTILE.filter(lambda text: "http" not in text.lower()))
def test_words_read_as_they_were_written(text: str) -> None:
    seen = html.unescape(re.sub(r"<[^>]*>", "", COMMONMARK.render(escape_line(text) + "\n")))
    kept = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]", "", text)
    assert seen.strip() == " ".join(kept.split())


@given(HOSTILE, st.sampled_from(["http://", "https://", "javascript:", "data:text/html,", "//", " https://", ""]))
def test_no_address_but_one_of_the_web_becomes_a_link(rest: str, scheme: str) -> None:
    for parser in BOTH:
        rendered = parser.render(f"- {link('here', scheme + rest)} {autolink(scheme + rest)}\n")
        assert tags_in(rendered) <= {"ul", "li", "a"}
        assert all(re.match(r"https?://", url, re.IGNORECASE) for url in links_in(rendered))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Put #BinDay in capitals, it's read_aloud: A1: yes!", "Put #BinDay in capitals, it's read_aloud: A1: yes!"),
        ("# shout", "\\# shout"),
        ("1) first", "1\\) first"),
        ("2 < 3 & 4", "2 \\< 3 & 4"),
        ("See https://resources.example.org/a_b_c.", "See <https://resources.example.org/a_b_c>."),
        ("-5 degrees", "\\-5 degrees"),
        ("two\n\nlines", "two lines"),
    ],
)
def test_only_what_could_be_read_as_markdown_is_escaped(text: str, written: str) -> None:
    assert escape_line(text) == written


def test_an_address_that_carries_markdown_still_leads_where_it_should() -> None:
    rendered = COMMONMARK.render(f"{autolink('https://e.example/?q=a_b_c&r=*x*')}\n")
    assert html.unescape(links_in(rendered)[0]) == "https://e.example/?q=a_b_c&r=*x*"
