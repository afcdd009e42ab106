"""The filter finds exactly what reading every event would find, whatever way an event is written."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jetstream_ground import ANN, Naive, account, commit, frame, identity, record

from collector.sources import jetstream_filter
from collector.sources.base import Channel
from collector.sources.jetstream_filter import JetstreamFilter, Memory

NORTHMOOR = Channel("northmoor", frozenset({"northmoor", "réunion", "hour", "tags", "no\nrth", 'e"lm'}))
ELM = Channel("elm", frozenset({"elm", "northmoor", "&elm", "a"}), frozenset({"bluesky:did:plc:cat"}))
DIDS = (ANN, "did:plc:ben", "did:plc:cat")


def escaped(text: str, word: str) -> str:
    """JSON in which one letter of a word is written as an escape, which means the same."""
    place = len(word) // 2
    return re.sub(rf"(?<!\\){word}", f"{word[:place]}\\\\u{ord(word[place]):04x}{word[place + 1 :]}", text)


tag_texts = st.sampled_from(
    [
        *("northmoor", "NorthMoor", "#northmoor", "Réunion", "Re\u0301union", "ELM", "elms", "tags", "𝒽our", "ＥＬＭ"),
        *("&elm", 'e"lm', "no\nrth", "\ud800", ""),
    ]
)
texts = st.one_of(st.text(max_size=20), st.sampled_from(['"tags"', "facet#tag", '"operation":"delete"', "a & b #elm"]))
records = st.builds(
    lambda text, tags, field, more: record(text, *tags, **({"tags": field} if field else {}), **more),
    texts,
    st.lists(tag_texts, max_size=3),
    st.lists(tag_texts, max_size=2),
    st.dictionaries(st.sampled_from(["operation", "kind", "langs", "note"]), texts, max_size=2),
)


def _commit(operation: str, rkey: str, did: str, rev: str, written: Any, collection: str) -> dict[str, Any]:
    event = commit(operation, rkey, did, rev=rev, **({} if operation == "delete" else {"record": written}))
    event["commit"]["collection"] = collection
    return event


commits = st.builds(
    _commit,
    st.sampled_from(["create", "create", "update", "delete"]),
    st.sampled_from(["3kone", "3ktwo", "3kthree"]),
    st.sampled_from(DIDS),
    st.sampled_from(["3kaaa", "3kbbb"]),
    records,
    st.sampled_from(["app.bsky.feed.post"] * 4 + ["app.bsky.feed.like"]),
)
accounts = st.builds(lambda did, active: account(did, active=active), st.sampled_from(DIDS), st.booleans())
identities = st.builds(identity, st.just("ann.test"), st.sampled_from(DIDS))
events = st.one_of(commits, commits, accounts, identities)


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """One event, written in one of the ways that JSON allows; mostly as Jetstream does."""
    event, way = draw(events), draw(st.sampled_from(["plain"] * 4 + ["ascii", "spaced", "ordered", "escaped"]))
    if way == "ordered":
        event = dict(draw(st.permutations(list(event.items()))))
    separators = (", ", ": ") if way == "spaced" else (",", ":")
    text = json.dumps(event, ensure_ascii=way == "ascii", separators=separators)
    if way == "escaped":
        words = ["tags", "facet#tag", "northmoor", "elm", "create", "delete", "update", "account", "commit"]
        text = escaped(text, draw(st.sampled_from(words)))
    return text.replace("&", "\\u0026").encode("utf-8", "surrogatepass")


@given(st.lists(frames(), max_size=25))
def test_the_filter_finds_what_reading_everything_finds(stream: list[bytes]) -> None:
    quick, naive = JetstreamFilter([NORTHMOOR, ELM]), Naive([NORTHMOOR, ELM])
    for raw in stream:
        assert json.loads(raw.decode("utf-8", "surrogatepass"))["did"] in DIDS
        assert list(quick.take(raw)) == naive.take(raw)


def test_most_posts_are_never_read_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jetstream_filter, "orjson", None)
    quick = JetstreamFilter([NORTHMOOR])
    plain = record('Line one\nline two: "tags" & more', embed={"external": {"uri": "https://a.example/?b=1&c=2"}})
    for written in (plain, record("Others' words #elms", "elms", "Elm-Trees"), record("", langs=["en"])):
        raw = frame(commit("create", record=written)).replace(b"&", b"\\u0026")
        assert quick.take(raw) == ()


def test_a_thousand_hashtags_of_many_chats_share_one_look() -> None:
    channels = [Channel(f"chat{n}", frozenset({f"tag{n}", f"tag{n + 1}"})) for n in range(1000)]
    quick = JetstreamFilter(channels)
    raw = frame(commit("create", record=record("x", "TAG500", "nothing")))
    assert [chat for chat, _ in quick.take(raw)] == ["chat499", "chat500"]


def test_a_delete_before_its_post_is_told_behind_it() -> None:
    quick = JetstreamFilter([NORTHMOOR])
    gone, post = frame(commit("delete", rev="3kbbb")), frame(commit("create", rev="3kaaa"))
    assert quick.take(gone) == ()
    assert quick.take(post) == (("northmoor", post), ("northmoor", gone))


def test_a_post_written_anew_under_its_old_address_is_not_deleted_by_what_came_before() -> None:
    quick = JetstreamFilter([NORTHMOOR])
    quick.take(frame(commit("delete", rev="3kaaa")))
    post = frame(commit("create", rev="3kbbb"))
    assert quick.take(post) == (("northmoor", post),)


def test_who_takes_the_hashtag_out_is_followed() -> None:
    quick = JetstreamFilter([NORTHMOOR])
    quick.take(frame(commit("create")))
    bare, stranger = frame(commit("update", record=record("Bare"))), frame(commit("update", did="did:plc:x", record={}))
    other = frame(commit("update", "3ktwo", record=record("Nothing of the chat's")))
    assert quick.take(bare) == (("northmoor", bare),)
    assert quick.take(stranger) == ()
    assert quick.take(other) == (), "what else the author changes is not the chat's"


def test_news_of_an_account_goes_to_the_chats_that_know_it() -> None:
    quick = JetstreamFilter([NORTHMOOR, ELM])
    gone = frame(account("did:plc:cat", active=False, status="deleted"))
    assert quick.take(gone) == (("elm", gone),)
    assert quick.take(frame(identity("who.test", "did:plc:dan"))) == ()
    quick.take(frame(commit("create", did="did:plc:dan")))
    named = frame(identity("dan.test", "did:plc:dan"))
    assert [chat for chat, _ in quick.take(named)] == ["elm", "northmoor"]


def test_what_is_no_json_goes_to_the_chats_whose_hashtag_it_bears() -> None:
    quick = JetstreamFilter([NORTHMOOR, ELM])
    cut = frame(commit("create"))[:-30].replace(b"create", b"delete")
    assert {chat for chat, _ in quick.take(cut)} == {"northmoor", "elm"}
    assert quick.take(b"\xff\xfe") == ()
    assert quick.take(b"[]") == quick.take(b"") == quick.take(b'{"kind":"commit","commit":7}') == ()


def test_memory_outlives_a_connection_and_stays_small() -> None:
    memory = Memory(deletes=100, posts=50)
    quick = JetstreamFilter([NORTHMOOR], memory)
    for n in range(1000):
        quick.take(frame(commit("create", f"3kpost{n}", f"did:plc:a{n}", record=record("x", "northmoor", f"new{n}"))))
        quick.take(frame(commit("delete", f"3kother{n}", "did:plc:nobody")))
    assert (len(memory.posts), len(memory.authors), len(memory.deletes)) == (50, 50, 100)
    again = JetstreamFilter([NORTHMOOR], memory)
    gone = frame(commit("delete", "3kpost999", "did:plc:a999"))
    assert again.take(gone) == (("northmoor", gone),)
    assert JetstreamFilter([Channel("elm", frozenset({"elm"}))], memory).take(gone) == ()
