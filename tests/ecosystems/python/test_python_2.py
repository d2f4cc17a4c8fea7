"""Python 2.7: how it is recognised, which base it gets, what is locked and how it is installed."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from reprokit import bytecode
from reprokit.bases.debian import DebianFamily
from reprokit.bases.official import OfficialFamily
from reprokit.bases.versions import means_python_2
from reprokit.configuration import Configuration
from reprokit.ecosystems.python import PythonEcosystem, compiling, pylock
from reprokit.ecosystems.python.version import building_since, python_version, wheels_since
from reprokit.errors import BadRequest, InputUnavailable
from reprokit.model import (
    Artifact,
    DateChoice,
    Detection,
    LockedEcosystem,
    LockedPackage,
    Reason,
    Runtime,
)
from reprokit.phases import plan_bases
from reprokit.project import Project
from tests.ecosystems.python.python_resolving import DIGEST, OnlineResolver, Suite, base
from tests.ecosystems.python.test_python_resolving import lock


def python(specifier: str) -> Runtime:
    return Runtime(language="python", specifier=specifier, reason=Reason(text="says so"))


def detected(folder: Path, files: dict[str, str]) -> Detection:
    for name, content in files.items():
        (folder / name).write_text(content, "utf-8")
    found = PythonEcosystem().detect(Project(folder))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("print 'hello'", "print is a statement"),
        ("print x, y", "print is a statement"),
        ("print >> f, 1", "print is a statement"),
        ("if a: pass; print 'b'", "print is a statement"),
        ("raise ValueError, 'no'", "raise has its message after a comma"),
        ("exec code in space", "exec is a statement"),
        ("if a <> b: pass", "<> means unequal"),
        ("os.chmod(p, 0755)", "octal"),
        ("t = ur'x'", "marked ur"),
        ("t = `x`", "backquotes"),
    ],
)
def test_syntax_that_only_python_2_has(tmp_path: Path, line: str, why: str) -> None:
    found = detected(tmp_path, {"a.py": "import os\n\n" + line + "\n", "requirements.txt": "six\n"})
    (runtime,) = found.runtimes
    assert runtime.specifier == "==2.7.*"
    assert (runtime.reason.file, runtime.reason.line) == ("a.py", 3)
    assert why in runtime.reason.text and "Python 2" in runtime.reason.text


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("for i in xrange(3): pass", "xrange"),
        ("n = raw_input()", "raw_input"),
        ("def f(s):\n    return isinstance(s, basestring)", "basestring"),
        ("import numpy, urllib2", "urllib2"),
        ("from ConfigParser import SafeConfigParser", "ConfigParser"),
    ],
)
def test_names_that_only_python_2_has(tmp_path: Path, line: str, name: str) -> None:
    text = f"from __future__ import print_function\n{line}\n"
    (runtime,) = detected(tmp_path, {"a.py": text, "requirements.txt": "six\n"}).runtimes
    assert runtime.specifier == "==2.7.*"
    assert runtime.reason.text == f"{name} is there only in Python 2"
    assert runtime.reason.line in (2, 3)


@pytest.mark.parametrize(
    "files",
    [
        {"a.py": "try:\n    xrange\nexcept NameError:\n    xrange = range\nxrange(2)\n"},
        {"a.py": "from compat import *\nxrange(2)\n", "compat.py": "xrange = range\n"},
        {"a.py": "from six.moves import xrange\nxrange(2)\n"},
        {"a.py": "from past.builtins import *\nxrange(2)\n"},
        {"a.py": "import sys\nif sys.version_info[0] < 3:\n    import urllib2\n"},
        {"a.py": "import Queue\n", "Queue.py": ""},
        {"a.py": "def f(unicode=True):\n    return unicode\n"},
        {"a.py": "xrange(2)\n", "b.py": "print(f'{1}')\n"},
        {"a.py": "s = 'xrange'\n# raw_input()\nd.unicode\n"},
        {"a.py": "print('hello')\n"},
        {"a.py": "s = \"print 'x'\"\n# raise A, 'b'\nn = '0755 <> `x`'\n"},
        {"a.py": "def f(:\n"},  # broken in both
        {"a.py": "print 'x'\n", "b.py": "print(f'{1}')\n"},
        {"a.py": "print 'x'\n", "b.py": "print(1, end='')\n"},
        {"a.py": "print 'x'\n", "b.py": "def f(a: int): pass\nn: int = 1\n"},
    ],
)
def test_other_code_is_not_taken_for_python_2(tmp_path: Path, files: dict[str, str]) -> None:
    assert [r.specifier for r in detected(tmp_path, files).runtimes] == [""]


@pytest.mark.parametrize(
    ("said", "specifiers"),
    [
        ({".python-version": "3.9"}, ["==3.9.*"]),
        ({"runtime.txt": "python-2.7.18"}, ["==2.7.*"]),
        ({"setup.py": "from setuptools import setup\nsetup(name='x', python_requires='>=2.7')\n"},
         ["==2.7.*", ">=2.7"]),
    ],
)  # fmt: skip
def test_what_the_project_says_goes_before_its_syntax(
    tmp_path: Path, said: dict[str, str], specifiers: list[str]
) -> None:
    found = detected(tmp_path, {"a.py": "print 'x'\n", **said})
    assert sorted({r.specifier for r in found.runtimes}) == specifiers


def test_notebooks_beside_python_2_are_told_of(tmp_path: Path) -> None:
    cells = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}'
    found = detected(tmp_path, {"a.py": "print 'x'\n", "n.ipynb": cells})
    assert "tools" not in found.settings
    assert any("notebooks are not run with Python 2.7" in note.text for note in found.notes)


def test_classifiers_of_python_2_alone(tmp_path: Path) -> None:
    setup = "from setuptools import setup\nsetup(name='x', classifiers=[{}])\n"
    two = "'Programming Language :: Python :: 2.7'"
    only = detected(tmp_path, {"setup.py": setup.format(two)})
    assert [r.specifier for r in only.runtimes] == ["==2.7.*"]
    both = f"{two}, 'Programming Language :: Python :: 3'"
    assert [r.specifier for r in detected(tmp_path, {"setup.py": setup.format(both)}).runtimes] == [
        ""
    ]


@pytest.mark.parametrize(
    ("specifier", "means", "bases"),
    [
        ("==2.7.*", True, ["bullseye"]),
        ("<3", True, ["bullseye"]),
        (">=2.7", False, ["bullseye", "bookworm", "trixie"]),
        # A Python 3 would do, so 2.7 is not given although it would too.
        (">=2.7,<3.9", False, []),
        ("==3.8.*", False, []),
    ],
)
def test_python_2_only_where_no_3_would_do(specifier: str, means: bool, bases: list[str]) -> None:
    assert means_python_2(python(specifier)) is means
    found = DebianFamily().candidates((python(specifier),), "2019-01-01")
    assert [candidate.name for candidate in found] == bases
    chosen = {"bullseye": "2.7" if means else "3.9"}
    if bases:
        assert python_version(found[0], (python(specifier),)) == chosen[found[0].name]


def test_a_named_base_gives_no_other_python() -> None:
    family = DebianFamily()
    with pytest.raises(
        BadRequest, match=r"Python >=2\.7,<3\.9 is asked for, but bullseye has 3\.9, 2\.7"
    ):
        plan_bases.chosen([family], (python(">=2.7,<3.9"),), None, Configuration(), "bullseye")


@pytest.mark.parametrize("specifier", ["==3.6.*", "==3.7.*", "==3.8.*"])
def test_older_python_3_comes_from_official_images_or_is_refused(specifier: str) -> None:
    official, debian = OfficialFamily(), DebianFamily()
    names = [c.name for c in official.candidates((python(specifier),), "2020-01-01")]
    assert names[0].startswith(f"python:{specifier[2:5]}-slim-")
    with pytest.raises(BadRequest, match="no base image offers Python") as caught:
        plan_bases.chosen([debian], (python(specifier),), None, Configuration(), None)
    assert "bullseye (Python 3.9 and 2.7)" in str(caught.value.next)


def test_what_builds_a_package_is_no_older_than_its_python() -> None:
    assert [building_since(v) for v in ("2.7", "3.6", "3.9.2", "3.11")] == [
        "2019-03-01", "2019-03-01", "2020-10-05", "2022-10-24",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("version", "abi"), [("2.7", "cp27mu"), ("3.6", "cp36m"), ("3.7", "cp37m"), ("3.8", "cp38")]
)
def test_wheels_by_the_name_of_their_time(version: str, abi: str) -> None:
    names = [f"x-1-cp{version.replace('.', '')}-{a}-manylinux1_x86_64.whl" for a in (abi, "cp1")]
    fits = pylock.Target(version, "x86_64", 31)
    best = pylock.best_wheel([pylock.Source(f"https://e.example/{n}") for n in names], fits)
    assert best is not None and best.file == names[0]


TWO = replace(base("bullseye"), settings={"offers": {"python": ["3.9", "2.7"]}})


def test_system_packages_of_python_2(tmp_path: Path) -> None:
    found = detected(tmp_path, {"a.py": "print 'x'\n"})
    suite = Suite(frozenset({"python2.7", "python3", "python3-distutils"}))
    packages = PythonEcosystem().system_packages(found, TWO, suite)
    assert [(p.name, p.stage) for p in packages] == [
        ("python2.7", "run"), ("python3", "build"), ("python3-distutils", "build"),
    ]  # fmt: skip
    (tmp_path / "a.py").write_text("print('x')\n")
    packages = PythonEcosystem().system_packages(detected(tmp_path, {}), TWO, suite)
    assert [(p.name, p.stage) for p in packages] == [
        ("python3", "run"), ("python3-distutils", "run"),
    ]  # fmt: skip


@pytest.mark.network
def test_wheels_of_python_2_are_locked(tmp_path: Path) -> None:
    locked = lock(
        tmp_path,
        {"a.py": "print 'x'\n", "requirements.txt": "numpy==1.16.4\nrequests\n"},
        date=DateChoice(day="2019-06-01", source="given"),
        base=TWO,
    )
    files = {p.name: p.artifacts[0].path.rpartition("/")[2] for p in locked.packages}
    assert files["numpy"] == "numpy-1.16.4-cp27-cp27mu-manylinux1_x86_64.whl"
    assert files["requests"] == "requests-2.22.0-py2.py3-none-any.whl"
    assert files["virtualenv"] == "virtualenv-16.7.12-py2.py3-none-any.whl"
    assert "uv" not in files


def test_an_environment_of_python_2_is_made_by_virtualenv() -> None:
    locked = LockedEcosystem(
        ecosystem="python",
        packages=(LockedPackage(name="six", version="1.12.0", artifacts=()),),
        settings={
            "virtualenv": "tools/virtualenv-16.7.12-py2.py3-none-any.whl",
            "local": [{"path": "."}],
        },
    )
    rendered = PythonEcosystem().render(locked, TWO)
    commands = [" ".join(c) for run in rendered.dependencies for c in run.commands]
    assert commands == [
        "python2.7 -m zipfile -e /mnt/tools/virtualenv-16.7.12-py2.py3-none-any.whl"
        " /mnt/tools/virtualenv",
        "python2.7 /mnt/tools/virtualenv/virtualenv.py --quiet --no-download /opt/venv",
        "find /opt/venv -name *.pyc -delete",
    ]
    ((install,),) = [run.commands for run in rendered.install]
    assert "--no-index" in install and "--no-build-isolation" in install
    assert install[-2:] == ("--editable", "/app")
    hostile = replace(locked, settings={**locked.settings, "virtualenv": "tools/$(x).whl"})
    with pytest.raises(BadRequest, match="virtualenv"):
        PythonEcosystem().render(hostile, TWO)


@pytest.mark.parametrize(
    ("version", "compiles"), [("3.6", False), ("3.6.15", False), ("3.7", True)]
)
def test_python_3_6_has_no_byte_code_by_hash(version: str, compiles: bool) -> None:
    wheel = Artifact(path="wheels/six-1-py3-none-any.whl", sha256=DIGEST, size=1, url="https://e/s")
    locked = LockedEcosystem(
        ecosystem="python",
        packages=(LockedPackage(name="six", version="1", artifacts=(wheel,)),),
        settings={
            "uv": "tools/uv-0.13.9-py3-none-manylinux_2_17_x86_64.whl",
            "project": ["six==1"],
            "local": [{"path": "."}],
        },
    )
    official = replace(TWO, provides={"python": version})
    rendered = PythonEcosystem().render(locked, official)
    runs = (*rendered.dependencies, *rendered.install)
    compilations = [c for run in runs for c in run.commands if c[-1] == "/opt/venv/lib"]
    assert len(compilations) == (2 if compiles else 0)
    assert (bytecode.file() in rendered.files) is compiles


def test_there_were_no_wheels_for_linux_before_2016() -> None:
    assert wheels_since("2.7.18", "2016-02-15")[0] == "2016-06-03"
    assert wheels_since("2.7.18", "2016-07-01") == ()
    assert wheels_since("3.9.2", "2016-02-15")[0].startswith("2021")
    assert wheels_since("3.9.2", "2022-02-15") == ()


def test_a_project_before_those_is_locked_as_of_the_first_day_that_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """uv lists no wheels of Python 2.7: those of the index tell whether there are any."""
    asked: list[str] = []

    def on_this_machine(*_: object) -> str:
        raise InputUnavailable("numpy has no usable wheels")

    def in_workshop(self: compiling.Compiler, wish: compiling.Wish) -> str:
        asked.append(wish.since)
        sdist = f'{{url = "https://x/numpy-1.11.0.tar.gz", hashes = {{sha256 = "{"0" * 64}"}}}}'
        package = f'[[packages]]\nname = "numpy"\nversion = "1.11.0"\nsdist = {sdist}\n'
        return f'lock-version = "1.0"\ncreated-by = "uv"\n{package}'

    file = "numpy-1.11.0-cp27-cp27mu-manylinux1_x86_64.whl"
    wheels = (pylock.Source(f"https://x/{file}", sha256=DIGEST),)
    monkeypatch.setattr(compiling, "_on_this_machine", on_this_machine)
    monkeypatch.setattr(compiling.Compiler, "_in_workshop", in_workshop)
    monkeypatch.setattr("reprokit.ecosystems.python.index_pages.wheels", lambda *_: wheels)
    date = DateChoice(day="2016-02-15", source="commit")
    resolver = OnlineResolver(Project(tmp_path), base=base("bullseye", "2.7.18"), date=date)
    fits = pylock.target("2.7.18", "linux/amd64", "bullseye")
    tool = Artifact(path="tools/uv.whl", sha256=DIGEST, size=1, url="https://x/uv.whl")
    with ExitStack() as stack:
        compiler = compiling.Compiler(resolver, fits, tool, stack)
        (found,) = compiler.resolved(compiling.Wish(lines=("numpy",)))
    assert asked == ["2016-06-03"] and compiler.later == {"2016-06-03"}
    assert found.wheel is not None and found.wheel.file == file


@pytest.mark.parametrize(
    ("elsewhere", "version", "day"),
    [
        # It was compiled for others by then, and for Linux with the next release.
        ("matplotlib-1.5.1-cp27-none-win_amd64.whl", "1.5.2", "2016-09-01"),
        # It is not compiled at all: its source will do.
        ("matplotlib-1.5.1-py2-none-any.tar", "1.5.1", "2016-06-03"),
    ],
)
def test_a_day_on_which_it_was_compiled_for_others_only_gives_way_to_a_later_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: str, version: str, day: str
) -> None:
    """numpy has a wheel on each day."""
    releases = {"2016-06-03": "1.5.1", "2016-09-01": "1.5.2", "2017-03-05": "2.0.0"}
    linux = "cp27-cp27mu-manylinux1_x86_64.whl"

    def on_this_machine(*_: object) -> str:
        raise InputUnavailable("numpy has no usable wheels")

    def in_workshop(self: compiling.Compiler, wish: compiling.Wish) -> str:
        packages = ""
        for name, number in (("numpy", "1.11.0"), ("matplotlib", releases[wish.since])):
            sdist = (
                f'{{url = "https://x/{name}-{number}.tar.gz", hashes = {{sha256 = "{"0" * 64}"}}}}'
            )
            packages += f'[[packages]]\nname = "{name}"\nversion = "{number}"\nsdist = {sdist}\n'
        return f'lock-version = "1.0"\ncreated-by = "uv"\n{packages}'

    def wheels(_: object, name: str, number: str) -> tuple[pylock.Source, ...]:
        file = elsewhere if number == "1.5.1" else f"{name}-{number}-{linux}"
        return (pylock.Source(f"https://x/{file}", sha256=DIGEST),) if file.endswith("whl") else ()

    monkeypatch.setattr(compiling, "_on_this_machine", on_this_machine)
    monkeypatch.setattr(compiling.Compiler, "_in_workshop", in_workshop)
    monkeypatch.setattr("reprokit.ecosystems.python.index_pages.wheels", wheels)
    date = DateChoice(day="2016-02-15", source="commit")
    resolver = OnlineResolver(Project(tmp_path), base=base("bullseye", "2.7.18"), date=date)
    fits = pylock.target("2.7.18", "linux/amd64", "bullseye")
    tool = Artifact(path="tools/uv.whl", sha256=DIGEST, size=1, url="https://x/uv.whl")
    with ExitStack() as stack:
        compiler = compiling.Compiler(resolver, fits, tool, stack)
        found = compiler.resolved(compiling.Wish(lines=("numpy", "matplotlib")))
    assert {item.name: item.version for item in found}["matplotlib"] == version
    assert compiler.later == {day}
