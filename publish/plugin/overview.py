"""What the pages of ours show, read from chats.db alone: the home page's chats, and a session's overview."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Protocol

from archive.models import TIP_KIND_NAMES
from publish.chats_schema import TABLES
from publish.language_words import tell_languages
from publish.plugin.chart import Chart, build_chart
from publish.wording import complete_where

_SESSIONS_A_CHAT = 8
_ANSWERS_A_QUESTION = 8
BEST = 3
"""How many answers of a question, and tips of a kind, a page shows before the reader asks for more."""
_TIPS_A_KIND = 10
_LINKS = 12
_EXAMPLES = 12
_PEOPLE = 60
_MOST_REASONS = 4  # why minutes are not complete: the rest stands minute by minute
_NO_ADVICE = (TIP_KIND_NAMES["concern"], TIP_KIND_NAMES["question"])

Row = Mapping[str, Any]


class Rows(Protocol):
    """What a query answers."""

    rows: Sequence[Row]


class Reader(Protocol):
    """Datasette's view of one database, as far as it is used here."""

    async def execute(self, sql: str, params: Mapping[str, Any]) -> Rows:
        """Runs one SELECT."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its best answers, and the best of the tips found in them."""

    row: Row
    answers: Sequence[Row]
    tips: Sequence[Row]


@dataclass(frozen=True, slots=True)
class TipGroup:
    """The tips of one kind: how many there are, and the best of them."""

    kind: str
    count: int
    tips: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Overview:
    """All that a session's page shows. ``outside_count``: posts before its start or after its end.

    ``examples`` are the good examples as cards: each with the organisation of who told it, and what it links to.
    ``languages`` says which posts no tips are proposed in.
    """

    session: Row
    platforms: Sequence[Row]
    chart: Chart | None
    outside_count: int
    questions: Sequence[Question]
    tip_groups: Sequence[TipGroup]
    examples: Sequence[Row]
    links: Sequence[Row]
    people: Sequence[Row]
    themes: Sequence[Row]
    coverage: Sequence[tuple[str, str, str]]
    recap: Sequence[Row]
    languages: str | None

    @property
    def advice_count(self) -> int:
        """Tips in the narrow sense: what to do, what not to do, examples and resources."""
        return sum(group.count for group in self.tip_groups if group.kind not in _NO_ADVICE)

    @property
    def worry_count(self) -> int:
        """Concerns and questions that people still have."""
        return sum(group.count for group in self.tip_groups if group.kind in _NO_ADVICE)


async def load_notices(database: Reader) -> list[str]:
    """What must be said on every page: the descriptions of chats that are fictional."""
    return [
        row["description"] or row["title"]
        for row in await _rows(
            database,
            "SELECT title, description FROM chats WHERE description LIKE '%fictional%' OR title LIKE '%fictional%'"
            " ORDER BY title LIMIT 3",
        )
    ]


async def load_home(database: Reader) -> dict[str, Any]:
    """The chats, each with its latest sessions, and the time of publishing."""
    chats = await _rows(
        database,
        "SELECT * FROM chats c ORDER BY"
        " (SELECT max(starts_at) FROM sessions s WHERE s.chat = c.id AND s.post_count > 0) DESC NULLS LAST, title, id",
    )
    sessions = await _rows(
        database,
        "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY chat ORDER BY starts_at DESC, id) AS place"
        " FROM sessions) WHERE place <= :most ORDER BY chat, place",
        most=_SESSIONS_A_CHAT,
    )
    published = await _rows(database, "SELECT at FROM published")
    by_chat = {chat: list(rows) for chat, rows in groupby(sessions, key=lambda row: row["chat"])}
    return {
        "chats": [(chat, by_chat.get(chat["id"], [])) for chat in chats],
        "published_at": published[0]["at"] if published else None,
        "filled": {
            table.name
            for table in TABLES
            if (await _rows(database, f"SELECT EXISTS (SELECT 1 FROM {table.name}) AS any"))[0]["any"]
        },
    }


