"""How the names of places are cut short in public: in handles, in profiles, in web addresses.

The short forms are the customary ones of the counties (as the Post Office once listed them) and those by which towns
call themselves; the rest follows from rules: directions by their first letter, small words left out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import product

SHORT_WORDS: dict[str, tuple[str, ...]] = {
    "north": ("n",), "south": ("s",), "east": ("e",), "west": ("w",), "central": (), "saint": ("st",),
    "bedfordshire": ("beds",), "berkshire": ("berks",), "buckinghamshire": ("bucks",), "cambridgeshire": ("cambs",),
    "carmarthenshire": ("carms",), "derbyshire": ("derbys",), "gloucestershire": ("glos",), "hampshire": ("hants",),
    "herefordshire": ("hfds", "herefords"), "hertfordshire": ("herts",), "huntingdonshire": ("hunts",),
    "lanarkshire": ("lanarks", "lan"), "lancashire": ("lancs",), "leicestershire": ("leics",),
    "lincolnshire": ("lincs",), "monmouthshire": ("mons", "monmouths"), "northamptonshire": ("northants",),
    "northumberland": ("northumb",), "nottinghamshire": ("notts",), "oxfordshire": ("oxon",),
    "pembrokeshire": ("pembs", "pembroke"), "renfrewshire": ("ren", "renfrews"), "shropshire": ("shrops", "shrop"),
    "staffordshire": ("staffs",), "warwickshire": ("warks", "warwicks"), "wiltshire": ("wilts",),
    "worcestershire": ("worcs",), "yorkshire": ("yorks",), "dunbartonshire": ("dun", "dunbarton"),
    "birmingham": ("bham", "brum"), "bournemouth": ("bmth",), "blackpool": ("bpool",), "hartlepool": ("hpool",),
    "liverpool": ("lpool",), "manchester": ("mcr",), "middlesbrough": ("mbro", "boro"), "nottingham": ("nottm",),
    "peterborough": ("pboro",), "portsmouth": ("pompey",), "scarborough": ("scarboro",), "sheffield": ("sheff",),
    "southampton": ("soton",), "wolverhampton": ("wolves",), "scottish": ("scot",), "welwyn": ("wel",),
    "hatfield": ("hat",), "isle": ("i",), "midlands": ("mids",),
}  # fmt: skip
"""The words of a place and what stands for them."""

SHORT_PLACES: dict[str, tuple[str, ...]] = {
    "milton keynes": ("mk",), "bath and north east somerset": ("bathnes", "banes"), "isle of wight": ("iow", "iw"),
    "tunbridge wells": ("twells",), "east riding of yorkshire": ("eastriding", "eryc"), "telford and wrekin": ("tw",),
    "kings lynn and west norfolk": ("klwn",), "north east lincolnshire": ("nel", "nelincs"),
    "north west leicestershire": ("nwleics", "nwl"), "north east derbyshire": ("nederbyshire",),
}  # fmt: skip
"""The places whose short form is no sum of their words'."""

_SMALL = frozenset(("and", "upon", "on", "in", "of", "the", "with", "under", "le", "city", "county", "islands"))
# What stands round a place in the name of its council.
_AROUND = (
    re.compile(r"^the (?=.)"),
    re.compile(
        r"^(?:(?:london |royal )?borough|borough council|city and (?:county|district)|city|council) of (?:the )?(?=.)"
    ),
    re.compile(
        r" (?:(?:metropolitan|london|county) )?(?:(?:city and|city|county|borough|district) )?"
        r"(?:(?:district|borough) )?(?:council|corporation)$"
    ),
    re.compile(r" (?:mayoral )?(?:combined (?:county )?authority|cca|mca|ca|cc)$"),
)
_LESS = (
    re.compile(r"^kingston upon(?= hull)|^(?:county|isle of|isles of|city of(?! london)) | (?:city|islands)$"),
    re.compile(r" (?:upon|on|in|under) (?!hull).*$"),
)
_NOT_ALONE = frozenset(
    ("north", "south", "east", "west", "mid", "central", "vale", "isle", "isles", "forest", "city", "borough")
)
_DIRECTIONS = frozenset(("north", "south", "east", "west", "mid", "central"))
# Directions that are part of a landscape or a larger county, and pairs that are one town: more than a council.
_NATURAL = frozenset(
    ("north yorkshire", "east sussex", "west sussex", "north devon", "brighton and hove", "mid ulster", "north down")
)
_LANDSCAPES = frozenset(("valley", "vale", "heath", "hamlets"))
_SINGLE_WORDS = """
    allerdale babergh bassetlaw broxtowe calderdale dacorum erewash hertsmere kirklees rushcliffe sandwell
    spelthorne tameside tandridge teignbridge uttlesford wychavon
"""
_COINED = frozenset(_SINGLE_WORDS.split()) | {"bracknell forest", "waltham forest"}
_MOST_FORMS = 60
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|&")


_PLAIN_WORD = re.compile(r"[^\W_]+")


