"""Sentences that tell the reader what to do: an imperative verb at the start of the sentence or of its main clause."""

from __future__ import annotations

import re

from analysis.patterns import load_words

_VERB = r"(?P<verb>" + "|".join(sorted(load_words("instructions"), key=lambda verb: (-len(verb), verb))) + r")\b"
# Most are nouns too: "Time is short", "Use of jargon", "Work with schools was great"; the next words decide.
_NOT_A_NOUN = (
    r"(?!\s+(?:is|are|was|were|has|have|had|of|can|could|will|would|may|might|does|did|isn't|wasn't|seems?)\b"
    r"|\s+and\s+\w+\s+(?:is|are)\b|\s+\w+\s+(?:is|are|was|were|went|came)\b(?!\s+\w+ing))"
)
_OPENERS = (
    r"(?:(?:and|but|then|also|plus|just|always|simply|first(?:ly)?|second(?:ly)?|third(?:ly)?|next|finally|lastly|"
    r"definitely|instead|maybe|perhaps|even|please|where possible|if possible|when possible|most of all|above all|"
    r"for me|personally|tip|top tip|my tip|advice|my advice|step \w+|rule \w+|basically|really|never be afraid to|"
    r"don't be afraid to|feel free to|be sure to|make sure (?:to|you)|remember to|try to|yes|yep|no|ok|okay|totally|"
    r"this|so|only)(?:\s*[,:;–—-]+\s*|\s+))*"
)
_AT_START = re.compile(r"^\W*" + _OPENERS + _VERB + _NOT_A_NOUN, re.IGNORECASE)
# "In alt text, say what …", "Small town tip: put …", "Honestly? Ask them": the main clause after what leads to it.
_AFTER_LEAD = re.compile(
    r"^\W*(?:[^:.!?]{1,45}:\s+|(?:in|on|for|at|when|if|before|after|once|where|with|during|this|from|as|by|whenever|"
    r"unless|late|also|rather than|instead of|every|each|to)\b[^,.!?]{1,80},\s+(?:and\s+|then\s+|just\s+|always\s+)?)"
    + _VERB
    + _NOT_A_NOUN,
    re.IGNORECASE,
)

# What opens like an instruction and is none.
_IDIOMS = """
(?:please |pls )?(?:rt|retweet|share|follow|like|subscribe)(?: this| us| me| widely)?\\s*(?:$|[!.:]|@|to win)
keep (?:it up|going|up the|them coming|on\\b|calm|smiling|fighting|safe|well|in touch)
go (?:for it|team|on\\b|you|science|\\w+!)
look(?:s|ing)? (?:forward|like|good|at (?:that|you|us))
take care|stay (?:safe|well|tuned|warm|positive)|good luck|watch this space|hold (?:on|my)\\b|hang on|break a leg
let (?:me|us|him|her) (?:know|see|in|say|tell|add|introduce)
give (?:me|us) a|tell (?:me|us)|call me|count me|wait,? what|read on|say (?:hi|hello|no more|that again)|say what\\?
follow(?:ed|ing)? (?:me|us|@)|see (?:you|ya|below|above|this|also)|thank (?:you|u|goodness|god)
find (?:me|us|myself|it (?:hard|difficult|funny|so|really))
get (?:well|in quick|ready|over it|that|this)\\b
think (?:i|we|it|that'?s|this|they|you|so)\\b|know (?:that feeling|how you feel|what you)
agree(?:d|s)?\\b(?! on| in advance| what| who| how| a | one )
do (?:you|we|they|i|not get)\\b|be (?:back|there|right)\\b
time (?:for|to|flies|will)\\b|work (?:in progress|has|from home)|team \\w+|head of|post (?:pandemic|covid|chat|it notes)
set of|lead (?:officer|for)|back (?:in|to|on|from|when|at)\\b|answer to\\b
report (?:from|on|by)\\b|support (?:from|for)\\b
test (?:tweet|post)|place (?:of|to)\\b|face it\\b|point (?:taken|of)|note to self|play on words|open (?:to|for)\\b
close (?:to|call)\\b|clear (?:as|to)\\b|complete(?:ly)?\\s+(?:agree|different|\\w+ed)|double\\b
trust me\\b|turn(?:s|ed|ing) out|make(?:s)? (?:perfect |total |so much |a lot of )?sense|forget it|practice makes
(?:always |please )?(?:try|remember|take care|aim|learn)(?: hard)? (?:not to|to (?:avoid|stop|resist|refrain|steer))\\b
text from\\b|count on (?:it|me)\\b|ring(?:ing)? a bell|hide and seek|name and (?:role|shame)|welcome
"""
_IDIOM = re.compile(
    r"^\W*(?:(?:and|but|so|just|please|pls|plz)\s+)*(?:" + "|".join(_IDIOMS.split("\n")[1:-1]) + ")", re.IGNORECASE
)
_WORDS_SHOWN = 4


def find_instruction(sentence: str) -> tuple[str, str] | None:
    """(rule, its first words) where the sentence tells the reader what to do; None where it only looks like it.

    The rule is ``instruction`` at the start of the sentence, ``instruction_after`` in a later clause.
    """
    for rule, pattern in (("instruction", _AT_START), ("instruction_after", _AFTER_LEAD)):
        match = pattern.match(sentence)
        if match is None:
            continue
        clause = sentence[match.start("verb") :]
        if not _IDIOM.match(clause) and not _IDIOM.match(sentence):
            return rule, " ".join(clause.split()[:_WORDS_SHOWN]).rstrip(".,;:!?")
    return None
