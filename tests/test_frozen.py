"""Frozen types behave as the standard library's dataclasses."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any

import pytest

from reprokit.frozen import frozen


@frozen
class Ours:
    """Every kind of field."""

    name: str
    size: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    secret: str = field(default="", repr=False)
    note: str = field(default="", compare=False)
    twice: int = field(init=False)

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError("a size is 0 or more")
        object.__setattr__(self, "twice", self.size * 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Theirs:
    """The same."""

    name: str
    size: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    secret: str = field(default="", repr=False)
    note: str = field(default="", compare=False)
    twice: int = field(init=False)

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError("a size is 0 or more")
        object.__setattr__(self, "twice", self.size * 2)


@frozen
class Below(Ours):
    more: int


BOTH = pytest.mark.parametrize("kind", [Ours, Theirs])


@BOTH
def test_values_are_given_by_name_and_never_change(kind: Any) -> None:
    made = kind(name="a", size=2)
    assert (made.name, made.size, made.labels, made.twice) == ("a", 2, {}, 4)
    assert kind(name="a").labels is not kind(name="a").labels
    with pytest.raises(FrozenInstanceError):
        made.name = "b"
    with pytest.raises(FrozenInstanceError):
        del made.name
    with pytest.raises((AttributeError, TypeError)):
        made.other = 1
    assert not hasattr(made, "__dict__")


@BOTH
@pytest.mark.parametrize(
    "values", [{}, {"name": "a", "nam": 1}, {"name": "a", "twice": 1}, {"size": 1}]
)
def test_wrong_names_are_refused(kind: Any, values: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        kind(**values)
    with pytest.raises(TypeError):
        kind("a")


@BOTH
def test_a_check_of_the_class_itself_is_made(kind: Any) -> None:
    with pytest.raises(ValueError, match="0 or more"):
        kind(name="a", size=-1)
    with pytest.raises(ValueError, match="0 or more"):
        replace(kind(name="a"), size=-1)


@BOTH
def test_equal_are_those_with_equal_compared_values(kind: Any) -> None:
    one = kind(name="a", labels=())
    assert one == kind(name="a", labels=(), note="other")
    assert hash(one) == hash(kind(name="a", labels=(), note="other"))
    assert one != kind(name="b", labels=()) and one != "a"
    with pytest.raises(TypeError):
        hash(kind(name="a"))


@BOTH
def test_the_standard_library_knows_them(kind: Any) -> None:
    made = kind(name="a", labels={"b": "c"}, secret="s")
    names = [item.name for item in fields(made)]
    assert is_dataclass(type(made)) and names[:2] == ["name", "size"]
    assert replace(made, name="z") == kind(name="z", labels={"b": "c"}, secret="s")
    assert asdict(made)["labels"] == {"b": "c"}
    assert pickle.loads(pickle.dumps(made)) == made
    assert copy.deepcopy(made) == made and copy.copy(made) == made


def test_they_are_shown_alike_and_without_secrets() -> None:
    shown = repr(Ours(name="a", secret="hunter2"))
    assert shown == repr(Theirs(name="a", secret="hunter2")).replace("Theirs", "Ours")
    assert "hunter2" not in shown


def test_a_class_below_has_the_fields_of_both() -> None:
    made = Below(name="a", more=1)
    assert (made.name, made.more) == ("a", 1)
    assert made != Ours(name="a") and made == Below(name="a", more=1)
    with pytest.raises(TypeError, match="lacks 'more'"):
        Below(name="a")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="has no 'les'"):
        Below(name="a", more=1, les=2)  # type: ignore[call-arg]
