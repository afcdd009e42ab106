"""Shows a feed's posts as X's API v2 does: snowflake ids, edit histories, entities, t.co addresses, includes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from archive.times import from_text, to_text
from chatkeep.stage.feed import Feed, FeedAuthor, FeedPost
from chatkeep.stage.x_query import Searched
from chatkeep.stage.x_text import Json, composed, handles_in, hashed, length, letters, marks_in, short_url, tags_in

Dialect = Literal["legacy", "modern"]

EPOCH_MS = 1288834974657  # of X's ids
_LOW_BITS = 22
_LONGEST = 280  # characters; above it a post is a note, whose text is cut
_CUT = 250

NEW_WORDS = {
    "edit_history_tweet_ids": "edit_history_post_ids",
    "referenced_tweets": "referenced_posts",
    "note_tweet": "note_post",
    "retweet_count": "repost_count",
    "tweets": "posts",
}


def id_at(moment: datetime) -> int:
    """The lowest id that X can give out at a moment."""
    return (int(moment.timestamp() * 1000) - EPOCH_MS) << _LOW_BITS


def user_id(author: FeedAuthor) -> str:
    """The account's number, the same in every run."""
    return str(10**17 + hashed(f"user {author.key}") % (9 * 10**17))


def _post_id(at: str, key: str) -> str:
    return str(id_at(from_text(at)) | hashed(f"post {key}") % (1 << _LOW_BITS))


