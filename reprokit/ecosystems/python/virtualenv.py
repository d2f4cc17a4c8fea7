"""Python 2.7: environments by the last virtualenv for it, and the pip that it carries.

uv knows no Python 2. There is no byte-code either: that of Python 2 names the time of its source.
"""

from __future__ import annotations

import re

from reprokit.errors import BadRequest
from reprokit.model import Argv, LockedEcosystem, Mount, Run

VIRTUALENV = "virtualenv==16.7.12"
_FILE = re.compile(r"tools/virtualenv-[0-9.]+-py2\.py3-none-any\.whl")
_TOOLS = "/mnt/tools"
_ENVIRONMENT = (
    ("PIP_CONFIG_FILE", "/dev/null"),
    ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
    ("PIP_NO_CACHE_DIR", "1"),
    ("PIP_NO_PYTHON_VERSION_WARNING", "1"),
    ("PYTHONDONTWRITEBYTECODE", "1"),
)


def create(wheel: str, folder: str, place: str, *options: str) -> tuple[Argv, ...]:
    """Commands that unpack virtualenv's wheel into a folder and make an environment with it."""
    program = ("python2.7", f"{folder}/virtualenv.py", "--quiet", "--no-download", *options)
    return (("python2.7", "-m", "zipfile", "-e", wheel, folder), (*program, place))


def install(place: str) -> Argv:
    """The beginning of a command that installs into an environment, offline."""
    pip = (f"{place}/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    return (*pip, "--no-index", "--no-deps", "--no-compile", "--no-cache-dir")


def project_run(locked: LockedEcosystem, place: str, requirements: str | None) -> Run:
    """The project's environment, with setuptools as everybody had it then."""
    mounts = [_mount()]
    commands = [*_create(locked, place)]
    if requirements is not None:
        mounts += [
            Mount(source="vendor/wheels", target="/mnt/wheels"),
            Mount(source="vendor/python", target="/mnt/python"),
        ]
        listed = ("--find-links", "/mnt/wheels", "--require-hashes", "--requirement", requirements)
        commands.append((*install(place), *listed))
    commands.append(("find", place, "-name", "*.pyc", "-delete"))
    return Run(
        comment="Python's packages: exactly those listed, checked by hash.",
        commands=tuple(commands),
        mounts=tuple(mounts),
        environment=_ENVIRONMENT,
    )


def local_run(place: str, paths: tuple[Argv, ...]) -> Run:
    """The project's own packages, in place."""
    return Run(
        comment="The project as a package, in place.",
        commands=tuple((*install(place), "--no-build-isolation", *path) for path in paths),
        environment=(*_ENVIRONMENT, ("SETUPTOOLS_SCM_PRETEND_VERSION", "0.0.0")),
    )


def _create(locked: LockedEcosystem, place: str) -> tuple[Argv, ...]:
    path = str(locked.settings.get("virtualenv"))
    if _FILE.fullmatch(path) is None:
        raise BadRequest(f"the lock names {path!r} as virtualenv", next="lock again")
    return create(f"/mnt/{path}", f"{_TOOLS}/virtualenv", place)


def _mount() -> Mount:
    """Writable, and what is written there is thrown away."""
    return Mount(source="vendor/tools", target=_TOOLS, writable=True)
