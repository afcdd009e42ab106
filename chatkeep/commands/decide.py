"""decide: a person accepts, rejects and changes what was found; every rebuild of the findings keeps to it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from analysis.anchors import Place, find_place
from analysis.rulings import NO_QUESTION
from analysis.shown import (
    StoredTip,
    find_tip_ids,
    list_uncertain,
    load_texts,
    load_theme_anchor,
    load_tip,
)
from archive.decisions import find_current
from archive.errors import UsageError
from archive.models import TIP_KIND_NAMES, TIP_KINDS, TipKind
from chatkeep.app import App, json_option, pass_app
from chatkeep.decided_list import list_decided, render_decided
from chatkeep.deciding import (
    Desk,
    Subject,
    find_decided,
    find_published,
    find_tip,
    find_why_missing,
    name_decider,
)
from chatkeep.lost_decisions import tell_lost
from chatkeep.naming_people import UnknownOrganisation, find_author, find_organisation, list_author_sessions

_LEAST_OF_AN_ID = 6
_STATES = {"accept": "accepted", "reject": "rejected"}
_KEYS = {"a": "accept", "r": "reject", "k": "kind", "s": "skip", "q": "quit"}
by_option = click.option("--by", metavar="NAME", help="Who decides; without it the name of your login.")
note_option = click.option("--note", default="", metavar="TEXT", help="A word for whoever reads the decisions later.")


@click.group()
def decide() -> None:
    """Accept, reject or change what was found in a chat; what people decide outlives every new analysis.

    Tips come first: `decide next CHAT` goes through those that Chatkeep is least sure of. From each answer it learns
    which tips this chat cares for.
    """


@contextmanager
def _desk(app: App, by: str | None) -> Iterator[Desk]:
    name = name_decider(by)
    with app.opened("decide") as archive:
        lost = tell_lost(archive.conn, app.decisions_path, archive.load_chats())
        if lost:
            app.remarks.print(lost)
        yield Desk(app, archive, name)


@decide.command("tip")
@click.argument("name", metavar="ID")
@click.argument("ruling", type=click.Choice(["accept", "reject", "undo"]))
@click.option("--kind", type=click.Choice(TIP_KINDS), help="What kind of tip it is.")
@click.option("--text", metavar="TEXT", help="Your own wording for the guide.")
@click.option("--span", metavar="SPAN", help="The words of the post that are the tip, or their place such as 14:60.")
@click.option("--theme", metavar="ID", help="The theme that it belongs to.")
@click.option("--question", metavar="ID", help="The question that it answers, or none.")
@note_option
@by_option
@pass_app
def decide_tip(app: App, /, name: str, ruling: str, note: str, by: str | None, **changes: str | None) -> None:
    """Accept or reject the tip ID, or take back what was decided on it.

    The beginning of an ID is enough. An accepted tip can be given another kind, other words of its post, a theme, a
    question, or your own wording.
    """
    given = {field: value for field, value in changes.items() if value is not None}
    if ruling == "reject" and "text" in given:
        raise UsageError("a rejected tip is shown nowhere, so --text goes with accept alone")
    with _desk(app, by) as desk:
        subject, tip = _find_tip(desk, name)
        if ruling == "undo":
            if given:
                raise UsageError(f"undo takes everything back; leave out --{min(given)}")
            count = desk.take_back(subject, note)
            done = "taken back" if count else "nothing was decided on"
        else:
            subject, fields = _read_changes(desk, subject, tip, given)
            desk.decide(subject, {"state": _STATES[ruling], **fields}, note)
            done = _STATES[ruling]
        again = desk.analyse([(subject.chat, str((subject.anchor or {}).get("session", "")))])
        app.say(f"{done}: {_tell_present(desk, subject, tip, f'{subject.chat} is {again}')}")


def _find_tip(desk: Desk, name: str) -> tuple[Subject, StoredTip | None]:
    """The tip that a person means; also one that has changed since somebody decided on it, or it was published."""
    conn, wanted = desk.archive.conn, name.strip()
    if len(wanted) < _LEAST_OF_AN_ID:
        raise UsageError(f"“{wanted}” is too little of an id: at least six of its characters are needed")
    known = find_tip_ids(conn, wanted)
    if len(known) > 1 and wanted not in known:
        raise UsageError(f"several tips begin with {wanted}: {', '.join(known)}")
    tip = load_tip(conn, wanted if wanted in known else known[0]) if known else None
    if tip:
        return find_tip(desk, tip), tip
    subject = find_decided(desk, "tip", wanted) or find_published(desk, wanted)
    if subject is None:
        raise UsageError(
            f"there is no tip {wanted} now; `chatkeep decide next CHAT` lists tips to decide with their ids"
        )
    return subject, None


def _read_changes(
    desk: Desk, subject: Subject, tip: StoredTip | None, given: dict[str, str]
) -> tuple[Subject, dict[str, str]]:
    """The fields to decide, each checked; the subject with the span where one was chosen."""
    if tip is None:
        if {"span", "theme", "question"} & set(given):
            raise UsageError(f"the tip {subject.id} is not shown now: of it only kind and text can be decided")
        return subject, given
    fields = {field: given[field] for field in ("kind", "text") if given.get(field, "").strip()}
    if "text" in given and "text" not in fields:
        raise UsageError("--text is empty; `undo` takes a wording back")
    for field, table in (("theme", "themes"), ("question", "questions")):
        if field in given:
            fields[field] = _check_one_of(desk, tip, table, given[field])
    if "span" in given:
        start, end = _read_span(desk, tip, given["span"])
        return find_tip(desk, tip, (start, end)), fields | {"span": f"{start}:{end}"}
    return subject, fields


def _check_one_of(desk: Desk, tip: StoredTip, table: str, value: str) -> str:
    rows = desk.archive.conn.execute(
        f"SELECT id FROM {table} WHERE chat = ? AND session = ? ORDER BY id", (tip.chat, tip.shown.session)
    )
    known = [row[0] for row in rows]
    if value not in known and not (table == "questions" and value == NO_QUESTION):
        raise UsageError(f"the session has no {table[:-1]} {value}; it has {', '.join(known) or 'none'}")
    return value


def _read_span(desk: Desk, tip: StoredTip, said: str) -> tuple[int, int]:
    text = load_texts(desk.archive.conn, [tip.shown.post])[tip.shown.post]
    numbers = re.fullmatch(r"\s*(\d{1,6})\s*:\s*(\d{1,6})\s*", said)
    span = (int(numbers[1]), int(numbers[2])) if numbers else find_place(Place(said, start=tip.shown.start), text)
    if span is None or not span[0] < span[1] <= len(text) or not text[slice(*span)].strip():
        raise UsageError(f"the post has no such words; it says: {text}")
    return span


def _tell_present(desk: Desk, subject: Subject, tip: StoredTip | None, again: str) -> str:
    """What is shown now, and whether that is what the person saw."""
    conn, present = desk.archive.conn, load_tip(desk.archive.conn, subject.id)
    if present is None:
        made = [one for one in desk.load(subject.chat) if (one.subject_kind, one.subject) == ("tip", subject.id)]
        why = find_why_missing(conn, subject.chat, made) if made else None
        return f"{subject.id}; {again}, and it is not shown{f': {why}' if why else ''}"
    words = f"{TIP_KIND_NAMES[present.shown.kind]} “{present.shown.text}” ({subject.id})"
    kept = f", {present.reason}" if present.reason.startswith("kept because") else ""
    moved = (
        "; it has changed since you saw it"
        if tip is None
        else ""
        if tip.shown.post == present.shown.post
        else "; it is the earlier original's now"
    )
    return f"{words}{kept}{moved}; {again}"


@decide.command("next")
@click.argument("chat")
@click.option("--count", default=10, show_default=True, type=click.IntRange(1, 1000), help="How many at the most.")
@by_option
@json_option
@pass_app
def decide_next(app: App, chat: str, count: int, by: str | None, *, as_json: bool) -> None:
    """Go through the tips of CHAT that Chatkeep is least sure of and nobody has decided on.

    In a terminal it asks for each: a accepts, r rejects, k gives it another kind, s skips, q ends. Elsewhere it lists
    them.
    """
    with _desk(app, by) as desk:
        found = app.find_chat(desk.archive, chat)
        tips = list_uncertain(desk.archive.conn, found.slug, count)
        if as_json:
            app.show([_row(tip) for tip in tips], as_json=True)
        elif not tips:
            app.say(f"{found.slug} has no tip that nobody decided on; `chatkeep analyse {found.slug}` looks for more")
        elif asks_a_person():
            _ask(app, desk, tips)
        else:
            for tip in tips:
                app.say(_line(tip))


def asks_a_person() -> bool:
    """Whether somebody sits there who can answer."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _ask(app: App, desk: Desk, tips: Sequence[StoredTip]) -> None:
    """Each decision is kept at once; the sessions are analysed at the end, also where the person broke off."""
    sessions: set[tuple[str, str]] = set()
    count = 0
    try:
        for tip in tips:
            app.say(f"\n{TIP_KIND_NAMES[tip.shown.kind]}: {tip.shown.text}\n  why: {tip.reason}; id: {tip.shown.id}")
            fields = _ask_one(tip.shown.kind)
            if fields is None:
                break
            if fields:
                # The anchor is of what was shown: it finds the tip though a capture has analysed meanwhile.
                desk.decide(find_tip(desk, tip), fields)
                sessions.add((tip.chat, tip.shown.session))
                count += 1
    finally:
        if sessions:
            again = desk.analyse(sorted(sessions))
            told = ", ".join(sorted({chat for chat, _ in sessions}))
            app.say(f"{count} decided, and {told} is {again}; `chatkeep decide list {told}` shows them")


