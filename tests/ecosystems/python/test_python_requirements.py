"""pip's requirements files, as people really write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprokit.ecosystems.python import requirements_txt
from reprokit.ecosystems.python.found import Found
from reprokit.errors import BadRequest
from reprokit.project import Project


def _read(folder: Path, files: dict[str, str | bytes]) -> Found:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return requirements_txt.read(Project(folder), "requirements.txt")


def test_names_specifiers_extras_and_markers_with_their_lines(tmp_path: Path) -> None:
    text = (
        "# a comment\n"
        "numpy==1.26.4\n"
        "\n"
        "Requests[socks,security] >=2,<3 ; python_version < '3.12'  # why not\n"
        "scipy \\\n"
        "  >= 1.10\n"
        "tqdm\n"
    )
    found = _read(tmp_path, {"requirements.txt": text})
    described = [
        (r.name, r.specifier, r.extras, r.marker, r.reason.line) for r in found.requirements
    ]
    assert described == [
        ("numpy", "==1.26.4", (), None, 2),
        ("Requests", "<3,>=2", ("security", "socks"), 'python_version < "3.12"', 4),
        ("scipy", ">=1.10", (), None, 5),
        ("tqdm", "", (), None, 7),
    ]
    assert all(r.reason.file == "requirements.txt" for r in found.requirements)


def test_hashes_over_several_lines(tmp_path: Path) -> None:
    digest = "a" * 64
    text = f"six==1.16.0 \\\n    --hash=sha256:{digest} \\\n    --hash=sha256:{'b' * 64}\n"
    (asked,) = _read(tmp_path, {"requirements.txt": text}).requirements
    assert asked.specifier == "==1.16.0"
    assert asked.hashes == (f"sha256:{digest}", f"sha256:{'b' * 64}")


def test_includes_constraints_and_indexes(tmp_path: Path) -> None:
    found = _read(
        tmp_path,
        {
            "requirements.txt": "-r more/base.txt\n-c limits.txt\n"
            "--extra-index-url https://example.org/simple\n-i https://mirror.example/simple\n"
            "--find-links ./wheels\n",
            "more/base.txt": "-r ../other.txt\nnumpy\n",
            "other.txt": "scipy\n",
            "limits.txt": "numpy<2\n",
        },
    )
    assert [r.name for r in found.requirements] == ["scipy", "numpy"]
    assert [(r.name, r.specifier, r.reason.file) for r in found.constraints] == [
        ("numpy", "<2", "limits.txt")
    ]
    assert found.indexes == (
        ("extra-index-url", "https://example.org/simple"),
        ("index-url", "https://mirror.example/simple"),
        ("find-links", "file:./wheels"),
    )
    assert set(found.files) == {"requirements.txt", "more/base.txt", "other.txt", "limits.txt"}


@pytest.mark.parametrize(
    ("line", "name", "url"),
    [
        ("git+https://h.example/a/b.git@v1#egg=thing", "thing", "git+https://h.example/a/b.git@v1"),
        ("-e git+https://h.example/a/b.git", "b", "git+https://h.example/a/b.git"),
        ("x @ git+https://h.example/x@main", "x", "git+https://h.example/x@main"),
        (
            "https://h.example/foo_bar-1.0-py3-none-any.whl",
            "foo-bar",
            "https://h.example/foo_bar-1.0-py3-none-any.whl",
        ),
        (
            "git+https://h.example/m.git#egg=m&subdirectory=py",
            "m",
            "git+https://h.example/m.git#subdirectory=py",
        ),
    ],
)
def test_direct_references(tmp_path: Path, line: str, name: str, url: str) -> None:
    (asked,) = _read(tmp_path, {"requirements.txt": line + "\n"}).requirements
    assert (asked.name, asked.url) == (name, url)


def test_folders_of_the_project(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "requirements.txt": "-e .[plot]\n./lib\n",
        "lib/setup.py": "",
    }
    first, second = _read(tmp_path, files).requirements
    assert (first.url, first.extras) == ("file:./", ("plot",))
    assert (second.url, second.name) == ("file:./lib", "lib")


def test_what_powershell_writes(tmp_path: Path) -> None:
    found = _read(tmp_path, {"requirements.txt": "numpy==1.0\r\nscipy\r\n".encode("utf-16")})
    assert [r.name for r in found.requirements] == ["numpy", "scipy"]


def test_what_conda_leaves_in_pip_freeze(tmp_path: Path) -> None:
    text = "numpy @ file:///croot/numpy_1668593735768/work\npkg-resources==0.0.0\n"
    found = _read(tmp_path, {"requirements.txt": text})
    assert [(r.name, r.specifier, r.url) for r in found.requirements] == [("numpy", "", None)]
    assert [note.level for note in found.notes] == ["warning", "information"]


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("numpy\nnumpy=1.2\n", "requirements.txt:2", "numpy==1.2"),
        ("numpy=1.21.2=py38h1\n", "requirements.txt:1", "numpy==1.21.2"),
        ("\n\nfoo bar\n", "requirements.txt:3", "name"),
        ("-r missing.txt\n", "requirements.txt:1", "missing.txt"),
        ("-r ../../etc/passwd\n", "requirements.txt:1", "out of the project"),
        ("-r requirements.txt\n", "requirements.txt:1", "itself"),
        ("-r https://example.org/r.txt\n", "requirements.txt:1", "download"),
        ("--frobnicate\n", "requirements.txt:1", "--frobnicate"),
        ("./nowhere\n", "requirements.txt:1", "nowhere"),
        ("/etc/passwd\n", "requirements.txt:1", "out of the project"),
        ("--index-url https://me:hunter2@example.org\n", "requirements.txt:1", ".netrc"),
        ("git+https://me:hunter2@h.example/x.git\n", "requirements.txt:1", "password"),
        ("numpy ${WHICH}\n", "requirements.txt:1", "environment variable"),
        ("numpy; $(touch x)\n", "requirements.txt:1", "not a requirement"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, text: str, place: str, hint: str) -> None:
    with pytest.raises(BadRequest) as caught:
        _read(tmp_path, {"requirements.txt": text})
    assert caught.value.where == place
    assert hint in str(caught.value)
    assert "hunter2" not in str(caught.value)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_no_text_leads_to_anything_but_names_or_a_clear_error(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    try:
        found = _read(folder, {"requirements.txt": text})
    except BadRequest:
        return
    for asked in found.requirements:
        assert asked.name == "." or all(c.isalnum() or c in "-_." for c in asked.name)


@pytest.mark.parametrize(
    ("line", "specifier"),
    [("python", None), ("python>=3.8", ">=3.8"), ("python==3.9.12", "==3.9.*")],
)
def test_python_among_the_packages_is_its_version(
    tmp_path: Path, line: str, specifier: str | None
) -> None:
    found = _read(tmp_path, {"requirements.txt": f"six\n{line}\npython-dateutil\n"})
    assert [r.name for r in found.requirements] == ["six", "python-dateutil"]
    assert [r.specifier for r in found.runtimes] == ([specifier] if specifier else [])
    assert any("no package of PyPI" in note.text for note in found.notes)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/owner/some-tool/archive/main.zip", "some-tool"),
        ("https://github.com/owner/tool/archive/refs/tags/v1.tar.gz", "tool"),
        ("https://gitlab.com/group/sub/tool/-/archive/v1/tool-v1.zip", "tool"),
    ],
)
def test_archives_of_a_branch_are_the_repository(tmp_path: Path, url: str, name: str) -> None:
    (asked,) = _read(tmp_path, {"requirements.txt": url + "\n"}).requirements
    assert (asked.name, asked.url) == (name, url)


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("matplotlib=>3.3", "write `matplotlib>=3.3`"),
        ("Package    Version", "pip freeze"),
        ("numpy pandas scipy", "one package a line"),
        ("<html><body>404</body></html>", "write it as pip does"),
    ],
)
def test_hints_at_what_was_meant(tmp_path: Path, line: str, hint: str) -> None:
    with pytest.raises(BadRequest, match="is not a requirement") as caught:
        _read(tmp_path, {"requirements.txt": line + "\n"})
    assert caught.value.where == "requirements.txt:1"
    assert hint in str(caught.value.next)


@pytest.mark.parametrize("line", ["~\0", "./" + "a" * 5000, "../" * 2000, "./\udce9"])
def test_paths_that_no_file_can_have(tmp_path: Path, line: str) -> None:
    with pytest.raises(BadRequest):
        _read(tmp_path, {"requirements.txt": line.encode("utf-8", "surrogateescape") + b"\n"})


def test_an_error_shows_the_beginning_of_a_binary_file(tmp_path: Path) -> None:
    with pytest.raises(BadRequest) as caught:
        _read(tmp_path, {"requirements.txt": "\0é" * 4000})
    assert len(caught.value.what) < 500
