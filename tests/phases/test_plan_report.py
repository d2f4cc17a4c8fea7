"""How a plan is shown."""

from __future__ import annotations

import json
from pathlib import Path

from reprokit.phases.plan_report import PlanReport
from tests.phases.planned import (
    BASIC,
    planned,
)

REPORT = """\
project   food
date      2024-01-01  (of the last commit)
needs     python: requirements.txt
            numpy  (requirements.txt:1: says so)
runtimes  python >=3.9  (setup.cfg:4: says so)
base      official-2024-01-01 (official)  (it has all)
          else debian-2024-01-01 (debian)  (it has all)
packages  libx  (apt.txt:1: says so)
command   python main.py  (main.py:1: a script of that name is the main one)
data      1 file, mounted read-only
            data
code      2 files
left out  .env  (secret)
          data/  (data (mount))
looser    writable /app and /tmp inside the container
notes     a note
          warning: .env looks like a secret and stays out of every image  \
(.env: its name is one that secrets have)

FROM x
"""


def test_the_report_shows_everything_with_its_reason(tmp_path: Path) -> None:
    made = planned(tmp_path / "food", BASIC | {".env": ""}, commit_day="2024-01-01")
    assert PlanReport(plan=made, dockerfile="FROM x\n").text() == REPORT


def test_the_report_as_json(tmp_path: Path) -> None:
    made = planned(tmp_path / "food", BASIC | {"a.py": ""})
    found = json.loads(json.dumps(PlanReport(plan=made).json()))
    assert found["name"] == "food"
    assert found["ecosystems"][0]["requirements"][0] == {
        "name": "numpy",
        "specifier": "",
        "extras": [],
        "marker": None,
        "url": None,
        "reason": {"text": "says so", "file": "requirements.txt", "line": 1},
    }
    assert found["entry"]["steps"] == [{"command": ["python", "main.py"], "folder": "."}]
    assert found["data"]["mounts"] == [{"source": "data", "target": "data", "unpack": None}]
    assert found["dockerfile"] is None


def test_the_report_lists_the_choices(tmp_path: Path) -> None:
    made = planned(tmp_path, {"main.py": "", "run.py": "", "requirements.txt": ""})
    text = PlanReport(plan=made).text()
    assert "several commands are equally likely" in text
    assert "python main.py" in text
    assert "python run.py" in text


def test_hostile_names_do_not_reach_the_terminal(tmp_path: Path) -> None:
    made = planned(tmp_path, {"main.py": "", "\x1b[2Jx.env": "", "requirements.txt": ""})
    text = PlanReport(plan=made).text()
    assert "\x1b" not in text
    assert "\\x1b[2Jx.env" in text
