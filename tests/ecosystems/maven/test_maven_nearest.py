"""The nearest version of a library in the place of one that no repository has."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from reprokit.ecosystems.maven import explaining, nearest, repository
from reprokit.ecosystems.maven.nearest import Substitute
from reprokit.engines.protocol import Container, Executed
from tests.ecosystems.maven.test_maven_building import Keeping, tar

PRINTED = (
    "[ERROR] Failed to execute goal on project a: Could not resolve dependencies for project "
    "a:a:jar:1: Could not find artifact org.x:lib:jar:3.1.1 in central (https://repo.example) "
)


class Shop:
    """A container whose Maven finds these versions, and whose other programs are this machine's."""

    def __init__(self, folder: Path, versions: Sequence[str]) -> None:
        self.folder, self.versions = folder, versions
        self.asked: list[str] = []

    def execute(self, argv: Sequence[str], **options: Any) -> Executed:
        if argv[0] != "mvn":
            done = subprocess.run(argv, capture_output=True, check=False)
            return Executed(code=done.returncode, stdout=done.stdout, stderr=done.stderr)
        self.asked.append(argv[-1])
        low, high = argv[-1].rpartition(":")[2].strip("[)").split(",")
        inside = [
            v
            for v in self.versions
            if repository.order(low)[:-1] <= repository.order(v) < repository.order(high)
        ]
        for version in inside[-1:]:
            place = self.folder / "org/x/lib" / version
            place.mkdir(parents=True, exist_ok=True)
            for ending in (".jar", ".pom", ".jar.sha1"):
                (place / f"lib-{version}{ending}").write_text(f"{version}{ending}")
            (place / "_remote.repositories").touch()
        return Executed(code=0 if inside else 1, stdout=b"said", stderr=b"")


@pytest.mark.parametrize(
    ("versions", "taken"),
    [
        (["3.0.1", "3.1.0", "4.1.0"], "3.1.0"),
        (["3.0.1", "3.2.0", "4.1.0"], "3.2.0"),
        (["4.1.0", "30.1"], None),
    ],
)
def test_it_is_of_the_same_series_or_major_version(
    tmp_path: Path, versions: list[str], taken: str | None
) -> None:
    missing = explaining.missing_library(PRINTED)
    assert missing == {"group": "org.x", "artifact": "lib", "version": "3.1.1"}
    failed = tmp_path / "org/x/lib/3.1.1"
    failed.mkdir(parents=True)
    (failed / "lib-3.1.1.pom.lastUpdated").touch()
    shop = Shop(tmp_path, versions)
    found = nearest.put(missing, cast(Container, shop), str(tmp_path), ("-s", "x"))
    assert (None if found is None else found.taken) == taken
    if found is not None:
        assert found.printed == "said" and not (failed / "lib-3.1.1.pom.lastUpdated").exists()
        assert (failed / "lib-3.1.1.jar").read_text() == f"{taken}.jar"
        # Else Maven asks for it again where it was fetched from.
        assert not (failed / "_remote.repositories").exists()


@pytest.mark.parametrize("version", ["LATEST", "[1,2)", "$x", "../1.0", "1.0;id"])
def test_what_is_no_version_has_no_nearest(tmp_path: Path, version: str) -> None:
    shop = Shop(tmp_path, ["1.0"])
    missing = {"group": "org.x", "artifact": "lib", "version": version}
    assert nearest.put(missing, cast(Container, shop), str(tmp_path), ()) is None
    assert shop.asked == []


def test_a_missing_plugin_is_no_library() -> None:
    text = "Plugin org.x:p:1 or one of its dependencies could not be resolved: " + PRINTED
    assert explaining.missing_library(text) is None


def test_the_lock_says_what_lies_in_its_place() -> None:
    put = Substitute(group="org.x", artifact="lib", wanted="3.1.1", taken="3.1.0", printed="")
    files = {f"m2/org/x/lib/{v}/lib-{v}.jar": "jar" for v in ("3.1.0", "3.1.1")}
    url = f"{repository.CENTRAL}/org/x/lib/3.1.0/lib-3.1.0.jar"
    found = repository.read(
        tar(files),
        f"[INFO] Downloaded from central: {url} (1 kB)\n",
        frozenset({"org.x:lib"}),
        cast(Any, Keeping()),
        lambda path: put.original(path) or path,
    )
    (package,) = found.packages
    assert (package.name, package.version) == ("org.x:lib", "3.1.0")
    assert [(a.path, a.url) for a in package.artifacts] == [
        ("m2/org/x/lib/3.1.0/lib-3.1.0.jar", url),
        ("m2/org/x/lib/3.1.1/lib-3.1.1.jar", url),
    ]
