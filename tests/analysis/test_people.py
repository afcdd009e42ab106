from __future__ import annotations

import random

from analysis.people import find_people
from analysis.rows import SessionAuthor


def author(platform: str, handle: str, **more: str) -> SessionAuthor:
    return SessionAuthor(id=f"{platform}:{handle}", platform=platform, handle=handle, **more)


def groups(*authors: SessionAuthor) -> list[set[str]]:
    found: dict[str, set[str]] = {}
    for person in find_people(authors):
        found.setdefault(person.id, set()).add(person.author)
    return list(found.values())


def test_a_profile_that_names_the_other_account_joins_both() -> None:
    x = author("x", "AnnBell", bio="Comms. Also @ann@social.example and annbell.bsky.social")
    assert groups(x, author("mastodon", "ann@social.example"), author("bluesky", "annbell.bsky.social")) == [
        {"x:AnnBell", "mastodon:ann@social.example", "bluesky:annbell.bsky.social"}
    ]


def test_links_to_profiles_join() -> None:
    x = author("x", "AnnBell", url="https://social.example/@ann")
    sky = author("bluesky", "ann.example.com", bio="elsewhere: https://x.com/AnnBell")
    assert groups(x, sky, author("mastodon", "ann@social.example")) == [
        {"x:AnnBell", "bluesky:ann.example.com", "mastodon:ann@social.example"}
    ]


def test_a_verified_domain_that_is_the_other_accounts_website_joins() -> None:
    x = author("x", "AnnBell", url="https://www.annbell.example/")
    assert groups(x, author("bluesky", "annbell.example")) == [{"x:AnnBell", "bluesky:annbell.example"}]


def test_the_same_name_a_partner_or_a_shared_website_joins_nobody() -> None:
    assert groups(author("x", "ann", name="Ann Bell"), author("bluesky", "ann", name="Ann Bell")) == []
    assert (
        groups(author("x", "bob", bio="Works with @ann@social.example"), author("mastodon", "ann@social.example")) == []
    )
    shared = [author("x", name, url="https://northmoor.example.uk") for name in ("one", "two")]
    assert groups(*shared, author("bluesky", "northmoor.example.uk")) == []
    assert groups(author("x", "bob", url="https://x.com/ann"), author("x", "ann")) == []


def test_each_account_carries_the_evidence() -> None:
    found = find_people([author("x", "ann", bio="🐘 @ann@social.example"), author("mastodon", "ann@social.example")])
    assert {person.reason for person in found} == {"the x profile of @ann names @ann@social.example"}
    assert {person.id for person in found} == {"mastodon:ann@social.example"}


def test_the_order_of_authors_changes_nothing() -> None:
    people = [
        author("x", "ann", bio="@ann@social.example"),
        author("mastodon", "ann@social.example", bio="ann.bsky.social"),
        author("bluesky", "ann.bsky.social"),
        author("x", "bob"),
    ]
    shuffled = random.Random(3).sample(people, len(people))
    assert find_people(people) == find_people(shuffled)


def test_a_handle_at_any_domain_joins_where_it_is_a_known_account() -> None:
    ann = author("x", "AnnBell", bio="Bins, Northmoor. Views mine. Also on Bluesky: @ann.northmoor.example")
    assert groups(ann, author("bluesky", "ann.northmoor.example")) == [{"x:AnnBell", "bluesky:ann.northmoor.example"}]
    assert groups(ann, author("bluesky", "bob.northmoor.example")) == []
    plain = author("x", "AnnBell", bio="I write for ann.northmoor.example")
    assert groups(plain, author("bluesky", "ann.northmoor.example")) == []


def test_a_profile_that_names_two_other_accounts_joins_all_three() -> None:
    host = author(
        "x", "NorthmoorHour", bio="Host of an hour. Bluesky: @hour.bsky.example, Mastodon: @hour@chats.example"
    )
    others = [author("bluesky", "hour.bsky.example"), author("mastodon", "hour@chats.example")]
    assert groups(host, *others) == [{"x:NorthmoorHour", "bluesky:hour.bsky.example", "mastodon:hour@chats.example"}]


def test_an_x_account_is_joined_where_the_profile_says_that_it_is_on_x() -> None:
    there = author("x", "AnnBell")
    for bio in ("Posters and tea. X: @AnnBell", "Twitter @AnnBell", "Head of bins at Northmoor, X: @AnnBell"):
        assert groups(author("mastodon", "ann@social.example", bio=bio), there), bio
    for bio in ("Box: @AnnBell", "married to X: @AnnBell", "@AnnBell", "X: @AnnBell@social.example"):
        assert groups(author("mastodon", "ann@social.example", bio=bio), there) == [], bio
