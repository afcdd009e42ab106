"""Reads a page of Mastodon's API into posts: pure, and a match for whatever a server may send."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from archive.models import (
    Author,
    Batch,
    Deletion,
    Flaw,
    Link,
    Media,
    Mention,
    Metrics,
    Post,
    PostKind,
    RawPage,
    Ref,
    Visibility,
    normalise_tag,
)
from archive.projection import storable
from archive.times import from_text, normalise, shift, to_text
from collector.sources.mastodon_html import host_of, parse_content

JsonObject = dict[str, object]

_KEPT: dict[str, Visibility] = {"public": "public", "unlisted": "unlisted"}
_EARLIEST_ID_TIME = datetime(2016, 1, 1, tzinfo=UTC)  # Mastodon is of 2016; lower ids are plain sequence numbers
_LARGEST_COUNT = 2**63 - 1
_DEEPEST = 3  # a boost of a quote of a post: servers nest no deeper
# What Mastodon 4.6, glitch-soc, GoToSocial and Pleroma put into a status; others are listed as not understood.
_FIELD_NAMES = """
account application bookmarked card content content_type created_at edited_at emojis favourited favourites_count
filtered id in_reply_to_account_id in_reply_to_id interaction_policy language local_only media_attachments mentions
muted pinned pleroma poll quote quote_approval quotes_count reactions reblog reblogged reblogs_count replies_count
sensitive spoiler_text tagged_collections tags text uri url visibility
"""
_KNOWN_FIELDS = frozenset(_FIELD_NAMES.split())
_LABELS = ("bot", "group", "limited", "noindex", "suspended")
_MEDIA_KINDS = {"image": "image", "video": "video", "gifv": "video", "audio": "audio"}


def parse_page(page: RawPage) -> Batch:
    """What a page of format tag or posts says. Every item becomes a post or a flaw."""
    items = load_items(page.body)
    if items is None:
        return Batch(flaws=[Flaw("malformed", "this page is not a JSON list of posts")])
    reading = _Reading(page.server, page.fetched_at)
    for item in items:
        reading.read(item, primary=True)
    batch = Batch(posts=list(reading.posts.values()), authors=list(reading.authors.values()), rows=len(items))
    batch.flaws = list(dict.fromkeys(reading.flaws))
    if page.format == "posts":
        batch.missing = _find_missing(page, items)
        batch.deletions = [Deletion(ref, "unavailable") for ref in batch.missing]
    else:
        batch.top = max(ids_of(items), key=order, default=None)
    return batch


def load_items(body: bytes) -> list[object] | None:
    """The items of an answer, one post alone being a list of one; None where it is neither, or no UTF-8 JSON."""
    try:
        answer = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    if isinstance(answer, dict) and "uri" in answer:
        return [answer]
    return answer if isinstance(answer, list) else None


def without_private(items: Sequence[object]) -> list[object]:
    """The items less those that are not public or unlisted, and less any such post that an item carries."""
    return [_carrying_no_private(item) for item in items if _may_be_kept(item)]


def _may_be_kept(item: object) -> bool:
    if not isinstance(item, dict):
        return True
    boosted = item.get("reblog")
    return item.get("visibility") in tuple(_KEPT) and (boosted is None or _may_be_kept(boosted))


def _carrying_no_private(item: object, depth: int = 0) -> object:
    if not isinstance(item, dict):
        return item
    kept = dict(item)
    for name in ("reblog", "quote", "quoted_status"):
        carried = kept.get(name)
        is_post = isinstance(carried, dict) and ("visibility" in carried or name != "quote")
        if depth > _DEEPEST or (is_post and not _may_be_kept(carried)):
            kept[name] = None
        elif isinstance(carried, dict):
            kept[name] = _carrying_no_private(carried, depth + 1)
    return kept


def order(native_id: str) -> tuple[int, str]:
    """The sort key of a server's ids: Mastodon's are numbers without leading zeros, others' are of one length."""
    return (len(native_id), native_id)


def is_post(item: object) -> bool:
    """Whether an item is a post at all, of whatever visibility: it has an id and an address."""
    if not isinstance(item, dict) or _ident(item.get("id")) is None:
        return False
    return isinstance(item.get("uri") or item.get("url"), str)


def ids_of(items: Sequence[object]) -> list[str]:
    """The local ids of the items that have one."""
    found = (_ident(item.get("id")) for item in items if isinstance(item, dict))
    return [native_id for native_id in found if native_id is not None]


