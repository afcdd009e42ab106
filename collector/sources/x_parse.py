"""Reads answers of X's API v2 into the archive's words, in both wire dialects, and twarc2's flattened lines.

Two dialects are on the wire since August 2026: the legacy one (referenced_tweets, note_tweet, includes.tweets) and the
modern one (referenced_posts, note_post, includes.posts). Both are read everywhere, so that no setting decides whether
a stored page can be parsed.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

from archive.models import Author, Batch, Deletion, Flaw, Ref
from archive.projection import storable
from archive.times import normalise
from collector.sources.x_post import (
    Includes,
    JsonObject,
    Unreadable,
    as_object,
    as_text,
    listed,
    native_id,
    objects,
    odd_counts,
    parse_tweet,
    parse_user,
    snowflake_time,
)

__all__ = [
    "Includes",
    "Reader",
    "Unreadable",
    "parse_answer",
    "parse_flattened",
    "parse_tweet",
    "parse_user",
    "snowflake_time",
]

FlawKind = Literal["unusable", "repaired", "unknown", "malformed"]

_GONE = frozenset({"resource-not-found", "resource-unavailable", "not-authorized-for-resource", "disallowed-resource"})
_FIELD_NAMES = """
article article_title attachments author author_id card_uri community_id context_annotations conversation_id
created_at display_text_range edit_controls edit_history_post_ids edit_history_tweet_ids entities geo id
in_reply_to_user in_reply_to_user_id lang matched_media_notes matching_rules media_metadata non_public_metrics
note_post note_request_suggestions note_tweet organic_metrics paid_partnership possibly_sensitive
promoted_metrics public_metrics referenced_posts referenced_tweets reply_settings scopes source
suggested_source_links suggested_source_links_with_counts text __twarc type username withheld
"""
_KNOWN_FIELDS = frozenset(_FIELD_NAMES.split())  # of both dialects and of twarc2
_KNOWN_ANSWER_KEYS = frozenset({"data", "includes", "errors", "meta", "matching_rules", "__twarc"})
_KNOWN_INCLUDES = frozenset({"media", "places", "polls", "posts", "topics", "tweets", "users"})
_DEEPEST_REFERENCE = 4  # a flattened line holds a post, what it refers to, and at most what that refers to

_MERELY_NAMED = (False, "")

_archive_time = lru_cache(maxsize=64)(normalise)  # all lines of one answer share their time


def parse_answer(answer: object, line: int | None = None) -> Batch:
    """A whole search, lookup or stream answer: ``data`` (a list or one object), ``includes``, ``errors``, ``meta``.

    Never raises: what is no post becomes a Flaw with ``line``. ``top`` is the highest id in ``data``.
    """
    reader = Reader(Batch())
    reader.answer(answer, line)
    return reader.batch


def parse_flattened(tweet: object, line: int | None = None) -> Batch:
    """One line of ``twarc2 flatten``: a post with its author, media and referenced posts inside. Never raises."""
    reader = Reader(Batch())
    reader.flattened(tweet, line)
    return reader.batch


class Reader:
    """Reads many answers or lines into one Batch; what repeats within it (authors, referenced posts) is read once."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self._authors: dict[str, tuple[bool, str | None]] = {}  # id -> whether its profile came with it, and when
        self._seen: set[tuple[str | None, str | None]] = set()  # native ids of posts, and when X was asked
        self._unknown: set[str] = set()

    def answer(self, answer: object, line: int | None = None) -> None:
        """Adds what parse_answer() describes."""
        if not isinstance(answer, dict):
            self._flaw("unusable", "this is no answer of X", line)
            return
        includes = self._includes(answer, line)
        data = answer.get("data")
        rows = data if isinstance(data, list) else [] if data is None else [data]
        for row in rows:
            self._row(row, includes, line)
        for tweet in (*objects(answer, "includes", "tweets"), *objects(answer, "includes", "posts")):
            self._keep(tweet, includes, False, line)
        self._errors(answer.get("errors"), includes, line)
        ids = [int(native) for row in rows if isinstance(row, dict) and (native := native_id(row.get("id")))]
        if ids:
            self.batch.top = str(max(*ids, int(self.batch.top or 0)))
        self._note_unknown(answer.keys() - _KNOWN_ANSWER_KEYS, "", line)

    def flattened(self, tweet: object, line: int | None = None) -> None:
        """Adds what parse_flattened() describes."""
        includes = Includes(observed_at=_retrieved_at(tweet)) if isinstance(tweet, dict) else Includes()
        if isinstance(tweet, dict):
            self._inline(tweet, includes, line, 0)
        self._row(tweet, includes, line)

    def _row(self, row: object, includes: Includes, line: int | None) -> None:
        self.batch.rows += 1
        if not isinstance(row, dict):
            self._flaw("unusable", "this row is no object", line)
            return
        if "username" in row and "text" not in row:
            self._author(row, includes.observed_at)
        self._keep(row, includes, True, line)

    def _keep(self, tweet: JsonObject, includes: Includes, primary: bool, line: int | None) -> None:
        """Adds one post and, where nobody told us more, its author by id; a post beside the answer is kept once."""
        native = native_id(tweet.get("id"))
        sight = (native, includes.observed_at)
        if not primary and sight in self._seen:
            return
        try:
            post = parse_tweet(tweet, includes, primary)
        except Unreadable as why:
            self._flaw("unusable" if primary else "unknown", str(why), line, native)
            return
        if includes.flaws:
            self.batch.flaws.extend(Flaw(flaw.kind, flaw.detail, line, flaw.post) for flaw in includes.flaws)
            includes.flaws.clear()
        self._seen.add(sight)
        self.batch.posts.append(post)
        if odd := odd_counts(tweet):
            self._note_odd(odd, "post.", line)
        if post.author not in self._authors:
            self._authors[post.author] = _MERELY_NAMED
            self.batch.authors.append(Author(id=post.author, platform="x"))
        if not tweet.keys() <= _KNOWN_FIELDS:
            self._note_unknown(tweet.keys() - _KNOWN_FIELDS, "post.", line)

    def _inline(self, tweet: JsonObject, includes: Includes, line: int | None, depth: int) -> None:
        """Adds the people and posts inside a flattened post."""
        for user in (tweet.get("author"), tweet.get("in_reply_to_user")):
            if isinstance(user, dict) and user:
                self._author(user, includes.observed_at)
        for mention in objects(tweet, "entities", "mentions"):
            if "public_metrics" in mention:
                self._author(mention, includes.observed_at)
        if depth == _DEEPEST_REFERENCE:
            return
        for other in (*listed(tweet, "referenced_tweets"), *listed(tweet, "referenced_posts")):
            if "text" in other and (native_id(other.get("id")), includes.observed_at) not in self._seen:
                self._inline(other, includes, line, depth + 1)
                self._keep(other, includes, False, line)

    def _author(self, user: JsonObject, observed_at: str | None) -> None:
        """Adds an author the first time, and again where only now the profile comes along, or a later one."""
        sight = ("public_metrics" in user, observed_at)
        known = self._authors.get(f"x:{user.get('id')}", _MERELY_NAMED)
        if known == sight or (known[0] and not sight[0]):
            return
        try:
            author = parse_user(user)
        except Unreadable as why:
            self._flaw("unknown", str(why), None)
            return
        self._authors[author.id] = sight
        self.batch.authors.append(author)
        if odd := odd_counts(user):
            self._note_odd(odd, "user.", None)

    def _includes(self, answer: JsonObject, line: int | None) -> Includes:
        found = Includes(observed_at=_retrieved_at(answer))
        for user in objects(answer, "includes", "users"):
            self._author(user, found.observed_at)
            if native := native_id(user.get("id")):
                found.users[native] = user
        for item in objects(answer, "includes", "media"):
            if key := as_text(item.get("media_key")):
                found.media[key] = item
        self._note_unknown(as_object(answer.get("includes")).keys() - _KNOWN_INCLUDES, "includes.", line)
        return found

    def _errors(self, errors: object, includes: Includes, line: int | None) -> None:
        """Posts that X says are gone. Deleted and suspended look alike here, so none of it is final.

        What an old archive found missing says nothing about now, so there it is only noted as missing.
        """
        for error in errors if isinstance(errors, list) else []:
            problem = as_object(error)
            native = native_id(problem.get("resource_id")) or native_id(problem.get("value"))
            gone = str(problem.get("type")).rsplit("/", 1)[-1] in _GONE
            if gone and native and problem.get("resource_type") in ("tweet", "post"):
                if includes.observed_at is None:
                    self.batch.deletions.append(Deletion(Ref(native), "unavailable"))
                else:
                    self.batch.missing.append(Ref(native))
            else:
                told = problem.get("detail") or problem.get("title") or problem.get("message") or error
                self._flaw("unknown", f"X answered beside the posts: {told}"[:300], line, native)

    def _note_unknown(self, names: Iterable[object], where: str, line: int | None) -> None:
        self._note("X sent a field that we do not read", names, where, line)

    def _note_odd(self, names: Iterable[object], where: str, line: int | None) -> None:
        self._note("X sent a count that is none", names, where, line)

    def _note(self, what: str, names: Iterable[object], where: str, line: int | None) -> None:
        """A fact about a field, told once."""
        for name in names:
            detail = f"{what}: {where}{name}"[:300]
            if detail not in self._unknown:
                self._unknown.add(detail)
                self._flaw("unknown", detail, line)

    def _flaw(self, kind: FlawKind, detail: str, line: int | None, native: object = None) -> None:
        post = native_id(native)
        self.batch.flaws.append(Flaw(kind, storable(detail), line, f"x:{post}" if post else None))


def _retrieved_at(row: JsonObject) -> str | None:
    """When twarc2 asked X, which it writes into each line; None on an answer of X itself."""
    stamp = row.get("__twarc")
    told = stamp.get("retrieved_at") if isinstance(stamp, dict) else None
    return _archive_time(told) if isinstance(told, str) else None
