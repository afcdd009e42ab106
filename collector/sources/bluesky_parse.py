"""Reads Bluesky's pages of post views: pure, and never stopped by what one post holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
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
    normalise_tag,
)
from archive.times import normalise

JsonObject = Mapping[str, object]
FlawKind = Literal["unusable", "repaired", "unknown", "malformed"]

POST_URI = re.compile(r"at://(did:[a-z]+:[A-Za-z0-9._:%-]+)/app\.bsky\.feed\.post/([A-Za-z0-9._:~-]+)")
_SURROGATE = re.compile("[\ud800-\udfff]")
_EMBED = "app.bsky.embed."
_FACET = "app.bsky.richtext.facet#"
# What a record embed can show besides a post (lexicons of 2026): known, and no quote.
_OTHER_RECORDS = frozenset(
    {"app.bsky.feed.generator", "app.bsky.graph.list", "app.bsky.graph.starterpack", "app.bsky.labeler.service"}
)
_SENSITIVE_LABELS = frozenset({"porn", "sexual", "nudity", "graphic-media", "gore"})
# Clients have claimed the year 1; no position lies below this, so that arithmetic on positions cannot overflow.
_EARLIEST = "1970-01-01T00:00:00.000Z"
_DEEPEST_QUOTE = 4
_COUNTED = ("like", "repost", "reply", "quote")
_LARGEST_COUNT = 2**63 - 1


def parse_page(page: RawPage) -> Batch:
    """What a page of format search, posts or error says. Every view becomes a post or a flaw."""
    reader = _Reader(page.fetched_at)
    if page.format == "error":
        detail = str(decode_object(page.body).get("message") or "no reason given")
        reader.batch.flaws.append(Flaw("repaired", f"Bluesky refused a place ({clean(detail)[:200]}): gone on by time"))
        return reader.batch
    views = decode_object(page.body).get("posts")
    if not isinstance(views, list):
        reader.batch.flaws.append(Flaw("malformed", f"no list of posts in this page of format {page.format}"))
        return reader.batch
    for view in views:
        reader.read_view(view)
    if page.format == "posts":
        reader.note_missing(asked_uris(page.url))
    return reader.finish()


def decode_object(body: bytes) -> JsonObject:
    """The JSON object in a body; an empty one where there is none."""
    try:
        return _object(json.loads(body.decode("utf-8", "replace")))
    except (ValueError, RecursionError):
        return {}


def asked_uris(url: str) -> list[str]:
    """The posts that a getPosts address asks for."""
    try:
        return parse_qs(urlsplit(url).query).get("uris", [])
    except ValueError:
        return []


def clean(text: str) -> str:
    """A text that a database can hold. Replacements have as many UTF-8 bytes as a client counted for the original."""
    return _SURROGATE.sub("\ufffd", text).replace("\0", " ")


def is_post_view(view: object) -> bool:
    """Whether an item of an answer shows a post at all."""
    seen = _object(view)
    return bool(_object(seen.get("record"))) and POST_URI.fullmatch(_text(seen.get("uri")) or "") is not None


def find_oldest(views: list[object], fetched_at: str) -> str | None:
    """How far down the search has got with this page: a time that no later page rises above.

    The order is by min(createdAt, indexedAt); where a page shows another one, the index time is the safe reading.
    """
    times = [_sort_time(_object(view), fetched_at) for view in views]
    if not times:
        return None
    if times == sorted(times, reverse=True):
        return times[-1]
    return min(_indexed_at(_object(view)) or time for view, time in zip(views, times, strict=True))


def _sort_time(view: JsonObject, fetched_at: str) -> str:
    claimed = normalise(_object(view.get("record")).get("createdAt"))
    times = [time for time in (claimed, _indexed_at(view), fetched_at) if time]
    return max(min(times), _EARLIEST)


def _indexed_at(view: JsonObject) -> str | None:
    return normalise(view.get("indexedAt"))


class _Reader:
    """Gathers what one page holds, each post and author once."""

    def __init__(self, fetched_at: str) -> None:
        self.batch = Batch()
        self._fetched_at = fetched_at
        self._posts: dict[str, Post] = {}
        self._authors: dict[str, Author] = {}
        self._odd_counts: set[str] = set()  # a field is told once a page

    def finish(self) -> Batch:
        self.batch.posts = list(self._posts.values())
        self.batch.authors = list(self._authors.values())
        return self.batch

    def note_missing(self, asked: list[str]) -> None:
        answered = {ref.native_id for post in self._posts.values() if post.primary for ref in post.native_ids}
        for uri in asked:
            if uri not in answered:
                self.batch.missing.append(Ref(uri))
                # Deleted, taken down, deactivated and blocked look the same here: only absent.
                self.batch.deletions.append(Deletion(Ref(uri), "unavailable"))

    def read_view(self, raw: object) -> None:
        """One item of the answer: a postView."""
        view = _object(raw)
        self.batch.rows += 1
        if self._read(view, _object(view.get("record")), _object(view.get("embed")), depth=0):
            self.batch.top = max(self.batch.top or "", _sort_time(view, self._fetched_at))

    def _read(self, view: JsonObject, record: JsonObject, embed: JsonObject, *, depth: int) -> bool:
        match = POST_URI.fullmatch(_text(view.get("uri")) or "")
        if match is None or record.get("$type", "app.bsky.feed.post") != "app.bsky.feed.post" or not record:
            self._flaw("unusable", f"no post in a view at {_text(view.get('uri')) or 'no address'}"[:300], None)
            return False
        did, rkey = match.groups()
        post_id = f"bluesky:{match[0]}"
        post = Post(
            id=post_id,
            platform="bluesky",
            author=f"bluesky:{did}",
            native_ids=(Ref(match[0]),),
            created_at=self._created_at(post_id, view, record),
            indexed_at=_indexed_at(view),
            text=clean(raw_text) if isinstance(raw_text := record.get("text"), str) else "",
            lang=next((lang for item in _items(record.get("langs")) if (lang := _text(item))), None),
            url=f"https://bsky.app/profile/{did}/post/{rkey}",
            labels=_post_labels(view, record),
            metrics=self._read_metrics(view),
            primary=depth == 0,
        )
        if raw_text != post.text:
            self._flaw("repaired", "the text is missing or held characters that are no text", post_id)
        self._keep_author(did, post_id, view)
        self._read_facets(post, record)
        self._read_references(post, record)
        self._read_media(post, embed)
        self._finish_kind(post)
        known = self._posts.get(post.id)
        if known is None or (post.primary and not known.primary):
            self._posts[post.id] = post
        self._read_quoted(embed, depth)
        return True

    def _created_at(self, post_id: str, view: JsonObject, record: JsonObject) -> str:
        claimed = normalise(record.get("createdAt"))
        if claimed is None:
            self._flaw("repaired", "createdAt is no time: taken from indexedAt", post_id)
        return claimed or _indexed_at(view) or self._fetched_at

    def _keep_author(self, did: str, post_id: str, view: JsonObject) -> None:
        raw = _object(view.get("author"))
        known = self._authors.get(f"bluesky:{did}")
        if raw.get("did") != did:
            self._flaw("repaired", "the author is missing or another than the address says", post_id)
            raw = {}
        if known is not None and (known.handle is not None or not raw):
            return
        handle = _text(raw.get("handle"))
        self._authors[f"bluesky:{did}"] = Author(
            id=f"bluesky:{did}",
            platform="bluesky",
            # Bluesky's word for a handle that does not lead back to its account.
            handle=None if handle == "handle.invalid" else handle,
            name=_text(raw.get("displayName")),
            bio=_text(raw.get("description")),
            url=f"https://bsky.app/profile/{did}",
            labels=_label_values(raw.get("labels")),
        )

    def _read_facets(self, post: Post, record: JsonObject) -> None:
        text = post.text.encode("utf-8")
        tags = [_text(tag) for tag in _items(record.get("tags"))]
        links: list[str] = []
        mentions: list[Mention] = []
        for facet in map(_object, _items(record.get("facets"))):
            shown = _slice(text, _object(facet.get("index")))
            for feature in map(_object, _items(facet.get("features"))):
                kind = (_text(feature.get("$type")) or "").removeprefix(_FACET)
                if kind == "tag":
                    tags.append(_text(feature.get("tag")) or shown)
                elif kind == "link":
                    links.extend(filter(None, [_text(feature.get("uri"))]))
                elif kind == "mention" and (did := _text(feature.get("did"))):
                    handle = shown.removeprefix("@") if shown and shown.startswith("@") else None
                    mentions.append(Mention(handle or did, f"bluesky:{did}"))
                else:
                    self._flaw("unknown", f"facet {kind[:100]}", post.id)
        post.tags = tuple(dict.fromkeys(filter(None, (normalise_tag(tag) for tag in tags if tag))))
        post.links = tuple(Link(url) for url in dict.fromkeys(links))
        post.mentions = tuple({mention.handle: mention for mention in mentions}.values())

    def _read_references(self, post: Post, record: JsonObject) -> None:
        reply = _object(record.get("reply"))
        post.reply_to = _post_ref(reply.get("parent"))
        post.conversation = _post_ref(reply.get("root"))
        for kind, embed in _parts(_object(record.get("embed"))):
            if kind == "external":
                url = _text(_object(embed.get("external")).get("uri"))
                if url and Link(url) not in post.links:
                    post.links += (Link(url),)
            elif kind == "record":
                self._read_record_embed(post, embed)
            elif kind not in ("images", "video"):
                self._flaw("unknown", f"embed {kind[:100]}", post.id)

    def _read_record_embed(self, post: Post, embed: JsonObject) -> None:
        post.quote_of = _post_ref(embed.get("record"))
        if post.quote_of is None:
            uri = _text(_object(embed.get("record")).get("uri")) or ""
            collection = "".join(uri.split("/")[3:4])
            if collection not in _OTHER_RECORDS:
                self._flaw("unknown", f"record embed {collection[:100]}", post.id)

    def _read_media(self, post: Post, embed: JsonObject) -> None:
        media: list[Media] = []
        for kind, part in _parts(embed):
            if kind == "images":
                media.extend(_images(part))
            elif kind == "video" and (url := _text(part.get("playlist"))):
                media.append(Media(url, "video", _text(part.get("alt"))))
        post.media = tuple(media)

    def _read_metrics(self, view: JsonObject) -> Metrics | None:
        likes, reposts, replies, quotes = (self._count(view, f"{name}Count") for name in _COUNTED)
        metrics = Metrics(likes=likes, reposts=reposts, replies=replies, quotes=quotes)
        return None if metrics == Metrics() else metrics

    def _count(self, view: JsonObject, name: str) -> int | None:
        value = view.get(name)
        if type(value) is int and 0 <= value <= _LARGEST_COUNT:
            return value
        if value is not None and name not in self._odd_counts:
            self._odd_counts.add(name)
            self._flaw("unknown", f"{name} is no count", None)
        return None

    def _finish_kind(self, post: Post) -> None:
        kind: PostKind = "quote" if post.quote_of else "post"
        post.kind = "reply" if post.reply_to else kind
        post.sensitive = True if _SENSITIVE_LABELS.intersection(post.labels) else None

    def _read_quoted(self, embed: JsonObject, depth: int) -> None:
        for kind, part in _parts(embed):
            quoted = _object(part.get("record"))
            if kind != "record" or quoted.get("$type") != f"{_EMBED}record#viewRecord" or depth >= _DEEPEST_QUOTE:
                continue
            inner = _object(next(iter(_items(quoted.get("embeds"))), None))
            self._read(quoted, _object(quoted.get("value")), inner, depth=depth + 1)

    def _flaw(self, kind: FlawKind, detail: str, post: str | None) -> None:
        self.batch.flaws.append(Flaw(kind, clean(detail), post=post))


def _parts(embed: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """The simple embeds in one, each with its kind; in a recordWithMedia the record part bears no type."""
    kind = _embed_kind(embed)
    if kind == "recordWithMedia":
        media = _object(embed.get("media"))
        yield "record", _object(embed.get("record"))
        yield _embed_kind(media), media
    elif embed:
        yield kind, embed


def _embed_kind(embed: JsonObject) -> str:
    return (_text(embed.get("$type")) or "of no type").removeprefix(_EMBED).removesuffix("#view")


def _images(part: JsonObject) -> Iterator[Media]:
    for image in map(_object, _items(part.get("images"))):
        if url := _text(image.get("fullsize")) or _text(image.get("thumb")):
            yield Media(url, "image", _text(image.get("alt")))


def _slice(text: bytes, index: JsonObject) -> str | None:
    """The part of the text that a facet marks, by UTF-8 bytes; None where the offsets fit no whole characters."""
    start, end = index.get("byteStart"), index.get("byteEnd")
    if not isinstance(start, int) or not isinstance(end, int) or not 0 <= start < end <= len(text):
        return None
    try:
        return text[start:end].decode("utf-8")
    except UnicodeDecodeError:
        return None


def _post_ref(value: object) -> Ref | None:
    uri = _text(_object(value).get("uri"))
    return Ref(uri) if uri and POST_URI.fullmatch(uri) else None


def _post_labels(view: JsonObject, record: JsonObject) -> tuple[str, ...]:
    own = _label_values(_object(record.get("labels")).get("values"))
    return tuple(dict.fromkeys(own + _label_values(view.get("labels"))))


def _label_values(value: object) -> tuple[str, ...]:
    labels = [_object(item) for item in _items(value)]
    values = [_text(label.get("val")) for label in labels if label.get("neg") is not True]
    return tuple(dict.fromkeys(filter(None, values)))


def _object(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return clean(value) if isinstance(value, str) and value else None
