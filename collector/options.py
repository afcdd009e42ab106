"""What a person sets for a chat beyond its words: how much may be spent, and what is fetched around the hashtag."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that X may cost, in tenths of a US cent: for one session with its week after it, and for a month.

    Without a word in the settings a session may cost 5 dollars and a month 20: an unattended program never has an open
    purse.
    """

    session: int = 5_000
    month: int = 20_000


@dataclass(frozen=True, slots=True)
class ChatOptions:
    """``conversations``: also fetch replies without the hashtag, quotes, and the hosts' threads. ``unfold_links``: look
    up the pages behind the links that people shared.
    """

    budget: Budget = Budget()
    conversations: bool = True
    unfold_links: bool = True


DEFAULT_OPTIONS = ChatOptions()
