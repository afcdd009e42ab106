"""Jetstream's events filtered with 1,000 hashtags watched, against reading the same events as JSON and nothing more."""

from __future__ import annotations

import gc
import json
import random
import time
from collections.abc import Callable, Iterable

import orjson
from memory import resident_mb

from collector.sources.base import Channel
from collector.sources.jetstream_filter import JetstreamFilter

_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_SPOKEN = {
    "en": "council residents bins morning weather train delayed honestly love this game tonight watching",
    "pt": "gente hoje amanhã não acredito muito bom jogo trabalho saudade você também coração",
    "ja": "今日は とても 楽しかった です 明日も 頑張ります ありがとう 写真を 撮りました 猫が かわいい",
    "de": "heute morgen wieder Regen schön größer Straße für alle Menschen endlich Feierabend",
    "ko": "오늘은 날씨가 정말 좋네요 내일도 힘내세요 사진을 찍었어요 감사합니다",
    "ar": "صباح الخير اليوم جميل جدا شكرا لكم في المدينة الجديدة",
}
_WORDS = {lang: text.split() for lang, text in _SPOKEN.items()}
_PLAIN_TAGS = [f"topic{number}" for number in range(4_000)] + ["art", "photography", "イラスト", "フォト", "newmusic"]
WATCHED = 1_000
_FIRST_MICROS = 1_790_000_000_000_000


def build_events(count: int, seed: int = 11) -> list[bytes]:
    """``count`` events as Jetstream writes them: compact, 400 to 1,500 bytes, in several languages and scripts.

    One in ten bears hashtags, one in a thousand one that is watched. One in twenty is a deletion, of some post, and one
    in a hundred tells of an account. No post of anybody is among them.
    """
    chance = random.Random(seed)
    return [_event(number, chance) for number in range(count)]


def _event(number: int, chance: random.Random) -> bytes:
    did = "did:plc:" + "".join(chance.choices(_LETTERS, k=24))
    head = f'{{"did":"{did}","time_us":{_FIRST_MICROS + number * 20_000}'
    kind = chance.random()
    if kind < 0.01:
        told = {"active": True, "did": did, "seq": number, "time": "2026-10-08T12:00:00.000Z"}
        return f'{head},"kind":"account","account":{_compact(told)}}}'.encode()
    rev, key = (f"3m{number:011d}" for _ in range(2))
    commit = f'{head},"kind":"commit","commit":{{"rev":"{rev}","operation":'
    if kind < 0.06:
        return f'{commit}"delete","collection":"app.bsky.feed.post","rkey":"{key}"}}}}'.encode()
    record = _compact(_record(number, chance))
    for sign, escape in (("&", "\\u0026"), ("<", "\\u003c"), (">", "\\u003e")):  # as Go's encoder writes them
        record = record.replace(sign, escape)
    cid = "bafyrei" + "".join(chance.choices(_LETTERS, k=52))
    rest = f'"create","collection":"app.bsky.feed.post","rkey":"{key}","record":{record},"cid":"{cid}"'
    return f"{commit}{rest}}}}}".encode()


def _record(number: int, chance: random.Random) -> dict[str, object]:
    lang = chance.choices(list(_WORDS), weights=[50, 15, 18, 8, 5, 4])[0]
    text = " ".join(chance.choices(_WORDS[lang], k=chance.randint(4, 32)))
    tags = _tags(number, chance)
    facets = []
    for tag in tags:
        starts = len(text.encode()) + 1
        text = f"{text} #{tag}"
        feature = {"$type": "app.bsky.richtext.facet#tag", "tag": tag}
        facets.append({"features": [feature], "index": {"byteEnd": len(text.encode()), "byteStart": starts}})
    record: dict[str, object] = {"$type": "app.bsky.feed.post", "createdAt": "2026-10-08T12:00:00.000Z"}
    if chance.random() < 0.35:
        record["embed"] = _embed(chance)
    if facets:
        record["facets"] = facets
    record["langs"] = [lang]
    if chance.random() < 0.45:
        parent = {
            "cid": "bafyrei" + "c" * 52,
            "uri": f"at://did:plc:{'p' * 24}/app.bsky.feed.post/3mpppp{number % 997}",
        }
        record["reply"] = {"parent": parent, "root": parent}
    if chance.random() < 0.02:
        text = f'it\'s "quoted" & <odd>\n{text} https://example.org/#part'
    record["text"] = text
    return record


def _tags(number: int, chance: random.Random) -> list[str]:
    if number % 1_000 == 17:
        return [f"watchedchat{chance.randrange(WATCHED)}"]
    return chance.sample(_PLAIN_TAGS, chance.randint(1, 6)) if chance.random() < 0.1 else []


def _embed(chance: random.Random) -> dict[str, object]:
    link = "bafkrei" + "".join(chance.choices(_LETTERS, k=52))
    image = {"$type": "blob", "mimeType": "image/jpeg", "ref": {"$link": link}, "size": chance.randint(10_000, 900_000)}
    shown = {
        "alt": "a picture " * chance.randint(0, 12),
        "aspectRatio": {"height": 1350, "width": 1080},
        "image": image,
    }
    return {"$type": "app.bsky.embed.images", "images": [shown]}


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _cpu_seconds(work: Callable[[bytes], object], events: Iterable[bytes]) -> float:
    gc.collect()
    began = time.process_time()
    for event in events:
        work(event)
    return time.process_time() - began


def bench_filter(count: int = 200_000, rounds: int = 3) -> None:
    """Prints events a CPU-second of each, the ratios, and what memory the filter takes."""
    events = build_events(count)
    mean = sum(map(len, events)) / count
    tagged = sum(b"facet#tag" in event for event in events)
    print(f"{count} events of {mean:.0f} bytes, {tagged / count:.0%} with a hashtag, {WATCHED} hashtags watched")
    channels = [Channel(f"chat{n // 10}", frozenset({f"watchedchat{n}"})) for n in range(WATCHED)]
    taken = 0
    best: dict[str, float] = {}
    memory: list[float] = []
    for _ in range(rounds):
        sieve = JetstreamFilter(channels)
        taken = 0

        def take(event: bytes, sieve: JetstreamFilter = sieve) -> None:
            nonlocal taken
            taken += len(sieve.take(event))

        for name, work in (("the filter", take), ("json.loads", json.loads), ("orjson.loads", orjson.loads)):
            best[name] = min(best.get(name, 1e9), _cpu_seconds(work, events))
        memory.append(resident_mb())
    for name, seconds in best.items():
        print(
            f"  {name:<14}{count / seconds:10,.0f} events a CPU-second   {seconds / best['the filter']:5.1f} x the time"
        )
    expected = sum(b"watchedchat" in event for event in events)
    print(f"  {taken} events wanted, {expected} expected (aim: faster than bare json.loads)")
    sieve = JetstreamFilter(channels)
    for part in range(5):
        for event in events:
            sieve.take(event.replace(b'"rkey":"3m', f'"rkey":"{part}m'.encode(), 1))
        memory.append(resident_mb())
    print(
        f"  memory: {memory[rounds]:.0f} MB after {count:,} events, {memory[-1]:.0f} MB after {5 * count:,} (aim: flat)"
    )
