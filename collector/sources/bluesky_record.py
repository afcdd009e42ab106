"""Reads the record of one Bluesky post: what its client wrote, the same in a search's view and on the stream."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Literal
from urllib.parse import quote

from archive.models import Flaw, Link, Media, Mention, Post, PostKind, Ref, normalise_tag

JsonObject = Mapping[str, object]
FlawKind = Literal["unusable", "repaired", "unknown", "malformed"]

POST_TYPE = "app.bsky.feed.post"
POST_URI = re.compile(r"at://(did:[a-z]+:[A-Za-z0-9._:%-]+)/app\.bsky\.feed\.post/([A-Za-z0-9._:~-]+)")
_SURROGATE = re.compile("[\ud800-\udfff]")
_EMBED = "app.bsky.embed."
_FACET = "app.bsky.richtext.facet#"
_TAG = f"{_FACET}tag"
# What a record embed can show besides a post (lexicons of 2026): known, and no quote.
_OTHER_RECORDS = frozenset(
    {"app.bsky.feed.generator", "app.bsky.graph.list", "app.bsky.graph.starterpack", "app.bsky.labeler.service"}
)
_SENSITIVE_LABELS = frozenset({"porn", "sexual", "nudity", "graphic-media", "gore"})
# Where Bluesky's AppView shows what a post's client has uploaded (seen in its answers of 2025).
_IMAGE_URL = "https://cdn.bsky.app/img/feed_fullsize/plain/{did}/{cid}@jpeg"
_VIDEO_URL = "https://video.bsky.app/watch/{did}/{cid}/playlist.m3u8"


def decode_object(body: bytes) -> JsonObject:
    """The JSON object in a body; an empty one where there is none."""
    try:
        return as_object(json.loads(body.decode("utf-8", "replace")))
    except (ValueError, RecursionError):
        return {}


def clean(text: str) -> str:
    """A text that a database can hold. Replacements have as many UTF-8 bytes as a client counted for the original."""
    return _SURROGATE.sub("\ufffd", text).replace("\0", " ")


def as_object(value: object) -> JsonObject:
    """The value where it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_items(value: object) -> list[object]:
    """The value where it is a JSON list, else an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: object) -> str | None:
    """The value where it is a text that is not empty, as a database can hold it."""
    return clean(value) if isinstance(value, str) and value else None


def is_post_record(record: JsonObject) -> bool:
    """Whether a record is that of a post; one that says no type is taken at its place's word."""
    return bool(record) and record.get("$type", POST_TYPE) == POST_TYPE


def find_tags(record: JsonObject) -> tuple[str, ...]:
    """The normalised hashtags of a post's record, each once: those of its ``tags`` field, then those of its facets."""
    return tuple(dict.fromkeys(filter(None, (normalise_tag(clean(tag)) for tag in raw_tags(record)))))


def raw_tags(record: JsonObject) -> Iterator[str]:
    """The hashtags of a post's record as they stand there. A stream asks this of a great many records."""
    tags, facets = record.get("tags"), record.get("facets")
    if isinstance(tags, list):
        yield from (tag for tag in tags if isinstance(tag, str))
    for facet in facets if isinstance(facets, list) else ():
        features = facet.get("features") if isinstance(facet, dict) else None
        for feature in features if isinstance(features, list) else ():
            if isinstance(feature, dict) and feature.get("$type") == _TAG:
                tag = feature.get("tag")
                yield tag if isinstance(tag, str) and tag else _shown(record, facet) or ""


def record_text(record: JsonObject) -> str:
    """The text of a post's record; "" where there is none."""
    return clean(text) if isinstance(text := record.get("text"), str) else ""


def read_record(post: Post, record: JsonObject, embed: JsonObject) -> list[Flaw]:
    """Fills ``post`` with what its record holds; ``embed`` is what the platform shows of the record's embed.

    Addresses of images and videos are made from the record's blobs where it has them, so that a post is the same
    whichever way it came. Returns what was mended or not understood.
    """
    flaws: list[Flaw] = []
    post.text = record_text(record)
    if record.get("text") != post.text:
        flaws.append(Flaw("repaired", "the text is missing or held characters that are no text", post=post.id))
    post.lang = next((lang for item in as_items(record.get("langs")) if (lang := as_text(item))), None)
    flaws += _read_facets(post, record)
    flaws += _read_references(post, record)
    blobs = as_object(record.get("embed"))
    post.media = tuple(_media_of(post, blobs)) or tuple(_media_of(post, embed))
    kind: PostKind = "quote" if post.quote_of else "post"
    post.kind = "reply" if post.reply_to else kind
    post.sensitive = True if _SENSITIVE_LABELS.intersection(post.labels) else None
    return flaws


