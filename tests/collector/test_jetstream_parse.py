"""What is read of a stream's events: every line is a post, a deletion, news of an account, or a flaw."""

from __future__ import annotations

import json
from typing import Any

from bluesky_views_sample import VIEW_FETCHED, stream_event, view_page
from hypothesis import given
from hypothesis import strategies as st
from jetstream_ground import ANN, AT, account, commit, identity, page, record

from archive.models import AuthorState, Deletion, Flaw, Link, Media, Mention, Post, Ref
from archive.store import Archive, WalkPlace, open_archive, prepare_page
from archive.walks import Walk, begin_walk
from collector.sources.bluesky_parse import parse_page

URI = f"at://{ANN}/app.bsky.feed.post/3kone"


def test_a_post_is_read_from_its_record() -> None:
    batch = parse_page(page(commit("create", at=AT + 1_500)))
    assert batch.posts == [
        Post(
            id=f"bluesky:{URI}",
            platform="bluesky",
            author=f"bluesky:{ANN}",
            native_ids=(Ref(URI),),
            created_at="2026-10-08T12:00:00.000Z",
            indexed_at="2026-10-08T12:00:00.001Z",
            observed_at="2026-10-08T12:00:00.001Z",
            text="Short words #northmoor",
            url=f"https://bsky.app/profile/{ANN}/post/3kone",
            tags=("northmoor",),
        )
    ]
    assert (batch.flaws, batch.rows, batch.top) == ([], 1, None)


def test_every_wording_of_a_page_is_kept_and_a_deletion_is_final() -> None:
    batch = parse_page(page(commit("create"), commit("update", record=record("Anew")), commit("delete")))
    assert [post.text for post in batch.posts] == ["Short words #northmoor", "Anew"]
    assert batch.deletions == [Deletion(Ref(URI), "deleted")]


def test_an_account_s_last_word_counts() -> None:
    gone = [account(active=False, status=status) for status in ("takendown", "suspended", "deactivated", "deleted")]
    states = [parse_page(page(event)).author_states for event in gone]
    unavailable = [AuthorState(f"bluesky:{ANN}", "unavailable")]
    assert states == [unavailable, unavailable, unavailable, [AuthorState(f"bluesky:{ANN}", "deleted")]]
    back = parse_page(page(gone[0], account(active=True)))
    assert back.author_states == [AuthorState(f"bluesky:{ANN}", None)]
    network = parse_page(page(account(active=False, status="throttled")))
    assert (network.author_states, network.flaws) == ([], [])
    odd = parse_page(page(account(active=False, status="frozen")))
    assert (odd.author_states, [flaw.kind for flaw in odd.flaws]) == (unavailable, ["unknown"])


def test_a_new_handle_is_learnt_and_one_that_leads_nowhere_is_not() -> None:
    batch = parse_page(page(identity("old.test"), identity("new.test"), identity("handle.invalid", "did:plc:ben")))
    assert [(author.id, author.handle) for author in batch.authors] == [(f"bluesky:{ANN}", "new.test")]


def test_what_is_not_understood_is_a_flaw() -> None:
    like = commit("create")
    like["commit"]["collection"] = "app.bsky.feed.like"
    lines = [b'{"cut', {"did": ANN, "kind": "sync"}, like, commit("merge"), commit("create", record={}), [1]]
    batch = parse_page(page(*lines))
    assert [flaw.kind for flaw in batch.flaws] == [
        *("malformed", "unknown", "unusable", "unknown", "unusable", "malformed"),
    ]
    assert (batch.rows, batch.posts) == (6, [])


def test_a_claim_that_is_no_time_gives_way_to_the_stream_s_own() -> None:
    batch = parse_page(page(commit("create", record={**record(), "createdAt": "soon"})))
    assert batch.posts[0].created_at == "2026-10-08T12:00:00.000Z"
    assert batch.flaws == [Flaw("repaired", "createdAt is no time: taken from the stream", post=f"bluesky:{URI}")]
    timeless = parse_page(page(commit("create", at="now", record={**record(), "createdAt": None})))
    assert timeless.posts[0].created_at == "2026-10-08T14:00:00.000Z"


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(["did", "time_us", "kind", "commit", "record", "facets", "embed", "rkey"]), json_values)
def test_no_event_stops_the_reading(place: str, value: Any) -> None:
    event: dict[str, Any] = commit("create")
    target = next(
        part
        for part in (event, event["commit"], event["commit"]["record"])
        if place in part or part is event["commit"]["record"]
    )
    target[place] = value
    batch = parse_page(page(json.dumps(event).encode()))
    assert batch.rows == 1
    assert batch.posts or batch.flaws or batch.author_states


