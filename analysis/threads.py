"""Which post answers which question, with the reason and how sure it is."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from analysis.chitchat import find_chitchat
from analysis.marks import Mark
from analysis.normalising import Cleaned
from analysis.promotion import find_promotions
from analysis.questions import Question, find_hosts, find_questions
from analysis.rows import SessionPost, SessionRows
from archive.times import from_text, shift

MARKED, SEVERAL, ASKED_BACK, EARLY = 0.98, 0.95, 0.9, 0.7
CORRECTED, DOUBTED = 0.6, 0.5
REPLIED, QUOTED, INHERITED, GUESSED_PARENT, TIMED = 0.9, 0.85, 0.75, 0.6, 0.4

_FRESH_SECONDS = 75  # people are still typing their answer to the last question
_STALE_MINUTES = 30  # an unmarked post so long after the last question answers none by its time alone
_PARENT_MINUTES = 30
_SUBSTANCE_WORDS = 6
_APPLAUSE_WORDS = 2
_SURE_SMALL_TALK = 0.8
_SAID_TWICE = 2
_CLEARLY_NEARER = 4  # words that it shares with two or more answers of the other question, and none of the marked one


@dataclass(frozen=True, slots=True)
class Answer:
    """A post that answers a question. ``confidence`` is in 0..1; ``reason`` is for a reader."""

    question: str
    post: str
    reason: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Threads:
    """The session's questions, their answers in canonical order, and who hosts (author id: reason).

    ``promotions`` are the posts that only sell (post id: reason): they answer nothing.
    """

    questions: tuple[Question, ...]
    answers: tuple[Answer, ...]
    hosts: Mapping[str, str]
    by_post: Mapping[str, tuple[Answer, ...]] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)
    promotions: Mapping[str, str] = field(default_factory=dict)

    def find_question(self, post: str) -> Question | None:
        """The question that a post answers most surely."""
        best = max(self.by_post.get(post, ()), key=lambda answer: answer.confidence, default=None)
        return next((q for q in self.questions if best and q.id == best.question), None)


def build_threads(rows: SessionRows, cleaned: Mapping[str, Cleaned]) -> Threads:
    """Threads a whole session. ``cleaned`` holds every post's normalised text by id."""
    hosts = find_hosts(rows, cleaned)
    questions = find_questions(rows, cleaned, hosts)
    parents = find_parents(rows)
    linker = _Linker(rows, cleaned, questions, hosts, parents)
    promotions = find_promotions(rows.posts, cleaned, hosts)
    answers = tuple(answer for post in rows.posts if post.id not in promotions for answer in linker.link(post))
    return Threads(questions, answers, hosts, linker.links, parents, promotions)


def find_parents(rows: SessionRows) -> dict[str, str]:
    """What each reply replies to: as the platform says, else the last word of the person addressed.

    Old archives say whom a reply was to and in which conversation, and not to which post.
    """
    known = {post.id for post in rows.posts}
    parents: dict[str, str] = {}
    last: dict[str, tuple[str, str]] = {}
    in_conversation: dict[tuple[str, str], str] = {}
    for post in rows.posts:
        if post.reply_to in known:
            parents[post.id] = str(post.reply_to)
        elif post.reply_author:
            found = in_conversation.get((post.conversation or "", post.reply_author))
            if found is None and post.reply_author in last:
                candidate, at = last[post.reply_author]
                found = candidate if post.posted_at <= shift(at, minutes=_PARENT_MINUTES) else None
            found = found or (post.conversation if post.conversation in known else None)
            if found and found != post.id:
                parents[post.id] = found
        last[post.author] = post.id, post.posted_at
        in_conversation[post.conversation or "", post.author] = post.id
    return parents


