"""The guide as Markdown, in the order that recaps and guides have: to be read as it is, or edited further."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from publish import wording
from publish.findings import Minute
from publish.guide import Capture, Group, Guide, GuideLink, GuideQuestion, Participant, Said, Section
from publish.markdown import autolink, escape_line, escape_lines, link

_MOST_RUNS = 8  # gaps of one platform that are told one by one
_STATES = {"partial": "captured in part", "unknown": "not known"}
_INTROS = {
    "do": "Tips and principles that people put forward.",
    "dont": "What people advise against.",
    "example": "What councils and others did, as told by those who took part.",
    "concern": "What people find hard. Nobody's fault, and not all of it has an answer.",
    "question": "Asked by people who took part, beside the questions of the host.",
}


def render_guide_markdown(guide: Guide) -> str:
    """The guide as a Markdown document that ends with a line break."""
    parts: list[str] = [*_head(guide), *_contents(guide)]
    if guide.section("do") or guide.section("dont"):
        parts += ["## Get started", *_section(guide, "do", 3), *_section(guide, "dont", 3)]
    for kind in ("example", "concern", "question"):
        parts += _section(guide, kind, 2)
    parts += [*_questions(guide.questions), *_links(guide.links), *_people(guide), *_thanks(guide), *_coverage(guide)]
    return "\n\n".join(parts) + "\n"


def _head(guide: Guide) -> Iterator[str]:
    yield f"# {escape_line(guide.title)}: guide"
    if guide.description:
        yield "\n>\n".join(f"> {line}" for line in escape_lines(guide.description))
    facts = []
    if guide.dates:
        label = "Date" if len(guide.dates) == 1 else "Dates"
        facts.append(f"- **{label}:** {'; '.join(map(escape_line, guide.dates))} ({escape_line(guide.timezone)} time)")
    if guide.hashtags:
        facts.append(
            f"- **Hashtag:** {', '.join(escape_line('#' + tag) for tag in guide.hashtags)}".replace("\\#", "#")
        )
    if guide.hosts:
        facts.append(
            f"- **{_plural(len(guide.hosts), 'Host account', '')}:** {', '.join(map(escape_line, guide.hosts))}"
        )
    if facts:
        yield "\n".join(facts)
    yield _how_made(guide)


def _how_made(guide: Guide) -> str:
    if not guide.posts_count:
        return "No posts of this chat have been captured yet, so there is nothing to show."
    if not guide.sources:
        return (
            f"This guide was made by Chatkeep from {_plural(guide.posts_count, 'post')}. It found no tips in them; "
            "the transcript has every post."
        )
    return (
        f"This guide was made by Chatkeep from {_plural(guide.posts_count, 'post')}. Chatkeep picks out what looks "
        "useful and shows who said it and where; it can be wrong. **Everything here is a proposal: what is marked "
        "_not yet reviewed_ has not been checked by a person.** Within a list the strongest come first."
    )


def _contents(guide: Guide) -> Iterator[str]:
    tips = {section.kind: sum(len(group.tips) for group in section.groups) for section in guide.sections}
    named = {"do": "things to do", "dont": "things to avoid", "example": "good examples", "concern": "worries"}
    single = {"do": "thing to do", "dont": "thing to avoid", "example": "good example", "concern": "worry"}
    counts = [f"{tips[kind]} {(single if tips[kind] == 1 else named)[kind]}" for kind in named if kind in tips]
    if guide.questions:
        counts.append(
            _plural(len(guide.questions), "question with the best answers", "questions with the best answers")
        )
    if guide.links:
        counts.append(_plural(len(guide.links), "useful link"))
    if counts:
        yield f"Inside: {', '.join(counts)}."


def _section(guide: Guide, kind: str, level: int) -> Iterator[str]:
    section: Section | None = guide.section(kind)
    if section is None:
        return
    yield f"{'#' * level} {section.heading}"
    yield _INTROS[kind]
    for group in section.groups:
        yield from _group(group, level + 1)


def _group(group: Group, level: int) -> Iterator[str]:
    if group.heading:
        yield f"{'#' * level} {escape_line(group.heading)}"
    yield "\n".join(_said(tip) for tip in group.tips)


def _said(said: Said, *, dated: bool = True) -> str:
    words = "\\\n  ".join(escape_lines(said.text)) or "(a post without words)"
    return f"- {words}\\\n  — {_attribution(said, dated=dated)}"


def _attribution(said: Said, *, dated: bool) -> str:
    parts = [escape_line(said.by.shown)]
    if dated and said.at is not None:
        parts.append(f"{said.at.day} {said.at:%b %Y, %H:%M}")
    parts.append(link("see the post", said.url) if said.url else "no link known")
    if said.support:
        parts.append(f"also said or shared by {_plural(len(said.support), 'other', 'others')}")
    parts.append(f"_{said.review}_")
    return " · ".join(parts)


def _questions(questions: Sequence[GuideQuestion]) -> Iterator[str]:
    if not questions:
        return
    yield "## The questions and the best answers"
    for date, asked in groupby(questions, key=lambda question: question.date):
        if date:
            yield f"### {escape_line(date)}"
        for question in asked:
            yield f"{'####' if date else '###'} {escape_line(question.heading)}"
            yield _answered(question)
            if question.best:
                yield "\n".join(_said(answer) for answer in question.best)


def _answered(question: GuideQuestion) -> str:
    if not question.answers_count:
        return "Nobody answered this one."
    told = f"{_plural(question.answers_count, 'answer')} from {_plural(question.people_count, 'person', 'people')}"
    if question.answers_count <= len(question.best):
        return f"{told}."
    return f"{told}. The best {len(question.best) if len(question.best) > 1 else 'one'}, without reposts:"


def _links(links: Sequence[GuideLink]) -> Iterator[str]:
    if not links:
        return
    yield "## Useful links"
    yield "Offered in posts that were found useful. The links have not been checked."
    yield "\n".join(_link(one) for one in links)


def _link(one: GuideLink) -> str:
    shown = f"{link(one.title, one.url)}" if one.title else autolink(one.url)
    others = one.people_count - 1
    more = f" · also offered by {_plural(others, 'other', 'others')}" if others else ""
    about = wording.shorten(one.offered.text.replace(one.url, "").strip(), 220)
    words = f"\\\n  {escape_line(about)}" if about else ""
    return f"- {shown}{words}\\\n  — {_attribution(one.offered, dated=True)}{more}"


def _people(guide: Guide) -> Iterator[str]:
    if not guide.participants and not guide.others_count:
        return
    yield "## Who took part"
    if guide.participants:
        yield "\n".join(_person(person) for person in guide.participants)
    if guide.others_count:
        rest = _plural(guide.others_count, "other account", "other accounts")
        yield f"{rest} said hello, shared, cheered or advertised; the transcript has them all."


def _person(person: Participant) -> str:
    accounts = [
        (f"@{by.handle} on " if by.handle else "") + wording.platform_name(by.platform) for by in person.accounts
    ]
    organisation = f", {escape_line(person.organisation)}" if person.organisation else ""
    return f"- {escape_line(person.name)}{organisation} ({', '.join(escape_line(one) for one in accounts)})"


def _thanks(guide: Guide) -> Iterator[str]:
    people = len(guide.participants) + guide.others_count
    if people:
        yield "## Thank you"
        hosts = f" to {_and(list(map(escape_line, guide.hosts)))} for hosting, and" if guide.hosts else ""
        yield f"Thank you{hosts} to all {people} who took part." if people > 1 else f"Thank you{hosts} for taking part."
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
