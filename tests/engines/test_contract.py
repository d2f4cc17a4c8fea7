"""What every engine has to do, on the fake and on each real one."""

from __future__ import annotations

import io
import os
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reprokit.engines.engine import SocketEngine
from reprokit.engines.fake import FakeEngine
from reprokit.engines.protocol import Bind, BuildRequest, Container, ContainerRequest, Engine
from reprokit.errors import (
    BadRequest,
    BuildFailed,
    CommandFailed,
    InputUnavailable,
    Interrupted,
)
from reprokit.history.living import this_process
from reprokit.model import Argv
from tests.conftest import engines
from tests.engines import programs, tiny

ARGUMENTS = {"SOURCE_DATE_EPOCH": "1700000000"}


@pytest.fixture(
    params=["fake", *(pytest.param(name, marks=pytest.mark.engine) for name in engines())]
)
def any_engine(request: pytest.FixtureRequest, tiny_archive: Path) -> Iterator[Engine]:
    """The fake and each real engine, each holding the tiny image."""
    engine: Engine
    if request.param == "fake":
        engine = FakeEngine(programs=programs.FUNCTIONS)
    else:
        opened = request.getfixturevalue("opened_engines")
        if request.param not in opened:
            pytest.fail(f"no {request.param} answers here (`dev/engine start` starts one)")
        engine = opened[request.param]
    if engine.image(tiny.REFERENCE) is None:
        engine.load(tiny_archive)
    yield engine


@pytest.fixture(scope="session")
def tiny_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.archive(tmp_path_factory.mktemp("tiny"))


def asked(command: Argv | None, **options: object) -> ContainerRequest:
    return ContainerRequest(image=tiny.REFERENCE, command=command, **options)  # type: ignore[arg-type]


def everything(container: Container) -> dict[str, bytes]:
    collected = {"stdout": b"", "stderr": b""}
    for stream, chunk in container.output():
        collected[stream] += chunk
    return collected


def test_an_image_is_known_by_the_digest_of_its_config(
    any_engine: Engine, tiny_archive: Path
) -> None:
    image = any_engine.load(tiny_archive)
    with tarfile.open(tiny_archive) as archive:
        config = next(name for name in archive.getnames() if name.endswith(".json"))
    assert image.config_digest == f"sha256:{config.removesuffix('.json')}"
    assert len(image.layers) == 1
    assert image.registry_digests == ()
    assert image.platform == f"linux/{tiny.architecture()}"
    assert any_engine.image(tiny.REFERENCE) == image
    assert any_engine.image("localhost/reprokit-tests/absent:1") is None


def test_a_saved_image_loads_as_the_same_one(any_engine: Engine, tmp_path: Path) -> None:
    before = any_engine.image(tiny.REFERENCE)
    assert before is not None
    copy = tmp_path / "copy.tar"
    with copy.open("wb") as file:
        for chunk in any_engine.save(tiny.REFERENCE):
            file.write(chunk)
    after = any_engine.load(copy)
    assert (after.config_digest, after.layers) == (before.config_digest, before.layers)


def test_an_archive_that_is_none_is_refused(any_engine: Engine, tmp_path: Path) -> None:
    bad = tmp_path / "bad.tar"
    bad.write_bytes(b"not a tar at all" * 100)
    with pytest.raises(BadRequest):
        any_engine.load(bad)


def test_names_come_and_go(any_engine: Engine) -> None:
    name = "localhost/reprokit-tests/other:2"
    any_engine.tag(tiny.REFERENCE, name)
    assert any_engine.image(name) is not None
    any_engine.remove_image(name)
    any_engine.remove_image(name)
    assert any_engine.image(name) is None
    assert any_engine.image(tiny.REFERENCE) is not None


def test_an_image_with_a_name_is_not_removed_by_its_digest(any_engine: Engine) -> None:
    """Other projects may have the same image under names of their own."""
    image = any_engine.image(tiny.REFERENCE)
    assert image is not None
    any_engine.remove_image(image.config_digest)
    any_engine.tag(tiny.REFERENCE, "localhost/reprokit-tests/other:3")
    any_engine.remove_image(image.config_digest)
    assert any_engine.image(tiny.REFERENCE) is not None
    assert any_engine.image("localhost/reprokit-tests/other:3") is not None
    any_engine.remove_image("localhost/reprokit-tests/other:3")


