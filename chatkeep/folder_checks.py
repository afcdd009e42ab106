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
    free = shutil.disk_usage(find_existing(folder.absolute())).free
    return check_place(folder) + check_disk(str(folder.absolute()), free)


def check_place(folder: Path) -> list[Problem]:
    """As check_folder(), without the room on its disk, which a running capture watches all the time."""
    folder = folder.absolute()
    where = str(folder)
    found = []
    if not os.access(find_existing(folder), os.W_OK):
        found.append(Problem(where, "the folder cannot be written", "Choose another with --data"))
    if any(name in part.lower() for part in folder.parts for name in _CLOUD_FOLDERS):
        words = "a cloud drive syncs this folder, which can damage the archive"
        found.append(Problem(where, words, "Choose a folder that is not synced with --data", "warning"))
    return found


def find_existing(folder: Path) -> Path:
    """The folder itself, or the nearest above it that exists."""
    return next(parent for parent in (folder, *folder.parents) if parent.exists())
