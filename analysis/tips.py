"""Tips: spans of posts that advise, warn, give an example, point to something, name a concern or ask."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from analysis.chitchat import find_chitchat, find_small_talk
from analysis.languages import is_english
from analysis.normalising import Cleaned
from analysis.questions import Question
from analysis.ranking import Score, Weights, find_score, load_weights
from analysis.rows import SessionPost
from analysis.sentences import Piece, split_sentences
from analysis.tip_rules import Hit, find_hits
from archive.models import TIP_KINDS, TipKind

_I = re.IGNORECASE
_WISH = re.compile(
    r"\b(?:hop(?:e|es|ing)\b|wish(?:ing)?\b|i(?:'d| would) (?:love|like) to (?!see more)|(?:i|we) want(?:ed)? (?:to|more)|looking forward|can(?:'t|not) wait|"
    r"planning to|(?:i|we)(?:'m| am|'re| are) (?:going|excited|hoping|looking|ready|happy|so) |going to (?:try|start|have)|i will (?:be|have|try)|i(?:'ll| will) look|"
    r"in \d+ (?:years?|yrs)|(?:i|we) (?:need|have) to (?:get|try|look|dig|order|start|go|read|buy)\b)",
    _I,
)
_FEELING = re.compile(
    r"\b(?:feel(?:ing|s)?\b|felt\b|angry|sad|sadness|happy|proud|tired|exhausted|excited|inspired|hopeful|relieved|disappointed|disgust(?:ed)?|grateful|thankful|optimistic)\b",
    _I,
)
_PRAISE = re.compile(
    r"^\W*(?:(?:i|we) )?(?:also |really |just |still |absolutely |so |totally )*(?:love|loved|loving|like|liked|enjoy(?:ed)?|adore|agree)\b(?! (?:to|using|\w+ing)\b)|^\W*(?:great|good|nice|lovely|brilliant|excellent|fantastic|awesome|amazing|such an?|what an?|this is (?:a |an |so )?(?:great|brilliant|amazing|fantastic|good|awesome|one of)) \w+",
    _I,
)
_NEGATED = re.compile(r"\b(?:not|n['’]t|never|nobody|nothing|hardly|no longer|can(?:no|')t|cannot)\b", _I)
_RHETORICAL = re.compile(
    r"(?:\b(?:right|eh|no|yes|huh|ok|okay|isn't it|aren't we|don't you think|isn't that|anyone|anybody|ya know|y'know|really|why not|who knew|what else|seriously|what gives)\s*\?|"
    r"^\W*(?:how are you|how(?:'s| is) (?:it|life|things|everyone)|how (?:ya|you) doing|can you believe|who(?:'s| is) (?:here|with|in)|what(?:'s| is) up|did (?:i|you see|we)|"
    r"are you (?:ok|there|coming|joining|ready|kidding|serious)|is it (?:ok|okay|okay for me|me|just me|time)|should i|can i (?:just|plug|consider)|may i|wait,? what|really|seriously|what\?|why must|who else|"
    r"is there a place|where would we be|who needs|who doesn'?t|who wouldn'?t|what could (?:possibly )?go wrong|need (?:reminders?|the|a)|want to|looking for|interested in|new to|have you (?:heard|seen|signed|met))\b)",
    _I,
)
_ASKING = re.compile(
    r"\b(?:how|what|which|who|where|when|why|do|does|did|is|are|can|could|would|should|have|has|any|anyone|curious|wondering|tips on|advice on)\b",
    _I,
)
_CONTINUES = re.compile(
    r"^\W*(?:it|it['’]s|this|that|that['’]s|they|these|those|because|so|then|otherwise|which|and|but|or|plus|also|even|that way|if not|works|helps?|makes?|works?|them)\b",
    _I,
)
# A link to a post, a picture or a shortener says nothing about what it leads to.
_OWN_PLATFORM = re.compile(r"^https?://(?:t\.co|(?:\w+\.)?(?:twitter|x)\.com|pic\.twitter\.com|bsky\.app)/", _I)
_POST_LEVEL = ("roll-call", "housekeeping", "advert", "introduction")
_MOST_SPAN_WORDS = 70


@dataclass(frozen=True, slots=True)
class Context:
    """A post's place in the chat, as far as it says something about its worth as a tip."""

    question: Question | None = None
    link: str = "unlinked"  # marked, linked or unlinked
    is_host: bool = False
    agreed_with: bool = False
    asked_for: frozenset[TipKind] = frozenset()
    tone: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TipProposal:
    """A tip before it is joined with others: ``start`` and ``end`` in the original text, ``text`` cleaned."""

    post: str
    kind: TipKind
    start: int
    end: int
    text: str
    score: float
    reason: str
    question: str | None = None
    hits: tuple[Hit, ...] = field(default=(), compare=False)


