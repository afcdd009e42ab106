"""Which kind a file is, and how its bytes become pages whatever their packing, encoding and damage."""

from __future__ import annotations

import contextlib
import gzip
import json
import random
import sqlite3
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading_files import lost, native_ids, read_batch, read_pages, repaired

from archive.errors import UsageError
from archive.models import RawPage
from collector.sources import file_lines
from collector.sources.file_lines import Line, build_pages, decode, page_lines, read_head, read_lines
from collector.sources.files import FILE_SOURCES, find_format
from collector.sources.json_values import read_values

TWARC2 = FILE_SOURCES["twarc2"]
TAGS = FILE_SOURCES["tags"]
IDS = [str(1577000000000000000 + number * 4_194_304_000) for number in range(30)]
POSTS = [
    {"id": native, "text": f"Northmoor tip {number} #northmoor", "author_id": "7", "created_at": "2022-10-03T16:00:00Z"}
    for number, native in enumerate(IDS)
]
LINES = "".join(json.dumps(post) + "\n" for post in POSTS).encode()


def written(folder: Path, content: bytes, name: str = "chat.jsonl") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


# Which kind a file is


def test_each_kind_is_told_by_its_beginning(tmp_path: Path) -> None:
    samples = {
        "twarc2": LINES,
        "tags": b"id_str,from_user,text,created_at,status_url\n1,a,b,c,d\n",
        "academictwitter": b"text,created_at,author_id,id\nhello,2022-10-03T16:00:00Z,7,8\n",
    }
    for name, content in samples.items():
        assert find_format(written(tmp_path, content)).name == name
        assert find_format(written(tmp_path, gzip.compress(content))).name == name


def test_a_named_format_overrules_the_guess(tmp_path: Path) -> None:
    both = written(tmp_path, b"id_str,id,author_id,text\n")
    assert find_format(both).name == "tags"
    assert find_format(both, "academictwitter").name == "academictwitter"


def foreign_files(folder: Path) -> list[Path]:
    database = folder / "chats.db"
    with sqlite3.connect(database) as made:
        made.execute("CREATE TABLE posts (id_str TEXT, text TEXT)")
    made.close()
    return [
        database,
        written(folder, b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40, "wall.png"),
        written(folder, b"council,region\nNorthmoor,North\n", "councils.csv"),
        written(folder, b'{"statuses":[{"id":1,"id_str":"1","text":"old","user":{}}]}', "v1.json"),
        written(folder, b'{"id":1,"id_str":"1","text":"old","user":{"screen_name":"a"}}\n', "v1.jsonl"),
        written(folder, b'{"data":[{"id":"1","username":"northmoor"}]}\n', "users.jsonl"),
        written(folder, b'{"data":[{"start":"a","end":"b","tweet_count":3}]}\n', "counts.jsonl"),
        written(folder, b'{"id":"1","action":"delete","reason":"deleted"}\n', "compliance.jsonl"),
        written(folder, b'{"id":"1","text":"of another network","user":{"id":"2"}}\n', "other.jsonl"),
        written(folder, b'{"user_id":"1","status_id":"2","text":"of rtweet"}\n', "rtweet.jsonl"),
        written(folder, b'{"@context":"a","orderedItems":[]}', "outbox.json"),
        written(folder, b"id,text,author_id,author.username,__twarc.retrieved_at\n1,a,2,b,c\n", "twarc.csv"),
        written(folder, b"Dear all,\nplease find the chat attached.\n", "letter.txt"),
        written(folder, b"\x1f\x8bnot gzip at all", "broken.gz"),
    ]


def test_a_foreign_file_gets_one_line_that_names_what_can_be_read(tmp_path: Path) -> None:
    for path in foreign_files(tmp_path):
        with pytest.raises(UsageError) as caught:
            find_format(path)
        message = str(caught.value)
        assert path.name in message
        assert "\n" not in message
        assert all(name in message for name in FILE_SOURCES)


def test_a_workbook_is_told_to_be_saved_as_csv(tmp_path: Path) -> None:
    path = tmp_path / "sheet.xlsx"
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("xl/workbook.xml", "<workbook/>")
    with pytest.raises(UsageError, match="save it as CSV"):
        find_format(path)


