"""A real base: made with mmdebstrap, loaded, lost and made again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest

from reprokit.bases import debian_store
from reprokit.bases.debian import DebianFamily
from reprokit.bases.distributions import of_suite
from reprokit.engines.protocol import ContainerRequest, Engine
from reprokit.errors import InputUnavailable
from reprokit.model import LockedBase
from reprokit.progress import Silent
from reprokit.site import load

pytestmark = [pytest.mark.engine, pytest.mark.network]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bases")


@pytest.fixture(scope="module", params=["bookworm", "trixie", "bionic", "noble"])
def suite(request: pytest.FixtureRequest) -> str:
    """trixie's apt brings less along: what is added there has dependencies. bionic's packages are
    packed with xz, noble's with zstd."""
    return str(request.param)


@pytest.fixture(scope="module")
def base(engine: Engine, store: Path, suite: str, family: DebianFamily) -> Iterator[LockedBase]:
    """A base that no other project on this machine can be using: its files are dated by us."""
    if shutil.which("mmdebstrap") is None:
        pytest.skip("needs mmdebstrap")
    architecture = debian_store.architecture(engine.information().platform)
    first, *others = debian_store._releases(suite, load(), architecture)
    ours = format_datetime(datetime.fromtimestamp(1_600_000_000 + os.getpid(), UTC))
    made = debian_store._make(
        suite, architecture, ((first[0], ours), *others), load(), store, Silent()
    )
    debian_store.write_index(made, architecture, store)
    candidate = family.named(suite)
    assert candidate is not None
    yield family.lock(candidate, engine, load(), store, Silent())
    engine.remove_image(made.reference)


@pytest.fixture(scope="module")
def family(suite: str) -> DebianFamily:
    return DebianFamily(of_suite(suite).name)


def said(engine: Engine, image: str, script: str) -> str:
    request = ContainerRequest(image=image, command=("sh", "-c", script))
    with engine.container(request) as container:
        container.start()
        output = b"".join(chunk for _, chunk in container.output())
    return output.decode()


def test_it_is_pinned_by_digest(base: LockedBase, engine: Engine) -> None:
    image = engine.image(base.reference)
    assert image is not None
    assert (image.config_digest, image.layers) == (base.config_digest, base.layers)
    assert base.reference.endswith(base.layers[0].removeprefix("sha256:")[:12])


def test_every_package_in_it_is_locked(base: LockedBase, engine: Engine) -> None:
    script = "dpkg-query -W -f '${Package} ${Version}\\n'"
    there = set(said(engine, base.reference, script).splitlines())
    assert there == {f"{package.name} {package.version}" for package in base.packages}
    artifacts = [artifact for package in base.packages for artifact in package.artifacts]
    assert len(artifacts) == len(base.packages) > 60
    archives = of_suite(base.name).addresses()
    assert all(a.url and a.url.startswith(archives) for a in artifacts)
    assert all(len(a.sha256) == 71 and a.size > 0 for a in artifacts)


def test_it_holds_nothing_of_this_machine(base: LockedBase, engine: Engine) -> None:
    archive = of_suite(base.name).parts(base.name, str(base.settings["architecture"]))[0][0]
    # The dpkg of bionic leaves links without the files that they led to.
    script = (
        "cat /etc/apt/sources.list; ls /var/lib/apt/lists /var/log; "
        "find /usr/share/doc/apt -type f; ls -A /dev/shm"
    )
    text = said(engine, base.reference, script)
    assert text.startswith(f"deb {archive} {base.name} main")
    assert "dpkg.log" not in text
    assert "InRelease" not in text
    assert "copyright" in text
    assert "changelog" not in text


def test_locking_again_takes_the_one_in_the_store(
    base: LockedBase, family: DebianFamily, engine: Engine, store: Path
) -> None:
    candidate = family.named(base.name)
    assert candidate is not None
    assert family.lock(candidate, engine, load(), store, Silent()) == base


def test_an_engine_that_lost_it_gets_it_from_the_store(
    base: LockedBase, family: DebianFamily, engine: Engine, store: Path
) -> None:
    engine.remove_image(base.reference)
    assert engine.image(base.reference) is None
    family.provide(base, engine, load(), store, Silent())
    image = engine.image(base.reference)
    assert image is not None
    assert image.config_digest == base.config_digest


def test_it_is_made_again_from_its_packages_bit_for_bit(
    base: LockedBase, family: DebianFamily, engine: Engine, tmp_path: Path
) -> None:
    engine.remove_image(base.reference)
    family.provide(base, engine, load(), tmp_path, Silent())
    assert debian_store.archive_path(base, tmp_path).is_file()
    image = engine.image(base.reference)
    assert image is not None
    assert (image.config_digest, image.layers) == (base.config_digest, base.layers)


def test_an_archive_of_another_image_is_refused(
    base: LockedBase, family: DebianFamily, engine: Engine, store: Path, tmp_path: Path
) -> None:
    claimed = replace(base, config_digest="sha256:" + "c" * 64)
    path = debian_store.archive_path(claimed, tmp_path)
    shutil.copyfile(debian_store.archive_path(base, store), path)
    with pytest.raises(InputUnavailable, match="not the locked one"):
        family.provide(claimed, engine, load(), tmp_path, Silent())
    assert not path.exists()
