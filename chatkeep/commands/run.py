"""run: the scheduled collector, with a board for a person or a line an event for a log."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import click

from chatkeep.app import App, pass_app
from chatkeep.running.service import Signals, serve
from chatkeep.running.showing import showing


@click.command()
@click.option("--once", is_flag=True, help="Do what is due now, then end: for cron and other schedulers.")
@click.option("--log", "as_log", is_flag=True, help="Write a JSON line an event instead of the live board.")
@pass_app
def run(app: App, *, once: bool, as_log: bool) -> None:
    """Keep watch: capture every session of chats.toml when its hour comes, and all that follows it.

    Checks keys and servers a day and a quarter of an hour before a session, captures it live, looks again an hour, a
    day and a week later for late answers, edits and deletions, and keeps findings and site up to date. Started late,
    stopped or switched off, it picks up what is due. Ctrl-C ends it; nothing is lost.
    """
    with app.collecting(), _signals() as signals, showing(app, as_log=as_log) as (tell, on_ready):
        serve(app, signals, tell, once=once, on_ready=on_ready)


@contextmanager
def _signals() -> Iterator[Signals]:
    """The first SIGINT or SIGTERM ends the wait and the work after its transaction; a second stops now."""
    signals = Signals()
    numbers = (signal.SIGINT, signal.SIGTERM)
    old = {number: signal.signal(number, lambda _number, _frame: signals.ask()) for number in numbers}
    try:
        yield signals
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


COMMANDS = (run,)
