"""Mastodon's HTML as plain text, in one pass that costs no more than a look at each character."""

from __future__ import annotations

import html as html_entities
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from archive.projection import storable

# Tags end at the next < at the latest, so that hostile text costs no more than one look at each character.
_TOKEN = re.compile(
    r"""<(?P<end>/?)(?P<tag>[a-zA-Z][a-zA-Z0-9-]*)(?P<rest>(?:[^<>"']|"[^"<]*"|'[^'<]*')*+)>"""
    r"""|<[a-zA-Z/!?][^<>]*>|(?P<text>[^<]+|<)"""
)
_ATTRIBUTE = re.compile(r"""([a-zA-Z-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_HIDDEN = frozenset({"script", "style", "template", "noscript", "iframe", "object"})
_BLOCKS = frozenset({"p", "div", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "hr"})
_ITEM = "\x00"  # stands for a list item's dash until the blank lines are settled; no stored text holds a NUL


@dataclass(slots=True)
class Content:
    """What a piece of HTML says: its plain text, the links in it, and its hashtags as the author spelt them."""

    text: str = ""
    links: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)


def parse_content(source: str, *, without_quote: bool = False) -> Content:
    """HTML as plain text: paragraphs apart by a blank line, line breaks kept, links as their whole address (after
    their words, where those are no address), hashtags as written, mentions as @user@host.

    White space stays as it is, since Mastodon shows it so. ``without_quote`` leaves out the line "RE: …" by which
    Mastodon names the quoted post to servers that know no quotes.
    """
    writer = _Writer(without_quote)
    for match in _tokens(storable(source).replace("\r\n", "\n").replace("\r", "\n")):
        if match["tag"]:
            writer.meet_tag(match["tag"].lower(), match["rest"], is_end=bool(match["end"]))
        elif match["text"]:
            writer.write(storable(html_entities.unescape(match["text"])))
    return writer.finish()


def _tokens(source: str) -> Iterator[re.Match[str]]:
    """The tags and texts of HTML, without comments and without what no browser shows as text."""
    position, last_comment = 0, source.rfind("-->")
    while match := _TOKEN.match(source, position):
        tag = "" if match["end"] else (match["tag"] or "").lower()
        if tag in _HIDDEN:
            closing = re.compile(f"</{tag}[^<>]*>", re.IGNORECASE).search(source, match.end())
            position = closing.end() if closing else len(source)
        elif position < last_comment and source.startswith("<!--", position):
            position = source.index("-->", position) + 3
        else:
            position = match.end()
            yield match


class _Writer:
    """Gathers plain text tag by tag; within a link, its words apart."""

    def __init__(self, without_quote: bool) -> None:
        self._content = Content()
        self._parts: list[str] = []
        self._link: dict[str, str] | None = None
        self._words: list[str] = []
        self._without_quote = without_quote
        self._skipped = ""
        self._skipped_depth = 0

    def write(self, text: str) -> None:
        if not self._skipped:
            (self._parts if self._link is None else self._words).append(text)

    def meet_tag(self, tag: str, rest: str, *, is_end: bool) -> None:
        attributes = {} if is_end else _attributes(rest)
        if self._skipped or (self._without_quote and "quote-inline" in attributes.get("class", "").split()):
            self._skip(tag, is_end=is_end)
        elif tag == "a":
            self._end_link()
            self._link = None if is_end else attributes
        elif tag == "br":
            self.write("\n")
        elif tag == "li":
            self.write("" if is_end else f"\n{_ITEM}")
        elif tag in _BLOCKS:
            self._end_link()
            self.write("\n\n")
        elif tag in ("ul", "ol"):
            self.write("\n")

    def finish(self) -> Content:
        self._end_link()
        text = re.sub(rf"{_ITEM}\s*", "- ", "".join(self._parts))
        lines = "\n".join(line.rstrip() for line in text.split("\n"))
        self._content.text = re.sub(r"\n{3,}", "\n\n", lines).strip()
        return self._content

    def _skip(self, tag: str, *, is_end: bool) -> None:
        self._skipped = self._skipped or tag
        if tag == self._skipped:
            self._skipped_depth += -1 if is_end else 1
        if self._skipped_depth <= 0:
            self._skipped = ""

    def _end_link(self) -> None:
        if self._link is None:
            return
        link, words = self._link, "".join(self._words).strip("\n")
        self._link = None
        self._words.clear()
        self._parts.append(self._reading_of(link, words))

    def _reading_of(self, link: dict[str, str], words: str) -> str:
        address, marks = link.get("href", "").strip(), link.get("class", "").split() + link.get("rel", "").split()
        if words[:1] in ("#", "＃") and {"hashtag", "tag", "mention"} & set(marks):
            self._content.tags.append(words)
            return words
        if words.startswith("@") and "mention" in marks:
            host = host_of(address)
            return words if "@" in words[1:] or not host else f"{words}@{host}"
        if not address.lower().startswith(("https://", "http://")):
            return words
        self._content.links.append(address)
        return address if _abbreviates(words, address) else f"{words} ({address})"


def _abbreviates(words: str, address: str) -> bool:
    """Whether a link shows (a part of) its address, or nothing, rather than words of the author."""
    shown = words.strip().rstrip(".…").casefold()
    return not shown or (("." in shown or "/" in shown) and shown in address.casefold())


def _attributes(rest: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(rest):
        found.setdefault(name.lower(), storable(html_entities.unescape(double or single or bare)))
    return found


def host_of(url: str) -> str:
    """The host (and port) of an address, in lower case; "" where there is none."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""