@pytest.mark.parametrize("content", [b"", b"\n \n", gzip.compress(b"", mtime=0)], ids=["empty", "blank", "packed"])
def test_an_empty_file_is_said_to_be_empty(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UsageError, match="is empty"):
        find_format(written(tmp_path, content))


def test_a_missing_file_a_folder_and_an_unknown_format_are_usage_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not there"):
        find_format(tmp_path / "nowhere.jsonl")
    with pytest.raises(UsageError, match="is a folder"):
        find_format(tmp_path)
    with pytest.raises(UsageError, match="use one of twarc2, tags, academictwitter"):
        find_format(written(tmp_path, LINES), "storify")


# Packing, encodings, damage


def test_gzip_is_known_by_its_first_bytes_and_not_by_the_name(tmp_path: Path) -> None:
    assert native_ids(read_batch(TWARC2, written(tmp_path, gzip.compress(LINES), "chat.jsonl"))) == IDS
    assert native_ids(read_batch(TWARC2, written(tmp_path, LINES, "chat.jsonl.gz"))) == IDS


def test_gzip_of_several_members_and_padding_is_read_whole(tmp_path: Path) -> None:
    first, second = LINES.splitlines(keepends=True)[:10], LINES.splitlines(keepends=True)[10:]
    packed = gzip.compress(b"".join(first)) + gzip.compress(b"".join(second)) + b"\0" * 512
    batch = read_batch(TWARC2, written(tmp_path, packed))
    assert native_ids(batch) == IDS
    assert batch.flaws == []


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.95])
def test_a_cut_gzip_file_gives_what_could_be_read_and_one_flaw_at_its_end(tmp_path: Path, kept: float) -> None:
    packed = gzip.compress(LINES)
    path = written(tmp_path, packed[: int(len(packed) * kept)])
    batch = read_batch(TWARC2, path)
    found = native_ids(batch)
    assert found == IDS[: len(found)]
    assert batch.rows == len(found) + len(lost(batch))
    readable = zlib.decompressobj(wbits=31).decompress(path.read_bytes())
    assert b"".join(page.body for page in read_pages(TWARC2, path)) == readable
    last = TWARC2.parse(read_pages(TWARC2, path)[-1])
    assert [(flaw.kind, flaw.detail) for flaw in last.flaws] == [
        ("cut", "the gzip file ends too early; what came before was read")
    ]


def test_gzip_that_unpacks_to_much_more_than_a_block_is_read_whole(tmp_path: Path) -> None:
    content = b"council\n" * 200_000
    path = written(tmp_path, gzip.compress(content))
    assert b"".join(line.raw for line in read_lines(path)) == content


