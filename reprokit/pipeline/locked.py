"""`plan` and `lock`: say what would be built, and pin it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from reprokit import lock_file
from reprokit.engines.connect import connect
from reprokit.engines.protocol import Engine
from reprokit.errors import BadRequest, NoEngine
from reprokit.frozen import frozen
from reprokit.model import JSON, Lock, Plan
from reprokit.phases.plan import why_stale
from reprokit.phases.plan_report import PlanReport
from reprokit.phases.render import render
from reprokit.pipeline.job import (
    Job,
    Stopwatch,
    Wishes,
    ensure_lock,
    is_current,
    powers_for,
    prepare,
)
from reprokit.progress import Reporter


@frozen
class LockResult:
    """A lock and where it lies. `current` says whether it pins what the project asks for now."""

    lock: Lock
    path: Path
    current: bool
    written: bool
    failure: BadRequest | None = None

    def json(self) -> JSON:
        return {
            "schema": 1,
            "lock": lock_file.NAME,
            "sha256": lock_file.digest(self.lock),
            "current": self.current,
            "written": self.written,
            "date": {"day": self.lock.date.day, "source": self.lock.date.source},
            "base": self.lock.base.reference,
            "packages": len(_packages(self.lock)),
        }

    def text(self) -> str:
        state = "written" if self.written else "current" if self.current else "stale"
        counts = ", ".join(
            f"{len(e.packages)} {e.ecosystem}" for e in self.lock.ecosystems if e.packages
        )
        lines = [
            f"{lock_file.NAME} is {state}: packages as of {self.lock.date.day} "
            f"({self.lock.date.source})",
            f"  base    {self.lock.base.reference}",
            f"  system  {len(self.lock.system)} packages"
            + (f", {len(self.lock.build_system)} for building" if self.lock.build_system else ""),
        ]
        if counts:
            lines.append(f"  project {counts} packages")
        lines += [f"  not dated: {text}" for text in lock_file.undated(self.lock)]
        return "\n".join(lines)


def _packages(lock: Lock) -> list[str]:
    return [p.name for p in (*lock.system, *(q for e in lock.ecosystems for q in e.packages))]


def plan(path: Path, wishes: Wishes) -> PlanReport:
    """Plan only; with a current lock the Dockerfile is shown as well."""
    job = prepare(path, wishes)
    return PlanReport(plan=job.plan, dockerfile=_dockerfile(job))


def _dockerfile(job: Job) -> str | None:
    if job.lock is None or not is_current(job.lock, job.plan, None):
        return None
    return render(job.plan, job.lock, job.ecosystems).dockerfile


def lock(
    path: Path, wishes: Wishes, reporter: Reporter, *, check: bool = False, upgrade: bool = False
) -> LockResult:
    """Write repro.lock, or only check it. One that is current needs no engine, and a new one none
    where a registry's word suffices (`reprokit.engines.absent`)."""
    job = prepare(path, wishes, upgrade=upgrade or wishes.date is not None)
    place = job.project.root / lock_file.NAME
    if check:
        return _checked(job, place)
    watch = Stopwatch(reporter)
    again = upgrade or _moved_date(job.plan, lock_file.read(job.project.root))
    before = job.lock
    with ExitStack() as stack:
        try:
            engine: Engine = stack.enter_context(connect(wishes.engine))
        except NoEngine as error:
            if before is not None and not again and is_current(before, job.plan, None):
                return LockResult(lock=before, path=place, current=True, written=False)
            from reprokit.engines.absent import absent

            engine = absent(error)
        made = ensure_lock(job, powers_for(engine, reporter), watch, again=again)
    return LockResult(lock=made, path=place, current=True, written=made is not before)


def _moved_date(plan: Plan, present: Lock | None) -> bool:
    """Whether the user gave a date that is not the lock's."""
    if plan.date is None or present is None or plan.date.source not in ("given", "configuration"):
        return False
    return plan.date.day != present.date.day


def _checked(job: Job, place: Path) -> LockResult:
    present = lock_file.read(job.project.root)
    if present is None:
        raise BadRequest(f"there is no {lock_file.NAME}", next="`reprokit lock` writes it")
    why = why_stale(job.plan, present)
    stale = BadRequest(
        f"is stale: {why}", where=lock_file.NAME, next="`reprokit lock` writes it anew"
    )
    return LockResult(
        lock=present,
        path=place,
        current=why is None,
        written=False,
        failure=None if why is None else stale,
    )
