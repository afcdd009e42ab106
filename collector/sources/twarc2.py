"""Reads what twarc2 writes: API answers, stream records and flattened posts, one a line, or as JSON arrays and objects.

A page of ``lines`` holds whole lines of the file; a page of ``values`` holds a stretch of a file in which lines are no
unit (one array, or objects laid out over many lines).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from archive.models import Batch, Flaw, Platform, RawPage
from archive.projection import storable
from collector.sources.file_lines import (
    HEAD,
    MAX_ROWS,
    UTF8_BOM,
    Line,
    build_pages,
    decode,
    file_origin,
    page_lines,
    parse_fault,
    read_blocks,
    read_head,
    read_lines,
    told_if_nothing,
)
from collector.sources.json_values import BETWEEN, look_into, parse_values, read_values
from collector.sources.x_parse import Reader

# Half a surrogate pair as JSON escapes it stands in the group; pairs and Korean letters are passed over. It also meets
# texts that speak of such escapes: those are told apart when the value is looked at.
_HALF_PAIR = re.compile(rb"\\ud(?:[89ab]..\\ud[c-f]|[0-7]|([89a-f]))")
_BETWEEN = BETWEEN.encode("latin-1", "ignore")
_SEEN_IN_HEAD = 20
_LONG_LINE = 50_000
_LIFELESS = frozenset({"errors", "meta", "includes"})  # an answer without posts still is an answer


class Twarc2:
    """twarc2's JSON lines, and JSON of the same shapes from anywhere."""

    name = "twarc2"
    platform: Platform = "x"

    def recognises(self, path: Path, head: bytes) -> bool:
        verdicts = {_is_of_x(value) for value in _values_in(head)}
        return True in verdicts or verdicts == {None}

    def read(self, path: Path, fetched_at: str) -> Iterator[RawPage]:
        head = read_head(path)
        in_values = not _is_of_lines(head)
        blank = RawPage(
            source=self.name,
            format="values" if in_values else "lines",
            origin=file_origin(path),
            fetched_at=fetched_at,
            body=b"",
        )
        records: Iterable[Line] = read_values(read_blocks(path)) if in_values else read_lines(path)
        if not _may_be_json(head) and (in_values or _is_one_line(head)):
            records = ()
        return build_pages(map(_weighed, told_if_nothing(records, _BETWEEN)), blank)

    def parse(self, page: RawPage) -> Batch:
        fault = parse_fault(page)
        if fault is not None:
            return fault
        reader = Reader(Batch())
        if page.format == "values":
            _parse_stretch(page, reader)
        else:
            for line in page_lines(page.body, page.first_line or 1):
                _parse_line(line, reader)
        reader.batch.top = None  # a file has no order of its own
        return reader.batch


def _may_be_json(head: bytes) -> bool:
    """Whether the first sign, after those that stand between values, begins one."""
    first = head.lstrip(_BETWEEN)[:1]
    return not first or first in b'{"-0123456789tfnNI'


def _is_one_line(head: bytes) -> bool:
    """Whether the head is the whole file, and one line."""
    return len(head) < HEAD and b"\n" not in head.strip()


def _weighed(record: Line) -> Line:
    """A line with how many posts it may hold, by a count that is quick and never too low."""
    if record.raw.find(b'"data"', 0, 200) < 0 and len(record.raw) < _LONG_LINE:
        return record
    return replace(record, rows=max(1, min(record.raw.count(b'"text"'), MAX_ROWS)))


def _parse_line(line: Line, reader: Reader) -> None:
    if not line.raw.strip():
        return
    try:
        value, mended = _load(line.raw)
    except (ValueError, RecursionError):
        ends_early = not line.raw.endswith(b"\n")
        detail = "the file ends inside this line" if ends_early else "this line is not JSON"
        reader.batch.rows += 1
        reader.batch.flaws.append(Flaw("cut" if ends_early else "malformed", detail, line.number))
        return
    if mended:
        reader.batch.flaws.append(Flaw("repaired", mended, line.number))
    _read_value(value, reader, line.number)