@dataclass(frozen=True, slots=True)
class Version:
    """One wording of a post, with its own id; ``ids`` is the edit history so far, oldest first."""

    post: FeedPost
    id: str
    at: str
    text: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asked to see, by the names of its dialect."""

    dialect: Dialect
    post_fields: frozenset[str]
    expansions: frozenset[str]
    user_fields: frozenset[str]
    media_fields: frozenset[str]


@dataclass(slots=True)
class Included:
    """What comes along with an answer, each once, in the order of its first mention."""

    users: dict[str, FeedAuthor] = field(default_factory=dict)
    posts: dict[str, Version] = field(default_factory=dict)
    media: dict[str, Json] = field(default_factory=dict)
    errors: list[Json] = field(default_factory=list)


class World:
    """X at one moment: which posts stand, in which wording, and how an answer shows them."""

    def __init__(self, feed: Feed, now: datetime) -> None:
        self._feed = feed
        self._now = now
        self._shown = {post.key: _versions(post, now) for post in feed.on("x") if post.shown(now)}
        self._handles = {author.handle.casefold(): author for author in feed.authors if author.platform == "x"}
        self._accounts = {
            handle: {"username": author.handle, "id": user_id(author)} for handle, author in self._handles.items()
        }
        standing = [versions[-1].post for versions in self._shown.values()]
        self._replies = Counter(post.reply_to for post in standing if post.reply_to)
        self._quotes = Counter(post.quote_of for post in standing if post.quote_of)
        self._reposts = Counter(post.repost_of for post in standing if post.repost_of)

    def current(self) -> list[Version]:
        """The latest version of each post that stands, highest id first."""
        return sorted((versions[-1] for versions in self._shown.values()), key=lambda v: int(v.id), reverse=True)

    def by_id(self, native: str) -> Version | None:
        """The version with this id, if its post stands."""
        for versions in self._shown.values():
            for version in versions:
                if version.id == native:
                    return version
        return None

    def searched(self, version: Version) -> Searched:
        """What a query can ask of a version."""
        post = version.post
        has = marks_in(version.text) | ({"media", "images"} if post.alt_text is not None else set())
        kinds = {"retweet": post.repost_of, "reply": post.reply_to, "quote": post.quote_of}
        return Searched(
            text=version.text,
            tags=tags_in(version.text),
            author=self._feed.author_of(post).handle,
            conversation=self._conversation(post),
            kinds=frozenset(kind for kind, other in kinds.items() if other),
            has=frozenset(has),
            lang=post.lang or "en",
            ids=version.ids,
            quoted=self._referred(post, post.quote_of),
            answered=self._referred(post, post.reply_to),
        )

    def _referred(self, post: FeedPost, key: str | None) -> str | None:
        """The id that another post had when this one referred to it."""
        other = self._feed.by_key.get(key or "")
        return None if other is None else _versions(other, from_text(post.at))[-1].id

    def answer(self, versions: Iterable[Version], asked: Asked) -> Json:
        """``data``, ``includes`` and ``errors`` for these versions, in the words of the asked dialect."""
        included = Included()
        data = [self._post(version, asked, included) for version in versions]
        beside = [self._post(version, asked, Included()) for version in list(included.posts.values())]
        nested = asked.dialect == "modern" or "referenced_tweets.id.author_id" in asked.expansions
        for version in included.posts.values() if nested else ():
            author = self._feed.author_of(version.post)
            included.users.setdefault(author.key, author)
        includes = {
            "users": [self._user(author, asked) for author in included.users.values()],
            "tweets": beside,
            "media": list(included.media.values()),
        }
        shown: Json = {"data": data} if data else {}
        if any(includes.values()):
            shown["includes"] = {self._word(name, asked): items for name, items in includes.items() if items}
        if included.errors:
            shown["errors"] = included.errors
        return shown

    def _post(self, version: Version, asked: Asked, included: Included) -> Json:
        post, author = version.post, self._feed.author_of(version.post)
        text, entities, note = self._wording(version)
        references = self._references(version, asked, included)
        replied = self._feed.by_key.get(post.reply_to or "")
        everything: Json = {
            "id": version.id,
            "text": text,
            "author_id": user_id(author),
            "created_at": _to_second(version.at),
            "conversation_id": self._conversation(post),
            "in_reply_to_user_id": user_id(self._feed.author_of(replied)) if replied else None,
            "referenced_tweets": references or None,
            "edit_history_tweet_ids": list(version.ids),
            "edit_controls": _edit_controls(version),
            "public_metrics": self._metrics(post, asked),
            "entities": entities or None,
            "note_tweet": note,
            "attachments": {"media_keys": [_media_key(post)]} if post.alt_text is not None else None,
            "lang": post.lang or "en",
            "possibly_sensitive": False,
            "reply_settings": "everyone",
            "display_text_range": [0, len(text)],
        }
        self._include(version, asked, included)
        wanted = _wanted(asked)
        return {
            self._word(name, asked): value for name, value in everything.items() if name in wanted and value is not None
        }

    def _include(self, version: Version, asked: Asked, included: Included) -> None:
        """Adds the accounts, media and older versions that the expansions ask for."""
        post = version.post
        accounts = [self._feed.author_of(post)] if "author_id" in asked.expansions else []
        replied = self._feed.by_key.get(post.reply_to or "")
        if replied and "in_reply_to_user_id" in asked.expansions:
            accounts.append(self._feed.author_of(replied))
        if "entities.mentions.username" in asked.expansions:
            accounts += [self._handles[name] for name in handles_in(version.text) if name in self._handles]
        for author in accounts:
            included.users.setdefault(author.key, author)
        if post.alt_text is not None and "attachments.media_keys" in asked.expansions:
            included.media.setdefault(_media_key(post), _media(post, asked))
        if asked.expansions & {"edit_history_tweet_ids", "edit_history_post_ids"}:
            for other in self._shown.get(post.key, ()):
                if other.id != version.id:
                    included.posts.setdefault(other.id, other)

    def _references(self, version: Version, asked: Asked, included: Included) -> list[Json]:
        """The posts that a post refers to, by the id that they had when it was written."""
        post, found = version.post, []
        kinds = {"replied_to": post.reply_to, "quoted": post.quote_of, "retweeted": post.repost_of}
        for kind, key in kinds.items():
            other = self._feed.by_key.get(key or "")
            if other is None:
                continue
            native = _versions(other, from_text(post.at))[-1].id
            found.append({"type": kind, "id": native})
            if not asked.expansions & {"referenced_tweets.id", "referenced_posts"}:
                continue
            if (shown := self.by_id(native)) is not None:
                included.posts.setdefault(shown.id, shown)
            else:
                included.errors.append(not_found(native, "referenced_tweets.id", asked.dialect))
        return found

    def _wording(self, version: Version) -> tuple[str, Json, Json | None]:
        """The text as X sends it, its entities, and the note that holds a long text whole."""
        post, source = version.post, version.text
        if post.repost_of and (original := self._feed.by_key.get(post.repost_of)):
            source = f"RT @{self._feed.author_of(original).handle}: {original.text_at(self._now)}"
            source = source if len(source) <= 140 else source[:139].rstrip() + "…"
        tail = self._tail(version)
        text, entities = composed(source, tail, self._accounts)
        if length(text) <= _LONGEST or post.repost_of:
            return text, entities, None
        whole, whole_entities = composed(source, [url for url in tail if "media_key" not in url], self._accounts)
        rest = short_url(f"https://x.com/i/web/status/{version.id}")
        short, short_entities = composed(source[:_CUT].rsplit(" ", 1)[0] + "…", [rest], self._accounts)
        note = {"text": whole, "entities": whole_entities} if whole_entities else {"text": whole}
        return short, short_entities, note

    def _tail(self, version: Version) -> list[Json]:
        """The addresses that X itself puts at the end: of the quoted post, and of the picture."""
        found = []
        post = version.post
        if quoted := self._feed.by_key.get(post.quote_of or ""):
            native = _versions(quoted, from_text(post.at))[-1].id
            found.append(short_url(f"https://x.com/{self._feed.author_of(quoted).handle}/status/{native}"))
        if post.alt_text is not None:
            handle = self._feed.author_of(post).handle
            found.append(
                short_url(f"https://x.com/{handle}/status/{version.id}/photo/1") | {"media_key": _media_key(post)}
            )
        return found

    def _metrics(self, post: FeedPost, asked: Asked) -> Json:
        counts = {
            "retweet_count": post.reposts_count + self._reposts[post.key],
            "reply_count": self._replies[post.key],
            "like_count": post.likes_count,
            "quote_count": self._quotes[post.key],
            "bookmark_count": 0,
            "impression_count": 20 + 25 * post.likes_count,
        }
        return {self._word(name, asked): count for name, count in counts.items()}

    def _conversation(self, post: FeedPost) -> str:
        seen = {post.key}
        while post.reply_to and post.reply_to not in seen and post.reply_to in self._feed.by_key:
            post = self._feed.by_key[post.reply_to]
            seen.add(post.key)
        return _post_id(post.at, post.key)

    def _user(self, author: FeedAuthor, asked: Asked) -> Json:
        total = "post_count" if asked.dialect == "modern" else "tweet_count"
        counts = {"followers_count": author.followers_count, "following_count": 100, total: 1000, "listed_count": 5}
        everything: Json = {
            "created_at": "2012-05-01T09:00:00.000Z",
            "description": author.bio,
            "profile_image_url": f"https://pbs.twimg.com/profile_images/{user_id(author)}/picture_normal.jpg",
            "protected": False,
            "public_metrics": counts | {"like_count": 500},
            "url": "",
            "verified": False,
            "verified_type": "none",
        }
        named: Json = {"id": user_id(author), "name": author.name, "username": author.handle}
        return named | {name: value for name, value in everything.items() if name in asked.user_fields}

    def _word(self, name: str, asked: Asked) -> str:
        return NEW_WORDS.get(name, name) if asked.dialect == "modern" else name


def not_found(native: str, parameter: str, dialect: Dialect) -> Json:
    """The error that stands beside the data for a post that is gone; X does not say how it went."""
    if dialect == "modern" and parameter == "referenced_tweets.id":
        parameter = "referenced_posts"
    return {
        "value": native,
        "detail": f"Could not find tweet with {parameter}: [{native}].",
        "title": "Not Found Error",
        "resource_type": "tweet",
        "parameter": parameter,
        "resource_id": native,
        "type": f"{problem_host(dialect)}/resource-not-found",
    }


def problem_host(dialect: Dialect) -> str:
    """What a problem's type begins with; the dialects name different hosts."""
    return "https://api.x.com/2/problems" if dialect == "modern" else "https://api.twitter.com/2/problems"


