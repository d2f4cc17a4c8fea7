"""Releases that uv takes because a dependency of later ones has no wheel."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from reprokit.ecosystems.python import compiling, pylock
from reprokit.ecosystems.python.aging import aged, free
from reprokit.errors import InputUnavailable
from reprokit.model import Artifact, Reason, Requirement
from reprokit.project import Project
from tests.ecosystems.python.python_resolving import DIGEST, OnlineResolver


def _answer(**days: str) -> str:
    packages = (
        f'[[packages]]\nname = "{name}"\nversion = "1"\n'
        f'wheels = [{{ url = "x", upload-time = {day}T00:00:00Z }}]\n'
        for name, day in days.items()
    )
    return 'lock-version = "1.0"\n' + "".join(packages)


def test_what_is_years_older_than_it_could_be_is_meant() -> None:
    chosen = _answer(ipython="2015-11-25", numpy="2019-06-01", six="2015-01-01")
    newest = _answer(ipython="2020-01-01", numpy="2020-01-01", six="2020-01-01")
    assert aged(chosen, newest, ["ipython", "numpy"]) == {"ipython"}


def test_an_index_without_times_says_nothing() -> None:
    silent = '[[packages]]\nname = "a"\nversion = "1"\nwheels = [{ url = "x" }]\n'
    assert aged(silent, silent, ["a", "b"]) == frozenset()
    assert aged("", silent, ["a"]) == frozenset()


def test_the_first_file_of_a_release_counts() -> None:
    text = (
        '[[packages]]\nname = "a"\nversion = "1"\n'
        'sdist = { url = "x", upload-time = 2015-01-01T00:00:00Z }\n'
        'wheels = [{ url = "y", upload-time = 2020-01-01T00:00:00Z }]\n'
    )
    assert aged(text, _answer(a="2019-01-01"), ["a"]) == {"a"}


@pytest.mark.parametrize(
    ("specifier", "is_free"), [("", True), (">=1", True), ("<2", False), ("==1", False)]
)
def test_what_has_a_limit_is_meant_to_be_old(specifier: str, is_free: bool) -> None:
    reason = Reason(text="asks", file="requirements.txt", line=1)
    asked = Requirement(name="Foo_Bar", specifier=specifier, reason=reason)
    assert free([asked]) == (frozenset({"foo-bar"}) if is_free else frozenset())


@pytest.mark.parametrize(
    ("built", "version"),
    [("2020-01-01", "built"), ("2015-11-25", "wheels"), (None, "wheels")],
)
def test_what_is_years_too_old_is_resolved_with_building(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, built: str | None, version: str
) -> None:
    """Kept only where that makes it newer; what cannot be built leaves all as it was."""
    wheels, newest = _answer(ipython="2015-11-25"), _answer(ipython="2020-01-01")

    def on_this_machine(*given: Any) -> str:
        return newest if "--no-deps" in given[2].options else wheels

    def in_workshop(self: compiling.Compiler, wish: compiling.Wish) -> str:
        if built is None:
            raise InputUnavailable("it cannot be built")
        return _answer(ipython=built) + "# built\n"

    monkeypatch.setattr(compiling, "_on_this_machine", on_this_machine)
    monkeypatch.setattr(compiling.Compiler, "_in_workshop", in_workshop)
    fits = pylock.target("3.8.10", "linux/amd64", "focal")
    tool = Artifact(path="tools/uv.whl", sha256=DIGEST, size=1, url="https://x/uv.whl")
    asked = Requirement(name="IPython", specifier="", reason=Reason(text="asks"))
    with ExitStack() as stack:
        compiler = compiling.Compiler(OnlineResolver(Project(tmp_path)), fits, tool, stack)
        text = compiler._of_wheels(compiling.Wish(lines=("IPython",), asked=(asked,)))
    assert ("built" if "# built" in text else "wheels") == version
