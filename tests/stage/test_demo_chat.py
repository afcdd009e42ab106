"""The written demo chat holds what the demo promises, and nothing real."""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections import Counter
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from archive.errors import SettingsError
from archive.models import PLATFORMS, TIP_KINDS
from archive.times import from_text
from chatkeep.stage.feed import FeedPost, tags_of
from chatkeep.stage.script import Script, load_script

_DATA = Path(__file__).parents[2] / "data"
_RESERVED = re.compile(r"(^|\.)example(\.(com|net|org))?$")
_LONGEST = {"x": 280, "bluesky": 300, "mastodon": 500}


@pytest.fixture(scope="module")
def demo() -> Script:
    return load_script(_DATA / "demo_chat.json")


@pytest.fixture(scope="module")
def features(demo: Script) -> dict[str, Any]:
    return dict(demo.expected["features"])


@pytest.fixture(scope="module")
def labels(demo: Script) -> dict[str, dict[str, Any]]:
    return dict(demo.expected["labels"])


def _posts(demo: Script, keys: list[str]) -> list[FeedPost]:
    return [demo.feed.by_key[key] for key in keys]


def _has_tag(demo: Script, post: FeedPost) -> bool:
    return bool(set(tags_of(post.text)) & set(demo.chat.hashtags))


def test_title_description_and_hosts_say_that_it_is_fictional(demo: Script) -> None:
    assert "fictional" in demo.chat.title
    assert "all people, councils, accounts, posts and links in it are invented" in (demo.chat.description or "")
    hosts = [author for author in demo.feed.authors if author.person == "host"]
    assert all("fictional" in author.name and "invented" in author.bio for author in hosts)
    assert any("fictional" in post.text for post in demo.feed.posts if post.author == "host-x")


def test_session_is_an_hour_with_six_questions_in_local_time(demo: Script) -> None:
    (session,) = demo.chat.sessions
    assert (session.starts_at, session.ends_at) == ("2026-10-08T12:00:00.000Z", "2026-10-08T13:00:00.000Z")
    assert len(session.questions) == 6


def test_it_is_large_enough(demo: Script) -> None:
    assert len(demo.feed.posts) >= 170
    assert len({author.person for author in demo.feed.authors if author.person not in {"host", "spam", "vendor"}}) >= 25
    by_platform = Counter(demo.feed.author_of(post).platform for post in demo.feed.posts)
    assert all(by_platform[platform] >= 40 for platform in PLATFORMS)


def test_every_account_posts_and_every_handle_fits_its_platform(demo: Script) -> None:
    assert {post.author for post in demo.feed.posts} == set(demo.feed.by_author)
    for author in demo.feed.authors:
        if author.platform == "x":
            assert re.fullmatch(r"\w{1,15}", author.handle)
        elif author.platform == "bluesky":
            assert _RESERVED.search(author.handle)
        else:
            assert "@" not in author.handle or _RESERVED.search(author.handle.split("@")[1])
    assert any("@" not in author.handle for author in demo.feed.authors if author.platform == "mastodon")


def test_host_asks_six_questions_on_all_three_platforms_spaced_over_the_hour(demo: Script) -> None:
    for platform, host in (("x", "host-x"), ("bluesky", "host-b"), ("mastodon", "host-m")):
        asked = _posts(demo, [f"q{number}-{platform[0]}" for number in range(1, 7)])
        assert all(post.author == host and f"Q{number}" in post.text for number, post in enumerate(asked, 1))
        times = [from_text(post.at) for post in asked]
        gaps = [(after - before).total_seconds() for before, after in pairwise(times)]
        assert all(8 * 60 <= gap <= 11 * 60 for gap in gaps)


def test_the_minutes_after_a_question_are_the_busy_ones(demo: Script) -> None:
    for number in range(1, 7):
        asked = from_text(demo.feed.by_key[f"q{number}-x"].at)
        seconds = [(from_text(post.at) - asked).total_seconds() for post in demo.feed.posts]
        early = sum(60 <= second < 240 for second in seconds)
        before = sum(-180 <= second < 0 for second in seconds)
        assert early > before


def test_every_post_is_labelled_by_the_rules(demo: Script, labels: dict[str, dict[str, Any]]) -> None:
    assert set(labels) == set(demo.feed.by_key)
    for key, label in labels.items():
        assert set(label["kinds"]) <= set(TIP_KINDS), key
        assert re.fullmatch(r"-|[QA][1-6]", label["question"]), key


