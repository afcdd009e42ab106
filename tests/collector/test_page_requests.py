"""One request of one page takes little, whatever the page does, and says nothing about who asked for what before."""

from __future__ import annotations

import gzip
import time
import tracemalloc
from datetime import UTC, datetime

import httpx
import pytest
from page_ground import Handler, Serve, client_of, hanging, page, sent_to, web_of

from archive.errors import Retriable, Skippable
from collector.page_requests import LARGEST_START, PageAnswer, fetch_page
from collector.page_titles import parse_title

URL = "http://news.northmoor.example/a"
PLACE = "news.northmoor.example/a"


def clock() -> datetime:
    return datetime(2026, 10, 8, 14, 0, tzinfo=UTC)


def ask(http: httpx.Client, address: str = URL, seconds: float = 5.0) -> PageAnswer:
    return fetch_page(http, address, seconds, clock)


def answered(serve: Serve, seconds: float = 5.0) -> PageAnswer:
    with web_of() as (web, http):
        web.pages[PLACE] = serve
        return ask(http, seconds=seconds)


def test_it_says_who_asks_and_nothing_else() -> None:
    with web_of() as (web, http):
        web.pages[PLACE] = page("A", set_cookie="seen=1; Path=/")
        web.pages["news.northmoor.example/b"] = page("B")
        ask(http)
        ask(http, "http://news.northmoor.example/b")
        for _, _, headers in web.asked:
            assert set(headers) == {"host", "accept", "accept-encoding", "connection", "user-agent"}
            assert headers["user-agent"].startswith("chatkeep/test (")
            assert headers["connection"] == "close"


def endless(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("content-type", "text/html")
    handler.end_headers()
    handler.wfile.write(b"<title>Bins</title>")
    while not handler.web.over.is_set():
        handler.wfile.write(b"x" * 65_536)


def test_of_an_endless_page_only_the_beginning_is_read() -> None:
    answer = answered(endless)
    assert len(answer.start) == LARGEST_START
    assert parse_title(answer.start) == "Bins"


def dripping(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("content-type", "text/html")
    handler.end_headers()
    handler.wfile.write(b"<title>Bins</title>")
    while not handler.web.over.wait(0.01):
        handler.wfile.write(b"x")


def test_of_a_page_that_drips_what_came_in_time_counts() -> None:
    begun = time.monotonic()
    answer = answered(dripping, seconds=0.3)
    assert time.monotonic() - begun < 3
    assert parse_title(answer.start) == "Bins"


def test_a_page_that_says_nothing_is_given_up() -> None:
    with web_of() as (web, _), client_of(web, seconds=0.2) as http:
        web.pages[PLACE] = hanging
        with pytest.raises(Retriable, match="in time"):
            ask(http, seconds=0.2)


def test_reading_stops_where_the_head_ends() -> None:
    def serve(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "text/html")
        handler.end_headers()
        handler.wfile.write(b"<head><title>Bins</title></HE")
        handler.wfile.flush()
        time.sleep(0.05)
        handler.wfile.write(b"AD>")
        while not handler.web.over.wait(0.01):  # it would drip until the time is up
            handler.wfile.write(b"x")

    begun = time.monotonic()
    assert parse_title(answered(serve, seconds=20).start) == "Bins"
    assert time.monotonic() - begun < 10


def test_a_small_packet_that_unpacks_to_gigabytes_grows_nothing() -> None:
    once = gzip.compress(b"<title>Bins</title>" + b"x" * 200_000_000, compresslevel=1)
    tracemalloc.start()
    try:
        answer = answered(lambda handler: handler.answer(200, once, content_type="text/html", content_encoding="gzip"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(answer.start) == LARGEST_START
    assert parse_title(answer.start) == "Bins"
    assert peak < 10_000_000


@pytest.mark.parametrize("packing", ["br", "gzip, gzip", "deflate"])
def test_a_packing_that_was_not_asked_for_gives_no_title(packing: str) -> None:
    twice = gzip.compress(gzip.compress(b"<title>Bins</title>"))
    answer = answered(lambda handler: handler.answer(200, twice, content_type="text/html", content_encoding=packing))
    assert (answer.status, answer.start) == (200, b"")


def test_a_packed_page_that_is_damaged_counts_as_far_as_it_is_sound() -> None:
    packed = gzip.compress(b"<title>Bins</title>" + b"words " * 50)
    broken = packed[:-12] + b"\xff" * 12
    answer = answered(lambda handler: handler.answer(200, broken, content_type="text/html", content_encoding="gzip"))
    assert answer.status == 200


@pytest.mark.parametrize("kind", ["application/pdf", "image/png", "text/plain", "video/mp4"])
def test_the_body_of_what_is_no_page_is_not_read(kind: str) -> None:
    def serve(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("content-type", kind)
        handler.end_headers()
        hanging(handler)

    assert answered(serve) == PageAnswer(200, content_type=kind)


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        ("/b?c=1#d", "http://news.northmoor.example/b?c=1#d"),
        ("b", "http://news.northmoor.example/b"),
        ("//other.northmoor.example/x", "http://other.northmoor.example/x"),
        ("https://other.northmoor.example/ü", "https://other.northmoor.example/ü"),
    ],
)
def test_a_redirect_gives_the_whole_address(location: str, leads_to: str) -> None:
    def serve(handler: Handler) -> None:
        handler.send_response(302)
        handler.wfile.write(b"")
        handler._headers_buffer.append(b"Location: " + location.encode() + b"\r\n")  # type: ignore[attr-defined]
        handler.end_headers()

    assert answered(serve).location == leads_to


@pytest.mark.parametrize("location", ["", "http://[", "http://northmoor.example/" + "x" * 2_001])
def test_a_redirect_to_no_address_is_refused(location: str) -> None:
    with pytest.raises(Skippable, match="no address"):
        answered(sent_to(location))


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("120", 120.0), ("Thu, 08 Oct 2026 14:02:00 GMT", 120.0), ("soon", 3600.0), ("", 3600.0), ("nan", 3600.0),
     ("-5", 3600.0), ("999999999", 86_400.0), ("Thu, 08 Oct 2020 14:02:00 GMT", 3600.0)],
)  # fmt: skip
def test_a_host_that_was_asked_too_often_says_how_long_to_wait(said: str, seconds: float) -> None:
    assert answered(lambda handler: handler.answer(429, retry_after=said)).wait_seconds == seconds


def test_a_host_that_is_closed_for_a_while_is_left_alone_only_if_it_says_so() -> None:
    assert answered(lambda handler: handler.answer(503, retry_after="60")).wait_seconds == 60
    assert answered(lambda handler: handler.answer(503)) == PageAnswer(503, content_type="text/html")


def test_a_connection_that_breaks_off_can_be_tried_again() -> None:
    def serve(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-le")
        handler.close_connection = True

    with pytest.raises(Retriable, match="could not be reached"):
        answered(serve)
