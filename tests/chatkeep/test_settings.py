from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import SettingsError, UsageError
from chatkeep.sessions import occurrences
from chatkeep.settings import Settings, find_chat, load_settings
from collector.options import Budget, ChatOptions

NOW = datetime(2026, 10, 8, 14, 0, tzinfo=UTC)
GOOD = """
[chat.lgadigital]
title = "LGA digital"
hashtags = ["#LGADigital"]
hosts = ["x:@LGAcomms"]
[[chat.lgadigital.session]]
starts = 2014-10-09T13:00:00
ends = 2014-10-09T14:00:00
questions = ["What one tip?"]
[[chat.lgadigital.session]]
every = "Thu 13:00"
[source.x]
"""


TWINS = "".join(f'[[chat.{chat}.session]]\nid = "s"\nstarts = 2026-10-08T13:00:00\n' for chat in "ab")


def load(tmp_path: Path, text: str, environment: dict[str, str] | None = None) -> Settings:
    path = tmp_path / "chats.toml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path, NOW, environment or {})


def test_a_whole_file_is_read_in_the_chats_own_time(tmp_path: Path) -> None:
    chat = load(tmp_path, GOOD).chats["lgadigital"]
    assert (chat.hashtags, chat.hosts) == (("lgadigital",), ("x:LGAcomms",))
    assert [(s.id, s.starts_at) for s in chat.sessions] == [
        ("lgadigital-2014-10-09", "2014-10-09T12:00:00.000Z"),
        ("lgadigital-2026-10-08", "2026-10-08T12:00:00.000Z"),
        ("lgadigital-2026-10-15", "2026-10-15T12:00:00.000Z"),
    ]


@pytest.mark.parametrize(
    ("broken", "line", "words"),
    [
        ('[chat.a]\ntitle = "open\n', 2, "mend this line"),
        ('[chat.a]\nhashtags = "one"\n', 2, "must be a list"),
        ('[chat.a]\n\ntimezone = "Mars"\n', 3, "Europe/London"),
        ("[chat.a]\ncolour = 3\n", 2, "it may have"),
        ("[[chat.a.session]]\nstarts = 2026-10-08\n", 2, "day without an hour"),
        ("[[chat.a.session]]\nstarts = 2026-10-08T13:00:00\nends = 2026-10-08T12:00:00\n", 3, "ends before"),
        ('[[chat.a.session]]\nevery = "sometimes"\n', 2, "Thu 13:00"),
        ("[[chat.a.session]]\nstarts = 0001-01-01T00:00:00\n", 2, "mend the year"),
        (
            TWINS,
            2,
            "an id of its own",
        ),
        ("[chat.a]\n[chat.A]\n", 1, "a name of its own"),
        ("[source.mastodon]\nservers = []\n", 2, "no server is named"),
        ("[source.myspace]\n", 1, "there are bluesky, mastodon, x"),
        ('[source.mastodon]\nservers = "https://a.example"\n', 2, "must be a list"),
        ('[chat.a]\nconversations = "no"\n', 2, "write conversations = false"),
        ("[chat.a]\nunfold_links = 0\n", 2, "write unfold_links = false"),
        ("[chat.a]\n\nbudget = 5\n", 3, "write budget ="),
        ("[chat.a]\nbudget = { week = 5 }\n", 2, "it may have month, session"),
        ("[chat.a]\nbudget = { session = -1 }\n", 2, "US dollars"),
        ("[chat.a]\nbudget = { session = 0.00001 }\n", 2, "tenth of a cent"),
        ("[chat.a]\nbudget = { month = nan }\n", 2, "US dollars"),
        ("[chat.a]\nbudget = { month = 1e99 }\n", 2, "US dollars"),
        ("[chat.a]\nbudget = { month = true }\n", 2, "US dollars"),
        ("[chat.a.budget]\nmonth = '5'\n", 1, "US dollars"),
    ],
)
def test_a_broken_file_is_answered_with_its_line_and_the_remedy(
    tmp_path: Path, broken: str, line: int, words: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, broken)
    assert f"line {line}" in str(caught.value)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=200))
