from __future__ import annotations

from dataclasses import replace

from memory_archive import memory_archive

from archive.models import Batch, Chat, Metrics, Post, RawPage, Ref, Session
from archive.store import Archive, WalkPlace, prepare_page
from archive.times import shift
from archive.walks import Walk, begin_walk
from collector.refs import Scope, bounds_of, load_answered, load_conversations, load_known, load_quoted

AT = "2026-10-08T12:05:00.000Z"
ONE, TWO = "https://one.example", "https://two.example"


def session(name: str, starts_at: str, hours: int = 1) -> Session:
    return Session(id=name, chat="northmoor", starts_at=starts_at, ends_at=shift(starts_at, hours=hours))


def show(archive: Archive, platform: str, posts: list[Post], server: str = "") -> None:
    """Saves posts as a walk of the chat would."""
    walk = begin_walk(
        archive,
        Walk(
            id=0, chat="northmoor", platform=platform, key=f"northmoor|tag|{platform}{server}", floor=None, top=None,
            cursor=None, not_before=None, opened_at=AT, covers_from=None, covers_to=None,
        ),
    )  # fmt: skip
    page = RawPage(source=platform, format="search", origin="x", fetched_at=AT, body=b"{}", server=server)
    place = WalkPlace(walk=walk.id, key=walk.key, chat="northmoor", platform=platform, cursor=None)
    archive.save_page(prepare_page(page), Batch(posts=posts), place)


def post(native: str, platform: str = "x", **more: object) -> Post:
    return Post(  # type: ignore[arg-type]
        id=f"{platform}:{native}", platform=platform, author=f"{platform}:7", created_at=AT, text=f"tip {native}",
        native_ids=more.pop("native_ids", (Ref(native),)), **more,
    )  # fmt: skip


def test_a_post_is_asked_for_by_its_latest_edit_and_not_when_it_is_finally_gone() -> None:
    archive = memory_archive()
    show(archive, "x", [post("9", native_ids=(Ref("9"), Ref("10"))), post("11")])
    archive.conn.execute("INSERT INTO tombstones VALUES ('x:11', ?, 'deleted')", (AT,))
    assert load_known(archive.conn, Scope("northmoor", "x")) == ("10",)


def test_conversations_are_named_once_by_the_post_that_they_begin_with() -> None:
    archive = memory_archive()
    show(
        archive, "x",
        [
            post("1", conversation=Ref("1"), metrics=Metrics(replies=2)),
            post("2", kind="reply", conversation=Ref("1"), reply_to=Ref("1"), metrics=Metrics(replies=0)),
            post("3", conversation=Ref("3"), metrics=Metrics(replies=0)),
        ],
    )  # fmt: skip
    assert load_conversations(archive.conn, Scope("northmoor", "x")) == ("1",)


def test_a_strangers_conversation_is_asked_for_below_our_post_and_a_hosts_whole() -> None:
    archive = memory_archive()
    replies = [
        post("4", kind="reply", conversation=Ref("99"), reply_to=Ref("98"), metrics=Metrics(replies=1)),
        post("5", kind="reply", conversation=Ref("97"), reply_to=Ref("96"), metrics=Metrics(replies=0)),
    ]
    show(archive, "x", replies)
    scope = Scope("northmoor", "x")
    assert (load_conversations(archive.conn, scope), load_answered(archive.conn, scope)) == ((), ("4",))
    archive.conn.execute("UPDATE authors SET handle = 'Ann'")
    hosted = replace(scope, hosts=("x:ann",))
    assert (load_conversations(archive.conn, hosted), load_answered(archive.conn, hosted)) == (("97", "99"), ())


def test_only_posts_that_were_quoted_are_asked_for_their_quotes() -> None:
    archive = memory_archive()
    show(archive, "x", [post("1", metrics=Metrics(quotes=1)), post("2", metrics=Metrics(quotes=0)), post("3")])
    assert load_quoted(archive.conn, Scope("northmoor", "x")) == ("1",)


def test_a_server_is_asked_for_its_own_posts_and_for_those_that_no_other_has_authority_on() -> None:
    archive = memory_archive()
    own = "https://one.example/users/ann/statuses/5"
    far = "https://far.example/users/ben/statuses/6"
    both = tuple(
        post(uri, "mastodon", native_ids=(Ref("5" if uri == own else "6", ONE), Ref("50" if uri == own else "60", TWO)))
        for uri in (own, far)
    )
    show(archive, "mastodon", list(both), ONE)
    scope = {server: Scope("northmoor", "mastodon", server=server, servers=(TWO, ONE)) for server in (ONE, TWO)}
    assert load_known(archive.conn, scope[ONE]) == (f"{ONE} 6", f"{ONE} 5")
    assert load_known(archive.conn, scope[TWO]) == ()
    alone = Scope("northmoor", "mastodon", server=TWO, servers=(TWO,))
    assert set(load_known(archive.conn, alone)) == {f"{TWO} 60", f"{TWO} 50"}


def test_a_session_ends_where_the_chats_next_one_begins() -> None:
    first, second = session("a", "2026-10-08T12:00:00.000Z"), session("b", "2026-10-10T12:00:00.000Z")
    chat = Chat(slug="northmoor", title="", hashtags=("northmoor",), sessions=(first, second))
    assert bounds_of(chat, first) == ("2026-10-08T11:00:00.000Z", "2026-10-10T11:00:00.000Z")
    assert bounds_of(chat, second) == ("2026-10-10T11:00:00.000Z", "2026-10-17T13:00:00.000Z")
    overlapping = session("c", "2026-10-08T12:30:00.000Z")
    both = Chat(slug="northmoor", title="", hashtags=("northmoor",), sessions=(first, overlapping))
    assert bounds_of(both, first)[1] == first.ends_at


def test_posts_outside_the_bounds_are_nobodys_matter() -> None:
    archive = memory_archive()
    show(archive, "x", [post("1")])
    before = ("0000", AT)
    assert load_known(archive.conn, Scope("northmoor", "x", before)) == ()
