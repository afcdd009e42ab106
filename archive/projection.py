"""Posts as a projection of their versions: pure rules, so that the order pages came in cannot matter.

A version is one content of a post as pages showed it: its wording with everything that came along but the counts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import nh3
import orjson

from archive.models import Post, Ref

_ALLOWED_TAGS = {
    *("p", "br", "span", "a", "del", "s", "pre", "blockquote", "code", "b", "strong", "u", "i", "em"),
    *("ul", "ol", "li", "ruby", "rt", "rp"),
}
# A sanitised page of this size takes a second where a hostile server nests its tags; honest posts are far below.
_LONGEST_HTML = 100_000
_REFS = ("reply_to", "conversation", "quote_of", "repost_of")
_FILLED = ("lang", "url", "sensitive", *_REFS)
_NEVER = "~"  # after every time


@dataclass(slots=True)
class Version:
    """One row of post_versions. ``fields`` holds the rest of what the projection needs, absent ones left out;
    ``packed`` is the same as JSON.
    """

    post: str
    digest: str
    native_id: str
    text: str
    html: str | None
    edited_at: str | None
    first_observed_at: str
    observed_at: str
    page: int
    packed: str
    fields: dict[str, Any]

    @property
    def rank(self) -> tuple[str, str, int]:
        """The current version of a post is the one of greatest rank."""
        return (self.edited_at or "", self.observed_at, self.page)

    def joined(self, other: Version) -> Version:
        """The same content seen once more: the widest span of times, the page and the HTML of the latest sight."""
        latest = max(self, other, key=lambda version: version.rank)
        first = min(self.first_observed_at, other.first_observed_at)
        indexed_first = min(self, other, key=lambda version: version.fields.get("indexed_at", _NEVER))
        return Version(
            self.post, self.digest, latest.native_id, self.text, latest.html, self.edited_at,
            first, latest.observed_at, latest.page, indexed_first.packed, indexed_first.fields,
        )  # fmt: skip


def storable(text: str) -> str:
    """The text as SQLite can keep and show it: no NUL, lone surrogates replaced by U+FFFD."""
    if text.isascii():
        return text.replace("\x00", "") if "\x00" in text else text
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\x00", "")


def build_version(post: Post, page: int, fetched_at: str, observed_at: str) -> Version:
    """The version that one sight of a post is."""
    html = _sanitised(post.html)
    text = storable(post.text)
    native_id = post.native_ids[-1].native_id if post.native_ids else ""
    fields, packed = _packed(_fields(post))
    # without the HTML: each Mastodon server links tags to itself, and the wording is the same; without the time of
    # indexing: a stream, a search and every server saw the same wording each at its own moment
    content = "\x00".join((text, post.edited_at or "", packed))
    digest = hashlib.blake2b(content.encode(), digest_size=12).hexdigest()
    if post.indexed_at is not None:
        fields, packed = _packed({**fields, "indexed_at": post.indexed_at})
    times = (fetched_at, observed_at)
    return Version(post.id, digest, native_id, text, html, post.edited_at, *times, page, packed, fields)


def _packed(fields: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The fields as they can be kept, and the same as JSON. orjson refuses what SQLite cannot hold, and is fast."""
    try:
        packed = orjson.dumps(fields).decode()
    except TypeError:
        packed = storable(json.dumps(fields, ensure_ascii=False))
        fields = orjson.loads(packed)
    if "\\u0000" in packed:
        packed = packed.replace("\\u0000", "")
        fields = orjson.loads(packed)
    return fields, packed


def _sanitised(html: str | None) -> str | None:
    if html is None or len(html) > _LONGEST_HTML:
        return None
    return storable(nh3.clean(html, tags=_ALLOWED_TAGS))


def _fields(post: Post) -> dict[str, Any]:
    fields: dict[str, Any] = {"author": post.author, "created_at": post.created_at, "kind": post.kind}
    for name in ("lang", "url", "sensitive"):
        if (value := getattr(post, name)) is not None:
            fields[name] = value
    for name in _REFS:
        if (ref := getattr(post, name)) is not None:
            fields[name] = [ref.server, ref.native_id]
    if post.visibility != "public":
        fields["visibility"] = post.visibility
    return fields | _lists(post)


def _lists(post: Post) -> dict[str, Any]:
    lists = {
        "labels": sorted(post.labels),
        "tags": list(dict.fromkeys(post.tags)),
        "links": [[link.url, link.expanded_url] for link in post.links],
        "mentions": [[mention.handle, mention.author] for mention in post.mentions],
        "media": [[media.url, media.kind, media.alt_text] for media in post.media],
    }
    return {name: rows for name, rows in lists.items() if rows}


@dataclass(slots=True)
class Projection:
    """What the versions of one post come to; ``refs`` are still as the platform names them."""

    current: Version
    created_at: str
    posted_at: str
    first_seen_at: str
    fields: dict[str, Any]

    def ref(self, name: str) -> Ref | None:
        """The reference called ``name`` (reply_to, conversation, quote_of, repost_of)."""
        pair = self.fields.get(name)
        return None if pair is None else Ref(server=pair[0], native_id=pair[1])


def project(versions: Iterable[Version]) -> Projection:
    """The post that its versions make: the current one, with what it leaves open filled from the older ones."""
    ranked = sorted(versions, key=lambda version: version.rank, reverse=True)
    current = ranked[0]
    if len(ranked) == 1:
        fields = current.fields
    else:
        fields = dict(current.fields)
        for older in ranked[1:]:
            for name in _FILLED:
                if name not in fields and name in older.fields:
                    fields[name] = older.fields[name]
        fields["kind"] = _kind(fields)
    created_at = min(version.fields["created_at"] for version in ranked)
    first_seen_at = min(version.first_observed_at for version in ranked)
    indexed = [version.fields["indexed_at"] for version in ranked if "indexed_at" in version.fields]
    return Projection(current, created_at, min([created_at, first_seen_at, *indexed]), first_seen_at, fields)


def _kind(fields: dict[str, Any]) -> str:
    """A poorer source may say post where a richer one knew of a reply or quote."""
    if fields["kind"] != "post":
        return str(fields["kind"])
    known = (("repost_of", "repost"), ("reply_to", "reply"), ("quote_of", "quote"))
    return next((kind for name, kind in known if name in fields), "post")