def test_no_text_at_all_breaks_the_reader_of_settings(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(text.encode("utf-8", "replace"))
    try:
        load_settings(path, NOW, {})
    except SettingsError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017  # most texts are wrong, some are not


@pytest.mark.parametrize("value", ["3", "[1]", "{ x = 1 }", "true", '"text"', "[{ a = 1 }]", "2026-10-08"])
@pytest.mark.parametrize(
    "place",
    ["chat = V", "[chat]\na = V", "[chat.a]\nK = V", "[[chat.a.session]]\nK = V", "source = V", "[source]\nx = V"],
)
@pytest.mark.parametrize(
    "key",
    ["title", "hashtags", "hosts", "timezone", "session", "starts", "minutes", "every", "budget", "conversations",
     "unfold_links"],
)  # fmt: skip
def test_values_of_a_wrong_kind_are_refused_in_one_line_or_read(
    tmp_path: Path, place: str, key: str, value: str
) -> None:
    try:
        load(tmp_path, place.replace("K", key).replace("V", value))
    except SettingsError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017  # either is right; a traceback is not


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("", Budget(5_000, 20_000)),
        ("budget = { session = 0.29, month = 1.005 }", Budget(290, 1_005)),
        ("budget = { session = 0 }", Budget(0, 20_000)),
        ("budget = { month = 1000000 }", Budget(5_000, 1_000_000_000)),
    ],
)
def test_a_budget_is_read_to_the_tenth_of_a_cent_and_there_always_is_one(
    tmp_path: Path, text: str, budget: Budget
) -> None:
    assert load(tmp_path, f"[chat.a]\n{text}\n").options["a"] == ChatOptions(budget, conversations=True)


@pytest.mark.parametrize("switch", ["conversations", "unfold_links"])
def test_what_is_fetched_beside_the_hashtag_can_be_switched_off(switch: str, tmp_path: Path) -> None:
    assert load(tmp_path, "[chat.a]\n").options["a"] == ChatOptions()
    off = ChatOptions(**{switch: False})  # type: ignore[arg-type]  # a switch by its name
    assert load(tmp_path, f"[chat.a]\n{switch} = false\n").options["a"] == off


def test_no_file_gives_no_chat_and_no_error(tmp_path: Path) -> None:
    assert load_settings(tmp_path / "none.toml", NOW, {}).chats == {}


