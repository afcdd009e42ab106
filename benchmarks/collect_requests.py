"""How many requests a session and its week take, against the fewest that could do the same.

The fewest possible, for each platform (the fictional chat has one hashtag and each platform one server):
- a live poll is one request, as often as the platform's rhythm asks for one; where a full page could not carry what is
  new, one more for each further page;
- a sweep, and a look back, is as many full pages as carry the posts of its window at that time, and one where there
  are none; a count is one request;
- conversations: on Bluesky and Mastodon one request for each that has a reply, on X one for every 13 (a query of 512
  characters holds as many ids) and one for every hundred first posts; quotes: one for each quoted post, on X for every
  12; Mastodon has none;
- a recheck is one request for every 100 posts on X, 25 on Bluesky, 20 on Mastodon;
- Bluesky is signed in to once, and once more when a request comes later than its token holds (two hours).
A full page is 100 posts on X (500 once a week has passed: the full archive) and on Bluesky, 40 on Mastodon.
"""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import httpx
from staged import MINUTES, STARTS, Life, build_feed, staged_life

from archive.models import PLATFORM_NAMES, PLATFORMS, Platform
from archive.times import from_text
from chatkeep.stage.feed import Feed, FeedPost
from collector.due import Job

_PAGES = {"x": 100, "bluesky": 100, "mastodon": 40}
_LOOKUPS = {"x": 100, "bluesky": 25, "mastodon": 20}
_IDS_A_QUERY, _QUOTES_A_QUERY = 13, 12
_X_LAG, _X_RECENT = timedelta(seconds=30), timedelta(days=7)
_TOKEN_LIFE = timedelta(hours=2)
_AIMS = {"quiet": 1.3, "busy": 1.1}


class Tally:
    """Requests made, and the fewest that could do, by platform and kind of work."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.made: Counter[tuple[str, str]] = Counter()
        self.fewest: Counter[tuple[str, str]] = Counter()
        self._last: dict[str, Job] = {}
        self._known: Counter[str] = Counter()
        self._signed_in_at: datetime | None = None

    def note(self, life: Life, request: httpx.Request) -> None:
        """One request, which the job of the lane that is busy makes."""
        busy = [lane for lane in life.runner.state.lanes.values() if lane.busy is not None]
        lane = busy[0].lane
        job = busy[0].busy
        if job is None:
            return
        if "createSession" in request.url.path or "refreshSession" in request.url.path:
            self.made[lane.platform, "sign in"] += 1
            if self._signed_in_at is None or life.clock() - self._signed_in_at >= _TOKEN_LIFE:
                self._signed_in_at = life.clock()
                self.fewest[lane.platform, "sign in"] += 1
            return
        self.made[lane.platform, job.kind] += 1
        if self._last.get(lane.name) is not job:
            self._last[lane.name] = job
            self.fewest[lane.platform, job.kind] += self._fewest_of(lane.platform, job, life.clock())

    def _fewest_of(self, platform: Platform, job: Job, now: datetime) -> int:
        seen_to = now - _X_LAG if platform == "x" else now
        posts = [post for post in self.feed.on(platform) if from_text(post.at) <= seen_to]
        tagged = [post for post in posts if "#northmoor" in post.text]
        if job.kind == "live":
            new, self._known[platform] = len(tagged) - self._known[platform], len(tagged)
            return _full_pages(new, _PAGES[platform])
        if job.kind in ("sweep", "look back"):
            is_old = platform == "x" and from_text(job.window.start or "") < now - _X_RECENT
            return _full_pages(len(tagged), 500 if is_old else _PAGES[platform])
        if job.kind == "recheck":
            return _full_pages(len(posts), _LOOKUPS[platform])
        return self._fewest_around(platform, posts) if job.kind == "thread" else 1

    def _fewest_around(self, platform: Platform, posts: list[FeedPost]) -> int:
        roots = {self._root_of(post) for post in posts if post.reply_to}
        quoted = {post.quote_of for post in posts if post.quote_of}
        if platform == "x":
            queries = math.ceil(len(roots) / _IDS_A_QUERY) + math.ceil(len(quoted) / _QUOTES_A_QUERY)
            return queries + math.ceil(len(roots) / 100)
        return len(roots) + (len(quoted) if platform == "bluesky" else 0)

    def _root_of(self, post: FeedPost) -> str:
        while post.reply_to is not None:
            post = self.feed.by_key[post.reply_to]
        return post.key


def _full_pages(posts: int, page_size: int) -> int:
    return max(1, math.ceil(posts / page_size))


def count_requests(posts_an_hour: int, folder: Path) -> tuple[Tally, Life]:
    """Plays a session and its week, and counts."""
    feed = build_feed(posts_an_hour)
    tally = Tally(feed)
    with staged_life(feed, folder, tally.note) as life:
        life.run_until(STARTS + timedelta(minutes=MINUTES, days=9))
        found = life.archive.conn.execute("SELECT count(*) FROM posts").fetchone()[0]
    if found != len(feed.posts):
        print(f"  {len(feed.posts) - found} of {len(feed.posts)} posts are MISSING from the archive")
    return tally, life


def bench_requests(tell: Callable[[str], None] = print) -> None:
    """Prints requests made and the fewest possible, by platform and kind of work, for a quiet and a busy chat."""
    tell((__doc__ or "").partition("\n\n")[2].strip())
    for name, posts_an_hour in (("quiet", 12), ("busy", 300)):
        with tempfile.TemporaryDirectory() as folder:
            tally, _ = count_requests(posts_an_hour, Path(folder))
        ratio = tally.made.total() / tally.fewest.total()
        tell(
            f"{name} chat, {posts_an_hour} posts an hour on each platform: {tally.made.total()} requests,"
            f" fewest possible {tally.fewest.total()}: {ratio:.2f} (aim: below {_AIMS[name]})"
        )
        for platform in PLATFORMS:
            kinds = [kind for each, kind in tally.made if each == platform]
            parts = [f"{kind} {tally.made[platform, kind]}/{tally.fewest[platform, kind]}" for kind in kinds]
            made, fewest = (
                sum(c for (p, _), c in counts.items() if p == platform) for counts in (tally.made, tally.fewest)
            )
            tell(f"  {PLATFORM_NAMES[platform]:<9}{made / fewest:5.2f}   {', '.join(parts)}")
