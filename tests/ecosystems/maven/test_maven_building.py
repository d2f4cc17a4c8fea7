"""From what a build fetched and printed to a lock, and from a lock to the stage that builds."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprokit.ecosystems.java import java_packages
from reprokit.ecosystems.java_needs import DRAWING
from reprokit.ecosystems.maven import MavenEcosystem, building, explaining, repository
from reprokit.errors import BadRequest, BuildFailed, InputUnavailable, StorageFailed
from reprokit.model import (
    JSON,
    Artifact,
    Detection,
    LockedEcosystem,
    Mount,
    Reason,
    Runtime,
)
from reprokit.project import Project
from reprokit.resolving import Resolver
from reprokit.site import Site
from tests.projects import BASE, write

FETCHED = (
    "[INFO] Downloaded from central: https://repo.maven.apache.org/maven2/org/x/a/1.0/a-1.0.jar"
    " (1 kB at 2 kB/s)\n"
    "[INFO] Downloaded from other: https://repo.example.org/m2/org/x/b/2/b-2.pom (1 kB)\n"
)


@dataclass
class Keeping:
    """The part of a resolver that keeps files."""

    site: Site = field(default_factory=Site)
    kept: dict[str, bytes] = field(default_factory=dict)

    def keep(self, content: Path, path: str, *, url: str | None) -> Artifact:
        data = content.read_bytes()
        self.kept[path] = data
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        return Artifact(path=path, sha256=digest, size=len(data), url=url)


def tar(files: dict[str, str]) -> list[bytes]:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    content = buffer.getvalue()
    return [content[start : start + 700] for start in range(0, len(content), 700)]


def read(files: dict[str, str], site: Site | None = None) -> repository.Repository:
    resolver = cast(Resolver, Keeping(site or Site()))
    return repository.read(tar(files), FETCHED, frozenset({"org.x:a"}), resolver)


def test_files_become_packages_with_the_place_they_came_from() -> None:
    found = read(
        {
            "m2/org/x/a/1.0/a-1.0.jar": "jar",
            "m2/org/x/a/1.0/a-1.0.jar.sha1": "hash",
            "m2/org/x/a/1.0/_remote.repositories": "#now",
            "m2/org/x/b/2/b-2.pom": "pom",
            "m2/org/x/b/2/b-2.pom.lastUpdated": "",
        }
    )
    a, b = found.packages
    assert (a.name, a.version, a.requested) == ("org.x:a", "1.0", True)
    assert [(f.path, f.url) for f in a.artifacts] == [
        ("m2/org/x/a/1.0/a-1.0.jar", "https://repo1.maven.org/maven2/org/x/a/1.0/a-1.0.jar")
    ]
    assert (b.name, b.requested) == ("org.x:b", False)
    assert b.artifacts[0].url == "https://repo.example.org/m2/org/x/b/2/b-2.pom"


def test_a_mirror_is_not_written_into_the_lock() -> None:
    printed = "Downloaded from central: https://mirror.example/m/org/x/a/1/a-1.jar (1 kB)"
    urls = repository.downloaded_urls(printed, "https://mirror.example/m")
    assert urls == {"https://repo1.maven.org/maven2/org/x/a/1/a-1.jar"}


def test_metadata_lists_the_versions_at_hand_in_their_order() -> None:
    files = {f"m2/org/x/a/{v}/a-{v}.pom": "" for v in ("1.10", "1.9", "1.10-rc1")}
    files["m2/org/x/a/maven-metadata-central.xml"] = "<metadata/>"
    files["m2/org/x/gone/maven-metadata-central.xml"] = "<metadata/>"
    found = read(files)
    assert found.metadata == {
        "org/x/a/maven-metadata-central.xml": ("1.9", "1.10-rc1", "1.10"),
    }
    text = repository.metadata_text("org/x/a/maven-metadata-central.xml", ["1.9", "1.10"])
    assert "<release>1.10</release>" in text
    assert "<groupId>org.x</groupId>" in text


@pytest.mark.parametrize("name", ["m2/../../etc/passwd/x/y", "m2/a/b/c/-rf", "m2/a/b/c/x\ny"])
def test_names_that_could_do_harm_are_refused(name: str) -> None:
    with pytest.raises(InputUnavailable, match="impossible name"):
        read({name: ""})


def test_jars_are_freed_of_times_on_an_image_that_brings_java_too() -> None:
    class Offering:
        def versions(self, names: Iterable[str]) -> dict[str, str]:
            return {name: "1.13" for name in names if name == "strip-nondeterminism"}

    image = replace(BASE, name="maven:3.9-eclipse-temurin-17-noble", provides={"java": "17"})
    detection = Detection(ecosystem="maven", files=("pom.xml",))
    (package,) = MavenEcosystem().system_packages(detection, image, Offering())
    assert (package.name, package.stage) == ("strip-nondeterminism", "build")


def locked(**settings: JSON) -> LockedEcosystem:
    usual: dict[str, JSON] = {
        "epoch": 1700000000,
        "level": None,
        "metadata": {},
        "normalise": True,
        "outputs": ["target/tool-1.jar", "target/dependency"],
        "roots": ["."],
        "sources": ["pom.xml", "src"],
    }
    return LockedEcosystem(ecosystem="maven", settings={**usual, **settings})


def test_a_source_in_latin_1_is_compiled_as_such(tmp_path: Path) -> None:
    pom = "<project><groupId>g</groupId><artifactId>a</artifactId><version>1</version></project>"
    code = "// f\u00fcr\nclass Main {}\n"
    write(tmp_path, {"pom.xml": pom, "src/main/java/Main.java": code})
    found = MavenEcosystem().detect(Project(tmp_path))
    assert found is not None and "encoding" not in found.settings
    (tmp_path / "src/main/java/Main.java").write_text(code, encoding="latin-1")
    found = MavenEcosystem().detect(Project(tmp_path))
    assert found is not None and found.settings["encoding"] == "ISO-8859-1"
    stage = MavenEcosystem().render(locked(encoding="ISO-8859-1"), BASE).stage
    assert stage is not None
    assert stage.run[0].commands[0][:4] == (
        "env", "LC_ALL=C.UTF-8", "JAVA_TOOL_OPTIONS=-Dfile.encoding=ISO-8859-1", "mvn",
    )  # fmt: skip


def test_the_stage_builds_offline_and_leaves_no_times() -> None:
    stage = MavenEcosystem().render(locked(), BASE).stage
    assert stage is not None
    (run,) = stage.run
    assert run.mounts == (Mount(source="vendor/m2", target="/m2", writable=True),)
    assert run.commands == (
        (
            "env", "LC_ALL=C.UTF-8",
            "mvn", "-B", "-o", "-q", "-Dmaven.repo.local=/m2", "-DskipTests",
            "-Dmaven.javadoc.skip=true",
            "-Dproject.build.outputTimestamp=2023-11-14T22:13:20Z", "package",
            building.COPY_DEPENDENCIES, "-DincludeScope=runtime",
        ),
        ("strip-nondeterminism", "--type", "jar", "--timestamp", "1700000000", "target/tool-1.jar"),
        (
            "find", "target/tool-1.jar", "target/dependency", "-exec", "touch",
            "--no-dereference", "--date=@1700000000", "{}", "+",
        ),
    )  # fmt: skip
    assert stage.sources == ("pom.xml", "src")
    # Libraries change less often than the program: their layer comes first.
    assert [target for _, target in stage.outputs] == [
        "/app/target/dependency",
        "/app/target/tool-1.jar",
    ]


def test_each_root_is_built_and_a_raised_level_is_passed_on() -> None:
    rendering = MavenEcosystem().render(locked(roots=["a", "b"], level=8, normalise=False), BASE)
    assert rendering.stage is not None
    first, second, _ = rendering.stage.run[0].commands
    assert first[7:9] == ("-f", "a/pom.xml")
    assert "b/pom.xml" in second
    assert "-Dmaven.compiler.source=8" in first


def test_copies_of_modules_beside_other_programs_carry_no_times_either() -> None:
    """Old plugins pack the time of the build into a jar, and dependency:copy-dependencies
    takes the module's jar as it then is."""
    outputs: list[JSON] = [
        "core/target/core-1.jar", "app/target/classes", "app/target/dependency",
        "app/target/app-1.jar",
    ]  # fmt: skip
    stage = MavenEcosystem().render(locked(outputs=outputs), BASE).stage
    assert stage is not None
    assert stage.run[0].commands[2] == (
        "find", "app/target/classes", "app/target/dependency",
        "(", "-name", "app-1.jar", "-o", "-name", "core-1.jar", ")",
        "-exec", "strip-nondeterminism", "--type", "jar", "--timestamp", "1700000000", "{}", "+",
    )  # fmt: skip


