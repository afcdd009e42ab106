"""The Datasette plugin: routes to our pages, what templates know, and cells that link safely.

It is switched on by the metadata that publish.serving gives (plugins: chatkeep), so that another Datasette in the same
process is left alone.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Generator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from datasette import NotFound, Response
from datasette.views.base import DatasetteError
from markupsafe import Markup
from pluggy import HookimplMarker

from publish.plugin.chart import HEIGHT
from publish.plugin.guard import OWN_POLICY, App, guard
from publish.plugin.linking import linked
from publish.plugin.overview import BEST, load_home, load_notices, load_overview
from publish.plugin.safe_csv import with_safe_csv
from publish.plugin.searching import read_search, with_plain_searches
from publish.plugin.tables import (
    DATABASE,
    arranged,
    describe_row,
    in_words,
    is_main,
    leads_to_row,
    load_choices,
    row_path,
    session_path,
    show_value,
    table_path,
)
from publish.wording import day_in_words, shorten, web_url

NAME = "chatkeep"
hookimpl = HookimplMarker("datasette")  # Datasette's own, with types
_LOG = logging.getLogger(__name__)
_TOO_SLOW = "This took too long and was stopped: narrow it down, for example to one chat or one session."
_STATIC = Path(__file__).parent.parent / "static"


def _is_ours(datasette: Any) -> bool:
    return datasette.plugin_config(NAME) is not None


@hookimpl
def asgi_wrapper(datasette: Any) -> Callable[[App], App] | None:
    """Puts the guard before everything that Datasette answers, and what mends searches and CSV behind it."""
    return (lambda app: guard(with_plain_searches(with_safe_csv(app)))) if _is_ours(datasette) else None


@hookimpl
def register_routes(datasette: Any) -> list[tuple[str, Callable[..., Awaitable[Any]]]]:
    """Our pages; none where the plugin is switched off."""
    if not _is_ours(datasette):
        return []
    return [(r"^/session/(?P<session>[^/]+)$", session_page), (r"^/robots\.txt$", robots)]


@hookimpl
def prepare_jinja2_environment(env: Any, datasette: Any) -> None:
    """Gives templates the filters that they need."""
    if _is_ours(datasette):
        env.filters.update(
            web_url=web_url, shorten=shorten, excerpt=excerpt, session_path=session_path, table_path=table_path,
            linked=linked, arranged=arranged, in_words=in_words, days=days,
        )  # fmt: skip
        env.tests.update(main_in=is_main, leading_in=leads_to_row)
        env.globals.update(site_css_hash=_css_hash())


@hookimpl(trylast=True)  # Datasette's own function of this name comes first, and ours replaces it
def prepare_connection(conn: sqlite3.Connection, datasette: Any) -> None:
    """Lets every search box understand OR, "phrases" and a star at the end, and no text be an error."""
    if _is_ours(datasette):
        conn.create_function("escape_fts", 1, read_search, deterministic=True)


@hookimpl
def extra_template_vars(datasette: Any, view_name: str) -> Callable[[], Awaitable[dict[str, Any]]] | None:
    """The notices for every page, and the chats for the home page."""
    if not _is_ours(datasette):
        return None

    async def load() -> dict[str, Any]:
        database = datasette.get_database(DATABASE)
        shown: dict[str, Any] = {
            "notices": await load_notices(database),
            "describe_row": partial(describe_row, datasette),
            "load_choices": partial(load_choices, database),
            "row_path": row_path,
            "table_titles": _titles(datasette),
        }
        if view_name == "index":
            shown["home"] = await load_home(database)
            shown["queries"] = await datasette.get_canned_queries(DATABASE, None)
        return shown

    return load


@hookimpl
def render_cell(value: object, column: str, database: str, datasette: Any) -> Markup | None:
    """A row named by another shows as its label, linked; an address of the web is linked as a stranger's."""
    return show_value(value, column) if database == DATABASE and _is_ours(datasette) else None


@hookimpl(wrapper=True)
def handle_exception(datasette: Any, request: Any, exception: Exception) -> Generator[None, list[Any], list[Any]]:
    """A plain page for what cannot be answered, instead of Datasette's own way, which awaits every plugin's answer and
    prints a trace with all locals, posts included.
    """
    answers = yield
    return [_answer_to(datasette, request, exception)] if _is_ours(datasette) else answers


def _answer_to(datasette: Any, request: Any, exception: Exception) -> Callable[[], Awaitable[Any]]:
    status = int(getattr(exception, "status", 500))
    message = getattr(exception, "message", None) or str(exception)
    if isinstance(exception, DatasetteError):
        # Datasette says 500 for a sort order that is not there; in HTML it only says that a query took too long.
        status = 400 if status == 500 else status
        message = _TOO_SLOW if exception.message_is_html else message
    if status >= 500:
        _LOG.error("%s failed", request.path, exc_info=exception)
        message = "Something went wrong here. The terminal that runs chatkeep serve says what."
    if status == 404 and message in {"", "404"}:
        message = "There is nothing at this address: it may have been mistyped, or what was here may be gone."

    async def answer() -> Any:
        if request.path.endswith(".json"):
            return Response.json({"ok": False, "error": message, "status": status}, status=status)
        shown = {"title": getattr(exception, "title", None), "status": status, "error": message}
        body = await datasette.render_template("error.html", shown, request=request)
        return Response.html(body, status=status, headers={"content-security-policy": OWN_POLICY})

    return answer


async def session_page(datasette: Any, request: Any) -> Any:
    """The overview of one session."""
    session = unquote(request.url_vars["session"], errors="replace")
    overview = await load_overview(datasette.get_database(DATABASE), session)
    if overview is None:
        # Not raised: Datasette would first lead an address with % in it to another spelling.
        unknown = NotFound(f"There is no session called {shorten(session)}: the home page lists those there are.")
        return await _answer_to(datasette, request, unknown)()
    body = await datasette.render_template(
        "session.html",
        {"overview": overview, "session": overview.session, "chart_height": HEIGHT, "best": BEST},
        request=request,
    )
    return Response.html(body, headers={"content-security-policy": OWN_POLICY})


async def robots() -> Any:
    """Keeps search engines out, wherever the site should come to be seen."""
    return Response.text("User-agent: *\nDisallow: /\n")


def days(session: Mapping[str, Any]) -> str | None:
    """The day of a session, or its first and last day."""
    first, last = session["local_start"], session["local_end"]
    if not first or not last or first[:10] == last[:10]:
        return None if session["date"] is None else str(session["date"])
    return f"{day_in_words(first)} to {day_in_words(last)}"


def _titles(datasette: Any) -> dict[str, str]:
    tables = datasette.metadata("tables", database=DATABASE, fallback=False) or {}
    return {name: table.get("title") or name for name, table in tables.items()}


def excerpt(text: str, length: int = 700) -> str:
    """The text as it stands, cut where it is too long for a page of many."""
    return text if len(text) <= length else text[:length].rstrip() + "…"


def _css_hash() -> str:
    return hashlib.sha256((_STATIC / "site.css").read_bytes()).hexdigest()[:8]
