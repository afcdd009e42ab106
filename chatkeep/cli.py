"""The command line: one group, its global options, and one line for every error."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path

import click

from archive.errors import ChatkeepError, Stopped
from chatkeep import __version__
from chatkeep.app import App, describe_error, printable
from chatkeep.commands import capture, collect, cost, decide, demo, findings, recheck, setup, site, status
from chatkeep.commands import run as scheduled

_BUG = 1
_GOODBYE_SECONDS = 0.3


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("data"),
    envvar="CHATKEEP_DATA",
    show_default=True,
    help="The folder that holds the archive. The environment variable CHATKEEP_DATA sets it too.",
)
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("chats.toml"),
    show_default=True,
    help="The settings: your chats and where to look for them.",
)
@click.version_option(__version__, "-V", "--version", message="chatkeep %(version)s")
@click.pass_context
def chatkeep(context: click.Context, data: Path, config: Path) -> None:
    """Keep a hashtag chat: capture its posts, see what was captured, find the tips, make the guide.

    New here? `chatkeep demo` shows everything with a fictional chat, without any account or key.
    Then `chatkeep init` sets up your own chat.
    """
    context.obj = App(config=config, data=data)


for _module in (demo, setup, scheduled, cost, collect, recheck, capture, findings, decide, status, site):
    for _command in _module.COMMANDS:
        chatkeep.add_command(_command)


def main() -> None:
    """Runs the command line and leaves with its exit code (0 done, 1 a bug, 2 usage, 3 settings or credentials,
    4 try later, 5 partly done, 6 disk or database, 130 stopped).
    """
    signal.signal(signal.SIGTERM, _interrupt)
    code = run(sys.argv[1:])
    _let_threads_end()
    sys.exit(code)


def _let_threads_end() -> None:
    """A moment for an exchange that was given up: a thread that ends while Python does writes a traceback."""
    ends_at = time.monotonic() + _GOODBYE_SECONDS
    for thread in threading.enumerate():
        if thread.daemon:
            thread.join(max(0.0, ends_at - time.monotonic()))


def _interrupt(_number: int, _frame: object) -> None:
    """Lets SIGTERM end a command as Ctrl-C does: the transaction is rolled back, and one line says so."""
    raise KeyboardInterrupt


def run(arguments: list[str]) -> int:
    """One command; every error is one line on standard error, and an exit code."""
    try:
        chatkeep.main(arguments, prog_name="chatkeep", standalone_mode=False)
    except click.exceptions.Exit as error:
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  # the top: one line and an exit code for all
        return _report(error)
    return 0


def _report(error: BaseException) -> int:
    if isinstance(error, ChatkeepError):
        return _say(str(error), error.exit_code)
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        return _say("stopped", Stopped.exit_code)
    if os.environ.get("CHATKEEP_DEBUG"):
        traceback.print_exception(error)
    return _say(describe_error(error), _BUG)


def _say(message: str, code: int) -> int:
    click.echo(f"chatkeep: {printable(message)}", err=True)
    return code


if __name__ == "__main__":
    main()
