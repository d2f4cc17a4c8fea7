"""The whole way on a real engine: what a user meets, on a project that needs only Python."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reprokit import folders, lock_file
from reprokit.engines.connect import connect
from reprokit.engines.podman import settings_for_this_machine
from reprokit.engines.protocol import BuildRequest, ContainerRequest
from reprokit.errors import InputUnavailable
from reprokit.model import Artifact
from reprokit.store import Store
from tests.conftest import engines
from tests.engines import tiny

pytestmark = [pytest.mark.engine, pytest.mark.network]

PROGRAM = """\
import pathlib
pathlib.Path("results").mkdir(exist_ok=True)
pathlib.Path("results/a.txt").write_text(pathlib.Path("data/in.txt").read_text().upper())
pathlib.Path("figures").mkdir(exist_ok=True)
pathlib.Path("figures/b.txt").write_text("beside")
print("done")
"""


@pytest.fixture(params=engines())
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name: str = request.param
    monkeypatch.setenv("REPROKIT_ENGINE", name)
    return name


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "a project, ünïcode & $(touch evil)"
    (root / "data").mkdir(parents=True)
    (root / "data" / "in.txt").write_text("hello\n")
    (root / "main.py").write_text(PROGRAM)
    (root / ".env").write_text("PASSWORD=secret\n")
    (root / "repro.toml").write_text('base = "bookworm"\n')
    return root


def reprokit(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "reprokit", *words], capture_output=True, text=True
    )


def run(project: Path, *words: str) -> dict[str, object]:
    done = reprokit("run", str(project), "--json", *words)
    document: dict[str, object] = json.loads(done.stdout)
    return document


def paths(record: dict[str, object]) -> set[str]:
    results = record["results"]
    assert isinstance(results, list)
    return {row["path"] for row in results}


def test_a_project_runs_and_runs_again(engine: str, project: Path) -> None:
    first = run(project)
    assert first["status"] == "succeeded"
    assert paths(first) == {"a.txt", "figures/b.txt"}
    assert (project / "results" / "a.txt").read_text() == "HELLO\n"
    assert (project / "results" / "figures" / "b.txt").read_text() == "beside"
    assert not (project / "figures").exists()
    owner = (project / "results" / "a.txt").stat()
    assert (owner.st_uid, owner.st_gid) == (os.getuid(), os.getgid())

    again = reprokit("run", str(project))
    assert again.returncode == 0
    assert "reprokit: build" not in again.stderr and "reprokit: lock" not in again.stderr

    (project / "main.py").write_text(PROGRAM.replace("upper", "title"))
    edited = run(project)
    assert (project / "results" / "a.txt").read_text() == "Hello\n"
    assert edited["lock"] == first["lock"]
    assert edited["environment_digest"] != first["environment_digest"]
    before, after = (record["image"]["layers"] for record in (first, edited))  # type: ignore[index]
    # Base, system packages, account and Python's packages are as they were.
    assert before[:4] == after[:4] and before != after


def test_no_secret_reaches_the_image(engine: str, project: Path) -> None:
    done = reprokit("run", str(project), "--json", "--", "ls", "-a", "/app")
    assert done.returncode == 0, done.stderr
    assert "main.py" in done.stderr
    assert ".env\n" not in done.stderr
    assert "secret" in done.stderr  # said so, in the warning
    assert not (project / "evil").exists()


def test_the_program_is_confined(engine: str, project: Path) -> None:
    (project / "main.py").write_text(
        "import os, socket\n"
        "print('uid', os.getuid())\n"
        "print([l for l in open('/proc/self/status') if l.startswith(('CapEff', 'NoNewPrivs'))])\n"
        "try: open('data/in.txt', 'a')\n"
        "except OSError as error: print('data', error.errno)\n"
        "try: socket.create_connection(('1.1.1.1', 53), 2)\n"
        "except OSError as error: print('network', type(error).__name__)\n"
    )
    done = reprokit("run", str(project), "--json")
    assert "uid 0" not in done.stderr
    assert "0000000000000000" in done.stderr and "NoNewPrivs:\\t1" in done.stderr
    assert "data 30" in done.stderr or "data 13" in done.stderr
    assert "network" in done.stderr


def test_a_failing_command_keeps_its_results(engine: str, project: Path) -> None:
    (project / "main.py").write_text(PROGRAM + "raise SystemExit(7)\n")
    done = reprokit("run", str(project), "--json")
    record = json.loads(done.stdout)
    assert (done.returncode, record["exit_code"], record["status"]) == (3, 7, "failed")
    assert (project / "results" / "a.txt").exists()
    assert "Traceback" not in done.stderr


def test_out_of_memory_is_said_with_the_limit(engine: str, project: Path) -> None:
    (project / "main.py").write_text("x = bytearray(900_000_000)\nprint(len(x))\n")
    done = reprokit("run", str(project), "--json", "--memory", "60m")
    assert done.returncode == 3
    assert json.loads(done.stdout)["status"] == "out-of-memory"
    assert "out of memory" in done.stderr and "--memory" in done.stderr


def test_an_interrupt_keeps_what_is_there(engine: str, project: Path) -> None:
    assert reprokit("run", str(project), "--", "true").returncode == 0
    (project / "main.py").write_text(PROGRAM.replace('print("done")', "") + SLEEP)
    # Should it ever hang, the fault handler says where.
    words = [sys.executable, "-X", "faulthandler", "-m", "reprokit", "run", str(project), "--json"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "sleeping" in line:
                break
        process.send_signal(signal.SIGINT)
        started = time.monotonic()
        try:
            out, err = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)
            pytest.fail(f"hangs at\n{process.communicate(timeout=10)[1]}")
    assert time.monotonic() - started < 30
    assert process.returncode == 130, err
    record = json.loads(out)
    assert record["status"] == "interrupted"
    assert paths(record) == {"a.txt", "figures/b.txt"}
    folder = project / ".reprokit" / "runs" / record["run"]
    assert "sleeping" in (folder / "log.txt").read_text()


SLEEP = 'import time; print("sleeping", flush=True); time.sleep(120)\n'


def test_a_stale_lock_is_told_and_made_again(engine: str, project: Path) -> None:
    assert reprokit("lock", str(project)).returncode == 0
    assert reprokit("lock", str(project), "--check").returncode == 0
    (project / "requirements.txt").write_text("six==1.16.0\n")
    stale = reprokit("lock", str(project), "--check")
    assert stale.returncode == 2 and "stale" in stale.stdout
    record = run(project, "--", "python", "-c", "import six; print(six.__version__)")
    assert record["exit_code"] == 0
    assert '"six"' in (project / "repro.lock").read_text()


def test_an_export_builds_without_reprokit(engine: str, project: Path, tmp_path: Path) -> None:
    folder = tmp_path / "exported"
    done = reprokit("export", str(folder), "--path", str(project))
    assert done.returncode == 0, done.stderr
    readme = (folder / "README.md").read_text()
    commands = [row[4:] for row in readme.splitlines() if row.startswith("    ")]
    program = "podman" if "podman" in engine else "docker"
    settings = tmp_path / "containers.conf"
    settings.write_text(settings_for_this_machine())
    script = "set -e\n" + "\n".join(commands).replace("docker ", f"{program} ")
    # In a network namespace without a way out; making one takes root.
    apart = ["unshare", "--net"] if os.geteuid() == 0 else []
    built = subprocess.run(
        [*apart, "bash", "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "DOCKER_BUILDKIT": "1",
            "CONTAINERS_CONF": str(settings),
            "PATH": f"/usr/bin:{os.environ['PATH']}",
        },
    )
    assert built.returncode == 0, built.stdout + built.stderr
    assert (folder / "results" / "a.txt").read_text() == "HELLO\n"


def test_a_wheel_built_from_source_is_made_again_from_the_lock(engine: str, project: Path) -> None:
    (project / "requirements.txt").write_text("docopt==0.6.2\npycosat==0.6.3\n")
    first = run(project, "--date", "2024-06-01")
    assert first["status"] == "succeeded"
    lock = lock_file.read(project)
    assert lock is not None
    (python,) = lock.ecosystems
    assert {p.name for p in python.making} == {"docopt", "pycosat", "setuptools", "wheel"}
    made = [a for p in python.packages for a in p.artifacts if a.url is None]
    assert [a.path.partition("-")[0] for a in made] == ["wheels/docopt", "wheels/pycosat"]
    dockerfile = (next((project / ".reprokit" / "runs").iterdir()) / "Dockerfile").read_text()
    assert "gcc" not in dockerfile  # compilers serve making wheels, not building the image

    docopt, pycosat = made
    forget(first, docopt)
    damaged = Store(folders.store()).path(pycosat.sha256)
    damaged.chmod(0o644)
    damaged.write_bytes(bytes(pycosat.size))  # seen only when it is read
    assert run(project)["environment_digest"] == first["environment_digest"]

    forget(first, *made)
    other = "sha256:" + "7" * 64
    text = (project / lock_file.NAME).read_text()
    (project / lock_file.NAME).write_text(text.replace(pycosat.sha256, other))
    done = reprokit("run", str(project))
    assert done.returncode == InputUnavailable.exit_code
    assert pycosat.sha256 in done.stderr and other in done.stderr


def test_a_project_in_python_2_runs_in_python_2(engine: str, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("import six, sys\nprint 7 / 2, six.PY2, sys.version[:3]\n")
    (tmp_path / "requirements.txt").write_text("six\n")
    (tmp_path / "repro.toml").write_text('base = "debian"\n')
    done = reprokit("run", str(tmp_path), "--date", "2019-06-01")
    assert done.returncode == 0, done.stderr
    assert "3 True 2.7" in done.stdout + done.stderr


def test_a_python_that_only_ubuntu_has(engine: str, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(
        "import sys, wrapt\nopen('results/a.txt', 'w').write(sys.version[:4] + wrapt.__version__)\n"
    )
    (tmp_path / "requirements.txt").write_text("wrapt\n")
    (tmp_path / "repro.toml").write_text('base = "ubuntu"\n[python]\nversion = "==3.8"\n')
    first = run(tmp_path, "--date", "2021-03-01")  # wrapt was not a wheel then
    assert (tmp_path / "results/a.txt").read_text() == "3.8.1.12.1"
    lock = lock_file.read(tmp_path)
    assert lock is not None
    assert (lock.base.family, lock.base.name) == ("ubuntu", "focal")
    forget(first)
    assert run(tmp_path)["environment_digest"] == first["environment_digest"]


def forget(record: dict[str, object], *artifacts: Artifact) -> None:
    """As on a machine that has only the lock."""
    for artifact in artifacts:
        Store(folders.store()).path(artifact.sha256).unlink()
    image = record["image"]
    assert isinstance(image, dict)
    with connect() as connected:
        connected.remove_image(image["reference"])


def test_a_dockerfile_of_the_projects_own_is_used(engine: str, project: Path) -> None:
    record = run(project)
    base = record["base"]
    assert isinstance(base, dict)
    lock = json.loads((project / "repro.lock").read_text())
    (project / "repro.toml").unlink()
    (project / "Dockerfile").write_text(
        f"FROM {lock['base']['reference']}\nWORKDIR /app\n"
        'CMD ["sh", "-c", "echo own > /app/results/own.txt"]\n'
    )
    own = run(project)
    assert own["status"] == "succeeded"
    assert (project / "results" / "own.txt").read_text() == "own\n"


def test_history_tells_what_changed(engine: str, project: Path) -> None:
    first = run(project)
    (project / "data" / "in.txt").write_text("other\n")
    second = run(project)
    shown = subprocess.run(
        [sys.executable, "-m", "reprokit", "diff", str(first["run"]), str(second["run"])],
        capture_output=True,
        text=True,
        cwd=project,
    )
    assert shown.returncode == 0, shown.stderr
    assert "data/in.txt" in shown.stdout and "a.txt" in shown.stdout
    listed = subprocess.run(
        [sys.executable, "-m", "reprokit", "runs", "--json"],
        capture_output=True,
        text=True,
        cwd=project,
    )
    assert str(second["run"]) in listed.stdout


def test_an_image_with_baked_data_runs_alone(engine: str, project: Path) -> None:
    """Also what the program sees unpacked is in the image: nothing is mounted but results."""
    compressed = project / "data" / "in.txt.gz"
    compressed.write_bytes(gzip.compress((project / "data" / "in.txt").read_bytes()))
    (project / "data" / "in.txt").unlink()
    (project / "repro.toml").write_text('base = "bookworm"\n[data]\nmode = "bake"\n')
    record = run(project)
    assert record["status"] == "succeeded"
    image = record["image"]
    assert isinstance(image, dict)
    with connect() as opened:
        request = ContainerRequest(
            image=image["reference"], command=("sleep", "infinity"), folder="/app"
        )
        with opened.container(request) as container:
            container.start()
            assert container.execute(("cat", "data/in.txt")).stdout == b"hello\n"


def verify(project: Path, *words: str) -> tuple[int, dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-m", "reprokit", "verify", "last", "--json", *words],
        capture_output=True,
        text=True,
        cwd=project,
    )
    document: dict[str, object] = json.loads(done.stdout)
    return done.returncode, document


def test_a_run_is_verified_also_after_the_code_went_on(engine: str, project: Path) -> None:
    git = ["git", "-C", str(project), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    (project / ".gitignore").write_text("results/\n.reprokit/\n.env\n")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True)
    record = run(project)
    assert verify(project)[0] == 0

    # The project goes on; the run's code is that of its commit.
    (project / "main.py").write_text("print('another program')\n")
    code, found = verify(project, "--rebuild")
    assert code == 0, found
    assert found["environment_digest"] == {
        "recorded": record["environment_digest"],
        "rebuilt": record["environment_digest"],
    }
    assert (project / "main.py").read_text() == "print('another program')\n"

    # A result that was touched since.
    folder = project / ".reprokit" / "runs" / str(record["run"])
    (folder / "results" / "a.txt").write_text("improved\n")
    code, found = verify(project)
    assert (code, found["same"], found["changed_results"]) == (4, False, ["a.txt"])

    # A record that was touched since is worth nothing.
    text = (folder / "record.json").read_text()
    (folder / "record.json").write_text(text.replace('"succeeded"', '"failed"'))
    code, found = verify(project)
    assert code == 2 and "error" in found


def test_code_that_is_gone_is_told(engine: str, project: Path) -> None:
    run(project)
    (project / "main.py").write_text("print('another program')\n")
    code, found = verify(project, "--rebuild")
    error = found["error"]
    assert code == 2 and isinstance(error, dict)
    assert "no longer those of this run" in error["what"]


def test_an_image_that_was_changed_under_its_name_is_told_and_not_run(
    engine: str, project: Path, tmp_path: Path
) -> None:
    record = run(project)
    recorded, image = record["environment_digest"], record["image"]
    assert isinstance(image, dict)
    name = str(image["reference"])
    dockerfile = f"FROM {name}\nUSER 0\nRUN echo 'print(1)' > /app/main.py && rm /etc/issue\n"
    (tmp_path / "Dockerfile").write_text(dockerfile)
    with connect() as opened:
        opened.build(BuildRequest(context=tmp_path, tag=name), lambda line: None)
        altered = opened.image(name)
        assert altered is not None and altered.config_digest != recorded
    code, found = verify(project)
    comparison = found["image_comparison"]
    assert isinstance(comparison, dict)
    said = {file["path"]: file["change"] for file in comparison["files"]}
    assert (code, found["image"]) == (4, "another one")
    assert found["image_digest"] == altered.config_digest
    assert said == {"app/main.py": "content", "etc/issue": "removed"}

    # Another image altogether, which does not even stand on the base of the lock.
    with connect() as opened:
        opened.tag(opened.load(tiny.archive(tmp_path)).reference, name)
    code, found = verify(project)
    comparison = found["image_comparison"]
    assert code == 4 and isinstance(comparison, dict)
    assert {p["after"] for p in comparison["packages"] if p["name"] == "python3"} == {None}

    done = reprokit("run", str(project), "--json")
    again = json.loads(done.stdout)
    assert (again["status"], again["environment_digest"]) == ("succeeded", recorded), done.stderr
    assert f"the image {name} is not the one that was built" in done.stderr
    assert verify(project)[0] == 0
    assert "not the one" not in reprokit("run", str(project)).stderr
