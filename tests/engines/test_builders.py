"""Which command builds: BuildKit or buildah, never the classic builder, whatever is set."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reprokit.engines import build
from reprokit.engines.confinement import Flavour
from reprokit.engines.engine import SocketEngine
from reprokit.engines.protocol import BuildRequest
from reprokit.errors import NoEngine
from tests.engines import tiny

HERE = build.Address(url="unix:///run/some.sock", flavour="docker")
OLD = "Docker version 20.10.24+dfsg1, build 297e128"
NEW = "Docker version 28.2.2, build e6534b4"
BUILDX = "github.com/docker/buildx v0.13.1 1d8a5f2"
SHIM = "buildah 1.33.5"

Installer = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installer]:
    """Puts programs called docker on the path, one folder each, and nothing else."""
    folders: list[Path] = []

    def put(version: str, buildx: str | None = None) -> Path:
        folder = tmp_path / f"bin{len(folders)}"
        folder.mkdir()
        folders.append(folder)
        program = folder / "docker"
        answer = "exit 1" if buildx is None else f"echo '{buildx}'"
        program.write_text(
            "#!/bin/sh\n"
            # As the real one does where its context does not exist.
            'if [ -n "$DOCKER_CONTEXT" ] && [ "$DOCKER_CONTEXT" != default ]; then exit 1; fi\n'
            f"case $1 in buildx) {answer};; --version) echo '{version}';; esac\n"
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", ":".join(map(str, folders)))
        return program

    build._find.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    yield put
    build._find.cache_clear()


def test_an_old_command_builds_with_buildkit_of_its_own(install: Installer) -> None:
    program = install(OLD)
    found = build._builder(HERE)
    assert (found.name, found.argv[:2]) == ("buildkit", (str(program), "build"))


def test_a_new_command_builds_with_its_plugin(install: Installer) -> None:
    program = install(NEW, BUILDX)
    found = build._builder(HERE)
    assert found.argv[:5] == (str(program), "buildx", "build", "--builder", "default")


def test_what_the_user_set_for_docker_is_overruled(
    install: Installer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_BUILDKIT", "0")
    monkeypatch.setenv("DOCKER_CONTEXT", "gone")
    install(OLD)
    assert dict(build._builder(HERE).environment) == {
        "DOCKER_BUILDKIT": "1",
        "DOCKER_CONTEXT": "default",
        "DOCKER_HOST": HERE.url,
    }


def test_a_command_that_cannot_build_is_passed_over(install: Installer) -> None:
    install(NEW)
    install("podman version 5.4.0", SHIM)
    program = install(OLD)
    assert build._builder(HERE).argv[0] == str(program)


def test_where_none_can_build_each_is_named_with_the_reason(install: Installer) -> None:
    without, old = install(NEW), install("Docker version 18.09.1, build 4c52b90")
    shim = install("podman version 5.4.0", SHIM)
    assert build.builder_name(HERE) == "classic"
    with pytest.raises(NoEngine) as refused:
        build._builder(HERE)
    assert f"{without} lacks buildx" in refused.value.what
    assert f"{old} is too old" in refused.value.what
    assert f"{shim} is another program" in refused.value.what
    assert "docker-buildx" in (refused.value.next or "")


@pytest.mark.parametrize("flavour", ["docker", "podman"])
def test_no_command_at_all_is_said(install: Installer, flavour: Flavour) -> None:
    with pytest.raises(NoEngine, match="which builds need"):
        build._builder(build.Address(url=HERE.url, flavour=flavour))


@pytest.mark.engine
def test_a_build_mounts_vendor_whatever_is_set(
    engine: SocketEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_BUILDKIT", "0")
    monkeypatch.setenv("DOCKER_CONTEXT", "gone")
    monkeypatch.setenv("BUILDX_BUILDER", "another")
    build._find.cache_clear()
    if engine.image(tiny.REFERENCE) is None:
        engine.load(tiny.archive(tmp_path))
    context = tmp_path / "context"
    (context / "vendor").mkdir(parents=True)
    (context / "vendor" / "file").write_text("content")
    (context / "Dockerfile").write_text(
        f"FROM {tiny.REFERENCE}\n"
        "RUN --mount=type=bind,source=vendor,target=/vendor cp /vendor/file /copied\n"
    )
    tag = "localhost/reprokit-tests/builders:1"
    try:
        engine.build(BuildRequest(context=context, tag=tag), lambda line: None)
    finally:
        engine.remove_image(tag)
        build._find.cache_clear()
        shutil.rmtree(context)
