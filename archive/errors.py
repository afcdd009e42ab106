"""The errors of Chatkeep, branching by what the caller can do.

ChatkeepError                 one line for a person; ``exit_code`` says what kind
├── UsageError                2  the command was asked for something that is not there
├── SettingsError             3  chats.toml or a credential must be mended first
├── TryLater                  4  a limit or a budget: the same command works later
├── PartlyDone                5  some of it worked, and what did not is listed
├── StorageError              6  the disk or the database
├── Stopped                 130  a person asked to stop; what was begun is whole
└── ExchangeError                one exchange with a platform did not work
    ├── Retriable                worth another try, after ``after`` seconds
    ├── Skippable                this request never will work, the next may
    ├── Fatal                 3  nothing will work until a person acts
    └── OutOfBudget           4  paid work must stop; the place is kept
"""

from __future__ import annotations


class ChatkeepError(Exception):
    """One line for a person: what happened, to which chat, what to do now."""

    exit_code = 1


class UsageError(ChatkeepError):
    """The command was asked for something that is not there."""

    exit_code = 2


class SettingsError(ChatkeepError):
    """chats.toml or a credential must be mended first."""

    exit_code = 3


class TryLater(ChatkeepError):
    """A limit or a budget: the same command works later."""

    exit_code = 4


class PartlyDone(ChatkeepError):
    """Some of it worked; what did not is listed."""

    exit_code = 5


class StorageError(ChatkeepError):
    """The disk is full, or the database cannot be read or written."""

    exit_code = 6


class Stopped(ChatkeepError):
    """A person asked to stop; what was begun is whole."""

    exit_code = 130


class ExchangeError(ChatkeepError):
    """One exchange with a platform did not work. ``status`` is the HTTP status, where there was an answer."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Retriable(ExchangeError):
    """Worth another try. ``after`` is in seconds: what the platform asked for, or None: the retry rule decides.

    ``sent`` False: the request never reached the platform, so it cannot have cost anything.
    """

    def __init__(
        self, message: str, *, after: float | None = None, status: int | None = None, sent: bool = True
    ) -> None:
        super().__init__(message, status=status)
        self.after = after
        self.sent = sent


class Skippable(ExchangeError):
    """This request never will work; the next one may."""


class Fatal(ExchangeError):
    """Nothing will work until a person acts; the message names the remedy."""

    exit_code = 3


class OutOfBudget(ExchangeError):
    """Paid work must stop now (X: 402, usage caps, our own budget); the place is kept."""

    exit_code = 4
