"""Who hosts a session and what they asked: numbered questions in all their spellings, repeats, announced ones."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.chitchat import find_small_talk
from analysis.marks import Mark, parse_marks
from analysis.normalising import Cleaned, normalise
from analysis.patterns import load_words
from analysis.rows import SessionPost, SessionRows

Key = tuple[int, str]

_ASKS = re.compile(
    r"\?|^(?:please\s+)?(?:share|tell|name|describe|give|list|choose|pick|think of|imagine|discuss|explain|show|"
    r"complete|finish)\b",
    re.IGNORECASE,
)
_ANNOUNCES = re.compile(r"\b(?:here|now|up|live|next|coming|posted|out|time for|moving on)\b", re.IGNORECASE)
# "Q1. coming up", "Q2 in two minutes": a question will be asked, later.
_FORETELLS = re.compile(
    r"\b(?:coming|comes|next|soon|shortly|on its way|follows|about to|ready|stand by|brace|before|after|hold on"
    r"|in (?:a|one|two|three|five|\d+) (?:moment|bit|sec|seconds?|mins?|minutes?))\b",
    re.IGNORECASE,
)
_OWN_VIEW = re.compile(r"\b(?:i|i'm|i've|i'd|my|we|we've)\b", re.IGNORECASE)
_BONUS = re.compile(r"\b(?:bonus|final|last|extra|closing|one more|warm[- ]?up) (?:question|q)\b", re.IGNORECASE)
_SAME_QUESTION = 0.6  # share of the question's words that a repeat of it says again
_BARE_WORDS = 4  # "Q2" and a picture of it
_QUESTION_WORDS = 5
_NO_QUESTION = frozenset(("roll-call", "housekeeping", "advert", "greeting"))
# "Our next question: …", "3. What …": what leads to a question and is none of its words.
_LEADS = re.compile(
    r"^\W*(?:(?:our|the|and|now|so|on to) )*(?:next|second|third|fourth|fifth|last|final|first) question(?: is)?"
    r"\s?[:,–-]\s*"
    r"|^\W*\d{1,2}[.)]\s+",
    re.IGNORECASE,
)
_ANSWERERS = 2  # people who answer a number that nobody was seen to ask


@dataclass(frozen=True, slots=True)
class Question:
    """A host's question. ``post`` is None where it was announced or answered but not seen; ``repeats`` are posts."""

    id: str
    number: int | None
    part: str
    post: str | None
    text: str
    asked_at: str | None
    author: str | None = None
    repeats: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """How people call it: Q3, Q1a, or "the question" where it has no number."""
        return f"Q{self.number}{self.part}" if self.number else "the unnumbered question"


def find_hosts(rows: SessionRows, cleaned: Mapping[str, Cleaned]) -> dict[str, str]:
    """The hosts' author ids, each with the reason: told in the settings, or found by the questions they asked."""
    hosts = {post.author: "named as a host in the settings" for post in rows.posts if post.is_host}
    first: dict[Key, str] = {}
    answerers: dict[int, set[str]] = {}
    for post in rows.posts:
        for mark in read_marks(post, cleaned[post.id]):
            if mark.role == "answer":
                answerers.setdefault(mark.number, set()).add(post.author)
            elif mark.number not in answerers and _asks(cleaned[post.id]) and not post.repost_of:
                first.setdefault((mark.number, mark.part), post.author)
    for author in sorted(set(first.values())):
        numbers = sorted({number for (number, _), asker in first.items() if asker == author})
        answered = any(answerers.get(number, set()) - {author} for number in numbers)
        if len(numbers) > 1 or answered:
            asked = ", ".join(f"Q{number}" for number in numbers)
            hosts.setdefault(author, f"asked {asked} first")
    return hosts


def read_marks(post: SessionPost, cleaned: Cleaned) -> tuple[Mark, ...]:
    """The marks in a post's words, or else in the alternative text of its pictures."""
    if cleaned.marks:
        return cleaned.marks
    for alt in post.alt_texts:
        marks, _ = parse_marks(alt.strip())
        if marks:
            return tuple(mark for mark in marks if mark.role == "question")
    return ()