def find_tips(
    post: SessionPost, cleaned: Cleaned, context: Context, weights: Weights | None = None
) -> list[TipProposal]:
    """The tips of one post, in the order of the text. Texts that are not English give none."""
    if post.repost_of or not is_english(cleaned.text, post.lang):
        return []
    weights = weights or load_weights()
    pieces = split_sentences(cleaned.text)
    whole = [small.kind for small in find_chitchat(cleaned) if small.kind in _POST_LEVEL and small.weight >= 0.8]
    scored = [_score_piece(piece, post, cleaned, context, whole, weights) for piece in pieces]
    if context.link == "marked" and pieces and not any(scored):
        longest = max(range(len(pieces)), key=lambda at: (len(pieces[at].text), -at))
        scored[longest] = _score_piece(pieces[longest], post, cleaned, context, whole, weights, fall_back=True)
    spans = [span for kind in TIP_KINDS for span in _join(kind, scored, pieces)]
    spans.sort(key=lambda span: (span.first, TIP_KINDS.index(span.kind)))
    return [_build_proposal(post, cleaned, context, pieces, span) for span in spans]


@dataclass(frozen=True, slots=True)
class _Scored:
    score: Score
    hits: tuple[Hit, ...]


@dataclass(slots=True)
class _Span:
    kind: TipKind
    first: int
    last: int
    best: _Scored


def _score_piece(  # noqa: PLR0913, PLR0917 - a sentence, its post, and the post's place
    piece: Piece,
    post: SessionPost,
    cleaned: Cleaned,
    context: Context,
    whole: Sequence[str],
    weights: Weights,
    *,
    fall_back: bool = False,
) -> dict[TipKind, _Scored]:
    """The kinds that one sentence reaches the threshold for.

    With ``fall_back``, an answer counts as what its question asked for, though no rule knows its words.
    """
    asks = is_question(piece.text)
    hits = [*find_hits(piece.text), *(_find_asked(piece, context) if fall_back else ())]
    if "resource" not in context.asked_for:
        hits = [hit for hit in hits if hit.rule not in _ONLY_WHERE_ASKED]
    if asks:
        hits.append(Hit("asks", "question", "asks", piece.text[-60:]))
    features = _find_features(piece, post, cleaned, context, hits) | set(whole)
    found: dict[TipKind, _Scored] = {}
    for kind in dict.fromkeys(hit.kind for hit in hits):
        own = tuple(hit for hit in hits if hit.kind == kind)
        score = find_score(kind, (hit.rule for hit in own), features, weights)
        if score.value >= weights.threshold:
            found[kind] = _Scored(score, own)
    return _drop_faint(found)


_ONLY_WHERE_ASKED = frozenset({"names"})  # a name is a pointer where the question asked for tools or reading
_FAINT = 0.62  # what a further kind of the same sentence needs, beside a surer one


def _drop_faint(found: dict[TipKind, _Scored]) -> dict[TipKind, _Scored]:
    best = max((one.score.value for one in found.values()), default=0.0)
    return {kind: one for kind, one in found.items() if one.score.value in {best} or one.score.value >= _FAINT}


