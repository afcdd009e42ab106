r"""Labelled chats: the examples of our own writing in data/examples, and the real sessions that stay outside.

An example file is tab-separated: id, time, author, host, reply_to, quote_of, question, text. In a text
``[[do,example|words]]`` marks a span with its kinds, and ``\n`` is a line break.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from analysis.learning import Example
from analysis.reading import read_session
from analysis.rows import SessionPost, SessionRows, build_rows
from archive.models import Chat, Session, TipKind
from archive.times import normalise

EXAMPLES = Path(__file__).parent.parent / "data" / "examples"
_SPAN = re.compile(r"\[\[(?P<kinds>[a-z,]+)\|(?P<words>.*?)\]\]", re.DOTALL)
_DAY = "2026-10-08"
_SHARE_OF_SENTENCE, _SHARE_OF_SPAN = 0.5, 0.6  # a sentence holds a span from such an overlap on

Span = tuple[int, int, frozenset[TipKind]]


@dataclass(frozen=True)
class LabelledChat:
    """A session with what its annotators gave each post: spans where they marked any, kinds, the question value.

    ``disputed`` are kinds that only one of two annotators gave: they are left out of scores.
    """

    name: str
    rows: SessionRows
    kinds: Mapping[str, frozenset[TipKind]]
    disputed: Mapping[str, frozenset[TipKind]]
    questions: Mapping[str, str]
    spans: Mapping[str, tuple[Span, ...]]


def load_examples() -> list[LabelledChat]:
    """Our own examples, in the order of their names."""
    return [load_example(path) for path in sorted(EXAMPLES.glob("*.tsv"))]


def load_example(path: Path) -> LabelledChat:
    """One file of examples."""
    rows = _read(path, "\t")
    tags = Counter(tag.casefold() for row in rows for tag in re.findall(r"#(\w+)", row["text"]))
    hosts = tuple(dict.fromkeys(f"x:{row['author']}" for row in rows if row["host"]))
    authors = {row["id"]: f"x:{row['author']}" for row in rows}
    posts, spans = [], {}
    for row in rows:
        text, found = parse_spans(row["text"].replace("\\n", "\n"))
        post = _build_post(row, text, authors)
        posts.append(post)
        spans[post.id] = found
    chat = Chat(slug=path.stem, title=path.stem, hashtags=(tags.most_common(1)[0][0],), hosts=hosts)
    session = Session(id=path.stem, chat=path.stem, starts_at=posts[0].posted_at, ends_at=posts[-1].posted_at)
    return LabelledChat(
        name=path.stem,
        rows=build_rows(chat, session, posts),
        kinds={post: frozenset(kind for *_, kinds in found for kind in kinds) for post, found in spans.items()},
        disputed={},
        questions={post.id: row["question"] for post, row in zip(posts, rows, strict=True)},
        spans=spans,
    )


def parse_spans(text: str) -> tuple[str, tuple[Span, ...]]:
    """The text without its marks, and the spans that they mark."""
    parts: list[str] = []
    spans: list[Span] = []
    at = length = 0
    for mark in _SPAN.finditer(text):
        parts += [text[at : mark.start()], mark["words"]]
        begins = length + mark.start() - at
        length = begins + len(mark["words"])
        spans.append((begins, length, _read_kinds(mark["kinds"])))
        at = mark.end()
    return "".join([*parts, text[at:]]), tuple(spans)


def load_real(folder: Path, date: str) -> LabelledChat:
    """One real session as its export gives it: author numbers, hosts unknown, replies without a target."""
    (path,) = folder.rglob(f"archives/chat/ngsschat_{date}.csv")
    posts = [_build_exported(row) for row in _read(path, ",")]
    times = sorted(post.posted_at for post in posts)
    session = Session(id=date, chat="ngsschat", starts_at=times[0], ends_at=times[-1])
    labels = _read(folder / "labels" / f"ngsschat_{date}.tsv", "\t")
    return LabelledChat(
        name=date,
        rows=build_rows(Chat(slug="ngsschat", title="A real chat", hashtags=("ngsschat",)), session, posts),
        kinds={row["id"]: _read_kinds(row["kinds"]) for row in labels},
        disputed={row["id"]: _read_kinds(row["disputed"]) for row in labels},
        questions={row["id"]: row["question"] for row in labels},
        spans={},
    )


def build_examples(chat: LabelledChat) -> list[Example]:
    """Every sentence that could hold a tip, with the kinds that the annotators gave it."""
    reading = read_session(chat.rows)
    return [
        Example(
            sentence.signals, find_kinds(read.cleaned.span(sentence.piece.start, sentence.piece.end), chat.spans[post])
        )
        for post, read in reading.posts.items()
        for sentence in read.sentences
    ]


def find_kinds(place: tuple[int, int], spans: tuple[Span, ...]) -> frozenset[TipKind]:
    """The kinds of the spans that a sentence holds for the most part."""
    kinds: set[TipKind] = set()
    for start, end, own in spans:
        shared = min(place[1], end) - max(place[0], start)
        if shared > 0 and (
            shared >= _SHARE_OF_SENTENCE * (place[1] - place[0]) or shared >= _SHARE_OF_SPAN * (end - start)
        ):
            kinds |= own
    return frozenset(kinds)


def _build_post(row: Mapping[str, str], text: str, authors: Mapping[str, str]) -> SessionPost:
    reply, quote = row["reply_to"] or None, row["quote_of"] or None
    return SessionPost(
        id=row["id"],
        platform="x",
        author=f"x:{row['author']}",
        handle=row["author"],
        posted_at=f"{_DAY}T{row['time']}.000Z",
        text=text,
        kind="reply" if reply else "quote" if quote else "post",
        reply_to=reply,
        reply_author=authors.get(reply or ""),
        quote_of=quote,
        links=tuple(re.findall(r"https?://\S+", text)),
    )


def _build_exported(row: Mapping[str, str]) -> SessionPost:
    addressee = None if row["in_reply_to_user_id"] in {"", "NA"} else row["in_reply_to_user_id"]
    return SessionPost(
        id=row["id"],
        platform="x",
        author=row["author_id"],
        posted_at=normalise(row["created_at"]) or "",
        text=row["text"],
        kind="reply" if addressee else "post",
        reply_author=addressee,
        conversation=row["conversation_id"],
    )


def _read_kinds(text: str) -> frozenset[TipKind]:
    return frozenset(cast("TipKind", kind) for kind in text.split(",") if kind)


def _read(path: Path, separator: str) -> list[dict[str, str]]:
    quoting = csv.QUOTE_NONE if separator == "\t" else csv.QUOTE_MINIMAL
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=separator, quoting=quoting))
