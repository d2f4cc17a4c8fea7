"""The parts of the engines that need none: confinement, paths, messages, names, caches."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest

from reprokit.engines import bound, build, configs, registry
from reprokit.engines.confinement import Flavour, creation, mount_source
from reprokit.engines.endpoint import Endpoint
from reprokit.engines.engine import SocketEngine
from reprokit.engines.protocol import LABEL, Bind, BuildRequest, ContainerRequest
from reprokit.errors import BadRequest, BuildFailed, NoEngine, StorageFailed

MIB = 1024 * 1024


def test_confinement_is_always_on(tmp_path: Path) -> None:
    request = ContainerRequest(
        image="x",
        command=("run", "it"),
        user="1000:0",
        memory=100 * MIB,
        cpus=1.5,
        shared_memory=64 * MIB,
        read_only=True,
        binds=(Bind(source=tmp_path, target="/data"),),
    )
    body = creation(request, "docker", rootless=False, token="t")
    host = body["HostConfig"]
    assert body["Entrypoint"] == ["run"]
    assert body["Cmd"] == ["it"]
    assert body["Labels"][LABEL] == "reprokit"
    assert host["CapDrop"] == ["ALL"]
    assert "no-new-privileges" in host["SecurityOpt"]
    assert host["Memory"] == host["MemorySwap"] == 100 * MIB
    assert host["NanoCpus"] == 1_500_000_000
    assert host["NetworkMode"] == "none"
    assert host["PidsLimit"] == 4096
    assert host["IpcMode"] == "private"
    assert host["Init"] is True
    assert host["Tmpfs"]["/tmp"].startswith("rw,nosuid,nodev")
    assert {"Name": "core", "Soft": 0, "Hard": 0} in host["Ulimits"]
    assert host["LogConfig"]["Config"] == {"max-size": "16m"}
    assert host["Mounts"] == [
        {"Type": "bind", "Source": str(tmp_path), "Target": "/data", "ReadOnly": True}
    ]


def test_only_set_up_keeps_capabilities() -> None:
    request = ContainerRequest(image="x", command=None, privileged_setup=True, network="default")
    body = creation(request, "docker", rootless=False, token="t")
    assert "CapDrop" not in body["HostConfig"]
    assert "NetworkMode" not in body["HostConfig"]
    assert "Entrypoint" not in body
    assert "no-new-privileges" in body["HostConfig"]["SecurityOpt"]


@pytest.mark.parametrize(
    ("flavour", "rootless", "user", "expected"),
    [
        ("podman", True, "1000:0", "keep-id"),
        ("podman", True, "0:0", None),
        ("podman", True, None, None),
        ("podman", False, "1000:0", None),
        ("docker", True, "1000:0", None),
    ],
)
def test_rootless_podman_keeps_the_users_id(
    flavour: Flavour, rootless: bool, user: str | None, expected: str | None
) -> None:
    request = ContainerRequest(image="x", command=None, user=user)
    host = creation(request, flavour, rootless=rootless, token="t")["HostConfig"]
    assert host.get("UsernsMode") == expected


def test_an_empty_command_is_refused() -> None:
    with pytest.raises(BadRequest, match="empty"):
        creation(ContainerRequest(image="x", command=()), "docker", rootless=False, token="t")


def test_windows_paths_reach_each_engine_as_it_wants_them() -> None:
    path = PureWindowsPath(r"C:\Users\Ada Löw\project")
    assert mount_source(path, "docker") == r"C:\Users\Ada Löw\project"
    assert mount_source(path, "podman") == "/mnt/c/Users/Ada Löw/project"
    assert mount_source(PurePosixPath("/home/a b"), "podman") == "/home/a b"
    with pytest.raises(BadRequest, match="network share"):
        mount_source(PureWindowsPath(r"\\server\share\project"), "podman")


def test_podman_mounts_a_path_with_a_comma_or_a_colon_but_not_both(tmp_path: Path) -> None:
    def host(name: str) -> dict[str, object]:
        (tmp_path / name).mkdir()
        bind = Bind(source=tmp_path / name, target="/data")
        request = ContainerRequest(image="x", command=None, binds=(bind,))
        found: dict[str, object] = creation(request, "podman", rootless=False, token="t")
        return found["HostConfig"]  # type: ignore[return-value]

    assert host("a, b")["Binds"] == [f"{tmp_path}/a, b:/data:ro"]
    assert host("a:b")["Binds"] == []
    with pytest.raises(BadRequest, match="comma and a colon"):
        host("a,b:c")


# -- builds --------------------------------------------------------------------------------------


def request_in(folder: Path) -> BuildRequest:
    return BuildRequest(context=folder, tag="localhost/x:1", arguments={"B": "2", "A": "1 $x"})


def test_a_build_command_is_complete_and_sorted(tmp_path: Path) -> None:
    builder = build.Builder(name="buildkit", argv=("docker", "build"), environment=())
    argv = build.command(request_in(tmp_path), builder, tmp_path / "Dockerfile")
    assert argv == (
        *("docker", "build", "--network", "none", "--file", str(tmp_path / "Dockerfile")),
        *("--tag", "localhost/x:1", "--build-arg", "A=1 $x", "--build-arg", "B=2", str(tmp_path)),
    )


def test_buildah_stamps_files_with_the_builds_date(tmp_path: Path) -> None:
    builder = build.Builder(name="buildah", argv=("podman", "build"), environment=())
    request = BuildRequest(context=tmp_path, tag="x:1", arguments={"SOURCE_DATE_EPOCH": "7"})
    argv = build.command(request, builder, tmp_path / "Dockerfile")
    assert argv[argv.index("--timestamp") + 1] == "7"


def test_new_builders_say_the_line_themselves(tmp_path: Path) -> None:
    output = " > [stage-0 3/3] RUN false:\n------\nDockerfile:4\n-----\nERROR: failed to solve\n"
    error = build.failure(output, request_in(tmp_path))
    assert isinstance(error, BuildFailed)
    assert error.where == f"{tmp_path}/Dockerfile:4"
    assert error.what == "the image could not be built: RUN false"


def test_only_the_last_lines_are_shown(tmp_path: Path) -> None:
    output = "\n".join(f"#7 line {number}" for number in range(100))
    error = build.failure(output, request_in(tmp_path))
    assert (error.next or "").splitlines()[1:] == [f"#7 line {number}" for number in range(70, 100)]


def test_a_full_disk_and_a_lost_engine_are_told_apart(tmp_path: Path) -> None:
    full = "#7 1.2 cp: error writing '/x': No space left on device\n"
    assert isinstance(build.failure(full, request_in(tmp_path)), StorageFailed)
    lost = "ERROR: Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?"
    assert isinstance(build.failure(lost, request_in(tmp_path)), NoEngine)


def test_a_bound_folder_is_named_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor/wheel").write_text("one")
    text = (
        "FROM x\n"
        "RUN --mount=type=bind,source=vendor,target=/v \\\n    install /v\n"
        "RUN --mount=type=bind,from=other,source=vendor,target=/v echo\n"
        "RUN --mount=type=cache,target=/c echo\n"
        "run --network=none --mount=src=vendor/wheel,dst=/w cat /w\n"
        "RUN echo a \\\n  RUN --mount=type=bind,source=vendor,target=/v\n"
    )
    first = bound.with_digests(text, tmp_path)
    without = [line for line in first.splitlines() if not line.startswith("ARG ")]
    assert without == text.splitlines()
    lines = first.splitlines()
    places = [number for number, line in enumerate(lines) if line.startswith("ARG ")]
    assert [lines[number + 1].split()[0] for number in places] == ["RUN", "run"]
    assert bound.with_digests(text, tmp_path) == first
    (tmp_path / "vendor/wheel").write_text("two")
    assert bound.with_digests(text, tmp_path) != first


# -- registries ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("python", ("python", ":", "latest")),
        ("python:3.11", ("python", ":", "3.11")),
        ("127.0.0.1:5000/a/b", ("127.0.0.1:5000/a/b", ":", "latest")),
        ("127.0.0.1:5000/a/b:1", ("127.0.0.1:5000/a/b", ":", "1")),
        ("a/b@sha256:" + "0" * 64, ("a/b", "@", "sha256:" + "0" * 64)),
    ],
)
def test_references_come_apart(reference: str, parts: tuple[str, str, str]) -> None:
    assert registry.split_reference(reference) == parts


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("python", "docker.io/library/python"),
        ("rocker/r-ver", "docker.io/rocker/r-ver"),
        ("localhost/x", "localhost/x"),
        ("ghcr.io/a/b", "ghcr.io/a/b"),
    ],
)
def test_names_become_full(name: str, full: str) -> None:
    assert registry.full_name(name) == full


def test_mirrors_are_asked_before_the_registry() -> None:
    mirror = {"location": "127.0.0.1:5000", "insecure": True}
    settings: dict[str, object] = {
        "registry": [{"location": "other.io"}, {"prefix": "docker.io", "mirror": [mirror]}]
    }
    found = list(registry.places("docker.io/library/python", settings))
    assert [(place.host, place.repository, place.plain) for place in found] == [
        ("127.0.0.1:5000", "library/python", True),
        ("registry-1.docker.io", "library/python", False),
    ]


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("manifest unknown: manifest unknown", True),
        ("denied: requested access to the resource is denied", True),
        ("dial tcp: lookup registry-1.docker.io: no such host", False),
        ("net/http: request canceled while waiting for connection", False),
        ("x509: certificate signed by unknown authority", False),
    ],
)
def test_missing_is_not_unreachable(text: str, missing: bool) -> None:
    assert registry.is_missing(text) is missing


# -- config digests ------------------------------------------------------------------------------

CONFIG, MANIFEST, INDEX = ("sha256:" + character * 64 for character in "abc")


def exported(documents: dict[str, object]) -> Iterator[bytes]:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for digest, document in documents.items():
            content = json.dumps(document).encode()
            entry = tarfile.TarInfo(f"blobs/sha256/{digest.removeprefix('sha256:')}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    whole = target.getvalue()
    for start in range(0, len(whole), 1000):
        yield whole[start : start + 1000]


def test_the_config_is_found_through_index_and_manifest() -> None:
    def entry(digest: str, architecture: str) -> dict[str, object]:
        return {"digest": digest, "platform": {"os": "linux", "architecture": architecture}}

    documents: dict[str, object] = {
        CONFIG: {"os": "linux"},
        MANIFEST: {"config": {"digest": CONFIG}, "layers": []},
        INDEX: {"manifests": [entry("sha256:" + "9" * 64, "arm64"), entry(MANIFEST, "amd64")]},
    }
    assert configs.config_digest(exported(documents), INDEX, "linux/amd64") == CONFIG
    assert configs.config_digest(exported(documents), MANIFEST, "linux/amd64") == CONFIG
    assert configs.config_digest(exported(documents), INDEX, "linux/s390x") is None


def test_docker_is_asked_for_its_store_once_an_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path))
    asked = []

    class Client:
        def inspect_image(self, reference: str) -> dict[str, str]:
            return {"Id": CONFIG, "Architecture": "amd64"}

        def info(self) -> dict[str, str]:
            asked.append("info")
            return {}

    for _ in range(2):
        engine = SocketEngine(Endpoint(url="unix:///nowhere", source="you"), "docker", api="1.41")
        engine.__dict__["_api"] = Client()
        image = engine.image("x")
        assert image is not None and image.config_digest == CONFIG
    assert asked == ["info"]


def test_a_config_digest_is_remembered(tmp_path: Path) -> None:
    assert configs.remembered(tmp_path, MANIFEST) is None
    configs.remember(tmp_path, MANIFEST, CONFIG)
    assert configs.remembered(tmp_path, MANIFEST) == CONFIG
    (tmp_path / MANIFEST.removeprefix("sha256:")).write_text("broken")
    assert configs.remembered(tmp_path, MANIFEST) is None
