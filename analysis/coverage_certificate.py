"""The certificate of a session: what each minute proves on each platform, and the evidence, fresh from the archive."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from analysis.coverage import Minute, State, build_coverage, list_asked_servers
from analysis.coverage_counts import Told, load_told
from analysis.coverage_listening import Listened, find_listened, load_intervals
from analysis.coverage_walks import ASKING, CoverWalk, load_walks, select_walks
from analysis.membership import HORIZON_DAYS, find_members, find_window, list_candidates
from archive.models import PLATFORMS, Chat, Session
from archive.times import shift


@dataclass(frozen=True, slots=True)
class Span:
    """Minutes in a row of one state and reason, from ``starts_at`` to ``ends_at`` (exclusive)."""

    starts_at: str
    ends_at: str
    minutes_count: int
    state: State
    why: str


@dataclass(frozen=True, slots=True)
class Proof:
    """The finished walks that go over some of the session and began after its start.

    ``repeats_count``: polls that found nothing new and stand in the rows of others. ``posts_count``: posts that were
    new with these walks, other sessions' included where a walk went further. ``last_at``: when the last one began.
    """

    walks_count: int
    repeats_count: int
    pages_count: int
    posts_count: int
    first_at: str
    last_at: str
    clock_ahead_seconds: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A walk as the certificate tells it: a sweep, or one that did not reach its end. ``server``: on Mastodon."""

    opened_at: str
    status: str
    server: str
    why: str | None


