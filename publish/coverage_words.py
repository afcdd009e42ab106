"""The words in which the certificate speaks: times on the chat's clock, spans, and one sentence a platform."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from analysis.coverage import NOT_OVER
from analysis.coverage_certificate import Certificate, PlatformCertificate
from archive.models import PLATFORM_NAMES
from publish.wording import local_moment


def told_session(certificate: Certificate) -> str:
    """``Thursday 8 October 2026, 13:00 to 14:00``, on the chat's own clock."""
    session, zone = certificate.session, certificate.chat.timezone
    start, end = local_moment(session.starts_at, zone), local_moment(session.ends_at, zone)
    if start is None or end is None:
        return f"{session.starts_at} to {session.ends_at}"
    last = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%A} {end.day} {end:%B %Y}, {end:%H:%M}"
    return f"{start:%A} {start.day} {start:%B %Y}, {start:%H:%M} to {last}"


def told_day_time(moment: str, zone: str) -> str:
    """``8 October 2026, 13:05`` on the chat's own clock."""
    local = local_moment(moment, zone)
    return moment if local is None else f"{local.day} {local:%B %Y}, {local:%H:%M}"


def told_time(moment: str, certificate: Certificate) -> str:
    """``13:05``; with its day where the session is not of that day."""
    zone = certificate.chat.timezone
    local, start = local_moment(moment, zone), local_moment(certificate.session.starts_at, zone)
    if local is None or start is None or local.date() != start.date():
        return told_day_time(moment, zone)
    return f"{local:%H:%M}"


def counted(count: int, one: str, many: str | None = None) -> str:
    """``1 minute``, ``60 minutes``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def listed(words: Sequence[str]) -> str:
    """``X``, ``X and Bluesky``, ``X, Bluesky and Mastodon``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def summary(certificate: Certificate) -> str:
    """A few plain sentences: where everything is proven, and where not."""
    whole = [one for one in certificate.platforms if one.minutes and one.count("complete") == len(one.minutes)]
    said = []
    if whole:
        said.append(f"Every minute of this session is complete on {listed([_where(one) for one in whole])}.")
    said += [_partly(one) for one in certificate.platforms if one not in whole]
    waiting = sum(minute.why == NOT_OVER for minute in certificate.platforms[0].minutes)
    if waiting:
        said.insert(0, f"This session is still running: {counted(waiting, 'minute')} of it are yet to come.")
    return " ".join(said)


def _where(one: PlatformCertificate) -> str:
    """The platform; Mastodon with the servers, since nobody can ask all of them."""
    name = PLATFORM_NAMES[one.platform]
    return (
        f"{name} (as far as {listed(one.servers)} show{'s' if len(one.servers) == 1 else ''})" if one.servers else name
    )


def _partly(one: PlatformCertificate) -> str:
    name, total = PLATFORM_NAMES[one.platform], len(one.minutes)
    if not total:
        return f"On {name} no minute of this session holds a post."
    complete, partial, unknown = (one.count(state) for state in ("complete", "partial", "unknown"))
    if unknown == total:
        words = "nothing is known" if one.is_asked else "was not captured"
        return f"On {name} {words}." if one.is_asked else f"{name} {words}."
    counts = [f"{count} {state}" for count, state in ((partial, "partial"), (unknown, "unknown")) if count]
    if not complete:
        return f"On {name} no minute is complete: of {total} {'are' if total > 1 else 'is'} {listed(counts)}."
    return f"On {name} {listed([f'{complete} of {total} minutes are complete', *counts])}."


def host_of(server: str) -> str:
    """A server's name without its scheme."""
    return urlsplit(server).netloc or server
