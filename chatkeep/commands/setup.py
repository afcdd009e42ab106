"""init and check: a chat set up in a minute, and what stands in its way, each with its remedy."""

from __future__ import annotations

import json
import os
import threading
from datetime import datetime
from zoneinfo import ZoneInfo

import click

from archive.errors import SettingsError, UsageError
from archive.models import PLATFORM_NAMES, Problem
from archive.opening import storage_errors
from chatkeep import __version__, sending
from chatkeep.answers import Hashtag, LocalTime, Platforms, Zone
from chatkeep.app import App, json_option, pass_app
from chatkeep.commands.findings import write_file
from chatkeep.folder_checks import check_folder
from chatkeep.lost_decisions import check_decisions
from chatkeep.sending import check_sending, load_urls
from chatkeep.settings import Settings
from chatkeep.sources import build_sources
from collector.transport import build_client

_SECRETS = """\
# Keys for chatkeep. Keep this file to yourself: whoever has it can use your accounts.
# X: console.x.com, your app, Keys and tokens, Bearer Token
X_BEARER_TOKEN=
# Bluesky: Settings, Privacy and security, App passwords (never your main password)
BLUESKY_HANDLE=
BLUESKY_APP_PASSWORD=
# Mastodon: only if your server asks for it: Preferences, Development, New application, scope read
MASTODON_TOKEN=
"""


