"""Rendering: a virtual environment from vendored wheels, by uv, without a network."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from reprokit import bytecode
from reprokit.ecosystems.python import virtualenv
from reprokit.ecosystems.python.names import DISTRIBUTION
from reprokit.ecosystems.python.pip_calls import SETTING as PIP_STAND_IN
from reprokit.ecosystems.python.version import minor, python_version
from reprokit.errors import BadRequest
from reprokit.model import (
    JSON,
    Argv,
    GeneratedFile,
    LockedBase,
    LockedEcosystem,
    LockedPackage,
    Mount,
    Rendering,
    Run,
)
from reprokit.quoting import checked_name

VENV = "/opt/venv"
NOTEBOOK = "/opt/reprokit/notebook"
_TOOLS = "/mnt/tools"
_LISTS = "/mnt/python"
_VERSION = re.compile(r"[A-Za-z0-9.+!_-]+")
_UV_FILE = re.compile(r"tools/uv-([0-9][0-9a-z.]*)-[\w.]+-[\w.]+-[\w.]+\.whl")
_ENVIRONMENT = (
    # Of the standard library, where the base has none: as it comes about, it is never the same.
    ("PYTHONDONTWRITEBYTECODE", "1"),
    *bytecode.ENVIRONMENT,
    ("UV_NO_CACHE", "1"),
    ("UV_NO_CONFIG", "1"),
    # It would state when the wheel was written.
    ("UV_NO_INSTALLER_METADATA", "1"),
    ("UV_OFFLINE", "1"),
    ("UV_PYTHON_DOWNLOADS", "never"),
    ("UV_PYTHON_PREFERENCE", "only-system"),
)
_KERNEL = """\
# The project's own Python and packages, with the kernel's packages after them.
import sys
sys.path.remove(sys.path[0])
sys.path.append("/opt/reprokit/notebook/lib/python%d.%d/site-packages" % sys.version_info[:2])
from ipykernel.kernelapp import launch_new_instance
launch_new_instance()
"""

_R_KERNEL = """\
{
 "argv": ["R", "--no-echo", "--no-save", "--no-restore", "-e", "IRkernel::main()", "--args",
  "{connection_file}"],
 "display_name": "R",
 "language": "R"
}
"""


def render(locked: LockedEcosystem, base: LockedBase) -> Rendering:
    """See `Ecosystem.render`."""
    names = {key: _names(locked.settings, key) for key in ("project", "tools", "build")}
    files = []
    compiles = _compiles(locked, base)
    runs = [_project_run(locked, names["project"], compiles)]
    if names["project"]:
        files.append(_list("requirements.txt", locked, names["project"], "wheels"))
    if names["tools"]:
        files += [_list("notebook.txt", locked, names["tools"], "wheels"), *_notebook_files(locked)]
        runs.append(_notebook_run(locked, compiles))
    if locked.settings.get(PIP_STAND_IN) is True and "virtualenv" not in locked.settings:
        files += _pip_files()
        runs.append(_pip_run(base))
    local = locked.settings.get("local")
    installs = _local_runs(locked, local, names["build"], compiles)
    if installs and names["build"]:
        files.append(_list("build.txt", locked, names["build"], "wheels-build"))
    if any(bytecode.MOUNT in run.mounts for run in (*runs, *installs)):
        files.append(bytecode.file())
    environment = [("VIRTUAL_ENV", VENV)]
    if any(name.startswith("matplotlib==") for name in names["project"]):
        environment.append(("MPLBACKEND", "Agg"))  # there is no display in a container
    return Rendering(
        dependencies=tuple(runs),
        install=installs,
        environment=tuple(environment),
        path=(f"{VENV}/bin",),
        files=tuple(sorted(files, key=lambda file: file.path)),
    )


def _names(settings: Mapping[str, JSON], key: str) -> tuple[str, ...]:
    listed = settings.get(key)
    return tuple(map(str, listed)) if isinstance(listed, (list, tuple)) else ()


def _list(
    name: str, locked: LockedEcosystem, wanted: tuple[str, ...], folder: str
) -> GeneratedFile:
    """A requirements file with exact versions and hashes."""
    packages = {f"{p.name}=={p.version}": p for p in locked.packages if _file(p, folder)}
    lines = []
    for key in sorted(wanted):
        package = packages.get(key)
        if package is None:
            raise BadRequest(f"the lock lists {key} but no file of it", next="lock again")
        checked_name(package.name, DISTRIBUTION, "Python package")
        checked_name(package.version, _VERSION, "Python version")
        lines.append(f"{key} --hash={_file(package, folder)}")
    return GeneratedFile(path=f"python/{name}", content="\n".join(lines) + "\n")


def _file(package: LockedPackage, folder: str) -> str | None:
    return next((a.sha256 for a in package.artifacts if a.path.startswith(f"{folder}/")), None)


def _uv(locked: LockedEcosystem) -> tuple[tuple[Argv, ...], str, Mount]:
    """Commands that unpack uv, its path, and the mount it needs. It never enters the image: the
    mount is writable, and what is written there is thrown away."""
    path = str(locked.settings.get("uv"))
    match = _UV_FILE.fullmatch(path)
    if match is None:
        raise BadRequest(f"the lock names {path!r} as uv", next="lock again")
    uv = f"{_TOOLS}/uv-{match[1]}.data/scripts/uv"
    unpack = ("python3", "-m", "zipfile", "-e", f"/mnt/{path}", _TOOLS)
    return (
        (unpack, ("chmod", "+x", uv)),
        uv,
        Mount(source="vendor/tools", target=_TOOLS, writable=True),
    )


def _compiles(locked: LockedEcosystem, base: LockedBase) -> bool:
    """Up to Python 3.6 there is no byte-code without a time in it."""
    is_old = re.match(r"3\.6(\.|$)", str(base.provides.get("python", ""))) is not None
    return not is_old and "virtualenv" not in locked.settings


def _install(uv: str, place: str, name: str, compiles: bool) -> list[Argv]:
    install = (
        *(uv, "pip", "install", "--quiet", "--python", f"{place}/bin/python", "--no-index"),
        *("--find-links", "/mnt/wheels", "--require-hashes", "--no-deps"),
        *("--requirements", f"{_LISTS}/{name}"),
    )
    return [install, *_compilation(place, compiles)]


def _compilation(place: str, compiles: bool) -> list[Argv]:
    return [bytecode.compile_command(f"{place}/bin/python", f"{place}/lib")] if compiles else []


def _mounts(compiles: bool) -> tuple[Mount, ...]:
    return (
        Mount(source="vendor/wheels", target="/mnt/wheels"),
        Mount(source="vendor/python", target=_LISTS),
        *((bytecode.MOUNT,) if compiles else ()),
    )


def _project_run(locked: LockedEcosystem, project: tuple[str, ...], compiles: bool) -> Run:
    if "virtualenv" in locked.settings:
        return virtualenv.project_run(
            locked, VENV, f"{_LISTS}/requirements.txt" if project else None
        )
    unpack, uv, tools = _uv(locked)
    commands: list[Argv] = [*unpack, (uv, "venv", "--quiet", "--python", "python3", VENV)]
    if project:
        commands += _install(uv, VENV, "requirements.txt", compiles)
    return Run(
        comment="Python's packages: exactly those listed, checked by hash.",
        commands=tuple(commands),
        mounts=(tools, *(_mounts(compiles) if project else ())),
        environment=_ENVIRONMENT,
    )


def _notebook_run(locked: LockedEcosystem, compiles: bool) -> Run:
    unpack, uv, tools = _uv(locked)
    kernel = f"{NOTEBOOK}/share/reprokit/kernels/reprokit/kernel.json"
    script = ("install", "-D", "-m", "0755", f"{_LISTS}/repro-notebook")
    plain = ("install", "-D", "-m", "0644")
    of_r: tuple[Argv, ...] = ()
    if _runs_r(locked):
        place = f"{NOTEBOOK}/share/reprokit/kernels/reprokit-r/kernel.json"
        of_r = ((*plain, f"{_LISTS}/kernel-r.json", place),)
    return Run(
        comment="What runs notebooks, apart from the project's own packages.",
        commands=(
            *unpack,
            (uv, "venv", "--quiet", "--python", "python3", NOTEBOOK),
            *_install(uv, NOTEBOOK, "notebook.txt", compiles),
            (*script, "/usr/local/bin/repro-notebook"),
            (*plain, f"{_LISTS}/kernel.json", kernel),
            (*plain, f"{_LISTS}/kernel.py", f"{NOTEBOOK}/share/reprokit/kernel.py"),
            *of_r,
        ),
        mounts=(tools, *_mounts(compiles)),
        environment=_ENVIRONMENT,
    )


def _pip_files() -> list[GeneratedFile]:
    stand_in = Path(__file__).with_name("pip_stand_in.py")
    started = "import sys\nfrom pip import main\nsys.exit(main())\n"
    return [
        GeneratedFile(path="python/pip.py", content=stand_in.read_text("utf-8")),
        GeneratedFile(path="python/pip-main.py", content=started),
        GeneratedFile(
            path="python/pip", content=f"#!{VENV}/bin/python\n{started}", executable=True
        ),
    ]


def _pip_run(base: LockedBase) -> Run:
    """Without byte-code, which is left to whoever imports it: nothing is to be quick there."""
    place = f"{VENV}/lib/python{minor(python_version(base))}/site-packages/pip"
    plain = ("install", "-D", "-m", "0644")
    return Run(
        comment="What stands in for pip: all that the project installs is there already.",
        commands=(
            (*plain, f"{_LISTS}/pip.py", f"{place}/__init__.py"),
            (*plain, f"{_LISTS}/pip-main.py", f"{place}/__main__.py"),
            *(
                ("install", "-m", "0755", f"{_LISTS}/pip", f"{VENV}/bin/{name}")
                for name in ("pip", "pip3")
            ),
        ),
        mounts=(Mount(source="vendor/python", target=_LISTS),),
    )


def _runs_r(locked: LockedEcosystem) -> bool:
    return "r" in _names(locked.settings, "kernels")


def _notebook_files(locked: LockedEcosystem) -> list[GeneratedFile]:
    runner = Path(__file__).with_name("notebook_runner.py")
    names = (*_names(locked.settings, "tools"), *_names(locked.settings, "project"))
    # A package of its own since April 2021; until then a part of ipykernel.
    apart = any(name.startswith("matplotlib-inline==") for name in names)
    inline = "matplotlib_inline" if apart else "ipykernel.pylab"
    start = [f"{VENV}/bin/python", f"{NOTEBOOK}/share/reprokit/kernel.py"]
    kernel = {
        "argv": [*start, "-f", "{connection_file}"],
        "display_name": "Python 3",
        "language": "python",
        # Figures into the notebook, whatever the image says for scripts.
        "env": {"MPLBACKEND": f"module://{inline}.backend_inline"},
    }
    text = json.dumps(kernel, indent=1, sort_keys=True) + "\n"
    of_r = (
        [GeneratedFile(path="python/kernel-r.json", content=_R_KERNEL)] if _runs_r(locked) else []
    )
    return [
        *of_r,
        GeneratedFile(path="python/kernel.json", content=text),
        GeneratedFile(path="python/kernel.py", content=_KERNEL),
        GeneratedFile(
            path="python/repro-notebook", content=runner.read_text("utf-8"), executable=True
        ),
    ]


def _local_runs(
    locked: LockedEcosystem, local: JSON, build: tuple[str, ...], compiles: bool
) -> tuple[Run, ...]:
    """Installing the project's own packages, in place, after the code is there."""
    paths = [
        str(item["path"])
        for item in (local if isinstance(local, (list, tuple)) else ())
        if isinstance(item, Mapping)
    ]
    if not paths:
        return ()
    if "virtualenv" in locked.settings:
        return (virtualenv.local_run(VENV, tuple(map(_place, paths))),)
    unpack, uv, tools = _uv(locked)
    install = (uv, "pip", "install", "--quiet", "--python", f"{VENV}/bin/python", "--no-index")
    offline: Argv = ("--no-deps",)
    mounts = [tools, *((bytecode.MOUNT,) if compiles else ())]
    if build:
        offline = ("--find-links", "/mnt/wheels-build", *offline)
        mounts.append(Mount(source="vendor/wheels-build", target="/mnt/wheels-build"))
    commands: list[Argv] = [(*install, *offline, *_place(path)) for path in paths]
    commands += _compilation(VENV, compiles)
    run = Run(
        comment="The project as a package, in place.",
        commands=(*unpack, *commands),
        mounts=tuple(mounts),
        # Versions that come from git tags: the image has no .git.
        environment=(*_ENVIRONMENT, ("SETUPTOOLS_SCM_PRETEND_VERSION", "0.0.0")),
    )
    return (run,)


def _place(path: str) -> Argv:
    if path.startswith(("/", "../")) or ".." in path.split("/"):
        raise BadRequest(f"{path!r} points out of the project")
    absolute = "/app" if path == "." else f"/app/{path}"
    return (absolute,) if path.endswith((".whl", ".tar.gz", ".zip")) else ("--editable", absolute)
