from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from chatkeep.folder_checks import check_folder, check_place


def test_a_folder_that_a_cloud_drive_syncs_is_a_warning(tmp_path: Path) -> None:
    (problem,) = check_place(tmp_path / "OneDrive - Northmoor Council" / "data")
    assert (problem.level, "--data" in problem.remedy) == ("warning", True)
    assert check_place(tmp_path / "data") == []


@pytest.mark.parametrize(("free", "level"), [(10**10, []), (5 * 10**8, ["warning"]), (10**8, ["error"])])
def test_the_disk_of_a_folder_that_does_not_exist_yet_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, level: list[str]
) -> None:
    looked = []

    def disk_usage(path: Path) -> object:
        looked.append(path)
        return shutil._ntuple_diskusage(10**12, 10**12 - free, free)  # type: ignore[attr-defined]  # what it really gives

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    assert [problem.level for problem in check_folder(tmp_path / "not" / "yet")] == level
    assert looked == [tmp_path]
