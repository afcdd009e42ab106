"""What Mastodon's answers hold before they are read as posts, and the cutting out of what is not public."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from archive.models import Visibility
from archive.projection import storable

JsonObject = dict[str, object]

KEPT: Mapping[str, Visibility] = {"public": "public", "unlisted": "unlisted"}
DEEPEST = 3  # a boost of a quote of a post: servers nest no deeper
THREAD_LISTS = ("ancestors", "descendants")
UPSERTS = ("update", "status.update")  # an edit that adds the hashtag comes as status.update alone
DELETE = "delete"
_WITHOUT_NEWS = ("filters_changed",)


def load_json(body: bytes) -> object:
    """What the bytes say; None where they are no UTF-8 JSON (or nothing but null)."""
    try:
        answer: object = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return answer


def load_items(body: bytes) -> list[object] | None:
    """The items of an answer, one post alone being a list of one; None where it is neither, or no UTF-8 JSON."""
    answer = load_json(body)
    if isinstance(answer, dict) and "uri" in answer:
        return [answer]
    return answer if isinstance(answer, list) else None


def load_thread(body: bytes) -> JsonObject | None:
    """A post's context: its two lists, of posts where they hold anything, and what else came; None where it is none."""
    answer = load_json(body)
    if not isinstance(answer, dict):
        return None
    lists = [answer.get(name) for name in THREAD_LISTS]
    sound = all(isinstance(each, list) and (not each or any(map(is_post, each))) for each in lists)
    return answer if sound else None


def public_thread(thread: JsonObject) -> JsonObject:
    """The context less the posts that are not public or unlisted. Of a part that nobody knows the name alone stays."""
    public: JsonObject = dict.fromkeys(thread)
    for name in THREAD_LISTS:
        items = thread[name]
        public[name] = without_private(items) if isinstance(items, list) else []
    return public


def public_event(event: str, payload: str) -> JsonObject | None:
    """One event of a stream as it is stored; None for one that nobody may keep, or that says nothing of posts.

    Where we cannot tell what a payload holds, it is left out: other streams carry direct messages and notifications.
    """
    if event in _WITHOUT_NEWS:
        return None
    if event == DELETE:
        return {"event": event, "payload": payload}
    status = load_json(payload.encode("utf-8", "replace")) if event in UPSERTS else None
    if not is_post(status):
        return {"event": event, "payload": None}
    public = without_private([status])
    if not public:
        return None
    return {"event": event, "payload": payload if public == [status] else json.dumps(public[0])}


def without_private(items: Sequence[object]) -> list[object]:
    """The items less those that are not public or unlisted, and less any such post that an item carries."""
    return [_carrying_no_private(item) for item in items if _may_be_kept(item)]


def _may_be_kept(item: object) -> bool:
    if not isinstance(item, dict):
        return True
    boosted = item.get("reblog")
    return item.get("visibility") in tuple(KEPT) and (boosted is None or _may_be_kept(boosted))


def _carrying_no_private(item: object, depth: int = 0) -> object:
    if not isinstance(item, dict):
        return item
    kept = dict(item)
    for name in ("reblog", "quote", "quoted_status"):
        carried = kept.get(name)
        is_carried = isinstance(carried, dict) and ("visibility" in carried or name != "quote")
        if depth > DEEPEST or (is_carried and not _may_be_kept(carried)):
            kept[name] = None
        elif isinstance(carried, dict):
            kept[name] = _carrying_no_private(carried, depth + 1)
    return kept


def order(native_id: str) -> tuple[int, str]:
    """The sort key of a server's ids: Mastodon's are numbers without leading zeros, others' are of one length."""
    return (len(native_id), native_id)


def is_post(item: object) -> bool:
    """Whether an item is a post at all, of whatever visibility: it has an id and an address."""
    if not isinstance(item, dict) or ident(item.get("id")) is None:
        return False
    return isinstance(item.get("uri") or item.get("url"), str)


def ids_of(items: Sequence[object]) -> list[str]:
    """The local ids of the items that have one."""
    found = (ident(item.get("id")) for item in items if isinstance(item, dict))
    return [native_id for native_id in found if native_id is not None]


def ident(value: object) -> str | None:
    """An id as text; None where it is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 2**64 else None
    return storable(value) or None if isinstance(value, str) else None
