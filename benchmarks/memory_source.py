"""A platform in memory: weekly chats whose posts follow from a seed, so that a year of them takes no room."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from archive.models import Author, Batch, Chat, Metrics, Platform, Post, Problem, RawPage, Ref
from archive.times import Clock, from_text, shift, to_text
from collector.sources.base import Limits, Plan, Purpose, Window

_PAGE_SIZE = 100
_IDS_A_LOOKUP = 50
_ALWAYS = Window()
_TEXT = "bins flooding library plain english captions alt text reply early residents team story road consult"
_WORDS = _TEXT.split()


@dataclass(frozen=True, slots=True)
class Said:
    """One post. ``root`` is where its conversation began, itself where it answers nobody."""

    native_id: str
    at: str
    author: int
    text: str
    tag: str
    root: str
    likes: int
    answered_at: str | None = None


class Weeks:
    """What is said under a hashtag, week by week; ``starts`` are the sittings, by hashtag, in order of time."""

    def __init__(self, starts: Mapping[str, list[datetime]], posts_a_session: int) -> None:
        self._starts = starts
        self._posts = posts_a_session
        self.session = lru_cache(maxsize=256)(self._session)

    def between(self, platform: Platform, tag: str, since: str, now: str) -> list[Said]:
        """Every post from ``since`` up to ``now``, newest first."""
        found = []
        week = timedelta(days=7)
        for number, starts in enumerate(self._starts[tag]):
            if to_text(starts) <= now and to_text(starts + week) > since:
                found += [said for said in self.session(platform, tag, number) if since <= said.at <= now]
        return sorted(found, key=lambda said: (said.at, said.native_id), reverse=True)

    def _session(self, platform: Platform, tag: str, number: int) -> tuple[Said, ...]:
        """One in twenty comes in the days after, one in ten answers another; one in fifty leaves out the hashtag."""
        chance = random.Random(f"{platform} {tag} {number}")
        starts = self._starts[tag][number]
        moments = sorted(
            starts + timedelta(hours=chance.uniform(1, 100) if chance.random() < 0.05 else chance.random())
            for _ in range(self._posts)
        )
        said: list[Said] = []
        for n, at in enumerate(moments):
            native_id = f"{tag}-{number}-{n}"
            root = said[chance.randrange(n)].root if n and chance.random() < 1 / 10 else native_id
            bare = root != native_id and chance.random() < 0.2
            text = " ".join(chance.choices(_WORDS, k=chance.randint(10, 30))) + ("" if bare else f" #{tag}")
            said.append(Said(native_id, to_text(at), chance.randrange(200), text, "" if bare else tag, root, n % 5))
        answered = {each.root: each.at for each in reversed(said) if each.root != each.native_id}
        return tuple(replace(each, answered_at=answered.get(each.native_id)) for each in said)

    def find(self, platform: Platform, native_id: str) -> Said:
        """One post by its id."""
        tag, number, n = native_id.split("-")
        return self.session(platform, tag, int(number))[int(n)]


class MemorySource:
    """Searches Weeks as Bluesky is searched: newest first, from a time on. Fulfils collector.sources.base.Source.

    Likes come within the first hour. ``fetched`` counts exchanges.
    """

    servers = ("",)

    def __init__(self, name: Platform, weeks: Weeks, clock: Clock, poll_seconds: float) -> None:
        self.name: Platform = name
        self.limits = Limits(
            page_size=_PAGE_SIZE,
            order="none" if name == "mastodon" else "newest_first",  # the order of those that are looked back at
            overlap_seconds=600,
            lag_seconds=60,
            poll_seconds=poll_seconds,
        )
        self.fetched = 0
        self._weeks = weeks
        self._clock = clock

    def plans(self, purpose: Purpose, chat: Chat, window: Window = _ALWAYS, refs: tuple[str, ...] = ()) -> list[Plan]:
        """One a hashtag, one for fifty posts to look up, one a conversation."""
        if purpose in ("quotes", "counts"):
            return []
        if purpose == "thread":
            return [Plan(key=f"thread/{ref}", purpose=purpose, refs=(ref,)) for ref in refs]
        if purpose == "posts":
            groups = [refs[i : i + _IDS_A_LOOKUP] for i in range(0, len(refs), _IDS_A_LOOKUP)]
            return [Plan(key=f"posts/{group[0]}+{len(group)}", purpose=purpose, refs=group) for group in groups]
        times = f"/{window.start}..{window.end or ''}" if window != _ALWAYS else ""
        return [Plan(key=f"{purpose}/#{t}{times}", purpose=purpose, query=t, window=window) for t in chat.hashtags]

    def fetch(self, plan: Plan, cursor: str | None) -> RawPage:
        self.fetched += 1
        now = to_text(self._clock())
        found, following = list(self._found(plan, now)), None
        if plan.purpose in ("tag", "sweep"):
            first = int(cursor or 0)
            following = str(first + _PAGE_SIZE) if len(found) > first + _PAGE_SIZE else None
            found = found[first : first + _PAGE_SIZE]
        return RawPage(
            source=self.name, format=plan.purpose, origin="memory", fetched_at=now, url=f"memory:{plan.key}",
            body=json.dumps([self._shown(said, now) for said in found]).encode(), next_cursor=following,
        )  # fmt: skip

    def _found(self, plan: Plan, now: str) -> Iterator[Said]:
        if plan.purpose == "posts":
            yield from (self._weeks.find(self.name, ref) for ref in plan.refs)
        elif plan.purpose == "thread":
            tag, number, _ = plan.refs[0].split("-")
            whole = self._weeks.session(self.name, tag, int(number))
            yield from (said for said in whole if said.root == plan.refs[0] and said.at <= now)
        else:
            since = max(filter(None, (plan.window.start, plan.floor)), default="")
            yield from (s for s in self._weeks.between(self.name, plan.query, since, now) if s.tag)

    def _shown(self, said: Said, now: str) -> dict[str, Any]:
        """A post as platforms show it; what is of no use to us is there as well, as much as in earnest."""
        return {
            "id": said.native_id, "at": said.at, "text": said.text, "tags": [said.tag] if said.tag else [],
            "author": {"id": f"{self.name}:a{said.author}", "handle": f"person{said.author}", "name": "Person"},
            "root": said.root, "replies": int(said.answered_at is not None and said.answered_at <= now),
            "likes": said.likes if from_text(now) - from_text(said.at) > timedelta(minutes=30) else 0,
            "viewer": {"muted": False, "blockedBy": False, "threadMuted": False, "embeddingDisabled": False},
            "avatar": f"https://pictures.example/{said.author:040d}/avatar.jpeg",
        }  # fmt: skip

    def parse(self, page: RawPage) -> Batch:
        items = json.loads(page.body)
        authors = {
            item["author"]["id"]: Author(
                id=item["author"]["id"], platform=self.name, handle=item["author"]["handle"], name="Person"
            )
            for item in items
        }
        posts = [self._post(item) for item in items]
        top = max((post.created_at for post in posts), default=None) if page.format in ("tag", "sweep") else None
        return Batch(posts=posts, authors=list(authors.values()), top=top, rows=len(items))

    def _post(self, item: dict[str, Any]) -> Post:
        is_reply = item["root"] != item["id"]
        return Post(
            id=f"{self.name}:{item['id']}", platform=self.name, author=item["author"]["id"],
            native_ids=(Ref(item["id"]),), created_at=item["at"], text=item["text"], tags=tuple(item["tags"]),
            kind="reply" if is_reply else "post", reply_to=Ref(item["root"]) if is_reply else None,
            conversation=Ref(item["root"]), metrics=Metrics(likes=item["likes"], replies=item["replies"]),
        )  # fmt: skip

    def earliest(self, plan: Plan) -> str | None:
        del plan
        return None

    def floor_below(self, top: str) -> str:
        return shift(top, seconds=-self.limits.overlap_seconds)

    def higher(self, one: str, other: str) -> str:
        return max(one, other)

    def check(self) -> list[Problem]:
        return []
