"""`study`: many sources rerun, one after the other and side by side, and what came of them."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from reprokit import files
from reprokit.engines.connect import connect
from reprokit.engines.protocol import Engine
from reprokit.errors import Interrupted, ReprokitError, StorageFailed
from reprokit.frozen import frozen
from reprokit.history.index import Index
from reprokit.history.wording import counted, duration, printable
from reprokit.history.wording import table as aligned
from reprokit.model import JSON
from reprokit.progress import Reporter
from reprokit.quoting import printable_command
from reprokit.studying import listing, page, pruning, row, state, statistics, table, working
from reprokit.studying.listing import Listed, StudyList
from reprokit.studying.wishes import Wishes

TIMEOUT = 2 * 3600.0
"""Seconds that a source has where nothing says otherwise."""
MEMORY = 0.8
"""The share of the machine's memory that all containers have where nobody says how much."""
ORPHANS = working.PATIENCE + 10
"""Seconds to wait for the processes of a study that was killed."""
REFRESH = 5.0
"""Seconds between two writings of page and tables."""


@frozen
class StudyResult:
    """A study, as far as it came. `rows` are those of the sources that are done, in the order of
    the list; `failure` is why some are not, where that is this machine's fault."""

    name: str
    folder: state.StudyFolder
    rows: tuple[Mapping[str, JSON], ...]
    listed: int
    pruned: int = 0
    failure: ReprokitError | None = None

    def json(self) -> JSON:
        return table.document(self.name, self.rows, self.listed)

    def text(self) -> str:
        total = statistics.counts("all", self.rows)
        took = duration(statistics.seconds(self.rows))
        lines = [
            f"{printable(self.name)}: {len(self.rows)} of {counted(self.listed, 'source')} rerun, "
            f"which took {took} together",
            *(
                f"  {stage:<10}{total.stages[stage]:>6,}  "
                f"{statistics.share(total.stages[stage], total.sources):>6}"
                for stage in statistics.STAGES
            ),
        ]
        compared = total.stages["compared"]
        if compared:
            part = statistics.share(total.stages["same"], compared)
            lines.append(f"  {part} of those with results to compare with are the same")
        lines += ["", self._languages(), *self._notebooks(), *self._causes(), ""]
        if self.pruned:
            lines.append(f"images       {counted(self.pruned, 'image')} removed")
        lines.append(f"page         {printable(str(self.folder.page))}")
        tables = f"{self.folder.table.name}, {self.folder.document.name}"
        lines.append(f"tables       {tables} beside it")
        return "\n".join(lines)

    def _languages(self) -> str:
        body = [
            (c.name, f"{c.sources:,}", *(_cell(c.stages[s], c.sources) for s in statistics.STAGES))
            for c in statistics.by(self.rows, statistics.language)
        ]
        return aligned(("language", "sources", *statistics.STAGES), body)

    def _notebooks(self) -> list[str]:
        found = statistics.notebooks(self.rows)
        if not found["ran"]:
            return []
        executed = statistics.share(found["executed"], found["ran"])
        same = statistics.share(found["same"], found["compared"])
        return [
            "",
            f"notebooks    {found['ran']:,} ran; {found['executed']:,} ({executed}) executed every "
            f"cell; {found['same']:,} of {found['compared']:,} with outputs to compare gave the "
            f"same" + (f" ({same})" if same else ""),
        ]

    def _causes(self) -> list[str]:
        found = statistics.causes(self.rows)
        body = [(cause.name, cause.phase, f"{cause.sources:,}") for cause in found[:10]]
        return ["", aligned(("cause", "in", "sources"), body)] if body else []


def _cell(part: int, whole: int) -> str:
    return f"{part:,} ({statistics.share(part, whole)})"


@dataclass(slots=True, kw_only=True)
class _Study:
    """A study under way: the rows so far, by name."""

    listed: StudyList
    wishes: Wishes
    folder: state.StudyFolder
    rows: dict[str, Mapping[str, JSON]]
    pruned: int = 0
    written: float = 0.0

    def result(self) -> StudyResult:
        ordered = [self.rows[s.name] for s in self.listed.sources if s.name in self.rows]
        return StudyResult(
            name=self.listed.name,
            folder=self.folder,
            rows=tuple(ordered),
            listed=len(self.listed.sources),
            pruned=self.pruned,
            failure=_of_the_machine(ordered),
        )

    def write(self, *, at_once: bool = True) -> None:
        """Write page and tables of what there is so far."""
        now = time.monotonic()
        if not at_once and now - self.written < REFRESH:
            return
        self.written, found = now, self.result()
        reports = {}
        for source in self.listed.sources:
            report = self.folder.of(source.name).report
            if report.is_file():
                reports[source.name] = report.relative_to(self.folder.root).as_posix()
        document = files.canonical_json(found.json())
        files.write_text(self.folder.document, document + "\n")
        files.write_text(self.folder.table, table.comma_separated(found.rows))
        text = page.page(found.name, found.rows, found.listed, reports)
        files.write_text(self.folder.page, text)
        written = (self.folder.page, self.folder.table, self.folder.document)
        files.give_to_caller(self.folder.root, *written)


