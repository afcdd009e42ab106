"""The schema of archive.db, reached only by migrations: named, ordered, never edited once released.

A migration imports none of our other code, so that it does the same in ten years as on the day it was written.
"""

from __future__ import annotations

from sqlite_utils import Database, Migrations

migrations = Migrations("archive")

_M001_KEPT = """
CREATE TABLE chats (
  slug TEXT PRIMARY KEY, title TEXT NOT NULL, hashtags TEXT NOT NULL, hosts TEXT NOT NULL,
  timezone TEXT NOT NULL, description TEXT
) STRICT;
CREATE TABLE sessions (
  id TEXT PRIMARY KEY, chat TEXT NOT NULL REFERENCES chats(slug),
  starts_at TEXT NOT NULL, ends_at TEXT NOT NULL, questions TEXT NOT NULL, weekly INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX sessions_chat ON sessions(chat, starts_at);
CREATE TABLE runs (
  id INTEGER PRIMARY KEY, command TEXT NOT NULL, version TEXT NOT NULL,
  started_at TEXT NOT NULL, ended_at TEXT, exit INTEGER
) STRICT;
CREATE TABLE intervals (
  id INTEGER PRIMARY KEY, run INTEGER REFERENCES runs(id), platform TEXT NOT NULL, key TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('poll', 'stream')),
  opened_at TEXT NOT NULL, last_alive_at TEXT NOT NULL, closed_at TEXT, why TEXT
) STRICT;
CREATE TABLE walks (
  id INTEGER PRIMARY KEY, chat TEXT NOT NULL REFERENCES chats(slug), platform TEXT NOT NULL, key TEXT NOT NULL,
  floor TEXT, top TEXT, cursor TEXT,
  status TEXT NOT NULL CHECK (status IN ('open', 'done', 'abandoned')), not_before TEXT, why TEXT,
  opened_at TEXT NOT NULL, closed_at TEXT, covers_from TEXT, covers_to TEXT,
  pages_count INTEGER NOT NULL DEFAULT 0, posts_count INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX walks_one_open ON walks(key) WHERE status = 'open';
CREATE INDEX walks_key ON walks(key, status, id);
CREATE TABLE page_bodies (sha256 TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE pages (
  id INTEGER PRIMARY KEY, walk INTEGER NOT NULL REFERENCES walks(id), run INTEGER REFERENCES runs(id),
  platform TEXT NOT NULL, source TEXT NOT NULL, format TEXT NOT NULL, origin TEXT NOT NULL, server TEXT NOT NULL,
  first_line INTEGER, url TEXT NOT NULL, http_status INTEGER NOT NULL, headers TEXT NOT NULL,
  fetched_at TEXT NOT NULL, cursor TEXT, next_cursor TEXT,
  sha256 TEXT NOT NULL REFERENCES page_bodies(sha256)
) STRICT;
CREATE INDEX pages_walk ON pages(walk, cursor);
CREATE INDEX pages_sha256 ON pages(sha256);
CREATE TABLE problems (
  id INTEGER PRIMARY KEY, at TEXT NOT NULL, chat TEXT, platform TEXT, page INTEGER REFERENCES pages(id),
  line INTEGER, post TEXT, kind TEXT NOT NULL, detail TEXT NOT NULL, resolved_at TEXT
) STRICT;
CREATE INDEX problems_page ON problems(page);
CREATE TABLE authors (
  id TEXT PRIMARY KEY, platform TEXT NOT NULL, handle TEXT, name TEXT, bio TEXT, url TEXT,
  followers_count INTEGER, labels TEXT NOT NULL, first_seen_at TEXT NOT NULL, last_seen_at TEXT NOT NULL,
  fields_seen TEXT NOT NULL
) STRICT;
CREATE INDEX authors_handle ON authors(platform, handle COLLATE NOCASE);
CREATE TABLE posts (
  id TEXT PRIMARY KEY, platform TEXT NOT NULL, author TEXT NOT NULL REFERENCES authors(id),
  created_at TEXT NOT NULL, posted_at TEXT NOT NULL, first_seen_at TEXT NOT NULL,
  text TEXT NOT NULL, html TEXT, lang TEXT, url TEXT,
  kind TEXT NOT NULL CHECK (kind IN ('post', 'reply', 'repost', 'quote')),
  visibility TEXT NOT NULL CHECK (visibility IN ('public', 'unlisted')), labels TEXT NOT NULL,
  reply_to TEXT, conversation TEXT, quote_of TEXT, repost_of TEXT, edited_at TEXT, sensitive INTEGER
) STRICT;
CREATE INDEX posts_posted_at ON posts(posted_at);
CREATE INDEX posts_author ON posts(author);
CREATE INDEX posts_reply_to ON posts(reply_to) WHERE reply_to IS NOT NULL;
CREATE INDEX posts_quote_of ON posts(quote_of) WHERE quote_of IS NOT NULL;
CREATE INDEX posts_repost_of ON posts(repost_of) WHERE repost_of IS NOT NULL;
CREATE TABLE post_versions (
  post TEXT NOT NULL REFERENCES posts(id), digest TEXT NOT NULL, native_id TEXT NOT NULL,
  text TEXT NOT NULL, html TEXT, edited_at TEXT, first_observed_at TEXT NOT NULL, observed_at TEXT NOT NULL,
  page INTEGER NOT NULL REFERENCES pages(id), fields TEXT NOT NULL,
  PRIMARY KEY (post, digest)
) STRICT, WITHOUT ROWID;
CREATE TABLE post_ids (
  platform TEXT NOT NULL, server TEXT NOT NULL, native_id TEXT NOT NULL, post TEXT NOT NULL REFERENCES posts(id),
  PRIMARY KEY (platform, server, native_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX post_ids_post ON post_ids(post);
CREATE TABLE open_refs (
  platform TEXT NOT NULL, server TEXT NOT NULL, native_id TEXT NOT NULL, post TEXT NOT NULL REFERENCES posts(id),
  PRIMARY KEY (platform, server, native_id, post)
) STRICT, WITHOUT ROWID;
CREATE INDEX open_refs_post ON open_refs(post);
CREATE TABLE post_tags (
  post TEXT NOT NULL REFERENCES posts(id), tag TEXT NOT NULL, PRIMARY KEY (tag, post)
) STRICT, WITHOUT ROWID;
CREATE INDEX post_tags_post ON post_tags(post);
CREATE TABLE post_links (
  post TEXT NOT NULL REFERENCES posts(id), url TEXT NOT NULL, expanded_url TEXT, PRIMARY KEY (post, url)
) STRICT, WITHOUT ROWID;
CREATE TABLE link_pages (url TEXT PRIMARY KEY, title TEXT, domain TEXT) STRICT;
CREATE TABLE post_mentions (
  post TEXT NOT NULL REFERENCES posts(id), handle TEXT NOT NULL, author TEXT, PRIMARY KEY (post, handle)
) STRICT, WITHOUT ROWID;
CREATE TABLE post_media (
  post TEXT NOT NULL REFERENCES posts(id), position INTEGER NOT NULL, url TEXT NOT NULL, kind TEXT NOT NULL,
  alt_text TEXT, PRIMARY KEY (post, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE sightings (
  post TEXT NOT NULL REFERENCES posts(id), walk TEXT NOT NULL, chat TEXT NOT NULL, server TEXT NOT NULL,
  first_at TEXT NOT NULL, last_at TEXT NOT NULL, PRIMARY KEY (chat, walk, server, post)
) STRICT, WITHOUT ROWID;
CREATE INDEX sightings_post ON sightings(post);
CREATE TABLE metrics (
  post TEXT NOT NULL REFERENCES posts(id), seen_at TEXT NOT NULL,
  likes INTEGER, reposts INTEGER, replies INTEGER, quotes INTEGER, views INTEGER, PRIMARY KEY (post, seen_at)
) STRICT, WITHOUT ROWID;
CREATE TABLE tombstones (
  key TEXT PRIMARY KEY, seen_at TEXT NOT NULL,
  reason TEXT NOT NULL CHECK (reason IN ('erased', 'deleted', 'unavailable'))
) STRICT;
CREATE TABLE ledger (
  id INTEGER PRIMARY KEY, day TEXT NOT NULL, platform TEXT NOT NULL, kind TEXT NOT NULL, resource TEXT NOT NULL,
  tenth_cents INTEGER NOT NULL, UNIQUE (day, platform, kind, resource)
) STRICT
"""