def find_questions(rows: SessionRows, cleaned: Mapping[str, Cleaned], hosts: Mapping[str, str]) -> tuple[Question, ...]:
    """The session's questions, in the order of their numbers, unnumbered ones last in the order of asking."""
    asked, repeats = _find_asked(rows, cleaned, hosts)
    taken = {post.id for post in asked.values()} | {post for posts in repeats.values() for post in posts}
    announced = {(n, ""): text for n, text in enumerate(rows.session.questions, 1)}
    for key, text in announced.items():
        found = None if key in asked else _find_said(text, rows, cleaned, hosts, taken)
        if found is not None:
            asked[key] = found
            taken.add(found.id)
    for key in _find_unseen(rows, cleaned, set(asked) | set(announced)):
        announced.setdefault(key, "")
        unmarked = _find_unmarked(key[0], rows, cleaned, hosts, taken | {post.id for post in asked.values()})
        if unmarked is not None:
            asked[key] = unmarked
            taken.add(unmarked.id)
    numbered = [
        _build_question(rows, key, asked.get(key), announced.get(key), cleaned, tuple(repeats.get(key, ())))
        for key in sorted(set(asked) | _without_parts(announced, asked))
    ]
    return tuple(numbered) + tuple(_find_unnumbered(rows, cleaned, hosts, taken, bool(numbered)))


def _without_parts(announced: Mapping[Key, str], asked: Mapping[Key, SessionPost]) -> set[Key]:
    """The announced numbers, less those that the host asked in parts (Q1a, Q1b)."""
    parted = {number for number, part in asked if part}
    return {key for key in announced if key[0] not in parted}


def _find_asked(
    rows: SessionRows, cleaned: Mapping[str, Cleaned], hosts: Mapping[str, str]
) -> tuple[dict[Key, SessionPost], dict[Key, list[str]]]:
    """The first post of each numbered question, and the posts that repeat it."""
    asked: dict[Key, SessionPost] = {}
    repeats: dict[Key, list[str]] = {}
    for post in rows.posts:
        words = cleaned[post.id]
        for mark in read_marks(post, words):
            key = (mark.number, mark.part)
            if mark.role != "question" or post.repost_of:
                continue
            if key not in asked and post.author in hosts and _asks(words):
                asked[key] = post
            elif key in asked and _asks_at_last(post, words, cleaned[asked[key].id], hosts):
                repeats.setdefault(key, []).append(asked[key].id)
                asked[key] = post
            elif key in asked and _repeats(post, words, asked[key], cleaned, hosts):
                repeats.setdefault(key, []).append(post.id)
    return asked, repeats


def _asks_at_last(post: SessionPost, words: Cleaned, before: Cleaned, hosts: Mapping[str, str]) -> bool:
    """Whether a host's post puts in words what an earlier one only named ("Q1 is up")."""
    asks = bool(_ASKS.search(words.text)) and len(words.words) > _BARE_WORDS
    return asks and post.author in hosts and not _is_reply(post) and not _ASKS.search(before.text)


def _repeats(
    post: SessionPost, words: Cleaned, question: SessionPost, cleaned: Mapping[str, Cleaned], hosts: Mapping[str, str]
) -> bool:
    """Whether a post marked Q1 asks it again, rather than answers it."""
    if post.author in hosts and not _is_reply(post):
        return True
    if post.quote_of == question.id and len(words.words) <= 8:
        return True
    if _overlap(cleaned[question.id].words, words.words) >= _SAME_QUESTION:
        return True
    short = len(words.words) <= 10 and not _OWN_VIEW.search(words.text)
    return short and not _is_reply(post) and (not words.words or bool(_ANNOUNCES.search(words.text)))


def _find_said(
    text: str, rows: SessionRows, cleaned: Mapping[str, Cleaned], hosts: Mapping[str, str], taken: set[str]
) -> SessionPost | None:
    """The host's post that asks an announced question without a mark."""
    words = normalise(text).words
    for post in rows.posts:
        if post.author in hosts and post.id not in taken and _overlap(words, cleaned[post.id].words) >= _SAME_QUESTION:
            return post
    return None


def _find_unseen(rows: SessionRows, cleaned: Mapping[str, Cleaned], known: set[Key]) -> list[Key]:
    """Numbers that several people answered and nobody was seen to ask: the capture may have missed the question."""
    people: dict[int, set[str]] = {}
    for post in rows.posts:
        for mark in cleaned[post.id].marks:
            if mark.role == "answer":
                people.setdefault(mark.number, set()).add(post.author)
    numbers = {number for number, _ in known}
    most = max(numbers, default=0) + 2
    return [
        (number, "")
        for number, authors in sorted(people.items())
        if number not in numbers and number <= most and len(authors) >= _ANSWERERS
    ]