def test_a_project_without_jars_has_no_stage() -> None:
    assert MavenEcosystem().render(locked(outputs=[]), BASE).stage is None


POM = """<project>
<modelVersion>4.0.0</modelVersion><groupId>g</groupId><artifactId>a</artifactId><version>1</version>
<dependencies>
<dependency><groupId>org.nowhere</groupId><artifactId>nothing</artifactId><version>9</version></dependency>
</dependencies>
<build><plugins>
<plugin><artifactId>maven-jar-plugin</artifactId><version>99.9</version></plugin>
</plugins></build>
</project>
"""


def explained(tmp_path: Path, printed: str) -> Exception:
    (tmp_path / "pom.xml").write_text(POM)
    return explaining.explained(printed, Project(tmp_path))


def test_a_missing_dependency_names_its_line(tmp_path: Path) -> None:
    error = explained(
        tmp_path,
        "[ERROR] Failed to execute goal on project bad: Could not resolve dependencies for project "
        "x.y:bad:jar:1: Could not find artifact org.nowhere:nothing:jar:9 in central "
        "(https://repo.maven.apache.org/maven2) -> [Help 1]",
    )
    assert isinstance(error, InputUnavailable)
    assert error.where == "pom.xml:4"
    assert "org.nowhere:nothing 9" in error.what


