"""The whole way, phase after phase: what `run`, `plan`, `lock` and `export` do.

No phase calls the next; this module does. It is also where a run gets its folder, its record and
its place in the index, whatever happens on the way.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit import configuration as configurations
from reprokit import folders, lock_file, registry, site
from reprokit.configuration_keys import day as valid_day
from reprokit.configuration_keys import size as valid_size
from reprokit.ecosystems.protocol import Ecosystem
from reprokit.engines.protocol import Engine
from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.identity import POLICY
from reprokit.model import JSON, BuildContext, GeneratedFile, Image, Lock, Plan, Step
from reprokit.notebook_runs import code as notebook_code
from reprokit.phases import build as building
from reprokit.phases import entries, plan_bases
from reprokit.phases import plan as planning
from reprokit.phases.entries_scripts import notebook_step
from reprokit.phases.mounting import place_of
from reprokit.phases.render import render
from reprokit.pipeline.dating import commit_day
from reprokit.powers import Powers
from reprokit.progress import Reporter
from reprokit.project import Project
from reprokit.store import Store
from reprokit.unpacking import limits_for

if TYPE_CHECKING:
    from reprokit.diagnosing.mend import Mend

_OWN_FILES = ("repro.toml", "repro.lock")
_DECLARATIONS = (
    *_OWN_FILES, "pyproject.toml", "requirements.txt", "environment.yml", "environment.yaml",
    "Pipfile", "setup.py", "setup.cfg", "DESCRIPTION", "renv.lock",
)  # fmt: skip
"""What tells a notebook's project from the folder that it merely lies in."""


@frozen
class Wishes:
    """What a command line can say on top of the project's own configuration.

    `parameters` are a notebook's, by name or as "name=value"; `write_back`: its outputs are put
    into the notebook itself. `unsaved`: what to warn of where it is not run as its kernel has it
    (`reprokit.notebook_runs.unsaved`); `None`: look, if this is that kernel.
    """

    command: tuple[str, ...] | None = None
    date: str | None = None
    base: str | None = None
    engine: str | None = None
    network: bool = False
    memory: str | None = None
    timeout: float | None = None
    parameters: Mapping[str, JSON] | Sequence[str] = ()
    write_back: bool = False
    unsaved: Sequence[str] | None = None


@frozen
class Job:
    """A project with its configuration and plan, and the plugins that made it.

    `given` says that the command comes from the command line and not from the project.
    """

    project: Project
    configuration: configurations.Configuration
    plan: Plan
    ecosystems: Mapping[str, Ecosystem]
    lock: Lock | None
    given: bool


@dataclass(slots=True)
class Stopwatch:
    """Tells the reporter which phase it is, and remembers how long each took."""

    reporter: Reporter
    expected: Mapping[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    current: str = "plan"

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        if name != self.current:  # else it goes on
            self.reporter.phase(name, self.expected.get(name))
        self.current = name
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0) + time.monotonic() - started


def prepare(
    path: Path,
    wishes: Wishes,
    *,
    upgrade: bool = False,
    lenient: bool = False,
    loose: bool = False,
    later: bool = False,
    mends: Sequence[Mend] = (),
) -> Job:
    """Detect and plan. `path` is a project folder or one of its notebooks.

    With `upgrade` the present lock does not decide the date. lenient, loose, later: see `Project`.
    mends: on top of the project's configuration.
    """
    root, notebook = _root_and_notebook(path)
    project = Project(root, lenient, loose, later)
    configuration = _wished(configurations.load(root), wishes)
    if mends:
        from reprokit.diagnosing.mend import mended

        configuration = mended(configuration, mends)
    present = None if upgrade else lock_file.read(root)
    given = _given(wishes, notebook)
    ecosystems = registry.ecosystems()
    plan = planning.plan(
        project,
        ecosystems,
        registry.families(),
        configuration,
        commit_day=commit_day(project),
        locked_day=present.date.day if present else None,
        given=given,
    )
    return Job(
        project=project,
        configuration=configuration,
        plan=plan,
        ecosystems={e.name: e for e in ecosystems},
        lock=present,
        given=plan.entry is not None and plan.entry.reason.text == entries.GIVEN,
    )


