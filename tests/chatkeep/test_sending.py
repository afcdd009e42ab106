from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from archive.alarms import Alarm, save_alarms
from archive.store import Archive, open_archive
from chatkeep.cli import run
from chatkeep.sending import AlarmSender, check_sending, load_urls, send_alarms, send_test
from chatkeep.settings import load_settings
from chatkeep.stage.serving import serving

pytest.importorskip("apprise", reason="the extra chatkeep[alarms] is not installed")

SECRET = "s3cret-t0ken"
NEVER = threading.Event()


class Inbox:
    """What arrived at a loopback address that speaks apprise's json://, and how it answers."""

    def __init__(self, url: str = "") -> None:
        self.url = url
        self.messages: list[dict[str, str]] = []
        self.status = 200

    async def take(self, request: Request) -> Response:
        if self.status == 200:
            self.messages.append(json.loads(await request.body()))
        return Response(status_code=self.status)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    found = Inbox()
    with serving(Starlette(routes=[Route("/{rest:path}", found.take, methods=["POST"])])) as base:
        found.url = f"{base.replace('http', 'json')}/{SECRET}"
        yield found


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 10, 8, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def kept(tmp_path: Path, hands: Hands) -> Iterator[Archive]:
    with open_archive(tmp_path / "alarms.db", hands) as opened:
        yield opened


def alarm(name: str = "x", message: str = "") -> Alarm:
    words = message or f"#northmoor: {name} has not answered since 13:05"
    return Alarm(key=f"silent|{name}", kind="silent", level="error", message=words, remedy="Run `chatkeep check`")


def hold(archive: Archive, *names: str) -> None:
    save_alarms(archive, [alarm(name) for name in names], {"silent"})


def settle(sender: AlarmSender, archive: Archive) -> list[str]:
    """A look, the end of what it began, and the note of it."""
    problems = sender.look(archive)
    if sender._thread is not None:
        sender._thread.join(30)
    return [problem.message for problem in problems + sender.look(archive)]


def test_what_is_new_and_what_is_over_come_in_one_message(kept: Archive, hands: Hands, inbox: Inbox) -> None:
    raised, _ = save_alarms(kept, [alarm("x"), alarm("y")], {"silent"})
    assert send_alarms({"OFFICE": inbox.url}, raised[:1], raised[1:], NEVER) == []
    (message,) = inbox.messages
    assert message["title"] == "Chatkeep: 1 new problem, 1 is over"
    assert "ERROR: #northmoor: x has not answered since 13:05" in message["message"]
    assert "OVER: #northmoor: y has not answered" in message["message"]
    assert "What to do: Run `chatkeep check`" in message["message"]


def test_a_single_alarm_is_the_subject_and_a_long_one_is_cut(kept: Archive, inbox: Inbox) -> None:
    raised, _ = save_alarms(kept, [alarm(message="X \n\x1b[31m" + "very " * 900 + "long")], {"silent"})
    send_alarms({"OFFICE": inbox.url}, raised, [], NEVER)
    title, body = inbox.messages[0]["title"], inbox.messages[0]["message"]
    assert title.startswith("Chatkeep: X")
    assert len(title) <= 78
    assert "\x1b" not in body
    assert len(body.splitlines()) == 2


def test_a_storm_is_one_message_that_counts_what_it_leaves_out(kept: Archive, inbox: Inbox) -> None:
    raised, _ = save_alarms(kept, [alarm(f"server {n}") for n in range(50)], {"silent"})
    send_alarms({"OFFICE": inbox.url}, raised, [], NEVER)
    assert inbox.messages[0]["title"] == "Chatkeep: 50 new problems"
    assert "And 30 more" in inbox.messages[0]["message"]


def test_an_alarm_is_sent_once_and_its_end_once(kept: Archive, hands: Hands, inbox: Inbox) -> None:
    sender = AlarmSender({"OFFICE": inbox.url}, NEVER)
    hold(kept, "x")
    for _ in range(3):
        assert settle(sender, kept) == []
        hands.move(minutes=2)
    assert len(inbox.messages) == 1
    hold(kept)
    hands.move(minutes=6)
    for _ in range(3):
        settle(sender, kept)
        hands.move(minutes=2)
    assert [message["title"] for message in inbox.messages[1:]] == [
        "Chatkeep: over: #northmoor: x has not answered since 13:05"
    ]


