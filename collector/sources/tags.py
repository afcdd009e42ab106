"""Reads sheets of TAGS (Twitter Archiving Google Sheet) saved as CSV, also after a spreadsheet or R had them in hand.

A spreadsheet keeps 15 digits of a number, and ids have 18 or 19: then the id comes from ``status_url``, which is text.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from archive.models import Author, Batch, Link, Media, Mention, Platform, Post, PostKind, RawPage, Ref, normalise_tag
from collector.sources.csv_rows import Row, Unusable, parse_table, read_table, recognises_table
from collector.sources.x_post import JsonObject, as_text, listed, native_id
from collector.sources.x_rows import (
    author_of,
    count_of,
    exact_number,
    fits_time,
    has_rounded_end,
    links_in,
    mentions_in,
    reposted_handle,
    sound_handle,
    sound_id,
    tags_in,
    text_of,
    time_of,
    told_time,
    ungarbled,
)

_COLUMN_NAMES = """
    id_str from_user text created_at time geo_coordinates user_lang iso_language_code in_reply_to_user_id_str
    in_reply_to_screen_name in_reply_to_status_id_str to_user to_user_id_str from_user_id_str source profile_image_url
    user_followers_count user_friends_count user_location status_url entities_str
"""
_COLUMNS = frozenset(_COLUMN_NAMES.split())  # of versions 5 to 6.1
_FOLDERS = ("status", "statuses")  # of a post's address: twitter.com/NAME/statuses/ID
_NO_HANDLES = frozenset({"i", "web"})
_REPLY_COLUMNS = frozenset({"in_reply_to_user_id_str", "in_reply_to_screen_name", "to_user", "to_user_id_str"})
_MEDIA_KINDS = {"photo": "image", "video": "video", "animated_gif": "video"}


class Tags:
    """TAGS, versions 5 to 6.1, whatever the order of its columns."""

    name = "tags"
    platform: Platform = "x"
    id_columns: tuple[str, ...] = ("id_str", "status_url")

    def recognises(self, path: Path, head: bytes) -> bool:
        return recognises_table(head, self)

    def read(self, path: Path, fetched_at: str) -> Iterator[RawPage]:
        return read_table(path, fetched_at, self)

    def parse(self, page: RawPage) -> Batch:
        return parse_table(page, self)

    def has_posts(self, columns: Collection[str]) -> bool:
        return "text" in columns and ("id_str" in columns or "status_url" in columns)

    def known_columns(self) -> Collection[str]:
        return _COLUMNS

    def read_row(self, row: Row) -> tuple[Post, Author]:
        url_handle, url_id = _told_by_address(row.values.get("status_url"))
        native, damaged = _native_id(row, url_id)
        text, entities = _content(row, damaged)
        author = _author(row, url_handle, damaged)
        kind, reply_to = _kind(row, text, damaged)
        written_at = time_of(row, native)
        post = Post(
            id="x:" + native,
            platform="x",
            author=author.id,
            native_ids=(Ref(native),),
            created_at=written_at,
            observed_at=written_at,  # the file does not say when it was read: any sight with a time goes before it
            text=text,
            lang=row.values.get("iso_language_code"),
            url=f"https://x.com/{author.handle}/status/{native}" if author.handle else None,
            kind=kind,
            reply_to=reply_to,
            repost_of=_reposted(text, entities) if kind == "repost" else None,
            tags=_tags(entities) if entities is not None else tags_in(text),
            links=_links(entities) if entities is not None else links_in(text),
            mentions=_mentions(entities) if entities is not None else mentions_in(text),
            media=_media(entities) if entities is not None else (),
        )
        return post, author


def _told_by_address(url: str | None) -> tuple[str | None, str | None]:
    """The handle and the id that a post's address holds."""
    try:
        parts = urlsplit(url or "").path.strip("/").split("/")
    except ValueError:
        return None, None
    if len(parts) < 3 or parts[1] not in _FOLDERS:
        return None, None
    handle = None if parts[0] in _NO_HANDLES else sound_handle(parts[0])
    return handle, native_id(parts[2])


def _native_id(row: Row, by_address: str | None) -> tuple[str, bool]:
    """The post's id, and whether this row's own one is damaged. Raises Unusable where none is left."""
    told = row.values.get("id_str")
    own = exact_number(told)
    if (
        own is not None
        and own != by_address
        and has_rounded_end(own)
        and (row.rounded or _same_digits(own, by_address))
    ):
        own = None
    if own is None:
        if by_address is None:
            raise Unusable(
                f"the id {told!r} is damaged and no address tells it"[:200] if told else "this row has no id"
            )
        if told is not None:
            row.mended.append(f"the id {told!r} was damaged and was taken from the address"[:200])
        return by_address, told is not None
    if by_address is None or by_address == own:
        return own, False
    stamp = told_time(row)
    chosen = by_address if fits_time(by_address, stamp) and not fits_time(own, stamp) else own
    row.mended.append(f"the id {own} and the address disagree; {chosen} was kept")
    return chosen, False