def test_a_damaged_gzip_file_gives_what_stands_before_the_damage(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(LINES * 40))
    packed[len(packed) // 2 :] = random.Random(1).randbytes(len(packed))
    batch = read_batch(TWARC2, written(tmp_path, bytes(packed)))
    assert len(native_ids(batch)) > 100
    assert "damaged here" in lost(batch)[-1].detail


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le-bom", "utf-16-be-bom"])
def test_byte_order_marks_and_utf_16_are_read(tmp_path: Path, encoding: str) -> None:
    text = LINES.decode().replace("Northmoor tip", "Cyngor Môr 🌊")
    if encoding.endswith("-bom"):
        raw = ("\ufeff" + text).encode(encoding.removesuffix("-bom"))
    else:
        raw = text.encode(encoding)
    path = written(tmp_path, raw)
    assert find_format(path).name == "twarc2"
    batch = read_batch(TWARC2, path)
    assert native_ids(batch) == IDS
    assert batch.posts[0].text == "Cyngor Môr 🌊 0 #northmoor"
    assert batch.flaws == []


def test_half_a_surrogate_pair_in_utf_16_is_mended(tmp_path: Path) -> None:
    text = LINES.decode().replace("tip 3 ", "tip \ud83d ")
    batch = read_batch(TWARC2, written(tmp_path, text.encode("utf-16", "surrogatepass")))
    assert native_ids(batch) == IDS
    assert batch.posts[3].text == "Northmoor tip \ufffd #northmoor"
    assert [flaw.line for flaw in repaired(batch)] == [4]


def test_utf_16_that_ends_inside_a_letter_is_told(tmp_path: Path) -> None:
    batch = read_batch(TWARC2, written(tmp_path, LINES.decode().encode("utf-16")[:-1]))
    assert native_ids(batch)[: len(IDS) - 1] == IDS[:-1]
    assert "ends inside a letter" in lost(batch)[-1].detail


def test_windows_line_ends_and_blank_lines_change_nothing(tmp_path: Path) -> None:
    batch = read_batch(TWARC2, written(tmp_path, b"\r\n" + LINES.replace(b"\n", b"\r\n\r\n")))
    assert (native_ids(batch), batch.flaws, batch.rows) == (IDS, [], len(IDS))


@pytest.mark.parametrize(
    ("raw", "text", "mended"),
    [
        (b"Elmbridge \xc3\xa9", "Elmbridge é", ""),
        (b"Elmbridge \xe9\x80 \xc3\xa9", "Elmbridge é€ é", "bytes that are not UTF-8 were read as Windows-1252"),
        (b"a\x00b", "ab", "NUL was taken out"),
        (b"a \xed\xa0\xbd b", "a \ufffd b", "half a surrogate pair was replaced"),
        (b"\x81", "\ufffd", "bytes that are not UTF-8 were read as Windows-1252"),
    ],
)
def test_rows_are_decoded_and_what_was_mended_is_said(raw: bytes, text: str, mended: str) -> None:
    assert decode(raw) == (text, mended)


@given(st.binary(max_size=200))
def test_any_bytes_decode_to_text_that_utf_8_can_hold(raw: bytes) -> None:
    text, mended = decode(raw)
    assert text.encode().decode() == text
    assert "\0" not in text
    assert bool(mended) == (text.encode() != raw)


# Pages


def blank_page(body: bytes = b"") -> RawPage:
    return RawPage(source="twarc2", format="lines", origin="f", fetched_at="2026-10-08T14:00:00.000Z", body=body)


def test_a_page_holds_at_most_a_thousand_rows_and_four_megabytes() -> None:
    small = list(build_pages((Line(n, b"x\n") for n in range(1, 2502)), blank_page()))
    assert [page.body.count(b"\n") for page in small] == [1000, 1000, 501]
    assert [page.first_line for page in small] == [1, 1001, 2001]
    large = list(build_pages((Line(n, b"x" * 2**20) for n in range(1, 11)), blank_page()))
    assert [len(page.body) // 2**20 for page in large] == [4, 4, 2]


def test_blank_lines_alone_make_no_page(tmp_path: Path) -> None:
    assert len(read_pages(TWARC2, written(tmp_path, LINES + b"\r\n" * 5_000))) == 1


def test_one_row_above_a_page_is_a_page_of_its_own() -> None:
    pages = list(build_pages([Line(1, b"a\n"), Line(2, b"b" * (5 * 2**20)), Line(3, b"c\n")], blank_page()))
    assert [page.first_line for page in pages] == [1, 2, 3]


def test_the_pages_of_a_file_hold_all_its_bytes_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_lines, "MAX_ROWS", 7)
    path = written(tmp_path, gzip.compress(LINES))
    pages = read_pages(TWARC2, path)
    assert b"".join(page.body for page in pages) == LINES
    assert {page.origin for page in pages} == {"chat.jsonl"}
    assert len(pages) == 5


def test_a_line_too_long_is_passed_over_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_lines, "MAX_LINE", 600_000)
    lines = LINES.splitlines(keepends=True)
    lines[3] = b'{"text":"' + b"x" * 900_000 + b'"}\n'
    batch = read_batch(TWARC2, written(tmp_path, b"".join(lines)))
    assert native_ids(batch) == IDS[:3] + IDS[4:]
    assert [(flaw.line, "was passed over" in flaw.detail) for flaw in batch.flaws] == [(4, True)]
    assert batch.rows == len(IDS)


