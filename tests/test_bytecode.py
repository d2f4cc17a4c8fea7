"""Byte-code that is the same in every build."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reprokit import bytecode, bytecode_compiler

_SOURCES = {
    "one/__init__.py": "",
    "one/names.py": "A = 'spam' in {'spam', 'eggs'}\ndef f(spam, eggs=None): return spam\n",
    "one/more.py": "from one.names import f\nB = {'ham': f('spam'), 'eggs': ('spam', 'a b')}\n",
    "two/names.py": "def g(x): return x in ('ham', 'eggs') or x in {'ham', 'eggs', 'a b'}\n",
    "two/template.py": "def {{ name }}():\n    pass\n",
    "two/bytes.py": "x = '\udc80'\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "lib"
    for name, text in _SOURCES.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(text, encoding="utf-8", errors="surrogateescape")
    return made


def compiled(folder: Path, *options: str) -> dict[str, bytes]:
    """The byte-code below a folder after it was compiled as in a build."""
    (_, *words) = bytecode.compile_command("python3", str(folder), again="--again" in options)
    script = Path(bytecode_compiler.__file__)
    words = [str(script) if word.endswith(script.name) else word for word in words]
    done = subprocess.run(
        [sys.executable, *words],
        env={**os.environ, **dict(bytecode.ENVIRONMENT)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    found = sorted(folder.rglob("*.pyc"))
    return {f"{p.parents[1].name}/{p.name.split('.')[0]}": p.read_bytes() for p in found}


def test_what_is_python_gets_byte_code_without_a_time(folder: Path) -> None:
    found = compiled(folder)
    assert sorted(found) == ["one/__init__", "one/more", "one/names", "two/names"]
    # PEP 552: bit 0 says that a hash follows, bit 1 that it is looked at at each start.
    assert {data[4:8] for data in found.values()} == {b"\x01\0\0\0"}


def test_it_does_not_depend_on_what_else_is_compiled(folder: Path) -> None:
    first = compiled(folder)
    for path in folder.rglob("__pycache__"):
        shutil.rmtree(path)
    shutil.rmtree(folder / "two")
    (folder / "three").mkdir()
    (folder / "three" / "names.py").write_text("spam = eggs = 'ham', 'spam', 'a b'\n" * 50)
    second = compiled(folder)
    assert {k: v for k, v in second.items() if k.startswith("one/")} == {
        k: v for k, v in first.items() if k.startswith("one/")
    }


def test_what_is_there_stays_and_again_makes_only_that_anew(folder: Path) -> None:
    first = compiled(folder)
    (pyc,) = folder.glob("one/__pycache__/more.*")
    pyc.write_bytes(b"of another process")
    (folder / "one" / "new.py").write_text("C = 1\n")
    again = compiled(folder, "--again")
    assert again == first
    pyc.write_bytes(b"of another process")
    rest = compiled(folder)
    assert rest["one/more"] == b"of another process" and "one/new" in rest


def test_a_disk_that_is_full_fails_the_build(folder: Path) -> None:
    (folder / "one" / "__pycache__").write_text("in the way")
    done = subprocess.run(
        [sys.executable, bytecode_compiler.__file__, str(folder)], capture_output=True, text=True
    )
    assert done.returncode == 1 and "__pycache__" in done.stderr


@pytest.mark.parametrize(
    ("source", "unordered"),
    [
        ("x in {'a', 'b', 1, 2.5, b'c', True}", False),
        ("x in {'a', None}", True),
        ("x in {('a', 1), ('b', 2)}", False),
        ("x in {('a', None), ('b', 2)}", True),
        ("x in {..., 1}", True),
        ("def f(x):\n  def g(): return x in {None, 1}\n  return g", True),
        ("x in ('a', None)", False),
    ],
)
def test_sets_whose_order_old_pythons_leave_to_chance_are_told(
    source: str, unordered: bool
) -> None:
    code = compile(source, "x.py", "exec")
    assert bytecode_compiler._has_unordered_set(code) is unordered
