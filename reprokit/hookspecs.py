"""The whole extension API: who is there. What they do is in the Protocols named here.

Each hook receives `register`, a callable that takes one instance; its `name` must be unique.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import pluggy

from reprokit.bases.protocol import BaseFamily
from reprokit.ecosystems.protocol import Ecosystem
from reprokit.model import JSON, Outcome, Plan

if TYPE_CHECKING:
    from reprokit.comparators.protocol import Comparator
    from reprokit.diagnosing.protocol import Diagnosis

hookspec = pluggy.HookspecMarker("reprokit")
hookimpl = pluggy.HookimplMarker("reprokit")


@hookspec
def reprokit_ecosystems(register: Callable[[Ecosystem], None]) -> None:
    """Package managers."""


@hookspec
def reprokit_base_families(register: Callable[[BaseFamily], None]) -> None:
    """Sources of base images."""


@hookspec
def reprokit_comparators(register: Callable[[Comparator], None]) -> None:
    """What compares an expected result with an actual one."""


@hookspec
def reprokit_diagnoses(register: Callable[[Diagnosis], None]) -> None:
    """What tells from a failed run's log why it failed."""


@hookspec
def reprokit_system_needs(
    register: Callable[[Mapping[str, Mapping[str, list[str]]]], None],
) -> None:
    """Known needs: {"python": {"opencv-python": ["libgl1", "libglib2.0-0"]}, "r": {...}}."""


@hookspec
def reprokit_before_run(plan: Plan, run: str) -> None:
    """A run with this id is about to start its container. Observers only."""


@hookspec
def reprokit_after_run(record: Mapping[str, JSON], run: str, outcome: Outcome) -> None:
    """A run has ended and its record is written. Observers only."""