def _parse_stretch(page: RawPage, reader: Reader) -> None:
    text, mended = decode(page.body)
    line = page.first_line or 1
    if mended:
        reader.batch.flaws.append(Flaw("repaired", mended, line))
    try:
        for number, value in parse_values(text, line):
            whole, mended = _mend(value)
            if mended:
                reader.batch.flaws.append(Flaw("repaired", mended, number))
            _read_value(whole, reader, number)
    except (ValueError, RecursionError):
        reader.batch.rows += 1
        reader.batch.flaws.append(Flaw("malformed", "this part of the file is not JSON", line))


def _read_value(value: Any, reader: Reader, line: int) -> None:
    is_answer = isinstance(value, dict) and "text" not in value and ("data" in value or _LIFELESS & value.keys())
    if is_answer:
        reader.answer(value, line)
    else:
        reader.flattened(value, line)


def _load(raw: bytes) -> tuple[Any, str]:
    """A line's value, and what was mended in it. Raises ValueError or RecursionError where it is no JSON."""
    try:
        value = orjson.loads(raw)  # refuses half surrogate pairs, so that only NUL is left to look for
        return _mend(value) if b"\\u0000" in raw else (value, "")
    except ValueError:
        pass
    try:
        value = json.loads(raw.decode())
        mended = ""
    except ValueError:
        text, mended = decode(raw.removeprefix(UTF8_BOM))
        value = json.loads(text, strict=False)
        if not mended and not raw.startswith(UTF8_BOM):
            mended = "control characters stood in a text"
    if b"\\u0000" in raw or any(_HALF_PAIR.findall(raw.lower() if b"\\uD" in raw else raw)):
        value, more = _mend(value)
        mended = "; ".join(filter(None, (mended, more)))
    return value, mended


def _mend(value: Any) -> tuple[Any, str]:
    """The value without what SQLite cannot hold: NUL and half surrogate pairs, which JSON can escape."""
    text = json.dumps(value, ensure_ascii=False)
    has_nul, has_half = "\\u0000" in text, not _is_whole(text)
    if not has_nul and not has_half:
        return value, ""
    mended = _cleaned(value)
    if mended == value:
        return value, ""
    what = [("NUL was taken out", has_nul), ("half a surrogate pair was replaced", has_half)]
    return mended, "; ".join(text for text, is_so in what if is_so)


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if isinstance(value, dict):
        return {storable(name): _cleaned(item) for name, item in value.items()}
    return value


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_of_lines(head: bytes) -> bool:
    """Whether each line is a value: at least one line in sight is, or is too long to see its end."""
    if head.lstrip(UTF8_BOM + b" \t\r\n").startswith(b"["):
        return False
    lines = head.splitlines()
    return b"\n" not in head.strip() or any(isinstance(_object_in(line), dict) for line in lines)


def _values_in(head: bytes) -> Iterator[object]:
    """The first objects in sight; of one that is cut, what can be seen of it."""
    if not head.lstrip(UTF8_BOM + b" \t\r\n").startswith((b"{", b"[")):
        return
    if _is_of_lines(head):
        whole = [value for line in head.splitlines()[:_SEEN_IN_HEAD] if (value := _object_in(line)) is not None]
        if whole:
            yield from whole
            return
    yield look_into(decode(head)[0])


def _object_in(line: bytes) -> object:
    try:
        value = json.loads(decode(line.removeprefix(UTF8_BOM))[0], strict=False)
    except (ValueError, RecursionError):
        return None
    return value


def _is_of_x(value: object) -> bool | None:
    """True for posts of X's API v2, None for an answer without any in sight, False for anything else."""
    if not isinstance(value, dict):
        return False
    if "data" in value:
        data = value["data"]
        first = data[0] if isinstance(data, list) and data else data
        return _is_post(first) if first else None
    if _is_post(value):
        return True
    return None if _LIFELESS & value.keys() and not {"id", "statuses", "posts"} & value.keys() else False


def _is_post(value: object) -> bool:
    """A post of X's API v2: its ids are texts, and it has none of the names of v1.1 and of other networks."""
    if not isinstance(value, dict) or {"id_str", "user"} & value.keys():
        return False
    named = {"id", "author_id", "conversation_id"} & value.keys()
    return bool(named) and isinstance(value.get("id", ""), str) and ("text" in value or "author_id" in value)
