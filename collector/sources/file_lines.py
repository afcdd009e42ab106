"""Reads a file as numbered lines, whatever its packing and encoding, and packs records into pages.

Memory does not grow with the file: a line above ``MAX_LINE`` is passed over and reported. Pages hold the bytes as they
stand in the file, after unpacking; only UTF-16 is rewritten as UTF-8, since a part of it could not be parsed alone.
What reading itself finds wrong (a cut or damaged file, a line too long) becomes a page of its own with the header
``fault``, so that a page parsed again years later still tells it.
"""

from __future__ import annotations

import codecs
import os
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Literal

from archive.models import Batch, Flaw, RawPage
from archive.projection import storable

FlawKind = Literal["unusable", "malformed", "cut"]

MAX_ROWS = 1_000  # design section 5: what one transaction holds
MAX_PAGE = 4 * 2**20
MAX_LINE = 32 * 2**20  # X's largest answer, 500 posts with all that belongs to them, is about 10 MB
TOO_LONG = f"this line is longer than {MAX_LINE // 2**20} MB and was passed over"
NO_COLUMNS = "the table has no column for the id of a post, or none for its text"
NOTHING = "there is nothing in this file that could be a post"
HEAD = 64 * 1024
UTF8_BOM = codecs.BOM_UTF8
FAULT = "fault"

_BLOCK = 256 * 1024
_GZIP = b"\x1f\x8b"
_BLANK_LINES = re.compile(rb"\n++|(?:\r\n)++")
_RETURNS = (b"\r"[0], b"\n"[0])
_FAULT_KINDS: dict[str, FlawKind] = {TOO_LONG: "malformed", NO_COLUMNS: "unusable", NOTHING: "unusable"}
_UTF16_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CP1252 = "chatkeep-windows-1252"


def _read_as_cp1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(_CP1252, _read_as_cp1252)


class Cut(Exception):
    """The file cannot be read further; the message says why. What came before it is sound."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line, or a record of several lines, with its line ends; ``number`` is the first one's, from 1.

    ``rows`` is how many posts it may hold, for the size of pages. With ``fault`` there is nothing to read.
    """

    number: int
    raw: bytes
    fault: str = ""
    rows: int = 1


def read_blocks(path: Path) -> Iterator[bytes]:
    """The file's content unpacked, as UTF-8 where it was UTF-16. Raises Cut where it breaks off."""
    with path.open("rb") as file:
        blocks = _stored_blocks(file)
        first = next(blocks, b"")
        blocks = _chain(first, blocks)
        if first.startswith(_GZIP):
            blocks = _unpacked(blocks)
            first = next(blocks, b"")
            blocks = _chain(first, blocks)
        if first.startswith(_UTF16_BOMS):
            blocks = _as_utf8(blocks)
        yield from blocks


def read_head(path: Path) -> bytes:
    """The first 64 kB of the content, or less where the file is shorter or breaks off."""
    head = bytearray()
    try:
        for block in read_blocks(path):
            head += block
            if len(head) >= HEAD:
                break
    except Cut:
        pass
    return bytes(head[:HEAD])


def read_lines(path: Path) -> Iterator[Line]:
    """The file's lines; blank ones that follow each other may come as one Line. A line too long, and a file that
    breaks off, come as a Line with a fault.
    """
    number = 1
    try:
        for raw in _split(read_blocks(path)):
            if raw is None:
                yield Line(number, b"", TOO_LONG)
                number += 1
            else:
                yield Line(number, raw)
                number += _lines_in(raw)
    except Cut as why:
        yield Line(number, b"", str(why))


def page_lines(body: bytes, first: int) -> Iterator[Line]:
    """The lines of a page's body as read_lines() gives them, numbered from ``first``."""
    start = 0
    while start < len(body):
        end = _line_end(body, start) or len(body)
        raw = body[start:end]
        yield Line(first, raw)
        first += _lines_in(raw)
        start = end


def build_pages(records: Iterable[Line], blank: RawPage) -> Iterator[RawPage]:
    """Packs records into pages that are copies of ``blank``, whose body opens every page (the header of a table)."""
    held: list[Line] = []
    rows = size = 0
    for record in records:
        is_full = rows + record.rows > MAX_ROWS or size + len(record.raw) > MAX_PAGE
        if held and (record.fault or is_full):
            yield from _page(blank, held)
            held, rows, size = [], 0, 0
        if record.fault:
            yield replace(blank, body=b"", first_line=record.number, headers={FAULT: record.fault})
            continue
        held.append(record)
        rows += record.rows
        size += len(record.raw)
    if held:
        yield from _page(blank, held)


def told_if_nothing(records: Iterable[Line], between: bytes) -> Iterator[Line]:
    """The records, and a fault after them where none holds more than the signs that stand ``between`` posts."""
    rest = iter(records)
    for record in rest:
        yield record
        if record.fault or record.raw.strip(between):
            yield from rest
            return
    yield Line(1, b"", NOTHING)


