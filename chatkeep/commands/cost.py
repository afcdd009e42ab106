"""cost: what the next capture of a chat will cost, before it is spent."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

from archive.errors import PartlyDone, UsageError
from archive.ledger import load_spent
from archive.models import PLATFORM_NAMES, Chat, Session
from archive.store import Archive
from archive.times import from_text
from chatkeep import __version__
from chatkeep.app import App, json_option, pass_app
from chatkeep.settings import Settings
from chatkeep.sources import build_sources
from collector.forecast import Crowd, Step, build_forecast
from collector.options import DEFAULT_OPTIONS, ChatOptions
from collector.retrying import Retrying
from collector.sources.base import Source, Window
from collector.spending import Spending, dollars
from collector.transport import build_client
from collector.walker import PageSaved, Walker

# Where the archive holds too little of a chat to tell: an hour of some 300 posts has about 60 to 100 people, and
# about every second post draws an answer or a quote that leaves the hashtag out.
_AUTHORS_A_POST = 1 / 3
_AROUND_A_POST = 1 / 2
_ENOUGH_POSTS = 20


@dataclass(frozen=True, slots=True)
class _Shares:
    """Authors a post and posts around a post; ``known``: by this chat's own archive."""

    authors: float
    around: float
    known: bool


@dataclass(frozen=True, slots=True)
class _Expected:
    """How many tagged posts a session has, who says so, and what the question cost (tenths of a US cent)."""

    session: Session
    posts_count: int
    by: str
    asked_tenth_cents: int = 0


@click.command()
@click.argument("chat")
@json_option
@pass_app
def cost(app: App, chat: str, *, as_json: bool) -> None:
    """Tell what a session of CHAT costs on X: posts, requests and money, beside the budget.

    Asks X how many posts the latest session has, which itself costs half a cent (a cent for a session older than
    seven days) and counts towards the budget. The other platforms cost nothing.
    """
    settings = app.load_settings()
    with app.opened("cost") as archive, build_client(__version__) as http:
        found = app.find_chat(archive, chat)
        free = [name for name in settings.sources if name != "x"]
        source = build_sources(settings, http, app.clock, app.data).get("x")
        if source is None:
            _say_free(app, free, as_json=as_json)
            return
        options = settings.options.get(found.slug, DEFAULT_OPTIONS)
        expected = _expected(archive, source, found, settings)
        shares = _load_shares(archive.conn, found)
        steps = _forecast(expected, shares, options, source)
        accounts = _accounts(archive, found, expected.session, options, steps)
    if as_json:
        rows = [*_rows(steps), *accounts, *({"platform": PLATFORM_NAMES[name], "dollars": 0.0} for name in free)]
        app.show(rows, as_json=True)
        return
    _explain(app, found, expected, shares, steps)
    for account in accounts:
        app.say(_sentence(account))
    _say_free(app, free, as_json=False)


def _say_free(app: App, free: list[str], *, as_json: bool) -> None:
    if as_json:
        app.show([{"platform": PLATFORM_NAMES[name], "dollars": 0.0} for name in free], as_json=True)
    elif free:
        app.say(f"{' and '.join(PLATFORM_NAMES[name] for name in free)} cost{'s' * (len(free) == 1)} nothing.")
    else:
        app.say("Nothing costs anything: chats.toml names no platform that charges.")


def _expected(archive: Archive, source: Source, chat: Chat, settings: Settings) -> _Expected:
    """The posts of the latest session that has begun, as X counts them; without one, by what the archive holds."""
    begun = [session for session in chat.sessions if session.starts_at <= archive.now()]
    if begun:
        return _ask(archive, source, chat, max(begun, key=lambda session: session.starts_at), settings)
    posts = _load_busiest_day(archive.conn, chat)
    if not chat.sessions or posts == 0:
        budget = settings.options.get(chat.slug, DEFAULT_OPTIONS).budget
        raise UsageError(
            f"{chat.slug}: no session has begun and the archive holds no post of it from X, so there is nothing to"
            f" count yet; a session can cost {dollars(budget.session)} at most. Ask again when one has begun"
        )
    first = min(chat.sessions, key=lambda session: session.starts_at)
    return _Expected(first, posts, "the busiest day that the archive holds")


def _ask(archive: Archive, source: Source, chat: Chat, session: Session, settings: Settings) -> _Expected:
    counted: list[int] = []
    asked: list[int] = []

    def note(page: PageSaved) -> None:
        counted.extend(count.posts_count for count in page.batch.counts)
        asked.extend(billed.tenth_cents for billed in page.batch.billed)

    stop = threading.Event()
    spending = Spending(archive, source, settings.options)
    walker = Walker(archive, source, Retrying(stop), stop, note, spending=spending)
    for plan in source.plans("counts", chat, Window(session.starts_at, session.ends_at)):
        walked = walker.walk(chat, plan, session=session.id)
        if walked.error is not None:
            raise walked.error
        if walked.status != "done":
            raise PartlyDone(f"{chat.slug}: X did not count the posts to the end ({walked.why}); run this again")
    return _Expected(session, _scaled(sum(counted), session, archive), "X's own count", sum(asked))


