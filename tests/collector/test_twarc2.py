"""twarc2's files: answers, flattened posts, stream records, arrays; and what damage does to them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading_files import lost, native_ids, primary, read_batch, read_pages, repaired

from collector.sources import file_lines
from collector.sources.file_lines import read_head
from collector.sources.twarc2 import Twarc2

SOURCE = Twarc2()
ASKED = {"url": "https://api.twitter.com/2/tweets/search/all", "version": "2.14.0"}
AUTHOR = {
    "id": "71",
    "username": "NorthmoorCouncil",
    "name": "Northmoor Council",
    "public_metrics": {"followers_count": 9},
}


def tweet(number: int, text: str = "Ask before you post #northmoor", **more: Any) -> dict[str, Any]:
    native = str(1577000000000000000 + number * 4_194_304_000)
    return {"id": native, "text": text, "author_id": "71", "created_at": "2022-10-03T16:00:00.000Z", **more}


def answer(first: int, count: int, **more: Any) -> dict[str, Any]:
    stamp = ASKED | {"retrieved_at": "2022-10-04T09:00:00+00:00"}
    tweets = [tweet(number) for number in range(first, first + count)]
    return {"data": tweets, "includes": {"users": [AUTHOR]}, "meta": {"result_count": count}, "__twarc": stamp, **more}


def jsonl(*values: object) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def written(folder: Path, content: bytes) -> Path:
    path = folder / "chat.jsonl"
    path.write_bytes(content)
    return path


def ids(*numbers: int) -> list[str]:
    return [tweet(number)["id"] for number in numbers]


def recognised(folder: Path, content: bytes) -> bool:
    path = written(folder, content)
    return SOURCE.recognises(path, read_head(path))


# The shapes


def test_answers_flattened_posts_and_stream_records_are_all_posts(tmp_path: Path) -> None:
    stream = {"data": tweet(3), "includes": {"users": [AUTHOR]}, "matching_rules": [{"id": "1", "tag": "northmoor"}]}
    batch = read_batch(SOURCE, written(tmp_path, jsonl(answer(0, 3), stream, tweet(4, author=AUTHOR))))
    assert native_ids(batch) == ids(0, 1, 2, 3, 4)
    assert {author.handle for author in batch.authors} == {"NorthmoorCouncil"}
    assert (batch.rows, batch.flaws) == (5, [])


def test_a_line_of_errors_alone_is_an_answer_without_posts(tmp_path: Path) -> None:
    gone = {
        "resource_type": "tweet",
        "resource_id": "5",
        "type": "https://api.twitter.com/2/problems/resource-not-found",
    }
    content = jsonl({"errors": [gone], "__twarc": ASKED}, {"meta": {"result_count": 0}, "__twarc": ASKED})
    assert recognised(tmp_path, content)
    batch = read_batch(SOURCE, written(tmp_path, content + jsonl(tweet(1))))
    assert native_ids(batch) == ids(1)
    assert lost(batch) == []


def test_a_flattened_post_with_names_of_an_answer_is_a_post(tmp_path: Path) -> None:
    assert native_ids(read_batch(SOURCE, written(tmp_path, jsonl(tweet(0, errors=[], meta={}))))) == ids(0)


def test_a_page_of_answers_holds_at_most_a_thousand_posts(tmp_path: Path) -> None:
    pages = read_pages(SOURCE, written(tmp_path, jsonl(*(answer(number * 400, 400) for number in range(5)))))
    assert [len(SOURCE.parse(page).posts) for page in pages] == [800, 800, 400]


def test_when_the_file_was_made_is_told_with_each_post(tmp_path: Path) -> None:
    batch = read_batch(SOURCE, written(tmp_path, jsonl(answer(0, 2))))
    assert {post.observed_at for post in batch.posts} == {"2022-10-04T09:00:00.000Z"}


@pytest.mark.parametrize("indent", [None, 2])
def test_one_array_or_one_object_is_read_too(tmp_path: Path, indent: int | None) -> None:
    for value, expected in (([tweet(n) for n in range(5)], 5), (answer(0, 4), 4)):
        content = json.dumps(value, indent=indent).encode()
        assert recognised(tmp_path, content)
        for raw in (content, b"\xef\xbb\xbf" + content):
            batch = read_batch(SOURCE, written(tmp_path, raw))
            assert native_ids(batch) == ids(*range(expected))
            assert batch.flaws == []


def test_objects_laid_out_over_many_lines_are_read_one_after_another(tmp_path: Path) -> None:
    content = "\n".join(json.dumps(tweet(n), indent=1) for n in range(4)).encode()
    assert recognised(tmp_path, content)
    assert native_ids(read_batch(SOURCE, written(tmp_path, content))) == ids(0, 1, 2, 3)


def test_the_line_of_a_flaw_in_an_array_is_the_line_where_its_value_begins(tmp_path: Path) -> None:
    content = b'[\n{"id": "1",\n "text": "no author, no time"},\n\n7\n]\n'
    batch = read_batch(SOURCE, written(tmp_path, content))
    assert [flaw.line for flaw in lost(batch)] == [2, 5]


def test_an_array_larger_than_a_page_is_read_in_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_lines, "MAX_PAGE", 3_000)
    monkeypatch.setattr(file_lines, "_BLOCK", 101)
    content = json.dumps([tweet(n, "é" * 300) for n in range(60)], ensure_ascii=False).encode()
    path = written(tmp_path, gzip.compress(content))
    pages = read_pages(SOURCE, path)
    assert len(pages) > 10
    assert b"".join(page.body for page in pages) == content.rstrip(b"]")
    assert native_ids(read_batch(SOURCE, path)) == ids(*range(60))


def test_an_array_that_breaks_off_keeps_what_came_before(tmp_path: Path) -> None:
    content = json.dumps([tweet(n) for n in range(5)]).encode()
    batch = read_batch(SOURCE, written(tmp_path, content[:-40]))
    assert native_ids(batch) == ids(0, 1, 2, 3)
    assert [flaw.detail for flaw in lost(batch)] == ["from here on the file cannot be read as JSON"]
    packed = gzip.compress(content, mtime=0)
    cut = read_batch(SOURCE, written(tmp_path, packed[: len(packed) - 20]))
    assert native_ids(cut) == ids(*range(5))[: len(native_ids(cut))]
    assert "ends too early" in lost(cut)[-1].detail


def test_an_array_nested_too_deeply_is_a_flaw(tmp_path: Path) -> None:
    content = json.dumps([tweet(0)]).encode()[:-1] + b', {"x": ' + b'{"a":' * 100_000
    batch = read_batch(SOURCE, written(tmp_path, content))
    assert native_ids(batch) == ids(0)
    assert len(lost(batch)) == 1


# What is not a post


@pytest.mark.parametrize(
    "row",
    [
        {"data": [{"id": "1", "username": "northmoor", "name": "Northmoor"}], "includes": {"tweets": [tweet(1)]}},
        {"data": [{"id": "1", "name": "Chats", "owner_id": "2", "member_count": 3}]},
        {"data": [{"start": "a", "end": "b", "tweet_count": 3}], "meta": {"total_tweet_count": 3}},
        {"id": "1", "action": "delete", "reason": "deleted"},
    ],
)
def test_users_lists_counts_and_compliance_are_not_taken_for_posts(tmp_path: Path, row: dict[str, Any]) -> None:
    content = jsonl(row, row)
    assert not recognised(tmp_path, content)
    batch = read_batch(SOURCE, written(tmp_path, content))
    assert primary(batch) == []
    assert [flaw.kind for flaw in batch.flaws] == ["unusable", "unusable"]
    assert all("not a post" in flaw.detail for flaw in batch.flaws)


def test_an_answer_longer_than_the_head_is_recognised_by_what_can_be_seen_of_it(tmp_path: Path) -> None:
    assert recognised(tmp_path, jsonl(answer(0, 2) | {"data": [tweet(n, "x" * 900) for n in range(200)]}))
    assert recognised(tmp_path, jsonl({"includes": {"users": [AUTHOR] * 900}} | answer(0, 2)))
    assert recognised(tmp_path, jsonl(tweet(0) | {"text": "x" * 200_000}))
    assert not recognised(tmp_path, jsonl({"data": [AUTHOR] * 900}))
    assert not recognised(tmp_path, jsonl({"statuses": [tweet(0)] * 900}))


# Damage


def test_each_bad_line_is_a_flaw_with_its_number_and_costs_no_other_line(tmp_path: Path) -> None:
    content = jsonl(tweet(0)) + b"not json\n" + jsonl(7, tweet(1)) + b"[" * 100_000 + b"\n" + jsonl(tweet(2))
    batch = read_batch(SOURCE, written(tmp_path, content + json.dumps(tweet(3)).encode()[:-9]))
    assert native_ids(batch) == ids(0, 1, 2)
    assert [(flaw.line, flaw.detail) for flaw in lost(batch)] == [
        (2, "this line is not JSON"),
        (3, "this row is no object"),
        (5, "this line is not JSON"),
        (7, "the file ends inside this line"),
    ]
    assert batch.rows == 7


def test_the_last_line_needs_no_line_end(tmp_path: Path) -> None:
    assert read_batch(SOURCE, written(tmp_path, jsonl(tweet(0)).rstrip())).flaws == []


@pytest.mark.parametrize(
    ("raw", "text", "mended"),
    [
        (rb"half \ud83d pair", "half \ufffd pair", "half a surrogate pair was replaced"),
        (rb"half \uDE00 pair", "half \ufffd pair", "half a surrogate pair was replaced"),
        (rb"turned \ude00\ud83d", "turned \ufffd\ufffd", "half a surrogate pair was replaced"),
        (rb"nul \u0000!", "nul !", "NUL was taken out"),
        (b"nul \x00!", "nul !", "NUL was taken out"),
        (b"tab \t!", "tab \t!", "control characters stood in a text"),
        (b"caf\xe9", "café", "bytes that are not UTF-8 were read as Windows-1252"),
    ],
)
def test_a_text_that_no_database_holds_is_mended_and_counted(
    tmp_path: Path, raw: bytes, text: str, mended: str
) -> None:
    content = jsonl(tweet(0, "HERE"), tweet(1)).replace(b"HERE", raw)
    batch = read_batch(SOURCE, written(tmp_path, content))
    assert batch.posts[0].text == text
    assert [(flaw.line, flaw.detail) for flaw in repaired(batch)] == [(1, mended)]


@pytest.mark.parametrize("text", ["🌊 tide", "한국어 \ud558", "write \\ud83d or \\u0000", "\ud83c\udff4\U000e0067"])
def test_sound_texts_are_not_called_repaired(tmp_path: Path, text: str) -> None:
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16")
    for raw in (jsonl(tweet(0, whole)), jsonl(tweet(0, whole)).replace(b"\\ud", b"\\uD")):
        batch = read_batch(SOURCE, written(tmp_path, raw))
        assert repaired(batch) == []
    assert read_batch(SOURCE, written(tmp_path, jsonl(tweet(0, whole)))).posts[0].text == whole


def test_odd_posts_are_kept_as_they_are(tmp_path: Path) -> None:
    script = "<script>alert(1)</script>"
    rows = [
        tweet(0, "x" * 2_000_000),
        tweet(1, script),
        tweet(2) | {"created_at": "1970-01-01T00:00:00.000Z"},
        tweet(3) | {"created_at": "2035-01-01T00:00:00.000Z"},
    ]
    batch = read_batch(SOURCE, written(tmp_path, jsonl(*rows)))
    assert native_ids(batch) == ids(0, 1, 2, 3)
    assert len(batch.posts[0].text) == 2_000_000
    assert batch.posts[1].text == script


# Every row is accounted for

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(["id", "text", "author_id", "created_at", "entities", "referenced_tweets", "author", "data"])
ROWS = (
    st.integers(0, 99).map(tweet)
    | st.builds(lambda number, odd: tweet(number) | odd, st.integers(0, 99), st.dictionaries(FIELDS, JSON_VALUES))
    | JSON_VALUES.filter(lambda value: not isinstance(value, dict) or not value.keys() & {"data", "errors", "meta"})
)


@given(st.lists(ROWS, max_size=12), st.integers(1, 5))
def test_every_flattened_line_is_a_post_or_a_flaw_whatever_the_size_of_pages(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], page_rows: int
) -> None:
    path = written(tmp_path_factory.mktemp("rows"), jsonl(*rows))
    whole = read_batch(SOURCE, path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_lines, "MAX_ROWS", page_rows)
        small = read_batch(SOURCE, path)
    for batch in (whole, small):
        assert batch.rows == len(primary(batch)) + len(lost(batch))
    assert primary(small) == primary(whole)
    assert lost(small) == lost(whole)
    assert repaired(small) == repaired(whole)


@given(st.lists(st.integers(0, 5), max_size=6), st.integers(1, 4))
def test_every_post_of_an_answer_is_read_whatever_the_size_of_pages(
    tmp_path_factory: pytest.TempPathFactory, counts: list[int], page_rows: int
) -> None:
    starts = [sum(counts[:place]) for place in range(len(counts))]
    content = jsonl(*(answer(start, count) for start, count in zip(starts, counts, strict=True)))
    path = written(tmp_path_factory.mktemp("answers"), content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_lines, "MAX_ROWS", page_rows)
        assert native_ids(read_batch(SOURCE, path)) == ids(*range(sum(counts)))


@given(st.lists(st.integers(0, 99).map(tweet) | JSON_VALUES, max_size=8), st.sampled_from([None, 0, 3]), st.booleans())
def test_arrays_give_the_posts_that_lines_give(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], indent: int | None, as_ascii: bool
) -> None:
    rows = [row for row in rows if not isinstance(row, list)]
    content = json.dumps([tweet(500), *rows], indent=indent, ensure_ascii=as_ascii)
    folder = tmp_path_factory.mktemp("array")
    in_array = read_batch(SOURCE, written(folder, content.encode("utf-8", "surrogatepass")))
    in_lines = read_batch(SOURCE, written(folder, jsonl(tweet(500), *rows)))
    assert native_ids(in_array) == native_ids(in_lines)
    assert in_array.rows == in_lines.rows