_M001_DERIVED = """
CREATE TABLE chat_posts (
  chat TEXT NOT NULL, session TEXT NOT NULL, post TEXT NOT NULL REFERENCES posts(id),
  why TEXT NOT NULL CHECK (why IN ('tagged', 'near tag', 'in thread', 'host', 'imported')), version TEXT NOT NULL,
  PRIMARY KEY (chat, session, post)
) STRICT, WITHOUT ROWID;
CREATE INDEX chat_posts_post ON chat_posts(post);
CREATE TABLE questions (
  id TEXT PRIMARY KEY, chat TEXT NOT NULL, session TEXT NOT NULL, number INTEGER, post TEXT REFERENCES posts(id),
  text TEXT NOT NULL, asked_at TEXT, version TEXT NOT NULL
) STRICT;
CREATE TABLE answers (
  question TEXT NOT NULL REFERENCES questions(id), post TEXT NOT NULL REFERENCES posts(id),
  reason TEXT NOT NULL, confidence REAL NOT NULL, version TEXT NOT NULL, PRIMARY KEY (question, post)
) STRICT, WITHOUT ROWID;
CREATE INDEX answers_post ON answers(post);
CREATE TABLE themes (
  id TEXT PRIMARY KEY, chat TEXT NOT NULL, session TEXT NOT NULL, label TEXT NOT NULL, terms TEXT NOT NULL,
  post_count INTEGER NOT NULL, post TEXT REFERENCES posts(id), version TEXT NOT NULL
) STRICT;
CREATE TABLE tips (
  id TEXT PRIMARY KEY, chat TEXT NOT NULL, session TEXT NOT NULL, post TEXT NOT NULL REFERENCES posts(id),
  "start" INTEGER NOT NULL, "end" INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('do', 'dont', 'example', 'resource', 'concern', 'question')),
  text TEXT NOT NULL, score REAL NOT NULL, reason TEXT NOT NULL, question TEXT REFERENCES questions(id),
  theme TEXT REFERENCES themes(id), support_count INTEGER NOT NULL, version TEXT NOT NULL
) STRICT;
CREATE INDEX tips_session ON tips(chat, session, score);
CREATE INDEX tips_post ON tips(post);
CREATE TABLE tip_evidence (
  tip TEXT NOT NULL REFERENCES tips(id), post TEXT NOT NULL REFERENCES posts(id),
  "start" INTEGER, "end" INTEGER, position INTEGER NOT NULL,
  relation TEXT NOT NULL CHECK (relation IN ('part', 'duplicate', 'repost', 'quote', 'agreement')),
  version TEXT NOT NULL, PRIMARY KEY (tip, post, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX tip_evidence_post ON tip_evidence(post);
CREATE TABLE people (
  id TEXT NOT NULL, author TEXT NOT NULL REFERENCES authors(id), reason TEXT NOT NULL, version TEXT NOT NULL,
  PRIMARY KEY (author)
) STRICT, WITHOUT ROWID;
CREATE INDEX people_id ON people(id);
CREATE TABLE organisations (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, type TEXT, nation TEXT, region TEXT, url TEXT, version TEXT NOT NULL
) STRICT;
CREATE TABLE author_organisations (
  author TEXT NOT NULL REFERENCES authors(id), organisation TEXT NOT NULL REFERENCES organisations(id),
  evidence TEXT NOT NULL, confidence REAL NOT NULL, version TEXT NOT NULL, PRIMARY KEY (author, organisation)
) STRICT, WITHOUT ROWID;
CREATE TABLE coverage (
  chat TEXT NOT NULL, session TEXT NOT NULL, platform TEXT NOT NULL, minute TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('complete', 'partial', 'unknown')), why TEXT NOT NULL, version TEXT NOT NULL,
  PRIMARY KEY (chat, session, platform, minute)
) STRICT, WITHOUT ROWID
"""