def fold(text: str) -> str:
    """Small letters without accents: Gâr and gar are one."""
    if text.isascii():
        return text.casefold()
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(part for part in parts if not unicodedata.combining(part))


def fold_word(word: str) -> str:
    """A word as names are compared: folded, without apostrophes; "council's" is the council."""
    plain = fold(word).replace("’", "'")
    if plain == "&":
        return "and"
    if "'" not in plain:
        return plain
    if plain.endswith("'s") and plain[:-2] in {"council", "authority", "corporation", "borough", "agency"}:
        plain = plain[:-2]
    return plain.replace("'", "")


def split_words(text: str) -> tuple[str, ...]:
    """The words of a name, folded."""
    return tuple(fold_word(found[0]) for found in _WORD.finditer(text))


def split_plainly(text: str) -> list[str]:
    """The words of a text, folded but for what apostrophes do: quick, to see what it cannot hold."""
    return _PLAIN_WORD.findall(fold(text))


def list_places(name: str, short_names: Iterable[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """(rank, words) of what the place of a council is called; of two councils the one with the lower rank is meant.

    0: its names. 1: without "on Sea" and the like, and cut short as is usual. 2: the first of several places.
    """
    names = [_strip(split_words(one)) for one in (*short_names, name)]
    names = [one for one in dict.fromkeys(names) if one and one != ("city",)]
    yield from ((0, one) for one in names)
    for one in names:
        for shorter in _shorten(one):
            yield 1, shorter
    for one in names:
        for shorter in _halve(one):
            yield 2, shorter


def list_squashed(words: tuple[str, ...]) -> Iterator[str]:
    """The spellings of a place in a handle or an address: run together, small words left out, words cut short."""
    yield from SHORT_PLACES.get(" ".join(words), ())
    full = [(word, *SHORT_WORDS.get(word, ())) for word in words]
    told = [(word, *SHORT_WORDS.get(word, ())) for word in words if word not in _SMALL] or full
    initialled = [(word, "n") if word == "and" else (word,) for word in words]
    welsh = full[1:] if words[0] == "sir" else full
    for choice in (full, told, initialled, welsh):
        for n, spelled in enumerate(product(*choice)):
            if n >= _MOST_FORMS:
                break
            yield "".join(spelled)


def list_clipped(words: tuple[str, ...]) -> Iterator[str]:
    """Weaker spellings, right only where nobody else has them: southlan, nsom, eastren, plym, breck."""
    told = [word for word in words if word not in _SMALL]
    if len(told) == 1:
        yield from (told[0][:n] for n in range(3, len(told[0])))
        yield from (told[0][0] + told[0][-n:] for n in range(3, min(6, len(told[0]) - 2)))
    elif told:
        if len(told[0]) >= 6:
            yield told[0]
        heads = ["".join(told[:-1]), "".join(word[0] for word in told[:-1])]
        yield from (head + told[-1][:n] for head in heads for n in range(3, len(told[-1])))


def list_initials(words: tuple[str, ...]) -> Iterator[str]:
    """The first letters, with and without the small words: bcp, rbwm, lbbd, lbrut, cwac."""
    for left_out in ((), {"of", "and"}, _SMALL - {"city", "county"}):
        yield "".join(word[0] for word in words if word not in left_out)


def is_coined(words: tuple[str, ...]) -> bool:
    """Whether only administration calls a place so, as East Devon or Redcar and Cleveland: nobody's home town."""
    text = " ".join(words)
    if text in _NATURAL or len(words) < 2:
        return text in _COINED
    has_direction = words[0] in _DIRECTIONS or words[-1] in _DIRECTIONS
    is_joined = "and" in words[1:-1] or "with" in words
    return has_direction or is_joined or words[-1] in _LANDSCAPES or text in _COINED or text.endswith(" city region")


def _strip(words: tuple[str, ...]) -> tuple[str, ...]:
    """The place within the name of a council."""
    text = " ".join(words)
    if text.startswith("city of london"):  # London alone is far more than the City
        return ("city", "of", "london")
    for pattern in _AROUND:
        text = pattern.sub("", text)
    return tuple(text.split())


def _shorten(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    text = " ".join(words)
    for one in dict.fromkeys(pattern.sub("", text) for pattern in _LESS):
        if one != text and one:
            yield tuple(one.split())
    spellings = [(word, *(short for short in SHORT_WORDS.get(word, ()) if len(short) > 1)) for word in words]
    yield from (choice for choice in product(*spellings) if choice != words)


def _halve(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The first place of several: Basingstoke and Deane, Blackburn with Darwen, East Riding of Yorkshire."""
    for glue in ("and", "with", "of"):
        first = words[: words.index(glue, 1)] if glue in words[1:] else ()
        if first and not set(first) <= _NOT_ALONE:
            yield first
    last = words[words.index("and") + 1 :] if "and" in words else ()
    if len(last) > 1 and last[0] in _DIRECTIONS:
        yield last
