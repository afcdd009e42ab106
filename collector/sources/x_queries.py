"""X's search queries and the ends of a search, as ids and as times."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from archive.times import from_text
from collector.sources.x_post import SNOWFLAKE_EPOCH_MS, native_id

FIRST_POST = from_text("2006-03-22T00:00:00Z")
_EPOCH = from_text("1970-01-01T00:00:00Z") + timedelta(milliseconds=SNOWFLAKE_EPOCH_MS)


def build_queries(hashtags: Iterable[str], longest: int) -> list[str]:
    """Search queries that together find every hashtag once, none longer than ``longest`` characters.

    X leaves reposts out of search since May 2026; the operator keeps them out, and unpaid, should they return.
    """
    return [_query(f"#{tag}" for tag in group) for group in _packed(hashtags, lambda tag: f"#{tag}", longest)]


def build_ref_queries(operator: str, refs: Iterable[str], longest: int) -> list[tuple[str, tuple[str, ...]]]:
    """Queries for posts that stand in a relation to others, such as ``conversation_id:``, each with its ids.

    Oldest first, so that ids that come in later change the last query alone and the others keep their watermark.
    """
    ids = sorted({native for ref in refs if (native := native_id(ref))}, key=int)

    def term(native: str) -> str:
        return f"{operator}:{native}"

    return [(_query(map(term, group)), tuple(group)) for group in _packed(ids, term, longest)]


def _packed(words: Iterable[str], term: Callable[[str], str], longest: int) -> list[list[str]]:
    groups: list[list[str]] = []
    for word in dict.fromkeys(words):
        if groups and len(_query(map(term, [*groups[-1], word]))) <= longest:
            groups[-1].append(word)
        else:
            groups.append([word])
    return groups


def _query(terms: Iterable[str]) -> str:
    return f"({' OR '.join(terms)}) -is:retweet"


def id_time(native: str | None) -> datetime | None:
    """When an id was given out; X's epoch for the ids before it."""
    if native is None:
        return None
    return _EPOCH + timedelta(milliseconds=int(native) >> 22)


def first_id(moment: datetime) -> str:
    """The lowest id of a moment."""
    return str(max((moment - _EPOCH) // timedelta(milliseconds=1), 0) << 22)


def id_before(moment: datetime) -> str:
    """The id just below a moment's: since_id leaves the id itself out."""
    return str(max(int(first_id(moment)) - 1, 1))


def whole_second(moment: datetime, *, up: bool = False) -> str:
    """A time as X takes it, in whole seconds; an end is rounded up so that its second is searched whole."""
    whole = moment.replace(microsecond=0)
    whole += timedelta(seconds=1) if up and moment.microsecond else timedelta()
    return f"{whole:%Y-%m-%dT%H:%M:%SZ}"