def folder_of(path: Path) -> Path:
    """The project folder that `path` names: itself, or that of a notebook.

    A notebook's is the nearest folder around it that has reprokit's files, or, inside a git
    repository, any declaration; else the notebook's own.
    """
    if path.is_dir():
        return path
    own = path.parent.resolve()
    around = (own, *own.parents)
    configured = (f for f in around if any((f / name).is_file() for name in _OWN_FILES))
    top = next((f for f in around if (f / ".git").exists()), own)
    inside = around[: around.index(top) + 1]
    declared = (f for f in inside if any((f / name).is_file() for name in _DECLARATIONS))
    return next(declared, None) or next(configured, own)


def _root_and_notebook(path: Path) -> tuple[Path, str | None]:
    try:
        place = path.resolve(strict=True)
    except OSError as error:
        raise BadRequest(f"there is no {path}", next=_meant(path)) from error
    if place.is_dir():
        return place, None
    if place.suffix == ".ipynb":
        root = folder_of(place)
        return root, place.relative_to(root).as_posix()
    raise BadRequest(
        f"{path} is neither a folder nor a notebook",
        next=f"name the project's folder: `reprokit run {path.parent} -- COMMAND`",
    )


def _meant(path: Path) -> str:
    """What to name instead of something that is not there."""
    import difflib

    there = [found.name for found in path.parent.glob("*.ipynb")]
    near = difflib.get_close_matches(path.name, there, 1)
    if near and path.suffix:
        return f"is {path.with_name(near[0])} meant?"
    return "name a project folder or a notebook"


def _wished(
    configuration: configurations.Configuration, wishes: Wishes
) -> configurations.Configuration:
    options = configuration.options
    try:
        if wishes.network:
            options = replace(options, network=True)
        if wishes.memory is not None:
            options = replace(options, memory=valid_size(wishes.memory))
        if wishes.timeout is not None:
            options = replace(options, timeout=wishes.timeout)
    except ValueError as error:
        raise BadRequest(f"--memory {error}", next="see `reprokit run --help`") from error
    return replace(configuration, options=options)


def _given(wishes: Wishes, notebook: str | None) -> planning.Given:
    """What the command line decides. A notebook that was named is what runs."""
    if wishes.command is not None:
        if not wishes.command:
            raise BadRequest("nothing stands after `--`", next="`reprokit run -- COMMAND`")
        steps: tuple[Step, ...] = (Step(argv=wishes.command),)
    else:
        steps = () if notebook is None else (notebook_step(notebook),)
    try:
        date = None if wishes.date is None else valid_day(wishes.date)
    except ValueError as error:
        raise BadRequest(f"--date {error}", next="write it as YYYY-MM-DD") from error
    return planning.Given(steps=steps, date=date, base=wishes.base)


def ensure_lock(job: Job, powers: Powers, watch: Stopwatch, *, again: bool) -> Lock:
    """The present lock if it is current, else a new one, written beside the project's files. A
    lock that is merely stale keeps its base where that still suits; `again` decides anew."""
    found = current_lock(job, powers, watch, again=again)
    if found is not job.lock:
        lock_file.write(found, job.project.root)
    return found


def current_lock(job: Job, powers: Powers, watch: Stopwatch, *, again: bool) -> Lock:
    """As `ensure_lock`, writing nothing."""
    if job.lock is not None and not again and is_current(job.lock, job.plan, powers.engine):
        return job.lock
    # Imported where it is needed: a warm run locks and fetches nothing.
    from reprokit.phases import lock as locking

    plan = job.plan
    if job.lock is not None and not again:
        plan = plan_bases.keeping(plan, job.lock.base)
    with watch.phase("lock"):
        today = datetime.now(UTC).date().isoformat()
        return locking.lock(plan, job.project, powers.with_whole_site(), today)


def is_current(lock: Lock, plan: Plan, engine: Engine | None) -> bool:
    """Whether the lock pins what the plan asks for, on this platform."""
    if engine is not None and lock.platform != engine.platform():
        return False
    return planning.why_stale(plan, lock) is None


