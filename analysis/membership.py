"""Which posts belong to a session, and why; and which sessions a chat without any seems to have had."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from archive.models import Chat, Session
from archive.times import from_text, shift, to_text

LEAD_MINUTES = 60  # reminders and greetings before the start belong to the session
HORIZON_DAYS = 7  # late answers, as far as the last sweep looks back (design section 6)
_NEAR_MINUTES = 10
_NEAR_LENGTH = 5  # shorter hashtags are one letter away from too many others
_FIRST, _LAST = "0000", "9999"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """As much of a post as membership needs.

    ``imported``, ``threaded``, ``quoting``: by which walks of this chat (of files, threads, quotes) it was seen.
    """

    id: str
    author: str
    posted_at: str
    reply_to: str | None = None
    conversation: str | None = None
    repost_of: str | None = None
    quote_of: str | None = None
    tags: tuple[str, ...] = ()
    is_host: bool = False
    imported: bool = False
    threaded: bool = False
    quoting: bool = False
    why: str = ""


def find_window(chat: Chat, session: Session) -> tuple[str, str]:
    """From when (inclusive) until when (exclusive) a post can belong to this session.

    It opens an hour before the start and closes where the next session opens, at the latest a week after the end.
    """
    later = [other.starts_at for other in chat.sessions if other.starts_at > session.starts_at]
    earlier = [other.ends_at for other in chat.sessions if other.starts_at < session.starts_at]
    before = [end for end in earlier if end <= session.starts_at]
    opens = max([shift(session.starts_at, minutes=-LEAD_MINUTES), *before])
    closes = shift(session.ends_at, days=HORIZON_DAYS)
    if later:
        closes = min(closes, max(session.ends_at, shift(min(later), minutes=-LEAD_MINUTES)))
    return opens, closes


def find_members(
    chat: Chat, session: Session, candidates: Iterable[Candidate], *, whole: bool = False
) -> dict[str, Candidate]:
    """The posts of the session by id, each with ``why``: tagged, near tag, in thread, host, quote or imported.

    A post that was fetched as a quote belongs where it quotes a post of this session within the session's window.
    """
    opens, closes = (_FIRST, _LAST) if whole else find_window(chat, session)
    inside = {c.id: c for c in candidates if opens <= c.posted_at < closes}
    why = {c.id: "tagged" for c in inside.values() if set(c.tags) & set(chat.hashtags)}
    if not whole:
        why |= dict.fromkeys(_find_near_tagged(chat, session, inside, why), "near tag")
    for threaded in _find_in_threads(inside, why):
        why.setdefault(threaded, "in thread")
    for post in inside.values():
        if post.is_host and (whole or session.starts_at <= post.posted_at <= session.ends_at):
            why.setdefault(post.id, "host")
        if post.imported:
            why.setdefault(post.id, "imported")
    for post in [post for post in inside.values() if post.quoting and post.quote_of in why]:
        if why.get(post.id, "imported") == "imported":
            why[post.id] = "quote"
    return {post: replace(inside[post], why=reason) for post, reason in why.items()}


def _find_near_tagged(
    chat: Chat, session: Session, inside: Mapping[str, Candidate], tagged: Mapping[str, str]
) -> list[str]:
    """Posts of the hour whose author also used the right tag, with a tag one slip away from it."""
    people = {inside[post].author for post in tagged}
    opens, closes = shift(session.starts_at, minutes=-_NEAR_MINUTES), shift(session.ends_at, minutes=_NEAR_MINUTES)
    found = []
    for post in inside.values():
        if post.id in tagged or post.author not in people or not opens <= post.posted_at <= closes:
            continue
        if any(is_near(tag, right) for tag in post.tags for right in chat.hashtags):
            found.append(post.id)
    return found


def is_near(tag: str, right: str) -> bool:
    """Whether one slip (a letter more, less, other, or two swapped) turns ``right`` into ``tag``."""
    if tag == right or len(right) < _NEAR_LENGTH or abs(len(tag) - len(right)) > 1:
        return False
    shorter, longer = sorted((tag, right), key=len)
    at = next((i for i, (a, b) in enumerate(zip(shorter, longer, strict=False)) if a != b), len(shorter))
    if len(shorter) < len(longer):
        return shorter[at:] == longer[at + 1 :]
    swapped = shorter[at : at + 2][::-1] == longer[at : at + 2] and shorter[at + 2 :] == longer[at + 2 :]
    return swapped or shorter[at + 1 :] == longer[at + 1 :]


def _find_in_threads(inside: Mapping[str, Candidate], members: Mapping[str, str]) -> list[str]:
    """Replies to members at any depth, posts of conversations that a member began, reposts, walked threads.

    A conversation that somebody else began is not taken whole: one tagged reply would pull in a stranger's thread.
    """
    children: dict[str, list[str]] = {}
    for post in inside.values():
        for parent in {post.reply_to, post.conversation, post.repost_of} - {None, post.id}:
            children.setdefault(str(parent), []).append(post.id)
    found = [post.id for post in inside.values() if post.threaded and post.id not in members]
    seen = set(members) | set(found)
    edge = [*members, *found]
    while edge:
        edge = [child for parent in edge for child in children.get(parent, ()) if child not in seen]
        edge = list(dict.fromkeys(edge))
        seen.update(edge)
        found.extend(edge)
    return found


_FETCHED_BY = ("import", "thread", "quotes")
_MARKS = """
  SELECT DISTINCT s.post, CASE WHEN s.walk >= :import AND s.walk < :imports THEN 'import'
    WHEN s.walk >= :thread AND s.walk < :threads THEN 'thread' ELSE 'quotes' END
  FROM sightings s JOIN {scope} p ON p.id = s.post
  WHERE s.chat = :chat AND (s.walk >= :import AND s.walk < :imports OR s.walk >= :thread AND s.walk < :threads
    OR s.walk >= :quotes AND s.walk < :quotess)