def test_output_keeps_its_streams_and_order_and_the_code_arrives(any_engine: Engine) -> None:
    with any_engine.container(asked(programs.SPEAK)) as container:
        container.start()
        said = everything(container)
        end = container.wait()
    assert said == {"stdout": b"first\nsecond\n", "stderr": b"third\n"}
    assert end is not None
    assert (end.code, end.out_of_memory) == (3, False)
    assert container.id not in any_engine.leftovers()


def test_long_output_is_complete(any_engine: Engine) -> None:
    with any_engine.container(asked(programs.COUNT)) as container:
        container.start()
        said = everything(container)["stdout"].splitlines()
    assert said == [f"line {number}".encode() for number in range(20000)]


def test_unread_output_holds_nothing_up(any_engine: Engine) -> None:
    with any_engine.container(asked(programs.COUNT)) as container:
        container.start()
        end = container.wait(timeout=60)
        assert end is not None
        assert end.code == 0
        assert everything(container)["stdout"].endswith(b"line 19999\n")


def test_results_come_out_and_data_stays_as_it_is(any_engine: Engine, tmp_path: Path) -> None:
    data, results = tmp_path / "a, space & ü $(x)", tmp_path / "results"
    data.mkdir()
    results.mkdir(mode=0o777)
    results.chmod(0o777)
    (data / "in").write_bytes(b"values\n")
    binds = (
        Bind(source=data, target="/data"),
        Bind(source=results, target="/results", writable=True),
    )
    with any_engine.container(asked(programs.COPY, binds=binds)) as container:
        container.start()
        end = container.wait()
    assert end is not None
    assert end.code == 0
    assert (results / "out").read_bytes() == b"values\n"
    with any_engine.container(asked(programs.INTRUDE, binds=binds)) as container:
        container.start()
        end = container.wait()
    assert end is not None
    assert end.code != 0
    assert (data / "in").read_bytes() == b"values\n"


def test_a_missing_folder_is_not_created(any_engine: Engine, tmp_path: Path) -> None:
    binds = (Bind(source=tmp_path / "absent", target="/data"),)
    with (
        pytest.raises(BadRequest, match="does not exist"),
        any_engine.container(asked(programs.SPEAK, binds=binds)),
    ):
        pass
    assert not (tmp_path / "absent").exists()


def test_user_and_environment(any_engine: Engine) -> None:
    user = f"{os.getuid() or 1234}:0"
    environment = {"GREETING": "hé $x 'quoted'", "HOME": "/tmp"}
    request = asked(programs.WHO, user=user, environment=environment)
    with any_engine.container(request) as container:
        container.start()
        said = everything(container)["stdout"].decode().splitlines()
    assert said == [user.split(":")[0], "0", "/tmp", "hé $x 'quoted'"]


def test_out_of_memory_is_told_apart(any_engine: Engine) -> None:
    limit = 64 * 1024 * 1024
    if isinstance(any_engine, SocketEngine) and any_engine._ignores_limits:
        with pytest.raises(BadRequest, match="cannot limit memory"):
            any_engine.container(asked(programs.GREEDY, memory=limit))
        return
    with any_engine.container(asked(programs.GREEDY, memory=limit)) as container:
        container.start()
        end = container.wait(timeout=60)
        assert end is not None
        assert (end.code, end.out_of_memory) == (137, True)
        assert container.peak_memory() == limit


def test_waiting_gives_up_in_time(any_engine: Engine) -> None:
    with any_engine.container(asked(programs.SLEEP)) as container:
        container.start()
        began = time.monotonic()
        assert container.wait(timeout=0.3) is None
        assert 0.2 < time.monotonic() - began < 5
        container.stop(grace=2)
        end = container.wait(timeout=10)
    assert end is not None
    assert end.code in (137, 143)
    assert not end.out_of_memory


@pytest.mark.parametrize("error", [KeyboardInterrupt, Interrupted("stopped"), RuntimeError])
def test_nothing_is_left_whatever_happens(any_engine: Engine, error: BaseException) -> None:
    with (
        pytest.raises((KeyboardInterrupt, Interrupted, RuntimeError)),
        any_engine.container(asked(programs.SLEEP)) as container,
    ):
        container.start()
        assert container.id in any_engine.leftovers()
        assert container.id not in any_engine.leftovers(abandoned=True)
        assert container.id in any_engine.leftovers(process=this_process())
        assert container.id not in any_engine.leftovers(process="nowhere/1/1")
        raise error
    assert container.id not in any_engine.leftovers()


