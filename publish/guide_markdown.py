"""The guide as Markdown, in the order that recaps and guides have: to be read as it is, or edited further."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby

from publish import wording
from publish.findings import Byline, KeptLink, Minute
from publish.guide_model import NOT_REVIEWED, Capture, Group, Guide, GuideLink, Participant, Said, Voice
from publish.language_words import tell_languages
from publish.markdown import autolink, escape_inline, escape_line, escape_lines, link

_SHORT_ADDRESS = re.compile(r"https?://t\.co/\w+")  # says nothing to a reader
_MOST_RUNS = 8  # gaps of one platform that are told one by one
_STATES = {"partial": "captured in part", "unknown": "not known"}
_INTROS = {
    "do": "Tips and principles that people put forward.",
    "dont": "What people advise against.",
    "example": "What councils and others did, as told by those who took part.",
    "concern": "What people find hard, or fear. Not all of it has an answer.",
    "question": "Asked by people who took part, beside the questions of the host.",
    "resource": "Recommended without an address that is listed here.",
}
_COUNTED = {
    "do": ("thing to do", "things to do"),
    "dont": ("thing to avoid", "things to avoid"),
    "example": ("good example", "good examples"),
    "concern": ("worry or problem", "worries and problems"),
}


def render_guide_markdown(guide: Guide) -> str:
    """The guide as a Markdown document that ends with a line break."""
    parts: list[str] = [*_head(guide), *_contents(guide), *_recaps(guide)]
    if guide.section("do") or guide.section("dont"):
        parts += ["## Get started", *_section(guide, "do", 3), *_section(guide, "dont", 3)]
    for kind in ("example", "concern", "question"):
        parts += _section(guide, kind, 2)
    parts += [*_questions(guide), *_links(guide), *_section(guide, "resource", 3 if guide.links else 2)]
    parts += [*_people(guide), *_thanks(guide), *_coverage(guide)]
    return "\n\n".join(parts) + "\n"


def _head(guide: Guide) -> Iterator[str]:
    yield f"# {escape_inline(guide.title)}: guide"
    if guide.description:
        yield "\n>\n".join(f"> {line}" for line in escape_lines(guide.description))
    facts = []
    if guide.dates:
        label = "Date" if len(guide.dates) == 1 else "Dates"
        facts.append(
            f"- **{label}:** {'; '.join(map(escape_inline, guide.dates))} ({escape_line(guide.timezone)} time)"
        )
    if guide.hashtags:
        facts.append(f"- **Hashtag:** {', '.join(escape_inline('#' + tag) for tag in guide.hashtags)}")
    if guide.hosts:
        facts.append(
            f"- **{_plural(len(guide.hosts), 'Host account', '')}:** {', '.join(map(escape_inline, guide.hosts))}"
        )
    if facts:
        yield "\n".join(facts)
    yield from _how_made(guide)


def _how_made(guide: Guide) -> Iterator[str]:
    if not guide.posts_count:
        yield "No posts of this chat have been captured yet, so there is nothing to show."
        return
    made = f"Chatkeep made this guide from {_plural(guide.posts_count, 'post')}."
    if guide.sources:
        yield (
            f"{made} It picks out what looks useful, says who said it, and links to the post. "
            f"**It can be wrong, and {_who_reviewed(guide)}.**"
        )
        yield (
            f"An empty box before an entry means: {NOT_REVIEWED}. Put an x into it when you have read the entry "
            "and keep it; delete the entry if you do not. "
            f"{_in_order(guide)}"
        )
    else:
        yield f"{made} It found no tips in them; the transcript has every post."
    limits = " ".join(_limits(guide))
    if limits:
        yield limits


def _in_order(guide: Guide) -> str:
    if any(said.review != NOT_REVIEWED for said in _all_said(guide)):
        return "An x is there where a person has accepted the entry: these come first, then the strongest."
    return "Within a list the strongest come first."


def _limits(guide: Guide) -> Iterator[str]:
    if guide.is_nameless:
        yield "The posts came without names: authors are shown by their number."
    languages = tell_languages(guide.languages)
    if languages:
        yield languages


def _all_said(guide: Guide) -> list[Said]:
    said = [tip for section in guide.sections for tip in section.tips]
    said += [answer for question in guide.questions for answer in question.best]
    return said + [one.offered for one in guide.links]


def _who_reviewed(guide: Guide) -> str:
    untouched = all(said.review == NOT_REVIEWED for said in _all_said(guide))
    return "no person has reviewed any of it yet" if untouched else "only what is ticked has been reviewed"


def _contents(guide: Guide) -> Iterator[str]:
    counts = []
    for kind, (one, many) in _COUNTED.items():
        section = guide.section(kind)
        if section:
            counts.append(_plural(len(section.tips), one, many))
    if guide.questions:
        answered = any(question.best for question in guide.questions)
        counts.append(_plural(len(guide.questions), "question") + (" with the best answers" if answered else ""))
    if guide.links:
        counts.append(_plural(len(guide.links), "useful link"))
    if counts:
        none = "" if guide.sections else "No tips were found. "
        once = " The same words stand once, so the site may count a few more." if guide.merged_count else ""
        yield f"{none}Inside: {', '.join(counts)}.{once}"


def _recaps(guide: Guide) -> Iterator[str]:
    if not guide.recaps:
        return
    yield "## In short"
    yield "The words of those who took part, by question. Rules picked them: strong tips that differ from each other."
    for recap in guide.recaps:
        if recap.date:
            yield f"### {escape_inline(recap.date)}"
        yield "\n".join(_quotation(guide, question, said) for question, said in recap.lines)


def _quotation(guide: Guide, question: str | None, said: Said) -> str:
    about = f"**{question}:** " if question else ""
    words = "\\\n  ".join(escape_lines(said.text, inline=True))
    return f"- {about}{words}\\\n{_attribution(guide, said)}"


def _section(guide: Guide, kind: str, level: int) -> Iterator[str]:
    section = guide.section(kind)
    if section is None:
        return
    yield f"{'#' * level} {section.heading}"
    yield f"{_INTROS[kind]} {_reviewed(section.tips)}"
    for group in section.groups:
        yield from _group(guide, group, level + 1)


def _reviewed(entries: Sequence[Said]) -> str:
    done = sum(said.review != NOT_REVIEWED for said in entries)
    if not done:
        return "None of these has been reviewed yet." if len(entries) > 1 else "It has not been reviewed yet."
    return f"{done:,} of these {len(entries):,} {'has' if done == 1 else 'have'} been reviewed."


def _group(guide: Guide, group: Group, level: int) -> Iterator[str]:
    if group.heading:
        yield f"{'#' * level} {escape_inline(group.heading)}"
    yield "\n".join(_said(guide, tip) for tip in group.tips)


def _said(guide: Guide, said: Said) -> str:
    words = "\\\n  ".join(escape_lines(said.text, inline=True)) or "(a post without words)"
    seen = f"\\\n  {_pointer(said.pointer)}" if said.pointer else ""
    return f"- {_box(said)} {words}{seen}\\\n{_attribution(guide, said)}"


def _pointer(pointer: KeptLink) -> str:
    """Where a good example can be seen: the page's title and site, or its address."""
    if not pointer.title:
        return f"See {autolink(pointer.address)}"
    site = wording.domain(pointer.address)
    return f"See {link(pointer.title, pointer.address)}" + (f" ({escape_inline(site)})" if site else "")


