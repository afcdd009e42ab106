"""What the conformance tests share: one real Bluesky network for all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from bluesky_network import CouldNotStart, Manifest, running_network

REQUIRED = os.environ.get("CHATKEEP_REQUIRE_REAL_BLUESKY") == "1"


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manifest]:
    """A real network for all tests that ask for one, or a plain word why there is none."""
    start = Path(os.environ["CHATKEEP_REAL_DATA"]) / "servers" / "bluesky" / "start.sh"
    with ExitStack() as stack:
        try:
            manifest = stack.enter_context(running_network(start, tmp_path_factory.mktemp("network") / "log"))
        except CouldNotStart as error:
            if REQUIRED:
                pytest.fail(f"the real Bluesky network could not be started: {error}")
            pytest.skip(f"the real Bluesky network could not be started: {error}")
        yield manifest


@pytest.fixture(scope="session")
def sessions_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all tests: Bluesky allows few sign-ins."""
    return tmp_path_factory.mktemp("sessions")