def test_a_reader_ends_when_another_thread_stops_the_container(any_engine: Engine) -> None:
    with any_engine.container(asked(programs.SLEEP)) as container:
        container.start()
        stopper = threading.Timer(0.3, container.stop, kwargs={"grace": 0})
        stopper.start()
        assert everything(container) == {"stdout": b"", "stderr": b""}
        stopper.join()


def test_a_command_beside_the_main_one(any_engine: Engine) -> None:
    seen: list[bytes] = []
    with any_engine.container(asked(programs.SLEEP)) as container:
        container.start()
        done = container.execute(programs.SHOW, on_output=seen.append)
    assert (done.code, done.stdout, done.stderr) == (7, b"from execute\n", b"on the side\n")
    assert sorted(b"".join(seen).splitlines()) == [b"from execute", b"on the side"]


def test_what_a_run_made_can_be_found_and_read(any_engine: Engine) -> None:
    with any_engine.container(asked(programs.MAKE)) as container:
        container.start()
        assert everything(container)["stdout"] == b"done\n"
        container.wait()
        made = {change.path: change.kind for change in container.changes()}
        assert made["/app/deep"] == "added"
        assert made["/app/deep/file"] == "added"
        with tarfile.open(fileobj=io.BytesIO(b"".join(container.read("/app/deep")))) as tar:
            content = tar.extractfile("deep/file")
            assert content is not None
            assert content.read() == b"made\n"
        with pytest.raises(BadRequest):
            list(container.read("/absent"))


def test_files_can_be_put_in(any_engine: Engine) -> None:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        entry = tarfile.TarInfo("given")
        entry.size = 5
        tar.addfile(entry, io.BytesIO(b"hello"))
    with any_engine.container(asked(programs.SLEEP)) as container:
        container.write("/app", target.getvalue())
        with tarfile.open(fileobj=io.BytesIO(b"".join(container.read("/app/given")))) as tar:
            content = tar.extractfile("given")
            assert content is not None
            assert content.read() == b"hello"


def test_a_program_that_does_not_exist(any_engine: Engine) -> None:
    # With an init it is the init that does not find it, and ends as a shell would.
    with any_engine.container(asked(("no-such-program",))) as container:
        try:
            container.start()
        except CommandFailed as error:
            assert "no-such-program" in error.what
        else:
            assert b"o such file" in everything(container)["stderr"]
            end = container.wait()
            assert end is not None
            assert end.code in (1, 127)  # Podman's catatonit, Docker's tini
    assert container.id not in any_engine.leftovers()


def test_an_image_that_does_not_exist(any_engine: Engine) -> None:
    request = ContainerRequest(image="localhost/reprokit-tests/absent:1", command=("true",))
    with pytest.raises(InputUnavailable, match="absent"), any_engine.container(request):
        pass


def test_a_build_labels_and_tags(any_engine: Engine, tmp_path: Path) -> None:
    tag = "localhost/reprokit-tests/built:1"
    (tmp_path / "Dockerfile").write_text(
        f'FROM {tiny.REFERENCE}\nLABEL org.reprokit.test="yes"\nCMD ["sh", "-c", "exit 0"]\n'
    )
    lines: list[str] = []
    image = any_engine.build(
        BuildRequest(context=tmp_path, tag=tag, arguments=ARGUMENTS), lines.append
    )
    base = any_engine.image(tiny.REFERENCE)
    assert base is not None
    assert image.layers[:1] == base.layers
    assert image.labels["org.reprokit.test"] == "yes"
    assert lines
    assert tag in {found.reference for found in any_engine.images("org.reprokit.test=yes")}
    assert any_engine.images("org.reprokit.test=no") == ()
    any_engine.remove_image(tag)
    assert any_engine.image(tag) is None


def test_a_failing_build_says_where_and_why(any_engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(
        f"FROM {tiny.REFERENCE}\n# why\nRUN echo the reason; exit 9\n"
    )
    request = BuildRequest(context=tmp_path, tag="localhost/reprokit-tests/failed:1")
    with pytest.raises(BuildFailed) as caught:
        any_engine.build(request, lambda line: None)
    assert caught.value.where == f"{tmp_path / 'Dockerfile'}:3"
    assert "RUN echo the reason; exit 9" in caught.value.what
    assert "the reason" in (caught.value.next or "")