def test_there_are_tips_of_every_kind_and_answers_to_every_question(labels: dict[str, dict[str, Any]]) -> None:
    kinds = Counter(kind for label in labels.values() for kind in label["kinds"])
    assert kinds["do"] >= 60
    assert all(kinds[kind] >= 10 for kind in TIP_KINDS)
    answers = Counter(label["question"] for label in labels.values())
    assert all(answers[f"A{number}"] >= 20 for number in range(1, 7))


def test_answers_are_marked_in_several_ways_or_not_at_all(demo: Script, features: dict[str, Any]) -> None:
    texts = [post.text for post in demo.feed.posts]
    for mark in ("A1:", "A1)", "A.1", "A1 ", "A2 1/3", "Q1: from us"):
        assert any(text.startswith(mark) for text in texts), mark
    unmarked = _posts(demo, features["unmarked_answers"])
    assert len(unmarked) >= 5
    assert not any(re.match(r"[AQ]\.?\d", post.text) for post in unmarked)


def test_some_posts_hold_several_tips(demo: Script, features: dict[str, Any]) -> None:
    assert len(features["several_tips"]) >= 4
    for key, count in features["several_tips"].items():
        assert f"{count})" in demo.feed.by_key[key].text


def test_a_numbered_thread_hangs_together(demo: Script, features: dict[str, Any]) -> None:
    first, second, third = _posts(demo, features["thread"])
    assert first.author == second.author == third.author
    assert (second.reply_to, third.reply_to) == (first.key, second.key)
    assert all(f"{n}/3" in post.text for n, post in enumerate((first, second, third), 1))


def test_reposts_repeat_and_manual_reposts_quote_their_original(demo: Script, features: dict[str, Any]) -> None:
    assert len(features["reposts"]) >= 5
    for post in _posts(demo, features["reposts"]):
        original = demo.feed.by_key[post.repost_of or ""]
        assert post.text == f"RT @{demo.feed.author_of(original).handle}: {original.text}"
        assert post.author != original.author
    for key, original_key in features["manual_reposts"].items():
        assert demo.feed.by_key[key].text.startswith("RT @")
        assert demo.feed.by_key[original_key].text[:40] in demo.feed.by_key[key].text
        assert demo.feed.by_key[key].repost_of is None


def test_quotes_add_a_comment_of_their_own(demo: Script, features: dict[str, Any]) -> None:
    quotes = _posts(demo, features["quotes_with_comment"])
    assert len(quotes) >= 3
    assert all(quote.quote_of and demo.feed.by_key[quote.quote_of].text not in quote.text for quote in quotes)


def test_two_people_say_in_public_that_they_have_two_accounts_and_post_the_same_on_both(
    demo: Script, features: dict[str, Any]
) -> None:
    assert len(features["cross_posts"]) >= 2
    for one, other in features["cross_posts"]:
        first, second = demo.feed.by_key[one], demo.feed.by_key[other]
        a, b = demo.feed.author_of(first), demo.feed.author_of(second)
        assert a.person == b.person
        assert a.platform != b.platform
        assert a.handle in b.bio
        assert b.handle in a.bio
        assert SequenceMatcher(None, first.text, second.text).ratio() > 0.9


def test_two_people_of_one_name_are_not_one_person(demo: Script, features: dict[str, Any]) -> None:
    one, other = (demo.feed.by_author[key] for key in features["namesakes"])
    assert one.name == other.name
    assert one.person != other.person


def test_a_hashtag_is_misspelt(demo: Script, features: dict[str, Any]) -> None:
    (post,) = _posts(demo, features["typo_in_hashtag"])
    (tag,) = tags_of(post.text)
    assert tag not in demo.chat.hashtags
    assert SequenceMatcher(None, tag, demo.chat.hashtags[0]).ratio() > 0.9


def test_posts_are_edited_and_deleted_after_they_were_shown(demo: Script, features: dict[str, Any]) -> None:
    edited = _posts(demo, features["edited"])
    assert {demo.feed.author_of(post).platform for post in edited} == {"x", "mastodon"}
    assert all(post.edits[0].at > post.at and post.edits[0].text != post.text for post in edited)
    (deleted,) = _posts(demo, features["deleted"])
    assert deleted.deleted_at is not None
    assert deleted.deleted_at > deleted.at


def test_answers_come_the_next_morning(demo: Script, features: dict[str, Any]) -> None:
    assert features["next_morning"]
    assert all(post.at.startswith("2026-10-09") for post in _posts(demo, features["next_morning"]))


