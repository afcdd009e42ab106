"""Generated X posts of realistic shape and size: about 8 kB of flattened twarc2 JSON each, about a fictional chat."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

_TEXT = """
council residents bins recycling flooding planning consultation photo video caption plain english alt text reply
honest early warm simple team local weather road school library park event share story people listen ask answer
"""
_WORDS = _TEXT.split()
_BIO = "Communications officer. Views mine. Fictional Northmoor District Council. " * 2


def flattened_posts(count: int, seed: int = 7) -> Iterator[str]:
    """``count`` lines of flattened twarc2 JSON, newest first, from a tenth as many authors."""
    chance = random.Random(seed)
    for n in range(count):
        yield json.dumps(_post(1_400_000_000_000_000_000 + n * 4_194_304, n, chance, chance.random() < 0.3))


def _text(chance: random.Random) -> str:
    return " ".join(chance.choices(_WORDS, k=chance.randint(8, 35)))


def _post(number: int, n: int, chance: random.Random, refers: bool) -> dict[str, Any]:
    author = _author(n % 5_000)
    text = f"{_text(chance)} #northmoor"
    post: dict[str, Any] = {
        "id": str(number), "author_id": author["id"], "author": author, "conversation_id": str(number),
        "created_at": f"2026-10-08T{12 + n % 10:02d}:{n % 60:02d}:{n // 60 % 60:02d}.000Z", "text": text, "lang": "en",
        "source": "Web", "possibly_sensitive": False, "reply_settings": "everyone",
        "public_metrics": {"retweet_count": n % 9, "reply_count": n % 4, "like_count": n % 30, "quote_count": 0},
        "edit_history_tweet_ids": [str(number)],
        "context_annotations": [_annotation(i) for i in range(chance.randint(6, 14))],
        "entities": {
            "hashtags": [{"start": 10, "end": 20, "tag": "northmoor"}],
            "urls": [_url(n)],
            "mentions": [{"start": 0, "end": 8, **_author(n % 50)}],
            "annotations": [{"start": 1, "end": 9, "probability": 0.8, "normalized_text": "Northmoor"}],
        },
        "__twarc": {"url": "https://api.x.com/2/tweets/search/all?" + "x" * 900, "version": "2.14.0",
                    "retrieved_at": "2026-10-09T08:00:00+00:00"},
    }  # fmt: skip
    if refers:
        other = _post(number - 40_000_000_000, n + 1, chance, refers=False)
        other.pop("__twarc")
        post["referenced_tweets"] = [{"type": "quoted", **other}]
    return post


def _author(n: int) -> dict[str, Any]:
    return {
        "id": str(5_000 + n), "username": f"person{n}", "name": f"Person {n}", "description": _BIO, "verified": False,
        "created_at": "2012-01-01T00:00:00.000Z", "location": "Northmoor", "protected": False, "url": "",
        "profile_image_url": "https://pbs.example/profile_images/1/" + "a" * 60,
        "public_metrics": {"followers_count": n, "following_count": 3, "tweet_count": 9, "listed_count": 0},
        "entities": {"description": {"hashtags": [{"start": 1, "end": 5, "tag": "comms"}]}},
    }  # fmt: skip


def _annotation(i: int) -> dict[str, Any]:
    domain = {"id": str(40 + i), "name": "Entities [Entity Service]", "description": "Entity Service top level domain"}
    return {"domain": domain, "entity": {"id": str(10**18 + i), "name": "Local government", "description": "x" * 90}}


def _url(n: int) -> dict[str, Any]:
    return {
        "start": 30, "end": 53, "url": f"https://t.co/{n:010d}", "expanded_url": f"https://example.org/news/{n % 400}",
        "display_url": "example.org/news", "status": 200, "title": "News of Northmoor", "description": "y" * 150,
        "unwound_url": f"https://example.org/news/{n % 400}",
        "images": [{"url": "https://pbs.example/news_img/" + "b" * 60, "width": 600, "height": 300}],
    }  # fmt: skip