def test_after_a_restart_nothing_is_sent_again(kept: Archive, inbox: Inbox) -> None:
    hold(kept, "x")
    settle(AlarmSender({"OFFICE": inbox.url}, NEVER), kept)
    settle(AlarmSender({"OFFICE": inbox.url}, NEVER), kept)
    assert len(inbox.messages) == 1


def test_there_is_at_most_one_message_a_minute(kept: Archive, hands: Hands, inbox: Inbox) -> None:
    sender = AlarmSender({"OFFICE": inbox.url}, NEVER)
    names: list[str] = []
    for n in range(12):
        names.append(str(n))
        hold(kept, *names)
        settle(sender, kept)
        hands.move(seconds=10)
    assert len(inbox.messages) == 2
    assert inbox.messages[1]["title"] == "Chatkeep: 6 new problems"


def test_what_could_not_be_sent_is_told_and_sent_later(kept: Archive, hands: Hands, inbox: Inbox) -> None:
    sender = AlarmSender({"OFFICE": inbox.url}, NEVER)
    hold(kept, "x")
    inbox.status = 500
    (problem,) = settle(sender, kept)
    assert "HTTP 500" in problem
    inbox.status = 200
    assert settle(sender, kept) == []
    assert inbox.messages == []
    hands.move(minutes=2)
    settle(sender, kept)
    assert len(inbox.messages) == 1


def test_a_dead_address_costs_the_others_nothing_and_is_tried_ever_less_often(
    kept: Archive, hands: Hands, inbox: Inbox
) -> None:
    sender = AlarmSender({"DEAD": f"json://127.0.0.1:9/{SECRET}", "OFFICE": inbox.url}, NEVER)
    failures = []
    hold(kept, "x")
    for _ in range(60):
        failures += settle(sender, kept)
        hands.move(minutes=1)
    assert len(inbox.messages) == 1
    assert 4 <= len(failures) <= 6
    hold(kept)
    hands.move(minutes=6)
    settle(sender, kept)
    assert inbox.messages[-1]["title"].startswith("Chatkeep: over")


def test_an_address_that_missed_an_alarm_is_not_told_that_it_is_over(kept: Archive, hands: Hands, inbox: Inbox) -> None:
    other = Inbox()
    with serving(Starlette(routes=[Route("/{rest:path}", other.take, methods=["POST"])])) as base:
        other.status = 500
        sender = AlarmSender({"OFFICE": inbox.url, "OTHER": base.replace("http", "json")}, NEVER)
        hold(kept, "x")
        settle(sender, kept)
        hold(kept)
        other.status = 200
        for _ in range(5):
            hands.move(minutes=3)
            settle(sender, kept)
    assert (len(inbox.messages), other.messages) == (2, [])


def test_looking_never_waits_for_the_network(kept: Archive, hands: Hands) -> None:
    held = threading.Event()

    async def hold_on(_: Request) -> Response:
        await asyncio.to_thread(held.wait, 30)
        return Response()

    with serving(Starlette(routes=[Route("/{rest:path}", hold_on, methods=["POST"])])) as base:
        sender = AlarmSender({"SLOW": base.replace("http", "json")}, NEVER)
        hold(kept, "x")
        sender.look(kept)
        thread = sender._thread
        assert thread is not None
        assert thread.is_alive()
        hold(kept, "x", "y")  # the archive can be written while the message is under way
        assert sender.look(kept) == []
        held.set()
        sender.close(kept, 30)
        assert not thread.is_alive()


def test_nothing_is_begun_after_a_person_asked_to_stop(kept: Archive, inbox: Inbox) -> None:
    stop = threading.Event()
    stop.set()
    hold(kept, "x")
    settle(AlarmSender({"OFFICE": inbox.url}, stop), kept)
    assert send_test({"OFFICE": inbox.url}, stop) == []
    assert inbox.messages == []


