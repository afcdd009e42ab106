"""What a profile says of an organisation that it names: that its owner belongs there now, or something else.

"Ex-Kent County Council", "views not those of", "clients include", "follow @LeedsCC_News" name an organisation and say
that the owner is not of it. What is left out is left out by the words before and after the name in the same clause.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.places import fold_word

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|&")
# A clause ends at a mark, a new line or a picture; an apostrophe, a slash or a hyphen within a name ends nothing.
_HARD = re.compile(r"[.;|•·!?()\[\]<>~*…\n\r]|\s[-–—]+\s|[–—]|[\u2190-\u2bff\U0001f000-\U0001faff]")
_SOFT = re.compile(r"[,:/]")
_NOW = r"(?!.*\b(?:now|currently|today|these days|presently|nowadays)\b)"
_EMPLOYER = re.compile(r"\b(?:my|our) (?:employers?|work|workplace)\b(?: at)?(?: the)?[ ,]*$")
# These reach over a list: "formerly BBC, Kent County Council", "clients include Leeds, Essex County Council".
_OVER_COMMAS = re.compile(
    r"\b(?:formerly|previously|prev(?:ious roles?)?|past (?:lives?|roles?|,)|used to|worked|spent|until|"
    r"alumn(?:us|a|i)|(?:clients?|customers) (?:include|are|have included|,)|covering(?! maternity| for)|scrutinis\w+|"
    r"(?:part )?funded by|sponsored by|commissioned by|not affiliated|unaffiliated|nothing to do with|"
    r"(?:not|nor|never|dont|doesnt|isnt|arent)\b.*"
    r"\b(?:views?|opinions?|those|represent\w*|reflect\w*|endorse\w*|speak\w*|behalf))(?!\w)" + _NOW
)
_WITHIN = re.compile(
    r"\b(?:ex|former|once|retired|was|were|not|nor|never|non|isnt|arent|dont|doesnt|against|fighting|fights?|"
    r"campaigner|oppos(?:ing|es?|ed)|holding|watching|monitoring|unofficial|parody|spoof|fed up|tired of|sick of|"
    r"su(?:ing|ed)|fan of|victims? of|neighbours? of|friends? of|tenants? (?:of|in)|residents? (?:of|in)|taxpayers?|"
    r"(?:supported|approved|accredited|licensed|endorsed|owned) by|registered with|suppl(?:y|iers?|ying) to|"
    r"reports? on|report(?:er|ing) (?:on|from)|histor(?:ian|y) of|petition\w*|complain(?:ing|s|ts?) (?:about|to)|"
    r"winners? of|won (?:a|an|the)|partner(?:ed|ing|s)? (?:with|to)|consult(?:ant|ing|ancy) (?:to|for)|"
    r"(?:web)?sites? for|candidate for|standing for|married to|elect(?:ing)?|stood for|"
    r"(?:my|her|his|whose) (?:dad|mum|mother|father|husband|wife|partner|son|daughter|brother|sister|friend|mate|"
    r"boyfriend|girlfriend|parents?|kids?))(?!\w)(?!.*,.*)" + _NOW
)
_DIRECTLY = re.compile(
    r"\b(?:left|leaving|follow|see|via|contact|tweet|ask|email|call|visit|thanks(?: to)?|love|hate|with|supporting|"
    r"near|opposite|outside|behind|beside|such as|like|including|rt|h t|cc) (?:us at |you |the )?$"
)
_IN_A_PLACE = re.compile(r"\b(?:in|from|around|across|near|of) (?:the )?$")
_ALL_OF_IT = re.compile(r"council|cyngor|comhairle|authority|corporation|\b(?:m?b|c|d|mb|cb)c\b|\bm?d?c?ca\b|\bnpa\b")
_AFTER = re.compile(
    r"(?:(?:area|wide|tax|taxpayers?|tenants?|residents?|watch|watchers?|parody|fans?|victims?|survivors?|supporters?|"
    r"leavers?|alumn\w+|pensioners?|until|till|up to|campaign(?:ers?| group)|petition\w*|offices?|candidates?|approved|"
    r"elections? (?:candidates?|20)|funded|sponsored|commissioned|supported|houses?|estate|flats?|cuts|sucks?|ultras|"
    r"unofficial)\b|(?:\w+ ){0,2}(?:awards?|prize)\b|registered\b|licensed\b|"
    r"(?:labour|conservatives?|tor(?:y|ies)|lib ?dems?|liberal democrats?|greens?|snp|unison|gmb|unite|branch)\b)"
)
_YEARS = re.compile(r"[\s,(\[]*(?:19|20)\d\d\s?(?:[-–—/]|to)\s?(?:19|20)?\d\d\b")
_NOT_THE_COUNCIL = re.compile(r"(?:of|on|for (?!\d|over|many|nearly|almost|the (?:last|past)))\b")
_ABROAD = re.compile(
    r"\b(?:usa|united states|america|massachusetts|north carolina|south carolina|virginia|maryland|ohio|texas|"
    r"california|colorado|new york|new jersey|new hampshire|pennsylvania|michigan|minnesota|wisconsin|oregon|nebraska|"
    r"kentucky|tennessee|missouri|indiana|illinois|iowa|vermont|maine|connecticut|delaware|florida|alabama|louisiana|"
    r"arizona|utah|washington state|ontario|quebec|british columbia|alberta|nova scotia|new brunswick|canada|australia|"
    r"queensland|new south wales|nsw|tasmania|new zealand|aotearoa|jamaica|(?<!northern )ireland)\b"
)
_STATE = re.compile(
    r"[,\s]{1,2}(?:MA|NC|SC|VA|MD|OH|TX|CA|CO|NY|NJ|NH|PA|MI|MN|WI|OR|NE|KY|TN|MO|IN|IL|IA|VT|ME|CT|DE|FL|AL|AZ|UT|WA|"
    r"QLD|NSW)\b"
)


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a profile, folded, where it stands, and what ended before it: a clause, a part of one, nothing."""

    text: str
    start: int
    end: int
    gap: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A profile's text with its words."""

    raw: str
    words: tuple[Word, ...]

    def write(self, at: int, to: int) -> str:
        """The words as they were written."""
        return " ".join(self.raw[self.words[at].start : self.words[to - 1].end].split())


