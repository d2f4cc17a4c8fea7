"""repro.toml: values, defaults, and errors that name the line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reprokit.configuration import Configuration, load
from reprokit.configuration_keys import KEYS
from reprokit.errors import BadRequest
from reprokit.model import RunOptions, Step
from reprokit.tolerance import CompareOptions, FileRule, Tolerance

FULL = """\
name = "food"
date = 2024-03-01
base = "bookworm"
dockerfile = "generate"

[[steps]]
command = "java -jar 'a b.jar'"
[[steps]]
command = ["Rscript", "plot.R"]
folder = "analysis/"

[python]
version = "3.11"
requirements = [
  "numpy>=1.26",   # [not a table]
  "pandas[excel]",
]
build_requirements = ["setuptools<58"]

[r]
version = ">=4.2"
packages = ["dplyr", "nlme (>= 3.1)", "ggplot2@3.4.0"]
defaults = "3.5"
desktop = false

[java]
version = "1.8"
build = "ant"
main_class = "org.example.Main"

[system]
packages = ["libgsl-dev"]

[binder]
post_build = false

[data]
paths = ["corpus", "!corpus/notes"]
mode = "bake"
unpack = ["*.nq.gz"]
unpack_limit = "2g"

[run]
network = true
read_only = true
memory = "1.5g"
cpus = 2
pids = 100
shared_memory = "64m"
timeout = "2h"
environment = { B = "2", A = "1" }
folders = ["figures", "results/tables/"]
display = true
results = "out"

[cite.values]
rmse = "results/metrics.json:rmse"

[exclude]
paths = ["old"]

