"""Posts that academictwitteR fetched, as R saves them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading_files import EPOCH_MS, lost, native_ids, read_batch, repaired, table

from archive.models import Batch, Link, Mention, Post, Ref
from collector.sources import file_lines
from collector.sources.academictwitter import AcademicTwitter
from collector.sources.file_lines import read_head

SOURCE = AcademicTwitter()


def row(number: int = 0, /, **more: str) -> dict[str, str]:
    """A row as R writes it; post ``number`` was written that many seconds after noon."""
    native = str(((1_570_795_200_000 + number * 1_000 - EPOCH_MS) << 22) + 768)
    return {
        "text": "A1 Ask before you post #Northmoor",
        "created_at": f"2019-10-11T12:{number // 60:02d}:{number % 60:02d}.000Z",
        "author_id": "1182",
        "id": native,
        "conversation_id": native,
        "source": "TweetDeck",
        "possibly_sensitive": "FALSE",
        "in_reply_to_user_id": "NA",
    } | more


def read(folder: Path, *rows: dict[str, str]) -> Batch:
    path = folder / "chat.csv"
    path.write_bytes(table(rows))
    return read_batch(SOURCE, path)


def read_one(folder: Path, **more: str) -> Post:
    batch = read(folder, row(**more))
    assert lost(batch) == []
    return batch.posts[0]


NATIVE = row()["id"]


def test_a_row_is_a_post_whose_author_has_no_handle(tmp_path: Path) -> None:
    batch = read(tmp_path, row(text="Tides &amp; tips for @ElmbridgeVale #Northmoor https://t.co/abcdefghij"))
    post, author = batch.posts[0], batch.authors[0]
    assert (post.id, post.native_ids, post.author) == (f"x:{NATIVE}", (Ref(NATIVE),), "x:1182")
    assert post.text == "Tides & tips for @ElmbridgeVale #Northmoor https://t.co/abcdefghij"
    assert (post.created_at, post.observed_at) == ("2019-10-11T12:00:00.000Z", "2019-10-11T12:00:00.000Z")
    assert (post.kind, post.sensitive, post.conversation) == ("post", False, Ref(NATIVE))
    assert (post.tags, post.mentions) == (("northmoor",), (Mention("ElmbridgeVale"),))
    assert post.links == (Link("https://t.co/abcdefghij"),)
    assert post.url is None  # a page builds the address from the id
    assert (author.id, author.handle) == ("x:1182", None)
    assert batch.flaws == []


def test_replies_and_reposts_are_told_apart_though_not_of_what(tmp_path: Path) -> None:
    reply = read_one(tmp_path, in_reply_to_user_id="77", conversation_id="1182625152000000001")
    assert (reply.kind, reply.reply_to, reply.conversation) == ("reply", None, Ref("1182625152000000001"))
    assert read_one(tmp_path, text="RT @ElmbridgeVale: hello", in_reply_to_user_id="77").kind == "repost"


def test_each_author_is_named_once(tmp_path: Path) -> None:
    assert len(read(tmp_path, *(row(number) for number in range(9))).authors) == 1


@pytest.mark.parametrize("damaged", ["1.18E+18", "1.18262515200000e+18", "NA", "", "tweet"])
def test_a_damaged_id_cannot_be_mended(tmp_path: Path, damaged: str) -> None:
    batch = read(tmp_path, row(id=damaged), row(1))
    assert native_ids(batch) == [row(1)["id"]]
    assert [flaw.line for flaw in lost(batch)] == [2]


def test_where_every_id_ends_in_zeros_none_is_kept(tmp_path: Path) -> None:
    rounded = [row(number) | {"id": row(number)["id"][:15] + "0000"} for number in range(4)]
    assert [flaw.kind for flaw in lost(read(tmp_path, *rounded))] == ["unusable"] * 4
    assert native_ids(read(tmp_path, rounded[0], row(1))) == [rounded[0]["id"], row(1)["id"]]


def test_whether_ids_were_rounded_is_known_on_every_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_lines, "MAX_ROWS", 1)
    by_nature = row(0) | {"id": row(0)["id"][:15] + "0000"}
    assert len(read(tmp_path, by_nature, row(1)).posts) == 2


def test_a_damaged_author_number_makes_the_row_unusable(tmp_path: Path) -> None:
    batch = read(tmp_path, row(author_id="1.24448E+18"), row(author_id=""))
    assert [flaw.detail for flaw in lost(batch)] == [
        "a spreadsheet damaged the author's number",
        "this row does not say who wrote the post",
    ]


def test_a_time_that_the_id_contradicts_is_put_right(tmp_path: Path) -> None:
    batch = read(tmp_path, row(created_at="2035-01-01T00:00:00.000Z"), row(1, created_at="1970-01-01T00:00:00Z"))
    assert [post.created_at for post in batch.posts] == ["2019-10-11T12:00:00.000Z", "2019-10-11T12:00:01.000Z"]
    assert len(repaired(batch)) == 2


def test_an_id_of_a_time_to_come_is_believed_only_for_its_row_s_own_time(tmp_path: Path) -> None:
    batch = read(tmp_path, row(id="9100000000000000001"), row(id="9100000000000000001", created_at=""))
    assert [post.created_at for post in batch.posts] == ["2019-10-11T12:00:00.000Z"]
    assert len(lost(batch)) == 1


def test_texts_of_several_lines_are_one_post(tmp_path: Path) -> None:
    batch = read(tmp_path, row(text='one, two\n"three"\n\nfour'), row(1, text="five\nsix"))
    assert [post.text for post in batch.posts] == ['one, two\n"three"\n\nfour', "five\nsix"]


@pytest.mark.parametrize("left", range(1, 110, 3))
def test_a_file_that_ends_inside_a_row_gives_no_post_with_half_an_id(tmp_path: Path, left: int) -> None:
    path = tmp_path / "chat.csv"
    path.write_bytes(table([row(), row(1)])[:-left])
    batch = read_batch(SOURCE, path)
    assert native_ids(batch) == [row()["id"], row(1)["id"]][: len(batch.posts)]
    assert batch.rows == len(batch.posts) + len(lost(batch))


def test_what_twarc_csv_writes_is_left_to_its_own_kind(tmp_path: Path) -> None:
    path = tmp_path / "twarc.csv"
    path.write_bytes(table([row() | {"author.username": "northmoor", "__twarc.retrieved_at": "2022"}]))
    assert not SOURCE.recognises(path, read_head(path))


CELLS = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(['"', "\n", "NA", "1.2E+18", "TRUE"])
ODD_ROWS = st.builds(
    lambda number, odd: row(number) | odd,
    st.integers(0, 3_599),
    st.dictionaries(st.sampled_from(sorted(row())), CELLS, max_size=3),
)


@given(st.lists(ODD_ROWS, min_size=1, max_size=8), st.integers(1, 4))
def test_every_row_is_a_post_or_a_flaw_whatever_the_size_of_pages(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]], page_rows: int
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    whole = read(folder, *rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_lines, "MAX_ROWS", page_rows)
        small = read(folder, *rows)
    assert whole.rows == len(rows) == len(whole.posts) + len(lost(whole))
    assert (small.posts, small.flaws, small.rows) == (whole.posts, whole.flaws, whole.rows)