def time_of_id(native_id: str, latest: datetime) -> datetime | None:
    """When a Mastodon id was given: Unix milliseconds << 16. None for ids that are no such number (platforms differ,
    Takahe counts from another epoch): an implausible time, or one more than a day after ``latest``.
    """
    if not (native_id.isascii() and native_id.isdecimal() and len(native_id) < 20):
        return None
    moment = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=min(int(native_id) >> 16, 10**14))
    return moment if _EARLIEST_ID_TIME <= moment <= latest + timedelta(days=1) else None


@dataclass(slots=True)
class _Fields:
    """One JSON object of an answer; a value of a type that nobody expects is noted, and absent."""

    source: JsonObject
    path: str
    reading: _Reading

    def text(self, name: str) -> str | None:
        """A text that is not empty."""
        value = self._typed(name, str)
        return storable(value) or None if isinstance(value, str) else None

    def flag(self, name: str) -> bool | None:
        value = self._typed(name, bool)
        return value if isinstance(value, bool) else None

    def count(self, name: str) -> int | None:
        value = self._typed(name, int)
        if not isinstance(value, int) or 0 <= value <= _LARGEST_COUNT:
            return value if isinstance(value, int) else None
        self.reading.note("unknown", f"{self.path}.{name} is a number that no count can be")
        return None

    def time(self, name: str) -> str | None:
        text = self.text(name)
        moment = normalise(text)
        if text is not None and moment is None:
            self.reading.note("repaired", f"{self.path}.{name} is not a time: {text[:40]!r}")
        return moment

    def child(self, name: str) -> _Fields | None:
        value = self._typed(name, dict)
        return _Fields(value, f"{self.path}.{name}", self.reading) if isinstance(value, dict) else None

    def children(self, name: str) -> list[_Fields]:
        value = self._typed(name, list)
        objects = [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
        return [_Fields(each, f"{self.path}.{name}", self.reading) for each in objects]

    def _typed(self, name: str, wanted: type) -> object:
        value = self.source.get(name)
        if value is None or (isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))):
            return value
        self.reading.note("unknown", f"{self.path}.{name} is of type {type(value).__name__}")
        return None


