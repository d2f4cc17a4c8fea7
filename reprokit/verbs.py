"""One function a verb, the same for the shell, the notebook and Python.

Each takes plain values, returns an object with `text()` for people and `json()` for programs, and
raises a ReprokitError for what the user can mend. `reprokit.dispatch` calls the one that a command
line names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from reprokit.history.here import here
from reprokit.model import JSON
from reprokit.progress import Reporter, Silent
from reprokit.verbs_published import cite as cite
from reprokit.verbs_published import publish as publish
from reprokit.verbs_published import rerun as rerun
from reprokit.verbs_published import study as study

if TYPE_CHECKING:
    from reprokit.history.status import Status
    from reprokit.initialising.initialise import InitResult
    from reprokit.phases.plan_report import PlanReport
    from reprokit.pipeline.attaching import Stopped
    from reprokit.pipeline.detaching import Detached
    from reprokit.pipeline.exporting import ExportResult
    from reprokit.pipeline.locked import LockResult
    from reprokit.pipeline.running import RunResult
    from reprokit.registry import PluginList
    from reprokit.starting import Created


class Result(Protocol):
    """What every verb returns."""

    def text(self) -> str:
        """For people: a screen at most."""

    def json(self) -> JSON:
        """For programs: one document."""


def run(
    path: str | Path = ".",
    *,
    command: list[str] | None = None,
    date: str | None = None,
    base: str | None = None,
    engine: str | None = None,
    network: bool = False,
    memory: str | None = None,
    timeout: float | None = None,
    no_cache: bool = False,
    results: str | Path | None = None,
    repeat: int = 1,
    parameters: Mapping[str, JSON] | Sequence[str] = (),
    write_back: bool = False,
    reporter: Reporter | None = None,
) -> RunResult:
    """Build a project's environment and run its experiment in it.

    path: a project folder or a notebook. command: instead of what the project says or what was
    inferred. date: "YYYY-MM-DD", for unpinned packages where no lock exists. base: "auto",
    "debian", "official", "ubuntu" or a base's name. engine: "docker", "podman" or an address.
    memory: "4g" or bytes. timeout: seconds. results: a folder instead of PATH/results.
    repeat: run so many times, and record what the results vary by. parameters: of a notebook, as
    values by name or as "name=value". write_back: put the outputs, and which run made them, into
    the notebook itself.
    Returns the result also where the project's command failed: see `RunResult.failure`.
    Raises BadRequest, NoEngine, InputUnavailable, BuildFailed, StorageFailed.
    """
    from reprokit.pipeline import running
    from reprokit.pipeline.job import Wishes

    wishes = Wishes(
        command=None if command is None else tuple(command),
        date=date,
        base=base,
        engine=engine,
        network=network,
        memory=memory,
        timeout=timeout,
        parameters=parameters,
        write_back=write_back,
    )
    return running.run(
        Path(path),
        wishes,
        reporter or Silent(),
        no_cache=no_cache,
        results=None if results is None else Path(results),
        repeat=repeat,
    )


def new(folder: str | Path, *, language: str = "python", notebook: bool = False) -> Created:
    """Write a small study that runs as it is into a new folder: data, code, declared packages.

    language: "python", "r" or "java". notebook: with a notebook to work in; of Python it is the
    experiment, else it only calls reprokit. Raises BadRequest for a folder that holds files, or
    whose name would make trouble elsewhere, StorageFailed. Nothing is written over.
    """
    from reprokit import starting

    return starting.new(Path(folder), language=language, notebook=notebook)


def notebook_template(path: str | Path = ".") -> Created:
    """Write a notebook that runs the project it lies in, compares its runs and cites them.

    path: of the notebook, or a folder that gets one. Raises BadRequest where it exists.
    """
    from reprokit import starting

    return starting.notebook_template(Path(path))


def init(path: str | Path = ".", *, write: bool = False) -> InitResult:
    """Propose requirements.txt and repro.toml from what is installed here and what the code uses.

    path: a project folder or a notebook. write: write what is proposed; else nothing is written.
    In a live kernel its own packages, history and variables are looked at, else the active
    environment. Raises BadRequest for a malformed declaration, and where a file changed meanwhile.
    """
    from reprokit.initialising import initialise
    from reprokit.notebook import kernel

    return initialise.init(Path(path), write=write, kernel=kernel.current())


def detach(
    path: str | Path = ".",
    *,
    command: list[str] | None = None,
    date: str | None = None,
    base: str | None = None,
    engine: str | None = None,
    network: bool = False,
    memory: str | None = None,
    timeout: float | None = None,
    no_cache: bool = False,
    results: str | Path | None = None,
    repeat: int = 1,
    parameters: Mapping[str, JSON] | Sequence[str] = (),
    write_back: bool = False,
    reporter: Reporter | None = None,
) -> Detached:
    """`run --detach`: as `run`, but a process of its own does it, and this returns at once.

    Raises what can be found out at once: BadRequest for the project, its plan and its command,
    NoEngine, StorageFailed. `attach` shows how it goes and how it ends.
    """
    from reprokit.pipeline import detaching
    from reprokit.pipeline.job import Wishes

    wishes = Wishes(
        command=None if command is None else tuple(command),
        date=date,
        base=base,
        engine=engine,
        network=network,
        memory=memory,
        timeout=timeout,
        parameters=parameters,
        write_back=write_back,
    )
    return detaching.detach(
        Path(path),
        wishes,
        reporter or Silent(),
        no_cache=no_cache,
        results=None if results is None else Path(results),
        repeat=repeat,
    )


def attach(run: str = "last", *, reporter: Reporter | None = None) -> RunResult:
    """Show how a run goes, from where it is until it ends; returns what `run` would have returned,
    and raises what it would have raised. Raises Interrupted for Ctrl-C, which leaves the run alone,
    and for a run whose process was killed."""
    from reprokit.pipeline import attaching

    return attaching.attach(run, reporter or Silent(), project=here())


def status(*, all: bool = False) -> Status:
    """What runs now: phase, time, last line; of the project around here unless `all`."""
    from reprokit.history import around
    from reprokit.history import status as going

    return going.status(project=None if all else around.with_runs(Path.cwd()))


def stop(run: str = "last", *, reporter: Reporter | None = None) -> Stopped:
    """Stop a detached run as Ctrl-C stops one, and wait for its end: its container is stopped, log
    and partial results are kept. Nothing happens to a run that has ended. Raises BadRequest for
    one that is not detached, or goes on on another machine."""
    from reprokit.pipeline import attaching

    return attaching.stop(run, reporter or Silent(), project=here())


def plan(path: str | Path = ".", *, date: str | None = None, base: str | None = None) -> PlanReport:
    """What was found, what would be built and run, and why. Touches nothing."""
    from reprokit.pipeline import locked
    from reprokit.pipeline.job import Wishes

    return locked.plan(Path(path), Wishes(date=date, base=base))


def lock(
    path: str | Path = ".",
    *,
    date: str | None = None,
    base: str | None = None,
    engine: str | None = None,
    check: bool = False,
    upgrade: bool = False,
    reporter: Reporter | None = None,
) -> LockResult:
    """Write repro.lock; `check` only says whether it is current, `upgrade` resolves anew."""
    from reprokit.pipeline import locked
    from reprokit.pipeline.job import Wishes

    wishes = Wishes(date=date, base=base, engine=engine)
    return locked.lock(Path(path), wishes, reporter or Silent(), check=check, upgrade=upgrade)


def export(
    directory: str | Path,
    *,
    path: str | Path = ".",
    date: str | None = None,
    base: str | None = None,
    engine: str | None = None,
    reporter: Reporter | None = None,
) -> ExportResult:
    """Write the Dockerfile, everything it reads and a README for plain docker into a folder."""
    from reprokit.pipeline import exporting
    from reprokit.pipeline.job import Wishes

    wishes = Wishes(date=date, base=base, engine=engine)
    return exporting.export(Path(path), Path(directory), wishes, reporter or Silent())


def runs(*, all: bool = False, limit: int = 20) -> Result:
    """The runs so far, newest first; of the project around here unless `all`."""
    from reprokit.history import around, listing

    return listing.runs(limit=limit, project=None if all else around.with_runs(Path.cwd()))


def show(run: str = "last", *, sbom: bool = False) -> Result:
    """One run: results, digests, inputs. RUN is an id, a prefix of one, or "last". With `sbom` the
    bill of materials of its image instead, a CycloneDX document, as `document` in bytes."""
    if sbom:
        from reprokit.pipeline import bill

        return bill.bill(run, project=here())
    from reprokit.history import listing

    return listing.show(run, project=here())


def logs(
    run: str = "last",
    *,
    tail: int | None = None,
    follow: bool = False,
    reporter: Reporter | None = None,
) -> Result:
    """What a run printed; with `tail` only its last lines. With `follow` the reporter is told
    them, and all that comes until the run ends."""
    if follow:
        from reprokit.history import following

        return following.follow_log(run, reporter or Silent(), tail=tail, project=here())
    from reprokit.history import listing

    return listing.logs(run, tail=tail, project=here())


def diff(first: str | None = None, second: str = "last") -> Result:
    """What changed between two runs: code, data, environment, command, results. Without `first`
    it is the run of the same project before `second`."""
    from reprokit.history import difference

    return difference.diff(first, second, project=here())


def verify(
    run: str = "last",
    *,
    rebuild: bool = False,
    key: str | Path | None = None,
    engine: str | None = None,
    reporter: Reporter | None = None,
) -> Result:
    """Whether a run is as its record says; `rebuild` makes its environment again from nothing and
    says whether the environment digest is the same, else which files differ.

    Of an image in a registry ("NAME@sha256:…") it says which runs are attached to it; key: the
    public key (PEM) that must have signed them. Nothing is pulled.
    """
    if "@" in run or ":" in run:
        from reprokit.errors import BadRequest
        from reprokit.publishing import checking

        if rebuild or engine is not None:
            raise BadRequest("--rebuild and --engine are for runs of this machine", where=run)
        return checking.check(run, None if key is None else Path(key), reporter or Silent())
    if key is not None:
        from reprokit.errors import BadRequest

        raise BadRequest("--key is for an image in a registry: NAME@sha256:…", where=run)
    from reprokit.pipeline import verifying

    return verifying.verify(
        run, reporter or Silent(), rebuild=rebuild, engine=engine, project=here()
    )


def clean(
    *,
    older_than: float = 30,
    keep: int = 5,
    dry_run: bool = False,
    reporter: Reporter | None = None,
) -> Result:
    """Remove runs older than some days (never the last `keep`), images without a run, leftovers."""
    from reprokit.history import cleaning

    return cleaning.clean(older_than_days=older_than, keep_last=keep, dry_run=dry_run)


def doctor(*, fix: bool = False, reporter: Reporter | None = None) -> Result:
    """Look at what a run needs here; with `fix` install and start what is missing."""
    from reprokit.engines import doctor as examination

    if fix:
        examination.fix(reporter or Silent())
    return examination.examine()


def plugins() -> PluginList:
    """What is installed, and from where."""
    from reprokit import registry

    return registry.PluginList(registry.plugins())
