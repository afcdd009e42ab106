"""The word lists that the tip rules share: verbs that can open an instruction, idioms that only look like one."""

from __future__ import annotations

import re

IGNORE_CASE = re.IGNORECASE

INSTRUCTION_VERBS = frozenset(
    """
    accept acknowledge act adapt add address adjust adopt aim align allow amplify analyse analyze answer anticipate
    apologise apologize appoint apply approach ask assess assign assume attach attend audit back balance be become
    begin block boost break brief bring build bust buy call capture caption care carry catch celebrate challenge change
    chat check choose clarify clear collaborate collect combine comment commit communicate compare compile complete
    concentrate connect consider consult contact continue control convert coordinate copy correct cover craft create
    credit crop cultivate curate cut decide define delegate deliver demonstrate describe design determine develop direct
    discuss dive divide do document double draft draw drop edit educate embed embrace empathise empathize empower enable
    encourage engage enlist ensure establish evaluate examine expect experiment explain explore expose extend face
    facilitate favour favor feature feed figure film fill filter find finish fit fix flag flip focus follow force forget
    frame gather gauge generate get give go grab greet group grow guide harness help highlight hire hold host humanise
    humanize identify illustrate implement improve include incorporate inform inject inspire install integrate introduce
    invest investigate invite involve jump keep know label land layer lead lean learn leave lend let leverage limit link
    listen localise look lose maintain make manage map mark match measure meet mention merge mix model moderate monitor
    move name network note nurture offer open organise organize own pace paint pair participate partner pause pay
    personalise personalize pick pilot pin place plan play plot point pool post practice practise praise prepare present
    pre-schedule prioritise prioritize produce promote proofread protect prove provide publish pull push put quote raise
    reach react read reassure recognise recognize record recruit recycle reduce refer refine reflect rehearse reinforce
    relate rely remember remind remove repeat rephrase replace reply report repost represent repurpose request research
    resolve respect respond retweet reuse revise revisit revise reward run save say scan schedule score script seek
    segment select sell send separate set shape share shoot show sign signpost simplify sketch slow smile solve sort
    speak specify spell spend spread stand start state stay stick store streamline stream strive structure study submit
    subtitle suggest summarise summarize supply support survey swap tackle tag tailor take talk target teach team tell
    test think tie time track train translate treat triage trial trim trust try turn tweak tweet understand update
    upload use utilise utilize value vary verify visit visualise vote wait walk warn watch weave weigh widen work write
    """.split()
)

# Nouns too: "Time is short", "Plan B", "Work of this kind"; the next word decides.
_NOT_AFTER_VERB = (
    r"(?!\s+(?:is|are|was|were|has|have|had|of|can|could|will|would|may|might|does|did|isn't|wasn't|seems|seem|and\s+\w+\s+(?:is|are)|"
    r"\w+s?\s+(?:is|are|was|were)\b))"
)
_OPENERS = (
    r"(?:(?:and|but|so|or|then|also|plus|just|always|simply|first(?:ly)?|second(?:ly)?|third(?:ly)?|next|finally|lastly|"
    r"definitely|instead|maybe|perhaps|even|please|where possible|if possible|when possible|most of all|above all|"
    r"for me|personally|tip|top tip|my tip|advice|my advice|step \w+|rule \w+|basically|really|only|never be afraid to|"
    r"don't be afraid to|feel free to|be sure to|make sure (?:to|you)|remember to|try to|yes|yep|no|ok|okay|totally|agreed?)"
    r"(?:\s*[,:;–—-]+\s*|\s+))*"
)

INSTRUCTION = re.compile(
    r"^\W*"
    + _OPENERS
    + r"(?P<verb>"
    + "|".join(sorted(INSTRUCTION_VERBS, key=len, reverse=True))
    + r")\b"
    + _NOT_AFTER_VERB,
    IGNORE_CASE,
)

