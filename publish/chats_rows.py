"""The rows of chats.db, read from the attached archive: one SELECT a table, for one session at a time.

Parameters: :chat and :stored (as the archive names them), :session (as chats.db names it), :zone, :hosts, :hashtags,
:questions.
What may be shown is settled once, in ``temp.member``; all else joins to it. CROSS JOIN keeps SQLite to the order that
is written: without statistics it would begin with the archive's largest table, for every session again.
"""

from __future__ import annotations

from analysis.organisations import LIKELY


def _gone(post: str) -> str:
    return f"EXISTS (SELECT 1 FROM archive.tombstones WHERE key = {post})"


def _published(post: str) -> str:
    return f"(SELECT id FROM temp.member WHERE post = {post})"


# Old archives hold addresses as X shortened them, without a word of where they lead.
_FULL_ADDRESSES = """(SELECT json_group_array(json_array(l.url, coalesce(l.expanded_url, g.final_url)))
   FROM archive.post_links l LEFT JOIN archive.link_pages g ON g.url = l.url AND l.url GLOB 'http*://t.co/*'
   WHERE l.post = p.id AND coalesce(l.expanded_url, g.final_url) IS NOT NULL)"""

TOUCHED_BY_DELETION = """
SELECT session FROM main.posts WHERE post IN (SELECT key FROM archive.tombstones)
UNION SELECT o.session FROM archive.tombstones t CROSS JOIN archive.posts p ON p.repost_of = t.key
  CROSS JOIN main.posts o ON o.post = p.id
UNION SELECT o.session FROM archive.tombstones t CROSS JOIN archive.posts p ON p.reply_to = t.key
  CROSS JOIN main.posts o ON o.post = p.id WHERE o.context IS NOT NULL
UNION SELECT o.session FROM archive.tombstones t CROSS JOIN archive.posts p ON p.quote_of = t.key
  CROSS JOIN main.posts o ON o.post = p.id WHERE o.context IS NOT NULL
"""
"""Published sessions that still show a post that is gone, repeat it, or quote it."""

WORKING_TABLES = (
    """CREATE TEMP TABLE member (post TEXT PRIMARY KEY, id TEXT, why TEXT, author TEXT, handle TEXT, platform TEXT,
    local_time TEXT, url TEXT, person TEXT) WITHOUT ROWID""",
    "CREATE TEMP TABLE asked (post TEXT PRIMARY KEY, question TEXT, number INTEGER) WITHOUT ROWID",
    "CREATE TEMP TABLE answered (post TEXT PRIMARY KEY, question TEXT, number INTEGER) WITHOUT ROWID",
    "CREATE TEMP TABLE sound_tip (id TEXT PRIMARY KEY, post TEXT, question TEXT, theme TEXT) WITHOUT ROWID",
    "CREATE TEMP TABLE tipped (post TEXT PRIMARY KEY, tips INTEGER, score REAL, support INTEGER) WITHOUT ROWID",
    "CREATE TEMP TABLE repeated (post TEXT PRIMARY KEY) WITHOUT ROWID",
    """CREATE TEMP TABLE shared (key TEXT, url TEXT, written TEXT, post TEXT, id TEXT, name TEXT, person TEXT,
    posted_at TEXT, title TEXT, domain TEXT, relevant INTEGER)""",
    "CREATE INDEX temp.shared_key ON shared (key, posted_at)",
    "CREATE INDEX temp.shared_post ON shared (post)",
)
WORKING_NAMES = ("member", "asked", "answered", "sound_tip", "tipped", "repeated", "shared")

