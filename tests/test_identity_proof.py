"""The proof: every example, built again from nothing on every engine, is the same bit for bit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reprokit import files, lock_file
from reprokit.engines.engine import SocketEngine
from reprokit.engines.protocol import BuildRequest
from reprokit.identity.agreement import disagreements
from reprokit.identity.canonical import Canonical
from reprokit.identity.comparison import Comparison, compare
from reprokit.identity.contents import first_byte
from reprokit.identity.listing import Listing
from reprokit.model import Image, Lock
from reprokit.phases.canonicalise import examine
from tests.conftest import engines
from tests.test_examples import EXAMPLES, NAMES

pytestmark = [pytest.mark.engine, pytest.mark.network]


def reprokit(
    *words: str, folder: Path, umask: int = 0o022, host: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a verb. Only root may give it another host's name."""
    elsewhere: list[str] = []
    if host is not None and os.geteuid() == 0:
        elsewhere = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', host]
    return subprocess.run(
        [*elsewhere, sys.executable, "-m", "reprokit", *words, "--json"],
        cwd=folder,
        capture_output=True,
        text=True,
        umask=umask,
        env={**os.environ, **environment},
    )


def ran(name: str, root: Path, *words: str) -> tuple[Path, dict[str, object]]:
    """A copy of an example after its first run, on the first engine."""
    project = root / name
    left_out = shutil.ignore_patterns(".reprokit", "results", "target", "repro.lock")
    shutil.copytree(EXAMPLES / name, project, ignore=left_out)
    done = reprokit("run", *words, folder=project, REPROKIT_ENGINE=engines()[0])
    assert done.returncode == 0, done.stderr[-4000:]
    return project, json.loads(done.stdout)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_built_again_anywhere_is_the_same(name: str, tmp_path: Path) -> None:
    project, record = ran(name, tmp_path, "--base", "debian")
    is_the_same_anywhere(project, record)


