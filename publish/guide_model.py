"""What a guide holds, whatever it is written as: sections, questions with answers, links, people, and their sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from publish.findings import Byline, KeptLink, Minute

NOT_REVIEWED = "not yet reviewed"
ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Voice:
    """Who said something, when on the chat's own clock, and where it can be read."""

    by: Byline
    at: datetime | None
    url: str | None
    post: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Somebody's words with their attribution.

    ``at`` is local to the chat; ``also`` are others who used the same words; ``support`` are those who shared or
    backed them; ``posts`` are all posts that the words were taken from; ``review`` is how a person ruled;
    ``pointer``: where a good example can be seen; ``edit``: what an edit of the post has done to the words.
    """

    text: str
    by: Byline
    at: datetime | None
    url: str | None
    post: str
    posts: tuple[str, ...] = ()
    also: tuple[Voice, ...] = ()
    support: tuple[Byline, ...] = ()
    review: str = NOT_REVIEWED
    pointer: KeptLink | None = None
    edit: str = ""

    @property
    def sources(self) -> frozenset[str]:
        """The posts without which these words, or a name beside them, may no longer be shown."""
        return frozenset({self.post, *self.posts, *(voice.post for voice in self.also)})

    @property
    def supporters(self) -> tuple[Byline, ...]:
        """Those who shared or backed it and are not named as having said it."""
        named = {self.by.person, *(voice.by.person for voice in self.also)}
        return tuple(by for by in self.support if by.person not in named)


@dataclass(frozen=True, slots=True)
class Group:
    """Tips that belong together; ``heading`` is None where a section has no groups."""

    heading: str | None
    tips: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """All tips of one kind. ``kind`` is a TipKind."""

    kind: str
    heading: str
    groups: tuple[Group, ...]

    @property
    def tips(self) -> tuple[Said, ...]:
        """All of them, group after group."""
        return tuple(tip for group in self.groups for tip in group.tips)


@dataclass(frozen=True, slots=True)
class Recap:
    """A session in quotations: (question, words), the question as Q3 or None; ``date`` as of GuideQuestion."""

    date: str | None
    lines: tuple[tuple[str | None, Said], ...]


@dataclass(frozen=True, slots=True)
class GuideQuestion:
    """A question with its best answers, and how many there were; ``date`` where the chat had several sessions."""

    heading: str
    date: str | None
    best: tuple[Said, ...]
    answers_count: int
    people_count: int


@dataclass(frozen=True, slots=True)
class GuideLink:
    """An address that was offered as help, in the words of the first who did; ``written`` is how it stands in them."""

    url: str
    title: str | None
    offered: Said
    people_count: int
    written: str = ""


@dataclass(frozen=True, slots=True)
class Participant:
    """One person with all their accounts in the chat."""

    name: str
    accounts: tuple[Byline, ...]
    organisation: str | None
    is_host: bool = False


@dataclass(frozen=True, slots=True)
class Capture:
    """What was captured of one session. ``minutes`` is empty where nobody checked it."""

    title: str
    posts_by_platform: tuple[tuple[str, int], ...]
    minutes: tuple[Minute, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """The whole guide. ``sources`` are the ids of the posts it rests on: when one is withdrawn, it must change.

    ``day`` is the day of a chat that sat once. ``unnamed_count`` of those who took part have neither name nor handle;
    ``others_count`` only greeted, shared or advertised. ``languages``: posts in others than English, by their names.
    """

    title: str
    description: str | None
    hashtags: tuple[str, ...]
    timezone: str
    hosts: tuple[str, ...]
    dates: tuple[str, ...]
    day: date | None
    recaps: tuple[Recap, ...]
    sections: tuple[Section, ...]
    questions: tuple[GuideQuestion, ...]
    links: tuple[GuideLink, ...]
    participants: tuple[Participant, ...]
    unnamed_count: int
    others_count: int
    posts_count: int
    merged_count: int
    languages: Mapping[str, int]
    removed_count: int
    next_session: str | None
    captures: tuple[Capture, ...]
    sources: tuple[str, ...]

    def section(self, kind: str) -> Section | None:
        """The section of this kind, or None where nothing of the kind was found."""
        return next((section for section in self.sections if section.kind == kind), None)

    @property
    def is_nameless(self) -> bool:
        """Whether nobody who took part has a name or handle, as in some archive files."""
        return bool(self.unnamed_count) and not self.participants
