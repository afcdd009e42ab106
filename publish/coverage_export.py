"""The certificate of a chat as a page to attach to a report: what was captured, what was not, and how that is known."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version

from analysis.coverage import NOT_OVER
from analysis.coverage_certificate import Asked, Certificate, PlatformCertificate, Proof, build_certificates
from analysis.coverage_counts import Told
from analysis.coverage_listening import Listened
from archive.models import PLATFORM_NAMES
from archive.times import from_text, system_clock, to_text
from publish.coverage_words import counted, host_of, listed, summary, told_day_time, told_session, told_time
from publish.findings import load_chat
from publish.markdown import escape_inline, escape_line, escape_lines

_MEANINGS = (
    "**Complete**: every hashtag of the chat was searched to the end over this minute, after the minute was over.",
    "**Partial**: posts may be missing; the reason says why.",
    "**Unknown**: nobody can say what was posted then, since nothing was captured.",
)
_LIMITS = (
    "What people deleted before it was first asked for has left no trace.",
    "A platform shows what it chooses to show: X's search leaves out reposts, and any search may leave out accounts.",
    "A Mastodon server knows only the posts that have reached it: complete means complete on the servers named.",
    "Posts that are not public are never captured.",
    "A post that arrived after the last look is not here.",
)
_MOST_STOPS = 10
_SHORT_GAP_SECONDS = 60


def render_coverage_markdown(conn: sqlite3.Connection, chat_slug: str, now: str | None = None) -> str:
    """The certificate of every session that has begun, the latest first. Raises UsageError for an unknown chat.

    It is built from the archive as it stands, whatever was analysed before. ``now`` None asks the machine's clock.
    """
    chat = load_chat(conn, chat_slug)
    made_at = now or to_text(system_clock())
    certificates = build_certificates(conn, chat, max(made_at, _last_sign(conn, chat_slug)))
    parts = [f"# {escape_line(chat.title)}: what was captured"]
    if chat.description:
        parts.append("\n>\n".join(f"> {line}" for line in escape_lines(chat.description)))
    parts.append(
        f"Made on {told_day_time(made_at, chat.timezone)} by Chatkeep {escape_inline(_find_version(conn))} from the"
        f" archive as it stood then. All times are local time ({escape_inline(chat.timezone)})."
    )
    parts.append("\n".join(f"- {words}" for words in _MEANINGS))
    if not certificates:
        parts.append("No session of this chat has begun yet, so there is no minute to judge.")
    for certificate in certificates:
        parts += _session(certificate)
    parts += ["## What can never be known", "\n".join(f"- {words}" for words in _LIMITS)]
    return "\n\n".join(parts) + "\n"


def _last_sign(conn: sqlite3.Connection, chat: str) -> str:
    """The latest time that the archive knows of: a session that was captured has begun, whatever this clock says."""
    (last,) = conn.execute("SELECT max(opened_at) FROM walks WHERE chat = ?", (chat,)).fetchone()
    return last or ""


def _find_version(conn: sqlite3.Connection) -> str:
    """The version of this program; where it is not installed, that of the last run."""
    try:
        return version("chatkeep")
    except PackageNotFoundError:
        row = conn.execute("SELECT version FROM runs ORDER BY id DESC LIMIT 1").fetchone()
        return row[0] if row else "of unknown version"


def _session(certificate: Certificate) -> Iterator[str]:
    yield f"## {escape_line(told_session(certificate))}"
    yield escape_inline(summary(certificate))
    yield "\n".join(_table(certificate))
    yield "### Minute by minute"
    yield "\n".join(_spans(certificate))
    yield "### The evidence"
    yield "\n".join(_evidence(certificate))


def _table(certificate: Certificate) -> Iterator[str]:
    yield "| Platform | Complete minutes | Partial minutes | Unknown minutes | Posts captured | Posts after the end |"
    yield "| --- | --: | --: | --: | --: | --: |"
    for one in certificate.platforms:
        cells = (one.count("complete"), one.count("partial"), one.count("unknown"), one.posts_count, one.late_count)
        yield f"| {PLATFORM_NAMES[one.platform]} | {' | '.join(f'{cell:,}' for cell in cells)} |"


def _spans(certificate: Certificate) -> Iterator[str]:
    for one in certificate.platforms:
        yield f"- **{PLATFORM_NAMES[one.platform]}**"
        for span in one.spans:
            when = f"{told_time(span.starts_at, certificate)} to {told_time(span.ends_at, certificate)}"
            says_it = span.why == NOT_OVER or span.why.startswith(span.state)
            state = "" if says_it else f"{span.state}: "
            yield f"  - {when} ({counted(span.minutes_count, 'minute')}), {state}{escape_inline(span.why)}"
        if not one.spans:
            yield "  - no minute of the session holds a post"


def _evidence(certificate: Certificate) -> Iterator[str]:
    for one in certificate.platforms:
        facts = list(_facts(certificate, one))
        yield f"- **{PLATFORM_NAMES[one.platform]}**{'' if facts else ': none; it was not asked'}"
        yield from (f"  - {escape_inline(fact)}" for fact in facts)


def _facts(certificate: Certificate, one: PlatformCertificate) -> Iterator[str]:
    if one.servers:
        yield f"Servers asked: {', '.join(one.servers)}."
    if one.proof:
        yield from _proof(certificate, one.proof)
    if one.sweeps:
        yield _sweeps(certificate, one.sweeps)
    if one.rechecks:
        last = told_day_time(one.rechecks.last_at, certificate.chat.timezone)
        lookups = counted(one.rechecks.walks_count, "look-up")
        yield f"Known posts were looked up again for edits and deletions: {lookups}, the last {last}."
    yield from (_listening(certificate, listened) for listened in one.listened)
    yield from _counts(certificate, one.told)
    yield from _stops(certificate, one.stops)
    if one.gone_count:
        were = "was" if one.gone_count == 1 else "were"
        yield f"{counted(one.gone_count, 'post')} {were} captured and deleted or withdrawn since; not counted above."


def _proof(certificate: Certificate, proof: Proof) -> Iterator[str]:
    zone = certificate.chat.timezone
    first, last = told_day_time(proof.first_at, zone), told_day_time(proof.last_at, zone)
    when = f"begun {last}" if proof.walks_count == 1 else f"the first begun {first}, the last {last}"
    held = f"{counted(proof.pages_count, 'page')}, {counted(proof.posts_count, 'new post')}"
    yield f"{counted(proof.walks_count, 'search', 'searches')} reached the end, {when}: {held}."
    if proof.repeats_count:
        yield f"{counted(proof.repeats_count, 'more search', 'more searches')} reached the end and found nothing new."
    if proof.clock_ahead_seconds:
        minutes = -(-proof.clock_ahead_seconds // 60)
        yield f"This computer's clock was up to {counted(minutes, 'minute')} ahead; the times are put right here."


def _sweeps(certificate: Certificate, sweeps: Sequence[Asked]) -> str:
    done = [sweep for sweep in sweeps if sweep.status == "done"]
    after: dict[str, None] = {}
    for sweep in done:
        after[_told_after(certificate.session.ends_at, sweep.opened_at)] = None
    words = [f"Searched again whole {listed(list(after))} after the session."] if after else []
    if left := len(sweeps) - len(done):
        words.append(f"{counted(left, 'search', 'searches')} after the session did not reach the end.")
    return " ".join(words)


def _told_after(ends_at: str, moment: str) -> str:
    hours = (from_text(moment) - from_text(ends_at)).total_seconds() / 3600
    if hours < 1.5:
        return counted(max(1, round(hours * 60)), "minute") if hours < 0.9 else "1 hour"
    return counted(round(hours), "hour") if hours < 47 else counted(round(hours / 24), "day")


def _listening(certificate: Certificate, listened: Listened) -> str:
    _, _, server = listened.lane.partition(" ")
    where = f" to {host_of(server)}" if server else ""
    verb = f"Listened live{where}" if listened.kind == "stream" else f"Asked{where} again and again"
    times = [f"{told_time(start, certificate)} to {told_time(end, certificate)}" for start, end in listened.spans]
    long = [gap for gap in listened.gaps if _seconds(gap[0], gap[1]) >= _SHORT_GAP_SECONDS]
    gaps = [
        f"{told_time(start, certificate)} to {told_time(end, certificate)}{f' ({why})' if why else ''}"
        for start, end, why in long
    ]
    missed = f"; not {listed(gaps)}" if gaps else ""
    return f"{verb} {listed(times)}{missed}. This proves nothing by itself."


def _seconds(start: str, end: str) -> float:
    return (from_text(end) - from_text(start)).total_seconds()


def _counts(certificate: Certificate, told: Sequence[Told]) -> Iterator[str]:
    """Of each query what the platform counted, of which time and when it was asked, and what is held of that time."""
    for query in dict.fromkeys(one.query for one in told):
        own = [one for one in told if one.query == query]
        name = PLATFORM_NAMES[own[0].platform]
        short = sum(one.told_count > one.held_count for one in own)
        says = counted(sum(one.told_count for one in own), "post")
        held = sum(one.held_count for one in own)
        less = f", and fewer in {short} of {counted(len(own), 'count')}" if short else ""
        times = f"{told_time(own[0].starts_at, certificate)} to {told_time(own[-1].ends_at, certificate)}"
        asked = told_day_time(max(one.seen_at for one in own), certificate.chat.timezone)
        yield (
            f"For {query} {name} itself counted {says} from {times}, asked {asked};"
            f" the archive holds {held:,} of that time{less}."
        )


def _stops(certificate: Certificate, stops: Sequence[Asked]) -> Iterator[str]:
    for stop in stops[-_MOST_STOPS:]:
        where = f" on {host_of(stop.server)}" if stop.server else ""
        begun = told_day_time(stop.opened_at, certificate.chat.timezone)
        ended = "ended early" if stop.status == "abandoned" else "is not finished"
        yield f"A search{where} begun {begun} {ended}{f': {stop.why}' if stop.why else ''}."
    if len(stops) > _MOST_STOPS:
        yield f"{counted(len(stops) - _MOST_STOPS, 'earlier search', 'earlier searches')} did not reach the end either."