def _ask_one(kind: TipKind) -> dict[str, str] | None:
    """What to decide: nothing where it is skipped, None where the person ends."""
    answer = _KEYS[_prompt("a(ccept) r(eject) k(ind) s(kip) q(uit)", tuple(_KEYS))]
    if answer == "quit":
        return None
    if answer == "skip":
        return {}
    if answer == "kind":
        chosen = _prompt(f"kind: {', '.join(TIP_KINDS)}", TIP_KINDS)
        return {"state": "accepted"} if chosen == kind else {"state": "accepted", "kind": chosen}
    return {"state": _STATES[answer]}


def _prompt(question: str, choices: Sequence[str]) -> str:
    return str(click.prompt(question, type=click.Choice(choices), show_choices=False))


def _row(tip: StoredTip) -> dict[str, Any]:
    one = tip.shown
    return {
        "id": one.id, "kind": one.kind, "text": one.text, "reason": tip.reason, "score": one.score,
        "session": one.session, "post": one.post,
    }  # fmt: skip


def _line(tip: StoredTip) -> str:
    text = " ".join(tip.shown.text.split())
    return f"{tip.shown.id}  {TIP_KIND_NAMES[tip.shown.kind]}  {text}  ({tip.reason})"


@decide.command("theme")
@click.argument("name", metavar="ID")
@click.option("--label", metavar="TEXT", help="What to call it.")
@click.option("--pin/--unpin", default=None, help="Whether it stays, whatever is found later.")
@click.option("--merge-into", metavar="ID", help="The theme that takes its tips.")
@click.option("--undo", is_flag=True, help="Take back what was decided on it.")
@note_option
@by_option
@pass_app
def decide_theme(  # noqa: PLR0913  # one parameter an option
    app: App, name: str, label: str | None, merge_into: str | None, note: str, by: str | None, *,
    pin: bool | None, undo: bool,
) -> None:  # fmt: skip
    """Name, pin or merge the theme ID; its id stands in the table themes of the site."""
    fields: dict[str, str] = {"label": label.strip()} if label and label.strip() else {}
    fields |= {"pinned": "yes" if pin else ""} if pin is not None else {}
    fields |= {"merged_into": merge_into} if merge_into else {}
    if bool(fields) == undo:
        raise UsageError("say what to decide: --label, --pin, --merge-into, or --undo alone")
    with _desk(app, by) as desk:
        subject = _find_theme(desk, name, merge_into)
        _check_merger(desk, name, merge_into)
        if undo:
            desk.take_back(subject, note)
        else:
            desk.decide(subject, fields, note)
        again = desk.analyse([(subject.chat, str((subject.anchor or {}).get("session", "")))])
        row = desk.archive.conn.execute("SELECT label FROM themes WHERE id = ?", (name,)).fetchone()
        shown = f"“{row[0]}”" if row else "it is shown no more"
        app.say(f"decided on the theme {name}: {shown}; {subject.chat} is {again}")


