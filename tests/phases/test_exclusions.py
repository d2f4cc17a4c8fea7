"""What stays out of the image."""

from __future__ import annotations

from pathlib import Path

import pytest

from reprokit import process
from reprokit.configuration import Configuration
from reprokit.model import DataMount, DataPlan, Exclusion
from reprokit.phases.exclusions import code_files, is_secret, link_notes, secret_notes
from reprokit.project import Project

NO_DATA = DataPlan(mode="mount", files=(), mounts=())


def project(folder: Path, *paths: str) -> Project:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    return Project(folder)


def split(
    here: Project,
    data: DataPlan = NO_DATA,
    configuration: Configuration = Configuration(),  # noqa: B008
) -> tuple[list[str], dict[str, str]]:
    code, excluded = code_files(here, data, configuration)
    return list(code), {item.path: item.why for item in excluded}


@pytest.mark.parametrize(
    "path",
    [
        ".env", ".env.local", "prod.env", "x/server.pem", "tls.key", "id_rsa", "id_ed25519.pub",
        ".netrc", ".pypirc", ".npmrc", "credentials.json", "secrets.toml", "a.kdbx", "a.p12",
        ".aws/config", "home/.ssh/known_hosts", ".git-credentials", "kaggle.json",
    ],
)  # fmt: skip
def test_secrets(tmp_path: Path, path: str) -> None:
    assert is_secret(path)
    here = project(tmp_path, path, "main.py")
    code, excluded = split(here)
    assert code == ["main.py"]
    assert excluded == {path: "secret"}
    (note,) = secret_notes((Exclusion(path=path, why="secret"),))
    assert note.level == "warning"
    assert note.text.startswith(path)


@pytest.mark.parametrize(
    "path", ["renv.lock", ".env.example", "keys.py", "environment.yml", "my.envelope", "Key.java"]
)
def test_what_only_looks_like_a_secret(path: str) -> None:
    assert not is_secret(path)


def test_results_caches_and_leftovers(tmp_path: Path) -> None:
    here = project(
        tmp_path, "main.py", "out/a.csv", "out/b/c.csv", "repro.lock", "x/.cache/y/z", ".RData"
    )
    code, excluded = split(here, configuration=Configuration(results="out"))
    assert code == ["main.py"]
    assert excluded == {
        "out/": "results",
        "repro.lock": "not code",
        "x/.cache/": "cache",
        ".RData": "not code",
    }


def test_build_outputs_of_java_only_where_java_is_built(tmp_path: Path) -> None:
    paths = ("target/a.jar", "A.class", "m/target/b.jar", "other/target/c")
    without = project(tmp_path / "without", *paths)
    assert split(without) == (sorted(paths), {})
    built = project(tmp_path / "with", "pom.xml", "m/pom.xml", *paths)
    code, excluded = split(built)
    assert code == ["m/pom.xml", "other/target/c", "pom.xml"]
    assert excluded == {
        "target/": "build output",
        "m/target/": "build output",
        "A.class": "build output",
    }


def test_data_is_no_code(tmp_path: Path) -> None:
    here = project(tmp_path, "main.py", "data/a", "data/b", "big.bin")
    mounts = tuple(DataMount(source=path, target=path) for path in ("data", "big.bin"))
    data = DataPlan(mode="mount", files=("big.bin", "data/a", "data/b"), mounts=mounts)
    code, excluded = split(here, data)
    assert code == ["main.py"]
    assert excluded == {"data/": "data (mount)", "big.bin": "data (mount)"}


def test_configured_exclusions(tmp_path: Path) -> None:
    here = project(tmp_path, "main.py", "old/a/b.py", "x/c.bak", "x/keep.bak", "x/old/d.py")
    wished = Configuration(exclude=("old", "*.bak", "!x/keep.bak"))
    code, excluded = split(here, configuration=wished)
    assert code == ["main.py", "x/keep.bak", "x/old/d.py"]
    assert set(excluded) == {"old/a/b.py", "x/c.bak"}


def test_version_control_is_named(tmp_path: Path) -> None:
    here = project(tmp_path, ".git/config", "main.py")
    assert split(here) == (["main.py"], {".git/": "version control"})


@pytest.mark.parametrize("git", [False, True])
def test_links_that_are_not_followed_are_named(tmp_path: Path, git: bool) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    here = project(tmp_path / "here", "data/a.csv", "results/x")
    here.root.joinpath("requirements.txt").symlink_to("/etc/hostname")
    here.root.joinpath("corpus").symlink_to(outside)
    here.root.joinpath("gone").symlink_to("nowhere")
    here.root.joinpath("same").symlink_to("data")
    here.root.joinpath("a.csv").symlink_to("data/a.csv")
    here.root.joinpath("results", "link").symlink_to(outside)
    if git:
        process.run(["git", "init", "--quiet", str(here.root)])
    here = Project(here.root)
    assert here.files == ("a.csv", "data/a.csv", "results/x")
    texts = [note.text for note in link_notes(here, "results")]
    assert [text.partition(" and ")[0] for text in texts] == [
        "corpus is a link out of the project",
        "gone is a link to nothing",
        "requirements.txt is a link out of the project",
        "same is a link to a folder",
    ]
