"""A way to the public internet alone: a host's addresses are all checked, and one that was checked is connected to.

Anybody can post a link. Without this a link, or where it leads on to, could make us read what only this machine or its
network may see: a router, a neighbour's printer, a cloud's own keys.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import httpx

from archive.errors import Retriable, Skippable

Resolve = Callable[[str, int], list[str]]
"""Gives the addresses of a host; raises Retriable where it has none."""

PORTS = (80, 443)
_MOST_ADDRESSES_TRIED = 3

# Written out rather than asked of ipaddress.is_global, whose answer differs between releases of Python. From IANA's
# registries of special-purpose addresses.
_NOT_PUBLIC_4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",  # looks public, and is Azure's own service for the machines in it
    )
)  # fmt: skip
# All that is handed out lies in 2000::/3. Of it these are no hosts of the internet, or wrap another address: Teredo and
# more (2001::/23), examples (2001:db8::/32, 3fff::/20), 6to4 (2002::/16).
_PUBLIC_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    IPv6Network(block) for block in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "2620:4f:8000::/48")
)
_NAT64 = IPv6Network("64:ff9b::/96")  # how networks without IPv4 reach it: what is wrapped decides


def is_public(address: str) -> bool:
    """Whether an IP address is a host of the public internet, and no wrapping of one that is not."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and ip in _NAT64:
        ip = IPv4Address(int(ip) & 0xFFFF_FFFF)
    if isinstance(ip, IPv4Address):
        return not any(ip in block for block in _NOT_PUBLIC_4)
    return ip in _PUBLIC_6 and not any(ip in block for block in _NOT_PUBLIC_6)


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host as the machine's own resolver tells them. Raises Retriable where it tells none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Retriable(f"no site is known by the name {host}", sent=False) from error
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


class PublicTransport(httpx.BaseTransport):
    """Carries each request to an address that was checked for it. Raises Skippable for what must not be asked.

    The name goes along as Host, and is what the certificate must be for. Nothing is connected to by name, so a name
    that means something else a moment later changes nothing. ``carry`` is what connects, ``find`` what resolves.
    """

    def __init__(self, carry: httpx.BaseTransport | None = None, find: Resolve = resolve) -> None:
        self._carry = carry or httpx.HTTPTransport()
        self._find = find

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        check_address(request.url)
        host = _name_of(request.url)
        found = self._find(host, request.url.port or (443 if request.url.scheme == "https" else 80))
        if not found or not all(map(is_public, found)):
            raise Skippable(f"{host} is not on the public internet")
        return self._connect(request, found[:_MOST_ADDRESSES_TRIED])

    def _connect(self, request: httpx.Request, addresses: Iterable[str]) -> httpx.Response:
        error: httpx.TransportError | None = None
        for address in addresses:
            try:
                return self._carry.handle_request(_addressed(request, address))
            except (httpx.ConnectError, httpx.ConnectTimeout) as failed:
                error = failed
        raise error or Retriable("there is nothing to connect to", sent=False)

    def close(self) -> None:
        self._carry.close()


def check_address(url: httpx.URL) -> None:
    """Raises Skippable for an address that we do not ask for, whatever its host: not the web's, or with a password."""
    if url.scheme not in ("http", "https") or not url.host:
        raise Skippable("it is no address of the web")
    if url.userinfo:
        raise Skippable("it holds a user name or password")
    if url.port not in (None, *PORTS):
        raise Skippable(f"it asks for the port {url.port}")


def _addressed(request: httpx.Request, address: str) -> httpx.Request:
    """The same request to this address. Its Host was set when it was made, and stays.

    Its connection is used once: a kept one was proven to be another name's, where two names share an address.
    """
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers={**request.headers, "connection": "close"},
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": _name_of(request.url)},
    )


def _name_of(url: httpx.URL) -> str:
    """The host as it is looked up and stands in certificates: letters of other scripts as xn--."""
    return url.raw_host.decode("ascii")
