"""What a package uses that another one no longer has: a later version of the first may do."""

from __future__ import annotations

from pathlib import Path

import pytest

from reprokit.diagnosing.dispatch import diagnosed
from reprokit.diagnosing.mend import Mend
from reprokit.diagnosing.protocol import Cause
from reprokit.rerunning import planning
from tests.diagnosing.test_causes import outcome
from tests.projects import write
from tests.test_lock_file import sample

ERROR = "AttributeError: module 'scipy.special' has no attribute 'hyp2f0'"
OWN = '  File "/app/main.py", line 3, in <module>'
PACKAGE = '  File "/opt/venv/lib/python3.9/site-packages/Old_Tool/symbols.py", line 9, in f'
RAISED = '  File "/opt/venv/lib/python3.9/site-packages/scipy/special/__init__.py", line 1, in g'
STRING = '  File "<string>", line 1, in <module>'


def cause(folder: Path, *frames: str) -> Cause:
    files = {"main.py": "import scipy\n", "requirements.txt": "old-tool==0.9\nscipy==1.3.0\n"}
    plan = planning.plain_job(write(folder / "study", files).root, None).plan
    log = folder / "log.txt"
    log.write_text("\n".join(["Traceback:", *frames, ERROR, ""]), "utf-8")
    found = diagnosed(outcome(), log, plan, sample(), pytest.fail)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("frames", "newer"),
    [
        ((OWN, PACKAGE, STRING), True),
        ((OWN, PACKAGE, RAISED), True),
        ((OWN,), False),
        ((PACKAGE, OWN, RAISED), False),
        ((), False),
    ],
)
def test_the_package_that_failed(tmp_path: Path, frames: tuple[str, ...], newer: bool) -> None:
    lines = [mend.lines for mend in cause(tmp_path, *frames).mends]
    later = ('python.requirements = ["old-tool>0.9"]',)
    assert (later in lines) == newer
    # An earlier version of what took it away is nearer to what the author had.
    assert lines[0] != later


def test_a_mend_stands_in_place_of_a_pin(tmp_path: Path) -> None:
    files = {"main.py": "import six\n", "requirements.txt": "Old.Tool==0.9\nsix>=1\n"}
    mend = Mend(settings={"python.requirements": ("old-tool>0.9", "six<2")})
    plan = planning.plain_job(write(tmp_path, files).root, None, [mend]).plan
    asked = [f"{r.name}{r.specifier}" for d in plan.detections for r in d.requirements]
    assert asked == ["six>=1", "old-tool>0.9", "six<2"]