def ensure_image(
    job: Job,
    lock: Lock,
    prepared: building.Prepared,
    powers: Powers,
    watch: Stopwatch,
    *,
    no_cache: bool,
) -> Image:
    """The image of this build key in its canonical form: the one the engine has, or a new one.

    The engine's is taken only if it is one that reprokit made for this key: a name can be given to
    any image, and whoever runs it would not see that it is another one.
    """
    from reprokit.history.index import Index

    index, build = Index(), f"{POLICY} {prepared.key}"
    image = None if no_cache else powers.engine.image(prepared.tag)
    if image is not None:
        made = index.built(build)
        if image.config_digest in made:
            return image
        if made:
            powers.reporter.warning(
                f"the image {prepared.tag} is not the one that was built: another one has its name "
                f"now ({image.config_digest}), so it is built again"
            )
    from reprokit.phases.canonicalise import canonical_image

    image = built(job, lock, prepared, powers, watch, no_cache=no_cache)
    with watch.phase("build"):
        image = canonical_image(image, lock, powers.engine, powers.reporter)
    index.remember_built(build, image.config_digest)
    return image


def built(
    job: Job,
    lock: Lock,
    prepared: building.Prepared,
    powers: Powers,
    watch: Stopwatch,
    *,
    no_cache: bool,
) -> Image:
    """Fetch what the lock names and build, whatever the engine has."""
    from reprokit.phases.fetch import fetch, using
    from reprokit.phases.make import make

    powers = powers.with_whole_site()
    # As the plan says, which the user was asked about; a lock may say otherwise.
    own = job.plan.dockerfile is not None

    def work() -> Image:
        with watch.phase("build"):
            return building.build(
                prepared,
                job.project.root,
                powers.engine,
                powers.store,
                powers.reporter,
                epoch=lock.epoch,
                no_cache=no_cache,
                network=own,
                unpacked=unpacked_data(job, prepared, powers.reporter),
            )

    wanted = prepared.context.artifacts

    def bring() -> None:
        make(wanted, job.project, lock, powers)
        fetch(wanted, powers.store, powers.site, powers.reporter)

    with watch.phase("fetch"):
        if not own:
            powers.family(lock.base).provide(
                lock.base, powers.engine, powers.site, folders.archives(), powers.reporter
            )
        bring()
    return using(bring, powers.reporter, work)


def unpacked_data(job: Job, prepared: building.Prepared, reporter: Reporter) -> dict[str, Path]:
    """Unpack what the image is to hold of compressed data; where each is, by context path."""
    limits = limits_for(job.configuration.data_unpack_limit)
    store = folders.store() / "unpacked"
    return {
        path: place_of(mount, job.project.root, prepared.digests, store, reporter, limits)
        for path, mount in prepared.context.unpacked
    }


def prepare_build(job: Job, lock: Lock, digests: Mapping[str, str]) -> building.Prepared:
    """Render the lock, and name the image that will come of it."""
    if job.plan.dockerfile is not None:
        from reprokit.phases import own_images

        own = own_images.context(job.plan, lock, job.project.read(job.plan.dockerfile))
        return building.prepare(own, digests, job.project.root, job.plan.name, lock.epoch)
    # A command given for one run does not change the image.
    plan = replace(job.plan, entry=None) if job.given else job.plan
    context = with_plain_notebooks(render(plan, lock, job.ecosystems), job)
    return building.prepare(context, digests, job.project.root, job.plan.name, lock.epoch)


def without_notebooks(job: Job) -> Job:
    """The job of a cell: Jupyter saves a notebook again and again, and each time the image that
    holds it would be another one. A Dockerfile of the project's own may name them."""
    if job.plan.dockerfile is not None:
        return job
    code = tuple(path for path in job.plan.code if not path.endswith(".ipynb"))
    return replace(job, plan=replace(job.plan, code=code, notebooks=()))


def with_plain_notebooks(context: BuildContext, job: Job) -> BuildContext:
    """A context whose notebooks hold no outputs of earlier runs, where the plan says so."""
    texts = notebook_code.plain_texts(job.project, job.plan.notebooks)
    rewritten = tuple(
        GeneratedFile(
            path=path,
            content=texts[source],
            executable=bool(job.project.path(source).stat().st_mode & 0o100),
        )
        for path, source in context.code
        if source in texts
    )
    code = tuple(pair for pair in context.code if pair[1] not in texts)
    return replace(context, code=code, rewritten=rewritten)


def powers_for(engine: Engine, reporter: Reporter) -> Powers:
    """Everything that the phases which touch the world work with."""
    return Powers(
        engine=engine,
        site=site.load(),
        store=Store(folders.store()),
        reporter=reporter,
        ecosystems={e.name: e for e in registry.ecosystems()},
        families={f.name: f for f in registry.families()},
    )
