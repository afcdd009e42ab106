"""publish and serve: the published files, and the site over them."""

from __future__ import annotations

import click

from archive.errors import UsageError
from archive.times import to_text
from chatkeep.app import App, json_option, pass_app
from publish.chats_db import publish_chats


@click.command()
@json_option
@pass_app
def publish(app: App, *, as_json: bool) -> None:
    """Build chats.db, the file that people explore, from the archive."""
    with app.opened("publish"):
        published = publish_chats(app.archive_path, app.chats_path, at=to_text(app.clock()))
    rows = [{"table": name, "rows": count} for name, count in published.rows.items()]
    app.show(rows, as_json=as_json)
    if not as_json:
        app.say(f"published {app.chats_path}; look at it with `chatkeep serve`")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; this machine alone.")
@click.option("--port", default=8001, show_default=True, type=click.IntRange(0, 65535), help="The port; 0: a free one.")
@pass_app
def serve(app: App, host: str, port: int) -> None:
    """Show the published chats in your browser, on this machine alone. Ctrl-C ends it."""
    if not app.chats_path.exists():
        raise UsageError(f"{app.chats_path} is not there yet: run `chatkeep publish` first")
    from publish.serving import serve_site  # noqa: PLC0415  # Datasette takes a second to load

    serve_site(app.chats_path, host=host, port=port, on_ready=lambda url: announce(app, url))


def announce(app: App, url: str) -> None:
    """Says where the site is."""
    app.say(f"The site: {url}   (Ctrl-C ends it)")


COMMANDS = (publish, serve)
