from __future__ import annotations

import signal
from collections import Counter
from datetime import timedelta
from pathlib import Path

from live_ground import HOSTS, Live, assert_archive_is_sound, assert_captured, feed_at, live
from simulation import STARTS

from analysis.coverage_certificate import PlatformCertificate, build_certificates
from archive.store import open_archive
from archive.times import to_text

POSTS = {"mastodon": [float(n) * 15 for n in range(20)], "two": [float(n) * 15 + 5 for n in range(20)]}
KEPT_AT_HOME = {
    **{f"mastodon_{n}": {"arrivals": {HOSTS[1]: None}} for n in range(5)},
    **{f"two_{n}": {"arrivals": {HOSTS[0]: None}} for n in range(7)},
}


def certificate(stage: Live) -> PlatformCertificate:
    with open_archive(stage.path, stage.clock) as opened:
        chat = opened.load_chats()["northmoor"]
        found = build_certificates(opened.conn, chat, to_text(stage.clock()))[0]
    return next(each for each in found.platforms if each.platform == "mastodon")


def test_a_server_that_is_gone_for_the_session_is_made_up_for_when_it_is_back(tmp_path: Path) -> None:
    feed = feed_at(STARTS, POSTS, **KEPT_AT_HOME)
    with live(tmp_path / "live", feed, minutes=5, platforms=("mastodon",), down=(HOSTS[1],), stream=False) as stage:
        child = stage.start()
        seen_on_one = {post.text for post in feed.posts if HOSTS[0] not in post.arrivals}
        child.wait_for(lambda: seen_on_one <= stage.texts(), "all that the first server shows")
        child.wait_for(lambda: stage.clock() > STARTS + timedelta(minutes=8))
        silent = [event["why"] for event in child.events("alarm")]
        assert any(stage.servers[1].partition("://")[2] in why for why in silent), silent
        child.process.send_signal(signal.SIGTERM)
        assert child.ended() == 130
        assert stage.texts() == seen_on_one
        gone = certificate(stage)
        assert gone.count("complete") == 0, gone.spans
        assert gone.count("partial") == 5, gone.spans

        stage.serve_mastodon(HOSTS[1])
        stage.capture_rest()
        assert_archive_is_sound(stage)
        assert stage.texts() == {post.text for post in feed.posts}
        back = certificate(stage)
        assert back.count("complete") == 5, back.spans
        assert set(back.servers) == {server.partition("://")[2] for server in stage.servers}
        assert all("these servers" in span.why for span in back.spans), back.spans


def test_sightings_say_which_server_saw_what_and_posts_are_one_by_their_address(tmp_path: Path) -> None:
    feed = feed_at(STARTS, POSTS, **KEPT_AT_HOME)
    with live(tmp_path / "live", feed, minutes=5, platforms=("mastodon",), stream=False) as stage:
        child = stage.start()
        child.wait_for(lambda: len(stage.texts()) == 40, "all posts")
        child.process.send_signal(signal.SIGTERM)
        assert child.ended() == 130
        stage.capture_rest()
        assert_captured(stage, whole=True)
        rows = stage.rows("SELECT server, text FROM sightings JOIN posts ON posts.id = post GROUP BY 1, 2")
        assert Counter(server for server, _ in rows) == {stage.servers[0]: 33, stage.servers[1]: 35}
        assert stage.count("SELECT count(*) FROM posts") == 40
