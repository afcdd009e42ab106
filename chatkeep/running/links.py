"""Shared links looked up while the capture runs: on a thread of their own, a session at a time, in nobody's way."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from archive.errors import ChatkeepError
from archive.jobs import JobState
from archive.opening import storage_errors
from archive.store import Archive
from collector.due import LINKS, Job
from collector.unfolding import Unfolded

if TYPE_CHECKING:
    from chatkeep.running.runner import Runner

_GOES_ON_AFTER = timedelta(minutes=5)
_AFTER_STORAGE_TROUBLE = timedelta(seconds=15)
_MOST_TRIES = 6


def begin_links(runner: Runner, job: Job) -> None:
    """Begins to look up the links of a session, unless those of another are being looked up."""
    with runner.state.lock:
        if runner.state.unfolding or runner.stop.is_set():
            return
        runner.state.unfolding = True
    runner.executor.submit(LINKS, lambda archive: _unfold(runner, archive, job))


def _unfold(runner: Runner, archive: Archive, job: Job) -> None:
    """What cannot be written is tried again soon; what was found before is kept."""
    tries = runner.state.jobs.get(job.key, JobState("waiting")).tries_count + 1
    stands = JobState("waiting", tries, runner.clock() + _AFTER_STORAGE_TROUBLE)
    try:
        with storage_errors(archive.path):
            done = runner.unfold(archive, job)
            _tell(runner, job, done)
            stands = _stand(done, tries, runner.clock(), stopped=runner.stop.is_set())
            runner.save_job(archive, job, stands)
    except ChatkeepError as error:
        runner.tell("trouble", chat=job.chat, lane=LINKS, job=job.kind, why=str(error))
    finally:
        with runner.state.lock:
            runner.state.jobs[job.key] = stands
            runner.state.unfolding = False
        runner.wake()


def _stand(done: Unfolded, tries: int, now: datetime, *, stopped: bool) -> JobState:
    """Done, unless it was stopped or its time was up before all were looked up."""
    if stopped:
        return JobState("waiting", tries)
    if done.left_count and tries < _MOST_TRIES:
        return JobState("waiting", tries, now + _GOES_ON_AFTER, why=f"{done.left_count} links are left")
    return JobState("done", tries, None, now)


def _tell(runner: Runner, job: Job, done: Unfolded) -> None:
    if done.asked_count:
        with runner.state.lock:
            runner.state.changed.add((job.chat, job.session))
    runner.tell(
        "links", chat=job.chat, session=job.session, pages=done.asked_count, titles=done.titled_count,
        failed=done.failed_count, done=not done.left_count,
    )  # fmt: skip
