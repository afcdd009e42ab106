"""Asks the platforms again for the posts that the archive holds: edits, deletions, counts."""

from __future__ import annotations

from archive.models import Chat, Session
from archive.store import Archive
from collector.refs import Scope, bounds_of, load_known
from collector.walker import Walked, Walker


def recheck_posts(archive: Archive, walker: Walker, chat: Chat, session: Session | None = None) -> list[Walked]:
    """Looks up every post of the chat, or of one session, that the platform showed and that is not finally gone."""
    source, results = walker.source, list[Walked]()
    for server in source.servers:
        scope = Scope(chat.slug, source.name, bounds_of(chat, session), server, source.servers)
        plans = source.plans("posts", chat, refs=load_known(archive.conn, scope))
        pays = session.id if session else None
        results += [walker.walk(chat, plan, session=pays) for plan in plans if not walker.stop.is_set()]
    return results
