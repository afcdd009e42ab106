"""The addresses that a guide offers: those of posts that help, not those of adverts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from archive.addresses import choose_address, is_picture_of_platform, link_key
from publish import wording
from publish.findings import ChatFindings, KeptLink, KeptPost, KeptTip, SessionFindings
from publish.guide_model import GuideLink
from publish.guide_saying import say
from publish.links import Pointer, choose_pointer

SURE_ANSWER = 0.5  # below that, a post only fell into the minutes of a question, as adverts do
_SHORTENED = re.compile(r"https?://t\.co/")
_POST_ADDRESS = re.compile(r"https?://(?:www\.|mobile\.)?(?:x|twitter)\.com/[^/]+/status/\d+")
_TAG = re.compile(r"[#＃](\w+)")


@dataclass(frozen=True, slots=True)
class _Offer:
    post: KeptPost
    link: KeptLink
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
        for offer in _offers(session, advertisers, talkers):
            offers.setdefault(link_key(offer.link.address), []).append(offer)
    links = []
    for made in offers.values():
        address = (wording.web_url(choose_address(offer.link.address for offer in made)) or "").rstrip("/")
        first = min(made, key=lambda offer: (not offer.accepted, offer.post.posted_at, offer.post.id))
        title = next((offer.link.title for offer in made if offer.link.title), None)
        people = len({offer.post.by.person for offer in made})
        score = max(offer.score for offer in made)
        link = GuideLink(address, title, say(found, [first.post], first.number, first.accepted), people, first.link.url)
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


def _offers(session: SessionFindings, advertisers: frozenset[str], talkers: set[str]) -> Iterator[_Offer]:
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
        for link in _pages(post, is_resource="resource" in own):
            yield _Offer(post, link, number, scores.get(post.id, 0.0), accepted.get(post.id))


def find_pointer(tip: KeptTip, posts: Sequence[KeptPost]) -> KeptLink | None:
    """The link that a good example's words are about, of its post and of the later parts of its thread."""
    links = {
        Pointer(link.written, link.address, post is tip.post): link
        for post in posts
        for link in post.links
        if wording.web_url(link.address)
    }
    chosen = choose_pointer(tip.post.text, tip.start, links)
    return None if chosen is None else links[chosen]


def _pages(post: KeptPost, *, is_resource: bool) -> Iterator[KeptLink]:
    known = [link for link in post.links if wording.web_url(link.address) and not _is_of_x(link.address)]
    unknown = [link for link in known if _SHORTENED.match(link.address)]
    for link in known:
        # X puts the address of a picture or a quoted post behind all that was written.
        is_picture = len(unknown) > 1 and post.text.rstrip().endswith(link.url)
        if link not in unknown or (is_resource and not is_picture):
            yield link


def _is_of_x(address: str) -> bool:
    return bool(_POST_ADDRESS.match(address)) or is_picture_of_platform(address)


def _links(post: KeptPost) -> bool:
    return bool(post.links) or "://" in post.text


def _tags(post: KeptPost) -> frozenset[str]:
    return frozenset(tag.casefold() for tag in _TAG.findall(post.text))
