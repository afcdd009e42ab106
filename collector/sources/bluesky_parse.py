"""Reads Bluesky's pages of post views, threads and stream events: pure, and never stopped by what one post holds."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from archive.models import Author, Batch, Deletion, Flaw, Metrics, Post, RawPage, Ref
from archive.times import normalise
from collector.sources.bluesky_record import (
    POST_URI,
    FlawKind,
    JsonObject,
    as_items,
    as_object,
    as_text,
    clean,
    decode_object,
    embed_parts,
    is_post_record,
    label_values,
    own_labels,
    read_record,
)
from collector.sources.jetstream_parse import parse_events

_THREAD = "app.bsky.feed.defs#"
_VIEW_RECORD = "app.bsky.embed.record#viewRecord"
# Clients have claimed the year 1; no position lies below this, so that arithmetic on positions cannot overflow.
_EARLIEST = "1970-01-01T00:00:00.000Z"
_DEEPEST_QUOTE = 4
_COUNTED = ("like", "repost", "reply", "quote")
_LARGEST_COUNT = 2**63 - 1


def parse_page(page: RawPage) -> Batch:
    """What a page of format search, posts, thread, quotes, jetstream or error says: each item is a post or a flaw."""
    if page.format == "jetstream":
        return parse_events(page)
    reader = _Reader(page.fetched_at)
    if page.format == "error":
        detail = str(decode_object(page.body).get("message") or "no reason given")
        reader.note("repaired", f"Bluesky refused a place ({clean(detail)[:200]}): gone on from elsewhere", None)
    elif page.format == "thread":
        _read_thread(reader, page)
    else:
        _read_list(reader, page)
    return reader.finish()


def asked_uris(url: str) -> list[str]:
    """The posts that an address asks for: several of getPosts, one of getPostThread."""
    try:
        query = parse_qs(urlsplit(url).query)
    except ValueError:
        return []
    return query.get("uris", []) + query.get("uri", [])


def is_post_view(view: object) -> bool:
    """Whether an item of an answer shows a post at all."""
    seen = as_object(view)
    return bool(as_object(seen.get("record"))) and POST_URI.fullmatch(as_text(seen.get("uri")) or "") is not None


def find_oldest(views: list[object], fetched_at: str) -> str | None:
    """How far down the search has got with this page: a time that no later page rises above.

    The order is by min(createdAt, indexedAt); where a page shows another one, the index time is the safe reading.
    """
    times = [_sort_time(as_object(view), fetched_at) for view in views]
    if not times:
        return None
    if times == sorted(times, reverse=True):
        return times[-1]
    return min(_indexed_at(as_object(view)) or time for view, time in zip(views, times, strict=True))


def _read_list(reader: _Reader, page: RawPage) -> None:
    views = decode_object(page.body).get("posts")
    if not isinstance(views, list):
        reader.note("malformed", f"no list of posts in this page of format {page.format}", None)
        return
    for view in views:
        top = reader.read_view(view)
        if top and page.format != "quotes":  # nobody goes on from the newest quote of one post
            reader.batch.top = max(reader.batch.top or "", top)
    if page.format == "posts":
        reader.note_missing(asked_uris(page.url))


def _read_thread(reader: _Reader, page: RawPage) -> None:
    """The posts of a thread, those above the one asked for and those below; an answer of 400 says that it is gone."""
    if page.http_status == 400:
        reader.note_missing(asked_uris(page.url))
        return
    waiting = [decode_object(page.body).get("thread")]
    if not isinstance(waiting[0], dict):
        reader.note("malformed", "no thread in this page of format thread", None)
        return
    while waiting:
        node = as_object(waiting.pop())
        kind = (as_text(node.get("$type")) or "of no type").removeprefix(_THREAD)
        uri = as_text(node.get("uri")) or ""
        if kind == "threadViewPost":
            reader.read_view(node.get("post"))
            # Reversed, since the last one put in is read first.
            waiting += reversed([*filter(None, [node.get("parent")]), *as_items(node.get("replies"))])
        elif kind == "notFoundPost" and POST_URI.fullmatch(uri):
            reader.note_missing([uri])
        elif kind == "blockedPost" and POST_URI.fullmatch(uri):
            # A block between two people hides one from the other's thread, and not from everybody else.
            reader.batch.missing.append(Ref(uri))
        else:
            reader.note("unknown", f"{kind[:100]} in a thread", None)


def _sort_time(view: JsonObject, fetched_at: str) -> str:
    claimed = normalise(as_object(view.get("record")).get("createdAt"))
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

    def note(self, kind: FlawKind, detail: str, post: str | None) -> None:
        self.batch.flaws.append(Flaw(kind, clean(detail), post=post))

    def note_missing(self, asked: list[str]) -> None:
        answered = {ref.native_id for post in self._posts.values() if post.primary for ref in post.native_ids}
        for uri in asked:
            if uri not in answered:
                self.batch.missing.append(Ref(uri))
                # Deleted, taken down, deactivated and blocked look the same here: only absent.
                self.batch.deletions.append(Deletion(Ref(uri), "unavailable"))

    def read_view(self, raw: object) -> str | None:
        """One item of the answer, a postView; gives its place in the search's order, or None where it is no post."""
        view = as_object(raw)
        self.batch.rows += 1
        if self._read(view, as_object(view.get("record")), as_object(view.get("embed")), depth=0):
            return _sort_time(view, self._fetched_at)
        return None

    def _read(self, view: JsonObject, record: JsonObject, embed: JsonObject, *, depth: int) -> bool:
        match = POST_URI.fullmatch(as_text(view.get("uri")) or "")
        if match is None or not is_post_record(record):
            self.note("unusable", f"no post in a view at {as_text(view.get('uri')) or 'no address'}"[:300], None)
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
            text="",
            url=f"https://bsky.app/profile/{did}/post/{rkey}",
            labels=tuple(dict.fromkeys(own_labels(record) + label_values(view.get("labels")))),
            metrics=self._read_metrics(view),
            primary=depth == 0,
        )
        self._keep_author(did, post_id, view)
        self.batch.flaws += read_record(post, record, embed)
        known = self._posts.get(post.id)
        if known is None or (post.primary and not known.primary):
            self._posts[post.id] = post
        self._read_quoted(embed, depth)
        return True

    def _created_at(self, post_id: str, view: JsonObject, record: JsonObject) -> str:
        claimed = normalise(record.get("createdAt"))
        if claimed is None:
            self.note("repaired", "createdAt is no time: taken from indexedAt", post_id)
        return claimed or _indexed_at(view) or self._fetched_at

    def _keep_author(self, did: str, post_id: str, view: JsonObject) -> None:
        raw = as_object(view.get("author"))
        known = self._authors.get(f"bluesky:{did}")
        if raw.get("did") != did:
            self.note("repaired", "the author is missing or another than the address says", post_id)
            raw = {}
        if known is not None and (known.handle is not None or not raw):
            return
        handle = as_text(raw.get("handle"))
        self._authors[f"bluesky:{did}"] = Author(
            id=f"bluesky:{did}",
            platform="bluesky",
            # Bluesky's word for a handle that does not lead back to its account.
            handle=None if handle == "handle.invalid" else handle,
            name=as_text(raw.get("displayName")),
            bio=as_text(raw.get("description")),
            url=f"https://bsky.app/profile/{did}",
            labels=label_values(raw.get("labels")),
        )

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
            self.note("unknown", f"{name} is no count", None)
        return None

    def _read_quoted(self, embed: JsonObject, depth: int) -> None:
        for kind, part in embed_parts(embed):
            quoted = as_object(part.get("record"))
            if kind != "record" or quoted.get("$type") != _VIEW_RECORD or depth >= _DEEPEST_QUOTE:
                continue
            inner = as_object(next(iter(as_items(quoted.get("embeds"))), None))
            self._read(quoted, as_object(quoted.get("value")), inner, depth=depth + 1)
