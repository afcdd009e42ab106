"""Reads a page of Mastodon's API into posts: pure, and a match for whatever a server may send."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

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
    normalise_tag,
)
from archive.projection import storable
from archive.times import from_text, normalise, shift, to_text
from collector.sources.mastodon_answers import (
    DEEPEST,
    DELETE,
    KEPT,
    THREAD_LISTS,
    UPSERTS,
    JsonObject,
    ident,
    ids_of,
    load_items,
    load_json,
    order,
)
from collector.sources.mastodon_html import host_of, parse_content

_EARLIEST_ID_TIME = datetime(2016, 1, 1, tzinfo=UTC)  # Mastodon is of 2016; lower ids are plain sequence numbers
_LARGEST_COUNT = 2**63 - 1
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
    """What a page of format tag, posts, thread or stream says. Every item becomes a post or a flaw."""
    if page.format == "thread":
        return _parse_thread(page)
    if page.format == "stream":
        return _parse_events(page)
    items = load_items(page.body)
    if items is None:
        return Batch(flaws=[Flaw("malformed", "this page is not a JSON list of posts")])
    batch = _read_items(page, items)
    if page.format == "posts":
        _note_missing(batch, _find_missing(page, items))
    else:
        batch.top = max(ids_of(items), key=order, default=None)
    return batch


def _read_items(page: RawPage, items: Sequence[object]) -> Batch:
    reading = _Reading(page.server, page.fetched_at)
    for item in items:
        reading.read(item, primary=True)
    batch = Batch(posts=list(reading.posts.values()), authors=list(reading.authors.values()), rows=len(items))
    batch.flaws = list(dict.fromkeys(reading.flaws))
    return batch


def _note_missing(batch: Batch, refs: Iterable[Ref]) -> None:
    """A server that does not show a post may have lost or hidden it: never proof that its author deleted it."""
    batch.missing = list(refs)
    batch.deletions = [Deletion(ref, "unavailable") for ref in batch.missing]


def _parse_thread(page: RawPage) -> Batch:
    if page.http_status in (404, 410):
        batch = Batch()
        _note_missing(batch, [Ref(unquote(urlsplit(page.url).path.split("/")[-2]), page.server)])
        return batch
    thread = load_json(page.body)
    lists = [thread.get(name) for name in THREAD_LISTS] if isinstance(thread, dict) else []
    if not isinstance(thread, dict) or not all(isinstance(each, list) for each in lists):
        return Batch(flaws=[Flaw("malformed", "this page is not the thread of a post")])
    batch = _read_items(page, [item for each in lists if isinstance(each, list) for item in each])
    names = sorted(thread.keys() - set(THREAD_LISTS))
    batch.flaws += [Flaw("unknown", f"context.{storable(name)[:60]} is not understood") for name in names]
    return batch


def _parse_events(page: RawPage) -> Batch:
    """Posts, every wording of them, and deletions.

    A delete is taken as the author's own (final), though a server's moderators cause one too: it cannot be told apart,
    and of the two mistakes, hiding what another server still shows is the one that harms nobody. Suspended and limited
    accounts and old posts go without an event; look-ups find those, and call them unavailable.
    """
    batch, authors = Batch(), dict[str, Author]()
    for line in page.body.splitlines():
        batch.rows += 1
        said = load_json(line)
        event = said.get("event") if isinstance(said, dict) else None
        payload = said.get("payload") if isinstance(said, dict) else None
        if event in UPSERTS and isinstance(payload, str):
            own = _read_items(page, [load_json(payload.encode("utf-8", "replace"))])
            batch.posts += [post for post in own.posts if post not in batch.posts]
            authors |= {author.id: author for author in own.authors}
            batch.flaws += own.flaws
        elif event == DELETE and ident(payload):
            batch.deletions.append(Deletion(Ref(ident(payload) or "", page.server), "deleted"))
        elif event in (*UPSERTS, DELETE) or not isinstance(event, str):
            batch.flaws.append(Flaw("malformed", "an event of the stream that cannot be read"))
        else:
            batch.flaws.append(Flaw("unknown", f"the stream's event {storable(event)[:60]} is not understood"))
    batch.authors, batch.flaws = list(authors.values()), list(dict.fromkeys(batch.flaws))
    batch.deletions = list(dict.fromkeys(batch.deletions))
    return batch


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
        native_id, uri = ident(item.get("id")), status.text("uri") or status.text("url")
        self.post = f"mastodon:{uri}" if uri else None
        if native_id is None or uri is None:
            self.note("unusable", "a post without an id or without a uri")
            return None
        visibility = KEPT.get(status.text("visibility") or "")
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
        known = ident(native_id)
        return None if known is None else Ref(known, self.server)

    def _read_carried(self, item: object, depth: int) -> Ref | None:
        if item is None or depth >= DEEPEST:
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


def _web(url: str | None) -> str | None:
    return url if url and url.lower().startswith(("https://", "http://")) else None