def test_a_repository_that_is_gone_and_a_full_disk_are_no_missing_artifacts(
    tmp_path: Path,
) -> None:
    def printed(why: str) -> str:
        return (
            "[ERROR] Failed to execute goal on project a: Could not resolve: Could not transfer "
            "artifact org.nowhere:nothing:jar:9 from/to lab (https://maven.lab.example/r): "
            f"{why} -> [Help 1]\n"
        )

    gone = explained(tmp_path, printed("maven.lab.example: Name or service not known"))
    assert isinstance(gone, InputUnavailable)
    assert gone.what == (
        "org.nowhere:nothing cannot be fetched from lab (https://maven.lab.example/r): "
        "maven.lab.example: Name or service not known"
    )
    assert gone.where == "pom.xml:4"
    assert isinstance(explained(tmp_path, printed("No space left on device")), StorageFailed)


def test_a_missing_plugin_names_its_line(tmp_path: Path) -> None:
    error = explained(
        tmp_path,
        "[ERROR] Plugin org.apache.maven.plugins:maven-jar-plugin:99.9 or one of its dependencies "
        "could not be resolved: Could not find artifact "
        "org.apache.maven.plugins:maven-jar-plugin:jar:99.9 in central (https://x) -> [Help 1]",
    )
    assert isinstance(error, InputUnavailable)
    assert error.where == "pom.xml:7"


def test_code_that_does_not_compile_is_not_an_unavailable_input(tmp_path: Path) -> None:
    line = "[ERROR] /tmp/stage/src/main/java/X.java:[3,30] incompatible types"
    error = explained(tmp_path, f"[ERROR] COMPILATION ERROR : \n{line}\n{line}\n")
    assert isinstance(error, BuildFailed)
    assert (error.where, error.what) == (
        "src/main/java/X.java:3",
        "the Java code does not compile: incompatible types",
    )


@pytest.mark.parametrize(
    ("place", "where"),
    [(" @ line 2, column 27", "core/pom.xml:2"), ("", "core/pom.xml"),
     (" @ g:parent:1, /build/pom.xml, line 7, column 3", "core/pom.xml:7")],
)  # fmt: skip
def test_what_maven_finds_wrong_in_a_pom_is_a_bad_request(
    tmp_path: Path, place: str, where: str
) -> None:
    error = explained(
        tmp_path,
        "[ERROR] The build could not read 1 project -> [Help 1]\n"
        "[ERROR]   The project a:b:1 (/build/core/pom.xml) has 1 error\n"
        f"[ERROR]     'packaging' with value 'jra' is invalid.{place}\n[ERROR] \n",
    )
    assert isinstance(error, BadRequest)
    assert (error.what, error.where) == ("'packaging' with value 'jra' is invalid.", where)