class _Linker:
    """Links posts to questions in canonical order, so that a reply finds its parent already linked."""

    def __init__(
        self,
        rows: SessionRows,
        cleaned: Mapping[str, Cleaned],
        questions: tuple[Question, ...],
        hosts: Mapping[str, str],
        parents: Mapping[str, str],
    ) -> None:
        self.rows = rows
        self.cleaned = cleaned
        self.hosts = hosts
        self.parents = parents
        self.links: dict[str, tuple[Answer, ...]] = {}
        self.by_id = {question.id: question for question in questions}
        self.by_key = {(q.number, q.part): q for q in questions if q.number}
        self.by_post = {q.post: q for q in questions if q.post}
        self.by_post |= {repeat: q for q in questions for repeat in q.repeats}
        self.timeline = _build_timeline(rows, cleaned, questions)
        self.asked_times = [at for at, _ in self.timeline]
        self.said = _count_words(rows, cleaned, self.by_key)
        self.vocabulary = _leave_out_shared(self.said)

    def link(self, post: SessionPost) -> tuple[Answer, ...]:
        """The questions that this post answers; none for questions, reposts and small talk."""
        if post.id in self.by_post or post.repost_of:
            return ()
        found = self._by_marks(post) or self._by_graph(post) or self._by_time(post)
        if found:
            self.links[post.id] = found
        return found

    def _by_marks(self, post: SessionPost) -> tuple[Answer, ...]:
        marks = self.cleaned[post.id].marks
        targets: dict[str, tuple[Question, Mark]] = {}
        for mark in marks:
            question = self._resolve(mark)
            if question and (mark.role == "answer" or post.author not in self.hosts or post.kind == "reply"):
                targets.setdefault(question.id, (question, mark))
        found = tuple(self._explain_mark(post, *target, len(targets)) for target in targets.values())
        return self._correct(post, found, next(iter(targets.values()))[0]) if len(found) == 1 else found

    def _correct(self, post: SessionPost, found: tuple[Answer, ...], marked: Question) -> tuple[Answer, ...]:
        """Where a mark is a slip: the post came while another question was discussed, and speaks of that one."""
        at = bisect_right(self.asked_times, post.posted_at) - 1
        current = self.timeline[at][1] if at >= 0 else None
        if current is None or current.number == marked.number or self.parents.get(post.id) or post.quote_of:
            return found
        if self._count_shared(post, current) < _CLEARLY_NEARER or self._count_shared(post, marked, own=1):
            return found
        why = f"{found[0].reason}, but posted while {current.name} was being discussed, and speaks of the same things"
        return (Answer(current.id, post.id, why, CORRECTED), replace(found[0], confidence=DOUBTED))

    def _resolve(self, mark: Mark) -> Question | None:
        exact = self.by_key.get((mark.number, mark.part)) or self.by_key.get((mark.number, ""))
        return exact or self.by_key.get((mark.number, "a"))

    def _explain_mark(self, post: SessionPost, question: Question, mark: Mark, count: int) -> Answer:
        shown = f"{mark.number}{mark.part}"
        if question.asked_at and post.posted_at < question.asked_at:
            return Answer(question.id, post.id, f"marked {shown} before {question.name} was asked", EARLY)
        if mark.role == "question":
            return Answer(question.id, post.id, f"marked Q{shown} by someone who did not ask it", ASKED_BACK)
        sure = MARKED if count == 1 else SEVERAL
        return Answer(question.id, post.id, f"marked A{shown}", sure)

    def _by_graph(self, post: SessionPost) -> tuple[Answer, ...]:
        if post.quote_of in self.by_post and self._has_words(post):
            question = self.by_post[str(post.quote_of)]
            return (Answer(question.id, post.id, f"quotes {question.name}", QUOTED),)
        parent = self.parents.get(post.id)
        if parent in self.by_post and self._has_words(post):
            question = self.by_post[str(parent)]
            sure = REPLIED if post.reply_to == parent else GUESSED_PARENT
            return (Answer(question.id, post.id, f"replies to {question.name}", sure),)
        for other, verb in ((parent, "replies to"), (post.quote_of, "quotes")):
            inherited = self.links.get(other or "")
            if inherited and self._adds(post):
                best = max(inherited, key=lambda answer: (answer.confidence, answer.question))
                name = self.by_id[best.question].name
                sure = round(min(best.confidence, INHERITED if post.reply_to == other else GUESSED_PARENT), 3)
                return (Answer(best.question, post.id, f"{verb} an answer to {name}", sure),)
        return ()

    def _by_time(self, post: SessionPost) -> tuple[Answer, ...]:
        if not self.timeline or not self._has_substance(post):
            return ()
        at = bisect_right(self.asked_times, post.posted_at) - 1
        if at < 0 or post.posted_at > shift(self.asked_times[at], minutes=_STALE_MINUTES):
            return ()
        current = self.timeline[at][1]
        before = self.timeline[at - 1][1] if at else None
        chosen, why = current, f"posted while {current.name} was being discussed"
        if before and before.number != current.number:
            age = (from_text(post.posted_at) - from_text(self.asked_times[at])).total_seconds()
            nearer = self._affinity(post, before) - self._affinity(post, current)
            if nearer > (0 if age < _FRESH_SECONDS else 1.0):
                chosen, why = before, f"posted just after {before.name} was discussed, and speaks of the same things"
            elif age < _FRESH_SECONDS and nearer == 0:
                chosen, why = (
                    before,
                    f"posted as {current.name} was just asked, while people answered {before.name}",
                )
        return (Answer(chosen.id, post.id, why, TIMED),)

    def _affinity(self, post: SessionPost, question: Question) -> float:
        """How many of the post's rarer words the question and its marked answers use."""
        counts = self.vocabulary.get(question.number or 0)
        if not counts:
            return 0.0
        # Whole numbers: a sum of thirds would hang on the order of the words.
        return sum(min(counts[word], 3) for word in set(self.cleaned[post.id].words) if len(word) > 3) / 3

    def _count_shared(self, post: SessionPost, question: Question, own: int = 0) -> int:
        """How many of the post's longer words at least two of the question's marked posts use, ``own`` left out."""
        counts = self.said.get(question.number or 0, Counter[str]())
        return sum(counts[word] - own >= _SAID_TWICE for word in set(self.cleaned[post.id].words) if len(word) > 3)

    def _has_words(self, post: SessionPost) -> bool:
        """More than applause: an answer by reply may be short, "plain English", and yet answer."""
        cleaned = self.cleaned[post.id]
        small = find_chitchat(cleaned)
        return len(cleaned.words) >= 2 and not (
            small and (small[0].weight >= _SURE_SMALL_TALK or len(cleaned.words) <= 6)
        )

    def _adds(self, post: SessionPost) -> bool:
        """Whether a reply says more than thanks or applause: "Yes, here's a place to start"."""
        cleaned = self.cleaned[post.id]
        small = find_chitchat(cleaned)
        enough = len(cleaned.words) >= _SUBSTANCE_WORDS + (_APPLAUSE_WORDS if small else 0)
        return enough and not (small and small[0].weight >= _SURE_SMALL_TALK)

    def _has_substance(self, post: SessionPost) -> bool:
        cleaned = self.cleaned[post.id]
        if len(cleaned.words) < _SUBSTANCE_WORDS:
            return False
        small = find_chitchat(cleaned)
        return not small or (small[0].weight < _SURE_SMALL_TALK and len(cleaned.words) >= 2 * _SUBSTANCE_WORDS)


