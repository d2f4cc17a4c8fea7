"""Which base images satisfy a project, in order of preference."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from reprokit.bases.distributions import DISTRIBUTIONS
from reprokit.bases.protocol import BaseFamily
from reprokit.bases.versions import languages
from reprokit.configuration import Configuration
from reprokit.errors import BadRequest, NoSuchBase
from reprokit.model import BaseCandidate, LockedBase, Plan, Reason, Runtime

_PREFERRED = ("official", "debian", "ubuntu")


def configured(configuration: Configuration) -> str:
    """The base that the project's own files name, else "auto": what makes a lock stale. A base
    given on the command line has no line and does not count."""
    return configuration.base if configuration.line("base") is not None else "auto"


def chosen(
    families: Iterable[BaseFamily],
    runtimes: tuple[Runtime, ...],
    day: str | None,
    configuration: Configuration,
    given: str | None,
    *,
    lenient: bool = False,
) -> tuple[BaseCandidate, ...]:
    """The candidates of all families, or of the one that was named, or the one base. lenient: see
    `Project`; a distribution of the project's day is then more than the order of families.

    Raises BadRequest where none satisfies the runtimes (with what each family has) and where
    nobody knows the name.
    """
    ordered = sorted(families, key=_preference)
    wanted = given or configuration.base
    if wanted == "auto":
        found = [c for family in ordered for c in family.candidates(runtimes, day)]
        if not found:
            raise _unsatisfied(ordered, runtimes)
        is_python = languages(runtimes) == ("python",)
        return tuple(_of_their_day(found, day) if lenient and day and is_python else found)
    reason = _reason(configuration, given)
    for family in ordered:
        if family.name == wanted:
            inside = family.candidates(runtimes, day)
            if not inside:
                raise _unsatisfied([family], runtimes)
            return tuple(replace(candidate, reason=reason) for candidate in inside)
    named = (family.named(wanted) for family in ordered)
    candidate = next((found for found in named if found is not None), None)
    if candidate is None:
        raise BadRequest(
            f"no base family knows {wanted!r}",
            where=None if given else configuration.where("base"),
            next=" ".join(family.offer(runtimes) for family in ordered),
        )
    _check(candidate, runtimes, ordered)
    return (replace(candidate, reason=reason),)


def keeping(plan: Plan, base: LockedBase) -> Plan:
    """The plan with the base of an earlier lock first, if it is among those that satisfy: a small
    edit of a requirement must not move a project to another distribution."""

    def is_other(candidate: BaseCandidate) -> bool:
        return (candidate.family, candidate.name) != (base.family, base.name)

    return replace(plan, bases=tuple(sorted(plan.bases, key=is_other)))


def _of_their_day(found: list[BaseCandidate], day: str) -> list[BaseCandidate]:
    """With the distributions' suites that came after the day behind those that there were, soonest
    first: packages of that time have wheels for a Python of that time, and none for later ones."""
    stable = {s.name: s.stable for one in DISTRIBUTIONS.values() for s in one.suites}

    def later(candidate: BaseCandidate) -> str:
        came = "" if candidate.family not in DISTRIBUTIONS else stable[candidate.name]
        return came if came > day else ""

    return sorted(found, key=later)


def _preference(family: BaseFamily) -> tuple[int, str]:
    known = family.name in _PREFERRED
    return (_PREFERRED.index(family.name) if known else len(_PREFERRED), family.name)


def _reason(configuration: Configuration, given: str | None) -> Reason:
    if given is not None or configuration.line("base") is None:
        return Reason(text="the base given on the command line")
    return configuration.reason("base", "the base named here")


def _unsatisfied(families: Sequence[BaseFamily], runtimes: tuple[Runtime, ...]) -> NoSuchBase:
    wanted = " with ".join(_words(runtime) for runtime in runtimes) or "this project"
    offers = "\n  ".join(family.offer(runtimes) for family in families)
    return NoSuchBase(
        f"no base image offers {wanted}",
        where=_place(runtimes[0].reason) if runtimes else None,
        next=f"{offers}\n  A version in repro.toml wins over the project's other files".strip(),
    )


def _check(
    candidate: BaseCandidate, runtimes: tuple[Runtime, ...], families: Sequence[BaseFamily]
) -> None:
    """Asking for a version never silently gives another one."""
    from reprokit.bases.versions import suits

    for runtime in runtimes:
        own = candidate.provides.get(runtime.language)
        versions = [own] if own else list(candidate.offers.get(runtime.language, ()))
        if not versions and not candidate.provides and not candidate.offers:
            continue
        if not any(suits(runtime, version) for version in versions):
            has = f"has {', '.join(versions)}" if versions else "has none"
            family = next(f for f in families if f.name == candidate.family)
            raise BadRequest(
                f"{_words(runtime)} is asked for, but {candidate.name} {has}",
                where=_place(runtime.reason),
                next=family.offer(runtimes),
            )


def _words(runtime: Runtime) -> str:
    name = {"python": "Python", "r": "R", "java": "Java"}.get(runtime.language, runtime.language)
    return f"{name} {runtime.specifier}".strip()


def _place(reason: Reason) -> str | None:
    if reason.file is None or reason.line is None:
        return reason.file
    return f"{reason.file}:{reason.line}"
