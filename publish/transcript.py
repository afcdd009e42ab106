"""The transcript of a chat: every post that stands, in order of time, grouped by question, replies under their post."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from publish import wording
from publish.findings import ChatFindings, KeptPost, KeptQuestion, SessionFindings, load_findings
from publish.guide_saying import is_host
from publish.guide_tips import question_heading, session_title
from publish.guide_words import fold
from publish.markdown import escape_line, escape_lines, link
from publish.spreadsheet import Cell, write_csv

_DEEPEST = 4  # deeper replies stay at this indent: a column of text one word wide helps nobody
_COLUMNS = (
    *("session", "part", "question", "depth", "local_time", "name", "handle", "platform", "kind", "text"),
    *("in_reply_to", "quote_of", "repost_of", "links", "pictures", "edited_at", "url", "posted_at", "post", "author"),
)


@dataclass(frozen=True, slots=True)
class Turn:
    """One post at its place. ``depth`` 0 begins a conversation; ``about`` is the post it replies to or quotes
    where that stands elsewhere; ``copies`` are the same words by the hosts on other platforms.
    """

    post: KeptPost
    depth: int
    about: KeptPost | None = None
    copies: tuple[KeptPost, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A question and what was said to it, or what was said before the first and after the end."""

    heading: str
    question: KeptQuestion | None
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Transcript:
    """One session's parts in order of time; every post of it is in exactly one of them, as a turn or a copy."""

    title: str
    session: SessionFindings
    parts: tuple[Part, ...]


def build_transcripts(found: ChatFindings) -> tuple[Transcript, ...]:
    """The transcript of each session that holds posts."""
    return tuple(
        Transcript(session_title(found, session), session, tuple(_build_parts(found, session)))
        for session in found.sessions
        if session.posts
    )


def render_transcript_markdown(conn: sqlite3.Connection, chat_slug: str) -> str:
    """The transcript to read, in the chat's own time. Raises UsageError for an unknown or not yet analysed chat."""
    found = load_findings(conn, chat_slug)
    parts = [f"# {escape_line(found.chat.title)}: transcript"]
    if found.chat.description:
        parts.append("\n>\n".join(f"> {line}" for line in escape_lines(found.chat.description)))
    parts.append(" ".join(_introduce(found)))
    transcripts = build_transcripts(found)
    for transcript in transcripts:
        parts.append(f"## {escape_line(transcript.title)}")
        sitting = transcript.session.session
        began = found.local(sitting.starts_at) if sitting else None
        day = began.date() if began else None
        for part in transcript.parts:
            parts.append(f"### {escape_line(part.heading)}")
            if part.turns:
                parts.append("\n".join(_render_turn(found, turn, day) for turn in part.turns))
    return "\n\n".join(parts) + "\n"


def render_transcript_csv(conn: sqlite3.Connection, chat_slug: str) -> str:
    """The transcript as a table, a row a post in the order of the Markdown; copies have rows of their own."""
    found = load_findings(conn, chat_slug)
    rows = (
        _row(found, transcript.title, part, turn, post)
        for transcript in build_transcripts(found)
        for part in transcript.parts
        for turn in part.turns
        for post in (turn.post, *turn.copies)
    )
    return write_csv(_COLUMNS, rows)


def _build_parts(found: ChatFindings, session: SessionFindings) -> Iterator[Part]:
    places = _place(session)
    headings = _headings(session)
    for key, (heading, question) in headings.items():
        own = [post for post in session.posts if places[post.id] == key]
        if own or question is not None:
            yield Part(heading, question, tuple(_nest(session, own, _find_copies(found, own, question))))


def _headings(session: SessionFindings) -> dict[int, tuple[str, KeptQuestion | None]]:
    """The parts by number: -1 before the first question, then the questions as listed, last what came after."""
    if not session.questions:
        return {-1: ("Posts", None)}
    parts: dict[int, tuple[str, KeptQuestion | None]] = {-1: ("Before the first question", None)}
    for at, question in enumerate(session.questions):
        parts[at] = (question_heading(question.label, question.text), question)
    parts[len(session.questions)] = ("After the session", None)
    return parts


def _place(session: SessionFindings) -> dict[str, int]:
    """The part of each post: its question's, else its parent's, else that of the question then under discussion."""
    numbers = {id(question): at for at, question in enumerate(session.questions)}
    places = {post: numbers[id(question)] for post, question in session.question_of().items() if post in session.by_id}
    for post in session.posts:
        chain: list[str] = []
        above: KeptPost | None = post
        while above is not None and above.id not in places and above.id not in chain:
            chain.append(above.id)
            above = session.by_id.get(above.repost_of or above.reply_to or "")
        known = places.get(above.id) if above is not None else None
        for id_ in reversed(chain):
            places[id_] = _at_time(session, session.by_id[id_]) if known is None else known
    return places


def _at_time(session: SessionFindings, post: KeptPost) -> int:
    if session.questions and session.session and post.posted_at >= session.session.ends_at:
        return len(session.questions)
    asked = [at for at, question in enumerate(session.questions) if (question.asked_at or "~") <= post.posted_at]
    return max(asked, key=lambda at: session.questions[at].asked_at or "", default=-1)


def _find_copies(found: ChatFindings, own: Sequence[KeptPost], question: KeptQuestion | None) -> dict[str, str]:
    """For what hosts post in the same words on every platform: each later post with the first of its words."""
    asked = question.posts if question else frozenset()
    first: dict[str, KeptPost] = {}
    copies = {}
    for post in own:
        if post.kind != "post" or not (post.id in asked or is_host(found, post.by)):
            continue
        original = first.setdefault(fold(post.text), post)
        if original.by.platform != post.by.platform:
            copies[post.id] = original.id
    return copies


