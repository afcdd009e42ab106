"""Bluesky's sessions: few sign-ins, shared by processes, secret everywhere."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from bluesky_ground import NORTHMOOR, Ground, Hour, standing_on, tag_plan, walk

from archive.errors import ExchangeError, Fatal, SettingsError
from chatkeep.stage.bluesky import STAGE_HANDLE, STAGE_PASSWORD
from chatkeep.stage.faults import Fault
from collector.sources.bluesky import BlueskySource
from collector.transport import build_client


@pytest.fixture
def hour() -> Hour:
    return Hour()


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    with standing_on(Hour(), tmp_path) as opened:
        yield opened


# Sessions


def test_one_session_serves_many_walks_and_processes(ground: Ground) -> None:
    for _ in range(3):
        source = ground.source()
        source.fetch(tag_plan(source), None)
        source.fetch(tag_plan(source), None)
    assert ground.asked.count("createSession") == 1
    assert ground.asked.count("searchPosts") == 6


def test_the_session_file_is_the_owner_s_alone(ground: Ground) -> None:
    source = ground.source()
    source.fetch(tag_plan(source), None)
    (file,) = ground.sessions_dir.glob("*.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(ground.sessions_dir.stat().st_mode) == 0o700
    assert ":" not in file.name
    assert STAGE_PASSWORD not in file.read_text()


def test_an_expired_session_is_refreshed_once_without_a_sign_in(ground: Ground) -> None:
    source = ground.source()
    source.fetch(tag_plan(source), None)
    ground.hour.pass_by(hours=3)
    ground.asked.clear()
    assert source.fetch(tag_plan(source), None).format == "search"
    assert ground.asked == ["searchPosts", "refreshSession", "searchPosts"]
    assert ground.source().fetch(tag_plan(source), None).format == "search"
    assert ground.asked[3:] == ["searchPosts"]


def test_a_session_renewed_by_another_process_is_taken_over(ground: Ground) -> None:
    mine, other = ground.source(), ground.source()
    mine.fetch(tag_plan(mine), None)
    other.fetch(tag_plan(other), None)
    ground.hour.pass_by(hours=3)
    other.fetch(tag_plan(other), None)
    ground.asked.clear()
    mine.fetch(tag_plan(mine), None)
    assert ground.asked == ["searchPosts", "searchPosts"]


def test_a_session_that_cannot_be_refreshed_is_replaced_by_a_sign_in(ground: Ground) -> None:
    source = ground.source()
    source.fetch(tag_plan(source), None)
    ground.hour.pass_by(days=91)
    ground.asked.clear()
    source.fetch(tag_plan(source), None)
    assert ground.asked == ["searchPosts", "refreshSession", "createSession", "searchPosts"]


def test_a_refreshed_session_that_is_refused_leads_to_one_sign_in_and_then_to_an_end(ground: Ground) -> None:
    source = ground.source()
    source.fetch(tag_plan(source), None)
    ground.asked.clear()
    expired = Fault(kind="status", status=400, body=b'{"error":"ExpiredToken","message":"x"}', path="searchPosts")
    ground.faults.add(expired, times=2)
    source.fetch(tag_plan(source), None)
    assert ground.asked == [
        "searchPosts", "refreshSession", "searchPosts", "createSession", "searchPosts",
    ]  # fmt: skip
    ground.faults.add(expired, times=3)
    with pytest.raises(Fatal, match="BLUESKY_APP_PASSWORD"):
        source.fetch(tag_plan(source), None)


def test_a_damaged_session_file_leads_to_a_sign_in(ground: Ground) -> None:
    source = ground.source()
    source.fetch(tag_plan(source), None)
    (file,) = ground.sessions_dir.glob("*.json")
    file.write_bytes(b'{"access": "half')
    fresh = ground.source()
    assert fresh.fetch(tag_plan(fresh), None).format == "search"


def test_without_a_sessions_folder_nothing_is_written(ground: Ground) -> None:
    source = BlueskySource(
        ground.http, ground.hour, service=ground.base, handle="@Collector.test ", app_password=STAGE_PASSWORD,
        sessions_dir=None,
    )  # fmt: skip
    source.fetch(tag_plan(source), None)
    source.fetch(tag_plan(source), None)
    assert ground.asked.count("createSession") == 1
    assert not ground.sessions_dir.exists()


@pytest.mark.parametrize(("handle", "password"), [(None, None), ("", "x"), (STAGE_HANDLE, None)])
def test_missing_credentials_name_the_variables_and_where_to_get_them(
    ground: Ground, handle: str | None, password: str | None
) -> None:
    source = ground.source(password, handle)
    with pytest.raises(Fatal, match=r"app-passwords.*BLUESKY_HANDLE.*BLUESKY_APP_PASSWORD"):
        source.fetch(tag_plan(source), None)
    assert ground.asked == []


def test_wrong_credentials_name_the_variables_and_are_not_tried_again(ground: Ground) -> None:
    source = ground.source("not-the-password")
    with pytest.raises(Fatal, match="BLUESKY_APP_PASSWORD"):
        source.fetch(tag_plan(source), None)
    assert ground.asked == ["createSession"]


def test_no_secret_reaches_a_page_or_an_error(ground: Ground) -> None:
    source = ground.source()
    pages, _ = walk(source, tag_plan(source))
    (file,) = ground.sessions_dir.glob("*.json")
    secrets = [STAGE_PASSWORD, *json.loads(file.read_text()).values()]
    echo = json.dumps({"error": "BadRequest", "message": f"odd: {secrets[1]}"}).encode()
    errors = []
    for fault in (
        Fault(kind="status", status=400, body=echo, path="searchPosts"),
        Fault(kind="status", status=403, body=echo, path="searchPosts"),
        Fault(kind="status", status=502, body=echo, path="searchPosts"),
    ):
        ground.faults.add(fault)
        with pytest.raises(ExchangeError) as caught:
            source.fetch(tag_plan(source), None)
        errors.append(repr(caught.value))
    with pytest.raises(Fatal) as wrong:
        ground.source("wrong", "somebody.test").fetch(tag_plan(source), None)
    everything = "".join(map(repr, [*pages, *errors, wrong.value, source.plans("tag", NORTHMOOR)]))
    assert not [secret for secret in secrets if secret in everything]
    assert "authorization" not in everything.lower()


def test_a_key_is_not_sent_over_plain_http(hour: Hour) -> None:
    with build_client("t") as http, pytest.raises(SettingsError, match="https"):
        BlueskySource(http, hour, service="http://bsky.example", handle="a", app_password="b", sessions_dir=None)
