"""Lock: pin everything the plan asks for, over the network, inside containers of the pinned base.

Order matters: the base first, then the distribution's packages on it, then the ecosystems, which
may use a container that has both. Project code runs in such a container and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime

from reprokit import folders, lock_file
from reprokit.errors import InputUnavailable, NoAnswer, NoBase
from reprokit.model import (
    JSON,
    DateChoice,
    Lock,
    LockedBase,
    LockedEcosystem,
    LockedPackage,
    Plan,
    SystemPackage,
)
from reprokit.phases import own_images
from reprokit.phases.plan import inputs_digest
from reprokit.phases.resolver import LazyCatalogue, LockResolver
from reprokit.powers import Powers
from reprokit.progress import Reporter
from reprokit.project import Project
from reprokit.resolving import Catalogue, NeedsSystemPackages
from reprokit.system_install import BUILD_FOLDER, FOLDER
from reprokit.version import __version__


def lock(plan: Plan, project: Project, powers: Powers, today: str) -> Lock:
    """Pin the plan. Raises InputUnavailable naming what cannot be had and who asked for it."""
    if plan.dockerfile is not None:
        text = project.read(plan.dockerfile)
        return own_images.lock(plan, text, powers.engine, powers.reporter, today)
    date = plan.date or DateChoice(day=today, source="today")
    base = _lock_base(plan, powers)
    platform = powers.engine.platform()
    made = Lock(
        schema=lock_file.SCHEMA,
        reprokit=__version__,
        platform=platform,
        inputs=inputs_digest(plan),
        date=date,
        epoch=epoch_of(date.day),
        base=base,
        system=(),
        build_system=(),
        ecosystems=(),
    )
    with ExitStack() as stack:
        catalogue = LazyCatalogue(stack, base, powers)
        wanted = _system_packages(plan, base, catalogue, powers)
        locked: list[LockedEcosystem] = []
        while True:
            system, build_system = _resolve_system(wanted, catalogue, powers.reporter)
            made = replace(made, system=system, build_system=build_system)
            resolver = LockResolver(
                project=project, lock=made, powers=powers, catalogue=catalogue, system=wanted
            )
            try:
                for detection in plan.detections[len(locked) :]:
                    powers.reporter.message(f"resolving {detection.ecosystem} packages")
                    ecosystem = powers.ecosystems[detection.ecosystem]
                    locked.append(ecosystem.resolve(detection, resolver))
            except NeedsSystemPackages as more:
                wanted = _with_more(wanted, more)
                continue
            return replace(made, ecosystems=tuple(locked))


def _with_more(
    wanted: tuple[SystemPackage, ...], more: NeedsSystemPackages
) -> tuple[SystemPackage, ...]:
    """The system packages with those that an ecosystem asks for as well."""
    together = _each_once((*wanted, *more.packages))
    if together == wanted:
        raise InputUnavailable(f"the system packages {more} are installed and still asked for")
    return together


def epoch_of(day: str) -> int:
    """Midnight UTC of a day, in seconds: the SOURCE_DATE_EPOCH of builds as of that day."""
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


def _lock_base(plan: Plan, powers: Powers) -> LockedBase:
    refused: list[InputUnavailable] = []
    silent: set[str] = set()
    for candidate in plan.bases:
        if candidate.family in silent:
            continue
        family = powers.families[candidate.family]
        powers.reporter.message(f"base {candidate.name}")
        try:
            locked = family.lock(
                candidate, powers.engine, powers.site, folders.archives(), powers.reporter
            )
        except InputUnavailable as error:
            refused.append(error)
            powers.reporter.message(error.what)
            if isinstance(error, NoAnswer):
                silent.add(candidate.family)
            continue
        # Ecosystems ask the locked base which versions its distribution can add.
        offers: dict[str, JSON] = {name: [*found] for name, found in candidate.offers.items()}
        return replace(locked, settings={**locked.settings, "offers": offers})
    hints = dict.fromkeys(error.next for error in refused if error.next is not None)
    raise NoBase(
        "no base image can be had: " + "; ".join(error.what for error in refused),
        next="; ".join(hints) or "`reprokit doctor` tells what this machine reaches",
    )


def _system_packages(
    plan: Plan, base: LockedBase, catalogue: Catalogue, powers: Powers
) -> tuple[SystemPackage, ...]:
    """What the project and its ecosystems ask for."""
    wanted = list(plan.system_packages)
    for detection in plan.detections:
        ecosystem = powers.ecosystems[detection.ecosystem]
        wanted += ecosystem.system_packages(detection, base, catalogue)
    return _each_once(wanted)


def _each_once(wanted: Iterable[SystemPackage]) -> tuple[SystemPackage, ...]:
    """Each name once, sorted; "run" wins over "build"."""
    by_name: dict[str, SystemPackage] = {}
    for package in wanted:
        known = by_name.get(package.name)
        if known is None or (known.stage == "build" and package.stage == "run"):
            by_name[package.name] = package
    return tuple(by_name[name] for name in sorted(by_name))


def _resolve_system(
    wanted: tuple[SystemPackage, ...], catalogue: LazyCatalogue, reporter: Reporter
) -> tuple[tuple[LockedPackage, ...], tuple[LockedPackage, ...]]:
    """Pin what the final image gets, then what build stages get on top of it."""
    if not wanted:
        return (), ()
    reporter.message(f"resolving {len(wanted)} system packages")
    reasons = {package.name: package.reason for package in wanted}
    names = [package.name for package in wanted if package.stage == "run"]
    tools = [package.name for package in wanted if package.stage == "build"]
    apt = catalogue.apt()
    system = apt.resolve(names, reasons=reasons, folder=FOLDER)
    return system, apt.resolve(tools, reasons=reasons, after=system, folder=BUILD_FOLDER)
