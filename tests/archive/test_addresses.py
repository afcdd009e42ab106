"""Two addresses of one page are the same, and no two pages are."""

from __future__ import annotations

from itertools import permutations
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from archive.addresses import (
    choose_address,
    is_of_platform,
    is_picture_of_platform,
    link_key,
    site_of,
    without_tracking,
)

SAME = [
    "https://www.northmoor.example/bins?id=4",
    "http://northmoor.example/bins?id=4",
    "https://northmoor.example:443/bins/?id=4",
    "https://NORTHMOOR.example/bins?id=4&utm_source=newsletter&utm_medium=email",
    "https://northmoor.example/bins?fbclid=abc&id=4#contact",
    "https://northmoor.example./bins?id=4&",
    "https://northmoor.example/bins?id=4#:~:text=boxes",
    "https://northmoor.example/bins?mc_cid=1&id=4&mc_eid=2&_hsenc=x",
]
OTHERS = [
    "https://northmoor.example/bins",
    "https://northmoor.example/bins?id=5",
    "https://northmoor.example/Bins?id=4",
    "https://northmoor.example:8443/bins?id=4",
    "https://news.northmoor.example/bins?id=4",
    "https://northmoor.example/bins?id=4#!/page/2",
    "https://northmoor.example/bins?ref=4&id=4",
]


def test_what_differs_in_scheme_www_slash_and_tracking_is_one_page() -> None:
    assert len({link_key(url) for url in SAME}) == 1


def test_what_differs_in_anything_else_is_not() -> None:
    assert len({link_key(url) for url in [SAME[0], *OTHERS]}) == len(OTHERS) + 1


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("https://a.example/?utm_source=x", "https://a.example/"),
        ("https://a.example/?a=1&UTM_Campaign=x&b=2", "https://a.example/?a=1&b=2"),
        ("https://a.example/x?q=%C3%BC+%2B&fbclid=1", "https://a.example/x?q=%C3%BC+%2B"),
        ("https://a.example/x?b=2&a=1&a=0", "https://a.example/x?b=2&a=1&a=0"),
        ("https://www.youtube.com/watch?v=abc&si=xyz&feature=share", "https://www.youtube.com/watch?v=abc"),
        ("https://a.example/watch?v=abc&si=xyz", "https://a.example/watch?v=abc&si=xyz"),
        ("https://a.example/x#xtor=RSS-1", "https://a.example/x"),
        ("https://a.example/x#part", "https://a.example/x#part"),
        ("mailto:ann@a.example?utm_source=x", "mailto:ann@a.example?utm_source=x"),
        ("http://[::1/?utm_source=x", "http://[::1/?utm_source=x"),
    ],
)
def test_tracking_goes_and_all_else_stays_as_it_is_written(url: str, clean: str) -> None:
    assert without_tracking(url) == clean


paths = st.text("abcXYZ019-_~.%/", max_size=12).map(lambda path: f"/{path}")
pairs = st.lists(st.tuples(st.sampled_from(["id", "q", "v", "page"]), st.text("ab1%+", max_size=4)), max_size=3)
tracked = st.lists(
    st.sampled_from(["utm_source=a", "utm_id=1", "fbclid=x", "gclid=2", "igsh=3", "mc_eid=4", "dm_i=5"]), max_size=3
)


@given(st.sampled_from(["northmoor.example", "a.northmoor.example", "bücher.example"]), paths, pairs, tracked)
def test_tracking_scheme_and_www_never_change_which_page_it_is(
    host: str, path: str, query: list[tuple[str, str]], tracking: list[str]
) -> None:
    own = [f"{name}={value}" for name, value in query]
    plain = f"https://{host}{path}" + (f"?{'&'.join(own)}" if own else "")
    mixed = [*own, *tracking]
    spelt = f"http://www.{host}{path}" + (f"?{'&'.join(mixed)}" if mixed else "")
    assert link_key(plain) == link_key(spelt)
    assert link_key(without_tracking(spelt)) == link_key(spelt)
    assert without_tracking(plain) == plain.removesuffix("?")
    assert not any(pair in urlsplit(without_tracking(spelt)).query.split("&") for pair in tracking)


@given(st.text(max_size=60))
@example("http://[")
@example("https://a.example:port/")
@example("https://xn--a/")
@example("https://" + "ü" * 300)
def test_whatever_stands_in_a_post_is_read_without_an_error(text: str) -> None:
    for url in (text, f"https://{text}", f"https://a.example/{text}"):
        link_key(url), site_of(url), is_of_platform(url), is_picture_of_platform(url)
        assert without_tracking(without_tracking(url)) == without_tracking(url)


def test_the_address_to_show_is_encrypted_and_short_whatever_order_they_come_in() -> None:
    urls = ["http://a.example/x", "https://www.a.example/x", "https://a.example/x/"]
    assert {choose_address(order) for order in permutations(urls)} == {"https://a.example/x/"}


@pytest.mark.parametrize(
    ("url", "is_picture"),
    [
        ("https://x.com/NorthmoorTalk/status/20", False), ("https://twitter.com/i/web/status/20?s=20", False),
        ("https://mobile.twitter.com/NorthmoorTalk", False), ("https://x.com/a/status/20/photo/1", True),
        ("https://pic.twitter.com/abc", True), ("https://pbs.twimg.com/media/a.jpg", True),
        ("https://bsky.app/profile/ann.example/post/3kabc", False), ("https://cdn.bsky.app/img/a/b", True),
        ("https://social.example/@ann/112233445566778899", False), ("https://social.example/users/a/statuses/1", False),
        ("https://files.social.example/media_attachments/files/1/a.png", True),
        ("https://social.example/system/media_attachments/files/1/a.png", True),
    ],
)  # fmt: skip
def test_posts_and_pictures_of_the_platforms_are_known(url: str, is_picture: bool) -> None:
    assert is_of_platform(url)
    assert is_picture_of_platform(url) == is_picture


@pytest.mark.parametrize(
    "url",
    ["https://t.co/abc", "https://bsky.app/profile/ann.example", "https://medium.example/@ann/how-we-write-1a2b3c",
     "https://northmoor.example/status/20", "https://notx.com/a/status/20", "mailto:ann@x.com", "https://x.com.example/"],
)  # fmt: skip
def test_what_only_looks_like_one_is_not(url: str) -> None:
    assert not is_of_platform(url)
