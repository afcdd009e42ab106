"""The scheduled collector: its requests, its delay, its filter of Bluesky's stream, and a year of it.

`python benchmarks/bench_collect.py [requests|latency|filter|year]…`; without a word all four, which take five minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

from collect_filter import bench_filter
from collect_latency import bench_latency
from collect_requests import bench_requests
from collect_year import bench_year

_PARTS: Mapping[str, tuple[str, Callable[[], None]]] = {
    "requests": ("requests made, against the fewest possible", bench_requests),
    "latency": ("from a post's publication to its row in the archive", bench_latency),
    "filter": ("events of Jetstream filtered, against reading them as JSON", bench_filter),
    "year": ("a year of ten weekly chats", bench_year),
}


def main() -> None:
    """Runs the parts that are asked for."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("parts", nargs="*", metavar="PART", help=", ".join(_PARTS))
    parts = options.parse_args().parts or list(_PARTS)
    if unknown := [name for name in parts if name not in _PARTS]:
        options.error(f"no part {unknown[0]!r}; there are {', '.join(_PARTS)}")
    for name in parts:
        title, run = _PARTS[name]
        print(f"\n== {title}")
        run()


if __name__ == "__main__":
    main()
