"""The words of design section 4 as types: what a source understood of a page, before and beside the database.

Absent is None, never 0 or "". Times are archive texts (see archive.times).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Platform = Literal["x", "bluesky", "mastodon"]
PLATFORMS: tuple[Platform, ...] = ("x", "bluesky", "mastodon")
PLATFORM_NAMES: Mapping[str, str] = {"x": "X", "bluesky": "Bluesky", "mastodon": "Mastodon"}

PostKind = Literal["post", "reply", "repost", "quote"]
Visibility = Literal["public", "unlisted"]
TipKind = Literal["do", "dont", "example", "resource", "concern", "question"]
TIP_KINDS: tuple[TipKind, ...] = ("do", "dont", "example", "resource", "concern", "question")
TIP_KIND_NAMES: Mapping[str, str] = {
    "do": "Do",
    "dont": "Don't",
    "example": "Good example",
    "resource": "Resource",
    "concern": "Concern",
    "question": "Question",
}


def normalise_tag(text: str) -> str:
    """The one spelling of a hashtag: no hash sign, no spaces around, NFKC, lower case."""
    return unicodedata.normalize("NFKC", text).strip().lstrip("#").strip().lower()


@dataclass(frozen=True, slots=True)
class Ref:
    """A post as its platform names it. ``server`` is "" where ids hold everywhere (X, Bluesky)."""

    native_id: str
    server: str = ""


@dataclass(slots=True, kw_only=True)
class Author:
    """``id`` is ``x:123``, ``x:@handle`` until the number is learnt, ``bluesky:did:…`` or ``mastodon:<actor uri>``.

    ``handle`` has no leading @; on Mastodon it is always user@host.
    """

    id: str
    platform: Platform
    handle: str | None = None
    name: str | None = None
    bio: str | None = None
    url: str | None = None
    followers_count: int | None = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """``url`` as it stands in the post, ``expanded_url`` where the platform says what it leads to."""

    url: str
    expanded_url: str | None = None


@dataclass(frozen=True, slots=True)
class Mention:
    """An account named in a post: its author id where known, else its handle."""

    handle: str
    author: str | None = None


@dataclass(frozen=True, slots=True)
class Media:
    """``kind`` is image, video, audio or other."""

    url: str
    kind: str
    alt_text: str | None = None


@dataclass(frozen=True, slots=True)
class Metrics:
    """Counts as the platform gave them at ``seen_at`` (None: it said nothing)."""

    likes: int | None = None
    reposts: int | None = None
    replies: int | None = None
    quotes: int | None = None
    views: int | None = None


@dataclass(slots=True, kw_only=True)
class Post:
    """One post as one page showed it.

    ``id``: ``x:`` + first id of the edit history; ``bluesky:`` + at-uri; ``mastodon:`` + uri.
    ``native_ids``: every id this page gives it (X: each edit's id; Mastodon: the server's local id).
    ``created_at``: what the author's client claimed. ``indexed_at``: when the platform saw it, where it says so.
    ``text`` is plain; ``html`` is as received and is sanitised by the store before it is kept.
    ``observed_at``: when this wording was read, where that is not the time of fetching (old files); else None.
    ``tags`` are normalised. ``primary`` is False for posts that came along beside the answer (X includes, a quote).
    """

    id: str
    platform: Platform
    author: str
    native_ids: tuple[Ref, ...]
    created_at: str
    text: str
    indexed_at: str | None = None
    html: str | None = None
    edited_at: str | None = None
    observed_at: str | None = None
    lang: str | None = None
    url: str | None = None
    kind: PostKind = "post"
    visibility: Visibility = "public"
    labels: tuple[str, ...] = ()
    sensitive: bool | None = None
    reply_to: Ref | None = None
    conversation: Ref | None = None
    quote_of: Ref | None = None
    repost_of: Ref | None = None
    tags: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    mentions: tuple[Mention, ...] = ()
    media: tuple[Media, ...] = ()
    metrics: Metrics | None = None
    primary: bool = True


@dataclass(frozen=True, slots=True)
class Deletion:
    """A post that is gone. ``reason``: deleted is final; unavailable hides, and ends with a later sighting."""

    ref: Ref
    reason: Literal["deleted", "unavailable"]


@dataclass(frozen=True, slots=True)
class AuthorState:
    """What a platform said of a whole account. ``reason``: deleted is final; unavailable hides; None: it is back."""

    author: str
    reason: Literal["deleted", "unavailable"] | None


@dataclass(frozen=True, slots=True)
class Billed:
    """Something that the platform charges for, once a UTC day. ``kind`` is post, user or request.

    ``tenth_cents`` is its price in tenths of a US cent, as the source knows it.
    """

    kind: Literal["post", "user", "request"]
    resource: str
    tenth_cents: int


@dataclass(frozen=True, slots=True)
class Count:
    """How many posts a platform says that a query has from ``starts_at`` (inclusive) to ``ends_at`` (exclusive)."""

    query: str
    starts_at: str
    ends_at: str
    posts_count: int


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something in a page that could not be read as it stands: kept, counted and reported, never dropped.

    ``kind``: unusable (the row holds no post we can keep), repaired (kept after mending), unknown (a field or value
    that no parser understands), malformed (the page or line cannot be decoded), cut (a file ends here too early).
    ``line`` counts from 1 in its file.
    """

    kind: Literal["unusable", "repaired", "unknown", "malformed", "cut"]
    detail: str
    line: int | None = None
    post: str | None = None


