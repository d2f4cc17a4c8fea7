"""Which mend is tried next."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reprokit.diagnosing.mend import Mend
from reprokit.diagnosing.protocol import Cause
from reprokit.model import Plan
from reprokit.rerunning.mending import MOST, Mended, Tries
from tests.phases.planned import BASIC, planned

SYSTEM = Mend(settings={"system.packages": ("bc",)})
VARIABLE = Mend(settings={"run.environment": {"A": "1"}})


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return planned(tmp_path, BASIC)


def cause(*mends: Mend) -> Cause:
    return Cause(name="x", text="it fails", next="", evidence=("line",), line=0, mends=mends)


def mends(tries: Tries, found: Cause, plan: Plan) -> list[Mend]:
    listed = []
    while (mended := tries.next(found, plan)) is not None:
        listed.append(mended.mend)
    return listed


def test_each_is_tried_once_in_its_order(plan: Plan) -> None:
    tries = Tries()
    assert tries.next(None, plan) is None
    assert mends(tries, cause(SYSTEM, VARIABLE, SYSTEM), plan) == [SYSTEM, VARIABLE]
    assert mends(tries, cause(VARIABLE), plan) == []


def test_there_is_a_limit(plan: Plan) -> None:
    many = [Mend(settings={"system.packages": (f"a{n}",)}) for n in range(MOST + 3)]
    assert mends(Tries(), cause(*many), plan) == many[:MOST]
    assert mends(Tries(most=0), cause(*many), plan) == []


def test_only_variables_reach_an_image_of_the_project_s_own_dockerfile(plan: Plan) -> None:
    own = replace(plan, dockerfile="Dockerfile")
    assert mends(Tries(), cause(SYSTEM, VARIABLE), own) == [VARIABLE]


def test_what_was_refused_is_told_apart() -> None:
    tries, mended = Tries(), Mended(cause=cause(SYSTEM), mend=SYSTEM)
    tries.keep(mended)
    tries.refuse(mended, "there is no bc")
    assert (tries.kept[0].refused, tries.refused[0].refused) == (None, "there is no bc")
    assert str(mended) == 'it fails: system.packages = ["bc"]'
    assert mended.json() == {
        "phase": "run",
        "cause": "x",
        "text": "it fails",
        "evidence": ["line"],
        "settings": {"system.packages": ["bc"]},
        "toml": ['system.packages = ["bc"]'],
    }
