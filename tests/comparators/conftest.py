"""Fixtures of the comparators' tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.comparators.compared import Written


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return Written(tmp_path)


@pytest.fixture
def benchmark_seconds() -> Callable[[Callable[[], object]], float]:
    """How many seconds of processor time something takes."""

    def measured(work: Callable[[], object]) -> float:
        start = time.process_time()
        work()
        return time.process_time() - start

    return measured
