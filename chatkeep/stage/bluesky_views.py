"""Shows a feed's posts as Bluesky's AppView does: DIDs, record keys, cids, records with facets, post views."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from archive.models import normalise_tag
from archive.times import from_text, to_text
from chatkeep.stage.feed import Feed, FeedAuthor, FeedPost

Json = dict[str, object]

_TID_LETTERS = "234567abcdefghijklmnopqrstuvwxyz"
_MARKS = re.compile(r"(?P<link>https?://[^\s]*[^\s.,;:!?)])|(?<![\w&/])[#＃](?P<tag>\w+)|(?<!\w)@(?P<handle>[\w.-]+\w)")


def did_of(author: FeedAuthor) -> str:
    """The account's lasting name, the same in every run."""
    return "did:plc:" + _letters(f"did {author.key}", 24)


def sort_time(post: FeedPost) -> str:
    """What Bluesky orders by: the earlier of what the client claims and of the indexing."""
    return min(created_at(post), indexed_at(post))


def created_at(post: FeedPost) -> str:
    """The time that the post's client claims."""
    return to_text(from_text(post.claims_at or post.at))


def indexed_at(post: FeedPost) -> str:
    """The time when Bluesky saw the post."""
    return to_text(from_text(post.arrives_at or post.at))


@lru_cache(maxsize=50_000)
def search_tags(text: str) -> frozenset[str]:
    """The hashtags that a search finds a wording by: those that its client made facets of."""
    return frozenset(normalise_tag(match["tag"]) for match in _MARKS.finditer(text) if match["tag"])


@dataclass(frozen=True, slots=True)
class Shown:
    """The posts that stand at one moment, each with its sort time, newest first; no search returns reposts."""

    now: datetime
    posts: tuple[tuple[str, FeedPost], ...]
    reposts: Counter[str]
    replies: Counter[str]
    quotes: Counter[str]


