"""The script of a staged chat: who posts what, where and when; the servers of the stage show it as platforms would."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from archive.models import Platform, normalise_tag
from archive.times import from_text

_TAG = re.compile(r"(?<![\w&/])[#＃](\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedAuthor:
    """One account. ``person`` is the same for accounts of one human being."""

    key: str
    platform: Platform
    handle: str
    name: str
    bio: str = ""
    person: str = ""
    followers_count: int = 0
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A new wording from ``at`` on."""

    at: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPost:
    """One post. ``at`` is when it was published; ``claims_at`` what its client claims, where that differs.

    ``arrives_at`` is when the platform (Mastodon: the asked server) first shows it; ``arrivals`` says it of single
    Mastodon hosts, None for those that never get it. ``reply_to``, ``quote_of`` and
    ``repost_of`` are keys of other posts. Hashtags, @handles and links are those that stand in the text.
    """

    key: str
    author: str
    at: str
    text: str
    claims_at: str | None = None
    arrives_at: str | None = None
    reply_to: str | None = None
    quote_of: str | None = None
    repost_of: str | None = None
    edits: tuple[Edit, ...] = ()
    deleted_at: str | None = None
    lang: str | None = None
    alt_text: str | None = None
    visibility: str = "public"
    likes_count: int = 0
    reposts_count: int = 0
    arrivals: Mapping[str, str | None] = field(default_factory=dict, hash=False)

    def text_at(self, now: datetime) -> str:
        """The wording that stands at ``now``."""
        current = self.text
        for edit in self.edits:
            if from_text(edit.at) <= now:
                current = edit.text
        return current

    def edited_at(self, now: datetime) -> str | None:
        """The time of the newest edit before ``now``, or None."""
        past = [edit.at for edit in self.edits if from_text(edit.at) <= now]
        return past[-1] if past else None

    def shown(self, now: datetime) -> bool:
        """Whether the platform shows it at ``now``: arrived and not deleted."""
        if from_text(self.arrives_at or self.at) > now:
            return False
        return self.deleted_at is None or from_text(self.deleted_at) > now


@dataclass(frozen=True, slots=True)
class Feed:
    """A whole chat for the stage; posts in any order."""

    authors: tuple[FeedAuthor, ...]
    posts: tuple[FeedPost, ...]
    by_author: dict[str, FeedAuthor] = field(init=False, repr=False)
    by_key: dict[str, FeedPost] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_author", {author.key: author for author in self.authors})
        object.__setattr__(self, "by_key", {post.key: post for post in self.posts})

    def on(self, platform: Platform) -> list[FeedPost]:
        """The posts of one platform, oldest first."""
        own = [post for post in self.posts if self.by_author[post.author].platform == platform]
        return sorted(own, key=lambda post: (post.at, post.key))

    def author_of(self, post: FeedPost) -> FeedAuthor:
        """The account that wrote ``post``."""
        return self.by_author[post.author]


def tags_of(text: str) -> tuple[str, ...]:
    """The normalised hashtags that stand in a text, each once, in order."""
    return tuple(dict.fromkeys(normalise_tag(match) for match in _TAG.findall(text)))
