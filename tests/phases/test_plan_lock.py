"""What makes a lock stale, and what leaves it current."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from reprokit.configuration import load
from reprokit.model import (
    DateChoice,
    Lock,
    Plan,
)
from reprokit.phases.plan import Given, inputs_digest, plan, why_stale
from reprokit.project import Project
from tests.phases.planned import (
    BASIC,
    planned,
    reason,
)


@pytest.mark.parametrize(
    "change",
    [
        {"main.py": "changed"},
        {"data/y": ""},
        {"README.md": "```\npython main.py --fast\n```"},
        {"repro.toml": 'command = "python main.py 2"'},
        {"repro.toml": "[run]\nnetwork = true"},
        {"repro.toml": '[exclude]\npaths = ["x"]'},
    ],
)
def test_what_leaves_a_lock_current(tmp_path: Path, change: dict[str, str]) -> None:
    before = inputs_digest(planned(tmp_path, BASIC, commit_day="2024-01-01"))
    after = inputs_digest(planned(tmp_path, BASIC | change, commit_day="2024-02-02"))
    assert before == after


@pytest.mark.parametrize(
    "change",
    [
        {"a.ipynb": ""},
        {"repro.toml": '[python]\nversion = "3.11"'},
        {"repro.toml": '[python]\nrequirements = ["x"]'},
        {"repro.toml": '[system]\npackages = ["liby"]'},
        {"repro.toml": 'base = "debian"'},
        {"repro.toml": "date = 2024-01-01"},
        {"Makefile": "all:\n\techo\n"},
        {"Dockerfile": "FROM a\n"},
    ],
)
def test_what_makes_a_lock_stale(tmp_path: Path, change: dict[str, str]) -> None:
    before = inputs_digest(planned(tmp_path, BASIC, locked_day="2024-01-01"))
    after = inputs_digest(planned(tmp_path, BASIC | change, locked_day="2024-01-01"))
    assert before != after


def test_reasons_do_not_make_a_lock_stale(tmp_path: Path) -> None:
    made = planned(tmp_path, BASIC)
    elsewhere = tuple(
        replace(
            d,
            requirements=tuple(replace(r, reason=reason("x", 99)) for r in d.requirements),
            notes=(),
        )
        for d in made.detections
    )
    assert inputs_digest(made) == inputs_digest(replace(made, detections=elsewhere))


class FakeLock:
    """As much of a lock as staleness looks at."""

    def __init__(self, of: Plan, day: str) -> None:
        self.inputs = inputs_digest(of)
        self.date = DateChoice(day=day, source="lock")


def test_a_given_date_asks_for_another_lock(tmp_path: Path) -> None:
    made = planned(tmp_path, BASIC, locked_day="2024-01-01")
    lock = cast(Lock, FakeLock(made, "2024-01-01"))
    assert why_stale(made, lock) is None
    same = planned(tmp_path, BASIC, given=Given(date="2024-01-01"))
    assert why_stale(same, lock) is None
    other = planned(tmp_path, BASIC, given=Given(date="2020-01-01"))
    assert why_stale(other, lock) == "it is of 2024-01-01, not of 2020-01-01"
    changed = planned(tmp_path, BASIC | {"a.ipynb": ""}, locked_day="2024-01-01")
    assert why_stale(changed, lock) == "what the project asks for has changed"


def test_what_a_run_wrote_changes_no_plan(tmp_path: Path) -> None:
    from reprokit.bases.debian import DebianFamily
    from reprokit.ecosystems.python import PythonEcosystem
    from reprokit.phases.self_description import document

    def planned() -> Plan:
        return plan(
            Project(tmp_path),
            [PythonEcosystem()],
            [DebianFamily()],
            load(tmp_path),
            commit_day=None,
            locked_day="2024-06-01",
        )

    notebook = {"cells": [], "metadata": {"language_info": {"name": "python", "version": "3.11"}}}
    text = json.dumps({**notebook, "nbformat": 4, "nbformat_minor": 5})
    (tmp_path / "zebra.ipynb").write_text(text)
    (tmp_path / "repro.toml").write_text('base = "bookworm"\n')
    first = planned()
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "zebra.ipynb").write_text(text)
    (tmp_path / "results" / "requirements.txt").write_text("numpy\n")
    second = planned()
    assert second.detections == first.detections
    assert (second.entry, document(second)) == (first.entry, document(first))