def _versions(post: FeedPost, now: datetime) -> list[Version]:
    """The versions of a post up to ``now``, oldest first; always the first one."""
    wordings = [(post.at, post.text)] + [(edit.at, edit.text) for edit in post.edits if from_text(edit.at) <= now]
    ids = tuple(_post_id(at, f"{post.key} {number}" if number else post.key) for number, (at, _) in enumerate(wordings))
    return [Version(post, native, at, text, ids) for native, (at, text) in zip(ids, wordings, strict=True)]


def _wanted(asked: Asked) -> set[str]:
    """The legacy names of the fields that a post shows: the standing ones, those asked for, those expanded."""
    old_words = {new: old for old, new in NEW_WORDS.items()}
    wanted = {old_words.get(name, name) for name in asked.post_fields} | {"id", "text"}
    for expansion in asked.expansions:
        wanted.add(old_words.get(expansion, expansion).partition(".")[0])
    if asked.dialect == "legacy":
        wanted.add("edit_history_tweet_ids")
    return wanted


def _edit_controls(version: Version) -> Json:
    until = from_text(version.post.at).timestamp() + 30 * 60
    return {
        "edits_remaining": 6 - len(version.ids),
        "is_edit_eligible": version.post.reply_to is None,
        "editable_until": _to_second(to_text(datetime.fromtimestamp(until, from_text(version.at).tzinfo))),
    }


def _media_key(post: FeedPost) -> str:
    return f"3_{_post_id(post.at, 'media ' + post.key)}"


def _media(post: FeedPost, asked: Asked) -> Json:
    everything: Json = {
        "url": f"https://pbs.twimg.com/media/{letters(post.key, 10)}.jpg",
        "alt_text": post.alt_text or None,
        "width": 1200,
        "height": 675,
    }
    known = {name: value for name, value in everything.items() if name in asked.media_fields and value is not None}
    return {"media_key": _media_key(post), "type": "photo"} | known


def _to_second(at: str) -> str:
    return to_text(from_text(at).replace(microsecond=0))
