"""Reads what people type into a search box as the full-text expression that they mean, never one that is an error.

Every word stands in quotes, so that don't, #tag and @name are words. "A phrase", a star at the end of a word, and AND,
OR and NOT in capitals keep their meaning wherever they have one; elsewhere they are words too.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import parse_qsl, urlencode

from publish.plugin.guard import App, Receive, Scope, Send

NOTHING = '""'
"""Finds no row, and is no error."""

_MOST_TERMS = 40  # nobody types more; it bounds the work of one search
_OPERATORS = ("AND", "OR", "NOT")
_CURLY = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "\0": " "})
_TERM = re.compile(r'"([^"]*)("?\*?)|[^\s"]+')


def read_search(text: str | None) -> str:
    """The FTS5 expression for a search. Words side by side must all occur; a quotation that is left open ends at the
    end of the text; signs that no word is made of are left out.
    """
    found = [match for match in _TERM.finditer((text or "").translate(_CURLY)) if _holds_words(match[0])][:_MOST_TERMS]
    terms: list[str] = []
    awaits_term = True
    for place, match in enumerate(found):
        is_operator = match[0] in _OPERATORS and not awaits_term and place + 1 < len(found)
        terms.append(match[0] if is_operator else _quoted(match))
        awaits_term = is_operator
    return " ".join(terms) or NOTHING


def _quoted(match: re.Match[str]) -> str:
    words = match[0] if match[1] is None else match[1]
    star = "*" if match[0].endswith("*") else ""
    return f'"{words.rstrip("*")}"{star}'


def _holds_words(text: str) -> bool:
    """Whether the index could hold it: its words are made of letters, numbers and private signs."""
    return any(unicodedata.category(sign)[0] in "LN" or unicodedata.category(sign) == "Co" for sign in text)


def with_plain_searches(app: App) -> App:
    """The application to which an empty search box is no search, and no search is raw FTS5."""

    async def searched(scope: Scope, receive: Receive, send: Send) -> None:
        query = scope.get("query_string", b"").decode("latin-1") if scope["type"] == "http" else ""
        if "search" in query:
            given = parse_qsl(query, keep_blank_values=True)
            kept = [(name, value) for name, value in given if not _is_idle(name, value)]
            if kept != given:
                scope = {**scope, "query_string": urlencode(kept).encode("ascii")}
        await app(scope, receive, send)

    return searched


def _is_idle(name: str, value: str) -> bool:
    return name == "_searchmode" or (name.startswith("_search") and not value.strip())