def test_posts_arrive_late_on_mastodon_and_one_clock_is_wrong(demo: Script, features: dict[str, Any]) -> None:
    assert features["late_arrivals"]
    for post in _posts(demo, features["late_arrivals"]):
        assert demo.feed.author_of(post).platform == "mastodon"
        assert from_text(post.arrives_at or "") > from_text(post.at)
    (wrong,) = _posts(demo, features["wrong_clock"])
    assert (wrong.claims_at or "").startswith("2035")


def test_replies_without_the_hashtag_hold_tips(
    demo: Script, features: dict[str, Any], labels: dict[str, dict[str, Any]]
) -> None:
    replies = _posts(demo, features["replies_without_hashtag"])
    assert len(replies) >= 5
    assert not any(_has_tag(demo, post) for post in replies)
    assert all(post.reply_to for post in replies)
    assert sum(bool(labels[post.key]["kinds"]) for post in replies) >= 4


def test_the_noise_of_a_real_chat_is_there_and_is_no_tip(
    demo: Script, features: dict[str, Any], labels: dict[str, dict[str, Any]]
) -> None:
    for noise, least in (("adverts", 2), ("spam", 1), ("jokes", 5), ("sarcasm", 1), ("about_advice", 3)):
        assert len(features[noise]) >= least, noise
        assert all(not labels[key]["kinds"] for key in features[noise]), noise
    assert len({demo.feed.by_key[key].author for key in features["spam"]}) == 1
    assert sum("thank" in post.text.lower() for post in demo.feed.posts) >= 5
    assert sum(unicodedata.category(char) == "So" for post in demo.feed.posts for char in post.text) >= 15


def test_there_is_welsh_and_there_are_other_scripts(demo: Script, features: dict[str, Any]) -> None:
    assert len(features["welsh"]) >= 5
    assert all(post.lang == "cy" for post in _posts(demo, features["welsh"]))
    scripts = {unicodedata.name(post.text[4]).split()[0] for post in _posts(demo, features["other_scripts"])}
    assert scripts == {"BENGALI", "ARABIC"}


def test_pictures_have_alt_text(demo: Script) -> None:
    assert sum(post.alt_text is not None for post in demo.feed.posts) >= 5


def test_posts_fit_their_platform_save_one_long_one(demo: Script) -> None:
    too_long = [
        post.key
        for post in demo.feed.posts
        if post.repost_of is None and len(post.text) > _LONGEST[demo.feed.author_of(post).platform]
    ]
    assert too_long == ["long-x"]


def test_links_lead_to_reserved_domains_only(demo: Script) -> None:
    words = " ".join([post.text for post in demo.feed.posts] + [author.bio for author in demo.feed.authors])
    hosts = re.findall(r"https?://([^/\s]+)", words)
    assert len(hosts) >= 15
    assert all(_RESERVED.search(host) for host in hosts)
    assert not re.search(r"\b(?!01632)0\d{4} \d{6}\b", words), "01632 960000 to 960999 are kept free for fiction"


def test_no_real_council_is_named(demo: Script) -> None:
    written = " ".join(
        [post.text for post in demo.feed.posts]
        + [f"{author.name} {author.bio} {author.handle}" for author in demo.feed.authors]
    )
    with (_DATA / "councils.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    names = {name for row in rows for name in [row["name"], *row["short_names"].split("|")] if name}
    assert len(names) > 300
    found = {name for name in names if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", written)}
    assert not found


def test_a_script_that_is_cut_or_missing_says_so(tmp_path: Path) -> None:
    cut = tmp_path / "cut.json"
    cut.write_text('{"chat": {', encoding="utf-8")
    for path in (cut, tmp_path / "missing.json"):
        with pytest.raises(SettingsError, match="cannot be played"):
            load_script(path)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"author": "nobody"}, "not among its authors"),
        ({"reply_to": "nothing"}, "no post of its platform"),
        ({"key": "q1-b", "reply_to": None}, "key twice"),
        ({"reply_to": "q1-b"}, "no post of its platform"),
    ],
)
def test_a_slip_of_the_pen_is_found(tmp_path: Path, change: dict[str, Any], complaint: str) -> None:
    written = json.loads((_DATA / "demo_chat.json").read_text(encoding="utf-8"))
    reply = next(post for post in written["posts"] if post["key"] == "host-x-03")
    reply.update(change)
    path = tmp_path / "slip.json"
    path.write_text(json.dumps(written), encoding="utf-8")
    with pytest.raises(SettingsError, match=complaint):
        load_script(path)
