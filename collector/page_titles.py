"""The title of a page out of its first bytes, whatever they are: hostile HTML costs no more than a look at each byte.

Not by html.parser: 8 kB of "<a <a <a …" take it 0.4 s, and the time grows with the square.
"""

from __future__ import annotations

import codecs
import html
import re
import unicodedata
from collections.abc import Iterator

LONGEST_TITLE = 300

_START_LOOKED_AT = 2_048  # where a page says its charset; the standard asks for the first 1,024 bytes
_MOST_METAS = 200
_LONGEST_TAG = 2_000
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_META_CHARSET = re.compile(rb"<meta[^<>]{0,300}?charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
# What pages are written in; UTF-16 is told by its mark alone, as the standard has it. Only these: Python knows codecs
# that take minutes over such input, or that are none.
_KNOWN_CHARSETS = re.compile(
    r"utf-8|cp125\d|cp866|cp874|cp932|cp949|iso8859-\d\d?|koi8-[ru]|mac-roman|gbk|gb2312|gb18030"
    r"|big5(?:hkscs)?|euc_(?:jp|kr)|shift_jis|iso2022_jp|ascii"
)
_OPENS = re.compile(
    r"<(?:(!--)|(/?(?:title|meta|script|style|noscript|template|svg|head|body))(?![\w-]))", re.IGNORECASE
)
_ATTRIBUTE = re.compile(r"(?<![\w:-])([\w:-]{1,40})\s{0,20}=\s{0,20}(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", re.ASCII)
_TAG_END = re.compile(r"(?:[^\"'>]|\"[^\"]*\"|'[^']*')*+>")
_SHOWN_CONTROLS = frozenset("\u200c\u200d")  # joiners of letters and emoji


def parse_title(body: bytes, content_type: str = "") -> str | None:
    """The title that a page has for people, on one line, at most LONGEST_TITLE characters; None where it has none.

    ``body`` may be cut anywhere. The title that the page has for previews (og:title) goes before that of the window,
    which often has the site's name and slogan behind it.
    """
    found: dict[str, str] = {}
    for name, text in _titles(decode_page(body, content_type)):
        cleaned = clean_title(text)
        if cleaned:
            found.setdefault(name, cleaned)
    return next((found[name] for name in ("og:title", "title", "twitter:title") if name in found), None)


def clean_title(text: str) -> str:
    """The text on one line without control characters and marks of direction, cut at a word."""
    kept = "".join(
        letter if unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Co") or letter in _SHOWN_CONTROLS else " "
        for letter in text[: LONGEST_TITLE * 20]
    )
    line = " ".join(kept.split())
    if len(line) <= LONGEST_TITLE:
        return line
    cut = line[: LONGEST_TITLE - 1]
    return f"{cut.rsplit(' ', 1)[0] if ' ' in cut[LONGEST_TITLE // 2 :] else cut}…"


def decode_page(body: bytes, content_type: str = "") -> str:
    """The text of a page: by its byte order mark, else as its server or it says, unless that is wrong, else UTF-8.

    The last character may be cut. What is in no charset that it could be is read as Windows does.
    """
    for mark, charset in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(charset, "replace")
    said = _CHARSET.search(content_type)
    own = _META_CHARSET.search(body[:_START_LOOKED_AT])
    names = [said[1] if said else "", own[1].decode("ascii", "replace") if own else "", "utf-8"]
    for charset in filter(None, map(_codec_of, names)):
        try:
            return codecs.getincrementaldecoder(charset)("strict").decode(body)
        except UnicodeError:
            continue
    return body.decode("cp1252", "replace")


def _codec_of(name: str) -> str | None:
    """Python's codec for a charset as pages name it; None for what is none."""
    try:
        codec = codecs.lookup(name).name
    except (LookupError, ValueError):
        return None
    if codec in ("ascii", "iso8859-1"):
        return "cp1252"  # so the standard says, since so they mean it
    return codec if _KNOWN_CHARSETS.fullmatch(codec) else None


def _titles(text: str) -> Iterator[tuple[str, str]]:
    """The titles in a page with what gives them, in order, until its body begins and a title was found."""
    at, metas, found = 0, 0, False
    while opening := _OPENS.search(text, at):
        tag, at = (opening[2] or "").lower(), opening.end()
        if tag in ("/head", "body") and found:
            return
        if tag == "meta":
            metas += 1
            if metas <= _MOST_METAS and (named := _read_meta(text[at : at + _LONGEST_TAG])):
                found = True
                yield named
        elif tag == "title":
            start, at = _end_of_tag(text, at), _end_of(tag, text, at)
            if at < len(text):  # a title without an end would be the whole page
                found = True
                yield "title", html.unescape(text[start : min(at, start + _LONGEST_TAG)])
        elif opening[1]:
            at = _find(text, "-->", at)
        elif tag in ("script", "style", "noscript", "template", "svg"):
            at = _end_of(tag, text, at)


def _read_meta(rest: str) -> tuple[str, str] | None:
    """(name, content) of a meta element that gives a title; ``rest`` is what follows its name."""
    end = _TAG_END.match(rest)
    attributes: dict[str, str] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(end[0] if end else ""):
        attributes.setdefault(name.lower(), double or single or bare)
    named = (attributes.get("property") or attributes.get("name") or "").strip().lower()
    return (named, html.unescape(attributes.get("content", ""))) if named in ("og:title", "twitter:title") else None


def _end_of_tag(text: str, at: int) -> int:
    return _find(text, ">", at) + 1


def _end_of(tag: str, text: str, at: int) -> int:
    """Where the content of an element ends; the end of the text where it does not."""
    closing = re.compile(rf"</{tag}", re.IGNORECASE).search(text, at)
    return closing.start() if closing else len(text)


def _find(text: str, what: str, at: int) -> int:
    found = text.find(what, at)
    return found if found >= 0 else len(text)