def _box(said: Said) -> str:
    return "[ ]" if said.review == NOT_REVIEWED else "[x]"


def _attribution(guide: Guide, said: Said, *more: str) -> str:
    notes = [f"from {len(said.posts)} posts"] if len(said.posts) > 1 else []
    backing = len(said.supporters)
    if backing:
        notes.append(f"also said or shared by {_plural(backing, 'other', 'others')}")
    if said.edit:
        notes.append(said.edit)
    first = _voice(guide, said, *notes, *more)
    return "\\\n".join([first, *(_voice(guide, voice) for voice in said.also)])


def _voice(guide: Guide, voice: Said | Voice, *notes: str) -> str:
    parts = [_byline(guide, voice.by)]
    if voice.at is not None:
        parts.append(_moment(guide, voice.at))
    parts.append(link("see the post", voice.url) if voice.url else "no link known")
    return f"  — {' · '.join([*parts, *notes])}"


def _byline(guide: Guide, by: Byline) -> str:
    if guide.is_nameless:
        return escape_inline(wording.author_name(None, None, by.author))
    organisation = f", {escape_inline(by.organisation)}" if by.organisation else ""
    return escape_inline(by.shown) + organisation


def _moment(guide: Guide, at: datetime) -> str:
    """The time alone on the day that the head names."""
    return f"{at:%H:%M}" if at.date() == guide.day else f"{at.day} {at:%b %Y, %H:%M}"