def test_millions_of_blank_lines_come_as_a_few(tmp_path: Path) -> None:
    path = written(tmp_path, gzip.compress(b"\n" * 3_000_000 + LINES + b"\r\n" * 1_000_000 + b"broken\n"))
    lines = list(read_lines(path))
    assert len(lines) < len(IDS) + 100
    assert lines[-1].number == 4_000_000 + len(IDS) + 1
    batch = read_batch(TWARC2, path)
    assert native_ids(batch) == IDS
    assert [(flaw.kind, flaw.line) for flaw in batch.flaws] == [("malformed", lines[-1].number)]
    sheet = b"id_str,from_user,text\n" + b"\n" * 3_000_000 + b"7,ann,hello\n"
    batch = read_batch(TAGS, written(tmp_path, gzip.compress(sheet)))
    assert [(flaw.kind, flaw.line) for flaw in batch.flaws] == [("unusable", 3_000_002)]


def test_a_gap_of_megabytes_in_an_array_is_passed_over_piece_by_piece(tmp_path: Path) -> None:
    content = b"[" + b"\n" * 5_000_000 + b",".join(LINES.splitlines()) + b"]"
    batch = read_batch(TWARC2, written(tmp_path, content))
    assert native_ids(batch) == IDS
    blocks = (content[at : at + 100_000] for at in range(0, len(content), 100_000))
    assert max(len(line.raw) for line in read_values(blocks)) < 3_000_000


@pytest.mark.parametrize("name", ["twarc2", "tags", "academictwitter"])
@pytest.mark.parametrize(
    "content",
    [
        b"[" * 200_000 + b"]" * 200_000,
        b"[" * 2_000_000,
        b"\n" * 100_000,
        b"[]\n",
        b"<!DOCTYPE html>\n<p>Northmoor</p>\n",
        b"<p>Northmoor</p>",
        b"{" + b'"a":{' * 200_000,
        b"PK\x03\x04 a workbook \n\0\n",
    ],
)
def test_a_file_of_no_posts_read_by_force_never_passes_in_silence(tmp_path: Path, name: str, content: bytes) -> None:
    source = FILE_SOURCES[name]
    for packed in (content, gzip.compress(content)):
        batch = read_batch(source, written(tmp_path, packed))
        assert batch.posts == []
        assert batch.rows == len(lost(batch)) >= 1
        assert batch.flaws[0].line == 1


@pytest.mark.parametrize("content", [b"<!DOCTYPE html>\n<p>Northmoor</p>\n", b"<p>Northmoor</p>"])
def test_a_web_page_read_as_json_by_force_is_unusable_and_not_cut(tmp_path: Path, content: bytes) -> None:
    batch = read_batch(TWARC2, written(tmp_path, content))
    assert [(flaw.kind, flaw.line) for flaw in batch.flaws] == [("unusable", 1)]


def test_a_line_too_long_at_the_end_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_lines, "MAX_LINE", 300_000)
    last = list(read_lines(written(tmp_path, b"a\n" + b"x" * 700_000)))[-1]
    assert (last.number, last.raw, bool(last.fault)) == (2, b"", True)


def test_the_head_is_64_kb_unpacked(tmp_path: Path) -> None:
    assert read_head(written(tmp_path, gzip.compress(b"x" * 300_000))) == b"x" * 65_536


BLANKS = st.sampled_from([b"", b"\r", b"\r\r"])


@given(st.lists(BLANKS | st.binary(max_size=40).map(lambda raw: raw.replace(b"\n", b"")), max_size=30), st.booleans())
def test_lines_joined_are_the_bytes_and_numbers_are_theirs(contents: list[bytes], ends: bool) -> None:
    body = b"\n".join(contents) + (b"\n" if ends else b"")
    lines = list(page_lines(body, 5))
    assert b"".join(line.raw for line in lines) == body
    at = 0
    for line in lines:
        assert line.number == 5 + body.count(b"\n", 0, at)
        assert line.raw.count(b"\n") <= 1 or not line.raw.strip(b"\r\n")
        at += len(line.raw)


@given(content=st.binary(max_size=300) | st.binary(max_size=300).map(gzip.compress))
def test_no_bytes_at_all_make_a_source_raise(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = written(tmp_path_factory.mktemp("any"), content)
    for source in FILE_SOURCES.values():
        batch = read_batch(source, path)
        assert batch.rows == len(native_ids(batch)) + len(lost(batch))
        assert all(flaw.line is None or flaw.line >= 1 for flaw in repaired(batch))
    with contextlib.suppress(UsageError):
        find_format(path)