def test_no_secret_is_said_logged_or_kept(
    tmp_path: Path, kept: Archive, hands: Hands, inbox: Inbox, caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    addresses = {
        "OFFICE": inbox.url, "DEAD": f"json://user:{SECRET}@127.0.0.1:9/{SECRET}", "WRONG": f"nonsense://{SECRET}",
        "HALF": f"slack://{SECRET}", "EMPTY": SECRET,
    }  # fmt: skip
    inbox.status = 403
    sender = AlarmSender(addresses, NEVER)
    hold(kept, "x")
    said = settle(sender, kept)
    assert len(said) == len(addresses)
    told = capsys.readouterr()
    assert SECRET not in "".join(said) + caplog.text + told.out + told.err + repr(sender._recipients)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


def write_settings(folder: Path, url: str | None, send_to: str = '["OFFICE"]') -> Path:
    config = folder / "chats.toml"
    config.write_text(f"[chat.northmoor]\n[alarms]\nsend_to = {send_to}\n", encoding="utf-8")
    (folder / ".env").write_text("" if url is None else f"OFFICE={url}\n", encoding="utf-8")
    return config


def test_addresses_come_from_the_variables_that_the_settings_name(tmp_path: Path, hands: Hands) -> None:
    settings = load_settings(write_settings(tmp_path, "json://a"), hands.now, {"PATH": "/bin"})
    assert load_urls(settings) == {"OFFICE": "json://a"}
    assert "json://a" not in repr(settings)


@pytest.mark.parametrize("url", [None, "nonsense", "slack://half"])
def test_an_address_that_is_missing_or_wrong_is_a_warning_without_the_address(
    tmp_path: Path, hands: Hands, url: str | None
) -> None:
    (problem,) = check_sending(load_settings(write_settings(tmp_path, url), hands.now, {}))
    assert (problem.where, problem.level) == ("OFFICE", "warning")
    assert url is None or url not in problem.message + problem.remedy


def test_without_the_extra_the_way_to_install_it_is_said(
    tmp_path: Path, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    (problem,) = check_sending(load_settings(write_settings(tmp_path, "json://a"), hands.now, {}))
    assert "pip install 'chatkeep[alarms]'" in problem.remedy
    assert send_test({"OFFICE": "json://a"}, NEVER) == [problem]


def test_check_sends_a_test_message_and_says_so(
    tmp_path: Path, inbox: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_settings(tmp_path, inbox.url)
    arguments = ["--data", str(tmp_path / "data"), "--config", str(config), "check"]
    assert run(arguments) == 0
    assert inbox.messages == []
    assert run([*arguments, "--send-test"]) == 0
    assert "OFFICE: a test message was sent" in capsys.readouterr().out
    assert "Nothing is wrong" in inbox.messages[0]["message"]
    inbox.status = 500
    assert run([*arguments, "--send-test"]) == 0
    said = capsys.readouterr().out
    assert "HTTP 500" in said
    assert "was sent" not in said


def test_a_test_message_without_anywhere_to_send_is_answered_with_the_way_to_set_it_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "chats.toml"
    config.write_text("[chat.northmoor]\n", encoding="utf-8")
    assert run(["--data", str(tmp_path), "--config", str(config), "check", "--send-test"]) == 2
    assert "[alarms]" in capsys.readouterr().err


def test_every_address_that_the_docs_give_as_an_example_is_understood(tmp_path: Path, hands: Hands) -> None:
    page = (Path(__file__).parents[2] / "docs" / "operators.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```ini\n(.*?)```", page, re.DOTALL)
    names = re.findall(r"^(\w+)=", block, re.MULTILINE)
    config = write_settings(tmp_path, None, json.dumps(names))
    (tmp_path / ".env").write_text(block, encoding="utf-8")
    settings = load_settings(config, hands.now, {})
    assert set(load_urls(settings)) == set(names)
    assert len(names) == 3
    assert check_sending(settings) == []