@dataclass(frozen=True, slots=True)
class Rechecks:
    """How often the session's posts were looked up again, for edits and deletions, and when last."""

    walks_count: int
    last_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformCertificate:
    """One platform of a session. ``minutes`` are those of the session; ``told`` are its counts of times that are over.

    ``posts_count``: posts of the session that stand, posted until its end; ``late_count``: those posted afterwards.
    ``gone_count``: captured and then deleted or withdrawn. ``proof`` is None where no walk reached its end.
    """

    platform: str
    minutes: tuple[Minute, ...]
    spans: tuple[Span, ...]
    posts_count: int = 0
    late_count: int = 0
    gone_count: int = 0
    servers: tuple[str, ...] = ()
    proof: Proof | None = None
    stops: tuple[Asked, ...] = ()
    sweeps: tuple[Asked, ...] = ()
    rechecks: Rechecks | None = None
    listened: tuple[Listened, ...] = ()
    told: tuple[Told, ...] = ()

    def count(self, state: State) -> int:
        """How many minutes have this state."""
        return sum(minute.state == state for minute in self.minutes)

    @property
    def is_asked(self) -> bool:
        """Whether anything at all is known of this platform: it was asked, heard, or imported from."""
        return bool(self.proof or self.stops or self.posts_count or self.late_count or self.gone_count)


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a session's capture proves as of ``as_of``, every platform in the order of PLATFORMS."""

    chat: Chat
    session: Session
    as_of: str
    platforms: tuple[PlatformCertificate, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """All rows of the archive that speak for or against a session.

    ``posts``: (platform, posted_at) of the posts that stand; ``gone`` by platform; ``intervals`` as load_intervals().
    """

    walks: Sequence[CoverWalk]
    told: Sequence[Told]
    posts: Sequence[tuple[str, str]]
    gone: Counter[str]
    rechecks: dict[str, Rechecks]
    intervals: Sequence[Listened]


def build_certificate(
    conn: sqlite3.Connection, chat: Chat, session: Session, now: str, walks: Sequence[CoverWalk] | None = None
) -> Certificate:
    """The certificate of one session from the archive as it stands; ``walks`` are the chat's, where loaded before."""
    return certify(chat, session, load_evidence(conn, chat, session, walks), now)


def build_certificates(conn: sqlite3.Connection, chat: Chat, now: str, most: int | None = None) -> list[Certificate]:
    """The certificates of the sessions that have begun, the latest first; ``most``: of so many sessions at most."""
    walks = load_walks(conn, chat)
    begun = [session for session in chat.sessions if session.starts_at < now]
    latest = sorted(begun, key=lambda session: (session.starts_at, session.id), reverse=True)
    return [build_certificate(conn, chat, session, now, walks) for session in latest[:most]]


def load_evidence(
    conn: sqlite3.Connection, chat: Chat, session: Session, walks: Sequence[CoverWalk] | None = None
) -> Evidence:
    """Reads what certify() needs. Which posts belong is found anew too, so that nothing depends on an old analysis."""
    members = find_members(chat, session, list_candidates(conn, chat, session))
    gone = conn.execute(
        "SELECT p.platform, count(*) FROM posts p WHERE p.posted_at >= ? AND p.posted_at < ?"
        " AND EXISTS (SELECT 1 FROM sightings s WHERE s.post = p.id AND s.chat = ?)"
        " AND (p.id IN (SELECT key FROM tombstones) OR p.author IN (SELECT key FROM tombstones)) GROUP BY p.platform",
        (*find_window(chat, session), chat.slug),
    )
    all_walks = load_walks(conn, chat) if walks is None else walks
    return Evidence(
        walks=select_walks(all_walks, session.starts_at, session.ends_at, HORIZON_DAYS),
        told=load_told(conn, chat, session),
        posts=[(post.id.partition(":")[0], post.posted_at) for post in members.values()],
        gone=Counter(dict(gone.fetchall())),
        rechecks=_load_rechecks(conn, chat, session),
        intervals=load_intervals(conn, session),
    )


def _load_rechecks(conn: sqlite3.Connection, chat: Chat, session: Session) -> dict[str, Rechecks]:
    """By platform the finished look-ups of this session; those of no named session count until its horizon."""
    rows = conn.execute(
        "SELECT platform, count(*), max(opened_at) FROM walks WHERE chat = :chat AND status = 'done'"
        " AND key >= :first AND key < :last AND opened_at >= :ends"
        " AND (session = :session OR session IS NULL AND opened_at < :horizon) GROUP BY platform",
        {
            "chat": chat.slug, "first": f"{chat.slug}|posts|", "last": f"{chat.slug}|posts|\U0010ffff",
            "session": session.id, "ends": session.ends_at, "horizon": shift(session.ends_at, days=HORIZON_DAYS + 1),
        },
    )  # fmt: skip
    return {platform: Rechecks(count, last) for platform, count, last in rows}


def certify(chat: Chat, session: Session, evidence: Evidence, now: str) -> Certificate:
    """Judges every minute and gathers what speaks for it. Pure: the same evidence and ``now`` give the same."""
    minutes = build_coverage(session, evidence.walks, chat.hashtags, evidence.posts, evidence.told, now)
    return Certificate(
        chat, session, now, tuple(_certify(platform, session, evidence, minutes, now) for platform in PLATFORMS)
    )


def _certify(
    platform: str, session: Session, evidence: Evidence, all_minutes: Iterable[Minute], now: str
) -> PlatformCertificate:
    minutes = tuple(minute for minute in all_minutes if minute.platform == platform)
    walks = [walk for walk in evidence.walks if walk.platform == platform and walk.purpose in ASKING]
    mine = [w for w in walks if w.opened_at > session.starts_at and w.touches(session.starts_at, session.ends_at)]
    by_time = sorted(mine, key=lambda walk: walk.opened_at)
    times = [posted_at for name, posted_at in evidence.posts if name == platform]
    return PlatformCertificate(
        platform=platform,
        minutes=minutes,
        spans=tuple(find_spans(minutes)),
        posts_count=sum(time < session.ends_at for time in times),
        late_count=sum(time >= session.ends_at for time in times),
        gone_count=evidence.gone[platform],
        servers=tuple(list_asked_servers(session, walks)),
        proof=_sum_up([walk for walk in mine if walk.status == "done"]),
        stops=tuple(map(_told_of, _find_stops(walks, session))),
        sweeps=tuple(_told_of(w) for w in by_time if w.purpose == "sweep" and w.opened_at >= session.ends_at),
        rechecks=evidence.rechecks.get(platform),
        listened=tuple(find_listened(platform, session, evidence.intervals, now)),
        told=tuple(one for one in evidence.told if one.platform == platform),
    )


def find_spans(minutes: Iterable[Minute]) -> Iterable[Span]:
    """Runs of minutes that follow one another with the same state and reason."""
    run: list[Minute] = []
    for _, group in groupby(minutes, key=lambda minute: (minute.state, minute.why)):
        for minute in group:
            if run and minute.minute != shift(run[-1].minute, minutes=1):
                yield _span(run)
                run = []
            run.append(minute)
        yield _span(run)
        run = []


def _span(run: Sequence[Minute]) -> Span:
    return Span(run[0].minute, shift(run[-1].minute, minutes=1), len(run), run[0].state, run[0].why)


def _sum_up(done: Sequence[CoverWalk]) -> Proof | None:
    if not done:
        return None
    return Proof(
        walks_count=len(done),
        repeats_count=sum(walk.repeats_count for walk in done),
        pages_count=sum(walk.pages_count for walk in done),
        posts_count=sum(walk.posts_count for walk in done),
        first_at=min(walk.opened_at for walk in done),
        last_at=max(walk.opened_at for walk in done),
        clock_ahead_seconds=max(walk.clock_ahead_seconds for walk in done),
    )


def _find_stops(walks: Iterable[CoverWalk], session: Session) -> list[CoverWalk]:
    """The walks round the session that did not reach their end: given up, cut off, or out of budget."""
    last = shift(session.ends_at, days=HORIZON_DAYS)
    return [
        walk
        for walk in walks
        if walk.status != "done" and session.starts_at < walk.opened_at
        and (walk.opened_at <= last or walk.touches(session.starts_at, session.ends_at))
        and walk.begins < session.ends_at
    ]  # fmt: skip


def _told_of(walk: CoverWalk) -> Asked:
    return Asked(walk.opened_at, walk.status, walk.server, walk.why)
