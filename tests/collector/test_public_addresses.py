"""Nothing but the public internet is connected to, whatever a name, a redirect or a wrapped address says."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import Path

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from page_ground import PUBLIC, Loopback, client_of, page, sent_to, web_of

from archive.errors import ExchangeError, Retriable, Skippable
from archive.times import system_clock
from collector.page_requests import build_page_client, fetch_page
from collector.public_addresses import PublicTransport, is_public, resolve

PRIVATE_4 = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1",
    "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "168.63.129.16",
]  # fmt: skip
PRIVATE_6 = [
    "::", "::1", "::ffff:127.0.0.1", "::ffff:93.184.215.14", "::93.184.215.14", "64:ff9b::10.0.0.1",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "100::1", "2001::1", "2001:10::1", "2001:db8::1", "2002:7f00:1::",
    "2002:a00:1::1", "3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
    "5f00::1", "4000::1",
]  # fmt: skip
PUBLIC_BOTH = ["93.184.215.14", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]


@pytest.mark.parametrize("address", PRIVATE_4 + PRIVATE_6)
def test_what_only_a_network_of_its_own_sees_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", [*PUBLIC_BOTH, "64:ff9b::8.8.8.8"])
def test_hosts_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", ["", "northmoor.example", "1.2.3", "0x7f000001", "2130706433", "1.2.3.4.5", "::g"])
def test_what_is_no_address_is_not_public(address: str) -> None:
    assert not is_public(address)


addresses_4 = st.one_of(
    st.integers(0, 2**32 - 1).map(IPv4Address),
    st.sampled_from(PRIVATE_4).map(IPv4Address),
    st.builds(
        lambda block, offset: block[offset % block.num_addresses],
        st.sampled_from([IPv4Network(f"{net}") for net in ("10.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12")]),
        st.integers(0, 2**24),
    ),
)
addresses_6 = st.one_of(
    st.integers(0, 2**128 - 1).map(IPv6Address),
    st.builds(
        lambda block, offset: block[offset % block.num_addresses],
        st.sampled_from([IPv6Network(net) for net in ("2000::/3", "2001::/16", "64:ff9b::/96", "::/64", "fc00::/7")]),
        st.integers(0, 2**125),
    ),
)


@given(st.one_of(addresses_4, addresses_6))
@example(IPv6Address("2001:1ff:ffff::"))
def test_nothing_is_public_that_python_takes_for_private_or_for_many(ip: IPv4Address | IPv6Address) -> None:
    if is_public(str(ip)):
        assert not ip.is_private
        assert not any((ip.is_multicast, ip.is_loopback, ip.is_link_local, ip.is_unspecified))
        assert isinstance(ip, IPv4Address) or not ip.is_site_local


def wrappings(inner: IPv4Address) -> list[IPv6Address]:
    """Every way to write an IPv4 address into an IPv6 one."""
    number = int(inner)
    return [
        IPv6Address((0xFFFF << 32) | number),
        IPv6Address(number),
        IPv6Address((0x2002 << 112) | (number << 80)),
        IPv6Address((0x20010000 << 96) | (number ^ 0xFFFFFFFF)),
        IPv6Address((0x20010000 << 96) | (number << 64)),
        IPv6Address((0x64FF9B << 96) | number),
        IPv6Address((0x64FF9B0001 << 80) | number),
    ]


@given(addresses_4)
def test_a_wrapped_address_is_never_more_public_than_what_it_wraps(inner: IPv4Address) -> None:
    for wrapped in wrappings(inner):
        assert is_public(str(inner)) or not is_public(str(wrapped)), wrapped


def ask(http: httpx.Client, address: str) -> int:
    return fetch_page(http, address, 5.0, system_clock).status


@given(st.lists(st.sampled_from(PRIVATE_4 + PRIVATE_6 + PUBLIC_BOTH), min_size=1, max_size=5))
def test_a_host_is_asked_only_if_every_one_of_its_addresses_is_public(found: list[str]) -> None:
    dialled: list[str] = []

    def carry(request: httpx.Request) -> httpx.Response:
        dialled.append(request.url.host)
        return httpx.Response(404)

    transport = PublicTransport(httpx.MockTransport(carry), lambda *_: found)
    with build_page_client("test", 5.0, transport) as http:
        if all(map(is_public, found)):
            assert ask(http, "http://news.northmoor.example/") == 404
            assert [ip_address(address) for address in dialled] == [ip_address(found[0])]
        else:
            with pytest.raises(Skippable, match="public internet"):
                ask(http, "http://news.northmoor.example/")
            assert dialled == []


def test_the_address_that_was_checked_is_the_one_that_is_connected_to() -> None:
    with web_of() as (web, http):
        web.pages["news.northmoor.example/a"] = page("A")
        web.names["news.northmoor.example"] = [[PUBLIC], ["169.254.169.254"]]
        assert ask(http, "http://news.northmoor.example/a") == 200
        assert web.looked_up == ["news.northmoor.example"]
        assert web.dialled == [PUBLIC]
        assert web.asked[0][2]["host"] == "news.northmoor.example"


def test_a_name_that_leads_elsewhere_the_second_time_is_refused_then() -> None:
    with web_of() as (web, http):
        web.pages["news.northmoor.example/a"] = sent_to("/b")
        web.names["news.northmoor.example"] = [[PUBLIC], ["127.0.0.1"]]
        assert fetch_page(http, "http://news.northmoor.example/a", 5.0, system_clock).location == (
            "http://news.northmoor.example/b"
        )
        with pytest.raises(Skippable, match="public internet"):
            ask(http, "http://news.northmoor.example/b")
        assert web.dialled == [PUBLIC]


def test_a_connection_is_never_used_again() -> None:
    with web_of() as (web, http):
        web.pages["news.northmoor.example/a"] = page("A")
        web.names["news.northmoor.example"] = [[PUBLIC], [PUBLIC], ["10.0.0.1"]]
        assert [ask(http, "http://news.northmoor.example/a") for _ in range(2)] == [200, 200]
        with pytest.raises(Skippable):
            ask(http, "http://news.northmoor.example/a")


def test_where_one_address_does_not_answer_the_next_is_asked() -> None:
    with web_of() as (web, http):
        web.pages["news.northmoor.example/a"] = page("A")
        web.names["news.northmoor.example"] = [["8.8.8.8", PUBLIC]]
        web.dead = {"8.8.8.8"}
        assert ask(http, "http://news.northmoor.example/a") == 200
        assert web.dialled == ["8.8.8.8", PUBLIC]
        web.dead |= {PUBLIC}
        with pytest.raises(Retriable, match="could not be reached"):
            ask(http, "http://news.northmoor.example/a")


@pytest.mark.parametrize(
    "address",
    [
        "ftp://news.northmoor.example/a", "file:///etc/passwd", "gopher://news.northmoor.example/", "//nothing", "",
        "http://news.northmoor.example:8080/", "https://news.northmoor.example:22/", "http://:80/", "http://",
        "http://ann@news.northmoor.example/", "http://ann:word@news.northmoor.example/", "http://[::1/",
        "http://news.northmoor.example:99999/", "javascript:alert(1)", "mailto:ann@northmoor.example",
    ],
)  # fmt: skip
def test_addresses_that_are_none_of_the_open_web_are_refused_before_any_look_up(address: str) -> None:
    with web_of() as (web, http):
        with pytest.raises(Skippable):
            ask(http, address)
        assert web.looked_up == []


@pytest.mark.parametrize(
    "address",
    ["http://localhost/", "http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f000001/",
     "http://0177.0.0.1/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://0/", "http://０.０.０.０/"],
)  # fmt: skip
def test_this_machine_is_refused_however_it_is_spelt(address: str) -> None:
    with web_of() as (web, _), build_page_client("test", 5.0, PublicTransport(Loopback(web), resolve)) as http:
        with pytest.raises(ExchangeError):
            ask(http, address)
        assert web.dialled == []


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with web_of() as (web, _), client_of(web) as http:
        web.pages["news.northmoor.example/a"] = page("A")
        assert ask(http, "http://news.northmoor.example/a") == 200


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for one name, made on the spot."""
    key, made = folder / "key.pem", folder / "made.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
               "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
               "-keyout", str(key), "-out", str(made)]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return key, made


