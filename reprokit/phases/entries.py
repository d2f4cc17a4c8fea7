"""Which command makes a project's results: candidates with their evidence, and the choice.

The strongest evidence wins (see the ranks of `Entry`). Where two different commands have equally
strong evidence, nothing is guessed: the choice is the user's, and the candidates are listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from reprokit.configuration import Configuration
from reprokit.frozen import frozen
from reprokit.model import Argv, Detection, Entry, Note, Reason, Step
from reprokit.phases import entries_makefile, entries_readme, entries_readme_r, entries_scripts
from reprokit.project import Project

PROGRAM = 60
"""The rank of a program that the project installs: weaker than anything that is run by itself."""


@frozen
class Choice:
    """The chosen entry, or `None`; the other candidates, strongest first; what to know. `own` is
    what the project itself would run, whatever is given for this run."""

    entry: Entry | None
    alternatives: tuple[Entry, ...]
    own: Entry | None
    notes: tuple[Note, ...] = ()


GIVEN = "given with the command"
"""The reason of an entry that is not the project's own."""


def choose(
    project: Project,
    detections: Sequence[Detection],
    configuration: Configuration,
    given: tuple[Step, ...] = (),
) -> Choice:
    """The entry of a project. `given` steps come from the command line and need no evidence; where
    they are what the project runs anyway, nothing is given."""
    found, notes = candidates(project, detections, configuration)
    best = [entry for entry in found if entry.rank == found[0].rank]
    own = best[0] if len(best) == 1 else None
    if given and (own is None or own.steps != given):
        entry = Entry(steps=given, reason=Reason(text=GIVEN), rank=0)
        return Choice(entry=entry, alternatives=_others(found, entry), own=own)
    if own is None:
        return Choice(entry=None, alternatives=found, own=None, notes=notes)
    return Choice(entry=own, alternatives=_others(found, own), own=own, notes=notes)


def candidates(
    project: Project, detections: Sequence[Detection], configuration: Configuration
) -> tuple[tuple[Entry, ...], tuple[Note, ...]]:
    """Every candidate once, by rank and then in the order found; and what was passed over."""
    found: list[Entry] = []
    notes: list[Note] = []
    if configuration.steps:
        key = "steps" if configuration.line("steps") is not None else "command"
        reason = configuration.reason(key, "the command of the project")
        found.append(Entry(steps=configuration.steps, reason=reason, rank=0))
    contributed = [_at_home(project, e) for detection in detections for e in detection.entries]
    for source in (entries_makefile, entries_scripts):
        more, remarks = source.candidates(project)
        found += more
        notes += remarks
    found += _workflow(project, detections)
    installed = frozenset(entry.steps[0].argv[0] for entry in contributed if entry.rank == PROGRAM)
    if any("stand_in" in d.settings for d in detections if d.ecosystem == "maven"):
        installed |= {"mvn"}
    more, remarks = entries_readme.candidates(project, _java_command(detections), installed)
    found += more
    notes += remarks
    found += entries_readme_r.candidates(project)
    found += _main_class(contributed, configuration)
    numbered = [entry for entry in found if len(entry.steps) > 1]
    found += [entry for entry in contributed if not _part_of(entry, numbered)]
    found = _with_what_follows(_without_called(project, found))
    return _unique(sorted(found, key=lambda entry: entry.rank)), tuple(notes)


def _at_home(project: Project, entry: Entry) -> Entry:
    """R scripts start in the folder that the files are named from which they read."""
    if any(
        step.argv[:1] != ("Rscript",) or len(step.argv) != 2 or step.folder != "."
        for step in entry.steps
    ):
        return entry
    paths = tuple(step.argv[1] for step in entry.steps)
    return replace(entry, steps=entries_scripts.script_steps(project, paths))


def _workflow(project: Project, detections: Sequence[Detection]) -> list[Entry]:
    """Snakemake's workflow, where the project asks for Snakemake."""
    file = next((name for name in ("Snakefile", "workflow/Snakefile") if project.has(name)), None)
    asked = any(r.name.lower() == "snakemake" for d in detections for r in d.requirements)
    if file is None or not asked:
        return []
    reason = Reason(text="the workflow of Snakemake", file=file, line=1)
    step = Step(argv=("snakemake", "--cores", "all"))
    return [Entry(steps=(step,), reason=reason, rank=10)]


def _java_command(detections: Sequence[Detection]) -> Argv | None:
    """How the one Java program of the project is started, where a build tool found one."""
    commands = {
        entry.steps[0].argv
        for detection in detections
        for entry in detection.entries
        if entry.rank == 30 and len(entry.steps) == 1 and entry.steps[0].argv[:1] == ("java",)
    }
    return commands.pop() if len(commands) == 1 else None


def _main_class(contributed: Iterable[Entry], configuration: Configuration) -> list[Entry]:
    """The candidate that starts java.main_class counts as the user's own word."""
    if configuration.java_main_class is None:
        return []
    return [
        replace(
            entry,
            rank=1,
            reason=configuration.reason("java.main_class", "the class to run"),
        )
        for entry in contributed
        if any(configuration.java_main_class in step.argv for step in entry.steps)
    ][:1]


def _part_of(entry: Entry, sequences: Iterable[Entry]) -> bool:
    """Whether a sequence of the same or stronger rank runs this already."""
    return any(
        sequence.rank <= entry.rank and set(entry.steps) <= set(sequence.steps)
        for sequence in sequences
    )


def _without_called(project: Project, found: list[Entry]) -> list[Entry]:
    """Leave out a Makefile or run script that another one of them calls: it is only a part."""
    top = [entry for entry in found if entry.rank == 10]
    if len(top) < 2:
        return found
    texts = {
        entry.reason.file: project.read(entry.reason.file) for entry in top if entry.reason.file
    }
    called = set()
    for caller, text in texts.items():
        for other in texts:
            name = "make" if other is not None and "akefile" in other else other
            if other != caller and name is not None and entries_scripts.calls(text, name):
                called.add(other)
    if len(called) == len(texts):
        return found
    return [entry for entry in found if entry.rank != 10 or entry.reason.file not in called]


def _with_what_follows(found: list[Entry]) -> list[Entry]:
    """A README that goes on after `make run` (analyse, plot) tells more than the Makefile alone:
    its commands, all in order, stand in for that target."""
    whole = max(
        (entry for entry in found if entry.rank == entries_readme.RANK and len(entry.steps) > 1),
        key=lambda entry: len(entry.steps),
        default=None,
    )
    part = [e for e in found if e.rank == 10 and e.steps[0].argv[-1:] == ("run",)]
    if whole is None or not part or not set(part[0].steps) < set(whole.steps):
        return found
    rest = [entry for entry in found if entry not in (whole, part[0])]
    return [replace(whole, rank=10), *rest]


def _others(found: Sequence[Entry], chosen: Entry) -> tuple[Entry, ...]:
    return tuple(entry for entry in found if entry.steps != chosen.steps)


def _unique(found: Iterable[Entry]) -> tuple[Entry, ...]:
    kept: dict[tuple[Step, ...], Entry] = {}
    for entry in found:
        kept.setdefault(entry.steps, entry)
    return tuple(kept.values())
