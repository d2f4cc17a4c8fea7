"""Registers what results of verbs look like in a notebook, and imports nothing for it.

The result classes know nothing of notebooks, and loading the extension knows nothing of them: both
the classes and their displays (`reprokit.notebook.shown`) are imported when a result is there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

RESULTS = (
    ("reprokit.pipeline.running", "RunResult"),
    ("reprokit.pipeline.cells", "CellResult"),
    ("reprokit.starting", "Created"),
    ("reprokit.initialising.initialise", "InitResult"),
    ("reprokit.pipeline.locked", "LockResult"),
    ("reprokit.pipeline.exporting", "ExportResult"),
    ("reprokit.pipeline.verifying", "Verification"),
    ("reprokit.pipeline.bill", "Bill"),
    ("reprokit.citing.cite", "Citation"),
    ("reprokit.publishing.publish", "Publication"),
    ("reprokit.publishing.checking", "ImageCheck"),
    ("reprokit.rerunning.result", "RerunResult"),
    ("reprokit.studying.study", "StudyResult"),
    ("reprokit.verdict", "Verdict"),
    ("reprokit.phases.plan_report", "PlanReport"),
    ("reprokit.history.listing", "RunList"),
    ("reprokit.history.listing", "Shown"),
    ("reprokit.history.listing", "Log"),
    ("reprokit.history.following", "Followed"),
    ("reprokit.history.status", "Status"),
    ("reprokit.pipeline.detaching", "Detached"),
    ("reprokit.pipeline.attaching", "Stopped"),
    ("reprokit.history.difference", "Difference"),
    ("reprokit.history.cleaning", "Cleaned"),
    ("reprokit.engines.doctor", "Report"),
    ("reprokit.registry", "PluginList"),
)
"""Module and name of every class that a verb returns."""


class Said:
    """What was typed for the last result of a magic, to show the equal command below it."""

    def __init__(self) -> None:
        self.result: object = None
        self.command = ""

    def of(self, result: object) -> str | None:
        """The equal shell command of a result, where a magic made it."""
        return self.command if self.command and result is self.result else None


def register(shell: Any, said: Said) -> None:
    """Teach a shell to display the results of all verbs."""
    formatter = shell.display_formatter.mimebundle_formatter
    for place in RESULTS:
        formatter.for_type_by_name(*place, _formatter(place, said))


def _formatter(place: tuple[str, str], said: Said) -> Callable[..., dict[str, str]]:
    def bundle(result: Any, include: object = None, exclude: object = None) -> dict[str, str]:
        from reprokit.notebook import shown

        return shown.bundle(place, result, said.of(result))

    return bundle
