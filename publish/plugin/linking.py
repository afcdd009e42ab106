"""Makes the web addresses in people's words clickable, everything else in them staying text."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from publish.wording import shorten, web_url

_ADDRESS = re.compile(r"https?://[^\s<>\"]{1,2000}", re.IGNORECASE)
_AFTER = ".,;:!?'’”…)]}"
_LONGEST = 60


def outside_link(address: str, words: str) -> Markup:
    """A link to a stranger's page, which learns nothing from us and gains nothing by us."""
    return Markup('<a href="{}" rel="noopener nofollow ugc">{}</a>').format(address, words)


def linked(text: str) -> Markup:
    """The text with its http and https addresses as links, shown without their scheme and cut where they are long.

    An address that runs into the … of a cut is left as it is: it would lead astray.
    """
    parts: list[str] = []
    place = 0
    for found in _ADDRESS.finditer(text):
        written = _without_signs(found[0])
        address = web_url(written)
        is_cut = text.startswith("…", found.start() + len(written)) and text.endswith("…")
        if address is None or is_cut:
            continue
        parts += [escape(text[place : found.start()]), outside_link(address, _brief(address))]
        place = found.start() + len(written)
    parts.append(escape(text[place:]))
    return Markup().join(parts)


def _without_signs(written: str) -> str:
    """Signs at the end belong to the sentence, but for a bracket that was opened inside the address."""
    while written and written[-1] in _AFTER and not (written[-1] == ")" and written.count("(") >= written.count(")")):
        written = written[:-1]
    return written


def _brief(address: str) -> str:
    return shorten(address.partition("://")[2].rstrip("/"), _LONGEST)
