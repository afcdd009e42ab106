"""Who stands behind a tip: parts of a thread, repeats, reposts, quotes and replies that agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from analysis.chitchat import find_chitchat, is_agreement, is_disagreement
from analysis.duplicates import Echo
from analysis.normalising import Cleaned
from analysis.proposals import TipProposal
from analysis.rows import SessionPost
from archive.times import shift

Relation = Literal["part", "duplicate", "repost", "quote", "agreement", "answer"]
_NO_SUPPORT = frozenset(("part", "answer"))
_ANSWER_WORDS = 3
_POLITE = 0.8  # small talk that is surely so
_CHAIN_MINUTES = 30


@dataclass(frozen=True, slots=True)
class Evidence:
    """A post behind a tip. ``start`` and ``end`` are set where a span of it belongs to the tip."""

    post: str
    relation: Relation
    start: int | None = None
    end: int | None = None


def find_chains(posts: Sequence[SessionPost], cleaned: Mapping[str, Cleaned]) -> dict[str, tuple[str, ...]]:
    """The numbered threads (1/3, 2/3, 3/3) by the id of each of their posts; parts of one author in their order."""
    open_chains: dict[str, list[SessionPost]] = {}
    chains: list[list[SessionPost]] = []
    for post in posts:
        counter = cleaned[post.id].counter
        if counter is None or post.repost_of:
            continue
        part, of = counter
        chain = open_chains.get(post.author)
        if part == 1:
            open_chains[post.author] = [post]
            chains.append(open_chains[post.author])
        elif chain and _continues(chain, post, part, of, cleaned):
            chain.append(post)
    return {post.id: tuple(p.id for p in chain) for chain in chains if len(chain) > 1 for post in chain}


def _continues(
    chain: Sequence[SessionPost], post: SessionPost, part: int, of: int, cleaned: Mapping[str, Cleaned]
) -> bool:
    before, whole = cleaned[chain[-1].id].counter or (0, 0)
    soon = post.posted_at <= shift(chain[-1].posted_at, minutes=_CHAIN_MINUTES)
    return part == before + 1 and (of == whole or not of or not whole) and soon


def join_chain(
    proposals: Sequence[TipProposal], chain: Sequence[str], cleaned: Mapping[str, Cleaned]
) -> list[tuple[TipProposal, list[Evidence]]]:
    """The tips of one numbered thread: one of each kind, with the other parts as evidence."""
    place = {post: at for at, post in enumerate(chain)}
    found = []
    for kind in dict.fromkeys(proposal.kind for proposal in proposals):
        own = sorted((p for p in proposals if p.kind == kind), key=lambda p: (place[p.post], p.start))
        head = max(own, key=lambda p: (p.score, -place[p.post]))
        head = replace(own[0], text=_join_texts(own, place), score=head.score, reason=head.reason)
        spans = [Evidence(p.post, "part", p.start, p.end) for p in own[1:]]
        told = {p.post for p in own}
        spans += [Evidence(p, "part", *cleaned[p].span(0, len(cleaned[p].text))) for p in chain if p not in told]
        found.append((head, sorted(spans, key=lambda e: (place[e.post], e.start or 0))))
    return found


def _join_texts(parts: Sequence[TipProposal], place: Mapping[str, int]) -> str:
    """The texts in a row, with an ellipsis where a post between them is left out."""
    text = parts[0].text
    for before, after in pairwise(parts):
        text += f" … {after.text}" if place[after.post] - place[before.post] > 1 else f" {after.text}"
    return text


class Supporters:
    """Finds the posts behind a post, once for a session."""

    def __init__(
        self,
        posts: Sequence[SessionPost],
        cleaned: Mapping[str, Cleaned],
        echoes: Mapping[str, Echo],
        parents: Mapping[str, str],
    ) -> None:
        self._authors = {post.id: post.author for post in posts}
        self._behind: dict[str, list[Evidence]] = {}
        self._answers: dict[str, list[Evidence]] = {}
        for post in posts:
            echo = echoes.get(post.id)
            of = echo.of if echo else None
            if echo and of and not (echo.relation == "quote" and is_disagreement(_find_comment(cleaned[post.id]))):
                self._behind.setdefault(of, []).append(Evidence(post.id, echo.relation))
            self._add_voices(post, cleaned[post.id], parents, echoes, of)
            asked = parents.get(post.id)
            if asked in self._authors and self._authors[asked] != post.author and _answers(cleaned[post.id]):
                self._answers.setdefault(asked, []).append(Evidence(post.id, "answer"))

    def _add_voices(
        self,
        post: SessionPost,
        cleaned: Cleaned,
        parents: Mapping[str, str],
        echoes: Mapping[str, Echo],
        counted: str | None,
    ) -> None:
        """Quotes and replies that agree; a post counts once for each post it stands behind."""
        agrees = is_agreement(cleaned) and not is_disagreement(cleaned.text)
        for named, relation in ((post.quote_of, "quote"), (parents.get(post.id), "agreement")):
            if not named or named not in self._authors or named == counted:
                continue
            target = echoes[named].of if named in echoes else named
            bare_quote = relation == "quote" and len(cleaned.words) <= 3
            if target != counted and (agrees or bare_quote):
                kind: Relation = "quote" if relation == "quote" else "agreement"
                self._behind.setdefault(target, []).append(Evidence(post.id, kind))
                return

    def join_evidence(self, post: str, own: Sequence[Evidence]) -> tuple[Evidence, ...]:
        """A tip's own evidence, then the posts behind its post and behind its repeats, each of these once."""
        joined = list(own)
        known = {post, *(evidence.post for evidence in own)}
        for one in (post, *(evidence.post for evidence in own if evidence.relation == "duplicate")):
            joined += [evidence for evidence in self._behind.get(one, ()) if evidence.post not in known]
            known.update(evidence.post for evidence in joined)
        return tuple(joined)

    def list_answers(self, post: str) -> tuple[Evidence, ...]:
        """The replies of others that say something: what answers a participant's question."""
        return tuple(self._answers.get(post, ()))

    def count_people(self, post: str, evidence: Sequence[Evidence], people: Mapping[str, str]) -> int:
        """How many people other than the author stand behind it; one person on two platforms is one."""
        own = self._authors[post]
        return len({people.get(voice, voice) for voice in self._list_voices(evidence)} - {people.get(own, own)})

    def count_organisations(self, post: str, evidence: Sequence[Evidence], organisations: Mapping[str, str]) -> int:
        """How many organisations other than the author's stand behind it, where the organisation is known."""
        behind = {organisations[voice] for voice in self._list_voices(evidence) if voice in organisations}
        return len(behind - {organisations.get(self._authors[post])})

    def _list_voices(self, evidence: Sequence[Evidence]) -> set[str]:
        return {self._authors[one.post] for one in evidence if one.relation not in _NO_SUPPORT}

    def is_agreed_with(self, post: str) -> bool:
        """Whether anybody else stands behind the post."""
        return any(self._authors[e.post] != self._authors[post] for e in self._behind.get(post, ()))


def _answers(cleaned: Cleaned) -> bool:
    """Whether a reply says something: no thanks, no applause."""
    small = find_chitchat(cleaned)
    polite = bool(small) and small[0].weight >= _POLITE
    return len(cleaned.words) >= _ANSWER_WORDS and not polite and not is_agreement(cleaned)


def _find_comment(cleaned: Cleaned) -> str:
    """The words before somebody else's."""
    return cleaned.text[: cleaned.comment_end or 0]
