"""What the staged X charges: each post and user once a UTC day, however often it is sold, and counts by the request."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from chatkeep.stage.x_text import Json

_PRICES = {"post": 5, "user": 10, "recent counts": 5, "all counts": 10}  # tenths of a US cent


@dataclass(slots=True)
class Till:
    """The bill of one staged X. ``by_day`` and ``billed_tenth_cents`` are money in tenths of a US cent.

    Unlike the real X it is strict: what was billed on a UTC day is never billed again on that day.
    """

    by_day: Counter[str] = field(default_factory=Counter)
    resources: set[tuple[str, str, str]] = field(default_factory=set)
    requests_count: int = 0

    @property
    def billed_tenth_cents(self) -> int:
        """What everything cost so far."""
        return sum(self.by_day.values())

    def charge_answer(self, answer: Json, now: datetime) -> None:
        """Bills the posts and users of an answer, those that came along included."""
        includes = answer.get("includes", {})
        posts = [*answer.get("data", ()), *includes.get("tweets", ()), *includes.get("posts", ())]
        for kind, items in (("post", posts), ("user", includes.get("users", ()))):
            for item in items:
                self._charge(kind, item["id"], now)

    def charge_count(self, endpoint: str, now: datetime) -> None:
        """Bills one request for counts; ``endpoint`` is ``recent counts`` or ``all counts``."""
        self.requests_count += 1
        self._charge(endpoint, str(self.requests_count), now)

    def _charge(self, kind: str, resource: str, now: datetime) -> None:
        day = f"{now:%Y-%m-%d}"
        if (day, kind, resource) not in self.resources:
            self.resources.add((day, kind, resource))
            self.by_day[day] += _PRICES[kind]