def test_secrets_come_from_env_and_the_environment_goes_first(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("X_BEARER_TOKEN=filed\nBLUESKY_HANDLE=ann.example\nOTHER=1\n")
    settings = load(tmp_path, GOOD, {"X_BEARER_TOKEN": "given", "PATH": "/bin"})
    assert settings.secrets == {"X_BEARER_TOKEN": "given", "BLUESKY_HANDLE": "ann.example"}
    assert "given" not in repr(settings)


@pytest.mark.parametrize("name", ["lgadigital", "#LGAdigital", " LGA Digital ", "＃lgadigital"])
def test_a_hashtag_in_any_spelling_means_the_same_chat(tmp_path: Path, name: str) -> None:
    assert find_chat(name, load(tmp_path, GOOD).chats).slug == "lgadigital"


def test_an_unknown_chat_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the known ones are: lgadigital"):
        find_chat("lgadigitl", load(tmp_path, GOOD).chats)


@pytest.mark.parametrize(
    ("now", "hours"), [("2026-10-22", 12), ("2026-10-29", 13), ("2027-03-25", 13), ("2027-04-01", 12)]
)
def test_a_weekly_chat_keeps_its_local_hour_through_both_clock_changes(now: str, hours: int) -> None:
    moment = datetime.fromisoformat(f"{now}T23:00:00+00:00")
    (start, end), _next = occurrences("Thu 13:00", 60, ZoneInfo("Europe/London"), moment)
    assert start.astimezone(UTC).hour == hours
    assert (end - start).total_seconds() == 3600


def test_adding_a_session_on_the_same_day_renames_none(tmp_path: Path) -> None:
    one = "[[chat.a.session]]\nstarts = 2023-03-01T13:00:00\n"
    two = one + "[[chat.a.session]]\nstarts = 2023-03-01T10:00:00\n"
    assert [s.id for s in load(tmp_path, one).chats["a"].sessions] == ["a-2023-03-01"]
    assert {s.id: s.starts_at[11:13] for s in load(tmp_path, two).chats["a"].sessions} == {
        "a-2023-03-01": "13", "a-2023-03-01-1000": "10",
    }  # fmt: skip


def test_a_name_that_is_one_chat_and_anothers_hashtag_means_the_chat(tmp_path: Path) -> None:
    chats = load(tmp_path, '[chat.one]\nhashtags = ["two"]\n[chat.two]\n[chat.three]\nhashtags = ["two"]\n').chats
    assert find_chat("two", chats).slug == "two"
    with pytest.raises(UsageError, match="several chats"):
        find_chat("both", load(tmp_path, '[chat.one]\nhashtags = ["both"]\n[chat.x]\nhashtags = ["both"]\n').chats)


def test_a_file_of_keys_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("X_BEARER_TOKEN=gr\u00fc\n".encode("utf-16"))
    with pytest.raises(SettingsError, match="UTF-8"):
        load(tmp_path, GOOD)


@pytest.mark.parametrize(
    "send_to",
    ['["slack://tokens3cret/x"]', '"TEAMS_URL"', "[3]", '["X_BEARER_TOKEN"]', '["MASTODON_TOKEN_A_EXAMPLE"]'],
)
def test_an_address_or_a_platforms_key_in_the_settings_is_refused_and_not_repeated(
    tmp_path: Path, send_to: str
) -> None:
    with pytest.raises(SettingsError, match="line 2") as caught:
        load(tmp_path, f"[alarms]\nsend_to = {send_to}\n")
    assert "s3cret" not in str(caught.value)


def test_alarms_name_their_variables_and_no_other_variable_is_read(tmp_path: Path) -> None:
    given = {"TEAMS_URL": "workflows://a", "OTHER": "1"}
    settings = load(tmp_path, '[alarms]\nsend_to = ["TEAMS_URL", "MISSING"]\n', given)
    assert (settings.alarms, settings.secrets) == (("TEAMS_URL", "MISSING"), {"TEAMS_URL": "workflows://a"})


@pytest.mark.parametrize(
    ("starts", "expected"),
    [
        ("2027-03-28T00:30:00", ("2027-03-28T00:30:00.000Z", "2027-03-28T01:30:00.000Z")),
        ("2027-10-31T01:30:00", ("2027-10-31T00:30:00.000Z", "2027-10-31T01:30:00.000Z")),
    ],
)
def test_an_hour_lasts_an_hour_also_where_the_clocks_change(
    tmp_path: Path, starts: str, expected: tuple[str, str]
) -> None:
    path = tmp_path / "chats.toml"
    path.write_text(f"[chat.a]\n[[chat.a.session]]\nstarts = {starts}\nminutes = 60\n")
    (session,) = load_settings(path, datetime(2027, 1, 1, tzinfo=UTC), {}).chats["a"].sessions
    assert (session.starts_at, session.ends_at) == expected


def test_a_weekly_hour_lasts_an_hour_in_the_night_of_the_change(tmp_path: Path) -> None:
    path = tmp_path / "chats.toml"
    path.write_text('[chat.a]\n[[chat.a.session]]\nevery = "Sun 01:30"\nminutes = 60\n')
    for now in (datetime(2027, 3, 27, tzinfo=UTC), datetime(2027, 10, 30, tzinfo=UTC)):
        for session in load_settings(path, now, {}).chats["a"].sessions:
            lasts = datetime.fromisoformat(session.ends_at) - datetime.fromisoformat(session.starts_at)
            assert lasts == timedelta(hours=1), session


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('hosts = ["LGAcomms"]', "'LGAcomms' is no account"),
        ('hosts = ["twitter:foo"]', "'twitter:foo' is no account"),
        ('hashtags = ["two words"]', "'two words' cannot be a hashtag"),
        ('hashtags = [""]', "'' cannot be a hashtag"),
        ('hashtags = ["a OR b) from:x"]', "cannot be a hashtag"),
        ('hashtags = ["🎉"]', "cannot be a hashtag"),
    ],
)
def test_what_no_platform_takes_for_a_hashtag_or_account_is_refused_with_its_line(
    tmp_path: Path, line: str, words: str
) -> None:
    path = tmp_path / "chats.toml"
    path.write_text(f"[chat.a]\n{line}\n")
    with pytest.raises(SettingsError, match="line 2") as caught:
        load_settings(path, datetime(2027, 1, 1, tzinfo=UTC), {})
    assert words in str(caught.value)
