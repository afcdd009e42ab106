"""Writes CSV that a spreadsheet opens unharmed: no formula starts, no id turns into a number, no row is lost.

A cell that a spreadsheet would run or convert gets a leading apostrophe, and so does one that begins with an
apostrophe already: taking one apostrophe off the front gives back every text. Our own ids need none, because
``x:`` or ``bluesky:`` at their start keeps them text.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from archive.projection import storable
from publish.wording import clean

Cell = str | int | datetime | None

BOM = "\ufeff"
_LONGEST = 32_000  # Excel holds 32,767 characters a cell and spills the rest over the next rows
_CUT = " … (cut here: the whole text is in the archive)"
# Spreadsheets set to East Asian languages read the full-width signs as the plain ones.
_FORMULA = re.compile(r"[\s\ufeff\u200b]*[=+\-@\t\r\n＝＋－＠]")
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_CONVERTED = re.compile(
    rf"\s*(?:\d+(?:\.\d*)?e\d+|\d[\d:. ]*[ap]m?|true|false|"
    rf"(?:\d{{1,4}}[ ,/-]*)?{_MONTH}[ ,/-]*\d{{1,4}}(?:[ ,/-]+\d{{1,4}})?|\d{{1,4}}[ ,/-]*{_MONTH})\s*",
    re.IGNORECASE,
)
_LONGEST_CONVERTED = 64


def write_csv(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """The table as CSV text with a byte order mark, so that Excel reads UTF-8; lines end with CR LF."""
    out = io.StringIO(newline="")
    out.write(BOM)
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([guard(cell) for cell in row] for row in rows)
    return out.getvalue()


def guard(cell: Cell) -> str | int:
    """The cell as it may stand in a spreadsheet; None is empty, counts stay numbers, local times may become dates."""
    if cell is None:
        return ""
    if isinstance(cell, int):
        return cell
    if isinstance(cell, datetime):
        return f"{cell:%Y-%m-%d %H:%M:%S}"
    text = (clean(storable(cell)) or "").replace("\r\n", "\n").replace("\r", "\n")
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + _CUT
    return "'" + text if _needs_guard(text) else text


def _needs_guard(text: str) -> bool:
    if text.startswith("'") or _FORMULA.match(text):
        return True
    if len(text) > _LONGEST_CONVERTED:
        return False
    is_figure = any(map(str.isdigit, text)) and not any(map(str.isalpha, text))
    return is_figure or _CONVERTED.fullmatch(text) is not None
