"""Addresses of the web: when two lead to the same page, and which lead to a platform's own posts and pictures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit, urlunsplit

LONGEST_ADDRESS = 2_000
"""Longer ones are no page that a person would pass on."""

# What newsletters, advertisers and platforms add to see who passed an address on. `ref` is not here: on many sites it
# chooses the page.
_TRACKING_PREFIXES = ("utm_", "_hs", "__hs", "at_campaign", "at_link_", "at_medium", "at_ptr_", "ns_campaign", "ns_m")
_TRACKING_NAMES = """
fbclid gclid dclid yclid msclkid twclid ttclid epik li_fat_id gbraid wbraid gclsrc igsh igshid fref mibextid
mc_cid mc_eid mkt_tok vero_id vero_conv oly_enc_id oly_anon_id dm_i vgo_ee _cldee recipientid esid
ck_subscriber_id elqtrack elqtrackid hsctatracking ref_src ref_url __twitter_impression ns_source ns_linkname
at_format at_bbc_team wt_mc xtor s_cid s_kwcid trk trkcampaign trkinfo _ga _gl share_id ocid cmpid icid ncid
sr_share sc_campaign sc_channel
"""
_TRACKING = frozenset(_TRACKING_NAMES.split())
_TRACKING_OF_SITES: Mapping[str, frozenset[str]] = {
    "youtube.com": frozenset({"si", "feature", "ab_channel", "pp"}),
    "youtu.be": frozenset({"si", "feature"}),
    "open.spotify.com": frozenset({"si"}),
    "linkedin.com": frozenset({"rcm", "lipi"}),
    "x.com": frozenset({"s", "t"}),
    "twitter.com": frozenset({"s", "t"}),
    "medium.com": frozenset({"source"}),
    "docs.google.com": frozenset({"usp"}),
    "drive.google.com": frozenset({"usp"}),
    "theguardian.com": frozenset({"cmp"}),
}
_X = frozenset({"x.com", "twitter.com", "mobile.x.com", "mobile.twitter.com", "pic.x.com", "pic.twitter.com"})
_PICTURES = re.compile(r"(?:[\w-]+\.)?(?:twimg\.com|cdn\.bsky\.app|video\.bsky\.app)")
_BLUESKY_POST = re.compile(r"/profile/[^/]+/post/[^/]+/?")
_MASTODON_POST = re.compile(r"/(?:(?:web|deck)/)?@[^/]+/\d{10,}/?|/users/[^/]+/statuses/\d+/?")
_MASTODON_PICTURE = re.compile(r"/(?:system/|fileserver/)?(?:cache/)?media_attachments/")


def without_tracking(url: str) -> str:
    """The address without what only tells who passed it on; all else stays as it is written."""
    parts = _split(url)
    if parts is None:
        return url
    kept = [pair for pair in parts.query.split("&") if not _is_tracking(pair, _site(parts))]
    fragment = parts.fragment.partition(":~:")[0]
    fragment = "" if _is_tracking(fragment, _site(parts)) else fragment
    return urlunsplit(parts._replace(query="&".join(kept), fragment=fragment))


@lru_cache(maxsize=4_096)
def link_key(url: str) -> str:
    """What is equal for two addresses of one page: no scheme, www., default port, tracking or slash at the end.

    A part of a page counts as the page, unless the part is what a page in one piece calls its pages (#/ and #!).
    """
    parts = _split(url)
    if parts is None:
        return url
    port = "" if parts.port in (None, 80, 443) else f":{parts.port}"
    pairs = sorted(pair for pair in parts.query.split("&") if pair and not _is_tracking(pair, _site(parts)))
    query = f"?{'&'.join(pairs)}" if pairs else ""
    fragment = f"#{parts.fragment}" if parts.fragment[:1] in ("!", "/") else ""
    return f"{_site(parts)}{port}{parts.path.rstrip('/')}{query}{fragment}"


def site_of(url: str) -> str | None:
    """The site that an address belongs to, without www.; None for what is no address of the web."""
    parts = _split(url)
    return None if parts is None else _site(parts)


def is_of_platform(url: str) -> bool:
    """Whether the address is a post or picture of a platform, or anything on X, which shows strangers nothing."""
    parts = _split(url)
    if parts is None:
        return False
    site, path = _site(parts), parts.path
    if site in _X or _PICTURES.fullmatch(site):
        return True
    if site == "bsky.app":
        return bool(_BLUESKY_POST.fullmatch(path))
    return bool(_MASTODON_POST.fullmatch(path) or _MASTODON_PICTURE.match(path))


def is_picture_of_platform(url: str) -> bool:
    """Whether the address is a picture or film that a platform keeps for a post."""
    parts = _split(url)
    if parts is None:
        return False
    site = _site(parts)
    of_x = site in _X and (site.startswith("pic.") or re.search(r"/status/\d+/(?:photo|video)/", parts.path))
    return bool(of_x or _PICTURES.fullmatch(site) or _MASTODON_PICTURE.match(parts.path))


def choose_address(addresses: Iterable[str]) -> str:
    """Of several addresses of one page the one to show: encrypted, short, and the same whatever order they come in."""
    return min(addresses, key=lambda url: (not url.startswith("https:"), len(url), url))


def _split(url: str) -> SplitResult | None:
    """The parts of an address of the web; None for all else."""
    try:
        parts = urlsplit(url.strip())
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and parts.hostname else None


def _site(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    if not host.isascii():
        with suppress(UnicodeError):  # no name that can be looked up; it still is the same as itself
            host = host.encode("idna").decode()
    return host.removeprefix("www.")


def _is_tracking(pair: str, site: str) -> bool:
    name = pair.partition("=")[0].lower()
    return name in _TRACKING or name.startswith(_TRACKING_PREFIXES) or name in _TRACKING_OF_SITES.get(site, ())
