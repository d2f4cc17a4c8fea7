"""What a rerun decides by itself, since nobody who knows can be asked: plain slips, the command."""

from __future__ import annotations

from pathlib import Path

import pytest

from reprokit.errors import BadRequest
from reprokit.model import Argv
from reprokit.pipeline.entry_choice import chosen_entry, unattended_entry
from reprokit.pipeline.job import Wishes, prepare
from tests.projects import write

README = """\
# A model

```bash
python fit.py --figure 1
```

and then

```bash
python fit.py --figure 2
python plot.py
```
"""


def commands(root: Path) -> tuple[list[Argv], tuple[str, ...]]:
    entry, notes = unattended_entry(prepare(root, Wishes(), lenient=True).plan)
    return [step.argv for step in entry.steps], notes


def test_commands_that_are_equally_likely_run_all_in_order(tmp_path: Path) -> None:
    write(tmp_path, {"README.md": README, "fit.py": "print(1)\n", "plot.py": "print(2)\n"})
    with pytest.raises(BadRequest, match="several ways"):
        chosen_entry(prepare(tmp_path, Wishes()).plan)
    found, notes = commands(tmp_path)
    assert found == [
        ("python", "fit.py", "--figure", "1"),
        ("python", "fit.py", "--figure", "2"),
        ("python", "plot.py"),
    ]
    assert len(notes) == 1 and "which of 3 commands" in notes[0]


def test_a_command_that_is_better_founded_runs_alone(tmp_path: Path) -> None:
    write(tmp_path, {"README.md": README, "fit.py": "", "plot.py": "", "run.sh": "python fit.py\n"})
    assert commands(tmp_path) == ([("bash", "run.sh")], ())


def test_nothing_to_run_stays_an_error(tmp_path: Path) -> None:
    write(tmp_path, {"requirements.txt": "numpy\n", "pkg/__init__.py": ""})
    with pytest.raises(BadRequest, match="nothing says how to run"):
        commands(tmp_path)


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("numpy=>1.19.1", "numpy>=1.19.1"),
        ("numpy = 1.19.1", "numpy==1.19.1"),
    ],
)
def test_a_plain_slip_is_read_as_it_was_meant_and_told(
    tmp_path: Path, line: str, read: str
) -> None:
    write(tmp_path, {"requirements.txt": f"six\n{line}\n", "main.py": "print(1)\n"})
    with pytest.raises(BadRequest, match="is not a requirement"):
        prepare(tmp_path, Wishes())
    (found,) = prepare(tmp_path, Wishes(), lenient=True).plan.detections
    assert [f"{r.name}{r.specifier}" for r in found.requirements] == ["six", read]
    (note,) = (note for note in found.notes if note.level == "warning")
    assert str(note.reason) == f"requirements.txt:2: {line!r} is read as {read}"


def test_what_has_no_plain_meaning_stays_an_error(tmp_path: Path) -> None:
    write(tmp_path, {"requirements.txt": "numpy pandas scipy\n", "main.py": "print(1)\n"})
    with pytest.raises(BadRequest, match="is not a requirement"):
        prepare(tmp_path, Wishes(), lenient=True)
