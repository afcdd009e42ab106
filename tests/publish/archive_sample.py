"""Builds a sample archive by writing its tables directly: invented posts of invented councils, some of them hostile."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from sqlite_utils import Database

from archive.schema import migrations
from archive.times import shift

CHAT = "northmoorchat"
SESSION = "northmoorchat-2025-10-09"
NEXT_SESSION = "northmoorchat-2025-11-13"
START = "2025-10-09T12:00:00.000Z"  # 13:00 in London, which still has summer time
FICTIONAL = "A fictional chat: every council, person and post here is invented."

HOSTILE = {
    "script": "A1 <script>alert('one')</script><img src=x onerror=alert(2)> \"quoted\" & <b>bold</b>",
    "scheme": "javascript:alert(document.cookie)",
    "nul": "A2 Before\x00after, and a bell\x07 too",
    "bidi": "A2 \u202egnihtemos yas\u202c then \u2066isolated\u2069 \u200b\u200d zero width",
    "long": "A3 " + "long " * 20_000,
    "template": "{{ 7 * 7 }} {% raw %} ${7*7} <%= 7 %>",
    "broken": "A3 broken \ufffd \U0001f468\u200d\U0001f469\u200d, \u0627\u0644\u0633\u0644\u0627\u0645 \u4f60\u597d",
    "formula": '=HYPERLINK("https://evil.example","free")',
}

AUTHORS = (
    ("x:1001", "x", "NorthmoorTalk", "Northmoor Talk", "We host the Northmoor communicators' chat."),
    ("x:1002", "x", "priya_elmbridge", "Priya Raman", "Communications at Elmbridge Vale Council. Views mine."),
    ("x:1003", "x", "castleford_sea", "Castleford-on-Sea Council", "The council by the sea."),
    ("bluesky:did:plc:tomosfictional", "bluesky", "tomos.example.social", "Tomos Bevan", "Comms, Aberwen Council."),
    ("bluesky:did:plc:gracefictional", "bluesky", "grace.example.social", "Grace Oduya", None),
    ("mastodon:https://social.example/users/lena", "mastodon", "lena@social.example", "Lena Fischer", "Digital lead."),
    ("mastodon:https://social.example/users/sam", "mastodon", "sam@social.example", None, None),
    ("x:@unknownnumber", "x", None, None, None),
    ("x:6666", "x", "<script>alert(6)</script>", "<img src=x onerror=alert(7)>", "<script>alert(8)</script>"),
)
QUESTIONS = (
    "Q1: What one thing would you tell a council that is new to social media?",
    "Q2: How do you deal with a complaint that is going around fast?",
    "Q3: Which example from another council do you admire?",
)


class SampleArchive:
    """archive.db with methods that write one row each. ``post`` gives the id of the post it wrote."""

    def __init__(self, path: Path) -> None:
        migrations.apply(Database(path))
        self.conn = sqlite3.connect(path, isolation_level=None)
        self.conn.execute("PRAGMA synchronous = OFF")
        self.conn.execute("PRAGMA journal_mode = WAL")
        self._number = 0

    def insert(self, table: str, **row: object) -> None:
        """Writes one row; columns that must be filled and that no published page shows get a blank."""
        for _, name, kind, needed, default, _ in self.conn.execute(f"PRAGMA table_info({table})").fetchall():
            if needed and default is None and name not in row:
                row[name] = 0 if kind == "INTEGER" else ""
        names = ", ".join(f'"{name}"' for name in row)
        self.conn.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))

    def chat(self, slug: str, title: str, description: str | None = None, hosts: tuple[str, ...] = ()) -> None:
        self.insert(
            "chats", slug=slug, title=title, hashtags=json.dumps([slug]), hosts=json.dumps(hosts),
            timezone="Europe/London", description=description,
        )  # fmt: skip

    def session(self, session: str, chat: str, starts_at: str, minutes: int = 60) -> None:
        self.insert(
            "sessions", id=session, chat=chat, starts_at=starts_at, ends_at=shift(starts_at, minutes=minutes),
            questions=json.dumps(["What would you tell a newcomer?"]),
        )  # fmt: skip

    def author(self, author: str, platform: str, handle: str | None, name: str | None, bio: str | None = None) -> None:
        self.insert(
            "authors", id=author, platform=platform, handle=handle, name=name, bio=bio, url="javascript:alert(9)",
            followers_count=120, labels="[]", first_seen_at=START, last_seen_at=START,
        )  # fmt: skip

    def post(
        self, author: str, text: str, minute: float, session: str | None = SESSION, chat: str = CHAT, **more: object
    ) -> str:
        self._number += 1
        platform = author.split(":", maxsplit=1)[0]
        native = {
            "x": f"x:{17_000_000_000_000_000 + self._number}",
            "bluesky": f"bluesky:at://did:plc:fictional/app.bsky.feed.post/3k{self._number}",
            "mastodon": f"mastodon:https://social.example/users/any/statuses/{self._number}",
        }[platform]
        at = shift(START, minutes=minute)
        row = {
            "id": native, "platform": platform, "author": author, "created_at": at, "posted_at": at,
            "first_seen_at": at, "text": text, "lang": "en", "kind": "post", "visibility": "public", "labels": "[]",
        } | more  # fmt: skip
        self.insert("posts", **row)
        self.insert("metrics", post=row["id"], seen_at=at, likes=self._number % 9, reposts=self._number % 4)
        if session is not None:
            self.insert("chat_posts", chat=chat, session=session, post=row["id"], why="tagged", version="1")
        return str(row["id"])

    def question(self, number: int, text: str, post: str | None, session: str = SESSION, chat: str = CHAT) -> str:
        name = f"{session}-q{number}"
        self.insert("questions", id=name, chat=chat, session=session, number=number, post=post, text=text, version="1")
        return name

    def answer(self, question: str, post: str, confidence: float = 0.9) -> None:
        self.insert(
            "answers", question=question, post=post, reason="opens with the mark A1", confidence=confidence,
            version="1",
        )  # fmt: skip

    def tip(self, post: str, text: str, kind: str = "do", question: str | None = None, **more: object) -> str:
        self._number += 1
        row = {
            "id": f"tip{self._number}", "chat": CHAT, "session": SESSION, "post": post, "start": 0, "end": len(text),
            "kind": kind, "text": text, "score": 0.5 + self._number % 40 / 100, "question": question,
            "reason": "advice in the imperative: “reply”", "support_count": self._number % 4, "version": "1",
            "explanation": "", "organisation_count": 0, "repost_count": 0, "state": "proposed", "kept": 0,
        } | more  # fmt: skip
        self.insert("tips", **row)
        return str(row["id"])

    def evidence(self, tip: str, post: str, relation: str, position: int = 0) -> None:
        self.insert("tip_evidence", tip=tip, post=post, position=position, relation=relation, version="1")

    def tombstone(self, post: str, reason: str = "deleted") -> None:
        self.insert("tombstones", key=post, seen_at=START, reason=reason)


def build_empty(path: Path) -> None:
    """An archive in which nothing has been collected."""
    SampleArchive(path).conn.close()


def build_sample(path: Path) -> SampleArchive:
    """Two chats: one with a full session and one to come, one whose posts belong to no session."""
    archive = SampleArchive(path)
    archive.chat(CHAT, "Northmoor communicators' chat", FICTIONAL, ("x:NorthmoorTalk",))
    archive.session(SESSION, CHAT, START)
    archive.session(NEXT_SESSION, CHAT, shift(START, days=35, hours=1))
    archive.chat("elmbridgevale", "Elmbridge Vale talks")
    for author in AUTHORS:
        archive.author(*author)
    archive.insert("organisations", id="elmbridge-vale", name="Elmbridge Vale Council", type="district",
                   nation="England", region="South West", url="https://elmbridgevale.example", version="1")  # fmt: skip
    archive.insert("author_organisations", author="x:1002", organisation="elmbridge-vale",
                   evidence="bio: Communications at Elmbridge Vale Council", confidence=0.9, version="1")  # fmt: skip
    archive.insert("people", id="person-lena", author="mastodon:https://social.example/users/lena",
                   reason="the same name and picture", version="1")  # fmt: skip
    archive.insert("themes", id="theme-1", chat=CHAT, session=SESSION, label="replying, complaints, tone",
                   terms='["replying", "complaints", "tone"]', post_count=9, post=None, version="1",
                   named_by="words", pinned=0, hint="mostly under Q1; also came up under Q2")  # fmt: skip
    archive.insert("unread_languages", chat=CHAT, session=SESSION, lang="cy", posts_count=14, version="1")
    questions = _add_questions(archive)
    _add_answers(archive, questions)
    _add_hostile(archive, questions)
    _add_coverage(archive)
    for minute in range(3):
        archive.post("x:1003", f"We opened the new library, picture {minute}", 900 + minute, "", "elmbridgevale")
    return archive


def _add_questions(archive: SampleArchive) -> list[str]:
    asked = [archive.post("x:1001", text, 2 + 18 * place) for place, text in enumerate(QUESTIONS)]
    return [archive.question(place + 1, text, asked[place]) for place, text in enumerate(QUESTIONS)]


def _add_answers(archive: SampleArchive, questions: list[str]) -> None:
    told = (
        (1, "A1 Reply within the hour, even if only to say that you are looking into it.", "do", 3),
        (3, "A1: Don't post the same words everywhere; each place has its own tone.", "dont", 4),
        (5, "Start with one place and do it well before you open a second.", "do", 6),
        (2, "A2 Say sorry first, then say what happens next and when.", "do", 22),
        (4, "A2 I worry that a fast answer is a wrong answer.", "concern", 24),
        (6, "A2 Our checklist for a bad day: https://checklist.example/day", "resource", 26),
        (7, "A2 Keep one list of who may answer at night.", "do", 27),
    )
    for place, (who, text, kind, minute) in enumerate(told):
        question = questions[0] if minute < 20 else questions[1]
        post = archive.post(AUTHORS[who][0], text, minute, url=f"https://posts.example/{place}")
        archive.answer(question, post)
        tip = archive.tip(post, text.removeprefix("A1 ").removeprefix("A2 "), kind, question, theme="theme-1")
        if place in (0, 4):
            archive.insert("recaps", chat=CHAT, session=SESSION, position=place + 1, question=question, tip=tip,
                           post=post, text=text[3:], version="1")  # fmt: skip
        if place == 0:
            again = archive.post("x:1003", f"RT @priya_elmbridge: {text}", 5, kind="repost", repost_of=post)
            archive.answer(question, again, 0.6)
            archive.evidence(tip, again, "repost")
            archive.post("bluesky:did:plc:gracefictional", "Totally agree!", 7, kind="reply", reply_to=post)
        if kind == "resource":
            archive.insert(
                "post_links", post=post, url="https://t.example/1", expanded_url="https://checklist.example/day"
            )
            archive.insert("post_links", post=post, url="javascript:alert(3)")
            archive.insert("link_pages", url="https://checklist.example/day", title="A checklist <b>for</b> a bad day",
                           domain="checklist.example")  # fmt: skip
    for minute in range(8, 58, 2):
        archive.post(AUTHORS[minute % 6][0], f"Greetings from minute {minute}, good to see so many of you", minute)
    late = archive.post("x:1002", "A1 (late, sorry) Listen for a week before you say a word.", 60 * 20)
    archive.answer(questions[0], late)


def _add_hostile(archive: SampleArchive, questions: list[str]) -> None:
    for place, (name, text) in enumerate(HOSTILE.items()):
        post = archive.post("x:6666", text, 30 + place, url="javascript:alert(4)" if place % 2 else None)
        archive.answer(questions[1], post, 0.95)
        archive.tip(post, text, "example", questions[1], id=f"hostile-{name}", reason="<script>alert(5)</script>")


def _add_coverage(archive: SampleArchive) -> None:
    for platform, gap in (("x", range(10, 20)), ("bluesky", range(0)), ("mastodon", range(60))):
        for minute in range(60):
            state, why = (
                ("complete", "one walk covered it") if minute not in gap else ("partial", "the walk was cut off")
            )
            if platform == "mastodon":
                state, why = "unknown", "no server was asked"
            archive.insert("coverage", chat=CHAT, session=SESSION, platform=platform,
                           minute=shift(START, minutes=minute), state=state, why=why, version="1")  # fmt: skip