class Views:
    """Renders the posts of one feed."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._own = feed.on("bluesky")
        timed = [(sort_time(post), post) for post in self._own]
        self._newest_first = sorted(timed, key=lambda pair: (pair[0], pair[1].key), reverse=True)
        self._dids = {author.handle.lower(): did_of(author) for author in feed.authors if author.platform == "bluesky"}
        self._last: Shown | None = None
        self.by_uri = {self.uri_of(post): post for post in self._own if not post.repost_of}

    def shown_at(self, now: datetime) -> Shown:
        """What stands at ``now``."""
        if self._last is None or self._last.now != now:
            standing = [(time, post) for time, post in self._newest_first if post.shown(now)]
            self._last = Shown(
                now,
                tuple(pair for pair in standing if not pair[1].repost_of),
                Counter(post.repost_of for _, post in standing if post.repost_of),
                Counter(post.reply_to for _, post in standing if post.reply_to),
                Counter(post.quote_of for _, post in standing if post.quote_of),
            )
        return self._last

    def uri_of(self, post: FeedPost) -> str:
        """The post's at-uri."""
        return f"at://{did_of(self._feed.author_of(post))}/app.bsky.feed.post/{record_key(post)}"

    def render_post(self, post: FeedPost, shown: Shown) -> Json:
        """A postView."""
        view: Json = {
            "uri": self.uri_of(post),
            "cid": cid_of(post, shown.now),
            "author": self._render_author(post),
            "record": self.render_record(post, shown.now),
            **self._counts(post, shown),
            "indexedAt": indexed_at(post),
            "viewer": {"threadMuted": False, "embeddingDisabled": False},
            "labels": [],
        }
        if embed := self._render_embed(post, shown, nested=False):
            view["embed"] = embed
        return view

    def render_thread(self, post: FeedPost, shown: Shown, depth: int, height: int) -> Json:
        """A threadViewPost with what was said before, ``height`` posts up, and after, ``depth`` replies down."""
        thread = self._render_replies(post, shown, depth)
        lowest, child = thread, post
        while height > 0 and child.reply_to in self._feed.by_key:
            parent = self._feed.by_key[child.reply_to]
            above = self._thread_post(parent, shown) if parent.shown(shown.now) else self._not_found(parent)
            lowest["parent"] = above
            lowest, child, height = above, parent, height - 1
            if not parent.shown(shown.now):
                break
        return thread

    def _render_replies(self, post: FeedPost, shown: Shown, depth: int) -> Json:
        thread = self._thread_post(post, shown)
        if depth > 0:
            replies = [reply for _, reply in shown.posts if reply.reply_to == post.key]
            thread["replies"] = [self._render_replies(reply, shown, depth - 1) for reply in reversed(replies)]
        return thread

    def _thread_post(self, post: FeedPost, shown: Shown) -> Json:
        view = self.render_post(post, shown)
        return {"$type": "app.bsky.feed.defs#threadViewPost", "post": view, "threadContext": {}}

    def _not_found(self, post: FeedPost) -> Json:
        return {"$type": "app.bsky.feed.defs#notFoundPost", "uri": self.uri_of(post), "notFound": True}

    def _counts(self, post: FeedPost, shown: Shown) -> Json:
        return {
            "replyCount": shown.replies[post.key],
            "repostCount": post.reposts_count + shown.reposts[post.key],
            "likeCount": post.likes_count,
            "quoteCount": shown.quotes[post.key],
        }

    def _render_author(self, post: FeedPost) -> Json:
        author = self._feed.author_of(post)
        did, since = did_of(author), "2024-11-13T09:00:00.000Z"
        profile = f"at://{did}/app.bsky.actor.profile/self"
        labels = [
            {"src": did, "uri": profile, "cid": _hash_cid(profile), "val": value, "cts": since}
            for value in author.labels
        ]
        return {
            "did": did,
            "handle": author.handle,
            "displayName": author.name,
            "avatar": f"https://cdn.bsky.app/img/avatar/plain/{did}/{_hash_cid(did)}@jpeg",
            "associated": {"chat": {"allowIncoming": "following"}},
            "viewer": {"muted": False, "blockedBy": False},
            "labels": labels,
            "createdAt": since,
        }

    def render_record(self, post: FeedPost, now: datetime) -> Json:
        """The post as its client wrote it, in the wording that stands at ``now``."""
        text = post.text_at(now)
        record: Json = {"$type": "app.bsky.feed.post", "createdAt": created_at(post), "text": text}
        if facets := self._facets(text):
            record["facets"] = facets
        if post.lang:
            record["langs"] = [post.lang]
        if post.reply_to in self._feed.by_key:
            parent = self._feed.by_key[post.reply_to]
            record["reply"] = {
                "parent": self._strong_ref(parent, now),
                "root": self._strong_ref(self._root(parent), now),
            }
        if embed := self._record_embed(post, now):
            record["embed"] = embed
        return record

    def _root(self, post: FeedPost) -> FeedPost:
        above = set[str]()
        while post.reply_to in self._feed.by_key and post.key not in above:
            above.add(post.key)
            post = self._feed.by_key[post.reply_to]
        return post

    def _strong_ref(self, post: FeedPost, now: datetime) -> Json:
        return {"uri": self.uri_of(post), "cid": cid_of(post, now)}

    def _facets(self, text: str) -> list[Json]:
        facets: list[Json] = []
        for match in _MARKS.finditer(text):
            feature = self._feature(match)
            if feature:
                start = len(text[: match.start()].encode("utf-8"))
                index = {"byteStart": start, "byteEnd": start + len(match[0].encode("utf-8"))}
                facets.append({"index": index, "features": [feature]})
        return facets

    def _feature(self, match: re.Match[str]) -> Json | None:
        if match["tag"]:
            return {"$type": "app.bsky.richtext.facet#tag", "tag": match["tag"]}
        if match["link"]:
            return {"$type": "app.bsky.richtext.facet#link", "uri": match["link"]}
        did = self._dids.get(match["handle"].lower())
        return {"$type": "app.bsky.richtext.facet#mention", "did": did} if did else None

    def _record_embed(self, post: FeedPost, now: datetime) -> Json | None:
        images: Json | None = None
        if post.alt_text is not None:
            blob = {"$type": "blob", "ref": {"$link": _image_cid(post)}, "mimeType": "image/jpeg", "size": 50_000}
            images = {"$type": "app.bsky.embed.images", "images": [{"alt": post.alt_text, "image": blob}]}
        if post.quote_of not in self._feed.by_key:
            return images
        quoted = self._strong_ref(self._feed.by_key[post.quote_of], now)
        record: Json = {"$type": "app.bsky.embed.record", "record": quoted}
        if images is None:
            return record
        return {"$type": "app.bsky.embed.recordWithMedia", "record": record, "media": images}

    def _render_embed(self, post: FeedPost, shown: Shown, *, nested: bool) -> Json | None:
        """The embed as a view; a quoted post shows its own images, but not what it quotes itself."""
        images: Json | None = None
        if post.alt_text is not None:
            did, cid = did_of(self._feed.author_of(post)), _image_cid(post)
            addresses = {
                name: f"https://cdn.bsky.app/img/feed_{place}/plain/{did}/{cid}@jpeg"
                for name, place in (("thumb", "thumbnail"), ("fullsize", "fullsize"))
            }
            images = {"$type": "app.bsky.embed.images#view", "images": [{**addresses, "alt": post.alt_text}]}
        if nested or post.quote_of not in self._feed.by_key:
            return images
        quoted = self._render_quoted(self._feed.by_key[post.quote_of], shown)
        if images is None:
            return {"$type": "app.bsky.embed.record#view", "record": quoted}
        return {"$type": "app.bsky.embed.recordWithMedia#view", "record": {"record": quoted}, "media": images}

    def _render_quoted(self, post: FeedPost, shown: Shown) -> Json:
        uri = self.uri_of(post)
        if not post.shown(shown.now):
            return {"$type": "app.bsky.embed.record#viewNotFound", "uri": uri, "notFound": True}
        view: Json = {
            "$type": "app.bsky.embed.record#viewRecord",
            "uri": uri,
            "cid": cid_of(post, shown.now),
            "author": self._render_author(post),
            "value": self.render_record(post, shown.now),
            "labels": [],
            **self._counts(post, shown),
            "indexedAt": indexed_at(post),
        }
        embed = self._render_embed(post, shown, nested=True)
        view["embeds"] = [embed] if embed else []
        return view


def record_key(post: FeedPost) -> str:
    """A TID: 53 bits of microseconds and 10 more, in 13 letters whose order is the order of time."""
    extra = int.from_bytes(hashlib.sha256(post.key.encode()).digest()[:4], "big")
    # Feeds count in milliseconds; the key's hash fills the rest, so that no two posts share a record key.
    micros = int(from_text(post.at).timestamp() * 1000) * 1000 + extra % 1000
    number = (micros << 10) | (extra >> 10) % 1024
    return "".join(_TID_LETTERS[(number >> shift) & 31] for shift in range(60, -1, -5))


def cid_of(post: FeedPost, now: datetime) -> str:
    """The name of the wording that stands at ``now``."""
    return _hash_cid(f"{post.key} {post.text_at(now)}")


def _image_cid(post: FeedPost) -> str:
    return _hash_cid(f"image of {post.key}")


def _hash_cid(text: str) -> str:
    return "bafyrei" + _letters(text, 52)


def _letters(text: str, length: int) -> str:
    digest = hashlib.sha512(text.encode("utf-8", "surrogatepass")).digest()
    return base64.b32encode(digest).decode().lower()[:length]
