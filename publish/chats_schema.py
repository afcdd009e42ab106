"""The tables of chats.db: what organisers explore, in the words of the design.

chats.db can be deleted and built again at any time, so it has no migrations: where the stored version differs, every
table is built anew inside the same transaction. Datasette finds labels by the foreign keys, and full text by the
sqlite-utils convention (an FTS5 table with external content, named ``<table>_fts``).
"""

from __future__ import annotations

from dataclasses import dataclass

VERSION = 3
"""Stored as user_version. Raise it with every change to a table below."""


@dataclass(frozen=True, slots=True)
class Table:
    """One published table. ``scope`` is the column that a refresh is limited to, None for a table read whole.

    ``key`` identifies a row over publishes. ``searched`` is the column with full-text search.
    """

    name: str
    columns: str
    key: tuple[str, ...] = ("id",)
    scope: str | None = "session"
    indexes: tuple[str, ...] = ()
    searched: str | None = None

    @property
    def fts(self) -> str:
        """The name of its full-text table."""
        return f"{self.name}_fts"

    def statements(self) -> list[str]:
        """What creates it, its indexes and its full text."""
        primary = ", ".join(self.key)
        made = [f"CREATE TABLE {self.name} ({self.columns}, PRIMARY KEY ({primary})) STRICT"]
        for number, columns in enumerate(self.indexes):
            made.append(f"CREATE INDEX {self.name}_{number} ON {self.name}({columns})")
        if self.searched:
            made.append(
                f"CREATE VIRTUAL TABLE [{self.fts}] USING FTS5 ([{self.searched}], "
                f"tokenize='porter unicode61', content=[{self.name}])"
            )
        return made


_PLACE = "chat TEXT NOT NULL REFERENCES chats(id), session TEXT NOT NULL REFERENCES sessions(id)"
_WHO = "author TEXT NOT NULL REFERENCES authors(id), handle TEXT, platform TEXT NOT NULL"

