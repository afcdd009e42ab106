"""The part of X's search language that the stage speaks: words, tags, a few operators, OR, brackets and the minus."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from archive.models import normalise_tag

_TOKEN = re.compile(r'"[^"]*"|\(|\)|-(?=[("])|[^\s()"]+')


class BadQuery(ValueError):
    """A query that X would refuse with 400; the message says why."""


@dataclass(frozen=True, slots=True)
class Searched:
    """What a query can ask of one post. ``kinds`` are the words after ``is:``; ``has`` those after ``has:``.

    ``ids`` are its own, of every edit; ``quoted`` and ``answered`` the posts that it refers to.
    """

    text: str
    tags: frozenset[str]
    author: str
    conversation: str
    kinds: frozenset[str]
    has: frozenset[str]
    lang: str
    ids: tuple[str, ...] = ()
    quoted: str | None = None
    answered: str | None = None


Matches = Callable[[Searched], bool]

_KINDS = frozenset({"retweet", "reply", "quote", "nullcast", "verified"})
_HAS = frozenset({"hashtags", "links", "mentions", "media", "images"})


def parse_query(query: str) -> Matches:
    """The test that a query is. Words side by side must all hold and bind closer than OR, as on X."""
    tokens = _TOKEN.findall(query)
    matches, rest = _any_of(tokens)
    if rest:
        raise BadQuery(f"missing an opening bracket before '{rest[0]}'")
    return matches


def _any_of(tokens: list[str]) -> tuple[Matches, list[str]]:
    first, rest = _all_of(tokens)
    choices = [first]
    while rest and rest[0] == "OR":
        choice, rest = _all_of(rest[1:])
        choices.append(choice)
    return lambda post: any(choice(post) for choice in choices), rest


def _all_of(tokens: list[str]) -> tuple[Matches, list[str]]:
    parts: list[Matches] = []
    rest = tokens
    while rest and rest[0] not in ("OR", ")"):
        part, rest = _one(rest)
        parts.append(part)
    if not parts:
        raise BadQuery("there must be at least one thing to search for")
    return lambda post: all(part(post) for part in parts), rest


def _one(tokens: list[str]) -> tuple[Matches, list[str]]:
    head, rest = tokens[0], tokens[1:]
    if head == "(":
        inner, rest = _any_of(rest)
        if not rest:
            raise BadQuery("missing a closing bracket")
        return inner, rest[1:]
    if head.startswith("-") and (rest or head != "-"):
        inner, rest = _one(rest if head == "-" else [head[1:], *rest])
        return lambda post: not inner(post), rest
    return _term(head), rest


def _term(term: str) -> Matches:
    if term.startswith(("#", "＃")) and len(term) > 1:
        tag = normalise_tag(term)
        return lambda post: tag in post.tags
    operator, colon, value = term.partition(":")
    if colon and not term.startswith('"'):
        return _operator(operator, value)
    words = term.strip('-"').casefold()
    if not words:
        raise BadQuery("there must be at least one thing to search for")
    return lambda post: words in post.text.casefold()


def _operator(operator: str, value: str) -> Matches:
    wanted = value.casefold()
    known: dict[str, Matches] = {
        "from": lambda post: post.author.casefold() == wanted.lstrip("@"),
        # the post that began a conversation is not among its results
        "conversation_id": lambda post: post.conversation == value and value not in post.ids,
        "quotes_of_tweet_id": lambda post: post.quoted == value,
        "in_reply_to_tweet_id": lambda post: post.answered == value,
        "lang": lambda post: post.lang == wanted,
    }
    if operator == "is" and wanted in _KINDS:
        return lambda post: wanted in post.kinds
    if operator == "has" and wanted in _HAS:
        return lambda post: wanted in post.has
    if operator not in known or not value:
        raise BadQuery(f"Reference to invalid operator '{operator}:{value}'. Operator is not available.")
    return known[operator]