def _find_unmarked(
    number: int, rows: SessionRows, cleaned: Mapping[str, Cleaned], hosts: Mapping[str, str], taken: set[str]
) -> SessionPost | None:
    """What a host asked everybody last before the first answer with this number, and after the numbers before it."""
    answered = _list_answered(rows, cleaned)
    asked_before = [at for other, at in answered.items() if other < number]
    opens, closes = max(asked_before, default=""), answered.get(number, "")
    found = None
    for post in rows.posts:
        if not opens < post.posted_at < closes or post.author not in hosts or post.id in taken:
            continue
        if _is_reply(post) or post.repost_of or not _asks_everybody(cleaned[post.id]):
            continue
        found = post
    return found


def _list_answered(rows: SessionRows, cleaned: Mapping[str, Cleaned]) -> dict[int, str]:
    """When each number was first answered."""
    first: dict[int, str] = {}
    for post in rows.posts:
        for mark in cleaned[post.id].marks:
            if mark.role == "answer":
                first.setdefault(mark.number, post.posted_at)
    return first


def _asks_everybody(cleaned: Cleaned) -> bool:
    """Whether a post puts a question that is no small talk."""
    words = _LEADS.sub("", cleaned.text)
    small = any(small.kind in _NO_QUESTION for small in find_small_talk(words, cleaned.tags_count))
    return "?" in cleaned.text and len(cleaned.words) >= _QUESTION_WORDS and not small


def _find_unnumbered(
    rows: SessionRows, cleaned: Mapping[str, Cleaned], hosts: Mapping[str, str], taken: set[str], numbered: bool
) -> list[Question]:
    """Bonus questions; and, in a chat that numbers nothing, whatever its hosts ask everybody."""
    found = []
    for post in rows.posts:
        words = cleaned[post.id]
        if post.author not in hosts or post.id in taken or _is_reply(post) or post.repost_of or "?" not in words.text:
            continue
        if not _asks_everybody(words) or (numbered and not _BONUS.search(post.text)):
            continue
        digest = hashlib.sha256(post.id.encode()).hexdigest()[:10]
        found.append(
            Question(f"{rows.session.id}-{digest}", None, "", post.id, words.text, post.posted_at, post.author)
        )
    return found


def _build_question(
    rows: SessionRows,
    key: Key,
    post: SessionPost | None,
    announced: str | None,
    cleaned: Mapping[str, Cleaned],
    repeats: tuple[str, ...],
) -> Question:
    number, part = key
    text = announced or (_read_text(post, cleaned) if post else "")
    return Question(
        id=f"{rows.session.id}-q{number}{part}",
        number=number,
        part=part,
        post=post.id if post else None,
        text=text or "(the question itself was not captured)",
        asked_at=post.posted_at if post else None,
        author=post.author if post else None,
        repeats=repeats,
    )


def _read_text(post: SessionPost, cleaned: Mapping[str, Cleaned]) -> str:
    """The question's words, from the picture or the quoted post where the post itself only points to it."""
    words = cleaned[post.id].text.strip()
    quoted = cleaned[post.quote_of].text.strip() if post.quote_of and post.quote_of in cleaned else ""
    if "?" in quoted and not _ASKS.search(words):
        return quoted
    if not post.alt_texts and _ANNOUNCES.search(words) and not _ASKS.search(words):
        return ""
    if len(words.split()) >= 4:
        return _LEADS.sub("", words)
    alts = [normalise(alt).text.strip() for alt in post.alt_texts]
    return max([words, *alts], key=len)


def _asks(cleaned: Cleaned) -> bool:
    """Whether a post with a question's mark puts the question: in words, or in a picture with next to no words."""
    if _ASKS.search(cleaned.text):
        return True
    return len(cleaned.words) <= _BARE_WORDS and not _FORETELLS.search(cleaned.text)


def _is_reply(post: SessionPost) -> bool:
    """Whether the post speaks to one person; a host's own thread does not."""
    return post.kind == "reply" and post.reply_author != post.author


def _overlap(needed: Sequence[str], said: Sequence[str]) -> float:
    """The share of the needed words, small ones apart, that are said."""
    need = set(needed) - load_words("unsaid")
    return len(need & set(said)) / len(need) if len(need) >= 3 else 0.0
