"""What an answer of X that brings no posts means for the collector, in one place (X's own table of errors)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx

from archive.errors import ExchangeError, Fatal, OutOfBudget, Retriable, Skippable
from collector.sources.x_answers import count_of
from collector.sources.x_post import as_object, native_id

WHERE_TO_GET_A_KEY = "copy the Bearer Token from your app's Keys and tokens page at https://console.x.com into .env"

_WHAT_THE_APP_NEEDS = (
    "at https://console.x.com the app must be in a project with access to search; "
    f'without the full archive set search = "recent" under [source.x]; else {WHERE_TO_GET_A_KEY}'
)

_TOKENS = frozenset({"next_token", "pagination_token"})
_LONGEST_WINDOW_SECONDS = 15 * 60 + 10  # X counts requests in windows of 15 minutes; more is a broken header
_WITHOUT_RESET_SECONDS = 60.0
_ONE_A_SECOND_SECONDS = 2.0  # search/all allows one request a second, and says so with requests remaining


def error_of(response: httpx.Response, now: datetime, secret: str) -> ExchangeError | None:
    """The error that the answer is, or None for one to read on. ``secret`` never appears in the message."""
    status = response.status_code
    if status == 200:
        return None
    problem = _problem(response)
    told = _told(problem, secret)
    if status == 402 or _kind(problem) == "usage-capped":
        return OutOfBudget(_out_of_budget(status, told), status=status)
    if status == 429:
        return _too_many(response, now, told)
    if status == 401 or (status == 403 and problem is not None):
        return _refusal(status, told)
    if status >= 500 or status == 408 or problem is None:
        return Retriable(f"X answered with an error of its own ({status}){told}", status=status)
    return Skippable(f"X does not answer this request ({status}){told}", status=status)


def decoded(response: httpx.Response) -> dict[str, Any]:
    """The answer's JSON object; Retriable where a 200 holds none, which is how a cut or foreign answer looks."""
    answer = _json(response)
    if isinstance(answer, dict) and not answer.keys().isdisjoint(("data", "meta", "errors")):
        return answer
    raise Retriable("X sent an answer that cannot be read, perhaps cut short", status=response.status_code)


def check_search(answer: Mapping[str, Any]) -> None:
    """Raises Retriable where an answer is no page of a search: it must tell how many posts it brings, and bring them.

    A single odd item among posts is the parser's matter; an error in place of posts would pass for an empty hour.
    """
    rows, meta = answer.get("data"), answer.get("meta")
    count = meta.get("result_count") if isinstance(meta, dict) else None
    token = meta.get("next_token") if isinstance(meta, dict) else None
    counted = type(count) is int and (bool(rows) or (count == 0 and not answer.get("errors")))
    if not (counted and _is_list_of_posts(rows) and isinstance(token, str | None)):
        raise _not_understood()


def check_lookup(answer: Mapping[str, Any]) -> None:
    """Raises Retriable where an answer neither brings posts nor says of any that it is gone."""
    rows, errors = answer.get("data"), answer.get("errors")
    gone = [each for each in errors if isinstance(each, dict)] if isinstance(errors, list) else []
    named = any(native_id(each.get("resource_id")) or native_id(each.get("value")) for each in gone)
    if not (_is_list_of_posts(rows) and (rows or named)):
        raise _not_understood()


def check_counts(answer: Mapping[str, Any]) -> None:
    """Raises Retriable where an answer is no page of counts: a total, and the counts that make it up."""
    rows = answer.get("data")
    total = count_of(as_object(answer.get("meta")), "total_{}_count")
    counted = isinstance(rows, list) and any(isinstance(row, dict) and count_of(row) is not None for row in rows)
    if total is None or not (counted or (not rows and total == 0 and not answer.get("errors"))):
        raise _not_understood()


def refuses_token(response: httpx.Response) -> bool:
    """Whether X refuses the very token that it gave to go on from."""
    if response.status_code != 400:
        return False
    errors = (_problem(response) or {}).get("errors")
    return any(
        name in _TOKENS for each in (errors if isinstance(errors, list) else ()) for name in _parameters_of(each)
    )


def _parameters_of(error: object) -> list[str]:
    parameters = as_object(as_object(error).get("parameters"))
    return list(parameters) if len(parameters) == 1 else []  # of several nobody knows which is meant


def _is_list_of_posts(rows: object) -> bool:
    """Whether ``data`` is absent, empty, or a list in which at least one item is a post."""
    if not rows:
        return rows is None or rows == []
    items = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return any(native_id(item.get("id")) and isinstance(item.get("text"), str) for item in items)


def _not_understood() -> Retriable:
    return Retriable("X sent an answer that cannot be understood", status=200)


def _refusal(status: int, told: str) -> Fatal:
    if status == 401:
        return Fatal(f"X does not accept X_BEARER_TOKEN{told}; {WHERE_TO_GET_A_KEY}", status=status)
    return Fatal(f"X refuses this to the app of X_BEARER_TOKEN{told}; {_WHAT_THE_APP_NEEDS}", status=status)


def _too_many(response: httpx.Response, now: datetime, told: str) -> Retriable:
    remaining = _number(response, "x-rate-limit-remaining")
    reset = _number(response, "x-rate-limit-reset")
    if remaining:
        after = _ONE_A_SECOND_SECONDS
    elif reset is None:
        after = _WITHOUT_RESET_SECONDS
    else:
        after = min(max(reset - now.timestamp(), 0.0) + 1.0, _LONGEST_WINDOW_SECONDS)
    return Retriable(f"X asks us to wait {after:.0f} seconds{told}", after=after, status=429)


def _out_of_budget(status: int, told: str) -> str:
    if status == 402:
        return f"X has no credits left for this{told}; add credits or raise the spend limit at https://console.x.com"
    return f"the monthly number of posts that X sells you is used up{told}; see Usage at https://console.x.com"


def _number(response: httpx.Response, header: str) -> int | None:
    text = response.headers.get(header, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _problem(response: httpx.Response) -> dict[str, Any] | None:
    """X's description of what went wrong; None where the answer comes from something before X (a web page)."""
    problem = _json(response)
    return problem if isinstance(problem, dict) else None


def _kind(problem: dict[str, Any] | None) -> str:
    """The last part of the problem's type, since X writes two hosts before it."""
    if problem is None:
        return ""
    if problem.get("title") == "UsageCapExceeded":
        return "usage-capped"
    return str(problem.get("type")).rsplit("/", 1)[-1]


def _told(problem: dict[str, Any] | None, secret: str) -> str:
    """What X says, in brackets, for the end of a sentence."""
    if problem is None:
        return ""
    errors = problem.get("errors")
    inner = errors[0].get("message") if isinstance(errors, list) and errors and isinstance(errors[0], dict) else None
    text = inner or problem.get("detail") or problem.get("title")
    if not isinstance(text, str):
        return ""
    plain = " ".join(text.replace(secret, "…").split())
    return f' ("{plain[:200]}")'


def _json(response: httpx.Response) -> object:
    try:
        parsed: object = json.loads(response.content.decode())
    except (ValueError, RecursionError):
        return None
    return parsed