def label_values(value: object) -> tuple[str, ...]:
    """The values of a list of labels, each once, without those that are taken back."""
    labels = [as_object(item) for item in as_items(value)]
    values = [as_text(label.get("val")) for label in labels if label.get("neg") is not True]
    return tuple(dict.fromkeys(filter(None, values)))


def own_labels(record: JsonObject) -> tuple[str, ...]:
    """The labels that the author put on the post."""
    return label_values(as_object(record.get("labels")).get("values"))


def embed_parts(embed: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """The simple embeds in one, each with its kind; in a recordWithMedia the record part bears no type."""
    kind = _embed_kind(embed)
    if kind == "recordWithMedia":
        media = as_object(embed.get("media"))
        yield "record", as_object(embed.get("record"))
        yield _embed_kind(media), media
    elif embed:
        yield kind, embed


def _embed_kind(embed: JsonObject) -> str:
    return (as_text(embed.get("$type")) or "of no type").removeprefix(_EMBED).removesuffix("#view")


def _read_facets(post: Post, record: JsonObject) -> Iterator[Flaw]:
    links: list[str] = []
    mentions: list[Mention] = []
    for facet in map(as_object, as_items(record.get("facets"))):
        for feature in map(as_object, as_items(facet.get("features"))):
            kind = as_text(feature.get("$type")) or ""
            if kind == f"{_FACET}link":
                links.extend(filter(None, [as_text(feature.get("uri"))]))
            elif kind == f"{_FACET}mention" and (did := as_text(feature.get("did"))):
                shown = _shown(record, facet) or ""
                handle = shown.removeprefix("@") if shown.startswith("@") else None
                mentions.append(Mention(handle or did, f"bluesky:{did}"))
            elif kind != _TAG:
                yield Flaw("unknown", clean(f"facet {kind.removeprefix(_FACET)[:100]}"), post=post.id)
    post.tags = find_tags(record)
    post.links = tuple(Link(url) for url in dict.fromkeys(links))
    post.mentions = tuple({mention.handle: mention for mention in mentions}.values())


def _read_references(post: Post, record: JsonObject) -> Iterator[Flaw]:
    reply = as_object(record.get("reply"))
    post.reply_to = _post_ref(reply.get("parent"))
    post.conversation = _post_ref(reply.get("root"))
    for kind, embed in embed_parts(as_object(record.get("embed"))):
        if kind == "external":
            url = as_text(as_object(embed.get("external")).get("uri"))
            if url and Link(url) not in post.links:
                post.links += (Link(url),)
        elif kind == "record":
            yield from _read_record_embed(post, embed)
        elif kind not in ("images", "video"):
            yield Flaw("unknown", clean(f"embed {kind[:100]}"), post=post.id)


def _read_record_embed(post: Post, embed: JsonObject) -> Iterator[Flaw]:
    post.quote_of = _post_ref(embed.get("record"))
    if post.quote_of is None:
        uri = as_text(as_object(embed.get("record")).get("uri")) or ""
        collection = "".join(uri.split("/")[3:4])
        if collection not in _OTHER_RECORDS:
            yield Flaw("unknown", clean(f"record embed {collection[:100]}"), post=post.id)


def _media_of(post: Post, embed: JsonObject) -> Iterator[Media]:
    """The images and videos of an embed, be it the record's own or a view of it."""
    did = post.author.removeprefix("bluesky:")
    for kind, part in embed_parts(embed):
        for item in map(as_object, as_items(part.get("images")) if kind == "images" else ()):
            url = _blob_url(_IMAGE_URL, did, item.get("image"))
            if url := url or as_text(item.get("fullsize")) or as_text(item.get("thumb")):
                yield Media(url, "image", as_text(item.get("alt")))
        if kind == "video":
            url = _blob_url(_VIDEO_URL, quote(did, safe=""), part.get("video")) or as_text(part.get("playlist"))
            if url:
                yield Media(url, "video", as_text(part.get("alt")))


def _blob_url(form: str, did: str, blob: object) -> str | None:
    """The address of an upload; the first posts of 2023 named it by ``cid`` alone."""
    seen = as_object(blob)
    cid = as_text(as_object(seen.get("ref")).get("$link")) or as_text(seen.get("cid"))
    return form.format(did=did, cid=quote(cid, safe="")) if cid else None


def _shown(record: JsonObject, facet: JsonObject) -> str | None:
    """The part of the text that a facet marks, by UTF-8 bytes; None where the offsets fit no whole characters."""
    text, index = record_text(record).encode("utf-8"), as_object(facet.get("index"))
    start, end = index.get("byteStart"), index.get("byteEnd")
    if not isinstance(start, int) or not isinstance(end, int) or not 0 <= start < end <= len(text):
        return None
    try:
        return text[start:end].decode("utf-8")
    except UnicodeDecodeError:
        return None


def _post_ref(value: object) -> Ref | None:
    uri = as_text(as_object(value).get("uri"))
    return Ref(uri) if uri and POST_URI.fullmatch(uri) else None
