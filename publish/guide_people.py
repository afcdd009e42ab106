"""Who took part, by name where there is one: hosts first, without those who only greeted, shared or advertised."""

from __future__ import annotations

from collections.abc import Sequence

from archive.models import PLATFORMS
from publish import wording
from publish.findings import Byline, ChatFindings, SessionFindings
from publish.guide_links import SURE_ANSWER
from publish.guide_model import Participant
from publish.guide_saying import is_host


def build_participants(
    found: ChatFindings, held: Sequence[SessionFindings], advertisers: frozenset[str]
) -> tuple[tuple[Participant, ...], int, int]:
    """Who asked, answered or gave a tip; how many of them have no name; and how many others there were.

    Naming the others would put the spammer beside the experts.
    """
    accounts, active = _find_active(found, held, advertisers)
    people: list[Participant] = []
    unnamed = 0
    for person, own in _join_hosts(found, {person: accounts[person] for person in active}):
        if any(by.name or by.handle for by in own):
            people.append(_participant(found, own))
        else:
            unnamed += person in active
    people.sort(key=lambda one: (not one.is_host, one.name.casefold(), one.accounts[0].author))
    return tuple(people), unnamed, len(accounts.keys() - active)


def _find_active(
    found: ChatFindings, held: Sequence[SessionFindings], advertisers: frozenset[str]
) -> tuple[dict[str, dict[str, Byline]], set[str]]:
    accounts: dict[str, dict[str, Byline]] = {}
    active: set[str] = set()
    for session in held:
        useful = {tip.post.id for tip in session.tips}
        for question in session.questions:
            useful |= question.posts | {post for post, sure in question.answers.items() if sure >= SURE_ANSWER}
        for post in session.posts:
            accounts.setdefault(post.by.person, {})[post.by.author] = post.by
            if is_host(found, post.by) or (post.id in useful and post.kind != "repost"):
                active.add(post.by.person)
    return accounts, active - advertisers


def _join_hosts(found: ChatFindings, people: dict[str, dict[str, Byline]]) -> list[tuple[str, list[Byline]]]:
    """Each person's accounts; a host with one name on several platforms is one host, as the settings name them all."""
    joined: dict[str, tuple[str, list[Byline]]] = {}
    for person, accounts in people.items():
        hosting = [by.name.casefold() for by in accounts.values() if by.name and is_host(found, by)]
        key = f"host {hosting[0]}" if hosting else f"person {person}"
        joined.setdefault(key, (person, []))[1].extend(accounts.values())
    return list(joined.values())


def _participant(found: ChatFindings, accounts: Sequence[Byline]) -> Participant:
    own = sorted(accounts, key=lambda by: (_place(by.platform), by.author))
    name = next((by.name for by in own if by.name), None)
    return Participant(
        name=wording.author_name(name, own[0].handle, own[0].author),
        accounts=tuple(own),
        organisation=next((by.organisation for by in own if by.organisation), None),
        is_host=any(is_host(found, by) for by in own),
    )


def _place(platform: str) -> int:
    return [*PLATFORMS, platform].index(platform)