_REASSURING = re.compile(
    r"\b(?:do not|don['’]?t|never|no need to|needn['’]?t)\s+(?:be |feel |get |ever )*(?:worr|afraid|scared|fear|panic|stress|shy|nervous|frightened)",
    _I,
)
_QUOTE = re.compile(r"[\"“][^\"”]*[\"”]|(?<!\w)['‘][^'’]{8,}['’](?!\w)")


def is_question(sentence: str) -> bool:
    """Whether a sentence really asks: not "right?", not "how are you?", not a question that it quotes."""
    text = _QUOTE.sub("", sentence)
    if "?" not in text or len(re.findall(r"\w+", text)) < 4:
        return False
    return not _RHETORICAL.search(text) and bool(_ASKING.search(text))


def _find_asked(piece: Piece, context: Context) -> list[Hit]:
    """What stands for itself because the question asked for it: "What one tip …?" "Plain English, always"."""
    if "?" in piece.text or len(piece.text.split()) < 2:
        return []
    name = context.question.name if context.question else ""
    return [
        Hit(f"asked_{kind}", kind, f"answers {name}, which asks for this", "")
        for kind in TIP_KINDS
        if kind in context.asked_for and kind in _STANDS_ALONE
    ]


_STANDS_ALONE = frozenset({"do", "concern", "dont"})


def _find_features(
    piece: Piece, post: SessionPost, cleaned: Cleaned, context: Context, hits: Sequence[Hit]
) -> set[str]:
    text = piece.text
    words = len(text.split())
    features = {context.link, *(small.kind for small in find_small_talk(text))}
    features |= {f"wanted_{kind}" for kind in context.asked_for} if context.link != "unlinked" else set()
    features |= context.tone if context.link != "unlinked" else set()
    tests = {
        "host": context.is_host,
        "tiny": words < 3,
        "short": 3 <= words < 6,
        "long": words >= 12,
        "asking": "?" in _QUOTE.sub("", text),
        "link_out": any(not _OWN_PLATFORM.search(link) for link in post.links),
        "link_inside": cleaned.links_count > int(cleaned.ends_in_link),
        "link_last": cleaned.ends_in_link and not post.links,
        "wish": bool(_WISH.search(text)),
        "feeling": bool(_FEELING.search(text)),
        "praise": bool(_PRAISE.match(text)),
        "negated": bool(_NEGATED.search(text)) and not any(hit.rule in {"worth", "if_you"} for hit in hits),
        "reassuring": bool(_REASSURING.search(text)),
        "agreed_with": context.agreed_with,
        "reposted": post.reposts_count >= 2,
    }
    return features | {name for name, holds in tests.items() if holds}


def _join(kind: TipKind, scored: Sequence[Mapping[TipKind, _Scored]], pieces: Sequence[Piece]) -> list[_Span]:
    """Spans of one kind: neighbours join unless each could stand alone; a sentence that only explains is taken in."""
    spans: list[_Span] = []
    for at, kinds in enumerate(scored):
        last = spans[-1] if spans else None
        found = kinds.get(kind)
        adjacent = last is not None and last.last == at - 1 and not pieces[at].item
        if found is None:
            if adjacent and last and not kinds and _CONTINUES.match(pieces[at].text) and "?" not in pieces[at].text:
                last.last = at
        elif adjacent and last and not _opens_anew(found):
            last.last = at
            last.best = max(last.best, found, key=lambda one: one.score.value)
        else:
            spans.append(_Span(kind, at, at, found))
    return spans


def _opens_anew(found: _Scored) -> bool:
    return any(hit.rule in {"instruction", "dont", "avoid"} for hit in found.hits)


def _build_proposal(
    post: SessionPost, cleaned: Cleaned, context: Context, pieces: Sequence[Piece], span: _Span
) -> TipProposal:
    start, end = pieces[span.first].start, pieces[span.last].end
    original = cleaned.span(start, end)
    return TipProposal(
        post=post.id,
        kind=span.kind,
        start=original[0],
        end=original[1],
        text=" ".join(cleaned.text[start:end].split()),
        score=span.best.score.value,
        reason=render_reason(span.best.hits, context),
        question=context.question.id if context.question else None,
        hits=span.best.hits,
    )


