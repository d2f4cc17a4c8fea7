"""What a mend is: settings of repro.toml, and nothing else."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from reprokit import registry
from reprokit.configuration import Configuration, load
from reprokit.diagnosing.mend import MENDABLE, Mend, mended, together
from reprokit.diagnosing.pattern import Pattern
from reprokit.errors import BadRequest
from reprokit.model import RunOptions

EACH = Mend(
    settings={
        "python.version": "<3.12",
        "python.requirements": ("numpy<1.24", 'a"b'),
        "system.packages": ("libgl1",),
        "run.environment": {"MPLBACKEND": "Agg", "X": 'é"\\'},
    }
)


def test_its_lines_are_toml_of_the_same_content() -> None:
    read = tomllib.loads("\n".join(EACH.lines))
    flat = {f"{section}.{key}": value for section, t in read.items() for key, value in t.items()}
    assert flat == EACH.json()


def test_its_lines_in_repro_toml_have_its_effect(tmp_path: Path) -> None:
    mend = Mend(settings={**EACH.settings, "python.requirements": ("numpy<1.24",)})
    (tmp_path / "repro.toml").write_text("\n".join(mend.lines), encoding="utf-8")
    written, made = load(tmp_path), mended(Configuration(), [mend])
    for name in ("python_version", "python_requirements", "system_packages", "options"):
        assert getattr(written, name) == getattr(made, name)


def test_lists_and_variables_grow_and_versions_are_replaced() -> None:
    before = Configuration(
        python_version="==3.9.*",
        python_requirements=("attrs",),
        options=RunOptions(environment=(("SEED", "1"), ("X", "0"))),
    )
    found = mended(before, [Mend(settings={"python.version": "2.7"})])
    assert found.python_version == "==2.7.*"
    ours = Mend(settings={"run.environment": {"X": "1"}, "python.requirements": ("six", "attrs")})
    found = mended(before, [ours])
    assert found.python_requirements == ("attrs", "six")
    assert dict(found.options.environment) == {"SEED": "1", "X": "1"}
    both = together([ours, Mend(settings={"run.environment": {"Y": "2"}})])
    assert both.settings["run.environment"] == {"X": "1", "Y": "2"}


@pytest.mark.parametrize(
    "settings",
    [
        {"run.network": "true"},
        {"command": ("rm",)},
        {"python.requirements": ("no requirement at all",)},
        {"system.packages": ("--option",)},
        {"python.version": "new"},
    ],
)
def test_what_loosens_or_is_no_setting_is_refused(settings: dict[str, str]) -> None:
    with pytest.raises(BadRequest, match="a mend"):
        mended(Configuration(), [Mend(settings=settings)])


def test_a_template_that_comes_out_empty_is_no_mend() -> None:
    mend = Mend(settings={"system.packages": ("{name}",), "run.environment": {"A": "{{x}}"}})
    assert mend.filled({"name": ""}) is None
    filled = mend.filled({"name": "libgl1"})
    assert filled is not None
    assert filled.json() == {"system.packages": ["libgl1"], "run.environment": {"A": "{x}"}}


def test_built_in_mends_set_only_what_a_mend_may() -> None:
    patterns = [found for found in registry.diagnoses() if isinstance(found, Pattern)]
    keys = {key for p in patterns for mend in p.mends for key in mend.settings}
    assert keys and keys <= MENDABLE
