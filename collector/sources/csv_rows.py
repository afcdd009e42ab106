"""Reads tables of posts (CSV and its relatives): a file as pages of whole records, a page as rows by column name.

A page repeats the header record before its rows, all as they stand in the file, so that it can be parsed alone. A
quotation mark that nobody closed would swallow the rows after it: a record is given up for its first line alone as soon
as one of its further lines is a whole row by itself.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from archive.models import Author, Batch, Flaw, Post, RawPage
from collector.sources.file_lines import (
    MAX_LINE,
    MAX_ROWS,
    NO_COLUMNS,
    NOTHING,
    UTF8_BOM,
    Line,
    build_pages,
    decode,
    file_origin,
    page_lines,
    parse_fault,
    read_head,
    read_lines,
)

ROWS = "rows"
ROUNDED = "rounded"

_DELIMITERS = (",", "\t", ";", "|")
_ABSENT = ("", "NA")  # R writes NA
_TEXT = "text"
_FLOAT = r"\d([.,]\d+)?[eE]\+?\d+"
_WHOLE_ID = re.compile(rf"\d{{5,19}}|{_FLOAT}|https?://\S+/\d{{5,19}}")
_LONG_ID = re.compile(rf"\d{{16,19}}(\.0)?|{_FLOAT}")
_ROUNDED_ID = re.compile(rf"\d{{15}}0+(\.0)?|{_FLOAT}")
_BARE_RETURNS = re.compile(r"\r++(?!\n|\Z)")  # those that end no line: the csv module refuses them
_BETWEEN_WORDS = re.compile(r"[\s_-]+")
_LINES_OF_HEADER = 20

# One setting for the whole process; the default of 128 kB is below what a post with its media can take in a cell.
csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE))


class Unusable(ValueError):
    """A row that holds no post we can keep; the message says why."""


@dataclass(slots=True)
class Row:
    """One row by column name (lower case, _ for spaces), absent values left out.

    ``rounded``: a spreadsheet rounded the long numbers of this file. ``mended`` gathers what was repaired,
    ``odd_counts`` the columns whose value is no count.
    """

    line: int
    values: Mapping[str, str]
    rounded: bool
    fetched_at: str
    mended: list[str] = field(default_factory=list)
    odd_counts: list[str] = field(default_factory=list)


class TableKind(Protocol):
    """What one kind of table is. ``id_columns`` are those that tell a whole row, and whether ids were rounded."""

    name: str
    id_columns: tuple[str, ...]

    def has_posts(self, columns: Collection[str]) -> bool:
        """Whether posts of this kind can be read from a table with these columns."""

    def known_columns(self) -> Collection[str]:
        """The columns that we read or knowingly leave."""

    def read_row(self, row: Row) -> tuple[Post, Author]:
        """The post of a row. Raises Unusable."""


@dataclass(frozen=True, slots=True)
class Table:
    """How a table is laid out."""

    delimiter: str
    columns: tuple[str, ...]
    id_places: tuple[int, ...]

    def is_whole(self, raw: bytes) -> bool:
        """Whether these bytes alone are a row with an id in its place."""
        if raw.count(b'"') % 2 or raw.count(self.delimiter.encode()) < len(self.columns) - 1:
            return False
        try:
            fields = next(csv.reader([_as_csv(raw)], delimiter=self.delimiter, strict=True))
        except (csv.Error, StopIteration):
            return False
        return len(fields) == len(self.columns) and any(_WHOLE_ID.fullmatch(fields[place]) for place in self.id_places)


def find_table(header: bytes, kind: TableKind) -> Table | None:
    """The layout that a header record tells, or None where it is no header of this kind."""
    text = decode(header.removeprefix(UTF8_BOM))[0]
    for delimiter in _DELIMITERS:
        try:
            columns = tuple(_column(name) for name in _fields(text, delimiter))
        except csv.Error:
            continue
        if kind.has_posts(columns):
            places = tuple(columns.index(name) for name in kind.id_columns if name in columns)
            return Table(delimiter, columns, places)
    return None


def recognises_table(head: bytes, kind: TableKind) -> bool:
    """Whether a file that begins so is a table of this kind."""
    header = _take_header(page_lines(head, 1))
    return header is not None and b"\0" not in header.raw and find_table(header.raw, kind) is not None


def read_table(path: Path, fetched_at: str, kind: TableKind) -> Iterator[RawPage]:
    """The file's pages: each the header record and at most 1,000 records. A file without our columns says so first."""
    lines = read_lines(path)
    header = _take_header(lines) or Line(1, b"", NOTHING)
    table = find_table(header.raw, kind)
    blank = RawPage(
        source=kind.name,
        format=ROUNDED if table and _is_rounded(read_head(path), table, kind) else ROWS,
        origin=file_origin(path),
        fetched_at=fetched_at,
        body=header.raw,
    )
    if header.fault:
        yield from build_pages([header], blank)
        return
    if table is None:
        yield from build_pages([Line(header.number, header.raw, NO_COLUMNS)], blank)
    yield from build_pages(split_records(lines, table), blank)