def _build_timeline(
    rows: SessionRows, cleaned: Mapping[str, Cleaned], questions: tuple[Question, ...]
) -> list[tuple[str, Question]]:
    """When each question was opened: when it was asked, or when the first answer was marked, if nobody saw it asked."""
    answered: dict[int, str] = {}
    for post in rows.posts:
        for mark in cleaned[post.id].marks:
            answered.setdefault(mark.number, post.posted_at)
    opened = [(q.asked_at or answered.get(q.number or 0, ""), q) for q in questions]
    return sorted(((at, q) for at, q in opened if at), key=lambda pair: (pair[0], pair[1].id))


def _count_words(
    rows: SessionRows, cleaned: Mapping[str, Cleaned], keys: Mapping[tuple[int, str], Question]
) -> dict[int, Counter[str]]:
    """How many of the question itself and of the answers marked with its number use each word."""
    found: dict[int, Counter[str]] = {}
    for (number, _), question in keys.items():
        found.setdefault(number, Counter()).update(set(question.text.lower().split()))
    for post in rows.posts:
        marks = cleaned[post.id].marks
        if len(marks) == 1 and marks[0].number in found:
            found[marks[0].number].update(set(cleaned[post.id].words))
    return found


def _leave_out_shared(found: Mapping[int, Counter[str]]) -> dict[int, Counter[str]]:
    """The same without the words that most questions share."""
    everywhere = Counter(word for counts in found.values() for word in counts)
    return {
        number: Counter(
            {word: count for word, count in counts.items() if len(found) == 1 or everywhere[word] <= len(found) / 2}
        )
        for number, counts in found.items()
    }
