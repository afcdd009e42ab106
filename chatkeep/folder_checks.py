"""The folder that holds the archive: can it be written, has its disk room, does a cloud drive sync it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from archive.models import Problem
from collector.watching import check_disk

_CLOUD_FOLDERS = ("onedrive", "dropbox", "google drive", "googledrive", "icloud", "mobile documents", "nextcloud")


def check_folder(folder: Path) -> list[Problem]:
    """What may stop or damage an archive in ``folder``, which need not exist yet."""
    folder = folder.absolute()
    where = str(folder)
    found = []
    existing = find_existing(folder)
    if not os.access(existing, os.W_OK):
        found.append(Problem(where, "the folder cannot be written", "Choose another with --data"))
    found += check_disk(where, shutil.disk_usage(existing).free)
    if any(name in part.lower() for part in folder.parts for name in _CLOUD_FOLDERS):
        words = "a cloud drive syncs this folder, which can damage the archive"
        found.append(Problem(where, words, "Choose a folder that is not synced with --data", "warning"))
    return found


def find_existing(folder: Path) -> Path:
    """The folder itself, or the nearest above it that exists."""
    return next(parent for parent in (folder, *folder.parents) if parent.exists())