def _check_merger(desk: Desk, name: str, into: str | None) -> None:
    """Refuses a merger that would put a theme into itself by way of earlier ones."""
    mergers = {
        subject: one.value
        for (subject, field), one in find_current(desk.load(), "theme").items()
        if field == "merged_into" and subject != name
    }
    way = [into]
    while (target := mergers.get(way[-1] or "")) and target not in way:
        way.append(target)
    if into and name in way:
        raise UsageError(
            f"{into} is merged into {name} already: take that back first with `chatkeep decide theme {into} --undo`"
        )


def _find_theme(desk: Desk, name: str, into: str | None) -> Subject:
    if into == name:
        raise UsageError("a theme cannot be merged into itself")
    for wanted in filter(None, (name, into)):
        if load_theme_anchor(desk.archive.conn, wanted) is None and not find_decided(desk, "theme", wanted):
            raise UsageError(f"there is no theme {wanted} now; the table themes of the site lists them with their ids")
    anchor = load_theme_anchor(desk.archive.conn, name, into)
    if anchor is None:
        earlier = find_decided(desk, "theme", name)
        assert earlier is not None  # noqa: S101  # looked for above
        return earlier
    chat, version = desk.archive.conn.execute("SELECT chat, version FROM themes WHERE id = ?", (name,)).fetchone()
    return Subject("theme", name, chat, anchor, version)