CHATS = Table(
    "chats",
    """id TEXT NOT NULL, title TEXT NOT NULL, hashtags TEXT NOT NULL, description TEXT, hosts TEXT NOT NULL,
    session_count INTEGER NOT NULL, post_count INTEGER NOT NULL, people_count INTEGER NOT NULL,
    tip_count INTEGER NOT NULL, timezone TEXT NOT NULL""",
    scope=None,
)
SESSIONS = Table(
    "sessions",
    """id TEXT NOT NULL, title TEXT NOT NULL, chat TEXT NOT NULL REFERENCES chats(id), date TEXT,
    local_start TEXT, local_end TEXT, post_count INTEGER NOT NULL, people_count INTEGER NOT NULL,
    question_count INTEGER NOT NULL, unanswered_count INTEGER NOT NULL, answer_count INTEGER NOT NULL,
    tip_count INTEGER NOT NULL, link_count INTEGER NOT NULL, starts_at TEXT, ends_at TEXT""",
    scope="id",
    indexes=("chat, starts_at",),
)
POSTS = Table(
    "posts",
    f"""id TEXT NOT NULL, local_time TEXT NOT NULL, {_WHO}, text TEXT NOT NULL, role TEXT NOT NULL,
    question TEXT REFERENCES questions(id), question_number INTEGER, kind TEXT NOT NULL, tip_count INTEGER NOT NULL,
    like_count INTEGER, repost_count INTEGER, reply_count INTEGER, quote_count INTEGER, view_count INTEGER,
    url TEXT, {_PLACE}, why TEXT NOT NULL, minute TEXT NOT NULL, posted_at TEXT NOT NULL, edited_at TEXT,
    reply_to TEXT REFERENCES posts(id), quote_of TEXT REFERENCES posts(id), repost_of TEXT REFERENCES posts(id),
    context TEXT, lang TEXT, labels TEXT, post TEXT NOT NULL, title TEXT NOT NULL""",
    indexes=("session, posted_at", "chat, posted_at", "author", "question", "posted_at", "reply_to", "post"),
    searched="text",
)
QUESTIONS = Table(
    "questions",
    f"""id TEXT NOT NULL, number INTEGER, text TEXT NOT NULL, local_time TEXT, answer_count INTEGER NOT NULL,
    people_count INTEGER NOT NULL, tip_count INTEGER NOT NULL, post TEXT REFERENCES posts(id), url TEXT, {_PLACE},
    asked_at TEXT, title TEXT NOT NULL""",
    indexes=("session, number",),
)
ANSWERS = Table(
    "answers",
    f"""id TEXT NOT NULL, question TEXT NOT NULL REFERENCES questions(id), question_number INTEGER, rank INTEGER,
    text TEXT NOT NULL, shown TEXT NOT NULL, {_WHO}, local_time TEXT NOT NULL, kind TEXT NOT NULL,
    tip_count INTEGER NOT NULL, reason TEXT NOT NULL, confidence REAL NOT NULL, url TEXT,
    post TEXT NOT NULL REFERENCES posts(id), {_PLACE}, posted_at TEXT NOT NULL""",
    indexes=("question, rank", "session, question_number", "author", "post"),
)
TIPS = Table(
    "tips",
    f"""id TEXT NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL, question TEXT REFERENCES questions(id),
    question_number INTEGER, support_count INTEGER NOT NULL, organisation_count INTEGER NOT NULL,
    repost_count INTEGER NOT NULL, answer_count INTEGER NOT NULL, score REAL NOT NULL, reason TEXT NOT NULL,
    explanation TEXT NOT NULL, review TEXT NOT NULL, {_WHO}, local_time TEXT NOT NULL,
    theme TEXT REFERENCES themes(id), url TEXT, post TEXT NOT NULL REFERENCES posts(id), {_PLACE},
    posted_at TEXT NOT NULL""",
    indexes=("session, kind, score", "chat, score", "question", "theme", "author", "post", "score"),
    searched="text",
)
TIP_EVIDENCE = Table(
    "tip_evidence",
    f"""id TEXT NOT NULL, tip TEXT NOT NULL REFERENCES tips(id), relation TEXT NOT NULL, {_WHO},
    local_time TEXT NOT NULL, post TEXT NOT NULL REFERENCES posts(id), position INTEGER NOT NULL, url TEXT, {_PLACE}""",
    indexes=("tip, position", "post", "session"),
)
THEMES = Table(
    "themes",
    f"""id TEXT NOT NULL, label TEXT NOT NULL, terms TEXT NOT NULL, post_count INTEGER NOT NULL,
    tip_count INTEGER NOT NULL, hint TEXT, named_by TEXT NOT NULL, pinned INTEGER NOT NULL,
    tip TEXT REFERENCES tips(id), post TEXT REFERENCES posts(id), {_PLACE}""",
    indexes=("session, post_count",),
)
RECAPS = Table(
    "recaps",
    f"""id TEXT NOT NULL, position INTEGER NOT NULL, question TEXT REFERENCES questions(id), question_number INTEGER,
    text TEXT NOT NULL, {_WHO}, local_time TEXT NOT NULL, tip TEXT NOT NULL REFERENCES tips(id),
    post TEXT NOT NULL REFERENCES posts(id), url TEXT, {_PLACE}, posted_at TEXT NOT NULL""",
    indexes=("session, position", "tip", "post"),
)
UNREAD_LANGUAGES = Table(
    "unread_languages",
    f"id TEXT NOT NULL, language TEXT NOT NULL, lang TEXT NOT NULL, post_count INTEGER NOT NULL, {_PLACE}",
    indexes=("session, post_count",),
)
LINKS = Table(
    "links",
    f"""id TEXT NOT NULL, url TEXT NOT NULL, title TEXT, domain TEXT, people_count INTEGER NOT NULL,
    post_count INTEGER NOT NULL, relevant_count INTEGER NOT NULL, shared_by TEXT NOT NULL, local_time TEXT NOT NULL,
    post TEXT NOT NULL REFERENCES posts(id), {_PLACE}, first_shared_at TEXT NOT NULL""",
    indexes=("session, people_count", "chat, people_count", "domain"),
)
EXAMPLES = Table(
    "examples",
    f"""id TEXT NOT NULL, text TEXT NOT NULL, {_WHO}, organisation TEXT REFERENCES organisations(id),
    link_url TEXT, link_title TEXT, link_domain TEXT, link TEXT REFERENCES links(id),
    question TEXT REFERENCES questions(id), question_number INTEGER, support_count INTEGER NOT NULL,
    score REAL NOT NULL, reason TEXT NOT NULL, review TEXT NOT NULL, local_time TEXT NOT NULL,
    tip TEXT NOT NULL REFERENCES tips(id),
    url TEXT, post TEXT NOT NULL REFERENCES posts(id), {_PLACE}, posted_at TEXT NOT NULL""",
    indexes=("session, score", "organisation", "author", "link", "question", "post", "tip"),
)
PARTICIPANTS = Table(
    "participants",
    f"""id TEXT NOT NULL, {_WHO}, role TEXT NOT NULL, session_count INTEGER NOT NULL, post_count INTEGER NOT NULL,
    answer_count INTEGER NOT NULL, tip_count INTEGER NOT NULL, organisation TEXT REFERENCES organisations(id), {_PLACE},
    first_posted_at TEXT NOT NULL, last_posted_at TEXT NOT NULL, person TEXT NOT NULL REFERENCES people(id),
    role_reason TEXT""",
    indexes=("session, post_count", "author", "chat", "person"),
)
AUTHORS = Table(
    "authors",
    """id TEXT NOT NULL, name TEXT NOT NULL, handle TEXT, platform TEXT NOT NULL,
    organisation TEXT REFERENCES organisations(id), post_count INTEGER NOT NULL, tip_count INTEGER NOT NULL,
    session_count INTEGER NOT NULL, bio TEXT, followers_count INTEGER, url TEXT, first_posted_at TEXT NOT NULL,
    last_posted_at TEXT NOT NULL, labels TEXT, person TEXT NOT NULL REFERENCES people(id)""",
    scope=None,
    indexes=("platform", "organisation", "post_count", "person"),
)
PEOPLE = Table(
    "people",
    """id TEXT NOT NULL, name TEXT NOT NULL, accounts TEXT NOT NULL, organisation TEXT REFERENCES organisations(id),
    organisation_type TEXT, nation TEXT, region TEXT, session_count INTEGER NOT NULL, hosted_count INTEGER NOT NULL,
    post_count INTEGER NOT NULL, tip_count INTEGER NOT NULL, account_count INTEGER NOT NULL, reason TEXT,
    first_posted_at TEXT NOT NULL, last_posted_at TEXT NOT NULL""",
    scope=None,
    indexes=("session_count", "organisation", "nation, region"),
)
ORGANISATIONS = Table(
    "organisations",
    """id TEXT NOT NULL, name TEXT NOT NULL, type TEXT, nation TEXT, region TEXT, author_count INTEGER NOT NULL,
    post_count INTEGER NOT NULL, url TEXT""",
    scope=None,
)
AUTHOR_ORGANISATIONS = Table(
    "author_organisations",
    """id TEXT NOT NULL, author TEXT NOT NULL REFERENCES authors(id),
    organisation TEXT NOT NULL REFERENCES organisations(id), evidence TEXT NOT NULL, confidence REAL NOT NULL""",
    scope=None,
    indexes=("author", "organisation"),
)
COVERAGE = Table(
    "coverage",
    f"""platform TEXT NOT NULL, local_time TEXT NOT NULL, state TEXT NOT NULL, why TEXT NOT NULL, {_PLACE},
    minute TEXT NOT NULL""",
    key=("session", "platform", "minute"),
)
PUBLISHED = Table("published", "id INTEGER NOT NULL CHECK (id = 1), at TEXT NOT NULL", scope=None)

TABLES: tuple[Table, ...] = (
    CHATS, SESSIONS, POSTS, QUESTIONS, ANSWERS, TIPS, TIP_EVIDENCE, THEMES, RECAPS, UNREAD_LANGUAGES, LINKS,
    EXAMPLES, PARTICIPANTS, AUTHORS, PEOPLE, ORGANISATIONS, AUTHOR_ORGANISATIONS, COVERAGE, PUBLISHED,
)  # fmt: skip
