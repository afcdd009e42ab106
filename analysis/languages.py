"""Whether the English rules may read a text: by the language given, the script and the small words."""

from __future__ import annotations

import re

# The commonest short words of each language, less those that English has too.
_SMALL_WORDS: dict[str, frozenset[str]] = {
    "en": frozenset(
        "the to and of is you we it for that with your are be not have this but they from what how can our will when"
        " if so do don't about i my should them their people always never more use make out up get just all or by"
        " there who need it's".split()
    ),
    "cy": frozenset(
        "yn y yr mae ar gyda eich chi ni peidiwch bod wedi ei eu fel cymraeg gwneud am ddim dim oes sydd hefyd dros"
        " rydyn rydym defnyddiwch bob amser hyn hynny byddwch siarad pobl gan neu ond".split()
    ),
    "fr": frozenset("le la les des une est et pas vous nous pour dans que qui avec sur votre il ne ce sont".split()),
    "de": frozenset("der die das und ist nicht sie wir mit ein eine auf zu für auch den dem ich es von".split()),
    "es": frozenset("el los las una es y no para que con por su usted nosotros del se lo más como".split()),
    "it": frozenset("il gli una è e non per che con di si come sono della nel più".split()),
    "nl": frozenset("het een en niet voor met wij jullie zijn van dat ook maar je naar".split()),
    "pl": frozenset("nie jest się na że do jak ale dla tego czy są przez".split()),
    "pt": frozenset("os as um uma é não para que com por seu você mais como dos".split()),
    "gd": frozenset("agus tha air chan eil sinn sibh anns leis gu bheil na".split()),
    "ga": frozenset("agus tá an na ar níl sinn bhfuil go leis sé".split()),
}
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_UNTOLD = {"", "und", "zxx", "qme", "qst", "qht", "qam", "qct", "mul"}


def is_english(text: str, lang: str | None = None) -> bool:
    """Whether this text may be read as English.

    ``lang`` is what the platform or the author's client says; it is often wrong on short posts, so that many small
    words of a language outvote it.
    """
    words = [word.lower().replace("’", "'") for word in _WORD.findall(text)]
    if not words:
        return False
    latin = sum(word[0] <= "ɏ" for word in words)
    if latin < 0.7 * len(words):
        return False
    counts = {name: sum(word in small for word in words) for name, small in _SMALL_WORDS.items()}
    english = counts.pop("en")
    other = max(counts.values())
    told = (lang or "").lower().split("-")[0]
    if told in _UNTOLD or told == "en":
        return english >= other if english or other >= 2 else True
    return english >= 3 and english > 2 * other