def study(path: Path, wishes: Wishes, reporter: Reporter) -> StudyResult:
    """Rerun what a list names. See `reprokit.verbs.study`."""
    listed = _wished(listing.read(path), wishes)
    folder = state.StudyFolder(root=(wishes.output or state.default_folder(path)).absolute())
    with state.alone(folder.root, ORPHANS) as held:
        finished = {}
        for source in listed.sources:
            found = folder.finished(source)
            if found is not None:
                finished[source.name] = found
        again = state.wanted_again(listed.sources, finished, wishes.again)
        rows = {name: row for name, row in finished.items() if name not in again}
        under_way = _Study(listed=listed, wishes=wishes, folder=folder, rows={**rows})
        try:
            _work(under_way, [*again], reporter, held)
        except KeyboardInterrupt:
            raise _interrupted(under_way) from None
        finally:
            under_way.write()
    return under_way.result()


def _wished(listed: StudyList, wishes: Wishes) -> StudyList:
    """The list with what the command line says on top of it."""
    sources = [
        replace(
            source,
            timeout=wishes.timeout or source.timeout or TIMEOUT,
            yes=wishes.yes or source.yes,
        )
        for source in listed.sources
    ]
    memory = listed.memory if wishes.memory is None else wishes.memory
    return replace(listed, sources=tuple(sources), memory=memory)


def _work(study: _Study, again: Sequence[str], reporter: Reporter, held: int) -> None:
    todo = [source for source in study.listed.sources if source.name not in study.rows]
    if not todo:
        return
    wishes = study.wishes
    jobs = min(wishes.jobs or os.cpu_count() or 1, len(todo))
    reporter.phase("study")
    if study.rows:
        reporter.message(f"{len(study.rows)} of {len(study.listed.sources)} are done already")
    with connect(wishes.engine) as engine:
        how = working.Work(
            jobs=jobs,
            engine=wishes.engine,
            memory=_memory(study.listed, engine, jobs),
            reports=wishes.reports,
            held=held,
        )
        for name in again:
            # Where this is interrupted, the next call goes on with these.
            study.folder.of(name).result.unlink(missing_ok=True)
        ending = working.work(todo, study.rows, study.folder, how, engine, reporter)
        with closing(ending):
            for source, found in ending:
                _ended(study, source, found, engine)


def _memory(listed: StudyList, engine: Engine, jobs: int) -> int | None:
    """The bytes for each container. Without a limit one program that wants more than the machine
    has would bring all others to a halt, and nobody looks on."""
    whole = engine.memory()
    memory = listed.memory or (None if whole is None else int(whole * MEMORY))
    return None if memory is None else memory // jobs


def _ended(study: _Study, source: Listed, found: Mapping[str, JSON], engine: Engine) -> None:
    study.rows[source.name] = found
    bounds = study.wishes.bounds
    study.pruned += pruning.prune(engine, study.rows.values(), bounds, Index(), time.time())
    study.write(at_once=False)


def _interrupted(study: _Study) -> Interrupted:
    words = ["reprokit", "study", str(study.listed.path)]
    if study.wishes.output is not None:
        words += ["--output", str(study.wishes.output)]
    return Interrupted(
        f"stopped; {len(study.rows)} of {len(study.listed.sources)} sources are done",
        where=str(study.folder.page),
        next=f"the same command goes on where it was: `{printable_command(words)}`",
    )


def _of_the_machine(rows: Sequence[Mapping[str, JSON]]) -> ReprokitError | None:
    """Why sources could not be judged here, where there are such."""
    unjudged = [found for found in rows if row.is_of_the_machine(found)]
    if not unjudged:
        return None
    cause = unjudged[0]["cause"]
    assert isinstance(cause, dict)
    return StorageFailed(
        f"{counted(len(unjudged), 'source')} could not be judged on this machine: {cause['text']}",
        where=str(unjudged[0]["name"]),
        next="free some space (`reprokit clean`); the same command then reruns these",
    )
