"""What a locked Python project becomes, and the script that runs its notebooks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reprokit import bytecode
from reprokit.ecosystems.python import PythonEcosystem, notebook_runner
from reprokit.errors import BadRequest
from reprokit.model import JSON, Artifact, LockedEcosystem, LockedPackage, Mount, Rendering
from reprokit.quoting import shell_command
from tests.ecosystems.python.python_resolving import base

UV = "tools/uv-0.9.1-py3-none-manylinux_2_28_x86_64.whl"


def package(name: str, version: str, folder: str = "wheels") -> LockedPackage:
    path = f"{folder}/{name.replace('-', '_')}-{version}-py3-none-any.whl"
    digest = "sha256:" + f"{len(name):064d}"
    artifact = Artifact(path=path, sha256=digest, size=1, url="https://e.example/x")
    return LockedPackage(name=name, version=version, artifacts=(artifact,))


LOCKED = LockedEcosystem(
    ecosystem="python",
    packages=(package("six", "1.16.0"), package("matplotlib", "3.9.0")),
    settings={"uv": UV, "project": ["six==1.16.0", "matplotlib==3.9.0"], "tools": [], "build": []},
)


def render(locked: LockedEcosystem) -> Rendering:
    return PythonEcosystem().render(locked, base())


def test_the_environment_is_made_from_what_the_lock_lists() -> None:
    rendering = render(LOCKED)
    (run,) = rendering.dependencies
    listed = {file.path: file.content for file in rendering.files}
    assert listed["python/requirements.txt"] == (
        f"matplotlib==3.9.0 --hash=sha256:{10:064d}\nsix==1.16.0 --hash=sha256:{3:064d}\n"
    )
    uv = "/mnt/tools/uv-0.9.1.data/scripts/uv"
    assert [shell_command(command) for command in run.commands] == [
        f"python3 -m zipfile -e /mnt/{UV} /mnt/tools",
        f"chmod +x {uv}",
        f"{uv} venv --quiet --python python3 /opt/venv",
        f"{uv} pip install --quiet --python /opt/venv/bin/python --no-index --find-links "
        "/mnt/wheels --require-hashes --no-deps --requirements /mnt/python/requirements.txt",
        "/opt/venv/bin/python -S -s /mnt/bytecode/bytecode_compiler.py /opt/venv/lib",
    ]
    assert bytecode.MOUNT in run.mounts and bytecode.file() in rendering.files
    assert ("PYTHONHASHSEED", "0") in run.environment
    assert Mount(source="vendor/tools", target="/mnt/tools", writable=True) in run.mounts
    assert rendering.environment == (("VIRTUAL_ENV", "/opt/venv"), ("MPLBACKEND", "Agg"))
    assert rendering.path == ("/opt/venv/bin",)
    assert rendering.install == () and rendering.stage is None


def test_the_order_in_the_lock_does_not_matter() -> None:
    settings: dict[str, JSON] = {**LOCKED.settings, "project": ["matplotlib==3.9.0", "six==1.16.0"]}
    turned = replace(LOCKED, packages=LOCKED.packages[::-1], settings=settings)
    assert render(turned) == render(LOCKED)


def test_a_project_without_requirements_still_gets_a_python() -> None:
    settings: dict[str, JSON] = {**LOCKED.settings, "project": []}
    rendering = render(replace(LOCKED, packages=(), settings=settings))
    (run,) = rendering.dependencies
    assert run.commands[-1][-1] == "/opt/venv"
    assert rendering.files == ()
    assert all(mount.source == "vendor/tools" for mount in run.mounts)


def test_notebooks_get_an_environment_of_their_own() -> None:
    tools = package("ipykernel", "6.29.0")
    settings: dict[str, JSON] = {**LOCKED.settings, "tools": ["ipykernel==6.29.0"]}
    rendering = render(replace(LOCKED, packages=(*LOCKED.packages, tools), settings=settings))
    listed = {file.path: file.content for file in rendering.files}
    assert [*listed] == [
        "bytecode/bytecode_compiler.py",
        "python/kernel.json", "python/kernel.py", "python/notebook.txt",
        "python/repro-notebook", "python/requirements.txt",
    ]  # fmt: skip
    kernel = json.loads(listed["python/kernel.json"])
    assert kernel["argv"][0] == "/opt/venv/bin/python"
    assert listed["python/repro-notebook"].startswith("#!/opt/reprokit/notebook/bin/python\n")
    commands = "\n".join(shell_command(c) for c in rendering.dependencies[1].commands)
    assert "/opt/reprokit/notebook/bin/python" in commands
    assert "/usr/local/bin/repro-notebook" in commands


def test_the_project_itself_is_installed_after_its_code_is_there() -> None:
    backend = package("hatchling", "1.25.0", "wheels-build")
    settings: dict[str, JSON] = {
        **LOCKED.settings,
        "build": ["hatchling==1.25.0"],
        "local": [{"path": ".", "build": []}, {"path": "a b/it's", "build": []}],
    }
    rendering = render(replace(LOCKED, packages=(*LOCKED.packages, backend), settings=settings))
    (run,) = rendering.install
    written = [shell_command(command) for command in run.commands]
    assert written[-3].endswith("--editable /app")
    assert written[-2].endswith("""--editable '/app/a b/it'"'"'s'""")
    assert "--no-index" in written[-2]
    assert "bytecode_compiler" in written[-1]


def test_a_wheel_in_the_project_takes_nothing_to_build_with() -> None:
    local: list[JSON] = [{"path": "wheels/a-1-py3-none-any.whl", "build": []}]
    rendering = render(replace(LOCKED, settings={**LOCKED.settings, "local": local}))
    (run,) = rendering.install
    assert run.commands[-2][-1] == "/app/wheels/a-1-py3-none-any.whl"
    assert "--find-links" not in run.commands[-2]  # there is no such folder
    assert [mount.target for mount in run.mounts] == ["/mnt/tools", "/mnt/bytecode"]


@pytest.mark.parametrize(
    "settings",
    [
        {"uv": "tools/uv; rm -rf /.whl"},
        {"uv": "../uv-0.9.1-py3-none-any.whl"},
        {"project": ["six==9"]},
        {"local": [{"path": "../x"}]},
        {"local": [{"path": "/etc"}]},
    ],
)
def test_a_lock_that_was_tampered_with_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(BadRequest):
        render(replace(LOCKED, settings={**LOCKED.settings, **settings}))  # type: ignore[dict-item]


def _run_notebook(
    folder: Path, cells: list[str], *more: str, stale: bool = False, language: str = "python"
) -> tuple[int, str, dict[str, object]]:
    """The very script of the image, on a kernel of this Python. `stale` cells have outputs that
    no code of theirs can make."""
    done = _start_notebook(folder, cells, *more, stale=stale, language=language)
    _, said = done.communicate()
    return done.returncode, said, _written(folder)


def _start_notebook(
    folder: Path, cells: list[str], *more: str, stale: bool = False, language: str = "python"
) -> subprocess.Popen[str]:
    kernel = folder / "kernels" / "kernels" / "reprokit" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel.write_text(json.dumps({"argv": argv, "display_name": "x", "language": "python"}))
    listed: list[dict[str, JSON]] = [
        {
            "cell_type": "code",
            "source": c,
            "metadata": {},
            "outputs": [{"output_type": "stream", "name": "stdout", "text": "old"}]
            if stale
            else [],
            "execution_count": 9 if stale else None,
        }
        for c in cells
    ]
    metadata = {"language_info": {"name": language}}
    content = {"cells": listed, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    (folder / "a notebook.ipynb").write_text(json.dumps(content))
    return subprocess.Popen(
        [sys.executable, notebook_runner.__file__, "a notebook.ipynb", *more],
        cwd=folder,
        env={
            **os.environ,
            "REPRO_KERNELS": str(folder / "kernels"),
            "REPRO_RESULTS": str(folder / "results"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _written(folder: Path) -> dict[str, Any]:
    result = folder / "results" / "a notebook.ipynb"
    return json.loads(result.read_text()) if result.exists() else {}


def test_a_notebook_runs_in_its_folder_and_gives_the_same_bytes(tmp_path: Path) -> None:
    cells = ["open('seen', 'w').close()", "print(6 * 7)"]
    first, second = tmp_path / "1", tmp_path / "2"
    status, said, written = _run_notebook(first, cells)
    assert (status, said) == (0, "")
    assert (first / "seen").exists()
    listed = written["cells"]
    assert isinstance(listed, list)
    assert [cell["id"] for cell in listed] == ["cell-1", "cell-2"]
    assert listed[1]["outputs"][0]["text"] == ["42\n"]
    assert _run_notebook(second, cells)[2] == written


def test_what_is_printed_over_time_is_one_output_and_is_told_as_it_comes(tmp_path: Path) -> None:
    cell = (
        "import sys, time\nfor n in range(3):\n    print(n, flush=True)\n"
        "    print('warned', n, file=sys.stderr, flush=True)\n    time.sleep(0.5)\n"
        "display('between')\nprint('é')"
    )
    started = _start_notebook(tmp_path, ["%load_ext reprokit", cell])
    printed, said = started.communicate()
    assert printed == "[code cell 2 of 2]\n0\n1\n2\né\n"
    assert said == "warned 0\nwarned 1\nwarned 2\n"
    outputs = _written(tmp_path)["cells"][1]["outputs"]
    streams = [(output.get("name"), "".join(output.get("text", []))) for output in outputs]
    assert streams == [
        ("stdout", "0\n1\n2\n"),
        ("stderr", said),
        (None, ""),
        ("stdout", "é\n"),
    ]


def test_a_notebook_that_is_stopped_keeps_what_it_has(tmp_path: Path) -> None:
    cells = ["print('first')", "import time\nprint('second', flush=True)\ntime.sleep(600)"]
    started = _start_notebook(tmp_path, ["if True:\n    %repro run\n1 + 1", *cells])
    assert started.stdout is not None
    while started.stdout.readline() != "second\n":
        assert started.poll() is None
    started.terminate()
    started.communicate(timeout=2)  # a container is given three seconds
    assert started.returncode == 143
    listed = _written(tmp_path)["cells"]
    assert listed[0]["source"][1] == "    %repro run\n"
    assert [cell["outputs"][-1].get("text") for cell in listed[1:]] == [["first\n"], ["second\n"]]


def test_a_failing_cell_fails_the_run_and_keeps_what_there_is(tmp_path: Path) -> None:
    status, said, written = _run_notebook(tmp_path, ["print(1)", "1 / 0", "print(2)"])
    assert status == 1
    assert "ZeroDivisionError" in said and "\x1b" not in said
    listed = written["cells"]
    assert isinstance(listed, list) and listed[0]["outputs"] and not listed[2]["outputs"]


def test_outputs_of_an_earlier_run_are_gone_where_a_run_fails(tmp_path: Path) -> None:
    _, _, written = _run_notebook(tmp_path, ["1 / 0", "print(2)"], stale=True)
    listed = written["cells"]
    assert isinstance(listed, list)
    assert listed[0]["outputs"][0]["ename"] == "ZeroDivisionError"
    assert (listed[1]["outputs"], listed[1]["execution_count"]) == ([], None)


def test_parameters_are_set_and_reprokit_is_not_called(tmp_path: Path) -> None:
    cells = ["%load_ext reprokit", "if True:\n    %repro run .\nprint(a, b)"]
    values = json.dumps({"a": 1.5, "b": "it's"})
    status, said, written = _run_notebook(tmp_path, cells, "--parameters", values, stale=True)
    assert (status, said) == (0, "")
    listed = written["cells"]
    assert isinstance(listed, list)
    assert listed[0]["source"] == ["# Parameters\n", "a = 1.5\n", 'b = "it\'s"']
    assert [cell["outputs"] for cell in listed[:2]] == [[], []]
    assert listed[2]["source"][1] == "    %repro run .\n"
    assert listed[2]["outputs"][0]["text"] == ["1.5 it's\n"]


def test_a_notebook_of_another_language_is_refused(tmp_path: Path) -> None:
    status, said, written = _run_notebook(tmp_path, ["x = 1"], language="julia")
    assert (status, written) == (2, {})
    assert "needs a kernel for julia" in said


@pytest.mark.parametrize(
    "content",
    [b'{"cells": [{', b"\xe9", b"[]", b'{"nbformat": 5}', b'{"nbformat": 4, "cells": [1]}'],
)
def test_what_is_no_notebook_is_told_without_a_traceback(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "odd.ipynb").write_bytes(content)
    done = subprocess.run(
        [sys.executable, notebook_runner.__file__, "odd.ipynb"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2 and "odd.ipynb is no valid notebook: " in done.stderr
    assert "Traceback" not in done.stderr


def test_cells_of_one_id_get_ids_by_their_position_and_odd_tags_go() -> None:
    odd, good = {"tags": None}, {"tags": ["parameters"]}
    cells = [{"id": "x", "metadata": odd}, {"id": "x", "metadata": good}, {}]
    made = notebook_runner._mended(json.dumps({"nbformat": 4, "nbformat_minor": 5, "cells": cells}))
    assert json.loads(made)["cells"] == [
        {"id": "x", "metadata": {}}, {"id": "cell-2", "metadata": good}, {"id": "cell-3"}
    ]  # fmt: skip


def test_notebooks_of_r_get_a_kernel_of_r() -> None:
    tools = package("nbclient", "0.10.0")
    settings: dict[str, JSON] = {
        **LOCKED.settings, "tools": ["nbclient==0.10.0"], "kernels": ["r"],
    }  # fmt: skip
    rendering = render(replace(LOCKED, packages=(*LOCKED.packages, tools), settings=settings))
    kernel = next(f for f in rendering.files if f.path == "python/kernel-r.json")
    assert json.loads(kernel.content)["argv"][0] == "R"
    words = [w for run in rendering.dependencies for argv in run.commands for w in argv]
    assert any(word.endswith("kernels/reprokit-r/kernel.json") for word in words)


@pytest.mark.parametrize(
    ("tools", "backend"),
    [
        (("ipykernel", "5.4.2"), "module://ipykernel.pylab.backend_inline"),
        (("matplotlib-inline", "0.1.6"), "module://matplotlib_inline.backend_inline"),
    ],
)
def test_figures_go_into_the_notebook(tools: tuple[str, str], backend: str) -> None:
    settings: dict[str, JSON] = {**LOCKED.settings, "tools": ["==".join(tools)]}
    packages = (*LOCKED.packages, package(*tools))
    rendering = render(replace(LOCKED, packages=packages, settings=settings))
    kernel = next(f for f in rendering.files if f.path == "python/kernel.json")
    assert json.loads(kernel.content)["env"] == {"MPLBACKEND": backend}


def test_a_dead_kernel_is_said(tmp_path: Path) -> None:
    status, said, _ = _run_notebook(tmp_path, ["import os; os._exit(9)"])
    assert status == 137
    assert "died" in said and "Traceback" not in said


def test_a_missing_notebook_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert notebook_runner.main(["nowhere.ipynb"]) == 2
    assert "nowhere.ipynb does not exist" in capsys.readouterr().err
    assert notebook_runner.main([]) == 2


def test_what_stands_in_for_pip_is_put_where_python_and_the_shell_find_it() -> None:
    settings: dict[str, JSON] = {**LOCKED.settings, "pip_stand_in": True}
    rendering = render(replace(LOCKED, settings=settings))
    commands = [shell_command(c) for run in rendering.dependencies for c in run.commands]
    place = "/opt/venv/lib/python3.11/site-packages/pip"
    for line in (
        f"install -D -m 0644 /mnt/python/pip.py {place}/__init__.py",
        f"install -D -m 0644 /mnt/python/pip-main.py {place}/__main__.py",
        "install -m 0755 /mnt/python/pip /opt/venv/bin/pip",
        "install -m 0755 /mnt/python/pip /opt/venv/bin/pip3",
    ):
        assert line in commands
    assert {"python/pip", "python/pip.py", "python/pip-main.py"} <= {
        f.path for f in rendering.files
    }
    assert not [f for f in render(LOCKED).files if f.path.startswith("python/pip")]
    of_2: dict[str, JSON] = {
        **settings,
        "virtualenv": "tools/virtualenv-16.7.12-py2.py3-none-any.whl",
    }
    found = render(replace(LOCKED, settings=of_2))
    assert not [f for f in found.files if f.path.startswith("python/pip")]
