"""Finds the files that Chatkeep carries: reference data, the demo chat, Datasette's metadata."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent
_PLACES = (_PACKAGE / "reference_data", _PACKAGE.parent / "data", _PACKAGE.parent)


def reference_path(name: str) -> Path:
    """Where ``name`` lies: inside the installed wheel, or in a checkout's data/ or top level.

    Raises FileNotFoundError where the installation is incomplete.
    """
    for place in _PLACES:
        if (place / name).is_file():
            return place / name
    raise FileNotFoundError(f"{name} did not come with this installation of chatkeep")