def render_reason(hits: Iterable[Hit], context: Context) -> str:
    """Why this is shown, in one readable line: the rules with the words they matched, and the post's place."""
    hits = list(hits)
    weights = load_weights().rules
    own = sorted((h for h in hits if not h.rule.startswith("asked_")), key=lambda h: (-weights[h.rule], h.rule))
    said = [f"{hit.says}: '{hit.words}'" if hit.words else hit.says for hit in own[:2]]
    said += [hit.says for hit in hits if hit.rule.startswith("asked_")]
    if context.link == "marked" and context.question and not any("answers" in part for part in said):
        said.append(f"answers {context.question.name}")
    return "; ".join(said)


_ASKS_FOR: tuple[tuple[TipKind, re.Pattern[str]], ...] = (
    ("resource", re.compile(r"\b(?:resources?|tools?|apps?|books?|websites?|links?|sites?|reading|read|software|platforms? do|where do you (?:find|go|learn|get)|who do you follow|accounts?|kit|podcasts?|blogs?|guides?|training)\b", _I)),
    ("example", re.compile(r"\b(?:examples?|case stud|who (?:does|is doing|has done)|which (?:councils?|organisations?|campaigns?)|best campaign|seen (?:work|done)|proud(?:est)?|success(?:es)? (?:story|stories|have)|have you (?:done|run|tried|used|seen)|what worked|success stor|inspir|experiences? (?:have|with)|choose one)\b", _I)),
    ("concern", re.compile(r"\b(?:challeng|barriers?|struggl|obstacles?|problems?|difficult|hard(?:est)?|worr|concern|keeps you|fear|frustrat|hold(?:s|ing)? (?:you|us) back|stop(?:s|ping)? you|risks?|issues?|still hoping to find|need(?:s)? help|pain points?|hurdles?)\w*\b", _I)),
    ("dont", re.compile(r"\b(?:avoid|mistakes?|not do|don'?ts?|never|stop doing|myths?|worst|pitfalls?|bad practice|wrong|shouldn'?t)\b", _I)),
    ("do", re.compile(r"\b(?:tips?|advice|advise|recommend\w*|suggest\w*|best (?:way|practice|time)|ways (?:to|of|you|do)|ideas|techniques?|key to|secret|what works|one thing|first steps?|golden rules?|lessons? learn\w*)\b", _I)),
)  # fmt: skip


def find_asked_for(question: str) -> frozenset[TipKind]:
    """The kinds that a question asks for, by its words: "what mistakes …" asks for don'ts."""
    return frozenset(kind for kind, pattern in _ASKS_FOR if pattern.search(question))


_TONES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("asked_feeling", re.compile(r"\b(?:feel(?:ing|s)?|coping|holding up|how are you|reaction|mood)\b", _I)),
    ("asked_wish", re.compile(r"\b(?:hop(?:e|es|ing)|wish(?:es)?|looking forward|vision|dream|next (?:few |five |four |\d+ )?years?|future)\b", _I)),
    ("asked_opinion", re.compile(r"\b(?:what (?:do|did) you think|benefits?|why (?:do|is|are)|importance|agree)\b", _I)),
    ("asked_how", re.compile(r"\b(?:how (?:do|can|could|should|would|did|might|does) (?:you|we|councils|one|teams|i|your)|how are you (?:using|doing|making|\w+ing)|what (?:do|should|can|could|would) (?:you|we|councils|teams)|approach|strateg(?:y|ies)|what are you doing)\b", _I)),
)  # fmt: skip


def find_tone(question: str) -> frozenset[str]:
    """What else a question's words let one expect of its answers: feelings, wishes, opinions, or how it is done."""
    return frozenset(name for name, pattern in _TONES if pattern.search(question))