_M002_RUNNING = """
ALTER TABLE walks ADD COLUMN session TEXT;
ALTER TABLE walks ADD COLUMN repeats_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN last_alive_at TEXT;
ALTER TABLE runs ADD COLUMN next_at TEXT;
ALTER TABLE runs ADD COLUMN doing TEXT;
ALTER TABLE ledger ADD COLUMN chat TEXT;
ALTER TABLE ledger ADD COLUMN session TEXT;
CREATE INDEX ledger_chat ON ledger(chat, day);
CREATE TABLE reservations (
  id INTEGER PRIMARY KEY, at TEXT NOT NULL, day TEXT NOT NULL, platform TEXT NOT NULL, chat TEXT NOT NULL, session TEXT,
  walk INTEGER REFERENCES walks(id), tenth_cents INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'settled', 'released'))
) STRICT;
CREATE INDEX reservations_open ON reservations(chat, day) WHERE state = 'open';
CREATE INDEX reservations_walk ON reservations(walk) WHERE state = 'open';
CREATE TABLE jobs (
  key TEXT PRIMARY KEY, kind TEXT NOT NULL, chat TEXT NOT NULL, session TEXT, lane TEXT NOT NULL, due_at TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'dropped')), tries_count INTEGER NOT NULL,
  not_before TEXT, ended_at TEXT, why TEXT, detail TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX jobs_session ON jobs(session);
CREATE TABLE alarms (
  id INTEGER PRIMARY KEY, key TEXT NOT NULL, kind TEXT NOT NULL,
  level TEXT NOT NULL CHECK (level IN ('error', 'warning')),
  chat TEXT, session TEXT, platform TEXT, message TEXT NOT NULL, remedy TEXT NOT NULL,
  raised_at TEXT NOT NULL, last_at TEXT NOT NULL, ended_at TEXT, sent_at TEXT
) STRICT;
CREATE UNIQUE INDEX alarms_one_open ON alarms(key) WHERE ended_at IS NULL;
CREATE TABLE counts (
  chat TEXT NOT NULL, platform TEXT NOT NULL, "query" TEXT NOT NULL, starts_at TEXT NOT NULL, ends_at TEXT NOT NULL,
  posts_count INTEGER NOT NULL, seen_at TEXT NOT NULL, PRIMARY KEY (chat, platform, "query", starts_at, ends_at)
) STRICT, WITHOUT ROWID;
CREATE TABLE open_deletions (
  platform TEXT NOT NULL, server TEXT NOT NULL, native_id TEXT NOT NULL, seen_at TEXT NOT NULL, reason TEXT NOT NULL,
  PRIMARY KEY (platform, server, native_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX intervals_key ON intervals(key, opened_at);
DROP TABLE chat_posts;
CREATE TABLE chat_posts (
  chat TEXT NOT NULL, session TEXT NOT NULL, post TEXT NOT NULL REFERENCES posts(id),
  why TEXT NOT NULL CHECK (why IN ('tagged', 'near tag', 'in thread', 'quote', 'host', 'imported')),
  version TEXT NOT NULL, PRIMARY KEY (chat, session, post)
) STRICT, WITHOUT ROWID;
CREATE INDEX chat_posts_post ON chat_posts(post)
"""

