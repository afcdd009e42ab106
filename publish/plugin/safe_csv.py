"""Makes the CSV that Datasette streams safe for a spreadsheet, row by row: a byte order mark, and no cell that runs."""

from __future__ import annotations

import codecs
import csv
import io
import re

from publish.plugin.guard import App, Message, Receive, Scope, Send
from publish.spreadsheet import BOM, guard

# Counts, scores and the chat's local times, which a spreadsheet may read as what they are; ids are longer.
_FIGURE = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,17})?|\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?")


class SafeCsv:
    """Rewrites one CSV answer. Give feed() its bytes as they come; rows leave as soon as they are whole."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._waiting: list[str] = []
        self._quotes = 0
        self._begun = False

    def feed(self, body: bytes, *, last: bool) -> bytes:
        """What can be sent now. A row is whole at an end of line outside quotation marks."""
        text = self._decoder.decode(body, final=last)
        self._waiting.append(text)
        self._quotes += text.count('"')
        if not last and (self._quotes % 2 or not text.endswith("\n")):
            return b""
        rows = "".join(self._waiting)
        self._waiting, self._quotes = [], 0
        begun, self._begun = self._begun, self._begun or bool(rows)
        return ("" if begun or not rows else BOM).encode() + _guarded(rows).encode()


def _guarded(rows: str) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    for row in csv.reader(io.StringIO(rows, newline="")):
        writer.writerow([cell if _FIGURE.fullmatch(cell) else guard(cell) for cell in row])
    return out.getvalue()


def with_safe_csv(app: App) -> App:
    """The application whose CSV answers a spreadsheet opens unharmed."""

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].endswith(".csv"):
            await app(scope, receive, send)
            return
        table: SafeCsv | None = None

        async def send_safely(message: Message) -> None:
            nonlocal table
            if message["type"] == "http.response.start" and message["status"] == 200 and _is_text(message):
                table = SafeCsv()
            elif message["type"] == "http.response.body" and table is not None:
                more = bool(message.get("more_body"))
                message = {**message, "body": table.feed(message.get("body", b""), last=not more)}
            await send(message)

        await app(scope, receive, send_safely)

    return answered


def _is_text(message: Message) -> bool:
    kinds = [value for name, value in message.get("headers", ()) if name.lower() == b"content-type"]
    return any(kind.startswith((b"text/plain", b"text/csv")) for kind in kinds)
