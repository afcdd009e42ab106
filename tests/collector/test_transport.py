"""The one exchange: bounded in time and size whatever a server does, and addresses that hold no secret."""

from __future__ import annotations

import gzip
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import ExchangeError, Fatal, Retriable, SettingsError
from collector import transport
from collector.transport import build_client, exchange, kept_headers, require_safe_base, server_time, sound_wait

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
Serve = Callable[[socket.socket, threading.Event], None]


@contextmanager
def server(serve: Serve) -> Iterator[str]:
    """A server of one connection that answers as ``serve`` does, until it is let go."""
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                serve(connection, over)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        over.set()
        listener.close()
        thread.join(10)


def dripping(start: bytes, drop: bytes) -> Serve:
    def serve(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(start)
        while not over.wait(0.01):
            connection.sendall(drop)

    return serve


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


EMPTY_BLOCK = b"\x00\x00\x00\xff\xff"  # of deflate: unpacks to nothing
GZIP_HEAD = gzip.compress(b"")[:10]


@pytest.mark.parametrize(
    "serve",
    [
        dripping(HEAD + b"content-length: 99999999\r\n\r\n", b"x"),
        dripping(HEAD + b"transfer-encoding: chunked\r\n\r\n", chunk(b"x")),
        dripping(HEAD + b"\r\n", b"x"),
        dripping(
            HEAD + b"content-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n" + chunk(GZIP_HEAD),
            chunk(EMPTY_BLOCK),
        ),
        dripping(HEAD + b"x-long: ", b"x"),
        dripping(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        dripping(b"", b""),
    ],
    ids=["a known length", "chunks", "until the end", "packed nothing", "headers", "hints", "silence"],
)
def test_a_server_that_drips_is_given_up_in_time(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "REQUEST_SECONDS", 0.3)
    with server(serve) as base, build_client("test") as http, pytest.raises(Retriable, match="too slowly") as caught:
        exchange(http, "GET", base)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("start", [b"\r\n", b"content-encoding: gzip\r\n\r\n" + GZIP_HEAD], ids=["plain", "packed"])
def test_an_exchange_that_is_given_up_ends_while_the_server_still_drips(
    start: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "REQUEST_SECONDS", 0.2)
    with server(dripping(HEAD + start, EMPTY_BLOCK)) as base, build_client("test") as http:
        with pytest.raises(Retriable):
            exchange(http, "GET", base)
        asking = [thread for thread in threading.enumerate() if thread.name == "exchange"]
        for thread in asking:
            thread.join(10)
        assert not [thread for thread in asking if thread.is_alive()]


def test_a_client_goes_on_after_it_gave_up_one_server(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = dripping(HEAD + b"\r\n", b"x")
    quick: Serve = lambda connection, _: connection.sendall(HEAD + b"content-length: 2\r\n\r\n[]")  # noqa: E731  # a line
    with build_client("test") as http, server(slow) as one, server(quick) as other:
        with monkeypatch.context() as patch:
            patch.setattr(transport, "REQUEST_SECONDS", 0.2)
            with pytest.raises(Retriable):
                exchange(http, "GET", one)
        assert exchange(http, "GET", other).json() == []


def answered(response: httpx.Response | Exception) -> httpx.Response:
    def answer(_: httpx.Request) -> httpx.Response:
        if isinstance(response, Exception):
            raise response
        return response

    with build_client("test", httpx.MockTransport(answer)) as http:
        return exchange(http, "GET", "https://northmoor.example/a")


def streamed(parts: list[bytes], **headers: str) -> httpx.Response:
    """An answer as it comes from the network: packed, and not yet read."""
    return httpx.Response(200, headers={name.replace("_", "-"): text for name, text in headers.items()}, content=parts)


def test_an_answer_larger_than_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "LARGEST_BODY", 1_000_000)
    assert len(answered(streamed([b"x" * 100_000] * 10)).content) == 1_000_000
    seen = 0

    def without_end() -> Iterator[bytes]:
        nonlocal seen
        while True:
            seen += 1
            yield b"x" * 100_000

    with pytest.raises(Retriable, match="too much"):
        answered(httpx.Response(200, content=without_end()))
    assert seen == 11


def test_an_answer_that_unpacks_to_more_than_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "LARGEST_BODY", 1_000_000)
    bomb = gzip.compress(b"x" * 50_000_000)
    with pytest.raises(Retriable, match="too much"):
        answered(streamed([bomb[at : at + 1_000] for at in range(0, len(bomb), 1_000)], content_encoding="gzip"))


@pytest.mark.parametrize("packing", ["gzip, gzip", "deflate, gzip", "br", "zstd", "compress"])
def test_a_packing_that_we_did_not_ask_for_is_refused(packing: str) -> None:
    with pytest.raises(Retriable, match="did not ask for"):
        answered(streamed([gzip.compress(gzip.compress(b"[]"))], content_encoding=packing))


@pytest.mark.parametrize(
    ("packing", "body"),
    [("gzip", gzip.compress(b'["caf\xc3\xa9"]')), ("deflate", zlib.compress(b'["caf\xc3\xa9"]'))],
)
def test_a_packed_answer_is_handed_on_unpacked(packing: str, body: bytes) -> None:
    response = answered(
        streamed([body[:5], body[5:]], content_encoding=packing, content_length=str(len(body)), retry_after="3")
    )
    assert response.content == b'["caf\xc3\xa9"]'
    assert (response.status_code, response.json()) == (200, ["café"])
    assert "content-encoding" not in response.headers
    assert kept_headers(response) == {"retry-after": "3"}
    assert str(response.url) == str(response.request.url) == "https://northmoor.example/a"


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (httpx.ReadTimeout("slow"), Retriable),
        (httpx.ConnectError("refused"), Retriable),
        (httpx.RemoteProtocolError("cut"), Retriable),
        (httpx.DecodingError("damaged"), Retriable),
        (httpx.UnsupportedProtocol("ftp"), Fatal),
        (httpx.InvalidURL("odd"), Fatal),
        (UnicodeError("label too long"), Fatal),
    ],
)
def test_each_trouble_is_told_in_our_words(trouble: Exception, kind: type[ExchangeError]) -> None:
    with pytest.raises(kind) as caught:
        answered(trouble)
    assert "\n" not in str(caught.value)


