"""Canonical images on each real engine: the same digest, whoever built them, and they run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reprokit.engines.engine import SocketEngine
from reprokit.engines.protocol import BuildRequest, ContainerRequest
from reprokit.errors import BuildFailed
from reprokit.identity import LABEL, POLICY
from reprokit.identity.canonical import canonical
from reprokit.identity.listing import Listings
from reprokit.identity.source import exported, from_folders
from reprokit.model import DateChoice, Image, Lock, LockedBase, LockedPackage
from reprokit.phases.canonicalise import canonical_image
from reprokit.progress import Silent
from tests.engines import tiny
from tests.identity.test_libraries import jar, lock_of

pytestmark = pytest.mark.engine

EPOCH = 1_700_000_000
DOCKERFILE = f"""\
FROM {tiny.REFERENCE}
ARG STAMP
ENV WHO=me
COPY --chown=1000:0 ["d/", "/app/d/"]
RUN mkdir -p /var/log && echo "$STAMP" > /var/log/build.log && touch /bin /app
RUN echo content > /app/d/new && rm /app/d/old && mkdir /app/d/e && echo x > /app/d/e/f
LABEL org.reprokit.owner=reprokit
USER 1000:0
WORKDIR /app
"""
DIGEST = "sha256:"


@pytest.fixture(scope="module")
def tiny_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.archive(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def lock(engine: SocketEngine, tiny_archive: Path) -> Lock:
    base = engine.image(tiny.REFERENCE) or engine.load(tiny_archive)
    return Lock(
        schema=1,
        reprokit="0",
        platform=engine.platform(),
        inputs="",
        date=DateChoice(day="2023-11-14", source="given"),
        epoch=EPOCH,
        base=LockedBase(
            family="debian", name="tiny", reference=tiny.REFERENCE, registry_digest=None,
            config_digest=base.config_digest, layers=base.layers, provides={},
        ),
        system=(),
        build_system=(),
        ecosystems=(),
    )  # fmt: skip


def built(engine: SocketEngine, root: Path, stamp: str) -> Image:
    context = root / stamp
    (context / "d").mkdir(parents=True)
    (context / "d" / "old").write_text("old\n")
    (context / "d" / "kept").write_text("kept\n")
    (context / "Dockerfile").write_text(DOCKERFILE)
    request = BuildRequest(
        context=context,
        tag=f"localhost/reprokit-tests/canonical:{stamp}",
        no_cache=True,
        arguments={"STAMP": stamp, "SOURCE_DATE_EPOCH": str(EPOCH)},
    )
    return engine.build(request, lambda line: None)


def test_two_builds_become_one_image_that_runs(
    engine: SocketEngine, lock: Lock, tmp_path: Path
) -> None:
    raw = [built(engine, tmp_path, stamp) for stamp in ("one", "two")]
    assert raw[0].config_digest != raw[1].config_digest
    images = [canonical_image(image, lock, engine, Silent()) for image in raw]
    try:
        assert images[0].config_digest == images[1].config_digest
        assert images[0].layers[: len(lock.base.layers)] == lock.base.layers
        assert images[0].labels[LABEL] == POLICY
        request = ContainerRequest(
            image=images[1].reference,
            command=("sh", "-c", 'echo "$WHO"; cat d/new d/kept; ls -a d; touch d/mine && ls d/e'),
            user="1000:0",
        )
        with engine.container(request) as container:
            container.start()
            out = b"".join(chunk for _, chunk in container.output()).decode()
            end = container.wait()
        assert end is not None and end.code == 0, out
        # The folder still belongs to its owner, and what was removed is gone.
        assert out.split() == ["me", "content", "kept", ".", "..", "e", "kept", "new", "f"]
    finally:
        for image in images:
            engine.remove_image(image.reference)


def test_folders_and_export_say_the_same(engine: SocketEngine, lock: Lock, tmp_path: Path) -> None:
    image = built(engine, tmp_path, "both")
    try:
        with exported(engine.save(image.reference), tmp_path / "spool") as raw:
            listings = Listings(tmp_path / "exported")
            theirs = canonical(raw, lock.base.layers, listings, epoch=EPOCH)
        unpacked = engine.unpacked(image.reference)
        if engine.loads_missing_layers and engine.endpoint.socket is not None:
            assert unpacked is not None or not _is_root()
        if unpacked is not None:
            raw = from_folders(unpacked.config, unpacked.layers)
            listings = Listings(tmp_path / "folders")
            ours = canonical(raw, lock.base.layers, listings, epoch=EPOCH)
            assert ours.config == theirs.config
    finally:
        engine.remove_image(image.reference)


def test_another_base_or_a_missing_package_is_refused(
    engine: SocketEngine, lock: Lock, tmp_path: Path
) -> None:
    image = built(engine, tmp_path, "refused")
    wrong_base = replace(lock, base=replace(lock.base, layers=(DIGEST + "0" * 64,)))
    missing = replace(lock, system=(LockedPackage(name="jq", version="1.6"),))
    try:
        with pytest.raises(BuildFailed, match="does not stand on the base"):
            canonical_image(image, wrong_base, engine, Silent())
        with pytest.raises(BuildFailed, match=r"jq 1\.6 is not installed"):
            canonical_image(image, missing, engine, Silent())
    finally:
        engine.remove_image(image.reference)


def test_a_jar_with_other_bytes_is_refused(
    engine: SocketEngine, lock: Lock, tmp_path: Path
) -> None:
    place = tmp_path / "app" / "target" / "dependency"
    place.mkdir(parents=True)
    (place / "math-1.0.jar").write_bytes(jar(("org.example:math", "1.0")))
    (tmp_path / "Dockerfile").write_text(f"FROM {tiny.REFERENCE}\nCOPY app /app\n")
    tag = "localhost/reprokit-tests/canonical:jar"
    locked = {("org.example:math", "1.0"): {"math-1.0.jar": b"the bytes that were locked"}}
    java = lock_of(locked, outputs=("target/dependency",)).ecosystems
    image = engine.build(BuildRequest(context=tmp_path, tag=tag), lambda line: None)
    try:
        with pytest.raises(BuildFailed, match=r"math-1\.0\.jar has other bytes than org\.example"):
            canonical_image(image, replace(lock, ecosystems=java), engine, Silent())
    finally:
        engine.remove_image(tag)


def _is_root() -> bool:
    import os

    return os.geteuid() == 0
