"""What is seen of a source once it is there, before anything is done with it: it is known also of
those that fail."""

from __future__ import annotations

from collections.abc import Iterable

from reprokit import registry
from reprokit.errors import ReprokitError
from reprokit.frozen import frozen
from reprokit.model import JSON
from reprokit.phases.detect import detect
from reprokit.pipeline.dating import commit_day
from reprokit.pipeline.job import Wishes, folder_of, prepare
from reprokit.project import Project
from reprokit.rerunning.origin import Origin, Published

_LANGUAGES = {"python": "python", "r": "r", "maven": "java", "ant": "java"}
"""Of ecosystems that have one."""


@frozen
class Survey:
    """What kind of source, and what it is made of. date: the day as of which its packages are
    taken; `None` where nothing says one. notebooks: how many it has."""

    kind: str
    identifier: str | None
    date: str | None = None
    ecosystems: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    notebooks: int = 0

    def json(self) -> dict[str, JSON]:
        return {
            "kind": self.kind,
            "identifier": self.identifier,
            "date": self.date,
            "ecosystems": [*self.ecosystems],
            "languages": [*self.languages],
            "notebooks": self.notebooks,
        }


def of(origin: Origin, date: str | None) -> Survey:
    """Look at a source. Of what cannot be planned, for which the rerun will say why, it is what
    can be seen all the same."""
    bare = Survey(kind=origin.source.kind, identifier=origin.source.identifier, date=date)
    if origin.published is not None:
        return _published(bare, origin.published)
    try:
        plan = prepare(origin.root, Wishes(date=date), upgrade=date is not None, lenient=True).plan
    except ReprokitError:
        return _unplanned(bare, origin)
    languages = {runtime.language for runtime in plan.runtimes}
    return Survey(
        kind=bare.kind,
        identifier=bare.identifier,
        date=None if plan.date is None else plan.date.day,
        ecosystems=tuple(sorted({found.ecosystem for found in plan.detections})),
        languages=tuple(sorted(languages)),
        notebooks=sum(path.endswith(".ipynb") for path in plan.code),
    )


def _unplanned(bare: Survey, origin: Origin) -> Survey:
    project = Project(folder_of(origin.root), lenient=True)
    try:
        found = detect(project, registry.ecosystems())
    except ReprokitError:
        found = ()
    names = {detection.ecosystem for detection in found}
    return Survey(
        kind=bare.kind,
        identifier=bare.identifier,
        date=bare.date or commit_day(project),
        ecosystems=tuple(sorted(names)),
        languages=_languages(names),
    )


def _languages(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({_LANGUAGES[name] for name in names if name in _LANGUAGES}))


def _published(bare: Survey, published: Published) -> Survey:
    lock = published.lock
    names = {locked.ecosystem for locked in lock.ecosystems}
    return Survey(
        kind=bare.kind,
        identifier=bare.identifier,
        date=lock.date.day,
        ecosystems=tuple(sorted(names)),
        languages=_languages(names),
    )
