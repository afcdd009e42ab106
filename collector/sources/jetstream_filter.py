"""Finds in Bluesky's whole stream the few events that chats want, mostly without reading them as JSON.

Most events are posts without any hashtag. A look at the bytes tells that, faster than any parser.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

import orjson

from archive.models import normalise_tag
from collector.sources.base import Channel
from collector.sources.bluesky_record import JsonObject, as_object, clean, decode_object, raw_tags
from collector.sources.jetstream_parse import event_uri

Wanted = tuple[str, bytes]
"""The slug of a chat and an event, as received, that it wants."""

_DELETES_REMEMBERED = 20_000
_POSTS_REMEMBERED = 100_000
_SPELLINGS_REMEMBERED = 10_000
_NOBODY = frozenset[str]()
# How Jetstream's version 1 begins a commit, up to its record.
_COMMIT = b',"kind":"commit","commit":'
_REV = b'{"rev":"'
_CREATE = b'","operation":"create",'
_VALUE = b'","tag":"'  # what follows the type of a hashtag
# An escape can hide a letter or the sign of a hashtag, though not as &, < or >, which Jetstream writes so.
_HIDDEN = re.compile(rb"\\u00(?!26|3[cCeE])")

V = TypeVar("V")


class Recent(Generic[V]):
    """Remembers the last ``most`` things by name; the oldest makes room."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[str, V] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, name: str) -> V | None:
        """What is remembered under ``name``."""
        return self._kept.get(name)

    def keep(self, name: str, value: V) -> None:
        """Remembers ``value`` under ``name``, as the newest."""
        self._kept[name] = value
        self._kept.move_to_end(name)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)


class Memory:
    """What a stream has seen: it outlives a connection, and does not grow with the stream.

    ``posts`` and ``authors``: the chats that wanted something of them. ``deletes``: deletions of posts that nobody
    had wanted yet, by address, since a deletion may come before its post.
    """

    def __init__(self, deletes: int = _DELETES_REMEMBERED, posts: int = _POSTS_REMEMBERED) -> None:
        self.posts: Recent[frozenset[str]] = Recent(posts)
        self.authors: Recent[frozenset[str]] = Recent(posts)
        self.deletes: Recent[bytes] = Recent(deletes)