# What opens like an instruction and is none.
IDIOM = re.compile(
    r"^\W*(?:(?:and|but|so|just|please|pls|plz)\s+)*(?:"
    r"(?:please |pls )?(?:rt|retweet|share|follow|join|like|subscribe)(?: this| us| me| widely)?\s*(?:$|[!.:]|@|to win)|"
    r"keep (?:it up|going|up the|them coming|on\b|calm|smiling|fighting|safe|well|in touch|'em coming)|go (?:for it|team|on|you|science|\w+!)|"
    r"look(?:s|ing)? (?:forward|like|good|at (?:that|you|us))|take care|stay (?:safe|well|tuned|warm|positive)|good luck|"
    r"let (?:me|us|him|her) (?:know|see|in|say|tell|add|introduce)|let'?s (?:chat|talk soon|see|hope|go\b|get started|do this|be honest)|"
    r"give (?:me|us) a|tell (?:me|us)|call me|count me|wait,? what|read on|say (?:hi|hello|no more|what)|say that again|"
    r"follow(?:ed|ing)? (?:me|us|@)|see (?:you|ya|below|above|this|also)|find (?:me|us|myself|it (?:hard|difficult|funny|so|really))|"
    r"watch this space|hold (?:on|my)\b|hang on|get (?:well|in quick|ready|over it|that|this)\b|think (?:i|we|it|that'?s|this|they|you|so)\b|"
    r"know (?:that feeling|how you feel|what you)|guess|hope|wish|join|come|love|welcome|thank|feel(?: free|s)?|believe|imagine that|"
    r"check (?:in|back)|move over|speak(?:ing)? (?:soon|of)|talk (?:soon|to you)|do (?:you|we|they|i|not get)|have a\b|be (?:back|there|right)\b|"
    r"time (?:for|to|flies|will)|work (?:in progress|is|has|from)|team \w+|head of|post (?:pandemic|covid|chat|it notes)|set of|lead (?:officer|for)|back (?:in|to|on|from|when|at)\b|"
    r"answer (?:to|is)|report (?:from|on|by)|support (?:from|for|of)|care (?:home|to)|test (?:tweet|post)|place (?:of|to)|face (?:it|to)\b|point (?:taken|of|is)|note to self|"
    r"play on words|open (?:to|for)\b|clear (?:as|to)\b|close to|last|present(?:ly)?|current|direct(?:or|ly)|complete(?:ly)?\s+(?:agree|different|\w+ed)|double\b|"
    r"balance (?:is|between)|help(?:s|ed|ful)\b|value (?:of|for)|need(?:s|ed)\b|trust (?:is|me|in)|turn(?:s|ed|ing) out|make(?:s)? (?:perfect |total |so much |a lot of )?sense|"
    r"forget it|never mind|act(?:ually|ion)|show(?:s|ed|ing)|start(?:s|ed|ing) (?:in|at|now|soon)|practice makes|break a leg)",
    IGNORE_CASE,
)

PRACTICE_VERBS = (
    "use|ask|set|give|start|begin|make|share|post|reply|respond|run|hold|keep|plan|schedule|record|include|talk|put|write|"
    "create|test|rely|lean|check|tell|send|invite|encourage|focus|follow|build|film|monitor|measure|track|publish|open|"
    "add|let|offer|provide|bring|draft|design|develop|train|listen|review|tag|link|pin|signpost|answer|explain|involve|"
    "connect|choose|prioritise|collect|model|allow|take|try to|speak|spend|avoid|stick|pair|partner|adapt|engage with|"
    "update|turn|repeat|vary|rotate|agree on|sign off|debrief|stop|work with|work on|work closely|meet with|help"
)
PAST_PRACTICE = (
    "used|asked|set up|set|gave|started|began|made|shared|posted|replied|ran|held|kept|planned|scheduled|recorded|"
    "included|worked|talked|wrote|created|tested|found that|built|filmed|monitored|measured|tracked|published|opened|"
    "added|let|offered|provided|met|brought|drafted|designed|developed|trained|invited|introduced|launched|trialled|"
    "piloted|tried|moved|switched|changed|swapped|turned|reached|got|did|had|put|sent|told|showed|hosted|organised|"
    "organized|recruited|replaced|dropped|cut|livestreamed|live-?tweeted|tweeted|discussed|decided|sat|produced|stopped|"
    "listened|checked|encouraged|read|taught|went|spoke|saw|answered|spent|led|took|teamed|partnered|won|doubled|halved"
)
