"""Asks the platforms again for the posts that the archive holds: edits, deletions, counts."""

from __future__ import annotations

from archive.models import Chat
from archive.store import Archive
from collector.sources.base import Source
from collector.walker import Walked, Walker


def recheck_posts(archive: Archive, walker: Walker, chat: Chat) -> list[Walked]:
    """Looks up every post of the chat that one platform showed and that is not finally gone."""
    refs = _load_refs(archive, chat, walker.source)
    return [
        walker.walk(chat, plan) for plan in walker.source.plans("posts", chat, refs=refs) if not walker.stop.is_set()
    ]


def _load_refs(archive: Archive, chat: Chat, source: Source) -> tuple[str, ...]:
    """Native ids to ask for: the latest of each post, on each server that showed it (there as ``server id``)."""
    rows = archive.conn.execute(
        "SELECT i.server, i.native_id FROM post_ids AS i WHERE i.platform = ?"
        " AND i.post IN (SELECT post FROM sightings WHERE chat = ?)"
        " AND i.post NOT IN (SELECT key FROM tombstones WHERE reason <> 'unavailable')"
        " AND (i.server <> '' OR i.native_id = (SELECT max(j.native_id) FROM post_ids AS j WHERE j.post = i.post"
        "   AND length(j.native_id) = (SELECT max(length(k.native_id)) FROM post_ids AS k WHERE k.post = i.post)))"
        " ORDER BY i.server, i.native_id",
        (source.name, chat.slug),
    )
    return tuple(f"{server} {native_id}" if server else native_id for server, native_id in rows)
