"""The kinds of archive files that can be read, and which of them a file is."""

from __future__ import annotations

from pathlib import Path

from archive.errors import UsageError
from collector.sources.academictwitter import AcademicTwitter
from collector.sources.base import FileSource
from collector.sources.file_lines import HEAD, read_head, read_lines
from collector.sources.tags import Tags
from collector.sources.twarc2 import Twarc2

FILE_SOURCES: dict[str, FileSource] = {source.name: source for source in (Twarc2(), Tags(), AcademicTwitter())}

_READABLE = (
    "twarc2 JSON lines (twarc2), TAGS sheets as CSV (tags) and academictwitteR CSV (academictwitter), also gzipped"
)
_ZIP = b"PK\x03\x04"  # also what every Excel workbook is


def find_format(path: Path, name: str | None = None) -> FileSource:
    """The source that reads this file: the one called ``name``, else the one that recognises it.

    Raises UsageError, in one line that says what can be read, where there is none.
    """
    if name is not None and name not in FILE_SOURCES:
        raise UsageError(f"--format {name} is not known; use one of {', '.join(FILE_SOURCES)}")
    head = _head(path)
    if name is not None:
        return FILE_SOURCES[name]
    for source in FILE_SOURCES.values():
        if source.recognises(path, head):
            return source
    if head.startswith(_ZIP):
        raise UsageError(f"{path} is a workbook or a zip file: save it as CSV (UTF-8), or unpack it, and import that")
    raise UsageError(f"{path} is no file that can be imported; those that can: {_READABLE}")


def _head(path: Path) -> bytes:
    """The beginning of a file that is there and not empty; UsageError otherwise."""
    if not path.exists():
        raise UsageError(f"{path} is not there; check its name and folder")
    if not path.is_file():
        raise UsageError(f"{path} is a folder or a device; name the files in it that shall be imported")
    try:
        head = read_head(path)
        is_empty = not head.strip() and len(head) < HEAD and not any(line.fault for line in read_lines(path))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    if is_empty:
        raise UsageError(f"{path} is empty, so there is nothing to import")
    return head
