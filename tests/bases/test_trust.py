"""A base that a stranger's lock names is made on this machine only of what Debian has signed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reprokit.bases import bootstrap, debian_store, trust
from reprokit.bases.distributions import DISTRIBUTIONS
from reprokit.errors import BadRequest, InputUnavailable
from reprokit.model import Artifact, LockedBase, LockedPackage
from reprokit.progress import Silent
from reprokit.site import Site, load

KEYRING = Path(str(DISTRIBUTIONS["debian"].keyring))
PACKAGE = LockedPackage(
    name="zlib1g",
    version="1:1.2.13.dfsg-1",
    artifacts=(
        Artifact(
            path="debs-base/zlib1g_1%3a1.2.13.dfsg-1_amd64.deb",
            sha256="sha256:" + "5" * 64,
            size=1,
            url="http://deb.debian.org/debian/pool/main/z/zlib/zlib1g_1.2.13_amd64.deb",
        ),
    ),
)
BASE = LockedBase(
    family="debian",
    name="bookworm",
    reference="localhost/reprokit/debian:bookworm-aaaaaaaaaaaa",
    config_digest="sha256:" + "c" * 64,
    layers=("sha256:" + "a" * 64,),
    registry_digest=None,
    provides={},
    packages=(PACKAGE,),
    settings={
        "architecture": "amd64",
        "epoch": 1_600_000_000,
        "recipe": bootstrap.RECIPE,
        "snapshot": "20260711T101637Z",
    },
)


UBUNTU = replace(
    BASE,
    family="ubuntu",
    name="focal",
    reference="localhost/reprokit/ubuntu:focal-aaaaaaaaaaaa",
    packages=(
        replace(
            PACKAGE,
            artifacts=(
                replace(
                    PACKAGE.artifacts[0],
                    url="http://archive.ubuntu.com/ubuntu/pool/main/z/zlib/zlib1g_1.2.11_amd64.deb",
                ),
            ),
        ),
    ),
)


def refuse(base: LockedBase) -> None:
    trust.refuse_foreign(base, "repro.lock")


def with_artifact(**changes: Any) -> LockedBase:
    artifact = replace(PACKAGE.artifacts[0], **changes)
    return replace(BASE, packages=(replace(PACKAGE, artifacts=(artifact,)),))


def test_a_base_of_ours_is_believed() -> None:
    refuse(BASE)
    refuse(UBUNTU)


@pytest.mark.parametrize(
    "base",
    [
        replace(BASE, name="--setup-hook=touch harm"),
        replace(BASE, name="sid"),
        replace(BASE, family="ubuntu"),
        replace(UBUNTU, name="bookworm"),
        replace(UBUNTU, packages=(PACKAGE,)),
        replace(BASE, reference="docker.io/library/python:3.11"),
        replace(BASE, layers=()),
        replace(BASE, layers=("sha256:" + "a" * 64, "sha256:" + "b" * 64)),
        replace(BASE, settings={**BASE.settings, "epoch": "$(touch harm)"}),
        replace(BASE, settings={**BASE.settings, "snapshot": "../../evil"}),
        replace(BASE, settings={}),
        replace(BASE, packages=(replace(PACKAGE, name="a,/tmp/evil.deb"),)),
        replace(BASE, packages=(replace(PACKAGE, version="1 --customize-hook=x"),)),
        with_artifact(path="debs-base/Packages"),
        with_artifact(path="debs-base/-o=x.deb"),
        with_artifact(url="http://evil.example/zlib1g.deb"),
        with_artifact(url=None),
    ],
)
def test_what_no_lock_of_ours_would_say_is_refused(base: LockedBase) -> None:
    with pytest.raises(BadRequest, match="no base of reprokit's") as caught:
        refuse(base)
    assert (caught.value.where, caught.value.exit_code) == ("repro.lock", 2)


@pytest.mark.parametrize("then", ["without it", "silent"])
def test_a_package_that_debian_never_signed_is_not_even_fetched(
    then: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def signed(sources: list[str], **about: object) -> frozenset[str]:
        asked.append(sources[0])
        if len(asked) == 2 and then == "silent":
            raise InputUnavailable("nobody answers")
        return frozenset({"sha256:" + "6" * 64})

    def fetch(*about: object) -> None:
        raise AssertionError("fetched")

    monkeypatch.setattr(trust, "signed", signed)
    monkeypatch.setattr(debian_store, "_fetch", fetch)
    with pytest.raises(InputUnavailable, match=r"zlib1g_.*in none of Debian's signed lists"):
        debian_store.rebuild(BASE, Site(), tmp_path, Silent())
    assert asked == [
        "http://deb.debian.org/debian bookworm main",
        "https://snapshot.debian.org/archive/debian/20260711T101637Z bookworm main",
    ]


@pytest.mark.parametrize("signature", ["none", "of a stranger"])
def test_lists_that_debian_did_not_sign_do_not_count(signature: str, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    release = archive / "dists/bookworm"
    packages = release / "main/binary-amd64"
    packages.mkdir(parents=True)
    (packages / "Packages").write_text(f"Package: evil\nSHA256: {'5' * 64}\n")
    (release / ("Release" if signature == "none" else "InRelease")).write_text(
        "Suite: bookworm\nCodename: bookworm\nDate: Sat, 11 Jul 2026 10:16:37 UTC\n"
    )
    with pytest.raises(InputUnavailable, match="signed lists of packages cannot be had"):
        trust.signed(
            [f"file:{archive} bookworm main"],
            keyring=KEYRING,
            architecture="amd64",
            site=Site(),
            folder=tmp_path / "lists",
        )


@pytest.mark.network
def test_what_debian_signs_is_known(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    site = load()
    found = trust.signed(
        bootstrap.sources("bookworm", "amd64", site)[:1],
        keyring=KEYRING,
        architecture="amd64",
        site=site,
        folder=tmp_path / "lists",
    )
    assert len(found) > 50_000
    assert all(digest.startswith("sha256:") and len(digest) == 71 for digest in found)
