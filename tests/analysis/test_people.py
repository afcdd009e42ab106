from __future__ import annotations

import random

from analysis.people import Ruling, find_people
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


def test_a_page_on_a_site_that_many_share_is_nobodys_domain() -> None:
    for url in ("https://linktr.ee/ann", "https://about.example/ann", "https://social.example/@ann"):
        host = url.split("/")[2]
        assert groups(author("x", "ann", url=url, name="Ann"), author("bluesky", host, name="Ann")) == [], url
    same = [
        author("x", "ann", url="https://linktr.ee/ann"),
        author("bluesky", "ann.example", url="https://linktr.ee/ann"),
    ]
    assert groups(*same) == []


def test_a_profile_that_links_to_the_employers_site_is_not_the_employer() -> None:
    employer = author("bluesky", "northmoor.example.uk", name="Northmoor Council")
    assert groups(author("x", "AnnBell", name="Ann Bell", url="https://northmoor.example.uk"), employer) == []
    same = author("x", "NMBC", name="Northmoor Council", url="https://northmoor.example.uk")
    assert groups(same, employer) == [{"x:NMBC", "bluesky:northmoor.example.uk"}]


def test_the_account_of_an_employer_a_team_or_a_reposter_is_not_ones_own() -> None:
    there = [
        author("mastodon", "northmoor@social.example", name="Northmoor Council"),
        author("bluesky", "bins.example"),
        author("x", "NorthmoorBC", name="Northmoor Council"),
    ]
    for bio in (
        "Comms officer @northmoor@social.example",
        "Comms at Northmoor Council, @northmoor@social.example",
        "Also @northmoor@social.example",
        "My team: @bins.example",
        "I run @bins.example",
        "RT by @bins.example",
        "Tweets for @bins.example and @northmoor@social.example",
        "Editor of https://bsky.app/profile/bins.example",
        "Chief of staff. Boss: https://x.com/NorthmoorBC",
    ):
        ann = author("x" if "x.com" not in bio else "bluesky", "ann.bell.example", name="Ann Bell", bio=bio)
        assert groups(ann, *there) == [], bio


def test_a_link_in_the_field_for_ones_own_website_to_an_organisations_account_joins_nobody() -> None:
    council = author("x", "NorthmoorCouncil", name="Northmoor Council")
    assert groups(author("bluesky", "ann.example", name="Ann", url="https://x.com/NorthmoorCouncil"), council) == []


def test_of_two_who_claim_one_account_only_the_one_that_it_names_is_its_owner() -> None:
    claims = [author("x", "ann", bio="Also @ann@social.example"), author("x", "bob", bio="Also @ann@social.example")]
    assert groups(*claims, author("mastodon", "ann@social.example")) == []
    back = author("mastodon", "ann@social.example", bio="Elsewhere: https://x.com/ann")
    assert groups(*claims, back) == [{"x:ann", "mastodon:ann@social.example"}]


def test_of_two_accounts_that_a_profile_names_on_one_platform_only_those_that_answer_are_joined() -> None:
    ann = author("x", "ann", bio="Bluesky: @ann.example and also @team.example")
    assert groups(ann, author("bluesky", "ann.example"), author("bluesky", "team.example")) == []
    back = author("bluesky", "ann.example", bio="Twitter: @ann")
    assert groups(ann, back, author("bluesky", "team.example")) == [{"x:ann", "bluesky:ann.example"}]


def test_two_accounts_on_one_platform_are_one_person_where_both_are_named_back() -> None:
    ann = author("x", "ann", bio="Bluesky: @ann.example and also @annswork.example")
    both = [author("bluesky", name, bio="Twitter: @ann") for name in ("ann.example", "annswork.example")]
    assert groups(ann, *both) == [{"x:ann", "bluesky:ann.example", "bluesky:annswork.example"}]


def test_what_a_person_ruled_comes_before_what_profiles_say() -> None:
    known = [
        author("x", "ann", bio="Also @ann@social.example"),
        author("mastodon", "ann@social.example"),
        author("x", "b"),
    ]
    apart = Ruling("mastodon:ann@social.example", "x:ann", is_same=False, reason="corrected by Cat on 2026-10-09")
    assert find_people(known, [apart]) == ()
    same = Ruling("x:ann", "x:b", is_same=True, reason="corrected by Cat on 2026-10-09")
    joined = find_people(known, [same])
    assert {person.author for person in joined} == {"x:ann", "x:b", "mastodon:ann@social.example"}
    assert "corrected by Cat on 2026-10-09" in next(person.reason for person in joined if person.author == "x:b")


def test_who_is_held_apart_is_not_joined_by_way_of_a_third() -> None:
    known = [
        author("x", "ann", bio="Also @ann@social.example"),
        author("mastodon", "ann@social.example", bio="Bluesky: @ann.example"),
        author("bluesky", "ann.example"),
    ]
    apart = Ruling("bluesky:ann.example", "x:ann", is_same=False, reason="corrected by Cat on 2026-10-09")
    for people in (find_people(known, [apart]), find_people(known[::-1], [apart])):
        by_author = {person.author: person.id for person in people}
        assert by_author.get("x:ann", "x:ann") != by_author.get("bluesky:ann.example", "bluesky:ann.example")
