"""The verb `clean`: old runs, images without a run, containers left over, build contexts.

Only run folders directly below a project's real `.reprokit/runs` are removed, never through a
link; results that were delivered to the project stay. While any run goes on, containers and
images are left alone: they may be that run's.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from reprokit import folders, identity
from reprokit.engines.protocol import LABEL, PURPOSE, Engine
from reprokit.errors import BadRequest, NoEngine, ReprokitError
from reprokit.frozen import frozen
from reprokit.history import run_folder, wording
from reprokit.history.index import Entry, Index
from reprokit.model import JSON, Image

_CONTEXT = re.compile(r"[0-9a-f]{16}")


@frozen
class Removed:
    """Something that was, or would be, removed: "run", "context", "image" or "container".

    `name` is a run's id, a path, an image's name or a container's id; `bytes` its size.
    """

    kind: str
    name: str
    bytes: int = 0
    extra: str = ""


@frozen
class Cleaned:
    """What `clean` did, or would do. `failed` holds what could not be removed, and why."""

    dry_run: bool
    removed: tuple[Removed, ...]
    forgotten: tuple[str, ...]
    skipped: tuple[str, ...]
    failed: tuple[tuple[str, str], ...]

    @property
    def bytes(self) -> int:
        return sum(item.bytes for item in self.removed)

    def of(self, kind: str) -> tuple[Removed, ...]:
        return tuple(item for item in self.removed if item.kind == kind)

    def json(self) -> JSON:
        return {
            "schema": 1,
            "dry_run": self.dry_run,
            "bytes": self.bytes,
            "runs": [{"run": r.name, "project": r.extra, "bytes": r.bytes} for r in self.of("run")],
            "contexts": [{"path": r.name, "bytes": r.bytes} for r in self.of("context")],
            "images": [
                {"reference": r.name, "config_digest": r.extra, "bytes": r.bytes}
                for r in self.of("image")
            ],
            "containers": [r.name for r in self.of("container")],
            "forgotten": [*self.forgotten],
            "skipped": [*self.skipped],
            "failed": [{"what": what, "why": why} for what, why in self.failed],
        }

    def text(self) -> str:
        verb = "Would remove" if self.dry_run else "Removed"
        lines = [_summary(verb, kind, self.of(kind)) for kind in _KINDS if self.of(kind)]
        if self.forgotten:
            count = wording.counted(len(self.forgotten), "run")
            took = "Would take" if self.dry_run else "Took"
            lines.append(f"{took} {count} off the list: the folder is gone")
        lines += [f"Left alone: {wording.printable(text)}" for text in self.skipped]
        lines += [
            f"Not removed: {wording.printable(f'{what}: {why}')}" for what, why in self.failed
        ]
        if not self.removed:
            return "\n".join(["Nothing to remove.", *lines])
        total = "would be freed" if self.dry_run else "freed"
        note = " (images may share layers)" if self.of("image") else ""
        return "\n".join([*lines, f"{wording.size(self.bytes)} {total}{note}"])


_KINDS = {"run": "run", "context": "build context", "image": "image", "container": "container"}


def _summary(verb: str, kind: str, items: tuple[Removed, ...]) -> str:
    names = ", ".join(wording.shortened(item.name, 60) for item in items[:3])
    more = "" if len(items) <= 3 else f" and {len(items) - 3} more"
    size = "" if kind == "container" else f", {wording.size(sum(item.bytes for item in items))}"
    return f"{verb} {wording.counted(len(items), _KINDS[kind])}{size}: {names}{more}"


@dataclass(slots=True)
class _Sweep:
    """One cleaning in progress."""

    dry_run: bool
    removed: list[Removed] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)

    def take(self, item: Removed, remove: Callable[[], None]) -> bool:
        """Remove one thing, or note why that failed."""
        try:
            if not self.dry_run:
                remove()
        except (OSError, ReprokitError) as error:
            self.failed.append((item.name, str(error)))
            return False
        self.removed.append(item)
        return True


def clean(
    *,
    older_than_days: float | None = None,
    keep_last: int | None = None,
    images: bool = True,
    dry_run: bool = False,
    project: Path | None = None,
    engine: Engine | None = None,
    index: Index | None = None,
    now: datetime | None = None,
) -> Cleaned:
    """Remove what is no longer needed.

    A run goes when it is older than `older_than_days` and not among the last `keep_last` of its
    project; with neither given, no run goes. Build contexts go when unused for as many days.
    project: only that project's runs. engine: `None` uses the one that answers, if any.
    Raises BadRequest for negative numbers.
    """
    if (older_than_days or 0) < 0 or (keep_last or 0) < 0:
        raise BadRequest("a number of days or runs to keep cannot be negative")
    known, moment, sweep = index or Index(), now or datetime.now(UTC), _Sweep(dry_run)
    limit = moment if older_than_days is None else _before(moment, older_than_days)
    entries = known.list()
    gone = _sweep_runs(
        sweep,
        _projects(known, entries, project),
        entries,
        limit if (older_than_days, keep_last) != (None, None) else None,
        keep_last or 0,
    )
    forgotten = tuple(e for e in entries if e not in gone and _is_gone(e, project))
    remaining = [e for e in entries if e not in gone and e not in forgotten]
    if not dry_run:
        known.remove([*gone, *forgotten])
    _sweep_contexts(sweep, limit)
    used = {digest for entry in remaining for digest in (entry.image, entry.base)}
    # Engines are shared: an image that this user never ran may be somebody's only copy.
    _sweep_engine(sweep, engine, remaining, known.images() - used if images else None)
    return Cleaned(
        dry_run=dry_run,
        removed=tuple(sweep.removed),
        forgotten=tuple(entry.id for entry in forgotten),
        skipped=tuple(sweep.skipped),
        failed=tuple(sweep.failed),
    )


def _before(moment: datetime, days: float) -> datetime:
    try:
        return moment - timedelta(days=days)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def _projects(index: Index, entries: tuple[Entry, ...], project: Path | None) -> list[Path]:
    if project is not None:
        return [project.resolve()]
    return sorted({*index.projects(), *(Path(entry.project) for entry in entries)})


def _sweep_runs(
    sweep: _Sweep,
    projects: list[Path],
    entries: tuple[Entry, ...],
    limit: datetime | None,
    keep_last: int,
) -> set[Entry]:
    """Remove run folders; returns the entries of those that went. `limit` `None` keeps all."""
    by_place = {(entry.project, entry.id): entry for entry in entries}
    gone: set[Entry] = set()
    for project in projects if limit is not None else []:
        found = run_folder.existing(project)
        for folder in found[: len(found) - keep_last] if keep_last else found:
            entry = by_place.get((str(project), folder.id))
            is_running = entry is not None and entry.status == "running"
            if is_running or not _is_older(folder, limit):
                continue
            item = Removed(kind="run", name=folder.id, bytes=_size(folder.path), extra=str(project))
            went = sweep.take(item, partial(_remove_tree, folder.path))
            if went and entry is not None:
                gone.add(entry)
    return gone


def _is_older(folder: run_folder.RunFolder, limit: datetime | None) -> bool:
    try:
        started = datetime.fromisoformat(run_folder.started(folder.id))
    except ValueError:
        return False  # the pattern of an id allows the 99th of a month; such a folder is not ours
    return limit is not None and started < limit


def _is_gone(entry: Entry, project: Path | None) -> bool:
    """The project is there, its run is not. A missing project may be on a drive not mounted."""
    if project is not None and str(project.resolve()) != entry.project:
        return False
    return Path(entry.project).is_dir() and not entry.folder.path.exists()


def _size(folder: Path) -> int:
    """Bytes of the regular files in a folder; links are not followed."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(parent) / name).lstat().st_size
            except OSError:
                continue
    return total


