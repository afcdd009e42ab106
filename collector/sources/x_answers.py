"""What stands in an answer of X beside its posts: counts, what is billed, and what was asked for and did not come."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import httpx

from archive.models import Batch, Billed, Count, Flaw, RawPage, Ref
from archive.times import normalise
from collector.sources.x_fields import (
    PRICE_OF_A_POST,
    PRICE_OF_A_USER,
    PRICE_OF_ALL_COUNTS,
    PRICE_OF_RECENT_COUNTS,
)
from collector.sources.x_post import JsonObject, as_object, listed, native_id, objects

_EXPECTED = ("author_id", "conversation_id", "created_at", "public_metrics")


def parse_counts(answer: object, page: RawPage) -> Batch:
    """A page of counts, in either dialect (tweet_count, post_count)."""
    query = url_params(page.url).get("query", "")
    batch = Batch(billed=[_billed_request(page)])
    for row in listed(as_object(answer), "data"):
        batch.rows += 1
        starts_at, ends_at, count = normalise(row.get("start")), normalise(row.get("end")), count_of(row)
        if starts_at is None or ends_at is None or count is None:
            batch.flaws.append(Flaw("unusable", "X sent a count without its time or its number"))
        else:
            batch.counts.append(Count(query, starts_at, ends_at, count))
    return batch


def count_of(row: JsonObject, name: str = "{}_count") -> int | None:
    """The number in a row or total of counts, under the word of either dialect."""
    for word in ("tweet", "post"):
        value = row.get(name.format(word))
        if type(value) is int and value >= 0:
            return value
    return None


def _billed_request(page: RawPage) -> Billed:
    """X bills counts by the request, however often the same is asked."""
    told = hashlib.blake2b(f"{page.url} {page.fetched_at}".encode(), digest_size=12).hexdigest()
    dear = httpx.URL(page.url).path.endswith("/all")
    return Billed("request", told, PRICE_OF_ALL_COUNTS if dear else PRICE_OF_RECENT_COUNTS)


def find_billed(answer: JsonObject) -> list[Billed]:
    """What X charges for in an answer: each post and each user that it brings, however it came along.

    X does not say how what comes along is billed ("per resource returned in the response"), so all of it counts.
    Every edit has an id of its own and is a resource of its own.
    """
    data = answer.get("data")
    rows = [data] if isinstance(data, dict) else listed(answer, "data")
    posts = (*rows, *objects(answer, "includes", "tweets"), *objects(answer, "includes", "posts"))
    return [
        *(Billed("post", native, PRICE_OF_A_POST) for native in _ids(posts)),
        *(Billed("user", native, PRICE_OF_A_USER) for native in _ids(objects(answer, "includes", "users"))),
    ]


def _ids(items: tuple[JsonObject, ...] | list[JsonObject]) -> dict[str, None]:
    return dict.fromkeys(native for item in items if (native := native_id(item.get("id"))))


def find_unanswered(url: str, batch: Batch) -> list[Ref]:
    """The ids of a lookup that came back neither as a post nor as gone."""
    answered = {ref.native_id for post in batch.posts for ref in post.native_ids}
    answered |= {deletion.ref.native_id for deletion in batch.deletions}
    return [Ref(native) for native in url_params(url).get("ids", "").split(",") if native and native not in answered]


def check_fields(answer: Mapping[str, Any]) -> list[Flaw]:
    """The fields that we asked for and no post of the first page has: X drops a renamed field in silence."""
    rows = listed(dict(answer), "data")
    absent = [name for name in _EXPECTED if rows and not any(row.get(name) is not None for row in rows)]
    if rows and not listed(as_object(answer.get("includes")), "users"):
        absent.append("includes.users")
    return [Flaw("unknown", f"X did not send {name}, which was asked for") for name in absent]


def url_params(url: str) -> httpx.QueryParams:
    """The parameters of a request, by its address."""
    return httpx.URL(url).params
