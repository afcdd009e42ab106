"""Reads a written chat from its JSON file: the chat, the feed for the stage, and what to expect of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from archive.errors import SettingsError
from archive.models import Chat, Session
from archive.times import to_text
from chatkeep.stage.feed import Edit, Feed, FeedAuthor, FeedPost

_REFERENCES = ("reply_to", "quote_of", "repost_of")


@dataclass(frozen=True, slots=True)
class Script:
    """A chat written for the stage. ``expected`` holds what the file says that analysis should find:

    ``labels`` maps a post's key to its ``kinds`` (a list) and ``question`` (Q<n>, A<n> or -); ``features`` maps a
    feature such as ``thread`` or ``reposts`` to the keys of the posts that have it.
    """

    chat: Chat
    feed: Feed
    expected: Mapping[str, Any]


def load_script(path: Path) -> Script:
    """The script in ``path``. Raises SettingsError where the file cannot be played as it stands."""
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        feed = Feed(
            authors=tuple(_author(row) for row in written["authors"]),
            posts=tuple(_post(row) for row in written["posts"]),
        )
        script = Script(_chat(written["chat"], written["session"]), feed, written.get("expected", {}))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{path.name} cannot be played as a chat ({error!r}); install Chatkeep again") from error
    _check_references(path.name, feed)
    return script


def _chat(chat: Mapping[str, Any], session: Mapping[str, Any]) -> Chat:
    zone = ZoneInfo(chat["timezone"])
    sitting = Session(
        id=session["id"],
        chat=chat["slug"],
        starts_at=_to_utc(session["starts"], zone),
        ends_at=_to_utc(session["ends"], zone),
        questions=tuple(session["questions"]),
    )
    return Chat(
        slug=chat["slug"],
        title=chat["title"],
        hashtags=tuple(chat["hashtags"]),
        hosts=tuple(chat["hosts"]),
        timezone=chat["timezone"],
        description=chat["description"],
        sessions=(sitting,),
    )


def _to_utc(local: str, zone: ZoneInfo) -> str:
    return to_text(datetime.fromisoformat(local).replace(tzinfo=zone))


def _author(row: Mapping[str, Any]) -> FeedAuthor:
    return FeedAuthor(**{**row, "labels": tuple(row.get("labels", ()))})


def _post(row: Mapping[str, Any]) -> FeedPost:
    return FeedPost(**{**row, "edits": tuple(Edit(**edit) for edit in row.get("edits", ()))})


def _check_references(name: str, feed: Feed) -> None:
    """A stage would show a dangling reference as a deleted post, which a slip of the pen should not."""
    if len(feed.by_key) != len(feed.posts) or len(feed.by_author) != len(feed.authors):
        raise SettingsError(f"{name} uses a key twice; give every author and post a key of its own")
    for post in feed.posts:
        if post.author not in feed.by_author:
            raise SettingsError(f"{name}: post {post.key} is by {post.author!r}, who is not among its authors")
        for reference in _REFERENCES:
            target = getattr(post, reference)
            if target is not None and not _on_same_platform(feed, post, target):
                raise SettingsError(
                    f"{name}: {reference} of post {post.key} is {target!r}, which is no post of its platform"
                )


def _on_same_platform(feed: Feed, post: FeedPost, target: str) -> bool:
    other = feed.by_key.get(target)
    return other is not None and feed.author_of(other).platform == feed.author_of(post).platform
