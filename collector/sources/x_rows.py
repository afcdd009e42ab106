"""X posts as tables hold them: ids that spreadsheets damaged, times, handles, and what stands in a text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from archive.models import Link, Mention, normalise_tag
from archive.times import from_text, normalise, to_text
from collector.sources.csv_rows import Row, Unusable
from collector.sources.x_parse import snowflake_time
from collector.sources.x_post import LARGEST_COUNT

_NONE_AT_ALL = frozenset({"0", "0.0", "0,0"})
EXACT_DIGITS = 15  # what a spreadsheet keeps of a number

_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"  # not calendar's, which speaks the machine's language
_TIME_OF_V1 = re.compile(r"\w{3} (\w{3}) (\d\d) (\d\d):(\d\d):(\d\d) ([+-]\d{4}) (\d{4})")
_SHORT_CLOCK = timedelta(minutes=1)  # X gives the second of the id, give or take
_LAST_WITHOUT_TIME = "2010-11-05"  # the first ids that hold a time were given out the day before
_HANDLE = re.compile(r"[A-Za-z0-9_]{1,20}")  # 15 today, some of the first are longer
_LOST_TEXTS = frozenset({"#NAME?", "#VALUE!", "#REF!", "#ERROR!"})  # a spreadsheet took the text for a formula

# Letters, digits and _ as X counts them: with the marks that Hindi, Arabic, Hebrew and Thai words are written with.
_WORD = r"[\w\u0300-\u036f\u0591-\u05bd\u064b-\u065f\u0670\u0900-\u0963\u0971-\u0d4f\u0e31-\u0e4e\u200c\u200d]"
_TAG = re.compile(rf"(?<![\w&/])[#\uff03]({_WORD}+)")
_MENTION = re.compile(r"(?<![\w@/.])@(\w{1,20})", re.ASCII)
_URL = re.compile(r"https?://[^\s<>\"]+")
_REPOST = re.compile(r"RT @(\w{1,20})\b", re.ASCII)

# UTF-8 read as Windows-1252, the letters that occur in chats: punctuation and arrows (â..), accents (Ã.), signs (Â.),
# emoji (ðŸ..). Windows-1252 leaves five bytes open; tools write them as the control characters of Latin-1.
_TRAIL = (
    "".join(bytes([byte]).decode("cp1252") for byte in range(0x80, 0xC0) if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D))
    + "\x81\x8d\x8f\x90\x9d"
)
_GARBLED = re.compile(rf"[âï][{_TRAIL}]{{2}}|[ÃÂ][{_TRAIL}]|ðŸ[{_TRAIL}]{{2}}")


def exact_number(text: str | None) -> str | None:
    """The digits of an id, where the text still holds all of them: not 5.4E+17. ``="123"`` and ``'123`` are read."""
    if text is None:
        return None
    digits = text.strip("='\" ")
    if digits.isascii() and digits.isdigit():
        return digits.lstrip("0") if 0 < len(digits.lstrip("0")) <= 19 else None
    try:
        number = Decimal(digits)
    except InvalidOperation:
        return None
    if not number.is_finite() or not 0 < number < 10**EXACT_DIGITS or number != int(number):
        return None
    return str(int(number))


def has_rounded_end(digits: str) -> bool:
    """Whether a number ends in the zeros that a spreadsheet puts after its 15 digits; some ids end so by nature."""
    return len(digits) > EXACT_DIGITS and not digits[EXACT_DIGITS:].strip("0")


def sound_id(row: Row, column: str, *, rounded: bool) -> str | None:
    """An id that no spreadsheet damaged, or None. ``rounded``: this row or its file shows such damage."""
    digits = exact_number(row.values.get(column))
    return None if digits and rounded and has_rounded_end(digits) else digits


def count_of(row: Row, column: str) -> int | None:
    """A count, which a spreadsheet may have written as 425.0; what is none is noted with its column."""
    told = row.values.get(column)
    if told is None:
        return None
    count = 0 if told in _NONE_AT_ALL else int(exact_number(told) or -1)
    if 0 <= count <= LARGEST_COUNT:
        return count
    row.odd_counts.append(column)
    return None


def author_of(number: str | None, handle: str | None) -> str:
    """The author's id. Raises Unusable where neither number nor handle is known."""
    if number:
        return f"x:{number}"
    if handle:
        return f"x:@{handle.lower()}"
    raise Unusable("this row does not say who wrote the post")


