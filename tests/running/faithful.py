"""Whether the coverage that a capture claims is true of the stage that it captured."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from simulation import PLATFORMS, Simulation, captured

from analysis.coverage_certificate import build_certificates
from archive.times import from_text, to_text
from chatkeep.stage.feed import Feed


def assert_coverage_is_true(
    life: Simulation,
    feed: Feed,
    *,
    whole: bool = False,
    platforms: Collection[str] = PLATFORMS,
    late: timedelta = timedelta(minutes=11),
) -> None:
    """No minute is called complete while a post of it is missing that was shown before the last walk that proves it.

    ``whole``: every minute of the session must be complete by now. ``late``: how long a post may take to be shown.
    """
    now = life.clock()
    held = captured(life.archive)
    chat = next(iter(life.archive.load_chats().values()))
    certificates = build_certificates(life.archive.conn, chat, to_text(now))
    assert certificates or not whole
    for platform in certificates[0].platforms if certificates else ():
        if platform.platform not in platforms:
            continue
        proven = from_text(platform.proof.last_at) if platform.proof else now
        missing = {
            from_text(post.at).replace(second=0, microsecond=0)
            for post in feed.posts
            if feed.author_of(post).platform == platform.platform
            and post.shown(proven - late)
            and post.shown(now)
            and not {post.text, *(edit.text for edit in post.edits)} & held.get(platform.platform, set())
        }
        for minute in platform.minutes:
            if minute.state == "complete":
                assert from_text(minute.minute) not in missing, (platform.platform, minute)
        if whole:
            # X counted it before it was deleted, and nobody saw it in between: partial is the truth
            deleted = {
                from_text(post.at).replace(second=0, microsecond=0)
                for post in feed.posts
                if feed.author_of(post).platform == platform.platform and post.deleted_at is not None
            }
            incomplete = [
                (minute.minute, minute.why)
                for minute in platform.minutes
                if minute.state != "complete"
                and not (minute.why.startswith("X counts") and from_text(minute.minute) in deleted)
            ]
            assert incomplete == []