async def load_overview(database: Reader, session: str) -> Overview | None:
    """One session's page, or None where there is no such session."""
    found = await _rows(
        database,
        "SELECT s.*, c.title AS chat_title, c.description AS chat_description, c.hosts, c.hashtags, c.timezone"
        " FROM sessions s JOIN chats c ON c.id = s.chat WHERE s.id = :session",
        session=session,
    )
    if not found:
        return None
    questions = await _load_questions(database, session)
    chart, outside = await _load_chart(database, found[0], questions)
    return Overview(
        session=found[0],
        platforms=await _rows(
            database,
            "SELECT platform, sum(post_count) AS posts, count(*) AS authors FROM participants"
            " WHERE session = :session GROUP BY platform ORDER BY posts DESC, platform",
            session=session,
        ),
        chart=chart,
        outside_count=outside,
        questions=questions,
        tip_groups=await _load_tips(database, session),
        examples=await _load_examples(database, session),
        links=await _load_links(database, session),
        people=await _load_people(database, session),
        themes=await _rows(
            database,
            "SELECT * FROM themes WHERE session = :session ORDER BY pinned DESC, post_count DESC, label LIMIT 20",
            session=session,
        ),
        coverage=await _load_coverage(database, session),
        recap=await _load_recap(database, session),
        languages=await _load_languages(database, session),
    )


async def _rows(database: Reader, sql: str, **params: object) -> Sequence[Row]:
    return (await database.execute(sql, params)).rows


async def _load_questions(database: Reader, session: str) -> list[Question]:
    rows = await _rows(
        database,
        "SELECT * FROM questions WHERE session = :session ORDER BY number IS NULL, number, asked_at, id",
        session=session,
    )
    answers = await _rows(
        database,
        "SELECT n.*, a.name FROM answers n JOIN authors a ON a.id = n.author"
        " WHERE n.session = :session AND n.rank <= :most ORDER BY n.question, n.rank",
        session=session,
        most=_ANSWERS_A_QUESTION,
    )
    tips = await _rows(
        database,
        "SELECT * FROM (SELECT t.*, a.name, row_number() OVER (PARTITION BY t.question"
        " ORDER BY t.review = 'accepted' DESC, t.score DESC,"
        " t.support_count DESC, t.id) AS place FROM tips t JOIN authors a ON a.id = t.author"
        " WHERE t.session = :session AND t.question IS NOT NULL) WHERE place <= :most ORDER BY question, place",
        session=session,
        most=_ANSWERS_A_QUESTION,
    )
    answers_by = {question: list(group) for question, group in groupby(answers, key=lambda row: row["question"])}
    tips_by = {question: list(group) for question, group in groupby(tips, key=lambda row: row["question"])}
    return [Question(row, answers_by.get(row["id"], []), tips_by.get(row["id"], [])) for row in rows]


async def _load_tips(database: Reader, session: str) -> list[TipGroup]:
    rows = await _rows(
        database,
        "SELECT * FROM (SELECT t.*, a.name, count(*) OVER (PARTITION BY t.kind) AS of_kind,"
        " row_number() OVER (PARTITION BY t.kind"
        " ORDER BY t.review = 'accepted' DESC, t.score DESC, t.support_count DESC, t.id) AS place"
        " FROM tips t JOIN authors a ON a.id = t.author WHERE t.session = :session)"
        " WHERE place <= :most ORDER BY kind, place",
        session=session,
        most=_TIPS_A_KIND,
    )
    order = list(TIP_KIND_NAMES.values())
    groups = [(kind, list(tips)) for kind, tips in groupby(rows, key=lambda row: row["kind"])]
    groups.sort(key=lambda group: order.index(group[0]) if group[0] in order else len(order))
    return [TipGroup(kind, tips[0]["of_kind"], tips) for kind, tips in groups]


async def _load_chart(database: Reader, session: Row, questions: Sequence[Question]) -> tuple[Chart | None, int]:
    if not session["local_start"] or not session["local_end"]:
        return None, 0
    counts = await _rows(
        database,
        "SELECT minute, platform, count(*) AS posts FROM posts WHERE session = :session"
        " AND posted_at >= :starts_at AND posted_at <= :ends_at GROUP BY minute, platform",
        session=session["id"],
        starts_at=session["starts_at"],
        ends_at=session["ends_at"],
    )
    asked = [
        (f"Q{question.row['number']}", question.row["local_time"])
        for question in questions
        if question.row["number"] is not None and question.row["local_time"]
    ]
    shown = [(row["minute"], row["platform"], row["posts"]) for row in counts]
    chart = build_chart(shown, asked, session["local_start"], session["local_end"])
    return chart, session["post_count"] - sum(count for _, _, count in shown)


