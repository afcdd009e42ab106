"""One rich post as a search shows it and as the stream tells it."""

from __future__ import annotations

import json
from typing import Any

from jetstream_ground import ANN, AT, commit

from archive.models import RawPage

VIEW_FETCHED = "2026-10-08T13:30:00.000Z"
_TEXT = "Ask @ben.test #northmoor"
_PARENT = {"uri": "at://did:plc:ben/app.bsky.feed.post/3kroot", "cid": "bafyreiroot"}


def rich_record(text: str = _TEXT) -> dict[str, Any]:
    """A reply with a hashtag, a mention, a link, a quotation, an image and a label of its own."""

    def feature(shown: str, kind: str, **more: str) -> dict[str, Any]:
        start = max(text.find(shown), 0)
        index = {"byteStart": start, "byteEnd": start + len(shown)}
        return {"index": index, "features": [{"$type": f"app.bsky.richtext.facet#{kind}", **more}]}

    blob = {"$type": "blob", "ref": {"$link": "bafkreiimage"}, "mimeType": "image/png", "size": 1}
    images = {"$type": "app.bsky.embed.images", "images": [{"alt": "a red square", "image": blob}]}
    quoted = {"$type": "app.bsky.embed.record", "record": {**_PARENT, "uri": _PARENT["uri"] + "2"}}
    return {
        "$type": "app.bsky.feed.post",
        "createdAt": "2026-10-08T12:00:00.000Z",
        "text": text,
        "langs": ["en", "fr"],
        "facets": [
            feature("@ben.test", "mention", did="did:plc:ben"),
            feature("#northmoor", "tag", tag="northmoor"),
            feature("Ask", "link", uri="https://northmoor.example"),
        ],
        "reply": {"parent": _PARENT, "root": _PARENT},
        "embed": {"$type": "app.bsky.embed.recordWithMedia", "record": quoted, "media": images},
        "labels": {"$type": "com.atproto.label.defs#selfLabels", "values": [{"val": "graphic-media"}]},
    }


def stream_event() -> dict[str, Any]:
    """The stream's event of the post, two seconds after it was written."""
    return commit("create", at=AT + 2_000_000, record=rich_record())


def view_page(text: str = _TEXT) -> RawPage:
    """A search's page with the post; the image's address is another than the stream could know."""
    view = {"$type": "app.bsky.embed.images#view", "images": [{"fullsize": "https://cdn.example/1", "alt": "x"}]}
    post = {
        "uri": f"at://{ANN}/app.bsky.feed.post/3kone",
        "cid": "bafyreione",
        "author": {"did": ANN, "handle": "ann.northmoor.test", "displayName": "Ann", "labels": []},
        "record": rich_record(text),
        "embed": {"$type": "app.bsky.embed.recordWithMedia#view", "record": {}, "media": view},
        "indexedAt": "2026-10-08T12:00:01.000Z",
        "likeCount": 1,
        "labels": [{"src": ANN, "val": "graphic-media"}],
    }
    return RawPage(
        source="bluesky", format="search", origin="bsky.example", fetched_at=VIEW_FETCHED,
        body=json.dumps({"posts": [post]}).encode(),
    )  # fmt: skip
