"""The words of a post as they read outside their conversation, and when two wordings are the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_LEADING_MENTIONS = re.compile(r"^(?:[@＠][\w.-]+(?:@[\w.-]+)?[\s,:]+)+(?=\S)")
# "@somebody has a guide to this" speaks about them, not to them.
_SPOKEN_OF = re.compile(r"(?:is|are|was|were|has|have|had|does|do|did|can|could|will|would|and|&|or)\b|['’]s\b")
_PART_MARK = re.compile(r"^[(\[]?(\d{1,2})\s?/\s?(?:(\d{1,2})|n|x)(?:[)\]][:.]?|[:.]|\s*[-–—](?=\s))\s*", re.IGNORECASE)
_BARE_PART_MARK = re.compile(r"^(\d{1,2})\s?/\s?(\d{1,2})\s+")
_PART_MARK_AT_END = re.compile(r"\s[(\[]?\d{1,2}/(?:\d{1,2}|n|x)[)\]]?$", re.IGNORECASE)
_LONE_FIRST = re.compile(r"^\(?1\)\s*(?!.*\b2\))", re.DOTALL)
_MOST_AT_END = 30  # tags and links that close a post


def readable(text: str, number: int | None, hashtags: Sequence[str], *, in_thread: bool = False) -> str:
    """A post's words without whom they address, the mark of what they answer, and the hashtag round them.

    Read alone in a guide, these say nothing; the transcript has the whole wording. ``in_thread`` says that the post
    is a part of several, so that a bare 2/3 is no fraction.
    """
    tags = "|".join(map(re.escape, hashtags))
    # Marks, mentions and tags come in any order: "#chat A2: …", "@host A2 1/3: …".
    for _ in range(2):
        text = _drop_mentions(text.strip())
        if tags:
            text = re.sub(rf"^[#＃](?i:{tags})(?:\s*[:|,\-–—]+\s*|\s+(?=[\"“‘]?[A-Z\d]))", "", text)
        text = _drop_answer_mark(text, number)
        text = _drop_part_mark(text, in_thread=in_thread)
    return _LONE_FIRST.sub("", _drop_tags_at_end(text, hashtags), count=1).strip()


def fold(text: str) -> str:
    """The wording without case, punctuation and spacing: what is equal by this is the same sentence."""
    letters = re.sub("['’]", "", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(re.findall(r"[^\W_]+", letters)) or text


def _drop_mentions(text: str) -> str:
    found = _LEADING_MENTIONS.match(text)
    return text if found is None or _SPOKEN_OF.match(text, found.end()) else text[found.end() :]


def _drop_answer_mark(text: str, number: int | None) -> str:
    if number is None:
        return text
    typed_with_shift = "|A!" if number == 1 else ""
    mark = (
        rf"(?:RT @\S+:?\s*)?(?:(?:(?:[AQaq]|[Aa]ns(?:wer)?|ANS(?:WER)?)\W?0?{number}(?!\d){typed_with_shift})"
        rf"\s*[:.)\-–—]+\s*|(?:A|Q)\W?0?{number}(?:\s+(?=[A-Z\d@#“\"])|(?=[A-Z][a-z ’'])))"
    )
    found = re.match(mark, text)
    return text[found.end() :] if found else text


def _drop_part_mark(text: str, *, in_thread: bool) -> str:
    found = _PART_MARK.match(text) or (_BARE_PART_MARK.match(text) if in_thread else None)
    if found and (found[2] is None or int(found[1]) <= int(found[2])):
        text = text[found.end() :]
    if in_thread and (at_end := _PART_MARK_AT_END.search(text[-12:])):
        text = text[: len(text) - len(at_end[0])]
    return text


def _drop_tags_at_end(text: str, hashtags: Sequence[str]) -> str:
    """Takes the chat's tags out of the tags and links that close a post, and leaves the others."""
    tail: list[str] = []
    rest = text.rstrip()
    while len(tail) < _MOST_AT_END:
        before, _, last = _last_word(rest)
        if not re.match(r"[#＃]\w|https?://", last):
            break
        tail.insert(0, last)
        rest = before
    own = {tag.casefold() for tag in hashtags}
    kept = [word for word in tail if word[0] not in "#＃" or word[1:].rstrip(".,!?").casefold() not in own]
    if len(kept) == len(tail):
        return text
    return " ".join([rest, *kept]).strip()


def _last_word(text: str) -> tuple[str, str, str]:
    parts = text.rsplit(None, 1)
    return (parts[0], " ", parts[1]) if len(parts) == 2 else ("", "", text)
