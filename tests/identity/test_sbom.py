"""The bill of materials of an image: complete, valid, and the same bytes for the same image."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from reprokit import folders, lock_file
from reprokit.engines import connect
from reprokit.engines.fake import FakeEngine
from reprokit.errors import BadRequest
from reprokit.history import run_folder
from reprokit.history.index import Index
from reprokit.identity import canonical, sbom, source
from reprokit.identity.canonical import Canonical
from reprokit.identity.installed import DPKG
from reprokit.identity.listing import Listing, Listings
from reprokit.identity.sbom import Subject, document
from reprokit.model import JSON, Artifact, Lock, LockedBase, LockedEcosystem, LockedPackage
from reprokit.phases.record import sealed
from reprokit.pipeline.bill import bill
from tests import golden
from tests.history.made import finished
from tests.identity import made
from tests.identity.made import EPOCH, file
from tests.identity.test_installed import locked
from tests.identity.test_libraries import artifact, jar

MATH = jar(("org.example:math", "1.0"))
POM = b"<project/>"
COPYRIGHT = b"""\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
License: GPL-2+

Files: debian/*
License: BSD-3-clause
"""
SYSTEM = b"ID=debian\nVERSION_CODENAME=bookworm\n"
METADATA = b"Name: Foo_Bar\nVersion: 1.0\nLicense: MIT\n"
DESCRIPTION = b"Package: zoo\nVersion: 1.8-12\nLicense: GPL-2 | GPL-3\n"
SITE = "opt/venv/lib/python3.11/site-packages"


def status(**packages: str) -> bytes:
    return "\n\n".join(
        f"Package: {name}\nStatus: install ok installed\nVersion: {version}"
        for name, version in packages.items()
    ).encode()


BASE = made.tar(
    [
        file("usr/lib/os-release", SYSTEM),
        file(DPKG, status(bash="5.2-1")),
        file("usr/share/doc/bash/copyright", COPYRIGHT),
        # The distribution's own: told by the package that brought it.
        file(
            "usr/lib/python3/dist-packages/apt-2.6.dist-info/METADATA", b"Name: apt\nVersion: 2\n"
        ),
    ]
)
ABOVE = made.tar(
    [
        file(DPKG, status(bash="5.2-1", jq="1.6-2")),
        file(f"{SITE}/Foo_Bar-1.0.dist-info/METADATA", METADATA),
        file("opt/r/library/zoo/DESCRIPTION", DESCRIPTION),
        file("app/target/dependency/math-1.0.jar", MATH),
        file("app/target/app-1.jar", jar(("org.example:app", "1"))),
    ]
)  # fmt: skip


def fetched(path: str, content: bytes, url: str) -> Artifact:
    return replace(artifact(path, content), url=url)


def lock_with(*ecosystems: LockedEcosystem) -> Lock:
    make_file = artifact("debs-build/make_4.3_amd64.deb", b"make")
    make = LockedPackage(name="make", version="4.3", artifacts=(make_file,), requested=True)
    jq = fetched("debs/jq_1.6-2_amd64.deb", b"jq", "http://deb.example/jq_1.6-2%7e1_amd64.deb")
    bash = artifact("debs-base/bash_5.2-1_amd64.deb", b"bash")
    return replace(
        locked(system={}, python={}, base={}),
        epoch=EPOCH,
        base=LockedBase(
            family="debian", name="bookworm", reference="localhost/reprokit/debian:bookworm-1",
            config_digest="sha256:" + "d" * 64, layers=(made.digest(BASE),), registry_digest=None,
            provides={}, packages=(LockedPackage(name="bash", version="5.2-1", artifacts=(bash,)),),
        ),
        system=(LockedPackage(name="jq", version="1.6-2", artifacts=(jq,), requested=True),),
        build_system=(make,),
        ecosystems=ecosystems,
    )  # fmt: skip


JAVA = LockedEcosystem(
    ecosystem="maven",
    packages=(
        LockedPackage(
            name="org.example:math", version="1.0", requested=True,
            artifacts=(
                fetched("m2/math-1.0.jar", MATH, "https://maven.example/math-1.0.jar"),
                fetched("m2/math-1.0.pom", POM, "https://maven.example/math-1.0.pom"),
            ),
        ),
        LockedPackage(
            name="org.example:parent", version="3", artifacts=(artifact("m2/parent-3.pom", POM),)
        ),
        LockedPackage(
            name="org.example:inner", version="2", artifacts=(artifact("m2/inner-2.jar", b"2"),)
        ),
    ),
    settings={"outputs": ["target/dependency", "target/app-1.jar"]},
)  # fmt: skip
PYTHON = LockedEcosystem(
    ecosystem="python",
    packages=(
        LockedPackage(
            name="foo-bar", version="1.0", artifacts=(artifact("wheels/foo_bar-1.0.whl", b"foo"),)
        ),
    ),
)
R = LockedEcosystem(ecosystem="r", packages=(LockedPackage(name="zoo", version="1.8.12"),))
OTHER = LockedEcosystem(ecosystem="perl", packages=(LockedPackage(name="JSON::PP", version="4"),))


def image(root: Path, *layers: bytes, base: Sequence[bytes] = (BASE,)) -> Canonical:
    root.mkdir(exist_ok=True)
    raw = source.from_archive(made.image(root / "raw.tar", [*base, *layers]), root)
    known = [made.digest(layer) for layer in base]
    return canonical.canonical(raw, known, Listings(root / "listings"), epoch=EPOCH)


def listings(found: Canonical) -> tuple[Listing, ...]:
    return tuple(layer.listing for layer in found.layers)


def valid(content: bytes) -> dict[str, Any]:
    errors = JsonStrictValidator(SchemaVersion.V1_6).validate_str(content.decode())
    assert errors is None, errors
    loaded: dict[str, Any] = json.loads(content)
    return loaded


def component(content: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = (part for part in content["components"] if part["name"] == name)
    assert isinstance(found, dict)
    return found


def said(part: dict[str, Any]) -> dict[str, str]:
    return {p["name"].removeprefix("reprokit:"): p["value"] for p in part["properties"]}


def test_a_whole_bill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sbom, "__version__", "0.1.0")
    found = image(tmp_path, ABOVE)
    lock = lock_with(JAVA, OTHER, PYTHON, R)
    content = document(Subject(name="pilot", digest=found.digest), lock, listings(found))
    valid(content)
    golden.check("small.cdx.json", content.decode())


def test_lock_and_image_are_told_apart(tmp_path: Path) -> None:
    found = image(tmp_path, ABOVE)
    lock = lock_with(JAVA, OTHER, PYTHON, R)
    lost = replace(PYTHON.packages[0], name="lost")
    lock = replace(lock, ecosystems=(JAVA, replace(PYTHON, packages=(lost,))))
    content = valid(document(Subject(name="x", digest=found.digest), lock, listings(found)))
    for name, expected in {
        "jq": ("system", "installed", "required"),
        "bash": ("base", "base", "required"),
        "make": ("build", "not found", "excluded"),
        "math": ("maven", "installed", "required"),
        "lost": ("python", "not found", "excluded"),
        "parent": ("maven", "not found", "excluded"),
        # A jar may lie inside another one, so nothing is concluded.
        "inner": ("maven", "not found", None),
        "app": ("no", "installed", "required"),
        "foo-bar": ("no", "installed", "required"),
    }.items():
        part = component(content, name)
        assert (said(part)["locked"], said(part)["image"], part.get("scope")) == expected, name
    assert said(component(content, "foo-bar"))["path"] == f"/{SITE}/Foo_Bar-1.0.dist-info/METADATA"
    assert "apt" not in {part["name"] for part in content["components"]}


def test_an_official_bases_own_packages_are_its_own(tmp_path: Path) -> None:
    found = image(tmp_path, made.tar([file("x", b"1")]))
    digest = "sha256:" + "f" * 64
    base = replace(
        lock_with().base, family="official", name="python:3.11-slim", packages=(),
        registry_digest=digest, reference=f"python:3.11-slim@{digest}",
    )  # fmt: skip
    lock = replace(lock_with(), base=base, system=(), build_system=())
    subject = Subject(name="x", digest=found.digest, pushed=f"localhost:5000/me/x:1@{digest}")
    content = valid(document(subject, lock, listings(found)))
    assert said(component(content, "bash")) == {"locked": "base", "image": "base"}
    assert component(content, "python:3.11-slim")["purl"] == (
        f"pkg:oci/python@{digest}?arch=amd64&repository_url=docker.io/library/python&tag=3.11-slim"
    )
    assert content["metadata"]["component"]["purl"] == (
        f"pkg:oci/x@{digest}?arch=amd64&repository_url=localhost:5000/me/x&tag=1"
    )


def test_what_an_own_dockerfile_installed_is_told(tmp_path: Path) -> None:
    extra = made.tar(
        [
            file(DPKG, status(bash="5.2-1", curl="7.88")),
            file("usr/share/doc/curl/copyright", COPYRIGHT),
            file("usr/local/lib/python3.11/dist-packages/six-1.16.dist-info/METADATA",
                 b"Name: six\nVersion: 1.16\nLicense-Expression: MIT OR Apache-2.0\n"),
            file("root/.m2/repository/guava-33.0.jar", jar(("com.google.guava:guava", "33.0"))),
            file("opt/weka.jar", jar()),
        ]
    )  # fmt: skip
    found = image(tmp_path, extra)
    pinned: JSON = {"debian:12": "debian:12@sha256:" + "1" * 64, "golang:1": "golang:1"}
    base = replace(lock_with().base, family="own", name="debian:12", settings={"pinned": pinned})
    lock = replace(lock_with(), base=base, system=(), build_system=())
    content = valid(document(Subject(name="x", digest=found.digest), lock, listings(found)))
    for name in ("curl", "six", "guava", "weka.jar"):
        assert said(component(content, name))["locked"] == "no"
    assert component(content, "six")["licenses"] == [
        {"acknowledgement": "declared", "expression": "MIT OR Apache-2.0"}
    ]
    assert component(content, "curl")["licenses"] == [
        {"license": {"acknowledgement": "declared", "id": "BSD-3-Clause"}},
        {"license": {"acknowledgement": "declared", "name": "GPL-2+"}},
    ]
    assert component(content, "guava")["purl"] == "pkg:maven/com.google.guava/guava@33.0"
    assert "purl" not in component(content, "weka.jar")
    assert component(content, "debian:12")["purl"].startswith("pkg:oci/debian@sha256:")
    assert "purl" not in component(content, "golang:1")


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    evil = "x\x1b[2J\u202e"
    above = made.tar(
        [
            file(f"{SITE}/e-1.dist-info/METADATA",
                 f"Name: {evil}\nVersion: 1\x07\nLicense: a\x1b]0;b\n".encode()),
            file("opt/r/library/y/DESCRIPTION", b"Package: \xff\nVersion: <b>\nLicense: MIT\n"),
            file("opt/\udcff\n/z.jar", b"no jar"),
        ]
    )  # fmt: skip
    found = image(tmp_path, above)
    wheel = replace(artifact("wheels/w.whl", b"1"), url="https://x.example/a b%zz?\\#a#b|\x1b")
    package = LockedPackage(name="w", version="1", artifacts=(wheel,))
    lock = lock_with(LockedEcosystem(ecosystem="python", packages=(package,)))
    content = document(Subject(name=evil, digest=found.digest), lock, listings(found))
    assert json.dumps(valid(content), ensure_ascii=False).isprintable()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path / "home"))
    return Index()


def a_run(tmp_path: Path, index: Index, found: Canonical, lock: Lock) -> str:
    project = tmp_path / "project"
    project.mkdir()
    folder, record = finished(project, index)
    image_part = record["image"]
    assert isinstance(image_part, dict)
    layers: list[JSON] = [layer.listing.digest for layer in found.layers]
    held: dict[str, JSON] = {
        "environment_digest": found.digest,
        "image": {**image_part, "layers": layers},
    }
    run_folder.write_record(folder, sealed({**record, **held}))
    folder.lock.write_text(lock_file.dumps(lock), "utf-8")
    return folder.id


def test_a_runs_bill_needs_no_engine(
    tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPROKIT_ENGINE", f"unix://{tmp_path}/none.sock")
    raw = source.from_archive(made.image(tmp_path / "raw.tar", [BASE, ABOVE]), tmp_path)
    known = Listings(folders.layers())
    found = canonical.canonical(raw, [made.digest(BASE)], known, epoch=EPOCH)
    run = a_run(tmp_path, index, found, lock_with(JAVA, PYTHON, R))
    made_bill = bill(run, index=index)
    assert made_bill.json() == valid(made_bill.document)
    assert made_bill.text().encode() + b"\n" == made_bill.document
    assert bill(run, index=index).document == made_bill.document


def test_an_image_that_nothing_remembers_is_said(
    tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def nothing(preferred: str | None = None) -> Any:
        yield FakeEngine()

    monkeypatch.setattr(connect, "connect", nothing)
    run = a_run(tmp_path, index, image(tmp_path / "image", ABOVE), lock_with())
    with pytest.raises(BadRequest, match="image is gone"):
        bill(run, index=index)
    lock = next(tmp_path.glob("project/.reprokit/runs/*/repro.lock"))
    lock.unlink()
    with pytest.raises(BadRequest, match="lock cannot be read"):
        bill(run, index=index)