_M003_TRUSTED = """
ALTER TABLE link_pages ADD COLUMN final_url TEXT;
ALTER TABLE link_pages ADD COLUMN state TEXT;
ALTER TABLE link_pages ADD COLUMN why TEXT;
ALTER TABLE link_pages ADD COLUMN tries_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE link_pages ADD COLUMN fetched_at TEXT;
DROP TABLE tip_evidence;
DROP TABLE tips;
DROP TABLE themes;
CREATE TABLE themes (
  id TEXT PRIMARY KEY, chat TEXT NOT NULL, session TEXT NOT NULL, label TEXT NOT NULL, terms TEXT NOT NULL,
  post_count INTEGER NOT NULL, post TEXT REFERENCES posts(id), tip TEXT,
  named_by TEXT NOT NULL CHECK (named_by IN ('words', 'person')), pinned INTEGER NOT NULL, hint TEXT,
  version TEXT NOT NULL
) STRICT;
CREATE INDEX themes_session ON themes(chat, session);
CREATE TABLE tips (
  id TEXT PRIMARY KEY, chat TEXT NOT NULL, session TEXT NOT NULL, post TEXT NOT NULL REFERENCES posts(id),
  "start" INTEGER NOT NULL, "end" INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('do', 'dont', 'example', 'resource', 'concern', 'question')),
  text TEXT NOT NULL, score REAL NOT NULL, reason TEXT NOT NULL, explanation TEXT NOT NULL,
  question TEXT REFERENCES questions(id), theme TEXT REFERENCES themes(id),
  support_count INTEGER NOT NULL, organisation_count INTEGER NOT NULL, repost_count INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('proposed', 'accepted', 'rejected')), kept INTEGER NOT NULL,
  version TEXT NOT NULL
) STRICT;
CREATE INDEX tips_session ON tips(chat, session, score);
CREATE INDEX tips_post ON tips(post);
CREATE TABLE tip_evidence (
  tip TEXT NOT NULL REFERENCES tips(id), post TEXT NOT NULL REFERENCES posts(id),
  "start" INTEGER, "end" INTEGER, position INTEGER NOT NULL,
  relation TEXT NOT NULL CHECK (relation IN ('part', 'duplicate', 'repost', 'quote', 'agreement', 'answer')),
  version TEXT NOT NULL, PRIMARY KEY (tip, post, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX tip_evidence_post ON tip_evidence(post);
CREATE INDEX questions_session ON questions(chat, session);
CREATE TABLE attendance (
  chat TEXT NOT NULL, session TEXT NOT NULL, person TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('host', 'newcomer', 'regular', 'participant')),
  posts_count INTEGER NOT NULL, sessions_count INTEGER NOT NULL, reason TEXT NOT NULL, version TEXT NOT NULL,
  PRIMARY KEY (chat, session, person)
) STRICT, WITHOUT ROWID;
CREATE TABLE recaps (
  chat TEXT NOT NULL, session TEXT NOT NULL, position INTEGER NOT NULL, question TEXT REFERENCES questions(id),
  tip TEXT NOT NULL, post TEXT NOT NULL REFERENCES posts(id), text TEXT NOT NULL, version TEXT NOT NULL,
  PRIMARY KEY (chat, session, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE unread_languages (
  chat TEXT NOT NULL, session TEXT NOT NULL, lang TEXT NOT NULL, posts_count INTEGER NOT NULL, version TEXT NOT NULL,
  PRIMARY KEY (chat, session, lang)
) STRICT, WITHOUT ROWID;
CREATE TABLE rankers (
  chat TEXT PRIMARY KEY, decisions_count INTEGER NOT NULL, weights TEXT NOT NULL, version TEXT NOT NULL
) STRICT, WITHOUT ROWID
"""

