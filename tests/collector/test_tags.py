"""Sheets of TAGS, sound and as spreadsheets and R leave them."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading_files import EPOCH_MS, lost, native_ids, read_batch, read_pages, repaired, table

from archive.models import Batch, Flaw, Link, Media, Mention, Post, Ref
from collector.sources import csv_rows, file_lines
from collector.sources.file_lines import read_head
from collector.sources.tags import Tags

SOURCE = Tags()
ENTITIES = {
    "hashtags": [{"text": "Northmoor", "indices": [0, 1]}],
    "symbols": [],
    "user_mentions": [{"screen_name": "ElmbridgeVale", "name": "Elmbridge Vale", "id": 72, "id_str": "72"}],
    "urls": [{"url": "https://t.co/abcdefghij", "expanded_url": "https://northmoor.example/guide"}],
    "media": [{"media_url_https": "https://pbs.example/a.jpg", "type": "photo", "url": "https://t.co/bbbbbbbbbb"}],
}


def row(number: int = 0, /, **more: str) -> dict[str, str]:
    """A row as TAGS 6.1 writes it; post ``number`` was written that many seconds after noon."""
    native = str(((1_570_795_200_000 + number * 1_000 - EPOCH_MS) << 22) + 768)
    clock = f"{12 + number // 3600:02d}:{number // 60 % 60:02d}:{number % 60:02d}"
    return {
        "id_str": native,
        "from_user": "NorthmoorCouncil",
        "text": "Ask before you post #northmoor",
        "created_at": f"Fri Oct 11 {clock} +0000 2019",
        "time": "11/10/2019 13:00:00",
        "geo_coordinates": "",
        "user_lang": "en",
        "in_reply_to_user_id_str": "",
        "in_reply_to_screen_name": "",
        "from_user_id_str": "71",
        "in_reply_to_status_id_str": "",
        "source": "<a>Web</a>",
        "profile_image_url": "http://pbs.example/x.jpg",
        "user_followers_count": "1250",
        "user_friends_count": "3",
        "user_location": "Northmoor",
        "status_url": f"http://twitter.com/NorthmoorCouncil/statuses/{native}",
        "entities_str": "",
    } | more


def written(folder: Path, content: bytes) -> Path:
    path = folder / "chat.csv"
    path.write_bytes(content)
    return path


def read(folder: Path, *rows: dict[str, str]) -> Batch:
    return read_batch(SOURCE, written(folder, table(rows)))


def read_one(folder: Path, **more: str) -> tuple[Post, str]:
    """The post of a row, and what was repaired in it."""
    batch = read(folder, row(**more))
    assert lost(batch) == []
    return batch.posts[0], "; ".join(flaw.detail for flaw in repaired(batch))


NATIVE = row()["id_str"]
ROUNDED = NATIVE[:15] + "0000"


# A sound sheet


def test_a_row_is_a_post_with_all_that_the_sheet_tells(tmp_path: Path) -> None:
    batch = read(tmp_path, row(text="Say &lt;hello&gt; &amp; thanks #Northmoor", entities_str=json.dumps(ENTITIES)))
    post, author = batch.posts[0], batch.authors[0]
    assert batch.flaws == []
    assert (post.id, post.native_ids, post.author, post.kind) == (f"x:{NATIVE}", (Ref(NATIVE),), "x:71", "post")
    assert post.text == "Say <hello> & thanks #Northmoor"
    assert post.created_at == "2019-10-11T12:00:00.000Z"
    assert post.url == f"https://x.com/NorthmoorCouncil/status/{NATIVE}"
    assert post.tags == ("northmoor",)
    assert post.mentions == (Mention("ElmbridgeVale", "x:72"),)
    assert post.links == (Link("https://t.co/abcdefghij", "https://northmoor.example/guide"),)
    assert post.media == (Media("https://pbs.example/a.jpg", "image"),)
    assert (author.id, author.handle, author.followers_count) == ("x:71", "NorthmoorCouncil", 1250)


def test_what_a_sheet_read_is_never_newer_than_what_a_platform_told(tmp_path: Path) -> None:
    post, _ = read_one(tmp_path)
    assert post.observed_at == post.created_at


def test_na_is_absent_but_may_be_a_text(tmp_path: Path) -> None:
    absent = dict.fromkeys(("in_reply_to_status_id_str", "in_reply_to_screen_name", "user_followers_count"), "NA")
    batch = read(tmp_path, row(text="NA", entities_str="NA", **absent))
    assert (batch.posts[0].kind, batch.posts[0].text, batch.authors[0].followers_count) == ("post", "NA", None)
    assert batch.flaws == []


def test_replies_and_reposts_are_told_apart(tmp_path: Path) -> None:
    parent = row(5)["id_str"]
    reply, _ = read_one(tmp_path, in_reply_to_status_id_str=parent, in_reply_to_user_id_str="72")
    assert (reply.kind, reply.reply_to) == ("reply", Ref(parent))
    to_someone, _ = read_one(tmp_path, in_reply_to_screen_name="ElmbridgeVale")
    assert (to_someone.kind, to_someone.reply_to) == ("reply", None)
    repost, _ = read_one(tmp_path, text="RT @ElmbridgeVale: hello", in_reply_to_status_id_str=parent)
    assert (repost.kind, repost.repost_of) == ("repost", None)


def test_media_tell_which_post_is_repeated_where_they_are_its_authors(tmp_path: Path) -> None:
    media = {"media_url": "http://pbs.example/a.jpg", "source_status_id_str": "77", "source_user_id_str": "72"}
    repost, _ = read_one(
        tmp_path, text="RT @elmbridgevale: hello", entities_str=json.dumps(ENTITIES | {"media": [media]})
    )
    assert repost.repost_of == Ref("77")
    other = media | {"source_user_id_str": "73"}
    borrowed, _ = read_one(
        tmp_path, text="RT @ElmbridgeVale: hello", entities_str=json.dumps(ENTITIES | {"media": [other]})
    )
    assert borrowed.repost_of is None


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_columns_may_stand_in_any_order_and_be_named_by_hand(tmp_path: Path, delimiter: str) -> None:
    renamed = {"": "0", "Text": "Hello, #Northmoor; bye", "From User": "NorthmoorCouncil", "ID-str": NATIVE}
    path = written(tmp_path, table([renamed], delimiter))
    assert SOURCE.recognises(path, read_head(path))
    batch = read_batch(SOURCE, path)
    assert (native_ids(batch), batch.flaws) == ([NATIVE], [])
    assert batch.posts[0].author == "x:@northmoorcouncil"
    assert batch.authors[0].handle == "NorthmoorCouncil"


def test_text_and_an_id_or_an_address_are_enough_to_be_recognised(tmp_path: Path) -> None:
    for header, expected in (
        (b"id_str,text\n", True),
        (b"\xef\xbb\xbftext,status_url\n", True),
        (b"id_str,from_user\n", False),
        (b"text,from_user\n", False),
    ):
        path = written(tmp_path, header)
        assert SOURCE.recognises(path, read_head(path)) is expected


def test_columns_that_nobody_reads_are_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_lines, "MAX_ROWS", 1)
    batch = read(tmp_path, *(row(number, my_notes="x") for number in range(3)))
    assert [(flaw.kind, flaw.detail) for flaw in batch.flaws] == [("unknown", "columns that we do not read: my_notes")]


# Numbers that a spreadsheet damaged


@pytest.mark.parametrize("damaged", ["1.18E+18", "1,18E+18", "1.18262515200000e+18", ROUNDED, "clearly wrong", ""])
def test_a_damaged_id_comes_from_the_address_and_is_counted(tmp_path: Path, damaged: str) -> None:
    post, mended = read_one(tmp_path, id_str=damaged)
    assert post.id == f"x:{NATIVE}"
    assert ("taken from the address" in mended) is (damaged != "")


@pytest.mark.parametrize("url", ["https://x.com/NorthmoorCouncil/status/{}", "http://twitter.com/a/statuses/{}?s=20"])
def test_every_form_of_address_tells_the_id(tmp_path: Path, url: str) -> None:
    assert read_one(tmp_path, id_str="1.18E+18", status_url=url.format(NATIVE))[0].id == f"x:{NATIVE}"


@pytest.mark.parametrize("url", ["", "NA", "http://twitter.com/NorthmoorCouncil", "http://[broken", "1.18E+18"])
def test_where_neither_id_nor_address_is_good_the_row_is_not_usable(tmp_path: Path, url: str) -> None:
    batch = read(tmp_path, row(), row(1, id_str="1.18E+18", status_url=url))
    assert native_ids(batch) == [NATIVE]
    assert [(flaw.kind, flaw.line) for flaw in lost(batch)] == [("unusable", 3)]
    assert "1.18E+18" in lost(batch)[0].detail


def test_an_id_that_ends_in_zeros_by_nature_is_sound(tmp_path: Path) -> None:
    by_nature = {"id_str": ROUNDED, "status_url": f"http://twitter.com/NorthmoorCouncil/statuses/{ROUNDED}"}
    assert read_one(tmp_path, **by_nature) == (read_one(tmp_path, **by_nature)[0], "")
    without_address = read(tmp_path, row(1), row(id_str=ROUNDED, status_url=""), row(2))
    assert native_ids(without_address)[1] == ROUNDED
    assert without_address.flaws == []


def test_where_every_id_ends_in_zeros_a_spreadsheet_rounded_them(tmp_path: Path) -> None:
    rows = [row(number) | {"id_str": row(number)["id_str"][:15] + "0000", "status_url": ""} for number in range(3)]
    batch = read(tmp_path, *rows)
    assert batch.posts == []
    assert len(lost(batch)) == 3


def test_an_id_and_an_address_that_disagree_are_settled_by_the_time(tmp_path: Path) -> None:
    other = row(3600)["id_str"]
    assert read_one(tmp_path, id_str=other)[0].id == f"x:{NATIVE}"
    post, mended = read_one(tmp_path, status_url=f"http://twitter.com/a/statuses/{other}")
    assert post.id == f"x:{NATIVE}"
    assert "disagree" in mended
    assert read_one(tmp_path, status_url=f"http://twitter.com/a/statuses/{row(10)['id_str']}")[0].id == f"x:{NATIVE}"


def test_one_rounded_id_among_sound_ones_is_told_by_its_address(tmp_path: Path) -> None:
    batch = read(tmp_path, row(1), row(id_str=ROUNDED), row(2))
    assert native_ids(batch)[1] == NATIVE
    assert [flaw.line for flaw in repaired(batch)] == [3]
    elsewhere = f"http://twitter.com/a/statuses/{row(3600)['id_str']}"
    assert native_ids(read(tmp_path, row(1), row(id_str=ROUNDED, status_url=elsewhere)))[1] == ROUNDED


def test_numbers_as_pandas_and_excel_write_them_are_read_where_no_digit_is_lost(tmp_path: Path) -> None:
    batch = read(
        tmp_path,
        row(from_user_id_str="1297570116.0", user_followers_count="425.0"),
        row(1, id_str=f'="{row(1)["id_str"]}"'),
    )
    assert batch.authors[0].id == "x:1297570116"
    assert batch.authors[0].followers_count == 425
    assert native_ids(batch) == [NATIVE, row(1)["id_str"]]
    assert batch.flaws == []


def test_a_damaged_author_number_leaves_the_handle(tmp_path: Path) -> None:
    for number in ("7.0362295552004e+17", "703622955520040000"):
        post, mended = read_one(tmp_path, id_str="1.18E+18", from_user_id_str=number)
        assert post.author == "x:@northmoorcouncil"
        assert "author's number was damaged" in mended


def test_a_damaged_parent_leaves_a_reply_without_it(tmp_path: Path) -> None:
    post, mended = read_one(tmp_path, in_reply_to_status_id_str="1.18E+18")
    assert (post.kind, post.reply_to) == ("reply", None)
    assert "the post it answers was damaged" in mended


@pytest.mark.parametrize("handle", ["", "inv@lid", "x" * 40])
def test_a_name_that_cannot_be_one_comes_from_the_address(tmp_path: Path, handle: str) -> None:
    batch = read(tmp_path, row(from_user=handle))
    assert batch.authors[0].handle == "NorthmoorCouncil"
    assert len(repaired(batch)) == 1


def test_a_row_without_author_is_not_usable(tmp_path: Path) -> None:
    batch = read(tmp_path, row(from_user="", from_user_id_str="", status_url=f"http://twitter.com/i/status/{NATIVE}"))
    assert batch.posts == []
    assert "who wrote" in lost(batch)[0].detail


# Times


@pytest.mark.parametrize("told", ["", "11/10/2019 12:00", "1970-01-01T00:00:00Z", "Thu Jan 01 00:00:00 +0000 2035"])
def test_a_time_that_is_absent_or_wrong_comes_from_the_id(tmp_path: Path, told: str) -> None:
    post, mended = read_one(tmp_path, created_at=told)
    assert post.created_at == "2019-10-11T12:00:00.000Z"
    assert bool(mended) is bool(told)


def test_other_zones_and_iso_times_are_read(tmp_path: Path) -> None:
    for told in ("Fri Oct 11 13:00:00 +0100 2019", "2019-10-11T07:00:00-05:00", "2019-10-11 12:00:00"):
        assert read_one(tmp_path, created_at=told) == read_one(tmp_path)


def test_ids_of_the_first_years_hold_no_time(tmp_path: Path) -> None:
    first = row(id_str="1234567890", created_at="Thu Feb 19 20:00:00 +0000 2009", status_url="")
    batch = read(tmp_path, first, first | {"created_at": ""}, first | {"created_at": row()["created_at"]})
    assert [post.created_at for post in batch.posts] == ["2009-02-19T20:00:00.000Z"]
    assert [flaw.line for flaw in lost(batch)] == [3, 4]


# Texts


@pytest.mark.parametrize("told", ['{"hashtags":[{"text":"nor', "[]", "7", '{"a":' * 3_000])
def test_where_entities_are_cut_the_text_tells(tmp_path: Path, told: str) -> None:
    text = "#Northmoor @ElmbridgeVale, see https://t.co/abcdefghij. Mail a@b.example #1 a#b https://t.co/cut…"
    post, mended = read_one(tmp_path, text=text, entities_str=told)
    assert post.tags == ("northmoor",)
    assert post.mentions == (Mention("ElmbridgeVale"),)
    assert post.links == (Link("https://t.co/abcdefghij"),)
    assert "entities_str is cut or damaged" in mended


def test_tags_of_other_scripts_and_marks_are_read_from_the_text(tmp_path: Path) -> None:
    post, _ = read_one(
        tmp_path, text="##CyngorMôr #हिन्दी ＃東京 #caf\u00e9! https://a.example/#top https://a.example/?q=#no"
    )
    assert post.tags == ("cyngormôr", "हिन्दी", "東京", "café")


def test_letters_garbled_by_a_spreadsheet_are_put_right_in_rows_it_damaged(tmp_path: Path) -> None:
    garbled = "Tide ðŸŒŠ â€œdeepâ€\x9d cafÃ© Â£5 â€¦ naïve"
    post, mended = read_one(tmp_path, text=garbled, id_str="1.18E+18")
    assert post.text == "Tide 🌊 “deep” café £5 … naïve"
    assert "letters of the text" in mended
    assert read_one(tmp_path, text=garbled)[0].text == garbled


def test_a_sheet_saved_as_windows_1252_is_read_and_counted(tmp_path: Path) -> None:
    path = written(tmp_path, table([row(text="café – £5"), row(1)]).decode().encode("cp1252"))
    batch = read_batch(SOURCE, path)
    assert batch.posts[0].text == "café – £5"
    assert [flaw.line for flaw in repaired(batch)] == [2]


def test_a_unicode_text_file_of_excel_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, table([row(text="café 🌊")], "\t").decode().encode("utf-16"))
    assert SOURCE.recognises(path, read_head(path))
    assert read_batch(SOURCE, path).posts[0].text == "café 🌊"


def test_texts_of_every_kind_are_kept(tmp_path: Path) -> None:
    texts = ["<script>alert(1)</script>", "x" * 2_000_000, 'lines\nand "quotes",\r\nand commas', "=1+1"]
    batch = read(tmp_path, *(row(number, text=text) for number, text in enumerate(texts)))
    assert [post.text for post in batch.posts] == texts
    assert batch.flaws == []


def test_a_text_that_a_spreadsheet_lost_is_not_usable(tmp_path: Path) -> None:
    batch = read(tmp_path, row(text="#NAME?"), row(1, text="  "))
    assert [flaw.detail for flaw in lost(batch)] == [
        "a spreadsheet took the text for a formula and lost it",
        "this row has no text",
    ]


# Records and lines


def test_a_flaw_names_the_line_where_its_record_begins(tmp_path: Path) -> None:
    batch = read(tmp_path, row(text="one\ntwo\nthree"), row(1, text="x", id_str="bad", status_url=""), row(2, text=""))
    assert [flaw.line for flaw in lost(batch)] == [5, 6]


def test_rows_with_too_many_or_too_few_columns_are_told(tmp_path: Path) -> None:
    lines = table([row(number, text=f"tip {number}") for number in range(5)]).splitlines(keepends=True)
    lines[1] = lines[1].rstrip(b"\n") + b",extra\n"
    lines[2] = lines[2].rstrip(b"\n") + b",,\n"
    lines[3] = b",".join(lines[3].split(b",")[:10]) + b"\n"
    lines[4] = b",".join(lines[4].split(b",")[:2]) + b"\n"
    batch = read_batch(SOURCE, written(tmp_path, b"".join(lines)))
    assert [post.text for post in batch.posts] == ["tip 1", "tip 2", "tip 4"]
    assert [flaw.line for flaw in lost(batch)] == [2, 5]
    assert [flaw.line for flaw in repaired(batch)] == [4]


@pytest.mark.parametrize("kept", range(5, 300, 7))
def test_a_file_that_ends_inside_a_row_loses_that_row_at_most(tmp_path: Path, kept: int) -> None:
    content = table([row(), row(1, text="two\nlines"), row(2)])
    last = content.rindex(b'"two') - 200
    batch = read_batch(SOURCE, written(tmp_path, content[: last + kept]))
    expected = [row(number)["id_str"] for number in range(3)]
    assert native_ids(batch) == expected[: len(batch.posts)]
    assert batch.rows == len(batch.posts) + len(lost(batch))


def test_an_open_quotation_mark_does_not_swallow_the_rows_after_it(tmp_path: Path) -> None:
    for opened in (1, 3):
        lines = table([row(number, text=f"tip {number}") for number in range(5)]).splitlines(keepends=True)
        lines[opened] = lines[opened].replace(b"tip", b'"tip', 1)
        if opened == 3:
            lines[5] = lines[5].replace(b"tip 4", b'"tip 4, quoted"')
        batch = read_batch(SOURCE, written(tmp_path, b"".join(lines)))
        assert len(batch.posts) == 4
        assert [flaw.line for flaw in lost(batch)] == [opened + 1]


def test_lines_of_a_text_that_look_like_rows_are_still_text(tmp_path: Path) -> None:
    text = "Thanks to\n" + ", ".join(f"council {number}" for number in range(18)) + "\nand all"
    assert read_one(tmp_path, text=text)[0].text == text


def test_quotation_marks_that_nobody_doubled_cost_no_row(tmp_path: Path) -> None:
    content = table([row(text="one\ntwo"), row(1)]).replace(b",NorthmoorCouncil,", b',"Northmoor"Council,', 1)
    batch = read_batch(SOURCE, written(tmp_path, content))
    assert [post.text for post in batch.posts] == ["one\ntwo", row()["text"]]
    assert batch.authors[0].handle == "NorthmoorCouncil"


def test_an_open_quotation_mark_means_the_same_on_every_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = f'id_str,from_user,text\n1,a,"open\nb\nc\n{NATIVE},northmoor,tip\n'.encode()
    whole = read_batch(SOURCE, written(tmp_path, content))
    monkeypatch.setattr(file_lines, "MAX_ROWS", 2)
    small = read_batch(SOURCE, tmp_path / "chat.csv")
    assert native_ids(whole) == [NATIVE]
    assert (small.posts, small.flaws, small.rows) == (whole.posts, whole.flaws, whole.rows)


def test_a_bare_carriage_return_and_nul_bytes_cost_no_row(tmp_path: Path) -> None:
    content = table([row(text="one HERE two"), row(1)])
    batch = read_batch(SOURCE, written(tmp_path, content.replace(b"HERE", b"\r\x00")))
    assert batch.posts[0].text == "one   two"
    assert (len(batch.posts), [flaw.line for flaw in repaired(batch)]) == (2, [2])


def test_empty_rows_and_repeated_headers_are_no_rows(tmp_path: Path) -> None:
    content = table([row()])
    batch = read_batch(SOURCE, written(tmp_path, content + b"," * 17 + b"\n\n" + content.replace(b"\n", b"\r\n")))
    assert (batch.rows, len(batch.posts), batch.flaws) == (2, 2, [])


def test_a_record_without_end_is_given_up_at_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_rows, "MAX_LINE", 20_000)
    content = table([row(), row(1)]) + b'1,"' + b"no end\n" * 5_000
    batch = read_batch(SOURCE, written(tmp_path, content))
    assert len(batch.posts) == 2
    assert batch.rows == 2 + len(lost(batch))


def test_a_thread_of_blank_lines_inside_a_text_stays_in_it(tmp_path: Path) -> None:
    post, mended = read_one(tmp_path, text="One tip\n\n\n\r\n\r\nand another #northmoor")
    assert (post.text, mended) == ("One tip\n\n\n\r\n\r\nand another #northmoor", "")
    content = table([row(text="a\n\n\nb"), row(1)]).replace(b"\n1182", b"\n\n\n\r\n1182")
    batch = read_batch(SOURCE, written(tmp_path, content + b"broken\n"))
    assert [each.text for each in batch.posts] == ["a\n\n\nb", "Ask before you post #northmoor"]
    assert [flaw.line for flaw in lost(batch)] == [content.count(b"\n") + 1]


def test_a_table_of_another_kind_read_by_force_says_what_is_missing(tmp_path: Path) -> None:
    told = "the table has no column for the id of a post, or none for its text"
    batch = read_batch(SOURCE, written(tmp_path, b"council,region\nNorthmoor,North\n"))
    assert [(flaw.line, flaw.detail) for flaw in lost(batch)] == [(1, told), (2, told)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<!DOCTYPE html><p>Northmoor</p>", "has no column"),
        (b"<!DOCTYPE html>\n<p title='a>\n" + b'<a href="x>\n' * 25, "has no column"),
        (b'{"id":"1","text":"one"}\n{"id":"2","text":"two"}\n', "has no column"),
        (b"\n" * 200_000, "nothing in this file"),
    ],
)
def test_a_file_that_is_no_table_says_so_at_its_first_line(tmp_path: Path, content: bytes, reason: str) -> None:
    batch = read_batch(SOURCE, written(tmp_path, gzip.compress(content)))
    assert batch.posts == []
    assert batch.rows == len(lost(batch)) >= 1
    assert (batch.flaws[0].kind, batch.flaws[0].line) == ("unusable", 1)
    assert reason in batch.flaws[0].detail


def test_a_count_that_no_database_holds_is_absent_and_told_once(tmp_path: Path) -> None:
    counts = ["9999999999999999999", "many", "-3", "1250", "0"]
    people = [f"8{number}" for number in range(len(counts))]
    batch = read(
        tmp_path,
        *(
            row(number, user_followers_count=count, from_user_id_str=person)
            for number, (count, person) in enumerate(zip(counts, people, strict=True))
        ),
    )
    assert [author.followers_count for author in batch.authors] == [None, None, None, 1250, 0]
    assert [(flaw.kind, flaw.line) for flaw in batch.flaws] == [("unknown", 2)]
    assert len(batch.posts) == len(counts)


# Every row is accounted for

CELLS = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ['"', ",", "\n", '""', "NA", "1.2E+18", "\r"]
)
ODD_ROWS = st.builds(
    lambda number, odd: row(number) | odd,
    st.integers(0, 3_599),
    st.dictionaries(st.sampled_from(sorted(row())), CELLS, max_size=4),
)


def of_rows(batch: Batch) -> list[Flaw]:
    """The flaws without those that are told once a page."""
    return [flaw for flaw in batch.flaws if flaw.kind != "unknown"]


@given(st.lists(ODD_ROWS, min_size=1, max_size=8), st.integers(1, 4))
def test_every_row_that_csv_can_write_is_a_post_or_a_flaw_whatever_the_size_of_pages(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]], page_rows: int
) -> None:
    path = written(tmp_path_factory.mktemp("rows"), table(rows))
    whole = read_batch(SOURCE, path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_lines, "MAX_ROWS", page_rows)
        small = read_batch(SOURCE, path)
    assert whole.rows == len(rows) == len(whole.posts) + len(lost(whole))
    assert (small.posts, small.rows) == (whole.posts, whole.rows)
    assert of_rows(small) == of_rows(whole)
    assert {flaw.detail for flaw in small.flaws} == {flaw.detail for flaw in whole.flaws}


@given(
    st.lists(st.sampled_from([b'"', b",", b"\n", b"a", b"1182625152000000768", b"\xe9", b"\0", b"\r"]), max_size=60),
    st.integers(1, 4),
)
def test_any_bytes_after_a_header_split_into_the_same_rows_whatever_the_size_of_pages(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], page_rows: int
) -> None:
    path = written(tmp_path_factory.mktemp("bytes"), b"id_str,from_user,text\n" + b"".join(parts))
    whole = read_batch(SOURCE, path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_lines, "MAX_ROWS", page_rows)
        small = read_batch(SOURCE, path)
        pages = read_pages(SOURCE, path)
    assert whole.rows == len(whole.posts) + len(lost(whole))
    assert (small.posts, small.flaws, small.rows) == (whole.posts, whole.flaws, whole.rows)
    assert all(page.body.startswith(b"id_str,from_user,text\n") for page in pages)


# The csv module's writer leaves a bare carriage return unquoted, so its reader cannot tell us what stood there; & and #
# have meanings of their own.
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r&#"), min_size=1, max_size=30)


@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_texts_come_back_as_the_csv_module_reads_them(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    content = table([row(number, text=text) for number, text in enumerate(texts)])
    plainly = [each["text"] for each in csv.DictReader(io.StringIO(content.decode(), newline=""))]
    batch = read_batch(SOURCE, written(tmp_path_factory.mktemp("texts"), content))
    without_nul = [text.replace("\0", "") for text in plainly]
    assert [post.text for post in batch.posts] == [text for text in without_nul if text.strip()]
