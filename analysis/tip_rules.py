"""The rules that propose tips: each has a name, a kind, a pattern and the words that explain it to a reader.

A rule reads one sentence at a time. How much a rule weighs is in weights.json, under its name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from analysis.tip_words import IDIOM, IGNORE_CASE, INSTRUCTION, PAST_PRACTICE, PRACTICE_VERBS
from archive.models import TipKind


@dataclass(frozen=True, slots=True)
class Hit:
    """One rule that matched, with the words it matched on."""

    rule: str
    kind: TipKind
    says: str
    words: str


@dataclass(frozen=True, slots=True)
class _Rule:
    name: str
    kind: TipKind
    says: str
    pattern: re.Pattern[str]


def _rule(name: str, kind: TipKind, says: str, pattern: str, flags: int = IGNORE_CASE) -> _Rule:
    return _Rule(name, kind, says, re.compile(pattern, flags))


_WE = (
    r"(?:i|we|my (?:team|colleagues?|class|council|students)|our (?:team|comms team|council|social team|press office))"
)
_OFTEN = (
    r"(?:(?:also|always|often|usually|regularly|generally|typically|sometimes|now|still|just|only|really|actually|periodically|"
    r"definitely|tend to|try to|aim to|like to|love to|make sure (?:to|we|i)|prefer to|start by|began by|'ve|have|'d|would|"
    r"has|'ll|will|do|then|never)\s+)*"
)
_DO = (
    _rule("should", "do", "says what people should do",
          r"\b(?:you|we|they|one|councils?|teams?|people|everyone|organisations?|comms|teachers?|officers?|it|posts?|tweets?|content|messages?|replies|updates?|videos?) "
          r"(?:really |all |also |just |still |always |both |definitely )*(?:should|must|ought to|need to|needs to|have to|has to|gotta|got to|(?:'ve|have) got to)\b(?! not|n't| (?:be )?(?:able|careful what))(?! (?:be )?(?:ashamed|ready for|go\b|run\b|admit|say\b|agree|see how))"),
    _rule("can", "do", "says what people can do", r"\b(?:you|councils|teams|people|teachers) (?:can|could|might|may)(?: also| always| even| then| just)? (?!be\b|not\b|see\b|imagine\b|tell\b|believe\b|say\b)\w+"),
    _rule("key", "do", "says what matters",
          r"\b(?:(?:the|a|my|our|one) (?:real |big |main |most important |biggest )?(?:key|trick|secret|answer|golden rule|rule of thumb|best (?:way|thing|approach|practice|place to start)|first (?:step|thing)|important thing|goal|aim|idea|starting point) (?:is|for (?:me|us) is|to \w+ is|here is)|"
          r"\b(?:is|are) (?:so |really |absolutely |also |the |always |very |just |as |equally )*(?:key|essential|crucial|vital|critical|important|imperative|paramount|a must|the key|a no[- ]brainer|fundamental|everything|the way (?:to go|forward))\b|\bwhat (?:really )?(?:matters|works|counts) (?:is|most)|"
          r"it(?:'s| is) (?:so |really |very |also |always |all )*(?:important|essential|vital|crucial|key|worth|best|better|useful|good practice|good|critical|incumbent|easier|powerful|about \w+ing)\b(?: to| that|ing| for us to| upon)?)"),
    _rule("helps", "do", "says what helps",
          r"\b(?:(?:it |this |that |which )?(?:really |also |often |always |definitely |certainly )?helps? (?:to|if|when|a lot|too|people|them|you|residents|students|staff|colleagues|build|keep|make|reach|get|avoid)\b|(?:may|might|can|would|could|will) (?:also |really )?help\b|goes? a long way|works? (?:really |very |so |pretty |wonders|best|well|great|brilliantly|a treat|every time|for us|better)|makes? (?:a |all the |a (?:huge|big|real) |such a (?:big |huge )?)?difference|pays? off|opens? up a|"
          r"(?:great|good|simple|small|easy|effective|powerful|perfect|nice|brilliant|useful|helpful|quick|cheap|low-cost|best|better) (?:way|place|time|opportunity|method|approach|first step|tactic)s? (?:to|for|of|is)|minor (?:adjustments|changes)|works? magic)"),
    _rule("benefit", "do", "says what it is good for",
          r"\b(?:helps? (?:me|us|with|clarify|confirm|see|ensure|show)\b|(?:is|are|has been|have been|can be|'s been|was) (?:a |so |really |very |also |incredibly |super |extremely |especially )*(?:helpful|useful|powerful|effective|invaluable|valuable|game[- ]changer|lifesaver|catalyst|time saver|great place to start|opportunit(?:y|ies)))"),
    _rule("recommend", "do", "recommends it",
          r"\b(?:i|we)(?:'d| would| really| strongly| highly| definitely| can(?:not|'t)| always| also| thoroughly)* (?:recommend|suggest|advise|advocate|urge|encourage (?:people|everyone|you|teams|councils)|say (?:start|go|try|use|keep|be|make))|\b(?:my|our|one|top|best|biggest|a|key|main|number one|#1|simple|quick|another|first) (?:piece of )?(?:advice|tip|suggestion|recommendation|rule|mantra|motto|top tip)\b(?: would be| is| for|:|\s?[-–—])|\b(?:highly|strongly|would|can) recommend"),
    _rule("worth", "do", "says it is worth doing", r"\b(?:worth (?:\w+ing|a (?:try|look|go)|it to)|why not\b|how about\b|it(?:'s| is) all about|(?:don't|never) (?:be afraid|forget|underestimate|hesitate|be scared|be shy)\b|no harm in|can(?:'t|not) go wrong|can(?:'t|not) beat|less is more|the more \w+|you can never \w+ too|go-?to\b|rule of thumb|best practice|instead,)"),
    _rule("practice", "do", "puts forward their own practice",
          r"(?<!how do )(?<!what do )(?<!why do )(?<!when do )(?<!how can )(?<!should )\b" + _WE + r"(?:'ve|’ve|'d|’d|'ll|'m)? ?" + _OFTEN + r"(?:(?:" + PRACTICE_VERBS + r")\b(?! (?:that feeling|it\b[.!]|to (?:go|run|say|see|be|admit|get ready|continue)|a bit|so much|excited|better|used to|hope|here|up\b|on\b)\b)|(?:using|doing|making|asking|sharing|running|starting|posting|testing|building|giving|setting|given|set up|been (?:using|doing|asking|sharing|running|giving|working)|made a (?:habit|point)|(?:just )?started (?:to )?\w+ing) \w+)|\b(?:i|we) (?:always |also |really |just )*like to (?!see|hear|think|know|call|be\b)\w+|\b(?:i|we) (?:also |really )*(?:like|love|prefer|swear by|rely on|lean on) \w+ing\b"),
    _rule("found", "do", "says what they found to work",
          r"\b(?:(?:i|we)(?:'ve|’ve| have)? (?:also |just |always )?(?:found|learned|learnt|discovered|noticed)\b(?: that| it| success| \w+ing)?|in my experience|what(?:'s| has| is)? work(?:s|ed)(?: best| well)? (?:for (?:us|me)|is|was)|(?:has|have|'s) worked (?:well|best|wonders)|game[- ]changer|we(?:'ve| have) had (?:great |good |real |a lot of |lots of )?success)"),
    _rule("if_you", "do", "says what to do when", r"^\W*(?:if|when|whenever|before|after|once|where) (?:you|we|someone|people|residents|a resident|things|in doubt|it|something|possible|starting|using|posting|writing|the|your)\b[^,?]{2,70}, ?(?:then )?(?!i\b|i'm|we were|it was)\w+"),
    _rule("gerund", "do", "names a practice", r"^\W*(?:by |for me,? |for us,? |and |also |just |definitely |for me,? it's |it's |through )*(?!(?:looking forward|loving|feeling|hoping|going to|thinking|wondering|waiting|dying|laughing|getting ready|missing|trying my|joining|nothing|something|everything|anything|morning|evening|during|being honest|curious|interesting|amazing|exciting|following (?:along|with interest)|speaking of|enjoying|writing this|typing|tweeting from|struggling|coming from|according|including|concerning|processing|still|seeing|working (?:on|from|at|in|hard)|king|bring|sing|spring|string|thing|excluding|regarding|sending (?:love|hugs))\b)[a-z]{2,}ing\b(?! (?:is|was|are) (?:hard|difficult|a (?:struggle|challenge)))\s+(?!forward)\w+"),
    _rule("maxim", "do", "states a rule of good practice", r"^\W*(?:it(?:'s| is) (?:not )?(?:all )?about\b|(?:always|never|no|less|more|quality|keep|content|people|residents|consistency|honesty|tone|clarity|timing|simplicity|listening|authenticity|plain english|integration|community|practice|relationships?)\b[^.?!]{0,40}\b(?:over|is|are|before|beats?|not|matters?|first|wins?|key|everything|above all|always)\b)"),
    _rule("lets", "do", "proposes doing it together", r"^\W*(?:so |and |but )?let(?:'|’)?s (?!chat|see|hope|go\b|get started|do this|be honest|face it|talk soon|keep in touch|not forget)\w+ \w+"),
    _rule("must_be", "do", "asks for a practice", r"\b(?:(?:call|push|advocate|plan|work) (?:for|to|towards?) (?:more|better|greater|meaningful|clear|shared)|there (?:should|needs to|must|has to) be|be more \w+|be (?:clear|honest|open|human|yourself|consistent|kind|patient|brave|quick|timely|transparent|authentic|present|real|positive|prepared|ready to|proactive|responsive|friendly|helpful|mindful|intentional|flexible|creative|bold|polite|concise|brief|approachable)|being (?:clear|honest|open|human|consistent|kind|patient|transparent|intentional|inclusive|mindful)|take the time to|mak(?:e|ing) (?:sure|time|space|room)|giv(?:e|ing) (?:people|them|students|residents|staff|everyone|colleagues) (?:the |a |an |some |time|space|choice|room|chance)|open(?:ing)? (?:up )?(?:a )?space)"),
)  # fmt: skip
_DONT = (
    _rule("dont", "dont", "says what not to do",
          r"(?:^\W*|[,;:–—-]\s*|\b(?:and|but|or|so|just|please|also|then|tip|advice|definitely)\s+)(?:do not|don['’]?t|dont|never)\s+(?:ever |just |always |even |only |simply )*(?!(?:be |feel )?(?:afraid|scared|shy|nervous|frightened|hesitate|forget|underestimate)\b|too\b|ending\b|again\b|mind\b|before\b|a\b|been\b|the\b|in\b|fails?\b|late\b)[a-z]{2,}"),
    _rule("avoid", "dont", "says what to avoid",
          r"(?:^\W*|[,;:–—-]\s*|\b(?:and|but|or|should|to|must|i|we|always|try to|best|people|you|so|just|please|i'd|we'd|would|can|also|usually) )(?:avoid(?:ing)?|steer(?:ing)? clear|stop(?:ping)? (?!by|in|the (?:press|clock)|and)\w+(?:ing)?|resist(?:ing)? (?:the|any)|refrain(?:ing)? from|ditch(?:ing)?|beware|watch out for|stay(?:ing)? (?:away|clear) (?:of|from)|keep(?:ing)? away from|quit|lose the|cut out|ban\b|drop the|think twice (?:before|about)|be wary of|be careful (?:not|of|with|about))\b"),
    _rule("shouldnt", "dont", "says what not to do", r"\b(?:(?:should|must|need|ought)(?:\s+not|n['’]t)(?: to)?|can(?:'t|not|’t) (?:just |simply |afford to |pick and |expect |rely |ignore)|no need to|not (?:the|a) (?:place|time|way|answer|good idea|great idea|best)|isn['’]t (?:the|a) (?:place|way|answer|good idea|substitute)|bad idea|big(?:gest)? (?:mistake|no-?no|turn-?off)|(?:common|classic|rookie) mistake|the worst thing|nothing worse than|pet hate|a disservice|does(?:n'|n’)t work|never works|do more harm|less harm|too much jargon|only (?:slows?|makes? it worse)|wouldn['’]t (?:recommend|advise|bother|use|touch|post)|no[- ]no\b)"),
    _rule("instead", "dont", "names what to replace", r"\b(?:(?:instead of|rather than|as opposed to)\s+(?!\w+ (?:me|us)\b)\w+|replace \w+ with|not [a-z]+ing (?:at|to|for)|say no to)\b"),
    _rule("stopped", "dont", "says what they stopped", r"\b(?:we|i|they)(?:'ve| have)?(?: \w+)? (?:stopped|scrapped|ditched|dropped|gave up|given up|banned|quit|cut out|no longer|never|don['’]?t|try not to|avoid)\s+(?!know|think|have|see|want|like|get\b|understand|mind|remember|feel|believe|need|care|thought|realised|heard|been|even|really|agree|work|knew|seen|had|felt)\w+"),
)  # fmt: skip
_EXAMPLE = (
    _rule("for_example", "example", "gives an example", r"\b(?:for (?:example|instance)|e\.?g\.?[:,\s]|ex[.:]\s|such as when|case study|case in point|(?:good|great|nice|lovely|brilliant|best|recent|fantastic|excellent|favourite|real|classic) (?:example|case study|campaign|use of|work (?:by|from|at)|examples)|an example|love what|look at (?:how|what)|(?:take|see) (?:how|what) (?:@|(?-i:[A-Z])))"),
    _rule("they_did", "example", "says what a named organisation does", r"(?:@\w+|\b(?-i:[A-Z])\w+ (?:council|borough|city council|county council|police|nhs|fire|library|libraries|trust|team)|\b(?:our|my|the) (?:comms team|team|council|neighbours?|gritters?|press office|library|libraries|waste team|parks team|colleagues?|chief exec\w*|leader|mayor|students?|class))['’]?s? (?:\w+ly )?(?:do(?:es)? (?:this|it|a|great|brilliant|well|really)|did|ran|run|use[sd]?|made|make|has a|have a|had|created|launched|built|got|started|runs|posts?|shares?|shared|names?|named|published|filmed|replied|answers?|turned|put|tweeted|asked|went|live|hosts?|held|discussed|are (?:brilliant|great)|is (?:brilliant|great)|nailed|led|wrote)\b"),
    _rule("we_did", "example", "tells what they did", r"\b(?:we|i|they|he|she|you guys|our \w+|my \w+|\d+(?:st|nd|rd|th)? graders?|students|ss|residents|staff)(?:'ve| have| had|'d)? (?:also |just |recently |once |even |only |then |actually |all |both |finally |first )*(?:" + PAST_PRACTICE + r")\b(?! (?:to be|a lot|so much|here|it\b$|this\b$|excited|late|lost|distracted|my (?:copy|hands)))"),
    _rule("when_did", "example", "says when it was done", r"\b(?:last (?:year|month|week|summer|winter|autumn|spring|christmas|night|election)|this (?:week|morning|year|past)|yesterday|earlier (?:this|today)|in (?:19|20)\d\d|during (?:the |our )?(?:floods?|snow|election|covid|pandemic|lockdown|strike|storm|heatwave|consultation|campaign)|a (?:few|couple of) (?:years|months|weeks) ago|recently|one time|once we|at (?:my|our) (?:last|previous)|today)\b"),
    _rule("outcome", "example", "says what came of it", r"\b(?:(?:complaints?|calls?|visits?|clicks?|engagement|reach|reports?|numbers?|sign-?ups?|enquiries|emails|response(?:s)?|followers|views|shares|traffic|attendance|take-?up|bookings|turnout)\b.{0,40}\b(?:halved|doubled|trebled|tripled|rose|fell|dropped|went (?:up|down|viral|through)|increased|decreased|soared|grew|up by|down by|jumped|improved)|(?:halved|doubled|trebled|tripled|saved us|went viral|won (?:an|us)|worked (?:a treat|really well|brilliantly|wonders|so well|well)|\d+ ?% (?:more|fewer|less|increase|rise|drop|up|down)|\d[\d,.]*k? (?:views|clicks|replies|shares|likes|sign-?ups|responses|followers|people)|huge success|big success|felt (?:like the )?right|appreciated (?:the|it)|responded (?:really )?well|loved it|went (?:really |down )?(?:well|a treat)))\b"),
    _rule("currently", "example", "tells what they are doing", r"\b(?:we(?:'re| are)|i(?:'m| am))(?: also| currently| now| just)* (?:piloting|trialling|trialing|testing|running|building|launching|rolling out|experimenting with|using|having (?:students|residents|staff)|working with (?:our|the|local))"),
)  # fmt: skip
_POINTER = (
    r"(?:blog|post|article|guide|guidance|toolkit|tool|template|checklist|slides?|slide deck|deck|video|webinar|podcast|book|chapter|paper|report|"
    r"research|handbook|playbook|manual|policy|strategy|resources?|website|site|page|map|case stud(?:y|ies)|course|training|app|newsletter|dashboard|"
    r"infographic|thread|document|doc|pdf|spreadsheet|calendar|library|lessons?|units?|copy|materials?|framework|link|links|list|accounts?|story|piece|issue)"
)
_RESOURCE = (
    _rule("here_is", "resource", "hands something over", r"\b(?:here(?:['’]?s| is| are) (?:the|a|an|some|our|my|one|how|what|where|another)|this (?:one|resource|guide|site|page|article|post|thread) (?:is|was)|this is (?:a|our|the|my|one)|grab a copy|made a \w+ to go with|gotta mention|worth mentioning|(?:shout[- ]?out|kudos|hat tip|h/t) to|a place to start|i(?:['’]d| would)? (?:also )?mention|one of the best resources|sharing this|wanted to share|share this)\b"),
    _rule("look_here", "resource", "points to something", r"\b(?:check (?:this |it |them |these |that |us )?out|have a look|take a look|worth a (?:read|look|watch)|(?:you can |we can |can be )?(?:find|found|read|see|download|watch|grab|get|access|view|sign up for) (?:it|them|more|this|these|one|yours|a (?:free )?copy|some\b.{0,30}|out more|our|the (?:full|free|link|guide|report))?\s?(?:here|below|at\b|on our|online|via)|(?:here(?:'s| is| are)|this is|these are|there(?:'s| is)) (?:a |an |the |our |my |some |one |another |also |it |great |good |really |direct |useful |handy |quick )*" + _POINTER + r"\b|more (?:info|information|details|here|on this)|links? (?:here|below|to)|click (?:the )?(?:link|here)|read (?:this|more|it|about|the)|free (?:copy|download|resource|guide|template|tool))"),
    _rule("thing", "resource", "names something to read or use", r"\b(?:great|good|useful|helpful|brilliant|excellent|fantastic|free|favourite|favorite|handy|amazing|wonderful|awesome|invaluable|best|new|recent|super|this|these|another|share[ds]?|sharing|recommend|love|read|use|using|also|our|lots of|some|of the) (?:\w+[ -]){0,2}?" + _POINTER + r"\b"),
    _rule("named_tool", "resource", "names a tool or an account", r"(?:\b(?:use|using|used|try|love|loves|loving|like|recommend|recommending|follow|enjoy|partial to|from|via|with|check out|mention|suggest|read|reading|by|at|site|units|need|plug|going to|sign up to|subscribe to|learned (?:a lot|so much)? ?from|scheduling|include[sd]?) (?:the |an? |our |either |also |it |either an? )?(?:@\w{2,}|(?-i:(?:[A-Z][\w’']+)(?: (?:of|the|and|for|to|&|[A-Z0-9][\w’']*))* ?(?:Guide|Handbook|Toolkit|Framework|Book|Playbook|Atlas|Forms?|Deck|Analytics|Studio|Suite|Pad|Jamboard|Canva|Hootsuite|Trello|Slack|Planner|Manager)))|@\w{2,}(?:[,']s?|,? and @\w+)? (?:has|have|is|are|offers?|publish(?:es)?|do(?:es)?|shares?|website|guide|blog|resources?|site|account)\b)"),
    _rule("names", "resource", "names accounts or titles", r"(?:\w.*@\w{2,}|^\W*@\w{2,}|(?-i:(?<=[a-z,] )[A-Z][\w’']+(?: (?:of|the|and|for|to|in|&))* [A-Z][\w’']+))"),
    _rule("title", "resource", "names a book or title", r"(?:\b(?:book|chapter|article|blog|piece|paper|guide|report|essay|study|introduction) by (?-i:[A-Z][a-z]+ [A-Z][a-z]+)|[\"“](?-i:[A-Z])[^\"”]{5,60}[\"”] (?:by|from|is|was)|\b(?:the )?(?:book|chapters?|article|report|essay|podcast|film|series) (?:\d|on\b|about\b|by\b|called\b|\"|“|from\b)|\bchapters? \d|\b(?:been|keep|recently|currently|re-?|started|finished|love|enjoyed|recommend) reading (?-i:[A-Z])\w+)"),
)  # fmt: skip
_CONCERN = (
    _rule("hard", "concern", "says what is hard", r"\b(?:(?:it(?:'s| is| can be| was)|is|are|be|was|so|really|very|too|seems?|feels?|find|found|finding|makes?|get(?:s|ting)?|been) (?:\w+ )?(?:hard(?:er)?|difficult|tricky|tough|challenging|impossible|frustrating|overwhelming|daunting|exhausting|intimidating|a (?:challenge|struggle|nightmare|minefield|worry|problem|barrier|battle|shame|pain)|scary|risky|unrealistic|stressful|draining|time[- ]consuming|unfair)\b(?! (?:\d+ |few |couple |last )*(?:days?|hours?|weeks?|months?|years?|times?|question|one\b))|(?:hard|difficult|tricky|tough|impossible) to \w+|can be (?:an? )?(?:hard|issue|problem|barrier|struggle))"),
    _rule("struggle", "concern", "names a struggle", r"\b(?:struggl(?:e|es|ed|ing) (?:with|to|is|here|over|when)|(?:the |my |our |a |biggest |real |main |big )(?:struggle|challenge|hurdle|barrier|obstacle|problem|issue|worry|concern|fear|risk|downside|difficulty|frustration|danger|drawback|headache|bugbear)s? (?:is|are|was|for|with|of|to|in|i|we|at|around|here|remains?|about|that|has)|i feel your struggle|face (?:many |similar |the same )*(?:challenges|problems|barriers)|up against|battle(?:s|d)? (?:with|to|for)|i wonder (?:how|if|whether)|no easy answer|don['’]?t have (?:an|the) answers?|what about when)"),
    _rule("worry", "concern", "says what worries them", r"\b(?:(?:i|we|staff|people|colleagues|officers|residents|managers|i'm|we're) (?:am |are |do |also |still |really |just |always |often |get |feel |were )*(?:worr(?:y|ied)|concern(?:ed)?|fear|afraid|scared|nervous|anxious|frustrated|unsure|not sure|uncertain|disheartened|torn|muzzled|uncomfortable)\b(?! to (?:ask|admit|say|be))|(?:worry|worried|worries|concerned|frustrated|nervous|anxious|scared) (?:about|that|by|for|of|with|how)|makes me (?:nervous|worry|sad|anxious)|(?:this is|so|it'?s) (?:so |really |very )?sad\b|keeps me (?:up|awake)|afraid (?:of|that|to)|fear (?:of|that)|unsettled|shell-shocked)"),
    _rule("lack", "concern", "says what is lacking", r"\b(?:lack(?:s|ing)?(?: of)? \w+|not enough|(?:don't|doesn't|didn't|do not|does not|never|haven't|hasn't|isn't|no|without|still no|have no|little|limited|zero) (?:have |got |get |had )?(?:the |any |enough |much |sufficient |a )*(?:time|budget|money|capacity|resources?|staff|resourcing|support|funding|buy-?in|training|control|access|confidence|skills|say|people|appetite|strategy|policy|patience|guidance)\b|(?:short|shortage) of|under-?(?:resourced|staffed|funded|valued)|spread (?:too )?thin|one[- ]person|too (?:few|little|many|much|often|busy|slow|late|risk[- ]averse|long|scared)\b|fewer and fewer|less emphasis|pay far too little|cuts? (?:to|in|mean)|so much more time|need(?:s)? (?:more )?time\b|just need time|over[- ]?(?:crowded|loaded|stretched|whelmed|simplified)|unprepared|pushed (?:aside|around))"),
    _rule("barrier", "concern", "names what stands in the way", r"\b(?:sign-?off|red tape|bureaucracy|risk[- ]averse|silos?|push ?back|resistan(?:ce|t)|won['’]t let|not allowed|blocked|aren['’]t allowed|don['’]?t (?:get it|understand|listen|trust|care|see the (?:value|point))|nobody (?:reads|replies|listens|knows|cares|wants)|no one (?:reads|replies|listens|knows|cares|wants|else)|trolls?\b|abuse\b|abusive|toxic|misinformation|burn(?:t|ed)? ?out|fatigue|backlash|algorithm (?:change|hide|kill|bur)\w*|gets? (?:lost|ignored|buried|forgotten|missed)|falls? (?:flat|on deaf ears)|fall through|left behind|digital(?:ly)? exclu\w+|excluded|inequit\w+|inequalit\w+|divides?\b|stuck|unsolved|unanswered|still looking for|wish (?:we|i|there|they|people|more)|if only|unfortunately|sadly|problem is|trouble is|issue is|catch is|but what about|never enough|systemic)"),
)  # fmt: skip
_RULES = _DO + _DONT + _EXAMPLE + _RESOURCE + _CONCERN
_IDIOM_DONT = re.compile(
    r"^\W*(?:\w+ )?(?:do not|don['’]?t|dont|never)\s+(?:ever )?(?:know|think|have|see|get me|get (?:it|that|this)|you|we|they|i\b|mind|want|believe|agree|miss|thought|knew|been|seen|had|heard|realised|understand|like|care|remember|felt|fails|a\b|too late|mention it|even know|really know|need)\b",
    IGNORE_CASE,
)


def find_hits(sentence: str) -> list[Hit]:
    """The rules that one sentence matches."""
    hits = []
    verb = INSTRUCTION.match(sentence)
    if verb and not IDIOM.match(sentence):
        words = " ".join(sentence[verb.start("verb") :].split()[:4]).rstrip(".,;:!")
        hits.append(Hit("instruction", "do", "starts with an instruction", words))
    for rule in _RULES:
        match = rule.pattern.search(sentence)
        if match and match[0].strip() and not (rule.kind == "dont" and _IDIOM_DONT.match(match[0].lstrip(",;:–—- "))):
            hits.append(Hit(rule.name, rule.kind, rule.says, " ".join(match[0].split())[:60].strip(" ,;:–—-")))
    return hits
