"""Tiny projects that fail, each for one cause, and what a rerun sets so that they do not.

Those of one Python share the base, so that only the first of them has to make it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

OLD = "2022-01-01"
"""A day on which the newest Debian was bullseye: Python 3.9 and 2.7, R 4.0."""


@dataclass(frozen=True)
class Case:
    """`code` is main.py. `files` lie beside it. `causes` and `toml` are those of the mends, in
    order. `locks_late`: without them there is no lock."""

    name: str
    causes: tuple[str, ...]
    toml: tuple[str, ...]
    code: str = ""
    files: dict[str, str] = field(default_factory=dict)
    date: str | None = None
    locks_late: bool = False


def case(
    name: str,
    cause: str,
    toml: str,
    code: str = "",
    files: dict[str, str] | None = None,
    *,
    date: str | None = None,
    locks_late: bool = False,
) -> Case:
    return Case(
        name=name,
        causes=tuple(cause.split()),
        toml=tuple(toml.splitlines()),
        code=code,
        files=files or {},
        date=date,
        locks_late=locks_late,
    )


# What is declared is taken to be all: imports beyond it are found missing at run time.
SIX = {"requirements.txt": "six\n"}

CASES = (
    case("module", "missing-module", 'python.requirements = ["tabulate"]', "import tabulate", SIX),
    case(
        "module-by-another-name",
        "missing-module",
        'python.requirements = ["pyyaml"]',
        "import yaml",
        SIX,
    ),
    case(
        "two-modules",
        "missing-module missing-module",
        'python.requirements = ["tabulate"]\npython.requirements = ["toolz"]',
        "import tabulate, toolz",
        SIX,
    ),
    # It ends well and writes nothing: only its output tells of the part that failed.
    case(
        "part-that-fails",
        "missing-module",
        'python.requirements = ["tabulate"]',
        "import os, sys\nif os.system('python part.py'):\n    sys.exit()",
        {**SIX, "part.py": "import tabulate\n"},
    ),
    case(
        "module-of-its-own",
        "own-module",
        'run.environment = { PYTHONPATH = "/app/src" }',
        "import helper",
        {"src/helper.py": ""},
    ),
    case(
        "part-of-python",
        "missing-part-of-python",
        'system.packages = ["python3-tk"]',
        "import tkinter",
    ),
    case(
        "optional-module",
        "missing-optional-module",
        'python.requirements = ["xlrd"]',
        "try:\n    import xlrd\nexcept ImportError:\n"
        "    raise ImportError('Missing optional dependency \\'xlrd\\'. Install it.') from None",
        SIX,
    ),
    case(
        "removed-api",
        "removed-api",
        'python.requirements = ["networkx<3"]',
        "import networkx\nnetworkx.from_numpy_matrix",
        {"requirements.txt": "networkx\n"},
    ),
    case(
        "removed-import",
        "removed-import",
        'python.requirements = ["jinja2<3.1"]',
        "from jinja2 import contextfunction",
        {"requirements.txt": "jinja2\n"},
    ),
    case(
        "removed-behaviour",
        "removed-behaviour",
        'python.requirements = ["pyyaml<6"]\npython.version = "<3.10"',
        "import yaml\nassert yaml.load('1') == 1",
        {"requirements.txt": "pyyaml\n"},
    ),
    case("module-gone-from-python", "newer-python", 'python.version = "<3.10"', "import parser"),
    case(
        "name-gone-from-python",
        "removed-from-python",
        'python.version = "<3.10"',
        "from collections import Mapping",
    ),
    case("python-2-module", "python-2-module", 'python.version = "2.7"', "__import__('urllib2')"),
    case("python-2-name", "python-2-name", 'python.version = "2.7"', "{}.has_key(1)"),
    case("python-2-syntax", "python-2-syntax", 'python.version = "2.7"', "eval('xrange(3)')"),
    case(
        "newer-syntax",
        "older-python-syntax",
        'python.version = ">=3.10"',
        "match 1:\n    case 1:\n        pass",
        date=OLD,
    ),
    case(
        "newer-name",
        "older-python-name",
        'python.version = ">=3.11"',
        "from typing import Self",
        date=OLD,
    ),
    case(
        "newer-module",
        "older-python-module",
        'python.version = ">=3.11"',
        "import tomllib",
        date=OLD,
    ),
    case(
        "newer-operation",
        "older-python-operation",
        'python.version = ">=3.10"',
        "def f(x: int | None): pass",
        date=OLD,
    ),
    case(
        "library",
        "missing-library",
        'system.packages = ["libx11-6"]',
        "import ctypes\nctypes.CDLL('libX11.so.6')",
    ),
    case(
        "program",
        "missing-program",
        'system.packages = ["bc"]',
        "import subprocess\nsubprocess.run(['bc', '--version'], check=True)",
    ),
    case(
        "program-of-a-shell",
        "missing-program",
        'system.packages = ["jq"]',
        files={"run.sh": "#!/bin/sh\njq --version > results/done.txt\n"},
    ),
    case(
        "folder",
        "missing-folder",
        'run.folders = ["figures/a"]',
        "open('figures/a/b.txt', 'w').write('1')",
    ),
    case(
        "folder-of-results",
        "missing-folder",
        'run.folders = ["results/tables"]',
        "open('results/tables/b.txt', 'w').write('1')",
    ),
    case(
        "output-folder",
        "missing-output-folder",
        'run.folders = ["figures"]',
        "import os\nif not os.path.isdir('figures'):\n"
        "    raise OSError(\"Cannot save file into a non-existent directory: 'figures'\")\n"
        "open('figures/a.txt', 'w').write('1')",
    ),
    case(
        "data-is-written",
        "read-only-data",
        'data.mode = "bake"',
        "open('data/out.csv', 'w').write('1')",
        {"data/x.csv": "1\n"},
    ),
    case(
        "screen",
        "no-screen",
        "run.display = true",
        "import tkinter\ntkinter.Tk().destroy()",
        {"apt.txt": "python3-tk\n"},
    ),
    case(
        "desk",
        "r-desk",
        "r.desktop = true",
        "import subprocess\nsubprocess.run(['Rscript', 'fit.R'], check=True)",
        {"fit.R": 'folder <- "C:/me/study"\nsetwd(folder)\ndev.off()\ncat(getwd())\n'},
    ),
    case(
        "ascii",
        "ascii-only",
        'run.environment = { PYTHONUTF8 = "1", PYTHONIOENCODING = "utf-8", LC_ALL = "C.UTF-8" }',
        "print(u'caf\\xe9')",
        {".python-version": "2.7\n"},
    ),
    case(
        "wheel-of-another-python",
        "no-wheel",
        'python.version = "<3.10"',
        "import llvmlite",
        {"requirements.txt": "llvmlite==0.36.0\n"},
        locks_late=True,
    ),
    case(
        "other-python",
        "other-python-wanted",
        'python.version = ">=3.10"',
        "import networkx",
        {".python-version": "3.9\n", "requirements.txt": "networkx==3.4.2\n"},
        locks_late=True,
    ),
    case(
        "post-build",
        "post-build",
        "binder.post_build = false",
        "open('kept.txt').close()",
        {"postBuild": "#!/bin/sh\nset -e\nwget https://example.org/\n", "kept.txt": ""},
        locks_late=True,
    ),
    case(
        "old-setup",
        "old-setup",
        'python.build_requirements = ["setuptools<58"]',
        "import anyjson",
        {"requirements.txt": "anyjson==0.3.3\n"},
        locks_late=True,
    ),
)
