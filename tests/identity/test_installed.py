"""What an image holds is read out of it, and held against the lock."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

from reprokit.identity.agreement import disagreements
from reprokit.identity.installed import DPKG, Installed, Told, tells
from reprokit.identity.installed import read as read_file
from reprokit.model import DateChoice, Lock, LockedBase, LockedEcosystem, LockedPackage
from tests.identity import made
from tests.identity.made import file
from tests.identity.test_canonical import canonical_of

STATUS = b"""\
Package: zlib1g
Status: install ok installed
Version: 1:1.2.13.dfsg-1
Description: compression library
 Version: not this one

Package: gone
Status: deinstall ok config-files
Version: 1.0
"""


def read(path: str, content: bytes) -> Told:
    return read_file(path, io.BytesIO(content))


def locked(*, system: dict[str, str], python: dict[str, str], base: dict[str, str]) -> Lock:
    def packages(found: dict[str, str]) -> tuple[LockedPackage, ...]:
        return tuple(LockedPackage(name=n, version=v) for n, v in found.items())

    return Lock(
        schema=1,
        reprokit="0",
        platform="linux/amd64",
        inputs="",
        date=DateChoice(day="2024-01-01", source="given"),
        epoch=0,
        base=LockedBase(
            family="debian", name="bookworm", reference="x", config_digest="", layers=(),
            registry_digest=None, provides={}, packages=packages(base),
        ),
        system=packages(system),
        build_system=(),
        ecosystems=(LockedEcosystem(ecosystem="python", packages=packages(python)),),
    )  # fmt: skip


def test_each_package_managers_notes_are_read() -> None:
    assert read(DPKG, STATUS).packages == (Installed("deb", "zlib1g", "1:1.2.13.dfsg-1"),)
    metadata = b"Metadata-Version: 2.1\nName: Foo.Bar_baz\nVersion: 1.0\n\nVersion: 9\n"
    assert tells("opt/venv/lib/python3.11/site-packages/Foo.Bar_baz-1.0.dist-info/METADATA")
    assert read("x/Foo-1.dist-info/METADATA", metadata).packages == (
        Installed("python", "foo-bar-baz", "1.0"),
    )
    assert tells("usr/lib/R/site-library/MASS/DESCRIPTION")
    assert read("usr/lib/R/library/MASS/DESCRIPTION", b"Package: MASS\nVersion: 7.3-58\n") == Told(
        (Installed("r", "MASS", "7.3-58"),)
    )
    assert read("x/Foo-1.dist-info/METADATA", b"\xff\xfenonsense") == Told()
    system = b'NAME="Debian"\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nID=debian\n'
    assert read("usr/lib/os-release", system) == Told((Installed("os", "debian", "bookworm"),))
    assert read("usr/lib/os-release", b"NAME=x\n") == Told()


def test_packages_of_removed_files_do_not_count(tmp_path: Path) -> None:
    note = "opt/x-1.dist-info/METADATA"
    below = made.tar([file(DPKG, STATUS), file(note, b"Name: x\nVersion: 1\n")])
    above = made.tar([file("opt/x-1.dist-info/.wh.METADATA")])
    found = canonical_of(tmp_path, [below, above])
    assert found.packages() == (Installed("deb", "zlib1g", "1:1.2.13.dfsg-1"),)


def test_an_image_that_is_not_its_locks_is_told() -> None:
    lock = locked(
        system={"jq": "1.6", "curl": "7.88"},
        python={"NumPy": "1.26.4", "only-for-building": "1"},
        base={"bash": "5.2", "upgraded": "1"},
    )
    good = [
        Installed("deb", "jq", "1.6"),
        Installed("deb", "curl", "7.88"),
        Installed("deb", "bash", "5.2"),
        Installed("python", "numpy", "1.26.4"),
    ]
    assert disagreements(lock, good, ()) == ()
    bad = [
        Installed("deb", "jq", "1.7"),
        Installed("deb", "bash", "5.3"),
        Installed("python", "numpy", "1.26.3"),
    ]
    assert disagreements(lock, bad, ()) == (
        "jq is 1.7 and not 1.6",
        "curl 7.88 is not installed",
        "bash is 5.3 and not 5.2",
        "NumPy is 1.26.3 and not 1.26.4",
    )


def test_two_spellings_of_a_version_are_one() -> None:
    lock = locked(system={}, python={"a": "1.0.post1", "b": "2.0"}, base={})
    r = LockedEcosystem(ecosystem="r", packages=(LockedPackage(name="zoo", version="1.8.12"),))
    lock = replace(lock, ecosystems=(*lock.ecosystems, r))
    found = [
        Installed("python", "a", "1.0-1"),
        Installed("python", "b", "2.0.0"),
        Installed("r", "zoo", "1.8-12"),
    ]
    assert disagreements(lock, found, ()) == ()
    other = [Installed("python", "a", "1.0.1"), Installed("r", "zoo", "1.8-13")]
    assert disagreements(lock, other, ()) == (
        "a is 1.0.1 and not 1.0.post1",
        "zoo is 1.8-13 and not 1.8.12",
    )


def test_licences_are_those_that_packages_declare() -> None:
    for metadata, expected in {
        "License: MIT\nLicense-Expression: Apache-2.0 OR MIT\n": ("Apache-2.0 OR MIT",),
        "License: BSD\nClassifier: License :: OSI Approved :: MIT License\n": ("BSD",),
        "License: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License\n": ("MIT License",),
        "License: Copyright (c) 2001\n        All rights reserved.\n": (),
        f"License: {'x' * 200}\n": (),
        "Classifier: License :: OSI Approved\n": (),
    }.items():
        content = f"Name: x\nVersion: 1\n{metadata}\nLicense: of the text below\n".encode()
        assert read("x-1.dist-info/METADATA", content).licences == expected, metadata
    description = b"Package: x\nVersion: 1\nLicense: GPL (>= 2)\n"
    assert read("opt/r/library/x/DESCRIPTION", description).licences == ("GPL (>= 2)",)


def test_debians_copyright_is_read_where_machines_can() -> None:
    place = "usr/share/doc/jq/copyright"
    readable = b"""\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: jq

Files: *
Copyright: 2012 Somebody
License: Expat

Files: debian/*
License: GPL-3+
 The text of it.

License: not-used
 Text
"""
    assert tells(place)
    assert read(place, readable) == Told(licences=("Expat", "GPL-3+"))
    assert read(place, b"This was packaged by me.\nLicense: free\n") == Told()