def _same_digits(own: str, by_address: str | None) -> bool:
    """Whether an id in an address begins with the digits that a spreadsheet keeps."""
    return by_address is not None and len(by_address) == len(own) and by_address[:14] == own[:14]


def _content(row: Row, damaged: bool) -> tuple[str, JsonObject | None]:
    """The text, and X's own list of what stands in it, None where it is absent or cut.

    A spreadsheet that damaged the ids often took UTF-8 for Windows-1252 too; in sound rows nothing is touched.
    """
    text, told = text_of(row), row.values.get("entities_str")
    if damaged and (right := ungarbled(text)) != text:
        row.mended.append("letters of the text were put right")
        text = right
    if told is None:
        return text, None
    try:
        entities = json.loads(ungarbled(told) if damaged else told)
    except (ValueError, RecursionError):
        entities = None
    if isinstance(entities, dict):
        return text, entities
    row.mended.append("entities_str is cut or damaged; tags and links were read from the text")
    return text, None


def _author(row: Row, url_handle: str | None, damaged: bool) -> Author:
    told = row.values.get("from_user")
    handle = sound_handle(told)
    if handle is None and url_handle is not None:
        handle = url_handle
        row.mended.append(f"the author's name {told or ''!r} was taken from the address"[:200])
    elif handle is None and told is not None:
        row.mended.append(f"the author's name {told!r} cannot be one"[:200])
    number = sound_id(row, "from_user_id_str", rounded=damaged or row.rounded)
    if number is None and "from_user_id_str" in row.values:
        row.mended.append("the author's number was damaged")
    return Author(
        id=author_of(number, handle),
        platform="x",
        handle=handle,
        url=f"https://x.com/{handle}" if handle else None,
        followers_count=count_of(row, "user_followers_count"),
    )


def _kind(row: Row, text: str, damaged: bool) -> tuple[PostKind, Ref | None]:
    if reposted_handle(text):
        return "repost", None
    if "in_reply_to_status_id_str" in row.values:
        parent = sound_id(row, "in_reply_to_status_id_str", rounded=damaged or row.rounded)
        if parent is None:
            row.mended.append("the id of the post it answers was damaged")
        return "reply", Ref(parent) if parent else None
    return ("reply" if _REPLY_COLUMNS & row.values.keys() else "post"), None


def _reposted(text: str, entities: JsonObject | None) -> Ref | None:
    """The post that this one repeats: told only by media that came with it, where they are by whom it repeats."""
    handle = (reposted_handle(text) or "").lower()
    named = (each for each in listed(entities or {}, "user_mentions") if str(each.get("screen_name")).lower() == handle)
    numbers = {native_id(each.get("id_str")) for each in named} - {None}
    for item in listed(entities or {}, "media"):
        if native_id(item.get("source_user_id_str")) in numbers and (
            native := native_id(item.get("source_status_id_str"))
        ):
            return Ref(native)
    return None


def _tags(entities: JsonObject) -> tuple[str, ...]:
    names = (normalise_tag(tag) for item in listed(entities, "hashtags") if (tag := as_text(item.get("text"))))
    return tuple(dict.fromkeys(name for name in names if name))


def _links(entities: JsonObject) -> tuple[Link, ...]:
    found = {
        url: Link(url, as_text(item.get("expanded_url")) or None)
        for item in listed(entities, "urls")
        if (url := as_text(item.get("url")))
    }
    return tuple(found.values())


def _mentions(entities: JsonObject) -> tuple[Mention, ...]:
    found: dict[str, Mention] = {}
    for item in listed(entities, "user_mentions"):
        if handle := as_text(item.get("screen_name")):
            number = native_id(item.get("id_str"))
            found[handle] = Mention(handle, f"x:{number}" if number else None)
    return tuple(found.values())


def _media(entities: JsonObject) -> tuple[Media, ...]:
    return tuple(
        Media(url, _MEDIA_KINDS.get(str(item.get("type")), "other"))
        for item in listed(entities, "media")
        if (url := as_text(item.get("media_url_https")) or as_text(item.get("media_url")))
    )