def _questions(guide: Guide) -> Iterator[str]:
    if not guide.questions:
        return
    yield "## The questions and the best answers"
    best = [answer for question in guide.questions for answer in question.best]
    if best:
        yield f"The words of the posts, as they were written. {_reviewed(best)}"
    for day, asked in groupby(guide.questions, key=lambda question: question.date):
        if day:
            yield f"### {escape_inline(day)}"
        for question in asked:
            yield f"{'####' if day else '###'} {escape_inline(question.heading)}"
            yield _answered(question.answers_count, question.people_count, len(question.best))
            if question.best:
                yield "\n".join(_said(guide, answer) for answer in question.best)


def _answered(answers: int, people: int, shown: int) -> str:
    if not answers:
        return "Nobody answered this one."
    told = f"{_plural(answers, 'answer')} from {_plural(people, 'person', 'people')}"
    if not shown or answers <= shown:
        return f"{told}."
    return f"{told}. The best {shown if shown > 1 else 'one'}, without reposts:"


def _links(guide: Guide) -> Iterator[str]:
    if not guide.links:
        return
    yield "## Useful links"
    yield (
        f"Offered in posts that help, those of most people first. {_looked_up(guide.links)} "
        f"{_reviewed([one.offered for one in guide.links])}"
    )
    yield "\n".join(_link(guide, one) for one in guide.links)


def _looked_up(links: Sequence[GuideLink]) -> str:
    if not any(one.title for one in links):
        return "The addresses have not been opened."
    return "Titles are those that the pages give themselves; nobody has read the pages."


def _link(guide: Guide, one: GuideLink) -> str:
    shown = link(one.title, one.url) if one.title else autolink(one.url)
    others = one.people_count - 1
    more = [f"also offered by {_plural(others, 'other', 'others')}"] if others else []
    text = one.offered.text.replace(one.written or one.url, "").replace(one.url, "")
    about = wording.shorten(_SHORT_ADDRESS.sub("", text).strip(), 220)
    words = f"\\\n  {escape_line(about)}" if about else ""
    return f"- {_box(one.offered)} {shown}{words}\\\n{_attribution(guide, one.offered, *more)}"


def _people(guide: Guide) -> Iterator[str]:
    if not guide.participants and not guide.unnamed_count and not guide.others_count:
        return
    yield "## Who took part"
    if guide.participants:
        yield "\n".join(_person(person) for person in guide.participants)
    uncounted = " ".join(_uncounted(guide))
    if uncounted:
        yield uncounted


def _uncounted(guide: Guide) -> Iterator[str]:
    if guide.unnamed_count:
        people = _plural(guide.unnamed_count, "person", "people")
        beside = " more" if guide.participants else ""
        yield f"{people}{beside} asked, answered or gave a tip; their names are not in the posts."
    if guide.others_count:
        yield (
            f"{_plural(guide.others_count, 'other account', 'other accounts')} said hello, shared, cheered or "
            "advertised; the transcript has them all."
        )


