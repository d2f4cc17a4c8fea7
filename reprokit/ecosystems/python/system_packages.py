"""Distribution packages for Python: the interpreter, and libraries that wheels do not carry."""

from __future__ import annotations

from reprokit.ecosystems.python.names import normalised
from reprokit.ecosystems.python.system_needs import ALTERNATIVES, NEEDS
from reprokit.model import BaseCandidate, Detection, LockedBase, Reason, SystemPackage
from reprokit.resolving import Catalogue


def system_packages(
    detection: Detection, base: BaseCandidate | LockedBase, catalogue: Catalogue
) -> tuple[SystemPackage, ...]:
    """What the declared requirements are known to need, and python3 where the base has none.

    A library that the distribution does not have under any known name is left out: the import
    that misses it says its name.
    """
    from reprokit.registry import system_needs

    added = {normalised(k): v for k, v in system_needs().get("python", {}).items()}
    wanted: dict[str, Reason] = {}
    if "python" not in base.provides:
        reason = next(
            (r.reason for r in detection.runtimes if r.language == "python"),
            Reason(text="the project is in Python"),
        )
        wanted["python3"] = reason
    for asked in detection.requirements:
        known = normalised(asked.name)
        for name in (*NEEDS.get(known, ()), *added.get(known, ())):
            text = f"{asked.name} needs it at run time"
            wanted.setdefault(
                name, Reason(text=text, file=asked.reason.file, line=asked.reason.line)
            )
    candidates = [name for wish in wanted for name in (wish, *ALTERNATIVES.get(wish, ()))]
    available = catalogue.versions(candidates) if candidates else {}
    found = []
    for wish, reason in wanted.items():
        names = [name for name in (wish, *ALTERNATIVES.get(wish, ())) if name in available]
        # python3 is asked for even if the catalogue lacks it, so that the error names it.
        if names or wish == "python3":
            found.append(SystemPackage(name=names[0] if names else wish, reason=reason))
    return tuple(found)