def read_text(raw: str) -> Text:
    """The words of a text, with the breaks between them."""
    words: list[Word] = []
    for found in _WORD.finditer(raw):
        between = raw[words[-1].end if words else 0 : found.start()]
        is_title = bool(words) and words[-1].text in {"st", "cllr", "mr", "dr", "no"} and between.strip() == "."
        gap = "" if is_title else "." if _HARD.search(between) else "," if _SOFT.search(between) else ""
        words.append(Word(fold_word(found[0]), found.start(), found.end(), gap))
    return Text(raw, tuple(words))


def says_so(text: Text, at: int, to: int) -> bool:
    """Whether the words from ``at`` to ``to`` name something that the profile's owner belongs to now."""
    before, after = _join_before(text.words, at), _join_after(text.words, to)
    named = " ".join(word.text for word in text.words[at:to])
    if _AFTER.match(after) or _YEARS.match(text.raw, text.words[to - 1].end) or is_abroad(text, to):
        return False
    if named.endswith(" council") and _NOT_THE_COUNCIL.match(after):
        return False
    if not _ALL_OF_IT.search(named) and _IN_A_PLACE.search(before):
        return False
    if _EMPLOYER.search(before):
        return True
    return not (_OVER_COMMAS.search(before) or _WITHIN.search(before) or _DIRECTLY.search(before))


def is_abroad(text: Text, to: int) -> bool:
    """Whether the words after a place's name put it in another country: Cambridge, Massachusetts."""
    behind = " ".join(word.text for word in text.words[to : to + 6])
    same_clause = _join_after(text.words, to).replace(", ", "")
    return bool(_STATE.match(text.raw, text.words[to - 1].end) or _ABROAD.match(behind) or _ABROAD.search(same_clause))


def speaks_of_abroad(raw: str) -> bool:
    """Whether a text names a country or a state with places that are called as British ones are."""
    return bool(_ABROAD.search(" ".join(word.text for word in read_text(raw).words)))


def find_word(text: Text, position: int) -> int:
    """The number of the first word at or after a position in the text."""
    return next((n for n, word in enumerate(text.words) if word.start >= position), len(text.words))


def _join_before(words: Sequence[Word], at: int) -> str:
    """The clause before a word, its parts set off by commas."""
    parts: list[str] = []
    while at > 0 and words[at].gap != ".":
        parts.append(words[at].gap)
        at -= 1
        parts.append(words[at].text)
    return " ".join(part for part in reversed(parts) if part) + " "


def _join_after(words: Sequence[Word], to: int) -> str:
    parts: list[str] = []
    for word in words[to : to + 6]:
        if word.gap == ".":
            break
        parts += [word.gap, word.text]
    return " ".join(part for part in parts if part)
