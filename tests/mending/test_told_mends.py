"""Which settings a log or an error comes to, without an engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reprokit.diagnosing.dispatch import diagnosed, diagnosed_error
from reprokit.diagnosing.protocol import Cause
from reprokit.errors import BuildFailed, InputUnavailable
from reprokit.model import JSON, Lock, LockedEcosystem, RunOptions, Step
from reprokit.pipeline.job import Wishes, prepare
from tests.diagnosing.test_causes import outcome
from tests.phases.planned import BASIC, MAIN, planned
from tests.projects import write
from tests.test_lock_file import sample


def lock_with(python: str = "3.11", name: str = "bookworm") -> Lock:
    lock = sample()
    base = replace(lock.base, name=name, provides={"python": f"{python}.2"})
    return replace(lock, base=base)


def told(folder: Path, log: str, lock: Lock, files: dict[str, str] | None = None) -> Cause:
    (folder / "log.txt").write_text(log, encoding="utf-8")
    plan = planned(folder / "project", {**BASIC, **(files or {})})
    plan = replace(plan, entry=replace(MAIN, steps=(Step(argv=("python", "main.py")),)))
    found = diagnosed(outcome(), folder / "log.txt", plan, lock, pytest.fail)
    assert found is not None
    return found


def tomls(cause: Cause) -> list[str]:
    return ["; ".join(mend.lines) for mend in cause.mends]


@pytest.mark.parametrize(
    ("line", "python", "toml"),
    [
        (
            "AttributeError: module 'numpy' has no attribute 'float'.", "3.11",
            ['python.requirements = ["numpy<1.24"]'],
        ),
        (
            "AttributeError: module 'numpy' has no attribute 'float'.", "3.13",
            ['python.requirements = ["numpy<1.24"]; python.version = "<3.12"'],
        ),
        (
            "AttributeError: `np.Inf` was removed in the NumPy 2.0 release. Use `np.inf` instead.",
            "3.11", ['python.requirements = ["numpy<2"]'],
        ),
        (
            "ImportError: cannot import name 'joblib' from 'sklearn.externals' (/x/__init__.py)",
            "3.11", ['python.requirements = ["scikit-learn<0.23"]; python.version = "<3.9"'],
        ),
        (
            "ModuleNotFoundError: No module named 'sklearn.externals.joblib'", "3.8",
            ['python.requirements = ["scikit-learn<0.23"]'],
        ),
        (
            "ImportError: cannot import name 'comb' from 'scipy.misc' (/x/__init__.py)", "3.11",
            ['python.requirements = ["scipy<1.3"]; python.version = "<3.8"'],
        ),
        (
            "AttributeError: 'DataFrame' object has no attribute 'append'", "3.11",
            ['python.requirements = ["pandas<2"]'],
        ),
        (
            "TypeError: load() missing 1 required positional argument: 'Loader'", "3.9",
            ['python.requirements = ["pyyaml<6"]'],
        ),
        (
            "ImportError: cannot import name 'Mapping' from 'collections' (/usr/lib/x.py)", "3.11",
            ['python.version = "<3.10"'],
        ),
        (
            "AttributeError: module 'collections' has no attribute 'Callable'", "3.11",
            ['python.version = "<3.10"'],
        ),
        ("AttributeError: 'dict' object has no attribute 'has_key'", "3.11",
         ['python.version = "2.7"']),
        ("NameError: name 'raw_input' is not defined", "3.11", ['python.version = "2.7"']),
        ("ModuleNotFoundError: No module named 'tomllib'", "3.9", ['python.version = ">=3.11"']),
        ("ModuleNotFoundError: No module named 'tkinter'", "3.11",
         ['system.packages = ["python3-tk"]']),
        ("ImportError: Missing optional dependency 'openpyxl'.  Use pip or conda", "3.11",
         ['python.requirements = ["openpyxl"]']),
        ("Messages._error: Unable to find python-config. Make sure you have it", "3.11",
         ['system.packages = ["python3-dev"]']),
        ("ImportError: Cython is not available", "3.11", ['python.requirements = ["cython"]']),
        ("ValueError: Install lxml, or give another parser", "3.11",
         ['python.requirements = ["lxml"]']),
        ("ModuleNotFoundError: No module named 'google.colab'", "3.11", []),
        ("ModuleNotFoundError: No module named 'sqlite3.no'", "3.11", []),
        ("ModuleNotFoundError: No module named 'numpy.no'", "3.11", []),
        ("UnicodeDecodeError: 'utf-8' codec can't decode byte 0xe9 in position 3", "3.11", []),
        (">>> nltk.download('punkt')", "3.11", []),
        ("  >>> nltk.download('punkt')", "3.11", []),
        ("OSError: [E050] Can't find model 'en_core_web_sm'. It doesn't", "3.11", []),
        ("sh: 1: dot: not found", "3.11", ['system.packages = ["graphviz"]']),
        ("sh: 1: sudo: not found", "3.11", []),
        ("bash: line 3: bedtools: command not found", "3.11", ['system.packages = ["bedtools"]']),
        ("libGL.so.1: cannot open shared object file: No such file", "3.11",
         ['system.packages = ["libgl1"]']),
        ("libodd.so.1: cannot open shared object file: No such file", "3.11", []),
        ("Error: there is no package called \u2018vegan\u2019", "3.11", ['r.packages = ["vegan"]']),
        ("Error: unexpected '>' in \"x |>\"", "3.11", ['r.version = ">=4.1"']),
        ('Error: unexpected input in "f <- \\"', "3.11", ['r.version = ">=4.1"']),
        ("Error: pandoc version 1.12.3 or higher is required and was not found", "3.11",
         ['system.packages = ["pandoc"]']),
        (
            "java.lang.UnsupportedClassVersionError: A (class file version 61.0), this version "
            "only recognizes class file versions up to 55.0", "3.11", ['java.version = ">=17"'],
        ),
        ("Caused by: java.lang.NoClassDefFoundError: javax/xml/bind/JAXBException", "3.11",
         ['java.version = "8"']),
        ("java.awt.HeadlessException: No X11 DISPLAY", "3.11", ["run.display = true"]),
    ],
)  # fmt: skip
def test_a_line_comes_to_settings(tmp_path: Path, line: str, python: str, toml: list[str]) -> None:
    assert tomls(told(tmp_path, f"start\n{line}\n", lock_with(python))) == toml


@pytest.mark.parametrize(
    ("line", "python", "toml"),
    [
        ("match x:", "3.9", ['python.version = ">=3.10"']),
        ("if (n := 1):", "2.7", ['python.version = ">=3.8"']),
        ("print(f'{n}')", "2.7", ['python.version = ">=3.6"']),
        ("if (n := 1):", "3.11", []),
    ],
)
def test_the_line_that_python_refuses_tells_which_python(
    tmp_path: Path, line: str, python: str, toml: list[str]
) -> None:
    log = f'  File "/app/main.py", line 1\n    {line}\n     ^\nSyntaxError: invalid syntax\n'
    assert tomls(told(tmp_path, log, lock_with(python))) == toml


def test_a_notebook_s_traceback_is_read_as_well(tmp_path: Path) -> None:
    log = (
        "\x1b[0;36m  Cell \x1b[0;32mIn[1], line 2\x1b[0;36m\x1b[0m\n"
        "\x1b[0;31m    match x:\x1b[0m\n          ^\n"
        "\x1b[0;31mSyntaxError\x1b[0m\x1b[0;31m:\x1b[0m invalid syntax\n"
    )
    found = told(tmp_path, log, lock_with("3.9"))
    assert tomls(found) == ['python.version = ">=3.10"']
    assert found.evidence == ("SyntaxError: invalid syntax",)


def test_python_2_in_a_package_is_another_failure(tmp_path: Path) -> None:
    words = "SyntaxError: Missing parentheses in call to 'print'. Did you mean print(...)?"
    for file, found in (("/app/main.py", ["python-2-syntax"]), ("/opt/python/x.py", ["unknown"])):
        log = f'  File "{file}", line 1\n    print 1\n    ^\n{words}\n'
        assert [told(tmp_path, log, lock_with()).name] == found


def test_names_changed_with_trixie(tmp_path: Path) -> None:
    line = "ImportError: libglib-2.0.so.0: cannot open shared object file: No such file"
    old = ['system.packages = ["libglib2.0-0"]', 'system.packages = ["libglib2.0-0t64"]']
    assert tomls(told(tmp_path, line, lock_with())) == old
    assert tomls(told(tmp_path, line, lock_with("3.13", "trixie"))) == old[::-1]


def test_matplotlib_has_a_backend_before_it_has_a_screen(tmp_path: Path) -> None:
    log = "  plt.plot()  # matplotlib\n_tkinter.TclError: no display name and no $DISPLAY\n"
    assert tomls(told(tmp_path, log, lock_with())) == [
        'run.environment = { MPLBACKEND = "Agg" }',
        "run.display = true",
    ]


@pytest.mark.parametrize(
    ("before", "path", "toml"),
    [
        ("    plt.savefig('figures/a.png')", "figures/a.png", ['run.folders = ["figures"]']),
        ("    df.to_csv(name)", "/app/out/x/a.csv", ['run.folders = ["out/x"]']),
        ("    with open(name, 'w') as f:", "results/t/a", ['run.folders = ["results/t"]']),
        ("    pd.read_csv('input/a.csv')", "input/a.csv", []),
        ("    plt.savefig(name)", "../figures/a.png", []),
        ("    plt.savefig(name)", "/srv/figures/a.png", []),
    ],
)
def test_a_folder_is_made_where_the_code_writes(
    tmp_path: Path, before: str, path: str, toml: list[str]
) -> None:
    log = f"{before}\nFileNotFoundError: [Errno 2] No such file or directory: '{path}'\n"
    found = told(tmp_path, log, lock_with())
    assert (found.name, tomls(found)) == ("missing-folder", toml)


def test_a_folder_is_named_from_where_the_step_starts(tmp_path: Path) -> None:
    log = "x.to_csv(f)\nFileNotFoundError: [Errno 2] No such file or directory: '../out/a.csv'\n"
    (tmp_path / "log.txt").write_text(log)
    plan = planned(tmp_path / "project", {**BASIC, "code/a.py": ""})
    step = Step(argv=("python", "a.py"), folder="code")
    plan = replace(plan, entry=replace(MAIN, steps=(step,)))
    found = diagnosed(outcome(), tmp_path / "log.txt", plan, sample(), pytest.fail)
    assert found is not None and tomls(found) == ['run.folders = ["out"]']


@pytest.mark.parametrize(
    "line",
    [
        "OSError: [Errno 30] Read-only file system: 'data/out.csv'",
        "sh: 1: cannot create data/raw.txt: Read-only file system",
        "java.io.FileNotFoundException: data/x.txt (Read-only file system)",
        "  cannot open file 'data/out.csv': Read-only file system",
    ],
)
def test_data_that_the_program_writes_over_is_carried_by_the_image(
    tmp_path: Path, line: str
) -> None:
    found = told(tmp_path, line, lock_with())
    assert (found.name, tomls(found)) == ("read-only-data", ['data.mode = "bake"'])
    files = {"repro.toml": 'data.mode = "bake"\n'}
    assert tomls(told(tmp_path, line, lock_with(), files)) == []


def test_a_module_of_the_project_s_own_is_never_installed(tmp_path: Path) -> None:
    line = "ModuleNotFoundError: No module named 'numpy_utils'"
    found = told(tmp_path, line, lock_with(), {"lib/numpy_utils/__init__.py": ""})
    assert tomls(found) == ['run.environment = { PYTHONPATH = "/app/lib" }']
    options = RunOptions(environment=(("PYTHONPATH", "/app/x:/app/lib"),))
    plan = replace(planned(tmp_path / "project", {}), options=options)
    again = diagnosed(outcome(), tmp_path / "log.txt", plan, lock_with(), pytest.fail)
    assert again is not None and again.name == "own-module" and not again.mends


@pytest.mark.parametrize(
    ("text", "cause", "toml"),
    [
        (
            "foo 1.0 has no wheel for this Python and cannot be built from source: it fails",
            "no-wheel", ['python.version = "<3.10"', 'python.version = "<3.8"'],
        ),
        (
            "packages cannot be resolved as of 2024-01-01: Because the requested Python version "
            "(>=3.9) does not satisfy Python>=3.10 and networkx==3.4.2 depends on Python>=3.10, "
            "that fails", "other-python-wanted", ['python.version = ">=3.10"'],
        ),
        (
            "foo 1.0 has no wheel for this Python and cannot be built from source: x\nerror in "
            "foo setup command: use_2to3 is invalid.", "old-setup",
            ['python.build_requirements = ["setuptools<58"]', 'python.version = "<3.10"',
             'python.version = "<3.8"'],
        ),
        ("ModuleNotFoundError: No module named 'Cython'", "missing-build-module",
         ['python.build_requirements = ["cython"]']),
        ("ModuleNotFoundError: No module named 'imp'", None, []),
        ("src/a.c:3:10: fatal error: snappy-c.h: No such file or directory", "missing-header",
         ['system.packages = ["libsnappy-dev"]']),
        ("a.c:3: fatal error: gsl/gsl_rng.h: No such file or directory", "missing-header",
         ['system.packages = ["libgsl-dev"]']),
        ("/usr/bin/ld: cannot find -llapack: No such file", "missing-linked-library",
         ['system.packages = ["liblapack-dev"]']),
        ("Error: pg_config executable not found.", "missing-build-program",
         ['system.packages = ["libpq-dev"]']),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'cmake'",
         "missing-build-program", ['system.packages = ["cmake"]']),
        ("[ERROR] Source option 6 is no longer supported. Use 7 or later.", "java-level",
         ['java.version = "<=11"']),
        ("error: invalid source release: 21", "java-level", ['java.version = ">=21"']),
        ("error: reference to Record is ambiguous", "java-name-taken",
         ['java.version = ">=9,<14"', 'java.version = "<14"']),
        ("error: reference to Module is ambiguous", "java-name-taken", ['java.version = "<9"']),
        ("error: package javax.xml.bind does not exist", "java-part-removed",
         ['java.version = "8"']),
        ("there is no such package", None, []),
    ],
)  # fmt: skip
def test_an_error_comes_to_settings(
    tmp_path: Path, text: str, cause: str | None, toml: list[str]
) -> None:
    plan = planned(tmp_path, {**BASIC, "pom.xml": ""})
    found = diagnosed_error(InputUnavailable(text), "lock", plan, None, pytest.fail)
    assert (None if found is None else found.name) == cause
    if found is not None:
        assert found.phase == "lock" and tomls(found) == toml


@pytest.mark.parametrize(
    ("suite", "asked", "lacking", "toml"),
    [
        # kableExtra is in trixie alone; sf in all.
        ("bookworm", ["kableExtra"], "lacks it", ['r.version = "==4.5.*"']),
        ("trixie", ["rgeos", "gstat"], "lacks it", ['r.version = "==4.2.*"']),
        ("bullseye", ["kableExtra", "here", "skimr"], "lacks it", ['r.version = "==4.5.*"']),
        ("bullseye", ["sf"], "has 0.9-7", ['r.version = "==4.2.*"']),
        ("trixie", ["sf"], "has 1.0-19", []),
        ("bookworm", ["nosuchpackage"], "lacks it", []),
        ("rocker/r-ver:4.5.1", ["kableExtra"], "lacks it", []),
    ],
)
def test_packages_come_with_the_r_of_the_suite_that_has_most(
    tmp_path: Path, suite: str, asked: list[str], lacking: str, toml: list[str]
) -> None:
    code = "".join(f"library({name})\n" for name in asked)
    plan = prepare(write(tmp_path, {"fit.R": code}).root, Wishes()).plan
    others = f" (nor can {', '.join(asked[1:])})" if len(asked) > 1 else ""
    text = (
        f"the R package {asked[0]} (library({asked[0]})) cannot be had: the distribution of "
        f"{suite} {lacking}{others}, and no CRAN mirror answers: x"
    )
    found = diagnosed_error(InputUnavailable(text), "lock", plan, None, pytest.fail)
    assert found is None if "/" in suite else found is not None
    assert found is None or (found.name, tomls(found)) == ("r-package-unavailable", toml)


def test_a_package_that_cannot_be_had_is_not_tried_again(tmp_path: Path) -> None:
    line = "Error in library(mapview) : there is no package called \u2018mapview\u2019"
    assert tomls(told(tmp_path, line, lock_with())) == ['r.packages = ["mapview"]']
    settings: dict[str, JSON] = {"left_out": ["mapview"]}
    without = (LockedEcosystem(ecosystem="r", settings=settings),)
    found = told(tmp_path, line, replace(lock_with(), ecosystems=without))
    assert (found.name, tomls(found)) == ("r-package-left-out", [])
    assert "cannot be had" in found.text


@pytest.mark.parametrize(
    ("file", "package"),
    [
        ("elsarticle.cls", "texlive-publishers"),
        ("siunitx.sty", "texlive-science"),
        ("type1ec.sty", "cm-super"),
        ("titlesec.sty", "texlive-latex-extra"),
    ],
)
def test_what_latex_lacks_is_in_a_package(tmp_path: Path, file: str, package: str) -> None:
    found = told(tmp_path, f"! LaTeX Error: File `{file}' not found.", lock_with())
    assert (found.name, tomls(found)) == (
        "missing-latex-file",
        [f'system.packages = ["{package}"]'],
    )
    files = {"repro.toml": f'system.packages = ["{package}"]\n'}
    line = f"! LaTeX Error: File `{file}' not found."
    assert tomls(told(tmp_path, line, lock_with(), files)) == []


@pytest.mark.parametrize(
    ("said", "toml"),
    [
        ("wget: unable to resolve host address", ["binder.post_build = false"]),
        (
            "/bin/sh: 1: gfortran: not found",
            ['system.packages = ["gfortran"]', "binder.post_build = false"],
        ),
    ],
)
def test_what_post_build_misses_is_installed_before_it_is_left_out(
    tmp_path: Path, said: str, toml: list[str]
) -> None:
    step = "RUN export HOME=/home/repro && chmod +x /app/binder/postBuild && /app/binder/postBuild"
    error = BuildFailed(f"the image could not be built: {step}", next=said)
    found = diagnosed_error(error, "build", planned(tmp_path, BASIC), None, pytest.fail)
    assert found is not None and tomls(found) == toml


def test_another_step_that_fails_is_no_failure_of_post_build(tmp_path: Path) -> None:
    other = "the image could not be built: RUN cat postBuild"
    error = BuildFailed(other, next="#9 RUN chmod +x /app/postBuild && x")
    assert diagnosed_error(error, "build", planned(tmp_path, BASIC), None, pytest.fail) is None