@pytest.mark.parametrize(
    ("printed", "where"),
    [
        (
            "[ERROR] /build/src/main/java/x/M.java:[3,11] cannot access a.B\n"
            "  bad class file: /tmp/m2/a/b.jar(a/B.class)\n"
            "    class file has wrong version 65.0, should be 61.0\n",
            "src/main/java/x/M.java:3",
        ),
        (
            "[ERROR] a/B has been compiled by a more recent version of Java (class file "
            "version 65.0), this version only recognizes class file versions up to 61.0\n",
            "mvn package",
        ),
    ],
)
def test_a_library_for_a_newer_java_says_which(tmp_path: Path, printed: str, where: str) -> None:
    error = explained(tmp_path, printed)
    assert isinstance(error, BuildFailed)
    assert (error.where, "Java 21" in error.what) == (where, True)


def test_anything_else_shows_what_maven_said(tmp_path: Path) -> None:
    error = explained(tmp_path, "[INFO] x\n[ERROR] The enforcer says no\n[ERROR] \n")
    assert isinstance(error, BuildFailed)
    assert "The enforcer says no" in error.what


@pytest.mark.parametrize(
    ("printed", "plugin"),
    [
        (
            "[INFO] --- frontend-maven-plugin:1.12.1:install-node-and-npm (n) @ tool ---\n",
            "frontend-maven-plugin",
        ),
        ("[INFO] --- frontend:1.15.0:npm (i) @ tool ---\n", "frontend-maven-plugin"),
        (
            "[INFO] Executing tasks\n     [get] Getting: https://x.org/a.csv\n",
            "https://x.org/a.csv",
        ),
    ],
)
def test_a_plugin_that_downloads_on_its_own_is_refused_when_locking(
    tmp_path: Path, printed: str, plugin: str
) -> None:
    """Maven's offline mode does not know of it, so the image could not be built."""
    own = "<plugin><artifactId>frontend-maven-plugin</artifactId></plugin>\n</plugins>"
    (tmp_path / "pom.xml").write_text(POM.replace("</plugins>", own))
    error = explaining.downloads(printed, Project(tmp_path))
    assert isinstance(error, BuildFailed)
    assert plugin in error.what
    if "frontend" in plugin:
        assert error.where == "pom.xml:8"
    assert (
        explaining.downloads("[INFO] --- maven-jar-plugin:2.4:jar (d) @ t ---", Project(tmp_path))
        is None
    )


@given(st.text(max_size=300))
def test_whatever_maven_prints_has_an_explanation(printed: str) -> None:
    project = cast(Any, SimpleNamespace(has=lambda _: False, matching=lambda *_: ()))
    assert str(explaining.explained(printed, project))


OFFERED = {"openjdk-11-jdk-headless": "11.0.1", "openjdk-17-jdk-headless": "17.0.1"}


def asking(specifier: str) -> tuple[Runtime, ...]:
    reason = Reason(text="release", file="pom.xml", line=9)
    return (Runtime(language="java", specifier=specifier, reason=reason, development=True),)


@pytest.mark.parametrize(("specifier", "release"), [(">=8", 11), (">=12", 17), ("==17", 17)])
def test_the_jdk_is_the_oldest_that_suits(specifier: str, release: int) -> None:
    found = {p.name: p.stage for p in java_packages(asking(specifier), BASE, OFFERED)}
    assert found == {
        f"openjdk-{release}-jdk-headless": "build",
        f"openjdk-{release}-jre-headless": "run",
        **dict.fromkeys(DRAWING, "run"),
    }


def test_a_java_that_the_distribution_lacks_is_refused_with_its_line() -> None:
    with pytest.raises(BadRequest, match="it offers 11, 17") as caught:
        java_packages(asking(">=21"), BASE, OFFERED)
    assert caught.value.where == "pom.xml:9"
