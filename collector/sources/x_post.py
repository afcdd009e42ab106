"""One object of X's API v2 in the archive's words: a post or a user, of either dialect, plain or flattened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from archive.models import Author, Flaw, Link, Media, Mention, Metrics, Post, PostKind, Ref, normalise_tag
from archive.times import normalise, to_text

JsonObject = dict[str, Any]

SNOWFLAKE_EPOCH_MS = 1288834974657
LARGEST_COUNT = 2**63 - 1  # what SQLite holds
_FIRST_SNOWFLAKE = 30_000_000_000  # ids were counted one by one until 4 November 2010 and ended just below this

_NO_LANGUAGE = frozenset({"und", "zxx", "qam", "qct", "qht", "qme", "qst", "art"})
_MEDIA_KINDS = {"photo": "image", "animated_gif": "video", "video": "video"}

_normalise_tag = lru_cache(maxsize=8192)(normalise_tag)


class Unreadable(ValueError):
    """An object that holds no post we can keep; the message says why."""


@dataclass(slots=True)
class Includes:
    """What came along with an answer: users by id, media by key, and in an archive when X was asked.

    ``flaws`` gathers what parse_tweet() mended.
    """

    users: dict[str, JsonObject] = field(default_factory=dict)
    media: dict[str, JsonObject] = field(default_factory=dict)
    observed_at: str | None = None
    flaws: list[Flaw] = field(default_factory=list)


def snowflake_time(native: str) -> str | None:
    """The second in which X gave out an id, as X writes ``created_at``; None for ids older than November 2010."""
    number = int(native)
    if number < _FIRST_SNOWFLAKE:
        return None
    return to_text(datetime.fromtimestamp(((number >> 22) + SNOWFLAKE_EPOCH_MS) // 1000, UTC))


def parse_tweet(tweet: JsonObject, includes: Includes, primary: bool) -> Post:
    """One post object of either dialect, plain or flattened. Raises Unreadable where it holds no post to keep.

    The text is what X sent, whole (note_tweet) and unescaped; its t.co addresses stay, ``links`` says where they lead.
    """
    own = native_id(tweet.get("id"))
    note = as_object(tweet.get("note_tweet") or tweet.get("note_post"))
    text = as_text(note.get("text")) or as_text(tweet.get("text"))
    if own is None or text is None:
        raise Unreadable(_what_it_is(tweet))
    author, handle = _author_of(tweet, includes)
    first, ids = _versions(tweet, own)
    entities = [part for part in (tweet.get("entities"), note.get("entities")) if isinstance(part, dict)]
    kind, references = _references(tweet, own, ids)
    created_at, edited_at = _times(tweet, own, first, includes)
    media = _media(tweet, includes, entities)
    return Post(
        id="x:" + first,
        platform="x",
        author=author,
        native_ids=tuple([Ref(native) for native in ids]),
        created_at=created_at,
        edited_at=edited_at,
        observed_at=includes.observed_at,
        text=_unescape(text),
        lang=_language(tweet.get("lang")),
        url=f"https://x.com/{handle}/status/{own}" if handle else None,  # a page builds one from the id
        kind=kind,
        labels=_withheld(tweet),
        sensitive=_flag(tweet.get("possibly_sensitive")),
        reply_to=references.get("replied_to"),
        conversation=_ref(tweet.get("conversation_id")),
        quote_of=references.get("quoted"),
        repost_of=references.get("retweeted"),
        tags=_tags(entities),
        links=_links(entities, references.get("quoted"), own),
        mentions=_mentions(entities),
        media=media,
        metrics=_metrics(tweet.get("public_metrics")),
        primary=primary,
    )


def parse_user(user: JsonObject) -> Author:
    """One user object, whole or as a mention names it. Raises Unreadable where neither id nor handle is there."""
    native, handle = native_id(user.get("id")), as_text(user.get("username")) or None
    if native is None and handle is None:
        raise Unreadable("X sent a user without an id")
    return Author(
        id=f"x:{native}" if native else f"x:@{handle}",
        platform="x",
        handle=handle,
        name=as_text(user.get("name")) or None,
        bio=_bio(user),
        url=f"https://x.com/{handle}" if handle else None,
        followers_count=_count(as_object(user.get("public_metrics")), "followers_count"),
    )


def _what_it_is(row: JsonObject) -> str:
    """Why a row without id or text is no post, said as closely as it can be."""
    if "username" in row:
        return "this row is a user, not a post"
    if "action" in row:
        return "this row is a compliance notice, not a post"
    if "tweet_count" in row or "post_count" in row:
        return "this row is a count, not a post"
    if "owner_id" in row:
        return "this row is a list, not a post"
    return "X sent a post without an id" if "text" in row else "this row has no text, so it is no post"


def _author_of(tweet: JsonObject, includes: Includes) -> tuple[str, str | None]:
    """The author's id, and the handle where it came along."""
    inline = as_object(tweet.get("author"))
    native = native_id(tweet.get("author_id")) or native_id(inline.get("id"))
    user = inline or includes.users.get(native or "", inline)
    if user.get("protected") is True:
        raise Unreadable("its author shows posts to followers only, so it is not kept")
    handle = as_text(user.get("username")) or as_text(tweet.get("username")) or None
    if native is None and handle is None:
        raise Unreadable("X sent a post without its author")
    return f"x:{native}" if native else f"x:@{handle}", handle


