"""Jetstream's events for tests, and a naive way to tell which of them chats want."""

from __future__ import annotations

import json
from typing import Any

from archive.models import RawPage, normalise_tag
from collector.sources.base import Channel

ANN = "did:plc:ann"
AT = 1_791_460_800_000_000  # 2026-10-08T12:00:00Z


def record(text: str = "Short words #northmoor", *tags: str, **more: Any) -> dict[str, Any]:
    facets = [
        {
            "index": {"byteStart": 0, "byteEnd": 1},
            "features": [{"$type": "app.bsky.richtext.facet#tag", "tag": tag}],
        }
        for tag in tags
    ]
    created = {"$type": "app.bsky.feed.post", "createdAt": "2026-10-08T12:00:00.000Z"}
    return {**created, **({"facets": facets} if facets else {}), "text": text, **more}


def commit(operation: str, rkey: str = "3kone", did: str = ANN, **more: Any) -> dict[str, Any]:
    """A commit; ``record`` is what it writes, ``at`` its time, ``rev`` its revision."""
    inner = {"rev": more.pop("rev", "3kaaa"), "operation": operation, "collection": "app.bsky.feed.post", "rkey": rkey}
    if operation != "delete":
        inner |= {"record": more.pop("record", record("Short words #northmoor", "northmoor")), "cid": "bafyreione"}
    return {"did": did, "time_us": more.pop("at", AT), "kind": "commit", "commit": inner, **more}


def account(did: str = ANN, *, active: bool, status: str | None = None) -> dict[str, Any]:
    told = {"active": active, "did": did, "seq": 1, "time": "2026-10-08T12:00:00.000Z"}
    return {"did": did, "time_us": AT, "kind": "account", "account": told | ({"status": status} if status else {})}


def identity(handle: str, did: str = ANN) -> dict[str, Any]:
    told = {"did": did, "handle": handle, "seq": 1, "time": "2026-10-08T12:00:00.000Z"}
    return {"did": did, "time_us": AT, "kind": "identity", "identity": told}


def frame(event: Any) -> bytes:
    """An event as Jetstream writes it: compact, letters as they are."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def page(*events: Any) -> RawPage:
    body = b"\n".join(event if isinstance(event, bytes) else frame(event) for event in events)
    return RawPage(
        source="bluesky", format="jetstream", origin="jetstream.example", fetched_at="2026-10-08T14:00:00.000Z",
        body=body, http_status=101,
    )  # fmt: skip


class Naive:
    """Reads every event whole and compares every hashtag."""

    def __init__(self, channels: list[Channel]) -> None:
        self.channels = channels
        self.posts: dict[str, set[str]] = {}
        self.authors: dict[str, set[str]] = {}
        self.deletes: dict[str, tuple[bytes, str]] = {}

    def take(self, raw: bytes) -> list[tuple[str, bytes]]:
        event = json.loads(raw.decode("utf-8", "surrogatepass"))
        did = event["did"]
        if event["kind"] != "commit":
            return [(chat, raw) for chat in sorted(self.known(did))]
        inner = event["commit"]
        uri = f"at://{did}/app.bsky.feed.post/{inner['rkey']}"
        if inner["collection"] != "app.bsky.feed.post":
            return []
        if inner["operation"] == "delete":
            chats = self.known(did) | self.posts.get(uri, set())
            self.deletes[uri] = (raw, inner["rev"])
            return [(chat, raw) for chat in sorted(chats)]
        tags = {normalise_tag(tag) for tag in self.tags(inner["record"])}
        chats = {channel.chat for channel in self.channels if tags & channel.tags}
        if chats:
            self.posts.setdefault(uri, set()).update(chats)
            self.authors.setdefault(f"bluesky:{did}", set()).update(chats)
        if inner["operation"] == "update":
            chats = chats | self.posts.get(uri, set())
        earlier = self.deletes.get(uri)
        late = [earlier[0]] if earlier and earlier[1] >= inner["rev"] else []
        return [(chat, each) for chat in sorted(chats) for each in [raw, *late]]

    def known(self, did: str) -> set[str]:
        author = f"bluesky:{did}"
        kept = {channel.chat for channel in self.channels if author in channel.authors}
        return kept | self.authors.get(author, set())

    def tags(self, written: dict[str, Any]) -> list[str]:
        # A hashtag without a value is what its facet marks: here the first byte of the text.
        marked = written["text"].encode("utf-8", "surrogatepass")[:1].decode("utf-8", "ignore")
        found = list(written.get("tags", []))
        for facet in written.get("facets", []):
            found += [
                feature["tag"] or marked
                for feature in facet["features"]
                if feature["$type"] == "app.bsky.richtext.facet#tag"
            ]
        return found
