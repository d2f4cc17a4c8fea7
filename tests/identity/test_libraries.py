"""Java's libraries in an image are known by their bytes, and held against the lock."""

from __future__ import annotations

import hashlib
import io
import tracemalloc
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprokit.identity import canonical, source
from reprokit.identity.agreement import disagreements
from reprokit.identity.canonical import Canonical
from reprokit.identity.comparison import compare
from reprokit.identity.installed import Installed, Told, read, tells
from reprokit.identity.libraries import locked as locked_jars
from reprokit.identity.listing import Listings
from reprokit.model import JSON, Artifact, Lock, LockedEcosystem, LockedPackage
from tests.identity import made
from tests.identity.made import file, hard_link
from tests.identity.test_canonical import canonical_of
from tests.identity.test_installed import locked

MATH = "org.example:math"
DEPENDENCY = "app/target/dependency/math-1.0.jar"


def jar(*packages: tuple[str, str], extra: bytes = b"") -> bytes:
    """A jar that says it holds these packages ("group:artifact", version)."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(zipfile.ZipInfo("A.class"), extra)
        for name, version in packages:
            group, _, artifact = name.partition(":")
            place = f"META-INF/maven/{group}/{artifact}/pom.properties"
            text = f"#Generated\nversion={version}\ngroupId={group}\nartifactId={artifact}\n"
            archive.writestr(zipfile.ZipInfo(place), text)
    return content.getvalue()


def artifact(path: str, content: bytes) -> Artifact:
    sha256 = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return Artifact(path=path, sha256=sha256, size=len(content), url=None)


def lock_of(
    packages: dict[tuple[str, str], dict[str, bytes]],
    *,
    ecosystem: str = "maven",
    outputs: tuple[str, ...] = ("target/dependency", "target/app-1.jar"),
    jars: tuple[str, ...] = (),
) -> Lock:
    settings: dict[str, JSON] = {"outputs": [*outputs], "jars": [*jars]}
    java = LockedEcosystem(
        ecosystem=ecosystem,
        packages=tuple(
            LockedPackage(
                name=name,
                version=version,
                artifacts=tuple(artifact(f"m2/x/{path}", files[path]) for path in files),
            )
            for (name, version), files in packages.items()
        ),
        settings=settings,
    )
    return replace(locked(system={}, python={}, base={}), ecosystems=(java,))


GOOD = jar((MATH, "1.0"))
LOCK = lock_of({(MATH, "1.0"): {"math-1.0.jar": GOOD, "math-1.0.pom": b"<project/>"}})


def said(image: Canonical, lock: Lock = LOCK) -> tuple[str, ...]:
    return disagreements(lock, image.packages(), image.jars())


def image(root: Path, *members: made.Member) -> Canonical:
    return canonical_of(root, [made.tar(members)])


def test_a_jar_says_what_it_is() -> None:
    def told(path: str, content: bytes) -> Told:
        return read(path, io.BytesIO(content))

    assert tells(DEPENDENCY) and tells("root/.m2/repository/x.jar")
    assert not tells("usr/share/java/guava.jar") and tells("usr/local/lib/guava.jar")
    assert told("a.jar", jar(("a:b", "1"), ("c:d", "2"))).packages == (
        Installed("java", "a:b", "1"),
        Installed("java", "c:d", "2"),
    )
    # Without Maven's note the name is all there is; what is damaged or hostile is no package.
    assert told("junit-4.12.jar", jar()).packages == (Installed("java", "junit", "4.12"),)
    assert told("x/weka.jar", b"no zip").packages == (Installed("java", "weka.jar", ""),)
    assert told("x/y.jar", jar(("a:b", "1\x1b[2J"))).packages == (Installed("java", "y.jar", ""),)
    with_bomb = io.BytesIO()
    with zipfile.ZipFile(with_bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/maven/a/b/pom.properties", b"version=1\n" * 10_000_000)
    assert told("z.jar", with_bomb.getvalue()).packages == (Installed("java", "z.jar", ""),)


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
@given(changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4))
def test_no_damage_to_a_jar_is_more_than_a_jar_without_a_name(
    method: int, changes: list[tuple[int, int]]
) -> None:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", method) as archive:
        text = "version=1\ngroupId=a\nartifactId=b\n" * 5
        archive.writestr("META-INF/maven/a/b/pom.properties", text)
    damaged = bytearray(whole.getvalue())
    for place, byte in changes:
        damaged[place % len(damaged)] = byte
    found = read("x.jar", io.BytesIO(bytes(damaged))).packages
    assert len(found) == 1 and found[0].source == "java"


def test_the_locks_own_bytes_agree(tmp_path: Path) -> None:
    assert said(image(tmp_path, file(DEPENDENCY, GOOD))) == ()
    # Under any name, and absent where it was for building only.
    renamed = image(tmp_path / "renamed", file("app/target/dependency/m.jar", GOOD))
    assert said(renamed) == () == said(image(tmp_path / "none"))


def test_other_bytes_are_told(tmp_path: Path) -> None:
    tampered = image(tmp_path, file(DEPENDENCY, jar((MATH, "1.0"), extra=b"evil")))
    assert said(tampered) == (f"/{DEPENDENCY} has other bytes than {MATH} 1.0",)


def test_another_version_is_told(tmp_path: Path) -> None:
    place = "app/target/dependency/m.jar"
    older = image(tmp_path, file(place, jar((MATH, "0.9"))))
    assert said(older) == (f"{MATH} is 0.9 and not 1.0 (/{place})",)
    second = "app/target/dependency/n.jar"
    linked = image(tmp_path / "linked", file(place, jar((MATH, "0.9"))), hard_link(second, place))
    assert len(said(linked)) == 2


def test_what_the_project_made_or_brought_is_its_own(tmp_path: Path) -> None:
    own = [
        # The program itself, an older release of which its plugins may use.
        file("app/target/app-1.jar", jar((MATH, "2.0-SNAPSHOT"))),
        file("app/target/dependency/app-1.jar", jar((MATH, "2.0-SNAPSHOT"), extra=b"x")),
        # Packed together: what is inside has the version that one of its parts brought.
        file("app/target/dependency/all.jar", jar((MATH, "0.5"), ("a:b", "1"))),
        # The project's own file, copied.
        file("app/lib/math-1.0.jar", jar((MATH, "1.0"), extra=b"patched")),
        file("app/target/dependency/math-1.0.jar", jar((MATH, "1.0"), extra=b"patched")),
    ]
    assert said(image(tmp_path, *own)) == ()


def test_a_lock_of_ant_is_held_against_too(tmp_path: Path) -> None:
    packages = {("commons-csv:commons-csv", "1.9"): {"commons-csv-1.9.jar": GOOD}}
    lock = lock_of(packages, ecosystem="ant", outputs=("dist", "lib/commons-csv-1.9.jar"))
    assert said(image(tmp_path, file("app/lib/commons-csv-1.9.jar", GOOD)), lock) == ()
    wrong = image(tmp_path / "2", file("app/lib/commons-csv-1.9.jar", b"other"))
    assert said(wrong, lock) == (
        "/app/lib/commons-csv-1.9.jar has other bytes than commons-csv:commons-csv 1.9",
    )


def test_a_jar_that_is_gone_does_not_count(tmp_path: Path) -> None:
    wrong = made.tar([file(DEPENDENCY, b"wrong")])
    gone = made.tar([file("app/target/dependency/.wh.math-1.0.jar")])
    found = canonical_of(tmp_path, [wrong, gone])
    assert said(found) == () and found.jars() == ()


@pytest.mark.parametrize(
    ("after", "packages", "cause"),
    [
        (("math-2.0.jar", jar((MATH, "2.0"))), ((MATH, "1.0", "2.0"),), "another version of math"),
        (("math-1.0.jar", jar((MATH, "1.0"), extra=b"x")), (), f"for {MATH} 1.0"),
    ],
)
def test_a_rebuild_names_the_jars_that_differ(
    tmp_path: Path,
    after: tuple[str, bytes],
    packages: tuple[tuple[str, str, str], ...],
    cause: str,
) -> None:
    before = image(tmp_path / "1", file(DEPENDENCY, GOOD))
    name, content = after
    now = image(tmp_path / "2", file(f"app/target/dependency/{name}", content))
    found = compare(
        [layer.listing for layer in before.layers],
        [layer.listing for layer in now.layers],
        same_digest=False,
        locked={digest: f"{p.name} {p.version}" for digest, p in locked_jars(LOCK).items()},
    )
    assert found.packages == tuple(("java", *row) for row in packages)
    assert all(row.cause.endswith(cause) for row in found.files if row.path.endswith(".jar"))


def test_a_large_jar_is_not_kept_in_memory(tmp_path: Path) -> None:
    layer = made.tar([file("app/large.jar", jar((MATH, "1.0"), extra=bytes(60_000_000)))])
    raw = source.from_archive(made.image(tmp_path / "raw.tar", [layer]), tmp_path)
    tracemalloc.start()
    try:
        found = canonical.canonical(raw, (), Listings(tmp_path / "listings"), epoch=made.EPOCH)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.packages() == (Installed("java", MATH, "1.0"),)
    assert peak < 30_000_000
