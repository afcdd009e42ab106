"""A session as it is read: cleaned texts, repeats, threads, and every sentence of each post in its context."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from analysis.chitchat import is_disagreement
from analysis.duplicates import Echo, group_duplicates
from analysis.features import Context, find_wanted
from analysis.languages import is_english
from analysis.normalising import Cleaned, cut_pieces, normalise
from analysis.questions import Question
from analysis.rows import SessionPost, SessionRows
from analysis.signals import Sentence, read_sentences
from analysis.support import Supporters
from analysis.threads import Threads, build_threads
from archive.models import TipKind

_COMMENT_WORDS = 6  # of a comment that only speaks against what it quotes
_MARKED = 0.9  # from this confidence on, a link rests on a mark


@dataclass(frozen=True, slots=True)
class PostReading:
    """A post that can hold tips: the words that are its author's own, its place in the chat, its sentences."""

    post: SessionPost
    cleaned: Cleaned
    context: Context
    sentences: tuple[Sentence, ...]

    def find_place(self, sentence: Sentence) -> tuple[int, int]:
        """Where a sentence stands in the original text."""
        return self.cleaned.span(sentence.piece.start, sentence.piece.end)


@dataclass(frozen=True, slots=True)
class Reading:
    """``posts`` holds what can be read for tips, by post id in canonical order; the rest is read for threads alone.

    ``reposts`` is the platform's own count by post.
    """

    rows: SessionRows
    cleaned: Mapping[str, Cleaned]
    echoes: Mapping[str, Echo]
    threads: Threads
    supporters: Supporters
    posts: Mapping[str, PostReading]
    reposts: Mapping[str, int]


def read_session(rows: SessionRows) -> Reading:
    """Reads a session. Pure, and the same for every order of its posts."""
    tags = {tag.casefold() for tag in rows.chat.hashtags}
    cleaned = {post.id: normalise(post.text, tags) for post in rows.posts}
    echoes = group_duplicates(rows.posts, cleaned)
    threads = build_threads(rows, cleaned)
    supporters = Supporters(rows.posts, cleaned, echoes, threads.parents)
    asked = {post for question in threads.questions for post in (question.post, *question.repeats)}
    asking = {post.id for post in rows.posts if "?" in cleaned[post.id].text} - asked
    posts = {}
    for post in rows.posts:
        echo = echoes.get(post.id)
        if post.id in asked or post.id in threads.promotions or (echo and echo.relation != "quote"):
            continue
        # Of "Yes! RT @ann: …" only the comment is this author's; the rest is counted as ann's.
        own = _cut(cleaned[post.id]) if echo else cleaned[post.id]
        if echo and len(own.words) < _COMMENT_WORDS and is_disagreement(own.text):
            continue
        if not post.repost_of and is_english(own.text, post.lang):
            context = find_context(post, own, threads, supporters, asking)
            posts[post.id] = read_post(post, own, context)
    reposts = {post.id: post.reposts_count for post in rows.posts}
    return Reading(rows, cleaned, echoes, threads, supporters, posts, reposts)


def read_post(post: SessionPost, cleaned: Cleaned, context: Context) -> PostReading:
    """One post with its sentences."""
    return PostReading(post, cleaned, context, tuple(read_sentences(post, cleaned, context)))


def find_context(
    post: SessionPost, cleaned: Cleaned, threads: Threads, supporters: Supporters, asking: Collection[str] = ()
) -> Context:
    """A post's place in the chat: the question it answers, how surely, who asked, who agreed.

    ``asking`` are the posts that ask something of their own, besides the hosts' questions.
    """
    question = threads.find_question(post.id)
    sure = max((answer.confidence for answer in threads.by_post.get(post.id, ())), default=0.0)
    wanted, tones = find_wanted(question.text) if question else (frozenset[TipKind](), frozenset[str]())
    return Context(
        question=question,
        link="marked" if sure >= _MARKED and cleaned.marks else "linked" if question else "unlinked",
        is_host=post.author in threads.hosts,
        agreed_with=supporters.is_agreed_with(post.id),
        parent_asks=(threads.parents.get(post.id) or post.quote_of) in asking,
        places=_list_places(post, cleaned, threads),
        wanted=wanted,
        tones=tones,
    )


def _list_places(post: SessionPost, cleaned: Cleaned, threads: Threads) -> tuple[tuple[int, Question], ...]:
    """Where each question's own answer begins, in a post that is marked as an answer to several."""
    answered = {answer.question for answer in threads.by_post.get(post.id, ())}
    numbers = {question.number: question for question in threads.questions if question.id in answered}
    places = [(mark.start, numbers[mark.number]) for mark in cleaned.marks if mark.number in numbers]
    return tuple(places) if len({question.id for _, question in places}) > 1 else ()


def _cut(cleaned: Cleaned) -> Cleaned:
    """The author's own comment before somebody else's words."""
    text = cleaned.text[: cleaned.comment_end or 0].rstrip()
    pieces = cut_pieces(cleaned.pieces, len(cleaned.text), len(text))
    return Cleaned(text, pieces, cleaned.marks, cleaned.counter)