def _versions(tweet: JsonObject, own: str) -> tuple[str, list[str]]:
    """The first id of the edit history, and all its ids with this version's own last."""
    history = tweet.get("edit_history_tweet_ids") or tweet.get("edit_history_post_ids")
    if not isinstance(history, list) or history == [own]:
        return own, [own]
    ids = [native for item in history if (native := native_id(item))]
    return (ids or [own])[0], [*(native for native in ids if native != own), own]


def _times(tweet: JsonObject, own: str, first: str, includes: Includes) -> tuple[str, str | None]:
    """When the first version was written, and when this one was, if it is a later one.

    X gives every version the time of its own id as created_at; the id of the first version tells the first time.
    """
    told = tweet.get("created_at")
    stamp = _time(told)
    if stamp is None:
        stamp = snowflake_time(own)
        if stamp is None:
            raise Unreadable("X sent a post without its time")
        if told is not None:
            includes.flaws.append(Flaw("repaired", "the time is unreadable and was taken from the id", post="x:" + own))
    if own == first:
        return stamp, None
    return snowflake_time(first) or stamp, stamp


def _time(value: object) -> str | None:
    """X's own form is the archive's, so it is only checked; any other time is rewritten."""
    if isinstance(value, str) and len(value) == 24 and value[23] == "Z" and value[7] == "-" and value[19] == ".":
        try:
            datetime.fromisoformat(value)
        except ValueError:
            return None
        return value
    return normalise(value)


def _references(tweet: JsonObject, own: str, ids: list[str]) -> tuple[PostKind, dict[str, Ref]]:
    found: dict[str, Ref] = {}
    listed = tweet.get("referenced_tweets") or tweet.get("referenced_posts")
    for item in listed if isinstance(listed, list) else []:
        if isinstance(item, dict) and (ref := _ref(item.get("id"))):
            found[str(item.get("type"))] = ref
    if "reposted" in found:
        found.setdefault("retweeted", found["reposted"])
    if "retweeted" in found:
        return "repost", found
    if "replied_to" in found or _is_orphan(tweet, own, ids):
        return "reply", found
    return ("quote" if "quoted" in found else "post"), found


def _is_orphan(tweet: JsonObject, own: str, ids: list[str]) -> bool:
    """A reply whose parent X no longer names: it stands in a conversation that it did not begin."""
    conversation = tweet.get("conversation_id")
    if conversation is None or conversation == own or tweet.get("in_reply_to_user_id") is None:
        return False
    return conversation not in ids


def _withheld(tweet: JsonObject) -> tuple[str, ...]:
    """The countries where X may not show the post, as labels."""
    if "withheld" not in tweet:
        return ()
    countries = as_object(tweet["withheld"]).get("country_codes")
    return tuple(f"withheld:{as_text(code)}" for code in countries) if isinstance(countries, list) else ("withheld",)


