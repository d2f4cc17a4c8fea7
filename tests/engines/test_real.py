"""What only a real engine can show: builders, confinement, speed of telling, registries."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from reprokit.engines.engine import SocketEngine
from reprokit.engines.protocol import BuildRequest, ContainerRequest
from reprokit.errors import BuildFailed, InputUnavailable, StorageFailed
from tests.engines import tiny

pytestmark = pytest.mark.engine

TAG = "localhost/reprokit-tests/vendor:1"
DOCKERFILE = f"""\
FROM {tiny.REFERENCE}
ARG SOURCE_DATE_EPOCH
RUN --mount=type=bind,source=vendor,target=/vendor cp /vendor/wheel /marker
CMD ["cat", "/marker"]
"""


@pytest.fixture(autouse=True)
def tiny_image(engine: SocketEngine, tmp_path_factory: pytest.TempPathFactory) -> None:
    if engine.image(tiny.REFERENCE) is None:
        engine.load(tiny.archive(tmp_path_factory.mktemp("tiny")))


def printed(engine: SocketEngine, request: ContainerRequest) -> str:
    with engine.container(request) as container:
        container.start()
        return b"".join(chunk for _, chunk in container.output()).decode()


def built(engine: SocketEngine, context: Path) -> str:
    request = BuildRequest(context=context, tag=TAG, arguments={"SOURCE_DATE_EPOCH": "1700000000"})
    engine.build(request, lambda line: None)
    return printed(engine, ContainerRequest(image=TAG, command=None))


def test_a_build_reads_vendor_and_sees_when_it_changes(
    engine: SocketEngine, tmp_path: Path
) -> None:
    context = tmp_path / "a context"
    (context / "vendor").mkdir(parents=True)
    (context / "Dockerfile").write_text(DOCKERFILE)
    (context / "vendor/wheel").write_text(f"one {tmp_path}")
    assert built(engine, context) == f"one {tmp_path}"
    first = engine.image(TAG)
    assert built(engine, context) == f"one {tmp_path}"
    assert engine.image(TAG) == first, "the second build came from the cache"
    (context / "vendor/wheel").write_text(f"two {tmp_path}")
    assert built(engine, context) == f"two {tmp_path}"
    engine.remove_image(TAG)


def test_a_build_has_no_network(engine: SocketEngine, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(
        f"FROM {tiny.REFERENCE}\nRUN cat /proc/net/dev /proc/net/route && exit 9\n"
    )
    request = BuildRequest(context=tmp_path, tag=TAG, no_cache=True)
    with pytest.raises(BuildFailed) as caught:
        engine.build(request, lambda line: None)
    shown = caught.value.next or ""
    assert "lo:" in shown
    assert "eth0" not in shown


def test_interrupting_a_build_stops_it(engine: SocketEngine, tmp_path: Path) -> None:
    seconds = str(1000 + time.time_ns() % 1_000_000)  # tells it from any other sleep
    (tmp_path / "Dockerfile").write_text(
        f"FROM {tiny.REFERENCE}\nRUN echo begun && sleep {seconds}\n"
    )

    def on_line(line: str) -> None:
        if "begun" in line and "RUN" not in line:
            raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        engine.build(BuildRequest(context=tmp_path, tag=TAG, no_cache=True), on_line)
    assert time.monotonic() - began < 30
    deadline = time.monotonic() + 10
    while sleeping(seconds) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not sleeping(seconds)


def sleeping(seconds: str) -> bool:
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if place.read_bytes() == f"sleep\0{seconds}\0".encode():
                return True
        except OSError:
            continue
    return False


def test_a_container_is_confined(engine: SocketEngine) -> None:
    script = "cat /proc/self/status; cat /proc/net/dev; echo x > /tmp/x && echo tmp; echo y > /y"
    said = printed(
        engine,
        ContainerRequest(image=tiny.REFERENCE, command=("sh", "-c", script), read_only=True),
    )
    facts = dict(line.partition(":")[::2] for line in said.splitlines())
    assert facts["CapEff"].strip() == "0000000000000000"
    assert facts["CapBnd"].strip() == "0000000000000000"
    assert facts["NoNewPrivs"].strip() == "1"
    assert "eth0" not in said
    assert "tmp" in said.splitlines()
    assert "ead-only" in said


def test_setup_containers_may_install(engine: SocketEngine) -> None:
    said = printed(
        engine,
        ContainerRequest(
            image=tiny.REFERENCE, command=("cat", "/proc/self/status"), privileged_setup=True
        ),
    )
    facts = dict(line.partition(":")[::2] for line in said.splitlines())
    assert int(facts["CapEff"], 16) & 1, "CAP_CHOWN"


def test_peak_memory_is_seen_while_it_runs(engine: SocketEngine) -> None:
    script = "head -c 30000000 /dev/zero > /dev/shm/x; exec sleep 60"
    request = ContainerRequest(
        image=tiny.REFERENCE, command=("sh", "-c", script), shared_memory=64 * 1024 * 1024
    )
    with engine.container(request) as container:
        container.start()
        if engine._ignores_limits:
            assert container.peak_memory() is None, "better no figure than that of all processes"
            return
        deadline = time.monotonic() + 20
        while (container.peak_memory() or 0) < 30_000_000 and time.monotonic() < deadline:
            time.sleep(0.05)
        peak = container.peak_memory()
        container.stop(grace=0)
        assert peak is not None
        assert 30_000_000 <= peak < 200_000_000
        assert container.peak_memory() == peak, "the last figure outlives the container"


def test_the_corpse_stays_if_asked(engine: SocketEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPROKIT_KEEP", "1")
    with engine.container(ContainerRequest(image=tiny.REFERENCE, command=("true",))) as container:
        pass
    assert container.id in engine.leftovers()
    engine.remove_container(container.id)
    engine.remove_container(container.id)
    assert container.id not in engine.leftovers()


INTERRUPTED = """
import sys
from reprokit.engines.connect import connect
from reprokit.engines.protocol import ContainerRequest
with connect(sys.argv[1]) as engine:
    request = ContainerRequest(image=sys.argv[2], command=("sleep", "60"))
    with engine.container(request) as container:
        container.start()
        print(container.id, flush=True)
        for _ in container.output():
            pass
