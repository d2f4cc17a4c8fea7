"""Which entry a run starts: the one wished for, the one inferred, or the choices."""

from __future__ import annotations

from dataclasses import replace

from reprokit.errors import BadRequest
from reprokit.model import Entry, Note, Plan, Reason
from reprokit.notebook_runs import fit, unsaved
from reprokit.notebook_runs.stored import Stored, check_writable, stored
from reprokit.pipeline.job import Job, Wishes
from reprokit.printable import redacted
from reprokit.quoting import printable_command


def wished_entry(job: Job, wishes: Wishes) -> tuple[Entry, tuple[Note, ...], tuple[Stored, ...]]:
    """The entry to run with its parameters, what to say of these, and the notebooks it runs."""
    entry, notes = chosen_entry(job.plan), tuple[Note, ...]()
    if wishes.parameters:
        from reprokit.notebook_runs.parameters import given

        found = given(entry, wishes.parameters, job.project)
        entry, notes = found.entry, found.notes
    books = stored(entry, job.project)
    for book in books:
        fit.refuse_unfit(book)
    if wishes.write_back:
        check_writable(books, with_parameters=bool(wishes.parameters))
    edits = unsaved.told(books, job.project) if wishes.unsaved is None else wishes.unsaved
    return entry, (*notes, *(Note(level="warning", text=text) for text in edits)), books


def chosen_entry(plan: Plan) -> Entry:
    """The entry to run. Raises BadRequest that lists the choices where there is not one."""
    if plan.entry is not None:
        return plan.entry
    if plan.dockerfile is not None:
        return Entry(
            steps=(), reason=Reason(text="the image's own command", file=plan.dockerfile), rank=0
        )
    if not plan.alternatives:
        raise BadRequest(
            "nothing says how to run this project",
            next='give the command: `reprokit run -- COMMAND`, or `command = "…"` in repro.toml',
        )
    choices = "\n".join(
        f"    reprokit run -- {' && '.join(printable_command(s.argv) for s in entry.steps)}"
        f"    ({entry.reason})"
        for entry in plan.alternatives
    )
    raise BadRequest(
        "there are several ways to run this project, and none is better founded",
        next=f"choose one, or write it as `command` or `steps` into repro.toml:\n{choices}",
    )


def unattended_entry(plan: Plan) -> tuple[Entry, tuple[str, ...]]:
    """The entry where nobody can be asked: of several commands that are equally well founded all
    run, one after the other. And what to say of that."""
    if plan.entry is not None or plan.dockerfile is not None or not plan.alternatives:
        return chosen_entry(plan), ()
    first = plan.alternatives[0]
    best = [entry for entry in plan.alternatives if entry.rank == first.rank]
    steps = tuple(dict.fromkeys(step for entry in best for step in entry.steps))
    told = (
        f"nothing says which of {len(steps)} commands makes the results: all of them ran, in "
        "order; `command` or `steps` in repro.toml choose"
    )
    return Entry(steps=steps, reason=replace(first.reason, text=told), rank=first.rank), (told,)


def command_text(entry: Entry) -> str:
    """The entry's steps as people type them, for the list of runs."""
    return redacted(" && ".join(printable_command(step.argv) for step in entry.steps))