def test_damaged_packing_is_worth_another_try_and_a_bug_stays_a_bug() -> None:
    with pytest.raises(Retriable, match="damaged"):
        answered(streamed([b"no gzip at all"], content_encoding="gzip"))
    with pytest.raises(ZeroDivisionError):
        answered(ZeroDivisionError())
    with pytest.raises(Fatal, match="sends us elsewhere"):
        answered(httpx.Response(302, headers={"location": "https://elsewhere.example"}))


# Addresses


@pytest.mark.parametrize("address", ["https://social.example", "https://social.example:8443/", "http://[::1]:8000"])
def test_a_plain_address_is_taken(address: str) -> None:
    assert require_safe_base(address, "base_url") == address.rstrip("/")


@pytest.mark.parametrize(
    "address",
    [
        *("http://[::1", "https://[::1", "https://x:99999", "https://x:port", "https://so cial.example"),
        *("https://", "http://", "", "//social.example", "social.example", "ftp://social.example", "https://a\nb"),
        *("http://social.example", "https://\0", "https://xn--\u20ac"),
    ],
)
def test_an_address_that_is_none_names_the_setting_in_one_line(address: str) -> None:
    with pytest.raises(SettingsError, match=r"^base_url under \[source.x\] is ") as caught:
        require_safe_base(address, "base_url under [source.x]")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        *("https://me:s3cret@social.example", "me:s3cret@social.example", "https:/me:s3cret@social.example"),
        *("https://s3cret@[::1", "https://social.example?token=s3cret", "https://social.example/#s3cret"),
    ],
)
def test_an_address_that_may_hold_a_secret_is_refused_without_showing_it(address: str) -> None:
    with pytest.raises(SettingsError, match=r"^a server holds more than an address") as caught:
        require_safe_base(address, "a server")
    assert "s3cret" not in str(caught.value)


@given(st.text() | st.text().map("https://{}".format))
def test_any_text_at_all_is_an_address_or_a_fault_of_the_settings(address: str) -> None:
    with suppress(SettingsError):
        assert httpx.URL(require_safe_base(address, "base_url")).host


# Waits and clocks


@pytest.mark.parametrize(
    ("asked", "waited"),
    [(None, None), (float("nan"), None), (float("inf"), 86_400.0), (1e30, 86_400.0), (-5.0, 0.0), (30.0, 30.0)],
)
def test_a_wait_lies_between_nothing_and_a_day(asked: float | None, waited: float | None) -> None:
    assert sound_wait(asked) == waited


@pytest.mark.parametrize(
    ("said", "moment"),
    [
        ("Thu, 08 Oct 2026 14:00:00 GMT", datetime(2026, 10, 8, 14, tzinfo=UTC)),
        ("Thu, 08 Oct 2026 14:00:00 -0000", datetime(2026, 10, 8, 14, tzinfo=UTC)),
        ("Thu, 08 Oct 2026 16:00:00 +0200", datetime(2026, 10, 8, 14, tzinfo=UTC)),
        ("Fri, 31 Dec 9999 23:59:59 -1200", None),
        ("Thu, 08 Oct 99999 14:00:00 GMT", None),
        ("soon", None),
        ("", None),
    ],
)
def test_a_server_tells_its_time_or_none(said: str, moment: datetime | None) -> None:
    assert server_time(httpx.Response(200, headers={"date": said} if said else {})) == moment


@given(st.text(st.characters(max_codepoint=255), max_size=40))
def test_no_date_at_all_makes_the_clock_raise(said: str) -> None:
    server_time(httpx.Response(200, headers=[(b"date", said.encode("latin-1"))]))


def test_a_header_of_any_letters_is_no_fault_of_the_address() -> None:
    headers = [(b"link", "<https://one.example/tag/grünstadt>; rel=next".encode())]
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, content=b"[]"))
    with build_client("test", transport) as http:
        response = exchange(http, "GET", "https://one.example/")
    assert response.status_code == 200
    assert "grünstadt" in kept_headers(response)["link"]