@dataclass(slots=True)
class _Reading:
    """The state of reading one page."""

    server: str
    fetched_at: str
    posts: dict[str, Post] = field(default_factory=dict)
    authors: dict[str, Author] = field(default_factory=dict)
    flaws: list[Flaw] = field(default_factory=list)
    post: str | None = None

    def note(self, kind: Literal["unusable", "repaired", "unknown"], detail: str) -> None:
        # An unknown field is a fact about the server: once a page is enough.
        self.flaws.append(Flaw(kind, detail, post=None if kind == "unknown" else self.post))

    def read(self, item: object, *, primary: bool, depth: int = 0) -> Post | None:
        """Keeps the post that an item is, with those it carries; None where it cannot be kept."""
        outer, self.post = self.post, None
        try:
            return self._read(item, primary, depth)
        finally:
            self.post = outer

    def _read(self, item: object, primary: bool, depth: int) -> Post | None:
        if not isinstance(item, dict):
            self.note("unusable", f"an item of type {type(item).__name__}, not a post")
            return None
        status = _Fields(item, "status", self)
        native_id, uri = _ident(item.get("id")), status.text("uri") or status.text("url")
        self.post = f"mastodon:{uri}" if uri else None
        if native_id is None or uri is None:
            self.note("unusable", "a post without an id or without a uri")
            return None
        visibility = _KEPT.get(status.text("visibility") or "")
        if visibility is None:
            self.note("unusable", "a post that is not public")
            return None
        author = self._read_author(status, uri)
        if author is None:
            self.note("unusable", "a post without an author")
            return None
        post = Post(
            id=f"mastodon:{uri}", platform="mastodon", author=author, native_ids=(Ref(native_id, self.server),),
            created_at="", text="", visibility=visibility, primary=primary,
            lang=status.text("language"), url=_web(status.text("url")) or _web(uri),
            sensitive=status.flag("sensitive"), edited_at=status.time("edited_at"),
        )  # fmt: skip
        self._add_times(post, status, native_id)
        self._add_relations(post, status, depth)
        self._add_words(post, status)
        post.metrics = _metrics(status)
        if primary or post.id not in self.posts:
            self.posts[post.id] = post
        for name in sorted(item.keys() - _KNOWN_FIELDS):
            self.note("unknown", f"status.{storable(name)[:60]} is not understood")
        return post

    def _add_times(self, post: Post, status: _Fields, native_id: str) -> None:
        """An id tells when its server got the post, or (to within a second) when the post it fetched was written."""
        fetched = from_text(self.fetched_at)
        given = time_of_id(native_id, fetched)
        created = status.time("created_at")
        if created is None:
            self.note("repaired", "the time of creation is taken from the id or the fetching")
            created = to_text(given) if given else self.fetched_at
        post.created_at = created
        if given is not None:
            seen = to_text(given)
            post.indexed_at = created if shift(seen, seconds=1) > created > seen else seen
        elif created > self.fetched_at:
            post.indexed_at = self.fetched_at

    def _add_relations(self, post: Post, status: _Fields, depth: int) -> None:
        post.reply_to = self._ref(status.source.get("in_reply_to_id"))
        quote = status.child("quote")
        if quote is not None and quote.source.get("state", "accepted") == "accepted":
            post.quote_of = self._read_carried(
                quote.source if "uri" in quote.source else quote.source.get("quoted_status"), depth
            ) or self._ref(quote.source.get("quoted_status_id"))
        post.repost_of = self._read_carried(status.source.get("reblog"), depth)
        kind: PostKind = "quote" if post.quote_of else "post"
        if post.reply_to or status.source.get("in_reply_to_account_id") is not None:
            kind = "reply"
        post.kind = "repost" if post.repost_of or status.source.get("reblog") is not None else kind

    def _ref(self, native_id: object) -> Ref | None:
        ident = _ident(native_id)
        return None if ident is None else Ref(ident, self.server)

    def _read_carried(self, item: object, depth: int) -> Ref | None:
        if item is None or depth >= _DEEPEST:
            return None
        carried = self.read(item, primary=False, depth=depth + 1)
        return None if carried is None else carried.native_ids[0]

    def _add_words(self, post: Post, status: _Fields) -> None:
        """The text, a content warning first, since it is the author's own wording and often the subject."""
        post.html = status.text("content")
        content = parse_content(post.html or "", without_quote=post.quote_of is not None)
        warning = (status.text("spoiler_text") or "").strip()
        text = content.text or ("" if post.html else status.text("text") or "")
        post.text = f"CW: {warning}\n\n{text}".strip() if warning else text
        names = [tag.text("name") or "" for tag in status.children("tags")] + content.tags
        post.tags = tuple(dict.fromkeys(filter(None, map(normalise_tag, names))))
        card = status.child("card")
        address = _web(card.text("url")) if card else None
        addresses = [*content.links, *([address] if address else [])]
        post.links = tuple(Link(each) for each in dict.fromkeys(addresses))
        mentions = (self._handle(mention) for mention in status.children("mentions"))
        post.mentions = tuple(dict.fromkeys(Mention(handle) for handle in mentions if handle))
        post.media = tuple(filter(None, map(_media, status.children("media_attachments"))))

    def _read_author(self, status: _Fields, uri: str) -> str | None:
        """The author's id; servers before Mastodon 4.2 give no actor uri, but most build a post's uri upon it."""
        account = status.child("account")
        built_upon = uri.partition("/statuses/")[0] if "/statuses/" in uri else None
        actor = (account.text("uri") if account else None) or built_upon or (account.text("url") if account else None)
        if actor is None:
            return None
        author = Author(id=f"mastodon:{actor}", platform="mastodon")
        if account is not None:
            author.handle = self._handle(account)
            author.name, author.url = account.text("display_name"), _web(account.text("url"))
            author.bio = parse_content(account.text("note") or "").text or None
            author.followers_count = account.count("followers_count")
            author.labels = tuple(name for name in _LABELS if account.source.get(name) is True)
        known = self.authors.get(author.id)
        if known is None or known.handle is None:
            self.authors[author.id] = author
        return author.id

    def _handle(self, account: _Fields) -> str | None:
        name = account.text("acct") or account.text("username")
        if name is None or "@" in name:
            return name
        own = host_of(account.text("uri") or account.text("url") or "") or host_of(self.server)
        return f"{name}@{own}" if own else name


def _find_missing(page: RawPage, items: Sequence[object]) -> list[Ref]:
    asked = parse_qs(urlsplit(page.url).query).get("id[]", [])
    return [Ref(each, page.server) for each in asked if each not in set(ids_of(items))]


def _metrics(status: _Fields) -> Metrics | None:
    counts = Metrics(
        likes=status.count("favourites_count"), reposts=status.count("reblogs_count"),
        replies=status.count("replies_count"), quotes=status.count("quotes_count"),
    )  # fmt: skip
    return None if counts == Metrics() else counts


def _media(item: _Fields) -> Media | None:
    url = item.text("url") or item.text("remote_url") or item.text("preview_url")
    if url is None:
        return None
    return Media(url, _MEDIA_KINDS.get(item.text("type") or "", "other"), item.text("description"))


def _ident(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 2**64 else None
    return storable(value) or None if isinstance(value, str) else None


def _web(url: str | None) -> str | None:
    return url if url and url.lower().startswith(("https://", "http://")) else None
