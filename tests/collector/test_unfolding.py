"""Links are unfolded politely and within bounds, whatever they lead to, and what was found survives every end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from page_ground import Handler, Web, client_of, hanging, page, sent_to, web_of
from shared_ground import AT, QUICK, Shared

from archive.models import Chat
from archive.store import open_archive
from collector.shared_links import choose_links
from collector.unfolding import POLITE, Unfolded

NEWS = "http://news.northmoor.example"


@pytest.fixture
def shared(tmp_path: Path, chat: Chat) -> Iterator[Shared]:
    ground = Shared(tmp_path / "shared.db", chat)
    yield ground
    ground.archive.close()


@pytest.fixture
def online() -> Iterator[tuple[Web, httpx.Client]]:
    with web_of() as (web, http):
        yield web, http


Online = tuple[Web, httpx.Client]


def test_a_link_is_followed_to_its_page_and_title(shared: Shared, online: Online) -> None:
    web, http = online
    web.pages["short.example/a"] = sent_to("http://www.northmoor.example/bins?utm_source=x&id=4", 301)
    web.pages["www.northmoor.example/bins?utm_source=x&id=4"] = page("Bin days &amp; boxes")
    shared.share("http://short.example/a")
    assert shared.unfold(http) == Unfolded(read_count=1, titled_count=1)
    assert shared.pages() == {
        "http://short.example/a": (
            "read", "http://www.northmoor.example/bins?id=4", "Bin days & boxes", "northmoor.example",
        )
    }  # fmt: skip
    assert shared.unfold(http) == Unfolded()
    assert len(web.asked) == 2


def test_what_is_no_page_keeps_its_address_without_a_title(shared: Shared, online: Online) -> None:
    web, http = online
    web.pages["news.northmoor.example/a.pdf"] = lambda handler: handler.answer(
        200, b"%PDF", content_type="application/pdf"
    )
    web.pages["news.northmoor.example/b"] = lambda handler: handler.answer(200, b"<p>", content_type="text/html")
    shared.share(f"{NEWS}/a.pdf", f"{NEWS}/b")
    assert shared.unfold(http) == Unfolded(read_count=2)
    assert {state for state, *_ in shared.pages().values()} == {"read"}


def test_a_page_is_asked_for_once_however_it_is_spelt_and_without_tracking(shared: Shared, online: Online) -> None:
    web, http = online
    web.pages["news.northmoor.example/a"] = page("A")
    web.pages["news.northmoor.example/a/"] = page("A")
    spellings = [f"{NEWS}/a?utm_source=mail", f"{NEWS}/a/", f"{NEWS}/a?fbclid=1", f"{NEWS}/a#top"]
    for spelling in spellings:
        shared.share(spelling)
    assert shared.unfold(http).read_count == 1
    assert [path.rstrip("/") for path in web.asked_paths("news.northmoor.example")] == ["/a"]
    assert shared.pages("title") == dict.fromkeys(spellings, ("A",))
    shared.share(f"{NEWS}/a?gclid=9")
    assert shared.unfold(http) == Unfolded()
    assert shared.pages("title")[f"{NEWS}/a?gclid=9"] == ("A",)
    assert len(web.asked) == 1


def test_posts_and_pictures_of_platforms_and_what_is_no_web_address_are_not_asked_for(shared: Shared) -> None:
    shared.share(
        "https://x.com/NorthmoorTalk/status/20", "https://twitter.com/a/status/20/photo/1", "https://pbs.twimg.com/m.jpg",
        "https://bsky.app/profile/ann.example/post/3k", "https://cdn.bsky.app/img/feed/plain/did", "at://did:plc:a/x/1",
        "https://social.example/@ann/112233445566", "https://social.example/users/ann/statuses/1",
        "https://files.social.example/media_attachments/files/1/original/a.png", "mailto:ann@northmoor.example",
        "tel:+441234567890", "javascript:alert(1)", f"{NEWS}/{'x' * 2000}", f"{NEWS}/page",
    )  # fmt: skip
    assert [link.address for link in shared.wanted()] == [f"{NEWS}/page"]


def test_a_link_that_leads_to_a_platforms_post_is_followed_no_further(shared: Shared, online: Online) -> None:
    web, http = online
    web.pages["short.example/a"] = sent_to("https://x.com/NorthmoorTalk/status/20/photo/1")
    shared.share("http://short.example/a")
    shared.unfold(http)
    assert shared.pages() == {
        "http://short.example/a": ("read", "https://x.com/NorthmoorTalk/status/20/photo/1", None, "x.com")
    }


def test_a_page_that_wants_visitors_to_sign_in_keeps_its_own_address(shared: Shared, online: Online) -> None:
    web, http = online
    web.pages["news.northmoor.example/a"] = sent_to("https://accounts.big.example/v3?continue=a")
    web.pages["news.northmoor.example/b"] = sent_to("/members/login?next=/b")
    shared.share(f"{NEWS}/a", f"{NEWS}/b")
    shared.unfold(http)
    assert shared.pages("state, final_url, why") == {
        f"{NEWS}/{name}": ("read", f"{NEWS}/{name}", "it asks visitors to sign in or to agree") for name in "ab"
    }


def test_five_redirects_are_followed_and_no_more(shared: Shared, online: Online) -> None:
    web, http = online
    for place in range(9):
        web.pages[f"hop{place}.example/"] = sent_to(f"http://hop{place + 1}.example/")
    web.pages["hop9.example/"] = page("The end")
    web.pages["round.example/"] = sent_to("/")
    shared.share("http://hop4.example/", "http://hop3.example/", "http://round.example/")
    shared.unfold(http)
    assert shared.pages("state, title, why") == {
        "http://hop4.example/": ("read", "The end", None),
        "http://hop3.example/": ("failed", None, "it leads on more than 5 times"),
        "http://round.example/": ("failed", None, "it leads on more than 5 times"),
    }
    assert len(web.asked_paths("round.example")) == 6


@pytest.mark.parametrize(
    "location",
    ["http://router.example/", "http://127.0.0.1/", "http://[::1]/", "http://169.254.169.254/latest/meta-data/",
     "http://2130706433/", "file:///etc/passwd", "http://news.northmoor.example:22/", "http://ann:word@a.example/",
     "ftp://a.example/"],
)  # fmt: skip
def test_a_redirect_to_what_is_not_public_is_refused_for_good(location: str, shared: Shared, online: Online) -> None:
    web, http = online
    web.pages["short.example/a"] = sent_to(location)
    web.pages["a.example/"] = page("A")
    web.names |= {
        "router.example": [["192.168.1.1"]], "127.0.0.1": [["127.0.0.1"]], "::1": [["::1"]],
        "169.254.169.254": [["169.254.169.254"]], "2130706433": [["127.0.0.1"]],
    }  # fmt: skip
    shared.share("http://short.example/a")
    assert shared.unfold(http) == Unfolded(refused_count=1)
    assert len(web.dialled) == 1
    assert shared.pages("state, final_url, title, tries_count") == {
        "http://short.example/a": ("refused", None, None, 1)
    }
    shared.now += timedelta(days=30)
    assert shared.wanted() == ()


def test_a_name_that_turns_to_a_private_address_between_two_requests_is_refused(shared: Shared, online: Online) -> None:
    web, http = online
    web.pages["turning.example/a"] = sent_to("/b")
    web.pages["turning.example/b"] = page("Keys of this machine")
    web.names["turning.example"] = [["93.184.215.14"], ["10.0.0.1"]]
    shared.share("http://turning.example/a")
    assert shared.unfold(http).refused_count == 1
    assert web.asked_paths("turning.example") == ["/a"]


def test_what_failed_is_tried_twice_more_and_not_at_once(shared: Shared, online: Online) -> None:
    web, http = online
    shared.share(f"{NEWS}/gone", "http://nowhere.example/")
    web.pages["news.northmoor.example/other"] = page("Other")
    for tries in (1, 2, 3):
        assert shared.unfold(http) == Unfolded(failed_count=2)
        assert shared.pages("state, why, tries_count") == {
            f"{NEWS}/gone": ("failed", "it answered 404", tries),
            "http://nowhere.example/": ("failed", "no site is known by the name nowhere.example", tries),
        }
        shared.now += timedelta(minutes=59)
        assert shared.wanted() == ()
        shared.now += timedelta(minutes=1)
    assert shared.unfold(http) == Unfolded()


def test_a_later_try_that_works_replaces_what_failed(shared: Shared, online: Online) -> None:
    web, http = online
    shared.share(f"{NEWS}/a")
    web.pages["news.northmoor.example/a"] = lambda handler: handler.answer(500)
    shared.unfold(http)
    web.pages["news.northmoor.example/a"] = page("A")
    shared.now += timedelta(hours=2)
    shared.unfold(http)
    assert shared.pages("state, title, why, tries_count") == {f"{NEWS}/a": ("read", "A", None, 2)}


def test_a_host_that_asks_to_wait_is_left_alone_until_then(shared: Shared, online: Online) -> None:
    web, http = online
    web.pages["news.northmoor.example/1"] = lambda handler: handler.answer(429, retry_after="7200")
    for number in (2, 3):
        web.pages[f"news.northmoor.example/{number}"] = page("Page")
    web.pages["short.example/a"] = sent_to(f"{NEWS}/4")
    web.pages["other.example/"] = page("Other")
    shared.share(f"{NEWS}/1", minute=0)
    shared.share(f"{NEWS}/2", f"{NEWS}/3", "http://other.example/", minute=1)
    assert shared.unfold(http) == Unfolded(read_count=1, titled_count=1, failed_count=1, waiting_count=2)
    assert web.asked_paths("news.northmoor.example") == ["/1"]
    assert shared.pages("state, not_before")[f"{NEWS}/1"] == ("failed", "2026-10-08T16:00:00.000Z")
    shared.now += timedelta(hours=1, minutes=59)
    assert shared.unfold(http) == Unfolded(waiting_count=3)
    shared.now += timedelta(minutes=1)
    web.pages["news.northmoor.example/1"] = page("Page")
    assert shared.unfold(http).read_count == 3


def test_the_most_shared_come_first_then_the_earliest_and_no_more_than_the_cap(shared: Shared) -> None:
    shared.share("http://late.example/", minute=9)
    shared.share("http://early.example/", minute=1)
    for author in ("ann", "bob", "cat"):
        shared.share("http://three.example/", author=author, minute=8)
    for _ in range(5):
        shared.share("http://one-voice.example/", minute=5)
    order = ["http://three.example/", "http://early.example/", "http://one-voice.example/", "http://late.example/"]
    assert [link.address for link in shared.wanted()] == order
    assert [link.address for link in shared.wanted(2)] == order[:2]


def test_the_cap_is_one_for_all_looks_at_a_session(shared: Shared, online: Online) -> None:
    web, http = online
    for number in range(6):
        web.pages[f"site{number}.example/"] = page("Page")
        shared.share(f"http://site{number}.example/", minute=number)
    for _ in range(3):
        shared.unfold(http, replace(QUICK, most_links=4))
    assert sorted({host for host, *_ in web.asked}) == [f"site{number}.example" for number in range(4)]


def test_only_links_of_posts_that_stand_and_belong_to_the_session_are_looked_up(shared: Shared) -> None:
    gone = shared.share("http://gone.example/")
    shared.share("http://before.example/", minute=-120)
    shared.share("http://long-after.example/", minute=60 * 24 * 8)
    shared.share("http://of-the-forgotten.example/", author="zoe")
    original = shared.share("http://kept.example/")
    shared.share("http://passed-on.example/", repost_of=gone)
    with shared.archive.transaction() as conn:
        conn.executemany("INSERT INTO tombstones VALUES (?, ?, ?)", [(gone, AT, "deleted"), ("x:zoe", AT, "erased")])
    assert original
    assert [link.address for link in shared.wanted()] == ["http://kept.example/"]


def test_a_chat_without_sessions_has_its_links_looked_up_too(shared: Shared) -> None:
    shared.share("http://kept.example/", minute=-9_000)
    assert len(choose_links(shared.archive, shared.chat, None, 200).wanted) == 1


def test_a_host_is_asked_one_thing_at_a_time_with_a_pause_while_others_are_asked(
    shared: Shared, online: Online
) -> None:
    web, http = online
    pause = 0.1

    def slowly(handler: Handler) -> None:
        time.sleep(0.05)
        page("Page")(handler)

    for number in range(5):
        web.pages[f"busy.example/{number}"] = slowly
        web.pages[f"short.example/{number}"] = sent_to(f"http://busy.example/{number}")
        web.pages[f"site{number}.example/"] = slowly
        shared.share(f"http://short.example/{number}", f"http://site{number}.example/")
    assert shared.unfold(http, replace(POLITE, pause_seconds=pause)).read_count == 10
    assert web.most_at_once["busy.example"] == web.most_at_once["short.example"] == 1
    for host in ("busy.example", "short.example"):
        times = sorted(web.times[host])
        gaps = [begins - ends for (_, ends), (begins, _) in pairwise(times)]
        assert len(gaps) == 4
        assert min(gaps) > pause * 0.8


def test_a_page_that_never_answers_holds_up_no_other(shared: Shared, online: Online) -> None:
    web, http = online
    for number in range(4):
        web.pages[f"slow{number}.example/"] = hanging
        shared.share(f"http://slow{number}.example/", minute=number)
    for number in range(4):
        web.pages[f"quick{number}.example/"] = page("Quick")
        shared.share(f"http://quick{number}.example/", minute=10 + number)
    begun = time.monotonic()
    done = shared.unfold(http, replace(QUICK, at_once=2, request_seconds=0.3))
    assert (done.read_count, done.failed_count) == (4, 4)
    assert time.monotonic() - begun < 5
    assert shared.pages("why")["http://slow0.example/"] == ("it did not answer in time",)


def test_a_look_up_of_a_name_that_never_ends_is_given_up(shared: Shared, online: Online) -> None:
    web, _ = online
    shared.share("http://name.example/")

    def find(host: str, port: int) -> list[str]:
        web.over.wait(30)
        return []

    web.find = find  # type: ignore[method-assign]
    with client_of(web) as http:
        assert shared.unfold(http, replace(QUICK, request_seconds=0.2)).failed_count == 1


def test_time_in_all_is_limited_and_the_rest_waits(shared: Shared, online: Online) -> None:
    web, http = online
    web.pages["quick.example/"] = page("Quick")
    web.pages["slow.example/"] = hanging
    shared.share("http://quick.example/", "http://slow.example/")
    done = shared.unfold(http, replace(QUICK, total_seconds=0.3))
    assert done == Unfolded(read_count=1, titled_count=1, left_count=1)
    assert list(shared.pages()) == ["http://quick.example/"]


def ended_threads() -> bool:
    """Whether every request has ended, or does so within moments."""
    asking = [thread for thread in threading.enumerate() if thread.name == "page"]
    for thread in asking:
        thread.join(5)
    return not any(thread.is_alive() for thread in asking)


def test_a_stop_ends_it_at_once_and_keeps_what_was_found(shared: Shared, online: Online) -> None:
    web, _ = online
    stop = threading.Event()
    web.pages["quick.example/"] = page("Quick")

    def ask_to_stop(handler: Handler) -> None:
        time.sleep(0.2)  # so that the quick page is through
        stop.set()
        hanging(handler)

    web.pages["slow.example/"] = ask_to_stop
    shared.share("http://quick.example/", "http://slow.example/")
    with client_of(web, seconds=0.5) as http:
        begun = time.monotonic()
        done = shared.unfold(http, QUICK, stop)
        assert time.monotonic() - begun < 2
    assert (done.read_count, done.left_count) == (1, 1)
    assert list(shared.pages()) == ["http://quick.example/"]
    assert [link.address for link in shared.wanted()] == ["http://slow.example/"]
    assert ended_threads()


def test_headers_that_drip_without_end_are_given_up_and_let_go(shared: Shared, online: Online) -> None:
    web, _ = online

    def drip(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nx-long: ")
        while not handler.web.over.wait(0.02):
            handler.wfile.write(b"x")

    web.pages["slow.example/"] = drip
    shared.share("http://slow.example/")
    with client_of(web, seconds=0.5) as http:
        assert shared.unfold(http, replace(QUICK, request_seconds=0.3)).failed_count == 1
    assert ended_threads()


def test_what_was_found_is_written_while_the_rest_is_still_asked(shared: Shared, online: Online) -> None:
    web, http = online
    counts: list[int] = []

    def count(handler: Handler) -> None:
        with open_archive(shared.archive.path) as other:
            counts.append(other.conn.execute("SELECT count(*) FROM link_pages").fetchone()[0])
        page("Page")(handler)

    for number in range(12):
        web.pages[f"site{number}.example/"] = count
        shared.share(f"http://site{number}.example/", minute=number)
    shared.unfold(http, replace(QUICK, at_once=1))
    assert counts == [0] * 5 + [5] * 5 + [10] * 2
