"""What the last lines of a log come to."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprokit import registry
from reprokit.diagnosing.dispatch import diagnosed, last_lines
from reprokit.diagnosing.protocol import Cause, Failure
from reprokit.errors import BadRequest
from reprokit.model import JSON, LockedEcosystem, Outcome, Plan
from tests.phases.planned import BASIC, planned
from tests.test_lock_file import sample

NAME = re.compile(r"[a-z]+(?:-[a-z0-9]+)*")


def outcome(status: str = "failed", code: int | None = 1) -> Outcome:
    return Outcome(
        status=status,  # type: ignore[arg-type]
        exit_code=code,
        started="2024-01-01T00:00:00Z",
        finished="2024-01-01T00:00:01Z",
        seconds=1.0,
        peak_memory=None,
    )


def told(folder: Path, text: str, files: dict[str, str] | None = None) -> Cause:
    """The cause that a log of this text has in a project of these files."""
    log = folder / "log.txt"
    log.write_text(text, encoding="utf-8")
    plan = planned(folder / "project", {**BASIC, **(files or {})})
    found = diagnosed(outcome(), log, plan, sample(), pytest.fail)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("line", "cause", "words"),
    [
        ("ModuleNotFoundError: No module named 'skimage.io'", "missing-module", "`scikit-image`"),
        ("ImportError: No module named tabulate", "missing-module", "tabulate"),
        ("No module named 'pkg_resources' : install it", "missing-module", "`setuptools`"),
        ("error: command 'swig' failed with exit status 1", "missing-compiler", "swig, g++"),
        ("ModuleNotFoundError: No module named 'urllib2'", "python-2-module", "2.7"),
        ("ModuleNotFoundError: No module named 'parser'", "newer-python", '"<3.10"'),
        (
            "ModuleNotFoundError: No module named 'sklearn.externals.joblib'",
            "removed-module", "scikit-learn<0.23",
        ),
        ("AttributeError: module 'numpy' has no attribute 'float'.", "removed-api", "numpy<1.24"),
        (
            "AttributeError: 'DataFrame' object has no attribute 'append'. Did you mean: 'x'?",
            "removed-api", "pandas<2",
        ),
        (
            "AttributeError: module 'scipy.special' has no attribute 'hyp2f0'",
            "removed-api", "scipy<1.4",
        ),
        (
            "TypeError: FigureBase.gca() got an unexpected keyword argument 'projection'",
            "removed-behaviour", "matplotlib<3.4",
        ),
        (
            "AttributeError: 'AxesSubplot' object has no attribute 'set_zlabel'",
            "removed-behaviour", "matplotlib<3.4",
        ),
        (
            "AttributeError: 'Axes' object has no property 'axisbg'",
            "removed-behaviour", "matplotlib<2.2",
        ),
        ("AttributeError: Unknown property axisbg", "removed-behaviour", "matplotlib<2.2"),
        ("AttributeError: 'AxesSubplot' object has no attribute 'zz'", "unknown", ""),
        (
            "ValueError: The number of FixedLocator locations (14), usually from a call to "
            "set_ticks, does not match the number of ticklabels (15).",
            "removed-behaviour", "matplotlib<3.3",
        ),
        (
            "error: command 'swig' failed: No such file or directory",
            "missing-compiler", "swig, g++",
        ),
        (
            "mod.c:1:10: fatal error: Python.h: No such file or directory",
            "missing-compiler", "gcc, g++",
        ),
        ("AttributeError: 'NoneType' object has no attribute 'x'", "unknown", ""),
        (
            "SyntaxError: Missing parentheses in call to 'print'. Did you mean print(...)?",
            "python-2-syntax", "2.7",
        ),
        ("NameError: name 'xrange' is not defined", "python-2-syntax", "2.7"),
        (
            "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xe9 in position 3: invalid",
            "encoding", "utf-8",
        ),
        (
            "Error in library(vegan) : there is no package called \u2018vegan\u2019",
            "missing-r-package", '"vegan"',
        ),
        (
            "Warning: unable to access index for repository https://cloud.r-project.org/src",
            "r-installs", "install.packages",
        ),
        ('Error in fun(x) : could not find function "fun"', "removed-r-function", "fun"),
        ("Error in setwd(wd) : cannot change working directory", "r-desk", "r.desktop = true"),
        ('Error in windows() : could not find function "windows"', "r-desk", "r.desktop = true"),
        ("  cannot shut down device 1 (the null device)", "r-desk", "r.desktop = true"),
        ("Error: RStudio not running", "r-desk", "r.desktop = true"),
        ("Error in file.choose() : file choice cancelled", "r-asks", "name the file"),
        ("Usage: java org.x.Main [options] <file>", "wants-arguments", "reprokit run --"),
        (
            "fit.py: error: the following arguments are required: data",
            "wants-arguments", "command =",
        ),
        (
            "  cannot open the connection to 'https://osf.io/download/jcmt9/'",
            "network", "--network",
        ),
        (
            "  URL 'https://osf.io/x': status was 'Couldn't resolve host name'",
            "network", "--network",
        ),
        (
            "java.lang.UnsupportedClassVersionError: A has been compiled by a more recent "
            "version of the Java Runtime (class file version 61.0), this version "
            "of the Java Runtime only recognizes class file versions up to 55.0",
            "java-too-old", 'java.version = ">=17"',
        ),
        ("Error: Could not find or load main class org.x.Main", "missing-class", "org.x.Main"),
        ("java.lang.OutOfMemoryError: Java heap space", "java-memory", "-Xmx"),
        (
            "java.lang.reflect.InaccessibleObjectException: Unable to make field private",
            "java-modules", "--add-opens",
        ),
        (
            "URLError: <urlopen error [Errno -3] Temporary failure in name resolution>",
            "network", "--network",
        ),
        (
            "FileNotFoundError: [Errno 2] No such file or directory: 'figures/a.png'",
            "missing-folder", "figures",
        ),
        (
            "FileNotFoundError: [Errno 2] No such file or directory: 'nothing.csv'",
            "missing-file", "nothing.csv",
        ),
        (
            "FileNotFoundError: [Errno 2] No such file or directory: '/home/anna/x.csv'",
            "authors-path", "/home/anna/x.csv",
        ),
        (
            "  cannot open file 'C:/Users/anna/x.csv': No such file or directory",
            "authors-path", "C:/Users/anna",
        ),
        (
            "ImportError: libGL.so.1: cannot open shared object file: No such file or directory",
            "missing-library", "libgl1",
        ),
        ("sh: 1: dot: not found", "missing-program", "graphviz"),
        ("/bin/bash: line 1: samtools: command not found", "missing-program", "samtools"),
        (
            "FileNotFoundError: [Errno 2] No such file or directory: 'latex'",
            "missing-program", "texlive-latex-recommended",
        ),
        ("make: mvn: No such file or directory", "missing-program", "java -cp target/"),
        ("make[1]: dot: Command not found", "missing-program", "graphviz"),
        ("sh: 1: pip: not found", "missing-program", "a run installs nothing"),
        (
            "FileNotFoundError: [Errno 2] No such file or directory: 'pip'",
            "missing-program", "pip is not installed; a run installs nothing",
        ),
        ("_tkinter.TclError: no display name and no $DISPLAY", "no-screen", "MPLBACKEND"),
        (
            "OSError: [Errno 30] Read-only file system: 'data/out.csv'",
            "read-only-data", "data/out.csv",
        ),
        (
            "/bin/sh: 1: cannot create data/raw.txt: Read-only file system",
            "read-only-data", "read-only: data/raw.txt",
        ),
        (
            "  cannot open file 'data/out.csv': Read-only file system",
            "read-only-data", "read-only: data/out.csv",
        ),
        (
            "ERROR: No matching distribution found for scikit-learn",
            "missing-distribution", "scikit-learn",
        ),
        ("something else", "unknown", ""),
    ],
)  # fmt: skip
def test_a_line_tells_its_cause(tmp_path: Path, line: str, cause: str, words: str) -> None:
    found = told(tmp_path, f"Traceback (most recent call last):\n{line}\n")
    assert found.name == cause
    assert words in f"{found.text}; {found.next}"
    assert line.strip() in found.evidence


def test_what_makes_do_without_the_desk_is_no_mend_twice(tmp_path: Path) -> None:
    plan = planned(tmp_path, BASIC)
    line = "Error in setwd(wd) : cannot change working directory"
    settings: tuple[dict[str, JSON], ...] = ({}, {"desktop": True})
    for own in settings:
        found = LockedEcosystem(ecosystem="r", settings=own)
        lock = replace(sample(), ecosystems=(found,))
        failure = Failure(exit_code=1, lines=(line,), plan=plan, lock=lock)
        causes = [c for d in registry.diagnoses() if (c := d.diagnose(failure)) is not None]
        assert [cause.name for cause in causes] == ([] if own else ["r-desk"])


def test_the_last_line_that_tells_a_cause_ended_the_program(tmp_path: Path) -> None:
    lines = ("sh: 1: dot: not found", "ModuleNotFoundError: No module named 'toolz'", "bye")
    assert told(tmp_path, "\n".join(lines)).name == "missing-module"
    assert told(tmp_path, "\n".join(reversed(lines))).name == "missing-program"


def test_a_file_that_the_project_has_is_not_called_missing_folder(tmp_path: Path) -> None:
    line = "FileNotFoundError: [Errno 2] No such file or directory: 'input/b.txt'"
    assert told(tmp_path, line, {"input/a.txt": ""}).name == "missing-file"


def test_the_addresses_that_were_asked_for_are_named(tmp_path: Path) -> None:
    text = "get https://example.org/data.zip\nrequests: host='h.example'\nName or service not known"
    assert "(it asked for https://example.org/data.zip, h.example)" in told(tmp_path, text).text


@pytest.mark.parametrize("status", ["out-of-memory", "timed-out"])
def test_a_limit_is_a_cause_of_its_own(tmp_path: Path, status: str) -> None:
    (tmp_path / "log.txt").write_text("sh: 1: dot: not found\n")
    plan = planned(tmp_path / "project", BASIC)
    found = diagnosed(outcome(status, None), tmp_path / "log.txt", plan, sample(), pytest.fail)
    assert found is not None and found.name == status
    done = diagnosed(outcome("succeeded", 0), tmp_path / "log.txt", plan, sample(), pytest.fail)
    assert done is None


def test_of_a_long_log_the_end_is_read(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_bytes(b"x" * 300_000 + b"\xff\n" + b"last line\n")
    assert last_lines(log) == ("last line",)
    assert last_lines(tmp_path / "none.txt") == ()


def test_a_plugin_that_fails_is_warned_of_and_costs_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        name = "broken"

        def diagnose(self, failure: Failure) -> Cause | None:
            raise BadRequest("the plugin x failed")

    monkeypatch.setattr(registry, "diagnoses", lambda: (Broken(),))
    (tmp_path / "log.txt").write_text("end\n")
    plan = planned(tmp_path / "project", BASIC)
    said: list[str] = []
    found = diagnosed(outcome(), tmp_path / "log.txt", plan, sample(), said.append)
    assert found is not None and (found.name, found.evidence) == ("unknown", ("end",))
    assert said == ["the plugin x failed"]


def test_every_cause_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "failures.md").read_text(encoding="utf-8")
    names = {diagnosis.name for diagnosis in registry.diagnoses()}
    assert all(NAME.fullmatch(name) for name in names)
    assert names <= set(re.findall(r"`([a-z0-9-]+)`", text))


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return planned(tmp_path_factory.mktemp("project"), BASIC)


@given(lines=st.lists(st.text(max_size=300), max_size=5))
def test_no_log_breaks_a_diagnosis(plan: Plan, lines: list[str]) -> None:
    failure = Failure(exit_code=1, lines=tuple(lines), plan=plan, lock=sample())
    for diagnosis in registry.diagnoses():
        diagnosis.diagnose(failure)
