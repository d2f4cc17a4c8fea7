"""Limits that whoever reruns something sets: the smaller one counts."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from reprokit.errors import BadRequest
from reprokit.model import Plan
from reprokit.pipeline.job import Wishes, prepare
from reprokit.rerunning import limits
from reprokit.rerunning.limits import Limits
from tests.projects import write


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    write(tmp_path, {"main.py": "print(1)\n"})
    return prepare(tmp_path, Wishes()).plan


def test_without_limits_a_plan_stays_as_it_is(plan: Plan) -> None:
    assert Limits().within(plan) == plan


def test_the_smaller_limit_counts(plan: Plan) -> None:
    own = replace(plan, options=replace(plan.options, memory=1000, timeout=50.0))
    assert Limits(memory=10, timeout=5.0).within(own).options.memory == 10
    assert Limits(memory=10, timeout=5.0).within(own).options.timeout == 5.0
    assert Limits(memory=2000, timeout=99.0).within(own).options == own.options
    assert Limits(memory=10).within(plan).options.memory == 10


def test_a_moment_leaves_what_is_left_until_then(plan: Plan) -> None:
    now = time.monotonic()
    left = Limits(until=now + 100, timeout=500.0).within(plan).options.timeout
    assert left is not None and 90 < left <= 100
    # An engine takes no limit of nothing.
    assert Limits(until=now - 100).within(plan).options.timeout == 1.0


def test_given_on_a_command_line() -> None:
    assert limits.given("4g", 10) == Limits(memory=4 * 1024**3, timeout=10.0)
    assert limits.given(None, None) == Limits()
    for memory, timeout, option in (("much", None, "--memory"), (None, -1.0, "--timeout")):
        with pytest.raises(BadRequest, match=f"^{option} must be"):
            limits.given(memory, timeout)
