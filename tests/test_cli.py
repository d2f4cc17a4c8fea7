"""The command line as programs see it: exit codes, one JSON document, no traceback."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped,unused-ignore]

from reprokit import arguments, dispatch, errors, verbs
from reprokit.arguments import build_parser
from reprokit.errors import BadRequest
from reprokit.schemas import schema
from reprokit.version import __version__

ROOT = Path(__file__).parent.parent


def reprokit(*words: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "reprokit", *words], capture_output=True, text=True, cwd=folder
    )


def test_version() -> None:
    done = reprokit("--version")
    assert (done.returncode, done.stdout) == (0, f"reprokit {__version__}\n")


def test_a_working_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    place = tmp_path / "gone"
    place.mkdir()
    words = (sys.executable, "-P", "-m", "reprokit", "rerun", "a.zip")
    script = 'rmdir "$PWD" && exec "$@"'
    done = subprocess.run(
        ["sh", "-c", script, "sh", *words], cwd=place, capture_output=True, text=True
    )
    assert done.returncode == errors.BadRequest.exit_code
    assert "does not exist any more" in done.stderr and "Traceback" not in done.stderr


def test_start_up_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['reprokit', '--version']\n"
        "from reprokit.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'cyclonedx', 'docker', 'requests', 'IPython', 'nbformat', 'yaml', 'packaging',"
        " 'pluggy', 'platformdirs', 'sqlite3', 'uv'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_plan_imports_only_what_the_project_needs(tmp_path: Path) -> None:
    """A warm run spends most of its time on imports: each of these costs it milliseconds."""
    (tmp_path / "requirements.txt").write_text("numpy==2.0\n")
    (tmp_path / "main.py").write_text("import numpy\n")
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from reprokit.pipeline import job, running\n"
        "job.prepare(Path(sys.argv[1]), job.Wishes())\n"
        "needless = {'configparser', 'docker', 'yaml', 'reprokit.apt_output',"
        " 'reprokit.ecosystems.conda.environment', 'reprokit.history.listing',"
        " 'reprokit.phases.fetch', 'reprokit.phases.lock', 'reprokit.system_packages'}\n"
        "print(sorted(needless & set(sys.modules)))"
    )
    argv = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_run_does_not_import_what_compares() -> None:
    code = (
        "import sys; from reprokit import registry;"
        "registry.ecosystems(); registry.families(); print(registry.installed());"
        "print([name for name in sys.modules if name.startswith('reprokit.comparators.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    named, imported = done.stdout.splitlines()
    assert "reprokit " in named and imported == "[]"


def test_start_up_is_fast() -> None:
    fastest = min(_timed() for _ in range(5))
    assert fastest < 0.15


def _timed() -> float:
    started = time.perf_counter()
    reprokit("--version")
    return time.perf_counter() - started


@pytest.mark.parametrize(
    "words",
    [
        ("frob",),
        ("run", "--frob"),
        ("runs", "--limit", "many"),
        ("plan", "/does/not/exist"),
        ("show", "no-such-run"),
        ("show", "no-such-run", "--sbom"),
        ("plan", "--date", "yesterday", str(ROOT / "examples" / "r-analysis")),
    ],
)
def test_a_bad_request_is_told_without_a_traceback(words: tuple[str, ...], tmp_path: Path) -> None:
    done = reprokit(*words, folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("reprokit: ")
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("rnu",), "did you mean `run`? see `reprokit --help`"),
        (("run", "--nocache"), "did you mean `--no-cache`? see `reprokit run --help`"),
        (("show", "last", "--jsn=1"), "did you mean `--json`? see `reprokit show --help`"),
        (("run", ".", "x"), "see `reprokit run --help`"),
    ],
)
def test_a_mistyped_verb_or_option_brings_the_nearest(words: tuple[str, ...], hint: str) -> None:
    with pytest.raises(BadRequest) as caught:
        build_parser().parse_args(words)
    assert caught.value.next == hint


def test_errors_are_documents_too(tmp_path: Path) -> None:
    (tmp_path / "repro.toml").write_text('name = "x"\n\n[run]\nmemry = "4g"\n')
    (tmp_path / "main.py").write_text("print(1)\n")
    done = reprokit("plan", str(tmp_path), "--json")
    document = json.loads(done.stdout)
    Draft202012Validator(schema("error-1")).validate(document)
    assert document["error"]["class"] == "BadRequest"
    assert document["error"]["exit_code"] == done.returncode == 2
    assert document["error"]["where"] == "repro.toml:4"
    assert "run.memory" in document["error"]["next"]


def test_plan_is_one_document_and_touches_nothing(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("numpy>=1.20\n")
    (tmp_path / "main.py").write_text("import numpy\n")
    before = sorted(p.name for p in tmp_path.rglob("*"))
    done = reprokit("plan", str(tmp_path), "--json")
    plan = json.loads(done.stdout)
    assert plan["ecosystems"][0]["requirements"][0]["name"] == "numpy"
    assert sorted(p.name for p in tmp_path.rglob("*")) == before


def test_no_engine_is_said_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("print(1)\n")
    done = subprocess.run(
        [sys.executable, "-m", "reprokit", "run", str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "REPROKIT_ENGINE": f"unix://{tmp_path}/none.sock"},
    )
    assert done.returncode == 5
    assert "correct or unset REPROKIT_ENGINE" in done.stderr
    assert not (tmp_path / "repro.lock").exists()


def test_every_exit_code_is_documented_and_unique() -> None:
    table = (ROOT / "docs" / "exit-codes.md").read_text()
    documented = dict(re.findall(r"^\| (\d+) \| (\w+) \|", table, re.MULTILINE))
    classes = {str(kind.exit_code): kind.__name__ for kind in errors.ReprokitError.__subclasses__()}
    assert documented == classes


def test_every_verb_is_a_function() -> None:
    parser = arguments.build_parser()
    choices = next(a.choices for a in parser._actions if a.dest == "verb")
    assert choices is not None
    assert all(callable(getattr(verbs, dispatch.function_name(verb))) for verb in choices)


def test_an_error_moves_no_cursor_and_turns_no_text() -> None:
    error = errors.BadRequest("has \x1b[2J", where="a\u202eb", next="one\nline")
    assert str(error) == "a\\u202eb: has \\x1b[2J\n  one\nline"