def parse_table(page: RawPage, kind: TableKind) -> Batch:
    """Every row of a page as a post or a flaw with its line."""
    fault = parse_fault(page)
    if fault is not None:
        return fault
    header = _take_header(page_lines(page.body, 1))
    table = find_table(header.raw, kind) if header else None
    batch = Batch(flaws=_unknown_columns(page, header, table, kind))
    authors: dict[str, Author] = {}
    odd: set[str] = set()
    for row in _rows(page, len(header.raw) if header else 0, table):
        batch.rows += 1
        if isinstance(row, Flaw):
            batch.flaws.append(row)
            continue
        try:
            post, author = kind.read_row(row)
        except Unusable as why:
            batch.flaws.append(Flaw("unusable", str(why), row.line))
            continue
        batch.posts.append(post)
        authors.setdefault(author.id, author)
        if row.mended:
            batch.flaws.append(Flaw("repaired", "; ".join(row.mended), row.line, post.id))
        new = dict.fromkeys(name for name in row.odd_counts if name not in odd)
        batch.flaws += [Flaw("unknown", f"column {name} holds what is no count", row.line) for name in new]
        odd.update(new)
    batch.authors.extend(authors.values())
    return batch


def split_records(lines: Iterator[Line], table: Table | None) -> Iterator[Line]:
    """Joins lines to records, as the csv module understands them; a fault in between passes through."""
    delimiter = table.delimiter if table else ","
    feed = _Feed(lines)
    strict = csv.reader(feed, delimiter=delimiter, strict=True)
    lenient = csv.reader(feed, delimiter=delimiter)
    while True:
        feed.begin()
        try:
            next(strict)
        except StopIteration:
            fault = feed.take_fault()
            if fault is None:
                return
            yield fault
            continue
        except (csv.Error, _TooLong):
            feed.put_back(0)
            _draw(lenient)
        swallowed = feed.is_too_long or (table and any(table.is_whole(line.raw) for line in feed.taken[1:]))
        if len(feed.taken) > 1 and swallowed:
            feed.put_back(1)
            # On a page of its own, so that the page splits into the same records when it is parsed.
            yield Line(feed.taken[0].number, feed.taken[0].raw, rows=MAX_ROWS)
        else:
            yield Line(feed.taken[0].number, b"".join([line.raw for line in feed.taken]))


class _TooLong(Exception):
    """A record grew above the limit of a line."""