_M004_PRESENCE = """
CREATE TABLE session_authors (
  chat TEXT NOT NULL, session TEXT NOT NULL, author TEXT NOT NULL, posts_count INTEGER NOT NULL, host TEXT,
  version TEXT NOT NULL, PRIMARY KEY (chat, session, author)
) STRICT, WITHOUT ROWID;
CREATE INDEX session_authors_author ON session_authors(author);
CREATE INDEX attendance_person ON attendance(person)
"""


def _create(db: Database, script: str) -> None:
    """Runs the statements one by one: executescript() would commit the transaction that migrations run in."""
    for statement in script.split(";"):
        db.execute(statement)


@migrations()
def m001_the_archive(db: Database) -> None:
    """What is kept, and what analysis derives from it."""
    _create(db, _M001_KEPT)
    _create(db, _M001_DERIVED)


@migrations()
def m002_the_scheduled_capture(db: Database) -> None:
    """What the scheduled collector keeps: its jobs, its alarms, what it spends and what it was told of numbers."""
    _create(db, _M002_RUNNING)


@migrations()
def m003_findings_to_trust(db: Database) -> None:
    """What the pages behind links say, and findings with their state, support, recap and the people of a session."""
    _create(db, _M003_TRUSTED)


@migrations()
def m004_links_that_wait(db: Database) -> None:
    """Until when a host has asked us to leave it alone, beside the link that it was asked for."""
    db.execute("ALTER TABLE link_pages ADD COLUMN not_before TEXT")


@migrations()
def m004_who_was_there(db: Database) -> None:
    """Who posted how often in each session, and why somebody is taken for its host: what attendance is counted from."""
    _create(db, _M004_PRESENCE)


@migrations()
def m005_found_by_reference(db: Database) -> None:
    """What refers to a theme or a question is found without a scan when one of them goes."""
    for table, column in (("tips", "theme"), ("tips", "question"), ("recaps", "question")):
        db.execute(f"CREATE INDEX {table}_{column} ON {table}({column}) WHERE {column} IS NOT NULL")
