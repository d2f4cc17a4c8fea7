"""Each tiny project fails, is mended and then runs, on a real engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped,unused-ignore]

from reprokit import lock_file, verbs
from reprokit.schemas import schema
from tests.conftest import engines
from tests.mending.cases import CASES, Case
from tests.projects import write

pytestmark = [pytest.mark.engine, pytest.mark.network]
DONE = "\nopen('results/done.txt', 'w').write('1')\n"


@pytest.fixture(params=engines())
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name: str = request.param
    monkeypatch.setenv("REPROKIT_ENGINE", name)
    return name


def project(folder: Path, case: Case) -> Path:
    toml = 'base = "debian"\n' + (f'date = "{case.date}"\n' if case.date else "")
    code = {"main.py": case.code + DONE} if case.code else {}
    write(folder / case.name, {"repro.toml": toml, **code, **case.files})
    return folder / case.name


@pytest.fixture(scope="module")
def locks() -> dict[tuple[str, ...], bytes]:
    """Locks by what they pin: projects that declare the same have the same, so that the first try
    of most has nothing to resolve."""
    return {}


def lock(folder: Path, case: Case, locks: dict[tuple[str, ...], bytes]) -> None:
    declared = {
        name: text
        for name, text in case.files.items()
        if name != "run.sh" and not name.endswith(".py")
    }
    key = (str(case.date), *(word for pair in sorted(declared.items()) for word in pair))
    if key in locks:
        (folder / lock_file.NAME).write_bytes(locks[key])
        return
    locks[key] = verbs.lock(folder).path.read_bytes()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_is_mended_and_runs(
    engine: str, tmp_path: Path, case: Case, locks: dict[tuple[str, ...], bytes]
) -> None:
    folder = project(tmp_path, case)
    if not case.locks_late:
        lock(folder, case, locks)
    found = verbs.rerun(folder)
    assert found.record is not None, found.text()
    assert found.failure is None, found.text()
    Draft202012Validator(schema("record-1")).validate(dict(found.record))
    mends: Any = found.record["mends"]
    assert [mend["cause"] for mend in mends] == list(case.causes)
    assert [line for mend in mends for line in mend["toml"]] == list(case.toml)
    assert all(mend["evidence"] for mend in mends)
    # In vain were only tries at what the distribution or the index has not.
    assert len(found.mended) == len(mends)
    assert (found.folder / "results" / "done.txt").is_file()