@pytest.mark.parametrize("python", ["3.9", "3.13"])
def test_byte_code_of_other_pythons_is_the_same(python: str, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("import attr, dateutil.tz, lark\nprint(attr.__version__)\n")
    # Files of theirs differ from compilation to compilation where nothing is done about it.
    (tmp_path / "requirements.txt").write_text("attrs\nlark\npython-dateutil\ntyping-extensions\n")
    (tmp_path / "repro.toml").write_text(f'base = "debian"\n[python]\nversion = "{python}"\n')
    done = reprokit("run", folder=tmp_path, REPROKIT_ENGINE=engines()[0])
    assert done.returncode == 0, done.stderr[-4000:]
    is_the_same_anywhere(tmp_path, json.loads(done.stdout))


def is_the_same_anywhere(project: Path, record: dict[str, object]) -> None:
    for engine in engines():
        # Another time, host name, umask, zone, language and user name than at the first build.
        again = reprokit(
            "verify", "last", "--rebuild", "--engine", engine,
            folder=project, umask=0o077, host="elsewhere",
            TZ="Asia/Tokyo", LC_ALL="C", USER="somebody",
        )  # fmt: skip
        verification = json.loads(again.stdout)
        assert "error" not in verification, again.stderr[-4000:]
        assert verification["comparison"] is None, json.dumps(verification["comparison"])[:6000]
        assert again.returncode == 0, again.stderr[-4000:]
        assert verification["environment_digest"] == {
            "recorded": record["environment_digest"],
            "rebuilt": record["environment_digest"],
        }


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `reprokit export` makes of a project with a wheel and a Debian package."""
    root = tmp_path_factory.mktemp("tampering")
    project, folder = root / "project", root / "exported"
    project.mkdir()
    (project / "main.py").write_text("import six\nprint(six.__version__)\n")
    (project / "requirements.txt").write_text("six==1.16.0\n")
    (project / "apt.txt").write_text("jq\n")
    (project / "repro.toml").write_text('base = "bookworm"\ndate = "2024-06-01"\n')
    done = reprokit("export", str(folder), folder=project, REPROKIT_ENGINE=engines()[0])
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


@pytest.fixture
def images(engine: SocketEngine) -> Iterator[Callable[[Path], Image]]:
    """Builds an exported folder from nothing; the images are removed at the end."""
    built: list[Image] = []

    def build(folder: Path) -> Image:
        tag = f"localhost/reprokit-tests/tampered:{len(built)}"
        epoch = lock_of(folder).epoch
        arguments = {"SOURCE_DATE_EPOCH": str(epoch)}
        request = BuildRequest(context=folder, tag=tag, no_cache=True, arguments=arguments)
        built.append(engine.build(request, lambda line: None))
        return built[-1]

    yield build
    for image in built:
        engine.remove_image(image.reference)


def lock_of(folder: Path) -> Lock:
    return lock_file.loads((folder / lock_file.NAME).read_text("utf-8"))


def looked_at(
    engine: SocketEngine, image: Image, lock: Lock
) -> tuple[str, tuple[Listing, ...], tuple[str, ...]]:
    """The image's digest, its layers, and in what it is not its lock's."""

    def use(made: Canonical, complete: bool) -> tuple[str, tuple[Listing, ...], tuple[str, ...]]:
        listings = tuple(layer.listing for layer in made.layers)
        return made.digest, listings, disagreements(lock, made.packages(), made.jars())

    return examine(image, lock, engine, use)


def test_a_byte_of_a_wheel_a_package_and_the_date_are_each_caught(
    exported: Path,
    engine: SocketEngine,
    images: Callable[[Path], Image],
    tmp_path: Path,
) -> None:
    lock = lock_of(exported)
    plain = images(exported)
    digest, listings, disagreeing = looked_at(engine, plain, lock)
    assert disagreeing == ()

    def against(image: Image, lock: Lock) -> tuple[Comparison, tuple[str, ...]]:
        other, found, disagreeing = looked_at(engine, image, lock)
        assert other != digest
        with first_byte(engine, plain.reference, image.reference) as place:
            return compare(listings, found, same_digest=False, first_byte=place), disagreeing

    # One byte of one file in one wheel, with a hash that hides it.
    copy = tmp_path / "wheel"
    shutil.copytree(exported, copy)
    (wheel,) = (copy / "vendor/wheels").glob("six-*.whl")
    before = files.sha256(wheel).removeprefix("sha256:")
    change_in_zip(wheel, "six.py", b"1.16.0", b"1.16.9")
    listed = copy / "vendor/python/requirements.txt"
    after = files.sha256(wheel).removeprefix("sha256:")
    listed.write_text(listed.read_text().replace(before, after))
    comparison, disagreeing = against(images(copy), lock)
    found = {file.path: file for file in comparison.files}
    module = next(path for path in found if path.endswith("site-packages/six.py"))
    assert found[module].change == "content"
    assert found[module].first_byte is not None
    assert comparison.rung == "same packages" and disagreeing == ()
    assert all("six" in path for path in found), sorted(found)

    # Another Debian package in the place of the one that the lock names.
    copy = tmp_path / "deb"
    shutil.copytree(exported, copy)
    (package,) = (copy / "vendor/debs").glob("jq_*.deb")
    renumber(package, "1:99")
    comparison, disagreeing = against(images(copy), lock)
    assert comparison.rung == "other packages"
    assert [(row[1], row[3]) for row in comparison.packages] == [("jq", "1:99")]
    assert len(disagreeing) == 1 and "jq is 1:99 and not" in disagreeing[0]

    # The same files under another date.
    comparison, _ = against(plain, replace(lock, epoch=lock.epoch + 86400))
    assert comparison.rung == "same files" and comparison.files == ()


def change_in_zip(archive: Path, name: str, old: bytes, new: bytes) -> None:
    with zipfile.ZipFile(archive) as reading:
        content = {item: reading.read(item) for item in reading.infolist()}
    with zipfile.ZipFile(archive, "w") as writing:
        for item, data in content.items():
            writing.writestr(item, data.replace(old, new, 1) if item.filename == name else data)


def renumber(package: Path, version: str) -> None:
    """Give a Debian package another version."""
    folder = package.parent / "unpacked"
    subprocess.run(["dpkg-deb", "--raw-extract", str(package), str(folder)], check=True)
    control = folder / "DEBIAN" / "control"
    lines = control.read_text().splitlines()
    changed = [f"Version: {version}" if line.startswith("Version:") else line for line in lines]
    control.write_text("\n".join(changed) + "\n")
    options = ["--root-owner-group", "-Znone"]
    subprocess.run(["dpkg-deb", *options, "--build", str(folder), str(package)], check=True)
    shutil.rmtree(folder)