def _remove_tree(folder: Path) -> None:
    """Remove a folder and what is in it; links are removed, never followed.

    Programs may leave folders that their owner cannot write: those are opened first.
    """
    for parent, names, _ in os.walk(folder):
        for name in names:
            child = Path(parent) / name
            if not child.is_symlink():
                child.chmod(child.stat().st_mode | 0o700)
    shutil.rmtree(folder)


def _sweep_contexts(sweep: _Sweep, limit: datetime) -> None:
    root = folders.contexts()
    if not root.is_dir():
        return
    for folder in sorted(root.iterdir()):
        if not _CONTEXT.fullmatch(folder.name) or not run_folder.is_real_folder(folder):
            continue
        with _alone(folder) as alone:
            if not alone:
                sweep.skipped.append(f"{folder}: a build is using it")
            elif _last_use(folder) < limit:
                item = Removed(kind="context", name=str(folder), bytes=_size(folder))
                sweep.take(item, partial(_remove_context, folder))


def _remove_context(folder: Path) -> None:
    # First the note of what lies there, so that no later build trusts it. The lock file stays:
    # a build may be waiting for it.
    folder.with_name(f"{folder.name}.placed").unlink(missing_ok=True)
    _remove_tree(folder)


def _last_use(folder: Path) -> datetime:
    """A build opens the lock beside the context for writing, which sets its time."""
    lock = folder.with_name(f"{folder.name}.lock")
    path = lock if lock.exists() else folder
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Whether no build uses the context; holds the build's own lock meanwhile."""
    lock = folder.with_name(f"{folder.name}.lock")
    if os.name != "posix" or not lock.exists():
        yield True
        return
    import fcntl

    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def _sweep_engine(
    sweep: _Sweep, engine: Engine | None, remaining: list[Entry], unused: Set[str] | None
) -> None:
    alive = [entry.id for entry in remaining if entry.status == "running"]
    if alive:
        sweep.skipped.append(f"containers and images: run {alive[0]} is still going on")
        return
    try:
        with _connected(engine) as connected:
            _sweep_containers(sweep, connected)
            if unused is not None:
                _sweep_images(sweep, connected, unused)
    except NoEngine as error:
        sweep.skipped.append(f"containers and images: {error.what}")


@contextmanager
def _connected(engine: Engine | None) -> Iterator[Engine]:
    if engine is not None:
        yield engine
        return
    from reprokit.engines.connect import connect

    with connect() as found:
        yield found


def _sweep_containers(sweep: _Sweep, engine: Engine) -> None:
    for identifier in engine.leftovers(abandoned=True):
        item = Removed(kind="container", name=identifier)
        sweep.take(item, partial(engine.remove_container, identifier))


def _sweep_images(sweep: _Sweep, engine: Engine, unused: Set[str]) -> None:
    toolboxes = {image.config_digest for image in engine.images(label=f"{PURPOSE}=toolbox")}
    for image in engine.images(label=f"{LABEL}=reprokit"):
        if image.config_digest in unused | toolboxes or _is_raw(image):
            name = image.reference or image.config_digest
            item = Removed(kind="image", name=name, bytes=image.size, extra=image.config_digest)
            sweep.take(item, partial(engine.remove_image, name))


def _is_raw(image: Image) -> bool:
    """Whether this is what a canonical image was made from: kept by Podman for its next build."""
    unnamed = image.reference.removeprefix("sha256:") == image.config_digest.removeprefix("sha256:")
    return unnamed and identity.LABEL not in image.labels