@decide.command("author")
@click.argument("handle")
@click.option("--organisation", metavar="ID", help="Whom they work for, by the id or name of the register; or none.")
@click.option("--new-organisation", is_flag=True, help="The organisation is not in the register, and you mean it.")
@click.option("--same-as", metavar="HANDLE", help="Another account of the same person.")
@click.option("--not-same-as", metavar="HANDLE", help="An account of somebody else.")
@click.option("--undo", is_flag=True, help="Take back what was decided on them.")
@note_option
@by_option
@pass_app
def decide_author(  # noqa: PLR0913  # one parameter an option
    app: App, handle: str, organisation: str | None, same_as: str | None, not_same_as: str | None, note: str,
    by: str | None, *, new_organisation: bool, undo: bool,
) -> None:  # fmt: skip
    """Correct who HANDLE is: the organisation they work for, and which accounts are one person.

    HANDLE is an account such as x:ann_example, or its name alone where only one platform has it.
    """
    if bool(organisation or same_as or not_same_as) == undo:
        raise UsageError("say what to decide: --organisation, --same-as, --not-same-as, or --undo alone")
    if new_organisation and not organisation:
        raise UsageError("--new-organisation goes with --organisation NAME")
    with _desk(app, by) as desk:
        author = find_author(desk.archive.conn, handle)
        others = {
            field: find_author(desk.archive.conn, other)
            for field, other in (("same_as", same_as), ("different_from", not_same_as))
            if other
        }
        if author in others.values():
            raise UsageError(f"{handle} is one account; name another one beside it")
        ruled = _find_organisation(desk, organisation, is_new=new_organisation) if organisation else None
        if undo:
            desk.take_back(Subject("organisation", author), note)
            desk.take_back(Subject("person", author), note)
        if ruled:
            desk.decide(Subject("organisation", author), {"organisation": ruled}, note)
        if others:
            desk.decide(Subject("person", author), others, note)
        sessions = list_author_sessions(desk.archive.conn, (author, *others.values()))
        again = desk.analyse(sessions)
        told = ", ".join(sorted({chat for chat, _ in sessions})) or "no chat"
        app.say(f"decided on {author}{f': {ruled}' if ruled else ''}; {told} is {again}")


def _find_organisation(desk: Desk, said: str, *, is_new: bool) -> str:
    """The organisation that a person means; one that nobody has named before is asked about."""
    founded = {one.value for one in desk.load() if one.field == "organisation"}
    try:
        return find_organisation(said, founded, is_new=is_new)
    except UnknownOrganisation as error:
        if asks_a_person() and click.confirm(f"{error}. Is it a new organisation?"):
            return find_organisation(said, is_new=True)
        raise UsageError(f"{error}; say one of the register, or --new-organisation if you mean another") from error


@decide.command("list")
@click.argument("chat")
@json_option
@pass_app
def decide_list(app: App, chat: str, *, as_json: bool) -> None:
    """List who decided what in CHAT and when, and which decisions found nothing any more."""
    with app.opened() as archive:
        found = app.find_chat(archive, chat)
        rows = list_decided(archive.conn, app.decisions_path, found)
        now = archive.now()
    if as_json:
        app.show(rows, as_json=True)
    for row in [] if as_json else rows:
        app.say(render_decided(row, found, now))
    if not rows and not as_json:
        app.say(f"nobody has decided anything in {found.slug} yet: `chatkeep decide next {found.slug}` begins")


COMMANDS = (decide,)
