"""Which Java a Maven project is for, and what the build has to be told about it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from reprokit.ecosystems.java import java_level, runtime_for
from reprokit.ecosystems.java_named import Named
from reprokit.ecosystems.maven.markup import Element
from reprokit.ecosystems.maven.pom import Pom, plugin_elements
from reprokit.errors import BadRequest
from reprokit.model import Note, Reason, Runtime

COMPILER = "maven-compiler-plugin"
OLDEST_LEVEL = 8
"""What is compiled for where a project says nothing, or only in a property that may be raised:
the oldest level that every JDK in use accepts."""


@dataclass(frozen=True, slots=True)
class _Level:
    """A module's Java level and where it stands.

    changeable: -D on the command line may change it. by_release: it is said as `release`, which
    compiler plugins before 3.6, the ones that older Mavens bind, do not know.
    """

    number: int
    reason: Reason
    changeable: bool
    by_release: bool


def java(
    poms: list[Pom], named: Named | None = None
) -> tuple[int | None, Runtime, tuple[Note, ...]]:
    """The level that the build has to be told (`None`: it knows), the JDKs, and what to know.

    named: what a README says, which counts where no pom.xml says anything.
    """
    found = [level for pom in poms for level in [_level(pom)] if level is not None]
    if not found and named is not None:
        # A parent of a repository may say which level, and then no property changes that.
        own = None if poms[0].remote_parent() is not None else max(named.release, OLDEST_LEVEL)
        return own, runtime_for(max(named.release, OLDEST_LEVEL), named.reason), ()
    if not found:
        reason = Reason(text="nothing says which Java release", file=poms[0].file)
        text = f"the pom.xml names no Java release, so it is compiled for Java {OLDEST_LEVEL}"
        level = None if poms[0].remote_parent() is not None else OLDEST_LEVEL
        note = (Note(level="warning", text=text, reason=reason),) if level else ()
        return level, runtime_for(None, reason), note
    highest = max(found, key=lambda item: item.number)
    number, reason = highest.number, highest.reason
    if number < OLDEST_LEVEL and all(item.changeable for item in found):
        text = f"Java {number} is older than today's compilers accept: Java {OLDEST_LEVEL} instead"
        note = (Note(level="warning", text=text, reason=reason),)
        return OLDEST_LEVEL, runtime_for(OLDEST_LEVEL, reason), note
    told = any(item.by_release for item in found) and not all(map(_versioned_compiler, poms))
    return number if told else None, runtime_for(number, reason), ()


def _versioned_compiler(pom: Pom) -> bool:
    return any(plugin.value("version") for plugin in plugin_elements(pom, COMPILER))


def _level(pom: Pom) -> _Level | None:
    for plugin in plugin_elements(pom, COMPILER):
        found = _declared(pom, plugin.child("configuration"), "release", ("source", "target"))
        if found is not None:
            return found
    for layer in pom.layers():
        release = "maven.compiler.release"
        names = ("maven.compiler.source", "maven.compiler.target")
        found = _declared(pom, layer.child("properties"), release, names, changeable=True)
        if found is not None:
            return found
    parent = pom.remote_parent()
    if parent is not None and (parent.value("artifactId") or "").startswith("spring-boot"):
        for layer in pom.layers():
            found = _declared(pom, layer.child("properties"), None, ("java.version",))
            if found is not None:
                return replace(found, changeable=False)
        if pom.text(parent.value("version")).split(".")[0] in ("3", "4"):
            return _Level(
                17, parent.reason("Spring Boot 3 and later are for Java 17"), False, False
            )
    return None


def _declared(
    pom: Pom,
    holder: Element | None,
    release: str | None,
    names: tuple[str, ...],
    *,
    changeable: bool = False,
) -> _Level | None:
    for group in ((release,) if release else (), names):
        found = []
        for name in group:
            element = holder.child(name) if holder is not None else None
            said = pom.text(element.text) if element is not None else ""
            level = java_level(said)
            if element is not None and said and level is None and "${" not in said:
                raise BadRequest(
                    f"{name} is {said!r}, which is no Java release",
                    where=element.where,
                    next="write it like 17 or 1.8",
                )
            if element is not None and level is not None:
                given_by_property = "${maven.compiler." in element.text
                reason = element.reason(f"{name} is Java {level}")
                may_change = (changeable or given_by_property) and name != release
                found.append(_Level(level, reason, may_change, name == release))
        if found:
            return max(found, key=lambda item: item.number)
    return None