def _scaled(count: int, session: Session, archive: Archive) -> int:
    """The posts of a whole session, where it is still going on."""
    starts, ends = from_text(session.starts_at), from_text(session.ends_at)
    passed = (archive.clock() - starts) / (ends - starts)
    return round(count / passed) if 0 < passed < 1 else count


def _load_busiest_day(conn: sqlite3.Connection, chat: Chat) -> int:
    row = conn.execute(
        "SELECT count(*) FROM posts WHERE platform = 'x' AND id IN (SELECT post FROM sightings WHERE chat = ?)"
        " GROUP BY substr(posted_at, 1, 10) ORDER BY 1 DESC LIMIT 1",
        (chat.slug,),
    ).fetchone()
    return 0 if row is None else int(row[0])


def _load_shares(conn: sqlite3.Connection, chat: Chat) -> _Shares:
    """What the chat's own posts from X tell: a session is an hour, so authors are counted by the day."""
    days = conn.execute(
        "SELECT count(*), count(DISTINCT author) FROM posts WHERE platform = 'x'"
        " AND id IN (SELECT post FROM sightings WHERE chat = ?) GROUP BY substr(posted_at, 1, 10)",
        (chat.slug,),
    ).fetchall()
    posts = sum(count for count, _ in days)
    if posts < _ENOUGH_POSTS:
        return _Shares(_AUTHORS_A_POST, _AROUND_A_POST, known=False)
    around = conn.execute(
        "SELECT count(DISTINCT post) FROM sightings WHERE chat = ? AND post LIKE 'x:%'"
        " AND (walk LIKE chat || '|thread|%' OR walk LIKE chat || '|quotes|%')"
        " AND post NOT IN (SELECT post FROM post_tags WHERE tag IN (SELECT value FROM json_each(?)))",
        (chat.slug, json.dumps(chat.hashtags)),
    ).fetchone()[0]
    known_around = around / max(posts - around, 1) if around else _AROUND_A_POST
    return _Shares(sum(authors for _, authors in days) / posts, known_around, known=True)


def _forecast(expected: _Expected, shares: _Shares, options: ChatOptions, source: Source) -> list[Step]:
    tagged = _crowd(expected.posts_count, shares)
    around = _crowd(round(expected.posts_count * shares.around), shares) if options.conversations else None
    return build_forecast(expected.session, tagged, around, source.limits.poll_seconds)


def _crowd(posts: int, shares: _Shares) -> Crowd:
    return Crowd(posts, round(posts * shares.authors))


def _accounts(
    archive: Archive, chat: Chat, session: Session, options: ChatOptions, steps: list[Step]
) -> list[dict[str, Any]]:
    """The two budgets, each with what is expected and what is spent of it, in dollars."""
    month = archive.now()[:7]
    week = sum(step.tenth_cents for step in steps if step.week)
    later = sum(step.tenth_cents for step in steps if not step.week)
    return [
        {
            "platform": "X", "what": "the session with its week", "dollars": week / 1000,
            "budget": options.budget.session / 1000,
            "spent": load_spent(archive.conn, chat.slug, session=session.id) / 1000,
        },
        {
            "platform": "X", "what": f"each month after it; {month} so far", "dollars": later / 1000,
            "budget": options.budget.month / 1000, "spent": load_spent(archive.conn, chat.slug, month=month) / 1000,
        },
    ]  # fmt: skip


def _rows(steps: list[Step]) -> list[dict[str, Any]]:
    return [
        {
            "platform": "X", "what": step.what, "at": step.at, "posts": step.posts_count,
            "authors": step.authors_count, "requests": step.requests_count, "dollars": step.tenth_cents / 1000,
        }
        for step in steps
    ]  # fmt: skip


def _explain(app: App, chat: Chat, expected: _Expected, shares: _Shares, steps: list[Step]) -> None:
    day = expected.session.starts_at[:10]
    asked = f" Asking cost {dollars(expected.asked_tenth_cents)}." if expected.asked_tenth_cents else ""
    app.say(f"{chat.slug}, session of {day}: {expected.posts_count:,} posts on X, by {expected.by}.{asked}")
    for row in _rows(steps):
        money = dollars(round(row.pop("dollars") * 1000))
        requests = f"{row['requests']:,} request{'s' * (row['requests'] != 1)}"
        facts = f"{row['posts']:,} posts, {row['authors']:,} authors, {requests}"
        app.say(f"  {row['what']:<25} {row['at'][:16].replace('T', ' ')}  {money:>9}  {facts}")
    by = "this chat's own archive" if shares.known else "what such chats have; the archive holds too little yet"
    app.say(f"X bills a post and an author once a UTC day. Authors and conversations are estimated by {by}.")


def _sentence(account: Mapping[str, Any]) -> str:
    money = {name: dollars(round(account[name] * 1000)) for name in ("dollars", "budget", "spent")}
    over = account["dollars"] > account["budget"]
    more = "; the budget is too small for all of it, and what does not fit is not fetched" if over else ""
    return (
        f"X, {account['what']}: about {money['dollars']} of a budget of {money['budget']};"
        f" {money['spent']} spent or reserved{more}."
    )


COMMANDS = (cost,)
