"""Frozen types: dataclasses with keyword arguments, made without compiling code for each.

`@frozen` is `@dataclass(frozen=True, slots=True, kw_only=True)`, and `dataclasses.replace`,
`fields` and `asdict` work as ever. That decorator writes and compiles six functions for every
class, half a millisecond a class on Python 3.11, which was a tenth of what a warm run costs; here
all classes share them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")
_SETTERS = "__frozen_setters__"


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """A class whose values are given by name and never change. What it defines itself stays, and so
    do `compare`, `repr` and `init` of its fields."""
    own = cls.__dict__
    for name, method in _METHODS.items():
        # Python itself writes `__hash__ = None` where a class defines `__eq__`.
        if own.get(name) is None:
            setattr(cls, name, method)
    made: type[T] = dataclass(
        init=False, repr=False, eq=False, match_args=False, kw_only=True, slots=True
    )(cls)
    # The slots' own setters: `__setattr__` refuses.
    setters = tuple((item, getattr(made, item.name).__set__) for item in _fields(made))
    setattr(made, _SETTERS, setters)
    return made


def _fields(cls: Any) -> tuple[Field[Any], ...]:
    return fields(cls)


def _init(self: Any, **values: Any) -> None:
    setters: tuple[tuple[Field[Any], Callable[[Any, Any], None]], ...] = getattr(self, _SETTERS)
    used = 0
    for item, setter in setters:
        if item.init and item.name in values:
            setter(self, values[item.name])
            used += 1
        elif item.default is not MISSING:
            setter(self, item.default)
        elif item.default_factory is not MISSING:
            setter(self, item.default_factory())
        elif item.init:
            raise TypeError(f"{type(self).__name__} lacks {item.name!r}")
    if used < len(values):
        known = {item.name for item, _ in setters if item.init}
        raise TypeError(f"{type(self).__name__} has no {min(values.keys() - known)!r}")
    finish = getattr(self, "__post_init__", None)
    if finish is not None:
        finish()


def _compared(self: Any) -> tuple[Any, ...]:
    return tuple(getattr(self, item.name) for item, _ in getattr(self, _SETTERS) if item.compare)


def _eq(self: Any, other: object) -> Any:
    same_kind = other.__class__ is self.__class__
    return _compared(self) == _compared(other) if same_kind else NotImplemented


def _hash(self: Any) -> int:
    return hash(_compared(self))


def _repr(self: Any) -> str:
    told = (item.name for item, _ in getattr(self, _SETTERS) if item.repr)
    values = ", ".join(f"{name}={getattr(self, name)!r}" for name in told)
    return f"{type(self).__qualname__}({values})"


def _refuse_to_set(self: Any, name: str, value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: Any, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _getstate(self: Any) -> list[Any]:
    return [getattr(self, item.name) for item, _ in getattr(self, _SETTERS)]


def _setstate(self: Any, state: list[Any]) -> None:
    for (_, setter), value in zip(getattr(self, _SETTERS), state, strict=True):
        setter(self, value)


_METHODS: dict[str, Callable[..., Any]] = {
    "__init__": _init,
    "__eq__": _eq,
    "__hash__": _hash,
    "__repr__": _repr,
    "__setattr__": _refuse_to_set,
    "__delattr__": _refuse_to_delete,
    "__getstate__": _getstate,
    "__setstate__": _setstate,
}
