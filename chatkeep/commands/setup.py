"""init and check: a chat set up in a minute, and what stands in its way, each with its remedy."""

from __future__ import annotations

import json
import os
import shutil
from datetime import datetime
from zoneinfo import ZoneInfo

import click

from archive.errors import SettingsError, UsageError
from archive.models import PLATFORM_NAMES, PLATFORMS, Problem, normalise_tag
from chatkeep import __version__
from chatkeep.app import App, json_option, pass_app
from chatkeep.sources import build_sources
from collector.transport import build_client

_DISK_WARNING_BYTES = 1_000_000_000
_CLOUD_FOLDERS = ("onedrive", "dropbox", "google drive", "googledrive", "icloud", "mobile documents", "nextcloud")
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


@click.command()
@click.option("--hashtag", prompt="The chat's hashtag", help="The hashtag, with or without #.")
@click.option("--title", prompt="Its title", default="", help="What the chat is called.")
@click.option("--starts", prompt="Next session, local time (2026-11-26T13:00)", default="", help="When it starts.")
@click.option("--minutes", default=60, show_default=True, type=click.IntRange(1, 1440), help="How long it lasts.")
@click.option("--timezone", default="Europe/London", show_default=True, help="The chat's time zone.")
@click.option("--host", "hosts", multiple=True, help="A host account such as bluesky:you.bsky.social; repeatable.")
@click.option(
    "--platform",
    "platforms",
    multiple=True,
    type=click.Choice(PLATFORMS),
    default=("bluesky", "mastodon"),
    show_default=True,
    help="Where to look; repeatable.",
)
@pass_app
def init(  # noqa: PLR0913  # one parameter an option
    app: App,
    *,
    hashtag: str,
    title: str,
    starts: str,
    minutes: int,
    timezone: str,
    hosts: tuple[str, ...],
    platforms: tuple[str, ...],
) -> None:
    """Set up a chat: write chats.toml, a file for your keys, and the data folder."""
    if app.config.exists():
        raise UsageError(f"{app.config} exists already; add the chat to it in an editor, or choose another --config")
    tag = normalise_tag("".join(hashtag.split()))
    if not tag.replace("_", "").isalnum():
        raise UsageError(f"{hashtag!r} cannot be a hashtag: letters and digits only")
    app.config.write_text(_settings_text(tag, title, (starts, minutes, timezone), hosts, platforms), encoding="utf-8")
    try:
        app.load_settings()
    except SettingsError:
        app.config.unlink()
        raise
    app.data.mkdir(parents=True, exist_ok=True)
    secrets = app.config.parent / ".env"
    if not secrets.exists():
        with open(os.open(secrets, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123  # made unreadable to others from its first moment, which pathlib cannot
            file.write(_SECRETS)
    app.out.print(f"wrote {app.config} and {secrets}. Put your keys into {secrets}, then run `chatkeep check`.")


def _settings_text(
    tag: str, title: str, session: tuple[str, int, str], hosts: tuple[str, ...], platforms: tuple[str, ...]
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
        try:
            moment = datetime.fromisoformat(starts.strip())
        except ValueError as error:
            raise UsageError(f"{starts!r} is not a time; write it as 2026-11-26T13:00") from error
        local = moment.astimezone(ZoneInfo(timezone)) if moment.tzinfo else moment
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
@json_option
@pass_app
def check(app: App, *, as_json: bool) -> None:
    """Look for what would stop a capture, and say how to mend it. Costs nothing."""
    settings = app.load_settings()
    problems = [*_check_settings(app, bool(settings.chats), bool(settings.sources)), *_check_folder(app)]
    with build_client(__version__) as http:
        for name, source in build_sources(settings, http, app.clock, app.data).items():
            found = source.check()
            problems += found
            if not found and not as_json:
                app.out.print(f"{PLATFORM_NAMES[name]}: ready")
    if as_json:
        rows = [{"level": p.level, "where": p.where, "problem": p.message, "remedy": p.remedy} for p in problems]
        app.show(rows, as_json=True)
    else:
        for problem in problems:
            app.out.print(_sentence(problem), markup=False)
    errors = [problem for problem in problems if problem.level == "error"]
    if errors:
        raise SettingsError(f"{len(errors)} to mend before a capture can work: {errors[0].where}: {errors[0].message}")
    if not as_json:
        app.out.print("Nothing stands in the way.")


def _sentence(problem: Problem) -> str:
    where = PLATFORM_NAMES.get(problem.where, problem.where)
    remedy = problem.remedy[:1].upper() + problem.remedy[1:].rstrip(".")
    return f"{problem.level}: {where}: {problem.message}. {remedy}."


def _check_settings(app: App, has_chats: bool, has_sources: bool) -> list[Problem]:  # two facts about one file
    where = str(app.config)
    if not app.config.exists():
        return [Problem(where, "there are no settings here", "Run `chatkeep init`, or go to the folder that has them")]
    problems = []
    if not has_chats:
        problems.append(Problem(where, "no chat is named", "Add a [chat.NAME] table"))
    if not has_sources:
        problems.append(Problem(where, "no platform is named", "Add [source.bluesky], [source.mastodon] or [source.x]"))
    return problems


def _check_folder(app: App) -> list[Problem]:
    folder = app.data.absolute()
    where = str(folder)
    problems = []
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not os.access(existing, os.W_OK):
        problems.append(Problem(where, "the folder cannot be written", "Choose another with --data"))
    if shutil.disk_usage(existing).free < _DISK_WARNING_BYTES:
        problems.append(Problem(where, "less than 1 GB of disk is free", "Free some space before the chat", "warning"))
    if any(name in part.lower() for part in folder.parts for name in _CLOUD_FOLDERS):
        words = "a cloud drive syncs this folder, which can damage the archive"
        problems.append(Problem(where, words, "Choose a folder that is not synced with --data", "warning"))
    return problems


COMMANDS = (init, check)