def _nest(session: SessionFindings, own: Sequence[KeptPost], copies: Mapping[str, str]) -> Iterator[Turn]:
    """Conversations by the time they began, each reply below its post; an explicit stack, threads can be long."""
    inside = {post.id for post in own}
    beside: dict[str, list[KeptPost]] = {}
    children: dict[str | None, list[KeptPost]] = {}
    for post in own:
        if post.id in copies:
            beside.setdefault(copies[post.id], []).append(post)
            continue
        above = post.repost_of or post.reply_to or ""
        above = copies.get(above, above)
        children.setdefault(above if above in inside and above != post.id else None, []).append(post)
    seen: set[str] = set(copies)
    # A circle of replies has no beginning; what it holds begins where it comes in time.
    for root in [*children.get(None, []), *own]:
        stack = [(root, 0)]
        while stack:
            post, depth = stack.pop()
            if post.id in seen:
                continue
            seen.add(post.id)
            yield Turn(post, depth, _about(session, post, depth), tuple(beside.get(post.id, ())))
            stack.extend((child, depth + 1) for child in reversed(children.get(post.id, [])))


def _about(session: SessionFindings, post: KeptPost, depth: int) -> KeptPost | None:
    other = post.quote_of or ((post.repost_of or post.reply_to) if depth == 0 else None)
    return session.by_id.get(other or "")


def _introduce(found: ChatFindings) -> Iterator[str]:
    posts = [post for session in found.sessions for post in session.posts]
    if not posts:
        yield "No posts of this chat have been captured yet."
        return
    yield f"{len(posts):,} {'post' if len(posts) == 1 else 'posts'}, in {escape_line(found.chat.timezone)} time,"
    yield "grouped by the question that they ask or answer, replies under the post that they answer."
    yield "Which post answers what was found by Chatkeep and has not been reviewed."
    if not any(post.by.name or post.by.handle for post in posts):
        yield "The posts came without names: authors are shown by their number."
    if found.removed_count:
        verb, were = ("is", "was") if found.removed_count == 1 else ("are", "were")
        yield f"{found.removed_count:,} more that {were} deleted or withdrawn {verb} left out."


def _render_turn(found: ChatFindings, turn: Turn, day: date | None) -> str:
    post = turn.post
    indent = "  " * min(turn.depth, _DEEPEST)
    places = ", ".join(_place_in_time(found, turn, one, day) for one in (post, *turn.copies))
    head = f"**{escape_line(_name_all(turn))}** · {places}"
    notes = list(_notes(found, turn, day))
    if notes:
        head += f" · {' · '.join(notes)}"
    lines = [head, *([] if post.kind == "repost" and post.repost_of else _words(post))]
    return indent + "- " + f"\\\n{indent}  ".join(lines)


def _name_all(turn: Turn) -> str:
    """Who speaks; a host on several platforms by the name, since each link says its platform."""
    if not turn.copies:
        return turn.post.by.shown
    names = (wording.author_name(one.by.name, one.by.handle, one.by.author) for one in (turn.post, *turn.copies))
    return " and ".join(dict.fromkeys(names))


def _place_in_time(found: ChatFindings, turn: Turn, post: KeptPost, day: date | None) -> str:
    moment = _moment(found, post.posted_at, day)
    return link(f"{moment} on {wording.platform_name(post.by.platform)}" if turn.copies else moment, post.url)


def _words(post: KeptPost) -> Iterable[str]:
    yield from escape_lines(post.expand(post.text))
    for alt in post.alt_texts:
        yield f"_Picture:_ {escape_line(alt)}"


def _notes(found: ChatFindings, turn: Turn, day: date | None) -> Iterator[str]:
    post, about = turn.post, turn.about
    if post.edited_at:
        yield f"edited {_moment(found, post.edited_at, day)}"
    if post.kind == "repost":
        yield "reposted it" if turn.depth else f"reposts {_brief(about)}"
    elif about is not None:
        verb = "about" if post.quote_of == about.id else "in reply to"
        yield f"{verb} {_brief(about)}"


def _brief(post: KeptPost | None) -> str:
    if post is None:
        return "a post that is not here"
    return f"{escape_line(post.by.shown)}: “{escape_line(wording.shorten(post.expand(post.text), 80))}”"


def _moment(found: ChatFindings, moment: str, day: date | None) -> str:
    """The time alone on the day that the session's heading names."""
    local = found.local(moment)
    if local is None:
        return escape_line(moment)
    return f"{local:%H:%M:%S}" if local.date() == day else f"{local.day} {local:%b %Y, %H:%M:%S}"


def _row(found: ChatFindings, title: str, part: Part, turn: Turn, post: KeptPost) -> tuple[Cell, ...]:
    edited: Cell | datetime = found.local(post.edited_at) if post.edited_at else None
    return (
        title,
        part.heading,
        part.question.label if part.question else "",
        turn.depth,
        found.local(post.posted_at) or post.posted_at,
        wording.author_name(post.by.name, post.by.handle, post.by.author),
        post.by.handle,
        wording.platform_name(post.by.platform),
        post.kind,
        post.text,
        post.reply_to,
        post.quote_of,
        post.repost_of,
        "\n".join(one.url for one in post.links),
        "\n".join(post.alt_texts),
        edited,
        post.url,
        post.posted_at,
        post.id,
        post.by.author,
    )