_MEMBER = f"""
INSERT INTO temp.member
SELECT p.id, digest(:session, p.id), c.why, p.author, clean(a.handle), platform_name(p.platform),
  local_time(p.posted_at, :zone), post_url(p.url, p.id),
  coalesce((SELECT id FROM archive.people WHERE author = p.author), p.author)
FROM archive.chat_posts c CROSS JOIN archive.posts p ON p.id = c.post LEFT JOIN archive.authors a ON a.id = p.author
WHERE c.chat = :chat AND c.session = :stored AND p.visibility IN ('public', 'unlisted')
  AND NOT {_gone("p.id")} AND NOT {_gone("p.repost_of")}
"""
_ASKED = """
INSERT INTO temp.asked
SELECT q.post, min(q.id), q.number FROM archive.questions q CROSS JOIN temp.member m ON m.post = q.post
WHERE q.chat = :chat AND q.session = :stored GROUP BY q.post
"""
_ANSWERED = """
INSERT INTO temp.answered
SELECT post, question, number FROM (
  SELECT a.post, a.question, q.number,
    row_number() OVER (PARTITION BY a.post ORDER BY a.confidence DESC, q.number, a.question) AS place
  FROM archive.questions q CROSS JOIN archive.answers a ON a.question = q.id CROSS JOIN temp.member m ON m.post = a.post
  WHERE q.chat = :chat AND q.session = :stored) WHERE place = 1
"""
_SOUND_TIP = f"""
INSERT INTO temp.sound_tip
SELECT t.id, t.post, t.question, t.theme FROM archive.tips t CROSS JOIN temp.member m ON m.post = t.post
WHERE t.chat = :chat AND t.session = :stored AND t.state <> 'rejected' AND NOT EXISTS (
  SELECT 1 FROM archive.tip_evidence e WHERE e.tip = t.id AND e.relation = 'part' AND {_gone("e.post")})
"""
_TIPPED = """
INSERT INTO temp.tipped
SELECT s.post, count(*), max(t.score), max(t.support_count)
FROM temp.sound_tip s CROSS JOIN archive.tips t ON t.id = s.id GROUP BY s.post
"""
_REPEATED = """
INSERT OR IGNORE INTO temp.repeated
SELECT e.post FROM temp.sound_tip s CROSS JOIN archive.tip_evidence e ON e.tip = s.id
WHERE e.relation IN ('duplicate', 'repost') AND e.post <> s.post
"""
_SHARED = """
INSERT INTO temp.shared
SELECT link_key(url), without_tracking(url), written, post, id, name, person, posted_at, title,
  coalesce(domain, domain(url)), relevant
FROM (
  SELECT web_url(coalesce(g.final_url, l.expanded_url, l.url)) AS url, l.url AS written, m.post, m.id,
    coalesce('@' || m.handle, author_name(NULL, NULL, m.author)) AS name, m.person, p.posted_at,
    clean(g.title) AS title, g.domain, w.post IS NOT NULL OR k.post IS NOT NULL OR t.post IS NOT NULL
      OR m.why = 'host' OR is_host(:hosts, p.platform, m.handle) AS relevant
  FROM temp.member m CROSS JOIN archive.posts p ON p.id = m.post CROSS JOIN archive.post_links l ON l.post = m.post
  LEFT JOIN archive.link_pages g ON g.url = coalesce(l.expanded_url, l.url)
  LEFT JOIN temp.answered w ON w.post = m.post LEFT JOIN temp.asked k ON k.post = m.post
  LEFT JOIN temp.tipped t ON t.post = m.post)
WHERE url IS NOT NULL AND NOT is_picture_of_platform(url)
"""
PREPARE = (_MEMBER, _ASKED, _ANSWERED, _SOUND_TIP, _TIPPED, _REPEATED, _SHARED)
"""Fills the working tables, in this order."""

