"""What people ask the running collector for with `collect`: done on every lane, answered when all are through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from archive.jobs import Asked, answer
from archive.models import Chat
from archive.store import Archive
from archive.times import from_text, to_text
from chatkeep.running.state import State, Wish
from chatkeep.walk_words import resting_row, row_of
from collector.due import Job
from collector.lane import Outcome
from collector.sources.base import Window

_SHORT_REST = timedelta(seconds=10)


def add_wishes(state: State, asked: Iterable[Asked], known: Mapping[str, Chat]) -> None:
    """Takes up wishes that are new. For a chat that is not known no lane can do anything: it is answered with none."""
    for wish in asked:
        if wish.key in state.wishes:
            continue
        only = wish.detail.get("only")
        lanes = {name for name, lane in state.lanes.items() if only in (None, lane.lane.platform)}
        state.wishes[wish.key] = Wish(wish, lanes)
    for taken in state.wishes.values():  # a lane that the settings name no longer answers nothing
        taken.waiting &= set(state.lanes) if taken.asked.chat in known else set()


def answer_rest(archive: Archive, state: State) -> None:
    """Answers wishes for which no lane is left."""
    for key in [key for key, wish in state.wishes.items() if not wish.waiting]:
        answer(archive, key, state.wishes[key].rows)
        del state.wishes[key]


def excuse_resting(state: State, now: datetime) -> None:
    """A lane that must not be asked for a while does not keep a person waiting: its answer says when and why."""
    for wish in state.wishes.values():
        for name in sorted(wish.waiting):
            lane = state.lanes[name]
            if lane.busy is None and lane.rests_until is not None and lane.rests_until - now > _SHORT_REST:
                why = state.standing(wish.asked.chat, name).trouble or "the platform asked us to wait"
                wish.rows.append(resting_row(lane.lane.platform, lane.lane.server, to_text(lane.rests_until), why))
                wish.waiting.discard(name)


def wished_jobs(state: State) -> list[Job]:
    """The jobs that are left to do for the wishes, one a lane."""
    return [
        Job(
            key=f"{key}|{lane}",
            kind="asked",
            chat=wish.asked.chat,
            lane=lane,
            due_at=from_text(wish.asked.at),
            session=wish.asked.detail.get("session"),
            window=Window(wish.asked.detail.get("start"), wish.asked.detail.get("end")),
        )
        for key, wish in state.wishes.items()
        for lane in sorted(wish.waiting)
    ]


def finish_wish(archive: Archive, state: State, job: Job, outcome: Outcome) -> None:
    """Notes what came of a wish on one lane; the last one answers. What gave way to live work is not through yet."""
    if outcome.gave_way and outcome.error is None and outcome.not_before is None:
        return
    key = job.key.removesuffix(f"|{job.lane}")
    with state.lock:
        wish = state.wishes.get(key)
        if wish is None:  # the settings dropped this lane meanwhile, and the others have answered
            return
        wish.rows += [row_of(walked) for walked in outcome.walked]
        wish.waiting.discard(job.lane)
        if wish.waiting:
            return
    answer(archive, key, wish.rows)
    with state.lock:  # not before: a wish without an answer would be taken up again
        state.wishes.pop(key, None)