"""
_SCOPE_WINDOW = "SELECT id FROM posts WHERE posted_at >= :opens AND posted_at < :closes"
_SCOPE_WHOLE = """
  WITH RECURSIVE member(id) AS (
    SELECT post FROM post_tags WHERE tag IN ({tags})
    UNION SELECT post FROM sightings WHERE chat = :chat AND walk >= :import AND walk < :imports
    UNION SELECT post FROM sightings WHERE chat = :chat AND walk >= :thread AND walk < :threads
    UNION SELECT post FROM sightings WHERE chat = :chat AND walk >= :quotes AND walk < :quotess
    UNION SELECT p.id FROM posts p JOIN member m ON p.reply_to = m.id
  )
  SELECT id FROM member UNION SELECT id FROM posts WHERE conversation IN (SELECT id FROM member)
"""


def list_candidates(conn: sqlite3.Connection, chat: Chat, session: Session | None) -> list[Candidate]:
    """The posts that could belong: of the session's window, or of the whole chat where ``session`` is None.

    Posts with a tombstone, or of an author with one, are left out.
    """
    values: dict[str, str] = {"chat": chat.slug}
    for purpose in _FETCHED_BY:
        key = f"{chat.slug}|{purpose}"
        values |= {purpose: key, f"{purpose}s": key + "\U0010ffff"}
    if session is None:
        tags = {f"tag{n}": tag for n, tag in enumerate(chat.hashtags)}
        values |= tags
        scope = _SCOPE_WHOLE.format(tags=",".join(f":{name}" for name in tags) or "NULL")
    else:
        values["opens"], values["closes"] = find_window(chat, session)
        scope = _SCOPE_WINDOW
    return _load_candidates(conn, chat, f"({scope})", values)


def _load_candidates(conn: sqlite3.Connection, chat: Chat, scope: str, values: dict[str, str]) -> list[Candidate]:
    rows = conn.execute(
        "SELECT p.id, p.author, p.posted_at, p.reply_to, p.conversation, p.repost_of, p.quote_of,"
        " p.platform || ':' || a.handle"
        f" FROM {scope} c JOIN posts p ON p.id = c.id JOIN authors a ON a.id = p.author"
        " WHERE p.id NOT IN (SELECT key FROM tombstones) AND p.author NOT IN (SELECT key FROM tombstones)",
        values,
    ).fetchall()
    tags: dict[str, list[str]] = {}
    for post, tag in conn.execute(
        f"SELECT t.post, t.tag FROM {scope} p JOIN post_tags t ON t.post = p.id ORDER BY t.tag", values
    ):
        tags.setdefault(post, []).append(tag)
    marks: dict[str, set[str]] = {}
    for post, purpose in conn.execute(_MARKS.format(scope=scope), values):
        marks.setdefault(post, set()).add(purpose)
    hosts = {host.casefold() for host in chat.hosts}
    return [
        Candidate(
            id=r[0], author=r[1], posted_at=r[2], reply_to=r[3], conversation=r[4], repost_of=r[5],
            quote_of=r[6], tags=tuple(tags.get(r[0], ())), is_host=(r[7] or "").casefold() in hosts,
            imported="import" in marks.get(r[0], ()), threaded="thread" in marks.get(r[0], ()),
            quoting="quotes" in marks.get(r[0], ()),
        )
        for r in rows
    ]  # fmt: skip


# A burst is a run of busy five-minute bins; these say what is busy and how long a lull may last.
_BIN = 300
_LULL_BINS = 4
_BUSY_SHARE = 0.15
_LEAST_POSTS = 12


def propose_sessions(counts: Mapping[str, int]) -> list[tuple[str, str, int]]:
    """Sittings that the posts suggest: (starts_at, ends_at, posts), on quarter hours, earliest first.

    ``counts`` says how many posts each time has; whole minutes are fine enough.
    """
    moments = {from_text(text).timestamp(): count for text, count in counts.items()}
    bins: Counter[int] = Counter()
    for moment, count in moments.items():
        bins[int(moment // _BIN)] += count
    found = []
    for first, last in _find_runs(bins):
        starts = datetime.fromtimestamp(round(first * _BIN / 900) * 900, UTC)
        ends = datetime.fromtimestamp(-(-(last + 1) * _BIN // 900) * 900, UTC)
        ends = max(ends, starts + timedelta(minutes=30))
        count = sum(n for moment, n in moments.items() if starts.timestamp() <= moment < ends.timestamp())
        found.append((to_text(starts), to_text(ends), count))
    return found


def _find_runs(bins: Mapping[int, int]) -> list[tuple[int, int]]:
    """The first and last busy bin of every burst with enough posts."""
    runs: list[list[int]] = []
    for place in sorted(bins):
        if runs and place - runs[-1][-1] <= _LULL_BINS:
            runs[-1].append(place)
        else:
            runs.append([place])
    found = []
    for run in runs:
        if sum(bins[place] for place in run) < _LEAST_POSTS:
            continue
        enough = max(2.0, _BUSY_SHARE * max(bins[place] for place in run))
        busy = [place for place in run if bins[place] >= enough]
        if busy:
            found.append((busy[0], busy[-1]))
    return found


def render_proposals(chat: Chat, proposals: Sequence[tuple[str, str, int]]) -> str:
    """The settings to paste into chats.toml for these sittings, in the chat's local time."""
    zone = ZoneInfo(chat.timezone)
    lines = []
    for starts, ends, count in proposals:
        lines += [
            f"[[chat.{chat.slug}.session]]  # {count} posts",
            f"starts = {from_text(starts).astimezone(zone):%Y-%m-%dT%H:%M:%S}",
            f"ends = {from_text(ends).astimezone(zone):%Y-%m-%dT%H:%M:%S}",
            "",
        ]
    return "\n".join(lines)
