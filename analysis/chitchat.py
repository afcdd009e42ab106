"""What a chat says besides its subject: greetings, thanks, applause, adverts, housekeeping, jokes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from analysis.normalising import Cleaned

_I = re.IGNORECASE
_MANY_TAGS = 6  # a post that wants to be found everywhere belongs to no chat

_GREETING = re.compile(
    r"^(?:oh,?\s+|and\s+|a\s+|very\s+|special\s+|warm\s+)*(?:hi|hii+|hey|hello|hiya|welcome|howdy|greetings|evening|morning|afternoon|"
    r"good (?:morning|evening|afternoon|to see)|happy (?:new year|monday|tuesday|wednesday|thursday|friday|birthday)|"
    r"glad (?:to|you)|great to (?:see|have)|nice to (?:see|meet)|so (?:good|great|glad|nice) to|lovely to (?:see|meet)|"
    r"(?:happy|excited|delighted|pleased) to (?:be|join)|(?:i'?m )?(?:just )?(?:late|joining)\b)",
    _I,
)
_INTRODUCTION = re.compile(
    r"\b(?:i'?m|i am|my name is|this is)\s+[A-Z][\w'-]+(?:\s+[A-Z][\w'-]+)?\s*[,.&-]?\s+(?:from|at|in|an?|the|head|comms|here|joining|i\b|[-–—])"
    r"|\b[A-Z][a-z]+ here\b|\b(?:joining|tweeting|dropping in|checking in) (?:in )?(?:from|late|you)\b|(?:^|[.!]\s+)[A-Z][a-z]+(?: [A-Z][\w-]+)? from [A-Z]|"
    r"\b(?:late to the (?:chat|party|game)|looking forward to (?:the|this|tonight|today|chatting|learning|hearing|another|processing)|"
    r"happy to (?:be|join) (?:here|at|with|you)|excited to (?:be|join)|first time (?:here|joining))\b",
)
# "Ann Bell, digital officer at Northmoor Council": a name, a job, no verb in between.
_ROLE = re.compile(
    r"^(?:[A-Z][\w'’-]+\s?){1,3}(?:[,|–—-]|\s-\s|\s(?=former|retired))[^.!?]{0,60}\b(?:teacher|officer|manager|lead|head|comms|communications|digital|social media|"
    r"press|director|consultant|student|researcher|coordinator|co-ordinator|specialist|educator|editor|designer|coach|adviser|advisor|writer|curriculum|assistant|administrator)\b"
)

_ROLL_CALL = re.compile(
    r"\b(?:introduc(?:e|ing) (?:yoursel(?:f|ves)|ourselves)|say (?:hi|hello)|tell us who you are|who(?:'s| is) (?:here|joining|with us|in)|"
    r"where (?:are )?you(?:'re| are)? (?:from|joining)|name and (?:role|organisation|job))\b",
    _I,
)
_HOUSEKEEPING = re.compile(
    r"\b(?:q\d?/a\d? format|use the (?:hash)?tag|add(?:ing)? the (?:hash)?tags?|include the (?:hash)?tag|(?:question|q) ?\d* (?:is )?coming up|"
    r"(?:first|next|final|last) (?:question|q)\b.{0,40}(?:here|now|coming|up|on)|answer (?:the questions|with a)|respond to the question|start your (?:answer|reply|tweet|post)s? with|"
    r"moderat(?:ing|ors?) (?:tonight|today|for)|archive of (?:the|this|tonight|today)|transcript (?:of|will)|"
    r"next chat|future chats|our next|we(?:'ll| will) be (?:following|using)|minutes? (?:to go|left|until)|in \d+ minutes|"
    r"keep (?:them|the answers|it|the ideas|your answers) coming|forget(?:ting)? the (?:hash)?tag|remember (?:to use )?the (?:hash)?tag|"
    r"wakelet|time(?:'s| is) up|that(?:'s| is) (?:all|a wrap|it for)|need(?:s|ed)? reminders?|for reminders|sign up for)\b",
    _I,
)
_THANKS = re.compile(
    r"^(?:\W*)(?:thanks?\b|thank you|thx|ty\b|many thanks|cheers|ta\b|diolch|big thanks|huge thanks|much appreciated|a (?:big|huge) thank)"
    r"|\b(?:thanks?|thank you) (?:so much |again |very much )?(?:to|for|all|everyone|everybody|@)|"
    r"\bthank (?:u|you|yous) all\b|\bgreat chat\b|\b(?:enjoyed|loved|missed|excellent|fab|fantastic|brilliant) (?:the |this |that |tonight'?s? |today'?s? |another )?(?:chat|hour|discussion)\b|\banother (?:great|good|amazing) chat\b",
    _I,
)
_APPLAUSE = re.compile(
    r"^\W*(?:yes+|yep|yeah|yay|so true|this|agreed?|totally|absolutely|exactly|spot on|indeed|definitely|same(?: here)?|ditto|love|loving|"
    r"well (?:said|put)|(?:i )?(?:could(?:n'?t| not)|can'?t) agree|could not agree|(?:so |very |really |what an? |such an? |this is an? |that'?s an? |a )?"
    r"(?:great|good|brilliant|excellent|fantastic|fab|fabulous|wonderful|amazing|awesome|lovely|super|nice|interesting|valid|important) "
    r"(?:point|idea|question|q|answer|advice|tips?|stuff|share|shout|one|example|thoughts?|suggestions?|work|analogy|response|resource|list|thread|to hear|to see|to know)|"
    r"(?:i |i'?d |i would )?(?:really |totally |so |completely |also |fully )?(?:agree|love (?:this|that|it|these|how|the|your|what|seeing)|like (?:this|that|the idea|your|how you|it)|second (?:this|that))|"
    r"makes (?:perfect |total |so much )?sense|\+1|100%|nailed it|amen|hear hear|bravo|wow|brilliant|fantastic|excellent|awesome|cool|nice|ha\b|haha|lol|me too|good luck|congrat\w*)",
    _I,
)
_ADVERT = re.compile(
    r"\b(?:join (?:us|me|@|#|our|in)|come (?:and )?join|sign(?:ed|ing)? up|register (?:now|here|today|for)|book (?:now|your (?:place|seat|ticket)|here)|tickets?\b|"
    r"(?:early bird|discount|special offer|buy (?:now|one)|free trial|limited time|giveaway|promo code|% off)|subscribe|"
    r"we(?:'re| are) hiring|now hiring|apply (?:now|by)|vacanc(?:y|ies)|job alert|dm (?:me|us) (?:for|to)|follow (?:us|me)\b|follow for|"
    r"(?:starts|starting|kicks off|live|back) (?:in \d|at \d|tonight|today|tomorrow|now|saturday|sunday|monday|tuesday|wednesday|thursday|friday)|"
    r"is back\b|don'?t miss|hope (?:you can|to see)|see you (?:there|all|at|tonight|soon|next)|coming up (?:at|in|on|next)|tune in|save the date|"
    r"takes? (?:over|place) (?:on|the account)|taking over|(?:open|available) slots?|willing to host|host (?:the account|next)|webinar .{0,20}(?:next|this|on|tomorrow)|next (?:week|month|tuesday|monday|thursday|friday|wednesday)'?s? (?:for|webinar|chat|workshop))",
    _I,
)
_JOKE = re.compile(r"(?:\blol\b|\blmao\b|\brofl\b|\bhaha+\b|🤣|😂|😜|🤪|\bjust kidding\b|\bjk\b|\bwink\b|😉)", _I)
_FAREWELL = re.compile(
    r"\b(?:have a (?:great|good|lovely|nice|fab|wonderful|brilliant|safe)|take care|stay safe|good ?night|see you|bye\b|signing off|"
    r"(?:have|got|need|going|gonna) (?:to )?(?:go|run|dash|tap out|head off)\b|get ready for bed|until next time|same time next)",
    _I,
)
_ABOUT_ADVICE = re.compile(
    r"\b(?:(?:so many|lots of|some|such|many|loads of|all the|these|those|the|your|for) (?:really )?(?:great|good|brilliant|fantastic|fab|useful|top|amazing|excellent|super|wonderful|awesome|helpful|handy) "
    r"(?:tips?|advice|ideas|suggestions|resources|examples|answers|thoughts|stuff|points)|(?:great|good|brilliant|fantastic|fab|useful|top|loving the|love the) (?:tips?|advice|ideas|answers|suggestions|stuff)\b|"
    r"(?:taking|making) notes|lots to (?:think about|take away)|learn(?:ed|t|ing) (?:so much|a lot|loads)|food for thought|stealing (?:this|that)|"
    r"(?:tips|advice|ideas) (?:here|tonight|today|shared|coming)|what (?:an? )?(?:great|amazing|brilliant) (?:chat|hour|ideas|tips))\b",
    _I,
)


@dataclass(frozen=True, slots=True)
class Chitchat:
    """What kind of small talk a text is, with the words that say so; ``weight`` 0..1 says how surely."""

    kind: str
    words: str
    weight: float


_RULES: tuple[tuple[str, re.Pattern[str], float], ...] = (
    ("roll-call", _ROLL_CALL, 1.0),
    ("housekeeping", _HOUSEKEEPING, 0.9),
    ("thanks", _THANKS, 0.8),
    ("advert", _ADVERT, 0.9),
    ("greeting", _GREETING, 0.8),
    ("introduction", _INTRODUCTION, 0.8),
    ("introduction", _ROLE, 0.8),
    ("farewell", _FAREWELL, 0.9),
    ("talk about advice", _ABOUT_ADVICE, 0.8),
    ("applause", _APPLAUSE, 0.5),
    ("joke", _JOKE, 0.5),
)


def find_chitchat(cleaned: Cleaned) -> tuple[Chitchat, ...]:
    """The small talk in a post, surest first; empty for a post that keeps to the subject."""
    return find_small_talk(cleaned.text, cleaned.tags_count)


@lru_cache(maxsize=16_384)
def find_small_talk(text: str, tags_count: int = 0) -> tuple[Chitchat, ...]:
    """The same for a sentence or a text that is already clean."""
    found = []
    for kind, pattern, weight in _RULES:
        match = pattern.search(text)
        if match and match[0].strip():
            found.append(Chitchat(kind, " ".join(match[0].split())[:60], weight))
    if tags_count >= _MANY_TAGS:
        found.append(Chitchat("advert", f"{tags_count} hashtags", 1.0))
    return tuple(sorted(found, key=lambda small: -small.weight))


def is_agreement(cleaned: Cleaned) -> bool:
    """Whether the post only agrees: "This!", "+1", "Totally agree @ann"."""
    return len(cleaned.words) <= 8 and bool(_APPLAUSE.match(cleaned.text)) and "?" not in cleaned.text
