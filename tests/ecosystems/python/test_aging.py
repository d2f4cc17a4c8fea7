"""Releases that uv takes because a dependency of later ones has no wheel."""

from __future__ import annotations

import pytest

from reprokit.ecosystems.python.aging import aged, free
from reprokit.model import Reason, Requirement


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
