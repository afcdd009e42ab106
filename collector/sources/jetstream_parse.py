"""Reads the events of Bluesky's Jetstream: pure, one event a line, as its version 1 sends them.

The shapes are those of bluesky-social/jetstream (internal/subscribe, docs/README.md, 2026).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from archive.models import Author, AuthorState, Batch, Deletion, Flaw, Post, RawPage, Ref
from archive.times import normalise, to_text
from collector.sources.bluesky_record import (
    POST_TYPE,
    POST_URI,
    FlawKind,
    JsonObject,
    as_object,
    as_text,
    clean,
    decode_object,
    is_post_record,
    own_labels,
    read_record,
)

# What an account's status says of its posts; desynchronized and throttled are about the network, not about the person.
_UNAVAILABLE = ("takendown", "suspended", "deactivated")
_NO_STATES = ("desynchronized", "throttled")


def event_uri(event: JsonObject) -> str | None:
    """The address of the post that a commit is about; None where it is about something else."""
    commit = as_object(event.get("commit"))
    if event.get("kind") != "commit" or commit.get("collection") != POST_TYPE:
        return None
    uri = f"at://{event.get('did')}/{POST_TYPE}/{commit.get('rkey')}"
    return uri if POST_URI.fullmatch(uri) else None


def event_time(event: JsonObject) -> str | None:
    """When the stream's server witnessed the event, as an archive time."""
    return time_of(event.get("time_us"))


def time_of(micros: object) -> str | None:
    """The archive time behind microseconds since 1970; None where they are none."""
    if type(micros) is not int:
        return None
    try:
        return to_text(datetime.fromtimestamp(micros // 1_000_000, UTC).replace(microsecond=micros % 1_000_000))
    except (ValueError, OverflowError, OSError):
        return None


def parse_events(page: RawPage) -> Batch:
    """What a page of format jetstream says. Every line is a post, a deletion, news of an account, or a flaw."""
    reader = _Events(page.fetched_at)
    for line in page.body.split(b"\n"):
        if line.strip():
            reader.read(line)
    return reader.finish()


@dataclass(slots=True)
class _Events:
    fetched_at: str
    batch: Batch = field(default_factory=Batch)
    # Of one account the last word on a page counts.
    authors: dict[str, Author] = field(default_factory=dict)
    states: dict[str, AuthorState] = field(default_factory=dict)

    def finish(self) -> Batch:
        self.batch.authors = list(self.authors.values())
        self.batch.author_states = list(self.states.values())
        return self.batch

    def read(self, line: bytes) -> None:
        self.batch.rows += 1
        event = decode_object(line)
        kind = event.get("kind")
        did = as_text(event.get("did"))
        if not event or did is None:
            self._note("malformed", "an event that is cut short, or of nobody")
        elif kind == "commit":
            self._read_commit(event)
        elif kind == "identity":
            self._read_identity(did, as_object(event.get("identity")))
        elif kind == "account":
            self._read_account(did, as_object(event.get("account")))
        else:
            self._note("unknown", f"an event of kind {str(kind)[:100]}")

    def _read_commit(self, event: JsonObject) -> None:
        commit, uri = as_object(event.get("commit")), event_uri(event)
        operation, record = commit.get("operation"), as_object(commit.get("record"))
        if uri is None:
            self._note("unusable", f"an event about no post, of collection {str(commit.get('collection'))[:100]}")
        elif operation == "delete":
            self.batch.deletions.append(Deletion(Ref(uri), "deleted"))
        elif operation not in ("create", "update"):
            self._note("unknown", f"an event of operation {str(operation)[:100]}", f"bluesky:{uri}")
        elif not is_post_record(record):
            self._note("unusable", "an event without a post's record", f"bluesky:{uri}")
        else:
            self._read_post(uri, record, event_time(event))

    def _read_post(self, uri: str, record: JsonObject, witnessed_at: str | None) -> None:
        did, rkey = uri.split("/")[2], uri.rpartition("/")[2]
        claimed = normalise(record.get("createdAt"))
        if claimed is None:
            self._note("repaired", "createdAt is no time: taken from the stream", f"bluesky:{uri}")
        post = Post(
            id=f"bluesky:{uri}",
            platform="bluesky",
            author=f"bluesky:{did}",
            native_ids=(Ref(uri),),
            created_at=claimed or witnessed_at or self.fetched_at,
            indexed_at=witnessed_at,
            # A stream replays: what it shows is how things stood at the event, not at the time of listening.
            observed_at=witnessed_at,
            text="",
            url=f"https://bsky.app/profile/{did}/post/{rkey}",
            labels=own_labels(record),
        )
        self.batch.flaws += read_record(post, record, {})
        self.batch.posts.append(post)

    def _read_identity(self, did: str, identity: JsonObject) -> None:
        handle = as_text(identity.get("handle"))
        if handle not in (None, "handle.invalid"):
            author = f"bluesky:{did}"
            self.authors[author] = Author(
                id=author, platform="bluesky", handle=handle, url=f"https://bsky.app/profile/{did}"
            )

    def _read_account(self, did: str, account: JsonObject) -> None:
        author, status = f"bluesky:{did}", as_text(account.get("status"))
        if account.get("active") is True:
            self.states[author] = AuthorState(author, None)
        elif account.get("active") is not False:
            self._note("unknown", "news of an account that does not say whether it is active")
        elif status not in _NO_STATES:
            if status not in (None, "deleted", *_UNAVAILABLE):
                self._note("unknown", f"an account that is {str(status)[:100]}")
            self.states[author] = AuthorState(author, "deleted" if status == "deleted" else "unavailable")

    def _note(self, kind: FlawKind, detail: str, post: str | None = None) -> None:
        self.batch.flaws.append(Flaw(kind, clean(detail), post=post))