async def _load_coverage(database: Reader, session: str) -> list[tuple[str, str, str]]:
    """For each platform its state over the session (complete, partial or unknown), and the same in plain words."""
    rows = await _rows(
        database,
        "SELECT platform, state, why, count(*) AS minutes, min(local_time) AS first, max(local_time) AS last"
        " FROM coverage WHERE session = :session GROUP BY platform, state, why ORDER BY platform, state, minutes DESC",
        session=session,
    )
    return [
        _coverage_words(platform, list(group)) for platform, group in groupby(rows, key=lambda row: row["platform"])
    ]


async def _load_examples(database: Reader, session: str) -> Sequence[Row]:
    return await _rows(
        database,
        "SELECT e.*, a.name, o.name AS organisation_name, count(*) OVER () AS of_all FROM examples e"
        " JOIN authors a ON a.id = e.author LEFT JOIN organisations o ON o.id = e.organisation"
        " WHERE e.session = :session ORDER BY e.review = 'accepted' DESC, e.score DESC, e.support_count DESC, e.id"
        " LIMIT :most",
        session=session,
        most=_EXAMPLES,
    )


async def _load_links(database: Reader, session: str) -> Sequence[Row]:
    return await _rows(
        database,
        "SELECT * FROM links WHERE session = :session AND relevant_count > 0"
        " ORDER BY people_count DESC, relevant_count DESC, first_shared_at, id LIMIT :most",
        session=session,
        most=_LINKS,
    )


async def _load_people(database: Reader, session: str) -> Sequence[Row]:
    return await _rows(
        database,
        "SELECT p.*, a.name, a.url, o.name AS organisation_name FROM participants p"
        " JOIN authors a ON a.id = p.author LEFT JOIN organisations o ON o.id = p.organisation"
        " WHERE p.session = :session ORDER BY p.role = 'host' DESC, p.post_count DESC, a.name, a.id LIMIT :most",
        session=session,
        most=_PEOPLE,
    )


async def _load_recap(database: Reader, session: str) -> Sequence[Row]:
    return await _rows(
        database,
        "SELECT r.*, a.name FROM recaps r JOIN authors a ON a.id = r.author WHERE r.session = :session"
        " ORDER BY r.position",
        session=session,
    )


async def _load_languages(database: Reader, session: str) -> str | None:
    """What is said of posts in languages that no tips are proposed in; None where there are none."""
    rows = await _rows(
        database,
        "SELECT language, sum(post_count) AS posts FROM unread_languages WHERE session = :session GROUP BY language",
        session=session,
    )
    return tell_languages({row["language"]: row["posts"] for row in rows})


def _coverage_words(platform: str, rows: Sequence[Row]) -> tuple[str, str, str]:
    total = sum(row["minutes"] for row in rows)
    whole = sum(row["minutes"] for row in rows if row["state"] == "complete")
    if whole == total:
        return platform, "complete", f"complete for all {total} minutes{complete_where(platform)}."
    said = [f"complete for {whole} of {total} minutes"] if whole else []
    short = [row for row in rows if row["state"] != "complete"]
    said += [
        f"{row['state']} for {'all ' if row['minutes'] == total else ''}{row['minutes']} {_span(row)}: {row['why']}"
        for row in short[:_MOST_REASONS]
    ]
    if more := sum(row["minutes"] for row in short[_MOST_REASONS:]):
        said.append(f"not complete for {more} more, for other reasons")
    state = "unknown" if all(row["state"] == "unknown" for row in rows) else "partial"
    return platform, state, "; ".join(said).rstrip(".") + "."


def _span(row: Row) -> str:
    minutes = "minute" if row["minutes"] == 1 else "minutes"
    first, last = row["first"][11:], row["last"][11:]
    return f"{minutes} ({first})" if first == last else f"{minutes} (between {first} and {last})"