def sound_handle(text: str | None) -> str | None:
    """A handle that X could have given out, without its @."""
    handle = (text or "").removeprefix("@")
    return handle if _HANDLE.fullmatch(handle) else None


def text_of(row: Row) -> str:
    """The post's text, unescaped. Raises Unusable where there is none."""
    text = row.values.get("text", "")
    if not text.strip():
        raise Unusable("this row has no text")
    if text.strip() in _LOST_TEXTS:
        raise Unusable("a spreadsheet took the text for a formula and lost it")
    return unescape(text)


def unescape(text: str) -> str:
    """X escapes exactly these three in texts."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") if "&" in text else text


def ungarbled(text: str) -> str:
    """The text with letters put right that were UTF-8 and were read as Windows-1252."""
    return _GARBLED.sub(_put_right, text) if not text.isascii() else text


def _put_right(found: re.Match[str]) -> str:
    raw = b"".join(letter.encode("latin-1" if letter in "\x81\x8d\x8f\x90\x9d" else "cp1252") for letter in found[0])
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return found[0]


def time_of(row: Row, native: str) -> str:
    """When the post was written. The id holds the time, so it decides where ``created_at`` is damaged.

    Raises Unusable where neither tells it, or where the id cannot be of that time.
    """
    told, stamp = row.values.get("created_at"), told_time(row)
    by_id = snowflake_time(native)
    if by_id is None:
        if stamp is None:
            raise Unusable("this row does not say when the post was written")
        if stamp > _LAST_WITHOUT_TIME:
            raise Unusable(f"the id {native} is not of the time that the row tells ({told})")
        return stamp
    if by_id > row.fetched_at:
        if stamp is None:
            raise Unusable(f"the id {native} is of a time to come")
        return stamp
    if stamp is not None and fits_time(native, stamp):
        return stamp
    if told is not None:
        row.mended.append(f"the time {told!r} was put right from the id"[:200])
    return by_id


def told_time(row: Row) -> str | None:
    """``created_at`` in the archive's form, None where it is absent or no time."""
    told = row.values.get("created_at")
    return _time_of_v1(told) or normalise(told)


def fits_time(native: str, stamp: str | None) -> bool:
    """Whether an id was given out at this time."""
    by_id = snowflake_time(native)
    if by_id is None or stamp is None:
        return False
    return abs(from_text(stamp) - from_text(by_id)) <= _SHORT_CLOCK


def _time_of_v1(text: str | None) -> str | None:
    """A time as X's API v1 wrote it: ``Fri May 05 00:53:49 +0000 2017``."""
    found = _TIME_OF_V1.fullmatch(text or "")
    if not found or found[1] not in _MONTHS:
        return None
    month, day, hour, minute, second, zone, year = found.groups()
    try:
        moment = datetime(
            int(year), _MONTHS.index(month) // 4 + 1, int(day), int(hour), int(minute), int(second), tzinfo=UTC
        )
        shift = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:]))
        return to_text(moment - shift if zone[0] == "+" else moment + shift)
    except (ValueError, OverflowError):
        return None


def reposted_handle(text: str) -> str | None:
    """Whom a post repeats that begins ``RT @name``."""
    found = _REPOST.match(text)
    return found[1] if found else None


def tags_in(text: str) -> tuple[str, ...]:
    """The hashtags of a text, normalised; #1 is none."""
    if "#" not in text and "\uff03" not in text:
        return ()
    found = (tag for tag in _TAG.findall(_URL.sub(" ", text)) if tag.strip("0123456789_"))
    return tuple(dict.fromkeys(normalise_tag(tag) for tag in found))


def links_in(text: str) -> tuple[Link, ...]:
    """The addresses in a text. One that the text's end cuts (…) leads nowhere and is left."""
    return tuple(Link(url) for url in dict.fromkeys(_urls(text)))


def _urls(text: str) -> Iterator[str]:
    for url in _URL.findall(text):
        whole = url.rstrip(".,;:!?)]}'\u2019\u201d")
        if "\u2026" not in whole and len(whole) > len("https://t.co/"):
            yield whole


def mentions_in(text: str) -> tuple[Mention, ...]:
    """The accounts that a text names, by handle."""
    return tuple(Mention(handle) for handle in dict.fromkeys(_MENTION.findall(text)))