class _Feed:
    """Hands lines to a csv reader and remembers those that a record took."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._waiting: deque[Line] = deque()
        self.taken: list[Line] = []
        self._size = 0

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        line = self._waiting.popleft() if self._waiting else next(self._lines)
        if line.fault:
            self._waiting.appendleft(line)
            raise StopIteration
        self.taken.append(line)
        self._size += len(line.raw)
        if self.is_too_long:
            raise _TooLong
        return _as_csv(line.raw)

    @property
    def is_too_long(self) -> bool:
        return self._size > MAX_LINE and len(self.taken) > 1

    def begin(self) -> None:
        """A new record."""
        self.taken, self._size = [], 0

    def put_back(self, kept: int) -> None:
        """Gives back what was taken, but for the first ``kept`` lines."""
        self._waiting.extendleft(reversed(self.taken[kept:]))
        self.taken = self.taken[:kept]
        self._size = sum(len(line.raw) for line in self.taken)

    def take_fault(self) -> Line | None:
        """The fault that the reader stopped at, None at the end of the file."""
        return self._waiting.popleft() if self._waiting else None


def _as_csv(raw: bytes) -> str:
    """Bytes as the csv module may split them: one letter a byte, since the marks of CSV are ASCII."""
    text = raw.decode("latin-1")
    return _spaced(text) if "\r" in text else text


def _spaced(text: str) -> str:
    """The text with spaces for the carriage returns that end no line."""
    return _BARE_RETURNS.sub(lambda found: " " * len(found[0]), text)


def _draw(reader: Iterator[list[str]]) -> None:
    """Lets a reader take one record; how far it came is what counts."""
    try:
        next(reader, None)
    except (csv.Error, _TooLong):
        return


def _take_header(lines: Iterator[Line]) -> Line | None:
    """The first record that is not blank, None in an empty file."""
    taken: list[Line] = []
    for line in lines:
        if line.fault:
            return line
        if taken or line.raw.strip(b"\r\n \t" + UTF8_BOM):
            taken.append(line)
            is_open = sum(each.raw.count(b'"') for each in taken) % 2
            if not is_open or len(taken) == _LINES_OF_HEADER:
                break
    return Line(taken[0].number, b"".join(line.raw for line in taken)) if taken else None


def _unknown_columns(page: RawPage, header: Line | None, table: Table | None, kind: TableKind) -> list[Flaw]:
    """Told once a file, on its first page. A column without a name is the row number of R or pandas."""
    if header is None or table is None or (page.first_line or 1) > header.raw.count(b"\n") + 1:
        return []
    names = [name for name in table.columns if name not in kind.known_columns()]
    unknown = [name for name in names if name and not name.startswith(("unnamed:", "..."))]
    return [Flaw("unknown", f"columns that we do not read: {', '.join(unknown)}"[:300], 1)] if unknown else []


def _rows(page: RawPage, header_end: int, table: Table | None) -> Iterator[Row | Flaw]:
    """The page's records as rows; blank ones are none, and nor is the header where files were joined."""
    lines = page_lines(page.body[header_end:], page.first_line or 1)
    for record in split_records(lines, table):
        text, mended = decode(record.raw)
        try:
            fields = _fields(text, table.delimiter if table else ",")
        except csv.Error:
            yield Flaw("malformed", "this row is not CSV", record.number)
            continue
        if not any(value and not value.isspace() for value in fields):
            continue
        if table is None:
            yield Flaw("unusable", NO_COLUMNS, record.number)
            continue
        if len(fields) == len(table.columns) and all(map(_is_called, fields, table.columns)):
            continue
        row = _row(record, fields, table, page)
        if isinstance(row, Row) and mended:
            row.mended.append(mended)
        yield row


def _row(record: Line, fields: list[str], table: Table, page: RawPage) -> Row | Flaw:
    """The fields by column name. Columns that are too many or too few are a flaw where the text may be touched."""
    expected, found = len(table.columns), len(fields)
    mended = []
    if found > expected and any(fields[expected:]):
        return Flaw("unusable", f"this row has {found} columns where the header has {expected}", record.number)
    if found < expected:
        cut = not record.raw.endswith(b"\n")
        # The last value may be cut too, so it is not used; a text that is cut is not the post.
        fields = fields[:-1] if cut else fields
        if table.columns.index(_TEXT) >= found - 1:
            detail = "the file ends inside this row" if cut else f"this row ends after {found} of {expected} columns"
            return Flaw("cut" if cut else "unusable", detail, record.number)
        mended.append(f"the row ends after {found} of {expected} columns")
    values: dict[str, str] = {}
    for name, value in zip(table.columns, fields, strict=False):
        told = value if name == _TEXT else value.strip()
        if told and (name == _TEXT or told not in _ABSENT):
            values.setdefault(name, told)
    return Row(record.number, values, page.format == ROUNDED, page.fetched_at, mended)


def _fields(text: str, delimiter: str) -> list[str]:
    """The fields of one record. A bare carriage return outside quotation marks is read as a space."""
    try:
        return next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:
        return next(csv.reader([_spaced(text)], delimiter=delimiter), [])


def _column(name: str) -> str:
    return _BETWEEN_WORDS.sub("_", name.strip().lower())


def _is_called(value: str, column: str) -> bool:
    return _column(value) == column


def _is_rounded(head: bytes, table: Table, kind: TableKind) -> bool:
    """Whether every long id in sight ends as a spreadsheet leaves it, which keeps 15 digits.

    One id in 10,000 ends in four zeros by itself, so a single one says nothing.
    """
    column = kind.id_columns[0]
    if column not in table.columns:
        return False
    values = [fields[table.columns.index(column)].strip() for fields in _sample(head, table)]
    ids = [value for value in values if _LONG_ID.fullmatch(value)]
    return bool(ids) and all(_ROUNDED_ID.fullmatch(value) for value in ids)


def _sample(head: bytes, table: Table) -> Iterator[list[str]]:
    lines = page_lines(head[: head.rfind(b"\n") + 1], 1)
    _take_header(lines)
    for record in split_records(lines, table):
        try:
            fields = _fields(decode(record.raw)[0], table.delimiter)
        except csv.Error:
            continue
        if len(fields) == len(table.columns):
            yield fields
