"""The addresses that a guide offers: those of posts that help, not those of adverts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from publish import wording
from publish.findings import ChatFindings, KeptPost, KeptTip, SessionFindings
from publish.guide_model import GuideLink
from publish.guide_saying import say

SURE_ANSWER = 0.5  # below that, a post only fell into the minutes of a question, as adverts do
_SHORTENED = re.compile(r"https?://t\.co/")
_POST_ADDRESS = re.compile(r"https?://(?:www\.|mobile\.)?(?:x|twitter)\.com/[^/]+/status/\d+")
_TAG = re.compile(r"[#＃](\w+)")


@dataclass(frozen=True, slots=True)
class _Offer:
    post: KeptPost
    title: str | None
    number: int | None
    score: float
    accepted: KeptTip | None = None


def build_links(
    found: ChatFindings, held: Sequence[SessionFindings], advertisers: frozenset[str]
) -> tuple[GuideLink, ...]:
    """What a person accepted comes first, then what most people offered, then what stood in the best tips."""
    offers: dict[str, list[_Offer]] = {}
    talkers = {
        post.by.person for session in held for post in session.posts if post.kind != "repost" and not _links(post)
    }
    for session in held:
        for address, offer in _offers(session, advertisers, talkers):
            offers.setdefault(address.rstrip("/"), []).append(offer)
    links = []
    for address, made in offers.items():
        first = min(made, key=lambda offer: (not offer.accepted, offer.post.posted_at, offer.post.id))
        title = next((offer.title for offer in made if offer.title), None)
        people = len({offer.post.by.person for offer in made})
        score = max(offer.score for offer in made)
        link = GuideLink(address, title, say(found, [first.post], first.number, first.accepted), people)
        links.append(((not first.accepted, -people, -score, first.post.posted_at, address), link))
    return tuple(link for _, link in sorted(links, key=lambda row: row[0]))


def find_advertisers(found: ChatFindings, held: Sequence[SessionFindings]) -> frozenset[str]:
    """People all of whose posts are links under hashtags that are neither the chat's nor anybody else's in it.

    Somebody who answered a question is none, nor is one who used a single odd hashtag once.
    """
    chat = {tag.casefold() for tag in found.chat.hashtags}
    users: dict[str, set[str]] = {}
    own: dict[str, list[KeptPost]] = {}
    answered: set[str] = set()
    for session in held:
        sure = _sure_answers(session)
        for post in session.posts:
            if post.kind == "repost":
                continue
            own.setdefault(post.by.person, []).append(post)
            for tag in _tags(post) - chat:
                users.setdefault(tag, set()).add(post.by.person)
            if post.id in sure:
                answered.add(post.by.person)
    odd = {tag for tag, people in users.items() if len(people) == 1}
    return frozenset(
        person
        for person, posts in own.items()
        if person not in answered
        and all(_links(post) and _tags(post) & odd for post in posts)
        and (len(posts) > 1 or len(_tags(posts[0]) & odd) > 1)
    )


def _sure_answers(session: SessionFindings) -> set[str]:
    return {post for question in session.questions for post, sure in question.answers.items() if sure >= SURE_ANSWER}


def _offers(session: SessionFindings, advertisers: frozenset[str], talkers: set[str]) -> Iterator[tuple[str, _Offer]]:
    """Links of resources and good examples; of other tips and of answers, if their author gave more than links.

    Old archives know many links only as t.co/…, which may as well be a picture: then the post must offer a resource.
    """
    scores: dict[str, float] = {}
    kinds: dict[str, set[str]] = {}
    accepted = {tip.post.id: tip for tip in reversed(session.tips) if tip.kind == "resource" and tip.is_accepted}
    for tip in session.tips:
        if tip.kind != "question":
            scores[tip.post.id] = max(tip.score, scores.get(tip.post.id, 0.0))
            kinds.setdefault(tip.post.id, set()).add(tip.kind)
    sure = _sure_answers(session)
    asked = session.question_of()
    for post in session.posts:
        own = kinds.get(post.id, set())
        helps = own & {"resource", "example"} or (post.by.person in talkers and (own or post.id in sure))
        if post.kind == "repost" or post.by.person in advertisers or not helps:
            continue
        number = asked[post.id].number if post.id in asked else None
        for address, title in _addresses(post, is_resource="resource" in own):
            yield address, _Offer(post, title, number, scores.get(post.id, 0.0), accepted.get(post.id))


def _addresses(post: KeptPost, *, is_resource: bool) -> Iterator[tuple[str, str | None]]:
    known = [(address, one.title) for one in post.links if (address := wording.web_url(one.url))]
    known = [(address, title) for address, title in known if not _POST_ADDRESS.match(address)]
    unknown = [address for address, _ in known if _SHORTENED.match(address)]
    for address, title in known:
        # X puts the address of a picture or a quoted post behind all that was written.
        is_picture = len(unknown) > 1 and post.text.rstrip().endswith(address)
        if address not in unknown or (is_resource and not is_picture):
            yield address, title


def _links(post: KeptPost) -> bool:
    return bool(post.links) or "://" in post.text


def _tags(post: KeptPost) -> frozenset[str]:
    return frozenset(tag.casefold() for tag in _TAG.findall(post.text))
