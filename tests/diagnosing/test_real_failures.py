"""Tiny projects that fail on a real engine: the error, the record and `show` say why."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped,unused-ignore]

from reprokit import verbs
from reprokit.schemas import schema

pytestmark = pytest.mark.engine

CASES = {
    "missing-module": ("import importlib; importlib.import_module('tabulate')", "`tabulate`"),
    "python-2-module": ("__import__('urllib2')", "2.7"),
    "newer-python": ("__import__('asynchat_' [:-1]); __import__('parser')", "<3.10"),
    "network": ("import urllib.request as u; u.urlopen('http://data.example/x.csv')", "--network"),
    "missing-folder": ("open('figures/a.txt', 'w')", "figures"),
    "missing-file": ("open('nothing.csv')", "nothing.csv"),
    "authors-path": ("open('/home/anna/study/x.csv')", "/home/anna"),
    "read-only-data": ("open('data/out.csv', 'w')", "results/"),
    "missing-program": ("import subprocess; subprocess.run(['dot', '-V'])", "graphviz"),
    "missing-library": ("import ctypes; ctypes.CDLL('libGL.so.1')", "libgl1"),
    "encoding": ("open('data/latin.txt', encoding='utf-8').read()", "utf-8"),
    "nltk-data": (r"raise LookupError('\n  >>> nltk.download(\'punkt\')\n')", "NLTK_DATA"),
    "spacy-model": (
        "raise OSError('[E050] Can\\'t find model \\'en_core_web_sm\\'. It is not there')",
        "en_core_web_sm",
    ),
    "unknown": ("raise SystemExit('the ice is thin')", ""),
}
PROGRAM = """\
import sys
cases = {cases!r}
exec(cases[sys.argv[1]])
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("failures") / "study"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "latin.txt").write_bytes(b"caf\xe9\n")
    (folder / "repro.toml").write_text('base = "bookworm"\n', encoding="utf-8")
    program = PROGRAM.format(cases={name: code for name, (code, _) in CASES.items()})
    (folder / "main.py").write_text(program, encoding="utf-8")
    return folder


@pytest.mark.parametrize("cause", CASES)
def test_a_real_failure_is_told_by_its_cause(project: Path, cause: str) -> None:
    result = verbs.run(project, command=["python", "main.py", cause])
    Draft202012Validator(schema("record-1")).validate(result.record)
    failure = result.record["failure"]
    assert isinstance(failure, dict)
    assert (failure["phase"], failure["cause"]) == ("run", cause)
    assert failure["evidence"]
    told = f"{result.failure}"
    assert CASES[cause][1] in told
    assert f"{failure['text']}" in verbs.show(result.record["run"]).text()  # type: ignore[arg-type]