class _Init(click.Command):
    """Refuses before it asks anything."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        app = ctx.find_object(App)
        if app is not None and app.config.exists() and not ctx.resilient_parsing and "--help" not in args:
            raise UsageError(
                f"{app.config} exists already; add the chat to it in an editor, or choose another --config"
            )
        return super().parse_args(ctx, args)


@click.command(cls=_Init)
@click.option("--hashtag", prompt="The chat's hashtag", type=Hashtag(), help="The hashtag, with or without #.")
@click.option("--title", prompt="What the chat is called", default="", help="What the chat is called.")
@click.option(
    "--starts",
    prompt="The next session begins, such as 2026-11-26 13:00",
    type=LocalTime(),
    default="",
    help="When the next session begins, in the chat's own time.",
)
@click.option("--minutes", default=60, show_default=True, type=click.IntRange(1, 1440), help="How long it lasts.")
@click.option("--timezone", default="Europe/London", show_default=True, type=Zone(), help="The chat's time zone.")
@click.option("--host", "hosts", multiple=True, help="A host account such as bluesky:you.bsky.social; repeatable.")
@click.option(
    "--platforms",
    prompt="Where to look (bluesky, mastodon, x; X needs a paid key)",
    type=Platforms(),
    default="bluesky, mastodon",
    show_default=True,
    help="Where to look: bluesky, mastodon, x.",
)
@pass_app
def init(  # noqa: PLR0913  # one parameter an option
    app: App,
    *,
    hashtag: str,
    title: str,
    starts: datetime | None,
    minutes: int,
    timezone: str,
    hosts: tuple[str, ...],
    platforms: tuple[str, ...],
) -> None:
    """Set up a chat: write chats.toml, a file for your keys, and the data folder."""
    text = _settings_text(hashtag, title, (starts, minutes, timezone), hosts, platforms)
    write_file(app.config, text)
    try:
        app.load_settings()
    except SettingsError:
        app.config.unlink()
        raise
    with storage_errors(app.data):
        app.data.mkdir(parents=True, exist_ok=True)
    secrets = app.config.parent / ".env"
    if not secrets.exists():
        with open(os.open(secrets, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123  # made unreadable to others from its first moment, which pathlib cannot
            file.write(_SECRETS)
    app.say(
        f"wrote {app.config} and {secrets}.\n"
        f"Open {secrets} in a text editor (files that begin with a dot may be hidden in your file manager) and put your"
        " keys into it. Then run `chatkeep check`.",
    )


def _settings_text(
    tag: str, title: str, session: tuple[datetime | None, int, str], hosts: tuple[str, ...], platforms: tuple[str, ...]
) -> str:
    starts, minutes, timezone = session
    lines = [
        f"[chat.{_key(tag)}]",
        f"title = {_quoted(title or '#' + tag)}",
        f"hashtags = [{_quoted(tag)}]",
        f"hosts = [{', '.join(_quoted(host) for host in hosts)}]",
        f"timezone = {_quoted(timezone)}",
    ]
    if starts:
        local = starts.astimezone(ZoneInfo(timezone)) if starts.tzinfo else starts
        lines += ["", f"[[chat.{_key(tag)}.session]]", f"starts = {local:%Y-%m-%dT%H:%M:%S}", f"minutes = {minutes}"]
        lines += ["questions = []  # if you know them before"]
    for platform in platforms:
        lines += ["", f"[source.{platform}]"]
        lines += ['servers = ["https://mastodon.social"]  # each server sees only a part: name several'] * (
            platform == "mastodon"
        )
    return "\n".join(lines) + "\n"


def _key(tag: str) -> str:
    """TOML takes letters beyond ASCII in a name only in quotes."""
    return tag if tag.isascii() else _quoted(tag)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


@click.command()
@click.option("--send-test", is_flag=True, help="Also send a test message to wherever alarms go.")
@json_option
@pass_app
def check(app: App, *, send_test: bool, as_json: bool) -> None:
    """Look for what would stop a capture, and say how to mend it. Costs nothing."""
    settings = app.load_settings()
    problems = [*_check_settings(app, bool(settings.chats), bool(settings.sources)), *check_folder(app.data)]
    problems += check_decisions(app.archive_path, app.decisions_path)
    problems += check_sending(settings)
    if send_test:
        problems += _send_test(app, settings, quiet=as_json)
    with build_client(__version__) as http:
        for name, source in build_sources(settings, http, app.clock, app.data).items():
            found = source.check()
            problems += found
            if not found and not as_json:
                app.say(f"{PLATFORM_NAMES[name]}: ready")
    if as_json:
        rows = [{"level": p.level, "where": p.where, "problem": p.message, "remedy": p.remedy} for p in problems]
        app.show(rows, as_json=True)
    else:
        for problem in problems:
            app.say(_sentence(problem))
    errors = [problem for problem in problems if problem.level == "error"]
    if errors:
        raise SettingsError(f"{len(errors)} to mend before a capture can work; each is named above with its remedy")
    if not as_json:
        app.say("Nothing stands in the way.")


def _send_test(app: App, settings: Settings, *, quiet: bool) -> list[Problem]:
    """Says what arrived; an address that check_sending() has found wrong already is not told twice."""
    if not settings.alarms:
        raise UsageError(
            f"{app.config} says nowhere to send alarms: add [alarms] with send_to; docs/operators.md says how"
        )
    wrong = {problem.where for problem in check_sending(settings)}
    urls = {name: url for name, url in load_urls(settings).items() if not wrong & {name, "[alarms]"}}
    problems = sending.send_test(urls, threading.Event())
    failed = {problem.where for problem in problems}
    for name in [] if quiet else urls:
        if name not in failed:
            app.say(f"{name}: a test message was sent")
    return problems


def _sentence(problem: Problem) -> str:
    where = PLATFORM_NAMES.get(problem.where, problem.where)
    remedy = problem.remedy[:1].upper() + problem.remedy[1:].rstrip(".")
    message = problem.message.rstrip(".")
    return f"{problem.level}: {where}: {message}{'' if message.endswith('?') else '.'} {remedy}."


def _check_settings(app: App, has_chats: bool, has_sources: bool) -> list[Problem]:  # two facts about one file
    where = str(app.config)
    if not app.config.exists():
        return [Problem(where, "there are no settings here", "Run `chatkeep init`, or go to the folder that has them")]
    problems = []
    if not has_chats:
        problems.append(Problem(where, "no chat is named", "Add a [chat.NAME] table"))
    if not has_sources:
        remedy = "To capture, add [source.bluesky], [source.mastodon] or [source.x]; to import files you need none"
        problems.append(Problem(where, "no platform is named", remedy, "warning"))
    return problems


COMMANDS = (init, check)