_POSTS = f"""
SELECT m.id, m.local_time, m.author, m.handle, m.platform, clean(p.text),
  CASE WHEN k.post IS NOT NULL THEN 'question' WHEN w.post IS NOT NULL THEN 'answer' ELSE 'other' END,
  coalesce(k.question, w.question), coalesce(k.number, w.number), p.kind, ifnull(t.tips, 0),
  n.likes, n.reposts, n.replies, n.quotes, n.views, m.url, :chat, :session, m.why,
  local_minute(p.posted_at, :zone), p.posted_at, p.edited_at,
  {_published("p.reply_to")}, {_published("p.quote_of")}, {_published("p.repost_of")},
  (SELECT context(clean(oa.handle), o.text) FROM archive.posts o LEFT JOIN archive.authors oa ON oa.id = o.author
   WHERE o.id = coalesce(p.quote_of, p.reply_to) AND p.kind <> 'repost' AND NOT {_gone("o.id")}),
  p.lang, nullif(joined(p.labels), ''), p.id, post_title(m.handle, m.author, p.text)
FROM temp.member m CROSS JOIN archive.posts p ON p.id = m.post
LEFT JOIN temp.asked k ON k.post = m.post LEFT JOIN temp.answered w ON w.post = m.post
LEFT JOIN temp.tipped t ON t.post = m.post
LEFT JOIN archive.metrics n ON n.post = m.post
  AND n.seen_at = (SELECT max(seen_at) FROM archive.metrics WHERE post = m.post)
"""
_QUESTIONS = f"""
SELECT id, number, question_text(text), local_time(asked_at, :zone), answers, people, tips, post, url, :chat,
  :session, asked_at, question_title(number, text)
FROM (
  SELECT q.id, q.number, m.id AS post, m.url,
    CASE WHEN q.post IS NULL OR NOT {_gone("q.post")} THEN q.text
      ELSE coalesce(announced(:questions, q.number), 'The post that asked this question is no longer there.')
    END AS text,
    coalesce(q.asked_at, (SELECT posted_at FROM archive.posts WHERE id = m.post)) AS asked_at,
    (SELECT count(*) FROM archive.answers a CROSS JOIN temp.member am ON am.post = a.post
     WHERE a.question = q.id) AS answers,
    (SELECT count(DISTINCT am.person) FROM archive.answers a CROSS JOIN temp.member am ON am.post = a.post
     WHERE a.question = q.id) AS people,
    (SELECT count(*) FROM temp.sound_tip t WHERE t.question = q.id) AS tips
  FROM archive.questions q LEFT JOIN temp.member m ON m.post = q.post
  WHERE q.chat = :chat AND q.session = :stored)
"""
_ANSWERS = f"""
SELECT digest(a.question, a.post, :session), a.question, q.number,
  CASE WHEN p.kind <> 'repost' AND r.post IS NULL THEN row_number() OVER (
    PARTITION BY a.question, p.kind = 'repost' OR r.post IS NOT NULL
    ORDER BY ifnull(t.score, -1) DESC, ifnull(t.support, 0) DESC, a.confidence DESC, p.posted_at, p.id) END,
  clean(p.text), told(p.text, q.number, :hashtags, {_FULL_ADDRESSES}), m.author, m.handle, m.platform, m.local_time,
  p.kind, ifnull(t.tips, 0), a.reason, a.confidence,
  m.url, m.id, :chat, :session, p.posted_at
FROM archive.questions q CROSS JOIN archive.answers a ON a.question = q.id CROSS JOIN temp.member m ON m.post = a.post
CROSS JOIN archive.posts p ON p.id = a.post
LEFT JOIN temp.tipped t ON t.post = a.post LEFT JOIN temp.repeated r ON r.post = a.post
WHERE q.chat = :chat AND q.session = :stored
"""
_TIPS = f"""
SELECT t.id, tip_kind(t.kind), expanded(t.text, {_FULL_ADDRESSES}), q.id, q.number, t.support_count,
  t.organisation_count, t.repost_count,
  (SELECT count(*) FROM archive.tip_evidence e CROSS JOIN temp.member am ON am.post = e.post
   WHERE e.tip = t.id AND e.relation = 'answer'),
  round(t.score, 3), t.reason, t.explanation, CASE t.state WHEN 'accepted' THEN 'accepted' ELSE 'not yet reviewed' END,
  m.author, m.handle, m.platform, m.local_time, h.id, m.url, m.id,
  :chat, :session, p.posted_at
FROM temp.sound_tip s CROSS JOIN archive.tips t ON t.id = s.id CROSS JOIN temp.member m ON m.post = t.post
CROSS JOIN archive.posts p ON p.id = t.post
LEFT JOIN archive.questions q ON q.id = t.question AND q.chat = :chat AND q.session = :stored
LEFT JOIN archive.themes h ON h.id = t.theme AND h.chat = :chat AND h.session = :stored
"""
_TIP_EVIDENCE = """
SELECT digest(e.tip, e.post, e.position), e.tip, e.relation, m.author, m.handle, m.platform, m.local_time, m.id,
  e.position, m.url, :chat, :session
FROM temp.sound_tip s CROSS JOIN archive.tip_evidence e ON e.tip = s.id CROSS JOIN temp.member m ON m.post = e.post
"""
_THEMES = f"""
SELECT h.id, clean(h.label), clean(joined(h.terms)), h.post_count,
  (SELECT count(*) FROM temp.sound_tip t WHERE t.theme = h.id), h.hint,
  CASE h.named_by WHEN 'person' THEN 'a person' ELSE 'the words of its posts' END, h.pinned,
  (SELECT id FROM temp.sound_tip t WHERE t.id = h.tip), {_published("h.post")}, :chat, :session
FROM archive.themes h WHERE h.chat = :chat AND h.session = :stored
"""
_RECAPS = f"""
SELECT digest(:session, 'recap', r.position), r.position, q.id, q.number, expanded(r.text, {_FULL_ADDRESSES}),
  m.author, m.handle, m.platform, m.local_time, s.id, m.id, m.url, :chat, :session, p.posted_at
FROM archive.recaps r CROSS JOIN temp.sound_tip s ON s.id = r.tip CROSS JOIN temp.member m ON m.post = r.post
CROSS JOIN archive.posts p ON p.id = r.post
LEFT JOIN archive.questions q ON q.id = r.question AND q.chat = :chat AND q.session = :stored
WHERE r.chat = :chat AND r.session = :stored
"""
_UNREAD_LANGUAGES = """
SELECT digest(:session, 'language', lang), language_name(lang), lang, posts_count, :chat, :session
FROM archive.unread_languages WHERE chat = :chat AND session = :stored
"""
_LINKS = """
SELECT digest(:session, key), url, title, domain, people, posts, relevant, shared_by, local_time(first_at, :zone), id,
  :chat, :session, first_at
FROM (
  SELECT key, max(title) AS title, max(domain) AS domain, count(DISTINCT person) AS people,
    count(DISTINCT id) AS posts, count(DISTINCT CASE WHEN relevant THEN id END) AS relevant, min(posted_at) AS first_at,
    (SELECT f.url FROM temp.shared f WHERE f.key = s.key
     ORDER BY f.url NOT GLOB 'https:*', length(f.url), f.url LIMIT 1) AS url,
    (SELECT f.id FROM temp.shared f WHERE f.key = s.key ORDER BY f.posted_at, f.id LIMIT 1) AS id,
    (SELECT group_concat(name, ', ') FROM (
      SELECT name, min(posted_at || id) AS first FROM temp.shared o WHERE o.key = s.key
      GROUP BY person ORDER BY first)) AS shared_by
  FROM temp.shared s GROUP BY key)
"""
_EXAMPLES = f"""
SELECT t.id, t.text, t.author, t.handle, t.platform, r.organisation,
  CASE WHEN o.id IS NULL THEN k.url ELSE post_url(o.url, o.id) END,
  CASE WHEN o.id IS NULL THEN k.title ELSE context(clean(oa.handle), o.text) END,
  CASE WHEN o.id IS NULL THEN k.domain ELSE domain(post_url(o.url, o.id)) END, k.id,
  t.question, t.question_number, t.support_count, t.score, t.reason, t.review, t.local_time, t.id, t.url, t.post,
  t.chat, t.session, t.posted_at
FROM main.tips t CROSS JOIN archive.tips f ON f.id = t.id CROSS JOIN archive.posts p ON p.id = f.post
LEFT JOIN main.participants r ON r.session = :session AND r.author = t.author
LEFT JOIN main.links k ON k.id = digest(:session, example_link(p.text, f."start", (
  SELECT json_group_array(json_array(s.written, s.url, s.post = f.post)) FROM temp.shared s
  WHERE s.post = f.post OR s.post IN (
    SELECT post FROM archive.tip_evidence e WHERE e.tip = f.id AND e.relation = 'part'))))
LEFT JOIN archive.posts o ON k.id IS NULL AND o.id = p.quote_of AND NOT {_gone("o.id")}
LEFT JOIN archive.authors oa ON oa.id = o.author
WHERE t.session = :session AND t.kind = tip_kind('example')
"""
_PARTICIPANTS = f"""
SELECT digest(:session, m.author), m.author, m.handle, m.platform,
  CASE WHEN max(m.why = 'host') OR is_host(:hosts, p.platform, m.handle) THEN 'host'
    ELSE coalesce(h.role, 'participant') END,
  coalesce(h.sessions_count, 1), count(*), sum(w.post IS NOT NULL), sum(ifnull(t.tips, 0)),
  (SELECT o.id FROM archive.author_organisations ao JOIN archive.organisations o ON o.id = ao.organisation
   WHERE ao.author = m.author AND ao.confidence >= {LIKELY} ORDER BY ao.confidence DESC, o.id LIMIT 1),
  :chat, :session, min(p.posted_at), max(p.posted_at), m.person, h.reason
FROM temp.member m CROSS JOIN archive.posts p ON p.id = m.post
LEFT JOIN archive.attendance h ON h.chat = :chat AND h.session = :stored AND h.person = m.person
LEFT JOIN temp.answered w ON w.post = m.post LEFT JOIN temp.tipped t ON t.post = m.post
GROUP BY m.author
"""
_COVERAGE = """
SELECT platform_name(platform), local_minute(minute, :zone), state, why, :chat, :session, minute
FROM archive.coverage WHERE chat = :chat AND session = :stored
"""
_SESSIONS = """
SELECT :session, :title, :chat, :date, local_minute(:starts_at, :zone), local_minute(:ends_at, :zone),
  (SELECT count(*) FROM main.posts WHERE session = :session),
  (SELECT count(DISTINCT person) FROM main.participants WHERE session = :session),
  (SELECT count(*) FROM main.questions WHERE session = :session),
  (SELECT count(*) FROM main.questions WHERE session = :session AND answer_count = 0),
  (SELECT count(*) FROM main.answers WHERE session = :session),
  (SELECT count(*) FROM main.tips WHERE session = :session),
  (SELECT count(*) FROM main.links WHERE session = :session), :starts_at, :ends_at
"""
SESSION_ROWS: tuple[tuple[str, str], ...] = (
    ("posts", _POSTS), ("questions", _QUESTIONS), ("answers", _ANSWERS), ("tips", _TIPS),
    ("tip_evidence", _TIP_EVIDENCE), ("themes", _THEMES), ("recaps", _RECAPS),
    ("unread_languages", _UNREAD_LANGUAGES), ("links", _LINKS), ("participants", _PARTICIPANTS),
    ("examples", _EXAMPLES), ("coverage", _COVERAGE), ("sessions", _SESSIONS),
)  # fmt: skip
"""What each session's tables are made from; sessions last, since it counts the others."""

