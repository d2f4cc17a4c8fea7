"""Wheels and source archives that lie in the project."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from reprokit.errors import BadRequest
from tests.ecosystems.python.detected import asked, detect, places


def _wheel(metadata: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("tool-1.0.dist-info/METADATA", metadata)
    return buffer.getvalue()


def _source_archive(metadata: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("tool-1.0/PKG-INFO")
        member.size = len(metadata)
        archive.addfile(member, io.BytesIO(metadata.encode()))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [("tool-1.0-py3-none-any.whl", _wheel), ("tool-1.0.tar.gz", _source_archive)],
)
def test_an_archive_in_the_project_says_what_it_depends_on(
    tmp_path: Path, name: str, content: Callable[[str], bytes]
) -> None:
    metadata = "Metadata-Version: 2.1\nName: tool\nVersion: 1.0\nRequires-Dist: numpy>=1\n"
    metadata += (
        'Requires-Dist: six; extra == "old"\nRequires-Dist: pytest; extra == "test"\n\nText\n'
    )
    (tmp_path / name).write_bytes(content(metadata))
    found = detect(tmp_path, {"requirements.txt": f"# a comment\n./{name}[old]\n"})
    assert asked(found) == {name: f"file:./{name}", "numpy": ">=1", "six": ""}
    assert places(found)["numpy"] == "requirements.txt:2"


@pytest.mark.parametrize(
    ("content", "said"), [(None, "does not exist"), (b"PK\3\4", "cannot be read")]
)
def test_an_archive_that_is_missing_or_broken_is_told(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / "tool-1.0-py3-none-any.whl").write_bytes(content)
    with pytest.raises(BadRequest, match=said) as caught:
        detect(tmp_path, {"requirements.txt": "./tool-1.0-py3-none-any.whl\n"})
    assert caught.value.where == "requirements.txt:1"


def test_an_archive_that_poetry_names_is_missed_too(tmp_path: Path) -> None:
    text = '[tool.poetry.dependencies]\ntool = {path = "tool-1.0.tar.gz"}\n'
    with pytest.raises(BadRequest, match="is no file of the project") as caught:
        detect(tmp_path, {"pyproject.toml": text})
    assert caught.value.where == "pyproject.toml:2"