def save(archive: Archive, raw: Any, key: str) -> None:
    """Saves a page in a walk of its own."""
    walk = begin_walk(
        archive,
        Walk(
            id=0, chat="northmoor", platform="bluesky", key=key, floor=None, top=None, cursor=None, not_before=None,
            opened_at=archive.now(), covers_from=None, covers_to=None,
        ),
    )  # fmt: skip
    place = WalkPlace(walk=walk.id, key=key, chat="northmoor", platform="bluesky", cursor=None)
    archive.save_page(prepare_page(raw), parse_page(raw), place)


def rows(archive: Archive, table: str, columns: str) -> list[Any]:
    return archive.conn.execute(f"SELECT {columns} FROM {table} ORDER BY 1, 2").fetchall()


def test_a_post_by_stream_and_by_search_is_one_post_of_one_version_whichever_came_first(
    archive: Archive, tmp_path: Any, chat: Any, clock: Any
) -> None:
    with open_archive(tmp_path / "other.db", clock) as other:
        other.save_chat(chat)
        pages = {"stream": page(stream_event()), "search": view_page()}
        for target, order in ((archive, ("stream", "search")), (other, ("search", "stream"))):
            for key in order:
                save(target, pages[key], key)
        for one in (archive, other):
            assert rows(one, "post_versions", "count(*), 1") == [(1, 1)]
            assert rows(one, "post_media", "url, kind, alt_text") == [
                ("https://cdn.bsky.app/img/feed_fullsize/plain/did:plc:ann/bafkreiimage@jpeg", "image", "a red square")
            ]
        columns = "id, author, created_at, posted_at, first_seen_at, text, lang, url, kind, reply_to, conversation"
        assert rows(archive, "posts", columns) == rows(other, "posts", columns)
        versions = "post, digest, first_observed_at, observed_at, fields"
        assert rows(archive, "post_versions", versions) == rows(other, "post_versions", versions)
        assert rows(archive, "posts", "id, posted_at, kind") == [
            (f"bluesky:{URI}", "2026-10-08T12:00:00.000Z", "reply"),
        ]
        assert rows(archive, "authors", "id, handle") == [(f"bluesky:{ANN}", "ann.northmoor.test")]


def test_all_that_a_search_reads_of_a_post_the_stream_reads_too() -> None:
    (streamed,), (searched, *_) = parse_page(page(stream_event())).posts, parse_page(view_page()).posts
    names = (
        "text",
        "lang",
        "kind",
        "tags",
        "links",
        "mentions",
        "media",
        "reply_to",
        "conversation",
        "quote_of",
        "url",
    )
    for name in (*names, "labels", "sensitive", "created_at", "id", "author"):
        assert getattr(streamed, name) == getattr(searched, name), name
    assert streamed.mentions == (Mention("ben.test", "bluesky:did:plc:ben"),)
    assert streamed.links == (Link("https://northmoor.example"),)
    assert isinstance(streamed.media[0], Media)


def test_an_old_wording_that_is_replayed_does_not_come_back(archive: Archive) -> None:
    search = view_page(text="Mended words #northmoor")
    assert search.fetched_at == VIEW_FETCHED
    save(archive, search, "search")
    save(archive, page(stream_event()), "stream")
    assert rows(archive, "posts", "text, 1") == [("Mended words #northmoor", 1)]
    assert rows(archive, "post_versions", "count(*), 1") == [(2, 1)]


def test_a_replay_does_not_end_what_was_seen_after_it(archive: Archive) -> None:
    with archive.transaction() as conn:
        conn.execute(
            "INSERT INTO tombstones (key, seen_at, reason) VALUES (?, ?, 'unavailable')",
            (f"bluesky:{URI}", "2026-10-08T13:00:00.000Z"),
        )
    save(archive, page(stream_event()), "stream")
    assert rows(archive, "tombstones", "reason, 1") == [("unavailable", 1)]
    save(archive, view_page(), "search")
    assert rows(archive, "tombstones", "reason, 1") == []
