"""Every fault of a platform that a scheduled capture survives: nothing lost that is still shown, nothing doubled."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from faithful import assert_coverage_is_true
from simulation import PLATFORMS, Simulation, captured, feed_of, minutes, shown, simulation

from chatkeep.stage.faults import Fault
from chatkeep.stage.feed import Feed

TIMES = [float(n) * 2 for n in range(10)]
HTML = b"<html><body>We are over capacity</body></html>"


def epoch(moment: datetime) -> str:
    return str(int(moment.timestamp()))


def limited(platform: str, reset: datetime | None) -> Fault:
    """A 429 in the platform's own words, with the end of its limit or without."""
    if platform == "x":
        headers = {"x-rate-limit-remaining": "0"} | ({"x-rate-limit-reset": epoch(reset)} if reset else {})
        return Fault(kind="status", status=429, headers=headers, body=b'{"title":"Too Many Requests","status":429}')
    if platform == "mastodon":
        iso = {"X-RateLimit-Reset": f"{reset:%Y-%m-%dT%H:%M:%S.%f}Z"} if reset else {}
        return Fault(kind="status", status=429, headers=iso, body=b'{"error":"Too many requests"}')
    headers = {"ratelimit-reset": epoch(reset)} if reset else {}
    body = b'{"error":"RateLimitExceeded","message":"Rate Limit Exceeded"}'
    return Fault(kind="status", status=429, headers=headers, body=body)


USAGE_CAP = json.dumps({"title": "UsageCapExceeded", "period": "Monthly", "scope": "Product"}).encode()
NO_CREDITS = json.dumps({"title": "CreditsDepleted", "type": "https://api.x.com/2/problems/credits"}).encode()
ODD: dict[str, bytes] = {
    "x": b'{"data":[{"id":"7","text":null,"author_id":[]}],"meta":{"result_count":1}}',
    "bluesky": b'{"posts":[{"uri":"at://did:plc:x/app.bsky.feed.post/1","record":7}]}',
    "mastodon": b'[{"id":"1","content":7}]',
}

ALIKE: dict[str, list[Fault]] = {
    "500 with a web page": [Fault(kind="html", status=500)] * 4,
    "502 with a web page": [Fault(kind="html", status=502)] * 4,
    "503 with a web page": [Fault(kind="html", status=503)] * 30,
    "cut in the middle": [Fault(kind="cut")] * 4,
    "hangs": [Fault(kind="hang")] * 2,
    "truncated as if whole": [Fault(kind="truncate")] * 4,
    "in a wrong encoding": [Fault(kind="garble")] * 4,
    "an empty body": [Fault(kind="empty")] * 4,
    "forbidden by a proxy": [Fault(kind="html", status=403)] * 2,
}
LIMITS: dict[str, float | None] = {
    "429 that says when": 6,
    "429 without a time": None,
    "429 until a moment ago": 3,
    "429 for an hour": 65,
}
ODD_POST = "a post that nobody understands"
NAMES = [*ALIKE, *LIMITS, ODD_POST]


def faults_of(name: str, platform: str) -> list[Fault]:
    """What the platform does wrong, one request after the other."""
    if name in ALIKE:
        return ALIKE[name]
    if name == ODD_POST:
        return [Fault(kind="status", status=200, body=ODD[platform])] * 4
    until = LIMITS[name]
    return [limited(platform, None if until is None else minutes(until))] * 3


OF_X: dict[str, list[Fault]] = {
    "no credits": [Fault(kind="status", status=402, body=NO_CREDITS)] * 2,
    "the monthly cap": [Fault(kind="status", status=429, headers={"x-rate-limit-remaining": "39999"}, body=USAGE_CAP)],
    "one request a second": [Fault(kind="status", status=429, headers={"x-rate-limit-remaining": "17"})] * 3,
    "a revoked key": [Fault(kind="status", status=401, body=b'{"title":"Unauthorized","status":401}')] * 2,
    "a request that is refused": [Fault(kind="status", status=400, body=b'{"title":"Invalid Request"}')] * 2,
}  # fmt: skip


def survives(life: Simulation, feed: Feed, strike: Callable[[], None], at: float = 4) -> None:
    """Runs a session and its week, with the fault at a minute of it."""
    life.run_until(minutes(at))
    strike()
    life.run_until(minutes(40))
    assert_coverage_is_true(life, feed)
    life.run_until(minutes(60 * 26))
    assert_coverage_is_true(life, feed, whole=True)
    expected = shown(feed, life.clock())
    assert {
        name: captured(life.archive).get(name, set()) >= texts for name, texts in expected.items()
    } == dict.fromkeys(expected, True)


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("name", NAMES)
def test_a_session_with_this_fault_is_captured_whole_in_the_end(platform: str, name: str, tmp_path: Path) -> None:
    feed = feed_of(dict.fromkeys(PLATFORMS, TIMES))
    with simulation(feed, tmp_path, length=20, poll_seconds=60) as (life, stage):

        def strike() -> None:
            for fault in faults_of(name, platform):
                stage.faults[platform].add(fault)

        survives(life, feed, strike)


@pytest.mark.parametrize("name", OF_X)
def test_what_x_alone_says_is_survived_too(name: str, tmp_path: Path) -> None:
    feed = feed_of({"x": TIMES})
    with simulation(feed, tmp_path, length=20, poll_seconds=60) as (life, stage):
        survives(life, feed, lambda: [stage.faults["x"].add(fault) for fault in OF_X[name]] and None)