"""


def test_ctrl_c_removes_the_container(engine: SocketEngine) -> None:
    address = engine.endpoint.url
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, address, tiny.REFERENCE],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        identifier = running.stdout.readline().strip()
        assert identifier in engine.leftovers()
        running.send_signal(signal.SIGINT)
        time.sleep(0.05)
        running.send_signal(signal.SIGINT)  # impatience must not leave it behind
        running.communicate(timeout=30)
    assert running.returncode != 0
    assert identifier not in engine.leftovers()


def pushed(engine: SocketEngine, name: str) -> str:
    """Push an image and return the digest that the registry computed."""
    engine.tag(tiny.REFERENCE, name)
    for line in engine._api.push(name, stream=True, decode=True):
        assert "error" not in line, line
    repository, _, tag = name.partition("/")[2].rpartition(":")
    accept = "application/vnd.docker.distribution.manifest.v2+json"
    accept += (
        ", application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json"
    )
    request = urllib.request.Request(
        f"http://{name.partition('/')[0]}/v2/{repository}/manifests/{tag}",
        headers={"Accept": accept},
        method="HEAD",
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        return str(answer.headers["Docker-Content-Digest"])


def test_a_registry_tells_its_digest(engine: SocketEngine, registry: str) -> None:
    name = f"{registry}/tests/tiny:1"
    digest = pushed(engine, name)
    assert engine.registry_digest(name) == digest
    assert engine.registry_digest(f"{registry}/tests/tiny:absent") is None
    assert engine.registry_digest(f"{registry}/absent/tiny:1") is None
    engine.remove_image(name)
    pulled = engine.pull(f"{registry}/tests/tiny@{digest}", f"linux/{tiny.architecture()}", print)
    original = engine.image(tiny.REFERENCE)
    assert original is not None
    assert (pulled.config_digest, pulled.layers) == (original.config_digest, original.layers)
    assert f"{registry}/tests/tiny@{digest}" in pulled.registry_digests
    engine.remove_image(f"{registry}/tests/tiny@{digest}")
    with pytest.raises(InputUnavailable):
        engine.pull(f"{registry}/tests/tiny:absent", f"linux/{tiny.architecture()}", print)


def test_a_registry_that_does_not_answer_is_told_in_time(engine: SocketEngine) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        port = silent.getsockname()[1]
        began = time.monotonic()
        with pytest.raises(InputUnavailable, match="no registry answers"):
            engine.registry_digest(f"127.0.0.1:{port}/tests/tiny:1", timeout=1.0)
        assert time.monotonic() - began < 4


def test_it_tells_what_it_is(engine: SocketEngine) -> None:
    facts = engine.information()
    assert facts.name in ("docker", "podman")
    assert facts.platform == f"linux/{tiny.architecture()}"
    assert facts.builder in ("buildkit", "buildah")
    assert facts.version[0].isdigit()
    memory = engine.memory()
    assert facts.rootless if memory is None else memory > 256 * 1024**2
    if os.getuid() != 0 and facts.name == "podman":
        assert facts.rootless


def test_a_full_disk_is_told_as_such_whatever_a_program_makes_of_it(engine: SocketEngine) -> None:
    script = "echo 'write error: No space left on device' >&2; echo 'the network is down'; exit 100"
    request = ContainerRequest(image=tiny.REFERENCE, command=("sleep", "60"))
    with engine.container(request) as container:
        container.start()
        assert container.execute(("sh", "-c", script.replace("100", "0"))).code == 0
        with pytest.raises(StorageFailed, match="disk is full"):
            container.execute(("sh", "-c", script))