@dataclass(slots=True)
class Batch:
    """What a source understood of one page.

    ``top``: the highest position on this page in the source's own order (opaque), None on an empty page.
    ``rows``: rows of a file, or items of an answer, that were read, usable or not.
    ``missing``: refs that were asked for and not answered, without saying why.
    ``billed``: what the platform charges for this page, everything that came along included.
    """

    posts: list[Post] = field(default_factory=list)
    authors: list[Author] = field(default_factory=list)
    deletions: list[Deletion] = field(default_factory=list)
    missing: list[Ref] = field(default_factory=list)
    author_states: list[AuthorState] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)
    billed: list[Billed] = field(default_factory=list)
    flaws: list[Flaw] = field(default_factory=list)
    top: str | None = None
    rows: int = 0


@dataclass(slots=True, kw_only=True)
class RawPage:
    """One answer as received. ``body`` is the bytes; ``url`` and ``headers`` hold no secret.

    ``source`` names the source that parses it (x, bluesky, mastodon, twarc2, tags, academictwitter); ``format`` says
    which answer or dialect it is (``search``, ``posts``, ``pages``, ``flattened``…), enough for parse() alone.
    ``server`` is the base URL that native ids belong to ("" where they hold everywhere).
    ``origin`` is the host or file name. ``first_line`` is the number of the first line in a file.
    ``next_cursor`` is None where the walk is complete.
    """

    source: str
    format: str
    origin: str
    fetched_at: str
    body: bytes
    url: str = ""
    server: str = ""
    http_status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    first_line: int | None = None
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """What check() found: one line for a person and its remedy. ``level``: error stops the work, warning does not."""

    where: str
    message: str
    remedy: str
    level: Literal["error", "warning"] = "error"


@dataclass(slots=True, kw_only=True)
class Session:
    """One sitting of a chat. ``starts_at`` and ``ends_at`` are archive texts; ``questions`` as announced; ``weekly``:
    it follows from the rule of a weekly chat.
    """

    id: str
    chat: str
    starts_at: str
    ends_at: str
    questions: tuple[str, ...] = ()
    weekly: bool = False


@dataclass(slots=True, kw_only=True)
class Chat:
    """A hashtag and its hosts. ``hashtags`` are normalised; ``hosts`` are ``platform:handle``."""

    slug: str
    title: str
    hashtags: tuple[str, ...]
    hosts: tuple[str, ...] = ()
    timezone: str = "Europe/London"
    description: str | None = None
    sessions: tuple[Session, ...] = ()
