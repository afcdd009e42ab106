from __future__ import annotations

import io
import json
import os
import threading
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from chatkeep.event_log import EventLog


def clock() -> datetime:
    return datetime(2026, 10, 8, 12, 0, tzinfo=UTC)


def written(secrets: tuple[str, ...] = (), **facts: object) -> bytes:
    stream = io.BytesIO()
    EventLog(stream, clock, secrets).tell("page saved", **facts)
    return stream.getvalue()


def test_an_event_is_one_json_line_with_its_time_and_its_facts() -> None:
    assert json.loads(written(chat="northmoor", posts=3, platform=None)) == {
        "at": "2026-10-08T12:00:00.000Z", "event": "page saved", "chat": "northmoor", "posts": 3,
    }  # fmt: skip


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=10,
)


@given(any_json)
def test_whatever_a_fact_holds_it_is_one_line_of_utf8(value: object) -> None:
    line = written(detail=value).decode("utf-8")
    assert line.endswith("\n")
    assert len(line.splitlines()) == 1
    assert json.loads(line)["event"] == "page saved"


def test_a_text_is_read_back_as_it_was() -> None:
    text = "grün \u2028 \x85 \x1b[31m \ud83d 日本 \u202e"
    line = written(detail=text)
    assert json.loads(line)["detail"] == text
    assert len(line.decode().splitlines()) == 1
    assert "\u202e" not in line.decode()


def test_what_json_does_not_know_is_written_as_text() -> None:
    looped: list[object] = []
    looped.append(looped)
    assert json.loads(written(at_=clock(), looped=looped))["at_"].startswith("2026-10-08")


def test_a_secret_appears_nowhere_however_deep() -> None:
    line = written(("hunter2hunter2", 'quo"ted\\one'), detail={"hunter2hunter2": ["x hunter2hunter2", 'quo"ted\\one']})
    assert b"hunter2" not in line
    assert b"ted" not in line.replace(b"hidden", b"")


def test_a_reader_that_has_gone_is_no_error() -> None:
    end, start = os.pipe()
    os.close(end)
    with os.fdopen(start, "wb") as stream:
        log = EventLog(stream, clock)
        for _ in range(3):
            log.tell("page saved")


def test_a_stream_that_is_closed_is_no_error() -> None:
    stream = io.BytesIO()
    stream.close()
    EventLog(stream, clock).tell("page saved")


def test_a_full_disk_loses_lines_and_the_log_goes_on_when_there_is_room() -> None:
    class Full(io.BytesIO):
        full = True

        def write(self, line: object) -> int:
            if self.full:
                raise OSError(28, "No space left on device")
            return super().write(line)  # type: ignore[arg-type]  # bytes, as EventLog writes

    stream = Full()
    log = EventLog(stream, clock)
    log.tell("lost")
    stream.full = False
    log.tell("kept")
    assert json.loads(stream.getvalue())["event"] == "kept"


def test_lines_of_many_threads_stay_whole() -> None:
    stream = io.BytesIO()
    log = EventLog(stream, clock)
    threads = [threading.Thread(target=lambda: [log.tell("x", text="y" * 500) for _ in range(50)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([json.loads(line) for line in stream.getvalue().splitlines()]) == 400