class Redial(httpx.BaseTransport):
    """Carries to a loopback port with TLS, and trusts one certificate."""

    def __init__(self, port: int, trusted: Path) -> None:
        self._port = port
        self._carry = httpx.HTTPTransport(verify=ssl.create_default_context(cafile=str(trusted)))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url.copy_with(host="127.0.0.1", port=self._port)
        return self._carry.handle_request(
            httpx.Request(request.method, url, headers=request.headers, extensions=request.extensions)
        )

    def close(self) -> None:
        self._carry.close()


@pytest.mark.skipif(not shutil.which("openssl"), reason="makes its certificate with openssl")
@pytest.mark.parametrize(("host", "works"), [("news.northmoor.example", True), ("other.northmoor.example", False)])
def test_the_certificate_must_be_for_the_name_though_the_address_is_dialled(
    host: str, works: bool, tmp_path: Path
) -> None:
    key, made = certificate(tmp_path, "news.northmoor.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    names: list[str] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)  # type: ignore[assignment]
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError), context.wrap_socket(listener.accept()[0], server_side=True) as connection:
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        transport = PublicTransport(Redial(listener.getsockname()[1], made), lambda *_: [PUBLIC])
        with build_page_client("test", 5.0, transport) as http:
            if works:
                assert ask(http, f"https://{host}/") == 200
            else:
                with pytest.raises(Retriable):
                    ask(http, f"https://{host}/")
        assert names == [host]
    finally:
        listener.close()
        thread.join(10)