_CHATS = """
SELECT n.id, clean(coalesce(c.title, n.id)), hashtags(coalesce(c.hashtags, '[]')), nullif(clean(c.description), ''),
  hosts(coalesce(c.hosts, '[]')), count(s.id), ifnull(sum(s.post_count), 0),
  (SELECT count(DISTINCT person) FROM main.participants WHERE chat = n.id), ifnull(sum(s.tip_count), 0),
  coalesce(c.timezone, 'UTC')
FROM (SELECT slug AS id FROM archive.chats UNION SELECT chat FROM main.sessions) n
LEFT JOIN archive.chats c ON c.slug = n.id LEFT JOIN main.sessions s ON s.chat = n.id GROUP BY n.id
"""
_AUTHORS = """
SELECT t.author, author_name(a.name, a.handle, t.author), clean(a.handle), max(t.platform), max(t.organisation),
  sum(t.post_count), sum(t.tip_count), count(*), nullif(clean(a.bio), ''), a.followers_count, web_url(a.url),
  min(t.first_posted_at), max(t.last_posted_at), nullif(joined(a.labels), ''), max(t.person)
FROM main.participants t LEFT JOIN archive.authors a ON a.id = t.author GROUP BY t.author
"""
_ORGANISATIONS = """
SELECT o.id, clean(o.name), o.type, o.nation, o.region, count(a.id), ifnull(sum(a.post_count), 0), web_url(o.url)
FROM archive.organisations o LEFT JOIN main.authors a ON a.organisation = o.id
WHERE EXISTS (SELECT 1 FROM archive.author_organisations l JOIN main.authors m ON m.id = l.author
  WHERE l.organisation = o.id)
GROUP BY o.id
"""
# One row a person: under the name, the organisation and the reason of the account that posted most.
_PEOPLE = """
SELECT t.person,
  (SELECT a.name FROM main.authors a WHERE a.person = t.person ORDER BY a.post_count DESC, a.id LIMIT 1),
  (SELECT group_concat(account, ', ') FROM (
    SELECT ifnull('@' || a.handle, a.name) || ' on ' || a.platform AS account FROM main.authors a
    WHERE a.person = t.person ORDER BY a.post_count DESC, a.id)),
  o.id, o.type, o.nation, o.region, count(DISTINCT t.session),
  count(DISTINCT CASE WHEN t.role = 'host' THEN t.session END), sum(t.post_count), sum(t.tip_count),
  count(DISTINCT t.author), (SELECT clean(min(reason)) FROM archive.people WHERE id = t.person),
  min(t.first_posted_at), max(t.last_posted_at)
FROM main.participants t LEFT JOIN main.organisations o ON o.id = (
  SELECT a.organisation FROM main.authors a WHERE a.person = t.person AND a.organisation IS NOT NULL
  ORDER BY a.post_count DESC, a.id LIMIT 1)
GROUP BY t.person
"""
_AUTHOR_ORGANISATIONS = """
SELECT digest(ao.author, ao.organisation), ao.author, ao.organisation, clean(ao.evidence), ao.confidence
FROM archive.author_organisations ao JOIN main.authors a ON a.id = ao.author
JOIN main.organisations o ON o.id = ao.organisation
"""
WHOLE_ROWS: tuple[tuple[str, str], ...] = (
    ("chats", _CHATS), ("authors", _AUTHORS), ("organisations", _ORGANISATIONS),
    ("author_organisations", _AUTHOR_ORGANISATIONS), ("people", _PEOPLE), ("published", "SELECT 1, :at"),
)  # fmt: skip
"""What the tables over all sessions are made from, after the sessions."""
