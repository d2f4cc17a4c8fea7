"""Files that are just being written."""

from __future__ import annotations

from pathlib import Path

from reprokit import files
from reprokit.project import Project


def test_what_another_reprokit_is_writing_is_no_file_of_the_project(tmp_path: Path) -> None:
    with files.replacing(tmp_path / "repro.lock") as writing:
        (half,) = tmp_path.iterdir()
        assert Project(tmp_path).files == ()
        writing.write(b"{}")
    assert not half.exists() and Project(tmp_path).files == ("repro.lock",)