class JetstreamFilter:
    """Tells which chats want an event: posts under their hashtags, and what becomes of those and of their authors."""

    def __init__(self, channels: Sequence[Channel], memory: Memory | None = None) -> None:
        self._by_tag = _chats_by((tag, channel.chat) for channel in channels for tag in channel.tags)
        self._by_author = _chats_by((author, channel.chat) for channel in channels for author in channel.authors)
        self._slugs = frozenset(channel.chat for channel in channels)
        self._memory = memory or Memory()
        self._spellings: dict[str | bytes, frozenset[str]] = {}

    def take(self, frame: bytes) -> tuple[Wanted, ...]:
        """Each chat that wants the event, with the event; after a post, its deletion where that had come first."""
        if _is_plain_create(frame) and not self._may_bear_a_tag(frame):
            return ()
        try:
            event = as_object(orjson.loads(frame))
        except orjson.JSONDecodeError:
            # orjson refuses lone surrogates, which Bluesky's own tools let pass.
            event = decode_object(frame)
        return self._wanted(event, frame) if event else self._wanted_of_broken(frame)

    def _may_bear_a_tag(self, frame: bytes) -> bool:
        """Whether a frame has a hashtag that is watched, or any that its bytes do not show plainly."""
        if frame.rfind(b'"tags"') >= 0:
            return True
        if frame.find(b"#") < 0 or frame.rfind(b"facet#tag") < 0:
            return False
        for part in frame.split(b"facet#tag")[1:]:
            tag = part[len(_VALUE) : part.find(b'"', len(_VALUE))]
            if not part.startswith(_VALUE) or b"\\" in tag or not tag or self._chats_of(tag):
                return True
        return False

    def _wanted(self, event: JsonObject, frame: bytes) -> tuple[Wanted, ...]:
        did, commit = event.get("did"), event.get("commit")
        if not isinstance(did, str):
            return ()
        if not isinstance(commit, dict):
            return _for_each(self._know_author(did), frame) if event.get("kind") in ("account", "identity") else ()
        operation = commit.get("operation")
        chats = _NOBODY if operation == "delete" else self._know_tags(as_object(commit.get("record")))
        # The address is put together only now: most events end here.
        if (operation == "create" and not chats) or (uri := event_uri(event)) is None:
            return ()
        if operation == "delete":
            return self._deleted(uri, did, frame)
        return self._written(uri, did, chats, (commit, frame))

    def _written(
        self, uri: str, did: str, chats: frozenset[str], event: tuple[JsonObject, bytes]
    ) -> tuple[Wanted, ...]:
        commit, frame = event
        # Who takes the hashtag out of a post has changed what the chat keeps; what else an author writes is not ours.
        is_update = commit.get("operation") == "update"
        known = (self._memory.posts.find(uri) or _NOBODY) & self._slugs if is_update else _NOBODY
        if not chats and not known:
            return ()
        if chats:
            self._remember(uri, did, chats)
        earlier = self._memory.deletes.find(uri)
        frames = [frame] if earlier is None or not _is_newer(earlier, commit) else [frame, earlier]
        return tuple((chat, each) for chat in sorted(chats | known) for each in frames)

    def _deleted(self, uri: str, did: str, frame: bytes) -> tuple[Wanted, ...]:
        chats = self._known(uri, did)
        self._memory.deletes.keep(uri, frame)
        return _for_each(chats, frame)

    def _know_tags(self, record: JsonObject) -> frozenset[str]:
        chats = _NOBODY
        for tag in raw_tags(record):
            if known := self._chats_of(tag):
                chats |= known
        return chats

    def _chats_of(self, tag: str | bytes) -> frozenset[str]:
        """The chats of a hashtag. Most spellings have been met before: each is normalised once."""
        known = self._spellings.get(tag)
        if known is None:
            if len(self._spellings) >= _SPELLINGS_REMEMBERED:
                self._spellings.clear()
            text = tag if isinstance(tag, str) else tag.decode("utf-8", "replace")
            known = self._spellings[tag] = self._by_tag.get(normalise_tag(clean(text)), _NOBODY)
        return known

    def _know_author(self, did: str) -> frozenset[str]:
        author = f"bluesky:{did}"
        seen = (self._memory.authors.find(author) or _NOBODY) & self._slugs
        return seen | self._by_author.get(author, _NOBODY)

    def _known(self, uri: str, did: str) -> frozenset[str]:
        seen = (self._memory.posts.find(uri) or _NOBODY) & self._slugs
        return seen | self._know_author(did)

    def _remember(self, uri: str, did: str, chats: frozenset[str]) -> None:
        author = f"bluesky:{did}"
        self._memory.posts.keep(uri, (self._memory.posts.find(uri) or _NOBODY) | chats)
        self._memory.authors.keep(author, (self._memory.authors.find(author) or _NOBODY) | chats)

    def _wanted_of_broken(self, frame: bytes) -> tuple[Wanted, ...]:
        """The chats whose hashtag stands in what is no JSON: they learn that something could not be read."""
        text = frame.decode("utf-8", "replace").lower()
        chats = {chat for tag, slugs in self._by_tag.items() if tag in text for chat in slugs}
        return _for_each(frozenset(chats), frame)


def _is_plain_create(frame: bytes) -> bool:
    """Whether the bytes prove that a frame is a commit that creates a record, in words that no escape hides.

    Jetstream writes compact JSON, and what a commit does before its record. Whatever else comes is read as JSON. The
    searches are chosen for speed: for one byte first, and rfind() since it is twice as fast here as find().
    """
    inner = frame.find(b"{", 1)
    if inner < len(_COMMIT) or not frame.startswith(_COMMIT, inner - len(_COMMIT)):
        return False
    rev_ends = frame.find(b'"', inner + len(_REV))
    if not frame.startswith(_REV, inner) or not frame.startswith(_CREATE, rev_ends):
        return False
    return frame.find(b"\\") < 0 or frame.rfind(b"\\u00") < 0 or _HIDDEN.search(frame) is None


def _is_newer(delete: bytes, commit: JsonObject) -> bool:
    """Whether a remembered deletion came after this wording; a ``rev`` rises with each commit of one account."""
    told = as_object(decode_object(delete).get("commit")).get("rev")
    rev = commit.get("rev")
    return not (isinstance(told, str) and isinstance(rev, str) and told < rev)


def _chats_by(pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for name, chat in pairs:
        found[name] = found.get(name, _NOBODY) | {chat}
    return found


def _for_each(chats: frozenset[str], frame: bytes) -> tuple[Wanted, ...]:
    return tuple((chat, frame) for chat in sorted(chats))
