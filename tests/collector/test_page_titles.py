"""A title comes out of whatever a page holds: in its own charset, harmless to a reader's screen, and in no time."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collector.page_requests import LARGEST_START
from collector.page_titles import LONGEST_TITLE, clean_title, decode_page, parse_title


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("<html><head><title>Bin days in Northmoor</title></head>", "Bin days in Northmoor"),
        ("<TITLE lang=en>\n  Bin\tdays \r\n in   Northmoor\n</TITLE >", "Bin days in Northmoor"),
        ("<title>Bins &amp; boxes &ndash; caf&#233;</title>", "Bins & boxes – café"),
        ("<title>Bins | Northmoor Council | Home</title><meta property='og:title' content=\"Bins\">", "Bins"),
        ('<meta content="Bins" property="OG:Title"/><title>No</title>', "Bins"),
        ("<meta name=twitter:title content=Bins><title></title>", "Bins"),
        ("<meta property=og:title content='  '><title>Bins</title>", "Bins"),
        ("<meta property=\"og:title\" content=\"Less < more, 2 > 1\"><title>x</title>", "Less < more, 2 > 1"),
        ("<title>One</title><title>Two</title>", "One"),
        ("<!-- <title>No</title> --><title>Bins</title>", "Bins"),
        ("<script>var a = '<title>No</title>'</script><style>/*<title>No</title>*/</style><title>Bins</title>", "Bins"),
        ("<svg><title>An icon</title></svg><title>Bins</title>", "Bins"),
        ("<noscript><title>No</title></noscript><title>Bins</title>", "Bins"),
        ("<title>Bins</title></head><body><meta property='og:title' content='No'>", "Bins"),
        ("<titles>No</titles><title-x>No</title-x><metadata property=og:title content=No>", None),
        ("<title>without an end, and then the whole page", None),
        ("<title></title>", None),
        ("<p>No title at all", None),
        ("", None),
    ],
)  # fmt: skip
def test_the_title_is_found(source: str, title: str | None) -> None:
    assert parse_title(source.encode()) == title


TITLE = "Café „Übermut“ – Straßenfest"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (f"<title>{TITLE}</title>".encode(), "text/html; charset=utf-8"),
        (f"<title>{TITLE}</title>".encode(), "text/html"),
        (f"<title>{TITLE}</title>".encode(), "text/html; charset=nonsense"),
        (f"<title>{TITLE}</title>".encode(), "text/html; charset=punycode"),
        (f"<title>{TITLE}</title>".encode("cp1252"), 'text/html; charset="Windows-1252"'),
        (f"<title>{TITLE}</title>".encode("cp1252"), "text/html; charset=ISO-8859-1"),
        (f"<title>{TITLE}</title>".encode("cp1252"), "text/html; charset=utf-8"),
        (f"<title>{TITLE}</title>".encode("cp1252"), ""),
        (f"<meta charset='windows-1252'><title>{TITLE}</title>".encode("cp1252"), "text/html"),
        (f'<meta http-equiv="content-type" content="text/html; charset=windows-1252"><title>{TITLE}</title>'.encode(
            "cp1252"), ""),
        (b"\xef\xbb\xbf" + f"<title>{TITLE}</title>".encode(), "text/html; charset=iso-8859-1"),
        (f"\ufeff<title>{TITLE}</title>".encode("utf-16-le"), ""),
        (f"\ufeff<title>{TITLE}</title>".encode("utf-16-be"), ""),
        (f"<title>{TITLE}</title>".encode() + "é".encode()[:1], "text/html; charset=utf-8"),
    ],
)  # fmt: skip
def test_the_charset_is_respected_and_a_wrong_one_found_out(body: bytes, content_type: str) -> None:
    assert parse_title(body, content_type) == TITLE


@pytest.mark.parametrize(
    ("text", "charset"),
    [("Добрый день", "windows-1251"), ("Добрый день", "koi8-r"), ("日本語のページ", "shift_jis"), ("日本語", "euc-jp"),
     ("한국어", "euc-kr"), ("中文网页", "gb18030"), ("中文網頁", "big5"), ("Dobrý den", "iso-8859-2")],
)  # fmt: skip
def test_pages_of_many_scripts_are_read(text: str, charset: str) -> None:
    assert parse_title(f"<title>{text}</title>".encode(charset), f"text/html; charset={charset}") == text


@given(st.binary(max_size=400), st.text(max_size=40))
@example(b"<title>\xff\xfe</title>", "text/html; charset=utf-16")
@example(b"<title>&#xD800;&#0;&#x202e;x</title>", "")
def test_any_bytes_give_a_clean_line_or_nothing(body: bytes, content_type: str) -> None:
    for title in (parse_title(body, content_type), parse_title(b"<title>" + body + b"</title>", content_type)):
        assert title is None or is_clean(title)


def is_clean(title: str) -> bool:
    title.encode()
    kinds = {unicodedata.category(letter) for letter in title if letter not in "\u200c\u200d"}
    return 0 < len(title) <= LONGEST_TITLE and not kinds & {"Cc", "Cf", "Cs", "Co"} and title == " ".join(title.split())


@given(st.text())
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean_title(text)
    assert clean_title(once) == once
    assert once == "" or is_clean(once)


def test_a_long_title_is_cut_at_a_word() -> None:
    cut = clean_title("accessible " * 100)
    assert len(cut) <= LONGEST_TITLE
    assert cut.endswith("accessible…")
    assert len(clean_title("x" * 1_000)) == LONGEST_TITLE


HOSTILE = [
    "<", "<a ", "<meta ", '<meta "', "<meta '", "<meta a=", "<!--", "<!-- -->", "<title", "<title>", "</title", "<svg>",
    "<script>", "<script></script>", "&", "&amp", "a", "a=", "<meta charset", " ", "\t=", '"', "'",
]  # fmt: skip


@pytest.mark.parametrize("start", ["", "<title>", "<meta property=og:title content='", "<meta "])
def test_the_worst_that_a_page_can_hold_is_read_in_a_moment(start: str) -> None:
    begun = time.process_time()
    for piece in HOSTILE:
        parse_title((start + piece * LARGEST_START)[:LARGEST_START].encode())
    # html.parser takes minutes for the second of these alone; each takes some milliseconds here
    assert time.process_time() - begun < 0.5 * len(HOSTILE)


def test_a_charset_in_the_page_counts_where_the_server_says_none() -> None:
    assert decode_page("<meta charset=windows-1251>Да".encode("cp1251")).endswith("Да")
