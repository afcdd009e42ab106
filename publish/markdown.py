"""Writes other people's words into Markdown so that they stay words: no heading, picture, table or HTML of theirs.

Only what could be read as Markdown is escaped, since a guide's source is also read and edited by people. The rules are
those of CommonMark with GitHub's tables, strike-through and bare links.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from archive.projection import storable
from publish.wording import clean, web_url

# Unclosed, these turn the direction of everything after them on the line.
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
_WEB = re.compile(r"https?://[^\s<>\"'`|\\]+", re.IGNORECASE)
_URL_TAIL = ".,;:!?)]}*_~…"
_ALWAYS = re.compile(r"[\\`*\[\]<>|~]")
_HASH = re.compile(r"#(?!\w)")
_HASH_AT_START = re.compile(r"#(?!\w)|(?<!.)#")
_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_ENTITY = re.compile(r"&(?=#|[A-Za-z][A-Za-z0-9]*;)")
_OTHER_SCHEME = re.compile(r"(?<=[A-Za-z0-9+.-])://")
_WWW = re.compile(r"(?<!\w)(www)\.", re.IGNORECASE)
_BLOCK_START = re.compile(r"^(?:[-+=:]|(\d{1,9})(?=[.)]))")
_UNSAFE_IN_URL = re.compile(r"[^!#$%&'*+,\-./0-9:;=?@A-Z_a-z\u00a1-\U0010ffff]")


def escape_line(text: str) -> str:
    """The text on one line, safe at the start of a line or within one; web addresses stay clickable."""
    return _escape(" ".join(_printable(text).split()))


def escape_inline(text: str) -> str:
    """The text on one line, safe behind other words of a line only: ``1)`` and ``#tag`` need no backslash there."""
    return _escape(" ".join(_printable(text).split()), at_start=False)


def escape_lines(text: str, *, inline: bool = False) -> list[str]:
    """The text's own lines, each safe at the start of a line; no empty lines, which would end a paragraph or list.

    With ``inline`` the first stands behind other words, as escape_inline() has it.
    """
    lines = [line for line in (" ".join(line.split()) for line in _printable(text).splitlines()) if line]
    return [_escape(line, at_start=at > 0 or not inline) for at, line in enumerate(lines)]


def link(label: str, url: str | None) -> str:
    """A link with an escaped label; the label alone where the address is not one of the web."""
    safe = web_url(url)
    shown = _escape_words(" ".join(_printable(label).split()), at_start=not safe)
    return f"[{shown}]({_encode(safe)})" if safe else _escape_start(shown)


def autolink(url: str) -> str:
    """The address as a link that shows itself, or as plain words where it is not one of the web."""
    safe = web_url(url)
    return f"<{_encode(safe)}>" if safe else escape_line(url)


def _printable(text: str) -> str:
    return _DIRECTION.sub("", clean(storable(text)) or "")


def _encode(url: str) -> str:
    """Percent-encodes what could end a link's address; letters of other scripts stay readable."""
    return _UNSAFE_IN_URL.sub(lambda found: quote(found[0], safe=""), url)


def _escape(line: str, *, at_start: bool = True) -> str:
    """Escapes the words between web addresses, and makes the addresses links."""
    parts: list[str] = []
    end = 0
    for found in _WEB.finditer(line):
        url = found[0].rstrip(_URL_TAIL)
        if web_url(url):
            parts.extend((_escape_words(line[end : found.start()], at_start=at_start and not end), autolink(url)))
            end = found.start() + len(url)
    parts.append(_escape_words(line[end:], at_start=at_start and not end))
    return _escape_start("".join(parts)) if at_start else "".join(parts)


def _escape_words(words: str, *, at_start: bool) -> str:
    words = _ALWAYS.sub(lambda found: "\\" + found[0], words)
    for pattern in (_HASH_AT_START if at_start else _HASH, _UNDERSCORE, _ENTITY):
        words = pattern.sub(lambda found: "\\" + found[0], words)
    return _WWW.sub(r"\1\\.", _OTHER_SCHEME.sub(r"\\://", words))


def _escape_start(line: str) -> str:
    """A line may not begin a list, rule or table; what begins headings and quotes is escaped wherever it stands."""
    return _BLOCK_START.sub(lambda found: f"{found[1]}\\" if found[1] else "\\" + found[0], line)
