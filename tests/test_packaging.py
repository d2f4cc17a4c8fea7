"""What `pip install .` and `pip install -e .` put on a machine."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from reprokit import resources

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--wheel-dir", str(folder), str(ROOT)],
        check=True,
    )  # fmt: skip
    return next(folder.glob("reprokit-*.whl"))


def test_a_wheel_holds_everything_that_is_not_python(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    package = ROOT / "reprokit"
    wanted = {
        f"reprokit/{path.relative_to(package).as_posix()}"
        for path in package.rglob("*")
        if path.is_file() and path.suffix in (".json", ".toml", ".R", ".sh", ".typed")
    }
    templates = [path for path in (ROOT / "templates").rglob("*") if path.is_file()]
    wanted |= {f"reprokit/{path.relative_to(ROOT).as_posix()}" for path in templates}
    assert len(wanted) > 5
    assert wanted <= names


def test_templates_are_found_from_an_installed_wheel(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from reprokit import resources, starting\n"
        "print(resources.templates()); print(len(resources.template('export-README.md')))\n"
        "print(*starting.new(Path(sys.argv[1], 'study'), language='java', notebook=True).files)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    folder, length, started = done.stdout.splitlines()
    assert "src/main/java/study/Main.java" in started and "runs.ipynb" in started
    assert Path(folder) == tmp_path / "reprokit" / "templates"
    assert int(length) > 100


def test_templates_are_found_from_a_checkout() -> None:
    assert resources.templates() == ROOT / "templates"
    assert "$name" in resources.template("export-README.md")
