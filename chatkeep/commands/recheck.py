"""recheck: the posts of a chat are asked for again, for edits, deletions and counts."""

from __future__ import annotations

from typing import Any

import click

from archive.errors import Stopped, UsageError
from archive.models import PLATFORMS, Chat, Session
from archive.store import Archive
from chatkeep import __version__
from chatkeep.app import App, json_option, pass_app, stoppable
from chatkeep.settings import Settings
from chatkeep.sources import build_sources, choose_sources
from chatkeep.walk_words import raise_for, row_of, sentence_of, shown
from collector.recheck import recheck_posts
from collector.retrying import Retrying
from collector.sources.base import Source
from collector.spending import Spending
from collector.stopping import Stop
from collector.transport import build_client
from collector.trusted_clock import TrustedClock
from collector.walker import Walker


@click.command()
@click.argument("chat")
@click.option("--session", "name", metavar="SESSION", help="Only the posts of this session, such as CHAT-2026-10-08.")
@click.option("--source", "only", type=click.Choice(PLATFORMS), help="Ask this platform alone.")
@json_option
@pass_app
def recheck(app: App, chat: str, name: str | None, only: str | None, *, as_json: bool) -> None:
    """Ask again for every post of CHAT: what was edited or deleted since, and the counts.

    Every wording is kept in the archive. What its author deleted leaves the site with the next `chatkeep publish`; what
    a platform merely shows no longer is hidden until it is seen again. X charges for each post. The running capture
    does this by itself, an hour, a day and a week after a session and every month while the chat is published.
    """
    settings, clock = app.load_settings(), TrustedClock(app.clock)
    with (
        app.collecting(),
        app.opened("recheck", clock) as archive,
        stoppable() as stop,
        build_client(__version__, on_response=clock.note) as http,
    ):
        found = app.find_chat(archive, chat)
        sources = choose_sources(build_sources(settings, http, clock, app.data), only, settings)
        session = None if name is None else _find_session(found, name)
        rows = _recheck_all(archive, sources, (found, session, settings), stop)
        if stop.is_set():
            raise Stopped("stopped; the archive is whole, and the same command begins anew")
    if as_json:
        app.show([shown(row) for row in rows], as_json=True)
    else:
        _explain(app, found, rows)
    raise_for(found, rows)


def _find_session(chat: Chat, name: str) -> Session:
    for session in chat.sessions:
        if session.id == name:
            return session
    known = ", ".join(session.id for session in chat.sessions) or "none"
    raise UsageError(f"{chat.slug} has no session {name!r}; the known ones are: {known}")


def _recheck_all(
    archive: Archive, sources: list[Source], wanted: tuple[Chat, Session | None, Settings], stop: Stop
) -> list[dict[str, Any]]:
    chat, session, settings = wanted
    rows = []
    for source in sources:
        spending = Spending(archive, source, settings.options)
        walker = Walker(archive, source, Retrying(stop), stop, thrifty=True, spending=spending)
        rows += [row_of(walked) for walked in recheck_posts(archive, walker, chat, session)]
    return rows


def _explain(app: App, chat: Chat, rows: list[dict[str, Any]]) -> None:
    """One line a platform and server: a chat of hundreds of posts takes many requests."""
    if not rows:
        app.say(f"{chat.slug} has no posts to ask for yet: capture it first with `chatkeep collect {chat.slug}`.")
    places = dict.fromkeys((row["platform"], row["where"]) for row in rows)
    for place in places:
        own = [row for row in rows if (row["platform"], row["where"]) == place]
        unfinished = [row for row in own if row["_status"] != "done"]
        total = own[0] | {name: sum(row[name] for row in own) for name in ("pages", "new posts", "known", "problems")}
        app.say(sentence_of(total | ({} if not unfinished else unfinished[0] | {"known": total["known"]})))


COMMANDS = (recheck,)