def _person(person: Participant) -> str:
    accounts = [
        (f"@{by.handle} on " if by.handle else "") + wording.platform_name(by.platform) for by in person.accounts
    ]
    organisation = f", {escape_inline(person.organisation)}" if person.organisation else ""
    host = ", host" if person.is_host else ""
    name = escape_line(person.name)
    return f"- {name}{organisation}{host} ({', '.join(escape_inline(one) for one in accounts)})"


def _thanks(guide: Guide) -> Iterator[str]:
    hosts = [person.name for person in guide.participants if person.is_host] or list(guide.hosts)
    people = guide.unnamed_count + sum(not person.is_host for person in guide.participants)
    thanks = []
    if hosts:
        thanks.append(f"to {_and([escape_inline(host) for host in hosts])} for hosting")
    if people:
        thanks.append(f"to the {people:,} people who took part" if people > 1 else "to the one person who took part")
    if thanks or guide.next_session:
        yield "## Thank you"
    if thanks:
        yield f"Thank you {', and '.join(thanks)}."
    if guide.next_session:
        yield f"**Next chat:** {escape_line(guide.next_session)} ({escape_line(guide.timezone)} time)."


def _coverage(guide: Guide) -> Iterator[str]:
    if not guide.captures:
        return
    yield "## What this guide rests on"
    for capture in guide.captures:
        if len(guide.captures) > 1:
            yield f"### {escape_line(capture.title)}"
        yield "\n".join(_platforms(capture))
    if guide.removed_count == 1:
        yield "1 captured post was deleted or withdrawn since, and is left out."
    elif guide.removed_count:
        yield f"{guide.removed_count:,} captured posts were deleted or withdrawn since, and are left out."
    yield "What no search could find, such as a late answer without the hashtag, is missing here without a trace."


def _platforms(capture: Capture) -> Iterator[str]:
    counts = dict(capture.posts_by_platform)
    minutes = {platform: list(rows) for platform, rows in groupby(capture.minutes, key=lambda minute: minute.platform)}
    for platform in [*counts, *(platform for platform in minutes if platform not in counts)]:
        posts = _plural(counts.get(platform, 0), "post")
        yield f"- **{escape_line(wording.platform_name(platform))}:** {posts}. {_known(minutes.get(platform, []))}"


def _known(minutes: Sequence[Minute]) -> str:
    if not minutes:
        return "Whether anything is missing is unknown."
    complete = sum(minute.state == "complete" for minute in minutes)
    if complete == len(minutes):
        where = wording.complete_where(minutes[0].platform)
        return f"Every minute of the session was captured{where} ({complete} of {complete})."
    runs = _runs(minutes)
    if len(runs) == 1:
        return f"{_STATES.get(runs[0][0].state, runs[0][0].state).capitalize()} throughout{_because(runs[0])}."
    gaps = [run for run in runs if run[0].state != "complete"]
    told = "; ".join(_gap(run) for run in gaps[:_MOST_RUNS])
    more = f"; and {_plural(len(gaps) - _MOST_RUNS, 'more gap')}" if len(gaps) > _MOST_RUNS else ""
    return f"{complete} of {_plural(len(minutes), 'minute')} captured whole. {told}{more}."


def _runs(minutes: Iterable[Minute]) -> list[list[Minute]]:
    return [list(run) for _, run in groupby(minutes, key=lambda minute: (minute.state, minute.why))]


def _gap(run: Sequence[Minute]) -> str:
    return f"{_plural(len(run), 'minute')} {_STATES.get(run[0].state, run[0].state)}{_because(run)}"


def _because(run: Sequence[Minute]) -> str:
    why = escape_line(run[0].why)
    return f" ({why})" if why else ""


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _plural(count: int, one: str, many: str | None = None) -> str:
    """``3 posts``; an empty ``many`` leaves the number out and only bends the word."""
    if many == "":
        return one if count == 1 else one + "s"
    return f"{count:,} {one if count == 1 else many or one + 's'}"