def parse_fault(page: RawPage) -> Batch | None:
    """What a page says that stands for a fault of the file itself; None for any other page."""
    fault = page.headers.get(FAULT)
    if fault is None:
        return None
    return Batch(flaws=[Flaw(_FAULT_KINDS.get(fault, "cut"), fault, page.first_line)], rows=1)


def decode(raw: bytes) -> tuple[str, str]:
    """The text of a row, and what had to be mended in it ("" where it is sound).

    What is not UTF-8 is read letter by letter as Windows-1252, in which spreadsheets save, so that a row that mixes
    both is read right. NUL goes, half surrogate pairs become U+FFFD: SQLite and most readers can hold neither.
    """
    mended = ""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        try:
            text = storable(raw.decode("utf-8", "surrogatepass"))
            mended = "half a surrogate pair was replaced"
        except UnicodeDecodeError:
            text = raw.decode("utf-8", _CP1252)
            mended = "bytes that are not UTF-8 were read as Windows-1252"
    if "\0" in text:
        text = text.replace("\0", "")
        mended = f"{mended}; NUL was taken out" if mended else "NUL was taken out"
    return text, mended


def file_origin(path: Path) -> str:
    """The file's name without its folder, in letters that the archive can store."""
    return os.fsencode(path.name).decode("utf-8", "replace")


def _page(blank: RawPage, held: list[Line]) -> Iterator[RawPage]:
    rows = b"".join([line.raw for line in held])
    if rows.strip():
        yield replace(blank, body=blank.body + rows, first_line=held[0].number)


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _stored_blocks(file: BinaryIO) -> Iterator[bytes]:
    try:
        while block := file.read(_BLOCK):
            yield block
    except OSError as error:
        raise Cut(f"the file cannot be read further ({error.strerror}); what came before was read") from error


def _unpacked(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Unpacks gzip of one member or many. What stands before a cut or a damage is still given."""
    unpacker = zlib.decompressobj(wbits=31)
    for block in blocks:
        rest = block
        while rest:
            if unpacker.eof:
                rest = rest.lstrip(b"\0")  # some tools pad with zeros
                if not rest:
                    break
                unpacker = zlib.decompressobj(wbits=31)
            yield from _inflate(unpacker, rest)
            rest = unpacker.unused_data
    if not unpacker.eof:
        raise Cut("the gzip file ends too early; what came before was read")


def _inflate(unpacker: zlib._Decompress, packed: bytes) -> Iterator[bytes]:
    """In blocks of a bounded size, so that a file that unpacks to gigabytes does no harm."""
    while True:
        before = unpacker.copy()
        try:
            data = unpacker.decompress(packed, _BLOCK)
        except zlib.error as error:
            yield _salvage(before, packed)
            raise Cut("the gzip file is damaged here; what came before was read") from error
        if data:
            yield data
        packed = unpacker.unconsumed_tail
        if unpacker.eof or not packed:
            return


def _salvage(unpacker: zlib._Decompress, packed: bytes) -> bytes:
    """What a damaged block holds before its damage: byte by byte, since zlib gives nothing of a call that fails."""
    found = bytearray()
    for start in range(len(packed)):
        try:
            found += unpacker.decompress(packed[start : start + 1], _BLOCK)
        except zlib.error:
            break
    return bytes(found)


def _as_utf8(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """UTF-16 with its byte order mark as UTF-8; half surrogate pairs pass, and are mended when the row is read."""
    decoder = codecs.getincrementaldecoder("utf-16")("surrogatepass")
    for block in blocks:
        yield decoder.decode(block).encode("utf-8", "surrogatepass")
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise Cut("the file ends inside a letter; what came before was read") from error


def _line_end(block: bytes, start: int) -> int:
    """Where the line ends that begins at ``start``, or the blank lines that do, so that millions cost next to nothing.
    0 where its end is not in sight.
    """
    if block[start] in _RETURNS and (blank := _BLANK_LINES.match(block, start)):
        return blank.end()
    return block.find(b"\n", start) + 1


def _lines_in(raw: bytes) -> int:
    """How many lines these are; only blank ones come together, so that a long line need not be counted through."""
    return raw.count(b"\n") if raw[0] in _RETURNS else 1


def _split(blocks: Iterator[bytes]) -> Iterator[bytes | None]:
    """The lines with their ends, blank ones together; None for a line above MAX_LINE. Before Cut comes what stood of
    the last line.
    """
    held: list[bytes] = []
    size = 0
    try:
        for block in blocks:
            start = 0
            while start < len(block) and (end := block.find(b"\n", start) + 1 if size else _line_end(block, start)):
                size += end - start
                yield b"".join([*held, block[start:end]]) if size <= MAX_LINE else None
                held, size, start = [], 0, end
            if start < len(block):
                size += len(block) - start
                held = [*held, block[start:]] if size <= MAX_LINE else []
    except Cut:
        if size:
            yield b"".join(held) if size <= MAX_LINE else None
        raise
    if size:
        yield b"".join(held) if size <= MAX_LINE else None
