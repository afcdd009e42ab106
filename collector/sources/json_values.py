"""Finds JSON values one after another in a stream of bytes, and looks into values that are cut off.

For files that are one array, one object, or objects over many lines, where a line is no unit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from collector.sources.file_lines import MAX_LINE, Cut, Line

_DECODER = json.JSONDecoder(strict=False)
# What may stand between the values of an array, or of several; a byte order mark too, as a letter or as its bytes.
BETWEEN = " \t\r\n,[]\ufeff\u00ef\u00bb\u00bf"
_GAP = re.compile(f"[{re.escape(BETWEEN)}]*+")
_LONGEST_GAP = 2**20  # more is given out by itself, so that memory does not grow with it
_DEEPEST_LOOK = 8


def read_values(blocks: Iterable[bytes]) -> Iterator[Line]:
    """Each value with what stands before it, as it stands in the file; the rest of a file that is no JSON as a fault.

    The pieces of a page, joined, can be read by parse_values().
    """
    text = _Window(iter(blocks))
    line = 1
    while True:
        fault = ""
        try:
            piece = text.next_piece()
        except ValueError:
            fault = "from here on the file cannot be read as JSON"
        except Cut as why:
            fault = str(why)
        if fault:
            yield Line(line, b"", fault)
            return
        if not piece:
            return
        yield Line(line, piece.encode("latin-1"))
        line += piece.count("\n")


def parse_values(text: str, line: int) -> Iterator[tuple[int, Any]]:
    """The values in a page's text, each with its line. Raises ValueError or RecursionError where it is no JSON."""
    start = 0
    while (value_at := _skip(text, start)) < len(text):
        line += text.count("\n", start, value_at)
        value, end = _DECODER.raw_decode(text, value_at)
        yield line, value
        line += text.count("\n", value_at, end)
        start = end


def look_into(text: str) -> object:
    """The first value of a text that may be cut off anywhere: whole where it is whole, else as far as it goes.

    An object keeps the names whose values are cut; None stands for what cannot be seen at all.
    """
    return _look(text, _skip(text, 0), 0)[0]


class _Window:
    """The part of the stream that is being read, grown until it holds a whole value."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._text = ""
        self._start = 0
        self._ended = False
        self._cut = ""

    def next_piece(self) -> str:
        """The next value with what stands before it, "" at the end. Raises ValueError or Cut."""
        while True:
            value_at = _skip(self._text, self._start)
            if value_at < len(self._text):
                end = self._value_end(value_at)
                if end is not None:
                    piece = self._text[self._start : end]
                    self._start = end
                    return piece
            elif self._ended:
                self._check_whole()
                return ""
            elif value_at - self._start > _LONGEST_GAP:
                piece = self._text[self._start :]
                self._start = value_at
                return piece
            self._grow()

    def _value_end(self, start: int) -> int | None:
        """Where the value ends; None where more of the stream must be seen. Raises ValueError."""
        try:
            _, end = _DECODER.raw_decode(self._text, start)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
        except ValueError:
            if self._ended:
                self._check_whole()
            if self._ended or len(self._text) - start > MAX_LINE:
                raise
            return None
        return end if end < len(self._text) or self._ended else None

    def _check_whole(self) -> None:
        if self._cut:
            raise Cut(self._cut)

    def _grow(self) -> None:
        """Doubles what is held, so that a long value is not read again for each block."""
        self._text = self._text[self._start :]
        self._start = 0
        wanted = 2 * len(self._text) + 1
        parts = [self._text]
        while wanted > 0 and not self._ended:
            block = self._next_block()
            self._ended = block is None
            parts.append((block or b"").decode("latin-1"))  # one letter a byte: the marks of JSON are ASCII
            wanted -= len(parts[-1])
        self._text = "".join(parts)

    def _next_block(self) -> bytes | None:
        try:
            return next(self._blocks, None)
        except Cut as why:
            self._cut = str(why)
            return None


def _skip(text: str, start: int) -> int:
    found = _GAP.match(text, start)
    return found.end() if found else start


def _look(text: str, start: int, depth: int) -> tuple[object, int]:
    """The value at ``start`` and where it ends; the end of the text where the value is cut."""
    try:
        return _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        if depth < _DEEPEST_LOOK and text[start : start + 1] == "[":
            return [_look(text, _skip_space(text, start + 1), depth + 1)[0]], len(text)
        if depth < _DEEPEST_LOOK and text[start : start + 1] == "{":
            return _look_into_object(text, start + 1, depth), len(text)
        return None, len(text)


def _look_into_object(text: str, start: int, depth: int) -> dict[str, object]:
    found: dict[str, object] = {}
    while (start := _skip_space(text, start)) < len(text):
        name, start = _look(text, start, _DEEPEST_LOOK)
        start = _skip_space(text, start)
        if not isinstance(name, str) or text[start : start + 1] != ":":
            break
        found[name], start = _look(text, _skip_space(text, start + 1), depth + 1)
    return found


def _skip_space(text: str, start: int) -> int:
    while start < len(text) and text[start] in " \t\r\n,":
        start += 1
    return start