[compare]
relative = 1e-3
absolute = 0
ignore = ["*.log"]
[[compare.files]]
paths = ["*.csv", "!raw.csv"]
relative = 0.1
absolute = 1e-9
ignore = ["seconds"]
"""


def write(folder: Path, text: str, name: str = "repro.toml") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def failure(folder: Path, text: str, name: str = "repro.toml") -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        load(write(folder, text, name))
    return caught.value


def test_nothing_configured(tmp_path: Path) -> None:
    assert load(tmp_path) == Configuration()


def test_every_key(tmp_path: Path) -> None:
    found = load(write(tmp_path, FULL))
    assert found.name == "food"
    assert found.date == "2024-03-01"
    assert (found.base, found.dockerfile) == ("bookworm", "generate")
    assert found.steps == (
        Step(argv=("java", "-jar", "a b.jar")),
        Step(argv=("Rscript", "plot.R"), folder="analysis"),
    )
    assert found.python_version == "==3.11.*"
    assert found.python_requirements == ("numpy>=1.26", "pandas[excel]")
    assert found.r_version == ">=4.2"
    assert found.r_packages == ("dplyr", "nlme (>= 3.1)", "ggplot2@3.4.0")
    assert (found.r_defaults, found.r_desktop) == ("3.5", False)
    assert (found.java_version, found.java_build) == ("==8", "ant")
    assert found.java_main_class == "org.example.Main"
    assert found.system_packages == ("libgsl-dev",)
    assert found.data_paths == ("corpus", "!corpus/notes")
    assert (found.data_mode, found.data_unpack) == ("bake", ("*.nq.gz",))
    assert found.data_unpack_limit == 2 * 1024**3
    assert found.options == RunOptions(
        network=True,
        read_only=True,
        memory=1536 * 1024**2,
        cpus=2.0,
        pids=100,
        shared_memory=64 * 1024**2,
        timeout=7200.0,
        environment=(("A", "1"), ("B", "2")),
        folders=("figures", "results/tables"),
        display=True,
    )
    assert found.python_build_requirements == ("setuptools<58",)
    assert not found.binder_post_build
    assert found.results == "out"
    assert found.exclude == ("old",)
    assert found.cite_values == (("rmse", "results/metrics.json:rmse"),)
    table = ("*.csv", "!raw.csv")
    rule = FileRule(
        paths=table, tolerance=Tolerance(relative=0.1, absolute=1e-9), ignore=("seconds",)
    )
    assert found.compare == CompareOptions(
        tolerance=Tolerance(relative=1e-3, absolute=0), ignore=("*.log",), files=(rule,)
    )
    assert found.compare.of("a/b.csv") == (rule.tolerance, ("seconds",))
    assert found.compare.of("raw.csv") == (found.compare.tolerance, ())
    assert found.compare.ignores("a/b.log") and not found.compare.ignores("a/log")


def test_every_key_has_its_line(tmp_path: Path) -> None:
    found = load(write(tmp_path, FULL))
    lines = FULL.splitlines()
    for key in KEYS:
        line = found.line(key)
        if key == "command":
            assert line is None
        elif key == "steps":
            assert line == 6
        elif key == "cite.values":
            assert line is not None and lines[line - 1] == "[cite.values]"
        elif key == "compare.files":
            assert line is not None and lines[line - 1] == "[[compare.files]]"
        else:
            assert line is not None
            assert lines[line - 1].startswith(f"{key.rpartition('.')[2]} =")


def test_the_table_of_pyproject(tmp_path: Path) -> None:
    text = (
        '[project]\nname = "x"\n[tool.reprokit.run]\nmemory = "1g"\n[tool.reprokit]\nbase = "a"\n'
    )
    found = load(write(tmp_path, text, "pyproject.toml"))
    assert found.options.memory == 1024**3
    assert found.where("run.memory") == "pyproject.toml:4"
    assert found.where("base") == "pyproject.toml:6"


def test_a_pyproject_without_our_table(tmp_path: Path) -> None:
    assert load(write(tmp_path, '[project]\nname = "x"\n', "pyproject.toml")) == Configuration()


def test_two_places_configure(tmp_path: Path) -> None:
    write(tmp_path, '[tool.reprokit]\nbase = "a"\n', "pyproject.toml")
    assert "both repro.toml and [tool.reprokit]" in failure(tmp_path, 'base = "b"\n').what


@pytest.mark.parametrize(
    ("text", "where", "hint"),
    [
        ('\nnmae = "x"\n', "repro.toml:2", "did you mean name?"),
        ('[run]\nmemry = "4g"\n', "repro.toml:2", "did you mean run.memory?"),
        ('[pyhton]\nversion = "3"\n', "repro.toml:1", "did you mean python?"),
        ('memory = "4g"\n', "repro.toml:1", "did you mean run.memory?"),
        ("[java]\nzzz = 1\n", "repro.toml:2", "known here: version, build, main_class"),
        ("[run]\nxx.yy = 1\n", "repro.toml:2", "known here"),
    ],
)
def test_an_unknown_key(tmp_path: Path, text: str, where: str, hint: str) -> None:
    error = failure(tmp_path, text)
    assert error.where == where
    assert error.next is not None
    assert hint in error.next


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ('date = "2024-13-01"', "repro.toml:1", "must be a day"),
        ('date = "1.3.2024"', "repro.toml:1", "must be a day"),
        ("date = 2024-01-01T00:00:00Z", "repro.toml:1", "must be a day"),
        ('name = "Größe"', "repro.toml:1", "lower-case letters"),
        ('base = "a b"', "repro.toml:1", "must be a base"),
        ('command = "a && b"', "repro.toml:1", "shell operator"),
        ('command = "a \'b"', "repro.toml:1", "not a command"),
        ("command = []", "repro.toml:1", "list of texts"),
        ('command = ["", "x"]', "repro.toml:1", "begin with a program"),
        ('command = "a\\u0000b"', "repro.toml:1", "NUL"),
        ('[[steps]]\ncommand = "a"\n[[steps]]\nfolder = "x"', "repro.toml:1", 'need a "command"'),
        ('[[steps]]\ncommand = "a"\nfolder = "../x"', "repro.toml:1", "inside the project"),
        ('[[steps]]\ncommand = "a"\nfodler = "x"', "repro.toml:1", '"fodler"'),
        ("steps = 3", "repro.toml:1", "[[steps]]"),
        ("run = 3", "repro.toml:1", "must be a table"),
        ('[run]\nnetwork = "yes"', "repro.toml:2", "true or false"),
        ('[run]\nmemory = "4 potatoes"', "repro.toml:2", "must be a size"),
        ("[run]\nmemory = -1", "repro.toml:2", "more than 0"),
        ("[run]\ncpus = true", "repro.toml:2", "must be a number"),
        ("[run]\ncpus = inf", "repro.toml:2", "more than 0"),
        ("[run]\npids = 1.5", "repro.toml:2", "whole number"),
        ('[run]\ntimeout = "soon"', "repro.toml:2", "must be a duration"),
        ('[run]\nenvironment = {"A-B" = "1"}', "repro.toml:2", "environment variable"),
        ("[run]\nenvironment = {A = 1}", "repro.toml:2", "must give A a text"),
        ('[run]\nresults = "."', "repro.toml:2", "a folder of its own"),
        ('[run]\nresults = "/etc"', "repro.toml:2", "inside the project"),
        ('[python]\nversion = "new"', "repro.toml:2", "must be a version"),
        ('[python]\nrequirements = ["a b"]', "repro.toml:2", "not a requirement"),
        ('[r]\npackages = ["x; y"]', "repro.toml:2", "'x; y'"),
        ('[system]\npackages = ["x\\n"]', "repro.toml:2", "Debian package"),
        ('[java]\nbuild = "gradle"', "repro.toml:2", '"maven", "ant"'),
        ('[java]\nmain_class = "a b"', "repro.toml:2", "Java class"),
        ('[data]\nmode = "copy"', "repro.toml:2", '"mount", "bake"'),
        ('[data]\npaths = ["C:\\\\x"]', "repro.toml:2", 'with "/"'),
        ('[data]\npaths = ["C:/x"]', "repro.toml:2", "inside the project"),
        ("[data]\nunpack = 3", "repro.toml:2", "list of patterns"),
        ("[compare]\nrelative = 1", "repro.toml:2", "compare.relative is given alone"),
        ("[compare]\nabsolute = 1", "repro.toml:2", "compare.absolute is given alone"),
        ("[compare]\nrelative = -1\nabsolute = 0", "repro.toml:2", "must be 0 or more"),
        ("[compare]\nrelative = inf\nabsolute = 0", "repro.toml:2", "must be 0 or more"),
        ("[compare]\nabsolute = true", "repro.toml:2", "must be a number"),
        ("[compare]\nfiles = 3", "repro.toml:2", "[[compare.files]] tables"),
        ('[[compare.files]]\nignore = ["x"]', "repro.toml:1", 'need "paths"'),
        ('[[compare.files]]\npaths = ["a"]\nrelative = 1', "repro.toml:1", "need both relative"),
        ('[[compare.files]]\npaths = ["a"]\nrtol = 1', "repro.toml:1", "not 'rtol'"),
        ('[[compare.files]]\npaths = ["../a"]', "repro.toml:1", "inside the project"),
        ('[exclude]\npaths = "x"', "repro.toml:2", "list of texts"),
        ('text = """\n[run]\nmemory = 1\n"""', "repro.toml:1", "unknown key 'text'"),
        ('[data]\npaths = [\n"a",\n]\nmode = 1', "repro.toml:5", "data.mode"),
        ("a = 1\nb = [\n", "repro.toml:2", "not valid TOML"),
        ("a = 1\na = 2\n", "repro.toml:2", "not valid TOML"),
    ],
)
def test_a_wrong_value(tmp_path: Path, text: str, where: str, what: str) -> None:
    error = failure(tmp_path, text)
    assert what in error.what
    place, line = str(error.where).split(":")
    wanted = int(where.split(":")[1])
    # tomllib names the line it had reached when it understood that something was missing.
    assert place == "repro.toml"
    assert int(line) in ((wanted, wanted + 1) if "TOML" in what else (wanted,))
    assert error.exit_code == 2


def test_command_and_steps(tmp_path: Path) -> None:
    error = failure(tmp_path, 'command = "a"\n[[steps]]\ncommand = "b"\n')
    assert error.where == "repro.toml:2"


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "repro.toml").write_bytes(b'name = "x"\nbase = "\xff"\n')
    with pytest.raises(BadRequest) as caught:
        load(tmp_path)
    assert caught.value.where == "repro.toml:2"


def test_deeply_nested_text_is_an_error_not_a_traceback(tmp_path: Path) -> None:
    assert "not valid TOML" in failure(tmp_path, "a = " + "[" * 100_000).what


def test_the_page_about_configuration_names_every_key() -> None:
    page = (Path(__file__).parents[1] / "docs" / "configuration.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([a-z_.]+)` \|", page, re.MULTILINE))
    assert documented == set(KEYS)