def _tags(entities: list[JsonObject]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for item in _entity(entities, "hashtags"):
        if (tag := as_text(item.get("tag"))) and (name := _normalise_tag(tag)):
            found[name] = None
    return tuple(found)


def _links(entities: list[JsonObject], quoted: Ref | None, own: str) -> tuple[Link, ...]:
    """The addresses that stand in the text, except those that only lead to its own media, rest or quoted post."""
    found: dict[str, Link] = {}
    for item in _entity(entities, "urls"):
        url = as_text(item.get("url"))
        expanded = as_text(item.get("unwound_url")) or as_text(item.get("expanded_url")) or None
        if not url or "media_key" in item or (expanded and _leads_to_itself(expanded, quoted, own)):
            continue
        found[url] = Link(url, expanded)
    return tuple(found.values())


def _leads_to_itself(expanded: str, quoted: Ref | None, own: str) -> bool:
    path = _path_at_x(expanded)
    if path is None:
        return False
    _, _, rest = path.partition("/status/")
    native, _, tail = rest.partition("/")
    if tail.startswith(("photo/", "video/")):
        return True
    return bool(native) and (native == own or (quoted is not None and native == quoted.native_id))


def _path_at_x(url: str) -> str | None:
    """The path of an address on X itself, without its query; None elsewhere."""
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    if not scheme.startswith("http") or host not in ("twitter.com", "x.com", "www.twitter.com", "mobile.twitter.com"):
        return None
    return "/" + path.partition("?")[0]


def _mentions(entities: list[JsonObject]) -> tuple[Mention, ...]:
    found: dict[str, Mention] = {}
    for item in _entity(entities, "mentions"):
        if handle := as_text(item.get("username")):
            native = native_id(item.get("id"))
            found[handle] = Mention(handle, f"x:{native}" if native else None)
    return tuple(found.values())


def _media(tweet: JsonObject, includes: Includes, entities: list[JsonObject]) -> tuple[Media, ...]:
    """The media by the includes or inline; where X names no address, the page on X that shows it."""
    attachments = tweet.get("attachments")
    if not isinstance(attachments, dict):
        return ()
    keys = attachments.get("media_keys")
    items = [item for item in listed(attachments, "media") if item]
    if not items and isinstance(keys, list):
        items = [includes.media[key] for key in keys if isinstance(key, str) and key in includes.media]
    found = [
        Media(url, _MEDIA_KINDS.get(str(item.get("type")), "other"), as_text(item.get("alt_text")) or None)
        for item in items
        if (url := _media_url(item))
    ]
    return tuple(found) if found else _media_pages(entities)


def _media_url(item: JsonObject) -> str | None:
    if url := as_text(item.get("url")):
        return url
    files = [each for each in listed(item, "variants") if each.get("content_type") == "video/mp4"]
    best = max(files, key=lambda each: _count(each, "bit_rate") or 0, default={})
    return as_text(best.get("url")) or as_text(item.get("preview_image_url"))


def _media_pages(entities: list[JsonObject]) -> tuple[Media, ...]:
    found: dict[str, Media] = {}
    for item in _entity(entities, "urls"):
        url = as_text(item.get("expanded_url"))
        if url and "media_key" in item:
            found[url] = Media(url, "video" if "/video/" in url else "image")
    return tuple(found.values())


def _metrics(counts: object) -> Metrics | None:
    if not isinstance(counts, dict):
        return None
    reposts = _count(counts, "retweet_count")
    return Metrics(
        likes=_count(counts, "like_count"),
        reposts=_count(counts, "repost_count") if reposts is None else reposts,
        replies=_count(counts, "reply_count"),
        quotes=_count(counts, "quote_count"),
        views=_count(counts, "impression_count"),
    )


def _bio(user: JsonObject) -> str | None:
    """The description with its t.co addresses written out, since who someone works for often stands in them."""
    bio = as_text(user.get("description"))
    if not bio:
        return None
    if "https://t.co/" in bio:
        for item in objects(as_object(user.get("entities")), "description", "urls"):
            short, expanded = as_text(item.get("url")), as_text(item.get("expanded_url"))
            bio = bio.replace(short, expanded) if short and expanded else bio
    return bio


def _language(value: object) -> str | None:
    language = as_text(value)
    return None if language in _NO_LANGUAGE else language or None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _count(counts: JsonObject, name: str) -> int | None:
    value = counts.get(name)
    return value if type(value) is int and 0 <= value <= LARGEST_COUNT else None


def odd_counts(holder: JsonObject) -> list[str]:
    """The names of the public metrics whose value can be no count."""
    counts = holder.get("public_metrics")
    if not isinstance(counts, dict):
        return [] if counts is None else ["public_metrics"]
    for value in counts.values():  # nearly always sound, and asked of every post
        if type(value) is not int or not 0 <= value <= LARGEST_COUNT:
            known = {name for name, value in counts.items() if value is None or _count(counts, name) is not None}
            return [f"public_metrics.{name}" for name in counts if name not in known]
    return []


def _ref(value: object) -> Ref | None:
    native = native_id(value)
    return Ref(native) if native else None


def native_id(value: object) -> str | None:
    """An id as X writes it, digits in a text; other tools have made numbers of them."""
    if type(value) is int and value < 10**19:
        value = str(value)
    if isinstance(value, str) and value.isdigit() and value.isascii() and len(value) <= 19:
        return value
    return None


def _unescape(text: str) -> str:
    """X escapes exactly these three in texts; names and descriptions come unescaped."""
    if "&" not in text:
        return text
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def as_text(value: object) -> str | None:
    """The value if it is a text. What SQLite cannot hold (NUL, half surrogate pairs) the store mends."""
    return value if isinstance(value, str) else None


def as_object(value: object) -> JsonObject:
    """The value, or an empty object in place of anything else."""
    return value if isinstance(value, dict) else {}


def listed(parent: JsonObject, name: str) -> list[JsonObject]:
    """The objects of a list that may be absent, null or something else."""
    items = parent.get(name)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def objects(parent: JsonObject, *path: str) -> list[JsonObject]:
    """The objects of the list at a path that may end early."""
    for name in path[:-1]:
        parent = as_object(parent.get(name))
    return listed(parent, path[-1])


def _entity(entities: list[JsonObject], name: str) -> Iterator[JsonObject]:
    for part in entities:
        items = part.get(name)
        if isinstance(items, list):
            for item in items:
                if isinstance(item, dict):
                    yield item
