"""Defaults of R that have changed, and code that counts on them as they were before."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from reprokit.ecosystems.r.code import CodeFile
from reprokit.ecosystems.r.usage import first_call
from reprokit.ecosystems.r.versions import version_key
from reprokit.model import JSON, DateChoice, Detection, Note, Reason, Runtime

HINTS = "older"
"""The setting of a detection with the calls that changed: it is for `dated` alone."""


@dataclass(frozen=True, slots=True)
class Change:
    """`what` is as before until the R `since`, which came on `day`. It matters to code with one of
    these calls; `last` is the R before it."""

    what: str
    since: str
    day: str
    last: str
    calls: frozenset[str]


# Source: https://cran.r-project.org/doc/manuals/r-release/NEWS.3.html, NEWS.html; the days of
# https://cran.r-project.org/src/base/R-3/ and R-4/. Without a seed no run draws the same numbers.
CHANGES = (
    Change("sample()", "3.6", "2019-04-26", "3.5", frozenset({"set.seed"})),
    Change(
        "text in data frames",
        "4.0",
        "2020-04-24",
        "3.6",
        frozenset(
            {"data.frame", "as.data.frame", "cbind", "rbind", "read.table", "read.fwf",
             "read.csv", "read.csv2", "read.delim", "read.delim2"}
        ),
    ),
)  # fmt: skip


def hints(code: Iterable[CodeFile]) -> dict[str, JSON]:
    """The first call that each change matters to, as "file:line: call", by what has changed."""
    found: dict[str, JSON] = {}
    for file in code:
        for change in CHANGES:
            call = None if change.what in found else first_call(file.code, change.calls)
            if call is not None:
                reason = Reason(text=f"{call[0]}()", file=file.path, line=file.line(call[1]))
                found[change.what] = str(reason)
    return found


def dated(detection: Detection, date: DateChoice | None, configured: str | None) -> Detection:
    """With the R whose defaults the code counts on: the configured one; else, of a rerun, the one
    that the project's files state, or the last one of its day, where that makes a difference."""
    if detection.ecosystem != "r":
        return detection
    settings = {key: value for key, value in detection.settings.items() if key != HINTS}
    if configured is not None:
        return replace(detection, settings={**settings, "defaults": {"version": configured}})
    asked = detection.settings.get(HINTS)
    mattering = [c for c in CHANGES if isinstance(asked, dict) and c.what in asked]
    stated = next(filter(None, map(_stated, detection.runtimes)), None)
    if stated is not None:
        version, reason = stated
        changed = [c for c in CHANGES if version_key(version) < version_key(c.since)]
    else:
        day = date.day if date is not None and date.source != "lock" else "9999"
        changed = [c for c in CHANGES if day < c.day]
        version = changed[0].last if changed else ""
        reason = f"R {changed[0].since} came on {changed[0].day}" if changed else ""
    effective = [c for c in changed if c in mattering]
    if not effective or not isinstance(asked, dict):
        return replace(detection, settings=settings)
    what = " and ".join(f"{c.what} as before R {c.since} ({asked[c.what]})" for c in effective)
    reason = f"{reason}: {what}"
    confidence = "medium" if stated is None else "high"
    settings["defaults"] = {"version": version, "reason": reason, "confidence": confidence}
    note = Note(level="information", text=f"the defaults are those of R {version}: {reason}")
    return replace(detection, settings=settings, notes=(*detection.notes, note))


def _stated(runtime: Runtime) -> tuple[str, str] | None:
    """The minor release that a file names, and where."""
    match = re.match(r"==(\d+\.\d+)", runtime.specifier)
    return None if match is None else (match[1], str(runtime.reason))
