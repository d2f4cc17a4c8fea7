"""apt.txt: names with their lines, and a clear error for everything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from reprokit.ecosystems.apt import AptEcosystem
from reprokit.errors import BadRequest
from reprokit.model import Detection
from reprokit.project import Project


def _detect(folder: Path, text: str, name: str = "apt.txt") -> Detection | None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return AptEcosystem().detect(Project(folder))


def test_names_come_with_their_lines_and_comments_are_skipped(tmp_path: Path) -> None:
    found = _detect(tmp_path, "# fonts\nfonts-dejavu # for figures\n\nlibgsl27\nlibgsl27\n")
    assert found is not None
    assert found.files == ("apt.txt",)
    assert [(p.name, p.stage, p.reason.file, p.reason.line) for p in found.system_packages] == [
        ("fonts-dejavu", "run", "apt.txt", 2),
        ("libgsl27", "run", "apt.txt", 4),
    ]


def test_the_binder_folder_comes_first(tmp_path: Path) -> None:
    found = _detect(tmp_path, "graphviz\r\n", "binder/apt.txt")
    assert found is not None and found.system_packages[0].reason.file == "binder/apt.txt"
    found = _detect(tmp_path, "pandoc\n")
    assert found is not None and [p.name for p in found.system_packages] == ["graphviz"]


def test_no_file_is_no_detection(tmp_path: Path) -> None:
    assert AptEcosystem().detect(Project(tmp_path)) is None


@pytest.mark.parametrize(
    "line", ["curl; rm -rf /", "$(id)", "-o Dpkg::x=y", "git=1:2.39", "libc6:i386", "Zlib", "a b"]
)
def test_anything_else_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    with pytest.raises(BadRequest) as caught:
        _detect(tmp_path, f"git\n{line}\n")
    assert caught.value.where == "apt.txt:2"
    assert caught.value.next is not None
